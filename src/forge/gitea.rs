//! Gitea and Forgejo, which still speak the same API.
//!
//! - The API begins at `https://HOST/api/v1` (<https://docs.gitea.com/development/api-usage>, <https://forgejo.org/docs/latest/user/api-usage/>;
//!   every installation shows its own description at `/api/swagger`).
//! - Credentials: an access token with the scopes `write:repository` and `write:issue`, for labels of an organization also
//!   `read:organization`, as `Authorization: token`.
//! - Lists have pages of at most 50, or of as many as the installation allows; `x-total-count` says how many there are in all.
//! - A pull request's head names its branch in `label`: `ref` does so only while the branch exists, and is
//!   `refs/pull/NUMBER/head` afterwards. Base and head name their repositories by number, so a fork's are told apart.
//! - Closed pull requests cannot be asked for by branch. The [`PAST_PAGES`] pages that changed last are read.
//! - A draft is one by the words its title begins with, `WIP:` unless the installation says otherwise; they are hidden from
//!   whoever reads here, and kept when the title is edited.
//! - Merging when ready (since Gitea 1.17) is a schedule; the API does not say whether there is one. It is bound to no head:
//!   what is pushed later is merged when its checks succeed, so the head is compared before. What nothing holds back is merged at
//!   once.
//! - An unknown branch is 404, like an unknown repository: the difference is asked for.

mod people;
mod shapes;

use self::shapes::Pull;
use super::Options;
use super::api::{Api, MAX_PAGES};
use super::fields::below;
use crate::http::Method;
use crate::port::*;
use futures::future::{BoxFuture, FutureExt};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use url::Url;

