//! Config repositories on this machine: what is listed and read, what a publication writes, and that two writers never
//! lose each other's work. The `git` program makes the fixtures and judges the results; the code under test never uses it.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files and may panic")]

use landwaiter::git::{self, Location, Options, origin_of};
use landwaiter::port::*;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

#[path = "support/repos.rs"]
mod repos;

use repos::{contents, fsck, publication, run_git};

/// A checkout `work` with one commit of files of all sorts, and a bare clone `bare.git` of it.
struct World {
    root: tempfile::TempDir,
}

impl World {
    fn new() -> World {
        World::with(&["--object-format=sha1"])
    }

    fn with(init: &[&str]) -> World {
        let world = World { root: tempfile::tempdir().unwrap() };
        fs::create_dir(world.work()).unwrap();
        run_git(&world.work(), &[&["init", "-q", "-b", "main"], init].concat());
        for (path, text) in FILES {
            world.write(path, text);
        }
        world.write("run.sh", b"#!/bin/sh\n");
        fs::set_permissions(world.work().join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink("apps/web.yaml", world.work().join("link.yaml")).unwrap();
        run_git(&world.work(), &["add", "-A"]);
        world.add_submodule_entry("vendor");
        run_git(&world.work(), &["commit", "-q", "-m", "first"]);
        run_git(world.root.path(), &["clone", "-q", "--bare", "work", "bare.git"]);
        world
    }

    fn add_submodule_entry(&self, path: &str) {
        let length = run_git(&self.work(), &["hash-object", "run.sh"]).len();
        let entry = format!("160000,{},{path}", "1".repeat(length));
        run_git(&self.work(), &["update-index", "--add", "--cacheinfo", &entry]);
    }

    fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    fn bare(&self) -> PathBuf {
        self.root.path().join("bare.git")
    }

    fn write(&self, path: &str, text: &[u8]) {
        let full = self.work().join(path);
        fs::create_dir_all(full.parent().unwrap()).unwrap();
        fs::write(full, text).unwrap();
    }

    fn open_bare(&self) -> Box<dyn ConfigRepo> {
        open(&self.bare(), Some("main"))
    }

    fn bare_head(&self) -> String {
        run_git(&self.bare(), &["rev-parse", "main"])
    }
}

const FILES: &[(&str, &[u8])] = &[
    ("apps/web.yaml", b"image: acme/web:1.0.0\n"),
    ("apps/crlf.yaml", b"image: acme/crlf:1.0.0\r\nx: y\r\n"),
    ("apps/bom.yaml", b"\xef\xbb\xbfimage: acme/bom:1.0.0\n"),
    ("apps/no-newline.yaml", b"image: acme/last:1.0.0"),
    ("apps/deep/er/and/deeper.yaml", b"image: acme/deep:1.0.0\n"),
    ("apps-sorted-after-slash.yaml", b"a: 1\n"),
    ("apps.yaml", b"a: 2\n"),
    ("binary.bin", b"\x00\x01\xff"),
    ("empty.yaml", b""),
    ("\u{e9}.yaml", b"a: 3\n"),
    (".hidden/x.yaml", b"a: 4\n"),
    ("with space.yaml", b"a: 5\n"),
];

fn open(path: &Path, branch: Option<&str>) -> Box<dyn ConfigRepo> {
    let location = Location::parse(path.to_str().unwrap()).unwrap();
    git::open(&location, branch, &Options::default()).unwrap()
}

fn refused(text: &str, branch: Option<&str>) -> RepoError {
    let location = Location::parse(text).unwrap();
    match git::open(&location, branch, &Options::default()) {
        Err(error) => error,
        Ok(repo) => repo.snapshot().err().unwrap(),
    }
}

fn paths(snapshot: &dyn Snapshot) -> Vec<String> {
    snapshot.files().iter().map(|file| file.path.to_string()).collect()
}

#[test]
fn a_bare_repository_lists_regular_files_in_byte_order() {
    let world = World::new();
    let snapshot = world.open_bare().snapshot().unwrap();
    let mut expected: Vec<String> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
    expected.push("run.sh".to_owned());
    expected.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    assert_eq!(paths(&*snapshot), expected, "no link, no submodule");
    assert_eq!(snapshot.branch(), Some("main"));
    assert_eq!(snapshot.head().unwrap().0, world.bare_head());
}

#[test]
fn bytes_and_blob_ids_are_gits() {
    let world = World::new();
    run_git(&world.bare(), &["repack", "-adq"]);
    let snapshot = world.open_bare().snapshot().unwrap();
    let read = contents(&*snapshot);
    for (path, text) in FILES {
        assert_eq!(read[*path], *text, "{path}");
        assert_eq!(snapshot.read_one(path).unwrap().unwrap(), *text, "{path}");
        let file = snapshot.files().iter().find(|file| &*file.path == *path).unwrap();
        let id = run_git(&world.bare(), &["rev-parse", &format!("main:{path}")]);
        assert_eq!(file.blob, Some(BlobId(id)), "{path}");
    }
    assert_eq!(snapshot.read_one("nowhere.yaml").unwrap(), None);
    assert_eq!(snapshot.read_one("link.yaml").unwrap(), None);
}

#[test]
fn a_file_at_the_limit_is_read_and_one_over_it_is_not() {
    let world = World::new();
    for repo in [world.open_bare(), open(&world.work(), None)] {
        let snapshot = repo.snapshot().unwrap();
        let size = snapshot.read_one("apps/web.yaml").unwrap().unwrap().len() as u64;
        for (limit, expected) in [(size, None), (size - 1, Some(ReadProblem::TooLarge { size }))] {
            let mut problem = None;
            snapshot
                .read(limit, &|file| &*file.path == "apps/web.yaml", &mut |_, bytes| {
                    problem = bytes.err();
                    ControlFlow::Continue(())
                })
                .unwrap();
            assert_eq!(problem, expected, "limit {limit}");
        }
    }
}

#[test]
fn reading_stops_when_told() {
    let world = World::new();
    for repo in [world.open_bare(), open(&world.work(), None)] {
        let mut seen = 0;
        let stop = &mut |_: &FileEntry, _: Result<&[u8], ReadProblem>| {
            seen += 1;
            ControlFlow::Break(())
        };
        repo.snapshot().unwrap().read(1 << 20, &|_| true, stop).unwrap();
        assert_eq!(seen, 1);
    }
}

#[test]
fn a_path_that_is_not_utf8_is_listed_and_never_read() {
    let world = World::new();
    let odd = world.work().join(std::ffi::OsStr::from_bytes(b"odd\xff.yaml"));
    fs::write(odd, "a: 1\n").unwrap();
    run_git(&world.work(), &["add", "-A"]);
    run_git(&world.work(), &["commit", "-qm", "odd"]);
    run_git(&world.work(), &["push", "-q", "../bare.git", "main"]);
    for repo in [world.open_bare(), open(&world.work(), None)] {
        let snapshot = repo.snapshot().unwrap();
        let odd: Vec<_> = snapshot.files().iter().filter(|file| file.unreadable_path).collect();
        assert_eq!(odd.len(), 1);
        assert_eq!(&*odd[0].path, "odd\u{fffd}.yaml");
        assert!(!contents(&*snapshot).contains_key("odd\u{fffd}.yaml"));
        assert_eq!(snapshot.read_one("odd\u{fffd}.yaml").unwrap(), None);
    }
}

#[test]
fn a_publication_changes_only_its_files_and_fsck_is_clean() {
    for format in ["--object-format=sha1", "--object-format=sha256"] {
        let world = World::with(&[format]);
        let repo = world.open_bare();
        let before = repo.snapshot().unwrap();
        let old_head = world.bare_head();
        let edits: &[(&str, &[u8])] = &[
            ("apps/web.yaml", b"image: acme/web:1.1.0\n"),
            ("apps/crlf.yaml", b"image: acme/crlf:1.1.0\r\nx: y\r\n"),
            ("apps/deep/er/and/deeper.yaml", b"image: acme/deep:1.1.0\n"),
            ("run.sh", b"#!/bin/sh\ntrue\n"),
        ];
        let published = repo.publish(&publication(&*before, edits)).unwrap();
        assert_eq!(published.commits[0].0, world.bare_head());

        let changed = run_git(&world.bare(), &["diff", "--raw", "--abbrev=4", &old_head, "main"]);
        assert_eq!(changed.lines().count(), 4, "{changed}");
        assert!(changed.lines().all(|line| line.contains(" M\t")), "{changed}");
        assert!(changed.contains(":100755 100755"), "still executable: {changed}");
        assert_eq!(run_git(&world.bare(), &["rev-parse", "main^"]), old_head);
        let said = run_git(&world.bare(), &["log", "-1", "--format=%an <%ae> %at %cn <%ce> %ct%n%B", "main"]);
        assert_eq!(
            said,
            "Landwaiter <landwaiter@example.com> 1700000000 Landwaiter <landwaiter@example.com> 1700000000\n\
             update images\n\nacme/web 1.0.0 -> 1.1.0"
        );
        fsck(&world.bare());
        let after = contents(&*repo.snapshot().unwrap());
        for (path, text) in edits {
            assert_eq!(after[*path], *text, "{path}");
        }
    }
}

#[test]
fn a_big_publication_becomes_one_pack() {
    let world = World::new();
    for number in 0..150 {
        world.write(&format!("many/{number}.yaml"), format!("a: {number}\n").as_bytes());
    }
    run_git(&world.work(), &["add", "-A"]);
    run_git(&world.work(), &["commit", "-qm", "many"]);
    run_git(&world.work(), &["push", "-q", "../bare.git", "main"]);
    run_git(&world.bare(), &["repack", "-adq"]);
    let repo = world.open_bare();
    let snapshot = repo.snapshot().unwrap();
    let texts: Vec<(String, String)> =
        (0..150).map(|number| (format!("many/{number}.yaml"), format!("b: {number}\n"))).collect();
    let edits: Vec<(&str, &[u8])> = texts.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
    repo.publish(&publication(&*snapshot, &edits)).unwrap();
    let count = run_git(&world.bare(), &["count-objects", "-v"]);
    assert!(count.contains("packs: 2"), "{count}");
    assert!(count.starts_with("count: 0"), "{count}");
    assert!(
        !fs::read_dir(world.bare().join("objects/pack"))
            .unwrap()
            .flatten()
            .any(|file| { file.path().extension().is_some_and(|extension| extension == "keep") })
    );
    fsck(&world.bare());
    assert_eq!(repo.snapshot().unwrap().read_one("many/149.yaml").unwrap().unwrap(), b"b: 149\n");
}

#[test]
fn the_same_publication_makes_the_same_commit() {
    let commit = || {
        let world = World::new();
        let repo = world.open_bare();
        let edits: &[(&str, &[u8])] = &[("apps/web.yaml", b"x\n")];
        repo.publish(&publication(&*repo.snapshot().unwrap(), edits)).unwrap();
        world.bare_head()
    };
    assert_eq!(commit(), commit());
}

#[test]
fn who_comes_second_learns_that_the_branch_moved() {
    let world = World::new();
    let (first, second) = (world.open_bare(), world.open_bare());
    let (a, b) = (first.snapshot().unwrap(), second.snapshot().unwrap());
    let published = first.publish(&publication(&*a, &[("apps/web.yaml", b"first\n")])).unwrap();
    let lost = second.publish(&publication(&*b, &[("apps.yaml", b"second\n")]));
    assert_eq!(lost, Err(PublishError::Moved { found: published.commits.last().cloned() }));
    assert_eq!(second.snapshot().unwrap().read_one("apps/web.yaml").unwrap().unwrap(), b"first\n");
}

#[test]
fn two_writers_lose_no_commit() {
    const EACH: usize = 15;
    let world = World::new();
    let writer = |path: &'static str| {
        let repo = world.open_bare();
        move || {
            for round in 0..EACH {
                let text = format!("round: {round}\n");
                loop {
                    let snapshot = repo.snapshot().unwrap();
                    match repo.publish(&publication(&*snapshot, &[(path, text.as_bytes())])) {
                        Ok(_) => break,
                        Err(PublishError::Moved { .. }) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                }
            }
        }
    };
    let (one, two) = (writer("apps/web.yaml"), writer("apps/crlf.yaml"));
    std::thread::scope(|scope| {
        scope.spawn(one);
        scope.spawn(two);
    });
    let count = run_git(&world.bare(), &["rev-list", "--count", "main"]);
    assert_eq!(count, (2 * EACH + 1).to_string());
    assert_eq!(run_git(&world.bare(), &["rev-list", "--merges", "main"]), "", "linear");
    fsck(&world.bare());
}

#[test]
fn a_lock_that_a_killed_process_left_is_named() {
    let world = World::new();
    let repo = world.open_bare();
    let snapshot = repo.snapshot().unwrap();
    let lock = world.bare().join("refs/heads/main.lock");
    fs::create_dir_all(lock.parent().unwrap()).unwrap();
    fs::write(&lock, "").unwrap();
    let edit = publication(&*snapshot, &[("apps/web.yaml", b"x\n")]);
    let Err(PublishError::Repo(error)) = repo.publish(&edit) else {
        panic!("a lock is held");
    };
    assert!(error.message.contains(lock.to_str().unwrap()), "{error:?}");
    assert!(error.retryable);
    fs::remove_file(&lock).unwrap();
    repo.publish(&edit).unwrap();
}

#[test]
fn a_lock_that_goes_away_in_time_is_waited_for() {
    let world = World::new();
    let repo = world.open_bare();
    let snapshot = repo.snapshot().unwrap();
    let lock = world.bare().join("refs/heads/main.lock");
    fs::create_dir_all(lock.parent().unwrap()).unwrap();
    fs::write(&lock, "").unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(300));
            fs::remove_file(&lock).unwrap();
        });
        repo.publish(&publication(&*snapshot, &[("apps/web.yaml", b"x\n")])).unwrap();
    });
}

