//! A repository on a server: HTTP or SSH, through a bare cache.
//!
//! A snapshot asks for the one branch and fetches only when its commit is not in the cache. A publication is made in
//! memory and pushed as one pack by compare-and-swap. When the connection breaks after the pack was sent, the branch is
//! looked at again: only that tells what happened.

mod branches;
mod ledger;

use super::cache::{Cache, Generation};
use super::commit::Chain;
use super::fault::{lasting, passing};
use super::history::{Branch, Limits};
use super::local::{moved, parent_of};
use super::pack::Indexed;
use super::push::{self, RefUpdate, Unanswered};
use super::report::Outcome;
use super::sign::Signer;
use super::snapshot::TreeSnapshot;
use super::transport::Server;
use super::upload::Upload;
use super::{Location, Options, bare, commit, listing, pack, past};
use crate::plan::Past;
use crate::port::{
    Branches, CommitId, ConfigRepo, Keep, LedgerRef, Publication, PublishError, Published, RepoError, Snapshot,
};
use gix::ObjectId;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// A repository on a server.
#[derive(Debug)]
pub struct Remote {
    name: String,
    server: Server,
    /// Where caches are kept.
    directory: Option<PathBuf>,
    signer: Option<Arc<Signer>>,
    /// The full name of the ledger's ref.
    ledger: Option<String>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// As asked for, or as the server's `HEAD` said at the last snapshot.
    branch: Option<String>,
    cache: Cache,
    current: Option<Arc<Generation>>,
}

