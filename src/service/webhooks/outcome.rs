//! What becomes of a request, as its sender, the metrics and the log are told. No answer has a text.

use axum::http::StatusCode;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    /// It names something that is looked at.
    Accepted,
    /// Its sender may send, and it asks for nothing: a ping, another event, a repository that the settings do not have.
    Ignored,
    /// Its sender wanted to know whether anybody is here.
    Answered,
    /// Nothing is at this address.
    Unknown,
    Unauthenticated,
    /// The sender's own form of payload is another.
    Malformed,
    TooLarge,
    /// The receiver has had its share.
    Limited,
    /// The rest of it did not come in time.
    Slow,
    /// The rest of it did not come at all.
    Broken,
    /// Too much of others is being read.
    Busy,
}

impl Outcome {
    /// The `result` of the metrics.
    pub(super) fn word(self) -> &'static str {
        match self {
            Outcome::Accepted => "accepted",
            Outcome::Ignored => "ignored",
            Outcome::Answered => "answered",
            Outcome::Unknown => "unknown",
            Outcome::Unauthenticated => "unauthenticated",
            Outcome::Malformed => "malformed",
            Outcome::TooLarge => "too-large",
            Outcome::Limited => "limited",
            Outcome::Slow => "slow",
            Outcome::Broken => "broken",
            Outcome::Busy => "busy",
        }
    }

    pub(super) fn status(self) -> StatusCode {
        match self {
            Outcome::Accepted | Outcome::Ignored => StatusCode::ACCEPTED,
            Outcome::Answered => StatusCode::OK,
            Outcome::Unknown => StatusCode::NOT_FOUND,
            Outcome::Unauthenticated => StatusCode::UNAUTHORIZED,
            Outcome::Malformed | Outcome::Broken => StatusCode::BAD_REQUEST,
            Outcome::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Outcome::Limited => StatusCode::TOO_MANY_REQUESTS,
            Outcome::Slow => StatusCode::REQUEST_TIMEOUT,
            Outcome::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Whether somebody may have to look.
    pub(super) fn is_refusal(self) -> bool {
        !matches!(self, Outcome::Accepted | Outcome::Ignored | Outcome::Answered)
    }
}
