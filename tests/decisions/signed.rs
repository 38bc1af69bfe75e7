//! `require.signature`: the unsigned is passed over, the unknown holds, and no digest is written that nobody verified.

use super::*;
use landwaiter::policy::MAX_LOOKED_AT;
use landwaiter::signature::{PublicKey, Signer, Verdict};
use std::collections::BTreeMap;
use std::sync::Arc;

fn signed(mut policy: Policy) -> Policy {
    let key = PublicKey::parse(include_str!("../fixtures/signatures/keys/approved.pub")).unwrap();
    policy.require.signature = Some(Arc::new(Signer::Keys(vec![key])));
    policy
}

fn digest(c: char) -> Digest {
    Digest::parse(&format!("sha256:{}", c.to_string().repeat(64))).unwrap()
}

/// What is known by tag: `+` signed, `-` unsigned, anything else why it could not be learned.
fn run(
    policy: &Policy,
    question: &Question<'_>,
    tags: &str,
    known: &[(&str, &str)],
) -> (Decision, Vec<PassedOver>, usize) {
    let known: BTreeMap<&str, &str> = known.iter().copied().collect();
    let tags = list(tags);
    let ranking = Ranking::new(policy, &tags);
    let mut facts = Facts::default();
    let mut asked = 0;
    loop {
        let needs = match ranking.decide(question, &facts) {
            Outcome::Decided(decision) => return (decision, ranking.passed_over(question, &facts), asked),
            Outcome::Needs(needs) => needs,
        };
        for need in needs {
            assert!(!facts.answers(&need), "{need:?} is asked twice");
            match need {
                Need::Digest(tag) => drop(facts.digests.insert(tag, Ok(digest('d')))),
                Need::Signature(tag, signer) => {
                    asked += 1;
                    let verdict = match known.get(tag.as_str()) {
                        Some(&"+") => Ok(Verdict::Signed),
                        Some(&"-") => Ok(Verdict::Unsigned("no signature is attached to it".to_owned())),
                        Some(why) => Err((*why).to_owned()),
                        None => panic!("{tag} was not expected to be asked for"),
                    };
                    facts.digests.insert(tag.clone(), Ok(digest('d')));
                    facts.signatures.insert((tag, signer), verdict);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

fn from<'a>(current: &'a Tag) -> Question<'a> {
    Question { current: Some(current), ..Question::default() }
}

fn tag(text: &str) -> Tag {
    Tag::parse(text).unwrap()
}

#[test]
fn the_best_signed_tag_is_taken_and_the_others_say_why_not() {
    let policy = signed(semver("*"));
    let known = [("1.3.0", "-"), ("1.2.0", "+")];
    let (decision, passed, asked) = run(&policy, &from(&tag("1.0.0")), "1.0.0 1.1.0 1.2.0 1.3.0", &known);
    assert_eq!(decision.chosen.unwrap().tag, tag("1.2.0"));
    assert_eq!(asked, 2, "what stands there and what is lower are of no concern");
    assert_eq!((passed[0].tag.as_str(), passed[0].reason), ("1.3.0", Reason::Unsigned));
    assert_eq!(passed[0].detail, "no signature is attached to it");
    // What stands there stays, signed or not.
    let (decision, _, asked) = run(&policy, &from(&tag("1.3.0")), "1.3.0 1.2.0", &[]);
    assert_eq!((decision.chosen.unwrap().tag, decision.held, asked), (tag("1.3.0"), None, 0));
    // Nothing is signed: what stands there stays, and without a current tag nothing is chosen.
    let (decision, _, _) = run(&policy, &from(&tag("1.2.0")), "1.2.0 1.3.0", &[("1.3.0", "-")]);
    assert_eq!(decision.chosen.unwrap().tag, tag("1.2.0"));
    let (decision, _, _) = run(&policy, &Question::default(), "1.3.0", &[("1.3.0", "-")]);
    let held = decision.held.unwrap();
    assert_eq!(held.reason, Reason::NoCandidate);
    assert!(held.detail.contains("1 unsigned"), "{}", held.detail);
}

#[test]
fn what_could_not_be_learned_holds_and_elects_no_other() {
    let policy = signed(semver("*"));
    let known = [("1.3.0", "example.com did not answer in time"), ("1.2.0", "+")];
    let (decision, _, asked) = run(&policy, &from(&tag("1.0.0")), "1.0.0 1.2.0 1.3.0", &known);
    let held = decision.held.unwrap();
    assert_eq!((held.reason, decision.chosen, asked), (Reason::IncompleteInformation, None, 1));
    assert!(held.detail.contains("1.3.0") && held.detail.contains("did not answer"), "{}", held.detail);
}

#[test]
fn a_history_without_signatures_is_not_read_to_its_end() {
    let policy = signed(semver("*"));
    for (unsigned, reason) in [(MAX_LOOKED_AT, None), (MAX_LOOKED_AT + 1, Some(Reason::NoCandidate))] {
        let tags: Vec<String> = (0..=unsigned).map(|minor| format!("1.{minor}.0")).collect();
        let mut known: Vec<(&str, &str)> = tags[1..].iter().map(|tag| (tag.as_str(), "-")).collect();
        known.push(("1.0.0", "+"));
        let (decision, _, asked) = run(&policy, &from(&tag("1.0.0")), &tags.join(" "), &known);
        assert_eq!(decision.held.map(|held| held.reason), reason, "{unsigned}");
        assert_eq!(asked, MAX_LOOKED_AT);
    }
}

#[test]
fn a_digest_is_written_only_when_it_was_verified() {
    let policy = signed(semver("*"));
    let current = tag("1.0.0");
    let pin = Question { current: Some(&current), digest: true, ..Question::default() };
    let (decision, _, asked) = run(&policy, &pin, "1.0.0", &[("1.0.0", "+")]);
    assert_eq!((decision.held, asked), (None, 1));
    assert_eq!(decision.chosen.unwrap().digest, Some(digest('d')));
    for (known, reason) in [("-", Reason::Unsigned), ("no answer", Reason::IncompleteInformation)] {
        let (decision, _, _) = run(&policy, &pin, "1.0.0", &[("1.0.0", known)]);
        assert_eq!(decision.held.unwrap().reason, reason);
    }
    // A digest that stands there already is nobody's business.
    let there = digest('a');
    let stays = Question { current_digest: Some(&there), ..pin };
    assert_eq!(run(&policy, &stays, "1.0.0", &[]).2, 0);
}

#[test]
fn a_moving_tag_is_followed_to_what_is_signed_only() {
    let policy = signed(policy(Select::Digest(tag("stable"))));
    let current = tag("stable");
    let there = digest('a');
    let question =
        Question { current: Some(&current), current_digest: Some(&there), digest: true, ..Question::default() };
    let (decision, _, _) = run(&policy, &question, "stable", &[("stable", "+")]);
    assert_eq!(decision.chosen.unwrap().digest, Some(digest('d')));
    let (decision, _, _) = run(&policy, &question, "stable", &[("stable", "-")]);
    let held = decision.held.unwrap();
    assert_eq!(held.reason, Reason::Unsigned);
    assert_eq!(held.detail, "stable would be written with its digest, and no signature is attached to it");
    // It has not moved: nothing is written, so nothing is asked.
    let there = digest('d');
    let question = Question { current_digest: Some(&there), ..question };
    assert_eq!(run(&policy, &question, "stable", &[]).2, 0);
}
