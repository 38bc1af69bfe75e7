//! Each mistake with the suggestion that is made for it, and lists for which nothing is suggested.

use super::*;
use crate::policy::{Order, Parts, PolicyName, Select};
use crate::version::calver::Pattern;
use crate::version::range::Range;
use proptest::prelude::*;
use regex::Regex;

fn policy(select: Select) -> Policy {
    Policy::new(PolicyName::parse("web").unwrap(), "landwaiter.yaml", select)
}

fn semver(range: &str) -> Policy {
    let range = Range::parse(range).unwrap();
    policy(Select::Semver { range, parts: Parts::Three, prereleases: false })
}

fn matching(mut policy: Policy, pattern: &str) -> Policy {
    policy.tags.matching = Some(Regex::new(pattern).unwrap());
    policy
}

fn suggestions(policy: &Policy, current: &str, tags: &str) -> Vec<Suggestion> {
    let tags: Vec<String> = tags.split_whitespace().map(str::to_owned).collect();
    let current = Tag::parse(current).ok();
    let question = Question { current: current.as_ref(), ..Question::default() };
    Ranking::new(policy, &tags).suggestions(&question, &Facts::default())
}

/// `problem -> instead -> chooses` for each.
fn said(policy: &Policy, current: &str, tags: &str) -> Vec<String> {
    let chooses = |one: &Suggestion| one.chooses.as_ref().map_or("?".to_owned(), ToString::to_string);
    let line = |one: &Suggestion| format!("{} -> {} -> {}", one.problem, one.instead, chooses(one));
    suggestions(policy, current, tags).iter().map(line).collect()
}

#[test]
fn expressions_that_match_nothing() {
    for (pattern, tags, expected) in [
        (
            r"^v\d+\.\d+\.\d+$",
            "1.0.0 1.1.0 latest",
            r"none of 3 tags matches `^v\d+\.\d+\.\d+$`; 2 would with the `v` left optional -> tags: {match: '^v?\d+\.\d+\.\d+$'} -> 1.1.0",
        ),
        (
            r"^\d+\.\d+\.\d+$",
            "v1.0.0 v1.1.0",
            r"none of 2 tags matches `^\d+\.\d+\.\d+$`; 2 would with the `v` left optional -> tags: {match: '^v?\d+\.\d+\.\d+$'} -> v1.1.0",
        ),
        (
            r"^\d+\.\d+\.\d+-RC",
            "1.0.0-rc1 1.1.0-rc1",
            "none of 2 tags matches `^\\d+\\.\\d+\\.\\d+-RC`; 2 would when case does not count -> tags: {match: '(?i)^\\d+\\.\\d+\\.\\d+-RC'} -> 1.1.0-rc1",
        ),
        (
            r"^1\.\d+\.\d$",
            "1.0.10 1.0.11",
            r"none of 2 tags matches `^1\.\d+\.\d$`; 2 would without the `$` at the end -> tags: {match: '^1\.\d+\.\d'} -> 1.0.11",
        ),
        (
            "^release-",
            "1.0.0 1.1.0",
            "none of 2 tags matches `^release-`; without it there are 2 candidates -> leave `match` and `extract` out -> 1.1.0",
        ),
    ] {
        assert_eq!(said(&matching(semver(">=1-0"), pattern), "", tags), [expected], "{pattern}");
    }
    let mut extracting = matching(semver("*"), r"^v(?P<version>.*)$");
    extracting.tags.extract = Some("$version".to_owned());
    assert_eq!(
        said(&extracting, "1.0.0", "v1.0.0 v1.1.0"),
        [
            r"`^v(?P<version>.*)$` does not match 1.0.0, which stands in the file; 2 would with the `v` left optional -> tags: {match: '^v?(?P<version>.*)$'} -> v1.1.0"
        ]
    );
}

#[test]
fn a_group_that_is_empty() {
    let mut policy = matching(semver("*"), r"^v(?P<version>x)?(?P<rest>[0-9.]+)$");
    policy.tags.extract = Some("$version".to_owned());
    let expected = "`$version` is empty for each of the 2 tags that match -> tags: {extract: '${rest}'} -> v1.1.0";
    assert_eq!(said(&policy, "", "v1.0.0 v1.1.0 main"), [expected]);
    // Nothing holds it, and the choice means nothing.
    policy.select = Select::Alphabetical(Order::Asc);
    assert_eq!(said(&policy, "", "v1.0.0 v1.1.0 main"), [expected]);
}