/// The most that one page has unless the installation allows more.
const PAGE: usize = 50;
/// Pages of closed pull requests that are read to find those of one branch.
const PAST_PAGES: usize = 10;
/// No limit is documented; this much is what others take.
const MAX_BODY: usize = 65_536;
/// A title may have 255 characters; the words of a draft are among them.
const MAX_TITLE: usize = 255 - DRAFT.len();
const DRAFT: &str = "WIP: ";
/// The words of `WORK_IN_PROGRESS_PREFIXES` where nobody changed them.
const DRAFTS: &[&str] = &["WIP:", "[WIP]"];
/// How long is waited, one after the other, for the forge to find out whether a new pull request can be merged.
const CHECKING: [Duration; 4] =
    [Duration::from_millis(250), Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// The pull requests of one repository.
#[derive(Debug)]
pub struct Gitea {
    api: Api,
    owner: String,
    repository: String,
    name: String,
}

impl Gitea {
    /// The repository is `OWNER/NAME`.
    pub fn new(options: Options) -> Gitea {
        let login = options.login.as_ref();
        let token = login.map(|login| Secret::new(format!("token {}", login.secret.expose())));
        let api = Api::new(options.http, &options.api, token);
        let name = format!("{}/{}", api.host(), options.repository);
        let (owner, repository) = options.repository.split_once('/').unwrap_or(("", &options.repository));
        Gitea { api, owner: owner.to_owned(), repository: repository.to_owned(), name }
    }

    /// A URL below the repository's.
    fn at(&self, parts: &[&str], query: &[(&str, &str)]) -> Result<Url, ForgeError> {
        let whole: Vec<&str> = ["repos", &self.owner, &self.repository].iter().chain(parts).copied().collect();
        self.api.url(&whole, query)
    }

    /// A URL below one pull request's; an issue's are those of the pull request of that number.
    fn of(&self, kind: &str, number: u64, parts: &[&str]) -> Result<Url, ForgeError> {
        let number = number.to_string();
        let whole: Vec<&str> = [kind, &number].iter().chain(parts).copied().collect();
        self.at(&whole, &[])
    }

    async fn one(&self, number: u64) -> Result<Pull, ForgeError> {
        self.api.get(self.of("pulls", number, &[])?).await
    }

    /// The items of the first pages, and whether those are all.
    async fn pages<T: DeserializeOwned>(
        &self,
        url: &Url,
        filters: &[(&str, &str)],
        most: usize,
    ) -> Result<(Vec<T>, bool), ForgeError> {
        let mut found = Vec::new();
        for page in 1..=most {
            let mut url = url.clone();
            url.query_pairs_mut()
                .extend_pairs(filters)
                .append_pair("page", &page.to_string())
                .append_pair("limit", &PAGE.to_string());
            let (items, headers) = self.api.get_with_headers::<Vec<T>>(url).await?;
            let (empty, seen) = (items.is_empty(), found.len() + items.len());
            found.extend(items);
            let total =
                headers.get("x-total-count").and_then(|total| total.to_str().ok()?.trim().parse::<usize>().ok());
            if empty || total.is_some_and(|total| seen >= total) {
                return Ok((found, true));
            }
        }
        Ok((found, false))
    }

    /// This repository's own, by number, and whether all were looked at.
    async fn list(&self, filters: &[(&str, &str)], most: usize) -> Result<(Vec<PullRequest>, bool), ForgeError> {
        // What the forge cannot show because a repository is damaged is null.
        let (listed, all) = self.pages::<Option<Pull>>(&self.at(&["pulls"], &[])?, filters, most).await?;
        let ours = listed.into_iter().flatten().filter(Pull::is_of_one_repository);
        let pulls: Result<BTreeMap<u64, PullRequest>, ForgeError> =
            ours.map(|pull| self.read(pull).map(|pull| (pull.number, pull))).collect();
        Ok((pulls?.into_values().collect(), all))
    }

    async fn list_open(&self, wanted: impl Fn(&PullRequest) -> bool + Send) -> Result<Vec<PullRequest>, ForgeError> {
        // The oldest first: what is opened meanwhile comes last and moves nothing to another page.
        let (mut open, all) = self.list(&[("state", "open"), ("sort", "oldest")], MAX_PAGES).await?;
        if !all {
            let detail = format!("more than {MAX_PAGES} pages of open pull requests");
            return Err(self.api.error(ForgeErrorKind::TooLarge, detail));
        }
        open.retain(|pull| pull.state == PullState::Open && wanted(pull));
        Ok(open)
    }

    fn read(&self, pull: Pull) -> Result<PullRequest, ForgeError> {
        let number = pull.number;
        pull.read().map_err(|what| {
            self.api.error(ForgeErrorKind::Malformed, format!("pull request {number} has no usable {what}"))
        })
    }

    fn refused(&self, detail: impl Into<String>) -> ForgeError {
        self.api.error(ForgeErrorKind::Refused, detail)
    }

    /// The pull request once the forge knows whether it can be merged, or has had time enough.
    async fn checked(&self, number: u64) -> Result<Pull, ForgeError> {
        for wait in CHECKING {
            let pull = self.one(number).await?;
            if pull.mergeable || pull.state != "open" {
                return Ok(pull);
            }
            tokio::time::sleep(wait).await;
        }
        self.one(number).await
    }
}

impl Forge for Gitea {
    fn name(&self) -> &str {
        &self.name
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            noun: "pull request",
            body: MAX_BODY,
            title: MAX_TITLE,
            labels: true,
            drafts: true,
            assignees: true,
            auto_merge: true,
            hidden_text: true,
        }
    }

    fn open<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<PullRequest>, ForgeError>> {
        self.list_open(move |pull| below(&pull.branch, prefix)).boxed()
    }

    fn past<'a>(&'a self, branch: &'a str, base: &'a str) -> BoxFuture<'a, Result<Vec<PullRequest>, ForgeError>> {
        async move {
            // The base is a filter since Gitea 1.23; before, it is overlooked.
            let filters = [("state", "closed"), ("sort", "recentupdate"), ("base_branch", base)];
            let (mut past, _) = self.list(&filters, PAST_PAGES).await?;
            past.retain(|pull| pull.state != PullState::Open && pull.branch == branch && pull.base == base);
            past.reverse();
            past.truncate(MAX_PAST);
            Ok(past)
        }
        .boxed()
    }

    fn create<'a>(&'a self, new: &'a NewPullRequest) -> BoxFuture<'a, Result<PullRequest, ForgeError>> {
        async move {
            let title = format!("{}{}", if new.draft { DRAFT } else { "" }, new.title);
            let request = json!({"head": new.branch, "base": new.base, "title": title, "body": new.body});
            let error = match self.api.change(Method::Post, self.at(&["pulls"], &[])?, &request).await {
                Ok(answer) => return self.read(self.api.read(&answer)?),
                Err(error) => error,
            };
            match error.kind {
                ForgeErrorKind::NotFound => {
                    self.api.get::<IgnoredAny>(self.at(&[], &[])?).await?;
                    Err(self.refused(format!("there is no branch {} or no branch {}", new.branch, new.base)))
                }
                // 409 says that there is one, in words; which one is asked for.
                ForgeErrorKind::Refused => {
                    let same = |pull: &PullRequest| pull.branch == new.branch && pull.base == new.base;
                    self.list_open(same).await?.pop().ok_or(error)
                }
                _ => Err(error),
            }
        }
        .boxed()
    }

    fn edit<'a>(&'a self, number: u64, title: &'a str, body: &'a str) -> BoxFuture<'a, Result<(), ForgeError>> {
        async move {
            let now = self.one(number).await?;
            let change = json!({"title": format!("{}{title}", now.titles().0), "body": body});
            self.api.change(Method::Patch, self.of("pulls", number, &[])?, &change).await.map(drop)
        }
        .boxed()
    }

    fn close(&self, number: u64) -> BoxFuture<'_, Result<(), ForgeError>> {
        async move {
            let url = self.of("pulls", number, &[])?;
            match self.api.change(Method::Patch, url, &json!({"state": "closed"})).await {
                // Merged meanwhile is 412.
                Err(error) if error.kind == ForgeErrorKind::Refused => match self.one(number).await?.state.as_str() {
                    "closed" => Ok(()),
                    _ => Err(error),
                },
                closed => closed.map(drop),
            }
        }
        .boxed()
    }

    fn comment<'a>(&'a self, number: u64, text: &'a str) -> BoxFuture<'a, Result<(), ForgeError>> {
        async move {
            let url = self.of("issues", number, &["comments"])?;
            self.api.change(Method::Post, url, &json!({"body": text})).await.map(drop)
        }
        .boxed()
    }

    fn label<'a>(
        &'a self,
        number: u64,
        add: &'a [String],
        remove: &'a [String],
    ) -> BoxFuture<'a, Result<(), ForgeError>> {
        async move {
            if !add.is_empty() {
                let ids = self.label_ids(add).await?;
                let url = self.of("issues", number, &["labels"])?;
                self.api.change(Method::Post, url, &json!({"labels": ids})).await?;
            }
            if !remove.is_empty() {
                let there = self.one(number).await?.labels.unwrap_or_default();
                for label in there.iter().filter(|label| remove.contains(&label.name)) {
                    let url = self.of("issues", number, &["labels", &label.id.to_string()])?;
                    self.api.order(Method::Delete, url).await?;
                }
            }
            Ok(())
        }
        .boxed()
    }

    fn involve<'a>(&'a self, number: u64, people: &'a People) -> BoxFuture<'a, Result<(), ForgeError>> {
        async move {
            // One by one: a name that nobody has must not keep the others from being asked.
            let mut failed = Ok(());
            for reviewer in &people.reviewers {
                match self.ask_for_review(number, reviewer).await {
                    Err(error) if error.retryable() => return Err(error),
                    Err(error) => failed = failed.and(Err(error)),
                    Ok(()) => {}
                }
            }
            if !people.assignees.is_empty() {
                self.assign(number, &people.assignees).await?;
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
        async move {
            let now = self.checked(number).await?;
            if now.head.sha != head.0 {
                return Err(self.refused(format!("its head is {}", now.head.sha)));
            }
            let request = json!({
                "Do": match method {
                    MergeMethod::Merge => "merge",
                    MergeMethod::Squash => "squash",
                    MergeMethod::Rebase => "rebase",
                },
                "merge_when_checks_succeed": true,
                "head_commit_id": head.0,
                "delete_branch_after_merge": false,
            });
            match self.api.change(Method::Post, self.of("pulls", number, &["merge"])?, &request).await {
                // 409, as for several other reasons; these words have been the same since there is a schedule.
                Err(error) if error.kind == ForgeErrorKind::Refused && error.detail.contains("already scheduled") => {
                    Ok(())
                }
                merged => merged.map(drop),
            }
        }
        .boxed()
    }

    fn keep_from_merging(&self, number: u64) -> BoxFuture<'_, Result<(), ForgeError>> {
        async move {
            match self.api.order(Method::Delete, self.of("pulls", number, &["merge"])?).await {
                // Nothing is scheduled, or there is no such pull request.
                Err(error) if error.kind == ForgeErrorKind::NotFound => self.one(number).await.map(drop),
                taken_back => taken_back.map(drop),
            }
        }
        .boxed()
    }

    fn requests(&self) -> BTreeMap<String, u64> {
        self.api.requests()
    }
}
