//! Selection against what Flux was observed to choose: 4,300 rows of policy, tag list and chosen tag.
//!
//! The file is looked for in the folder that `LANDWAITER_CASES` names, else in `../shared/cases` beside the checkout; where
//! it is absent the test says so and passes. Rows in which we differ on purpose are counted by cause and printed.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests read files, say what they counted, and may panic"
)]

use landwaiter::config::policies;
use landwaiter::policy::{Facts, Order, Outcome, Policy, PolicyName, Question, Ranking, Reason, Select};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Debug, Deserialize)]
struct Row {
    kind: String,
    range: Option<String>,
    order: Option<String>,
    #[serde(default)]
    pattern: String,
    #[serde(default)]
    extract: String,
    tags: Vec<String>,
    want: String,
    err: Option<String>,
}

/// At most this share of the rows may be excluded; more would mean that the exclusion hides disagreement.
const MOST_EXCLUDED_PERCENT: usize = 15;

#[test]
fn flux_chooses_the_same() {
    let Some(text) = read_case("tag-selection.jsonl") else {
        return;
    };
    let rows: Vec<Row> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut excluded: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut rejected = 0;
    for (number, row) in rows.iter().enumerate() {
        let policy = policy_of(row);
        if row.err.as_deref() == Some("invalid-policy") {
            rejected += 1;
            if policy.is_ok() {
                wrong.push(format!("row {}: should be rejected: {row:?}", number + 1));
            }
            continue;
        }
        let policy = policy.unwrap_or_else(|why| panic!("row {}: {why}: {row:?}", number + 1));
        if let Some(cause) = exclusion(row, &policy) {
            *excluded.entry(cause).or_default() += 1;
            continue;
        }
        let chosen = choose(&policy, &row.tags);
        if chosen.as_deref().unwrap_or_default() != row.want {
            wrong.push(format!("row {}: chose {chosen:?}: {row:?}", number + 1));
        }
    }
    let all: usize = excluded.values().sum();
    println!("{} rows, {rejected} rejected policies, {all} excluded:", rows.len());
    for (cause, count) in &excluded {
        println!("  {count:4} {cause}");
    }
    assert!(wrong.is_empty(), "{} rows disagree\n{}", wrong.len(), wrong.join("\n"));
    assert!(all * 100 <= rows.len() * MOST_EXCLUDED_PERCENT, "{all} of {} rows excluded", rows.len());
}

/// The order of the list and what occurs twice in it must not matter, on the same rows.
#[test]
fn neither_order_nor_repetition_matters() {
    let Some(text) = read_case("tag-selection.jsonl") else {
        return;
    };
    let rows = text.lines().map(|line| serde_json::from_str::<Row>(line).unwrap());
    for row in rows {
        let Ok(policy) = policy_of(&row) else { continue };
        let turned: Vec<String> = row.tags.iter().rev().chain(&row.tags).cloned().collect();
        assert_eq!(choose(&policy, &row.tags), choose(&policy, &turned), "{row:?}");
    }
}

/// Every tag of a list is either chosen or has a reason.
#[test]
fn no_tag_is_passed_over_silently() {
    let Some(text) = read_case("tag-selection.jsonl") else {
        return;
    };
    let rows = text.lines().map(|line| serde_json::from_str::<Row>(line).unwrap());
    for row in rows {
        let Ok(policy) = policy_of(&row) else { continue };
        let ranking = Ranking::new(&policy, &row.tags);
        let passed = ranking.passed_over(&Question::default(), &Facts::default());
        let chosen = choose(&policy, &row.tags);
        assert_eq!(passed.len() + usize::from(chosen.is_some()), row.tags.len(), "{row:?} {passed:?}");
        assert!(passed.iter().all(|passed| !passed.detail.is_empty()), "{passed:?}");
    }
}

fn read_case(name: &str) -> Option<String> {
    let folder = std::env::var_os("LANDWAITER_CASES")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/cases"), PathBuf::from);
    let path = folder.join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(why) => {
            println!("skipped: {} is not here ({why}); LANDWAITER_CASES names another folder", path.display());
            None
        }
    }
}

