//! What holds for any list, any current tag and every kind of policy.

use super::*;
use landwaiter::policy::Bump;
use landwaiter::version::calver::Pattern;
use proptest::prelude::*;

/// Policies of each kind, and with the switches that matter for order.
pub(crate) fn policies() -> Vec<Policy> {
    let mut extracting = semver("*");
    extracting.tags.matching = Some(Regex::new("([0-9.]+)").unwrap());
    extracting.tags.extract = Some("$1".to_owned());
    let mut replacing = semver_with(">=0-0", Parts::One);
    replacing.guards.allow_replace = true;
    replacing.guards.floating_current = FloatingCurrent::Pin;
    let mut stepping = semver("*");
    stepping.require.max_bump = Some(Bump::Minor);
    vec![
        semver(">=1 <3"),
        semver_with("*", Parts::Two),
        extracting,
        replacing,
        Policy { family: Family::Any, ..semver(">=1-0") },
        stepping,
        policy(Select::Calver(Pattern::parse("YYYY0M0D").unwrap())),
        policy(Select::Calver(Pattern::parse("MAJOR.YY").unwrap())),
        policy(Select::Numeric(Order::Asc)),
        policy(Select::Numeric(Order::Desc)),
        policy(Select::Alphabetical(Order::Asc)),
        policy(Select::Alphabetical(Order::Desc)),
    ]
}

pub(crate) fn any_tag() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "v?[0-3](\\.[0-3]){0,3}(-(rc\\.[12]|alpine3\\.[12]|abc123[45]|[0-9]))?",
        1 => "(latest|main|stable|[a-c]{1,3}|20240[1-3]0[1-3]|[0-9]{1,3})",
        1 => ".{0,140}",
    ]
}

proptest! {
    #[test]
    fn neither_order_nor_repetition_matters(tags in proptest::collection::vec(any_tag(), 0..12), current in any_tag(), turn in 0usize..12) {
        let current = Tag::parse(&current).ok();
        let question = Question { current: current.as_ref(), ..Question::default() };
        let mut other = tags.clone();
        other.rotate_left(turn.min(tags.len()));
        other.extend(tags.iter().take(3).cloned());
        for policy in policies() {
            let (a, b) = (Ranking::new(&policy, &tags), Ranking::new(&policy, &other));
            let facts = Facts::default();
            prop_assert_eq!(format!("{:?}", a.decide(&question, &facts)), format!("{:?}", b.decide(&question, &facts)));
            prop_assert_eq!(a.passed_over(&question, &facts), b.passed_over(&question, &facts));
        }
    }

    #[test]
    fn a_decision_is_one_of_the_tags_and_all_others_have_a_reason(tags in proptest::collection::vec(any_tag(), 0..12), current in any_tag()) {
        let current = Tag::parse(&current).ok();
        let question = Question { current: current.as_ref(), ..Question::default() };
        for policy in policies() {
            let ranking = Ranking::new(&policy, &tags);
            let Outcome::Decided(decision) = ranking.decide(&question, &Facts::default()) else { panic!("no digest was asked for") };
            let chosen = decision.chosen.map(|chosen| chosen.tag);
            let stays = chosen.is_some() && chosen == current;
            prop_assert!(chosen.as_ref().is_none_or(|tag| stays || tags.iter().any(|listed| listed == tag.as_str())));
            prop_assert!(chosen.is_some() || decision.held.is_some(), "nothing is left alone without a reason");
            let mut distinct = tags.clone();
            distinct.sort();
            distinct.dedup();
            distinct.retain(|tag| chosen.as_ref().is_none_or(|chosen| chosen.as_str() != tag));
            let passed = ranking.passed_over(&question, &Facts::default());
            prop_assert_eq!(passed.len(), distinct.len());
            prop_assert!(passed.iter().all(|passed| !passed.detail.is_empty()), "{:?}", passed);
        }
    }

    /// Writing the decision and asking again writes nothing; where versions or numbers are ordered, it is not held either.
    #[test]
    fn a_decision_stands_once_it_is_written(tags in proptest::collection::vec(any_tag(), 0..12), current in any_tag()) {
        for policy in policies() {
            let decision = decide_list(&policy, &current, &tags);
            if let (None, Some(chosen)) = (decision.held, decision.chosen) {
                let again = decide_list(&policy, chosen.tag.as_str(), &tags);
                let text = matches!(policy.select, Select::Alphabetical(_));
                if !(text && again.held.is_some()) {
                    prop_assert_eq!((again.held, again.chosen.map(|c| c.tag)), (None, Some(chosen.tag)));
                }
            }
        }
    }

    /// Only outliers and floating versions look at tags below: three parts and one first number leave both out.
    #[test]
    fn an_older_tag_never_changes_the_decision(patches in proptest::collection::vec(1u8..20, 1..8), suffix in "(-alpine3)?", older in "1\\.[0-9]\\.0") {
        let policy = semver("*");
        let mut tags: Vec<String> = patches.iter().map(|patch| format!("1.10.{patch}{suffix}")).collect();
        let current = tags[0].clone();
        let before = decide_list(&policy, &current, &tags);
        tags.push(format!("{older}{suffix}"));
        prop_assert_eq!(decide_list(&policy, &current, &tags), before);
    }

    /// Never backwards: what is written stands above what stood there, in the policy's own order.
    #[test]
    fn nothing_is_ever_written_that_would_be_older(tags in proptest::collection::vec(any_tag(), 0..12), current in any_tag()) {
        for policy in policies().into_iter().filter(|policy| !policy.guards.allow_replace) {
            let decision = decide_list(&policy, &current, &tags);
            let Some(chosen) = decision.chosen.filter(|chosen| decision.held.is_none() && chosen.tag.as_str() != current) else { continue };
            // Seen from the new tag, the old one must not be an update.
            let back = decide_list(&policy, chosen.tag.as_str(), std::slice::from_ref(&current));
            let returned = back.held.is_none() && back.chosen.is_some_and(|back| back.tag.as_str() == current);
            prop_assert!(Tag::parse(&current).is_err() || !returned, "{} and back to {}", chosen.tag, current);
        }
    }
}
