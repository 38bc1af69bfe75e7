//! One branch as the last run left it.

use super::row::{Chosen, Row, State, rows, was_asked};
use super::words::{Words, cut};
use crate::cycle::Report;
use crate::service::Target;
use crate::telemetry::RunResult;
use crate::text::{Severity, position};
use std::sync::Arc;

/// The most problems, skipped files, notes and holds of a branch that are kept, of each; the others are counted.
pub const MAX_LISTED: usize = 200;

/// What is known of a branch.
#[derive(Debug, Clone)]
pub struct Branch {
    pub target: Target,
    /// The last run; `None` before the first one ended.
    pub last: Option<Last>,
    /// When the rows were read; `None` as long as no run could read them. A run that fails leaves them as they were.
    pub seen: Option<i64>,
    pub head: Option<Arc<str>>,
    /// In the order of files and lines; at most as many as there was room for.
    pub rows: Vec<Row>,
    /// References by state, in the order of [`State::ALL`], those that there was no room for included.
    pub counts: [usize; State::ALL.len()],
    pub problems: Listed<Problem>,
    pub skipped: Listed<Skipped>,
    pub notes: Listed<Note>,
    pub holds: Listed<Hold>,
}

/// How the last run ended.
#[derive(Debug, Clone)]
pub struct Last {
    pub run: Arc<str>,
    pub ended: i64,
    pub result: RunResult,
    pub error: Option<Arc<str>>,
    pub hint: Option<Arc<str>>,
    /// Runs that failed since the last one that did not.
    pub failures: u32,
    pub next: Option<i64>,
}

/// The first of many, and how many there are.
#[derive(Debug, Clone)]
pub struct Listed<T> {
    pub first: Vec<T>,
    pub total: usize,
}

impl<T> Default for Listed<T> {
    fn default() -> Listed<T> {
        Listed { first: Vec::new(), total: 0 }
    }
}

impl<T> Listed<T> {
    /// The first [`MAX_LISTED`] of them.
    pub(super) fn of(all: impl ExactSizeIterator<Item = T>) -> Listed<T> {
        let total = all.len();
        Listed { first: all.take(MAX_LISTED).collect(), total }
    }
}

/// Something that is wrong with a policy file, or what could not be remembered.
#[derive(Debug, Clone)]
pub struct Problem {
    pub file: String,
    pub line: Option<usize>,
    pub error: bool,
    pub message: String,
    pub hint: Option<String>,
}

/// A file that was not looked into.
#[derive(Debug, Clone)]
pub struct Skipped {
    pub file: Arc<str>,
    pub reason: &'static str,
    pub detail: String,
}

#[derive(Debug, Clone)]
pub struct Note {
    pub file: Arc<str>,
    pub line: usize,
    pub text: String,
}

/// A hold of the ledger.
#[derive(Debug, Clone)]
pub struct Hold {
    pub what: String,
    pub by: String,
    pub reason: String,
    pub until: Option<String>,
    pub references: usize,
}

impl Branch {
    /// A branch that nothing is known of yet.
    pub(in crate::service) fn new(target: Target) -> Branch {
        Branch {
            target,
            last: None,
            seen: None,
            head: None,
            rows: Vec::new(),
            counts: [0; State::ALL.len()],
            problems: Listed::default(),
            skipped: Listed::default(),
            notes: Listed::default(),
            holds: Listed::default(),
        }
    }

    /// What a report says of it; there is room for so many rows.
    pub(super) fn take(&mut self, report: &Report, now: i64, room: usize, chosen: &Chosen<'_>) {
        let mut words = Words::default();
        let mut rows = rows(report, &self.rows, &was_asked, chosen, &mut words);
        self.counts = State::ALL.map(|state| rows.iter().filter(|row| row.state == state).count());
        rows.truncate(room);
        rows.shrink_to_fit();
        self.rows = rows;
        self.seen = Some(now);
        let head = report.written.as_ref().and_then(|written| written.head()).or(report.planned.head.as_ref());
        self.head = head.map(|head| head.0.as_str().into());
        self.problems = problems(report);
        let plan = report.plan();
        self.skipped = Listed::of(plan.skipped.iter().map(|one| Skipped {
            file: one.file.clone(),
            reason: one.reason.word(),
            detail: cut(&one.detail).into_owned(),
        }));
        self.notes = Listed::of(plan.notes.iter().map(|note| Note {
            file: note.file.clone(),
            line: note.line,
            text: cut(&note.text).into_owned(),
        }));
        self.holds = Listed::of(report.planned.holds.iter().map(|(hold, references)| Hold {
            what: cut(&hold.target.to_string()).into_owned(),
            by: cut(&hold.by).into_owned(),
            reason: cut(&hold.reason).into_owned(),
            until: hold.until.clone(),
            references: *references,
        }));
    }

    /// References that there was no room for.
    pub fn left_out(&self) -> usize {
        self.counts.iter().sum::<usize>() - self.rows.len()
    }

    pub fn count(&self, state: State) -> usize {
        State::ALL.iter().position(|one| *one == state).map_or(0, |at| self.counts[at])
    }
}

fn problems(report: &Report) -> Listed<Problem> {
    let rejected = &report.planned.warnings;
    Listed::of(rejected.diagnostics.iter().map(|one| {
        let source = rejected.sources.iter().find(|(file, _)| *file == one.file);
        let line = one.span.zip(source).map(|(span, (_, text))| position(text, span.start.min(text.len())).line);
        Problem {
            file: cut(&one.file).into_owned(),
            line,
            error: one.severity == Severity::Error,
            message: cut(&one.message).into_owned(),
            hint: one.hint.as_deref().map(|hint| cut(hint).into_owned()),
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_bounded_at_their_edge_and_say_how_many_there_are() {
        let listed = |count: usize| Listed::of(vec![0; count].into_iter());
        assert_eq!((listed(MAX_LISTED).first.len(), listed(MAX_LISTED).total), (MAX_LISTED, MAX_LISTED));
        assert_eq!((listed(MAX_LISTED + 1).first.len(), listed(MAX_LISTED + 1).total), (MAX_LISTED, MAX_LISTED + 1));
    }
}
