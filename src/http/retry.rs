//! When to try again, and how long to wait before: pure arithmetic.
//!
//! Exponential backoff with full jitter (the wait is drawn between zero and the bound, so that many clients that failed
//! together do not come back together), and `Retry-After`, which outranks it.

use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// How failures are repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// How often a request is sent at most, the first time included.
    pub attempts: u32,
    /// The bound of the first wait; it doubles with each further one.
    pub first_wait: Duration,
    /// The bound that doubling stops at.
    pub longest_wait: Duration,
    /// The longest `Retry-After` that is waited for. A server that asks for more is left alone: waiting would hold up
    /// the run, and asking earlier is what the server asked us not to do.
    pub longest_asked: Duration,
    /// How long one request waits in all because the server asked for it. These waits are no failed attempts.
    pub patience: Duration,
    /// Off: the wait is its bound, which tests want.
    pub jitter: bool,
}

impl Default for Retry {
    fn default() -> Retry {
        Retry {
            attempts: 4,
            first_wait: Duration::from_millis(250),
            longest_wait: Duration::from_secs(10),
            longest_asked: Duration::from_secs(120),
            patience: Duration::from_secs(600),
            jitter: true,
        }
    }
}

impl Retry {
    /// The wait after attempt number `sent` (from 1) failed, or `None` to give up. `asked` is the server's `Retry-After`;
    /// `random` lies in 0..1.
    pub fn wait(&self, sent: u32, asked: Option<Duration>, random: f64) -> Option<Duration> {
        if sent >= self.attempts {
            return None;
        }
        let spread = if self.jitter { random.clamp(0.0, 1.0) } else { 1.0 };
        if let Some(asked) = asked {
            // Jitter is added here, never taken off: coming back early is impolite.
            let extra = if self.jitter { self.first_wait.mul_f64(spread) } else { Duration::ZERO };
            return (asked <= self.longest_asked).then(|| asked + extra);
        }
        let doubled = self.first_wait.saturating_mul(1_u32.checked_shl(sent - 1).unwrap_or(u32::MAX));
        Some(doubled.min(self.longest_wait).mul_f64(spread))
    }
}

/// Whether the same request may be answered better later.
pub(super) fn may_pass(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// The wait that the server asks for: seconds, or a date (RFC 9110, 10.2.3).
///
/// A date is read against the answer's own `Date`, so that neither clock has to be right; without one (the RFC demands it
/// of every server that has a clock) the date says nothing and is ignored.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // More seconds than a u64 holds is still "very long".
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let until = http_date(text)?;
    let now = http_date(headers.get(DATE)?.to_str().ok()?)?;
    Some(Duration::from_secs(u64::try_from(until - now).unwrap_or(0)))
}

/// Seconds since 1970 of an HTTP date in the one form that may be sent today, `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn http_date(text: &str) -> Option<i64> {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    parser.parse_timestamp(text.trim()).ok().map(|time| time.as_second())
}

/// A number in 0..1 that differs between calls: the standard library's hash seeds are random, and good enough to spread
/// requests in time.
pub(super) fn random() -> f64 {
    const BITS: u32 = 53;
    let drawn = RandomState::new().hash_one(0_u8) >> (64 - BITS);
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what an f64 holds exactly")]
    let fraction = drawn as f64 / (1_u64 << BITS) as f64;
    fraction
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn steady() -> Retry {
        Retry { jitter: false, ..Retry::default() }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn waits_double_up_to_their_cap_and_then_it_gives_up() {
        let retry = Retry { attempts: 9, ..steady() };
        let waits: Vec<_> = (1..=9).map(|sent| retry.wait(sent, None, 0.5).map(|w| w.as_millis())).collect();
        assert_eq!(
            waits,
            [Some(250), Some(500), Some(1000), Some(2000), Some(4000), Some(8000), Some(10_000), Some(10_000), None]
        );
    }

    #[test]
    fn the_server_s_wish_outranks_the_backoff_up_to_a_cap() {
        let asked = |seconds| steady().wait(1, Some(Duration::from_secs(seconds)), 0.0);
        assert_eq!(asked(0), Some(Duration::ZERO));
        assert_eq!(asked(120), Some(Duration::from_secs(120)));
        assert_eq!(asked(121), None);
        assert_eq!(asked(u64::MAX), None);
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        for (header, expected) in [
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("99999999999999999999999999", Some(u64::MAX)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            let found = retry_after(&headers(&[("retry-after", header), date]));
            assert_eq!(found, expected.map(Duration::from_secs), "{header:?}");
        }
        assert_eq!(retry_after(&headers(&[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")])), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    #[test]
    fn random_numbers_differ_and_stay_in_range() {
        let drawn: Vec<f64> = (0..50).map(|_| random()).collect();
        assert!(drawn.iter().all(|n| (0.0..1.0).contains(n)), "{drawn:?}");
        assert!(drawn.windows(2).any(|pair| pair[0] != pair[1]), "{drawn:?}");
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_its_cap(sent in 0_u32..200, attempts in 0_u32..200, random in 0.0..1.0, asked in proptest::option::of(any::<u64>())) {
            let retry = Retry { attempts, ..Retry::default() };
            if sent > 0 && let Some(wait) = retry.wait(sent, asked.map(Duration::from_secs), random) {
                prop_assert!(sent < attempts);
                let cap = if asked.is_some() { retry.longest_asked + retry.first_wait } else { retry.longest_wait };
                prop_assert!(wait <= cap);
                prop_assert!(asked.is_none_or(|asked| wait >= Duration::from_secs(asked)));
            }
        }
    }
}
