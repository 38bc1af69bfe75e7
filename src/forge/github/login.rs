//! Who we are at GitHub: nobody, the owner of a token, or an App.
//!
//! An App shows that it is one by an assertion signed with its private key, and trades that for a token of its installation,
//! which is good for an hour, for this repository alone, and is kept until shortly before its end
//! (<https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app>).

use super::call::{bearer, request};
use super::refusal::refusal;
use super::{GitHubApp, METADATA};
use crate::forge::api::Api;
use crate::http::Method;
use crate::port::{Clock, ForgeError, ForgeErrorKind, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;

/// The assertion begins so many seconds ago, as GitHub asks for, because clocks differ.
const SINCE: i64 = 60;
/// And ends in so many: GitHub takes ten minutes at most.
const UNTIL: i64 = 540;
/// A token is renewed so many seconds before its end: a push that begins with it must end with it.
const RENEWED_BEFORE: i64 = 300;

const UNUSABLE: &str = "the App's private key cannot be used: an RSA key as PEM is needed, as GitHub generates it";

#[derive(Debug)]
pub(super) enum Who {
    Nobody,
    Token(Secret),
    App(Box<AppLogin>),
}

pub(super) struct AppLogin {
    id: String,
    installation: Option<u64>,
    key: RsaKeyPair,
    clock: Arc<dyn Clock>,
    /// Whoever holds it may be fetching; all others wait for that one token.
    current: tokio::sync::Mutex<Option<Current>>,
}

impl fmt::Debug for AppLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppLogin")
            .field("id", &self.id)
            .field("installation", &self.installation)
            .finish_non_exhaustive()
    }
}

struct Current {
    token: Secret,
    /// Seconds since 1970.
    ends: i64,
}

#[derive(Deserialize)]
struct Installation {
    id: u64,
}

#[derive(Deserialize)]
struct Granted {
    token: String,
    expires_at: String,
}

impl Who {
    pub(super) fn app(app: GitHubApp, clock: Arc<dyn Clock>) -> Result<Who, &'static str> {
        let key = key_pair(&app.key).ok_or(UNUSABLE)?;
        let GitHubApp { id, installation, .. } = app;
        Ok(Who::App(Box::new(AppLogin { id, installation, key, clock, current: tokio::sync::Mutex::default() })))
    }

    /// The token that is good now, fetched if need be.
    pub(super) async fn token(&self, api: &Api, owner: &str, repository: &str) -> Result<Option<Secret>, ForgeError> {
        match self {
            Who::Nobody => Ok(None),
            Who::Token(token) => Ok(Some(token.clone())),
            Who::App(app) => app.token(api, owner, repository).await.map(Some),
        }
    }

    /// Drops a token that GitHub refused. Says whether another one can be had.
    pub(super) async fn forget(&self, refused: &Secret) -> bool {
        let Who::App(app) = self else {
            return false;
        };
        app.current.lock().await.take_if(|current| current.token == *refused);
        true
    }
}

impl AppLogin {
    async fn token(&self, api: &Api, owner: &str, repository: &str) -> Result<Secret, ForgeError> {
        let mut current = self.current.lock().await;
        let now = self.clock.now();
        if let Some(kept) = current.as_ref().filter(|kept| now + RENEWED_BEFORE < kept.ends) {
            return Ok(kept.token.clone());
        }
        let unusable = || api.error(ForgeErrorKind::Unauthorized, UNUSABLE);
        let assertion = assertion(&self.id, &self.key, now).ok_or_else(unusable)?;
        let api = api.with_authorization(Some(bearer(&assertion)));
        let installation = match self.installation {
            Some(id) => id,
            None => {
                let found: Result<Installation, _> =
                    ask(&api, Method::Get, &["repos", owner, repository, "installation"], None).await;
                found.map_err(|error| not_installed(error, owner, repository))?.id
            }
        };
        let id = installation.to_string();
        let wanted = json!({ "repositories": [repository] });
        let path = ["app", "installations", &id, "access_tokens"];
        let granted: Granted = ask(&api, Method::Post, &path, Some(&wanted)).await?;
        let ends = granted.expires_at.parse::<Timestamp>().ok().filter(|_| !granted.token.is_empty());
        let malformed = || api.error(ForgeErrorKind::Malformed, "the installation's token cannot be read");
        let token = Secret::new(granted.token);
        *current = Some(Current { token: token.clone(), ends: ends.ok_or_else(malformed)?.as_second() });
        Ok(token)
    }
}

