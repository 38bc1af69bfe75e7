//! A time in which nothing is written at all, by the operator's word.
//!
//! ```
//! use landwaiter::schedule::Freeze;
//! let freeze = Freeze { until: Freeze::end("2026-12-31").unwrap(), reason: Some("year end".to_owned()) };
//! assert_eq!(freeze.closed(1_798_761_599).unwrap(), "year end; until 2027-01-01T00:00:00Z");
//! assert_eq!(freeze.closed(1_798_761_600), None);
//! ```

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Nothing is written before `until`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// Seconds since 1970, UTC.
    pub until: i64,
    /// Why, for the people whose changes it holds.
    pub reason: Option<String>,
}

impl Freeze {
    /// The end that a text names: a moment as RFC 3339 writes it, or a day, which is frozen too, in UTC.
    pub fn end(text: &str) -> Option<i64> {
        if text.len() == "YYYY-MM-DD".len() {
            let next = text.parse::<Date>().ok()?.tomorrow().ok()?;
            return Some(next.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second());
        }
        text.parse::<Timestamp>().ok().map(|at| at.as_second())
    }

    /// Why nothing is written at `now`, seconds since 1970, and until when; `None` when it is over.
    pub fn closed(&self, now: i64) -> Option<String> {
        let until = Timestamp::from_second(self.until).ok().filter(|_| now < self.until)?;
        let reason = self.reason.as_deref().unwrap_or("the operator's settings let nothing be written");
        Some(format!("{reason}; until {until}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_day_or_a_moment() {
        for (text, expected) in [
            ("1970-01-01", Some(86_400)),
            ("1970-01-02T00:00:00Z", Some(86_400)),
            ("1970-01-02T01:30:00+01:00", Some(86_400 + 1_800)),
            ("1970-01-02T00:00", None),
            ("1970-02-30", None),
            ("tomorrow!!", None),
            ("", None),
        ] {
            assert_eq!(Freeze::end(text), expected, "{text}");
        }
    }

    #[test]
    fn a_freeze_ends_to_the_second() {
        let freeze = Freeze { until: 86_400, reason: None };
        assert_eq!(freeze.closed(86_400), None);
        assert_eq!(
            freeze.closed(86_399).unwrap(),
            "the operator's settings let nothing be written; until 1970-01-02T00:00:00Z"
        );
    }
}
