//! The ledger: what people put on hold by command, over every way to a repository; and that nothing in it, and nothing that happens to
//! it, makes the program write what it would not write without.

use crate::servers::{HTTP_PROGRAMS, HttpServer, SSH_PROGRAMS, SshServer, TOKEN, available};
use crate::ship::{POLICY, Ship, pod};
use crate::world::{EXAMPLE_HOST, Said, World, git};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const LEDGER: &str = "refs/landwaiter/ledger";

impl Ship {
    fn git(&self, arguments: &[&str]) -> String {
        git(&self.bare.to_string_lossy(), arguments)
    }

    /// How many commits the ledger has.
    fn entries(&self, name: &str) -> usize {
        let all = self.git(&["for-each-ref", "--format=%(refname)", name]);
        if all.is_empty() { 0 } else { self.git(&["rev-list", "--count", name]).parse().unwrap() }
    }

    fn file(&self, file: &str) -> String {
        self.git(&["show", &format!("{LEDGER}:{file}")])
    }

    /// Puts other texts in the place of the ledger's files, as somebody who may push can.
    fn forge(&self, files: &[(&str, &str)]) {
        let folder = self.world.folder.path().join("forger");
        let at = folder.to_string_lossy().into_owned();
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        fs::create_dir_all(&folder).unwrap();
        git(&at, &["init", "--quiet"]);
        for (file, text) in files {
            fs::write(folder.join(file), text).unwrap();
        }
        git(&at, &["add", "--all"]);
        git(&at, &["commit", "--quiet", "--allow-empty", "--message", "forged"]);
        git(&at, &["push", "--quiet", "--force", &self.bare.to_string_lossy(), &format!("HEAD:{LEDGER}")]);
    }

    fn good(&self, command: &[&str]) -> Said {
        let said = self.run(command);
        assert_eq!(said.status, 0, "{command:?}: {}{}", said.out, said.err);
        said
    }

    fn forget(&self) {
        if self.state().exists() {
            fs::remove_dir_all(self.state()).unwrap();
        }
    }
}

/// Set, heeded in every run whatever is remembered, listed, lifted: the same over every way.
fn story(ship: &Ship, name: &str) {
    let held = ship.good(&["hold", "web", "--reason", "migration", "--by", "Ann Lee"]);
    assert!(held.out.starts_with("On hold: web, 1 reference; `landwaiter release web` lifts it."), "{}", held.out);
    assert_eq!(ship.entries(name), 1);
    let again = ship.good(&["hold", "web", "--reason", "migration", "--by", "Ann Lee"]);
    assert!(again.out.starts_with("Already on hold: web"), "{}", again.out);
    assert_eq!(ship.entries(name), 1, "nothing new, nothing pushed");
    for forget in [false, true] {
        if forget {
            ship.forget();
        }
        let fate = ship.fate();
        assert!(fate.starts_with("hold: would be 1.1.0; migration (set by Ann Lee on 2"), "{fate}");
        assert!(fate.ends_with(", `landwaiter release web` lifts it)"), "{fate}");
        ship.update();
        assert_eq!(ship.stands(), ["1.0.0"]);
    }
    let listed = ship.good(&["holds"]).out;
    assert!(listed.starts_with("1 hold, 0 errors") && listed.contains("set by Ann Lee on 2"), "{listed}");
    let message = ship.git(&["log", "-1", "--format=%B", name]);
    assert_eq!(message, "Hold web: migration\n\nBy: Ann Lee");
    let released = ship.good(&["release", "web", "--by", "Bo"]);
    assert!(released.out.starts_with("Released policy web: migration (set by Ann Lee on 2"), "{}", released.out);
    assert_eq!(ship.entries(name), 2);
    assert_eq!(ship.git(&["log", "-1", "--format=%B", name]), "Release web\n\nBy: Bo");
    ship.update();
    assert_eq!(ship.stands(), ["1.1.0"]);
    assert_eq!(ship.entries(name), 2, "a run without anything to remember leaves the ledger alone");
    let nothing = ship.run(&["release", "web", "--by", "Bo"]);
    assert_eq!(nothing.status, 1);
    assert!(nothing.err.contains("nothing is on hold by the name of `web`"), "{}", nothing.err);
    ship.git(&["fsck", "--strict", "--no-dangling"]);
}

