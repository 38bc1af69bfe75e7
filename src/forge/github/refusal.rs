//! What GitHub says when it does not do a thing: which error that is, in its own words, and how long it wants to be left
//! alone.
//!
//! A limit of requests comes as 403 or as 429: with `retry-after`, with nothing left of the hour's allowance
//! (`x-ratelimit-remaining: 0`, and the Unix time of its renewal), or only in words, and then a minute is to be waited
//! (<https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit>).

use crate::forge::api::Api;
use crate::http::{Answer, clean, retry_after};
use crate::port::{ForgeError, ForgeErrorKind};
use jiff::Timestamp;
use reqwest::header::{DATE, HeaderMap};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// What GitHub asks to wait where it names no time.
const UNNAMED_WAIT: Duration = Duration::from_secs(60);

/// What an answer other than success means.
pub(super) fn refusal(api: &Api, answer: &Answer, needs: &str) -> ForgeError {
    let said = words(&answer.body);
    if let Some(wait) = limit(answer.status.as_u16(), &answer.headers, &said) {
        return api.error(ForgeErrorKind::RateLimited { retry_after: Some(wait) }, clean(&said));
    }
    let (kind, detail) = match answer.status.as_u16() {
        401 => (ForgeErrorKind::Unauthorized, clean(&said)),
        403 if said.contains("not accessible") || said.contains("Must have") => {
            (ForgeErrorKind::Forbidden, lacking(&said, &answer.headers, needs))
        }
        403 => (ForgeErrorKind::Forbidden, clean(&said)),
        404 => (ForgeErrorKind::NotFound, lacking(&said, &answer.headers, needs)),
        410 => (ForgeErrorKind::NotFound, clean(&said)),
        301 | 302 | 307 | 308 => (ForgeErrorKind::NotFound, "it has moved: was it renamed".to_owned()),
        400..500 => (ForgeErrorKind::Refused, clean(&said)),
        status @ 500..600 => (ForgeErrorKind::ServerError { status }, clean(&said)),
        status => (ForgeErrorKind::Malformed, format!("status {status}")),
    };
    api.error(kind, detail)
}

/// GitHub answers 404 where it may not even say that something is there.
fn lacking(said: &str, headers: &HeaderMap, needs: &str) -> String {
    // Said to tokens that have permissions one by one: `pull_requests=write`.
    let named = headers.get("x-accepted-github-permissions").and_then(|value| value.to_str().ok());
    let named = named.filter(|named| !named.is_empty()).map(|named| clean(&named.replace('=', ": ").replace('_', " ")));
    format!("{}; this needs the permission \"{}\"", clean(said), named.as_deref().unwrap_or(needs))
}

/// How long GitHub wants to be left alone, if that is what it says.
fn limit(status: u16, headers: &HeaderMap, said: &str) -> Option<Duration> {
    if !matches!(status, 403 | 429) {
        return None;
    }
    if let Some(wait) = retry_after(headers) {
        return Some(wait);
    }
    if let Some(wait) = renewal(headers) {
        return Some(wait);
    }
    let said = said.to_ascii_lowercase();
    let in_words = ["rate limit", "abuse detection"].iter().any(|words| said.contains(words));
    (status == 429 || in_words).then_some(UNNAMED_WAIT)
}

/// The time until the allowance is renewed, when nothing is left of it; read against the answer's own clock.
fn renewal(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if text("x-ratelimit-remaining")? != "0" {
        return None;
    }
    let wait = || {
        let reset: i64 = text("x-ratelimit-reset")?.parse().ok()?;
        let now: Timestamp = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text(DATE.as_str())?).ok()?;
        u64::try_from(reset.saturating_sub(now.as_second())).ok().map(Duration::from_secs)
    };
    Some(wait().unwrap_or(UNNAMED_WAIT))
}

