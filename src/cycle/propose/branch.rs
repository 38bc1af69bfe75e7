//! The branch of a group: who made its head, the one commit that it is to hold, and the text that goes with it.

use super::super::{Planned, Run};
use super::{Place, Proposal, Standing, Trouble, facts};
use crate::plan::{self, Body, Record};
use crate::policy::Bump;
use crate::port::{BranchProposal, Branches, CommitId, Forge, NewCommit, ProposedCommit, Publication};
use std::collections::BTreeSet;

impl Run<'_> {
    pub(super) async fn standing(&self, proposal: &Proposal<'_>, place: &Place) -> Result<Standing, Trouble> {
        let Some(tip) = place.heads.get(&proposal.branch).cloned() else { return Ok(Standing::Nothing) };
        let found = self.look_at(&proposal.branch, &tip).await?;
        Ok(match self.stranger(&found) {
            None => Standing::Ours(tip, found),
            Some(who) => Standing::Anothers(tip, who),
        })
    }

    pub(super) async fn look_at(&self, branch: &str, tip: &CommitId) -> Result<BranchProposal, Trouble> {
        let (branch, tip) = (branch.to_owned(), tip.clone());
        self.with_branches(move |branches| Ok(branches.proposal(&branch, &tip)?)).await
    }

    /// Who has made the commit at the end of the merges, if it was not this bot.
    pub(in crate::cycle) fn stranger(&self, found: &BranchProposal) -> Option<String> {
        let ours = |commit: &ProposedCommit| {
            commit.parents.len() == 1
                && commit.author.email == self.options.author.email
                && commit.committer.email == self.options.committer.email
        };
        let last = found.commits.last()?;
        if ours(last) {
            return None;
        }
        let theirs = if last.committer.email == self.options.committer.email { &last.author } else { &last.committer };
        Some(if theirs.name.trim().is_empty() { "somebody".to_owned() } else { theirs.name.clone() })
    }

    /// The head of the branch when it holds what is wanted, and whether it had to be pushed for that.
    pub(super) async fn push(
        &self,
        proposal: &Proposal<'_>,
        standing: Standing,
        place: &Place,
    ) -> Result<(CommitId, bool), Trouble> {
        let files = proposal.staged.files.clone();
        let expected = match standing {
            Standing::Nothing => None,
            Standing::Ours(tip, found) => {
                let (bot, changes) = (found.commits.last().map(|commit| commit.id.clone()), found.changes);
                let wanted: BTreeSet<&str> = files.iter().map(|file| &*file.path).collect();
                let same_paths = changes.keys().map(String::as_str).eq(wanted.iter().copied());
                if let Some(bot) = bot.filter(|_| same_paths) {
                    let files = files.clone();
                    let same = self.with_branches(move |branches| {
                        for file in &files {
                            if branches.read(&bot, &file.path)?.as_deref() != Some(&*file.new) {
                                return Ok(false);
                            }
                        }
                        Ok(true)
                    });
                    if same.await? {
                        return Ok((tip, false));
                    }
                }
                Some(tip)
            }
            Standing::Anothers(tip, _) => Some(tip),
        };
        let publication = Publication {
            ledger: None,
            parent: Some(place.head.clone()),
            commits: vec![NewCommit { files, message: proposal.staged.message.clone() }],
            author: self.options.author.clone(),
            committer: self.options.committer.clone(),
            time: self.clock.now(),
        };
        let branch = proposal.branch.clone();
        let push = move |branches: &dyn Branches| Ok(branches.push(&branch, expected.as_ref(), &publication)?.commits);
        let commits = self.with_branches(push).await?;
        let tip = commits.last().cloned().ok_or_else(|| Trouble("nothing was pushed".to_owned()))?;
        Ok((tip, true))
    }

    pub(super) fn body(
        &self,
        planned: &Planned,
        proposal: &Proposal<'_>,
        facts: &facts::Facts,
        record: &Record,
        auto_merge: Option<Bump>,
        forge: &dyn Forge,
    ) -> Result<String, Trouble> {
        let can = forge.abilities();
        let trailers: Vec<&str> =
            proposal.staged.message.lines().filter(|line| line.starts_with("Landwaiter-")).collect();
        let body = Body {
            plan: planned.shown(),
            members: &proposal.members,
            facts,
            trailers: &trailers.join("\n"),
            record,
            noun: can.noun,
            auto_merge,
            html: can.hidden_text,
            limit: can.body,
        };
        plan::body(&body).ok_or_else(|| {
            Trouble(format!("what it must say is longer than {} bytes; smaller groups (`write.group`) help", can.body))
        })
    }
}
