//! What a run may cost, as counts that are the same on every machine: how often memory is asked for, and what a change brings over
//! the network. The limits stand a little above what it costs today; whoever raises one says why.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests write files, start git and may panic")]

#[expect(dead_code, reason = "only `run_git` is needed")]
#[path = "support/repos.rs"]
mod repos;

#[expect(dead_code, reason = "nothing is compared here")]
#[path = "support/lists.rs"]
mod lists;

use landwaiter::config::policies;
use landwaiter::image::Tag;
use landwaiter::policy::{Facts, Outcome, Question, Ranking};
use lists::World;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::sync::atomic::Ordering;

#[global_allocator]
static MEMORY: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// References of the repository that is planned, each to an image repository of its own.
const IMAGES: usize = 100;
/// Tags of each.
const TAGS: usize = 500;

/// The work, and how often it asked for memory. All tests of this file are one, because others would be counted too.
fn counted<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let region = Region::new(MEMORY);
    let done = work();
    let change = region.change();
    (done, change.allocations + change.reallocations)
}

fn at_most(what: &str, found: usize, limit: usize) {
    assert!(found <= limit, "{what}: {found}, and the limit is {limit}");
    // A limit that is far above what it costs guards nothing.
    assert!(found * 2 > limit, "{what}: {found}; the limit of {limit} can be lowered");
}

fn tags() -> Vec<String> {
    let version = |number: usize| match number % 10 {
        0..7 => format!("1.{}.{}", number / 10, number % 10),
        7 => format!("1.{}.0-rc.1", number / 10),
        _ => format!("sha-{:012x}", number * 2_654_435_761),
    };
    (0..TAGS).map(version).collect()
}

#[test]
fn memory_is_asked_for_this_often() {
    let text = "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n- {name: all, images: ['reg.example.com/**'], select: {semver: '>=1'}}\n";
    let loaded = policies::read(&[("landwaiter.yaml".to_owned(), text.to_owned())]);
    let (tags, current) = (tags(), Tag::parse("1.49.6").unwrap());
    let question = Question { current: Some(&current), ..Question::default() };
    let decide = || Ranking::new(&loaded.policies[0], &tags).decide(&question, &Facts::default());
    assert!(matches!(decide(), Outcome::Decided(_)));
    at_most("one decision on 500 tags", counted(decide).1, 150);

    let list: Vec<&str> = tags.iter().map(String::as_str).collect();
    let world = World::new("select: {semver: '>=1'}", &list, &[":1.49.6"; IMAGES]);
    let (first, costs) = counted(|| world.remembering());
    assert_eq!((first.1, first.2), (IMAGES, IMAGES));
    at_most("a first run, for each reference", costs / IMAGES, 1_000);
    world.remembering();
    let ((again, asked, read), costs) = counted(|| world.remembering());
    assert_eq!((again, asked, read), (first.0, IMAGES, 0));
    at_most("a run with nothing new, for each reference", costs / IMAGES, 100);
    assert_eq!(world.lists.read.load(Ordering::SeqCst), IMAGES);
}
