//! A case is a folder: `tests/scenarios/NAME/`.
//!
//! - `before/` and `after/`: the config repository as it is and as `update --worktree` must leave it, compared as raw bytes;
//! - `registry.yaml`: `repository: [tags]`, one a line;
//! - `images.txt` (optional): what images say about themselves, one a line after their name:
//!   `acme/web:1.0.0 created=2024-05-01T00:00:00Z platforms=linux/amd64,linux/arm64 labels=team=a`;
//! - `report.txt`: what `plan` prints; `commit.txt`: the message of the commit that `update` makes on a bare repository;
//! - `exit.txt` (optional): the exit status, else 0.
//!
//! Every scenario is also run a second time, which must change nothing. `UPDATE_SNAPSHOTS=1` rewrites the expected texts.

use crate::world::{self, World, git};
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_scenario_comes_out_as_written() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let only = std::env::var("SCENARIO").ok();
    let mut cases: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(!cases.is_empty());
    let mut problems = Vec::new();
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_none_or(|only| name.contains(only.as_str())) {
            problems.extend(play(&case).into_iter().map(|problem| format!("{name}: {problem}")));
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

fn play(case: &Path) -> Vec<String> {
    let mut problems = Vec::new();
    let world = World::new();
    for line in fs::read_to_string(case.join("registry.yaml")).unwrap().lines().filter(|line| line.contains(": [")) {
        let (repository, tags) = line.split_once(": [").unwrap();
        let tags: Vec<&str> =
            tags.trim_end().trim_end_matches(']').split(',').map(|tag| tag.trim().trim_matches('"')).collect();
        world.push(repository, &tags);
    }
    for line in fs::read_to_string(case.join("images.txt")).unwrap_or_default().lines() {
        world.make(line);
    }
    world.copy(&case.join("before"));
    let exit = fs::read_to_string(case.join("exit.txt")).map_or(0, |text| text.trim().parse().unwrap());

    let planned = world.landwaiter(&["plan"]);
    same(&mut problems, "exit status of plan", &planned.status.to_string(), &exit.to_string());
    let printed = if exit == 3 { planned.err } else { planned.out };
    text(&mut problems, case, "report.txt", &printed.replace(&*world.repo().to_string_lossy(), "."));
    if exit == 3 {
        return problems;
    }

    let bare = world.bare();
    let bare = bare.to_string_lossy();
    let before = git(&bare, &["rev-parse", "main"]);
    world.landwaiter(&["update", "--repo", &bare]);
    let message = match git(&bare, &["rev-list", "--count", &format!("{before}..main")]).as_str() {
        "0" => "no commit".to_owned(),
        "1" => git(&bare, &["log", "-1", "--format=%an <%ae>%n%n%B", "main"]),
        more => format!("{more} commits"),
    };
    text(&mut problems, case, "commit.txt", &(world::message(&message, &world.registry.host()) + "\n"));

    let updated = world.landwaiter(&["update", "--worktree"]);
    same(&mut problems, "exit status of update", &updated.status.to_string(), &exit.to_string());
    compare(&mut problems, case, &world);
    let again = world.landwaiter(&["update", "--worktree"]);
    if !again.out.contains("Nothing to write.") {
        problems.push(format!("a second run is not idle:\n{}", again.out));
    }
    compare(&mut problems, case, &world);
    git(&bare, &["fsck", "--strict"]);
    problems
}

fn compare(problems: &mut Vec<String>, case: &Path, world: &World) {
    let after = case.join("after");
    let files = world.files();
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        let _ = fs::remove_dir_all(&after);
        for (path, text) in &files {
            fs::create_dir_all(after.join(path).parent().unwrap()).unwrap();
            fs::write(after.join(path), text).unwrap();
        }
    }
    let wanted = world::tree(&after);
    same(
        problems,
        "files",
        &format!("{:?}", files.keys().collect::<Vec<_>>()),
        &format!("{:?}", wanted.keys().collect::<Vec<_>>()),
    );
    for (path, bytes) in wanted {
        if let Some(text) = files.get(&path) {
            same(problems, &path, text, &String::from_utf8(bytes).unwrap());
        }
    }
}

fn text(problems: &mut Vec<String>, case: &Path, file: &str, printed: &str) {
    let path = case.join(file);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, printed).unwrap();
    }
    let wanted = fs::read_to_string(&path).unwrap_or_default();
    same(problems, file, printed, &wanted);
}

fn same(problems: &mut Vec<String>, what: &str, is: &str, wanted: &str) {
    if is != wanted {
        problems.push(format!("{what} differs\n--- is\n{is}\n--- wanted\n{wanted}"));
    }
}
