//! Bitbucket Data Center over the hub, as its OpenAPI description has it.

mod alone;

use crate::dialect::Dialect;
use crate::hub::{Hub, Pull, Refusal, State, TOKEN};
use crate::wire::{Asked, json, respond, router};
use axum::response::Response;
use landwaiter::forge::BitbucketDataCenter;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) const BITBUCKET_DATA_CENTER: Dialect = Dialect {
    name: "bitbucket data center",
    router: |hub| router(Fake::of(hub), answer),
    client: |options| Arc::new(BitbucketDataCenter::new(options)),
    api: "/rest/api/1.0",
    repository: "acme/config",
};

struct Fake {
    hub: Arc<Hub>,
    /// Changes for which somebody else is faster.
    races: AtomicUsize,
}

impl Fake {
    fn of(hub: Arc<Hub>) -> Fake {
        Fake { hub, races: AtomicUsize::new(0) }
    }

    /// Whether the version that a change names is the pull request's.
    fn is_version(&self, asked: &Asked, number: u64) -> bool {
        let raced = self.races.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if raced {
            self.hub.change(number, |_| {}).unwrap();
        }
        let named = asked.number("version").map(|version| version as u64).or(asked.body["version"].as_u64());
        named == Some(self.hub.pull(number).unwrap().version)
    }
}

fn answer(fake: &Fake, asked: &Asked) -> Response {
    if asked.header("authorization") != format!("Bearer {TOKEN}") {
        let words = "Authentication failed. Please check your credentials and try again.";
        return said(401, words, "com.atlassian.bitbucket.auth.IncorrectPasswordAuthenticationException");
    }
    let json_sent = asked.header("content-type").starts_with("application/json");
    if asked.method != reqwest::Method::GET && !json_sent && asked.header("x-atlassian-token") != "no-check" {
        return respond(403, "text/html", "XSRF check failed");
    }
    let parts = asked.parts();
    match parts.as_slice() {
        ["rest", "api", "1.0" | "latest", "projects", "acme", "repos", "config", rest @ ..] => {
            repository(fake, asked, rest)
        }
        ["rest", "api", "1.0" | "latest", "projects", project, "repos", slug, ..] => {
            let words = format!("Repository {project}/{slug} does not exist.");
            said(404, &words, "com.atlassian.bitbucket.repository.NoSuchRepositoryException")
        }
        _ => respond(404, "text/html", "<html>Oops</html>"),
    }
}

fn said(status: u16, message: &str, exception: &str) -> Response {
    json(status, &json!({"errors": [{"context": null, "message": message, "exceptionName": exception}]}))
}

fn out_of_date() -> Response {
    let words = "You are attempting to modify a pull request based on out-of-date information.";
    said(409, words, "com.atlassian.bitbucket.pull.PullRequestOutOfDateException")
}

fn repository(fake: &Fake, asked: &Asked, rest: &[&str]) -> Response {
    match (asked.method.as_str(), rest) {
        ("GET", []) => json(200, &json!({"id": 3, "slug": "config", "project": {"key": "ACME"}})),
        ("GET", ["pull-requests"]) => list(fake, asked),
        ("POST", ["pull-requests"]) => create(fake, asked),
        (_, ["pull-requests", number, rest @ ..]) => {
            match number.parse().ok().and_then(|number| fake.hub.pull(number).ok()) {
                Some(pull) => one(fake, asked, &pull, rest),
                None => {
                    let words = format!("Pull request {number} does not exist in this repository.");
                    said(404, &words, "com.atlassian.bitbucket.pull.NoSuchPullRequestException")
                }
            }
        }
        _ => respond(404, "text/html", "<html>Oops</html>"),
    }
}

fn shown(fake: &Fake, server: &str, pull: &Pull) -> Value {
    let end = |branch: &str, head: &str, repository: u64| {
        json!({
            "id": format!("refs/heads/{branch}"), "displayId": branch, "latestCommit": head,
            "repository": {"id": repository, "slug": "config", "project": {"key": "ACME"}},
        })
    };
    let onto = fake.hub.head(&pull.base).unwrap();
    let mut shown = json!({
        "id": pull.number,
        "version": pull.version,
        "title": pull.title,
        "state": match pull.state {
            State::Open => "OPEN",
            State::Merged => "MERGED",
            State::Closed => "DECLINED",
        },
        "open": pull.state == State::Open,
        "closed": pull.state != State::Open,
        "draft": pull.draft,
        "createdDate": pull.created * 1000 + 517,
        "fromRef": end(&pull.branch, &pull.head, if pull.fork.is_some() { 4 } else { 3 }),
        "toRef": end(&pull.base, &onto, 3),
        "reviewers": pull.reviewers.iter()
            .map(|name| json!({"user": {"name": name}, "role": "REVIEWER", "status": "UNAPPROVED"}))
            .collect::<Vec<_>>(),
        "links": {"self": [{"href": format!("{server}/projects/ACME/repos/config/pull-requests/{}", pull.number)}]},
    });
    if !pull.body.is_empty() {
        shown["description"] = pull.body.clone().into();
    }
    if let Some(ended) = pull.ended {
        shown["closedDate"] = (ended * 1000).into();
    }
    shown
}

