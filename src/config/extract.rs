//! `tags.extract`: a template such as `$version` or `${major}.${minor}` over the groups of `tags.match`.
//!
//! The syntax is that of Go's `Regexp.Expand` and of Rust's `Captures::expand`, which agree: `$name` takes the longest
//! run of letters, digits and `_`, `${name}` delimits, `$$` is a dollar sign, and a `$` before anything else is itself.
//! There an unknown group is silently empty, which gives every tag the same key; here it is an error.

use super::pattern::Pattern;
use super::problems::Problems;
use super::shape::{Spanned, shown};
use super::tree::Scalar;
use super::values::FromScalar;
use crate::text::nearest;
use std::ops::Range;

/// A template, not yet held against a pattern.
#[derive(Debug, Clone)]
pub(super) struct Template(pub(super) Scalar);

impl FromScalar for Template {
    const WANTED: &'static str = "a template";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Template> {
        if scalar.text.is_empty() {
            problems.error(scalar.span, "empty template", "leave `extract` out to order by the tag itself");
            return None;
        }
        Some(Template(scalar.clone()))
    }
}

impl Template {
    /// Reports every group that the pattern does not have.
    pub(super) fn check(&self, pattern: &Pattern, problems: &mut Problems) {
        let references = references(&self.0.text);
        if references.is_empty() {
            problems.warning(
                self.0.span,
                "this template names no group, so every tag gets the same key",
                "`$0` is the whole match, `$1` the first group",
            );
        }
        let (names, count) = pattern.groups();
        for (at, name) in references {
            let known = match name.parse::<usize>() {
                Ok(number) => number < count,
                Err(_) => names.contains(&name),
            };
            if !known {
                // Go's templates, and so Flux's, take an unknown group for nothing.
                let message = format!("`match` has no group `{}`, which is taken for nothing", shown(name));
                problems.warning(self.0.part(at), message, hint(name, &names, count));
            }
        }
    }

    /// Reports a template that has nothing to take groups from.
    pub(super) fn without_pattern(template: &Spanned<Template>, problems: &mut Problems) {
        problems.error(
            template.span,
            "`extract` needs `match`",
            "`match` is the expression whose groups `extract` names",
        );
    }
}

fn hint(name: &str, names: &[&str], count: usize) -> String {
    let longest = names.iter().filter(|known| name.starts_with(**known)).max_by_key(|known| known.len());
    let digits = name.trim_start_matches(|c: char| c.is_ascii_digit());
    if let Some(prefix) = longest {
        return format!("`${name}` reads on to the end of the word: write `${{{prefix}}}{}`", &name[prefix.len()..]);
    }
    if digits.len() < name.len() && !digits.is_empty() {
        let number = &name[..name.len() - digits.len()];
        return format!("`${name}` reads on to the end of the word: write `${{{number}}}{digits}`");
    }
    match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if !names.is_empty() && !digits.is_empty() => format!("its groups are `{}`", names.join("`, `")),
        None => match count - 1 {
            0 => "it has no groups; put one in parentheses".to_owned(),
            1 => "its only group is `$1`".to_owned(),
            last => format!("its groups are `$1` to `${last}`"),
        },
    }
}

/// Every group the template names, with the bytes it stands at.
fn references(template: &str) -> Vec<(Range<usize>, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(dollar) = template[at..].find('$').map(|i| at + i) {
        let rest = &template[dollar + 1..];
        let (length, name) = if rest.starts_with('$') {
            (1, None)
        } else if let Some(end) = rest.strip_prefix('{').and_then(|inner| inner.find('}')) {
            (end + 2, Some(&rest[1..=end]))
        } else {
            let word = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').len();
            (word, (word > 0).then(|| &rest[..word]))
        };
        let end = dollar + 1 + length;
        found.extend(name.map(|name| (dollar..end, name)));
        at = end;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_as_the_engine_expands_them() {
        for (template, names) in [
            ("$version", vec!["version"]),
            ("${major}.$minor", vec!["major", "minor"]),
            ("$$2", vec![]),
            ("$2x", vec!["2x"]),
            ("a$", vec![]),
            ("$-${", vec![]),
            ("${}", vec![""]),
            ("é$0é", vec!["0"]),
        ] {
            let found: Vec<&str> = references(template).into_iter().map(|(_, name)| name).collect();
            assert_eq!(found, names, "{template}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_template_without_references_expands_to_the_same_text_for_all(template in "[$a-c{}0-2]{0,12}") {
            let pattern = regex::Regex::new("^(x+)(?P<a>y*)$").unwrap();
            let expand = |text: &str| {
                let mut key = String::new();
                pattern.captures(text).unwrap().expand(&template, &mut key);
                key
            };
            if references(&template).is_empty() {
                proptest::prop_assert_eq!(expand("x"), expand("xxyy"));
            }
        }
    }
}
