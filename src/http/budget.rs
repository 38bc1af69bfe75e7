//! How fast one host is asked: a steady rate with a burst, and slower for a while where the host says that little is left.
//!
//! The rate is that of the "generic cell rate algorithm": each request moves the time at which the next one is due, and a
//! burst is how far that time may lie ahead. No timer runs, and whoever must wait is told for how long.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Requests per second, and how many may go at once after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub per_second: u32,
    pub burst: u32,
}

/// Hosts that ask for nothing else. The proxies that people put before Harbor and Quay let 25 to 50 requests a second through,
/// and a thousand repositories are listed in 40 s.
pub const DEFAULT_RATE: Rate = Rate { per_second: 25, burst: 100 };

/// Hosts that say, or are known, to want less, with where that is said.
const KNOWN: &[(&str, Rate)] = &[
    // "In the order of thousands of requests per minute" per address, for everybody alike (docs.docker.com, "Docker Hub
    // usage and limits", abuse rate limit): 20 a second are 1,200 a minute.
    ("registry-1.docker.io", Rate { per_second: 20, burst: 100 }),
    ("auth.docker.io", Rate { per_second: 20, burst: 100 }),
    // No limit is documented; refusals say "allowed: 2000/minute" (chainguard-images/images#173) and more.
    ("ghcr.io", Rate { per_second: 20, burst: 100 }),
    // "A few requests per second per IP, with some bursting" (access.redhat.com/solutions/6218921).
    ("quay.io", Rate { per_second: 5, burst: 50 }),
    // Public ECR limits strangers to few requests a second (AWS, "Amazon ECR Public service quotas").
    ("public.ecr.aws", Rate { per_second: 5, burst: 10 }),
    // 900 points a minute, of which reading takes one and a change five (docs.github.com, "Rate limits for the REST API",
    // secondary rate limits); changes have a pause of their own.
    ("api.github.com", Rate { per_second: 10, burst: 50 }),
];

impl Rate {
    /// The rate for a host that the operator says nothing about.
    pub fn of(host: &str) -> Rate {
        KNOWN.iter().find(|(name, _)| *name == host).map_or(DEFAULT_RATE, |(_, rate)| *rate)
    }

    fn interval(self) -> Duration {
        Duration::from_secs(1) / self.per_second.max(1)
    }
}

/// How long a host that refused a request is asked half as fast.
const HALVED_FOR: Duration = Duration::from_secs(60);
/// Where halving begins for a host without a rate, and where it ends for any.
const QUICKEST_HALVED: Duration = Duration::from_millis(20);
const SLOWEST_HALVED: Duration = Duration::from_secs(1);

/// The budget of one host.
#[derive(Debug)]
pub(super) struct Budget {
    /// `None`: as fast as it answers.
    rate: Option<Rate>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When the next request is due, were there no burst.
    due: Option<Instant>,
    /// Slower than usual: this far apart, until then.
    slowed: Option<(Duration, Instant)>,
}

impl Budget {
    pub(super) fn new(rate: Option<Rate>) -> Budget {
        Budget { rate, state: Mutex::default() }
    }

    /// Takes the next place and says how long to wait for it.
    pub(super) fn reserve(&self, now: Instant) -> Duration {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.slowed = state.slowed.filter(|(_, until)| now < *until);
        let (interval, burst) = match (state.slowed, self.rate) {
            (Some((interval, _)), _) => (interval, 1),
            (None, Some(rate)) => (rate.interval(), rate.burst.max(1)),
            (None, None) => return Duration::ZERO,
        };
        let due = state.due.map_or(now, |due| due.max(now));
        state.due = Some(due + interval);
        (due - now).saturating_sub(interval * (burst - 1))
    }

    /// Half as fast as now, for a while: the host refused a request as one too many.
    pub(super) fn halve(&self, now: Instant) {
        let current = {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let slowed = state.slowed.filter(|(_, until)| now < *until).map(|(interval, _)| interval);
            slowed.or(self.rate.map(Rate::interval)).unwrap_or_default()
        };
        let interval = (current * 2).clamp(QUICKEST_HALVED, SLOWEST_HALVED);
        self.slow_down(interval, HALVED_FOR, now);
    }

