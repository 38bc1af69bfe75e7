//! Plans and reports as people read them in a terminal.

use super::table::{Cell, table};
use super::{Paint, Tone, count, plain};
use crate::cycle::{Outcome, Planned, Pulled, Report, WrittenCommit};
use crate::image::Repository;
use crate::plan::{Entry, Plan, State, message_value};
use crate::policy::Reason;
use crate::site::Part;
use std::collections::BTreeMap;

/// Unmanaged references are listed in full up to this many, beyond it by image only.
const MAX_UNMANAGED: usize = 10;

/// Remembered tag lists are listed up to this many.
const MAX_LISTS: usize = 10;

/// `plan`: what would change, what is held and why, what was skipped.
pub fn plan(paint: Paint, planned: &Planned) -> String {
    let mut out = headline(paint, planned);
    out.push_str(&changes(paint, &planned.plan));
    out.push_str(&held(paint, &planned.plan));
    out.push_str(&unmanaged(paint, &planned.plan));
    out.push_str(&skipped(paint, &planned.plan));
    out.push_str(&notes(paint, &planned.plan));
    out.push_str(&remembered(paint, &planned.lists));
    out.push_str(&notices(paint, planned));
    out
}

/// `update`: the plan, and what became of it.
pub fn report(paint: Paint, report: &Report) -> String {
    let mut out = plan(paint, &report.planned);
    match &report.written {
        None if report.pulled.is_empty() => out.push_str("\nNothing to write.\n"),
        None => {}
        Some(written) => {
            out.push('\n');
            let files = count(written.files, "file");
            let branch = report.planned.branch.as_deref().unwrap_or("the branch");
            let line = match written.commits.as_slice() {
                [] => format!("Edited {files}; nothing was committed"),
                [one] => format!("Committed {files} to {branch} as {}", short(&one.id.0)),
                many => format!("Committed {files} to {branch} in {}", count(many.len(), "commit")),
            };
            out.push_str(&paint.on(Tone::Good, &line));
            out.push('\n');
            if written.commits.len() > 1 {
                out.push_str(&commits(paint, &written.commits));
            }
            for message in &written.messages {
                out.push_str(&format!("  remote: {}\n", plain(message)));
            }
        }
    }
    out.push_str(&pulled(paint, &report.pulled));
    if report.retries > 0 {
        out.push_str(&format!(
            "Planned again {}: the branch moved, or the way to it failed.\n",
            count(report.retries as usize, "time")
        ));
    }
    out
}

fn commits(paint: Paint, commits: &[WrittenCommit]) -> String {
    let rows: Vec<Vec<Cell>> = commits
        .iter()
        .map(|commit| {
            let subject = commit.message.lines().next().unwrap_or_default().to_owned();
            vec![
                (short(&commit.id.0).to_owned(), Some(Tone::Quiet)),
                (subject, None),
                (commit.group.to_string(), Some(Tone::Quiet)),
            ]
        })
        .collect();
    table(paint, 2, &["", "", ""], &rows)
}

/// What became of each pull request.
fn pulled(paint: Paint, pulled: &[Pulled]) -> String {
    let rows: Vec<Vec<Cell>> = pulled
        .iter()
        .map(|one| {
            let tone = match one.outcome {
                Outcome::Opened | Outcome::Updated => Tone::Good,
                Outcome::Unchanged | Outcome::Closed => Tone::Quiet,
                Outcome::TakenOver | Outcome::Limited => Tone::Warn,
                Outcome::Failed => Tone::Bad,
            };
            vec![
                (one.outcome.word().to_owned(), Some(tone)),
                (one.title.clone(), None),
                (one.url.clone().unwrap_or_else(|| one.branch.clone()), Some(Tone::Quiet)),
                (one.detail.clone().unwrap_or_default(), Some(Tone::Quiet)),
            ]
        })
        .collect();
    section(paint, "Pull requests", &["", "", "", ""], &rows)
}

fn headline(paint: Paint, planned: &Planned) -> String {
    let count_of = |word: &str| planned.plan.entries.iter().filter(|entry| entry.state.word() == word).count();
    let at = match (&planned.branch, &planned.head) {
        (Some(branch), Some(head)) => format!("{branch} at {}", short(&head.0)),
        _ => "working tree".to_owned(),
    };
    let summary = format!(
        "{}, {} held, {} up to date, {} unmanaged",
        count(count_of("change"), "change"),
        count_of("held"),
        count_of("up-to-date"),
        count_of("unmanaged")
    );
    let place = format!("{} ({at})", plain(&planned.repository));
    format!("{}  {}\n", paint.on(Tone::Strong, &summary), paint.on(Tone::Quiet, &place))
}

fn changes(paint: Paint, plan: &Plan) -> String {
    let rows: Vec<Vec<Cell>> = plan
        .changes()
        .map(|(entry, change)| {
            let reference = &entry.found.reference;
            let from = message_value(reference.tag.as_deref(), reference.digest.as_ref());
            let to = message_value(change.to.tag.as_ref().map(|tag| tag.as_str()), change.to.digest.as_ref());
            vec![
                (image(entry), None),
                (from, Some(Tone::Bad)),
                (to, Some(Tone::Good)),
                (policy(entry), None),
                (place(entry), Some(Tone::Quiet)),
                (if change.pull_request { "by pull request" } else { "" }.to_owned(), Some(Tone::Quiet)),
            ]
        })
        .collect();
    section(paint, "Changes", &["image", "from", "to", "policy", "place", ""], &rows)
}

