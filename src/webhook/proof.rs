//! Who may send: what a receiver's secret proves. Everything is compared in constant time, by `ring`.
//!
//! | proof | where it stands |
//! |---|---|
//! | signature | a header of the sender's own: HMAC-SHA256 of the body in hexadecimal digits; Nexus signs with HMAC-SHA1; GitLab signs id, time and body as [Standard Webhooks](https://www.standardwebhooks.com) has it |
//! | token | `Authorization`: after `Bearer`, as the password after `Basic`, or alone; for GitLab and JFrog a header of their own |
//! | path | the last part of the address |
//!
//! A signature's age is not looked at: an event that is sent again makes the service look again, and that is all.

use crate::config::settings::WebhookKind;
use crate::port::Secret;
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, HMAC_SHA256, Key, verify};
use std::fmt;

/// The shortest secret that proves anything, in bytes.
pub const MIN_SECRET: usize = 16;
/// The shortest secret path, in characters: whoever guesses needs no second secret.
pub const MIN_PATH: usize = 32;
/// The longest of either.
const MAX_SECRET: usize = 1_024;
/// What begins a key in the form of Standard Webhooks.
const STANDARD_PREFIX: &str = "whsec_";

/// Why a secret is not used. It does not say what the secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("a secret has {MIN_SECRET} to {MAX_SECRET} bytes")]
    Secret,
    #[error("a secret path has {MIN_PATH} to {MAX_SECRET} characters, letters, digits, `-` and `_`")]
    Path,
    #[error("what follows `whsec_` is not base64")]
    Encoding,
}

/// What must fit before a request is read.
#[derive(Clone)]
pub struct Lock {
    kind: WebhookKind,
    signature: Option<Key>,
    token: Option<Secret>,
    path: Option<Secret>,
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Lock {
    /// One that everybody opens.
    pub fn open(kind: WebhookKind) -> Lock {
        Lock { kind, signature: None, token: None, path: None }
    }

    /// The same lock, and the sender signs with the secret.
    pub fn signed(self, secret: &Secret) -> Result<Lock, Unfit> {
        let secret = fit(secret)?;
        let algorithm = if self.kind == WebhookKind::Nexus { HMAC_SHA1_FOR_LEGACY_USE_ONLY } else { HMAC_SHA256 };
        let key = match secret.strip_prefix(STANDARD_PREFIX).filter(|_| self.kind == WebhookKind::GitLab) {
            Some(encoded) => Key::new(algorithm, &STANDARD.decode(encoded).map_err(|_| Unfit::Encoding)?),
            None => Key::new(algorithm, secret.as_bytes()),
        };
        Ok(Lock { signature: Some(key), ..self })
    }

    /// The same lock, and the sender sends the secret along.
    pub fn with_token(self, secret: &Secret) -> Result<Lock, Unfit> {
        fit(secret)?;
        Ok(Lock { token: Some(secret.clone()), ..self })
    }

    /// The same lock, and the last part of the address is the secret.
    pub fn at_path(self, secret: &Secret) -> Result<Lock, Unfit> {
        let text = secret.expose();
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if !plain || !(MIN_PATH..=MAX_SECRET).contains(&text.len()) {
            return Err(Unfit::Path);
        }
        Ok(Lock { path: Some(secret.clone()), ..self })
    }

    /// Whether the receiver is found at this last part of the address; `None` when its address is not secret.
    pub fn is_at(&self, last: &str) -> Option<bool> {
        self.path.as_ref().map(|path| path.is(last.as_bytes()))
    }

    /// Whether the headers let it in so far. Nothing of the body is read before.
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let header = |name: &str| headers.get(name).map(|value| value.as_bytes());
        match self.kind {
            WebhookKind::GitLab => header("x-gitlab-token").is_some_and(|given| token.is(given)),
            WebhookKind::JFrog => header("x-jfrog-event-auth").is_some_and(|given| token.is(given)),
            _ => header("authorization").is_some_and(|given| in_authorization(token, given)),
        }
    }

