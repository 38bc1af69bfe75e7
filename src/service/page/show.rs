//! The documents of the API, version 1. Fields are only ever added. The pages show the same ones.

use super::query::{Found, cursor};
use crate::image::Repository;
use crate::render::moment;
use crate::service::Target;
use crate::service::picture::{Branch, Failing, Image, Known, Listed, Look, Row, Run, State};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The version of every document here.
pub(super) const VERSION: u32 = 1;
/// Images that are named as examples of a host that fails.
const EXAMPLES: usize = 20;

/// References by state.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Counts {
    pub(super) held: usize,
    pub(super) pull_request: usize,
    pub(super) updating: usize,
    pub(super) up_to_date: usize,
    pub(super) unmanaged: usize,
}

impl Counts {
    fn of([held, pull_request, updating, up_to_date, unmanaged]: [usize; State::ALL.len()]) -> Counts {
        Counts { held, pull_request, updating, up_to_date, unmanaged }
    }
}

/// `GET /api/v1/summary`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    version: u32,
    program: &'static str,
    started: String,
    /// Branches, and those without a run that could read them.
    branches: usize,
    branches_not_looked_at: usize,
    branches_failing: usize,
    references: usize,
    references_left_out: usize,
    by_state: Counts,
    images: usize,
    images_failing: usize,
    registries_failing: usize,
    policy_errors: usize,
    policy_warnings: usize,
    runs_under_way: usize,
    last_run: Option<String>,
    settings_refused: Option<Refused>,
}

#[derive(Debug, Serialize)]
struct Refused {
    since: String,
    error: String,
    hint: Option<String>,
}

pub(super) fn summary(known: &Known) -> Summary {
    let branches = known.branches.values();
    let mut counts = [0; State::ALL.len()];
    for branch in branches.clone() {
        counts.iter_mut().zip(branch.counts).for_each(|(all, own)| *all += own);
    }
    let problems = || known.branches.values().flat_map(|branch| &branch.problems.first);
    let failing: BTreeSet<&str> = known.hosts.failing.keys().map(Repository::host).collect();
    let failed = |branch: &&Arc<Branch>| branch.last.as_ref().is_some_and(|last| last.error.is_some());
    Summary {
        version: VERSION,
        program: env!("CARGO_PKG_VERSION"),
        started: moment(known.started),
        branches: known.branches.len(),
        branches_not_looked_at: branches.clone().filter(|branch| branch.seen.is_none()).count(),
        branches_failing: branches.clone().filter(failed).count(),
        references: counts.iter().sum(),
        references_left_out: branches.map(|branch| branch.left_out()).sum(),
        by_state: Counts::of(counts),
        images: known.images.len(),
        images_failing: known.hosts.failing.len(),
        registries_failing: failing.len(),
        policy_errors: problems().filter(|problem| problem.error).count(),
        policy_warnings: problems().filter(|problem| !problem.error).count(),
        runs_under_way: known.under_way.len(),
        last_run: known.runs.front().map(|run| moment(run.ended)),
        settings_refused: known.refused.as_ref().map(|(trouble, since)| Refused {
            since: moment(*since),
            error: trouble.message.clone(),
            hint: trouble.hint.clone(),
        }),
    }
}

/// `GET /api/v1/repositories`: one entry for each branch.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Repositories {
    version: u32,
    total: usize,
    pub(super) next: Option<String>,
    repositories: Vec<BranchShown>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BranchShown {
    repository: String,
    branch: Option<String>,
    head: Option<Arc<str>>,
    /// When its files were read last; `null`: not looked at yet.
    seen: Option<String>,
    by_state: Counts,
    references_left_out: usize,
    last_run: Option<LastShown>,
    problems: ListShown<ProblemShown>,
    skipped_files: ListShown<SkippedShown>,
    notes: ListShown<NoteShown>,
    holds: ListShown<HoldShown>,
}

