//! What earlier runs found in files, by what the files hold: who has read a file once need not read it again.
//!
//! What a file tells depends on its bytes, its path, the declarations of the policies, the greatest size that is read, and
//! the program text that reads it ([`SCANNER`]). Bytes are known by their id in the Git tree, which is their hash; together with
//! the path and the way the file is read they make the [`Key`] of what was found. All else is in the name that the store
//! keeps it under, [`Familiar::branch`]: when it changes, everything is read anew.
//!
//! So nothing here can be out of date, whichever repository or branch it comes from; it can only be gone or damaged, and
//! then the file is read. The files of a checkout have no ids before they are read: they are read each time. What is
//! written is proven on the file's bytes, whatever was remembered.
//!
//! What is kept goes in parts: a run adds one with what it has read, until they are many or hold more of the past than of
//! the present; then those that count are written anew.

use crate::port::{FileEntry, MAX_PART, Snapshot};
use crate::site::{Declarations, Layer, SCANNER, Scan, read_layer, read_scan, write_layer, write_scan};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

/// The most parts of one branch. What does not fit is read each time: more than a million files, or two gigabytes of manifests.
const MAX_PARTS: usize = 64;
/// How many parts there may be beyond those that are needed.
const MORE_PARTS: usize = 16;
/// As many files that are no more there may be remembered beside those that are.
const PAST: usize = 1000;
/// The most bytes of what is remembered of one file, some thousand references.
const MAX_ENTRY: usize = MAX_PART / 2;
const SUM: usize = 16;

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// As what it is.
    File = 0,
    /// As Helm values, because another says so.
    Values = 1,
    /// As one kustomization among others.
    Layer = 2,
}

/// A hash of a file's id, its path and its [`Kind`].
type Key = [u8; 16];

/// What was found in one file that was read.
#[derive(Debug)]
pub(super) struct Learned {
    key: Key,
    /// Empty where there is nothing.
    bytes: Vec<u8>,
}

/// What earlier runs found, and what this one has to add.
#[derive(Debug, Default)]
pub(super) struct Familiar {
    learns: bool,
    parts: Vec<Vec<u8>>,
    entries: HashMap<Key, Entry, BuildHasherDefault<Straight>>,
    /// Of how many entries somebody asked.
    used: usize,
    learned: Vec<Learned>,
}

#[derive(Debug)]
struct Entry {
    part: usize,
    /// Empty where there was nothing.
    range: Range<usize>,
    used: bool,
}

/// What the store is to keep.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct News {
    pub(super) parts: Vec<Vec<u8>>,
    /// Instead of all that was kept.
    pub(super) anew: bool,
}

impl Familiar {
    /// Under which name the store keeps what was found in these files; `None` where they have no ids before they are read.
    pub(super) fn branch(
        repository: &str,
        snapshot: &dyn Snapshot,
        limit: u64,
        declared: &Declarations,
    ) -> Option<String> {
        snapshot.head()?;
        let context = context(SCANNER, limit, declared);
        Some(format!("{repository}\n{}\n{context}", snapshot.branch().unwrap_or_default()))
    }

    /// Nothing is known, and nothing is learned.
    pub(super) fn without() -> Familiar {
        Familiar::default()
    }

    /// What the store has kept. A part that is damaged is left out.
    pub(super) fn of(parts: Vec<Vec<u8>>) -> Familiar {
        let mut familiar = Familiar { learns: true, parts, ..Familiar::default() };
        for (at, part) in familiar.parts.iter().enumerate() {
            let Some(found) = read_part(part) else { continue };
            familiar.entries.extend(found.map(|(key, range)| (key, Entry { part: at, range, used: false })));
        }
        familiar
    }

    /// Whether [`Familiar::learn`] makes a difference.
    pub(super) fn learns(&self) -> bool {
        self.learns
    }

    /// What was found in the file, if it was ever read.
    pub(super) fn scan(&mut self, kind: Kind, file: &FileEntry) -> Option<Scan> {
        let bytes = self.find(kind, file)?;
        if bytes.is_empty() { Some(Scan::default()) } else { read_scan(bytes) }
    }

    /// The same for a kustomization among others.
    pub(super) fn layer(&mut self, file: &FileEntry) -> Option<Option<Layer>> {
        read_layer(self.find(Kind::Layer, file)?)
    }

    fn find(&mut self, kind: Kind, file: &FileEntry) -> Option<&[u8]> {
        if self.entries.is_empty() {
            return None;
        }
        let entry = self.entries.get_mut(&key(kind, file)?)?;
        self.used += usize::from(!entry.used);
        entry.used = true;
        self.parts[entry.part].get(entry.range.clone())
    }

    pub(super) fn learn(&mut self, learned: Option<Learned>) {
        if self.learns {
            self.learned.extend(learned);
        }
    }

