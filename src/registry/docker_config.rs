//! Docker's `config.json`, as far as logins go: `auths`, `credHelpers` and `credsStore`. Other keys are not our business.

use crate::port::{Login, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::collections::BTreeMap;

/// An entry that applies and cannot be used, as people read it.
pub(crate) type Unusable = &'static str;

const HELPERS: Unusable = "credential helpers are not built yet";
const IDENTITY_TOKENS: Unusable = "identity tokens are not built yet";
const UNREADABLE: Unusable = "the entry holds no user and password that can be read";

/// Docker's file cannot be read. The text is never repeated: it holds secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file} is not Docker's config.json: {what} (line {line}, column {column})")]
pub struct InvalidDockerConfig {
    pub file: String,
    pub what: &'static str,
    pub line: usize,
    pub column: usize,
}

/// What one key of the file gives: a login, or the reason why it gives none.
pub(crate) type Entry = (String, Result<Login, Unusable>);

/// Every key that says something, those that outrank others first: Docker asks the helper of a host before anything else,
/// and the general helper where an entry holds no secret itself.
pub(crate) fn logins(text: &str, file: &str) -> Result<Vec<Entry>, InvalidDockerConfig> {
    let config: DockerConfig = serde_json::from_str(text).map_err(|bad| InvalidDockerConfig {
        file: file.to_owned(),
        what: if bad.is_data() { "JSON of another shape" } else { "not JSON" },
        line: bad.line(),
        column: bad.column(),
    })?;
    let helpers = config.cred_helpers.into_iter().filter(|(_, helper)| !helper.is_empty());
    let mut found: Vec<Entry> = helpers.map(|(host, _)| (host, Err(HELPERS))).collect();
    let store = config.creds_store.is_some_and(|store| !store.is_empty());
    for (key, entry) in config.auths {
        match entry.login() {
            Some(login) => found.push((key, login)),
            None if store => found.push((key, Err(HELPERS))),
            None => {}
        }
    }
    Ok(found)
}

#[derive(Deserialize)]
struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, DockerAuth>,
    #[serde(default, rename = "credHelpers")]
    cred_helpers: BTreeMap<String, String>,
    #[serde(rename = "credsStore")]
    creds_store: Option<String>,
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
    fn login(&self) -> Option<Result<Login, Unusable>> {
        let given = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
        if let Some(token) = given(&self.registrytoken) {
            let secret = Secret::new(token);
            return Some(Ok(Login { user: None, secret }));
        }
        if given(&self.identitytoken).is_some() {
            return Some(Err(IDENTITY_TOKENS));
        }
        if let Some(encoded) = given(&self.auth) {
            return Some(decode(&encoded).ok_or(UNREADABLE));
        }
        match (given(&self.username), given(&self.password)) {
            (Some(user), Some(password)) => Some(Ok(Login { user: Some(user), secret: Secret::new(password) })),
            (None, None) => None,
            _ => Some(Err(UNREADABLE)),
        }
    }
}

/// `base64(user:password)`; the password may hold colons, and old Dockers end it with NUL bytes.
fn decode(encoded: &str) -> Option<Login> {
    let bytes = STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':').filter(|(user, _)| !user.is_empty())?;
    Some(Login { user: Some(user.to_owned()), secret: Secret::new(password.trim_end_matches('\0')) })
}
