//! Who is told what the service does: `notifications` in the settings.
//!
//! ```yaml
//! notifications:
//!   failures: {runs: 3, for: 30m}
//!   remindAfter: 24h
//!   receivers:
//!     - name: team-web
//!       kind: slack
//!       urlFile: /run/secrets/slack-url
//!       events: [update, pullRequest, hold]
//!       images: ["ghcr.io/acme/*"]
//! ```
//!
//! A webhook's URL is a secret, because whoever knows it may write: it is named by file or variable and never stands here.

use super::declare::{record, words};
use super::globs::NameGlob;
use super::places::{FilePath, VariableName};
use super::problems::Problems;
use super::settings::SecretSource;
use super::shape::{Field, Refusal, Spanned, shown};
use super::tree::Scalar;
use super::values::FromScalar;
use super::wording;
use crate::image::Repository;
use crate::policy::ImagePattern;
use crate::template::Template;
use crate::text::Span;
use globset::GlobMatcher;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

/// The most receivers.
pub const MAX_RECIPIENTS: usize = 50;
/// The bounds of `failures.runs`, of all times (in seconds) and of `perMinute`.
const RUNS: std::ops::RangeInclusive<u32> = 1..=1_000;
const TIMES: std::ops::RangeInclusive<u64> = 60..=30 * 86_400;
const PER_MINUTE: std::ops::RangeInclusive<u32> = 1..=600;
/// The longest name of a receiver, in bytes. It stands in metrics and logs.
const MAX_NAME: usize = 60;

/// What is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NewsKind {
    /// Changes were committed.
    Update,
    /// A pull request was opened, renewed, closed, merged or refused.
    PullRequest,
    /// A reference is held, and only a person can lift that.
    Hold,
    /// Something fails, and not for the first time.
    Failure,
    /// What was told as failing, refused or rejected is right again.
    Recovery,
    /// New settings are refused.
    Settings,
    /// Policy files are rejected.
    Policies,
}

impl NewsKind {
    pub const ALL: [NewsKind; 7] = [
        NewsKind::Update,
        NewsKind::PullRequest,
        NewsKind::Hold,
        NewsKind::Failure,
        NewsKind::Recovery,
        NewsKind::Settings,
        NewsKind::Policies,
    ];

    /// The word of the settings, of messages and of the documentation.
    pub fn word(self) -> &'static str {
        match self {
            NewsKind::Update => "update",
            NewsKind::PullRequest => "pullRequest",
            NewsKind::Hold => "hold",
            NewsKind::Failure => "failure",
            NewsKind::Recovery => "recovery",
            NewsKind::Settings => "settings",
            NewsKind::Policies => "policies",
        }
    }

    /// The kind that a word names.
    pub fn of(word: &str) -> Option<NewsKind> {
        NewsKind::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// What a receiver understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecipientKind {
    Slack,
    Teams,
    Discord,
    Webhook,
    CloudEvents,
}

words! {
    NewsKind {
        "update" => NewsKind::Update,
        "pullRequest" => NewsKind::PullRequest,
        "hold" => NewsKind::Hold,
        "failure" => NewsKind::Failure,
        "recovery" => NewsKind::Recovery,
        "settings" => NewsKind::Settings,
        "policies" => NewsKind::Policies,
    }
}

words! {
    RecipientKind {
        "slack" => RecipientKind::Slack,
        "teams" => RecipientKind::Teams,
        "discord" => RecipientKind::Discord,
        "webhook" => RecipientKind::Webhook,
        "cloudEvents" => RecipientKind::CloudEvents,
    }
}

/// Who is told, and when.
#[derive(Debug, Clone)]
pub struct NotificationSettings {
    pub receivers: Vec<RecipientSettings>,
    /// What fails is told of after so many runs, or
    pub failure_runs: u32,
    /// after so long, whichever comes first.
    pub failure_time: Duration,
    /// What was told and still holds is told again after so long; `None` is never.
    pub remind_after: Option<Duration>,
}

impl Default for NotificationSettings {
    fn default() -> NotificationSettings {
        NotificationSettings {
            receivers: Vec::new(),
            failure_runs: 3,
            failure_time: Duration::from_secs(1_800),
            remind_after: None,
        }
    }
}

impl NotificationSettings {
    /// Every file that is named.
    pub(super) fn files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.receivers.iter_mut().flat_map(|one| {
            let secrets = [Some(&mut one.url), one.secret.as_mut()].into_iter().flatten();
            let named = secrets.filter_map(|source| match source {
                SecretSource::File(file) => Some(file),
                SecretSource::Env(_) => None,
            });
            named.chain(&mut one.ca_file)
        })
    }
}