#[derive(Debug, Serialize)]
struct LastShown {
    run: Arc<str>,
    ended: String,
    result: &'static str,
    error: Option<Arc<str>>,
    hint: Option<Arc<str>>,
    failures: u32,
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct ListShown<T> {
    total: usize,
    /// The first of them.
    first: Vec<T>,
}

impl<T> ListShown<T> {
    fn of<S>(listed: &Listed<S>, shown: impl Fn(&S) -> T) -> ListShown<T> {
        ListShown { total: listed.total, first: listed.first.iter().map(shown).collect() }
    }
}

#[derive(Debug, Serialize)]
struct ProblemShown {
    file: String,
    line: Option<usize>,
    severity: &'static str,
    message: String,
    hint: Option<String>,
}

#[derive(Debug, Serialize)]
struct SkippedShown {
    file: Arc<str>,
    reason: &'static str,
    detail: String,
}

#[derive(Debug, Serialize)]
struct NoteShown {
    file: Arc<str>,
    line: usize,
    text: String,
}

#[derive(Debug, Serialize)]
struct HoldShown {
    what: String,
    by: String,
    reason: String,
    until: Option<String>,
    references: usize,
}

/// The branches behind the one that a page ended with.
pub(super) fn repositories(known: &Known, after: Option<&(String, Option<String>)>, limit: usize) -> Repositories {
    let place = |target: &Target| (target.repository.clone(), target.branch.clone());
    let mut rest = known.branches.values().filter(|branch| after.is_none_or(|after| place(&branch.target) > *after));
    let page: Vec<&Arc<Branch>> = rest.by_ref().take(limit).collect();
    let next = rest.next().and(page.last()).and_then(|last| cursor(&place(&last.target)));
    let repositories = page.into_iter().map(|branch| branch_shown(branch)).collect();
    Repositories { version: VERSION, total: known.branches.len(), next, repositories }
}

fn branch_shown(branch: &Branch) -> BranchShown {
    BranchShown {
        repository: branch.target.repository.clone(),
        branch: branch.target.branch.clone(),
        head: branch.head.clone(),
        seen: branch.seen.map(moment),
        by_state: Counts::of(branch.counts),
        references_left_out: branch.left_out(),
        last_run: branch.last.as_ref().map(|last| LastShown {
            run: last.run.clone(),
            ended: moment(last.ended),
            result: last.result.word(),
            error: last.error.clone(),
            hint: last.hint.clone(),
            failures: last.failures,
            next: last.next.map(moment),
        }),
        problems: ListShown::of(&branch.problems, |one| ProblemShown {
            file: one.file.clone(),
            line: one.line,
            severity: if one.error { "error" } else { "warning" },
            message: one.message.clone(),
            hint: one.hint.clone(),
        }),
        skipped_files: ListShown::of(&branch.skipped, |one| SkippedShown {
            file: one.file.clone(),
            reason: one.reason,
            detail: one.detail.clone(),
        }),
        notes: ListShown::of(&branch.notes, |one| NoteShown {
            file: one.file.clone(),
            line: one.line,
            text: one.text.clone(),
        }),
        holds: ListShown::of(&branch.holds, |one| HoldShown {
            what: one.what.clone(),
            by: one.by.clone(),
            reason: one.reason.clone(),
            until: one.until.clone(),
            references: one.references,
        }),
    }
}

/// `GET /api/v1/references`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct References {
    version: u32,
    /// How many match, and how many of them stand before these.
    pub(super) total: usize,
    pub(super) before: usize,
    /// Of those that match but for `state`.
    pub(super) by_state: Counts,
    pub(super) next: Option<String>,
    pub(super) references: Vec<ReferenceShown>,
}

#[derive(Debug, Serialize)]
pub(super) struct ReferenceShown {
    repository: String,
    branch: Option<String>,
    file: Arc<str>,
    line: usize,
    path: Arc<str>,
    image: Option<String>,
    policy: Option<String>,
    current: Option<Arc<str>>,
    digest: Option<Arc<str>>,
    newest: Option<Arc<str>>,
    state: &'static str,
    reason: Option<&'static str>,
    detail: Option<Arc<str>>,
    url: Option<Arc<str>>,
}

pub(super) fn references(found: &Found) -> References {
    References {
        version: VERSION,
        total: found.total,
        before: found.before,
        by_state: Counts::of(found.counts),
        next: found.next.as_ref().and_then(cursor),
        references: found.rows.iter().map(|(branch, at)| reference(&branch.target, &branch.rows[*at])).collect(),
    }
}

