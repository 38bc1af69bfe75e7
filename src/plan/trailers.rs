//! What commits of ours say for later runs: one line for each change, with the key of its place and the value that was written.
//!
//! ```text
//! Landwaiter-Wrote: 532c68f8917487c3 1.4.2
//! Landwaiter-Wrote: 68d209ba60e93387 1.4.2@sha256:0b7c...
//! ```
//!
//! The lines are part of the branch, so that they outlive every state folder. They are read wherever they stand in a message and
//! whoever made the commit: a person who squashes or merges a pull request carries them along in its text. Somebody who makes one up
//! can hold a reference or lift a hold, which whoever may push to the branch can do anyway.

use super::{Group, Key, Plan, State};
use crate::image::{Digest, Tag};
use std::collections::{HashMap, HashSet};
use std::fmt;

/// How a line begins that says what was written where.
const WROTE: &str = "Landwaiter-Wrote: ";
/// How `git revert` begins the line that names what it undoes.
const REVERTS: &str = "This reverts commit ";
/// Digits of a commit id that are enough to name one.
const LEAST_DIGITS: usize = 7;

/// The lines for the changes of one group, in the order of the plan. They belong into its commit message and, where it becomes a
/// pull request, into the text of that too.
pub fn wrote(plan: &Plan, group: &Group) -> String {
    let line = |(at, key): (&usize, &Key)| match &plan.entries.get(*at)?.state {
        State::Change(change) => {
            let value = Value { tag: change.to.tag.clone(), digest: change.to.digest.clone() };
            Some(format!("{WROTE}{key} {value}\n"))
        }
        _ => None,
    };
    group.members.iter().zip(&group.keys).filter_map(line).collect()
}

/// What stands at a place: a tag, a digest or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    pub tag: Option<Tag>,
    pub digest: Option<Digest>,
}

impl Value {
    fn parse(text: &str) -> Option<Value> {
        let (tag, digest) = match text.split_once('@') {
            Some((tag, digest)) => (tag, Some(Digest::parse(digest).ok()?)),
            None => (text, None),
        };
        let tag = if tag.is_empty() { None } else { Some(Tag::parse(tag).ok()?) };
        (tag.is_some() || digest.is_some()).then_some(Value { tag, digest })
    }

    /// With the digest shortened, for people.
    pub fn short(&self) -> String {
        super::message_value(self.tag.as_ref().map(Tag::as_str), self.digest.as_ref())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&super::message::exact(self.tag.as_ref().map(Tag::as_str), self.digest.as_ref()))
    }
}

/// What the commits of a branch say, those whose messages matter; what came onto the branch last is first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    pub commits: Vec<PastCommit>,
}

/// One commit, with the part of its message that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastCommit {
    /// In hex.
    pub id: String,
    /// The author's name.
    pub author: String,
    /// When it was committed, in seconds since 1970, by its own word.
    pub time: i64,
    pub said: String,
}

/// The lines of a message that speak of these places, or of what was reverted; `None` where there are none.
pub fn matters(message: &str, keys: &HashSet<Key>) -> Option<String> {
    if !message.contains(WROTE) && !message.contains(REVERTS) {
        return None;
    }
    let wanted = |line: &&str| wrote_line(line).is_some_and(|(key, _)| keys.contains(&key)) || reverts(line).is_some();
    let lines: Vec<&str> = message.lines().filter(wanted).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn wrote_line(line: &str) -> Option<(Key, &str)> {
    let (key, value) = line.trim_start().strip_prefix(WROTE)?.split_once(' ')?;
    Some((Key::parse(key)?, value.trim()))
}

/// The id of the commit that the line says is undone.
fn reverts(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix(REVERTS)?;
    let end = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
    Some(&rest[..end]).filter(|id| id.len() >= LEAST_DIGITS)
}

/// One value that was written, and by which commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrote {
    pub value: Value,
    /// Where it stands in the past.
    commit: usize,
}

/// What was written at each place, and what was undone.
#[derive(Debug, Clone, Default)]
pub struct Trailers {
    past: Past,
    /// The newest first.
    wrote: HashMap<Key, Vec<Wrote>>,
    /// The beginning of the undone commit's id, and which commit undid it; the newest first.
    undone: Vec<(String, usize)>,
}

impl Trailers {
    pub fn read(past: Past) -> Trailers {
        let mut trailers = Trailers::default();
        for (at, commit) in past.commits.iter().enumerate() {
            for (key, value) in newest_first(&commit.said) {
                trailers.wrote.entry(key).or_default().push(Wrote { value, commit: at });
            }
            let undone = commit.said.lines().filter_map(reverts);
            trailers.undone.extend(undone.map(|id| (id.to_ascii_lowercase(), at)));
        }
        trailers.past = past;
        trailers
    }

    /// What was written at the place, the newest first.
    pub fn wrote(&self, key: Key) -> &[Wrote] {
        self.wrote.get(&key).map_or(&[], Vec::as_slice)
    }

    pub fn commit(&self, of: &Wrote) -> &PastCommit {
        &self.past.commits[of.commit]
    }

