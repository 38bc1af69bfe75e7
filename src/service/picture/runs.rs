//! The runs of late.

use super::words::cut;
use crate::service::{RunEnded, Target};
use crate::telemetry::RunResult;
use std::sync::Arc;

/// The most runs that are kept; the oldest go.
pub const MAX_RUNS: usize = 200;
/// The most commits and the most pull requests of a run.
pub const MAX_OF_RUN: usize = 10;

/// One run that ended.
#[derive(Debug, Clone)]
pub struct Run {
    pub id: Arc<str>,
    pub target: Target,
    pub began: i64,
    pub ended: i64,
    pub milliseconds: u64,
    pub result: RunResult,
    pub references: usize,
    pub held: usize,
    /// Changes that were committed.
    pub written: usize,
    pub commits: Vec<Commit>,
    pub pull_requests: Vec<PullRequest>,
    pub error: Option<Arc<str>>,
}

#[derive(Debug, Clone)]
pub struct Commit {
    pub id: Arc<str>,
    pub subject: Arc<str>,
    pub files: usize,
}

#[derive(Debug, Clone)]
pub struct PullRequest {
    pub title: Arc<str>,
    pub url: Option<Arc<str>>,
    pub outcome: &'static str,
}

impl Run {
    pub(super) fn of(run: &RunEnded<'_>) -> Run {
        let mut shown = Run {
            id: run.id.into(),
            target: run.target.clone(),
            began: run.began,
            ended: run.ended,
            milliseconds: u64::try_from(run.took.as_millis()).unwrap_or(u64::MAX),
            result: run.result,
            references: 0,
            held: 0,
            written: 0,
            commits: Vec::new(),
            pull_requests: Vec::new(),
            error: None,
        };
        match run.outcome {
            Err(trouble) => shown.error = Some(cut(&trouble.message).into()),
            Ok(report) => {
                shown.references = report.plan().entries.len();
                shown.held = report.plan().held().count();
                shown.written = crate::service::told::written(report);
                let commits = report.written.iter().flat_map(|written| &written.commits);
                shown.commits = commits.take(MAX_OF_RUN).map(commit).collect();
                shown.pull_requests = report.pulled.iter().take(MAX_OF_RUN).map(pull_request).collect();
            }
        }
        shown
    }
}

fn commit(commit: &crate::cycle::WrittenCommit) -> Commit {
    let subject = commit.message.lines().next().unwrap_or_default();
    Commit { id: commit.id.0.as_str().into(), subject: cut(subject).into(), files: commit.files }
}

fn pull_request(pulled: &crate::cycle::Pulled) -> PullRequest {
    PullRequest {
        title: cut(&pulled.title).into(),
        url: pulled.url.as_deref().map(|url| cut(url).into()),
        outcome: pulled.outcome.word(),
    }
}
