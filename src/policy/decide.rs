//! The decision for one current tag.
//!
//! | the current tag | decision |
//! |---|---|
//! | none | the best candidate |
//! | floating | held, naming what it would be pinned to; `floating: pin` lets that be written |
//! | not comparable, or of a commit that the best candidate's does not contain | held; `allowReplace` lets the best candidate be written |
//! | lower than the best candidate | the best candidate; held when several are best and differ in their commit ids only |
//! | equal in value to it | stays: a tie is no update |
//! | higher, and out of range or a pre-release | stays, with a note |
//! | higher, and excluded or gone from the registry | held as a downgrade; `allowDowngrade` lets the best candidate be written |

use super::family::{FamilyName, Shape};
use super::ground::{Current, Ground};
use super::newest::{self, NoOrder};
use super::outlier::last_day;
use super::pool::Entry;
use super::ranking::Ranking;
use super::require::{MAX_LOOKED_AT, Verdict};
use super::{Chosen, Decision, Facts, FloatingCurrent, Guard, Held, Need, Outcome, Question, Reason, Select, commit};
use crate::image::{Digest, Tag};
use std::cmp::Ordering;

/// A decision before its digest is known.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    pub(super) chosen: Option<Tag>,
    pub(super) held: Option<Held>,
    note: Option<String>,
    /// What must be known before anything can be said; empty in a judgement that stands.
    needs: Vec<Need>,
}

impl Judgement {
    pub(super) fn choose(tag: &str) -> Judgement {
        Judgement { chosen: Tag::parse(tag).ok(), ..Judgement::default() }
    }

    pub(super) fn hold(self, reason: Reason, detail: String) -> Judgement {
        Judgement { held: Some(Held { reason, detail }), ..self }
    }

    /// Adds the digest where one is to be written, or asks for it.
    ///
    /// It is asked for only when the tag changes or the reference has none: a tag that stays keeps the digest beside it,
    /// wherever the publisher may have moved it.
    pub(super) fn complete(mut self, question: &Question<'_>, facts: &Facts) -> Outcome {
        if !self.needs.is_empty() {
            return Outcome::Needs(self.needs);
        }
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
        self.decided(digest)
    }

    /// The same where the digest is what the policy is about: that of the file does not count.
    pub(super) fn complete_moving(self, facts: &Facts) -> Outcome {
        let anew = Question { digest: true, ..Question::default() };
        self.complete(&anew, facts)
    }

    fn decided(self, digest: Option<Digest>) -> Outcome {
        Outcome::Decided(Decision {
            chosen: self.chosen.map(|tag| Chosen { tag, digest }),
            held: self.held,
            note: self.note,
        })
    }
}

