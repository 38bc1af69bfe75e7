//! The reason for every tag that was not chosen. Computed on demand only: it looks at each tag again.

use super::ground::{Current, Ground};
use super::pool::{Entry, Reading};
use super::ranking::{Ranking, screen};
use super::require::Verdict;
use super::{Facts, Held, Order, PassedOver, Reason, Select, commit, family, newest};
use crate::image::Tag;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// How much is shown of a text that is no tag.
const SHOWN: usize = 160;

/// What was decided, and on which facts.
#[derive(Debug)]
struct View<'v, 'r> {
    best: Option<&'v Entry<'r>>,
    chosen: Option<&'v Tag>,
    held: Option<&'v Held>,
    facts: &'v Facts,
    /// What contains the commit that stands in the file, where that counts.
    line: Option<commit::Line<'v>>,
}

impl Ranking<'_> {
    pub(super) fn explain(
        &self,
        ground: &Ground<'_>,
        chosen: Option<&Tag>,
        held: Option<&Held>,
        facts: &Facts,
    ) -> Vec<PassedOver> {
        self.explain_some(ground, chosen, held, facts, (usize::MAX, usize::MAX)).0
    }

    /// The same for at most so many tags that have a place in the order, the best, and so many others, the last by their bytes;
    /// and how many are left out. What is left out costs little.
    pub(super) fn explain_some(
        &self,
        ground: &Ground<'_>,
        chosen: Option<&Tag>,
        held: Option<&Held>,
        facts: &Facts,
        (most_ordered, most_others): (usize, usize),
    ) -> (Vec<PassedOver>, usize) {
        let best = chosen.and_then(|tag| ground.pool.entries().find(|entry| entry.tag == tag.as_str()));
        let passed = |tag: String, (reason, detail)| PassedOver { tag, reason, detail };
        let mut entries: Vec<&Entry<'_>> = ground.pool.entries().collect();
        if self.policy.select.asks_for_order() {
            entries.sort_by(|a, b| self.compare_listed(b, a, facts));
        }
        let line = commit::Line::of(&self.policy.select, ground, facts);
        let view = View { best, chosen, held, facts, line };
        let pooled: HashSet<&str> = entries.iter().map(|entry| entry.tag).collect();
        let all = self.tags.iter().map(String::as_str);
        let others: BTreeSet<&str> = all.filter(|tag| !pooled.contains(tag)).collect();
        let is_chosen = |tag: &str| chosen.is_some_and(|chosen| tag == chosen.as_str());
        entries.retain(|entry| !is_chosen(entry.tag));
        let total = entries.len() + others.len();
        let ordered = entries.iter().take(most_ordered);
        let ordered = ordered.map(|entry| passed(entry.tag.to_owned(), self.beaten(ground, entry, &view)));
        let first = others.len().saturating_sub(most_others);
        let others = others.into_iter().skip(first);
        let others = others.map(|tag| passed(legible(tag), self.dismissed(ground, tag)));
        let told: Vec<PassedOver> = ordered.chain(others).filter(|passed| !is_chosen(&passed.tag)).collect();
        let rest = total - told.len();
        (told, rest)
    }

    /// Why nothing could be chosen, in one sentence.
    pub(super) fn tally(&self, ground: &Ground<'_>, facts: &Facts) -> String {
        let all = self.explain(ground, None, None, facts);
        let mut reasons: BTreeMap<Reason, usize> = BTreeMap::new();
        for passed in &all {
            *reasons.entry(passed.reason).or_default() += 1;
        }
        let unmatched = reasons.get(&Reason::NoMatch) == Some(&all.len());
        match (self.policy.tags.matching_text(), all.len()) {
            (_, 0) => "the registry lists no tags".to_owned(),
            (Some(matching), 1) if unmatched => format!("the only tag does not match `{matching}`"),
            (Some(matching), count) if unmatched => format!("none of {count} tags matches `{matching}`"),
            (_, count) => {
                let reasons: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
                let family = ground.family.as_ref();
                let family = family.map_or_else(String::new, |family| format!(" (family: {})", family.described));
                let tags = if count == 1 { "tag" } else { "tags" };
                format!("none of {count} {tags} qualifies: {}{family}", reasons.join(", "))
            }
        }
    }

    /// Why an orderable tag was not chosen.
    fn beaten(&self, ground: &Ground<'_>, entry: &Entry<'_>, view: &View<'_, '_>) -> (Reason, String) {
        let View { best, chosen, facts, line, .. } = view;
        let (best, chosen) = (*best, *chosen);
        if let Some(refused) = entry.refused {
            return (refused, self.refusal(refused, entry));
        }
        if let Select::Commit(source) = &self.policy.select
            && let Some(misplaced) = commit::misplaced(entry, source, facts)
        {
            return misplaced;
        }
        if let Some(misplaced) = self.misplaced_in_time(ground, entry, facts) {
            return misplaced;
        }
        if ground.is_refused(entry) {
            return (Reason::Refused, "a pull request for it was closed unmerged".to_owned());
        }
        if self.is_outlier(ground, entry) {
            let reach = ground.reach.unwrap_or_default();
            return (
                Reason::Outlier,
                format!("its first number is far above {reach}; `accept: [{}]` confirms it", entry.tag),
            );
        }
        if self.is_ahead(ground, entry, facts) {
            return (Reason::Outlier, format!("its suffix names a day to come; `accept: [{}]` confirms it", entry.tag));
        }
        if let Some(bump) = self.policy.require.max_bump.filter(|_| self.is_beyond(ground, entry)) {
            return (Reason::MaxBump, format!("a larger step than `maxBump: {bump}` lets through"));
        }
        if self.would_be_written(ground, entry, facts)
            && let Verdict::Fails(reason, detail) = self.policy.require.verdict(entry.tag, facts)
        {
            return (reason, detail);
        }
        if let Current::Ordered(current) = &ground.current {
            if let Some(better) = chosen.filter(|_| entry.tag == current.tag) {
                return (Reason::Superseded, format!("stands in the file; {better} is better"));
            }
            if self.misplaced_in_time(ground, current, facts).is_none() && self.compare(entry, current, facts).is_lt() {
                return (Reason::Older, format!("lower than {}, which stands in the file", current.tag));
            }
            if line.as_ref().is_some_and(|line| line.is_beside(entry)) {
                let detail = format!("does not contain the commit of {}, which stands in the file", current.tag);
                return (Reason::NotComparable, detail);
            }
        }
        match (&ground.current, chosen) {
            (Current::Unordered { tag, .. }, None) => {
                (Reason::NotComparable, format!("whether it is newer than {tag} cannot be known"))
            }
            (_, Some(chosen)) if best.is_some_and(|best| self.compare(best, entry, facts).is_eq()) => {
                if view.held.is_some_and(|held| held.reason == Reason::NotComparable) {
                    return (Reason::NotComparable, format!("equal to {chosen} in value"));
                }
                (Reason::Superseded, format!("equal to {chosen} in value"))
            }
            (_, Some(chosen)) => (Reason::Superseded, format!("{chosen} is better")),
            (_, None) => undecided(view.held),
        }
    }

    /// Why the order by build time has no place for the tag, where that order was asked for.
    fn misplaced_in_time(&self, ground: &Ground<'_>, entry: &Entry<'_>, facts: &Facts) -> Option<(Reason, String)> {
        // Beside a tag that cannot be ordered no time would help.
        let beside = matches!(ground.current, Current::Unordered { .. }) && !self.policy.guards.allow_replace;
        let timed = self.policy.select.needs_times() && !beside;
        timed.then(|| newest::misplaced(entry.tag, facts)).flatten()
    }

    /// As [`Ranking::compare`], and total where some tags have no place.
    fn compare_listed(&self, entry: &Entry<'_>, other: &Entry<'_>, facts: &Facts) -> Ordering {
        match &self.policy.select {
            Select::Newest => newest::compare_listed(entry.tag, other.tag, facts),
            _ => self.compare(entry, other, facts),
        }
    }

    fn refusal(&self, reason: Reason, entry: &Entry<'_>) -> String {
        match (&self.policy.select, reason, entry.version()) {
            (Select::Semver { range, .. }, Reason::OutOfRange, Some(version)) => {
                format!("{version} is outside `{range}`")
            }
            (Select::Semver { range, .. }, Reason::Prerelease, Some(version)) => {
                format!("{version} is a pre-release, and no operand of `{range}` is one")
            }
            (Select::Calver(pattern), Reason::Prerelease, _) => {
                format!("a pre-release, and `{pattern}` has no `MODIFIER`")
            }
            _ => "longer versions of the repository begin with it".to_owned(),
        }
    }

    /// Why a tag is not in the pool.
    fn dismissed(&self, ground: &Ground<'_>, tag: &str) -> (Reason, String) {
        let key = match screen(self.policy, tag) {
            Ok(key) => key,
            Err(reason) => return (reason, self.screened_out(reason, tag)),
        };
        let reading = if ground.family.is_some() { Reading::Family } else { Reading::Plain };
        if family::Shape::read(&key).is_some_and(|shape| self.moves(&shape)) {
            return (Reason::Floating, "longer versions of the repository begin with it".to_owned());
        }
        let unordered = Entry::read(self.policy, reading, tag, key).err();
        let Some(wanted) = &ground.family else {
            let why = unordered.map_or_else(String::new, |why| format!("it {why}"));
            return (Reason::NotAVersion, why);
        };
        match (self.family_of(tag), unordered) {
            (Some(family), _) => {
                // `-alpine3.19` and `-alpine3` are described alike; their keys are not.
                let alike = family.described == wanted.described;
                let (its, current) =
                    if alike { (family.key, &wanted.key) } else { (family.described, &wanted.described) };
                let wanted = match &ground.current {
                    Current::Floating { tag, .. } => self.pinned_by(tag, current),
                    _ => format!(", the current tag's is {current}"),
                };
                (Reason::OtherFamily, format!("its family is {its}{wanted}"))
            }
            (None, Some(why)) => (Reason::NotAVersion, format!("it {why}")),
            (None, None) => {
                (Reason::OtherFamily, format!("it is words alone; the current tag's family is {}", wanted.described))
            }
        }
    }

    /// What is looked for in place of a floating tag, whose own family is another.
    fn pinned_by(&self, tag: &str, family: &str) -> String {
        match self.parts() {
            3 => format!("; {tag} is floating, and the policy asks for {family}"),
            _ => format!("; {tag} is floating, and would be pinned to one of {family}"),
        }
    }

    fn screened_out(&self, reason: Reason, tag: &str) -> String {
        let filter = &self.policy.tags;
        match reason {
            Reason::NoMatch => match filter.matching_text() {
                Some(matching) => format!("`{matching}` does not match"),
                None => String::new(),
            },
            Reason::Excluded => format!("`{}` matches", filter.excluding(tag).unwrap_or_default()),
            Reason::Floating => "a well-known name that moves".to_owned(),
            Reason::Artefact => "a signature, attestation or SBOM of an image, not an image".to_owned(),
            _ => "the registry listed something that is no tag".to_owned(),
        }
    }
}

