//! Last step of a run: one commit by compare-and-swap, planned again from the new head when the branch moved or the way to
//! it failed.

use super::select::Memory;
use super::{Event, MAX_ATTEMPTS, MAX_FAILURES, Planned, Pulled, Run, RunError, Staged, blocking};
use crate::plan::Plan;
use crate::port::{CommitId, LedgerEntry, NewCommit, NewFile, Publication, PublishError, Published, RepoError};
use crate::text::Diagnostic;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

/// Sees a plan before it is written; the error says why it must not be.
pub type Approve<'a> = dyn Fn(&Planned) -> Result<(), String> + Sync + 'a;

/// What a run did.
#[derive(Debug)]
pub struct Report {
    pub planned: Planned,
    pub written: Option<Written>,
    /// What became of each pull request.
    pub pulled: Vec<Pulled>,
    /// Requests by registry host, retries and tokens included.
    pub requests: BTreeMap<String, u64>,
    /// Times this run planned again, because the branch moved or the way to it failed.
    pub retries: u32,
    /// The commit that was added to the ledger, or why none could be; `None` where nothing was to be added.
    pub ledger: Option<Result<CommitId, String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Each on the one before it, so that the last is the branch's head; empty when the files of a checkout were edited.
    pub commits: Vec<WrittenCommit>,
    pub files: usize,
    /// What the server said.
    pub messages: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenCommit {
    pub id: CommitId,
    /// The group of changes that it holds.
    pub group: Arc<str>,
    pub message: String,
    pub files: usize,
}

impl Written {
    fn of(planned: &Planned, commits: Vec<CommitId>, messages: Vec<String>) -> Written {
        let commits = commits.into_iter().zip(&planned.commits).map(|(id, staged)| WrittenCommit {
            id,
            group: staged.group.clone(),
            message: staged.message.clone(),
            files: staged.files.len(),
        });
        Written { commits: commits.collect(), files: written_files(planned).len(), messages }
    }

    /// The branch's head as it was written.
    pub fn head(&self) -> Option<&CommitId> {
        self.commits.last().map(|commit| &commit.id)
    }
}

/// A commit that was sent and not answered, and the plan it carries out.
#[derive(Debug)]
struct Sent {
    planned: Planned,
    written: Written,
}

/// How one attempt ended.
enum Attempt {
    Done(Box<Planned>, Option<Written>, Option<Result<CommitId, PublishError>>),
    Moved,
    Failed(RepoError),
}

impl Run<'_> {
    /// Plans and writes. `approve` sees each plan before it is written and may refuse it.
    ///
    /// A lost race and a failure that may pass are answered by a new snapshot and a new plan. When a push had no answer,
    /// the new snapshot says whether it arrived; the report then tells of that commit.
    pub async fn update(&self, approve: &Approve<'_>) -> Result<Report, RunError> {
        let mut memory = Memory::new(self.options);
        let mut sent = Vec::new();
        let (mut moves, mut failures) = (0, 0);
        loop {
            match self.attempt(approve, &mut memory, &mut sent).await? {
                Attempt::Done(mut planned, written, entry) => {
                    self.tell(&memory.news);
                    let ledger = self.finish_ledger(entry, &memory).await;
                    planned.warnings.diagnostics.extend(self.ledger_warning(ledger.as_ref()));
                    let pulled = self.propose(&mut planned).await;
                    let mut requests = self.registry.requests();
                    for (host, count) in self.forge.iter().flat_map(|forge| forge.requests()) {
                        *requests.entry(host).or_default() += count;
                    }
                    let retries = moves + failures;
                    return Ok(Report { planned: *planned, written, pulled, requests, retries, ledger });
                }
                Attempt::Moved => {
                    moves += 1;
                    self.events.happened(&Event::BranchMoved { attempt: moves });
                }
                Attempt::Failed(error) => {
                    failures += 1;
                    if !error.retryable || failures == MAX_FAILURES {
                        return Err(error.into());
                    }
                    self.events.happened(&Event::WritingFailed { error: &error });
                }
            }
            if moves == MAX_ATTEMPTS {
                return Err(RunError::Contention { attempts: MAX_ATTEMPTS });
            }
            tokio::time::sleep(pause(self.options.backoff, moves + failures - 1)).await;
        }
    }

    async fn attempt(
        &self,
        approve: &Approve<'_>,
        memory: &mut Memory,
        sent: &mut Vec<Sent>,
    ) -> Result<Attempt, RunError> {
        let planned = match self.plan_with(memory).await {
            Err(RunError::Repo(error)) if !sent.is_empty() => return Ok(Attempt::Failed(still_unknown(error))),
            planned => planned?,
        };
        match self.arrived(planned.head.as_ref(), sent).await {
            Ok(Some(at)) => {
                let Sent { planned, written } = sent.swap_remove(at);
                return Ok(Attempt::Done(Box::new(planned), Some(written), None));
            }
            Ok(None) => {}
            Err(RunError::Repo(error)) => return Ok(Attempt::Failed(still_unknown(error))),
            Err(error) => return Err(error),
        }
        approve(&planned).map_err(RunError::NotApproved)?;
        let entry = self.sights_entry(&memory.book, &memory.sights);
        match self.publish(&planned, entry).await {
            Ok(None) => Ok(Attempt::Done(Box::new(planned), None, None)),
            Ok(Some(Published { commits, messages, ledger })) => {
                let written = Written::of(&planned, commits, messages);
                Ok(Attempt::Done(Box::new(planned), Some(written), ledger))
            }
            Err(PublishError::Moved { .. }) => Ok(Attempt::Moved),
            Err(PublishError::Refused { reason, messages }) => Err(RunError::Refused { reason, messages }),
            Err(PublishError::Unanswered { commits, error }) => {
                let written = Written::of(&planned, commits, Vec::new());
                sent.push(Sent { planned, written });
                // Whatever went wrong, a look at the branch can tell what became of the commit.
                Ok(Attempt::Failed(RepoError { retryable: true, ..error }))
            }
            Err(PublishError::Repo(error)) => Ok(Attempt::Failed(error)),
        }
    }

