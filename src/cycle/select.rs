//! Second step of a run: who owns each reference, one tag list per repository, one decision per question.
//!
//! A repository's tags are dropped as soon as its references are decided, so that memory holds one list per request under
//! way, not all of them.

use super::learn::decide;
use super::scan::Scanned;
use super::{Event, HOSTS, IN_FLIGHT, LONGEST_DEADLINE, Options, Run, RunError};
use crate::image::{Digest, Repository, Tag};
use crate::plan::{self, Allowed, Claim, Claims, FileNote, Found, State, question, settle};
use crate::policy::{Decision, Facts, Held, Policy, PolicyName, Question, Ranking, Reason};
use crate::port::RegistryError;
use futures::stream::{self, StreamExt};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;
use tokio::time::Instant;

/// What the references of one repository ask, each question once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Asked {
    pub policy: usize,
    pub repository: Repository,
    pub current: Option<Tag>,
    pub current_digest: Option<Digest>,
    pub digest: bool,
}

impl Asked {
    fn question(&self) -> Question<'_> {
        Question { current: self.current.as_ref(), current_digest: self.current_digest.as_ref(), digest: self.digest }
    }
}

/// Decisions of this run, kept while it plans again after a lost race: the registry is not asked twice, and all attempts
/// together have one deadline.
#[derive(Debug)]
pub(super) struct Memory {
    sources: Vec<(String, String)>,
    answers: HashMap<Asked, Decision>,
    /// Registries are asked until then.
    until: Instant,
}

impl Memory {
    /// Nothing decided yet; the time begins to run.
    pub(super) fn new(options: &Options) -> Memory {
        Memory {
            sources: Vec::new(),
            answers: HashMap::new(),
            until: Instant::now() + options.deadline.min(LONGEST_DEADLINE),
        }
    }

    /// Forgets everything unless the policy files are still the same.
    pub(super) fn keep_for(&mut self, sources: &[(String, String)]) {
        if self.sources != sources {
            self.answers.clear();
            self.sources = sources.to_vec();
        }
    }
}

/// One reference on its way to a decision.
enum Step {
    Settled(plan::Entry),
    Asks { found: Found, asked: Asked },
}

impl Run<'_> {
    pub(super) async fn select(
        &self,
        scanned: &mut Scanned,
        memory: &mut Memory,
    ) -> Result<Vec<plan::Entry>, RunError> {
        let policies = scanned.policies.clone();
        let claims = Claims::new(&policies);
        let admission = scanned.admission.clone();
        let allowed = |policy: &Policy, file: &str, image: &Repository| self.allowed(&admission, policy, file, image);
        let today = date(self.clock.now());
        let found = std::mem::take(&mut scanned.found);
        let steps: Vec<Step> =
            found.into_iter().map(|found| self.step(&claims, &policies, &allowed, found, &today)).collect();

        let open: HashSet<&Asked> = steps
            .iter()
            .filter_map(|step| match step {
                Step::Asks { asked, .. } if !memory.answers.contains_key(asked) => Some(asked),
                _ => None,
            })
            .collect();
        let answers = self.ask(&policies, open, memory.until).await;
        memory.answers.extend(answers);

        scanned.notes.extend(idle(&claims, &policies, &steps));
        let mut entries = Vec::with_capacity(steps.len());
        for step in steps {
            entries.push(match step {
                Step::Settled(entry) => entry,
                Step::Asks { found, asked } => {
                    let decision = memory.answers.get(&asked);
                    if let Some(text) = decision.and_then(|decision| decision.note.clone()) {
                        let file = found.file.clone();
                        scanned.notes.push(FileNote { file, line: found.reference.line, text });
                    }
                    entry(&policies, found, &asked, decision)
                }
            });
        }
        Ok(entries)
    }

    fn step(&self, claims: &Claims<'_>, policies: &[Policy], allowed: Allowed<'_>, found: Found, today: &str) -> Step {
        let image = found.reference.repository.clone();
        match claims.owner(&found.file, &found.reference, allowed) {
            Claim::Unmanaged => Step::Settled(plan::Entry { found, image, policy: None, state: State::Unmanaged }),
            Claim::Held { policy, held } => {
                let policy = policy.map(|at| policies[at].name.clone());
                Step::Settled(plan::Entry { found, image, policy, state: State::Held(held) })
            }
            Claim::Managed { policy, repository } => {
                let current = found.reference.tag.as_deref().and_then(|tag| Tag::parse(tag).ok());
                match question(&policies[policy], &found.reference, current.as_ref(), today) {
                    Ok(question) => {
                        let asked = Asked {
                            policy,
                            repository,
                            current: question.current.cloned(),
                            current_digest: question.current_digest.cloned(),
                            digest: question.digest,
                        };
                        Step::Asks { found, asked }
                    }
                    Err(state) => {
                        let policy = Some(policies[policy].name.clone());
                        Step::Settled(plan::Entry { found, image: Some(repository), policy, state })
                    }
                }
            }
        }
    }

    /// One look-up per repository, bounded in number, each host for itself; a failure answers the questions of its repository only.
    async fn ask(&self, policies: &[Policy], open: HashSet<&Asked>, until: Instant) -> Vec<(Asked, Decision)> {
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
                .map(|(repository, asked)| self.answer_until(policies, repository, asked, until))
                .buffer_unordered(IN_FLIGHT)
                .concat()
        };
        stream::iter(by_host.into_values()).map(one_host).buffer_unordered(HOSTS).concat().await
    }

    /// The answers for one repository, or, when the deadline comes first, none for any of its questions.
    async fn answer_until(
        &self,
        policies: &[Policy],
        repository: &Repository,
        asked: Vec<&Asked>,
        until: Instant,
    ) -> Vec<(Asked, Decision)> {
        let late: Vec<Asked> = asked.iter().map(|asked| (*asked).clone()).collect();
        if Instant::now() < until {
            let answered = tokio::time::timeout_at(until, self.answer(policies, repository, asked)).await;
            if let Ok(answers) = answered {
                return answers;
            }
        }
        self.events.happened(&Event::DeadlineReached { repository });
        let held = too_late(self.options.deadline);
        late.into_iter().map(|asked| (asked, held.clone())).collect()
    }

    async fn answer(&self, policies: &[Policy], repository: &Repository, asked: Vec<&Asked>) -> Vec<(Asked, Decision)> {
        let tags = match self.registry.tags(repository).await {
            Ok(tags) => tags,
            Err(error) => {
                self.events.happened(&Event::ListingFailed { repository, error: &error });
                let held = no_list(&error);
                return asked.into_iter().map(|asked| (asked.clone(), held.clone())).collect();
            }
        };
        self.events.happened(&Event::TagsListed { repository, tags: tags.len() });
        let mut facts = Facts { now: Some(self.clock.now()), ..Facts::default() };
        let mut answers = Vec::with_capacity(asked.len());
        let mut ranking: Option<(usize, Ranking<'_>)> = None;
        for asked in asked {
            if ranking.as_ref().is_none_or(|(policy, _)| *policy != asked.policy) {
                ranking = Some((asked.policy, Ranking::new(&policies[asked.policy], &tags)));
            }
            let Some((_, ranking)) = &ranking else { continue };
            let decision = decide(self.registry, repository, ranking, &asked.question(), &mut facts).await;
            answers.push((asked.clone(), decision));
        }
        answers
    }
}

