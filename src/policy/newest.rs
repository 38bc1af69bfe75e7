//! `select: {newest: created}`: the image that was built last, by its own word.
//!
//! ```yaml
//! tags: {match: '^sha-[0-9a-f]{7}$'}
//! select: {newest: created}
//! ```
//!
//! A tag says nothing about time here, so the build time of every candidate is needed, and of the current tag. What an
//! earlier run learned of a tag is taken for its place in the order, because tags are meant to stay what they are; so only
//! tags that are new are asked about. A digest that is written is always the registry's of now, and when it is not the one
//! that was remembered, the tag is asked about anew.
//!
//! The decision fails closed: where one of the times is missing or cannot be one (1970, the future), where the two latest
//! are the same for different images, or while more candidates are unknown than one run reads ([`MAX_TIMED`], with a memory
//! [`MAX_LEARNED`]), nothing is chosen. With a memory, so many of them are learned in each run, until all are known.

use super::ground::{Current, Ground};
use super::pool::Entry;
use super::require::believable;
use super::{Facts, Held, Mark, Need, Reason, Recall};
use crate::image::{Digest, Tag};
use std::cmp::Ordering;

/// How many candidates' build times one decision reads at most. Each costs up to three requests.
pub const MAX_TIMED: usize = 250;
/// The same where what is read is remembered, so that it is read once.
pub const MAX_LEARNED: usize = 1_000;

fn most(facts: &Facts) -> usize {
    match facts.recall {
        Recall::Seen(_) => MAX_LEARNED,
        Recall::Nothing(_) => MAX_TIMED,
    }
}

/// Why there is no order yet, or none at all.
#[derive(Debug)]
pub(super) enum NoOrder {
    Needs(Vec<Need>),
    Held(Held),
}

/// What is known of a tag's place in time.
enum Timed<'f> {
    /// When it was built, by its own word, and what it is.
    At(Option<i64>, &'f Digest),
    /// Why it could not be learned.
    Unknown(&'f str),
    NotAsked,
}

/// What this run learned, else what an earlier one did.
fn timed<'f>(facts: &'f Facts, tag: &str) -> Timed<'f> {
    match (facts.metadata.get(tag), facts.seen(tag)) {
        (Some(Ok(image)), _) => Timed::At(image.created, &image.digest),
        (Some(Err(why)), _) => Timed::Unknown(why),
        (None, Some(seen)) if seen.created.is_some() => Timed::At(seen.created, &seen.digest),
        (None, _) => Timed::NotAsked,
    }
}

/// The candidates by build time, the newest first; of equal times the pool's order.
pub(super) fn by_time<'r>(ground: &Ground<'r>, facts: &Facts) -> Result<Vec<&'r Entry<'r>>, NoOrder> {
    let hold = |reason, detail| NoOrder::Held(Held { reason, detail });
    let candidates: Vec<&Entry<'r>> = ground.pool.candidates().collect();
    let current = match &ground.current {
        Current::Ordered(current) => Some(current.tag),
        _ => None,
    };
    let asked = || candidates.iter().map(|entry| entry.tag).chain(current);
    let new: Vec<&str> = candidates.iter().map(|entry| entry.tag).filter(|tag| is_new(facts, tag)).collect();
    let tags = if new.len() > most(facts) { few(&new, facts).map_err(NoOrder::Held)? } else { asked().collect() };
    let not_asked = |tag: &&str| matches!(timed(facts, tag), Timed::NotAsked);
    let mut needs: Vec<Need> =
        tags.into_iter().filter(not_asked).filter_map(|tag| Tag::parse(tag).ok()).map(Need::Metadata).collect();
    if !needs.is_empty() {
        needs.sort();
        needs.dedup();
        return Err(NoOrder::Needs(needs));
    }
    if new.len() > most(facts) {
        let left = new.len() - most(facts);
        let detail =
            format!("the build times of {left} candidates are still to be read, {MAX_LEARNED} of them in each run");
        return Err(hold(Reason::IncompleteInformation, detail));
    }
    for tag in asked() {
        match timed(facts, tag) {
            Timed::Unknown(why) => {
                let detail = format!("when {tag} was built could not be learned: {why}");
                return Err(hold(Reason::IncompleteInformation, detail));
            }
            Timed::At(created, _) => {
                if let Err(why) = believable(created, facts.now) {
                    return Err(hold(Reason::NotComparable, format!("{tag} has no place in time: {why}")));
                }
            }
            Timed::NotAsked => {}
        }
    }
    let mut ordered = candidates.clone();
    ordered.sort_by(|a, b| compare(b.tag, a.tag, facts));
    if let Some(best) = ordered.first()
        && let Some(other) = asked().find(|tag| is_tied(best.tag, tag, facts))
    {
        let detail = format!("{} and {other} are different images of the same build time", best.tag);
        return Err(hold(Reason::NotComparable, detail));
    }
    Ok(ordered)
}

