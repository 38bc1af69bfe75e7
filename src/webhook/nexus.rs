//! Nexus Repository's webhooks for components and for assets.
//!
//! ```text
//! X-Nexus-Webhook-ID: rm:repository:component
//! {"repositoryName": "docker-hosted", "action": "CREATED", "component": {"format": "docker", "name": "acme/web"}}
//! ```
//!
//! It does not say what its registry is called, so the receiver's `registry` must. Whether the repository is a part of image
//! names is the server's matter: both spellings are looked at.

use super::{Malformed, Payload, Pushed};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    #[serde(rename = "repositoryName")]
    repository: Option<String>,
    action: Option<String>,
    component: Option<Part>,
    asset: Option<Part>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Part {
    format: Option<String>,
    name: Option<String>,
}

pub(super) fn read(payload: &Payload<'_>) -> Result<Vec<Pushed>, Malformed> {
    let Event { repository, action, component, asset } = payload.json()?;
    let new = matches!(action.as_deref(), Some("CREATED" | "UPDATED"));
    let docker = |part: Part| part.name.filter(|_| new && part.format.as_deref() == Some("docker"));
    let manifest = |name: String| {
        let path = name.trim_start_matches('/').strip_prefix("v2/")?;
        Some(path.rsplit_once("/manifests/")?.0.to_owned())
    };
    let name = component.and_then(docker).or_else(|| asset.and_then(docker).and_then(manifest));
    let Some(name) = name else { return Ok(Vec::new()) };
    let below = repository.and_then(|repository| payload.image(None, &format!("{repository}/{name}")));
    Ok(payload.image(None, &name).into_iter().chain(below).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{said, said_at};
    use crate::config::settings::WebhookKind::Nexus;

    const HOST: Option<&str> = Some("nexus.example.com:8083");

    fn body(action: &str, part: &str) -> String {
        format!(
            r#"{{"timestamp":"2026-11-20T18:00:40.604+00:00","nodeId":"52905B51","initiator":"ci/10.0.0.7","repositoryName":"docker-hosted",
            "action":"{action}",{part}}}"#
        )
    }

    const COMPONENT: &str = r#""component":{"id":"08909bf0","componentId":"bnBt","format":"docker","name":"acme/web","group":null,"version":"1.2.3"}"#;
    const ASSET: &str =
        r#""asset":{"id":"31c950c8","assetId":"bnBt","format":"docker","name":"v2/acme/web/manifests/1.2.3"}"#;

    #[test]
    fn both_spellings_are_looked_at() {
        let both = ["nexus.example.com:8083/acme/web", "nexus.example.com:8083/docker-hosted/acme/web"];
        assert_eq!(said_at(Nexus, &[], &body("CREATED", COMPONENT), HOST, None), both);
        assert_eq!(said_at(Nexus, &[], &body("UPDATED", ASSET), HOST, None), both);
    }

    #[test]
    fn what_is_no_image_asks_for_nothing() {
        assert_eq!(said_at(Nexus, &[], &body("DELETED", COMPONENT), HOST, None), [""; 0]);
        assert_eq!(said_at(Nexus, &[], &body("CREATED", &COMPONENT.replace("docker", "npm")), HOST, None), [""; 0]);
        assert_eq!(said_at(Nexus, &[], &body("CREATED", &ASSET.replace("manifests", "blobs")), HOST, None), [""; 0]);
        assert_eq!(said(Nexus, &[], &body("CREATED", COMPONENT)), [""; 0], "without a registry there is no name");
    }
}
