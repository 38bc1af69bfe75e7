//! What must appear in no log, error, plan or page.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use ring::hmac::{HMAC_SHA256, Key, sign, verify};
use std::fmt;
use std::sync::Arc;
use url::form_urlencoded::byte_serialize;

/// A text that must appear in no log, error, plan or page. It prints as dots.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    pub fn new(text: impl Into<Arc<str>>) -> Secret {
        Secret(text.into())
    }

    /// The one way to the text. Every caller hands it to a protocol, never to a message.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the bytes are this text, in a time that does not depend on where they differ. Whoever listens to strangers compares
    /// by this.
    pub fn is(&self, given: &[u8]) -> bool {
        // Keyed by the text itself, so that nobody can work towards a tag.
        let key = Key::new(HMAC_SHA256, self.0.as_bytes());
        verify(&key, given, sign(&key, self.0.as_bytes()).as_ref()).is_ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}

/// User name and password, or a bearer token when there is no user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub user: Option<String>,
    pub secret: Secret,
}

impl Login {
    /// What must not be shown: the secret, and the pair that HTTP sends.
    pub fn hidden(&self) -> Vec<String> {
        let secret = self.secret.expose().to_owned();
        let pair = self.user.iter().map(|user| STANDARD_NO_PAD.encode(format!("{user}:{secret}")));
        pair.chain([secret.clone()]).collect()
    }
}

/// So much of a secret at the end of a text that was cut is taken for its beginning.
const TELLING: usize = 4;

/// The text with every occurrence of a secret replaced by dots: in whatever case it is spelt, as a URL or base64 spells it, and
/// where the text was cut in the middle of it and ends with `…`. A server that echoes what it was sent must not bring a password
/// into a log.
pub fn hide_secrets(text: &str, secrets: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let secrets = secrets.into_iter().filter(|secret| !secret.as_ref().is_empty());
    secrets.flat_map(|secret| spellings(secret.as_ref())).fold(text.to_owned(), |text, spelt| {
        let text = hide(&text, &spelt);
        hide_cut(&text, &spelt)
    })
}

/// Base64 without the signs that only fill it up, which an echo may have lost.
fn spellings(secret: &str) -> Vec<String> {
    let encoded: String = byte_serialize(secret.as_bytes()).collect();
    let mut all = vec![secret.to_owned(), STANDARD_NO_PAD.encode(secret), URL_SAFE_NO_PAD.encode(secret)];
    // Browsers write a blank as a plus, everybody else does not.
    all.push(encoded.replace('+', "%20"));
    all.push(encoded);
    // What a header carries is base64 itself; so much of it is nothing else by chance.
    let bare = secret.trim_end_matches('=');
    all.extend((bare.len() >= 2 * TELLING).then(|| bare.to_owned()));
    all.sort_by_key(|spelt| std::cmp::Reverse(spelt.len()));
    all.dedup();
    all
}

/// ASCII letters alike in either case: a host in an address comes back in lower case.
fn hide(text: &str, secret: &str) -> String {
    let (lower, secret) = (text.to_ascii_lowercase(), secret.to_ascii_lowercase());
    let mut hidden = String::new();
    let mut rest = 0;
    for (at, found) in lower.match_indices(&secret) {
        hidden.push_str(&text[rest..at]);
        hidden.push_str("•••");
        rest = at + found.len();
    }
    hidden + &text[rest..]
}

fn hide_cut(text: &str, secret: &str) -> String {
    let Some(cut) = text.strip_suffix('…') else {
        return text.to_owned();
    };
    let (lower, secret) = (cut.to_ascii_lowercase(), secret.to_ascii_lowercase());
    let starts = (TELLING..secret.len()).rev().filter(|end| secret.is_char_boundary(*end));
    match starts.map(|end| &secret[..end]).find(|start| lower.ends_with(start)) {
        Some(start) => format!("{}•••…", &cut[..cut.len() - start.len()]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echoed_secret_becomes_dots() {
        assert_eq!(hide_secrets("bad password hunter2!", ["hunter2", ""]), "bad password •••!");
        assert_eq!(hide_secrets("http://hunter2.example.com", ["HunTer2"]), "http://•••.example.com");
        assert_eq!(hide_secrets("xxxhunter…", ["hunter2-is-secret"]), "xxx•••…");
        assert_eq!(hide_secrets("ünhunt…", ["hunter2"]), "ün•••…");
    }

    #[test]
    fn a_secret_is_known_however_it_is_spelt() {
        let secret = "a/b+c d=é";
        for spelt in
            ["a/b+c d=é", "a%2Fb%2Bc%20d%3D%C3%A9", "a%2fb%2bc+d%3d%c3%a9", "YS9iK2MgZD3DqQ==", "YS9iK2MgZD3DqQ"]
        {
            assert!(hide_secrets(&format!("it was {spelt}"), [secret]).starts_with("it was •••"), "{spelt}");
        }
        let login = Login { user: Some("acme".to_owned()), secret: Secret::new("s3cret") };
        assert_eq!(hide_secrets("Basic YWNtZTpzM2NyZXQ= s3cret", login.hidden()), "Basic •••= •••");
    }

    #[test]
    fn only_the_very_text_is_the_secret() {
        let secret = Secret::new("s3cret");
        for (given, expected) in [
            ("s3cret", true),
            ("s3cre", false),
            ("s3cret ", false),
            ("S3cret", false),
            ("s3cret\0", false),
            ("", false),
        ] {
            assert_eq!(secret.is(given.as_bytes()), expected, "{given:?}");
        }
        let long = "x".repeat(100);
        assert!(Secret::new(long.as_str()).is(long.as_bytes()));
        assert!(!Secret::new(long.as_str()).is(&long.as_bytes()[1..]));
    }
}
