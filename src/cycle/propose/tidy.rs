//! What is left over: pull requests whose groups have nothing to change any more, and branches without one.
//!
//! Closing needs positive knowledge: every member of the group was looked at and is as it should be, or the group is gone and
//! nothing at all went wrong in this run.

use super::super::{Planned, Run};
use super::{Outcome, Place, Pulled, Trouble};
use crate::plan::{Record, State, branch_of};
use crate::policy::{Held, Policy, Reason, WriteMode};
use crate::port::{CommitId, PullRequest, PullState};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Branches without a pull request that are looked into in one run.
const MAX_BRANCHES: usize = 20;

/// What is known of the groups whose references go into pull requests, by branch.
pub(super) struct Members {
    groups: HashMap<String, Group>,
    /// Files that could not be read, which may hold members of any group.
    unread: BTreeSet<Arc<str>>,
    /// Something was rejected or could not be learned.
    any_error: bool,
}

struct Group {
    name: Arc<str>,
    /// Something about one of its members could not be learned now.
    uncertain: bool,
}

impl Members {
    pub(super) fn of(planned: &Planned, prefix: &str, base: &str) -> Members {
        let by_name: HashMap<&str, &Policy> =
            planned.policies.iter().map(|policy| (policy.name.as_str(), policy)).collect();
        let mut groups: HashMap<String, Group> = HashMap::new();
        for (at, entry) in planned.plan.entries.iter().enumerate() {
            let policy = entry.policy.as_ref().and_then(|name| by_name.get(name.as_str()));
            let (Some(policy), Some(image)) = (policy, &entry.image) else { continue };
            if policy.write.mode != WriteMode::PullRequest {
                continue;
            }
            let name = match &entry.state {
                State::Change(change) => Some(change.group.clone()),
                _ => policy.write.group(policy.name.as_str(), image, &entry.found.file).ok().map(Arc::from),
            };
            let Some(name) = name else { continue };
            let branch = branch_of(prefix, base, &name);
            let group = groups.entry(branch).or_insert(Group { name, uncertain: false });
            group.uncertain |= matches!(&entry.state, State::Held(held) if is_uncertain(held)) && !planned.keeps(at);
        }
        Members {
            groups,
            unread: planned.plan.skipped.iter().map(|skipped| skipped.file.clone()).collect(),
            any_error: planned.plan.held_by_errors() || planned.warnings.has_errors(),
        }
    }

    /// Whether something about the group could not be learned.
    pub(super) fn uncertain(&self, branch: &str) -> bool {
        self.groups.get(branch).is_some_and(|group| group.uncertain)
    }

    /// Whether it is known that nothing is to be changed in the group of the branch, which has no change now.
    fn has_nothing_left(&self, branch: &str) -> bool {
        self.groups.get(branch).map_or(!self.any_error, |group| !group.uncertain)
    }
}

/// Holds that say nothing about whether the change is still wanted.
fn is_uncertain(held: &Held) -> bool {
    let says_when = matches!(held.reason, Reason::Window | Reason::Frozen | Reason::Pace | Reason::NotDue);
    held.reason.is_error() || says_when || matches!(held.reason, Reason::AmbiguousPolicy | Reason::AmbiguousImage)
}

