//! What cosign attaches to an image, in both of its forms, as plain data.
//!
//! The older form is an image manifest under the tag `sha256-<hex>.sig`: each layer is one signed text, and its signature,
//! certificate and log entry are annotations of the layer. The newer one is a manifest that refers to the image and whose
//! layer is a sigstore bundle. Both come from whoever may push to the repository: nothing here is believed.

use super::bundle::SIGNED;
use crate::image::{Digest, Tag};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The most bytes of one signed text; cosign writes 250 and what the signer adds.
pub const MAX_PAYLOAD_BYTES: usize = 64 * 1024;
/// The most bytes of one bundle. A signature's has 8 kilobytes, provenance some hundreds, and is no signature.
pub const MAX_BUNDLE_BYTES: usize = 1024 * 1024;
/// How many signatures of one image are looked at. Whoever signs again every month has one more each time.
pub const MAX_SIGNATURES: usize = 32;

/// The artefact type of a manifest that holds a bundle.
pub const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// The annotation that says of which predicate type a bundle is.
const PREDICATE: &str = "dev.sigstore.bundle.predicateType";
/// The layer type of a signed text.
const SIMPLE_SIGNING_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// One signature as it was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attached {
    /// The older form: a text, and what its layer says about it.
    Simple { payload: Vec<u8>, annotations: BTreeMap<String, String> },
    /// The newer form.
    Bundle(Vec<u8>),
}

/// A layer that holds a signature, or might.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    pub digest: Digest,
    pub annotations: BTreeMap<String, String>,
}

/// The tag under which the older form is stored.
pub fn tag(digest: &Digest) -> Option<Tag> {
    Tag::parse(&format!("{}.sig", digest.as_str().replacen(':', "-", 1))).ok()
}

/// The signed texts that a manifest of the older form lists; `None` when it is no such manifest.
pub fn simple_layers(manifest: &[u8]) -> Option<Vec<Layer>> {
    layers(manifest, SIMPLE_SIGNING_TYPE)
}

/// The bundles that a manifest of the newer form lists; none when it says that they are attestations, and `None` when it is
/// no such manifest.
pub fn bundle_layers(manifest: &[u8]) -> Option<Vec<Layer>> {
    layers(manifest, BUNDLE_TYPE)
}

/// Whether these annotations, of a manifest or of what lists it, leave it open that its bundle is a signature. Attestations
/// say what they are, and need not be fetched: some are large.
pub fn may_be_signature(annotations: &BTreeMap<String, String>) -> bool {
    annotations.get(PREDICATE).is_none_or(|kind| kind == SIGNED)
}

fn layers(manifest: &[u8], media_type: &str) -> Option<Vec<Layer>> {
    let manifest: Manifest = serde_json::from_slice(manifest).ok()?;
    if !may_be_signature(&manifest.annotations.unwrap_or_default()) {
        return Some(Vec::new());
    }
    let wanted = manifest.layers.into_iter().filter(|layer| layer.media_type == media_type);
    wanted
        .map(|layer| {
            let annotations = layer.annotations.unwrap_or_default();
            Some(Layer { digest: Digest::parse(&layer.digest).ok()?, annotations })
        })
        .collect()
}

#[derive(Deserialize)]
struct Manifest {
    layers: Vec<Descriptor>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    annotations: Option<BTreeMap<String, String>>,
}
