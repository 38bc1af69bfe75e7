//! Bitbucket Cloud over the hub, as its OpenAPI description has it.

mod alone;

use crate::dialect::Dialect;
use crate::hub::{Hub, Pull, Refusal, State, TOKEN};
use crate::wire::{Asked, json, respond, router, time};
use axum::response::Response;
use landwaiter::forge::BitbucketCloud;
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) const BITBUCKET_CLOUD: Dialect = Dialect {
    name: "bitbucket cloud",
    router: |hub| router(hub, answer),
    client: |options| Arc::new(BitbucketCloud::new(options)),
    api: "/2.0",
    repository: "acme/config",
};

/// `me@example.com` and the token, as Basic wants them.
const BASIC: &str = "Basic bWVAZXhhbXBsZS5jb206dDBrZW4tb2YtdGhlLWZvcmdl";

fn answer(hub: &Arc<Hub>, asked: &Asked) -> Response {
    let shown = asked.header("authorization");
    if shown != format!("Bearer {TOKEN}") && shown != BASIC {
        return said(401, "Token is invalid or not supported for this endpoint.");
    }
    let parts = asked.parts();
    match (asked.method.as_str(), parts.as_slice()) {
        ("GET", ["2.0", "workspaces", "acme", "members"]) => {
            page(asked, 100, hub.people.iter().map(|name| json!({"user": account(name)})).collect())
        }
        (_, ["2.0", "repositories", "acme", "config", rest @ ..]) => repository(hub, asked, rest),
        ("GET", ["2.0", "repositories", ..]) => {
            said(404, "You may not have access to this repository or it no longer exists in this workspace.")
        }
        _ => respond(404, "text/plain", "Resource not found"),
    }
}

fn said(status: u16, message: &str) -> Response {
    json(status, &json!({"type": "error", "error": {"message": message}}))
}

fn account(name: &str) -> Value {
    json!({"type": "user", "uuid": format!("{{{name}}}"), "account_id": format!("557058:{name}"), "nickname": name})
}

fn page(asked: &Asked, most: usize, items: Vec<Value>) -> Response {
    let size = asked.number("pagelen").unwrap_or(10);
    if size > most {
        return said(400, "Invalid pagelen");
    }
    let page = asked.number("page").unwrap_or(1).max(1);
    let rest: Vec<(&str, &str)> = asked
        .query
        .iter()
        .filter(|(key, _)| key != "page")
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let next = (items.len() > page * size).then(|| {
        let mut url: url::Url = format!("{}/{}", asked.server, asked.parts.join("/")).parse().unwrap();
        url.query_pairs_mut().extend_pairs(rest).append_pair("page", &(page + 1).to_string());
        url.to_string()
    });
    let size_in_all = items.len();
    let some: Vec<Value> = items.into_iter().skip((page - 1) * size).take(size).collect();
    let mut body = json!({"values": some, "pagelen": size, "page": page, "size": size_in_all});
    if let Some(next) = next {
        body["next"] = next.into();
    }
    json(200, &body)
}

fn repository(hub: &Arc<Hub>, asked: &Asked, rest: &[&str]) -> Response {
    match (asked.method.as_str(), rest) {
        ("GET", ["pullrequests"]) => list(hub, asked),
        ("POST", ["pullrequests"]) => create(hub, asked),
        ("GET", ["commit", short]) => match hub.pulls().iter().find(|pull| pull.head.starts_with(short)) {
            Some(pull) => json(200, &json!({"type": "commit", "hash": pull.head})),
            None => said(404, "Commit not found"),
        },
        ("GET", ["refs", "branches"]) => {
            let part = condition(asked.query("q"), "name ~ ").unwrap_or_default();
            let named = hub.heads().into_iter().filter(|(name, _)| name.to_lowercase().contains(&part.to_lowercase()));
            page(asked, 100, named.map(|(name, hash)| json!({"name": name, "target": {"hash": hash}})).collect())
        }
        (_, ["pullrequests", number, rest @ ..]) => {
            match number.parse().ok().and_then(|number| hub.pull(number).ok()) {
                Some(pull) => one(hub, asked, &pull, rest),
                None => said(404, "Pull request not found"),
            }
        }
        _ => respond(404, "text/plain", "Resource not found"),
    }
}

/// The text that a query compares with.
fn condition<'a>(query: &'a str, begins: &str) -> Option<&'a str> {
    query.split_once(&format!("{begins}\""))?.1.split('"').next()
}

fn word(state: State) -> &'static str {
    match state {
        State::Open => "OPEN",
        State::Merged => "MERGED",
        State::Closed => "DECLINED",
    }
}

