//! Gitea's and Forgejo's push events, and the packages of their container registry.
//!
//! ```text
//! X-Gitea-Event: push
//! {"ref": "refs/heads/main", "repository": {"clone_url": "https://git.example.com/acme/config.git", "ssh_url": "..."}}
//! X-Gitea-Event: package
//! {"action": "created", "package": {"type": "container", "name": "web", "owner": {"login": "acme"}, "html_url": "https://..."}}
//! ```

use super::payload::{branch, source};
use super::{Malformed, Payload, Pushed};
use serde::Deserialize;
use url::Url;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    r#ref: Option<String>,
    action: Option<String>,
    repository: Option<Repository>,
    package: Option<Package>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Repository {
    clone_url: Option<String>,
    ssh_url: Option<String>,
    html_url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Package {
    r#type: Option<String>,
    name: Option<String>,
    html_url: Option<String>,
    owner: Owner,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Owner {
    login: Option<String>,
}

pub(super) fn read(payload: &Payload<'_>) -> Result<Vec<Pushed>, Malformed> {
    let event = payload.header("x-gitea-event");
    if !matches!(event, "push" | "package") {
        return Ok(Vec::new());
    }
    let Event { r#ref, action, repository, package } = payload.json()?;
    let pushed = match event {
        "package" => package.filter(|_| action.as_deref() == Some("created")).and_then(|it| image(it, payload)),
        _ => r#ref.as_deref().and_then(branch).zip(repository).and_then(|(branch, repository)| {
            let urls = [&repository.clone_url, &repository.ssh_url, &repository.html_url];
            source(urls.map(Option::as_ref), branch)
        }),
    };
    Ok(pushed.into_iter().collect())
}

fn image(package: Package, payload: &Payload<'_>) -> Option<Pushed> {
    let page = package.html_url.and_then(|url| Url::parse(&url).ok());
    let host = page.as_ref().and_then(|url| match url.port() {
        Some(port) => Some(format!("{}:{port}", url.host_str()?)),
        None => url.host_str().map(str::to_owned),
    });
    let (owner, name) = (package.owner.login?, package.name?);
    let container = package.r#type.as_deref() == Some("container");
    container.then(|| payload.image(host.as_deref(), &format!("{owner}/{name}").to_ascii_lowercase())).flatten()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{said, said_at};
    use crate::config::settings::WebhookKind::Gitea;

    const PUSH: &str = r#"{"secret":"","ref":"refs/heads/main","before":"28e1879d","after":"bffeb740",
        "compare_url":"https://git.example.com/acme/config/compare/a...b","commits":[],"total_commits":1,
        "repository":{"id":140,"name":"config","full_name":"acme/config","html_url":"https://git.example.com/acme/config",
        "ssh_url":"ssh://git@git.example.com:2222/acme/config.git","clone_url":"https://git.example.com/acme/config.git",
        "default_branch":"main"},"pusher":{"id":1,"login":"somebody"}}"#;
    const PACKAGE: &str = r#"{"action":"created","repository":null,"package":{"id":7,"owner":{"id":2,"login":"Acme"},"type":"container",
        "name":"web","version":"1.2.3","html_url":"https://git.example.com:3000/Acme/-/packages/container/web/1.2.3"}}"#;

    #[test]
    fn pushes_and_packages_are_read() {
        let push = "https://git.example.com/acme/config.git ssh://git@git.example.com:2222/acme/config.git \
                    https://git.example.com/acme/config @main";
        assert_eq!(said(Gitea, &[("x-gitea-event", "push")], PUSH), [push]);
        let package = [("x-gitea-event", "package")];
        assert_eq!(said(Gitea, &package, PACKAGE), ["git.example.com:3000/acme/web"]);
        let behind = said_at(Gitea, &package, PACKAGE, Some("reg.example.com"), None);
        assert_eq!(behind, ["reg.example.com/acme/web"]);
        assert_eq!(said(Gitea, &package, &PACKAGE.replace("created", "deleted")), [""; 0]);
        assert_eq!(said(Gitea, &package, &PACKAGE.replace("container", "npm")), [""; 0]);
        assert_eq!(said(Gitea, &[("x-gitea-event", "push")], &PUSH.replace("heads", "tags")), [""; 0]);
        assert_eq!(said(Gitea, &[("x-gitea-event", "issues")], PUSH), [""; 0]);
    }
}
