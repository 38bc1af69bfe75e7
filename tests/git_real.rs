//! The same promises as in `git.rs`, against servers that people really run: `git http-backend` behind nginx (plain on
//! loopback, and TLS), and OpenSSH. Skipped where the programs are missing, unless LANDWAITER_REAL_SERVERS=1.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files and may panic")]

#[path = "support/repos.rs"]
mod repos;
#[path = "support/servers.rs"]
mod servers;

use landwaiter::git::{self, Location, Options, Ssh, Timeouts};
use landwaiter::port::*;
use repos::{contents, fsck, publication, run_git};
use servers::{HTTP_PROGRAMS, HttpServer, SSH_PROGRAMS, SshServer, TOKEN, available};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A bare repository `config.git` with one commit, and a checkout `work` to push from.
struct World {
    root: tempfile::TempDir,
}

impl World {
    fn new() -> World {
        World::with("sha1")
    }

    fn with(format: &str) -> World {
        let world = World { root: tempfile::tempdir().unwrap() };
        let format = format!("--object-format={format}");
        run_git(world.root.path(), &["init", "-q", "--bare", "-b", "main", &format, "config.git"]);
        run_git(&world.bare(), &["config", "http.receivepack", "true"]);
        run_git(world.root.path(), &["init", "-q", "-b", "main", &format, "work"]);
        for number in 0..5 {
            let text = format!("image: acme/web:1.0.{number}\n");
            fs::write(world.work().join(format!("{number}.yaml")), text).unwrap();
        }
        world.push("first");
        world
    }

    fn bare(&self) -> PathBuf {
        self.root.path().join("config.git")
    }

    fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// Commits what the checkout holds and pushes it past us.
    fn push(&self, message: &str) {
        run_git(&self.work(), &["add", "-A"]);
        run_git(&self.work(), &["commit", "-q", "-m", message]);
        run_git(&self.work(), &["push", "-q", "../config.git", "HEAD:main"]);
    }

    /// Somebody else's commit.
    fn somebody_pushes(&self, path: &str, text: &str) {
        run_git(&self.work(), &["pull", "-q", "../config.git", "main"]);
        fs::write(self.work().join(path), text).unwrap();
        self.push(text);
    }

    fn head(&self) -> String {
        run_git(&self.bare(), &["rev-parse", "main"])
    }

