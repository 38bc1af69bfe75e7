//! Explanations for people: the answer first, whose it is, the likely mistake, then the tags nearest to the answer, then counts
//! per reason.

use super::table::{Cell, table};
use super::{Paint, Tone, count, plain, wrapped};
use crate::cycle::Explanation;
use crate::policy::{PassedOver, Reason, Suggestion};
use crate::version::natural;
use std::collections::BTreeMap;

/// Tags that are shown one by one unless all are asked for.
const CLOSE: usize = 10;
/// Of those, the most that stand above the chosen one and were not let through.
const ABOVE: usize = 5;
/// Where the text behind a label begins.
const LABEL: usize = 11;

/// One explanation after the other.
pub fn explanations(paint: Paint, all: &[Explanation], every_tag: bool) -> String {
    let shown: Vec<String> = all.iter().map(|one| explanation(paint, one, every_tag)).collect();
    shown.join("\n")
}

fn explanation(paint: Paint, one: &Explanation, every_tag: bool) -> String {
    let mut out = paint.on(Tone::Strong, &title(one));
    if let Some(place) = &one.place {
        let place = format!("  {}:{}  {}", plain(&place.file), place.line, plain(&place.path));
        out.push_str(&paint.on(Tone::Quiet, &place));
    }
    out.push('\n');
    let (tone, verdict) = verdict(one);
    for (at, line) in wrapped(paint, 4, &verdict).iter().enumerate() {
        out.push_str(&format!("{}{}\n", if at == 0 { "  " } else { "    " }, paint.on(tone, line)));
    }
    for (at, line) in one.ownership.iter().enumerate() {
        out.push_str(&labelled(paint, if at == 0 { "policy" } else { "" }, line));
    }
    if let Some(family) = &one.family {
        out.push_str(&labelled(paint, "family", family));
    }
    if let Some(note) = &one.note {
        out.push_str(&labelled(paint, "note", note));
    }
    if one.tags > 0 {
        out.push_str(&labelled(paint, "tags", &one.tags.to_string()));
    }
    for suggestion in &one.suggestions {
        out.push_str(&suggested(paint, suggestion));
    }
    out.push_str(&tags(paint, one, every_tag));
    out
}

/// What is explained: an image as it stands, or (`try`) a policy on its own.
fn title(one: &Explanation) -> String {
    let current = one.current.as_deref().map(plain);
    match (&one.image, &one.policy, current) {
        (Some(image), _, Some(current)) => format!("{image}:{current}"),
        (Some(image), _, None) => image.to_string(),
        (None, Some(policy), Some(current)) => format!("policy {policy} at {current}"),
        (None, Some(policy), None) => format!("policy {policy}"),
        (None, None, current) => format!("(image not known) {}", current.unwrap_or_default()).trim_end().to_owned(),
    }
}

fn verdict(one: &Explanation) -> (Tone, String) {
    match (&one.held, &one.chosen) {
        (Some(held), _) => (Tone::Warn, format!("held: {}: {}", held.reason, plain(&held.detail))),
        (None, Some(tag)) if one.up_to_date => (Tone::Good, format!("up to date: {tag}")),
        (None, Some(tag)) => (Tone::Good, format!("chosen: {tag}")),
        (None, None) if one.policy.is_none() => (Tone::Quiet, "unmanaged".to_owned()),
        (None, None) => (Tone::Warn, "nothing chosen".to_owned()),
    }
}

/// `  label    text`, the text broken where the terminal ends.
fn labelled(paint: Paint, label: &str, text: &str) -> String {
    let mut out = String::new();
    for (at, line) in wrapped(paint, LABEL, &plain(text)).iter().enumerate() {
        let label = if at == 0 { label } else { "" };
        out.push_str(format!("  {label:<width$}{line}", width = LABEL - 2).trim_end());
        out.push('\n');
    }
    out
}