#[test]
fn a_publication_that_was_not_planned_from_this_commit_is_refused() {
    let world = World::new();
    let repo = world.open_bare();
    let snapshot = repo.snapshot().unwrap();
    let head = world.bare_head();
    let good = publication(&*snapshot, &[("apps/web.yaml", b"x\n")]);
    let message = |change: &dyn Fn(&mut Publication)| {
        let mut changed = good.clone();
        change(&mut changed);
        match repo.publish(&changed) {
            Err(PublishError::Repo(error)) => error.message,
            other => panic!("{other:?}"),
        }
    };
    let other_old = message(&|p| p.commits[0].files[0].old = (*b"something else\n").into());
    assert_eq!(other_old, format!("apps/web.yaml of commit {head} is not what was planned from"));
    let link = message(&|p| p.commits[0].files[0].path = Arc::from("link.yaml"));
    assert_eq!(link, format!("link.yaml is no file of commit {head}"));
    assert_eq!(
        message(&|p| p.commits[0].files[0].new = p.commits[0].files[0].old.clone()),
        "the publication changes nothing"
    );
    assert_eq!(message(&|p| p.parent = None), "a publication to a branch names no parent");
    assert_eq!(world.bare_head(), head);
}

#[test]
fn a_branch_that_is_checked_out_is_not_moved_under_its_feet() {
    let world = World::new();
    let url = format!("file://{}", world.work().display());
    let repo = git::open(&Location::parse(&url).unwrap(), None, &Options::default()).unwrap();
    let snapshot = repo.snapshot().unwrap();
    let edit = publication(&*snapshot, &[("apps/web.yaml", b"x\n")]);
    let Err(PublishError::Repo(error)) = repo.publish(&edit) else {
        panic!("main is checked out");
    };
    assert_eq!(error.message, format!("branch main is checked out in {}", world.work().display()));
    run_git(&world.work(), &["checkout", "-q", "--detach"]);
    repo.publish(&edit).unwrap();
    fsck(&world.work());
}

