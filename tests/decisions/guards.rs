//! What the rules that are always on keep from being written, and what lifts them.

use super::*;

#[test]
fn floating_tags_are_no_candidates_and_are_not_moved_unasked() {
    let tags = "1.2 1.2.7 1.3.0 1.3 1 latest stable";
    for floating in ["latest", "stable", "1", "1.2"] {
        let decision = decide(&semver(">=1"), floating, tags);
        let held = decision.held.unwrap();
        assert_eq!(held.reason, Reason::FloatingCurrent, "{floating}");
        assert!(held.detail.contains("1.3.0"), "{}", held.detail);
    }
    let mut pin = semver(">=1");
    pin.guards.floating_current = FloatingCurrent::Pin;
    assert_eq!(outcome(&pin, "latest", tags), "1.3.0");
    assert_eq!(outcome(&pin, "1.2", tags), "1.3.0");
    assert_eq!(outcome(&pin, "1.2-alpine", "1.2-alpine 1.2.7-alpine 1.3.0"), "1.2.7-alpine");
    let below = Policy { guards: pin.guards.clone(), ..semver("<2") };
    assert_eq!(outcome(&below, "2", "1.9.0 2 2.1.0"), "downgrade");
}

#[test]
fn a_channel_is_pinned_to_its_own_flavour() {
    let mut pin = semver(">=1");
    pin.guards.floating_current = FloatingCurrent::Pin;
    let tags = "stable-alpine 1.27.3 1.27.2-alpine 1.27.3-perl v1.27.4-alpine";
    assert_eq!(outcome(&pin, "stable-alpine", tags), "1.27.2-alpine");
    assert_eq!(outcome(&pin, "latest-alpine", "1.27.3 v1.27.4-alpine"), "v1.27.4-alpine");
    assert_eq!(outcome(&pin, "latest-slim", tags), "no-candidate");
}

#[test]
fn a_short_version_is_no_floating_one_without_evidence() {
    let two = semver_with(">=16", Parts::Two);
    assert_eq!(outcome(&two, "16.4", "16.4 17.2 latest"), "17.2");
    assert_eq!(outcome(&two, "16.4", "16.4 16.4.1 17.2"), "floating-current");
    assert_eq!(outcome(&two, "", "16.4 17.2 17.2.1"), "17.2.1");
    // What the filter drops is evidence all the same.
    let mut lines = semver_with("*", Parts::Two);
    lines.tags.matching = Some(Regex::new(r"^\d+\.\d+$").unwrap());
    assert_eq!(outcome(&lines, "", "1.2 1.3 1.3.1"), "1.2");
    // Three parts are asked for, and two are all there is: the policy cannot know.
    assert_eq!(outcome(&semver(">=16"), "16.4", "16.4 17.2"), "not-comparable");
}

#[test]
fn a_switched_off_guard_lets_short_versions_in_but_never_names() {
    let mut policy = semver_with(">=1", Parts::Two);
    policy.guards.disabled.insert(Guard::Floating);
    assert_eq!(outcome(&policy, "1.2", "1.2 1.2.7 1.3 1.3.1"), "1.3");
    assert_eq!(outcome(&policy, "latest", "1.2 1.2.7"), "floating-current");
    let alphabetical = Policy { guards: policy.guards, ..self::policy(Select::Alphabetical(Order::Asc)) };
    assert_eq!(outcome(&alphabetical, "", "a latest main stable"), "a");
}

#[test]
fn artefacts_are_no_candidates_unless_switched_on() {
    let signature = format!("sha256-{}.sig", "0a".repeat(32));
    let tags = format!("a {signature}");
    let mut policy = policy(Select::Alphabetical(Order::Asc));
    assert_eq!(outcome(&policy, "", &tags), "a");
    policy.guards.disabled.insert(Guard::Artefact);
    assert_eq!(outcome(&policy, "", &tags), signature);
}

