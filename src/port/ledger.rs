//! The ledger of a config repository: a few small files in commits on a ref of their own, beside the branch.

use super::{Author, CommitId, PublishError, RepoError};
use crate::plan::LedgerBytes;
use std::collections::BTreeMap;

/// What stands in the ledger's ref.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerFiles {
    /// The full name of the ref; empty where the repository has no ledger.
    pub name: String,
    /// `None`: there is no such ref.
    pub commit: Option<CommitId>,
    pub files: LedgerBytes,
}

/// Where the ledger is written. Calls block.
pub trait LedgerRef: Send + Sync {
    /// The full name of the ref.
    fn name(&self) -> &str;

    /// What stands there now.
    fn read(&self) -> Result<LedgerFiles, RepoError>;

    /// Makes the entry the ref's new head, if its head still is the expected one.
    fn write(&self, entry: &LedgerEntry) -> Result<CommitId, PublishError>;
}

/// One commit of the ledger.
#[derive(Debug, Clone)]
pub struct LedgerEntry {
    /// The head that it was made from; `None`: there must be no such ref.
    pub expected: Option<CommitId>,
    /// New contents; other files stay as they are.
    pub files: BTreeMap<String, Vec<u8>>,
    pub message: String,
    pub author: Author,
    pub committer: Author,
    /// Seconds since 1970, UTC.
    pub time: i64,
}
