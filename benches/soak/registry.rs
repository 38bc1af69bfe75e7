//! A registry that knows tag lists only, and fails at one request in ten.

use super::IMAGES;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Tags of each image at the start: 1.0.0 to 1.0.49.
pub(crate) const TAGS: u64 = 50;

pub(crate) struct Registry {
    host: String,
    state: Arc<Mutex<Known>>,
}

struct Known {
    /// The newest patch version of each image.
    newest: Vec<u64>,
    next: usize,
    chance: Chance,
    answers: BTreeMap<&'static str, u64>,
}

impl Registry {
    pub(crate) async fn start() -> Registry {
        let known = Known { newest: vec![TAGS - 1; IMAGES], next: 0, chance: Chance::new(), answers: BTreeMap::new() };
        let state = Arc::new(Mutex::new(known));
        let router = Router::new().route("/v2/", get(|| async { "{}" })).route("/v2/soak/{image}/tags/list", get(list));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let router = router.with_state(Arc::clone(&state));
        tokio::spawn(async { axum::serve(listener, router).await });
        Registry { host, state }
    }

    pub(crate) fn host(&self) -> String {
        self.host.clone()
    }

    /// Some image gets a new version: its number, and that of the version.
    pub(crate) fn push_next(&self) -> (usize, u64) {
        let mut known = self.state.lock().unwrap();
        // A prime, so that all have their turn.
        known.next = (known.next + 389) % IMAGES;
        let image = known.next;
        known.newest[image] += 1;
        (image, known.newest[image])
    }

    pub(crate) fn newest(&self) -> Vec<u64> {
        self.state.lock().unwrap().newest.clone()
    }

    pub(crate) fn answers(&self) -> String {
        let known = self.state.lock().unwrap();
        known.answers.iter().map(|(what, count)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
    }
}

async fn list(State(state): State<Arc<Mutex<Known>>>, Path(image): Path<String>) -> Response {
    let Some(number) = image.strip_prefix("app").and_then(|number| number.parse::<usize>().ok()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let (body, chance) = {
        let mut known = state.lock().unwrap();
        let mut body = format!("{{\"name\":\"soak/{image}\",\"tags\":[");
        for patch in 0..=known.newest[number] {
            let comma = if patch == 0 { "" } else { "," };
            write!(body, "{comma}\"1.0.{patch}\"").unwrap();
        }
        body.push_str("]}");
        let chance = known.chance.next() % 40;
        let what = match chance {
            0 => "refused (500)",
            1 => "asked to wait (503)",
            2 => "answered after 2 s",
            3 => "cut off",
            _ => "answered",
        };
        *known.answers.entry(what).or_default() += 1;
        (body, chance)
    };
    match chance {
        0 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        1 => (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")]).into_response(),
        2 => {
            tokio::time::sleep(Duration::from_secs(2)).await;
            body.into_response()
        }
        3 => {
            let half = Bytes::copy_from_slice(&body.as_bytes()[..body.len() / 2]);
            let broken = [Ok(half), Err(std::io::Error::other("cut"))];
            Body::from_stream(futures::stream::iter(broken)).into_response()
        }
        _ => body.into_response(),
    }
}

/// Numbers that look like chance and are the same in every run.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new() -> Chance {
        Chance(0x9E37_79B9_7F4A_7C15)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 8
    }
}
