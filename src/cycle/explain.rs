//! Why a reference carries the tag it carries: who owns it, what was chosen, and the reason for every other tag.
//!
//! Only the repositories in question are listed; nothing is written.

use super::learn::decide;
use super::scan::Scanned;
use super::select::{date, no_list};
use super::{Run, RunError};
use crate::image::{ImageRef, Repository, Tag};
use crate::plan::{Allowed, Claim, Claims, Found, State, question, settle};
use crate::policy::{Decision, Facts, Held, PassedOver, Policy, PolicyName, Question, Ranking};
use crate::text::nearest;

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
    pub held: Option<Held>,
    /// Whether the chosen tag is what stands in the file.
    pub up_to_date: bool,
    /// What a person should know beside the decision.
    pub note: Option<String>,
    /// How many tags the repository has.
    pub tags: usize,
    pub passed_over: Vec<PassedOver>,
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
        let mut scanned = self.scan().await?;
        let policies = scanned.policies.clone();
        let claims = Claims::new(&policies);
        let not_found = unknown(target, &scanned, &policies);
        let found = self.targets(target, &mut scanned, &claims, &policies);
        let admission = scanned.admission.clone();
        let allowed = |policy: &Policy, file: &str, image: &Repository| self.allowed(&admission, policy, file, image);
        let mut explanations = Vec::new();
        for (found, claim) in &found {
            explanations.push(self.explain_reference(&claims, &policies, &allowed, found, claim).await);
        }
        if explanations.is_empty()
            && let Some(policy) = policies.iter().find(|policy| policy.name.as_str() == target)
        {
            for repository in policy.exact_images() {
                explanations.push(self.explain_image(policy, repository).await);
            }
            if explanations.is_empty() {
                return Err(RunError::NotFound(format!("no reference belongs to policy {target}")));
            }
        }
        if explanations.is_empty() {
            return Err(RunError::NotFound(not_found));
        }
        Ok(explanations)
    }

    fn targets(
        &self,
        target: &str,
        scanned: &mut Scanned,
        claims: &Claims<'_>,
        policies: &[Policy],
    ) -> Vec<(Found, Claim)> {
        let admission = scanned.admission.clone();
        let allowed = |policy: &Policy, file: &str, image: &Repository| self.allowed(&admission, policy, file, image);
        let place = file_and_line(target);
        let image = ImageRef::parse(target).ok().map(|image| image.repository);
        let mut found = std::mem::take(&mut scanned.found);
        found.sort_by(|a, b| (&a.file, a.reference.line).cmp(&(&b.file, b.reference.line)));
        let owned = found.into_iter().map(|found| {
            let claim = claims.owner(&found.file, &found.reference, &allowed);
            (found, claim)
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
            .collect()
    }

    async fn explain_reference(
        &self,
        claims: &Claims<'_>,
        policies: &[Policy],
        allowed: Allowed<'_>,
        found: &Found,
        claim: &Claim,
    ) -> Explanation {
        let reference = &found.reference;
        let mut explanation = Explanation {
            place: Some(Place { file: found.file.to_string(), line: reference.line, path: reference.path.clone() }),
            current: reference.tag.clone(),
            ownership: ownership(claims, policies, allowed, found, claim),
            ..Explanation::empty(reference.repository.clone())
        };
        match claim {
            Claim::Unmanaged => {}
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
                        let decision = self.look(policy, repository, &question, &mut explanation).await;
                        match settle(policy, repository, found, &decision) {
                            State::Held(held) => explanation.held = Some(held),
                            State::UpToDate => explanation.up_to_date = true,
                            State::Change(_) | State::Unmanaged => {}
                        }
                    }
                    Err(State::Held(held)) => explanation.held = Some(held),
                    Err(_) => {}
                }
            }
        }
        explanation
    }

    async fn explain_image(&self, policy: &Policy, repository: &Repository) -> Explanation {
        let mut explanation = Explanation::empty(Some(repository.clone()));
        explanation.policy = Some(policy.name.clone());
        explanation.ownership.push("no file names this image; this is what a new reference would get".to_owned());
        let decision = self.look(policy, repository, &Question::default(), &mut explanation).await;
        explanation.held = decision.held;
        explanation
    }

    /// Lists, decides, and records every tag's reason.
    async fn look(
        &self,
        policy: &Policy,
        repository: &Repository,
        question: &Question<'_>,
        explanation: &mut Explanation,
    ) -> Decision {
        let tags = match self.registry.tags(repository).await {
            Ok(tags) => tags,
            Err(error) => return no_list(&error),
        };
        let mut facts = Facts { now: Some(self.clock.now()), ..Facts::default() };
        let ranking = Ranking::new(policy, &tags);
        let decision = decide(self, repository, &ranking, question, &mut facts).await;
        explanation.tags = tags.len();
        explanation.note = decision.note.clone();
        explanation.family = ranking.family(question);
        explanation.chosen = decision.chosen.as_ref().map(|chosen| chosen.tag.clone());
        explanation.passed_over = ranking.passed_over(question, &facts);
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
            held: None,
            up_to_date: false,
            note: None,
            tags: 0,
            passed_over: Vec::new(),
        }
    }
}

