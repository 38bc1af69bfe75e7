//! Explanations for people: the answer first, then the tags nearest to it, then counts per reason.

use super::table::{Cell, table};
use super::{Paint, Tone, count, plain};
use crate::cycle::Explanation;
use crate::policy::{PassedOver, Reason};
use std::collections::BTreeMap;

/// Tags that are shown one by one unless all are asked for.
const CLOSE: usize = 10;

/// One explanation after the other.
pub fn explanations(paint: Paint, all: &[Explanation], every_tag: bool) -> String {
    let shown: Vec<String> = all.iter().map(|one| explanation(paint, one, every_tag)).collect();
    shown.join("\n")
}

fn explanation(paint: Paint, one: &Explanation, every_tag: bool) -> String {
    let mut out = String::new();
    out.push_str(&paint.on(Tone::Strong, &title(one)));
    if let Some(place) = &one.place {
        let place = format!("  {}:{}  {}", plain(&place.file), place.line, plain(&place.path));
        out.push_str(&paint.on(Tone::Quiet, &place));
    }
    out.push('\n');
    out.push_str(&verdict(paint, one));
    for line in &one.ownership {
        out.push_str(&format!("  policy   {}\n", plain(line)));
    }
    if let Some(family) = &one.family {
        out.push_str(&format!("  family   {}\n", plain(family)));
    }
    if let Some(note) = &one.note {
        out.push_str(&format!("  note     {}\n", plain(note)));
    }
    if one.tags > 0 {
        out.push_str(&format!("  tags     {}\n", one.tags));
    }
    out.push_str(&tags(paint, &one.passed_over, every_tag));
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

fn verdict(paint: Paint, one: &Explanation) -> String {
    let chosen = one.chosen.as_ref();
    let (tone, text) = match (&one.held, chosen) {
        (Some(held), _) => (Tone::Warn, format!("held: {}: {}", held.reason, plain(&held.detail))),
        (None, Some(tag)) if one.up_to_date => (Tone::Good, format!("up to date: {tag}")),
        (None, Some(tag)) => (Tone::Good, format!("chosen: {tag}")),
        (None, None) if one.policy.is_none() => (Tone::Quiet, "unmanaged".to_owned()),
        (None, None) => (Tone::Warn, "nothing chosen".to_owned()),
    };
    format!("  {}\n", paint.on(tone, &text))
}

fn tags(paint: Paint, passed_over: &[PassedOver], every_tag: bool) -> String {
    if passed_over.is_empty() {
        return String::new();
    }
    let shown = if every_tag { passed_over.len() } else { CLOSE.min(passed_over.len()) };
    let rows: Vec<Vec<Cell>> = passed_over[..shown]
        .iter()
        .map(|one| {
            vec![
                (one.tag.clone(), None),
                (one.reason.word().to_owned(), Some(Tone::Warn)),
                (one.detail.clone(), Some(Tone::Quiet)),
            ]
        })
        .collect();
    let mut out = format!("\n{}", table(paint, 2, &["passed over", "reason", "detail"], &rows));
    if shown < passed_over.len() {
        let mut counts: BTreeMap<Reason, usize> = BTreeMap::new();
        for one in passed_over {
            *counts.entry(one.reason).or_default() += 1;
        }
        out.push_str(&format!("  … {} in all, by reason:\n", count(passed_over.len(), "tag")));
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
        out.push_str(&table(paint, 2, &["", "", ""], &rows));
        out.push_str("  (--all shows every tag)\n");
    }
    out
}
