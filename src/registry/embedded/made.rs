//! Images whose own words matter: when they were built, for which platforms, with which labels. What a build would push is
//! put straight into memory, with manifests, indexes and configurations as builders write them.

use super::Embedded;
use super::content::Refused;
use crate::image::{Digest, Platform};
use oci_client::manifest::{IMAGE_CONFIG_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE};
use serde_json::{Value, json};
use std::io;

/// What an image is to say about itself.
#[derive(Debug, Clone, Default)]
pub struct Made<'a> {
    /// As it is written into the configuration; RFC 3339 where it is to be understood.
    pub created: Option<&'a str>,
    /// One platform makes an image (`linux/amd64` where none is named), several make an index with an attestation.
    pub platforms: &'a [&'a str],
    pub labels: &'a [(&'a str, &'a str)],
}

impl Embedded {
    /// Puts an image that says this about itself under the tag, and gives back its digest.
    pub fn push_made(&self, repository: &str, tag: &str, made: &Made<'_>) -> io::Result<Digest> {
        let (repository, tag) = self.checked(repository, tag)?;
        let path = repository.path();
        if let [] | [_] = made.platforms {
            let platform = made.platforms.first().copied().unwrap_or("linux/amd64");
            return self.manifest(path, Some(tag.as_str()), OCI_IMAGE_MEDIA_TYPE, &self.image(made, platform)?);
        }
        let mut entries = Vec::new();
        for platform in made.platforms {
            let digest = self.manifest(path, None, OCI_IMAGE_MEDIA_TYPE, &self.image(made, platform)?)?;
            entries.push(json!({"mediaType": OCI_IMAGE_MEDIA_TYPE, "digest": digest.as_str(), "size": 1, "platform": spelt(platform)?}));
        }
        let attestation =
            self.manifest(path, None, OCI_IMAGE_MEDIA_TYPE, &self.image(&Made::default(), "unknown/unknown")?)?;
        entries.push(json!({
            "mediaType": OCI_IMAGE_MEDIA_TYPE, "digest": attestation.as_str(), "size": 1, "platform": spelt("unknown/unknown")?,
            "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
        }));
        let index = json!({"schemaVersion": 2, "mediaType": OCI_IMAGE_INDEX_MEDIA_TYPE, "manifests": entries});
        self.manifest(path, Some(tag.as_str()), OCI_IMAGE_INDEX_MEDIA_TYPE, &index)
    }

    /// Puts a recorded manifest or index in its place, byte for byte; the reference is a tag or its digest.
    pub fn put_manifest(&self, repository: &str, reference: &str, media_type: &str, text: &str) -> io::Result<Digest> {
        self.content.put_manifest(repository, reference, media_type, text.to_owned().into()).map_err(refused)
    }

    /// Puts a recorded blob in its place, and gives back its digest.
    pub fn put_blob(&self, bytes: &[u8]) -> io::Result<Digest> {
        let digest = super::content::sha256(bytes).ok_or_else(|| io::Error::other("no digest"))?;
        let id = self.content.begin_upload().map_err(refused)?;
        self.content.append(id, None, bytes).map_err(refused)?;
        self.content.finish_upload(id, digest.as_str()).map_err(refused)
    }

    /// The manifest of one image, whose configuration is stored.
    fn image(&self, made: &Made<'_>, platform: &str) -> io::Result<Value> {
        let mut config = spelt(platform)?;
        let labels: serde_json::Map<String, Value> =
            made.labels.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        config["config"] = json!({ "Labels": labels });
        if let Some(created) = made.created {
            config["created"] = json!(created);
        }
        let text = config.to_string();
        let digest = self.put_blob(text.as_bytes())?;
        let config = json!({"mediaType": IMAGE_CONFIG_MEDIA_TYPE, "digest": digest.as_str(), "size": text.len()});
        Ok(json!({"schemaVersion": 2, "mediaType": OCI_IMAGE_MEDIA_TYPE, "config": config, "layers": []}))
    }

    fn manifest(&self, path: &str, tag: Option<&str>, media_type: &str, manifest: &Value) -> io::Result<Digest> {
        let text = manifest.to_string();
        let digest = super::content::sha256(text.as_bytes()).ok_or_else(|| io::Error::other("no digest"))?;
        let reference = tag.unwrap_or(digest.as_str());
        self.content.put_manifest(path, reference, media_type, text.into()).map_err(refused)
    }
}

/// A platform as manifests and configurations spell it.
fn spelt(platform: &str) -> io::Result<Value> {
    let invalid = || io::Error::new(io::ErrorKind::InvalidInput, format!("{platform} is no platform"));
    let platform = Platform::parse(platform).ok_or_else(invalid)?;
    let mut spelt = json!({"os": platform.os, "architecture": platform.architecture});
    if let Some(variant) = platform.variant {
        spelt["variant"] = json!(variant);
    }
    Ok(spelt)
}

fn refused(refused: Refused) -> io::Error {
    io::Error::other(refused.code())
}
