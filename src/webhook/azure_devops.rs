//! The `git.push` event of Azure DevOps' service hooks.
//!
//! ```text
//! {"eventType": "git.push", "resource": {"refUpdates": [{"name": "refs/heads/main", "newObjectId": "33b55f7c..."}],
//!   "repository": {"remoteUrl": "https://dev.azure.com/acme/platform/_git/config"}}}
//! ```

use super::payload::{Listed, branch, source};
use super::{Malformed, Payload, Pushed};
use serde::Deserialize;

/// The id of no commit, by which a deleted branch is known.
const NO_COMMIT: &str = "0000000000000000000000000000000000000000";

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Event {
    event_type: Option<String>,
    resource: Resource,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Resource {
    ref_updates: Listed<Update>,
    repository: Repository,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Update {
    name: Option<String>,
    new_object_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Repository {
    remote_url: Option<String>,
    ssh_url: Option<String>,
}

pub(super) fn read(payload: &Payload<'_>) -> Result<Vec<Pushed>, Malformed> {
    let Event { event_type, resource: Resource { ref_updates, repository } } = payload.json()?;
    if event_type.as_deref() != Some("git.push") {
        return Ok(Vec::new());
    }
    let left = ref_updates.0.into_iter().filter(|update| update.new_object_id.as_deref() != Some(NO_COMMIT));
    let branches = left.filter_map(|update| branch(update.name.as_deref()?));
    let urls = [repository.remote_url.as_ref(), repository.ssh_url.as_ref()];
    Ok(branches.filter_map(|branch| source(urls, branch)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::*;
    use crate::config::settings::WebhookKind::AzureDevOps;

    fn body(event: &str, name: &str, new: &str) -> String {
        format!(
            r#"{{"subscriptionId":"00000000","notificationId":1,"id":"03c164c2","eventType":"{event}","publisherId":"tfs",
            "message":{{"text":"pushed"}},"resource":{{"commits":[{{"commitId":"33b55f7c"}}],
            "refUpdates":[{{"name":"{name}","oldObjectId":"aad331d8","newObjectId":"{new}"}}],
            "repository":{{"id":"278d5cd2","name":"config","url":"https://dev.azure.com/acme/_apis/git/repositories/278d5cd2",
            "project":{{"id":"6ce954b1","name":"platform"}},"defaultBranch":"refs/heads/main",
            "remoteUrl":"https://acme@dev.azure.com/acme/platform/_git/config"}},"pushId":14}},"resourceVersion":"1.0"}}"#
        )
    }

    #[test]
    fn pushes_to_branches_are_read() {
        let expected = "https://acme@dev.azure.com/acme/platform/_git/config @main";
        assert_eq!(said(AzureDevOps, &[], &body("git.push", "refs/heads/main", "33b55f7c")), [expected]);
        assert_eq!(said(AzureDevOps, &[], &body("git.push", "refs/heads/main", NO_COMMIT)), [""; 0]);
        assert_eq!(said(AzureDevOps, &[], &body("git.push", "refs/tags/v1", "33b55f7c")), [""; 0]);
        assert_eq!(said(AzureDevOps, &[], &body("build.complete", "refs/heads/main", "33b55f7c")), [""; 0]);
    }
}
