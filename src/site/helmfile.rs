//! Inline values of a helmfile.
//!
//! ```yaml
//! # helmfile.yaml
//! releases:
//! - name: web
//!   values:
//!   - values.yaml                # a file, read as such
//!   - image: {repository: ghcr.io/acme/web, tag: 1.4.2}
//! ```
//!
//! A helmfile with template syntax outside of strings is no YAML and skipped with that reason. Charts' versions are not
//! looked for.

use super::draft::Found;
use super::view::{Role, View};
use super::{Shape, pair};
use crate::yaml::NodeId;

pub(super) fn find(view: &View<'_, '_>, found: &mut Found) {
    let in_folder = view.path.split('/').rev().nth(1) == Some("helmfile.d");
    if view.role != Role::File || !(in_folder || view.file_name().starts_with("helmfile")) || view.is_object() {
        return;
    }
    let Some(root) = view.tree.root() else { return };
    for release in view.items(view.tree.get(root, "releases")) {
        inline(view, found, view.tree.get(release, "values"));
    }
    let environments = view.tree.get(root, "environments");
    for (_, environment) in environments.into_iter().flat_map(|all| view.tree.entries(all)) {
        inline(view, found, view.tree.get(environment, "values"));
    }
}

/// The mappings among a list of values and files' names.
fn inline(view: &View<'_, '_>, found: &mut Found, values: Option<NodeId>) {
    for item in view.items(values) {
        pair::find_in(view, found, item, Shape::Helm);
    }
}

#[cfg(test)]
mod tests {
    use crate::site::scan;

    #[test]
    fn inline_values_are_values() {
        let text = b"releases:\n- name: web\n  values:\n  - values.yaml\n  - image: {repository: acme/web, tag: v1}\nenvironments:\n  prod:\n    values:\n    - image: acme/b:v1\n";
        for (path, count) in [("helmfile.yaml", 2), ("helmfile.d/web.yaml", 2), ("x.yaml", 0)] {
            assert_eq!(scan(path, text).references.len(), count, "{path}");
        }
    }
}
