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
use super::require::{Require, Verdict};
use super::{Chosen, Decision, Facts, Held, Need, Outcome, Question, Reason};
use crate::image::Tag;
use crate::signature::Verdict as Signature;
use std::sync::Arc;

impl Require {
    /// Whether the tag is signed by whom it must be.
    pub(super) fn signed(&self, tag: &str, facts: &Facts) -> Verdict {
        let (Some(signer), Ok(tag)) = (&self.signature, Tag::parse(tag)) else {
            return Verdict::Good;
        };
        let asked = (tag, Arc::clone(signer));
        match facts.signatures.get(&asked) {
            Some(Ok(Signature::Signed)) => Verdict::Good,
            Some(Ok(Signature::Unsigned(why))) => Verdict::Fails(Reason::Unsigned, why.clone()),
            Some(Err(why)) => Verdict::Unknown(why.clone()),
            None => Verdict::Needs(vec![Need::Signature(asked.0, asked.1)]),
        }
    }
}

impl Ranking<'_> {
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
        let (reason, detail) = match self.policy.require.signed(tag.as_str(), facts) {
            Verdict::Good => return Outcome::Decided(decision),
            Verdict::Needs(needs) => return Outcome::Needs(needs),
            Verdict::Fails(reason, why) => (reason, format!("{tag} would be written with its digest, and {why}")),
            Verdict::Unknown(why) => {
                (Reason::IncompleteInformation, format!("whether {tag} is signed could not be learned: {why}"))
            }
        };
        Outcome::Decided(Decision { held: Some(Held { reason, detail }), ..decision })
    }
}
