//! GitLab, GitLab.com and self-managed: merge requests.
//!
//! - The API begins at `https://HOST/api/v4`; the project is one part of the path, its slashes encoded
//!   (<https://docs.gitlab.com/api/rest/#namespaced-paths>).
//! - Credentials: a personal, group or project access token with the scope `api` travels as `PRIVATE-TOKEN`; an OAuth token, as
//!   which it is known by the user `oauth2`, as `Authorization: Bearer`. A job token reaches no merge request
//!   (<https://docs.gitlab.com/api/rest/authentication/>).
//! - Merge requests (<https://docs.gitlab.com/api/merge_requests/>) go by the number within the project, `iid`. Of one project
//!   `source_project_id`, `target_project_id` and the project's id are the same; a fork's differ. A draft is one by the words
//!   its title begins with (<https://docs.gitlab.com/user/project/merge_requests/drafts/>): they are hidden from whoever reads
//!   here, and kept when the title is edited.
//! - Merging when ready is auto-merge: `merge_when_pipeline_succeeds`, since 17.11 `auto_merge`; both are sent. A merge request
//!   that no pipeline and no rule holds back is merged at once. Whether it is a merge commit or a rebase is the project's own
//!   setting; we only say whether commits are squashed. Who may not merge is refused with 401 there.
//! - A line of a description or comment that begins with a slash and a word is a command (`/merge`), also through the API
//!   (<https://docs.gitlab.com/user/project/quick_actions/>). What we write may quote others, so such slashes are escaped.
//! - Without a paid plan a merge request has one reviewer and one assignee; GitLab takes the first and leaves out the others.

mod quick_actions;
mod shapes;

use self::quick_actions::escaped;
use self::shapes::{MergeRequest, Project, User};
use super::Options;
use super::api::{Api, MAX_PAGES};
use super::fields::below;
use crate::http::Method;
use crate::port::*;
use futures::future::{BoxFuture, FutureExt};
use reqwest::header::{HeaderMap, HeaderName};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::OnceCell;
use url::Url;

/// The most that one page may have.
const PAGE: usize = 100;
/// A description may have 1,048,576 characters; what is missing here is left for escaped slashes.
const MAX_BODY: usize = 1_000_000;
/// A title may have 255 characters; the words of a draft are among them.
const MAX_TITLE: usize = 255 - DRAFT.len();
const DRAFT: &str = "Draft: ";
/// What else a person may have written.
const DRAFTS: &[&str] = &["Draft:", "[Draft]", "(Draft)", "Draft -", "WIP:", "[WIP]"];
/// The user name that goes with an OAuth token when Git shows it.
const OAUTH_USER: &str = "oauth2";

/// The merge requests of one project.
#[derive(Debug)]
pub struct GitLab {
    api: Api,
    repository: String,
    name: String,
    project: OnceCell<u64>,
}

impl GitLab {
    pub fn new(options: Options) -> GitLab {
        let api = match &options.login {
            Some(login) if login.user.as_deref() == Some(OAUTH_USER) => {
                let bearer = Secret::new(format!("Bearer {}", login.secret.expose()));
                Api::new(options.http, &options.api, Some(bearer))
            }
            Some(login) => Api::new(options.http, &options.api, None)
                .with_header(HeaderName::from_static("private-token"), login.secret.expose())
                .hiding(&login.secret),
            None => Api::new(options.http, &options.api, None),
        };
        let name = format!("{}/{}", api.host(), options.repository);
        GitLab { api, repository: options.repository, name, project: OnceCell::new() }
    }

    /// A URL below the project's.
    fn at(&self, parts: &[&str], query: &[(&str, &str)]) -> Result<Url, ForgeError> {
        let whole: Vec<&str> = ["projects", &self.repository].iter().chain(parts).copied().collect();
        self.api.url(&whole, query)
    }

    /// A URL below one merge request's.
    fn of(&self, number: u64, parts: &[&str]) -> Result<Url, ForgeError> {
        let number = number.to_string();
        let whole: Vec<&str> = ["merge_requests", &number].iter().chain(parts).copied().collect();
        self.at(&whole, &[])
    }

    /// The project's number, asked for once.
    async fn project(&self) -> Result<u64, ForgeError> {
        let ask = || async { self.api.get::<Project>(self.at(&[], &[])?).await.map(|project| project.id) };
        self.project.get_or_try_init(ask).await.copied()
    }

    async fn one(&self, number: u64) -> Result<MergeRequest, ForgeError> {
        self.api.get(self.of(number, &[])?).await
    }

