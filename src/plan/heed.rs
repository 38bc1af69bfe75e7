//! What the ledger puts on hold: an entry can hold what would be written, and never make anything be written.

use super::{Entry, Key, Ledger, LedgerHold, LedgerTarget, Plan, State, Value, keys};
use crate::policy::Reason;
use std::collections::HashMap;

impl Plan {
    /// Holds what the ledger's entries name, as long as they count; where they cannot be read, every change. `name` is the
    /// ledger's, for people. The plan stands in its order.
    pub fn heed(&mut self, ledger: &Ledger, name: &str, now: i64) {
        match &ledger.holds {
            Ok(_) => self.hold_named(ledger, now),
            Err(why) => self.hold_unknown(why, name),
        }
    }

    fn hold_named(&mut self, ledger: &Ledger, now: i64) {
        // Narrow targets come first, so that the first that fits is the one to release.
        let active: Vec<&LedgerHold> = ledger.active(now).collect();
        if active.is_empty() {
            return;
        }
        let single = active.iter().any(|hold| matches!(hold.target, LedgerTarget::Place(_)));
        let keys: Vec<Key> = if single { keys(&self.entries) } else { Vec::new() };
        for (at, entry) in self.entries.iter_mut().enumerate() {
            if !matches!(entry.state, State::UpToDate | State::Change(_)) {
                continue;
            }
            if let Some(hold) = active.iter().find(|hold| names(&hold.target, entry, keys.get(at))) {
                entry.state = State::held(Reason::Hold, detail(hold, entry));
            }
        }
    }

    /// Every change waits: any of them could be one that somebody has put on hold.
    pub fn hold_unknown(&mut self, why: &str, name: &str) {
        let detail = format!(
            "what is on hold in the ledger {name} cannot be known: {why}; \
             put an earlier commit of it back, or delete the ref and set the holds again"
        );
        for entry in &mut self.entries {
            if matches!(entry.state, State::Change(_)) {
                entry.state = State::held(Reason::IncompleteInformation, detail.clone());
            }
        }
    }

    /// How many references of policies each target names.
    pub fn named_by<'t>(&self, targets: impl Iterator<Item = &'t LedgerTarget>) -> HashMap<&'t LedgerTarget, usize> {
        let targets: Vec<&LedgerTarget> = targets.collect();
        let single = targets.iter().any(|target| matches!(target, LedgerTarget::Place(_)));
        let keys = if single { keys(&self.entries) } else { Vec::new() };
        let count = |target: &LedgerTarget| {
            let managed = self.entries.iter().enumerate().filter(|(_, entry)| entry.policy.is_some());
            managed.filter(|(at, entry)| names(target, entry, keys.get(*at))).count()
        };
        targets.into_iter().map(|target| (target, count(target))).collect()
    }
}

fn names(target: &LedgerTarget, entry: &Entry, key: Option<&Key>) -> bool {
    match target {
        LedgerTarget::Place(held) => key == Some(held),
        LedgerTarget::Image(image) => entry.image.as_ref() == Some(image),
        LedgerTarget::Policy(name) => entry.policy.as_ref() == Some(name),
        LedgerTarget::All => true,
    }
}

