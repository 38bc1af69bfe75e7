//! What GitLab sends, as far as it is read.

use super::DRAFTS;
use super::quick_actions::unescaped;
use crate::forge::fields::{commit, seconds, split_draft};
use crate::port::{CommitId, PullRequest, PullState};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Project {
    pub(super) id: u64,
}

#[derive(Deserialize)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) username: String,
}

#[derive(Deserialize)]
pub(super) struct Id {
    pub(super) id: u64,
}

#[derive(Deserialize)]
pub(super) struct MergeRequest {
    pub(super) iid: u64,
    pub(super) web_url: String,
    pub(super) source_branch: String,
    pub(super) target_branch: String,
    /// `null` once the fork is gone.
    pub(super) source_project_id: Option<u64>,
    pub(super) target_project_id: u64,
    /// `null` for a moment after it was opened.
    pub(super) sha: Option<String>,
    pub(super) state: String,
    pub(super) title: String,
    pub(super) description: Option<String>,
    /// Since GitLab 14; `work_in_progress` before.
    pub(super) draft: Option<bool>,
    pub(super) work_in_progress: Option<bool>,
    #[serde(default)]
    pub(super) labels: Vec<String>,
    pub(super) merge_when_pipeline_succeeds: Option<bool>,
    pub(super) created_at: String,
    pub(super) merged_at: Option<String>,
    pub(super) closed_at: Option<String>,
    #[serde(default)]
    pub(super) reviewers: Vec<Id>,
    #[serde(default)]
    pub(super) assignees: Vec<Id>,
}

impl MergeRequest {
    /// From this project to this project.
    pub(super) fn is_of(&self, project: u64) -> bool {
        self.source_project_id == Some(project) && self.target_project_id == project
    }

    /// The words of a draft, empty when it is none, and the title proper.
    pub(super) fn titles(&self) -> (&str, &str) {
        match self.draft.or(self.work_in_progress) {
            Some(true) => split_draft(&self.title, DRAFTS),
            _ => ("", &self.title),
        }
    }

    /// Fails with the name of the field that cannot be read.
    pub(super) fn read(mut self) -> Result<PullRequest, &'static str> {
        let state = match self.state.as_str() {
            // Locked is while it is being merged.
            "opened" | "locked" => PullState::Open,
            "merged" => PullState::Merged,
            "closed" => PullState::Closed,
            _ => return Err("state"),
        };
        let ended = match state {
            PullState::Open => None,
            PullState::Merged => self.merged_at.as_deref(),
            PullState::Closed => self.closed_at.as_deref(),
        };
        let head = match self.sha.as_deref() {
            Some(sha) => commit(sha).ok_or("sha")?,
            None => CommitId(String::new()),
        };
        self.labels.sort();
        Ok(PullRequest {
            number: self.iid,
            head,
            state,
            title: self.titles().1.to_owned(),
            body: unescaped(self.description.as_deref().unwrap_or_default()),
            auto_merge: self.merge_when_pipeline_succeeds,
            created: seconds(&self.created_at).ok_or("created_at")?,
            ended: ended.map(|time| seconds(time).ok_or("time of its end")).transpose()?,
            url: self.web_url,
            branch: self.source_branch,
            base: self.target_branch,
            labels: self.labels,
        })
    }
}