    async fn update(&self, number: u64, change: serde_json::Value) -> Result<(), ForgeError> {
        self.api.change(Method::Put, self.of(number, &[])?, &change).await.map(drop)
    }

    /// This project's own that are wanted, by number; no further pages are read once there are enough.
    async fn list(
        &self,
        filters: &[(&str, &str)],
        wanted: impl Fn(&PullRequest) -> bool + Send,
        enough: usize,
    ) -> Result<Vec<PullRequest>, ForgeError> {
        let project = self.project().await?;
        let mut found = BTreeMap::new();
        let mut page = "1".to_owned();
        for _ in 0..MAX_PAGES {
            let size = PAGE.to_string();
            let mut query = vec![("per_page", size.as_str()), ("page", &page), ("order_by", "created_at")];
            query.extend_from_slice(filters);
            let url = self.at(&["merge_requests"], &query)?;
            let (listed, headers) = self.api.get_with_headers::<Vec<MergeRequest>>(url).await?;
            let next = next_page(&headers, &page, listed.len());
            for request in listed.into_iter().filter(|request| request.is_of(project)) {
                let pull = self.read(request)?;
                if wanted(&pull) {
                    found.insert(pull.number, pull);
                }
            }
            match next {
                Some(next) if found.len() < enough => page = next,
                _ => return Ok(found.into_values().collect()),
            }
        }
        let most = MAX_PAGES * PAGE;
        Err(self.api.error(ForgeErrorKind::TooLarge, format!("more than {most} merge requests in one list")))
    }

    fn read(&self, request: MergeRequest) -> Result<PullRequest, ForgeError> {
        let number = request.iid;
        request.read().map_err(|what| {
            self.api.error(ForgeErrorKind::Malformed, format!("merge request {number} has no usable {what}"))
        })
    }

    /// Account numbers by name, and the names that nobody has.
    async fn accounts<'a>(&self, names: &'a [String]) -> Result<(BTreeSet<u64>, Vec<&'a str>), ForgeError> {
        let (mut found, mut missing) = (BTreeSet::new(), Vec::new());
        for name in names {
            let listed: Vec<User> = self.api.get(self.api.url(&["users"], &[("username", name)])?).await?;
            match listed.iter().find(|user| user.username.eq_ignore_ascii_case(name)) {
                Some(user) => drop(found.insert(user.id)),
                None => missing.push(name.as_str()),
            }
        }
        Ok((found, missing))
    }
}

/// The page after this one: GitLab names it, or nothing; where a proxy took the header off, a full page is not the last one.
fn next_page(headers: &HeaderMap, page: &str, items: usize) -> Option<String> {
    match headers.get("x-next-page") {
        Some(next) => next.to_str().ok().map(str::trim).filter(|next| !next.is_empty()).map(str::to_owned),
        None if items == PAGE => page.parse::<u64>().ok().map(|page| (page + 1).to_string()),
        None => None,
    }
}

impl Forge for GitLab {
    fn name(&self) -> &str {
        &self.name
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            noun: "merge request",
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
        let wanted = move |pull: &PullRequest| pull.state == PullState::Open && below(&pull.branch, prefix);
        // The oldest first: what is opened meanwhile comes last and moves nothing to another page.
        async move { self.list(&[("state", "opened"), ("sort", "asc")], wanted, usize::MAX).await }.boxed()
    }

