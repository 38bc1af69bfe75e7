//! What people are told about holds and about the tags that were passed over.

use super::*;

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
    assert!(passed_over(&policy, "1.1.0", &tags).iter().all(|passed| !passed.detail.is_empty()));
    policy.tags.matching = Some(Regex::new("^1").unwrap());
    assert!(reasons(&policy, "1.1.0", &tags).contains(&"v1.3.0 no-match".to_owned()));
}

#[test]
fn the_family_that_would_pin_a_floating_tag_is_not_its_own() {
    let detail = |parts, current, tags| {
        let passed = passed_over(&semver_with("*", parts), current, tags);
        let others = passed.into_iter().filter(|passed| passed.reason == Reason::OtherFamily);
        others.map(|passed| format!("{}: {}", passed.tag, passed.detail)).collect::<Vec<_>>()
    };
    assert_eq!(
        detail(Parts::Three, "16", "16 16.1 16.2"),
        [
            "16.1: its family is 2 parts; 16 is floating, and the policy asks for 3 parts",
            "16.2: its family is 2 parts; 16 is floating, and the policy asks for 3 parts"
        ]
    );
    assert_eq!(
        detail(Parts::One, "16-alpine", "16-alpine 16.1-alpine 17-alpine"),
        [
            "17-alpine: its family is 1 part + -alpine; 16-alpine is floating, and would be pinned to one of 2 parts + -alpine"
        ]
    );
}

#[test]
fn what_is_no_tag_is_reported_legibly() {
    let tags = vec!["1.0.0".to_owned(), "1.0\u{1b}[31m".to_owned(), "9".repeat(9000), String::new()];
    let policy = semver("*");
    let passed = Ranking::new(&policy, &tags).passed_over(&Question::default(), &Facts::default());
    assert_eq!(passed.len(), 3);
    for passed in passed {
        assert_eq!(passed.reason, Reason::InvalidTag);
        assert!(!passed.tag.contains('\u{1b}') && passed.tag.chars().count() <= 161, "{}", passed.tag);
    }
}
