//! The edges: what a run needs from the world, as narrow traits. Adapters live in [`crate::registry`], [`crate::git`],
//! [`crate::forge`] and [`crate::store`]; only `cli::wire` names them.
//!
//! Errors are facts with fields and say whether trying again can help.

mod forge;
mod ledger;
mod notes;
mod notice;
mod registry;
mod repo;
mod secret;
mod source;
mod store;

pub use forge::{
    Abilities, ApiCommit, Forge, ForgeError, ForgeErrorKind, MAX_PAST, MergeMethod, NewPullRequest, People,
    PullRequest, PullState,
};
pub use ledger::{LedgerEntry, LedgerFiles, LedgerRef};
pub use notes::{Jotter, MAX_NOTE, Notes};
pub use notice::{Notice, NoticeKind};
pub use registry::{KnownLists, ListMark, Referrer, Registry, RegistryError, RegistryErrorKind, TagsUnless};
pub use repo::{
    Author, BlobId, BranchProposal, Branches, CommitId, ConfigRepo, FileEntry, Keep, MAX_MERGES, NewCommit, NewFile,
    ProposedCommit, Publication, PublishError, Published, ReadProblem, RepoError, Snapshot, Visit,
};
pub use secret::{Login, Secret, hide_secrets};
pub use source::{NoSources, SourceError, SourceHistory};
pub use store::{Forgetful, MAX_PART, Named, Sighting, Store, TagList};

/// The time, so that tests can stand still.
pub trait Clock: Send + Sync {
    /// Seconds since 1970, UTC.
    fn now(&self) -> i64;
}
