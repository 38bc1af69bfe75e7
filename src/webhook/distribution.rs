//! The notifications of distribution, Debian's `docker-registry`, and of what has it inside, such as GitLab's registry.
//!
//! ```text
//! {"events": [{"action": "push", "target": {"mediaType": "application/vnd.oci.image.manifest.v1+json",
//!   "repository": "acme/web", "tag": "1.2.3"}, "request": {"host": "registry.example.com", "method": "PUT"}}]}
//! ```
//!
//! There is an event for every layer too. Those, pulls and deletions are passed over. The host is the one that whoever pushed
//! used; behind a proxy that renames it, the receiver's `registry` says what image names say.

use super::payload::Listed;
use super::{Malformed, Payload, Pushed};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Envelope {
    events: Listed<Event>,
}

/// ACR sends the same, one at a time.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event {
    action: String,
    target: Target,
    request: Request,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Target {
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    repository: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Request {
    host: Option<String>,
}

pub(super) fn read(payload: &Payload<'_>) -> Result<Vec<Pushed>, Malformed> {
    let envelope: Envelope = payload.json()?;
    Ok(envelope.events.0.iter().filter_map(|event| event.pushed(payload)).collect())
}

impl Event {
    pub(super) fn pushed(&self, payload: &Payload<'_>) -> Option<Pushed> {
        let media = self.target.media_type.as_deref().unwrap_or("manifest");
        let manifest = media.contains("manifest") || media.contains("image.index");
        let path = self.target.repository.as_deref().filter(|_| self.action == "push" && manifest)?;
        payload.image(self.request.host.as_deref().filter(|host| !host.is_empty()), path)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{said, said_at};
    use super::super::{MAX_LISTED, Malformed, Payload, read};
    use crate::config::settings::WebhookKind::Distribution;
    use axum::http::HeaderMap;

    /// As docker-registry 2.8 sends it.
    fn event(action: &str, media: &str, host: &str) -> String {
        format!(
            r#"{{"id":"320678d8-ca14-430f-8bb6-4ca139cd83f7","timestamp":"2026-11-20T10:00:00Z","action":"{action}",
            "target":{{"mediaType":"{media}","digest":"sha256:fea8895f450959fa676bcc1df0611ea93823a735a01205fd8622846041d0c7cf",
            "size":708,"length":708,"repository":"acme/web","url":"http://{host}/v2/acme/web/manifests/sha256:fea8","tag":"1.2.3"}},
            "request":{{"id":"6df24a34","addr":"10.0.0.7:39674","host":"{host}","method":"PUT","useragent":"docker/27"}},
            "actor":{{}},"source":{{"addr":"registry-0:5000","instanceID":"a53db899"}}}}"#
        )
    }

    #[test]
    fn pushed_manifests_are_read_and_nothing_else() {
        for (action, media, count) in [
            ("push", "application/vnd.docker.distribution.manifest.v2+json", 1),
            ("push", "application/vnd.docker.distribution.manifest.list.v2+json", 1),
            ("push", "application/vnd.oci.image.manifest.v1+json", 1),
            ("push", "application/vnd.oci.image.index.v1+json", 1),
            ("push", "application/octet-stream", 0),
            ("push", "application/vnd.oci.image.layer.v1.tar+gzip", 0),
            ("mount", "application/octet-stream", 0),
            ("pull", "application/vnd.oci.image.manifest.v1+json", 0),
            ("delete", "application/vnd.oci.image.manifest.v1+json", 0),
        ] {
            let body = format!("{{\"events\":[{}]}}", event(action, media, "reg.example.com:5000"));
            assert_eq!(
                said(Distribution, &[], &body),
                vec!["reg.example.com:5000/acme/web"; count],
                "{action} {media}"
            );
        }
    }

    #[test]
    fn the_settings_may_say_what_the_registry_is_called() {
        let oci = "application/vnd.oci.image.manifest.v1+json";
        let body = format!("{{\"events\":[{},{}]}}", event("push", oci, "10.0.0.1:5000"), event("push", oci, ""));
        assert_eq!(said(Distribution, &[], &body), ["10.0.0.1:5000/acme/web"]);
        let found = said_at(Distribution, &[], &body, Some("reg.example.com"), None);
        assert_eq!(found, ["reg.example.com/acme/web", "reg.example.com/acme/web"]);
    }

    #[test]
    fn a_list_of_events_is_bounded() {
        let body = |count: usize| format!("{{\"events\":[{}]}}", vec!["{}"; count].join(","));
        assert_eq!(said(Distribution, &[], &body(MAX_LISTED)), [""; 0]);
        let (headers, body) = (HeaderMap::new(), body(MAX_LISTED + 1));
        let payload = Payload { headers: &headers, body: body.as_bytes(), registry: None, url: None };
        assert_eq!(read(Distribution, &payload), Err(Malformed));
    }
}
