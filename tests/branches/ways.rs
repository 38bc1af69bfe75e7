//! A bare repository, and every way to it.

use crate::repos::{TIME, run_git};
use crate::servers::{HTTP_PROGRAMS, HttpServer, SSH_PROGRAMS, SshServer, TOKEN, available};
use landwaiter::git::{self, Location, Options, Ssh, Timeouts};
use landwaiter::port::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// `config.git` with five files in one commit on `main`.
pub(crate) struct World {
    pub(crate) root: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> World {
        let root = tempfile::tempdir().unwrap();
        run_git(root.path(), &["init", "-q", "--bare", "-b", "main", "config.git"]);
        run_git(&root.path().join("config.git"), &["config", "http.receivepack", "true"]);
        let work = root.path().join("work");
        run_git(root.path(), &["init", "-q", "-b", "main", "work"]);
        for number in 0..5 {
            fs::write(work.join(format!("{number}.yaml")), format!("image: acme/web:1.0.{number}\n")).unwrap();
        }
        run_git(&work, &["add", "-A"]);
        run_git(&work, &["commit", "-q", "-m", "first"]);
        run_git(&work, &["push", "-q", "../config.git", "main"]);
        World { root }
    }

    pub(crate) fn bare(&self) -> PathBuf {
        self.root.path().join("config.git")
    }

    pub(crate) fn head(&self, branch: &str) -> Option<String> {
        let found = run_git(&self.bare(), &["for-each-ref", "--format=%(objectname)", &format!("refs/heads/{branch}")]);
        (!found.is_empty()).then_some(found)
    }

    /// Somebody's commit on top of a branch.
    pub(crate) fn somebody_commits(&self, branch: &str, path: &str, text: &str) -> CommitId {
        let work = self.root.path().join("work");
        run_git(&work, &["fetch", "-q", "../config.git", branch]);
        run_git(&work, &["checkout", "-q", "--detach", "FETCH_HEAD"]);
        fs::write(work.join(path), text).unwrap();
        run_git(&work, &["add", "-A"]);
        run_git(&work, &["commit", "-q", "-m", path]);
        run_git(&work, &["push", "-q", "../config.git", &format!("HEAD:refs/heads/{branch}")]);
        CommitId(self.head(branch).unwrap())
    }

    /// The forge's button: merges main into the branch, which has moved on by then.
    pub(crate) fn merges_main(&self, branch: &str, number: usize) -> CommitId {
        let main = self.somebody_commits("main", "other.txt", &format!("{number}"));
        let tip = self.head(branch).unwrap();
        let tree = run_git(&self.bare(), &["merge-tree", "--write-tree", &tip, &main.0]);
        let merge = run_git(&self.bare(), &["commit-tree", &tree, "-p", &tip, "-p", &main.0, "-m", "Merge main"]);
        run_git(&self.bare(), &["update-ref", &format!("refs/heads/{branch}"), &merge, &tip]);
        CommitId(merge)
    }

    pub(crate) fn hook(&self, name: &str, script: &str) {
        let path = self.bare().join("hooks").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// One way to the world.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    pub(crate) url: String,
    pub(crate) options: Options,
    /// Whether a server is between, which runs hooks and heeds its own configuration.
    pub(crate) served: bool,
}

impl Way {
    pub(crate) fn open(&self) -> Arc<dyn ConfigRepo> {
        git::open(&Location::parse(&self.url).unwrap(), Some("main"), &self.options).unwrap().into()
    }

    pub(crate) fn caching(&self, directory: &Path) -> Arc<dyn ConfigRepo> {
        let options = Options { cache_dir: Some(directory.to_owned()), ..self.options.clone() };
        git::open(&Location::parse(&self.url).unwrap(), Some("main"), &options).unwrap().into()
    }
}

/// Plays the scene on each way that there is here, in a world of its own.
pub(crate) fn on_each_way(scene: impl Fn(&World, &Way)) {
    let here = |name, url| Way { name, url, options: Options::default(), served: false };
    let world = World::new();
    scene(&world, &here("path", world.bare().display().to_string()));
    let world = World::new();
    scene(&world, &here("file", format!("file://{}", world.bare().display())));
    if available(HTTP_PROGRAMS) {
        let world = World::new();
        let server = HttpServer::start(world.root.path());
        let options = Options { ca_pem: Some(server.ca_pem.clone()), ..as_writer() };
        let url = format!("https://localhost:{}/config.git", server.tls_port);
        scene(&world, &Way { name: "https", url, options, served: true });
        let world = World::new();
        let server = HttpServer::speaking(world.root.path(), false);
        let way = Way { name: "http, older protocol", url: plain(server.port), options: as_writer(), served: true };
        scene(&world, &way);
    }
    if available(SSH_PROGRAMS) {
        let world = World::new();
        let server = SshServer::start(true);
        let key = Ssh { private_key: Secret::new(server.key.as_str()), known_hosts: server.known_hosts.clone() };
        let options = Options { ssh: Some(key), timeouts: quick(), ..Options::default() };
        scene(&world, &Way { name: "ssh", url: server.url(&world.bare()), options, served: true });
    }
}

pub(crate) fn plain(port: u16) -> String {
    format!("http://127.0.0.1:{port}/config.git")
}

/// By a token in place of a password.
pub(crate) fn as_writer() -> Options {
    let login = Login { user: Some("writer".to_owned()), secret: Secret::new(TOKEN) };
    Options { login: Some(login), timeouts: quick(), ..Options::default() }
}

fn quick() -> Timeouts {
    Timeouts { connect: Duration::from_secs(10), silence: Duration::from_secs(20), whole: Duration::from_secs(60) }
}

/// The bot's commit on the head of main: whole files that main has.
pub(crate) fn proposal_of(snapshot: &dyn Snapshot, edits: &[(&str, &str)]) -> Publication {
    let bot = Author { name: "Landwaiter".to_owned(), email: "landwaiter@example.com".to_owned() };
    let file = |(path, new): &(&str, &str)| NewFile {
        path: Arc::from(*path),
        old: snapshot.read_one(path).unwrap().unwrap().into(),
        new: new.as_bytes().into(),
    };
    Publication {
        parent: snapshot.head().cloned(),
        commits: vec![NewCommit { files: edits.iter().map(file).collect(), message: "Update acme/web\n".to_owned() }],
        author: bot.clone(),
        committer: bot,
        time: TIME,
        ledger: None,
    }
}

/// Pushes the bot's commit as a new branch, or in the place of `expected`.
pub(crate) fn push(
    repo: &dyn ConfigRepo,
    branch: &str,
    expected: Option<&CommitId>,
    edits: &[(&str, &str)],
) -> Result<CommitId, PublishError> {
    let publication = proposal_of(&*repo.snapshot().unwrap(), edits);
    let published = repo.branches().unwrap().push(branch, expected, &publication)?;
    Ok(published.commits.last().unwrap().clone())
}
