//! Image repositories and tags of kubeadm, as Cluster API's objects carry them.
//!
//! ```yaml
//! kind: KubeadmControlPlane
//! spec:
//!   kubeadmConfigSpec:
//!     clusterConfiguration:
//!       dns: {imageRepository: registry.k8s.io/coredns, imageTag: v1.11.1}      # registry.k8s.io/coredns/coredns
//!       etcd: {local: {imageRepository: registry.k8s.io, imageTag: 3.5.12-0}}   # registry.k8s.io/etcd
//! ```
//!
//! kubeadm appends the name of what it runs to `imageRepository`; elsewhere the two are the whole name and its tag. A
//! cluster's `version` is no image and left alone.

use super::draft::{Draft, Found};
use super::value;
use super::view::{Given, Role, View};
use super::{Part, Shape};
use crate::yaml::NodeId;

pub(super) fn find(view: &View<'_, '_>, found: &mut Found) {
    if view.role != Role::File || !view.is_object() {
        return;
    }
    for id in view.tree.ids() {
        if view.tree.key(id) == Some("imageTag") && !found.is_claimed(id) {
            pair(view, found, id);
        }
    }
}

fn pair(view: &View<'_, '_>, found: &mut Found, tag: NodeId) {
    let (Given::Text(text) | Given::NotAString(text)) = view.given(tag) else { return };
    let Some(home) = view.tree.node(tag).parent else { return };
    let Some(repository) = view.tree.get(home, "imageRepository") else {
        if !view.marks.contains_key(&tag) && view.tree.get(home, "image").is_none() {
            let note =
                "an `imageTag` without `imageRepository` beside it; a marker that ends in `:tag` ties it to a policy";
            found.notes.push(view.note(tag, note));
        }
        return;
    };
    if view.marks.get(&tag).is_some_and(|mark| mark.part != Part::Tag) {
        return;
    }
    let mut draft = Draft::new(Shape::ClusterApi, tag);
    draft.around.push(repository);
    let written = view.tree.text(repository).unwrap_or_default();
    let name = match appended(view, home) {
        Some(last) => format!("{written}/{last}"),
        None => written.to_owned(),
    };
    draft.learn(view, repository, value::name(&name));
    draft.carry(view, Part::Tag, tag, value::tag(text));
    draft.mark(view, tag, Part::Tag);
    found.add(draft);
}

/// What kubeadm runs from the repository in this mapping.
fn appended(view: &View<'_, '_>, home: NodeId) -> Option<&'static str> {
    let key = |id: NodeId| view.tree.key(id);
    let above = view.tree.node(home).parent;
    let is_cluster = |id: Option<NodeId>| {
        id.and_then(key) == Some("clusterConfiguration") || view.root_text("kind") == Some("ClusterConfiguration")
    };
    match key(home) {
        Some("dns") if is_cluster(above) => Some("coredns"),
        Some("local") if above.and_then(key) == Some("etcd") => Some("etcd"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::site::scan;

    #[test]
    fn kubeadm_appends_the_name_of_what_it_runs() {
        let text = b"apiVersion: controlplane.cluster.x-k8s.io/v1beta1
kind: KubeadmControlPlane
spec:
  kubeadmConfigSpec:
    clusterConfiguration:
      dns: {imageRepository: registry.k8s.io/coredns, imageTag: v1.11.1}
      etcd:
        local:
          imageRepository: registry.k8s.io
          imageTag: 3.5.12-0
  other: {imageRepository: ghcr.io/acme/web, imageTag: v1}
  lone: {imageTag: v1}
";
        let scan = scan("x.yaml", text);
        let names = scan.references.iter().map(|r| r.name.as_deref().unwrap()).collect::<Vec<_>>();
        assert_eq!(names, ["registry.k8s.io/coredns/coredns", "registry.k8s.io/etcd", "ghcr.io/acme/web"]);
        assert_eq!(scan.references[1].line, 10);
        assert_eq!(scan.notes.len(), 1);
    }
}
