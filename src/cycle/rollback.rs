//! Between the decisions and the bytes: what a person took back is not written again.
//!
//! The branch's own history is asked, and only where something would change: a run with nothing to write reads none of it. Where it
//! cannot be had, every change is held, because any of them could be one that somebody took back.

use super::ask::too_late;
use super::history::Histories;
use super::learn::learn_all;
use super::ledger::Book;
use super::{Event, Run, RunError, blocking};
use crate::image::Repository;
use crate::plan::{Entry, Key, Plan, State, Trailers, keys_of_changes, matters, rolled_back};
use crate::policy::{Facts, Held, Policy, PolicyName, Reason};
use crate::port::{CommitId, RepoError};
use std::collections::{HashMap, HashSet};
use tokio::time::Instant;

/// What answers the questions of this step.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    pub(super) policies: &'a [Policy],
    pub(super) histories: &'a Histories,
    /// Registries are asked until then.
    pub(super) until: Instant,
}

impl Run<'_> {
    /// Holds what people have put on hold, the changes that the operator does not let be written now, and those that somebody took back. The plan stands in its
    /// order.
    pub(super) async fn restrain(
        &self,
        plan: &mut Plan,
        head: Option<CommitId>,
        book: &Book,
        sources: Sources<'_>,
    ) -> Result<(), RunError> {
        self.heed_ledger(plan, book);
        if let Some(freeze) = &self.options.freeze {
            plan.freeze(freeze, self.clock.now());
        }
        let keys = keys_of_changes(&plan.entries);
        let limit = self.options.history;
        if keys.is_empty() || limit == 0 {
            return Ok(());
        }
        self.events.happened(&Event::PastAsked { changes: keys.len() });
        let (repo, asked) = (self.repo.clone(), keys.iter().map(|(_, key)| *key).collect::<HashSet<Key>>());
        let read = move || repo.past(head.as_ref(), limit, &|message| matters(message, &asked)).map(Trailers::read);
        match blocking(read).await? {
            Ok(trailers) => self.hold_rolled_back(plan, &keys, &trailers, sources).await,
            Err(error) => keys.iter().for_each(|(at, _)| plan.entries[*at].state = unknown(&error)),
        }
        Ok(())
    }

    async fn hold_rolled_back(
        &self,
        plan: &mut Plan,
        keys: &[(usize, Key)],
        trailers: &Trailers,
        sources: Sources<'_>,
    ) {
        let policies: HashMap<&PolicyName, &Policy> =
            sources.policies.iter().map(|policy| (&policy.name, policy)).collect();
        for (at, key) in keys {
            let entry = &plan.entries[*at];
            let owner = entry.policy.as_ref().and_then(|name| policies.get(name));
            let (Some(policy), Some(image)) = (owner, &entry.image) else { continue };
            if trailers.wrote(*key).is_empty() {
                continue;
            }
            let weighed = self.weigh(entry, *key, (policy, image), trailers, sources.histories);
            let held = match tokio::time::timeout_at(sources.until, weighed).await {
                Ok(held) => held,
                Err(_) => too_late(self.options.deadline).held,
            };
            if let Some(held) = held {
                plan.entries[*at].state = State::Held(held);
            }
        }
    }

    /// Why the entry's change is held, learning what that hangs on: of most policies nothing.
    async fn weigh(
        &self,
        entry: &Entry,
        key: Key,
        (policy, image): (&Policy, &Repository),
        trailers: &Trailers,
        histories: &Histories,
    ) -> Option<Held> {
        let mut facts = Facts { now: Some(self.clock.now()), ..Facts::default() };
        if policy.select.needs_times() {
            facts.recall = self.recall(&[policy], image, &self.store.works()).0;
        }
        loop {
            let needs = match rolled_back(entry, key, policy, trailers, &facts) {
                Ok(held) => return held,
                Err(needs) => needs,
            };
            let unknown: Vec<_> = needs.into_iter().filter(|need| !facts.answers(need)).collect();
            if unknown.is_empty() {
                let detail = "internal error: a fact is asked for that is already there; please report this";
                return Some(Held { reason: Reason::IncompleteInformation, detail: detail.to_owned() });
            }
            learn_all(self, histories, image, unknown, &mut facts).await;
        }
    }
}

fn unknown(error: &RepoError) -> State {
    let hint = error.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    let detail = format!("whether somebody took this back could not be learned: {error}{hint}");
    State::held(Reason::IncompleteInformation, detail)
}
