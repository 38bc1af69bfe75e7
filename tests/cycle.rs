//! A run against a world that moves: lost races, a registry that is asked once, and an end to trying.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use futures::FutureExt as _;
use futures::future::BoxFuture;
use landwaiter::config::settings::{Settings, SourceHosts};
use landwaiter::cycle::{DEADLINE, HISTORY, MAX_ATTEMPTS, MAX_FILE, Options, Quiet, Run, RunError, Scope};
use landwaiter::image::{Digest, ImageMetadata, Repository, Tag};
use landwaiter::plan::{MessageOptions, Past};
use landwaiter::port::{
    Author, BlobId, Clock, CommitId, ConfigRepo, FileEntry, Forgetful, Keep, NoSources, Publication, PublishError,
    Published, Referrer, Registry, RegistryError, RepoError, Snapshot, Visit,
};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const POLICIES: &str = "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n  - name: web\n    images: [reg.example.com/web]\n    select: {semver: '*'}\n";
const POD: &str = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - image: reg.example.com/web:1.0.0\n";

/// A repository whose branch moves under the first `races` publications.
struct Moving {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    races: AtomicU32,
    head: AtomicU32,
    /// Whether its past cannot be had, and how often it was asked for.
    forgotten: bool,
    asked: AtomicU32,
}

impl Moving {
    fn new(races: u32) -> Arc<Moving> {
        let files = [("landwaiter.yaml", POLICIES), ("web.yaml", POD)];
        let files = files.into_iter().map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).collect();
        Arc::new(Moving {
            files: Mutex::new(files),
            races: AtomicU32::new(races),
            head: AtomicU32::new(1),
            forgotten: false,
            asked: AtomicU32::new(0),
        })
    }
}

struct State {
    head: CommitId,
    entries: Vec<FileEntry>,
    files: BTreeMap<String, Vec<u8>>,
}

impl ConfigRepo for Moving {
    fn name(&self) -> &str {
        "moving"
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot>, RepoError> {
        let files = self.files.lock().unwrap().clone();
        let entry = |path: &String| FileEntry {
            path: path.as_str().into(),
            unreadable_path: false,
            blob: Some(BlobId("0".repeat(40))),
        };
        let head = CommitId(format!("{:040}", self.head.load(Ordering::SeqCst)));
        Ok(Box::new(State { head, entries: files.keys().map(entry).collect(), files }))
    }

    fn past(&self, head: Option<&CommitId>, limit: usize, _: &Keep<'_>) -> Result<Past, RepoError> {
        assert_eq!((head.is_some(), limit), (true, HISTORY));
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.forgotten {
            true => {
                Err(RepoError { message: "the server is tired".into(), hint: Some("wake it".into()), retryable: true })
            }
            false => Ok(Past::default()),
        }
    }

    fn publish(&self, publication: &Publication) -> Result<Published, PublishError> {
        let head = CommitId(format!("{:040}", self.head.load(Ordering::SeqCst)));
        if self.races.load(Ordering::SeqCst) > 0 {
            // Somebody adds a file of his own while we are at work.
            self.races.fetch_sub(1, Ordering::SeqCst);
            let number = self.head.fetch_add(1, Ordering::SeqCst);
            self.files.lock().unwrap().insert(format!("other-{number}.txt"), b"theirs".to_vec());
            return Err(PublishError::Moved { found: None });
        }
        assert_eq!(publication.parent.as_ref(), Some(&head), "the commit stands on the head it was planned from");
        for file in publication.commits.iter().flat_map(|commit| &commit.files) {
            self.files.lock().unwrap().insert(file.path.to_string(), file.new.to_vec());
        }
        Ok(Published { commits: vec![CommitId("f".repeat(40))], messages: Vec::new(), ledger: None })
    }
}

impl Snapshot for State {
    fn branch(&self) -> Option<&str> {
        Some("main")
    }

    fn head(&self) -> Option<&CommitId> {
        Some(&self.head)
    }

    fn files(&self) -> &[FileEntry] {
        &self.entries
    }

