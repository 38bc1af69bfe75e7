//! Decisions as stories: a policy, a current tag, the tags of a repository, and what the file should say.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod bounds;
mod commits;
mod dates;
mod families;
mod guards;
mod moving;
mod orders;
mod properties;
mod reasons;
mod require;
mod signed;

use landwaiter::image::{Digest, Tag};
use landwaiter::policy::{
    Decision, Facts, Family, FloatingCurrent, Guard, Need, Order, Outcome, Parts, PassedOver, Policy, PolicyName,
    Question, Ranking, Reason, Select,
};
use landwaiter::version::range::Range;
use regex::Regex;

fn policy(select: Select) -> Policy {
    Policy::new(PolicyName::parse("web").unwrap(), "landwaiter.yaml", select)
}

fn semver(range: &str) -> Policy {
    semver_with(range, Parts::Three)
}

fn semver_with(range: &str, parts: Parts) -> Policy {
    let range = Range::parse(range).unwrap();
    policy(Select::Semver { range, parts, prereleases: false })
}

fn list(tags: &str) -> Vec<String> {
    tags.split_whitespace().map(str::to_owned).collect()
}

fn decide(policy: &Policy, current: &str, tags: &str) -> Decision {
    let current = Tag::parse(current).ok();
    let question = Question { current: current.as_ref(), ..Question::default() };
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
    let question = Question { current: current.as_ref(), ..Question::default() };
    Ranking::new(policy, &list(tags)).passed_over(&question, &Facts::default())
}

/// `tag reason` for each tag passed over.
fn reasons(policy: &Policy, current: &str, tags: &str) -> Vec<String> {
    let passed = passed_over(policy, current, tags);
    passed.iter().map(|passed| format!("{} {}", passed.tag, passed.reason)).collect()
}

fn decide_list(policy: &Policy, current: &str, tags: &[String]) -> Decision {
    let current = Tag::parse(current).ok();
    let question = Question { current: current.as_ref(), ..Question::default() };
    match Ranking::new(policy, tags).decide(&question, &Facts::default()) {
        Outcome::Decided(decision) => decision,
        Outcome::Needs(needs) => panic!("nothing was asked that needs {needs:?}"),
    }
}