    /// Whether the body is signed as it must be.
    pub fn fits(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        let Some(key) = &self.signature else { return true };
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let hexadecimal = |given: &str| bytes(given).is_some_and(|given| verify(key, body, &given).is_ok());
        match self.kind {
            WebhookKind::Gitea => hexadecimal(header("x-gitea-signature")),
            WebhookKind::Nexus => hexadecimal(header("x-nexus-webhook-signature")),
            WebhookKind::JFrog => hexadecimal(header("x-jfrog-event-auth")),
            WebhookKind::BitbucketCloud | WebhookKind::BitbucketDataCenter => {
                header("x-hub-signature").strip_prefix("sha256=").is_some_and(hexadecimal)
            }
            WebhookKind::GitLab => {
                let (id, time) = (header("webhook-id"), header("webhook-timestamp"));
                let message = [id.as_bytes(), b".", time.as_bytes(), b".", body].concat();
                let given = header("webhook-signature").split(' ').filter_map(|one| one.strip_prefix("v1,"));
                let mut given = given.filter_map(|one| STANDARD.decode(one).ok());
                given.any(|given| verify(key, &message, &given).is_ok())
            }
            _ => header("x-hub-signature-256").strip_prefix("sha256=").is_some_and(hexadecimal),
        }
    }
}

fn fit(secret: &Secret) -> Result<&str, Unfit> {
    let text = secret.expose();
    if (MIN_SECRET..=MAX_SECRET).contains(&text.len()) { Ok(text) } else { Err(Unfit::Secret) }
}

fn in_authorization(token: &Secret, given: &[u8]) -> bool {
    let after = |scheme: &str| {
        let (first, rest) = given.split_at_checked(scheme.len())?;
        first.eq_ignore_ascii_case(scheme.as_bytes()).then(|| rest.trim_ascii())
    };
    if let Some(bearer) = after("bearer ") {
        return token.is(bearer);
    }
    if let Some(pair) = after("basic ") {
        let pair = STANDARD.decode(pair).unwrap_or_default();
        let colon = pair.iter().position(|byte| *byte == b':');
        return colon.is_some_and(|colon| token.is(&pair[colon + 1..]));
    }
    token.is(given)
}

