//! From a reference and its target to splices: what each scalar must say, and which keys come and go.

use super::splice::{Meaning, Splice};
use super::{EditError, Target, word};
use crate::image::Repository;
use crate::site::{Inner, InsertForm, InsertPoint, Medium, Part, Reference, RemovePoint, Slot, is_chart_version};
use crate::text::{Span, position};
use crate::yaml;

/// What a target asks of a reference's scalars.
pub(super) struct Wanted<'a> {
    /// The new values of the slots that change.
    pub(super) values: Vec<(&'a Slot, String)>,
    /// Keys to add, with their values.
    pub(super) inserts: Vec<Pair>,
    /// Keys that go, each with the one that takes its place if one does.
    leaving: Vec<(&'a RemovePoint, &'a Slot, Option<Pair>)>,
}

/// A key and its value.
type Pair = (&'static str, String);

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
    let mut wanted = Wanted { values: Vec::new(), inserts: missing(reference, target)?, leaving: Vec::new() };
    for slot in &reference.slots {
        if leaves(slot, target) {
            wanted.remove(reference, slot)?;
            continue;
        }
        let mut value = value(reference, slot, target)?;
        if !(slot.setting.before.is_empty() && slot.setting.after.is_empty()) {
            value = format!("{}{value}{}", slot.setting.before, slot.setting.after);
        }
        if value != slot.value.trim_end_matches('\n') {
            wanted.values.push((slot, value));
        }
    }
    if wanted.values.is_empty() && wanted.inserts.is_empty() && wanted.leaving.is_empty() {
        return Err(EditError::Unchanged);
    }
    Ok(wanted)
}

/// Whether a scalar of its own holds a part that the target does not have.
fn leaves(slot: &Slot, target: &Target) -> bool {
    match slot.part {
        Part::Tag => target.tag.is_none(),
        Part::Digest => target.digest.is_none() && !slot.value.trim().is_empty(),
        Part::Whole | Part::Name => false,
    }
}

impl<'a> Wanted<'a> {
    /// Takes the slot's key out. A key that would be added takes its place instead: one line changes, its comment stays.
    fn remove(&mut self, reference: &'a Reference, slot: &'a Slot) -> Result<(), EditError> {
        let point = reference.remove.iter().find(|point| point.value == slot.span);
        let point = point.ok_or(EditError::Removal(word(slot.part)))?;
        let successor = (!self.inserts.is_empty()).then(|| self.inserts.remove(0));
        if successor.is_none() && point.gone.is_none() {
            return Err(EditError::Removal(word(slot.part)));
        }
        self.leaving.push((point, slot, successor));
        Ok(())
    }
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
            if slot.setting.version {
                return chart_version(tag.as_str());
            }
            Ok(match digest.filter(|_| slot.value.contains('@')) {
                Some(digest) => format!("{tag}@{digest}"),
                None => tag.as_str().to_owned(),
            })
        }
        // A place for a digest that nobody has filled yet may stay empty; any other has left before.
        Part::Digest => Ok(digest.unwrap_or(slot.value.trim_end_matches('\n')).to_owned()),
    }
}

/// A tag as the version of the chart that it is.
fn chart_version(tag: &str) -> Result<String, EditError> {
    let version = tag.replace('_', "+");
    // Helm would take anything else for a range.
    is_chart_version(&version)
        .then_some(version)
        .ok_or_else(|| EditError::Blocked(format!("`{tag}` is not the version of a chart")))
}

/// The parts of the target that no scalar carries, as keys to add.
fn missing(reference: &Reference, target: &Target) -> Result<Vec<Pair>, EditError> {
    let has = |part| reference.slots.iter().any(|slot| slot.part == part);
    if has(Part::Whole) {
        return Ok(Vec::new());
    }
    // A name that means the repository that stands there already needs no place.
    let wanted = target.name.as_deref().and_then(|name| Repository::parse(name).ok());
    if !has(Part::Name) && reference.repository.is_some() && wanted.is_some() && wanted != reference.repository {
        return Err(EditError::NoPlace(word(Part::Name)));
    }
    let in_tag = |slot: &Slot| slot.part == Part::Tag && slot.value.contains('@');
    let digest_in_tag = target.tag.is_some() && reference.slots.iter().any(in_tag);
    let mut keys = Vec::new();
    let tag = target.tag.as_ref().filter(|_| !has(Part::Tag));
    let digest = target.digest.as_ref().filter(|_| !has(Part::Digest) && !digest_in_tag);
    let point = reference.insert.as_ref();
    if let Some(tag) = tag {
        let point = point.filter(|point| point.part == Part::Tag).ok_or(EditError::NoPlace(word(Part::Tag)))?;
        keys.push((point.key, tag.as_str().to_owned()));
    }
    if let Some(digest) = digest {
        // Where a tag can be added, the digest goes on the line below it; where one goes, in its place.
        let in_place = target.tag.is_none() && reference.remove.iter().any(|point| point.part == Part::Tag);
        if !in_place && !point.is_some_and(|point| point.part == Part::Digest || tag.is_some()) {
            return Err(EditError::NoPlace(word(Part::Digest)));
        }
        keys.push(("digest", digest.as_str().to_owned()));
    }
    Ok(keys)
}

