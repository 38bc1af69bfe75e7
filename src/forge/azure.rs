//! Azure DevOps, the service and the server.
//!
//! - The API begins at `https://dev.azure.com/ORGANIZATION` or at a server's collection; a repository is `PROJECT/REPOSITORY`, and
//!   every request names the version of the API
//!   (<https://learn.microsoft.com/rest/api/azure/devops/git/pull-requests?view=azure-devops-rest-7.1>).
//! - Credentials: a personal access token travels as `Basic` without a user. Who is not known is led to a page to sign in (203,
//!   302), unless `X-TFS-FedAuthRedirect: Suppress` asks for 401.
//! - Lists cut descriptions after 400 characters: whatever may have been cut is read again by itself. Branches are
//!   `refs/heads/...`; what comes from a fork says so in `forkSource`. States are active, completed and abandoned.
//! - A comment is a thread; ours are closed, lest a policy wait for somebody to do it.
//! - Reviewers go by the number of their identity. Names are looked up among the members of the project's teams (unique name, as
//!   `user@example.com`, or the display name that one of them has); `PROJECT/TEAM` is a team. There are no assignees.
//! - Merging when ready is auto-complete: it is set by ourselves, is bound to no head, so the head is compared before, and
//!   completes at once what no policy holds back.

mod identities;
mod shapes;

use self::shapes::{Connection, Label, List, Pull};
use super::Options;
use super::api::{Api, MAX_PAGES};
use super::fields::{basic, below};
use crate::http::Method;
use crate::port::*;
use futures::future::{BoxFuture, FutureExt};
use reqwest::header::HeaderName;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::sync::OnceCell;
use url::Url;

const VERSION: &str = "7.1";
/// Who we are is asked of a resource that never left preview.
const PREVIEW: &str = "7.1-preview";
const PAGE: usize = 100;
/// "Description (up to 4000 characters)"
const MAX_BODY: usize = 4_000;
const MAX_TITLE: usize = 255;
/// "description field will be truncated up to 400 symbols in the result"
const CUT: usize = 400;
const HEADS: &str = "refs/heads/";
/// Nobody, for taking auto-complete back.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

/// The pull requests of one repository.
#[derive(Debug)]
pub struct AzureDevOps {
    api: Api,
    project: String,
    repository: String,
    name: String,
    /// The number of our identity.
    own: OnceCell<String>,
}

impl AzureDevOps {
    /// The repository is `PROJECT/REPOSITORY`.
    pub fn new(options: Options) -> AzureDevOps {
        let login = options.login.as_ref();
        let authorization = login.map(|login| basic(login.user.as_deref().unwrap_or_default(), &login.secret));
        let mut api = Api::new(options.http, &options.api, authorization)
            .with_header(HeaderName::from_static("x-tfs-fedauthredirect"), "Suppress");
        if let Some(login) = login {
            api = api.hiding(&login.secret);
        }
        let name = format!("{}{}/{}", api.host(), options.api.path().trim_end_matches('/'), options.repository);
        let (project, repository) = options.repository.split_once('/').unwrap_or(("", &options.repository));
        let (project, repository) = (project.to_owned(), repository.to_owned());
        AzureDevOps { api, project, repository, name, own: OnceCell::new() }
    }

    /// A URL below the repository's pull requests.
    fn at(&self, parts: &[&str], query: &[(&str, &str)]) -> Result<Url, ForgeError> {
        let ours = [self.project.as_str(), "_apis", "git", "repositories", &self.repository, "pullrequests"];
        let whole: Vec<&str> = ours.iter().chain(parts).copied().collect();
        let query: Vec<(&str, &str)> = query.iter().copied().chain([("api-version", VERSION)]).collect();
        self.api.url(&whole, &query)
    }

    /// A URL below one pull request's.
    fn of(&self, number: u64, parts: &[&str]) -> Result<Url, ForgeError> {
        let number = number.to_string();
        let whole: Vec<&str> = [number.as_str()].iter().chain(parts).copied().collect();
        self.at(&whole, &[])
    }

    async fn one(&self, number: u64) -> Result<Pull, ForgeError> {
        self.api.get(self.of(number, &[])?).await
    }

    async fn update(&self, number: u64, change: Value) -> Result<(), ForgeError> {
        self.api.change(Method::Patch, self.of(number, &[])?, &change).await.map(drop)
    }