/// One place that messages go to.
#[derive(Debug, Clone)]
pub struct RecipientSettings {
    pub name: String,
    pub kind: RecipientKind,
    pub url: SecretSource,
    /// What its messages are signed with.
    pub secret: Option<SecretSource>,
    /// PEM certificates that are trusted in addition to the system's.
    pub ca_file: Option<PathBuf>,
    pub events: BTreeSet<NewsKind>,
    /// Empty lists admit everything.
    pub repositories: Vec<GlobMatcher>,
    pub policies: Vec<GlobMatcher>,
    pub images: Vec<ImagePattern>,
    /// Filled with [`MessageValues`]; `None` is our own words.
    pub template: Option<Template>,
    /// Messages a minute at most.
    pub per_minute: u32,
}

impl RecipientSettings {
    /// Whether it wants to know. What is of no single policy or image passes those filters.
    pub fn wants(&self, kind: NewsKind, repository: &str, policy: Option<&str>, image: Option<&str>) -> bool {
        let named =
            |globs: &[GlobMatcher], name: &str| globs.is_empty() || globs.iter().any(|glob| glob.is_match(name));
        let pictured = |image: &str| {
            let parsed = Repository::parse(image).ok();
            let matches = |pattern: &ImagePattern| parsed.as_ref().is_some_and(|parsed| pattern.matches(parsed));
            self.images.is_empty() || self.images.iter().any(matches)
        };
        let place = repository.is_empty() || named(&self.repositories, repository);
        self.events.contains(&kind)
            && place
            && policy.is_none_or(|policy| named(&self.policies, policy))
            && image.is_none_or(pictured)
    }
}

/// What a template may name.
#[derive(Debug, Clone, Serialize)]
pub struct MessageValues {
    /// One line that says what happened.
    pub title: String,
    pub repository: String,
    /// Empty for the default branch.
    pub branch: String,
    /// The `run` of the log; empty for what is of no run.
    pub run: String,
    /// As RFC 3339 writes it.
    pub time: String,
    /// How many news there are, and how many of them `news` leaves out.
    pub count: usize,
    pub more: usize,
    pub news: Vec<NewsValues>,
}

/// One of [`MessageValues::news`]. What is not known is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewsValues {
    pub kind: NewsKind,
    /// One line that says all of it.
    pub text: String,
    pub image: String,
    pub policy: String,
    pub file: String,
    pub line: usize,
    pub from: String,
    pub to: String,
    /// Of holds, one of the words of `docs/output.md`.
    pub reason: String,
    pub detail: String,
    pub url: String,
}

impl MessageValues {
    /// Values to try templates with.
    pub fn sample() -> MessageValues {
        let news = NewsValues {
            kind: NewsKind::Update,
            text: "ghcr.io/acme/web 1.4.2 -> 1.5.0".to_owned(),
            image: "ghcr.io/acme/web".to_owned(),
            policy: "web".to_owned(),
            file: "apps/web.yaml".to_owned(),
            line: 12,
            from: "1.4.2".to_owned(),
            to: "1.5.0".to_owned(),
            reason: String::new(),
            detail: String::new(),
            url: String::new(),
        };
        MessageValues {
            title: "1 change committed".to_owned(),
            repository: "https://git.example.com/acme/config.git".to_owned(),
            branch: "main".to_owned(),
            run: "691f0a2c-7".to_owned(),
            time: "2026-11-20T10:05:00Z".to_owned(),
            count: 1,
            more: 0,
            news: vec![news],
        }
    }
}

const NAMES: [&str; 8] = ["title", "repository", "branch", "run", "time", "count", "more", "news"];

record! {
    /// Who is told what the service does, and what it cannot do.
    pub(super) struct NotificationsShape {
        /// When something that fails is told of. What goes wrong once is not.
        "failures" => failures: FailuresShape,
        /// What was told and still holds is told again after so long: `24h`, `7d`. Without it: never.
        "remindAfter" => remind_after: LongTime,
        /// Where messages go, each with its own filters.
        "receivers" required => receivers: Vec<Spanned<ReceiverShape>>,
    }
}

record! {
    /// When something that fails is told of: by the number of runs or by the time, whichever comes first.
    pub(super) struct FailuresShape {
        /// After so many runs, 1 to 1000; 3 if nothing is said.
        "runs" => runs: RunCount,
        /// After so long, `1m` to `30d`; 30m if nothing is said.
        "for" => time: LongTime,
    }
}

