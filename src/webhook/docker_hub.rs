//! Docker Hub's webhooks, which it can neither sign nor send a token with: only their path is secret.
//!
//! ```text
//! {"callback_url": "https://...", "push_data": {"tag": "1.2.3"}, "repository": {"repo_name": "acme/web"}}
//! ```
//!
//! The address to call back is not called.

use super::{Malformed, Payload, Pushed};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    repository: Repository,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Repository {
    repo_name: Option<String>,
}

pub(super) fn read(payload: &Payload<'_>) -> Result<Vec<Pushed>, Malformed> {
    let event: Event = payload.json()?;
    let name = event.repository.repo_name;
    Ok(name.and_then(|name| payload.image(Some("docker.io"), &name)).into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{said, said_at};
    use crate::config::settings::WebhookKind::DockerHub;

    const BODY: &str = r#"{"callback_url":"https://registry.hub.docker.com/u/acme/web/hook/2141b5bi5i5b02bec211i4eeih0242eg11000a/",
        "push_data":{"pushed_at":1417566161,"pusher":"somebody","tag":"latest","images":null},
        "repository":{"comment_count":0,"date_created":1417494799,"description":"","is_official":false,"is_private":true,
        "name":"web","namespace":"acme","owner":"acme","repo_name":"acme/web","repo_url":"https://registry.hub.docker.com/u/acme/web/",
        "star_count":0,"status":"Active"}}"#;

    #[test]
    fn the_repository_is_one_of_docker_hub() {
        assert_eq!(said(DockerHub, &[], BODY), ["docker.io/acme/web"]);
        assert_eq!(
            said_at(DockerHub, &[], BODY, Some("mirror.example.com/hub"), None),
            ["mirror.example.com/hub/acme/web"]
        );
    }
}
