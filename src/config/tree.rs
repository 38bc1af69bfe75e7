//! YAML as a small untyped tree in which every node knows its bytes.
//!
//! Both our files are read from this tree rather than by a deserialiser, because a deserialiser stops at its first
//! error, and a person who corrects a file wants to see every problem at once. Only what a configuration needs is
//! understood: mappings with text keys, lists, scalars. Anchors may stand there; aliases, merge keys and explicit types
//! are refused, so a tree is never larger than its file. A document that is no YAML does not hide the ones after it.
//!
//! Scalars keep the text that was written: `1.10` stays `1.10`, and what is a number or a switch is decided by whoever
//! reads the field.

use super::problems::Problems;
use crate::text::Span;
use granit_parser::{Event, Parser, ScalarStyle};
use std::collections::BTreeMap;

/// The largest file that is read, in bytes.
pub(super) const MAX_FILE: usize = 1024 * 1024;
/// How deep block and flow collections may each be nested. Our files need seven levels.
pub(super) const MAX_DEPTH: usize = 32;
/// The most nodes that one file may hold.
pub(super) const MAX_NODES: usize = 100_000;

/// One value and the bytes it stands at; of a collection, the bytes on its first line.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) value: Value,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// Something that is not read here, which was reported.
    Refused,
    Text(Scalar),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A text, with what is needed to point into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scalar {
    pub(super) text: String,
    pub(super) span: Span,
    /// Written without quotes, so that it may be meant as a number or a switch.
    pub(super) plain: bool,
    /// Where the text stands letter for letter in the file; `None` when escapes or folds lie between.
    verbatim: Option<usize>,
}

#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) span: Span,
}

impl Node {
    /// How messages name the kind of value.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null | Value::Refused => "nothing",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// Reports that `wanted` should stand here.
    pub(super) fn mismatch(&self, wanted: &str, hint: impl Into<String>, problems: &mut Problems) {
        if !matches!(self.value, Value::Refused) {
            problems.error(self.span, format!("expected {wanted}, found {}", self.kind()), hint);
        }
    }

    /// The value of `key`, when this is a mapping that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(k, _)| k.text == key).map(|(_, node)| node),
            _ => None,
        }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    /// The same tree with every span replaced: for values that come from another file than the one messages point at.
    pub(super) fn moved_to(mut self, span: Span) -> Node {
        self.span = span;
        match &mut self.value {
            Value::Null | Value::Refused => {}
            Value::Text(scalar) => {
                scalar.span = span;
                scalar.verbatim = None;
            }
            Value::List(items) => {
                *items = std::mem::take(items).into_iter().map(|item| item.moved_to(span)).collect();
            }
            Value::Map(entries) => {
                *entries = std::mem::take(entries)
                    .into_iter()
                    .map(|(key, node)| (Key { span, ..key }, node.moved_to(span)))
                    .collect();
            }
        }
        self
    }
}

impl Scalar {
    /// The bytes of the file that `inner`, a range of bytes of the text, stands at; the whole scalar when it is unknown.
    pub(super) fn part(&self, inner: std::ops::Range<usize>) -> Span {
        match self.verbatim {
            Some(start) if inner.start <= inner.end && inner.end <= self.text.len() => {
                Span::new(inner.start, inner.end).shifted(start)
            }
            _ => self.span,
        }
    }
}

/// The readable documents of `text`, empty ones left out; what is wrong goes to `problems`.
pub(super) fn documents(text: &str, problems: &mut Problems) -> Vec<Node> {
    if text.len() > MAX_FILE {
        problems.whole_file(format!("larger than {} KiB", MAX_FILE / 1024));
        return Vec::new();
    }
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder::new(text);
    while let Some(next) = parser.next_event() {
        match next {
            Ok((event, span)) => builder.event(event, span_of(&span), problems),
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(text.len());
                problems.not_yaml(one_character(text, at), &error.info());
                builder.abandon();
                if !matches!(parser.proceed_next_document(), Ok(true)) {
                    break;
                }
            }
        }
        if builder.nodes > MAX_NODES {
            problems.whole_file(format!("more than {MAX_NODES} values"));
            return Vec::new();
        }
    }
    builder.finished
}

fn span_of(span: &granit_parser::Span) -> Span {
    span.byte_range().map_or_else(Span::default, |range| Span::new(range.start, range.end))
}

/// The character at byte `at`, so that the caret is as wide as what it points at.
fn one_character(text: &str, at: usize) -> Span {
    let width = text.get(at..).and_then(|rest| rest.chars().next());
    match width {
        Some(c) if c != '\n' && c != '\r' => Span::new(at, at + c.len_utf8()),
        _ => Span::new(at, at),
    }
}

