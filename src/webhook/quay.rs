//! Quay's notification of a push, which it can neither sign nor send a token with: only its path is secret.
//!
//! ```text
//! {"repository": "acme/web", "docker_url": "quay.io/acme/web", "updated_tags": ["1.2.3"]}
//! ```

use super::{Malformed, Payload, Pushed};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    repository: Option<String>,
    docker_url: Option<String>,
}

pub(super) fn read(payload: &Payload<'_>) -> Result<Vec<Pushed>, Malformed> {
    let Event { repository, docker_url } = payload.json()?;
    let host = docker_url.as_deref().and_then(|url| url.split_once('/')).map(|(host, _)| host);
    Ok(repository.and_then(|path| payload.image(host, &path)).into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{said, said_at};
    use crate::config::settings::WebhookKind::Quay;

    const BODY: &str = r#"{"name":"web","repository":"acme/web","namespace":"acme","docker_url":"quay.io/acme/web",
        "homepage":"https://quay.io/repository/acme/web","updated_tags":["latest","foo"]}"#;

    #[test]
    fn the_repository_and_its_host_are_read() {
        assert_eq!(said(Quay, &[], BODY), ["quay.io/acme/web"]);
        assert_eq!(said_at(Quay, &[], BODY, Some("quay.example.com"), None), ["quay.example.com/acme/web"]);
    }

    #[test]
    fn a_scan_or_a_build_without_a_registry_names_nothing() {
        assert_eq!(said(Quay, &[], r#"{"repository":"acme/web","vulnerability":{"id":"CVE-1234"}}"#), [""; 0]);
    }
}
