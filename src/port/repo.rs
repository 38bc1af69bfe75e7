//! Where the YAML lives: one state of it to plan from, and the next one to publish.

use super::{LedgerEntry, LedgerFiles, LedgerRef};
use crate::plan::Past;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

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

    /// What the commits say that `head` contains, what came onto the branch last first and none before one that contains it: of
    /// each message what `keep` keeps, commits of which nothing is kept left out. `head` is a snapshot's; for the files of a checkout it is what is
    /// checked out. Commits beyond the newest `limit` are not looked at.
    ///
    /// # Errors
    /// What cannot be known is an error: a history that is cut off before the limit, a server that does not answer.
    fn past(&self, head: Option<&CommitId>, limit: usize, keep: &Keep<'_>) -> Result<Past, RepoError>;

    /// Makes the publication the new state, if the old state is still the one it was planned from.
    fn publish(&self, publication: &Publication) -> Result<Published, PublishError>;

    /// The branches beside the one that is planned from, for pull requests; `None` for the files of a checkout.
    fn branches(&self) -> Option<&dyn Branches> {
        None
    }

    /// Where the ledger is written; `None` for the files of a checkout, and where the operator wants none.
    fn ledger(&self) -> Option<&dyn LedgerRef> {
        None
    }
}

/// Branches that are proposals: one commit each on top of some head of the branch that is planned from. Calls block.
pub trait Branches: Send + Sync {
    /// The heads of all branches whose names begin with `prefix` and a slash, by name.
    fn heads(&self, prefix: &str) -> Result<BTreeMap<String, CommitId>, RepoError>;

    /// What stands at the head of a branch, `tip`.
    fn proposal(&self, branch: &str, tip: &CommitId) -> Result<BranchProposal, RepoError>;

    /// The bytes of one file of a commit that [`Branches::proposal`] or a snapshot has named; `None` when it has no such file.
    fn read(&self, commit: &CommitId, path: &str) -> Result<Option<Vec<u8>>, RepoError>;

    /// Makes the publication's commits the new head of the branch, if its head still is `expected` (`None`: if there is no such
    /// branch yet).
    fn push(
        &self,
        branch: &str,
        expected: Option<&CommitId>,
        publication: &Publication,
    ) -> Result<Published, PublishError>;

    /// Deletes the branch, if its head still is `expected`.
    fn delete(&self, branch: &str, expected: &CommitId) -> Result<(), PublishError>;
}

/// What a branch proposes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchProposal {
    /// The head, and, as long as they are merges, its first parents: at most [`MAX_MERGES`] and one.
    pub commits: Vec<ProposedCommit>,
    /// What the last of these changes against its first parent, by path: the id of the new content, `None` where the file is gone.
    pub changes: BTreeMap<String, Option<BlobId>>,
}

/// Merges of the base into a branch that are looked through.
pub const MAX_MERGES: usize = 10;

/// One commit of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedCommit {
    pub id: CommitId,
    pub parents: Vec<CommitId>,
    pub author: Author,
    pub committer: Author,
    /// At most its first 64 KiB.
    pub message: String,
}

/// What is kept of a commit's message; `None` where it says nothing of interest.
pub type Keep<'a> = dyn Fn(&str) -> Option<String> + 'a;

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

    /// The ledger as it stood when the snapshot was taken; an error is no reason to take it for empty.
    fn ledger(&self) -> Result<LedgerFiles, RepoError> {
        Ok(LedgerFiles::default())
    }
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

/// Commits on top of one commit, each on the one before it. All of them become the new state at once, or none does.
#[derive(Debug, Clone)]
pub struct Publication {
    /// The head the plan was made from; `None` for the files of a checkout.
    pub parent: Option<CommitId>,
    /// At least one; for the files of a checkout exactly one, whose message nobody reads.
    pub commits: Vec<NewCommit>,
    pub author: Author,
    pub committer: Author,
    /// Seconds since 1970, UTC.
    pub time: i64,
    /// What is written to the ledger beside it: with it at once where the server can, else after it. Whatever becomes of
    /// that, the commits are published.
    pub ledger: Option<LedgerEntry>,
}

/// New contents for some files.
#[derive(Debug, Clone)]
pub struct NewCommit {
    pub files: Vec<NewFile>,
    pub message: String,
}

#[derive(Debug, Clone)]
pub struct NewFile {
    pub path: Arc<str>,
    /// What the file holds before.
    pub old: Arc<[u8]>,
    pub new: Arc<[u8]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    pub name: String,
    pub email: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// One for each of the publication's, in its order; empty for the files of a checkout.
    pub commits: Vec<CommitId>,
    /// What the server said, line by line.
    pub messages: Vec<String>,
    /// What became of the ledger's entry; `None` where there was none.
    pub ledger: Option<Result<CommitId, PublishError>>,
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
    /// The commits were sent and no answer came: the last may be the branch's head, may become it, or never will.
    #[error("{error}")]
    Unanswered { commits: Vec<CommitId>, error: RepoError },
    #[error(transparent)]
    Repo(#[from] RepoError),
}
