//! Floating tags: names that a publisher moves from image to image.
//!
//! Two kinds. **Named**: `latest`, branches and release channels, see [`NAMES`]; also with words behind them
//! (`main-arm64`), but not with a number or a commit that tells one image from the next (`dev-42`, `main-1a2b3c4`); `latest` floats
//! whatever follows (`latest-pg16`). They are never candidates. **Short versions, by evidence**: `1.2` floats when the repository also has `1.2.7`, whatever
//! the suffix of either, unless that has a date. It needs the evidence, because `16.4` and `14.10` may be all the version there is.

use super::family::{self, Shape};
use std::collections::HashSet;

/// Branches and channels, compared without regard to case.
const NAMES: [&str; 31] = [
    "latest",
    // branches
    "main",
    "master",
    "trunk",
    "mainline",
    "default",
    "head",
    "tip",
    "develop",
    "development",
    "devel",
    "dev",
    "integration",
    // environments
    "staging",
    "testing",
    "test",
    "production",
    "prod",
    "live",
    // channels
    "edge",
    "nightly",
    "canary",
    "rolling",
    "current",
    "next",
    "unstable",
    "experimental",
    "snapshot",
    "stable",
    "lts",
    "release",
];

/// What follows the name, when the tag is a well-known moving one: nothing for `latest`, `-alpine` for `stable-alpine`.
pub(super) fn flavour(tag: &str) -> Option<&str> {
    // Most tags begin with a number, and no name does.
    if !tag.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let end = tag.find(['-', '_', '.']).unwrap_or(tag.len());
    let (name, rest) = tag.split_at(end);
    let known = NAMES.iter().find(|known| known.eq_ignore_ascii_case(name))?;
    (*known == "latest" || family::is_constant(rest)).then_some(rest)
}

/// Whether the tag is a well-known moving name.
pub(super) fn is_named(tag: &str) -> bool {
    flavour(tag).is_some()
}

/// Which short versions the repository's longer ones refine.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// The first one or two numbers of every longer version.
    prefixes: HashSet<(u64, Option<u64>)>,
}

impl Evidence {
    pub(super) fn new<'a>(tags: impl Iterator<Item = &'a str>) -> Evidence {
        let mut prefixes = HashSet::new();
        for shape in tags.filter_map(Shape::read) {
            let [major, minor, _] = shape.core.values;
            if shape.core.parts > 1 {
                prefixes.insert((major, None));
            }
            if shape.core.parts > 2 {
                prefixes.insert((major, Some(minor)));
            }
        }
        Evidence { prefixes }
    }

    /// Whether a longer version begins with this one. One with a date in its suffix names one build and stays, as
    /// a pre-release does.
    pub(super) fn refines(&self, shape: &Shape<'_>) -> bool {
        let [major, minor, _] = shape.core.values;
        if shape.dates().next().is_some() || shape.is_prerelease() {
            return false;
        }
        match shape.core.parts {
            1 => self.prefixes.contains(&(major, None)),
            2 => self.prefixes.contains(&(major, Some(minor))),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branch_and_channel_names_float_with_words_but_not_with_numbers() {
        for moving in
            ["latest", "LATEST", "main", "stable", "latest-alpine", "main_debug", "edge-arm64", "latest-alpine3.19"]
        {
            assert!(is_named(moving), "{moving}");
        }
        for other in [
            "main-abc1234-1700000001",
            "main-1a2b3c4",
            "main-deadbee",
            "master-6140",
            "stable-20240101",
            "1.2.3",
            "alpine",
            "mainframe",
            "devops",
            "RELEASE.2024-01-01T00-00-00Z",
            "",
        ] {
            assert!(!is_named(other), "{other}");
        }
    }

    #[test]
    fn a_short_version_floats_when_a_longer_one_begins_with_it() {
        let evidence = Evidence::new(["1.2.7", "v3.4.5-alpine", "14.10", "7.1-0.3.1"].into_iter());
        for (tag, moving) in [
            ("1", true),
            ("1.2", true),
            ("v1.2", true),
            ("1.2-alpine", true),
            ("3.4", true),
            ("1.3", false),
            ("2", false),
            ("14", true),
            ("14.10", false),
            ("7.1", false),
            ("1.2.7", false),
            ("1.2-20240501", false),
            ("1.2-20240501-alpine", false),
            ("1.2-20241301", true),
            ("1.2-2024", true),
            ("14rc1", false),
            ("1.2-rc.1", false),
        ] {
            assert_eq!(evidence.refines(&Shape::read(tag).unwrap()), moving, "{tag}");
        }
    }
}
