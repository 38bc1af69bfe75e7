//! Histories for `select: commit`, from servers that people really run: `git http-backend` behind nginx, and OpenSSH. What counts
//! beside the right answer is what was not fetched. Skipped where the programs are missing, unless LANDWAITER_REAL_SERVERS=1.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files and may panic")]

#[expect(dead_code, reason = "nothing is published here")]
#[path = "support/repos.rs"]
mod repos;
#[expect(dead_code, reason = "only a part of what the servers can be asked is asked here")]
#[path = "support/servers.rs"]
mod servers;

use landwaiter::git::history::Limits;
use landwaiter::git::{Histories, Options, Ssh, Timeouts};
use landwaiter::port::*;
use landwaiter::version::history::History;
use repos::run_git;
use servers::{HTTP_PROGRAMS, HttpServer, SSH_PROGRAMS, SshServer, TOKEN, available};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A bare repository `web.git` with some merges, a checkout `work` to push from, and a cache.
struct World {
    root: tempfile::TempDir,
    cache: tempfile::TempDir,
}

impl World {
    fn new(format: &str, filters: bool) -> World {
        let world = World { root: tempfile::tempdir().unwrap(), cache: tempfile::tempdir().unwrap() };
        let format = format!("--object-format={format}");
        run_git(world.root.path(), &["init", "-q", "--bare", "-b", "main", &format, "web.git"]);
        run_git(&world.bare(), &["config", "uploadpack.allowFilter", &filters.to_string()]);
        run_git(world.root.path(), &["init", "-q", "-b", "main", &format, "work"]);
        world.commit("one");
        world.commit("two");
        run_git(&world.work(), &["checkout", "-q", "-b", "feature"]);
        world.commit("three");
        world.commit("four");
        run_git(&world.work(), &["checkout", "-q", "main"]);
        world.commit("five");
        run_git(&world.work(), &["merge", "-q", "--no-ff", "-m", "merge", "feature"]);
        run_git(&world.work(), &["tag", "-a", "-m", "annotated", "v1"]);
        world.push();
        world
    }

    fn bare(&self) -> PathBuf {
        self.root.path().join("web.git")
    }

    fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    fn commit(&self, name: &str) {
        fs::create_dir_all(self.work().join("src")).unwrap();
        fs::write(self.work().join("src").join(name), name.repeat(5_000)).unwrap();
        run_git(&self.work(), &["add", "-A"]);
        run_git(&self.work(), &["commit", "-q", "-m", name]);
    }

    fn push(&self) {
        run_git(&self.work(), &["push", "-q", "--force", "../web.git", "HEAD:main"]);
    }

    fn ids(&self) -> Vec<String> {
        run_git(&self.bare(), &["rev-list", "main"]).lines().map(str::to_owned).collect()
    }

    fn options(&self) -> Options {
        let silence = Duration::from_secs(20);
        Options {
            cache_dir: Some(self.cache.path().to_owned()),
            login: Some(Login { user: Some("reader".to_owned()), secret: Secret::new(TOKEN) }),
            timeouts: Timeouts { connect: Duration::from_secs(10), silence, whole: Duration::from_secs(60) },
            ..Options::default()
        }
    }

    /// How many objects of each type the caches hold.
    fn fetched(&self) -> BTreeMap<String, usize> {
        let mut types = BTreeMap::new();
        for cache in fs::read_dir(self.cache.path()).unwrap().flatten() {
            for generation in fs::read_dir(cache.path()).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
                let all = ["cat-file", "--batch-all-objects", "--batch-check=%(objecttype)"];
                for kind in run_git(&generation.path(), &all).lines() {
                    *types.entry(kind.to_owned()).or_default() += 1;
                }
            }
        }
        types
    }

    /// The answer is right, and ordered as promised.
    fn check(&self, history: &History) {
        let ids: Vec<String> = history.ids().iter().map(ToString::to_string).collect();
        let (mut sorted, mut expected) = (ids.clone(), self.ids());
        assert_eq!(ids[0], expected[0], "the head comes first");
        sorted.sort();
        expected.sort();
        assert_eq!(sorted, expected);
        let first_parents = run_git(&self.bare(), &["rev-list", "--first-parent", "main"]);
        let places: Vec<usize> =
            first_parents.lines().map(|id| ids.iter().position(|other| other == id).unwrap()).collect();
        assert!(places.is_sorted());
    }
}

