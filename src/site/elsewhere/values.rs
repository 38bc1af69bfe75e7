//! A tag in Helm values, whose repository other values of the same chart name.
//!
//! ```yaml
//! # charts/web/values.yaml           image: {repository: ghcr.io/acme/web, tag: 1.4.2}
//! # charts/web/values-prod.yaml      image: {tag: 1.4.1}      # beside it
//! # apps/web.yaml, a HelmRelease     chart: ./charts/web      # the folder has a Chart.yaml
//! #                                  values: {image: {tag: 1.4.1}}
//! # prod/web.yaml, a patch of it     values: {image: {tag: 1.4.0}}
//! ```
//!
//! Looked at is the same dotted path, with `repository` or `name` for `tag`. Helm lays the values that stand in the object
//! itself over those of files, so what the object (or what a patch changes) says is asked first. After that come the
//! chart's `values.yaml` and the files that are named as values; of a file, `values.yaml` in its folder, or above a folder
//! `values`. Its sibling files may be applied with it or not: they name nothing, but one that contradicts leaves the tag
//! open. So does a `registry` of the tag's own, which would stand before a name that is split elsewhere.

use super::{Answer, Known, Named, Open, Sought, folder, in_folder, may_be_same};
use crate::image::Repository;
use crate::site::{Reference, helm};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Where the values that go with a tag may stand.
#[derive(Debug, Clone, Default)]
pub(in crate::site) struct Home {
    /// In the values files of the same folder, where that is a chart's.
    pub(in crate::site) beside: bool,
    /// In the folder of the chart.
    pub(in crate::site) chart: Option<String>,
    /// In files that are laid over the chart's values.
    pub(in crate::site) files: Vec<String>,
    /// The files take the place of the chart's own values.
    pub(in crate::site) instead: bool,
    /// In the `HelmRelease` that this document is a patch of, or another document of the same name.
    pub(in crate::site) release: bool,
    /// Elsewhere in the same document: beginnings of paths.
    pub(in crate::site) inline: Vec<String>,
    /// What else is laid over the files, where nobody can look.
    pub(in crate::site) doubt: Option<&'static str>,
}

/// A tag among values.
#[derive(Debug, Clone)]
pub(in crate::site) struct Value {
    /// See [`stem`].
    pub(in crate::site) stem: String,
    /// The key says that an image is meant; otherwise nobody is told when none is found.
    pub(in crate::site) sure: bool,
    /// The values set a registry of their own, which goes before a name that stands elsewhere.
    pub(in crate::site) registry: bool,
}

impl Home {
    fn looks_anywhere(&self) -> bool {
        self.beside || self.chart.is_some() || !self.files.is_empty() || self.release || !self.inline.is_empty()
    }
}

const ALONE: &str = "a tag without its repository beside it";
const MARK_IT: &str = "a marker that ends in `:tag` ties it to a policy";
/// Where the values of a `HelmRelease` stand in it.
const OF_RELEASE: &str = "spec.values.";

/// What the tag, the repository and the digest of one image have in common: their path without the last key, where that is
/// one of theirs.
pub(in crate::site) fn stem(path: &str) -> String {
    let (front, last) = path.rsplit_once('.').unwrap_or(("", path));
    match last {
        "tag" | "repository" | "name" | "digest" | "version" => format!("{front}."),
        _ => path.to_owned(),
    }
}

/// A repository that some place names, and where.
#[derive(Debug, Clone)]
struct Name {
    text: String,
    repository: Repository,
    place: String,
}

/// The different repositories that one question has; two are enough to know that they differ.
#[derive(Debug, Clone, Default)]
struct Said(Vec<Name>);

impl Said {
    fn hear(&mut self, name: &Name) {
        if self.0.len() < 2 && self.0.iter().all(|known| known.repository != name.repository) {
            self.0.push(name.clone());
        }
    }

    fn join(&mut self, other: Option<&Said>) {
        other.into_iter().flat_map(|said| &said.0).for_each(|name| self.hear(name));
    }
}

/// What is named under a path of a `HelmRelease`'s values.
#[derive(Debug)]
struct InRelease {
    namespace: Option<Arc<str>>,
    /// The document says which chart is installed, and is no patch.
    whole: bool,
    name: Name,
}

