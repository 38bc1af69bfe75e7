//! The rule, case by case.

use super::*;
use crate::edit::{Action, Target};
use crate::image::Digest;
use crate::plan::{Change, Found, Past, PastCommit, keys};
use crate::policy::{Parts, PolicyName, Select};
use crate::site;
use crate::version::range::Range;

fn policy(select: Select) -> Policy {
    Policy::new(PolicyName::parse("web").unwrap(), "landwaiter.yaml", select)
}

fn semver(range: &str) -> Policy {
    policy(Select::Semver { range: Range::parse(range).unwrap(), parts: Parts::Three, prereleases: false })
}

fn moving() -> Policy {
    policy(Select::Digest(Tag::parse("stable").unwrap()))
}

/// `a` in a value stands for a digest.
fn full(value: &str) -> String {
    let (tag, digest) = value.split_once('@').unwrap_or((value, ""));
    if digest.is_empty() { tag.to_owned() } else { format!("{tag}@sha256:{}", digest.repeat(64)) }
}

/// A reference with one value that is to become another.
fn entry(now: &str, next: &str) -> Entry {
    let mark = if now.starts_with('@') { "" } else { ":" };
    let text = format!("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: acme/web{mark}{}\n", full(now));
    let reference = site::scan("web.yaml", text.as_bytes()).references.remove(0);
    let next = full(next);
    let (tag, digest) = next.split_once('@').unwrap_or((&next, ""));
    let to = Target { name: None, tag: Tag::parse(tag).ok(), digest: Digest::parse(digest).ok() };
    Entry {
        image: reference.repository.clone(),
        found: Found { file: "web.yaml".into(), blob: None, reference: Box::new(reference) },
        policy: None,
        state: State::Change(Change { action: Action::Update, to, group: "run".into(), pull_request: false }),
    }
}

/// What one message says is written there; of a text that is no value, the text.
fn said(key: Key, text: &str) -> String {
    match text.strip_prefix("revert ") {
        Some(id) => format!("This reverts commit {}.", id.repeat(40)),
        None => format!("Landwaiter-Wrote: {key} {}", full(text)),
    }
}

/// The hold under these commits, the oldest first: commit `1...`, `2...` and so on, each a day after the one before it.
fn judge(policy: &Policy, now: &str, next: &str, commits: &[&str]) -> Option<Held> {
    let entry = entry(now, next);
    let key = keys(std::slice::from_ref(&entry))[0];
    let commit = |(at, text): (usize, &&str)| PastCommit {
        id: at.to_string().repeat(40),
        author: "Ann\u{7} Lee".to_owned(),
        time: 1_700_000_000 + 86_400 * at as i64,
        said: said(key, text),
    };
    let mut commits: Vec<PastCommit> = (1..).zip(commits).map(commit).collect();
    commits.reverse();
    rolled_back(&entry, key, policy, &Trailers::read(Past { commits }), &Facts::default()).unwrap()
}

#[test]
fn each_row_of_the_rule() {
    let any = semver("*");
    for (now, next, wrote, held) in [
        // Nothing was written, or it still stands.
        ("1.0.0", "1.1.0", &[][..], false),
        ("1.1.0", "1.2.0", &["1.1.0"], false),
        ("1.1.0", "1.2.0", &["1.2.0", "1.1.0"], false),
        // What was taken back, and what was passed over by the person who did.
        ("1.0.0", "1.1.0", &["1.1.0"], true),
        ("1.0.0", "1.2.0", &["1.1.0", "1.2.0"], true),
        ("1.1.0", "1.2.0", &["1.1.0", "1.2.0"], true),
        ("1.0.0", "1.1.0", &["1.1.0", "1.2.0"], true),
        // What was never written counts by its order.
        ("1.0.0", "1.1.5", &["1.1.0", "1.2.0"], true),
        ("1.0.0", "1.2.0", &["1.2.1"], true),
        ("1.0.0", "1.3.0", &["1.1.0", "1.2.0"], false),
        // Equal is not newer.
        ("1.0.0", "v1.2.0", &["v1.2.0", "1.2.0"], true),
        // Ahead by hand.
        ("1.5.0", "1.6.0", &["1.1.0", "1.2.0"], false),
        ("1.2.5", "1.2.0", &["1.2.0", "1.1.0"], false),
    ] {
        assert_eq!(judge(&any, now, next, wrote).is_some(), held, "{now} to {next} after {wrote:?}");
    }
}

