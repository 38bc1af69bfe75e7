//! The names of the registry world: repository, tag, digest and the image reference that joins them;
//! and what an image says about itself.
//!
//! Grammar: the OCI distribution specification (`<name>`, `<reference>`) and, for what people may leave out, the
//! normalisation that Docker made customary: `nginx` is `docker.io/library/nginx`.
//!
//! ```
//! use landwaiter::image::ImageRef;
//! let image = ImageRef::parse("nginx:1.27").unwrap();
//! assert_eq!(image.repository.to_string(), "docker.io/library/nginx");
//! assert_eq!(image.to_string(), "nginx:1.27");
//! ```

mod metadata;

pub use metadata::{ImageMetadata, Platform, RunConfig};

use std::fmt;
use std::sync::Arc;

/// The longest repository name, host included, that is accepted: the limit that registries and clients share.
pub const MAX_NAME: usize = 255;
/// The longest tag, by the OCI distribution specification.
pub const MAX_TAG: usize = 128;
/// The host that a name without one belongs to.
pub const DOCKER_HUB: &str = "docker.io";

/// Why a text is not the name it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    #[error("empty name")]
    Empty,
    #[error("`{0}` is not a registry host")]
    Host(String),
    #[error("`{0}` is not a repository name (lowercase letters, digits and . _ - between slashes)")]
    Repository(String),
    #[error("`{0}` is not a tag (at most 128 letters, digits, _ . -; not starting with . or -)")]
    Tag(String),
    #[error("`{0}` is not a digest (algorithm:hex)")]
    Digest(String),
    #[error("longer than {MAX_NAME} characters")]
    TooLong,
    #[error("a URL scheme does not belong in an image name")]
    Scheme,
}

/// Whether the host is Docker Hub under one of the names that it answers to.
pub fn is_hub(host: &str) -> bool {
    matches!(host, DOCKER_HUB | "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com")
}

/// One repository of one registry, in canonical spelling: host and full path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    name: Arc<str>,
    host_len: usize,
}

impl Repository {
    /// Reads a repository name without tag or digest, as people write it.
    pub fn parse(text: &str) -> Result<Repository, InvalidName> {
        if text.is_empty() {
            return Err(InvalidName::Empty);
        }
        if text.contains("://") {
            return Err(InvalidName::Scheme);
        }
        let (host, path) = match text.split_once('/') {
            Some((first, rest)) if is_host(first) => (first, rest),
            _ => (DOCKER_HUB, text),
        };
        if !valid_host(host) {
            return Err(InvalidName::Host(host.to_owned()));
        }
        if !valid_path(path) {
            return Err(InvalidName::Repository(path.to_owned()));
        }
        let host = if is_hub(host) { DOCKER_HUB } else { host };
        let library = if host == DOCKER_HUB && !path.contains('/') { "library/" } else { "" };
        let name = format!("{}/{library}{path}", host.to_ascii_lowercase());
        if name.len() > MAX_NAME {
            return Err(InvalidName::TooLong);
        }
        Ok(Repository { host_len: host.len(), name: name.into() })
    }

    /// The registry's host, with its port when one is written.
    pub fn host(&self) -> &str {
        &self.name[..self.host_len]
    }

    /// The name within the registry, as the distribution API spells it.
    pub fn path(&self) -> &str {
        &self.name[self.host_len + 1..]
    }

    /// Host and path: the canonical spelling.
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.name, f)
    }
}

/// Docker's rule: the first part is a host when it has a dot or a colon, or is `localhost`.
fn is_host(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':'])
}

fn valid_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, rest)) => {
            if v6.is_empty() || !v6.bytes().all(|b| b.is_ascii_hexdigit() || b == b':') {
                return false;
            }
            ("v6", rest.strip_prefix(':').or_else(|| rest.is_empty().then_some("0")))
        }
        None => match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, Some("0")),
        },
    };
    let labels = name.split('.').all(|label| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    });
    labels && port.is_some_and(|port| port.parse::<u16>().is_ok() && port.bytes().all(|b| b.is_ascii_digit()))
}

/// Slash-separated components of lowercase letters and digits with single `.`, `_`, `__` or runs of `-` between them.
fn valid_path(path: &str) -> bool {
    path.split('/').all(|part| {
        let bytes = part.as_bytes();
        let alnum = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        if bytes.is_empty() || !alnum(bytes[0]) || !alnum(bytes[bytes.len() - 1]) {
            return false;
        }
        bytes.split(|b| alnum(*b)).all(|gap| matches!(gap, b"" | b"." | b"_" | b"__") || gap.iter().all(|b| *b == b'-'))
    })
}

/// A tag: a name in a repository that the publisher can move.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Box<str>);

impl Tag {
    pub fn parse(text: &str) -> Result<Tag, InvalidName> {
        if Tag::is_valid(text) { Ok(Tag(text.into())) } else { Err(InvalidName::Tag(shorten(text))) }
    }

