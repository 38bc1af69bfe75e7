//! Gitea over the hub, as its own handlers in `routers/api/v1` answer.

use crate::dialect::Dialect;
use crate::hub::{Hub, NAME, OWNER, Pull, Refusal, State, TOKEN};
use crate::wire::{Asked, json, respond, router, time, with};
use axum::response::Response;
use landwaiter::forge::Gitea;
use reqwest::header::HeaderName;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) const GITEA: Dialect = Dialect {
    name: "gitea",
    router: |hub| router(Fake::of(hub), answer),
    client: |options| Arc::new(Gitea::new(options)),
    api: "/api/v1",
    repository: "acme/config",
};

/// A label of the organization, which belongs to no repository.
const SHARED: &str = "shared";
const REPOSITORY: i64 = 3;

/// One installation: the hub, and what its operator and its age decide.
pub(crate) struct Fake {
    pub(crate) hub: Arc<Hub>,
    /// `MAX_RESPONSE_ITEMS`
    pub(crate) page: usize,
    /// Whether lists say how long they are.
    pub(crate) counts: bool,
    /// Answers about a pull request until its mergeability is known.
    pub(crate) checking: AtomicUsize,
}

impl Fake {
    pub(crate) fn of(hub: Arc<Hub>) -> Fake {
        Fake { hub, page: 50, counts: true, checking: AtomicUsize::new(0) }
    }
}

pub(crate) fn answer(fake: &Fake, asked: &Asked) -> Response {
    if asked.header("authorization") != format!("token {TOKEN}") {
        return said(401, "invalid username, password or token");
    }
    let parts = asked.parts();
    let ["api", "v1", rest @ ..] = parts.as_slice() else {
        return respond(404, "text/html", "<html>Page Not Found</html>");
    };
    match (asked.method.as_str(), rest) {
        ("GET", ["orgs", OWNER, "labels"]) => page(fake, asked, &[label(SHARED)]),
        (_, ["repos", OWNER, NAME, rest @ ..]) => repository(fake, asked, rest),
        _ => not_found(),
    }
}

fn said(status: u16, message: &str) -> Response {
    json(status, &json!({"message": message, "url": "https://git.example.com/api/swagger"}))
}

fn not_found() -> Response {
    let words = "The target couldn't be found.";
    json(404, &json!({"errors": null, "message": words, "url": "https://git.example.com/api/swagger"}))
}

/// Numbers of labels do not change when others are made.
fn label_id(name: &str) -> u64 {
    name.bytes().fold(7, |id, byte| (id * 31 + u64::from(byte)) % 1_000_003)
}

fn label(name: &str) -> Value {
    json!({"id": label_id(name), "name": name, "color": "1d76db"})
}

fn page(fake: &Fake, asked: &Asked, items: &[Value]) -> Response {
    let size = asked.number("limit").unwrap_or(30).min(fake.page);
    let page = asked.number("page").unwrap_or(1).max(1);
    let some: Vec<Value> = items.iter().skip((page - 1) * size).take(size).cloned().collect();
    let response = json(200, &some.into());
    match fake.counts {
        true => with(response, HeaderName::from_static("x-total-count"), &items.len().to_string()),
        false => response,
    }
}

fn repository(fake: &Fake, asked: &Asked, rest: &[&str]) -> Response {
    let hub = &fake.hub;
    match (asked.method.as_str(), rest) {
        ("GET", []) => json(200, &json!({"id": REPOSITORY, "full_name": "acme/config"})),
        ("GET", ["pulls"]) => list(fake, asked),
        ("POST", ["pulls"]) => create(fake, asked),
        ("GET", ["labels"]) => page(fake, asked, &hub.labels().iter().map(|name| label(name)).collect::<Vec<_>>()),
        ("POST", ["labels"]) => {
            hub.make_label(asked.text("name"));
            json(201, &label(asked.text("name")))
        }
        (_, [kind @ ("pulls" | "issues"), number, rest @ ..]) => {
            match number.parse().ok().and_then(|number| hub.pull(number).ok()) {
                Some(pull) => one(fake, asked, &pull, kind, rest),
                None => not_found(),
            }
        }
        _ => not_found(),
    }
}

