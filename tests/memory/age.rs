//! `require: {age: ...}` by the time an image was first seen.

use super::*;

const POLICY: &str = "    select: {semver: '*'}\n    require: {age: 24h}\n";

#[test]
fn a_tag_is_taken_when_it_was_seen_for_long_enough() {
    let mut world = World::new("1.0.0", POLICY);
    for (tag, built) in [("1.0.0", 1), ("1.1.0", 2)] {
        world.push(tag, START - 1_000_000 + built);
    }
    // An empty memory: nothing was seen long enough ago, however old it says it is.
    let (state, notes, requests) = world.says();
    assert_eq!((state.as_str(), requests), ("stays", 2), "the list and one digest");
    assert_eq!(notes, ["1.1.0 is too young: first seen 2023-11-14 22:13 UTC, old enough on 2023-11-15 22:14 UTC"]);

    // Something better appears; it has to wait for its own day, and holds up nobody.
    world.now = START + 12 * HOUR;
    world.push("1.2.0", START - 1_000_000);
    let (state, notes, _) = world.says();
    assert_eq!(state, "stays");
    assert!(notes[0].starts_with("1.2.0 is too young"), "{notes:?}");

    world.now = START + 24 * HOUR - 1;
    assert_eq!(world.says().0, "stays");
    world.now = START + 24 * HOUR;
    let (state, notes, _) = world.says();
    assert_eq!(state, "1.1.0");
    assert!(notes[0].starts_with("1.2.0 is too young"), "{notes:?}");
    world.now = START + 36 * HOUR;
    assert_eq!(world.says(), ("1.2.0".to_owned(), vec![], 2));
}

#[test]
fn a_tag_that_moved_begins_anew() {
    let mut world = World::new("1.0.0", POLICY);
    world.push("1.0.0", START - 3);
    world.push("1.1.0", START - 2);
    world.says();
    world.push("1.1.0", START - 1);
    world.now = START + 24 * HOUR;
    let (state, notes, _) = world.says();
    assert_eq!(state, "stays");
    assert!(notes[0].contains("old enough on 2023-11-16"), "{notes:?}");
    world.now = START + 48 * HOUR;
    assert_eq!(world.says().0, "1.1.0");
}

#[test]
fn without_a_memory_nothing_can_be_old_enough() {
    let mut world = World::new("1.0.0", POLICY);
    world.push("1.0.0", START - 3);
    world.push("1.1.0", START - 2);
    // Where the folder should be stands a file.
    fs::write(world.path("state"), "").unwrap();
    let (planned, _) = world.plan();
    let said = planned.warnings.diagnostics.iter().map(|one| one.message.as_str()).collect::<Vec<_>>().join("\n");
    assert!(said.starts_with("nothing is remembered between runs: ") && said.contains("memory.sqlite"), "{said}");
    let (state, _, _) = world.says();
    assert!(state.starts_with("incomplete-information") && state.contains("cannot be used"), "{state}");

    // What stands there needs no age.
    world.stands("1.1.0");
    assert_eq!(world.says().0, "stays");
    world.remembers = false;
    world.stands("1.0.0");
    assert!(world.says().0.starts_with("incomplete-information"));
}

#[test]
fn the_digest_that_aged_is_the_digest_that_is_written() {
    let mut world = World::new("1.0.0", &format!("{POLICY}    pin: tag+digest\n"));
    world.push("1.0.0", START - 3);
    let aged = world.push("1.1.0", START - 2);
    world.says();
    world.now = START + 24 * HOUR;
    assert_eq!(world.says(), (format!("1.1.0@{aged}"), vec![], 2), "one question for both");
}

#[test]
fn many_releases_a_day_do_not_hide_the_one_that_is_old_enough() {
    let mut world = World::new("0.0.0", POLICY);
    for patch in 0..=45 {
        world.push(&format!("0.0.{patch}"), START - 1_000 + patch);
    }
    // Twenty are looked at in a run, and those that an earlier one saw cost nothing.
    let (state, notes, requests) = world.says();
    assert!(state.starts_with("no-candidate: the best 20 candidates"), "{state}");
    assert!(notes[0].starts_with("0.0.45 is too young"), "{notes:?}");
    assert_eq!(requests, 1 + 20);
    assert_eq!(world.says().2, 1 + 20);
    assert_eq!((world.says().2, world.says().2), (1 + 5, 1));
    world.now += 24 * HOUR;
    world.push("0.0.46", START);
    assert_eq!(world.says().0, "0.0.45");
}

/// What an earlier run learned of a build date keeps a tag from being looked at again, and from using up one of the 20 places.
#[test]
fn behind_many_young_tags_an_old_one_is_found_in_the_next_run() {
    let world = World::new("1.0.0", "    select: {semver: '*'}\n    require: {age: {min: 24h, since: created}}\n");
    world.push("1.0.0", START - 100 * HOUR);
    world.push("1.0.1", START - 90 * HOUR);
    for patch in 2..=23 {
        world.push(&format!("1.0.{patch}"), START - HOUR + patch);
    }
    let (state, _, _) = world.says();
    assert!(state.starts_with("no-candidate: the best 20 candidates do not satisfy"), "{state}");
    let (state, _, requests) = world.says();
    assert_eq!(state, "1.0.1");
    assert_eq!(requests, 1 + 3 * 2, "the list, and the three that were not looked at yet");
    assert_eq!(world.says().0, "1.0.1");
}
