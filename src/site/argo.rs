//! Sources of an Argo CD `Application` or `ApplicationSet`, and the overrides in `.argocd-source-APP.yaml`.
//!
//! ```yaml
//! spec:
//!   source:                                  # also `sources[]`, `drySource`, and below `template` of an ApplicationSet
//!     kustomize:
//!       images:
//!       - web=ghcr.io/acme/web:1.4.2         # what stands after `=` is the reference
//!       - ghcr.io/acme/job:7
//!     helm:
//!       parameters:
//!       - {name: image.repository, value: ghcr.io/acme/web}
//!       - {name: image.tag, value: 1.4.2}    # the pair's tag
//!       valuesObject: {image: {tag: 1.4.2, repository: ghcr.io/acme/web}}
//!       values: |                            # YAML of its own
//!         image: ghcr.io/acme/web:1.4.2
//! ```
//!
//! A chart's version (`chart` with `targetRevision`) is a reference when its registry is written without a scheme, as Argo CD
//! wants it for OCI, or as `oci://`. A tag alone takes the repository that other values of the source name, then that of the
//! chart in the folder `path`, see [`super::elsewhere`].

use super::chart::{self, Registry};
use super::draft::{Draft, Found};
use super::elsewhere::{self, Home, Sought, Value, joined};
use super::value::{self, Parts};
use super::view::{Given, Role, View};
use super::{Part, Shape, pair};
use crate::yaml::NodeId;
use std::collections::HashMap;
use std::sync::Arc;

pub(super) fn find(view: &View<'_, '_>, found: &mut Found) {
    let Some(root) = view.tree.root().filter(|_| view.role == Role::File) else { return };
    if view.file_name().starts_with(".argocd-source") && !view.is_object() {
        return source(view, found, root);
    }
    let argo = view.root_text("apiVersion").is_some_and(|api| api.starts_with("argoproj.io/"));
    if !view.is_object() || !(argo || view.root_text("kind") == Some("List")) {
        return;
    }
    for id in view.below(root) {
        if matches!(view.tree.key(id), Some("source" | "drySource")) || view.list_key(id) == Some("sources") {
            source(view, found, id);
        }
    }
}

fn source(view: &View<'_, '_>, found: &mut Found, source: NodeId) {
    for item in view.items(view.at(source, &["kustomize", "images"])) {
        kustomize_image(view, found, item);
    }
    if let Some(helm) = view.tree.get(source, "helm") {
        let home = Arc::new(home(view, found, source, helm));
        parameters(view, found, &view.items(view.tree.get(helm, "parameters")), &home);
        if let Some(values) = view.tree.get(helm, "valuesObject") {
            pair::find_in(view, found, values, Shape::Argo, &home);
        }
        if let Some(values) = view.tree.get(helm, "values").filter(|id| matches!(view.given(*id), Given::Text(_))) {
            found.values(values, home);
        }
    }
    chart(view, found, source);
}

/// Where the values of a source's chart stand: in the source itself, in the files it names, and in the chart's folder.
fn home(view: &View<'_, '_>, found: &mut Found, source: NodeId, helm: NodeId) -> Home {
    let here = view.tree.path(helm);
    let inline =
        ["valuesObject", "values"].map(|key| if here.is_empty() { key.into() } else { format!("{here}.{key}") });
    let folder = view.text_at(source, "path").and_then(|path| joined("", path));
    let mut home = Home { chart: folder.clone(), inline: inline.into(), ..Home::default() };
    for path in view.items(view.tree.get(helm, "valueFiles")).into_iter().filter_map(|id| view.tree.text(id)) {
        let Some(folder) = &folder else { break };
        found.open.name_values(folder, path);
        match joined(folder, path) {
            Some(path) => home.files.push(path),
            None => home.doubt = Some("`valueFiles` has a file that is not in this repository"),
        }
    }
    home
}

/// `image:tag`, `image@digest` or `name=image:tag`.
fn kustomize_image(view: &View<'_, '_>, found: &mut Found, id: NodeId) {
    let Given::Text(text) = view.given(id) else {
        return found
            .notes
            .push(view.note(id, "an entry of `kustomize.images` that is no text of its own is not read"));
    };
    let name = text.find('=').map_or(0, |at| at + 1);
    let (before, image) = text.split_at(name);
    if let Some(replaced) = before.strip_suffix('=').filter(|name| image.split([':', '@']).next() != Some(name)) {
        found.open.outside.push(replaced.to_owned());
    }
    let mut draft = Draft::new(Shape::Argo, id);
    draft.carry_framed(view, Part::Whole, id, (before, ""), value::whole(image));
    draft.mark(view, id, Part::Whole);
    found.add(draft);
}

