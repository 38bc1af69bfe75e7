//! What names a reference over time: its file, its document, its path and its repository, as sixteen hex digits.
//!
//! ```text
//! apps/web.yaml, Deployment of namespace shop called web, spec.template.spec.containers[].image, ghcr.io/acme/web
//! ```
//!
//! Places in lists do not count, so that a container that is put before others leaves their keys alone; of several references
//! that would have the same key, the second and later ones have their number in it. Where a document has neither kind nor
//! name, its position in the file stands for them.

use super::{Entry, State};
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, HashSet};
use std::fmt;

/// See the file's own documentation. It is written into commit messages and must never be computed otherwise: what an earlier
/// version wrote would no longer be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key([u8; 8]);

impl Key {
    /// Sixteen lowercase hex digits.
    pub fn parse(text: &str) -> Option<Key> {
        let digits = text.len() == 16 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let value = u64::from_str_radix(text, 16).ok().filter(|_| digits)?;
        Some(Key(value.to_be_bytes()))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:016x}", u64::from_be_bytes(self.0)))
    }
}

/// The keys of entries that stand in file and position order, in step with them.
pub fn keys(entries: &[Entry]) -> Vec<Key> {
    numbered(entries, |_| true).map(|(_, key)| key).collect()
}

/// The keys of those that change, with their places in `entries`. Only files with a change are looked at.
pub fn keys_of_changes(entries: &[Entry]) -> Vec<(usize, Key)> {
    let changes = |entry: &&Entry| matches!(entry.state, State::Change(_));
    let files: HashSet<&str> = entries.iter().filter(changes).map(|entry| &*entry.found.file).collect();
    let keys = numbered(entries, |entry| files.contains(&*entry.found.file));
    keys.filter(|(at, _)| changes(&&entries[*at])).collect()
}

/// Number and key of each entry of the files that are wanted, whole files at a time: of several with the same key, the second
/// and later ones are told apart by their number.
fn numbered(entries: &[Entry], wanted: impl Fn(&Entry) -> bool) -> impl Iterator<Item = (usize, Key)> {
    let mut seen: HashMap<[u8; 32], u32> = HashMap::new();
    entries.iter().enumerate().filter(move |(_, entry)| wanted(entry)).map(move |(at, entry)| {
        let whole = digest(entry);
        let number = seen.entry(whole).or_insert(0);
        *number += 1;
        let numbered = if *number == 1 { whole } else { sha256(&[&whole, &number.to_be_bytes()]) };
        let mut short = [0; 8];
        short.copy_from_slice(&numbered[..8]);
        (at, Key(short))
    })
}

fn digest(entry: &Entry) -> [u8; 32] {
    let reference = &entry.found.reference;
    let document = &reference.document;
    let named = [&document.kind, &document.namespace, &document.name].map(|part| part.as_deref().unwrap_or_default());
    let position = if named.iter().all(|part| part.is_empty()) { document.index.to_string() } else { String::new() };
    let image = entry.image.as_ref().map_or("", |image| image.as_str());
    let path = without_places(&reference.path);
    let parts = [&*entry.found.file, named[0], named[1], named[2], &position, &path, image];
    sha256(&parts.map(str::as_bytes))
}

/// Each part with its length, so that no two lists of parts give the same bytes.
fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// `a[3].b` as `a[].b`.
fn without_places(path: &str) -> String {
    let mut kept = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, behind)) = rest.split_once('[') {
        kept.push_str(before);
        kept.push('[');
        rest = behind.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Found, State};
    use crate::site;

    fn entries(file: &str, text: &str) -> Vec<Entry> {
        let references = site::scan(file, text.as_bytes()).references;
        let entry = |reference: site::Reference| Entry {
            image: reference.repository.clone(),
            found: Found { file: file.into(), blob: None, reference: Box::new(reference) },
            policy: None,
            state: State::Unmanaged,
        };
        references.into_iter().map(entry).collect()
    }

    fn pod(name: &str, images: &[&str]) -> String {
        let images = images.iter().map(|image| format!("  - image: {image}\n")).collect::<String>();
        format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  containers:\n{images}")
    }

    fn keys_of(file: &str, text: &str) -> Vec<String> {
        keys(&entries(file, text)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_key_is_what_it_was() {
        // These two stand in commit messages of repositories out there.
        assert_eq!(keys_of("pod.yaml", &pod("web", &["acme/web:1"])), ["532c68f8917487c3"]);
        assert_eq!(keys_of("values.yaml", "image: {repository: acme/web, tag: v1}\n"), ["68d209ba60e93387"]);
    }

    #[test]
    fn what_stands_beside_or_before_changes_no_key() {
        let alone = keys_of("pod.yaml", &pod("web", &["acme/web:1"]));
        let second = keys_of("pod.yaml", &pod("web", &["acme/proxy:7", "acme/web:2"]));
        assert_eq!(alone[0], second[1]);
        let behind = pod("api", &["acme/api:1"]) + "---\n" + &pod("web", &["acme/web:1"]);
        assert_eq!(alone[0], keys_of("pod.yaml", &behind)[1]);
    }

    #[test]
    fn those_that_change_have_the_keys_they_have_among_all() {
        use crate::edit::{Action, Target};
        let twice = pod("web", &["acme/web:1", "acme/web:2"]);
        let mut all: Vec<Entry> = ["a.yaml", "b.yaml"].iter().flat_map(|file| entries(file, &twice)).collect();
        let change = crate::plan::Change {
            action: Action::Update,
            to: Target::default(),
            group: "run".into(),
            pull_request: false,
        };
        all[3].state = State::Change(change);
        assert_eq!(keys_of_changes(&all), [(3, keys(&all)[3])]);
    }

    #[test]
    fn another_file_document_path_or_repository_is_another_key() {
        let all = [
            keys_of("pod.yaml", &pod("web", &["acme/web:1"])),
            keys_of("other.yaml", &pod("web", &["acme/web:1"])),
            keys_of("pod.yaml", &pod("api", &["acme/web:1"])),
            keys_of("pod.yaml", &pod("web", &["acme/api:1"])),
            keys_of("pod.yaml", &pod("web", &["acme/web:1"]).replace("containers", "initContainers")),
        ];
        let mut unique = all.concat();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), all.len());
        let twice = keys_of("pod.yaml", &pod("web", &["acme/web:1", "acme/web:2"]));
        assert_eq!(twice[0], all[0][0]);
        assert_ne!(twice[0], twice[1]);
    }

    #[test]
    fn a_key_is_read_as_it_is_written() {
        let key = Key([0, 1, 2, 3, 0xfc, 0xfd, 0xfe, 0xff]);
        assert_eq!(key.to_string(), "00010203fcfdfeff");
        assert_eq!(Key::parse("00010203fcfdfeff"), Some(key));
        for bad in ["", "00010203fcfdfef", "00010203fcfdfeff0", "00010203FCFDFEFF", "+0010203fcfdfeff"] {
            assert_eq!(Key::parse(bad), None, "{bad}");
        }
    }
}
