//! What a person takes back stays taken back: over every way to a repository, however it was taken back, with and without the
//! folder of what is remembered.

use crate::servers::{HTTP_PROGRAMS, HttpServer, TOKEN, available};
use crate::ship::{POLICY, Ship, pod};
use crate::world::{World, git};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn digits(text: &str) -> &str {
    text.get(..10).unwrap()
}

/// What each of the three ways to go back does to the branch, and what is said of who did it.
fn take_back(ship: &Ship, how: &str) -> String {
    ship.pull();
    match how {
        "git revert" => {
            ship.person(&["revert", "--no-edit", "HEAD"]);
            ship.push();
            format!("by Test in {}", digits(&ship.person(&["rev-parse", "HEAD"])))
        }
        "an edit" => {
            ship.edit(":1.2.0", ":1.1.0");
            ship.push();
            "by someone else since".to_owned()
        }
        _ => {
            ship.person(&["checkout", "--quiet", "-b", "undo"]);
            ship.person(&["revert", "--no-edit", "HEAD"]);
            let by = ship.person(&["rev-parse", "HEAD"]);
            ship.person(&["checkout", "--quiet", "main"]);
            ship.person(&["commit", "--quiet", "--allow-empty", "--message", "meanwhile"]);
            ship.person(&["merge", "--quiet", "--no-ff", "--no-edit", "undo"]);
            ship.push();
            format!("by Test in {}", digits(&by))
        }
    }
}

/// The whole story, the same over every way.
fn story(ship: &Ship, how: &str) {
    ship.update();
    ship.world.push("acme/web", &["1.2.0"]);
    ship.update();
    assert_eq!(ship.stands(), ["1.2.0"]);
    let wrote = git(&ship.bare.to_string_lossy(), &["rev-parse", "main"]);
    let who = take_back(ship, how);
    assert_eq!(ship.stands(), ["1.1.0"], "{how}");
    let fate = ship.fate();
    let (before, behind) = (
        format!("rolled-back: 1.2.0 was written in {} on 2", digits(&wrote)),
        format!("{who}; a version newer than 1.2.0 lifts this, or write 1.2.0 by hand"),
    );
    assert!(fate.starts_with(&before) && fate.ends_with(&behind), "{how}: {fate}");
    ship.stays("1.1.0");
    // What is lower than the one that was taken back does not lift it.
    ship.world.push("acme/web", &["1.1.5"]);
    ship.stays("1.1.0");
    ship.world.push("acme/web", &["1.3.0"]);
    ship.update();
    assert_eq!(ship.stands(), ["1.3.0"], "{how}");
    assert_eq!(ship.fate(), "up-to-date");
}

const WAYS_BACK: [&str; 3] = ["git revert", "an edit", "a merge of a reverting branch"];

#[test]
fn what_is_taken_back_stays_taken_back_in_a_bare_repository() {
    for how in WAYS_BACK {
        story(&Ship::new(POLICY), how);
    }
}

#[test]
fn what_is_taken_back_stays_taken_back_behind_a_file_url() {
    let mut ship = Ship::new(POLICY);
    ship.repo = format!("file://{}", ship.bare.display());
    story(&ship, "git revert");
}

#[test]
fn what_is_taken_back_stays_taken_back_on_a_server() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let served = tempfile::tempdir().unwrap();
    let server = HttpServer::start(served.path());
    for (number, how) in WAYS_BACK.into_iter().enumerate() {
        let filters = if number < 2 { "true" } else { "false" };
        let mut ship = Ship::new(POLICY);
        let bare = ship.bare.to_string_lossy().into_owned();
        git(&bare, &["config", "http.receivepack", "true"]);
        git(&bare, &["config", "uploadpack.allowFilter", filters]);
        std::os::unix::fs::symlink(&ship.bare, served.path().join(format!("{number}.git"))).unwrap();
        fs::write(ship.world.folder.path().join("token"), TOKEN).unwrap();
        let url = format!("http://127.0.0.1:{}", server.port);
        ship.settings = format!("git: [{{url: '{url}/', credentials: {{user: writer, passwordFile: token}}}}]\n");
        ship.repo = format!("{url}/{number}.git");
        story(&ship, how);
        let caches = fs::read_dir(ship.state().join("git")).unwrap().count();
        assert_eq!(caches, 2, "one of the files and one of the history");
        // A run that has nothing to write asks for no history.
        let asked = server.requests().len();
        ship.update();
        let own: Vec<String> = server.requests().split_off(asked);
        assert_eq!(own.iter().filter(|line| line.starts_with("GET")).count(), 1, "one conversation: {own:?}");
    }
}

