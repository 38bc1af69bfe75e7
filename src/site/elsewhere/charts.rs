//! The registry of a chart, which a Flux release names through its `HelmRepository`, a helmfile through its `repositories`.
//!
//! ```yaml
//! # apps/web.yaml                    chart: {spec: {chart: web, version: 1.4.2, sourceRef: {kind: HelmRepository, name: acme}}}
//! # sources/acme.yaml                kind: HelmRepository, spec: {type: oci, url: oci://ghcr.io/acme/charts}
//! # prod/web.yaml, a patch           chart: {spec: {version: 1.4.1}}
//! ```
//!
//! A `HelmRepository` is known by its name and namespace. A namespace that is not written matches any, as tools fill it in;
//! of several that match, all must have the same URL. The same holds for the release that a patch belongs to.

use super::{Answer, Named, Open, may_be_same};
use crate::site::chart::{CLASSIC, Registry};
use std::collections::HashMap;
use std::sync::Arc;

/// A chart in a repository of charts that is named elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::site) struct Chart {
    pub(in crate::site) name: String,
    pub(in crate::site) owner: Owner,
}

/// Who says where a repository of charts is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::site) enum Owner {
    /// A `HelmRepository` of Flux, in any file.
    Object { namespace: Option<Arc<str>>, name: Arc<str> },
    /// An entry of `repositories` in the same helmfile.
    Helmfile { name: Arc<str> },
}

impl Owner {
    fn name(&self) -> &Arc<str> {
        match self {
            Owner::Object { name, .. } | Owner::Helmfile { name } => name,
        }
    }
}

/// A repository of charts.
#[derive(Debug, Clone)]
pub(in crate::site) struct Source {
    pub(in crate::site) owner: Owner,
    pub(in crate::site) registry: Registry,
    /// 1-based.
    pub(in crate::site) line: usize,
}

/// A `HelmRelease` that says which chart it installs.
#[derive(Debug, Clone)]
pub(in crate::site) struct Release {
    pub(in crate::site) namespace: Option<Arc<str>>,
    pub(in crate::site) name: Arc<str>,
    pub(in crate::site) document: usize,
    /// Where the chart comes from a `HelmRepository`.
    pub(in crate::site) chart: Option<Chart>,
}

/// Every repository of charts and every release, by name.
#[derive(Debug, Default)]
pub(super) struct Table<'o> {
    sources: HashMap<&'o str, Vec<(&'o str, &'o Source)>>,
    releases: HashMap<&'o str, Vec<(&'o str, &'o Release)>>,
}

