//! The older form: a signed text that names an image, and beside it what proves who signed it and when.
//!
//! The text is `{"critical": {"identity": ..., "image": {"docker-manifest-digest": DIGEST}, "type": "cosign container image
//! signature"}, "optional": ...}` (containers/image `docs/containers-signature.5.md`; cosign `specs/SIGNATURE_SPEC.md`). The
//! repository it names is not compared: images are copied between registries with their signatures, as cosign expects too.

use super::Refusal;
use crate::image::Digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use sigstore_verify::types::{Bundle, DerCertificate};
use std::collections::BTreeMap;

/// The annotations of a layer, as cosign names them (`pkg/types` and `pkg/oci/static` there).
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
const LOG_ENTRY: &str = "dev.sigstore.cosign/bundle";
const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";

/// The most certificates of a chain: an authority has one or two above its leaves.
const MAX_CERTIFICATES: usize = 8;

/// A signed text whose parts were read.
#[derive(Debug)]
pub(super) struct Simple<'a> {
    pub(super) payload: &'a [u8],
    pub(super) signature: Vec<u8>,
    annotations: &'a BTreeMap<String, String>,
}

impl<'a> Simple<'a> {
    /// Refused when the text is of another image, or no text of this kind.
    pub(super) fn read(
        payload: &'a [u8],
        annotations: &'a BTreeMap<String, String>,
        digest: &Digest,
    ) -> Result<Simple<'a>, Refusal> {
        let text: Payload =
            serde_json::from_slice(payload).map_err(|_| Refusal::malformed("its text is not cosign's"))?;
        let named = text.critical.image.digest;
        if named != digest.as_str() {
            return Err(Refusal::other_image(&named));
        }
        let signature = annotations.get(SIGNATURE).ok_or_else(|| Refusal::malformed("it has no signature"))?;
        let signature =
            STANDARD.decode(signature.trim()).map_err(|_| Refusal::malformed("its signature is not base64"))?;
        Ok(Simple { payload, signature, annotations })
    }

    /// The same as a bundle of version 0.1, so that both forms are checked by the same code.
    pub(super) fn bundle(&self) -> Result<Bundle, Refusal> {
        let certificates = self.certificates()?;
        let entry = self.annotations.get(LOG_ENTRY).ok_or(Refusal::NotLogged)?;
        let entry: LogEntry =
            serde_json::from_str(entry).map_err(|_| Refusal::malformed("its log entry cannot be read"))?;
        let timestamps = match self.annotations.get(TIMESTAMP) {
            None => Vec::new(),
            Some(text) => {
                let timestamp: Timestamp =
                    serde_json::from_str(text).map_err(|_| Refusal::malformed("its timestamp cannot be read"))?;
                vec![json!({ "signedTimestamp": timestamp.token })]
            }
        };
        let bundle = json!({
            "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1",
            "verificationMaterial": {
                "x509CertificateChain": { "certificates": certificates },
                "tlogEntries": [entry.of_bundle()?],
                "timestampVerificationData": { "rfc3161Timestamps": timestamps },
            },
            "messageSignature": { "signature": STANDARD.encode(&self.signature) },
        });
        serde_json::from_value(bundle).map_err(|error| Refusal::Malformed(super::legible(&error.to_string())))
    }

    /// The leaf first, then what its issuer sent along.
    fn certificates(&self) -> Result<Vec<Value>, Refusal> {
        let leaf = self.annotations.get(CERTIFICATE).ok_or(Refusal::NoCertificate)?;
        let chain = self.annotations.get(CHAIN).map_or("", String::as_str);
        let blocks: Vec<&str> = [leaf.as_str(), chain].into_iter().flat_map(pem_blocks).collect();
        if blocks.len() > MAX_CERTIFICATES {
            return Err(Refusal::malformed("it has too many certificates"));
        }
        let read = |block: &&str| {
            let der =
                DerCertificate::from_pem(block).map_err(|_| Refusal::malformed("a certificate cannot be read"))?;
            Ok(json!({ "rawBytes": der.to_base64() }))
        };
        blocks.iter().map(read).collect()
    }
}

/// Each `-----BEGIN ...` with what follows it.
fn pem_blocks(text: &str) -> impl Iterator<Item = &str> {
    let starts: Vec<usize> = text.match_indices("-----BEGIN ").map(|(at, _)| at).collect();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([text.len()]).collect();
    starts.into_iter().zip(ends).map(|(start, end)| text[start..end].trim())
}

#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    image: Image,
}

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

/// What Rekor answered, as cosign keeps it.
#[derive(Deserialize)]
struct LogEntry {
    #[serde(rename = "SignedEntryTimestamp")]
    promise: String,
    #[serde(rename = "Payload")]
    payload: LogPayload,
}

#[derive(Deserialize)]
struct LogPayload {
    body: String,
    #[serde(rename = "integratedTime")]
    integrated_time: i64,
    #[serde(rename = "logIndex")]
    log_index: i64,
    #[serde(rename = "logID")]
    log_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    kind: String,
    api_version: String,
}

#[derive(Deserialize)]
struct Timestamp {
    #[serde(rename = "SignedRFC3161Timestamp")]
    token: String,
}

impl LogEntry {
    fn of_bundle(&self) -> Result<Value, Refusal> {
        let unreadable = || Refusal::malformed("its log entry cannot be read");
        let payload = &self.payload;
        let body = STANDARD.decode(&payload.body).map_err(|_| unreadable())?;
        let kind: Kind = serde_json::from_slice(&body).map_err(|_| unreadable())?;
        let id = hex(&payload.log_id).ok_or_else(unreadable)?;
        Ok(json!({
            "logIndex": payload.log_index.to_string(),
            "logId": { "keyId": STANDARD.encode(id) },
            "kindVersion": { "kind": kind.kind, "version": kind.api_version },
            "integratedTime": payload.integrated_time.to_string(),
            "inclusionPromise": { "signedEntryTimestamp": self.promise },
            "canonicalizedBody": payload.body,
        }))
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok())
        .collect()
}
