//! `examples/config-repo` is a config repository that works: its policies are valid, what its README shows is what `plan` prints, a
//! second look after the update finds nothing, and people's own tools still read what was written.

use crate::ours;
use crate::world::World;
use std::fs;

/// The images that the registry of the example has, with what they say of themselves.
const IMAGES: &str = include_str!("config-repo.images");

pub(crate) fn world() -> World {
    let world = World::new();
    IMAGES.lines().for_each(|line| world.make(line));
    world.copy(&ours("examples/config-repo"));
    world
}

#[test]
fn its_policies_are_valid_and_its_plan_is_the_one_in_the_readme() {
    let world = world();
    let checked = world.landwaiter(&["check"]);
    assert_eq!((checked.status, checked.err.as_str()), (0, ""), "{}", checked.out);
    assert!(!checked.out.contains("warning"), "{}", checked.out);
    let planned = world.landwaiter(&["plan"]);
    assert_eq!(planned.status, 0, "{}{}", planned.out, planned.err);

    let readme = ours("examples/config-repo/README.md");
    let text = fs::read_to_string(&readme).unwrap();
    let (before, rest) = text.split_once("```text\n").unwrap();
    let (shown, after) = rest.split_once("```\n").unwrap();
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(readme, format!("{before}```text\n{}```\n{after}", planned.out)).unwrap();
    } else {
        assert_eq!(planned.out, shown, "UPDATE_SNAPSHOTS=1 writes it anew");
    }
}

#[test]
fn every_kind_of_place_and_policy_in_it_is_at_work() {
    let world = world();
    let planned = world.landwaiter(&["plan", "--format", "json"]);
    let plan: serde_json::Value = serde_json::from_str(&planned.out).unwrap();
    let list = |array: &str, key: &str| -> Vec<String> {
        let entries = plan[array].as_array().unwrap().iter();
        entries.filter_map(|entry| entry[key].as_str().map(str::to_owned)).collect()
    };
    let changed = list("changes", "policy");
    for policy in ["web/staging", "api", "shop", "reports", "worker", "preview", "proxy", "database"] {
        assert!(changed.iter().any(|name| name == policy), "{policy} changes nothing: {changed:?}");
    }
    let reasons = list("references", "reason");
    for reason in ["window", "hold", "floating-current"] {
        assert!(reasons.iter().any(|one| one == reason), "nothing is held by {reason}: {reasons:?}");
    }
    assert!(list("references", "state").iter().any(|state| state == "unmanaged"));
}

#[test]
fn after_an_update_there_is_nothing_left_to_do() {
    let world = world();
    let updated = world.landwaiter(&["update", "--worktree"]);
    assert_eq!(updated.status, 0, "{}{}", updated.out, updated.err);
    let release = world.read("apps/api/helmrelease.yaml");
    assert!(release.contains("tag: \"3.0.1\"   # quotes and comments stay"), "{release}");
    assert!(release.contains("version: 3.0.1 # landwaiter: api:tag"), "{release}");
    let again = world.landwaiter(&["plan", "--exit-code"]);
    assert_eq!(again.status, 0, "{}", again.out);
}
