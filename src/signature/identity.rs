//! Whom a keyless signature must come from: the issuer of the login, and the subject it named.

use regex::Regex;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// An identity that Fulcio certified.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The OIDC issuer, exactly, such as `https://token.actions.githubusercontent.com`.
    pub issuer: String,
    pub subject: Subject,
}

/// The e-mail address or URI of the certificate's subject alternative name.
#[derive(Debug, Clone)]
pub enum Subject {
    Exact(String),
    /// Must match from the first to the last character, whatever anchors are written.
    Matching(Pattern),
}

/// A regular expression that matches whole texts only. A forgotten `$` would otherwise admit `https://github.com/acme.evil`.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    whole: Regex,
}

impl Pattern {
    /// `regex` is the compiled `text`. `None` when it cannot be enclosed, for lack of memory.
    pub fn new(text: &str, regex: &Regex) -> Option<Pattern> {
        let whole = Regex::new(&format!(r"\A(?:{})\z", regex.as_str())).ok()?;
        Some(Pattern { text: text.to_owned(), whole })
    }

    /// Whether the whole text matches.
    pub fn is_match(&self, text: &str) -> bool {
        self.whole.is_match(text)
    }
}

impl Subject {
    pub(super) fn admits(&self, subject: &str) -> bool {
        match self {
            Subject::Exact(wanted) => wanted == subject,
            Subject::Matching(pattern) => pattern.is_match(subject),
        }
    }

    /// The kind and the text: what makes two the same.
    fn key(&self) -> (bool, &str) {
        match self {
            Subject::Exact(text) => (false, text),
            Subject::Matching(pattern) => (true, &pattern.text),
        }
    }
}

impl PartialEq for Subject {
    fn eq(&self, other: &Subject) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Subject {}

impl PartialOrd for Subject {
    fn partial_cmp(&self, other: &Subject) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Subject {
    fn cmp(&self, other: &Subject) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl Hash for Subject {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Subject::Exact(text) => write!(f, "{text} of {}", self.issuer),
            Subject::Matching(pattern) => write!(f, "/{}/ of {}", pattern.text, self.issuer),
        }
    }
}
