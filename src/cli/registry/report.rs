//! What `registry check` found out, for a terminal and for programs.

use super::advice::advice;
use crate::cli::diagnose::Failure;
use crate::cli::keys::Place;
use crate::port::{RegistryError, RegistryErrorKind};
use crate::registry::check::{Checked, Found, Greeting, Listed, LoggedIn, LoginKind, Subject};
use crate::render::table::{Cell, table};
use crate::render::{Paint, Tone, count, plain};
use serde::Serialize;
use std::collections::BTreeMap;

/// Everything that is told.
pub(super) struct Report<'a> {
    pub(super) subject: &'a Subject,
    pub(super) checked: &'a Checked,
    pub(super) places: &'a [Place],
    pub(super) requests: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Ok,
    Failed,
    Skipped,
}

/// One step, as it is told.
#[derive(Debug, Serialize)]
struct Step {
    step: &'static str,
    outcome: Outcome,
    /// A word of a closed list.
    reason: Option<&'static str>,
    detail: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    version: u32,
    host: &'a str,
    repository: Option<&'a str>,
    address: &'a str,
    works: bool,
    steps: Vec<Step>,
    /// Never the secret.
    login: Option<Login<'a>>,
    outranked: &'a [String],
    places: Vec<PlaceDocument<'a>>,
    advice: Vec<String>,
    requests: &'a BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
struct Login<'a> {
    source: &'a str,
    kind: &'static str,
    user: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct PlaceDocument<'a> {
    name: &'a str,
    state: &'a str,
}

impl Report<'_> {
    pub(super) fn json(&self) -> Result<String, Failure> {
        let repository = match self.subject {
            Subject::Host(_) => None,
            Subject::Repository(repository) => Some(repository.as_str()),
        };
        let document = Document {
            version: 1,
            host: self.subject.host(),
            repository,
            address: &self.checked.address,
            works: super::works(self.checked),
            steps: self.steps(),
            login: login(&self.checked.credentials),
            outranked: &self.checked.outranked,
            places: self.places.iter().map(|place| PlaceDocument { name: &place.name, state: place.state }).collect(),
            advice: advice(self.subject, self.checked),
            requests: &self.requests,
        };
        let text = serde_json::to_string_pretty(&document).map_err(|error| Failure::failed(error.to_string()))?;
        Ok(text + "\n")
    }

    pub(super) fn text(&self, paint: Paint) -> String {
        let name = match self.subject {
            Subject::Host(host) => host.as_str(),
            Subject::Repository(repository) => repository.as_str(),
        };
        let mut text = format!("{} at {}\n\n", paint.on(Tone::Strong, name), plain(&self.checked.address));
        let rows: Vec<Vec<Cell>> = self.steps().into_iter().map(row).collect();
        text.push_str(&table(paint, 2, &["", "", ""], &rows));
        self.tell_places(paint, &mut text);
        let tips = advice(self.subject, self.checked);
        if !tips.is_empty() {
            text.push_str(&format!("\n{}\n", paint.on(Tone::Strong, "What to try:")));
            text.extend(tips.iter().map(|tip| format!("  - {}\n", plain(tip))));
        }
        text
    }

    /// Where a login was looked for is worth telling where none was found, or where another may have been meant.
    fn tell_places(&self, paint: Paint, text: &mut String) {
        if !self.checked.outranked.is_empty() {
            let others = self.checked.outranked.join(", ");
            text.push_str(&format!("\nNot used, because the one above comes first: {}\n", plain(&others)));
        }
        let found = matches!(self.checked.credentials, Found::Login { .. });
        if found || super::works(self.checked) || self.checked.reach.is_err() {
            return;
        }
        text.push_str("\nA login was looked for in:\n");
        let rows: Vec<Vec<Cell>> = self
            .places
            .iter()
            .map(|place| vec![(place.name.clone(), None), (place.state.to_owned(), Some(Tone::Quiet))])
            .collect();
        text.push_str(&table(paint, 2, &["", ""], &rows));
    }

    fn steps(&self) -> Vec<Step> {
        let checked = self.checked;
        let whole = matches!(self.subject, Subject::Repository(_));
        let before = "a step before it failed";
        let no_repository = "name a repository to list it: landwaiter registry check HOST/REPO";
        vec![
            credentials(&checked.credentials),
            step("reach", Some(&checked.reach), before, |greeting| match greeting {
                Greeting::Open => "it answers and asks for nothing".to_owned(),
                Greeting::Password => "it answers and asks for a user and a password".to_owned(),
                Greeting::Token { service } => format!("it answers and asks for a token of {service}"),
            }),
            step("login", checked.login.as_ref(), before, |logged_in| {
                let told = match logged_in {
                    LoggedIn::NotAsked => "not asked for",
                    LoggedIn::Anonymous => "none: asked as a stranger",
                    LoggedIn::Taken => "the registry takes it",
                    LoggedIn::Unproven => "sent with the list",
                    LoggedIn::Token { anonymous: true } => "the token service gives strangers a token",
                    LoggedIn::Token { anonymous: false } => "the token service takes it and gave a token",
                };
                told.to_owned()
            }),
            step("list", checked.list.as_ref(), if whole { before } else { no_repository }, |listed: &Listed| {
                let more = if listed.more { ", and more pages follow" } else { "" };
                format!("{}{more}", count(listed.tags, "tag"))
            }),
        ]
    }
}

