//! Decisions as stories: a policy, a current tag, the tags of a repository, and what the file should say.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use landwaiter::image::{Digest, Tag};
use landwaiter::policy::{
    Decision, Facts, Family, FloatingCurrent, Guard, Need, Order, Outcome, Parts, PassedOver, Policy, PolicyName,
    Question, Ranking, Reason, Select,
};
use landwaiter::version::range::Range;
use proptest::prelude::*;
use regex::Regex;

fn policy(select: Select) -> Policy {
    Policy::new(PolicyName::parse("web").unwrap(), "landwaiter.yaml", select)
}

fn semver(range: &str) -> Policy {
    semver_with(range, Parts::Three)
}

fn semver_with(range: &str, parts: Parts) -> Policy {
    let range = Range::parse(range).unwrap();
    policy(Select::Semver {
        range,
        parts,
        prereleases: false,
    })
}

fn list(tags: &str) -> Vec<String> {
    tags.split_whitespace().map(str::to_owned).collect()
}

fn decide(policy: &Policy, current: &str, tags: &str) -> Decision {
    let current = Tag::parse(current).ok();
    let question = Question {
        current: current.as_ref(),
        ..Question::default()
    };
    match Ranking::new(policy, &list(tags)).decide(&question, &Facts::default()) {
        Outcome::Decided(decision) => decision,
        Outcome::Needs(needs) => panic!("nothing was asked that needs {needs:?}"),
    }
}

/// What the file says afterwards, or the reason of the hold.
fn outcome(policy: &Policy, current: &str, tags: &str) -> String {
    let decision = decide(policy, current, tags);
    match (decision.held, decision.chosen) {
        (Some(held), _) => held.reason.to_string(),
        (None, Some(chosen)) => chosen.tag.to_string(),
        (None, None) => "nothing".to_owned(),
    }
}

fn passed_over(policy: &Policy, current: &str, tags: &str) -> Vec<PassedOver> {
    let current = Tag::parse(current).ok();
    let question = Question {
        current: current.as_ref(),
        ..Question::default()
    };
    Ranking::new(policy, &list(tags)).passed_over(&question, &Facts::default())
}

/// `tag reason` for each tag passed over.
fn reasons(policy: &Policy, current: &str, tags: &str) -> Vec<String> {
    let passed = passed_over(policy, current, tags);
    passed
        .iter()
        .map(|passed| format!("{} {}", passed.tag, passed.reason))
        .collect()
}

#[test]
fn a_tag_goes_to_the_best_of_its_family() {
    for (current, available, chosen) in [
        // numbers inside a suffix may grow
        ("1.2.3-alpine3.19", "1.2.4-alpine3.20 1.2.5", "1.2.4-alpine3.20"),
        (
            "1.2.3-alpine3.19",
            "1.2.3-alpine3.19 1.2.3-alpine3.20",
            "1.2.3-alpine3.20",
        ),
        // a pre-release goes to its release
        ("1.2.3-rc.1", "1.2.3-rc.1 1.2.3-rc.2 1.2.3", "1.2.3"),
        ("1.2.3b5", "1.2.3b5 1.2.3b10 1.2.3", "1.2.3"),
        // the prefix is identity
        ("v1.2.3", "v1.2.3 v1.2.4 1.2.4 1.2.5", "v1.2.4"),
        ("1.2.3", "1.2.3 v1.2.4", "1.2.3"),
        // build numbers and revisions
        (
            "21.0.10_7-jre",
            "21.0.10_7-jre 21.0.11_10-jre 21.0.12_1-jdk",
            "21.0.11_10-jre",
        ),
        (
            "11.6.0-debian-9-r0",
            "11.6.0-debian-9-r5 11.7.0-debian-10-r1",
            "11.7.0-debian-10-r1",
        ),
        ("11.6.0-debian-9-r0", "11.6.0-debian-9-r5", "11.6.0-debian-9-r5"),
        // git-describe, and commit ids at the end
        (
            "1.2.3-4-gabc1234",
            "1.2.3-4-gabc1234 1.2.4-1-gdef5678",
            "1.2.4-1-gdef5678",
        ),
        (
            "1.20240101.5-abcdef1",
            "1.20240101.5-abcdef1 1.20240102.6-bcdef12",
            "1.20240102.6-bcdef12",
        ),
        // precision differs
        ("10.11.11", "10.11.11 12.0", "10.11.11"),
        // calendar versions
        ("2024.12.31", "2024.12.31 2025.1.2", "2025.1.2"),
        // machines are words
        (
            "1.0.0-arm32v7",
            "1.0.0-arm32v7 1.1.0-arm64v8 1.1.0-arm32v7",
            "1.1.0-arm32v7",
        ),
    ] {
        assert_eq!(outcome(&semver(">=1"), current, available), chosen, "{current}");
        let turned: Vec<&str> = available.split(' ').rev().collect();
        assert_eq!(
            outcome(&semver(">=1"), current, &turned.join(" ")),
            chosen,
            "{current}, turned"
        );
    }
}

