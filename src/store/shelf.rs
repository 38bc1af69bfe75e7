//! Bounded tables: keys with values, the oldest forgotten first.
//!
//! What is remembered next is one more [`Shelf`]: a name, how many rows it may have and how long a value may be. A row's age
//! is the order in which rows were put; a value that is put again is young again.

use crate::port::{MAX_NOTE, MAX_PART};
use rusqlite::types::FromSql;
use rusqlite::{OptionalExtension as _, ToSql, Transaction};
use std::collections::HashMap;

/// One table and its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Shelf {
    pub(super) table: &'static str,
    /// The most rows.
    pub(super) rows: usize,
    /// The most bytes of one value; a longer one is not kept.
    pub(super) bytes: usize,
}

/// What images say about themselves, by digest.
pub(super) const IMAGES: Shelf = Shelf { table: "image", rows: 50_000, bytes: 128 * 1024 };
/// What tags were seen to name, by repository and tag.
pub(super) const SIGHTINGS: Shelf = Shelf { table: "sighting", rows: 200_000, bytes: 512 };
/// Tag lists, by repository.
pub(super) const LISTS: Shelf = Shelf { table: "list", rows: 2_000, bytes: 1024 * 1024 };
/// What was told.
pub(super) const NEWS: Shelf = Shelf { table: "news", rows: 20_000, bytes: 0 };

/// What was found in the files of branches, and decided about their images, in parts, by branch and part. Some hundred config
/// repositories have some ten parts each, nearly all of them small; how much all may hold together is [`super::MAX_BYTES`].
pub(super) const FILES: Shelf = Shelf { table: "files", rows: 4_096, bytes: MAX_PART };

/// What people were told, and what waits to be told, by room and key.
pub(super) const NOTES: Shelf = Shelf { table: "note", rows: 20_000, bytes: MAX_NOTE };

pub(super) const ALL: [Shelf; 6] = [IMAGES, SIGHTINGS, LISTS, NEWS, FILES, NOTES];

/// Rows by table, counted once and kept up to date, because counting reads the whole table.
pub(super) type Counts = HashMap<&'static str, usize>;

impl Shelf {
    /// The table, if it is not there.
    pub(super) fn schema(&self) -> String {
        let table = self.table;
        format!(
            "CREATE TABLE IF NOT EXISTS {table} (age INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, value TEXT NOT NULL);"
        )
    }

    pub(super) fn get(&self, connection: &rusqlite::Connection, key: &str) -> rusqlite::Result<Option<String>> {
        let mut found = connection.prepare_cached(&format!("SELECT value FROM {} WHERE key = ?1", self.table))?;
        found.query_row([key], |row| row.get(0)).optional()
    }

    /// Keys that begin with `prefix` and go on with a tab: what follows the tab, and the value.
    pub(super) fn below<V: FromSql>(
        &self,
        connection: &rusqlite::Connection,
        prefix: &str,
    ) -> rusqlite::Result<Vec<(String, V)>> {
        let query = format!("SELECT key, value FROM {} WHERE key > ?1 AND key < ?2", self.table);
        let mut found = connection.prepare_cached(&query)?;
        // The character after the tab ends the range.
        let rows = found.query_map([format!("{prefix}\t"), format!("{prefix}\n")], |row| {
            Ok((row.get::<_, String>(0)?, row.get(1)?))
        })?;
        rows.map(|row| row.map(|(key, value)| (key[prefix.len() + 1..].to_owned(), value))).collect()
    }

    /// Puts the value, unless it is too long; what no longer fits goes, the oldest first.
    pub(super) fn put<V: AsRef<[u8]> + ToSql + ?Sized>(
        &self,
        transaction: &Transaction<'_>,
        counts: &mut Counts,
        key: &str,
        value: &V,
    ) -> rusqlite::Result<()> {
        let table = self.table;
        let replaced = transaction.prepare_cached(&format!("DELETE FROM {table} WHERE key = ?1"))?.execute([key])?;
        let before = match counts.get(table) {
            Some(before) => before - replaced.min(*before),
            None => self.count(transaction)?,
        };
        if value.as_ref().len() > self.bytes {
            counts.insert(table, before);
            return Ok(());
        }
        let insert = format!(
            "INSERT INTO {table} (age, key, value) VALUES ((SELECT coalesce(max(age), 0) + 1 FROM {table}), ?1, ?2)"
        );
        transaction.prepare_cached(&insert)?.execute((key, value))?;
        let count = before + 1;
        let forgotten = match count.checked_sub(self.rows) {
            Some(excess) if excess > 0 => self.forget(transaction, excess)?,
            _ => 0,
        };
        counts.insert(table, count - forgotten.min(count));
        Ok(())
    }

    /// Removes one row.
    pub(super) fn remove(&self, transaction: &Transaction<'_>, counts: &mut Counts, key: &str) -> rusqlite::Result<()> {
        let table = self.table;
        let gone = transaction.prepare_cached(&format!("DELETE FROM {table} WHERE key = ?1"))?.execute([key])?;
        if let Some(count) = counts.get_mut(table) {
            *count -= gone.min(*count);
        }
        Ok(())
    }

