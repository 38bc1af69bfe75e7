//! Last step of a run: one commit by compare-and-swap, planned again from the new head when the branch moved.

use super::select::Memory;
use super::{Event, MAX_ATTEMPTS, Planned, Run, RunError};
use crate::plan::{Plan, compose};
use crate::port::{CommitId, Publication, PublishError, Published};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// What a run did.
#[derive(Debug)]
pub struct Report {
    pub planned: Planned,
    pub written: Option<Written>,
    /// Requests by registry host, retries and tokens included.
    pub requests: BTreeMap<String, u64>,
    /// Times the branch moved under this run.
    pub retries: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// `None` when the files of a checkout were edited.
    pub commit: Option<CommitId>,
    pub files: usize,
    /// The commit message.
    pub message: String,
    /// What the server said.
    pub messages: Vec<String>,
}

impl Run<'_> {
    /// Plans and writes. `approve` sees each plan before it is written and may refuse it.
    pub async fn update(&self, approve: &(dyn Fn(&Planned) -> Result<(), String> + Sync)) -> Result<Report, RunError> {
        let mut memory = Memory::default();
        for attempt in 0..MAX_ATTEMPTS {
            let planned = self.plan_with(&mut memory).await?;
            approve(&planned).map_err(RunError::NotApproved)?;
            let written = match self.publish(&planned).await {
                Ok(written) => written,
                Err(PublishError::Moved { .. }) => {
                    self.events.happened(&Event::BranchMoved { attempt: attempt + 1 });
                    tokio::time::sleep(pause(self.options.backoff, attempt)).await;
                    continue;
                }
                Err(PublishError::Refused { reason, messages }) => return Err(RunError::Refused { reason, messages }),
                Err(PublishError::Repo(error)) => return Err(error.into()),
            };
            return Ok(Report { planned, written, requests: self.registry.requests(), retries: attempt });
        }
        Err(RunError::Contention { attempts: MAX_ATTEMPTS })
    }

    async fn publish(&self, planned: &Planned) -> Result<Option<Written>, PublishError> {
        if planned.files.is_empty() {
            return Ok(None);
        }
        let message = compose(&planned.plan, &self.options.message);
        let publication = Publication {
            parent: planned.head.clone(),
            files: planned.files.clone(),
            message: message.clone(),
            author: self.options.author.clone(),
            time: self.clock.now(),
        };
        let files = publication.files.len();
        let repo = self.repo.clone();
        let published = tokio::task::spawn_blocking(move || repo.publish(&publication)).await;
        let Published { commit, messages } = published.map_err(stopped)??;
        self.events.happened(&Event::Published { commit: commit.as_ref() });
        Ok(Some(Written { commit, files, message, messages }))
    }
}

fn stopped(error: tokio::task::JoinError) -> crate::port::RepoError {
    let message = format!("internal error: the writer stopped ({error})");
    crate::port::RepoError { message, hint: None, retryable: false }
}

/// A random share of a pause that doubles with every attempt, so that writers that collided once do not collide again.
fn pause(longest: Duration, attempt: u32) -> Duration {
    let ceiling = longest.min(Duration::from_millis(50) * 2u32.saturating_pow(attempt));
    let share = RandomState::new().hash_one(attempt) as f64 / u64::MAX as f64;
    ceiling.mul_f64(share)
}

impl Report {
    pub fn plan(&self) -> &Plan {
        &self.planned.plan
    }
}
