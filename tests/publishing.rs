//! What a run does when writing does not go as planned: races, broken connections, pushes without an answer. The repository
//! is a real one on this machine; what comes between is scripted.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files and may panic")]

use futures::future::{BoxFuture, FutureExt as _, ready};
use landwaiter::config::settings::{Settings, SourceHosts};
use landwaiter::cycle::{DEADLINE, HISTORY, MAX_FAILURES, MAX_FILE, Options, Quiet, Report, Run, RunError, Scope};
use landwaiter::git::{self, Location};
use landwaiter::image::{Digest, ImageMetadata, Repository, Tag};
use landwaiter::plan::{MessageOptions, Past};
use landwaiter::port::*;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[path = "support/repos.rs"]
#[expect(dead_code, reason = "these tests need the half that makes fixtures")]
mod repos;

use repos::{TIME, run_git};

/// What happens to one publication.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// Nothing was sent.
    Unsent,
    /// A failure that stays.
    Broken,
    /// It was sent, is there, and nobody heard.
    Arrived,
    /// As `Arrived`, and somebody builds on it before anybody looks.
    ArrivedAndBuiltOn,
    /// It was sent and lost.
    Lost,
    /// Somebody else was quicker.
    Raced,
}

struct Scripted {
    inner: Box<dyn ConfigRepo>,
    bare: PathBuf,
    fates: Mutex<VecDeque<Fate>>,
}

impl ConfigRepo for Scripted {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot>, RepoError> {
        self.inner.snapshot()
    }

    fn past(&self, head: Option<&CommitId>, limit: usize, keep: &Keep<'_>) -> Result<Past, RepoError> {
        self.inner.past(head, limit, keep)
    }

    fn publish(&self, publication: &Publication) -> Result<Published, PublishError> {
        let error = |retryable| RepoError { message: "the line went dead".to_owned(), hint: None, retryable };
        let fate = self.fates.lock().unwrap().pop_front();
        match fate {
            None => self.inner.publish(publication),
            Some(Fate::Unsent) => Err(error(true).into()),
            Some(Fate::Broken) => Err(error(false).into()),
            Some(Fate::Raced) => {
                somebody_pushes(&self.bare);
                self.inner.publish(publication)
            }
            Some(Fate::Lost) => {
                Err(PublishError::Unanswered { commits: vec![CommitId("1".repeat(40))], error: error(true) })
            }
            Some(Fate::Arrived | Fate::ArrivedAndBuiltOn) => {
                let commits = self.inner.publish(publication)?.commits;
                if matches!(fate, Some(Fate::ArrivedAndBuiltOn)) {
                    somebody_pushes(&self.bare);
                }
                Err(PublishError::Unanswered { commits, error: error(false) })
            }
        }
    }
}

fn somebody_pushes(bare: &Path) {
    let tree = run_git(bare, &["rev-parse", "main^{tree}"]);
    let commit = run_git(bare, &["commit-tree", &tree, "-p", "main", "-m", "somebody else"]);
    run_git(bare, &["update-ref", "refs/heads/main", &commit]);
}

struct Tags;

impl Registry for Tags {
    fn tags<'a>(&'a self, _: &'a Repository) -> BoxFuture<'a, Result<Vec<String>, RegistryError>> {
        ready(Ok(vec!["1.0.0".to_owned(), "1.1.0".to_owned()])).boxed()
    }

    fn digest<'a>(&'a self, _: &'a Repository, _: &'a Tag) -> BoxFuture<'a, Result<Digest, RegistryError>> {
        unreachable!("no policy of this test pins a digest")
    }

    fn metadata<'a>(&'a self, _: &'a Repository, _: &'a Tag) -> BoxFuture<'a, Result<ImageMetadata, RegistryError>> {
        unreachable!("no policy of this test asks what an image says")
    }

    fn referrers<'a>(
        &'a self,
        _: &'a Repository,
        _: &'a Digest,
    ) -> BoxFuture<'a, Result<Vec<Referrer>, RegistryError>> {
        unreachable!("no policy of this test asks for content")
    }

    fn manifest<'a>(&'a self, _: &'a Repository, _: &'a Digest) -> BoxFuture<'a, Result<Vec<u8>, RegistryError>> {
        unreachable!("no policy of this test asks for content")
    }

    fn blob<'a>(&'a self, _: &'a Repository, _: &'a Digest, _: usize) -> BoxFuture<'a, Result<Vec<u8>, RegistryError>> {
        unreachable!("no policy of this test asks for content")
    }

    fn requests(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }
}