    fn hook(&self, name: &str, script: &str) {
        let path = self.bare().join("hooks").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

fn login(user: &str, secret: &str) -> Option<Login> {
    Some(Login { user: Some(user.to_owned()), secret: Secret::new(secret) })
}

fn as_writer() -> Options {
    Options { login: login("writer", TOKEN), timeouts: quick(), ..Options::default() }
}

fn quick() -> Timeouts {
    Timeouts { connect: Duration::from_secs(10), silence: Duration::from_secs(20), whole: Duration::from_secs(60) }
}

fn with_key(server: &SshServer) -> Options {
    Options {
        ssh: Some(Ssh { private_key: Secret::new(server.key.as_str()), known_hosts: server.known_hosts.clone() }),
        timeouts: quick(),
        ..Options::default()
    }
}

fn open(url: &str, branch: Option<&str>, options: &Options) -> Box<dyn ConfigRepo> {
    git::open(&Location::parse(url).unwrap(), branch, options).unwrap()
}

fn failure(url: &str, branch: Option<&str>, options: &Options) -> RepoError {
    match git::open(&Location::parse(url).unwrap(), branch, options) {
        Ok(repo) => repo.snapshot().err().unwrap(),
        Err(error) => error,
    }
}

fn plain(server: &HttpServer) -> String {
    format!("http://127.0.0.1:{}/config.git", server.port)
}

/// The whole conversation, for every server the same: read, publish, read again, see others' commits, lose a race.
fn conversation(world: &World, repo: &dyn ConfigRepo) {
    let snapshot = repo.snapshot().unwrap();
    assert_eq!(snapshot.branch(), Some("main"));
    assert_eq!(snapshot.head().unwrap().0, world.head());
    let read = contents(&*snapshot);
    assert_eq!(read.len(), 5);
    assert_eq!(read["3.yaml"], b"image: acme/web:1.0.3\n");

    let published = repo.publish(&publication(&*snapshot, &[("3.yaml", b"image: acme/web:2.0.0\n")])).unwrap();
    assert_eq!(published.commits[0].0, world.head());
    fsck(&world.bare());
    let again = repo.snapshot().unwrap();
    assert_eq!(again.read_one("3.yaml").unwrap().unwrap(), b"image: acme/web:2.0.0\n");

    world.somebody_pushes("4.yaml", "image: acme/web:3.0.0\n");
    let late = repo.publish(&publication(&*again, &[("0.yaml", b"late\n")]));
    let found = Some(CommitId(world.head()));
    assert_eq!(late, Err(PublishError::Moved { found }));
    let third = repo.snapshot().unwrap();
    assert_eq!(third.read_one("4.yaml").unwrap().unwrap(), b"image: acme/web:3.0.0\n");
    assert_eq!(third.read_one("3.yaml").unwrap().unwrap(), b"image: acme/web:2.0.0\n");
    repo.publish(&publication(&*third, &[("0.yaml", b"in time\n")])).unwrap();
    // The older snapshot can still be read, whatever became of the cache.
    assert_eq!(snapshot.read_one("3.yaml").unwrap().unwrap(), b"image: acme/web:1.0.3\n");

    // What an earlier commit held and a later one holds again comes complete.
    world.somebody_pushes("3.yaml", "image: acme/web:1.0.3\n");
    let back = repo.snapshot().unwrap();
    assert_eq!(contents(&*back)["3.yaml"], b"image: acme/web:1.0.3\n");
    assert_eq!(run_git(&world.bare(), &["rev-list", "--merges", "main"]), "", "linear");
    fsck(&world.bare());
}

#[test]
fn the_conversation_over_http_in_both_versions_of_the_protocol() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    for version_2 in [true, false] {
        let world = World::new();
        let server = HttpServer::speaking(world.root.path(), version_2);
        conversation(&world, &*open(&plain(&server), None, &as_writer()));
    }
}

#[test]
fn the_conversation_over_https_with_a_kept_cache_and_sha256() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::with("sha256");
    let server = HttpServer::start(world.root.path());
    let cache = tempfile::tempdir().unwrap();
    let options =
        Options { ca_pem: Some(server.ca_pem.clone()), cache_dir: Some(cache.path().to_owned()), ..as_writer() };
    let url = format!("https://localhost:{}/config.git", server.tls_port);
    conversation(&world, &*open(&url, Some("main"), &options));
}

#[test]
fn a_certificate_of_nobody_is_not_trusted() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::new();
    let server = HttpServer::start(world.root.path());
    let url = format!("https://localhost:{}/config.git", server.tls_port);
    let error = failure(&url, None, &as_writer());
    assert!(error.message.to_lowercase().contains("certificate"), "{error:?}");
    assert!(server.requests().is_empty());
}

#[test]
fn the_conversation_over_ssh_in_both_versions_of_the_protocol() {
    if !available(SSH_PROGRAMS) {
        return;
    }
    for version_2 in [true, false] {
        let world = World::new();
        let server = SshServer::start(version_2);
        conversation(&world, &*open(&server.url(&world.bare()), None, &with_key(&server)));
    }
}

#[test]
fn nothing_is_fetched_that_is_known() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::new();
    let server = HttpServer::start(world.root.path());
    let cache = tempfile::tempdir().unwrap();
    let options = Options { cache_dir: Some(cache.path().to_owned()), ..as_writer() };
    let requests = |what: &str| server.requests().iter().filter(|line| line.contains(what)).count();
    let repo = open(&plain(&server), Some("main"), &options);
    let snapshot = repo.snapshot().unwrap();
    assert_eq!(requests("POST /config.git/git-upload-pack 200"), 2, "ls-refs and fetch");
    repo.publish(&publication(&*snapshot, &[("0.yaml", b"x\n")])).unwrap();
    repo.snapshot().unwrap();
    assert_eq!(requests("POST /config.git/git-upload-pack 200"), 3, "what was pushed is known");
    drop(snapshot);
    drop(repo);
    open(&plain(&server), Some("main"), &options).snapshot().unwrap();
    assert_eq!(requests("POST /config.git/git-upload-pack 200"), 4, "the cache is kept");
    assert_eq!(requests(" 401"), 0, "no round trip is spent on asking for credentials");
}

