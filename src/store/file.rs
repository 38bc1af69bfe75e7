//! The file: opened or made, proven to be ours, put aside when it is not.
//!
//! ```text
//! STATE_DIR/store/          mode 0700
//!   memory.sqlite           mode 0600; with -wal and -shm while a process has it open
//!   memory.sqlite.aside     the last file that could not be used
//! ```
//!
//! SQLite in write-ahead mode: several processes read and write at once, and a process that is killed leaves whole
//! transactions. A power failure may cost the last of them, which a memory can afford.

#![expect(clippy::disallowed_methods, reason = "this file makes the store's file and puts bad ones aside")]

use super::shelf;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The most bytes of the file. Beyond, the oldest quarter of everything is forgotten.
pub const MAX_BYTES: u64 = 384 * 1024 * 1024;
/// How long another process that writes is waited for. It writes for milliseconds.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// "Ldwt": tells our files from other programs'.
const APPLICATION: i32 = 0x4c64_7774;
/// The version of the tables. Another one is put aside like any file that is not ours.
const SCHEMA: i32 = 3;
/// Versions that lack tables, and have no others.
const FEWER_TABLES: std::ops::Range<i32> = 1..SCHEMA;
const PAGE: u64 = 4096;
const POLL: Duration = Duration::from_millis(5);

/// Why a file cannot be used.
#[derive(Debug)]
enum Unfit {
    /// Broken, another program's, another version's: to be put aside.
    NotOurs(String),
    /// The machine's fault: no right, no folder, no disk.
    Unusable(String),
}

/// Opens the file at `path`, or makes it. A file that cannot be ours is put aside and replaced; the text says so.
///
/// `suspect` looks through the whole file first.
pub(super) fn open(path: &Path, suspect: bool, max_bytes: u64) -> Result<(Connection, Option<String>), String> {
    let why = match attempt(path, suspect, max_bytes) {
        Ok(connection) => return Ok((connection, None)),
        Err(Unfit::Unusable(why)) => return Err(why),
        Err(Unfit::NotOurs(why)) => why,
    };
    let aside = put_aside(path).map_err(|error| format!("{} {why}, and cannot be renamed: {error}", path.display()))?;
    match attempt(path, false, max_bytes) {
        Ok(connection) => {
            let told =
                format!("{} {why}; it was put aside as {}, and a new one begun", path.display(), aside.display());
            Ok((connection, Some(told)))
        }
        Err(Unfit::Unusable(why) | Unfit::NotOurs(why)) => Err(why),
    }
}

fn attempt(path: &Path, suspect: bool, max_bytes: u64) -> Result<Connection, Unfit> {
    let unusable = |error: io::Error| Unfit::Unusable(format!("{} cannot be used: {error}", path.display()));
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unusable)?;
    }
    // Made here, because SQLite would let others read it.
    let mut making = OpenOptions::new();
    making.create(true).truncate(false).read(true).write(true).mode(0o600).open(path).map_err(unusable)?;
    let unfit = |error| judge(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(unfit)?;
    connection.busy_timeout(PATIENCE).map_err(unfit)?;
    own(&mut connection).map_err(unfit)?.map_or(Ok(()), |why| Err(Unfit::NotOurs(why)))?;
    write_ahead(&connection).map_err(unfit)?;
    if suspect {
        let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(unfit)?;
        let whole = |shelf: &shelf::Shelf| connection.prepare(&format!("SELECT age, key, value FROM {}", shelf.table));
        if found != "ok" || shelf::ALL.iter().any(|shelf| whole(shelf).is_err()) {
            return Err(Unfit::NotOurs("is damaged".to_owned()));
        }
    }
    // What is in the file is ours, but may be damaged: nothing in it is run, and every page is checked as it is read.
    let rules = "PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; \
                 PRAGMA cache_size = -2000; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 1048576;";
    connection.execute_batch(rules).map_err(unfit)?;
    let limit = format!("PRAGMA max_page_count = {}", max_bytes / PAGE);
    connection.query_row(&limit, [], |_| Ok(())).map_err(unfit)?;
    Ok(connection)
}

/// Makes the tables of an empty file; `Some` says why another one is not ours.
fn own(connection: &mut Connection) -> rusqlite::Result<Option<String>> {
    let number = |connection: &Connection, pragma: &str| {
        connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i32>(0))
    };
    let known = (number(connection, "application_id")?, number(connection, "user_version")?);
    if known == (APPLICATION, SCHEMA) {
        return Ok(None);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been quicker.
    match (number(&transaction, "application_id")?, number(&transaction, "user_version")?) {
        (APPLICATION, SCHEMA) => return Ok(None),
        (APPLICATION, version) if FEWER_TABLES.contains(&version) => {
            make_tables(&transaction)?;
            transaction.commit()?;
            return Ok(None);
        }
        (APPLICATION, other) => return Ok(Some(format!("is of version {other}, and this program reads {SCHEMA}"))),
        _ => {}
    }
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 {
        return Ok(Some("belongs to another program".to_owned()));
    }
    make_tables(&transaction)?;
    transaction.commit()?;
    Ok(None)
}

fn make_tables(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    for shelf in shelf::ALL {
        transaction.execute_batch(&shelf.schema())?;
    }
    transaction.execute_batch(&format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {SCHEMA};"))
}

/// Another process that opens the file at the same time stops the change for a moment, and SQLite does not wait for it.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        match connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())) {
            Err(error) if is_busy(&error) && Instant::now() < until => std::thread::sleep(POLL),
            done => return done,
        }
    }
}

pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
        // A table that is not as we make it.
        || matches!(error.sqlite_error_code(), Some(ErrorCode::Unknown))
        || matches!(error, rusqlite::Error::InvalidColumnType(..) | rusqlite::Error::FromSqlConversionFailure(..))
}

fn judge(path: &Path, error: &rusqlite::Error) -> Unfit {
    if is_damage(error) {
        let why = match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => "is not a database".to_owned(),
            _ => "is damaged".to_owned(),
        };
        return Unfit::NotOurs(why);
    }
    Unfit::Unusable(format!("{} cannot be used: {error}", path.display()))
}

/// Renames the file over the one that was put aside before, and drops what belongs to it.
fn put_aside(path: &Path) -> io::Result<PathBuf> {
    let beside = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let aside = beside(".aside");
    fs::rename(path, &aside)?;
    for ending in ["-wal", "-shm"] {
        match fs::remove_file(beside(ending)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}
