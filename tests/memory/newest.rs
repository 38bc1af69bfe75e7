//! `newest: created`: build times are asked for once, whatever the number of tags.

use super::*;

const POLICY: &str = "    tags: {match: '^sha-'}\n    select: {newest: created}\n";

#[test]
fn a_second_run_over_a_thousand_tags_asks_for_the_list_and_nothing_else() {
    let world = World::new("sha-0000", POLICY);
    for number in 0..1_000 {
        world.push(&format!("sha-{number:04}"), START - 10_000 + number);
    }
    // Two requests for each tag, and two for the list: a page that is exactly full and names no next one may have been cut.
    let (state, _, requests) = world.says();
    assert_eq!((state.as_str(), requests), ("sha-0999", 2 + 2 * 1_000));
    assert_eq!(world.says(), ("sha-0999".to_owned(), vec![], 2), "nothing is asked again");

    // Only what is new is asked about.
    world.push("sha-new", START - 5);
    world.push("sha-old", START - 20_000);
    let (state, _, requests) = world.says();
    assert_eq!((state.as_str(), requests), ("sha-new", 2 + 2 * 2), "two pages of tags by now");
}

#[test]
fn more_than_one_run_may_read_are_learned_one_run_after_the_other() {
    let world = World::new("sha-0000", POLICY);
    for number in 0..1_002 {
        world.push(&format!("sha-{number:04}"), START - 10_000 + number);
    }
    let (state, _, _) = world.says();
    assert!(state.starts_with("incomplete-information"), "{state}");
    assert!(state.contains("the build times of 2 candidates are still to be read"), "{state}");
    assert_eq!(world.says().0, "sha-1001");
}

#[test]
fn a_digest_that_is_written_is_verified_with_one_question() {
    let world = World::new("sha-a", &format!("{POLICY}    pin: tag+digest\n"));
    world.push("sha-a", START - 300);
    world.push("sha-b", START - 200);
    let newest = world.push("sha-c", START - 100);
    assert_eq!(world.says().0, format!("sha-c@{newest}"));
    assert_eq!(world.says(), (format!("sha-c@{newest}"), vec![], 2), "the list, and what sha-c names");

    // The tag moved to an older image: its place in the order is not what was remembered.
    world.push("sha-c", START - 250);
    let (state, _, _) = world.says();
    assert!(state.starts_with("sha-b@"), "{state}");
}

#[test]
fn without_a_memory_more_than_the_limit_is_held_and_nothing_is_asked() {
    let mut world = World::new("sha-000", POLICY);
    world.remembers = false;
    for number in 0..=250 {
        world.push(&format!("sha-{number:03}"), START - 10_000 + number);
    }
    let (state, _, requests) = world.says();
    assert!(state.starts_with("incomplete-information"), "{state}");
    assert_eq!(requests, 1);
}

#[test]
fn what_a_guard_learned_of_an_image_is_asked_for_without_a_pull() {
    let world = World::new("1.0.0", "    select: {semver: '*'}\n    require: {platforms: [linux/amd64]}\n");
    world.push("1.0.0", START - 3);
    world.push("1.1.0", START - 2);
    assert_eq!(world.says(), ("1.1.0".to_owned(), vec![], 3), "the list, the manifest, the configuration");
    assert_eq!(world.says(), ("1.1.0".to_owned(), vec![], 2), "the list, and what the tag names");
    world.push("1.1.0", START - 1);
    assert_eq!(world.says().2, 4, "another image: it is read after all");
}
