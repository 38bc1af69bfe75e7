//! One policy as it is after `extends` and `defaults`: every field with where it came from.
//!
//! ```text
//! select: {semver: "*"}              # production, named in line 6
//! require:
//!   maxBump: minor                   # production, named in line 6
//!   platforms: [linux/amd64]         # line 9
//! pin: tag                           # defaults, line 4
//! ```
//!
//! This is for reading; what a run uses comes from `check`. A test reads what is printed here and compares the two.

use super::policies::API_VERSION;
use super::policy_file::Rules;
use super::problems::Problems;
use super::shape::Record;
use super::shipped;
use super::tree::{self, Node, Scalar, Value};

/// Fields that merge key by key; all others are taken as a whole.
pub const MERGED: [&str; 3] = ["tags", "require", "write"];
/// Fields that are a policy's own.
const OWN: [&str; 2] = ["name", "images"];
/// Columns before a remark.
const REMARK: usize = 44;

/// What is laid over what: a mapping, and how its origin is told of a line of its file.
struct Layer {
    node: Node,
    origin: Origin,
}

enum Origin {
    /// The policy itself.
    Own,
    /// A shipped policy, and the line that names it.
    Shipped(&'static str, usize),
    Defaults,
}

/// The policy called `name` in one of the files, written out; `None` when no file has it.
pub fn show(files: &[(String, String)], name: &str) -> Option<String> {
    files.iter().find_map(|(path, text)| {
        let mut problems = Problems::new(path, text);
        let documents = tree::documents(text, &mut problems);
        documents.iter().find_map(|root| in_document(path, root, name, &problems))
    })
}

fn in_document(path: &str, root: &Node, name: &str, problems: &Problems<'_>) -> Option<String> {
    if root.get("apiVersion").and_then(Node::as_text) != Some(API_VERSION) {
        return None;
    }
    let Value::List(policies) = &root.get("policies")?.value else {
        return None;
    };
    let policy = policies.iter().find(|policy| policy.get("name").and_then(Node::as_text) == Some(name))?;
    let line = |node: &Node| problems.position(node.span.start).line;
    let mut layers = vec![Layer { node: policy.clone(), origin: Origin::Own }];
    if let Some(Value::List(extends)) = policy.get("extends").map(|extends| &extends.value) {
        for named in extends.iter().rev() {
            let shipped = shipped::get(named.as_text()?)?;
            let node = shipped.policy()?;
            layers.push(Layer { node, origin: Origin::Shipped(shipped.name, line(named)) });
        }
    }
    if let Some(defaults) = root.get("defaults") {
        layers.push(Layer { node: defaults.clone(), origin: Origin::Defaults });
    }
    let mut out = format!("# policy {name}, {path} line {}\n", line(policy));
    let remark = |layer: &Layer, node: &Node| match &layer.origin {
        Origin::Own => format!("line {}", line(node)),
        Origin::Shipped(shipped, at) => format!("{shipped}, named in line {at}"),
        Origin::Defaults => format!("defaults, line {}", line(node)),
    };
    for key in OWN.iter().copied().chain(Rules::keys()) {
        if MERGED.contains(&key) {
            merged(&mut out, &layers, key, &remark);
        } else if let Some((layer, node)) = first(&layers, |node| node.get(key)) {
            push(&mut out, "", key, node, &remark(layer, node));
        }
    }
    Some(out)
}

/// A mapping of which each key comes from the first layer that has it.
fn merged(out: &mut String, layers: &[Layer], key: &str, remark: &dyn Fn(&Layer, &Node) -> String) {
    let mut keys: Vec<&str> = Vec::new();
    for layer in layers {
        if let Some(Value::Map(entries)) = layer.node.get(key).map(|node| &node.value) {
            keys.extend(entries.iter().map(|(key, _)| key.text.as_str()));
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    keys.retain(|key| seen.insert(*key));
    if !keys.is_empty() {
        out.push_str(&format!("{key}:\n"));
    }
    for inner in keys {
        if let Some((layer, node)) = first(layers, |node| node.get(key)?.get(inner)) {
            push(out, "  ", inner, node, &remark(layer, node));
        }
    }
}

fn first<'l>(layers: &'l [Layer], of: impl Fn(&'l Node) -> Option<&'l Node>) -> Option<(&'l Layer, &'l Node)> {
    layers.iter().find_map(|layer| Some((layer, of(&layer.node)?)))
}

fn push(out: &mut String, indent: &str, key: &str, node: &Node, remark: &str) {
    let field = format!("{indent}{key}: {}", flow(node));
    out.push_str(&format!("{field:<REMARK$} # {remark}\n"));
}

/// The value on one line.
fn flow(node: &Node) -> String {
    match &node.value {
        Value::Null | Value::Refused => "null".to_owned(),
        Value::Text(scalar) => text(scalar),
        Value::List(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) => {
            let entry = |(key, node): &(tree::Key, Node)| format!("{}: {}", word(&key.text), flow(node));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

fn text(scalar: &Scalar) -> String {
    if scalar.plain { word(&scalar.text) } else { quoted(&scalar.text) }
}

/// Without quotes where a flow collection lets it stand.
fn word(text: &str) -> String {
    let safe = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/' | b'_' | b'-' | b'+');
    let starts = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'/');
    if starts && text.bytes().all(safe) { text.to_owned() } else { quoted(text) }
}

/// In single quotes where that is enough, else as JSON, which YAML reads.
fn quoted(text: &str) -> String {
    if text.chars().any(char::is_control) {
        return serde_json::Value::from(text).to_string();
    }
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::policies;

    const HEAD: &str = "apiVersion: landwaiter/v1\nkind: ImagePolicies\n";

    fn shown(body: &str, name: &str) -> String {
        show(&[("landwaiter.yaml".to_owned(), format!("{HEAD}{body}"))], name).unwrap()
    }

    #[test]
    fn every_field_says_where_it_came_from() {
        let body = "defaults:\n  pin: tag\n  tags: {exclude: [-debug$]}\npolicies:\n- name: web\n  \
                    extends: [semver-any, production]\n  images:\n  - ghcr.io/acme/web\n  require: {maxBump: patch}\n";
        let text = shown(body, "web");
        let lines: Vec<(String, &str)> = text
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(" # "))
            .map(|(field, origin)| (field.trim().to_owned(), origin))
            .collect();
        let lines: Vec<String> = lines.into_iter().map(|(field, origin)| format!("{field} <- {origin}")).collect();
        for expected in [
            "name: web <- line 7",
            "images: [ghcr.io/acme/web] <- line 10",
            "exclude: ['-debug$'] <- defaults, line 5",
            "select: {semver: '*'} <- production, named in line 8",
            "maxBump: patch <- line 11",
            "age: {min: 24h, since: created} <- production, named in line 8",
            "pin: 'tag+digest' <- production, named in line 8",
        ] {
            let found =
                lines.iter().any(|line| *line == expected || line.replace('\'', "") == expected.replace('\'', ""));
            assert!(found, "{expected}\n{text}");
        }
        assert!(text.starts_with("# policy web, landwaiter.yaml line 7\n"), "{text}");
        assert_eq!(show(&[("landwaiter.yaml".to_owned(), format!("{HEAD}{body}"))], "wbe"), None);
    }

    #[test]
    fn what_is_shown_means_what_is_used() {
        let names = || shipped::list().iter().map(|one| one.name);
        let defaults = [
            "",
            "defaults: {pin: tag+digest, tags: {exclude: ['a\"b', \"c'd\", '^e$']}, family: exact}\n",
            "defaults: {write: {mode: report}, require: {labels: {a: 'b: c', d: 1.10}}, select: {numeric: desc}}\n",
        ];
        let own = [
            "",
            ", tags: {match: '^v(?P<x>[0-9]+)$', extract: '$x'}, select: {numeric: asc}",
            ", files: ['apps/**', '{a,b}/*'], accept: [1.10, '2.0'], windows: [{days: [mon-fri], from: \"09:00\"}]",
        ];
        let mut read = 0;
        for defaults in defaults {
            for own in own {
                for extends in names() {
                    let body = format!(
                        "{defaults}policies:\n- {{name: web, extends: [semver-any, {extends}], images: ['ghcr.io/acme/*', nginx]{own}}}\n"
                    );
                    let parse = |body: &str| {
                        let mut loaded = policies::read(&[("landwaiter.yaml".to_owned(), format!("{HEAD}{body}"))]);
                        loaded.is_ok().then(|| {
                            format!("{:?}", {
                                loaded.policies[0].line = 0;
                                loaded.policies.remove(0)
                            })
                        })
                    };
                    let Some(used) = parse(&body) else { continue };
                    let text = shown(&body, "web");
                    let indented: String = text.lines().map(|line| format!("    {line}\n")).collect();
                    assert_eq!(parse(&format!("policies:\n  -\n{indented}")), Some(used), "{body}{text}");
                    read += 1;
                }
            }
        }
        assert!(read > 50, "{read}");
    }
}
