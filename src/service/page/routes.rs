//! Which address answers what, and with which headers.
//!
//! | address | answers |
//! |---|---|
//! | `/` | references, with filters and search |
//! | `/images/`, `/images/NAME` | all images; one, with its decisions and its time line |
//! | `/repositories`, `/runs`, `/registries` | branches with what is wrong in them; the runs of late; registries |
//! | `/api/v1/summary`, `/api/v1/references`, ... | the same as JSON |
//! | `/style.css`, `/icon.svg` | how it looks |

use super::door::{Door, Visitor};
use super::html::{Html, View};
use super::query::{self, Bad, FILTERS, Filter, Query};
use super::show;
use crate::image::Repository;
use crate::service::picture::Picture;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH,
    REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{Method, Response, StatusCode};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::sync::Arc;

/// References that the page of an image shows.
const OF_IMAGE: usize = 100;

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const STYLE: &str = include_str!("templates/style.css");
const ICON: &str = include_str!("templates/icon.svg");

/// Nothing is loaded but from here, nothing runs, nobody frames it.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// What pages and documents are made of.
#[derive(Debug)]
pub struct Page {
    picture: Arc<Picture>,
    html: Html,
}

impl Page {
    pub fn new(picture: Arc<Picture>) -> Page {
        Page { picture, html: Html::new() }
    }
}

/// Something to be shown.
struct Content {
    status: StatusCode,
    kind: &'static str,
    body: String,
}

/// Why there is nothing to be shown.
enum Refusal {
    NotFound,
    Bad(Bad),
    /// A template failed: a fault of ours.
    Broken(String),
}

impl From<Bad> for Refusal {
    fn from(bad: Bad) -> Refusal {
        Refusal::Bad(bad)
    }
}

/// The answer to one request.
pub fn respond(page: &Page, door: &Door, method: &Method, visitor: &Visitor<'_>) -> Response<Vec<u8>> {
    if let Err((status, why)) = door.admit(visitor) {
        let mut refused = plain(status, why);
        if status == StatusCode::UNAUTHORIZED {
            let asked = HeaderValue::from_static("Basic realm=\"Landwaiter\", charset=\"UTF-8\"");
            refused.headers_mut().append(WWW_AUTHENTICATE, asked);
            refused.headers_mut().append(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"Landwaiter\""));
        }
        return refused;
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "nothing can be changed here");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    let content = page.content(visitor.uri.path(), visitor.uri.query().unwrap_or_default());
    let tag = etag(&content.body);
    let known = visitor.headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut answer = if content.status == StatusCode::OK && known.is_some_and(|known| names(known, &tag)) {
        dressed(StatusCode::NOT_MODIFIED, content.kind, Vec::new())
    } else {
        dressed(content.status, content.kind, content.body.into_bytes())
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        answer.headers_mut().insert(ETAG, tag);
    }
    answer
}

impl Page {
    fn content(&self, path: &str, query: &str) -> Content {
        let ok = |kind, body| Content { status: StatusCode::OK, kind, body };
        match path {
            "/style.css" => return ok("text/css; charset=utf-8", STYLE.to_owned()),
            "/icon.svg" => return ok("image/svg+xml", ICON.to_owned()),
            _ => {}
        }
        let api = path.strip_prefix("/api/").map(|rest| rest.strip_prefix("v1/").unwrap_or_default());
        let made = match api {
            Some(path) => self.document(path, query).map(|body| ok(JSON, body)),
            None => self.page(path, query).map(|body| ok(HTML, body)),
        };
        made.unwrap_or_else(|refusal| self.refused(&refusal, api.is_some()))
    }

    fn refused(&self, refusal: &Refusal, api: bool) -> Content {
        let (status, why) = match refusal {
            Refusal::NotFound => (StatusCode::NOT_FOUND, "there is nothing at this address"),
            Refusal::Bad(why) => (StatusCode::BAD_REQUEST, why.as_str()),
            Refusal::Broken(why) => (StatusCode::INTERNAL_SERVER_ERROR, why.as_str()),
        };
        if !api && let Ok(body) = self.html.refused(status.as_u16(), why) {
            return Content { status, kind: HTML, body };
        }
        Content { status, kind: JSON, body: json(&Error { version: show::VERSION, error: why }) }
    }

    fn document(&self, path: &str, query: &str) -> Result<String, Refusal> {
        Ok(match path {
            "summary" => {
                Query::parse(query, &[])?;
                json(&self.picture.look(show::summary))
            }
            "repositories" => json(&self.repositories(&paged(query)?)?),
            "references" => json(&self.references(&Query::parse(query, &FILTERS)?)?),
            "images" => json(&self.images(&searched(query)?)?),
            "runs" => json(&self.runs(&paged(query)?)?),
            "registries" => {
                Query::parse(query, &[])?;
                json(&self.picture.look(show::registries))
            }
            path => {
                let name = path.strip_prefix("images/").ok_or(Refusal::NotFound)?;
                Query::parse(query, &[])?;
                json(&self.image(name)?)
            }
        })
    }

