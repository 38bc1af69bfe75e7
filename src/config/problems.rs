//! Collects what is wrong with one file while it is read to its end.

use crate::text::{Diagnostic, Severity, Span};

/// The most problems that are kept for one file; a file with more is not the file it was taken for.
pub(super) const MAX_PROBLEMS: usize = 100;

/// The problems of one file, in the order they were found.
#[derive(Debug)]
pub(super) struct Problems {
    file: String,
    found: Vec<Diagnostic>,
    errors: usize,
}

impl Problems {
    pub(super) fn new(file: &str) -> Problems {
        Problems {
            file: file.to_owned(),
            found: Vec::new(),
            errors: 0,
        }
    }

    /// Records an error. An empty hint is none.
    pub(super) fn error(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        let diagnostic = Diagnostic::error(&self.file, Some(span), message);
        self.keep(diagnostic, hint.into());
    }

    /// Records a warning: the file is accepted.
    pub(super) fn warning(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        let diagnostic = Diagnostic::warning(&self.file, Some(span), message);
        self.keep(diagnostic, hint.into());
    }

    /// Records an error that has no place of its own.
    pub(super) fn whole_file(&mut self, message: impl Into<String>) {
        let diagnostic = Diagnostic::error(&self.file, None, message);
        self.keep(diagnostic, String::new());
    }

    /// How many errors there are so far, to see whether a step added one.
    pub(super) fn errors(&self) -> usize {
        self.errors
    }

    /// All problems in the order of the file, each once: a shared value that is wrong is wrong once.
    pub(super) fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|one| one.span);
        self.found.dedup();
        let more = self.found.len().saturating_sub(MAX_PROBLEMS);
        if more > 0 {
            let rest = Diagnostic::error(&self.file, None, format!("{more} more problems are not shown"));
            self.found.truncate(MAX_PROBLEMS);
            self.found.push(match self.errors {
                0 => Diagnostic {
                    severity: Severity::Warning,
                    ..rest
                },
                _ => rest,
            });
        }
        self.found
    }

    fn keep(&mut self, diagnostic: Diagnostic, hint: String) {
        let diagnostic = if hint.is_empty() {
            diagnostic
        } else {
            diagnostic.hint(hint)
        };
        self.errors += usize::from(diagnostic.severity == Severity::Error);
        self.found.push(diagnostic);
    }
}
