//! What Gitea sends, as far as it is read.

use super::DRAFTS;
use crate::forge::fields::{commit, seconds, split_draft};
use crate::port::{CommitId, PullRequest, PullState};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Label {
    pub(super) id: u64,
    pub(super) name: String,
}

#[derive(Deserialize)]
pub(super) struct User {
    pub(super) login: String,
}

/// One end of a pull request.
#[derive(Deserialize)]
pub(super) struct End {
    /// The branch's name; empty for what was pushed without one.
    pub(super) label: String,
    #[serde(default)]
    pub(super) sha: String,
    /// -1 once the fork is gone.
    pub(super) repo_id: i64,
}

#[derive(Deserialize)]
pub(super) struct Pull {
    pub(super) number: u64,
    pub(super) html_url: String,
    pub(super) state: String,
    pub(super) merged: bool,
    #[serde(default)]
    pub(super) mergeable: bool,
    pub(super) title: String,
    #[serde(default)]
    pub(super) body: String,
    /// Since Gitea 1.23.
    pub(super) draft: Option<bool>,
    pub(super) labels: Option<Vec<Label>>,
    pub(super) assignees: Option<Vec<User>>,
    pub(super) base: End,
    pub(super) head: End,
    pub(super) created_at: String,
    pub(super) merged_at: Option<String>,
    pub(super) closed_at: Option<String>,
}

impl Pull {
    pub(super) fn is_of_one_repository(&self) -> bool {
        self.head.repo_id == self.base.repo_id && self.base.repo_id > 0
    }

    /// The words of a draft, empty when it is none, and the title proper.
    pub(super) fn titles(&self) -> (&str, &str) {
        match self.draft {
            Some(false) => ("", &self.title),
            _ => split_draft(&self.title, DRAFTS),
        }
    }

    /// Fails with the name of the field that cannot be read.
    pub(super) fn read(self) -> Result<PullRequest, &'static str> {
        let (state, ended) = match (self.state.as_str(), self.merged) {
            (_, true) => (PullState::Merged, self.merged_at.as_deref()),
            ("open", false) => (PullState::Open, None),
            ("closed", false) => (PullState::Closed, self.closed_at.as_deref()),
            _ => return Err("state"),
        };
        let head = match self.head.sha.as_str() {
            // The forge could not find it: the branch is gone, and what it kept of it too.
            "" => CommitId(String::new()),
            sha => commit(sha).ok_or("head")?,
        };
        let title = self.titles().1.to_owned();
        let mut labels: Vec<String> = self.labels.into_iter().flatten().map(|label| label.name).collect();
        labels.sort();
        Ok(PullRequest {
            number: self.number,
            head,
            state,
            title,
            labels,
            body: self.body,
            auto_merge: None,
            created: seconds(&self.created_at).ok_or("created_at")?,
            ended: ended.map(|time| seconds(time).ok_or("time of its end")).transpose()?,
            url: self.html_url,
            branch: self.head.label,
            base: self.base.label,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::gitea::MAX_TITLE;
    use serde_json::json;

    fn pull(change: impl FnOnce(&mut serde_json::Value)) -> Pull {
        let mut pull = json!({
            "number": 7, "html_url": "https://git.example.com/acme/config/pulls/7", "state": "open", "merged": false,
            "title": "WIP: a", "body": "", "labels": null, "assignees": null, "created_at": "2025-10-09T08:53:20Z",
            "base": {"label": "main", "ref": "main", "sha": "a".repeat(40), "repo_id": 3},
            "head": {"label": "landwaiter/a", "ref": "refs/pull/7/head", "sha": "b".repeat(40), "repo_id": 3},
            "merged_at": null, "closed_at": null,
        });
        change(&mut pull);
        serde_json::from_value(pull).unwrap()
    }

    #[test]
    fn a_draft_is_one_by_its_words_where_the_forge_does_not_say() {
        for (draft, titles) in
            [(json!(null), ("WIP: ", "a")), (json!(true), ("WIP: ", "a")), (json!(false), ("", "WIP: a"))]
        {
            let pull = pull(|pull| pull["draft"] = draft.clone());
            assert_eq!(pull.titles(), titles, "{draft}");
        }
        assert_eq!(MAX_TITLE, 250);
    }

    #[test]
    fn a_branch_keeps_its_name_when_it_is_gone() {
        let read = pull(|_| {}).read().unwrap();
        assert_eq!((read.branch.as_str(), read.head.0.as_str()), ("landwaiter/a", "b".repeat(40).as_str()));
        let lost = pull(|pull| pull["head"]["sha"] = json!("")).read().unwrap();
        assert_eq!(lost.head.0, "");
    }

    #[test]
    fn what_comes_from_elsewhere_is_told_apart() {
        assert!(pull(|_| {}).is_of_one_repository());
        assert!(!pull(|pull| pull["head"]["repo_id"] = json!(4)).is_of_one_repository());
        assert!(!pull(|pull| pull["head"]["repo_id"] = json!(-1)).is_of_one_repository());
    }

    #[test]
    fn fields_that_cannot_be_right_are_named() {
        let change = |at: &'static str, value: &'static str| {
            pull(|pull| *pull.pointer_mut(at).unwrap() = json!(value)).read().unwrap_err()
        };
        assert_eq!(change("/state", "half"), "state");
        assert_eq!(change("/head/sha", "abc"), "head");
        assert_eq!(change("/created_at", "soon"), "created_at");
    }
}
