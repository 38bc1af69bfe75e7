//! What is remembered between runs: real runs over HTTP against the embedded registry, a store on disk, and a clock that the
//! test sets. Every run is a new process as far as the program can tell: a new client and a newly opened store.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files, start programs and may panic")]

mod age;
mod file;
mod lists;
mod newest;
mod watch;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use landwaiter::config::settings::{Settings, SourceHosts};
use landwaiter::cycle::{DEADLINE, Event, Events, HISTORY, MAX_FILE, Options, Planned, Run, Scope};
use landwaiter::git::{self, Location};
use landwaiter::image::{Digest, ImageMetadata, Repository, Tag};
use landwaiter::plan::{MessageOptions, State};
use landwaiter::port::{
    Author, Clock, Forgetful, NoSources, Referrer, Registry, RegistryError, RegistryErrorKind, Store,
};
use landwaiter::registry::embedded::{Embedded, Made};
use landwaiter::registry::{self, Client};
use landwaiter::store::Database;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// 2023-11-14 22:13:20 UTC.
const START: i64 = 1_700_000_000;
const HOUR: i64 = 3_600;

struct World {
    folder: tempfile::TempDir,
    registry: Embedded,
    runtime: tokio::runtime::Runtime,
    now: i64,
    cache_for: BTreeMap<String, Duration>,
    scope: Scope,
    remembers: bool,
    refuses_digests: bool,
    moved: Mutex<Vec<String>>,
}

struct At(i64);

impl Clock for At {
    fn now(&self) -> i64 {
        self.0
    }
}

/// A registry that lists tags and fails when it is asked what they name.
struct Refusing<'a>(&'a Client);

impl Registry for Refusing<'_> {
    fn tags<'a>(&'a self, repository: &'a Repository) -> BoxFuture<'a, Result<Vec<String>, RegistryError>> {
        self.0.tags(repository)
    }

    fn digest<'a>(&'a self, repository: &'a Repository, _: &'a Tag) -> BoxFuture<'a, Result<Digest, RegistryError>> {
        let kind = RegistryErrorKind::ServerError { status: 503 };
        let error = RegistryError { host: repository.host().to_owned(), kind, detail: String::new() };
        async { Err(error) }.boxed()
    }

    fn metadata<'a>(
        &'a self,
        repository: &'a Repository,
        tag: &'a Tag,
    ) -> BoxFuture<'a, Result<ImageMetadata, RegistryError>> {
        self.0.metadata(repository, tag)
    }

    fn referrers<'a>(
        &'a self,
        repository: &'a Repository,
        digest: &'a Digest,
    ) -> BoxFuture<'a, Result<Vec<Referrer>, RegistryError>> {
        self.0.referrers(repository, digest)
    }

    fn manifest<'a>(
        &'a self,
        repository: &'a Repository,
        digest: &'a Digest,
    ) -> BoxFuture<'a, Result<Vec<u8>, RegistryError>> {
        self.0.manifest(repository, digest)
    }

    fn blob<'a>(
        &'a self,
        repository: &'a Repository,
        digest: &'a Digest,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<u8>, RegistryError>> {
        self.0.blob(repository, digest, limit)
    }

    fn requests(&self) -> BTreeMap<String, u64> {
        self.0.requests()
    }
}

impl Events for World {
    fn happened(&self, event: &Event<'_>) {
        if let Event::TagMoved { repository, tag, from, to } = event {
            let moved = format!("{}:{tag} {} {}", repository.path(), from.short(), to.short());
            self.moved.lock().unwrap().push(moved);
        }
    }
}

impl World {
    /// One pod with the image `acme/web:TAG`, and one policy with these lines.
    fn new(current: &str, policy: &str) -> World {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let registry = runtime.block_on(Embedded::start()).unwrap();
        let world = World {
            folder: tempfile::tempdir().unwrap(),
            registry,
            runtime,
            now: START,
            cache_for: BTreeMap::new(),
            scope: Scope::default(),
            remembers: true,
            refuses_digests: false,
            moved: Mutex::default(),
        };
        world.stands(current);
        world.policy(policy);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn policy(&self, lines: &str) {
        let host = self.registry.host();
        let head = "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n";
        let text = format!("{head}  - name: web\n    images: [{host}/acme/web]\n{lines}");
        fs::create_dir_all(self.path("repo")).unwrap();
        fs::write(self.path("repo/landwaiter.yaml"), text).unwrap();
    }

    /// What stands in the file.
    fn stands(&self, tag: &str) {
        let image = format!("{}/acme/web:{tag}", self.registry.host());
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  containers:\n    - name: web\n      image: {image}\n"
        );
        fs::create_dir_all(self.path("repo")).unwrap();
        fs::write(self.path("repo/web.yaml"), text).unwrap();
    }

    /// Pushes an image built at that second.
    fn push(&self, tag: &str, created: i64) -> String {
        let created = jiff::Timestamp::from_second(created).unwrap().to_string();
        let made = Made { created: Some(&created), ..Made::default() };
        self.registry.push_made("acme/web", tag, &made).unwrap().to_string()
    }

    fn store(&self) -> Database {
        Database::new(Some(self.path("state/store")))
    }

    /// A run of its own, with what it cost.
    fn plan(&self) -> (Planned, u64) {
        let store = Arc::new(self.store());
        let client = Client::new(registry::Options::new("landwaiter-test")).unwrap();
        let (client, memory): (Client, &dyn Store) =
            if self.remembers { (client.remembering(store.clone()), &*store) } else { (client, &Forgetful) };
        let bot = Author { name: "Bot".to_owned(), email: "bot@example.com".to_owned() };
        let options = Options {
            policies: None,
            tenancy: Settings::default().tenancy,
            author: bot.clone(),
            committer: bot,
            message: MessageOptions::default(),
            pull_requests: Default::default(),
            max_file: MAX_FILE,
            cache_for: self.cache_for.clone(),
            sources: SourceHosts::default(),
            trust_root: None,
            backoff: Duration::ZERO,
            deadline: DEADLINE,
            freeze: None,
            changes_per_run: None,
            history: HISTORY,
            seal: None,
            last_valid_policies: false,
        };
        let repo = git::open(&Location::Path(self.path("repo")), None, &git::Options::default()).unwrap();
        let clock = At(self.now);
        let refusing = Refusing(&client);
        let registry: &dyn Registry = if self.refuses_digests { &refusing } else { &client };
        let run = Run {
            repo: repo.into(),
            registry,
            store: memory,
            sources: Arc::new(NoSources),
            forge: None,
            clock: &clock,
            events: self,
            options: &options,
            scope: self.scope.clone(),
        };
        let before = self.registry.requests();
        let planned = self.runtime.block_on(run.plan()).unwrap();
        (planned, self.registry.requests() - before)
    }

    /// What the file would say, or why not, with the notes and the cost.
    fn says(&self) -> (String, Vec<String>, u64) {
        let (planned, requests) = self.plan();
        let notes = planned.plan.notes.iter().map(|note| note.text.clone()).collect();
        let state = match &planned.plan.entries[0].state {
            State::UpToDate => "stays".to_owned(),
            State::Held(held) => format!("{}: {}", held.reason, held.detail),
            State::Unmanaged => "unmanaged".to_owned(),
            State::Change(change) => {
                let tag = change.to.tag.as_ref().map(ToString::to_string).unwrap_or_default();
                change.to.digest.as_ref().map_or(tag.clone(), |digest| format!("{tag}@{digest}"))
            }
        };
        (state, notes, requests)
    }
}
