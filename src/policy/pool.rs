//! A pool: the tags among which one decision is made, in the policy's order.
//!
//! The order is total and does not depend on the list's: value first; of equal values the greatest key by bytes; of equal
//! keys the smallest tag by bytes. Versions that the range refuses stay in the pool, because a current tag may stand among
//! them and their first numbers tell which jumps are believable.

use super::floating::Evidence;
use super::outlier::Ladder;
use super::{Guard, Policy, Reason, Select, alphabetical, calver, commit, family, numeric, semver};
use crate::version::tag::Unversioned;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::iter;
use std::sync::OnceLock;

/// How tags are read: see [`semver`] and [`calver`]. The other kinds have one reading only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Plain,
    Family,
}

/// One tag and what the policy makes of it.
#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    pub(super) tag: &'a str,
    pub(super) key: Cow<'a, str>,
    value: Value<'a>,
    /// Orderable, but no candidate.
    pub(super) refused: Option<Reason>,
}

#[derive(Debug, Clone)]
enum Value<'a> {
    Version(semver::Value<'a>),
    Date(calver::Value<'a>),
    Number(numeric::Value),
    Text,
}

/// Why a tag has no place in the policy's order. The display is a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unordered {
    Version(Unversioned),
    Date,
    Number,
    Commit,
}

impl fmt::Display for Unordered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unordered::Version(why) => why.fmt(f),
            Unordered::Date => f.write_str("is no date as the policy's pattern writes it"),
            Unordered::Number => f.write_str("is not a plain decimal number"),
            Unordered::Commit => f.write_str(commit::NO_ID),
        }
    }
}

impl<'a> Entry<'a> {
    pub(super) fn read(
        policy: &Policy,
        reading: Reading,
        tag: &'a str,
        key: Cow<'a, str>,
    ) -> Result<Entry<'a>, Unordered> {
        let value = match &policy.select {
            Select::Semver { parts, .. } => {
                let hashes = policy.guards.is_on(Guard::Hash);
                let value = match reading {
                    Reading::Plain => semver::Value::read(&key, *parts, hashes),
                    Reading::Family => semver::Value::read_family(tag, *parts, hashes),
                };
                Value::Version(value.map_err(Unordered::Version)?)
            }
            Select::Calver(pattern) => {
                let value = match reading {
                    Reading::Plain => calver::Value::read(&key, pattern),
                    Reading::Family => calver::Value::read_family(tag, pattern),
                };
                Value::Date(value.ok_or(Unordered::Date)?)
            }
            Select::Numeric(_) => Value::Number(numeric::Value::read(&key).ok_or(Unordered::Number)?),
            Select::Commit(_) if !commit::is_id(&key) => return Err(Unordered::Commit),
            Select::Alphabetical(_) | Select::Newest | Select::Commit(_) | Select::Digest(_) => Value::Text,
        };
        let refused = match (&policy.select, &value) {
            (Select::Semver { range, prereleases, .. }, Value::Version(value)) => value.refuse(range, *prereleases),
            (_, Value::Date(value)) => value.refuse(),
            _ => None,
        };
        Ok(Entry { tag, key, value, refused })
    }

    /// By value alone; greater is preferred.
    pub(super) fn compare_value(&self, other: &Entry<'_>, policy: &Policy) -> Ordering {
        match (&self.value, &other.value, &policy.select) {
            (Value::Version(value), Value::Version(other), _) => value.compare(other),
            (Value::Date(value), Value::Date(other), _) => value.compare(other),
            (Value::Number(value), Value::Number(other), Select::Numeric(order)) => value.compare(other, *order),
            (_, _, Select::Alphabetical(order)) => alphabetical::compare(&self.key, &other.key, *order),
            // One policy makes values of one kind; those that a tag's text says nothing about are equal here.
            _ => Ordering::Equal,
        }
    }

    /// The total order, best first.
    fn compare(&self, other: &Entry<'_>, policy: &Policy) -> Ordering {
        (other.compare_value(self, policy)).then_with(|| other.key.cmp(&self.key)).then_with(|| self.tag.cmp(other.tag))
    }

    /// The numbers that the key begins with, as far as there are three.
    pub(super) fn numbers(&self) -> Option<[u64; 3]> {
        family::Shape::read(&self.key).map(|shape| shape.core.values)
    }

    /// The first number of a version.
    pub(super) fn first_number(&self) -> Option<u64> {
        self.version().map(|version| version.major)
    }

    pub(super) fn version(&self) -> Option<&::semver::Version> {
        match &self.value {
            Value::Version(value) => Some(&value.version),
            _ => None,
        }
    }
}

