//! `cacheFor`: a tag list of an earlier run counts for as long as the operator says, and is named.

use super::*;

#[test]
fn a_list_counts_for_its_time_and_is_named() {
    let mut world = World::new("1.0.0", "    select: {semver: '*'}\n");
    world.cache_for = [(world.registry.host(), Duration::from_secs(600))].into();
    world.push("1.0.0", START - 2);
    assert_eq!(world.says(), ("stays".to_owned(), vec![], 1));
    world.push("1.1.0", START - 1);

    world.now += 599;
    let (planned, requests) = world.plan();
    assert_eq!(requests, 0);
    assert_eq!(planned.lists.values().collect::<Vec<_>>(), [&START]);
    let text = landwaiter::render::text::plan(Default::default(), &planned);
    assert!(
        text.contains("1 tag list from an earlier run (cacheFor)") && text.contains("2023-11-14T22:13:20Z"),
        "{text}"
    );
    let json: serde_json::Value = serde_json::from_str(&landwaiter::render::json::plan(&planned)).unwrap();
    assert_eq!(json["rememberedLists"][0]["read"], "2023-11-14T22:13:20Z");

    world.now += 1;
    let (planned, requests) = world.plan();
    assert_eq!((planned.lists.len(), requests), (0, 1));
    assert_eq!(world.says().0, "1.1.0");
    // A clock that was set back makes no list younger than it is.
    world.now = START - 1;
    assert_eq!(world.says().2, 1);
}

#[test]
fn a_list_does_not_count_for_an_image_that_is_said_to_be_new() {
    let mut world = World::new("1.0.0", "    select: {semver: '*'}\n");
    world.cache_for = [(world.registry.host(), Duration::from_secs(600))].into();
    world.push("1.0.0", START - 2);
    assert_eq!(world.says().0, "stays");
    world.push("1.1.0", START - 1);
    let image = Repository::parse(&format!("{}/acme/web", world.registry.host())).unwrap();
    world.scope = Scope { images: [image].into(), ..Scope::nothing() };
    assert_eq!((world.says().0.as_str(), world.says().2), ("1.1.0", 1));
    world.scope = Scope::nothing();
    assert_eq!(world.says(), ("not-due: this run asks about other images".to_owned(), vec![], 0));
}

#[test]
fn without_the_setting_every_run_asks() {
    let world = World::new("1.0.0", "    select: {semver: '*'}\n");
    world.push("1.0.0", START - 2);
    assert_eq!((world.says().2, world.says().2), (1, 1));
    assert!(!world.path("state").exists(), "a run that needs no memory makes none");
}
