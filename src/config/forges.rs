//! The shapes of `forges` and `pullRequests` in the settings, and what they mean for one config repository: which forge it is
//! on, where its API is, and what the forge calls it.
//!
//! ```yaml
//! forges:
//! - url: https://git.example.com/platform/
//!   kind: gitlab
//!   credentials: {tokenEnv: GITLAB_TOKEN}
//! pullRequests: {prefix: landwaiter, maxOpen: 20, maxPerHour: 4}
//! ```
//!
//! Repositories on github.com, gitlab.com, codeberg.org, bitbucket.org and dev.azure.com need no entry: their hosts say what
//! they are, and the token that Git uses there is used for the API too.

use super::declare::{record, words};
use super::places::{FilePath, RemoteUrl, loopback};
use super::problems::Problems;
use super::settings::{Credentials, Settings, covers_place};
use super::settings_check;
use super::settings_file::CredentialsShape;
use super::shape::{Refusal, shown};
use super::sources::BranchName;
use super::tree::Scalar;
use super::values::FromScalar;
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use url::Url;

/// What branches of pull requests begin with unless the settings say otherwise.
pub const PREFIX: &str = "landwaiter";
/// How many pull requests may be open at once unless the settings say otherwise.
pub const MAX_OPEN: usize = 20;
/// The most that either limit may be set to.
const MOST: usize = 1_000;
/// The longest prefix, in bytes: branch names have a slug and six digits more.
const MAX_PREFIX: usize = 60;

/// The forges that are spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForgeKind {
    GitHub,
    GitLab,
    /// And Forgejo.
    Gitea,
    BitbucketCloud,
    BitbucketDataCenter,
    AzureDevOps,
}

words! {
    ForgeKind {
        "github" => ForgeKind::GitHub,
        "gitlab" => ForgeKind::GitLab,
        "gitea" => ForgeKind::Gitea,
        "forgejo" => ForgeKind::Gitea,
        "bitbucketCloud" => ForgeKind::BitbucketCloud,
        "bitbucketDataCenter" => ForgeKind::BitbucketDataCenter,
        "azureDevOps" => ForgeKind::AzureDevOps,
    }
}

/// How pull requests of some repositories are opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgeSettings {
    /// The beginning of the repositories' URLs, whole path parts.
    pub url: Url,
    pub kind: ForgeKind,
    pub api: Option<Url>,
    /// What the forge calls the repository; `None` is what its URL says.
    pub repository: Option<String>,
    /// `None` is whom Git is there.
    pub credentials: Option<Credentials>,
    pub app: Option<AppSettings>,
    /// Certificates that are trusted in addition to the system's, PEM.
    pub ca_file: Option<PathBuf>,
}

/// A GitHub App that acts for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppSettings {
    pub id: u64,
    /// `None` is the one that the repository has.
    pub installation: Option<u64>,
    pub key_file: PathBuf,
}

/// What holds for all pull requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequestSettings {
    /// What their branches begin with, before a slash.
    pub prefix: String,
    /// How many may be open at once.
    pub max_open: usize,
    /// How many may be opened within an hour; `None` is any number.
    pub max_per_hour: Option<usize>,
}

impl Default for PullRequestSettings {
    fn default() -> PullRequestSettings {
        PullRequestSettings { prefix: PREFIX.to_owned(), max_open: MAX_OPEN, max_per_hour: None }
    }
}

/// A config repository on its forge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgePlace {
    pub kind: ForgeKind,
    pub api: Url,
    /// The repository's path as the forge's API wants it.
    pub repository: String,
}

record! {
    /// How pull requests of the repositories below one URL are opened.
    pub(super) struct ForgeShape {
        /// The beginning of the URLs of the config repositories this is for, such as `https://git.example.com/platform/`.
        "url" required => url: RemoteUrl,
        /// What runs there.
        "kind" required => kind: ForgeKind,
        /// Where its API begins. Without it: where that forge has it on the same host.
        "api" => api: RemoteUrl,
        /// What the forge calls the repository, such as `acme/config`. Without it: what the URL says.
        "repository" => repository: String,
        /// Whom to be there. Without it: whom Git is there.
        "credentials" => credentials: CredentialsShape,
        /// The GitHub App to be there.
        "app" => app: AppShape,
        /// PEM certificates that are trusted in addition to the system's.
        "caFile" => ca_file: FilePath,
    }
    refused {
        "host" => Refusal::Never("is called `url` here", "write `url: https://git.example.com/`"),
        "type" => Refusal::Never("is called `kind` here", "write `kind: gitlab`"),
        "token" => Refusal::Secret("write `credentials: {tokenEnv: NAME}` or `{tokenFile: PATH}`"),
    }
}