#[test]
fn prereleases_count_as_people_count_where_they_are_admitted() {
    assert_eq!(outcome(&semver(">=1-0"), "1.2.3b5", "1.2.3b5 1.2.3b10"), "1.2.3b10");
    assert_eq!(
        outcome(&semver(">=1-0"), "1.2.3-rc.1", "1.2.3-rc.2 1.2.3-rc.10"),
        "1.2.3-rc.10"
    );
    assert_eq!(
        outcome(&semver(">=1-0"), "7.4.0RC3-fpm", "7.4.0RC12-fpm 7.4.0RC9-fpm 7.4.0RC13"),
        "7.4.0RC12-fpm"
    );
}

#[test]
fn dates_and_build_numbers_are_for_the_numeric_kind() {
    let numeric = policy(Select::Numeric(Order::Asc));
    assert_eq!(outcome(&numeric, "20241231", "20241231 20250101 latest"), "20250101");
    assert_eq!(outcome(&numeric, "20250131", "20250131 20250201"), "20250201");
    let semver = semver_with("*", Parts::One);
    assert_eq!(outcome(&semver, "20241231", "20241231 20250101"), "not-comparable");
    assert_eq!(outcome(&semver, "17", "17 18 1234567"), "18");
}

#[test]
fn a_family_can_be_exact_or_any() {
    let tags = "1.2.3-alpine3.19 1.2.4-alpine3.19 1.2.5-alpine3.20 1.2.6";
    let exact = Policy {
        family: Family::Exact,
        ..semver(">=1")
    };
    assert_eq!(outcome(&exact, "1.2.3-alpine3.19", tags), "1.2.4-alpine3.19");
    let any = Policy {
        family: Family::Any,
        ..semver(">=1")
    };
    assert_eq!(outcome(&any, "1.2.3-alpine3.19", tags), "1.2.6");
}

#[test]
fn a_match_replaces_the_family() {
    let mut policy = semver(">=1");
    policy.tags.matching = Some(Regex::new(r"^v?(?P<version>\d+\.\d+\.\d+)$").unwrap());
    policy.tags.extract = Some("$version".to_owned());
    assert_eq!(outcome(&policy, "1.2.3", "1.2.3 v1.2.4"), "v1.2.4");
    assert_eq!(outcome(&policy, "1.2.3-debug", "1.2.3 v1.2.4"), "not-comparable");
    // A tie is no update, whichever of the two the order prefers.
    assert_eq!(outcome(&policy, "1.2.3", "1.2.3 v1.2.3"), "1.2.3");
    assert_eq!(outcome(&policy, "", "1.2.3 v1.2.3"), "1.2.3");
    policy.tags.extract = None;
    assert_eq!(outcome(&policy, "", "1.2.3 v1.2.3"), "v1.2.3");
}

#[test]
fn two_tags_that_only_their_commits_tell_apart_hold_the_reference() {
    assert_eq!(
        outcome(&semver(">=1"), "1.2.3-abc1234", "1.2.4-def5678 1.2.4-aaa1111"),
        "not-comparable"
    );
    assert_eq!(
        outcome(&semver(">=1"), "1.2.4-aaa1111", "1.2.4-def5678 1.2.4-aaa1111"),
        "1.2.4-aaa1111"
    );
}

