//! What is allowed and cannot have been meant: warnings about single policies, and about policies that stand in each
//! other's way.

use super::policy_file::{PolicyShape, Rules, SelectShape};
use super::problems::Problems;
use super::shape::Spanned;
use crate::policy::{Family, ImagePattern, Pin, Policy};
use crate::text::Span;
use crate::version;
use std::collections::BTreeMap;

/// Who claims which images in which files: the first policy, and where it stands.
pub(super) type Claimed = BTreeMap<(String, Vec<String>), String>;

/// Looks at what one policy says, with what it inherits. `place` is where it is named.
pub(super) fn single(shape: Span, rules: &Rules, problems: &mut Problems) {
    if let Some(select) = rules.select.as_given()
        && let SelectShape::Semver(semver) = &select.value
        && semver.range.never_matches()
    {
        let message = format!("no version can satisfy `{}`", semver.range.as_str());
        problems.warning(select.span, message, "`||` is or, a space is and");
    }
    if let Some(select) = rules.select.as_given()
        && let SelectShape::Digest(tag) = &select.value
        && looks_fixed(tag.as_str())
    {
        let message = format!("`{tag}` looks like a tag that does not move");
        let hint = "`digest` follows a tag whose publisher moves it, such as `stable` or `1.27`; for the newest of many tags \
                    there is `semver`";
        problems.warning(select.span, message, hint);
    }
    if let Some(signature) = rules.require.as_given().and_then(|require| require.value.signature.as_given())
        && rules.pin.as_given().is_none_or(|pin| pin.value == Pin::Tag)
        && !matches!(rules.select.as_given().map(|select| &select.value), Some(SelectShape::Digest(_)))
    {
        let message = "what is verified is a digest, and only the tag is written, which can be moved afterwards";
        problems.warning(signature.span, message, "`pin: tag+digest` writes what was verified");
    }
    let matching = rules.tags.as_given().is_some_and(|tags| !tags.value.matching.is_absent());
    let family = rules.family.as_given().filter(|family| matching && family.value != Family::Any);
    // One that `defaults` say holds for the other policies.
    if let Some(family) = family.filter(|family| shape.start <= family.span.start && family.span.end <= shape.end) {
        let hint = "say in `match` which tags are meant, or leave `match` out";
        problems.warning(family.span, "`family` means nothing beside `tags.match`", hint);
    }
}

/// A whole version, a commit id or a build number.
fn looks_fixed(tag: &str) -> bool {
    let commit = (7..=40).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    commit || version::tag::read(tag, 3).is_ok()
}

/// Finds another policy that claims an image of this one in the same files with the same right.
pub(super) fn shadowed(shape: &PolicyShape, policy: &Policy, claimed: &mut Claimed, problems: &mut Problems) {
    let mut files: Vec<String> = policy.files.iter().map(|glob| glob.glob().glob().to_owned()).collect();
    files.sort();
    let at = shape.name.as_given().map(|name| problems.position(name.span.start).line).unwrap_or_default();
    let mut warned = false;
    let images: &[Spanned<ImagePattern>] = shape.images.as_given().map_or(&[], |images| &images.value);
    for image in images {
        let text = match &image.value {
            ImagePattern::Exact(repository) => format!("={repository}"),
            ImagePattern::Glob(glob) => glob.glob().glob().to_owned(),
        };
        let key = (text, files.clone());
        match claimed.get(&key) {
            Some(first) if !warned && !first.ends_with(&format!("`{}`", policy.name)) => {
                warned = true;
                let message = format!("{first} claims this in the same files with the same right");
                let hint =
                    "references to it are held unless a marker names a policy; give one of the two other `files`";
                problems.warning(image.span, message, hint);
            }
            Some(_) => {}
            None => {
                claimed.insert(key, format!("{}:{at}: `{}`", policy.file, policy.name));
            }
        }
    }
}