record! {
    /// A GitHub App that acts for itself.
    pub(super) struct AppShape {
        /// The number of the App.
        "id" required => id: Number,
        /// The number of its installation. Without it: the one that the repository has.
        "installation" => installation: Number,
        /// The file that holds its private key, PEM.
        "keyFile" required => key_file: FilePath,
    }
    refused {
        "key" => Refusal::Secret("`keyFile` names the file that holds the key"),
    }
}

record! {
    /// What holds for all pull requests.
    pub(super) struct PullRequestsShape {
        /// What their branches begin with, before a slash; `landwaiter` if nothing is said. What begins so is ours.
        "prefix" => prefix: Prefix,
        /// How many may be open at once; 20 if nothing is said.
        "maxOpen" => max_open: Count,
        /// How many may be opened within an hour. Without it: any number.
        "maxPerHour" => max_per_hour: Count,
    }
}

/// What our branches begin with.
#[derive(Debug, Clone)]
pub(super) struct Prefix(pub(super) String);

impl FromScalar for Prefix {
    const WANTED: &'static str = "the beginning of branch names";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Prefix> {
        let name = BranchName::from_scalar(scalar, problems)?;
        if name.0.len() > MAX_PREFIX {
            problems.error(scalar.span, format!("a prefix has at most {MAX_PREFIX} bytes"), "");
            return None;
        }
        Some(Prefix(name.0.to_string()))
    }

    fn scalar_schema() -> Json {
        json!({ "type": "string", "maxLength": MAX_PREFIX })
    }
}

/// How many pull requests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count(usize);

impl FromScalar for Count {
    const WANTED: &'static str = "a number";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Count> {
        let count = scalar.text.parse().ok().filter(|count| (1..=MOST).contains(count));
        if count.is_none() {
            let message = format!("expected a number from 1 to {MOST}, found `{}`", shown(&scalar.text));
            problems.error(scalar.span, message, "");
        }
        count.map(Count)
    }

    fn scalar_schema() -> Json {
        json!({ "type": "integer", "minimum": 1, "maximum": MOST })
    }
}

/// A number that a forge has given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number(u64);

impl FromScalar for Number {
    const WANTED: &'static str = "a number";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Number> {
        let number = scalar.text.parse().ok().filter(|number| *number > 0);
        if number.is_none() {
            problems.error(
                scalar.span,
                format!("`{}` is no number", shown(&scalar.text)),
                "as the App's page shows it",
            );
        }
        number.map(Number)
    }

    fn scalar_schema() -> Json {
        json!({ "type": "integer", "minimum": 1 })
    }
}

pub(super) fn forge(shape: ForgeShape, problems: &mut Problems) -> Option<ForgeSettings> {
    let app = shape.app.given().and_then(|app| {
        let span = app.span;
        let app = app.value;
        if shape.kind.as_given().is_some_and(|kind| kind.value != ForgeKind::GitHub) {
            problems.error(span, "only GitHub has Apps", "use `credentials`");
        }
        Some(AppSettings {
            id: app.id.value()?.0,
            installation: app.installation.value().map(|number| number.0),
            key_file: app.key_file.value()?.0,
        })
    });
    if let (Some(_), Some(credentials)) = (&app, shape.credentials.as_given()) {
        problems.error(credentials.span, "credentials of two kinds", "keep one of `app` and `credentials`");
    }
    let api = shape.api.given();
    let in_clear = |url: &Url| url.scheme() != "https" && !(url.scheme() == "http" && loopback(url));
    if let Some(api) = api.as_ref().filter(|api| in_clear(&api.value.0)) {
        problems.error(api.span, "credentials would travel unencrypted", "use an https:// URL");
    }
    Some(ForgeSettings {
        credentials: settings_check::credentials(shape.credentials, problems),
        url: shape.url.value()?.0,
        kind: shape.kind.value()?,
        api: api.map(|api| api.value.0),
        repository: shape.repository.value(),
        app,
        ca_file: shape.ca_file.value().map(|path| path.0),
    })
}

pub(super) fn pull_requests(shape: PullRequestsShape) -> PullRequestSettings {
    let usual = PullRequestSettings::default();
    PullRequestSettings {
        prefix: shape.prefix.value().map_or(usual.prefix, |prefix| prefix.0),
        max_open: shape.max_open.value().map_or(usual.max_open, |count| count.0),
        max_per_hour: shape.max_per_hour.value().map(|count| count.0),
    }
}

