//! One message to one receiver, and what its answer means.

use super::message::Message;
use super::webhook::{SigningSecret, signature};
use super::{cloud_events, discord, slack, teams, webhook};
use crate::config::settings::{RecipientKind, RecipientSettings};
use crate::http::{Body, Client, Error, ErrorKind, Request, authority, is_loopback, retry_after};
use crate::port::Secret;
use crate::template::Template;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// A message that could not be sent for so long, in seconds, is given up.
pub const GIVE_UP_AFTER: i64 = 24 * 3_600;
/// The longest pause between two attempts, whatever is asked for.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(600);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The most bytes of an answer that are read; none of them is shown.
const MAX_ANSWER: usize = 16 * 1024;

/// Where a secret is read, each time anew, so that it may be replaced while the service runs. The error is a fragment without it.
pub type ReadSecret = Arc<dyn Fn() -> Result<Secret, String> + Send + Sync>;

/// How one receiver is reached.
#[derive(Clone)]
pub struct Sender {
    pub(super) kind: RecipientKind,
    pub(super) template: Option<Template>,
    client: Client,
    url: ReadSecret,
    secret: Option<ReadSecret>,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What became of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Sent,
    /// It may pass: why, and the pause that was asked for.
    Again(String, Option<Duration>),
    /// Sending this again cannot help.
    Refused(String),
}

impl Sender {
    pub fn new(settings: &RecipientSettings, client: Client, url: ReadSecret, secret: Option<ReadSecret>) -> Sender {
        Sender { kind: settings.kind, template: settings.template.clone(), client, url, secret }
    }

    /// Whether URL and secret can be read and used.
    pub fn check(&self) -> Result<(), String> {
        self.place()?;
        self.signing().map(drop)
    }

    /// Sends the message once. `now` is what it is signed with, in seconds since 1970.
    pub async fn send(&self, message: &Message, now: i64) -> Outcome {
        let request = match self.request(message, now) {
            Ok(request) => request,
            // The file may be written anew.
            Err(why) => return Outcome::Again(why, None),
        };
        let answer = self.client.send(request).await;
        judge(answer.as_ref().map(|answer| (answer.status, &answer.headers)))
    }

    fn request(&self, message: &Message, now: i64) -> Result<Request, String> {
        let url = self.place()?;
        let text = self.payload(message);
        let mut headers = Vec::new();
        if let Some(secret) = self.signing()? {
            let signed = signature(&secret, &message.id, now, &text);
            let all = [("webhook-id", message.id.clone()), ("webhook-timestamp", now.to_string())];
            headers.extend(all.map(|(name, value)| (HeaderName::from_static(name), Secret::new(value))));
            headers.push((HeaderName::from_static("webhook-signature"), Secret::new(signed)));
        }
        let media_type = match self.kind {
            RecipientKind::CloudEvents => cloud_events::MEDIA_TYPE,
            _ => "application/json",
        };
        let body = Body { media_type, content: Secret::new(text) };
        Ok(Request { headers, once: true, limit: MAX_ANSWER, ..Request::post(url, body) })
    }

    /// What is sent, as text.
    pub fn payload(&self, message: &Message) -> String {
        let value = match self.kind {
            RecipientKind::Slack => slack::payload(message, self),
            RecipientKind::Teams => teams::payload(message, self),
            RecipientKind::Discord => discord::payload(message, self),
            RecipientKind::Webhook => webhook::payload(message, self),
            RecipientKind::CloudEvents => cloud_events::payload(message, self),
        };
        value.to_string()
    }

    /// The URL. Nothing of it may be shown but the host.
    fn place(&self) -> Result<Url, String> {
        let secret = (self.url)()?;
        let url =
            Url::parse(secret.expose().trim()).map_err(|error| format!("what should be a URL is none: {error}"))?;
        match url.scheme() {
            "https" => Ok(url),
            "http" if is_loopback(&url) => Ok(url),
            _ => Err(format!("messages for {} would travel unencrypted: its URL is not https", authority(&url))),
        }
    }

    fn signing(&self) -> Result<Option<SigningSecret>, String> {
        let Some(read) = &self.secret else { return Ok(None) };
        SigningSecret::parse(read()?.expose()).map(Some)
    }
}

/// What an answer means. Errors are told by their kind: what a client says of a request may name its URL.
fn judge(answer: Result<(StatusCode, &HeaderMap), &Error>) -> Outcome {
    let (status, headers) = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let why = match error.kind {
                ErrorKind::Unreachable => "cannot be reached",
                ErrorKind::TimedOut => "did not answer in time",
                ErrorKind::TooLarge => "answered with more than the limit",
                ErrorKind::Redirect => "redirects, which is not followed",
                ErrorKind::Paused => "limits requests",
                ErrorKind::Misconfigured => "cannot be asked: its certificates or headers cannot be used",
            };
            let why = format!("{} {why}", error.host);
            // An answer came, and there is nothing in it that is needed.
            return if error.kind == ErrorKind::TooLarge { Outcome::Sent } else { Outcome::Again(why, None) };
        }
    };
    match status.as_u16() {
        200..=299 => Outcome::Sent,
        // What is sent is at fault, not the place.
        400 | 413 | 422 => Outcome::Refused(format!("the receiver refuses the message ({})", status.as_u16())),
        other => Outcome::Again(format!("the receiver answered {other}"), retry_after(headers)),
    }
}

/// The pause after so many failed attempts. What was asked for outranks it, within bounds.
pub(super) fn pause(failures: u32, asked: Option<Duration>) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
    doubled.max(asked.unwrap_or_default()).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_mean_sent_again_or_never() {
        let judged = |status: u16, asked: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            asked.map(|asked| headers.insert("retry-after", asked.parse().unwrap()));
            judge(Ok((StatusCode::from_u16(status).unwrap(), &headers)))
        };
        for status in [200, 202, 204] {
            assert_eq!(judged(status, None), Outcome::Sent);
        }
        for status in [400, 413, 422] {
            assert!(matches!(judged(status, None), Outcome::Refused(_)), "{status}");
        }
        for status in [301, 401, 403, 404, 408, 410, 500, 503] {
            assert!(matches!(judged(status, None), Outcome::Again(_, None)), "{status}");
        }
        let asked = Some(Duration::from_secs(7));
        assert_eq!(judged(429, Some("7")), Outcome::Again("the receiver answered 429".to_owned(), asked));
    }

    #[test]
    fn no_error_names_the_url() {
        let detail = "https://hooks.slack.com/services/T0/B0/hunter2 redirects".to_owned();
        let error = Error { host: "hooks.slack.com".to_owned(), kind: ErrorKind::Redirect, detail };
        let Outcome::Again(why, _) = judge(Err(&error)) else { panic!() };
        assert_eq!(why, "hooks.slack.com redirects, which is not followed");
    }

    #[test]
    fn pauses_double_up_to_their_bound() {
        let seconds = |failures, asked: Option<u64>| pause(failures, asked.map(Duration::from_secs)).as_secs();
        assert_eq!([1, 2, 3, 10, 11, 100].map(|failures| seconds(failures, None)), [1, 2, 4, 512, 600, 600]);
        assert_eq!((seconds(1, Some(30)), seconds(4, Some(2)), seconds(1, Some(86_400))), (30, 8, 600));
    }
}
