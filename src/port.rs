//! The edges: what a run needs from the world, as narrow traits. Adapters live in [`crate::registry`] and [`crate::git`];
//! only `cli::wire` names them.
//!
//! Errors are facts with fields and say whether trying again can help.

use crate::image::{Digest, ImageMetadata, Repository, Tag};
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

/// A text that must appear in no log, error, plan or page. It prints as dots.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    pub fn new(text: impl Into<Arc<str>>) -> Secret {
        Secret(text.into())
    }

    /// The one way to the text. Every caller hands it to a protocol, never to a message.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}

/// User name and password, or a bearer token when there is no user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub user: Option<String>,
    pub secret: Secret,
}

/// A registry, or rather all of them: the repository says which.
pub trait Registry: Send + Sync {
    /// Every tag of the repository, in the order the registry gave them. A partial list is an error, never an answer.
    fn tags<'a>(&'a self, repository: &'a Repository) -> BoxFuture<'a, Result<Vec<String>, RegistryError>>;

    /// The digest that the tag names now: of the index where there is one.
    fn digest<'a>(&'a self, repository: &'a Repository, tag: &'a Tag) -> BoxFuture<'a, Result<Digest, RegistryError>>;

    /// What the image that the tag names now says about itself. Costs a request for the manifest, one for its configuration
    /// and, where there is an index, one for its first image; what belongs to one digest is fetched once.
    fn metadata<'a>(
        &'a self,
        repository: &'a Repository,
        tag: &'a Tag,
    ) -> BoxFuture<'a, Result<ImageMetadata, RegistryError>>;

    /// Requests sent so far by host, retries and token requests included.
    fn requests(&self) -> BTreeMap<String, u64>;
}

/// Why a registry gave no answer. The display is a lowercase fragment that fits after "could not list tags: ".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryError {
    pub host: String,
    pub kind: RegistryErrorKind,
    /// What the registry or the network said, bounded and free of secrets and control characters.
    pub detail: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryErrorKind {
    /// 401, or no credentials where some are needed.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 404: no such repository or tag (or one that these credentials may not see).
    NotFound,
    /// 429, with the time the registry asked to wait.
    RateLimited {
        retry_after: Option<Duration>,
    },
    /// 5xx, after all retries.
    ServerError {
        status: u16,
    },
    /// An answer that the distribution API does not allow: HTML, truncated JSON, another repository's name.
    Malformed,
    /// A limit of ours was reached: pages, bytes or tags.
    TooLarge,
    /// A `Link` chain that repeats itself or leaves the origin.
    BadPaging,
    /// No connection: DNS, TLS, refused, reset.
    Unreachable,
    TimedOut,
}

