//! What a run's report means for the log and for the numbers.

use crate::cycle::{Report, Scope};
use crate::telemetry::{Level, RunLog, RunResult, Value};
use crate::text::Severity;
use std::collections::BTreeSet;

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

/// How many changes the run's commits hold.
pub(super) fn written(report: &Report) -> usize {
    let groups: BTreeSet<&str> =
        report.written.iter().flat_map(|written| &written.commits).map(|commit| &*commit.group).collect();
    let changes = report.plan().changes();
    changes.filter(|(_, change)| !change.pull_request && groups.contains(&*change.group)).count()
}
