//! What is kept per host: how many requests were sent, how many may be in flight and how fast, until when it wants to be
//! left alone, whether it is down, and what a person should know of it.

use super::allowance::{self, Pace};
use super::budget::{Budget, Rate};
use super::circuit::{Circuit, Failure};
use super::exchange::{Answer, Error, ErrorKind};
use super::options::{HostOptions, Watcher};
use super::retry::retry_after;
use super::silence::Silence;
use super::tls::Pool;
use crate::port::{Notice, NoticeKind};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use url::{Host as Name, Url};

/// Requests in flight to one host. Measured against nginx on loopback: 1,000 lists take a quarter longer with 4, and the
/// same time with 8, 16 and 32. Beyond that only the other side's patience is used up.
pub const DEFAULT_CONCURRENCY: usize = 16;
/// A host that says that few of its pulls are left is asked for no more of them for this long, unless it says otherwise in
/// another answer before.
const NO_PULLS_FOR: Duration = Duration::from_secs(600);

/// Host and port as a registry name spells them: the port only where it is not the scheme's own.
pub fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Whether the URL's host is this machine: `localhost`, 127.0.0.0/8 or ::1.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Name::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Name::Ipv4(address)) => Ipv4Addr::is_loopback(&address),
        Some(Name::Ipv6(address)) => Ipv6Addr::is_loopback(&address),
        None => false,
    }
}

#[derive(Debug)]
pub(super) struct Host {
    name: String,
    requests: AtomicU64,
    in_flight: usize,
    slots: Semaphore,
    pub(super) budget: Budget,
    pub(super) silence: Silence,
    pub(super) circuit: Circuit,
    /// Few pulls are left, as of then.
    pulls_spent: Mutex<Option<(Instant, String)>>,
    notices: Mutex<Vec<NoticeKind>>,
    watcher: Option<Watcher>,
    /// The host's own connection pool, when it has its own certificates or its own way out.
    pub(super) own_pool: Pool,
}

impl Host {
    pub(super) fn new(url: &Url, own: Option<&HostOptions>, watcher: Option<Watcher>) -> Host {
        let name = authority(url);
        let in_flight = own.and_then(|own| own.concurrency).unwrap_or(DEFAULT_CONCURRENCY);
        // This machine has nobody else to share with.
        let usual = (!is_loopback(url)).then(|| Rate::of(&name));
        Host {
            budget: Budget::new(own.and_then(|own| own.rate).or(usual)),
            name,
            requests: AtomicU64::new(0),
            in_flight,
            slots: Semaphore::new(in_flight.clamp(1, Semaphore::MAX_PERMITS)),
            silence: Silence::default(),
            circuit: Circuit::default(),
            pulls_spent: Mutex::default(),
            notices: Mutex::default(),
            watcher,
            own_pool: Pool::new(),
        }
    }

    pub(super) fn count(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn counted(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// A place among the requests in flight. The semaphore is never closed, so the error cannot happen; were it to, the
    /// request would go without a place rather than not at all.
    pub(super) async fn slot(&self) -> Option<SemaphorePermit<'_>> {
        self.slots.acquire().await.ok()
    }

    /// Tells people, once for each kind.
    pub(super) fn tell(&self, kind: NoticeKind) {
        let mut told = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        if told.iter().any(|other| other.is_like(&kind)) {
            return;
        }
        told.push(kind.clone());
        drop(told);
        if let Some(watcher) = &self.watcher {
            watcher.see(&Notice { host: self.name.clone(), kind });
        }
    }

    /// An attempt took so long, answered or not.
    pub(super) fn took(&self, time: Duration) {
        self.watcher.iter().for_each(|watcher| watcher.took(&self.name, time));
    }

    pub(super) fn told(&self) -> Vec<Notice> {
        let told = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        told.iter().map(|kind| Notice { host: self.name.clone(), kind: kind.clone() }).collect()
    }

    /// Heeds what an answer's headers say is left.
    pub(super) fn heed(&self, headers: &HeaderMap) {
        let Some(allowance) = allowance::read(headers) else {
            return;
        };
        let pace = allowance.pace(self.in_flight);
        let no_pulls = match pace {
            Pace::NoPulls { limit, window } => {
                self.tell(NoticeKind::PullsSpent { limit, window });
                let of = limit.map(|limit| format!(" of its {limit} pulls")).unwrap_or_default();
                Some((Instant::now(), format!("few{of} are left, and these are left to those who run the images")))
            }
            _ => None,
        };
        *self.pulls_spent.lock().unwrap_or_else(PoisonError::into_inner) = no_pulls;
        match pace {
            Pace::Stop(wait) => {
                self.tell(NoticeKind::AskedToWait { wait });
                self.silence.keep(wait, Some(wait), StatusCode::TOO_MANY_REQUESTS);
            }
            Pace::Spread { interval, how_long } => {
                self.tell(NoticeKind::SlowedDown { renewed_after: how_long });
                self.budget.slow_down(interval, how_long, Instant::now());
            }
            Pace::Free | Pace::NoPulls { .. } => {}
        }
    }

    /// Why no pulls are asked for now.
    pub(super) fn without_pulls(&self) -> Option<Error> {
        let spent = self.pulls_spent.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, detail) = spent.as_ref().filter(|(since, _)| since.elapsed() < NO_PULLS_FOR)?;
        Some(Error { host: self.name.clone(), kind: ErrorKind::Paused, detail: detail.clone() })
    }