/// `FILE:LINE`.
fn file_and_line(target: &str) -> Option<(&str, usize)> {
    target.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse().ok()?)))
}

fn ownership(
    claims: &Claims<'_>,
    policies: &[Policy],
    allowed: Allowed<'_>,
    found: &Found,
    claim: &Claim,
) -> Vec<String> {
    let owner = match claim {
        Claim::Managed { policy, .. } => Some(*policy),
        _ => None,
    };
    let mut lines = Vec::new();
    if let Some(marker) = &found.reference.marker {
        lines.push(format!("a marker names it: {}", marker.text));
    }
    let Some(repository) = &found.reference.repository else {
        return lines;
    };
    for (at, rank) in claims.candidates(&found.file, repository) {
        let Policy { name, file, .. } = &policies[at];
        let verdict = match allowed(&policies[at], &found.file, repository) {
            _ if Some(at) == owner => "owns it".to_owned(),
            Err(why) => format!("matches, but {why}"),
            Ok(()) => "would match too, but ranks lower or is outranked".to_owned(),
        };
        lines.push(format!("{name} ({file}): {verdict} ({})", rank.describe()));
    }
    for policy in policies.iter().filter(|policy| policy.claims_image(repository).is_some()) {
        if !policy.claims_file(&found.file) {
            let Policy { name, file, .. } = policy;
            lines.push(format!("{name} ({file}): names this image, but its `files` do not match this file"));
        }
    }
    if lines.is_empty() {
        lines.push("no policy names this image".to_owned());
    }
    lines
}

/// The most lines that are named to somebody who asked for another one.
const NAMED_LINES: usize = 5;

fn unknown(target: &str, scanned: &Scanned, policies: &[Policy]) -> String {
    let skipped = scanned.skipped.iter().find(|skipped| target.starts_with(&*skipped.file));
    if let Some(skipped) = skipped {
        return format!("{} was skipped ({}): {}", skipped.file, skipped.reason.word(), skipped.detail);
    }
    let (file, line) = file_and_line(target).map_or((target, None), |(file, line)| (file, Some(line)));
    let file = file.trim_start_matches("./");
    if scanned.snapshot.files().iter().any(|entry| &*entry.path == file) {
        return elsewhere(file, line, scanned);
    }
    let names = policies.iter().map(|policy| policy.name.as_str());
    let near = nearest(target, names).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    format!("no file, reference, policy or image is called `{target}`{near}")
}

/// The file is there, but nothing that was asked for: says where its references are, the nearest first.
fn elsewhere(file: &str, line: Option<usize>, scanned: &Scanned) -> String {
    let here = scanned.found.iter().filter(|found| &*found.file == file);
    let mut lines: Vec<usize> = here.map(|found| found.reference.line).collect();
    let Some(line) = line.filter(|_| !lines.is_empty()) else {
        return format!("{file} has no reference: nothing in it names an image, as far as is known");
    };
    lines.sort_by_key(|there| (there.abs_diff(line), *there));
    lines.dedup();
    let more = if lines.len() > NAMED_LINES { ", ..." } else { "" };
    lines.truncate(NAMED_LINES);
    let noun = if lines.len() == 1 { "line" } else { "lines" };
    let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    format!("{file} has no reference on line {line}, but on {noun} {}{more}", lines.join(", "))
}
