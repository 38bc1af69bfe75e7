//! What the shapes leave behind: references still in terms of nodes, and the scalars that are spoken for.

use super::elsewhere::{Home, Open, Sought};
use super::value::{Parts, Unreadable};
use super::view::{Role, View};
use super::{Document, HandHold, InsertPoint, Marker, Note, Part, Reference, RemovePoint, Setting, Shape, Slot};
use crate::yaml::{NodeId, Tag};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What has been found in one document so far.
#[derive(Default)]
pub(super) struct Found {
    pub(super) drafts: Vec<Draft>,
    pub(super) notes: Vec<Note>,
    /// Scalars whose value is YAML of its own, with what it holds.
    pub(super) texts: HashMap<NodeId, Text>,
    /// What the document tells others, and what it asks of them beside its references.
    pub(super) open: Open,
    claimed: HashSet<NodeId>,
}

impl Found {
    /// Adds a reference and claims its scalars.
    pub(super) fn add(&mut self, draft: Draft) {
        self.claimed.insert(draft.primary);
        self.claimed.extend(draft.slots.iter().map(|(_, id)| *id));
        self.drafts.push(draft);
    }

    /// Keeps later shapes from a scalar that belongs to a reference without carrying a part of it.
    pub(super) fn claim(&mut self, id: NodeId) {
        self.claimed.insert(id);
    }

    /// Hands a scalar's value over to be read as YAML of its own.
    pub(super) fn text(&mut self, id: NodeId, role: Role) {
        self.texts.insert(id, Text { role, home: Arc::default() });
    }

    /// Hands over Helm values; `home` says where other values of the same chart stand.
    pub(super) fn values(&mut self, id: NodeId, home: Arc<Home>) {
        self.texts.insert(id, Text { role: Role::Values, home });
    }

    /// Whether a shape that ran earlier has taken this scalar.
    pub(super) fn is_claimed(&self, id: NodeId) -> bool {
        self.claimed.contains(&id)
    }
}

/// A scalar's value that is YAML.
#[derive(Clone)]
pub(super) struct Text {
    pub(super) role: Role,
    pub(super) home: Arc<Home>,
}

/// A reference in the making.
pub(super) struct Draft {
    shape: Shape,
    /// The node whose line and path the reference bears.
    pub(super) primary: NodeId,
    pub(super) slots: Vec<(Part, NodeId)>,
    /// What stands before and behind the part in its scalar, where the scalar holds more than the part.
    pub(super) frames: HashMap<NodeId, Setting>,
    /// Further nodes on whose lines a hold comment may stand.
    pub(super) around: Vec<NodeId>,
    /// Parts whose value is an alias: the alias, and the node that it stands for.
    pub(super) aliases: Vec<(Part, NodeId, NodeId)>,
    pub(super) parts: Parts,
    pub(super) marker: Option<Marker>,
    pub(super) hold: Option<HandHold>,
    pub(super) insert: Option<InsertPoint>,
    pub(super) remove: Vec<RemovePoint>,
    pub(super) blocked: Option<String>,
    /// What another place has to say before this is a reference.
    pub(super) sought: Option<Sought>,
}

impl Draft {
    pub(super) fn new(shape: Shape, primary: NodeId) -> Draft {
        Draft {
            shape,
            primary,
            slots: Vec::new(),
            frames: HashMap::new(),
            around: Vec::new(),
            aliases: Vec::new(),
            parts: Parts::default(),
            marker: None,
            hold: None,
            insert: None,
            remove: Vec::new(),
            blocked: None,
            sought: None,
        }
    }

    /// Takes a scalar as the carrier of one part. What it gives is added to what is known; what cannot be read blocks.
    pub(super) fn carry(&mut self, view: &View<'_, '_>, part: Part, id: NodeId, read: Result<Parts, Unreadable>) {
        self.slots.push((part, id));
        if view.tree.node(id).tag == Tag::Other {
            self.block("the value carries a YAML tag that says it is no string");
        }
        self.learn(view, id, read);
    }

