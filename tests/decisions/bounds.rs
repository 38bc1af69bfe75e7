//! Bad input: as large, as long and as wrong as it comes, within a time that is bounded, with a message that says why.
//!
//! The bounds are generous: they are for an unoptimised build on a busy machine, and what they rule out takes minutes.
#![expect(clippy::disallowed_methods, reason = "what is tested here is how long it takes")]

use super::*;
use landwaiter::config::policies;
use std::time::{Duration, Instant};

/// Runs the work and insists on its end.
fn within<T>(seconds: u64, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = work();
    assert!(started.elapsed() < Duration::from_secs(seconds), "{:?}", started.elapsed());
    result
}

/// The one policy of a file, or the first problem with it.
fn read(body: &str) -> Result<Policy, String> {
    let text = format!("apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies: [{{name: web, {body}}}]\n");
    let mut loaded = policies::read(&[("landwaiter.yaml".to_owned(), text)]);
    match loaded.diagnostics.first() {
        Some(problem) => Err(problem.message.clone()),
        None => Ok(loaded.policies.remove(0)),
    }
}

#[test]
fn a_hundred_thousand_tags_are_decided_and_explained() {
    let tags: Vec<String> = (0..100_000).map(|n| format!("1.{}.{}", n / 300, n % 300)).collect();
    let current = Tag::parse("1.0.0").unwrap();
    let question = Question { current: Some(&current), ..Question::default() };
    let (policy, facts) = (semver("*"), Facts::default());
    within(120, || {
        let ranking = Ranking::new(&policy, &tags);
        let Outcome::Decided(decision) = ranking.decide(&question, &facts) else { panic!("no facts are needed") };
        assert_eq!(decision.chosen.unwrap().tag.as_str(), "1.333.99");
        assert_eq!(ranking.passed_over(&question, &facts).len(), 99_999);
        assert_eq!(ranking.suggestions(&question, &facts), []);
    });
    let nothing = read("tags: {match: '^v'}, select: {semver: '*'}").unwrap();
    let suggested = within(120, || Ranking::new(&nothing, &tags).suggestions(&Question::default(), &facts));
    assert!(suggested[0].problem.contains("100000"), "{suggested:?}");
}

#[test]
fn the_longest_tags_are_tags_and_longer_ones_are_not() {
    let longest = format!("1.0.0-{}", "a".repeat(122));
    assert_eq!(longest.len(), 128);
    assert_eq!(outcome(&semver(">=1-0"), "", &longest), longest);
    let said = passed_over(&semver(">=1-0"), "", &format!("{longest}a 1.0.0"));
    assert_eq!((said[0].reason, said[0].tag.len() < 170), (Reason::InvalidTag, true));
}

#[test]
fn expressions_take_linear_time_and_large_ones_are_refused() {
    let tags: Vec<String> = (0..5_000).map(|n| format!("{}{n}_", "a".repeat(120))).collect();
    for pattern in ["^(a+)+$", "^(a|aa)+$", "^(.*)*x$", "(a*)*(a*)*(a*)*b$"] {
        let policy = read(&format!("tags: {{match: '{pattern}'}}, select: {{alphabetical: asc}}")).unwrap();
        let held = within(60, || decide_list(&policy, "", &tags)).held.unwrap();
        assert_eq!(held.detail, format!("none of 5000 tags matches `{pattern}`"));
    }
    for pattern in ["(((a{99}){99}){99}){99}", "(a{0,999}){999}"] {
        let body = format!("tags: {{match: '{pattern}'}}, select: {{alphabetical: asc}}");
        let message = within(20, || read(&body)).unwrap_err();
        assert_eq!(message, "bad regular expression: larger than 512 KiB when compiled");
    }
}

#[test]
fn ranges_with_thousands_of_alternatives_are_refused() {
    let range = vec!["1.x"; 10_000].join(" || ");
    let message = within(20, || read(&format!("select: {{semver: '{range}'}}"))).unwrap_err();
    assert!(message.starts_with("bad version range: "), "{message}");
    let many = within(20, || read(&format!("select: {{semver: '{}'}}", vec!["1"; 65].join("||")))).unwrap_err();
    assert!(many.contains("64 alternatives"), "{many}");
    assert!(read(&format!("select: {{semver: '{}'}}", vec!["1"; 64].join("||"))).is_ok());
}

#[test]
fn numbers_beyond_64_bits_are_exact_or_no_versions() {
    let huge = "18446744073709551616";
    let said = passed_over(&semver("*"), "", &format!("{huge}.0.0 1.0.0"));
    assert_eq!((said[0].reason, said[0].detail.as_str()), (Reason::NotAVersion, "it has a number above 64 bits"));
    let numeric = policy(Select::Numeric(Order::Asc));
    assert_eq!(outcome(&numeric, "", &format!("{huge} 18446744073709551617 99")), "18446744073709551617");
    let long = "9".repeat(128);
    assert_eq!(outcome(&numeric, "", &format!("{huge} {long} {}8", "9".repeat(127))), long);
    assert!(read(&format!("select: {{semver: '>={huge}'}}")).unwrap_err().contains("a number above 64 bits"));
}