fn only_commits(count: usize) -> BTreeMap<String, usize> {
    [("commit".to_owned(), count)].into()
}

fn histories(options: Options, limits: Limits) -> Histories {
    Histories::new(Box::new(move |_| Ok(options.clone())), limits)
}

fn ask(url: &str, options: Options) -> Result<History, SourceError> {
    histories(options, Limits::default()).history(url, "main")
}

fn url(server: &HttpServer) -> String {
    format!("http://127.0.0.1:{}/web.git", server.port)
}

#[test]
fn commits_and_nothing_else_are_fetched_over_http_in_both_versions_of_the_protocol() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    for version_2 in [true, false] {
        let world = World::new("sha1", true);
        let server = HttpServer::speaking(world.root.path(), version_2);
        world.check(&ask(&url(&server), world.options()).unwrap());
        assert_eq!(world.fetched(), only_commits(6), "version 2: {version_2}");
    }
}

#[test]
fn commits_and_nothing_else_are_fetched_over_https_and_with_sha256() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::new("sha256", true);
    let server = HttpServer::start(world.root.path());
    let options = Options { ca_pem: Some(server.ca_pem.clone()), ..world.options() };
    let url = format!("https://localhost:{}/web.git", server.tls_port);
    world.check(&ask(&url, options).unwrap());
    assert_eq!(world.fetched(), only_commits(6));
}

#[test]
fn commits_and_nothing_else_are_fetched_over_ssh_in_both_versions_of_the_protocol() {
    if !available(SSH_PROGRAMS) {
        return;
    }
    for version_2 in [true, false] {
        let world = World::new("sha1", true);
        let server = SshServer::start(version_2);
        let ssh = Ssh { private_key: Secret::new(server.key.as_str()), known_hosts: server.known_hosts.clone() };
        let options = Options { ssh: Some(ssh), login: None, ..world.options() };
        world.check(&ask(&server.url(&world.bare()), options).unwrap());
        assert_eq!(world.fetched(), only_commits(6), "version 2: {version_2}");
    }
}

#[test]
fn a_server_without_filters_sends_files_too_and_the_answer_is_the_same() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::new("sha1", false);
    let server = HttpServer::start(world.root.path());
    world.check(&ask(&url(&server), world.options()).unwrap());
    let fetched = world.fetched();
    assert_eq!((fetched["commit"], fetched["blob"]), (6, 5));
    world.commit("six");
    world.push();
    world.check(&ask(&url(&server), world.options()).unwrap());
    assert_eq!(world.fetched()["blob"], 6);
}

#[test]
fn a_later_run_fetches_what_is_new() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::new("sha1", true);
    let server = HttpServer::start(world.root.path());
    let posts = || server.requests().iter().filter(|line| line.starts_with("POST")).count();
    world.check(&ask(&url(&server), world.options()).unwrap());
    assert_eq!(posts(), 2, "where the branch is, and its commits");
    world.check(&ask(&url(&server), world.options()).unwrap());
    assert_eq!(posts(), 3, "where the branch is");
    world.commit("six");
    world.push();
    world.check(&ask(&url(&server), world.options()).unwrap());
    assert_eq!(posts(), 5);
    assert_eq!(world.fetched(), only_commits(7), "in one cache");
    let packs = run_git(&generation(&world), &["count-objects", "-v"]);
    assert!(packs.contains("in-pack: 7") && packs.contains("packs: 2"), "nothing came twice: {packs}");
    assert!(server.requests().iter().all(|line| !line.ends_with(" 401")), "no round trip is spent on credentials");
}