#[test]
fn the_default_branch_is_what_head_names() {
    let world = World::new();
    run_git(&world.bare(), &["branch", "-m", "main", "trunk"]);
    let snapshot = open(&world.bare(), None).snapshot().unwrap();
    assert_eq!(snapshot.branch(), Some("trunk"));
}

#[test]
fn packed_refs_are_read_and_moved() {
    let world = World::new();
    run_git(&world.bare(), &["pack-refs", "--all"]);
    let repo = world.open_bare();
    let published = repo.publish(&publication(&*repo.snapshot().unwrap(), &[("apps/web.yaml", b"x\n")])).unwrap();
    assert_eq!(published.commits[0].0, world.bare_head());
}

#[test]
fn what_cannot_be_opened_says_why() {
    let world = World::new();
    let bare = world.bare();
    let bare = bare.to_str().unwrap();
    let error = refused(bare, Some("nowhere"));
    assert_eq!(error.message, format!("{bare} has no branch nowhere"));
    assert_eq!(error.hint.unwrap(), "there is main");

    let empty = world.root.path().join("empty.git");
    run_git(world.root.path(), &["init", "-q", "--bare", "-b", "main", "empty.git"]);
    let empty = empty.to_str().unwrap();
    assert_eq!(refused(empty, None).message, format!("{empty} is empty: it has no commit on any branch"));

    let nothing = world.root.path().join("nothing");
    let nothing = nothing.to_str().unwrap();
    assert_eq!(refused(nothing, None).message, format!("{nothing} does not exist"));
    assert_eq!(refused(nothing, Some("main")).message, format!("{nothing} does not exist"));

    let plain = tempfile::tempdir().unwrap();
    let url = format!("file://{}", plain.path().display());
    assert!(refused(&url, None).message.starts_with(&format!("{url} is not a Git repository")));
    assert!(refused(bare, Some("a..b")).message.contains("is no name of a branch"));
}

