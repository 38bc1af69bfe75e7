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

use super::policies::is_document;
use super::problems::Problems;
use super::settings_check;
use super::settings_file::SettingsFile;
use super::shape::Shape;
pub use super::sources::{SourceHosts, host_of};
pub use super::tenancy::Tenancy;
use super::tree;
use crate::image::Repository;
use crate::policy::Words;
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
    /// The hosts that `select: commit` may read from; `None` leaves it at the config repository's own.
    pub sources: Option<Vec<String>>,
    pub commit: CommitSettings,
    pub tenancy: Tenancy,
    /// Whom keyless signatures are believed by: a `trusted_root.json`.
    pub trust_root_file: Option<PathBuf>,
    pub limits: Limits,
    /// How registries are reached that have no `proxy` of their own; `None` is what the environment says.
    pub proxy: Option<Proxy>,
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
    /// Whether the message ends with trailers.
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
        self.trust_root_file.iter_mut().for_each(place);
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
mod tests {
    use super::*;

    fn settings(body: &str) -> Settings {
        read("settings.yaml", &format!("apiVersion: landwaiter/v1\nkind: Settings\n{body}")).unwrap()
    }

    #[test]
    fn a_registry_is_found_by_host_and_longest_path() {
        let settings = settings(
            "registries:
- {host: ghcr.io, concurrency: 1}
- {host: ghcr.io, paths: [acme], concurrency: 2}
- {host: ghcr.io, paths: [other, acme/web], concurrency: 3}
- {host: index.docker.io, paths: [library], concurrency: 4}
",
        );
        for (image, found) in [
            ("ghcr.io/else/x", Some(1)),
            ("ghcr.io/acme/api", Some(2)),
            ("ghcr.io/acmes/api", Some(1)),
            ("ghcr.io/acme/web", Some(3)),
            ("ghcr.io/acme/web/nginx", Some(3)),
            ("ghcr.io/acme/website", Some(2)),
            ("nginx", Some(4)),
            ("acme/web", None),
            ("quay.io/acme/web", None),
        ] {
            let registry = settings.registry(&Repository::parse(image).unwrap());
            let number = registry.and_then(|registry| registry.concurrency).map(NonZeroUsize::get);
            assert_eq!(number, found, "{image}");
        }
    }

    #[test]
    fn credentials_never_reach_a_server_whose_name_only_begins_alike() {
        let settings = settings(
            "git:
- {url: 'https://git.example.com', caFile: all}
- {url: 'https://git.example.com/acme', caFile: acme}
- {url: 'http://localhost:3000/', caFile: local}
- {url: 'ssh://git@git.example.com', sshKeyFile: key}
",
        );
        for (url, found) in [
            ("https://git.example.com/x/y.git", Some("all")),
            ("https://git.example.com:443/x", Some("all")),
            ("https://git.example.com/acme/config", Some("acme")),
            ("https://git.example.com/acmes/config", Some("all")),
            ("https://git.example.com.evil.example/acme/config", None),
            ("https://git.example.com@evil.example/acme/config", None),
            ("https://git.example.com:444/acme", None),
            ("http://git.example.com/acme", None),
            ("http://localhost:3000/x", Some("local")),
            ("ssh://git@git.example.com/x", Some("key")),
            ("ssh://root@git.example.com/x", None),
        ] {
            let git = settings.git(&Url::parse(url).unwrap());
            let file = git.and_then(|git| git.ca_file.as_ref().or(git.ssh_key_file.as_ref()));
            assert_eq!(file.and_then(|file| file.to_str()), found, "{url}");
        }
    }

    #[test]
    fn what_is_not_said_is_the_default() {
        let settings = settings("");
        assert!(settings.registries.is_empty() && settings.git.is_empty());
        assert_eq!(settings.commit, CommitSettings::default());
        assert!(settings.commit.trailers);
        assert_eq!(settings.limits, Limits::default());
    }

    #[test]
    fn everything_that_is_said_arrives() {
        let settings = settings(
            "registries:
- host: GHCR.io
  credentials: {userEnv: U, passwordFile: p}
  plainHttp: true
  caFile: ca.pem
- {host: quay.io, credentials: {helper: ecr-login}}
- {host: public.ecr.aws, credentials: {cloud: aws}}
dockerConfigFiles: [pull/.dockerconfigjson]
clouds: [azure, google]
commit:
  author: {name: Bot, email: bot@example.com}
  subject: '{{ count }} changes'
  trailers: false
  signOff: true
  signing: {keyFile: key, passphraseEnv: PHRASE}
limits: {maxFileSize: 512KiB, timeout: 2m}
",
        );
        let registry = &settings.registries[0];
        assert_eq!(registry.host, "ghcr.io");
        assert_eq!(registry.plain_http, Some(true));
        assert_eq!(registry.ca_file, Some(PathBuf::from("ca.pem")));
        let user = UserSource::From(SecretSource::Env("U".to_owned()));
        let password = SecretSource::File(PathBuf::from("p"));
        assert_eq!(registry.credentials, Some(RegistryLogin::Given(Credentials::Basic { user, password })));
        assert_eq!(settings.registries[1].credentials, Some(RegistryLogin::Helper("ecr-login".to_owned())));
        assert_eq!(settings.registries[2].credentials, Some(RegistryLogin::Cloud(Cloud::Aws)));
        assert_eq!(settings.docker_config_files, [PathBuf::from("pull/.dockerconfigjson")]);
        assert_eq!(settings.clouds, Some(vec![Cloud::Azure, Cloud::Google]));
        assert_eq!(settings.commit.author, Some(("Bot".to_owned(), "bot@example.com".to_owned())));
        assert_eq!(settings.commit.committer, None);
        assert_eq!(settings.commit.words.subject.unwrap().source(), "{{ count }} changes");
        assert!(!settings.commit.trailers);
        assert!(settings.commit.sign_off);
        let signing = settings.commit.signing.unwrap();
        assert_eq!(signing.key_file, PathBuf::from("key"));
        assert_eq!(signing.passphrase, Some(SecretSource::Env("PHRASE".to_owned())));
        assert_eq!(settings.limits.max_file_size, Some(512 * 1024));
        assert_eq!(settings.limits.timeout, Some(Duration::from_secs(120)));
    }

    /// Wherever a secret is put by mistake, no diagnostic shows it.
    #[test]
    fn a_secret_in_the_wrong_place_is_never_repeated() {
        for body in [
            "registries: [{host: a.example.com, credentials: {password: hunter2, wrong: 1}}]",
            "registries: [{host: a.example.com, credentials: {pasword: hunter2}}]",
            "registries:\n- {host: a.example.com, token: hunter2}",
            "registries: [{host: a.example.com, credentials: {tokenEnv: 'hunter2!'}}]",
            "registries: [{host: a.example.com, credentials: {password: 'hunter2}}]",
            "git: [{url: 'https://bot:hunter2@git.example.com'}]",
            "git: [{url: 'https://hunter2@git.example.com'}]",
            "git: [{url: 'bot:hunter2@git.example.com/x'}]",
            "git: [{url: 'https://git.example.com', sshKey: hunter2}]",
            "git: [{url: 'https://git.example.com', credentials: {token: hunter2}, credentials: {}}]",
        ] {
            let text = format!("apiVersion: landwaiter/v1\nkind: Settings\n{body}\n");
            let problems = read("settings.yaml", &text).expect_err(body);
            for problem in problems {
                let shown = problem.render(&text, false);
                assert!(!shown.contains("hunter2"), "{body}\n{shown}");
            }
        }
    }
}
