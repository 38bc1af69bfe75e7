//! One document as the shapes see it: its nodes, the markers that stand beside them, and who it is.

use super::declared::Location;
use super::marker::Mark;
use super::{Document, Note};
use crate::yaml::{Lines, NodeId, NodeKind, Place, Style, Tag, Tree, reads_as_string};
use std::collections::HashMap;

/// What every shape may look at.
pub(super) struct View<'t, 'a> {
    pub(super) tree: &'t Tree<'a>,
    pub(super) lines: &'t Lines<'a>,
    /// The file's path in the repository.
    pub(super) path: &'t str,
    /// The markers by the scalar they stand beside.
    pub(super) marks: HashMap<NodeId, Mark>,
    pub(super) role: Role,
    /// The locations that policy files declare for this file.
    pub(super) declared: &'t [&'t Location],
}

/// What kind of text a document belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A file of the repository.
    File,
    /// Helm values inside a scalar.
    Values,
    /// A patch of kustomize inside a scalar.
    Patch,
    /// Objects or Helm values inside a scalar: which of them, it says itself.
    Payload,
}

/// What a node gives to somebody who wants a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Given<'v> {
    Text(&'v str),
    /// A plain number, boolean or date: text to us, something else to the program that reads the file.
    NotAString(&'v str),
    /// Nothing, or an explicit null.
    Null,
    /// Another node's value.
    Alias(NodeId),
    Collection,
}

impl<'v, 'a> View<'v, 'a> {
    pub(super) fn given(&self, id: NodeId) -> Given<'v> {
        let node = self.tree.node(id);
        let text = self.tree.text(id).unwrap_or_default();
        match &node.kind {
            NodeKind::Alias(target) => Given::Alias(*target),
            NodeKind::Mapping(_) | NodeKind::Sequence(_) => Given::Collection,
            NodeKind::Scalar { style, .. } => match style {
                Style::Absent => Given::Null,
                Style::Plain if node.tag == Tag::None && matches!(text, "~" | "null" | "Null" | "NULL") => Given::Null,
                Style::Plain if node.tag == Tag::None && !reads_as_string(text) => Given::NotAString(text),
                _ => Given::Text(text),
            },
        }
    }

    /// The 1-based line on which the node begins.
    pub(super) fn line(&self, id: NodeId) -> usize {
        self.lines.number(self.tree.node(id).span.start)
    }

    pub(super) fn note(&self, id: NodeId, text: impl Into<String>) -> Note {
        Note { line: self.line(id), text: text.into() }
    }

    /// The text of a key of the document's root.
    pub(super) fn root_text(&self, key: &str) -> Option<&'v str> {
        self.text_at(self.tree.root()?, key)
    }

    /// The file's name, without its folders.
    pub(super) fn file_name(&self) -> &'v str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }

    /// Whether the document has `apiVersion` and `kind`.
    pub(super) fn is_object(&self) -> bool {
        self.root_text("apiVersion").is_some() && self.root_text("kind").is_some()
    }

    /// The value at the end of a way of keys that starts at `from`.
    pub(super) fn at(&self, from: NodeId, way: &[&str]) -> Option<NodeId> {
        way.iter().try_fold(from, |id, key| self.tree.get(id, key))
    }

    /// The items of a list; nothing for anything else.
    pub(super) fn items(&self, id: Option<NodeId>) -> Vec<NodeId> {
        match id.map(|id| (id, &self.tree.node(id).kind)) {
            Some((id, NodeKind::Sequence(_))) => self.tree.children(id).collect(),
            _ => Vec::new(),
        }
    }

    /// The node and everything below it, parents first.
    pub(super) fn below(&self, id: NodeId) -> impl Iterator<Item = NodeId> + use<'v, 'a> {
        self.tree.subtree(id)
    }

    /// The text under a key of a mapping.
    pub(super) fn text_at(&self, mapping: NodeId, key: &str) -> Option<&'v str> {
        self.tree.text(self.tree.get(mapping, key)?)
    }

    /// The mapping that the node is an item of, and the key of the list: `containers` for one of its entries.
    pub(super) fn list_key(&self, id: NodeId) -> Option<&'v str> {
        match self.tree.node(id).place {
            Place::Item(_) => self.tree.key(self.tree.node(id).parent?),
            _ => None,
        }
    }

    /// Who the object is: the document's root, or one of the `items` of a list.
    pub(super) fn identity(&self, object: Option<NodeId>) -> Document {
        let text = |mapping: Option<NodeId>, key| mapping.and_then(|id| self.text_at(id, key)).map(Into::into);
        let metadata = object.and_then(|id| self.tree.get(id, "metadata"));
        Document {
            index: self.tree.index,
            kind: text(object, "kind"),
            namespace: text(metadata, "namespace"),
            name: text(metadata, "name"),
        }
    }

    /// The child of `items` that holds the node.
    pub(super) fn item_with(&self, items: NodeId, id: NodeId) -> Option<NodeId> {
        let mut at = id;
        loop {
            let parent = self.tree.node(at).parent?;
            if parent == items {
                return Some(at);
            }
            at = parent;
        }
    }
}
