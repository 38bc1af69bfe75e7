//! The next commits: a few files of the parent replaced, everything else untouched, made in memory.
//!
//! File modes stay as they are, untouched directories keep their ids, and every file must still hold the bytes that the
//! publication was planned from.

use super::fault::{chain, lasting, passing};
use super::sign::Signer;
use crate::port::{Author, CommitId, NewCommit, NewFile, Publication, RepoError};
use gix::ObjectId;
use gix::actor::Signature;
use gix::date::Time;
use gix::objs::{Kind, WriteTo as _};
use gix::odb::memory::Storage;

/// Commits whose objects are in no repository yet.
pub(super) struct Chain {
    /// The first stands on the parent, each other on the one before it.
    pub(super) commits: Vec<ObjectId>,
    /// What the branch is to point at: the last of them.
    pub(super) tip: ObjectId,
    /// Exactly the objects that the parent does not have.
    pub(super) objects: Storage,
}

impl Chain {
    pub(super) fn names(&self) -> Vec<CommitId> {
        self.commits.iter().map(|id| CommitId(id.to_string())).collect()
    }
}

/// Builds the commits on top of `parent`, which `repo` holds with its trees. Nothing is written to the disk.
pub(super) fn compose(
    repo: &gix::Repository,
    parent: ObjectId,
    publication: &Publication,
    signer: Option<&Signer>,
) -> Result<Chain, RepoError> {
    let memory = repo.clone().with_object_memory();
    let mut commits = Vec::with_capacity(publication.commits.len());
    let mut tip = parent;
    for next in &publication.commits {
        tip = write(&memory, tip, next, publication, signer)?;
        commits.push(tip);
    }
    if commits.is_empty() {
        return Err(lasting("the publication holds no commit"));
    }
    let objects = memory.objects.reset_object_memory().unwrap_or_default();
    Ok(Chain { commits, tip, objects })
}

fn write(
    memory: &gix::Repository,
    parent: ObjectId,
    next: &NewCommit,
    publication: &Publication,
    signer: Option<&Signer>,
) -> Result<ObjectId, RepoError> {
    let tree = edited_tree(memory, parent, &next.files)?;
    let people = (&publication.author, &publication.committer);
    commit(memory, tree, Some(parent), people, publication.time, &next.message, signer)
}

/// One commit, signed if it is to be.
pub(super) fn commit(
    memory: &gix::Repository,
    tree: ObjectId,
    parent: Option<ObjectId>,
    (author, committer): (&Author, &Author),
    time: i64,
    message: &str,
    signer: Option<&Signer>,
) -> Result<ObjectId, RepoError> {
    let mut commit = gix::objs::Commit {
        tree,
        parents: parent.into_iter().collect(),
        author: signature(author, time),
        committer: signature(committer, time),
        encoding: None,
        message: message.into(),
        extra_headers: Vec::new(),
    };
    if let Some(signer) = signer {
        let mut unsigned = Vec::new();
        commit.write_to(&mut unsigned).map_err(|error| lasting(format!("the commit cannot be made: {error}")))?;
        let signed = signer.sign(&unsigned)?;
        commit.extra_headers.push((header(memory.object_hash()).into(), signed.trim_end().into()));
    }
    let id = memory.write_object(&commit);
    Ok(id.map_err(|error| lasting(format!("the commit cannot be made: {}", chain(&error))))?.detach())
}

/// Git keeps a signature under a name of its own for each kind of id that it is made over.
fn header(hash: gix::hash::Kind) -> &'static str {
    match hash {
        gix::hash::Kind::Sha256 => "gpgsig-sha256",
        _ => "gpgsig",
    }
}

fn signature(author: &Author, time: i64) -> Signature {
    Signature { name: author.name.as_str().into(), email: author.email.as_str().into(), time: Time::new(time, 0) }
}

fn edited_tree(repo: &gix::Repository, parent: ObjectId, files: &[NewFile]) -> Result<ObjectId, RepoError> {
    let broken =
        |error: gix::Error| passing(format!("the tree of commit {parent} cannot be edited: {}", chain(&error)));
    let tree = repo.find_commit(parent).and_then(|commit| commit.tree()).map_err(broken)?;
    let mut editor = tree.edit().map_err(broken)?;
    for file in files {
        let found = tree.lookup_entry_by_path(&*file.path).map_err(broken)?;
        let Some(entry) = found.filter(|entry| super::snapshot::is_file(entry.mode())) else {
            return Err(lasting(format!("{} is no file of commit {parent}", file.path)));
        };
        let old = gix::objs::compute_hash(repo.object_hash(), Kind::Blob, &file.old).map_err(broken)?;
        if entry.object_id() != old {
            return Err(lasting(format!("{} of commit {parent} is not what was planned from", file.path)));
        }
        let new = repo.write_blob(&file.new).map_err(broken)?;
        editor.upsert(&*file.path, entry.mode().kind(), new).map_err(broken)?;
    }
    let edited = editor.write().map_err(broken)?.detach();
    if edited == tree.id {
        return Err(lasting("the publication changes nothing"));
    }
    Ok(edited)
}