record! {
    /// One place that messages go to.
    pub(super) struct ReceiverShape {
        /// What metrics and logs call it: lowercase letters, digits and dashes. What was told already is known by it.
        "name" required => name: ReceiverName,
        /// What it understands.
        "kind" required => kind: RecipientKind,
        /// The file that holds its URL, which is a secret.
        "urlFile" => url_file: FilePath,
        /// The environment variable that holds its URL, which is a secret.
        "urlEnv" => url_env: VariableName,
        /// The file that holds the secret that messages are signed with: `whsec_` and base64, of `webhook` and `cloudEvents`.
        "secretFile" => secret_file: FilePath,
        /// The environment variable that holds that secret.
        "secretEnv" => secret_env: VariableName,
        /// PEM certificates that are trusted in addition to the system's.
        "caFile" => ca_file: FilePath,
        /// What it wants to know. Without it: everything.
        "events" => events: Vec<Spanned<NewsKind>>,
        /// Globs of the config repositories, as the settings name them. Without it: all.
        "repositories" => repositories: Vec<Spanned<NameGlob>>,
        /// Globs of the policies. Without it: all.
        "policies" => policies: Vec<Spanned<NameGlob>>,
        /// Images, exact or as globs. Without it: all.
        "images" => images: Vec<Spanned<ImagePattern>>,
        /// What messages say, a template such as `{{ title }} in {{ repository }}`. Without it: our own words.
        "template" => template: MessageText,
        /// How many messages a minute at most, 1 to 600; 20 if nothing is said. What is more waits and is put together.
        "perMinute" => per_minute: PerMinute,
    }
    refused {
        "url" => Refusal::Secret("write `urlFile: PATH` or `urlEnv: NAME`: whoever knows the URL may write there"),
        "secret" => Refusal::Secret("write `secretFile: PATH` or `secretEnv: NAME`"),
        "type" => Refusal::Never("is called `kind` here", "write `kind: slack`"),
        "channel" => Refusal::Never("is part of the webhook", "make a webhook for each channel"),
    }
}

/// The name of a receiver.
#[derive(Debug, Clone)]
pub(super) struct ReceiverName(String);

impl FromScalar for ReceiverName {
    const WANTED: &'static str = "a name";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<ReceiverName> {
        let text = scalar.text.as_str();
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if text.is_empty() || text.len() > MAX_NAME || !text.bytes().all(good) {
            let message = format!("`{}` is no name of a receiver", shown(text));
            problems.error(scalar.span, message, "lowercase letters, digits and `-`, at most 60");
            return None;
        }
        Some(ReceiverName(text.to_owned()))
    }

    fn scalar_schema() -> Json {
        json!({ "type": "string", "pattern": "^[a-z0-9-]{1,60}$" })
    }
}

/// A template of a message.
#[derive(Debug, Clone)]
pub(super) struct MessageText(Template);

impl FromScalar for MessageText {
    const WANTED: &'static str = "a text";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<MessageText> {
        wording::template(scalar, &MessageValues::sample(), &NAMES, problems).map(MessageText)
    }
}

/// A time that may be days.
#[derive(Debug, Clone, Copy)]
pub(super) struct LongTime(Duration);

impl FromScalar for LongTime {
    const WANTED: &'static str = "a time";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<LongTime> {
        let text = scalar.text.as_str();
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let unit = match &text[digits..] {
            "s" => Some(1),
            "m" => Some(60),
            "h" => Some(3_600),
            "d" => Some(86_400),
            _ => None,
        };
        let seconds = unit.and_then(|unit: u64| text[..digits].parse::<u64>().ok()?.checked_mul(unit));
        let time = seconds.filter(|seconds| TIMES.contains(seconds));
        if time.is_none() {
            problems.error(
                scalar.span,
                format!("`{}` is no time from 1m to 30d", shown(text)),
                "such as `30m` or `7d`",
            );
        }
        time.map(|seconds| LongTime(Duration::from_secs(seconds)))
    }

    fn scalar_schema() -> Json {
        json!({ "type": "string", "pattern": "^[0-9]+[smhd]$" })
    }
}

/// A whole number within bounds.
fn number(scalar: &Scalar, bounds: &std::ops::RangeInclusive<u32>, problems: &mut Problems) -> Option<u32> {
    let found = scalar.text.parse().ok().filter(|found| bounds.contains(found));
    if found.is_none() {
        let (low, high) = (bounds.start(), bounds.end());
        let message = format!("expected a number from {low} to {high}, found `{}`", shown(&scalar.text));
        problems.error(scalar.span, message, "");
    }
    found
}