#[test]
fn what_git_replaces_is_read_as_the_branch_holds_it() {
    let world = World::new();
    let old = run_git(&world.bare(), &["rev-parse", "main:apps/web.yaml"]);
    let other = run_git(&world.bare(), &["rev-parse", "main:apps.yaml"]);
    run_git(&world.bare(), &["replace", &old, &other]);
    let snapshot = world.open_bare().snapshot().unwrap();
    assert_eq!(contents(&*snapshot)["apps/web.yaml"], b"image: acme/web:1.0.0\n");
}

#[test]
fn a_checkout_is_read_as_it_stands() {
    let world = World::new();
    world.write(".gitignore", b"ignored/\n*.log\n");
    world.write("ignored/x.yaml", b"a: 1\n");
    world.write("ignored/tracked.yaml", b"a: 1\n");
    run_git(&world.work(), &["add", "-f", "ignored/tracked.yaml"]);
    world.write("debug.log", b"a: 1\n");
    world.write("untracked.yaml", b"a: 1\n");
    world.write("apps/web.yaml", b"image: acme/web:edited\n");
    fs::remove_file(world.work().join("apps.yaml")).unwrap();
    fs::create_dir_all(world.work().join("nested")).unwrap();
    run_git(&world.work().join("nested"), &["init", "-q"]);
    world.write("nested/x.yaml", b"a: 1\n");
    symlink("/", world.work().join("root")).unwrap();
    fs::write(world.work().join(".git/info/exclude"), "excluded.yaml\n").unwrap();
    world.write("excluded.yaml", b"a: 1\n");

    let repo = open(&world.work(), None);
    let snapshot = repo.snapshot().unwrap();
    let listed = paths(&*snapshot);
    let mut expected: Vec<&str> = FILES.iter().map(|(path, _)| *path).filter(|path| *path != "apps.yaml").collect();
    expected.extend([".gitignore", "ignored/tracked.yaml", "run.sh", "untracked.yaml"]);
    expected.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    assert_eq!(listed, expected);
    assert_eq!((snapshot.head(), snapshot.branch()), (None, None));
    let mut seen = None;
    snapshot
        .read(1 << 20, &|file| &*file.path == "apps/web.yaml", &mut |file, bytes| {
            seen = Some((file.blob.clone().unwrap(), bytes.unwrap().to_vec()));
            ControlFlow::Continue(())
        })
        .unwrap();
    let id = run_git(&world.work(), &["hash-object", "apps/web.yaml"]);
    assert_eq!(seen, Some((BlobId(id), b"image: acme/web:edited\n".to_vec())));
}

