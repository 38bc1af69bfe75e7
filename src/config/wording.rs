//! What commits say and which changes share one, as people write it: templates, checked with sample values.

use super::problems::Problems;
use super::shape::shown;
use super::tree::Scalar;
use super::values::FromScalar;
use crate::plan::MessageValues;
use crate::policy::{GroupValues, Grouping};
use crate::template::Template;
use crate::text::nearest;
use serde::Serialize;

/// A template of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SubjectText(pub(super) Template);

/// A template of many lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BodyText(pub(super) Template);

/// What may be named in both.
const NAMES: [&str; 8] = ["summary", "table", "count", "group", "images", "policies", "files", "changes"];

impl FromScalar for SubjectText {
    const WANTED: &'static str = "a text";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<SubjectText> {
        let text = scalar.text.trim();
        if text.is_empty() || text.contains('\n') {
            problems.error(scalar.span, "a subject is one line", "what follows it is the `body`");
            return None;
        }
        template(scalar, &MessageValues::sample(), &NAMES, problems).map(SubjectText)
    }
}

impl FromScalar for BodyText {
    const WANTED: &'static str = "a text";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<BodyText> {
        template(scalar, &MessageValues::sample(), &NAMES, problems).map(BodyText)
    }
}

/// The words that name a grouping without a template.
const GROUPINGS: [&str; 4] = ["run", "policy", "directory", "file"];

impl FromScalar for Grouping {
    const WANTED: &'static str = "`run`, `policy`, `directory`, `file` or a template";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Grouping> {
        match scalar.text.as_str() {
            "run" => return Some(Grouping::Run),
            "policy" => return Some(Grouping::Policy),
            "directory" => return Some(Grouping::Directory),
            "file" => return Some(Grouping::File),
            _ => {}
        }
        if !scalar.text.contains("{{") {
            let hint = match nearest(&scalar.text, GROUPINGS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`run`, `policy`, `directory`, `file`, or a template such as `{{ directory }}`".to_owned(),
            };
            problems.error(scalar.span, format!("unknown group `{}`", shown(&scalar.text)), hint);
            return None;
        }
        template(scalar, &GroupValues::SAMPLE, &["policy", "image", "file", "directory"], problems).map(Grouping::By)
    }
}

/// Reads a template in which `names` may be named, which `sample` has values for.
pub(super) fn template(
    scalar: &Scalar,
    sample: &impl Serialize,
    names: &[&'static str],
    problems: &mut Problems,
) -> Option<Template> {
    let text = scalar.text.as_str();
    // The mistake of those who know other programs' placeholders: it would stand in every commit as it is.
    if let Some((name, at)) = single_braces(text, names) {
        let hint = format!("write `{{{{ {name} }}}}`");
        problems.error(
            scalar.part(at..at + name.len() + 2),
            format!("`{{{name}}}` would be written as it stands"),
            hint,
        );
        return None;
    }
    match Template::parse(text, sample) {
        Ok(template) => Some(template),
        Err(error) => {
            let unknown = error.detail.strip_prefix('`').and_then(|rest| rest.split_once('`')).map(|(name, _)| name);
            let hint = match unknown.and_then(|name| nearest(name, names.iter().copied())) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("templates are Jinja's; known here: `{}`", names.join("`, `")),
            };
            problems.error(scalar.span, format!("the template cannot be filled: {error}"), hint);
            None
        }
    }
}

/// A known name in single braces, and where it stands.
fn single_braces(text: &str, names: &[&'static str]) -> Option<(&'static str, usize)> {
    names.iter().find_map(|name| {
        let at = text.find(&format!("{{{name}}}"))?;
        (!text[..at].ends_with('{')).then_some((*name, at))
    })
}
