//! Bitbucket Cloud.
//!
//! - The API begins at `https://api.bitbucket.org/2.0` (<https://developer.atlassian.com/cloud/bitbucket/rest/intro/>); a
//!   repository is `WORKSPACE/SLUG`.
//! - Credentials: an access token of the repository, project or workspace travels as `Authorization: Bearer`; the API token of an
//!   account goes with its name, its e-mail address, as `Basic`.
//! - Pull requests (<https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/>) name their commits by the first
//!   twelve digits; the rest is looked up. They are open, merged, declined or superseded; declining cannot be undone. When
//!   one ended is not said: the time it last changed stands for it.
//! - Lists have pages of 50 at most and say where the next one is. They leave reviewers out, and a change that does not name
//!   them takes them off: what is there is read before.
//! - Reviewers are accounts by `{UUID}` or Atlassian account id, or by the nickname that one member of the workspace has.
//! - There are no labels, no assignees and, in the API, no merging when ready. Descriptions show HTML as it is written.

mod accounts;
mod commits;
mod shapes;

use self::shapes::{Page, Pull};
use super::Options;
use super::api::{Api, MAX_PAGES};
use super::fields::{basic, below};
use crate::http::Method;
use crate::port::*;
use futures::future::{BoxFuture, FutureExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use url::Url;

/// The most that one page of pull requests may have.
const PAGE: &str = "50";
/// The most that one page of branches or members may have.
const LONG_PAGE: &str = "100";
/// No limit is documented; this is what others keep to.
const MAX_BODY: usize = 32_768;
const MAX_TITLE: usize = 255;

/// The pull requests of one repository.
#[derive(Debug)]
pub struct BitbucketCloud {
    api: Api,
    workspace: String,
    slug: String,
    name: String,
    /// Whole commit ids by the beginning that pull requests have of them.
    known: Mutex<HashMap<String, CommitId>>,
}

impl BitbucketCloud {
    /// The repository is `WORKSPACE/SLUG`.
    pub fn new(options: Options) -> BitbucketCloud {
        let authorization = options.login.as_ref().map(|login| match &login.user {
            Some(user) => basic(user, &login.secret),
            None => Secret::new(format!("Bearer {}", login.secret.expose())),
        });
        let mut api = Api::new(options.http, &options.api, authorization);
        if let Some(login) = &options.login {
            api = api.hiding(&login.secret);
        }
        let name = format!("{}/{}", api.host(), options.repository);
        let (workspace, slug) = options.repository.split_once('/').unwrap_or(("", &options.repository));
        BitbucketCloud { api, workspace: workspace.to_owned(), slug: slug.to_owned(), name, known: Mutex::default() }
    }

    /// A URL below the repository's.
    fn at(&self, parts: &[&str], query: &[(&str, &str)]) -> Result<Url, ForgeError> {
        let whole: Vec<&str> = ["repositories", &self.workspace, &self.slug].iter().chain(parts).copied().collect();
        self.api.url(&whole, query)
    }

    /// A URL below one pull request's.
    fn of(&self, number: u64, parts: &[&str]) -> Result<Url, ForgeError> {
        let number = number.to_string();
        let whole: Vec<&str> = ["pullrequests", &number].iter().chain(parts).copied().collect();
        self.at(&whole, &[])
    }

    async fn one(&self, number: u64) -> Result<Pull, ForgeError> {
        self.api.get(self.of(number, &[])?).await
    }

    /// All items from this page on.
    async fn pages<T: DeserializeOwned>(&self, first: Url) -> Result<Vec<T>, ForgeError> {
        let mut found = Vec::new();
        let mut url = first.clone();
        for _ in 0..MAX_PAGES {
            let page: Page<T> = self.api.get(url).await?;
            found.extend(page.values);
            let next = match page.next {
                Some(next) => next.parse::<Url>().ok(),
                None => return Ok(found),
            };
            // Credentials go there, so it has to be the same server.
            url = next.filter(|next| next.origin() == first.origin()).ok_or_else(|| {
                self.api.error(ForgeErrorKind::Malformed, "the next page of a list is on another server")
            })?;
        }
        Err(self.api.error(ForgeErrorKind::TooLarge, format!("more than {MAX_PAGES} pages in one list")))
    }

    /// This repository's own, as the query has them, without those that are not wanted.
    async fn list(
        &self,
        states: &[&str],
        query: &str,
        sort: &str,
        wanted: impl Fn(&Pull) -> bool + Send,
    ) -> Result<Vec<Pull>, ForgeError> {
        let states = states.iter().map(|state| ("state", *state));
        let pairs: Vec<(&str, &str)> = states.chain([("q", query), ("sort", sort), ("pagelen", PAGE)]).collect();
        let mut pulls: Vec<Pull> = self.pages(self.at(&["pullrequests"], &pairs)?).await?;
        pulls.retain(|pull| pull.is_of_one_repository() && wanted(pull));
        Ok(pulls)
    }

    /// Fills in what the pull request has only the beginning of.
    async fn read(&self, pull: Pull) -> Result<PullRequest, ForgeError> {
        let head = match pull.source.commit.as_ref() {
            Some(short) => self.whole(&short.hash).await?,
            None => CommitId(String::new()),
        };
        let number = pull.id;
        pull.read(head).map_err(|what| {
            self.api.error(ForgeErrorKind::Malformed, format!("pull request {number} has no usable {what}"))
        })
    }

    /// Changes an open one, which keeps whatever is not said to be different.
    async fn update(&self, number: u64, change: impl FnOnce(&mut Pull)) -> Result<(), ForgeError> {
        let mut pull = self.one(number).await?;
        change(&mut pull);
        let mut reviewers: Vec<Value> = Vec::new();
        for reviewer in &pull.reviewers {
            let reviewer = reviewer.named();
            if !reviewers.contains(&reviewer) {
                reviewers.push(reviewer);
            }
        }
        let whole = json!({
            "title": pull.title,
            "description": pull.description,
            "reviewers": reviewers,
            "draft": pull.draft,
            "close_source_branch": pull.close_source_branch,
        });
        self.api.change(Method::Put, self.of(number, &[])?, &whole).await.map(drop)
    }

    fn unsupported(&self, detail: &str) -> ForgeError {
        self.api.error(ForgeErrorKind::Unsupported, detail)
    }
}

/// A text within a query.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

impl Forge for BitbucketCloud {
    fn name(&self) -> &str {
        &self.name
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            noun: "pull request",
            body: MAX_BODY,
            title: MAX_TITLE,
            labels: false,
            drafts: true,
            assignees: false,
            auto_merge: false,
            hidden_text: false,
        }
    }

    fn open<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<PullRequest>, ForgeError>> {
        async move {
            let query = format!("state = \"OPEN\" AND source.branch.name ~ {}", quoted(&format!("{prefix}/")));
            let wanted = |pull: &Pull| below(&pull.source.branch.name, prefix);
            // The oldest first: what is opened meanwhile comes last and moves nothing to another page.
            let pulls = self.list(&["OPEN"], &query, "created_on", wanted).await?;
            let digits = pulls.iter().find_map(|pull| Some(pull.source.commit.as_ref()?.hash.len()));
            if let (Some(digits), true) = (digits, pulls.len() > 1) {
                self.learn_heads(prefix, digits).await?;
            }
            let mut open = BTreeMap::new();
            for pull in pulls {
                let pull = self.read(pull).await?;
                if pull.state == PullState::Open {
                    open.insert(pull.number, pull);
                }
            }
            Ok(open.into_values().collect())
        }
        .boxed()
    }

    fn past<'a>(&'a self, branch: &'a str, base: &'a str) -> BoxFuture<'a, Result<Vec<PullRequest>, ForgeError>> {
        async move {
            let query = format!(
                "(state = \"MERGED\" OR state = \"DECLINED\" OR state = \"SUPERSEDED\") AND source.branch.name = {} \
                 AND destination.branch.name = {}",
                quoted(branch),
                quoted(base),
            );
            let wanted = |pull: &Pull| pull.source.branch.name == branch && pull.destination.branch.name == base;
            let states = ["MERGED", "DECLINED", "SUPERSEDED"];
            let mut pulls = self.list(&states, &query, "-created_on", wanted).await?;
            pulls.sort_by_key(|pull| std::cmp::Reverse(pull.id));
            pulls.dedup_by_key(|pull| pull.id);
            pulls.truncate(MAX_PAST);
            let mut past = Vec::new();
            for pull in pulls {
                past.push(self.read(pull).await?);
            }
            past.retain(|pull| pull.state != PullState::Open);
            Ok(past)
        }
        .boxed()
    }

    fn create<'a>(&'a self, new: &'a NewPullRequest) -> BoxFuture<'a, Result<PullRequest, ForgeError>> {
        async move {
            let request = json!({
                "title": new.title,
                "description": new.body,
                "source": {"branch": {"name": new.branch}},
                "destination": {"branch": {"name": new.base}},
                "close_source_branch": false,
                "draft": new.draft,
            });
            // Where one is open for the same branches, Bitbucket answers with that one; should it refuse, it is asked for.
            let refused = match self.api.change(Method::Post, self.at(&["pullrequests"], &[])?, &request).await {
                Ok(answer) => return self.read(self.api.read(&answer)?).await,
                Err(error) if error.kind == ForgeErrorKind::Refused => error,
                Err(error) => return Err(error),
            };
            let (branch, base) = (quoted(&new.branch), quoted(&new.base));
            let query =
                format!("state = \"OPEN\" AND source.branch.name = {branch} AND destination.branch.name = {base}");
            let same = |pull: &Pull| pull.source.branch.name == new.branch && pull.destination.branch.name == new.base;
            match self.list(&["OPEN"], &query, "created_on", same).await?.pop() {
                Some(open) => self.read(open).await,
                None => Err(refused),
            }
        }
        .boxed()
    }

    fn edit<'a>(&'a self, number: u64, title: &'a str, body: &'a str) -> BoxFuture<'a, Result<(), ForgeError>> {
        let change = |pull: &mut Pull| (pull.title, pull.description) = (title.to_owned(), body.to_owned());
        self.update(number, change).boxed()
    }

    fn close(&self, number: u64) -> BoxFuture<'_, Result<(), ForgeError>> {
        async move {
            match self.api.order(Method::Post, self.of(number, &["decline"])?).await {
                Err(error) if error.kind == ForgeErrorKind::Refused => match self.one(number).await?.state.as_str() {
                    "OPEN" => Err(error),
                    _ => Ok(()),
                },
                declined => declined.map(drop),
            }
        }
        .boxed()
    }

    fn comment<'a>(&'a self, number: u64, text: &'a str) -> BoxFuture<'a, Result<(), ForgeError>> {
        async move {
            let url = self.of(number, &["comments"])?;
            self.api.change(Method::Post, url, &json!({"content": {"raw": text}})).await.map(drop)
        }
        .boxed()
    }

    fn label<'a>(&'a self, _: u64, _: &'a [String], _: &'a [String]) -> BoxFuture<'a, Result<(), ForgeError>> {
        std::future::ready(Err(self.unsupported("it has no labels"))).boxed()
    }

    fn involve<'a>(&'a self, number: u64, people: &'a People) -> BoxFuture<'a, Result<(), ForgeError>> {
        async move {
            let (reviewers, missing) = self.accounts(&people.reviewers).await?;
            if !reviewers.is_empty() {
                self.update(number, |pull| pull.reviewers.extend(reviewers)).await?;
            }
            if !people.assignees.is_empty() {
                return Err(self.unsupported("it has no assignees"));
            }
            if missing.is_empty() {
                return Ok(());
            }
            let detail = format!("no one member of the workspace is called {}", missing.join(", "));
            Err(self.api.error(ForgeErrorKind::Refused, detail))
        }
        .boxed()
    }

    fn merge_when_ready<'a>(
        &'a self,
        _: u64,
        _: &'a CommitId,
        _: MergeMethod,
    ) -> BoxFuture<'a, Result<(), ForgeError>> {
        std::future::ready(Err(self.unsupported("its API has no merging when ready"))).boxed()
    }

    fn keep_from_merging(&self, _: u64) -> BoxFuture<'_, Result<(), ForgeError>> {
        std::future::ready(Ok(())).boxed()
    }

    fn requests(&self) -> BTreeMap<String, u64> {
        self.api.requests()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_in_queries_are_quoted() {
        assert_eq!(quoted("a\"b\\c"), r#""a\"b\\c""#);
    }
}
