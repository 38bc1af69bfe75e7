//! A branch with a few references, a registry whose lists are counted, and runs on them, with a memory and without.
//!
//! Include it with `#[path = "support/lists.rs"] mod lists;`, beside `support/repos.rs` as `repos`.

use super::repos::run_git;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use landwaiter::config::settings::{Settings, SourceHosts};
use landwaiter::cycle::{DEADLINE, Event, Events, HISTORY, MAX_FILE, Options, Run, Scope};
use landwaiter::git::{self, Location};
use landwaiter::image::{Digest, ImageMetadata, Repository, Tag};
use landwaiter::plan::MessageOptions;
use landwaiter::port::*;
use landwaiter::render;
use landwaiter::store::Database;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub(crate) const NOON: i64 = 1_700_000_000;
pub(crate) const DAY: i64 = 24 * 60 * 60;

/// Every repository has these tags; how often they were asked for and read is counted.
#[derive(Default)]
pub(crate) struct Lists {
    pub(crate) tags: Vec<String>,
    pub(crate) asked: AtomicUsize,
    pub(crate) read: AtomicUsize,
}

impl Registry for Lists {
    fn tags<'a>(&'a self, _: &'a Repository) -> BoxFuture<'a, Result<Vec<String>, RegistryError>> {
        self.read.fetch_add(1, Ordering::SeqCst);
        async { Ok(self.tags.clone()) }.boxed()
    }

    fn tags_unless<'a>(
        &'a self,
        repository: &'a Repository,
        known: &'a KnownLists<'a>,
    ) -> BoxFuture<'a, Result<TagsUnless, RegistryError>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mark = ListMark(Sha256::digest(format!("{repository} {:?}", self.tags)).into());
        async move {
            if known(&mark) {
                return Ok(TagsUnless::Same(mark));
            }
            Ok(TagsUnless::Tags { tags: self.tags(repository).await?, mark: Some(mark) })
        }
        .boxed()
    }

    fn digest<'a>(&'a self, _: &'a Repository, tag: &'a Tag) -> BoxFuture<'a, Result<Digest, RegistryError>> {
        let digest = Digest::parse(&format!("sha256:{}{:02x}", "0a".repeat(31), tag.as_str().len())).unwrap();
        async { Ok(digest) }.boxed()
    }

    fn metadata<'a>(
        &'a self,
        repository: &'a Repository,
        _: &'a Tag,
    ) -> BoxFuture<'a, Result<ImageMetadata, RegistryError>> {
        refused(repository)
    }

    fn referrers<'a>(
        &'a self,
        repository: &'a Repository,
        _: &'a Digest,
    ) -> BoxFuture<'a, Result<Vec<Referrer>, RegistryError>> {
        refused(repository)
    }

    fn manifest<'a>(
        &'a self,
        repository: &'a Repository,
        _: &'a Digest,
    ) -> BoxFuture<'a, Result<Vec<u8>, RegistryError>> {
        refused(repository)
    }

    fn blob<'a>(
        &'a self,
        repository: &'a Repository,
        _: &'a Digest,
        _: usize,
    ) -> BoxFuture<'a, Result<Vec<u8>, RegistryError>> {
        refused(repository)
    }

    fn requests(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }
}

fn refused<T: Send + 'static>(repository: &Repository) -> BoxFuture<'static, Result<T, RegistryError>> {
    let kind = RegistryErrorKind::ServerError { status: 503 };
    let error = RegistryError { host: repository.host().to_owned(), kind, detail: String::new() };
    async { Err(error) }.boxed()
}

pub(crate) struct At(i64);

impl Clock for At {
    fn now(&self) -> i64 {
        self.0
    }
}

/// A branch with some references, a policy, a registry, a day.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) lists: Lists,
    pub(crate) now: i64,
    pub(crate) scope: Scope,
    /// Whether somebody wants to hear of every decision.
    pub(crate) curious: bool,
}