fn detail(hold: &LedgerHold, entry: &Entry) -> String {
    let wish = match &entry.state {
        State::Change(change) => {
            let to = Value { tag: change.to.tag.clone(), digest: change.to.digest.clone() };
            format!("would be {to}; ")
        }
        _ => String::new(),
    };
    let target = match &hold.target {
        LedgerTarget::Place(_) => format!("{}:{}", entry.found.file, entry.found.reference.line),
        LedgerTarget::Image(image) => image.to_string(),
        LedgerTarget::Policy(name) => name.to_string(),
        LedgerTarget::All => "all".to_owned(),
    };
    format!("{wish}{}, `landwaiter release {target}` lifts it)", hold.story())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::{Action, Target};
    use crate::image::{Repository, Tag};
    use crate::plan::{Change, Found, HOLDS_FILE, LedgerBytes};
    use crate::policy::PolicyName;
    use crate::site;
    use proptest::prelude::*;
    use std::sync::Arc;

    const NOW: i64 = 1_795_176_000;

    /// One image each for `C` a change, `U` up to date, `H` held, `-` unmanaged.
    fn plan(states: &str) -> Plan {
        let lines: String = (0..states.len()).map(|at| format!("- {{name: web{at}, newTag: v1}}\n")).collect();
        let references = site::scan("kustomization.yaml", format!("images:\n{lines}").as_bytes()).references;
        let entries = references.into_iter().zip(states.chars()).enumerate().map(|(at, (reference, state))| {
            let to = Target { tag: Tag::parse("v2").ok(), ..Target::default() };
            let (action, group) = (Action::Update, Arc::from("run"));
            Entry {
                found: Found { file: "kustomization.yaml".into(), blob: None, reference: Box::new(reference) },
                image: Repository::parse(&format!("ghcr.io/acme/web{}", at % 3)).ok(),
                policy: (state != '-').then(|| PolicyName::parse(&format!("web{}", at % 2)).unwrap()),
                state: match state {
                    'C' => State::Change(Change { action, to, group, pull_request: false }),
                    'U' => State::UpToDate,
                    'H' => State::held(Reason::RolledBack, "taken back"),
                    _ => State::Unmanaged,
                },
            }
        });
        Plan { entries: entries.collect(), ..Plan::default() }
    }

    fn ledger(targets: &[(&str, &str)]) -> Ledger {
        let line = |(target, until): &(&str, &str)| {
            format!(r#"{{"at":"2026-11-01T00:00:00Z","by":"Ann","reason":"wait","target":"{target}","until":{until}}}"#)
        };
        let lines: Vec<String> = targets.iter().map(line).collect();
        read(format!("{{\"holds\":[{}],\"version\":1}}", lines.join(",")).into_bytes())
    }

    fn read(bytes: Vec<u8>) -> Ledger {
        Ledger::read(&LedgerBytes::from([(HOLDS_FILE.to_owned(), Ok(bytes))]))
    }

    fn heeded(states: &str, ledger: &Ledger) -> (String, Vec<String>) {
        let mut plan = plan(states);
        plan.heed(ledger, "refs/landwaiter/ledger", NOW);
        let letter = |entry: &Entry| match &entry.state {
            State::Change(_) => 'C',
            State::UpToDate => 'U',
            State::Held(_) => 'H',
            State::Unmanaged => '-',
        };
        let details = plan.held().map(|(_, held)| format!("{}: {}", held.reason, held.detail)).collect();
        (plan.entries.iter().map(letter).collect(), details)
    }

    #[test]
    fn what_is_named_is_held_whether_or_not_it_would_change() {
        let place = format!("place {}", keys(&plan("CCC").entries)[1]);
        for (target, until, expected) in [
            ("all", "null", "HHH-H"),
            ("policy web0", "null", "HUC-H"),
            ("policy web1", "null", "CHC-H"),
            ("image ghcr.io/acme/web0", "null", "HUC-H"),
            ("image ghcr.io/acme/web2", "null", "CUH-H"),
            (&place, "null", "CHC-H"),
            ("policy other", "null", "CUC-H"),
            ("all", "\"2026-11-20\"", "HHH-H"),
            ("all", "\"2026-11-19\"", "CUC-H"),
        ] {
            let expected = if target == "policy web0" { "HUH-H" } else { expected };
            assert_eq!(heeded("CUC-H", &ledger(&[(target, until)])).0, expected, "{target} {until}");
        }
    }

    #[test]
    fn the_narrowest_hold_is_named_with_what_lifts_it() {
        let both = ledger(&[("all", "null"), ("policy web0", "\"2026-12-31\"")]);
        let details = heeded("CU", &both).1;
        assert_eq!(
            details,
            [
                "hold: would be v2; wait (set by Ann on 2026-11-01 until 2026-12-31, `landwaiter release web0` lifts it)",
                "hold: wait (set by Ann on 2026-11-01, `landwaiter release all` lifts it)",
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_holds_every_change_and_nothing_else() {
        let (states, details) = heeded("CU-HC", &read(b"rubbish".to_vec()));
        assert_eq!(states, "HU-HH");
        assert!(details[0].starts_with("incomplete-information: what is on hold in the ledger refs/landwaiter/ledger"));
    }

    fn any_target() -> impl Strategy<Value = String> {
        let keys: Vec<String> = keys(&plan("CCCCCC").entries).iter().map(|key| format!("place {key}")).collect();
        prop_oneof![
            Just("all".to_owned()),
            "policy web[0-2]",
            "image ghcr.io/acme/web[0-3]",
            proptest::sample::select(keys),
            "[a-z ]{0,12}",
        ]
    }

    proptest! {
        #[test]
        fn no_ledger_makes_anything_be_written(
            states in "[CUH-]{1,6}",
            targets in proptest::collection::vec((any_target(), prop_oneof![Just("null"), Just("\"2026-11-20\""), Just("\"2026-11-01\""), Just("3")]), 0..4),
            noise in proptest::option::of((any::<prop::sample::Index>(), any::<u8>())),
        ) {
            let entry = |(target, until): &(String, &str)| {
                format!(r#"{{"at":"2026-11-01T00:00:00Z","by":"Ann","reason":"wait","target":"{target}","until":{until}}}"#)
            };
            let lines: Vec<String> = targets.iter().map(entry).collect();
            let mut bytes = format!("{{\"holds\":[{}],\"version\":1}}", lines.join(",")).into_bytes();
            if let Some((at, byte)) = noise {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let before = plan(&states);
            let mut after = plan(&states);
            after.heed(&read(bytes), "refs/landwaiter/ledger", NOW);
            for (before, after) in before.entries.iter().zip(&after.entries) {
                let kept = before.state == after.state;
                prop_assert!(kept || matches!(after.state, State::Held(_)), "{:?}", after.state);
                prop_assert!(kept || matches!(before.state, State::Change(_) | State::UpToDate));
            }
        }
    }
}
