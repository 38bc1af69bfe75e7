//! One exchange as data: what is asked, what was answered, and why there is no answer.

use super::host::authority;
use super::redact::clean;
use crate::port::Secret;
use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::fmt;
use url::Url;

/// What changes something on a server is sent with [`Request::once`]; all else may be repeated without harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

/// What is sent with a request. It may hold secrets and prints as dots.
#[derive(Debug, Clone)]
pub struct Body {
    /// The value of `Content-Type`.
    pub media_type: &'static str,
    pub content: Secret,
}

/// One request, as data.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    pub accept: Option<HeaderValue>,
    /// The value of `Authorization`. It goes to the URL's origin only.
    pub authorization: Option<Secret>,
    /// Whether hosts that limit pulls count it as one.
    pub pull: bool,
    /// Further headers, such as a metadata service asks for. They go to the URL's origin only.
    pub headers: Vec<(HeaderName, Secret)>,
    /// Tried again only where the server said that it did nothing (429): what was sent and not answered may have been done.
    pub once: bool,
    /// Sent with `Post`, `Put`, `Patch` and `Delete`. Such a request follows no redirect: a body may not travel to where nobody meant it to.
    pub body: Option<Body>,
    /// The most bytes of body that are read; an answer with more is [`ErrorKind::TooLarge`].
    pub limit: usize,
}

impl Request {
    /// The limit of a request that says nothing else.
    pub const DEFAULT_LIMIT: usize = 1024 * 1024;

    pub fn get(url: Url) -> Request {
        Request {
            method: Method::Get,
            url,
            accept: None,
            authorization: None,
            pull: false,
            headers: Vec::new(),
            once: false,
            body: None,
            limit: Request::DEFAULT_LIMIT,
        }
    }

    pub fn post(url: Url, body: Body) -> Request {
        Request { method: Method::Post, body: Some(body), ..Request::get(url) }
    }

    pub fn head(url: Url) -> Request {
        Request { method: Method::Head, ..Request::get(url) }
    }
}

/// What a server answered, after redirects.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Where the answer came from.
    pub url: Url,
}

/// There was no answer. The display is a lowercase fragment without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    pub host: String,
    pub kind: ErrorKind,
    pub detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// DNS, TLS, refused, reset, or no connection in time.
    Unreachable,
    /// Connected, but not answered in time.
    TimedOut,
    /// More than [`Request::limit`] bytes.
    TooLarge,
    /// A redirect that must not be followed, or too many of them.
    Redirect,
    /// Not sent: the host limits requests of this kind.
    Paused,
    /// Not sent: the host's certificates cannot be used.
    Misconfigured,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.host, self.detail)
    }
}

impl std::error::Error for Error {}

pub(super) fn failure(url: &Url, kind: ErrorKind, detail: impl Into<String>) -> Error {
    Error { host: authority(url), kind, detail: detail.into() }
}

/// A connection that cannot be made in time is unreachable; one that is made and stays silent timed out.
pub(super) fn transport(url: &Url, error: &reqwest::Error) -> Error {
    let kind = if error.is_timeout() && !error.is_connect() { ErrorKind::TimedOut } else { ErrorKind::Unreachable };
    failure(url, kind, cause(error))
}

/// The innermost cause: `connection refused`, not the three sentences around it, and never the URL.
pub(super) fn cause(error: &reqwest::Error) -> String {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    if std::ptr::addr_eq(deepest, std::ptr::from_ref(error)) {
        // reqwest's own display ends with the URL.
        return if error.is_timeout() { "timed out".to_owned() } else { "the request failed".to_owned() };
    }
    match deepest.to_string().as_str() {
        // What hyper says when the other side ended the connection while a request was on its way to it, as a server does
        // that wanted a client certificate.
        "channel closed" => "the connection was closed before the request was answered".to_owned(),
        text => clean(text),
    }
}
