//! The files of a local checkout as they stand, committed or not; also of a plain directory without Git.
//!
//! Files are those that `git status` would know: tracked ones, and untracked ones that are not ignored. Symbolic links are
//! neither followed nor listed; `.git`, submodules and repositories inside the checkout are left out. On a directory that
//! is no repository the `.gitignore` files inside it count all the same.
//!
//! Writing replaces each file by a rename, so that a kill leaves every single file old or new; several files are not one
//! step, which is what commits are for.

#![expect(clippy::disallowed_methods, reason = "this adapter is where checkouts are read and written")]

use super::fault::{Hint, chain, lasting, passing};
use super::local::moved;
use super::snapshot::{MAX_READ_ONE, entry, find};
use super::walk::MAX_ENTRIES;
use super::{bare, ledger, past};
use crate::plan::Past;
use crate::port::{
    BlobId, CommitId, ConfigRepo, FileEntry, Keep, LedgerFiles, NewCommit, NewFile, Publication, PublishError,
    Published, ReadProblem, RepoError, Snapshot, Visit,
};
use gix::bstr::{BString, ByteSlice};
use gix::index::entry::Mode;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// How a file is named while it is written. Such files, left by a kill, are removed by the next writer.
const TEMPORARY_PREFIX: &str = ".landwaiter-";
const TEMPORARY_SUFFIX: &str = ".tmp";

/// A directory of files.
#[derive(Debug, Clone)]
pub struct Checkout {
    root: PathBuf,
    name: String,
    /// The full name of the ledger's ref.
    ledger: Option<String>,
}

impl Checkout {
    /// Looks whether the directory is there.
    pub fn open(path: &Path) -> Result<Checkout, RepoError> {
        let name = path.display().to_string();
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => Ok(Checkout { root: path.to_owned(), name, ledger: None }),
            Ok(_) => Err(lasting(format!("{name} is not a directory"))),
            Err(io) if io.kind() == io::ErrorKind::NotFound => Err(lasting(format!("{name} does not exist"))),
            Err(io) => Err(lasting(format!("{name} cannot be read: {io}"))),
        }
    }

    /// With the ledger's ref, which is read and never written here.
    pub(super) fn with_ledger(self, ledger: Option<String>) -> Checkout {
        Checkout { ledger, ..self }
    }

    /// The ledger as the last fetch left it: a branch is there under its remote's name.
    fn read_ledger(&self) -> Result<LedgerFiles, RepoError> {
        let (Some(name), Some(repo)) = (&self.ledger, self.repository()?) else {
            return Ok(LedgerFiles::default());
        };
        let fetched = name.strip_prefix("refs/heads/").map(|branch| format!("refs/remotes/origin/{branch}"));
        for name in fetched.iter().chain([name]) {
            if let Some(tip) = ledger::local_tip(&repo, name)? {
                return ledger::read(&repo, name, Some(tip));
            }
        }
        ledger::read(&repo, name, None)
    }

    /// The repository of the checkout; `None` for a plain directory.
    fn repository(&self) -> Result<Option<gix::Repository>, RepoError> {
        if fs::symlink_metadata(self.root.join(".git")).is_err() {
            return Ok(None);
        }
        bare::open(&self.root, &self.name).map(Some)
    }

    /// Paths of files that are not ignored, found by walking.
    fn walk(&self) -> Result<BTreeSet<BString>, RepoError> {
        let mut found = BTreeSet::new();
        let walker = ignore::WalkBuilder::new(&self.root)
            .standard_filters(false)
            .git_ignore(true)
            .git_exclude(true)
            .require_git(false)
            .follow_links(false)
            .filter_entry(|item| item.file_name() != ".git" && (item.depth() == 0 || !is_repository(item)))
            .build();
        for item in walker {
            let item = item.map_err(|error| passing(format!("{} cannot be listed: {error}", self.name)))?;
            if item.file_type().is_some_and(|kind| kind.is_file()) && !is_temporary(item.path()) {
                found.insert(self.relative(item.path())?);
            }
            if found.len() > MAX_ENTRIES {
                return Err(lasting(format!("{} has more than {MAX_ENTRIES} files", self.name)));
            }
        }
        Ok(found)
    }

    fn relative(&self, path: &Path) -> Result<BString, RepoError> {
        let inside = path
            .strip_prefix(&self.root)
            .map_err(|_| lasting(format!("{} is not inside {}", path.display(), self.name)))?;
        let path = gix::path::into_bstr(inside)
            .map_err(|_| lasting(format!("the name of {} cannot be read", path.display())))?;
        Ok(gix::path::to_unix_separators_on_windows(path).into_owned())
    }

    /// Adds tracked files that are there, ignored or not.
    fn add_tracked(&self, repo: &gix::Repository, found: &mut BTreeSet<BString>) -> Result<(), RepoError> {
        let index = repo
            .index_or_empty()
            .map_err(|error| passing(format!("the index of {} cannot be read: {}", self.name, chain(&error))))?;
        for item in index.entries() {
            let path = item.path(&index);
            let file = item.mode == Mode::FILE || item.mode == Mode::FILE_EXECUTABLE;
            if file && !found.contains(path) && self.plain_file(path).is_some() {
                found.insert(path.to_owned());
            }
        }
        Ok(())
    }

    /// The file on the disk, unless it is missing, no regular file, or reached through a symbolic link.
    fn plain_file(&self, path: &gix::bstr::BStr) -> Option<(PathBuf, fs::Metadata)> {
        let relative = gix::path::from_bstr(path).ok()?;
        let mut full = self.root.clone();
        let mut last = None;
        for part in relative.components() {
            let std::path::Component::Normal(part) = part else {
                return None;
            };
            if last.is_some_and(|above: fs::Metadata| !above.is_dir()) {
                return None;
            }
            full.push(part);
            last = Some(fs::symlink_metadata(&full).ok()?);
        }
        last.filter(|found| found.is_file()).map(|found| (full, found))
    }
}

