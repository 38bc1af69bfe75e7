//! `image:` in a Kubernetes document: any mapping with `apiVersion` and `kind`, custom resources included.
//!
//! ```yaml
//! apiVersion: apps/v1
//! kind: Deployment
//! spec:
//!   template:
//!     spec:
//!       initContainers:
//!       - image: ghcr.io/acme/migrate:1.4.2     # a reference
//!       volumes:
//!       - name: model
//!         image:
//!           reference: ghcr.io/acme/model:v3    # a reference
//! ```
//!
//! A custom resource that spells its image as `image: {repository, tag}` is read as Helm values are, see
//! [`super::pair`]. JSON files are read too. The key is looked for at any depth, so that the items of a `List`, pod templates and custom resources need no list of
//! kinds. A value that names no image is noted; where a container must have one, it is a blocked reference.

use super::draft::{Draft, Found, shown};
use super::value::{self, Unreadable};
use super::view::{Given, Role, View};
use super::{Part, Shape, pair};
use crate::yaml::NodeId;

pub(super) fn find(view: &View<'_, '_>, found: &mut Found) {
    if !matches!(view.role, Role::File | Role::Payload) || !view.is_object() {
        return;
    }
    for id in view.tree.ids() {
        let named = match view.tree.key(id) {
            Some("image") => true,
            Some("reference") => in_image_volume(view, id),
            _ => false,
        };
        if named && !found.is_claimed(id) {
            image(view, found, id);
        }
    }
}

/// Whether the node is the `reference` of an image volume: `volumes[].image.reference`.
fn in_image_volume(view: &View<'_, '_>, id: NodeId) -> bool {
    let parent = |id: NodeId| view.tree.node(id).parent;
    parent(id).is_some_and(|source| {
        view.tree.key(source) == Some("image")
            && parent(source).and_then(|volume| view.list_key(volume)) == Some("volumes")
    })
}

/// Whether the node is the image of a container, where Kubernetes takes nothing but an image reference.
fn in_container(view: &View<'_, '_>, id: NodeId) -> bool {
    let list = view.tree.node(id).parent.and_then(|container| view.list_key(container));
    matches!(list, Some("containers" | "initContainers" | "ephemeralContainers"))
}

