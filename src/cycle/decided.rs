//! A decision as it is told while it is made, and what can be asked about it: which tags were passed over and why, and since
//! when a tag is known. Nobody who does not ask pays for the answers.

use crate::image::{Repository, Tag};
use crate::policy::{Decision, Facts, PassedOver, Policy, Question, Ranking, Recall};
use std::fmt;

/// One decision: of one policy, for one image, and for one tag that stands in files.
#[derive(Debug, Clone, Copy)]
pub struct Decided<'a> {
    pub policy: &'a Policy,
    pub repository: &'a Repository,
    /// The tag that stands in the files that it is about.
    pub current: Option<&'a Tag>,
    pub decision: &'a Decision,
    /// Everything that the registry lists, in its order.
    pub tags: &'a [String],
    pub look: &'a dyn Look,
}

/// What can be asked about a decision, for as long as its tags are there.
pub trait Look: fmt::Debug {
    /// Why tags were passed over: at most so many that the policy could order, the best first, and so many others; and how many
    /// more there are.
    fn passed_over(&self, most: (usize, usize)) -> (Vec<PassedOver>, usize);

    /// Since when the tag is known, where something is remembered of it or its image was asked.
    fn since(&self, tag: &str) -> Option<Since>;
}

/// Since when a tag is known. Moments are seconds since 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// When its image was built, by its own word.
    Built(i64),
    /// When it was first seen with the digest that it has.
    Seen(i64),
}

/// What the decision was made of.
#[derive(Debug)]
pub(super) struct Grounds<'g, 'r> {
    pub(super) ranking: &'g Ranking<'r>,
    pub(super) question: Question<'g>,
    pub(super) facts: &'g Facts,
}

impl Look for Grounds<'_, '_> {
    fn passed_over(&self, most: (usize, usize)) -> (Vec<PassedOver>, usize) {
        self.ranking.passed_over_some(&self.question, self.facts, most)
    }

    fn since(&self, tag: &str) -> Option<Since> {
        let tag = Tag::parse(tag).ok()?;
        let built = self.facts.metadata.get(&tag).and_then(|answer| answer.as_ref().ok()?.created);
        let seen = match &self.facts.recall {
            Recall::Seen(tags) => tags.get(&tag),
            Recall::Nothing(_) => None,
        };
        let built = built.or_else(|| seen.and_then(|seen| seen.created));
        built.map(Since::Built).or_else(|| seen.map(|seen| Since::Seen(seen.first)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Digest;
    use crate::policy::{Parts, PolicyName, Reason, Seen, Select};
    use crate::version::range::Range;
    use std::collections::BTreeMap;

    fn policy() -> Policy {
        let select = Select::Semver { range: Range::parse("<2").unwrap(), parts: Parts::Three, prereleases: false };
        Policy::new(PolicyName::parse("web").unwrap(), "landwaiter.yaml", select)
    }

    #[test]
    fn the_best_are_told_first_and_the_rest_is_counted() {
        let (policy, facts) = (policy(), Facts::default());
        let tags = ["1.0.0", "1.1.0", "1.2.0", "2.0.0", "latest", "x", "y"].map(String::from);
        let ranking = Ranking::new(&policy, &tags);
        let current = Tag::parse("1.0.0").unwrap();
        let question = Question { current: Some(&current), ..Question::default() };
        let grounds = Grounds { ranking: &ranking, question, facts: &facts };
        let told = |most| {
            let (told, rest) = grounds.passed_over(most);
            (told.into_iter().map(|one| (one.tag, one.reason)).collect::<Vec<_>>(), rest)
        };
        let tag = |tag: &str, reason| (tag.to_owned(), reason);
        let best = [tag("2.0.0", Reason::OutOfRange), tag("1.1.0", Reason::Superseded)];
        assert_eq!(told((2, 1)), ([&best[..], &[tag("y", Reason::NotAVersion)]].concat(), 3));
        assert_eq!(told((0, 0)), (Vec::new(), 6), "the chosen one is not passed over");
        let (all, rest) = told((usize::MAX, usize::MAX));
        assert_eq!((all.len(), rest), (6, 0));
        let whole = ranking.passed_over(&grounds.question, &facts);
        assert!(whole.iter().map(|one| &one.tag).eq(all.iter().map(|(tag, _)| tag)));
    }

    #[test]
    fn a_moment_is_what_the_image_says_before_when_it_was_seen() {
        let policy = policy();
        let digest = Digest::parse(&format!("sha256:{}", "a".repeat(64))).unwrap();
        let seen = |created| Seen { digest: digest.clone(), first: 50, created };
        let tags =
            BTreeMap::from([(Tag::parse("1.0.0").unwrap(), seen(None)), (Tag::parse("1.1.0").unwrap(), seen(Some(7)))]);
        let facts = Facts { recall: Recall::Seen(tags), ..Facts::default() };
        let ranking = Ranking::new(&policy, &[]);
        let grounds = Grounds { ranking: &ranking, question: Question::default(), facts: &facts };
        let since = ["1.0.0", "1.1.0", "1.2.0", "no tag"].map(|tag| grounds.since(tag));
        assert_eq!(since, [Some(Since::Seen(50)), Some(Since::Built(7)), None, None]);
    }
}
