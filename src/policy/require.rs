//! `require`: what a candidate must satisfy beside its place in the order. One that fails is passed over and the next best
//! is looked at; one about which something could not be learned holds the reference.
//!
//! ```yaml
//! require:
//!   maxBump: minor                       # from the current tag: 1.4.2 to 1.9.0, never to 2.0.0
//!   platforms: [linux/amd64, linux/arm64]
//!   labels: {org.opencontainers.image.vendor: acme}
//!   age: {min: 24h, since: created}      # by the publisher's date
//!   signature: {key: ...}                # see `signed`
//! ```

use super::{Facts, Need, Reason};
use crate::image::{ImageMetadata, Platform, Tag};
use crate::signature::Signer;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How many candidates' metadata one decision looks at before it gives up, so that a guard that nothing can satisfy does not
/// read the history of a repository.
pub const MAX_LOOKED_AT: usize = 20;
/// A build date before this one (2013, Docker's first release; seconds since 1970) is no date: reproducible builds write 1970
/// or 1980.
const FIRST_IMAGE: i64 = 1_356_998_400;
/// How far, in seconds, a build date may lie ahead of our clock.
const CLOCK_SKEW: i64 = 24 * 60 * 60;

/// What a policy requires of candidates; nothing unless it says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Require {
    /// The largest step up from the current tag.
    pub max_bump: Option<Bump>,
    /// All of these.
    pub platforms: Vec<Platform>,
    /// Each of these, with exactly this value.
    pub labels: BTreeMap<String, String>,
    /// The time since the image was built, by its own word.
    pub age: Option<Duration>,
    /// Who must have signed it.
    pub signature: Option<Arc<Signer>>,
}

/// What `require` makes of one candidate.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    Fails(Reason, String),
    /// Something could not be learned.
    Unknown(String),
    Needs(Vec<Need>),
}

/// Which number of a version may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bump {
    Patch,
    Minor,
    Major,
}

impl Bump {
    /// How many leading numbers stay.
    pub(super) fn kept(self) -> usize {
        match self {
            Bump::Patch => 2,
            Bump::Minor => 1,
            Bump::Major => 0,
        }
    }
}

impl fmt::Display for Bump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Bump::Patch => "patch",
            Bump::Minor => "minor",
            Bump::Major => "major",
        })
    }
}

impl Require {
    /// Whether anything is required that the tag alone does not tell.
    pub(super) fn asks(&self) -> bool {
        self.asks_metadata() || self.signature.is_some()
    }

    fn asks_metadata(&self) -> bool {
        !self.platforms.is_empty() || !self.labels.is_empty() || self.age.is_some()
    }

    /// What is required of the candidate, the cheapest question first.
    pub(super) fn verdict(&self, tag: &str, facts: &Facts) -> Verdict {
        if !self.asks_metadata() {
            return self.signed(tag, facts);
        }
        let image = match metadata(facts, tag) {
            Ok(image) => image,
            Err(needs) => return Verdict::Needs(needs),
        };
        match image.as_ref().map_err(Clone::clone).and_then(|image| self.failure(image, facts.now)) {
            Ok(None) => self.signed(tag, facts),
            Ok(Some((reason, detail))) => Verdict::Fails(reason, detail),
            Err(why) => Verdict::Unknown(why),
        }
    }

    /// Why an image is passed over, `None` when it satisfies everything. `Err` says what could not be learned.
    fn failure(&self, image: &ImageMetadata, now: Option<i64>) -> Result<Option<(Reason, String)>, String> {
        let missing = |wanted: &&Platform| !image.platforms.iter().any(|has| has.satisfies(wanted));
        if let Some(missing) = self.platforms.iter().find(missing) {
            return Ok(Some((Reason::PlatformMissing, format!("it has no image for {missing}"))));
        }
        if let Some((name, value)) = self.labels.iter().find(|(name, value)| image.labels.get(*name) != Some(*value)) {
            return Ok(Some((Reason::LabelMissing, format!("its label `{name}` is not `{value}`"))));
        }
        self.youth(image, now)
    }

