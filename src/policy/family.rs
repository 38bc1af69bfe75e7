//! Families: which tags are the same flavour of the same image, so that `1.27.0-alpine` goes to `1.28.0-alpine` and never to
//! `1.28.0` or `v1.28.0-alpine`.
//!
//! A tag that begins with a version is read as a [`Shape`]: `v` or none, one to three numbers, a pre-release, a suffix.
//!
//! | tag | numbers | pre-release | suffix | family |
//! |---|---|---|---|---|
//! | `v1.2.3` | 1.2.3 | | | `v#.#.#` |
//! | `1.2.3-alpine3.19` | 1.2.3 | | `-alpine3.19` | `#.#.#-alpine#.#` |
//! | `7.4.0RC3-fpm` | 7.4.0 | `RC3` | `-fpm` | `#.#.#-fpm` |
//! | `21.0.10_7-jre` | 21.0.10 | | `_7-jre` | `#.#.#_#-jre` |
//! | `1.2.3-4-gabc1234` | 1.2.3 | | `-4-gabc1234` | `#.#.#-#-@` |
//!
//! Numbers in the suffix are holes (`#`) whose values are compared after the version, commit ids are holes (`@`) that do not
//! count at all, and the numbers in names of machines (`arm64v8`, `x86_64`) are part of the word. A pre-release is no part of the
//! family. `family: exact` keeps the suffix as it is. Where the policy does not order by version, the same holes are cut into
//! the whole tag (`exact` then asks for no more than `compatible`); a tag of words alone has no family there.
//!
//! What is a pre-release and not a word of the suffix: see `PRERELEASES`.

mod words;

use super::Family;
use crate::version::natural::{self, Run};
use crate::version::number::compare_digits;
use crate::version::tag::{Core, core};
use semver::{Prerelease, Version};
use std::cmp::Ordering;
use std::fmt::Write as _;
use words::{Token, is_machine, prerelease, tokens};
pub(super) use words::{is_commit_id, is_constant};

/// A family, for looking up and for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FamilyName {
    pub(super) key: String,
    pub(super) described: String,
}

impl FamilyName {
    /// Whether the order leaves something out, so that two of its tags may differ in more than spelling.
    pub(super) fn has_commits(&self) -> bool {
        self.key.contains(COMMIT)
    }
}

/// Stands in a key for digits that may change.
const NUMBER: char = '#';
/// Stands in a key for a commit id.
const COMMIT: char = '@';

/// A tag that begins with a version, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape<'a> {
    pub(super) core: Core,
    pre: &'a str,
    /// What stands before and after the pre-release, separators included.
    suffix: [&'a str; 2],
}