    fn past<'a>(&'a self, branch: &'a str, base: &'a str) -> BoxFuture<'a, Result<Vec<PullRequest>, ForgeError>> {
        let wanted =
            move |pull: &PullRequest| pull.state != PullState::Open && pull.branch == branch && pull.base == base;
        async move {
            let filters = [("state", "all"), ("sort", "desc"), ("source_branch", branch), ("target_branch", base)];
            let mut past = self.list(&filters, wanted, MAX_PAST).await?;
            past.reverse();
            past.truncate(MAX_PAST);
            Ok(past)
        }
        .boxed()
    }

    fn create<'a>(&'a self, new: &'a NewPullRequest) -> BoxFuture<'a, Result<PullRequest, ForgeError>> {
        async move {
            let title = format!("{}{}", if new.draft { DRAFT } else { "" }, new.title);
            let request = json!({
                "source_branch": new.branch,
                "target_branch": new.base,
                "title": title,
                "description": escaped(&new.body),
                "remove_source_branch": false,
            });
            let refused = match self.api.change(Method::Post, self.at(&["merge_requests"], &[])?, &request).await {
                Ok(answer) => return self.read(self.api.read(&answer)?),
                Err(error) if error.kind == ForgeErrorKind::Refused => error,
                Err(error) => return Err(error),
            };
            // 409 says that there is one, in words; which one is asked for.
            let same = |pull: &PullRequest| pull.branch == new.branch && pull.base == new.base;
            let filters = [("state", "opened"), ("source_branch", &new.branch), ("target_branch", &new.base)];
            self.list(&filters, same, 1).await?.pop().ok_or(refused)
        }
        .boxed()
    }

    fn edit<'a>(&'a self, number: u64, title: &'a str, body: &'a str) -> BoxFuture<'a, Result<(), ForgeError>> {
        async move {
            let now = self.one(number).await?;
            let title = format!("{}{title}", now.titles().0);
            self.update(number, json!({"title": title, "description": escaped(body)})).await
        }
        .boxed()
    }

    fn close(&self, number: u64) -> BoxFuture<'_, Result<(), ForgeError>> {
        self.update(number, json!({"state_event": "close"})).boxed()
    }

    fn comment<'a>(&'a self, number: u64, text: &'a str) -> BoxFuture<'a, Result<(), ForgeError>> {
        async move {
            let note = json!({"body": escaped(text)});
            self.api.change(Method::Post, self.of(number, &["notes"])?, &note).await.map(drop)
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
            if let Some(label) = add.iter().chain(remove).find(|label| label.contains(',')) {
                let detail = format!("a label cannot hold a comma: {label}");
                return Err(self.api.error(ForgeErrorKind::Refused, detail));
            }
            if add.is_empty() && remove.is_empty() {
                return Ok(());
            }
            self.update(number, json!({"add_labels": add.join(","), "remove_labels": remove.join(",")})).await
        }
        .boxed()
    }

    fn involve<'a>(&'a self, number: u64, people: &'a People) -> BoxFuture<'a, Result<(), ForgeError>> {
        async move {
            let (mut reviewers, mut missing) = self.accounts(&people.reviewers).await?;
            let (mut assignees, also) = self.accounts(&people.assignees).await?;
            missing.extend(also);
            if !reviewers.is_empty() || !assignees.is_empty() {
                // What is sent replaces what is there.
                let now = self.one(number).await?;
                reviewers.extend(now.reviewers.iter().map(|user| user.id));
                assignees.extend(now.assignees.iter().map(|user| user.id));
                self.update(number, json!({"reviewer_ids": reviewers, "assignee_ids": assignees})).await?;
            }
            if missing.is_empty() {
                return Ok(());
            }
            let detail = format!("it has no account named {}", missing.join(", "));
            Err(self.api.error(ForgeErrorKind::Refused, detail))
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
            if now.merge_when_pipeline_succeeds == Some(true) && now.sha.as_ref() == Some(&head.0) {
                return Ok(());
            }
            let request = json!({
                "sha": head.0,
                "squash": method == MergeMethod::Squash,
                "auto_merge": true,
                "merge_when_pipeline_succeeds": true,
            });
            let merged = self.api.change(Method::Put, self.of(number, &["merge"])?, &request).await;
            // The token was good for reading a moment ago: 401 means that it may not merge.
            merged.map(drop).map_err(|error| match error.kind {
                ForgeErrorKind::Unauthorized => ForgeError { kind: ForgeErrorKind::Forbidden, ..error },
                _ => error,
            })
        }
        .boxed()
    }

    fn keep_from_merging(&self, number: u64) -> BoxFuture<'_, Result<(), ForgeError>> {
        async move {
            // Taking back what nobody asked for is refused with 406.
            if self.one(number).await?.merge_when_pipeline_succeeds != Some(true) {
                return Ok(());
            }
            let url = self.of(number, &["cancel_merge_when_pipeline_succeeds"])?;
            self.api.order(Method::Post, url).await.map(drop)
        }
        .boxed()
    }

    fn requests(&self) -> BTreeMap<String, u64> {
        self.api.requests()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::fields::split_draft;

    #[test]
    fn the_next_page_is_the_one_that_is_named() {
        let named =
            |next: &'static str| HeaderMap::from_iter([("x-next-page".parse().unwrap(), next.parse().unwrap())]);
        assert_eq!(next_page(&named("3"), "2", PAGE), Some("3".to_owned()));
        assert_eq!(next_page(&named(""), "2", PAGE), None);
        assert_eq!(next_page(&HeaderMap::new(), "2", PAGE), Some("3".to_owned()));
        assert_eq!(next_page(&HeaderMap::new(), "2", PAGE - 1), None);
    }

    #[test]
    fn the_longest_title_has_room_for_the_words_of_a_draft() {
        assert_eq!(MAX_TITLE, 248);
        assert_eq!(split_draft("Draft: a", DRAFTS), (DRAFT, "a"));
    }
}
