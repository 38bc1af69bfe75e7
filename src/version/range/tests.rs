//! Tables for the dialect, its corners and its limits.

use super::*;
use crate::version::tag;
use proptest::prelude::*;

fn admits(range: &str, version: &str) -> bool {
    Range::parse(range).unwrap().matches(&tag::read(version, 1).unwrap(), false)
}

#[test]
fn each_form_of_the_dialect() {
    for (range, inside, outside) in [
        ("1.2.3", "1.2.3", "1.2.4 1.2.2 1.2.3-rc.1"),
        ("=v1.2.3", "1.2.3", "1.2.4"),
        ("1.2", "1.2.0 1.2.9", "1.3.0 1.1.9 1.2.3-rc.1"),
        ("1.2.x", "1.2.0 1.2.9", "1.3.0"),
        ("1", "1.0.0 1.9.9", "2.0.0 0.9.9"),
        ("1.*", "1.0.0 1.9.9", "2.0.0"),
        ("1.x.3", "1.0.0 1.9.9", "2.0.0"),
        ("*", "0.0.0 2024.1.15", "1.0.0-rc.1"),
        ("!=1.2.3", "1.2.4", "1.2.3 1.2.4-rc.1"),
        ("!=1.2", "1.3.0 1.1.0", "1.2.0 1.2.9"),
        ("!=1.x", "2.0.0", "1.0.0 1.9.0"),
        ("!=*", "0.0.1 1.0.0", "0.0.0"),
        (">1", "2.0.0", "1.9.9 1.0.0"),
        (">1.1", "1.2.0 2.0.0", "1.1.9"),
        (">1.1.1", "1.1.2", "1.1.1"),
        (">=1.1", "1.1.0", "1.0.9"),
        ("=>1.1", "1.1.0", "1.0.9"),
        ("<1.1", "1.0.9", "1.1.0"),
        ("<=1", "1.9.9 0.1.0", "2.0.0"),
        ("=<1.1", "1.1.9", "1.2.0"),
        ("<=*", "0.0.9", "0.1.0 1.0.0"),
        ("~1", "1.9.9", "2.0.0"),
        ("~1.2", "1.2.9", "1.3.0"),
        ("~>1.2.3", "1.2.9", "1.2.2 1.3.0"),
        ("~0.0.0", "7.0.0", "7.0.0-rc.1"),
        ("^1.2.3", "1.9.0", "1.2.2 2.0.0"),
        ("^0.2.3", "0.2.9", "0.3.0 0.2.2"),
        ("^0.0.3", "0.0.3", "0.0.4"),
        ("^0.0", "0.0.9", "0.1.0"),
        ("^0", "0.9.0", "1.0.0"),
        ("1.2 - 2.3", "1.2.0 2.3.9", "1.1.9 2.4.0"),
        ("1.0 - 2.0, !=1.5.0", "1.4.0", "1.5.0"),
        (">=1 <2 || >=3", "1.5.0 3.0.0", "2.5.0"),
        (">= 1.0.0-0", "1.0.0-alpha 2.0.0-rc.1 3.0.0", "0.9.0"),
        ("^1.x-0", "1.2.0-rc.1", "2.0.0"),
        (">=1.0.0 <2.0.0-0", "1.2.0-rc.1", "2.0.0-rc.1 2.0.0"),
        (">=1.0.0-0 || >=3", "2.0.0-rc.1", "0.1.0"),
        (" >1,<3 ", "2.5.0", "3.0.0"),
        ("01.02.03", "1.2.3", "1.2.4"),
        ("1.2.3+meta", "1.2.3", "1.2.4"),
    ] {
        for version in inside.split(' ') {
            assert!(admits(range, version), "{range} should admit {version}");
        }
        for version in outside.split(' ') {
            assert!(!admits(range, version), "{range} should refuse {version}");
        }
    }
}

