//! Bitbucket Cloud's pushes.
//!
//! ```text
//! X-Event-Key: repo:push
//! {"push": {"changes": [{"new": {"type": "branch", "name": "main"}}]},
//!   "repository": {"links": {"html": {"href": "https://bitbucket.org/acme/config"}}}}
//! ```

use super::payload::{Listed, branch, source};
use super::{Malformed, Payload, Pushed};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    push: Push,
    repository: Repository,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Push {
    changes: Listed<Change>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Change {
    new: Option<Reference>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reference {
    r#type: Option<String>,
    name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Repository {
    links: Links,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Links {
    html: Option<Link>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Link {
    href: Option<String>,
}

pub(super) fn read(payload: &Payload<'_>) -> Result<Vec<Pushed>, Malformed> {
    if payload.header("x-event-key") != "repo:push" {
        return Ok(Vec::new());
    }
    let Event { push, repository } = payload.json()?;
    let url = repository.links.html.and_then(|link| link.href);
    let new = push.changes.0.into_iter().filter_map(|change| change.new);
    let branches = new.filter(|it| it.r#type.as_deref() == Some("branch")).filter_map(|it| it.name);
    let branches = branches.filter_map(|name| branch(&format!("refs/heads/{name}")));
    Ok(branches.filter_map(|branch| source([url.as_ref()], branch)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use crate::config::settings::WebhookKind::BitbucketCloud;

    const BODY: &str = r#"{"actor":{"type":"user","nickname":"somebody"},"repository":{"type":"repository","full_name":"acme/config",
        "name":"config","scm":"git","is_private":true,"links":{"self":{"href":"https://api.bitbucket.org/2.0/repositories/acme/config"},
        "html":{"href":"https://bitbucket.org/acme/config"},"avatar":{"href":"https://bytebucket.org/x"}}},
        "push":{"changes":[{"new":{"type":"branch","name":"main","target":{"hash":"709d658d"}},"old":{"type":"branch","name":"main"},"forced":false},
        {"new":{"type":"tag","name":"v1"},"old":null,"created":true},
        {"new":null,"old":{"type":"branch","name":"gone"},"closed":true},
        {"new":{"type":"branch","name":"staging"},"old":null,"created":true}]}}"#;

    #[test]
    fn every_branch_that_is_left_is_read() {
        let push = [("x-event-key", "repo:push")];
        let expected = ["https://bitbucket.org/acme/config @main", "https://bitbucket.org/acme/config @staging"];
        assert_eq!(said(BitbucketCloud, &push, BODY), expected);
        assert_eq!(said(BitbucketCloud, &[("x-event-key", "repo:fork")], BODY), [""; 0]);
    }
}