#[test]
fn what_is_taken_back_stays_taken_back_in_a_checkout() {
    let mut ship = Ship::new(POLICY);
    ship.update();
    ship.pull();
    ship.person(&["revert", "--no-edit", "HEAD"]);
    ship.repo = ship.world.folder.path().join("person").to_string_lossy().into_owned();
    assert!(ship.fate().starts_with("rolled-back: 1.1.0 was written in "), "{}", ship.fate());
    assert!(ship.run(&["update", "--worktree"]).out.contains("Nothing to write."));
    ship.world.push("acme/web", &["1.2.0"]);
    assert_eq!(ship.fate(), "change");
}

#[test]
fn a_value_below_the_one_that_was_taken_back_is_taken_back_with_it() {
    let ship = Ship::new(POLICY);
    ship.update();
    ship.world.push("acme/web", &["1.2.0"]);
    ship.update();
    ship.pull();
    ship.edit(":1.2.0", ":1.0.0");
    ship.push();
    ship.stays("1.0.0");
    ship.world.push("acme/web", &["1.3.0"]);
    ship.update();
    assert_eq!(ship.stands(), ["1.3.0"]);
}

#[test]
fn whoever_squashes_a_branch_keeps_its_past() {
    for forge in [false, true] {
        let ship = Ship::new(POLICY);
        let bare = ship.bare.to_string_lossy().into_owned();
        git(&bare, &["branch", "bot", "main"]);
        let updated = ship.run(&["update", "--branch", "bot"]);
        ship.world.push("acme/web", &["1.2.0"]);
        let again = ship.run(&["update", "--branch", "bot"]);
        assert_eq!((updated.status, again.status), (0, 0));
        ship.person(&["fetch", "--quiet"]);
        ship.person(&["merge", "--quiet", "--squash", "origin/bot"]);
        if forge {
            // As forges do: one message below the other, the oldest first.
            let text = ship.person(&["log", "--reverse", "--format=* %B", "HEAD..origin/bot"]);
            ship.person(&["commit", "--quiet", "--message", &format!("Update web (#7)\n\n{text}")]);
        } else {
            ship.person(&["commit", "--quiet", "--no-edit"]);
        }
        ship.push();
        assert_eq!((ship.stands(), ship.fate().as_str()), (vec!["1.2.0".to_owned()], "up-to-date"));
        ship.world.push("acme/web", &["1.3.0"]);
        assert_eq!(ship.fate(), "change", "nobody went back yet");
        ship.edit(":1.2.0", ":1.1.0");
        ship.push();
        assert_eq!(ship.fate(), "change", "1.3.0 is newer");
        assert!(ship.world.registry.remove("acme/web", "1.3.0"));
        ship.stays("1.1.0");
    }
}

#[test]
fn who_goes_ahead_by_hand_is_followed_and_the_value_written_by_hand_lifts_the_hold() {
    let ship = Ship::new(POLICY);
    ship.update();
    ship.world.push("acme/web", &["1.4.0", "1.5.0"]);
    ship.pull();
    ship.edit(":1.1.0", ":1.4.0");
    ship.push();
    ship.update();
    assert_eq!(ship.stands(), ["1.5.0"], "ahead of all that was written");
    ship.pull();
    ship.edit(":1.5.0", ":1.0.0");
    ship.push();
    ship.stays("1.0.0");
    ship.edit(":1.0.0", ":1.5.0");
    ship.push();
    assert_eq!(ship.fate(), "up-to-date");
    ship.world.push("acme/web", &["1.5.1"]);
    assert_eq!(ship.fate(), "change");
}