#[test]
fn nothing_goes_back_by_accident() {
    let mut policy = semver(">=1 <2");
    // Below the range: into it. Above: it stays, and says so.
    assert_eq!(outcome(&policy, "0.9.0", "0.9.0 1.4.0 2.0.0"), "1.4.0");
    let ahead = decide(&policy, "2.0.0", "0.9.0 1.4.0 2.0.0");
    assert_eq!((ahead.held, ahead.chosen.unwrap().tag.as_str()), (None, "2.0.0"));
    assert!(ahead.note.unwrap().contains("1.4.0"));
    // Gone from the registry: still ordered.
    assert_eq!(outcome(&policy, "1.3.0", "1.4.0"), "1.4.0");
    let gone = decide(&policy, "1.5.0", "1.4.0").held.unwrap();
    assert_eq!(gone.reason, Reason::Downgrade);
    assert!(gone.detail.contains("no longer lists 1.5.0"), "{}", gone.detail);
    // Excluded: a person must say that going back is meant.
    policy.tags.exclude.push(Regex::new(r"^1\.5\.0$").unwrap());
    assert_eq!(outcome(&policy, "1.5.0", "1.4.0 1.5.0"), "downgrade");
    assert_eq!(outcome(&policy, "1.5.0", "1.4.0 1.5.0 1.5.1"), "1.5.1");
    policy.guards.allow_downgrade = true;
    assert_eq!(outcome(&policy, "1.5.0", "1.4.0 1.5.0"), "1.4.0");
    assert_eq!(outcome(&policy, "2.0.0", "1.4.0 2.0.0"), "1.4.0");
}

#[test]
fn down_is_up_where_the_policy_orders_so() {
    let desc = policy(Select::Numeric(Order::Desc));
    assert_eq!(outcome(&desc, "7", "5 7 9"), "5");
    assert_eq!(outcome(&desc, "3", "5 7 9"), "downgrade");
}

#[test]
fn what_cannot_be_compared_is_replaced_only_when_allowed() {
    let mut policy = semver(">=1");
    assert_eq!(outcome(&policy, "jessie", "1.0.0 1.1.0"), "not-comparable");
    policy.guards.allow_replace = true;
    assert_eq!(outcome(&policy, "jessie", "1.0.0 1.1.0"), "1.1.0");
}

#[test]
fn an_outlier_waits_for_a_person() {
    let mut policy = semver(">=1");
    let tags = "4.9.0 5.2.3 5.3.0 20.04.1";
    let decision = decide(&policy, "5.2.3", tags);
    assert_eq!(decision.chosen.unwrap().tag.as_str(), "5.3.0");
    assert!(decision.note.unwrap().contains("accept: [20.04.1]"));
    assert_eq!(reasons(&policy, "5.2.3", tags), ["20.04.1 outlier", "5.2.3 superseded", "4.9.0 older"]);
    assert_eq!(outcome(&policy, "", tags), "20.04.1", "without a current tag nothing is an outlier");
    policy.guards.accept.insert(Tag::parse("20.04.1").unwrap());
    assert_eq!(outcome(&policy, "5.2.3", tags), "20.04.1");
    policy.guards.accept.clear();
    policy.guards.disabled.insert(Guard::Outlier);
    assert_eq!(outcome(&policy, "5.2.3", tags), "20.04.1");
    let two = semver_with("*", Parts::Two);
    assert_eq!(outcome(&two, "17.4", "17.4 18.0"), "18.0");
}

