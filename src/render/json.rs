//! The stable, versioned JSON of plans, reports and explanations. Fields are only ever added.

use crate::cycle::{Explanation, Planned, Pulled, Report, WrittenCommit};
use crate::image::Digest;
use crate::plan::{Entry, Plan, State};
use crate::policy::{Held, PassedOver, Suggestion};
use serde::Serialize;
use std::collections::BTreeMap;

/// The version of every document here.
pub const VERSION: u32 = 1;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PlanDocument<'a> {
    version: u32,
    repository: &'a str,
    branch: Option<&'a str>,
    head: Option<&'a str>,
    changes: Vec<ChangeRow<'a>>,
    references: Vec<ReferenceRow<'a>>,
    skipped_files: Vec<SkippedRow<'a>>,
    notes: Vec<NoteRow<'a>>,
    remembered_lists: Vec<ListRow<'a>>,
    #[serde(flatten)]
    report: Option<ReportPart<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportPart<'a> {
    written: Option<WrittenPart<'a>>,
    pull_requests: Vec<PulledRow<'a>>,
    retries: u32,
    requests: &'a BTreeMap<String, u64>,
    notices: Vec<NoticeRow<'a>>,
    ledger: Option<LedgerPart<'a>>,
}

/// What was added to the ledger, or why nothing could be.
#[derive(Debug, Serialize)]
struct LedgerPart<'a> {
    commit: Option<&'a str>,
    problem: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct WrittenPart<'a> {
    commit: Option<&'a str>,
    commits: Vec<CommitRow<'a>>,
    files: usize,
    /// That of `commit`.
    message: Option<&'a str>,
    messages: &'a [String],
}

#[derive(Debug, Serialize)]
struct CommitRow<'a> {
    commit: &'a str,
    group: &'a str,
    files: usize,
    message: &'a str,
}

#[derive(Debug, Serialize)]
struct PulledRow<'a> {
    group: &'a str,
    branch: &'a str,
    number: Option<u64>,
    url: Option<&'a str>,
    title: &'a str,
    outcome: &'static str,
    detail: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct ChangeRow<'a> {
    action: &'static str,
    file: &'a str,
    blob: Option<&'a str>,
    line: usize,
    path: &'a str,
    image: Option<&'a str>,
    policy: Option<&'a str>,
    group: &'a str,
    /// `commit` or `pullRequest`.
    write: &'static str,
    from: Value<'a>,
    to: Value<'a>,
}

#[derive(Debug, Serialize)]
struct Value<'a> {
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

#[derive(Debug, Serialize)]
pub(super) struct ReferenceRow<'a> {
    file: &'a str,
    line: usize,
    path: &'a str,
    image: Option<&'a str>,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
    policy: Option<&'a str>,
    state: &'static str,
    reason: Option<&'static str>,
    detail: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct SkippedRow<'a> {
    file: &'a str,
    reason: &'static str,
    detail: &'a str,
}

#[derive(Debug, Serialize)]
struct NoteRow<'a> {
    file: &'a str,
    line: usize,
    text: &'a str,
}

/// A tag list that was not asked for, because the settings let an earlier one count.
#[derive(Debug, Serialize)]
struct ListRow<'a> {
    image: &'a str,
    read: String,
}

#[derive(Debug, Serialize)]
struct NoticeRow<'a> {
    host: &'a str,
    text: String,
}

/// `plan --format json`.
pub fn plan(planned: &Planned) -> String {
    pretty(&document(planned, None))
}

/// `update --format json`: the plan, and what was written.
pub fn report(report: &Report) -> String {
    let written = report.written.as_ref().map(|written| WrittenPart {
        commit: written.head().map(|commit| commit.0.as_str()),
        commits: written.commits.iter().map(commit_row).collect(),
        files: written.files,
        message: written.commits.last().map(|commit| commit.message.as_str()),
        messages: &written.messages,
    });
    let notices = report.planned.notices.iter();
    let notices = notices.map(|notice| NoticeRow { host: &notice.host, text: notice.to_string() }).collect();
    let pull_requests = report.pulled.iter().map(pulled_row).collect();
    let ledger = report.ledger.as_ref().map(|added| LedgerPart {
        commit: added.as_ref().ok().map(|commit| commit.0.as_str()),
        problem: added.as_ref().err().map(String::as_str),
    });
    let part =
        ReportPart { written, pull_requests, retries: report.retries, requests: &report.requests, notices, ledger };
    pretty(&document(&report.planned, Some(part)))
}

fn pulled_row(pulled: &Pulled) -> PulledRow<'_> {
    PulledRow {
        group: &pulled.group,
        branch: &pulled.branch,
        number: pulled.number,
        url: pulled.url.as_deref(),
        title: &pulled.title,
        outcome: pulled.outcome.word(),
        detail: pulled.detail.as_deref(),
    }
}

fn commit_row(commit: &WrittenCommit) -> CommitRow<'_> {
    CommitRow { commit: &commit.id.0, group: &commit.group, files: commit.files, message: &commit.message }
}