/// Policies that no reference belongs to: a glob that matches nothing, or an image that is gone.
fn idle(claims: &Claims<'_>, policies: &[Policy], steps: &[Step]) -> Vec<FileNote> {
    let mut used: HashSet<&PolicyName> = steps
        .iter()
        .filter_map(|step| match step {
            Step::Settled(entry) => entry.policy.as_ref(),
            Step::Asks { asked, .. } => Some(&policies[asked.policy].name),
        })
        .collect();
    // Those that two policies claim belong to neither, and are no reason to call either idle.
    for step in steps {
        if let Step::Settled(plan::Entry { found, image: Some(image), policy: None, .. }) = step {
            used.extend(claims.candidates(&found.file, image).into_iter().map(|(at, _)| &policies[at].name));
        }
    }
    let idle = policies.iter().filter(|policy| !used.contains(&policy.name));
    let note = |policy: &Policy| {
        let text = format!("no reference belongs to policy {}", policy.name);
        FileNote { file: policy.file.clone(), line: policy.line, text }
    };
    idle.map(note).collect()
}

/// The decision where no list could be had.
pub(super) fn no_list(error: &RegistryError) -> Decision {
    let detail = format!("could not list tags: {error}");
    let held = Some(Held { reason: Reason::IncompleteInformation, detail });
    Decision { chosen: None, held, note: None }
}

/// The decision where the run's deadline came before the answer.
fn too_late(deadline: Duration) -> Decision {
    let detail = format!("not answered within the run's {} s (limits.runDeadline)", deadline.as_secs());
    let held = Some(Held { reason: Reason::IncompleteInformation, detail });
    Decision { chosen: None, held, note: None }
}

fn entry(policies: &[Policy], found: Found, asked: &Asked, decision: Option<&Decision>) -> plan::Entry {
    let policy = &policies[asked.policy];
    let state = match decision {
        Some(decision) => settle(policy, &asked.repository, &found, decision),
        None => State::held(Reason::IncompleteInformation, "internal error: no answer; please report this"),
    };
    plan::Entry { found, image: Some(asked.repository.clone()), policy: Some(policy.name.clone()), state }
}

/// `YYYY-MM-DD` in UTC.
pub(super) fn date(now: i64) -> String {
    jiff::Timestamp::from_second(now).map_or_else(|_| String::new(), |t| t.strftime("%Y-%m-%d").to_string())
}