#[test]
fn floating_tags_are_no_candidates_and_are_not_moved_unasked() {
    let tags = "1.2 1.2.7 1.3.0 1.3 1 latest stable";
    for floating in ["latest", "stable", "1", "1.2"] {
        let decision = decide(&semver(">=1"), floating, tags);
        let held = decision.held.unwrap();
        assert_eq!(held.reason, Reason::FloatingCurrent, "{floating}");
        assert!(held.detail.contains("1.3.0"), "{}", held.detail);
    }
    let mut pin = semver(">=1");
    pin.guards.floating_current = FloatingCurrent::Pin;
    assert_eq!(outcome(&pin, "latest", tags), "1.3.0");
    assert_eq!(outcome(&pin, "1.2", tags), "1.3.0");
    assert_eq!(
        outcome(&pin, "1.2-alpine", "1.2-alpine 1.2.7-alpine 1.3.0"),
        "1.2.7-alpine"
    );
    let below = Policy {
        guards: pin.guards.clone(),
        ..semver("<2")
    };
    assert_eq!(outcome(&below, "2", "1.9.0 2 2.1.0"), "downgrade");
}

#[test]
fn a_channel_is_pinned_to_its_own_flavour() {
    let mut pin = semver(">=1");
    pin.guards.floating_current = FloatingCurrent::Pin;
    let tags = "stable-alpine 1.27.3 1.27.2-alpine 1.27.3-perl v1.27.4-alpine";
    assert_eq!(outcome(&pin, "stable-alpine", tags), "1.27.2-alpine");
    assert_eq!(
        outcome(&pin, "latest-alpine", "1.27.3 v1.27.4-alpine"),
        "v1.27.4-alpine"
    );
    assert_eq!(outcome(&pin, "latest-slim", tags), "no-candidate");
}

#[test]
fn a_commit_on_a_branch_is_neither_floating_nor_in_any_order() {
    assert_eq!(outcome(&semver("*"), "main-1a2b3c4", "1.0.0"), "not-comparable");
    let mut alphabetical = policy(Select::Alphabetical(Order::Asc));
    for (current, newer) in [
        ("sha-1a2b3c4", "sha-2a2b3c4"),
        ("main-1a2b3c4", "main-2a2b3c4"),
        ("main-1a2b3c4-1700000000", "main-2a2b3c4-1600000000"),
    ] {
        let tags = format!("{current} {newer}");
        assert_eq!(outcome(&alphabetical, current, &tags), "not-comparable");
        assert_eq!(
            outcome(&alphabetical, "", &tags),
            newer,
            "as in Flux where nothing is known"
        );
    }
    alphabetical.tags.matching = Some(Regex::new("^main-.*-(?P<at>[0-9]+)$").unwrap());
    alphabetical.tags.extract = Some("$at".to_owned());
    let tags = "main-1a2b3c4-1700000000 main-0a2b3c4-1800000000";
    assert_eq!(
        outcome(&alphabetical, "main-1a2b3c4-1700000000", tags),
        "main-0a2b3c4-1800000000"
    );
}

#[test]
fn a_short_version_is_no_floating_one_without_evidence() {
    let two = semver_with(">=16", Parts::Two);
    assert_eq!(outcome(&two, "16.4", "16.4 17.2 latest"), "17.2");
    assert_eq!(outcome(&two, "16.4", "16.4 16.4.1 17.2"), "floating-current");
    assert_eq!(outcome(&two, "", "16.4 17.2 17.2.1"), "17.2.1");
    // What the filter drops is evidence all the same.
    let mut lines = semver_with("*", Parts::Two);
    lines.tags.matching = Some(Regex::new(r"^\d+\.\d+$").unwrap());
    assert_eq!(outcome(&lines, "", "1.2 1.3 1.3.1"), "1.2");
    // Three parts are asked for, and two are all there is: the policy cannot know.
    assert_eq!(outcome(&semver(">=16"), "16.4", "16.4 17.2"), "not-comparable");
}

