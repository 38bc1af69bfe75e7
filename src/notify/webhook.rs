//! Any program: JSON, signed as Standard Webhooks (github.com/standard-webhooks/standard-webhooks) wants it.
//!
//! ```text
//! webhook-id: msg_6d0c...           the same when it is sent again
//! webhook-timestamp: 1795168800     seconds since 1970, of this attempt
//! webhook-signature: v1,<base64 of HMAC-SHA256 over "id.timestamp.body">
//! ```
//!
//! `docs/notifications.md` has a program that verifies it.

use super::Sender;
use super::message::Message;
use super::text::body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::{Value, json};
use std::fmt;

/// The bytes of a secret, as Standard Webhooks bounds them.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Characters of a template's text.
const MAX_TEMPLATE: usize = 60_000;

/// What messages are signed with.
#[derive(Clone)]
pub struct SigningSecret(hmac::Key);

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}

impl SigningSecret {
    /// Reads `whsec_` and base64 of 24 to 64 bytes. The error is a fragment without the secret.
    pub fn parse(text: &str) -> Result<SigningSecret, String> {
        let encoded = text.trim().strip_prefix("whsec_").ok_or("a secret begins with `whsec_`")?;
        let bytes = STANDARD.decode(encoded).map_err(|_| "what follows `whsec_` is not base64")?;
        if !SECRET_BYTES.contains(&bytes.len()) {
            let (low, high) = (SECRET_BYTES.start(), SECRET_BYTES.end());
            return Err(format!("a secret has {low} to {high} bytes, and this one {}", bytes.len()));
        }
        Ok(SigningSecret(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }
}

/// The value of `webhook-signature`.
pub fn signature(secret: &SigningSecret, id: &str, timestamp: i64, body: &str) -> String {
    let signed = hmac::sign(&secret.0, format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(signed))
}

pub(super) fn payload(message: &Message, sender: &Sender) -> Value {
    json!({
        "type": "landwaiter.notification",
        "timestamp": crate::render::moment(message.time),
        "data": data(message, sender),
    })
}

/// What `docs/notifications.md` describes. Foreign texts stand as they are: JSON has no markup.
pub(super) fn data(message: &Message, sender: &Sender) -> Value {
    let values = message.values();
    let mut data = json!({
        "version": 1,
        "id": message.id,
        "title": values.title,
        "repository": values.repository,
        "branch": values.branch,
        "run": values.run,
        "count": values.count,
        "more": values.more,
        "news": values.news,
    });
    if sender.template.is_some() {
        data["text"] = body(message, sender, MAX_TEMPLATE, &str::to_owned).into();
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the reference libraries of Standard Webhooks.
    #[test]
    fn a_signature_is_that_of_the_reference_libraries() {
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_is_bounded_at_its_edges_and_never_shown() {
        let secret = |bytes: usize| SigningSecret::parse(&format!("whsec_{}", STANDARD.encode(vec![7; bytes])));
        assert!(secret(24).is_ok() && secret(64).is_ok());
        for (bad, why) in [
            (secret(23), "a secret has 24 to 64 bytes, and this one 23"),
            (secret(65), "a secret has 24 to 64 bytes, and this one 65"),
            (SigningSecret::parse("hunter2"), "a secret begins with `whsec_`"),
            (SigningSecret::parse("whsec_hunter2!"), "what follows `whsec_` is not base64"),
        ] {
            assert_eq!(bad.unwrap_err(), why);
        }
        assert_eq!(format!("{:?}", secret(24).unwrap()), "•••");
    }
}