/// `message`, and what each of `errors` says: a text, a message, or a code for a field.
fn words(body: &[u8]) -> String {
    let Ok(json) = serde_json::from_slice::<Value>(body) else {
        return String::new();
    };
    let text = |value: &Value, key: &str| value.get(key)?.as_str().map(str::to_owned);
    let of_error = |error: &Value| {
        let field = || Some(format!("{} {}", text(error, "field")?, text(error, "code")?));
        error.as_str().map(str::to_owned).or_else(|| text(error, "message")).or_else(field)
    };
    let errors = json.get("errors").and_then(Value::as_array).into_iter().flatten().filter_map(of_error);
    text(&json, "message").into_iter().chain(errors).collect::<Vec<_>>().join("; ")
}

/// Whether a pull request was not opened because there is one.
pub(super) fn is_duplicate(detail: &str) -> bool {
    detail.contains("A pull request already exists")
}

/// Whether what was to be taken off was not there.
pub(super) fn is_absent_label(error: &ForgeError) -> bool {
    error.kind == ForgeErrorKind::NotFound && error.detail.starts_with("Label does not exist")
}

/// With what a person can do about it, where GitHub's words leave that open.
pub(super) fn explained(mut error: ForgeError) -> ForgeError {
    if error.detail.contains("Draft pull requests are not supported") {
        error.detail.push_str("; drafts are for public repositories and paid plans");
    }
    error
}

/// What the GraphQL interface answers, with the status of success either way.
#[derive(Debug, Deserialize)]
pub(super) struct Answered {
    data: Option<Value>,
    #[serde(default)]
    errors: Vec<GraphError>,
}