struct StandsStill;

impl Clock for StandsStill {
    fn now(&self) -> i64 {
        TIME
    }
}

struct World {
    root: tempfile::TempDir,
}

impl World {
    fn new() -> World {
        let world = World { root: tempfile::tempdir().unwrap() };
        let work = world.root.path().join("work");
        std::fs::create_dir(&work).unwrap();
        run_git(&work, &["init", "-q", "-b", "main"]);
        std::fs::write(
            work.join("landwaiter.yaml"),
            "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n- {name: web, images: [r.example.com/web], select: {semver: '*'}}\n",
        )
        .unwrap();
        std::fs::write(
            work.join("web.yaml"),
            "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - image: r.example.com/web:1.0.0\n",
        )
        .unwrap();
        run_git(&work, &["add", "-A"]);
        run_git(&work, &["commit", "-q", "-m", "first"]);
        run_git(world.root.path(), &["clone", "-q", "--bare", "work", "bare.git"]);
        world
    }

    fn bare(&self) -> PathBuf {
        self.root.path().join("bare.git")
    }

    fn update(&self, fates: &[Fate]) -> Result<Report, RunError> {
        let location = Location::parse(&self.bare().to_string_lossy()).unwrap();
        let inner = git::open(&location, None, &git::Options::default()).unwrap();
        let fates = Mutex::new(fates.iter().copied().collect());
        let options = Options {
            policies: None,
            tenancy: Settings::default().tenancy,
            sources: SourceHosts::default(),
            trust_root: None,
            author: bot(),
            committer: bot(),
            message: MessageOptions::default(),
            pull_requests: Default::default(),
            max_file: MAX_FILE,
            cache_for: BTreeMap::new(),
            backoff: Duration::ZERO,
            deadline: DEADLINE,
            freeze: None,
            changes_per_run: None,
            history: HISTORY,
            seal: None,
            last_valid_policies: false,
        };
        let run = Run {
            repo: Arc::new(Scripted { inner, bare: self.bare(), fates }),
            registry: &Tags,
            store: &Forgetful,
            sources: Arc::new(NoSources),
            forge: None,
            clock: &StandsStill,
            events: &Quiet,
            options: &options,
            scope: Scope::default(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run.update(&|_| Ok(())))
    }

    /// Commits of ours on the branch, newest first.
    fn ours(&self) -> Vec<String> {
        let log = run_git(&self.bare(), &["log", "--format=%H", "--author=Landwaiter", "main"]);
        log.lines().map(str::to_owned).collect()
    }
}

#[test]
fn whatever_happens_on_the_way_the_update_is_written_once_and_reported() {
    for (fates, retries) in [
        (&[][..], 0),
        (&[Fate::Raced], 1),
        (&[Fate::Unsent], 1),
        (&[Fate::Unsent, Fate::Unsent], 2),
        (&[Fate::Lost], 1),
        (&[Fate::Lost, Fate::Lost], 2),
        (&[Fate::Arrived], 1),
        (&[Fate::ArrivedAndBuiltOn], 1),
        (&[Fate::Raced, Fate::Unsent, Fate::Lost], 3),
        (&[Fate::Lost, Fate::Raced, Fate::Arrived], 3),
    ] {
        let world = World::new();
        let report = world.update(fates).unwrap();
        let ours = world.ours();
        assert_eq!(ours.len(), 1, "{fates:?}");
        let written = report.written.as_ref().unwrap_or_else(|| panic!("{fates:?}: nothing is reported"));
        assert_eq!(written.head().unwrap().0, ours[0], "{fates:?}");
        assert_eq!((written.files, report.plan().changes().count(), report.retries), (1, 1, retries), "{fates:?}");
        assert!(world.update(&[]).unwrap().written.is_none(), "{fates:?}");
    }
}

#[test]
fn what_keeps_failing_is_given_up_and_said() {
    let always = [Fate::Unsent; MAX_FAILURES as usize];
    for fates in [&always[..], &[Fate::Broken], &[Fate::Unsent, Fate::Broken]] {
        let world = World::new();
        let Err(RunError::Repo(error)) = world.update(fates) else {
            panic!("{fates:?} went well");
        };
        assert_eq!(error.message, "the line went dead", "{fates:?}");
        assert!(world.ours().is_empty(), "{fates:?}");
    }
}

fn bot() -> Author {
    Author { name: "Landwaiter".to_owned(), email: "landwaiter@example.com".to_owned() }
}
