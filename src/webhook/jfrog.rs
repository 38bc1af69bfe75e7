//! Artifactory's Docker events.
//!
//! ```text
//! {"domain": "docker", "event_type": "pushed", "data": {"repo_key": "docker-local", "image_name": "web", "tag": "1.2.3"},
//!   "jpd_origin": "https://acme.jfrog.io"}
//! ```
//!
//! How a repository is spelt in image names is the server's matter (a part of the path, or of the host), so each spelling is
//! looked at. Where images are pulled through a virtual repository, the receiver's `registry` names it: `acme.jfrog.io/docker`.

use super::{Malformed, Payload, Pushed};
use serde::Deserialize;
use url::Url;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    domain: Option<String>,
    event_type: Option<String>,
    jpd_origin: Option<String>,
    data: Option<Data>,
    /// Older servers have all in one.
    repo_key: Option<String>,
    image_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Data {
    repo_key: Option<String>,
    image_name: Option<String>,
}

pub(super) fn read(payload: &Payload<'_>) -> Result<Vec<Pushed>, Malformed> {
    let event: Event = payload.json()?;
    let docker = event.domain.as_deref().is_none_or(|domain| domain == "docker");
    let pushed = matches!(event.event_type.as_deref(), Some("pushed" | "promoted"));
    let Data { repo_key, image_name } =
        event.data.unwrap_or(Data { repo_key: event.repo_key, image_name: event.image_name });
    let (Some(key), Some(name), true) = (repo_key, image_name, docker && pushed) else {
        return Ok(Vec::new());
    };
    if payload.registry.is_some() {
        let found = [payload.image(None, &format!("{key}/{name}")), payload.image(None, &name)];
        return Ok(found.into_iter().flatten().collect());
    }
    let origin = event.jpd_origin.and_then(|origin| Url::parse(&origin).ok());
    let Some(host) = origin.as_ref().and_then(Url::host_str) else {
        return Ok(Vec::new());
    };
    let port = origin.as_ref().and_then(Url::port).map(|port| format!(":{port}")).unwrap_or_default();
    let (server, rest) = host.split_once('.').unwrap_or((host, ""));
    let hosts = [
        (format!("{host}{port}"), format!("{key}/{name}")),
        (format!("{key}.{host}{port}"), name.clone()),
        (format!("{server}-{key}.{rest}{port}"), name),
    ];
    Ok(hosts.into_iter().filter_map(|(host, path)| payload.image(Some(&host), &path)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{said, said_at};
    use crate::config::settings::WebhookKind::JFrog;

    fn body(domain: &str, event: &str) -> String {
        format!(
            r#"{{"domain":"{domain}","event_type":"{event}","data":{{"repo_key":"docker-local","path":"acme/web/1.2.3/manifest.json",
            "name":"manifest.json","sha256":"35c4a2c1","size":1206,"image_name":"acme/web","tag":"1.2.3","platforms":[]}},
            "subscription_key":"landwaiter","jpd_origin":"https://acme.jfrog.io/artifactory","source":"jfrog/ci"}}"#
        )
    }

    #[test]
    fn each_spelling_is_looked_at() {
        assert_eq!(
            said(JFrog, &[], &body("docker", "pushed")),
            [
                "acme.jfrog.io/docker-local/acme/web",
                "docker-local.acme.jfrog.io/acme/web",
                "acme-docker-local.jfrog.io/acme/web",
            ]
        );
        let registry = Some("acme.jfrog.io/docker");
        let found = said_at(JFrog, &[], &body("docker", "pushed"), registry, None);
        assert_eq!(found, ["acme.jfrog.io/docker/docker-local/acme/web", "acme.jfrog.io/docker/acme/web"]);
    }

    #[test]
    fn older_servers_have_all_in_one() {
        let flat = r#"{"repo_key":"docker-local","event_type":"pushed","path":"library/ubuntu/latest/list.manifest.json",
            "image_name":"library/ubuntu","tag":"latest"}"#;
        assert_eq!(said(JFrog, &[], flat), [""; 0], "nobody says which server it is");
        let found = said_at(JFrog, &[], flat, Some("reg.example.com"), None);
        assert_eq!(found, ["reg.example.com/docker-local/library/ubuntu", "reg.example.com/library/ubuntu"]);
    }

    #[test]
    fn other_events_ask_for_nothing() {
        assert_eq!(said(JFrog, &[], &body("docker", "deleted")), [""; 0]);
        assert_eq!(said(JFrog, &[], &body("artifact", "deployed")), [""; 0]);
    }
}
