//! What the log says of requests: the first of a kind at once, further ones together and not more often than a person can read.

use super::outcome::Outcome;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Requests of one receiver that were taken make a line at most so often, in seconds.
const TAKEN_EVERY: i64 = 10;
/// And those that were not.
const REFUSED_EVERY: i64 = 60;

/// When what was said last, and how much was not said since.
#[derive(Debug, Default)]
pub(super) struct Telling(Mutex<BTreeMap<(String, Outcome), Told>>);

#[derive(Debug)]
struct Told {
    at: i64,
    unsaid: u32,
}

impl Telling {
    /// How many requests a line is to tell of now, if there is to be one.
    pub(super) fn count(&self, receiver: &str, outcome: Outcome, now: i64) -> Option<u32> {
        let every = if outcome == Outcome::Accepted { TAKEN_EVERY } else { REFUSED_EVERY };
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let one = told.entry((receiver.to_owned(), outcome)).or_insert(Told { at: i64::MIN, unsaid: 0 });
        one.unsaid = one.unsaid.saturating_add(1);
        // A clock that was set back must not silence anybody.
        if (now < one.at.saturating_add(every)) && now >= one.at {
            return None;
        }
        one.at = now;
        Some(std::mem::take(&mut one.unsaid))
    }

    /// Forgets receivers that are gone.
    pub(super) fn retain(&self, keep: impl Fn(&str) -> bool) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|(receiver, _), _| receiver.is_empty() || keep(receiver));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_more_together() {
        let telling = Telling::default();
        let taken = |now| telling.count("a", Outcome::Accepted, now);
        assert_eq!([100, 100, 109, 110, 111].map(taken), [Some(1), None, None, Some(3), None]);
        assert_eq!(taken(50), Some(2), "the clock was set back");
        let refused = |now| telling.count("a", Outcome::Unauthenticated, now);
        assert_eq!([110, 169, 170].map(refused), [Some(1), None, Some(2)]);
        assert_eq!(telling.count("b", Outcome::Accepted, 111), Some(1));
        telling.retain(|name| name == "b");
        assert_eq!(refused(171), Some(1));
    }
}
