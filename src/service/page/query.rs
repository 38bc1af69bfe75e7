//! What is asked for: filters, search, a page of so many. All of it comes from an address that anybody may have written.

use crate::image::Repository;
use crate::policy::Reason;
use crate::service::Target;
use crate::service::picture::{Branch, Known, Row, State};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use url::form_urlencoded;

/// The longest query, in bytes.
pub const MAX_QUERY: usize = 4_096;
/// The most entries of one answer, and how many there are if nothing is said.
pub const MAX_LIMIT: usize = 1_000;
pub const USUAL_LIMIT: usize = 100;
/// The longest text that is searched for, in bytes.
const MAX_TEXT: usize = 200;
/// The longest cursor.
const MAX_CURSOR: usize = 3_000;

/// The parameters of one request, each at most once; empty ones are not there.
#[derive(Debug, Default)]
pub(super) struct Query(BTreeMap<String, String>);

/// Why the parameters are no good, as a sentence.
pub(super) type Bad = String;

impl Query {
    /// Reads the part behind the `?`; only the named parameters may be in it.
    pub(super) fn parse(text: &str, known: &[&str]) -> Result<Query, Bad> {
        if text.len() > MAX_QUERY {
            return Err(format!("the query has more than {MAX_QUERY} bytes"));
        }
        let mut all = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            if !known.contains(&&*name) {
                return Err(format!("unknown parameter; known here: {}", known.join(", ")));
            }
            if !value.is_empty() && all.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(format!("`{name}` is given twice"));
            }
        }
        Ok(Query(all))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn limit(&self) -> Result<usize, Bad> {
        let Some(text) = self.get("limit") else { return Ok(USUAL_LIMIT) };
        let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
        limit.ok_or_else(|| format!("`limit` is a number from 1 to {MAX_LIMIT}"))
    }

    /// The same parameters with one changed, or taken out; the page begins anew.
    pub(super) fn with(&self, name: &str, value: Option<&str>) -> String {
        let mut all = self.0.clone();
        all.remove("cursor");
        match value {
            Some(value) => all.insert(name.to_owned(), value.to_owned()),
            None => all.remove(name),
        };
        let mut text = form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(all);
        text.finish()
    }

    pub(super) fn cursor<T: for<'a> Deserialize<'a>>(&self) -> Result<Option<T>, Bad> {
        let Some(text) = self.get("cursor") else { return Ok(None) };
        let bytes = (text.len() <= MAX_CURSOR).then(|| URL_SAFE_NO_PAD.decode(text).ok()).flatten();
        let read = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        read.map(Some).ok_or_else(|| "`cursor` is none that was given out here".to_owned())
    }
}

/// A place to go on from, as a text that means nothing to others. One that would be too long to be taken back is none.
pub(super) fn cursor(place: &impl Serialize) -> Option<String> {
    let text = URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).ok()?);
    (text.len() <= MAX_CURSOR).then_some(text)
}

/// Where a page of references ended: the next one begins behind it, whatever has changed meanwhile.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct After {
    repository: String,
    branch: Option<String>,
    file: String,
    line: usize,
    path: String,
}

/// Which references are asked for.
#[derive(Debug, Default)]
pub(super) struct Filter {
    repository: Option<String>,
    branch: Option<String>,
    policy: Option<String>,
    image: Option<String>,
    reason: Option<String>,
    state: Option<State>,
    text: Option<Regex>,
}

pub(super) const FILTERS: [&str; 9] =
    ["repository", "branch", "policy", "image", "state", "reason", "q", "limit", "cursor"];

impl Filter {
    pub(super) fn of(query: &Query) -> Result<Filter, Bad> {
        let state = match query.get("state") {
            None => None,
            Some(word) => {
                let words = State::ALL.map(State::word).join(", ");
                Some(State::parse(word).ok_or_else(|| format!("`state` is one of: {words}"))?)
            }
        };
        let reason = query.get("reason");
        if reason.is_some_and(|word| !Reason::ALL.iter().any(|reason| reason.word() == word)) {
            return Err("`reason` is none of the reasons for holding a reference".to_owned());
        }
        let owned = |name: &str| query.get(name).map(str::to_owned);
        Ok(Filter {
            repository: owned("repository"),
            branch: owned("branch"),
            policy: owned("policy"),
            image: owned("image"),
            reason: reason.map(str::to_owned),
            state,
            text: query.get("q").map(search).transpose()?,
        })
    }

