//! One commit as [`Snapshot`]: its regular files by path, and their bytes in the order they lie in the pack.
//!
//! The tree is somebody else's: its size, depth and names are bounded while it is walked. Memory grows with the number of
//! files (their names), not with their bytes: one buffer is used for all.

use super::cache::Generation;
use super::fault::{chain, lasting, passing};
use crate::port::{BlobId, CommitId, FileEntry, LedgerFiles, ReadProblem, RepoError, Snapshot, Visit};
use gix::ObjectId;
use gix::bstr::{BString, ByteSlice};
use gix::objs::tree::EntryMode;
use gix::odb::pack::Find as _;
use gix::prelude::FindExt as _;
use std::ops::ControlFlow;
use std::sync::Arc;

/// The most entries (files, directories, links) that a tree may hold.
pub(super) const MAX_ENTRIES: usize = 1_000_000;
/// The most directories inside each other.
pub(super) const MAX_DEPTH: usize = 128;
/// The biggest directory object that is read, in bytes.
const MAX_TREE_OBJECT: u64 = 64 << 20;
/// The biggest file that [`Snapshot::read_one`] returns, in bytes.
pub(super) const MAX_READ_ONE: u64 = 64 << 20;

/// The files of one commit.
pub(super) struct TreeSnapshot {
    repo: gix::Repository,
    name: String,
    branch: String,
    head: CommitId,
    files: Vec<FileEntry>,
    /// In step with `files`.
    blobs: Vec<ObjectId>,
    /// Keeps a cache on the disk for as long as it is read from.
    cache: Option<Arc<Generation>>,
    ledger: Result<LedgerFiles, RepoError>,
}

impl std::fmt::Debug for TreeSnapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TreeSnapshot({} {})", self.name, self.head)
    }
}

impl TreeSnapshot {
    /// Lists the files of `commit`; their bytes are read later.
    pub(super) fn of(
        repo: gix::Repository,
        name: &str,
        branch: &str,
        commit: ObjectId,
        cache: Option<Arc<Generation>>,
    ) -> Result<TreeSnapshot, RepoError> {
        let tree = repo
            .find_commit(commit)
            .and_then(|found| found.tree_id().map(|id| id.detach()))
            .map_err(|error| passing(format!("commit {commit} of {name} cannot be read: {}", chain(&error))))?;
        let mut found = Walk::new(&repo, name, MAX_ENTRIES).files(tree)?;
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let blobs = found.iter().map(|(_, id)| *id).collect();
        let files = found.into_iter().map(|(path, id)| entry(path, Some(id))).collect();
        Ok(TreeSnapshot {
            repo,
            name: name.to_owned(),
            branch: branch.to_owned(),
            head: CommitId(commit.to_string()),
            files,
            blobs,
            cache,
            ledger: Ok(LedgerFiles::default()),
        })
    }

    /// With what was found in the ledger.
    pub(super) fn beside(self, ledger: Result<LedgerFiles, RepoError>) -> TreeSnapshot {
        TreeSnapshot { ledger, ..self }
    }

    /// The indexes of wanted files, in the order in which their bytes lie on the disk.
    fn in_pack_order(&self, wanted: &dyn Fn(&FileEntry) -> bool) -> Vec<usize> {
        let mut objects = self.repo.objects.clone().into_inner();
        // `location_by_oid` demands it: ids of packs would otherwise change meaning while we sort by them.
        objects.prevent_pack_unload();
        let mut buffer = Vec::new();
        let mut order: Vec<usize> =
            (0..self.files.len()).filter(|at| !self.files[*at].unreadable_path && wanted(&self.files[*at])).collect();
        order.sort_by_cached_key(|at| {
            let place = objects.location_by_oid(&self.blobs[*at], &mut buffer).ok().flatten();
            (place.map(|place| (place.pack_id, place.pack_offset)), *at)
        });
        order
    }

    /// The bytes of one blob, unless it is over the limit; the size is known before anything is unpacked.
    fn blob<'b>(&self, id: ObjectId, limit: u64, buffer: &'b mut Vec<u8>) -> Result<&'b [u8], BlobFault> {
        let lost = |error: gix::Error| BlobFault::Lost(chain(&error));
        let size = self.repo.find_header(id).map_err(lost)?.size();
        if size > limit {
            return Err(BlobFault::TooLarge(size));
        }
        Ok(self.repo.objects.find_blob(&id, buffer).map_err(lost)?.data)
    }

    /// An object that the commit names is missing or broken: a cache is thrown away for the next run.
    fn lost(&self, path: &str, detail: &str) -> RepoError {
        if let Some(cache) = &self.cache {
            cache.spoil();
        }
        passing(format!("{path} of {} cannot be read: {detail}", self.name))
    }
}

