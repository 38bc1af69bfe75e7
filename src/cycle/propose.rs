//! After the commits: pull requests. One stable branch and one pull request for each group, made to say what this run wants.
//!
//! | what is found | what is done |
//! |---|---|
//! | nothing yet | branch pushed, pull request opened, unless as many are open as may be |
//! | branch and pull request say the same | nothing |
//! | a newer tag, or the base has changed the same files | branch rebuilt on the base's head, title and body edited |
//! | a person's commit, or another base | left alone and said so once, until it is handed back |
//! | nothing is left to change | closed and the branch deleted (`tidy`) |
//! | a look-up failed | what was proposed stays (`super::keep`), or all of it is left as it is |
//!
//! Every step can be the last one of a killed run: the next run finds what is there and goes on. The forge is told nothing that
//! was not pushed before, and nothing is pushed over what this run has not seen. `branch` looks and pushes, `finish` arranges labels, people
//! and merging, `facts` asks what images say of themselves.

mod branch;
mod facts;
mod finish;
mod outcome;
mod tidy;

pub(super) use outcome::Trouble;
pub use outcome::{Outcome, Pulled};

use super::{Event, Planned, Run, Staged, blocking};
use crate::plan::{self, REBUILD_LABEL, Record, State, groups, proposed, rebuild_is_checked};
use crate::policy::{Reason, WriteMode};
use crate::port::{BranchProposal, CommitId, Forge, NewPullRequest, PullRequest};
use crate::text::Diagnostic;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tidy::Members;

/// What all pull requests of a run share.
struct Place {
    forge: Arc<dyn Forge>,
    base: String,
    head: CommitId,
    open: Vec<PullRequest>,
    heads: BTreeMap<String, CommitId>,
    /// How many were opened by this run.
    opened: usize,
}

/// One group on its way.
struct Proposal<'a> {
    staged: &'a Staged,
    branch: String,
    members: Vec<usize>,
    /// What its record says when all is done.
    record: Record,
}

/// What stands at the head of a group's branch.
enum Standing {
    Nothing,
    Ours(CommitId, BranchProposal),
    /// By whom, as people call him.
    Anothers(CommitId, String),
}

