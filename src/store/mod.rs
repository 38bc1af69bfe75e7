//! What is remembered between runs: facts that cost requests or time to learn again, and nothing else. Never a token or a
//! password.
//!
//! | file | holds |
//! |---|---|
//! | `shelf` | bounded tables, the oldest row forgotten first |
//! | `file` | the SQLite file: opened, proven to be ours, put aside when it is not |
//! | `words` | how facts are written into a row, and read back |
//!
//! The folder may be deleted at any time. A file that cannot be used, for now or for good, costs a run its memory and
//! nothing else: [`crate::port::Store::troubles`] says so. The file is opened when something is first asked or told, so
//! that a run that needs no memory touches none.

mod file;
mod shelf;
mod words;

pub use file::{MAX_BYTES, PATIENCE};

use crate::image::{Digest, ImageMetadata, Repository, Tag};
use crate::port::{Named, Notes, Sighting, Store, TagList};
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use shelf::{Counts, FILES, IMAGES, LISTS, NEWS, NOTES, SIGHTINGS};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The name of the file in the folder.
const FILE: &str = "memory.sqlite";

/// The store in a folder of this machine.
pub struct Database {
    path: Option<PathBuf>,
    max_bytes: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    link: Link,
    counts: Counts,
    troubles: Vec<String>,
    /// Another process kept the file busy; until it lets go it is not waited for again.
    in_a_hurry: bool,
}

