//! Why a reference carries the tag it carries: who owns it, what was chosen, and the reason for every other tag.
//!
//! Only the repositories in question are listed; nothing is written.

use super::ask::no_list;
use super::history::Histories;
use super::learn::decide;
use super::ledger::{Book, Firsts};
use super::near::Near;
use super::recall::{News, to_record};
use super::scan::Scanned;
use super::{Run, RunError};
use crate::image::{ImageRef, Repository, Tag};
use crate::plan::{Allowed, Claim, Claims, Found, State, question, settle};
use crate::policy::{Decision, Facts, Held, PassedOver, Policy, PolicyName, Question, Ranking, Suggestion};
use crate::schedule::date;

mod ownership;
mod rollback;
mod target;

use ownership::ownership;
use rollback::Back;
pub(super) use rollback::owner;
pub(super) use target::{file_and_line, unknown};

/// What is known beside the registry.
struct Known {
    histories: Histories,
    /// What the ledger knows; `None` where it is not believed.
    firsts: Option<Firsts>,
}

/// The answer for one reference, or for one image of a policy that no file names.
#[derive(Debug, Clone)]
pub struct Explanation {
    pub place: Option<Place>,
    pub image: Option<Repository>,
    pub policy: Option<PolicyName>,
    /// In words: why this policy and not another.
    pub ownership: Vec<String>,
    pub current: Option<String>,
    /// The current tag's family, in words.
    pub family: Option<String>,
    pub chosen: Option<Tag>,
    /// What the policy chooses by, in words.
    pub choice: Option<String>,
    pub held: Option<Held>,
    /// Whether the chosen tag is what stands in the file.
    pub up_to_date: bool,
    /// What a person should know beside the decision.
    pub note: Option<String>,
    /// How many tags the repository has.
    pub tags: usize,
    pub passed_over: Vec<PassedOver>,
    /// The likely mistake, where nothing could be chosen or nobody owns the reference; each was tried.
    pub suggestions: Vec<Suggestion>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub file: String,
    pub line: usize,
    pub path: String,
}

