//! The newer form: a sigstore bundle, whose content is a DSSE envelope round a statement about the image, or a plain signature
//! over the image's manifest.
//!
//! A statement says what it is about by the digests of its subjects, and what it says by its predicate type. Only the type that
//! `cosign sign` writes is a signature; provenance and other attestations are statements too, made by people and programs that
//! did not mean to approve the image.

use super::Refusal;
use super::key::PublicKey;
use crate::image::Digest;
use sigstore_verify::types::bundle::MessageSignature;
use sigstore_verify::types::{Bundle, DsseEnvelope, SignatureContent};

/// The predicate type of what `cosign sign` states (cosign `pkg/types`, `CosignSignPredicateType`).
pub(super) const SIGNED: &str = "https://sigstore.dev/cosign/sign/v1";
/// The payload type of in-toto statements.
const STATEMENT: &str = "application/vnd.in-toto+json";

/// Reads a bundle about the image; refused when it is about something else.
pub(super) fn read(bytes: &[u8], digest: &Digest) -> Result<Bundle, Refusal> {
    let unreadable = |error: &dyn std::fmt::Display| Refusal::Malformed(super::legible(&error.to_string()));
    let text = std::str::from_utf8(bytes).map_err(|error| unreadable(&error))?;
    let bundle = Bundle::from_json(text).map_err(|error| unreadable(&error))?;
    if let SignatureContent::DsseEnvelope(envelope) = &bundle.content {
        states_about(envelope, digest)?;
    }
    Ok(bundle)
}

/// Whether the envelope is a signature of this image, whoever made it.
fn states_about(envelope: &DsseEnvelope, digest: &Digest) -> Result<(), Refusal> {
    if envelope.payload_type != STATEMENT {
        return Err(Refusal::Attestation(super::legible(&envelope.payload_type)));
    }
    let statement: Statement = serde_json::from_slice(envelope.payload.as_bytes())
        .map_err(|_| Refusal::malformed("its statement cannot be read"))?;
    if statement.predicate_type != SIGNED {
        return Err(Refusal::Attestation(super::legible(&statement.predicate_type)));
    }
    let Some((algorithm, hash)) = digest.as_str().split_once(':') else {
        return Err(Refusal::malformed("the image's digest has no algorithm"));
    };
    let about = |subject: &Subject| subject.digest.get(algorithm).is_some_and(|named| named == hash);
    if statement.subject.iter().any(about) {
        return Ok(());
    }
    let named = statement.subject.first().and_then(|subject| subject.digest.iter().next());
    Err(Refusal::other_image(&named.map_or_else(String::new, |(algorithm, hash)| format!("{algorithm}:{hash}"))))
}

/// Whether the key made the bundle's signature.
pub(super) fn signed_by(bundle: &Bundle, key: &PublicKey, digest: &Digest) -> bool {
    match &bundle.content {
        SignatureContent::DsseEnvelope(envelope) => key.signed(&envelope.pae(), envelope.signature.sig.as_bytes()),
        SignatureContent::MessageSignature(MessageSignature { signature, .. }) => {
            sha256(digest).is_some_and(|digest| key.signed_digest(&digest, signature.as_bytes()))
        }
        _ => false,
    }
}

/// The bytes of a SHA-256 digest.
pub(super) fn sha256(digest: &Digest) -> Option<[u8; 32]> {
    let hex = digest.as_str().strip_prefix("sha256:")?;
    sigstore_verify::types::Sha256Hash::from_hex(hex).ok().map(|hash| *hash.as_bytes())
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    subject: Vec<Subject>,
    predicate_type: String,
}

#[derive(serde::Deserialize)]
struct Subject {
    digest: std::collections::BTreeMap<String, String>,
}
