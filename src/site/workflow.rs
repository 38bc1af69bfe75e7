//! GitHub Actions: the containers of jobs, their services, and `docker://` steps.
//!
//! ```yaml
//! # .github/workflows/ci.yaml
//! jobs:
//!   test:
//!     container: ghcr.io/acme/build:3          # or {image: ...}
//!     services:
//!       db: {image: postgres:16.2}
//!     steps:
//!     - uses: docker://alpine:3.20             # also `runs.image` of an action
//! ```

use super::draft::{Draft, Found};
use super::value;
use super::view::{Given, Role, View};
use super::{Part, Shape};
use crate::yaml::NodeId;

const SCHEME: &str = "docker://";

pub(super) fn find(view: &View<'_, '_>, found: &mut Found) {
    let action = matches!(view.file_name(), "action.yml" | "action.yaml");
    if view.role != Role::File || !(action || is_workflow(view.path)) || view.is_object() {
        return;
    }
    let Some(root) = view.tree.root() else { return };
    if action {
        view.at(root, &["runs", "image"]).into_iter().for_each(|id| step(view, found, id));
        steps(view, found, view.at(root, &["runs", "steps"]));
        return;
    }
    let jobs = view.tree.get(root, "jobs");
    for (_, job) in jobs.into_iter().flat_map(|jobs| view.tree.entries(jobs)) {
        if let Some(container) = view.tree.get(job, "container") {
            image(view, found, view.tree.get(container, "image").unwrap_or(container));
        }
        let services = view.tree.get(job, "services");
        for (_, service) in services.into_iter().flat_map(|services| view.tree.entries(services)) {
            view.tree.get(service, "image").into_iter().for_each(|id| image(view, found, id));
        }
        steps(view, found, view.tree.get(job, "steps"));
    }
}

/// Whether a path is where GitHub, Gitea and Forgejo look for workflows.
pub(super) fn is_workflow(path: &str) -> bool {
    [".github/workflows/", ".gitea/workflows/", ".forgejo/workflows/"].iter().any(|folder| path.contains(folder))
}

fn steps(view: &View<'_, '_>, found: &mut Found, steps: Option<NodeId>) {
    for item in view.items(steps) {
        view.tree.get(item, "uses").into_iter().for_each(|id| step(view, found, id));
    }
}

/// A value that names an image only behind `docker://`.
fn step(view: &View<'_, '_>, found: &mut Found, id: NodeId) {
    if view.tree.text(id).is_some_and(|text| text.starts_with(SCHEME)) {
        image(view, found, id);
    }
}

fn image(view: &View<'_, '_>, found: &mut Found, id: NodeId) {
    let mut draft = Draft::new(Shape::Workflow, id);
    match view.given(id) {
        Given::Text("") | Given::Null | Given::Collection | Given::NotAString(_) => return,
        Given::Text(text) => {
            let image = text.strip_prefix(SCHEME);
            let before = if image.is_some() { SCHEME } else { "" };
            draft.carry_framed(view, Part::Whole, id, (before, ""), value::whole(image.unwrap_or(text)));
            draft.mark(view, id, Part::Whole);
        }
        Given::Alias(target) => {
            let whole = |text: &str| value::whole(text.strip_prefix(SCHEME).unwrap_or(text));
            draft.carry_alias(view, Part::Whole, (id, target), whole);
        }
    }
    found.add(draft);
}

#[cfg(test)]
mod tests {
    use crate::site::scan;

    const TEXT: &[u8] = b"on: push
jobs:
  a:
    container: node:20.1
    services:
      db:
        image: postgres:16.2
    steps:
    - uses: actions/checkout@v4
    - uses: docker://alpine:3.20
  b:
    container: {image: 'node:20.1', env: {}}
  c:
    container: ${{ matrix.image }}
";

    #[test]
    fn jobs_services_and_steps_name_images() {
        let scan = scan(".github/workflows/ci.yml", TEXT);
        let seen = scan.references.iter().map(|r| (r.path.as_str(), r.tag.as_deref())).collect::<Vec<_>>();
        assert_eq!(
            seen,
            [
                ("jobs.a.container", Some("20.1")),
                ("jobs.a.services.db.image", Some("16.2")),
                ("jobs.a.steps[1].uses", Some("3.20")),
                ("jobs.b.container.image", Some("20.1")),
                ("jobs.c.container", None),
            ]
        );
        assert_eq!(scan.references[2].slots[0].setting.before, "docker://");
        assert!(scan.references[4].blocked.is_some());
    }

    #[test]
    fn other_files_are_no_workflows() {
        assert!(scan("ci.yml", TEXT).references.is_empty());
        let action = b"runs:\n  using: docker\n  image: docker://acme/tool:v1\n";
        assert_eq!(scan("action.yml", action).references[0].name.as_deref(), Some("acme/tool"));
        assert!(scan("action.yml", b"runs:\n  using: docker\n  image: Dockerfile\n").references.is_empty());
    }
}
