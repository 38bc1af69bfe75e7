//! The single values of the settings that say how far a run looks back.

use super::problems::Problems;
use super::shape::shown;
use super::tree::Scalar;
use super::values::FromScalar;
use crate::version::history::MAX_COMMITS;
use serde_json::{Value as Json, json};

/// A number of commits; none is a choice too.
#[derive(Debug, Clone)]
pub(super) struct CommitCount(pub(super) usize);

impl FromScalar for CommitCount {
    const WANTED: &'static str = "a number";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<CommitCount> {
        let count = scalar.text.parse().ok().filter(|count| *count <= MAX_COMMITS);
        if count.is_none() {
            let message = format!("expected a number from 0 to {MAX_COMMITS}, found `{}`", shown(&scalar.text));
            problems.error(scalar.span, message, "");
        }
        count.map(CommitCount)
    }

    fn scalar_schema() -> Json {
        json!({ "type": "integer", "minimum": 0, "maximum": MAX_COMMITS })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::settings::{self, Settings};

    fn read(body: &str) -> Option<Settings> {
        let text = format!("apiVersion: landwaiter/v1\nkind: Settings\n{body}\n");
        settings::read("settings.yaml", &text).ok()
    }

    #[test]
    fn the_history_is_bounded_at_its_edges() {
        for (text, expected) in [("0", Some(0)), ("1", Some(1)), ("250000", Some(250_000))] {
            assert_eq!(read(&format!("limits: {{history: {text}}}")).unwrap().limits.history, expected);
        }
        for text in ["250001", "-1", "all", "1.5", "''"] {
            assert!(read(&format!("limits: {{history: {text}}}")).is_none(), "{text}");
        }
        assert_eq!(read("limits: {}").unwrap().limits.history, None);
    }
}
