//! Pushes that registries and forges tell of become orders to look. What a payload names is looked at, and nothing else of it is
//! believed; the names are merged before they reach the service, so that a thousand events are as many runs as one.
//!
//! | file | says |
//! |---|---|
//! | `listener` | who is listened to: bounds of connections |
//! | `bodies` | how much of them is read |
//! | `outcome` | what becomes of a request |
//! | `counted` | which receivers and config repositories there are by the settings that count |
//! | `bucket` | how many requests a receiver may send |
//! | `pending` | what was pushed and is not handed on yet |
//! | `telling` | how often the log says so |

mod bodies;
mod bucket;
mod counted;
mod listener;
mod outcome;
mod pending;
mod telling;

use super::{Observer, Order, Target, Trouble};
use crate::config::settings::WebhookKind;
use crate::port::Clock;
use crate::telemetry::{Level, Log, Metrics};
use crate::webhook::{Payload, Pushed, Said, read};
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response};
use bodies::Bodies;
use counted::Counted;
pub use counted::Receiver;
use outcome::Outcome;
use pending::{Pending, Taken};
use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use telling::Telling;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// So many places of the channel to the service stay free for others: an order to stop must never find it full.
const LEFT_FREE: usize = 8;
/// How long to wait until the service has read some of them.
const FULL_PAUSE: Duration = Duration::from_millis(1);
/// The longest name that a sender may have sent back to it.
const MAX_ORIGIN: usize = 253;

/// Listens for webhooks by whatever settings count at the moment.
pub struct Hooks {
    log: Log,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    begun: Instant,
    counted: Mutex<Counted>,
    pending: Pending,
    bodies: Bodies,
    telling: Telling,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").field("pending", &self.pending).finish_non_exhaustive()
    }
}

/// Makes receivers those that count, when the settings that name them do.
#[derive(Debug)]
pub struct Installed {
    pub hooks: Arc<Hooks>,
    pub address: Option<SocketAddr>,
    pub receivers: Vec<Arc<Receiver>>,
}

impl Observer for Installed {
    fn settings_read(&self, targets: &[&Target], refused: Option<&Trouble>, _now: i64) {
        if refused.is_none() {
            let repositories = targets.iter().map(|target| target.repository.clone()).collect();
            self.hooks.install(self.address, &self.receivers, repositories);
        }
    }
}

