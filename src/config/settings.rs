//! The operator's settings as plain data: how registries and Git servers are reached, and who may touch what.
//!
//! Secrets are named, never held: whoever wires the program together reads the variable or the file. A line on which
//! somebody wrote a secret anyway is kept out of the diagnostics.
//!
//! ```
//! use landwaiter::config::settings::{self, Credentials, RegistryLogin, SecretSource};
//! let text = "apiVersion: landwaiter/v1\nkind: Settings\nregistries:\n- host: ghcr.io\n  credentials: {tokenEnv: TOKEN}\n";
//! let settings = settings::read("settings.yaml", text).unwrap();
//! let token = Credentials::Token(SecretSource::Env("TOKEN".to_owned()));
//! assert_eq!(settings.registries[0].credentials, Some(RegistryLogin::Given(token)));
//! ```

pub use super::forges::{AppSettings, ForgeKind, ForgePlace, ForgeSettings, PullRequestSettings};
pub use super::ledger::{LEDGER, LedgerSettings};
pub use super::notifications::{
    MAX_RECIPIENTS, MessageValues, NewsKind, NewsValues, NotificationSettings, RecipientKind, RecipientSettings,
};
pub use super::page::{Network, PageSettings, TrustedHeader};
use super::policies::is_document;
use super::problems::Problems;
pub use super::repositories::{MAX_BRANCHES, MAX_REPOSITORIES, RepositoryPlace, RepositorySettings, ServiceSettings};
use super::settings_check;
use super::settings_file::SettingsFile;
use super::shape::Shape;
pub use super::sources::{SourceHosts, host_of};
pub use super::telemetry::OtlpSettings;
pub use super::tenancy::Tenancy;
use super::tree;
pub use super::webhooks::{MAX_RECEIVERS, ProofSettings, ReceiverSettings, WebhookKind, WebhookSettings};
use crate::image::Repository;
use crate::policy::Words;
use crate::schedule::Freeze;
use crate::text::{Diagnostic, Severity};
use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;

/// The value of `kind` in a settings file.
pub const KIND: &str = "Settings";

/// Everything the operator decides. The default is a machine without a settings file.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub registries: Vec<RegistrySettings>,
    /// Files in the form of Docker's `config.json`.
    pub docker_config_files: Vec<PathBuf>,
    /// `None`: nothing is said about clouds.
    pub clouds: Option<Vec<Cloud>>,
    pub git: Vec<GitSettings>,
    pub forges: Vec<ForgeSettings>,
    pub pull_requests: PullRequestSettings,
    /// The hosts that `select: commit` may read from; `None` leaves it at the config repository's own.
    pub sources: Option<Vec<String>>,
    pub commit: CommitSettings,
    pub tenancy: Tenancy,
    /// Whom keyless signatures are believed by: a `trusted_root.json`.
    pub trust_root_file: Option<PathBuf>,
    pub ledger: LedgerSettings,
    pub limits: Limits,
    /// Nothing is written before it is over.
    pub freeze: Option<Freeze>,
    /// How registries are reached that have no `proxy` of their own; `None` is what the environment says.
    pub proxy: Option<Proxy>,
    /// What the service keeps up to date.
    pub repositories: Vec<RepositorySettings>,
    pub service: ServiceSettings,
    /// Who may tell of pushes; `None` listens for nobody.
    pub webhooks: Option<WebhookSettings>,
    pub notifications: NotificationSettings,
    /// Where traces go; `None`: the settings say nothing of it.
    pub otlp: Option<OtlpSettings>,
}

/// How the repositories of one host, or some of them, are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrySettings {
    /// In canonical spelling, as [`Repository::host`].
    pub host: String,
    /// Beginnings of [`Repository::path`], whole parts; empty means all.
    pub paths: Vec<String>,
    pub credentials: Option<RegistryLogin>,
    /// `None` is plain HTTP on loopback and HTTPS everywhere else.
    pub plain_http: Option<bool>,
    pub ca_file: Option<PathBuf>,
    /// Given together or not at all.
    pub client_cert_file: Option<PathBuf>,
    pub client_key_file: Option<PathBuf>,
    pub concurrency: Option<NonZeroUsize>,
    /// For how long a tag list counts. It holds for the whole host.
    pub cache_for: Option<Duration>,
    pub requests_per_second: Option<NonZeroU32>,
    pub proxy: Option<Proxy>,
    /// `HOST` or `HOST/PATH` each, asked in this order instead of the host and the paths of this entry.
    pub mirrors: Vec<String>,
    /// Whether the registry itself is never asked.
    pub mirrors_only: bool,
}