fn generation(world: &World) -> PathBuf {
    let cache = fs::read_dir(world.cache.path()).unwrap().next().unwrap().unwrap().path();
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u64>().ok();
    let entries = fs::read_dir(cache).unwrap().flatten().map(|entry| entry.path());
    // One that was replaced may be on its way out.
    entries.filter(|path| path.is_dir()).max_by_key(number).unwrap()
}

#[test]
fn a_branch_that_was_rewritten_has_the_history_it_has_now() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::new("sha1", true);
    let server = HttpServer::start(world.root.path());
    world.check(&ask(&url(&server), world.options()).unwrap());
    run_git(&world.work(), &["reset", "-q", "--hard", "HEAD~2"]);
    world.commit("instead");
    world.push();
    run_git(&world.bare(), &["reflog", "expire", "--expire=now", "--all"]);
    run_git(&world.bare(), &["gc", "-q", "--prune=now"]);
    world.check(&ask(&url(&server), world.options()).unwrap());
    run_git(&world.work(), &["reset", "-q", "--hard", "HEAD~1"]);
    world.push();
    world.check(&ask(&url(&server), world.options()).unwrap());
}

#[test]
fn a_broken_cache_is_replaced() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::new("sha1", true);
    let server = HttpServer::start(world.root.path());
    world.check(&ask(&url(&server), world.options()).unwrap());
    let packs = generation(&world).join("objects/pack");
    for file in fs::read_dir(&packs).unwrap().flatten() {
        fs::remove_file(file.path()).unwrap();
    }
    world.check(&ask(&url(&server), world.options()).unwrap());
    fs::write(generation(&world).join("tip"), format!("{}\n", world.ids()[3])).unwrap();
    world.check(&ask(&url(&server), world.options()).unwrap());
    assert_eq!(world.fetched(), only_commits(6), "one generation is left");
}

#[test]
fn a_server_that_is_away_costs_no_cache() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::new("sha1", true);
    let server = HttpServer::start(world.root.path());
    let url = url(&server);
    world.check(&ask(&url, world.options()).unwrap());
    drop(server);
    let error = ask(&url, world.options()).unwrap_err();
    assert!(error.retryable, "{error:?}");
    assert_eq!(world.fetched(), only_commits(6));
}

#[test]
fn every_limit_lets_through_what_it_says_and_no_more() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::new("sha1", true);
    let server = HttpServer::start(world.root.path());
    let uncached = Options { cache_dir: None, ..world.options() };
    let ask = |limits| histories(uncached.clone(), limits).history(&url(&server), "main");
    let commits = |commits| ask(Limits { commits, ..Limits::default() });
    world.check(&commits(6).unwrap());
    let error = commits(5).unwrap_err();
    assert!(!error.retryable && error.message.ends_with("has more than 5 commits"), "{error:?}");

    let posts = || server.requests().iter().filter(|line| line.starts_with("POST")).count();
    let (few, before) = (Limits { commits: 5, ..Limits::default() }, posts());
    for requests in [2, 3] {
        histories(world.options(), few).history(&url(&server), "main").unwrap_err();
        assert_eq!(posts() - before, requests, "too many are fetched once, not in every run");
    }

    self::ask(&url(&server), world.options()).unwrap();
    let pack = fs::read_dir(generation(&world).join("objects/pack")).unwrap().flatten();
    let pack = pack.map(|file| file.path()).find(|path| path.extension().is_some_and(|end| end == "pack")).unwrap();
    let length = pack.metadata().unwrap().len();
    let bytes = |bytes| ask(Limits { bytes, ..Limits::default() });
    world.check(&bytes(length + 1).unwrap());
    let error = bytes(length).unwrap_err();
    assert!(error.message.contains(&format!("more than {length} bytes")), "{error:?}");

    let error = ask(Limits { time: Duration::ZERO, ..Limits::default() }).unwrap_err();
    assert!(error.retryable, "{error:?}");
}

