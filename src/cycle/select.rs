//! Second step of a run: who owns each reference, and one decision per question. The look-ups are made in `ask`.

use super::PassedOverTags;
use super::ask::Asking;
use super::history::Histories;
use super::ledger::Book;
use super::recall::{Current, News, pace};
use super::refused::Past;
use super::scan::Scanned;
use super::verdicts::Verdicts;
use super::{LONGEST_DEADLINE, Options, Run, RunError, Scope};
use crate::image::{Digest, Repository, Tag};
use crate::plan::{self, Claim, Claims, FileNote, Found, Sight, State, question, settle};
use crate::policy::{Decision, Held, Policy, PolicyName, Question, Reason};
use crate::schedule::{Closed, date};
use crate::text::Span;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use tokio::time::Instant;

/// What the references of one repository ask, each question once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Asked {
    pub policy: usize,
    pub repository: Repository,
    pub current: Option<Tag>,
    pub current_digest: Option<Digest>,
    pub digest: bool,
    /// Tags whose pull requests people have closed.
    pub refused: BTreeSet<Tag>,
}

impl Asked {
    pub(super) fn question(&self) -> Question<'_> {
        Question {
            current: self.current.as_ref(),
            current_digest: self.current_digest.as_ref(),
            digest: self.digest,
            refused: Some(&self.refused),
        }
    }

    pub(super) fn current(&self) -> Option<Current<'_>> {
        self.current.as_ref().map(|tag| Current { tag, digest: self.current_digest.as_ref() })
    }

    /// Whether what earlier runs learned can make a difference.
    pub(super) fn recalls(&self, policy: &Policy) -> bool {
        let watched = self.current.is_some() && pace(policy, self.current_digest.as_ref()).is_some();
        watched || policy.select.needs_times() || policy.require.seen.is_some() || policy.require.age.is_some()
    }
}

/// Decisions of this run, kept while it plans again after a lost race: the registry is not asked twice, and all attempts
/// together have one deadline.
#[derive(Debug)]
pub(super) struct Memory {
    sources: Vec<(String, String)>,
    pub(super) answers: HashMap<Asked, Decision>,
    pub(super) histories: Histories,
    /// Registries are asked until then.
    pub(super) until: Instant,
    /// What became of earlier pull requests.
    pub(super) past: Past,
    pub(super) passed_over: PassedOverTags,
    /// Repositories whose tag lists an earlier run read, and when: seconds since 1970, UTC.
    pub(super) lists: BTreeMap<Repository, i64>,
    /// Why there is no memory where one is counted on.
    pub(super) missing: Option<String>,
    pub(super) news: News,
    /// The ledger beside the snapshot, and what is to be added to it.
    pub(super) book: Book,
    pub(super) sights: Vec<Sight>,
}

