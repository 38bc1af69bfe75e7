//! The names in a tree, kept on the disk with the ids of their directories: of the next tree only those directories are read
//! that are not the same, so that a look at a big repository costs what changed in it.
//!
//! ```text
//! file       0  name  id
//! directory  1  name  id  entries  length  [what is in it]
//! ```
//!
//! Nothing in it is ever out of date, because a directory's id is the hash of all that is in it. It begins with its own hash;
//! one that is damaged, or cannot be written, is as good as none.

#![expect(clippy::disallowed_methods, reason = "this file reads and writes what lies beside the cache")]

use super::cache::slug;
use gix::ObjectId;
use gix::bstr::BString;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The most bytes of a listing that are read or written: a million files have a tenth of a kilobyte each.
const MAX_BYTES: u64 = 128 << 20;
const SUM: usize = 32;
const FILE: u8 = 0;
const DIRECTORY: u8 = 1;

/// Where the listing of a repository lies: in the folder of its cache, also where it needs none.
pub(super) fn place(directory: Option<&Path>, name: &str) -> Option<PathBuf> {
    directory.map(|directory| directory.join(slug(name)).join("files"))
}

/// A directory as it was listed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listed<'l> {
    pub(super) id: ObjectId,
    /// Files, directories and links in it and below.
    pub(super) entries: usize,
    /// Its items.
    inside: &'l [u8],
}

/// What stands in a listed directory.
pub(super) enum Item<'l> {
    File(&'l [u8], ObjectId),
    Directory(&'l [u8], Listed<'l>),
}

/// A listing from the disk.
#[derive(Debug, Default)]
pub(super) struct Listing {
    bytes: Vec<u8>,
    hash: gix::hash::Kind,
}

impl Listing {
    /// What lies at the place, if it is whole.
    pub(super) fn read(place: &Path, hash: gix::hash::Kind) -> Option<Listing> {
        let mut bytes = Vec::new();
        File::open(place).ok()?.take(MAX_BYTES + 1).read_to_end(&mut bytes).ok()?;
        let (sum, rest) = bytes.split_at_checked(SUM)?;
        let whole = bytes.len() as u64 <= MAX_BYTES && Sha256::digest(rest)[..] == *sum;
        whole.then_some(Listing { bytes, hash })
    }

    /// The root.
    pub(super) fn root(&self) -> Option<Listed<'_>> {
        match items(self.bytes.get(SUM..)?, self.hash).next()? {
            Item::Directory(b"", root) => Some(root),
            _ => None,
        }
    }

    /// The directories in a listed one, by name.
    pub(super) fn below<'l>(&self, listed: Listed<'l>) -> HashMap<&'l [u8], Listed<'l>> {
        let directories = items(listed.inside, self.hash).filter_map(|item| match item {
            Item::Directory(name, listed) => Some((name, listed)),
            Item::File(..) => None,
        });
        directories.collect()
    }

    /// Everything in a listed directory.
    pub(super) fn items<'l>(&self, listed: Listed<'l>) -> impl Iterator<Item = Item<'l>> + use<'l> {
        items(listed.inside, self.hash)
    }
}

fn items(mut rest: &[u8], hash: gix::hash::Kind) -> impl Iterator<Item = Item<'_>> {
    std::iter::from_fn(move || item(&mut rest, hash))
}

fn item<'l>(rest: &mut &'l [u8], hash: gix::hash::Kind) -> Option<Item<'l>> {
    let kind = take(rest, 1)?[0];
    let length = number(rest)?;
    let name = take(rest, length)?;
    let id = ObjectId::try_from(take(rest, hash.len_in_bytes())?).ok()?;
    if kind == FILE {
        return Some(Item::File(name, id));
    }
    let (entries, length) = (number(rest)?, number(rest)?);
    Some(Item::Directory(name, Listed { id, entries, inside: take(rest, length)? }))
}

fn take<'l>(rest: &mut &'l [u8], length: usize) -> Option<&'l [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

fn number(rest: &mut &[u8]) -> Option<usize> {
    let bytes = take(rest, 4)?.first_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

/// A listing in the making: what is met on a walk, in its order.
#[derive(Debug, Default)]
pub(super) struct Lister {
    bytes: Vec<u8>,
}

/// A directory that is not at its end.
#[must_use]
pub(super) struct Begun(usize);

impl Lister {
    pub(super) fn file(&mut self, name: &[u8], id: ObjectId) {
        self.head(FILE, name, id);
    }

    pub(super) fn begin(&mut self, name: &[u8], id: ObjectId) -> Begun {
        self.head(DIRECTORY, name, id);
        // Entries and length, which are known at the end.
        self.bytes.extend_from_slice(&[0; 8]);
        Begun(self.bytes.len())
    }

    pub(super) fn end(&mut self, Begun(at): Begun, entries: usize) {
        if self.is_full() {
            return;
        }
        let length = self.bytes.len() - at;
        self.bytes[at - 8..at - 4].copy_from_slice(&(entries as u32).to_le_bytes());
        self.bytes[at - 4..at].copy_from_slice(&(length as u32).to_le_bytes());
    }

    /// A directory that is the same as it was.
    pub(super) fn same(&mut self, name: &[u8], listed: Listed<'_>) {
        if self.is_full() {
            return;
        }
        let begun = self.begin(name, listed.id);
        self.bytes.extend_from_slice(listed.inside);
        self.end(begun, listed.entries);
    }

    /// Whether it has become too long to be kept; nothing more is taken down then.
    fn is_full(&self) -> bool {
        (self.bytes.len() + SUM) as u64 > MAX_BYTES
    }

    fn head(&mut self, kind: u8, name: &[u8], id: ObjectId) {
        if self.is_full() {
            return;
        }
        self.bytes.push(kind);
        self.bytes.extend_from_slice(&(name.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(id.as_bytes());
    }

    /// Puts the listing in its place, if it can.
    pub(super) fn write(self, place: &Path) {
        if self.is_full() {
            return;
        }
        let write = || {
            let folder = place.parent().unwrap_or(Path::new("."));
            // For our eyes only, as the caches are.
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            // One name for all: a kill leaves one file at most, and of two that write at once the hash tells.
            let new = place.with_extension("new");
            let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(&Sha256::digest(&self.bytes))?;
            file.write_all(&self.bytes)?;
            fs::rename(new, place)
        };
        // What cannot be kept is walked again.
        drop(write());
    }
}

/// A name below a directory; the root has none.
pub(super) fn joined(prefix: &BString, name: &[u8]) -> BString {
    let mut path = Vec::with_capacity(prefix.len() + 1 + name.len());
    path.extend_from_slice(prefix);
    if !prefix.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path.into()
}
