//! What the operator lets a run write: nothing in a freeze, and at other times no more than so many changes.
//!
//! Of these the first of the plan are made, group by group, for a group is written whole; only that of the whole run (`group: run`) may
//! be divided, and not where one scalar ties changes together. A first group that is larger than the bound is written all the same:
//! else nothing would ever be.

use super::{Plan, State, Value, tie};
use crate::policy::{RUN_GROUP, Reason};
use crate::schedule::Freeze;
use std::collections::{BTreeMap, HashMap};

impl Plan {
    /// Holds every change while the freeze lasts.
    pub fn freeze(&mut self, freeze: &Freeze, now: i64) {
        if let Some(why) = freeze.closed(now) {
            let all = self.changing();
            self.hold(&all, Reason::Frozen, &why);
        }
    }

    /// Holds all changes but the first `most` of those that are committed; whether there were more. What pull requests propose is
    /// proposed again in every run until it is merged, and has limits of its own. The plan stands in its order, with its ties.
    pub fn pace(&mut self, most: usize) -> bool {
        let mut held = Vec::new();
        let mut taken = 0;
        for unit in self.units() {
            if held.is_empty() && (taken == 0 || taken + unit.len() <= most) {
                taken += unit.len();
            } else {
                held.extend(unit);
            }
        }
        let why = format!("this run writes {taken} of {} changes, and the next one goes on", taken + held.len());
        self.hold(&held, Reason::Pace, &why);
        !held.is_empty()
    }

    /// What is written together or not at all, by the places of the changes; the unit of the first change is the first.
    fn units(&self) -> Vec<Vec<usize>> {
        let mut unit_of: HashMap<usize, usize> = self.committed().map(|at| (at, at)).collect();
        let mut first: HashMap<&str, usize> = HashMap::new();
        for (at, entry) in self.entries.iter().enumerate() {
            if let State::Change(change) = &entry.state
                && !change.pull_request
                && *change.group != *RUN_GROUP
            {
                unit_of.insert(at, *first.entry(&change.group).or_insert(at));
            }
        }
        // Ties are within one group, so that those of other groups are together already.
        let mut moved = true;
        while std::mem::take(&mut moved) {
            for users in tie::tied(&self.entries) {
                let Some(least) = users.iter().filter_map(|at| unit_of.get(at)).min().copied() else { continue };
                for at in users {
                    if let Some(unit) = unit_of.get_mut(&at).filter(|unit| **unit != least) {
                        *unit = least;
                        moved = true;
                    }
                }
            }
        }
        let mut units: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for at in self.committed() {
            units.entry(unit_of[&at]).or_default().push(at);
        }
        units.into_values().collect()
    }

    fn committed(&self) -> impl Iterator<Item = usize> {
        let directly = |at: &usize| matches!(&self.entries[*at].state, State::Change(change) if !change.pull_request);
        (0..self.entries.len()).filter(directly)
    }

    fn changing(&self) -> Vec<usize> {
        let changes = |at: &usize| matches!(self.entries[*at].state, State::Change(_));
        (0..self.entries.len()).filter(changes).collect()
    }

    fn hold(&mut self, places: &[usize], reason: Reason, why: &str) {
        for at in places {
            let state = &mut self.entries[*at].state;
            if let State::Change(change) = state {
                let to = Value { tag: change.to.tag.clone(), digest: change.to.digest.clone() };
                *state = State::held(reason, format!("would be {to}; {why}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::{Action, Target};
    use crate::image::Tag;
    use crate::plan::{Change, Entry, Found};
    use crate::site;

    /// A kustomization whose images change in these groups; `&` and `*` share one tag.
    fn plan(groups: &[&str]) -> Plan {
        let tags = groups.iter().map(|group| match group.chars().next() {
            Some('&') => "&t v1",
            Some('*') => "*t",
            _ => "v1",
        });
        let images: String =
            tags.enumerate().map(|(at, tag)| format!("- {{name: web{at}, newTag: {tag}}}\n")).collect();
        let references = site::scan("kustomization.yaml", format!("images:\n{images}").as_bytes()).references;
        assert_eq!(references.len(), groups.len());
        let entries = references.into_iter().zip(groups).map(|(reference, group)| {
            let to = Target { tag: Tag::parse("v2").ok(), ..Target::default() };
            let group = group.trim_start_matches(['&', '*']).into();
            Entry {
                found: Found { file: "kustomization.yaml".into(), blob: None, reference: Box::new(reference) },
                image: None,
                policy: None,
                state: State::Change(Change { action: Action::Update, to, group, pull_request: false }),
            }
        });
        Plan { entries: entries.collect(), ..Plan::default() }
    }

    /// Where changes are left, and whether any was held.
    fn paced(groups: &[&str], most: usize) -> (Vec<usize>, bool) {
        let mut plan = plan(groups);
        let more = plan.pace(most);
        (plan.changing(), more)
    }

    #[test]
    fn the_first_changes_are_made_up_to_the_bound() {
        let run = ["run"; 3];
        for (most, left) in [(1, vec![0]), (2, vec![0, 1]), (3, vec![0, 1, 2]), (4, vec![0, 1, 2])] {
            assert_eq!(paced(&run, most), (left, most < 3), "{most}");
        }
        assert_eq!(paced(&[], 1), (vec![], false));
    }

    #[test]
    fn groups_and_ties_are_not_divided() {
        for (groups, most, left) in [
            (&["a", "b", "a"][..], 2, vec![0, 2]),
            (&["a", "b", "a"], 3, vec![0, 1, 2]),
            // The first goes whole, whatever its size, and nothing passes by one that does not fit.
            (&["a", "a", "b"], 1, vec![0, 1]),
            (&["a", "b", "b", "c"], 2, vec![0]),
            (&["run", "&run", "run", "*run"], 1, vec![0]),
            (&["run", "&run", "run", "*run"], 2, vec![0]),
            (&["run", "&run", "run", "*run"], 3, vec![0, 1, 3]),
            (&["&run", "run", "*run"], 1, vec![0, 2]),
        ] {
            assert_eq!(paced(groups, most).0, left, "{groups:?} by {most}");
        }
    }

    #[test]
    fn who_waits_is_told_what_for() {
        let mut plan = plan(&["run", "run", "run"]);
        plan.pace(1);
        let details: Vec<String> = plan.held().map(|(_, held)| format!("{}: {}", held.reason, held.detail)).collect();
        assert_eq!(details, ["pace: would be v2; this run writes 1 of 3 changes, and the next one goes on"; 2]);
    }

    #[test]
    fn a_freeze_holds_all_changes_and_ends_to_the_second() {
        let freeze = Freeze { until: 86_400, reason: Some("year end".to_owned()) };
        let mut over = plan(&["run", "a"]);
        over.freeze(&freeze, 86_400);
        assert_eq!(over.changing(), [0, 1]);
        let mut frozen = plan(&["run", "a"]);
        frozen.entries[1].state = State::UpToDate;
        frozen.freeze(&freeze, 86_399);
        let held: Vec<String> = frozen.held().map(|(_, held)| format!("{}: {}", held.reason, held.detail)).collect();
        assert_eq!(held, ["frozen: would be v2; year end; until 1970-01-02T00:00:00Z"]);
        assert_eq!(frozen.entries[1].state, State::UpToDate);
    }
}
