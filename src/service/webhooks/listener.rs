//! The address at which webhooks are listened for: one request for each connection, within bounds of time, size and number.
//! TLS is somebody else's matter.

use super::Hooks;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Connections at once; further ones wait to be taken.
const MAX_CONNECTIONS: usize = 256;
/// How long the head of a request may take.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// How long a connection may take as a whole: head, body ([`super::bodies`]) and answer.
const CONNECTION_TIME: Duration = Duration::from_secs(20);
/// The most headers of a request.
const MAX_HEADERS: usize = 64;
/// The most bytes of a request's head.
const MAX_HEAD: usize = 16 << 10;
/// After an error of the machine, such as no more file handles, taking connections pauses.
const AFTER_ERROR: Duration = Duration::from_millis(200);

impl Hooks {
    /// Listens at the address. Gives back where, which port 0 leaves open, and the work of answering.
    pub async fn listen(
        self: Arc<Self>,
        address: SocketAddr,
    ) -> io::Result<(SocketAddr, impl Future<Output = ()> + Send)> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok((address, take_all(listener, self)))
    }
}

async fn take_all(listener: TcpListener, hooks: Arc<Hooks>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            taken = listener.accept(), if connections.len() < MAX_CONNECTIONS => match taken {
                Ok((stream, _)) => drop(connections.spawn(converse(stream, Arc::clone(&hooks)))),
                Err(_) => tokio::time::sleep(AFTER_ERROR).await,
            },
        }
    }
}

/// One connection, from its first byte to its last. Whatever goes wrong in it is the sender's loss.
async fn converse(stream: TcpStream, hooks: Arc<Hooks>) {
    let answer = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let hooks = Arc::clone(&hooks);
        async move { Ok::<_, Infallible>(hooks.answer(request.map(Body::new)).await) }
    });
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), answer);
    drop(tokio::time::timeout(CONNECTION_TIME, conversation).await);
}
