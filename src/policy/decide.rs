//! The decision for one current tag.
//!
//! | the current tag | decision |
//! |---|---|
//! | none | the best candidate |
//! | floating | held, naming what it would be pinned to; `floating: pin` lets that be written |
//! | not comparable | held; `allowReplace` lets the best candidate be written |
//! | lower than the best candidate | the best candidate; held when several are best and differ in their commit ids only |
//! | equal in value to it | stays: a tie is no update |
//! | higher, and out of range or a pre-release | stays, with a note |
//! | higher, and excluded or gone from the registry | held as a downgrade; `allowDowngrade` lets the best candidate be written |

use super::ground::{Current, Ground};
use super::pool::Entry;
use super::ranking::Ranking;
use super::{Chosen, Decision, Facts, FloatingCurrent, Held, Need, Outcome, Question, Reason};
use crate::image::Tag;
use std::cmp::Ordering;

/// A decision before its digest is known.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    pub(super) chosen: Option<Tag>,
    held: Option<Held>,
    note: Option<String>,
}

impl Judgement {
    fn choose(tag: &str) -> Judgement {
        Judgement { chosen: Tag::parse(tag).ok(), ..Judgement::default() }
    }

    fn hold(self, reason: Reason, detail: String) -> Judgement {
        Judgement { held: Some(Held { reason, detail }), ..self }
    }

    /// Adds the digest where one is to be written, or asks for it.
    ///
    /// It is asked for only when the tag changes or the reference has none: a tag that stays keeps the digest beside it,
    /// wherever the publisher may have moved it.
    pub(super) fn complete(mut self, question: &Question<'_>, facts: &Facts) -> Outcome {
        let mut digest = None;
        if let (Some(tag), None) = (&self.chosen, &self.held) {
            let stays = question.current == Some(tag);
            match (question.current_digest, facts.digests.get(tag)) {
                (Some(current), _) if stays => digest = Some(current.clone()),
                (None, _) if !question.digest => {}
                (_, Some(Ok(known))) => digest = Some(known.clone()),
                (_, Some(Err(why))) => {
                    let detail = format!("the digest of {tag} could not be learned: {why}");
                    self = self.hold(Reason::IncompleteInformation, detail);
                }
                (_, None) => return Outcome::Needs(vec![Need::Digest(tag.clone())]),
            }
        }
        Outcome::Decided(Decision {
            chosen: self.chosen.map(|tag| Chosen { tag, digest }),
            held: self.held,
            note: self.note,
        })
    }
}

impl Ranking<'_> {
    pub(super) fn judge(&self, ground: &Ground<'_>) -> Judgement {
        let best = ground.pool.candidates().find(|entry| !self.is_outlier(ground, entry));
        let judgement = self.weigh(ground, best);
        if judgement.held.is_some() {
            return judgement;
        }
        let taken = best.filter(|best| judgement.chosen.as_ref().is_some_and(|tag| tag.as_str() == best.tag));
        if let Some(twin) = taken.and_then(|best| self.twin(ground, best)) {
            return judgement.hold(Reason::NotComparable, twin);
        }
        Judgement { note: judgement.note.or_else(|| self.doubt(ground)), ..judgement }
    }

    /// The table above.
    fn weigh(&self, ground: &Ground<'_>, best: Option<&Entry<'_>>) -> Judgement {
        match (&ground.current, best) {
            (Current::Unordered { tag, why }, _) if !self.policy.guards.allow_replace => {
                Judgement::default().hold(Reason::NotComparable, format!("the policy cannot order {tag}: {why}"))
            }
            (_, None) => Judgement::default().hold(Reason::NoCandidate, self.tally(ground)),
            (Current::Absent | Current::Unordered { .. }, Some(best)) => Judgement::choose(best.tag),
            (Current::Floating { tag, line }, Some(best)) => self.pin(tag, line, best),
            (Current::Ordered(current), Some(best)) => self.advance(ground, current, best),
        }
    }

    /// Why the best candidate may not be the newest: others of its value were built from other commits, and which of
    /// these came later their ids do not tell. Not asked of a current tag.
    fn twin(&self, ground: &Ground<'_>, best: &Entry<'_>) -> Option<String> {
        ground.family.as_ref().filter(|family| family.has_commits())?;
        let stays = matches!(&ground.current, Current::Ordered(current) if current.tag == best.tag);
        let equal = |entry: &&Entry<'_>| entry.tag != best.tag && entry.compare_value(best, self.policy).is_eq();
        let twin = ground.pool.candidates().filter(|_| !stays).find(equal)?;
        Some(format!("{} and {} differ in their commit ids only, which tell no order", best.tag, twin.tag))
    }

    /// Whether the entry stands above the jump that nothing suggests, and nobody confirmed it.
    pub(super) fn is_outlier(&self, ground: &Ground<'_>, entry: &Entry<'_>) -> bool {
        let above = entry.first_number().zip(ground.reach).is_some_and(|(first, reach)| first > reach);
        above && !self.policy.guards.accept.contains(entry.tag)
    }

    /// From a floating tag to a fixed one.
    fn pin(&self, tag: &str, line: &[u64], best: &Entry<'_>) -> Judgement {
        let chosen = Judgement::choose(best.tag);
        let below = best.version().is_some_and(|version| {
            let numbers = [version.major, version.minor, version.patch];
            numbers[..line.len()] < *line
        });
        if below && !self.policy.guards.allow_downgrade {
            return chosen
                .hold(Reason::Downgrade, format!("{tag} is floating, and the best candidate {} is lower", best.tag));
        }
        match self.policy.guards.floating_current {
            FloatingCurrent::Pin => chosen,
            FloatingCurrent::Hold => chosen
                .hold(Reason::FloatingCurrent, format!("{tag} is floating; `floating: pin` would write {}", best.tag)),
        }
    }

    /// From one orderable tag to another, never down by accident.
    fn advance(&self, ground: &Ground<'_>, current: &Entry<'_>, best: &Entry<'_>) -> Judgement {
        let order = best.compare_value(current, self.policy);
        let listed = current.tag == best.tag
            || ground.pool.lists(current, self.policy)
            || self.tags.iter().any(|tag| tag == current.tag);
        let gone = (!listed).then(|| format!("the registry no longer lists {}", current.tag));
        let choose = |entry: &Entry<'_>| Judgement { note: gone.clone(), ..Judgement::choose(entry.tag) };
        match order {
            Ordering::Greater => choose(best),
            Ordering::Equal => choose(current),
            Ordering::Less if self.policy.guards.allow_downgrade => choose(best),
            Ordering::Less if listed && current.refused.is_some() => Judgement {
                note: Some(format!("{} stands above what the policy admits ({} is the best)", current.tag, best.tag)),
                ..choose(current)
            },
            Ordering::Less => {
                let why = gone.unwrap_or_else(|| format!("the policy does not admit {}", current.tag));
                let detail =
                    format!("{why}, and the best candidate {} is lower; `allowDowngrade` would write it", best.tag);
                Judgement::choose(best.tag).hold(Reason::Downgrade, detail)
            }
        }
    }

    /// The highest tag that was not believed, for people.
    fn doubt(&self, ground: &Ground<'_>) -> Option<String> {
        let best = ground.pool.candidates().next()?;
        let reach = ground.reach.filter(|_| self.is_outlier(ground, best))?;
        Some(format!("{tag} is far above {reach}; `accept: [{tag}]` confirms it", tag = best.tag))
    }
}
