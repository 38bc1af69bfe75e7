//! A reference that consists of one scalar, whatever it is: what a marker alone makes, for tests of the editor.
//!
//! Whoever includes it names the types itself, because the fuzz target takes the rooms in by path.

use super::{Document, Part, Reference, Setting, Shape, Slot, Span};

pub(crate) fn single(span: Span, value: &str) -> Reference {
    Reference {
        line: 1,
        document: Document::default(),
        path: String::new(),
        shape: Shape::Marked,
        name: None,
        repository: None,
        tag: Some(value.to_owned()),
        digest: None,
        marker: None,
        hold: None,
        slots: vec![Slot { part: Part::Tag, span, value: value.to_owned(), setting: Setting::default() }],
        insert: None,
        remove: Vec::new(),
        blocked: None,
    }
}