#[test]
fn a_broken_cache_is_thrown_away() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::new();
    let server = HttpServer::start(world.root.path());
    let cache = tempfile::tempdir().unwrap();
    let options = Options { cache_dir: Some(cache.path().to_owned()), ..as_writer() };
    let repository = || open(&plain(&server), Some("main"), &options);
    repository().snapshot().unwrap();
    for damage in [&|path: &Path| fs::write(path, b"PACK").unwrap(), &|path: &Path| fs::remove_file(path).unwrap()]
        as [&dyn Fn(&Path); 2]
    {
        for file in packs(cache.path()) {
            fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
            damage(&file);
        }
        let snapshot = repository().snapshot().unwrap();
        assert_eq!(contents(&*snapshot).len(), 5);
    }
}

/// Every pack below the directory.
fn packs(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for item in fs::read_dir(directory).unwrap().flatten() {
        let path = item.path();
        if path.is_dir() {
            found.extend(packs(&path));
        } else if path.extension().is_some_and(|extension| extension == "pack") {
            found.push(path);
        }
    }
    found
}

/// How many objects a pack says it has.
fn objects_in(pack: &Path) -> u32 {
    let bytes = fs::read(pack).unwrap();
    u32::from_be_bytes(*bytes[8..].first_chunk().unwrap())
}

#[test]
fn a_change_of_one_file_brings_that_file_and_the_directories_above_it() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::new();
    for number in 0..400 {
        let folder = world.work().join(format!("apps/{}", number % 40));
        fs::create_dir_all(&folder).unwrap();
        let text: String = (0..50).map(|line| format!("key-{line}: {}\n", number * 7_919 + line * 104_729)).collect();
        fs::write(folder.join(format!("{number}.yaml")), text).unwrap();
    }
    world.push("many");
    let server = HttpServer::start(world.root.path());
    let cache = tempfile::tempdir().unwrap();
    let options = Options { cache_dir: Some(cache.path().to_owned()), ..as_writer() };
    let repo = open(&plain(&server), Some("main"), &options);
    assert_eq!(repo.snapshot().unwrap().files().len(), 405);
    let before = packs(cache.path());
    world.somebody_pushes("apps/7/7.yaml", "changed: true\n");
    let snapshot = repo.snapshot().unwrap();
    assert_eq!(snapshot.read_one("apps/7/7.yaml").unwrap().unwrap(), b"changed: true\n");
    let new: Vec<PathBuf> = packs(cache.path()).into_iter().filter(|pack| !before.contains(pack)).collect();
    assert_eq!(new.len(), 1);
    let objects = objects_in(&new[0]);
    assert!(
        objects <= 8,
        "{objects}: the commit, three directories, the file, and what some of them are told as differences from"
    );
    let bytes = fs::metadata(&new[0]).unwrap().len();
    assert!(bytes < 3_000, "{bytes} bytes, of which the names in two directories are nearly all");
}

#[test]
fn what_a_server_refuses_does_not_stay_in_the_cache() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::new();
    let server = HttpServer::start(world.root.path());
    let cache = tempfile::tempdir().unwrap();
    let options = Options { cache_dir: Some(cache.path().to_owned()), ..as_writer() };
    let repo = open(&plain(&server), Some("main"), &options);
    let edit = |text: &str| publication(&*repo.snapshot().unwrap(), &[("0.yaml", text.as_bytes())]);
    repo.publish(&edit("a\n")).unwrap();
    let before = packs(cache.path());
    world.hook("pre-receive", "exit 1");
    assert!(matches!(repo.publish(&edit("b\n")), Err(PublishError::Refused { .. })));
    assert_eq!(packs(cache.path()), before);
    world.hook("pre-receive", "exit 0");
    repo.publish(&edit("b\n")).unwrap();
    assert_eq!(packs(cache.path()).len(), before.len() + 1);
    assert_eq!(contents(&*repo.snapshot().unwrap())["0.yaml"], b"b\n");
    fsck(&world.bare());
}

