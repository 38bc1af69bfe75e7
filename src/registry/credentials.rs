//! Which login goes to which repository.
//!
//! A login is bound to a host and, where one is given, a path prefix; the longest prefix wins, compared part by part (so
//! `ghcr.io/acme` covers `ghcr.io/acme/web` and not `ghcr.io/acme2`). What was added first outranks what comes later with
//! the same scope: settings before Docker's file.
//!
//! Entries that cannot be used yet (credential helpers, identity tokens) are remembered as such, so that a refusal can name
//! the reason.
//!
//! ```
//! use landwaiter::registry::Credentials;
//! let mut credentials = Credentials::default();
//! credentials.add_docker_config(r#"{"auths": {"ghcr.io": {"auth": "am9lOnB3"}}}"#, "config.json").unwrap();
//! ```

use super::docker_config::{self, InvalidDockerConfig, Unusable};
use crate::image::{DOCKER_HUB, Repository};
use crate::port::Login;

/// Every login the operator gave.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    /// `HOST` or `HOST/PATH`.
    scope: String,
    login: Result<Login, Unusable>,
    source: String,
}

/// What applies to one repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    Nothing,
    /// `index` tells this login from every other of the same [`Credentials`].
    Login {
        index: usize,
        login: &'a Login,
        source: &'a str,
    },
    Unusable {
        why: Unusable,
        source: &'a str,
    },
}

impl Credentials {
    /// Binds a login to `HOST` or `HOST/PATH`; `source` is how messages name where it came from.
    pub fn add(&mut self, scope: &str, login: Login, source: &str) {
        self.push(scope, Ok(login), source);
    }

    /// Adds what Docker's `config.json` says; `file` is how messages name it.
    pub fn add_docker_config(&mut self, text: &str, file: &str) -> Result<(), InvalidDockerConfig> {
        for (key, login) in docker_config::logins(text, file)? {
            self.push(&key, login, file);
        }
        Ok(())
    }

    fn push(&mut self, scope: &str, login: Result<Login, Unusable>, source: &str) {
        self.entries.push(Entry { scope: normal_scope(scope), login, source: source.to_owned() });
    }

    /// The entry for this repository: the longest scope that covers it, and of equal ones the first.
    pub(crate) fn find(&self, repository: &Repository) -> Found<'_> {
        let covering = self.entries.iter().enumerate().filter(|(_, entry)| covers(&entry.scope, repository.as_str()));
        let best = covering.max_by_key(|(index, entry)| (entry.scope.len(), std::cmp::Reverse(*index)));
        let Some((index, entry)) = best else {
            return Found::Nothing;
        };
        let source = &entry.source;
        match &entry.login {
            Ok(login) => Found::Login { index, login, source },
            Err(why) => Found::Unusable { why, source },
        }
    }
}

fn covers(scope: &str, repository: &str) -> bool {
    repository.strip_prefix(scope).is_some_and(|rest| rest.starts_with('/') || rest.is_empty())
}

