//! Azure Container Registry: its own webhooks, and its events in Event Grid's form and as CloudEvents.
//!
//! ```text
//! {"action": "push", "target": {"repository": "acme/web", "tag": "1.2.3"}, "request": {"host": "acme.azurecr.io"}}
//! [{"eventType": "Microsoft.ContainerRegistry.ImagePushed", "data": {"action": "push", "target": {...}, "request": {...}}}]
//! [{"eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": {"validationCode": "512d38b6-..."}}]
//! ```
//!
//! Event Grid wants its code back before it sends events, and for CloudEvents its name (`WebHook-Request-Origin`, which the
//! listener answers).

use super::distribution::Event as Push;
use super::{Malformed, Payload, Said};
use serde::Deserialize;

/// The longest code that is sent back.
const MAX_CODE: usize = 128;
const VALIDATION: &str = "Microsoft.EventGrid.SubscriptionValidationEvent";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    #[serde(rename = "eventType")]
    event_type: Option<String>,
    data: Option<Data>,
    #[serde(flatten)]
    push: Push,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Data {
    #[serde(rename = "validationCode")]
    code: Option<String>,
    #[serde(flatten)]
    push: Push,
}

pub(super) fn read(payload: &Payload<'_>) -> Result<Said, Malformed> {
    let events: Vec<Event> = payload.list()?;
    if let [Event { event_type: Some(kind), data: Some(Data { code: Some(code), .. }), .. }] = &events[..]
        && kind == VALIDATION
    {
        let plain = !code.is_empty() && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        return if plain && code.len() <= MAX_CODE { Ok(Said::Challenge(code.clone())) } else { Err(Malformed) };
    }
    let pushes = events.iter().map(|event| event.data.as_ref().map_or(&event.push, |data| &data.push));
    Ok(Said::Pushed(pushes.filter_map(|push| push.pushed(payload)).collect()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{said, said_at};
    use super::*;
    use crate::config::settings::WebhookKind::Acr;
    use axum::http::HeaderMap;

    const PUSH: &str = r#"{"id":"cb8c3971-9adc-488b-xxxx-43cbb4974ff5","timestamp":"2026-11-20T16:52:01.343145347Z","action":"push",
        "target":{"mediaType":"application/vnd.docker.distribution.manifest.v2+json","size":524,"digest":"sha256:80f0d5c8",
        "length":524,"repository":"acme/web","tag":"v1"},
        "request":{"id":"3cbb6949-7549-4fa1-xxxx-a6d5451dffc7","host":"acme.azurecr.io","method":"PUT","useragent":"docker/27"}}"#;

    #[test]
    fn pushes_are_read_in_every_form() {
        let grid = format!(
            r#"[{{"id":"831e1650","topic":"/subscriptions/x","subject":"acme/web:v1","dataVersion":"1.0","metadataVersion":"1",
            "eventType":"Microsoft.ContainerRegistry.ImagePushed","eventTime":"2026-11-20T21:39:47.6549614Z","data":{PUSH}}}]"#
        );
        let cloud = format!(
            r#"{{"id":"831e1650","source":"/subscriptions/x","subject":"acme/web:v1","specversion":"1.0",
            "type":"Microsoft.ContainerRegistry.ImagePushed","time":"2026-11-20T21:39:47Z","data":{PUSH}}}"#
        );
        for body in [PUSH, &grid, &cloud] {
            assert_eq!(said(Acr, &[], body), ["acme.azurecr.io/acme/web"], "{body}");
            assert_eq!(said_at(Acr, &[], body, Some("reg.example.com"), None), ["reg.example.com/acme/web"]);
            assert_eq!(said(Acr, &[], &body.replace("\"push\"", "\"delete\"")), [""; 0]);
        }
        assert_eq!(said(Acr, &[], r#"{"id":"cb8c","timestamp":"2026-11-20T16:52:01Z","action":"ping"}"#), [""; 0]);
    }

    #[test]
    fn a_code_is_sent_back_when_it_is_plain() {
        let read = |code: &str| {
            let body = format!(
                r#"[{{"eventType":"{VALIDATION}","data":{{"validationCode":"{code}","validationUrl":"https://a.example/"}}}}]"#
            );
            let headers = HeaderMap::new();
            super::read(&Payload { headers: &headers, body: body.as_bytes(), registry: None, url: None })
        };
        let code = "512d38b6-c7b8-40c8-89fe-f46f9e9622b6";
        assert_eq!(read(code), Ok(Said::Challenge(code.to_owned())));
        assert!(read(&"a".repeat(MAX_CODE)).is_ok());
        for odd in ["", "<script>", "a b", &"a".repeat(MAX_CODE + 1)] {
            assert_eq!(read(odd), Err(Malformed), "{odd}");
        }
    }
}
