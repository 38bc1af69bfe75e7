//! The body of a pull request: what changes, what is different about the images, what was passed over, and what people can do.
//!
//! ```text
//! | image | from | to | step | built | policy |
//! |---|---|---|---|---|---|
//! | `ghcr.io/acme/web` | `1.4.1` | `1.4.2` | patch | 2026-11-12 | web |
//! ```
//!
//! The same changes and facts give the same text, whenever it is made: dates, never ages. Everything in it that comes from a
//! registry or a file stands in code or is checked, so that no label can add a heading, a link or a mention.

use super::super::{Change, Entry, Plan, State, message_value as value};
use super::Record;
use crate::image::{ImageMetadata, Repository};
use crate::policy::{Bump, PassedOver, step};
use crate::schedule::date;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The label by which people hand a branch back that they have committed to.
pub const REBUILD_LABEL: &str = "landwaiter/rebuild";
/// What the box says that does the same.
const REBUILD: &str = "Rebuild this branch from its base, and drop what others have committed to it";
/// Rows of the table that are written out.
const MAX_ROWS: usize = 200;
/// Images whose differences are written out.
const MAX_FACTS: usize = 30;
/// Passed-over tags that are named for one image.
const MAX_PASSED_OVER: usize = 10;
/// What is left free for the record to grow by when it is written into the same body later: the id of a head, in base64.
const ROOM: usize = 128;
/// The longest value of one cell, in bytes.
const MAX_CELL: usize = 200;

/// What is known of one image beside its tags.
#[derive(Debug, Clone, Default)]
pub struct ImageFacts {
    pub from: Option<ImageMetadata>,
    pub to: Option<ImageMetadata>,
    /// Better or unclear tags that were not chosen.
    pub passed_over: Vec<PassedOver>,
}

/// What a body is made of.
#[derive(Debug)]
pub struct Body<'a> {
    pub plan: &'a Plan,
    /// Where the changes stand in the plan.
    pub members: &'a [usize],
    /// By image and the tags it goes from and to.
    pub facts: &'a BTreeMap<(Repository, String, String), ImageFacts>,
    /// What the commit says for tools.
    pub trailers: &'a str,
    pub record: &'a Record,
    /// `pull request` or `merge request`.
    pub noun: &'static str,
    /// The largest step that is merged by the forge.
    pub auto_merge: Option<Bump>,
    /// Whether the forge shows `<details>`.
    pub html: bool,
    /// The most bytes.
    pub limit: usize,
}

/// Whether somebody has ticked the box.
pub fn rebuild_is_checked(body: &str) -> bool {
    body.lines().any(|line| {
        let line = line.trim();
        (line.starts_with("- [x] ") || line.starts_with("- [X] ")) && line.ends_with(REBUILD)
    })
}

/// The text; what does not fit is left out from the least important on. `None` when not even record and trailers fit.
pub fn body(body: &Body<'_>) -> Option<String> {
    let tail = tail(body);
    let limit = body.limit.saturating_sub(ROOM);
    for (rows, facts) in [(MAX_ROWS, MAX_FACTS), (MAX_ROWS, 5), (MAX_ROWS, 0), (20, 0), (0, 0)] {
        let text = body.record.put_into(&format!("{}{}{tail}", table(body, rows), differences(body, facts)));
        if text.len() <= limit {
            return Some(text);
        }
    }
    let least = body.record.put_into(body.trailers.trim_end());
    (least.len() <= limit).then_some(least)
}

fn changes<'a>(body: &'a Body<'_>) -> impl Iterator<Item = (&'a Entry, &'a Change)> {
    body.members.iter().filter_map(|at| match body.plan.entries.get(*at)? {
        entry @ Entry { state: State::Change(change), .. } => Some((entry, change)),
        _ => None,
    })
}

/// The key under which the facts of a change stand.
fn key(entry: &Entry, change: &Change) -> Option<(Repository, String, String)> {
    let (from, to) = tags(entry, change);
    Some((entry.image.clone()?, from.to_owned(), to.to_owned()))
}