#[test]
fn a_tracked_file_behind_a_symbolic_link_is_not_there() {
    let world = World::new();
    let outside = world.root.path().join("outside");
    fs::rename(world.work().join("apps"), &outside).unwrap();
    symlink(&outside, world.work().join("apps")).unwrap();
    let snapshot = open(&world.work(), None).snapshot().unwrap();
    assert!(!paths(&*snapshot).iter().any(|path| path.starts_with("apps/")), "{:?}", paths(&*snapshot));
}

#[test]
fn a_plain_directory_honours_its_gitignore() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a.yaml"), "a: 1\n").unwrap();
    fs::write(directory.path().join("b.log"), "b\n").unwrap();
    fs::write(directory.path().join(".gitignore"), "*.log\n").unwrap();
    let snapshot = open(directory.path(), None).snapshot().unwrap();
    assert_eq!(paths(&*snapshot), [".gitignore", "a.yaml"]);
}

#[test]
fn a_checkout_with_a_branch_named_is_read_from_its_repository() {
    let world = World::new();
    world.write("apps/web.yaml", b"not committed\n");
    let snapshot = open(&world.work(), Some("main")).snapshot().unwrap();
    assert_eq!(snapshot.read_one("apps/web.yaml").unwrap().unwrap(), b"image: acme/web:1.0.0\n");
    assert_eq!(snapshot.branch(), Some("main"));
}

