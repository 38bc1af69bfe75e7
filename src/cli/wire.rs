//! The composition root: the only file that names concrete adapters. What it makes them of is read in [`super::machine`].
//!
//! The order of credentials for registries stands in [`super::keys`]. For Git over SSH without settings: the
//! user's own Ed25519 key and `known_hosts`, as `ssh` would use them.
#![expect(clippy::disallowed_methods, reason = "this is where the clock enters")]

use super::diagnose::Failure;
use super::keys;
use super::machine::{checkout_around, home, login, read_settings, read_text, secret, state_folder};
use super::output::Output;
use super::progress::Progress;
use super::{OperatorArguments, RepoArguments, forges, sources};
use crate::config::settings::{
    GitSettings, Proxy, RegistrySettings, SecretSource, Settings, SigningSettings, SourceHosts,
};
use crate::cycle::{
    DEADLINE, Events, HISTORY, MAX_FILE, Options, PolicySources, Rejected, Run, RunError, Scope, judge_policies,
    policy_sources,
};
use crate::git::{self, Location};
use crate::http::{self, Rate, Watcher, WayOut};
use crate::plan::{MessageOptions, Seal};
use crate::policy::Policy;
use crate::port::{Author, Clock, ConfigRepo, Forge, Secret, SourceHistory};
use crate::registry::{self, Mirrors};
use crate::signature::TrustRoot;
use crate::store::Database;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::runtime::Runtime;

/// Who the commits are from unless the settings say otherwise.
const AUTHOR: (&str, &str) = ("Landwaiter", "landwaiter@localhost");
/// The longest pause between two attempts of a run whose branch moved.
const BACKOFF: Duration = Duration::from_secs(5);
/// The shortest secret that seals the ledger, in bytes.
const MIN_SEAL: usize = 32;
/// What a command means to do with the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Read,
    /// Commit on the branch of a bare or remote repository.
    WriteBranch,
    /// Edit the files of a checkout.
    WriteWorktree,
    /// Commit at a checkout's origin.
    PushOrigin,
    /// Write the ledger of a bare or remote repository.
    WriteLedger,
}

/// What all runs of a process share: the settings, and what was learned of registries.
pub(super) struct Shared {
    settings: Arc<Settings>,
    operator: OperatorArguments,
    /// Of forges; the registries' client has its own.
    forges: Watcher,
    pub(super) registry: registry::Client,
    store: Arc<Database>,
}

/// One branch of a config repository, open.
pub(super) struct Opened {
    repo: Arc<dyn ConfigRepo>,
    sources: Arc<dyn SourceHistory>,
    forge: Option<Arc<dyn Forge>>,
    options: Options,
}

/// Everything a command needs, made from arguments, settings and environment.
pub(super) struct Wired {
    shared: Shared,
    opened: Opened,
    progress: Progress,
    runtime: Runtime,
    /// Where the current directory is in the checkout around it; empty elsewhere.
    here: PathBuf,
}

/// The clock on the wall.
#[derive(Debug, Clone, Copy)]
pub(super) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    }
}

/// For one run: whoever decides also listens, so that no answer has to wake another thread (see `docs/benchmark.md`). Files are
/// read, and commits made, on threads for blocking work.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|error| Failure::failed(format!("cannot start: {error}")))
}

/// For the service: runs beside each other, and whoever asks how it is gets an answer meanwhile.
pub(super) fn service_runtime() -> Result<Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    built.map_err(|error| Failure::failed(format!("cannot start: {error}")))
}

impl Shared {
    /// `watchers` are those of registries and of forges.
    pub(super) fn new(
        settings: Settings,
        operator: &OperatorArguments,
        watchers: (Watcher, Watcher),
    ) -> Result<Shared, Failure> {
        let (registries, forges) = watchers;
        let store = Arc::new(Database::new(state_folder(operator).map(|folder| folder.join("store"))));
        Ok(Shared {
            registry: registry_client(&settings, Some(registries))?.remembering(store.clone()),
            settings: Arc::new(settings),
            operator: operator.clone(),
            forges,
            store,
        })
    }