fn tags<'a>(entry: &'a Entry, change: &'a Change) -> (&'a str, &'a str) {
    let from = entry.found.reference.tag.as_deref().unwrap_or_default();
    (from, change.to.tag.as_ref().map_or(from, |tag| tag.as_str()))
}

fn table(body: &Body<'_>, limit: usize) -> String {
    let mut rows: BTreeMap<[String; 6], Vec<String>> = BTreeMap::new();
    for (entry, change) in changes(body) {
        let reference = &entry.found.reference;
        let (from, to) = tags(entry, change);
        let built = key(entry, change).and_then(|key| body.facts.get(&key)?.to.as_ref()?.created);
        let row = [
            code(entry.image.as_ref().map_or("", |image| image.as_str())),
            code(&value(reference.tag.as_deref(), reference.digest.as_ref())),
            code(&value(change.to.tag.as_ref().map(|tag| tag.as_str()), change.to.digest.as_ref())),
            if from == to {
                "digest".to_owned()
            } else {
                step(from, to).map(|step| step.to_string()).unwrap_or_default()
            },
            built.map(date).unwrap_or_default(),
            code(entry.policy.as_ref().map_or("", |policy| policy.as_str())),
        ];
        rows.entry(row).or_default().push(format!("{}:{}", entry.found.file, reference.line));
    }
    let mut text = "| image | from | to | step | built | policy | places |\n|---|---|---|---|---|---|---|\n".to_owned();
    let all = rows.len();
    for (row, places) in rows.into_iter().take(limit) {
        let more = if places.len() > 3 { format!(" and {} more", places.len() - 3) } else { String::new() };
        let places: Vec<String> = places.iter().take(3).map(|place| code(place)).collect();
        let _ = writeln!(text, "| {} | {}{more} |", row.join(" | "), places.join(", "));
    }
    if all > limit {
        let _ = writeln!(text, "\nand {} more; the commit has them all", all - limit);
    }
    text
}

fn differences(body: &Body<'_>, limit: usize) -> String {
    let mut seen = BTreeSet::new();
    let mut text = String::new();
    for (entry, change) in changes(body) {
        let Some(key) = key(entry, change).filter(|key| seen.insert(key.clone())) else { continue };
        let Some(facts) = body.facts.get(&key) else { continue };
        let part = difference(&key, facts);
        if !part.is_empty() && seen.len() <= limit {
            text.push_str(&part);
        }
    }
    text
}

fn difference((image, from, to): &(Repository, String, String), facts: &ImageFacts) -> String {
    let mut text = String::new();
    if let (Some(old), Some(new)) = (&facts.from, &facts.to) {
        let rows: String = rows(old, new)
            .into_iter()
            .filter(|(_, old, new)| old != new)
            .map(|(what, old, new)| format!("| {what} | {} | {} |\n", code(&old), code(&new)))
            .collect();
        if !rows.is_empty() {
            let _ = write!(text, "\n| | {} | {} |\n|---|---|---|\n{rows}", code(from), code(to));
        }
        if let Some(link) = compare_link(old, new) {
            let _ = write!(text, "\n[Compare the sources]({link})\n");
        }
    }
    if !facts.passed_over.is_empty() {
        let mut named: Vec<String> = facts
            .passed_over
            .iter()
            .take(MAX_PASSED_OVER)
            .map(|one| format!("{} ({})", code(&one.tag), one.reason.word()))
            .collect();
        if facts.passed_over.len() > MAX_PASSED_OVER {
            named.push(format!("and {} more", facts.passed_over.len() - MAX_PASSED_OVER));
        }
        let _ = write!(text, "\nPassed over: {}\n", named.join(", "));
    }
    if text.is_empty() { text } else { format!("\n#### {}\n{text}", code(image.as_str())) }
}