    fn page(&self, path: &str, query: &str) -> Result<String, Refusal> {
        let summary = self.picture.look(show::summary);
        let view = |title, here| View { title, here, summary: &summary };
        let made = match path {
            "/" => {
                let query = Query::parse(query, &FILTERS)?;
                let names = self.picture.look(|known| known.branches.keys().cloned().collect::<Vec<_>>());
                let references = self.references(&query)?;
                self.html.references(&view("References", "/"), &references, &query, &names)
            }
            "/images/" => {
                let query = searched(query)?;
                self.html.images(&view("Images", "/images/"), &self.images(&query)?, &query)
            }
            "/repositories" => {
                let query = paged(query)?;
                let shown = self.repositories(&query)?;
                self.html.listed("repositories", &view("Repositories", path), &shown, &query)
            }
            "/runs" => {
                let query = paged(query)?;
                let plot = self.picture.look(|known| super::plot::runs(&known.runs));
                self.html.runs(&view("Runs", path), &self.runs(&query)?, &query, plot)
            }
            "/registries" => {
                let query = Query::parse(query, &[])?;
                let shown = self.picture.look(show::registries);
                self.html.listed("registries", &view("Registries", path), &shown, &query)
            }
            path => {
                let name = path.strip_prefix("/images/").ok_or(Refusal::NotFound)?;
                Query::parse(query, &[])?;
                let shown = self.image(name)?;
                let plot = self.picture.look(|known| {
                    let name = Repository::parse(&shown.image).ok()?;
                    super::plot::time_line(known.images.get(&name)?)
                });
                self.html.image(&view(&shown.image, "/images/"), &shown, plot)
            }
        };
        made.map_err(|error| Refusal::Broken(format!("the page could not be made ({error}): please report this")))
    }

    fn references(&self, query: &Query) -> Result<show::References, Refusal> {
        let (filter, limit, after) = (Filter::of(query)?, query.limit()?, query.cursor()?);
        let branches = self.picture.look(query::branches);
        Ok(show::references(&query::find(&branches, &filter, after.as_ref(), limit)))
    }

    fn repositories(&self, query: &Query) -> Result<show::Repositories, Refusal> {
        let (limit, after) = (query.limit()?, query.cursor()?);
        Ok(self.picture.look(|known| show::repositories(known, after.as_ref(), limit)))
    }

    fn images(&self, query: &Query) -> Result<show::Images, Refusal> {
        let (limit, after) = (query.limit()?, query.cursor::<String>()?);
        let search = query.get("q").map(query::search).transpose()?;
        let (branches, failing) = self.picture.look(|known| (query::branches(known), known.hosts.failing.clone()));
        Ok(show::images(&branches, &failing, search.as_ref(), after.as_deref(), limit))
    }

    fn runs(&self, query: &Query) -> Result<show::Runs, Refusal> {
        let (limit, after) = (query.limit()?, query.cursor::<String>()?);
        Ok(self.picture.look(|known| show::runs(known, after.as_deref(), limit)))
    }

    /// What is known of an image, by its name as it stands in an address.
    fn image(&self, name: &str) -> Result<show::ImageShown, Refusal> {
        let name = decoded(name).and_then(|name| Repository::parse(&name).ok()).ok_or(Refusal::NotFound)?;
        let (branches, image, failing) = self.picture.look(|known| {
            (query::branches(known), known.images.get(&name).cloned(), known.hosts.failing.get(&name).cloned())
        });
        let found = query::find(&branches, &Filter::image(&name), None, OF_IMAGE);
        if found.total == 0 && image.is_none() {
            return Err(Refusal::NotFound);
        }
        Ok(show::image(&name, &image.unwrap_or_default(), failing.as_ref(), &found))
    }
}

/// What is wrong, for programs.
#[derive(Debug, Serialize)]
struct Error<'a> {
    version: u32,
    error: &'a str,
}

fn paged(query: &str) -> Result<Query, Bad> {
    Query::parse(query, &["limit", "cursor"])
}

fn searched(query: &str) -> Result<Query, Bad> {
    Query::parse(query, &["q", "limit", "cursor"])
}

/// The text of a path's part; `None` where it is none.
fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        if *first == b'%' {
            let (code, more) = more.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok()?);
            rest = more;
        } else {
            bytes.push(*first);
            rest = more;
        }
    }
    String::from_utf8(bytes).ok()
}

fn json(document: &impl Serialize) -> String {
    // Structs with string keys cannot fail to serialise; if they ever do, the reader of the JSON must see it.
    serde_json::to_string(document).unwrap_or_else(|error| format!("{{\"error\": \"{error}\"}}")) + "\n"
}

/// What a body is known by.
fn etag(body: &str) -> String {
    let mut tag = "\"".to_owned();
    for byte in &Sha256::digest(body.as_bytes())[..16] {
        let _ = write!(tag, "{byte:02x}");
    }
    tag + "\""
}

/// Whether a list of entity tags names this one; proxies mark those of bodies that they packed as weak.
fn names(list: &str, tag: &str) -> bool {
    list.split(',').map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

fn plain(status: StatusCode, text: &str) -> Response<Vec<u8>> {
    dressed(status, TEXT, format!("{text}\n").into_bytes())
}

/// The headers of every answer.
fn dressed(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Response<Vec<u8>> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let headers = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "private, no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ];
    answer.headers_mut().extend(headers.map(|(name, value)| (name, HeaderValue::from_static(value))));
    answer
}

#[cfg(test)]
mod tests;
