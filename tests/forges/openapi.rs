//! GitHub's own description of its REST interface, which every exchange with the fake is held against: method and path, the
//! query, what was sent and what was answered. Fields that the description does not know are faults as well, but in refusals,
//! where it leaves some out.
//!
//! It is the npm package `@octokit/openapi`, which `tests/run` downloads into `target/openapi`; the variable
//! `LANDWAITER_OPENAPI` may name another folder. It is large, and is read once.

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

/// The version of the package that `tests/run` pins.
const VERSION: &str = "23.0.2";
/// Refusals that the description leaves out where they go without saying.
const UNSAID: &[u16] = &[401, 403, 404, 429];
/// Marks what refuses.
const REFUSAL: &str = " (refusal)";

/// What is thought of fields that the description does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unknown {
    Fault,
    Allowed,
}

/// One description, and what was made of it so far.
pub(crate) struct Description {
    whole: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// What was asked, and what was answered.
pub(crate) struct Exchange<'a> {
    pub(crate) method: &'a str,
    pub(crate) segments: &'a [String],
    pub(crate) query: &'a HashMap<String, String>,
    pub(crate) body: Option<&'a Value>,
    pub(crate) status: u16,
    pub(crate) answer: &'a Value,
}

/// Where the description is. Without it nothing is held against it, unless it is told that it must be there.
#[expect(clippy::print_stdout, reason = "the reader of a test run learns what was skipped")]
fn file(name: &str) -> Option<PathBuf> {
    let usual = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/openapi").join(VERSION);
    let folder = std::env::var_os("LANDWAITER_OPENAPI").map_or_else(usual, PathBuf::from);
    let file = folder.join(format!("{name}.json"));
    if file.is_file() {
        return Some(file);
    }
    let required = std::env::var("LANDWAITER_REAL_SERVERS").is_ok_and(|value| value == "1");
    assert!(!required, "{} is missing; `tests/run` downloads it", file.display());
    println!("skipped: no description of GitHub's interface at {}, see tests/run", file.display());
    None
}