#[test]
fn an_exclude_that_takes_everything() {
    let mut policy = semver("*");
    policy.tags.exclude = vec![Regex::new("-debug$").unwrap(), Regex::new(".").unwrap()];
    let expected = "`exclude` passes over 3 tags, and no other tag is left -> leave '.' out -> 1.1.0";
    assert_eq!(said(&policy, "", "1.0.0 1.1.0 1.2.0-debug"), [expected]);
    policy.tags.exclude = vec![Regex::new("^1").unwrap()];
    let expected = "`exclude` passes over 2 tags, and of the 1 tag left none is a candidate -> leave '^1' out -> 1.1.0";
    assert_eq!(said(&policy, "", "1.0.0 1.1.0 edge-1 nightly2"), [expected.replace("1 tag", "2 tags").as_str()]);
    policy.tags.exclude = vec![Regex::new("[02468]$").unwrap(), Regex::new("[024]$").unwrap()];
    let expected = "`exclude` passes over 2 tags, and no other tag is left -> leave `exclude` out -> 1.2.0";
    assert_eq!(said(&policy, "", "1.0.0 1.2.0"), [expected]);
}

#[test]
fn a_kind_that_does_not_fit() {
    for (select, tags, expected) in [
        ("semver", "16.1 16.4 17.2 latest", "select: {semver: {range: \"*\", parts: 2}} -> 17.2"),
        ("semver", "7 8 17 21", "select: {semver: {range: \"*\", parts: 1}} -> 21"),
        ("semver", "20240501 20240601 20231231", "select: {calver: YYYY0M0D} -> 20240601"),
        ("semver", "2024-05-01 2024-06-01", "select: {calver: YYYY-0M-0D} -> 2024-06-01"),
        ("semver", "1000001 1000002 999", "select: {numeric: asc} -> 1000002"),
        ("numeric", "1.0.0 1.1.0", "select: {semver: \"*\"} -> 1.1.0"),
        ("calver", "2024.05 2024.06", "select: {semver: {range: \"*\", parts: 2}} -> 2024.06"),
        ("calver", "2024.05.01 2024.06.01", "select: {semver: \"*\"} -> 2024.06.01"),
    ] {
        let select = match select {
            "semver" => semver("*"),
            "numeric" => policy(Select::Numeric(Order::Asc)),
            _ => policy(Select::Calver(Pattern::parse("0Y0M0D").unwrap())),
        };
        let said = said(&select, "", tags);
        assert_eq!(said.len(), 1, "{tags}: {said:?}");
        assert!(said[0].starts_with("no tag that passes the filter is a"), "{tags}: {said:?}");
        assert!(said[0].ends_with(expected), "{tags}: {said:?}");
    }
    let stuck = said(&semver("*"), "16.4", "16.4 17.2 1.2.3");
    assert!(stuck[0].ends_with("select: {semver: {range: \"*\", parts: 2}} -> 17.2"), "{stuck:?}");
}

#[test]
fn a_range_that_lets_nothing_in() {
    assert_eq!(
        said(&semver(">=9"), "", "1.0.0 2.1.0"),
        ["all 2 versions lie outside `>=9`; the greatest is 2.1.0 -> select: {semver: \"*\"} -> 2.1.0"]
    );
    assert_eq!(
        said(&semver(">=1"), "", "2.0.0-rc.1 2.0.0-rc.2"),
        [
            "in `>=1` there are only pre-releases: 2 tags -> select: {semver: {range: \">=1\", prereleases: true}} -> 2.0.0-rc.2"
        ]
    );
    let date = policy(Select::Calver(Pattern::parse("YYYY.0M.MICRO").unwrap()));
    assert_eq!(
        said(&date, "2024.05.1-rc1", "2024.05.1-rc1 2024.06.1-rc2"),
        ["there are only pre-releases: 2 tags -> select: {calver: YYYY.0M.MICRO-MODIFIER} -> 2024.06.1-rc2"]
    );
    assert_eq!(
        said(&semver("*"), "", "14.04.1 14.04 14.10 15.04 15.10 16.10"),
        ["only 1 tag of three parts, but 5 tags of two or more -> select: {semver: {range: \"*\", parts: 2}} -> 16.10"]
    );
}