/// One dead registry holds many references: each detail is printed once, above the places it holds.
fn held(paint: Paint, plan: &Plan) -> String {
    let mut by_detail: BTreeMap<(Reason, &str), Vec<Vec<Cell>>> = BTreeMap::new();
    for (entry, held) in plan.held() {
        let reference = &entry.found.reference;
        let current = message_value(reference.tag.as_deref(), reference.digest.as_ref());
        let row = vec![(image(entry), None), (current, None), (place(entry), Some(Tone::Quiet))];
        by_detail.entry((held.reason, &held.detail)).or_default().push(row);
    }
    if by_detail.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{}\n", paint.on(Tone::Strong, "Held"));
    for ((reason, detail), rows) in by_detail {
        let tone = if reason.is_error() { Tone::Bad } else { Tone::Warn };
        out.push_str(&format!("  {}: {}\n", paint.on(tone, reason.word()), plain(detail)));
        out.push_str(&table(paint, 4, &["", "", ""], &rows));
    }
    out
}

fn unmanaged(paint: Paint, plan: &Plan) -> String {
    let all: Vec<&Entry> = plan.entries.iter().filter(|entry| entry.state == State::Unmanaged).collect();
    if all.len() <= MAX_UNMANAGED {
        let rows: Vec<Vec<Cell>> = all
            .iter()
            .map(|entry| {
                let reference = &entry.found.reference;
                let value = message_value(reference.tag.as_deref(), reference.digest.as_ref());
                let why = reference.blocked.clone().unwrap_or_default();
                vec![(image(entry), None), (value, None), (place(entry), Some(Tone::Quiet)), (why, Some(Tone::Quiet))]
            })
            .collect();
        return section(paint, "Unmanaged (no policy names them)", &["image", "tag", "place", ""], &rows);
    }
    let mut by_image: BTreeMap<String, usize> = BTreeMap::new();
    for entry in all {
        *by_image.entry(image(entry)).or_default() += 1;
    }
    let rows: Vec<Vec<Cell>> = by_image
        .into_iter()
        .map(|(image, places)| vec![(image, None), (count(places, "place"), Some(Tone::Quiet))])
        .collect();
    section(paint, "Unmanaged (no policy names them)", &["image", ""], &rows)
}

fn skipped(paint: Paint, plan: &Plan) -> String {
    let rows: Vec<Vec<Cell>> = plan
        .skipped
        .iter()
        .map(|skipped| {
            vec![
                (skipped.file.to_string(), None),
                (skipped.reason.word().to_owned(), Some(Tone::Warn)),
                (skipped.detail.clone(), Some(Tone::Quiet)),
            ]
        })
        .collect();
    section(paint, "Skipped files", &["file", "reason", "detail"], &rows)
}

fn notes(paint: Paint, plan: &Plan) -> String {
    let rows: Vec<Vec<Cell>> = plan
        .notes
        .iter()
        .map(|note| vec![(format!("{}:{}", note.file, note.line), None), (note.text.clone(), Some(Tone::Quiet))])
        .collect();
    section(paint, "Worth a look", &["place", "note"], &rows)
}

/// Lists that were not asked for: what is newer than they are was not looked at.
fn remembered(paint: Paint, lists: &BTreeMap<Repository, i64>) -> String {
    let row =
        |(image, time): (&Repository, &i64)| vec![(image.to_string(), None), (super::moment(*time), Some(Tone::Quiet))];
    let rows: Vec<Vec<Cell>> = lists.iter().take(MAX_LISTS).map(row).collect();
    let title = format!("{} from an earlier run (cacheFor)", count(lists.len(), "tag list"));
    let more = lists.len().saturating_sub(MAX_LISTS);
    let more = if more > 0 { format!("  and {more} more\n") } else { String::new() };
    section(paint, &title, &["image", "read"], &rows) + &more
}

/// What registries did, whether or not something was held for it.
fn notices(paint: Paint, planned: &Planned) -> String {
    let rows: Vec<Vec<Cell>> =
        planned.notices.iter().map(|notice| vec![(notice.to_string(), Some(Tone::Quiet))]).collect();
    section(paint, "Registries", &[""], &rows)
}

fn section(paint: Paint, title: &str, head: &[&str], rows: &[Vec<Cell>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    format!("\n{}\n{}", paint.on(Tone::Strong, title), table(paint, 2, head, rows))
}

/// The image; where the text that stands there names none, the text.
pub(super) fn image(entry: &Entry) -> String {
    let reference = &entry.found.reference;
    let written = reference.slots.iter().find(|slot| matches!(slot.part, Part::Whole | Part::Name));
    match (&entry.image, &reference.name, written) {
        (Some(image), _, _) => image.to_string(),
        (None, Some(name), _) => name.clone(),
        (None, None, Some(slot)) => slot.value.clone(),
        (None, None, None) => "-".to_owned(),
    }
}

fn policy(entry: &Entry) -> String {
    entry.policy.as_ref().map(ToString::to_string).unwrap_or_default()
}

pub(super) fn place(entry: &Entry) -> String {
    format!("{}:{}", entry.found.file, entry.found.reference.line)
}

/// Enough of a commit id to find it.
pub fn short(id: &str) -> &str {
    id.get(..10).unwrap_or(id)
}
