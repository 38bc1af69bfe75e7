//! References that share a scalar change together or not at all.
//!
//! ```yaml
//! web:    {image: {repository: acme/web, tag: &release v1}}
//! worker: {image: {repository: acme/worker, tag: *release}}   # v2 is written only if both images want v2
//! ```
//!
//! Behind an anchor and its aliases stands one scalar, which is a slot of each of their references
//! (`site::anchors`). Each reference is decided alone; here their wishes are compared. Where one of them keeps its value,
//! or wants another, all are held. Holding one may leave another scalar's users without agreement, hence the rounds. Those
//! that agree become changes of one group, for no commit can have half of them.

use super::{Entry, Plan, State};
use crate::edit;
use crate::policy::Reason;
use crate::text::Span;
use std::collections::{BTreeMap, BTreeSet, HashMap};

impl Plan {
    /// Holds the changes of scalars whose users do not all want the same.
    pub fn tie(&mut self) {
        let shared = shared(&self.entries);
        // Each round but the last holds at least one entry.
        loop {
            let refused = shared.iter().filter_map(|users| disagreement(&self.entries, users)).collect::<Vec<_>>();
            if refused.is_empty() {
                return self.join(&shared);
            }
            for (users, reason, why) in refused {
                for at in users {
                    if matches!(self.entries[at].state, State::Change(_)) {
                        self.entries[at].state = State::held(reason, why.clone());
                    }
                }
            }
        }
    }
}

impl Plan {
    /// Puts the changes of one scalar into one group, the first by name: they are written together.
    fn join(&mut self, shared: &[Users]) {
        let mut moved = true;
        // Names only go down, so this ends.
        while std::mem::take(&mut moved) {
            for users in shared {
                // A pull request is the more careful way, so it outranks a commit.
                let groups = users.entries.iter().filter_map(|at| match &self.entries[*at].state {
                    State::Change(change) => Some((!change.pull_request, change.group.clone())),
                    _ => None,
                });
                let Some((directly, first)) = groups.min() else { continue };
                for at in &users.entries {
                    if let State::Change(change) = &mut self.entries[*at].state
                        && (change.group != first || change.pull_request == directly)
                    {
                        (change.group, change.pull_request) = (first.clone(), !directly);
                        moved = true;
                    }
                }
            }
        }
    }
}

/// A scalar of a file and the entries that have it as a slot.
struct Users {
    span: Span,
    entries: Vec<usize>,
}

/// The entries that have a scalar in common, for each such scalar.
/// The entries that share a scalar with another one.
pub fn shares_scalars(entries: &[Entry]) -> BTreeSet<usize> {
    tied(entries).flatten().collect()
}

pub(super) fn tied(entries: &[Entry]) -> impl Iterator<Item = Vec<usize>> {
    shared(entries).into_iter().map(|users| users.entries)
}

/// The scalars with more than one user, in a fixed order.
fn shared(entries: &[Entry]) -> Vec<Users> {
    let mut users: HashMap<(&str, Span), Vec<usize>> = HashMap::new();
    for (at, entry) in entries.iter().enumerate() {
        for slot in &entry.found.reference.slots {
            users.entry((&entry.found.file, slot.span)).or_default().push(at);
        }
    }
    let several = users.into_iter().filter(|(_, entries)| entries.len() > 1).collect::<BTreeMap<_, _>>();
    several.into_iter().map(|((_, span), entries)| Users { span, entries }).collect()
}

/// The users with the reason why they cannot change, when one of them would and they do not want the same.
fn disagreement(entries: &[Entry], users: &Users) -> Option<(Vec<usize>, Reason, String)> {
    let wishes = users.entries.iter().map(|at| wish(&entries[*at], users.span)).collect::<Vec<_>>();
    let (first, rest) = wishes.split_first()?;
    if rest.iter().all(|wish| wish == first) {
        return None;
    }
    let line = |at: &usize| entries[*at].found.reference.line;
    let anchor = users.entries.iter().map(line).min()?;
    let stays = users.entries.iter().zip(&wishes).find(|(_, wish)| wish.is_none());
    let why = match stays {
        Some((at, _)) => format!("the one on line {} {}", line(at), stay(&entries[*at].state)),
        None => "they want different values".to_owned(),
    };
    let detail = format!("{} references share the anchor on line {anchor}, and {why}", users.entries.len());
    // Where they may still agree later, what holds one of them holds them all.
    let unknown = users.entries.iter().find_map(|at| match &entries[*at].state {
        State::Held(held) => Some(held.reason).filter(|reason| {
            use Reason::*;
            matches!(reason, IncompleteInformation | NotDue | Window | Frozen | Pace)
        }),
        _ => None,
    });
    Some((users.entries.clone(), unknown.unwrap_or(Reason::NotEditable), detail))
}

/// Why an entry leaves a scalar as it is.
fn stay(state: &State) -> String {
    match state {
        State::UpToDate => "is up to date".to_owned(),
        State::Held(held) => format!("is held ({})", held.reason),
        State::Unmanaged => "is unmanaged".to_owned(),
        State::Change(_) => "keeps it".to_owned(),
    }
}