impl Description {
    /// `api.github.com`, or that of an Enterprise Server.
    pub(crate) fn named(name: &'static str) -> Option<&'static Description> {
        static READ: Mutex<Vec<(&str, Option<&'static Description>)>> = Mutex::new(Vec::new());
        let mut read = READ.lock().unwrap();
        if let Some((_, found)) = read.iter().find(|(other, _)| *other == name) {
            return *found;
        }
        let found = file(name).map(|file| {
            static KEPT: [OnceLock<Description>; 2] = [const { OnceLock::new() }; 2];
            KEPT[read.len()].get_or_init(|| {
                let whole = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
                Description { whole, validators: Mutex::default() }
            })
        });
        read.push((name, found));
        found
    }

    /// In what the exchange differs from the description.
    pub(crate) fn faults(&self, exchange: &Exchange<'_>) -> Vec<String> {
        let Exchange { method, segments, query, body, status, answer } = exchange;
        let asked = format!("{method} /{}", segments.join("/"));
        let Some((template, operation)) = self.operation(method, segments) else {
            let unknown = vec![format!("{asked}: there is no such operation")];
            return if *status == 404 { Vec::new() } else { unknown };
        };
        let mut faults = Vec::new();
        self.check_parameters(&template, operation, segments, query, &mut faults);
        let id = format!("{method} {template}");
        match (body, self.content(&operation["requestBody"])) {
            (Some(body), Some(schema)) => self.check(&format!("{id} asked"), schema, body, &mut faults),
            (None, Some(_)) if operation["requestBody"]["required"] == true => faults.push("no body".to_owned()),
            (None, _) => {}
            (Some(_), None) => faults.push("a body where none is described".to_owned()),
        }
        let described = &operation["responses"][status.to_string()];
        if described.is_object() {
            if let Some(schema) = self.content(described) {
                let refusal = if *status < 400 { "" } else { REFUSAL };
                self.check(&format!("{id} {status}{refusal}"), schema, answer, &mut faults);
            }
        } else if UNSAID.contains(status) {
            let schema = &self.whole["components"]["schemas"]["basic-error"];
            self.check(&format!("{status}{REFUSAL}"), schema, answer, &mut faults);
        } else {
            faults.push(format!("status {status} is not described"));
        }
        faults.into_iter().map(|fault| format!("{asked}: {fault}")).collect()
    }

    /// The operation with the fewest parameters in its path that fits.
    fn operation(&self, method: &str, segments: &[String]) -> Option<(String, &Value)> {
        let fits = |template: &str| {
            let parts: Vec<&str> = template.split('/').skip(1).collect();
            parts.len() == segments.len()
                && parts.iter().zip(segments).all(|(part, own)| part.starts_with('{') || part == own)
        };
        let paths = self.whole["paths"].as_object().unwrap();
        let found = paths
            .iter()
            .filter(|(template, _)| fits(template))
            .min_by_key(|(template, _)| template.matches('{').count());
        let (template, operations) = found?;
        Some((template.clone(), operations.get(method.to_ascii_lowercase())?))
    }

    fn check_parameters(
        &self,
        template: &str,
        operation: &Value,
        segments: &[String],
        query: &HashMap<String, String>,
        faults: &mut Vec<String>,
    ) {
        let listed = operation["parameters"].as_array().into_iter().flatten();
        let parameters: Vec<&Value> = listed.map(|parameter| self.resolve(parameter)).collect();
        let in_path = template.split('/').skip(1).zip(segments);
        let in_path = in_path.filter_map(|(part, own)| Some(("path", part.strip_prefix('{')?.strip_suffix('}')?, own)));
        for (place, name, value) in in_path.chain(query.iter().map(|(name, value)| ("query", name.as_str(), value))) {
            let Some(parameter) = parameters.iter().find(|one| one["in"] == place && one["name"] == name) else {
                faults.push(format!("the {place} has no {name}"));
                continue;
            };
            let value = match parameter["schema"]["type"].as_str() {
                Some("integer") => value.parse::<i64>().map_or_else(|_| json!(value), |number| json!(number)),
                _ => json!(value),
            };
            self.check(&format!("{template} {name}"), &parameter["schema"], &value, faults);
        }
        let required = parameters.iter().filter(|one| one["in"] == "query" && one["required"] == true);
        for missing in required.filter(|one| !query.contains_key(one["name"].as_str().unwrap())) {
            faults.push(format!("the query needs {}", missing["name"]));
        }
    }

    /// The schema of a JSON body.
    fn content<'a>(&'a self, described: &'a Value) -> Option<&'a Value> {
        let schema = &self.resolve(described)["content"]["application/json"]["schema"];
        schema.is_object().then_some(schema)
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.whole.pointer(reference.trim_start_matches('#')).unwrap(),
            None => value,
        }
    }

    fn check(&self, key: &str, schema: &Value, instance: &Value, faults: &mut Vec<String>) {
        let known = if key.ends_with(REFUSAL) { Unknown::Allowed } else { Unknown::Fault };
        let validator = {
            let mut validators = self.validators.lock().unwrap();
            let made = validators.entry(key.to_owned()).or_insert_with(|| Arc::new(self.validator(schema, known)));
            Arc::clone(made)
        };
        let told = validator.iter_errors(instance).take(5);
        faults.extend(told.map(|error| format!("{key}: {error} at {}", error.instance_path())));
    }

    /// The schema with all that it refers to, as JSON Schema.
    fn validator(&self, schema: &Value, unknown: Unknown) -> Validator {
        let all = &self.whole["components"]["schemas"];
        let (mut wanted, mut needed) = (references(schema), BTreeSet::new());
        while let Some(name) = wanted.pop() {
            if needed.insert(name.clone()) {
                wanted.extend(references(&all[&name]));
            }
        }
        let needed: Map<String, Value> =
            needed.into_iter().map(|name| (name.clone(), json_schema(&all[&name], unknown))).collect();
        let whole = json!({ "allOf": [json_schema(schema, unknown)], "components": { "schemas": needed } });
        let options = jsonschema::options().with_draft(Draft::Draft7).should_validate_formats(true);
        options.build(&whole).unwrap()
    }
}

/// The names of the schemas that this one refers to.
fn references(schema: &Value) -> Vec<String> {
    match schema {
        Value::Object(map) => {
            let own =
                map.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix("#/components/schemas/"));
            own.map(str::to_owned).into_iter().chain(map.values().flat_map(references)).collect()
        }
        Value::Array(list) => list.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// OpenAPI 3.0 in the words of JSON Schema: `nullable` becomes a type. Where an object is not put together of several, what
/// the description does not know is not allowed.
fn json_schema(schema: &Value, unknown: Unknown) -> Value {
    let Value::Object(map) = schema else {
        return schema.clone();
    };
    if let Some(reference) = map.get("$ref") {
        return json!({ "$ref": reference });
    }
    let mut made = Map::new();
    for (key, value) in map {
        let made_of = match (key.as_str(), value) {
            ("example" | "examples" | "description" | "title" | "deprecated" | "nullable" | "default", _) => continue,
            (key, _) if key.starts_with("x-") => continue,
            ("properties", Value::Object(properties)) => {
                properties.iter().map(|(name, property)| (name.clone(), json_schema(property, unknown))).collect()
            }
            ("allOf" | "anyOf", Value::Array(list)) => {
                list.iter().map(|one| json_schema(one, Unknown::Allowed)).collect()
            }
            ("oneOf", Value::Array(list)) => list.iter().map(|one| json_schema(one, unknown)).collect(),
            ("items" | "additionalProperties" | "not", value) => json_schema(value, unknown),
            (_, value) => value.clone(),
        };
        made.insert(key.clone(), made_of);
    }
    if unknown == Unknown::Fault
        && made.contains_key("properties")
        && !["allOf", "anyOf", "oneOf"].iter().any(|key| made.contains_key(*key))
    {
        made.entry("additionalProperties").or_insert(false.into());
    }
    match map.get("nullable") {
        Some(Value::Bool(true)) => json!({ "anyOf": [made, { "type": "null" }] }),
        _ => made.into(),
    }
}

#[test]
fn the_description_finds_what_it_does_not_describe() {
    let Some(description) = Description::named("api.github.com") else {
        return;
    };
    let faults = |method: &str, path: &str, query: &[(&str, &str)], body: Option<Value>, status: u16, answer: Value| {
        let segments: Vec<String> = path.split('/').skip(1).map(str::to_owned).collect();
        let query = query.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let (query, body): (HashMap<_, _>, _) = (query, body.as_ref());
        description.faults(&Exchange { method, segments: &segments, query: &query, body, status, answer: &answer })
    };
    let none = || json!([]);
    let pulls = "/repos/acme/config/pulls";
    assert_eq!(faults("GET", pulls, &[("state", "open"), ("page", "2")], None, 200, none()), [] as [&str; 0]);
    let new = |more: Value| {
        let mut body = json!({ "title": "t", "head": "a", "base": "main" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Some(body)
    };
    let refused = json!({ "message": "m", "documentation_url": "u" });
    assert_eq!(faults("POST", pulls, &[], new(json!({})), 422, refused.clone()), [] as [&str; 0]);
    for (found, part) in [
        (faults("GET", pulls, &[("state", "merged")], None, 200, none()), "\"merged\" is not one of"),
        (faults("GET", pulls, &[("per_page", "many")], None, 200, none()), "is not of type \"integer\""),
        (faults("GET", pulls, &[("branch", "x")], None, 200, none()), "the query has no branch"),
        (faults("GET", pulls, &[], None, 200, json!([{}])), "is a required property"),
        (faults("GET", pulls, &[], None, 200, json!({})), "is not of type \"array\""),
        (faults("GET", pulls, &[], None, 418, json!({})), "status 418 is not described"),
        (faults("GET", pulls, &[], Some(json!({})), 200, none()), "a body where none is described"),
        (faults("GET", "/repos/acme/config/pulls/x", &[], None, 404, json!({})), "is not of type \"integer\""),
        (faults("PUT", pulls, &[], None, 200, none()), "there is no such operation"),
        (faults("GET", "/nowhere", &[], None, 200, none()), "there is no such operation"),
        (faults("POST", pulls, &[], None, 422, refused.clone()), "no body"),
        (faults("POST", pulls, &[], new(json!({"draft": "yes"})), 422, refused.clone()), "is not of type \"boolean\""),
        (faults("POST", pulls, &[], new(json!({"labels": []})), 422, refused), "'labels' was unexpected"),
        (
            faults("POST", pulls, &[], new(json!({})), 422, json!({"message": "m"})),
            "\"documentation_url\" is a required",
        ),
    ] {
        assert!(found.iter().any(|fault| fault.contains(part)), "{part}: {found:?}");
    }
}
