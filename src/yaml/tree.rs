//! One document as nodes in the order of the text.
//!
//! Nodes lie in one vector, parents before children; a node knows its parent and where its subtree ends, so that walking
//! needs neither recursion nor further allocations. Comments are kept with the nodes they stand between.

use super::{Layout, Style};
use crate::text::Span;
use std::borrow::Cow;

/// A node's place in its [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) u32);

impl NodeId {
    pub(super) fn at(self) -> usize {
        self.0 as usize
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node<'a> {
    pub kind: NodeKind<'a>,
    /// A scalar's or alias's bytes, quotes and block header included, anchor and tag not; for a collection its opening.
    pub span: Span,
    pub parent: Option<NodeId>,
    pub place: Place,
    pub tag: Tag,
    pub anchored: bool,
    /// The first node after this one's subtree.
    pub(super) next: NodeId,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeKind<'a> {
    Scalar {
        value: Cow<'a, str>,
        style: Style,
    },
    Mapping(Layout),
    Sequence(Layout),
    /// Stands for the node with the anchor.
    Alias(NodeId),
}

/// What a node is to its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Root,
    Key,
    /// The value of this key.
    Value(NodeId),
    /// Counted from 0.
    Item(u32),
}

/// What a node says about its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    None,
    /// `!!str` or `!`: a string whatever it looks like.
    Str,
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment<'a> {
    /// With `#`, without the line break.
    pub span: Span,
    /// What follows `#`.
    pub text: Cow<'a, str>,
    /// Nothing but blanks stands before it on its line.
    pub own_line: bool,
    /// The last node that was complete before the comment: a scalar, an alias or a flow collection. The comment on a
    /// block scalar's header names that scalar.
    pub after: Option<NodeId>,
    /// The first node that begins after the comment, if one does.
    pub(super) before: NodeId,
}

/// One document.
#[derive(Debug, Clone)]
pub struct Tree<'a> {
    pub(super) text: &'a str,
    /// Counted from 0 within the text.
    pub index: usize,
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) comments: Vec<Comment<'a>>,
}

impl<'a> Tree<'a> {
    /// The whole text that spans count in.
    pub fn source(&self) -> &'a str {
        self.text
    }

    pub fn node(&self, id: NodeId) -> &Node<'a> {
        &self.nodes[id.at()]
    }

    /// Every node, parents before children.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<'a> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// The node and every node below it, parents before children.
    pub fn subtree(&self, id: NodeId) -> impl Iterator<Item = NodeId> + use<'a> {
        (id.0..self.node(id).next.0).map(NodeId)
    }

    pub fn root(&self) -> Option<NodeId> {
        (!self.nodes.is_empty()).then_some(NodeId(0))
    }

    pub fn comments(&self) -> &[Comment<'a>] {
        &self.comments
    }

    /// The first node that begins after the comment.
    pub fn following(&self, comment: &Comment<'_>) -> Option<NodeId> {
        (comment.before.at() < self.nodes.len()).then_some(comment.before)
    }

    /// The value of a scalar; nothing for collections and aliases.
    pub fn text(&self, id: NodeId) -> Option<&str> {
        match &self.node(id).kind {
            NodeKind::Scalar { value, .. } => Some(value),
            _ => None,
        }
    }

    pub fn style(&self, id: NodeId) -> Option<Style> {
        match self.node(id).kind {
            NodeKind::Scalar { style, .. } => Some(style),
            _ => None,
        }
    }

    /// The text of the key whose value the node is.
    pub fn key(&self, id: NodeId) -> Option<&str> {
        match self.node(id).place {
            Place::Value(key) => self.text(key),
            _ => None,
        }
    }

    /// The children of a sequence, or keys and values of a mapping in turn.
    pub fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let end = self.node(id).next;
        let first = NodeId(id.0 + 1);
        std::iter::successors((first < end).then_some(first), move |child| {
            let next = self.node(*child).next;
            (next < end).then_some(next)
        })
    }

    /// The pairs of a mapping, in order; nothing for anything else.
    pub fn entries(&self, id: NodeId) -> Entries<'_, 'a> {
        let end = match self.node(id).kind {
            NodeKind::Mapping(_) => self.node(id).next,
            _ => NodeId(id.0 + 1),
        };
        Entries { tree: self, at: NodeId(id.0 + 1), end }
    }

    /// The value of the first entry with this key.
    pub fn get(&self, id: NodeId, key: &str) -> Option<NodeId> {
        self.entries(id).find(|(name, _)| self.text(*name) == Some(key)).map(|(_, value)| value)
    }

    /// Dotted, with `[n]` for items; keys that need it in double quotes.
    pub fn path(&self, id: NodeId) -> String {
        super::path::of(self, id)
    }
}

