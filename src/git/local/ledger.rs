//! The ledger of a repository on this machine.

use super::{Local, moved, refuse_if_checked_out, refuse_if_hooks_decide};
use crate::git::branches::id_of;
use crate::git::claim::Claim;
use crate::git::{bare, ledger, pack};
use crate::port::{CommitId, LedgerEntry, LedgerFiles, LedgerRef, PublishError, RepoError};
use gix::refs::Target;
use gix::refs::transaction::{Change, LogChange, PreviousValue};

impl LedgerRef for Local {
    fn name(&self) -> &str {
        self.ledger.as_deref().unwrap_or_default()
    }

    fn read(&self) -> Result<LedgerFiles, RepoError> {
        self.ledger_of(&bare::open(&self.path, &self.name)?)
    }

    fn write(&self, entry: &LedgerEntry) -> Result<CommitId, PublishError> {
        let name = LedgerRef::name(self).to_owned();
        let repo = bare::open(&self.path, &self.name)?;
        let expected = entry.expected.as_ref().map(id_of).transpose()?;
        if let Some(branch) = name.strip_prefix("refs/heads/") {
            refuse_if_checked_out(&repo, branch)?;
        }
        refuse_if_hooks_decide(&repo, &self.name)?;
        let found = ledger::local_tip(&repo, &name)?;
        if found != expected {
            return Err(moved(found));
        }
        let chain = ledger::compose(&repo, entry, self.signer.as_deref())?;
        pack::store(&repo, &chain.objects)?;
        let mut claim = Claim::take(repo.common_dir())?;
        claim.prepare(&[&format!("{name}.lock"), "packed-refs.lock"], &format!("{}\n", chain.tip))?;
        let change = Change::Update {
            log: LogChange { message: "commit: landwaiter".into(), ..Default::default() },
            expected: expected
                .map_or(PreviousValue::MustNotExist, |old| PreviousValue::MustExistAndMatch(Target::Object(old))),
            new: Target::Object(chain.tip),
        };
        self.edit_ref(&repo, &name, expected, change, &entry.committer, entry.time)?;
        Ok(CommitId(chain.tip.to_string()))
    }
}

impl Local {
    pub(super) fn ledger_of(&self, repo: &gix::Repository) -> Result<LedgerFiles, RepoError> {
        match &self.ledger {
            Some(name) => ledger::read(repo, name, ledger::local_tip(repo, name)?),
            None => Ok(LedgerFiles::default()),
        }
    }
}
