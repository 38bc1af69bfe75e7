//! The addresses at which the service answers for itself. None of them changes anything or tells a secret.
//!
//! | address | answers |
//! |---|---|
//! | `/healthz` | 200 while the loop comes round, else 503 |
//! | `/readyz` | 200 when every branch had its first run or may still wait for it, else 503 |
//! | `/metrics` | Prometheus' text format |

use super::Health;
use super::listener::{self, Bounds};
use crate::port::Clock;
use crate::telemetry::{Metrics, Process};
use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use axum::http::{Method, Request, Response, StatusCode};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Probes and scrapers are few; there is room for those that hang.
const BOUNDS: Bounds = Bounds {
    connections: 256,
    head: 16 << 10,
    headers: 64,
    head_time: Duration::from_secs(10),
    connection_time: Duration::from_secs(120),
    reused: true,
};

const TEXT: &str = "text/plain; charset=utf-8";
/// The text format of Prometheus.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

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
    let answer = move |_, request: Request<Body>| {
        let operations = operations.clone();
        async move { operations.answer(request.method(), request.uri().path()).await }
    };
    listener::listen(address, BOUNDS, answer).await
}

impl Operations {
    async fn answer(&self, method: &Method, path: &str) -> Response<Body> {
        let reads = matches!(*method, Method::GET | Method::HEAD);
        match path {
            "/healthz" | "/readyz" | "/metrics" if !reads => {
                let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, TEXT, String::new());
                refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
                refused
            }
            "/healthz" => state(self.health.alive(self.clock.now())),
            "/readyz" => state(self.health.ready(self.clock.now())),
            "/metrics" => text(StatusCode::OK, METRICS, self.numbers().await),
            _ => text(StatusCode::NOT_FOUND, TEXT, String::new()),
        }
    }

    async fn numbers(&self) -> String {
        let process = Arc::clone(&self.process);
        // It reads files. A look that failed leaves the numbers of the last one.
        if let Ok(sample) = tokio::task::spawn_blocking(move || process.sample()).await {
            self.metrics.process(sample);
        }
        self.metrics.render()
    }
}

fn state(state: Result<(), String>) -> Response<Body> {
    match state {
        Ok(()) => text(StatusCode::OK, TEXT, "ok\n".to_owned()),
        Err(why) => text(StatusCode::SERVICE_UNAVAILABLE, TEXT, why + "\n"),
    }
}

fn text(status: StatusCode, kind: &'static str, body: String) -> Response<Body> {
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}
