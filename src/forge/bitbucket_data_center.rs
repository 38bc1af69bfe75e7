//! Bitbucket Data Center.
//!
//! - The API begins at `https://HOST/rest/api/1.0` (<https://developer.atlassian.com/server/bitbucket/rest/>); a repository is
//!   `PROJECT/SLUG`, with `~NAME` for a person's project.
//! - Credentials: an HTTP access token of the repository, project or account travels as `Authorization: Bearer`; with a user's name
//!   it is `Basic`. Who may not do something is refused with 401, like who is unknown.
//! - Every change of a pull request names the version that it changes; where that is out of date (409), it is read again, once.
//!   A change that does not name the reviewers takes them off.
//! - Lists name the start of the next page. Closed ones are asked for by branch. Base and head name their repositories by
//!   number, so a fork's are told apart.
//! - Merging when ready is auto-merge, since 8.15 and where the repository's switch is on: a merge with `autoMerge`, of the head
//!   that is there. What no check holds back is merged at once; an older server does only that. Lists do not say whether it
//!   was asked for.
//! - There are no labels and no assignees; drafts since 8.18. Descriptions show HTML as it is written.
//! - An unknown branch is 404, like an unknown repository: the difference is asked for.

mod shapes;

use self::shapes::{Awaited, Page, Pull};
use super::Options;
use super::api::{Api, MAX_PAGES};
use super::fields::{basic, below};
use crate::http::Method;
use crate::port::*;
use futures::future::{BoxFuture, FutureExt};
use reqwest::header::HeaderName;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use url::Url;

const PAGE: &str = "100";
/// A description may have 32,768 characters.
const MAX_BODY: usize = 32_768;
const MAX_TITLE: usize = 255;
const HEADS: &str = "refs/heads/";

/// The pull requests of one repository.
#[derive(Debug)]
pub struct BitbucketDataCenter {
    api: Api,
    project: String,
    slug: String,
    name: String,
}

impl BitbucketDataCenter {
    /// The repository is `PROJECT/SLUG`.
    pub fn new(options: Options) -> BitbucketDataCenter {
        let authorization = options.login.as_ref().map(|login| match &login.user {
            Some(user) => basic(user, &login.secret),
            None => Secret::new(format!("Bearer {}", login.secret.expose())),
        });
        // Without it, what has no body is taken for a forgery.
        let mut api = Api::new(options.http, &options.api, authorization)
            .with_header(HeaderName::from_static("x-atlassian-token"), "no-check");
        if let Some(login) = &options.login {
            api = api.hiding(&login.secret);
        }
        let name = format!("{}/{}", api.host(), options.repository);
        let (project, slug) = options.repository.split_once('/').unwrap_or(("", &options.repository));
        BitbucketDataCenter { api, project: project.to_owned(), slug: slug.to_owned(), name }
    }

    /// A URL below the repository's.
    fn at(&self, parts: &[&str], query: &[(&str, &str)]) -> Result<Url, ForgeError> {
        let ours = ["projects", &self.project, "repos", &self.slug];
        let whole: Vec<&str> = ours.iter().chain(parts).copied().collect();
        self.api.url(&whole, query)
    }

    /// A URL below one pull request's.
    fn of(&self, number: u64, parts: &[&str], query: &[(&str, &str)]) -> Result<Url, ForgeError> {
        let number = number.to_string();
        let whole: Vec<&str> = ["pull-requests", &number].iter().chain(parts).copied().collect();
        self.at(&whole, query)
    }

    async fn one(&self, number: u64) -> Result<Pull, ForgeError> {
        self.api.get(self.of(number, &[], &[])?).await
    }

    /// This repository's own that are wanted, by number; no further pages are read once there are enough.
    async fn list(
        &self,
        filters: &[(&str, &str)],
        wanted: impl Fn(&PullRequest) -> bool + Send,
        enough: usize,
    ) -> Result<Vec<PullRequest>, ForgeError> {
        let mut found = BTreeMap::new();
        let mut start = 0;
        for _ in 0..MAX_PAGES {
            let from = start.to_string();
            let mut query = vec![("limit", PAGE), ("start", from.as_str()), ("withProperties", "false")];
            query.extend_from_slice(filters);
            let page: Page = self.api.get(self.at(&["pull-requests"], &query)?).await?;
            for pull in page.values.into_iter().filter(Pull::is_of_one_repository) {
                let pull = self.read(pull)?;
                if wanted(&pull) {
                    found.insert(pull.number, pull);
                }
            }
            match page.next_page_start.filter(|_| !page.is_last_page) {
                Some(next) if next > start && found.len() < enough => start = next,
                Some(next) if next <= start => {
                    return Err(self.api.error(ForgeErrorKind::Malformed, "the next page of a list is no later one"));
                }
                _ => return Ok(found.into_values().collect()),
            }
        }
        Err(self.api.error(ForgeErrorKind::TooLarge, format!("more than {MAX_PAGES} pages in one list")))
    }