    /// Whether runs could be made by these settings, as far as their own files say.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if let Some(signing) = &self.settings.commit.signing {
            signer(signing)?;
        }
        run_options(None, &self.settings, SourceHosts::default()).map(drop)
    }

    /// Opens a branch. `hosts` are those that `select: commit` may read from.
    fn open(
        &self,
        location: &Location,
        branch: Option<&str>,
        policies: Option<GlobSet>,
        hosts: SourceHosts,
    ) -> Result<Opened, Failure> {
        let found = forges::find(location, &self.settings, self.forges.clone())?;
        let (forge, login) = found.map_or((None, None), |found| (Some(found.forge), found.git));
        // `login` counts where the settings have none for Git.
        let mut git = git_options(location, &self.operator, &self.settings)?;
        git.login = git.login.or(login);
        let repo = git::open(location, branch, &git).map_err(RunError::Repo)?;
        let way = sources::way(hosts.clone(), self.operator.clone(), Arc::clone(&self.settings));
        Ok(Opened {
            repo: repo.into(),
            forge,
            options: run_options(policies, &self.settings, hosts)?,
            sources: Arc::new(git::Histories::new(way, git::history::Limits::default())),
        })
    }

    /// Opens what is to be written to: a bare repository or a URL, as `update` does.
    pub(super) fn open_named(&self, repo: &str, branch: Option<&str>, policies: &[String]) -> Result<Opened, Failure> {
        let location = parse(repo)?;
        check_usage(&location, branch, Purpose::WriteBranch)?;
        let hosts = sources::hosts(&location, &self.settings);
        let mut opened = self.open(&location, branch, globs(policies)?, hosts)?;
        opened.options.last_valid_policies = true;
        Ok(opened)
    }

    /// The run that `opened` is for.
    pub(super) fn run<'a>(&'a self, opened: &'a Opened, events: &'a dyn Events) -> Run<'a> {
        Run {
            repo: opened.repo.clone(),
            registry: &self.registry,
            store: &*self.store,
            sources: Arc::clone(&opened.sources),
            forge: opened.forge.clone(),
            clock: &SystemClock,
            events,
            options: &opened.options,
            scope: Scope::default(),
        }
    }
}

impl Wired {
    pub(super) fn new(arguments: &RepoArguments, purpose: Purpose, output: &Output) -> Result<Wired, Failure> {
        let (named, here) = checkout_around(&arguments.repo);
        let location = parse(&named)?;
        let branch = only_branch(arguments)?;
        check_usage(&location, branch.as_deref(), purpose)?;
        let policies = globs(&arguments.policies)?;
        let settings = read_settings(&arguments.operator)?;
        let hosts = sources::hosts(&location, &settings);
        let progress = Progress::new(output.watched());
        let (location, branch) = target(location, branch, purpose)?;
        let shared = Shared::new(settings, &arguments.operator, (progress.watcher(), progress.watcher()))?;
        let opened = shared.open(&location, branch.as_deref(), policies, hosts)?;
        Ok(Wired { shared, opened, progress, runtime: runtime()?, here })
    }

