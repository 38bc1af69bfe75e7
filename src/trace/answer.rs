//! What a collector's answer means, by the OTLP specification: 2xx is taken, perhaps in part; 429, 502, 503, 504 and no answer may
//! pass; everything else will not.

use crate::http::{Error, ErrorKind, clean, retry_after};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value as Json;
use std::time::Duration;

/// What became of one attempt. Texts may hold what the collector said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All but `rejected` spans were taken, and what the collector has to say, if anything.
    Sent { rejected: usize, said: Option<String> },
    /// It may pass: why, and the pause that was asked for.
    Again(String, Option<Duration>),
    /// Sending this again cannot help.
    Refused(String),
}

/// What the answer to `count` spans means.
pub(super) fn judge(answer: Result<(StatusCode, &HeaderMap, &[u8]), &Error>, count: usize) -> Outcome {
    let (status, headers, body) = match answer {
        Ok(answer) => answer,
        Err(error) => return unanswered(error),
    };
    let said = |body: &[u8]| {
        let message = serde_json::from_slice::<Json>(body).ok()?["message"].as_str().map(clean);
        message.filter(|text| !text.is_empty())
    };
    let why = || {
        let said = said(body).map(|said| format!(": {said}")).unwrap_or_default();
        format!("the collector answered {}{said}", status.as_u16())
    };
    match status.as_u16() {
        200..=299 => taken(body, count),
        429 | 502 | 503 | 504 => Outcome::Again(why(), retry_after(headers)),
        _ => Outcome::Refused(why()),
    }
}

fn unanswered(error: &Error) -> Outcome {
    let host = &error.host;
    match error.kind {
        ErrorKind::Unreachable => Outcome::Again(format!("{host} cannot be reached: {}", error.detail), None),
        ErrorKind::TimedOut => Outcome::Again(format!("{host} did not answer in time"), None),
        ErrorKind::Paused => Outcome::Again(format!("{host} limits requests"), None),
        // Whether it took them cannot be known, and sending them twice would count them twice.
        ErrorKind::TooLarge => Outcome::Refused(format!("{host} answered with more than the limit")),
        ErrorKind::Redirect => Outcome::Refused(format!("{host} redirects, which is not followed")),
        ErrorKind::Misconfigured => Outcome::Refused(format!("{host} cannot be asked: {}", error.detail)),
    }
}

/// An `ExportTraceServiceResponse`. Whole numbers may be numbers or texts; what cannot be understood says nothing.
fn taken(body: &[u8], count: usize) -> Outcome {
    let answer = serde_json::from_slice::<Json>(body).unwrap_or_default();
    let partial = &answer["partialSuccess"];
    let rejected = match &partial["rejectedSpans"] {
        Json::String(text) => text.parse().unwrap_or(0),
        other => other.as_u64().unwrap_or(0),
    };
    let said = partial["errorMessage"].as_str().map(clean).filter(|text| !text.is_empty());
    Outcome::Sent { rejected: usize::try_from(rejected).unwrap_or(count).min(count), said }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, headers: &[(&'static str, &str)], body: &str) -> Outcome {
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        judge(Ok((StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes())), 5)
    }

    #[test]
    fn answers_mean_taken_again_or_never() {
        for status in [429, 502, 503, 504] {
            assert!(matches!(judged(status, &[], ""), Outcome::Again(_, None)), "{status}");
            let asked = Some(Duration::from_secs(7));
            assert!(matches!(judged(status, &[("retry-after", "7")], ""), Outcome::Again(_, found) if found == asked));
        }
        for status in [301, 400, 401, 403, 404, 408, 413, 500, 501] {
            assert!(matches!(judged(status, &[("retry-after", "7")], ""), Outcome::Refused(_)), "{status}");
        }
        let refused = Outcome::Refused("the collector answered 400: no such tenant".to_owned());
        assert_eq!(judged(400, &[], r#"{"code": 3, "message": "no such\ntenant"}"#), refused);
    }

    #[test]
    fn a_partial_success_says_how_much_and_why() {
        let sent = |rejected, said: Option<&str>| Outcome::Sent { rejected, said: said.map(str::to_owned) };
        for (body, outcome) in [
            ("", sent(0, None)),
            ("{}", sent(0, None)),
            ("not json", sent(0, None)),
            (r#"{"partialSuccess": {}}"#, sent(0, None)),
            (r#"{"partialSuccess": {"rejectedSpans": "2", "errorMessage": "too old"}}"#, sent(2, Some("too old"))),
            (r#"{"partialSuccess": {"rejectedSpans": 2}}"#, sent(2, None)),
            (r#"{"partialSuccess": {"rejectedSpans": "99"}}"#, sent(5, None)),
            (r#"{"partialSuccess": {"rejectedSpans": "-1"}}"#, sent(0, None)),
            (r#"{"partialSuccess": {"errorMessage": "use gRPC"}}"#, sent(0, Some("use gRPC"))),
        ] {
            assert_eq!(judged(200, &[], body), outcome, "{body}");
        }
    }

    #[test]
    fn what_had_no_answer_may_be_sent_again_unless_it_may_have_been_taken() {
        use ErrorKind::{Misconfigured, Paused, Redirect, TimedOut, TooLarge, Unreachable};
        for (kind, again) in [
            (Unreachable, true),
            (TimedOut, true),
            (Paused, true),
            (TooLarge, false),
            (Redirect, false),
            (Misconfigured, false),
        ] {
            let error = Error { host: "otlp.example.com".to_owned(), kind, detail: "x".to_owned() };
            assert_eq!(matches!(judge(Err(&error), 5), Outcome::Again(..)), again, "{kind:?}");
        }
    }
}
