//! What Bitbucket Cloud sends, as far as it is read.

use crate::forge::fields::seconds;
use crate::port::{CommitId, PullRequest, PullState};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
pub(super) struct Page<T> {
    pub(super) values: Vec<T>,
    pub(super) next: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Commit {
    pub(super) hash: String,
}

#[derive(Deserialize)]
pub(super) struct Name {
    pub(super) name: String,
}

#[derive(Deserialize)]
pub(super) struct Branch {
    pub(super) target: Option<Commit>,
}

#[derive(Deserialize)]
pub(super) struct Member {
    pub(super) user: User,
}

#[derive(Deserialize)]
pub(super) struct User {
    pub(super) uuid: String,
    pub(super) account_id: Option<String>,
    pub(super) nickname: Option<String>,
}

/// An account by either of its names.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Account {
    Uuid { uuid: String },
    Id { account_id: String },
}

impl Account {
    pub(super) fn named(&self) -> Value {
        match self {
            Account::Uuid { uuid } => json!({ "uuid": uuid }),
            Account::Id { account_id } => json!({ "account_id": account_id }),
        }
    }
}

impl User {
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.nickname.as_deref() == Some(name) || self.account_id.as_deref() == Some(name)
    }
}

#[derive(Deserialize)]
pub(super) struct Repository {
    pub(super) full_name: String,
}

/// One end of a pull request.
#[derive(Deserialize)]
pub(super) struct End {
    pub(super) branch: Name,
    pub(super) commit: Option<Commit>,
    /// `null` once the fork is gone.
    pub(super) repository: Option<Repository>,
}

#[derive(Deserialize)]
pub(super) struct Link {
    pub(super) href: String,
}

#[derive(Deserialize)]
pub(super) struct Links {
    pub(super) html: Link,
}

#[derive(Deserialize)]
pub(super) struct Pull {
    pub(super) id: u64,
    pub(super) title: String,
    #[serde(default)]
    pub(super) description: String,
    pub(super) state: String,
    #[serde(default)]
    pub(super) draft: bool,
    #[serde(default)]
    pub(super) close_source_branch: bool,
    pub(super) source: End,
    pub(super) destination: End,
    /// Only where one pull request is asked for.
    #[serde(default)]
    pub(super) reviewers: Vec<Account>,
    pub(super) links: Links,
    pub(super) created_on: String,
    pub(super) updated_on: String,
}

impl Pull {
    pub(super) fn is_of_one_repository(&self) -> bool {
        let name = |end: &End| end.repository.as_ref().map(|repository| repository.full_name.clone());
        name(&self.source).is_some() && name(&self.source) == name(&self.destination)
    }

    /// Fails with the name of the field that cannot be read.
    pub(super) fn read(self, head: CommitId) -> Result<PullRequest, &'static str> {
        let state = match self.state.as_str() {
            "OPEN" => PullState::Open,
            "MERGED" => PullState::Merged,
            "DECLINED" | "SUPERSEDED" => PullState::Closed,
            _ => return Err("state"),
        };
        let changed = seconds(&self.updated_on).ok_or("updated_on")?;
        Ok(PullRequest {
            number: self.id,
            url: self.links.html.href,
            branch: self.source.branch.name,
            base: self.destination.branch.name,
            head,
            state,
            title: self.title,
            body: self.description,
            labels: Vec::new(),
            auto_merge: None,
            created: seconds(&self.created_on).ok_or("created_on")?,
            ended: (state != PullState::Open).then_some(changed),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pull(change: impl FnOnce(&mut Value)) -> Pull {
        let mut pull = json!({
            "id": 7, "title": "t", "state": "SUPERSEDED",
            "source": {
                "branch": {"name": "landwaiter/a"}, "commit": {"hash": "0123456789ab"},
                "repository": {"full_name": "acme/config"},
            },
            "destination": {"branch": {"name": "main"}, "commit": null, "repository": {"full_name": "acme/config"}},
            "links": {"html": {"href": "https://bitbucket.org/acme/config/pull-requests/7"}},
            "created_on": "2025-10-09T08:53:20.123456+00:00", "updated_on": "2025-10-09T08:53:21.123456+00:00",
        });
        change(&mut pull);
        serde_json::from_value(pull).unwrap()
    }

    #[test]
    fn a_superseded_one_is_closed_when_it_last_changed() {
        let read = pull(|_| {}).read(CommitId("x".to_owned())).unwrap();
        assert_eq!((read.state, read.created, read.ended), (PullState::Closed, 1_760_000_000, Some(1_760_000_001)));
    }

    #[test]
    fn what_comes_from_elsewhere_is_told_apart() {
        assert!(pull(|_| {}).is_of_one_repository());
        assert!(!pull(|pull| pull["source"]["repository"] = Value::Null).is_of_one_repository());
        let both = |pull: &mut Value| {
            pull["source"]["repository"] = Value::Null;
            pull["destination"]["repository"] = Value::Null;
        };
        assert!(!pull(both).is_of_one_repository());
        assert!(
            !pull(|pull| pull["source"]["repository"]["full_name"] = json!("someone/config")).is_of_one_repository()
        );
    }
}
