//! Azure DevOps over the hub, as its OpenAPI description has it.

mod alone;

use crate::dialect::Dialect;
use crate::hub::{BOT, Hub, Pull, Refusal, State, TOKEN};
use crate::wire::{Asked, json, respond, router, time};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use landwaiter::forge::AzureDevOps;
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) const AZURE_DEVOPS: Dialect = Dialect {
    name: "azure devops",
    router: |hub| router(hub, answer),
    client: |options| Arc::new(AzureDevOps::new(options)),
    api: "/organization",
    repository: "acme/config",
};

const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

fn answer(hub: &Arc<Hub>, asked: &Asked) -> Response {
    if asked.header("authorization") != format!("Basic {}", STANDARD.encode(format!(":{TOKEN}"))) {
        return match asked.header("x-tfs-fedauthredirect") {
            "Suppress" => respond(401, "text/html", ""),
            _ => respond(203, "text/html", "<html><title>Azure DevOps Services | Sign In</title></html>"),
        };
    }
    if asked.query("api-version").is_empty() {
        return said(400, "VssVersionNotSpecifiedException", "No api-version was supplied for the request.");
    }
    match asked.parts().as_slice() {
        ["organization", "_apis", "connectionData"] => {
            json(200, &json!({"authenticatedUser": {"id": guid(BOT), "providerDisplayName": BOT}}))
        }
        ["organization", "_apis", "projects", "acme", "teams"] => {
            page(asked, hub.people.iter().filter_map(|name| name.strip_prefix("acme/")).map(team).collect())
        }
        ["organization", "_apis", "projects", "acme", "teams", _, "members"] => {
            let people = hub.people.iter().filter(|name| !name.contains('/'));
            page(asked, people.map(|name| json!({"identity": identity(name), "isTeamAdmin": false})).collect())
        }
        ["organization", "acme", "_apis", "git", "repositories", "config", "pullrequests", rest @ ..] => {
            pulls(hub, asked, rest)
        }
        ["organization", "acme", "_apis", "git", "repositories", other, ..] => {
            let words = format!("TF401019: The Git repository with name or identifier {other} does not exist");
            said(404, "GitRepositoryNotFoundException", &words)
        }
        _ => respond(404, "text/html", "<html>Page not found</html>"),
    }
}

fn said(status: u16, kind: &str, message: &str) -> Response {
    json(status, &json!({"$id": "1", "innerException": null, "message": message, "typeKey": kind, "errorCode": 0}))
}

/// A number that is always the same for a name.
fn guid(name: &str) -> String {
    let number = name.bytes().fold(7_u64, |id, byte| (id * 31 + u64::from(byte)) % 999_999_999_989);
    format!("d6245f20-2af8-44f4-9451-{number:012}")
}

fn identity(name: &str) -> Value {
    json!({"id": guid(name), "uniqueName": format!("{name}@example.com"), "displayName": name})
}

fn team(name: &str) -> Value {
    json!({"id": guid(&format!("acme/{name}")), "name": name})
}

fn page(asked: &Asked, items: Vec<Value>) -> Response {
    let (top, skip) = (asked.number("$top").unwrap_or(101).min(1000), asked.number("$skip").unwrap_or(0));
    let some: Vec<Value> = items.into_iter().skip(skip).take(top).collect();
    json(200, &json!({"count": some.len(), "value": some}))
}

fn word(state: State) -> &'static str {
    match state {
        State::Open => "active",
        State::Merged => "completed",
        State::Closed => "abandoned",
    }
}

/// In a list, less of it is shown.
fn shown(pull: &Pull, alone: bool) -> Value {
    let cut: String = pull.body.chars().take(400).collect();
    let mut shown = json!({
        "repository": {"id": "3411ebc1-d5aa-464f-9615-0b527bc66719", "name": "config", "project": {"name": "acme"}},
        "pullRequestId": pull.number,
        "status": word(pull.state),
        "title": pull.title,
        "isDraft": pull.draft,
        "sourceRefName": format!("refs/heads/{}", pull.branch),
        "targetRefName": format!("refs/heads/{}", pull.base),
        "lastMergeSourceCommit": {"commitId": pull.head},
        "creationDate": time(pull.created),
        "url": "https://dev.azure.com/used/internally",
    });
    if !pull.body.is_empty() {
        shown["description"] = if alone { pull.body.clone() } else { cut }.into();
    }
    if let Some(ended) = pull.ended {
        shown["closedDate"] = time(ended).into();
    }
    if let Some(fork) = &pull.fork {
        shown["forkSource"] = json!({"name": "refs/heads/x", "repository": {"id": guid(fork), "name": fork}});
    }
    if alone && !pull.labels.is_empty() {
        shown["labels"] = pull.labels.iter().map(|name| label(name)).collect();
    }
    if alone && pull.auto_merge.is_some() {
        shown["autoCompleteSetBy"] = identity(BOT);
    }
    shown
}

fn label(name: &str) -> Value {
    json!({"id": guid(name), "name": name, "active": true})
}