    fn read(&self, pull: Pull) -> Result<PullRequest, ForgeError> {
        let number = pull.id;
        pull.read().map_err(|what| {
            self.api.error(ForgeErrorKind::Malformed, format!("pull request {number} has no usable {what}"))
        })
    }

    fn refused(&self, detail: impl Into<String>) -> ForgeError {
        self.api.error(ForgeErrorKind::Refused, detail)
    }

    /// Changes one by its version; where somebody was faster, once more.
    async fn by_version(
        &self,
        number: u64,
        method: Method,
        parts: &[&str],
        body: impl Fn(&Pull) -> Result<Option<Value>, ForgeError> + Send,
    ) -> Result<(), ForgeError> {
        let mut now = self.one(number).await?;
        for last in [false, true] {
            let Some(body) = body(&now)? else {
                return Ok(());
            };
            let url = self.of(number, parts, &[("version", &now.version.to_string())])?;
            let refused = match self.api.change(method, url, &body).await {
                Err(error) if error.kind == ForgeErrorKind::Refused && !last => error,
                changed => return changed.map(drop),
            };
            let version = now.version;
            now = self.one(number).await?;
            if now.version == version {
                return Err(refused);
            }
        }
        Ok(())
    }

    /// The head that a merge was asked for, if one was.
    async fn awaited(&self, number: u64) -> Result<Option<String>, ForgeError> {
        match self.api.order(Method::Get, self.of(number, &["auto-merge"], &[])?).await {
            Ok(answer) if answer.body.is_empty() => Ok(None),
            Ok(answer) => self.api.read::<Awaited>(&answer).map(|awaited| Some(awaited.from_hash)),
            Err(error) if error.kind == ForgeErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Forge for BitbucketDataCenter {
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
            auto_merge: true,
            hidden_text: false,
        }
    }

    fn open<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<PullRequest>, ForgeError>> {
        let wanted = move |pull: &PullRequest| pull.state == PullState::Open && below(&pull.branch, prefix);
        // The oldest first: what is opened meanwhile comes last and moves nothing to another page.
        async move { self.list(&[("state", "OPEN"), ("order", "OLDEST")], wanted, usize::MAX).await }.boxed()
    }

    fn past<'a>(&'a self, branch: &'a str, base: &'a str) -> BoxFuture<'a, Result<Vec<PullRequest>, ForgeError>> {
        async move {
            let at = format!("{HEADS}{branch}");
            let filters = [("state", "ALL"), ("order", "NEWEST"), ("direction", "OUTGOING"), ("at", &at)];
            let wanted =
                |pull: &PullRequest| pull.state != PullState::Open && pull.branch == branch && pull.base == base;
            let mut past = self.list(&filters, wanted, MAX_PAST).await?;
            past.reverse();
            past.truncate(MAX_PAST);
            Ok(past)
        }
        .boxed()
    }

    fn create<'a>(&'a self, new: &'a NewPullRequest) -> BoxFuture<'a, Result<PullRequest, ForgeError>> {
        async move {
            let at = format!("{HEADS}{}", new.branch);
            let repository = json!({"slug": self.slug, "project": {"key": self.project}});
            let mut request = json!({
                "title": new.title,
                "description": new.body,
                "fromRef": {"id": at, "repository": repository},
                "toRef": {"id": format!("{HEADS}{}", new.base), "repository": repository},
            });
            if new.draft {
                request["draft"] = true.into();
            }
            let error = match self.api.change(Method::Post, self.at(&["pull-requests"], &[])?, &request).await {
                Ok(answer) => return self.read(self.api.read(&answer)?),
                Err(error) => error,
            };
            match error.kind {
                ForgeErrorKind::NotFound => {
                    self.api.get::<IgnoredAny>(self.at(&[], &[])?).await?;
                    Err(self.refused(error.detail))
                }
                // 409 says that there is one, among other things; which one is asked for.
                ForgeErrorKind::Refused => {
                    let filters = [("state", "OPEN"), ("direction", "OUTGOING"), ("at", &at)];
                    let same = |pull: &PullRequest| pull.branch == new.branch && pull.base == new.base;
                    self.list(&filters, same, 1).await?.pop().ok_or(error)
                }
                _ => Err(error),
            }
        }
        .boxed()
    }

    fn edit<'a>(&'a self, number: u64, title: &'a str, body: &'a str) -> BoxFuture<'a, Result<(), ForgeError>> {
        let whole = move |now: &Pull| {
            let reviewers = now.reviewers.iter().map(|reviewer| json!({"user": {"name": reviewer.user.name}}));
            let mut whole = json!({
                "version": now.version,
                "title": title,
                "description": body,
                "reviewers": reviewers.collect::<Vec<_>>(),
            });
            if let Some(draft) = now.draft {
                whole["draft"] = draft.into();
            }
            Ok(Some(whole))
        };
        async move { self.by_version(number, Method::Put, &[], whole).await }.boxed()
    }

    fn close(&self, number: u64) -> BoxFuture<'_, Result<(), ForgeError>> {
        let unless_closed = |now: &Pull| Ok((now.state == "OPEN").then(|| json!({"version": now.version})));
        async move { self.by_version(number, Method::Post, &["decline"], unless_closed).await }.boxed()
    }

    fn comment<'a>(&'a self, number: u64, text: &'a str) -> BoxFuture<'a, Result<(), ForgeError>> {
        async move {
            let url = self.of(number, &["comments"], &[])?;
            self.api.change(Method::Post, url, &json!({ "text": text })).await.map(drop)
        }
        .boxed()
    }

    fn label<'a>(&'a self, _: u64, _: &'a [String], _: &'a [String]) -> BoxFuture<'a, Result<(), ForgeError>> {
        std::future::ready(Err(self.api.error(ForgeErrorKind::Unsupported, "it has no labels"))).boxed()
    }

    fn involve<'a>(&'a self, number: u64, people: &'a People) -> BoxFuture<'a, Result<(), ForgeError>> {
        async move {
            // One by one: a name that nobody has must not keep the others from being asked.
            let mut failed = Ok(());
            for reviewer in &people.reviewers {
                let url = self.of(number, &["participants"], &[])?;
                let request = json!({"user": {"name": reviewer}, "role": "REVIEWER"});
                match self.api.change(Method::Post, url, &request).await {
                    Err(error) if error.retryable() => return Err(error),
                    Err(error) => failed = failed.and(Err(error)),
                    Ok(_) => {}
                }
            }
            if !people.assignees.is_empty() {
                return Err(self.api.error(ForgeErrorKind::Unsupported, "it has no assignees"));
            }
            failed
        }
        .boxed()
    }

    fn merge_when_ready<'a>(
        &'a self,
        number: u64,
        head: &'a CommitId,
        method: MergeMethod,
    ) -> BoxFuture<'a, Result<(), ForgeError>> {
        let strategy = match method {
            MergeMethod::Merge => "no-ff",
            MergeMethod::Squash => "squash",
            MergeMethod::Rebase => "rebase-ff-only",
        };
        let request = move |now: &Pull| match &now.from_ref.latest_commit {
            there if *there == head.0 => {
                Ok(Some(json!({"autoMerge": true, "strategyId": strategy, "version": now.version})))
            }
            there => Err(self.refused(format!("its head is {there}"))),
        };
        async move {
            if self.awaited(number).await?.as_ref() == Some(&head.0) {
                return Ok(());
            }
            self.by_version(number, Method::Post, &["merge"], request).await
        }
        .boxed()
    }

    fn keep_from_merging(&self, number: u64) -> BoxFuture<'_, Result<(), ForgeError>> {
        async move {
            match self.awaited(number).await? {
                Some(_) => self.api.order(Method::Delete, self.of(number, &["auto-merge"], &[])?).await.map(drop),
                // Nothing was asked for, or there is no such pull request.
                None => self.one(number).await.map(drop),
            }
        }
        .boxed()
    }

    fn requests(&self) -> BTreeMap<String, u64> {
        self.api.requests()
    }
}