#[test]
fn a_current_tag_that_is_alone() {
    let tags = "1.25.0-alpine 1.26.0-alpine 1.26.0-perl 1.24.0-trixie";
    assert_eq!(
        said(&semver("*"), "1.24.0-bookworm", tags),
        ["no tag is of the current tag's family, 3 parts + -bookworm; of 3 parts + -alpine there are 2 tags -> \
          write a tag of that family into the file, such as 1.26.0-alpine -> 1.26.0-alpine"]
    );
    assert!(
        said(&semver("*"), "1.24.0-trixie", tags)[0].starts_with("no other tag is of its family, 3 parts + -trixie;")
    );
    assert_eq!(
        said(&semver("*"), "1.24.0", "v1.24.0 v1.25.0"),
        ["no tag is of the current tag's family, 3 parts; of v + 3 parts there are 2 tags -> family: any -> v1.25.0"]
    );
    assert_eq!(
        said(&semver("*"), "trixie", "1.0.0"),
        ["the policy cannot compare trixie with any other tag -> allowReplace: true -> 1.0.0"]
    );
}

#[test]
fn a_tie_with_the_current_tag_is_no_suggestion() {
    for (current, tags) in [
        ("1.0.0", "v1.0.0"),
        ("1.0.0", "1.0.0 v1.0.0"),
        ("v1.0.0", "1.0.0 v1.0.0"),
        ("1.0.0-alpine", "v1.0.0-alpine"),
        ("1.0.0-alpine", "1.0.0-alpine v1.0.0-alpine"),
    ] {
        assert_eq!(said(&semver("*"), current, tags), [""; 0], "{current} of {tags}");
    }
    let missing_v = matching(semver("*"), "^1");
    assert_eq!(said(&missing_v, "1.0.0", "v1.0.0"), [""; 0]);
}

#[test]
fn a_floating_tag_is_not_said_to_have_the_family_that_would_pin_it() {
    let said = said(&semver("*"), "16-alpine", "16-alpine 16.1-alpine 17.0.0 17.1.0");
    assert!(said.iter().all(|line| !line.contains("current tag's family")), "{said:?}");
    assert!(
        said[0].starts_with("no tag is of the family that 16-alpine would be pinned to, 3 parts + -alpine"),
        "{said:?}"
    );
}

#[test]
fn nothing_is_suggested_where_nothing_is_wrong() {
    for (current, tags) in [
        ("", "1.0.0 1.1.0 1.1.0-alpine latest"),
        ("1.0.0", "1.0.0 1.1.0"),
        ("1.1.0", "1.0.0 1.1.0 1.1"),
        ("latest", "1.0.0 latest"),
        ("", ""),
        ("", "latest main sha256-x"),
        ("1.1.0", "1.1.0"),
    ] {
        assert_eq!(said(&semver("*"), current, tags), [""; 0], "{current} of {tags}");
    }
}

#[test]
fn what_must_be_asked_of_a_registry_is_left_out() {
    let mut policy = matching(policy(Select::Newest), "^v");
    policy.require.labels.insert("team".to_owned(), "a".to_owned());
    let found = suggestions(&policy, "", "abc1234 abc1235");
    assert_eq!((found.len(), &found[0].chooses), (1, &None));
    assert!(
        found[0].problem.ends_with("2 would with the `v` left optional") || found[0].problem.contains("without it")
    );
}

#[test]
fn the_work_is_bounded() {
    let mut policy = matching(semver("*"), "^x$");
    policy.tags.exclude = (0..50).map(|n| Regex::new(&format!("^{n}$")).unwrap()).collect();
    let tags: Vec<String> = (0..300).map(|n| format!("{n}")).collect();
    let ranking = Ranking::new(&policy, &tags);
    let question = Question::default();
    let mut trials = Trials { ranking: &ranking, question, now: None, tried: MAX_TRIED, found: Vec::new() };
    trials.filters();
    trials.kinds();
    assert_eq!(trials.found, []);
    trials.tried = 0;
    trials.filters();
    trials.kinds();
    trials.stranger();
    assert!(trials.tried <= MAX_TRIED);
}

proptest! {
    /// A suggestion names a tag of the list, and what is chosen by mending it is really chosen.
    #[test]
    fn suggestions_are_true(
        tags in proptest::collection::vec("(v?[0-3](\\.[0-3]){0,3}(-(rc\\.1|alpine|abc1234))?|latest|202405[0-3][0-9])", 0..8),
        current in "(v?[0-3](\\.[0-3]){0,2}(-alpine)?)?",
        kind in 0usize..4,
    ) {
        let policies = [
            semver(">=2"), matching(semver("*"), "^v"), policy(Select::Numeric(Order::Asc)), matching(semver("*"), "-rc")
        ];
        let found = suggestions(&policies[kind], &current, &tags.join(" "));
        prop_assert!(found.len() <= MAX_SUGGESTIONS);
        for one in found {
            let chosen = one.chooses.map(|tag| tag.to_string());
            prop_assert!(chosen.is_some_and(|tag| tags.contains(&tag) || tag == current));
        }
    }
}
