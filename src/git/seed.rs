//! A new bare repository with one commit, for the demo and for tests.

use super::fault::{chain, lasting};
use crate::port::RepoError;
use gix::actor::SignatureRef;
use gix::objs::tree::EntryKind;
use std::path::Path;

/// The branch that the first commit is on.
const BRANCH: &str = "refs/heads/main";
/// The author and time of the first commit: the same on every run.
const AUTHOR: (&str, &str, &str) = ("Landwaiter demo", "demo@example.com", "1763000000 +0000");

/// Makes a bare repository at `path`, which must not exist, with `files` (path and text) on its branch `main`.
pub fn seed(path: &Path, files: &[(String, String)]) -> Result<(), RepoError> {
    let options = gix::open::Options::isolated();
    let create = gix::create::Options::default();
    let repo = gix::ThreadSafeRepository::init_opts(path, gix::create::Kind::Bare, create, options)
        .map_err(|error| broken(&error))?
        .to_thread_local();
    let tree = repo.empty_tree();
    let mut editor = tree.edit().map_err(|error| broken(&error))?;
    for (path, text) in files {
        let blob = repo.write_blob(text).map_err(|error| broken(&error))?;
        editor.upsert(path.as_str(), EntryKind::Blob, blob).map_err(|error| broken(&error))?;
    }
    let tree = editor.write().map_err(|error| broken(&error))?;
    let (name, email, time) = AUTHOR;
    let author = SignatureRef { name: name.into(), email: email.into(), time };
    let none = std::iter::empty::<gix::ObjectId>();
    repo.commit_as(author, author, BRANCH, "A config repository", tree, none).map_err(|error| broken(&error))?;
    Ok(())
}

fn broken(error: &gix::Error) -> RepoError {
    lasting(format!("the new repository cannot be made: {}", chain(error)))
}
