//! What Bitbucket Data Center sends, as far as it is read.

use super::HEADS;
use crate::forge::fields::commit;
use crate::port::{PullRequest, PullState};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    pub(super) values: Vec<Pull>,
    pub(super) is_last_page: bool,
    pub(super) next_page_start: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Awaited {
    pub(super) from_hash: String,
}

#[derive(Deserialize)]
pub(super) struct Repository {
    pub(super) id: u64,
}

/// One end of a pull request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct End {
    /// `refs/heads/main`
    pub(super) id: String,
    pub(super) latest_commit: String,
    pub(super) repository: Repository,
}

#[derive(Deserialize)]
pub(super) struct User {
    pub(super) name: String,
}

#[derive(Deserialize)]
pub(super) struct Reviewer {
    pub(super) user: User,
}

#[derive(Deserialize)]
pub(super) struct Link {
    pub(super) href: String,
}

#[derive(Deserialize)]
pub(super) struct Links {
    #[serde(rename = "self")]
    pub(super) own: Vec<Link>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pull {
    pub(super) id: u64,
    pub(super) version: u64,
    pub(super) title: String,
    /// Not there where it is empty.
    #[serde(default)]
    pub(super) description: String,
    pub(super) state: String,
    /// Since 8.18.
    pub(super) draft: Option<bool>,
    pub(super) from_ref: End,
    pub(super) to_ref: End,
    #[serde(default)]
    pub(super) reviewers: Vec<Reviewer>,
    pub(super) links: Links,
    /// In milliseconds, as all dates.
    pub(super) created_date: i64,
    pub(super) closed_date: Option<i64>,
}

impl Pull {
    pub(super) fn is_of_one_repository(&self) -> bool {
        self.from_ref.repository.id == self.to_ref.repository.id && self.from_ref.id.starts_with(HEADS)
    }

    /// Fails with the name of the field that cannot be read.
    pub(super) fn read(self) -> Result<PullRequest, &'static str> {
        let state = match self.state.as_str() {
            "OPEN" => PullState::Open,
            "MERGED" => PullState::Merged,
            "DECLINED" => PullState::Closed,
            _ => return Err("state"),
        };
        let branch = |end: &End| end.id.strip_prefix(HEADS).map(str::to_owned);
        Ok(PullRequest {
            number: self.id,
            branch: branch(&self.from_ref).ok_or("fromRef")?,
            base: branch(&self.to_ref).ok_or("toRef")?,
            head: commit(&self.from_ref.latest_commit).ok_or("latestCommit")?,
            state,
            title: self.title,
            body: self.description,
            labels: Vec::new(),
            auto_merge: None,
            created: self.created_date.div_euclid(1000),
            ended: self.closed_date.filter(|_| state != PullState::Open).map(|date| date.div_euclid(1000)),
            url: self.links.own.into_iter().next().ok_or("link to itself")?.href,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pull(change: impl FnOnce(&mut Value)) -> Pull {
        let end = |branch: &str| json!({"id": branch, "latestCommit": "a".repeat(40), "repository": {"id": 3}});
        let mut pull = json!({
            "id": 7, "version": 2, "title": "t", "state": "DECLINED",
            "fromRef": end("refs/heads/landwaiter/a"), "toRef": end("refs/heads/main"),
            "links": {"self": [{"href": "https://git.example.com/projects/ACME/repos/config/pull-requests/7"}]},
            "createdDate": 1_760_000_000_999_i64, "closedDate": 1_760_000_001_000_i64,
        });
        change(&mut pull);
        serde_json::from_value(pull).unwrap()
    }

    #[test]
    fn dates_are_milliseconds_and_branches_are_refs() {
        let read = pull(|_| {}).read().unwrap();
        assert_eq!((read.created, read.ended), (1_760_000_000, Some(1_760_000_001)));
        assert_eq!((read.branch.as_str(), read.base.as_str(), read.body.as_str()), ("landwaiter/a", "main", ""));
    }

    #[test]
    fn what_comes_from_elsewhere_is_told_apart() {
        assert!(pull(|_| {}).is_of_one_repository());
        assert!(!pull(|pull| pull["fromRef"]["repository"]["id"] = json!(4)).is_of_one_repository());
        assert!(!pull(|pull| pull["fromRef"]["id"] = json!("refs/tags/v1")).is_of_one_repository());
    }

    #[test]
    fn fields_that_cannot_be_right_are_named() {
        let change =
            |at: &'static str, value: Value| pull(|pull| *pull.pointer_mut(at).unwrap() = value).read().unwrap_err();
        assert_eq!(change("/state", json!("HALF")), "state");
        assert_eq!(change("/fromRef/latestCommit", json!("abc")), "latestCommit");
        assert_eq!(change("/links/self", json!([])), "link to itself");
    }
}