/// `HOST/PATH` in lower-case host, whatever Docker wrote: a URL, `index.docker.io/v1/`, a final slash.
fn normal_scope(written: &str) -> String {
    let bare = written.trim();
    let url = bare.strip_prefix("https://").or_else(|| bare.strip_prefix("http://"));
    let (host, path) = url.unwrap_or(bare).split_once('/').unwrap_or((url.unwrap_or(bare), ""));
    let host = host.to_ascii_lowercase();
    let path = path.trim_matches('/');
    let host = match host.as_str() {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => DOCKER_HUB,
        other => other,
    };
    // The API's version in a key is how Docker wrote addresses once; it is no part of any repository's name.
    let path = if matches!(path, "v1" | "v2") { "" } else { path };
    if path.is_empty() { host.to_owned() } else { format!("{host}/{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::Secret;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    fn login(user: &str, password: &str) -> Login {
        Login { user: Some(user.to_owned()), secret: Secret::new(password) }
    }

    fn shown(credentials: &Credentials, repository: &str) -> String {
        match credentials.find(&Repository::parse(repository).unwrap()) {
            Found::Nothing => "nothing".to_owned(),
            Found::Login { login, .. } => {
                format!("{}:{}", login.user.clone().unwrap_or_default(), login.secret.expose())
            }
            Found::Unusable { why, source } => format!("{why} ({source})"),
        }
    }

    fn docker(text: &str) -> Credentials {
        let mut credentials = Credentials::default();
        credentials.add_docker_config(text, "config.json").unwrap();
        credentials
    }

    #[test]
    fn the_longest_path_that_covers_wins() {
        let mut credentials = Credentials::default();
        credentials.add("ghcr.io", login("host", "1"), "settings");
        credentials.add("ghcr.io/acme", login("team", "2"), "settings");
        credentials.add("ghcr.io/acme", login("later", "3"), "settings");
        credentials.add("ghcr.io/acme/web", login("exact", "4"), "settings");
        for (repository, found) in [
            ("ghcr.io/other/web", "host:1"),
            ("ghcr.io/acme/api", "team:2"),
            ("ghcr.io/acme2/api", "host:1"),
            ("ghcr.io/acme/web", "exact:4"),
            ("ghcr.io/acme/web/x", "exact:4"),
            ("ghcr.io/acme/website", "team:2"),
            ("quay.io/acme/web", "nothing"),
            ("ghcr.io:8443/acme/web", "nothing"),
        ] {
            assert_eq!(shown(&credentials, repository), found, "{repository}");
        }
    }

    #[test]
    fn docker_s_file_in_every_spelling_of_a_host() {
        let auth = STANDARD.encode("joe:p:w");
        for (key, repository) in [
            ("https://index.docker.io/v1/", "nginx"),
            ("index.docker.io", "docker.io/acme/web"),
            ("docker.io", "nginx"),
            ("https://registry-1.docker.io", "nginx"),
            ("ghcr.io", "ghcr.io/acme/web"),
            ("https://ghcr.io", "ghcr.io/acme/web"),
            ("https://ghcr.io/v2/", "ghcr.io/acme/web"),
            ("GHCR.io/", "ghcr.io/acme/web"),
            ("ghcr.io/acme", "ghcr.io/acme/web"),
            ("http://localhost:5000", "localhost:5000/web"),
        ] {
            let credentials = docker(&format!(r#"{{"auths": {{"{key}": {{"auth": "{auth}"}}}}}}"#));
            assert_eq!(shown(&credentials, repository), "joe:p:w", "{key}");
            assert_eq!(shown(&credentials, "quay.io/acme/web"), "nothing", "{key}");
        }
    }

    #[test]
    fn an_entry_in_all_its_forms() {
        let nul = STANDARD.encode("joe:pw\0\0");
        for (entry, found) in [
            (format!(r#"{{"auth": "{nul}"}}"#), "joe:pw"),
            (r#"{"username": "joe", "password": "pw"}"#.to_owned(), "joe:pw"),
            (r#"{"registrytoken": "tok"}"#.to_owned(), ":tok"),
            (
                r#"{"auth": "am9lOg==", "identitytoken": "x"}"#.to_owned(),
                "identity tokens are not built yet (config.json)",
            ),
            (r#"{"auth": "***"}"#.to_owned(), "the entry holds no user and password that can be read (config.json)"),
            (r#"{"auth": "Og=="}"#.to_owned(), "the entry holds no user and password that can be read (config.json)"),
            (r#"{"auth": "am9l"}"#.to_owned(), "the entry holds no user and password that can be read (config.json)"),
            (
                r#"{"username": "joe"}"#.to_owned(),
                "the entry holds no user and password that can be read (config.json)",
            ),
            ("{}".to_owned(), "nothing"),
            (r#"{"email": "joe@example.com"}"#.to_owned(), "nothing"),
        ] {
            let credentials = docker(&format!(r#"{{"auths": {{"ghcr.io": {entry}}}}}"#));
            assert_eq!(shown(&credentials, "ghcr.io/acme/web"), found, "{entry}");
        }
    }

    #[test]
    fn helpers_are_named_where_they_apply_and_only_there() {
        let credentials = docker(
            r#"{"auths": {"ghcr.io": {}, "quay.io": {"auth": "am9lOnB3"}}, "credsStore": "desktop",
                "credHelpers": {"1.dkr.ecr.eu-west-1.amazonaws.com": "ecr-login"}}"#,
        );
        let helpers = "credential helpers are not built yet (config.json)";
        assert_eq!(shown(&credentials, "ghcr.io/acme/web"), helpers);
        assert_eq!(shown(&credentials, "1.dkr.ecr.eu-west-1.amazonaws.com/web"), helpers);
        assert_eq!(shown(&credentials, "quay.io/acme/web"), "joe:pw");
        assert_eq!(shown(&credentials, "nginx"), "nothing");
    }

    #[test]
    fn settings_outrank_docker_s_file() {
        let mut credentials = Credentials::default();
        credentials.add("ghcr.io", login("settings", "1"), "settings");
        credentials.add_docker_config(r#"{"auths": {"ghcr.io": {"auth": "am9lOnB3"}}}"#, "config.json").unwrap();
        assert_eq!(shown(&credentials, "ghcr.io/acme/web"), "settings:1");
    }

    #[test]
    fn a_broken_file_is_refused_without_repeating_it() {
        for text in [
            "",
            "hunter2",
            r#"{"auths": "hunter2"}"#,
            r#"{"auths": {"a": {"auth": ["hunter2"]}}}"#,
            r#"{"auths": {"a": {"auth": "hunter2""#,
        ] {
            let error = Credentials::default().add_docker_config(text, "config.json").unwrap_err();
            assert!(error.to_string().starts_with("config.json is not Docker's config.json"), "{error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn printing_credentials_shows_no_secret() {
        let credentials = docker(r#"{"auths": {"ghcr.io": {"username": "joe", "password": "hunter2"}}}"#);
        assert!(!format!("{credentials:?}").contains("hunter2"), "{credentials:?}");
    }
}
