//! Which login goes to which repository.
//!
//! Sources are asked in the order in which they were added: the first that has an entry for the repository decides, so
//! settings outrank Docker's file whatever the two name. Within a source the narrowest scope wins: an exact host before a
//! pattern (`*.example.com`), a longer path before a shorter one, compared part by part (`ghcr.io/acme` covers
//! `ghcr.io/acme/web` and not `ghcr.io/acme2`), anything before what covers every host.
//!
//! An entry holds a login, or says how to come by one (a credential helper, a cloud), or why it cannot be used, so that a
//! refusal can name the reason.
//!
//! ```
//! use landwaiter::registry::{Credentials, Helpers};
//! let mut credentials = Credentials::default();
//! let text = r#"{"auths": {"ghcr.io": {"auth": "am9lOnB3"}}}"#;
//! credentials.add_docker_config(text, "config.json", Helpers::Run).unwrap();
//! ```

use super::cloud::Cloud;
use super::docker_config::{self, InvalidDockerConfig};
use super::helper::HelperName;
use super::scope::Scope;
use crate::port::{Login, Secret};

/// Every login the operator gave, and every way to come by one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    entries: Vec<Entry>,
    sources: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    scope: Scope,
    pub(crate) gives: Gives,
    /// How messages name where it comes from.
    pub(crate) source: String,
    /// Which source it is of, in their order.
    tier: usize,
}

/// What an entry gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Gives {
    Proof(Proof),
    /// A program knows; `server` is what it is asked for when that is not simply the host.
    Helper {
        name: HelperName,
        server: Option<String>,
    },
    Cloud(Cloud),
    /// It applies and cannot be used.
    Unusable(String),
}

/// What proves who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proof {
    Password {
        user: String,
        password: Secret,
    },
    /// Goes to the registry itself as it is.
    Token(Secret),
    /// Is traded for tokens at the token service: what Docker calls an identity token and OAuth a refresh token.
    Identity(Secret),
}

impl From<Login> for Proof {
    fn from(login: Login) -> Proof {
        match login.user {
            Some(user) => Proof::Password { user, password: login.secret },
            None => Proof::Token(login.secret),
        }
    }
}

/// Whether helpers that a file names may be run. They are programs of this machine, so only files of its user may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Helpers {
    Run,
    Refuse,
}

impl Credentials {
    /// Binds a login to `HOST` or `HOST/PATH`; `source` is how messages name where it came from.
    pub fn add(&mut self, scope: &str, login: Login, source: &str) {
        self.push(Scope::below(scope), Gives::Proof(login.into()), source, source);
    }

    /// Binds a credential helper to `HOST` or `HOST/PATH`.
    pub fn add_helper(&mut self, scope: &str, name: HelperName, source: &str) {
        let label = format!("{} ({source})", name.program());
        self.push(Scope::below(scope), Gives::Helper { name, server: None }, &label, source);
    }

    /// Lets a cloud log in to those of its own registries that `HOST` or `HOST/PATH` covers.
    pub fn add_cloud(&mut self, scope: &str, cloud: Cloud, source: &str) {
        self.push(Scope::below(scope), Gives::Cloud(cloud), source, source);
    }

    /// Lets a cloud log in to every registry that its private ones are known by.
    pub fn add_cloud_everywhere(&mut self, cloud: Cloud, source: &str) {
        self.push(Scope::Everything, Gives::Cloud(cloud), source, source);
    }

    /// Adds what Docker's `config.json`, its old form or a Kubernetes pull secret says; `file` is how messages name it.
    pub fn add_docker_config(&mut self, text: &str, file: &str, helpers: Helpers) -> Result<(), InvalidDockerConfig> {
        self.tier(file);
        for entry in docker_config::entries(text, file)? {
            let gives = match entry.gives {
                Gives::Helper { name, .. } if helpers == Helpers::Refuse => Gives::Unusable(format!(
                    "{} is not run: only the user's own configuration may name credential helpers",
                    name.program()
                )),
                gives => gives,
            };
            let source = match &gives {
                Gives::Helper { name, .. } => format!("{} ({file})", name.program()),
                _ => file.to_owned(),
            };
            let scope = entry.key.as_deref().map_or(Scope::Everything, Scope::below);
            self.push(scope, gives, &source, file);
        }
        Ok(())
    }

    fn push(&mut self, scope: Scope, gives: Gives, source: &str, of: &str) {
        let tier = self.tier(of);
        self.entries.push(Entry { scope, gives, source: source.to_owned(), tier });
    }

