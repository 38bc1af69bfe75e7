//! How many requests of one receiver are taken: a bucket that fills up steadily and is emptied by requests.
//!
//! Pure: `now` is an argument, the time since any moment that stays the same.

use std::num::NonZeroU32;
use std::time::Duration;

/// A burst may take what flows in within so many seconds.
const BURST: f64 = 2.0;

/// What is left of a rate.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    rate: f64,
    level: f64,
    seen: Duration,
}

impl Bucket {
    pub(super) fn new(rate: NonZeroU32, now: Duration) -> Bucket {
        let rate = f64::from(rate.get());
        Bucket { rate, level: rate * BURST, seen: now }
    }

    /// Takes one, or says after how many whole seconds there is one.
    pub(super) fn take(&mut self, now: Duration) -> Result<(), u64> {
        let passed = now.saturating_sub(self.seen).as_secs_f64();
        self.seen = self.seen.max(now);
        self.level = (self.level + passed * self.rate).min(self.rate * BURST);
        if self.level < 1.0 {
            return Err(((1.0 - self.level) / self.rate).ceil().max(1.0) as u64);
        }
        self.level -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(rate: u32) -> Bucket {
        Bucket::new(NonZeroU32::new(rate).unwrap(), Duration::ZERO)
    }

    #[test]
    fn a_burst_is_taken_and_then_the_rate() {
        let mut bucket = bucket(5);
        let taken = |bucket: &mut Bucket, millis: u64| {
            (0..100).filter(|_| bucket.take(Duration::from_millis(millis)).is_ok()).count()
        };
        assert_eq!(taken(&mut bucket, 0), 10);
        assert_eq!(taken(&mut bucket, 199), 0);
        assert_eq!(taken(&mut bucket, 200), 1);
        assert_eq!(taken(&mut bucket, 1_200), 5);
        assert_eq!(taken(&mut bucket, 60_000), 10, "no more is saved up than a burst");
        assert_eq!(taken(&mut bucket, 1_000), 0, "time that goes back brings nothing");
    }

    #[test]
    fn who_is_refused_hears_when_to_come_back() {
        let mut bucket = bucket(1);
        assert_eq!([bucket.take(Duration::ZERO), bucket.take(Duration::ZERO)], [Ok(()), Ok(())]);
        assert_eq!(bucket.take(Duration::ZERO), Err(1));
        assert_eq!(bucket.take(Duration::from_secs(1)), Ok(()));
    }
}