    fn read(&self, _: u64, wanted: &dyn Fn(&FileEntry) -> bool, visit: &mut Visit<'_>) -> Result<(), RepoError> {
        for entry in self.entries.iter().filter(|entry| wanted(entry)) {
            let _ = visit(entry, Ok(&self.files[&*entry.path]));
        }
        Ok(())
    }

    fn read_one(&self, path: &str) -> Result<Option<Vec<u8>>, RepoError> {
        Ok(self.files.get(path).cloned())
    }
}

#[derive(Default)]
struct Counting(AtomicU32);

impl Registry for Counting {
    fn tags<'a>(&'a self, repository: &'a Repository) -> BoxFuture<'a, Result<Vec<String>, RegistryError>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        if repository.host() == "slow.example.com" {
            return std::future::pending().boxed();
        }
        async { Ok(vec!["1.0.0".to_owned(), "1.1.0".to_owned()]) }.boxed()
    }

    fn digest<'a>(&'a self, _: &'a Repository, _: &'a Tag) -> BoxFuture<'a, Result<Digest, RegistryError>> {
        unreachable!("no policy here wants a digest")
    }

    fn metadata<'a>(&'a self, _: &'a Repository, _: &'a Tag) -> BoxFuture<'a, Result<ImageMetadata, RegistryError>> {
        unreachable!("no policy here asks what an image says")
    }

    fn referrers<'a>(
        &'a self,
        _: &'a Repository,
        _: &'a Digest,
    ) -> BoxFuture<'a, Result<Vec<Referrer>, RegistryError>> {
        unreachable!("no policy here asks for content")
    }

    fn manifest<'a>(&'a self, _: &'a Repository, _: &'a Digest) -> BoxFuture<'a, Result<Vec<u8>, RegistryError>> {
        unreachable!("no policy here asks for content")
    }

    fn blob<'a>(&'a self, _: &'a Repository, _: &'a Digest, _: usize) -> BoxFuture<'a, Result<Vec<u8>, RegistryError>> {
        unreachable!("no policy here asks for content")
    }

    fn requests(&self) -> BTreeMap<String, u64> {
        BTreeMap::from([("reg.example.com".to_owned(), u64::from(self.0.load(Ordering::SeqCst)))])
    }
}

struct Noon;

impl Clock for Noon {
    fn now(&self) -> i64 {
        1_763_640_000
    }
}

fn update(repo: &Arc<Moving>, registry: &Counting) -> Result<landwaiter::cycle::Report, RunError> {
    update_about(repo, registry, Scope::default())
}

fn update_about(repo: &Arc<Moving>, registry: &Counting, scope: Scope) -> Result<landwaiter::cycle::Report, RunError> {
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
        repo: repo.clone(),
        registry,
        store: &Forgetful,
        sources: Arc::new(NoSources),
        forge: None,
        clock: &Noon,
        events: &Quiet,
        options: &options,
        scope,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(run.update(&|_| Ok(())))
}

#[test]
fn references_that_share_a_scalar_are_asked_about_together() {
    let repo = Moving::new(0);
    let policy =
        |name: &str| format!("  - {{name: {name}, images: [reg.example.com/{name}], select: {{semver: '*'}}}}\n");
    let head = "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n";
    let policies = ["a", "b", "c"].map(policy).concat();
    let images = "images:\n- {name: reg.example.com/a, newTag: &t 1.0.0}\n- {name: reg.example.com/b, newTag: *t}\n- {name: reg.example.com/c, newTag: 1.0.0}\n";
    let file = |text: &str| text.as_bytes().to_vec();
    *repo.files.lock().unwrap() = [
        ("landwaiter.yaml".to_owned(), file(&format!("{head}{policies}"))),
        ("kustomization.yaml".to_owned(), file(images)),
    ]
    .into();
    let registry = Counting::default();
    let about = landwaiter::image::Repository::parse("reg.example.com/b").unwrap();
    let report = update_about(&repo, &registry, Scope { images: [about].into(), ..Scope::nothing() }).unwrap();
    assert_eq!(registry.0.load(Ordering::SeqCst), 2, "a and b, and not c");
    let held: Vec<_> = report.plan().held().map(|(_, held)| held.reason.word()).collect();
    assert_eq!(held, ["not-due"]);
    let written = String::from_utf8(repo.files.lock().unwrap()["kustomization.yaml"].clone()).unwrap();
    assert_eq!(written, images.replacen("1.0.0", "1.1.0", 1));
}