/// How connections leave this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proxy {
    /// Without a proxy, whatever the environment says.
    Direct,
    /// `http` or `https`, without credentials.
    Url(Url),
}

/// How the Git repositories below one URL are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitSettings {
    /// The beginning of their URLs, whole path parts.
    pub url: Url,
    pub credentials: Option<Credentials>,
    pub ssh_key_file: Option<PathBuf>,
    pub known_hosts_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
}

/// Whom to be at a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryLogin {
    Given(Credentials),
    /// The program `docker-credential-NAME` knows.
    Helper(String),
    Cloud(Cloud),
}

/// A cloud whose identities log in to its own registries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cloud {
    Aws,
    Google,
    Azure,
}

/// Whom to be at a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    Basic { user: UserSource, password: SecretSource },
    Token(SecretSource),
}

impl Credentials {
    fn files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let sources = match self {
            Credentials::Token(token) => [Some(token), None],
            Credentials::Basic { user: UserSource::From(user), password } => [Some(user), Some(password)],
            Credentials::Basic { user: UserSource::Name(_), password } => [Some(password), None],
        };
        sources.into_iter().flatten().filter_map(|source| match source {
            SecretSource::File(file) => Some(file),
            SecretSource::Env(_) => None,
        })
    }
}

/// Where a user's name comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserSource {
    Name(String),
    From(SecretSource),
}

/// Where a secret comes from. Relative files are below the settings file's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    Env(String),
    File(PathBuf),
}

/// What commits look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitSettings {
    /// Name and address.
    pub author: Option<(String, String)>,
    /// Name and address; `None` is the author.
    pub committer: Option<(String, String)>,
    /// Filled with [`crate::plan::MessageValues`].
    pub words: Words,
    /// Whether the message names policies and images for tools; what later runs read stays.
    pub trailers: bool,
    /// Whether it ends with `Signed-off-by`.
    pub sign_off: bool,
    pub signing: Option<SigningSettings>,
}

/// The key that commits are signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningSettings {
    pub key_file: PathBuf,
    pub passphrase: Option<SecretSource>,
}

impl Default for CommitSettings {
    fn default() -> CommitSettings {
        CommitSettings {
            author: None,
            committer: None,
            words: Words::default(),
            trailers: true,
            sign_off: false,
            signing: None,
        }
    }
}

/// Bounds; `None` keeps the built-in one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// In bytes.
    pub max_file_size: Option<u64>,
    pub timeout: Option<Duration>,
    /// How long a run asks registries.
    pub run_deadline: Option<Duration>,
    /// Commits of the config repository that are looked at.
    pub history: Option<usize>,
    /// Changes of one run.
    pub changes_per_run: Option<NonZeroUsize>,
}

impl Settings {
    /// The entry that says how `repository` is reached: the one with the longest matching path.
    pub fn registry(&self, repository: &Repository) -> Option<&RegistrySettings> {
        let longest = |registry: &RegistrySettings| {
            let paths = registry.paths.iter().filter(|path| below(repository.path(), path));
            let longest = paths.map(String::len).max();
            longest.or_else(|| registry.paths.is_empty().then_some(0))
        };
        let host = self.registries.iter().filter(|registry| registry.host == repository.host());
        host.filter_map(|registry| Some((longest(registry)?, registry)))
            .max_by_key(|(length, _)| *length)
            .map(|(_, registry)| registry)
    }

    /// By host: for how long a tag list that was read counts. Of several entries the shortest time holds.
    pub fn cache_for(&self) -> BTreeMap<String, Duration> {
        let mut times: BTreeMap<String, Duration> = BTreeMap::new();
        for (host, time) in self.registries.iter().filter_map(|one| Some((&one.host, one.cache_for?))) {
            times.entry(host.clone()).and_modify(|known| *known = time.min(*known)).or_insert(time);
        }
        times
    }

