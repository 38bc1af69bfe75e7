//! Versions of charts. A chart in an OCI registry is a repository whose tags are its versions.
//!
//! ```yaml
//! # Chart.yaml
//! dependencies:
//! - name: web
//!   version: 1.4.2                            # a tag of ghcr.io/acme/charts/web
//!   repository: oci://ghcr.io/acme/charts
//! annotations:
//!   artifacthub.io/images: |                  # YAML of its own
//!     - {name: web, image: "ghcr.io/acme/web:1.4.2"}
//! ```
//!
//! Here is also what every place has in common that names a chart: `flux`, `argo`, `helmfile`, `kustomize`. Only a fixed
//! version is a reference: of a range Helm chooses. The `+` of a version is a `_` in its tag (Helm's rule, for tags may hold
//! none), which is turned round when a version is written. A classic repository of charts is no registry, and noted.
//!
//! A `Chart.lock` beside a `Chart.yaml` must fit it, and only Helm can renew it: then the version is found and blocked.

use super::draft::{Draft, Found};
use super::elsewhere::Sought;
use super::value;
use super::view::{Given, Role, View};
use super::{Part, Shape};
use crate::yaml::NodeId;

/// Where a repository of charts is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Registry {
    /// `host/path` of an OCI registry.
    Oci(String),
    /// Served as an index over HTTP, which knows no tags.
    Classic,
}

impl Registry {
    /// As Helm reads a repository's URL; `None` for a folder, an alias or nothing.
    pub(super) fn of(url: &str) -> Option<Registry> {
        match url.split_once("://") {
            Some(("oci", rest)) => Some(Registry::Oci(rest.trim_end_matches('/').to_owned())),
            Some(("http" | "https" | "s3" | "gs" | "git+https" | "git+ssh" | "acr", _)) => Some(Registry::Classic),
            _ => None,
        }
    }
}

/// What is noted where a chart's version is no reference.
pub(super) const CLASSIC: &str =
    "a chart of a classic Helm repository, which is no image registry; its version is not changed";
const RANGE: &str = "the chart's range lets Helm choose its version";

pub(super) fn find(view: &View<'_, '_>, found: &mut Found) {
    if view.role != Role::File || !is_chart_file(view.path) || view.root_text("kind").is_some() {
        return;
    }
    let Some(root) = view.tree.root() else { return };
    for item in view.items(view.tree.get(root, "dependencies")) {
        dependency(view, found, item);
    }
    if let Some(images) = view.at(root, &["annotations", "artifacthub.io/images"])
        && matches!(view.given(images), Given::Text(_))
    {
        found.text(images, Role::Values);
    }
}

/// `Chart.yaml`, and what it was split into before Helm 3.
pub(super) fn is_chart_file(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some("Chart.yaml" | "requirements.yaml"))
}

fn dependency(view: &View<'_, '_>, found: &mut Found, item: NodeId) {
    let (Some(name), Some(version)) = (view.text_at(item, "name"), view.tree.get(item, "version")) else { return };
    let url = view.text_at(item, "repository").unwrap_or_default();
    if url.starts_with(['@', ':']) || url.starts_with("alias:") {
        let note = format!("the version of chart `{name}`: `{url}` is a name that only Helm's own configuration knows");
        return found.notes.push(view.note(version, note));
    }
    let lock = if view.file_name() == "Chart.yaml" { "Chart.lock" } else { "requirements.lock" };
    if let Some(mut draft) = Registry::of(url).and_then(|registry| in_registry(view, found, version, &registry, name)) {
        draft.sought = Some(Sought::Unlocked(lock));
        found.add(draft);
    }
}

/// The version of a chart in a known repository of charts, or a note.
pub(super) fn version(view: &View<'_, '_>, found: &mut Found, id: NodeId, registry: &Registry, chart: &str) {
    if let Some(draft) = in_registry(view, found, id, registry, chart) {
        found.add(draft);
    }
}

/// The version of a chart at `oci://host/path/chart`; other texts are folders or names of another kind.
pub(super) fn version_at(view: &View<'_, '_>, found: &mut Found, id: NodeId, url: &str) {
    match Registry::of(url) {
        Some(Registry::Oci(name)) => {
            if let Some(mut draft) = fixed(view, found, id) {
                draft.learn(view, id, value::name(&name));
                found.add(draft);
            }
        }
        Some(Registry::Classic) => classic(view, found, id),
        None => {}
    }
}

fn in_registry(view: &View<'_, '_>, found: &mut Found, id: NodeId, registry: &Registry, chart: &str) -> Option<Draft> {
    let Registry::Oci(registry) = registry else {
        classic(view, found, id);
        return None;
    };
    let mut draft = fixed(view, found, id)?;
    draft.learn(view, id, value::name(&format!("{registry}/{chart}")));
    Some(draft)
}

fn classic(view: &View<'_, '_>, found: &mut Found, id: NodeId) {
    if !view.marks.contains_key(&id) {
        found.notes.push(view.note(id, CLASSIC));
    }
}

/// The version of a chart whose repository another place names.
pub(super) fn version_of(view: &View<'_, '_>, found: &mut Found, id: NodeId, sought: Sought) {
    if let Some(mut draft) = fixed(view, found, id) {
        draft.sought = Some(sought);
        found.add(draft);
    }
}

