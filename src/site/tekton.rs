//! Bundles of Tekton: tasks and pipelines that lie in a registry.
//!
//! ```yaml
//! kind: PipelineRun
//! spec:
//!   pipelineRef:
//!     resolver: bundles
//!     params:
//!     - {name: bundle, value: "ghcr.io/acme/pipelines:1.4.2"}    # a reference
//!     - {name: name, value: build}
//! # before there were resolvers:
//!   taskRef: {name: build, bundle: "ghcr.io/acme/tasks:1.4.2"}   # a reference
//! ```
//!
//! The images of steps and sidecars are [`super::kubernetes`]' matter.

use super::draft::Found;
use super::kubernetes;
use super::view::{Given, Role, View};
use crate::yaml::NodeId;

pub(super) fn find(view: &View<'_, '_>, found: &mut Found) {
    let is_tekton = view.root_text("apiVersion").is_some_and(|api| api.starts_with("tekton.dev/"));
    if view.role != Role::File || !is_tekton {
        return;
    }
    for id in view.tree.ids() {
        if matches!(view.tree.key(id), Some("taskRef" | "pipelineRef")) {
            let old = view.tree.get(id, "bundle");
            let bundle = old.or_else(|| resolved(view, id));
            if let Some(bundle) =
                bundle.filter(|id| matches!(view.given(*id), Given::Text(_)) && !found.is_claimed(*id))
            {
                kubernetes::image(view, found, bundle);
            }
        }
    }
}

/// The parameter `bundle` of the resolver that takes from a registry.
fn resolved(view: &View<'_, '_>, reference: NodeId) -> Option<NodeId> {
    if view.text_at(reference, "resolver") != Some("bundles") {
        return None;
    }
    let params = view.items(view.tree.get(reference, "params"));
    let bundle = params.into_iter().find(|param| view.text_at(*param, "name") == Some("bundle"))?;
    view.tree.get(bundle, "value")
}

#[cfg(test)]
mod tests {
    use crate::site::scan;

    #[test]
    fn bundles_are_found_in_both_spellings() {
        for reference in [
            "{resolver: bundles, params: [{name: name, value: x}, {name: bundle, value: 'acme/t:v1'}]}",
            "{name: build, bundle: 'acme/t:v1'}",
        ] {
            for (api, count) in [("tekton.dev/v1", 1), ("example.com/v1", 0)] {
                let text = format!("apiVersion: {api}\nkind: TaskRun\nspec: {{taskRef: {reference}}}\n");
                let found = scan("x.yaml", text.as_bytes()).references;
                assert_eq!(found.len(), count, "{text}");
                assert!(found.iter().all(|one| one.tag.as_deref() == Some("v1")));
            }
        }
        let git = "apiVersion: tekton.dev/v1\nkind: TaskRun\nspec: {taskRef: {resolver: git, params: [{name: bundle, value: 'acme/t:v1'}]}}\n";
        assert!(scan("x.yaml", git.as_bytes()).references.is_empty());
    }
}