/// Helm parameters, of a source or of a helmfile's release: `x.image.tag` goes with `x.image.repository`, and `x.image` may be a whole reference.
pub(super) fn parameters(view: &View<'_, '_>, found: &mut Found, items: &[NodeId], home: &Arc<Home>) {
    let value = |item: &NodeId| Some((view.text_at(*item, "name")?, view.tree.get(*item, "value")?));
    let values = items.iter().filter_map(value).collect::<HashMap<_, _>>();
    for (name, id) in items.iter().filter_map(value) {
        match view.given(id) {
            Given::Text(text) | Given::NotAString(text) if is_tag(name) => {
                let stem = name.strip_suffix(".tag").or_else(|| name.strip_suffix("Tag")).unwrap_or(name);
                if parameter_pair(view, found, &values, stem, (id, text)).is_none() && !view.marks.contains_key(&id) {
                    alone(view, found, &values, stem, (name, id, text), home);
                }
            }
            Given::Text(text) if names_image(name) => {
                if let Ok(read @ Parts { tag: Some(_), .. } | read @ Parts { digest: Some(_), .. }) = value::whole(text)
                {
                    let mut draft = Draft::new(Shape::Argo, id);
                    draft.carry(view, Part::Whole, id, Ok(read));
                    draft.mark(view, id, Part::Whole);
                    found.add(draft);
                }
            }
            _ => {}
        }
    }
}

fn is_tag(name: &str) -> bool {
    name.strip_suffix(".tag").or_else(|| name.strip_suffix("Tag")).is_some_and(names_image)
}

fn names_image(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with("image") || name.split('.').any(|part| part == "images")
}

/// A tag parameter whose repository may stand in the values.
fn alone(
    view: &View<'_, '_>,
    found: &mut Found,
    values: &HashMap<&str, NodeId>,
    stem: &str,
    (name, id, text): (&str, NodeId, &str),
    home: &Arc<Home>,
) {
    let mut draft = Draft::new(Shape::Argo, id);
    draft.carry(view, Part::Tag, id, value::tag(text));
    if let Some(digest) = values.get(format!("{stem}.digest").as_str()) {
        draft.carry(view, Part::Digest, *digest, value::digest(view.tree.text(*digest).unwrap_or_default()));
    }
    let registry = [".registry", "Registry"].iter().any(|end| values.contains_key(format!("{stem}{end}").as_str()))
        || values.contains_key("global.imageRegistry");
    let value = Value { stem: elsewhere::stem(name), sure: true, registry };
    draft.sought = Some(Sought::Values { value, home: home.clone() });
    found.add(draft);
}

/// A tag parameter whose repository is one too; `None` where it is not.
fn parameter_pair(
    view: &View<'_, '_>,
    found: &mut Found,
    values: &HashMap<&str, NodeId>,
    stem: &str,
    (id, tag): (NodeId, &str),
) -> Option<()> {
    let get = |ends: &[&str]| ends.iter().find_map(|end| values.get(format!("{stem}{end}").as_str()).copied());
    let name = get(&[".repository", "Repository", ".name", "Name", ""])?;
    let mut draft = Draft::new(Shape::Argo, id);
    draft.around.push(name);
    let text = view.tree.text(name).unwrap_or_default();
    let registry = get(&[".registry", "Registry"]).and_then(|id| view.tree.text(id)).filter(|text| !text.is_empty());
    let full = registry.map_or_else(|| text.to_owned(), |registry| format!("{registry}/{text}"));
    draft.learn(view, name, value::name(&full));
    draft.carry(view, Part::Tag, id, value::tag(tag));
    if let Some(digest) = get(&[".digest", "Digest"]) {
        draft.carry(view, Part::Digest, digest, value::digest(view.tree.text(digest).unwrap_or_default()));
    }
    draft.mark(view, id, Part::Tag);
    found.add(draft);
    Some(())
}

