//! `select: {semver: RANGE}`: the greatest version that the range admits.
//!
//! ```yaml
//! select: {semver: ">=1.4 <2"}
//! select: {semver: {range: "*", parts: 2, prereleases: true}}
//! ```
//!
//! There are two readings. The **plain** one is Flux's: the key is a version with at least `parts` dot-separated parts, and
//! what follows a hyphen is a pre-release, `-alpine` too. The **family** reading applies where a current tag
//! gives a family: the suffix is taken off first, so that `1.2.3-alpine3.19` is the release 1.2.3, and the numbers in the
//! suffix are compared after the version.

use super::family::{Shape, is_commit_id};
use super::{Parts, Reason};
use crate::version::range::Range;
use crate::version::tag::{self, Unversioned};
use semver::Version;
use std::cmp::Ordering;

/// An all-digit tag of this length and more is a build number or a commit id, never a major version.
const LONGEST_MAJOR: usize = 6;

/// The version of one tag. Values are compared with values of the same reading only.
#[derive(Debug, Clone)]
pub(super) struct Value<'a> {
    pub(super) version: Version,
    /// Present in the family reading.
    shape: Option<Shape<'a>>,
}

impl<'a> Value<'a> {
    /// The plain reading.
    pub(super) fn read(key: &str, parts: Parts, hashes: bool) -> Result<Value<'a>, Unversioned> {
        let version = tag::read(key, parts.count());
        if hashes && is_hash(key) {
            return Err(Unversioned::Hash);
        }
        Ok(Value { version: version?, shape: None })
    }

    /// The family reading.
    pub(super) fn read_family(tag: &'a str, parts: Parts, hashes: bool) -> Result<Value<'a>, Unversioned> {
        if hashes && is_hash(tag) {
            return Err(Unversioned::Hash);
        }
        let (core, tail) = tag::core(tag)?;
        if core.parts < parts.count() {
            return Err(Unversioned::TooFewParts { found: core.parts, wanted: parts.count() });
        }
        let shape = Shape::of(core, tail);
        Ok(Value { version: shape.version(), shape: Some(shape) })
    }

    /// Why the range does not admit the version, if it does not.
    pub(super) fn refuse(&self, range: &Range, prereleases: bool) -> Option<Reason> {
        if range.matches(&self.version, prereleases) {
            None
        } else if !self.version.pre.is_empty() && range.matches(&self.version, true) {
            Some(Reason::Prerelease)
        } else {
            Some(Reason::OutOfRange)
        }
    }

    pub(super) fn compare(&self, other: &Value<'_>) -> Ordering {
        match (&self.shape, &other.shape) {
            (Some(shape), Some(other)) => shape.compare(other),
            _ => self.version.cmp_precedence(&other.version),
        }
    }
}

/// A commit id, or digits and nothing else in a length that no major version has.
fn is_hash(text: &str) -> bool {
    is_commit_id(text) || (text.len() > LONGEST_MAJOR && text.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_and_build_numbers_are_no_versions_unless_the_guard_is_off() {
        for hash in ["1234567", "20241231", "1e10000", "4200077", "99999999999999999999999"] {
            assert_eq!(Value::read(hash, Parts::One, true).unwrap_err(), Unversioned::Hash, "{hash}");
            assert_eq!(Value::read_family(hash, Parts::One, true).unwrap_err(), Unversioned::Hash, "{hash}");
        }
        assert!(Value::read("1234567", Parts::One, false).is_ok());
        assert!(Value::read("123456", Parts::One, true).is_ok());
        assert!(Value::read("17", Parts::One, true).is_ok());
        assert!(Value::read("1.2.3-abc1234", Parts::Three, true).is_ok());
    }

    #[test]
    fn a_suffix_is_a_prerelease_only_in_the_plain_reading() {
        let range = Range::parse(">=1").unwrap();
        let plain = Value::read("1.2.3-alpine3.19", Parts::Three, true).unwrap();
        assert_eq!(plain.refuse(&range, false), Some(Reason::Prerelease));
        assert_eq!(plain.refuse(&range, true), None);
        let family = Value::read_family("1.2.3-alpine3.19", Parts::Three, true).unwrap();
        assert_eq!(family.refuse(&range, false), None);
        let low = Value::read_family("0.2.3-rc.1-alpine3.19", Parts::Three, true).unwrap();
        assert_eq!(low.refuse(&range, false), Some(Reason::OutOfRange));
    }

    #[test]
    fn parts_are_counted_by_each_reading() {
        assert!(Value::read("1.2-rc.1", Parts::Three, true).is_ok(), "Flux counts the dots of the whole text");
        assert!(Value::read_family("1.2-rc.1", Parts::Three, true).is_err());
        assert!(Value::read_family("16.4", Parts::Two, true).is_ok());
    }
}
