//! Until when one host wants to be left alone, and how it said so.

use reqwest::StatusCode;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The longest that one answer can silence us: a header with a few digits too many must not stop a service for a day.
pub const LONGEST_SILENCE: Duration = Duration::from_secs(3_600);

/// A wish for silence that still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) left: Duration,
    /// What the host asked for; `None` where the wait is our own choice.
    pub(super) asked: Option<Duration>,
    /// The status it said it with.
    pub(super) status: StatusCode,
}

#[derive(Debug, Default)]
pub(super) struct Silence(Mutex<Option<(Instant, Wish)>>);

impl Silence {
    /// Nobody asks the host anything before that. Of several wishes the longest holds; says whether this is the first one.
    pub(super) fn keep(&self, wait: Duration, asked: Option<Duration>, status: StatusCode) -> bool {
        let left = wait.min(LONGEST_SILENCE);
        let until = Instant::now() + left;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = kept.filter(|(other, _)| *other > Instant::now());
        if holds.is_none_or(|(other, _)| other < until) {
            // While a wish still holds, the time that was asked for first is the one that is told.
            let first = holds.and_then(|(_, wish)| wish.asked);
            *kept = Some((until, Wish { left, asked: first.max(asked), status }));
        }
        holds.is_none()
    }

    /// What is left of it.
    pub(super) fn wish(&self) -> Option<Wish> {
        let (until, wish) = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        let left = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        Some(Wish { left, ..wish })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_longer_wish_holds_and_ends() {
        let silence = Silence::default();
        let seconds = Duration::from_secs;
        let left = |silence: &Silence| silence.wish().map(|wish| wish.left.as_secs());
        assert_eq!(silence.wish(), None);
        silence.keep(seconds(5), Some(seconds(5)), StatusCode::TOO_MANY_REQUESTS);
        silence.keep(seconds(2), Some(seconds(2)), StatusCode::SERVICE_UNAVAILABLE);
        let wish = silence.wish().unwrap();
        assert_eq!((wish.left, wish.asked, wish.status.as_u16()), (seconds(5), Some(seconds(5)), 429));
        tokio::time::advance(seconds(2)).await;
        assert_eq!(left(&silence), Some(3));
        silence.keep(seconds(4), Some(seconds(4)), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(silence.wish().unwrap().asked, Some(seconds(5)), "what is told does not depend on when one asks");
        tokio::time::advance(seconds(4)).await;
        assert_eq!(silence.wish(), None);
        silence.keep(Duration::MAX, None, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(left(&silence), Some(LONGEST_SILENCE.as_secs()));
    }
}