#[test]
fn files_of_a_checkout_are_replaced_with_their_modes() {
    let world = World::new();
    fs::write(world.work().join("apps/.landwaiter-left.tmp"), "left by a kill").unwrap();
    let repo = open(&world.work(), None);
    let snapshot = repo.snapshot().unwrap();
    assert!(!paths(&*snapshot).iter().any(|path| path.contains(".tmp")));
    let edits: &[(&str, &[u8])] = &[("apps/web.yaml", b"new\n"), ("run.sh", b"#!/bin/sh\ntrue\n")];
    let published = repo.publish(&publication(&*snapshot, edits)).unwrap();
    assert!(published.commits.is_empty());
    assert_eq!(fs::read(world.work().join("apps/web.yaml")).unwrap(), b"new\n");
    let mode = fs::metadata(world.work().join("run.sh")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    let status = run_git(&world.work(), &["status", "--porcelain", "--ignore-submodules"]);
    assert_eq!(status.lines().collect::<Vec<_>>(), [" M apps/web.yaml", " M run.sh"]);
    assert!(!world.work().join("apps/.landwaiter-left.tmp").exists());
}

#[test]
fn nothing_is_written_when_one_file_changed_meanwhile() {
    let world = World::new();
    let repo = open(&world.work(), None);
    let snapshot = repo.snapshot().unwrap();
    let edits: &[(&str, &[u8])] = &[("apps.yaml", b"new\n"), ("apps/web.yaml", b"new\n")];
    let planned = publication(&*snapshot, edits);
    world.write("apps/web.yaml", b"image: acme/web:9.9.9\n");
    assert_eq!(repo.publish(&planned), Err(PublishError::Moved { found: None }));
    assert_eq!(fs::read(world.work().join("apps.yaml")).unwrap(), b"a: 2\n");
}

#[test]
fn a_path_that_leaves_the_checkout_is_not_written() {
    let world = World::new();
    let outside = world.root.path().join("outside.yaml");
    fs::write(&outside, "x\n").unwrap();
    let repo = open(&world.work(), None);
    let mut planned = publication(&*repo.snapshot().unwrap(), &[("apps.yaml", b"new\n")]);
    for path in ["../outside.yaml", outside.to_str().unwrap(), "./apps.yaml/../../outside.yaml"] {
        planned.commits[0].files[0].path = Arc::from(path);
        planned.commits[0].files[0].old = (*b"x\n").into();
        assert_eq!(repo.publish(&planned), Err(PublishError::Moved { found: None }), "{path}");
    }
    assert_eq!(fs::read(&outside).unwrap(), b"x\n");
}

#[test]
fn origin_and_branch_of_a_checkout() {
    let world = World::new();
    let error = origin_of(&world.work()).unwrap_err();
    assert!(error.message.ends_with("has no remote `origin`"), "{error:?}");
    run_git(&world.work(), &["remote", "add", "origin", "../bare.git"]);
    let (url, branch) = origin_of(&world.work()).unwrap();
    assert_eq!(branch, "main");
    let repo = git::open(&Location::parse(&url).unwrap(), Some(&branch), &Options::default()).unwrap();
    assert_eq!(repo.snapshot().unwrap().head().unwrap().0, world.bare_head());

    run_git(&world.work(), &["config", "branch.main.remote", "origin"]);
    run_git(&world.work(), &["config", "branch.main.merge", "refs/heads/trunk"]);
    assert_eq!(origin_of(&world.work()).unwrap().1, "trunk");

    run_git(&world.work(), &["remote", "set-url", "origin", "https://acme:s3cret@example.com/c.git"]);
    let error = origin_of(&world.work()).unwrap_err();
    assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");

    run_git(&world.work(), &["checkout", "-q", "--detach"]);
    assert!(origin_of(&world.work()).unwrap_err().message.ends_with("names no branch"));
}

#[test]
fn settings_of_the_user_and_programs_in_the_repository_are_not_used() {
    let world = World::new();
    let sign = world.root.path().join("ran");
    let hook = world.bare().join("hooks/reference-transaction");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, format!("#!/bin/sh\ntouch {}\n", sign.display())).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let repo = world.open_bare();
    repo.publish(&publication(&*repo.snapshot().unwrap(), &[("apps/web.yaml", b"x\n")])).unwrap();
    assert!(!sign.exists(), "no hook of the local repository runs");
}

