//! How two tags stand to each other in the policy's own order, whatever the guards make of them: for the question whether a
//! person went back from one to the other, and whether a third is newer than what he went back from.
//!
//! | kind | newer is |
//! |---|---|
//! | `semver`, `calver`, `numeric`, `alphabetical` | greater by value, in the policy's direction |
//! | `newest` | built later; of an image that is gone it is known that it was there when it was written |
//! | `commit` | of a commit that contains the other's |
//! | `digest` | nothing: one tag has no order with itself |

use super::newest;
use super::pool::{Entry, Reading};
use super::ranking::screen;
use super::{Facts, Family, Need, Policy, Select, calver, commit, family};
use crate::image::Tag;

/// A tag that was written, and when: seconds since 1970, UTC.
#[derive(Debug, Clone, Copy)]
pub struct Mark<'a> {
    pub tag: &'a Tag,
    pub written: i64,
}

impl Policy {
    /// Whether the policy would still look at the tag where `beside` is a candidate: its filter, range and history let it
    /// through, and both are of one family. What a policy was changed to leave out it cannot bring back.
    pub fn admits_beside(&self, tag: &Tag, beside: &Tag, facts: &Facts) -> Result<bool, Vec<Need>> {
        let Some(entry) = self.entry(tag).filter(|entry| entry.refused.is_none()) else {
            return Ok(false);
        };
        let related = !self.has_families() || self.family_key(tag.as_str()) == self.family_key(beside.as_str());
        match &self.select {
            Select::Digest(_) => Ok(false),
            Select::Commit(source) if related => {
                let history = commit::needed(source, facts)?;
                Ok(history.is_none_or(|history| history.find(&entry.key).is_ok()))
            }
            _ => Ok(related),
        }
    }

    /// Whether the tag is newer than what was written; `false` also where that cannot be known.
    pub fn is_newer(&self, tag: &Tag, mark: Mark<'_>, facts: &Facts) -> Result<bool, Vec<Need>> {
        let (Some(one), Some(other)) = (self.place_of(tag), self.place_of(mark.tag)) else {
            return Ok(false);
        };
        match &self.select {
            Select::Digest(_) => Ok(false),
            Select::Newest => newest::is_later(tag, mark, facts),
            Select::Commit(source) => {
                let history = commit::needed(source, facts)?;
                let places = history.and_then(|it| Some((it, it.find(&one.key).ok()?, it.find(&other.key).ok()?)));
                Ok(places.is_some_and(|(history, one, other)| one != other && history.contains(one, other)))
            }
            _ => Ok(one.compare_value(&other, self).is_gt()),
        }
    }

