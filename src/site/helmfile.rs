//! Inline values of a helmfile.
//!
//! ```yaml
//! # helmfile.yaml
//! releases:
//! - name: web
//!   chart: oci://ghcr.io/acme/charts/web   # or `acme/web`, with an entry of `repositories` that has `oci: true`
//!   version: 1.4.2                         # a tag of that repository
//!   values:
//!   - values.yaml                # a file, read as such
//!   - image: {repository: ghcr.io/acme/web, tag: 1.4.2}
//!   set:
//!   - {name: jobImage, value: "ghcr.io/acme/job:7"}    # as Argo CD's parameters
//! ```
//!
//! A helmfile with template syntax outside of strings is no YAML and skipped with that reason. A chart's `repositories` are
//! looked for in every document of the file, and not in the files of its `bases`.

use super::chart::{self, Registry};
use super::draft::Found;
use super::elsewhere::{Chart, Owner, Sought, Source, folder};
use super::view::{Given, Role, View};
use super::{Shape, argo, pair};
use crate::yaml::NodeId;
use std::sync::Arc;

pub(super) fn find(view: &View<'_, '_>, found: &mut Found) {
    if view.role != Role::File || !is_helmfile(view.path) || view.is_object() {
        return;
    }
    let Some(root) = view.tree.root() else { return };
    view.items(view.tree.get(root, "repositories")).into_iter().for_each(|item| repository(view, found, item));
    for release in view.items(view.tree.get(root, "releases")) {
        inline(view, found, view.tree.get(release, "values"));
        argo::parameters(view, found, &view.items(view.tree.get(release, "set")), &Arc::default());
        chart(view, found, release);
    }
    let environments = view.tree.get(root, "environments");
    for (_, environment) in environments.into_iter().flat_map(|all| view.tree.entries(all)) {
        inline(view, found, view.tree.get(environment, "values"));
    }
}

/// `helmfile*.yaml`, or any file in a folder `helmfile.d`.
pub(super) fn is_helmfile(path: &str) -> bool {
    let mut steps = path.rsplit('/');
    steps.next().is_some_and(|name| name.starts_with("helmfile")) || steps.next() == Some("helmfile.d")
}

/// The mappings among a list of values and files' names; the files are remembered.
fn inline(view: &View<'_, '_>, found: &mut Found, values: Option<NodeId>) {
    for item in view.items(values) {
        match view.given(item) {
            Given::Text(name) => found.open.name_values(folder(view.path), name),
            _ => pair::find_in(view, found, item, Shape::Helm, &Arc::default()),
        }
    }
}

/// Remembers where a repository of charts is.
fn repository(view: &View<'_, '_>, found: &mut Found, item: NodeId) {
    let (Some(name), Some(url)) = (view.text_at(item, "name"), view.text_at(item, "url")) else { return };
    let oci = view.text_at(item, "oci") == Some("true");
    let registry = match Registry::of(url) {
        Some(registry @ Registry::Oci(_)) => registry,
        _ if oci => Registry::Oci(url.trim_end_matches('/').to_owned()),
        _ => Registry::Classic,
    };
    found.open.sources.push(Source { owner: Owner::Helmfile { name: name.into() }, registry, line: view.line(item) });
}

fn chart(view: &View<'_, '_>, found: &mut Found, release: NodeId) {
    let (Some(name), Some(version)) = (view.text_at(release, "chart"), view.tree.get(release, "version")) else {
        return;
    };
    match name.split_once('/') {
        _ if name.contains("://") => chart::version_at(view, found, version, name),
        Some((".." | "." | "", _)) | None => {}
        Some((repository, chart)) => {
            let owner = Owner::Helmfile { name: repository.into() };
            chart::version_of(view, found, version, Sought::Chart(Chart { name: chart.to_owned(), owner }));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::site::scan;

    #[test]
    fn values_that_are_set_one_by_one_are_paired() {
        let text =
            b"releases:\n- set:\n  - {name: image.repository, value: acme/web}\n  - {name: image.tag, value: v1}\n";
        let found = scan("helmfile.yaml", text).references;
        assert_eq!((found.len(), found[0].name.as_deref(), found[0].tag.as_deref()), (1, Some("acme/web"), Some("v1")));
    }

    #[test]
    fn inline_values_are_values() {
        let text = b"releases:\n- name: web\n  values:\n  - values.yaml\n  - image: {repository: acme/web, tag: v1}\nenvironments:\n  prod:\n    values:\n    - image: acme/b:v1\n";
        for (path, count) in [("helmfile.yaml", 2), ("helmfile.d/web.yaml", 2), ("x.yaml", 0)] {
            assert_eq!(scan(path, text).references.len(), count, "{path}");
        }
    }
}