/// What the entry would make of the scalar; nothing where it leaves it as it is.
fn wish(entry: &Entry, span: Span) -> Option<String> {
    let State::Change(change) = &entry.state else { return None };
    let values = edit::values(&entry.found.reference, &change.to).ok()?;
    values.into_iter().find(|(of, _)| *of == span).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::{Action, Target};
    use crate::image::{Digest, Tag};
    use crate::plan::{Change, Found};
    use crate::site;

    const KEPT: &str = "";

    /// The states after [`Plan::tie`] of references that want these tags.
    fn tied(text: &str, wishes: &[&str]) -> Vec<State> {
        let references = site::scan("kustomization.yaml", text.as_bytes()).references;
        assert_eq!(references.len(), wishes.len());
        let groups = ["b", "a", "c"];
        let entries = references.into_iter().zip(wishes).zip(&groups).map(|((reference, tag), group)| {
            let to = Target { tag: Tag::parse(tag).ok(), ..Target::default() };
            let change =
                State::Change(Change { action: Action::Update, to, group: (*group).into(), pull_request: false });
            Entry {
                found: Found { file: "kustomization.yaml".into(), blob: None, reference: Box::new(reference) },
                image: None,
                policy: None,
                state: if *tag == KEPT { State::UpToDate } else { change },
            }
        });
        let mut plan = Plan { entries: entries.collect(), ..Plan::default() };
        plan.tie();
        plan.entries.into_iter().map(|entry| entry.state).collect()
    }

    fn images(entries: &[&str]) -> String {
        entries.iter().fold("images:\n".to_owned(), |text, entry| text + &format!("- {{{entry}}}\n"))
    }

    const TWO: [&str; 3] = ["name: a, newTag: &t v1", "name: b, newTag: *t", "name: c, newTag: v1"];

    #[test]
    fn where_one_is_not_known_of_the_others_wait_for_that() {
        for reason in [Reason::IncompleteInformation, Reason::NotDue, Reason::Hold] {
            let references = site::scan("kustomization.yaml", images(&TWO).as_bytes()).references;
            let to = Target { tag: Tag::parse("v2").ok(), ..Target::default() };
            let change = Change { action: Action::Update, to, group: "a".into(), pull_request: true };
            let states = [State::held(reason, "x"), State::Change(change.clone()), State::Change(change)];
            let entry = |(reference, state)| Entry {
                found: Found { file: "kustomization.yaml".into(), blob: None, reference: Box::new(reference) },
                image: None,
                policy: None,
                state,
            };
            let mut plan = Plan { entries: references.into_iter().zip(states).map(entry).collect(), ..Plan::default() };
            plan.tie();
            let expected = if reason == Reason::Hold { Reason::NotEditable } else { reason };
            assert!(matches!(&plan.entries[1].state, State::Held(held) if held.reason == expected), "{reason}");
            assert_eq!(plan.entries[2].state.word(), "change");
        }
    }

    #[test]
    fn all_users_of_an_anchor_change_or_none() {
        let words = |wishes| tied(&images(&TWO), wishes).iter().map(State::word).collect::<Vec<_>>();
        assert_eq!(words(&["v2", "v2", "v3"]), ["change", "change", "change"]);
        assert_eq!(words(&["v2", "v3", "v2"]), ["held", "held", "change"]);
        assert_eq!(words(&["v2", KEPT, "v2"]), ["held", "up-to-date", "change"]);
        assert_eq!(words(&[KEPT, "v2", "v2"]), ["up-to-date", "held", "change"]);
        assert_eq!(words(&[KEPT, KEPT, "v2"]), ["up-to-date", "up-to-date", "change"]);
    }

    #[test]
    fn what_is_tied_is_written_together() {
        let groups = tied(&images(&TWO), &["v2", "v2", "v2"]).into_iter().filter_map(|state| match state {
            State::Change(change) => Some(change.group.to_string()),
            _ => None,
        });
        assert_eq!(groups.collect::<Vec<_>>(), ["a", "a", "c"]);
    }

    #[test]
    fn the_detail_names_the_anchor_and_who_differs() {
        let detail = |wishes| {
            let held = tied(&images(&TWO), wishes).into_iter().find_map(|state| match state {
                State::Held(held) => Some(held.detail),
                _ => None,
            });
            held.unwrap()
        };
        assert_eq!(
            detail(&["v2", KEPT, "v2"]),
            "2 references share the anchor on line 2, and the one on line 3 is up to date"
        );
        assert_eq!(
            detail(&["v2", "v3", "v2"]),
            "2 references share the anchor on line 2, and they want different values"
        );
    }

    #[test]
    fn a_hold_goes_on_to_whoever_shares_another_scalar_with_the_held() {
        let digest = format!("digest: &d sha256:{}", "0a".repeat(32));
        let chain = [
            &format!("name: a, newTag: &t v1, {digest}"),
            "name: b, newTag: *t, digest: &e sha256:0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
            "name: c, newTag: v1, digest: *e",
        ];
        let digest = Digest::parse(&format!("sha256:{}", "0c".repeat(32))).ok();
        let references = site::scan("kustomization.yaml", images(&chain).as_bytes()).references;
        let entries = references.into_iter().zip(["v3", "v2", "v2"]).map(|(reference, tag)| {
            let to = Target { name: None, tag: Tag::parse(tag).ok(), digest: digest.clone() };
            let found = Found { file: "kustomization.yaml".into(), blob: None, reference: Box::new(reference) };
            Entry {
                found,
                image: None,
                policy: None,
                state: State::Change(Change { action: Action::Update, to, group: "".into(), pull_request: false }),
            }
        });
        let mut plan = Plan { entries: entries.collect(), ..Plan::default() };
        plan.tie();
        assert!(plan.entries.iter().all(|entry| entry.state.word() == "held"), "{:?}", plan.entries);
    }
}