#[test]
fn a_switched_off_guard_lets_short_versions_in_but_never_names() {
    let mut policy = semver_with(">=1", Parts::Two);
    policy.guards.disabled.insert(Guard::Floating);
    assert_eq!(outcome(&policy, "1.2", "1.2 1.2.7 1.3 1.3.1"), "1.3");
    assert_eq!(outcome(&policy, "latest", "1.2 1.2.7"), "floating-current");
    let alphabetical = Policy {
        guards: policy.guards,
        ..self::policy(Select::Alphabetical(Order::Asc))
    };
    assert_eq!(outcome(&alphabetical, "", "a latest main stable"), "a");
}

#[test]
fn artefacts_are_no_candidates_unless_switched_on() {
    let signature = format!("sha256-{}.sig", "0a".repeat(32));
    let tags = format!("a {signature}");
    let mut policy = policy(Select::Alphabetical(Order::Asc));
    assert_eq!(outcome(&policy, "", &tags), "a");
    policy.guards.disabled.insert(Guard::Artefact);
    assert_eq!(outcome(&policy, "", &tags), signature);
}

#[test]
fn nothing_goes_back_by_accident() {
    let mut policy = semver(">=1 <2");
    // Below the range: into it. Above: it stays, and says so.
    assert_eq!(outcome(&policy, "0.9.0", "0.9.0 1.4.0 2.0.0"), "1.4.0");
    let ahead = decide(&policy, "2.0.0", "0.9.0 1.4.0 2.0.0");
    assert_eq!((ahead.held, ahead.chosen.unwrap().tag.as_str()), (None, "2.0.0"));
    assert!(ahead.note.unwrap().contains("1.4.0"));
    // Gone from the registry: still ordered.
    assert_eq!(outcome(&policy, "1.3.0", "1.4.0"), "1.4.0");
    let gone = decide(&policy, "1.5.0", "1.4.0").held.unwrap();
    assert_eq!(gone.reason, Reason::Downgrade);
    assert!(gone.detail.contains("no longer lists 1.5.0"), "{}", gone.detail);
    // Excluded: a person must say that going back is meant.
    policy.tags.exclude.push(Regex::new(r"^1\.5\.0$").unwrap());
    assert_eq!(outcome(&policy, "1.5.0", "1.4.0 1.5.0"), "downgrade");
    assert_eq!(outcome(&policy, "1.5.0", "1.4.0 1.5.0 1.5.1"), "1.5.1");
    policy.guards.allow_downgrade = true;
    assert_eq!(outcome(&policy, "1.5.0", "1.4.0 1.5.0"), "1.4.0");
    assert_eq!(outcome(&policy, "2.0.0", "1.4.0 2.0.0"), "1.4.0");
}

#[test]
fn down_is_up_where_the_policy_orders_so() {
    let desc = policy(Select::Numeric(Order::Desc));
    assert_eq!(outcome(&desc, "7", "5 7 9"), "5");
    assert_eq!(outcome(&desc, "3", "5 7 9"), "downgrade");
}

#[test]
fn what_cannot_be_compared_is_replaced_only_when_allowed() {
    let mut policy = semver(">=1");
    assert_eq!(outcome(&policy, "jessie", "1.0.0 1.1.0"), "not-comparable");
    policy.guards.allow_replace = true;
    assert_eq!(outcome(&policy, "jessie", "1.0.0 1.1.0"), "1.1.0");
}

#[test]
fn an_outlier_waits_for_a_person() {
    let mut policy = semver(">=1");
    let tags = "4.9.0 5.2.3 5.3.0 20.04.1";
    let decision = decide(&policy, "5.2.3", tags);
    assert_eq!(decision.chosen.unwrap().tag.as_str(), "5.3.0");
    assert!(decision.note.unwrap().contains("accept: [20.04.1]"));
    assert_eq!(
        reasons(&policy, "5.2.3", tags),
        ["20.04.1 outlier", "5.2.3 superseded", "4.9.0 older"]
    );
    assert_eq!(
        outcome(&policy, "", tags),
        "20.04.1",
        "without a current tag nothing is an outlier"
    );
    policy.guards.accept.insert(Tag::parse("20.04.1").unwrap());
    assert_eq!(outcome(&policy, "5.2.3", tags), "20.04.1");
    policy.guards.accept.clear();
    policy.guards.disabled.insert(Guard::Outlier);
    assert_eq!(outcome(&policy, "5.2.3", tags), "20.04.1");
    let two = semver_with("*", Parts::Two);
    assert_eq!(outcome(&two, "17.4", "17.4 18.0"), "18.0");
}