/// The names that open references may ask for, by where they stand; nothing else is kept.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_file: HashMap<(String, String), Said>,
    by_folder: HashMap<(String, String), Said>,
    by_release: HashMap<(Arc<str>, String), Vec<InRelease>>,
    by_document: HashMap<(String, usize, String), Said>,
}

/// What open references ask for.
#[derive(Default)]
struct Wanted<'o> {
    folders: HashSet<&'o str>,
    files: HashSet<String>,
    releases: HashSet<&'o str>,
    /// Files in which a reference asks for another value of its own document.
    inline: HashSet<&'o str>,
    /// The documents that say which chart a `HelmRelease` installs.
    whole: HashSet<(&'o str, usize)>,
}

impl<'o> Wanted<'o> {
    fn gather(open: &[(&'o str, &'o Open)]) -> Wanted<'o> {
        let mut wanted = Wanted::default();
        for (file, open) in open {
            wanted.whole.extend(open.releases.iter().map(|release| (*file, release.document)));
            for waiting in &open.references {
                let Sought::Values { home, .. } = &waiting.sought else { continue };
                if home.beside {
                    wanted.folders.extend(folders(file));
                }
                wanted.files.extend(home.files.iter().cloned());
                wanted.files.extend(home.chart.iter().flat_map(|chart| values_of(chart)));
                wanted.releases.extend(waiting.reference.document.name.as_deref().filter(|_| home.release));
                if !home.inline.is_empty() {
                    wanted.inline.insert(file);
                }
            }
        }
        wanted
    }

    fn is_nothing(&self) -> bool {
        self.folders.is_empty() && self.files.is_empty() && self.releases.is_empty() && self.inline.is_empty()
    }
}

/// The folders in which the values that go with a values file stand: its own, and the one above a folder `values`.
fn folders(file: &str) -> impl Iterator<Item = &str> {
    let own = folder(file);
    let last = own.rsplit('/').next().unwrap_or_default();
    [Some(own), matches!(last, "values" | "helm-values").then(|| folder(own))].into_iter().flatten()
}

fn values_of(folder: &str) -> [String; 2] {
    ["values.yaml", "values.yml"].map(|name| in_folder(folder, name))
}

impl Names {
    pub(super) fn gather(open: &[(&str, &Open)], known: &Known<'_>) -> Names {
        let (mut names, wanted) = (Names::default(), Wanted::gather(open));
        if !wanted.is_nothing() {
            (known.references)(&mut |file, reference| names.take(&wanted, file, reference));
        }
        names
    }

    fn take(&mut self, wanted: &Wanted<'_>, file: &str, reference: &Reference) {
        let (Some(text), Some(repository)) = (&reference.name, &reference.repository) else { return };
        let in_folder = wanted.folders.contains(folder(file)) && helm::is_values_file(file);
        let in_file = in_folder || wanted.files.contains(file);
        let document = &reference.document;
        let release = document
            .name
            .as_ref()
            .filter(|name| document.kind.as_deref() == Some("HelmRelease") && wanted.releases.contains(name.as_ref()));
        let in_release = release.zip(reference.path.strip_prefix(OF_RELEASE));
        if !in_file && in_release.is_none() && !wanted.inline.contains(file) {
            return;
        }
        let place = format!("{file}:{}", reference.line);
        let name = Name { text: text.clone(), repository: repository.clone(), place };
        let stem_here = stem(&reference.path);
        if in_folder {
            self.by_folder.entry((folder(file).to_owned(), stem_here.clone())).or_default().hear(&name);
        }
        if in_file {
            self.by_file.entry((file.to_owned(), stem_here.clone())).or_default().hear(&name);
        }
        if let Some((release, path)) = in_release {
            let whole = wanted.whole.contains(&(file, document.index));
            let said = InRelease { namespace: document.namespace.clone(), whole, name: name.clone() };
            self.by_release.entry((release.clone(), stem(path))).or_default().push(said);
        }
        if wanted.inline.contains(file) {
            self.by_document.entry((file.to_owned(), document.index, stem_here)).or_default().hear(&name);
        }
    }

