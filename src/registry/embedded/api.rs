//! The distribution API of the embedded registry. Repository names hold slashes, so paths are read here rather than by
//! axum's patterns.

use super::content::{Content, Refused};
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, LINK, LOCATION, RANGE};
use reqwest::{Method, StatusCode, Url};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;

/// The most bytes of one request: a chunk, a whole small blob, or a manifest.
const MAX_REQUEST: usize = 16 * 1024 * 1024;

pub(super) fn router(content: Arc<Content>) -> Router {
    Router::new().fallback(answer).layer(DefaultBodyLimit::max(MAX_REQUEST)).with_state(content)
}

/// What a path names.
#[derive(Debug, PartialEq, Eq)]
enum Place<'a> {
    Version,
    Tags(&'a str),
    Manifest(&'a str, &'a str),
    Blob(&'a str, &'a str),
    Uploads(&'a str),
    Upload(&'a str, u64),
}

/// The last words of a path say what it is; everything before them is the repository.
fn place(path: &str) -> Option<Place<'_>> {
    let rest = path.strip_prefix("/v2")?.trim_start_matches('/');
    if rest.is_empty() {
        return Some(Place::Version);
    }
    if let Some(name) = rest.strip_suffix("/tags/list") {
        return Some(Place::Tags(name));
    }
    let rest = rest.trim_end_matches('/');
    if let Some(name) = rest.strip_suffix("/blobs/uploads") {
        return Some(Place::Uploads(name));
    }
    let (before, last) = rest.rsplit_once('/')?;
    if let Some(name) = before.strip_suffix("/blobs/uploads") {
        return Some(Place::Upload(name, last.parse().ok()?));
    }
    if let Some(name) = before.strip_suffix("/manifests") {
        return Some(Place::Manifest(name, last));
    }
    Some(Place::Blob(before.strip_suffix("/blobs")?, last))
}

async fn answer(
    State(content): State<Arc<Content>>,
    method: Method,
    uri: axum::http::Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    content.count();
    let query = query(uri.query().unwrap_or_default());
    let get = method == Method::GET || method == Method::HEAD;
    match (place(uri.path()), &method) {
        (Some(Place::Version), _) if get => reply(StatusCode::OK, &[], Body::from("{}")),
        (Some(Place::Tags(name)), _) if get => tags(&content, name, &query),
        (Some(Place::Manifest(name, reference)), _) if get => manifest(&content, name, reference, &method),
        (Some(Place::Blob(_, digest)), _) if get => blob(&content, digest, &method),
        (Some(Place::Manifest(name, reference)), &Method::PUT) => {
            put_manifest(&content, name, reference, &headers, body)
        }
        (Some(Place::Uploads(name)), &Method::POST) => begin(&content, name, &query, &body),
        (Some(Place::Upload(name, id)), &Method::PATCH) => append(&content, name, id, &headers, &body),
        (Some(Place::Upload(name, id)), &Method::PUT) => finish(&content, name, id, &query, &body),
        (Some(_), _) => error(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED"),
        (None, _) => error(StatusCode::NOT_FOUND, "UNSUPPORTED"),
    }
}

fn query(text: &str) -> HashMap<String, String> {
    let parsed = Url::parse(&format!("http://localhost/?{text}"));
    parsed.map(|url| url.query_pairs().into_owned().collect()).unwrap_or_default()
}

fn tags(content: &Content, name: &str, query: &HashMap<String, String>) -> Response {
    let n = match query.get("n").map(|n| n.parse()) {
        None => usize::MAX,
        Some(Ok(n)) => n,
        Some(Err(_)) => return error(StatusCode::BAD_REQUEST, "PAGINATION_NUMBER_INVALID"),
    };
    let Some((tags, more)) = content.tags(name, query.get("last").map(String::as_str), n) else {
        return error(StatusCode::NOT_FOUND, "NAME_UNKNOWN");
    };
    let link =
        tags.last().filter(|_| more).map(|last| format!("</v2/{name}/tags/list?last={last}&n={n}>; rel=\"next\""));
    let body = json!({"name": name, "tags": tags}).to_string();
    let mut headers = vec![(CONTENT_TYPE, "application/json".to_owned())];
    headers.extend(link.map(|link| (LINK, link)));
    reply(StatusCode::OK, &headers, body.into())
}

fn manifest(content: &Content, name: &str, reference: &str, method: &Method) -> Response {
    let Some(found) = content.manifest(name, reference) else {
        return error(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN");
    };
    let mut response = whole(found.body, method, &found.media_type);
    set_digest(&mut response, found.digest.as_str());
    response
}

fn blob(content: &Content, digest: &str, method: &Method) -> Response {
    let Some(body) = content.blob(digest) else {
        return error(StatusCode::NOT_FOUND, "BLOB_UNKNOWN");
    };
    let mut response = whole(body, method, "application/octet-stream");
    set_digest(&mut response, digest);
    response
}

fn put_manifest(content: &Content, name: &str, reference: &str, headers: &HeaderMap, body: Bytes) -> Response {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match content.put_manifest(name, reference, media_type, body) {
        Ok(digest) => created(format!("/v2/{name}/manifests/{digest}"), digest.as_str()),
        Err(refused) => refusal(refused),
    }
}

/// A session, or with `?digest=` the whole blob in one request.
fn begin(content: &Content, name: &str, query: &HashMap<String, String>, body: &Bytes) -> Response {
    match content.begin_upload() {
        Ok(id) if query.contains_key("digest") => finish(content, name, id, query, body),
        Ok(id) => session(name, id, 0),
        Err(refused) => refusal(refused),
    }
}

fn append(content: &Content, name: &str, id: u64, headers: &HeaderMap, body: &Bytes) -> Response {
    let range = headers.get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let start = range.and_then(|range| range.split('-').next()?.parse().ok());
    match content.append(id, start, body) {
        Ok(length) => session(name, id, length),
        Err(refused) => refusal(refused),
    }
}

fn finish(content: &Content, name: &str, id: u64, query: &HashMap<String, String>, body: &Bytes) -> Response {
    let digest = query.get("digest").map(String::as_str).unwrap_or_default();
    match content.append(id, None, body).and_then(|_| content.finish_upload(id, digest)) {
        Ok(digest) => created(format!("/v2/{name}/blobs/{digest}"), digest.as_str()),
        Err(refused) => refusal(refused),
    }
}

fn session(name: &str, id: u64, length: usize) -> Response {
    let headers =
        [(LOCATION, format!("/v2/{name}/blobs/uploads/{id}")), (RANGE, format!("0-{}", length.saturating_sub(1)))];
    reply(StatusCode::ACCEPTED, &headers, Body::empty())
}

fn created(location: String, digest: &str) -> Response {
    let mut response = reply(StatusCode::CREATED, &[(LOCATION, location)], Body::empty());
    set_digest(&mut response, digest);
    response
}

fn refusal(refused: Refused) -> Response {
    let status = match refused {
        Refused::DigestInvalid | Refused::ManifestInvalid => StatusCode::BAD_REQUEST,
        Refused::UploadUnknown => StatusCode::NOT_FOUND,
        Refused::RangeInvalid => StatusCode::RANGE_NOT_SATISFIABLE,
        Refused::Full => StatusCode::INSUFFICIENT_STORAGE,
    };
    error(status, refused.code())
}

fn error(status: StatusCode, code: &str) -> Response {
    let body = json!({"errors": [{"code": code, "message": ""}]}).to_string();
    reply(status, &[(CONTENT_TYPE, "application/json".to_owned())], body.into())
}

/// For `HEAD` the length is said and the body left out.
fn whole(body: Bytes, method: &Method, media_type: &str) -> Response {
    let headers = [(CONTENT_TYPE, media_type.to_owned()), (CONTENT_LENGTH, body.len().to_string())];
    let body = if method == Method::HEAD { Body::empty() } else { body.into() };
    reply(StatusCode::OK, &headers, body)
}

fn set_digest(response: &mut Response, digest: &str) {
    if let Ok(value) = digest.parse() {
        response.headers_mut().insert("docker-content-digest", value);
    }
}

/// Header values come from checked names; one that no header can hold is left out.
fn reply(status: StatusCode, headers: &[(reqwest::header::HeaderName, String)], body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_end_with_what_they_name() {
        for (path, expected) in [
            ("/v2/", Some(Place::Version)),
            ("/v2", Some(Place::Version)),
            ("/v2/web/tags/list", Some(Place::Tags("web"))),
            ("/v2/acme/tags/web/tags/list", Some(Place::Tags("acme/tags/web"))),
            ("/v2/acme/web/manifests/1.0", Some(Place::Manifest("acme/web", "1.0"))),
            ("/v2/acme/manifests/manifests/1.0", Some(Place::Manifest("acme/manifests", "1.0"))),
            ("/v2/acme/web/blobs/sha256:ab", Some(Place::Blob("acme/web", "sha256:ab"))),
            ("/v2/acme/web/blobs/uploads/", Some(Place::Uploads("acme/web"))),
            ("/v2/acme/web/blobs/uploads/7", Some(Place::Upload("acme/web", 7))),
            ("/v2/acme/web/blobs/uploads/x", None),
            ("/v2/acme/web", None),
            ("/", None),
        ] {
            assert_eq!(place(path), expected, "{path}");
        }
    }
}