    /// Runs one piece of asynchronous work to its end.
    pub(super) fn block_on<T>(&self, work: impl AsyncFnOnce(Run<'_>) -> Result<T, RunError>) -> Result<T, Failure> {
        let result = self.runtime.block_on(work(self.shared.run(&self.opened, &self.progress)));
        self.progress.done();
        Ok(result?)
    }

    /// What a person in the current directory means by `FILE` or `FILE:LINE`, from the root of the checkout; any other
    /// text stays as it is.
    pub(super) fn target(&self, text: &str) -> String {
        let (file, line) = match text.rsplit_once(':') {
            Some((file, line)) if line.parse::<usize>().is_ok() => (file, Some(line)),
            _ => (text, None),
        };
        if self.here.as_os_str().is_empty() || !Path::new(file).is_file() {
            return text.to_owned();
        }
        let mut from_root = self.here.clone();
        for part in Path::new(file).components() {
            match part {
                Component::ParentDir => drop(from_root.pop()),
                Component::Normal(part) => from_root.push(part),
                Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            }
        }
        let file = from_root.display();
        line.map_or_else(|| file.to_string(), |line| format!("{file}:{line}"))
    }

    /// The policies alone, with whatever is wrong with them.
    pub(super) fn policies(&self) -> Result<LoadedPolicies, Failure> {
        let (repo, options) = (&self.opened.repo, &self.opened.options);
        let snapshot = repo.snapshot().map_err(RunError::Repo)?;
        let sources =
            policy_sources(&*snapshot, options.policies.as_ref(), options.max_file).and_then(PolicySources::readable);
        let sources = sources.map_err(RunError::Repo)?;
        self.progress.done();
        let (rules, rejected) = judge_policies(sources, options.policies.is_some());
        Ok(LoadedPolicies { policies: rules.policies, rejected })
    }
}

#[derive(Debug)]
pub(super) struct LoadedPolicies {
    pub policies: Vec<Policy>,
    pub rejected: Rejected,
}

impl LoadedPolicies {
    /// The policies, if nothing is wrong with any.
    pub(super) fn into_valid(self) -> Result<Vec<Policy>, Failure> {
        if self.rejected.has_errors() { Err(Failure::rejected("policies", self.rejected)) } else { Ok(self.policies) }
    }
}

fn run_options(policies: Option<GlobSet>, settings: &Settings, sources: SourceHosts) -> Result<Options, Failure> {
    let commit = &settings.commit;
    let named = |(name, email): (String, String)| Author { name, email };
    let author = named(commit.author.clone().unwrap_or_else(|| (AUTHOR.0.into(), AUTHOR.1.into())));
    let sign_off = commit.sign_off.then(|| format!("{} <{}>", author.name, author.email));
    Ok(Options {
        policies,
        tenancy: settings.tenancy.clone(),
        sources,
        trust_root: trust_root(settings)?.map(Arc::new),
        committer: commit.committer.clone().map_or_else(|| author.clone(), named),
        author,
        pull_requests: settings.pull_requests.clone(),
        message: MessageOptions { words: commit.words.clone(), trailers: commit.trailers, sign_off },
        max_file: settings.limits.max_file_size.unwrap_or(MAX_FILE),
        cache_for: settings.cache_for(),
        backoff: BACKOFF,
        deadline: settings.limits.run_deadline.unwrap_or(DEADLINE),
        freeze: settings.freeze.clone(),
        changes_per_run: settings.limits.changes_per_run,
        history: settings.limits.history.unwrap_or(HISTORY),
        seal: settings.ledger.seal.as_ref().map(seal).transpose()?,
        last_valid_policies: false,
    })
}

/// The secret under which first sights are believed.
fn seal(source: &SecretSource) -> Result<Seal, Failure> {
    let secret = secret(source)?;
    let bytes = secret.expose().as_bytes();
    if bytes.len() < MIN_SEAL {
        return Err(Failure::failed(format!("the ledger's seal has {} bytes, fewer than {MIN_SEAL}", bytes.len()))
            .hint("`openssl rand -hex 32` makes a good one"));
    }
    Ok(Seal::new(bytes))
}

/// The settings' trust root. One that cannot be used ends the command: what it would have verified must not be guessed.
fn trust_root(settings: &Settings) -> Result<Option<TrustRoot>, Failure> {
    let Some(path) = &settings.trust_root_file else {
        return Ok(None);
    };
    let text = read_text(path, "trustRootFile")?;
    let unusable = |error| Failure::failed(format!("trustRootFile {}: {error}", path.display()));
    TrustRoot::parse(&text).map(Some).map_err(unusable)
}

fn globs(patterns: &[String]) -> Result<Option<GlobSet>, Failure> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let pattern = pattern.trim_start_matches("./");
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        set.add(glob.map_err(|error| Failure::usage(format!("--policies: {error}")))?);
    }
    set.build().map(Some).map_err(|error| Failure::usage(format!("--policies: {error}")))
}