#[test]
fn a_hold_is_set_and_lifted_in_a_bare_repository_and_behind_a_file_url() {
    story(&Ship::new(POLICY), LEDGER);
    let mut ship = Ship::new(POLICY);
    ship.repo = format!("file://{}", ship.bare.display());
    ship.settings = "ledger: {ref: landwaiter-ledger}\n".to_owned();
    story(&ship, "refs/heads/landwaiter-ledger");
}

/// A ship whose repository is served by HTTP as `NAME.git`.
fn served(server: &HttpServer, folder: &Path, name: &str, policy: &str) -> Ship {
    let mut ship = Ship::new(policy);
    ship.git(&["config", "http.receivepack", "true"]);
    ship.git(&["config", "uploadpack.allowFilter", "true"]);
    std::os::unix::fs::symlink(&ship.bare, folder.join(format!("{name}.git"))).unwrap();
    fs::write(ship.world.folder.path().join("token"), TOKEN).unwrap();
    fs::write(ship.world.folder.path().join("seal"), SEAL).unwrap();
    let url = format!("http://127.0.0.1:{}", server.port);
    ship.settings = format!("git: [{{url: '{url}/', credentials: {{user: writer, passwordFile: token}}}}]\n");
    ship.repo = format!("{url}/{name}.git");
    ship
}

#[test]
fn a_hold_is_set_and_lifted_on_a_server() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (number, version_2) in [true, false].into_iter().enumerate() {
        let server = HttpServer::speaking(folder.path(), version_2);
        let ship = served(&server, folder.path(), &format!("plain{number}"), POLICY);
        story(&ship, LEDGER);
        let all = ship.git(&["log", "--all", "--format=%B%an%ae%cn%ce", "-p"]);
        assert!(!all.contains(TOKEN), "{all}");
        // A run that has nothing to write asks for the ledger in the same breath as for the branch.
        let asked = server.requests().len();
        ship.update();
        let own: Vec<String> = server.requests().split_off(asked);
        assert_eq!(own.iter().filter(|line| line.starts_with("GET")).count(), 1, "one conversation: {own:?}");
        if version_2 {
            assert_eq!(own.iter().filter(|line| line.starts_with("POST")).count(), 2, "two questions: {own:?}");
        }
    }
}

#[test]
fn a_hold_is_set_and_lifted_over_ssh() {
    if !available(SSH_PROGRAMS) {
        return;
    }
    let server = SshServer::start(true);
    let mut ship = Ship::new(POLICY);
    ship.repo = server.url(&ship.bare);
    fs::write(ship.world.folder.path().join("key"), &server.key).unwrap();
    fs::write(ship.world.folder.path().join("hosts"), &server.known_hosts).unwrap();
    let url = format!("ssh://{}@127.0.0.1:{}/", server.user, server.port);
    ship.settings = format!("git: [{{url: '{url}', sshKeyFile: key, knownHostsFile: hosts}}]\n");
    story(&ship, LEDGER);
}

#[test]
fn a_checkout_reads_what_was_fetched_and_writes_through_its_origin() {
    let mut ship = Ship::new(POLICY);
    ship.repo = ship.world.folder.path().join("person").to_string_lossy().into_owned();
    let refused = ship.run(&["hold", "web", "--reason", "x", "--by", "Ann"]);
    assert_eq!(refused.status, 2);
    assert!(refused.err.contains("--push writes that of its origin"), "{}", refused.err);
    ship.good(&["hold", "web", "--reason", "migration", "--by", "Ann", "--push"]);
    assert_eq!(ship.entries(LEDGER), 1);
    assert_eq!(ship.fate(), "change", "not fetched yet");
    ship.person(&["fetch", "--quiet", "origin", &format!("{LEDGER}:{LEDGER}")]);
    assert!(ship.fate().starts_with("hold: would be 1.1.0; migration"), "{}", ship.fate());
    assert!(ship.run(&["update", "--worktree"]).out.contains("Nothing to write."));
    let pushed = ship.good(&["update", "--push"]);
    assert!(pushed.out.contains("Nothing to write."), "{}", pushed.out);
    ship.good(&["release", "web", "--by", "Ann", "--push"]);
    ship.good(&["update", "--push"]);
    assert_eq!(ship.stands(), ["1.1.0"]);
}

