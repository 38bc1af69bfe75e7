//! What the ledger's ref holds, read from a repository that has its commit, and the next commit of it, made in memory.
//!
//! The ref is somebody else's like the branch: whatever it points at is bounded before it is read.

use super::bare;
use super::commit::{self, Chain};
use super::fault::{Hint, chain, lasting, passing};
use super::sign::Signer;
use super::snapshot::is_file;
use crate::plan::{LedgerBytes, MAX_LEDGER_FILE};
use crate::port::{CommitId, LedgerEntry, LedgerFiles, RepoError};
use gix::ObjectId;
use gix::bstr::ByteSlice as _;
use gix::objs::{Kind, tree};
use gix::prelude::FindExt as _;
use gix::refs::TargetRef;

/// The most files that are looked at; we write two.
const MAX_FILES: usize = 16;
/// The largest directory that is read, in bytes.
const MAX_TREE: u64 = 64 << 10;

/// What the commit at the ref holds.
pub(super) fn read(repo: &gix::Repository, name: &str, tip: Option<ObjectId>) -> Result<LedgerFiles, RepoError> {
    let Some(tip) = tip else {
        return Ok(LedgerFiles { name: name.to_owned(), ..LedgerFiles::default() });
    };
    let broken = |error: gix::Error| passing(format!("the ledger {name} at {tip} cannot be read: {}", chain(&error)));
    let kind = repo.find_header(tip).map_err(broken)?.kind();
    if kind != Kind::Commit {
        return Err(lasting(format!("the ledger {name} is at a {kind}, which is no commit")));
    }
    let root = repo.find_commit(tip).and_then(|found| found.tree_id().map(|id| id.detach())).map_err(broken)?;
    let size = repo.find_header(root).map_err(broken)?.size();
    let mut buffer = Vec::new();
    let mut blobs = Vec::new();
    if size > MAX_TREE {
        return Err(lasting(format!("the ledger {name} has more files than a ledger has")));
    }
    for entry in repo.objects.find_tree_iter(&root, &mut buffer).map_err(broken)? {
        let entry = entry.map_err(broken)?;
        if is_file(entry.mode) && blobs.len() < MAX_FILES {
            blobs.push((entry.filename.to_str_lossy().into_owned(), entry.oid.to_owned()));
        }
    }
    let mut files = LedgerBytes::new();
    for (file, id) in blobs {
        let size = repo.find_header(id).map_err(broken)?.size();
        let bytes = if size > MAX_LEDGER_FILE as u64 {
            Err(format!("it has {size} bytes, more than {MAX_LEDGER_FILE}"))
        } else {
            repo.objects.find_blob(&id, &mut buffer).map_err(broken)?;
            Ok(buffer.clone())
        };
        files.insert(file, bytes);
    }
    Ok(LedgerFiles { name: name.to_owned(), commit: Some(CommitId(tip.to_string())), files })
}

/// The next commit, whose objects are in no repository yet. Files that are not named stay.
pub(super) fn compose(
    repo: &gix::Repository,
    entry: &LedgerEntry,
    signer: Option<&Signer>,
) -> Result<Chain, RepoError> {
    let broken = |error: gix::Error| passing(format!("the ledger's next commit cannot be made: {}", chain(&error)));
    let memory = repo.clone().with_object_memory();
    let parent = entry.expected.as_ref().map(super::branches::id_of).transpose()?;
    let before = match parent {
        Some(parent) => memory.find_commit(parent).and_then(|found| found.tree()).map_err(broken)?,
        None => memory.empty_tree(),
    };
    let mut editor = before.edit().map_err(broken)?;
    for (file, bytes) in &entry.files {
        let blob = memory.write_blob(bytes).map_err(broken)?;
        editor.upsert(file.as_str(), tree::EntryKind::Blob, blob).map_err(broken)?;
    }
    let root = editor.write().map_err(broken)?.detach();
    let people = (&entry.author, &entry.committer);
    let tip = commit::commit(&memory, root, parent, people, entry.time, &entry.message, signer)?;
    let objects = memory.objects.reset_object_memory().unwrap_or_default();
    Ok(Chain { commits: vec![tip], tip, objects })
}

/// Refuses a ledger on the branch that is planned from: every entry would be a commit of the configuration.
pub(super) fn must_not_be(name: &str, branch: &str) -> Result<(), RepoError> {
    match bare::full_name(branch) == name {
        true => Err(lasting(format!("the ledger and the configuration are on the same branch, {branch}"))
            .hint("`ledger: {ref: ...}` in the settings names another")),
        false => Ok(()),
    }
}

/// Where the ref is in a repository on this machine; `None`: there is none.
pub(super) fn local_tip(repo: &gix::Repository, name: &str) -> Result<Option<ObjectId>, RepoError> {
    let found = repo
        .try_find_reference(name)
        .map_err(|error| passing(format!("the ledger {name} cannot be read: {}", chain(&error))))?;
    match found.as_ref().map(|found| found.target()) {
        None => Ok(None),
        Some(TargetRef::Object(id)) => Ok(Some(id.to_owned())),
        Some(TargetRef::Symbolic(_)) => Err(lasting(format!("the ledger {name} stands for another ref"))),
    }
}