/// What can differ between two images, each with the old and the new value.
fn rows(old: &ImageMetadata, new: &ImageMetadata) -> Vec<(&'static str, String, String)> {
    let both = |of: fn(&ImageMetadata) -> String| (of(old), of(new));
    let run = |of: fn(&crate::image::RunConfig) -> String| {
        match (&old.run, &new.run) {
            (Some(old), Some(new)) => (of(old), of(new)),
            // Nothing is said where one of them is not known.
            _ => (String::new(), String::new()),
        }
    };
    let label = |name: &str| {
        let of = |image: &ImageMetadata| image.labels.get(name).cloned().unwrap_or_default();
        (of(old), of(new))
    };
    let sizes = if old.size.is_some() && new.size.is_some() {
        both(|image| image.size.map(size).unwrap_or_default())
    } else {
        (String::new(), String::new())
    };
    let all = [
        ("built", both(|image| image.created.map(date).unwrap_or_default())),
        ("size", sizes),
        ("platforms", both(|image| image.platforms.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))),
        ("user", run(|run| run.user.clone())),
        ("entrypoint", run(|run| run.entrypoint.join(" "))),
        ("command", run(|run| run.command.join(" "))),
        ("ports", run(|run| run.ports.join(" "))),
        ("environment", run(|run| run.environment.join(" "))),
        ("version", label("org.opencontainers.image.version")),
        ("revision", label("org.opencontainers.image.revision")),
        ("source", label("org.opencontainers.image.source")),
        ("licence", label("org.opencontainers.image.licenses")),
    ];
    all.into_iter().map(|(what, (old, new))| (what, old, new)).collect()
}

/// Where the forge of the sources shows what changed between the two, when both images say so.
fn compare_link(old: &ImageMetadata, new: &ImageMetadata) -> Option<String> {
    let label = |image: &'_ ImageMetadata, name| image.labels.get(name).cloned();
    let source = label(new, "org.opencontainers.image.source")?;
    if label(old, "org.opencontainers.image.source")? != source {
        return None;
    }
    let source = source.strip_suffix(".git").unwrap_or(&source).trim_end_matches('/');
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'/' | b'~');
    let place = source.strip_prefix("https://").filter(|rest| rest.len() <= MAX_CELL && rest.bytes().all(plain))?;
    let (host, path) = place.split_once('/').filter(|(host, path)| !host.is_empty() && path.contains('/'))?;
    let revision = |image| {
        let text = label(image, "org.opencontainers.image.revision")?;
        let id = (7..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
        id.then_some(text)
    };
    let (from, to) = (revision(old)?, revision(new)?);
    let between = match host {
        _ if from == to => return None,
        "bitbucket.org" => format!("branches/compare/{to}..{from}"),
        _ if host.contains("gitlab") => format!("-/compare/{from}...{to}"),
        _ => format!("compare/{from}...{to}"),
    };
    Some(format!("https://{host}/{path}/{between}"))
}

fn tail(body: &Body<'_>) -> String {
    let noun = body.noun;
    let merging = match body.auto_merge {
        Some(_) => "The forge merges it by itself once its rules are met.",
        None => "Merging it is up to you.",
    };
    let trailers = body.trailers.trim_end();
    let trailers = match (trailers.is_empty(), body.html) {
        (true, _) => String::new(),
        (false, true) => {
            format!("\n<details><summary>For later runs</summary>\n\n```\n{trailers}\n```\n\n</details>\n")
        }
        (false, false) => format!("\n```\n{trailers}\n```\n"),
    };
    format!(
        "\n---\n\n{merging} A newer version replaces this one in the same {noun}.\n\n\
         - Close it unmerged, and these versions are not proposed here again; newer ones are.\n\
         - Write `# landwaiter-hold: REASON` beside an image to keep it as it is.\n\
         - Commit to the branch, and it is left alone from then on. To hand it back, tick the box or add the label \
         `{REBUILD_LABEL}`:\n\n\
         - [ ] {REBUILD}\n{trailers}"
    )
}

/// The text as code in a table's cell: no backticks, bars or line breaks, and not endless.
fn code(text: &str) -> String {
    let mut shown: String =
        text.chars().map(|c| if c == '`' || c == '|' || c.is_control() { ' ' } else { c }).collect();
    if let Some((end, _)) = shown.char_indices().find(|(at, _)| *at >= MAX_CELL) {
        shown.truncate(end);
        shown.push('…');
    }
    let shown = shown.trim();
    if shown.is_empty() { String::new() } else { format!("`{shown}`") }
}

fn size(bytes: u64) -> String {
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    format!("{mebibytes:.1} MiB")
}

#[cfg(test)]
mod tests;
