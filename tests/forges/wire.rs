//! One request as a fake forge reads it, and the answers it gives.

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::response::Response;
use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;
use std::sync::Arc;

/// What was asked.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    /// The parts of the path, decoded: `acme%2Fconfig` is one.
    pub(crate) parts: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    /// `null` where nothing was sent.
    pub(crate) body: Value,
    /// `http://127.0.0.1:PORT`
    pub(crate) server: String,
}

impl Asked {
    pub(crate) fn parts(&self) -> Vec<&str> {
        self.parts.iter().map(String::as_str).collect()
    }

    /// A query's value; empty where there is none.
    pub(crate) fn query(&self, key: &str) -> &str {
        self.query.iter().find(|(name, _)| name == key).map_or("", |(_, value)| value)
    }

    /// A number in the query, if it is one.
    pub(crate) fn number(&self, key: &str) -> Option<usize> {
        self.query(key).parse().ok()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// A text in the body; empty where there is none.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.body[key].as_str().unwrap_or_default()
    }
}

/// A router that hands every request to one function.
pub(crate) fn router<S: Send + Sync + 'static>(state: S, answer: fn(&S, &Asked) -> Response) -> Router {
    let state = Arc::new(state);
    let handle = move |method: Method, uri: axum::http::Uri, headers: HeaderMap, body: Bytes| {
        let state = Arc::clone(&state);
        async move { answer(&state, &asked(method, &uri, headers, &body)) }
    };
    Router::new().fallback(handle).layer(DefaultBodyLimit::max(16 << 20))
}

fn asked(method: Method, uri: &axum::http::Uri, headers: HeaderMap, body: &Bytes) -> Asked {
    let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    let url: Url = format!("http://{host}{uri}").parse().unwrap();
    let parts = url.path_segments().unwrap().map(decoded).collect();
    let query = url.query_pairs().into_owned().collect();
    let body = serde_json::from_slice(body).unwrap_or_default();
    Asked { method, parts, query, body, server: format!("http://{host}"), headers }
}

/// Without `%XX`.
fn decoded(part: &str) -> String {
    let query = format!("x={}", part.replace('+', "%2B"));
    let url = Url::parse(&format!("http://localhost/?{query}")).unwrap();
    let (_, value) = url.query_pairs().next().unwrap();
    value.into_owned()
}

pub(crate) fn json(status: u16, body: &Value) -> Response {
    respond(status, "application/json", body.to_string())
}

pub(crate) fn respond(status: u16, media_type: &str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    with(response, CONTENT_TYPE, media_type)
}

pub(crate) fn with(mut response: Response, name: HeaderName, value: &str) -> Response {
    response.headers_mut().insert(name, value.parse().unwrap());
    response
}

/// A time of the hub's as forges write it.
pub(crate) fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap().to_string()
}
