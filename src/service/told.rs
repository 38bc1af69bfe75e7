//! What a run's report means for the log and for the numbers.

use super::known::Standing;
use crate::cycle::{Report, Scope};
use crate::plan::{Entry, State, message_value};
use crate::policy::Reason;
use crate::telemetry::{Level, RunLog, RunResult, Seen, Value};
use crate::text::Severity;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// What a run's report says of how it went, one line for each commit, pull request and rejected file.
pub(super) fn told(report: &Report, log: &RunLog) -> RunResult {
    for commit in report.written.iter().flat_map(|written| &written.commits) {
        let facts = [
            ("commit", commit.id.0.as_str().into()),
            ("group", (*commit.group).into()),
            ("files", commit.files.into()),
        ];
        log.line(Level::Info, "committed", &facts);
    }
    for pulled in &report.pulled {
        let facts = [
            ("group", (*pulled.group).into()),
            ("outcome", pulled.outcome.word().into()),
            ("url", pulled.url.as_deref().unwrap_or_default().into()),
            ("detail", pulled.detail.as_deref().unwrap_or_default().into()),
        ];
        log.line(Level::Info, "pull-request", &facts);
    }
    for problem in &report.planned.warnings.diagnostics {
        let place = report.planned.warnings.place(problem);
        let facts = [("file", place.into()), ("problem", problem.message.as_str().into())];
        log.line(Level::Warn, "policy-problem", &facts);
    }
    match report {
        report if report.planned.warnings.has_errors() => RunResult::Rejected,
        report if report.plan().held_by_errors() => RunResult::Held,
        _ => RunResult::Done,
    }
}

/// What a run asks about, where that is not everything.
pub(super) fn asks(scope: &Scope) -> Vec<(&'static str, Value)> {
    match &scope.policies {
        None => Vec::new(),
        Some(due) => vec![("policies", due.len().into()), ("images", scope.images.len().into())],
    }
}

/// In how many policy files are errors.
pub(super) fn rejected(report: &Report) -> usize {
    let errors = report.planned.warnings.diagnostics.iter().filter(|one| one.severity == Severity::Error);
    errors.map(|one| &one.file).collect::<BTreeSet<_>>().len()
}

/// What a run did with its branch, in numbers, and how the branch stands after it.
pub(super) fn seen(report: &Report, standing: Standing) -> Seen {
    Seen {
        references: report.plan().entries.iter().filter(|entry| entry.policy.is_some()).count(),
        written: written(report),
        pending: standing.pending,
        pulled: report.pulled.iter().map(|pulled| pulled.outcome.word()).collect(),
        held: standing.held,
    }
}

/// How many changes the run's commits hold.
pub(super) fn written(report: &Report) -> usize {
    let groups = committed(report);
    let changes = report.plan().changes();
    changes.filter(|(_, change)| !change.pull_request && groups.contains(&*change.group)).count()
}

fn committed(report: &Report) -> BTreeSet<&str> {
    report.written.iter().flat_map(|written| &written.commits).map(|commit| &*commit.group).collect()
}

/// Says of a reference what is wanted there and not in the branch, as something that names both.
pub(super) fn pending(report: &Report) -> impl Fn(&Entry) -> Option<u64> {
    let groups = committed(report);
    move |entry| match &entry.state {
        State::Change(change) if !change.pull_request && groups.contains(&*change.group) => None,
        State::Change(change) => {
            let (tag, digest) = (change.to.tag.as_ref().map(|tag| tag.as_str()), change.to.digest.as_ref());
            Some(name(entry, &message_value(tag, digest)))
        }
        // These would be written, and later will be.
        State::Held(held)
            if matches!(held.reason, Reason::Window | Reason::Frozen | Reason::Pace | Reason::PullRequestLimit) =>
        {
            Some(name(entry, held.reason.word()))
        }
        State::Held(_) | State::UpToDate | State::Unmanaged => None,
    }
}

/// Names a reference and what is wanted there, within this process.
fn name(entry: &Entry, wanted: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    let reference = &entry.found.reference;
    (&entry.found.file, &reference.path, reference.document.index, wanted).hash(&mut hasher);
    hasher.finish()
}