    /// Everything in a list.
    async fn pages<T: DeserializeOwned>(&self, url: &Url, enough: usize) -> Result<Vec<T>, ForgeError> {
        let mut found = Vec::new();
        for page in 0..MAX_PAGES {
            let mut url = url.clone();
            let skip = (page * PAGE).to_string();
            url.query_pairs_mut().append_pair("$top", &PAGE.to_string()).append_pair("$skip", &skip);
            let some: List<T> = self.api.get(url).await?;
            let last = some.value.len() < PAGE;
            found.extend(some.value);
            if last || found.len() >= enough {
                return Ok(found);
            }
        }
        let most = MAX_PAGES * PAGE;
        Err(self.api.error(ForgeErrorKind::TooLarge, format!("more than {most} items in one list")))
    }

    /// This repository's own that are wanted, by number, each of them whole; of more the newest.
    async fn list(
        &self,
        filters: &[(&str, &str)],
        wanted: impl Fn(&Pull) -> bool + Send,
        most: usize,
    ) -> Result<Vec<PullRequest>, ForgeError> {
        let listed: Vec<Pull> = self.pages(&self.at(&[], filters)?, usize::MAX).await?;
        let ours = listed.into_iter().filter(|pull| pull.is_of(&self.repository) && wanted(pull));
        let ours: BTreeMap<u64, Pull> = ours.map(|pull| (pull.pull_request_id, pull)).collect();
        let mut found = Vec::new();
        let older = ours.len().saturating_sub(most);
        for (number, pull) in ours.into_iter().skip(older) {
            // Lists do not promise labels and auto-complete; they matter while it is open.
            let whole = if pull.status == "active" || pull.may_be_cut() { self.one(number).await? } else { pull };
            found.push(self.read(whole)?);
        }
        Ok(found)
    }

    fn read(&self, pull: Pull) -> Result<PullRequest, ForgeError> {
        let number = pull.pull_request_id;
        let page = [self.project.as_str(), "_git", &self.repository, "pullrequest", &number.to_string()];
        let url = self.api.url(&page, &[])?;
        pull.read(url.into()).map_err(|what| {
            self.api.error(ForgeErrorKind::Malformed, format!("pull request {number} has no usable {what}"))
        })
    }

    fn refused(&self, detail: impl Into<String>) -> ForgeError {
        self.api.error(ForgeErrorKind::Refused, detail)
    }

    /// The number of our identity, asked for once.
    async fn own(&self) -> Result<&str, ForgeError> {
        let ask = || async {
            let url = self.api.url(&["_apis", "connectionData"], &[("api-version", PREVIEW)])?;
            self.api.get::<Connection>(url).await.map(|connection| connection.authenticated_user.id)
        };
        self.own.get_or_try_init(ask).await.map(String::as_str)
    }
}

