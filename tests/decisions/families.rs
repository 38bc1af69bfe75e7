//! Which tags are the same flavour of an image, and which of them is the newest.

use super::*;

#[test]
fn a_tag_goes_to_the_best_of_its_family() {
    for (current, available, chosen) in [
        // numbers inside a suffix may grow
        ("1.2.3-alpine3.19", "1.2.4-alpine3.20 1.2.5", "1.2.4-alpine3.20"),
        ("1.2.3-alpine3.19", "1.2.3-alpine3.19 1.2.3-alpine3.20", "1.2.3-alpine3.20"),
        // a pre-release goes to its release
        ("1.2.3-rc.1", "1.2.3-rc.1 1.2.3-rc.2 1.2.3", "1.2.3"),
        ("1.2.3b5", "1.2.3b5 1.2.3b10 1.2.3", "1.2.3"),
        // the prefix is identity
        ("v1.2.3", "v1.2.3 v1.2.4 1.2.4 1.2.5", "v1.2.4"),
        ("1.2.3", "1.2.3 v1.2.4", "1.2.3"),
        // build numbers and revisions
        ("21.0.10_7-jre", "21.0.10_7-jre 21.0.11_10-jre 21.0.12_1-jdk", "21.0.11_10-jre"),
        ("11.6.0-debian-9-r0", "11.6.0-debian-9-r5 11.7.0-debian-10-r1", "11.7.0-debian-10-r1"),
        ("11.6.0-debian-9-r0", "11.6.0-debian-9-r5", "11.6.0-debian-9-r5"),
        // git-describe, and commit ids at the end
        ("1.2.3-4-gabc1234", "1.2.3-4-gabc1234 1.2.4-1-gdef5678", "1.2.4-1-gdef5678"),
        ("1.20240101.5-abcdef1", "1.20240101.5-abcdef1 1.20240102.6-bcdef12", "1.20240102.6-bcdef12"),
        // precision differs
        ("10.11.11", "10.11.11 12.0", "10.11.11"),
        // calendar versions
        ("2024.12.31", "2024.12.31 2025.1.2", "2025.1.2"),
        // machines are words
        ("1.0.0-arm32v7", "1.0.0-arm32v7 1.1.0-arm64v8 1.1.0-arm32v7", "1.1.0-arm32v7"),
    ] {
        assert_eq!(outcome(&semver(">=1"), current, available), chosen, "{current}");
        let turned: Vec<&str> = available.split(' ').rev().collect();
        assert_eq!(outcome(&semver(">=1"), current, &turned.join(" ")), chosen, "{current}, turned");
    }
}

#[test]
fn prereleases_count_as_people_count_where_they_are_admitted() {
    assert_eq!(outcome(&semver(">=1-0"), "1.2.3b5", "1.2.3b5 1.2.3b10"), "1.2.3b10");
    assert_eq!(outcome(&semver(">=1-0"), "1.2.3-rc.1", "1.2.3-rc.2 1.2.3-rc.10"), "1.2.3-rc.10");
    assert_eq!(outcome(&semver(">=1-0"), "7.4.0RC3-fpm", "7.4.0RC12-fpm 7.4.0RC9-fpm 7.4.0RC13"), "7.4.0RC12-fpm");
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
    let exact = Policy { family: Family::Exact, ..semver(">=1") };
    assert_eq!(outcome(&exact, "1.2.3-alpine3.19", tags), "1.2.4-alpine3.19");
    let any = Policy { family: Family::Any, ..semver(">=1") };
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
    assert_eq!(outcome(&semver(">=1"), "1.2.3-abc1234", "1.2.4-def5678 1.2.4-aaa1111"), "not-comparable");
    assert_eq!(outcome(&semver(">=1"), "1.2.4-aaa1111", "1.2.4-def5678 1.2.4-aaa1111"), "1.2.4-aaa1111");
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
        assert_eq!(outcome(&alphabetical, "", &tags), newer, "as in Flux where nothing is known");
    }
    alphabetical.tags.matching = Some(Regex::new("^main-.*-(?P<at>[0-9]+)$").unwrap());
    alphabetical.tags.extract = Some("$at".to_owned());
    let tags = "main-1a2b3c4-1700000000 main-0a2b3c4-1800000000";
    assert_eq!(outcome(&alphabetical, "main-1a2b3c4-1700000000", tags), "main-0a2b3c4-1800000000");
}

#[test]
fn families_are_named_for_people() {
    let policy = semver("*");
    let tags = list("v1.2.3-alpine3.19");
    let current = Tag::parse("v1.2.3-alpine3.19").unwrap();
    let question = Question { current: Some(&current), ..Question::default() };
    let ranking = Ranking::new(&policy, &tags);
    assert_eq!(ranking.family(&question).as_deref(), Some("v + 3 parts + -alpine*"));
    assert_eq!(ranking.family(&Question::default()), None);
}
