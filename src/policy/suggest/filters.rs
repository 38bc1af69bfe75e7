//! Mistakes in `tags`: an expression that matches nothing, a group that is empty, an `exclude` that takes everything.

use super::{Trials, quoted, tags};
use crate::policy::{Reason, TagFilter};
use regex::{Regex, RegexBuilder};

/// The most memory, in bytes, that an expression of ours may take.
const MAX_COMPILED: usize = 512 * 1024;
/// The most expressions of `exclude` that are left out one at a time.
const MAX_EXCLUDES: usize = 3;

/// A way to write an expression anew: what is done to it, and the text with it done.
type Variant = (&'static str, fn(&str) -> Option<String>);

const VARIANTS: [Variant; 3] = [
    ("with the `v` left optional", optional_v),
    ("when case does not count", |text| (!text.starts_with("(?i)")).then(|| format!("(?i){text}"))),
    ("without the `$` at the end", |text| {
        text.strip_suffix('$').filter(|rest| !rest.ends_with('\\')).map(str::to_owned)
    }),
];

/// `^1` and `^v1` as `^v?1`.
fn optional_v(text: &str) -> Option<String> {
    let rest = text.strip_prefix('^')?;
    let rest = rest.strip_prefix('v').unwrap_or(rest);
    (!rest.starts_with(['?', '*', '+', '{', '|'])).then(|| format!("^v?{rest}"))
}

impl Trials<'_, '_> {
    /// An expression that matches nothing, or not the current tag; exclusions that take all the rest.
    pub(super) fn filters(&mut self) {
        self.matching();
        if !self.explained() {
            self.exclude();
        }
    }

    fn matching(&mut self) {
        let policy = self.policy();
        let (Some(matching), Some(text)) = (&policy.tags.matching, policy.tags.matching_text()) else {
            return;
        };
        let unmatched = self.screened_out(Reason::NoMatch);
        let all = self.ranking.tags.len() - self.screened_out(Reason::InvalidTag);
        let current = self.question.current.filter(|tag| policy.tags.key_of_current(tag.as_str()).is_none());
        let problem = match current {
            _ if unmatched == all => format!("none of {} matches `{text}`", tags(all)),
            Some(tag) => format!("`{text}` does not match {tag}, which stands in the file"),
            None => return,
        };
        for (how, variant) in VARIANTS {
            let (Some(written), Some(compiled)) = (variant(text), variant(matching.as_str())) else { continue };
            let Some(regex) = compile(&compiled) else { continue };
            let matched = self.matched(&regex);
            if matched == 0 {
                continue;
            }
            let with = |filter: &mut TagFilter| filter.matching = Some(regex);
            if let Some(outlook) = self.decided(|policy| with(&mut policy.tags)) {
                let problem = format!("{problem}; {matched} would {how}");
                let instead = format!("tags: {{match: {}}}", quoted(&written));
                return self.suggest("tags.match", problem, instead, outlook);
            }
        }
        let without = |filter: &mut TagFilter| (filter.matching, filter.extract) = (None, None);
        if let Some(outlook) = self.decided(|policy| without(&mut policy.tags)) {
            let problem = format!("{problem}; without it there are {} candidates", outlook.candidates);
            self.suggest("tags.match", problem, "leave `match` and `extract` out".to_owned(), outlook);
        }
    }

    fn matched(&self, regex: &Regex) -> usize {
        self.ranking.tags.iter().filter(|tag| tag.len() <= crate::image::MAX_TAG && regex.is_match(tag)).count()
    }

    fn exclude(&mut self) {
        let policy = self.policy();
        let excluded = self.screened_out(Reason::Excluded);
        if excluded == 0 {
            return;
        }
        let passed = self.ranking.screened.len();
        let counted = match passed {
            0 => "and no other tag is left".to_owned(),
            left => format!("and of the {} left none is a candidate", tags(left)),
        };
        for at in 0..policy.tags.exclude.len().min(MAX_EXCLUDES) {
            let without = |filter: &mut TagFilter| drop(filter.exclude.remove(at));
            if let Some(outlook) = self.decided(|policy| without(&mut policy.tags)) {
                let text = policy.tags.excluding_text(at);
                let problem = format!("`exclude` passes over {}, {counted}", tags(excluded));
                return self.suggest("tags.exclude", problem, format!("leave {} out", quoted(text)), outlook);
            }
        }
        if let Some(outlook) = self.decided(|policy| policy.tags.exclude.clear()) {
            let problem = format!("`exclude` passes over {}, {counted}", tags(excluded));
            self.suggest("tags.exclude", problem, "leave `exclude` out".to_owned(), outlook);
        }
    }

    /// A template whose groups never take part: every tag has the same empty key.
    pub(super) fn empty_keys(&mut self) {
        let policy = self.policy();
        let (Some(matching), Some(extract)) = (&policy.tags.matching, &policy.tags.extract) else {
            return;
        };
        let keys = &self.ranking.screened;
        if keys.is_empty() || keys.iter().any(|(_, key)| !key.is_empty()) {
            return;
        }
        let problem = format!("`{extract}` is empty for each of the {} that match", tags(keys.len()));
        let groups = matching.capture_names().flatten().map(|name| format!("${{{name}}}"));
        let numbers = (1..matching.captures_len()).map(|number| format!("${number}"));
        let templates: Vec<String> = groups.chain(numbers).chain(["$0".to_owned()]).collect();
        for template in templates.into_iter().filter(|template| template != extract).take(MAX_EXCLUDES + 1) {
            let with = |filter: &mut TagFilter| filter.extract = Some(template.clone());
            let Some(outlook) = self.decided(|policy| with(&mut policy.tags)) else { continue };
            if self.fills(&template) {
                let instead = format!("tags: {{extract: {}}}", quoted(&template));
                return self.suggest("tags.extract", problem, instead, outlook);
            }
        }
    }

    /// Whether the template gives most of the tags a key.
    fn fills(&self, template: &str) -> bool {
        let filter = TagFilter { extract: Some(template.to_owned()), ..self.policy().tags.clone() };
        let filled = |(tag, _): &&(&str, _)| filter.key_of_current(tag).is_some_and(|key| !key.is_empty());
        let keys = &self.ranking.screened;
        keys.iter().filter(filled).count() * 2 > keys.len()
    }
}

fn compile(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(pattern).size_limit(MAX_COMPILED).dfa_size_limit(MAX_COMPILED).build().ok()
}