/// The version of a chart. For Argo CD a registry is OCI's when it is written without a scheme, or is a whole repository.
fn chart(view: &View<'_, '_>, found: &mut Found, source: NodeId) {
    let text = |key| view.text_at(source, key);
    let (Some(url), Some(version)) = (text("repoURL"), view.tree.get(source, "targetRevision")) else { return };
    match text("chart") {
        Some(chart) => {
            let bare = || Registry::Oci(url.trim_end_matches('/').to_owned());
            let registry = if url.contains("://") { Registry::of(url).unwrap_or(Registry::Classic) } else { bare() };
            chart::version(view, found, version, &registry, chart);
        }
        None if url.starts_with("oci://") => chart::version_at(view, found, version, url),
        // A revision of a Git repository.
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::site::{Reference, Shape, scan};

    fn all(path: &str, text: &str) -> Vec<Reference> {
        let scan = scan(path, text.as_bytes());
        assert!(scan.notes.is_empty(), "{:?}", scan.notes);
        scan.references
    }

    fn names(references: &[Reference]) -> Vec<(&str, &str)> {
        references.iter().map(|r| (r.name.as_deref().unwrap_or("-"), r.tag.as_deref().unwrap_or("-"))).collect()
    }

    const HEAD: &str = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n";

    #[test]
    fn kustomize_images_keep_what_stands_before_the_equals_sign() {
        let text = format!(
            "{HEAD}  source:\n    kustomize:\n      images: [acme/a:v1, 'b=ghcr.io/acme/b:v1', \"c=acme/c\"]\n"
        );
        let found = all("app.yaml", &text);
        assert_eq!(names(&found), [("acme/a", "v1"), ("ghcr.io/acme/b", "v1"), ("acme/c", "-")]);
    }

    #[test]
    fn parameters_are_paired_by_their_names() {
        let text = format!(
            "{HEAD}  sources:\n  - helm:\n      parameters:\n      - {{name: image.tag, value: v1}}\n      - {{name: image.repository, value: acme/web}}\n      - {{name: a.jobImage, value: 'acme/job:v1'}}\n      - {{name: replicas, value: '2'}}\n"
        );
        let found = all("app.yaml", &text);
        assert_eq!(names(&found), [("acme/web", "v1"), ("acme/job", "v1")]);
        assert_eq!(found[0].path, "spec.sources[0].helm.parameters[0].value");
        assert_eq!(found[0].shape, Shape::Argo);
    }

    #[test]
    fn a_tag_parameter_alone_is_noted() {
        let text = format!("{HEAD}  source: {{helm: {{parameters: [{{name: image.tag, value: v1}}]}}}}\n");
        assert_eq!(scan("app.yaml", text.as_bytes()).notes.len(), 1);
    }

    #[test]
    fn values_are_read_as_an_object_and_as_a_text() {
        let text = format!(
            "{HEAD}  template:\n    spec:\n      source:\n        helm:\n          valuesObject: {{image: {{repository: acme/a, tag: v1}}}}\n          values: |\n            image: acme/b:v1\n"
        );
        assert_eq!(names(&all("set.yaml", &text)), [("acme/a", "v1"), ("acme/b", "v1")]);
    }

    #[test]
    fn the_overrides_beside_an_application_are_a_source() {
        let text = "kustomize:\n  images:\n  - acme/web:v1\nhelm:\n  parameters:\n  - name: image.name\n    value: acme/b\n  - name: image.tag\n    value: v1\n    forcestring: true\n";
        assert_eq!(names(&all("x/.argocd-source-web.yaml", text)), [("acme/web", "v1"), ("acme/b", "v1")]);
        assert!(all("x/other.yaml", text).is_empty());
    }

    #[test]
    fn charts_of_an_oci_registry_have_a_version() {
        let source = |fields: &str| format!("{HEAD}  source: {{repoURL: {fields}}}\n");
        for fields in [
            "ghcr.io/acme/charts, chart: web, targetRevision: 1.2.3",
            "'oci://ghcr.io/acme/charts', chart: web, targetRevision: 1.2.3",
            "'oci://ghcr.io/acme/charts/web', path: ., targetRevision: 1.2.3",
        ] {
            assert_eq!(names(&all("a.yaml", &source(fields))), [("ghcr.io/acme/charts/web", "1.2.3")], "{fields}");
        }
        for fields in [
            "'https://charts.example.com', chart: web, targetRevision: 1.2.3",
            "ghcr.io/acme/charts, chart: web, targetRevision: 1.*",
        ] {
            let scan = scan("a.yaml", source(fields).as_bytes());
            assert_eq!((scan.references.len(), scan.notes.len()), (0, 1), "{fields}");
        }
        assert!(all("a.yaml", &source("'https://git.example.com/acme/deploy', targetRevision: main")).is_empty());
    }
}
