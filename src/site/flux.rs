//! Objects of Flux: Helm values in a `HelmRelease`, the artefact of an `OCIRepository`, images and patches of a
//! `Kustomization`.
//!
//! ```yaml
//! kind: OCIRepository
//! spec:
//!   url: oci://ghcr.io/acme/manifests    # the repository
//!   ref: {tag: 1.4.2}                    # the tag; a digest may stand beside it
//! ---
//! kind: HelmRelease
//! spec:
//!   values: {image: {repository: ghcr.io/acme/web, tag: 1.4.2}}
//! ```
//!
//! A `ref.semver` lets Flux choose, so it is found and left alone. Values that a `HelmRelease` takes from a ConfigMap, and
//! the version of a chart whose `HelmRepository` is another object, are not looked for.

use super::draft::{Draft, Found};
use super::value::{self, Unreadable};
use super::view::{Given, Role, View};
use super::{Part, Shape, kustomize, pair};
use crate::yaml::NodeId;

pub(super) fn find(view: &View<'_, '_>, found: &mut Found) {
    // A patch of such an object has its fields.
    if view.role == Role::Values || !view.is_object() {
        return;
    }
    let Some(root) = view.tree.root() else { return };
    for object in std::iter::once(root).chain(view.items(view.tree.get(root, "items"))) {
        let Some(spec) = view.tree.get(object, "spec") else { continue };
        match (view.text_at(object, "kind"), view.text_at(object, "apiVersion")) {
            (Some("HelmRelease"), _) => helm_release(view, found, spec),
            (Some("OCIRepository"), _) => oci_repository(view, found, spec),
            (Some("Kustomization"), Some(api)) if api.starts_with("kustomize.toolkit.fluxcd.io/") => {
                kustomize::images(view, found, view.tree.get(spec, "images"));
                kustomize::patches(view, found, spec);
            }
            _ => {}
        }
    }
}

fn helm_release(view: &View<'_, '_>, found: &mut Found, spec: NodeId) {
    if let Some(values) = view.tree.get(spec, "values") {
        pair::find_in(view, found, values, Shape::Helm);
    }
    for renderer in view.items(view.tree.get(spec, "postRenderers")) {
        if let Some(kustomize) = view.tree.get(renderer, "kustomize") {
            kustomize::images(view, found, view.tree.get(kustomize, "images"));
            kustomize::patches(view, found, kustomize);
        }
    }
}

fn oci_repository(view: &View<'_, '_>, found: &mut Found, spec: NodeId) {
    let Some(url) = view.tree.get(spec, "url") else { return };
    let get = |key| view.at(spec, &["ref", key]).filter(|id| view.given(*id) != Given::Null);
    let (tag, digest, semver) = (get("tag"), get("digest"), get("semver"));
    let mut draft = Draft::new(Shape::Flux, tag.or(digest).or(semver).unwrap_or(url));
    draft.around.push(url);
    let text = view.tree.text(url).unwrap_or_default();
    draft.learn(
        view,
        url,
        match text.strip_prefix("oci://") {
            Some(name) => value::name(name),
            None => Err(Unreadable::Other("it does not begin with oci://".into())),
        },
    );
    for (part, id, read) in [(Part::Tag, tag, value::tag as fn(&str) -> _), (Part::Digest, digest, value::digest)] {
        let Some(id) = id else { continue };
        match view.given(id) {
            Given::Text(text) | Given::NotAString(text) => draft.carry(view, part, id, read(text)),
            _ => draft.block("a value of `ref` is an alias or no text"),
        }
        draft.mark(view, id, part);
    }
    if let Some(range) = semver {
        draft.parts.tag = view.tree.text(range).map(str::to_owned);
        draft.block("`semver` lets Flux choose the version; write `tag` to have it chosen here");
    }
    found.add(draft);
}

#[cfg(test)]
mod tests {
    use crate::site::{Part, Reference, Shape, scan};

    fn all(text: &str) -> Vec<Reference> {
        let scan = scan("x.yaml", text.as_bytes());
        assert!(scan.notes.is_empty(), "{:?}", scan.notes);
        scan.references
    }

    fn oci(spec: &str) -> Reference {
        all(&format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nspec:\n  url: oci://ghcr.io/acme/m\n{spec}"
        ))
        .remove(0)
    }

    #[test]
    fn an_oci_repository_is_one_reference() {
        let hash = format!("sha256:{}", "0a".repeat(32));
        let reference = oci(&format!("  ref: {{tag: 1.4.2, digest: '{hash}'}}\n"));
        assert_eq!((reference.name.as_deref(), reference.tag.as_deref()), (Some("ghcr.io/acme/m"), Some("1.4.2")));
        assert_eq!(reference.slots.iter().map(|slot| slot.part).collect::<Vec<_>>(), [Part::Tag, Part::Digest]);
        assert_eq!((reference.path.as_str(), reference.shape), ("spec.ref.tag", Shape::Flux));
        assert_eq!(oci("").tag, None);
        assert!(oci("  ref: {semver: '>=1'}\n").blocked.unwrap().contains("lets Flux choose"));
    }

    #[test]
    fn a_helm_release_holds_values_and_post_renderers() {
        let found = all("\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
spec:
  values:
    image: {repository: acme/web, tag: v1}
    job: {image: 'acme/job:v1'}
    fooImage: acme/foo:v1
  postRenderers:
  - kustomize:
      images: [{name: acme/x, newTag: v1}]
");
        let paths = found.iter().map(|reference| reference.path.as_str()).collect::<Vec<_>>();
        let values = ["spec.values.image.tag", "spec.values.job.image", "spec.values.fooImage"];
        assert_eq!(paths[..3], values);
        assert_eq!(paths[3], "spec.postRenderers[0].kustomize.images[0].newTag");
    }

    #[test]
    fn a_kustomization_of_flux_has_its_images_in_the_spec() {
        let found = all(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec:\n  images:\n  - name: acme/web\n    newTag: v1\n",
        );
        assert_eq!(found[0].path, "spec.images[0].newTag");
        assert_eq!(found[0].shape, Shape::Kustomize);
    }
}
