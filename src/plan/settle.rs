//! Joins one reference with its decision: nothing to do, a change, or a hold with its reason.

use super::{Change, Found, State};
use crate::edit::{self, EditError, Target};
use crate::image::{Repository, Tag};
use crate::policy::{Decision, FloatingCurrent, Pin, Policy, Question, Reason, WriteMode};
use crate::schedule::Closed;
use crate::site::{Part, Reference};

/// What `reference` asks of its policy, or the hold that stands before any question.
///
/// `today` is the date as `YYYY-MM-DD` in UTC, which lifts dated holds.
pub fn question<'r>(
    policy: &Policy,
    reference: &'r Reference,
    current: Option<&'r Tag>,
    today: &str,
) -> Result<Question<'r>, State> {
    if let Some(hold) = &reference.hold
        && hold.until.as_deref().is_none_or(|until| &until[..until.len().min(10)] >= today)
    {
        let until = hold.until.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
        return Err(State::held(Reason::Hold, format!("{}{until} (a comment in the file)", hold.reason)));
    }
    match (&reference.tag, current) {
        (Some(text), _) if text.is_empty() => {
            return Err(State::held(Reason::NoTag, "the tag is empty; the chart's or base's default applies"));
        }
        (Some(text), None) => {
            let why = reference.blocked.clone().unwrap_or_else(|| format!("`{text}` is no tag"));
            return Err(State::held(Reason::NotEditable, why));
        }
        _ => {}
    }
    let wants_digest = matches!(policy.pin, Pin::Digest | Pin::TagAndDigest);
    Ok(Question { current, current_digest: reference.digest.as_ref(), digest: wants_digest, refused: None })
}

/// The fate of what was found under `decision`. `closed` says that the policy's windows let nothing be written now: of a change
/// it makes a hold, and of nothing else.
pub fn settle(
    policy: &Policy,
    repository: &Repository,
    found: &Found,
    decision: &Decision,
    closed: Option<&Closed>,
) -> State {
    let reference = &found.reference;
    if let Some(held) = &decision.held {
        return State::Held(held.clone());
    }
    let Some(chosen) = &decision.chosen else {
        return State::held(Reason::NoCandidate, "no tag of the repository satisfies the policy");
    };
    let to = Target {
        name: new_name(repository, reference),
        tag: (policy.pin != Pin::Digest).then(|| chosen.tag.clone()),
        digest: chosen.digest.clone(),
    };
    if unchanged(reference, &to) {
        return State::UpToDate;
    }
    let action = edit::plan_action(reference, &to);
    // A value that could not be read has no tag either, and that is not the reason.
    let readable = !matches!(action, Err(EditError::Blocked(_)));
    if let Some(state) = without_current(policy, reference, &to, &chosen.tag).filter(|_| readable) {
        return state;
    }
    match action {
        Err(problem) => State::refused(&problem),
        Ok(_) if policy.write.mode == WriteMode::Report => {
            State::held(Reason::ReportOnly, format!("would be {}", describe(&to)))
        }
        Ok(action) => match (closed, policy.write.group(policy.name.as_str(), repository, &found.file)) {
            (Some(closed), _) => State::held(Reason::Window, outside(&to, closed)),
            (None, Ok(group)) => {
                let pull_request = policy.write.mode == WriteMode::PullRequest;
                State::Change(Change { action, to, group: group.into(), pull_request })
            }
            (None, Err(error)) => {
                State::held(Reason::NotEditable, format!("`write.group` of {}: {error}", policy.name))
            }
        },
    }
}

/// What would be written, and when it may be.
fn outside(to: &Target, closed: &Closed) -> String {
    let why = closed.denied.as_deref().unwrap_or("none of the policy's windows is open");
    let opens = closed
        .opens
        .as_ref()
        .map_or_else(|| "and none opens again".to_owned(), |opens| format!("it may be written from {opens}"));
    format!("would be {}; {why}; {opens}", describe(to))
}

/// A `:name` marker writes the policy's image; nothing else changes a name.
fn new_name(repository: &Repository, reference: &Reference) -> Option<String> {
    let named = reference.marker.is_some() && reference.slots.iter().any(|slot| slot.part == Part::Name);
    (named && reference.repository.as_ref() != Some(repository)).then(|| repository.to_string())
}

fn unchanged(reference: &Reference, to: &Target) -> bool {
    let same_tag = match &to.tag {
        Some(tag) => reference.tag.as_deref() == Some(tag.as_str()),
        None => reference.tag.is_none(),
    };
    to.name.is_none() && same_tag && reference.digest == to.digest
}

/// References without a tag: nothing tells which way a change would go.
fn without_current(policy: &Policy, reference: &Reference, to: &Target, chosen: &Tag) -> Option<State> {
    if reference.tag.is_some() {
        return None;
    }
    let pins_only_digest = policy.pin == Pin::Digest && reference.digest.is_some();
    match &reference.digest {
        Some(_) if policy.guards.allow_replace => None,
        Some(_) if pins_only_digest => Some(State::held(
            Reason::NoTag,
            format!(
                "a digest stands alone, so its order is unknown; {chosen} is {}; `allowReplace` lets it be written",
                describe(to)
            ),
        )),
        Some(_) => Some(State::held(Reason::NoTag, "a digest stands alone; `allowReplace` lets the policy replace it")),
        None if policy.guards.floating_current == FloatingCurrent::Pin => None,
        None => Some(State::held(
            Reason::FloatingCurrent,
            format!("no tag stands there; it would be pinned to {chosen} with `floating: pin`"),
        )),
    }
}

fn describe(to: &Target) -> String {
    match (&to.tag, &to.digest) {
        (Some(tag), Some(digest)) => format!("{tag}@{digest}"),
        (Some(tag), None) => tag.to_string(),
        (None, Some(digest)) => digest.to_string(),
        (None, None) => to.name.clone().unwrap_or_default(),
    }
}