/// A directory with a `.git` of its own: a submodule or a repository inside the checkout.
fn is_repository(item: &ignore::DirEntry) -> bool {
    item.file_type().is_some_and(|kind| kind.is_dir()) && fs::symlink_metadata(item.path().join(".git")).is_ok()
}

fn is_temporary(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.starts_with(TEMPORARY_PREFIX) && name.ends_with(TEMPORARY_SUFFIX))
}

impl ConfigRepo for Checkout {
    fn name(&self) -> &str {
        &self.name
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot>, RepoError> {
        let mut found = self.walk()?;
        let mut hash = gix::hash::Kind::Sha1;
        if let Some(repo) = self.repository()? {
            hash = repo.object_hash();
            self.add_tracked(&repo, &mut found)?;
        }
        Ok(Box::new(CheckoutSnapshot {
            files: found.into_iter().map(|path| entry(path, None)).collect(),
            checkout: self.clone(),
            hash,
        }))
    }

    /// Of what is checked out. To a folder that is no repository, and to a branch without a commit, nothing was ever written.
    fn past(&self, _: Option<&CommitId>, limit: usize, keep: &Keep<'_>) -> Result<Past, RepoError> {
        let Some(repo) = self.repository()? else {
            return Ok(Past::default());
        };
        let unreadable = |error| passing(format!("HEAD of {} cannot be read: {}", self.name, chain(&error)));
        let head = repo.head().and_then(|head| head.try_into_peeled_id()).map_err(unreadable)?;
        head.map_or_else(|| Ok(Past::default()), |head| past::read(&repo, head.detach(), &self.name, limit, keep))
    }

    /// Writes the files. All of them must still hold the bytes they were planned from before the first is touched.
    fn publish(&self, publication: &Publication) -> Result<Published, PublishError> {
        let [NewCommit { files, .. }] = publication.commits.as_slice() else {
            return Err(
                lasting("internal error: the files of a checkout are written once, not commit by commit").into()
            );
        };
        let mut targets = Vec::with_capacity(files.len());
        for file in files {
            match self.unchanged(file)? {
                Some(target) => targets.push((target, file)),
                None => return Err(moved(None)),
            }
        }
        for ((path, metadata), file) in targets {
            replace(&path, &metadata, &file.new).map_err(|io| {
                lasting(format!("{} cannot be written: {io}", path.display()))
                    .hint("files written before it hold their new text; run again to finish")
            })?;
        }
        Ok(Published { commits: Vec::new(), messages: Vec::new(), ledger: None })
    }
}

impl Checkout {
    /// The file to replace; `None` when it no longer holds what the plan was made from.
    fn unchanged(&self, file: &NewFile) -> Result<Option<(PathBuf, fs::Metadata)>, RepoError> {
        let Some((path, metadata)) = self.plain_file(file.path.as_bytes().as_bstr()) else {
            return Ok(None);
        };
        if metadata.len() != file.old.len() as u64 {
            return Ok(None);
        }
        let now = fs::read(&path).map_err(|io| lasting(format!("{} cannot be read: {io}", path.display())))?;
        Ok((now == *file.old).then_some((path, metadata)))
    }
}

/// Puts the bytes in the place of the file by a rename, with its mode.
fn replace(path: &Path, metadata: &fs::Metadata, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().ok_or(io::ErrorKind::NotFound)?;
    remove_left_overs(directory)?;
    let mut file = tempfile::Builder::new().prefix(TEMPORARY_PREFIX).suffix(TEMPORARY_SUFFIX).tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(metadata.permissions())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(directory)?.sync_all()
}

fn remove_left_overs(directory: &Path) -> io::Result<()> {
    for item in fs::read_dir(directory)? {
        let path = item?.path();
        if is_temporary(&path) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The files as they stood when they were listed; their bytes are read when asked for.
#[derive(Debug)]
struct CheckoutSnapshot {
    checkout: Checkout,
    files: Vec<FileEntry>,
    /// With which ids are computed.
    hash: gix::hash::Kind,
}

impl CheckoutSnapshot {
    /// Reads the file into the buffer, which it may only fill up to the limit.
    fn load(&self, file: &FileEntry, limit: u64, buffer: &mut Vec<u8>) -> Result<(), ReadProblem> {
        let unreadable = |io: io::Error| ReadProblem::Unreadable(io.to_string());
        let Some((path, metadata)) = self.checkout.plain_file(file.path.as_bytes().as_bstr()) else {
            return Err(ReadProblem::Unreadable("the file is gone".to_owned()));
        };
        if metadata.len() > limit {
            return Err(ReadProblem::TooLarge { size: metadata.len() });
        }
        buffer.clear();
        let mut source = File::open(path).map_err(unreadable)?.take(limit.saturating_add(1));
        source.read_to_end(buffer).map_err(unreadable)?;
        match buffer.len() as u64 {
            size if size > limit => Err(ReadProblem::TooLarge { size }),
            _ => Ok(()),
        }
    }

    fn with_id(&self, file: &FileEntry, bytes: &[u8]) -> FileEntry {
        let id = gix::objs::compute_hash(self.hash, gix::objs::Kind::Blob, bytes).ok();
        FileEntry { blob: id.map(|id| BlobId(id.to_string())), ..file.clone() }
    }
}

impl Snapshot for CheckoutSnapshot {
    fn branch(&self) -> Option<&str> {
        None
    }

    fn head(&self) -> Option<&CommitId> {
        None
    }

    fn files(&self) -> &[FileEntry] {
        &self.files
    }

    fn read(&self, limit: u64, wanted: &dyn Fn(&FileEntry) -> bool, visit: &mut Visit<'_>) -> Result<(), RepoError> {
        let mut buffer = Vec::new();
        for file in self.files.iter().filter(|file| !file.unreadable_path && wanted(file)) {
            let next = match self.load(file, limit, &mut buffer) {
                Ok(()) => visit(&self.with_id(file, &buffer), Ok(&buffer)),
                Err(problem) => visit(file, Err(problem)),
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
        match self.load(&self.files[at], MAX_READ_ONE, &mut buffer) {
            Ok(()) => Ok(Some(buffer)),
            Err(ReadProblem::TooLarge { size }) => Err(lasting(format!("{path} has {size} bytes"))),
            Err(ReadProblem::Unreadable(why)) => Err(passing(format!("{path} cannot be read: {why}"))),
        }
    }

    fn ledger(&self) -> Result<LedgerFiles, RepoError> {
        self.checkout.read_ledger()
    }
}