enum BlobFault {
    TooLarge(u64),
    Lost(String),
}

/// What [`Snapshot::files`] says of one path.
pub(super) fn entry(path: BString, blob: Option<ObjectId>) -> FileEntry {
    let blob = blob.map(|id| BlobId(id.to_string()));
    match path.to_str() {
        Ok(text) => FileEntry { path: Arc::from(text), unreadable_path: false, blob },
        Err(_) => FileEntry { path: Arc::from(path.to_str_lossy()), unreadable_path: true, blob },
    }
}

/// Where the readable file of that path stands.
pub(super) fn find(files: &[FileEntry], path: &str) -> Option<usize> {
    // Lossy renderings may stand out of order, so a binary search could miss: they are few, the list is short-lived.
    files
        .binary_search_by(|file| file.path.as_bytes().cmp(path.as_bytes()))
        .ok()
        .filter(|at| !files[*at].unreadable_path)
        .or_else(|| files.iter().position(|file| !file.unreadable_path && &*file.path == path))
}

impl Snapshot for TreeSnapshot {
    fn branch(&self) -> Option<&str> {
        Some(&self.branch)
    }

    fn head(&self) -> Option<&CommitId> {
        Some(&self.head)
    }

    fn files(&self) -> &[FileEntry] {
        &self.files
    }

    fn read(&self, limit: u64, wanted: &dyn Fn(&FileEntry) -> bool, visit: &mut Visit<'_>) -> Result<(), RepoError> {
        let mut buffer = Vec::new();
        for at in self.in_pack_order(wanted) {
            let file = &self.files[at];
            let next = match self.blob(self.blobs[at], limit, &mut buffer) {
                Ok(bytes) => visit(file, Ok(bytes)),
                Err(BlobFault::TooLarge(size)) => visit(file, Err(ReadProblem::TooLarge { size })),
                Err(BlobFault::Lost(detail)) => return Err(self.lost(&file.path, &detail)),
            };
            if next == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn read_one(&self, path: &str) -> Result<Option<Vec<u8>>, RepoError> {
        let Some(at) = find(&self.files, path) else {
            return Ok(None);
        };
        let mut buffer = Vec::new();
        match self.blob(self.blobs[at], MAX_READ_ONE, &mut buffer) {
            Ok(_) => Ok(Some(buffer)),
            Err(BlobFault::TooLarge(size)) => Err(lasting(format!("{path} of {} has {size} bytes", self.name))),
            Err(BlobFault::Lost(detail)) => Err(self.lost(path, &detail)),
        }
    }

    fn ledger(&self) -> Result<LedgerFiles, RepoError> {
        self.ledger.clone()
    }
}

/// A walk through a tree that cannot be made to run for ever: equal subtrees count each time they are met.
struct Walk<'r> {
    repo: &'r gix::Repository,
    name: &'r str,
    limit: usize,
    entries: usize,
    found: Vec<(BString, ObjectId)>,
}

impl<'r> Walk<'r> {
    fn new(repo: &'r gix::Repository, name: &'r str, limit: usize) -> Walk<'r> {
        Walk { repo, name, limit, entries: 0, found: Vec::new() }
    }

    /// Every regular file below the tree, in no particular order.
    fn files(mut self, root: ObjectId) -> Result<Vec<(BString, ObjectId)>, RepoError> {
        let mut open = vec![(BString::default(), root, 0)];
        let mut buffer = Vec::new();
        while let Some((prefix, tree, depth)) = open.pop() {
            self.directory(&prefix, tree, depth, &mut buffer, &mut open)?;
        }
        Ok(self.found)
    }

