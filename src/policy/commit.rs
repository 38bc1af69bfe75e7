//! `select: {commit: {repository: URL, branch: NAME}}`: the image of the newest commit of a branch that has one.
//!
//! ```yaml
//! tags: {match: '^main-(?P<sha>[0-9a-f]{7,40})-\d+$', extract: '$sha'}
//! select: {commit: {repository: https://git.example.com/acme/web.git, branch: main}}
//! ```
//!
//! The key of a tag is the id of a commit, whole or abbreviated to at least seven digits, lowercase as Git writes it. The order
//! is that of [`crate::version::history`]. A later place in it is no permission: what is written must contain the commit
//! that stands in the file, else the reference is held.

use super::decide::Judgement;
use super::ground::{Current, Ground};
use super::newest::NoOrder;
use super::pool::Entry;
use super::ranking::Ranking;
use super::{Facts, Held, Need, Reason, Select};
use crate::image::Tag;
use crate::version::history::{self, History, NotFound};
use std::cmp::{Ordering, Reverse};
use std::fmt;
use std::sync::Arc;

/// A branch of the repository that images are built from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// As the policy file was understood; without credentials.
    pub url: Arc<str>,
    /// The host in the URL, as settings name it: with its port where it has one.
    pub host: Arc<str>,
    pub branch: Arc<str>,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "branch {} of {}", self.branch, self.url)
    }
}

/// What is said of a key that is no commit id.
pub(super) const NO_ID: &str =
    "is no commit id of 7 or more digits 0 to 9 and a to f; `tags.extract` can take one out of it";

pub(super) fn is_id(key: &str) -> bool {
    history::is_id(key)
}

/// The history as far as it is known.
fn known<'f>(source: &Source, facts: &'f Facts) -> Option<&'f History> {
    facts.histories.get(source)?.as_ref().ok().map(AsRef::as_ref)
}

/// The history, or `None` where it could not be had; asked for where nobody has tried.
pub(super) fn needed<'f>(source: &Source, facts: &'f Facts) -> Result<Option<&'f History>, Vec<Need>> {
    match facts.histories.get(source) {
        None => Err(vec![Need::History(source.clone())]),
        Some(answer) => Ok(answer.as_ref().ok().map(AsRef::as_ref)),
    }
}

/// Newer is greater; commits that the branch does not have are equal and lowest.
pub(super) fn compare(entry: &Entry<'_>, other: &Entry<'_>, source: &Source, facts: &Facts) -> Ordering {
    let place = |entry: &Entry<'_>| known(source, facts)?.find(&entry.key).ok().map(Reverse);
    place(entry).cmp(&place(other))
}

/// Why the tag's commit has no place in the history.
pub(super) fn misplaced(entry: &Entry<'_>, source: &Source, facts: &Facts) -> Option<(Reason, String)> {
    match known(source, facts)?.find(&entry.key).err()? {
        NotFound::Unknown => Some((Reason::NotOnBranch, format!("{} has no commit {}", source, entry.key))),
        NotFound::Ambiguous(one, other) => {
            Some((Reason::AmbiguousCommit, format!("{one} and {other} both begin with {}", entry.key)))
        }
    }
}

