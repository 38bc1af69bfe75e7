//! What only the outside knows: what a decision asks for, and what the run has learned.

use super::Source;
use crate::image::{Digest, ImageMetadata, Tag};
use crate::signature::{Signer, Verdict};
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
    /// Whether the image is signed by whom it must be.
    Signature(Tag, Arc<Signer>),
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
    /// Of the digest that `digests` holds. `Err` likewise.
    pub signatures: BTreeMap<(Tag, Arc<Signer>), Result<Verdict, String>>,
    /// Seconds since 1970, UTC; ages cannot be told without.
    pub now: Option<i64>,
    /// What earlier runs learned.
    pub recall: Recall,
    /// When images were first seen, by a memory that is believed beside that one: seconds since 1970, UTC. `None`: there is
    /// no such memory.
    pub firsts: Option<BTreeMap<Digest, i64>>,
}

/// What earlier runs learned about one repository: inputs of the decision like all others.
#[derive(Debug, Clone)]
pub enum Recall {
    /// Nothing, and nothing of this run will be remembered: a fragment says why.
    Nothing(String),
    /// The tags that were asked about, in runs before this one.
    Seen(BTreeMap<Tag, Seen>),
}

impl Default for Recall {
    fn default() -> Recall {
        Recall::Nothing("nothing is remembered here".to_owned())
    }
}

/// What a tag was last seen to name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub digest: Digest,
    /// When it was first seen with this digest: seconds since 1970, UTC.
    pub first: i64,
    /// When that image was built, by its own word, where that was asked.
    pub created: Option<i64>,
}

impl Facts {
    /// What is remembered of the tag, unless this run knows that it names something else by now.
    pub(super) fn seen(&self, tag: &str) -> Option<&Seen> {
        let Recall::Seen(tags) = &self.recall else { return None };
        let seen = tags.get(tag)?;
        let now = self.digests.get(tag).and_then(|now| now.as_ref().ok());
        now.is_none_or(|now| *now == seen.digest).then_some(seen)
    }

    /// Whether this run asked about the tag.
    pub(super) fn asked(&self, tag: &str) -> bool {
        self.digests.contains_key(tag) || self.metadata.contains_key(tag)
    }

    /// Records why the need cannot be met.
    pub fn refuse(&mut self, need: Need, why: &str) {
        match need {
            Need::Digest(tag) => drop(self.digests.insert(tag, Err(why.to_owned()))),
            Need::Metadata(tag) => drop(self.metadata.insert(tag, Err(why.to_owned()))),
            Need::History(source) => drop(self.histories.insert(source, Err(why.to_owned()))),
            Need::Signature(tag, signer) => drop(self.signatures.insert((tag, signer), Err(why.to_owned()))),
        }
    }

    /// Whether the need is met, by an answer or by the reason why there is none.
    pub fn answers(&self, need: &Need) -> bool {
        match need {
            Need::Digest(tag) => self.digests.contains_key(tag),
            Need::Metadata(tag) => self.metadata.contains_key(tag),
            Need::History(source) => self.histories.contains_key(source),
            Need::Signature(tag, signer) => self.signatures.contains_key(&(tag.clone(), Arc::clone(signer))),
        }
    }
}