#[test]
fn a_cache_that_has_grown_too_large_is_begun_anew() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::new("sha1", true);
    let server = HttpServer::start(world.root.path());
    ask(&url(&server), world.options()).unwrap();
    world.commit("six");
    world.push();
    ask(&url(&server), world.options()).unwrap();
    let packs = || fs::read_dir(generation(&world).join("objects/pack")).unwrap().flatten();
    let lasting = |file: &fs::DirEntry| file.path().extension().is_some_and(|end| end == "pack" || end == "idx");
    let together: u64 = packs().filter(lasting).map(|file| file.metadata().unwrap().len()).sum();
    let history = histories(world.options(), Limits { bytes: together - 1, ..Limits::default() });
    world.check(&history.history(&url(&server), "main").unwrap());
    let count = packs().filter(|file| file.path().extension().is_some_and(|end| end == "pack")).count();
    assert_eq!(count, 1);
}

#[test]
fn a_history_that_is_cut_off_is_no_answer() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::new("sha1", true);
    let from = format!("file://{}", world.bare().display());
    run_git(world.root.path(), &["clone", "-q", "--bare", "--depth", "2", &from, "cut.git"]);
    run_git(&world.root.path().join("cut.git"), &["config", "uploadpack.allowFilter", "true"]);
    let server = HttpServer::start(world.root.path());
    let url = format!("http://127.0.0.1:{}/cut.git", server.port);
    let error = ask(&url, world.options()).unwrap_err();
    assert!(error.message.contains("cannot be read"), "{error:?}");
}

#[test]
fn what_is_not_there_or_not_allowed_is_named() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::new("sha1", true);
    let server = HttpServer::start(world.root.path());
    let at = |path: &str| format!("http://127.0.0.1:{}/{path}", server.port);
    let refused = histories(world.options(), Limits::default()).history(&url(&server), "other").unwrap_err();
    assert_eq!(refused.to_string(), format!("{} has no branch other (there is main)", url(&server)));
    assert!(!refused.retryable);
    let missing = ask(&at("missing.git"), world.options()).unwrap_err();
    assert!(missing.message.contains("no such repository (404)") && !missing.retryable, "{missing:?}");
    let wrong = Login { user: Some("reader".to_owned()), secret: Secret::new("wr0ng") };
    let error = ask(&url(&server), Options { login: Some(wrong), ..world.options() }).unwrap_err();
    assert!(error.message.contains("does not accept the credentials (401)"), "{error:?}");
    assert!(!format!("{error:?}").contains("wr0ng"));
    let barred = Histories::new(
        Box::new(|_| Err(RepoError { message: "not this one".to_owned(), hint: None, retryable: false })),
        Limits::default(),
    );
    let before = server.requests().len();
    assert_eq!(barred.history(&url(&server), "main").unwrap_err().message, "not this one");
    assert_eq!(server.requests().len(), before, "nobody was asked");
}

/// Counts who comes, and answers each with `answer`.
fn listener(answer: String) -> (u16, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, visitors) = (listener.local_addr().unwrap().port(), Arc::new(AtomicU32::new(0)));
    let counted = visitors.clone();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = client.read(&mut [0; 4096]);
            let _ = client.write_all(answer.as_bytes());
        }
    });
    (port, visitors)
}

#[test]
fn no_redirect_is_followed() {
    let cache = tempfile::tempdir().unwrap();
    for login in [None, Some(Login { user: Some("bot".to_owned()), secret: Secret::new("s3cret") })] {
        let (elsewhere, visitors) = listener("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned());
        let to = format!("http://127.0.0.1:{elsewhere}/web.git/info/refs?service=git-upload-pack");
        let answer = format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let (port, asked) = listener(answer);
        let options = Options { login, cache_dir: Some(Path::to_owned(cache.path())), ..Options::default() };
        let error = ask(&format!("http://127.0.0.1:{port}/web.git"), options).unwrap_err();
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{error:?}");
        assert_eq!(visitors.load(Ordering::SeqCst), 0, "{error:?}");
        assert!(error.to_string().contains("redirects"), "{error:?}");
    }
}
