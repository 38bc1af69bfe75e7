//! Answers that no API should give: every adapter must name the fault, and repeat no secret.

use crate::adapters::{place, with_each};
use crate::dialect::Dialect;
use crate::hub::{Hub, TOKEN};
use crate::wire::{json, respond, router, with};
use axum::Router;
use landwaiter::port::ForgeErrorKind;
use reqwest::header::RETRY_AFTER;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// What is said of a forge that answers everything so.
fn faced_with(forge: fn(Arc<Hub>) -> Router, expected: ForgeErrorKind, words: &str) {
    with_each(|dialect| async move {
        let place = place(&Dialect { router: forge, ..*dialect }).await;
        let error = place.forge.open("landwaiter").await.unwrap_err();
        assert_eq!(error.kind, expected, "{dialect:?} {error:?}");
        assert!(error.detail.contains(words), "{dialect:?} {error:?}");
        assert!(!format!("{error} {error:?}").contains(TOKEN), "{dialect:?} {error:?}");
    });
}

#[test]
fn a_page_for_people_is_no_answer() {
    let page = |_| router((), |_, _| respond(200, "text/html", "<html><body>Please sign in</body></html>"));
    faced_with(page, ForgeErrorKind::Malformed, "");
}

#[test]
fn an_answer_that_ends_early_is_no_answer() {
    let cut = |_| router((), |_, _| respond(200, "application/json", "[{\"id\": 1, \"val"));
    faced_with(cut, ForgeErrorKind::Malformed, "");
    let empty = |_| router((), |_, _| respond(200, "application/json", ""));
    faced_with(empty, ForgeErrorKind::Malformed, "");
}

#[test]
fn an_answer_without_end_is_not_read_to_its_end() {
    let long = |_| router((), |_, _| respond(200, "application/json", vec![b' '; (16 << 20) + 1]));
    faced_with(long, ForgeErrorKind::TooLarge, "16777216 bytes");
}

#[test]
fn a_forge_that_wants_rest_says_for_how_long() {
    let tired = |_| router((), |_, _| with(respond(429, "text/plain", "Retry later\n"), RETRY_AFTER, "3600"));
    faced_with(tired, ForgeErrorKind::RateLimited { retry_after: Some(Duration::from_secs(3600)) }, "");
}

#[test]
fn a_forge_that_is_down_or_closed_is_told_apart() {
    faced_with(
        |_| router((), |_, _| respond(502, "text/html", "<html>")),
        ForgeErrorKind::ServerError { status: 502 },
        "",
    );
    faced_with(|_| router((), |_, _| json(403, &json!({"message": "no"}))), ForgeErrorKind::Forbidden, "no");
    faced_with(|_| router((), |_, _| json(404, &json!({"message": "gone"}))), ForgeErrorKind::NotFound, "gone");
}

#[test]
fn a_forge_that_echoes_the_token_brings_it_into_no_error() {
    let echo = |_| {
        router((), |_, asked| {
            let sent: Vec<_> = asked.headers.values().filter_map(|value| value.to_str().ok()).collect();
            json(403, &json!({"message": format!("{TOKEN} {}", sent.join(" "))}))
        })
    };
    faced_with(echo, ForgeErrorKind::Forbidden, "•••");
}
