//! Everything that happens in a run, as past-tense facts. Progress, logs and metrics are folds over these.

use super::Decided;
use crate::image::{Digest, Repository, Tag};
use crate::port::{CommitId, Notice, RegistryError, RepoError};

#[derive(Debug, Clone)]
pub enum Event<'a> {
    SnapshotTaken {
        repository: &'a str,
        head: Option<&'a CommitId>,
    },
    PoliciesRead {
        policies: usize,
    },
    FilesScanned {
        /// Files that may hold references by their names.
        files: usize,
        /// How often a file's bytes were read; all others were known from an earlier run. Policy files come on top.
        read: usize,
        references: usize,
    },
    ListingStarted {
        repositories: usize,
    },
    TagsListed {
        repository: &'a Repository,
        tags: usize,
    },
    ListingFailed {
        repository: &'a Repository,
        error: &'a RegistryError,
    },
    /// A repository's tags were judged for one policy and one tag in files. Told again when it is decided again.
    Decided(Decided<'a>),
    /// A tag names another image than the one that stands beside it, or than it was seen to name. Told once.
    TagMoved {
        repository: &'a Repository,
        tag: &'a Tag,
        from: &'a Digest,
        to: &'a Digest,
    },
    /// The run's deadline came before this repository was answered for.
    DeadlineReached {
        repository: &'a Repository,
    },
    /// Told after the registries were asked.
    RegistryNoticed {
        notice: &'a Notice,
    },
    /// Something would be written, so the branch's history is read for what somebody took back.
    PastAsked {
        changes: usize,
    },
    Planned {
        changes: usize,
        held: usize,
    },
    BranchMoved {
        attempt: u32,
    },
    /// It will be tried again.
    WritingFailed {
        error: &'a RepoError,
    },
    Published {
        commit: Option<&'a CommitId>,
    },
    /// What is to be committed is, and the forge is asked for pull requests.
    ProposingStarted {
        proposals: usize,
    },
    /// Told at the end of a run by whoever counts what is sent to hosts.
    HostAsked {
        host: &'a str,
        /// Of this run alone, retries and tokens included.
        requests: u64,
    },
}

/// Who listens.
pub trait Events: Send + Sync {
    fn happened(&self, event: &Event<'_>);

    /// Whether [`Event::Decided`] has to be told of this image even where an earlier run has decided the same: then its list is read again.
    fn wants(&self, _repository: &Repository) -> bool {
        false
    }
}

/// Nobody listens.
#[derive(Debug, Clone, Copy)]
pub struct Quiet;

impl Events for Quiet {
    fn happened(&self, _: &Event<'_>) {}
}
