//! The next commit: a few files of its parent replaced, everything else untouched, made in memory.
//!
//! File modes stay as they are, untouched directories keep their ids, and every file must still hold the bytes that the
//! publication was planned from.

use super::fault::{chain, lasting, passing};
use crate::port::{NewFile, Publication, RepoError};
use gix::ObjectId;
use gix::actor::Signature;
use gix::date::Time;
use gix::objs::Kind;
use gix::odb::memory::Storage;

/// A commit whose objects are in no repository yet.
pub(super) struct NewCommit {
    pub(super) id: ObjectId,
    /// Exactly the objects that the parent does not have.
    pub(super) objects: Storage,
}

/// Builds the commit on top of `parent`, which `repo` holds with its trees. Nothing is written to the disk.
pub(super) fn compose(
    repo: &gix::Repository,
    parent: ObjectId,
    publication: &Publication,
) -> Result<NewCommit, RepoError> {
    let memory = repo.clone().with_object_memory();
    let tree = edited_tree(&memory, parent, &publication.files)?;
    let commit = gix::objs::Commit {
        tree,
        parents: std::iter::once(parent).collect(),
        author: author(publication),
        committer: author(publication),
        encoding: None,
        message: publication.message.as_str().into(),
        extra_headers: Vec::new(),
    };
    let id = memory
        .write_object(&commit)
        .map_err(|error| lasting(format!("the commit cannot be made: {}", chain(&error))))?
        .detach();
    let objects = memory.objects.reset_object_memory().unwrap_or_default();
    Ok(NewCommit { id, objects })
}

fn author(publication: &Publication) -> Signature {
    Signature {
        name: publication.author.name.as_str().into(),
        email: publication.author.email.as_str().into(),
        time: Time::new(publication.time, 0),
    }
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