fn reference(target: &Target, row: &Row) -> ReferenceShown {
    ReferenceShown {
        repository: target.repository.clone(),
        branch: target.branch.clone(),
        file: row.file.clone(),
        line: row.line,
        path: row.path.clone(),
        image: row.image.as_ref().map(ToString::to_string),
        policy: row.policy.as_ref().map(ToString::to_string),
        current: row.current.clone(),
        digest: row.digest.clone(),
        newest: row.newest.clone(),
        state: row.state.word(),
        reason: row.reason.map(|reason| reason.word()),
        detail: row.detail.clone(),
        url: row.url.clone(),
    }
}

/// `GET /api/v1/images`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Images {
    version: u32,
    total: usize,
    next: Option<String>,
    images: Vec<ImageRow>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ImageRow {
    image: String,
    references: usize,
    by_state: Counts,
    /// The tags that stand in files, the greatest number of places first.
    current: Vec<Arc<str>>,
    newest: Vec<Arc<str>>,
    error: Option<Arc<str>>,
}

/// Every image that a reference names and the search admits.
pub(super) fn images(
    branches: &[Arc<Branch>],
    failing: &BTreeMap<Repository, Failing>,
    search: Option<&regex::Regex>,
    after: Option<&str>,
    limit: usize,
) -> Images {
    let mut all: BTreeMap<&Repository, Vec<&Row>> = BTreeMap::new();
    for row in branches.iter().flat_map(|branch| &branch.rows) {
        if let Some(image) = row.image.as_ref().filter(|image| search.is_none_or(|text| text.is_match(image.as_str())))
        {
            all.entry(image).or_default().push(row);
        }
    }
    let total = all.len();
    let mut rest = all.into_iter().filter(|(image, _)| after.is_none_or(|after| image.as_str() > after));
    let page: Vec<ImageRow> =
        rest.by_ref().take(limit).map(|(image, rows)| image_row(image, &rows, failing.get(image))).collect();
    let next = rest.next().and(page.last()).and_then(|last| cursor(&last.image));
    Images { version: VERSION, total, next, images: page }
}

fn image_row(image: &Repository, rows: &[&Row], failing: Option<&Failing>) -> ImageRow {
    let mut current: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
    rows.iter().filter_map(|row| row.current.as_ref()).for_each(|tag| *current.entry(tag).or_default() += 1);
    let mut current: Vec<(&Arc<str>, usize)> = current.into_iter().collect();
    current.sort_by_key(|(_, places)| std::cmp::Reverse(*places));
    let newest: BTreeSet<&Arc<str>> = rows.iter().filter_map(|row| row.newest.as_ref()).collect();
    ImageRow {
        image: image.to_string(),
        references: rows.len(),
        by_state: Counts::of(State::ALL.map(|state| rows.iter().filter(|row| row.state == state).count())),
        current: current.into_iter().take(EXAMPLES).map(|(tag, _)| tag.clone()).collect(),
        newest: newest.into_iter().take(EXAMPLES).cloned().collect(),
        error: failing.map(|failing| failing.error.clone()),
    }
}

impl Images {
    pub(super) fn next(&self) -> Option<&str> {
        self.next.as_deref()
    }
}

impl Runs {
    pub(super) fn next(&self) -> Option<&str> {
        self.next.as_deref()
    }
}

/// A reason, its words, and the tags that it is the reason for.
pub(super) type Group<'a> = (&'static str, &'a str, Vec<&'a str>);

impl ImageShown {
    /// Of each decision the passed-over tags, those that follow each other with one reason together.
    pub(super) fn grouped(&self) -> Vec<Vec<Group<'_>>> {
        fn group(look: &LookShown) -> Vec<Group<'_>> {
            let mut groups: Vec<Group<'_>> = Vec::new();
            for PassedShown { tag, reason, detail } in &look.passed_over {
                match groups.last_mut() {
                    Some((same, words, tags)) if same == reason && **words == **detail => tags.push(tag),
                    _ => groups.push((reason, detail, vec![tag])),
                }
            }
            groups
        }
        self.decisions.iter().map(group).collect()
    }

    pub(super) fn references(&self) -> &References {
        &self.references
    }
}

