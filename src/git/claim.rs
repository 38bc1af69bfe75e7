//! One Landwaiter at a time writes to a local repository, and none is stopped by what a killed one left behind.
//!
//! Git's ref locks are files: a process that is killed between making and renaming one leaves it, and every later writer
//! fails until a person removes it. Ours are told apart by a note, written before the lock is made, in a file that the
//! kernel locks (and unlocks when its process dies): a lock that agrees with a note nobody holds is a dead one's. Locks of
//! other programs are never touched.

#![expect(clippy::disallowed_methods, reason = "this file manages lock files, and waits for them")]

use super::fault::{Hint, passing};
use crate::port::RepoError;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long another Landwaiter is waited for. Each holds the claim for one publication.
const CLAIM_WAIT: Duration = Duration::from_secs(30);
/// How long a lock that looks like a dead one's must stay as it is before it is removed: Git's own last milliseconds.
const DEAD_AFTER: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(5);
const FILE: &str = "landwaiter.lock";

/// The right to move refs of the repository, until dropped.
#[derive(Debug)]
pub(super) struct Claim {
    file: File,
    directory: PathBuf,
    /// What the last owner was about to write, if it was killed before it was done.
    left: String,
}

impl Claim {
    /// Waits for other Landwaiters, within bounds.
    pub(super) fn take(directory: &Path) -> Result<Claim, RepoError> {
        let path = directory.join(FILE);
        let bad = |io: io::Error| passing(format!("{} cannot be locked: {io}", path.display()));
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|io| bad(io).hint("run as a user who may write to the repository"))?;
        let until = Instant::now() + CLAIM_WAIT;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(io)) => return Err(bad(io)),
                Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(POLL),
                Err(TryLockError::WouldBlock) => {
                    return Err(passing(format!("{} is held by another process", path.display())));
                }
            }
        }
        let mut left = String::new();
        io::Read::by_ref(&mut file).take(1024).read_to_string(&mut left).map_err(bad)?;
        Ok(Claim { file, directory: directory.to_owned(), left })
    }

    /// Removes those of the locks that a killed Landwaiter left, then notes what we are about to write.
    pub(super) fn prepare(&mut self, locks: &[&str], about_to_write: &str) -> Result<(), RepoError> {
        if !self.left.is_empty() {
            for lock in locks {
                self.remove_dead(&self.directory.join(lock));
            }
        }
        self.note(about_to_write)
            .map_err(|io| passing(format!("{FILE} of {} cannot be written: {io}", self.directory.display())))
    }

    /// A lock of ours is empty or holds what the note says, or the beginning of it: a lock is written piece by piece.
    /// Somebody else's that is just being made may be empty too, so it must stay so for a while. One that cannot be
    /// removed is reported by whoever wants it next.
    fn remove_dead(&self, lock: &Path) {
        let until = Instant::now() + DEAD_AFTER;
        while Instant::now() < until {
            if !self.agrees(lock) {
                return;
            }
            std::thread::sleep(POLL);
        }
        if self.agrees(lock) {
            drop(fs::remove_file(lock));
        }
    }

    fn agrees(&self, lock: &Path) -> bool {
        fs::read(lock).is_ok_and(|held| self.left.as_bytes().starts_with(&held))
    }

    fn note(&mut self, text: &str) -> io::Result<()> {
        self.file.rewind()?;
        self.file.set_len(0)?;
        self.file.write_all(text.as_bytes())
    }
}

impl Drop for Claim {
    /// Done, well or not: no lock of ours is left. Without the note the next owner only looks once more.
    fn drop(&mut self) {
        drop(self.note(""));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "main.lock";

    /// What a killed owner leaves: its note, and perhaps a lock.
    fn killed(note: &str, lock: &str) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE), note).unwrap();
        fs::write(directory.path().join(LOCK), lock).unwrap();
        directory
    }

    fn lock_stays(note: &str, lock: &str) -> bool {
        let directory = killed(note, lock);
        let mut claim = Claim::take(directory.path()).unwrap();
        claim.prepare(&[LOCK], "next\n").unwrap();
        directory.path().join(LOCK).exists()
    }

    #[test]
    fn only_a_lock_that_agrees_with_a_dead_owners_note_is_removed() {
        assert!(!lock_stays("1234\n", "1234\n"));
        assert!(!lock_stays("1234\n", ""));
        assert!(!lock_stays("1234\n", "1234"), "killed between the id and its line break");
        assert!(lock_stays("1234\n", "5678\n"), "somebody else's");
        assert!(lock_stays("", ""), "nobody of ours was killed");
    }

    #[test]
    fn a_lock_that_changes_meanwhile_is_somebody_elses() {
        let directory = killed("1234\n", "");
        let lock = directory.path().join(LOCK);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(DEAD_AFTER / 4);
                fs::write(&lock, "5678\n").unwrap();
            });
            Claim::take(directory.path()).unwrap().prepare(&[LOCK], "next\n").unwrap();
        });
        assert!(lock.exists());
    }

    #[test]
    fn an_owner_that_is_done_leaves_no_note() {
        let directory = tempfile::tempdir().unwrap();
        let mut claim = Claim::take(directory.path()).unwrap();
        claim.prepare(&[LOCK], "1234\n").unwrap();
        assert_eq!(fs::read_to_string(directory.path().join(FILE)).unwrap(), "1234\n");
        drop(claim);
        assert_eq!(fs::read_to_string(directory.path().join(FILE)).unwrap(), "");
    }
}
