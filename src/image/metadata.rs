//! What an image says about itself: platforms, labels, the time it was built.

use super::Digest;
use std::collections::BTreeMap;
use std::fmt;

/// A platform as an image index names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    pub os: String,
    pub architecture: String,
    pub variant: Option<String>,
}

impl Platform {
    /// Reads `os/architecture` or `os/architecture/variant`: lowercase letters, digits, `.`, `_` and `-`.
    pub fn parse(text: &str) -> Option<Platform> {
        let parts: Vec<&str> = text.split('/').collect();
        let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
        if text.len() > 64 || !parts.iter().all(|part| !part.is_empty() && part.bytes().all(word)) {
            return None;
        }
        match parts.as_slice() {
            [os, architecture] => Some(Platform::new(os, architecture, None)),
            [os, architecture, variant] => Some(Platform::new(os, architecture, Some(variant))),
            _ => None,
        }
    }

    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> Platform {
        let variant = variant.filter(|variant| !variant.is_empty());
        Platform { os: os.into(), architecture: architecture.into(), variant: variant.map(str::to_owned) }
    }

    /// Whether an image for this platform is one for `wanted`: of its variant where one is named. The only variant of
    /// `arm64` is `v8`, which many images leave out.
    pub fn satisfies(&self, wanted: &Platform) -> bool {
        let implied = (self.architecture == "arm64").then_some("v8");
        let variant = self.variant.as_deref().or(implied);
        self.os == wanted.os
            && self.architecture == wanted.architecture
            && (wanted.variant.is_none() || variant == wanted.variant.as_deref())
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

/// What a registry knows about one image, or about all images of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageMetadata {
    /// Of the index where there is one.
    pub digest: Digest,
    /// When it was built, by its own word: seconds since 1970, UTC. Of an index, its annotation's word, else its first image's.
    pub created: Option<i64>,
    /// Sorted, each once. Attestations are no platforms.
    pub platforms: Vec<Platform>,
    /// Of the image, or of an index's first image.
    pub labels: BTreeMap<String, String>,
    /// The layers as they are stored, in bytes: of the image, or of an index's first image.
    pub size: Option<u64>,
    /// How it is run; `None` where that was not asked for when it was remembered.
    pub run: Option<RunConfig>,
}

/// How an image is run, as far as its users notice. Each text is bounded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunConfig {
    pub user: String,
    pub entrypoint: Vec<String>,
    pub command: Vec<String>,
    /// `8080/tcp`, sorted.
    pub ports: Vec<String>,
    /// The names of its environment variables, sorted. Their values may be secrets and are not kept.
    pub environment: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_prints_as_it_was_read() {
        for text in ["linux/amd64", "linux/arm/v7", "windows/amd64"] {
            assert_eq!(Platform::parse(text).unwrap().to_string(), text);
        }
        for bad in ["", "linux", "linux/", "/amd64", "linux/amd64/v1/x", "Linux/amd64", "linux/amd64 ", "all"] {
            assert_eq!(Platform::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_variant_counts_where_it_is_asked_for() {
        let satisfies =
            |has: &str, wanted: &str| Platform::parse(has).unwrap().satisfies(&Platform::parse(wanted).unwrap());
        assert!(satisfies("linux/arm/v7", "linux/arm"));
        assert!(satisfies("linux/arm64", "linux/arm64/v8"));
        assert!(satisfies("linux/arm64/v8", "linux/arm64"));
        assert!(!satisfies("linux/arm/v6", "linux/arm/v7"));
        assert!(!satisfies("linux/arm", "linux/arm/v7"));
        assert!(!satisfies("windows/amd64", "linux/amd64"));
    }
}