    /// Which of the unanswered commits is on the branch, now that its head is known: it is the head, or somebody has built
    /// on it and its files stand as it wrote them.
    async fn arrived(&self, head: Option<&CommitId>, sent: &[Sent]) -> Result<Option<usize>, RunError> {
        let Some(last) = sent.last() else {
            return Ok(None);
        };
        let is_head = |sent: &Sent| head.is_some() && sent.written.head() == head;
        if let Some(at) = sent.iter().position(is_head) {
            return Ok(Some(at));
        }
        if last.planned.head.as_ref() == head {
            return Ok(None);
        }
        let (repo, files) = (self.repo.clone(), written_files(&last.planned));
        let all_there = blocking(move || {
            let snapshot = repo.snapshot()?;
            for file in files {
                if snapshot.read_one(&file.path)?.as_deref() != Some(&*file.new) {
                    return Ok(false);
                }
            }
            Ok::<bool, RepoError>(true)
        });
        Ok(all_there.await??.then_some(sent.len() - 1))
    }

    /// What becomes of the ledger once the branch is written, or has nothing to be written.
    async fn finish_ledger(
        &self,
        entry: Option<Result<CommitId, PublishError>>,
        memory: &Memory,
    ) -> Option<Result<CommitId, String>> {
        let done = match entry {
            Some(written) => self.settle_entry(written, &memory.sights).await,
            None => {
                self.sights_entry(&memory.book, &memory.sights)?;
                self.write_sights(&memory.sights).await
            }
        };
        done.transpose()
    }

    /// A ledger that cannot be written is told of once: the run has done its work.
    fn ledger_warning(&self, ledger: Option<&Result<CommitId, String>>) -> Option<Diagnostic> {
        let why = ledger?.as_ref().err()?;
        let name = self.repo.ledger()?.name();
        let news = format!("ledger {} {name}", self.repo.name());
        if self.store.was_told(&news) {
            return None;
        }
        self.store.told(&[&news]);
        let text = format!("first sights could not be written to the ledger {name}: {why}");
        let hint = "`ledger: {ref: BRANCH}` in the settings names a branch for a server that refuses other refs, \
                    `ledger: off` writes none";
        Some(Diagnostic::warning("ledger", None, text).hint(hint))
    }

    async fn publish(&self, planned: &Planned, ledger: Option<LedgerEntry>) -> Result<Option<Published>, PublishError> {
        if planned.files.is_empty() || (planned.head.is_some() && planned.commits.is_empty()) {
            return Ok(None);
        }
        let publication = Publication {
            parent: planned.head.clone(),
            commits: new_commits(planned),
            author: self.options.author.clone(),
            committer: self.options.committer.clone(),
            time: self.clock.now(),
            ledger,
        };
        let repo = self.repo.clone();
        let published = tokio::task::spawn_blocking(move || repo.publish(&publication)).await.map_err(stopped)??;
        self.events.happened(&Event::Published { commit: published.commits.last() });
        Ok(Some(published))
    }
}

/// The last state of every file that is written to the branch, or in the checkout.
fn written_files(planned: &Planned) -> Vec<NewFile> {
    if planned.head.is_none() {
        return planned.files.clone();
    }
    let all = planned.commits.iter().flat_map(|commit| &commit.files);
    let last: BTreeMap<&str, &NewFile> = all.map(|file| (&*file.path, file)).collect();
    last.into_values().cloned().collect()
}

/// The staged commits; of the files of a checkout their last state, at once.
fn new_commits(planned: &Planned) -> Vec<NewCommit> {
    if planned.head.is_none() {
        return vec![NewCommit { files: planned.files.clone(), message: String::new() }];
    }
    let commit = |staged: &Staged| NewCommit { files: staged.files.clone(), message: staged.message.clone() };
    planned.commits.iter().map(commit).collect()
}

/// The branch cannot be looked at after a push without an answer.
fn still_unknown(error: RepoError) -> RepoError {
    let message = format!("{}; an earlier push had no answer, and whether it arrived is not known", error.message);
    RepoError { message, ..error }
}

fn stopped(error: tokio::task::JoinError) -> RepoError {
    let message = format!("internal error: the writer stopped ({error})");
    RepoError { message, hint: None, retryable: false }
}

/// The longest first pause. With shorter ones eight writers collide more often, see `docs/benchmark.md`.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// A random share of a pause that doubles with every attempt, so that writers that collided once do not collide again.
pub(super) fn pause(longest: Duration, attempt: u32) -> Duration {
    let ceiling = longest.min(FIRST_PAUSE * 2u32.saturating_pow(attempt));
    let share = RandomState::new().hash_one(attempt) as f64 / u64::MAX as f64;
    ceiling.mul_f64(share)
}

impl Report {
    pub fn plan(&self) -> &Plan {
        &self.planned.plan
    }
}
