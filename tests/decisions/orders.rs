//! The same promises for the kinds that need facts, and for every kind and family: an older tag changes nothing.

use super::properties::{any_tag, policies};
use super::*;
use landwaiter::image::ImageMetadata;
use proptest::prelude::*;

/// A digest that hangs on the tag alone.
fn digest(tag: &Tag) -> Digest {
    let sum = tag.as_str().bytes().fold(7u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    Digest::parse(&format!("sha256:{sum:064x}")).unwrap()
}

/// Answers whatever is asked, by the tag alone: an image's time is the sum of its tag's bytes, so that some are equal.
fn decided(policy: &Policy, question: &Question<'_>, tags: &[String]) -> Decision {
    let ranking = Ranking::new(policy, tags);
    let mut facts = Facts { now: Some(2_000_000_000), ..Facts::default() };
    loop {
        let needs = match ranking.decide(question, &facts) {
            Outcome::Decided(decision) => return decision,
            Outcome::Needs(needs) => needs,
        };
        for need in needs {
            if let Need::Digest(tag) = &need {
                facts.digests.insert(tag.clone(), Ok(digest(tag)));
            } else if let Need::Metadata(tag) = &need {
                let sum: i64 = tag.as_str().bytes().map(i64::from).sum();
                let created = Some(1_600_000_000 + sum);
                let image = ImageMetadata {
                    digest: digest(tag),
                    created,
                    platforms: vec![],
                    labels: [].into(),
                    size: None,
                    run: None,
                };
                facts.metadata.insert(tag.clone(), Ok(image));
            } else {
                facts.refuse(need, "nobody answers this");
            }
        }
    }
}

/// Every kind, in every family mode.
fn all_policies() -> Vec<Policy> {
    let moving = ["latest", "1.2"].map(|tag| policy(Select::Digest(Tag::parse(tag).unwrap())));
    let kinds = policies().into_iter().chain([policy(Select::Newest)]).chain(moving);
    let families = [Family::Compatible, Family::Exact, Family::Any];
    kinds.flat_map(|kind| families.map(|family| Policy { family, ..kind.clone() })).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn order_and_repetition_never_matter(tags in proptest::collection::vec(any_tag(), 0..10), current in any_tag(), turn in 0usize..10) {
        let current = Tag::parse(&current).ok();
        let question = Question { current: current.as_ref(), ..Question::default() };
        let mut other = tags.clone();
        other.rotate_left(turn.min(tags.len()));
        other.extend(tags.iter().take(2).cloned());
        for policy in all_policies() {
            prop_assert_eq!(decided(&policy, &question, &tags), decided(&policy, &question, &other));
        }
    }

    #[test]
    fn a_decision_is_one_of_the_tags(tags in proptest::collection::vec(any_tag(), 0..10), current in any_tag()) {
        let current = Tag::parse(&current).ok();
        let question = Question { current: current.as_ref(), ..Question::default() };
        for policy in all_policies() {
            let decision = decided(&policy, &question, &tags);
            let chosen = decision.chosen.map(|chosen| chosen.tag);
            prop_assert!(chosen.is_some() || decision.held.is_some());
            let stays = chosen.is_some() && chosen == current;
            prop_assert!(chosen.as_ref().is_none_or(|tag| stays || tags.iter().any(|listed| listed == tag.as_str())));
        }
    }

    /// A tag that loses against the chosen one alone changes nothing beside the others either. Outliers and short versions look
    /// at tags below, so these guards are off here.
    #[test]
    fn an_older_tag_changes_nothing(tags in proptest::collection::vec(any_tag(), 1..8), current in any_tag(), more in any_tag()) {
        let current = Tag::parse(&current).ok();
        let question = Question { current: current.as_ref(), ..Question::default() };
        for mut policy in all_policies() {
            policy.guards.disabled.extend([Guard::Outlier, Guard::Floating]);
            let before = decided(&policy, &question, &tags);
            let (None, Some(chosen)) = (&before.held, &before.chosen) else { continue };
            let alone = [chosen.tag.to_string(), more.clone()];
            let duel = decided(&policy, &question, &alone);
            if duel.held.is_some() || duel.chosen.as_ref() != Some(chosen) || tags.contains(&more) {
                continue;
            }
            let mut all = tags.clone();
            all.push(more.clone());
            let after = decided(&policy, &question, &all);
            prop_assert_eq!((&after.held, &after.chosen), (&before.held, &before.chosen), "{} beside {:?} under {:?}", more, tags, policy.select);
        }
    }

    /// Of any three tags one beats the others, and it does so in pairs too: the order is total.
    #[test]
    fn the_order_is_total(tags in proptest::collection::vec(any_tag(), 3)) {
        let question = Question::default();
        for mut policy in all_policies() {
            policy.guards.disabled.extend([Guard::Outlier, Guard::Floating]);
            let winner = |tags: &[String]| {
                let decision = decided(&policy, &question, tags);
                decision.chosen.filter(|_| decision.held.is_none()).map(|chosen| chosen.tag.to_string())
            };
            let Some(best) = winner(&tags) else { continue };
            for other in tags.iter().filter(|other| **other != best) {
                let pair = [best.clone(), other.clone()];
                // Of two images that were built at the same time nobody can say which is newer.
                if let Some(first) = winner(&pair) {
                    prop_assert_eq!(first, best.clone(), "{:?} of {:?} under {:?}", pair, tags, policy.select);
                }
            }
        }
    }
}
