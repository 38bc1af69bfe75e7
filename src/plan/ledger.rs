//! The ledger: what a branch's history cannot tell, kept in a ref of its own.
//!
//! | file | holds |
//! |---|---|
//! | `holds.json` | what people have put on hold by command: [`LedgerHold`] |
//! | `seen.json` | when images were first seen: [`Sights`] |
//!
//! Both are JSON of one shape, one entry a line, so that a diff of two versions is one of entries:
//!
//! ```json
//! {"holds":[
//! {"at":"2026-11-20T12:00:00Z","by":"Ann Lee","place":null,"reason":"migration","target":"policy web","until":"2026-12-31"}
//! ],"version":1}
//! ```
//!
//! **It is advisory.** Whoever may push to the repository may write what he likes into it, so that an entry can hold a change and
//! never make one: a hold is a hold whoever wrote it, and the time of a first sight counts only under a [`Seal`] that none
//! but the operator can make. What is missing is empty. What cannot be read is not taken for empty: then no hold is known, and
//! every change waits ([`Plan::heed`](super::Plan::heed)).

mod holds;
mod seen;

pub use holds::{LedgerHold, LedgerTarget, MAX_BY, MAX_HOLDS, MAX_REASON};
pub use seen::{MAX_SIGHTS, Seal, Sight, Sights};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// The files of the ledger.
pub const HOLDS_FILE: &str = "holds.json";
pub const SEEN_FILE: &str = "seen.json";
/// The version that is written, and the only one that is read.
pub const VERSION: u64 = 1;
/// The largest file that is read, in bytes.
pub const MAX_LEDGER_FILE: usize = 1 << 20;

/// What the ledger says. `Err` is a fragment that says why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    pub holds: Result<BTreeSet<LedgerHold>, String>,
    pub seen: Result<Sights, String>,
}

impl Default for Ledger {
    fn default() -> Ledger {
        Ledger { holds: Ok(BTreeSet::new()), seen: Ok(Sights::default()) }
    }
}

/// The files of the ledger by name, as they were found; `Err` says why one could not be had.
pub type LedgerBytes = BTreeMap<String, Result<Vec<u8>, String>>;

impl Ledger {
    /// Reads what stands in the files. One that is not there is empty.
    pub fn read(files: &LedgerBytes) -> Ledger {
        let holds = entries(files, HOLDS_FILE, "holds", MAX_HOLDS).and_then(|all| {
            all.into_iter().map(holds::read).collect::<Result<_, _>>().map_err(|why| bad(HOLDS_FILE, &why))
        });
        let seen = entries(files, SEEN_FILE, "seen", MAX_SIGHTS)
            .and_then(|all| Sights::read(all).map_err(|why| bad(SEEN_FILE, &why)));
        Ledger { holds, seen }
    }

    /// The files that say it, of those that can be read.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        if let Ok(holds) = &self.holds {
            let lines = holds.iter().map(|hold| line(&holds::shape(hold)));
            files.insert(HOLDS_FILE.to_owned(), text("holds", lines));
        }
        if let Ok(seen) = &self.seen {
            files.insert(SEEN_FILE.to_owned(), text("seen", seen.shapes().map(|shape| line(&shape))));
        }
        files
    }

    /// Why it must not be written: what would be read again as too large.
    pub fn excess(&self) -> Option<String> {
        let count = self.holds.as_ref().map_or(0, BTreeSet::len);
        if count > MAX_HOLDS {
            return Some(format!("it would have {count} holds, more than {MAX_HOLDS}"));
        }
        let large = self.files().into_iter().find(|(_, bytes)| bytes.len() > MAX_LEDGER_FILE);
        large.map(|(file, bytes)| format!("{file} would have {} bytes, more than {MAX_LEDGER_FILE}", bytes.len()))
    }

    /// The holds that count at `now`, seconds since 1970; none where they cannot be read.
    pub fn active(&self, now: i64) -> impl Iterator<Item = &LedgerHold> {
        self.holds.iter().flatten().filter(move |hold| hold.counts(now))
    }
}

/// The entries of the list; none where there is no such file.
fn entries<T: DeserializeOwned>(files: &LedgerBytes, file: &str, list: &str, most: usize) -> Result<Vec<T>, String> {
    let bytes = match files.get(file) {
        None => return Ok(Vec::new()),
        Some(Err(why)) => return Err(bad(file, why)),
        Some(Ok(bytes)) if bytes.len() > MAX_LEDGER_FILE => {
            return Err(bad(file, &format!("it has {} bytes, more than {MAX_LEDGER_FILE}", bytes.len())));
        }
        Some(Ok(bytes)) => bytes,
    };
    let mut read: serde_json::Map<String, Json> =
        serde_json::from_slice(bytes).map_err(|error| bad(file, &error.to_string()))?;
    match read.get("version").and_then(Json::as_u64) {
        Some(VERSION) => {}
        Some(other) => {
            return Err(bad(file, &format!("it is of version {other}, and this program knows {VERSION}")));
        }
        None => return Err(bad(file, "it names no version")),
    }
    let all = read.remove(list).ok_or_else(|| bad(file, &format!("it has no `{list}`")))?;
    let all: Vec<T> = serde_json::from_value(all).map_err(|error| bad(file, &error.to_string()))?;
    if all.len() > most {
        return Err(bad(file, &format!("it has {} entries, more than {most}", all.len())));
    }
    Ok(all)
}

fn bad(file: &str, why: &str) -> String {
    format!("{file} cannot be read: {why}")
}

/// One entry on one line; its fields stand in the order of their names.
fn line(shape: &impl Serialize) -> String {
    // Plain fields cannot fail; should they ever, the file is refused by whoever reads it and nothing is lost silently.
    serde_json::to_string(shape).unwrap_or_else(|error| format!("\"{error}\""))
}

fn text(list: &str, lines: impl Iterator<Item = String>) -> Vec<u8> {
    let lines: Vec<String> = lines.collect();
    let body = if lines.is_empty() { String::new() } else { lines.join(",\n") + "\n" };
    format!("{{\"{list}\":[\n{body}],\"version\":{VERSION}}}\n").into_bytes()
}

/// Seconds since 1970 as people and files read them.
fn moment(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| "1970-01-01T00:00:00Z".to_owned(), |at| at.to_string())
}

fn seconds(text: &str) -> Result<i64, String> {
    let at: Result<jiff::Timestamp, _> = text.parse();
    at.map(|at| at.as_second()).map_err(|_| format!("`{}` is no moment", text.escape_debug()))
}

#[cfg(test)]
mod tests;