pub(crate) fn shown(fake: &Fake, server: &str, pull: &Pull) -> Value {
    let here = fake.hub.head(&pull.branch).is_some() && pull.fork.is_none();
    let gone = format!("refs/pull/{}/head", pull.number);
    let ended = pull.ended.map(time);
    let checking = fake.checking.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
    json!({
        "id": 1_000 + pull.number,
        "number": pull.number,
        "html_url": format!("{server}/acme/config/pulls/{}", pull.number),
        "state": if pull.state == State::Open { "open" } else { "closed" },
        "merged": pull.state == State::Merged,
        "mergeable": pull.state == State::Open && !checking,
        "title": format!("{}{}", if pull.draft { "WIP: " } else { "" }, pull.title),
        "body": pull.body,
        "labels": pull.labels.iter().map(|name| label(name)).collect::<Vec<_>>(),
        "assignees": (!pull.assignees.is_empty())
            .then(|| pull.assignees.iter().map(|name| json!({"login": name})).collect::<Vec<_>>()),
        "base": {"label": pull.base, "ref": pull.base, "sha": fake.hub.head(&pull.base), "repo_id": REPOSITORY},
        "head": {
            "label": pull.branch,
            "ref": if here { &pull.branch } else { &gone },
            "sha": pull.head,
            "repo_id": if pull.fork.is_some() { -1 } else { REPOSITORY },
            "repo": null,
        },
        "created_at": time(pull.created),
        "merged_at": ended.as_ref().filter(|_| pull.state == State::Merged),
        "closed_at": ended,
    })
}

fn list(fake: &Fake, asked: &Asked) -> Response {
    let mut pulls = fake.hub.pulls();
    pulls.retain(|pull| match asked.query("state") {
        "all" => true,
        "closed" => pull.state != State::Open,
        _ => pull.state == State::Open,
    });
    if asked.query("sort") != "oldest" {
        pulls.reverse();
    }
    let items: Vec<Value> = pulls.iter().map(|pull| shown(fake, &asked.server, pull)).collect();
    page(fake, asked, &items)
}

/// The words that make a draft, taken off.
fn titled(title: &str) -> (bool, &str) {
    title.strip_prefix("WIP: ").map_or((false, title), |rest| (true, rest))
}

fn create(fake: &Fake, asked: &Asked) -> Response {
    let (draft, title) = titled(asked.text("title"));
    if title.is_empty() {
        return said(422, "[Title]: Required");
    }
    let (head, base) = (asked.text("head"), asked.text("base"));
    match fake.hub.create(head, base, title, asked.text("body"), draft) {
        Ok(pull) => json(201, &shown(fake, &asked.server, &pull)),
        Err(Refusal::Duplicate(number)) => {
            let targets = format!(
                "[id: {number}, issue_id: {number}, head_repo_id: 3, base_repo_id: 3, head_branch: {head}, base_branch: {base}]"
            );
            said(409, &format!("pull request already exists for these targets {targets}"))
        }
        Err(Refusal::NoSuchBranch(_)) => not_found(),
        Err(_) => said(422, "Invalid PullRequest: There are no changes between the head and the base"),
    }
}

