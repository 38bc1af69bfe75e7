//! What goes when a key of a mapping goes.
//!
//! ```yaml
//! - name: web
//!   # stays
//!   newTag: v1          # goes with its line
//!   digest: sha256:...
//! - {name: web, newTag: v1, digest: sha256:...}
//! ```
//!
//! A line goes as a whole, with the comment at its end; comments on lines of their own stay. After `- ` the next key moves
//! up. In a flow mapping the pair goes with one comma. Only simple text is taken on: a pair written as `key: value` without
//! anchor or tag, in a mapping that has another pair.

use super::view::View;
use super::{Part, RemovePoint};
use crate::text::Span;
use crate::yaml::{Layout, NodeId, NodeKind, Place};

/// How the pair of this value can be taken out, or renamed; `None` where its text is too unusual to be sure.
pub(super) fn of(view: &View<'_, '_>, value: NodeId, part: Part) -> Option<RemovePoint> {
    let node = view.tree.node(value);
    let Place::Value(key) = node.place else { return None };
    let (text, name) = (view.tree.source(), view.tree.node(key).span);
    let between = Span::new(name.end, node.span.start).of(text)?;
    if view.tree.style(value)?.is_block() || node.span.is_empty() || name.is_empty() {
        return None;
    }
    if between.trim_matches(WHITE) != ":" || view.tree.node(key).anchored || node.anchored {
        return None;
    }
    let mapping = node.parent?;
    let (before, after) = neighbours(view, mapping, key);
    let gone = match view.tree.node(mapping).kind {
        _ if before.is_none() && after.is_none() => None,
        NodeKind::Mapping(Layout::Flow) => flow(view, before, after, name, node.span),
        _ => line(view, before, after, name, node.span),
    };
    Some(RemovePoint { part, name: view.tree.text(key)?.to_owned(), key: name, value: node.span, gone, inner: None })
}

const WHITE: [char; 4] = [' ', '\t', '\r', '\n'];

/// The value before and the key after the pair.
fn neighbours(view: &View<'_, '_>, mapping: NodeId, key: NodeId) -> (Option<NodeId>, Option<NodeId>) {
    let before = view.tree.entries(mapping).take_while(|(other, _)| *other != key).last();
    let after = view.tree.entries(mapping).skip_while(|(other, _)| *other != key).nth(1);
    (before.map(|(_, value)| value), after.map(|(key, _)| key))
}

/// The pair with the comma and the blanks before the next key, or after the value before.
fn flow(view: &View<'_, '_>, before: Option<NodeId>, after: Option<NodeId>, key: Span, value: Span) -> Option<Span> {
    let comma = |span: Span| Some(span.of(view.tree.source())?.trim_matches(WHITE) == ",").filter(|found| *found);
    if let Some(after) = after {
        let next = view.tree.node(after).span.start;
        return comma(Span::new(value.end, next)).map(|_| Span::new(key.start, next));
    }
    let before = before.filter(|id| matches!(view.tree.node(*id).kind, NodeKind::Scalar { .. }))?;
    let last = view.tree.node(before).span;
    comma(Span::new(last.end, key.start)).map(|_| Span::new(last.end, value.end))
}

/// The line or lines of the pair. Where the file ends without a line break, it goes on ending without one.
fn line(view: &View<'_, '_>, before: Option<NodeId>, after: Option<NodeId>, key: Span, value: Span) -> Option<Span> {
    let text = view.tree.source();
    let start = view.lines.start(key.start);
    let end = view.lines.end(value.end);
    let rest = Span::new(value.end, end).of(text)?;
    let own = rest.trim_start_matches([' ', '\t']);
    let is_comment = own.starts_with('#') && own.len() < rest.len();
    if !(is_comment || own.trim_matches(WHITE).is_empty()) || has_lone_return(Span::new(start, end).of(text)?) {
        return None;
    }
    let indent = Span::new(start, key.start).of(text)?;
    if !indent.bytes().all(|b| b == b' ') {
        // `- key: value`: what the next key's line begins with goes instead, when that is nothing but indentation.
        let next = view.tree.node(after?).span.start;
        let between = Span::new(end, next).of(text)?;
        let first = indent.bytes().all(|b| matches!(b, b' ' | b'-')) && between.len() == indent.len();
        return (first && between.bytes().all(|b| b == b' ')).then(|| Span::new(key.start, next));
    }
    if rest.ends_with('\n') {
        return Some(Span::new(start, end));
    }
    // A block scalar above might count the line break that would go as its own.
    before.filter(|id| view.tree.style(*id).is_some_and(|style| !style.is_block()))?;
    let above = text[..start].strip_suffix('\n')?;
    Some(Span::new(above.strip_suffix('\r').unwrap_or(above).len(), end))
}

/// A carriage return that no line feed follows ends a line to YAML, and not to us.
pub(super) fn has_lone_return(text: &str) -> bool {
    text.match_indices('\r').any(|(at, _)| !text[at..].starts_with("\r\n"))
}
