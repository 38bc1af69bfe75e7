//! `calver`: dates in their order, in their family, without outliers.

use super::*;
use landwaiter::version::calver::Pattern;

fn calver(pattern: &str) -> Policy {
    policy(Select::Calver(Pattern::parse(pattern).unwrap()))
}

#[test]
fn the_latest_date_is_chosen_whatever_its_digits() {
    let policy = calver("YYYY.0M.MICRO");
    assert_eq!(outcome(&policy, "2024.05.9", "2024.05.9 2024.05.10 2023.12.99 latest 2024.5.11 1.27.3"), "2024.05.10");
    assert_eq!(outcome(&policy, "", "2024.05.9 2025.01.0 stable"), "2025.01.0");
    assert_eq!(outcome(&calver("0D.0M.YYYY"), "31.12.2023", "31.12.2023 01.02.2024 30.01.2024"), "01.02.2024");
    assert_eq!(outcome(&calver("YYYY0M0D"), "20240501", "20240501 20240631 20240530 20991301"), "20240530");
}

#[test]
fn dates_have_families_as_versions_have() {
    let policy = calver("YYYY.0M.MICRO");
    let tags = "2024.05.1-alpine3.19 2024.06.1 2024.06.0-alpine3.20 v2024.07.1 2024.06.0-alpine3.19 2024.08.1-debian";
    assert_eq!(outcome(&policy, "2024.05.1-alpine3.19", tags), "2024.06.0-alpine3.20");
    assert_eq!(outcome(&policy, "2024.05.1", tags), "2024.06.1");
    assert_eq!(outcome(&policy, "v2024.05.1", tags), "v2024.07.1");
    assert_eq!(
        outcome(&Policy { family: Family::Exact, ..policy.clone() }, "2024.05.1-alpine3.19", tags),
        "2024.06.0-alpine3.19"
    );
    // Without a current tag only what the pattern reads as a whole.
    assert_eq!(outcome(&policy, "", tags), "v2024.07.1");
    let question = Tag::parse("2024.05.1-alpine3.19").unwrap();
    let question = Question { current: Some(&question), ..Question::default() };
    assert_eq!(Ranking::new(&policy, &list(tags)).family(&question).unwrap(), "date + -alpine*");
}

#[test]
fn a_prerelease_is_no_date_unless_the_pattern_has_a_modifier() {
    let tags = "2024.05.1 2024.06.1-rc.1 2024.05.2";
    assert_eq!(outcome(&calver("YYYY.0M.MICRO"), "2024.05.1", tags), "2024.05.2");
    assert!(reasons(&calver("YYYY.0M.MICRO"), "2024.05.1", tags).contains(&"2024.06.1-rc.1 prerelease".to_owned()));
    assert_eq!(outcome(&calver("YYYY.0M.MICRO"), "2024.06.1-rc.1", "2024.06.1-rc.1 2024.06.1"), "2024.06.1");
    let modified = calver("YYYY.0M.MICRO-MODIFIER");
    assert_eq!(outcome(&modified, "2024.05.1", "2024.05.1 2024.06.1-rc1 2024.05.2"), "2024.06.1-rc1");
    assert_eq!(outcome(&modified, "2024.06.1-rc1", "2024.06.1-rc1 2024.06.1 2024.06.1-rc2"), "2024.06.1");
}

#[test]
fn no_year_is_an_outlier_and_no_step_is_too_large() {
    assert_eq!(outcome(&calver("YY.0M"), "8.04", "8.04 24.04"), "24.04");
    assert_eq!(outcome(&calver("YYYY.0M"), "2016.01", "2016.01 2026.11"), "2026.11");
}

#[test]
fn a_short_date_that_longer_ones_refine_floats() {
    let policy = calver("YY.0M");
    let tags = "12.04 12.04.5 14.10 12.10";
    assert_eq!(outcome(&policy, "12.10", tags), "14.10");
    let held = decide(&policy, "12.04", tags).held.unwrap();
    assert_eq!(held.reason, Reason::FloatingCurrent);
    let mut pin = calver("YYYY.0M.MICRO");
    pin.guards.floating_current = FloatingCurrent::Pin;
    assert_eq!(outcome(&pin, "2024.05", "2024.05 2024.05.1 2024.06.2"), "2024.06.2");
    assert_eq!(outcome(&pin, "2024.07", "2024.07 2024.07.x 2024.06.2"), "not-comparable");
    assert_eq!(outcome(&pin, "stable-alpine", "2024.05.1 2024.05.0-alpine"), "2024.05.0-alpine");
}

#[test]
fn what_is_no_date_is_never_replaced_unasked() {
    let policy = calver("YYYY.0M.MICRO");
    assert_eq!(outcome(&policy, "1.27.3", "1.27.3 2024.05.1"), "not-comparable");
    assert_eq!(outcome(&policy, "2025.01.1", "2024.05.1"), "downgrade");
}
