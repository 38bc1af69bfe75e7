//! The likely mistake behind a decision that chose nothing, or something odd, and what would come of mending it.
//!
//! ```text
//! none of 312 tags matches `^v\d`; 312 match with the `v` left optional
//!   tags: {match: '^v?\d'}   would choose 1.4.2
//! ```
//!
//! Nothing is guessed: each suggestion was decided, with the same tags, the same current tag and the policy changed in that one
//! place. At most [`MAX_TRIED`] decisions are made for one question. What a decision would have to ask a registry for
//! (platforms, labels, ages, build times) is left out of the trial; then the suggestion chooses no tag by name.
//!
//! | file | looks at |
//! |---|---|
//! | `filters` | `tags.match`, `tags.extract`, `tags.exclude` |
//! | `kinds` | `select`: its kind, its range, its pre-releases |
//! | `current` | the tag in the file: its family, and whether it can be compared |

mod current;
mod filters;
mod kinds;

use super::ranking::{Ranking, screen};
use super::{Facts, FloatingCurrent, Outcome, Policy, Question, Reason, Require};
use crate::image::Tag;

/// The most decisions that are made to find out what is wrong.
pub const MAX_TRIED: usize = 16;
/// The most suggestions that are made for one decision.
pub const MAX_SUGGESTIONS: usize = 3;

/// What may be wrong, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// What is odd, with its figures, for people.
    pub problem: String,
    /// The field that would change: one of the policy's by its path, such as `tags.match`, or `image`: what stands in the
    /// file.
    pub field: &'static str,
    /// What could stand there, as it would be written.
    pub instead: String,
    /// The tag that was chosen with it; `None` where a choice needs facts that were not asked for.
    pub chooses: Option<Tag>,
}

/// What one alternative comes to.
#[derive(Debug)]
struct Outlook {
    chosen: Option<Tag>,
    /// How many candidates it has.
    candidates: usize,
}

/// Alternatives to a policy that are tried on one question.
#[derive(Debug)]
struct Trials<'t, 'a> {
    ranking: &'t Ranking<'a>,
    question: Question<'t>,
    now: Option<i64>,
    tried: usize,
    found: Vec<Suggestion>,
}

impl Ranking<'_> {
    /// What may be wrong with the policy where it holds for want of a candidate or cannot compare the current tag, or where it
    /// passes over most of what looks like a candidate. `facts` are those the decision was made with.
    pub fn suggestions(&self, question: &Question<'_>, facts: &Facts) -> Vec<Suggestion> {
        let Outcome::Decided(decision) = self.decide(question, facts) else {
            return Vec::new();
        };
        let stuck = match &decision.held {
            Some(held) => matches!(held.reason, Reason::NoCandidate | Reason::NotComparable),
            None => false,
        };
        if (decision.held.is_some() && !stuck) || self.tags.is_empty() {
            return Vec::new();
        }
        let question = Question { digest: false, current_digest: None, ..*question };
        let mut trials = Trials { ranking: self, question, now: facts.now, tried: 0, found: Vec::new() };
        trials.empty_keys();
        if stuck {
            trials.filters();
            trials.kinds();
            trials.stranger();
        } else {
            trials.shorter_versions(decision.chosen.as_ref().map(|chosen| &chosen.tag));
            trials.lonely(decision.chosen.as_ref().map(|chosen| &chosen.tag));
        }
        trials.found.truncate(MAX_SUGGESTIONS);
        trials.found
    }
}

impl<'t> Trials<'t, '_> {
    fn policy(&self) -> &'t Policy {
        self.ranking.policy
    }

    /// Whether something was found already: the next rule would only explain the same mistake again.
    fn explained(&self) -> bool {
        !self.found.is_empty()
    }

    fn suggest(&mut self, field: &'static str, problem: String, instead: String, outlook: Outlook) {
        self.found.push(Suggestion { problem, field, instead, chooses: outlook.chosen });
    }

    /// Decides with another policy, for the question that was asked.
    fn decided(&mut self, change: impl FnOnce(&mut Policy)) -> Option<Outlook> {
        let question = self.question;
        self.decided_for(&question, change)
    }

    /// Decides with another policy; `None` where that, too, would choose nothing, or no more than a tie with the current tag.
    fn decided_for(&mut self, question: &Question<'_>, change: impl FnOnce(&mut Policy)) -> Option<Outlook> {
        if self.tried == MAX_TRIED {
            return None;
        }
        self.tried += 1;
        let mut policy = self.policy().clone();
        // What a registry would have to be asked for is not part of the trial.
        policy.require = Require { max_bump: policy.require.max_bump, ..Require::default() };
        policy.guards.floating_current = FloatingCurrent::Pin;
        change(&mut policy);
        let ranking = Ranking::new(&policy, self.ranking.tags);
        let candidates = ranking.ground(question).pool.candidates().count();
        match ranking.decide(question, &Facts { now: self.now, ..Facts::default() }) {
            Outcome::Needs(_) if candidates > 0 => Some(Outlook { chosen: None, candidates }),
            Outcome::Decided(decision) if decision.held.is_none() => {
                // A current tag that nobody lists and that stays is tied with another spelling of it.
                let tied = |tag: &Tag| {
                    Some(tag) == question.current && !self.ranking.tags.iter().any(|one| tag.as_str() == one)
                };
                let chosen = decision.chosen.filter(|chosen| !tied(&chosen.tag))?;
                Some(Outlook { chosen: Some(chosen.tag), candidates })
            }
            _ => None,
        }
    }

    /// How many tags the filter passes over for this reason.
    fn screened_out(&self, reason: Reason) -> usize {
        let policy = self.policy();
        self.ranking.tags.iter().filter(|tag| screen(policy, tag).err() == Some(reason)).count()
    }
}

/// A text as a YAML scalar in single quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// `1 tag`, `2 tags`.
fn tags(count: usize) -> String {
    if count == 1 { "1 tag".to_owned() } else { format!("{count} tags") }
}

#[cfg(test)]
mod tests;
