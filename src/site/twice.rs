//! Keys that stand twice in one mapping: YAML forbids it, some readers take the first, some the last, some refuse the file.
//!
//! ```yaml
//! images: [{name: web, newTag: 1.4.2}]
//! images: [{name: db, newTag: 5.1.0}]    # noted: what of it counts is not known
//! ```
//!
//! Where a key of the reference's own mapping stands twice, its shape blocks it; here it is said of those above it.

use super::draft::Found;
use super::view::View;
use crate::yaml::{NodeId, NodeKind};
use std::collections::HashSet;

/// The keys below which images stand.
const KEYS: [&str; 9] = [
    "image",
    "images",
    "containers",
    "initContainers",
    "ephemeralContainers",
    "services",
    "releases",
    "patches",
    "spec",
];
/// Mappings with more keys are compared by hash, smaller ones one by one, which is quicker.
const FEW: usize = 16;

pub(super) fn note(view: &View<'_, '_>, found: &mut Found) {
    let mappings = view.tree.ids().filter(|id| matches!(view.tree.node(*id).kind, NodeKind::Mapping(_)));
    let notes: Vec<_> = mappings
        .filter_map(|id| second(view, id))
        .map(|(key, id)| {
            view.note(id, format!("`{key}` stands a second time in its mapping, and readers disagree which counts"))
        })
        .collect();
    found.notes.extend(notes);
}

/// The first key of the mapping that stood in it before, and where it stands again.
fn second(view: &View<'_, '_>, mapping: NodeId) -> Option<(String, NodeId)> {
    let keys: Vec<NodeId> = view.tree.entries(mapping).map(|(key, _)| key).collect();
    let text = |id: &NodeId| view.tree.text(*id);
    let mut seen = HashSet::new();
    let mut stood = |at: usize, key: &NodeId| match keys.len() {
        ..=FEW => keys[..at].iter().any(|before| text(before) == text(key)),
        _ => !seen.insert(text(key).map(str::to_owned)),
    };
    let named = |key: &NodeId| text(key).is_some_and(|key| KEYS.contains(&key));
    let twice = keys.iter().enumerate().find(|(at, key)| named(key) && stood(*at, key));
    twice.and_then(|(_, key)| Some((text(key)?.to_owned(), *key)))
}

#[cfg(test)]
mod tests {
    use crate::site::scan;

    #[test]
    fn a_key_that_stands_twice_is_noted_at_its_second_place() {
        let notes = |path: &str, text: &str| {
            let scan = scan(path, text.as_bytes());
            scan.notes.iter().map(|note| (note.line, note.text.clone())).collect::<Vec<_>>()
        };
        let two = "images:\n- {name: a, newTag: v1}\nimages:\n- {name: b, newTag: v1}\n";
        let said = notes("kustomization.yaml", two);
        assert!(
            said.iter().any(|(line, text)| *line >= 3 && text.starts_with("`images` stands a second time")),
            "{said:?}"
        );
        let many: String = (0..40).map(|n| format!("k{n}: image\n")).collect();
        assert!(notes("values.yaml", &format!("{many}image: a:1\n")).is_empty());
        assert_eq!(notes("values.yaml", &format!("{many}image: a:1\nk3: x\nimage: a:1\n")).len(), 1);
    }
}
