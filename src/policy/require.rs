//! `require`: what a candidate must satisfy beside its place in the order. One that fails is passed over and the next best
//! is looked at; one about which something could not be learned holds the reference.
//!
//! ```yaml
//! require:
//!   maxBump: minor                       # from the current tag: 1.4.2 to 1.9.0, never to 2.0.0
//!   platforms: [linux/amd64, linux/arm64]
//!   labels: {org.opencontainers.image.vendor: acme}
//!   age: 24h                             # since an earlier run first saw the image
//!   age: {min: 24h, since: created}      # or by the publisher's date
//!   signature: {key: ...}                # see `signed`
//! ```

use super::family::Shape;
use super::{Facts, Need, Reason, Recall};
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
    /// The time since a run first saw the tag name this image.
    pub seen: Option<Duration>,
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

/// Which number of a version changes from one tag to another; `None` where they are not versions of the same kind.
///
/// ```
/// use landwaiter::policy::{Bump, step};
/// assert_eq!(step("v1.4.1", "v1.5.0"), Some(Bump::Minor));
/// assert_eq!(step("1.4.1-alpine3.19", "1.4.2-alpine3.20"), Some(Bump::Patch));
/// assert_eq!(step("sha-1a2b3c4", "sha-2b3c4d5"), None);
/// ```
pub fn step(from: &str, to: &str) -> Option<Bump> {
    let numbers = |tag| Some(Shape::read(tag)?.core.values);
    let (from, to) = (numbers(from)?, numbers(to)?);
    let bump = [Bump::Patch, Bump::Minor].into_iter().find(|bump| from[..bump.kept()] == to[..bump.kept()]);
    Some(bump.unwrap_or(Bump::Major))
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
        self.seen.is_some() || self.asks_metadata() || self.signature.is_some()
    }

    fn asks_metadata(&self) -> bool {
        !self.platforms.is_empty() || !self.labels.is_empty() || self.age.is_some()
    }

    /// What is required of the candidate, the cheapest question first.
    pub(super) fn verdict(&self, tag: &str, facts: &Facts) -> Verdict {
        let verdict = self.novelty(tag, facts);
        if verdict != Verdict::Good {
            return verdict;
        }
        if !self.asks_metadata() {
            return self.signed(tag, facts);
        }
        if let Some(too_young) = self.remembered_youth(tag, facts) {
            return too_young;
        }
        let image = match facts.metadata.get(tag) {
            Some(image) => image,
            None => return Verdict::Needs(Tag::parse(tag).map(Need::Metadata).into_iter().collect()),
        };
        match image.as_ref().map_err(Clone::clone).and_then(|image| self.failure(image, facts.now)) {
            Ok(None) => self.signed(tag, facts),
            Ok(Some((reason, detail))) => Verdict::Fails(reason, detail),
            Err(why) => Verdict::Unknown(why),
        }
    }

    /// Whether the tag has named this image for long enough, as far as we have seen. One that moved begins anew.
    fn novelty(&self, tag: &str, facts: &Facts) -> Verdict {
        let Some(least) = self.seen else {
            return Verdict::Good;
        };
        if let (Recall::Nothing(why), None) = (&facts.recall, &facts.firsts) {
            return Verdict::Unknown(format!(
                "{why}; `age` counts from when an earlier run saw the image, so `--state-dir` must name a folder that stays"
            ));
        }
        let Some(now) = facts.now else {
            return Verdict::Unknown("what time it is now is not known".to_owned());
        };
        let least = i64::try_from(least.as_secs()).unwrap_or(i64::MAX);
        let seen = facts.seen(tag);
        let digest = facts.digests.get(tag).and_then(|digest| digest.as_ref().ok()).or(seen.map(|seen| &seen.digest));
        let elsewhere = facts.firsts.as_ref().zip(digest).and_then(|(firsts, digest)| firsts.get(digest)).copied();
        let first = seen.map(|seen| seen.first).into_iter().chain(elsewhere).min().map(|first| first.min(now));
        let young = |first: i64| {
            let ripe = first.saturating_add(least);
            let detail = || format!("first seen {}, old enough on {}", moment(first), moment(ripe.saturating_add(59)));
            (ripe > now).then(|| Verdict::Fails(Reason::TooYoung, detail()))
        };
        match (facts.digests.get(tag), first.and_then(young)) {
            // Should it have moved meanwhile it is younger still, so there is nothing to ask.
            (_, Some(too_young)) => too_young,
            (None, None) => Verdict::Needs(Tag::parse(tag).map(Need::Digest).into_iter().collect()),
            (Some(Err(why)), _) => Verdict::Unknown(why.clone()),
            (Some(Ok(_)), None) => young(first.unwrap_or(now)).unwrap_or(Verdict::Good),
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

    /// What an earlier run learned of the build date is enough to pass the tag over. Should it have been moved back to an
    /// older image meanwhile, that one waits until the remembered one would have been old enough.
    fn remembered_youth(&self, tag: &str, facts: &Facts) -> Option<Verdict> {
        let created = facts.seen(tag)?.created.filter(|_| !facts.metadata.contains_key(tag))?;
        let (reason, detail) = self.younger(Some(created), facts.now).ok()??;
        Some(Verdict::Fails(reason, detail))
    }

    fn youth(&self, image: &ImageMetadata, now: Option<i64>) -> Result<Option<(Reason, String)>, String> {
        self.younger(image.created, now)
    }

    fn younger(&self, created: Option<i64>, now: Option<i64>) -> Result<Option<(Reason, String)>, String> {
        let Some(least) = self.age else {
            return Ok(None);
        };
        let now = now.ok_or("what time it is now is not known")?;
        let age = now.saturating_sub(believable(created, Some(now))?).max(0);
        let least = i64::try_from(least.as_secs()).unwrap_or(i64::MAX);
        Ok((age < least).then(|| (Reason::TooYoung, format!("built {} ago, {} are asked for", span(age), span(least)))))
    }
}

/// When the image was built, if that can be believed.
pub(super) fn believable(created: Option<i64>, now: Option<i64>) -> Result<i64, String> {
    match created {
        None => Err("it does not say when it was built".to_owned()),
        Some(time) if time < FIRST_IMAGE => Err("its build date lies before the first container image".to_owned()),
        Some(time) if now.is_some_and(|now| time > now.saturating_add(CLOCK_SKEW)) => {
            Err("its build date lies in the future".to_owned())
        }
        Some(time) => Ok(time),
    }
}

/// A moment for people, to the minute.
fn moment(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| "a day without a date".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
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
    use super::super::Seen;
    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn image(created: Option<i64>) -> ImageMetadata {
        ImageMetadata {
            digest: crate::image::Digest::parse(&format!("sha256:{}", "a".repeat(64))).unwrap(),
            created,
            platforms: vec![Platform::parse("linux/amd64").unwrap(), Platform::parse("linux/arm64/v8").unwrap()],
            labels: [("vendor".to_owned(), "acme".to_owned())].into(),
            size: None,
            run: None,
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

    const DAY: i64 = 86_400;

    /// The tag names the image `1` now; what earlier runs saw of it.
    fn novelty(seen: Option<(u32, i64)>, asked: bool, now: Option<i64>) -> Verdict {
        let digest = |number: u32| crate::image::Digest::parse(&format!("sha256:{number:064x}")).unwrap();
        let tag = Tag::parse("1.0.0").unwrap();
        let seen = seen.map(|(number, first)| (tag.clone(), Seen { digest: digest(number), first, created: None }));
        let digests = asked.then(|| (tag.clone(), Ok(digest(1))));
        let facts = Facts {
            digests: digests.into_iter().collect(),
            recall: Recall::Seen(seen.into_iter().collect()),
            now,
            ..Facts::default()
        };
        Require { seen: Some(Duration::from_secs(86_400)), ..Require::default() }.verdict("1.0.0", &facts)
    }

    #[test]
    fn a_tag_is_old_enough_to_the_second_and_only_with_the_digest_it_names_now() {
        let young = |verdict| matches!(verdict, Verdict::Fails(Reason::TooYoung, _));
        assert_eq!(novelty(Some((1, NOW - DAY)), true, Some(NOW)), Verdict::Good);
        assert!(young(novelty(Some((1, NOW - DAY + 1)), true, Some(NOW))));
        assert!(young(novelty(Some((2, NOW - DAY)), true, Some(NOW))), "it moved");
        assert!(young(novelty(None, true, Some(NOW))), "it is new");
        assert!(young(novelty(Some((1, NOW + DAY)), true, Some(NOW))), "a clock that ran ahead");
        // Only what could be old enough is asked for.
        let need = Verdict::Needs(vec![Need::Digest(Tag::parse("1.0.0").unwrap())]);
        assert_eq!(novelty(Some((1, NOW - DAY)), false, Some(NOW)), need);
        assert_eq!(novelty(None, false, Some(NOW)), need);
        assert!(young(novelty(Some((1, NOW - DAY + 1)), false, Some(NOW))));
        assert!(matches!(novelty(Some((1, 0)), true, None), Verdict::Unknown(_)));
    }

    #[test]
    fn the_moment_that_is_named_is_never_too_early() {
        let Verdict::Fails(_, detail) = novelty(Some((1, NOW - 1)), true, Some(NOW)) else { panic!() };
        // 22:13:19 the day after, to the full minute.
        assert_eq!(detail, "first seen 2023-11-14 22:13 UTC, old enough on 2023-11-15 22:14 UTC");
    }
}
