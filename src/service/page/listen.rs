//! The address at which the page answers.

use super::{Door, Page, Visitor, respond};
use crate::service::listener::{self, Bounds};
use axum::body::Body;
use axum::http::{Request, Response};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const BOUNDS: Bounds = Bounds {
    connections: 64,
    head: 16 << 10,
    headers: 64,
    head_time: Duration::from_secs(10),
    connection_time: Duration::from_secs(120),
    reused: true,
};

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
    let answer = move |peer, request| std::future::ready(answer(&guarded, peer, &request));
    listener::listen(address, BOUNDS, answer).await
}

fn answer(guarded: &Guarded, peer: SocketAddr, request: &Request<Body>) -> Response<Body> {
    let visitor = Visitor { peer: peer.ip(), uri: request.uri(), headers: request.headers() };
    respond(&guarded.page, &guarded.door, request.method(), &visitor).map(Body::from)
}
