//! The YAML examples of the documentation are what the readers accept.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files and may panic")]

use landwaiter::config::{effective, policies, schema, settings};
use landwaiter::plan::{
    HOLDS_FILE, Ledger, LedgerBytes, MAX_BY, MAX_HOLDS, MAX_LEDGER_FILE, MAX_REASON, MAX_SIGHTS, SEEN_FILE,
};
use landwaiter::policy::Reason;
use landwaiter::telemetry::FAMILIES;
use std::path::PathBuf;

const POLICY_HEAD: &str = "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n";

#[test]
fn every_example_of_a_policy_is_accepted() {
    let examples = examples("policies.md");
    assert!(examples.len() > 10);
    for example in examples {
        let whole = if example.starts_with("- name:") { format!("{POLICY_HEAD}{example}") } else { example };
        let loaded = policies::read(&[("landwaiter.yaml".to_owned(), whole.clone())]);
        assert_eq!(loaded.diagnostics, [], "{whole}");
        assert!(!loaded.policies.is_empty(), "{whole}");
    }
}

/// What `policies show --effective` prints stands below the example that it is of.
#[test]
fn an_effective_policy_is_shown_as_it_is_printed() {
    let text = document("policies.md");
    let blocks: Vec<&str> = text.split("\n```text\n").skip(1).collect();
    assert_eq!(blocks.len(), 1);
    let printed = blocks[0].split_once("\n```").unwrap().0;
    let name = printed.strip_prefix("# policy ").and_then(|rest| rest.split(',').next()).unwrap();
    let example = examples("policies.md").into_iter().find(|one| one.contains(&format!("name: {name}"))).unwrap();
    let shown = effective::show(&[("landwaiter.yaml".to_owned(), example)], name).unwrap();
    assert_eq!(shown.trim_end(), printed);
}

/// Whatever can be written in a policy or beside it, at any depth, stands in some example.
#[test]
fn every_key_of_the_schema_stands_in_an_example() {
    let examples = examples("policies.md").join("\n");
    let mut missing = Vec::new();
    keys(&schema::policy_schema(), &mut |key| {
        let written = [format!("{key}:"), format!("\"{key}\":")];
        if !written.iter().any(|written| examples.contains(written.as_str())) && !missing.contains(&key.to_owned()) {
            missing.push(key.to_owned());
        }
    });
    assert_eq!(missing, [""; 0], "no example of docs/policies.md has these keys");
}

fn keys(schema: &serde_json::Value, found: &mut dyn FnMut(&str)) {
    for (key, value) in schema["properties"].as_object().into_iter().flatten() {
        found(key);
        keys(value, found);
    }
    keys_below(&schema["items"], found);
    schema["oneOf"].as_array().into_iter().flatten().for_each(|choice| keys(choice, found));
}

fn keys_below(schema: &serde_json::Value, found: &mut dyn FnMut(&str)) {
    if schema.is_object() {
        keys(schema, found);
    }
}

#[test]
fn every_example_of_settings_is_accepted() {
    let files = ["settings.md", "service.md", "webhooks.md", "status-page.md", "notifications.md", "traces.md"];
    let examples = files.map(examples).concat();
    assert!(examples.len() > 2);
    for example in examples {
        if let Err(diagnostics) = settings::read("settings.yaml", &example) {
            panic!("{diagnostics:?}\n{example}");
        }
    }
}

#[test]
fn every_metric_is_described_in_the_programs_words() {
    let text = document("service.md");
    for family in FAMILIES {
        let labels: Vec<String> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let row =
            format!("\n| `{}` | {} | {} | {} |\n", family.name, family.kind.word(), labels.join(", "), family.help);
        assert!(text.contains(&row), "docs/service.md has no row {row}");
    }
    let is_row = |line: &&str| line.starts_with("| `landwaiter_") || line.starts_with("| `process_");
    let rows = text.lines().filter(is_row).count();
    assert_eq!(rows, FAMILIES.len(), "docs/service.md names a metric that is none");
}

