//! Helm values files.
//!
//! ```yaml
//! # apps/web/values-production.yaml
//! image:
//!   repository: ghcr.io/acme/web
//!   tag: 1.4.2
//! ```
//!
//! A values file is known by its name (`values.yaml`, `values-prod.yaml`, `values.prod.yaml`, `prod-values.yaml`, anything
//! in a folder `values`), or because a policy file declares it. How images are spelt in it is [`super::pair`]'s matter. A
//! document with `apiVersion` and `kind` is no values file, whatever its name.

use super::draft::Found;
use super::elsewhere::Home;
use super::view::{Role, View};
use super::{Shape, pair};
use std::sync::Arc;

pub(super) fn find(view: &View<'_, '_>, found: &mut Found) {
    let holds_values = match view.role {
        Role::Values => true,
        Role::Payload => !view.is_object(),
        Role::File => is_values_file(view.path) && !view.is_object(),
        Role::Patch => false,
    };
    if let Some(root) = view.tree.root().filter(|_| holds_values) {
        // What a text inside a scalar belongs to, its own document knows.
        let beside = view.role != Role::Payload;
        pair::find_in(view, found, root, Shape::Helm, &Arc::new(Home { beside, ..Home::default() }));
    }
}

/// Whether a file's name says that it holds Helm values.
pub(super) fn is_values_file(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let Some(stem) = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml")) else {
        return false;
    };
    let folder = folder.rsplit('/').next().unwrap_or_default();
    is_values_name(stem) || matches!(folder, "values" | "helm-values")
}

/// Whether a name without an ending says so.
pub(super) fn is_values_name(stem: &str) -> bool {
    const WORD: &[u8] = b"values";
    let (stem, len) = (stem.as_bytes(), WORD.len());
    let (first, last) = (stem.get(..len), stem.get(stem.len().wrapping_sub(len)..));
    [first, last].into_iter().flatten().any(|part| part.eq_ignore_ascii_case(WORD))
}

#[cfg(test)]
mod tests {
    use crate::site::scan;

    #[test]
    fn values_files_are_known_by_name() {
        let text = b"image: {repository: acme/web, tag: v1}\n";
        for (path, count) in [
            ("values.yaml", 1),
            ("x/values.yml", 1),
            ("values-prod.yaml", 1),
            ("values.prod.yaml", 1),
            ("values_prod.yaml", 1),
            ("prod-values.yaml", 1),
            ("prod.values.yaml", 1),
            ("helmValues.yaml", 1),
            ("values/prod.yaml", 1),
            ("config.yaml", 0),
            ("values.json", 0),
        ] {
            assert_eq!(scan(path, text).references.len(), count, "{path}");
        }
    }

    #[test]
    fn a_kubernetes_document_is_no_values_file() {
        let text = b"apiVersion: v1\nkind: Pod\nfooImage: a:1\nspec: {containers: [{image: 'a:1'}]}\n";
        let scan = scan("values.yaml", text);
        assert_eq!((scan.references.len(), scan.notes.len()), (1, 0));
    }

    #[test]
    fn every_document_of_the_file_is_read() {
        let scan = scan("values.yaml", b"image: a:1\n---\nimage: b:1\n");
        assert_eq!(scan.references.iter().map(|r| r.document.index).collect::<Vec<_>>(), [0, 1]);
    }
}
