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
//! How it is kept: see [`super::notebook`].

use super::notebook::{Key, MAX_NOTE, News, Notebook, key_of};
use crate::port::{FileEntry, Snapshot};
use crate::site::{Declarations, Layer, SCANNER, Scan, read_layer, read_scan, write_layer, write_scan};
use sha2::{Digest as _, Sha256};
use std::fmt::{self, Write as _};

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
    notes: Notebook,
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
        Familiar { learns: true, notes: Notebook::of(parts) }
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
        if self.notes.is_empty() {
            return None;
        }
        self.notes.find(&key(kind, file)?)
    }

    pub(super) fn learn(&mut self, learned: Option<Learned>) {
        if let Some(Learned { key, bytes }) = learned.filter(|_| self.learns) {
            self.notes.learn(key, bytes);
        }
    }

    /// What the store is to keep now; `None` when nothing is new.
    pub(super) fn news(self) -> Option<News> {
        self.notes.news()
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
        (bytes.len() <= MAX_NOTE).then_some(Learned { key: key(kind, file)?, bytes })
    }
}

/// A hash of a file's id, its path and its [`Kind`].
fn key(kind: Kind, file: &FileEntry) -> Option<Key> {
    let blob = file.blob.as_ref()?;
    // The id's length says where the path begins.
    let mut hash = Sha256::new_with_prefix([kind as u8, u8::try_from(blob.0.len()).ok()?]);
    hash.update(blob.0.as_bytes());
    hash.update(file.path.as_bytes());
    Some(key_of(hash))
}

/// Everything but the file that what is found depends on, as a hash.
fn context(scanner: &str, limit: u64, declared: &Declarations) -> String {
    let mut hash = Hashed(Sha256::new());
    // Every field of every declaration is in its debug form, also those that are still to be invented. Writing to a hash cannot fail.
    let _ = write!(hash, "{scanner} {limit} {declared:?}");
    key_of(hash.0).iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Hashed(Sha256);

impl fmt::Write for Hashed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