    /// From now on this far apart, for as long; a slower pace that was set before stays.
    pub(super) fn slow_down(&self, interval: Duration, how_long: Duration, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let usual = self.rate.map_or(Duration::ZERO, Rate::interval);
        let kept = state.slowed.filter(|(_, until)| now < *until);
        let slower = kept.map_or(interval, |(kept, _)| kept.max(interval));
        if slower > usual {
            let until = kept.map_or(now, |(_, until)| until).max(now + how_long);
            state.slowed = Some((slower, until));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEN: Rate = Rate { per_second: 10, burst: 3 };
    const TENTH: Duration = Duration::from_millis(100);

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let (budget, now) = (Budget::new(Some(TEN)), Instant::now());
        let waits: Vec<_> = (0..6).map(|_| budget.reserve(now).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 100, 200, 300]);
        // A long pause earns one burst, not more.
        let later = now + Duration::from_secs(60);
        let waits: Vec<_> = (0..4).map(|_| budget.reserve(later).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 100]);
    }

    #[tokio::test(start_paused = true)]
    async fn little_left_means_slower_for_a_while() {
        for rate in [None, Some(TEN)] {
            let (budget, now) = (Budget::new(rate), Instant::now());
            budget.slow_down(Duration::from_secs(2), Duration::from_secs(10), now);
            budget.slow_down(Duration::from_secs(1), Duration::from_secs(5), now);
            let waits: Vec<_> = (0..3).map(|_| budget.reserve(now).as_secs()).collect();
            assert_eq!(waits, [0, 2, 4], "the slower pace holds: {rate:?}");
            let after = now + Duration::from_secs(10);
            assert_eq!(budget.reserve(after), Duration::ZERO, "{rate:?}");
        }
        let (budget, now) = (Budget::new(Some(TEN)), Instant::now());
        budget.slow_down(TENTH / 2, Duration::from_secs(10), now);
        let waits: Vec<_> = (0..4).map(|_| budget.reserve(now).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 100], "nothing is sped up");
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_refuses_is_asked_half_as_fast_for_a_minute() {
        for (rate, halved) in [(Some(TEN), 2 * TENTH), (None, QUICKEST_HALVED)] {
            let (budget, now) = (Budget::new(rate), Instant::now());
            budget.halve(now);
            budget.reserve(now);
            assert_eq!(budget.reserve(now), halved, "{rate:?}");
            budget.halve(now);
            for _ in 0..20 {
                budget.halve(now);
            }
            let before = budget.reserve(now);
            assert_eq!(budget.reserve(now) - before, SLOWEST_HALVED, "{rate:?}");
            assert_eq!(budget.reserve(now + HALVED_FOR), Duration::ZERO, "{rate:?}");
        }
    }

    #[test]
    fn known_hosts_have_their_own_rate() {
        assert_eq!(Rate::of("quay.io").per_second, 5);
        assert_eq!(Rate::of("registry.example.com"), DEFAULT_RATE);
    }

    proptest! {
        #[test]
        fn never_more_than_the_burst_and_the_rate_in_any_stretch(
            per_second in 1_u32..500,
            burst in 1_u32..50,
            gaps in proptest::collection::vec(0_u64..300, 1..80),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let (budget, start) = (Budget::new(Some(Rate { per_second, burst })), Instant::now());
                let mut now = start;
                let sent: Vec<f64> = gaps.iter().map(|gap| {
                    now += Duration::from_millis(*gap);
                    (now + budget.reserve(now) - start).as_secs_f64()
                }).collect();
                for (from, first) in sent.iter().enumerate() {
                    for (to, last) in sent.iter().enumerate().skip(from) {
                        let allowed = f64::from(burst) + (last - first) * f64::from(per_second) + 0.01;
                        prop_assert!((to - from + 1) as f64 <= allowed, "{sent:?}");
                    }
                }
                Ok(())
            })?;
        }
    }
}
