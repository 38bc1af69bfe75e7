//! Exit statuses: few, each with one meaning, documented in the help and the README.

use crate::cycle::{Report, RunError};
use std::process::ExitCode;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Done,
    Failed,
    Usage,
    /// Policies or settings were rejected; nothing was scanned.
    Rejected,
    /// Done, but errors held some images back. Guards and holds never cause it.
    HeldByErrors,
    /// `plan --exit-code`: something would change.
    Found,
}

impl Exit {
    pub fn status(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Rejected => 3,
            Exit::HeldByErrors => 4,
            Exit::Found => 10,
        }
    }

    /// The one that counts when both would do: usage, then rejected, failed, held, found.
    pub fn and(self, other: Exit) -> Exit {
        let order = [Exit::Usage, Exit::Rejected, Exit::Failed, Exit::HeldByErrors, Exit::Found];
        order.into_iter().find(|exit| *exit == self || *exit == other).unwrap_or(Exit::Done)
    }

    /// The status for a run that has a report.
    pub fn of_report(report: &Report) -> Exit {
        if report.planned.warnings.has_errors() {
            Exit::Rejected
        } else if report.plan().held_by_errors() {
            Exit::HeldByErrors
        } else {
            Exit::Done
        }
    }

    /// The status for a run that ended without a result. No wildcard arm: a new error does not compile until somebody
    /// decides.
    pub fn of(error: &RunError) -> Exit {
        match error {
            RunError::Policies(_) => Exit::Rejected,
            RunError::NotFound(_) => Exit::Usage,
            RunError::Repo(_)
            | RunError::Refused { .. }
            | RunError::Contention { .. }
            | RunError::NotApproved(_)
            | RunError::Worker(_) => Exit::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.status())
    }
}