impl Hooks {
    pub fn new(log: Log, metrics: Arc<Metrics>, clock: Arc<dyn Clock>) -> Hooks {
        Hooks {
            log,
            metrics,
            clock,
            begun: Instant::now(),
            counted: Mutex::default(),
            pending: Pending::default(),
            bodies: Bodies::default(),
            telling: Telling::default(),
        }
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where to listen, by the first settings that counted; `None` is nowhere.
    pub fn address(&self) -> Option<SocketAddr> {
        self.counted().address.flatten()
    }

    fn install(&self, address: Option<SocketAddr>, receivers: &[Arc<Receiver>], repositories: BTreeSet<String>) {
        let mut counted = self.counted();
        if *counted.address.get_or_insert(address) != address {
            let facts = [("listener", "webhooks".into()), ("help", "restart to listen elsewhere".into())];
            self.log.line(Level::Warn, "address-unchanged", &facts);
        }
        for receiver in receivers.iter().filter(|receiver| receiver.open) {
            let help = "anybody may send: see `authentication` in docs/webhooks.md";
            let facts = [("receiver", receiver.name.as_str().into()), ("help", help.into())];
            self.log.line(Level::Warn, "webhook-open", &facts);
        }
        counted.replace(receivers, repositories, self.begun.elapsed());
        self.telling.retain(|name| receivers.iter().any(|receiver| receiver.name == name));
    }

    /// Hands what was pushed to the service, for as long as there is one.
    pub async fn hand_on(&self, orders: mpsc::Sender<Order>) {
        loop {
            let looks = match self.pending.take().await {
                Taken::Looks(looks) => looks,
                Taken::Everything => self.counted().everything(),
            };
            for look in looks {
                while orders.capacity() <= LEFT_FREE && !orders.is_closed() {
                    tokio::time::sleep(FULL_PAUSE).await;
                }
                if orders.send(Order::Look(look)).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Answers one request.
    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let Some(receiver) = self.counted().at(head.uri.path()) else {
            return self.close("", Outcome::Unknown);
        };
        let name = receiver.name.as_str();
        if head.method == Method::OPTIONS && receiver.kind == WebhookKind::Acr {
            return self.introduce(&receiver, &head.headers);
        }
        if head.method != Method::POST {
            return self.close(name, Outcome::Unknown);
        }
        if !receiver.lock.admits(&head.headers) {
            return self.close(name, Outcome::Unauthenticated);
        }
        let body = match self.bodies.read(&head.headers, body).await {
            Ok(body) => body,
            Err(outcome) => return self.close(name, outcome),
        };
        if !receiver.lock.fits(&head.headers, &body.bytes) {
            return self.close(name, Outcome::Unauthenticated);
        }
        // Only senders that may send use up what they may: a stranger cannot keep them out.
        if let Err(seconds) = self.counted().take_one(name, self.begun.elapsed()) {
            let mut answer = self.close(name, Outcome::Limited);
            answer.headers_mut().insert(RETRY_AFTER, seconds.into());
            return answer;
        }
        let (registry, url) = (receiver.registry.as_deref(), receiver.url.as_ref());
        match read(receiver.kind, &Payload { headers: &head.headers, body: &body.bytes, registry, url }) {
            Err(_) => self.close(name, Outcome::Malformed),
            Ok(Said::Challenge(code)) => self.challenged(name, &code),
            Ok(Said::Pushed(pushed)) => self.pushed(&receiver, pushed),
        }
    }

    /// Remembers what is to be looked at.
    fn pushed(&self, receiver: &Receiver, pushed: Vec<Pushed>) -> Response<Body> {
        let looks = self.counted().looks(receiver, pushed);
        if looks.is_empty() {
            return self.close(&receiver.name, Outcome::Ignored);
        }
        if self.pending.add(looks) {
            self.metrics.overflowed();
            let facts = [("names", pending::MAX_PENDING.into()), ("help", "everything is looked at".into())];
            self.log.line(Level::Warn, "webhooks-overflow", &facts);
        }
        self.close(&receiver.name, Outcome::Accepted)
    }

    /// Sends back what the sender wants to see.
    fn challenged(&self, name: &str, code: &str) -> Response<Body> {
        let mut answer = self.close(name, Outcome::Answered);
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // The code is letters, digits and dashes.
        *answer.body_mut() = Body::from(format!("{{\"validationResponse\":\"{code}\"}}"));
        answer
    }

    /// A sender of CloudEvents asks whether it may send.
    fn introduce(&self, receiver: &Receiver, headers: &HeaderMap) -> Response<Body> {
        if !receiver.lock.admits(headers) {
            return self.close(&receiver.name, Outcome::Unauthenticated);
        }
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        let origin = headers.get("webhook-request-origin").filter(|origin| {
            let bytes = origin.as_bytes();
            (1..=MAX_ORIGIN).contains(&bytes.len()) && bytes.iter().all(plain)
        });
        let Some(origin) = origin else {
            return self.close(&receiver.name, Outcome::Malformed);
        };
        let mut answer = self.close(&receiver.name, Outcome::Answered);
        answer.headers_mut().insert("webhook-allowed-origin", origin.clone());
        answer.headers_mut().insert("webhook-allowed-rate", HeaderValue::from_static("*"));
        answer
    }

    /// Counts, tells, and answers without a text.
    fn close(&self, receiver: &str, outcome: Outcome) -> Response<Body> {
        self.metrics.webhook(receiver, outcome.word());
        if let Some(requests) = self.telling.count(receiver, outcome, self.clock.now()) {
            let facts =
                [("receiver", receiver.into()), ("result", outcome.word().into()), ("requests", requests.into())];
            let (level, event) = match outcome.is_refusal() {
                true => (Level::Warn, "webhook-refused"),
                false => (Level::Info, "webhook-taken"),
            };
            self.log.line(level, event, &facts);
        }
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = outcome.status();
        if outcome == Outcome::Busy {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        answer
    }
}

#[cfg(test)]
mod tests;