    /// Removes everything below a prefix, see [`Shelf::below`].
    pub(super) fn clear(
        &self,
        transaction: &Transaction<'_>,
        counts: &mut Counts,
        prefix: &str,
    ) -> rusqlite::Result<()> {
        let table = self.table;
        let clear = format!("DELETE FROM {table} WHERE key > ?1 AND key < ?2");
        transaction.prepare_cached(&clear)?.execute([format!("{prefix}\t"), format!("{prefix}\n")])?;
        counts.remove(table);
        Ok(())
    }

    /// Removes the oldest rows, and says how many there were to remove.
    pub(super) fn forget(&self, connection: &rusqlite::Connection, rows: usize) -> rusqlite::Result<usize> {
        let table = self.table;
        let oldest = format!("DELETE FROM {table} WHERE age IN (SELECT age FROM {table} ORDER BY age LIMIT ?1)");
        connection.prepare_cached(&oldest)?.execute([i64::try_from(rows).unwrap_or(i64::MAX)])
    }

    pub(super) fn count(&self, connection: &rusqlite::Connection) -> rusqlite::Result<usize> {
        let count = format!("SELECT count(*) FROM {}", self.table);
        let count: i64 = connection.prepare_cached(&count)?.query_row([], |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rusqlite::Connection;
    use std::collections::BTreeMap;

    const SMALL: Shelf = Shelf { table: "small", rows: 3, bytes: 4 };

    fn memory() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&SMALL.schema()).unwrap();
        connection
    }

    fn put(connection: &mut Connection, counts: &mut Counts, key: &str, value: &str) {
        let transaction = connection.transaction().unwrap();
        SMALL.put(&transaction, counts, key, value).unwrap();
        transaction.commit().unwrap();
    }

    #[test]
    fn the_oldest_goes_when_one_more_comes_than_there_is_room_for() {
        let (mut connection, mut counts) = (memory(), Counts::new());
        for key in ["a", "b", "c"] {
            put(&mut connection, &mut counts, key, "1");
        }
        assert_eq!(SMALL.get(&connection, "a").unwrap().as_deref(), Some("1"), "as many as the limit");
        put(&mut connection, &mut counts, "a", "2");
        put(&mut connection, &mut counts, "d", "1");
        assert_eq!(SMALL.get(&connection, "b").unwrap(), None, "the oldest, because a was put again");
        assert_eq!(SMALL.get(&connection, "a").unwrap().as_deref(), Some("2"));
        assert_eq!(SMALL.count(&connection).unwrap(), 3);
    }

    #[test]
    fn a_value_is_as_long_as_the_limit_at_most() {
        let (mut connection, mut counts) = (memory(), Counts::new());
        put(&mut connection, &mut counts, "a", "1234");
        assert_eq!(SMALL.get(&connection, "a").unwrap().as_deref(), Some("1234"));
        put(&mut connection, &mut counts, "a", "12345");
        assert_eq!(SMALL.get(&connection, "a").unwrap(), None, "what stood there is not true any more");
    }

    #[test]
    fn below_is_what_follows_the_tab() {
        let (mut connection, mut counts) = (memory(), Counts::new());
        for key in ["a/web\t1.0", "a/web-x\t2.0", "a/web/y\t3.0"] {
            put(&mut connection, &mut counts, key, "1");
        }
        assert_eq!(SMALL.below::<String>(&connection, "a/web").unwrap(), [("1.0".to_owned(), "1".to_owned())]);
        let transaction = connection.transaction().unwrap();
        SMALL.clear(&transaction, &mut counts, "a/web").unwrap();
        transaction.commit().unwrap();
        assert_eq!(SMALL.below::<String>(&connection, "a/web").unwrap(), []);
        assert_eq!(SMALL.count(&connection).unwrap(), 2, "what only begins alike stays");
    }

    proptest! {
        /// Whatever is put in whatever order: the last three keys are there with their last values, and nothing else.
        #[test]
        fn the_youngest_stay(puts in proptest::collection::vec((0u8..8, 0u8..100), 0..40), recount in 0usize..40) {
            let (mut connection, mut counts) = (memory(), Counts::new());
            let mut model: Vec<(u8, u8)> = Vec::new();
            for (at, (key, value)) in puts.into_iter().enumerate() {
                if at == recount {
                    counts.clear();
                }
                put(&mut connection, &mut counts, &key.to_string(), &value.to_string());
                model.retain(|(known, _)| *known != key);
                model.push((key, value));
                model.drain(..model.len().saturating_sub(3));
                prop_assert_eq!(counts["small"], model.len());
            }
            let mut all = connection.prepare("SELECT key, value FROM small").unwrap();
            let rows = all.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))).unwrap();
            let rows: BTreeMap<String, String> = rows.map(Result::unwrap).collect();
            let model: BTreeMap<String, String> = model.into_iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
            prop_assert_eq!(rows, model);
        }
    }
}
