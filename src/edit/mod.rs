//! Splices new values into the bytes of a file and proves that nothing else moved.
//!
//! [`plan_action`] says whether a target can be written and what the writing is called; [`apply`] writes. Values keep the
//! style they are written in where that style can carry them. A missing `digest:` or `newTag:` is inserted beside its
//! siblings, with their indentation and line ending; a stale `digest:` or `newTag:` goes with its line, or gives its place
//! to the key that comes. Comments stay with their lines: one at the end of a line that goes, goes with it.
//!
//! The proof: after splicing, the touched documents, or where that is enough their changed lines, are parsed again, and the
//! two streams of events, values, styles, anchors, tags and comments included, may differ in exactly the intended scalars
//! and keys. All other bytes are copied, not written. What cannot be proven is an error and is never written.
//!
//! Not done here: editing what [`Reference::blocked`] blocks, text that is not YAML.
//!
//! ```
//! use landwaiter::edit::{Edit, Target, apply};
//! use landwaiter::image::Tag;
//! let file = b"images:\n- name: web\n  newTag: '1.27' # keep me\n";
//! let scan = landwaiter::site::scan("kustomization.yaml", file);
//! let to = Target { tag: Some(Tag::parse("1.28").unwrap()), ..Target::default() };
//! let edited = apply(file, &[Edit { reference: &scan.references[0], to }]).unwrap();
//! assert_eq!(edited.bytes, b"images:\n- name: web\n  newTag: '1.28' # keep me\n");
//! ```

mod compose;
mod lines;
mod nested;
mod proof;
mod raw;
mod splice;

use crate::image::{Digest, Tag};
use crate::site::{Part, Reference};
use crate::text::Span;
use crate::yaml;
use splice::{Meaning, Splice};

/// What one reference is to say.
#[derive(Debug, Clone)]
pub struct Edit<'a> {
    /// As [`crate::site::scan`] found it in these very bytes.
    pub reference: &'a Reference,
    pub to: Target,
}

/// The full new state of a reference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// The name to write; `None` keeps the name that stands.
    pub name: Option<String>,
    /// `None` for a reference by digest alone.
    pub tag: Option<Tag>,
    /// `None` drops the digest that stands.
    pub digest: Option<Digest>,
}

/// What a change is called in plans and reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Values are replaced.
    Update,
    /// A digest is added to an existing value.
    Pin,
    /// A key is added.
    Insert,
}

impl Action {
    /// The word that JSON and the documentation use. Stable.
    pub fn word(self) -> &'static str {
        match self {
            Action::Update => "update",
            Action::Pin => "pin",
            Action::Insert => "insert",
        }
    }
}

/// The file with all edits in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    pub bytes: Vec<u8>,
    /// One for each edit, in their order.
    pub actions: Vec<Action>,
}

/// Why an edit cannot be made. Displays fit after "cannot be edited: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The scan refused the place.
    #[error("{0}")]
    Blocked(String),
    /// The reference has no scalar for a part of the target, and none can be added.
    #[error(
        "there is no place for the {0}; where its reader knows one, write an empty `{0}: \"\"` beside the other values"
    )]
    NoPlace(&'static str),
    /// The part stands where it cannot be taken out, or the image would be left with neither tag nor digest.
    #[error("the {0} would have to be removed")]
    Removal(&'static str),
    /// Neither the file nor the target says what the image is called.
    #[error("the name of the image is not known")]
    NoName,
    #[error("`{0}` is not a repository name")]
    InvalidName(String),
    /// The reference says it already.
    #[error("nothing would change")]
    Unchanged,
    /// The value cannot be written in this place without losing something.
    #[error("line {line}: the new value does not fit the scalar that stands there")]
    Unwritable { line: usize },
    /// The bytes are not those that the reference was found in.
    #[error("line {line}: the file is not the one that was scanned")]
    Stale { line: usize },
    /// Two edits want different things of the same bytes.
    #[error("line {line}: two changes of the same place differ")]
    Conflict { line: usize },
    /// The result is not provably the intended one. Nothing is written.
    #[error("the edited file could not be proven right ({0}); please report this")]
    Unproven(String),
}

/// Whether the target can be written, and what writing it is called.
///
/// Needs no bytes, so that a plan can say why a place cannot be edited before anything is read again.
pub fn plan_action(reference: &Reference, target: &Target) -> Result<Action, EditError> {
    let wanted = compose::wanted(reference, target)?;
    Ok(if !wanted.inserts.is_empty() {
        Action::Insert
    } else if reference.digest.is_none() && target.digest.is_some() {
        Action::Pin
    } else {
        Action::Update
    })
}

/// What the scalars that the target changes will hold, by their bytes in the file: for comparing the wishes of references
/// that share a scalar.
pub fn values(reference: &Reference, target: &Target) -> Result<Vec<(Span, String)>, EditError> {
    let wanted = compose::wanted(reference, target)?;
    Ok(wanted.values.into_iter().map(|(slot, value)| (slot.span, value)).collect())
}

/// Writes the targets into the bytes. All edits succeed, or none is made.
///
/// Edits that want the same of one scalar are one. Time and memory are linear in the bytes.
pub fn apply(bytes: &[u8], edits: &[Edit<'_>]) -> Result<Edited, EditError> {
    // The scan could read it.
    let text = yaml::text(bytes).map_err(|_| EditError::Stale { line: 1 })?;
    let mut splices = Vec::new();
    let mut actions = Vec::with_capacity(edits.len());
    for edit in edits {
        actions.push(plan_action(edit.reference, &edit.to)?);
        splices.append(&mut compose::splices(text, edit.reference, &edit.to)?);
    }
    let splices = nested::raise(splice::settle(text, splices)?)?;
    Ok(Edited { bytes: rewrite(text, &splices)?, actions })
}

/// Makes the splices and proves the result.
fn rewrite(text: &str, splices: &[Splice]) -> Result<Vec<u8>, EditError> {
    let new = splice::join(text, splices);
    let is_raw = |splice: &Splice| matches!(splice.meaning, Meaning::Raw { .. });
    if splices.iter().any(is_raw) {
        // What is read as YAML is proven without the rest, which may stand in text that is none.
        let values = splices.iter().filter(|splice| !is_raw(splice)).cloned().collect::<Vec<_>>();
        proof::prove(text, &splice::join(text, &values), &values)?;
        raw::prove(text, &new, splices)?;
    } else {
        proof::prove(text, &new, splices)?;
    }
    Ok(new.into_bytes())
}

/// How messages name a part.
fn word(part: Part) -> &'static str {
    match part {
        Part::Whole => "image",
        Part::Name => "name",
        Part::Tag => "tag",
        Part::Digest => "digest",
    }
}