/// The bytes that hexadecimal digits mean.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::headers;
    use super::*;

    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    /// GitHub's own example of a signature.
    const SIGNATURE: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn secret(text: &str) -> Secret {
        Secret::new(text)
    }

    fn signed(kind: WebhookKind) -> Lock {
        Lock::open(kind).signed(&secret(SECRET)).unwrap()
    }

    #[test]
    fn signatures_are_the_senders_own() {
        use WebhookKind::*;
        let prefixed = format!("sha256={SIGNATURE}");
        for (kind, header, value) in [
            (GitHub, "x-hub-signature-256", prefixed.as_str()),
            (Ghcr, "x-hub-signature-256", &prefixed),
            (Generic, "x-hub-signature-256", &prefixed),
            (BitbucketCloud, "x-hub-signature", &prefixed),
            (BitbucketDataCenter, "x-hub-signature", &prefixed),
            (Gitea, "x-gitea-signature", SIGNATURE),
            (JFrog, "x-jfrog-event-auth", SIGNATURE),
            (Nexus, "x-nexus-webhook-signature", "01dc10d0c83e72ed246219cdd91669667fe2ca59"),
        ] {
            let lock = signed(kind);
            assert!(lock.fits(&headers(&[(header, value)]), BODY), "{kind:?}");
            assert!(!lock.fits(&headers(&[(header, value)]), b"Hello, World?"), "{kind:?}");
            assert!(!lock.fits(&headers(&[]), BODY), "{kind:?} without a signature");
            let bent = format!("{}0", &value[..value.len() - 1]);
            for wrong in [bent.as_str(), "", "sha256=", "zz", &value[..value.len() - 2], "sha1=00", "é"] {
                let Ok(given) = axum::http::HeaderValue::from_bytes(wrong.as_bytes()) else { continue };
                let mut given_headers = HeaderMap::new();
                given_headers.insert(header, given);
                assert!(!lock.fits(&given_headers, BODY), "{kind:?} {wrong}");
            }
        }
    }

    #[test]
    fn gitlab_signs_id_time_and_body() {
        // A key and a message of the Standard Webhooks' own test of signatures.
        let lock = Lock::open(WebhookKind::GitLab).signed(&secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).unwrap();
        let (id, time) = (("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"), ("webhook-timestamp", "1614265330"));
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let body = br#"{"test": 2432232314}"#;
        assert!(lock.fits(&headers(&[id, time, ("webhook-signature", signature)]), body));
        let two = format!("v1,AAAA {signature}");
        assert!(lock.fits(&headers(&[id, time, ("webhook-signature", &two)]), body));
        for wrong in ["", "v1,", "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="] {
            assert!(!lock.fits(&headers(&[id, time, ("webhook-signature", wrong)]), body), "{wrong}");
        }
        let later = ("webhook-timestamp", "1614265331");
        assert!(!lock.fits(&headers(&[id, later, ("webhook-signature", signature)]), body));
        assert_eq!(Lock::open(WebhookKind::GitLab).signed(&secret("whsec_not base64!!")).unwrap_err(), Unfit::Encoding);
    }

    #[test]
    fn tokens_stand_where_the_sender_can_put_them() {
        use WebhookKind::*;
        let lock = |kind| Lock::open(kind).with_token(&secret(SECRET)).unwrap();
        let bearer = format!("Bearer {SECRET}");
        let basic = format!("basic {}", STANDARD.encode(format!("anybody:{SECRET}")));
        for value in [bearer.as_str(), &basic, SECRET] {
            assert!(lock(Harbor).admits(&headers(&[("authorization", value)])), "{value}");
            assert!(!lock(GitLab).admits(&headers(&[("authorization", value)])), "{value}");
        }
        assert!(lock(GitLab).admits(&headers(&[("x-gitlab-token", SECRET)])));
        assert!(lock(JFrog).admits(&headers(&[("x-jfrog-event-auth", SECRET)])));
        let wrong = format!("Bearer {SECRET}x");
        let in_user = format!("Basic {}", STANDARD.encode(format!("{SECRET}:")));
        let short = &bearer[..bearer.len() - 1];
        for value in [wrong.as_str(), short, &in_user, "Bearer ", "Bearer", "Basic !", "Basic ", "", &"x".repeat(5_000)]
        {
            assert!(!lock(Harbor).admits(&headers(&[("authorization", value)])), "{value}");
        }
        assert!(!lock(Harbor).admits(&headers(&[])));
    }

    #[test]
    fn a_path_is_secret_or_the_name() {
        let path = "k".repeat(MIN_PATH);
        let lock = Lock::open(WebhookKind::DockerHub).at_path(&secret(&path)).unwrap();
        assert_eq!(lock.is_at(&path), Some(true));
        assert_eq!(lock.is_at("hub"), Some(false));
        assert_eq!(Lock::open(WebhookKind::DockerHub).is_at("hub"), None);
        assert!(Lock::open(WebhookKind::Generic).admits(&headers(&[])));
        assert!(Lock::open(WebhookKind::Generic).fits(&headers(&[]), b""));
    }

    #[test]
    fn weak_secrets_are_refused_at_the_edge() {
        let lock = || Lock::open(WebhookKind::GitHub);
        for (length, good) in [(0, false), (MIN_SECRET - 1, false), (MIN_SECRET, true), (1_024, true), (1_025, false)] {
            assert_eq!(lock().signed(&secret(&"x".repeat(length))).is_ok(), good, "{length}");
            assert_eq!(lock().with_token(&secret(&"x".repeat(length))).is_ok(), good, "{length}");
        }
        assert!(lock().at_path(&secret(&"x".repeat(MIN_PATH - 1))).is_err());
        assert!(lock().at_path(&secret(&format!("{}/", "x".repeat(MIN_PATH)))).is_err());
        assert!(!format!("{:?}", signed(WebhookKind::GitHub)).contains(SECRET));
    }
}
