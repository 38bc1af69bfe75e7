//! The parse as a flat stream of events, in the words of this house.
//!
//! Everything that depends on `granit-parser` is in this file. Two things are put right on the way: the span of a block
//! scalar begins at its header (`|`, `>`) and ends with its last line that is not blank, and an empty node is
//! [`Style::Absent`] rather than a plain `~`.

use super::{MAX_DEPTH, Piece, Problem, ProblemKind};
use crate::text::Span;
use granit_parser::{ErrorKind, Parser, ScalarStyle, StrInput, StructureStyle};
use std::borrow::Cow;

/// One event of a document, with the bytes it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    pub kind: Kind<'a>,
    pub span: Span,
    /// The tag as resolved (`tag:yaml.org,2002:str`), on nodes that carry one.
    pub tag: Option<String>,
    /// On nodes with an anchor: its number within the stream.
    pub anchor: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind<'a> {
    /// `true` when `---` is written.
    DocumentStart(bool),
    DocumentEnd,
    MappingStart(Layout),
    MappingEnd,
    SequenceStart(Layout),
    SequenceEnd,
    Scalar {
        value: Cow<'a, str>,
        style: Style,
    },
    /// The number of the anchor it stands for.
    Alias(usize),
    /// The name of the anchor on the node just before; the span is that of `&name`.
    Anchor(Cow<'a, str>),
    /// The text after `#`. A comment on the header line of a block scalar comes after the scalar.
    Comment(Cow<'a, str>),
}

/// How a collection is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    Block,
    Flow,
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Nothing is written: the value of `key:` alone.
    Absent,
    Plain,
    Single,
    Double,
    Literal,
    Folded,
}

impl Style {
    pub fn is_block(self) -> bool {
        matches!(self, Style::Literal | Style::Folded)
    }
}

/// The events of one piece of a text. After an error the stream ends.
pub struct Events<'a> {
    parser: Parser<'a, StrInput<'a>>,
    /// The piece's text, and where it begins in the whole.
    text: &'a str,
    base: usize,
    /// Where the last node ended: a block scalar's header is looked for from here.
    reached: usize,
    /// The last plain scalar: a comment inside of it is an error.
    plain: Span,
    /// How many flow collections are open.
    flow: usize,
    done: bool,
}

impl std::fmt::Debug for Events<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").field("base", &self.base).finish_non_exhaustive()
    }
}

