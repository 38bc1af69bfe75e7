//! One reference as the page shows it, and how it is made of a run's plan.

use super::words::Words;
use crate::cycle::Report;
use crate::image::{Digest, Repository};
use crate::plan::{Change, Entry, State as Fate};
use crate::policy::{PolicyName, Reason};
use std::collections::HashMap;
use std::sync::Arc;

/// The word of references that a run was not asked to look at: what was known of them before goes on. Runs of only some policies
/// or images hold all others with it.
const NOT_ASKED: &str = "not-due";

/// What becomes of a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    Held,
    PullRequest,
    /// The last run wrote it; the next one reads it.
    Updating,
    UpToDate,
    Unmanaged,
}

impl State {
    pub const ALL: [State; 5] = [State::Held, State::PullRequest, State::Updating, State::UpToDate, State::Unmanaged];

    /// The word of the API. Stable.
    pub fn word(self) -> &'static str {
        match self {
            State::Held => "held",
            State::PullRequest => "pull-request",
            State::Updating => "updating",
            State::UpToDate => "up-to-date",
            State::Unmanaged => "unmanaged",
        }
    }

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            State::Held => "Held",
            State::PullRequest => "Pull request",
            State::Updating => "Updating",
            State::UpToDate => "Up to date",
            State::Unmanaged => "Unmanaged",
        }
    }

    pub fn parse(word: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// One reference of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub file: Arc<str>,
    pub line: usize,
    pub path: Arc<str>,
    pub image: Option<Repository>,
    pub policy: Option<PolicyName>,
    /// The tag that stands in the file.
    pub current: Option<Arc<str>>,
    pub digest: Option<Arc<str>>,
    /// The tag that the policy would have there, where that is known.
    pub newest: Option<Arc<str>>,
    pub state: State,
    pub reason: Option<Reason>,
    /// Why, and what lifts it.
    pub detail: Option<Arc<str>>,
    /// The page of its pull request.
    pub url: Option<Arc<str>>,
}

impl Row {
    /// Its place among the others of its branch.
    pub fn key(&self) -> (&str, usize, &str) {
        (&self.file, self.line, &self.path)
    }
}

/// What a policy chose for an image and the tag that stands in a file, where that was told.
pub(super) type Chosen<'a> = dyn Fn(&Repository, &PolicyName, Option<&str>) -> Option<Arc<str>> + 'a;

/// Whether the run looked at the reference; see [`NOT_ASKED`].
pub(super) fn was_asked(entry: &Entry) -> bool {
    !matches!(&entry.state, Fate::Held(held) if held.reason.word() == NOT_ASKED)
}

/// The rows of a report. What the run was not asked for is as it was `before`, where it was there.
pub(super) fn rows(
    report: &Report,
    before: &[Row],
    asked: &dyn Fn(&Entry) -> bool,
    chosen: &Chosen<'_>,
    words: &mut Words,
) -> Vec<Row> {
    let outcome = Outcome::of(report);
    let mut known: Option<Before<'_>> = None;
    let mut rows: Vec<Row> = Vec::with_capacity(report.plan().entries.len());
    for entry in &report.plan().entries {
        let row = row(entry, &outcome, chosen, words);
        rows.push(match asked(entry) {
            true => row,
            false => known.get_or_insert_with(|| Before::of(before)).instead(row),
        });
    }
    rows.sort_by(|a, b| a.key().cmp(&b.key()));
    rows
}

/// The rows of the run before, by file and path.
struct Before<'a>(HashMap<(&'a str, &'a str), Vec<&'a Row>>);

impl<'a> Before<'a> {
    fn of(rows: &'a [Row]) -> Before<'a> {
        let mut known: HashMap<_, Vec<&Row>> = HashMap::new();
        rows.iter().for_each(|row| known.entry((&*row.file, &*row.path)).or_default().push(row));
        Before(known)
    }

    /// What was known of a reference that the run was not asked for: as long as the same stands there. Of several with one name,
    /// such as those of equal documents, the nearest by its line.
    fn instead(&self, row: Row) -> Row {
        let same = self.0.get(&(&*row.file, &*row.path)).into_iter().flatten();
        let same = same.filter(|old| old.image == row.image && old.current == row.current && old.digest == row.digest);
        match same.min_by_key(|old| old.line.abs_diff(row.line)) {
            Some(old) => Row { line: row.line, ..(*old).clone() },
            None => row,
        }
    }
}

/// What a run wrote and proposed, by group.
struct Outcome<'a> {
    committed: HashMap<&'a str, &'a str>,
    proposed: HashMap<&'a str, &'a str>,
}

