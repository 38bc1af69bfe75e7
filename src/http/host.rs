//! What is kept per host: how many requests were sent, how many may be in flight, until when it wants to be left alone,
//! and whether it is down.

use super::exchange::{Error, ErrorKind};
use super::tls::Pool;
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
/// So many requests in a row that a host did not answer, each with all its retries, and it counts as down: the rest of a
/// thousand repositories must not wait a thousand timeouts.
pub const DOWN_AFTER: u32 = 3;
/// A host that is down is left alone this long; then the next request tries again.
pub const DOWN_FOR: Duration = Duration::from_secs(30);
/// The longest that one answer can silence us: a header with a few digits too many must not stop a service for a day.
pub const LONGEST_SILENCE: Duration = Duration::from_secs(3_600);

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
    requests: AtomicU64,
    slots: Semaphore,
    quiet_until: Mutex<Option<Instant>>,
    trouble: Mutex<Trouble>,
    /// The host's own connection pool, when it has its own certificate authority.
    pub(super) own_pool: Pool,
}

#[derive(Debug, Default)]
struct Trouble {
    in_a_row: u32,
    last: Option<(Instant, Error)>,
}

impl Host {
    pub(super) fn new(concurrency: usize) -> Host {
        Host {
            requests: AtomicU64::new(0),
            slots: Semaphore::new(concurrency.clamp(1, Semaphore::MAX_PERMITS)),
            quiet_until: Mutex::new(None),
            trouble: Mutex::new(Trouble::default()),
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

    /// The host asked for silence: nobody asks it anything before that.
    pub(super) fn keep_quiet(&self, wait: Duration) {
        let until = Instant::now() + wait.min(LONGEST_SILENCE);
        let mut quiet = self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        *quiet = quiet.max(Some(until));
    }

    /// How long the host still wants to be left alone.
    pub(super) fn silence(&self) -> Option<Duration> {
        let until = *self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.and_then(|until| until.checked_duration_since(Instant::now())).filter(|left| !left.is_zero())
    }

    /// The reason not to ask: the host did not answer several times in a row, and not long ago.
    pub(super) fn down(&self) -> Option<Error> {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if trouble.in_a_row < DOWN_AFTER {
            return None;
        }
        let (since, error) = trouble.last.clone()?;
        if since.elapsed() >= DOWN_FOR {
            // One more failure and it is down again.
            trouble.in_a_row = DOWN_AFTER - 1;
            return None;
        }
        let detail = format!("{} (not asked again: {} requests in a row failed so)", error.detail, trouble.in_a_row);
        Some(Error { detail, ..error })
    }

    /// Remembers how a request with all its retries went. Any answer, even a refusal, ends the row.
    pub(super) fn record<T>(&self, outcome: &Result<T, Error>) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Err(error) if matches!(error.kind, ErrorKind::Unreachable | ErrorKind::TimedOut) => {
                trouble.in_a_row += 1;
                trouble.last = Some((Instant::now(), error.clone()));
            }
            _ => *trouble = Trouble::default(),
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

    #[tokio::test(start_paused = true)]
    async fn the_longer_wish_for_silence_holds_and_ends() {
        let host = Host::new(1);
        assert_eq!(host.silence(), None);
        host.keep_quiet(Duration::from_secs(5));
        host.keep_quiet(Duration::from_secs(2));
        assert_eq!(host.silence(), Some(Duration::from_secs(5)));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(host.silence(), None);
        host.keep_quiet(Duration::MAX);
        assert_eq!(host.silence(), Some(LONGEST_SILENCE));
    }

    fn failed(kind: ErrorKind) -> Result<(), Error> {
        Err(Error { host: "h".to_owned(), kind, detail: "refused".to_owned() })
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_is_down_after_several_failures_in_a_row_and_gets_another_chance() {
        let host = Host::new(1);
        for _ in 1..DOWN_AFTER {
            host.record(&failed(ErrorKind::Unreachable));
        }
        assert_eq!(host.down(), None);
        host.record(&failed(ErrorKind::Unreachable));
        let error = host.down().unwrap();
        assert_eq!(error.kind, ErrorKind::Unreachable);
        assert_eq!(error.detail, "refused (not asked again: 3 requests in a row failed so)");
        tokio::time::advance(DOWN_FOR).await;
        assert_eq!(host.down(), None, "the next one tries");
        host.record(&failed(ErrorKind::TimedOut));
        assert!(host.down().is_some(), "and one failure is enough");
    }

    #[tokio::test(start_paused = true)]
    async fn any_answer_ends_the_row() {
        let host = Host::new(1);
        for outcome in [Ok(()), failed(ErrorKind::TooLarge)] {
            host.record(&failed(ErrorKind::Unreachable));
            host.record(&failed(ErrorKind::Unreachable));
            host.record(&outcome);
            host.record(&failed(ErrorKind::Unreachable));
            assert_eq!(host.down(), None);
        }
    }
}
