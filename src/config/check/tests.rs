//! What a policy file comes to mean.

use crate::config::policies;
use crate::policy::{Family, FloatingCurrent, Guard, ImagePattern, Order, Parts, Pin, Policy, Select, WriteMode};

/// The only policy of a file with this body.
fn policy(body: &str) -> Policy {
    let text = format!("apiVersion: landwaiter/v1\nkind: ImagePolicies\n{body}");
    let mut loaded = policies::read(&[("landwaiter.yaml".to_owned(), text)]);
    assert!(loaded.is_ok(), "{:?}", loaded.diagnostics);
    assert_eq!(loaded.policies.len(), 1);
    loaded.policies.remove(0)
}

#[test]
fn what_is_not_said_has_the_documented_default() {
    let policy = policy("policies: [{name: web, select: {semver: '*'}}]");
    assert_eq!(&*policy.file, "landwaiter.yaml");
    assert!(policy.images.is_empty() && policy.files.is_empty());
    assert!(policy.tags.matching.is_none() && policy.tags.extract.is_none() && policy.tags.exclude.is_empty());
    assert!(matches!(policy.select, Select::Semver { parts: Parts::Three, prereleases: false, .. }));
    assert_eq!(policy.family, Family::Compatible);
    assert_eq!(policy.guards.floating_current, FloatingCurrent::Hold);
    assert!(!policy.guards.allow_downgrade && !policy.guards.allow_replace);
    assert!(policy.guards.accept.is_empty() && policy.guards.disabled.is_empty());
    assert_eq!(policy.pin, Pin::Tag);
    assert_eq!(policy.write.mode, WriteMode::Commit);
}

#[test]
fn everything_that_is_said_arrives() {
    let policy = policy(
        "policies:
- name: team/web
  images: [nginx, 'ghcr.io/acme/*']
  files: ['apps/**']
  tags: {match: '^v(\\d+)$', extract: '$1', exclude: [x]}
  select: {numeric: desc}
  family: any
  floating: pin
  allowDowngrade: true
  allowReplace: true
  accept: [1.10]
  disable: [outlier, floating]
  pin: tag+digest
  write: {mode: report}
",
    );
    assert_eq!(policy.name.as_str(), "team/web");
    assert!(matches!(&policy.images[..], [ImagePattern::Exact(_), ImagePattern::Glob(_)]));
    assert!(policy.files[0].is_match("apps/a/b.yaml"));
    assert!(policy.tags.matching.unwrap().is_match("v12"));
    assert_eq!(policy.tags.extract.as_deref(), Some("$1"));
    assert_eq!(policy.tags.exclude.len(), 1);
    assert!(matches!(policy.select, Select::Numeric(Order::Desc)));
    assert_eq!(policy.family, Family::Any);
    assert_eq!(policy.guards.floating_current, FloatingCurrent::Pin);
    assert!(policy.guards.allow_downgrade && policy.guards.allow_replace);
    assert!(policy.guards.accept.contains("1.10"));
    assert_eq!(policy.guards.disabled, [Guard::Floating, Guard::Outlier].into());
    assert_eq!(policy.pin, Pin::TagAndDigest);
    assert_eq!(policy.write.mode, WriteMode::Report);
}

#[test]
fn templates_are_skipped_unless_a_policy_or_the_defaults_say_markers() {
    let text = "apiVersion: landwaiter/v1\nkind: ImagePolicies\ndefaults: {select: {semver: '*'}, templates: markers}\n\
                    policies: [{name: a}, {name: b, templates: skip}]\n";
    let loaded = policies::read(&[("landwaiter.yaml".to_owned(), text.to_owned())]);
    assert_eq!(loaded.declarations.templates, ["a".to_owned()].into());
}

#[test]
fn the_policy_wins_over_extends_and_extends_over_defaults() {
    let defaults = "defaults: {select: {alphabetical: desc}, pin: digest, tags: {exclude: [a, b]}}\n";
    let with = |policy_text: &str| policy(&format!("{defaults}policies: [{{name: web, {policy_text}}}]"));
    assert!(matches!(with("family: any").select, Select::Alphabetical(Order::Desc)));
    assert!(matches!(with("extends: [build-number]").select, Select::Numeric(Order::Asc)));
    assert!(matches!(with("extends: [build-number, semver-stable]").select, Select::Semver { prereleases: false, .. }));
    assert!(matches!(with("extends: [build-number], select: {numeric: desc}").select, Select::Numeric(Order::Desc)));
    assert_eq!(with("extends: [build-number]").pin, Pin::Digest);
}

#[test]
fn tags_merge_key_by_key_and_lists_replace() {
    let policy = policy(
        "defaults: {tags: {exclude: [a, b]}}\npolicies:\n- name: web\n  extends: [timestamped-builds]\n  \
             tags: {match: '^x-(?P<time>.*)$', exclude: [c]}\n",
    );
    assert_eq!(policy.tags.matching.unwrap().as_str(), "^x-(?P<time>.*)$");
    assert_eq!(policy.tags.extract.as_deref(), Some("$time"), "from timestamped-builds");
    assert_eq!(policy.tags.exclude.len(), 1);
}

#[test]
fn what_a_shipped_policy_brings_is_shown_where_extends_names_it() {
    let text = "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n- name: web\n  \
                    extends: [timestamped-builds]\n  tags: {match: 'x(.*)'}\n";
    let loaded = policies::read(&[("landwaiter.yaml".to_owned(), text.to_owned())]);
    let [problem] = loaded.diagnostics.as_slice() else {
        panic!("{:?}", loaded.diagnostics);
    };
    assert_eq!(problem.message, "`match` has no group `time`, which is taken for nothing");
    assert_eq!(problem.span.unwrap().of(text), Some("timestamped-builds"));
}