/// See [`Tree::entries`].
#[derive(Debug, Clone)]
pub struct Entries<'t, 'a> {
    tree: &'t Tree<'a>,
    at: NodeId,
    end: NodeId,
}

impl Iterator for Entries<'_, '_> {
    type Item = (NodeId, NodeId);

    fn next(&mut self) -> Option<(NodeId, NodeId)> {
        if self.at >= self.end {
            return None;
        }
        let key = self.at;
        let value = self.tree.node(key).next;
        self.at = self.tree.node(value).next;
        Some((key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{documents, parse};

    fn tree(text: &str) -> Tree<'_> {
        parse(text, documents(text)[0]).unwrap().remove(0)
    }

    fn find(tree: &Tree<'_>, value: &str) -> NodeId {
        tree.ids().find(|id| tree.text(*id) == Some(value)).unwrap()
    }

    #[test]
    fn mappings_give_their_pairs_and_sequences_their_items() {
        let tree = tree("a: 1\nb:\n- x\n- {y: [1, 2], z: 3}\nc: {}\n");
        let root = tree.root().unwrap();
        let keys = tree.entries(root).map(|(key, _)| tree.text(key).unwrap()).collect::<Vec<_>>();
        assert_eq!(keys, ["a", "b", "c"]);
        let list = tree.get(root, "b").unwrap();
        let items = tree.children(list).collect::<Vec<_>>();
        assert_eq!(items.len(), 2);
        assert_eq!(tree.get(items[1], "z").and_then(|id| tree.text(id)), Some("3"));
        assert_eq!(tree.entries(list).count(), 0);
        assert_eq!(tree.children(tree.get(root, "c").unwrap()).count(), 0);
    }

    #[test]
    fn aliases_point_at_the_latest_anchor_of_their_name() {
        let tree = tree("a: &x 1\nb: *x\nc: &x 2\nd: *x\n");
        let root = tree.root().unwrap();
        for (alias, value) in [("b", "1"), ("d", "2")] {
            let NodeKind::Alias(target) = tree.node(tree.get(root, alias).unwrap()).kind else {
                panic!("{alias} is no alias")
            };
            assert_eq!(tree.text(target), Some(value));
            assert!(tree.node(target).anchored);
        }
    }

    #[test]
    fn comments_know_what_they_stand_beside() {
        let tree = tree("a: 1 # one\nb: | # two\n  text\n# three\nc: [x] # four\n");
        let seen = tree
            .comments()
            .iter()
            .map(|comment| (comment.text.trim(), comment.own_line, comment.after))
            .collect::<Vec<_>>();
        let list = tree.get(tree.root().unwrap(), "c");
        assert_eq!(
            seen,
            [
                ("one", false, Some(find(&tree, "1"))),
                ("two", false, Some(find(&tree, "text\n"))),
                ("three", true, Some(find(&tree, "text\n"))),
                ("four", false, list),
            ]
        );
        assert_eq!(tree.following(&tree.comments()[2]), Some(find(&tree, "c")));
        assert_eq!(tree.following(&tree.comments()[3]), None);
    }

    #[test]
    fn tags_say_whether_a_value_is_a_string() {
        let tree = tree("a: !!str 1\nb: !!float 1\nc: ! 1\nd: 1\n");
        let root = tree.root().unwrap();
        let tags = ["a", "b", "c", "d"].map(|key| tree.node(tree.get(root, key).unwrap()).tag);
        assert_eq!(tags, [Tag::Str, Tag::Other, Tag::Str, Tag::None]);
    }
}
