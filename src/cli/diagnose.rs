//! How failures are told: what happened, where, and what to do. Errors carry facts; the hints live here.

use super::Exit;
use crate::cycle::{Rejected, RunError};
use crate::text::{Diagnostic, Severity};

/// The end of a command that did not reach its result.
#[derive(Debug)]
pub(super) struct Failure {
    pub exit: Exit,
    pub message: String,
    pub hint: Option<String>,
    pub rejected: Rejected,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: message.into(), hint: None, rejected: Rejected::default() }
    }

    pub(super) fn usage(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, message)
    }

    pub(super) fn failed(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Failed, message)
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }

    /// Files that were rejected, with every problem.
    pub(super) fn rejected(what: &str, rejected: Rejected) -> Failure {
        let errors = rejected.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
        let noun = if errors == 1 { "problem" } else { "problems" };
        Failure { rejected, ..Failure::new(Exit::Rejected, format!("{what} rejected: {errors} {noun}")) }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Failure {
        let exit = Exit::of(&error);
        match error {
            RunError::Policies(rejected) => Failure::rejected("policies", rejected),
            RunError::Repo(error) => Failure { hint: error.hint, ..Failure::new(exit, error.message) },
            RunError::Refused { reason, messages } => {
                let said: String =
                    messages.iter().map(|line| format!("\n  remote: {}", crate::render::plain(line))).collect();
                Failure::new(exit, format!("the server refused the push: {reason}{said}"))
                    .hint("a hook, a protected branch or missing permission; nothing was written")
            }
            error @ RunError::Contention { .. } => Failure::new(exit, error.to_string())
                .hint("nothing was written; another writer is very busy, try again later"),
            RunError::NotFound(message) => {
                Failure::new(exit, message).hint("name FILE:LINE, a policy, or an image such as ghcr.io/acme/web")
            }
            error => Failure::new(exit, error.to_string()),
        }
    }
}

/// The first error, on one line: where it is and what it is. What a secret stands on is not shown.
pub(super) fn first(rejected: &Rejected) -> Option<String> {
    let first = rejected.diagnostics.iter().find(|one| one.severity == Severity::Error)?;
    Some(format!("{}: {}", rejected.place(first), first.message))
}

/// All diagnostics with their excerpts, in file order, a blank line after each.
pub(super) fn render(rejected: &Rejected, color: bool) -> String {
    let text_of = |diagnostic: &Diagnostic| {
        let source = rejected.sources.iter().find(|(file, _)| *file == diagnostic.file);
        source.map_or("", |(_, text)| text.as_str())
    };
    rejected.diagnostics.iter().map(|diagnostic| diagnostic.render(text_of(diagnostic), color) + "\n\n").collect()
}