fn pulls(hub: &Hub, asked: &Asked, rest: &[&str]) -> Response {
    match (asked.method.as_str(), rest) {
        ("GET", []) => list(hub, asked),
        ("POST", []) => create(hub, asked),
        (_, [number, rest @ ..]) => match number.parse().ok().and_then(|number| hub.pull(number).ok()) {
            Some(pull) => one(hub, asked, &pull, rest),
            None => said(404, "GitPullRequestNotFoundException", "TF401180: The requested pull request was not found."),
        },
        _ => respond(405, "text/html", ""),
    }
}

fn list(hub: &Hub, asked: &Asked) -> Response {
    let is = |key: &str, value: &str| {
        let wanted = asked.query(key);
        wanted.is_empty() || wanted == format!("refs/heads/{value}")
    };
    let mut pulls = hub.pulls();
    pulls.retain(|pull| {
        let state = match asked.query("searchCriteria.status") {
            "" => pull.state == State::Open,
            "all" => true,
            wanted => wanted == word(pull.state),
        };
        state && is("searchCriteria.sourceRefName", &pull.branch) && is("searchCriteria.targetRefName", &pull.base)
    });
    page(asked, pulls.iter().rev().map(|pull| shown(pull, false)).collect())
}

fn create(hub: &Hub, asked: &Asked) -> Response {
    let branch = |key: &str| asked.text(key).strip_prefix("refs/heads/").unwrap_or_default().to_owned();
    let (title, body, draft) = (asked.text("title"), asked.text("description"), asked.body["isDraft"] == true);
    if body.encode_utf16().count() > 4000 {
        return said(400, "InvalidArgumentValueException", "A description cannot exceed 4000 characters.");
    }
    match hub.create(&branch("sourceRefName"), &branch("targetRefName"), title, body, draft) {
        Ok(pull) => json(201, &shown(&pull, true)),
        Err(Refusal::Duplicate(_)) => {
            let words = "TF401179: An active pull request for the source and target branch already exists.";
            said(409, "GitPullRequestExistsException", words)
        }
        Err(_) => {
            let words = "TF401398: The pull request cannot be activated because the source and/or the target branch no \
                         longer exists, or the requested ref(s) are the same.";
            said(400, "GitPullRequestCannotBeActivated", words)
        }
    }
}

fn one(hub: &Hub, asked: &Asked, pull: &Pull, rest: &[&str]) -> Response {
    let number = pull.number;
    match (asked.method.as_str(), rest) {
        ("GET", []) => json(200, &shown(pull, true)),
        ("PATCH", []) => update(hub, asked, pull),
        ("POST", ["threads"]) => {
            let text = asked.body["comments"][0]["content"].as_str().unwrap_or_default().to_owned();
            assert_eq!(asked.text("status"), "closed", "nobody has to resolve what the bot says");
            hub.change(number, |pull| pull.comments.push(text)).unwrap();
            json(200, &json!({"id": 1, "status": "closed"}))
        }
        ("GET", ["labels"]) => page(asked, pull.labels.iter().map(|name| label(name)).collect()),
        ("POST", ["labels"]) => {
            hub.person_labels(number, asked.text("name"));
            json(200, &label(asked.text("name")))
        }
        ("DELETE", ["labels", id]) => {
            hub.change(number, |pull| pull.labels.retain(|name| guid(name) != *id && name != id)).unwrap();
            respond(200, "application/json", "")
        }
        ("PUT", ["reviewers", id]) => match hub.people.iter().find(|name| guid(name) == *id) {
            Some(name) => {
                hub.ask_for_review(number, std::slice::from_ref(name)).unwrap();
                json(200, &json!({"id": id, "vote": 0}))
            }
            None => said(
                400,
                "IdentityNotFoundException",
                "TF14045: The identity with TeamFoundationId could not be found.",
            ),
        },
        _ => respond(405, "text/html", ""),
    }
}

fn update(hub: &Hub, asked: &Asked, pull: &Pull) -> Response {
    let number = pull.number;
    if pull.state != State::Open && asked.text("status") != word(pull.state) {
        let words = "TF401181: The pull request cannot be edited due to its state.";
        return said(400, "GitPullRequestNotEditableException", words);
    }
    if asked.text("status") == "abandoned" && pull.state == State::Open {
        hub.close(number).unwrap();
    }
    match asked.body["autoCompleteSetBy"]["id"].as_str() {
        None => {}
        Some(NOBODY) => drop(hub.change(number, |pull| pull.auto_merge = None).unwrap()),
        Some(id) if id == guid(BOT) => {
            let method = asked.body["completionOptions"]["mergeStrategy"].as_str().unwrap_or("noFastForward");
            // Nothing to wait for.
            if hub.merge_when_ready(number, None, method).err() == Some(Refusal::NoAutoMerge) {
                hub.person_merges(number, method == "squash");
            }
        }
        Some(_) => return said(403, "GitNeedsPermissionException", "Auto-complete is set for oneself only."),
    }
    let change = |pull: &mut Pull| {
        if let Some(title) = asked.body["title"].as_str() {
            pull.title = title.to_owned();
        }
        if let Some(body) = asked.body["description"].as_str() {
            pull.body = body.to_owned();
        }
    };
    json(200, &shown(&hub.change(number, change).unwrap(), true))
}
