//! What is told now, given what was told before. Pure.
//!
//! | what lasts | is told |
//! |---|---|
//! | is new, and needs a person at once | now |
//! | is new, and often passes by itself | after so many runs or so long, whichever comes first |
//! | is another than before | as if it were new |
//! | was told and is as before | when the reminder is due, if there is one |
//! | was told and is over | as a recovery, where it has one |
//!
//! A registry that fails does so for many branches. It is one matter: it is counted by the first branch that met it, and over
//! when no branch meets it any more.

use super::gather::Lasting;
use crate::config::settings::{NewsKind, NewsValues};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// So many branches one matter is known by; it is over when none of these meets it.
const MAX_PLACES: usize = 200;

/// What is remembered of one matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// What it was like.
    state: String,
    since: i64,
    /// Runs that met it.
    runs: u32,
    told: Option<i64>,
    places: BTreeSet<String>,
    /// What is told when it is over; empty is nothing.
    over: String,
}

/// When things are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) runs: u32,
    /// Seconds.
    pub(super) time: i64,
    pub(super) remind: Option<i64>,
}

/// What to tell, and what to remember.
#[derive(Debug, Default)]
pub(super) struct Decided {
    pub(super) tell: Vec<NewsValues>,
    pub(super) notes: Vec<(String, Option<Note>)>,
}

/// What a run of `place` found in one scope.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) place: &'a str,
    pub(super) met: &'a [&'a Lasting],
    /// Subjects that it did not look at.
    pub(super) unasked: &'a BTreeSet<String>,
}

