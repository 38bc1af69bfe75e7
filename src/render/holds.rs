//! What is left alone on purpose, by a person or a guard, with what lifts it; and apart from that, what errors hold back.

use super::json::{ReferenceRow, VERSION, pretty, reference};
use super::table::{Cell, table};
use super::text::{image, place, short};
use super::{Paint, Tone, count, plain};
use crate::cycle::Planned;
use crate::plan::{Entry, message_value};
use crate::policy::Held;
use serde::Serialize;

#[derive(Debug, Serialize)]
struct Document<'a> {
    version: u32,
    repository: &'a str,
    branch: Option<&'a str>,
    head: Option<&'a str>,
    holds: Vec<ReferenceRow<'a>>,
    /// What would have been decided without an error.
    errors: Vec<ReferenceRow<'a>>,
}

/// A reference, and why it is held.
type Hold<'a> = (&'a Entry, &'a Held);

/// `holds --format json`.
pub fn json(planned: &Planned) -> String {
    let (errors, holds) = apart(planned);
    pretty(&Document {
        version: VERSION,
        repository: &planned.repository,
        branch: planned.branch.as_deref(),
        head: planned.head.as_ref().map(|head| head.0.as_str()),
        holds: rows(&holds),
        errors: rows(&errors),
    })
}

fn rows<'a>(all: &[Hold<'a>]) -> Vec<ReferenceRow<'a>> {
    all.iter().map(|(entry, _)| reference(entry)).collect()
}

/// `holds` for people.
pub fn text(paint: Paint, planned: &Planned) -> String {
    let (errors, holds) = apart(planned);
    let at = match (&planned.branch, &planned.head) {
        (Some(branch), Some(head)) => format!("{branch} at {}", short(&head.0)),
        _ => "working tree".to_owned(),
    };
    let summary = format!("{}, {}", count(holds.len(), "hold"), count(errors.len(), "error"));
    let place = format!("{} ({at})", plain(&planned.repository));
    let mut out = format!("{}  {}\n", paint.on(Tone::Strong, &summary), paint.on(Tone::Quiet, &place));
    for (title, tone, all) in [("Holds", Tone::Warn, holds), ("Held back by errors", Tone::Bad, errors)] {
        if !all.is_empty() {
            let rows: Vec<Vec<Cell>> = all.into_iter().map(|(entry, held)| row(entry, held, tone)).collect();
            let head = ["place", "image", "current", "reason", "why, and what lifts it"];
            out.push_str(&format!("\n{}\n{}", paint.on(Tone::Strong, title), table(paint, 2, &head, &rows)));
        }
    }
    out
}

/// Errors first, then holds; each in the order of the plan.
fn apart(planned: &Planned) -> (Vec<Hold<'_>>, Vec<Hold<'_>>) {
    planned.plan.held().partition(|(_, held)| held.reason.is_error())
}

fn row(entry: &Entry, held: &Held, tone: Tone) -> Vec<Cell> {
    let reference = &entry.found.reference;
    let current = message_value(reference.tag.as_deref(), reference.digest.as_ref());
    vec![
        (place(entry), None),
        (image(entry), None),
        (current, None),
        (held.reason.word().to_owned(), Some(tone)),
        (held.detail.clone(), Some(Tone::Quiet)),
    ]
}
