//! What people have put on hold by command.

use super::{moment, seconds};
use crate::image::Repository;
use crate::plan::Key;
use crate::policy::PolicyName;
use crate::schedule::Freeze;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The most entries: a file with more is not read, and nothing is added to one that is full.
pub const MAX_HOLDS: usize = 1_000;
/// The longest reason that is taken, in characters.
pub const MAX_REASON: usize = 500;
/// The longest name that is taken, in characters.
pub const MAX_BY: usize = 200;

/// One entry. Entries are a set: what is equal is one, and several may hold the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LedgerHold {
    pub target: LedgerTarget,
    /// When it was set, by the word of whoever set it: seconds since 1970, UTC.
    pub at: i64,
    /// Who set it, by his own word.
    pub by: String,
    pub reason: String,
    /// A day, which is held too (UTC), or a moment, as it was written and checked.
    pub until: Option<String>,
    /// Of a single place: where it was when the hold was set, for people.
    pub place: Option<String>,
}

/// What is held; the narrowest comes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LedgerTarget {
    /// One reference, by the key that names it over time.
    Place(Key),
    /// Every reference to the image.
    Image(Repository),
    /// Every reference of the policy.
    Policy(PolicyName),
    /// Every reference of every policy.
    All,
}

impl LedgerTarget {
    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<LedgerTarget> {
        match text.split_once(' ') {
            None if text == "all" => Some(LedgerTarget::All),
            Some(("policy", name)) => PolicyName::parse(name).map(LedgerTarget::Policy),
            Some(("image", name)) => Repository::parse(name).ok().map(LedgerTarget::Image),
            Some(("place", key)) => Key::parse(key).map(LedgerTarget::Place),
            _ => None,
        }
    }
}

impl fmt::Display for LedgerTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LedgerTarget::Place(key) => write!(f, "place {key}"),
            LedgerTarget::Image(repository) => write!(f, "image {repository}"),
            LedgerTarget::Policy(name) => write!(f, "policy {name}"),
            LedgerTarget::All => f.write_str("all"),
        }
    }
}

impl LedgerHold {
    /// Whether it is not over at `now`, seconds since 1970.
    pub fn counts(&self, now: i64) -> bool {
        self.until.as_deref().is_none_or(|until| Freeze::end(until).is_none_or(|end| now < end))
    }

    /// What a person is to know of it: why, who, when, until when.
    pub fn story(&self) -> String {
        let until = self.until.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
        let (reason, by) = (words(&self.reason, MAX_REASON), words(&self.by, MAX_BY));
        format!("{reason} (set by {by} on {}{until}", crate::schedule::date(self.at))
    }
}

/// One line of at most so many characters, never none.
pub(super) fn words(text: &str, most: usize) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(most).collect();
    if plain.trim().is_empty() { "?".to_owned() } else { plain.trim().to_owned() }
}

/// As it stands in the file. Fields of later versions of this program are passed over.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Shape {
    at: String,
    by: String,
    place: Option<String>,
    reason: String,
    target: String,
    until: Option<String>,
}

pub(super) fn shape(hold: &LedgerHold) -> Shape {
    Shape {
        at: moment(hold.at),
        by: hold.by.clone(),
        place: hold.place.clone(),
        reason: hold.reason.clone(),
        target: hold.target.to_string(),
        until: hold.until.clone(),
    }
}

pub(super) fn read(shape: Shape) -> Result<LedgerHold, String> {
    let Shape { at, by, place, reason, target, until } = shape;
    let bad =
        |what: &str, text: &str| format!("`{}` is no {what}", text.chars().take(80).collect::<String>().escape_debug());
    let target = LedgerTarget::parse(&target).ok_or_else(|| bad("target", &target))?;
    if let Some(until) = until.as_deref().filter(|until| Freeze::end(until).is_none()) {
        return Err(bad("end", until));
    }
    Ok(LedgerHold { target, at: seconds(&at)?, by, reason, until, place })
}