impl Run<'_> {
    /// Makes the forge say what was planned. What could not be done becomes a hold of the plan, so that the report and the exit
    /// status know of it.
    pub(super) async fn propose(&self, planned: &mut Planned) -> Vec<Pulled> {
        let wanted = planned.policies.iter().any(|policy| policy.write.mode == WriteMode::PullRequest);
        let (Some(base), Some(head), Some(forge)) = (&planned.branch, &planned.head, &self.forge) else {
            return Vec::new();
        };
        if !wanted || self.repo.branches().is_none() {
            return Vec::new();
        }
        self.events.happened(&Event::ProposingStarted { proposals: planned.proposals.len() });
        let mut place = match self.place(forge, base, head).await {
            Ok(place) => place,
            Err(Trouble(why)) => {
                let detail = format!("the open pull requests could not be had: {why}");
                for staged in std::mem::take(&mut planned.proposals) {
                    hold(planned, &staged.group, Reason::IncompleteInformation, &detail);
                }
                planned.warnings.diagnostics.push(Diagnostic::warning(forge.name(), None, detail));
                return Vec::new();
            }
        };
        let mut pulled = Vec::new();
        let members = Members::of(planned, &self.options.pull_requests.prefix, base);
        // Once for all: holding a group leaves the others where they are.
        let groups = groups(planned.shown()).into_iter().filter(|group| group.pull_request);
        let indexes: HashMap<Arc<str>, Vec<usize>> = groups.map(|group| (group.name, group.members)).collect();
        for staged in std::mem::take(&mut planned.proposals) {
            let changes = indexes.get(&staged.group).cloned().unwrap_or_default();
            let done = self.propose_one(planned, &staged, changes, &members, &mut place).await;
            match done.outcome {
                Outcome::Failed => {
                    let detail = done.detail.clone().unwrap_or_default();
                    hold(planned, &staged.group, Reason::IncompleteInformation, &detail);
                }
                Outcome::TakenOver => {
                    let detail = done.detail.clone().unwrap_or_default();
                    hold(planned, &staged.group, Reason::TakenOver, &detail);
                }
                Outcome::Limited => {
                    let detail = done.detail.clone().unwrap_or_default();
                    hold(planned, &staged.group, Reason::PullRequestLimit, &detail);
                }
                Outcome::Opened | Outcome::Updated | Outcome::Unchanged | Outcome::Closed => {}
            }
            pulled.push(done);
            planned.proposals.push(staged);
        }
        let (tidied, troubles) = self.tidy(planned, &members, &place).await;
        pulled.extend(tidied);
        let warning = |trouble: Trouble| Diagnostic::warning(place.forge.name(), None, trouble.0);
        planned.warnings.diagnostics.extend(troubles.into_iter().map(warning));
        pulled
    }

    async fn place(&self, forge: &Arc<dyn Forge>, base: &str, head: &CommitId) -> Result<Place, Trouble> {
        let prefix = self.options.pull_requests.prefix.clone();
        let open = forge.open(&prefix).await?;
        let heads = self.with_branches(move |branches| Ok(branches.heads(&prefix)?)).await?;
        let forge = Arc::clone(forge);
        Ok(Place { forge, base: base.to_owned(), head: head.clone(), open, heads, opened: 0 })
    }

    /// Blocking work with the repository's branches.
    pub(super) async fn with_branches<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn crate::port::Branches) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Trouble> {
        let repo = Arc::clone(&self.repo);
        blocking(move || match repo.branches() {
            Some(branches) => work(branches),
            None => Err(Trouble("this repository has no branches of its own".to_owned())),
        })
        .await?
    }

    async fn propose_one(
        &self,
        planned: &Planned,
        staged: &Staged,
        changes: Vec<usize>,
        members: &Members,
        place: &mut Place,
    ) -> Pulled {
        let branch = plan::branch_of(&self.options.pull_requests.prefix, &place.base, &staged.group);
        let record = Record::new(&staged.group, proposed(planned.shown(), &changes));
        let proposal = Proposal { staged, branch, members: changes, record };
        let title = title(&staged.message, place.forge.abilities().title);
        let pull = place.open.iter().find(|pull| pull.branch == proposal.branch).cloned();
        let mut done = Pulled {
            group: staged.group.clone(),
            branch: proposal.branch.clone(),
            number: pull.as_ref().map(|pull| pull.number),
            url: pull.as_ref().map(|pull| pull.url.clone()),
            title: title.clone(),
            outcome: Outcome::Unchanged,
            detail: None,
        };
        // A pull request shows the whole group or what it showed before, never a part.
        if pull.is_some() && members.uncertain(&proposal.branch) {
            done.detail = Some("too little is known of this group now; it stays as it is".to_owned());
            return done;
        }
        let outcome = match pull {
            Some(pull) => self.renew(planned, &proposal, &title, &pull, place, &mut done).await,
            None => self.begin(planned, &proposal, &title, place, &mut done).await,
        };
        match outcome {
            Ok(outcome) => done.outcome = outcome,
            Err(Trouble(why)) => {
                done.outcome = Outcome::Failed;
                done.detail = Some(format!("the {} could not be made: {why}", place.forge.abilities().noun));
            }
        }
        done
    }

    /// There is no pull request: a branch may be left of a run that was killed.
    async fn begin(
        &self,
        planned: &Planned,
        proposal: &Proposal<'_>,
        title: &str,
        place: &mut Place,
        done: &mut Pulled,
    ) -> Result<Outcome, Trouble> {
        if let Some(why) = self.over_limit(place) {
            done.detail = Some(why);
            return Ok(Outcome::Limited);
        }
        let standing = self.standing(proposal, place).await?;
        if let Standing::Anothers(_, who) = &standing {
            done.detail = Some(format!(
                "branch {} holds a commit of {who} and no open pull request; delete it or merge it",
                proposal.branch
            ));
            return Ok(Outcome::TakenOver);
        }
        let (tip, _) = self.push(proposal, standing, place).await?;
        let facts = self.facts(planned, &proposal.members).await;
        let wishes = self.wishes(planned, proposal);
        let mut record = proposal.record.clone();
        record.ready = wishes.is_nothing();
        let body = self.body(planned, proposal, &facts, &record, wishes.auto_merge, &*place.forge)?;
        let new = NewPullRequest {
            branch: proposal.branch.clone(),
            base: place.base.clone(),
            title: title.to_owned(),
            body,
            draft: wishes.draft,
        };
        let pull = place.forge.create(&new).await?;
        place.opened += 1;
        (done.number, done.url) = (Some(pull.number), Some(pull.url.clone()));
        if !record.ready {
            done.detail = self.finish(&wishes, &pull, &tip, title, &new.body, record, place).await?;
        }
        Ok(Outcome::Opened)
    }

    /// There is one: it may say something else than this run wants, or belong to a person by now.
    async fn renew(
        &self,
        planned: &Planned,
        proposal: &Proposal<'_>,
        title: &str,
        pull: &PullRequest,
        place: &Place,
        done: &mut Pulled,
    ) -> Result<Outcome, Trouble> {
        let handed_back = rebuild_is_checked(&pull.body) || pull.labels.iter().any(|label| label == REBUILD_LABEL);
        let standing = self.standing(proposal, place).await?;
        let taken = match &standing {
            _ if pull.base != place.base => Some((pull.head.clone(), format!("it is for {} now", pull.base))),
            Standing::Anothers(tip, who) if !handed_back => Some((tip.clone(), format!("{who} has committed to it"))),
            _ => None,
        };
        if let Some((tip, why)) = taken {
            self.say_taken_over(pull, &tip, &why, &*place.forge).await?;
            done.detail = Some(format!("{}: {why}; it is left alone", pull.url));
            return Ok(Outcome::TakenOver);
        }
        let before = Record::of(&pull.body);
        let wishes = self.wishes(planned, proposal);
        let arranged = self.arranged(before.as_ref(), &wishes, pull, &*place.forge).await?;
        let (tip, pushed) = self.push(proposal, standing, place).await?;
        let same = before.as_ref().is_some_and(|before| {
            before.changes == proposal.record.changes
                && before.group == proposal.record.group
                && before.ready
                && before.auto_merge == arranged
                && !before.closed
        });
        // What people write into title and body stays until there is something new to say.
        if same && !pushed && !handed_back {
            return Ok(Outcome::Unchanged);
        }
        let facts = self.facts(planned, &proposal.members).await;
        let mut record = proposal.record.clone();
        record.auto_merge = arranged;
        let was_ready = before.as_ref().is_none_or(|before| before.ready);
        let merging = wishes.auto_merge.is_some() || record.auto_merge;
        record.ready = was_ready && !merging;
        let body = self.body(planned, proposal, &facts, &record, wishes.auto_merge, &*place.forge)?;
        place.forge.edit(pull.number, title, &body).await?;
        if handed_back && place.forge.abilities().labels {
            place.forge.label(pull.number, &[], &[REBUILD_LABEL.to_owned()]).await?;
        }
        if !record.ready {
            let wishes = if was_ready { wishes.only_merging() } else { wishes };
            done.detail = self.finish(&wishes, pull, &tip, title, &body, record, place).await?;
        }
        Ok(Outcome::Updated)
    }

    /// Why no further one may be opened.
    fn over_limit(&self, place: &Place) -> Option<String> {
        let limits = &self.options.pull_requests;
        let open = place.open.len() + place.opened;
        if open >= limits.max_open {
            return Some(format!(
                "as many pull requests are open as `pullRequests.maxOpen` allows ({})",
                limits.max_open
            ));
        }
        let hour_ago = self.clock.now() - 3_600;
        let lately = place.open.iter().filter(|pull| pull.created > hour_ago).count() + place.opened;
        let most = limits.max_per_hour.filter(|most| lately >= *most)?;
        Some(format!("as many were opened within the hour as `pullRequests.maxPerHour` allows ({most})"))
    }
}

/// Holds the changes of a group that goes into a pull request.
fn hold(planned: &mut Planned, group: &str, reason: Reason, detail: &str) {
    for entry in &mut planned.plan.entries {
        if let State::Change(change) = &entry.state
            && change.pull_request
            && *change.group == *group
        {
            entry.state = State::held(reason, detail);
        }
    }
}

/// The first line of the commit's message, as far as the forge takes it.
fn title(message: &str, limit: usize) -> String {
    let line = message.lines().next().unwrap_or_default();
    match line.char_indices().map(|(at, _)| at).take_while(|at| *at + 3 <= limit).last() {
        Some(end) if line.len() > limit => format!("{}…", &line[..end]),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_as_long_as_the_forge_takes_it() {
        assert_eq!(title("Update web to 1.4.2\n\nbody", 255), "Update web to 1.4.2");
        for limit in [10, 255] {
            let long = "é".repeat(300);
            let cut = title(&long, limit);
            assert!(cut.len() <= limit && cut.len() + 4 > limit && cut.ends_with('…'), "{limit}: {}", cut.len());
        }
        assert_eq!(title(&"x".repeat(255), 255).len(), 255);
    }
}