#[test]
fn of_a_branch_the_checkout_reads_what_its_remote_had() {
    let mut ship = Ship::new(POLICY);
    ship.settings = "ledger: {ref: ledger}\n".to_owned();
    ship.good(&["hold", "all", "--reason", "harbour closed", "--by", "Ann"]);
    ship.person(&["fetch", "--quiet"]);
    ship.repo = ship.world.folder.path().join("person").to_string_lossy().into_owned();
    assert!(ship.fate().contains("harbour closed (set by Ann"), "{}", ship.fate());
}

#[test]
fn what_is_named_is_held_and_nothing_else() {
    let world = World::new();
    world.push("acme/web", &["1.0.0", "1.1.0"]);
    let ship = Ship::sail(world, &pod(&["1.0.0", "1.0.0"]), POLICY);
    let image = format!("{}/acme/web", ship.world.registry.host());
    let states = || {
        let said = ship.good(&["plan", "--format", "json"]);
        let plan: Value = serde_json::from_str(&said.out).unwrap();
        let all = plan["references"].as_array().unwrap().iter();
        all.map(|one| one["state"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (target, expected, lifts) in [
        ("web.yaml:6", ["held", "change"], "release web.yaml:6`"),
        ("web.yaml:7", ["change", "held"], "release web.yaml:7`"),
        ("./web.yaml", ["held", "held"], "release web.yaml:7`"),
        ("web", ["held", "held"], "release web`"),
        (&image, ["held", "held"], "acme/web`"),
        ("all", ["held", "held"], "release all`"),
    ] {
        ship.good(&["hold", target, "--reason", "wait", "--by", "Ann"]);
        assert_eq!(states(), expected, "{target}");
        let listed = ship.good(&["holds"]).out;
        assert!(listed.contains(lifts), "{target}: {listed}");
        let explained = ship.good(&["explain", "web"]).out;
        assert!(explained.contains("held: hold: would be 1.1.0; wait (set by Ann"), "{explained}");
        ship.good(&["release", target, "--by", "Ann"]);
        assert_eq!(states(), ["change", "change"], "{target}");
    }
    for unknown in ["web.yaml:5", "nowhere", "example.com/nobody/here"] {
        let said = ship.run(&["hold", unknown, "--reason", "wait", "--by", "Ann"]);
        assert_eq!(said.status, 2, "{unknown}: {}", said.err);
    }
    // What needs no update is on hold too, and a hold outlives what it named.
    ship.update();
    ship.good(&["hold", "web.yaml:6", "--reason", "wait", "--by", "Ann"]);
    assert_eq!(states(), ["held", "up-to-date"]);
    assert!(ship.good(&["explain", "web.yaml:6"]).out.contains("held: hold: wait (set by Ann"));
    ship.pull();
    ship.edit("name: web", "name: other");
    ship.push();
    let listed = ship.good(&["holds"]).out;
    assert!(listed.contains("Holds that name no reference"), "{listed}");
    let json: Value = serde_json::from_str(&ship.good(&["holds", "--format", "json"]).out).unwrap();
    let entry = &json["ledger"][0];
    assert_eq!((entry["references"].as_u64(), entry["by"].as_str()), (Some(0), Some("Ann")));
    let target = entry["target"].as_str().unwrap();
    assert!(ship.good(&["release", target, "--by", "Ann"]).out.starts_with("Released place "));
}

#[test]
fn a_hold_ends_with_its_day_and_a_bad_wish_is_refused() {
    let ship = Ship::new(POLICY);
    ship.good(&["hold", "web", "--reason", "over", "--by", "Ann", "--until", "2020-01-01"]);
    assert_eq!(ship.fate(), "change");
    ship.good(&["hold", "web", "--reason", "on", "--by", "Ann", "--until", "9999-01-01"]);
    assert!(ship.fate().contains("on (set by Ann on 2"), "{}", ship.fate());
    assert!(ship.fate().contains(" until 9999-01-01, `landwaiter release web` lifts it)"), "{}", ship.fate());
    assert!(!ship.file("holds.json").contains("over"), "what is over goes with the next entry");
    let long = "x".repeat(501);
    for bad in [
        &["hold", "web", "--reason", "", "--by", "Ann"][..],
        &["hold", "web", "--reason", &long, "--by", "Ann"],
        &["hold", "web", "--reason", "a\nb", "--by", "Ann"],
        &["hold", "web", "--reason", "x", "--by", "Ann", "--until", "soon"],
        &["hold", "web", "--reason", "x", "--by", "Ann", "--until", "2026-02-30"],
        &["hold", "web", "--reason", "x"],
        &["hold", "web", "--by", "Ann"],
    ] {
        assert_eq!(ship.run(bad).status, 2, "{bad:?}");
    }
    ship.good(&["hold", "web", "--reason", &long[1..], "--by", "Ann"]);
}

#[test]
fn who_it_was_the_environment_says_where_nobody_else_does() {
    let ship = Ship::new(POLICY);
    let run = |variables: &[(&str, &str)]| {
        let arguments = ["hold", "web", "--reason", "x", "--repo", &ship.repo];
        let mut command = ship.world.command(&arguments);
        let output = command.envs(variables.iter().copied()).current_dir(ship.world.repo()).output().unwrap();
        ship.world.said(output).status
    };
    assert_eq!(run(&[]), 2);
    assert_eq!(run(&[("USER", "ann")]), 0);
    assert_eq!(run(&[("USER", "ann"), ("GIT_COMMITTER_NAME", "Ann Lee")]), 0);
    let file = ship.file("holds.json");
    assert!(file.contains("\"by\":\"ann\"") && file.contains("\"by\":\"Ann Lee\""), "{file}");
}

#[test]
fn what_the_ledger_cannot_lift_is_told_with_what_does() {
    let world = World::new();
    world.push("acme/web", &["1.0.0", "1.1.0"]);
    let by_hand = "    # landwaiter-hold: until Ann is back\n    - image: reg.example.com/acme/web:1.0.0\n";
    let ship = Ship::sail(world, &(pod(&["1.0.0"]) + by_hand), POLICY);
    ship.update();
    ship.pull();
    ship.person(&["revert", "--no-edit", "HEAD"]);
    ship.push();
    let said = ship.run(&["release", "web", "--by", "Ann"]);
    assert_eq!(said.status, 1);
    for expected in [
        "web.yaml:6: rolled-back: 1.1.0 was written in ",
        "to lift it: write 1.1.0 on line 6 of web.yaml and commit it",
        "web.yaml:8: hold: until Ann is back (a comment in the file)",
        "to lift it: delete the comment on line 7 of web.yaml",
    ] {
        assert!(said.err.contains(expected), "{expected}: {}", said.err);
    }
    assert_eq!(ship.entries(LEDGER), 0);
    ship.good(&["hold", "web", "--reason", "wait", "--by", "Ann"]);
    let narrower = ship.run(&["release", "web.yaml:6", "--by", "Ann"]);
    assert_eq!(narrower.status, 1);
    assert!(narrower.err.contains("`landwaiter release web` lifts it"), "{}", narrower.err);
}

/// Somebody who may push can write anything there.
#[test]
fn a_ledger_that_cannot_be_read_holds_what_would_be_written_and_no_more() {
    let mut ship = Ship::new(POLICY);
    let entry = |target: &str| {
        format!(
            r#"{{"at":"2026-11-20T12:00:00Z","by":"A","place":null,"reason":"r","target":"{target}","until":null}}"#
        )
    };
    let holds = |entries: &str| format!("{{\"holds\":[{entries}],\"version\":1}}");
    let many = |count: usize| holds(&vec![entry("policy other"); count].join(","));
    let padded = |bytes: usize| {
        let text = holds("");
        text.clone() + &" ".repeat(bytes - text.len())
    };
    for (text, expected) in [
        (holds(""), "change"),
        (holds(&entry("policy other")), "change"),
        (holds(&entry("all")), "hold"),
        (holds(&entry("all")).replace("\"version\"", "\"more\":{},\"version\""), "hold"),
        (holds(&entry("all")).replace("\"by\"", "\"mood\":3,\"by\""), "hold"),
        (many(1_000), "change"),
        (padded(1 << 20), "change"),
        (many(1_001), "incomplete-information"),
        (padded((1 << 20) + 1), "incomplete-information"),
        (String::new(), "incomplete-information"),
        ("[]".to_owned(), "incomplete-information"),
        ("{\"version\":1}".to_owned(), "incomplete-information"),
        ("{\"holds\":[]}".to_owned(), "incomplete-information"),
        (holds("").replace("\"version\":1", "\"version\":2"), "incomplete-information"),
        (holds(&entry("tribe x")), "incomplete-information"),
        (holds(&entry("all")).replace("null}", "\"soon\"}"), "incomplete-information"),
        (holds(&entry("all")).replace("2026-11-20T12:00:00Z", "once"), "incomplete-information"),
        ("[".repeat(100_000), "incomplete-information"),
    ] {
        ship.forge(&[("holds.json", &text)]);
        let fate = ship.fate();
        let short: String = text.chars().take(200).collect();
        assert!(fate.starts_with(expected), "{short}: {fate}");
        if expected == "incomplete-information" {
            assert!(fate.contains(LEDGER) && fate.contains("holds.json cannot be read"), "{fate}");
            assert!(fate.contains("put an earlier commit of it back, or delete the ref"), "{fate}");
            let said = ship.run(&["hold", "web", "--reason", "x", "--by", "Ann"]);
            assert_eq!(said.status, 1, "what cannot be read is not written over: {}", said.out);
            assert_eq!(ship.run(&["update"]).status, 4);
        }
    }
    assert_eq!(ship.stands(), ["1.0.0"]);
    // Other files, and a ledger that is no commit at all.
    ship.forge(&[("notes.txt", "hello")]);
    assert_eq!(ship.fate(), "change");
    ship.good(&["hold", "web", "--reason", "x", "--by", "Ann"]);
    assert_eq!(ship.file("notes.txt"), "hello", "what is not ours stays");
    let blob = ship.git(&["rev-parse", &format!("{LEDGER}:notes.txt")]);
    ship.git(&["update-ref", LEDGER, &blob]);
    assert!(ship.fate().starts_with("incomplete-information: "), "{}", ship.fate());
    ship.git(&["update-ref", "-d", LEDGER]);
    assert_eq!(ship.fate(), "change");
    ship.settings = "ledger: {ref: main}\n".to_owned();
    assert!(ship.run(&["plan"]).err.contains("on the same branch, main"));
    ship.settings = "ledger: off\n".to_owned();
    assert_eq!(ship.run(&["hold", "web", "--reason", "x", "--by", "Ann"]).status, 1);
    ship.update();
    assert_eq!(ship.stands(), ["1.1.0"]);
}

#[test]
fn of_many_who_write_at_once_nobody_loses_an_entry() {
    nobody_loses(&Ship::new(POLICY));
    if available(HTTP_PROGRAMS) {
        let folder = tempfile::tempdir().unwrap();
        let server = HttpServer::start(folder.path());
        nobody_loses(&served(&server, folder.path(), "busy", POLICY));
    }
}

fn nobody_loses(ship: &Ship) {
    ship.good(&["plan"]);
    std::thread::scope(|scope| {
        for number in 0..6 {
            scope.spawn(move || {
                let reason = format!("reason {number}");
                ship.good(&["hold", "web", "--reason", &reason, "--by", "Ann"]);
            });
        }
    });
    let file = ship.file("holds.json");
    for number in 0..6 {
        assert!(file.contains(&format!("\"reason\":\"reason {number}\"")), "{file}");
    }
    assert_eq!(ship.entries(LEDGER), 6);
    let lines: Vec<&str> = file.lines().collect();
    assert_eq!((lines.len(), lines[0], lines[7]), (8, "{\"holds\":[", "],\"version\":1}"), "one entry a line");
}

const SEAL: &str = "0123456789abcdef0123456789abcdef";
const SLOW: &str = "    select: {semver: '*'}\n    require: {age: 2s}\n";

/// Runs until the image is old enough, at most for some seconds.
fn until_written(ship: &Ship, tag: &str) {
    for _ in 0..40 {
        ship.update();
        if ship.stands() == [tag] {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(250));
    }
    panic!("{}", ship.fate());
}

#[test]
fn first_sights_outlive_the_state_folder_under_the_operators_seal() {
    let mut ship = Ship::new(SLOW);
    fs::write(ship.world.folder.path().join("seal"), SEAL).unwrap();
    ship.update();
    assert_eq!(ship.entries(LEDGER), 0, "without a seal nothing is written");
    ship.forget();
    ship.settings = "ledger: {sealFile: seal}\n".to_owned();
    ship.update();
    assert_eq!((ship.stands(), ship.entries(LEDGER)), (vec!["1.0.0".to_owned()], 1));
    let file = ship.file("seen.json");
    assert!(file.contains("/acme/web\"") && !file.contains(SEAL), "{file}");
    ship.update();
    assert_eq!(ship.entries(LEDGER), 1, "nothing new, nothing pushed");
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    ship.forget();
    ship.update();
    assert_eq!(ship.stands(), ["1.1.0"], "{}", ship.fate());
}

#[test]
fn a_forged_first_sight_lets_nothing_pass() {
    let mut ship = Ship::new("    select: {semver: '*'}\n    require: {age: 24h}\n");
    fs::write(ship.world.folder.path().join("seal"), SEAL).unwrap();
    fs::write(ship.world.folder.path().join("other"), SEAL.replace('a', "b")).unwrap();
    ship.settings = "ledger: {sealFile: other}\n".to_owned();
    ship.update();
    let theirs = ship.file("seen.json");
    ship.settings = "ledger: {sealFile: seal}\n".to_owned();
    ship.update();
    let both = ship.file("seen.json");
    assert_eq!(
        (both.lines().count(), ship.entries(LEDGER)),
        (theirs.lines().count() + 1, 2),
        "each under his own seal"
    );
    ship.update();
    assert_eq!(ship.entries(LEDGER), 2, "and neither in the other's way");
    let old = |text: &str| {
        let year = &jiff::Timestamp::now().to_string()[..4];
        text.replace(&format!("\"first\":\"{year}"), "\"first\":\"2020")
    };
    for forged in [old(&both), old(&theirs), "{\"seen\":[],\"version\":1}".to_owned(), "rubbish".to_owned()] {
        ship.forge(&[("seen.json", &forged)]);
        for remembered in [true, false] {
            if !remembered {
                ship.forget();
            }
            ship.update();
            assert_eq!(ship.stands(), ["1.0.0"], "{forged}");
            let explained = ship.good(&["explain", "web"]).out;
            assert!(explained.contains("too-young") || explained.contains("first seen"), "{explained}");
        }
    }
    assert_eq!(ship.file("seen.json"), "rubbish", "what cannot be read is not written over");
    let short = "x".repeat(31);
    fs::write(ship.world.folder.path().join("seal"), short).unwrap();
    assert!(ship.run(&["plan"]).err.contains("has 31 bytes, fewer than 32"));
}

/// A server that lets nobody but branches in.
#[test]
fn a_server_that_refuses_the_ledger_gets_its_commit_all_the_same() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = HttpServer::start(folder.path());
    for (name, atomic) in [("strict", "true"), ("strict-alone", "false")] {
        let mut ship = served(&server, folder.path(), name, SLOW);
        ship.settings.push_str("ledger: {sealFile: seal}\n");
        ship.git(&["config", "receive.advertiseAtomic", atomic]);
        let hook = ship.bare.join("hooks/update");
        fs::write(&hook, "#!/bin/sh\ncase \"$1\" in refs/heads/*) exit 0;; esac\necho only branches >&2\nexit 1\n")
            .unwrap();
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
        let first = ship.good(&["update"]);
        assert!(first.err.contains(&format!("could not be written to the ledger {LEDGER}")), "{}", first.err);
        assert!(first.err.contains("names a branch for a server that refuses other refs"), "{}", first.err);
        let second = ship.good(&["update"]);
        assert!(!second.err.contains("ledger"), "told once: {}", second.err);
        until_written(&ship, "1.1.0");
        assert_eq!(ship.entries(LEDGER), 0);
        ship.settings = ship.settings.replace("{sealFile", "{ref: ledger, sealFile");
        ship.world.push("acme/web", &["1.2.0"]);
        ship.update();
        assert_eq!(ship.entries("refs/heads/ledger"), 1);
    }
}

#[test]
fn branch_and_ledger_move_together_where_the_server_can_and_one_after_the_other_where_not() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = HttpServer::start(folder.path());
    for (name, atomic, pushes) in [("atomic", "true", 1), ("single", "false", 2)] {
        let mut ship = served(&server, folder.path(), name, SLOW);
        ship.settings.push_str("ledger: {sealFile: seal}\n");
        ship.git(&["config", "receive.advertiseAtomic", atomic]);
        ship.update();
        std::thread::sleep(std::time::Duration::from_millis(2_500));
        // Something old enough to be written, and something new to be remembered.
        ship.world.push("acme/web", &["1.2.0"]);
        let asked = server.requests().len();
        ship.update();
        let own: Vec<String> = server.requests().split_off(asked);
        let posts = own.iter().filter(|line| line.starts_with("POST") && line.contains("git-receive-pack"));
        assert_eq!((ship.stands(), ship.entries(LEDGER)), (vec!["1.1.0".to_owned()], 2));
        assert_eq!(posts.count(), pushes, "{own:?}");
        let asked = server.requests().len();
        ship.update();
        let pushed = server.requests().split_off(asked).iter().any(|line| line.contains("receive-pack"));
        // On a slow machine the new one is old enough by now.
        assert!(!pushed || ship.stands() == ["1.2.0"], "nothing new, nothing pushed");
        assert_eq!(ship.entries(LEDGER), 2);
        ship.git(&["fsck", "--strict", "--no-dangling"]);
    }
}

#[test]
fn what_was_taken_back_stays_so_whatever_the_ledger_says() {
    for how in ["git revert", "an edit", "a merge"] {
        let mut ship = Ship::new(POLICY);
        fs::write(ship.world.folder.path().join("seal"), SEAL).unwrap();
        ship.settings = "ledger: {sealFile: seal}\n".to_owned();
        ship.good(&["hold", "all", "--reason", "x", "--by", "Ann"]);
        ship.good(&["release", "all", "--by", "Ann"]);
        ship.update();
        ship.pull();
        match how {
            "git revert" => drop(ship.person(&["revert", "--no-edit", "HEAD"])),
            "an edit" => ship.edit(":1.1.0", ":1.0.0"),
            _ => {
                ship.person(&["checkout", "--quiet", "-b", "undo"]);
                ship.person(&["revert", "--no-edit", "HEAD"]);
                ship.person(&["checkout", "--quiet", "main"]);
                ship.person(&["merge", "--quiet", "--no-ff", "--no-edit", "undo"]);
            }
        }
        ship.push();
        for ledger in ["there", "deleted", "forged"] {
            match ledger {
                "there" => {}
                "deleted" => drop(ship.git(&["update-ref", "-d", LEDGER])),
                _ => ship.forge(&[
                    ("holds.json", "{\"holds\":[],\"version\":1}"),
                    ("seen.json", "{\"seen\":[],\"version\":1}"),
                ]),
            }
            ship.stays("1.0.0");
        }
        ship.world.push("acme/web", &["1.2.0"]);
        ship.update();
        assert_eq!(ship.stands(), ["1.2.0"], "{how}");
    }
}

#[test]
fn names_of_images_stand_in_it_and_no_secret() {
    // The names of private images stand in the ledger as they do in the branch; nothing else of the operator's does.
    let mut ship = Ship::new(SLOW);
    fs::write(ship.world.folder.path().join("seal"), SEAL).unwrap();
    ship.settings = "ledger: {sealFile: seal}\n".to_owned();
    ship.update();
    let host = ship.world.registry.host();
    let all = ship.git(&["log", "-p", LEDGER]).replace(&host, EXAMPLE_HOST);
    assert!(all.contains("reg.example.com/acme/web") && !all.contains(SEAL), "{all}");
}
