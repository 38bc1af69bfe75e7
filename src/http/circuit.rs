//! The circuit of one host: after several requests in a row that were not answered, or refused as too many, the rest is not
//! sent for a while. A thousand repositories must not wait a thousand timeouts, and must not ask a thousand times a host that
//! said it is too much.
//!
//! Whoever is not sent gets what the first of the row got: which of a host's repositories were asked before the others must
//! not show in their reasons.

use super::exchange::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// So many requests in a row that a host did not answer, each with all its retries, and it counts as down.
pub const DOWN_AFTER: u32 = 3;
/// A host that is down is left alone this long; then the next request tries again.
pub const DOWN_FOR: Duration = Duration::from_secs(30);

/// How a request failed in a way that more of them will.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// No connection, or no answer in time.
    Unanswered(Error),
    /// Refused as one too many; with the wait that was asked for, if any.
    Refused(Option<Duration>),
}

#[derive(Debug, Default)]
pub(super) struct Circuit(Mutex<Row>);

#[derive(Debug, Default)]
struct Row {
    length: u32,
    first: Option<Failure>,
    last: Option<Instant>,
}

impl Circuit {
    /// The reason not to ask: how the first of the row failed.
    pub(super) fn open(&self) -> Option<Failure> {
        let mut row = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if row.length < DOWN_AFTER {
            return None;
        }
        if row.last?.elapsed() >= DOWN_FOR {
            // One more failure and it is open again.
            row.length = DOWN_AFTER - 1;
            return None;
        }
        row.first.clone()
    }

    /// A request failed with all its retries. Says when this opened the circuit.
    pub(super) fn failed(&self, failure: Failure) -> bool {
        let mut row = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        row.length += 1;
        row.last = Some(Instant::now());
        row.first.get_or_insert(failure);
        row.length == DOWN_AFTER
    }

    /// Any other answer, even a refusal, ends the row.
    pub(super) fn answered(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Row::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::ErrorKind;

    fn unanswered(detail: &str) -> Failure {
        Failure::Unanswered(Error { host: "h".to_owned(), kind: ErrorKind::Unreachable, detail: detail.to_owned() })
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_after_several_failures_in_a_row_and_gives_another_chance() {
        let circuit = Circuit::default();
        for number in 1..DOWN_AFTER {
            assert!(!circuit.failed(unanswered(&number.to_string())));
        }
        assert_eq!(circuit.open(), None);
        assert!(circuit.failed(Failure::Refused(None)));
        assert_eq!(circuit.open(), Some(unanswered("1")), "everybody gets what the first got");
        assert!(!circuit.failed(Failure::Refused(None)), "it opens once");
        tokio::time::advance(DOWN_FOR).await;
        assert_eq!(circuit.open(), None, "the next one tries");
        circuit.failed(Failure::Refused(None));
        assert!(circuit.open().is_some(), "and one failure is enough");
    }

    #[test]
    fn any_answer_ends_the_row() {
        let circuit = Circuit::default();
        for _ in 0..3 {
            circuit.failed(Failure::Refused(None));
            circuit.failed(Failure::Refused(None));
            circuit.answered();
        }
        assert_eq!(circuit.open(), None);
    }
}
