//! What a run asks of registries, and why there may be no answer.

use super::Notice;
use crate::image::{Digest, ImageMetadata, Repository, Tag};
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// A registry, or rather all of them: the repository says which.
pub trait Registry: Send + Sync {
    /// Every tag of the repository, in the order the registry gave them. A partial list is an error, never an answer.
    fn tags<'a>(&'a self, repository: &'a Repository) -> BoxFuture<'a, Result<Vec<String>, RegistryError>>;

    /// The same, unless `known` knows the mark of the registry's answer: then it is that of an earlier call, byte for byte and
    /// from the same place. It is asked for all the same; what is spared is reading it.
    fn tags_unless<'a>(
        &'a self,
        repository: &'a Repository,
        known: &'a KnownLists<'a>,
    ) -> BoxFuture<'a, Result<TagsUnless, RegistryError>> {
        let _ = known;
        let listed = self.tags(repository);
        Box::pin(async move { Ok(TagsUnless::Tags { tags: listed.await?, mark: None }) })
    }

    /// The digest that the tag names now: of the index where there is one.
    fn digest<'a>(&'a self, repository: &'a Repository, tag: &'a Tag) -> BoxFuture<'a, Result<Digest, RegistryError>>;

    /// What the image that the tag names now says about itself. Costs a request for the manifest, one for its configuration
    /// and, where there is an index, one for its first image; what belongs to one digest is fetched once.
    fn metadata<'a>(
        &'a self,
        repository: &'a Repository,
        tag: &'a Tag,
    ) -> BoxFuture<'a, Result<ImageMetadata, RegistryError>>;

    /// What refers to the manifest of that digest: signatures, attestations, bills of materials. Empty when there is none.
    /// Where the registry has no referrers API, what the tag `sha256-...` of the tag schema lists. A partial list is an
    /// error, never an answer.
    fn referrers<'a>(
        &'a self,
        repository: &'a Repository,
        digest: &'a Digest,
    ) -> BoxFuture<'a, Result<Vec<Referrer>, RegistryError>>;

    /// The manifest or index of that digest, byte for byte; bytes of another digest are an error.
    fn manifest<'a>(
        &'a self,
        repository: &'a Repository,
        digest: &'a Digest,
    ) -> BoxFuture<'a, Result<Vec<u8>, RegistryError>>;

    /// The blob of that digest, byte for byte; bytes of another digest are an error, and so are more than `limit`.
    fn blob<'a>(
        &'a self,
        repository: &'a Repository,
        digest: &'a Digest,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<u8>, RegistryError>>;

    /// Requests sent so far by host, retries and token requests included.
    fn requests(&self) -> BTreeMap<String, u64>;

    /// What registries did so far that a person should know of, sorted.
    fn notices(&self) -> Vec<Notice> {
        Vec::new()
    }
}

/// Marks one answer of a registry to a question for tags: a SHA-256 of where it came from and of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListMark(pub [u8; 32]);

/// Whether a list is known by its mark.
pub type KnownLists<'a> = dyn Fn(&ListMark) -> bool + Send + Sync + 'a;

/// What [`Registry::tags_unless`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagsUnless {
    /// What is known already, by its mark.
    Same(ListMark),
    /// Every tag, as [`Registry::tags`] gives them. Where the whole list was one answer, its mark.
    Tags { tags: Vec<String>, mark: Option<ListMark> },
}

/// A manifest that refers to another one: what the registry's list says about it, which only its own bytes prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    pub digest: Digest,
    /// What it is, such as `application/vnd.dev.sigstore.bundle.v0.3+json`; lists made before OCI 1.1 do not say it.
    pub artifact_type: Option<String>,
    /// The form of the manifest itself.
    pub media_type: String,
    /// Bytes of the manifest.
    pub size: u64,
    pub annotations: BTreeMap<String, String>,
}

/// Why a registry gave no answer. The display is a lowercase fragment that fits after "could not list tags: ".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryError {
    pub host: String,
    pub kind: RegistryErrorKind,
    /// What the registry or the network said, bounded and free of secrets and control characters.
    pub detail: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryErrorKind {
    /// 401, or no credentials where some are needed.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 404: no such repository or tag (or one that these credentials may not see).
    NotFound,
    /// 429, with the time the registry asked to wait.
    RateLimited {
        retry_after: Option<Duration>,
    },
    /// 5xx, after all retries.
    ServerError {
        status: u16,
    },
    /// An answer that the distribution API does not allow: HTML, truncated JSON, another repository's name.
    Malformed,
    /// A limit of ours was reached: pages, bytes or tags.
    TooLarge,
    /// A `Link` chain that repeats itself or leaves the origin.
    BadPaging,
    /// No connection: DNS, TLS, refused, reset.
    Unreachable,
    TimedOut,
}

impl RegistryError {
    /// Whether a later run, with nothing changed by a person, can succeed.
    pub fn retryable(&self) -> bool {
        use RegistryErrorKind::*;
        match self.kind {
            RateLimited { .. } | ServerError { .. } | Unreachable | TimedOut | Malformed => true,
            Unauthorized | Forbidden | NotFound | TooLarge | BadPaging => false,
        }
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use RegistryErrorKind::*;
        let host = &self.host;
        match &self.kind {
            Unauthorized => write!(f, "{host} wants credentials (401)")?,
            Forbidden => write!(f, "{host} refuses access (403)")?,
            NotFound => write!(f, "{host} has no such repository or tag (404)")?,
            RateLimited { retry_after: Some(wait) } => {
                write!(f, "{host} limits requests (429), asks to wait {} s", wait.as_secs())?
            }
            RateLimited { retry_after: None } => write!(f, "{host} limits requests (429)")?,
            ServerError { status } => write!(f, "{host} failed ({status})")?,
            Malformed => write!(f, "{host} answered with something that is not the registry API")?,
            TooLarge => write!(f, "{host} answered with more than the limit")?,
            BadPaging => write!(f, "{host} sent a page link that cannot be followed")?,
            Unreachable => write!(f, "{host} cannot be reached")?,
            TimedOut => write!(f, "{host} did not answer in time")?,
        }
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for RegistryError {}
