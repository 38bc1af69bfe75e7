//! From events to trees: every node learns its parent, its place and where its subtree ends.

use super::tree::{Comment, Node, NodeId, NodeKind, Place, Tag, Tree};
use super::{Event, Events, Kind, Layout, MAX_NODES, Piece, Problem, ProblemKind};
use crate::text::Span;
use std::borrow::Cow;
use std::collections::HashMap;

/// The documents of one piece: one, but for oddities such as a BOM between two documents.
pub fn parse<'a>(text: &'a str, piece: Piece) -> Result<Vec<Tree<'a>>, Problem> {
    let mut trees = Vec::new();
    let mut builder = Builder::new(text, piece.index);
    for event in Events::new(text, piece) {
        let event = event?;
        let ended = event.kind == Kind::DocumentEnd;
        let offset = event.span.start;
        builder.take(event);
        if builder.tree.nodes.len() > MAX_NODES {
            let message = format!("more than {MAX_NODES} values in one document");
            return Err(Problem { kind: ProblemKind::TooLarge, offset, message });
        }
        if ended {
            trees.push(std::mem::replace(&mut builder, Builder::new(text, piece.index)).tree);
        }
    }
    // Comments after the end of a document still belong to it: markers there are near misses.
    if let Some(last) = trees.last_mut() {
        last.comments.append(&mut builder.tree.comments);
    }
    Ok(trees)
}

/// An open collection.
struct Open {
    id: NodeId,
    mapping: bool,
    /// In a mapping, the key that waits for its value.
    key: Option<NodeId>,
    items: u32,
}

struct Builder<'a> {
    tree: Tree<'a>,
    open: Vec<Open>,
    anchors: HashMap<usize, NodeId>,
    complete: Option<NodeId>,
}

impl<'a> Builder<'a> {
    fn new(text: &'a str, index: usize) -> Builder<'a> {
        Builder {
            tree: Tree { text, index, nodes: Vec::new(), comments: Vec::new() },
            open: Vec::new(),
            anchors: HashMap::new(),
            complete: None,
        }
    }

    fn take(&mut self, event: Event<'a>) {
        let Event { kind, span, tag, anchor } = event;
        let (kind, mapping) = match kind {
            Kind::Scalar { value, style } => (NodeKind::Scalar { value, style }, None),
            Kind::Alias(id) => match self.anchors.get(&id) {
                Some(target) => (NodeKind::Alias(*target), None),
                // The parser refuses unknown aliases; this one's anchor would stand in another document.
                None => return,
            },
            Kind::MappingStart(layout) => (NodeKind::Mapping(layout), Some(true)),
            Kind::SequenceStart(layout) => (NodeKind::Sequence(layout), Some(false)),
            Kind::MappingEnd | Kind::SequenceEnd => return self.close(span),
            Kind::Comment(text) => return self.comment(text, span),
            Kind::DocumentStart(_) | Kind::DocumentEnd | Kind::Anchor(_) => return,
        };
        let id = self.push(kind, span, tag.as_deref(), anchor);
        match mapping {
            Some(mapping) => self.open.push(Open { id, mapping, key: None, items: 0 }),
            None => self.complete = Some(id),
        }
    }

    fn push(&mut self, kind: NodeKind<'a>, span: Span, tag: Option<&str>, anchor: Option<usize>) -> NodeId {
        let id = NodeId(self.tree.nodes.len() as u32);
        let (parent, place) = match self.open.last_mut() {
            None => (None, Place::Root),
            Some(open) => (Some(open.id), open.place(id)),
        };
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, id);
        }
        self.tree.nodes.push(Node {
            kind,
            span,
            parent,
            place,
            tag: match tag {
                None => Tag::None,
                Some("tag:yaml.org,2002:str" | "!") => Tag::Str,
                Some(_) => Tag::Other,
            },
            anchored: anchor.is_some(),
            next: NodeId(id.0 + 1),
        });
        id
    }

    fn close(&mut self, span: Span) {
        let Some(open) = self.open.pop() else { return };
        let next = NodeId(self.tree.nodes.len() as u32);
        let node = &mut self.tree.nodes[open.id.at()];
        node.next = next;
        // The end of a flow collection is a bracket; that of a block collection is wherever the next thing begins.
        if matches!(node.kind, NodeKind::Mapping(Layout::Flow) | NodeKind::Sequence(Layout::Flow)) && !span.is_empty() {
            self.complete = Some(open.id);
        }
    }

    fn comment(&mut self, text: Cow<'a, str>, span: Span) {
        let before = &self.tree.text[..span.start];
        let line = before.trim_end_matches([' ', '\t']);
        self.tree.comments.push(Comment {
            span,
            text,
            own_line: line.is_empty() || line.ends_with(['\n', '\r', '\u{feff}']),
            after: self.complete,
            before: NodeId(self.tree.nodes.len() as u32),
        });
    }
}

impl Open {
    /// What the next child is to this collection.
    fn place(&mut self, child: NodeId) -> Place {
        if !self.mapping {
            self.items += 1;
            return Place::Item(self.items - 1);
        }
        match self.key.take() {
            Some(key) => Place::Value(key),
            None => {
                self.key = Some(child);
                Place::Key
            }
        }
    }
}
