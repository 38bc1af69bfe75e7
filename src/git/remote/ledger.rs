//! The ledger of a repository on a server, alone and together with the branch.
//!
//! | the server | what is pushed |
//! |---|---|
//! | changes several refs at once (`atomic`) | branch and ledger, both or neither |
//! | does not | the branch, and after it the ledger |
//! | refuses both together, or one of them moved | the branch alone, whose answer counts; the ledger is told of apart |
//!
//! Nothing that becomes of the ledger keeps the branch from its commit.

use super::{Remote, State, keep};
use crate::git::branches::id_of;
use crate::git::cache::Generation;
use crate::git::commit::Chain;
use crate::git::fault::passing;
use crate::git::push::{self, RefUpdate};
use crate::git::report::Outcome;
use crate::git::upload::Upload;
use crate::git::{bare, ledger, pack};
use crate::port::{CommitId, LedgerEntry, LedgerFiles, LedgerRef, PublishError, Published, RepoError};
use gix::ObjectId;
use std::sync::Arc;

impl LedgerRef for Remote {
    fn name(&self) -> &str {
        self.ledger.as_deref().unwrap_or_default()
    }

    fn read(&self) -> Result<LedgerFiles, RepoError> {
        let current = self.current(&mut self.state())?;
        let tip = self.at(LedgerRef::name(self))?;
        self.ledger_in(&current, tip)
    }

    fn write(&self, entry: &LedgerEntry) -> Result<CommitId, PublishError> {
        let mut state = self.state();
        let (current, chain) = self.next(&mut state, entry)?;
        let repo = current.open()?;
        let bytes = pack::pack_of(&chain.objects, repo.object_hash())?;
        let old = entry.expected.as_ref().map(id_of).transpose()?;
        self.change(LedgerRef::name(self), old, Some(&chain), &bytes, repo.object_hash())?;
        if pack::index_pack(&repo, &mut &*bytes, false).is_err() {
            current.spoil();
        }
        Ok(CommitId(chain.tip.to_string()))
    }
}

impl Remote {
    /// What the ledger's commit holds, fetched where it is not here yet.
    pub(super) fn ledger_in(&self, current: &Generation, tip: Option<ObjectId>) -> Result<LedgerFiles, RepoError> {
        let Some(name) = &self.ledger else { return Ok(LedgerFiles::default()) };
        if let Some(tip) = tip
            && !current.open()?.has_object(tip)
        {
            Upload::begin(&self.server)?.fetch_apart(current, tip, 1)?;
        }
        ledger::read(&current.open()?, name, tip)
    }

    /// The entry as a commit, in a generation that has the one before it.
    fn next(&self, state: &mut State, entry: &LedgerEntry) -> Result<(Arc<Generation>, Chain), RepoError> {
        let current = self.current(state)?;
        if let Some(expected) = &entry.expected {
            let id = id_of(expected)?;
            if !current.open()?.has_object(id) {
                Upload::begin(&self.server)?.fetch_apart(&current, id, 1)?;
            }
        }
        let chain = ledger::compose(&current.open()?, entry, self.signer.as_deref())?;
        Ok((current, chain))
    }

    /// The branch with the ledger beside it.
    pub(super) fn publish_both(
        &self,
        (current, repo): (&Generation, &gix::Repository),
        branch: &str,
        parent: ObjectId,
        chain: &Chain,
        entry: &LedgerEntry,
    ) -> Result<Published, PublishError> {
        let alone = || self.publish_alone((current, repo), branch, parent, chain);
        // Made here and not by `next`: the state is held by whoever publishes.
        let beside = match ledger::compose(repo, entry, self.signer.as_deref()) {
            Ok(beside) => beside,
            Err(error) => return Ok(Published { ledger: Some(Err(error.into())), ..alone()? }),
        };
        let old = entry.expected.as_ref().map(id_of).transpose()?;
        let mut objects = chain.objects.clone();
        objects.extend(beside.objects.iter().map(|(id, object)| (*id, object.clone())));
        let bytes = pack::pack_of(&objects, repo.object_hash())?;
        let updates = [
            RefUpdate { name: bare::full_name(branch), old: Some(parent), new: Some(chain.tip) },
            RefUpdate { name: LedgerRef::name(self).to_owned(), old, new: Some(beside.tip) },
        ];
        let outcome = push::push(&self.server, &updates, &bytes, repo.object_hash())
            .or_else(|broken| self.settle(broken, &updates[0], branch, chain))?;
        match outcome {
            Outcome::Updated { messages } => {
                keep(current, pack::index_pack(repo, &mut &*bytes, false), chain.tip);
                let ledger = Some(Ok(CommitId(beside.tip.to_string())));
                Ok(Published { commits: chain.names(), messages, ledger })
            }
            Outcome::NotTogether => {
                let published = alone()?;
                let own = pack::pack_of(&beside.objects, repo.object_hash())?;
                let name = LedgerRef::name(self);
                let written = self.change(name, old, Some(&beside), &own, repo.object_hash());
                let ledger = written.map(|()| CommitId(beside.tip.to_string()));
                Ok(Published { ledger: Some(ledger), ..published })
            }
            Outcome::Refused { reason, messages } => {
                let ledger = Some(Err(PublishError::Refused { reason, messages }));
                Ok(Published { ledger, ..alone()? })
            }
            Outcome::Moved { .. } => {
                Ok(Published { ledger: Some(Err(PublishError::Moved { found: None })), ..alone()? })
            }
            Outcome::LostRace { reason } => {
                let ledger = Some(Err(passing(reason).into()));
                Ok(Published { ledger, ..alone()? })
            }
        }
    }
}
