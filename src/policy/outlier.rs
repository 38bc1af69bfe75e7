//! Outliers: a first number that no earlier step of the repository suggests, such as `20.04.1` over `5.3.0`.
//!
//! Publishers push a distribution's version, a date or a build number under a name that looks like a release. The rule:
//!
//! 1. The repository's versions (those of the current tag's family, pre-releases and versions out of range
//!    included) give a ladder of first numbers. The current tag's first number stands on it too.
//! 2. Going up from the current tag, the step to the next rung is believed when it is at most the greatest of: 5; twice the
//!    greatest step seen so far, those below the current tag included; half of the number it starts from.
//! 3. At the first step that is not believed the ladder ends: everything from there on is an outlier, and the best tag below
//!    is taken meanwhile. `accept: [TAG]` confirms single tags.
//!
//! A date in the suffix that lies in the future (`4.8.1-20990301`) is an outlier too: nobody builds then, and such a tag would
//! win for ever.
//!
//! So 17 to 18, 5 to 7 and 2024 to 2026 are steps (for calendar-like numbers the half is far more than any year), 5 to 20
//! is not, unless the repository went from 1 to 10 before. Without a current tag nothing is an outlier.

/// A step that is always believed: releases that were skipped, or never published under a tag.
const PLAIN_STEP: u64 = 5;

/// How far, in seconds, a date in a suffix may lie ahead: publishers live in other time zones, and name tomorrow's build.
const AHEAD: i64 = 2 * 24 * 60 * 60;

/// The last day that a suffix may name at `now`, as a number such as 20240501.
pub(super) fn last_day(now: i64) -> Option<u32> {
    let last = jiff::Timestamp::from_second(now.saturating_add(AHEAD)).ok()?;
    last.strftime("%Y%m%d").to_string().parse().ok()
}

/// The first numbers of a repository's versions.
#[derive(Debug, Clone, Default)]
pub(super) struct Ladder {
    /// Ascending, each once.
    rungs: Vec<u64>,
}

impl Ladder {
    pub(super) fn new(first_numbers: impl Iterator<Item = u64>) -> Ladder {
        let mut rungs: Vec<u64> = first_numbers.collect();
        rungs.sort_unstable();
        rungs.dedup();
        Ladder { rungs }
    }

    /// The highest first number that believable steps lead to from `current`.
    pub(super) fn reach(&self, current: u64) -> u64 {
        let (below, above) = self.rungs.split_at(self.rungs.partition_point(|rung| *rung <= current));
        let mut greatest =
            below.iter().zip(below.iter().skip(1).chain([&current])).map(|(from, to)| to - from).max().unwrap_or(0);
        let mut at = current;
        for rung in above {
            let step = rung - at;
            if step > PLAIN_STEP.max(greatest.saturating_mul(2)).max(at / 2) {
                break;
            }
            greatest = greatest.max(step);
            at = *rung;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_after_tomorrow_is_the_last_that_a_suffix_may_name() {
        assert_eq!(last_day(1_709_164_800), Some(20_240_302), "the day after tomorrow, of a 29th of February");
        assert_eq!(last_day(i64::MAX), None);
    }

    #[test]
    fn a_ladder_ends_where_no_earlier_step_suggests_the_next() {
        for (rungs, current, reach) in [
            (&[4, 5, 20][..], 5, 5),
            (&[5, 7], 5, 7),
            (&[17, 18], 17, 18),
            (&[5, 10], 5, 10),
            (&[5, 11], 5, 5),
            (&[1, 10, 28], 10, 28),
            (&[1, 10, 29], 10, 10),
            (&[1, 2, 3, 4], 1, 4),
            (&[1, 2, 20, 21], 1, 2),
            (&[2023, 2024, 2026], 2024, 2026),
            (&[1, 2024], 1, 1),
            (&[20_241_231, 20_250_101], 20_241_231, 20_250_101),
            (&[122, 135], 122, 135),
            (&[1, 3], 2, 3),
            (&[], 7, 7),
            (&[9], 7, 9),
            (&[0, u64::MAX], 0, 0),
        ] {
            assert_eq!(Ladder::new(rungs.iter().copied()).reach(current), reach, "{rungs:?} from {current}");
        }
    }
}
