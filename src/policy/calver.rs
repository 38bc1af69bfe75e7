//! `select: {calver: PATTERN}`: the latest date.
//!
//! ```yaml
//! select: {calver: YYYY.0M.MICRO}
//! ```
//!
//! As for `semver` there are two readings. In the **plain** one the pattern must read the whole key, after one `v` that it
//! does not name itself. The **family** reading applies where a current tag gives a family: what follows the date is the
//! suffix, in which a pre-release word makes a pre-release, and the numbers of the suffix are compared after the date.
//! Pre-releases are no candidates; a pattern with `MODIFIER` reads them as part of the date instead. Years make every
//! jump believable, so nothing is an outlier.

use super::Reason;
use super::family::Shape;
use crate::version::calver::{Pattern, Value as Date};
use std::cmp::Ordering;

/// The date of one tag. Values are compared with values of the same reading only.
#[derive(Debug, Clone)]
pub(super) struct Value<'a> {
    date: Date,
    /// Present in the family reading: what stands round the date.
    shape: Option<Shape<'a>>,
}

impl<'a> Value<'a> {
    /// The plain reading.
    pub(super) fn read(key: &str, pattern: &Pattern) -> Option<Value<'static>> {
        let (_, date, rest) = front(key, pattern)?;
        rest.is_empty().then_some(Value { date, shape: None })
    }

    /// The family reading.
    pub(super) fn read_family(tag: &'a str, pattern: &Pattern) -> Option<Value<'a>> {
        let (v, date, rest) = front(tag, pattern)?;
        // `2024.05.1` is no `YYYY.0M` with a suffix, but another kind of date.
        let further = rest.strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        (!further).then(|| Value { date, shape: Some(Shape::of_tail(rest, v)) })
    }

    /// Why the date is no candidate, if it is none.
    pub(super) fn refuse(&self) -> Option<Reason> {
        self.shape.is_some_and(|shape| shape.is_prerelease()).then_some(Reason::Prerelease)
    }

    pub(super) fn compare(&self, other: &Value<'_>) -> Ordering {
        let around = |shape: &Option<Shape<'a>>, other: &Option<Shape<'_>>| match (shape, other) {
            (Some(shape), Some(other)) => shape.compare(other),
            _ => Ordering::Equal,
        };
        self.date.compare(&other.date).then_with(|| around(&self.shape, &other.shape))
    }
}

/// What stands round the date of a tag; its numbers are nobody's concern here.
pub(super) fn shape<'a>(tag: &'a str, pattern: &Pattern) -> Option<Shape<'a>> {
    Value::read_family(tag, pattern)?.shape
}

/// The date at the front, and whether a `v` stands before it.
fn front<'t>(text: &'t str, pattern: &Pattern) -> Option<(bool, Date, &'t str)> {
    if let Some((date, rest)) = pattern.read(text) {
        return Some((false, date, rest));
    }
    let (date, rest) = pattern.read(text.strip_prefix('v')?)?;
    Some((true, date, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_reading_is_the_whole_key_and_the_family_reading_leaves_a_suffix() {
        let pattern = Pattern::parse("YYYY.0M").unwrap();
        assert!(Value::read("2024.05", &pattern).is_some());
        assert!(Value::read("v2024.05", &pattern).is_some());
        assert!(Value::read("2024.05-alpine", &pattern).is_none());
        assert!(Value::read_family("2024.05-alpine", &pattern).is_some());
        assert!(Value::read_family("2024.05.1", &pattern).is_none());
        assert!(Value::read_family("latest", &pattern).is_none());
    }

    #[test]
    fn prereleases_are_refused_unless_the_pattern_has_a_modifier() {
        let value = |text: &str, tag| Value::read_family(tag, &Pattern::parse(text).unwrap()).unwrap().refuse();
        assert_eq!(value("YYYY.0M", "2024.05-rc1"), Some(Reason::Prerelease));
        assert_eq!(value("YYYY.0M", "2024.05-alpine"), None);
        assert_eq!(value("YYYY.0M-MODIFIER", "2024.05-rc1"), None);
    }
}
