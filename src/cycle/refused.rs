//! What people have said no to: pull requests that were closed unmerged, looked at before the same is proposed again.
//!
//! Only changes that would go into a pull request are asked about, and of these only those that no open one proposes already: one
//! question to the forge for what is open, and one for each group that is left. A tag that was refused is no candidate any more, so the policy is asked again without it; where nothing else is left, the reference is
//! held, naming the pull request.

use super::Run;
use super::ask::Asking;
use super::select::{Asked, Memory};
use super::verdicts::Verdicts;
use crate::image::Tag;
use crate::plan::{Change, Entry, Proposed, Record, State, branch_of, settle};
use crate::policy::{Policy, Reason};
use crate::port::{Forge, PullRequest, PullState};
use futures::stream::{self, StreamExt as _};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Questions to the forge that are under way at once.
const AT_ONCE: usize = 8;

/// The merged and closed pull requests by branch, or why they could not be had.
pub(super) type Past = HashMap<String, Result<Arc<Vec<PullRequest>>, String>>;

impl Run<'_> {
    /// Holds the changes that people have refused, or finds others in their place. `asked` is in step with `entries`.
    pub(super) async fn heed_closed(
        &self,
        policies: &[Policy],
        base: Option<&str>,
        entries: &mut [Entry],
        asked: &mut [Option<Asked>],
        memory: &mut Memory,
    ) {
        // The files of a checkout get every change, however it is proposed elsewhere.
        let Some(base) = base else { return };
        let mut groups: BTreeMap<Arc<str>, BTreeSet<Proposed>> = BTreeMap::new();
        for entry in entries.iter() {
            if let Some(change) = proposal(entry) {
                groups.entry(change.group.clone()).or_default().insert(Proposed::of(entry, change));
            }
        }
        if groups.is_empty() {
            return;
        }
        let (Some(forge), Some(_)) = (&self.forge, self.repo.branches()) else {
            let why = "no forge is known for this repository; `forges` in the operator's settings names it";
            for entry in entries.iter_mut().filter(|entry| proposal(entry).is_some()) {
                entry.state = State::held(Reason::NoForge, why);
            }
            return;
        };
        self.look_back(&**forge, base, &groups, &mut memory.past).await;
        let mut again = Vec::new();
        for (at, entry) in entries.iter_mut().enumerate() {
            let Some(change) = proposal(entry) else { continue };
            match self.verdict(entry, change, base, &memory.past) {
                Verdict::Free => {}
                Verdict::Held(state) => entry.state = state,
                Verdict::Refused { tags, state } => {
                    if let Some(asked) = asked.get_mut(at).and_then(Option::as_mut) {
                        asked.refused = tags;
                        again.push((at, state));
                    }
                }
            }
        }
        let open: HashSet<&Asked> = again.iter().filter_map(|(at, _)| asked[*at].as_ref()).collect();
        let works = self.store.works();
        let firsts = memory.book.firsts(self.options.seal.as_ref());
        let (histories, until) = (&memory.histories, memory.until);
        // What people closed is the question of few.
        let verdicts = Verdicts::default();
        let firsts = firsts.as_ref();
        let asking = Asking { policies, histories, works: &works, firsts, verdicts: &verdicts, until };
        for answered in self.ask(asking, open).await {
            memory.answers.extend(answered.decisions);
            memory.lists.extend(answered.list);
            memory.passed_over.extend(answered.passed_over);
        }
        for (at, refused) in again {
            let Some(asked) = &asked[at] else { continue };
            let entry = &mut entries[at];
            let policy = &policies[asked.policy];
            let closed = policy.windows.closed(self.clock.now());
            let decision = memory.answers.get(asked);
            let state = decision.map(|one| settle(policy, &asked.repository, &entry.found, one, closed.as_ref()));
            entry.state = match state {
                None | Some(State::UpToDate) => refused,
                Some(State::Held(held)) if held.reason == Reason::NoCandidate => refused,
                Some(other) => other,
            };
        }
    }

    /// Asks about the past of each group, save those of which an open pull request proposes all this already: nobody has refused
    /// it since that was opened.
    async fn look_back(
        &self,
        forge: &dyn Forge,
        base: &str,
        groups: &BTreeMap<Arc<str>, BTreeSet<Proposed>>,
        past: &mut Past,
    ) {
        let prefix = &self.options.pull_requests.prefix;
        // What is open may be unknown: then all of the past is asked for, and says why it cannot be had.
        let open = forge.open(prefix).await.unwrap_or_default();
        let mut unknown = Vec::new();
        for (group, wanted) in groups {
            let branch = branch_of(prefix, base, group);
            let proposes = |pull: &PullRequest| {
                let record = Record::of(&pull.body).filter(|record| !record.closed);
                pull.branch == branch && pull.base == base && record.is_some_and(|one| wanted.is_subset(&one.changes))
            };
            if open.iter().any(proposes) {
                past.insert(branch, Ok(Arc::default()));
            } else if !past.contains_key(&branch) {
                unknown.push(branch);
            }
        }
        let ask = |branch: String| async move {
            let found = forge.past(&branch, base).await;
            (branch, found.map(Arc::new).map_err(|error| error.with_hint()))
        };
        let found: Vec<_> = stream::iter(unknown).map(ask).buffer_unordered(AT_ONCE).collect().await;
        past.extend(found);
    }

    fn verdict(&self, entry: &Entry, change: &Change, base: &str, past: &Past) -> Verdict {
        let branch = branch_of(&self.options.pull_requests.prefix, base, &change.group);
        let pulls = match past.get(&branch) {
            Some(Ok(pulls)) => pulls,
            Some(Err(why)) => return unknown(format!("earlier pull requests of {branch} could not be had: {why}")),
            None => return unknown(format!("earlier pull requests of {branch} were not looked at")),
        };
        let Some(image) = &entry.image else { return Verdict::Free };
        let current = entry.found.reference.tag.as_deref();
        let to = (change.to.tag.as_ref(), change.to.digest.as_ref());
        let mut tags = BTreeSet::new();
        let mut refusing = None;
        for (at, pull) in pulls.iter().filter(|pull| pull.state == PullState::Closed).enumerate() {
            match Record::of(&pull.body) {
                Some(record) if record.closed => {}
                Some(record) => {
                    tags.extend(record.tags(image));
                    refusing = refusing.or_else(|| record.refuses(image, current, to).then_some(pull));
                }
                // Only the last one can be about what is proposed now.
                None if at == 0 => {
                    let detail = format!(
                        "{} was closed, and what it was for cannot be read any more; reopen it, or give it its description back",
                        pull.url
                    );
                    return Verdict::Held(State::held(Reason::Refused, detail));
                }
                None => {}
            }
        }
        let Some(pull) = refusing else { return Verdict::Free };
        let wanted = change.to.tag.as_ref().map_or_else(|| "the new digest".to_owned(), Tag::to_string);
        let detail = format!("would be {wanted}, but {} was closed unmerged; reopen it to have it proposed", pull.url);
        let state = State::held(Reason::Refused, detail);
        if to.0.map(Tag::as_str) == current || entry.found.reference.tag.is_none() {
            return Verdict::Held(state);
        }
        Verdict::Refused { tags, state }
    }
}

enum Verdict {
    Free,
    Held(State),
    /// Another tag may be proposed; `state` holds where there is none.
    Refused {
        tags: BTreeSet<Tag>,
        state: State,
    },
}

fn unknown(detail: String) -> Verdict {
    Verdict::Held(State::held(Reason::IncompleteInformation, detail))
}

/// The change of an entry that goes into a pull request.
fn proposal(entry: &Entry) -> Option<&Change> {
    match &entry.state {
        State::Change(change) if change.pull_request => Some(change),
        _ => None,
    }
}
