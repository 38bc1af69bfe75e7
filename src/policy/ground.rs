//! The ground on which one question is decided: what the current tag means to the policy, which tags may replace it, and how
//! far up is believed.

use super::family::{FamilyName, Shape};
use super::pool::{Entry, Pool, Reading};
use super::ranking::Ranking;
use super::{Guard, Question, Select, floating};
use crate::image::Tag;
use std::collections::BTreeSet;

/// What one question is decided on.
#[derive(Debug)]
pub(super) struct Ground<'r> {
    pub(super) pool: &'r Pool<'r>,
    pub(super) current: Current<'r>,
    /// The family that candidates must be of.
    pub(super) family: Option<FamilyName>,
    /// The highest first number that is believed; `None` where nothing can be an outlier.
    pub(super) reach: Option<u64>,
    /// See [`Question::refused`].
    refused: Option<&'r BTreeSet<Tag>>,
}

impl Ground<'_> {
    /// Whether people do not want the entry.
    pub(super) fn is_refused(&self, entry: &Entry<'_>) -> bool {
        let stands = matches!(&self.current, Current::Ordered(current) if current.tag == entry.tag);
        let among = |refused: &BTreeSet<Tag>| refused.iter().any(|tag| tag.as_str() == entry.tag);
        !stands && self.refused.is_some_and(among)
    }
}

/// What the tag in the file means to the policy.
#[derive(Debug)]
pub(super) enum Current<'r> {
    Absent,
    /// The numbers that a floating version has, for example `[1, 2]`; empty for a name.
    Floating {
        tag: &'r str,
        line: Vec<u64>,
    },
    /// Not comparable, and why.
    Unordered {
        tag: &'r str,
        why: String,
    },
    Ordered(Entry<'r>),
}

impl Ranking<'_> {
    pub(super) fn ground<'r>(&'r self, question: &Question<'r>) -> Ground<'r> {
        Ground { refused: question.refused, ..self.ground_of(question) }
    }

    fn ground_of<'r>(&'r self, question: &Question<'r>) -> Ground<'r> {
        let Some(tag) = question.current.map(Tag::as_str) else {
            return self.on_all(Current::Absent);
        };
        if let Some(suffix) = floating::flavour(tag) {
            return self.on_named(tag, suffix);
        }
        let Some(key) = self.policy.tags.key_of_current(tag) else {
            let why = "`tags.match` does not match it, so that `tags.extract` has no key";
            return self.unordered(tag, why.to_owned());
        };
        if let Some(shape) = Shape::read(&key).filter(|shape| self.moves(shape)) {
            return self.on_short(tag, &shape);
        }
        let reading = if self.has_families() { Reading::Family } else { Reading::Plain };
        match Entry::read(self.policy, reading, tag, key) {
            Err(why) => self.unordered(tag, format!("it {why}")),
            Ok(entry) if self.policy.select.needs_times() && !self.tags.iter().any(|listed| listed == tag) => self
                .unordered(
                    entry.tag,
                    "the registry no longer lists it, so that when it was built cannot be known".to_owned(),
                ),
            Ok(entry) => self.on_family(entry),
        }
    }

    fn on_all<'r>(&'r self, current: Current<'r>) -> Ground<'r> {
        Ground { pool: self.plain(), current, family: None, reach: None, refused: None }
    }

    fn unordered<'r>(&'r self, tag: &'r str, why: String) -> Ground<'r> {
        self.on_all(Current::Unordered { tag, why })
    }

    fn on_family<'r>(&'r self, entry: Entry<'r>) -> Ground<'r> {
        let family = self.has_families().then(|| self.family_of(entry.tag)).flatten();
        let text = matches!(self.policy.select, Select::Alphabetical(_));
        if text && family.as_ref().is_some_and(FamilyName::has_commits) {
            let why = "a commit id in it tells no order; `tags.extract` can take what does";
            return self.unordered(entry.tag, why.to_owned());
        }
        let first_number = entry.first_number();
        self.within(family, Current::Ordered(entry), first_number)
    }

    /// A channel is pinned to the best version of its flavour: `latest` to any, `stable-alpine` to one with `-alpine`.
    fn on_named<'r>(&'r self, tag: &'r str, suffix: &'r str) -> Ground<'r> {
        let flavoured = self.has_versions() && self.has_families() && !suffix.is_empty();
        let family = flavoured.then(|| self.longest(&[false, true].map(|v| Shape::with_suffix(suffix, v))));
        let line = Vec::new();
        self.within(family, Current::Floating { tag, line }, None)
    }

    /// A floating version is pinned to the longest versions that there are with its suffix.
    fn on_short<'r>(&'r self, tag: &'r str, shape: &Shape<'_>) -> Ground<'r> {
        let line = shape.core.values[..shape.core.parts].to_vec();
        let first_number = line.first().copied();
        let family = self.has_families().then(|| self.longest(&[*shape]));
        self.within(family, Current::Floating { tag, line }, first_number)
    }

    fn within<'r>(&'r self, family: Option<FamilyName>, current: Current<'r>, first_number: Option<u64>) -> Ground<'r> {
        let pool = match &family {
            Some(family) => self.pool(&family.key),
            None => self.plain(),
        };
        let guarded = self.policy.guards.is_on(Guard::Outlier);
        let reach = first_number.filter(|_| guarded).map(|first| pool.ladder.reach(first));
        Ground { pool, current, family, reach, refused: None }
    }

    /// The family with a candidate that has the most parts; of the first shape and three parts where none has one.
    fn longest<const N: usize>(&self, shapes: &[Shape<'_>; N]) -> FamilyName {
        let name = |shape: &Shape<'_>, parts| shape.with_parts(parts).name(self.policy.family);
        let longer = shapes.iter().map(|shape| shape.core.parts + 1).max().unwrap_or(1);
        // The parts of a date are the pattern's.
        let dated = matches!(self.policy.select, Select::Calver(_));
        let parts = if dated { 0..=0 } else { self.parts().max(longer)..=3 };
        let most = *parts.end();
        parts
            .rev()
            .flat_map(|parts| shapes.iter().map(move |shape| name(shape, parts)))
            .find(|name| self.pool(&name.key).candidates().next().is_some())
            .unwrap_or_else(|| name(&shapes[0], most))
    }
}
