//! What Azure DevOps sends, as far as it is read.

use super::{CUT, HEADS};
use crate::forge::fields::{commit, seconds};
use crate::port::{CommitId, PullRequest, PullState};
use serde::Deserialize;
use serde::de::IgnoredAny;

#[derive(Deserialize)]
pub(super) struct List<T> {
    pub(super) value: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Identity {
    pub(super) id: String,
    pub(super) unique_name: Option<String>,
    pub(super) display_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Connection {
    pub(super) authenticated_user: Own,
}

#[derive(Deserialize)]
pub(super) struct Own {
    pub(super) id: String,
}

#[derive(Deserialize)]
pub(super) struct Team {
    pub(super) id: String,
    pub(super) name: String,
}

#[derive(Deserialize)]
pub(super) struct Member {
    pub(super) identity: Identity,
}

#[derive(Deserialize)]
pub(super) struct Repository {
    pub(super) id: String,
    pub(super) name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Commit {
    pub(super) commit_id: String,
}

#[derive(Deserialize)]
pub(super) struct Label {
    pub(super) id: String,
    pub(super) name: String,
    /// Labels that were taken off may still be listed.
    pub(super) active: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pull {
    pub(super) pull_request_id: u64,
    pub(super) repository: Repository,
    pub(super) status: String,
    pub(super) title: String,
    /// Not there where it is empty.
    #[serde(default)]
    pub(super) description: String,
    pub(super) source_ref_name: String,
    pub(super) target_ref_name: String,
    pub(super) last_merge_source_commit: Option<Commit>,
    pub(super) fork_source: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) labels: Vec<Label>,
    pub(super) auto_complete_set_by: Option<IgnoredAny>,
    pub(super) creation_date: String,
    pub(super) closed_date: Option<String>,
}

impl Pull {
    /// From this repository to this repository, which is known by its name or its number.
    pub(super) fn is_of(&self, repository: &str) -> bool {
        let here = &self.repository;
        let same = here.name.eq_ignore_ascii_case(repository) || here.id.eq_ignore_ascii_case(repository);
        same && self.fork_source.is_none() && self.source_ref_name.starts_with(HEADS)
    }

    pub(super) fn may_be_cut(&self) -> bool {
        self.description.encode_utf16().count() >= CUT || self.description.chars().count() >= CUT
    }

    pub(super) fn is_from(&self, branch: &str, base: &str) -> bool {
        self.source_ref_name.strip_prefix(HEADS) == Some(branch)
            && self.target_ref_name.strip_prefix(HEADS) == Some(base)
    }

    pub(super) fn head(&self) -> &str {
        self.last_merge_source_commit.as_ref().map_or("", |commit| &commit.commit_id)
    }

    /// Fails with the name of the field that cannot be read.
    pub(super) fn read(self, url: String) -> Result<PullRequest, &'static str> {
        let state = match self.status.as_str() {
            "active" => PullState::Open,
            "completed" => PullState::Merged,
            "abandoned" => PullState::Closed,
            _ => return Err("status"),
        };
        let head = match self.head() {
            // Not looked at yet.
            "" => CommitId(String::new()),
            head => commit(head).ok_or("lastMergeSourceCommit")?,
        };
        let branch = |name: &str| name.strip_prefix(HEADS).map(str::to_owned);
        let labels = self.labels.into_iter().filter(|label| label.active != Some(false));
        let mut labels: Vec<String> = labels.map(|label| label.name).collect();
        labels.sort();
        let ended = self.closed_date.as_deref().filter(|_| state != PullState::Open);
        Ok(PullRequest {
            number: self.pull_request_id,
            url,
            branch: branch(&self.source_ref_name).ok_or("sourceRefName")?,
            base: branch(&self.target_ref_name).ok_or("targetRefName")?,
            head,
            state,
            title: self.title,
            body: self.description,
            labels,
            auto_merge: (state == PullState::Open).then_some(self.auto_complete_set_by.is_some()),
            created: seconds(&self.creation_date).ok_or("creationDate")?,
            ended: ended.map(|date| seconds(date).ok_or("closedDate")).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pull(change: impl FnOnce(&mut Value)) -> Pull {
        let mut pull = json!({
            "pullRequestId": 7, "status": "abandoned", "title": "t",
            "repository": {"id": "3411ebc1-d5aa-464f-9615-0b527bc66719", "name": "config"},
            "sourceRefName": "refs/heads/landwaiter/a", "targetRefName": "refs/heads/main",
            "lastMergeSourceCommit": {"commitId": "a".repeat(40)},
            "creationDate": "2025-10-09T08:53:20.8900118Z", "closedDate": "2025-10-09T08:53:21.0413914Z",
        });
        change(&mut pull);
        serde_json::from_value(pull).unwrap()
    }

    #[test]
    fn what_comes_from_elsewhere_is_told_apart() {
        assert!(pull(|_| {}).is_of("Config"));
        assert!(pull(|_| {}).is_of("3411EBC1-d5aa-464f-9615-0b527bc66719"));
        assert!(!pull(|_| {}).is_of("other"));
        assert!(!pull(|pull| pull["forkSource"] = json!({"repository": {"id": "x"}})).is_of("config"));
        assert!(!pull(|pull| pull["sourceRefName"] = json!("refs/pull/1/merge")).is_of("config"));
    }

    #[test]
    fn a_description_of_400_may_be_cut() {
        let long = |text: String| pull(|pull| pull["description"] = json!(text)).may_be_cut();
        assert!(!long("ü".repeat(CUT - 1)));
        assert!(long("ü".repeat(CUT)));
        assert!(long("🐙".repeat(CUT / 2)), "characters may be counted in UTF-16");
    }

    #[test]
    fn labels_that_were_taken_off_and_dates_are_read() {
        let labels = json!([{"id": "1", "name": "b"}, {"id": "2", "name": "a", "active": false}]);
        let read = pull(|pull| pull["labels"] = labels).read(String::new()).unwrap();
        assert_eq!(read.labels, ["b"]);
        assert_eq!((read.created, read.ended, read.auto_merge), (1_760_000_000, Some(1_760_000_001), None));
        let error = pull(|pull| pull["status"] = json!("notSet")).read(String::new()).unwrap_err();
        assert_eq!(error, "status");
    }
}
