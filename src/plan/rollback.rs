//! A person's rollback is respected: what somebody took back is not written again, nor anything that is not newer.
//!
//! | what stands in the file | the change to C |
//! |---|---|
//! | the value that was written last | is made |
//! | something newer than it | is made: somebody went ahead by hand |
//! | anything else, and C was written here before | is held |
//! | anything else, and C is newer than what was written last | is made |
//! | anything else | is held |
//!
//! "Newer" is the policy's own order ([`Policy::is_newer`]). Of what was written the last value counts, for what stood before it was
//! taken away by ourselves; and where the policy no longer admits that one (its range, its filter or its kind was changed since), the
//! last that it does admit: what cannot come back needs no hold. Values are compared in full, so that of a tag that moved the digest
//! that was taken back is not written again, and the next one is.

use super::{Entry, Key, State, Trailers, Value, Wrote, message};
use crate::image::Tag;
use crate::policy::{Facts, Held, Mark, Need, Policy, Reason};

/// The longest name that is shown, in characters.
const MAX_NAME: usize = 60;

/// Why the entry's change must not be made, if it takes back what a person took back; or what must be known to say so.
pub fn rolled_back(
    entry: &Entry,
    key: Key,
    policy: &Policy,
    trailers: &Trailers,
    facts: &Facts,
) -> Result<Option<Held>, Vec<Need>> {
    let State::Change(change) = &entry.state else { return Ok(None) };
    let Some(last) = trailers.wrote(key).first() else { return Ok(None) };
    let reference = &entry.found.reference;
    let now = message::exact(reference.tag.as_deref(), reference.digest.as_ref());
    if last.value.to_string() == now {
        return Ok(None);
    }
    let next = Value { tag: change.to.tag.clone(), digest: change.to.digest.clone() };
    let mark = mark(&next, key, policy, trailers, facts)?;
    let is_newer = |tag: Option<&Tag>| match (&mark, tag) {
        (Some((_, mark)), Some(tag)) => policy.is_newer(tag, *mark, facts),
        _ => Ok(false),
    };
    if is_newer(reference.tag.as_deref().and_then(|tag| Tag::parse(tag).ok()).as_ref())? {
        return Ok(None);
    }
    let lifts = mark.map(|(wrote, _)| wrote);
    if let Some(again) = trailers.wrote(key).iter().find(|wrote| wrote.value == next) {
        return Ok(Some(held(trailers, again, &next, lifts)));
    }
    match lifts {
        Some(wrote) if !is_newer(next.tag.as_ref())? => Ok(Some(held(trailers, wrote, &next, lifts))),
        _ => Ok(None),
    }
}

/// What must be passed: of the tags that were written, the last that the policy still admits.
fn mark<'l>(
    next: &Value,
    key: Key,
    policy: &Policy,
    trailers: &'l Trailers,
    facts: &Facts,
) -> Result<Option<(&'l Wrote, Mark<'l>)>, Vec<Need>> {
    let Some(beside) = &next.tag else { return Ok(None) };
    for wrote in trailers.wrote(key) {
        if let Some(tag) = &wrote.value.tag
            && policy.admits_beside(tag, beside, facts)?
        {
            return Ok(Some((wrote, Mark { tag, written: trailers.commit(wrote).time })));
        }
    }
    Ok(None)
}

fn held(trailers: &Trailers, undone: &Wrote, next: &Value, lifts: Option<&Wrote>) -> Held {
    let by = trailers.commit(undone);
    let value = undone.value.short();
    let who = match trailers.undone_by(undone) {
        Some(by) => format!("by {} in {}", name(&by.author), short(&by.id)),
        None => "by someone else since".to_owned(),
    };
    let wish = if undone.value == *next { String::new() } else { format!("{} is not newer; ", next.short()) };
    let lifts = match lifts.and_then(|wrote| wrote.value.tag.as_ref()) {
        Some(tag) => format!("a version newer than {tag} lifts this"),
        None => "another value lifts this".to_owned(),
    };
    let detail = format!(
        "{value} was written in {} on {} and taken back {who}; {wish}{lifts}, or write {} by hand",
        short(&by.id),
        date(by.time),
        next.short()
    );
    Held { reason: Reason::RolledBack, detail }
}

/// Git's usual length.
fn short(id: &str) -> &str {
    id.get(..10).unwrap_or(id)
}

/// Names are whatever their owners made them.
fn name(text: &str) -> String {
    let plain: String = text.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
    if plain.trim().is_empty() { "somebody".to_owned() } else { plain }
}

fn date(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| "an unknown day".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests;