#[derive(Debug, Clone, Copy)]
pub(super) struct RunCount(u32);

impl FromScalar for RunCount {
    const WANTED: &'static str = "a number";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<RunCount> {
        number(scalar, &RUNS, problems).map(RunCount)
    }

    fn scalar_schema() -> Json {
        json!({ "type": "integer", "minimum": RUNS.start(), "maximum": RUNS.end() })
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct PerMinute(u32);

impl FromScalar for PerMinute {
    const WANTED: &'static str = "a number";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<PerMinute> {
        number(scalar, &PER_MINUTE, problems).map(PerMinute)
    }

    fn scalar_schema() -> Json {
        json!({ "type": "integer", "minimum": PER_MINUTE.start(), "maximum": PER_MINUTE.end() })
    }
}

/// What the file says of notifications; what is wrong goes to `problems`.
pub(super) fn notifications(field: Field<NotificationsShape>, problems: &mut Problems) -> NotificationSettings {
    let Some(shape) = field.value() else {
        return NotificationSettings::default();
    };
    let usual = NotificationSettings::default();
    let failures = shape.failures.value().unwrap_or_default();
    let mut settings = NotificationSettings {
        receivers: Vec::new(),
        failure_runs: failures.runs.value().map_or(usual.failure_runs, |count| count.0),
        failure_time: failures.time.value().map_or(usual.failure_time, |time| time.0),
        remind_after: shape.remind_after.value().map(|time| time.0),
    };
    let Some(receivers) = shape.receivers.given() else {
        return settings;
    };
    if receivers.value.len() > MAX_RECIPIENTS {
        problems.error(receivers.span, format!("more than {MAX_RECIPIENTS} receivers"), "");
        return settings;
    }
    for shape in receivers.value {
        let span = shape.span;
        let Some(one) = receiver(shape, problems) else { continue };
        if settings.receivers.iter().any(|other| other.name == one.name) {
            problems.error(span, format!("`{}` is described twice", one.name), "");
        }
        settings.receivers.push(one);
    }
    settings
}

fn receiver(shape: Spanned<ReceiverShape>, problems: &mut Problems) -> Option<RecipientSettings> {
    let Spanned { value: shape, span, sound } = shape;
    let place = shape.secret_file.as_given().map(|one| one.span).or(shape.secret_env.as_given().map(|one| one.span));
    let placeless = shape.url_file.is_absent() && shape.url_env.is_absent();
    let url = source(shape.url_file, shape.url_env, problems);
    let secret = source(shape.secret_file, shape.secret_env, problems);
    if placeless && sound {
        problems.error(span, "a receiver without a place", "add `urlFile` or `urlEnv`");
    }
    let kind = shape.kind.value()?;
    if let Some(place) = place.filter(|_| !matches!(kind, RecipientKind::Webhook | RecipientKind::CloudEvents)) {
        problems.error(place, "messages of this kind are not signed", "only `webhook` and `cloudEvents` are");
    }
    let events = match shape.events.given() {
        Some(events) if events.value.is_empty() => {
            problems.error(events.span, "a receiver that wants to know nothing", "leave `events` out for everything");
            return None;
        }
        Some(events) => events.value.into_iter().map(|event| event.value).collect(),
        None => NewsKind::ALL.into(),
    };
    let globs = |field: Field<Vec<Spanned<NameGlob>>>| -> Vec<GlobMatcher> {
        field.value().unwrap_or_default().into_iter().map(|glob| glob.value.0).collect()
    };
    Some(RecipientSettings {
        name: shape.name.value()?.0,
        kind,
        url: url?,
        secret,
        ca_file: shape.ca_file.value().map(|path| path.0),
        events,
        repositories: globs(shape.repositories),
        policies: globs(shape.policies),
        images: shape.images.value().unwrap_or_default().into_iter().map(|image| image.value).collect(),
        template: shape.template.value().map(|text| text.0),
        per_minute: shape.per_minute.value().map_or(20, |count| count.0),
    })
}

/// A secret that is named in one way.
fn source(file: Field<FilePath>, env: Field<VariableName>, problems: &mut Problems) -> Option<SecretSource> {
    match (file.given(), env.given()) {
        (Some(file), Some(_)) => {
            let span: Span = file.span;
            problems.error(span, "a secret in two places", "keep the file or the variable");
            None
        }
        (Some(file), None) => Some(SecretSource::File(file.value.0)),
        (None, Some(env)) => Some(SecretSource::Env(env.value.0)),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests;