impl<'o> Table<'o> {
    pub(super) fn gather(open: &[(&'o str, &'o Open)]) -> Table<'o> {
        let mut table = Table::default();
        for (file, open) in open {
            for source in &open.sources {
                table.sources.entry(source.owner.name()).or_default().push((file, source));
            }
            for release in &open.releases {
                table.releases.entry(&release.name).or_default().push((file, release));
            }
        }
        table
    }

    /// Where the chart's registry has it.
    pub(super) fn answer(&self, file: &str, chart: &Chart) -> Answer {
        let here = |(home, source): &&(&str, &Source)| match (&chart.owner, &source.owner) {
            (Owner::Object { namespace: a, .. }, Owner::Object { namespace: b, .. }) => {
                may_be_same(a.as_deref(), b.as_deref())
            }
            (Owner::Helmfile { .. }, Owner::Helmfile { .. }) => *home == file,
            _ => false,
        };
        let (name, chart_name) = (chart.owner.name(), &chart.name);
        let mut all = self.sources.get(name.as_ref()).into_iter().flatten().filter(here).collect::<Vec<_>>();
        all.sort_by_key(|(file, source)| (*file, source.line));
        let Some((home, source)) = all.first() else {
            return Err(match &chart.owner {
                Owner::Object { namespace, .. } => {
                    let namespace = namespace.as_ref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
                    format!(
                        "the version of chart `{chart_name}`: its HelmRepository {namespace}{name} is in no file here"
                    )
                }
                Owner::Helmfile { .. } => {
                    format!("the version of chart `{name}/{chart_name}`: `repositories` of this file has no `{name}`")
                }
            });
        };
        if let Some((other, unlike)) = all.iter().find(|(_, other)| other.registry != source.registry) {
            return Err(format!(
                "the version of chart `{chart_name}`: {home}:{} and {other}:{} say different things of {name}",
                source.line, unlike.line
            ));
        }
        match &source.registry {
            Registry::Oci(registry) => Ok(Named::As(format!("{registry}/{chart_name}"))),
            Registry::Classic => Err(format!("{CLASSIC} ({home}:{})", source.line)),
        }
    }

    /// As [`Table::answer`], for the version that a patch sets.
    pub(super) fn of_release(&self, file: &str, namespace: Option<&str>, name: &str) -> Answer {
        let here = |(_, release): &&(&str, &Release)| may_be_same(release.namespace.as_deref(), namespace);
        let mut all = self.releases.get(name).into_iter().flatten().filter(here).collect::<Vec<_>>();
        all.sort_by_key(|(file, release)| (*file, release.document));
        let mut answers = all.into_iter().map(|(_, release)| match &release.chart {
            Some(chart) => self.answer(file, chart),
            None => Err(format!("the version of a chart: HelmRelease {name} takes it from no Helm repository")),
        });
        let Some(first) = answers.next() else {
            return Err(format!("the version of a chart: no HelmRelease {name} that says which is in any file here"));
        };
        match answers.any(|other| other != first) {
            true => Err(format!("the version of a chart: several HelmReleases {name} take it from different places")),
            false => first,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::repository;

    const FLUX: &str =
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: apps}\nspec:\n";

    fn release(spec: &str) -> String {
        format!("{FLUX}  chart: {{spec: {{{spec}}}}}\n")
    }

    fn source(metadata: &str, url: &str) -> String {
        format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {{{metadata}}}\nspec: {{type: oci, url: '{url}'}}\n"
        )
    }

    const CHART: &str = "chart: web, version: 1.4.2, sourceRef: {kind: HelmRepository, name: acme}";

    #[test]
    fn a_release_finds_its_repository_by_name_and_namespace() {
        let oci = "oci://ghcr.io/acme/charts/";
        for (metadata, found) in
            [("name: acme, namespace: apps", 1), ("name: acme", 1), ("name: acme, namespace: other", 0), ("name: x", 0)]
        {
            let (references, notes) = repository(&[("a.yaml", &release(CHART)), ("b.yaml", &source(metadata, oci))]);
            assert_eq!((references.len(), notes.len()), (found, 1 - found), "{metadata}: {notes:?}");
            assert!(references.iter().all(|one| one == "a.yaml: ghcr.io/acme/charts/web:1.4.2"), "{references:?}");
        }
        let elsewhere = CHART.replace("name: acme", "name: acme, namespace: other");
        let files = [("a.yaml", &*release(&elsewhere)), ("b.yaml", &*source("name: acme, namespace: other", oci))];
        assert_eq!(repository(&files).0.len(), 1);
    }

    #[test]
    fn what_is_not_certain_is_noted() {
        let (one, two) = (source("name: acme", "oci://a.example.com/x"), source("name: acme", "oci://b.example.com/x"));
        let classic = source("name: acme", "https://charts.example.com");
        for (files, said) in [
            (vec![("b.yaml", one.as_str()), ("c.yaml", two.as_str())], "say different things"),
            (vec![("b.yaml", classic.as_str())], "classic Helm repository"),
            (vec![], "in no file here"),
        ] {
            let release = release(CHART);
            let mut all = vec![("a.yaml", release.as_str())];
            all.extend(files);
            let (found, notes) = repository(&all);
            assert!(found.is_empty() && notes.len() == 1 && notes[0].contains(said), "{notes:?}");
        }
        let range = release(&CHART.replace("1.4.2", "1.x"));
        assert!(repository(&[("a.yaml", &range), ("b.yaml", &one)]).0.is_empty());
    }

    #[test]
    fn a_patch_finds_the_chart_of_its_release() {
        let patch = format!("{}  chart: {{spec: {{version: 1.4.1}}}}\n", FLUX.replace(", namespace: apps", ""));
        let (release, source) = (release(CHART), source("name: acme", "oci://ghcr.io/acme/charts"));
        let files = [("base/a.yaml", release.as_str()), ("base/b.yaml", &source), ("prod/a.yaml", &patch)];
        let want = ["base/a.yaml: ghcr.io/acme/charts/web:1.4.2", "prod/a.yaml: ghcr.io/acme/charts/web:1.4.1"];
        assert_eq!(repository(&files).0, want);
        assert_eq!(repository(&files[1..]).1.len(), 1);
        let other = release.replace("chart: web", "chart: api");
        let (found, notes) = repository(&[files[0], files[1], files[2], ("eu/a.yaml", &other)]);
        assert_eq!((found.len(), notes.len()), (2, 1), "{notes:?}");
    }

    #[test]
    fn a_helmfile_finds_its_repositories_in_the_same_file() {
        let releases = "releases:\n- {chart: acme/web, version: 1.4.2}\n- {chart: old/web, version: 1.4.2}\n- {chart: ./web, version: 1.4.2}\n- {chart: 'oci://ghcr.io/acme/x', version: 1.0.0}\n";
        let repositories = "repositories:\n- {name: acme, url: ghcr.io/acme/charts, oci: true}\n- {name: old, url: 'https://x.example.com'}\n";
        let one = format!("{repositories}---\n{releases}");
        let (found, notes) = repository(&[("helmfile.yaml", &one)]);
        assert_eq!(found, ["helmfile.yaml: ghcr.io/acme/charts/web:1.4.2"]);
        assert_eq!(notes.len(), 1, "{notes:?}");
        let (found, notes) = repository(&[("helmfile.yaml", releases), ("b/helmfile.yaml", repositories)]);
        assert_eq!((found.len(), notes.len()), (0, 2), "{notes:?}");
    }

    #[test]
    fn a_marked_version_needs_nobody_else() {
        let release = format!("{FLUX}  chart:\n    spec:\n      version: 1.4.1 # landwaiter: web:tag\n");
        assert_eq!(repository(&[("a.yaml", &release)]), (vec!["a.yaml: :1.4.1".to_owned()], vec![]));
    }

    #[test]
    fn a_lock_beside_a_chart_blocks_its_dependencies() {
        let chart = "dependencies:\n- {name: web, version: 1.4.2, repository: 'oci://ghcr.io/acme'}\n";
        let (found, _) = repository(&[("c/Chart.yaml", chart), ("Chart.lock", "")]);
        assert_eq!(found, ["c/Chart.yaml: ghcr.io/acme/web:1.4.2"]);
        let (found, _) = repository(&[("c/Chart.yaml", chart), ("c/Chart.lock", "")]);
        assert!(found[0].contains("c/Chart.lock locks the versions"), "{found:?}");
    }
}
