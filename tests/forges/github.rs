//! GitHub, faked: its REST interface, the two mutations of its GraphQL interface, and what an App asks for. What is asked and
//! what is answered is held against GitHub's own description of its interface; a difference is a fault of the conversation.
//! The description knows nothing of GraphQL, so the mutations are held against nothing but this file.

pub(crate) mod app;
mod graphql;
mod objects;

use crate::dialect::Dialect;
use crate::hub::{Hub, NAME, OWNER, Pull, Refusal, State, TOKEN};
use crate::openapi::{Description, Exchange};
use app::Apps;
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State as Shared};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use bytes::Bytes;
use landwaiter::forge::GitHub;
use objects::Objects;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Where the interface begins on GitHub's own host, and on everybody else's.
pub(crate) const ENTERPRISE: &str = "/api/v3";

pub(crate) const GITHUB: Dialect = Dialect {
    name: "github.com",
    router: |hub| Fake::new(hub, "", "api.github.com").router(),
    client: |options| Arc::new(GitHub::new(options).unwrap().pausing(Duration::ZERO)),
    api: "",
    repository: "acme/config",
};

pub(crate) const GITHUB_ENTERPRISE: Dialect = Dialect {
    name: "GitHub Enterprise Server",
    router: |hub| Fake::new(hub, ENTERPRISE, "ghes-3.19").router(),
    api: ENTERPRISE,
    // As people write it; GitHub does not mind.
    repository: "Acme/config",
    ..GITHUB
};

/// What the repository allows beside what the hub knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) drafts: bool,
    /// GitHub's word for whether there is something to wait for before a merge.
    pub(crate) status: &'static str,
}

pub(crate) struct Fake {
    hub: Arc<Hub>,
    /// Before every path of the REST interface.
    prefix: &'static str,
    description: Option<&'static Description>,
    pub(crate) rules: Rules,
    /// Who may come in.
    pub(crate) apps: Arc<Apps>,
}

/// One answer. `link` is the query of the next page.
struct Reply {
    status: u16,
    body: Value,
    link: Option<String>,
}

fn reply(status: u16, body: Value) -> Reply {
    Reply { status, body, link: None }
}

/// As GitHub words what it does not do.
fn refuse(status: u16, message: &str) -> Reply {
    let documentation = "https://docs.github.com/rest";
    reply(status, json!({ "message": message, "documentation_url": documentation, "status": status.to_string() }))
}

/// A 422 that names what is wrong with which field.
fn invalid(error: Value) -> Reply {
    let mut reply = refuse(422, "Validation Failed");
    reply.body["errors"] = json!([error]);
    reply
}

fn refused(refusal: Refusal) -> Reply {
    let custom = |message: String| invalid(json!({ "resource": "PullRequest", "code": "custom", "message": message }));
    match refusal {
        Refusal::NoSuchPull => refuse(404, "Not Found"),
        Refusal::NoSuchBranch(_) => invalid(json!({ "resource": "PullRequest", "field": "head", "code": "invalid" })),
        Refusal::Duplicate(_) => custom("A pull request already exists for acme:a-branch.".to_owned()),
        Refusal::NoDifference => custom("No commits between main and a-branch".to_owned()),
        Refusal::NoSuchUser(_) => refuse(
            422,
            "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a \
             collaborator of the acme/config repository.",
        ),
        Refusal::HeadMoved => refuse(409, "Head branch was modified. Review and try the merge again."),
        Refusal::NotOpen | Refusal::NoAutoMerge => refuse(405, "Pull Request is not mergeable"),
    }
}

impl Fake {
    pub(crate) fn new(hub: Arc<Hub>, prefix: &'static str, description: &'static str) -> Fake {
        let rules = Rules { drafts: true, status: "blocked" };
        Fake { hub, prefix, description: Description::named(description), rules, apps: Arc::new(Apps::new(TOKEN)) }
    }

    pub(crate) fn router(self) -> Router {
        Router::new().fallback(serve).layer(DefaultBodyLimit::max(1 << 20)).with_state(Arc::new(self))
    }