/// `known` is what is remembered of the scope.
pub(super) fn decide(known: &BTreeMap<String, Note>, found: Found<'_>, rules: Rules, now: i64) -> Decided {
    let Found { place, met, unasked } = found;
    let mut decided = Decided::default();
    for one in met {
        let before = known.get(&one.subject).filter(|note| note.state == one.state);
        let mut note = before.cloned().unwrap_or_else(|| Note {
            state: one.state.clone(),
            since: now,
            runs: 0,
            told: None,
            places: known.get(&one.subject).map(|note| note.places.clone()).unwrap_or_default(),
            over: String::new(),
        });
        if note.places.len() < MAX_PLACES {
            note.places.insert(place.to_owned());
        }
        if note.places.first().is_some_and(|first| first == place) {
            note.runs = note.runs.saturating_add(1);
        }
        // A clock that was set back makes nothing younger than new.
        note.since = note.since.min(now);
        note.over = one.over.clone();
        let due = !one.later || note.runs >= rules.runs || now - note.since >= rules.time;
        let again = match (note.told, rules.remind) {
            (None, _) => true,
            (Some(told), Some(remind)) => now - told >= remind,
            (Some(_), None) => false,
        };
        if due && again {
            note.told = Some(now);
            decided.tell.push(one.news.clone());
        }
        if known.get(&one.subject) != Some(&note) {
            decided.notes.push((one.subject.clone(), Some(note)));
        }
    }
    let gone = known.iter().filter(|(subject, note)| {
        let met = met.iter().any(|one| one.subject == **subject);
        note.places.contains(place) && !met && !unasked.contains(*subject)
    });
    for (subject, note) in gone {
        let mut note = note.clone();
        note.places.remove(place);
        if !note.places.is_empty() {
            decided.notes.push((subject.clone(), Some(note)));
            continue;
        }
        if note.told.is_some() && !note.over.is_empty() {
            decided.tell.push(super::gather::news(NewsKind::Recovery, note.over));
        }
        decided.notes.push((subject.clone(), None));
    }
    decided
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { runs: 3, time: 1_800, remind: Some(86_400) };

    fn lasting(subject: &str, state: &str, later: bool) -> Lasting {
        Lasting {
            subject: subject.to_owned(),
            state: state.to_owned(),
            later,
            news: super::super::gather::news(NewsKind::Failure, format!("{subject} {state}")),
            over: format!("{subject} is over"),
        }
    }

    /// What is remembered, over several runs.
    #[derive(Default)]
    struct Memory(BTreeMap<String, Note>);

    impl Memory {
        fn run(&mut self, met: &[Lasting], place: &str, now: i64) -> Vec<String> {
            self.narrow(met, &[], place, now)
        }

        /// A run that did not ask about some.
        fn narrow(&mut self, met: &[Lasting], unasked: &[&str], place: &str, now: i64) -> Vec<String> {
            let met: Vec<_> = met.iter().collect();
            let unasked = unasked.iter().map(|one| (*one).to_owned()).collect();
            let found = Found { place, met: &met, unasked: &unasked };
            let decided = decide(&self.0, found, RULES, now);
            for (subject, note) in decided.notes {
                match note {
                    Some(note) => drop(self.0.insert(subject, note)),
                    None => drop(self.0.remove(&subject)),
                }
            }
            decided.tell.into_iter().map(|news| news.text).collect()
        }
    }

    #[test]
    fn what_needs_a_person_is_told_once_until_it_changes_or_the_reminder_is_due() {
        let mut memory = Memory::default();
        let hold = |state: &str| [lasting("hold", state, false)];
        assert_eq!(memory.run(&hold("a"), "p", 0), ["hold a"]);
        assert_eq!(memory.run(&hold("a"), "p", 86_399), [""; 0]);
        assert_eq!(memory.run(&hold("a"), "p", 86_400), ["hold a"], "the reminder");
        assert_eq!(memory.run(&hold("b"), "p", 86_401), ["hold b"], "it is another");
        assert_eq!(memory.run(&hold("b"), "p", 86_402), [""; 0]);
        assert_eq!(memory.run(&[], "p", 86_403), ["hold is over"]);
        assert_eq!(memory.run(&[], "p", 86_404), [""; 0]);
        assert!(memory.0.is_empty());
    }

    #[test]
    fn what_is_not_asked_about_lasts() {
        let mut memory = Memory::default();
        let hold = [lasting("hold", "a", false)];
        assert_eq!(memory.run(&hold, "p", 0), ["hold a"]);
        assert_eq!(memory.narrow(&[], &["hold"], "p", 1), [""; 0], "it is not over");
        assert_eq!(memory.run(&hold, "p", 2), [""; 0], "and no news");
        assert_eq!(memory.narrow(&[], &["other"], "p", 3), ["hold is over"]);
    }

    #[test]
    fn what_fails_is_told_after_so_many_runs_or_so_long() {
        let failing = [lasting("f", "x", true)];
        let mut memory = Memory::default();
        assert!(memory.run(&failing, "p", 0).is_empty() && memory.run(&failing, "p", 10).is_empty());
        assert_eq!(memory.run(&failing, "p", 20), ["f x"], "the third run");
        let mut memory = Memory::default();
        assert!(memory.run(&failing, "p", 0).is_empty());
        assert_eq!(memory.run(&failing, "p", 1_800), ["f x"], "half an hour");
        let mut memory = Memory::default();
        assert!(memory.run(&failing, "p", 0).is_empty());
        assert!(memory.run(&[], "p", 1).is_empty(), "what was never told is over without a word");
        assert!(memory.run(&failing, "p", 1_900).is_empty(), "and begins anew");
    }

    #[test]
    fn one_registry_is_one_matter_for_all_branches() {
        let failing = [lasting("host", "", true)];
        let mut memory = Memory::default();
        for (place, now) in [("a", 0), ("b", 1), ("c", 2), ("a", 3)] {
            assert!(memory.run(&failing, place, now).is_empty(), "{place}: three branches are not three runs");
        }
        assert_eq!(memory.run(&failing, "a", 4), ["host "]);
        assert!(memory.run(&failing, "b", 5).is_empty());
        assert!(memory.run(&[], "a", 6).is_empty() && memory.run(&[], "c", 7).is_empty(), "b still meets it");
        assert_eq!(memory.run(&[], "b", 8), ["host is over"]);
    }

    #[test]
    fn a_clock_that_is_set_back_tells_nothing_twice() {
        let failing = [lasting("f", "x", true)];
        let mut memory = Memory::default();
        for now in [100_000, 100_001, 100_002, 5, 6] {
            memory.run(&failing, "p", now);
        }
        assert_eq!(memory.0["f"].told, Some(100_002));
    }

    #[test]
    fn a_note_is_read_back_as_it_was() {
        let mut memory = Memory::default();
        memory.run(&[lasting("f", "x", false)], "p", 7);
        let text = serde_json::to_string(&memory.0["f"]).unwrap();
        assert_eq!(serde_json::from_str::<Note>(&text).unwrap(), memory.0["f"]);
    }
}
