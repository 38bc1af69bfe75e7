//! What the commits of a branch say: the same from a bare repository, a checkout and a server, in the order of the history, up to
//! the limit; and an error where something is missing. Servers are real ones; without them that part is skipped, unless
//! LANDWAITER_REAL_SERVERS=1.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files and may panic")]

#[expect(dead_code, reason = "nothing is published here")]
#[path = "support/repos.rs"]
mod repos;
#[expect(dead_code, reason = "only a part of what the servers can be asked is asked here")]
#[path = "support/servers.rs"]
mod servers;

use landwaiter::git::{self, Location, Options, Ssh};
use landwaiter::plan::Past;
use landwaiter::port::*;
use repos::run_git;
use servers::{HTTP_PROGRAMS, HttpServer, SSH_PROGRAMS, SshServer, TOKEN, available};
use std::fs;
use std::path::{Path, PathBuf};

/// A bare repository `config.git` and a checkout `work` to push from.
struct World {
    root: tempfile::TempDir,
}

impl World {
    /// ```text
    /// one -- two -- five -- merge -- six
    ///   \-- three -- four --/
    /// ```
    fn new(format: &str) -> World {
        let world = World { root: tempfile::tempdir().unwrap() };
        let format = format!("--object-format={format}");
        run_git(world.root.path(), &["init", "-q", "--bare", "-b", "main", &format, "config.git"]);
        run_git(&world.bare(), &["config", "uploadpack.allowFilter", "true"]);
        run_git(world.root.path(), &["init", "-q", "-b", "main", &format, "work"]);
        world.commit("one");
        run_git(&world.work(), &["branch", "side"]);
        world.commit("two");
        run_git(&world.work(), &["checkout", "-q", "side"]);
        world.commit("three");
        world.commit("four");
        run_git(&world.work(), &["checkout", "-q", "main"]);
        world.commit("five");
        run_git(&world.work(), &["merge", "-q", "--no-ff", "-m", "merge", "side"]);
        world.commit("six");
        world.push();
        world
    }

    fn bare(&self) -> PathBuf {
        self.root.path().join("config.git")
    }

    fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    fn commit(&self, message: &str) {
        fs::write(self.work().join(message), message).unwrap();
        run_git(&self.work(), &["add", "-A"]);
        run_git(&self.work(), &["commit", "-q", "-m", message, "-m", "Body."]);
    }

    fn push(&self) {
        run_git(&self.work(), &["push", "-q", "--force", "../config.git", "HEAD:main"]);
    }

    fn of_bare(&self) -> Box<dyn ConfigRepo> {
        open(&self.bare().to_string_lossy(), &Options::default())
    }
}

fn open(text: &str, options: &Options) -> Box<dyn ConfigRepo> {
    git::open(&Location::parse(text).unwrap(), None, options).unwrap()
}

/// The first lines of what is said, but for those that are not kept.
fn first_line(message: &str) -> Option<String> {
    assert!(message == "merge\n" || message.ends_with("\n\nBody.\n"), "{message:?}");
    message.lines().next().filter(|line| *line != "two").map(str::to_owned)
}

fn past(repo: &dyn ConfigRepo, limit: usize) -> Result<Past, RepoError> {
    let snapshot = repo.snapshot().unwrap();
    repo.past(snapshot.head(), limit, &first_line)
}

fn said(repo: &dyn ConfigRepo, limit: usize) -> Vec<String> {
    past(repo, limit).unwrap().commits.into_iter().map(|commit| commit.said).collect()
}

/// All of these are of one second. `five` is of a newer state of the branch than `four`, which came in later.
const ALL: [&str; 6] = ["six", "merge", "four", "three", "five", "one"];

#[test]
fn commits_stand_in_the_order_of_the_history_whatever_is_kept() {
    for format in ["sha1", "sha256"] {
        let world = World::new(format);
        assert_eq!(said(&*world.of_bare(), 100), ALL, "{format}");
        assert_eq!(said(&*open(&world.work().to_string_lossy(), &Options::default()), 100), ALL, "a checkout");
        let first = past(&*world.of_bare(), 100).unwrap().commits.remove(0);
        assert_eq!(first.id, run_git(&world.bare(), &["rev-parse", "main"]));
        assert_eq!((first.author.as_str(), first.time), ("Somebody", 1_600_000_000));
    }
}

#[test]
fn a_head_that_is_no_longer_the_branchs_is_what_is_asked_about() {
    let world = World::new("sha1");
    let repo = world.of_bare();
    let head = repo.snapshot().unwrap().head().cloned();
    world.commit("seven");
    world.push();
    assert_eq!(repo.past(head.as_ref(), 100, &first_line).unwrap().commits.len(), 6);
    assert_eq!(said(&*repo, 100)[0], "seven");
}

#[test]
fn no_more_commits_are_looked_at_than_allowed() {
    let world = World::new("sha1");
    let repo = world.of_bare();
    assert_eq!(said(&*repo, 7), ALL);
    let head = repo.snapshot().unwrap().head().cloned();
    let looked_at = |limit| repo.past(head.as_ref(), limit, &|_| Some(String::new())).unwrap().commits.len();
    assert_eq!([8, 7, 6, 3].map(looked_at), [7, 7, 6, 3]);
    assert_eq!(said(&*repo, 2), ["six", "merge"]);
    assert_eq!(said(&*repo, 1), ["six"]);
    assert_eq!(said(&*repo, 0), [""; 0]);
}

