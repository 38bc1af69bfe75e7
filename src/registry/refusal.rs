//! An answer that is a refusal: its status becomes the reason, and its words, where they have the specified form, the
//! detail. Nothing else of a foreign body is ever repeated.

use crate::http::{Answer, clean, retry_after};
use crate::port::{RegistryError, RegistryErrorKind};
use serde::Deserialize;

pub(crate) fn error(host: &str, kind: RegistryErrorKind, detail: String) -> RegistryError {
    RegistryError { host: host.to_owned(), kind, detail }
}

/// Any status but 200 is the reason why there is no answer.
pub(crate) fn check_status(host: &str, answer: &Answer) -> Result<(), RegistryError> {
    use RegistryErrorKind::*;
    let kind = match answer.status.as_u16() {
        200 => return Ok(()),
        401 => Unauthorized,
        403 => Forbidden,
        404 => NotFound,
        429 => RateLimited { retry_after: retry_after(&answer.headers) },
        status @ 500..=599 => ServerError { status },
        _ => Malformed,
    };
    let mut detail = said(&answer.body);
    if kind == Malformed {
        let status = format!("status {}", answer.status.as_u16());
        detail = if detail.is_empty() { status } else { format!("{status}: {detail}") };
    }
    Err(error(host, kind, detail))
}

/// What a refusal says in the specified form, `{"errors": [{"code", "message"}]}`; nothing else is repeated.
pub(crate) fn said(body: &[u8]) -> String {
    let Ok(body) = serde_json::from_slice::<ErrorBody>(body) else {
        return String::new();
    };
    let Some(first) = body.errors.into_iter().next() else {
        return String::new();
    };
    match (first.code, first.message) {
        (Some(code), Some(message)) if !message.is_empty() => clean(&format!("{code}: {message}")),
        (Some(text), _) | (None, Some(text)) => clean(&text),
        (None, None) => String::new(),
    }
}

#[derive(Deserialize)]
struct ErrorBody {
    errors: Vec<ErrorEntry>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    code: Option<String>,
    message: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use RegistryErrorKind::*;
    use reqwest::StatusCode;

    fn check(status: u16, headers: &[(&'static str, &str)], body: &str) -> Result<(), RegistryError> {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers.collect(),
            body: body.to_owned().into(),
            url: "https://example.com/v2/".parse().unwrap(),
        };
        check_status("example.com", &answer)
    }

    #[test]
    fn statuses_become_reasons() {
        for (status, kind) in [
            (401, Unauthorized),
            (403, Forbidden),
            (404, NotFound),
            (429, RateLimited { retry_after: None }),
            (500, ServerError { status: 500 }),
            (503, ServerError { status: 503 }),
            (204, Malformed),
            (302, Malformed),
            (400, Malformed),
            (418, Malformed),
        ] {
            assert_eq!(check(status, &[], "").unwrap_err().kind, kind, "{status}");
        }
        let error = check(429, &[("retry-after", "90")], "").unwrap_err();
        assert_eq!(error.to_string(), "example.com limits requests (429), asks to wait 90 s");
        let body = r#"{"errors":[{"code":"NAME_UNKNOWN","message":"not\nknown","detail":{"name":"x"}}]}"#;
        let error = check(404, &[], body).unwrap_err();
        assert_eq!(error.detail, "NAME_UNKNOWN: not known");
    }
}
