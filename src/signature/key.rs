//! Public keys as policies hold them: PEM, any of the kinds that cosign makes or imports.

use super::provider;
use sha2::{Digest as _, Sha256};
use sigstore_verify::crypto::{
    Error, KeyAlgorithm, SigningScheme, VerificationKey, validate_raw_public_key, verify_signature,
    verify_signature_prehashed,
};
use sigstore_verify::types::{DerPublicKey, SignatureBytes};
use std::fmt;

/// The most bytes of a key's PEM text. An RSA key of 8,192 bits has 1.5 kilobytes.
pub const MAX_KEY_BYTES: usize = 4 * 1024;

/// A public key: ECDSA P-256 or P-384, Ed25519, or RSA of 2,048 to 8,192 bits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey {
    /// SubjectPublicKeyInfo, DER.
    der: Vec<u8>,
}

/// Why a text is no public key that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    #[error("longer than {MAX_KEY_BYTES} bytes")]
    TooLong,
    #[error("not a public key in PEM (`-----BEGIN PUBLIC KEY-----`)")]
    NotPem,
    /// Must not be shown.
    #[error("a private key")]
    Private,
    #[error("a kind of key that cannot be checked: {0}")]
    Unsupported(String),
}

impl PublicKey {
    /// Reads PEM, as `cosign public-key` or `openssl pkey -pubout` write it.
    pub fn parse(pem: &str) -> Result<PublicKey, InvalidKey> {
        if pem.contains("PRIVATE KEY") {
            return Err(InvalidKey::Private);
        }
        if pem.len() > MAX_KEY_BYTES {
            return Err(InvalidKey::TooLong);
        }
        if pem.matches("-----BEGIN ").count() != 1 {
            return Err(InvalidKey::NotPem);
        }
        let der = DerPublicKey::from_pem(pem.trim()).map_err(|_| InvalidKey::NotPem)?;
        let key = PublicKey { der: der.as_bytes().to_vec() };
        key.schemes().map(|_| key)
    }

    /// The ways this key may have signed. Cosign signs with SHA-256 whatever the curve, newer versions with the curve's own.
    fn schemes(&self) -> Result<&'static [SigningScheme], InvalidKey> {
        let unsupported = |error: Error| InvalidKey::Unsupported(super::legible(&error.to_string()));
        let key = VerificationKey::from_spki(&self.spki()).map_err(unsupported)?;
        validate_raw_public_key(key.scheme(), key.as_bytes()).map_err(unsupported)?;
        match key.scheme().key_algorithm() {
            KeyAlgorithm::EcdsaP256 => Ok(&[SigningScheme::EcdsaP256Sha256]),
            KeyAlgorithm::EcdsaP384 => Ok(&[SigningScheme::EcdsaP384Sha256, SigningScheme::EcdsaP384Sha384]),
            KeyAlgorithm::Ed25519 => Ok(&[SigningScheme::Ed25519]),
            KeyAlgorithm::Rsa => Ok(&[SigningScheme::RsaPkcs1Sha256]),
            other => Err(InvalidKey::Unsupported(format!("{other:?}"))),
        }
    }

    fn spki(&self) -> DerPublicKey {
        DerPublicKey::new(self.der.clone())
    }

    /// Whether the key signed the message.
    pub(super) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        provider::install();
        let bytes = SignatureBytes::from_bytes(signature);
        let signed = |scheme: &SigningScheme| verify_signature(&self.spki(), message, &bytes, *scheme).is_ok();
        let schemes = self.schemes().unwrap_or_default();
        schemes.iter().any(signed)
            || (schemes == [SigningScheme::Ed25519] && provider::ed25519ph(&self.raw(), message, signature))
    }

    /// The key itself, without what says of which kind it is.
    fn raw(&self) -> Vec<u8> {
        VerificationKey::from_spki(&self.spki()).map(|key| key.as_bytes().to_vec()).unwrap_or_default()
    }

    /// Whether the key signed the content that has this SHA-256 digest. Ed25519 and RSA cannot be asked so.
    pub(super) fn signed_digest(&self, digest: &[u8], signature: &[u8]) -> bool {
        provider::install();
        let signature = SignatureBytes::from_bytes(signature);
        let signed =
            |scheme: &SigningScheme| verify_signature_prehashed(&self.spki(), digest, &signature, *scheme).is_ok();
        self.schemes().is_ok_and(|schemes| schemes.iter().any(signed))
    }
}

/// The beginning of the SHA-256 of its DER, which `openssl pkey -pubin -outform DER | sha256sum` gives too.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("key ")?;
        Sha256::digest(&self.der).iter().take(6).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