impl Forge for AzureDevOps {
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
            assignees: false,
            auto_merge: true,
            hidden_text: false,
        }
    }

    fn open<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<PullRequest>, ForgeError>> {
        async move {
            let wanted =
                |pull: &Pull| pull.source_ref_name.strip_prefix(HEADS).is_some_and(|branch| below(branch, prefix));
            let mut open = self.list(&[("searchCriteria.status", "active")], wanted, usize::MAX).await?;
            open.retain(|pull| pull.state == PullState::Open);
            Ok(open)
        }
        .boxed()
    }

    fn past<'a>(&'a self, branch: &'a str, base: &'a str) -> BoxFuture<'a, Result<Vec<PullRequest>, ForgeError>> {
        async move {
            let (from, onto) = (format!("{HEADS}{branch}"), format!("{HEADS}{base}"));
            let filters = [
                ("searchCriteria.status", "all"),
                ("searchCriteria.sourceRefName", from.as_str()),
                ("searchCriteria.targetRefName", &onto),
            ];
            let wanted = |pull: &Pull| pull.status != "active" && pull.is_from(branch, base);
            let mut past = self.list(&filters, wanted, MAX_PAST).await?;
            past.retain(|pull| pull.state != PullState::Open);
            past.reverse();
            Ok(past)
        }
        .boxed()
    }

    fn create<'a>(&'a self, new: &'a NewPullRequest) -> BoxFuture<'a, Result<PullRequest, ForgeError>> {
        async move {
            let (from, onto) = (format!("{HEADS}{}", new.branch), format!("{HEADS}{}", new.base));
            let request = json!({
                "sourceRefName": from,
                "targetRefName": onto,
                "title": new.title,
                "description": new.body,
                "isDraft": new.draft,
            });
            let refused = match self.api.change(Method::Post, self.at(&[], &[])?, &request).await {
                Ok(answer) => return self.read(self.api.read(&answer)?),
                Err(error) if error.kind == ForgeErrorKind::Refused => error,
                Err(error) => return Err(error),
            };
            // 409 says that there is one, in words; which one is asked for.
            let filters = [
                ("searchCriteria.status", "active"),
                ("searchCriteria.sourceRefName", from.as_str()),
                ("searchCriteria.targetRefName", &onto),
            ];
            let same = |pull: &Pull| pull.is_from(&new.branch, &new.base);
            self.list(&filters, same, usize::MAX).await?.pop().ok_or(refused)
        }
        .boxed()
    }

    fn edit<'a>(&'a self, number: u64, title: &'a str, body: &'a str) -> BoxFuture<'a, Result<(), ForgeError>> {
        self.update(number, json!({"title": title, "description": body})).boxed()
    }

    fn close(&self, number: u64) -> BoxFuture<'_, Result<(), ForgeError>> {
        async move {
            match self.update(number, json!({"status": "abandoned"})).await {
                Err(error) if error.kind == ForgeErrorKind::Refused => match self.one(number).await?.status.as_str() {
                    "active" => Err(error),
                    _ => Ok(()),
                },
                closed => closed,
            }
        }
        .boxed()
    }

    fn comment<'a>(&'a self, number: u64, text: &'a str) -> BoxFuture<'a, Result<(), ForgeError>> {
        async move {
            let comment = json!({"parentCommentId": 0, "content": text, "commentType": "text"});
            let thread = json!({"comments": [comment], "status": "closed"});
            self.api.change(Method::Post, self.of(number, &["threads"])?, &thread).await.map(drop)
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
            for name in add {
                let url = self.of(number, &["labels"])?;
                self.api.change(Method::Post, url, &json!({ "name": name })).await?;
            }
            if remove.is_empty() {
                return Ok(());
            }
            // By number: a name may hold what the server takes for an attack in an address.
            let there: List<Label> = self.api.get(self.of(number, &["labels"])?).await?;
            for label in there.value.iter().filter(|label| remove.contains(&label.name)) {
                self.api.order(Method::Delete, self.of(number, &["labels", &label.id])?).await?;
            }
            Ok(())
        }
        .boxed()
    }

    fn involve<'a>(&'a self, number: u64, people: &'a People) -> BoxFuture<'a, Result<(), ForgeError>> {
        async move {
            let (reviewers, missing) = self.identities(&people.reviewers).await?;
            for id in reviewers {
                let url = self.of(number, &["reviewers", &id])?;
                self.api.change(Method::Put, url, &json!({"id": id, "vote": 0})).await?;
            }
            if !people.assignees.is_empty() {
                return Err(self.api.error(ForgeErrorKind::Unsupported, "it has no assignees"));
            }
            if missing.is_empty() {
                return Ok(());
            }
            Err(self.refused(format!("no one member of the project's teams is called {}", missing.join(", "))))
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
            let now = self.one(number).await?;
            if now.head() != head.0 {
                return Err(self.refused(format!("its head is {}", now.head())));
            }
            if now.status == "active" && now.auto_complete_set_by.is_some() {
                return Ok(());
            }
            let strategy = match method {
                MergeMethod::Merge => "noFastForward",
                MergeMethod::Squash => "squash",
                MergeMethod::Rebase => "rebase",
            };
            let change = json!({
                "autoCompleteSetBy": {"id": self.own().await?},
                "completionOptions": {"mergeStrategy": strategy, "deleteSourceBranch": false},
            });
            self.update(number, change).await
        }
        .boxed()
    }

    fn keep_from_merging(&self, number: u64) -> BoxFuture<'_, Result<(), ForgeError>> {
        async move {
            let now = self.one(number).await?;
            if now.status != "active" || now.auto_complete_set_by.is_none() {
                return Ok(());
            }
            self.update(number, json!({"autoCompleteSetBy": {"id": NOBODY}})).await
        }
        .boxed()
    }

    fn requests(&self) -> BTreeMap<String, u64> {
        self.api.requests()
    }
}
