//! Collects what is wrong with one file while it is read to its end.

use super::budget::{Budget, TOTAL};
use crate::text::{Diagnostic, Position, Severity, Span};
use std::cell::OnceCell;

/// The most problems that are kept for one file; a file with more is not the file it was taken for.
pub(super) const MAX_PROBLEMS: usize = 100;

/// The problems of one file, in the order they were found.
#[derive(Debug)]
pub(super) struct Problems<'t> {
    file: String,
    text: &'t str,
    found: Vec<Diagnostic>,
    errors: usize,
    /// Lines that hold a secret, by their first and last byte.
    secret: Vec<Span>,
    /// Where lines begin; made when it is first needed.
    lines: OnceCell<Vec<usize>>,
    budget: Budget,
    overspent: bool,
}

impl<'t> Problems<'t> {
    pub(super) fn new(file: &str, text: &'t str) -> Problems<'t> {
        Problems {
            file: file.to_owned(),
            text,
            secret: Vec::new(),
            lines: OnceCell::new(),
            budget: Budget::default(),
            overspent: false,
            found: Vec::new(),
            errors: 0,
        }
    }

    /// Goes on with what other files left.
    pub(super) fn with_budget(self, budget: Budget) -> Problems<'t> {
        Problems { budget, ..self }
    }

    pub(super) fn budget(&self) -> Budget {
        self.budget
    }

    /// Charges for something that is about to be built. `false` means: do not; the file was rejected for it, once.
    pub(super) fn spend(&mut self, cost: usize) -> bool {
        let enough = self.budget.take(cost);
        if !enough && !std::mem::replace(&mut self.overspent, true) {
            self.whole_file(format!(
                "the globs, expressions and lists of all policies together take more than {} MiB",
                TOTAL / 1024 / 1024
            ));
        }
        enough
    }

    /// Where byte `at` stands, as people count. Quick also when it is asked for every line of a large file.
    pub(super) fn position(&self, at: usize) -> Position {
        let starts = self.lines.get_or_init(|| {
            let breaks = self.text.match_indices('\n').map(|(at, _)| at + 1);
            std::iter::once(0).chain(breaks).collect()
        });
        let line = starts.partition_point(|start| *start <= at);
        let start = starts.get(line - 1).copied().unwrap_or(0);
        let column = self.text.get(start..at).map_or(0, |before| before.chars().count());
        Position { line, column: column + 1 }
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

    /// Records what the YAML parser says. A line that speaks of a secret is not shown: nobody knows what stands on it.
    pub(super) fn not_yaml(&mut self, span: Span, why: &str) {
        self.error(span, format!("invalid YAML: {why}"), "");
        let line = self.line(span);
        let words = line.of(self.text).unwrap_or_default().to_lowercase();
        if ["password", "token", "secret"].iter().any(|word| words.contains(word)) {
            self.secret.push(line);
        }
    }

    /// Keeps the line of `span` out of every excerpt: somebody wrote a secret there.
    pub(super) fn keep_secret(&mut self, span: Span) {
        self.secret.push(self.line(span));
    }

    /// The whole line that the span begins on.
    fn line(&self, span: Span) -> Span {
        let (before, after) = self.text.split_at_checked(span.start).unwrap_or((self.text, ""));
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let length = after.find('\n').unwrap_or(after.len());
        Span::new(start, before.len() + length)
    }

    /// How many errors there are so far, to see whether a step added one.
    pub(super) fn errors(&self) -> usize {
        self.errors
    }

    /// All problems in the order of the file, each once: a shared value that is wrong is wrong once.
    pub(super) fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        let mut found = std::mem::take(&mut self.found);
        found.sort_by_key(|one| one.span);
        found.dedup();
        let more = found.len().saturating_sub(MAX_PROBLEMS);
        found.truncate(MAX_PROBLEMS);
        for one in &mut found {
            self.hide_secret_line(one);
        }
        if more > 0 {
            let rest = Diagnostic::error(&self.file, None, format!("{more} more problems are not shown"));
            let severity = if self.errors > 0 { Severity::Error } else { Severity::Warning };
            found.push(Diagnostic { severity, ..rest });
        }
        found
    }

    /// A diagnostic on a line with a secret names the line and shows nothing of it.
    fn hide_secret_line(&self, one: &mut Diagnostic) {
        let secret = |span: &Span| self.secret.iter().any(|line| (line.start..=line.end).contains(&span.start));
        if let Some(span) = one.span.filter(secret) {
            one.message = format!("line {}: {}", self.position(span.start).line, one.message);
            one.span = None;
        }
    }

    fn keep(&mut self, diagnostic: Diagnostic, hint: String) {
        let diagnostic = if hint.is_empty() { diagnostic } else { diagnostic.hint(hint) };
        self.errors += usize::from(diagnostic.severity == Severity::Error);
        self.found.push(diagnostic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_are_kept_and_the_rest_is_counted() {
        let text = "x".repeat(300);
        let found = |count: usize| {
            let mut problems = Problems::new("x.yaml", &text);
            for at in 0..count {
                problems.error(Span::new(at, at + 1), "wrong", "");
            }
            problems.into_diagnostics()
        };
        assert_eq!(found(MAX_PROBLEMS).len(), MAX_PROBLEMS);
        let more = found(MAX_PROBLEMS + 3);
        assert_eq!(more.len(), MAX_PROBLEMS + 1);
        assert_eq!(more[MAX_PROBLEMS].message, "3 more problems are not shown");
    }

    #[test]
    fn warnings_alone_never_become_an_error() {
        let text = "x".repeat(300);
        let mut problems = Problems::new("x.yaml", &text);
        for at in 0..MAX_PROBLEMS + 3 {
            problems.warning(Span::new(at, at + 1), "odd", "");
        }
        let found = problems.into_diagnostics();
        assert!(found.iter().all(|one| one.severity == Severity::Warning));
    }
}
