//! `commit`: the newest commit of the branch that has an image, and never one that lacks what stands in the file.

use super::*;
use landwaiter::image::ImageMetadata;
use landwaiter::policy::Source;
use landwaiter::version::history::{Commit, History, Id};
use proptest::prelude::*;
use std::sync::Arc;

fn source() -> Source {
    Source { url: "https://git.example.com/acme/web.git".into(), host: "git.example.com".into(), branch: "main".into() }
}

fn commits_of() -> Policy {
    policy(Select::Commit(source()))
}

/// `b0`, seven digits of it, or all.
fn sha(name: &str, digits: usize) -> String {
    let full = format!("{}{}", name, "0123456789abcdef".repeat(3));
    full[..digits].to_owned()
}

/// `child:parent,parent` words, the head first; names are hexadecimal digits.
fn history(text: &str) -> History {
    let id = |name: &str| Id::parse(&sha(name, 40)).unwrap();
    let commits: Vec<Commit> = text
        .split_whitespace()
        .map(|word| {
            let (name, parents) = word.split_once(':').unwrap_or((word, ""));
            let parents = parents.split(',').filter(|name| !name.is_empty()).map(id).collect();
            Commit { id: id(name), parents, time: 0 }
        })
        .collect();
    History::new(commits[0].id, &commits).unwrap()
}

/// `c3` to `c0` on the branch, one after the other.
fn line() -> Facts {
    known("c3:c2 c2:c1 c1:c0 c0")
}

/// `a3` merges `b2` (from `a1`), `a2` merges `d1` (from `a1`).
fn merges() -> Facts {
    known("a3:a2,b2 b2:b1 b1:a1 a2:a1,d1 d1:a1 a1:a0 a0")
}

fn known(text: &str) -> Facts {
    Facts { histories: [(source(), Ok(Arc::new(history(text))))].into(), ..Facts::default() }
}

fn ask(policy: &Policy, facts: &Facts, current: &str, tags: &[String]) -> Decision {
    let current = Tag::parse(current).ok();
    let question = Question { current: current.as_ref(), ..Question::default() };
    match Ranking::new(policy, tags).decide(&question, facts) {
        Outcome::Decided(decision) => decision,
        Outcome::Needs(needs) => panic!("{needs:?}"),
    }
}

/// Names stand for tags of seven digits; `=` in front of a name takes it as it is.
fn tags(names: &str) -> Vec<String> {
    names.split_whitespace().map(tag).collect()
}

fn tag(name: &str) -> String {
    match name.strip_prefix('=') {
        Some(tag) => tag.to_owned(),
        None => sha(name, 7),
    }
}

/// What the file says afterwards as a name, or the reason of the hold.
fn says(policy: &Policy, facts: &Facts, current: &str, names: &str) -> String {
    let decision = ask(policy, facts, &tag(current), &tags(names));
    match (decision.held, decision.chosen) {
        (Some(held), _) => held.reason.to_string(),
        (None, Some(chosen)) => chosen.tag.as_str().get(..2).unwrap().to_owned(),
        (None, None) => "nothing".to_owned(),
    }
}

#[test]
fn the_newest_commit_that_has_an_image_is_chosen() {
    let policy = commits_of();
    for (about, facts, current, names, expected) in [
        ("the head", line(), "c1", "c0 c1 c2 c3", "c3"),
        ("the head has none", line(), "c1", "c0 c1 c2", "c2"),
        ("up to date", line(), "c3", "c0 c3", "c3"),
        ("no current tag", line(), "=-", "c0 c2", "c2"),
        ("newer than all images", line(), "c2", "c0 c1", "downgrade"),
        ("newer than all images, and there", line(), "c2", "c0 c1 c2", "c2"),
        ("another branch", line(), "e5", "c0 c2 e5", "not-comparable"),
        ("no commit id", line(), "=1.2.3", "c0 c2", "not-comparable"),
        ("floating", line(), "=main", "c0 c2", "floating-current"),
        ("images of other branches only", line(), "c0", "e5 e6", "no-candidate"),
        ("the state of the branch before a later feature", merges(), "a1", "b2 a2 a1", "a2"),
        ("the merge commit before all", merges(), "a2", "a3 b2 a2", "a3"),
        ("a merged commit where nothing else is built", merges(), "a1", "b1 b2 d1", "b2"),
        ("a feature that was deployed, and its merge", merges(), "b1", "b1 a3 a2", "a3"),
        ("a feature that was deployed, and its next commit", merges(), "b1", "b1 b2 a2", "b2"),
        ("beside the newest state", merges(), "b1", "b1 a2", "not-comparable"),
        ("beside another feature", merges(), "d1", "d1 b2", "not-comparable"),
        ("beside another feature, until both are merged", merges(), "d1", "d1 b2 a2", "a2"),
    ] {
        assert_eq!(says(&policy, &facts, current, names), expected, "{about}");
    }
}