/// `LANDWAITER_ROUNDS=1000` makes more of them.
#[test]
fn the_cache_stays_bounded() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::new();
    let server = HttpServer::start(world.root.path());
    let cache = tempfile::tempdir().unwrap();
    let options = Options { cache_dir: Some(cache.path().to_owned()), ..as_writer() };
    let repo = open(&plain(&server), Some("main"), &options);
    let rounds = std::env::var("LANDWAITER_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(60);
    for round in 0..rounds {
        let snapshot = repo.snapshot().unwrap();
        let text = format!("round: {round}\n");
        repo.publish(&publication(&*snapshot, &[("0.yaml", text.as_bytes())])).unwrap();
    }
    assert!(packs(cache.path()).len() < 50, "{}", packs(cache.path()).len());
    let snapshot = repo.snapshot().unwrap();
    assert_eq!(contents(&*snapshot)["0.yaml"], format!("round: {}\n", rounds - 1).into_bytes());
    assert_eq!(run_git(&world.bare(), &["rev-list", "--count", "main"]), (rounds + 1).to_string());
}

#[test]
fn a_hook_that_refuses_is_quoted() {
    if !available(HTTP_PROGRAMS) || !available(SSH_PROGRAMS) {
        return;
    }
    let world = World::new();
    world.hook("pre-receive", "echo 'policy 7: no robots on friday' >&2; exit 1");
    let (http, ssh) = (HttpServer::start(world.root.path()), SshServer::start(true));
    let head = world.head();
    for repo in [open(&plain(&http), None, &as_writer()), open(&ssh.url(&world.bare()), None, &with_key(&ssh))] {
        let edit = publication(&*repo.snapshot().unwrap(), &[("0.yaml", b"x\n")]);
        let Err(PublishError::Refused { reason, messages }) = repo.publish(&edit) else {
            panic!("the hook refuses");
        };
        assert_eq!(reason, "pre-receive hook declined");
        assert_eq!(messages, ["policy 7: no robots on friday"]);
    }
    assert_eq!(world.head(), head);
}

#[test]
fn what_a_hook_says_of_a_push_it_lets_pass_is_kept() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::new();
    world.hook("post-receive", "echo 'see https://ci.example.com/1' >&2");
    let server = HttpServer::start(world.root.path());
    let repo = open(&plain(&server), None, &as_writer());
    let edit = publication(&*repo.snapshot().unwrap(), &[("0.yaml", b"x\n")]);
    assert_eq!(repo.publish(&edit).unwrap().messages, ["see https://ci.example.com/1"]);
}

#[test]
fn a_race_lost_after_the_server_has_shown_its_refs_is_a_lost_race() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::new();
    let server = HttpServer::start(world.root.path());
    let repo = open(&plain(&server), None, &as_writer());
    let edit = publication(&*repo.snapshot().unwrap(), &[("0.yaml", b"x\n")]);
    fs::write(world.work().join("1.yaml"), "winner\n").unwrap();
    run_git(&world.work(), &["commit", "-qam", "winner"]);
    run_git(&world.work(), &["push", "-q", "../config.git", "HEAD:winner"]);
    let winner = run_git(&world.bare(), &["rev-parse", "winner"]);
    world.hook("pre-receive", &format!("env -u GIT_QUARANTINE_PATH git update-ref refs/heads/main {winner}"));
    let found = Some(CommitId(winner.clone()));
    assert_eq!(repo.publish(&edit), Err(PublishError::Moved { found }));
    assert_eq!(world.head(), winner);
}