#[test]
fn a_lost_race_is_planned_again_and_loses_nobodys_work() {
    let repo = Moving::new(3);
    let registry = Counting::default();
    let report = update(&repo, &registry).unwrap();
    assert_eq!(report.retries, 3);
    assert!(report.written.is_some());
    let files = repo.files.lock().unwrap();
    assert_eq!(files["web.yaml"], POD.replace("1.0.0", "1.1.0").as_bytes());
    assert_eq!(files.keys().filter(|path| path.starts_with("other-")).count(), 3);
    assert_eq!(registry.0.load(Ordering::SeqCst), 1, "planning again does not ask the registry again");
}

#[test]
fn a_branch_that_never_rests_ends_the_run_with_nothing_written() {
    let repo = Moving::new(MAX_ATTEMPTS);
    let error = update(&repo, &Counting::default()).unwrap_err();
    assert_eq!(error.to_string(), "the branch moved 10 times while this run was at work");
    assert_eq!(repo.files.lock().unwrap()["web.yaml"], POD.as_bytes());
}

#[test]
fn the_last_attempt_still_counts() {
    assert_eq!(update(&Moving::new(MAX_ATTEMPTS - 1), &Counting::default()).unwrap().retries, MAX_ATTEMPTS - 1);
}

#[test]
fn a_past_that_cannot_be_had_holds_what_would_be_written_and_nothing_else_asks_for_it() {
    let registry = Counting::default();
    let mut repo = Moving::new(0);
    Arc::get_mut(&mut repo).unwrap().forgotten = true;
    let report = update(&repo, &registry).unwrap();
    assert!(report.written.is_none());
    let held: Vec<String> = report.plan().held().map(|(_, held)| format!("{}: {}", held.reason, held.detail)).collect();
    let expected =
        "incomplete-information: whether somebody took this back could not be learned: the server is tired; wake it";
    assert_eq!(held, [expected]);
    assert!(report.plan().held_by_errors());

    Arc::get_mut(&mut repo).unwrap().forgotten = false;
    assert!(update(&repo, &registry).unwrap().written.is_some());
    assert!(update(&repo, &registry).unwrap().written.is_none());
    assert_eq!(repo.asked.load(Ordering::SeqCst), 2, "a run that has nothing to write asks for nothing");
}

fn bot() -> Author {
    Author { name: "Bot".to_owned(), email: "bot@example.com".to_owned() }
}

#[test]
fn what_is_not_answered_by_the_deadline_is_held_alike_and_the_rest_is_written() {
    let repo = Moving::new(1);
    {
        let mut files = repo.files.lock().unwrap();
        files.insert("landwaiter.yaml".to_owned(), POLICIES.replace("reg.example.com/web", "'**'").into_bytes());
        for number in 0..100 {
            let pod = POD.replace("reg.example.com/web", &format!("slow.example.com/r{number:02}"));
            files.insert(format!("slow-{number:02}.yaml"), pod.into_bytes());
        }
    }
    let registry = Counting::default();
    let report = update(&repo, &registry).unwrap();
    assert_eq!(repo.files.lock().unwrap()["web.yaml"], POD.replace("1.0.0", "1.1.0").as_bytes());
    let held: Vec<&str> = report.plan().held().map(|(_, held)| held.detail.as_str()).collect();
    assert_eq!(held, ["not answered within the run's 1800 s (limits.runDeadline)"; 100]);
    assert!(report.plan().held_by_errors());
    assert_eq!(report.retries, 1, "planning again has no deadline of its own");
    assert!((2..=101).contains(&registry.0.load(Ordering::SeqCst)));
}
