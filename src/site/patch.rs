//! Patches: JSON6902 in a file or in a kustomization, and strategic merge inside a kustomization.
//!
//! ```yaml
//! - op: replace
//!   path: /spec/template/spec/containers/0/image
//!   value: ghcr.io/acme/web:1.4.2                 # a reference
//! - op: add
//!   path: /spec/template/spec/containers/-
//!   value: {name: proxy, image: "ghcr.io/acme/proxy:2"}    # the `image` is one
//! ```
//!
//! A JSON6902 patch is a list of mappings that all have `op` and `path`. A strategic-merge patch in a file of its own has
//! `apiVersion` and `kind`, and is found as any Kubernetes document. What a `test` expects is noted, never changed.

use super::draft::{Draft, Found};
use super::value;
use super::view::{Given, Role, View};
use super::{Part, Shape, kubernetes};
use crate::yaml::NodeId;

pub(super) fn find(view: &View<'_, '_>, found: &mut Found) {
    let Some(root) = view.tree.root() else { return };
    let operations = view.items(Some(root));
    let is_operation = |id: &NodeId| view.text_at(*id, "op").is_some() && view.text_at(*id, "path").is_some();
    if !operations.is_empty() && operations.iter().all(is_operation) {
        operations.into_iter().for_each(|id| operation(view, found, id));
    } else if view.role == Role::Patch {
        images_below(view, found, root);
    }
}

fn operation(view: &View<'_, '_>, found: &mut Found, id: NodeId) {
    let Some(value) = view.tree.get(id, "value") else { return };
    let names_image = view.text_at(id, "path").is_some_and(|path| path.ends_with("/image"));
    if view.text_at(id, "op") == Some("test") {
        if names_image {
            found.notes.push(view.note(value, "a `test` of an image; it expects what stands there and is not changed"));
        }
        return;
    }
    match view.given(value) {
        Given::Collection => images_below(view, found, value),
        Given::Text(text) if names_image => {
            let mut draft = Draft::new(Shape::Patch, value);
            draft.carry(view, Part::Whole, value, value::whole(text));
            draft.mark(view, value, Part::Whole);
            found.add(draft);
        }
        Given::Alias(target) if names_image => {
            let mut draft = Draft::new(Shape::Patch, value);
            draft.carry_alias(view, Part::Whole, (value, target), value::whole);
            found.add(draft);
        }
        _ => {}
    }
}

fn images_below(view: &View<'_, '_>, found: &mut Found, id: NodeId) {
    for id in view.below(id) {
        if view.tree.key(id) == Some("image") && !found.is_claimed(id) {
            kubernetes::image(view, found, id);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::site::{Scan, scan};

    fn found(path: &str, text: &str) -> Scan {
        scan(path, text.as_bytes())
    }

    fn paths(scan: &Scan) -> Vec<&str> {
        scan.references.iter().map(|reference| reference.path.as_str()).collect()
    }

    #[test]
    fn json6902_files_are_read_in_yaml_and_json() {
        let yaml = "- op: replace\n  path: /spec/template/spec/containers/0/image\n  value: acme/web:v1\n- op: add\n  path: /spec/template/spec/containers/-\n  value: {name: x, image: 'acme/x:v1'}\n";
        assert_eq!(paths(&found("patch.yaml", yaml)), ["[0].value", "[1].value.image"]);
        let json = r#"[{"op": "replace", "path": "/spec/containers/0/image", "value": "acme/web:v1"}]"#;
        assert_eq!(paths(&found("patch.json", json)), ["[0].value"]);
        assert!(found("x.yaml", "- path: /a/image\n  value: acme/web:v1\n").references.is_empty());
    }

    #[test]
    fn a_test_operation_is_noted() {
        let scan = found("p.yaml", "- {op: test, path: /a/image, value: 'acme/web:v1'}\n");
        assert_eq!((scan.references.len(), scan.notes.len()), (0, 1));
    }

    #[test]
    fn patches_inside_a_kustomization_are_read_as_yaml_of_their_own() {
        let text = "\
kind: Kustomization
patches:
- patch: |-
    - op: replace
      path: /spec/template/spec/containers/0/image
      value: acme/web:v1
- path: other.yaml
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    spec: {template: {spec: {containers: [{name: x, image: 'acme/x:v1'}]}}}
patchesStrategicMerge:
- file.yaml
- |-
  spec:
    image: acme/y:v1
patchesJson6902:
- target: {kind: Deployment}
  patch: '[{\"op\": \"replace\", \"path\": \"/a/image\", \"value\": \"acme/z:v1\"}]'
";
        let scan = found("kustomization.yaml", text);
        assert_eq!(
            paths(&scan),
            [
                "patches[0].patch[0].value",
                "patches[2].patch.spec.template.spec.containers[0].image",
                "patchesStrategicMerge[1].spec.image",
                "patchesJson6902[0].patch[0].value",
            ]
        );
        assert_eq!(
            scan.references.iter().map(|r| r.blocked.is_some()).collect::<Vec<_>>(),
            [false, false, false, true]
        );
        assert_eq!(scan.references.iter().map(|r| r.line).collect::<Vec<_>>(), [6, 11, 16, 19]);
    }
}