#[test]
fn refused_credentials_and_missing_rights_are_told_apart() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::new();
    let server = HttpServer::start(world.root.path());
    let host = format!("127.0.0.1:{}", server.port);
    let options = |login| Options { login, ..as_writer() };
    let wrong = failure(&plain(&server), None, &options(login("writer", "wr0ng")));
    assert_eq!(wrong.message, format!("{host} does not accept the credentials (401)"));
    assert!(!wrong.retryable && !format!("{wrong:?}").contains("wr0ng"));
    let none = failure(&plain(&server), None, &options(None));
    assert_eq!(none.message, format!("{host} wants credentials (401)"));

    let reader = open(&plain(&server), None, &options(login("reader", TOKEN)));
    let edit = publication(&*reader.snapshot().unwrap(), &[("0.yaml", b"x\n")]);
    let Err(PublishError::Refused { reason, .. }) = reader.publish(&edit) else {
        panic!("a reader may not push");
    };
    assert_eq!(reason, format!("{host} refuses access (403)"));
}

#[test]
fn credentials_over_tls_are_judged_too() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::new();
    let server = HttpServer::start(world.root.path());
    let url = format!("https://localhost:{}/config.git", server.tls_port);
    let options = Options { ca_pem: Some(server.ca_pem.clone()), login: login("writer", "wr0ng"), ..as_writer() };
    let error = failure(&url, None, &options);
    let host = format!("localhost:{}", server.tls_port);
    assert_eq!(error.message, format!("{host} does not accept the credentials (401)"));
}

#[test]
fn what_is_not_there_is_named() {
    if !available(HTTP_PROGRAMS) || !available(SSH_PROGRAMS) {
        return;
    }
    let world = World::new();
    run_git(world.root.path(), &["init", "-q", "--bare", "-b", "main", "empty.git"]);
    let (http, ssh) = (HttpServer::start(world.root.path()), SshServer::start(false));
    let base = format!("http://127.0.0.1:{}", http.port);
    let key = with_key(&ssh);
    let ssh_url = |name: &str| ssh.url(&world.root.path().join(name));
    for (url, options) in [(format!("{base}/config.git"), &as_writer()), (ssh_url("config.git"), &key)] {
        let error = failure(&url, Some("nowhere"), options);
        assert_eq!(error.message, format!("{url} has no branch nowhere"));
        assert_eq!(error.hint.as_deref(), Some("there is main"));
    }
    for (url, options) in [(format!("{base}/empty.git"), &as_writer()), (ssh_url("empty.git"), &key)] {
        let error = failure(&url, None, options);
        assert_eq!(error.message, format!("{url} is empty: it has no commit on any branch"));
    }
    let error = failure(&format!("{base}/nothing.git"), None, &as_writer());
    assert!(error.message.ends_with("has no such repository (404)"), "{error:?}");
    let error = failure(&ssh_url("nothing.git"), None, &key);
    assert!(error.message.contains("nothing.git' does not appear to be a git repository"), "{error:?}");
    let error = failure("http://127.0.0.1:1/config.git", None, &as_writer());
    assert!(error.retryable, "{error:?}");
    let error = failure("ssh://git@127.0.0.1:1/config.git", None, &key);
    assert!(error.retryable && error.message.starts_with("127.0.0.1:1 cannot be reached by SSH"), "{error:?}");
}

#[test]
fn an_ssh_server_that_is_not_the_known_one_is_not_talked_to() {
    if !available(SSH_PROGRAMS) {
        return;
    }
    let world = World::new();
    let (server, other) = (SshServer::start(true), SshServer::start(true));
    let url = server.url(&world.bare());
    let with_known = |known_hosts: String| {
        let mut options = with_key(&server);
        options.ssh.as_mut().unwrap().known_hosts = known_hosts;
        failure(&url, None, &options)
    };
    let unknown = with_known(other.known_hosts.clone());
    let fingerprint = &server.fingerprint;
    assert_eq!(unknown.message, format!("the host key {fingerprint} of 127.0.0.1 is not in known_hosts"));
    let theirs = other.known_hosts.replace(&other.port.to_string(), &server.port.to_string());
    let changed = with_known(format!("# mine\n{theirs}"));
    assert_eq!(
        changed.message,
        format!("127.0.0.1 shows the host key {fingerprint}, line 2 of known_hosts has another")
    );
    assert!(!unknown.retryable && !changed.retryable);
}

