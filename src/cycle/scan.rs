//! First step of a run: a snapshot, its policies, its references.

use super::familiar::Familiar;
use super::references::References;
use super::{Event, Rejected, Rules, Run, RunError, blocking};
use crate::config::policies::{Places, is_overlooked, is_policy_file};
use crate::plan::{FileNote, Found, SkippedFile};
use crate::policy::{Admission, Policy, PolicyName};
use crate::port::{ReadProblem, RepoError, Snapshot};
use crate::text::Diagnostic;
use globset::GlobSet;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// What the snapshot holds that this run cares for.
pub(super) struct Scanned {
    pub snapshot: Box<dyn Snapshot>,
    pub policies: Arc<Vec<Policy>>,
    pub admission: Arc<Admission>,
    pub warnings: Rejected,
    /// Path and text of each policy file that is in use.
    pub sources: Vec<(String, String)>,
    pub found: Vec<Found>,
    pub skipped: Vec<SkippedFile>,
    pub notes: Vec<FileNote>,
    /// Where each policy says what it says.
    pub places: BTreeMap<PolicyName, Places>,
    /// Policy files that were rejected, while others are used.
    pub broken: Vec<String>,
}

impl Run<'_> {
    pub(super) async fn scan(&self) -> Result<Scanned, RunError> {
        let repo = self.repo.clone();
        let snapshot = blocking(move || repo.snapshot()).await??;
        self.events.happened(&Event::SnapshotTaken { repository: self.repo.name(), head: snapshot.head() });

        let globs = self.options.policies.clone();
        let limit = self.options.max_file;
        let (snapshot, sources) = blocking(move || {
            let sources = policy_sources(&*snapshot, globs.as_ref(), limit);
            (snapshot, sources)
        })
        .await?;
        let (rules, warnings, sources) = self.rules(sources?, &*snapshot)?;
        let Rules { policies, declarations, admission, places, broken } = rules;
        self.events.happened(&Event::PoliciesRead { policies: policies.len() });

        let branch = Familiar::branch(self.repo.name(), &*snapshot, limit, &declarations);
        let parts = branch.as_ref().map(|branch| self.store.files(branch));
        let (snapshot, references, familiar) = blocking(move || {
            let mut familiar = parts.map_or_else(Familiar::without, Familiar::of);
            let references = References::read(&*snapshot, limit, &declarations, &mut familiar);
            (snapshot, references, familiar)
        })
        .await?;
        let References { found, skipped, notes, files, read, .. } = references?;
        if let (Some(branch), Some(news)) = (branch, familiar.news()) {
            self.store.keep_files(&branch, &news.parts, news.anew);
        }
        self.events.happened(&Event::FilesScanned { files, read, references: found.len() });
        let (policies, admission) = (Arc::new(policies), Arc::new(admission));
        Ok(Scanned { snapshot, policies, admission, warnings, sources, found, skipped, notes, places, broken })
    }
}

/// The policy files of a snapshot.
#[derive(Debug, Clone, Default)]
pub struct PolicySources {
    /// Path and text of each.
    pub texts: Vec<(String, String)>,
    /// Files that are not read, although their authors may think so.
    pub overlooked: Vec<String>,
    /// Those that cannot be read, and why: fragments.
    pub unreadable: Vec<(String, String)>,
}

impl PolicySources {
    /// The same, if all could be read: a policy file that cannot be read is an error, not a missing policy.
    pub fn readable(self) -> Result<PolicySources, RepoError> {
        match self.unreadable.first() {
            Some(one) => Err(RepoError { message: said(one), hint: None, retryable: false }),
            None => Ok(self),
        }
    }

    /// One that cannot be read, for people.
    pub(super) fn problem(one: &(String, String)) -> Diagnostic {
        Diagnostic::error(&one.0, None, said(one))
    }
}

fn said((path, why): &(String, String)) -> String {
    format!("policy file {path} {why}")
}

/// The policy files of a snapshot.
pub fn policy_sources(
    snapshot: &dyn Snapshot,
    globs: Option<&GlobSet>,
    limit: u64,
) -> Result<PolicySources, RepoError> {
    let mut sources = Vec::new();
    let mut unreadable = Vec::new();
    snapshot.read(limit, &|file| !file.unreadable_path && is_policy_file(&file.path, globs), &mut |file, bytes| {
        let text = match bytes {
            Ok(bytes) => std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| "is not UTF-8".to_owned()),
            Err(ReadProblem::TooLarge { size }) => Err(format!("has {size} bytes, more than the limit of {limit}")),
            Err(ReadProblem::Unreadable(why)) => Err(format!("cannot be read: {why}")),
        };
        match text {
            Ok(text) => sources.push((file.path.to_string(), text)),
            Err(why) => unreadable.push((file.path.to_string(), why)),
        }
        ControlFlow::Continue(())
    })?;
    sources.sort();
    unreadable.sort();
    let readable = snapshot.files().iter().filter(|file| globs.is_none() && !file.unreadable_path);
    let overlooked = readable.filter(|file| is_overlooked(&file.path)).map(|file| file.path.to_string());
    Ok(PolicySources { texts: sources, overlooked: overlooked.collect(), unreadable })
}