impl<'a> Events<'a> {
    /// The events of `piece`; spans count from the beginning of `text`.
    pub fn new(text: &'a str, piece: Piece) -> Events<'a> {
        let part = piece.span.of(text).unwrap_or_default();
        let options = granit_parser::options! {
            emit_anchor_events: true,
            // The default of 96 makes a longer run of comments after `key:` an error; time stays linear without it.
            max_buffered_comment_events: usize::MAX,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        Events {
            parser: Parser::new_from_str_with_options(part, options),
            text: part,
            base: piece.span.start,
            reached: 0,
            plain: Span::default(),
            flow: 0,
            done: false,
        }
    }

    fn translate(
        &mut self,
        event: granit_parser::Event<'a>,
        at: &granit_parser::Span,
    ) -> Option<Result<Event<'a>, Problem>> {
        use granit_parser::Event::*;
        let range = at.byte_range().unwrap_or(self.reached..self.reached);
        let mut span = Span::new(range.start, range.end);
        let (mut tag, mut anchor) = (None, None);
        let kind = match event {
            DocumentStart(explicit, _) => {
                // Without `---` the event lies where the first node's content does, perhaps after its header.
                if explicit {
                    self.reached = span.end;
                }
                Kind::DocumentStart(explicit)
            }
            DocumentEnd => Kind::DocumentEnd,
            MappingStart(style, id, name) => {
                (tag, anchor) = (name, Some(id));
                Kind::MappingStart(layout(style))
            }
            MappingEnd => Kind::MappingEnd,
            SequenceStart(style, id, name) => {
                (tag, anchor) = (name, Some(id));
                Kind::SequenceStart(layout(style))
            }
            SequenceEnd => Kind::SequenceEnd,
            Scalar(value, style, id, name) => {
                (tag, anchor) = (name, Some(id));
                let style = spelled(style, span);
                if style.is_block() {
                    match self.with_header(span) {
                        Some(whole) => span = whole,
                        None => return Some(Err(self.refused(span, "a block scalar whose beginning was not found"))),
                    }
                }
                match style {
                    Style::Plain => self.plain = span,
                    // The parser takes it or leaves it, depending on the quotes of keys before it; others refuse it.
                    Style::Single | Style::Double if self.flow > 0 && has_tab_indent(span.of(self.text)?) => {
                        return Some(Err(self.refused(span, "a tab in the indentation of a quoted scalar")));
                    }
                    _ => {}
                }
                let value = if style == Style::Absent { Cow::Borrowed("") } else { value };
                Kind::Scalar { value, style }
            }
            Alias(id) => Kind::Alias(id),
            Anchor(_, name) => Kind::Anchor(name),
            // Below a tab the parser goes on with the scalar, where YAML ends it and others refuse the text.
            Comment(..) if self.plain.start < span.start && span.end <= self.plain.end => {
                return Some(Err(self.refused(span, "a comment inside a plain scalar of several lines")));
            }
            Comment(text, _) => Kind::Comment(text),
            _ => return None,
        };
        match kind {
            Kind::MappingStart(Layout::Flow) | Kind::SequenceStart(Layout::Flow) => self.flow += 1,
            // Inside a flow collection there is no other.
            Kind::MappingEnd | Kind::SequenceEnd => self.flow = self.flow.saturating_sub(1),
            _ => {}
        }
        if !matches!(kind, Kind::Anchor(_) | Kind::Comment(_) | Kind::DocumentStart(_)) {
            self.reached = self.reached.max(span.end);
        }
        Some(Ok(Event {
            kind,
            span: span.shifted(self.base),
            tag: tag.map(|tag| format!("{}{}", tag.handle(), tag.suffix())),
            anchor: anchor.filter(|id| *id != 0),
        }))
    }

    /// The span of a block scalar from its header to the end of its last line that is not blank.
    fn with_header(&self, content: Span) -> Option<Span> {
        let bytes = self.text.as_bytes();
        let mut at = self.reached;
        // An empty block scalar at the end of the text is reported at its header rather than after it.
        while at <= content.start {
            at += match bytes.get(at)? {
                b'|' | b'>' => {
                    let line = at + line_end(&bytes[at..]).unwrap_or(bytes.len() - at);
                    let written = self.text.get(at..content.end.max(line))?;
                    return Some(Span::new(at, at + written.trim_end_matches([' ', '\t', '\r', '\n']).len()));
                }
                b'#' => line_end(&bytes[at..])?,
                b'&' | b'!' => bytes[at..].iter().position(u8::is_ascii_whitespace)?,
                b' ' | b'\t' | b'\r' | b'\n' | b':' | b'-' | b'?' | 0xef | 0xbb | 0xbf => 1,
                _ => return None,
            };
        }
        None
    }

    /// What the parser accepts and we do not.
    fn refused(&self, span: Span, message: &str) -> Problem {
        Problem { kind: ProblemKind::Syntax, offset: self.base + span.start, message: message.into() }
    }

    fn problem(&self, error: &granit_parser::ScanError) -> Problem {
        let kind = match error.kind() {
            ErrorKind::RecursionLimitExceeded => ProblemKind::TooDeep,
            _ => ProblemKind::Syntax,
        };
        Problem {
            kind,
            offset: self.base + error.marker().byte_offset().unwrap_or(self.reached),
            message: error.info(),
        }
    }
}

impl<'a> Iterator for Events<'a> {
    type Item = Result<Event<'a>, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            let next = match self.parser.next() {
                None => None,
                Some(Ok((event, span))) => match self.translate(event, &span) {
                    None => continue,
                    some => some,
                },
                Some(Err(error)) => Some(Err(self.problem(&error))),
            };
            self.done = !matches!(next, Some(Ok(_)));
            return next;
        }
        None
    }
}

/// Where the first line ends: at a line feed, or at a carriage return, which may stand alone.
fn line_end(bytes: &[u8]) -> Option<usize> {
    memchr::memchr2(b'\n', b'\r', bytes)
}

