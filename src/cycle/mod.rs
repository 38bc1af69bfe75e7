//! One run: scan, select, edit, write.
//!
//! [`Run::plan`] reads a snapshot of the config repository, finds its references, asks each repository's registry once,
//! decides, and proves every edit on the bytes it would change. [`Run::update`] does the same and publishes; when the branch
//! moved meanwhile, or the connection broke, it plans again from the new head, a bounded number of times. Nothing is written before everything that
//! will be written is known.

mod ask;
mod decided;
mod event;
mod explain;
mod familiar;
mod history;
mod hold;
mod inspect;
mod keep;
mod last_valid;
mod learn;
mod ledger;
mod near;
mod notebook;
mod propose;
mod recall;
mod references;
mod refused;
mod rollback;
mod scan;
mod scope;
mod select;
mod signatures;
mod stage;
mod verdicts;
mod write;

pub use decided::{Decided, Look, Since};
pub use event::{Event, Events, Quiet};
pub use explain::{Explanation, Place};
pub use hold::{HoldChange, Released, StillHeld, Wish};
pub use keep::Kept;
pub use propose::{Outcome, Pulled};
pub use recall::WATCH_PACE;
pub use scan::{PolicySources, policy_sources};
pub use scope::Scope;
pub use write::{Approve, Report, Written, WrittenCommit};

use crate::config::policies::{self, Loaded, Places};
use crate::config::settings::{PullRequestSettings, SourceHosts, Tenancy};
use crate::image::{Repository, Tag};
use crate::plan::{LedgerHold, MessageOptions, Plan, Seal};
use crate::policy::{Admission, PassedOver, Policy, PolicyName};
use crate::port::{
    Author, Clock, CommitId, ConfigRepo, Forge, NewFile, Notice, Registry, RepoError, SourceHistory, Store,
};
use crate::schedule::Freeze;
use crate::signature::TrustRoot;
use crate::site::Declarations;
use crate::text::{Diagnostic, Severity, position};
use globset::GlobSet;
use ledger::Book;
use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

/// Files over this many bytes are skipped with a reason, unless the settings say otherwise.
pub const MAX_FILE: u64 = 32 << 20;
/// Repositories of one host that are looked up at once; the requests they need have their own, smaller limit.
pub const IN_FLIGHT: usize = 32;
/// Hosts that are asked at once. Each has its own share of the run: one that keeps us waiting holds up only itself.
pub const HOSTS: usize = 256;
/// How long a run asks registries unless the settings say otherwise. Long enough for some thousand repositories of a host that
/// wants to be asked slowly, short enough for a run every hour.
pub const DEADLINE: Duration = Duration::from_secs(30 * 60);
/// The longest that may be set.
pub const LONGEST_DEADLINE: Duration = Duration::from_secs(24 * 60 * 60);
/// How many of a branch's newest commits are looked at for what somebody took back, unless the settings say otherwise.
pub const HISTORY: usize = 100_000;
/// How often a run plans again because the branch moved under it.
pub const MAX_ATTEMPTS: u32 = 10;
/// How often a run tries to write when what fails is not the race but the way to the repository.
pub const MAX_FAILURES: u32 = 3;

/// What a run is given. It owns no adapter and reads no environment.
pub struct Run<'a> {
    pub repo: Arc<dyn ConfigRepo>,
    pub registry: &'a dyn Registry,
    pub store: &'a dyn Store,
    pub sources: Arc<dyn SourceHistory>,
    /// Where pull requests are opened; `None` when no forge is known for the repository.
    pub forge: Option<Arc<dyn Forge>>,
    pub clock: &'a dyn Clock,
    pub events: &'a dyn Events,
    pub options: &'a Options,
    /// What is asked about.
    pub scope: Scope,
}

impl std::fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("repo", &self.repo.name()).field("options", &self.options).finish_non_exhaustive()
    }
}

/// The operator's choices, as plain data.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where policies are looked for; `None` is the default places.
    pub policies: Option<GlobSet>,
    pub tenancy: Tenancy,
    /// Whose repositories `select: commit` may read.
    pub sources: SourceHosts,
    /// Whom keyless signatures are believed by.
    pub trust_root: Option<Arc<TrustRoot>>,
    pub author: Author,
    /// Who commits what the author wrote.
    pub committer: Author,
    pub message: MessageOptions,
    pub pull_requests: PullRequestSettings,
    /// Bytes; see [`MAX_FILE`].
    pub max_file: u64,
    /// By host: for how long a tag list that was read counts instead of asking again.
    pub cache_for: BTreeMap<String, Duration>,
    /// The longest pause between two attempts; zero in tests.
    pub backoff: Duration,
    /// How long registries are asked; see [`DEADLINE`].
    pub deadline: Duration,
    /// Nothing is written before it is over.
    pub freeze: Option<Freeze>,
    /// How many changes one run makes; `None` is all of them.
    pub changes_per_run: Option<NonZeroUsize>,
    /// How many commits are looked at for what somebody took back; see [`HISTORY`].
    pub history: usize,
    /// Where a policy file is broken, its last valid version is used instead, if it is remembered.
    pub last_valid_policies: bool,
    /// Under which first sights are written to the ledger and believed; without it none are.
    pub seal: Option<Seal>,
}