/// Whether the command makes sense for such a repository: asked before anything is read.
fn check_usage(location: &Location, branch: Option<&str>, purpose: Purpose) -> Result<(), Failure> {
    let checkout = matches!(location, Location::Path(path) if path.exists() && !git::is_bare(path));
    match purpose {
        Purpose::WriteBranch if checkout => Err(Failure::usage(format!("{location} is a checkout"))
            .hint("--worktree edits its files, --push commits on the branch of its origin")),
        Purpose::WriteLedger if checkout => {
            Err(Failure::usage(format!("{location} is a checkout, which has no ledger"))
                .hint("--push writes that of its origin"))
        }
        Purpose::WriteWorktree | Purpose::PushOrigin if !checkout => {
            Err(Failure::usage(format!("{location} is no checkout"))
                .hint("--worktree and --push are for checkouts; leave them out"))
        }
        Purpose::WriteWorktree if branch.is_some() => {
            Err(Failure::usage("--worktree edits the files as they stand; leave --branch out"))
        }
        _ => Ok(()),
    }
}

/// The branch that is named, if one is; one run has one.
fn only_branch(arguments: &RepoArguments) -> Result<Option<String>, Failure> {
    match &arguments.branch[..] {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        _ => Err(Failure::usage("--branch is given several times").hint("`plan` and `update` take several branches")),
    }
}

/// The repository and the branch that are meant: of a checkout that is pushed from, those of its origin.
fn target(location: Location, branch: Option<String>, purpose: Purpose) -> Result<(Location, Option<String>), Failure> {
    Ok(match (purpose, &location) {
        (Purpose::PushOrigin, Location::Path(path)) => {
            let (url, checked_out) = git::origin_of(path).map_err(RunError::Repo)?;
            (parse(&url)?, Some(branch.unwrap_or(checked_out)))
        }
        _ => (location, branch),
    })
}

fn parse(text: &str) -> Result<Location, Failure> {
    Location::parse(text).map_err(|error| {
        let failure = Failure::usage(format!("--repo: {}", error.message));
        error.hint.into_iter().fold(failure, Failure::hint)
    })
}

pub(super) fn git_options(
    location: &Location,
    operator: &OperatorArguments,
    settings: &Settings,
) -> Result<git::Options, Failure> {
    let mut options =
        git::Options { cache_dir: state_folder(operator).map(|folder| folder.join("git")), ..git::Options::default() };
    if let Some(timeout) = settings.limits.timeout {
        options.timeouts.connect = timeout;
        options.timeouts.silence = timeout;
        options.timeouts.whole = options.timeouts.whole.max(timeout);
    }
    let entry = location.to_url().and_then(|url| settings.git(&url).cloned());
    let entry = entry.as_ref();
    if let Some(credentials) = entry.and_then(|git| git.credentials.as_ref()) {
        options.login = Some(login(credentials)?);
    }
    if let Some(path) = entry.and_then(|git| git.ca_file.as_ref()) {
        options.ca_pem = Some(read_text(path, "caFile")?.into_bytes());
    }
    if matches!(location, Location::Ssh(_)) {
        options.ssh = ssh(entry)?;
    }
    options.ledger = settings.ledger.name.clone();
    if let Some(signing) = &settings.commit.signing {
        options.signer = Some(Arc::new(signer(signing)?));
    }
    Ok(options)
}