/// The splices that make the reference say what the target wants.
pub(super) fn splices(text: &str, reference: &Reference, target: &Target) -> Result<Vec<Splice>, EditError> {
    let wanted = wanted(reference, target)?;
    let mut splices = Vec::new();
    for (slot, value) in &wanted.values {
        splices.push(part(text, slot, value)?);
    }
    for (point, slot, successor) in &wanted.leaving {
        let own = leave(text, point, &slot.value, successor.as_ref())?;
        splices.append(&mut match &point.inner {
            None => own,
            Some(inner) => nest(own, inner, leave(&inner.text, &inner.place, &slot.value, successor.as_ref())?),
        });
    }
    if let Some(point) = &reference.insert {
        for (key, value) in &wanted.inserts {
            let own = vec![insertion(text, point, key, value)?];
            splices.append(&mut match &point.inner {
                None => own,
                Some(inner) => nest(own, inner, vec![insertion(&inner.text, &inner.place, key, value)?]),
            });
        }
    }
    Ok(splices)
}

/// Splices of the file as changes of the text that one of its scalars holds.
fn nest<T>(own: Vec<Splice>, place: &Inner<T>, inner: Vec<Splice>) -> Vec<Splice> {
    let nested = |(own, inner): (Splice, Splice)| {
        let meaning = Meaning::Inner { scalar: place.scalar, text: place.text.clone(), splice: Box::new(inner) };
        Splice { meaning, ..own }
    };
    own.into_iter().zip(inner).map(nested).collect()
}

/// A pair goes, or gives its place to another.
fn leave(text: &str, point: &RemovePoint, old: &str, successor: Option<&Pair>) -> Result<Vec<Splice>, EditError> {
    if let Some((key, value)) = successor {
        return Ok(vec![replacement(text, point.key, &point.name, key)?, replacement(text, point.value, old, value)?]);
    }
    point.gone.map(|gone| removal(text, point, gone)).into_iter().collect()
}

fn line(text: &str, span: Span) -> usize {
    position(text, span.start).line
}

/// One slot with another value, which may be only a part of what its scalar or its text holds.
fn part(text: &str, slot: &Slot, value: &str) -> Result<Splice, EditError> {
    if slot.span.of(text).is_none() {
        return Err(EditError::Stale { line: line(text, slot.span) });
    }
    let spelling = spelling(text, slot, value).ok_or_else(|| EditError::Unwritable { line: line(text, slot.span) })?;
    let (old, new) = (slot.value.clone(), spelling.value);
    let meaning = match &slot.setting.medium {
        Medium::Yaml => Meaning::Value { scalar: slot.span, old, new },
        Medium::Text | Medium::Token => Meaning::Raw { old: spelling.span.of(text).unwrap_or_default().to_owned() },
        Medium::Within(within) => {
            // An inner scalar lies on one line, so that all its bytes moved by the same amount.
            let start = within.span.start + (spelling.span.start - slot.span.start);
            let splice = Box::new(Splice {
                span: Span::new(start, start + spelling.span.len()),
                text: spelling.text.clone(),
                meaning: Meaning::Value { scalar: within.span, old, new },
            });
            Meaning::Inner { scalar: within.scalar, text: within.text.clone(), splice }
        }
    };
    Ok(Splice { span: spelling.span, text: spelling.text, meaning })
}

/// One scalar with another value.
fn replacement(text: &str, scalar: Span, old: &str, value: &str) -> Result<Splice, EditError> {
    if scalar.of(text).is_none() {
        return Err(EditError::Stale { line: line(text, scalar) });
    }
    let spelling =
        yaml::spell(text, scalar, old, value).ok_or_else(|| EditError::Unwritable { line: line(text, scalar) })?;
    Ok(Splice {
        span: spelling.span,
        text: spelling.text,
        meaning: Meaning::Value { scalar, old: old.to_owned(), new: spelling.value },
    })
}

/// One pair less.
fn removal(text: &str, point: &RemovePoint, gone: Span) -> Result<Splice, EditError> {
    gone.of(text).ok_or_else(|| EditError::Stale { line: line(text, gone) })?;
    let meaning = Meaning::Gone { key: point.key, value: point.value };
    Ok(Splice { span: gone, text: String::new(), meaning })
}

/// The new value in its scalar. Where the scalar holds more than the part, only the part's bytes are replaced; `None` then
/// means that the value is not written as it reads.
fn spelling(text: &str, slot: &Slot, value: &str) -> Option<yaml::Spelling> {
    if slot.setting.medium == Medium::Text {
        let same = slot.span.of(text)? == slot.value;
        return same.then(|| yaml::Spelling { span: slot.span, text: value.to_owned(), value: value.to_owned() });
    }
    let (before, after) = (slot.setting.before.len(), slot.setting.after.len());
    if before + after == 0 {
        return yaml::spell(text, slot.span, &slot.value, value);
    }
    let start = slot.span.start + slot.span.of(text)?.find(slot.value.as_str())?;
    let span = Span::new(start + before, start + slot.value.len().checked_sub(after)?);
    let part = value.get(before..value.len().checked_sub(after)?)?;
    Some(yaml::Spelling { span, text: part.to_owned(), value: value.to_owned() })
}

/// One more pair after the sibling.
fn insertion(text: &str, point: &InsertPoint, key: &str, value: &str) -> Result<Splice, EditError> {
    let rest = text.get(point.after.end..).ok_or_else(|| EditError::Stale { line: line(text, point.after) })?;
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
    Ok(Splice {
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
