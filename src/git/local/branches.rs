//! The branches of pull requests in a repository on this machine.

use super::{Local, locks_of, moved, parent_of, refuse_if_checked_out, refuse_if_hooks_decide};
use crate::git::branches::{self, id_of};
use crate::git::claim::Claim;
use crate::git::fault::{chain, lasting, passing};
use crate::git::{bare, commit, pack};
use crate::port::{Author, BranchProposal, Branches, CommitId, Publication, PublishError, Published, RepoError};
use gix::ObjectId;
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog};
use gix::refs::{Target, TargetRef};
use std::collections::BTreeMap;

impl Branches for Local {
    fn heads(&self, prefix: &str) -> Result<BTreeMap<String, CommitId>, RepoError> {
        let repo = bare::open(&self.path, &self.name)?;
        let broken =
            |error: gix::Error| passing(format!("the branches of {} cannot be read: {}", self.name, chain(&error)));
        let below = bare::full_name(prefix) + "/";
        let mut heads = BTreeMap::new();
        for found in repo.references().map_err(broken)?.prefixed(below.as_str()).map_err(broken)? {
            let found = found.map_err(|error| passing(format!("a branch of {} cannot be read: {error}", self.name)))?;
            if let TargetRef::Object(id) = found.target() {
                heads.insert(found.name().shorten().to_string(), CommitId(id.to_string()));
            }
        }
        Ok(heads)
    }

    fn proposal(&self, _: &str, tip: &CommitId) -> Result<BranchProposal, RepoError> {
        branches::proposal(&bare::open(&self.path, &self.name)?, id_of(tip)?)
    }

    fn read(&self, commit: &CommitId, path: &str) -> Result<Option<Vec<u8>>, RepoError> {
        branches::read(&bare::open(&self.path, &self.name)?, commit, path)
    }

    fn push(
        &self,
        branch: &str,
        expected: Option<&CommitId>,
        publication: &Publication,
    ) -> Result<Published, PublishError> {
        bare::check_branch_name(branch)?;
        let repo = bare::open(&self.path, &self.name)?;
        let expected = expected.map(id_of).transpose()?;
        refuse_if_checked_out(&repo, branch)?;
        refuse_if_hooks_decide(&repo, &self.name)?;
        self.must_be(&repo, branch, expected)?;
        if let Some(other) = self.in_the_way(&repo, branch)? {
            return Err(bare::in_the_way(other, branch).into());
        }
        refuse_by_force(&repo, expected, parent_of(publication)?)?;
        let chain = commit::compose(&repo, parent_of(publication)?, publication, self.signer.as_deref())?;
        pack::store(&repo, &chain.objects)?;
        let mut claim = Claim::take(repo.common_dir())?;
        let locks = locks_of(branch);
        claim.prepare(&[&locks[0], &locks[1]], &format!("{}\n", chain.tip))?;
        let change = Change::Update {
            log: LogChange { message: "commit: landwaiter".into(), ..Default::default() },
            expected: expected
                .map_or(PreviousValue::MustNotExist, |old| PreviousValue::MustExistAndMatch(Target::Object(old))),
            new: Target::Object(chain.tip),
        };
        self.edit_ref(&repo, &bare::full_name(branch), expected, change, &publication.committer, publication.time)?;
        Ok(Published { commits: chain.names(), messages: Vec::new(), ledger: None })
    }

    fn delete(&self, branch: &str, expected: &CommitId) -> Result<(), PublishError> {
        let repo = bare::open(&self.path, &self.name)?;
        let old = id_of(expected)?;
        refuse_if_checked_out(&repo, branch)?;
        refuse_if_hooks_decide(&repo, &self.name)?;
        self.must_be(&repo, branch, Some(old))?;
        if is_set(&repo, "receive.denyDeletes") {
            return Err(refused("deletion prohibited"));
        }
        let mut claim = Claim::take(repo.common_dir())?;
        let locks = locks_of(branch);
        // The lock of a branch that goes is empty; the note must not be, or nobody looks for what we leave when we are killed.
        claim.prepare(&[&locks[0], &locks[1]], "nothing\n")?;
        let change = Change::Delete {
            expected: PreviousValue::MustExistAndMatch(Target::Object(old)),
            log: RefLog::AndReference,
        };
        let nobody = Author { name: "landwaiter".to_owned(), email: String::new() };
        self.edit_ref(&repo, &bare::full_name(branch), Some(old), change, &nobody, 0)
    }
}

fn is_set(repo: &gix::Repository, key: &str) -> bool {
    repo.config_snapshot().boolean(key).unwrap_or(false)
}

fn refused(reason: &str) -> PublishError {
    PublishError::Refused { reason: reason.to_owned(), messages: Vec::new() }
}

/// What `git push` would have been refused is not done here: to take commits off a branch where the repository forbids that.
/// `parent` is what the new commits stand on.
fn refuse_by_force(repo: &gix::Repository, old: Option<ObjectId>, parent: ObjectId) -> Result<(), PublishError> {
    let Some(old) = old.filter(|_| is_set(repo, "receive.denyNonFastForwards")) else {
        return Ok(());
    };
    match repo.merge_base(old, parent) {
        Ok(Some(common)) if common == old => Ok(()),
        _ => Err(refused("non-fast-forward")),
    }
}

impl Local {
    fn in_the_way<'b>(&self, repo: &gix::Repository, branch: &'b str) -> Result<Option<&'b str>, RepoError> {
        for other in bare::above(branch) {
            if self.at(repo, other)?.is_some() {
                return Ok(Some(other));
            }
        }
        Ok(None)
    }

    fn must_be(&self, repo: &gix::Repository, branch: &str, expected: Option<ObjectId>) -> Result<(), PublishError> {
        let found = self.at(repo, &bare::full_name(branch))?;
        if found == expected { Ok(()) } else { Err(moved(found)) }
    }

    fn at(&self, repo: &gix::Repository, full: &str) -> Result<Option<ObjectId>, RepoError> {
        let found = repo.try_find_reference(full);
        let found =
            found.map_err(|error| passing(format!("{full} of {} cannot be read: {}", self.name, chain(&error))))?;
        match found.as_ref().map(|found| found.target()) {
            None => Ok(None),
            Some(TargetRef::Object(id)) => Ok(Some(id.to_owned())),
            Some(TargetRef::Symbolic(_)) => Err(lasting(format!("{full} of {} stands for another ref", self.name))),
        }
    }

    /// Changes one ref, by its full name, if it still is where it was.
    pub(super) fn edit_ref(
        &self,
        repo: &gix::Repository,
        full: &str,
        expected: Option<ObjectId>,
        change: Change,
        committer: &Author,
        time: i64,
    ) -> Result<(), PublishError> {
        let name = full.try_into().map_err(|_| lasting(format!("`{full}` is no name of a ref")))?;
        let time = format!("{time} +0000");
        let committer = gix::actor::SignatureRef {
            name: committer.name.as_str().into(),
            email: committer.email.as_str().into(),
            time: &time,
        };
        match repo.edit_references_as([RefEdit { change, name, deref: false }], Some(committer)) {
            Ok(_) => Ok(()),
            Err(error) => match self.at(repo, full) {
                Ok(found) if found != expected => Err(moved(found)),
                _ => Err(passing(format!("{full} cannot be changed: {}", chain(&error))).into()),
            },
        }
    }
}