#[test]
fn a_clone_that_is_cut_off_has_no_past_beyond_what_is_asked() {
    let world = World::new("sha1");
    let url = format!("file://{}", world.bare().display());
    run_git(world.root.path(), &["clone", "-q", "--depth", "2", &url, "cut"]);
    let repo = open(&world.root.path().join("cut").to_string_lossy(), &Options::default());
    let error = past(&*repo, 100).unwrap_err();
    assert!(error.message.contains("is a shallow clone"), "{error}");
    assert_eq!(error.hint.unwrap(), "`git fetch --unshallow` gets the rest, in CI a checkout with `fetch-depth: 0`");
    assert_eq!(said(&*repo, 2), ["six", "merge"], "these are there");
    assert!(past(&*repo, 3).is_err());
    run_git(&world.root.path().join("cut"), &["fetch", "-q", "--unshallow"]);
    assert_eq!(said(&*repo, 100), ALL);
}

#[test]
fn a_commit_that_is_missing_or_too_large_is_an_error() {
    let world = World::new("sha1");
    let bare = world.bare();
    let lost = run_git(&bare, &["rev-parse", "main~1"]);
    let loose = bare.join("objects").join(&lost[..2]).join(&lost[2..]);
    assert!(loose.exists(), "a push of so few objects is unpacked");
    fs::remove_file(loose).unwrap();
    let error = past(&*world.of_bare(), 100).unwrap_err();
    assert!(error.message.contains(&format!("commit {lost}")), "{error}");

    let world = World::new("sha1");
    let text = world.root.path().join("text");
    for (bytes, fits) in [(15 << 20, true), (17 << 20, false)] {
        fs::write(&text, "x\n\nBody.\n".repeat(bytes / 9)).unwrap();
        run_git(&world.work(), &["commit", "-q", "--allow-empty", "--cleanup=verbatim", "-F", &text.to_string_lossy()]);
        world.push();
        let found = past(&*world.of_bare(), 100);
        assert_eq!(found.is_ok(), fits, "{found:?}");
    }
}

/// How many objects of each type the caches hold.
fn fetched(caches: &Path) -> Vec<String> {
    let mut types = Vec::new();
    for cache in fs::read_dir(caches).unwrap().flatten() {
        let generations = fs::read_dir(cache.path()).unwrap().flatten().filter(|entry| entry.path().is_dir());
        for generation in generations {
            let all = ["cat-file", "--batch-all-objects", "--batch-check=%(objecttype)"];
            types.extend(run_git(&generation.path(), &all).lines().map(str::to_owned));
        }
    }
    types.sort();
    types
}

/// The same on every server: the answer, that it is kept, and that what is new is added.
fn conversation(world: &World, repo: &dyn ConfigRepo, caches: &Path) {
    assert_eq!(said(repo, 100), ALL);
    let commits = fetched(caches).iter().filter(|kind| *kind == "commit").count();
    assert_eq!(commits, 1 + 7, "one of the snapshot, seven of the history");
    let trees = fetched(caches).iter().filter(|kind| *kind == "tree").count();
    assert_eq!(trees, 1, "the snapshot's alone");
    world.commit("seven");
    world.push();
    assert_eq!(said(repo, 3), ["seven", "six", "merge"]);
}

#[test]
fn a_server_is_asked_for_commits_alone_and_once() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    for version_2 in [true, false] {
        let world = World::new("sha1");
        let caches = tempfile::tempdir().unwrap();
        let server = HttpServer::speaking(world.root.path(), version_2);
        let options = Options {
            cache_dir: Some(caches.path().to_owned()),
            login: Some(Login { user: Some("reader".to_owned()), secret: Secret::new(TOKEN) }),
            ..Options::default()
        };
        let repo = open(&format!("http://127.0.0.1:{}/config.git", server.port), &options);
        conversation(&world, &*repo, caches.path());
        let snapshot = repo.snapshot().unwrap();
        let asked = server.requests().len();
        assert_eq!(repo.past(snapshot.head(), 100, &first_line).unwrap().commits.len(), 7);
        assert_eq!(server.requests().len(), asked, "what is there is not asked for");
        drop(server);
        assert!(repo.past(snapshot.head(), 100, &first_line).is_ok());
        assert!(repo.past(Some(&CommitId("1".repeat(40))), 100, &first_line).is_err(), "nobody can be asked");
    }
}

#[test]
fn a_server_is_asked_over_ssh() {
    if !available(SSH_PROGRAMS) {
        return;
    }
    let world = World::new("sha1");
    let caches = tempfile::tempdir().unwrap();
    let server = SshServer::start(true);
    let ssh = Ssh { private_key: Secret::new(server.key.as_str()), known_hosts: server.known_hosts.clone() };
    let options = Options { cache_dir: Some(caches.path().to_owned()), ssh: Some(ssh), ..Options::default() };
    conversation(&world, &*open(&server.url(&world.bare()), &options), caches.path());
}