    /// Whether [`Tag::parse`] takes the text.
    pub fn is_valid(text: &str) -> bool {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let bytes = text.as_bytes();
        (1..=MAX_TAG).contains(&bytes.len())
            && word(bytes[0])
            && bytes.iter().all(|b| word(*b) || matches!(b, b'.' | b'-'))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::borrow::Borrow<str> for Tag {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A digest: the name of content that nobody can move.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(Box<str>);

impl Digest {
    /// Reads `sha256:<64 hex>` or `sha512:<128 hex>`; other algorithms need at least 32 characters, as the OCI image
    /// specification registers them.
    pub fn parse(text: &str) -> Result<Digest, InvalidName> {
        let invalid = || InvalidName::Digest(shorten(text));
        let (algorithm, hex) = text.split_once(':').ok_or_else(invalid)?;
        let lower_hex = hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let valid = match algorithm {
            "sha256" => hex.len() == 64 && lower_hex,
            "sha512" => hex.len() == 128 && lower_hex,
            "" => false,
            other => {
                other.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+._-".contains(&b))
                    && (32..=256).contains(&hex.len())
                    && hex.bytes().all(|b| b.is_ascii_alphanumeric() || b"=_-".contains(&b))
            }
        };
        if valid { Ok(Digest(text.into())) } else { Err(invalid()) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve characters of the hash: enough for people to tell two apart.
    pub fn short(&self) -> &str {
        let hex = self.0.split_once(':').map_or(&*self.0, |(_, hex)| hex);
        &hex[..hex.len().min(12)]
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// An image reference as it stands in a file: `name[:tag][@digest]`. Printing it gives back the text it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRef {
    /// The name exactly as written, without tag and digest.
    pub name: String,
    /// The repository the name means.
    pub repository: Repository,
    pub tag: Option<Tag>,
    pub digest: Option<Digest>,
}

impl ImageRef {
    pub fn parse(text: &str) -> Result<ImageRef, InvalidName> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(Digest::parse(digest)?)),
            None => (text, None),
        };
        let last = rest.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match rest[last..].find(':') {
            Some(colon) => (&rest[..last + colon], Some(Tag::parse(&rest[last + colon + 1..])?)),
            None => (rest, None),
        };
        Ok(ImageRef { name: name.to_owned(), repository: Repository::parse(name)?, tag, digest })
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// Enough of an untrusted text to recognise it in an error message, without control characters.
fn shorten(text: &str) -> String {
    let clean: String = text.chars().take(160).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if clean.len() < text.len() { format!("{clean}…") } else { clean }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_get_the_host_and_library_that_docker_implies() {
        for (written, host, path) in [
            ("nginx", "docker.io", "library/nginx"),
            ("acme/web", "docker.io", "acme/web"),
            ("index.docker.io/library/nginx", "docker.io", "library/nginx"),
            ("docker.io/nginx", "docker.io", "library/nginx"),
            ("ghcr.io/acme/web", "ghcr.io", "acme/web"),
            ("localhost/web", "localhost", "web"),
            ("127.0.0.1:5000/a/b/c", "127.0.0.1:5000", "a/b/c"),
            ("[::1]:5000/web", "[::1]:5000", "web"),
            ("GHCR.io/acme/web", "ghcr.io", "acme/web"),
        ] {
            let repository = Repository::parse(written).unwrap();
            assert_eq!((repository.host(), repository.path()), (host, path), "{written}");
        }
    }

    #[test]
    fn what_no_registry_would_accept_is_refused() {
        for bad in [
            "",
            "Acme/web",
            "a//b",
            "a/",
            "/a",
            "-a",
            "a-",
            "a..b",
            "a___b",
            "https://ghcr.io/acme/web",
            "ex.com:port/a",
            "ex.com:99999/a",
            "a b",
            "ex_.com/a",
            "é",
        ] {
            assert!(Repository::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Repository::parse(&format!("{}/b", "a".repeat(300))).is_err());
    }

    #[test]
    fn references_print_as_they_were_written() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for text in ["nginx", "nginx:1.27", "localhost:5000/web", "localhost:5000/web:1.0.0-rc_1", "a/b--c__d.e:X"] {
            assert_eq!(ImageRef::parse(text).unwrap().to_string(), text);
            let pinned = format!("{text}@{digest}");
            assert_eq!(ImageRef::parse(&pinned).unwrap().to_string(), pinned);
        }
    }

    #[test]
    fn tags_and_digests_at_their_limits() {
        assert!(Tag::parse(&"a".repeat(128)).is_ok());
        assert!(Tag::parse(&"a".repeat(129)).is_err());
        for bad in ["", ".a", "-a", "a b", "a/b", "a:b", "é", "a\n"] {
            assert!(Tag::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Digest::parse(&format!("sha256:{}", "A".repeat(64))).is_err());
        assert!(Digest::parse("sha256:abc").is_err());
        assert!(ImageRef::parse("nginx:1.0@latest").is_err());
    }
}
