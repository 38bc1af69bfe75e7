//! What was read once is not read again: how many files' bytes are asked for is counted at the repository itself, and every
//! plan is compared, byte for byte, with that of a run without a memory.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files, start git and may panic")]

#[expect(dead_code, reason = "only `run_git` is needed")]
#[path = "support/repos.rs"]
mod repos;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use landwaiter::config::settings::{Settings, SourceHosts};
use landwaiter::cycle::{DEADLINE, Event, Events, HISTORY, MAX_FILE, Options, Run, Scope};
use landwaiter::git::{self, Location};
use landwaiter::image::{Digest, ImageMetadata, Repository, Tag};
use landwaiter::plan::{MessageOptions, Past};
use landwaiter::port::*;
use landwaiter::render;
use landwaiter::store::Database;
use repos::run_git;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A branch, and the memory of the runs on it.
struct World {
    folder: tempfile::TempDir,
    max_file: u64,
    told: AtomicUsize,
}

/// Counts whose bytes are asked for.
struct Counted {
    repo: Box<dyn ConfigRepo>,
    read: Arc<Mutex<Vec<String>>>,
}

struct CountedSnapshot(Box<dyn Snapshot>, Arc<Mutex<Vec<String>>>);

impl ConfigRepo for Counted {
    fn name(&self) -> &str {
        self.repo.name()
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot>, RepoError> {
        Ok(Box::new(CountedSnapshot(self.repo.snapshot()?, Arc::clone(&self.read))))
    }

    fn past(&self, head: Option<&CommitId>, limit: usize, keep: &Keep<'_>) -> Result<Past, RepoError> {
        self.repo.past(head, limit, keep)
    }

    fn publish(&self, publication: &Publication) -> Result<Published, PublishError> {
        self.repo.publish(publication)
    }
}

impl Snapshot for CountedSnapshot {
    fn branch(&self) -> Option<&str> {
        self.0.branch()
    }

    fn head(&self) -> Option<&CommitId> {
        self.0.head()
    }

    fn files(&self) -> &[FileEntry] {
        self.0.files()
    }

    fn read(&self, limit: u64, wanted: &dyn Fn(&FileEntry) -> bool, visit: &mut Visit<'_>) -> Result<(), RepoError> {
        self.0.read(limit, wanted, &mut |file, bytes| {
            if bytes.is_ok() {
                self.1.lock().unwrap().push(file.path.to_string());
            }
            visit(file, bytes)
        })
    }

    fn read_one(&self, path: &str) -> Result<Option<Vec<u8>>, RepoError> {
        self.1.lock().unwrap().push(format!("{path} to be edited"));
        self.0.read_one(path)
    }
}

/// Every repository has the same tags, and says nothing else.
struct Tags;

impl Registry for Tags {
    fn tags<'a>(&'a self, _: &'a Repository) -> BoxFuture<'a, Result<Vec<String>, RegistryError>> {
        async { Ok(["1.0.0", "1.1.0", "v1", "v2", "2.0.0"].map(str::to_owned).to_vec()) }.boxed()
    }

