//! Where images are built from: the commits of a branch, and why they may not be had.

use crate::version::history::History;
use std::fmt;

/// The source repositories, or rather all of them: the URL says which. Calls block: run them on a thread for blocking work.
pub trait SourceHistory: Send + Sync {
    /// Every commit of the branch, ordered as [`History`] says. A history that was cut off is an error, never an answer.
    ///
    /// The host was allowed by whoever calls; what is fetched beside the commits is as little as the server can be asked for.
    fn history(&self, url: &str, branch: &str) -> Result<History, SourceError>;
}

/// Why there is no history. The display is a lowercase fragment that fits after a colon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError {
    /// What happened, naming the host, free of secrets.
    pub message: String,
    /// What to try, for people.
    pub hint: Option<String>,
    /// Whether a later run, with nothing changed by a person, can succeed.
    pub retryable: bool,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.hint.iter().try_for_each(|hint| write!(f, " ({hint})"))
    }
}

impl std::error::Error for SourceError {}

/// A world in which no source can be reached: the demo's.
#[derive(Debug, Clone, Copy)]
pub struct NoSources;

impl SourceHistory for NoSources {
    fn history(&self, url: &str, _: &str) -> Result<History, SourceError> {
        Err(SourceError { message: format!("{url} is out of reach here"), hint: None, retryable: false })
    }
}
