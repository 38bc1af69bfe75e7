//! `require: {signature: ...}`: who must have signed a candidate, and that no digest is written that nobody verified.
//!
//! ```yaml
//! require:
//!   signature: {keyless: {issuer: https://token.actions.githubusercontent.com, subject: https://github.com/acme/web/...}}
//! pin: tag+digest
//! ```
//!
//! Candidates are passed over until one is signed, as for the other guards. Where a reference is only given a digest (the tag
//! stays, or one moving tag is followed) there is no other candidate, and an unsigned one is held.

use super::ranking::Ranking;
use super::{Chosen, Decision, Facts, Held, Need, Outcome, Question, Reason};
use crate::image::Tag;
use crate::signature::Verdict;
use std::sync::Arc;

/// What is known of a tag's signature.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Approval {
    /// Signed, or nobody asks.
    Good,
    Unsigned(String),
    Unknown(String),
    Needs(Vec<Need>),
}

impl Ranking<'_> {
    pub(super) fn approval(&self, tag: &str, facts: &Facts) -> Approval {
        let (Some(signer), Ok(tag)) = (&self.policy.require.signature, Tag::parse(tag)) else {
            return Approval::Good;
        };
        let asked = (tag, Arc::clone(signer));
        match facts.signatures.get(&asked) {
            Some(Ok(Verdict::Signed)) => Approval::Good,
            Some(Ok(Verdict::Unsigned(why))) => Approval::Unsigned(why.clone()),
            Some(Err(why)) => Approval::Unknown(why.clone()),
            None => Approval::Needs(vec![Need::Signature(asked.0, asked.1)]),
        }
    }

    /// The outcome, unless it would write something that is not signed.
    pub(super) fn approved(&self, outcome: Outcome, question: &Question<'_>, facts: &Facts) -> Outcome {
        let Outcome::Decided(decision) = outcome else {
            return outcome;
        };
        let Some(Chosen { tag, digest }) = decision.chosen.as_ref().filter(|_| decision.held.is_none()) else {
            return Outcome::Decided(decision);
        };
        let digest_stays = digest.is_none() || digest.as_ref() == question.current_digest;
        if question.current == Some(tag) && digest_stays {
            return Outcome::Decided(decision);
        }
        let (reason, detail) = match self.approval(tag.as_str(), facts) {
            Approval::Good => return Outcome::Decided(decision),
            Approval::Needs(needs) => return Outcome::Needs(needs),
            Approval::Unsigned(why) => (Reason::Unsigned, format!("{tag} would be written with its digest, and {why}")),
            Approval::Unknown(why) => {
                (Reason::IncompleteInformation, format!("whether {tag} is signed could not be learned: {why}"))
            }
        };
        Outcome::Decided(Decision { held: Some(Held { reason, detail }), ..decision })
    }
}
