//! Merging by GitHub itself, once the rules of the base are met. Only the GraphQL interface knows it
//! (<https://docs.github.com/en/graphql/reference/mutations#enablepullrequestautomerge>).
//!
//! GitHub refuses to wait where there is nothing to wait for. Then the pull request is merged at once, with the head that was
//! expected, which is what would have come of it.

use super::GitHub;
use crate::http::Method;
use crate::port::{CommitId, ForgeError, ForgeErrorKind, MergeMethod};
use serde::Deserialize;
use serde_json::json;

const NEEDS: &str = "contents: write, pull requests: write";

const ENABLE: &str = "mutation($pull: ID!, $method: PullRequestMergeMethod!, $head: GitObjectID!) { \
    enablePullRequestAutoMerge(input: {pullRequestId: $pull, mergeMethod: $method, expectedHeadOid: $head}) { \
    pullRequest { number } } }";
const DISABLE: &str = "mutation($pull: ID!) { \
    disablePullRequestAutoMerge(input: {pullRequestId: $pull}) { pullRequest { number } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Enabled {
    enable_pull_request_auto_merge: Payload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Disabled {
    disable_pull_request_auto_merge: Payload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    pull_request: Numbered,
}

#[derive(Deserialize)]
struct Numbered {
    number: u64,
}

#[derive(Deserialize)]
struct Merged {
    merged: bool,
}

impl GitHub {
    pub(super) async fn have_it_merge(
        &self,
        number: u64,
        head: &CommitId,
        method: MergeMethod,
    ) -> Result<(), ForgeError> {
        let pull = self.pull(number).await?;
        if !pull.is_open() {
            return Err(self.api.error(ForgeErrorKind::Refused, "it is not open"));
        }
        if pull.head() != head.0 {
            return Err(self.api.error(ForgeErrorKind::Refused, format!("its head is not {head} any more")));
        }
        match &pull.auto_merge {
            Some(asked) if asked.merge_method.eq_ignore_ascii_case(name(method)) => return Ok(()),
            Some(_) => self.take_back(number, &pull.node_id).await?,
            None => {}
        }
        let variables = json!({ "pull": pull.node_id, "method": name(method).to_ascii_uppercase(), "head": head.0 });
        match self.graphql::<Enabled>(ENABLE, variables, NEEDS).await {
            Ok(done) => self.expect(number, &done.enable_pull_request_auto_merge),
            Err(error) if error.kind == ForgeErrorKind::Refused && error.detail.contains("in clean status") => {
                self.merge_now(number, head, method).await
            }
            Err(error) => Err(explained(error)),
        }
    }

    pub(super) async fn have_it_wait(&self, number: u64) -> Result<(), ForgeError> {
        let pull = self.pull(number).await?;
        if pull.auto_merge.is_none() || !pull.is_open() {
            return Ok(());
        }
        self.take_back(number, &pull.node_id).await
    }

    async fn take_back(&self, number: u64, id: &str) -> Result<(), ForgeError> {
        let done: Disabled = self.graphql(DISABLE, json!({ "pull": id }), NEEDS).await?;
        self.expect(number, &done.disable_pull_request_auto_merge)
    }

    /// Merges it if its head still is that one.
    async fn merge_now(&self, number: u64, head: &CommitId, method: MergeMethod) -> Result<(), ForgeError> {
        let number = number.to_string();
        let call = self.call(Method::Put, &["pulls", &number, "merge"], "contents: write");
        let done: Merged = self.read(call.with(json!({ "sha": head.0, "merge_method": name(method) }))).await?;
        match done.merged {
            true => Ok(()),
            false => Err(self.api.error(ForgeErrorKind::Refused, "it was not merged")),
        }
    }

    fn expect(&self, number: u64, payload: &Payload) -> Result<(), ForgeError> {
        match payload.pull_request.number == number {
            true => Ok(()),
            false => Err(self.api.error(ForgeErrorKind::Malformed, "it answers about another pull request")),
        }
    }
}

/// As the REST interface writes it; GraphQL shouts it.
fn name(method: MergeMethod) -> &'static str {
    match method {
        MergeMethod::Merge => "merge",
        MergeMethod::Squash => "squash",
        MergeMethod::Rebase => "rebase",
    }
}

/// With the setting that GitHub's words leave open.
fn explained(mut error: ForgeError) -> ForgeError {
    let hint = match error.detail.as_str() {
        said if said.contains("not allowed for this repository") => {
            "switch on \"Allow auto-merge\" in the repository's settings"
        }
        said if said.contains("rules not configured") => "the base has no branch protection or ruleset to wait for",
        said if said.contains("in unstable status") => {
            "no rule of the base demands its checks, so GitHub would not wait for them"
        }
        _ => return error,
    };
    error.detail = format!("{}; {hint}", error.detail);
    error
}