/// `GET /api/v1/images/NAME`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ImageShown {
    version: u32,
    pub(super) image: String,
    failing: Option<FailingShown>,
    decisions: Vec<LookShown>,
    tags: Vec<TagShown>,
    updates: Vec<UpdateShown>,
    /// The first of them; `/api/v1/references?image=NAME` has all.
    references: References,
}

#[derive(Debug, Serialize)]
struct FailingShown {
    image: String,
    since: String,
    last: String,
    times: u32,
    error: Arc<str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LookShown {
    repository: String,
    branch: Option<String>,
    policy: String,
    choice: String,
    current: Option<Arc<str>>,
    chosen: Option<Arc<str>>,
    held: Option<&'static str>,
    held_detail: Option<Arc<str>>,
    note: Option<Arc<str>>,
    looked: String,
    tags: usize,
    passed_over: Vec<PassedShown>,
    passed_over_left_out: usize,
}

#[derive(Debug, Serialize)]
struct PassedShown {
    tag: Arc<str>,
    reason: &'static str,
    detail: Arc<str>,
}

#[derive(Debug, Serialize)]
struct TagShown {
    tag: Arc<str>,
    at: String,
    how: &'static str,
}

#[derive(Debug, Serialize)]
struct UpdateShown {
    at: String,
    repository: String,
    branch: Option<String>,
    from: Option<Arc<str>>,
    to: Arc<str>,
    places: usize,
    commit: Option<Arc<str>>,
    url: Option<Arc<str>>,
}

pub(super) fn image(name: &Repository, image: &Image, failing: Option<&Failing>, found: &Found) -> ImageShown {
    ImageShown {
        version: VERSION,
        image: name.to_string(),
        failing: failing.map(|failing| failing_shown(name, failing)),
        decisions: image.looks.iter().map(look).collect(),
        tags: image
            .tags
            .iter()
            .map(|one| TagShown { tag: one.tag.clone(), at: moment(one.at), how: one.how.word() })
            .collect(),
        updates: image
            .updates
            .iter()
            .map(|one| UpdateShown {
                at: moment(one.at),
                repository: one.target.repository.clone(),
                branch: one.target.branch.clone(),
                from: one.from.clone(),
                to: one.to.clone(),
                places: one.places,
                commit: one.commit.clone(),
                url: one.url.clone(),
            })
            .collect(),
        references: references(found),
    }
}

fn failing_shown(image: &Repository, failing: &Failing) -> FailingShown {
    FailingShown {
        image: image.to_string(),
        since: moment(failing.since),
        last: moment(failing.last),
        times: failing.times,
        error: failing.error.clone(),
    }
}

fn look(look: &Look) -> LookShown {
    LookShown {
        repository: look.target.repository.clone(),
        branch: look.target.branch.clone(),
        policy: look.policy.to_string(),
        choice: look.choice.clone(),
        current: look.current.clone(),
        chosen: look.chosen.clone(),
        held: look.held.as_ref().map(|(reason, _)| reason.word()),
        held_detail: look.held.as_ref().map(|(_, detail)| detail.clone()),
        note: look.note.clone(),
        looked: moment(look.at),
        tags: look.tags,
        passed_over: look
            .passed_over
            .iter()
            .map(|one| PassedShown { tag: one.tag.clone(), reason: one.reason.word(), detail: one.detail.clone() })
            .collect(),
        passed_over_left_out: look.rest,
    }
}

/// `GET /api/v1/runs`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Runs {
    version: u32,
    total: usize,
    next: Option<String>,
    under_way: Vec<UnderWay>,
    runs: Vec<RunShown>,
}

