//! Third step of a run: the bytes. Every change is spliced and proven on the file it was planned from; what cannot be proven
//! becomes a hold.

use super::scan::Scanned;
use super::{Event, Planned, Run, RunError, blocking, workers};
use crate::edit::{self, Edit};
use crate::plan::{Entry, Plan, State};
use crate::policy::Reason;
use crate::port::{NewFile, RepoError, Snapshot};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;

impl Run<'_> {
    pub(super) async fn stage(&self, scanned: Scanned, entries: Vec<Entry>) -> Result<Planned, RunError> {
        let Scanned { snapshot, policies, warnings, skipped, notes, .. } = scanned;
        let mut plan = Plan { entries, skipped, notes };
        plan.sort();
        let branch = snapshot.branch().map(str::to_owned);
        let head = snapshot.head().cloned();
        let (plan, files) = blocking(move || {
            let files = prove(&*snapshot, &mut plan);
            files.map(|files| (plan, files))
        })
        .await??;
        self.events.happened(&Event::Planned { changes: plan.changes().count(), held: plan.held().count() });
        Ok(Planned { repository: self.repo.name().to_owned(), branch, head, plan, policies, warnings, files })
    }
}

/// New contents for each file with changes. Files whose edit fails lose their changes; the plan says why.
fn prove(snapshot: &dyn Snapshot, plan: &mut Plan) -> Result<Vec<NewFile>, RepoError> {
    let mut by_file: BTreeMap<Arc<str>, Vec<usize>> = BTreeMap::new();
    for (at, entry) in plan.entries.iter().enumerate() {
        if matches!(entry.state, State::Change(_)) {
            by_file.entry(entry.found.file.clone()).or_default().push(at);
        }
    }
    let mut jobs = Vec::with_capacity(by_file.len());
    for (path, members) in by_file {
        match snapshot.read_one(&path)? {
            Some(old) => jobs.push(Job { path, members, old }),
            None => hold(plan, &members, "the file disappeared while it was being planned"),
        }
    }
    let results = prove_all(plan, &jobs);
    let mut files = Vec::with_capacity(jobs.len());
    for (job, result) in jobs.into_iter().zip(results) {
        for (at, problem) in result.refused {
            hold(plan, &[at], &problem.to_string());
        }
        files.extend(result.new.map(|new| NewFile { path: job.path, old: job.old, new }));
    }
    Ok(files)
}

/// One file and the entries of the plan that change it.
struct Job {
    path: Arc<str>,
    members: Vec<usize>,
    old: Vec<u8>,
}

/// What became of it: new bytes unless every change was refused.
#[derive(Default)]
struct Proven {
    new: Option<Vec<u8>>,
    refused: Vec<(usize, edit::EditError)>,
}

/// Editing is pure, so each processor takes its share; the results come back in the order of the jobs.
fn prove_all(plan: &Plan, jobs: &[Job]) -> Vec<Proven> {
    let share = jobs.len().div_ceil(workers()).max(1);
    thread::scope(|scope| {
        let work = |jobs: &[Job]| jobs.iter().map(|job| prove_one(plan, job)).collect::<Vec<_>>();
        let threads: Vec<_> = jobs.chunks(share).map(|jobs| scope.spawn(move || work(jobs))).collect();
        let joined = threads.into_iter().map(|thread| match thread.join() {
            Ok(proven) => proven,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.flatten().collect()
    })
}

/// One place that cannot be edited must not hold back its neighbours: when all together fail, each is tried alone, and those
/// that pass are tried together again.
fn prove_one(plan: &Plan, job: &Job) -> Proven {
    if let Ok(new) = edited(plan, &job.members, &job.old) {
        return Proven { new: Some(new), refused: Vec::new() };
    }
    let mut proven = Proven::default();
    let mut good = Vec::new();
    for &at in &job.members {
        match edited(plan, &[at], &job.old) {
            Ok(_) => good.push(at),
            Err(problem) => proven.refused.push((at, problem)),
        }
    }
    if !good.is_empty() {
        match edited(plan, &good, &job.old) {
            Ok(new) => proven.new = Some(new),
            Err(problem) => proven.refused.extend(good.into_iter().map(|at| (at, problem.clone()))),
        }
    }
    proven
}

fn edited(plan: &Plan, members: &[usize], old: &[u8]) -> Result<Vec<u8>, edit::EditError> {
    let edits: Vec<Edit<'_>> = members
        .iter()
        .filter_map(|&at| match &plan.entries[at] {
            Entry { found, state: State::Change(change), .. } => {
                Some(Edit { reference: &found.reference, to: change.to.clone() })
            }
            _ => None,
        })
        .collect();
    Ok(edit::apply(old, &edits)?.bytes)
}

fn hold(plan: &mut Plan, members: &[usize], detail: &str) {
    for &at in members {
        plan.entries[at].state = State::held(Reason::NotEditable, detail);
    }
}
