//! A world to talk to: a config repository, a registry, a forge, and runs of the bot.

use crate::dialect::{Dialect, Running};
use crate::hub::{Hub, Pull, State};
use crate::repos::run_git;
use futures::future::{BoxFuture, FutureExt as _, ready};
use landwaiter::config::settings::{PullRequestSettings, Settings, SourceHosts};
use landwaiter::cycle::{DEADLINE, HISTORY, MAX_FILE, Options, Outcome, Quiet, Report, Run, Scope};
use landwaiter::git::{self, Location};
use landwaiter::image::{Digest, ImageMetadata, Platform, Repository, RunConfig, Tag};
use landwaiter::plan::MessageOptions;
use landwaiter::port::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// When runs take place, unless the test moves the clock: seconds since 1970.
pub(crate) const NOW: i64 = 1_760_000_500;

pub(crate) struct World {
    _folder: tempfile::TempDir,
    pub(crate) bare: PathBuf,
    pub(crate) hub: Arc<Hub>,
    fake: Running,
    pub(crate) forge: Arc<dyn Forge>,
    pub(crate) registry: Images,
    pub(crate) pulls: PullRequestSettings,
    pub(crate) now: i64,
    /// What runs ask about.
    pub(crate) scope: Scope,
}

/// Images by repository, which fail where they are told to.
#[derive(Default)]
pub(crate) struct Images {
    tags: Mutex<BTreeMap<String, BTreeSet<String>>>,
    pub(crate) down: Mutex<BTreeSet<String>>,
}

impl Images {
    /// `acme/web` with a tag.
    pub(crate) fn push(&self, image: &str, tag: &str) {
        self.tags.lock().unwrap().entry(format!("ghcr.io/{image}")).or_default().insert(tag.to_owned());
    }

    pub(crate) fn goes_down(&self, image: &str) {
        self.down.lock().unwrap().insert(format!("ghcr.io/{image}"));
    }

    pub(crate) fn comes_back(&self) {
        self.down.lock().unwrap().clear();
    }

    fn error() -> RegistryError {
        RegistryError {
            host: "ghcr.io".to_owned(),
            kind: RegistryErrorKind::ServerError { status: 503 },
            detail: String::new(),
        }
    }
}

impl Registry for Images {
    fn tags<'a>(&'a self, image: &'a Repository) -> BoxFuture<'a, Result<Vec<String>, RegistryError>> {
        let down = self.down.lock().unwrap().contains(image.as_str());
        let tags = self.tags.lock().unwrap().get(image.as_str()).map(|tags| tags.iter().cloned().collect());
        ready(if down { Err(Images::error()) } else { Ok(tags.unwrap_or_default()) }).boxed()
    }

    fn digest<'a>(&'a self, image: &'a Repository, tag: &'a Tag) -> BoxFuture<'a, Result<Digest, RegistryError>> {
        ready(Ok(digest(image, tag))).boxed()
    }

    fn metadata<'a>(
        &'a self,
        image: &'a Repository,
        tag: &'a Tag,
    ) -> BoxFuture<'a, Result<ImageMetadata, RegistryError>> {
        let image = ImageMetadata {
            digest: digest(image, tag),
            created: Some(1_750_000_000),
            platforms: vec![Platform::parse("linux/amd64").unwrap()],
            labels: BTreeMap::from([("org.opencontainers.image.version".to_owned(), tag.to_string())]),
            size: Some(1 << 20),
            run: Some(RunConfig::default()),
        };
        ready(Ok(image)).boxed()
    }

    fn referrers<'a>(
        &'a self,
        _: &'a Repository,
        _: &'a Digest,
    ) -> BoxFuture<'a, Result<Vec<Referrer>, RegistryError>> {
        unreachable!("no policy of these tests asks for signatures")
    }

    fn manifest<'a>(&'a self, _: &'a Repository, _: &'a Digest) -> BoxFuture<'a, Result<Vec<u8>, RegistryError>> {
        unreachable!("no policy of these tests asks for content")
    }

    fn blob<'a>(&'a self, _: &'a Repository, _: &'a Digest, _: usize) -> BoxFuture<'a, Result<Vec<u8>, RegistryError>> {
        unreachable!("no policy of these tests asks for content")
    }

    fn requests(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }
}

fn digest(image: &Repository, tag: &Tag) -> Digest {
    use std::hash::{BuildHasher as _, BuildHasherDefault};
    let hash = BuildHasherDefault::<std::collections::hash_map::DefaultHasher>::default()
        .hash_one((image.as_str(), tag.as_str()));
    Digest::parse(&format!("sha256:{}", format!("{hash:016x}").repeat(4))).unwrap()
}

struct At(i64);

impl Clock for At {
    fn now(&self) -> i64 {
        self.0
    }
}

/// The policies that most tests use: web and api each by a pull request of its own.
pub(crate) const POLICIES: &str = "\
apiVersion: landwaiter/v1
kind: ImagePolicies
defaults: {write: {mode: pullRequest}}
policies:
- {name: web, images: [ghcr.io/acme/web], select: {semver: '*'}}
- {name: api, images: [ghcr.io/acme/api], select: {semver: '*'}}
";

pub(crate) fn pod(image: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  containers:\n  - image: ghcr.io/{image}\n")
}

