//! A repository on this machine: read at the head of a branch, written by compare-and-swap on the ref.
//!
//! Objects are complete and on the disk before the ref moves, and the ref moves under Git's own lock, so that other
//! writers (`git push`, `git commit`) and we respect each other. As `git push` does, a branch that somebody has checked
//! out is not moved under his feet.

mod branches;
mod ledger;

use super::Options;
use super::claim::Claim;
use super::commit::Chain;
use super::fault::{Hint, chain, lasting, passing};
use super::sign::Signer;
use super::snapshot::TreeSnapshot;
use super::{bare, commit, listing, pack, past};
use crate::plan::Past;
use crate::port::{
    Branches, CommitId, ConfigRepo, Keep, LedgerRef, Publication, PublishError, Published, RepoError, Snapshot,
};
use gix::ObjectId;
use gix::bstr::ByteSlice as _;
use gix::refs::Target;
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A bare repository, or the `.git` of a checkout.
#[derive(Debug)]
pub struct Local {
    path: PathBuf,
    name: String,
    /// As asked for, or as `HEAD` said at the last snapshot.
    branch: Mutex<Option<String>>,
    signer: Option<Arc<Signer>>,
    /// The full name of the ledger's ref.
    ledger: Option<String>,
    /// See [`super::listing`].
    listing: Option<PathBuf>,
}

impl Local {
    /// Looks whether a repository is there; the branch is looked up at each snapshot.
    pub fn open(path: &Path, name: &str, branch: Option<&str>, options: &Options) -> Result<Local, RepoError> {
        bare::open(path, name)?;
        let branch = Mutex::new(branch.map(str::to_owned));
        // The same name means another repository in another folder.
        let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let listing = listing::place(options.cache_dir.as_deref(), &whole.to_string_lossy());
        let (signer, ledger) = (options.signer.clone(), options.ledger.clone());
        Ok(Local { path: path.to_owned(), name: name.to_owned(), branch, signer, ledger, listing })
    }

    fn branch(&self, repo: &gix::Repository) -> Result<String, RepoError> {
        let mut branch = self.branch.lock().unwrap_or_else(PoisonError::into_inner);
        match &*branch {
            Some(branch) => Ok(branch.clone()),
            None => Ok(branch.insert(bare::default_branch(repo, &self.name)?).clone()),
        }
    }
}

