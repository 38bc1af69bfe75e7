//! Byte spans, line and column positions, and diagnostics that point at the user's text.
//!
//! A span counts bytes, never characters, so that it can be used to cut and splice the file it came from.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// A half-open range of bytes in one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub fn new(start: usize, end: usize) -> Span {
        Span { start, end }
    }

    pub fn len(self) -> usize {
        self.end - self.start
    }

    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The bytes of `text` that the span covers, or `None` when it does not lie on character boundaries of `text`.
    pub fn of(self, text: &str) -> Option<&str> {
        text.get(self.start..self.end)
    }

    pub fn shifted(self, by: usize) -> Span {
        Span { start: self.start + by, end: self.end + by }
    }
}

/// A place in a text as people count: both numbers start at 1; the column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// Where byte `offset` of `text` stands. An offset past the end is taken as the end.
pub fn position(text: &str, offset: usize) -> Position {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    Position { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
}

/// How much a diagnostic weighs: an error rejects the file, a warning does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

/// One problem in one file, as data: what is wrong, where, and what to do about it.
///
/// Messages are lowercase fragments without a final stop; the hint says what is allowed or what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// The file as the user would name it.
    pub file: String,
    pub message: String,
    /// The bytes the message speaks of; `None` when it speaks of the file as a whole.
    pub span: Option<Span>,
    /// A few words beside the caret.
    pub label: String,
    pub hint: Option<String>,
}

impl Diagnostic {
    pub fn error(file: &str, span: Option<Span>, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            file: file.to_owned(),
            message: message.into(),
            span,
            label: String::new(),
            hint: None,
        }
    }

    pub fn warning(file: &str, span: Option<Span>, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(file, span, message) }
    }

    pub fn label(mut self, label: impl Into<String>) -> Diagnostic {
        self.label = label.into();
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = Some(hint.into());
        self
    }

    /// The diagnostic as people read it: message, file and line, the excerpt of `source` with a caret, the hint.
    pub fn render(&self, source: &str, color: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        // The names of files in a repository are strangers' text.
        let file = self.file.replace(|c: char| c.is_control(), "\u{fffd}");
        let title = level.primary_title(self.message.as_str());
        let mut group = match self.span {
            Some(span) => {
                let mark = AnnotationKind::Primary.span(clamp(span, source));
                let mark = if self.label.is_empty() { mark } else { mark.label(self.label.as_str()) };
                title.element(Snippet::source(source).path(file.as_str()).annotation(mark))
            }
            None => Group::with_title(title).element(annotate_snippets::Origin::path(file.as_str())),
        };
        if let Some(hint) = &self.hint {
            group = group.element(Level::HELP.message(hint.as_str()));
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }
}

/// The span as a range that lies inside `source` and on its character boundaries.
fn clamp(span: Span, source: &str) -> std::ops::Range<usize> {
    let mut start = span.start.min(source.len());
    while !source.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = span.end.clamp(start, source.len());
    while !source.is_char_boundary(end) {
        end += 1;
    }
    start..end
}

/// The word of `known` that a user most likely meant by `written`, if one is near enough to be worth suggesting.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&written.to_lowercase(), &word.to_lowercase()), word))
        .filter(|(distance, word)| *distance <= (word.len().max(written.len()) / 3).max(1))
        .min()
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_not_bytes() {
        let text = "a: 1\nüé: x\n";
        assert_eq!(position(text, 0), Position { line: 1, column: 1 });
        assert_eq!(position(text, text.find('x').unwrap()), Position { line: 2, column: 5 });
        assert_eq!(position(text, 999), Position { line: 3, column: 1 });
    }

    #[test]
    fn a_diagnostic_shows_file_line_caret_and_hint() {
        let source = "policies:\n  - nmae: web\n";
        let at = source.find("nmae").unwrap();
        let shown = Diagnostic::error("landwaiter.yaml", Some(Span::new(at, at + 4)), "unknown key `nmae`")
            .hint("did you mean `name`?")
            .render(source, false);
        assert!(shown.contains("landwaiter.yaml:2:5"), "{shown}");
        assert!(shown.contains("^^^^"), "{shown}");
        assert!(shown.contains("did you mean `name`?"), "{shown}");
    }

    #[test]
    fn a_span_outside_the_text_is_clamped_rather_than_a_panic() {
        let shown = Diagnostic::warning("x", Some(Span::new(7, 900)), "odd").render("é", false);
        assert!(shown.contains("odd"), "{shown}");
    }

    #[test]
    fn a_file_name_cannot_drive_the_terminal() {
        for span in [None, Some(Span::new(0, 1))] {
            let shown = Diagnostic::error("a\u{1b}[31m\nb.yaml", span, "odd").render("x", false);
            assert!(shown.contains("a\u{fffd}[31m\u{fffd}b.yaml"), "{shown:?}");
        }
    }

    #[test]
    fn only_near_words_are_suggested() {
        assert_eq!(nearest("nmae", ["name", "images"]), Some("name"));
        assert_eq!(nearest("zzz", ["name", "images"]), None);
    }
}
