//! GitHub's `push` event, and its packages as in `ghcr`, for one webhook that sends both.
//!
//! ```text
//! X-GitHub-Event: push
//! {"ref": "refs/heads/main", "repository": {"clone_url": "https://github.com/acme/config.git", "ssh_url": "git@github.com:acme/config.git"}}
//! ```

use super::payload::{branch, source};
use super::{Malformed, Payload, Pushed, ghcr};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    r#ref: Option<String>,
    deleted: bool,
    repository: Repository,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Repository {
    clone_url: Option<String>,
    ssh_url: Option<String>,
    html_url: Option<String>,
}

pub(super) fn read(payload: &Payload<'_>) -> Result<Vec<Pushed>, Malformed> {
    if payload.header("x-github-event") != "push" {
        return ghcr::read(payload);
    }
    let Event { r#ref, deleted, repository } = payload.json()?;
    let Some(branch) = r#ref.as_deref().and_then(branch).filter(|_| !deleted) else {
        return Ok(Vec::new());
    };
    let urls = [&repository.clone_url, &repository.ssh_url, &repository.html_url];
    Ok(source(urls.map(Option::as_ref), branch).into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use crate::config::settings::WebhookKind::GitHub;
    use url::form_urlencoded::byte_serialize;

    fn body(reference: &str, deleted: bool) -> String {
        format!(
            r#"{{"ref":"{reference}","before":"6113728f","after":"0d1a26e6","created":false,"deleted":{deleted},"forced":false,
            "base_ref":null,"compare":"https://github.com/acme/config/compare/a...b","commits":[{{"id":"0d1a26e6","modified":["a.yaml"]}}],
            "repository":{{"id":186853002,"name":"config","full_name":"acme/config","private":true,"html_url":"https://github.com/acme/config",
            "git_url":"git://github.com/acme/config.git","ssh_url":"git@github.com:acme/config.git",
            "clone_url":"https://github.com/acme/config.git","default_branch":"main"}},"pusher":{{"name":"somebody"}}}}"#
        )
    }

    const EXPECTED: &str =
        "https://github.com/acme/config.git git@github.com:acme/config.git https://github.com/acme/config @main";

    #[test]
    fn pushes_to_branches_are_read() {
        let push = [("x-github-event", "push")];
        assert_eq!(said(GitHub, &push, &body("refs/heads/main", false)), [EXPECTED]);
        assert_eq!(said(GitHub, &push, &body("refs/heads/main", true)), [""; 0]);
        assert_eq!(said(GitHub, &push, &body("refs/tags/v1", false)), [""; 0]);
        assert_eq!(said(GitHub, &[("x-github-event", "pull_request")], &body("refs/heads/main", false)), [""; 0]);
    }

    #[test]
    fn a_form_is_read_as_well() {
        let form: String = byte_serialize(body("refs/heads/main", false).as_bytes()).collect();
        let headers = [("x-github-event", "push"), ("content-type", "application/x-www-form-urlencoded")];
        assert_eq!(said(GitHub, &headers, &format!("payload={form}")), [EXPECTED]);
    }

    #[test]
    fn packages_come_by_the_same_webhook() {
        let body = r#"{"action":"published","package":{"name":"web","namespace":"acme","package_type":"CONTAINER"}}"#;
        assert_eq!(said(GitHub, &[("x-github-event", "package")], body), ["ghcr.io/acme/web"]);
    }
}