#[test]
fn one_place_is_held_and_the_others_go_on_wherever_they_stand() {
    let world = World::new();
    world.push("acme/web", &["1.0.0", "1.1.0"]);
    let ship = Ship::sail(world, &pod(&["1.0.0", "1.0.0"]), POLICY);
    ship.update();
    assert_eq!(ship.stands(), ["1.1.0", "1.1.0"]);
    ship.pull();
    ship.edit("    - image: ", "    - image: example.com/first:1\n    - image: ");
    let path = ship.world.folder.path().join("person/web.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen(":1.1.0", ":1.0.0", 1)).unwrap();
    ship.person(&["commit", "--quiet", "--all", "--message", "the first goes back"]);
    ship.push();
    ship.world.push("acme/web", &["1.0.5"]);
    ship.update();
    assert_eq!(ship.stands(), ["1.0.0", "1.1.0"]);
    ship.world.push("acme/web", &["1.2.0"]);
    ship.update();
    assert_eq!(ship.stands(), ["1.2.0", "1.2.0"]);
}

#[test]
fn a_digest_that_was_taken_back_is_not_written_again_and_the_next_one_is() {
    let world = World::new();
    world.push("acme/web", &["stable"]);
    let ship = Ship::sail(world, &pod(&["stable"]), "    select: {digest: stable}\n");
    ship.update();
    let first = ship.stands();
    ship.world.make("acme/web:stable created=2024-05-01T00:00:00Z");
    ship.update();
    let second = ship.stands();
    assert_ne!(first, second);
    ship.pull();
    ship.edit(&second[0], &first[0]);
    ship.push();
    ship.stays(&first[0]);
    ship.world.make("acme/web:stable created=2024-06-01T00:00:00Z");
    ship.update();
    assert!(ship.stands() != first && ship.stands() != second);
}

#[test]
fn of_the_newest_image_only_one_that_was_built_later_is_newer() {
    let world = World::new();
    world.make("acme/web:sha-a created=2024-05-01T00:00:00Z");
    world.make("acme/web:sha-b created=2024-05-03T00:00:00Z");
    let ship = Ship::sail(world, &pod(&["sha-a"]), "    tags: {match: '^sha-'}\n    select: {newest: created}\n");
    ship.update();
    assert_eq!(ship.stands(), ["sha-b"]);
    ship.pull();
    ship.person(&["revert", "--no-edit", "HEAD"]);
    ship.push();
    ship.stays("sha-a");
    // The image that was taken back is deleted, and the next best is older.
    ship.world.make("acme/web:sha-c created=2024-05-02T00:00:00Z");
    assert!(ship.world.registry.remove("acme/web", "sha-b"));
    ship.stays("sha-a");
    // A moment that no commit of this test was made in.
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(2);
    ship.world.make(&format!("acme/web:sha-d created={later}"));
    assert_eq!(ship.fate(), "change");
    ship.update();
    assert_eq!(ship.stands(), ["sha-d"]);
}

#[test]
fn explain_says_who_took_it_back() {
    let ship = Ship::new(POLICY);
    ship.update();
    let who = {
        ship.pull();
        ship.person(&["revert", "--no-edit", "HEAD"]);
        ship.push();
        digits(&ship.person(&["rev-parse", "HEAD"])).to_owned()
    };
    for target in ["web.yaml:6", "web"] {
        let said = ship.run(&["explain", target]);
        assert_eq!(said.status, 0, "{}", said.err);
        assert!(
            said.out.contains("held: rolled-back: 1.1.0 was written in ") && said.out.contains(&who),
            "{}",
            said.out
        );
    }
}

#[test]
fn holds_are_listed_with_what_lifts_them_and_errors_apart() {
    let world = World::new();
    world.push("acme/web", &["1.0.0", "1.1.0"]);
    let by_hand = "    # landwaiter-hold: until Ann is back\n    - image: reg.example.com/acme/web:1.0.0\n";
    let ship = Ship::sail(world, &(pod(&["1.0.0"]) + by_hand), POLICY);
    ship.update();
    ship.pull();
    ship.person(&["revert", "--no-edit", "HEAD"]);
    ship.edit("  containers:\n", "  initContainers:\n    - image: reg.example.com/acme/gone:1.0.0\n  containers:\n");
    let path = ship.world.folder.path().join("person/landwaiter.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("/acme/web]", "/acme/*]").replace("[", "['").replace("]", "']")).unwrap();
    ship.person(&["commit", "--quiet", "--all", "--message", "one more image"]);
    ship.push();
    let said = ship.run(&["holds"]);
    assert_eq!(said.status, 4, "{}{}", said.out, said.err);
    let lines: Vec<&str> = said.out.lines().collect();
    assert!(lines[0].starts_with("2 holds, 1 error  "), "{}", said.out);
    let expected = [
        ("web.yaml:8", "acme/web", "1.0.0", "rolled-back", "a version newer than 1.1.0 lifts this"),
        ("web.yaml:10", "acme/web", "1.0.0", "hold", "until Ann is back (a comment in the file)"),
        ("web.yaml:6", "acme/gone", "1.0.0", "incomplete-information", "could not list tags"),
    ];
    let rows: Vec<&&str> = lines.iter().filter(|line| line.contains("web.yaml:")).collect();
    assert_eq!(rows.len(), 3, "{}", said.out);
    for (row, (place, image, current, reason, why)) in rows.iter().zip(expected) {
        let words: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(words[..4], [place, &format!("reg.example.com/{image}"), current, reason]);
        assert!(row.contains(why), "{row}");
    }

    let said = ship.run(&["holds", "--format", "json"]);
    let found: Value = serde_json::from_str(&said.out).unwrap();
    let words = |list: &str| {
        let rows = found[list].as_array().unwrap().iter();
        rows.map(|row| (row["line"].as_u64().unwrap(), row["reason"].as_str().unwrap())).collect::<Vec<_>>()
    };
    assert_eq!((found["version"].as_u64(), found["branch"].as_str()), (Some(1), Some("main")));
    assert_eq!(words("holds"), [(8, "rolled-back"), (10, "hold")]);
    assert_eq!(words("errors"), [(6, "incomplete-information")]);
}

#[test]
fn a_shallow_clone_is_held_with_the_remedy() {
    let mut ship = Ship::new(POLICY);
    let clone = ship.world.folder.path().join("shallow");
    ship.edit(":1.0.0", ":1.0.0 # fixed");
    ship.push();
    let url = format!("file://{}", ship.bare.display());
    git(".", &["clone", "--quiet", "--depth", "1", &url, &clone.to_string_lossy()]);
    ship.repo = clone.to_string_lossy().into_owned();
    let fate = ship.fate();
    assert!(fate.starts_with("incomplete-information: "), "{fate}");
    assert!(fate.contains("git fetch --unshallow") && fate.contains("fetch-depth: 0"), "{fate}");
    assert_eq!(ship.run(&["plan"]).status, 4);
    ship.settings = "limits: {history: 1}\n".to_owned();
    assert_eq!(ship.fate(), "change", "what is asked for is all there");
    ship.settings = "limits: {history: 2}\n".to_owned();
    assert!(ship.fate().starts_with("incomplete-information: "), "{}", ship.fate());
    git(&ship.repo, &["fetch", "--quiet", "--unshallow"]);
    assert_eq!(ship.fate(), "change");
}

#[test]
fn only_so_many_commits_are_looked_at_as_the_operator_says() {
    let mut ship = Ship::new(POLICY);
    ship.update();
    ship.pull();
    ship.edit(":1.1.0", ":1.0.0");
    ship.push();
    for (limit, expected) in [("2", "rolled-back"), ("1", "change"), ("0", "change"), ("250000", "rolled-back")] {
        ship.settings = format!("limits: {{history: {limit}}}\n");
        assert!(ship.fate().starts_with(expected), "{limit}: {}", ship.fate());
    }
}

#[test]
fn what_lies_in_a_plain_folder_was_never_committed() {
    let world = World::new();
    world.push("acme/web", &["1.0.0", "1.1.0"]);
    let ship = Ship::sail(world, &pod(&["1.0.0"]), POLICY);
    let plain = ship.world.folder.path().join("plain");
    copy(&ship.world.repo(), &plain);
    let said = ship.world.landwaiter_in(&plain, &["plan", "--exit-code"]);
    assert_eq!(said.status, 10, "{}{}", said.out, said.err);
    git(&plain.to_string_lossy(), &["init", "--quiet"]);
    assert_eq!(ship.world.landwaiter_in(&plain, &["plan", "--exit-code"]).status, 10, "nor to an empty branch");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for (path, bytes) in crate::world::tree(from) {
        fs::write(to.join(path), bytes).unwrap();
    }
}