    fn digest<'a>(&'a self, repository: &'a Repository, _: &'a Tag) -> BoxFuture<'a, Result<Digest, RegistryError>> {
        refused(repository)
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

struct Noon;

impl Clock for Noon {
    fn now(&self) -> i64 {
        1_700_000_000
    }
}

impl Events for World {
    fn happened(&self, event: &Event<'_>) {
        if let Event::FilesScanned { read, .. } = event {
            self.told.store(*read, Ordering::SeqCst);
        }
    }
}

const POLICIES: &str = "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n  - {name: all, images: ['reg.example.com/**'], select: {semver: '>=1'}}\n";

impl World {
    fn new() -> World {
        let world = World { folder: tempfile::tempdir().unwrap(), max_file: MAX_FILE, told: AtomicUsize::new(0) };
        fs::create_dir_all(world.path("work")).unwrap();
        run_git(&world.path("work"), &["init", "--quiet", "--initial-branch=main"]);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path("work").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn commit(&self) {
        run_git(&self.path("work"), &["add", "--all"]);
        run_git(&self.path("work"), &["commit", "--quiet", "--allow-empty", "--message=x"]);
    }

    /// What a new process plans, and which files it read, policy files left out.
    fn plan(&self, store: &dyn Store) -> (String, Vec<String>) {
        let bot = Author { name: "Bot".to_owned(), email: "bot@example.com".to_owned() };
        let options = Options {
            policies: None,
            tenancy: Settings::default().tenancy,
            author: bot.clone(),
            committer: bot,
            message: MessageOptions::default(),
            pull_requests: Default::default(),
            max_file: self.max_file,
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
        let repo = git::open(&Location::Path(self.path("work")), Some("main"), &git::Options::default()).unwrap();
        let read = Arc::new(Mutex::new(Vec::new()));
        let run = Run {
            repo: Arc::new(Counted { repo, read: Arc::clone(&read) }),
            registry: &Tags,
            store,
            sources: Arc::new(NoSources),
            forge: None,
            clock: &Noon,
            events: self,
            options: &options,
            scope: Scope::default(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let planned = runtime.block_on(run.plan()).unwrap();
        let mut read = std::mem::take(&mut *read.lock().unwrap());
        // The policies are read first, once each; so is what is edited, last.
        let files = self.told.load(Ordering::SeqCst);
        let edits = read.iter().filter(|path| path.ends_with(" to be edited")).count();
        let policies = read.len() - edits - files;
        assert!(read.drain(..policies).all(|path| path.contains("landwaiter") || path.starts_with("policies/")));
        read.truncate(files);
        read.sort();
        (format!("{}\n{:?}", render::json::plan(&planned), planned.plan.notes), read)
    }

    /// What is read in a run with a memory, whose plan must be that of one without.
    fn reads(&self) -> Vec<String> {
        let (without, all) = self.plan(&Forgetful);
        assert!(all.len() >= files_of(&self.path("work")) / 2, "a run without a memory reads everything");
        let (with, read) = self.plan(&Database::new(Some(self.path("store"))));
        assert_eq!(with, without);
        read
    }
}

/// YAML files, more or less.
fn files_of(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let visible = entries.filter(|path| !path.ends_with(".git"));
    visible
        .map(
            |path| {
                if path.is_dir() { files_of(&path) } else { usize::from(path.extension().is_some_and(|e| e == "yaml")) }
            },
        )
        .sum()
}

fn pod(image: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec: {{containers: [{{image: '{image}'}}]}}\n")
}

/// Six files for each of fifty applications, with all that one file can ask of others.
fn many() -> World {
    let world = World::new();
    world.write("landwaiter.yaml", POLICIES);
    for app in 0..50 {
        let image = format!("reg.example.com/app-{app}");
        world.write(&format!("apps/{app}/pod.yaml"), &pod(&format!("{image}:1.0.0")));
        world.write(&format!("apps/{app}/silent.yaml"), &format!("kind: Service\nmetadata: {{name: app-{app}}}\n"));
        world.write(&format!("apps/{app}/broken.yaml"), &format!("image: [ # {app}\n"));
        world.write(&format!("charts/{app}/Chart.yaml"), &format!("apiVersion: v2\nname: app-{app}\n"));
        world.write(&format!("charts/{app}/values.yaml"), &format!("image: {{repository: {image}, tag: 1.0.0}}\n"));
        world.write(&format!("charts/{app}/values-prod.yaml"), "image: {tag: 1.1.0}\n");
    }
    // Files that are looked at twice: as values, because another says so, and as kustomizations among others.
    world.write("helmfile.yaml", "releases:\n- {name: web, chart: ./charts/1, values: [odd/names.yaml]}\n");
    world.write("odd/names.yaml", "web: {image: {repository: reg.example.com/app-1, tag: 1.0.0}}\n");
    world.write("k/kustomization.yaml", "images: [{name: web, newTag: 1.0.0}]\n");
    world.write("p/kustomization.yaml", "resources: [../k]\nimages: [{name: web, newName: reg.example.com/web}]\n");
    world.commit();
    world
}

#[test]
fn an_unchanged_tree_is_not_read_and_of_a_changed_one_only_what_changed() {
    let world = many();
    let first = world.reads();
    assert!((300..=312).contains(&first.len()), "{}: each once, and some twice", first.len());
    assert_eq!(world.reads(), [""; 0]);
    world.commit();
    assert_eq!(world.reads(), [""; 0], "a commit that changes nothing");

    world.write("apps/7/pod.yaml", &pod("reg.example.com/app-7:1.1.0"));
    world.write("apps/8/silent.yaml", "kind: Service\n");
    world.commit();
    assert_eq!(world.reads(), ["apps/7/pod.yaml", "apps/8/silent.yaml"]);
    assert_eq!(world.reads(), [""; 0]);

    // What other files make of a file is decided anew, though it is not read.
    fs::remove_file(world.path("work/charts/3/Chart.yaml")).unwrap();
    world.write("charts/4/values.yaml", "image: {repository: reg.example.com/other, tag: 1.0.0}\n");
    world.commit();
    assert_eq!(world.reads(), ["charts/4/values.yaml"]);
    world.write("helmfile.yaml", "releases:\n- {name: web, chart: ./charts/1}\n");
    world.write("p/kustomization.yaml", "resources: [../k]\nimages: [{name: web, newName: reg.example.com/api}]\n");
    world.commit();
    assert_eq!(world.reads(), ["helmfile.yaml", "p/kustomization.yaml", "p/kustomization.yaml"]);
}

#[test]
fn the_same_bytes_under_another_path_are_read_for_what_they_are_there() {
    let world = many();
    world.reads();
    fs::rename(world.path("work/apps/7/pod.yaml"), world.path("work/apps/7/renamed.yaml")).unwrap();
    world.commit();
    assert_eq!(world.reads(), ["apps/7/renamed.yaml"]);
    // One content, three shapes: Helm values, a service of Compose, and nothing.
    for path in ["x/values.yaml", "x/compose.yaml", "x/other.yaml"] {
        world.write(path, "services: {web: {image: 'reg.example.com/web:1.0.0'}}\n");
    }
    world.commit();
    assert_eq!(world.reads(), ["x/compose.yaml", "x/other.yaml", "x/values.yaml"]);
    assert_eq!(world.reads(), [""; 0]);
}

#[test]
fn what_the_policies_declare_and_how_much_is_read_begins_anew() {
    let mut world = many();
    let all = world.reads().len();
    let declared = format!("{POLICIES}locations:\n  - {{files: ['apps/**/silent.yaml'], path: metadata.name}}\n");
    world.write("landwaiter.yaml", &declared);
    world.commit();
    assert_eq!(world.reads().len(), all, "a location was declared");
    assert_eq!(world.reads().len(), 0);
    world.write("landwaiter.yaml", &POLICIES.replace(">=1'}", ">=1'}, templates: markers"));
    world.commit();
    assert_eq!(world.reads().len(), all, "markers in templates are followed");
    // Back to what was known; of the policies themselves only the new text is read.
    world.write("landwaiter.yaml", &POLICIES.replace(">=1", ">=1.0"));
    world.commit();
    assert_eq!(world.reads(), ["landwaiter.yaml"]);
    world.write("big.yaml", &format!("image: reg.example.com/web:1.0.0 # {}\n", "x".repeat(1000)));
    world.commit();
    assert_eq!(world.reads(), ["big.yaml"]);
    world.max_file = 1000;
    assert!(world.plan(&Forgetful).0.contains("more than the limit of 1000"));
    assert_eq!(world.reads().len(), all);
    assert_eq!(world.reads().len(), 0);
}

#[test]
fn a_memory_that_is_gone_or_damaged_costs_a_reading_and_nothing_else() {
    let world = many();
    let all = world.reads().len();
    fs::remove_dir_all(world.path("store")).unwrap();
    assert_eq!(world.reads().len(), all);
    // What was found is damaged where the database itself does not see it.
    let database = rusqlite::Connection::open(world.path("store/memory.sqlite")).unwrap();
    let changed = database.execute("UPDATE files SET value = CAST(zeroblob(length(value)) AS BLOB)", []).unwrap();
    assert!(changed > 0);
    drop(database);
    assert_eq!(world.reads().len(), all);
    assert_eq!(world.reads().len(), 0);
    let mut bytes = fs::read(world.path("store/memory.sqlite")).unwrap();
    bytes[4096..].fill(0x5a);
    fs::write(world.path("store/memory.sqlite"), bytes).unwrap();
    assert_eq!(world.reads().len(), all);
    assert_eq!(world.reads().len(), 0);
}

/// Every file that the scenarios have: references of every kind, and everything that is wrong with files.
#[test]
fn every_scenario_is_planned_alike_from_memory() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut seen = 0;
    for scenario in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let world = World::new();
        copy(&scenario.join("before"), &world.path("work"));
        world.commit();
        // Some are about policies that are rejected before any other file is read.
        if fs::read_to_string(scenario.join("report.txt")).unwrap().starts_with("error: ") {
            continue;
        }
        let first = world.reads();
        let again = world.reads();
        assert!(again.is_empty(), "{}: {again:?} of {}", scenario.display(), first.len());
        seen += 1;
    }
    assert!(seen > 30, "{seen}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
