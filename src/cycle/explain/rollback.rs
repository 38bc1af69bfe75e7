//! Whether what would be written was taken back, or is on hold: `explain` asks what a run asks, for the references that it explains.

use super::super::ledger::Book;
use super::super::rollback::Sources;
use super::super::scan::Scanned;
use super::{Histories, Run, RunError};
use crate::image::Repository;
use crate::plan::{Allowed, Claim, Claims, Entry, Found, Plan, State};
use crate::policy::{Held, PolicyName};
use std::collections::HashSet;
use tokio::time::Instant;

/// What can hold something back.
pub(super) struct Back<'a> {
    pub(super) book: &'a Book,
    pub(super) histories: &'a Histories,
}

impl Run<'_> {
    /// Which of the changes are held back, by their numbers in `targets`.
    pub(super) async fn held_back(
        &self,
        scanned: &Scanned,
        claims: &Claims<'_>,
        allowed: Allowed<'_>,
        targets: &[(Found, Claim)],
        changes: Vec<(usize, State)>,
        Back { book, histories }: Back<'_>,
    ) -> Result<Vec<(usize, Held)>, RunError> {
        let on_hold = book.ledger.active(self.clock.now()).next().is_some();
        if !on_hold && !changes.iter().any(|(_, state)| matches!(state, State::Change(_))) {
            return Ok(Vec::new());
        }
        // What stands beside a reference in its file is part of its key.
        let files: HashSet<&str> = changes.iter().map(|(at, _)| &*targets[*at].0.file).collect();
        let beside = scanned.found.iter().filter(|found| files.contains(&*found.file));
        let entries = beside.map(|found| {
            let claim = claims.owner(&found.file, &found.reference, allowed);
            let claim = self.beside_rejected(&scanned.broken, found, claim);
            let (image, policy) = owner(scanned, found, &claim);
            let change = changes.iter().find(|(at, _)| is_same(&targets[*at].0, found));
            let state = change.map_or(State::Unmanaged, |(_, state)| state.clone());
            Entry { found: found.clone(), image, policy, state }
        });
        let mut plan = Plan { entries: entries.collect(), ..Plan::default() };
        plan.sort();
        let until = Instant::now() + self.options.deadline;
        let sources = Sources { policies: &scanned.policies, histories, until };
        self.restrain(&mut plan, scanned.snapshot.head().cloned(), book, sources).await?;
        let held = plan.held().flat_map(|(entry, held)| {
            let targets = changes.iter().filter(|(at, _)| is_same(&targets[*at].0, &entry.found));
            targets.map(|(at, _)| (*at, held.clone()))
        });
        Ok(held.collect())
    }
}

/// As a plan's entry has them.
pub(in crate::cycle) fn owner(
    scanned: &Scanned,
    found: &Found,
    claim: &Claim,
) -> (Option<Repository>, Option<PolicyName>) {
    let name = |at: usize| scanned.policies[at].name.clone();
    match claim {
        Claim::Managed { policy, repository } => (Some(repository.clone()), Some(name(*policy))),
        Claim::Held { policy, .. } => (found.reference.repository.clone(), policy.map(name)),
        Claim::Unmanaged => (found.reference.repository.clone(), None),
    }
}

fn is_same(one: &Found, other: &Found) -> bool {
    let place = |found: &Found| (found.reference.line, found.reference.slots.first().map(|slot| slot.span));
    one.file == other.file && one.reference.path == other.reference.path && place(one) == place(other)
}
