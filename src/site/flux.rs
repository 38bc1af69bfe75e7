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
//!   chart: {spec: {chart: web, version: 1.4.2, sourceRef: {kind: HelmRepository, name: acme}}}
//!   values: {image: {repository: ghcr.io/acme/web, tag: 1.4.2}}
//! ---
//! kind: HelmRepository
//! metadata: {name: acme}
//! spec: {type: oci, url: oci://ghcr.io/acme/charts}    # has the chart: ghcr.io/acme/charts/web
//! ```
//!
//! A `ref.semver` lets Flux choose, so it is found and left alone. A chart's version waits for its `HelmRepository`, a patch
//! for the release it changes, see [`super::elsewhere`]. Values from a ConfigMap (`valuesFrom`) are found there, see
//! [`super::config_map`]. k3s' `HelmChart` (`chart`, `version`, `valuesContent`) is read too.

use super::chart::{self, Registry};
use super::draft::{Draft, Found};
use super::elsewhere::{Chart, Home, Owner, Release, Sought, Source, joined};
use super::value::{self, Unreadable};
use super::view::{Given, Role, View};
use super::{Document, Part, Shape, kustomize, pair};
use crate::yaml::NodeId;
use std::sync::Arc;

pub(super) fn find(view: &View<'_, '_>, found: &mut Found) {
    // A patch of such an object has its fields.
    if view.role == Role::Values || !view.is_object() {
        return;
    }
    let Some(root) = view.tree.root() else { return };
    for object in std::iter::once(root).chain(view.items(view.tree.get(root, "items"))) {
        let Some(spec) = view.tree.get(object, "spec") else { continue };
        match (view.text_at(object, "kind"), view.text_at(object, "apiVersion")) {
            (Some("HelmRelease"), _) => helm_release(view, found, object, spec),
            (Some("HelmChart"), Some(api)) if api.starts_with("helm.cattle.io/") => k3s_chart(view, found, spec),
            (Some("HelmChartConfig"), Some(api)) if api.starts_with("helm.cattle.io/") => k3s_chart(view, found, spec),
            (Some("HelmChart"), _) => chart_of(view, found, object, spec),
            (Some("HelmRepository"), _) => helm_repository(view, found, object, spec),
            (Some("OCIRepository"), _) => oci_repository(view, found, spec),
            (Some("Kustomization"), Some(api)) if api.starts_with("kustomize.toolkit.fluxcd.io/") => {
                kustomize::images(view, found, view.tree.get(spec, "images"));
                kustomize::outside(view, found, view.tree.get(spec, "images"));
                kustomize::patches(view, found, spec);
            }
            _ => {}
        }
    }
}

fn helm_release(view: &View<'_, '_>, found: &mut Found, object: NodeId, spec: NodeId) {
    let chart = view.at(spec, &["chart", "spec"]);
    if let Some(chart) = chart {
        chart_of(view, found, object, chart);
    }
    remember(view, found, object, spec);
    if let Some(values) = view.tree.get(spec, "values") {
        let home = Arc::new(home(view, found, chart, spec));
        pair::find_in(view, found, values, Shape::Helm, &home);
    }
    for renderer in view.items(view.tree.get(spec, "postRenderers")) {
        if let Some(kustomize) = view.tree.get(renderer, "kustomize") {
            kustomize::images(view, found, view.tree.get(kustomize, "images"));
            kustomize::patches(view, found, kustomize);
        }
    }
}

/// Where the values of a release's chart stand beside its own: in another document of the release, and in the chart where
/// that is a folder of this repository.
fn home(view: &View<'_, '_>, found: &mut Found, chart: Option<NodeId>, spec: NodeId) -> Home {
    let text = |way: &[&str]| chart.and_then(|chart| view.at(chart, way)).and_then(|id| view.tree.text(id));
    let in_git = text(&["sourceRef", "kind"]) == Some("GitRepository");
    let folder = text(&["chart"]).filter(|_| in_git).and_then(|path| joined("", path));
    // What says which chart it installs is no patch of another: two releases may have one name in two clusters.
    let whole = text(&["chart"]).is_some() || view.tree.get(spec, "chartRef").is_some();
    let mut home = Home { release: !whole, chart: folder, ..Home::default() };
    let named = view.items(chart.and_then(|chart| view.tree.get(chart, "valuesFiles")));
    for path in named.into_iter().filter_map(|id| view.tree.text(id)).filter(|_| in_git) {
        home.instead = true;
        found.open.name_values("", path);
        home.files.extend(joined("", path));
    }
    if !view.items(view.tree.get(spec, "valuesFrom")).is_empty() {
        home.doubt = Some("`valuesFrom` may name another than the chart does");
    }
    home
}