    /// References of one image.
    pub(super) fn image(image: &Repository) -> Filter {
        Filter { image: Some(image.to_string()), ..Filter::default() }
    }

    fn branches(&self, target: &Target) -> bool {
        let same = |wanted: &Option<String>, one: &str| wanted.as_deref().is_none_or(|wanted| wanted == one);
        same(&self.repository, &target.repository) && same(&self.branch, target.branch.as_deref().unwrap_or_default())
    }

    /// Whether it is asked for, whatever its state.
    fn admits(&self, row: &Row) -> bool {
        let same = |wanted: &Option<String>, one: Option<&str>| wanted.is_none() || wanted.as_deref() == one;
        same(&self.policy, row.policy.as_ref().map(|policy| policy.as_str()))
            && same(&self.image, row.image.as_ref().map(Repository::as_str))
            && same(&self.reason, row.reason.map(Reason::word))
            && self.text.as_ref().is_none_or(|text| says(row, text))
    }
}

/// A literal text, whatever its case.
pub(super) fn search(text: &str) -> Result<Regex, Bad> {
    let text = text.trim();
    if text.len() > MAX_TEXT {
        return Err(format!("`q` has more than {MAX_TEXT} bytes"));
    }
    let made = RegexBuilder::new(&regex::escape(text)).case_insensitive(true).build();
    made.map_err(|_| "`q` cannot be searched for".to_owned())
}

fn says(row: &Row, text: &Regex) -> bool {
    let image = row.image.as_ref().map(Repository::as_str);
    let policy = row.policy.as_ref().map(|policy| policy.as_str());
    let more = [&row.current, &row.newest, &row.detail, &row.digest];
    text.is_match(&row.file)
        || [image, policy].into_iter().flatten().any(|one| text.is_match(one))
        || more.into_iter().flatten().any(|one| text.is_match(one))
}

/// A page of references.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Branch, and the place of the row in it.
    pub(super) rows: Vec<(Arc<Branch>, usize)>,
    /// Of all that match but for their state, in the order of [`State::ALL`].
    pub(super) counts: [usize; State::ALL.len()],
    /// How many match.
    pub(super) total: usize,
    /// How many of them stand before the page.
    pub(super) before: usize,
    pub(super) next: Option<After>,
}

/// The branches that a search looks through: taken out of the picture at once, so that no run waits for the search.
pub(super) fn branches(known: &Known) -> Vec<Arc<Branch>> {
    known.branches.values().cloned().collect()
}

/// Looks through the branches in their order.
pub(super) fn find(branches: &[Arc<Branch>], filter: &Filter, after: Option<&After>, limit: usize) -> Found {
    let mut found = Found::default();
    for branch in branches.iter().filter(|branch| filter.branches(&branch.target)) {
        for (at, row) in branch.rows.iter().enumerate().filter(|(_, row)| filter.admits(row)) {
            if let Some(count) = State::ALL.iter().position(|state| *state == row.state) {
                found.counts[count] += 1;
            }
            if filter.state.is_some_and(|state| state != row.state) {
                continue;
            }
            found.total += 1;
            if after.is_some_and(|after| !after.is_before(&branch.target, row)) {
                found.before += 1;
            } else if found.rows.len() < limit {
                found.rows.push((Arc::clone(branch), at));
            }
        }
    }
    if found.before + found.rows.len() < found.total {
        found.next = found.rows.last().map(|(branch, at)| After::of(&branch.target, &branch.rows[*at]));
    }
    found
}

impl After {
    fn of(target: &Target, row: &Row) -> After {
        let (file, line, path) = row.key();
        After {
            repository: target.repository.clone(),
            branch: target.branch.clone(),
            file: file.to_owned(),
            line,
            path: path.to_owned(),
        }
    }

    fn is_before(&self, target: &Target, row: &Row) -> bool {
        let own = (&self.repository, &self.branch, (&*self.file, self.line, &*self.path));
        own < (&target.repository, &target.branch, row.key())
    }
}

#[cfg(test)]
mod tests;