#[test]
fn ssh_keys_that_cannot_be_used_are_named() {
    if !available(SSH_PROGRAMS) {
        return;
    }
    let world = World::new();
    let server = SshServer::start(true);
    let url = server.url(&world.bare());
    let with_private = |key: &str| {
        let mut options = with_key(&server);
        options.ssh.as_mut().unwrap().private_key = Secret::new(key);
        failure(&url, None, &options).message
    };
    let refused = with_private(&server.stranger);
    assert!(refused.contains("refuses the key SHA256:"), "{refused}");
    assert!(refused.ends_with(&format!(" for {}", server.user)), "{refused}");
    let file = world.root.path().join("rsa").display().to_string();
    servers::make_key("rsa", &file);
    let rsa = with_private(&fs::read_to_string(&file).unwrap());
    assert_eq!(rsa, "the SSH key is an RSA key, which this build does not support");
    let known = fs::read_to_string(format!("{file}.pub")).unwrap();
    let mut options = with_key(&server);
    options.ssh.as_mut().unwrap().known_hosts = format!("[127.0.0.1]:{} {known}", server.port);
    let error = failure(&url, None, &options);
    assert!(error.message.starts_with("known_hosts has only RSA keys for 127.0.0.1"), "{error:?}");
}

#[test]
fn two_writers_on_a_server_lose_no_commit() {
    if !available(HTTP_PROGRAMS) || !available(SSH_PROGRAMS) {
        return;
    }
    const EACH: usize = 8;
    let world = World::new();
    let (http, ssh) = (HttpServer::start(world.root.path()), SshServer::start(true));
    let write = |repo: Box<dyn ConfigRepo>, path: &str| {
        for round in 0..EACH {
            let text = format!("round: {round}\n");
            loop {
                let snapshot = repo.snapshot().unwrap();
                match repo.publish(&publication(&*snapshot, &[(path, text.as_bytes())])) {
                    Ok(_) => break,
                    Err(PublishError::Moved { .. } | PublishError::Unanswered { .. }) => {}
                    Err(PublishError::Repo(error)) if error.retryable => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| write(open(&plain(&http), None, &as_writer()), "0.yaml"));
        scope.spawn(|| write(open(&ssh.url(&world.bare()), None, &with_key(&ssh)), "1.yaml"));
    });
    let count = run_git(&world.bare(), &["rev-list", "--count", "main"]);
    assert_eq!(count, (2 * EACH + 1).to_string());
    assert_eq!(run_git(&world.bare(), &["rev-list", "--merges", "main"]), "", "linear");
    fsck(&world.bare());
}

/// Forwards connections to the port. `answer` is asked for each piece that the server sends, with all that the client has
/// sent on that connection and how much the server has: the piece to pass on; `None` or a shorter one hangs up.
fn proxy(port: u16, answer: impl Fn(&str, usize, &[u8]) -> Option<Vec<u8>> + Clone + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ours = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || forward(client, port, answer));
        }
    });
    ours
}

fn forward(mut client: TcpStream, port: u16, answer: impl Fn(&str, usize, &[u8]) -> Option<Vec<u8>> + Send + 'static) {
    let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut answers = server.try_clone().unwrap();
    let asked = Arc::new(Mutex::new(String::new()));
    let (mut to_client, heard) = (client.try_clone().unwrap(), asked.clone());
    std::thread::spawn(move || {
        let (mut buffer, mut sent) = ([0; 4096], 0);
        while let Ok(read @ 1..) = answers.read(&mut buffer) {
            let passed = answer(&heard.lock().unwrap(), sent, &buffer[..read]);
            sent += read;
            let Some(passed) = passed else { break };
            if to_client.write_all(&passed).is_err() || passed.len() < read {
                break;
            }
        }
        drop(to_client.shutdown(std::net::Shutdown::Both));
    });
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        asked.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..read]));
        if server.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
}