/// Why a run ended without a plan or without its write. Held references are no failure: they stand in the plan.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// Policy files were rejected. Nothing was scanned.
    #[error("the policies have problems")]
    Policies(Rejected),
    #[error("the server refused the push: {reason}")]
    Refused { reason: String, messages: Vec<String> },
    #[error("the branch moved {attempts} times while this run was at work")]
    Contention { attempts: u32 },
    /// `--plan FILE` and the plan of now differ.
    #[error("{0}")]
    NotApproved(String),
    /// `explain` was asked about something that is not there.
    #[error("{0}")]
    NotFound(String),
    #[error("internal error: a worker stopped ({0})")]
    Worker(String),
}

/// Diagnostics with the texts they point into.
#[derive(Debug, Clone, Default)]
pub struct Rejected {
    pub diagnostics: Vec<Diagnostic>,
    pub sources: Vec<(String, String)>,
}

impl Rejected {
    /// The file of one of the diagnostics, with its line where it has one.
    pub fn place(&self, diagnostic: &Diagnostic) -> String {
        let source = self.sources.iter().find(|(file, _)| *file == diagnostic.file);
        let line = diagnostic.span.zip(source).map(|(span, (_, text))| position(text, span.start).line);
        line.map_or_else(|| diagnostic.file.clone(), |line| format!("{}:{line}", diagnostic.file))
    }

    /// Warnings do not count.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// A plan, and what is needed to write it.
#[derive(Debug)]
pub struct Planned {
    pub repository: String,
    pub branch: Option<String>,
    pub head: Option<CommitId>,
    pub plan: Plan,
    pub policies: Arc<Vec<Policy>>,
    /// Warnings about the policy files, and about what could not be remembered; and errors, where the operator's tenancy keeps
    /// one file's errors to itself.
    pub warnings: Rejected,
    /// Repositories whose tag lists an earlier run read, and when: seconds since 1970, UTC.
    pub lists: BTreeMap<Repository, i64>,
    /// New contents of the files that change, proven, all changes together.
    pub files: Vec<NewFile>,
    /// What is committed to the branch, as commits on top of each other.
    pub commits: Vec<Staged>,
    /// What is proposed by pull requests, each on the snapshot alone.
    pub proposals: Vec<Staged>,
    /// What pull requests show beyond the plan.
    pub kept: Option<Kept>,
    /// Of changes that pull requests propose: better or unclear tags that were not chosen, by policy, image and current tag.
    pub passed_over: PassedOverTags,
    /// What registries did that a person should know of, sorted.
    pub notices: Vec<Notice>,
    /// The holds in the ledger that count now, and how many references each names.
    pub holds: Vec<(LedgerHold, usize)>,
}

/// See [`Planned::passed_over`].
pub type PassedOverTags = HashMap<(PolicyName, Repository, Option<Tag>), Vec<PassedOver>>;

/// One commit that is ready to be made.
#[derive(Debug, Clone)]
pub struct Staged {
    /// The name of its group of changes.
    pub group: Arc<str>,
    /// Whether it is a proposal.
    pub pull_request: bool,
    pub message: String,
    /// From the state after the commit before it.
    pub files: Vec<NewFile>,
}

impl Run<'_> {
    /// What an update would do now. Writes nothing to the repository; what was learned is remembered.
    pub async fn plan(&self) -> Result<Planned, RunError> {
        let mut memory = select::Memory::new(self.options);
        let planned = self.plan_with(&mut memory).await?;
        self.tell(&memory.news);
        Ok(planned)
    }

    /// Whether a policy may touch an image in a file: the operator's word first, then the repository's own.
    fn allowed(&self, admission: &Admission, policy: &Policy, file: &str, image: &Repository) -> Result<(), String> {
        if !self.options.tenancy.allows(&policy.file, file, image) {
            return Err(format!("the operator's settings do not let {} touch this", policy.file));
        }
        // A list counts for what its file may touch: one tenant must not be able to hold back another's.
        let counts = |list: &str| self.options.tenancy.allows(list, file, image);
        admission.refusal(image, &counts).map_or(Ok(()), Err)
    }