#[test]
fn a_policy_that_no_longer_admits_what_was_taken_back_needs_no_hold_for_it() {
    for (range, now, next, wrote, held) in [
        ("<2", "1.0.0", "1.1.0", &["2.0.0"][..], false),
        ("<3", "1.0.0", "1.1.0", &["2.0.0"], true),
        // The last that it admits counts then.
        ("<2", "1.0.0", "1.0.5", &["1.1.0", "2.0.0"], true),
        ("<2", "1.0.0", "1.1.5", &["1.1.0", "2.0.0"], false),
        // A value that comes back comes back, whatever its place.
        ("<2", "1.0.0", "1.1.0", &["1.1.0", "2.0.0"], true),
        // Another kind of value, another family.
        ("*", "1.0.0", "1.1.0", &["20261120"], false),
        ("*", "1.0.0", "1.1.0", &["1.2.0-alpine"], false),
        ("*", "1.0.0-alpine", "1.1.0-alpine", &["1.2.0-alpine"], true),
    ] {
        assert_eq!(judge(&semver(range), now, next, wrote).is_some(), held, "{range}: {now} to {next} after {wrote:?}");
    }
}

#[test]
fn digests_are_compared_in_full() {
    for (policy, now, next, wrote, held) in [
        (moving(), "stable@a", "stable@b", &["stable@b"][..], true),
        (moving(), "stable@a", "stable@c", &["stable@b"], false),
        (moving(), "stable@b", "stable@c", &["stable@c", "stable@b"], false),
        (semver("*"), "1.0.0@a", "1.1.0@b", &["1.1.0@b"], true),
        // The tag moved: it is the version that was taken back.
        (semver("*"), "1.0.0@a", "1.1.0@c", &["1.1.0@b"], true),
        (semver("*"), "1.0.0@a", "1.2.0@c", &["1.1.0@b"], false),
        // The digest alone was taken away.
        (semver("*"), "1.1.0", "1.1.0@b", &["1.1.0@b"], true),
        (semver("*"), "@a", "@b", &["@b"], true),
        (semver("*"), "@a", "@c", &["@b"], false),
    ] {
        assert_eq!(judge(&policy, now, next, wrote).is_some(), held, "{now} to {next} after {wrote:?}");
    }
}

#[test]
fn another_places_values_do_not_count() {
    let entry = entry("1.0.0", "1.1.0");
    let other = Key::parse("0123456789abcdef").unwrap();
    let commit = PastCommit { id: "1".repeat(40), author: String::new(), time: 0, said: said(other, "1.1.0") };
    let trailers = Trailers::read(Past { commits: vec![commit] });
    let key = keys(std::slice::from_ref(&entry))[0];
    assert_eq!(rolled_back(&entry, key, &semver("*"), &trailers, &Facts::default()), Ok(None));
}

#[test]
fn the_detail_says_what_was_taken_back_when_by_whom_and_what_lifts_it() {
    let detail = |policy: &Policy, now, next, commits: &[&str]| judge(policy, now, next, commits).unwrap().detail;
    assert_eq!(
        detail(&semver("*"), "1.0.0", "1.2.0", &["1.2.0", "revert 1"]),
        "1.2.0 was written in 1111111111 on 2023-11-15 and taken back by Ann Lee in 2222222222; a version newer than \
         1.2.0 lifts this, or write 1.2.0 by hand"
    );
    assert_eq!(
        detail(&semver("*"), "1.0.0", "1.1.5", &["1.1.0", "1.2.0", "revert 1"]),
        "1.2.0 was written in 2222222222 on 2023-11-16 and taken back by someone else since; 1.1.5 is not newer; a \
         version newer than 1.2.0 lifts this, or write 1.1.5 by hand"
    );
    assert_eq!(
        detail(&moving(), "stable@a", "stable@b", &["stable@b"]),
        "stable@bbbbbbbbbbbb was written in 1111111111 on 2023-11-15 and taken back by someone else since; another \
         value lifts this, or write stable@bbbbbbbbbbbb by hand"
    );
}