    /// The repository of the tag that `reference` is.
    pub(super) fn answer(
        &self,
        file: &str,
        reference: &Reference,
        value: &Value,
        home: &Home,
        known: &Known<'_>,
    ) -> Answer {
        let stem = value.stem.as_str();
        if !home.looks_anywhere() {
            return Err(format!("{ALONE}; {MARK_IT}"));
        }
        let mut looked = BTreeSet::new();
        let (mut said, mut against) = self.in_object(file, reference, stem, home, &mut looked);
        if said.0.is_empty() {
            if let Some(why) = home.doubt {
                return Err(format!("{ALONE}, and {why}; {MARK_IT}"));
            }
            said = self.in_files(file, stem, home, known, &mut looked)?;
        }
        if home.beside {
            for folder in folders(file) {
                against.join(self.by_folder.get(&(folder.to_owned(), stem.to_owned())));
            }
        }
        let first = match said.0.first() {
            None if looked.is_empty() => return Err(format!("{ALONE}; {MARK_IT}")),
            None => {
                let looked = looked.into_iter().collect::<Vec<_>>().join(", ");
                return Err(format!("{ALONE} or in the same place of {looked}; {MARK_IT}"));
            }
            Some(first) => first.clone(),
        };
        said.join(Some(&against));
        match said.0.iter().find(|other| other.repository != first.repository) {
            Some(other) => Err(format!(
                "{ALONE}: {} names {}, {} names {}; {MARK_IT}",
                first.place, first.repository, other.place, other.repository
            )),
            None if value.registry => Err(format!(
                "{ALONE}: {} names {}, and the registry that is set here may stand before it; {MARK_IT}",
                first.place, first.repository
            )),
            None => Ok(Named::As(first.text)),
        }
    }

    /// What the same object says elsewhere, and what patches of it say that may go with other environments.
    fn in_object(
        &self,
        file: &str,
        reference: &Reference,
        stem: &str,
        home: &Home,
        looked: &mut BTreeSet<String>,
    ) -> (Said, Said) {
        let (mut said, mut against) = (Said::default(), Said::default());
        let document = &reference.document;
        for prefix in &home.inline {
            let stem = format!("{prefix}.{stem}").replace("..", ".");
            said.join(self.by_document.get(&(file.to_owned(), document.index, stem)));
        }
        if let Some(name) = document.name.as_ref().filter(|_| home.release) {
            looked.insert(format!("HelmRelease {name}"));
            for other in self.by_release.get(&(name.clone(), stem.to_owned())).into_iter().flatten() {
                if may_be_same(other.namespace.as_deref(), document.namespace.as_deref()) {
                    if other.whole { said.hear(&other.name) } else { against.hear(&other.name) }
                }
            }
        }
        (said, against)
    }

    fn in_files(
        &self,
        file: &str,
        stem: &str,
        home: &Home,
        known: &Known<'_>,
        looked: &mut BTreeSet<String>,
    ) -> Result<Said, String> {
        let mut said = Said::default();
        let mut look = |path: String, said: &mut Said| {
            if path != file && (known.exists)(&path) {
                said.join(self.by_file.get(&(path.clone(), stem.to_owned())));
                looked.insert(path);
            }
        };
        if home.beside {
            for folder in folders(file) {
                // Files of several charts' values may lie side by side; only a chart's own folder is of one chart.
                if (known.exists)(&in_folder(folder, "Chart.yaml")) {
                    values_of(folder).into_iter().for_each(|path| look(path, &mut said));
                } else if let Some(path) =
                    values_of(folder).into_iter().find(|path| path != file && (known.exists)(path))
                {
                    return Err(format!("{ALONE}, and no Chart.yaml says that {path} is of the same chart; {MARK_IT}"));
                }
            }
        }
        if let Some(chart) = &home.chart {
            let definition = in_folder(chart, "Chart.yaml");
            if !(known.exists)(&definition) {
                return Err(format!("{ALONE}, and there is no {definition} that could name it; {MARK_IT}"));
            }
            if !home.instead {
                values_of(chart).into_iter().for_each(|path| look(path, &mut said));
            }
        }
        for path in &home.files {
            if !(known.exists)(path) {
                return Err(format!("{ALONE}, and the values file {path} is not here; {MARK_IT}"));
            }
            look(path.clone(), &mut said);
        }
        Ok(said)
    }
}

#[cfg(test)]
mod tests;
