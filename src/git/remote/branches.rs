//! The branches of pull requests in a repository on a server.

use super::{Remote, State, unanswered};
use crate::git::branches::{self, id_of};
use crate::git::cache::Generation;
use crate::git::commit::Chain;
use crate::git::fault::{lasting, passing};
use crate::git::local::{moved, parent_of};
use crate::git::push::{self, RefUpdate};
use crate::git::report::Outcome;
use crate::git::upload::Upload;
use crate::git::{bare, commit, pack};
use crate::port::{BranchProposal, Branches, CommitId, Publication, PublishError, Published, RepoError, Snapshot as _};
use gix::ObjectId;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Branches for Remote {
    fn heads(&self, prefix: &str) -> Result<BTreeMap<String, CommitId>, RepoError> {
        let mut upload = Upload::begin(&self.server)?;
        let heads = upload.heads(prefix)?;
        upload.end();
        Ok(heads.into_iter().map(|(name, id)| (name, CommitId(id.to_string()))).collect())
    }

    fn proposal(&self, branch: &str, tip: &CommitId) -> Result<BranchProposal, RepoError> {
        let tip = id_of(tip)?;
        let current = self.current(&mut self.state())?;
        // What was pushed from here is there; what is not, or not whole, is fetched.
        let repo = current.open()?;
        if repo.has_object(tip)
            && let Ok(proposal) = branches::proposal(&repo, tip)
        {
            return Ok(proposal);
        }
        let mut upload = Upload::begin(&self.server)?;
        let (_, found) = upload.tip(Some(branch), &self.name)?;
        if found != tip {
            upload.end();
            return Err(passing(format!("branch {branch} moved while it was being looked at")));
        }
        upload.fetch_proposal(&current, tip)?;
        branches::proposal(&current.open()?, tip)
    }

    fn read(&self, commit: &CommitId, path: &str) -> Result<Option<Vec<u8>>, RepoError> {
        let current = self.current(&mut self.state())?;
        branches::read(&current.open()?, commit, path)
    }

    fn push(
        &self,
        branch: &str,
        expected: Option<&CommitId>,
        publication: &Publication,
    ) -> Result<Published, PublishError> {
        bare::check_branch_name(branch)?;
        let current = self.current(&mut self.state())?;
        let repo = current.open()?;
        let chain = commit::compose(&repo, parent_of(publication)?, publication, self.signer.as_deref())?;
        let bytes = pack::pack_of(&chain.objects, repo.object_hash())?;
        let old = expected.map(id_of).transpose()?;
        self.change(&bare::full_name(branch), old, Some(&chain), &bytes, repo.object_hash())?;
        if pack::index_pack(&repo, &mut &*bytes, false).is_err() {
            current.spoil();
        }
        Ok(Published { commits: chain.names(), messages: Vec::new(), ledger: None })
    }

    fn delete(&self, branch: &str, expected: &CommitId) -> Result<(), PublishError> {
        let old = id_of(expected)?;
        self.change(&bare::full_name(branch), Some(old), None, &[], old.kind())
    }
}

impl Remote {
    /// The generation that the last snapshot was taken from, or a new one.
    pub(super) fn current(&self, state: &mut State) -> Result<Arc<Generation>, RepoError> {
        if let Some(current) = &state.current {
            return Ok(Arc::clone(current));
        }
        let head = self.take_snapshot(state)?.head().cloned();
        let none = || passing(format!("{} has no snapshot to work from ({head:?})", self.name));
        state.current.clone().ok_or_else(none)
    }

    /// One ref, by its full name, from `old` to the end of the chain, or away.
    pub(super) fn change(
        &self,
        full: &str,
        old: Option<ObjectId>,
        new: Option<&Chain>,
        pack: &[u8],
        hash: gix::hash::Kind,
    ) -> Result<(), PublishError> {
        let update = RefUpdate { name: full.to_owned(), old, new: new.map(|chain| chain.tip) };
        let outcome = match push::push(&self.server, std::slice::from_ref(&update), pack, hash) {
            Ok(outcome) => outcome,
            Err(broken) if !broken.sent => return Err(broken.error.into()),
            // Only the branch can tell.
            Err(broken) => match self.at(full) {
                Ok(found) if found == update.new => return Ok(()),
                _ => {
                    let none = PublishError::Unanswered { commits: Vec::new(), error: broken.error.clone() };
                    return Err(new.map_or(none, |chain| unanswered(chain, broken.error)));
                }
            },
        };
        match outcome {
            Outcome::Updated { .. } => Ok(()),
            Outcome::Moved { found } => Err(moved(found)),
            Outcome::LostRace { reason } => match self.at(full)? {
                found if found != old => Err(moved(found)),
                // Nobody was quicker: the server lets no commits be taken off a branch.
                _ if reason.to_lowercase().contains("non-fast-forward") => {
                    Err(PublishError::Refused { reason, messages: Vec::new() })
                }
                None if let Some((other, branch)) = self.in_the_way(full)? => {
                    Err(bare::in_the_way(other, branch).into())
                }
                _ => Err(passing(format!("{} could not change {full}: {reason}", self.name)).into()),
            },
            Outcome::NotTogether => Err(lasting("internal error: one ref is not several").into()),
            Outcome::Refused { reason, messages } => Err(PublishError::Refused { reason, messages }),
        }
    }

    /// The branch that is called like a folder of this one, and this one's short name.
    fn in_the_way<'b>(&self, full: &'b str) -> Result<Option<(&'b str, &'b str)>, RepoError> {
        let Some(branch) = full.strip_prefix("refs/heads/") else { return Ok(None) };
        for other in bare::above(branch) {
            if self.at(&bare::full_name(other))?.is_some() {
                return Ok(Some((other, branch)));
            }
        }
        Ok(None)
    }

    pub(super) fn at(&self, full: &str) -> Result<Option<ObjectId>, RepoError> {
        let mut upload = Upload::begin(&self.server)?;
        let found = upload.at(full)?;
        upload.end();
        Ok(found)
    }
}
