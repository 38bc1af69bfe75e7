//! The disk side of a remote repository: a bare repository that can be thrown away at any time.
//!
//! ```text
//! CACHE_DIR/HOST-PATH-HASH/     one per URL
//!   lock                        held by the one process that uses the cache
//!   7/                          the current generation, a bare repository
//!     tip                       the last commit that is complete in it
//!   8.new/                      a generation that is being filled
//!   files                       the names of the last look, see `listing`
//! ```
//!
//! A cache belongs to one process at a time; a second one for the same URL works in a temporary directory instead of
//! waiting. The lock is the kernel's and dies with its process. A generation that is odd or has grown is replaced by a new
//! one; readers of the old one keep it until they are done.

#![expect(clippy::disallowed_methods, reason = "this file manages the cache directory")]

use super::bare;
use super::fault::{chain, lasting, passing};
use crate::port::RepoError;
use gix::ObjectId;
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// From this many packs on a generation is replaced: each changed fetch adds one, and all of them are searched.
pub(super) const MAX_PACKS: usize = 50;
/// The last commit that is complete in the generation, in hex.
const TIP: &str = "tip";
const NEW: &str = "new";

/// The directory of one URL, ours while this value lives.
#[derive(Debug)]
pub(super) struct Cache {
    root: PathBuf,
    /// Removed with the cache, after the last reader.
    temporary: Option<Arc<tempfile::TempDir>>,
    _lock: Option<File>,
}

/// One bare repository of the cache.
#[derive(Debug)]
pub(super) struct Generation {
    number: u64,
    path: PathBuf,
    spoiled: AtomicBool,
    replaced: AtomicBool,
    _temporary: Option<Arc<tempfile::TempDir>>,
}

impl Cache {
    /// Takes the cache of that name below `directory`, or a temporary one when there is none or another process has it.
    pub(super) fn take(directory: Option<&Path>, name: &str) -> Result<Cache, RepoError> {
        let Some(directory) = directory else {
            return Cache::temporary();
        };
        let root = directory.join(slug(name));
        let bad = |io: io::Error| lasting(format!("the cache {} cannot be used: {io}", root.display()));
        // For our eyes only: the repository may be private.
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&root);
        made.map_err(bad)?;
        let lock = File::create(root.join("lock")).map_err(bad)?;
        match lock.try_lock() {
            Ok(()) => {
                let cache = Cache { root, temporary: None, _lock: Some(lock) };
                cache.tidy();
                Ok(cache)
            }
            Err(fs::TryLockError::WouldBlock) => Cache::temporary(),
            Err(fs::TryLockError::Error(io)) => Err(bad(io)),
        }
    }

    fn temporary() -> Result<Cache, RepoError> {
        let directory = tempfile::Builder::new()
            .prefix("landwaiter-")
            .tempdir()
            .map_err(|io| passing(format!("a temporary directory cannot be made: {io}")))?;
        Ok(Cache { root: directory.path().to_owned(), temporary: Some(Arc::new(directory)), _lock: None })
    }

    /// Removes what killed processes left: unfinished and replaced generations, locks and temporary packs in the rest.
    ///
    /// What cannot be removed is left: it costs space, and using it fails with its own error.
    fn tidy(&self) {
        let current = self.numbers().into_iter().max();
        for path in children(&self.root).filter(|path| path.is_dir()) {
            match number_of(&path) {
                Some(number) if Some(number) == current => remove_left_overs(&path),
                _ => drop(fs::remove_dir_all(&path)),
            }
        }
    }

    fn numbers(&self) -> Vec<u64> {
        children(&self.root).filter_map(|path| number_of(&path)).collect()
    }

    /// The generation that is there, unless it has grown too much.
    pub(super) fn current(&self) -> Option<Generation> {
        let number = self.numbers().into_iter().max()?;
        let generation = self.generation(number, self.root.join(number.to_string()));
        (!generation.worn()).then_some(generation)
    }

    /// An empty generation to be filled, and named by [`Cache::accept`] when it is complete.
    pub(super) fn begin(&self, hash: gix::hash::Kind) -> Result<Generation, RepoError> {
        let number = self.numbers().into_iter().max().map_or(0, |last| last + 1);
        let path = self.root.join(format!("{number}.{NEW}"));
        let bad = |why: String| passing(format!("the cache {} cannot be made: {why}", path.display()));
        match fs::remove_dir_all(&path) {
            Err(io) if io.kind() != io::ErrorKind::NotFound => return Err(bad(io.to_string())),
            _ => fs::create_dir_all(&path).map_err(|io| bad(io.to_string()))?,
        }
        let options = gix::create::Options { object_hash: Some(hash), ..Default::default() };
        gix::ThreadSafeRepository::init_opts(&path, gix::create::Kind::Bare, options, gix::open::Options::isolated())
            .map_err(|error| bad(chain(&error)))?;
        Ok(self.generation(number, path))
    }

    /// Makes the filled generation the current one.
    pub(super) fn accept(&self, filled: &Generation) -> Result<Generation, RepoError> {
        let path = self.root.join(filled.number.to_string());
        fs::rename(&filled.path, &path)
            .map_err(|io| passing(format!("the cache {} cannot be renamed: {io}", filled.path.display())))?;
        Ok(self.generation(filled.number, path))
    }

    fn generation(&self, number: u64, path: PathBuf) -> Generation {
        Generation {
            number,
            path,
            spoiled: AtomicBool::new(false),
            replaced: AtomicBool::new(false),
            _temporary: self.temporary.clone(),
        }
    }
}

