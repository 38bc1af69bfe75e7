//! GitLab's push events, of a project, a group or the whole system.
//!
//! ```text
//! X-Gitlab-Event: Push Hook
//! {"object_kind": "push", "ref": "refs/heads/main", "project": {"git_http_url": "https://gitlab.com/acme/config.git", ...}}
//! ```
//!
//! GitLab sends no webhook for images. A registry of one's own sends distribution's notifications; with gitlab.com, a pipeline that
//! has pushed can send a `generic` event.

use super::payload::{branch, source};
use super::{Malformed, Payload, Pushed};
use serde::Deserialize;

/// The id of no commit, by which a deleted branch is known.
const NO_COMMIT: &str = "0000000000000000000000000000000000000000";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    object_kind: Option<String>,
    r#ref: Option<String>,
    after: Option<String>,
    project: Project,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Project {
    git_http_url: Option<String>,
    git_ssh_url: Option<String>,
    web_url: Option<String>,
}

pub(super) fn read(payload: &Payload<'_>) -> Result<Vec<Pushed>, Malformed> {
    let Event { object_kind, r#ref, after, project } = payload.json()?;
    let gone = after.is_some_and(|commit| commit.starts_with(NO_COMMIT));
    let push = object_kind.as_deref() == Some("push") && !gone;
    let Some(branch) = r#ref.as_deref().and_then(branch).filter(|_| push) else {
        return Ok(Vec::new());
    };
    let urls = [&project.git_http_url, &project.git_ssh_url, &project.web_url];
    Ok(source(urls.map(Option::as_ref), branch).into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::*;
    use crate::config::settings::WebhookKind::GitLab;

    fn body(kind: &str, reference: &str, after: &str) -> String {
        format!(
            r#"{{"object_kind":"{kind}","event_name":"push","before":"95790bf8","after":"{after}","ref":"{reference}","ref_protected":true,
            "checkout_sha":"da156088","user_id":4,"project_id":15,"project":{{"id":15,"name":"config","web_url":"https://gitlab.com/acme/config",
            "git_ssh_url":"git@gitlab.com:acme/config.git","git_http_url":"https://gitlab.com/acme/config.git","namespace":"acme",
            "path_with_namespace":"acme/config","default_branch":"main"}},"commits":[],"total_commits_count":4}}"#
        )
    }

    #[test]
    fn pushes_to_branches_are_read() {
        let header = [("x-gitlab-event", "Push Hook")];
        let expected =
            "https://gitlab.com/acme/config.git git@gitlab.com:acme/config.git https://gitlab.com/acme/config @a/b";
        assert_eq!(said(GitLab, &header, &body("push", "refs/heads/a/b", "da156088")), [expected]);
        assert_eq!(
            said(GitLab, &[("x-gitlab-event", "System Hook")], &body("push", "refs/heads/a/b", "d")),
            [expected]
        );
        assert_eq!(said(GitLab, &header, &body("push", "refs/heads/a/b", NO_COMMIT)), [""; 0]);
        assert_eq!(said(GitLab, &header, &body("tag_push", "refs/tags/v1", "da156088")), [""; 0]);
        assert_eq!(said(GitLab, &header, &body("pipeline", "refs/heads/main", "da156088")), [""; 0]);
    }
}