impl Ranking<'_> {
    pub(super) fn judge(&self, ground: &Ground<'_>, facts: &Facts) -> Judgement {
        if let Some(held) = self.before_looking(ground) {
            return held;
        }
        let mut young = None;
        let best = match self.pick(ground, facts, &mut young) {
            Ok(best) => best,
            Err(NoOrder::Needs(needs)) => return Judgement { needs, ..Judgement::default() },
            Err(NoOrder::Held(held)) => return Judgement { held: Some(held), note: young, ..Judgement::default() },
        };
        let judgement = self.weigh(ground, best, facts);
        if judgement.held.is_some() {
            let judgement = self.held_waiting(ground, facts, judgement);
            return Judgement { note: judgement.note.or(young), ..judgement };
        }
        let taken = best.filter(|best| judgement.chosen.as_ref().is_some_and(|tag| tag.as_str() == best.tag));
        if let Some(twin) = taken.and_then(|best| self.twin(ground, best)) {
            return judgement.hold(Reason::NotComparable, twin);
        }
        let note = judgement.note.or_else(|| self.doubt(ground));
        let note = note.or_else(|| self.waiting(ground, judgement.chosen.as_ref(), facts)).or(young);
        Judgement { note, ..judgement }
    }

    /// Holds that stand whatever the candidates are, so that nothing is asked about these.
    fn before_looking(&self, ground: &Ground<'_>) -> Option<Judgement> {
        let guards = &self.policy.guards;
        match &ground.current {
            Current::Unordered { tag, why } if !guards.allow_replace => {
                let detail = format!("the policy cannot order {tag}: {why}");
                Some(Judgement::default().hold(Reason::NotComparable, detail))
            }
            Current::Floating { tag, .. }
                if self.policy.select.asks_for_order() && guards.floating_current == FloatingCurrent::Hold =>
            {
                let detail = format!("{tag} is floating; `floating: pin` would write the newest tag");
                Some(Judgement::default().hold(Reason::FloatingCurrent, detail))
            }
            _ => None,
        }
    }

    /// The best candidate that every guard lets through, if there is one. `young` says of the best that has yet to age when
    /// it will be old enough.
    fn pick<'r>(
        &self,
        ground: &Ground<'r>,
        facts: &Facts,
        young: &mut Option<String>,
    ) -> Result<Option<&'r Entry<'r>>, NoOrder> {
        let hold = |reason, detail| Err(NoOrder::Held(Held { reason, detail }));
        let may_replace = self.policy.guards.allow_replace;
        let ordered: Box<dyn Iterator<Item = &'r Entry<'r>>> = match &self.policy.select {
            Select::Newest => Box::new(newest::by_time(ground, facts)?.into_iter()),
            Select::Commit(source) => Box::new(commit::by_history(source, ground, facts, may_replace)?.into_iter()),
            _ => Box::new(ground.pool.candidates()),
        };
        let believed = ordered.filter(|entry| {
            !ground.is_refused(entry)
                && !self.is_outlier(ground, entry)
                && !self.is_ahead(ground, entry, facts)
                && !self.is_beyond(ground, entry)
        });
        let mut looked_at = 0;
        for entry in believed {
            if !self.policy.require.asks() || !self.would_be_written(ground, entry, facts) {
                return Ok(Some(entry));
            }
            let verdict = self.policy.require.verdict(entry.tag, facts);
            // What an earlier run found out costs nothing.
            let asked = matches!(verdict, Verdict::Needs(_)) || facts.asked(entry.tag);
            if asked && looked_at == MAX_LOOKED_AT {
                let detail =
                    format!("the best {MAX_LOOKED_AT} candidates do not satisfy `require`, and no more are looked at");
                return hold(Reason::NoCandidate, detail);
            }
            looked_at += usize::from(asked);
            match verdict {
                Verdict::Good => return Ok(Some(entry)),
                Verdict::Needs(needs) => return Err(NoOrder::Needs(needs)),
                Verdict::Fails(Reason::TooYoung, detail) if self.policy.require.seen.is_some() => {
                    young.get_or_insert(format!("{} is too young: {detail}", entry.tag));
                }
                Verdict::Fails(..) => {}
                Verdict::Unknown(why) => {
                    let detail = format!("whether {} satisfies `require` could not be learned: {why}", entry.tag);
                    return hold(Reason::IncompleteInformation, detail);
                }
            }
        }
        Ok(None)
    }

    /// Whether choosing the entry would change a file. What would not is no concern of `require`.
    pub(super) fn would_be_written(&self, ground: &Ground<'_>, entry: &Entry<'_>, facts: &Facts) -> bool {
        match &ground.current {
            Current::Ordered(current) => match self.compare(entry, current, facts) {
                Ordering::Greater => true,
                Ordering::Equal => false,
                Ordering::Less => self.policy.guards.allow_downgrade,
            },
            Current::Floating { .. } => self.policy.guards.floating_current == FloatingCurrent::Pin,
            Current::Absent | Current::Unordered { .. } => true,
        }
    }

    /// Whether the entry's suffix names a day to come, and nobody confirmed it. Like every outlier it needs a current tag.
    pub(super) fn is_ahead(&self, ground: &Ground<'_>, entry: &Entry<'_>, facts: &Facts) -> bool {
        let judged = matches!(self.policy.select, Select::Semver { .. })
            && self.policy.guards.is_on(Guard::Outlier)
            && matches!(&ground.current, Current::Ordered(current) if current.tag != entry.tag);
        let latest = || Shape::read(entry.tag)?.dates().max();
        judged
            && latest().zip(facts.now.and_then(last_day)).is_some_and(|(latest, last)| latest > last)
            && !self.policy.guards.accept.contains(entry.tag)
    }

    /// Whether the step up from the current version is larger than `maxBump`.
    pub(super) fn is_beyond(&self, ground: &Ground<'_>, entry: &Entry<'_>) -> bool {
        let (Some(bump), Some(to)) = (self.policy.require.max_bump, entry.numbers()) else {
            return false;
        };
        let from: &[u64] = match &ground.current {
            Current::Ordered(current) => match current.numbers() {
                Some(from) => return from[..bump.kept()] < to[..bump.kept()],
                None => return false,
            },
            Current::Floating { line, .. } => line,
            Current::Absent | Current::Unordered { .. } => return false,
        };
        let kept = bump.kept().min(from.len());
        from[..kept] < to[..kept]
    }

    /// The table above.
    fn weigh(&self, ground: &Ground<'_>, best: Option<&Entry<'_>>, facts: &Facts) -> Judgement {
        match (&ground.current, best) {
            (_, None) => Judgement::default().hold(Reason::NoCandidate, self.tally(ground, facts)),
            (Current::Absent | Current::Unordered { .. }, Some(best)) => Judgement::choose(best.tag),
            (Current::Floating { tag, line }, Some(best)) => self.pin(tag, line, best),
            (Current::Ordered(current), Some(best)) => self.advance(ground, current, best, facts),
        }
    }

    /// Why the best candidate may not be the newest: others of its value were built from other commits, and which of
    /// these came later their ids do not tell. Not asked of a current tag.
    fn twin(&self, ground: &Ground<'_>, best: &Entry<'_>) -> Option<String> {
        let blind = |family: &&FamilyName| family.has_commits() && !self.policy.select.needs_times();
        ground.family.as_ref().filter(blind)?;
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
        let below = best.numbers().is_some_and(|numbers| numbers[..line.len()] < *line);
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
    fn advance(&self, ground: &Ground<'_>, current: &Entry<'_>, best: &Entry<'_>, facts: &Facts) -> Judgement {
        let order = self.compare(best, current, facts);
        let listed =
            current.tag == best.tag || ground.pool.lists(current.tag) || self.tags.iter().any(|tag| tag == current.tag);
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

    /// The highest tag that was not believed, or lies beyond a step, for people.
    fn doubt(&self, ground: &Ground<'_>) -> Option<String> {
        let best = ground.pool.candidates().next()?;
        if let Some(bump) = self.policy.require.max_bump.filter(|_| self.is_beyond(ground, best)) {
            return Some(format!("{} exists; `maxBump: {bump}` does not let it through", best.tag));
        }
        let reach = ground.reach.filter(|_| self.is_outlier(ground, best))?;
        Some(format!("{tag} is far above {reach}; `accept: [{tag}]` confirms it", tag = best.tag))
    }
}