#[test]
fn a_hold_for_lack_of_candidates_says_what_stood_in_the_way() {
    let mut policy = semver(">=9");
    let detail = |policy: &Policy, current, tags| decide(policy, current, tags).held.unwrap().detail;
    assert_eq!(detail(&policy, "", ""), "the registry lists no tags");
    assert_eq!(
        detail(&policy, "1.0.0", "1.0.0 1.1.0 2.0.0-alpine latest"),
        "none of 4 tags qualifies: 2 out-of-range, 1 floating, 1 other-family (family: 3 parts)"
    );
    policy.tags.matching = Some(Regex::new("^v").unwrap());
    assert_eq!(detail(&policy, "", "1.0.0 1.1.0"), "none of 2 tags matches `^v`");
    assert_eq!(detail(&policy, "", "1.0.0"), "the only tag does not match `^v`");
}

#[test]
fn every_tag_has_its_reason() {
    let mut policy = semver(">=1 <2");
    policy.tags.exclude.push(Regex::new("-debug$").unwrap());
    let artefact = format!("sha256-{}", "0a".repeat(32));
    let tags = format!(
        "1.0.0 1.1.0 1.2.0 1.3.0 1.4.0-rc.1 2.0.0 1.3.0-alpine v1.3.0 1.3 jessie latest 1.0.0-debug {artefact}"
    );
    assert_eq!(
        reasons(&policy, "1.1.0", &tags),
        [
            "2.0.0 out-of-range",
            "1.4.0-rc.1 prerelease",
            "1.2.0 superseded",
            "1.1.0 superseded",
            "1.0.0 older",
            "1.0.0-debug excluded",
            "1.3 floating",
            "1.3.0-alpine other-family",
            "jessie not-a-version",
            "latest floating",
            &format!("{artefact} artefact"),
            "v1.3.0 other-family",
        ]
    );
    assert!(
        passed_over(&policy, "1.1.0", &tags)
            .iter()
            .all(|passed| !passed.detail.is_empty())
    );
    policy.tags.matching = Some(Regex::new("^1").unwrap());
    assert!(reasons(&policy, "1.1.0", &tags).contains(&"v1.3.0 no-match".to_owned()));
}

#[test]
fn what_is_no_tag_is_reported_legibly() {
    let tags = vec![
        "1.0.0".to_owned(),
        "1.0\u{1b}[31m".to_owned(),
        "9".repeat(9000),
        String::new(),
    ];
    let policy = semver("*");
    let passed = Ranking::new(&policy, &tags).passed_over(&Question::default(), &Facts::default());
    assert_eq!(passed.len(), 3);
    for passed in passed {
        assert_eq!(passed.reason, Reason::InvalidTag);
        assert!(
            !passed.tag.contains('\u{1b}') && passed.tag.chars().count() <= 161,
            "{}",
            passed.tag
        );
    }
}

#[test]
fn families_are_named_for_people() {
    let policy = semver("*");
    let tags = list("v1.2.3-alpine3.19");
    let current = Tag::parse("v1.2.3-alpine3.19").unwrap();
    let question = Question {
        current: Some(&current),
        ..Question::default()
    };
    let ranking = Ranking::new(&policy, &tags);
    assert_eq!(ranking.family(&question).as_deref(), Some("v + 3 parts + -alpine*"));
    assert_eq!(ranking.family(&Question::default()), None);
}