/// Entries in order. Most decisions hang on the best of them alone, so that the others are put in order when they are
/// asked for.
#[derive(Debug, Default)]
pub(super) struct Pool<'a> {
    policy: Option<&'a Policy>,
    /// As they were listed.
    listed: Vec<Entry<'a>>,
    /// The best of those that nothing refuses, by its place in `listed`.
    best: Option<usize>,
    /// All places in `listed`, best first, each tag once.
    order: OnceLock<Vec<usize>>,
    pub(super) ladder: Ladder,
}

impl<'a> Pool<'a> {
    /// `evidence` is asked only where short versions could be candidates.
    pub(super) fn new<'e>(
        policy: &'a Policy,
        reading: Reading,
        tags: impl ExactSizeIterator<Item = (&'a str, Cow<'a, str>)>,
        evidence: impl Fn() -> &'e Evidence,
    ) -> Pool<'a> {
        let mut listed: Vec<Entry<'a>> = Vec::with_capacity(tags.len());
        listed.extend(tags.filter_map(|(tag, key)| Entry::read(policy, reading, tag, key).ok()));
        for entry in listed.iter_mut().filter(|entry| entry.refused.is_none()) {
            if floats(policy, &entry.key, &evidence) {
                entry.refused = Some(Reason::Floating);
            }
        }
        let candidates = listed.iter().enumerate().filter(|(_, entry)| entry.refused.is_none());
        let best = candidates.min_by(|(_, a), (_, b)| a.compare(b, policy)).map(|(at, _)| at);
        let ladder = Ladder::new(listed.iter().filter_map(Entry::first_number));
        Pool { policy: Some(policy), listed, best, order: OnceLock::new(), ladder }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// Best first, each tag once.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.order().iter().map(|at| &self.listed[*at])
    }

    /// Those that nothing refuses, best first.
    pub(super) fn candidates(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.best.into_iter().flat_map(|best| {
            let others = || self.entries().filter(|entry| entry.refused.is_none()).skip(1);
            iter::once(&self.listed[best]).chain(iter::once_with(others).flatten())
        })
    }

    /// Whether the very tag is in the pool.
    pub(super) fn lists(&self, tag: &str) -> bool {
        self.listed.iter().any(|entry| entry.tag == tag)
    }

    fn order(&self) -> &[usize] {
        self.order.get_or_init(|| {
            let mut order: Vec<usize> = (0..self.listed.len()).collect();
            if let Some(policy) = self.policy {
                order.sort_unstable_by(|a, b| self.listed[*a].compare(&self.listed[*b], policy));
            }
            order.dedup_by(|a, b| self.listed[*a].tag == self.listed[*b].tag);
            order
        })
    }
}

/// Whether the key is a short version that longer ones refine.
fn floats<'e>(policy: &Policy, key: &str, evidence: impl Fn() -> &'e Evidence) -> bool {
    let possible = match &policy.select {
        // Keys have at least `parts` numbers, save for the few whose pre-release has the missing dots.
        Select::Semver { parts, .. } => *parts != super::Parts::Three || key.contains('-'),
        Select::Calver(_) => true,
        _ => false,
    };
    possible
        && policy.guards.is_on(Guard::Floating)
        && family::Shape::read(key).is_some_and(|shape| shape.core.parts < 3 && evidence().refines(&shape))
}