#[test]
fn a_policy_can_admit_all_prereleases() {
    let range = Range::parse(">=1 <2").unwrap();
    let prerelease = tag::read("1.2.3-rc.1", 3).unwrap();
    assert!(!range.matches(&prerelease, false));
    assert!(range.matches(&prerelease, true));
}

#[test]
fn what_is_wrong_is_named_and_pointed_at() {
    for (range, message, marked) in [
        ("", "an empty range", ""),
        ("||", "a version is missing", ""),
        (">=1 ||", "a version is missing", ""),
        (">", "an operator without a version", ""),
        ("latest", "not a version", "latest"),
        (">=1.0 <two", "not a version", "two"),
        ("x1", "digits and wildcards in one number", "x1"),
        ("1..2", "a dot without a number after it", "1..2"),
        ("1.2.3.4", "a version with more than three numbers", "1.2.3.4"),
        (">1.0.0<2.0.0", "two comparisons without a space or comma between them", "<2.0.0"),
        ("1.2.3-01", "not a pre-release", "01"),
        ("1.2.3-", "not a pre-release", ""),
        ("1.2.3+", "not build metadata", ""),
        ("1,,2", "a version is missing", ""),
        ("18446744073709551616", "a number above 64 bits", "18446744073709551616"),
        ("≥1.0.0", "not a version", "≥1.0.0"),
        ("1.0.0 - ", "an operator without a version", ""),
        ("^1.0 - 2", "not a version", "-"),
    ] {
        let error = Range::parse(range).unwrap_err();
        let found = (error.message.as_str(), range.get(error.span.clone()));
        assert_eq!(found, (message, Some(marked)), "{range:?}");
        assert!(!error.hint.is_empty());
    }
}

#[test]
fn limits_hold_at_their_edges() {
    let longest = format!("{}1", " ".repeat(MAX_TEXT - 1));
    assert!(Range::parse(&longest).is_ok());
    assert!(Range::parse(&format!(" {longest}")).is_err());
    let many = vec!["1"; MAX_ALTERNATIVES].join("||");
    assert!(Range::parse(&many).is_ok());
    assert!(Range::parse(&format!("{many}||1")).unwrap_err().message.contains("alternatives"));
}

#[test]
fn ranges_that_nothing_satisfies_are_recognised() {
    for empty in [">2 <1", "1.2 1.3", ">=2, <2", "<0", "=1.2.3 !=1.2.3", ">1.2.3-rc.1 <1.2.3-rc.1.0", "<*"] {
        assert!(Range::parse(empty).unwrap().never_matches(), "{empty}");
    }
    for possible in ["*", ">2 <1 || 3", ">1 <=2", "!=0.0.0 !=0.0.1", ">1.2.3-rc.1 <1.2.3", "<=0", "!=0.x", "<1.0.0-0"] {
        assert!(!Range::parse(possible).unwrap().never_matches(), "{possible}");
    }
}

proptest! {
    #[test]
    fn any_text_is_answered_and_errors_point_inside(text in "[0-9xX*.v|<>=!~^, a-c+é-]{0,24}") {
        match Range::parse(&text) {
            Ok(range) => prop_assert_eq!(range.to_string(), text),
            Err(error) => prop_assert!(text.get(error.span.clone()).is_some(), "{:?}", error),
        }
    }

    #[test]
    fn a_range_said_to_match_nothing_matches_nothing(
        text in "(!=|>|<|>=|<=|~|\\^)[0-2](\\.[0-2x](\\.[0-2](-[ab])?)?)?( (!=|>|<|>=|<=|~|\\^)[0-2](\\.[0-2])?(-a)?)?",
        numbers in [0u64..4, 0..4, 0..4],
        pre in "(-[abc](\\.0)?)?",
    ) {
        let range = Range::parse(&text).unwrap();
        let version = tag::read(&format!("{}.{}.{}{pre}", numbers[0], numbers[1], numbers[2]), 3).unwrap();
        prop_assert!(!(range.never_matches() && range.matches(&version, false)), "{} {}", text, version);
    }
}