/// A reference for a fixed version, as yet without a name; a note for a range.
fn fixed(view: &View<'_, '_>, found: &mut Found, id: NodeId) -> Option<Draft> {
    if view.marks.get(&id).is_some_and(|mark| mark.part != Part::Tag) {
        return None;
    }
    let mut draft = Draft::new(Shape::Chart, id);
    match view.given(id) {
        Given::Text(text) | Given::NotAString(text) if is_chart_version(text) => {
            draft.carry_version(view, id, value::tag(&text.replace('+', "_")));
            draft.mark(view, id, Part::Tag);
        }
        Given::Text(text) if text.contains(['$', '{']) => {
            draft.carry_version(view, id, Err(value::Unreadable::Template));
        }
        // A marker may give even a range away.
        Given::Text(_) | Given::NotAString(_) if view.marks.contains_key(&id) => return None,
        Given::Text(_) | Given::NotAString(_) => {
            found.notes.push(view.note(id, RANGE));
            return None;
        }
        Given::Alias(target) => {
            draft.block(format!("the version is an alias: line {} carries the value", view.line(target)));
            draft.learn(view, target, value::tag(view.tree.text(target).unwrap_or_default()));
        }
        Given::Null | Given::Collection => return None,
    }
    Some(draft)
}

/// Whether a text is one version of a chart and no range: three numbers, and what semver lets follow them.
pub fn is_chart_version(text: &str) -> bool {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (core, rest) = text.split_at(text.find(['-', '+']).unwrap_or(text.len()));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let parts = core.split('.').collect::<Vec<_>>();
    parts.len() == 3
        && parts.into_iter().all(is_number)
        && rest.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::{Reference, Scan, scan};

    fn chart(dependency: &str) -> Scan {
        scan("charts/web/Chart.yaml", format!("name: x\nversion: 0.1.0\ndependencies:\n- {dependency}\n").as_bytes())
    }

    #[test]
    fn a_dependency_from_a_registry_is_a_reference() {
        let found = chart("{name: web, version: 1.4.2, repository: 'oci://ghcr.io/acme/charts/'}").references;
        assert_eq!(
            (found[0].name.as_deref(), found[0].tag.as_deref()),
            (Some("ghcr.io/acme/charts/web"), Some("1.4.2"))
        );
        assert_eq!((found[0].shape, found[0].path.as_str()), (Shape::Chart, "dependencies[0].version"));
    }

    #[test]
    fn what_is_no_reference_is_noted_once_or_means_nothing() {
        for (dependency, notes) in [
            ("{name: web, version: 1.4.2, repository: 'https://charts.example.com'}", 1),
            ("{name: web, version: ^1.4, repository: 'oci://ghcr.io/acme'}", 1),
            ("{name: web, version: 1.x.x, repository: 'oci://ghcr.io/acme'}", 1),
            ("{name: web, version: 1.4.2, repository: '@acme'}", 1),
            ("{name: web, version: 1.4.2, repository: 'file://../web'}", 0),
            ("{name: web, version: 1.4.2, repository: ''}", 0),
            ("{name: web, version: 1.4.2}", 0),
        ] {
            let scan = chart(dependency);
            assert_eq!((scan.references.len(), scan.notes.len()), (0, notes), "{dependency}: {:?}", scan.notes);
        }
    }

    #[test]
    fn a_marker_ties_any_version_to_its_policy() {
        for dependency in [
            "{name: web, version: 1.4.2, repository: 'https://charts.example.com'}",
            "{name: web, version: ^1.4, repository: 'oci://ghcr.io/acme'}",
        ] {
            let marked = dependency.replace(", repository", ", # landwaiter: web:tag\n  repository");
            let scan = chart(&marked);
            assert_eq!((scan.references.len(), scan.notes.len()), (1, 0), "{marked}: {:?}", scan.notes);
        }
    }

    #[test]
    fn versions_are_told_from_ranges() {
        for text in ["1.2.3", "v1.2.3", "1.2.3-rc.1", "1.2.3+build.5", "1.2.3-a+b"] {
            assert!(is_chart_version(text), "{text}");
        }
        for text in
            ["", "*", "1", "1.2", "1.x", "1.2.x", ">=1.2.3", "^1.2.3", "~1.2.3", "1.2.3 - 2", "=1.2.3", "1.2.3 ||"]
        {
            assert!(!is_chart_version(text), "{text}");
        }
    }

    #[test]
    fn the_images_that_a_chart_lists_are_references() {
        let text = "\
name: web
version: 1.0.0
annotations:
  artifacthub.io/images: |
    - name: web
      image: ghcr.io/acme/web:1.4.2
    - {name: job, image: ghcr.io/acme/job:7}
";
        let found = scan("Chart.yaml", text.as_bytes()).references;
        let seen =
            found.iter().map(|r: &Reference| (r.line, r.tag.as_deref(), r.blocked.is_some())).collect::<Vec<_>>();
        assert_eq!(seen, [(6, Some("1.4.2"), false), (7, Some("7"), false)]);
    }
}