fn one(fake: &Fake, asked: &Asked, pull: &Pull, kind: &str, rest: &[&str]) -> Response {
    let (hub, number) = (&fake.hub, pull.number);
    match (asked.method.as_str(), kind, rest) {
        ("GET", "pulls", []) => json(200, &shown(fake, &asked.server, pull)),
        ("PATCH", "pulls", []) => update(fake, asked, pull),
        ("PATCH", "issues", []) => assign(fake, asked, number),
        ("POST", "issues", ["comments"]) => {
            hub.change(number, |pull| pull.comments.push(asked.text("body").to_owned())).unwrap();
            json(201, &json!({"id": 1, "body": asked.text("body")}))
        }
        ("POST", "issues", ["labels"]) => {
            let ids: Vec<u64> =
                asked.body["labels"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
            let mut known = hub.labels();
            known.insert(SHARED.to_owned());
            known.retain(|name| ids.contains(&label_id(name)));
            let pull = hub.change(number, |pull| pull.labels.extend(known)).unwrap();
            json(200, &pull.labels.iter().map(|name| label(name)).collect::<Vec<_>>().into())
        }
        ("DELETE", "issues", ["labels", id]) => {
            hub.change(number, |pull| pull.labels.retain(|name| label_id(name).to_string() != *id)).unwrap();
            respond(204, "text/plain", "")
        }
        ("POST", "pulls", ["requested_reviewers"]) => review(fake, asked, number),
        ("POST", "pulls", ["merge"]) => merge(fake, asked, pull),
        ("DELETE", "pulls", ["merge"]) => match &pull.auto_merge {
            Some(_) => {
                hub.change(number, |pull| pull.auto_merge = None).unwrap();
                respond(204, "text/plain", "")
            }
            None => not_found(),
        },
        _ => not_found(),
    }
}

fn update(fake: &Fake, asked: &Asked, pull: &Pull) -> Response {
    let change = |pull: &mut Pull| {
        if !asked.text("title").is_empty() {
            let (draft, title) = titled(asked.text("title"));
            (pull.draft, pull.title) = (draft, title.to_owned());
        }
        if let Some(body) = asked.body["body"].as_str() {
            pull.body = body.to_owned();
        }
    };
    let number = pull.number;
    fake.hub.change(number, change).unwrap();
    match (asked.text("state"), pull.state) {
        ("", _) | ("closed", State::Closed) => {}
        (_, State::Merged) => return said(412, "cannot change state of this pull request, it was already merged"),
        (_, State::Open | State::Closed) => drop(fake.hub.close(number).unwrap()),
    }
    json(201, &shown(fake, &asked.server, &fake.hub.pull(number).unwrap()))
}

fn names(asked: &Asked, key: &str) -> Vec<String> {
    asked.body[key].as_array().into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

fn assign(fake: &Fake, asked: &Asked, number: u64) -> Response {
    let names = names(asked, "assignees");
    if let Some(unknown) = names.iter().find(|name| !fake.hub.people.contains(name)) {
        return said(422, &format!("Assignee does not exist: [name: user does not exist [uid: 0, name: {unknown}]]"));
    }
    fake.hub.change(number, |pull| pull.assignees = names.into_iter().collect()).unwrap();
    json(201, &json!({"number": number}))
}

fn review(fake: &Fake, asked: &Asked, number: u64) -> Response {
    let mut who = names(asked, "reviewers");
    who.extend(names(asked, "team_reviewers").iter().map(|team| format!("{OWNER}/{team}")));
    match fake.hub.ask_for_review(number, &who) {
        Ok(_) => json(201, &json!([])),
        Err(_) => not_found(),
    }
}

/// The head is not looked at when a merge is scheduled.
fn merge(fake: &Fake, asked: &Asked, pull: &Pull) -> Response {
    let method = asked.text("Do");
    match pull.state {
        State::Open if pull.draft => return said(405, "Work in progress PRs cannot be merged"),
        State::Open if pull.auto_merge.is_some() => {
            let words = "pull request is already scheduled to auto merge when checks succeed";
            return said(409, &format!("{words} [pull_id: {}]", pull.number));
        }
        State::Open => {}
        State::Merged => return said(405, ""),
        State::Closed => return not_found(),
    }
    if asked.body["merge_when_checks_succeed"] == true && fake.hub.merge_when_ready(pull.number, None, method).is_ok() {
        return respond(201, "text/plain", "");
    }
    fake.hub.person_merges(pull.number, method == "squash");
    respond(200, "text/plain", "")
}
