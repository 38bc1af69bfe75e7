//! The cryptography under the checks: RustCrypto's ECDSA, dalek's Ed25519 and ring's RSA, all in the program already for SSH and
//! TLS.
//!
//! `sigstore-verify` brings `aws-lc-rs`, or takes any other provider; there is one for a whole process. ECDSA is RustCrypto's
//! because a signature is checked over a digest that was computed before, which ring does not offer. RSA over such a digest is
//! therefore refused by name: it is met only where a keyless certificate holds an RSA key.

use ed25519_dalek::{Signature as Ed25519Signature, VerifyingKey as Ed25519Key};
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use ring::signature::{self as ring_signature, UnparsedPublicKey, VerificationAlgorithm};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use sigstore_verify::crypto::{
    CryptoProvider, Error, HashContext, Result, SigningScheme, install_default_provider, try_default_provider,
};
use sigstore_verify::types::HashAlgorithm;

/// Makes this the process's provider. Doing so again changes nothing; a provider that somebody else installed stays.
pub(super) fn install() {
    if try_default_provider().is_none() {
        // Two threads may come here at once: the second is refused, and both have the same provider.
        let _ = install_default_provider(&PROVIDER);
    }
}

static PROVIDER: Provider = Provider;

#[derive(Debug)]
struct Provider;

impl CryptoProvider for Provider {
    fn hash(&self, algorithm: HashAlgorithm) -> Result<Box<dyn HashContext>> {
        match algorithm {
            HashAlgorithm::Sha2256 => Ok(Box::new(Hashing(Sha256::new()))),
            HashAlgorithm::Sha2384 => Ok(Box::new(Hashing(Sha384::new()))),
            HashAlgorithm::Sha2512 => Ok(Box::new(Hashing(Sha512::new()))),
            other => Err(Error::UnsupportedAlgorithm(format!("{other:?} digests"))),
        }
    }

    fn verify_raw(&self, scheme: SigningScheme, key: &[u8], data: &[u8], signature: &[u8]) -> Result<()> {
        let with = |algorithm: &'static dyn VerificationAlgorithm| {
            UnparsedPublicKey::new(algorithm, key).verify(data, signature).map_err(|_| invalid(scheme))
        };
        match scheme {
            SigningScheme::Ed25519 => ed25519(key, signature)
                .and_then(|(key, signature)| key.verify_strict(data, &signature).ok())
                .ok_or_else(|| invalid(scheme)),
            SigningScheme::RsaPkcs1Sha256 => with(&ring_signature::RSA_PKCS1_2048_8192_SHA256),
            SigningScheme::RsaPkcs1Sha384 => with(&ring_signature::RSA_PKCS1_2048_8192_SHA384),
            SigningScheme::RsaPkcs1Sha512 => with(&ring_signature::RSA_PKCS1_2048_8192_SHA512),
            SigningScheme::RsaPssSha256 => with(&ring_signature::RSA_PSS_2048_8192_SHA256),
            SigningScheme::RsaPssSha384 => with(&ring_signature::RSA_PSS_2048_8192_SHA384),
            SigningScheme::RsaPssSha512 => with(&ring_signature::RSA_PSS_2048_8192_SHA512),
            SigningScheme::EcdsaP256Sha256 | SigningScheme::EcdsaP384Sha256 => {
                ecdsa(scheme, key, &Sha256::digest(data), signature)
            }
            SigningScheme::EcdsaP256Sha384 | SigningScheme::EcdsaP384Sha384 => {
                ecdsa(scheme, key, &Sha384::digest(data), signature)
            }
            other => Err(Error::UnsupportedAlgorithm(other.name().to_owned())),
        }
    }

    fn verify_prehashed(&self, scheme: SigningScheme, key: &[u8], digest: &[u8], signature: &[u8]) -> Result<()> {
        ecdsa(scheme, key, digest, signature)
    }
}

/// Whether the key signed the message as Ed25519ph (RFC 8032), which `sigstore-verify` does not know and cosign 2.6 writes.
pub(super) fn ed25519ph(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let hashed = Sha512::new_with_prefix(message);
    ed25519(key, signature)
        .is_some_and(|(key, signature)| key.verify_prehashed_strict(hashed, None, &signature).is_ok())
}

fn ed25519(key: &[u8], signature: &[u8]) -> Option<(Ed25519Key, Ed25519Signature)> {
    let key = Ed25519Key::from_bytes(key.try_into().ok()?).ok()?;
    Some((key, Ed25519Signature::from_slice(signature).ok()?))
}

/// ECDSA over a digest; the key is an uncompressed point, the signature DER.
fn ecdsa(scheme: SigningScheme, key: &[u8], digest: &[u8], signature: &[u8]) -> Result<()> {
    let good = match scheme {
        SigningScheme::EcdsaP256Sha256 | SigningScheme::EcdsaP256Sha384 => {
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key);
            let signature = p256::ecdsa::Signature::from_der(signature);
            key.and_then(|key| key.verify_prehash(digest, &signature?))
        }
        SigningScheme::EcdsaP384Sha256 | SigningScheme::EcdsaP384Sha384 => {
            let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(key);
            let signature = p384::ecdsa::Signature::from_der(signature);
            key.and_then(|key| key.verify_prehash(digest, &signature?))
        }
        other => return Err(Error::UnsupportedAlgorithm(format!("{} over a digest", other.name()))),
    };
    good.map_err(|_| invalid(scheme))
}

fn invalid(scheme: SigningScheme) -> Error {
    Error::Verification(format!("{} signature invalid", scheme.name()))
}

/// A digest on its way.
struct Hashing<H>(H);

impl<H: sha2::Digest + Send> HashContext for Hashing<H> {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finalize(self: Box<Self>) -> Vec<u8> {
        self.0.finalize().to_vec()
    }
}
