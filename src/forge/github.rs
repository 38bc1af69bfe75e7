//! GitHub: github.com, its hosts with data residency (`SUBDOMAIN.ghe.com`), and GitHub Enterprise Server.
//!
//! | file | holds |
//! |---|---|
//! | `call` | one call: credentials, the pause between changes, a token that is renewed |
//! | `commit` | commits that GitHub makes, and so signs |
//! | `login` | a token, or an App: its assertion, and the installation's token for as long as it is good |
//! | `merge` | merging by itself, which only the GraphQL interface knows |
//! | `people` | labels, reviewers, assignees |
//! | `pulls` | pull requests themselves |
//! | `refusal` | what GitHub says when it does not do a thing, and how long it wants to be left alone |
//! | `shapes` | what GitHub sends, as far as it is read |
//!
//! <https://docs.github.com/en/rest/pulls/pulls>; labels, comments and assignees are those of issues, as every pull request
//! is one.

mod call;
mod commit;
mod login;
mod merge;
mod people;
mod pulls;
mod refusal;
mod shapes;

use super::Options;
use super::api::Api;
use crate::http::{Method, authority};
use crate::port::{
    Abilities, ApiCommit, Clock, CommitId, Forge, ForgeError, ForgeErrorKind, Login, MergeMethod, NewPullRequest,
    People, PullRequest, Secret,
};
use call::{Call, Manners, bearer};
use futures::future::BoxFuture;
use login::Who;
use reqwest::header::HeaderName;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// The version of the REST interface that is spoken
/// (<https://docs.github.com/en/rest/about-the-rest-api/api-versions>).
const API_VERSION: &str = "2022-11-28";
/// Between two changes: GitHub asks for a second at least
/// (<https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api>).
const PAUSE: Duration = Duration::from_secs(1);
/// What is lacking, most likely, where GitHub refuses one of these or denies that they are there.
const PULL_REQUESTS: &str = "pull requests: write";
const PULL_REQUESTS_READ: &str = "pull requests: read";
const METADATA: &str = "metadata: read";

/// A GitHub App that is installed where the repository is. Plain data, read by others from settings.
#[derive(Debug, Clone)]
pub struct GitHubApp {
    /// The App's id, or its client id.
    pub id: String,
    /// Looked up by the repository where it is not given.
    pub installation: Option<u64>,
    /// The private key that GitHub generated for the App, as PEM.
    pub key: Secret,
}

/// The pull requests of one repository on GitHub.
#[derive(Debug)]
pub struct GitHub {
    api: Api,
    graphql: Url,
    who: Who,
    owner: String,
    repository: String,
    name: String,
    manners: Manners,
}

impl GitHub {
    /// With [`Options::login`] as the token, or as nobody. The repository's path is `OWNER/NAME`.
    pub fn new(options: Options) -> Result<GitHub, ForgeError> {
        let who = options.login.as_ref().map_or(Who::Nobody, |login| Who::Token(login.secret.clone()));
        GitHub::known_as(options, who)
    }

    /// As an App's installation, whose tokens are fetched and renewed by themselves; [`Options::login`] is not looked at.
    pub fn with_app(options: Options, app: GitHubApp, clock: Arc<dyn Clock>) -> Result<GitHub, ForgeError> {
        let host = authority(&options.api);
        let who = Who::app(app, clock).map_err(|detail| ForgeError {
            host,
            kind: ForgeErrorKind::Unauthorized,
            detail: detail.to_owned(),
        })?;
        GitHub::known_as(options, who)
    }

    fn known_as(options: Options, who: Who) -> Result<GitHub, ForgeError> {
        // Calls carry what is good when they are made; this one is hidden wherever something is told.
        let known = if let Who::Token(token) = &who { Some(bearer(token)) } else { None };
        let api = Api::new(options.http, &options.api, known)
            .with_header(HeaderName::from_static("x-github-api-version"), API_VERSION);
        let Some((owner, repository)) = owner_and_name(&options.repository) else {
            return Err(api.error(ForgeErrorKind::NotFound, "a repository is named OWNER/NAME here"));
        };
        let name = format!("{}/{owner}/{repository}", for_people(&options.api));
        let (owner, repository) = (owner.to_owned(), repository.to_owned());
        Ok(GitHub { graphql: graphql(&options.api), api, who, owner, repository, name, manners: Manners::new(PAUSE) })
    }

    /// The same with another pause between two changes than the second that GitHub asks for.
    pub fn pausing(mut self, pause: Duration) -> GitHub {
        self.manners = Manners::new(pause);
        self
    }

    /// What Git logs in with over HTTPS, good for some minutes at least; `None` where we are nobody.
    pub async fn git_login(&self) -> Result<Option<Login>, ForgeError> {
        let token = self.token().await?;
        Ok(token.map(|secret| Login { user: Some("x-access-token".to_owned()), secret }))
    }

    /// `acme/config`.
    fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.repository)
    }

    /// A call below the repository's address.
    fn call<'a>(&'a self, method: Method, below: &[&'a str], needs: &'static str) -> Call<'a> {
        let path = ["repos", &self.owner, &self.repository].into_iter().chain(below.iter().copied()).collect();
        Call { method, path, query: &[], body: None, needs }
    }
}

