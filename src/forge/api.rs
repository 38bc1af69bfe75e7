//! What all forges share: a request with credentials, a bounded answer, the reason when there is none.

use crate::http::{self, Answer, Body, ErrorKind, Method, Request, authority, clean, retry_after};
use crate::port::{ForgeError, ForgeErrorKind, Secret, hide_secrets};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::time::Duration;
use url::Url;

/// The most bytes of one answer: a page of a hundred pull requests with the longest bodies that GitHub takes.
pub(super) const MAX_ANSWER: usize = 16 << 20;
/// The most pages of one list.
pub(super) const MAX_PAGES: usize = 20;

const SIGN_IN: &str = "it wants a person to sign in";

/// One forge's API, with the credentials for it.
#[derive(Debug, Clone)]
pub(super) struct Api {
    client: http::Client,
    base: Url,
    host: String,
    authorization: Option<Secret>,
    /// Sent with every request.
    headers: Vec<(HeaderName, Secret)>,
    /// What else no error may repeat, whatever the forge echoes.
    hidden: Vec<Secret>,
}

impl Api {
    /// `authorization` is the whole value of the header.
    pub(super) fn new(client: http::Client, base: &Url, authorization: Option<Secret>) -> Api {
        let (headers, hidden) = (Vec::new(), Vec::new());
        Api { client, base: base.clone(), host: authority(base), authorization, headers, hidden }
    }

    /// The same with other credentials, such as a token that was renewed.
    pub(super) fn with_authorization(&self, authorization: Option<Secret>) -> Api {
        Api { authorization, ..self.clone() }
    }

    /// The same with a header that every request carries.
    pub(super) fn with_header(mut self, name: HeaderName, value: &str) -> Api {
        self.headers.push((name, Secret::new(value)));
        self
    }