#[test]
fn a_digest_is_asked_for_only_when_one_is_to_be_written() {
    let policy = semver(">=1");
    let tags = list("1.0.0 1.1.0");
    let ranking = Ranking::new(&policy, &tags);
    let (old, new) = (Tag::parse("1.0.0").unwrap(), Tag::parse("1.1.0").unwrap());
    let digest = |c: &str| Digest::parse(&format!("sha256:{}", c.repeat(64))).unwrap();
    let (moved, fresh) = (digest("a"), digest("b"));
    let chosen = |question: Question, facts: &Facts| match ranking.decide(&question, facts) {
        Outcome::Decided(decision) => decision.chosen.unwrap().digest,
        Outcome::Needs(needs) => panic!("{needs:?}"),
    };
    let none = Facts::default();

    // No digest in the file, none wanted.
    let plain = Question {
        current: Some(&old),
        ..Question::default()
    };
    assert_eq!(chosen(plain, &none), None);

    // The tag changes, and the file carries a digest: the new tag's is needed, and written.
    let pinned = Question {
        current_digest: Some(&moved),
        ..plain
    };
    let Outcome::Needs(needs) = ranking.decide(&pinned, &none) else {
        panic!("decided without the digest")
    };
    assert_eq!(needs, [Need::Digest(new.clone())]);
    let known = Facts {
        digests: [(new.clone(), Ok(fresh.clone()))].into(),
    };
    assert_eq!(chosen(pinned, &known), Some(fresh.clone()));

    // The tag stays: so does the digest, though the tag has moved meanwhile.
    let latest = Question {
        current: Some(&new),
        current_digest: Some(&moved),
        digest: true,
    };
    assert_eq!(chosen(latest, &known), Some(moved.clone()));
    // It stays and has none yet, but is to be given one.
    let bare = Question {
        current_digest: None,
        ..latest
    };
    assert_eq!(chosen(bare, &known), Some(fresh));
    assert!(matches!(ranking.decide(&bare, &none), Outcome::Needs(_)));

    // What could not be learned holds the reference; it elects no other tag.
    let failed = Facts {
        digests: [(new.clone(), Err("ghcr.io did not answer in time".to_owned()))].into(),
    };
    let Outcome::Decided(decision) = ranking.decide(&pinned, &failed) else {
        panic!("asked again")
    };
    let held = decision.held.unwrap();
    assert_eq!(held.reason, Reason::IncompleteInformation);
    assert!(held.detail.contains("did not answer in time"));
    assert_eq!(decision.chosen.unwrap().tag, new);

    // A held reference needs no digest.
    let floating = Tag::parse("latest").unwrap();
    let question = Question {
        current: Some(&floating),
        ..pinned
    };
    assert!(matches!(ranking.decide(&question, &none), Outcome::Decided(_)));
}

/// Policies of each kind, and with the switches that matter for order.
fn policies() -> Vec<Policy> {
    let mut extracting = semver("*");
    extracting.tags.matching = Some(Regex::new("([0-9.]+)").unwrap());
    extracting.tags.extract = Some("$1".to_owned());
    let mut replacing = semver_with(">=0-0", Parts::One);
    replacing.guards.allow_replace = true;
    replacing.guards.floating_current = FloatingCurrent::Pin;
    vec![
        semver(">=1 <3"),
        semver_with("*", Parts::Two),
        extracting,
        replacing,
        Policy {
            family: Family::Any,
            ..semver(">=1-0")
        },
        policy(Select::Numeric(Order::Asc)),
        policy(Select::Numeric(Order::Desc)),
        policy(Select::Alphabetical(Order::Asc)),
        policy(Select::Alphabetical(Order::Desc)),
    ]
}

fn any_tag() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "v?[0-3](\\.[0-3]){0,3}(-(rc\\.[12]|alpine3\\.[12]|abc123[45]|[0-9]))?",
        1 => "(latest|main|stable|[a-c]{1,3}|20240[1-3]0[1-3]|[0-9]{1,3})",
        1 => ".{0,140}",
    ]
}