#[test]
fn what_may_be_replaced_is_replaced_by_the_newest() {
    let mut policy = commits_of();
    policy.guards.allow_replace = true;
    for (current, names, expected) in
        [("e5", "c0 c2 e5", "c2"), ("=1.2.3", "c0 c2", "c2"), ("c1", "c0 c1", "c1"), ("c2", "c0 c1", "downgrade")]
    {
        assert_eq!(says(&policy, &line(), current, names), expected, "{current}");
    }
    assert_eq!(says(&policy, &merges(), "d1", "d1 b2"), "b2");
    assert_eq!(says(&policy, &merges(), "b1", "b1 b2 a2"), "b2", "what contains it comes first");
    policy.guards.allow_downgrade = true;
    assert_eq!(says(&policy, &line(), "c2", "c0 c1"), "c1");
}

#[test]
fn what_has_no_image_yet_is_said() {
    let policy = commits_of();
    let note = |facts: &Facts, current: &str, names: &str| {
        let decision = ask(&policy, facts, &tag(current), &tags(names));
        decision.note.or(decision.held.map(|held| held.detail)).unwrap_or_default()
    };
    let head = "no image yet for c301234, the head of main";
    assert_eq!(note(&line(), "c1", "c1 c3"), "");
    assert_eq!(note(&line(), "c1", "c1 c2"), head);
    assert_eq!(note(&line(), "c1", "c1"), format!("{head}, nor for the commit before it"));
    assert_eq!(note(&line(), "c0", "c0"), format!("{head}, nor for the 2 commits before it"));
    assert_eq!(
        note(&merges(), "a1", "b2 a1"),
        "no image yet for a301234, the head of main, nor for the commit before it"
    );
    let nothing = note(&line(), "c0", "e5");
    assert_eq!(nothing, format!("{head}: none of 1 tag qualifies: 1 not-on-branch"));
}

#[test]
fn ids_are_whole_or_short_lowercase_and_unambiguous() {
    let policy = commits_of();
    let (long, short) = (sha("c2", 40), sha("c2", 12));
    let tags: Vec<String> = [&long, &short, &long.to_uppercase(), &sha("c3", 6), &sha("c3", 41), "sha-c301234"]
        .map(|tag| (*tag).to_owned())
        .to_vec();
    let decision = ask(&policy, &line(), &sha("c1", 7), &tags);
    assert_eq!(decision.chosen.unwrap().tag.as_str(), long, "of one commit the greatest key by bytes");
    let reasons = |facts: &Facts, tags: &[String]| -> Vec<String> {
        let current = Tag::parse(&sha("c1", 7)).unwrap();
        let question = Question { current: Some(&current), ..Question::default() };
        let passed = Ranking::new(&policy, tags).passed_over(&question, facts);
        passed.iter().map(|passed| format!("{} {}", passed.tag, passed.reason)).collect()
    };
    assert_eq!(
        reasons(&line(), &tags),
        [
            format!("{short} superseded"),
            format!("{} not-on-branch", sha("c3", 41)),
            format!("{} not-a-version", long.to_uppercase()),
            format!("{} not-a-version", sha("c3", 6)),
            "sha-c301234 not-a-version".to_owned(),
        ]
    );
    // Two commits that begin alike.
    let twins = known("c3012345:c3012346 c3012346:c2 c2:c1 c1");
    let tags = [sha("c3", 7), sha("c2", 7), sha("c3012346", 8)];
    let decision = ask(&policy, &twins, &sha("c1", 7), &tags);
    assert_eq!(decision.chosen.unwrap().tag.as_str(), "c3012346");
    assert_eq!(reasons(&twins, &tags), ["c201234 superseded", "c301234 ambiguous-commit"]);
}

