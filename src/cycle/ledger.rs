//! The ledger in a run: read with the snapshot, written by compare-and-swap. Entries are sets, so that an entry is put to whatever
//! stands there by then, and nobody's is lost.
//!
//! A run writes first sights only, where the operator has given a seal for them and something new was seen: nothing new, nothing
//! pushed.

use super::{MAX_FAILURES, Run, RunError, blocking};
use crate::image::{Digest, Repository};
use crate::plan::{Ledger, Plan, Seal, Sight};
use crate::port::{CommitId, LedgerEntry, LedgerFiles, PublishError, RepoError, Snapshot};
use std::collections::{BTreeMap, HashMap};

/// How often an entry is put to a ledger that others write too.
const MAX_TRIES: u32 = 10;
/// Images that a commit message names.
const MAX_NAMED: usize = 20;

/// The ledger as it stood when the snapshot was taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Book {
    pub(super) name: String,
    pub(super) commit: Option<CommitId>,
    pub(super) ledger: Ledger,
}

impl Book {
    pub(super) fn of(snapshot: &dyn Snapshot) -> Book {
        match snapshot.ledger() {
            Ok(files) => Book::read(files),
            Err(error) => {
                let why = with_hint(&error);
                let ledger = Ledger { holds: Err(why.clone()), seen: Err(why) };
                Book { name: "of this repository".to_owned(), commit: None, ledger }
            }
        }
    }

    fn read(LedgerFiles { name, commit, files }: LedgerFiles) -> Book {
        Book { name, commit, ledger: Ledger::read(&files) }
    }

    /// When images were first seen, as far as that is under the seal; `None` without one.
    pub(super) fn firsts(&self, seal: Option<&Seal>) -> Option<Firsts> {
        let seal = seal?;
        let mut firsts = Firsts::new();
        for Sight { image, digest, first } in self.ledger.seen.iter().flat_map(|seen| seen.sealed(seal)) {
            firsts.entry(image).or_default().insert(digest, first);
        }
        Some(firsts)
    }
}

/// By repository and digest: seconds since 1970, UTC.
pub(super) type Firsts = HashMap<Repository, BTreeMap<Digest, i64>>;

/// What becomes of the ledger, and the words of the commit.
#[derive(Debug)]
pub(super) struct NewEntry {
    pub(super) ledger: Ledger,
    pub(super) message: String,
}

/// Makes an entry out of what stands there; `None` where nothing is to be written, `Err` where nothing can be.
pub(super) type Amend<'a> = dyn Fn(&Ledger) -> Result<Option<NewEntry>, String> + Sync + 'a;

