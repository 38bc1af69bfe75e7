//! The first line of a commit message, as the operator wants it: text with `{changes}`, `{images}` and `{policies}`.

use super::problems::Problems;
use super::shape::shown;
use super::tree::Scalar;
use super::values::FromScalar;
use crate::text::nearest;

/// The longest template, in bytes.
pub const MAX_SUBJECT: usize = 200;

/// What can stand in braces.
const PLACEHOLDERS: [&str; 3] = ["changes", "images", "policies"];

/// A checked template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject(String);

impl Subject {
    /// The template; `plan::compose` fills it in.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromScalar for Subject {
    const WANTED: &'static str = "a text";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Subject> {
        let text = scalar.text.as_str();
        let before = problems.errors();
        if text.trim().is_empty() || text.contains(|c: char| c.is_control()) || text.len() > MAX_SUBJECT {
            let message = format!("a subject is one line of 1 to {MAX_SUBJECT} characters");
            problems.error(scalar.span, message, "");
        }
        let mut at = 0;
        while let Some(open) = text[at..].find('{').map(|i| at + i) {
            let Some(close) = text[open..].find('}').map(|i| open + i) else {
                problems.error(scalar.part(open..text.len()), "`{` without `}`", "");
                break;
            };
            let name = &text[open + 1..close];
            if !PLACEHOLDERS.contains(&name) {
                let hint = match nearest(name, PLACEHOLDERS) {
                    Some(near) => format!("did you mean `{{{near}}}`?"),
                    None => "known are `{changes}`, `{images}` and `{policies}`".to_owned(),
                };
                let message = format!("unknown placeholder `{{{}}}`", shown(name));
                problems.error(scalar.part(open..close + 1), message, hint);
            }
            at = close + 1;
        }
        (problems.errors() == before).then(|| Subject(text.to_owned()))
    }
}