#[test]
fn every_field_is_described() {
    let text = document("policies.md");
    let schema = schema::policy_schema();
    let policy = &schema["properties"]["policies"]["items"]["properties"];
    for key in policy.as_object().unwrap().keys() {
        let headed = text.lines().filter(|line| line.starts_with("### "));
        let found = headed.into_iter().any(|line| line[4..].split(", ").any(|word| word == key));
        assert!(found, "docs/policies.md has no heading for `{key}`");
    }
    let text = document("settings.md");
    let schema = schema::settings_schema();
    for key in schema["properties"]["service"]["properties"].as_object().unwrap().keys() {
        assert!(text.contains(&format!("`{key}`")), "docs/settings.md does not name `{key}`");
    }
    let receivers = &schema["properties"]["webhooks"]["properties"]["receivers"]["items"]["properties"];
    let webhooks = document("webhooks.md");
    for (key, shape) in receivers.as_object().unwrap() {
        assert!(webhooks.contains(&format!("| `{key}` |")), "docs/webhooks.md does not describe `{key}`");
        for kind in shape["enum"].as_array().into_iter().flatten().filter(|_| key == "kind") {
            assert!(
                webhooks.contains(&format!("kind: {},", kind.as_str().unwrap())),
                "docs/webhooks.md has no example of {kind}"
            );
        }
    }
    for section in ["registries", "git", "repositories"] {
        let properties = &schema["properties"][section]["items"]["properties"];
        for key in properties.as_object().unwrap().keys() {
            assert!(text.contains(&format!("`{key}`")), "docs/settings.md does not name `{key}`");
        }
    }
}

/// Whatever can be written about receivers and collectors stands in the example.
#[test]
fn every_key_of_notifications_and_telemetry_stands_in_an_example() {
    for (section, file) in [("notifications", "notifications.md"), ("telemetry", "traces.md")] {
        let examples = examples(file).join("\n");
        let mut missing = Vec::new();
        keys(&schema::settings_schema()["properties"][section], &mut |key| {
            if !examples.contains(&format!("{key}:")) {
                missing.push(key.to_owned());
            }
        });
        assert_eq!(missing, [""; 0], "no example of docs/{file} has these keys");
    }
}

#[test]
fn the_ledgers_files_are_shown_as_they_are_written() {
    let text = document("ledger.md");
    let blocks = text.split("\n```json\n").skip(1).map(|block| block.split_once("```").unwrap().0);
    let shown: Vec<&str> = blocks.collect();
    for (file, text) in [HOLDS_FILE, SEEN_FILE].into_iter().zip(&shown) {
        let read = Ledger::read(&LedgerBytes::from([(file.to_owned(), Ok(text.as_bytes().to_vec()))]));
        assert_eq!(String::from_utf8_lossy(&read.files()[file]), *text);
    }
    assert_eq!(shown.len(), 2);
    for limit in ["1,000 holds", "2,000 first sights", "1 MiB a file", "500 characters of a reason, 200 of a name"] {
        assert!(text.contains(limit), "{limit}");
    }
    assert_eq!((MAX_HOLDS, MAX_SIGHTS, MAX_LEDGER_FILE, MAX_REASON, MAX_BY), (1_000, 2_000, 1 << 20, 500, 200));
}

#[test]
fn every_reason_is_described_in_the_programs_words() {
    let text = document("output.md");
    for reason in Reason::ALL {
        let row = format!("\n| `{reason}` | {} |\n", reason.meaning());
        assert!(text.contains(&row), "docs/output.md has no row {row}");
    }
    let rows = text.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, Reason::ALL.len(), "docs/output.md names a reason that is none");
}

fn document(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    std::fs::read_to_string(path).unwrap()
}

fn examples(name: &str) -> Vec<String> {
    let text = document(name);
    let blocks = text.split("\n```yaml\n").skip(1);
    blocks.map(|block| format!("{}\n", block.split_once("\n```").unwrap().0)).collect()
}