/// The value of one `image` key.
pub(super) fn image(view: &View<'_, '_>, found: &mut Found, id: NodeId) {
    let mut draft = Draft::new(Shape::Kubernetes, id);
    let mark = view.marks.get(&id);
    match view.given(id) {
        // The marker says that the value is not a whole reference, or gives one to an empty value.
        Given::Text(text) if mark.is_some_and(|mark| mark.part != Part::Whole || text.is_empty()) => {}
        Given::Text(text) => match value::whole(text) {
            Err(Unreadable::Empty) if in_container(view, id) => {
                found.notes.push(view.note(id, "the container's image is empty"))
            }
            Err(Unreadable::Empty) => {}
            Err(why) if mark.is_none() && !in_container(view, id) => {
                found.notes.push(view.note(id, format!("`{}` {why}", shown(text))));
            }
            read => {
                draft.marker = mark.map(|mark| mark.marker.clone());
                draft.carry(view, Part::Whole, id, read);
                found.add(draft);
            }
        },
        Given::NotAString(text) => {
            if mark.is_none() {
                found.notes.push(view.note(id, format!("the image `{}` is not a string", shown(text))));
            }
        }
        Given::Alias(target) => {
            if view.tree.text(target).is_some() {
                draft.carry_alias(view, Part::Whole, (id, target), value::whole);
                found.add(draft);
            }
        }
        Given::Null if in_container(view, id) => found.notes.push(view.note(id, "the container has no image")),
        Given::Collection if view.root_text("kind") != Some("CustomResourceDefinition") => {
            pair::image_map(view, found, id, Shape::Kubernetes);
        }
        Given::Null | Given::Collection => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::site::{Reference, Scan, Shape, scan};

    fn found(text: &str) -> Scan {
        scan("x.yaml", text.as_bytes())
    }

    fn pod(image: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: web, namespace: shop}}\nspec:\n  containers:\n  - image: {image}\n"
        )
    }

    fn only(text: &str) -> Reference {
        let scan = found(text);
        assert_eq!(scan.references.len(), 1, "{text}");
        scan.references.into_iter().next().unwrap()
    }

    #[test]
    fn images_are_found_at_any_depth_with_who_and_where() {
        let text = "\
apiVersion: batch/v1
kind: CronJob
metadata:
  name: nightly
  namespace: shop
spec:
  jobTemplate:
    spec:
      template:
        spec:
          initContainers: [{name: a, image: busybox:1.36}]
          ephemeralContainers:
          - image: 'ghcr.io/acme/debug'
          volumes:
          - name: model
            image:
              reference: \"ghcr.io/acme/model:v3\"
";
        let scan = found(text);
        let seen = scan.references.iter().map(|r| (r.line, r.path.as_str(), r.tag.as_deref())).collect::<Vec<_>>();
        let at = "spec.jobTemplate.spec.template.spec";
        assert_eq!(
            seen,
            [
                (11, format!("{at}.initContainers[0].image").as_str(), Some("1.36")),
                (13, format!("{at}.ephemeralContainers[0].image").as_str(), None),
                (17, format!("{at}.volumes[0].image.reference").as_str(), Some("v3")),
            ]
        );
        for reference in &scan.references {
            assert_eq!(reference.shape, Shape::Kubernetes);
            let document = &reference.document;
            let who = (document.kind.as_deref(), document.namespace.as_deref(), document.name.as_deref());
            assert_eq!(who, (Some("CronJob"), Some("shop"), Some("nightly")));
        }
    }

    #[test]
    fn the_items_of_a_list_keep_their_own_identity() {
        let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n  spec: {containers: [{image: 'a:1'}]}\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: b}\n  spec: {containers: [{image: 'b:1'}]}\n";
        let names = found(text).references.into_iter().map(|r| (r.path, r.document.name)).collect::<Vec<_>>();
        assert_eq!(names[0], ("items[0].spec.containers[0].image".into(), Some("a".into())));
        assert_eq!(names[1], ("items[1].spec.containers[0].image".into(), Some("b".into())));
    }

    #[test]
    fn a_mapping_that_is_no_kubernetes_document_is_left_to_other_shapes() {
        assert!(found("services:\n  web:\n    image: nginx:1.27\n").references.is_empty());
        assert!(found("kind: Pod\nimage: nginx:1.27\n").references.is_empty());
    }

    #[test]
    fn what_a_container_cannot_run_is_blocked_and_elsewhere_noted() {
        for image in ["'{{ .Values.image }}'", "ghcr.io/acme/web:$(TAG)", "ghcr.io/Acme/web:1"] {
            let reference = only(&pod(image));
            assert!(reference.blocked.is_some(), "{image}");
            assert_eq!(reference.repository, None);
        }
        for (text, notes) in [
            ("apiVersion: x/v1\nkind: Page\nspec:\n  image: my logo.png\n", 1),
            ("apiVersion: x/v1\nkind: Page\nspec:\n  image: 12\n", 1),
            ("apiVersion: x/v1\nkind: Page\nspec:\n  image: ''\n", 0),
            ("apiVersion: x/v1\nkind: Page\nspec:\n  image: {type: string}\n", 0),
            (&pod("''"), 1),
            (&pod(""), 1),
        ] {
            let scan = found(text);
            assert_eq!((scan.references.len(), scan.notes.len()), (0, notes), "{text}");
        }
    }

    #[test]
    fn block_and_multi_line_scalars_are_values_like_any_other() {
        let reference = only(&pod(">-\n      nginx:1.27"));
        assert_eq!(reference.tag.as_deref(), Some("1.27"));
        assert_eq!(reference.line, 6);
        assert_eq!(only(&pod("|\n      nginx:1.27")).tag.as_deref(), Some("1.27"));
        assert_eq!(only(&pod("\n      nginx:1.27")).line, 7);
    }

    #[test]
    fn a_damaged_type_tag_blocks() {
        assert!(only(&pod("!!float nginx:1.27")).blocked.unwrap().contains("YAML tag"));
        assert_eq!(only(&pod("!!str nginx:1.27")).blocked, None);
    }
}