/// The row as a policy file, read as `landwaiter try` reads it.
fn policy_of(row: &Row) -> Result<Policy, String> {
    // JSON's strings are YAML's double-quoted ones.
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let order = row.order.as_deref().unwrap_or("asc");
    let select = match row.kind.as_str() {
        "semver" => format!("semver: {}", quoted(row.range.as_deref().unwrap_or_default())),
        "numerical" => format!("numeric: {order}"),
        "alphabetical" => format!("alphabetical: {order}"),
        other => panic!("unknown kind {other}"),
    };
    let mut text = format!(
        "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n- name: row\n  images: ['**']\n  select: {{{select}}}\n"
    );
    if !row.pattern.is_empty() || !row.extract.is_empty() {
        text.push_str(&format!("  tags:\n    match: {}\n", quoted(&row.pattern)));
        // Flux takes an empty template for none.
        if !row.extract.is_empty() {
            text.push_str(&format!("    extract: {}\n", quoted(&row.extract)));
        }
    }
    let mut loaded = policies::read(&[("landwaiter.yaml".to_owned(), text.clone())]);
    match loaded.policies.pop() {
        Some(policy) if loaded.is_ok() => Ok(policy),
        _ => Err(loaded.diagnostics.iter().map(|one| one.render(&text, false)).collect()),
    }
}

fn choose(policy: &Policy, tags: &[String]) -> Option<String> {
    match Ranking::new(policy, tags).decide(&Question::default(), &Facts::default()) {
        Outcome::Decided(decision) => decision.chosen.map(|chosen| chosen.tag.as_str().to_owned()),
        Outcome::Needs(needs) => panic!("nothing was asked that needs {needs:?}"),
    }
}

/// Why a row does not count: the rules of its README, and no row more than they need.
fn exclusion(row: &Row, policy: &Policy) -> Option<&'static str> {
    if [r"\Q", "[[", "&&", "~~"].iter().any(|syntax| row.pattern.contains(syntax)) {
        return Some("the pattern means something else to Rust's regex");
    }
    if row.kind == "numerical" {
        let keys = keys(row, policy);
        // Where Flux fails and no key is a number, neither chooses anything: such a row counts.
        let neither = row.err.is_some() && !keys.iter().any(|key| is_decimal(key));
        if !neither && !keys.iter().all(|key| is_decimal(key) && is_short(key)) {
            return Some("numerical: some key is not a plain decimal of at most 15 digits");
        }
    }
    match never_taken(&row.want)? {
        Reason::InvalidTag => Some("the wanted text is not a tag that a registry could hold"),
        Reason::Floating => Some("the wanted tag is floating"),
        Reason::Artefact => Some("the wanted tag is an artefact"),
        _ => None,
    }
}

/// What the policy would order, by Flux's filter.
fn keys(row: &Row, policy: &Policy) -> Vec<String> {
    let Some(pattern) = &policy.tags.matching else {
        return row.tags.clone();
    };
    let keys = row.tags.iter().filter_map(|tag| {
        let captures = pattern.captures(tag)?;
        let mut key = String::new();
        captures.expand(&row.extract, &mut key);
        Some(if row.extract.is_empty() { tag.clone() } else { key })
    });
    keys.collect()
}

fn is_decimal(key: &str) -> bool {
    let (whole, fraction) = key.split_once('.').unwrap_or((key, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    digits(whole) && digits(fraction)
}

/// Flux computes with 64-bit floats, which hold 15 digits.
fn is_short(key: &str) -> bool {
    key.bytes().filter(u8::is_ascii_digit).count() <= 15
}

/// Why a policy that takes anything passes the wanted tag over.
fn never_taken(want: &str) -> Option<Reason> {
    let name = PolicyName::parse("anything").unwrap();
    let policy = Policy::new(name, "row.yaml", Select::Alphabetical(Order::Asc));
    let tags = [want.to_owned()];
    let passed = Ranking::new(&policy, &tags).passed_over(&Question::default(), &Facts::default());
    passed.first().filter(|_| !want.is_empty()).map(|passed| passed.reason)
}