    /// What the store is to keep now; `None` when nothing is new.
    pub(super) fn news(mut self) -> Option<News> {
        let past = self.entries.len() - self.used;
        let too_old = past > self.used + self.learned.len() + PAST;
        if self.learned.is_empty() && !too_old {
            return None;
        }
        self.learned.sort_by_key(|one| one.key);
        self.learned.dedup_by(|a, b| a.key == b.key);
        let more: Vec<(Key, &[u8])> = self.learned.iter().map(|one| (one.key, &one.bytes[..])).collect();
        let added = write_parts(&more);
        let needed: usize = self.parts.iter().map(Vec::len).sum::<usize>().div_ceil(MAX_PART);
        if !too_old && self.parts.len() + added.len() <= (needed + MORE_PARTS).min(MAX_PARTS) {
            return Some(News { parts: added, anew: false });
        }
        let kept = self.entries.iter().filter(|(_, entry)| entry.used);
        let kept = kept.map(|(key, entry)| (*key, &self.parts[entry.part][entry.range.clone()]));
        let mut all: Vec<(Key, &[u8])> = more.into_iter().chain(kept).collect();
        all.sort_by_key(|(key, _)| *key);
        // What could not be read back was learned again, and that comes first.
        all.dedup_by(|a, b| a.0 == b.0);
        let mut parts = write_parts(&all);
        parts.truncate(MAX_PARTS);
        Some(News { parts, anew: true })
    }
}

impl Learned {
    /// `None` where it cannot be kept.
    pub(super) fn scan(kind: Kind, file: &FileEntry, scan: &Scan) -> Option<Learned> {
        let Scan { references, skipped, notes, open } = scan;
        let nothing = references.is_empty() && skipped.is_none() && notes.is_empty() && open.is_empty();
        let bytes = if nothing { Vec::new() } else { write_scan(scan)? };
        Learned::of(kind, file, bytes)
    }

    /// The same for a kustomization among others.
    pub(super) fn layer(file: &FileEntry, layer: &Option<Layer>) -> Option<Learned> {
        Learned::of(Kind::Layer, file, write_layer(layer)?)
    }

    fn of(kind: Kind, file: &FileEntry, bytes: Vec<u8>) -> Option<Learned> {
        (bytes.len() <= MAX_ENTRY).then_some(Learned { key: key(kind, file)?, bytes })
    }
}

fn key(kind: Kind, file: &FileEntry) -> Option<Key> {
    let blob = file.blob.as_ref()?;
    // The id's length says where the path begins.
    let mut hash = Sha256::new_with_prefix([kind as u8, u8::try_from(blob.0.len()).ok()?]);
    hash.update(blob.0.as_bytes());
    hash.update(file.path.as_bytes());
    first(&hash.finalize())
}

fn first(sum: &[u8]) -> Option<[u8; SUM]> {
    sum.first_chunk::<SUM>().copied()
}

/// Everything but the file that what is found depends on, as a hash.
fn context(scanner: &str, limit: u64, declared: &Declarations) -> String {
    let mut hash = Hashed(Sha256::new());
    // Every field of every declaration is in its debug form, also those that are still to be invented. Writing to a hash cannot fail.
    let _ = write!(hash, "{scanner} {limit} {declared:?}");
    hash.0.finalize()[..SUM].iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Hashed(Sha256);

impl fmt::Write for Hashed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

/// A part: the hash of the rest; keys of files with nothing, after their number; then key, length and bytes of each other.
fn write_parts(entries: &[(Key, &[u8])]) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    let (mut silent, mut others) = (Vec::new(), Vec::new());
    for (key, bytes) in entries {
        let more = SUM + if bytes.is_empty() { 0 } else { 4 + bytes.len() };
        if SUM + 4 + silent.len() + others.len() + more > MAX_PART {
            parts.extend(write_part(&mut silent, &mut others));
        }
        if bytes.is_empty() {
            silent.extend_from_slice(key);
        } else {
            others.extend_from_slice(key);
            others.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            others.extend_from_slice(bytes);
        }
    }
    parts.extend(write_part(&mut silent, &mut others));
    parts
}

fn write_part(silent: &mut Vec<u8>, others: &mut Vec<u8>) -> Option<Vec<u8>> {
    if silent.is_empty() && others.is_empty() {
        return None;
    }
    let mut part = vec![0; SUM];
    part.extend_from_slice(&((silent.len() / SUM) as u32).to_le_bytes());
    part.append(silent);
    part.append(others);
    let sum = Sha256::digest(&part[SUM..]);
    part[..SUM].copy_from_slice(&sum[..SUM]);
    Some(part)
}

/// The entries of a part, and where they stand in it; `None` when it is not as it was written.
fn read_part(part: &[u8]) -> Option<impl Iterator<Item = (Key, Range<usize>)>> {
    let (sum, rest) = part.split_at_checked(SUM)?;
    if Sha256::digest(rest)[..SUM] != *sum {
        return None;
    }
    let mut at = SUM;
    let mut silent = number(part, &mut at)?;
    let entries = std::iter::from_fn(move || {
        let key = first(part.get(at..)?)?;
        at += SUM;
        if silent > 0 {
            silent -= 1;
            return Some((key, 0..0));
        }
        let length = number(part, &mut at)?;
        let range = at..at.checked_add(length).filter(|end| *end <= part.len())?;
        at = range.end;
        Some((key, range))
    });
    Some(entries)
}

fn number(part: &[u8], at: &mut usize) -> Option<usize> {
    let bytes = part.get(*at..)?.first_chunk::<4>()?;
    *at += bytes.len();
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

/// Keys are hashes already.
#[derive(Debug, Default)]
struct Straight(u64);

impl Hasher for Straight {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 = u64::from_le_bytes(*first);
        }
    }
}

#[cfg(test)]
mod tests;
