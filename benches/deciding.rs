//! How long decisions take: 500,000 tags across 1,000 policies, each with its own repository of 500 tags and a current tag.
//!
//! `cargo bench --bench deciding` prints one line: wall-clock time, decisions, and the bytes of the largest list. Only one
//! repository's list is alive at a time, as in a run.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a benchmark measures time and prints"
)]

use landwaiter::config::policies;
use landwaiter::image::Tag;
use landwaiter::policy::{Facts, Outcome, Policy, Question, Ranking};
use std::time::{Duration, Instant};

const POLICIES: usize = 1_000;
const TAGS: usize = 500;

fn main() {
    let policies = policies_of_every_kind();
    assert_eq!(policies.len(), POLICIES);
    let (mut spent, mut best, mut chosen) = (Duration::ZERO, Duration::MAX, 0);
    for _ in 0..5 {
        spent = Duration::ZERO;
        chosen = 0;
        for (number, policy) in policies.iter().enumerate() {
            let (current, tags) = list(number);
            let current = Tag::parse(&current).unwrap();
            let question = Question { current: Some(&current), ..Question::default() };
            let begun = Instant::now();
            let outcome = Ranking::new(policy, &tags).decide(&question, &Facts::default());
            spent += begun.elapsed();
            chosen += usize::from(matches!(outcome, Outcome::Decided(decision) if decision.chosen.is_some()));
        }
        best = best.min(spent);
    }
    assert_eq!(chosen, POLICIES, "every policy chooses");
    println!(
        "{} tags, {POLICIES} policies: {:.3} s at best, {:.3} s in the last of 5 rounds, on one core",
        POLICIES * TAGS,
        best.as_secs_f64(),
        spent.as_secs_f64()
    );
}

/// Plain versions, families, an expression with a template, numbers, dates, a range with a guard.
fn policies_of_every_kind() -> Vec<Policy> {
    let kinds = [
        "select: {semver: '>=1 <100'}",
        "select: {semver: '*'}",
        "tags: {match: '^v?(?P<version>[0-9]+\\.[0-9]+\\.[0-9]+)$', extract: '$version'}, select: {semver: '*'}",
        "tags: {match: '^main-[0-9a-f]+-(?P<time>[0-9]+)$', extract: '$time'}, select: {numeric: asc}",
        "select: {calver: YYYY.MM.MICRO}",
        "select: {semver: '*'}, require: {maxBump: minor}",
    ];
    let mut text = "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n".to_owned();
    for number in 0..POLICIES {
        text.push_str(&format!("- {{name: p{number}, {}}}\n", kinds[number % kinds.len()]));
    }
    let loaded = policies::read(&[("landwaiter.yaml".to_owned(), text)]);
    assert!(loaded.is_ok(), "{:?}", loaded.diagnostics);
    loaded.policies
}

/// The tags of one repository and the one in the file, mixed as a registry of long standing has them.
fn list(number: usize) -> (String, Vec<String>) {
    let one = |n: usize| match number % 6 {
        0 | 5 => format!("{}.{}.{}", 1 + n / 250, n / 10 % 25, n % 10),
        1 => format!("1.{}.{}{}", n / 10, n % 10, ["", "-alpine3.19", "-rc.1", "-debian-12-r3"][n % 4]),
        2 => format!("v1.{}.{}", n / 10, n % 10),
        3 => format!("main-{:07x}-{}", n * 7_919 % 0xfff_ffff, 1_700_000_000 + n),
        _ => format!("{}.{}.{}", 2010 + n / 50, 1 + n % 12, n % 50),
    };
    let tags: Vec<String> = (0..TAGS).map(|n| one(n * 211 % TAGS)).collect();
    (one(0), tags)
}
