//! `select: {newest: created}`: the image that was built last, by its own word.
//!
//! ```yaml
//! tags: {match: '^sha-[0-9a-f]{7}$'}
//! select: {newest: created}
//! ```
//!
//! A tag says nothing about time here, so the build time of every candidate is needed, and of the current tag. The decision
//! fails closed: where one of the times is missing or cannot be one (1970, the future), where the two latest are the same
//! for different images, or where there are more than [`MAX_TIMED`] candidates, nothing is chosen.

use super::ground::{Current, Ground};
use super::pool::Entry;
use super::require::{build_time, metadata};
use super::{Facts, Held, Need, Reason};
use std::cmp::Ordering;

/// How many candidates' build times one decision reads at most. Each costs up to three requests.
pub const MAX_TIMED: usize = 250;

/// Why there is no order yet, or none at all.
#[derive(Debug)]
pub(super) enum NoOrder {
    Needs(Vec<Need>),
    Held(Held),
}

/// The candidates by build time, the newest first; of equal times the pool's order.
pub(super) fn by_time<'r>(ground: &Ground<'r>, facts: &Facts) -> Result<Vec<&'r Entry<'r>>, NoOrder> {
    let hold = |reason, detail| NoOrder::Held(Held { reason, detail });
    let candidates: Vec<&Entry<'r>> = ground.pool.candidates().collect();
    if candidates.len() > MAX_TIMED {
        let count = candidates.len();
        let detail = format!(
            "{count} candidates, and the build times of more than {MAX_TIMED} are not read; `tags.match` can make them fewer"
        );
        return Err(hold(Reason::NoCandidate, detail));
    }
    let current = match &ground.current {
        Current::Ordered(current) => Some(current.tag),
        _ => None,
    };
    let asked = || candidates.iter().map(|entry| entry.tag).chain(current);
    let mut needs: Vec<Need> = asked().filter_map(|tag| metadata(facts, tag).err()).flatten().collect();
    if !needs.is_empty() {
        needs.sort();
        needs.dedup();
        return Err(NoOrder::Needs(needs));
    }
    for tag in asked() {
        if let Ok(Err(why)) = metadata(facts, tag) {
            let detail = format!("when {tag} was built could not be learned: {why}");
            return Err(hold(Reason::IncompleteInformation, detail));
        }
        if let Ok(Ok(image)) = metadata(facts, tag)
            && let Err(why) = build_time(image, facts.now)
        {
            return Err(hold(Reason::NotComparable, format!("{tag} has no place in time: {why}")));
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

/// By build time; equal where one is not known.
pub(super) fn compare(tag: &str, other: &str, facts: &Facts) -> Ordering {
    let time = |tag: &str| facts.metadata.get(tag)?.as_ref().ok()?.created;
    match (time(tag), time(other)) {
        (Some(time), Some(other)) => time.cmp(&other),
        _ => Ordering::Equal,
    }
}

/// Whether two images were built at the same time and are not the same.
fn is_tied(tag: &str, other: &str, facts: &Facts) -> bool {
    let image = |tag: &str| facts.metadata.get(tag)?.as_ref().ok();
    image(tag).zip(image(other)).is_some_and(|(a, b)| a.created == b.created && a.digest != b.digest)
}