    /// The same with a secret that no error repeats, such as the password within a header.
    pub(super) fn hiding(mut self, secret: &Secret) -> Api {
        self.hidden.push(secret.clone());
        self
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn requests(&self) -> BTreeMap<String, u64> {
        self.client.requests()
    }

    /// The URL of parts below the API's, each encoded, and a query.
    pub(super) fn url(&self, parts: &[&str], query: &[(&str, &str)]) -> Result<Url, ForgeError> {
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            Ok(mut path) => drop(path.pop_if_empty().extend(parts)),
            Err(()) => return Err(self.error(ForgeErrorKind::Unreachable, "its address has no path")),
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// Reads one thing.
    pub(super) async fn get<T: DeserializeOwned>(&self, url: Url) -> Result<T, ForgeError> {
        let answer = self.answer(Request::get(url)).await?;
        self.read(&answer)
    }

    /// Reads one thing, with what came beside it.
    pub(super) async fn get_with_headers<T: DeserializeOwned>(&self, url: Url) -> Result<(T, HeaderMap), ForgeError> {
        let answer = self.answer(Request::get(url)).await?;
        Ok((self.read(&answer)?, answer.headers))
    }

    /// Changes something, once.
    pub(super) async fn change(&self, method: Method, url: Url, body: &impl Serialize) -> Result<Answer, ForgeError> {
        let content = serde_json::to_string(body)
            .map_err(|error| self.error(ForgeErrorKind::Malformed, format!("the request cannot be made: {error}")))?;
        let body = Body { media_type: "application/json", content: Secret::new(content) };
        self.answer(Request { method, body: Some(body), once: true, ..Request::get(url) }).await
    }

    /// Changes something, once, by the address alone.
    pub(super) async fn order(&self, method: Method, url: Url) -> Result<Answer, ForgeError> {
        self.answer(Request { method, once: true, ..Request::get(url) }).await
    }

    /// What the answer holds.
    pub(super) fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, ForgeError> {
        serde_json::from_slice(&answer.body)
            .map_err(|error| self.error(ForgeErrorKind::Malformed, clean(&error.to_string())))
    }

    /// An answer of success.
    async fn answer(&self, request: Request) -> Result<Answer, ForgeError> {
        let origin = request.url.origin();
        let answer = self.send(request).await?;
        match answer.status.as_u16() {
            // Who is not known is led to a page for people, which no API's answer is.
            203 | 302 => Err(self.error(ForgeErrorKind::Unauthorized, SIGN_IN)),
            _ if answer.url.origin() != origin => Err(self.error(ForgeErrorKind::Unauthorized, SIGN_IN)),
            200..300 => Ok(answer),
            _ => Err(self.refusal(&answer)),
        }
    }

    /// An answer of whatever status, for a forge that words its refusals in its own way.
    pub(super) async fn send(&self, mut request: Request) -> Result<Answer, ForgeError> {
        request.authorization = self.authorization.clone();
        request.headers.extend(self.headers.iter().cloned());
        request.accept.get_or_insert(HeaderValue::from_static("application/json"));
        request.limit = MAX_ANSWER;
        self.client.send(request).await.map_err(|error| {
            let kind = match error.kind {
                ErrorKind::TimedOut => ForgeErrorKind::TimedOut,
                ErrorKind::TooLarge => ForgeErrorKind::TooLarge,
                _ => ForgeErrorKind::Unreachable,
            };
            self.error(kind, error.detail)
        })
    }

    fn refusal(&self, answer: &Answer) -> ForgeError {
        let detail = words(&answer.body);
        let kind = match answer.status.as_u16() {
            429 => ForgeErrorKind::RateLimited { retry_after: retry_after(&answer.headers) },
            // GitHub answers so to too many requests at once, and with 403 to too many in an hour.
            403 if let Some(wait) = limited(&answer.headers) => ForgeErrorKind::RateLimited { retry_after: wait },
            401 => ForgeErrorKind::Unauthorized,
            403 => ForgeErrorKind::Forbidden,
            404 => ForgeErrorKind::NotFound,
            400..500 => ForgeErrorKind::Refused,
            status @ 500..600 => ForgeErrorKind::ServerError { status },
            status => {
                let detail = format!("status {status}");
                return self.error(ForgeErrorKind::Malformed, detail);
            }
        };
        self.error(kind, detail)
    }

    /// An error of this host; credentials that a server echoed are hidden in it.
    pub(super) fn error(&self, kind: ForgeErrorKind, detail: impl Into<String>) -> ForgeError {
        let sent = self.authorization.iter().filter_map(|secret| secret.expose().split(' ').next_back());
        let hidden = sent.chain(self.hidden.iter().map(Secret::expose));
        ForgeError { host: self.host.clone(), kind, detail: hide_secrets(&detail.into(), hidden) }
    }
}

/// Whether a refusal means that there were too many requests.
fn limited(headers: &HeaderMap) -> Option<Option<Duration>> {
    if let Some(wait) = retry_after(headers) {
        return Some(Some(wait));
    }
    let left = headers.get("x-ratelimit-remaining")?.to_str().ok()?;
    (left.trim() == "0").then_some(None)
}

/// What a refusal says, in whichever of the common places.
fn words(body: &[u8]) -> String {
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(body) else {
        return String::new();
    };
    let mut said = Vec::new();
    for place in ["/message", "/error/message", "/error", "/error_description", "/errors/0/message"] {
        match json.pointer(place) {
            Some(serde_json::Value::String(text)) if !said.contains(text) => said.push(text.clone()),
            Some(serde_json::Value::Array(texts)) => {
                said.extend(texts.iter().filter_map(|text| text.as_str().map(str::to_owned)));
            }
            _ => {}
        }
    }
    // Bitbucket Cloud says what is wrong with which field.
    let fields = json.pointer("/error/fields").and_then(serde_json::Value::as_object).into_iter().flatten();
    for (field, problems) in fields {
        let texts = problems.as_array().map_or(std::slice::from_ref(problems), Vec::as_slice);
        said.extend(texts.iter().filter_map(|text| text.as_str()).map(|text| format!("{field}: {text}")));
    }
    clean(&said.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_read_where_forges_write_them() {
        for (body, said) in [
            (
                r#"{"message":"Validation Failed","errors":[{"message":"A pull request exists"}]}"#,
                "Validation Failed; A pull request exists",
            ),
            (r#"{"message":["Another open merge request exists: !1"]}"#, "Another open merge request exists: !1"),
            (r#"{"type":"error","error":{"message":"no permission"}}"#, "no permission"),
            (r#"{"errors":[{"message":"from Data Center"}]}"#, "from Data Center"),
            (r#"{"error":{"message":"Bad request","fields":{"a":["no x"],"b":"c"}}}"#, "Bad request; a: no x; b: c"),
            ("<html>", ""),
        ] {
            assert_eq!(words(body.as_bytes()), said);
        }
    }

    #[test]
    fn credentials_that_a_server_echoes_are_hidden() {
        let client = http::Client::new(http::Options::new("test")).unwrap();
        let login = Some(Secret::new("Bearer hunter2-and-more"));
        let api = Api::new(client, &"https://git.example.com/".parse().unwrap(), login);
        let error = api.error(ForgeErrorKind::Unauthorized, "hunter2-and-more is no token");
        assert_eq!(error.detail, "••• is no token");
        assert!(!format!("{api:?}").contains("hunter2"));
        let api = api.hiding(&Secret::new("pass-w0rd"));
        assert_eq!(api.error(ForgeErrorKind::Forbidden, "no pass-w0rd").detail, "no •••");
    }

    #[test]
    fn parts_of_urls_are_encoded() {
        let client = http::Client::new(http::Options::new("test")).unwrap();
        let api = Api::new(client, &"https://git.example.com/api/v4/".parse().unwrap(), None);
        let url = api.url(&["projects", "acme/config", "x y"], &[("a", "b&c")]).unwrap();
        assert_eq!(url.as_str(), "https://git.example.com/api/v4/projects/acme%2Fconfig/x%20y?a=b%26c");
    }
}