fn list(fake: &Fake, asked: &Asked) -> Response {
    let outgoing = asked.query("direction") == "OUTGOING";
    let at = asked.query("at").strip_prefix("refs/heads/");
    let mut pulls = fake.hub.pulls();
    pulls.retain(|pull| {
        let state = match asked.query("state") {
            "ALL" => true,
            "MERGED" => pull.state == State::Merged,
            "DECLINED" => pull.state == State::Closed,
            _ => pull.state == State::Open,
        };
        let (ours, branch) = if outgoing { (pull.fork.is_none(), &pull.branch) } else { (true, &pull.base) };
        state && ours && at.is_none_or(|at| at == branch)
    });
    if asked.query("order") != "OLDEST" {
        pulls.reverse();
    }
    let (start, limit) = (asked.number("start").unwrap_or(0), asked.number("limit").unwrap_or(25).min(100));
    let last = start + limit >= pulls.len();
    let values: Vec<Value> =
        pulls.iter().skip(start).take(limit).map(|pull| shown(fake, &asked.server, pull)).collect();
    let next = (!last).then_some(start + limit);
    let size = values.len();
    let page = json!({
        "values": values, "size": size, "limit": limit, "start": start, "isLastPage": last, "nextPageStart": next,
    });
    json(200, &page)
}

fn create(fake: &Fake, asked: &Asked) -> Response {
    let branch = |end: &str| asked.body[end]["id"].as_str().and_then(|id| id.strip_prefix("refs/heads/")).unwrap_or("");
    let (title, body, draft) = (asked.text("title"), asked.text("description"), asked.body["draft"] == true);
    match fake.hub.create(branch("fromRef"), branch("toRef"), title, body, draft) {
        Ok(pull) => json(201, &shown(fake, &asked.server, &pull)),
        Err(Refusal::Duplicate(_)) => {
            let words = "Only one pull request may be open for a given source and target branch";
            said(409, words, "com.atlassian.bitbucket.pull.DuplicatePullRequestException")
        }
        Err(Refusal::NoSuchBranch(branch)) => {
            let words = format!("Repository \"ACME/config\" has no branch or tag \"refs/heads/{branch}\"");
            said(404, &words, "com.atlassian.bitbucket.repository.NoSuchBranchException")
        }
        Err(_) => said(409, "branch is already up-to-date", "com.atlassian.bitbucket.pull.EmptyPullRequestException"),
    }
}

fn one(fake: &Fake, asked: &Asked, pull: &Pull, rest: &[&str]) -> Response {
    let (hub, number) = (&fake.hub, pull.number);
    match (asked.method.as_str(), rest) {
        ("GET", []) => json(200, &shown(fake, &asked.server, pull)),
        ("PUT", []) if !fake.is_version(asked, number) => out_of_date(),
        ("PUT", []) => update(fake, asked, number),
        ("POST", ["decline"]) if !fake.is_version(asked, number) => out_of_date(),
        ("POST", ["decline"]) => match hub.close(number) {
            Ok(pull) => json(200, &shown(fake, &asked.server, &pull)),
            Err(_) => not_open(),
        },
        ("POST", ["comments"]) => {
            hub.change(number, |pull| pull.comments.push(asked.text("text").to_owned())).unwrap();
            json(201, &json!({"id": 1, "text": asked.text("text")}))
        }
        ("POST", ["participants"]) => {
            let name = asked.body["user"]["name"].as_str().unwrap_or_default().to_owned();
            match hub.ask_for_review(number, &[name]) {
                Ok(_) => json(200, &json!({"role": "REVIEWER"})),
                Err(_) => said(404, "No such user.", "com.atlassian.bitbucket.user.NoSuchUserException"),
            }
        }
        ("POST", ["merge"]) if !fake.is_version(asked, number) => out_of_date(),
        ("POST", ["merge"]) => {
            let method = asked.text("strategyId");
            match hub.merge_when_ready(number, None, method) {
                Ok(pull) => json(200, &shown(fake, &asked.server, &pull)),
                Err(Refusal::NoAutoMerge) => {
                    said(403, "Auto-merge is not enabled.", "com.atlassian.bitbucket.AuthorisationException")
                }
                Err(_) => not_open(),
            }
        }
        ("GET", ["auto-merge"]) => match &pull.auto_merge {
            Some(method) => json(200, &json!({"fromHash": pull.head, "strategyId": method})),
            None => respond(204, "application/json", ""),
        },
        ("DELETE", ["auto-merge"]) => {
            hub.change(number, |pull| pull.auto_merge = None).unwrap();
            respond(204, "application/json", "")
        }
        _ => respond(404, "text/html", "<html>Oops</html>"),
    }
}

fn not_open() -> Response {
    said(409, "This pull request is not open.", "com.atlassian.bitbucket.pull.IllegalPullRequestStateException")
}

/// Reviewers that are not named are taken off.
fn update(fake: &Fake, asked: &Asked, number: u64) -> Response {
    let named = asked.body["reviewers"].as_array().into_iter().flatten();
    let reviewers = named.filter_map(|reviewer| reviewer["user"]["name"].as_str().map(str::to_owned)).collect();
    let change = |pull: &mut Pull| {
        (pull.title, pull.body) = (asked.text("title").to_owned(), asked.text("description").to_owned());
        pull.draft = asked.body["draft"].as_bool().unwrap_or(pull.draft);
        pull.reviewers = reviewers;
    };
    json(200, &shown(fake, &asked.server, &fake.hub.change(number, change).unwrap()))
}
