//! Pull requests themselves: reading lists of them, opening and changing one.
//!
//! <https://docs.github.com/en/rest/pulls/pulls>

use super::call::Call;
use super::shapes::Pull;
use super::{GitHub, PULL_REQUESTS, PULL_REQUESTS_READ, refusal};
use crate::forge::api::MAX_PAGES;
use crate::http::{Method, clean};
use crate::port::{ForgeError, ForgeErrorKind, MAX_PAST, NewPullRequest, PullRequest};
use reqwest::header::{HeaderMap, LINK};
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// As many as GitHub gives on one page, so that the past of a branch is one request.
const PAGE: usize = 100;
const _: () = assert!(PAGE == MAX_PAST, "one page is all that is looked at of the past");

impl GitHub {
    pub(super) async fn pull(&self, number: u64) -> Result<Pull, ForgeError> {
        let number = number.to_string();
        self.read(self.call(Method::Get, &["pulls", &number], PULL_REQUESTS_READ)).await
    }

    /// Changes the pull request itself.
    pub(super) async fn patch(&self, number: u64, change: Value) -> Result<(), ForgeError> {
        let number = number.to_string();
        let call = self.call(Method::Patch, &["pulls", &number], PULL_REQUESTS);
        self.done(call.with(change)).await.map(drop)
    }

    /// One page of pull requests, and whether there is another one.
    async fn page(&self, query: &[(&str, &str)]) -> Result<(Vec<Pull>, bool), ForgeError> {
        let done = self.done(Call { query, ..self.call(Method::Get, &["pulls"], PULL_REQUESTS_READ) }).await?;
        let pulls: Vec<Pull> = done.read()?;
        let more = pulls.len() >= PAGE || has_next(&done.answer.headers);
        Ok((pulls, more))
    }

    /// Those of a page that come from this very repository and that `wanted` accepts.
    fn ours(&self, page: Vec<Pull>, wanted: impl Fn(&Pull) -> bool) -> Result<Vec<PullRequest>, ForgeError> {
        let full_name = self.full_name();
        if let Some(other) = page.iter().find_map(|pull| pull.of_another(&full_name)) {
            let detail = format!("it answers about {}; was {full_name} renamed", clean(other));
            return Err(self.api.error(ForgeErrorKind::NotFound, detail));
        }
        page.into_iter()
            .filter(|pull| pull.comes_from(&full_name) && wanted(pull))
            .map(|pull| pull.checked().map_err(|detail| self.api.error(ForgeErrorKind::Malformed, detail)))
            .collect()
    }

    pub(super) async fn all_open(&self, prefix: &str) -> Result<Vec<PullRequest>, ForgeError> {
        let mut found = BTreeMap::new();
        for page in 1..=MAX_PAGES {
            // Oldest first: what is opened meanwhile comes at the end.
            let (page, size) = (page.to_string(), PAGE.to_string());
            let query =
                [("state", "open"), ("sort", "created"), ("direction", "asc"), ("per_page", &size), ("page", &page)];
            let (pulls, more) = self.page(&query).await?;
            let begins = |pull: &Pull| pull.branch().strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
            found.extend(self.ours(pulls, begins)?.into_iter().map(|pull| (pull.number, pull)));
            if !more {
                return Ok(found.into_values().collect());
            }
        }
        let detail = format!("more than {} open pull requests", MAX_PAGES * PAGE);
        Err(self.api.error(ForgeErrorKind::TooLarge, detail))
    }

    /// Those of one branch and base, newest first.
    pub(super) async fn between(&self, branch: &str, base: &str, state: &str) -> Result<Vec<PullRequest>, ForgeError> {
        let (head, size) = (format!("{}:{branch}", self.owner), PAGE.to_string());
        let query = [
            ("state", state),
            ("head", &head),
            ("base", base),
            ("sort", "created"),
            ("direction", "desc"),
            ("per_page", &size),
        ];
        let (pulls, _) = self.page(&query).await?;
        let mut found = self.ours(pulls, |pull| pull.branch() == branch && pull.base() == base)?;
        found.sort_by_key(|pull| Reverse(pull.number));
        Ok(found)
    }

    pub(super) async fn open_new(&self, new: &NewPullRequest) -> Result<PullRequest, ForgeError> {
        let body = json!({
            "title": new.title, "head": new.branch, "base": new.base, "body": new.body, "draft": new.draft,
        });
        let refused = match self.read::<Pull>(self.call(Method::Post, &["pulls"], PULL_REQUESTS).with(body)).await {
            Ok(pull) => {
                let made = self.ours(vec![pull], |pull| pull.branch() == new.branch && pull.base() == new.base)?;
                return made.into_iter().next().ok_or_else(|| {
                    self.api.error(ForgeErrorKind::Malformed, "it made another pull request than it was asked for")
                });
            }
            Err(error) => error,
        };
        if refused.kind == ForgeErrorKind::Refused && refusal::is_duplicate(&refused.detail) {
            let open = self.between(&new.branch, &new.base, "open").await?;
            return open.into_iter().next().ok_or(refused);
        }
        Err(refusal::explained(refused))
    }
}

/// Whether a list says that it goes on.
fn has_next(headers: &HeaderMap) -> bool {
    let links = headers.get_all(LINK).iter().filter_map(|link| link.to_str().ok());
    links.flat_map(|links| links.split(',')).any(|link| link.contains("rel=\"next\""))
}