impl Generation {
    pub(super) fn open(&self) -> Result<gix::Repository, RepoError> {
        bare::open(&self.path, &format!("the cache {}", self.path.display()))
    }

    /// The last commit that was complete here, if it still is there.
    pub(super) fn tip(&self, repo: &gix::Repository) -> Option<ObjectId> {
        let text = fs::read_to_string(self.path.join(TIP)).ok()?;
        let id = ObjectId::from_hex(text.trim_end().as_bytes()).ok()?;
        (id.kind() == repo.object_hash() && repo.has_object(id)).then_some(id)
    }

    /// Remembers a commit whose files are all here. It is only ever used to ask for less.
    pub(super) fn set_tip(&self, id: ObjectId) -> Result<(), RepoError> {
        self.write(TIP, &format!("{id}\n"))
    }

    /// Commits whose parents are not here (Git's own file, so that `git` can look at the cache).
    pub(super) fn shallow(&self) -> Vec<ObjectId> {
        let text = fs::read_to_string(self.path.join("shallow")).unwrap_or_default();
        text.lines().filter_map(|line| ObjectId::from_hex(line.as_bytes()).ok()).collect()
    }

    pub(super) fn set_shallow(&self, commits: &[ObjectId]) -> Result<(), RepoError> {
        let text: String = commits.iter().map(|id| format!("{id}\n")).collect();
        self.write("shallow", &text)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), RepoError> {
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(&self.path)?;
            file.write_all(text.as_bytes())?;
            file.persist(self.path.join(name))?;
            io::Result::Ok(())
        };
        write().map_err(|io| passing(format!("the cache {} cannot be written: {io}", self.path.display())))
    }

    /// Something in it could not be read: the next use begins a new one.
    pub(super) fn spoil(&self) {
        self.spoiled.store(true, Ordering::Relaxed);
    }

    /// Whether it should be replaced: odd, or searched too long.
    pub(super) fn worn(&self) -> bool {
        let packs = children(&self.path.join("objects/pack"))
            .filter(|path| path.extension().is_some_and(|extension| extension == "pack"))
            .count();
        self.spoiled.load(Ordering::Relaxed) || packs >= MAX_PACKS
    }

    /// How much its packs take on the disk.
    pub(super) fn bytes(&self) -> u64 {
        let packs = children(&self.path.join("objects/pack"));
        packs.filter_map(|path| Some(path.metadata().ok()?.len())).sum()
    }

    /// Removes it from the disk once the last reader is done.
    pub(super) fn replace(&self) {
        self.replaced.store(true, Ordering::Relaxed);
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        if self.replaced.load(Ordering::Relaxed) {
            // What stays is removed by the next process that takes the cache.
            drop(fs::remove_dir_all(&self.path));
        }
    }
}

