//! `tags.match`, `tags.exclude` and `tags.extract`: which tags are looked at, and the key each is ordered by.
//!
//! Expressions are unanchored. The template of `extract` means what Go's `regexp.Expand` makes of it, so that templates
//! brought from Flux mean the same: `$name` takes the longest run of letters, digits and `_` (`$ts0` is the group `ts0`,
//! `$2x` the group `2x`), `${name}` and `$1` work as expected, `$$` is a dollar sign, a group that does not exist or did
//! not take part is empty, and a `$` that begins nothing of this stands for itself.
//!
//! The expressions arrive compiled, with a size limit: that is the configuration's work. They meet valid tags only, which are
//! ASCII and at most 128 bytes long: so `\d` and `\w` mean what they mean in Flux although Rust's know Unicode, and no
//! expression costs much. (Switching Unicode off instead would make Rust refuse every `.`.)

use super::{Reason, TagFilter};
use regex::Captures;
use std::borrow::Cow;

impl TagFilter {
    /// The key that `tag` is ordered by, or why the tag is not looked at.
    pub(super) fn key<'t>(&self, tag: &'t str) -> Result<Cow<'t, str>, Reason> {
        let key = self.extracted(tag).ok_or(Reason::NoMatch)?;
        if self.exclude.iter().any(|expression| expression.is_match(tag)) {
            return Err(Reason::Excluded);
        }
        Ok(key)
    }

    /// The key whatever `exclude` says. Without a template every tag has one: itself.
    pub(super) fn key_of_current<'t>(&self, tag: &'t str) -> Option<Cow<'t, str>> {
        match self.template() {
            Some(_) => self.extracted(tag),
            None => Some(Cow::Borrowed(tag)),
        }
    }

    fn extracted<'t>(&self, tag: &'t str) -> Option<Cow<'t, str>> {
        let Some(expression) = &self.matching else {
            return Some(Cow::Borrowed(tag));
        };
        match self.template() {
            None => expression.is_match(tag).then_some(Cow::Borrowed(tag)),
            Some(template) => expression.captures(tag).map(|captures| Cow::Owned(expand(template, &captures))),
        }
    }

    /// As in Flux an empty template is none.
    fn template(&self) -> Option<&str> {
        let usable = self.matching.is_some();
        self.extract.as_deref().filter(|template| usable && !template.is_empty())
    }

    /// The expression that `exclude`s the tag, in its author's words.
    pub(super) fn excluding(&self, tag: &str) -> Option<&str> {
        let at = self.exclude.iter().position(|expression| expression.is_match(tag))?;
        Some(self.excluding_text(at))
    }

    /// `match` in its author's words.
    pub(super) fn matching_text(&self) -> Option<&str> {
        let matching = self.matching.as_ref()?;
        Some(self.written.matching.as_deref().unwrap_or(matching.as_str()))
    }

    /// One expression of `exclude` in its author's words.
    pub fn excluding_text(&self, at: usize) -> &str {
        let compiled = self.exclude.get(at).map_or("", |expression| expression.as_str());
        self.written.exclude.get(at).map_or(compiled, |written| written)
    }
}

/// Fills the template with what the expression captured.
fn expand(template: &str, captures: &Captures<'_>) -> String {
    let mut expanded = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            expanded.push('$');
            rest = after;
        } else if let Some((name, after)) = variable(rest) {
            expanded.push_str(group(name, captures));
            rest = after;
        } else {
            expanded.push('$');
        }
    }
    expanded.push_str(rest);
    expanded
}

/// Splits the name of a group off the text after a `$`.
fn variable(text: &str) -> Option<(&str, &str)> {
    let (braced, inner) = match text.strip_prefix('{') {
        Some(inner) => (true, inner),
        None => (false, text),
    };
    let end = inner.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(inner.len());
    let (name, after) = inner.split_at(end);
    let after = if braced { after.strip_prefix('}')? } else { after };
    (!name.is_empty()).then_some((name, after))
}

/// Digits without a leading zero number a group; anything else names one.
fn group<'t>(name: &str, captures: &Captures<'t>) -> &'t str {
    let number = name.bytes().all(|b| b.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
    let found = if number { name.parse().ok().and_then(|index| captures.get(index)) } else { captures.name(name) };
    found.map_or("", |found| found.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::Regex;

    fn filter(matching: &str, extract: &str, exclude: &[&str]) -> TagFilter {
        TagFilter {
            matching: Some(Regex::new(matching).unwrap()),
            extract: Some(extract.to_owned()),
            exclude: exclude.iter().map(|text| Regex::new(text).unwrap()).collect(),
            ..TagFilter::default()
        }
    }

    #[test]
    fn templates_mean_what_go_makes_of_them() {
        let expression = r"^(?P<branch>[a-z]+)-([a-f0-9]+)-(?P<ts>\d+)(?P<ts0>x)?$";
        for (template, key) in [
            ("$ts", "1700"),
            ("${ts}0", "17000"),
            ("$ts0", ""),
            ("$2", "abc1"),
            ("$2x", ""),
            ("${2}x", "abc1x"),
            ("$0", "main-abc1-1700"),
            ("$9", ""),
            ("$03", ""),
            ("$$ts", "$ts"),
            ("$branch.$ts", "main.1700"),
            ("$", "$"),
            ("$-${", "$-${"),
            ("${ts", "${ts"),
            ("constant", "constant"),
            ("", "main-abc1-1700"),
        ] {
            assert_eq!(filter(expression, template, &[]).key("main-abc1-1700").unwrap(), key, "{template}");
        }
    }

    #[test]
    fn match_comes_before_exclude() {
        let filter = filter(r"^v", "", &["-debug$"]);
        assert_eq!(filter.key("v1").unwrap(), "v1");
        assert_eq!(filter.key("1-debug"), Err(Reason::NoMatch));
        assert_eq!(filter.key("v1-debug"), Err(Reason::Excluded));
        assert_eq!(filter.excluding("v1-debug"), Some("-debug$"));
    }

    #[test]
    fn a_current_tag_has_a_key_though_it_is_excluded() {
        assert_eq!(filter("^v", "", &["."]).key_of_current("1.0").unwrap(), "1.0");
        assert_eq!(filter("^v(.*)", "$1", &["."]).key_of_current("v1").unwrap(), "1");
        assert_eq!(filter("^v(.*)", "$1", &[]).key_of_current("1.0"), None);
    }

    proptest! {
        #[test]
        fn any_template_expands(template in any::<String>(), tag in "[a-z0-9]{0,8}") {
            let _ = filter("([a-z]*)(.*)", &template, &[]).key(&tag);
        }
    }
}
