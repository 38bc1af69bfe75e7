//! The shape of `require`: what candidates must satisfy.

use super::declare::{record, words};
use super::problems::Problems;
use super::shape::{Field, Shape, Spanned, read_record, shown};
use super::signature::Signed;
use super::tree::{Node, Scalar, Value};
use super::values::FromScalar;
use crate::image::Platform;
use crate::policy::Bump;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::time::Duration;

record! {
    /// What a candidate must satisfy; one that fails is passed over.
    pub(super) struct RequireShape {
        /// The largest step up from the current tag: `patch`, `minor` or `major`. Needs `select: semver`.
        "maxBump" => max_bump: Bump,
        /// Platforms that the image must have, such as `linux/arm64`.
        "platforms" => platforms: Vec<Spanned<Platform>>,
        /// Labels that the image must have, with their values.
        "labels" => labels: Labels,
        /// How long ago a run must have seen the image first, such as `24h`; `since: created` takes the publisher's date.
        "age" => age: Age,
        /// Who must have signed the image, with cosign.
        "signature" => signature: Signed,
    }
}

impl RequireShape {
    /// Whether it asks for a signature and nothing else.
    pub(super) fn signature_alone(&self) -> bool {
        let others =
            [self.max_bump.is_absent(), self.platforms.is_absent(), self.labels.is_absent(), self.age.is_absent()];
        others.iter().all(|absent| *absent) && !self.signature.is_absent()
    }

    /// How many entries its lists have.
    pub(super) fn entries(&self) -> usize {
        self.platforms.entries() + self.labels.as_given().map_or(0, |labels| labels.value.0.len())
    }
}

words! {
    Bump {
        "patch" => Bump::Patch,
        "minor" => Bump::Minor,
        "major" => Bump::Major,
    }
}

impl FromScalar for Platform {
    const WANTED: &'static str = "a platform";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Platform> {
        let platform = Platform::parse(&scalar.text);
        if platform.is_none() {
            let message = format!("`{}` is not a platform", shown(&scalar.text));
            problems.error(scalar.span, message, "write `linux/amd64`, `linux/arm64` or `linux/arm/v7`");
        }
        platform
    }

    fn scalar_schema() -> Json {
        json!({ "type": "string", "pattern": "^[a-z0-9._-]+/[a-z0-9._-]+(/[a-z0-9._-]+)?$" })
    }
}

/// Label names and their values.
#[derive(Debug, Clone, Default)]
pub(super) struct Labels(pub(super) BTreeMap<String, String>);

impl Shape for Labels {
    fn read(node: &Node, problems: &mut Problems) -> Option<Labels> {
        let Value::Map(entries) = &node.value else {
            node.mismatch("a mapping", "write `{NAME: VALUE}`", problems);
            return None;
        };
        let mut labels = BTreeMap::new();
        for (key, value) in entries {
            let scalar = super::shape::scalar(value, "the label's value", problems)?;
            labels.insert(key.text.clone(), scalar.text.clone());
        }
        Some(Labels(labels))
    }

    fn schema() -> Json {
        json!({ "type": "object", "additionalProperties": { "type": ["string", "number", "boolean"] } })
    }
}

/// How old an image must be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Age {
    pub(super) min: Duration,
    pub(super) since: Since,
}

/// Whose word on an image's age is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    /// Our own: when a run first saw it.
    Seen,
    /// The publisher's: when it was built.
    Created,
}

words! {
    Since {
        "seen" => Since::Seen,
        "created" => Since::Created,
    }
}

record! {
    /// How long ago the image must have been seen first, or built.
    struct LongAge {
        /// At least this long ago, such as `24h` or `7d`.
        "min" required => min: LongTime,
        /// Since a run first saw the image (`seen`, if nothing is said), or by the publisher's date (`created`).
        "since" => since: Since,
    }
}

impl Shape for Age {
    fn read(node: &Node, problems: &mut Problems) -> Option<Age> {
        if !matches!(node.value, Value::Map(_)) {
            return LongTime::read(node, problems).map(|min| Age { min: min.0, since: Since::Seen });
        }
        let long: LongAge = read_record(node, problems)?;
        let since = match long.since {
            Field::Given(since) => since.value,
            Field::Absent => Since::Seen,
            Field::Broken => return None,
        };
        Some(Age { min: long.min.value()?.0, since })
    }

    fn schema() -> Json {
        json!({ "oneOf": [LongTime::schema(), LongAge::schema()] })
    }
}

/// The longest time, in seconds: ten years.
const LONGEST: u64 = 3650 * 86_400;

/// A time of seconds to years.
#[derive(Debug, Clone, Copy)]
pub(super) struct LongTime(pub(super) Duration);

impl FromScalar for LongTime {
    const WANTED: &'static str = "a time";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<LongTime> {
        let units = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];
        let seconds = super::places::with_unit(&scalar.text, &units).filter(|seconds| (1..=LONGEST).contains(seconds));
        if seconds.is_none() {
            let message = format!("`{}` is not a time that is allowed here", shown(&scalar.text));
            problems.error(scalar.span, message, "from `1s` to `3650d`, in s, m, h or d");
        }
        seconds.map(|seconds| LongTime(Duration::from_secs(seconds)))
    }

    fn scalar_schema() -> Json {
        json!({ "type": "string", "pattern": "^[0-9]+(s|m|h|d)$" })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::policies;
    use std::time::Duration;

    #[test]
    fn an_age_counts_from_our_own_first_sight_unless_it_says_otherwise() {
        let day = Some(Duration::from_secs(86_400));
        for (age, seen, created) in [
            ("24h", day, None),
            ("{min: 1d}", day, None),
            ("{min: 24h, since: seen}", day, None),
            ("{min: 24h, since: created}", None, day),
        ] {
            let head = "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n";
            let text =
                format!("{head}- {{name: a, images: [a/b], select: {{semver: '*'}}, require: {{age: {age}}}}}\n");
            let loaded = policies::read(&[("landwaiter.yaml".to_owned(), text)]);
            assert!(loaded.is_ok(), "{age}: {:?}", loaded.diagnostics);
            let require = &loaded.policies[0].require;
            assert_eq!((require.seen, require.age), (seen, created), "{age}");
        }
    }
}
