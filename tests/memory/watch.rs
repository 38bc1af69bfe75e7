//! A tag that moved is told once per new digest, at the pace of the policy, and followed by nobody.

use super::*;

const POLICY: &str = "    select: {semver: '*'}\n    watchDigest: 1h\n";

#[test]
fn a_moved_tag_is_told_once_for_each_new_digest() {
    let mut world = World::new("1.0.0", POLICY);
    let first = world.push("1.0.0", START - 3);
    assert_eq!(world.says(), ("stays".to_owned(), vec![], 2), "the first look is at once");
    world.now += HOUR - 1;
    let second = world.push("1.0.0", START - 2);
    assert_eq!(world.says(), ("stays".to_owned(), vec![], 1), "not due yet");
    world.now += 1;
    let told = vec![format!("the tag moved: 1.0.0 names {second} now, and named {first}; it is not followed")];
    assert_eq!(world.says(), ("stays".to_owned(), told, 2));
    world.now += HOUR;
    assert_eq!(world.says(), ("stays".to_owned(), vec![], 2), "once");
    world.now += HOUR;
    let third = world.push("1.0.0", START - 1);
    let (_, notes, _) = world.says();
    assert!(notes[0].contains(&format!("1.0.0 names {third} now, and named {second}")), "{notes:?}");
    let short = |digest: &str| digest["sha256:".len()..][..12].to_owned();
    let (first, second, third) = (short(&first), short(&second), short(&third));
    assert_eq!(
        *world.moved.lock().unwrap(),
        [format!("acme/web:1.0.0 {first} {second}"), format!("acme/web:1.0.0 {second} {third}")]
    );
}

#[test]
fn a_digest_in_the_file_is_watched_once_a_day_and_what_was_reviewed_stays() {
    let mut world = World::new("1.0.0", "    select: {semver: '*'}\n");
    let reviewed = world.push("1.0.0", START - 3);
    world.stands(&format!("1.0.0@{reviewed}"));
    assert_eq!(world.says(), ("stays".to_owned(), vec![], 2), "the first look is at once");
    let moved = world.push("1.0.0", START - 2);
    assert_eq!(world.says(), ("stays".to_owned(), vec![], 1), "not due yet");
    world.now += 24 * HOUR;
    let (state, notes, requests) = world.says();
    assert_eq!((state.as_str(), requests), ("stays", 2));
    assert!(notes[0].contains(&format!("1.0.0 names {moved} now, and named {reviewed}")), "{notes:?}");
    world.now += 24 * HOUR;
    assert_eq!(world.says(), ("stays".to_owned(), vec![], 2), "told once, though the file still has the old one");
}

#[test]
fn a_tag_that_had_moved_before_the_first_look_is_told_at_once() {
    let world = World::new("1.0.0", "    select: {semver: '*'}\n");
    let reviewed = world.push("1.0.0", START - 3);
    world.stands(&format!("1.0.0@{reviewed}"));
    let moved = world.push("1.0.0", START - 2);
    let (state, notes, requests) = world.says();
    assert_eq!((state.as_str(), requests), ("stays", 2));
    assert!(notes[0].contains(&format!("1.0.0 names {moved} now, and named {reviewed}")), "{notes:?}");
    assert_eq!(world.says(), ("stays".to_owned(), vec![], 1), "once");
}

#[test]
fn a_tag_that_is_gone_is_told_from_the_list_and_not_asked_for() {
    let world = World::new("1.0.0", POLICY);
    world.push("0.9.0", START - 3);
    let (state, _, requests) = world.says();
    assert!(state.starts_with("downgrade: the registry no longer lists 1.0.0"), "{state}");
    assert_eq!(requests, 1);
}

#[test]
fn nothing_is_watched_without_a_memory_and_a_policy_that_counts_on_one_is_told() {
    let world = World::new("1.0.0", POLICY);
    world.push("1.0.0", START - 3);
    fs::write(world.path("state"), "").unwrap();
    let (planned, requests) = world.plan();
    assert_eq!(requests, 1);
    assert_eq!(planned.warnings.diagnostics.len(), 1);
    // Without the field nobody counts on it, and nobody is bothered.
    world.policy("    select: {semver: '*'}\n");
    world.stands(&format!("1.0.0@sha256:{}", "a".repeat(64)));
    let (planned, requests) = world.plan();
    assert_eq!((planned.warnings.diagnostics.len(), requests), (0, 1));
}

#[test]
fn a_check_that_fails_is_told() {
    let mut world = World::new("1.0.0", POLICY);
    world.push("1.0.0", START - 3);
    world.refuses_digests = true;
    let (state, notes, _) = world.says();
    assert_eq!(state, "stays");
    assert!(
        notes[0].starts_with("whether 1.0.0 moved could not be learned: ") && notes[0].contains("503"),
        "{notes:?}"
    );
}
