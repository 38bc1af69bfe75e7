//! The look-ups of the second step: one tag list per repository, and whatever else the decisions about it need, until the
//! run's deadline.
//!
//! A repository's tags are dropped as soon as its references are decided, so that memory holds one list per request under
//! way, not all of them.

use super::decided::{Decided, Grounds};
use super::history::Histories;
use super::learn::decide;
use super::ledger::Firsts;
use super::notebook::Key;
use super::recall::{Current, Listed, News, Sightings, pace, sights, to_record};
use super::select::Asked;
use super::verdicts::{Answers, Verdicts};
use super::{Event, HOSTS, IN_FLIGHT, PassedOverTags, Run};
use crate::image::Repository;
use crate::plan::Sight;
use crate::policy::{Decision, Facts, Held, Policy, Ranking, Reason, WriteMode};
use crate::port::{ListMark, Named, RegistryError};
use futures::stream::{self, StreamExt};
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;
use tokio::time::Instant;

/// Passed-over tags of one reference that are kept for its pull request.
const MAX_PASSED_OVER: usize = 30;

/// The decisions about one repository, and what goes with them.
#[derive(Debug, Default)]
pub(super) struct Answered {
    pub(super) decisions: Vec<(Asked, Decision)>,
    /// The list was read by an earlier run, and when.
    pub(super) list: Option<(Repository, i64)>,
    pub(super) seen: Vec<Named>,
    pub(super) news: News,
    /// See [`super::Planned::passed_over`].
    pub(super) passed_over: PassedOverTags,
    /// What the ledger is to know.
    pub(super) sights: Vec<Sight>,
    /// Under which key the decisions are known already.
    pub(super) known: Option<Key>,
    /// What is to be known of them in the next run.
    pub(super) learned: Option<(Key, Vec<u8>)>,
}

/// What all look-ups of a run share.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) policies: &'a [Policy],
    pub(super) histories: &'a Histories,
    /// Whether there is a memory.
    pub(super) works: &'a Result<(), String>,
    /// What the ledger knows; `None` where it is not believed.
    pub(super) firsts: Option<&'a Firsts>,
    /// What earlier runs decided.
    pub(super) verdicts: &'a Verdicts,
    pub(super) until: Instant,
}