#[derive(Debug, Default)]
enum Link {
    #[default]
    Closed,
    /// Closed, because something in it was not as it should be.
    Suspect,
    Open(Connection),
    /// Not tried again before somebody asks whether it works.
    Unusable(String),
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Database {
    /// The store in `folder`, which is made when it is first needed. Without a folder nothing is remembered.
    pub fn new(folder: Option<PathBuf>) -> Database {
        Database::bounded(folder, MAX_BYTES)
    }

    /// The same with a file of at most so many bytes.
    pub fn bounded(folder: Option<PathBuf>, max_bytes: u64) -> Database {
        Database { path: folder.map(|folder| folder.join(FILE)), max_bytes, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works on the open file, and once more on a new one if it turns out to be damaged.
    fn on_file<T>(&self, work: impl Fn(&mut Connection, &mut Counts) -> rusqlite::Result<T>) -> Result<T, String> {
        let mut state = self.state();
        let state = &mut *state;
        for last in [false, true] {
            self.open(state)?;
            let Link::Open(connection) = &mut state.link else { break };
            let result = work(connection, &mut state.counts);
            let busy = matches!(&result, Err(failed) if file::is_busy(failed));
            if busy != state.in_a_hurry {
                state.in_a_hurry = busy;
                let patience = if busy { Duration::ZERO } else { PATIENCE };
                connection.busy_timeout(patience).map_err(|error| format!("the store failed: {error}"))?;
            }
            let failed = match result {
                Ok(done) => return Ok(done),
                Err(failed) => failed,
            };
            // What was counted in a transaction that failed is not so.
            state.counts.clear();
            let why = match &failed {
                busy if file::is_busy(busy) => "another process keeps the store busy".to_owned(),
                damage if file::is_damage(damage) && !last => {
                    state.link = Link::Suspect;
                    continue;
                }
                other => format!("the store failed: {other}"),
            };
            return Err(why);
        }
        Err("the store is damaged".to_owned())
    }

    fn open(&self, state: &mut State) -> Result<(), String> {
        let suspect = match &state.link {
            Link::Open(_) => return Ok(()),
            Link::Unusable(why) => return Err(why.clone()),
            Link::Closed => false,
            Link::Suspect => true,
        };
        // The old connection is gone before the file is looked at.
        let opened = match &self.path {
            Some(path) => file::open(path, suspect, self.max_bytes),
            None => Err("there is no folder for what is remembered".to_owned()),
        };
        match opened {
            Ok((connection, told)) => {
                state.counts.clear();
                state.in_a_hurry = false;
                state.troubles.extend(told);
                state.link = Link::Open(connection);
                Ok(())
            }
            Err(why) => {
                state.link = Link::Unusable(why.clone());
                Err(why)
            }
        }
    }

    /// Reads; what cannot be read is not there.
    fn read<T: Default>(&self, work: impl Fn(&Connection) -> rusqlite::Result<T>) -> T {
        self.on_file(|connection, _| work(connection)).unwrap_or_else(|why| {
            self.trouble(&format!("{why}; what it holds was not read"));
            T::default()
        })
    }

    /// Writes in one transaction, whole or not at all.
    fn write(&self, work: impl Fn(&Transaction<'_>, &mut Counts) -> rusqlite::Result<()>) {
        let written = self.on_file(|connection, counts| match transact(connection, counts, &work) {
            Err(full) if full.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
                counts.clear();
                make_room(connection)?;
                transact(connection, counts, &work)
            }
            done => done,
        });
        if let Err(why) = written {
            self.trouble(&format!("{why}; some of what this run learned is not remembered"));
        }
    }

    /// Notes what went wrong, once. That there is no usable file at all is told by [`Store::works`] to whom it matters.
    fn trouble(&self, text: &str) {
        let mut state = self.state();
        if !matches!(state.link, Link::Unusable(_)) && !state.troubles.iter().any(|known| known == text) {
            state.troubles.push(text.to_owned());
        }
    }
}

fn transact(
    connection: &mut Connection,
    counts: &mut Counts,
    work: impl Fn(&Transaction<'_>, &mut Counts) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    // A transaction that begins as a reader's cannot wait for its turn to write.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    work(&transaction, counts)?;
    transaction.commit()
}

/// Forgets the oldest quarter of everything.
fn make_room(connection: &Connection) -> rusqlite::Result<()> {
    for shelf in shelf::ALL {
        let rows = shelf.count(connection)?;
        shelf.forget(connection, rows.div_ceil(4))?;
    }
    Ok(())
}

impl Store for Database {
    fn works(&self) -> Result<(), String> {
        if let state @ Link::Unusable(_) = &mut self.state().link {
            *state = Link::Closed;
        }
        // A file that can be read and not written is opened all the same; a reserved write finds out.
        self.on_file(|connection, _| connection.transaction_with_behavior(TransactionBehavior::Immediate)?.rollback())
    }

    fn image(&self, digest: &Digest) -> Option<ImageMetadata> {
        let said = self.read(|connection| IMAGES.get(connection, digest.as_str()))?;
        words::read_image(digest, &said)
    }

    fn keep_image(&self, image: &ImageMetadata) {
        let said = words::image(image);
        self.write(|transaction, counts| IMAGES.put(transaction, counts, image.digest.as_str(), &said));
    }

    fn sighting(&self, repository: &Repository, tag: &Tag) -> Option<Sighting> {
        let key = words::place(repository, tag);
        let seen = self.read(|connection| SIGHTINGS.get(connection, &key))?;
        words::read_sighting(&seen)
    }

    fn sightings(&self, repository: &Repository) -> BTreeMap<Tag, Sighting> {
        let rows: Vec<(String, String)> = self.read(|connection| SIGHTINGS.below(connection, repository.as_str()));
        rows.iter().filter_map(|(tag, seen)| Some((Tag::parse(tag).ok()?, words::read_sighting(seen)?))).collect()
    }

    fn saw(&self, named: &[Named], now: i64) {
        if named.is_empty() {
            return;
        }
        self.write(|transaction, counts| {
            for Named { repository, tag, digest } in named {
                let key = words::place(repository, tag);
                let before = SIGHTINGS.get(transaction, &key)?.and_then(|before| words::read_sighting(&before));
                let sighting = words::seen(before, digest, now);
                SIGHTINGS.put(transaction, counts, &key, &words::sighting(&sighting))?;
            }
            Ok(())
        });
    }

    fn list(&self, repository: &Repository) -> Option<TagList> {
        let list = self.read(|connection| LISTS.get(connection, repository.as_str()))?;
        words::read_list(&list)
    }

    fn keep_list(&self, repository: &Repository, list: &TagList) {
        let list = words::list(list);
        self.write(|transaction, counts| LISTS.put(transaction, counts, repository.as_str(), &list));
    }

    fn files(&self, branch: &str) -> Vec<Vec<u8>> {
        let rows = self.read(|connection| FILES.below(connection, &words::branch(branch)));
        rows.into_iter().map(|(_, part)| part).collect()
    }

    fn keep_files(&self, branch: &str, parts: &[Vec<u8>], anew: bool) {
        let branch = words::branch(branch);
        self.write(|transaction, counts| {
            if anew {
                FILES.clear(transaction, counts, &branch)?;
            }
            // Another process may keep others at the same time: a part is called by what it says.
            parts.iter().try_for_each(|part| FILES.put(transaction, counts, &words::part(&branch, part), &part[..]))
        });
    }

    fn was_told(&self, news: &str) -> bool {
        self.read(|connection| NEWS.get(connection, news)).is_some()
    }

    fn told(&self, news: &[&str]) {
        if !news.is_empty() {
            self.write(|transaction, counts| news.iter().try_for_each(|one| NEWS.put(transaction, counts, one, "")));
        }
    }

    fn troubles(&self) -> Vec<String> {
        self.state().troubles.clone()
    }
}

impl Notes for Database {
    fn notes(&self, room: &str) -> BTreeMap<String, String> {
        let rows: Vec<(String, String)> = self.read(|connection| NOTES.below(connection, room));
        rows.into_iter().collect()
    }

    fn note(&self, room: &str, changes: &[(String, Option<String>)]) {
        if changes.is_empty() {
            return;
        }
        self.write(|transaction, counts| {
            changes.iter().try_for_each(|(key, text)| {
                let key = format!("{room}\t{key}");
                match text {
                    Some(text) => NOTES.put(transaction, counts, &key, text.as_str()),
                    None => NOTES.remove(transaction, counts, &key),
                }
            })
        });
    }
}
