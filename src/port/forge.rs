//! Where pull requests are opened, and why that may not work.

use super::{CommitId, NewCommit};
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The pull requests of one repository on one forge. What a forge cannot do is [`ForgeErrorKind::Unsupported`], and
/// [`Forge::abilities`] says it beforehand.
pub trait Forge: Send + Sync {
    /// Host and repository, for messages: `github.com/acme/config`.
    fn name(&self) -> &str;

    fn abilities(&self) -> Abilities;

    /// All open pull requests whose branch belongs to this very repository (never a fork's) and begins with `prefix` and a
    /// slash, by number.
    fn open<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<PullRequest>, ForgeError>>;

    /// The merged and closed pull requests from that branch of this very repository to that base, newest first, at most
    /// [`MAX_PAST`].
    fn past<'a>(&'a self, branch: &'a str, base: &'a str) -> BoxFuture<'a, Result<Vec<PullRequest>, ForgeError>>;

    /// Opens one. Where one is open for the same branch and base already (an earlier answer was lost), that one is given.
    fn create<'a>(&'a self, new: &'a NewPullRequest) -> BoxFuture<'a, Result<PullRequest, ForgeError>>;

    fn edit<'a>(&'a self, number: u64, title: &'a str, body: &'a str) -> BoxFuture<'a, Result<(), ForgeError>>;

    /// Closes it unmerged. One that is closed already is no error.
    fn close(&self, number: u64) -> BoxFuture<'_, Result<(), ForgeError>>;

    fn comment<'a>(&'a self, number: u64, text: &'a str) -> BoxFuture<'a, Result<(), ForgeError>>;

    /// Puts labels on and takes others off; labels that do not exist are made where the forge needs that, and one that is not
    /// there is no error.
    fn label<'a>(
        &'a self,
        number: u64,
        add: &'a [String],
        remove: &'a [String],
    ) -> BoxFuture<'a, Result<(), ForgeError>>;

    /// Asks people to review it and assigns it, by the names they have on the forge.
    fn involve<'a>(&'a self, number: u64, people: &'a People) -> BoxFuture<'a, Result<(), ForgeError>>;

    /// Has the forge merge it by its own mechanism once its rules are met, if its head still is `head` then. Where that was
    /// asked for already, that is no error.
    fn merge_when_ready<'a>(
        &'a self,
        number: u64,
        head: &'a CommitId,
        method: MergeMethod,
    ) -> BoxFuture<'a, Result<(), ForgeError>>;

    /// Takes [`Forge::merge_when_ready`] back; where nothing was asked for, that is no error.
    fn keep_from_merging(&self, number: u64) -> BoxFuture<'_, Result<(), ForgeError>>;

    /// Has the forge make a commit of its own, which it signs and shows as verified, on top of the branch's head if that is
    /// [`ApiCommit::parent`]; else the error is [`ForgeErrorKind::Moved`]. Author and committer are who we are on the forge.
    ///
    /// Forges write plain files this way: an executable one would lose its mode, so whoever calls keeps such files away.
    fn commit<'a>(&'a self, new: &'a ApiCommit) -> BoxFuture<'a, Result<CommitId, ForgeError>> {
        let detail = format!("it makes no commit on {}", new.branch);
        let error = ForgeError { host: self.name().to_owned(), kind: ForgeErrorKind::Unsupported, detail };
        Box::pin(async { Err(error) })
    }

    /// Requests sent so far by host.
    fn requests(&self) -> BTreeMap<String, u64>;
}

/// Merged and closed pull requests of one branch that are looked at.
pub const MAX_PAST: usize = 100;

/// What a forge can do, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// How the forge calls them: `pull request` or `merge request`.
    pub noun: &'static str,
    /// The longest body, in bytes.
    pub body: usize,
    /// The longest title, in bytes.
    pub title: usize,
    pub labels: bool,
    pub drafts: bool,
    pub assignees: bool,
    pub auto_merge: bool,
    /// Whether comments of the form `<!-- -->` are kept and not shown.
    pub hidden_text: bool,
}

/// What one is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPullRequest {
    pub branch: String,
    pub base: String,
    pub title: String,
    pub body: String,
    /// Ignored where the forge knows no drafts.
    pub draft: bool,
}