    /// Remembers how a request with all its retries went.
    pub(super) fn record(&self, outcome: &Result<Answer, Error>) {
        let failure = match outcome {
            Err(error) if matches!(error.kind, ErrorKind::Unreachable | ErrorKind::TimedOut) => {
                Failure::Unanswered(error.clone())
            }
            Ok(answer) if answer.status == StatusCode::TOO_MANY_REQUESTS => {
                Failure::Refused(retry_after(&answer.headers))
            }
            _ => return self.circuit.answered(),
        };
        if self.circuit.failed(failure.clone()) {
            let requests = super::circuit::DOWN_AFTER;
            self.tell(match failure {
                Failure::Unanswered(error) => NoticeKind::Down { requests, detail: error.detail },
                Failure::Refused(_) => NoticeKind::Refusing { requests },
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_what_never_leaves_the_machine() {
        for (url, expected) in [
            ("http://localhost:5000/", true),
            ("http://LOCALHOST/", true),
            ("http://127.0.0.1/", true),
            ("http://127.9.9.9:1/", true),
            ("http://[::1]:5000/", true),
            ("http://128.0.0.1/", false),
            ("http://localhost.example.com/", false),
            ("http://0.0.0.0/", false),
        ] {
            assert_eq!(is_loopback(&url.parse().unwrap()), expected, "{url}");
        }
    }

    fn host(url: &str) -> Host {
        Host::new(&url.parse().unwrap(), None, None)
    }

    #[test]
    fn only_this_machine_is_asked_as_fast_as_it_answers() {
        for (url, waits) in [("http://127.0.0.1:5000/", false), ("https://quay.io/", true)] {
            let (host, now) = (host(url), Instant::now());
            let longest = (0..1_000).map(|_| host.budget.reserve(now)).max().unwrap();
            assert_eq!(!longest.is_zero(), waits, "{url}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_is_heeded_and_told_once() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
        };
        let host = host("https://registry-1.docker.io/");
        let spent = headers(&[("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "4;w=21600")]);
        host.heed(&spent);
        host.heed(&spent);
        assert_eq!(host.told().len(), 1);
        let error = host.without_pulls().unwrap();
        assert_eq!((error.kind, host.silence.wish()), (ErrorKind::Paused, None), "lists are not held up");
        host.heed(&headers(&[("ratelimit-remaining", "40;w=21600")]));
        assert_eq!(host.without_pulls(), None);
        host.heed(&spent);
        tokio::time::advance(NO_PULLS_FOR).await;
        assert_eq!(host.without_pulls(), None, "what was used comes back");

        host.heed(&headers(&[("ratelimit-remaining", "0"), ("ratelimit-reset", "9")]));
        assert_eq!(host.silence.wish().unwrap().left.as_secs(), 9);
        assert_eq!(host.told().len(), 2);
    }
}