impl Memory {
    /// Nothing decided yet; the time begins to run.
    pub(super) fn new(options: &Options) -> Memory {
        Memory {
            sources: Vec::new(),
            answers: HashMap::new(),
            histories: Histories::default(),
            lists: BTreeMap::new(),
            missing: None,
            news: News::default(),
            book: Book::default(),
            sights: Vec::new(),
            past: Past::new(),
            passed_over: PassedOverTags::new(),
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
        let mut steps: Vec<Step> = found
            .into_iter()
            .map(|found| {
                let claim = claims.owner(&found.file, &found.reference, &allowed);
                let claim = self.beside_rejected(&scanned.broken, &found, claim);
                step(claim, &policies, found, &today, &|policy| self.barred(policy))
            })
            .collect();

        if !self.scope.is_whole() {
            steps = narrowed(steps, &policies, &self.scope);
        }
        let open: HashSet<&Asked> = steps
            .iter()
            .filter_map(|step| match step {
                Step::Asks { asked, .. } if !memory.answers.contains_key(asked) => Some(asked),
                _ => None,
            })
            .collect();
        let works = self.memory_for(&policies, &open, memory);
        let firsts = memory.book.firsts(self.options.seal.as_ref());
        let (histories, until) = (&memory.histories, memory.until);
        let branch = Verdicts::branch(self.repo.name(), &*scanned.snapshot);
        let verdicts = Verdicts::of(branch.as_ref().map(|branch| self.store.files(branch)), self.clock.now());
        let firsts = firsts.as_ref();
        let asking = Asking { policies: &policies, histories, works: &works, firsts, verdicts: &verdicts, until };
        let mut seen = Vec::new();
        let mut noted = Vec::new();
        for answered in self.ask(asking, open).await {
            seen.extend(answered.seen);
            memory.answers.extend(answered.decisions);
            memory.lists.extend(answered.list);
            memory.passed_over.extend(answered.passed_over);
            memory.news.extend(answered.news);
            memory.sights.extend(answered.sights);
            noted.push((answered.known, answered.learned));
        }
        if let Some((branch, news)) = branch.zip(verdicts.news(noted, self.scope.is_whole())) {
            self.store.keep_files(&branch, &news.parts, news.anew);
        }
        self.store.saw(&seen, self.clock.now());

        scanned.notes.extend(idle(&claims, &policies, &steps));
        let now = self.clock.now();
        let mut closed: HashMap<usize, Option<Closed>> = HashMap::new();
        let mut entries = Vec::with_capacity(steps.len());
        let mut questions = Vec::with_capacity(steps.len());
        for step in steps {
            let (entry, question) = match step {
                Step::Settled(entry) => (entry, None),
                Step::Asks { found, asked } => {
                    let decision = memory.answers.get(&asked);
                    if let Some(text) = decision.and_then(|decision| decision.note.clone()) {
                        let file = found.file.clone();
                        scanned.notes.push(FileNote { file, line: found.reference.line, text });
                    }
                    let windows = &policies[asked.policy].windows;
                    let closed = closed.entry(asked.policy).or_insert_with(|| windows.closed(now));
                    (entry(&policies, found, &asked, decision, closed.as_ref()), Some(asked))
                }
            };
            entries.push(entry);
            questions.push(question);
        }
        let base = scanned.snapshot.branch().map(str::to_owned);
        self.heed_closed(&policies, base.as_deref(), &mut entries, &mut questions, memory).await;
        Ok(entries)
    }

    /// A reference that a rejected policy file may touch is held: whether that file claims it cannot be known.
    pub(super) fn beside_rejected(&self, broken: &[String], found: &Found, claim: Claim) -> Claim {
        let repository = match &claim {
            Claim::Managed { repository, .. } => Some(repository),
            Claim::Unmanaged => found.reference.repository.as_ref(),
            // Nobody else's, as far as is known.
            Claim::Held { held, .. } if matches!(held.reason, Reason::UnknownPolicy | Reason::NotAllowed) => {
                found.reference.repository.as_ref()
            }
            Claim::Held { .. } => None,
        };
        let may_touch =
            |image: &Repository| broken.iter().find(|file| self.options.tenancy.allows(file, &found.file, image));
        let Some(file) = repository.and_then(may_touch) else {
            return claim;
        };
        let detail = format!("{file} was rejected, and may claim this; `landwaiter check` says what is wrong with it");
        let policy = if let Claim::Managed { policy, .. } = &claim { Some(*policy) } else { None };
        Claim::Held { policy, held: Held { reason: Reason::PoliciesRejected, detail } }
    }

    /// Whether there is a memory, if anything counts on one; else it is not touched.
    fn memory_for(&self, policies: &[Policy], open: &HashSet<&Asked>, memory: &mut Memory) -> Result<(), String> {
        let cached = |asked: &&&Asked| self.options.cache_for.contains_key(asked.repository.host());
        let ages = |policy: &Policy| policy.require.seen.is_some() && self.options.seal.is_none();
        let counted_on = |policy: &Policy| ages(policy) || policy.watch.is_some();
        let needed = open.iter().any(|asked| cached(&asked) || counted_on(&policies[asked.policy]));
        if !needed && !open.iter().any(|asked| asked.recalls(&policies[asked.policy])) {
            return Err("no policy asks".to_owned());
        }
        let works = self.store.works();
        memory.missing = works.as_ref().err().filter(|_| needed).cloned().or(memory.missing.take());
        works
    }
}

/// What is asked for one reference, if anything is.
fn step(
    claim: Claim,
    policies: &[Policy],
    found: Found,
    today: &str,
    barred: &dyn Fn(&Policy) -> Option<Held>,
) -> Step {
    let image = found.reference.repository.clone();
    match claim {
        Claim::Unmanaged => Step::Settled(plan::Entry { found, image, policy: None, state: State::Unmanaged }),
        Claim::Held { policy, held } => {
            let policy = policy.map(|at| policies[at].name.clone());
            Step::Settled(plan::Entry { found, image, policy, state: State::Held(held) })
        }
        Claim::Managed { policy, repository } if let Some(held) = barred(&policies[policy]) => {
            let policy = Some(policies[policy].name.clone());
            Step::Settled(plan::Entry { found, image: Some(repository), policy, state: State::Held(held) })
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
                        refused: BTreeSet::new(),
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

/// The steps with what is not asked about settled. Whoever shares a scalar with a reference that is asked about is asked about, too: they
/// change together or not at all.
fn narrowed(steps: Vec<Step>, policies: &[Policy], scope: &Scope) -> Vec<Step> {
    let left_out = |step: &Step| match step {
        Step::Asks { asked, .. } => scope.leaves_out(&policies[asked.policy].name, &asked.repository),
        Step::Settled(_) => None,
    };
    let mut held: Vec<Option<Held>> = steps.iter().map(left_out).collect();
    let mut users: HashMap<(&str, Span), Vec<usize>> = HashMap::new();
    for (at, step) in steps.iter().enumerate() {
        if let Step::Asks { found, .. } = step {
            let slots = found.reference.slots.iter();
            slots.for_each(|slot| users.entry((&found.file, slot.span)).or_default().push(at));
        }
    }
    let shared: Vec<Vec<usize>> = users.into_values().filter(|users| users.len() > 1).collect();
    // One may share with another that shares with a third; each round asks about one more at least.
    let mut more = true;
    while std::mem::take(&mut more) {
        for users in &shared {
            if users.iter().any(|at| held[*at].is_none()) {
                users.iter().for_each(|at| more |= held[*at].take().is_some());
            }
        }
    }
    let settle = |(step, held): (Step, Option<Held>)| match (step, held) {
        (Step::Asks { found, asked }, Some(held)) => {
            let policy = Some(policies[asked.policy].name.clone());
            Step::Settled(plan::Entry { found, image: Some(asked.repository), policy, state: State::Held(held) })
        }
        (step, _) => step,
    };
    steps.into_iter().zip(held).map(settle).collect()
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

fn entry(
    policies: &[Policy],
    found: Found,
    asked: &Asked,
    decision: Option<&Decision>,
    closed: Option<&Closed>,
) -> plan::Entry {
    let policy = &policies[asked.policy];
    let state = match decision {
        Some(decision) => settle(policy, &asked.repository, &found, decision, closed),
        None => State::held(Reason::IncompleteInformation, "internal error: no answer; please report this"),
    };
    plan::Entry { found, image: Some(asked.repository.clone()), policy: Some(policy.name.clone()), state }
}
