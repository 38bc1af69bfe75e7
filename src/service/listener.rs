//! Plain HTTP/1.1 at an address, within bounds: of connections, of a request's head, and of time. Whoever listens says how many and
//! what it answers; bodies are its own matter. TLS is somebody else's.
//!
//! ```text
//! listen(address, BOUNDS, |peer, request| async { Response::new(Body::empty()) })
//! ```

use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// After an error of the machine, such as no more file handles, taking connections pauses.
const AFTER_ERROR: Duration = Duration::from_millis(200);

/// What nobody may exceed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Connections at once; further ones wait to be taken.
    pub(super) connections: usize,
    /// The most bytes of a request's head, and at least 8 KiB; more are answered with 431.
    pub(super) head: usize,
    /// The most headers of a request; more are answered with 431.
    pub(super) headers: usize,
    /// How long a request's head may take, and a connection do nothing between two.
    pub(super) head_time: Duration,
    /// How long a connection may last, whatever it does.
    pub(super) connection_time: Duration,
    /// Whether a connection may bring more than one request.
    pub(super) reused: bool,
}

/// Listens at the address. Gives back where, which port 0 leaves open, and the work of answering.
pub(super) async fn listen<A, F>(
    address: SocketAddr,
    bounds: Bounds,
    answer: A,
) -> io::Result<(SocketAddr, impl Future<Output = ()> + Send + use<A, F>)>
where
    A: Fn(SocketAddr, Request<Body>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((address, take_all(listener, bounds, answer)))
}

async fn take_all<A, F>(listener: TcpListener, bounds: Bounds, answer: A)
where
    A: Fn(SocketAddr, Request<Body>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    // They end with this.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            taken = listener.accept(), if connections.len() < bounds.connections => match taken {
                Ok((stream, peer)) => {
                    let answer = answer.clone();
                    connections.spawn(converse(stream, bounds, move |request| answer(peer, request)));
                }
                Err(_) => tokio::time::sleep(AFTER_ERROR).await,
            },
        }
    }
}

/// One connection, from its first byte to its last. Whatever goes wrong in it is the other side's loss.
async fn converse<A, F>(stream: TcpStream, bounds: Bounds, answer: A)
where
    A: Fn(Request<Body>) -> F,
    F: Future<Output = Response<Body>>,
{
    let answer = service_fn(move |request: Request<Incoming>| {
        let answered = answer(request.map(Body::new));
        async { Ok::<_, Infallible>(answered.await) }
    });
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.head_time)
        .max_headers(bounds.headers)
        .max_header_size(bounds.head)
        .max_buf_size(bounds.head)
        .keep_alive(bounds.reused)
        .serve_connection(TokioIo::new(stream), answer);
    drop(tokio::time::timeout(bounds.connection_time, conversation).await);
}

#[cfg(test)]
mod tests;