/// The nodes that are still open while events arrive.
struct Builder<'a> {
    text: &'a str,
    open: Vec<Open>,
    finished: Vec<Node>,
    nodes: usize,
}

enum Open {
    List { start: usize, items: Vec<Node> },
    Map { start: usize, entries: Vec<(Key, Node)>, seen: BTreeMap<String, Span>, key: Awaited },
}

/// What the next node of a mapping is.
enum Awaited {
    Key,
    ValueOf(Key),
    /// The value of a key that was refused.
    Nothing,
}

impl<'a> Builder<'a> {
    fn new(text: &'a str) -> Builder<'a> {
        Builder { text, open: Vec::new(), finished: Vec::new(), nodes: 0 }
    }

    fn event(&mut self, event: Event<'_>, span: Span, problems: &mut Problems) {
        if event.tag().is_some() {
            problems.error(span, "explicit types (`!...`) are not read here", "leave the type out");
        }
        match event {
            Event::SequenceStart(..) => self.open.push(Open::List { start: span.start, items: Vec::new() }),
            Event::MappingStart(..) => self.open.push(Open::Map {
                start: span.start,
                entries: Vec::new(),
                seen: BTreeMap::new(),
                key: Awaited::Key,
            }),
            Event::SequenceEnd | Event::MappingEnd => self.close(span.end, problems),
            Event::Scalar(value, style, ..) => {
                let node = self.scalar(&value, style, span);
                self.add(node, problems);
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                problems.error(
                    span,
                    "aliases are not read here",
                    "write the value again, or put what all policies of the file share under `defaults`",
                );
                let value = Value::Refused;
                self.add(Node { span, value }, problems);
            }
            _ => {}
        }
    }

    fn scalar(&self, value: &str, style: ScalarStyle, span: Span) -> Node {
        let plain = style == ScalarStyle::Plain;
        if plain && (span.is_empty() || matches!(value, "~" | "null" | "Null" | "NULL")) {
            return Node { span, value: Value::Null };
        }
        let quote = usize::from(matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted));
        let start = span.start + quote;
        let verbatim = self.text.get(start..).is_some_and(|rest| rest.starts_with(value)) && !value.contains('\n');
        let span = first_line(self.text, span.start, span.end);
        let scalar = Scalar { text: value.to_owned(), span, plain, verbatim: verbatim.then_some(start) };
        Node { span, value: Value::Text(scalar) }
    }

    fn close(&mut self, end: usize, problems: &mut Problems) {
        let node = match self.open.pop() {
            Some(Open::List { start, items }) => {
                Node { span: first_line(self.text, start, end), value: Value::List(items) }
            }
            Some(Open::Map { start, entries, .. }) => {
                Node { span: first_line(self.text, start, end), value: Value::Map(entries) }
            }
            None => return,
        };
        self.add(node, problems);
    }

    /// Puts a finished node where it belongs: into the innermost open collection, or among the documents.
    fn add(&mut self, node: Node, problems: &mut Problems) {
        self.nodes += 1;
        match self.open.last_mut() {
            None => {
                if !matches!(node.value, Value::Null) {
                    self.finished.push(node);
                }
            }
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, seen, key, .. }) => match std::mem::replace(key, Awaited::Key) {
                Awaited::Key => *key = accept_key(node, seen, problems),
                Awaited::ValueOf(name) => entries.push((name, node)),
                Awaited::Nothing => {}
            },
        }
    }

    fn abandon(&mut self) {
        self.open.clear();
    }
}

fn accept_key(node: Node, seen: &mut BTreeMap<String, Span>, problems: &mut Problems) -> Awaited {
    let Value::Text(scalar) = node.value else {
        node.mismatch("a text as key", "", problems);
        return Awaited::Nothing;
    };
    if scalar.plain && scalar.text == "<<" {
        problems.error(
            node.span,
            "merge keys are not read here",
            "write the values again, or put what all policies of the file share under `defaults`",
        );
        return Awaited::Nothing;
    }
    if let Some(first) = seen.get(&scalar.text) {
        let line = problems.position(first.start).line;
        problems.error(
            node.span,
            format!("key `{}` is written twice", scalar.text),
            format!("it stands in line {line} already; keep one"),
        );
        return Awaited::Nothing;
    }
    seen.insert(scalar.text.clone(), node.span);
    Awaited::ValueOf(Key { text: scalar.text, span: node.span })
}

/// The part of `start..end` on its first line, without blanks at its end.
fn first_line(text: &str, start: usize, end: usize) -> Span {
    let rest = text.get(start..).unwrap_or_default();
    let line = rest.lines().next().unwrap_or_default();
    let length = line.len().min(end.saturating_sub(start));
    let shown = line.get(..length).unwrap_or(line).trim_end();
    Span::new(start, start + shown.len())
}

#[cfg(test)]
mod tests;