impl<'a> Outcome<'a> {
    fn of(report: &'a Report) -> Outcome<'a> {
        let commits = report.written.iter().flat_map(|written| &written.commits);
        let pulled = report.pulled.iter().filter_map(|pulled| Some((&*pulled.group, pulled.url.as_deref()?)));
        Outcome {
            committed: commits.map(|commit| (&*commit.group, commit.id.0.as_str())).collect(),
            proposed: pulled.collect(),
        }
    }

    fn change(&self, change: &Change) -> (State, Option<&'a str>, Option<String>) {
        if change.pull_request {
            return (State::PullRequest, self.proposed.get(&*change.group).copied(), None);
        }
        let commit = self.committed.get(&*change.group).map(|id| format!("committed as {}", short(id)));
        (State::Updating, None, commit.or_else(|| Some("planned, and not written yet".to_owned())))
    }
}

fn row(entry: &Entry, outcome: &Outcome<'_>, chosen: &Chosen<'_>, words: &mut Words) -> Row {
    let reference = &entry.found.reference;
    let mut row = Row {
        file: entry.found.file.clone(),
        line: reference.line,
        path: words.share(&reference.path),
        image: entry.image.clone(),
        policy: entry.policy.clone(),
        current: reference.tag.as_deref().map(|tag| words.share(tag)),
        digest: reference.digest.as_ref().map(|digest| words.share(digest.as_str())),
        newest: None,
        state: State::Unmanaged,
        reason: None,
        detail: None,
        url: None,
    };
    match &entry.state {
        Fate::Unmanaged => row.detail = reference.blocked.as_deref().map(|why| words.share(why)),
        Fate::UpToDate => {
            row.state = State::UpToDate;
            row.newest = row.current.clone();
        }
        Fate::Held(held) => {
            row.state = State::Held;
            row.reason = Some(held.reason);
            row.detail = Some(words.share(&held.detail)).filter(|detail| !detail.is_empty());
            row.newest =
                entry.image.as_ref().zip(entry.policy.as_ref()).and_then(|(image, policy)| {
                    chosen(image, policy, row.current.as_deref()).map(|tag| words.share(&tag))
                });
        }
        Fate::Change(change) => {
            let (state, url, detail) = outcome.change(change);
            let tag = change.to.tag.as_ref().map(|tag| tag.as_str());
            let newest = tag.or_else(|| change.to.digest.as_ref().map(Digest::as_str));
            row.newest = newest.map(|tag| words.share(tag));
            row.url = url.map(|url| words.share(url));
            row.detail = detail.map(|detail| words.share(&detail));
            row.state = state;
        }
    }
    row
}

/// Enough of a commit's id to find it.
pub(super) fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: usize, current: &str, state: State) -> Row {
        Row {
            file: "a.yaml".into(),
            line,
            path: "image".into(),
            image: Repository::parse("acme/web").ok(),
            policy: PolicyName::parse("web"),
            current: Some(current.into()),
            digest: None,
            newest: None,
            state,
            reason: None,
            detail: None,
            url: None,
        }
    }

    #[test]
    fn what_a_run_was_not_asked_for_is_as_it_was() {
        let before = [row(3, "1.0.0", State::UpToDate), row(30, "1.0.0", State::PullRequest)];
        let before = Before::of(&before);
        let instead = |line, current| {
            let row = before.instead(row(line, current, State::Held));
            (row.line, row.state)
        };
        assert_eq!(instead(4, "1.0.0"), (4, State::UpToDate), "the line may have moved");
        assert_eq!(instead(29, "1.0.0"), (29, State::PullRequest));
        assert_eq!(instead(4, "1.1.0"), (4, State::Held), "something else stands there now");
    }

    #[test]
    fn every_state_has_a_word_of_its_own() {
        for state in State::ALL {
            assert_eq!(State::parse(state.word()), Some(state));
        }
        assert_eq!(State::parse("Held"), None);
    }
}