#[test]
fn ids_are_taken_out_of_longer_tags() {
    let mut policy = commits_of();
    policy.tags.matching = Some(Regex::new("^main-(?P<sha>[0-9a-f]{7,40})-[0-9]+$").unwrap());
    policy.tags.extract = Some("$sha".to_owned());
    let tags = list("main-c101234-99 main-c201234-1 main-c201234-20 main-c201234-3 dev-c301234-4 main-c301234");
    let decision = ask(&policy, &line(), "main-c101234-99", &tags);
    assert_eq!(decision.chosen.unwrap().tag.as_str(), "main-c201234-1", "of equal keys the smallest tag by bytes");
    let decision = ask(&policy, &line(), "main-c201234-20", &tags);
    assert_eq!(decision.chosen.unwrap().tag.as_str(), "main-c201234-20", "a tie is no update");
}

#[test]
fn nothing_is_asked_where_the_answer_would_change_nothing() {
    let tags = tags("c0 c1");
    let asks = |policy: &Policy, current: &str| {
        let current = Tag::parse(current).ok();
        let question = Question { current: current.as_ref(), ..Question::default() };
        match Ranking::new(policy, &tags).decide(&question, &Facts::default()) {
            Outcome::Needs(needs) => needs,
            Outcome::Decided(_) => Vec::new(),
        }
    };
    assert_eq!(asks(&commits_of(), &sha("c0", 7)), [Need::History(source())]);
    assert_eq!(asks(&commits_of(), "-"), [Need::History(source())]);
    assert_eq!(asks(&commits_of(), "main"), []);
    assert_eq!(asks(&commits_of(), "1.2.3"), []);
}

#[test]
fn without_the_history_the_reference_is_held() {
    let mut facts = Facts::default();
    facts.refuse(Need::History(source()), "git.example.com cannot be reached");
    let held = ask(&commits_of(), &facts, &sha("c0", 7), &tags("c0 c1")).held.unwrap();
    assert_eq!(held.reason, Reason::IncompleteInformation);
    assert_eq!(
        held.detail,
        "the history of branch main of https://git.example.com/acme/web.git could not be learned: git.example.com cannot be reached"
    );
    assert!(facts.answers(&Need::History(source())));
    let said = all_reasons(&commits_of(), &facts, "c0", "c0 c1");
    assert_eq!(said, ["c1 incomplete-information", "c0 incomplete-information"]);
    // Beside the newest state, and a current commit that the branch does not have.
    assert_eq!(
        all_reasons(&commits_of(), &merges(), "b1", "a0 a2 b1"),
        ["a2 not-comparable", "b1 not-comparable", "a0 older"]
    );
    assert_eq!(all_reasons(&commits_of(), &line(), "e5", "c0 e5"), ["c0 not-comparable", "e5 not-on-branch"]);
}

fn all_reasons(policy: &Policy, facts: &Facts, current: &str, names: &str) -> Vec<String> {
    let current = Tag::parse(&tag(current)).unwrap();
    let question = Question { current: Some(&current), ..Question::default() };
    let passed = Ranking::new(policy, &tags(names)).passed_over(&question, facts);
    passed.iter().map(|passed| format!("{} {}", &passed.tag[..2], passed.reason)).collect()
}

#[test]
fn what_an_image_must_have_is_asked_of_the_newest_first() {
    let mut policy = commits_of();
    policy.require.labels = [("team".to_owned(), "a".to_owned())].into();
    let current = Tag::parse(&sha("c0", 7)).unwrap();
    let question = Question { current: Some(&current), ..Question::default() };
    let tags = tags("c0 c1 c2");
    let outcome = Ranking::new(&policy, &tags).decide(&question, &line());
    assert!(matches!(outcome, Outcome::Needs(needs) if needs == [Need::Metadata(Tag::parse(&sha("c2", 7)).unwrap())]));
}

#[test]
fn those_beside_the_current_commit_are_told_from_older_ones() {
    let policy = commits_of();
    let current = Tag::parse(&sha("b1", 7)).unwrap();
    let question = Question { current: Some(&current), ..Question::default() };
    let tags = tags("a0 a2 b1 b2");
    let passed = Ranking::new(&policy, &tags).passed_over(&question, &merges());
    let reasons: Vec<String> = passed.iter().map(|passed| format!("{} {}", &passed.tag[..2], passed.reason)).collect();
    assert_eq!(reasons, ["a2 not-comparable", "b1 superseded", "a0 older"]);
}

