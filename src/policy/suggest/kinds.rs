//! Mistakes in `select`: a kind that does not fit the tags, a range that lets none of them in.

use super::{Outlook, Trials, tags};
use crate::image::Tag;
use crate::policy::ground::Current;
use crate::policy::{Order, Parts, Reason, Select};
use crate::version::calver::Pattern;
use crate::version::range::Range;

/// Shapes of dates that are common.
const DATES: [&str; 5] = ["YYYY.MM.MICRO", "YYYY0M0D", "YYYY-0M-0D", "YYYY.0M", "YY.0M"];
/// One tag of so many must be a candidate for another kind to be suggested.
const SHARE: usize = 4;

impl Trials<'_, '_> {
    /// Why none of the tags that the filter lets through is a candidate.
    pub(super) fn kinds(&mut self) {
        if self.explained() {
            return;
        }
        let plain = self.ranking.plain();
        if let Current::Unordered { tag, .. } = self.ranking.ground(&self.question).current {
            return self.other_kind(format!("the policy cannot order {tag}, which stands in the file"));
        }
        if plain.is_empty() && self.ranking.ground(&self.question).pool.is_empty() {
            return self.other_kind(self.unfit());
        }
        self.prereleases();
        if !self.explained() {
            self.range();
        }
        if !self.explained() && plain.candidates().next().is_none() {
            self.other_kind(self.unfit());
        }
    }

    /// What none of the tags is.
    fn unfit(&self) -> String {
        let none = "no tag that passes the filter is";
        match &self.policy().select {
            Select::Semver { parts: Parts::One, .. } => format!("{none} a version"),
            Select::Semver { parts, .. } => format!("{none} a release of {} parts", parts.count()),
            Select::Calver(pattern) => format!("{none} a date as `{pattern}`"),
            Select::Numeric(_) => format!("{none} a plain number"),
            _ => "no tag passes the filter".to_owned(),
        }
    }

    /// Nothing has a place in the policy's order: another order has one for most.
    fn other_kind(&mut self, problem: String) {
        let mut best: Option<(String, Outlook)> = None;
        for (instead, select) in self.alternatives() {
            let Some(outlook) = self.decided(|policy| policy.select = select) else { continue };
            let enough = outlook.candidates * SHARE >= self.ranking.screened.len();
            if enough && best.as_ref().is_none_or(|(_, best)| outlook.candidates > best.candidates) {
                best = Some((instead, outlook));
            }
        }
        if let Some((instead, outlook)) = best {
            let problem = format!("{problem}; {} would be candidates", outlook.candidates);
            self.suggest("select", problem, instead, outlook);
        }
    }

    /// Other kinds, the likeliest first.
    fn alternatives(&self) -> Vec<(String, Select)> {
        let (range, parts) = match &self.policy().select {
            Select::Semver { range, parts, .. } => (Some(range.clone()), parts.count()),
            _ => (Range::parse("*").ok(), 4),
        };
        let fewer = [Parts::Three, Parts::Two, Parts::One].into_iter().filter(|fewer| fewer.count() < parts);
        let versions = |prereleases: bool| {
            let ways = range.iter().flat_map(|range| fewer.clone().map(move |parts| (range, parts)));
            let way = |(range, parts)| (semver(range, parts, prereleases), select(range, parts, prereleases));
            ways.map(way).collect::<Vec<_>>()
        };
        let dates =
            DATES.iter().filter_map(|text| Some((format!("select: {{calver: {text}}}"), Pattern::parse(text).ok()?)));
        let dates = dates.map(|(text, pattern)| (text, Select::Calver(pattern)));
        let numeric = [("select: {numeric: asc}".to_owned(), Select::Numeric(Order::Asc))];
        let own = std::mem::discriminant(&self.policy().select);
        let other = |(_, kind): &(String, Select)| {
            matches!(kind, Select::Semver { .. } | Select::Calver(_)) || std::mem::discriminant(kind) != own
        };
        versions(false).into_iter().chain(dates).chain(numeric).chain(versions(true)).filter(other).collect()
    }