/// Why a tag that has its place was not chosen where none was: what held the reference, and never another tag.
fn undecided(held: Option<&Held>) -> (Reason, String) {
    match held {
        Some(Held { reason: Reason::NotComparable | Reason::FloatingCurrent, detail }) => {
            (Reason::NotComparable, format!("nothing is chosen: {detail}"))
        }
        Some(Held { detail, .. }) => (Reason::IncompleteInformation, format!("nothing is chosen: {detail}")),
        None => (Reason::IncompleteInformation, "nothing is chosen".to_owned()),
    }
}

impl Select {
    /// What is chosen by it, in words.
    pub fn choice(&self) -> String {
        match self {
            Select::Semver { range, .. } if range.as_str() == "*" => "the greatest version".to_owned(),
            Select::Semver { range, .. } => format!("the greatest version in `{range}`"),
            Select::Calver(pattern) => format!("the latest date, `{pattern}`"),
            Select::Numeric(Order::Asc) => "the greatest number".to_owned(),
            Select::Numeric(Order::Desc) => "the least number".to_owned(),
            Select::Alphabetical(Order::Asc) => "the last in the order of bytes".to_owned(),
            Select::Alphabetical(Order::Desc) => "the first in the order of bytes".to_owned(),
            Select::Newest => "built last".to_owned(),
            Select::Commit(source) => format!("the newest commit of {source} that has an image"),
            Select::Digest(_) => "the tag that the policy follows".to_owned(),
        }
    }
}

/// An untrusted text in printable ASCII, the rest escaped, and of bounded length. A tag is itself.
pub(super) fn legible(text: &str) -> String {
    if Tag::parse(text).is_ok() {
        return text.to_owned();
    }
    let escaped = |c: char| match c {
        ' '..='~' => c.to_string(),
        other => other.escape_unicode().to_string(),
    };
    let shown: String = text.chars().take(SHOWN).map(escaped).collect();
    match (shown.get(..SHOWN), text.chars().nth(SHOWN)) {
        (None, None) => shown,
        (begin, _) => format!("{}…", begin.unwrap_or(&shown)),
    }
}