impl Remote {
    /// Takes the cache; the server is not contacted.
    ///
    /// # Errors
    /// No usable key or certificates, or a cache directory that cannot be used.
    pub fn open(location: &Location, branch: Option<&str>, options: &Options) -> Result<Remote, RepoError> {
        let name = location.to_string();
        let server = Server::of(location, options)?;
        let cache = Cache::take(options.cache_dir.as_deref(), &name)?;
        let current = cache.current().map(Arc::new);
        let state = Mutex::new(State { branch: branch.map(str::to_owned), cache, current });
        let (directory, signer, ledger) = (options.cache_dir.clone(), options.signer.clone(), options.ledger.clone());
        Ok(Remote { name, server, directory, signer, ledger, state })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// See [`super::listing`].
    fn listing(&self) -> Option<PathBuf> {
        listing::place(self.directory.as_deref(), &self.name)
    }

    /// The branch head, in a generation that has all its files listed.
    fn take_snapshot(&self, state: &mut State) -> Result<TreeSnapshot, RepoError> {
        let mut upload = Upload::begin(&self.server)?;
        let hash = upload.object_hash()?;
        let (branch, tip, ledger) = upload.tips(state.branch.as_deref(), self.ledger.as_deref(), &self.name)?;
        state.branch = Some(branch.clone());
        if let Some(name) = &self.ledger {
            super::ledger::must_not_be(name, &branch)?;
        }
        if let Some(current) = state.current.clone() {
            // Any failure in a cache that may be odd is answered by a new cache, whose failure counts.
            if let Ok(snapshot) = self.fill(&current, upload, &branch, tip, hash) {
                return Ok(snapshot.beside(self.ledger_in(&current, ledger)));
            }
            upload = Upload::begin(&self.server)?;
        }
        let current = begin_anew(&state.cache, upload, tip, hash)?;
        if let Some(old) = state.current.replace(Arc::clone(&current)) {
            old.replace();
        }
        let ledger = self.ledger_in(&current, ledger);
        let repo = current.open()?;
        let listing = self.listing();
        Ok(TreeSnapshot::of(repo, &self.name, &branch, tip, Some(current), listing.as_deref())?.beside(ledger))
    }

    fn fill(
        &self,
        current: &Arc<Generation>,
        upload: Upload<'_>,
        branch: &str,
        tip: ObjectId,
        hash: gix::hash::Kind,
    ) -> Result<TreeSnapshot, RepoError> {
        let mut repo = current.open()?;
        if repo.object_hash() != hash || current.worn() {
            return Err(passing("the cache is to be replaced"));
        }
        if repo.has_object(tip) {
            upload.end();
        } else {
            upload.fetch(current, tip)?;
            repo = current.open()?;
        }
        TreeSnapshot::of(repo, &self.name, branch, tip, Some(Arc::clone(current)), self.listing().as_deref())
    }

    /// A generation that has the commit; `Moved` when it has to be fetched and is no longer the head.
    fn holding(&self, state: &mut State, parent: ObjectId) -> Result<(Arc<Generation>, String), PublishError> {
        if let (Some(current), Some(branch)) = (&state.current, &state.branch)
            && current.open()?.has_object(parent)
        {
            return Ok((Arc::clone(current), branch.clone()));
        }
        let head = self.take_snapshot(state)?.head().cloned();
        let wanted = CommitId(parent.to_string());
        match (&state.current, &state.branch) {
            (Some(current), Some(branch)) if head.as_ref() == Some(&wanted) => {
                Ok((Arc::clone(current), branch.clone()))
            }
            _ => Err(PublishError::Moved { found: head }),
        }
    }

    /// Where the branch is now.
    fn look(&self, branch: &str) -> Result<ObjectId, RepoError> {
        let mut upload = Upload::begin(&self.server)?;
        let (_, tip) = upload.tip(Some(branch), &self.name)?;
        upload.end();
        Ok(tip)
    }

    /// The server could not change the branch: somebody else was quicker, or else it had a reason of its own.
    fn lost(&self, branch: &str, parent: ObjectId, reason: &str) -> PublishError {
        match self.look(branch) {
            Ok(found) if found != parent => moved(Some(found)),
            Ok(_) => passing(format!("{} could not change the branch: {reason}", self.name)).into(),
            Err(error) => error.into(),
        }
    }

    /// After the pack was sent without an answer: the branch says whether it arrived.
    fn settle(
        &self,
        broken: Unanswered,
        update: &RefUpdate,
        branch: &str,
        sent: &Chain,
    ) -> Result<Outcome, PublishError> {
        if !broken.sent {
            return Err(broken.error.into());
        }
        match self.look(branch) {
            Ok(found) if Some(found) == update.new => Ok(Outcome::Updated { messages: Vec::new() }),
            // The server may still be at work on it; only a later look at the files can tell.
            Ok(found) if Some(found) == update.old => Err(unanswered(sent, broken.error)),
            // Somebody was quicker, or has already built on ours.
            Ok(found) => Err(unanswered(sent, passing(format!("{}; the branch is at {found}", broken.error)))),
            Err(error) => {
                let message = format!("{}; whether the push arrived is not known: {error}", broken.error);
                Err(unanswered(sent, RepoError { message, hint: broken.error.hint, retryable: true }))
            }
        }
    }
}

impl Remote {
    /// Pushes, and puts what is pushed into the cache while the server is at work on it, so that the next snapshot need not fetch it.
    fn push_and_keep(
        &self,
        updates: &[RefUpdate],
        bytes: &[u8],
        repo: &gix::Repository,
    ) -> (Result<Outcome, Unanswered>, Result<Indexed, RepoError>) {
        let own = repo.clone();
        thread::scope(|scope| {
            let keeping = scope.spawn(move || pack::index_pack(&own, &mut &*bytes, false));
            let pushed = push::push(&self.server, updates, bytes, repo.object_hash());
            (pushed, keeping.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })
    }

    fn publish_alone(
        &self,
        (current, repo): (&Generation, &gix::Repository),
        branch: &str,
        parent: ObjectId,
        chain: &Chain,
    ) -> Result<Published, PublishError> {
        let bytes = pack::pack_of(&chain.objects, repo.object_hash())?;
        let update = RefUpdate { name: bare::full_name(branch), old: Some(parent), new: Some(chain.tip) };
        let (pushed, kept) = self.push_and_keep(std::slice::from_ref(&update), &bytes, repo);
        let outcome = pushed.or_else(|broken| self.settle(broken, &update, branch, chain));
        if let Ok(Outcome::Moved { .. } | Outcome::LostRace { .. } | Outcome::Refused { .. }) = &outcome {
            kept.iter().for_each(Indexed::remove);
        }
        match outcome? {
            Outcome::Updated { messages } => {
                keep(current, kept, chain.tip);
                Ok(Published { commits: chain.names(), messages, ledger: None })
            }
            Outcome::Moved { found } => Err(moved(found)),
            Outcome::LostRace { reason } => Err(self.lost(branch, parent, &reason)),
            Outcome::Refused { reason, messages } => Err(PublishError::Refused { reason, messages }),
            Outcome::NotTogether => Err(lasting("internal error: one branch is not several").into()),
        }
    }
}

impl ConfigRepo for Remote {
    fn name(&self) -> &str {
        &self.name
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot>, RepoError> {
        Ok(Box::new(self.take_snapshot(&mut self.state())?))
    }

    /// Commits are fetched without their files, into a cache of their own: that of the snapshots has no history.
    fn past(&self, head: Option<&CommitId>, limit: usize, keep: &Keep<'_>) -> Result<Past, RepoError> {
        let head = past::object_id(head)?;
        let branch = self.state().branch.clone().ok_or_else(|| lasting("internal error: a past without a snapshot"))?;
        let cache = Branch::cache(self.directory.as_deref(), &self.name, &branch)?;
        let read = |from: &Generation| past::read(&from.open()?, head, &self.name, limit, keep);
        // Whatever is there is there with all before it: then nobody need be asked.
        let known = cache.current().filter(|current| current.open().is_ok_and(|repo| repo.has_object(head)));
        if let Some(Ok(past)) = known.as_ref().map(read) {
            return Ok(past);
        }
        let asked = Branch { server: &self.server, name: &self.name, branch: &branch, limits: Limits::default() };
        asked.learn(&cache, &|from, _| read(from))
    }

    fn publish(&self, publication: &Publication) -> Result<Published, PublishError> {
        let parent = parent_of(publication)?;
        let mut state = self.state();
        let (current, branch) = self.holding(&mut state, parent)?;
        let repo = current.open()?;
        let chain = commit::compose(&repo, parent, publication, self.signer.as_deref()).inspect_err(|error| {
            if error.retryable {
                current.spoil();
            }
        })?;
        if let Some(entry) = publication.ledger.as_ref().filter(|_| self.ledger.is_some()) {
            return self.publish_both((&current, &repo), &branch, parent, &chain, entry);
        }
        self.publish_alone((&current, &repo), &branch, parent, &chain)
    }

    fn branches(&self) -> Option<&dyn Branches> {
        Some(self)
    }

    fn ledger(&self) -> Option<&dyn LedgerRef> {
        self.ledger.as_ref().map(|_| self as &dyn LedgerRef)
    }
}

fn unanswered(sent: &Chain, error: RepoError) -> PublishError {
    PublishError::Unanswered { commits: sent.names(), error }
}

/// A new generation that holds the commit.
fn begin_anew(
    cache: &Cache,
    upload: Upload<'_>,
    tip: ObjectId,
    hash: gix::hash::Kind,
) -> Result<Arc<Generation>, RepoError> {
    let filling = cache.begin(hash)?;
    match upload.fetch(&filling, tip).and_then(|()| cache.accept(&filling)) {
        Ok(filled) => Ok(Arc::new(filled)),
        Err(error) => {
            filling.replace();
            Err(error)
        }
    }
}

/// What was pushed and kept is where the next fetch begins.
fn keep(current: &Generation, kept: Result<Indexed, RepoError>, commit: ObjectId) {
    if kept.and_then(|_| current.set_tip(commit)).is_err() {
        current.spoil();
    }
}
