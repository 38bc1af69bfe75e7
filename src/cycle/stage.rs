//! Third step of a run: the bytes. Every change is spliced and proven on the file it was planned from; what cannot be proven
//! becomes a hold.

use super::scan::Scanned;
use super::{Event, Planned, Run, RunError, blocking};
use crate::edit::{self, Edit};
use crate::plan::{Entry, Plan, State};
use crate::policy::Reason;
use crate::port::{NewFile, RepoError, Snapshot};
use std::collections::BTreeMap;
use std::sync::Arc;

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
    let mut files = Vec::with_capacity(by_file.len());
    for (path, members) in by_file {
        let Some(old) = snapshot.read_one(&path)? else {
            hold(plan, &members, "the file disappeared while it was being planned");
            continue;
        };
        // One place that cannot be edited must not hold back its neighbours.
        let (good, bad): (Vec<_>, Vec<_>) = match edited(plan, &members, &old) {
            Ok(new) => {
                files.push(NewFile { path, old, new });
                continue;
            }
            Err(_) => members.iter().partition(|at| edited(plan, &[**at], &old).is_ok()),
        };
        for at in bad {
            if let Err(problem) = edited(plan, &[at], &old) {
                hold(plan, &[at], &problem.to_string());
            }
        }
        match edited(plan, &good, &old) {
            Ok(new) if !good.is_empty() => files.push(NewFile { path, old, new }),
            Ok(_) => {}
            Err(problem) => hold(plan, &good, &problem.to_string()),
        }
    }
    Ok(files)
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