impl Settings {
    /// The entry that says how pull requests of the repository at `url` are opened: the one with the longest matching URL.
    pub fn forge(&self, url: &Url) -> Option<&ForgeSettings> {
        let matching = self.forges.iter().filter(|forge| covers_place(&forge.url, url));
        matching.max_by_key(|forge| forge.url.path().trim_end_matches('/').len())
    }

    /// The forge of the config repository at `url`; `None` when neither an entry nor its host says which.
    pub fn forge_place(&self, url: &Url) -> Option<ForgePlace> {
        let entry = self.forge(url);
        let kind = entry.map(|entry| entry.kind).or_else(|| well_known(url.host_str()?))?;
        let api = entry.and_then(|entry| entry.api.clone()).or_else(|| api(kind, url))?;
        let repository = entry.and_then(|entry| entry.repository.clone()).or_else(|| repository(kind, url))?;
        Some(ForgePlace { kind, api, repository })
    }
}

/// What runs on a host that everybody knows.
fn well_known(host: &str) -> Option<ForgeKind> {
    Some(match host {
        "github.com" => ForgeKind::GitHub,
        "gitlab.com" => ForgeKind::GitLab,
        "codeberg.org" => ForgeKind::Gitea,
        "bitbucket.org" => ForgeKind::BitbucketCloud,
        "dev.azure.com" | "ssh.dev.azure.com" => ForgeKind::AzureDevOps,
        _ => return None,
    })
}

/// Where the forge has its API. A repository that is reached by SSH has it on the same host, by HTTPS.
fn api(kind: ForgeKind, url: &Url) -> Option<Url> {
    let host = match (url.scheme(), url.port()) {
        ("http" | "https", Some(port)) => format!("{}:{port}", url.host_str()?),
        _ => url.host_str()?.to_owned(),
    };
    let scheme = if url.scheme() == "http" { "http" } else { "https" };
    let text = match kind {
        ForgeKind::GitHub if host == "github.com" => "https://api.github.com".to_owned(),
        ForgeKind::GitHub => format!("{scheme}://{host}/api/v3"),
        ForgeKind::GitLab => format!("{scheme}://{host}/api/v4"),
        ForgeKind::Gitea => format!("{scheme}://{host}/api/v1"),
        ForgeKind::BitbucketCloud => "https://api.bitbucket.org/2.0".to_owned(),
        ForgeKind::BitbucketDataCenter => format!("{scheme}://{host}/rest/api/1.0"),
        ForgeKind::AzureDevOps => {
            let parts = parts(url);
            let organisation = if parts.first() == Some(&"v3") { parts.get(1)? } else { parts.first()? };
            format!("https://dev.azure.com/{organisation}")
        }
    };
    Url::parse(&text).ok()
}

/// What the forge calls the repository.
fn repository(kind: ForgeKind, url: &Url) -> Option<String> {
    let parts = parts(url);
    let of = |parts: &[&str]| {
        let (last, before) = parts.split_last()?;
        let name = last.strip_suffix(".git").unwrap_or(last);
        (!before.is_empty()).then(|| format!("{}/{name}", before.join("/")))
    };
    match (kind, &parts[..]) {
        // https://dev.azure.com/acme/project/_git/config, ssh.dev.azure.com:v3/acme/project/config
        (ForgeKind::AzureDevOps, [_, project, "_git", name] | ["v3", _, project, name]) => of(&[project, name]),
        (ForgeKind::AzureDevOps, _) => None,
        // https://git.example.com/scm/KEY/config.git
        (ForgeKind::BitbucketDataCenter, ["scm", key, name]) => of(&[key, name]),
        (ForgeKind::GitLab, parts) => of(parts),
        (_, [.., owner, name]) => of(&[owner, name]),
        _ => None,
    }
}