    fn directory(
        &mut self,
        prefix: &BString,
        tree: ObjectId,
        depth: usize,
        buffer: &mut Vec<u8>,
        open: &mut Vec<(BString, ObjectId, usize)>,
    ) -> Result<(), RepoError> {
        let name = self.name;
        let broken = |error: gix::Error| passing(format!("a directory of {name} cannot be read: {}", chain(&error)));
        if depth > MAX_DEPTH {
            return Err(lasting(format!("{name} has more than {MAX_DEPTH} directories inside each other")));
        }
        let size = self.repo.find_header(tree).map_err(broken)?.size();
        if size > MAX_TREE_OBJECT {
            return Err(lasting(format!("a directory of {name} has more entries than can be read")));
        }
        let entries = self.repo.objects.find_tree_iter(&tree, buffer).map_err(broken)?;
        for item in entries {
            let item = item.map_err(broken)?;
            self.entries += 1;
            if self.entries > self.limit {
                return Err(lasting(format!("{name} has more than {} files and directories", self.limit)));
            }
            let path = joined(prefix, item.filename);
            if item.mode.is_tree() {
                open.push((path, item.oid.to_owned(), depth + 1));
            } else if is_file(item.mode) {
                self.found.push((path, item.oid.to_owned()));
            }
        }
        Ok(())
    }
}

/// A regular file, executable or not: neither a link nor a submodule.
pub(super) fn is_file(mode: EntryMode) -> bool {
    mode.is_blob()
}

fn joined(prefix: &BString, name: &gix::bstr::BStr) -> BString {
    let mut path = prefix.clone();
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use gix::objs::Tree;
    use gix::objs::tree::{Entry, EntryKind};

    fn repository() -> (tempfile::TempDir, gix::Repository) {
        let directory = tempfile::tempdir().unwrap();
        let repo = gix::init_bare(directory.path()).unwrap().with_object_memory();
        (directory, repo)
    }

    fn tree(repo: &gix::Repository, entries: &[(&str, EntryKind, ObjectId)]) -> ObjectId {
        let entry = |(name, kind, oid): &(&str, EntryKind, ObjectId)| Entry {
            mode: (*kind).into(),
            filename: (*name).into(),
            oid: *oid,
        };
        let entries = entries.iter().map(entry).collect();
        repo.write_object(Tree { entries }).unwrap().detach()
    }

    fn files(repo: &gix::Repository, root: ObjectId, limit: usize) -> Result<Vec<String>, String> {
        let found = Walk::new(repo, "r", limit).files(root).map_err(|error| error.message)?;
        let mut paths: Vec<String> = found.iter().map(|(path, _)| path.to_string()).collect();
        paths.sort();
        Ok(paths)
    }

    #[test]
    fn only_regular_files_are_found() {
        let (_directory, repo) = repository();
        let blob = repo.write_blob("x").unwrap().detach();
        let below = tree(&repo, &[("f", EntryKind::BlobExecutable, blob)]);
        let root = tree(
            &repo,
            &[
                ("a", EntryKind::Blob, blob),
                ("d", EntryKind::Tree, below),
                ("l", EntryKind::Link, blob),
                ("s", EntryKind::Commit, blob),
            ],
        );
        assert_eq!(files(&repo, root, 5).unwrap(), ["a", "d/f"]);
        assert_eq!(files(&repo, root, 4).unwrap_err(), "r has more than 4 files and directories");
    }

    #[test]
    fn a_tree_that_unfolds_without_end_is_refused() {
        let (_directory, repo) = repository();
        let mut root = tree(&repo, &[("f", EntryKind::Blob, repo.write_blob("x").unwrap().detach())]);
        for _ in 0..40 {
            root = tree(&repo, &[("a", EntryKind::Tree, root), ("b", EntryKind::Tree, root)]);
        }
        assert_eq!(files(&repo, root, 1000).unwrap_err(), "r has more than 1000 files and directories");
    }

    #[test]
    fn directories_inside_each_other_are_followed_to_the_limit() {
        let (_directory, repo) = repository();
        let mut root = tree(&repo, &[("f", EntryKind::Blob, repo.write_blob("x").unwrap().detach())]);
        for _ in 0..MAX_DEPTH {
            root = tree(&repo, &[("d", EntryKind::Tree, root)]);
        }
        assert_eq!(files(&repo, root, MAX_ENTRIES).unwrap().len(), 1);
        let deeper = tree(&repo, &[("d", EntryKind::Tree, root)]);
        assert!(files(&repo, deeper, MAX_ENTRIES).unwrap_err().contains("inside each other"));
    }
}