    fn handle(&self, asked: &Asked) -> Reply {
        let segments: Vec<&str> = asked.segments.iter().map(String::as_str).collect();
        if let Some(reply) = self.apps.handle(asked, &segments) {
            return reply;
        }
        match self.apps.admits(asked.authorization.as_deref()) {
            Some(true) => {}
            Some(false) => return refuse(401, "Bad credentials"),
            None if asked.method == Method::GET => return refuse(404, "Not Found"),
            None => return refuse(401, "Requires authentication"),
        }
        let ["repos", owner, name, rest @ ..] = segments.as_slice() else {
            return refuse(404, "Not Found");
        };
        if !owner.eq_ignore_ascii_case(OWNER) || !name.eq_ignore_ascii_case(NAME) {
            return refuse(404, "Not Found");
        }
        let at = Objects { api: &asked.api };
        let answered = match (asked.method.as_str(), rest) {
            ("GET", ["pulls"]) => Ok(self.list(asked, &at)),
            ("POST", ["pulls"]) => self.create(&asked.body, &at),
            (method, [kind @ ("pulls" | "issues"), number, below @ ..]) => match number.parse() {
                Ok(number) => self.one(method, kind, number, below, &asked.body, &at),
                Err(_) => Err(Refusal::NoSuchPull),
            },
            _ => Err(Refusal::NoSuchPull),
        };
        answered.unwrap_or_else(refused)
    }

    fn one(
        &self,
        method: &str,
        kind: &str,
        number: u64,
        below: &[&str],
        body: &Value,
        at: &Objects<'_>,
    ) -> Result<Reply, Refusal> {
        let pull = self.hub.pull(number)?;
        Ok(match (method, kind, below) {
            ("GET", "pulls", []) => reply(200, at.full(&pull)),
            ("PATCH", "pulls", []) => reply(200, at.full(&self.patch(pull, body)?)),
            ("POST", "pulls", ["requested_reviewers"]) => {
                let teams = texts(&body["team_reviewers"]).into_iter().map(|team| format!("{OWNER}/{team}"));
                let names: Vec<String> = texts(&body["reviewers"]).into_iter().chain(teams).collect();
                reply(201, at.simple(&self.hub.ask_for_review(number, &names)?))
            }
            ("PUT", "pulls", ["merge"]) => self.merge(&pull, body)?,
            ("POST", "issues", ["comments"]) => {
                let text = body["body"].as_str().unwrap().to_owned();
                self.hub.change(number, |pull| pull.comments.push(text.clone()))?;
                reply(201, at.comment(&pull, &text))
            }
            ("POST", "issues", ["labels"]) => {
                let labels = texts(&body["labels"]);
                labels.iter().for_each(|label| self.hub.make_label(label));
                let pull = self.hub.change(number, |pull| pull.labels.extend(labels))?;
                reply(200, at.labels(&pull))
            }
            ("DELETE", "issues", ["labels", label]) => {
                if !pull.labels.contains(*label) {
                    return Ok(refuse(404, "Label does not exist"));
                }
                let pull = self.hub.change(number, |pull| pull.labels.retain(|other| other != label))?;
                reply(200, at.labels(&pull))
            }
            ("POST", "issues", ["assignees"]) => {
                let known = |name: &String| self.hub.people.contains(name) && !name.contains('/');
                let names: Vec<String> = texts(&body["assignees"]).into_iter().filter(known).collect();
                reply(201, at.issue(&self.hub.change(number, |pull| pull.assignees.extend(names))?))
            }
            _ => return Err(Refusal::NoSuchPull),
        })
    }

    /// The newest first unless asked otherwise, thirty on a page.
    fn list(&self, asked: &Asked, at: &Objects<'_>) -> Reply {
        let get = |key: &str| asked.query.get(key).map(String::as_str);
        let number = |key: &str, usual: usize| get(key).map_or(usual, |text| text.parse().unwrap());
        let mut pulls = self.hub.pulls();
        pulls.retain(|pull| match get("state").unwrap_or("open") {
            "all" => true,
            "closed" => pull.state != State::Open,
            _ => pull.state == State::Open,
        });
        if let Some((owner, branch)) = get("head").and_then(|head| head.split_once(':')) {
            let from =
                |pull: &Pull| pull.fork.as_ref().map_or(OWNER, |fork| fork.split('/').next().unwrap()).to_owned();
            pulls.retain(|pull| pull.branch == branch && from(pull).eq_ignore_ascii_case(owner));
        }
        pulls.retain(|pull| get("base").is_none_or(|base| pull.base == base));
        if get("direction").unwrap_or("desc") == "desc" {
            pulls.reverse();
        }
        let (size, page) = (number("per_page", 30).min(100), number("page", 1));
        let from = (page - 1) * size;
        let more = pulls.len() > from + size;
        let page: Vec<Value> = pulls.iter().skip(from).take(size).map(|pull| at.simple(pull)).collect();
        let next =
            || format!("state={}&per_page={size}&page={}", get("state").unwrap_or("open"), number("page", 1) + 1);
        Reply { link: more.then(next), ..reply(200, page.into()) }
    }

