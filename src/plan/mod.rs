//! The plan: every reference of a config repository with what happens to it and why.
//!
//! A plan is data: it can be printed, stored, compared and applied. It is made in two steps. [`Claims`] says which policy a
//! reference belongs to, before any registry is asked; [`settle()`] joins reference and decision into a [`State`]. Both are
//! pure, so that the same inputs give the same plan, byte for byte.

mod claim;
mod group;
mod heed;
mod key;
mod ledger;
mod message;
mod proposal;
mod restrain;
mod rollback;
mod settle;
mod tie;
mod trailers;

pub use claim::{Allowed, Claim, Claims};
pub use group::{Group, groups};
pub use key::{Key, keys, keys_of_changes};
pub use ledger::{
    HOLDS_FILE, Ledger, LedgerBytes, LedgerHold, LedgerTarget, MAX_BY, MAX_HOLDS, MAX_LEDGER_FILE, MAX_REASON,
    MAX_SIGHTS, SEEN_FILE, Seal, Sight, Sights, VERSION as LEDGER_VERSION,
};
pub use message::{MessageOptions, MessageValues, compose, value as message_value};
pub use proposal::{Body, ImageFacts, Proposed, REBUILD_LABEL, Record, body, branch_of, proposed, rebuild_is_checked};
pub use rollback::rolled_back;
pub use settle::{question, settle};
pub use tie::shares_scalars;
pub use trailers::{Past, PastCommit, Trailers, Value, Wrote, matters, wrote};

use crate::edit::{Action, EditError, Target};
use crate::image::Repository;
use crate::policy::{Held, PolicyName, Reason};
use crate::site::{Reference, SkipReason};
use std::sync::Arc;

/// A reference and the file it was found in.
#[derive(Debug, Clone)]
pub struct Found {
    pub file: Arc<str>,
    /// The id of the file's content, as `git hash-object` prints it.
    pub blob: Option<Arc<str>>,
    /// Found once and handed from step to step: a pointer moves more quickly than all that it says.
    pub reference: Box<Reference>,
}

/// One reference with its fate.
#[derive(Debug, Clone)]
pub struct Entry {
    pub found: Found,
    /// The repository whose tags decide; `None` when not even that is known.
    pub image: Option<Repository>,
    pub policy: Option<PolicyName>,
    pub state: State,
}

#[derive(Debug, Clone, PartialEq)]
pub enum State {
    UpToDate,
    Change(Change),
    Held(Held),
    /// No policy claims the reference.
    Unmanaged,
}

impl State {
    /// The word of the JSON contract.
    pub fn word(&self) -> &'static str {
        match self {
            State::UpToDate => "up-to-date",
            State::Change(_) => "change",
            State::Held(_) => "held",
            State::Unmanaged => "unmanaged",
        }
    }

    pub fn held(reason: Reason, detail: impl Into<String>) -> State {
        State::Held(Held { reason, detail: detail.into() })
    }

    /// The hold of a reference whose edit was refused. A doubt about our own work is an error, and so is a file that changed
    /// under us; all other refusals are the place's.
    pub fn refused(problem: &EditError) -> State {
        let reason = match problem {
            EditError::Unproven(_) => Reason::InternalError,
            EditError::Stale { .. } => Reason::IncompleteInformation,
            _ => Reason::NotEditable,
        };
        State::held(reason, problem.to_string())
    }
}

/// What is written where a reference stands; what stood there is in the reference itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub action: Action,
    pub to: Target,
    /// Changes of one group are written together; see [`crate::policy::Write::group`].
    pub group: Arc<str>,
    /// Written to a branch of its own, for a pull request.
    pub pull_request: bool,
}

/// Everything one run found, in file and position order.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    pub entries: Vec<Entry>,
    pub skipped: Vec<SkippedFile>,
    pub notes: Vec<FileNote>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedFile {
    pub file: Arc<str>,
    pub reason: SkipReason,
    pub detail: String,
}

/// Something a person should know about a place in a file that is no reference: a marker that is not quite one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileNote {
    pub file: Arc<str>,
    pub line: usize,
    pub text: String,
}

impl Plan {
    pub fn changes(&self) -> impl Iterator<Item = (&Entry, &Change)> {
        self.entries.iter().filter_map(|entry| match &entry.state {
            State::Change(change) => Some((entry, change)),
            _ => None,
        })
    }

    pub fn held(&self) -> impl Iterator<Item = (&Entry, &Held)> {
        self.entries.iter().filter_map(|entry| match &entry.state {
            State::Held(held) => Some((entry, held)),
            _ => None,
        })
    }

    /// Whether an error, rather than a guard or a person, holds something back.
    pub fn held_by_errors(&self) -> bool {
        self.held().any(|(_, held)| held.reason.is_error())
    }

    /// Puts every list into its one fixed order.
    pub fn sort(&mut self) {
        self.entries.sort_by(|a, b| {
            let key = |entry: &Entry| {
                let reference = &entry.found.reference;
                (entry.found.file.clone(), reference.line, first_byte(reference))
            };
            key(a).cmp(&key(b))
        });
        self.skipped.sort_by(|a, b| a.file.cmp(&b.file));
        self.notes.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    }
}

fn first_byte(reference: &Reference) -> (usize, usize) {
    (reference.slots.iter().map(|slot| slot.span.start).min().unwrap_or(usize::MAX), reference.line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_no_property_of_the_place_is_an_error() {
        for (problem, reason, error) in [
            (EditError::Unproven("x".into()), Reason::InternalError, true),
            (EditError::Stale { line: 1 }, Reason::IncompleteInformation, true),
            (EditError::Unwritable { line: 1 }, Reason::NotEditable, false),
            (EditError::Blocked("x".into()), Reason::NotEditable, false),
            (EditError::NoPlace("tag"), Reason::NotEditable, false),
        ] {
            let State::Held(held) = State::refused(&problem) else { panic!("{problem}") };
            assert_eq!((held.reason, held.reason.is_error()), (reason, error));
            assert_eq!(held.detail, problem.to_string());
        }
    }
}
