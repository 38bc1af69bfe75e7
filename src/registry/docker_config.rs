//! Docker's `config.json`, as far as logins go: `auths`, `credHelpers` and `credsStore`. Podman's `auth.json` and the pull
//! secrets of Kubernetes (`.dockerconfigjson`) have the same form; `.dockercfg` is its predecessor, where the hosts stand at
//! the top. Other keys are not our business.

use super::credentials::{Gives, Proof};
use super::helper::HelperName;
use crate::port::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::collections::BTreeMap;

const UNREADABLE: &str = "the entry holds no user and password that can be read";

/// Docker's file cannot be read. The text is never repeated: it holds secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file} is not Docker's config.json: {what} (line {line}, column {column})")]
pub struct InvalidDockerConfig {
    pub file: String,
    pub what: &'static str,
    pub line: usize,
    pub column: usize,
}

/// What the file says about one host or path, or about all that nothing else is said about.
#[derive(Debug)]
pub(crate) struct Entry {
    /// As it is written: a host, a host with a path, a URL. `None` is every host.
    pub(crate) key: Option<String>,
    pub(crate) gives: Gives,
}

/// Everything the file says, what outranks others of the same scope first: Docker asks the helper of a host before anything
/// else, and the general helper where no entry holds a secret itself.
pub(crate) fn entries(text: &str, file: &str) -> Result<Vec<Entry>, InvalidDockerConfig> {
    let invalid = |bad: serde_json::Error| InvalidDockerConfig {
        file: file.to_owned(),
        what: if bad.is_data() { "JSON of another shape" } else { "not JSON" },
        line: bad.line(),
        column: bad.column(),
    };
    let config: DockerConfig = serde_json::from_str(text).map_err(invalid)?;
    let modern = config.auths.is_some() || config.cred_helpers.is_some() || config.creds_store.is_some();
    // Only a file that says nothing in the new form can be one of the old.
    let auths = match config.auths {
        None if !modern => {
            let old: BTreeMap<String, Old> = serde_json::from_str(text).map_err(invalid)?;
            old.into_iter().filter_map(|(key, entry)| Some((key, entry.auth()?))).collect()
        }
        auths => auths.unwrap_or_default(),
    };
    let helpers = config.cred_helpers.unwrap_or_default().into_iter().filter(|(_, name)| !name.is_empty());
    let mut found: Vec<Entry> =
        helpers.map(|(host, name)| Entry { gives: helper(&name, Some(server(&host))), key: Some(host) }).collect();
    let store = config.creds_store.filter(|store| !store.is_empty());
    for (key, auth) in auths {
        match (auth.proof(), &store) {
            (Some(gives), _) => found.push(Entry { key: Some(key), gives }),
            (None, Some(store)) => found.push(Entry { gives: helper(store, Some(key.clone())), key: Some(key) }),
            (None, None) => {}
        }
    }
    found.extend(store.map(|store| Entry { key: None, gives: helper(&store, None) }));
    Ok(found)
}

fn helper(name: &str, server: Option<String>) -> Gives {
    match HelperName::parse(name) {
        Ok(name) => Gives::Helper { name, server },
        Err(bad) => Gives::Unusable(bad.to_string()),
    }
}

/// Under `credHelpers` people write the host of Docker Hub, where its helpers know a URL.
fn server(host: &str) -> String {
    if host == crate::image::DOCKER_HUB { super::helper::DOCKER_HUB_SERVER.to_owned() } else { host.to_owned() }
}

#[derive(Deserialize)]
struct DockerConfig {
    auths: Option<BTreeMap<String, DockerAuth>>,
    #[serde(rename = "credHelpers")]
    cred_helpers: Option<BTreeMap<String, String>>,
    #[serde(rename = "credsStore")]
    creds_store: Option<String>,
}

/// A value of the old form, or anything else that stands in a `config.json` without logins.
#[derive(Deserialize)]
#[serde(untagged)]
enum Old {
    Auth(DockerAuth),
    Other(serde::de::IgnoredAny),
}

impl Old {
    fn auth(self) -> Option<DockerAuth> {
        match self {
            Old::Auth(auth) => Some(auth),
            Old::Other(_) => None,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DockerAuth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

impl DockerAuth {
    /// `None`: the entry says nothing, which is how Docker marks a host whose secret a helper keeps.
    fn proof(&self) -> Option<Gives> {
        let given = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
        if let Some(token) = given(&self.registrytoken) {
            return Some(Gives::Proof(Proof::Token(Secret::new(token))));
        }
        if let Some(token) = given(&self.identitytoken) {
            return Some(Gives::Proof(Proof::Identity(Secret::new(token))));
        }
        if let Some(encoded) = given(&self.auth) {
            return Some(decode(&encoded).map_or_else(unreadable, Gives::Proof));
        }
        match (given(&self.username), given(&self.password)) {
            (Some(user), Some(password)) => Some(Gives::Proof(pair(user, &password))),
            (None, None) => None,
            _ => Some(unreadable()),
        }
    }
}

fn unreadable() -> Gives {
    Gives::Unusable(UNREADABLE.to_owned())
}

/// `base64(user:password)`; the password may hold colons, and old Dockers end it with NUL bytes.
fn decode(encoded: &str) -> Option<Proof> {
    let bytes = STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':').filter(|(user, _)| !user.is_empty())?;
    Some(pair(user.to_owned(), password.trim_end_matches('\0')))
}

/// The user `<token>` is how helpers, and tools that copy from them, mark an identity token.
fn pair(user: String, password: &str) -> Proof {
    let password = Secret::new(password);
    if user == super::helper::IDENTITY_USER { Proof::Identity(password) } else { Proof::Password { user, password } }
}
