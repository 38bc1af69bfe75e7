//! `select: {digest: TAG}`: one moving tag, written only as `TAG@sha256:...`. The one kind that follows a tag that moved.
//!
//! ```yaml
//! select: {digest: stable}
//! ```
//!
//! The current tag must be TAG; with `allowReplace` any other is replaced. A reference without a digest gets one. Here, and
//! nowhere else, `latest` and branch names can be chosen, because what is written does not move with them.

use super::decide::Judgement;
use super::ranking::{Ranking, screen};
use super::{Facts, Outcome, PassedOver, Question, Reason};
use crate::image::Tag;

impl Ranking<'_> {
    pub(super) fn follow(&self, tag: &Tag, question: &Question<'_>, facts: &Facts) -> Outcome {
        self.followed(tag, question).complete_moving(facts)
    }

    fn followed(&self, tag: &Tag, question: &Question<'_>) -> Judgement {
        if let Some(current) = question.current.filter(|current| *current != tag)
            && !self.policy.guards.allow_replace
        {
            let detail =
                format!("the policy follows {tag}, and {current} stands there; `allowReplace` lets it be replaced");
            return Judgement::default().hold(Reason::NotComparable, detail);
        }
        if !self.tags.iter().any(|listed| listed == tag.as_str()) {
            let detail = format!("the registry does not list {tag}");
            return Judgement::default().hold(Reason::NoCandidate, detail);
        }
        match screen(self.policy, tag.as_str()) {
            Err(reason @ (Reason::NoMatch | Reason::Excluded)) => {
                Judgement::default().hold(reason, format!("`tags` does not let {tag} through"))
            }
            _ => Judgement::choose(tag.as_str()),
        }
    }

    /// Why each tag but the followed one was passed over.
    pub(super) fn not_followed(&self, tag: &Tag, question: &Question<'_>) -> Vec<PassedOver> {
        let held = self.followed(tag, question).held;
        let mut others: Vec<&String> =
            self.tags.iter().filter(|other| held.is_some() || *other != tag.as_str()).collect();
        others.sort_unstable();
        others.dedup();
        let passed = |other: &String| {
            let (reason, detail) = match (&held, Tag::parse(other)) {
                (Some(held), Ok(other)) if other == *tag => (held.reason, held.detail.clone()),
                (_, Ok(_)) => (Reason::NoMatch, format!("the policy follows {tag}")),
                (_, Err(_)) => (Reason::InvalidTag, "the registry listed something that is no tag".to_owned()),
            };
            PassedOver { tag: super::explain::legible(other), reason, detail }
        };
        others.into_iter().map(passed).collect()
    }
}