#[test]
fn a_hook_that_may_refuse_is_not_passed_by() {
    for hook in ["pre-receive", "update"] {
        let world = World::new();
        let path = world.bare().join("hooks").join(hook);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "#!/bin/sh\nexit 1\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let (repo, head) = (world.open_bare(), world.bare_head());
        let edit = publication(&*repo.snapshot().unwrap(), &[("apps/web.yaml", b"x\n")]);
        let Err(PublishError::Repo(error)) = repo.publish(&edit) else {
            panic!("{hook} was not asked");
        };
        assert!(error.message.contains(&format!("has a {hook} hook")) && !error.retryable, "{error:?}");
        assert_eq!(world.bare_head(), head);

        run_git(&world.bare(), &["config", "core.hooksPath", "elsewhere"]);
        fs::rename(world.bare().join("hooks"), world.bare().join("elsewhere")).unwrap();
        assert!(world.open_bare().publish(&edit).is_err(), "{hook} at core.hooksPath was not asked");
        fs::set_permissions(world.bare().join("elsewhere").join(hook), fs::Permissions::from_mode(0o644)).unwrap();
        world.open_bare().publish(&edit).unwrap();
    }
}

/// Not a test by itself: the process that [`a_kill_at_any_moment_leaves_the_branch_old_or_new`] starts and kills.
#[test]
fn the_writer_that_gets_killed() {
    let Ok(repository) = std::env::var("LANDWAITER_TEST_KILLED_WRITER") else {
        return;
    };
    let repo = open(Path::new(&repository), Some("main"));
    for round in 0.. {
        let snapshot = repo.snapshot().unwrap();
        let text = format!("process: {}\nround: {round}\n", std::process::id());
        repo.publish(&publication(&*snapshot, &[("apps/web.yaml", text.as_bytes())])).unwrap();
    }
}

