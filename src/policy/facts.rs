//! What only the outside knows: what a decision asks for, and what the run has learned.

use crate::image::{Digest, ImageMetadata, Tag};
use crate::signature::{Signer, Verdict};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A fact that only the outside knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    Digest(Tag),
    /// What the image says about itself.
    Metadata(Tag),
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
    /// Of the digest that `digests` holds. `Err` likewise.
    pub signatures: BTreeMap<(Tag, Arc<Signer>), Result<Verdict, String>>,
    /// Seconds since 1970, UTC; ages cannot be told without.
    pub now: Option<i64>,
}

impl Facts {
    /// Records why the need cannot be met.
    pub fn refuse(&mut self, need: Need, why: &str) {
        match need {
            Need::Digest(tag) => drop(self.digests.insert(tag, Err(why.to_owned()))),
            Need::Metadata(tag) => drop(self.metadata.insert(tag, Err(why.to_owned()))),
            Need::Signature(tag, signer) => drop(self.signatures.insert((tag, signer), Err(why.to_owned()))),
        }
    }

    /// Whether the need is met, by an answer or by the reason why there is none.
    pub fn answers(&self, need: &Need) -> bool {
        match need {
            Need::Digest(tag) => self.digests.contains_key(tag),
            Need::Metadata(tag) => self.metadata.contains_key(tag),
            Need::Signature(tag, signer) => self.signatures.contains_key(&(tag.clone(), Arc::clone(signer))),
        }
    }
}
