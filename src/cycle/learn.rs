//! What a decision needs to know: fetched when a policy asks for it, once per run and tag.

use super::history::{Answer, Histories};
use super::{Run, signatures};
use crate::image::{Digest, ImageMetadata, Repository, Tag};
use crate::policy::{Decision, Facts, Held, Need, Outcome, Question, Ranking, Reason, Source};
use crate::signature::{Signer, Verdict};
use futures::stream::{self, StreamExt};
use std::sync::Arc;

/// Questions under way at once for one repository. Each host has its own, smaller limit.
const ASKED_AT_ONCE: usize = 8;

/// One answer, on its way into the facts.
enum Learned {
    Digest(Tag, Result<Digest, String>),
    Metadata(Tag, Result<ImageMetadata, String>),
    History(Source, Answer),
    Signature(Tag, Arc<Signer>, Result<(Digest, Verdict), String>),
}

/// Asks the policy, fetches exactly what it says it needs, and asks again until it decides.
pub(super) async fn decide(
    run: &Run<'_>,
    histories: &Histories,
    repository: &Repository,
    ranking: &Ranking<'_>,
    question: &Question<'_>,
    facts: &mut Facts,
) -> Decision {
    loop {
        let needs = match ranking.decide(question, facts) {
            Outcome::Decided(decision) => return decision,
            Outcome::Needs(needs) => needs,
        };
        let unknown: Vec<Need> = needs.into_iter().filter(|need| !facts.answers(need)).collect();
        if unknown.is_empty() {
            let detail = "internal error: the policy asks for facts that it already has; please report this".to_owned();
            let held = Some(Held { reason: Reason::IncompleteInformation, detail });
            return Decision { chosen: None, held, note: None };
        }
        learn_all(run, histories, repository, unknown, facts).await;
    }
}

/// Fetches the facts, some at a time, and puts them with the others.
pub(super) async fn learn_all(
    run: &Run<'_>,
    histories: &Histories,
    repository: &Repository,
    unknown: Vec<Need>,
    facts: &mut Facts,
) {
    let known = &*facts;
    let asking = stream::iter(unknown).map(|need| learn(run, histories, repository, need, known));
    for learned in asking.buffer_unordered(ASKED_AT_ONCE).collect::<Vec<_>>().await {
        match learned {
            Learned::Digest(tag, answer) => drop(facts.digests.insert(tag, answer)),
            Learned::Metadata(tag, answer) => {
                // What an image says of itself includes its digest.
                if let Ok(image) = &answer {
                    facts.digests.entry(tag.clone()).or_insert_with(|| Ok(image.digest.clone()));
                }
                facts.metadata.insert(tag, answer);
            }
            Learned::History(source, answer) => drop(facts.histories.insert(source, answer)),
            Learned::Signature(tag, signer, answer) => {
                // What is written is what was verified, wherever the tag may have moved meanwhile.
                let verdict = answer.map(|(digest, verdict)| {
                    facts.digests.insert(tag.clone(), Ok(digest));
                    verdict
                });
                facts.signatures.insert((tag, signer), verdict);
            }
        }
    }
}

async fn learn(run: &Run<'_>, histories: &Histories, repository: &Repository, need: Need, known: &Facts) -> Learned {
    let registry = run.registry;
    match need {
        Need::History(source) => {
            let answer = histories.of(&run.sources, &source).await;
            Learned::History(source, answer)
        }
        Need::Signature(tag, signer) => {
            let root = run.options.trust_root.as_deref();
            let answer = signatures::verdict(registry, root, repository, &tag, &signer, known.digests.get(&tag)).await;
            Learned::Signature(tag, signer, answer)
        }
        Need::Digest(tag) => {
            let answer = registry.digest(repository, &tag).await.map_err(|error| error.to_string());
            Learned::Digest(tag, answer)
        }
        Need::Metadata(tag) => {
            let answer = registry.metadata(repository, &tag).await.map_err(|error| error.to_string());
            Learned::Metadata(tag, answer)
        }
    }
}