struct Listener(bool);

impl Events for Listener {
    fn happened(&self, _: &Event<'_>) {}

    fn wants(&self, _: &landwaiter::image::Repository) -> bool {
        self.0
    }
}

impl World {
    pub(crate) fn new(policy: &str, tags: &[&str], currents: &[&str]) -> World {
        let (scope, folder) = (Scope::default(), tempfile::tempdir().unwrap());
        let world = World { folder, lists: Lists::default(), now: NOON, scope, curious: false };
        let mut world = World { lists: Lists { tags: owned(tags), ..Lists::default() }, ..world };
        let work = world.folder.path().join("work");
        fs::create_dir_all(&work).unwrap();
        run_git(&work, &["init", "--quiet", "--initial-branch=main"]);
        world.write(policy, currents);
        world
    }

    pub(crate) fn write(&mut self, policy: &str, currents: &[&str]) {
        let work = self.folder.path().join("work");
        let head = "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n";
        fs::write(
            work.join("landwaiter.yaml"),
            format!("{head}- {{name: all, images: ['reg.example.com/**'], {policy}}}\n"),
        )
        .unwrap();
        for (at, current) in currents.iter().enumerate() {
            let image = format!("reg.example.com/app-{at}{current}");
            let pod = format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: p{at}}}\nspec: {{containers: [{{image: '{image}'}}]}}\n"
            );
            fs::write(work.join(format!("p{at}.yaml")), pod).unwrap();
        }
        run_git(&work, &["add", "--all"]);
        run_git(&work, &["commit", "--quiet", "--allow-empty", "--message=x"]);
    }

    pub(crate) fn plan(&self, store: &dyn Store) -> String {
        let bot = Author { name: "Bot".to_owned(), email: "bot@example.com".to_owned() };
        let options = Options {
            policies: None,
            tenancy: Settings::default().tenancy,
            author: bot.clone(),
            committer: bot,
            message: MessageOptions::default(),
            pull_requests: Default::default(),
            max_file: MAX_FILE,
            cache_for: BTreeMap::new(),
            sources: SourceHosts::default(),
            trust_root: None,
            seal: None,
            last_valid_policies: false,
            backoff: Duration::ZERO,
            deadline: DEADLINE,
            freeze: None,
            changes_per_run: None,
            history: HISTORY,
        };
        let work = Location::Path(self.folder.path().join("work"));
        let run = Run {
            repo: git::open(&work, Some("main"), &git::Options::default()).unwrap().into(),
            registry: &self.lists,
            store,
            sources: Arc::new(NoSources),
            forge: None,
            clock: &At(self.now),
            events: &Listener(self.curious),
            options: &options,
            scope: self.scope.clone(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let planned = runtime.block_on(run.plan()).unwrap();
        format!("{}\n{:?}", render::json::plan(&planned), planned.plan.notes)
    }

    /// The plan of a run with a memory, and how many lists were asked for and read.
    pub(crate) fn remembering(&self) -> (String, usize, usize) {
        let store = Database::new(Some(self.folder.path().join("store")));
        let count = || (self.lists.asked.load(Ordering::SeqCst), self.lists.read.load(Ordering::SeqCst));
        let before = count();
        let plan = self.plan(&store);
        let after = count();
        (plan, after.0 - before.0, after.1 - before.1)
    }

    /// How many lists are read in a run with a memory, whose plan must be that of one without. All are asked for.
    pub(crate) fn reads(&self) -> usize {
        let (with, asked, read) = self.remembering();
        let before = self.lists.asked.load(Ordering::SeqCst);
        assert_eq!(with, self.plan(&Forgetful));
        assert_eq!(asked, self.lists.asked.load(Ordering::SeqCst) - before);
        read
    }
}

pub(crate) fn owned(tags: &[&str]) -> Vec<String> {
    tags.iter().map(|tag| (*tag).to_owned()).collect()
}
