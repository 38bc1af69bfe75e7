//! What a host says is left: `RateLimit`, `RateLimit-Remaining` and their relatives, and what is done about it. Pure.
//!
//! | header | who sends it |
//! |---|---|
//! | `ratelimit-remaining: 76;w=21600` | Docker Hub: pulls left in a rolling window; `HEAD` and lists do not count (docs.docker.com, "Pull usage and limits") |
//! | `RateLimit-Remaining: 12`, `RateLimit-Reset: 30` | drafts of the IETF's RateLimit header fields up to 6; GitLab, with a Unix time |
//! | `RateLimit: limit=100, remaining=12, reset=30` | draft 7 |
//! | `RateLimit: "default";r=12;t=30` | draft 8 and later |
//! | `X-RateLimit-Remaining`, `X-RateLimit-Reset` | custom before the drafts; seconds or a Unix time |

use super::retry::http_date;
use super::silence::LONGEST_SILENCE;
use reqwest::header::{DATE, HeaderMap};
use std::time::Duration;

/// Pulls that are left to those who run the images: a cluster that cannot start a pod because its updates were looked up is
/// the worse fault.
pub const PULLS_LEFT_ALONE: u64 = 10;
/// A reset beyond this number is a Unix time, not a number of seconds: it would be more than thirty years.
const UNIX_TIMES: u64 = 1_000_000_000;

/// What is left of what the host grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Allowance {
    pub(super) remaining: u64,
    pub(super) limit: Option<u64>,
    pub(super) renewal: Renewal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Renewal {
    /// All of it comes back after this time.
    After(Duration),
    /// Pulls in a window that rolls: what was used comes back as it ages.
    Window(Duration),
}

/// What an allowance asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    Free,
    /// This far apart, for as long.
    Spread {
        interval: Duration,
        how_long: Duration,
    },
    /// Nothing before that time.
    Stop(Duration),
    /// No more pulls; everything else may go on.
    NoPulls {
        limit: Option<u64>,
        window: Duration,
    },
}

impl Allowance {
    /// The pace that keeps within it when up to `in_flight` requests are under way at once, for [`LONGEST_SILENCE`] at most: a
    /// number with a few digits too many must not slow a service down for years.
    pub(super) fn pace(self, in_flight: usize) -> Pace {
        let near = u64::try_from(in_flight).unwrap_or(u64::MAX).saturating_mul(2);
        let renewal = match self.renewal {
            Renewal::After(reset) => Renewal::After(reset.min(LONGEST_SILENCE)),
            window => window,
        };
        match renewal {
            Renewal::Window(window) if self.remaining <= PULLS_LEFT_ALONE => {
                Pace::NoPulls { limit: self.limit, window }
            }
            Renewal::After(Duration::ZERO) | Renewal::Window(_) => Pace::Free,
            Renewal::After(reset) if self.remaining == 0 => Pace::Stop(reset),
            Renewal::After(reset) if self.remaining <= near => {
                let parts = u32::try_from(self.remaining + 1).unwrap_or(u32::MAX);
                Pace::Spread { interval: reset / parts, how_long: reset }
            }
            Renewal::After(_) => Pace::Free,
        }
    }
}

/// Reads what is left, if the host says so in a way that can be understood.
pub(super) fn read(headers: &HeaderMap) -> Option<Allowance> {
    combined(headers).or_else(|| separate(headers, "ratelimit")).or_else(|| separate(headers, "x-ratelimit"))
}

/// One header that says everything.
fn combined(headers: &HeaderMap) -> Option<Allowance> {
    let text = headers.get("ratelimit")?.to_str().ok()?;
    // A list of several limits begins with the one that is nearest.
    let parts = || text.split([';', ',']).filter_map(|part| part.trim().split_once('='));
    let number =
        |names: [&str; 2]| parts().find(|(key, _)| names.contains(key)).and_then(|(_, value)| first_number(value));
    let remaining = number(["r", "remaining"])?;
    let reset = Duration::from_secs(number(["t", "reset"])?);
    Some(Allowance { remaining, limit: number(["q", "limit"]), renewal: Renewal::After(reset) })
}