    async fn plan_with(&self, memory: &mut select::Memory) -> Result<Planned, RunError> {
        let mut scanned = self.scan().await?;
        memory.keep_for(&scanned.sources);
        memory.book = Book::of(&*scanned.snapshot);
        let selected = self.select(&mut scanned, memory).await?;
        scanned.warnings.diagnostics.extend(self.memory_warnings(memory.missing.as_deref()));
        let skipped = std::mem::take(&mut scanned.skipped);
        let mut plan = Plan { entries: selected, skipped, notes: std::mem::take(&mut scanned.notes) };
        plan.sort();
        let policies = scanned.policies.clone();
        let sources = rollback::Sources { policies: &policies, histories: &memory.histories, until: memory.until };
        let (book, now) = (&memory.book, self.clock.now());
        let named = plan.named_by(book.ledger.active(now).map(|hold| &hold.target));
        let count = |hold: &LedgerHold| (hold.clone(), named.get(&hold.target).copied().unwrap_or_default());
        let holds = book.ledger.active(now).map(count).collect();
        self.restrain(&mut plan, scanned.snapshot.head().cloned(), book, sources).await?;
        let staged = self.stage(scanned, plan).await?;
        let notices = self.registry.notices();
        for notice in &notices {
            self.events.happened(&Event::RegistryNoticed { notice });
        }
        let passed_over = memory.passed_over.clone();
        Ok(Planned { lists: memory.lists.clone(), notices, passed_over, holds, ..staged })
    }
}

/// What the policy files of a repository say, all together.
#[derive(Debug)]
pub struct Rules {
    pub policies: Vec<Policy>,
    /// Where references are that are not found by themselves.
    pub declarations: Declarations,
    /// What may be touched at all.
    pub admission: Admission,
    /// Where each policy says what it says.
    pub places: BTreeMap<PolicyName, Places>,
    /// Policy files that were rejected, while others are used.
    pub broken: Vec<String>,
}

/// Reads the policy texts; any error rejects them all, with every problem listed. Where the operator's tenancy separates
/// their authors, it rejects its own file only: what that file may touch is held, the others go on.
fn read_policies(found: PolicySources, named: bool, tenancy: &Tenancy) -> Result<(Rules, Rejected), RunError> {
    let (rules, rejected) = judge_policies(found.clone(), named);
    if !rejected.has_errors() {
        return Ok((rules, rejected));
    }
    let broken: Vec<String> = rules.broken;
    let good: Vec<_> = found.texts.into_iter().filter(|(path, _)| !broken.contains(path)).collect();
    let is_theirs = |one: &Diagnostic| rejected.sources.iter().any(|(path, _)| *path == one.file);
    let theirs = rejected.diagnostics.iter().all(|one| one.severity == Severity::Warning || is_theirs(one));
    if !tenancy.separates() || !theirs || good.is_empty() {
        return Err(RunError::Policies(rejected));
    }
    let Loaded { policies, declarations, admission, places, diagnostics } = policies::read(&good);
    if diagnostics.iter().any(|one| one.severity == Severity::Error) {
        return Err(RunError::Policies(rejected));
    }
    Ok((Rules { policies, declarations, admission, places, broken }, rejected))
}

/// The policies with whatever is wrong with them. To have none at all is worth a word: at the default places it may be
/// meant, where `named` places hold none it is a mistake.
pub fn judge_policies(found: PolicySources, named: bool) -> (Rules, Rejected) {
    let PolicySources { texts: sources, overlooked, .. } = found;
    let loaded = policies::read(&sources);
    let broken = loaded.broken().into_iter().collect();
    let Loaded { policies, declarations, admission, places, mut diagnostics } = loaded;
    for path in &overlooked {
        let yaml = path.strip_suffix("yml").map_or_else(|| path.clone(), |stem| format!("{stem}yaml"));
        diagnostics.push(
            Diagnostic::warning(path, None, "this file is not read: policy files end in `.yaml`")
                .hint(format!("rename it to {yaml}, or name it with `--policies`")),
        );
    }
    if policies.is_empty() && diagnostics.is_empty() {
        diagnostics.push(match named {
            true => Diagnostic::error("--policies", None, "no policy is in the files that it names")
                .hint("globs start at the repository's root; quote them, so that the shell leaves them alone"),
            false => Diagnostic::warning("landwaiter.yaml", None, "no policy was found, so nothing is managed")
                .hint(HOW_TO_BEGIN),
        });
    }
    (Rules { policies, declarations, admission, places, broken }, Rejected { diagnostics, sources })
}

const HOW_TO_BEGIN: &str = "\
policies are read from landwaiter.yaml, .landwaiter.yaml, .landwaiter/**/*.yaml and policies/**/*.yaml
at the root of the repository, or from `--policies GLOB`; to begin, write landwaiter.yaml:
  apiVersion: landwaiter/v1
  kind: ImagePolicies
  policies:
    - name: web
      images: [ghcr.io/acme/web]
      select: {semver: \"*\"}";

/// Runs blocking work where it does not hold up the registries' answers.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, RunError> {
    tokio::task::spawn_blocking(work).await.map_err(|stopped| RunError::Worker(stopped.to_string()))
}

/// Threads for work that only computes: one per processor that this process may use.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