fn shown(server: &str, pull: &Pull, alone: bool) -> Value {
    let here = json!({"type": "repository", "full_name": "acme/config"});
    let fork = json!({"type": "repository", "full_name": pull.fork});
    let mut shown = json!({
        "type": "pullrequest",
        "id": pull.number,
        "title": pull.title,
        "description": pull.body,
        "state": word(pull.state),
        "draft": pull.draft,
        "close_source_branch": false,
        "source": {
            "branch": {"name": pull.branch},
            "commit": {"hash": &pull.head[..12]},
            "repository": if pull.fork.is_some() { &fork } else { &here },
        },
        "destination": {"branch": {"name": pull.base}, "commit": {"hash": "0123456789ab"}, "repository": here},
        "links": {"html": {"href": format!("{server}/acme/config/pull-requests/{}", pull.number)}},
        "created_on": time(pull.created),
        "updated_on": time(pull.ended.unwrap_or(pull.created)),
    });
    if alone {
        shown["reviewers"] = pull.reviewers.iter().map(|name| account(name)).collect();
    }
    shown
}

fn list(hub: &Hub, asked: &Asked) -> Response {
    let query = asked.query("q");
    let mut states: Vec<&str> =
        asked.query.iter().filter(|(key, _)| key == "state").map(|(_, state)| state.as_str()).collect();
    if states.is_empty() {
        states.push("OPEN");
    }
    let is = |key: &str, value: &str| condition(query, &format!("{key} = ")).is_none_or(|wanted| wanted == value);
    let like = condition(query, "source.branch.name ~ ").unwrap_or_default().to_lowercase();
    let mut pulls = hub.pulls();
    pulls.retain(|pull| {
        states.contains(&word(pull.state))
            && (!query.contains("state = ") || query.contains(&format!("state = \"{}\"", word(pull.state))))
            && is("source.branch.name", &pull.branch)
            && is("destination.branch.name", &pull.base)
            && pull.branch.to_lowercase().contains(&like)
    });
    if asked.query("sort") == "-created_on" {
        pulls.reverse();
    }
    page(asked, 50, pulls.iter().map(|pull| shown(&asked.server, pull, false)).collect())
}

fn create(hub: &Hub, asked: &Asked) -> Response {
    let name = |end: &str| asked.body[end]["branch"]["name"].as_str().unwrap_or_default();
    let (title, body) = (asked.text("title"), asked.text("description"));
    let (branch, draft) = (name("source"), asked.body["draft"] == true);
    match hub.create(branch, name("destination"), title, body, draft) {
        Ok(pull) => json(201, &shown(&asked.server, &pull, true)),
        // No refusal: it is updated.
        Err(Refusal::Duplicate(number)) => {
            let change = |pull: &mut Pull| (pull.title, pull.body) = (title.to_owned(), body.to_owned());
            json(200, &shown(&asked.server, &hub.change(number, change).unwrap(), true))
        }
        Err(Refusal::NoSuchBranch(branch)) => {
            let fields = json!({"source": [format!("branch not found: {branch}")]});
            json(400, &json!({"type": "error", "error": {"message": "Bad request", "fields": fields}}))
        }
        Err(_) => said(400, "There are no changes to be pulled"),
    }
}

fn one(hub: &Arc<Hub>, asked: &Asked, pull: &Pull, rest: &[&str]) -> Response {
    let number = pull.number;
    match (asked.method.as_str(), rest) {
        ("GET", []) => json(200, &shown(&asked.server, pull, true)),
        ("PUT", []) if pull.state != State::Open => said(400, "This pull request is already closed."),
        ("PUT", []) => update(hub, asked, number),
        ("POST", ["decline"]) => match hub.close(number) {
            Ok(pull) => json(200, &shown(&asked.server, &pull, true)),
            Err(_) => said(400, "This pull request is already closed."),
        },
        ("POST", ["comments"]) => {
            let text = asked.body["content"]["raw"].as_str().unwrap_or_default().to_owned();
            hub.change(number, |pull| pull.comments.push(text)).unwrap();
            json(201, &json!({"type": "pullrequest_comment", "id": 1}))
        }
        _ => respond(404, "text/plain", "Resource not found"),
    }
}

/// What is not named is taken off or away.
fn update(hub: &Hub, asked: &Asked, number: u64) -> Response {
    let mut reviewers = Vec::new();
    for reviewer in asked.body["reviewers"].as_array().into_iter().flatten() {
        let is = |name: &&String| {
            let account = account(name);
            reviewer["uuid"] == account["uuid"] || reviewer["account_id"] == account["account_id"]
        };
        match hub.people.iter().find(is) {
            Some(name) => reviewers.push(name.clone()),
            None => return said(400, "Malformed reviewers list"),
        }
    }
    let change = |pull: &mut Pull| {
        (pull.title, pull.body) = (asked.text("title").to_owned(), asked.text("description").to_owned());
        pull.draft = asked.body["draft"] == true;
        pull.reviewers = reviewers.into_iter().collect();
    };
    json(200, &shown(&asked.server, &hub.change(number, change).unwrap(), true))
}
