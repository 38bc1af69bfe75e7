//! Paths: dotted keys, `[n]` for items, double quotes round keys that would be misread otherwise.
//!
//! `spec.containers[0].image`, `data."values.yaml"`, `[2].value`.

use super::{NodeId, Place, Tree};

/// The way from the document's root to the node; the root's own path is empty.
pub(super) fn of(tree: &Tree<'_>, id: NodeId) -> String {
    let mut steps = Vec::new();
    let mut at = Some(id);
    while let Some(id) = at {
        steps.push(id);
        at = tree.node(id).parent;
    }
    let mut path = String::new();
    for id in steps.into_iter().rev() {
        match tree.node(id).place {
            Place::Root => {}
            Place::Item(index) => path += &format!("[{index}]"),
            Place::Key | Place::Value(_) => {
                let key = if let Place::Value(key) = tree.node(id).place { key } else { id };
                if !path.is_empty() {
                    path.push('.');
                }
                match tree.text(key) {
                    Some(text) if bare(text) => path += text,
                    Some(text) => path += &quoted(text),
                    // A collection or an alias as a key: rare enough to be named by what it is.
                    None => path.push('?'),
                }
            }
        }
    }
    path
}

/// Whether a key is read back as itself without quotes.
fn bare(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'/' | b'$'))
}

fn quoted(key: &str) -> String {
    let mut text = String::from("\"");
    for c in key.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            c if c.is_control() => text.extend(c.escape_default()),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use crate::yaml::{documents, parse};

    #[test]
    fn paths_are_unambiguous() {
        let text = "a:\n  b.c: [x, {\"\": y}]\n  d e: z\n  \"q\\\"\\n\": w\n[k]: v\n";
        let tree = &parse(text, documents(text)[0]).unwrap()[0];
        let path = |value| tree.path(tree.ids().find(|id| tree.text(*id) == Some(value)).unwrap());
        assert_eq!(path("x"), "a.\"b.c\"[0]");
        assert_eq!(path("y"), "a.\"b.c\"[1].\"\"");
        assert_eq!(path("z"), "a.\"d e\"");
        assert_eq!(path("w"), "a.\"q\\\"\\n\"");
        assert_eq!(path("v"), "?");
        let list = "- a: 1\n";
        let tree = &parse(list, documents(list)[0]).unwrap()[0];
        assert_eq!(tree.path(tree.ids().last().unwrap()), "[0].a");
    }
}
