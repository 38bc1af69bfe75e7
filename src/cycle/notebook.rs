//! Notes of earlier runs, kept in parts by the store: bytes by a key that is a hash of everything they hang on. So a note can
//! never be out of date, only gone or damaged.
//!
//! A run adds one part with what it has learned, until they are many or hold more of the past than of the present; then
//! those notes that count are written anew.

use crate::port::MAX_PART;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

/// The most parts of one notebook. What does not fit is learned each time: more than a million notes of nothing, or as many bytes as
/// some gigabytes of manifests have left.
pub(super) const MAX_PARTS: usize = 64;
/// How many parts there may be beyond those that are needed.
pub(super) const MORE_PARTS: usize = 16;
/// As many notes that nobody asks for any more may be kept beside those that count.
pub(super) const PAST: usize = 1000;
/// The most bytes of one note.
pub(super) const MAX_NOTE: usize = MAX_PART / 2;
pub(super) const SUM: usize = 16;

/// A hash of everything that a note hangs on.
pub(super) type Key = [u8; 16];

/// What earlier runs noted, and what this one has to add.
#[derive(Debug, Default)]
pub(super) struct Notebook {
    parts: Vec<Vec<u8>>,
    pub(super) entries: HashMap<Key, Entry, BuildHasherDefault<Straight>>,
    /// How many entries somebody asked for.
    used: usize,
    learned: Vec<(Key, Vec<u8>)>,
}

/// Where a note stands. There is one for each file, so that every byte counts.
#[derive(Debug)]
pub(super) struct Entry {
    part: u16,
    used: bool,
    start: u32,
    /// Zero where there was nothing to be noted.
    length: u32,
}

/// What the store is to keep.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct News {
    pub(super) parts: Vec<Vec<u8>>,
    /// Instead of all that was kept.
    pub(super) anew: bool,
}

impl Notebook {
    /// What the store has kept. A part that is damaged is left out.
    pub(super) fn of(parts: Vec<Vec<u8>>) -> Notebook {
        let mut notebook = Notebook { parts, ..Notebook::default() };
        for (at, part) in notebook.parts.iter().enumerate() {
            let Some((number, found)) = read_part(part) else { continue };
            notebook.entries.reserve(number);
            let Ok(part) = u16::try_from(at) else { break };
            notebook.entries.extend(found.map(|(key, range)| {
                // A part has at most `MAX_PART` bytes.
                (key, Entry { part, used: false, start: range.start as u32, length: range.len() as u32 })
            }));
        }
        notebook
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The note under that key.
    pub(super) fn get(&self, key: &Key) -> Option<&[u8]> {
        self.entries.get(key).map(|entry| entry.of(&self.parts))
    }

    /// The same, and it counts.
    pub(super) fn find(&mut self, key: &Key) -> Option<&[u8]> {
        self.count(key);
        self.get(key)
    }

    /// The note under that key counts, if there is one.
    pub(super) fn count(&mut self, key: &Key) {
        if let Some(entry) = self.entries.get_mut(key) {
            self.used += usize::from(!entry.used);
            entry.used = true;
        }
    }

    /// All of these notes count.
    pub(super) fn count_those(&mut self, which: &dyn Fn(&[u8]) -> bool) {
        for entry in self.entries.values_mut().filter(|entry| !entry.used) {
            if which(entry.of(&self.parts)) {
                entry.used = true;
                self.used += 1;
            }
        }
    }

    pub(super) fn learn(&mut self, key: Key, bytes: Vec<u8>) {
        self.learned.push((key, bytes));
    }

    /// What the store is to keep now; `None` when nothing is new.
    pub(super) fn news(mut self) -> Option<News> {
        let past = self.entries.len() - self.used;
        let too_old = past > self.used + self.learned.len() + PAST;
        if self.learned.is_empty() && !too_old {
            return None;
        }
        self.learned.sort_by_key(|one| one.0);
        self.learned.dedup_by(|a, b| a.0 == b.0);
        let more: Vec<(Key, &[u8])> = self.learned.iter().map(|(key, bytes)| (*key, &bytes[..])).collect();
        let added = write_parts(&more);
        let needed: usize = self.parts.iter().map(Vec::len).sum::<usize>().div_ceil(MAX_PART);
        if !too_old && self.parts.len() + added.len() <= (needed + MORE_PARTS).min(MAX_PARTS) {
            return Some(News { parts: added, anew: false });
        }
        let kept = self.entries.iter().filter(|(_, entry)| entry.used);
        let kept = kept.map(|(key, entry)| (*key, entry.of(&self.parts)));
        let mut all: Vec<(Key, &[u8])> = more.into_iter().chain(kept).collect();
        all.sort_by_key(|(key, _)| *key);
        // What could not be read back was learned again, and that comes first.
        all.dedup_by(|a, b| a.0 == b.0);
        let mut parts = write_parts(&all);
        parts.truncate(MAX_PARTS);
        Some(News { parts, anew: true })
    }
}

impl Entry {
    fn of<'p>(&self, parts: &'p [Vec<u8>]) -> &'p [u8] {
        let (start, length) = (self.start as usize, self.length as usize);
        parts.get(usize::from(self.part)).and_then(|part| part.get(start..start + length)).unwrap_or_default()
    }
}

/// The key that a hash makes.
pub(super) fn key_of(hash: Sha256) -> Key {
    let sum: [u8; 32] = hash.finalize().into();
    let mut key = Key::default();
    key.copy_from_slice(&sum[..SUM]);
    key
}

/// A part: the hash of the rest; keys of those with nothing, after their number; then key, length and bytes of each other.
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

/// The entries of a part, where they stand in it, and how many of them there are at least; `None` when it is not as it was written.
fn read_part(part: &[u8]) -> Option<(usize, impl Iterator<Item = (Key, Range<usize>)>)> {
    let (sum, rest) = part.split_at_checked(SUM)?;
    if part.len() > MAX_PART || Sha256::digest(rest)[..SUM] != *sum {
        return None;
    }
    let mut at = SUM;
    let mut silent = number(part, &mut at)?;
    // No more than the part has room for, whatever it says.
    let most = silent.min(part.len() / SUM);
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
    Some((most, entries))
}

fn first(sum: &[u8]) -> Option<Key> {
    sum.first_chunk::<SUM>().copied()
}

fn number(part: &[u8], at: &mut usize) -> Option<usize> {
    let bytes = part.get(*at..)?.first_chunk::<4>()?;
    *at += bytes.len();
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

/// Keys are hashes already.
#[derive(Debug, Default)]
pub(super) struct Straight(u64);

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
