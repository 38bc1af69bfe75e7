//! Harbor's events, in its own form and as CloudEvents.
//!
//! ```text
//! {"type": "PUSH_ARTIFACT", "event_data": {"resources": [{"resource_url": "harbor.example.com/acme/web:1.2.3"}],
//!   "repository": {"repo_full_name": "acme/web"}}}
//! {"specversion": "1.0", "type": "harbor.artifact.pushed", "data": {"resources": [...], "repository": {...}}}
//! ```
//!
//! Images that are replicated into a project are pushes there, with an event of their own.

use super::payload::Listed;
use super::{Malformed, Payload, Pushed};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    r#type: Option<String>,
    event_data: Option<Data>,
    data: Option<Data>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Data {
    resources: Listed<Resource>,
    repository: Repository,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resource {
    resource_url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Repository {
    repo_full_name: Option<String>,
}

pub(super) fn read(payload: &Payload<'_>) -> Result<Vec<Pushed>, Malformed> {
    let event: Event = payload.json()?;
    if !matches!(event.r#type.as_deref(), Some("PUSH_ARTIFACT" | "harbor.artifact.pushed")) {
        return Ok(Vec::new());
    }
    let Some(Data { resources, repository }) = event.event_data.or(event.data) else {
        return Ok(Vec::new());
    };
    let url = resources.0.into_iter().find_map(|resource| resource.resource_url);
    let host = url.as_deref().and_then(|url| url.split_once('/')).map(|(host, _)| host);
    Ok(repository.repo_full_name.and_then(|path| payload.image(host, &path)).into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{said, said_at};
    use crate::config::settings::WebhookKind::Harbor;

    const DATA: &str = r#"{"resources":[{"digest":"sha256:8a9e9863dbb6e10edb5adfe917c00da84e1700fa76e7ed02476aa6e6fb8ee0d8",
        "tag":"1.2.3","resource_url":"harbor.example.com/acme/web:1.2.3"}],
        "repository":{"date_created":1586922308,"name":"web","namespace":"acme","repo_full_name":"acme/web","repo_type":"private"}}"#;

    fn own(kind: &str) -> String {
        format!(r#"{{"type":"{kind}","occur_at":1680501893,"operator":"admin","event_data":{DATA}}}"#)
    }

    fn cloud(kind: &str) -> String {
        format!(
            r#"{{"specversion":"1.0","id":"4b2f89a6","requestid":"9fdf50bc","source":"/projects/1/webhook/policies/1",
            "type":"{kind}","datacontenttype":"application/json","time":"2026-11-20T10:00:00Z","operator":"admin","data":{DATA}}}"#
        )
    }

    #[test]
    fn pushes_are_read_in_both_forms() {
        assert_eq!(said(Harbor, &[], &own("PUSH_ARTIFACT")), ["harbor.example.com/acme/web"]);
        assert_eq!(said(Harbor, &[], &cloud("harbor.artifact.pushed")), ["harbor.example.com/acme/web"]);
        let behind = said_at(Harbor, &[], &own("PUSH_ARTIFACT"), Some("reg.example.com"), None);
        assert_eq!(behind, ["reg.example.com/acme/web"]);
    }

    #[test]
    fn other_events_ask_for_nothing() {
        for kind in ["PULL_ARTIFACT", "DELETE_ARTIFACT", "SCANNING_COMPLETED", "QUOTA_EXCEED"] {
            assert_eq!(said(Harbor, &[], &own(kind)), [""; 0], "{kind}");
        }
        assert_eq!(said(Harbor, &[], &cloud("harbor.artifact.pulled")), [""; 0]);
    }
}
