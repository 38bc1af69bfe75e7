//! Fetches what is attached to an image and has it judged: the older form of cosign first, the newer one when that does not
//! do. What is fetched is bounded in number and size; what cannot be fetched is never taken for missing.

use crate::image::{Digest, Repository, Tag};
use crate::port::{Referrer, Registry, RegistryError, RegistryErrorKind};
use crate::signature::{
    self, Attached, BUNDLE_TYPE, Checker, Layer, MAX_BUNDLE_BYTES, MAX_PAYLOAD_BYTES, MAX_SIGNATURES, Signer,
    TrustRoot, Verdict,
};

/// Whether the image that the tag names is signed, and which digest that was. `known` is the digest that the run has learned
/// already: it is the one that will be written. `Err` says what could not be learned.
pub(super) async fn verdict(
    registry: &dyn Registry,
    root: Option<&TrustRoot>,
    repository: &Repository,
    tag: &Tag,
    signer: &Signer,
    known: Option<&Result<Digest, String>>,
) -> Result<(Digest, Verdict), String> {
    let checker = Checker::new(signer, root).ok_or(NO_TRUST_ROOT)?;
    let digest = match known {
        Some(known) => known.clone()?,
        None => registry.digest(repository, tag).await.map_err(|error| error.to_string())?,
    };
    let image = Image { registry, repository, digest: &digest };
    let mut attached = image.simple().await?;
    let mut verdict = checker.verdict(&digest, &attached);
    if verdict != Verdict::Signed {
        attached.extend(image.bundles(MAX_SIGNATURES.saturating_sub(attached.len())).await?);
        verdict = checker.verdict(&digest, &attached);
    }
    Ok((digest, verdict))
}

const NO_TRUST_ROOT: &str = "keyless signatures are believed with a trust root only: name it in the settings, `signatures: {trustRootFile: ...}`";

/// The media type of a configuration that says nothing (OCI image 1.1).
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";

/// One image, whose signatures are looked for.
struct Image<'a> {
    registry: &'a dyn Registry,
    repository: &'a Repository,
    digest: &'a Digest,
}

impl Image<'_> {
    /// The older form: the layers of the manifest under the tag `sha256-<hex>.sig`.
    async fn simple(&self) -> Result<Vec<Attached>, String> {
        let Some(tag) = signature::tag(self.digest) else {
            return Ok(Vec::new());
        };
        let manifest = match self.registry.digest(self.repository, &tag).await {
            Ok(digest) => self.manifest(&digest).await?,
            Err(RegistryError { kind: RegistryErrorKind::NotFound, .. }) => return Ok(Vec::new()),
            Err(error) => return Err(unread(&error)),
        };
        let layers = few(signature::simple_layers(&manifest).unwrap_or_default(), MAX_SIGNATURES)?;
        let mut attached = Vec::with_capacity(layers.len());
        for Layer { digest, annotations } in layers {
            let payload = self.blob(&digest, MAX_PAYLOAD_BYTES).await?;
            attached.push(Attached::Simple { payload, annotations });
        }
        Ok(attached)
    }

    /// The newer form: the bundles of the manifests that refer to the image.
    async fn bundles(&self, room: usize) -> Result<Vec<Attached>, String> {
        let referrers = self.registry.referrers(self.repository, self.digest).await.map_err(|error| unread(&error))?;
        let mut attached = Vec::new();
        for referrer in few(referrers.into_iter().filter(may_be_signature).collect(), room)? {
            let manifest = self.manifest(&referrer.digest).await?;
            for layer in few(signature::bundle_layers(&manifest).unwrap_or_default(), room - attached.len())? {
                attached.push(Attached::Bundle(self.blob(&layer.digest, MAX_BUNDLE_BYTES).await?));
            }
        }
        Ok(attached)
    }

    async fn manifest(&self, digest: &Digest) -> Result<Vec<u8>, String> {
        self.registry.manifest(self.repository, digest).await.map_err(|error| unread(&error))
    }

    async fn blob(&self, digest: &Digest, limit: usize) -> Result<Vec<u8>, String> {
        self.registry.blob(self.repository, digest, limit).await.map_err(|error| unread(&error))
    }
}

/// Whether the list leaves it open that this is a signature. What cosign 2.6 writes into the tag that stands in for the list
/// has the type of an empty configuration, whatever it is.
fn may_be_signature(referrer: &Referrer) -> bool {
    let kind = referrer.artifact_type.as_deref();
    kind.is_none_or(|kind| kind == BUNDLE_TYPE || kind == EMPTY_TYPE)
        && signature::may_be_signature(&referrer.annotations)
}

/// Nobody can tell which of too many would have counted.
fn few<T>(found: Vec<T>, room: usize) -> Result<Vec<T>, String> {
    if found.len() > room {
        return Err(format!("more than {MAX_SIGNATURES} signatures, or what may be some, are attached to it"));
    }
    Ok(found)
}

fn unread(error: &RegistryError) -> String {
    format!("its signatures could not be read: {error}")
}

#[cfg(test)]
mod tests;
