//! What branches of pull requests hold, read from a repository that has their commits: who made the head, and what it changes.

use super::fault::{chain, lasting, passing};
use super::snapshot::{MAX_READ_ONE, is_file};
use super::walk::{MAX_DEPTH, MAX_ENTRIES};
use crate::port::{Author, BlobId, BranchProposal, CommitId, MAX_MERGES, ProposedCommit, RepoError};
use gix::ObjectId;
use gix::bstr::{BString, ByteSlice as _};
use gix::objs::tree::EntryMode;
use gix::prelude::FindExt as _;
use std::collections::BTreeMap;

/// The most of a commit's message that is kept, in bytes.
const MAX_MESSAGE: usize = 64 << 10;

/// See [`crate::port::Branches::proposal`].
pub(super) fn proposal(repo: &gix::Repository, tip: ObjectId) -> Result<BranchProposal, RepoError> {
    let mut commits = Vec::new();
    let mut next = tip;
    loop {
        let (commit, first_parent) = read_commit(repo, next)?;
        let is_merge = commit.parents.len() > 1;
        commits.push(commit);
        match first_parent.filter(|_| is_merge && commits.len() <= MAX_MERGES) {
            Some(parent) => next = parent,
            None => {
                let changes = changes(repo, first_parent, next)?;
                return Ok(BranchProposal { commits, changes });
            }
        }
    }
}

fn read_commit(repo: &gix::Repository, id: ObjectId) -> Result<(ProposedCommit, Option<ObjectId>), RepoError> {
    let broken = |error: gix::Error| passing(format!("commit {id} cannot be read: {}", chain(&error)));
    let commit = repo.find_commit(id).map_err(broken)?;
    let decoded = commit.decode().map_err(broken)?;
    let author = |signature: gix::actor::SignatureRef<'_>| Author {
        name: signature.name.to_str_lossy().into_owned(),
        email: signature.email.to_str_lossy().into_owned(),
    };
    let parents: Vec<ObjectId> = decoded.parents().collect();
    let message = &decoded.message[..decoded.message.len().min(MAX_MESSAGE)];
    let read = ProposedCommit {
        id: CommitId(id.to_string()),
        parents: parents.iter().map(|id| CommitId(id.to_string())).collect(),
        author: author(decoded.author().map_err(broken)?),
        committer: author(decoded.committer().map_err(broken)?),
        message: message.to_str_lossy().into_owned(),
    };
    Ok((read, parents.first().copied()))
}

/// What `commit` changes against `parent`; everything where it has none.
fn changes(
    repo: &gix::Repository,
    parent: Option<ObjectId>,
    commit: ObjectId,
) -> Result<BTreeMap<String, Option<BlobId>>, RepoError> {
    let tree = |id: ObjectId| {
        repo.find_commit(id)
            .and_then(|found| found.tree_id().map(|id| id.detach()))
            .map_err(|error| passing(format!("commit {id} cannot be read: {}", chain(&error))))
    };
    let before = parent.map(tree).transpose()?;
    let mut comparison = Comparison { repo, left: MAX_ENTRIES, found: BTreeMap::new() };
    comparison.trees(&BString::default(), before, Some(tree(commit)?), 0)?;
    Ok(comparison.found)
}

/// Two trees side by side: equal subtrees are not opened.
struct Comparison<'r> {
    repo: &'r gix::Repository,
    /// Entries that may still be looked at.
    left: usize,
    found: BTreeMap<String, Option<BlobId>>,
}

type Entries = BTreeMap<BString, (EntryMode, ObjectId)>;

impl Comparison<'_> {
    fn trees(
        &mut self,
        prefix: &BString,
        old: Option<ObjectId>,
        new: Option<ObjectId>,
        depth: usize,
    ) -> Result<(), RepoError> {
        if old == new {
            return Ok(());
        }
        if depth > MAX_DEPTH {
            return Err(lasting(format!("a branch has more than {MAX_DEPTH} directories inside each other")));
        }
        let (old, new) = (self.entries(old)?, self.entries(new)?);
        for name in old.keys().chain(new.keys().filter(|name| !old.contains_key(*name))) {
            let (before, after) = (old.get(name), new.get(name));
            if before == after {
                continue;
            }
            let mut path = prefix.clone();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            let subtree =
                |entry: Option<&(EntryMode, ObjectId)>| entry.filter(|(mode, _)| mode.is_tree()).map(|(_, id)| *id);
            self.trees(&path, subtree(before), subtree(after), depth + 1)?;
            let leaf = |entry: Option<&(EntryMode, ObjectId)>| entry.filter(|(mode, _)| !mode.is_tree()).copied();
            let (before, after) = (leaf(before), leaf(after));
            if before != after {
                let id = after.filter(|(mode, _)| is_file(*mode)).map(|(_, id)| BlobId(id.to_string()));
                self.found.insert(path.to_str_lossy().into_owned(), id);
            }
        }
        Ok(())
    }

    fn entries(&mut self, tree: Option<ObjectId>) -> Result<Entries, RepoError> {
        let Some(tree) = tree else { return Ok(Entries::new()) };
        let broken = |error: gix::Error| passing(format!("tree {tree} cannot be read: {}", chain(&error)));
        let mut buffer = Vec::new();
        let mut entries = Entries::new();
        for entry in self.repo.objects.find_tree_iter(&tree, &mut buffer).map_err(broken)? {
            let entry = entry.map_err(broken)?;
            self.left = self
                .left
                .checked_sub(1)
                .ok_or_else(|| lasting(format!("a branch differs in more than {MAX_ENTRIES} places")))?;
            entries.insert(entry.filename.to_owned(), (entry.mode, entry.oid.to_owned()));
        }
        Ok(entries)
    }
}

/// See [`crate::port::Branches::read`].
pub(super) fn read(repo: &gix::Repository, commit: &CommitId, path: &str) -> Result<Option<Vec<u8>>, RepoError> {
    let id = id_of(commit)?;
    let broken = |error: gix::Error| passing(format!("{path} of commit {id} cannot be read: {}", chain(&error)));
    let tree = repo.find_commit(id).and_then(|found| found.tree()).map_err(broken)?;
    let Some(entry) = tree.lookup_entry_by_path(path).map_err(broken)?.filter(|entry| is_file(entry.mode())) else {
        return Ok(None);
    };
    let size = repo.find_header(entry.object_id()).map_err(broken)?.size();
    if size > MAX_READ_ONE {
        return Err(lasting(format!("{path} of commit {id} has {size} bytes")));
    }
    let mut buffer = Vec::new();
    repo.objects.find_blob(&entry.object_id(), &mut buffer).map_err(broken)?;
    Ok(Some(buffer))
}

pub(super) fn id_of(commit: &CommitId) -> Result<ObjectId, RepoError> {
    ObjectId::from_hex(commit.0.as_bytes()).map_err(|_| lasting(format!("`{commit}` is no commit id")))
}
