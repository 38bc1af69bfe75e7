//! References whose repository another place of the repository names, and how they find it.
//!
//! ```yaml
//! # charts/web/values.yaml
//! image: {repository: ghcr.io/acme/web, tag: 1.4.2}
//! # charts/web/values-production.yaml
//! image: {tag: 1.4.1}          # of ghcr.io/acme/web: `values.yaml` beside it says so
//! ```
//!
//! One file alone cannot tell, so a scan leaves what it could not settle in [`Open`], together with the few facts of the
//! file that others may ask for. [`settle`] runs once, when all files are read. What it finds is read there and never
//! written; only the tag's own file is edited. The rule is the same everywhere: every place that may name the repository
//! is looked at, at least one of those that must does, and all that do agree. Otherwise nothing is guessed: the tag is
//! noted, with what was looked for.
//!
//! | what is open | who names it | file |
//! |---|---|---|
//! | a tag in Helm values | the chart's `values.yaml`, the object that a patch changes | `values` |
//! | a chart's version | the `HelmRepository`, the helmfile's `repositories` | `charts` |
//! | a kustomize entry with another's name | a kustomization that is applied later | `aliases` |

mod aliases;
mod charts;
mod values;

pub(super) use aliases::Rename;
pub use aliases::{Layer, Layers, wants_layers};
pub(super) use charts::{Chart, Owner, Release, Source};
pub(super) use values::{Home, Value, stem};

use super::{Note, Reference, candidate_file, helm};
use std::sync::Arc;

/// What one file leaves open, and what it tells others.
#[derive(Debug, Clone, Default)]
pub struct Open {
    pub(super) references: Vec<Waiting>,
    pub(super) sources: Vec<Source>,
    pub(super) releases: Vec<Release>,
    /// Names for which entries of kustomizations write another.
    pub(super) renames: Vec<String>,
    /// Names for which objects of Flux and Argo CD do, on top of the kustomizations they apply.
    pub(super) outside: Vec<String>,
    /// Files that hold Helm values though their names do not say so: paths in the repository.
    pub(super) values: Vec<String>,
}

impl Open {
    pub fn is_empty(&self) -> bool {
        let names = [&self.renames, &self.outside, &self.values];
        self.references.is_empty()
            && self.sources.is_empty()
            && self.releases.is_empty()
            && names.iter().all(|names| names.is_empty())
    }

    /// Files that hold Helm values by what this file says of them, whatever they are called.
    pub fn values_files(&self) -> &[String] {
        &self.values
    }

    /// Remembers a file of Helm values that is named relative to a folder, unless its own name says what it is.
    pub(super) fn name_values(&mut self, folder: &str, path: &str) {
        let values = |path: &String| candidate_file(path) && !path.ends_with(".json") && !helm::is_values_file(path);
        self.values.extend(joined(folder, path).filter(values));
    }

    pub(super) fn append(&mut self, mut other: Open) {
        self.references.append(&mut other.references);
        self.sources.append(&mut other.sources);
        self.releases.append(&mut other.releases);
        self.renames.append(&mut other.renames);
        self.outside.append(&mut other.outside);
        self.values.append(&mut other.values);
    }
}

/// A reference that is complete but for its repository.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) reference: Reference,
    pub(super) sought: Sought,
}

/// What a reference waits for.
#[derive(Debug, Clone)]
pub(super) enum Sought {
    /// The repository that belongs to a tag in Helm values.
    Values { value: Value, home: Arc<Home> },
    /// The registry of a chart.
    Chart(Chart),
    /// The chart of a `HelmRelease` of which this document says the version alone.
    Release { namespace: Option<Arc<str>>, name: Arc<str> },
    /// Nothing, as long as no file of this name stands beside it: a lock of what would change.
    Unlocked(&'static str),
    /// Another name for the image of entry `item` of a kustomization.
    Alias { name: String, item: usize },
}

/// Shows every reference with its file to a visitor.
pub type Visits<'k> = dyn Fn(&mut dyn FnMut(&str, &Reference)) + 'k;

/// What is known of a repository when all its files are read.
pub struct Known<'k> {
    /// Whether there is a file of this path.
    pub exists: &'k dyn Fn(&str) -> bool,
    /// The kustomizations, where [`wants_layers`] says that their order matters.
    pub layers: &'k Layers,
    /// Everything that was found, with its file.
    pub references: &'k Visits<'k>,
}

impl std::fmt::Debug for Known<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").finish_non_exhaustive()
    }
}

/// What became of one open reference.
#[derive(Debug, Clone)]
pub enum Settled {
    Found(Box<Reference>),
    Noted(Note),
}

/// Settles what the files left open. Each answer comes with the index of its file in `open`; the order of the files does
/// not matter.
pub fn settle(open: &[(&str, &Open)], known: &Known<'_>) -> Vec<(usize, Settled)> {
    let values = values::Names::gather(open, known);
    let charts = charts::Table::gather(open);
    let outside = open.iter().flat_map(|(_, open)| open.outside.iter().map(String::as_str)).collect();
    let outside = aliases::Outside(outside);
    let mut settled = Vec::new();
    for (at, (file, open)) in open.iter().enumerate() {
        for Waiting { reference, sought } in &open.references {
            let answer = match sought {
                Sought::Values { value, home } => match values.answer(file, reference, value, home, known) {
                    Err(_) if !value.sure => continue,
                    answer => answer,
                },
                Sought::Chart(chart) => charts.answer(file, chart),
                Sought::Release { namespace, name } => charts.of_release(file, namespace.as_deref(), name),
                Sought::Alias { name, item } => known.layers.answer(&outside, file, reference, (name, *item)),
                Sought::Unlocked(lock) => unlocked(file, lock, known, reference),
            };
            settled.push((at, answer.settle(reference)));
        }
    }
    settled
}

