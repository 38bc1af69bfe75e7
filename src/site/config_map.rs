//! YAML in the values of a `ConfigMap`.
//!
//! ```yaml
//! kind: ConfigMap
//! data:
//!   values.yaml: |                     # Helm values: what a HelmRelease takes in by `valuesFrom`
//!     image:
//!       repository: ghcr.io/acme/web
//!       tag: 1.4.2
//!   pod.yaml: |                        # an object of Kubernetes, known by `apiVersion` and `kind`
//!     apiVersion: v1
//!     kind: Pod
//!     spec: {containers: [{image: "ghcr.io/acme/job:7"}]}
//! ```
//!
//! A value is read when its key is called like a file of YAML, or like values (`values`, `prodValues`). What it holds is told
//! by itself: an object is read as a file would be, everything else as Helm values. That says yes too often for a program's
//! own configuration, and harms nothing: an image there is an image, and it is changed only where a policy claims it.
//! A value without a key of that kind is a text like any other, in which only declared patterns look.

use super::draft::Found;
use super::helm;
use super::view::{Given, Role, View};
use crate::yaml::NodeId;

pub(super) fn find(view: &View<'_, '_>, found: &mut Found) {
    let Some(root) = view.tree.root().filter(|_| view.role == Role::File && view.is_object()) else { return };
    for object in std::iter::once(root).chain(view.items(view.tree.get(root, "items"))) {
        if view.text_at(object, "kind") == Some("ConfigMap")
            && let Some(data) = view.tree.get(object, "data")
        {
            view.tree.entries(data).for_each(|(key, value)| payload(view, found, key, value));
        }
    }
}

fn payload(view: &View<'_, '_>, found: &mut Found, key: NodeId, value: NodeId) {
    let holds_yaml = view.tree.text(key).is_some_and(|name| is_yaml(name) || helm::is_values_name(name));
    if holds_yaml && matches!(view.given(value), Given::Text(text) if text.contains(':')) {
        found.text(value, Role::Payload);
    }
}

fn is_yaml(name: &str) -> bool {
    name.ends_with(".yaml") || name.ends_with(".yml")
}

#[cfg(test)]
mod tests {
    use crate::site::{Scan, Shape, scan};

    fn config_map(data: &str) -> Scan {
        scan("x.yaml", format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: web}}\ndata:\n{data}").as_bytes())
    }

    #[test]
    fn values_and_objects_are_read_in_the_file() {
        let found = config_map(
            "  values.yaml: |\n    image:\n      repository: acme/web\n      tag: v1 # c\n  pod.yaml: |-\n    apiVersion: v1\n    kind: Pod\n    spec: {containers: [{image: 'acme/job:v1'}]}\n    fooImage: acme/no:v1\n",
        );
        let seen = found.references.iter().map(|r| (r.line, r.shape, r.path.as_str())).collect::<Vec<_>>();
        assert_eq!(
            seen,
            [
                (8, Shape::Helm, "data.\"values.yaml\".image.tag"),
                (12, Shape::Kubernetes, "data.\"pod.yaml\".spec.containers[0].image"),
            ]
        );
        assert!(found.references.iter().all(|r| r.blocked.is_none() && r.document.name.as_deref() == Some("web")));
    }

    #[test]
    fn the_keys_name_decides() {
        for (key, count) in
            [("values", 1), ("prod-values", 1), ("prod.yaml", 1), ("a.yml", 1), ("a.txt", 0), ("run.sh", 0)]
        {
            let found = config_map(&format!("  {key}: |\n    image: acme/web:v1\n"));
            assert_eq!(found.references.len(), count, "{key}");
        }
        assert!(config_map("  values.yaml: acme/web\n  image.yaml: a:b\n").references.is_empty());
    }

    #[test]
    fn a_marker_in_such_a_text_counts() {
        let found = config_map("  config.yaml: |\n    version: v1 # landwaiter: web:tag\n");
        assert!(found.references[0].marker.is_some() && found.notes.is_empty(), "{:?}", found.notes);
    }

    #[test]
    fn values_in_a_quoted_text_are_found_and_blocked() {
        let found = config_map("  values.yaml: \"image: acme/web:v1\\n\"\n");
        assert!(found.references[0].blocked.is_some());
    }
}
