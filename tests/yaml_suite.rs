//! The official YAML test suite, where it is present: every scalar of every valid case can be replaced, and nothing else
//! changes; every invalid case is refused.
//!
//! The suite is no part of the repository. It is looked for at `$LANDWAITER_CASES` and in `shared/cases` beside the
//! checkout's parent; without it the test says so and passes.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests read files, say what they counted and may panic"
)]

#[path = "support/scalar.rs"]
mod scalar;

use landwaiter::edit::{Edit, EditError, Target, apply};
use landwaiter::image::Tag;
use landwaiter::site::{Document, Part, Reference, Setting, Shape, Slot};
use landwaiter::text::Span;
use landwaiter::yaml::{Event, Events, Kind, Problem, Style, documents, text};
use scalar::single;
use std::path::{Path, PathBuf};

/// Cases that the suite calls invalid and we read, each with its reason.
const ACCEPTED: &[(&str, &str)] = &[
    ("9C9N", "a flow collection that goes on at column 0, as people write `]`; Kubernetes reads it too"),
    ("9MMA", "a directive and nothing else: there is no document to read"),
    ("B63P", "a directive and nothing else: there is no document to read"),
];
fn suite() -> Option<Vec<serde_json::Value>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases");
    let cases = std::env::var_os("LANDWAITER_CASES").map_or(beside, PathBuf::from);
    let Ok(file) = std::fs::read(cases.join("yaml-test-suite.json")) else {
        println!("SKIPPED: no yaml-test-suite.json in {}", cases.display());
        return None;
    };
    Some(serde_json::from_slice(&file).unwrap())
}

fn events(yaml: &str) -> Result<Vec<Event<'_>>, Problem> {
    let yaml = text(yaml.as_bytes())?;
    documents(yaml).into_iter().flat_map(|piece| Events::new(yaml, piece)).collect()
}

#[test]
fn each_scalar_of_each_valid_case_can_be_replaced_alone() {
    let Some(cases) = suite() else { return };
    let (mut valid, mut invalid, mut replaced, mut absent) = (0, 0, 0, 0);
    let mut wrong = Vec::new();
    for case in cases.iter().filter(|case| case["skip"] != true) {
        let (id, yaml) = (case["id"].as_str().unwrap(), case["yaml"].as_str().unwrap());
        let known = |list: &[(&str, &str)]| list.iter().any(|(name, _)| *name == id);
        let read = events(yaml);
        if case["fail"] == true {
            invalid += 1;
            if read.is_ok() != known(ACCEPTED) {
                wrong.push(format!("{id}: accepted {}", read.is_ok()));
            }
            continue;
        }
        valid += 1;
        let events = match read {
            Ok(events) => events,
            Err(problem) => {
                wrong.push(format!("{id}: {problem}"));
                continue;
            }
        };
        for event in &events {
            let Kind::Scalar { value, style } = &event.kind else {
                continue;
            };
            if *style == Style::Absent {
                absent += 1;
                continue;
            }
            let reference = single(event.span, value);
            let to = Target { tag: Some(Tag::parse("v0-sentinel").unwrap()), ..Target::default() };
            match apply(yaml.as_bytes(), &[Edit { reference: &reference, to }]) {
                Ok(_) => replaced += 1,
                Err(error) => {
                    wrong.push(format!("{id}: {:?}: {error} {}", value, matches!(error, EditError::Unproven(_))))
                }
            }
        }
    }
    println!(
        "{valid} valid cases, {replaced} scalars replaced, none refused, {absent} absent; {invalid} invalid cases"
    );
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
    assert!(valid > 300 && replaced > 1_000, "the suite is not what it was");
}
