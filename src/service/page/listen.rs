//! Connections to the page: so many at once, each with so much of headers and time.

use super::{Door, Page, Visitor, respond};
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Connections at once; further ones wait to be accepted.
pub const MAX_CONNECTIONS: usize = 64;
/// The most bytes of a request's head.
const MAX_HEAD: usize = 16 << 10;
/// The most headers of a request.
const MAX_HEADERS: usize = 64;
/// How long a request's head may take, and a connection do nothing between two.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long a connection may last, whatever it does.
const CONNECTION_TIME: Duration = Duration::from_secs(120);

/// A page and its door.
#[derive(Debug, Clone)]
pub struct Guarded {
    pub page: Arc<Page>,
    pub door: Arc<Door>,
}

/// Listens at the address. Gives back where, which port 0 leaves open, and the work of answering.
pub async fn listen(
    address: SocketAddr,
    guarded: Guarded,
) -> io::Result<(SocketAddr, impl Future<Output = ()> + Send)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((address, accept(listener, guarded)))
}

async fn accept(listener: TcpListener, guarded: Guarded) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let guarded = guarded.clone();
                connections.spawn(async move {
                    // A connection that fails or lasts too long ends; nobody else is concerned.
                    drop(timeout(CONNECTION_TIME, converse(stream, peer, guarded)).await);
                    drop(permit);
                });
            }
            // No file handle left, most likely: it will pass.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(stream: TcpStream, peer: SocketAddr, guarded: Guarded) -> Result<(), hyper::Error> {
    let answer = service_fn(move |request: Request<Incoming>| {
        let guarded = guarded.clone();
        async move { Ok::<Response<Body>, Infallible>(answer(&guarded, peer, &request)) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), answer)
        .await
}

fn answer(guarded: &Guarded, peer: SocketAddr, request: &Request<Incoming>) -> Response<Body> {
    let visitor = Visitor { peer: peer.ip(), uri: request.uri(), headers: request.headers() };
    respond(&guarded.page, &guarded.door, request.method(), &visitor).map(Body::from)
}
