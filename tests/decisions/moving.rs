//! `digest`: one moving tag, followed by its digest.

use super::*;

fn follow(tag: &str) -> Policy {
    policy(Select::Digest(Tag::parse(tag).unwrap()))
}

fn digest(c: &str) -> Digest {
    Digest::parse(&format!("sha256:{}", c.repeat(64))).unwrap()
}

#[test]
fn the_digest_of_now_is_written_whatever_stands_there() {
    let (policy, tags) = (follow("latest"), list("1.0.0 latest main"));
    let ranking = Ranking::new(&policy, &tags);
    let latest = Tag::parse("latest").unwrap();
    let (old, new) = (digest("a"), digest("b"));
    let known = Facts { digests: [(latest.clone(), Ok(new.clone()))].into(), ..Facts::default() };
    for stands in [None, Some(&old), Some(&new)] {
        let question = Question { current: Some(&latest), current_digest: stands, digest: true, ..Question::default() };
        let Outcome::Needs(needs) = ranking.decide(&question, &Facts::default()) else { panic!("decided blindly") };
        assert_eq!(needs, [Need::Digest(latest.clone())]);
        let Outcome::Decided(decision) = ranking.decide(&question, &known) else { panic!("asked again") };
        assert_eq!((decision.held, decision.chosen.unwrap().digest), (None, Some(new.clone())));
    }
    let failed = Facts { digests: [(latest.clone(), Err("no answer".to_owned()))].into(), ..Facts::default() };
    let question = Question { current: Some(&latest), current_digest: Some(&old), digest: true, ..Question::default() };
    let Outcome::Decided(decision) = ranking.decide(&question, &failed) else { panic!("asked again") };
    assert_eq!(decision.held.unwrap().reason, Reason::IncompleteInformation);
}

#[test]
fn only_the_tag_it_follows_is_followed() {
    let mut policy = follow("stable");
    assert_eq!(outcome(&policy, "1.0.0", "1.0.0 stable"), "not-comparable");
    assert_eq!(outcome(&policy, "stable", "1.0.0"), "no-candidate");
    assert_eq!(reasons(&policy, "stable", "1.0.0 stable latest"), ["1.0.0 no-match", "latest no-match"]);
    assert_eq!(reasons(&policy, "1.0.0", "1.0.0 stable"), ["1.0.0 no-match", "stable not-comparable"]);
    policy.guards.allow_replace = true;
    let (one, tags) = (Tag::parse("1.0.0").unwrap(), list("1.0.0 stable"));
    let question = Question { current: Some(&one), ..Question::default() };
    let needs = Ranking::new(&policy, &tags).decide(&question, &Facts::default());
    assert!(matches!(needs, Outcome::Needs(needs) if needs == [Need::Digest(Tag::parse("stable").unwrap())]));
    policy.tags.exclude.push(Regex::new("stable").unwrap());
    assert_eq!(outcome(&policy, "stable", "1.0.0 stable"), "excluded");
}
