//! Who may come in at the fake: the owner of a token, or an App that is installed, whose tokens end after an hour.

use super::objects::{Objects, time};
use super::{Asked, Reply, refuse, reply};
use crate::hub::{BEGINNING, NAME, OWNER};
use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use landwaiter::port::Clock;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs1KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

/// The App's id, its installation, and its key, made for tests.
pub(crate) const APP: &str = "4711";
pub(crate) const INSTALLATION: u64 = 1_042;
pub(crate) const KEY: &str = include_str!("../../../src/forge/github/login/test-key.pem");

/// How long an installation's token is good.
pub(crate) const LIFE: i64 = 3_600;

/// Tokens and their ends, and the time; the App under test reads the same clock.
#[derive(Debug)]
pub(crate) struct Apps {
    now: AtomicI64,
    tokens: Mutex<Vec<(String, i64)>>,
    /// What was asked for as an App.
    asked: Mutex<Vec<String>>,
    pub(crate) installed: std::sync::atomic::AtomicBool,
}

impl Clock for Apps {
    fn now(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }
}

impl Apps {
    pub(super) fn new(token: &str) -> Apps {
        Apps {
            now: AtomicI64::new(BEGINNING),
            tokens: Mutex::new(vec![(token.to_owned(), i64::MAX)]),
            asked: Mutex::default(),
            installed: true.into(),
        }
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Nothing that was given out is good any more.
    pub(crate) fn revoke_all(&self) {
        self.tokens.lock().unwrap().clear();
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// `None` where nothing was shown.
    pub(super) fn admits(&self, authorization: Option<&str>) -> Option<bool> {
        let (scheme, token) = authorization?.split_once(' ')?;
        let good = |(known, ends): &(String, i64)| known == token && self.now() < *ends;
        Some(matches!(scheme, "Bearer" | "token") && self.tokens.lock().unwrap().iter().any(good))
    }

    /// What only an App may ask for.
    pub(super) fn handle(&self, asked: &Asked, segments: &[&str]) -> Option<Reply> {
        let installation = INSTALLATION.to_string();
        let granting = match (asked.method.as_str(), segments) {
            ("GET", ["repos", _, _, "installation"]) => false,
            ("POST", ["app", "installations", _, "access_tokens"]) => true,
            _ => return None,
        };
        self.asked.lock().unwrap().push(format!("{} /{}", asked.method, segments.join("/")));
        if let Err(why) = self.is_the_app(asked.authorization.as_deref()) {
            return Some(refuse(401, why));
        }
        let known = if granting { segments[2] == installation } else { segments[1] == OWNER && segments[2] == NAME };
        if !known || !self.installed.load(Ordering::Relaxed) {
            return Some(refuse(404, "Not Found"));
        }
        Some(if granting { self.grant(asked) } else { reply(200, self.installation(asked)) })
    }

    fn grant(&self, asked: &Asked) -> Reply {
        assert_eq!((&asked.method, &asked.body["repositories"]), (&Method::POST, &json!([NAME])));
        let mut tokens = self.tokens.lock().unwrap();
        let (token, ends) = (format!("ghs_number{}", self.asked().len()), self.now() + LIFE);
        tokens.push((token.clone(), ends));
        let repository = Objects { api: &asked.api }.repository(&format!("{OWNER}/{NAME}"));
        reply(
            201,
            json!({
                "token": token, "expires_at": time(ends), "repository_selection": "selected",
                "permissions": { "contents": "write", "metadata": "read", "pull_requests": "write" },
                "repositories": [repository],
            }),
        )
    }

    fn installation(&self, asked: &Asked) -> Value {
        let at = Objects { api: &asked.api };
        json!({
            "id": INSTALLATION, "account": at.user(OWNER), "repository_selection": "selected", "app_id": 4_711,
            "client_id": "Iv1.abc", "target_id": 583_231, "target_type": "Organization", "events": [],
            "access_tokens_url": format!("{}/app/installations/{INSTALLATION}/access_tokens", asked.api),
            "repositories_url": format!("{}/installation/repositories", asked.api),
            "html_url": format!("https://github.com/organizations/{OWNER}/settings/installations/{INSTALLATION}"),
            "permissions": { "contents": "write", "metadata": "read", "pull_requests": "write" },
            "created_at": time(BEGINNING), "updated_at": time(BEGINNING), "single_file_name": null,
            "has_multiple_single_files": false, "single_file_paths": [], "app_slug": "landwaiter",
            "suspended_at": null, "suspended_by": null,
        })
    }

    /// As GitHub checks it: the signature, who signed, and a life of ten minutes at most that has begun.
    fn is_the_app(&self, authorization: Option<&str>) -> Result<(), &'static str> {
        let undecodable = "A JSON web token could not be decoded";
        let token = authorization.and_then(|value| value.strip_prefix("Bearer ")).ok_or(undecodable)?;
        let (signed, signature) = token.rsplit_once('.').ok_or(undecodable)?;
        let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| undecodable);
        let key = RsaKeyPair::from_der(PrivatePkcs1KeyDer::from_pem_slice(KEY.as_bytes()).unwrap().secret_pkcs1_der());
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.unwrap().public().as_ref())
            .verify(signed.as_bytes(), &bytes(signature)?)
            .map_err(|_| undecodable)?;
        let claims = bytes(signed.split('.').nth(1).ok_or(undecodable)?)?;
        let claims: Value = serde_json::from_slice(&claims).map_err(|_| undecodable)?;
        let (iat, exp) = (claims["iat"].as_i64().unwrap_or(i64::MAX), claims["exp"].as_i64().unwrap_or(0));
        match self.now() {
            _ if claims["iss"] != APP => Err("Integration not found"),
            now if iat > now => {
                Err("'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
            }
            now if exp > now + 600 => Err("'Expiration time' claim ('exp') is too far in the future"),
            now if exp <= now => {
                Err("'Expiration time' claim ('exp') must be a numeric value representing the future time")
            }
            _ => Ok(()),
        }
    }
}