/// What may be wrong, and under it what to write instead and what that chooses.
fn suggested(paint: Paint, one: &Suggestion) -> String {
    let mut out = labelled(paint, "perhaps", &one.problem);
    let news = one.chooses.as_ref().filter(|tag| !one.instead.ends_with(tag.as_str()));
    let outcome = news.map_or_else(String::new, |tag| format!("  would choose {tag}"));
    let fits = paint.width.is_none_or(|width| LABEL + one.instead.len() + outcome.len() <= width);
    let instead = paint.on(Tone::Good, &plain(&one.instead));
    let indent = " ".repeat(LABEL);
    if fits {
        out.push_str(&format!("{indent}{instead}{outcome}\n"));
    } else {
        out.push_str(&format!("{indent}{instead}\n{indent}{}\n", outcome.trim_start()));
    }
    out
}

fn tags(paint: Paint, one: &Explanation, every_tag: bool) -> String {
    let chosen = one.chosen.as_ref().map(|tag| {
        let mut why = one.choice.clone().unwrap_or_default();
        if one.family.is_some() {
            why.push_str(" of its family");
        }
        if one.held.is_some() {
            why.push_str("; the reference is held");
        }
        [(tag.to_string(), Some(Tone::Good)), ("chosen".to_owned(), Some(Tone::Good)), (why, Some(Tone::Quiet))]
    });
    let shown = if every_tag { one.passed_over.iter().collect() } else { close(&one.passed_over) };
    let rows: Vec<Vec<Cell>> =
        chosen.into_iter().map(Vec::from).chain(shown.iter().map(|passed| row(passed))).collect();
    if rows.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{}", table(paint, 2, &["tag", "reason", "why"], &rows));
    if shown.len() < one.passed_over.len() {
        out.push_str(&counts(paint, &one.passed_over));
    }
    out
}

fn row(one: &PassedOver) -> Vec<Cell> {
    vec![
        (one.tag.clone(), None),
        (one.reason.word().to_owned(), Some(Tone::Warn)),
        (one.detail.clone(), Some(Tone::Quiet)),
    ]
}

/// The tags that a person would ask about: the best that were not let through, the next best that were, and, where these are
/// few, the greatest of those that have no place in the order.
fn close(all: &[PassedOver]) -> Vec<&PassedOver> {
    let (ordered, others): (Vec<_>, Vec<_>) = all.iter().partition(|passed| has_place(passed.reason));
    let is_below = |passed: &&&PassedOver| matches!(passed.reason, Reason::Superseded | Reason::Older);
    let above = ordered.iter().take_while(|passed| !is_below(passed)).count();
    let mut shown: Vec<&PassedOver> = ordered[..above.min(ABOVE)].to_vec();
    shown.extend(ordered[above..].iter().take(CLOSE - shown.len()));
    shown.extend(ordered[..above].iter().skip(ABOVE).take(CLOSE - shown.len()));
    let mut others = others;
    let begins_with_number = |tag: &str| tag.strip_prefix('v').unwrap_or(tag).starts_with(|c: char| c.is_ascii_digit());
    others.sort_by(|a, b| {
        (begins_with_number(&b.tag).cmp(&begins_with_number(&a.tag)))
            .then_with(|| natural::compare(&b.tag, &a.tag))
            .then_with(|| a.tag.cmp(&b.tag))
    });
    let room = if shown.is_empty() { CLOSE } else { ABOVE.saturating_sub(shown.len()) };
    shown.extend(others.into_iter().take(room));
    shown
}

/// Whether a tag with this reason has a place in the policy's order.
fn has_place(reason: Reason) -> bool {
    !matches!(
        reason,
        Reason::InvalidTag
            | Reason::NoMatch
            | Reason::Excluded
            | Reason::NotAVersion
            | Reason::Floating
            | Reason::Artefact
            | Reason::OtherFamily
    )
}

fn counts(paint: Paint, all: &[PassedOver]) -> String {
    let mut counts: BTreeMap<Reason, usize> = BTreeMap::new();
    for one in all {
        *counts.entry(one.reason).or_default() += 1;
    }
    let rows: Vec<Vec<Cell>> = counts
        .into_iter()
        .map(|(reason, tags)| {
            vec![
                (format!("{tags:>6}"), None),
                (reason.word().to_owned(), Some(Tone::Warn)),
                (reason.meaning().to_owned(), Some(Tone::Quiet)),
            ]
        })
        .collect();
    let title = format!("{} passed over, by reason (--all shows each)", count(all.len(), "tag"));
    format!("\n  {title}\n{}", table(paint, 2, &["", "", ""], &rows))
}

#[cfg(test)]
mod tests;
