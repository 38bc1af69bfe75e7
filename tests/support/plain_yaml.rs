//! YAML as plain data, for tests that look into files: the program's own parser, and JSON's values.

use landwaiter::yaml::{NodeId, NodeKind, Style, Tree, documents, parse};
use serde_json::{Map, Value};

/// Every document of the text that is not empty.
pub(crate) fn plain(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    for piece in documents(text) {
        for tree in parse(text, piece).unwrap_or_else(|problem| panic!("{problem:?}\n{text}")) {
            found.extend(tree.root().map(|root| value(&tree, root)));
        }
    }
    found.retain(|value: &Value| !value.is_null());
    found
}

fn value(tree: &Tree<'_>, id: NodeId) -> Value {
    match tree.node(id).kind {
        NodeKind::Mapping(_) => {
            let entries = tree.entries(id).map(|(key, entry)| (tree.text(key).unwrap().to_owned(), value(tree, entry)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        NodeKind::Sequence(_) => tree.children(id).map(|child| value(tree, child)).collect(),
        _ => {
            let text = tree.text(id).unwrap_or_default();
            let plain = tree.style(id) == Some(Style::Plain);
            let read = plain.then(|| serde_json::from_str(text).ok()).flatten();
            match read {
                Some(read) => read,
                None if tree.style(id) == Some(Style::Absent) => Value::Null,
                None => Value::String(text.to_owned()),
            }
        }
    }
}
