//! What became of pull requests, and why a step could not be taken.

use super::super::RunError;
use crate::port::{ForgeError, PublishError, RepoError};
use std::sync::Arc;

/// What became of one pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The group of changes that it is for.
    pub group: Arc<str>,
    pub branch: String,
    pub number: Option<u64>,
    /// The page for people.
    pub url: Option<String>,
    pub title: String,
    pub outcome: Outcome,
    /// What a person should know of it.
    pub detail: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Opened,
    Updated,
    Unchanged,
    Closed,
    /// A person has committed to it.
    TakenOver,
    /// As many are open as may be.
    Limited,
    Failed,
}

impl Outcome {
    /// The word of the JSON contract.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Opened => "opened",
            Outcome::Updated => "updated",
            Outcome::Unchanged => "unchanged",
            Outcome::Closed => "closed",
            Outcome::TakenOver => "taken-over",
            Outcome::Limited => "limited",
            Outcome::Failed => "failed",
        }
    }
}

/// Why a step could not be taken, as a fragment.
#[derive(Debug)]
pub(in crate::cycle) struct Trouble(pub(in crate::cycle) String);

impl From<ForgeError> for Trouble {
    fn from(error: ForgeError) -> Trouble {
        Trouble(error.with_hint())
    }
}

impl From<RepoError> for Trouble {
    fn from(error: RepoError) -> Trouble {
        Trouble(error.to_string())
    }
}

impl From<PublishError> for Trouble {
    fn from(error: PublishError) -> Trouble {
        Trouble(match error {
            PublishError::Refused { reason, messages } if !messages.is_empty() => {
                format!("the server refused the push: {reason} ({})", messages.join("; "))
            }
            PublishError::Moved { .. } => {
                "the branch moved while this run was at work; the next run looks again".to_owned()
            }
            error => error.to_string(),
        })
    }
}

impl From<RunError> for Trouble {
    fn from(error: RunError) -> Trouble {
        Trouble(error.to_string())
    }
}
