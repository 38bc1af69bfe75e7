//! What only the outside knows: what a decision asks for, and what the run has learned.

use super::Source;
use crate::image::{Digest, ImageMetadata, Tag};
use crate::version::history::History;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A fact that only the outside knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    Digest(Tag),
    /// What the image says about itself.
    Metadata(Tag),
    /// The commits of a branch.
    History(Source),
}

/// What the run has learned so far about one repository.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// `Err` holds the sentence that says why the digest could not be had.
    pub digests: BTreeMap<Tag, Result<Digest, String>>,
    /// `Err` likewise.
    pub metadata: BTreeMap<Tag, Result<ImageMetadata, String>>,
    /// `Err` likewise. A history that was cut off is no answer.
    pub histories: BTreeMap<Source, Result<Arc<History>, String>>,
    /// Seconds since 1970, UTC; ages cannot be told without.
    pub now: Option<i64>,
}

impl Facts {
    /// Records why the need cannot be met.
    pub fn refuse(&mut self, need: Need, why: &str) {
        match need {
            Need::Digest(tag) => drop(self.digests.insert(tag, Err(why.to_owned()))),
            Need::Metadata(tag) => drop(self.metadata.insert(tag, Err(why.to_owned()))),
            Need::History(source) => drop(self.histories.insert(source, Err(why.to_owned()))),
        }
    }

    /// Whether the need is met, by an answer or by the reason why there is none.
    pub fn answers(&self, need: &Need) -> bool {
        match need {
            Need::Digest(tag) => self.digests.contains_key(tag),
            Need::Metadata(tag) => self.metadata.contains_key(tag),
            Need::History(source) => self.histories.contains_key(source),
        }
    }
}