/// Whether one of the lines below the first begins with blanks that hold a tab.
fn has_tab_indent(written: &str) -> bool {
    let lines = written.split(['\n', '\r']).skip(1);
    lines.map(|line| line.trim_start_matches(' ')).any(|rest| rest.starts_with('\t'))
}

fn layout(style: StructureStyle) -> Layout {
    match style {
        StructureStyle::Block => Layout::Block,
        StructureStyle::Flow => Layout::Flow,
    }
}

/// An empty node is reported as a plain scalar over no bytes.
fn spelled(style: ScalarStyle, span: Span) -> Style {
    match style {
        ScalarStyle::Plain if span.is_empty() => Style::Absent,
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::Single,
        ScalarStyle::DoubleQuoted => Style::Double,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::documents;

    /// The scalars of a text as they are written, in order.
    fn written(text: &str) -> Vec<&str> {
        documents(text)
            .into_iter()
            .flat_map(|piece| Events::new(text, piece))
            .map(Result::unwrap)
            .filter(|event| matches!(event.kind, Kind::Scalar { .. }))
            .map(|event| event.span.of(text).unwrap())
            .collect()
    }

    #[test]
    fn spans_cover_scalars_as_they_are_written() {
        for (text, want) in [
            ("a: b # c\n", vec!["a", "b"]),
            ("a: 'b' # c\n", vec!["a", "'b'"]),
            ("\u{feff}\"é\": \"ü\" # c\r\n", vec!["\"é\"", "\"ü\""]),
            ("a: &x b\nc: !!str d\n", vec!["a", "b", "c", "d"]),
            ("a: # M\nb: 1\n", vec!["a", "", "b", "1"]),
            ("a: | # c\n  x\n\n# d\nb: 1\n", vec!["a", "| # c\n  x", "b", "1"]),
            ("a: !!str &z |-\r\n  x\r\nb: >+\r\n  y\r\n\r\n", vec!["a", "|-\r\n  x", "b", ">+\r\n  y"]),
            ("- |\n  x\n- k: >\n   y\n", vec!["|\n  x", "k", ">\n   y"]),
            ("? |\n  k\n: >\n  v\n", vec!["|\n  k", ">\n  v"]),
            ("%YAML 1.2\n%X | y\n--- |\n  z\n", vec!["|\n  z"]),
            ("a: # | no\n  # > neither\n  |\n  x\n", vec!["a", "|\n  x"]),
            ("a: |\nb: 1\n", vec!["a", "|", "b", "1"]),
            ("a: |+ # c\n\n", vec!["a", "|+ # c"]),
            ("--- >1-", vec![">1-"]),
            ("# > no\n>\n\n folded\n line\n", vec![">\n\n folded\n line"]),
            ("a: b\n---\nc: |\n  d\n", vec!["a", "b", "c", "|\n  d"]),
            ("a:\n  b\n  c\n", vec!["a", "b\n  c"]),
            ("# x\r>\n\r>\nS", vec![">\n\r>\nS"]),
            ("a: | # c\r  b\r", vec!["a", "| # c\r  b"]),
        ] {
            assert_eq!(written(text), want, "{text:?}");
        }
    }

    #[test]
    fn what_the_parser_takes_and_others_do_not_is_refused() {
        for (text, why) in [
            ("c: d\n\t# x\n  e\n", "a comment inside"),
            ("c: d\r\t# x\r  e\r", "a comment inside"),
            ("- d\n\t# x\n\n\t# y\n  e\n", "a comment inside"),
            ("a:\n- {a: 'x\n \tb'}\n", "a tab in"),
            ("[[], \"x\n\tb\"]\n", "a tab in"),
        ] {
            let problem = Events::new(text, documents(text)[0]).find_map(Result::err).unwrap();
            assert!(problem.message.contains(why), "{text:?}: {problem}");
        }
        assert_eq!(written("c: d\n\t# x\ne: f\n"), ["c", "d", "e", "f"]);
        assert_eq!(written("- [{}]\n- \"x\n  \tb\"\n"), ["\"x\n  \tb\""]);
    }

    #[test]
    fn a_long_run_of_comments_after_a_key_is_no_error() {
        let text = format!("a:\n{}  b: c\n", "  # more\n".repeat(5_000));
        assert_eq!(written(&text), ["a", "b", "c"]);
    }
}