fn parts(url: &Url) -> Vec<&str> {
    url.path().split('/').filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::read;

    fn settings(body: &str) -> Result<Settings, String> {
        let text = format!("apiVersion: landwaiter/v1\nkind: Settings\n{body}");
        read("settings.yaml", &text).map_err(|problems| problems[0].message.clone())
    }

    fn place(settings: &Settings, url: &str) -> Option<(ForgeKind, String, String)> {
        let place = settings.forge_place(&url.parse().unwrap())?;
        Some((place.kind, place.api.to_string(), place.repository))
    }

    #[test]
    fn hosts_that_everybody_knows_need_no_entry() {
        for (url, kind, api, repository) in [
            ("https://github.com/acme/config.git", ForgeKind::GitHub, "https://api.github.com/", "acme/config"),
            ("ssh://git@github.com/acme/config", ForgeKind::GitHub, "https://api.github.com/", "acme/config"),
            ("https://gitlab.com/acme/x/config.git", ForgeKind::GitLab, "https://gitlab.com/api/v4", "acme/x/config"),
            ("https://codeberg.org/acme/config", ForgeKind::Gitea, "https://codeberg.org/api/v1", "acme/config"),
            (
                "https://bitbucket.org/acme/config",
                ForgeKind::BitbucketCloud,
                "https://api.bitbucket.org/2.0",
                "acme/config",
            ),
            (
                "https://dev.azure.com/acme/shop/_git/config",
                ForgeKind::AzureDevOps,
                "https://dev.azure.com/acme",
                "shop/config",
            ),
            (
                "ssh://git@ssh.dev.azure.com/v3/acme/shop/config",
                ForgeKind::AzureDevOps,
                "https://dev.azure.com/acme",
                "shop/config",
            ),
        ] {
            let found = place(&Settings::default(), url);
            assert_eq!(found, Some((kind, api.to_owned(), repository.to_owned())), "{url}");
        }
        assert_eq!(place(&Settings::default(), "https://git.example.com/acme/config"), None);
        assert_eq!(place(&Settings::default(), "https://github.com/config"), None, "no owner");
    }

    #[test]
    fn an_entry_says_what_runs_on_a_host_of_ones_own() {
        let settings = settings(
            "forges:\n- {url: 'https://git.example.com/', kind: forgejo}\n- {url: 'https://git.example.com/scm/', kind: bitbucketDataCenter}\n- {url: 'http://localhost:3000/', kind: github, api: 'http://127.0.0.1:3001/x', repository: acme/other}\n",
        )
        .unwrap();
        let found = |url| place(&settings, url).unwrap();
        assert_eq!(found("https://git.example.com/acme/config.git").0, ForgeKind::Gitea);
        let over_ssh = found("ssh://git@git.example.com:2222/acme/config.git");
        assert_eq!((over_ssh.1.as_str(), over_ssh.2.as_str()), ("https://git.example.com/api/v1", "acme/config"));
        let longest = found("https://git.example.com/scm/PLAT/config.git");
        assert_eq!((longest.0, longest.2.as_str()), (ForgeKind::BitbucketDataCenter, "PLAT/config"));
        let told = found("http://localhost:3000/config.git");
        assert_eq!((told.1.as_str(), told.2.as_str()), ("http://127.0.0.1:3001/x", "acme/other"));
        assert_eq!(place(&settings, "https://git.example.com.evil.example/acme/config"), None);
        assert_eq!(place(&settings, "http://localhost:3002/config.git"), None, "another port is another server");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (body, message) in [
            (
                "forges: [{url: 'https://git.example.com/', kind: gitlab, app: {id: 1, keyFile: k}}]",
                "only GitHub has Apps",
            ),
            (
                "forges: [{url: 'https://git.example.com/', kind: github, api: 'http://git.example.com/'}]",
                "credentials would travel unencrypted",
            ),
            (
                "forges: [{url: 'https://git.example.com/', kind: github, app: {id: 1, keyFile: k}, credentials: {tokenEnv: T}}]",
                "credentials of two kinds",
            ),
            (
                "forges: [{url: 'https://git.example.com/', kind: github}, {url: 'https://git.example.com/', kind: gitlab}]",
                "`https://git.example.com/` is described twice",
            ),
            ("pullRequests: {maxOpen: 0}", "expected a number from 1 to 1000, found `0`"),
            ("pullRequests: {maxPerHour: 1001}", "expected a number from 1 to 1000, found `1001`"),
            ("pullRequests: {prefix: 'a b'}", "`a b` is not the name of a branch"),
        ] {
            assert_eq!(settings(body).unwrap_err(), message, "{body}");
        }
        let long = |length: usize| settings(&format!("pullRequests: {{prefix: {}}}", "x".repeat(length)));
        assert!(long(MAX_PREFIX).is_ok() && long(MAX_PREFIX + 1).is_err());
        let most = settings("pullRequests: {maxOpen: 1000, maxPerHour: 1}").unwrap().pull_requests;
        assert_eq!((most.max_open, most.max_per_hour, most.prefix.as_str()), (1000, Some(1), "landwaiter"));
    }
}