    /// Takes a part of a scalar: `before` and `after` are the rest of its value, which stays.
    pub(super) fn carry_framed(
        &mut self,
        view: &View<'_, '_>,
        part: Part,
        id: NodeId,
        (before, after): (&str, &str),
        read: Result<Parts, Unreadable>,
    ) {
        let setting = Setting { before: before.to_owned(), after: after.to_owned(), ..Setting::default() };
        self.frames.insert(id, setting);
        self.carry(view, part, id, read);
    }

    /// Takes the version of a chart, in which a `+` stands for the tag's `_`.
    pub(super) fn carry_version(&mut self, view: &View<'_, '_>, id: NodeId, read: Result<Parts, Unreadable>) {
        self.frames.insert(id, Setting { version: true, ..Setting::default() });
        self.carry(view, Part::Tag, id, read);
    }

    /// Takes an alias as the carrier of one part. Whether the anchor's scalar may be edited for it is settled with all other
    /// users of the anchor, see [`super::anchors`].
    pub(super) fn carry_alias(
        &mut self,
        view: &View<'_, '_>,
        part: Part,
        (alias, target): (NodeId, NodeId),
        read: fn(&str) -> Result<Parts, Unreadable>,
    ) {
        self.aliases.push((part, alias, target));
        match view.tree.text(target) {
            Some(text) => self.learn(view, target, read(text)),
            None => self.block("an alias of a list or a mapping"),
        }
    }

    /// Takes the marker that stands beside a scalar of the reference.
    pub(super) fn mark(&mut self, view: &View<'_, '_>, id: NodeId, part: Part) {
        let Some(mark) = view.marks.get(&id) else { return };
        if mark.part != part {
            let suffix = match part {
                Part::Whole => "needs no suffix",
                Part::Name => "must end in `:name`",
                Part::Tag => "must end in `:tag`",
                Part::Digest => "must end in `:digest`",
            };
            self.block(format!("the marker {suffix}, for that is what the value holds"));
        }
        match &self.marker {
            Some(other) if other.policies != mark.marker.policies => {
                self.block("the reference's markers name different policies");
            }
            _ => self.marker = Some(mark.marker.clone()),
        }
    }

    /// Adds what a text says.
    pub(super) fn learn(&mut self, view: &View<'_, '_>, id: NodeId, read: Result<Parts, Unreadable>) {
        match read {
            Ok(parts) => {
                self.parts.name = parts.name.or(self.parts.name.take());
                self.parts.repository = parts.repository.or(self.parts.repository.take());
                self.parts.tag = parts.tag.or(self.parts.tag.take());
                self.parts.digest = parts.digest.or(self.parts.digest.take());
            }
            Err(why) => self.block(format!("`{}` {why}", shown(view.tree.text(id).unwrap_or_default()))),
        }
    }

    /// Says why the place cannot be edited. The first reason stays.
    pub(super) fn block(&mut self, why: impl Into<String>) {
        self.blocked.get_or_insert_with(|| why.into());
    }

    pub(super) fn finish(mut self, view: &View<'_, '_>, document: Document) -> Reference {
        self.slots.sort_by_key(|(_, id)| view.tree.node(*id).span.start);
        let slot = |(part, id): (Part, NodeId)| Slot {
            part,
            span: view.tree.node(id).span,
            value: view.tree.text(id).unwrap_or_default().to_owned(),
            setting: self.frames.get(&id).cloned().unwrap_or_default(),
        };
        Reference {
            line: view.line(self.primary),
            document,
            path: view.tree.path(self.primary),
            shape: self.shape,
            name: self.parts.name,
            repository: self.parts.repository,
            tag: self.parts.tag,
            digest: self.parts.digest,
            marker: self.marker,
            hold: self.hold,
            slots: self.slots.iter().copied().map(slot).collect(),
            insert: self.insert,
            remove: self.remove,
            blocked: self.blocked,
        }
    }
}

/// Enough of a text to recognise it in a message, on one line.
pub(super) fn shown(text: &str) -> String {
    let short: String = text.chars().take(80).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if short.len() < text.len() { format!("{}…", short.trim_end()) } else { short }
}