    fn tier(&mut self, source: &str) -> usize {
        self.sources.iter().position(|known| known == source).unwrap_or_else(|| {
            self.sources.push(source.to_owned());
            self.sources.len() - 1
        })
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries for `HOST` or `HOST/PATH` by their places, the one that counts first.
    pub(crate) fn find(&self, place: &str) -> Vec<usize> {
        let mut found: Vec<(usize, &Entry)> =
            self.entries.iter().enumerate().filter(|(_, entry)| entry.covers(place)).collect();
        found.sort_by_key(|(at, entry)| (entry.tier, std::cmp::Reverse(entry.scope.narrowness()), *at));
        found.into_iter().map(|(at, _)| at).collect()
    }
}

impl Entry {
    fn covers(&self, place: &str) -> bool {
        let host = place.split('/').next().unwrap_or_default();
        let theirs = match &self.gives {
            // Public registries of a cloud take logins and need none: only who names them wants one there.
            Gives::Cloud(cloud) if self.scope == Scope::Everything => cloud.logs_in_unasked(host),
            Gives::Cloud(cloud) => cloud.owns(host),
            _ => true,
        };
        theirs && self.scope.covers(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Repository;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    fn login(user: &str, password: &str) -> Login {
        Login { user: Some(user.to_owned()), secret: Secret::new(password) }
    }

    fn shown(credentials: &Credentials, repository: &str) -> String {
        let place = Repository::parse(repository).unwrap();
        let Some(first) = credentials.find(place.as_str()).first().copied() else {
            return "nothing".to_owned();
        };
        let entry = &credentials.entries()[first];
        match &entry.gives {
            Gives::Proof(Proof::Password { user, password }) => format!("{user}:{}", password.expose()),
            Gives::Proof(Proof::Token(token)) => format!(":{}", token.expose()),
            Gives::Proof(Proof::Identity(token)) => format!("identity {}", token.expose()),
            Gives::Helper { name, server } => format!("{} {}", name.program(), server.as_deref().unwrap_or("the host")),
            Gives::Cloud(cloud) => cloud.name().to_owned(),
            Gives::Unusable(why) => format!("{why} ({})", entry.source),
        }
    }

    fn docker(text: &str) -> Credentials {
        let mut credentials = Credentials::default();
        credentials.add_docker_config(text, "config.json", Helpers::Run).unwrap();
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
            (r#"{"auth": "am9lOg==", "identitytoken": "x"}"#.to_owned(), "identity x"),
            (r#"{"username": "<token>", "password": "x"}"#.to_owned(), "identity x"),
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
    fn helpers_are_asked_where_they_apply_and_for_what_docker_asks() {
        let text = r#"{"auths": {"https://ghcr.io": {}, "quay.io": {"auth": "am9lOnB3"}}, "credsStore": "desktop",
            "credHelpers": {"1.dkr.ecr.eu-west-1.amazonaws.com": "ecr-login", "docker.io": "hub", "example.com": "a;b",
                "empty.example.com": ""}}"#;
        let credentials = docker(text);
        for (repository, found) in [
            ("ghcr.io/acme/web", "docker-credential-desktop https://ghcr.io"),
            ("1.dkr.ecr.eu-west-1.amazonaws.com/web", "docker-credential-ecr-login 1.dkr.ecr.eu-west-1.amazonaws.com"),
            ("quay.io/acme/web", "joe:pw"),
            ("nginx", "docker-credential-hub https://index.docker.io/v1/"),
            ("registry.example.com/web", "docker-credential-desktop the host"),
            ("empty.example.com/web", "docker-credential-desktop the host"),
        ] {
            assert_eq!(shown(&credentials, repository), found);
        }
        let bad = shown(&credentials, "example.com/web");
        assert!(bad.starts_with("it names a credential helper that is no name"), "{bad}");
        let mut refused = Credentials::default();
        refused.add_docker_config(text, "/pull/secret", Helpers::Refuse).unwrap();
        let said = shown(&refused, "ghcr.io/acme/web");
        assert!(said.starts_with("docker-credential-desktop is not run: only the user's own"), "{said}");
        assert_eq!(shown(&refused, "quay.io/acme/web"), "joe:pw");
    }

    #[test]
    fn what_kubernetes_calls_dockercfg_and_dockerconfigjson() {
        let old = r#"{"https://index.docker.io/v1/": {"username": "joe", "password": "pw", "email": "j@example.com",
            "auth": "am9lOnB3"}, "ghcr.io/acme": {"auth": "am9lOnB3"}}"#;
        let new = format!(r#"{{"auths": {old}}}"#);
        for text in [old, new.as_str()] {
            for repository in ["nginx", "ghcr.io/acme/web"] {
                assert_eq!(shown(&docker(text), repository), "joe:pw", "{text}");
            }
            assert_eq!(shown(&docker(text), "ghcr.io/other/web"), "nothing");
        }
        for nothing in ["{}", r#"{"HttpHeaders": {"User-Agent": "x"}, "psFormat": "table"}"#, r#"{"auths": {}}"#] {
            assert_eq!(shown(&docker(nothing), "nginx"), "nothing", "{nothing}");
        }
    }

    #[test]
    fn hosts_may_be_patterns_as_in_kubernetes() {
        let auth = r#"{"auth": "am9lOnB3"}"#;
        for (key, repository, matches) in [
            ("*.example.com", "registry.example.com/web", true),
            ("*.example.com", "example.com/web", false),
            ("*.example.com", "a.b.example.com/web", false),
            ("*.*.example.com", "a.b.example.com/web", true),
            ("reg*.example.com", "registry.example.com/web", true),
            ("r*g*y.example.com", "registry.example.com/web", true),
            ("reg*y*y.example.com", "registry.example.com/web", false),
            ("reg*.example.com", "mirror.example.com/web", false),
            ("*.example.com/acme", "registry.example.com/acme/web", true),
            ("*.example.com/acme", "registry.example.com/acmes/web", false),
            ("*.example.com", "registry.example.com.evil.org/web", false),
            ("*.example.com:5000", "registry.example.com:5000/web", true),
        ] {
            let credentials = docker(&format!(r#"{{"auths": {{"{key}": {auth}}}}}"#));
            let expected = if matches { "joe:pw" } else { "nothing" };
            assert_eq!(shown(&credentials, repository), expected, "{key} {repository}");
        }
        let both =
            docker(r#"{"auths": {"*.example.com/acme": {"auth": "am9lOnB3"}, "a.example.com": {"auth": "ZXhhY3Q6"}}}"#);
        assert_eq!(shown(&both, "a.example.com/acme/web"), "exact:", "an exact host outranks a pattern");
    }

    #[test]
    fn the_first_source_with_an_entry_decides() {
        let mut credentials = Credentials::default();
        credentials.add("ghcr.io", login("settings", "1"), "settings");
        let file = r#"{"auths": {"ghcr.io/acme": {"auth": "am9lOnB3"}, "quay.io": {"auth": "am9lOnB3"}}}"#;
        credentials.add_docker_config(file, "config.json", Helpers::Run).unwrap();
        credentials.add_cloud_everywhere(Cloud::Google, "cloud");
        credentials.add_docker_config(r#"{"credsStore": "desktop"}"#, "auth.json", Helpers::Run).unwrap();
        for (repository, found) in [
            ("ghcr.io/acme/web", "settings:1"),
            ("quay.io/acme/web", "joe:pw"),
            ("gcr.io/acme/web", "Google Cloud"),
            ("nginx", "docker-credential-desktop the host"),
        ] {
            assert_eq!(shown(&credentials, repository), found);
        }
        assert_eq!(credentials.find("ghcr.io/acme/web").len(), 3, "those that are outranked are known");
    }

    #[test]
    fn a_cloud_is_asked_for_its_own_registries_only() {
        let mut everywhere = Credentials::default();
        everywhere.add_cloud_everywhere(Cloud::Aws, "cloud");
        let mut named = Credentials::default();
        named.add_cloud("public.ecr.aws/acme", Cloud::Aws, "settings");
        named.add_cloud("ghcr.io", Cloud::Aws, "settings");
        let private = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web";
        assert_eq!(shown(&everywhere, private), "AWS");
        assert_eq!(shown(&everywhere, "public.ecr.aws/acme/web"), "nothing", "a public registry needs no login");
        assert_eq!(shown(&named, "public.ecr.aws/acme/web"), "AWS");
        assert_eq!(shown(&named, "public.ecr.aws/other/web"), "nothing");
        assert_eq!(shown(&named, "ghcr.io/acme/web"), "nothing");
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
            let error = Credentials::default().add_docker_config(text, "config.json", Helpers::Run).unwrap_err();
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
