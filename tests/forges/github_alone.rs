//! What only GitHub has: the App's login, permissions, limits of requests, errors in the answers of success, and answers
//! that no GitHub would give.

mod answers;
mod graphql;
mod limits;
mod login;

use crate::adapters::{Place, place, push};
use crate::dialect::{Running, run};
use crate::github::app::{APP, Apps, KEY};
use crate::github::{Fake, GITHUB, Rules};
use crate::hub::TOKEN;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use landwaiter::forge::{GitHub, GitHubApp};
use landwaiter::port::*;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const BRANCH: &str = "landwaiter/a-000001";

/// GitHub itself, ours for it, and a pull request that is open.
struct World {
    place: Place,
    _fake: Running,
    apps: Arc<Apps>,
    options: landwaiter::forge::Options,
    forge: GitHub,
    head: CommitId,
}

async fn world(rules: Rules) -> World {
    let place = place(&GITHUB).await;
    let mut fake = Fake::new(Arc::clone(&place.hub), "", "api.github.com");
    fake.rules = rules;
    let apps = Arc::clone(&fake.apps);
    let fake = run(fake.router()).await;
    let head = CommitId(push(&place.bare, BRANCH, "one"));
    place.hub.create(BRANCH, "main", "t", "", false).unwrap();
    let options = GITHUB.options(&fake, TOKEN);
    let forge = GitHub::new(options.clone()).unwrap().pausing(Duration::ZERO);
    World { place, _fake: fake, apps, options, forge, head }
}

impl World {
    fn app(&self, installation: Option<u64>) -> GitHub {
        let app = GitHubApp { id: APP.to_owned(), installation, key: Secret::new(KEY) };
        let clock: Arc<dyn Clock> = Arc::clone(&self.apps) as Arc<dyn Clock>;
        GitHub::with_app(self.options.clone(), app, clock).unwrap().pausing(Duration::ZERO)
    }
}

const USUAL: Rules = Rules { drafts: true, status: "blocked" };

/// A server that gives one answer after the other, and the last one for ever.
struct Scripted {
    running: Running,
    asked: Arc<Mutex<Vec<String>>>,
}

type Answer = (u16, Vec<(&'static str, String)>, String);

async fn scripted(answers: Vec<Answer>) -> Scripted {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let handler = move |method: Method, uri: Uri, headers: HeaderMap| async move {
        let mut seen = seen.lock().unwrap();
        seen.push(format!("{method} {uri}"));
        let (status, extra, text) = &answers[(seen.len() - 1).min(answers.len() - 1)];
        // A server may echo what it was sent.
        let token = headers.get("authorization").map(|value| value.to_str().unwrap()).unwrap_or_default();
        let text = text.replace("TOKEN", token);
        let mut response = Response::builder().status(StatusCode::from_u16(*status).unwrap());
        for (name, value) in extra {
            response = response.header(*name, value);
        }
        response.body(Body::from(text)).unwrap()
    };
    Scripted { running: run(Router::new().fallback(handler)).await, asked }
}

impl Scripted {
    fn forge(&self) -> GitHub {
        GitHub::new(GITHUB.options(&self.running, TOKEN)).unwrap().pausing(Duration::ZERO)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn said(status: u16, body: &str) -> Answer {
    (status, Vec::new(), body.to_owned())
}

/// As much of one as is read.
fn pull(number: u64) -> Value {
    let id = "0123456789012345678901234567890123456789";
    let end = |branch: &str| json!({ "ref": branch, "sha": id, "repo": { "full_name": "acme/config" } });
    json!({
        "number": number, "node_id": "PR_1", "html_url": "https://github.com/acme/config/pull/1", "state": "open",
        "title": "t", "body": null, "labels": [], "head": end(BRANCH), "base": end("main"),
        "created_at": "2025-10-09T08:53:20Z", "closed_at": null, "merged_at": null, "auto_merge": null,
    })
}