/// The name of a repository, or why there is none.
type Answer = Result<Named, String>;

/// What a place elsewhere says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    /// The repository as it is written there.
    As(String),
    /// The reference knows its repository already.
    Itself,
    /// The reference is left as it is, and this is why it cannot be edited.
    Blocked(String),
    /// The name that stands there is not the image's, and this is why no other is known.
    Unread(String),
}

trait Settle {
    fn settle(self, reference: &Reference) -> Settled;
}

impl Settle for Answer {
    fn settle(self, reference: &Reference) -> Settled {
        let mut found = reference.clone();
        match self {
            Ok(Named::Itself) => {}
            Ok(Named::Blocked(why)) => {
                found.blocked.get_or_insert(why);
            }
            Ok(Named::Unread(why)) => {
                (found.name, found.repository) = (None, None);
                found.blocked.get_or_insert(why);
            }
            Ok(Named::As(name)) => match super::value::name(&name) {
                Ok(parts) => (found.name, found.repository) = (parts.name, parts.repository),
                Err(why) => {
                    (found.name, found.repository) = (None, None);
                    found.blocked.get_or_insert(format!("`{}` {why}", super::draft::shown(&name)));
                }
            },
            // A marker names the policy, and that may name the image.
            Err(_) if found.marker.is_some() => {}
            Err(text) => return Settled::Noted(Note { line: reference.line, text }),
        }
        Settled::Found(Box::new(found))
    }
}

fn unlocked(file: &str, lock: &str, known: &Known<'_>, reference: &Reference) -> Answer {
    let path = in_folder(folder(file), lock);
    Ok(match (known.exists)(&path) && reference.blocked.is_none() {
        true => Named::Blocked(format!(
            "{path} locks the versions, and `helm dependency build` refuses a lock that does not fit; run `helm dependency update`"
        )),
        false => Named::Itself,
    })
}

/// The folder of a path, without a slash at its end; the repository's root is empty.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A file in a folder.
pub(super) fn in_folder(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// A path that is written relative to a folder, in terms of the repository; `None` where it leads out of it, or is none.
pub(super) fn joined(folder: &str, path: &str) -> Option<String> {
    if path.contains("://") || path.contains(['$', '{', '?', '\\']) {
        return None;
    }
    let mut steps = match path.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => folder.split('/').filter(|step| !step.is_empty()).collect::<Vec<_>>(),
    };
    for step in path.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(steps.pop()?),
            step => steps.push(step),
        }
    }
    Some(steps.join("/"))
}

/// Whether two namespaces may be the same: tools fill in the one that is not written.
fn may_be_same(a: Option<&str>, b: Option<&str>) -> bool {
    a.is_none() || b.is_none() || a == b
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::{Declarations, Scan};

    /// What is found in several files, as a run puts it together: file, name and tag of each reference, and the notes.
    pub(super) fn repository(files: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let scans = |(path, text): &(&str, &str)| Declarations::default().scan(path, text.as_bytes());
        let scans = files.iter().map(scans).collect::<Vec<Scan>>();
        let mut layers = Layers::default();
        if wants_layers(scans.iter().map(|scan| &scan.open)) {
            let kustomizations = files.iter().filter(|(path, _)| Layers::wants(path));
            kustomizations.for_each(|(path, text)| layers.read(path, text.as_bytes()));
        }
        let known = Known {
            layers: &layers,
            exists: &|path| files.iter().any(|(file, _)| *file == path),
            references: &|visit| {
                for ((file, _), scan) in files.iter().zip(&scans) {
                    scan.references.iter().for_each(|reference| visit(file, reference));
                }
            },
        };
        let open = files.iter().zip(&scans).map(|((file, _), scan)| (*file, &scan.open)).collect::<Vec<_>>();
        let (mut found, mut notes) = (Vec::new(), Vec::new());
        for (at, settled) in settle(&open, &known) {
            match settled {
                Settled::Found(r) => {
                    let blocked = r.blocked.map(|why| format!(" ({why})")).unwrap_or_default();
                    let (name, tag) = (r.name.unwrap_or_default(), r.tag.unwrap_or_default());
                    found.push(format!("{}: {name}:{tag}{blocked}", files[at].0));
                }
                Settled::Noted(note) => notes.push(format!("{}:{}: {}", files[at].0, note.line, note.text)),
            }
        }
        (found, notes)
    }

    #[test]
    fn paths_are_joined_within_the_repository() {
        for (folder, path, want) in [
            ("a/b", "../c", Some("a/c")),
            ("a", "./x.yaml", Some("a/x.yaml")),
            ("", "./charts/web/", Some("charts/web")),
            ("a/b", "/envs/prod.yaml", Some("envs/prod.yaml")),
            ("a", "../..", None),
            ("a", "..", Some("")),
            ("a", "https://example.com/x", None),
            ("a", "$values/x.yaml", None),
            ("a", "acme/web?ref=v1", None),
        ] {
            assert_eq!(joined(folder, path).as_deref(), want, "{folder} {path}");
        }
    }
}
