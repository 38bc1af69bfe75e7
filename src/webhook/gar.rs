//! What Artifact Registry publishes to the Pub/Sub topic `gcr`, as a push subscription or Eventarc posts it, or as it is ("no
//! wrapper"). Pub/Sub sends no secret of ours, so the path is one.
//!
//! ```text
//! {"message": {"data": "eyJhY3Rpb24iOiJJTlNFUlQiLC...", "messageId": "1"}, "subscription": "projects/acme/subscriptions/x"}
//! {"action": "INSERT", "digest": "europe-docker.pkg.dev/acme/images/web@sha256:...", "tag": "europe-docker.pkg.dev/acme/images/web:1.2.3"}
//! ```

use super::{Malformed, Payload, Pushed};
use crate::image::ImageRef;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    action: Option<String>,
    digest: Option<String>,
    tag: Option<String>,
    message: Option<Message>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    data: Option<String>,
}

pub(super) fn read(payload: &Payload<'_>) -> Result<Vec<Pushed>, Malformed> {
    let mut event: Event = payload.json()?;
    if let Some(data) = event.message.and_then(|message| message.data) {
        let bytes = STANDARD.decode(data).map_err(|_| Malformed)?;
        event = serde_json::from_slice(&bytes).map_err(|_| Malformed)?;
    }
    let named = event.tag.or(event.digest).filter(|_| event.action.as_deref() == Some("INSERT"));
    let repository = named.and_then(|name| Some(ImageRef::parse(&name).ok()?.repository));
    Ok(repository.and_then(|it| payload.image(Some(it.host()), it.path())).into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::*;
    use crate::config::settings::WebhookKind::Gar;

    const DIGEST: &str = "sha256:6ec128e26cd5b7a2f9c3f7a3b6b7e5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8";

    #[test]
    fn insertions_are_read_wrapped_and_bare() {
        let digest = format!(r#"{{"action":"INSERT","digest":"europe-docker.pkg.dev/acme/images/web@{DIGEST}"}}"#);
        let tag = r#"{"action":"INSERT","digest":"x","tag":"europe-docker.pkg.dev/acme/images/web:1.2.3"}"#;
        for inner in [digest.as_str(), tag] {
            let wrapped = format!(
                r#"{{"message":{{"attributes":{{}},"data":"{}","messageId":"136969346945","publishTime":"2026-11-20T10:00:00Z"}},
                "subscription":"projects/acme/subscriptions/landwaiter","deliveryAttempt":1}}"#,
                STANDARD.encode(inner)
            );
            for body in [inner, &wrapped] {
                assert_eq!(said(Gar, &[], body), ["europe-docker.pkg.dev/acme/images/web"], "{body}");
            }
        }
    }

    #[test]
    fn deletions_and_other_messages_ask_for_nothing() {
        let deleted = r#"{"action":"DELETE","tag":"europe-docker.pkg.dev/acme/images/web:1.2.3"}"#;
        assert_eq!(said(Gar, &[], deleted), [""; 0]);
        assert_eq!(said(Gar, &[], r#"{"action":"INSERT","tag":"not an image"}"#), [""; 0]);
    }
}
