//! `examples/observability`: every query names metrics, labels and reasons that there are, and promtool accepts and tests the
//! alerts.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files, start programs and may panic")]

use landwaiter::policy::Reason;
use landwaiter::telemetry::{FAMILIES, Kind};
use regex::Regex;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

#[path = "support/installed.rs"]
mod installed;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/observability")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap()
}

/// All queries of the dashboard, those of variables included.
fn dashboard_queries(dashboard: &serde_json::Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().cloned().unwrap_or_default());
    let mut all: Vec<String> = targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect();
    let variables = dashboard["templating"]["list"].as_array().unwrap().iter();
    all.extend(variables.filter_map(|one| one["query"]["query"].as_str().map(str::to_owned)));
    all
}

fn alert_queries() -> Vec<String> {
    let text = read("alerts.yaml");
    text.lines().filter_map(|line| line.trim().strip_prefix("expr: ").map(str::to_owned)).collect()
}

/// What is wrong with the names in a query.
fn problems(query: &str) -> Vec<String> {
    let name = Regex::new(r"\b(?:landwaiter|process)_[a-z_]+").unwrap();
    let selector = Regex::new(r"\b((?:landwaiter|process)_[a-z_]+)\{([^}]*)\}").unwrap();
    let matcher = Regex::new(r#"([a-z]+)\s*(?:=~|!~|!=|=)\s*"([^"]*)""#).unwrap();
    let family = |name: &str| {
        FAMILIES.iter().find(|family| {
            let suffixes: &[&str] = if family.kind == Kind::Histogram { &["_bucket", "_sum", "_count"] } else { &[""] };
            suffixes.iter().any(|suffix| name == format!("{}{suffix}", family.name))
        })
    };
    let mut problems: Vec<String> = Vec::new();
    problems.extend(
        name.find_iter(query).filter(|found| family(found.as_str()).is_none()).map(|found| found.as_str().to_owned()),
    );
    for found in selector.captures_iter(query) {
        let Some(family) = family(&found[1]) else { continue };
        for label in matcher.captures_iter(&found[2]) {
            let (label, value) = (&label[1], &label[2]);
            // What Prometheus adds, and the buckets.
            if !family.labels.contains(&label) && !["job", "instance", "le"].contains(&label) {
                problems.push(format!("{} has no {label}", family.name));
            }
            if label == "reason" {
                let words = Reason::ALL.map(Reason::word);
                problems.extend(value.split('|').filter(|word| !words.contains(word)).map(str::to_owned));
            }
        }
    }
    problems
}

#[test]
fn queries_name_what_there_is() {
    let dashboard: serde_json::Value = serde_json::from_str(&read("dashboard.json")).unwrap();
    let queries = [dashboard_queries(&dashboard), alert_queries()].concat();
    assert!(queries.len() > 40, "{}", queries.len());
    for query in queries {
        assert_eq!(problems(&query), [""; 0], "{query}");
    }
    assert_eq!(problems("landwaiter_helt > 0"), ["landwaiter_helt"]);
    assert_eq!(
        problems("landwaiter_held{host=\"a\", reason=~\"pace|nonsense\"}"),
        ["landwaiter_held has no host", "nonsense"]
    );
    assert_eq!(problems("landwaiter_run_duration_seconds"), ["landwaiter_run_duration_seconds"], "it has buckets");
}

#[test]
fn the_dashboard_is_whole() {
    let dashboard: serde_json::Value = serde_json::from_str(&read("dashboard.json")).unwrap();
    let mut ids = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{}", panel["id"]);
        if panel["type"] == "row" {
            continue;
        }
        for text in [&panel["title"], &panel["description"], &panel["fieldConfig"]["defaults"]["unit"]] {
            assert!(!text.as_str().unwrap().is_empty(), "{}", panel["title"]);
        }
        let steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"].as_array().unwrap();
        let values: Vec<f64> = steps.iter().filter_map(|step| step["value"].as_f64()).collect();
        assert!(values.is_sorted() && steps[0]["value"].is_null(), "{}", panel["title"]);
        assert_eq!(panel["datasource"]["uid"], "${datasource}");
        let place = &panel["gridPos"];
        assert!(place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap() <= 24, "{}", panel["title"]);
    }
    // Every metric is looked at by somebody.
    let queries = [dashboard_queries(&dashboard), alert_queries()].concat().join("\n");
    let unseen = ["landwaiter_build_info", "landwaiter_settings_loads_total", "landwaiter_started_timestamp_seconds"];
    let unseen = [&unseen[..], &["process_virtual_memory_bytes", "process_start_time_seconds"]].concat();
    for family in FAMILIES {
        assert_eq!(queries.contains(family.name), !unseen.contains(&family.name), "{}", family.name);
    }
}

#[test]
fn every_alert_says_what_to_do_and_is_tested() {
    let (alerts, tests) = (read("alerts.yaml"), read("alerts.test.yaml"));
    let names: Vec<&str> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let count = |key: &str| alerts.lines().filter(|line| line.trim().starts_with(key)).count();
    assert_eq!((count("runbook: "), count("summary: "), count("expr: ")), (names.len(), names.len(), names.len()));
    let guide = std::fs::read_to_string(folder().join("../../docs/operations.md")).unwrap();
    for named in
        guide.split('`').filter(|word| word.starts_with("Landwaiter")).filter(|word| !word.contains([' ', '-']))
    {
        assert!(names.contains(&named), "docs/operations.md names {named}, which is no alert");
    }
    for name in names {
        assert!(tests.contains(&format!("alertname: {name}\n        exp_alerts:")), "{name} has no test");
    }
}

#[test]
fn promtool_accepts_and_tests_the_alerts() {
    let Some(promtool) = installed::program("promtool") else { return };
    for arguments in [["check", "rules", "alerts.yaml"], ["test", "rules", "alerts.test.yaml"]] {
        let output = Command::new(&promtool).args(arguments).current_dir(folder()).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said));
    }
    // A scrape configuration of the current directory's files.
    let output = Command::new(&promtool).args(["check", "config", "prometheus.yaml"]).current_dir(folder()).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
