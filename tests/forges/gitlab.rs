//! GitLab over the hub, as <https://docs.gitlab.com/api/merge_requests/> describes it.

mod alone;

use crate::dialect::Dialect;
use crate::hub::{Hub, Pull, Refusal, State, TOKEN};
use crate::wire::{Asked, json, router, time, with};
use axum::response::Response;
use landwaiter::forge::GitLab;
use reqwest::Method;
use reqwest::header::HeaderName;
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) const GITLAB: Dialect = Dialect {
    name: "gitlab",
    router: |hub| router(hub, answer),
    client: |options| Arc::new(GitLab::new(options)),
    api: "/api/v4",
    repository: "acme/config",
};

const PROJECT: u64 = 42;
const FORK: u64 = 77;

/// Every request has to show who it is from; some installations let anybody read, ours does not.
fn answer(hub: &Arc<Hub>, asked: &Asked) -> Response {
    let bearer = asked.header("authorization").strip_prefix("Bearer ");
    if asked.header("private-token") != TOKEN && bearer != Some(TOKEN) {
        return said(401, "401 Unauthorized");
    }
    let (method, parts) = (&asked.method, asked.parts());
    let get = method == Method::GET;
    match parts.as_slice() {
        ["api", "v4", "users"] if get => users(hub, asked),
        ["api", "v4", "projects", "acme/config" | "42", rest @ ..] => match rest {
            [] if get => json(200, &json!({"id": PROJECT, "path_with_namespace": "acme/config"})),
            ["merge_requests"] if get => list(hub, asked),
            ["merge_requests"] if method == Method::POST => create(hub, asked),
            ["merge_requests", number, rest @ ..] => match number.parse().ok().and_then(|n| hub.pull(n).ok()) {
                Some(pull) => one(hub, asked, &pull, rest),
                None => said(404, "404 Not found"),
            },
            _ => said(404, "404 Not Found"),
        },
        ["api", "v4", "projects", ..] => said(404, "404 Project Not Found"),
        _ => json(404, &json!({"error": "404 Not Found"})),
    }
}

fn said(status: u16, message: &str) -> Response {
    json(status, &json!({ "message": message }))
}

/// Accounts have numbers; groups are none.
fn users(hub: &Hub, asked: &Asked) -> Response {
    let accounts = hub.people.iter().enumerate().filter(|(_, name)| !name.contains('/'));
    let named = accounts.filter(|(_, name)| name.eq_ignore_ascii_case(asked.query("username")));
    let found: Vec<Value> = named.map(|(at, name)| json!({"id": at, "username": name, "state": "active"})).collect();
    json(200, &found.into())
}

fn account(hub: &Hub, name: &str) -> Value {
    json!({"id": hub.people.iter().position(|other| other == name), "username": name})
}

fn shown(hub: &Hub, server: &str, pull: &Pull) -> Value {
    let ended = |state| (pull.state == state).then_some(pull.ended).flatten().map(time);
    json!({
        "id": 1_000 + pull.number,
        "iid": pull.number,
        "project_id": PROJECT,
        "web_url": format!("{server}/acme/config/-/merge_requests/{}", pull.number),
        "source_branch": pull.branch,
        "target_branch": pull.base,
        "source_project_id": if pull.fork.is_some() { FORK } else { PROJECT },
        "target_project_id": PROJECT,
        "sha": pull.head,
        "state": match pull.state {
            State::Open => "opened",
            State::Merged => "merged",
            State::Closed => "closed",
        },
        "title": format!("{}{}", if pull.draft { "Draft: " } else { "" }, pull.title),
        "draft": pull.draft,
        "work_in_progress": pull.draft,
        "description": pull.body,
        "labels": pull.labels,
        "merge_when_pipeline_succeeds": pull.auto_merge.is_some(),
        "created_at": time(pull.created),
        "merged_at": ended(State::Merged),
        "closed_at": ended(State::Closed),
        "reviewers": pull.reviewers.iter().map(|name| account(hub, name)).collect::<Vec<_>>(),
        "assignees": pull.assignees.iter().map(|name| account(hub, name)).collect::<Vec<_>>(),
    })
}

fn list(hub: &Hub, asked: &Asked) -> Response {
    let state = match asked.query("state") {
        "opened" => Some(State::Open),
        "merged" => Some(State::Merged),
        "closed" => Some(State::Closed),
        "" | "all" => None,
        _ => return json(400, &json!({"error": "state does not have a valid value"})),
    };
    let matches = |key: &str, value: &str| matches!(asked.query(key), "") || asked.query(key) == value;
    let mut pulls = hub.pulls();
    pulls.retain(|pull| {
        state.is_none_or(|state| pull.state == state)
            && matches("source_branch", &pull.branch)
            && matches("target_branch", &pull.base)
    });
    if asked.query("sort") != "asc" {
        pulls.reverse();
    }
    let size = asked.number("per_page").unwrap_or(20).min(100);
    let page = asked.number("page").unwrap_or(1).max(1);
    let next = if pulls.len() > page * size { (page + 1).to_string() } else { String::new() };
    let some: Vec<Value> =
        pulls.iter().skip((page - 1) * size).take(size).map(|pull| shown(hub, &asked.server, pull)).collect();
    let response = json(200, &some.into());
    with(
        with(response, HeaderName::from_static("x-next-page"), &next),
        HeaderName::from_static("x-page"),
        &page.to_string(),
    )
}

