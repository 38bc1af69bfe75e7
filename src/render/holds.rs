//! What is left alone on purpose, by a person or a guard, with what lifts it; and apart from that, what errors hold back.

use super::json::{ReferenceRow, VERSION, pretty, reference};
use super::moment;
use super::table::{Cell, table};
use super::text::{image, place, short};
use super::{Paint, Tone, count, plain};
use crate::cycle::{HoldChange, Planned, StillHeld};
use crate::plan::{Entry, LedgerHold, message_value};
use crate::policy::{Held, Reason};
use serde::Serialize;
use std::collections::BTreeMap;

/// References that `release` explains at once.
const MAX_STILL: usize = 20;

#[derive(Debug, Serialize)]
struct Document<'a> {
    version: u32,
    repository: &'a str,
    branch: Option<&'a str>,
    head: Option<&'a str>,
    holds: Vec<ReferenceRow<'a>>,
    /// What would have been decided without an error.
    errors: Vec<ReferenceRow<'a>>,
    /// What people have put on hold by command, and how many references each names.
    ledger: Vec<LedgerRow<'a>>,
}

#[derive(Debug, Serialize)]
struct LedgerRow<'a> {
    target: String,
    reason: &'a str,
    by: &'a str,
    at: String,
    until: Option<&'a str>,
    place: Option<&'a str>,
    references: usize,
}

fn ledger_row(hold: &LedgerHold, references: usize) -> LedgerRow<'_> {
    LedgerRow {
        target: hold.target.to_string(),
        reason: &hold.reason,
        by: &hold.by,
        at: moment(hold.at),
        until: hold.until.as_deref(),
        place: hold.place.as_deref(),
        references,
    }
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
        ledger: planned.holds.iter().map(|(hold, references)| ledger_row(hold, *references)).collect(),
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
    out.push_str(&idle(paint, planned));
    out
}

/// Holds of the ledger that name nothing any more.
fn idle(paint: Paint, planned: &Planned) -> String {
    let idle = planned.holds.iter().filter(|(_, references)| *references == 0);
    let rows: Vec<Vec<Cell>> = idle
        .map(|(hold, _)| {
            let target = hold.target.to_string();
            let why = format!("{}, `landwaiter release '{target}'` takes it away)", hold.story());
            vec![(target, None), (hold.place.clone().unwrap_or_default(), None), (why, Some(Tone::Quiet))]
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let title = paint.on(Tone::Strong, "Holds that name no reference");
    format!("\n{title}\n{}", table(paint, 2, &["target", "place", "why"], &rows))
}

#[derive(Debug, Serialize)]
struct ChangeDocument<'a> {
    version: u32,
    /// The ledger's commit; null where it was so already.
    commit: Option<&'a str>,
    #[serde(flatten)]
    holds: BTreeMap<&'static str, Vec<LedgerRow<'a>>>,
}

/// `hold --format json` and `release --format json`; `word` names the list.
pub fn change_json(word: &'static str, change: &HoldChange) -> String {
    let holds = change.holds.iter().map(|hold| ledger_row(hold, change.references)).collect();
    let commit = change.commit.as_ref().map(|commit| commit.0.as_str());
    pretty(&ChangeDocument { version: VERSION, commit, holds: BTreeMap::from([(word, holds)]) })
}

/// `hold` for people.
pub fn held(target: &str, change: &HoldChange) -> String {
    let references = count(change.references, "reference");
    let until = change.holds.first().and_then(|hold| hold.until.as_ref()).map(|until| format!(" until {until}"));
    let until = until.unwrap_or_default();
    let lifts = format!("`landwaiter release {target}` lifts it");
    match &change.commit {
        Some(commit) => {
            format!("On hold{until}: {}, {references}; {lifts}. Ledger: {}\n", plain(target), short(&commit.0))
        }
        None => format!("Already on hold{until}: {}, {references}; {lifts}.\n", plain(target)),
    }
}

/// `release` for people.
pub fn released(target: &str, change: &HoldChange) -> String {
    let mut out = String::new();
    for hold in &change.holds {
        out.push_str(&format!("Released {}: {})\n", plain(&hold.target.to_string()), plain(&hold.story())));
    }
    match &change.commit {
        Some(commit) => out.push_str(&format!("Ledger: {}\n", short(&commit.0))),
        None => out.push_str(&format!("Somebody else released {} meanwhile.\n", plain(target))),
    }
    out
}

/// What `release` cannot lift, and what does.
pub fn still(target: &str, all: &[StillHeld]) -> String {
    let mut out =
        format!("nothing was set with `hold {}`, and what holds there the ledger cannot lift:", plain(target));
    for one in all.iter().take(MAX_STILL) {
        let place = format!("{}:{}", one.file, one.line);
        let way = match (one.held.reason, one.comment, &one.wanted) {
            (_, Some(line), _) => format!("delete the comment on line {line} of {}", one.file),
            (Reason::RolledBack, None, Some(wanted)) => {
                format!(
                    "write {wanted} on line {} of {} and commit it; from then on newer versions follow",
                    one.line, one.file
                )
            }
            _ => String::new(),
        };
        out.push_str(&format!("\n{}: {}: {}", plain(&place), one.held.reason.word(), plain(&one.held.detail)));
        if !way.is_empty() {
            out.push_str(&format!("\n  to lift it: {}", plain(&way)));
        }
    }
    if all.len() > MAX_STILL {
        out.push_str(&format!("\nand {} more", all.len() - MAX_STILL));
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