impl Run<'_> {
    /// Holds what the ledger names.
    pub(super) fn heed_ledger(&self, plan: &mut Plan, book: &Book) {
        plan.heed(&book.ledger, &book.name, self.clock.now());
    }

    /// The entry that a run leaves behind, if it has seen anything new.
    pub(super) fn sights_entry(&self, book: &Book, sights: &[Sight]) -> Option<LedgerEntry> {
        self.repo.ledger()?;
        let amended = self.amend_sights(&book.ledger, sights).ok()??;
        Some(self.entry(book.commit.clone(), amended))
    }

    pub(super) fn amend_sights(&self, ledger: &Ledger, sights: &[Sight]) -> Result<Option<NewEntry>, String> {
        let Some(seal) = &self.options.seal else { return Ok(None) };
        let mut seen = ledger.seen.clone()?;
        if sights.is_empty() || !seen.add(sights.iter().cloned(), seal) {
            return Ok(None);
        }
        let known = |sight: &&Sight| {
            !ledger
                .seen
                .iter()
                .flat_map(|seen| seen.sealed(seal))
                .any(|old| old.image == sight.image && old.digest == sight.digest)
        };
        let new: Vec<&Sight> = sights.iter().filter(known).collect();
        let noun = if new.len() == 1 { "image" } else { "images" };
        let lines = new.iter().take(MAX_NAMED).map(|sight| format!("\n{}@{}", sight.image, sight.digest));
        let more = if new.len() > MAX_NAMED { format!("\nand {} more", new.len() - MAX_NAMED) } else { String::new() };
        let message = format!("Saw {} new {noun}\n{}{more}\n", new.len(), lines.collect::<String>());
        Ok(Some(NewEntry { ledger: Ledger { seen: Ok(seen), ..ledger.clone() }, message }))
    }

    fn entry(&self, expected: Option<CommitId>, new: NewEntry) -> LedgerEntry {
        LedgerEntry {
            expected,
            files: new.ledger.files(),
            message: new.message,
            author: self.options.author.clone(),
            committer: self.options.committer.clone(),
            time: self.clock.now(),
        }
    }

    /// Amends the ledger as it is now, and again where somebody else was quicker.
    pub(super) async fn amend_ledger(&self, amend: &Amend<'_>) -> Result<Option<CommitId>, RunError> {
        let (mut moves, mut failures) = (0, 0);
        loop {
            let repo = self.repo.clone();
            let read = move || repo.ledger().map_or_else(|| Err(no_ledger()), |ledger| ledger.read());
            let book = Book::read(blocking(read).await??);
            let Some(new) = amend(&book.ledger).map_err(|why| unreadable(&why, &book.name))? else { return Ok(None) };
            let (repo, entry) = (self.repo.clone(), self.entry(book.commit, new));
            let write = move || repo.ledger().map_or_else(|| Err(no_ledger().into()), |ledger| ledger.write(&entry));
            match blocking(write).await? {
                Ok(commit) => return Ok(Some(commit)),
                Err(PublishError::Moved { .. }) => moves += 1,
                Err(PublishError::Refused { reason, messages }) => return Err(RunError::Refused { reason, messages }),
                Err(PublishError::Unanswered { error, .. }) => {
                    failures += 1;
                    give_up(failures, RepoError { retryable: true, ..error })?;
                }
                Err(PublishError::Repo(error)) => {
                    failures += 1;
                    give_up(failures, error)?;
                }
            }
            if moves == MAX_TRIES {
                return Err(RunError::Contention { attempts: MAX_TRIES });
            }
            tokio::time::sleep(super::write::pause(self.options.backoff, moves + failures)).await;
        }
    }

    /// What became of the run's entry, once more where somebody else was quicker; `Err` says why it is not there.
    pub(super) async fn settle_entry(
        &self,
        written: Result<CommitId, PublishError>,
        sights: &[Sight],
    ) -> Result<Option<CommitId>, String> {
        let again = match written {
            Ok(commit) => return Ok(Some(commit)),
            Err(PublishError::Moved { .. } | PublishError::Unanswered { .. }) => true,
            Err(PublishError::Repo(ref error)) => error.retryable,
            Err(PublishError::Refused { .. }) => false,
        };
        match written {
            Err(error) if !again => Err(error.to_string()),
            _ => self.write_sights(sights).await,
        }
    }

    /// The run's entry by itself.
    pub(super) async fn write_sights(&self, sights: &[Sight]) -> Result<Option<CommitId>, String> {
        let amended = self.amend_ledger(&|ledger| self.amend_sights(ledger, sights)).await;
        amended.map_err(|error| error.to_string())
    }
}

fn give_up(failures: u32, error: RepoError) -> Result<(), RunError> {
    if error.retryable && failures < MAX_FAILURES { Ok(()) } else { Err(error.into()) }
}

fn no_ledger() -> RepoError {
    RepoError {
        message: "this repository has no ledger to write to".to_owned(),
        hint: Some("`ledger` in the settings says where it is; a checkout has none".to_owned()),
        retryable: false,
    }
}

fn unreadable(why: &str, name: &str) -> RepoError {
    RepoError {
        message: format!("the ledger {name} is left as it is: {why}"),
        hint: Some("`landwaiter holds` lists what can be released; a ledger that cannot be read is repaired by putting an earlier commit back".to_owned()),
        retryable: false,
    }
}

fn with_hint(error: &RepoError) -> String {
    let hint = error.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{error}{hint}")
}
