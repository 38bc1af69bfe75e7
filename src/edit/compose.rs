//! From a reference and its target to splices: what each scalar must say, and which keys are added.

use super::splice::{Meaning, Splice};
use super::{EditError, Target, word};
use crate::image::Repository;
use crate::site::{InsertForm, InsertPoint, Part, Reference, Slot};
use crate::text::{Span, position};
use crate::yaml;

/// What a target asks of a reference's scalars.
pub(super) struct Wanted<'a> {
    /// The new values of the slots that change.
    values: Vec<(&'a Slot, String)>,
    /// Keys to add, with their values.
    pub(super) inserts: Vec<(&'static str, String)>,
}

/// Distributes the target over the scalars that the reference has.
pub(super) fn wanted<'a>(reference: &'a Reference, target: &Target) -> Result<Wanted<'a>, EditError> {
    if let Some(why) = &reference.blocked {
        return Err(EditError::Blocked(why.clone()));
    }
    if let Some(name) = &target.name {
        Repository::parse(name).map_err(|_| EditError::InvalidName(name.clone()))?;
    }
    if target.tag.is_none() && target.digest.is_none() {
        return Err(EditError::Removal("tag"));
    }
    let mut wanted = Wanted { values: Vec::new(), inserts: missing(reference, target)? };
    for slot in &reference.slots {
        let value = value(reference, slot, target)?;
        if value != slot.value.trim_end_matches('\n') {
            wanted.values.push((slot, value));
        }
    }
    if wanted.values.is_empty() && wanted.inserts.is_empty() {
        return Err(EditError::Unchanged);
    }
    Ok(wanted)
}

/// What one scalar must say.
fn value(reference: &Reference, slot: &Slot, target: &Target) -> Result<String, EditError> {
    let digest = target.digest.as_ref().map(|digest| digest.as_str());
    match slot.part {
        Part::Whole => {
            let mut value = target.name.clone().or_else(|| reference.name.clone()).ok_or(EditError::NoName)?;
            if let Some(tag) = &target.tag {
                value += &format!(":{tag}");
            }
            if let Some(digest) = digest {
                value += &format!("@{digest}");
            }
            Ok(value)
        }
        Part::Name => target.name.clone().or_else(|| reference.name.clone()).ok_or(EditError::NoName),
        Part::Tag => {
            let tag = target.tag.as_ref().ok_or(EditError::Removal("tag"))?;
            Ok(match digest.filter(|_| slot.value.contains('@')) {
                Some(digest) => format!("{tag}@{digest}"),
                None => tag.as_str().to_owned(),
            })
        }
        Part::Digest => match digest {
            Some(digest) => Ok(digest.to_owned()),
            // A place for a digest that nobody has filled yet may stay empty.
            None if slot.value.trim().is_empty() => Ok(slot.value.trim_end_matches('\n').to_owned()),
            None => Err(EditError::Removal("digest")),
        },
    }
}

/// The parts of the target that no scalar carries, as keys to add.
fn missing(reference: &Reference, target: &Target) -> Result<Vec<(&'static str, String)>, EditError> {
    let has = |part| reference.slots.iter().any(|slot| slot.part == part);
    if has(Part::Whole) {
        return Ok(Vec::new());
    }
    // A name that means the repository that stands there already needs no place.
    let wanted = target.name.as_deref().and_then(|name| Repository::parse(name).ok());
    if !has(Part::Name) && reference.repository.is_some() && wanted.is_some() && wanted != reference.repository {
        return Err(EditError::NoPlace(word(Part::Name)));
    }
    let digest_in_tag = reference.slots.iter().any(|slot| slot.part == Part::Tag && slot.value.contains('@'));
    let mut keys = Vec::new();
    let tag = target.tag.as_ref().filter(|_| !has(Part::Tag));
    let digest = target.digest.as_ref().filter(|_| !has(Part::Digest) && !digest_in_tag);
    let point = reference.insert.as_ref();
    if let Some(tag) = tag {
        let point = point.filter(|point| point.part == Part::Tag).ok_or(EditError::NoPlace(word(Part::Tag)))?;
        keys.push((point.key, tag.as_str().to_owned()));
    }
    if let Some(digest) = digest {
        // Where a tag can be added, the digest goes on the line below it.
        let point = point.filter(|point| point.part == Part::Digest || tag.is_some());
        point.ok_or(EditError::NoPlace(word(Part::Digest)))?;
        keys.push(("digest", digest.as_str().to_owned()));
    }
    Ok(keys)
}

/// The splices that make the reference say what the target wants.
pub(super) fn splices(text: &str, reference: &Reference, target: &Target) -> Result<Vec<Splice>, EditError> {
    let wanted = wanted(reference, target)?;
    let line = |span: Span| position(text, span.start).line;
    let mut splices = Vec::new();
    for (slot, value) in &wanted.values {
        if slot.span.of(text).is_none() {
            return Err(EditError::Stale { line: line(slot.span) });
        }
        let spelling = yaml::spell(text, slot.span, &slot.value, value)
            .ok_or_else(|| EditError::Unwritable { line: line(slot.span) })?;
        splices.push(Splice {
            span: spelling.span,
            text: spelling.text,
            meaning: Meaning::Value { scalar: slot.span, old: slot.value.clone(), new: spelling.value },
        });
    }
    if let Some(point) = &reference.insert {
        for (key, value) in &wanted.inserts {
            let splice = insertion(text, point, key, value);
            splices.push(splice.ok_or_else(|| EditError::Stale { line: line(point.after) })?);
        }
    }
    Ok(splices)
}

/// One more pair after the sibling; `None` when the text does not hold the sibling.
fn insertion(text: &str, point: &InsertPoint, key: &str, value: &str) -> Option<Splice> {
    let rest = text.get(point.after.end..)?;
    let plain = yaml::scalar_text(value);
    let (at, pair) = match point.form {
        InsertForm::Flow { quoted: false } => (point.after.end, format!(", {key}: {plain}")),
        InsertForm::Flow { quoted: true } => (point.after.end, format!(", \"{key}\": \"{value}\"")),
        InsertForm::Line { column } => {
            let pair = format!("{:column$}{key}: {plain}", "");
            match rest.find('\n') {
                Some(end) => {
                    let ending = if rest[..end].ends_with('\r') { "\r\n" } else { "\n" };
                    (point.after.end + end + 1, format!("{pair}{ending}"))
                }
                // The file has no final newline, and keeps having none.
                None => (text.len(), format!("{}{pair}", line_ending(text))),
            }
        }
    };
    Some(Splice {
        span: Span::new(at, at),
        text: pair,
        meaning: Meaning::Pair { key: key.to_owned(), value: value.to_owned() },
    })
}

/// The line ending of the file's last complete line.
fn line_ending(text: &str) -> &'static str {
    match text.rfind('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}