    /// Only pre-releases are in the range.
    fn prereleases(&mut self) {
        let pool = self.ranking.ground(&self.question).pool;
        let count = pool.entries().filter(|entry| entry.refused == Some(Reason::Prerelease)).count();
        if count == 0 || pool.candidates().next().is_some() {
            return;
        }
        match &self.policy().select {
            Select::Semver { range, parts, prereleases: false } => {
                if let Some(outlook) = self.decided(|policy| policy.select = select(range, *parts, true)) {
                    let problem = format!("in `{range}` there are only pre-releases: {}", tags(count));
                    self.suggest("select", problem, semver(range, *parts, true), outlook);
                }
                if *parts == Parts::Three
                    && let Some(outlook) = self.decided(|policy| policy.select = select(range, Parts::Two, false))
                {
                    let problem = format!("there are releases of two parts: {}", tags(outlook.candidates));
                    self.suggest("select", problem, semver(range, Parts::Two, false), outlook);
                }
            }
            Select::Calver(pattern) => {
                let text = format!("{pattern}-MODIFIER");
                let Some(modified) = Pattern::parse(&text).ok() else { return };
                if let Some(outlook) = self.decided(|policy| policy.select = Select::Calver(modified)) {
                    let problem = format!("there are only pre-releases: {}", tags(count));
                    self.suggest("select", problem, format!("select: {{calver: {text}}}"), outlook);
                }
            }
            _ => {}
        }
    }

    /// Every version lies outside of the range.
    fn range(&mut self) {
        let pool = self.ranking.ground(&self.question).pool;
        let Select::Semver { range, parts, prereleases } = &self.policy().select else {
            return;
        };
        let outside = pool.entries().filter(|entry| entry.refused == Some(Reason::OutOfRange)).count();
        let Some(any) = Range::parse("*").ok().filter(|_| outside > 0 && pool.candidates().next().is_none()) else {
            return;
        };
        if let Some(outlook) = self.decided(|policy| policy.select = select(&any, *parts, *prereleases)) {
            let all =
                if outside == 1 { "the only version lies".to_owned() } else { format!("all {outside} versions lie") };
            let best = pool.entries().next().map_or("", |entry| entry.tag);
            let problem = format!("{all} outside `{range}`; the greatest is {best}");
            self.suggest("select", problem, semver(&any, *parts, *prereleases), outlook);
        }
    }

    /// A few stray versions of three parts are candidates, where most tags have two.
    pub(super) fn shorter_versions(&mut self, chosen: Option<&Tag>) {
        let Select::Semver { range, parts: Parts::Three, prereleases } = &self.policy().select else {
            return;
        };
        if self.question.current.is_some() {
            return;
        }
        let now = self.ranking.plain().candidates().count();
        let Some(outlook) = self.decided(|policy| policy.select = select(range, Parts::Two, *prereleases)) else {
            return;
        };
        if outlook.candidates > 2 * now && outlook.chosen.as_ref() != chosen {
            let problem = format!("only {} of three parts, but {} of two or more", tags(now), tags(outlook.candidates));
            self.suggest("select", problem, semver(range, Parts::Two, *prereleases), outlook);
        }
    }
}

fn select(range: &Range, parts: Parts, prereleases: bool) -> Select {
    Select::Semver { range: range.clone(), parts, prereleases }
}

/// As it is written in a policy, in its shortest form.
fn semver(range: &Range, parts: Parts, prereleases: bool) -> String {
    let range = format!("\"{}\"", range.as_str().replace('\\', "\\\\").replace('"', "\\\""));
    let parts = if parts == Parts::Three { String::new() } else { format!(", parts: {}", parts.count()) };
    let prereleases = if prereleases { ", prereleases: true" } else { "" };
    if parts.is_empty() && prereleases.is_empty() {
        return format!("select: {{semver: {range}}}");
    }
    format!("select: {{semver: {{range: {range}{parts}{prereleases}}}}}")
}
