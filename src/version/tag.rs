//! A tag read as a semantic version, the way Flux reads it.
//!
//! Rules: an optional lowercase `v`; one to three numbers of at most 64 bits, leading zeros allowed; then optionally a
//! pre-release after `-`, in which a numeric part must not have a leading zero, and build metadata after `+`, which
//! is dropped. Missing numbers are zero. How many parts a tag must have is counted as Flux counts: by the dots of the whole
//! text, so that `1-a.b` has two.
//!
//! ```
//! use landwaiter::version::tag::{read, Unversioned};
//! assert_eq!(read("v2024.01.15", 3).unwrap().to_string(), "2024.1.15");
//! assert_eq!(read("1.2", 3), Err(Unversioned::TooFewParts { found: 2, wanted: 3 }));
//! ```

use semver::{BuildMetadata, Prerelease, Version};
use std::fmt;

/// Why a text is not a version. The display is a fragment that fits after "the tag ".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unversioned {
    /// It does not begin with a number (after one `v`).
    NoNumber,
    /// Fewer dot-separated parts than the policy asks for.
    TooFewParts { found: usize, wanted: usize },
    /// A fourth number, or a number with letters in it.
    Malformed,
    /// A number above 64 bits.
    TooLarge,
    /// A pre-release that semantic versioning does not allow: an empty part, or a number with a leading zero.
    Prerelease,
    /// A commit id, or a build number that says nothing about compatibility.
    Hash,
}

impl fmt::Display for Unversioned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unversioned::NoNumber => f.write_str("does not begin with a version number"),
            Unversioned::TooFewParts { found, wanted } => {
                write!(f, "has {found} of the {wanted} dot-separated parts that the policy asks for")
            }
            Unversioned::Malformed => f.write_str("is not one to three numbers with an optional pre-release"),
            Unversioned::TooLarge => f.write_str("has a number above 64 bits"),
            Unversioned::Prerelease => {
                f.write_str("has a pre-release with an empty part or a number with a leading zero")
            }
            Unversioned::Hash => f.write_str("is a commit id or a bare build number"),
        }
    }
}

/// Reads `text` as a version with at least `parts` dot-separated parts.
pub fn read(text: &str, parts: usize) -> Result<Version, Unversioned> {
    let (numbers, rest) = core(text)?;
    let found = text.split('.').count();
    if found < parts {
        return Err(Unversioned::TooFewParts { found, wanted: parts });
    }
    let (pre, build) = match rest.split_once('+') {
        Some((pre, build)) => (pre, Some(build)),
        None => (rest, None),
    };
    if build.is_some_and(|build| BuildMetadata::new(build).is_err() || build.is_empty()) {
        return Err(Unversioned::Malformed);
    }
    Ok(Version {
        major: numbers.values[0],
        minor: numbers.values[1],
        patch: numbers.values[2],
        pre: prerelease(pre)?,
        build: BuildMetadata::EMPTY,
    })
}

fn prerelease(text: &str) -> Result<Prerelease, Unversioned> {
    match text.strip_prefix('-') {
        None if text.is_empty() => Ok(Prerelease::EMPTY),
        None => Err(Unversioned::Malformed),
        Some("") => Err(Unversioned::Prerelease),
        Some(pre) if pre.contains('_') => Err(Unversioned::Malformed),
        Some(pre) => Prerelease::new(pre).map_err(|_| Unversioned::Prerelease),
    }
}

/// The numbers at the front of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Core {
    pub v: bool,
    /// How many numbers are written: 1 to 3.
    pub parts: usize,
    /// Numbers that are not written are zero.
    pub values: [u64; 3],
}

/// Splits `text` into the numbers at its front and the rest, which does not begin with a further number.
pub fn core(text: &str) -> Result<(Core, &str), Unversioned> {
    let (v, mut rest) = match text.strip_prefix('v') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut core = Core { v, parts: 0, values: [0; 3] };
    loop {
        let end = rest.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(end);
        if digits.is_empty() {
            return Err(Unversioned::NoNumber);
        }
        let slot = core.values.get_mut(core.parts).ok_or(Unversioned::Malformed)?;
        *slot = digits.parse().map_err(|_| Unversioned::TooLarge)?;
        core.parts += 1;
        match after.strip_prefix('.') {
            Some(next) if next.starts_with(|c: char| c.is_ascii_digit()) => rest = next,
            _ => return Ok((core, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_flux_takes_for_a_version() {
        for (text, version) in [
            ("1.2.3", "1.2.3"),
            ("v1.2.3", "1.2.3"),
            ("2024.01.15", "2024.1.15"),
            ("01.002.003", "1.2.3"),
            ("1.2.3-rc.1", "1.2.3-rc.1"),
            ("1.2.3-abc1234", "1.2.3-abc1234"),
            ("1.2.3+build.7", "1.2.3"),
            ("1-a.b.c", "1.0.0-a.b.c"),
            ("18446744073709551615.0.0", "18446744073709551615.0.0"),
        ] {
            assert_eq!(read(text, 3).unwrap().to_string(), version, "{text}");
        }
    }

    #[test]
    fn what_flux_passes_over() {
        for (text, why) in [
            ("", Unversioned::NoNumber),
            ("latest", Unversioned::NoNumber),
            ("V1.0.0", Unversioned::NoNumber),
            ("vv1.0.0", Unversioned::NoNumber),
            ("1.2.3.4", Unversioned::Malformed),
            ("1.2.3_build5", Unversioned::Malformed),
            ("1.2.3-a_b", Unversioned::Malformed),
            ("1.2.3b5", Unversioned::Malformed),
            ("1.2.x", Unversioned::Malformed),
            ("1.2.3+", Unversioned::Malformed),
            ("1.2.3-", Unversioned::Prerelease),
            ("1.2.3-01", Unversioned::Prerelease),
            ("1.2.3-a..b", Unversioned::Prerelease),
            ("18446744073709551616.0.0", Unversioned::TooLarge),
            ("1.2", Unversioned::TooFewParts { found: 2, wanted: 3 }),
            ("v1", Unversioned::TooFewParts { found: 1, wanted: 3 }),
        ] {
            assert_eq!(read(text, 3), Err(why), "{text:?}");
        }
    }

    #[test]
    fn a_policy_can_ask_for_fewer_parts() {
        assert_eq!(read("16.4", 2).unwrap().to_string(), "16.4.0");
        assert_eq!(read("17", 1).unwrap().to_string(), "17.0.0");
        assert!(read("17", 2).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in any::<String>(), parts in 1usize..4) {
            let _ = read(&text, parts);
        }

        #[test]
        fn a_printed_version_reads_as_itself(a in any::<u64>(), b in any::<u64>(), c in any::<u64>()) {
            let version = Version::new(a, b, c);
            prop_assert_eq!(read(&version.to_string(), 3), Ok(version));
        }
    }
}
