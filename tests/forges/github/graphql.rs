//! The mutations of the GraphQL interface that are used. Its errors come with the status of success.

use super::{Asked, Fake, Reply, objects, refuse, reply};
use crate::hub::{NAME, OWNER, Refusal};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

impl Fake {
    pub(super) fn graphql(&self, asked: &Asked) -> Reply {
        match self.apps.admits(asked.authorization.as_deref()) {
            Some(true) => {}
            Some(false) => return refuse(401, "Bad credentials"),
            None => return refuse(401, "This endpoint requires you to be authenticated."),
        }
        let (document, variables) = (asked.body["query"].as_str().unwrap_or_default(), &asked.body["variables"]);
        if document.contains("createCommitOnBranch(input: ") {
            return self.commit(&variables["input"]);
        }
        let Some(name) = ["enablePullRequestAutoMerge", "disablePullRequestAutoMerge"]
            .into_iter()
            .find(|name| document.contains(&format!("{name}(input: ")))
        else {
            return reply(200, json!({ "errors": [{ "message": "Parse error on \"\"" }] }));
        };
        let number = variables["pull"].as_str().and_then(objects::number_of).unwrap_or_default();
        let done = match name {
            "disablePullRequestAutoMerge" => self.hub.change(number, |pull| pull.auto_merge = None),
            _ => match self.rules.status {
                "blocked" => {
                    let method = variables["method"].as_str().unwrap().to_ascii_lowercase();
                    self.hub.merge_when_ready(number, variables["head"].as_str(), &method)
                }
                status => return unprocessable(name, &format!("Pull request Pull request is in {status} status")),
            },
        };
        match done {
            Ok(pull) => reply(200, json!({ "data": { name: { "pullRequest": { "number": pull.number } } } })),
            Err(Refusal::NoAutoMerge) => {
                unprocessable(name, "Pull request Auto merge is not allowed for this repository")
            }
            Err(Refusal::HeadMoved) => unprocessable(name, "Pull request Head sha was modified"),
            Err(_) => failed(name, "NOT_FOUND", "Could not resolve to a node with the global id of ''"),
        }
    }

    fn commit(&self, input: &Value) -> Reply {
        let text = |at: &str| input.pointer(at).and_then(Value::as_str).unwrap();
        let name = "createCommitOnBranch";
        if !text("/branch/repositoryNameWithOwner").eq_ignore_ascii_case(&format!("{OWNER}/{NAME}")) {
            return failed(name, "NOT_FOUND", "Could not resolve to a Repository");
        }
        let files: Vec<(String, Vec<u8>)> = input["fileChanges"]["additions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|file| {
                let content = STANDARD.decode(file["contents"].as_str().unwrap()).unwrap();
                (file["path"].as_str().unwrap().to_owned(), content)
            })
            .collect();
        let message = match text("/message/body") {
            "" => text("/message/headline").to_owned(),
            body => format!("{}\n\n{body}", text("/message/headline")),
        };
        let expected = text("/expectedHeadOid");
        match self.hub.commit(text("/branch/branchName"), expected, &message, &files) {
            Ok(id) => reply(200, json!({ "data": { name: { "commit": { "oid": id } } } })),
            Err(Refusal::HeadMoved) => {
                let message = format!("Expected branch to point to \"{expected}\" but it did not. Pull and try again.");
                failed(name, "STALE_DATA", &message)
            }
            Err(_) => failed(name, "NOT_FOUND", "No such branch"),
        }
    }
}

/// One error, beside no data.
fn failed(name: &str, kind: &str, message: &str) -> Reply {
    let error = json!({
        "type": kind, "path": [name], "locations": [{ "line": 1, "column": 96 }], "message": message,
    });
    reply(200, json!({ "data": { name: null }, "errors": [error] }))
}

fn unprocessable(name: &str, message: &str) -> Reply {
    failed(name, "UNPROCESSABLE", message)
}