impl<'a> Shape<'a> {
    /// `None` when the tag does not begin with one to three numbers.
    pub(super) fn read(tag: &'a str) -> Option<Shape<'a>> {
        let (core, tail) = core(tag).ok()?;
        Some(Shape::of(core, tail))
    }

    /// The numbers at the front, and what follows them.
    pub(super) fn of(core: Core, tail: &'a str) -> Shape<'a> {
        let (pre, suffix) = split(tail);
        Shape { core, pre, suffix }
    }

    /// The version that ranges judge: without the suffix, the pre-release in the spelling that semantic versioning allows.
    pub(super) fn version(&self) -> Version {
        let [major, minor, patch] = self.core.values;
        let mut version = Version::new(major, minor, patch);
        version.pre = spell(self.pre);
        version
    }

    /// Core, release after pre-releases, pre-releases as people count, then the numbers of the suffix.
    pub(super) fn compare(&self, other: &Shape<'_>) -> Ordering {
        let released = self.pre.is_empty().cmp(&other.pre.is_empty());
        (self.core.values.cmp(&other.core.values))
            .then(released)
            .then_with(|| natural::compare(self.pre, other.pre))
            .then_with(|| compare_numbers(self.suffix, other.suffix))
    }

    /// A shape with this suffix, to be given numbers: the flavour of `stable-alpine` is `-alpine`.
    pub(super) fn with_suffix(suffix: &'a str, v: bool) -> Shape<'a> {
        let core = Core { v, parts: 0, values: [0; 3] };
        Shape { core, pre: "", suffix: [suffix, ""] }
    }

    /// What stands behind (and with `v` before) numbers that somebody else reads.
    pub(super) fn of_tail(tail: &'a str, v: bool) -> Shape<'a> {
        Shape::of(Core { v, parts: 0, values: [0; 3] }, tail)
    }

    pub(super) fn is_prerelease(&self) -> bool {
        !self.pre.is_empty()
    }

    /// The dates in the suffix as numbers, such as 20240501: what is built on a day does not move any more.
    pub(super) fn dates(&self) -> impl Iterator<Item = u32> {
        numbers(self.suffix).filter(|digits| digits.len() == 8).filter_map(|digits| {
            let date: u32 = digits.parse().ok()?;
            let (month, day) = (date / 100 % 100, date % 100);
            let is_date =
                (2000..2200).contains(&(date / 10_000)) && (1..=12).contains(&month) && (1..=31).contains(&day);
            is_date.then_some(date)
        })
    }

    /// The same flavour with another number of parts, for a floating tag that is to be pinned.
    pub(super) fn with_parts(self, parts: usize) -> Shape<'a> {
        let core = Core { parts, ..self.core };
        Shape { core, ..self }
    }

    pub(super) fn name(&self, family: Family) -> FamilyName {
        FamilyName { key: self.key(family), described: self.describe(family) }
    }

    pub(super) fn key(&self, family: Family) -> String {
        let mut key = String::with_capacity(24);
        self.write_key(family, &mut key);
        key
    }

    pub(super) fn write_key(&self, family: Family, key: &mut String) {
        key.push_str(if self.core.v { "v#" } else { "#" });
        for _ in 1..self.core.parts {
            key.push_str(".#");
        }
        for part in self.suffix {
            match family {
                Family::Exact => key.push_str(part),
                Family::Compatible | Family::Any => cut_holes(part, key),
            }
        }
    }

    /// The family as people say it: `v + 3 parts + -alpine*`.
    fn describe(&self, family: Family) -> String {
        let mut words = String::new();
        if self.core.v {
            words.push_str("v + ");
        }
        let _ = match self.core.parts {
            0 => write!(words, "date"),
            1 => write!(words, "1 part"),
            parts => write!(words, "{parts} parts"),
        };
        let suffix = self.suffix.concat();
        if !suffix.is_empty() {
            words.push_str(" + ");
            match family {
                Family::Exact => words.push_str(&suffix),
                Family::Compatible | Family::Any => words.push_str(&describe_holes(&suffix)),
            }
        }
        words
    }
}

/// The pre-release in what follows the numbers, and what stands before and after it.
fn split(tail: &str) -> (&str, [&str; 2]) {
    match Some(tail).filter(|tail| !tail.is_empty()).and_then(prerelease) {
        Some(at) => (&tail[at.pre.clone()], [&tail[..at.start], &tail[at.pre.end..]]),
        None => ("", [tail, ""]),
    }
}

/// The family of a tag under a policy that does not order by version.
pub(super) fn name_of_text(tag: &str) -> Option<FamilyName> {
    key_of_text(tag).map(|key| FamilyName { key, described: describe_holes(tag) })
}

/// Its key alone; `None` when nothing in the tag could change.
pub(super) fn key_of_text(tag: &str) -> Option<String> {
    let mut key = String::with_capacity(tag.len());
    write_key_of_text(tag, &mut key).then_some(key)
}

/// Writes that key, and says whether there is one.
pub(super) fn write_key_of_text(tag: &str, key: &mut String) -> bool {
    let changes = !is_constant(tag);
    if changes {
        cut_holes(tag, key);
    }
    changes
}

/// Numbers become `*` for people, with the dots between them.
fn describe_holes(text: &str) -> String {
    let mut holes = String::new();
    cut_holes(text, &mut holes);
    while holes.contains("#.#") {
        holes = holes.replace("#.#", "#");
    }
    holes.replace(NUMBER, "*").replace(COMMIT, "<commit>")
}

/// Writes `text` with a `#` for each run of digits and a `@` for each commit id.
fn cut_holes(text: &str, key: &mut String) {
    for token in tokens(text) {
        match token {
            Token::Between(between) => key.push_str(between),
            Token::Word(word) if is_commit_id(word) => key.push(COMMIT),
            Token::Word(word) if is_machine(word) => key.push_str(word),
            Token::Word(word) => {
                for run in natural::runs(word) {
                    match run {
                        Run::Digits(_) => key.push(NUMBER),
                        Run::Letters(letters) => key.push_str(letters),
                    }
                }
            }
        }
    }
}

fn compare_numbers(a: [&str; 2], b: [&str; 2]) -> Ordering {
    let (mut a, mut b) = (numbers(a), numbers(b));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (Some(a), Some(b)) => compare_digits(a, b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// The numbers in the holes of a suffix, in order.
fn numbers(suffix: [&str; 2]) -> impl Iterator<Item = &str> {
    suffix
        .into_iter()
        .flat_map(tokens)
        .filter_map(|token| match token {
            Token::Word(word) if !is_commit_id(word) && !is_machine(word) => Some(word),
            _ => None,
        })
        .flat_map(natural::runs)
        .filter_map(|run| match run {
            Run::Digits(digits) => Some(digits),
            Run::Letters(_) => None,
        })
}

/// `rc.01` and `b5` as semantic versioning spells them: no leading zeros. A word that still is none reads as `0`.
fn spell(pre: &str) -> Prerelease {
    if pre.is_empty() {
        return Prerelease::EMPTY;
    }
    let parts: Vec<&str> = pre
        .split(['.', '-'])
        .map(|part| match part.trim_start_matches('0') {
            "" => "0",
            trimmed if part.bytes().all(|b| b.is_ascii_digit()) => trimmed,
            _ => part,
        })
        .collect();
    Prerelease::new(&parts.join(".")).unwrap_or_else(|_| Prerelease::new("0").unwrap_or_default())
}

#[cfg(test)]
mod tests;