/// A commit that the forge is to make.
#[derive(Debug, Clone)]
pub struct ApiCommit {
    /// Short name of the branch, which exists.
    pub branch: String,
    /// What the branch's head must be.
    pub parent: CommitId,
    pub commit: NewCommit,
}

/// Names of accounts on the forge; a reviewer with a slash, such as `acme/platform`, is a team where the forge has teams.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct People {
    pub reviewers: Vec<String>,
    pub assignees: Vec<String>,
}

/// How a pull request becomes part of its base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MergeMethod {
    Merge,
    #[default]
    Squash,
    Rebase,
}

/// One pull request as the forge shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    pub number: u64,
    /// The page for people.
    pub url: String,
    pub branch: String,
    pub base: String,
    /// The head of its branch, as far as the forge has noticed.
    pub head: CommitId,
    pub state: PullState,
    pub title: String,
    pub body: String,
    /// Sorted; empty where the forge has none.
    pub labels: Vec<String>,
    /// Whether the forge will merge it once its rules are met; `None` where its API does not say.
    pub auto_merge: Option<bool>,
    /// Seconds since 1970, UTC.
    pub created: i64,
    /// When it was merged or closed.
    pub ended: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullState {
    Open,
    Merged,
    /// Unmerged.
    Closed,
}

/// Why a forge did not do what it was asked for. The display is a lowercase fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgeError {
    pub host: String,
    pub kind: ForgeErrorKind,
    /// What the forge or the network said, bounded and free of secrets and control characters.
    pub detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForgeErrorKind {
    /// 401, or no credentials where some are needed.
    Unauthorized,
    /// 403: the credentials may not do this.
    Forbidden,
    /// 404: no such repository or pull request, or one that these credentials may not see.
    NotFound,
    /// The forge asks to wait, by whatever status.
    RateLimited {
        retry_after: Option<Duration>,
    },
    /// It understood and will not do it: 409, 422 and the like.
    Refused,
    /// 5xx, after all retries.
    ServerError {
        status: u16,
    },
    /// The branch is not where it was expected to be: take a new snapshot and plan again.
    Moved,
    /// An answer that its API does not allow.
    Malformed,
    /// A limit of ours was reached: pages or bytes.
    TooLarge,
    /// No connection: DNS, TLS, refused, reset.
    Unreachable,
    TimedOut,
    /// The forge has no such thing.
    Unsupported,
}

impl ForgeError {
    /// What to try, for people.
    pub fn hint(&self) -> Option<&'static str> {
        let whom = "whom to be there stands under `forges` or `git` in the settings";
        matches!(self.kind, ForgeErrorKind::Unauthorized).then_some(whom)
    }

    /// The error with what to try, as one fragment.
    pub fn with_hint(&self) -> String {
        self.hint().map_or_else(|| self.to_string(), |hint| format!("{self} ({hint})"))
    }

    /// Whether a later run, with nothing changed by a person, can succeed.
    pub fn retryable(&self) -> bool {
        use ForgeErrorKind::*;
        match self.kind {
            RateLimited { .. } | ServerError { .. } | Moved | Malformed | Unreachable | TimedOut => true,
            Unauthorized | Forbidden | NotFound | Refused | TooLarge | Unsupported => false,
        }
    }
}

impl fmt::Display for ForgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use ForgeErrorKind::*;
        let host = &self.host;
        match &self.kind {
            Unauthorized => write!(f, "{host} wants credentials (401)")?,
            Forbidden => write!(f, "{host} refuses access (403)")?,
            NotFound => write!(f, "{host} has no such repository or pull request (404)")?,
            RateLimited { retry_after: Some(wait) } => {
                write!(f, "{host} limits requests, asks to wait {} s", wait.as_secs())?
            }
            RateLimited { retry_after: None } => write!(f, "{host} limits requests")?,
            Refused => write!(f, "{host} refused")?,
            ServerError { status } => write!(f, "{host} failed ({status})")?,
            Moved => write!(f, "the branch moved at {host}")?,
            Malformed => write!(f, "{host} answered with something that is not its API")?,
            TooLarge => write!(f, "{host} answered with more than the limit")?,
            Unreachable => write!(f, "{host} cannot be reached")?,
            TimedOut => write!(f, "{host} did not answer in time")?,
            Unsupported => write!(f, "{host} cannot do that")?,
        }
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for ForgeError {}