impl World {
    /// web at 1.0.0 and api at 2.0.0, with both tags in the registry.
    pub(crate) async fn new(dialect: &Dialect) -> World {
        World::with(
            dialect,
            &[
                ("landwaiter.yaml", POLICIES),
                ("web.yaml", &pod("acme/web:1.0.0")),
                ("api.yaml", &pod("acme/api:2.0.0")),
            ],
        )
        .await
    }

    pub(crate) async fn with(dialect: &Dialect, files: &[(&str, &str)]) -> World {
        let folder = tempfile::tempdir().unwrap();
        let bare = folder.path().join("config.git");
        run_git(folder.path(), &["init", "-q", "--bare", "-b", "main", "config.git"]);
        let hub = Arc::new(Hub::new(&bare));
        let fake = dialect.start(Arc::clone(&hub)).await;
        let forge = dialect.connected(&fake);
        let world = World {
            _folder: folder,
            bare,
            hub,
            fake,
            forge,
            registry: Images::default(),
            pulls: PullRequestSettings::default(),
            now: NOW,
            scope: Scope::default(),
        };
        world.person_commits("main", files, "first");
        world.registry.push("acme/web", "1.0.0");
        world.registry.push("acme/api", "2.0.0");
        world
    }

    /// From now on the bot shows the forge a token that is none.
    pub(crate) fn locks_the_bot_out(&mut self, dialect: &Dialect) {
        self.forge = dialect.connect(&self.fake, "none-of-yours");
    }

    /// One run of the bot, with nothing but the world to remember by.
    pub(crate) async fn run(&self) -> Report {
        let location = Location::parse(self.bare.to_str().unwrap()).unwrap();
        let repo: Arc<dyn ConfigRepo> = git::open(&location, Some("main"), &git::Options::default()).unwrap().into();
        self.run_on(repo).await
    }

    pub(crate) async fn run_on(&self, repo: Arc<dyn ConfigRepo>) -> Report {
        let author = Author { name: "Landwaiter".to_owned(), email: "landwaiter@example.com".to_owned() };
        let options = Options {
            policies: None,
            tenancy: Settings::default().tenancy,
            sources: SourceHosts::default(),
            trust_root: None,
            author: author.clone(),
            committer: author,
            message: MessageOptions::default(),
            pull_requests: self.pulls.clone(),
            max_file: MAX_FILE,
            cache_for: BTreeMap::new(),
            history: HISTORY,
            seal: None,
            last_valid_policies: false,
            freeze: None,
            changes_per_run: None,
            backoff: Duration::ZERO,
            deadline: DEADLINE,
        };
        let run = Run {
            repo,
            registry: &self.registry,
            store: &Forgetful,
            sources: Arc::new(NoSources),
            forge: Some(Arc::clone(&self.forge)),
            clock: &At(self.now),
            events: &Quiet,
            options: &options,
            scope: self.scope.clone(),
        };
        run.update(&|_| Ok(())).await.unwrap()
    }

    /// A person's commit on top of a branch: whole files.
    pub(crate) fn person_commits(&self, branch: &str, files: &[(&str, &str)], message: &str) -> String {
        let full = format!("refs/heads/{branch}");
        let parent = self.hub.head(branch);
        let work = tempfile::tempdir().unwrap();
        let index = work.path().join("index");
        let git = |arguments: &[&str]| {
            let mut all = vec!["-c", "core.bare=false"];
            all.extend(arguments);
            let output = std::process::Command::new("git")
                .current_dir(work.path())
                .env("GIT_DIR", &self.bare)
                .env("GIT_WORK_TREE", work.path())
                .env("GIT_INDEX_FILE", &index)
                .args(&all)
                .output()
                .unwrap();
            assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        if let Some(parent) = &parent {
            git(&["read-tree", parent]);
        }
        for (path, text) in files {
            std::fs::write(work.path().join(path), text).unwrap();
            git(&["add", path]);
        }
        let tree = git(&["write-tree"]);
        let mut arguments = vec!["commit-tree", &tree, "-m", message];
        if let Some(parent) = &parent {
            arguments.extend(["-p", parent]);
        }
        let commit = run_git(&self.bare, &arguments);
        run_git(&self.bare, &["update-ref", &full, &commit]);
        commit
    }

    /// The file at the head of a branch.
    pub(crate) fn file(&self, branch: &str, path: &str) -> String {
        run_git(&self.bare, &["show", &format!("{branch}:{path}")])
    }

    pub(crate) fn open(&self) -> Vec<Pull> {
        self.hub.pulls().into_iter().filter(|pull| pull.state == State::Open).collect()
    }

    pub(crate) fn only_open(&self) -> Pull {
        let mut open = self.open();
        assert_eq!(open.len(), 1, "{open:#?}");
        open.remove(0)
    }

    /// How many commits the branch has that main has not.
    pub(crate) fn ahead(&self, branch: &str) -> String {
        run_git(&self.bare, &["rev-list", "--count", &format!("main..{branch}")])
    }
}

/// What became of each pull request, in the order of the report.
pub(crate) fn outcomes(report: &Report) -> Vec<Outcome> {
    report.pulled.iter().map(|pulled| pulled.outcome).collect()
}

/// The reasons of what is held.
pub(crate) fn held(report: &Report) -> Vec<&'static str> {
    report.plan().held().map(|(_, held)| held.reason.word()).collect()
}