/// Asks as the App itself.
async fn ask<T: DeserializeOwned>(
    api: &Api,
    method: Method,
    path: &[&str],
    body: Option<&Value>,
) -> Result<T, ForgeError> {
    let answer = api.send(request(method, api.url(path, &[])?, body)).await?;
    if !answer.status.is_success() {
        return Err(refusal(api, &answer, METADATA));
    }
    // What cannot be read may hold a token, and serde quotes what it does not expect.
    serde_json::from_slice(&answer.body)
        .map_err(|_| api.error(ForgeErrorKind::Malformed, "what it answers to an App cannot be read"))
}

fn not_installed(mut error: ForgeError, owner: &str, repository: &str) -> ForgeError {
    if error.kind == ForgeErrorKind::NotFound {
        error.detail = format!("the App is not installed for {owner}/{repository}, or there is no such repository");
    }
    error
}

/// As GitHub generates it (PKCS #1), or converted (PKCS #8).
fn key_pair(pem: &Secret) -> Option<RsaKeyPair> {
    match PrivateKeyDer::from_pem_slice(pem.expose().as_bytes()).ok()? {
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()).ok(),
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).ok(),
        _ => None,
    }
}

/// A JSON Web Token, signed with RS256.
fn assertion(issuer: &str, key: &RsaKeyPair, now: i64) -> Option<Secret> {
    let header = json!({ "alg": "RS256", "typ": "JWT" });
    let claims = json!({ "iat": now - SINCE, "exp": now + UNTIL, "iss": issuer });
    let encode = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).ok()?;
    Some(Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    /// Made for tests; they open nothing.
    const KEY: &str = include_str!("login/test-key.pem");
    const PKCS8: &str = include_str!("../../registry/cloud/google/test-key.pem");

    #[test]
    fn both_forms_of_a_key_are_read_and_others_refused_without_being_shown() {
        for pem in [KEY, PKCS8] {
            assert!(key_pair(&Secret::new(pem)).is_some());
        }
        struct Never;
        impl Clock for Never {
            fn now(&self) -> i64 {
                0
            }
        }
        for pem in ["", "hunter2", "-----BEGIN RSA PRIVATE KEY-----\nhunter2=\n-----END RSA PRIVATE KEY-----\n"] {
            let app = GitHubApp { id: "1".to_owned(), installation: None, key: Secret::new(pem) };
            assert!(!format!("{app:?}").contains("hunter2"));
            assert_eq!(Who::app(app, Arc::new(Never)).unwrap_err(), UNUSABLE, "{pem}");
        }
        let app = GitHubApp { id: "1".to_owned(), installation: None, key: Secret::new(KEY) };
        let shown = format!("{:?}", Who::app(app, Arc::new(Never)).unwrap());
        assert_eq!(shown, "App(AppLogin { id: \"1\", installation: None, .. })");
    }

    #[test]
    fn the_assertion_is_the_documented_one() {
        let key = key_pair(&Secret::new(KEY)).unwrap();
        let assertion = assertion("Iv1.abc", &key, 1_760_000_000).unwrap();
        let (signed, signature) = assertion.expose().rsplit_once('.').unwrap();
        let parts: Vec<Value> = signed
            .split('.')
            .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
            .collect();
        assert_eq!(parts[0], json!({ "alg": "RS256", "typ": "JWT" }));
        assert_eq!(parts[1], json!({ "iat": 1_759_999_940, "exp": 1_760_000_540, "iss": "Iv1.abc" }));
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public().as_ref())
            .verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
            .unwrap();
    }
}
