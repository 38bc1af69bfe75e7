//! One commit as [`Snapshot`]: its regular files by path, and their bytes in the order they lie in the pack.
//!
//! The tree is somebody else's: its size, depth and names are bounded while it is walked. Memory grows with the number of
//! files (their names), not with their bytes: one buffer is used for all.

use super::cache::Generation;
use super::fault::{chain, lasting, passing};
use super::walk::list;
use crate::port::{BlobId, CommitId, FileEntry, LedgerFiles, ReadProblem, RepoError, Snapshot, Visit};
use gix::ObjectId;
use gix::bstr::{BString, ByteSlice};
use gix::objs::tree::EntryMode;
use gix::odb::pack::Find as _;
use gix::prelude::FindExt as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

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
    /// Lists the files of `commit`; their bytes are read later. At `listing` lies what was listed last.
    pub(super) fn of(
        repo: gix::Repository,
        name: &str,
        branch: &str,
        commit: ObjectId,
        cache: Option<Arc<Generation>>,
        listing: Option<&Path>,
    ) -> Result<TreeSnapshot, RepoError> {
        let tree = repo
            .find_commit(commit)
            .and_then(|found| found.tree_id().map(|id| id.detach()))
            .map_err(|error| passing(format!("commit {commit} of {name} cannot be read: {}", chain(&error))))?;
        let mut found = list(&repo, name, tree, listing)?;
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

/// A regular file, executable or not: neither a link nor a submodule.
pub(super) fn is_file(mode: EntryMode) -> bool {
    mode.is_blob()
}