impl Run<'_> {
    /// One look-up per repository, bounded in number, each host for itself; a failure answers the questions of its repository only.
    pub(super) async fn ask(&self, asking: Asking<'_>, open: HashSet<&Asked>) -> Vec<Answered> {
        let mut by_repository: BTreeMap<&Repository, Vec<&Asked>> = BTreeMap::new();
        for asked in open {
            by_repository.entry(&asked.repository).or_default().push(asked);
        }
        self.events.happened(&Event::ListingStarted { repositories: by_repository.len() });
        let mut by_host: BTreeMap<&str, Vec<(&Repository, Vec<&Asked>)>> = BTreeMap::new();
        for (repository, mut asked) in by_repository {
            asked.sort();
            by_host.entry(repository.host()).or_default().push((repository, asked));
        }
        let one_host = |repositories: Vec<(_, _)>| {
            stream::iter(repositories)
                .map(|(repository, asked)| self.answer_until(asking, repository, asked))
                .buffer_unordered(IN_FLIGHT)
                .collect::<Vec<Answered>>()
        };
        stream::iter(by_host.into_values()).map(one_host).buffer_unordered(HOSTS).concat().await
    }

    /// The answers for one repository, or, when the deadline comes first, none for any of its questions.
    async fn answer_until(&self, asking: Asking<'_>, repository: &Repository, asked: Vec<&Asked>) -> Answered {
        let late: Vec<Asked> = asked.iter().map(|asked| (*asked).clone()).collect();
        if Instant::now() < asking.until {
            let answered = tokio::time::timeout_at(asking.until, self.answer(asking, repository, asked)).await;
            if let Ok(answered) = answered {
                return answered;
            }
        }
        self.events.happened(&Event::DeadlineReached { repository });
        let held = too_late(self.options.deadline);
        Answered { decisions: late.into_iter().map(|asked| (asked, held.clone())).collect(), ..Answered::default() }
    }

    async fn answer(&self, asking: Asking<'_>, repository: &Repository, asked: Vec<&Asked>) -> Answered {
        let Asking { policies, histories, works, firsts, verdicts, .. } = asking;
        let ground = verdicts.ground(policies, repository, &asked);
        let wanted = self.events.wants(repository);
        let known = |mark: &ListMark| verdicts.answers(&ground.as_ref()?.key(mark), &asked).filter(|_| !wanted);
        // What hangs on more is not marked at all.
        let listed = match ground {
            None => self.list(repository).await.map(Ok),
            Some(_) => self.list_unless(repository, &|mark| known(mark).is_some()).await,
        };
        let listed = match listed {
            Ok(listed) => listed,
            Err(error) => {
                self.events.happened(&Event::ListingFailed { repository, error: &error });
                let held = no_list(&error);
                let decisions = asked.into_iter().map(|asked| (asked.clone(), held.clone())).collect();
                return Answered { decisions, ..Answered::default() };
            }
        };
        let Listed { tags, remembered, mark } = match listed {
            Ok(listed) => listed,
            Err(mark) => {
                let Answers { tags, decisions } = known(&mark).unwrap_or_default();
                self.events.happened(&Event::TagsListed { repository, tags });
                let decisions = asked.iter().map(|asked| (*asked).clone()).zip(decisions).collect();
                let known = ground.map(|ground| ground.key(&mark));
                return Answered { decisions, known, ..Answered::default() };
            }
        };
        self.events.happened(&Event::TagsListed { repository, tags: tags.len() });
        let recalls = |asked: &&Asked| Some(&policies[asked.policy]).filter(|policy| asked.recalls(policy));
        let recalling: Vec<&Policy> = asked.iter().filter_map(recalls).collect();
        let mut facts = Facts { now: Some(self.clock.now()), ..Facts::default() };
        facts.firsts = firsts.map(|all| all.get(repository).cloned().unwrap_or_default());
        let mut sightings = Sightings::new();
        if !recalling.is_empty() {
            (facts.recall, sightings) = self.recall(&recalling, repository, works);
        }
        // What the registry does not list is reported as gone, and has no digest to ask for.
        let listed = |current: &Current<'_>| tags.iter().any(|tag| tag == current.tag.as_str());
        for asked in &asked {
            if let Some(current) = asked.current().filter(listed) {
                let policy = &policies[asked.policy];
                self.watch(policy, repository, current, &sightings, &mut facts).await;
            }
        }
        // What is decided at once takes a while for long lists; whoever listens to the other answers has his turn before.
        tokio::task::yield_now().await;
        let mut answered = Answered { list: remembered.map(|time| (repository.clone(), time)), ..Answered::default() };
        let mut ranking: Option<(usize, Ranking<'_>)> = None;
        for asked in asked {
            let policy = &policies[asked.policy];
            if ranking.as_ref().is_none_or(|(at, _)| *at != asked.policy) {
                ranking = Some((asked.policy, Ranking::new(policy, &tags)));
            }
            let Some((_, ranking)) = &ranking else { continue };
            let mut decision = decide(self, histories, repository, ranking, &asked.question(), &mut facts).await;
            let watched = asked.current().filter(|current| pace(policy, current.digest).is_some());
            let moved =
                watched.and_then(|current| self.moved(repository, current, &sightings, &facts, &mut answered.news));
            decision.note = match (decision.note, moved) {
                (Some(note), Some(moved)) => Some(format!("{note}; {moved}")),
                (note, moved) => note.or(moved),
            };
            let grounds = Grounds { ranking, question: asked.question(), facts: &facts };
            self.events.happened(&Event::Decided(Decided {
                policy,
                repository,
                current: asked.current.as_ref(),
                decision: &decision,
                tags: &tags,
                look: &grounds,
            }));
            if policy.write.mode == WriteMode::PullRequest && is_new(asked, &decision) {
                let all = ranking.passed_over(&asked.question(), &facts);
                let telling = all.into_iter().filter(|one| is_telling(one.reason)).take(MAX_PASSED_OVER).collect();
                let key = (policy.name.clone(), repository.clone(), asked.current.clone());
                answered.passed_over.insert(key, telling);
            }
            answered.decisions.push((asked.clone(), decision));
        }
        if let Some((ground, mark)) = ground.zip(mark) {
            let (key, note) = (ground.key(&mark), Answers::note(tags.len(), &answered.decisions));
            match note {
                Some(_) if verdicts.knows(&key) => answered.known = Some(key),
                note => answered.learned = note.map(|note| (key, note)),
            }
        }
        answered.seen = to_record(repository, &facts, &answered.news);
        answered.sights = sights(repository, &recalling, &facts);
        answered
    }
}

/// Whether the decision would have something written.
fn is_new(asked: &Asked, decision: &Decision) -> bool {
    decision.held.is_none()
        && decision.chosen.as_ref().is_some_and(|chosen| asked.current.as_ref() != Some(&chosen.tag))
}

/// Reasons that tell a reviewer something: not those of tags that nobody would expect.
fn is_telling(reason: Reason) -> bool {
    use Reason::*;
    matches!(
        reason,
        OutOfRange
            | Prerelease
            | Outlier
            | MaxBump
            | TooYoung
            | PlatformMissing
            | LabelMissing
            | Unsigned
            | Refused
            | NotComparable
            | IncompleteInformation
    )
}

/// The decision where no list could be had.
pub(super) fn no_list(error: &RegistryError) -> Decision {
    let detail = format!("could not list tags: {error}");
    let held = Some(Held { reason: Reason::IncompleteInformation, detail });
    Decision { chosen: None, held, note: None }
}

/// The decision where the run's deadline came before the answer.
pub(super) fn too_late(deadline: Duration) -> Decision {
    let detail = format!("not answered within the run's {} s (limits.runDeadline)", deadline.as_secs());
    let held = Some(Held { reason: Reason::IncompleteInformation, detail });
    Decision { chosen: None, held, note: None }
}
