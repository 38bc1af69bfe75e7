//! Who else is told how runs go: the status page, notifications, traces. An observer is called on the service's own loop, so
//! that it may remember and hand on, but not wait.

use super::{Target, Trouble};
use crate::cycle::{Event, Events, Report, Scope};
use crate::image::Repository;
use crate::telemetry::{RunLog, RunResult};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Is told of runs, in the order in which they begin and end.
pub trait Observer: fmt::Debug + Send + Sync {
    /// A run begins at `now`.
    fn run_started(&self, _id: &str, _target: &Target, _now: i64) {}

    /// Who wants to hear everything that happens in a run that begins and asks about `scope`. It is called on the run's own threads.
    fn listen(&self, _id: &str, _target: &Target, _scope: &Scope) -> Option<Arc<dyn Events>> {
        None
    }

    /// The trace that a run under way is recorded as, if it is: what all lines of its log name.
    fn trace(&self, _id: &str) -> Option<String> {
        None
    }

    /// A run ended. Its branch may have left the settings meanwhile.
    fn run_ended(&self, _run: &RunEnded<'_>) {}

    /// The settings were read; `targets` are the branches that are kept up to date now, whether or not the new ones could be used.
    fn settings_read(&self, _targets: &[&Target], _refused: Option<&Trouble>, _now: i64) {}
}

/// How a run ended. Moments are seconds since 1970, UTC.
#[derive(Debug)]
pub struct RunEnded<'a> {
    /// The `run` of the log.
    pub id: &'a str,
    pub target: &'a Target,
    pub began: i64,
    pub ended: i64,
    pub took: Duration,
    pub result: RunResult,
    pub outcome: Result<&'a Report, &'a Trouble>,
    /// Runs of the branch that failed since the last one that did not, this one included.
    pub failures: u32,
    /// When the branch is looked at again, unless something happens before.
    pub next: Option<i64>,
}

/// Everybody who is told what happens in one run.
pub(super) struct Listeners {
    pub(super) log: RunLog,
    pub(super) others: Vec<Arc<dyn Events>>,
}

impl Events for Listeners {
    fn happened(&self, event: &Event<'_>) {
        self.log.happened(event);
        self.others.iter().for_each(|other| other.happened(event));
    }

    fn wants(&self, repository: &Repository) -> bool {
        self.others.iter().any(|other| other.wants(repository))
    }
}