fn step<T>(
    name: &'static str,
    result: Option<&Result<T, RegistryError>>,
    skipped: &str,
    told: impl FnOnce(&T) -> String,
) -> Step {
    match result {
        None => Step { step: name, outcome: Outcome::Skipped, reason: None, detail: skipped.to_owned() },
        Some(Ok(value)) => Step { step: name, outcome: Outcome::Ok, reason: None, detail: told(value) },
        Some(Err(error)) => {
            Step { step: name, outcome: Outcome::Failed, reason: Some(word(&error.kind)), detail: error.to_string() }
        }
    }
}

fn credentials(found: &Found) -> Step {
    let (outcome, reason, detail) = match found {
        Found::None => (Outcome::Skipped, None, "no login is configured".to_owned()),
        Found::Nothing { source } => (Outcome::Skipped, None, format!("{source} knows no login")),
        Found::Failed { source, why } => (Outcome::Failed, Some("no-login"), format!("{source}: {why}")),
        Found::Login { source, kind } => {
            let what = match kind {
                LoginKind::Password { user } => format!("{user} with a password"),
                LoginKind::Token => "a token".to_owned(),
                LoginKind::IdentityToken => "an identity token".to_owned(),
            };
            (Outcome::Ok, None, format!("{what}, from {source}"))
        }
    };
    Step { step: "credentials", outcome, reason, detail }
}

fn login(found: &Found) -> Option<Login<'_>> {
    let Found::Login { source, kind } = found else {
        return None;
    };
    let (kind, user) = match kind {
        LoginKind::Password { user } => ("password", Some(user.as_str())),
        LoginKind::Token => ("token", None),
        LoginKind::IdentityToken => ("identityToken", None),
    };
    Some(Login { source, kind, user })
}

fn row(step: Step) -> Vec<Cell> {
    let (word, tone) = match step.outcome {
        Outcome::Ok => ("ok", Tone::Good),
        Outcome::Failed => ("failed", Tone::Bad),
        Outcome::Skipped => ("-", Tone::Quiet),
    };
    vec![(step.step.to_owned(), None), (word.to_owned(), Some(tone)), (step.detail, None)]
}

/// The kind of an error as a word; `docs/output.md` lists them.
fn word(kind: &RegistryErrorKind) -> &'static str {
    use RegistryErrorKind::*;
    match kind {
        Unauthorized => "unauthorized",
        Forbidden => "forbidden",
        NotFound => "not-found",
        RateLimited { .. } => "rate-limited",
        ServerError { .. } => "server-error",
        Malformed => "malformed",
        TooLarge => "too-large",
        BadPaging => "bad-paging",
        Unreachable => "unreachable",
        TimedOut => "timed-out",
    }
}