impl RegistryError {
    /// Whether a later run, with nothing changed by a person, can succeed.
    pub fn retryable(&self) -> bool {
        use RegistryErrorKind::*;
        match self.kind {
            RateLimited { .. } | ServerError { .. } | Unreachable | TimedOut | Malformed => true,
            Unauthorized | Forbidden | NotFound | TooLarge | BadPaging => false,
        }
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use RegistryErrorKind::*;
        let host = &self.host;
        match &self.kind {
            Unauthorized => write!(f, "{host} wants credentials (401)")?,
            Forbidden => write!(f, "{host} refuses access (403)")?,
            NotFound => write!(f, "{host} has no such repository or tag (404)")?,
            RateLimited { retry_after: Some(wait) } => {
                write!(f, "{host} limits requests (429), asks to wait {} s", wait.as_secs())?
            }
            RateLimited { retry_after: None } => write!(f, "{host} limits requests (429)")?,
            ServerError { status } => write!(f, "{host} failed ({status})")?,
            Malformed => write!(f, "{host} answered with something that is not the registry API")?,
            TooLarge => write!(f, "{host} answered with more than the limit")?,
            BadPaging => write!(f, "{host} sent a page link that cannot be followed")?,
            Unreachable => write!(f, "{host} cannot be reached")?,
            TimedOut => write!(f, "{host} did not answer in time")?,
        }
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for RegistryError {}

/// A full commit id in hex.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(pub String);

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A blob id in hex, as `git hash-object` prints it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId(pub String);

/// Where the YAML lives. Calls block: run them on a thread for blocking work.
pub trait ConfigRepo: Send + Sync {
    /// How messages and JSON name it: a path or a URL, without credentials.
    fn name(&self) -> &str;

    /// The state to plan from: the branch head (fetched where it is remote), or the files of a checkout as they stand.
    fn snapshot(&self) -> Result<Box<dyn Snapshot>, RepoError>;

    /// Makes the publication the new state, if the old state is still the one it was planned from.
    fn publish(&self, publication: &Publication) -> Result<Published, PublishError>;
}

/// One state of a config repository.
pub trait Snapshot: Send {
    /// Short name of the branch; `None` for the files of a checkout.
    fn branch(&self) -> Option<&str>;

    /// The commit; `None` for the files of a checkout.
    fn head(&self) -> Option<&CommitId>;

    /// Every regular file by path, sorted by bytes; links and submodules are left out.
    fn files(&self) -> &[FileEntry];

    /// Reads those of [`Snapshot::files`] whose index `wanted` accepts, in whatever order is quickest, and hands each to
    /// `visit` with its bytes; the buffer is reused. A file over `limit` bytes is visited with `Err`.
    fn read(&self, limit: u64, wanted: &dyn Fn(&FileEntry) -> bool, visit: &mut Visit<'_>) -> Result<(), RepoError>;

    /// The bytes of one file; `None` when the snapshot has no such file.
    fn read_one(&self, path: &str) -> Result<Option<Vec<u8>>, RepoError>;
}

/// What is done with one file and its bytes.
pub type Visit<'a> = dyn FnMut(&FileEntry, Result<&[u8], ReadProblem>) -> ControlFlow<()> + 'a;

/// Why one file cannot be visited, while others can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadProblem {
    TooLarge { size: u64 },
    Unreadable(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Relative to the repository's root, with `/`.
    pub path: Arc<str>,
    /// The path is not UTF-8; `path` is then a lossy rendering for messages and the file is never read.
    pub unreadable_path: bool,
    /// Known for Git trees; computed when a checkout's file is read.
    pub blob: Option<BlobId>,
}

/// New contents for some files, on top of one commit.
#[derive(Debug, Clone)]
pub struct Publication {
    /// The head the plan was made from; `None` for the files of a checkout.
    pub parent: Option<CommitId>,
    pub files: Vec<NewFile>,
    pub message: String,
    pub author: Author,
    /// Seconds since 1970, UTC.
    pub time: i64,
}

#[derive(Debug, Clone)]
pub struct NewFile {
    pub path: Arc<str>,
    /// What the file held when it was planned.
    pub old: Vec<u8>,
    pub new: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    pub name: String,
    pub email: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// `None` for the files of a checkout.
    pub commit: Option<CommitId>,
    /// What the server said, line by line.
    pub messages: Vec<String>,
}

/// The repository cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RepoError {
    pub message: String,
    /// What to try, for people.
    pub hint: Option<String>,
    pub retryable: bool,
}

/// The publication did not become the new state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// Somebody else was quicker: take a new snapshot and plan again.
    #[error("the branch moved")]
    Moved { found: Option<CommitId> },
    /// A hook, a protected branch, missing permission: the same push will be refused again.
    #[error("the server refused the push: {reason}")]
    Refused { reason: String, messages: Vec<String> },
    /// The commit was sent and no answer came: it may be the branch's head, may become it, or never will.
    #[error("{error}")]
    Unanswered { commit: CommitId, error: RepoError },
    #[error(transparent)]
    Repo(#[from] RepoError),
}

/// The time, so that tests can stand still.
pub trait Clock: Send + Sync {
    /// Seconds since 1970, UTC.
    fn now(&self) -> i64;
}