    fn youth(&self, image: &ImageMetadata, now: Option<i64>) -> Result<Option<(Reason, String)>, String> {
        let Some(least) = self.age else {
            return Ok(None);
        };
        let now = now.ok_or("what time it is now is not known")?;
        let age = now.saturating_sub(build_time(image, Some(now))?).max(0);
        let least = i64::try_from(least.as_secs()).unwrap_or(i64::MAX);
        Ok((age < least).then(|| (Reason::TooYoung, format!("built {} ago, {} are asked for", span(age), span(least)))))
    }
}

/// When the image was built, if that can be believed.
pub(super) fn build_time(image: &ImageMetadata, now: Option<i64>) -> Result<i64, String> {
    match image.created {
        None => Err("it does not say when it was built".to_owned()),
        Some(time) if time < FIRST_IMAGE => Err("its build date lies before the first container image".to_owned()),
        Some(time) if now.is_some_and(|now| time > now.saturating_add(CLOCK_SKEW)) => {
            Err("its build date lies in the future".to_owned())
        }
        Some(time) => Ok(time),
    }
}

/// What is known about the image, or what must be asked.
pub(super) fn metadata<'f>(facts: &'f Facts, tag: &str) -> Result<&'f Result<ImageMetadata, String>, Vec<Need>> {
    facts.metadata.get(tag).ok_or_else(|| Tag::parse(tag).map(Need::Metadata).into_iter().collect())
}

/// Seconds for people.
fn span(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn image(created: Option<i64>) -> ImageMetadata {
        ImageMetadata {
            digest: crate::image::Digest::parse(&format!("sha256:{}", "a".repeat(64))).unwrap(),
            created,
            platforms: vec![Platform::parse("linux/amd64").unwrap(), Platform::parse("linux/arm64/v8").unwrap()],
            labels: [("vendor".to_owned(), "acme".to_owned())].into(),
        }
    }

    fn fails(require: &Require, created: Option<i64>) -> Result<Option<Reason>, String> {
        require.failure(&image(created), Some(NOW)).map(|failure| failure.map(|(reason, _)| reason))
    }

    #[test]
    fn every_platform_must_be_there() {
        let with = |platforms: &[&str]| Require {
            platforms: platforms.iter().map(|text| Platform::parse(text).unwrap()).collect(),
            ..Require::default()
        };
        assert_eq!(fails(&with(&["linux/amd64", "linux/arm64"]), None), Ok(None));
        assert_eq!(fails(&with(&["linux/amd64", "linux/s390x"]), None), Ok(Some(Reason::PlatformMissing)));
        assert_eq!(fails(&with(&["windows/amd64"]), None), Ok(Some(Reason::PlatformMissing)));
    }

    #[test]
    fn a_label_must_have_exactly_its_value() {
        let with = |name: &str, value: &str| Require {
            labels: [(name.to_owned(), value.to_owned())].into(),
            ..Require::default()
        };
        assert_eq!(fails(&with("vendor", "acme"), None), Ok(None));
        assert_eq!(fails(&with("vendor", "other"), None), Ok(Some(Reason::LabelMissing)));
        assert_eq!(fails(&with("missing", ""), None), Ok(Some(Reason::LabelMissing)));
    }

    #[test]
    fn the_age_is_met_to_the_second_and_never_guessed() {
        let day = Require { age: Some(Duration::from_secs(86_400)), ..Require::default() };
        assert_eq!(fails(&day, Some(NOW - 86_400)), Ok(None));
        assert_eq!(fails(&day, Some(NOW - 86_399)), Ok(Some(Reason::TooYoung)));
        assert_eq!(fails(&day, Some(NOW + CLOCK_SKEW)), Ok(Some(Reason::TooYoung)));
        for unknown in [None, Some(0), Some(315_532_800), Some(FIRST_IMAGE - 1), Some(NOW + CLOCK_SKEW + 1)] {
            assert!(fails(&day, unknown).is_err(), "{unknown:?}");
        }
        assert_eq!(fails(&day, Some(FIRST_IMAGE)), Ok(None));
        assert!(day.failure(&image(Some(NOW)), None).is_err(), "without a clock nothing has an age");
    }
}