    /// A tag that the filter lets through and the kind can order.
    fn entry<'t>(&self, tag: &'t Tag) -> Option<Entry<'t>> {
        let key = screen(self, tag.as_str()).ok()?;
        Entry::read(self, self.reading(), tag.as_str(), key).ok()
    }

    /// The same for tags that stand somewhere, whatever `exclude` says.
    fn place_of<'t>(&self, tag: &'t Tag) -> Option<Entry<'t>> {
        let key = self.tags.key_of_current(tag.as_str())?;
        Entry::read(self, self.reading(), tag.as_str(), key).ok()
    }

    fn reading(&self) -> Reading {
        if self.has_families() { Reading::Family } else { Reading::Plain }
    }

    /// Whether a decision hangs on the tags, the question and the day alone: nothing is asked of a registry but its list,
    /// and no age is counted. The day is that of [`Facts::now`](super::Facts::now), UTC: a suffix may name one to come.
    pub fn hangs_on_tags(&self) -> bool {
        let by_text = match self.select {
            Select::Semver { .. } | Select::Calver(_) | Select::Numeric(_) | Select::Alphabetical(_) => true,
            Select::Newest | Select::Commit(_) | Select::Digest(_) => false,
        };
        by_text && !self.require.asks() && self.watch.is_none()
    }

    /// Families need a policy that does not say itself which tags it means.
    pub(super) fn has_families(&self) -> bool {
        let matched = self.tags.matching.is_some();
        // The key of a commit is its id and nothing else.
        !matched && self.family != Family::Any && !matches!(self.select, Select::Commit(_))
    }

    /// What tells the tag's family from others; without the text for people.
    fn family_key(&self, tag: &str) -> Option<String> {
        let mut key = String::new();
        self.write_family_key(tag, &mut key).then_some(key)
    }

    /// Writes what tells the tag's family from others, without the text for people. Says whether it has one.
    pub(super) fn write_family_key(&self, tag: &str, key: &mut String) -> bool {
        let shape = match &self.select {
            Select::Semver { .. } => family::Shape::read(tag),
            Select::Calver(pattern) => calver::shape(tag, pattern),
            _ => return family::write_key_of_text(tag, key),
        };
        shape.map(|shape| shape.write_key(self.family, key)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Digest, ImageMetadata};
    use crate::policy::{Order, Parts, PolicyName, Source};
    use crate::version::history::{Commit, History, Id};
    use crate::version::range::Range;
    use regex::Regex;
    use std::sync::Arc;

    fn policy(select: Select) -> Policy {
        Policy::new(PolicyName::parse("web").unwrap(), "landwaiter.yaml", select)
    }

    fn semver(range: &str) -> Policy {
        policy(Select::Semver { range: Range::parse(range).unwrap(), parts: Parts::Three, prereleases: false })
    }

    fn tag(text: &str) -> Tag {
        Tag::parse(text).unwrap()
    }

    fn newer(policy: &Policy, one: &str, other: &str, facts: &Facts) -> Result<bool, Vec<Need>> {
        policy.is_newer(&tag(one), Mark { tag: &tag(other), written: 500 }, facts)
    }

    fn admits(policy: &Policy, one: &str, beside: &str) -> bool {
        policy.admits_beside(&tag(one), &tag(beside), &Facts::default()).unwrap()
    }

    #[test]
    fn what_the_text_tells_is_told_by_value() {
        for (policy, one, other, expected) in [
            (semver("*"), "1.10.0", "1.9.0", true),
            (semver("*"), "1.9.0", "1.10.0", false),
            (semver("*"), "v1.9.0", "1.9.0", false),
            // Guards and ranges are no matter of order.
            (semver("<1"), "40.0.0", "1.0.0", true),
            (semver("*"), "1.3.0-alpine", "1.2.0-alpine", true),
            (semver("*"), "main", "1.0.0", false),
            (semver("*"), "1.0.0", "main", false),
            (policy(Select::Numeric(Order::Asc)), "11", "9", true),
            (policy(Select::Numeric(Order::Desc)), "11", "9", false),
            (policy(Select::Alphabetical(Order::Desc)), "a", "b", true),
            (policy(Select::Digest(tag("stable"))), "stable", "stable", false),
        ] {
            let found = newer(&policy, one, other, &Facts::default());
            assert_eq!(found, Ok(expected), "{one} after {other} by {:?}", policy.select);
        }
    }

    #[test]
    fn a_policy_admits_what_its_filter_range_and_family_let_through() {
        for (policy, one, beside, expected) in [
            (semver("*"), "2.0.0", "1.0.0", true),
            (semver("<2"), "2.0.0", "1.0.0", false),
            (semver("*"), "2.0.0-rc.1", "1.0.0", false),
            (semver("*"), "2.0.0-alpine", "1.0.0", false),
            (semver("*"), "20261120", "1.0.0", false),
            (policy(Select::Digest(tag("stable"))), "stable", "stable", false),
            (policy(Select::Numeric(Order::Asc)), "1.0.0", "1", false),
        ] {
            assert_eq!(admits(&policy, one, beside), expected, "{one} beside {beside} by {:?}", policy.select);
        }
        let mut filtered = semver("*");
        filtered.tags.exclude = vec![Regex::new("^2").unwrap()];
        assert!(!admits(&filtered, "2.0.0", "1.0.0"));
        assert!(admits(&filtered, "1.2.0", "1.0.0"));
        filtered.tags.matching = Some(Regex::new(r"^(\d+\.\d+\.\d+)").unwrap());
        filtered.tags.extract = Some("$1".to_owned());
        assert!(admits(&filtered, "1.2.0-alpine", "1.0.0"), "a policy that says what it means has no families");
        assert_eq!(newer(&filtered, "2.0.0", "1.0.0", &Facts::default()), Ok(true), "a value that stands has a place");
    }

    #[test]
    fn build_times_are_asked_for_and_a_lost_image_was_there_when_it_was_written() {
        let policy = policy(Select::Newest);
        let needs = |tags: &[&str]| Err(tags.iter().map(|text| Need::Metadata(tag(text))).collect::<Vec<_>>());
        let mut facts = Facts { now: Some(2_000_000_000), ..Facts::default() };
        assert_eq!(newer(&policy, "b", "a", &facts), needs(&["b", "a"]));
        let built = |time| {
            let digest = Digest::parse(&format!("sha256:{}", "ab".repeat(32))).unwrap();
            Ok(ImageMetadata {
                size: None,
                run: None,
                digest,
                created: Some(1_500_000_000_i64 + time),
                platforms: Vec::new(),
                labels: Default::default(),
            })
        };
        let at = |one: &str, time, facts: &Facts| {
            policy.is_newer(&tag(one), Mark { tag: &tag("a"), written: 1_500_000_000_i64 + time }, facts)
        };
        facts.metadata.insert(tag("b"), built(100));
        facts.metadata.insert(tag("a"), built(99));
        assert_eq!(at("b", 200, &facts), Ok(true));
        facts.metadata.insert(tag("a"), built(100));
        assert_eq!(at("b", 200, &facts), Ok(false));
        facts.metadata.insert(tag("a"), Err("gone".to_owned()));
        assert_eq!(at("b", 99, &facts), Ok(true));
        assert_eq!(at("b", 100, &facts), Ok(false));
        facts.metadata.insert(tag("b"), Err("gone".to_owned()));
        assert_eq!(at("b", 1, &facts), Ok(false));
    }

    #[test]
    fn of_commits_only_what_contains_the_other_is_newer() {
        let id = |at: u8| Id::from_bytes(&[at; 20]).unwrap();
        let commit = |at: u8, parents: &[u8]| Commit {
            id: id(at),
            parents: parents.iter().map(|at| id(*at)).collect(),
            time: i64::from(at),
        };
        // 0x55 merges the two sides 0x33 and 0x44 of 0x11.
        let commits = [commit(0x55, &[0x33, 0x44]), commit(0x44, &[0x11]), commit(0x33, &[0x11]), commit(0x11, &[])];
        let history = History::new(id(0x55), &commits).unwrap();
        let source = Source { url: "https://x".into(), host: "x".into(), branch: "main".into() };
        let policy = policy(Select::Commit(source.clone()));
        let mut facts = Facts::default();
        assert_eq!(newer(&policy, "5555555", "3333333", &facts), Err(vec![Need::History(source.clone())]));
        facts.histories.insert(source.clone(), Ok(Arc::new(history)));
        for (one, other, expected) in [
            ("5555555", "3333333", true),
            ("4444444", "3333333", false),
            ("3333333", "4444444", false),
            ("3333333", "3333333", false),
            ("5555555", "7777777", false),
        ] {
            assert_eq!(newer(&policy, one, other, &facts), Ok(expected), "{one} after {other}");
        }
        let beside = |one: &str| policy.admits_beside(&tag(one), &tag("5555555"), &facts).unwrap();
        assert!(beside("3333333") && !beside("7777777") && !beside("main"));
        let lost = Facts { histories: [(source, Err("no".to_owned()))].into(), ..Facts::default() };
        assert_eq!(policy.admits_beside(&tag("3333333"), &tag("5555555"), &lost), Ok(true), "what is not known holds");
        assert_eq!(newer(&policy, "5555555", "3333333", &lost), Ok(false));
    }
}
