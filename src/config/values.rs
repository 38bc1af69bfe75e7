//! The single values of our files: names, tags, ranges, expressions. Each is checked where it is read.

use super::pattern::Pattern;
use super::problems::Problems;
use super::shape::{Shape, scalar, shown};
use super::tree::{Node, Scalar};
use crate::image::Tag;
use crate::policy::{Parts, PolicyName};
use crate::schedule::Cron;
use crate::version::calver;
use crate::version::range::Range;
use serde_json::{Value as Json, json};

/// A value that is read from one scalar.
pub(super) trait FromScalar: Sized {
    /// What messages call it, with its article.
    const WANTED: &'static str;

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Self>;

    fn scalar_schema() -> Json {
        json!({ "type": "string" })
    }
}

impl<T: FromScalar> Shape for T {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        Self::from_scalar(scalar(node, Self::WANTED, problems)?, problems)
    }

    fn schema() -> Json {
        Self::scalar_schema()
    }
}

impl FromScalar for String {
    const WANTED: &'static str = "a text";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<String> {
        if scalar.text.is_empty() {
            problems.error(scalar.span, "empty text", "leave the key out");
            return None;
        }
        Some(scalar.text.clone())
    }
}

impl FromScalar for PolicyName {
    const WANTED: &'static str = "a policy name";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<PolicyName> {
        let name = PolicyName::parse(&scalar.text);
        if name.is_none() {
            problems.error(
                scalar.span,
                format!("`{}` is not a policy name", shown(&scalar.text)),
                "lowercase letters, digits, `-`, `.` and `/`, at most 253 of them",
            );
        }
        name
    }

    fn scalar_schema() -> Json {
        json!({ "type": "string", "pattern": "^[a-z0-9./-]{1,253}$" })
    }
}

impl FromScalar for Tag {
    const WANTED: &'static str = "a tag";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Tag> {
        Tag::parse(&scalar.text).map_err(|error| problems.error(scalar.span, error.to_string(), "")).ok()
    }

    fn scalar_schema() -> Json {
        json!({ "type": ["string", "number"] })
    }
}

impl FromScalar for Range {
    const WANTED: &'static str = "a version range";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Range> {
        Range::parse(&scalar.text)
            .map_err(|error| {
                problems.error(scalar.part(error.span), format!("bad version range: {}", error.message), error.hint);
            })
            .ok()
    }
    fn scalar_schema() -> Json {
        json!({ "type": ["string", "number"] })
    }
}

impl FromScalar for calver::Pattern {
    const WANTED: &'static str = "a calendar version's pattern";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<calver::Pattern> {
        calver::Pattern::parse(&scalar.text)
            .map_err(|error| {
                let message = format!("bad calendar pattern: {}", error.message);
                problems.error(scalar.part(error.span), message, error.hint);
            })
            .ok()
    }
}

impl FromScalar for Cron {
    const WANTED: &'static str = "a cron expression";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Cron> {
        Cron::parse(&scalar.text)
            .map_err(|error| {
                problems.error(scalar.part(error.span), format!("bad schedule: {}", error.message), error.hint);
            })
            .ok()
    }
}

impl FromScalar for Pattern {
    const WANTED: &'static str = "a regular expression";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Pattern> {
        if !problems.spend(0) {
            return None;
        }
        match Pattern::parse(&scalar.text) {
            Ok((pattern, cost)) => problems.spend(cost).then_some(pattern),
            Err(error) => {
                let span = error.span.map_or(scalar.span, |part| scalar.part(part));
                problems.error(span, format!("bad regular expression: {}", error.message), error.hint);
                None
            }
        }
    }
}

impl FromScalar for Parts {
    const WANTED: &'static str = "`1`, `2` or `3`";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Parts> {
        match scalar.text.as_str() {
            "1" => Some(Parts::One),
            "2" => Some(Parts::Two),
            "3" => Some(Parts::Three),
            other => {
                let message = format!("expected `1`, `2` or `3`, found `{}`", shown(other));
                problems.error(scalar.span, message, "how many dot-separated parts a tag must have");
                None
            }
        }
    }

    fn scalar_schema() -> Json {
        json!({ "enum": [1, 2, 3] })
    }
}
