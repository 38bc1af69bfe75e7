//! Which pull requests people have merged or closed: known without a question to the forge, from what stands in Git.
//!
//! What a pull request would write is remembered while it is open. When a later run has it no more, and its values stand in the
//! branch, it was merged; when the same changes are held as refused, it was closed. Where neither is so, nothing is told: a look-up
//! may have failed.

use super::gather::news;
use crate::config::settings::{NewsKind, NewsValues};
use crate::cycle::{Outcome, Report};
use crate::plan::{State, keys, message_value};
use crate::policy::Reason;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The most changes that are remembered of one pull request; the first of them speak for all.
const MAX_WANTED: usize = 50;

/// A pull request that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Open {
    url: String,
    title: String,
    number: Option<u64>,
    /// Keys of references, and what would stand there.
    wanted: BTreeMap<String, String>,
}

/// What a run saw of pull requests.
#[derive(Debug, Clone, Default)]
pub(super) struct Pulls {
    /// By branch.
    open: BTreeMap<String, Open>,
    /// Closed by us.
    closed: BTreeSet<String>,
    /// By key: what stands in the files.
    values: BTreeMap<String, String>,
    /// Keys of what is not proposed again, because a person has closed its pull request.
    refused: BTreeSet<String>,
}

pub(super) fn seen(report: &Report) -> Pulls {
    // With what pull requests keep of references that were not asked about.
    let plan = report.planned.shown();
    let mut pulls = Pulls::default();
    let mut wanted: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
    // Without pull requests nobody asks.
    let keyed = plan.entries.iter().zip(keys(&plan.entries)).filter(|(entry, _)| entry.policy.is_some());
    for (entry, key) in keyed {
        let reference = &entry.found.reference;
        let current = message_value(reference.tag.as_deref(), reference.digest.as_ref());
        pulls.values.insert(key.to_string(), current);
        match &entry.state {
            State::Change(change) if change.pull_request => {
                let to = message_value(change.to.tag.as_ref().map(|tag| tag.as_str()), change.to.digest.as_ref());
                let all = wanted.entry(&change.group).or_default();
                if all.len() < MAX_WANTED {
                    all.insert(key.to_string(), to);
                }
            }
            State::Held(held) if held.reason == Reason::Refused => drop(pulls.refused.insert(key.to_string())),
            _ => {}
        }
    }
    for pulled in &report.pulled {
        match pulled.outcome {
            Outcome::Closed => drop(pulls.closed.insert(pulled.branch.clone())),
            Outcome::Opened | Outcome::Updated | Outcome::Unchanged => {
                let open = Open {
                    url: pulled.url.clone().unwrap_or_default(),
                    title: pulled.title.clone(),
                    number: pulled.number,
                    wanted: wanted.get(&*pulled.group).cloned().unwrap_or_default(),
                };
                pulls.open.insert(pulled.branch.clone(), open);
            }
            Outcome::TakenOver | Outcome::Limited | Outcome::Failed => {}
        }
    }
    pulls
}

/// What people did with the pull requests that were `known`, and what is to be remembered now. Keys of notes are branches, which
/// hold neither tabs nor line breaks.
pub(super) fn compare(known: &BTreeMap<String, Open>, now: &Pulls) -> (Vec<NewsValues>, Vec<(String, Option<Open>)>) {
    let (mut told, mut notes) = (Vec::new(), Vec::new());
    for (branch, before) in known {
        let again = now.open.get(branch);
        if again.is_some_and(|again| again.number == before.number) {
            continue;
        }
        let merged = |(key, to): (&String, &String)| now.values.get(key) == Some(to);
        let what = if now.closed.contains(branch) {
            None
        } else if !before.wanted.is_empty() && before.wanted.iter().all(merged) {
            Some("merged")
        } else if before.wanted.keys().any(|key| now.refused.contains(key)) || again.is_some() {
            Some("closed by a person")
        } else {
            continue;
        };
        if let Some(what) = what {
            let number = before.number.map(|number| format!(" {number}")).unwrap_or_default();
            let text = format!("pull request{number} {what}: {}", before.title);
            told.push(NewsValues { url: before.url.clone(), ..news(NewsKind::PullRequest, text) });
        }
        if again.is_none() {
            notes.push((branch.clone(), None));
        }
    }
    for (branch, open) in &now.open {
        let before = known.get(branch);
        let mut open = open.clone();
        // A run that could not learn what it wants leaves it as it was.
        if open.wanted.is_empty()
            && let Some(before) = before.filter(|before| before.number == open.number)
        {
            open.wanted.clone_from(&before.wanted);
        }
        if before != Some(&open) {
            notes.push((branch.clone(), Some(open)));
        }
    }
    (told, notes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(number: u64, wanted: &[(&str, &str)]) -> Open {
        let wanted = wanted.iter().map(|(key, to)| ((*key).to_owned(), (*to).to_owned())).collect();
        Open { url: format!("https://x/{number}"), title: "Update web".to_owned(), number: Some(number), wanted }
    }

    fn told(now: &Pulls) -> (Vec<String>, Vec<(String, bool)>) {
        let known = [("lw/web".to_owned(), open(3, &[("k1", "1.1"), ("k2", "2.2")]))].into();
        let (told, notes) = compare(&known, now);
        let notes = notes.into_iter().map(|(branch, note)| (branch, note.is_some())).collect();
        (told.into_iter().map(|one| one.text).collect(), notes)
    }

    fn values(all: &[(&str, &str)]) -> BTreeMap<String, String> {
        all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_pull_request_that_is_gone_is_told_of_only_on_evidence() {
        let gone = vec![("lw/web".to_owned(), false)];
        let merged = Pulls { values: values(&[("k1", "1.1"), ("k2", "2.2")]), ..Pulls::default() };
        assert_eq!(told(&merged), (vec!["pull request 3 merged: Update web".to_owned()], gone.clone()));
        let refused = Pulls { refused: ["k2".to_owned()].into(), values: values(&[("k1", "1.0")]), ..Pulls::default() };
        assert_eq!(told(&refused), (vec!["pull request 3 closed by a person: Update web".to_owned()], gone.clone()));
        let half = Pulls { values: values(&[("k1", "1.1"), ("k2", "2.1")]), ..Pulls::default() };
        assert_eq!(told(&half), (vec![], vec![]), "a look-up may have failed");
        let ours = Pulls { closed: ["lw/web".to_owned()].into(), values: merged.values.clone(), ..Pulls::default() };
        assert_eq!(told(&ours), (vec![], gone), "that is told where it is done");
    }

    #[test]
    fn another_one_on_the_same_branch_means_that_the_first_was_closed() {
        let still = Pulls { open: [("lw/web".to_owned(), open(3, &[("k1", "1.2")]))].into(), ..Pulls::default() };
        assert_eq!(told(&still), (vec![], vec![("lw/web".to_owned(), true)]), "renewed");
        let next = Pulls { open: [("lw/web".to_owned(), open(4, &[("k1", "1.2")]))].into(), ..Pulls::default() };
        let closed = vec!["pull request 3 closed by a person: Update web".to_owned()];
        assert_eq!(told(&next), (closed, vec![("lw/web".to_owned(), true)]));
    }
}