impl Forge for GitHub {
    fn name(&self) -> &str {
        &self.name
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            noun: "pull request",
            // GitHub counts characters; no text of so many bytes has more of them.
            body: 65_536,
            title: 256,
            labels: true,
            drafts: true,
            assignees: true,
            auto_merge: true,
            hidden_text: true,
        }
    }

    fn open<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<PullRequest>, ForgeError>> {
        Box::pin(self.all_open(prefix))
    }

    fn past<'a>(&'a self, branch: &'a str, base: &'a str) -> BoxFuture<'a, Result<Vec<PullRequest>, ForgeError>> {
        Box::pin(self.between(branch, base, "closed"))
    }

    fn create<'a>(&'a self, new: &'a NewPullRequest) -> BoxFuture<'a, Result<PullRequest, ForgeError>> {
        Box::pin(self.open_new(new))
    }

    fn edit<'a>(&'a self, number: u64, title: &'a str, body: &'a str) -> BoxFuture<'a, Result<(), ForgeError>> {
        Box::pin(self.patch(number, json!({ "title": title, "body": body })))
    }

    fn close(&self, number: u64) -> BoxFuture<'_, Result<(), ForgeError>> {
        Box::pin(self.patch(number, json!({ "state": "closed" })))
    }

    fn comment<'a>(&'a self, number: u64, text: &'a str) -> BoxFuture<'a, Result<(), ForgeError>> {
        Box::pin(async move {
            let number = number.to_string();
            let call = self.call(Method::Post, &["issues", &number, "comments"], PULL_REQUESTS);
            self.done(call.with(json!({ "body": text }))).await.map(drop)
        })
    }

    fn label<'a>(
        &'a self,
        number: u64,
        add: &'a [String],
        remove: &'a [String],
    ) -> BoxFuture<'a, Result<(), ForgeError>> {
        Box::pin(self.put_labels(number, add, remove))
    }

    fn involve<'a>(&'a self, number: u64, people: &'a People) -> BoxFuture<'a, Result<(), ForgeError>> {
        Box::pin(async move {
            if !people.reviewers.is_empty() {
                self.ask_for_review(number, &people.reviewers).await?;
            }
            if !people.assignees.is_empty() {
                self.assign(number, &people.assignees).await?;
            }
            Ok(())
        })
    }

    fn merge_when_ready<'a>(
        &'a self,
        number: u64,
        head: &'a CommitId,
        method: MergeMethod,
    ) -> BoxFuture<'a, Result<(), ForgeError>> {
        Box::pin(self.have_it_merge(number, head, method))
    }

    fn keep_from_merging(&self, number: u64) -> BoxFuture<'_, Result<(), ForgeError>> {
        Box::pin(self.have_it_wait(number))
    }

    fn commit<'a>(&'a self, new: &'a ApiCommit) -> BoxFuture<'a, Result<CommitId, ForgeError>> {
        Box::pin(self.make_commit(new))
    }

    fn requests(&self) -> BTreeMap<String, u64> {
        self.api.requests()
    }
}

fn owner_and_name(path: &str) -> Option<(&str, &str)> {
    let (owner, name) = path.split_once('/')?;
    let plain = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains('/');
    (plain(owner) && plain(name)).then_some((owner, name))
}

/// The host that people know, of an API's address: of the hosts that GitHub runs itself, the API has one of its own.
fn for_people(api: &Url) -> String {
    let host = authority(api);
    match host.strip_prefix("api.") {
        Some(rest) if rest == "github.com" || rest.ends_with(".ghe.com") => rest.to_owned(),
        _ => host,
    }
}

/// The GraphQL interface beside the REST one: `/graphql` beside `/`, `/api/graphql` beside `/api/v3`.
fn graphql(api: &Url) -> Url {
    let mut url = api.clone();
    let path = api.path().trim_end_matches('/');
    let path = path.strip_suffix("/v3").unwrap_or(path);
    url.set_path(&format!("{path}/graphql"));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_every_kind_of_github() {
        for (api, people, interface) in [
            ("https://api.github.com", "github.com", "https://api.github.com/graphql"),
            ("https://api.acme.ghe.com/", "acme.ghe.com", "https://api.acme.ghe.com/graphql"),
            ("https://git.example.com/api/v3", "git.example.com", "https://git.example.com/api/graphql"),
            ("https://git.example.com/api/v3/", "git.example.com", "https://git.example.com/api/graphql"),
            ("https://api.example.com:8443/api/v3", "api.example.com:8443", "https://api.example.com:8443/api/graphql"),
        ] {
            let url: Url = api.parse().unwrap();
            assert_eq!((for_people(&url).as_str(), graphql(&url).as_str()), (people, interface), "{api}");
        }
    }

    #[test]
    fn a_repository_has_an_owner_and_a_name() {
        assert_eq!(owner_and_name("acme/config"), Some(("acme", "config")));
        for path in ["", "acme", "acme/", "/config", "acme/config/x", "../config", "acme/.."] {
            assert_eq!(owner_and_name(path), None, "{path}");
        }
    }
}
