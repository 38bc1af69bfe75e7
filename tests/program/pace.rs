//! What the operator lets a run write: no more than so many changes, and nothing in a freeze.

use crate::world::{Said, World, git};
use std::fs;

/// Five pods in five files, and a policy with this `write`.
fn world(write: &str) -> (World, String) {
    let world = World::new();
    world.push("acme/web", &["1.0.0", "1.1.0"]);
    world.write(
        "landwaiter.yaml",
        &format!(
            "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n  - name: web\n    images: [reg.example.com/acme/web]\n    \
             select: {{semver: '*'}}\n    write: {write}\n"
        ),
    );
    for file in ["a/1.yaml", "a/2.yaml", "b/1.yaml", "b/2.yaml", "b/3.yaml"] {
        let image = "reg.example.com/acme/web:1.0.0";
        world.write(file, &format!("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - image: {image}\n"));
    }
    let bare = world.bare().to_string_lossy().into_owned();
    (world, bare)
}

fn run(world: &World, bare: &str, command: &str, settings: &str) -> Said {
    let path = world.folder.path().join("settings.yaml");
    fs::write(&path, format!("apiVersion: landwaiter/v1\nkind: Settings\n{settings}\n")).unwrap();
    let said = world.landwaiter(&[command, "--repo", bare, "--config", &path.to_string_lossy()]);
    assert_eq!(said.status, 0, "{}{}", said.out, said.err);
    said
}

/// How many files hold the new version.
fn written(bare: &str) -> usize {
    let all = git(bare, &["grep", "-h", "acme/web:", "main"]);
    all.lines().filter(|line| line.ends_with(":1.1.0")).count()
}

#[test]
fn a_run_makes_so_many_changes_and_the_next_ones_go_on() {
    for (write, most, after) in [
        ("{}", 2, [2, 4, 5, 5]),
        ("{}", 5, [5, 5, 5, 5]),
        ("{}", 4, [4, 5, 5, 5]),
        ("{group: file}", 3, [3, 5, 5, 5]),
        ("{group: directory}", 2, [2, 5, 5, 5]),
        ("{group: directory}", 4, [2, 5, 5, 5]),
        ("{group: directory}", 5, [5, 5, 5, 5]),
    ] {
        let (world, bare) = world(write);
        for expected in after {
            run(&world, &bare, "update", &format!("limits: {{changesPerRun: {most}}}"));
            assert_eq!(written(&bare), expected, "{write} by {most}");
        }
    }
}

#[test]
fn who_waits_for_the_next_run_is_listed() {
    let (world, bare) = world("{}");
    let settings = "limits: {changesPerRun: 3}";
    let listed = run(&world, &bare, "holds", settings).out;
    assert!(listed.starts_with("2 holds, 0 errors"), "{listed}");
    let why = "pace    would be 1.1.0; this run writes 3 of 5 changes, and the next one goes on";
    assert_eq!(listed.matches(why).count(), 2, "{listed}");
}

#[test]
fn in_a_freeze_nothing_is_written_and_holds_say_why() {
    let (world, bare) = world("{}");
    let frozen = "freeze: {until: 9999-01-01, reason: the harbour is closed}";
    run(&world, &bare, "update", frozen);
    assert_eq!(written(&bare), 0);
    let listed = run(&world, &bare, "holds", frozen).out;
    let why = "frozen  would be 1.1.0; the harbour is closed; until 9999-01-02T00:00:00Z";
    assert_eq!(listed.matches(why).count(), 5, "{listed}");
    let path = world.folder.path().join("settings.yaml");
    let explained = world.landwaiter(&["explain", "a/1.yaml", "--repo", &bare, "--config", &path.to_string_lossy()]);
    assert!(explained.out.contains("held: frozen: would be 1.1.0"), "{}", explained.out);
    run(&world, &bare, "update", "freeze: {until: 2020-01-01}");
    assert_eq!(written(&bare), 5);
}
