//! GitHub's `package` and `registry_package` events, for images in ghcr.io or in the registry of a server of one's own.
//!
//! ```text
//! X-GitHub-Event: registry_package
//! {"action": "published", "registry_package": {"name": "web", "namespace": "acme", "package_type": "CONTAINER",
//!   "package_version": {"package_url": "ghcr.io/acme/web:1.2.3"}}}
//! ```

use super::{Malformed, Payload, Pushed};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    package: Option<Package>,
    registry_package: Option<Package>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Package {
    name: Option<String>,
    namespace: Option<String>,
    package_type: Option<String>,
    owner: Option<Owner>,
    package_version: Option<Version>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Owner {
    login: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Version {
    package_url: Option<String>,
}

pub(super) fn read(payload: &Payload<'_>) -> Result<Vec<Pushed>, Malformed> {
    if !matches!(payload.header("x-github-event"), "package" | "registry_package") {
        return Ok(Vec::new());
    }
    let Event { package, registry_package } = payload.json()?;
    let container = |package: &Package| {
        let kind = package.package_type.as_deref().unwrap_or_default();
        kind.eq_ignore_ascii_case("container") || kind.eq_ignore_ascii_case("docker")
    };
    let package = registry_package.or(package).filter(container);
    Ok(package.and_then(|package| image(package, payload)).into_iter().collect())
}

fn image(package: Package, payload: &Payload<'_>) -> Option<Pushed> {
    let owner = package.namespace.filter(|name| !name.is_empty()).or_else(|| package.owner?.login)?;
    // The namespace is `acme`, or `acme/repository` for packages that were tied to one.
    let owner = owner.split('/').next().unwrap_or_default();
    let host = package.package_version.and_then(|version| version.package_url);
    let host = host.as_deref().map(|url| url.strip_prefix("https://").unwrap_or(url));
    let host = host.and_then(|url| url.split_once('/')).map_or("ghcr.io", |(host, _)| host);
    payload.image(Some(host), &format!("{owner}/{}", package.name?).to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{said, said_at};
    use crate::config::settings::WebhookKind::Ghcr;

    fn body(key: &str, kind: &str, url: &str) -> String {
        format!(
            r#"{{"action":"published","{key}":{{"id":1,"name":"web","namespace":"Acme","description":"","ecosystem":"CONTAINER",
            "package_type":"{kind}","html_url":"https://github.com/orgs/Acme/packages/container/web",
            "owner":{{"login":"Acme","id":2,"type":"Organization"}},"package_version":{{"id":3,"version":"sha256:fea8",
            "container_metadata":{{"tag":{{"name":"1.2.3","digest":"sha256:fea8"}}}},"package_url":"{url}"}},
            "registry":null}},"organization":{{"login":"Acme"}},"sender":{{"login":"bot"}}}}"#
        )
    }

    #[test]
    fn containers_are_read_in_the_spelling_of_image_names() {
        for (event, key, kind, url, expected) in [
            ("registry_package", "registry_package", "CONTAINER", "ghcr.io/acme/web:1.2.3", vec!["ghcr.io/acme/web"]),
            ("package", "package", "container", "ghcr.io/acme/web:1.2.3", vec!["ghcr.io/acme/web"]),
            ("package", "package", "CONTAINER", "", vec!["ghcr.io/acme/web"]),
            ("package", "package", "CONTAINER", "https://ghcr.io/acme/web:1.2.3", vec!["ghcr.io/acme/web"]),
            (
                "package",
                "package",
                "CONTAINER",
                "containers.ghe.example.com/acme/web:1",
                vec!["containers.ghe.example.com/acme/web"],
            ),
            ("package", "package", "npm", "", vec![]),
            ("push", "package", "CONTAINER", "", vec![]),
        ] {
            let found = said(Ghcr, &[("x-github-event", event)], &body(key, kind, url));
            assert_eq!(found, expected, "{event} {kind} {url}");
        }
        let header = [("x-github-event", "package")];
        let found = said_at(Ghcr, &header, &body("package", "CONTAINER", ""), Some("reg.example.com"), None);
        assert_eq!(found, ["reg.example.com/acme/web"]);
    }
}
