//! A config repository on a real server, a forge that has its pull requests, a registry, and the program between them.

use crate::dialect::{Running, run};
use crate::gate::{Gate, Moment, forward};
use crate::gitea::GITEA;
use crate::hub::{Hub, Pull, State, TOKEN};
use crate::repos::run_git;
use crate::servers::{self, HttpServer};
use axum::Router;
use landwaiter::registry::embedded::Embedded;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) bare: PathBuf,
    pub(crate) hub: Arc<Hub>,
    pub(crate) gate: Arc<Gate>,
    registry: Embedded,
    /// Where the program is told that they are.
    pub(crate) git: Running,
    pub(crate) forge: Running,
    pub(crate) images: Running,
    pub(crate) server: HttpServer,
    runtime: tokio::runtime::Runtime,
}

/// Everything that runs change: branches and pull requests.
#[derive(Debug, Clone)]
pub(crate) struct Before {
    heads: BTreeMap<String, String>,
    pulls: Vec<Pull>,
}

const POLICIES: &str = "\
apiVersion: landwaiter/v1
kind: ImagePolicies
defaults:
  write: {mode: pullRequest, pullRequest: {labels: [bot, images], reviewers: [alice], assignees: [bob], autoMerge: minor}}
policies:
- {name: web, images: [REGISTRY/acme/web], select: {semver: '*'}}
";

pub(crate) fn pod(tag: &str) -> String {
    let image = format!("REGISTRY/acme/web:{tag}");
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  containers:\n  - image: {image}\n")
}

/// What the program talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    Git,
    Forge,
    Registry,
}

impl Place {
    /// web at 1.0.0, and the registry has 1.1.0.
    pub(crate) fn new() -> Place {
        Place::behind(&|_, server| server)
    }

    /// The same, with something before each server.
    pub(crate) fn behind(front: &dyn Fn(Server, Router) -> Router) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let bare = folder.path().join("git/config.git");
        fs::create_dir_all(&bare).unwrap();
        run_git(&bare, &["init", "-q", "--bare", "-b", "main"]);
        run_git(&bare, &["config", "http.receivepack", "true"]);
        let server = HttpServer::start(&folder.path().join("git"));
        let hub = Arc::new(Hub::new(&bare));
        let gate = Arc::new(Gate::default());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (registry, git, forge, images) = runtime.block_on(async {
            let registry = Embedded::start().await.unwrap();
            let port = registry.host().rsplit_once(':').unwrap().1.parse().unwrap();
            let git = run(gate.before(front(Server::Git, forward(server.port)))).await;
            let forge = run(gate.before(front(Server::Forge, (GITEA.router)(Arc::clone(&hub))))).await;
            let images = run(front(Server::Registry, forward(port))).await;
            (registry, git, forge, images)
        });
        let settings = format!(
            "apiVersion: landwaiter/v1\nkind: Settings\ngit:\n- {{url: 'http://{git}/', credentials: {{user: writer, passwordEnv: \
             GIT_PASSWORD}}}}\nforges:\n- {{url: 'http://{git}/', kind: gitea, api: 'http://{forge}{api}', repository: \
             acme/config, credentials: {{tokenEnv: FORGE_TOKEN}}}}\n",
            git = git.address,
            forge = forge.address,
            api = GITEA.api,
        );
        let place = Place { bare, hub, gate, registry, git, forge, images, server, runtime, folder };
        place.settings(&settings);
        place.release("1.0.0");
        place.release("1.1.0");
        let work = place.folder.path().join("work");
        run_git(place.folder.path(), &["init", "-q", "-b", "main", "work"]);
        fs::write(work.join("landwaiter.yaml"), place.named(POLICIES)).unwrap();
        fs::write(work.join("web.yaml"), place.named(&pod("1.0.0"))).unwrap();
        run_git(&work, &["add", "-A"]);
        run_git(&work, &["commit", "-q", "-m", "first"]);
        run_git(&work, &["push", "-q", "../git/config.git", "main"]);
        place
    }

    fn named(&self, text: &str) -> String {
        text.replace("REGISTRY", &self.images.address)
    }

    /// What the operator says from now on.
    pub(crate) fn settings(&self, text: &str) {
        fs::write(self.folder.path().join("settings.yaml"), text).unwrap();
    }

    pub(crate) fn release(&self, tag: &str) {
        self.runtime.block_on(self.registry.push("acme/web", tag)).unwrap();
    }

    /// A person's commit.
    pub(crate) fn commits(&self, branch: &str, path: &str, text: &str) {
        let head = self.hub.head(branch).unwrap();
        self.hub.commit(branch, &head, "by hand", &[(path.to_owned(), self.named(text).into_bytes())]).unwrap();
    }

    /// The program as it is called each time.
    pub(crate) fn command(&self) -> Command {
        let folder = self.folder.path().display();
        let mut command = Command::new(env!("CARGO_BIN_EXE_landwaiter"));
        command
            .args(["update", "--repo", &format!("http://{}/config.git", self.git.address)])
            .args(["--config", &format!("{folder}/settings.yaml"), "--state-dir", &format!("{folder}/state")])
            .env_clear()
            .envs([("HOME", folder.to_string().as_str()), ("PATH", "/nowhere")])
            .envs([("GIT_PASSWORD", servers::TOKEN), ("FORGE_TOKEN", TOKEN)])
            .stdin(Stdio::null());
        command
    }

    /// One run to its end, which must be a good one; its report.
    pub(crate) fn run(&self) -> Value {
        let output = self.command().args(["--format", "json"]).output().unwrap();
        let (said, complained) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{complained}{said}");
        serde_json::from_str(&said).unwrap()
    }

    /// One run that is killed at that moment, unless it has ended by then; whether it was.
    pub(crate) fn run_killed(&self, moment: Moment) -> bool {
        let start = || self.command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.gate.watch(start, moment).code().is_none()
    }

    /// Forgets what earlier runs have kept.
    pub(crate) fn forget(&self) {
        fs::remove_dir_all(self.folder.path().join("state")).unwrap();
    }

    pub(crate) fn before(&self) -> Before {
        Before { heads: self.hub.heads(), pulls: self.hub.pulls() }
    }

    pub(crate) fn restore(&self, before: &Before) {
        for (branch, head) in &before.heads {
            run_git(&self.bare, &["update-ref", &format!("refs/heads/{branch}"), head]);
        }
        for branch in self.hub.heads().keys().filter(|branch| !before.heads.contains_key(*branch)) {
            run_git(&self.bare, &["update-ref", "-d", &format!("refs/heads/{branch}")]);
        }
        self.hub.with_pulls(|pulls| pulls.clone_from(&before.pulls));
    }

    /// What people see: pull requests without their times, and branches by what they hold and what they stand on.
    pub(crate) fn seen(&self) -> Seen {
        let pulls = self.hub.pulls().into_iter();
        let listed =
            run_git(&self.bare, &["for-each-ref", "--format=%(refname:lstrip=2) %(tree) %(parent)", "refs/heads"]);
        Seen {
            pulls: pulls
                .map(|pull| Pull { head: String::new(), created: 0, ended: None, version: 0, ..pull })
                .collect(),
            branches: listed.lines().map(str::to_owned).collect(),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) pulls: Vec<Pull>,
    pub(crate) branches: Vec<String>,
}

impl Seen {
    pub(crate) fn open(&self) -> usize {
        self.pulls.iter().filter(|pull| pull.state == State::Open).count()
    }
}