fn document<'a>(planned: &'a Planned, report: Option<ReportPart<'a>>) -> PlanDocument<'a> {
    PlanDocument {
        version: VERSION,
        repository: &planned.repository,
        branch: planned.branch.as_deref(),
        head: planned.head.as_ref().map(|head| head.0.as_str()),
        changes: changes(&planned.plan),
        references: planned.plan.entries.iter().map(reference).collect(),
        skipped_files: planned
            .plan
            .skipped
            .iter()
            .map(|skipped| SkippedRow { file: &skipped.file, reason: skipped.reason.word(), detail: &skipped.detail })
            .collect(),
        notes: planned
            .plan
            .notes
            .iter()
            .map(|note| NoteRow { file: &note.file, line: note.line, text: &note.text })
            .collect(),
        remembered_lists: planned
            .lists
            .iter()
            .map(|(image, time)| ListRow { image: image.as_str(), read: super::moment(*time) })
            .collect(),
        report,
    }
}

/// The `changes` array alone: what `update --plan FILE` compares.
pub fn changes_value(plan: &Plan) -> serde_json::Value {
    serde_json::to_value(changes(plan)).unwrap_or_default()
}

fn changes(plan: &Plan) -> Vec<ChangeRow<'_>> {
    plan.changes()
        .map(|(entry, change)| ChangeRow {
            action: change.action.word(),
            file: &entry.found.file,
            blob: entry.found.blob.as_deref(),
            line: entry.found.reference.line,
            path: &entry.found.reference.path,
            image: entry.image.as_ref().map(|image| image.as_str()),
            policy: entry.policy.as_ref().map(|policy| policy.as_str()),
            group: &change.group,
            write: if change.pull_request { "pullRequest" } else { "commit" },
            from: Value {
                tag: entry.found.reference.tag.as_deref(),
                digest: entry.found.reference.digest.as_ref().map(Digest::as_str),
            },
            to: Value {
                tag: change.to.tag.as_ref().map(|tag| tag.as_str()),
                digest: change.to.digest.as_ref().map(Digest::as_str),
            },
        })
        .collect()
}

pub(super) fn reference(entry: &Entry) -> ReferenceRow<'_> {
    let held = match &entry.state {
        State::Held(held) => Some(held),
        _ => None,
    };
    let reference = &entry.found.reference;
    ReferenceRow {
        file: &entry.found.file,
        line: reference.line,
        path: &reference.path,
        image: entry.image.as_ref().map(|image| image.as_str()),
        tag: reference.tag.as_deref(),
        digest: reference.digest.as_ref().map(Digest::as_str),
        policy: entry.policy.as_ref().map(|policy| policy.as_str()),
        state: entry.state.word(),
        reason: held.map(|held| held.reason.word()),
        detail: held.map(|held| held.detail.as_str()).or(reference.blocked.as_deref()),
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ExplanationDocument<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    policy: Option<&'a str>,
    chosen: Option<&'a str>,
    held: Option<&'static str>,
    held_detail: Option<&'a str>,
    file: Option<&'a str>,
    line: Option<usize>,
    image: Option<&'a str>,
    current: Option<&'a str>,
    family: Option<&'a str>,
    note: Option<&'a str>,
    ownership: &'a [String],
    passed_over: Vec<PassedOverRow<'a>>,
    suggestions: Vec<SuggestionRow<'a>>,
}

#[derive(Debug, Serialize)]
struct SuggestionRow<'a> {
    problem: &'a str,
    field: &'static str,
    instead: &'a str,
    chooses: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct PassedOverRow<'a> {
    tag: &'a str,
    reason: &'static str,
    detail: &'a str,
}

#[derive(Debug, Serialize)]
struct Explanations<'a> {
    version: u32,
    decisions: Vec<ExplanationDocument<'a>>,
}

/// `explain --format json` and `try --format json`: one object, or `decisions` when several places are meant.
pub fn explanations(all: &[Explanation]) -> String {
    match all {
        [one] => pretty(&ExplanationDocument { version: Some(VERSION), ..explanation(one) }),
        many => pretty(&Explanations { version: VERSION, decisions: many.iter().map(explanation).collect() }),
    }
}

fn explanation(one: &Explanation) -> ExplanationDocument<'_> {
    let held: Option<&Held> = one.held.as_ref();
    ExplanationDocument {
        version: None,
        policy: one.policy.as_ref().map(|policy| policy.as_str()),
        chosen: one.chosen.as_ref().map(|tag| tag.as_str()),
        held: held.map(|held| held.reason.word()),
        held_detail: held.map(|held| held.detail.as_str()),
        file: one.place.as_ref().map(|place| place.file.as_str()),
        line: one.place.as_ref().map(|place| place.line),
        image: one.image.as_ref().map(|image| image.as_str()),
        current: one.current.as_deref(),
        family: one.family.as_deref(),
        note: one.note.as_deref(),
        ownership: &one.ownership,
        passed_over: one.passed_over.iter().map(passed_over).collect(),
        suggestions: one.suggestions.iter().map(suggestion).collect(),
    }
}

fn passed_over(one: &PassedOver) -> PassedOverRow<'_> {
    PassedOverRow { tag: &one.tag, reason: one.reason.word(), detail: &one.detail }
}

fn suggestion(one: &Suggestion) -> SuggestionRow<'_> {
    let Suggestion { problem, field, instead, chooses } = one;
    SuggestionRow { problem, field, instead, chooses: chooses.as_ref().map(|tag| tag.as_str()) }
}

pub(super) fn pretty(document: &impl Serialize) -> String {
    // Structs with string keys cannot fail to serialise; if they ever do, the reader of the JSON must see it.
    let text = serde_json::to_string_pretty(document);
    text.unwrap_or_else(|error| format!("{{\"error\": \"{error}\"}}")) + "\n"
}
