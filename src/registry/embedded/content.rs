//! What the embedded registry holds: blobs, manifests, tags and unfinished uploads, in memory and within limits.

use crate::image::{Digest, Tag};
use bytes::{Bytes, BytesMut};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most bytes of blobs and manifests together.
pub(super) const MAX_BYTES: usize = 256 * 1024 * 1024;
/// The most tags, of all repositories together.
const MAX_TAGS: usize = 2_000_000;
/// The most uploads that are begun and not finished.
const MAX_UPLOADS: usize = 1_000;

/// Why something is not stored, in the words of the distribution specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    DigestInvalid,
    ManifestInvalid,
    UploadUnknown,
    RangeInvalid,
    Full,
}

impl Refused {
    pub(super) fn code(self) -> &'static str {
        match self {
            Refused::DigestInvalid => "DIGEST_INVALID",
            Refused::ManifestInvalid => "MANIFEST_INVALID",
            Refused::UploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Refused::RangeInvalid => "BLOB_UPLOAD_INVALID",
            Refused::Full => "TOOMANYREQUESTS",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Manifest {
    pub(super) digest: Digest,
    pub(super) media_type: String,
    pub(super) body: Bytes,
}

#[derive(Debug, Default)]
pub(super) struct Content {
    requests: AtomicU64,
    stored: Mutex<Stored>,
}

#[derive(Debug, Default)]
struct Stored {
    repositories: BTreeMap<String, Repository>,
    blobs: HashMap<String, Bytes>,
    uploads: HashMap<u64, BytesMut>,
    next_upload: u64,
    bytes: usize,
    tags: usize,
}

#[derive(Debug, Default)]
struct Repository {
    tags: BTreeMap<String, Digest>,
    manifests: HashMap<String, Manifest>,
}

impl Content {
    pub(super) fn count(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    fn stored(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin_upload(&self) -> Result<u64, Refused> {
        let mut stored = self.stored();
        if stored.uploads.len() >= MAX_UPLOADS {
            return Err(Refused::Full);
        }
        let id = stored.next_upload;
        stored.next_upload += 1;
        stored.uploads.insert(id, BytesMut::new());
        Ok(id)
    }

    /// Appends a chunk that starts at `start` (where it says so) and gives back how much there is now.
    pub(super) fn append(&self, id: u64, start: Option<usize>, chunk: &[u8]) -> Result<usize, Refused> {
        let mut stored = self.stored();
        if stored.bytes + chunk.len() > MAX_BYTES {
            return Err(Refused::Full);
        }
        let upload = stored.uploads.get_mut(&id).ok_or(Refused::UploadUnknown)?;
        if start.is_some_and(|start| start != upload.len()) {
            return Err(Refused::RangeInvalid);
        }
        upload.extend_from_slice(chunk);
        let length = upload.len();
        stored.bytes += chunk.len();
        Ok(length)
    }

    /// The upload becomes a blob if its bytes are what the digest says; it is over in any case.
    pub(super) fn finish_upload(&self, id: u64, digest: &str) -> Result<Digest, Refused> {
        let mut stored = self.stored();
        let body = stored.uploads.remove(&id).ok_or(Refused::UploadUnknown)?.freeze();
        let found = sha256(&body);
        let known = stored.blobs.contains_key(digest);
        if found.as_ref().map(Digest::as_str) != Some(digest) || known {
            stored.bytes -= body.len();
        }
        match found {
            Some(found) if found.as_str() == digest => {
                stored.blobs.entry(digest.to_owned()).or_insert(body);
                Ok(found)
            }
            _ => Err(Refused::DigestInvalid),
        }
    }

    pub(super) fn blob(&self, digest: &str) -> Option<Bytes> {
        self.stored().blobs.get(digest).cloned()
    }

    /// Stores a manifest under its digest and, where the reference is one, under a tag.
    pub(super) fn put_manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        body: Bytes,
    ) -> Result<Digest, Refused> {
        if serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_err() {
            return Err(Refused::ManifestInvalid);
        }
        let digest = sha256(&body).ok_or(Refused::DigestInvalid)?;
        let tag = Tag::parse(reference).ok();
        if tag.is_none() && reference != digest.as_str() {
            return Err(Refused::DigestInvalid);
        }
        let mut stored = self.stored();
        if stored.bytes + body.len() > MAX_BYTES || stored.tags >= MAX_TAGS {
            return Err(Refused::Full);
        }
        let size = body.len();
        let held = stored.repositories.entry(repository.to_owned()).or_default();
        let manifest = Manifest { digest: digest.clone(), media_type: media_type.to_owned(), body };
        let new_manifest = held.manifests.insert(digest.as_str().to_owned(), manifest).is_none();
        let new_tag = tag.is_some_and(|tag| held.tags.insert(tag.to_string(), digest.clone()).is_none());
        stored.bytes += if new_manifest { size } else { 0 };
        stored.tags += usize::from(new_tag);
        Ok(digest)
    }

    /// Takes the name away; what it named stays.
    pub(super) fn remove_tag(&self, repository: &str, tag: &str) -> bool {
        let mut stored = self.stored();
        let removed = stored.repositories.get_mut(repository).is_some_and(|held| held.tags.remove(tag).is_some());
        stored.tags -= usize::from(removed);
        removed
    }

    pub(super) fn manifest(&self, repository: &str, reference: &str) -> Option<Manifest> {
        let stored = self.stored();
        let held = stored.repositories.get(repository)?;
        let digest = held.tags.get(reference).map_or(reference, Digest::as_str);
        held.manifests.get(digest).cloned()
    }

    /// At most `n` tags after `last`, in byte order, and whether there are more; `None` when there is no such repository.
    pub(super) fn tags(&self, repository: &str, last: Option<&str>, n: usize) -> Option<(Vec<String>, bool)> {
        let stored = self.stored();
        let held = stored.repositories.get(repository)?;
        let after = last.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = held.tags.range::<str, _>((after, Bound::Unbounded)).map(|(tag, _)| tag);
        let page = rest.by_ref().take(n).cloned().collect();
        Some((page, rest.next().is_some()))
    }
}

pub(super) fn sha256(body: &[u8]) -> Option<Digest> {
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(body) {
        write!(text, "{byte:02x}").ok()?;
    }
    Digest::parse(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_stored_only_under_its_digest() {
        let content = Content::default();
        let digest = sha256(b"hello").unwrap();
        let id = content.begin_upload().unwrap();
        assert_eq!(content.append(id, Some(0), b"hel"), Ok(3));
        assert_eq!(content.append(id, Some(9), b"lo"), Err(Refused::RangeInvalid));
        assert_eq!(content.append(id, None, b"lo"), Ok(5));
        assert_eq!(content.finish_upload(id, digest.as_str()), Ok(digest.clone()));
        assert_eq!(content.blob(digest.as_str()).unwrap(), "hello");
        assert_eq!(content.finish_upload(id, digest.as_str()), Err(Refused::UploadUnknown));
        let id = content.begin_upload().unwrap();
        assert_eq!(content.finish_upload(id, digest.as_str()), Err(Refused::DigestInvalid));
        assert_eq!(content.stored().bytes, 5);
    }

    #[test]
    fn uploads_that_are_never_finished_are_bounded() {
        let content = Content::default();
        for _ in 0..MAX_UPLOADS {
            content.begin_upload().unwrap();
        }
        assert_eq!(content.begin_upload(), Err(Refused::Full));
        assert_eq!(content.append(0, None, &vec![0; MAX_BYTES + 1]), Err(Refused::Full));
    }

    #[test]
    fn tags_come_page_by_page_in_byte_order() {
        let content = Content::default();
        for tag in ["b", "a", "C"] {
            content.put_manifest("acme/web", tag, "t", Bytes::from_static(b"{}")).unwrap();
        }
        let page = |last, n| content.tags("acme/web", last, n).map(|(tags, more)| (tags.join(","), more));
        assert_eq!(page(None, 2), Some(("C,a".to_owned(), true)));
        assert_eq!(page(Some("a"), 2), Some(("b".to_owned(), false)));
        assert_eq!(page(Some("z"), 2), Some((String::new(), false)));
        assert_eq!(content.tags("acme/api", None, 2), None);
        assert_eq!(content.put_manifest("acme/web", "d", "t", "no".into()).unwrap_err(), Refused::ManifestInvalid);
        assert_eq!(content.put_manifest("acme/web", "sha256:x", "t", "{}".into()).unwrap_err(), Refused::DigestInvalid);
    }
}