    /// The same settings with relative files below `folder`, the one that holds the settings file.
    pub fn relative_to(mut self, folder: &Path) -> Settings {
        let place = |file: &mut PathBuf| *file = folder.join(&*file);
        for registry in &mut self.registries {
            if let Some(RegistryLogin::Given(credentials)) = &mut registry.credentials {
                credentials.files().for_each(place);
            }
            let files = [&mut registry.ca_file, &mut registry.client_cert_file, &mut registry.client_key_file];
            files.into_iter().flatten().for_each(place);
        }
        if let Some(signing) = &mut self.commit.signing {
            place(&mut signing.key_file);
            if let Some(SecretSource::File(file)) = &mut signing.passphrase {
                place(file);
            }
        }
        self.docker_config_files.iter_mut().for_each(place);
        for git in &mut self.git {
            git.credentials.iter_mut().flat_map(Credentials::files).for_each(place);
            let files = [&mut git.ssh_key_file, &mut git.known_hosts_file, &mut git.ca_file];
            files.into_iter().flatten().for_each(place);
        }
        for forge in &mut self.forges {
            forge.credentials.iter_mut().flat_map(Credentials::files).for_each(place);
            forge.app.iter_mut().map(|app| &mut app.key_file).chain(&mut forge.ca_file).for_each(place);
        }
        let page = self.service.page.as_mut().and_then(PageSettings::file);
        self.trust_root_file.iter_mut().chain(self.ledger.file()).chain(page).for_each(place);
        let receivers = self.webhooks.iter_mut().flat_map(|webhooks| &mut webhooks.receivers);
        receivers.flat_map(ReceiverSettings::files_mut).for_each(place);
        self.notifications.files().for_each(place);
        self.otlp.iter_mut().flat_map(OtlpSettings::files).for_each(place);
        for repository in &mut self.repositories {
            if let RepositoryPlace::Path(path) = &mut repository.place {
                place(path);
            }
        }
        self
    }

    /// The entry that says how the Git repository at `url` is reached: the one with the longest matching URL.
    pub fn git(&self, url: &Url) -> Option<&GitSettings> {
        let matching = self.git.iter().filter(|git| covers(&git.url, url));
        matching.max_by_key(|git| (git.url.path().trim_end_matches('/').len(), !git.url.username().is_empty()))
    }
}

/// Whether `path` is `prefix` or lies below it, part by part.
fn below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a repository at `url` is below `prefix`, however each is reached: `https://a.example/x/` covers
/// `ssh://git@a.example:2222/x/y.git`.
pub(super) fn covers_place(prefix: &Url, url: &Url) -> bool {
    let by_http = |url: &Url| matches!(url.scheme(), "http" | "https");
    let ports = !(by_http(prefix) && by_http(url)) || prefix.port_or_known_default() == url.port_or_known_default();
    prefix.host_str() == url.host_str() && ports && below(url.path(), prefix.path().trim_end_matches('/'))
}

/// Same server, and the path below the prefix's: `https://a.example` never covers `https://a.example.org`.
fn covers(prefix: &Url, url: &Url) -> bool {
    let user = prefix.username().is_empty() || prefix.username() == url.username();
    prefix.scheme() == url.scheme()
        && prefix.host() == url.host()
        && prefix.port_or_known_default() == url.port_or_known_default()
        && user
        && below(url.path(), prefix.path().trim_end_matches('/'))
}

/// Reads the settings, or lists every problem.
pub fn read(path: &str, text: &str) -> Result<Settings, Vec<Diagnostic>> {
    let mut problems = Problems::new(path, text);
    let mut documents = tree::documents(text, &mut problems).into_iter();
    let mut settings = Settings::default();
    match documents.next() {
        Some(root) if is_document(&root, KIND, &mut problems) => {
            if let Some(file) = SettingsFile::read(&root, &mut problems) {
                settings = settings_check::settings(file, &mut problems);
            }
        }
        _ => {}
    }
    if let Some(second) = documents.next() {
        problems.error(second.span, "settings are one document", "put everything under one `kind: Settings`");
    }
    let diagnostics = problems.into_diagnostics();
    if diagnostics.iter().any(|one| one.severity == Severity::Error) {
        return Err(diagnostics);
    }
    Ok(settings)
}

#[cfg(test)]
mod tests;