#[test]
fn a_push_whose_answer_is_lost_is_looked_up() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::new();
    let server = HttpServer::start(world.root.path());
    // The server does it, nobody hears of it.
    let port = proxy(server.port, |asked, _, piece| {
        (!asked.contains("POST /config.git/git-receive-pack")).then(|| piece.to_vec())
    });
    let url = format!("http://127.0.0.1:{port}/config.git");
    let repo = open(&url, None, &as_writer());
    let snapshot = repo.snapshot().unwrap();
    let published = repo.publish(&publication(&*snapshot, &[("0.yaml", b"x\n")])).unwrap();
    assert_eq!(published.commits[0].0, world.head(), "it arrived");

    world.hook("pre-receive", "exit 1");
    let snapshot = repo.snapshot().unwrap();
    let Err(PublishError::Unanswered { error, .. }) = repo.publish(&publication(&*snapshot, &[("0.yaml", b"y\n")]))
    else {
        panic!("nobody heard the refusal");
    };
    assert!(error.retryable, "{error:?}");
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let options = Options {
        timeouts: Timeouts {
            connect: Duration::from_millis(500),
            silence: Duration::from_millis(500),
            whole: Duration::from_secs(2),
        },
        ..as_writer()
    };
    let error = failure(&format!("http://127.0.0.1:{port}/config.git"), None, &options);
    assert_eq!(error.message, format!("127.0.0.1:{port} did not answer in time"));
    assert!(error.retryable);
}

#[test]
fn an_ssh_session_that_has_died_is_replaced() {
    if !available(SSH_PROGRAMS) {
        return;
    }
    let world = World::new();
    let server = SshServer::start(true);
    let mut options = with_key(&server);
    options.timeouts.silence = Duration::from_secs(3);
    let repo = open(&server.url(&world.bare()), None, &options);
    repo.snapshot().unwrap();
    std::thread::sleep(Duration::from_secs(5));
    repo.snapshot().unwrap();
}

#[test]
fn repositories_are_used_and_dropped_inside_an_async_runtime() {
    if !available(SSH_PROGRAMS) || !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::new();
    let (http, ssh) = (HttpServer::start(world.root.path()), SshServer::start(true));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for repo in [open(&plain(&http), None, &as_writer()), open(&ssh.url(&world.bare()), None, &with_key(&ssh))] {
        let repo: Arc<dyn ConfigRepo> = repo.into();
        runtime.block_on(async {
            let blocking = repo.clone();
            let files = tokio::task::spawn_blocking(move || blocking.snapshot().unwrap().files().len());
            assert_eq!(files.await.unwrap(), 5);
            drop(repo);
        });
    }
}

#[test]
fn a_connection_that_breaks_anywhere_may_be_tried_again() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::new();
    let server = HttpServer::start(world.root.path());
    let mut failures = 0;
    for limit in (0..2600).step_by(97) {
        let port = proxy(server.port, move |_, sent, piece| {
            let left = limit.min(sent + piece.len()).saturating_sub(sent);
            (left > 0).then(|| piece[..left].to_vec())
        });
        let repo = open(&format!("http://127.0.0.1:{port}/config.git"), None, &as_writer());
        match repo.snapshot() {
            Ok(snapshot) => assert_eq!(contents(&*snapshot).len(), 5, "cut after {limit}"),
            Err(error) => {
                failures += 1;
                assert!(error.retryable, "cut after {limit}: {error:?}");
            }
        }
    }
    assert!(failures > 10, "{failures}");
}

#[test]
fn a_server_that_answers_garbage_is_an_error() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::new();
    let server = HttpServer::start(world.root.path());
    for at in (0_usize..2600).step_by(61) {
        let port = proxy(server.port, move |_, sent, piece| {
            let mut piece = piece.to_vec();
            if let Some(byte) = at.checked_sub(sent).and_then(|at| piece.get_mut(at)) {
                *byte ^= 0x15;
            }
            Some(piece)
        });
        let repo = open(&format!("http://127.0.0.1:{port}/config.git"), None, &as_writer());
        if let Ok(snapshot) = repo.snapshot() {
            assert_eq!(contents(&*snapshot).len(), 5, "byte {at}");
        }
    }
}