#[test]
fn a_digest_is_asked_for_only_when_one_is_to_be_written() {
    let policy = semver(">=1");
    let tags = list("1.0.0 1.1.0");
    let ranking = Ranking::new(&policy, &tags);
    let (old, new) = (Tag::parse("1.0.0").unwrap(), Tag::parse("1.1.0").unwrap());
    let digest = |c: &str| Digest::parse(&format!("sha256:{}", c.repeat(64))).unwrap();
    let (moved, fresh) = (digest("a"), digest("b"));
    let chosen = |question: Question, facts: &Facts| match ranking.decide(&question, facts) {
        Outcome::Decided(decision) => decision.chosen.unwrap().digest,
        Outcome::Needs(needs) => panic!("{needs:?}"),
    };
    let none = Facts::default();

    // No digest in the file, none wanted.
    let plain = Question { current: Some(&old), ..Question::default() };
    assert_eq!(chosen(plain, &none), None);

    // The tag changes, and the file carries a digest: the new tag's is needed, and written.
    let pinned = Question { current_digest: Some(&moved), ..plain };
    let Outcome::Needs(needs) = ranking.decide(&pinned, &none) else { panic!("decided without the digest") };
    assert_eq!(needs, [Need::Digest(new.clone())]);
    let known = Facts { digests: [(new.clone(), Ok(fresh.clone()))].into(), ..Facts::default() };
    assert_eq!(chosen(pinned, &known), Some(fresh.clone()));

    // The tag stays: so does the digest, though the tag has moved meanwhile.
    let latest = Question { current: Some(&new), current_digest: Some(&moved), digest: true, ..Question::default() };
    assert_eq!(chosen(latest, &known), Some(moved.clone()));
    // It stays and has none yet, but is to be given one.
    let bare = Question { current_digest: None, ..latest };
    assert_eq!(chosen(bare, &known), Some(fresh));
    assert!(matches!(ranking.decide(&bare, &none), Outcome::Needs(_)));

    // What could not be learned holds the reference; it elects no other tag.
    let failed =
        Facts { digests: [(new.clone(), Err("ghcr.io did not answer in time".to_owned()))].into(), ..Facts::default() };
    let Outcome::Decided(decision) = ranking.decide(&pinned, &failed) else { panic!("asked again") };
    let held = decision.held.unwrap();
    assert_eq!(held.reason, Reason::IncompleteInformation);
    assert!(held.detail.contains("did not answer in time"));
    assert_eq!(decision.chosen.unwrap().tag, new);

    // A held reference needs no digest.
    let floating = Tag::parse("latest").unwrap();
    let question = Question { current: Some(&floating), ..pinned };
    assert!(matches!(ranking.decide(&question, &none), Outcome::Decided(_)));
}

#[test]
fn a_day_to_come_waits_for_a_person() {
    let now = Facts { now: Some(1_735_689_600), ..Facts::default() };
    let chosen = |policy: &Policy, current: &str, tags: &str, facts: &Facts| {
        let (current, tags) = (Tag::parse(current).unwrap(), list(tags));
        let question = Question { current: Some(&current), ..Question::default() };
        match Ranking::new(policy, &tags).decide(&question, facts) {
            Outcome::Decided(decision) => decision.chosen.unwrap().tag.to_string(),
            Outcome::Needs(needs) => panic!("{needs:?}"),
        }
    };
    let mut policy = semver("*");
    let tags = "4.8.1-20241014-core 4.8.1-20990301-core 4.8.1-20250103-core 4.8.1-20250104-core";
    assert_eq!(chosen(&policy, "4.8.1-20241014-core", tags, &now), "4.8.1-20250103-core");
    assert_eq!(chosen(&policy, "4.8.1-20990301-core", tags, &now), "4.8.1-20990301-core", "what stands there stays");
    assert_eq!(
        chosen(&policy, "4.8.1-20241014-core", tags, &Facts::default()),
        "4.8.1-20990301-core",
        "no clock, no future"
    );
    policy.guards.accept.insert(Tag::parse("4.8.1-20990301-core").unwrap());
    assert_eq!(chosen(&policy, "4.8.1-20241014-core", tags, &now), "4.8.1-20990301-core");
    policy.guards.accept.clear();
    policy.guards.disabled.insert(Guard::Outlier);
    assert_eq!(chosen(&policy, "4.8.1-20241014-core", tags, &now), "4.8.1-20990301-core");
}

#[test]
fn a_short_version_with_a_date_names_one_build() {
    let two = semver_with("*", Parts::Two);
    assert_eq!(outcome(&two, "4.8-20240909", "4.8-20240909 4.8-20241014 4.8.1"), "4.8-20241014");
    assert_eq!(outcome(&two, "4.8", "4.8 4.8.1"), "floating-current");
}
