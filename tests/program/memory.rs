//! What the program remembers between its runs, as a user sees it: a second run that asks less, two runs at once, runs that
//! are killed, and a folder that is no use.

use crate::world::World;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

const NEWEST: &str = "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n  - name: web\n    images: [reg.example.com/acme/web]\n    select: {newest: created}\n    tags: {match: '^sha-'}\n";
const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n    - name: web\n      image: reg.example.com/acme/web:sha-00\n";
const TAGS: u64 = 60;

fn world() -> World {
    let world = World::new();
    for number in 0..TAGS {
        world.make(&format!("acme/web:sha-{number:02} created=2024-05-01T00:00:{number:02}Z"));
    }
    world.write("landwaiter.yaml", NEWEST);
    world.write("web.yaml", POD);
    world
}

fn file(world: &World) -> PathBuf {
    world.folder.path().join(".cache/landwaiter/store/memory.sqlite")
}

fn start(world: &World) -> Child {
    let mut command = world.command(&["plan"]);
    command.current_dir(world.repo()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_second_run_asks_for_the_tags_and_nothing_else() {
    let world = world();
    let cost = || {
        let before = world.registry.requests();
        let said = world.landwaiter(&["plan"]);
        assert!(said.status == 0 && said.out.contains("sha-59") && said.err.is_empty(), "{said:?}");
        world.registry.requests() - before
    };
    assert_eq!(cost(), 1 + 2 * TAGS);
    assert_eq!(cost(), 1);
    // Deleted at any time, without harm.
    fs::remove_dir_all(world.folder.path().join(".cache")).unwrap();
    assert_eq!(cost(), 1 + 2 * TAGS);
}

#[test]
fn two_runs_at_once_both_succeed_and_remember() {
    let world = world();
    let both = [start(&world), start(&world)];
    for child in both {
        let said = world.said(child.wait_with_output().unwrap());
        assert!(said.status == 0 && said.out.contains("sha-59") && said.err.is_empty(), "{said:?}");
    }
    let before = world.registry.requests();
    assert_eq!(world.landwaiter(&["plan"]).status, 0);
    assert_eq!(world.registry.requests() - before, 1);
}

#[test]
fn killed_at_any_moment_the_next_run_finds_a_whole_memory() {
    let world = world();
    for round in 0..15 {
        let mut child = start(&world);
        std::thread::sleep(Duration::from_millis(3 + 6 * round));
        let _ = child.kill();
        child.wait().unwrap();
        if file(&world).exists() {
            let memory = rusqlite::Connection::open(file(&world)).unwrap();
            let checked: String = memory.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
            assert_eq!(checked, "ok");
        }
    }
    let said = world.landwaiter(&["plan"]);
    assert!(said.status == 0 && said.out.contains("sha-59") && said.err.is_empty(), "{said:?}");
}

#[test]
fn a_folder_that_is_no_use_is_told_only_where_a_policy_counts_on_it() {
    let world = world();
    let state = world.folder.path().join("state");
    fs::write(&state, "").unwrap();
    let state = state.to_string_lossy().into_owned();
    let said = world.landwaiter(&["plan", "--state-dir", &state]);
    assert!(said.status == 0 && said.err.is_empty(), "{said:?}");
    world.write("landwaiter.yaml", &format!("{NEWEST}    require: {{age: 24h}}\n"));
    let said = world.landwaiter(&["plan", "--state-dir", &state]);
    assert_eq!(said.status, 4, "{said:?}");
    assert!(said.out.contains("incomplete-information"), "{}", said.out);
    assert_eq!(said.err.matches("nothing is remembered between runs").count(), 1, "{}", said.err);
}

#[test]
fn a_broken_file_is_put_aside_with_a_warning() {
    let world = world();
    world.landwaiter(&["plan"]);
    fs::write(file(&world), "not ours").unwrap();
    let said = world.landwaiter(&["plan"]);
    assert_eq!(said.status, 0);
    assert!(said.err.contains("it was put aside as") && said.err.contains("memory.sqlite.aside"), "{}", said.err);
    assert!(world.landwaiter(&["plan"]).err.is_empty(), "once");
}

#[test]
fn what_an_age_waits_for_is_said_and_explained() {
    let world = world();
    let policy = NEWEST.replace("newest: created", "alphabetical: asc");
    world.write("landwaiter.yaml", &format!("{policy}    require: {{age: 24h}}\n"));
    let said = world.landwaiter(&["plan"]);
    assert_eq!(said.status, 0, "{said:?}");
    assert!(
        said.out.contains("sha-59 is too young: first seen ") && said.out.contains("old enough on "),
        "{}",
        said.out
    );
    let explained = world.landwaiter(&["explain", "web.yaml:7"]);
    assert!(explained.out.contains("too-young"), "{}", explained.out);
}