impl ConfigRepo for Local {
    fn name(&self) -> &str {
        &self.name
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot>, RepoError> {
        let repo = bare::open(&self.path, &self.name)?;
        let branch = self.branch(&repo)?;
        if let Some(name) = &self.ledger {
            super::ledger::must_not_be(name, &branch)?;
        }
        let head = bare::head_of(&repo, &branch, &self.name)?;
        let ledger = self.ledger_of(&repo);
        let listing = self.listing.as_deref();
        Ok(Box::new(TreeSnapshot::of(repo, &self.name, &branch, head, None, listing)?.beside(ledger)))
    }

    fn past(&self, head: Option<&CommitId>, limit: usize, keep: &Keep<'_>) -> Result<Past, RepoError> {
        let repo = bare::open(&self.path, &self.name)?;
        past::read(&repo, past::object_id(head)?, &self.name, limit, keep)
    }

    fn publish(&self, publication: &Publication) -> Result<Published, PublishError> {
        let repo = bare::open(&self.path, &self.name)?;
        let branch = self.branch(&repo)?;
        let parent = parent_of(publication)?;
        refuse_if_checked_out(&repo, &branch)?;
        refuse_if_hooks_decide(&repo, &self.name)?;
        let head = bare::head_of(&repo, &branch, &self.name)?;
        if head != parent {
            return Err(moved(Some(head)));
        }
        let chain = commit::compose(&repo, parent, publication, self.signer.as_deref())?;
        pack::store(&repo, &chain.objects)?;
        let mut claim = Claim::take(repo.common_dir())?;
        let locks = locks_of(&branch);
        claim.prepare(&[&locks[0], &locks[1]], &format!("{}\n", chain.tip))?;
        move_ref(&repo, &branch, parent, &chain, publication)?;
        drop(claim);
        // Two refs cannot change at once on a disk: what a kill leaves out here the next run writes.
        let ledger = publication.ledger.as_ref().filter(|_| self.ledger.is_some()).map(|entry| self.write(entry));
        Ok(Published { commits: chain.names(), messages: Vec::new(), ledger })
    }

    fn branches(&self) -> Option<&dyn Branches> {
        Some(self)
    }

    fn ledger(&self) -> Option<&dyn LedgerRef> {
        self.ledger.as_ref().map(|_| self as &dyn LedgerRef)
    }
}

/// The commit that a publication to a branch builds on.
pub(super) fn parent_of(publication: &Publication) -> Result<ObjectId, RepoError> {
    let parent = publication.parent.as_ref().ok_or_else(|| lasting("a publication to a branch names no parent"))?;
    ObjectId::from_hex(parent.0.as_bytes()).map_err(|_| lasting(format!("`{parent}` is no commit id")))
}

pub(super) fn moved(found: Option<ObjectId>) -> PublishError {
    PublishError::Moved { found: found.map(|id| CommitId(id.to_string())) }
}

/// `git push` refuses to move a checked-out branch unless `receive.denyCurrentBranch` says otherwise; so do we.
fn refuse_if_checked_out(repo: &gix::Repository, branch: &str) -> Result<(), PublishError> {
    let allowed = repo
        .config_snapshot()
        .string("receive.denyCurrentBranch")
        .is_some_and(|value| ["false", "ignore", "warn"].iter().any(|word| value == *word));
    if allowed {
        return Ok(());
    }
    let full = bare::full_name(branch);
    let all = repo
        .worktrees_including_main()
        .map_err(|error| lasting(format!("the worktrees cannot be listed: {}", chain(&error))))?;
    for tree in all.flatten() {
        let Some(directory) = tree.workdir().filter(|directory| directory.exists()) else {
            continue;
        };
        let head = tree.head_name().ok().flatten();
        if head.is_some_and(|head| head.as_bstr() == full.as_str()) {
            return Err(lasting(format!("branch {branch} is checked out in {}", directory.display()))
                .hint("check out another branch there, or name a bare repository")
                .into());
        }
    }
    Ok(())
}

/// The hooks by which a repository refuses a push.
const DECIDING_HOOKS: [&str; 2] = ["pre-receive", "update"];

/// No hook runs here, and a rule that cannot be asked must not be passed by: what `git push` would have refused would be
/// written. Through a server, which runs the hooks, the same repository can be pushed to.
fn refuse_if_hooks_decide(repo: &gix::Repository, name: &str) -> Result<(), RepoError> {
    let configured = repo.config_snapshot().string("core.hooksPath").and_then(|path| {
        let path = gix::path::from_bstr(path.as_bstr()).ok()?;
        Some(repo.common_dir().join(path))
    });
    let directory = configured.unwrap_or_else(|| repo.common_dir().join("hooks"));
    let deciding = DECIDING_HOOKS.into_iter().find(|hook| is_executable(&directory.join(hook)));
    match deciding {
        None => Ok(()),
        Some(hook) => Err(lasting(format!("{name} has a {hook} hook, which decides about pushes and is not run here"))
            .hint("name the repository by the URL of its server, which runs the hook, or take the hook away")),
    }
}

/// Git passes by hooks that may not be executed.
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// The files, from the repository's directory, that exist while somebody moves the branch.
fn locks_of(branch: &str) -> [String; 2] {
    [format!("{}.lock", bare::full_name(branch)), "packed-refs.lock".to_owned()]
}

fn move_ref(
    repo: &gix::Repository,
    branch: &str,
    old: ObjectId,
    new: &Chain,
    publication: &Publication,
) -> Result<(), PublishError> {
    let full = bare::full_name(branch);
    let name = full.as_str().try_into().map_err(|_| lasting(format!("`{branch}` is no name of a branch")))?;
    let edit = RefEdit {
        change: Change::Update {
            log: LogChange { message: "commit: landwaiter".into(), ..Default::default() },
            expected: PreviousValue::MustExistAndMatch(Target::Object(old)),
            new: Target::Object(new.tip),
        },
        name,
        deref: false,
    };
    let time = format!("{} +0000", publication.time);
    let committer = gix::actor::SignatureRef {
        name: publication.committer.name.as_str().into(),
        email: publication.committer.email.as_str().into(),
        time: &time,
    };
    match repo.edit_references_as([edit], Some(committer)) {
        Ok(_) => on_disk(&repo.common_dir().join(&full), new),
        Err(error) => Err(not_moved(repo, branch, old, &error)),
    }
}

/// The ref has moved; whether a power cut would undo it is what is left to see to.
fn on_disk(ref_file: &Path, new: &Chain) -> Result<(), PublishError> {
    match pack::sync(ref_file) {
        Err(error) if ref_file.exists() => Err(PublishError::Unanswered { commits: new.names(), error }),
        // Without its file, the ref was packed meanwhile, and Git has seen to it.
        _ => Ok(()),
    }
}

/// Somebody was quicker, or the lock was held too long, or the disk refused.
fn not_moved(repo: &gix::Repository, branch: &str, old: ObjectId, error: &gix::Error) -> PublishError {
    match bare::head_of(repo, branch, branch) {
        Ok(found) if found != old => return moved(Some(found)),
        Err(_) => return moved(None),
        Ok(_) => {}
    }
    for lock in locks_of(branch) {
        let path = repo.common_dir().join(lock);
        if path.exists() {
            return passing(format!("{} is locked by another process", path.display()))
                .hint("if no git process works on the repository, one was killed: remove that file")
                .into();
        }
    }
    lasting(format!("branch {branch} cannot be moved: {}", chain(error))).into()
}