#[derive(Debug, Serialize)]
struct UnderWay {
    run: Arc<str>,
    repository: String,
    branch: Option<String>,
    began: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RunShown {
    run: Arc<str>,
    repository: String,
    branch: Option<String>,
    began: String,
    ended: String,
    milliseconds: u64,
    result: &'static str,
    references: usize,
    held: usize,
    changes_written: usize,
    commits: Vec<CommitShown>,
    pull_requests: Vec<PullShown>,
    error: Option<Arc<str>>,
}

#[derive(Debug, Serialize)]
struct CommitShown {
    commit: Arc<str>,
    subject: Arc<str>,
    files: usize,
}

#[derive(Debug, Serialize)]
struct PullShown {
    title: Arc<str>,
    url: Option<Arc<str>>,
    outcome: &'static str,
}

/// The runs that ended before the one that a page ended with; all of them where it is not known any more.
pub(super) fn runs(known: &Known, after: Option<&str>, limit: usize) -> Runs {
    let begin = after.and_then(|id| known.runs.iter().position(|run| *run.id == *id)).map_or(0, |at| at + 1);
    let page: Vec<RunShown> = known.runs.iter().skip(begin).take(limit).map(|run| run_shown(run)).collect();
    let more = begin + page.len() < known.runs.len();
    let next = page.last().filter(|_| more).and_then(|last| cursor(&last.run));
    let under_way = known.under_way.iter().map(|(id, (target, began))| UnderWay {
        run: id.clone(),
        repository: target.repository.clone(),
        branch: target.branch.clone(),
        began: moment(*began),
    });
    Runs { version: VERSION, total: known.runs.len(), next, under_way: under_way.collect(), runs: page }
}

fn run_shown(run: &Run) -> RunShown {
    let commits = run.commits.iter();
    let pulls = run.pull_requests.iter();
    RunShown {
        run: run.id.clone(),
        repository: run.target.repository.clone(),
        branch: run.target.branch.clone(),
        began: moment(run.began),
        ended: moment(run.ended),
        milliseconds: run.milliseconds,
        result: run.result.word(),
        references: run.references,
        held: run.held,
        changes_written: run.written,
        commits: commits
            .map(|one| CommitShown { commit: one.id.clone(), subject: one.subject.clone(), files: one.files })
            .collect(),
        pull_requests: pulls
            .map(|one| PullShown { title: one.title.clone(), url: one.url.clone(), outcome: one.outcome })
            .collect(),
        error: run.error.clone(),
    }
}

/// `GET /api/v1/registries`.
#[derive(Debug, Serialize)]
pub(super) struct Registries {
    version: u32,
    registries: Vec<HostShown>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct HostShown {
    host: String,
    /// Images that references name.
    images: usize,
    requests: Option<u64>,
    /// Images whose tags cannot be listed.
    failing: usize,
    since: Option<String>,
    error: Option<Arc<str>>,
    /// Some of them.
    failing_images: Vec<FailingShown>,
    notices: Vec<Arc<str>>,
}

/// Every registry that a reference names or that was asked; those that fail first.
pub(super) fn registries(known: &Known) -> Registries {
    let mut hosts: BTreeMap<&str, HostShown> = BTreeMap::new();
    let rows = known.branches.values().flat_map(|branch| &branch.rows);
    let images: BTreeSet<&Repository> = rows.filter_map(|row| row.image.as_ref()).collect();
    for image in images {
        hosts.entry(image.host()).or_default().images += 1;
    }
    for (host, requests) in &known.hosts.requests {
        hosts.entry(host).or_default().requests = Some(*requests);
    }
    for (host, notice) in &known.hosts.notices {
        hosts.entry(host).or_default().notices.push(notice.clone());
    }
    let mut since: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for (image, failing) in &known.hosts.failing {
        let host = hosts.entry(image.host()).or_default();
        host.failing += 1;
        let (first, last) = since.entry(image.host()).or_insert((failing.since, i64::MIN));
        *first = failing.since.min(*first);
        if failing.last > *last {
            *last = failing.last;
            host.error = Some(failing.error.clone());
        }
        if host.failing_images.len() < EXAMPLES {
            host.failing_images.push(failing_shown(image, failing));
        }
    }
    let mut registries: Vec<HostShown> = hosts
        .into_iter()
        .map(|(host, shown)| {
            let since = since.get(host).map(|(first, _)| moment(*first));
            HostShown { host: host.to_owned(), since, ..shown }
        })
        .collect();
    registries.sort_by_key(|host| std::cmp::Reverse(host.failing));
    Registries { version: VERSION, registries }
}