#[derive(Debug, Deserialize)]
struct GraphError {
    message: String,
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl Answered {
    pub(super) fn outcome<T: DeserializeOwned>(
        self,
        api: &Api,
        headers: &HeaderMap,
        needs: &str,
    ) -> Result<T, ForgeError> {
        let Some(first) = self.errors.first() else {
            let data = self.data.unwrap_or_default();
            return serde_json::from_value(data)
                .map_err(|error| api.error(ForgeErrorKind::Malformed, clean(&error.to_string())));
        };
        let said = self.errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("; ");
        let wait = || limit(403, headers, &said).unwrap_or(UNNAMED_WAIT);
        let (kind, detail) = match first.kind.as_deref() {
            Some("RATE_LIMITED" | "RATE_LIMIT") => {
                (ForgeErrorKind::RateLimited { retry_after: Some(wait()) }, clean(&said))
            }
            _ if said.contains("secondary rate limit") => {
                (ForgeErrorKind::RateLimited { retry_after: Some(wait()) }, clean(&said))
            }
            Some("NOT_FOUND") => (ForgeErrorKind::NotFound, lacking(&said, headers, needs)),
            Some("STALE_DATA") => (ForgeErrorKind::Moved, clean(&said)),
            Some("FORBIDDEN" | "INSUFFICIENT_SCOPES") => (ForgeErrorKind::Forbidden, lacking(&said, headers, needs)),
            // What it says in place of a status in the five hundreds.
            None if said.starts_with("Something went wrong") => {
                (ForgeErrorKind::ServerError { status: 500 }, clean(&said))
            }
            _ => (ForgeErrorKind::Refused, clean(&said)),
        };
        Err(api.error(kind, detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http;
    use ForgeErrorKind::*;

    const DATE_OF_ANSWER: (&str, &str) = ("date", "Thu, 09 Oct 2025 08:53:20 GMT");

    fn api() -> Api {
        let client = http::Client::new(http::Options::new("test")).unwrap();
        Api::new(client, &"https://api.github.com".parse().unwrap(), None)
    }

    fn map(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn refused(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> ForgeError {
        let url = "https://api.github.com/".parse().unwrap();
        let status = reqwest::StatusCode::from_u16(status).unwrap();
        let answer = Answer { status, headers: map(headers), body: body.to_owned().into(), url };
        refusal(&api(), &answer, "pull requests: write")
    }

    #[test]
    fn limits_of_requests_in_all_their_forms() {
        let left = |seconds| RateLimited { retry_after: Some(Duration::from_secs(seconds)) };
        let primary = r#"{"message":"API rate limit exceeded for user ID 1."}"#;
        let secondary = r#"{"message":"You have exceeded a secondary rate limit. Please wait."}"#;
        let spent = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1760000090"), DATE_OF_ANSWER];
        for status in [403, 429] {
            for (headers, body, kind) in [
                (&spent[..], primary, left(90)),
                (&spent[..1], primary, left(60)),
                (&[("retry-after", "30")][..], secondary, left(30)),
                (&[("retry-after", "0")][..], secondary, left(0)),
                (&[("x-ratelimit-remaining", "4000")][..], secondary, left(60)),
                (&[][..], secondary, left(60)),
                (&[][..], r#"{"message":"You have triggered an abuse detection mechanism."}"#, left(60)),
            ] {
                assert_eq!(refused(status, headers, body).kind, kind, "{status} {headers:?} {body}");
            }
        }
        assert_eq!(refused(429, &[], "").kind, left(60));
        assert_eq!(refused(403, &[("x-ratelimit-remaining", "12")], "{}").kind, Forbidden);
        assert_eq!(refused(404, &spent, "{}").kind, NotFound, "nothing was limited");
    }

    #[test]
    fn refusals_are_told_in_githubs_words() {
        let lacks = "; this needs the permission \"pull requests: write\"";
        for (status, body, kind, detail) in [
            (401, r#"{"message":"Bad credentials","status":"401"}"#, Unauthorized, "Bad credentials".to_owned()),
            (404, r#"{"message":"Not Found"}"#, NotFound, format!("Not Found{lacks}")),
            (
                403,
                r#"{"message":"Resource not accessible by integration"}"#,
                Forbidden,
                format!("Resource not accessible by integration{lacks}"),
            ),
            (
                403,
                r#"{"message":"Repository was archived so is read-only."}"#,
                Forbidden,
                "Repository was archived so is read-only.".to_owned(),
            ),
            (
                422,
                r#"{"message":"Validation Failed","errors":[{"resource":"PullRequest","field":"head","code":"invalid"}]}"#,
                Refused,
                "Validation Failed; head invalid".to_owned(),
            ),
            (
                422,
                r#"{"message":"Validation Failed","errors":["one","two",{"code":"custom","message":"three"},{"code":"x"},4]}"#,
                Refused,
                "Validation Failed; one; two; three".to_owned(),
            ),
            (
                410,
                r#"{"message":"Issues are disabled for this repo"}"#,
                NotFound,
                "Issues are disabled for this repo".to_owned(),
            ),
            (307, r#"{"message":"Temporary Redirect"}"#, NotFound, "it has moved: was it renamed".to_owned()),
            (502, "<html>Unicorn</html>", ServerError { status: 502 }, String::new()),
        ] {
            let error = refused(status, &[], body);
            assert_eq!((error.kind, error.detail), (kind, detail), "{status} {body}");
        }
        let named =
            refused(404, &[("x-accepted-github-permissions", "pull_requests=read")], r#"{"message":"Not Found"}"#);
        assert!(named.detail.ends_with("the permission \"pull requests: read\""), "{}", named.detail);
    }

    #[test]
    fn what_stands_beside_data_is_an_error() {
        let outcome = |body: &str| {
            let answered: Answered = serde_json::from_str(body).unwrap();
            answered.outcome::<Value>(&api(), &HeaderMap::new(), "contents: write").map_err(|error| error.kind)
        };
        let error = |kind: &str| format!(r#"{{"data":{{"x":null}},"errors":[{{"type":"{kind}","message":"m"}}]}}"#);
        for (body, kind) in [
            (error("UNPROCESSABLE"), Refused),
            (error("NOT_FOUND"), NotFound),
            (error("FORBIDDEN"), Forbidden),
            (error("STALE_DATA"), Moved),
            (error("RATE_LIMITED"), RateLimited { retry_after: Some(UNNAMED_WAIT) }),
            (
                r#"{"errors":[{"message":"Something went wrong while executing your query."}]}"#.to_owned(),
                ServerError { status: 500 },
            ),
            (r#"{"errors":[{"message":"Parse error"}]}"#.to_owned(), Refused),
        ] {
            assert_eq!(outcome(&body), Err(kind), "{body}");
        }
        assert_eq!(outcome(r#"{"data":{"x":1}}"#), Ok(serde_json::json!({"x": 1})));
    }
}