/// The candidates whose commits are on the branch, the newest first; of one commit in the pool's order. Where the file names a
/// commit, only what contains it, if anything does.
pub(super) fn by_history<'r>(
    source: &Source,
    ground: &Ground<'r>,
    facts: &Facts,
    may_replace: bool,
) -> Result<Vec<&'r Entry<'r>>, NoOrder> {
    let hold = |reason, detail| NoOrder::Held(Held { reason, detail });
    let history = match facts.histories.get(source) {
        None => return Err(NoOrder::Needs(vec![Need::History(source.clone())])),
        Some(Err(why)) => {
            let detail = format!("the history of {source} could not be learned: {why}");
            return Err(hold(Reason::IncompleteInformation, detail));
        }
        Some(Ok(history)) => history,
    };
    let lifts = "`allowReplace` lets it be replaced";
    let mut line = None;
    if let Current::Ordered(current) = &ground.current {
        match (misplaced(current, source, facts), history.find(&current.key)) {
            (Some((_, why)), _) if !may_replace => {
                let detail = format!("the policy cannot order {}: {why}; {lifts}", current.tag);
                return Err(hold(Reason::NotComparable, detail));
            }
            (_, Ok(at)) => line = Some((current.tag, Line::new(history, at))),
            _ => {}
        }
    }
    let placed = |entry: &'r Entry<'r>| Some((history.find(&entry.key).ok()?, entry));
    let mut candidates: Vec<(usize, &Entry<'r>)> = ground.pool.candidates().filter_map(placed).collect();
    candidates.sort_by_key(|(place, _)| *place);
    if let (Some((current, line)), Some((place, best))) = (line, candidates.first().copied()) {
        let one_descends = candidates.iter().any(|(place, _)| line.descends(*place));
        if one_descends || line.holds(place) {
            candidates.retain(|(place, _)| !line.passes_by(*place));
        } else if !may_replace {
            let best = best.tag;
            let detail = format!("{best} is the newest, but does not contain the commit of {current}; {lifts}");
            return Err(hold(Reason::NotComparable, detail));
        }
    }
    Ok(candidates.into_iter().map(|(_, entry)| entry).collect())
}

/// The commit that stands in the file, and which others contain it.
#[derive(Debug)]
pub(super) struct Line<'h> {
    history: &'h History,
    at: usize,
    descendants: Vec<bool>,
}

impl<'h> Line<'h> {
    fn new(history: &'h History, at: usize) -> Line<'h> {
        Line { history, at, descendants: history.descendants(at) }
    }

    /// `None` where the file names no commit of the branch, or commits do not matter.
    pub(super) fn of(select: &Select, ground: &Ground<'_>, facts: &'h Facts) -> Option<Line<'h>> {
        match (select, &ground.current) {
            (Select::Commit(source), Current::Ordered(current)) => {
                let history = known(source, facts)?;
                Some(Line::new(history, history.find(&current.key).ok()?))
            }
            _ => None,
        }
    }

    /// Whether the commit is newer than the current one without containing it.
    pub(super) fn is_beside(&self, entry: &Entry<'_>) -> bool {
        self.history.find(&entry.key).is_ok_and(|place| self.passes_by(place))
    }

    fn passes_by(&self, place: usize) -> bool {
        place < self.at && !self.descends(place)
    }

    fn descends(&self, place: usize) -> bool {
        self.descendants.get(place).copied().unwrap_or(false)
    }

    /// Whether one of the two contains the other.
    fn holds(&self, place: usize) -> bool {
        place == self.at || self.descends(place) || self.history.contains(self.at, place)
    }
}

impl Ranking<'_> {
    /// What has no image yet, if the chosen tag is not that of the branch's head.
    pub(super) fn waiting(&self, ground: &Ground<'_>, chosen: Option<&Tag>, facts: &Facts) -> Option<String> {
        let Select::Commit(source) = &self.policy.select else {
            return None;
        };
        let history = known(source, facts)?;
        let place = |entry: &Entry<'_>| history.find(&entry.key).ok();
        let built = ground.pool.candidates().filter_map(place).min();
        let chosen = chosen.and_then(|tag| ground.pool.entries().find(|entry| entry.tag == tag.as_str()));
        let newest = built.into_iter().chain(chosen.and_then(place)).min();
        let since = newest.map_or(usize::MAX, |newest| history.states_since(newest));
        let head = history.ids().first().filter(|_| newest != Some(0))?.short();
        let branch = &source.branch;
        Some(match since {
            0 | 1 | usize::MAX => format!("no image yet for {head}, the head of {branch}"),
            2 => format!("no image yet for {head}, the head of {branch}, nor for the commit before it"),
            more => {
                format!("no image yet for {head}, the head of {branch}, nor for the {} commits before it", more - 1)
            }
        })
    }

    /// The same for the case that nothing qualifies.
    pub(super) fn held_waiting(&self, ground: &Ground<'_>, facts: &Facts, judgement: Judgement) -> Judgement {
        match (&judgement.held, self.waiting(ground, None, facts)) {
            (Some(held), Some(waiting)) if held.reason == Reason::NoCandidate => {
                let detail = format!("{waiting}: {}", held.detail);
                judgement.hold(Reason::NoCandidate, detail)
            }
            _ => judgement,
        }
    }
}
