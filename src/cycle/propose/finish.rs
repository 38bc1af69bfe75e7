//! What is arranged round a pull request once it stands: labels, people, merging by the forge; and what is said to those who
//! have taken one over.

use super::super::{Planned, Run};
use super::{Place, Proposal, Trouble};
use crate::plan::{Entry, REBUILD_LABEL, Record, State};
use crate::policy::{Bump, MergeKind, Policy, step};
use crate::port::{CommitId, Forge, MergeMethod, People, PullRequest, PullState};
use std::collections::BTreeSet;

/// What the policies of a group want of its pull request.
#[derive(Debug, Clone, Default)]
pub(super) struct Wishes {
    labels: BTreeSet<String>,
    people: People,
    pub(super) draft: bool,
    /// The largest step among the changes, when the forge may merge it.
    pub(super) auto_merge: Option<Bump>,
    merge: MergeKind,
}

impl Wishes {
    pub(super) fn is_nothing(&self) -> bool {
        self.labels.is_empty() && self.people == People::default() && self.auto_merge.is_none()
    }

    /// People may have taken labels off and themselves away, which is respected.
    pub(super) fn only_merging(self) -> Wishes {
        Wishes { labels: BTreeSet::new(), people: People::default(), ..self }
    }
}

impl Run<'_> {
    pub(super) fn wishes(&self, planned: &Planned, proposal: &Proposal<'_>) -> Wishes {
        let mut wishes = Wishes::default();
        let mut largest = Some(Bump::Patch);
        let mut ways = BTreeSet::new();
        for entry in proposal.members.iter().filter_map(|at| planned.shown().entries.get(*at)) {
            let Entry { found, policy: Some(name), state: State::Change(change), .. } = entry else { continue };
            let Some(policy) = planned.policies.iter().find(|policy| policy.name == *name) else { continue };
            let from = found.reference.tag.as_deref().unwrap_or_default();
            let to = change.to.tag.as_ref().map_or(from, |tag| tag.as_str());
            largest = largest.zip(allowed(policy, from, to)).map(|(one, other)| one.max(other));
            let options = &policy.write.pull_request;
            wishes.labels.extend(options.labels.iter().cloned());
            let add = |names: &[String], to: &mut Vec<String>| {
                let new = names.iter().filter(|name| !to.contains(name)).cloned().collect::<Vec<_>>();
                to.extend(new);
            };
            add(&options.reviewers, &mut wishes.people.reviewers);
            add(&options.assignees, &mut wishes.people.assignees);
            wishes.draft |= options.draft;
            ways.insert(options.merge);
        }
        // Policies that do not agree get the usual one.
        wishes.merge = if ways.len() == 1 { ways.pop_first().unwrap_or_default() } else { MergeKind::default() };
        wishes.auto_merge = largest;
        wishes
    }

    /// Arranges what is wished, then marks the record as ready. What the forge will not do is told and not repeated: the pull
    /// request stands.
    #[expect(clippy::too_many_arguments, reason = "all of them are one pull request")]
    pub(super) async fn finish(
        &self,
        wishes: &Wishes,
        pull: &PullRequest,
        tip: &CommitId,
        title: &str,
        body: &str,
        mut record: Record,
        place: &Place,
    ) -> Result<Option<String>, Trouble> {
        let (forge, can) = (&*place.forge, place.forge.abilities());
        let mut told = Vec::new();
        let mut tell = |what: &str, outcome: Result<(), crate::port::ForgeError>| match outcome {
            Err(error) if error.retryable() => Err(Trouble::from(error)),
            Err(error) => {
                told.push(format!("{what}: {error}"));
                Ok(())
            }
            Ok(()) => Ok(()),
        };
        let labels: Vec<String> = wishes.labels.iter().cloned().collect();
        if !labels.is_empty() && can.labels {
            tell("labels", forge.label(pull.number, &labels, &[]).await)?;
        }
        let mut people = wishes.people.clone();
        if !can.assignees {
            people.assignees.clear();
        }
        if people != People::default() {
            tell("reviewers and assignees", forge.involve(pull.number, &people).await)?;
        }
        if wishes.auto_merge.is_some() && can.auto_merge && !self.was_reverted(&record, pull, place).await? {
            let method = match wishes.merge {
                MergeKind::Squash => MergeMethod::Squash,
                MergeKind::Merge => MergeMethod::Merge,
                MergeKind::Rebase => MergeMethod::Rebase,
            };
            let asked = forge.merge_when_ready(pull.number, tip, method).await;
            record.auto_merge = asked.is_ok();
            tell("auto-merge", asked)?;
        } else if record.auto_merge {
            tell("auto-merge", forge.keep_from_merging(pull.number).await)?;
            record.auto_merge = false;
        }
        record.ready = true;
        forge.edit(pull.number, title, &record.put_into(body)).await?;
        Ok(Some(told.join("; ")).filter(|told| !told.is_empty()))
    }

    /// Whether the forge is going to merge it because we asked. What it may not merge any more is taken back here, before anything
    /// is pushed: in between it could merge what it was never asked to. Where the record is lost, nobody knows who asked.
    pub(super) async fn arranged(
        &self,
        before: Option<&Record>,
        wishes: &Wishes,
        pull: &PullRequest,
        forge: &dyn Forge,
    ) -> Result<bool, Trouble> {
        let arranged = before.map_or(pull.auto_merge != Some(false), |before| before.auto_merge);
        if !forge.abilities().auto_merge || !arranged {
            return Ok(arranged && before.is_some());
        }
        if wishes.auto_merge.is_none() {
            forge.keep_from_merging(pull.number).await?;
        }
        Ok(wishes.auto_merge.is_some())
    }

    /// Whether one of the same images and versions was merged before: somebody has taken it back.
    async fn was_reverted(&self, record: &Record, pull: &PullRequest, place: &Place) -> Result<bool, Trouble> {
        let past = place.forge.past(&pull.branch, &place.base).await?;
        let merged = past.iter().filter(|one| one.state == PullState::Merged).filter_map(|one| Record::of(&one.body));
        Ok(merged.flat_map(|one| one.changes).any(|change| record.changes.contains(&change)))
    }

    /// Says once for each head that the branch is a person's now.
    pub(super) async fn say_taken_over(
        &self,
        pull: &PullRequest,
        tip: &CommitId,
        why: &str,
        forge: &dyn Forge,
    ) -> Result<(), Trouble> {
        let record = Record::of(&pull.body);
        if record.as_ref().is_some_and(|record| record.taken_over.as_ref() == Some(&tip.0)) {
            return Ok(());
        }
        let mut record = record.unwrap_or_else(|| Record::new("", BTreeSet::new()));
        let again = record.taken_over.is_some();
        record.taken_over = Some(tip.0.clone());
        forge.edit(pull.number, &pull.title, &record.put_into(&pull.body)).await?;
        if !again {
            let text = format!(
                "This is left alone from now on, because {why}. To have it rebuilt, tick the box in the description or add \
                 the label `{REBUILD_LABEL}`."
            );
            forge.comment(pull.number, &text).await?;
        }
        Ok(())
    }
}

/// The step of one change, if the policy lets the forge merge it.
fn allowed(policy: &Policy, from: &str, to: &str) -> Option<Bump> {
    let most = policy.write.pull_request.auto_merge?;
    // A digest that moves under its tag is a patch; what is no version could be anything.
    let step = if from == to { Bump::Patch } else { step(from, to).unwrap_or(Bump::Major) };
    (step <= most).then_some(step)
}