#[test]
fn a_kill_at_any_moment_leaves_the_branch_old_or_new() {
    const KILLS: u64 = 40;
    let world = World::new();
    run_git(&world.bare(), &["pack-refs", "--all"]);
    let (mut count, mut head) = (1, world.bare_head());
    for round in 0..KILLS {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_writer_that_gets_killed"])
            .env("LANDWAITER_TEST_KILLED_WRITER", world.bare())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // It has begun to write; then at moments all over its loop.
        while world.bare_head() == head {
            assert_eq!(writer.try_wait().unwrap(), None, "a writer was stopped by what the one before it left");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        std::thread::sleep(std::time::Duration::from_micros(613 * round));
        writer.kill().unwrap();
        writer.wait().unwrap();
        run_git(&world.bare(), &["fsck", "--strict", "--no-dangling", "--connectivity-only"]);
        let now: u64 = run_git(&world.bare(), &["rev-list", "--count", "main"]).parse().unwrap();
        assert!(now > count, "a commit is lost");
        (count, head) = (now, world.bare_head());
    }
    let repo = world.open_bare();
    let edit = publication(&*repo.snapshot().unwrap(), &[("apps/web.yaml", b"at last\n")]);
    repo.publish(&edit).unwrap();
    assert_eq!(world.bare_head(), repo.snapshot().unwrap().head().unwrap().0);
    fsck(&world.bare());
}

#[test]
fn a_lock_that_a_killed_landwaiter_left_is_removed() {
    let world = World::new();
    let repo = world.open_bare();
    let edit = publication(&*repo.snapshot().unwrap(), &[("apps/web.yaml", b"x\n")]);
    let note = format!("{}\n", "1".repeat(40));
    fs::write(world.bare().join("landwaiter.lock"), &note).unwrap();
    fs::create_dir_all(world.bare().join("refs/heads")).unwrap();
    fs::write(world.bare().join("refs/heads/main.lock"), &note).unwrap();
    fs::write(world.bare().join("packed-refs.lock"), "").unwrap();
    let published = repo.publish(&edit).unwrap();
    assert_eq!(published.commits[0].0, world.bare_head());
}

#[test]
fn an_author_that_git_cannot_write_is_an_error() {
    let world = World::new();
    let repo = world.open_bare();
    let mut edit = publication(&*repo.snapshot().unwrap(), &[("apps/web.yaml", b"x\n")]);
    for name in ["a\nb", "a <b> c"] {
        edit.author.name = name.to_owned();
        let Err(PublishError::Repo(error)) = repo.publish(&edit) else {
            panic!("{name:?} was written");
        };
        assert!(error.message.starts_with("the commit cannot be made"), "{error:?}");
    }
}