/// One header each for what is left, the limit, and the time.
fn separate(headers: &HeaderMap, prefix: &str) -> Option<Allowance> {
    let get = |name: &str| headers.get(format!("{prefix}-{name}"))?.to_str().ok();
    let text = get("remaining")?;
    let remaining = first_number(text)?;
    let limit = get("limit").and_then(first_number);
    let window = text.split(';').filter_map(|part| part.trim().split_once('=')).find(|(key, _)| *key == "w");
    if let Some(window) = window.and_then(|(_, value)| first_number(value)) {
        return Some(Allowance { remaining, limit, renewal: Renewal::Window(Duration::from_secs(window)) });
    }
    let reset = first_number(get("reset")?)?;
    let seconds = if reset < UNIX_TIMES {
        reset
    } else {
        let now = http_date(headers.get(DATE)?.to_str().ok()?)?;
        reset.saturating_sub(u64::try_from(now).unwrap_or(0))
    };
    Some(Allowance { remaining, limit, renewal: Renewal::After(Duration::from_secs(seconds)) })
}

/// The digits that the text begins with.
fn first_number(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_of_a_host_slows_us_down_for_longer_than_an_hour() {
        let pace = |remaining| Allowance { remaining, limit: None, renewal: Renewal::After(Duration::MAX) }.pace(8);
        assert_eq!(pace(0), Pace::Stop(LONGEST_SILENCE));
        assert_eq!(pace(3), Pace::Spread { interval: LONGEST_SILENCE / 4, how_long: LONGEST_SILENCE });
        assert_eq!(pace(17), Pace::Free);
    }
    use proptest::prelude::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn what_is_left_as_hosts_say_it() {
        let date = ("date", "Sun, 06 Nov 2022 08:49:37 GMT");
        let (after, window) = (|s| Renewal::After(seconds(s)), |s| Renewal::Window(seconds(s)));
        for (pairs, expected) in [
            (
                vec![("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "76;w=21600")],
                Some((76, Some(100), window(21_600))),
            ),
            (vec![("RateLimit-Remaining", "12"), ("RateLimit-Reset", "30")], Some((12, None, after(30)))),
            (
                vec![("ratelimit-limit", "100, 100;w=60"), ("ratelimit-remaining", "1"), ("ratelimit-reset", "5")],
                Some((1, Some(100), after(5))),
            ),
            (vec![("ratelimit", "limit=100, remaining=12, reset=30")], Some((12, Some(100), after(30)))),
            (vec![("ratelimit", "\"default\";r=12;t=30")], Some((12, None, after(30)))),
            (vec![("ratelimit", "\"a\";r=0;t=7, \"b\";r=9;t=1")], Some((0, None, after(7)))),
            (vec![("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "60")], Some((0, None, after(60)))),
            (vec![("ratelimit-remaining", "3"), ("ratelimit-reset", "1667724607"), date], Some((3, None, after(30)))),
            (vec![("ratelimit-remaining", "3"), ("ratelimit-reset", "1667724007"), date], Some((3, None, after(0)))),
            (vec![("ratelimit-remaining", "3"), ("ratelimit-reset", "1667724607")], None),
            (vec![("ratelimit-remaining", "3")], None),
            (vec![("ratelimit-remaining", "many"), ("ratelimit-reset", "1")], None),
            (vec![("ratelimit-limit", "100")], None),
            (vec![], None),
        ] {
            let found = read(&headers(&pairs));
            let expected = expected.map(|(remaining, limit, renewal)| Allowance { remaining, limit, renewal });
            assert_eq!(found, expected, "{pairs:?}");
        }
    }

    #[test]
    fn the_pace_keeps_within_what_is_left() {
        let left = |remaining, renewal| Allowance { remaining, limit: None, renewal }.pace(16);
        let minute = Renewal::After(seconds(60));
        assert_eq!(left(33, minute), Pace::Free);
        assert_eq!(left(32, minute), Pace::Spread { interval: seconds(60) / 33, how_long: seconds(60) });
        assert_eq!(left(1, minute), Pace::Spread { interval: seconds(30), how_long: seconds(60) });
        assert_eq!(left(0, minute), Pace::Stop(seconds(60)));
        assert_eq!(left(0, Renewal::After(Duration::ZERO)), Pace::Free);
        let window = Renewal::Window(seconds(21_600));
        assert_eq!(left(PULLS_LEFT_ALONE + 1, window), Pace::Free);
        assert_eq!(left(PULLS_LEFT_ALONE, window), Pace::NoPulls { limit: None, window: seconds(21_600) });
    }

    proptest! {
        #[test]
        fn no_header_is_a_panic(name in "(x-)?ratelimit(-remaining|-reset)?", value in "[ -~]{0,30}", digits in "[0-9]{0,25}") {
            let mut all = headers(&[("ratelimit-reset", &digits), ("x-ratelimit-reset", &digits)]);
            let parsed: reqwest::header::HeaderName = name.parse().unwrap();
            all.insert(parsed, value.parse().unwrap());
            if let Some(found) = read(&all) {
                let _ = found.pace(16);
            }
        }
    }
}