/// Whether no earlier run learned when the tag was built.
fn is_new(facts: &Facts, tag: &str) -> bool {
    facts.seen(tag).is_none_or(|seen| seen.created.is_none())
}

/// Those that are learned in this run when there are too many; without a memory that would lead nowhere.
fn few<'t>(new: &[&'t str], facts: &Facts) -> Result<Vec<&'t str>, Held> {
    match &facts.recall {
        Recall::Seen(_) => Ok(new[..MAX_LEARNED].to_vec()),
        Recall::Nothing(why) => {
            let count = new.len();
            let detail = format!(
                "{count} candidates, and the build times of more than {MAX_TIMED} are not read in one run ({why}); \
                 `tags.match` can make them fewer"
            );
            Err(Held { reason: Reason::IncompleteInformation, detail })
        }
    }
}

/// Why the tag has no place in time: it could not be learned, was not read, or cannot be believed.
pub(super) fn misplaced(tag: &str, facts: &Facts) -> Option<(Reason, String)> {
    match timed(facts, tag) {
        Timed::Unknown(why) => {
            Some((Reason::IncompleteInformation, format!("when it was built could not be learned: {why}")))
        }
        Timed::NotAsked => Some((Reason::IncompleteInformation, "when it was built was not read".to_owned())),
        Timed::At(created, _) => believable(created, facts.now).err().map(|why| (Reason::NotComparable, why)),
    }
}

/// For a list that has all tags in it: those that have no place in time are equal and lowest.
pub(super) fn compare_listed(tag: &str, other: &str, facts: &Facts) -> Ordering {
    let place = |tag: &str| match timed(facts, tag) {
        Timed::At(created, _) => believable(created, facts.now).ok(),
        _ => None,
    };
    place(tag).cmp(&place(other))
}

/// By build time; equal where one is not known.
pub(super) fn compare(tag: &str, other: &str, facts: &Facts) -> Ordering {
    match (timed(facts, tag), timed(facts, other)) {
        (Timed::At(Some(time), _), Timed::At(Some(other), _)) => time.cmp(&other),
        _ => Ordering::Equal,
    }
}

/// Whether the image was built after the one that was written. Of one whose build time is lost it is known that it was there
/// when it was written.
pub(super) fn is_later(tag: &Tag, mark: Mark<'_>, facts: &Facts) -> Result<bool, Vec<Need>> {
    let asked = [tag, mark.tag].into_iter().filter(|tag| matches!(timed(facts, tag.as_str()), Timed::NotAsked));
    let needs: Vec<Need> = asked.cloned().map(Need::Metadata).collect();
    if !needs.is_empty() {
        return Err(needs);
    }
    let time = |tag: &Tag| match timed(facts, tag.as_str()) {
        Timed::At(created, _) => believable(created, facts.now).ok(),
        _ => None,
    };
    Ok(time(tag).is_some_and(|built| built > time(mark.tag).unwrap_or(mark.written)))
}

/// Whether two images were built at the same time and are not the same.
fn is_tied(tag: &str, other: &str, facts: &Facts) -> bool {
    match (timed(facts, tag), timed(facts, other)) {
        (Timed::At(time, digest), Timed::At(other_time, other)) => time == other_time && digest != other,
        _ => false,
    }
}
