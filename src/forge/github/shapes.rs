//! What GitHub sends, as far as it is read, and what of it is believed.

use crate::port::{CommitId, PullRequest, PullState};
use jiff::Timestamp;
use serde::Deserialize;
use url::Url;

/// A pull request, in a list or alone.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Pull {
    number: u64,
    /// How the GraphQL interface names it.
    pub(super) node_id: String,
    html_url: String,
    state: String,
    title: String,
    /// Null where nothing was written.
    body: Option<String>,
    labels: Vec<Label>,
    head: End,
    base: End,
    created_at: String,
    closed_at: Option<String>,
    merged_at: Option<String>,
    pub(super) auto_merge: Option<AutoMerge>,
}

#[derive(Debug, Clone, Deserialize)]
struct Label {
    name: String,
}

#[derive(Debug, Clone, Deserialize)]
struct End {
    #[serde(rename = "ref")]
    branch: String,
    sha: String,
    /// Null where the fork was deleted.
    repo: Option<Repository>,
}

#[derive(Debug, Clone, Deserialize)]
struct Repository {
    full_name: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct AutoMerge {
    pub(super) merge_method: String,
}

impl Pull {
    pub(super) fn branch(&self) -> &str {
        &self.head.branch
    }

    pub(super) fn base(&self) -> &str {
        &self.base.branch
    }

    pub(super) fn is_open(&self) -> bool {
        self.state == "open"
    }

    pub(super) fn head(&self) -> &str {
        &self.head.sha
    }

    /// The repository that it belongs to, if that is another one.
    pub(super) fn of_another(&self, full_name: &str) -> Option<&str> {
        let repository = self.base.repo.as_ref()?;
        (!repository.full_name.eq_ignore_ascii_case(full_name)).then_some(&repository.full_name)
    }

    /// Whether its branch is one of that repository, and not of a fork.
    pub(super) fn comes_from(&self, full_name: &str) -> bool {
        let same = |end: &End| end.repo.as_ref().is_some_and(|repo| repo.full_name.eq_ignore_ascii_case(full_name));
        same(&self.head) && same(&self.base)
    }

    /// As the port wants it, or what cannot be believed.
    pub(super) fn checked(self) -> Result<PullRequest, String> {
        let number = self.number;
        let wrong = |what: &str| format!("pull request {number} has no {what} that could be read");
        let time = |text: &str| text.parse::<Timestamp>().map(Timestamp::as_second).map_err(|_| wrong("time"));
        let id = self.head.sha;
        if !matches!(id.len(), 40 | 64) || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(wrong("head"));
        }
        if !Url::parse(&self.html_url).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
            return Err(wrong("page"));
        }
        let state = match (self.state.as_str(), &self.merged_at) {
            ("open", None) => PullState::Open,
            ("closed", None) => PullState::Closed,
            ("closed", Some(_)) => PullState::Merged,
            _ => return Err(wrong("state")),
        };
        let ended = self.merged_at.or(self.closed_at).filter(|_| state != PullState::Open);
        let mut labels: Vec<String> = self.labels.into_iter().map(|label| label.name).collect();
        labels.sort();
        Ok(PullRequest {
            number,
            url: self.html_url,
            branch: self.head.branch,
            base: self.base.branch,
            head: CommitId(id),
            state,
            title: self.title,
            body: self.body.unwrap_or_default(),
            labels,
            auto_merge: Some(self.auto_merge.is_some()),
            created: time(&self.created_at)?,
            ended: ended.as_deref().map(time).transpose()?,
        })
    }
}

/// An issue, after somebody was assigned.
#[derive(Debug, Deserialize)]
pub(super) struct Assigned {
    assignees: Vec<Account>,
}

#[derive(Debug, Deserialize)]
struct Account {
    login: String,
}

impl Assigned {
    pub(super) fn has(&self, name: &str) -> bool {
        self.assignees.iter().any(|account| account.login.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn example() -> Value {
        json!({
            "number": 7, "node_id": "PR_7", "html_url": "https://github.com/acme/config/pull/7", "state": "open",
            "title": "t", "body": null, "labels": [{"name": "b"}, {"name": "a"}],
            "head": {"ref": "landwaiter/web", "sha": "0123456789012345678901234567890123456789", "repo": {"full_name": "Acme/Config"}},
            "base": {"ref": "main", "sha": "0123456789012345678901234567890123456789", "repo": {"full_name": "acme/config"}},
            "created_at": "2025-10-09T08:53:20Z", "closed_at": null, "merged_at": null, "auto_merge": null,
        })
    }

    fn read(change: impl FnOnce(&mut Value)) -> Result<PullRequest, String> {
        let mut value = example();
        change(&mut value);
        serde_json::from_value::<Pull>(value).map_err(|error| error.to_string())?.checked()
    }

    #[test]
    fn a_pull_request_is_read() {
        let pull = read(|_| {}).unwrap();
        assert_eq!((pull.number, pull.state, pull.created, pull.ended), (7, PullState::Open, 1_760_000_000, None));
        assert_eq!(
            (pull.body.as_str(), pull.labels, pull.auto_merge),
            ("", vec!["a".to_owned(), "b".to_owned()], Some(false))
        );
        let merged = read(|value| {
            value["state"] = "closed".into();
            value["closed_at"] = "2025-10-09T08:53:22Z".into();
            value["merged_at"] = "2025-10-09T08:53:21Z".into();
        });
        let merged = merged.unwrap();
        assert_eq!((merged.state, merged.ended), (PullState::Merged, Some(1_760_000_001)));
    }

    #[test]
    fn what_cannot_be_believed_is_refused() {
        for (at, bad) in [
            ("/head/sha", json!("main")),
            ("/head/sha", json!("0123")),
            ("/state", json!("draft")),
            ("/merged_at", json!("2025-10-09T08:53:21Z")),
            ("/created_at", json!("yesterday")),
            ("/html_url", json!("javascript:alert(1)")),
            ("/html_url", json!("")),
        ] {
            let error = read(|value| *value.pointer_mut(at).unwrap() = bad.clone()).unwrap_err();
            assert!(error.starts_with("pull request 7 has no "), "{at} {bad}: {error}");
        }
    }

    #[test]
    fn ours_is_what_comes_from_the_very_repository() {
        let pull = |at: &str, name: Value| {
            let mut value = example();
            *value.pointer_mut(at).unwrap() = name;
            serde_json::from_value::<Pull>(value).unwrap()
        };
        let fork = json!({"full_name": "someone/config"});
        assert!(pull("/title", json!("")).comes_from("acme/config"));
        assert!(!pull("/head/repo", fork.clone()).comes_from("acme/config"));
        assert!(!pull("/head/repo", json!(null)).comes_from("acme/config"));
        assert_eq!(pull("/title", json!("")).of_another("ACME/config"), None);
        assert_eq!(pull("/base/repo", fork).of_another("acme/config"), Some("someone/config"));
    }
}