/// The key that commits are signed with, tried once.
fn signer(signing: &SigningSettings) -> Result<git::Signer, Failure> {
    let key = Secret::new(read_text(&signing.key_file, "keyFile")?);
    let passphrase = signing.passphrase.as_ref().map(secret).transpose()?;
    git::Signer::read(&key, passphrase.as_ref()).map_err(|error| RunError::Repo(error).into())
}

/// The settings' key and hosts, or those that `ssh` would use for this user.
fn ssh(entry: Option<&GitSettings>) -> Result<Option<git::Ssh>, Failure> {
    let own = |name: &str| home().map(|home| home.join(".ssh").join(name)).filter(|path| path.exists());
    let key = entry.and_then(|git| git.ssh_key_file.clone()).or_else(|| own("id_ed25519")).or_else(|| own("id_ecdsa"));
    let hosts = entry.and_then(|git| git.known_hosts_file.clone()).or_else(|| own("known_hosts"));
    let Some((key, hosts)) = key.zip(hosts) else {
        return Ok(None);
    };
    Ok(Some(git::Ssh {
        private_key: Secret::new(read_text(&key, "SSH key")?),
        known_hosts: read_text(&hosts, "known_hosts")?,
    }))
}

pub(super) fn registry_client(settings: &Settings, watcher: Option<Watcher>) -> Result<registry::Client, Failure> {
    let mut options = registry::Options::new(concat!("landwaiter/", env!("CARGO_PKG_VERSION")));
    allow_time(&mut options.timeouts, settings);
    options.credentials = keys::credentials(settings)?;
    options.machine = keys::machine(settings);
    options.watcher = watcher;
    options.way_out = settings.proxy.as_ref().map_or(WayOut::Environment, way_out);
    for entry in &settings.registries {
        options.mirrors.extend(mirrors(entry));
        let host = options.hosts.entry(entry.host.clone()).or_default();
        host.plain_http = entry.plain_http.or(host.plain_http);
        if let Some(path) = &entry.ca_file {
            host.ca_pem = Some(read_text(path, "caFile")?.into_bytes());
        }
        if let (Some(certificate), Some(key)) = (&entry.client_cert_file, &entry.client_key_file) {
            let (certificate, key) = (read_text(certificate, "clientCertFile")?, read_text(key, "clientKeyFile")?);
            host.client_pem = Some(Secret::new(format!("{certificate}\n{key}")));
        }
        if let Some(concurrency) = entry.concurrency {
            host.concurrency = Some(concurrency.get());
        }
        if let Some(per_second) = entry.requests_per_second {
            host.rate = Some(Rate { per_second: per_second.get(), burst: per_second.get() });
        }
        if let Some(proxy) = &entry.proxy {
            host.way_out = Some(way_out(proxy));
        }
    }
    registry::Client::new(options).map_err(|error| Failure::failed(error.to_string()))
}

/// How long one request may take, where the settings say it.
pub(super) fn allow_time(timeouts: &mut http::Timeouts, settings: &Settings) {
    if let Some(timeout) = settings.limits.timeout {
        timeouts.attempt = timeout;
        timeouts.read = timeouts.read.max(timeout);
        timeouts.deadline = timeouts.deadline.max(timeout);
    }
}

pub(super) fn way_out(proxy: &Proxy) -> WayOut {
    match proxy {
        Proxy::Direct => WayOut::Direct,
        Proxy::Url(url) => WayOut::Proxy(url.clone()),
    }
}

/// What the entry says is asked instead: of the whole host, or of each of its paths.
fn mirrors(entry: &RegistrySettings) -> impl Iterator<Item = Mirrors> {
    let scopes = match &entry.paths[..] {
        _ if entry.mirrors.is_empty() => Vec::new(),
        [] => vec![entry.host.clone()],
        paths => paths.iter().map(|path| format!("{}/{path}", entry.host)).collect(),
    };
    scopes.into_iter().map(|scope| Mirrors { scope, targets: entry.mirrors.clone(), only: entry.mirrors_only })
}
