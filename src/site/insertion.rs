//! Where a further key of a mapping could be written.
//!
//! ```yaml
//! - name: web
//!   newTag: v1 # stays here
//!   digest: sha256:...        # a line of its own, in the column of its sibling
//! - {name: web, newTag: v1, digest: sha256:...}
//! ```
//!
//! Only simple text is taken on: a sibling written as `key: value` or `- key: value`, whose value is no block scalar.

use super::view::View;
use super::{InsertForm, InsertPoint, Part, removal};
use crate::text::Span;
use crate::yaml::{Layout, NodeId, NodeKind, Place};

/// After the sibling, a value of the mapping; `None` where the text around it is too unusual to be sure.
pub(super) fn after(view: &View<'_, '_>, sibling: NodeId, key: &'static str, part: Part) -> Option<InsertPoint> {
    let node = view.tree.node(sibling);
    let Place::Value(name) = node.place else { return None };
    if node.span.is_empty() || view.tree.style(sibling)?.is_block() {
        return None;
    }
    let (source, name) = (view.tree.source(), view.tree.node(name).span);
    let form = if view.tree.node(node.parent?).kind == NodeKind::Mapping(Layout::Flow) {
        let quoted = name.of(source)?.starts_with('"');
        InsertForm::Flow { quoted }
    } else {
        let before = Span::new(view.lines.start(name.start), name.start).of(source)?;
        let lines = Span::new(name.start, view.lines.end(node.span.end)).of(source)?;
        if !before.bytes().all(|b| matches!(b, b' ' | b'-')) || removal::has_lone_return(lines) {
            return None;
        }
        InsertForm::Line { column: before.len() }
    };
    Some(InsertPoint { key, part, after: node.span, form, inner: None })
}