/// The words that make a draft, taken off.
fn titled(title: &str) -> (bool, &str) {
    title.strip_prefix("Draft: ").map_or((false, title), |rest| (true, rest))
}

/// Lines that begin with a command are done and taken out.
fn obeyed<'a>(text: &'a str, mut obey: impl FnMut(&str)) -> String {
    let (commands, rest): (Vec<&'a str>, Vec<&'a str>) =
        text.split_inclusive('\n').partition(|line| line.trim_start().starts_with('/'));
    commands.iter().for_each(|command| obey(command.trim()));
    rest.concat()
}

fn create(hub: &Hub, asked: &Asked) -> Response {
    let (branch, base) = (asked.text("source_branch"), asked.text("target_branch"));
    if branch.is_empty() || base.is_empty() || asked.text("title").is_empty() {
        return json(400, &json!({"error": "title is missing, source_branch is missing, target_branch is missing"}));
    }
    let (draft, title) = titled(asked.text("title"));
    let body = obeyed(asked.text("description"), |_| {});
    match hub.create(branch, base, title, &body, draft) {
        Ok(pull) => json(201, &shown(hub, &asked.server, &pull)),
        Err(Refusal::Duplicate(other)) => {
            let message = format!("Another open merge request already exists for this source branch: !{other}");
            json(409, &json!({"message": [message]}))
        }
        Err(Refusal::NoSuchBranch(branch)) => {
            json(422, &json!({"message": [format!("Source branch \"{branch}\" does not exist")]}))
        }
        Err(other) => json(422, &json!({"message": [format!("{other:?}")]})),
    }
}

fn one(hub: &Hub, asked: &Asked, pull: &Pull, rest: &[&str]) -> Response {
    let number = pull.number;
    match (asked.method.as_str(), rest) {
        ("GET", []) => json(200, &shown(hub, &asked.server, pull)),
        ("PUT", []) => update(hub, asked, number),
        ("POST", ["notes"]) => {
            let text = obeyed(asked.text("body"), |command| {
                if command == "/close" {
                    hub.person_closes(number);
                }
            });
            let pull = hub.change(number, |pull| pull.comments.push(text)).unwrap();
            json(201, &json!({"id": pull.comments.len(), "body": pull.comments.last()}))
        }
        ("PUT", ["merge"]) => merge(hub, asked, pull),
        ("POST", ["cancel_merge_when_pipeline_succeeds"]) => match (pull.state, &pull.auto_merge) {
            (State::Open, Some(_)) => {
                let pull = hub.change(number, |pull| pull.auto_merge = None).unwrap();
                json(201, &shown(hub, &asked.server, &pull))
            }
            (State::Open, None) => said(406, "406 Not Acceptable"),
            _ => said(405, "405 Method Not Allowed"),
        },
        _ => json(404, &json!({"error": "404 Not Found"})),
    }
}

fn update(hub: &Hub, asked: &Asked, number: u64) -> Response {
    let body = asked.body.as_object().filter(|body| !body.is_empty());
    let Some(body) = body else {
        return json(400, &json!({"error": "at least one parameter must be provided"}));
    };
    let labels = |key: &str| -> Vec<String> {
        asked.text(key).split(',').map(str::trim).filter(|label| !label.is_empty()).map(str::to_owned).collect()
    };
    let accounts = |key: &str| {
        let ids = body.get(key)?.as_array()?;
        Some(ids.iter().filter_map(|id| hub.people.get(usize::try_from(id.as_u64()?).ok()?).cloned()).collect())
    };
    let change = |pull: &mut Pull| {
        if let Some(title) = body.get("title").and_then(Value::as_str) {
            let (draft, title) = titled(title);
            (pull.draft, pull.title) = (draft, title.to_owned());
        }
        if let Some(text) = body.get("description").and_then(Value::as_str) {
            pull.body = obeyed(text, |_| {});
        }
        pull.labels.extend(labels("add_labels"));
        let removed = labels("remove_labels");
        pull.labels.retain(|label| !removed.contains(label));
        if let Some(reviewers) = accounts("reviewer_ids") {
            pull.reviewers = reviewers;
        }
        if let Some(assignees) = accounts("assignee_ids") {
            pull.assignees = assignees;
        }
    };
    hub.change(number, change).unwrap();
    if asked.text("state_event") == "close" && hub.pull(number).unwrap().state == State::Open {
        hub.close(number).unwrap();
    }
    json(200, &shown(hub, &asked.server, &hub.pull(number).unwrap()))
}

fn merge(hub: &Hub, asked: &Asked, pull: &Pull) -> Response {
    let wait = asked.body["auto_merge"] == true || asked.body["merge_when_pipeline_succeeds"] == true;
    let head = asked.body["sha"].as_str();
    if pull.state != State::Open || pull.draft || !wait {
        return said(405, "405 Method Not Allowed");
    }
    if head.is_some_and(|head| head != pull.head) {
        return said(409, &format!("SHA does not match HEAD of source branch: {}", pull.head));
    }
    let method = if asked.body["squash"] == true { "squash" } else { "merge" };
    match hub.merge_when_ready(pull.number, head, method) {
        Ok(pull) => json(200, &shown(hub, &asked.server, &pull)),
        // Nothing to wait for.
        Err(Refusal::NoAutoMerge) => {
            hub.person_merges(pull.number, method == "squash");
            json(200, &shown(hub, &asked.server, &hub.pull(pull.number).unwrap()))
        }
        Err(_) => said(422, "Branch cannot be merged"),
    }
}
