//! The JSON Schemas: the copies in `docs/schema` are current, and schema and reader know the same keys.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files and may panic")]

use landwaiter::config::{policies, schema, settings};
use landwaiter::text::Diagnostic;
use serde_json::{Value, json};
use std::path::PathBuf;

#[test]
fn the_copies_are_current() {
    for (name, schema) in [("policies.json", schema::policy_schema()), ("settings.json", schema::settings_schema())] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/schema").join(name);
        let current = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::env::var("UPDATE_SNAPSHOTS").is_ok() {
            std::fs::write(&path, &current).unwrap();
        }
        let copy = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(copy, current, "docs/schema/{name} is not current: UPDATE_SNAPSHOTS=1 cargo test --test schema");
    }
}

#[test]
fn policy_reader_and_schema_know_the_same_keys() {
    let seen = compare(&schema::policy_schema(), "ImagePolicies", |text| {
        policies::read(&[("landwaiter.yaml".to_owned(), text.to_owned())]).diagnostics
    });
    assert!(seen.contains(&"policies[].select.semver".to_owned()), "{seen:?}");
    assert!(seen.contains(&"defaults.tags".to_owned()), "{seen:?}");
}

#[test]
fn settings_reader_and_schema_know_the_same_keys() {
    let seen = compare(&schema::settings_schema(), "Settings", |text| {
        settings::read("settings.yaml", text).err().unwrap_or_default()
    });
    assert!(seen.contains(&"registries[].credentials".to_owned()), "{seen:?}");
}

#[test]
fn every_key_has_a_sentence_for_editors() {
    for schema in [schema::policy_schema(), schema::settings_schema()] {
        for object in objects(&schema, &mut Vec::new()) {
            for (key, value) in object.properties.as_object().unwrap() {
                let sentence = value["description"].as_str().unwrap_or_default();
                assert!(sentence.ends_with('.') && sentence.len() > 10, "{key}: {sentence}");
            }
        }
    }
}

/// One mapping of the schema: the way to it, and its properties.
struct Object {
    way: Vec<String>,
    properties: Value,
}

/// Asks the reader for its keys, by giving it one that nobody knows, at every mapping of the schema. Returns their ways.
fn compare(schema: &Value, kind: &str, read: impl Fn(&str) -> Vec<Diagnostic>) -> Vec<String> {
    const UNKNOWN: &str = "zzzzzzzzzzzzzzzzzzzzzzzz";
    let mut seen = Vec::new();
    for object in objects(schema, &mut Vec::new()) {
        let mut document = json!({ UNKNOWN: 1 });
        for step in object.way.iter().rev() {
            document = if step == "[]" { json!([document]) } else { json!({ step: document }) };
        }
        document["apiVersion"] = json!("landwaiter/v1");
        document["kind"] = json!(kind);
        let way = object.way.join(".").replace(".[]", "[]");
        let diagnostics = read(&document.to_string());
        let hint = diagnostics
            .iter()
            .filter(|one| one.message.contains(UNKNOWN))
            .find_map(|one| one.hint.as_deref()?.strip_prefix("known here: "))
            .unwrap_or_else(|| panic!("{way}: the reader takes the unknown key: {diagnostics:?}"));
        let mut read: Vec<&str> = hint.split('`').skip(1).step_by(2).collect();
        read.sort_unstable();
        let mut described: Vec<&String> = object.properties.as_object().unwrap().keys().collect();
        described.sort_unstable();
        assert_eq!(read, described, "{way}");
        seen.push(way);
    }
    seen
}

fn objects(schema: &Value, way: &mut Vec<String>) -> Vec<Object> {
    let mut found = Vec::new();
    if let Some(properties) = schema.get("properties") {
        assert_eq!(schema["additionalProperties"], json!(false), "{way:?}");
        found.push(Object { way: way.clone(), properties: properties.clone() });
        for (key, value) in properties.as_object().unwrap() {
            found.extend(below(key, value, way));
        }
    }
    if let Some(items) = schema.get("items") {
        found.extend(below("[]", items, way));
    }
    for choice in schema.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
        found.extend(objects(choice, way));
    }
    found
}

fn below(step: &str, schema: &Value, way: &mut Vec<String>) -> Vec<Object> {
    way.push(step.to_owned());
    let found = objects(schema, way);
    way.pop();
    found
}
