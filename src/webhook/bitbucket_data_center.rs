//! Bitbucket Data Center's changed refs.
//!
//! ```text
//! X-Event-Key: repo:refs_changed
//! {"changes": [{"ref": {"id": "refs/heads/main"}, "type": "UPDATE"}], "repository": {"slug": "config", "project": {"key": "ACME"}}}
//! ```
//!
//! The server does not say where it is: the receiver's `url` does, and the repository is below it as the server lays it out.

use super::payload::{Listed, branch};
use super::{Malformed, Payload, Pushed};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    changes: Listed<Change>,
    repository: Repository,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Change {
    r#ref: Reference,
    r#type: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reference {
    id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Repository {
    slug: Option<String>,
    project: Project,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Project {
    key: Option<String>,
}

pub(super) fn read(payload: &Payload<'_>) -> Result<Vec<Pushed>, Malformed> {
    if payload.header("x-event-key") != "repo:refs_changed" {
        return Ok(Vec::new());
    }
    let Event { changes, repository } = payload.json()?;
    let (Some(url), Some(slug), Some(key)) = (payload.url, repository.slug, repository.project.key) else {
        return Ok(Vec::new());
    };
    let (base, host) = (url.as_str().trim_end_matches('/'), url.host_str().unwrap_or_default());
    let urls = vec![format!("{base}/scm/{key}/{slug}.git"), format!("ssh://git@{host}/{key}/{slug}.git")];
    let left = changes.0.into_iter().filter(|change| change.r#type.as_deref() != Some("DELETE"));
    let branches = left.filter_map(|change| branch(change.r#ref.id.as_deref()?));
    Ok(branches.map(|branch| Pushed::Source { urls: urls.clone(), branch: Some(branch) }).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{said, said_at};
    use crate::config::settings::WebhookKind::BitbucketDataCenter;

    const BODY: &str = r#"{"eventKey":"repo:refs_changed","date":"2026-11-20T09:45:32+1000","actor":{"name":"admin","id":1},
        "repository":{"slug":"config","id":84,"name":"config","scmId":"git","state":"AVAILABLE","public":false,
        "project":{"key":"ACME","id":84,"name":"Acme","public":false,"type":"NORMAL"}},
        "changes":[{"ref":{"id":"refs/heads/main","displayId":"main","type":"BRANCH"},"refId":"refs/heads/main",
        "fromHash":"ecddabb6","toHash":"178864a7","type":"UPDATE"},
        {"ref":{"id":"refs/heads/gone","displayId":"gone","type":"BRANCH"},"type":"DELETE"},
        {"ref":{"id":"refs/tags/v1","displayId":"v1","type":"TAG"},"type":"ADD"}]}"#;

    #[test]
    fn repositories_are_below_the_receivers_url() {
        let push = [("x-event-key", "repo:refs_changed")];
        let expected =
            "https://git.example.com/bitbucket/scm/ACME/config.git ssh://git@git.example.com/ACME/config.git @main";
        let url = Some("https://git.example.com/bitbucket/");
        assert_eq!(said_at(BitbucketDataCenter, &push, BODY, None, url), [expected]);
        assert_eq!(said(BitbucketDataCenter, &push, BODY), [""; 0], "nobody says which server it is");
        assert_eq!(said_at(BitbucketDataCenter, &[("x-event-key", "diagnostics:ping")], BODY, None, url), [""; 0]);
    }
}