    /// The newest commit that says it undoes the one that wrote this.
    pub fn undone_by(&self, wrote: &Wrote) -> Option<&PastCommit> {
        let id = &self.commit(wrote).id;
        let by = self.undone.iter().find(|(undone, by)| *by < wrote.commit && id.starts_with(undone))?;
        self.past.commits.get(by.1)
    }
}

/// What one message says was written, the last first: forges put the messages of squashed commits one below the other. `git merge
/// --squash` indents them, and begins with the newest.
fn newest_first(said: &str) -> Vec<(Key, Value)> {
    let lines = || said.lines().filter_map(|line| Some((line, wrote_line(line)?)));
    let read = |(_, (key, value))| Some((key, Value::parse(value)?));
    let is_indented = |(line, _): &(&str, _)| line.starts_with(' ');
    let own = lines().filter(|line| !is_indented(line)).filter_map(read);
    let mut all: Vec<(Key, Value)> = own.collect();
    all.reverse();
    all.extend(lines().filter(is_indented).filter_map(read));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "532c68f8917487c3";
    const OTHER: &str = "68d209ba60e93387";

    fn key(text: &str) -> Key {
        Key::parse(text).unwrap()
    }

    fn commit(id: &str, said: &str) -> PastCommit {
        PastCommit { id: id.repeat(40), author: "Ann".to_owned(), time: 0, said: said.to_owned() }
    }

    fn values(trailers: &Trailers, key_text: &str) -> Vec<String> {
        trailers.wrote(key(key_text)).iter().map(|wrote| wrote.value.to_string()).collect()
    }

    #[test]
    fn only_the_lines_that_were_asked_for_are_kept() {
        let message = format!("Update\n\nLandwaiter-Wrote: {KEY} 1.0\nLandwaiter-Wrote: {OTHER} 2.0\nmore\n");
        let keys = HashSet::from([key(KEY)]);
        assert_eq!(matters(&message, &keys).unwrap(), format!("Landwaiter-Wrote: {KEY} 1.0"));
        assert_eq!(matters(&message, &HashSet::new()), None);
        let revert = "Revert\n\nThis reverts commit 0123456789abcdef, reversing\nchanges made to 1.";
        assert_eq!(matters(revert, &keys).unwrap(), "This reverts commit 0123456789abcdef, reversing");
        assert_eq!(matters("This reverts commit of yours", &keys), None);
    }

    #[test]
    fn a_line_counts_where_it_begins_with_the_word_and_says_a_value() {
        for (line, expected) in [
            (format!("Landwaiter-Wrote: {KEY} 1.0"), "1.0"),
            (format!("  Landwaiter-Wrote: {KEY} 1.0  \r"), "1.0"),
            (format!("x Landwaiter-Wrote: {KEY} 1.0"), ""),
            (format!("Landwaiter-Wrote: {KEY}"), ""),
            (format!("Landwaiter-Wrote: {KEY} -"), ""),
            (format!("Landwaiter-Wrote: {KEY} a b"), ""),
            (format!("Landwaiter-Wrote: {KEY}0 1.0"), ""),
        ] {
            let trailers = Trailers::read(Past { commits: vec![commit("a", &line)] });
            assert_eq!(values(&trailers, KEY).concat(), expected, "{line:?}");
        }
    }

    #[test]
    fn a_value_is_read_as_it_is_written() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        for text in ["1.0".to_owned(), format!("1.0@{digest}"), format!("@{digest}")] {
            assert_eq!(Value::parse(&text).unwrap().to_string(), text);
        }
        for bad in ["", "@", "1.0@", "a b", "1.0@sha256:1"] {
            assert_eq!(Value::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_newest_value_comes_first_also_within_one_message() {
        let line = |value: &str| format!("Landwaiter-Wrote: {KEY} {value}");
        let squashed_by_a_forge = [line("2.0"), line("2.1")].join("\n");
        let squashed_by_git = [line("1.1"), line("1.0")].map(|line| format!("    {line}")).join("\n");
        let commits = vec![commit("c", &line("3.0")), commit("b", &squashed_by_a_forge), commit("a", &squashed_by_git)];
        assert_eq!(values(&Trailers::read(Past { commits }), KEY), ["3.0", "2.1", "2.0", "1.1", "1.0"]);
    }

    #[test]
    fn who_undid_a_commit_is_the_newest_that_names_it() {
        let wrote = format!("Landwaiter-Wrote: {KEY} 1.0");
        let revert = format!("This reverts commit {}.", "a".repeat(12));
        let before = format!("This reverts commit {}.", "a".repeat(40));
        let commits = vec![commit("d", &revert), commit("c", &revert), commit("a", &wrote), commit("b", &before)];
        let trailers = Trailers::read(Past { commits });
        assert_eq!(trailers.undone_by(&trailers.wrote(key(KEY))[0]).unwrap().id, "d".repeat(40));
        let alone = Trailers::read(Past { commits: vec![commit("a", &wrote), commit("b", &before)] });
        assert_eq!(alone.undone_by(&alone.wrote(key(KEY))[0]), None, "what is older undid nothing");
    }
}