proptest! {
    #[test]
    fn neither_order_nor_repetition_matters(tags in proptest::collection::vec(any_tag(), 0..12), current in any_tag(), turn in 0usize..12) {
        let current = Tag::parse(&current).ok();
        let question = Question { current: current.as_ref(), ..Question::default() };
        let mut other = tags.clone();
        other.rotate_left(turn.min(tags.len()));
        other.extend(tags.iter().take(3).cloned());
        for policy in policies() {
            let (a, b) = (Ranking::new(&policy, &tags), Ranking::new(&policy, &other));
            let facts = Facts::default();
            prop_assert_eq!(format!("{:?}", a.decide(&question, &facts)), format!("{:?}", b.decide(&question, &facts)));
            prop_assert_eq!(a.passed_over(&question, &facts), b.passed_over(&question, &facts));
        }
    }

    #[test]
    fn a_decision_is_one_of_the_tags_and_all_others_have_a_reason(tags in proptest::collection::vec(any_tag(), 0..12), current in any_tag()) {
        let current = Tag::parse(&current).ok();
        let question = Question { current: current.as_ref(), ..Question::default() };
        for policy in policies() {
            let ranking = Ranking::new(&policy, &tags);
            let Outcome::Decided(decision) = ranking.decide(&question, &Facts::default()) else { panic!("no digest was asked for") };
            let chosen = decision.chosen.map(|chosen| chosen.tag);
            let stays = chosen.is_some() && chosen == current;
            prop_assert!(chosen.as_ref().is_none_or(|tag| stays || tags.iter().any(|listed| listed == tag.as_str())));
            prop_assert!(chosen.is_some() || decision.held.is_some(), "nothing is left alone without a reason");
            let mut distinct = tags.clone();
            distinct.sort();
            distinct.dedup();
            distinct.retain(|tag| chosen.as_ref().is_none_or(|chosen| chosen.as_str() != tag));
            let passed = ranking.passed_over(&question, &Facts::default());
            prop_assert_eq!(passed.len(), distinct.len());
            prop_assert!(passed.iter().all(|passed| !passed.detail.is_empty()), "{:?}", passed);
        }
    }

    /// Writing the decision and asking again writes nothing; where versions or numbers are ordered, it is not held either.
    #[test]
    fn a_decision_stands_once_it_is_written(tags in proptest::collection::vec(any_tag(), 0..12), current in any_tag()) {
        for policy in policies() {
            let decision = decide_list(&policy, &current, &tags);
            if let (None, Some(chosen)) = (decision.held, decision.chosen) {
                let again = decide_list(&policy, chosen.tag.as_str(), &tags);
                let text = matches!(policy.select, Select::Alphabetical(_));
                if !(text && again.held.is_some()) {
                    prop_assert_eq!((again.held, again.chosen.map(|c| c.tag)), (None, Some(chosen.tag)));
                }
            }
        }
    }

    /// Only outliers and floating versions look at tags below: three parts and one first number leave both out.
    #[test]
    fn an_older_tag_never_changes_the_decision(patches in proptest::collection::vec(1u8..20, 1..8), suffix in "(-alpine3)?", older in "1\\.[0-9]\\.0") {
        let policy = semver("*");
        let mut tags: Vec<String> = patches.iter().map(|patch| format!("1.10.{patch}{suffix}")).collect();
        let current = tags[0].clone();
        let before = decide_list(&policy, &current, &tags);
        tags.push(format!("{older}{suffix}"));
        prop_assert_eq!(decide_list(&policy, &current, &tags), before);
    }

    /// Never backwards: what is written stands above what stood there, in the policy's own order.
    #[test]
    fn nothing_is_ever_written_that_would_be_older(tags in proptest::collection::vec(any_tag(), 0..12), current in any_tag()) {
        for policy in policies().into_iter().filter(|policy| !policy.guards.allow_replace) {
            let decision = decide_list(&policy, &current, &tags);
            let Some(chosen) = decision.chosen.filter(|chosen| decision.held.is_none() && chosen.tag.as_str() != current) else { continue };
            // Seen from the new tag, the old one must not be an update.
            let back = decide_list(&policy, chosen.tag.as_str(), std::slice::from_ref(&current));
            let returned = back.held.is_none() && back.chosen.is_some_and(|back| back.tag.as_str() == current);
            prop_assert!(Tag::parse(&current).is_err() || !returned, "{} and back to {}", chosen.tag, current);
        }
    }
}

fn decide_list(policy: &Policy, current: &str, tags: &[String]) -> Decision {
    let current = Tag::parse(current).ok();
    let question = Question {
        current: current.as_ref(),
        ..Question::default()
    };
    match Ranking::new(policy, tags).decide(&question, &Facts::default()) {
        Outcome::Decided(decision) => decision,
        Outcome::Needs(needs) => panic!("nothing was asked that needs {needs:?}"),
    }
}
