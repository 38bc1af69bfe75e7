//! One call: who we are, the pause between two changes, and what is done when a token was refused or GitHub wants to be left
//! alone.

use super::GitHub;
use super::refusal::{Answered, refusal};
use crate::forge::api::Api;
use crate::http::{Answer, Body, Method, Request};
use crate::port::{ForgeError, ForgeErrorKind, Secret};
use reqwest::StatusCode;
use reqwest::header::HeaderValue;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/vnd.github+json");

/// What is asked of GitHub.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) path: Vec<&'a str>,
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) body: Option<Value>,
    /// The permission that is lacking, most likely, when it is refused.
    pub(super) needs: &'static str,
}

impl Call<'_> {
    pub(super) fn with(self, body: Value) -> Self {
        Call { body: Some(body), ..self }
    }
}

/// An answer of success, and the credentials that it may echo.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) answer: Answer,
    api: Api,
}

impl Done {
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, ForgeError> {
        self.api.read(&self.answer)
    }
}

/// How GitHub wants to be asked.
#[derive(Debug)]
pub(super) struct Manners {
    pause: Duration,
    /// When the last change was answered. Whoever holds it is changing something: GitHub asks for one change at a time.
    changed: tokio::sync::Mutex<Option<Instant>>,
    /// Until when nothing is sent.
    silent: Mutex<Option<Instant>>,
}

impl Manners {
    pub(super) fn new(pause: Duration) -> Manners {
        Manners { pause, changed: tokio::sync::Mutex::default(), silent: Mutex::default() }
    }

    fn silence_left(&self) -> Option<Duration> {
        let until = (*self.silent.lock().unwrap_or_else(PoisonError::into_inner))?;
        until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    fn keep_silent(&self, wait: Duration) {
        let until = Instant::now() + wait.min(crate::http::LONGEST_SILENCE);
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        *silent = Some(silent.map_or(until, |other| other.max(until)));
    }
}

impl GitHub {
    /// What the call answers, read.
    pub(super) async fn read<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, ForgeError> {
        self.done(call).await?.read()
    }

    /// An answer of success.
    pub(super) async fn done(&self, call: Call<'_>) -> Result<Done, ForgeError> {
        let url = self.api.url(&call.path, call.query)?;
        self.exchange(call.method, url, call.body, call.needs, call.method != Method::Get).await
    }

    /// The `data` of a GraphQL document, or what stands beside it. Its errors come with the status of success.
    pub(super) async fn graphql<T: DeserializeOwned>(
        &self,
        document: &str,
        variables: Value,
        needs: &'static str,
    ) -> Result<T, ForgeError> {
        let body = json!({ "query": document, "variables": variables });
        let done = self.exchange(Method::Post, self.graphql.clone(), Some(body), needs, true).await?;
        let answered: Answered = done.read()?;
        self.heed(answered.outcome(&done.api, &done.answer.headers, needs))
    }

    /// Sends it when it is its turn: changes go one at a time.
    async fn exchange(
        &self,
        method: Method,
        url: Url,
        body: Option<Value>,
        needs: &'static str,
        changes: bool,
    ) -> Result<Done, ForgeError> {
        if let Some(left) = self.manners.silence_left() {
            let kind = ForgeErrorKind::RateLimited { retry_after: Some(left) };
            return Err(self.api.error(kind, "it was not asked: it wants to be left alone"));
        }
        let mut turn = None;
        if changes {
            let changed = self.manners.changed.lock().await;
            if let Some(last) = *changed {
                tokio::time::sleep_until(last + self.manners.pause).await;
            }
            turn = Some(changed);
        }
        let outcome = self.with_a_token(&request(method, url, body.as_ref()), needs).await;
        if let Some(mut changed) = turn {
            *changed = Some(Instant::now());
        }
        self.heed(outcome)
    }

    /// Sends it, and again with a new token where an App's was refused: nothing was done then.
    async fn with_a_token(&self, request: &Request, needs: &'static str) -> Result<Done, ForgeError> {
        let mut renewed = false;
        loop {
            let token = self.who.token(&self.api, &self.owner, &self.repository).await?;
            let api = self.api.with_authorization(token.as_ref().map(bearer));
            let answer = api.send(request.clone()).await?;
            let stale = token.filter(|_| answer.status == StatusCode::UNAUTHORIZED && !renewed);
            match stale {
                Some(token) if self.who.forget(&token).await => renewed = true,
                _ if answer.status.is_success() => return Ok(Done { answer, api }),
                _ => return Err(refusal(&api, &answer, needs)),
            }
        }
    }

    /// The token that is good now; `None` where we are nobody.
    pub(super) async fn token(&self) -> Result<Option<Secret>, ForgeError> {
        self.heed(self.who.token(&self.api, &self.owner, &self.repository).await)
    }

    /// Leaves GitHub alone where it asks for that.
    fn heed<T>(&self, outcome: Result<T, ForgeError>) -> Result<T, ForgeError> {
        if let Err(ForgeError { kind: ForgeErrorKind::RateLimited { retry_after: Some(wait) }, .. }) = &outcome {
            self.manners.keep_silent(*wait);
        }
        outcome
    }
}

pub(super) fn bearer(token: &Secret) -> Secret {
    Secret::new(format!("Bearer {}", token.expose()))
}

/// What may be done twice without harm is repeated where no answer came: reading, and setting what is set already.
pub(super) fn request(method: Method, url: Url, body: Option<&Value>) -> Request {
    let body = body.map(|body| Body { media_type: "application/json", content: Secret::new(body.to_string()) });
    let once = matches!(method, Method::Post | Method::Put);
    Request { method, body, once, accept: Some(MEDIA_TYPE), ..Request::get(url) }
}