/// Locks, keeps and temporary files of a process that was killed; we hold the cache's lock, so they are nobody's.
fn remove_left_overs(generation: &Path) {
    let stale = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.ends_with(".lock") || name.ends_with(".keep") || name.starts_with(".tmp")
    };
    for directory in [generation.to_owned(), generation.join("objects/pack")] {
        for path in children(&directory).filter(stale) {
            drop(fs::remove_file(path));
        }
    }
}

/// What lies in the directory; nothing when it cannot be listed.
fn children(directory: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let listed = fs::read_dir(directory).into_iter().flatten().flatten();
    listed.map(|item| item.path())
}

fn number_of(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.parse().ok()
}

/// A directory name that people recognise and that no two URLs share.
pub(super) fn slug(name: &str) -> String {
    let readable: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    let tail = readable.len().saturating_sub(40);
    let hash: String = Sha256::digest(name.as_bytes())[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{hash}", readable[tail..].trim_matches(['-', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(cache: &Cache) -> Generation {
        let filled = cache.begin(gix::hash::Kind::Sha1).unwrap();
        cache.accept(&filled).unwrap()
    }

    #[test]
    fn names_are_readable_and_distinct() {
        let one = slug("https://git.example.com/acme/config.git");
        assert!(one.starts_with("https---git.example.com-acme-config.git-"), "{one}");
        assert_ne!(one, slug("https://git.example.com/acme-config.git"));
    }

    #[test]
    fn a_second_user_gets_a_temporary_cache_and_a_later_one_the_kept() {
        let directory = tempfile::tempdir().unwrap();
        let first = Cache::take(Some(directory.path()), "x").unwrap();
        kept(&first);
        let second = Cache::take(Some(directory.path()), "x").unwrap();
        assert!(second.temporary.is_some() && second.current().is_none());
        drop(first);
        let third = Cache::take(Some(directory.path()), "x").unwrap();
        assert!(third.temporary.is_none() && third.current().is_some());
    }

    #[test]
    fn what_a_kill_left_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::take(Some(directory.path()), "x").unwrap();
        let old = kept(&cache);
        let new = kept(&cache);
        cache.begin(gix::hash::Kind::Sha1).unwrap();
        let left = ["shallow.lock", "objects/pack/pack-1.keep", "objects/pack/.tmpabc"];
        for name in left {
            fs::write(new.path.join(name), "").unwrap();
        }
        drop(cache);
        let cache = Cache::take(Some(directory.path()), "x").unwrap();
        assert_eq!(cache.current().unwrap().number, new.number);
        assert!(!old.path.exists());
        assert_eq!(cache.numbers(), [new.number]);
        for name in left {
            assert!(!new.path.join(name).exists(), "{name}");
        }
    }

    #[test]
    fn a_generation_with_too_many_packs_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::take(Some(directory.path()), "x").unwrap();
        let generation = kept(&cache);
        for number in 0..MAX_PACKS {
            assert!(cache.current().is_some());
            fs::write(generation.path.join(format!("objects/pack/pack-{number}.pack")), "").unwrap();
        }
        assert!(cache.current().is_none());
    }

    #[test]
    fn a_replaced_generation_stays_until_its_last_reader_is_done() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::take(Some(directory.path()), "x").unwrap();
        let generation = Arc::new(kept(&cache));
        let reader = generation.clone();
        generation.replace();
        drop(generation);
        assert!(reader.path.exists());
        let path = reader.path.clone();
        drop(reader);
        assert!(!path.exists());
    }

    #[test]
    fn a_temporary_cache_lives_as_long_as_its_reader() {
        let cache = Cache::take(None, "x").unwrap();
        let generation = kept(&cache);
        drop(cache);
        assert!(generation.path.exists());
        let root = generation.path.parent().unwrap().to_owned();
        drop(generation);
        assert!(!root.exists());
    }
}
