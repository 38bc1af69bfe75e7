//! The addresses at which the service answers for itself. None of them changes anything or tells a secret.
//!
//! | address | answers |
//! |---|---|
//! | `/healthz` | 200 while the loop comes round, else 503 |
//! | `/readyz` | 200 when every branch had its first run or may still wait for it, else 503 |
//! | `/metrics` | Prometheus' text format |

use super::Health;
use crate::port::Clock;
use crate::telemetry::{Metrics, Process};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;

/// What the answers are made of.
#[derive(Clone)]
pub struct Operations {
    pub health: Arc<Health>,
    pub metrics: Arc<Metrics>,
    pub clock: Arc<dyn Clock>,
    pub process: Arc<Process>,
}

impl fmt::Debug for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operations").field("health", &self.health).finish_non_exhaustive()
    }
}

/// Listens at the address. Gives back where, which port 0 leaves open, and the work of answering.
pub async fn listen(
    address: SocketAddr,
    operations: Operations,
) -> io::Result<(SocketAddr, impl Future<Output = ()> + Send)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let router = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(operations);
    Ok((address, async {
        // axum's accept loop handles its own errors; its result is always Ok.
        drop(axum::serve(listener, router).await);
    }))
}

async fn healthz(State(operations): State<Operations>) -> impl IntoResponse {
    answer(operations.health.alive(operations.clock.now()))
}

async fn readyz(State(operations): State<Operations>) -> impl IntoResponse {
    answer(operations.health.ready(operations.clock.now()))
}

async fn metrics(State(operations): State<Operations>) -> impl IntoResponse {
    let process = Arc::clone(&operations.process);
    // It reads files. A look that failed leaves the numbers of the last one.
    if let Ok(sample) = tokio::task::spawn_blocking(move || process.sample()).await {
        operations.metrics.process(sample);
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], operations.metrics.render())
}

fn answer(state: Result<(), String>) -> (StatusCode, String) {
    match state {
        Ok(()) => (StatusCode::OK, "ok\n".to_owned()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, why + "\n"),
    }
}