impl Run<'_> {
    /// What became of the pull requests, and what could not be done beside them: it is there for the next run.
    pub(super) async fn tidy(
        &self,
        planned: &Planned,
        members: &Members,
        place: &Place,
    ) -> (Vec<Pulled>, Vec<Trouble>) {
        let prefix = &self.options.pull_requests.prefix;
        let wanted: BTreeSet<String> =
            planned.proposals.iter().map(|staged| branch_of(prefix, &place.base, &staged.group)).collect();
        let mut pulled = Vec::new();
        for pull in place.open.iter().filter(|pull| pull.base == place.base && !wanted.contains(&pull.branch)) {
            // Another prefix's or another base's: its name would be another one.
            let record = Record::of(&pull.body);
            let named = record.as_ref().map(|record| branch_of(prefix, &place.base, &record.group));
            if named.as_ref() != Some(&pull.branch) && !members.groups.contains_key(&pull.branch) {
                continue;
            }
            let group = members.groups.get(&pull.branch).map(|group| group.name.clone());
            let group = group.or_else(|| Some(record.as_ref()?.group.as_str().into())).unwrap_or_else(|| "".into());
            let mut done = Pulled {
                group,
                branch: pull.branch.clone(),
                number: Some(pull.number),
                url: Some(pull.url.clone()),
                title: pull.title.clone(),
                outcome: Outcome::Unchanged,
                detail: None,
            };
            match self.retire(pull, record, members, place, &mut done).await {
                Ok(outcome) => done.outcome = outcome,
                Err(Trouble(why)) => {
                    done.outcome = Outcome::Failed;
                    done.detail = Some(format!("it could not be closed: {why}"));
                }
            }
            pulled.push(done);
        }
        let open: BTreeSet<&str> = place.open.iter().map(|pull| pull.branch.as_str()).collect();
        let mut bare: Vec<_> = place.heads.iter().collect();
        bare.retain(|(name, _)| !open.contains(name.as_str()) && !wanted.contains(*name));
        // Some stay for ever, which must not keep the others from being looked into: each run begins elsewhere.
        let minutes = usize::try_from(self.clock.now() / 60).unwrap_or(0);
        let begin = minutes.checked_rem(bare.len()).unwrap_or(0);
        bare.rotate_left(begin);
        let mut troubles = Vec::new();
        for (name, tip) in bare.into_iter().take(MAX_BRANCHES) {
            if let Err(Trouble(why)) = self.remove_branch(name, tip, members, place).await {
                troubles.push(Trouble(format!("branch {name}, which nobody needs, could not be tidied up: {why}")));
            }
        }
        (pulled, troubles)
    }

    /// Closes one that nothing is left for.
    async fn retire(
        &self,
        pull: &PullRequest,
        record: Option<Record>,
        members: &Members,
        place: &Place,
        done: &mut Pulled,
    ) -> Result<Outcome, Trouble> {
        if !members.has_nothing_left(&pull.branch) {
            done.detail = Some("whether something is left to change could not be learned; it stays open".to_owned());
            return Ok(Outcome::Unchanged);
        }
        let tip = place.heads.get(&pull.branch);
        if let Some(tip) = tip {
            let found = self.look_at(&pull.branch, tip).await?;
            if let Some(who) = self.stranger(&found) {
                let why = format!("{who} has committed to it; nothing of ours is left to change");
                self.say_taken_over(pull, tip, &why, &*place.forge).await?;
                done.detail = Some(format!("{}: {why}", pull.url));
                return Ok(Outcome::TakenOver);
            }
            if let Some(file) = found.changes.keys().find(|path| members.unread.contains(path.as_str())) {
                done.detail = Some(format!("{file} could not be read; it stays open"));
                return Ok(Outcome::Unchanged);
            }
        }
        // Said before it is done, and once, so that a run that is killed in between is not taken for a person.
        let mut record = record.unwrap_or_else(|| Record::new(&done.group, BTreeSet::new()));
        if !record.closed {
            record.closed = true;
            place.forge.edit(pull.number, &pull.title, &record.put_into(&pull.body)).await?;
            place.forge.comment(pull.number, "Closed: nothing is left to change here.").await?;
        }
        place.forge.close(pull.number).await?;
        if let Some(tip) = tip {
            self.delete(&pull.branch, tip).await?;
        }
        Ok(Outcome::Closed)
    }

    /// Deletes a branch that a merged or closed pull request, or a killed run, has left.
    async fn remove_branch(&self, name: &str, tip: &CommitId, members: &Members, place: &Place) -> Result<(), Trouble> {
        let past = place.forge.past(name, &place.base).await?;
        let done_with = match past.first() {
            Some(last) if last.state == PullState::Merged => last.head == *tip,
            // A person who has closed it may want to open it again.
            Some(last) => Record::of(&last.body).is_some_and(|record| record.closed),
            None => members.groups.contains_key(name) && members.has_nothing_left(name),
        };
        if done_with && self.stranger(&self.look_at(name, tip).await?).is_none() {
            self.delete(name, tip).await?;
        }
        Ok(())
    }

    async fn delete(&self, branch: &str, tip: &CommitId) -> Result<(), Trouble> {
        let (branch, tip) = (branch.to_owned(), tip.clone());
        self.with_branches(move |branches| Ok(branches.delete(&branch, &tip)?)).await
    }
}
