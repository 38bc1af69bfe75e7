//! A list that was decided on is not read again while nothing changes that the decision hangs on; and every plan is, byte for
//! byte, that of a run without a memory.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests write files, start git and may panic")]

#[expect(dead_code, reason = "only `run_git` is needed")]
#[path = "support/repos.rs"]
mod repos;

#[path = "support/lists.rs"]
mod lists;

use landwaiter::cycle::Scope;
use landwaiter::port::Forgetful;
use lists::{DAY, World};
use std::fs;

const SEMVER: &str = "select: {semver: '>=1'}";
const TAGS: &[&str] = &["1.0.0", "1.1.0", "1.2.0-rc.1", "latest", "1.0.0-alpine", "sha-1234567"];

#[test]
fn a_list_is_read_once_while_nothing_changes() {
    let world = World::new(SEMVER, TAGS, &[":1.1.0", ":1.1.0", ":1.1.0"]);
    assert_eq!((world.reads(), world.reads(), world.reads()), (3, 0, 0));
}

#[test]
fn whatever_the_decision_hangs_on_has_the_list_read_again() {
    let mut world = World::new(SEMVER, TAGS, &[":1.1.0", ":1.1.0"]);
    assert_eq!((world.reads(), world.reads()), (2, 0));
    world.lists.tags.push("1.0.1".to_owned());
    assert_eq!((world.reads(), world.reads()), (2, 0), "the list");
    world.write(SEMVER, &[":1.1.0", ":1.0.0-alpine"]);
    assert_eq!((world.reads(), world.reads()), (1, 0), "one of the references");
    world.write("select: {semver: '>=1.0'}", &[":1.1.0", ":1.0.0-alpine"]);
    assert_eq!((world.reads(), world.reads()), (2, 0), "the policy");
    world.now += DAY;
    assert_eq!((world.reads(), world.reads()), (2, 0), "the day");
    world.now += 60;
    assert_eq!(world.reads(), 0, "not the minute");
    fs::remove_dir_all(world.folder.path().join("store")).unwrap();
    assert_eq!((world.reads(), world.reads()), (2, 0), "the memory");
}

#[test]
fn whoever_wants_to_hear_of_decisions_has_lists_read_and_nothing_forgotten() {
    let mut world = World::new(SEMVER, TAGS, &[":1.1.0", ":1.1.0"]);
    assert_eq!((world.reads(), world.reads()), (2, 0));
    world.curious = true;
    assert_eq!((world.reads(), world.reads()), (2, 2));
    world.curious = false;
    assert_eq!(world.reads(), 0);
}

#[test]
fn what_a_run_does_not_ask_about_stays_decided() {
    let mut world = World::new(SEMVER, TAGS, &[":1.1.0", ":1.1.0", ":1.1.0"]);
    assert_eq!((world.reads(), world.reads()), (3, 0));
    world.scope = Scope::nothing();
    for _ in 0..3 {
        assert_eq!(world.reads(), 0);
    }
    world.scope = Scope::default();
    assert_eq!(world.reads(), 0);
}

#[test]
fn a_day_to_come_in_a_suffix_is_believed_when_it_is_there() {
    // The day that NOON is on is the 14th of November 2023.
    let tags = &["1.0.0-20231101", "1.1.0-20231118"];
    let mut world = World::new(SEMVER, tags, &[":1.0.0-20231101"]);
    assert_eq!((world.reads(), world.reads()), (1, 0));
    let held_back = world.plan(&Forgetful);
    world.now += 2 * DAY;
    assert_eq!(world.reads(), 1);
    assert_ne!(world.plan(&Forgetful), held_back, "now it is a candidate");
}

#[test]
fn what_changes_something_or_hangs_on_more_is_decided_each_time() {
    let digest = format!(":1.1.0@sha256:{}", "0b".repeat(32));
    for (policy, current) in [
        (SEMVER, ":1.0.0"),
        (SEMVER, &*digest),
        ("select: {semver: '>=1'}, pin: tag+digest", ":1.1.0"),
        ("select: {semver: '>=1'}, require: {age: 24h}", ":1.1.0"),
        ("select: {semver: '>=1'}, require: {platforms: [linux/amd64]}", ":1.1.0"),
        ("select: {newest: created}", ":1.1.0"),
        ("select: {digest: latest}", ":latest"),
        ("select: {semver: '>=1'}, watchDigest: 1h", ":1.1.0"),
    ] {
        let world = World::new(policy, TAGS, &[current]);
        // What was seen before may be told, so that the plan is not always that of a run without a memory.
        let read = || world.remembering().2;
        assert_eq!((read(), read()), (1, 1), "{policy} {current}");
    }
}

#[test]
fn decisions_of_every_kind_come_back_as_they_were() {
    let currents =
        &[":1.1.0", ":1.0.0", ":9.9.9", "", ":latest", ":1.0.0-alpine", ":1", ":word", ":1.2.0-rc.1", ":20990101"];
    for select in [
        SEMVER,
        "select: {semver: '>=7'}",
        "select: {semver: '>=1'}, floating: pin",
        "select: {semver: '>=1'}, write: {mode: report}",
        "select: {semver: '>=1'}, require: {maxBump: patch}",
        "select: {numeric: asc}, tags: {match: '^1\\.([0-9]+)\\.0$', extract: '$1'}",
        "select: {alphabetical: desc}",
        "select: {calver: YYYY.0M}",
        "tags: {exclude: ['.']}, select: {semver: '*'}",
    ] {
        for tags in [TAGS, &[], &["20.04.1", "1.1.0"], &["2023.10", "2023.11", "2023"]] {
            let world = World::new(select, tags, currents);
            world.reads();
            world.reads();
        }
    }
}