#[test]
fn the_next_best_contains_what_stands_there_too() {
    let mut policy = commits_of();
    policy.require.labels = [("team".to_owned(), "a".to_owned())].into();
    let mut facts = merges();
    for (name, team) in [("a3", "b"), ("a2", "a"), ("b2", "a")] {
        facts.metadata.insert(Tag::parse(&sha(name, 7)).unwrap(), Ok(labelled(team)));
    }
    assert_eq!(says(&policy, &facts, "b1", "a3 a2 b1"), "b1", "a2 is newer, and lacks b1");
    assert_eq!(says(&policy, &facts, "b1", "a3 a2 b1 b2"), "b2");
    assert_eq!(says(&policy, &facts, "d1", "a3 a2 b2 d1"), "a2");
}

fn labelled(team: &str) -> ImageMetadata {
    ImageMetadata {
        digest: Digest::parse(&format!("sha256:{}", "a".repeat(64))).unwrap(),
        created: None,
        platforms: Vec::new(),
        labels: [("team".to_owned(), team.to_owned())].into(),
        size: None,
        run: None,
    }
}

/// A history of up to 16 commits, each with a tag or without, and one that stands in the file.
fn any_case() -> impl Strategy<Value = (Vec<Commit>, Vec<String>, String)> {
    let parents = prop::collection::vec(any::<prop::sample::Index>(), 0..3);
    let commit = (parents, 0usize..4);
    (prop::collection::vec(commit, 1..16), any::<prop::sample::Index>()).prop_map(|(drawn, current)| {
        let text = |at: usize| format!("{:02x}{}", at * 37 % 256, "5".repeat(38));
        let id = |at: usize| Id::parse(&text(at)).unwrap();
        let mut tags = vec!["eeeeeee".to_owned(), "latest".to_owned(), "1.2.3".to_owned()];
        let mut commits = Vec::new();
        for (at, (some, form)) in drawn.iter().enumerate() {
            let parents = some.iter().filter(|_| at > 0).map(|one| id(one.index(at))).collect();
            commits.push(Commit { id: id(at), parents, time: 0 });
            match form {
                0 => tags.push(text(at)[..7].to_owned()),
                1 => tags.extend([text(at), text(at)[..10].to_owned()]),
                _ => {}
            }
        }
        let current = text(current.index(drawn.len()))[..7].to_owned();
        (commits, tags, current)
    })
}

proptest! {
    #[test]
    fn a_decision_is_a_tag_that_contains_what_stood_there_whatever_the_order((commits, tags, current) in any_case(), picky in 1u8..3) {
        let head = commits.last().unwrap().id;
        let history = Arc::new(History::new(head, &commits).unwrap());
        let mut facts = Facts { histories: [(source(), Ok(history.clone()))].into(), ..Facts::default() };
        let mut policy = commits_of();
        policy.require.labels = [("team".to_owned(), "0".to_owned())].into();
        for tag in &tags {
            let team = tag.bytes().next().unwrap() % picky;
            facts.metadata.insert(Tag::parse(tag).unwrap(), Ok(labelled(&team.to_string())));
        }
        let decision = ask(&policy, &facts, &current, &tags);
        let mut turned = tags.clone();
        turned.reverse();
        turned.rotate_left(tags.len() / 2);
        prop_assert_eq!(&ask(&policy, &facts, &current, &turned), &decision);
        let tag = Tag::parse(&current).unwrap();
        let question = Question { current: Some(&tag), ..Question::default() };
        let ranking = Ranking::new(&policy, &tags);
        let passed = ranking.passed_over(&question, &facts);
        let chosen = decision.chosen.as_ref().map(|chosen| chosen.tag.to_string());
        for tag in &tags {
            prop_assert!(chosen.as_ref() == Some(tag) || passed.iter().any(|passed| passed.tag == *tag), "{}", tag);
        }
        if let (Some(chosen), None) = (&chosen, &decision.held) {
            prop_assert!(tags.contains(chosen) || *chosen == current);
            let (new, old) = (history.find(chosen).unwrap(), history.find(&current).unwrap());
            prop_assert!(history.contains(new, old));
        }
    }
}
