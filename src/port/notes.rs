//! Short notes that outlive the process: what people were told, and what they have not been told yet.
//!
//! Like everything that is remembered they may be lost: then something is told twice.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The most bytes of one note; a longer one is not kept.
pub const MAX_NOTE: usize = 64 * 1024;

/// Notes by room and key. Neither may hold a tab or a line break. Calls are short and may block for a moment.
pub trait Notes: Send + Sync {
    /// All notes of a room.
    fn notes(&self, room: &str) -> BTreeMap<String, String>;

    /// Writes notes, or takes them away, all at once.
    fn note(&self, room: &str, changes: &[(String, Option<String>)]);
}

/// Notes of this process alone.
#[derive(Debug, Default)]
pub struct Jotter(Mutex<BTreeMap<(String, String), String>>);

impl Notes for Jotter {
    fn notes(&self, room: &str) -> BTreeMap<String, String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let inside = all.iter().filter(|((of, _), _)| of == room);
        inside.map(|((_, key), text)| (key.clone(), text.clone())).collect()
    }

    fn note(&self, room: &str, changes: &[(String, Option<String>)]) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, text) in changes {
            let place = (room.to_owned(), key.clone());
            match text {
                Some(text) if text.len() <= MAX_NOTE => drop(all.insert(place, text.clone())),
                _ => drop(all.remove(&place)),
            }
        }
    }
}