impl Run<'_> {
    /// Explains `FILE:LINE`, `FILE`, a policy's name or an image.
    pub async fn explain(&self, target: &str) -> Result<Vec<Explanation>, RunError> {
        let scanned = self.scan().await?;
        let policies = scanned.policies.clone();
        let claims = Claims::new(&policies);
        let not_found = unknown(target, &scanned, &policies);
        let found = self.targets(target, &scanned, &claims, &policies);
        let admission = scanned.admission.clone();
        let allowed = |policy: &Policy, file: &str, image: &Repository| self.allowed(&admission, policy, file, image);
        let mut explanations = Vec::new();
        let mut changes = Vec::new();
        let book = Book::of(&*scanned.snapshot);
        let known = Known { histories: Histories::default(), firsts: book.firsts(self.options.seal.as_ref()) };
        for (at, (found, claim)) in found.iter().enumerate() {
            let (explanation, state) = self.explain_reference(&claims, &policies, &allowed, found, claim, &known).await;
            explanations.push(explanation);
            changes.extend(state.map(|state| (at, state)));
        }
        let back = Back { book: &book, histories: &known.histories };
        for (at, held) in self.held_back(&scanned, &claims, &allowed, &found, changes, back).await? {
            explanations[at].held = Some(held);
            explanations[at].up_to_date = false;
        }
        if explanations.is_empty() {
            explanations = self.explain_unused(target, &scanned, &policies, &allowed, &known).await;
        }
        if explanations.is_empty() {
            return Err(RunError::NotFound(not_found));
        }
        Ok(explanations)
    }

    /// A policy that no reference belongs to, or an image that no file names: what a new reference would get.
    async fn explain_unused(
        &self,
        target: &str,
        scanned: &Scanned,
        policies: &[Policy],
        allowed: Allowed<'_>,
        known: &Known,
    ) -> Vec<Explanation> {
        let mut explanations = Vec::new();
        if let Some(policy) = policies.iter().find(|policy| policy.name.as_str() == target) {
            let near = Near::default().of_policy(policies, policy, &scanned.found, allowed);
            for repository in policy.exact_images() {
                explanations.push(self.explain_image(policy, repository, None, known).await);
            }
            if explanations.is_empty() {
                let mut explanation = Explanation::empty(None);
                explanation.policy = Some(policy.name.clone());
                explanation.ownership.push("no reference belongs to it".to_owned());
                explanations.push(explanation);
            }
            explanations[0].suggestions.splice(0..0, near);
            return explanations;
        }
        let Ok(image) = ImageRef::parse(target) else {
            return explanations;
        };
        let mut owners: Vec<&Policy> =
            policies.iter().filter(|policy| policy.claims_image(&image.repository).is_some()).collect();
        owners.sort_by_key(|policy| std::cmp::Reverse(policy.claims_image(&image.repository)));
        for policy in owners {
            explanations.push(self.explain_image(policy, &image.repository, image.tag.as_ref(), known).await);
        }
        explanations
    }

    fn targets(
        &self,
        target: &str,
        scanned: &Scanned,
        claims: &Claims<'_>,
        policies: &[Policy],
    ) -> Vec<(Found, Claim)> {
        let admission = scanned.admission.clone();
        let allowed = |policy: &Policy, file: &str, image: &Repository| self.allowed(&admission, policy, file, image);
        let place = file_and_line(target);
        let image = ImageRef::parse(target).ok().map(|image| image.repository);
        let mut found: Vec<&Found> = scanned.found.iter().collect();
        found.sort_by(|a, b| (&a.file, a.reference.line).cmp(&(&b.file, b.reference.line)));
        let owned = found.into_iter().map(|found| {
            let claim = claims.owner(&found.file, &found.reference, &allowed);
            (found, self.beside_rejected(&scanned.broken, found, claim))
        });
        owned
            .filter(|(found, claim)| {
                let file = found.file.trim_start_matches("./");
                let owner = match claim {
                    Claim::Managed { policy, .. } | Claim::Held { policy: Some(policy), .. } => Some(*policy),
                    _ => None,
                };
                file == target.trim_start_matches("./")
                    || place.is_some_and(|(f, line)| f.trim_start_matches("./") == file && line == found.reference.line)
                    || owner.is_some_and(|at| policies[at].name.as_str() == target)
                    || (image.is_some() && found.reference.repository == image)
            })
            .map(|(found, claim)| (found.clone(), claim))
            .collect()
    }

    /// The explanation and what would become of the reference: a change, or nothing because it is up to date.
    async fn explain_reference(
        &self,
        claims: &Claims<'_>,
        policies: &[Policy],
        allowed: Allowed<'_>,
        found: &Found,
        claim: &Claim,
        known: &Known,
    ) -> (Explanation, Option<State>) {
        let reference = &found.reference;
        let mut explanation = Explanation {
            place: Some(Place { file: found.file.to_string(), line: reference.line, path: reference.path.clone() }),
            current: reference.tag.clone(),
            ownership: ownership(claims, policies, allowed, found, claim),
            ..Explanation::empty(reference.repository.clone())
        };
        let mut change = None;
        match claim {
            Claim::Unmanaged => explanation.suggestions = Near::default().of_reference(policies, found, allowed),
            Claim::Held { policy, held } => {
                explanation.policy = policy.map(|at| policies[at].name.clone());
                explanation.held = Some(held.clone());
            }
            Claim::Managed { policy, repository } => {
                let policy = &policies[*policy];
                explanation.policy = Some(policy.name.clone());
                explanation.image = Some(repository.clone());
                let current = reference.tag.as_deref().and_then(|tag| Tag::parse(tag).ok());
                match question(policy, reference, current.as_ref(), &date(self.clock.now())) {
                    Ok(question) => {
                        let decision = self.look(policy, repository, &question, known, &mut explanation).await;
                        let closed = policy.windows.closed(self.clock.now());
                        match settle(policy, repository, found, &decision, closed.as_ref()) {
                            State::Held(held) => explanation.held = Some(held),
                            State::UpToDate => {
                                explanation.up_to_date = true;
                                change = Some(State::UpToDate);
                            }
                            state => change = Some(state),
                        }
                    }
                    Err(State::Held(held)) => explanation.held = Some(held),
                    Err(_) => {}
                }
            }
        }
        (explanation, change)
    }

    async fn explain_image(
        &self,
        policy: &Policy,
        repository: &Repository,
        current: Option<&Tag>,
        known: &Known,
    ) -> Explanation {
        let mut explanation = Explanation::empty(Some(repository.clone()));
        explanation.policy = Some(policy.name.clone());
        explanation.ownership.push("no file names this image; this is what a new reference would get".to_owned());
        explanation.current = current.map(ToString::to_string);
        let question = Question { current, ..Question::default() };
        let decision = self.look(policy, repository, &question, known, &mut explanation).await;
        explanation.up_to_date = current.is_some() && decision.chosen.as_ref().map(|chosen| &chosen.tag) == current;
        explanation.held = decision.held;
        explanation
    }

    /// Lists, decides, and records every tag's reason.
    async fn look(
        &self,
        policy: &Policy,
        repository: &Repository,
        question: &Question<'_>,
        known: &Known,
        explanation: &mut Explanation,
    ) -> Decision {
        if let Some(held) = self.barred(policy) {
            return Decision { chosen: None, held: Some(held), note: None };
        }
        let tags = match self.list(repository).await {
            Ok(listed) => listed.tags,
            Err(error) => return no_list(&error),
        };
        let mut facts = Facts { now: Some(self.clock.now()), ..Facts::default() };
        if policy.select.needs_times() || policy.require.seen.is_some() || policy.require.age.is_some() {
            facts.recall = self.recall(&[policy], repository, &self.store.works()).0;
        }
        facts.firsts = known.firsts.as_ref().map(|all| all.get(repository).cloned().unwrap_or_default());
        let ranking = Ranking::new(policy, &tags);
        let decision = decide(self, &known.histories, repository, &ranking, question, &mut facts).await;
        explanation.tags = tags.len();
        explanation.note = decision.note.clone();
        explanation.family = ranking.family(question);
        explanation.choice = Some(policy.select.choice());
        explanation.chosen = decision.chosen.as_ref().map(|chosen| chosen.tag.clone());
        explanation.passed_over = ranking.passed_over(question, &facts);
        explanation.suggestions = ranking.suggestions(question, &facts);
        self.store.saw(&to_record(repository, &facts, &News::default()), self.clock.now());
        decision
    }
}

impl Explanation {
    pub fn empty(image: Option<Repository>) -> Explanation {
        Explanation {
            place: None,
            image,
            policy: None,
            ownership: Vec::new(),
            current: None,
            family: None,
            chosen: None,
            choice: None,
            held: None,
            up_to_date: false,
            note: None,
            tags: 0,
            passed_over: Vec::new(),
            suggestions: Vec::new(),
        }
    }
}