/// What documents that only change the release need to know of it.
fn remember(view: &View<'_, '_>, found: &mut Found, object: NodeId, spec: NodeId) {
    let Document { namespace, name: Some(name), index: document, .. } = view.identity(Some(object)) else { return };
    let chart = view.at(spec, &["chart", "spec"]);
    let named = chart.and_then(|chart| view.text_at(chart, "chart"));
    if named.is_none() && view.tree.get(spec, "chartRef").is_none() {
        return;
    }
    let chart = chart.zip(named).and_then(|(id, chart)| in_helm_repository(view, object, id, chart));
    found.open.releases.push(Release { namespace, name, document, chart });
}

/// The chart that `sourceRef` takes from a `HelmRepository`.
fn in_helm_repository(view: &View<'_, '_>, object: NodeId, chart: NodeId, name: &str) -> Option<Chart> {
    let source = view.tree.get(chart, "sourceRef")?;
    if view.text_at(source, "kind") != Some("HelmRepository") {
        return None;
    }
    let namespace = view.text_at(source, "namespace").map(Arc::from);
    let namespace = namespace.or_else(|| view.identity(Some(object)).namespace);
    let owner = Owner::Object { namespace, name: view.text_at(source, "name")?.into() };
    Some(Chart { name: name.to_owned(), owner })
}

/// The version of a chart: of a release, a patch of one, or a `HelmChart`.
fn chart_of(view: &View<'_, '_>, found: &mut Found, object: NodeId, chart: NodeId) {
    let Some(version) = view.tree.get(chart, "version") else { return };
    match view.text_at(chart, "chart") {
        Some(name) => {
            if let Some(chart) = in_helm_repository(view, object, chart, name) {
                chart::version_of(view, found, version, Sought::Chart(chart));
            }
        }
        None if view.tree.get(chart, "sourceRef").is_none() => {
            let Document { namespace, name: Some(name), .. } = view.identity(Some(object)) else { return };
            chart::version_of(view, found, version, Sought::Release { namespace, name });
        }
        None => {}
    }
}

fn helm_repository(view: &View<'_, '_>, found: &mut Found, object: NodeId, spec: NodeId) {
    let Document { namespace, name: Some(name), .. } = view.identity(Some(object)) else { return };
    let Some(registry) = view.text_at(spec, "url").and_then(Registry::of) else { return };
    found.open.sources.push(Source { owner: Owner::Object { namespace, name }, registry, line: view.line(spec) });
}

/// k3s' own `HelmChart`, which holds its values as a text.
fn k3s_chart(view: &View<'_, '_>, found: &mut Found, spec: NodeId) {
    if let (Some(chart), Some(version)) = (view.text_at(spec, "chart"), view.tree.get(spec, "version")) {
        match view.text_at(spec, "repo").and_then(Registry::of) {
            Some(registry) => chart::version(view, found, version, &registry, chart),
            None => chart::version_at(view, found, version, chart),
        }
    }
    if let Some(values) = view.tree.get(spec, "valuesContent").filter(|id| matches!(view.given(*id), Given::Text(_))) {
        found.text(values, Role::Values);
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
    fn charts_of_flux_and_of_k3s_have_versions() {
        let source = "---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: acme}\nspec: {url: 'oci://ghcr.io/acme'}\n";
        let chart = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmChart\nmetadata: {name: x}\nspec: {chart: web, version: 1.4.2, sourceRef: {kind: HelmRepository, name: acme}}\n";
        let k3s = "apiVersion: helm.cattle.io/v1\nkind: HelmChart\nspec:\n  chart: oci://ghcr.io/acme/web\n  version: 1.4.2\n  valuesContent: |-\n    image: acme/web:v1\n";
        for (text, count) in [(format!("{chart}{source}"), 1), (k3s.to_owned(), 2)] {
            let found = all(&text);
            assert_eq!(found.len(), count, "{text}");
            assert_eq!((found[0].name.as_deref(), found[0].shape), (Some("ghcr.io/acme/web"), Shape::Chart));
        }
    }

    #[test]
    fn a_chart_of_a_git_repository_has_no_version_here() {
        let text = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: x}\nspec: {chart: {spec: {chart: ./web, version: 1.4.2, sourceRef: {kind: GitRepository, name: a}}}}\n";
        assert!(all(text).is_empty());
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
