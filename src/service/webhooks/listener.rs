//! The address at which webhooks are listened for: one request for each connection.

use super::Hooks;
use crate::service::listener::{self, Bounds};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const BOUNDS: Bounds = Bounds {
    connections: 256,
    head: 16 << 10,
    headers: 64,
    head_time: Duration::from_secs(5),
    // Head, body ([`super::bodies`]) and answer.
    connection_time: Duration::from_secs(20),
    reused: false,
};

impl Hooks {
    /// Listens at the address. Gives back where, which port 0 leaves open, and the work of answering.
    pub async fn listen(
        self: Arc<Self>,
        address: SocketAddr,
    ) -> io::Result<(SocketAddr, impl Future<Output = ()> + Send)> {
        let answer = move |_, request| {
            let hooks = Arc::clone(&self);
            async move { hooks.answer(request).await }
        };
        listener::listen(address, BOUNDS, answer).await
    }
}