    fn create(&self, body: &Value, at: &Objects<'_>) -> Result<Reply, Refusal> {
        let text = |key: &str| body[key].as_str().unwrap_or_default();
        let draft = body["draft"] == true;
        if draft && !self.rules.drafts {
            return Ok(refuse(422, "Draft pull requests are not supported in this repository."));
        }
        let pull = self.hub.create(text("head"), text("base"), text("title"), text("body"), draft)?;
        Ok(reply(201, at.full(&pull)))
    }

    fn patch(&self, pull: Pull, body: &Value) -> Result<Pull, Refusal> {
        if body["state"] == "closed" && pull.state == State::Open {
            self.hub.close(pull.number)?;
        }
        self.hub.change(pull.number, |pull| {
            let set = |key: &str, field: &mut String| {
                if let Some(text) = body[key].as_str() {
                    *field = text.to_owned();
                }
            };
            set("title", &mut pull.title);
            set("body", &mut pull.body);
        })
    }

    fn merge(&self, pull: &Pull, body: &Value) -> Result<Reply, Refusal> {
        match pull.state {
            State::Open if body["sha"].as_str().is_some_and(|sha| sha != pull.head) => return Err(Refusal::HeadMoved),
            State::Open => {}
            _ => return Err(Refusal::NotOpen),
        }
        let commit = self.hub.person_merges(pull.number, body["merge_method"] == "squash");
        let message = "Pull Request successfully merged";
        Ok(reply(200, json!({ "sha": commit, "merged": true, "message": message })))
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// One request, taken apart.
struct Asked {
    method: Method,
    /// Below the REST interface, decoded.
    segments: Vec<String>,
    query: HashMap<String, String>,
    body: Value,
    authorization: Option<String>,
    /// Where the interface is, as the client wrote it.
    api: String,
}

async fn serve(Shared(fake): Shared<Arc<Fake>>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let full = format!("http://{}{uri}", header("host").unwrap());
    let url: url::Url = full.parse().unwrap();
    let below = |prefix: &str| url.path().strip_prefix(prefix).filter(|rest| rest.starts_with('/')).map(str::to_owned);
    let asked = |path: &str| Asked {
        method: method.clone(),
        segments: path.split('/').skip(1).map(decoded).collect(),
        query: url.query_pairs().into_owned().collect(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        authorization: header("authorization"),
        api: format!("http://{}{}", header("host").unwrap(), fake.prefix),
    };
    let graphql = if fake.prefix.is_empty() { "/graphql" } else { "/api/graphql" };
    let answered = match (url.path() == graphql, below(fake.prefix)) {
        (true, _) => fake.graphql(&asked("")),
        (false, None) => refuse(404, "Not Found"),
        (false, Some(path)) => {
            for (name, expected) in [
                ("accept", "application/vnd.github+json"),
                ("x-github-api-version", "2022-11-28"),
                ("user-agent", "landwaiter-test"),
            ] {
                if header(name).as_deref() != Some(expected) {
                    fake.hub.fault(format!("{method} {path}: no {name}: {expected}"));
                }
            }
            let asked = asked(&path);
            let answered = fake.handle(&asked);
            if let Some(description) = fake.description {
                let exchange = Exchange {
                    method: method.as_str(),
                    segments: &asked.segments,
                    query: &asked.query,
                    body: (!body.is_empty()).then_some(&asked.body),
                    status: answered.status,
                    answer: &answered.body,
                };
                description.faults(&exchange).into_iter().for_each(|fault| fake.hub.fault(fault));
            }
            answered
        }
    };
    let mut response = Response::builder()
        .status(StatusCode::from_u16(answered.status).unwrap())
        .header("content-type", "application/json; charset=utf-8")
        .header("x-github-media-type", "github.v3; format=json")
        .header("x-ratelimit-limit", "5000")
        .header("x-ratelimit-remaining", "4999");
    if let Some(next) = &answered.link {
        let api = asked("").api;
        response =
            response.header("link", format!("<{api}/repositories/{}/pulls?{next}>; rel=\"next\"", objects::REPOSITORY));
    }
    response.body(Body::from(answered.body.to_string())).unwrap()
}

fn decoded(segment: &str) -> String {
    // A query is decoded by the library; a plus in a path means itself.
    let url: url::Url = format!("http://localhost/?x={}", segment.replace('+', "%2B")).parse().unwrap();
    url.query_pairs().next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}
