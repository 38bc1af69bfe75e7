//! How facts are written into a row and read back. What cannot be read back is as good as forgotten.

use crate::image::{Digest, ImageMetadata, Platform, Repository, RunConfig, Tag};
use crate::port::{Sighting, TagList};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// An image without its digest, which is the key.
#[derive(Serialize, Deserialize)]
struct Said {
    created: Option<i64>,
    platforms: Vec<(String, String, Option<String>)>,
    labels: BTreeMap<String, String>,
    #[serde(default)]
    size: Option<u64>,
    /// Not there in what older versions wrote.
    #[serde(default)]
    run: Option<Run>,
}

#[derive(Serialize, Deserialize)]
struct Run {
    user: String,
    entrypoint: Vec<String>,
    command: Vec<String>,
    ports: Vec<String>,
    environment: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct List {
    time: i64,
    tags: Vec<String>,
}

pub(super) fn image(image: &ImageMetadata) -> String {
    let platform = |one: &Platform| (one.os.clone(), one.architecture.clone(), one.variant.clone());
    let said = Said {
        created: image.created,
        platforms: image.platforms.iter().map(platform).collect(),
        labels: image.labels.clone(),
        size: image.size,
        run: image.run.clone().map(|RunConfig { user, entrypoint, command, ports, environment }| Run {
            user,
            entrypoint,
            command,
            ports,
            environment,
        }),
    };
    json(&said)
}

pub(super) fn read_image(digest: &Digest, text: &str) -> Option<ImageMetadata> {
    let Said { created, platforms, labels, size, run } = serde_json::from_str(text).ok()?;
    let platform = |(os, architecture, variant): &(String, String, Option<String>)| {
        Platform::new(os, architecture, variant.as_deref())
    };
    let run = run.map(|Run { user, entrypoint, command, ports, environment }| RunConfig {
        user,
        entrypoint,
        command,
        ports,
        environment,
    });
    let platforms = platforms.iter().map(platform).collect();
    Some(ImageMetadata { digest: digest.clone(), created, platforms, labels, size, run })
}

/// The key of a tag. Neither part can hold a tab.
pub(super) fn place(repository: &Repository, tag: &Tag) -> String {
    format!("{repository}\t{tag}")
}

pub(super) fn sighting(seen: &Sighting) -> String {
    format!("{} {} {}", seen.digest, seen.first, seen.last)
}

pub(super) fn read_sighting(text: &str) -> Option<Sighting> {
    let mut words = text.split(' ');
    let digest = Digest::parse(words.next()?).ok()?;
    let (first, last) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    words.next().is_none().then_some(Sighting { digest, first, last })
}

/// What is known of a tag that names `digest` at `now`. Another digest begins anew; a clock that was set back makes
/// nothing older than it is, and no first time lies ahead.
pub(super) fn seen(before: Option<Sighting>, digest: &Digest, now: i64) -> Sighting {
    match before {
        Some(before) if before.digest == *digest => Sighting { first: before.first.min(now), last: now, ..before },
        _ => Sighting { digest: digest.clone(), first: now, last: now },
    }
}

/// The key of a branch, whatever characters its name has.
pub(super) fn branch(name: &str) -> String {
    hex(name.as_bytes())
}

/// The key of a part of what is kept of a branch.
pub(super) fn part(branch: &str, part: &[u8]) -> String {
    format!("{branch}\t{}", hex(part))
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn list(list: &TagList) -> String {
    json(&List { time: list.time, tags: list.tags.clone() })
}

pub(super) fn read_list(text: &str) -> Option<TagList> {
    let List { time, tags } = serde_json::from_str(text).ok()?;
    Some(TagList { tags, time })
}

/// Maps with text keys, texts and numbers are always JSON.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn digest(number: u64) -> Digest {
        Digest::parse(&format!("sha256:{number:064x}")).unwrap()
    }

    #[test]
    fn a_sighting_is_read_back_whole_or_not_at_all() {
        let whole = Sighting { digest: digest(1), first: -5, last: 1_700_000_000 };
        assert_eq!(read_sighting(&sighting(&whole)), Some(whole));
        for bad in [
            "",
            "sha256:00 1 2",
            &format!("{} 1", digest(1)),
            &format!("{} 1 x", digest(1)),
            &format!("{} 1 2 3", digest(1)),
        ] {
            assert_eq!(read_sighting(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_tag_is_seen_first_with_each_digest() {
        let first = seen(None, &digest(1), 100);
        assert_eq!(first, Sighting { digest: digest(1), first: 100, last: 100 });
        let again = seen(Some(first.clone()), &digest(1), 200);
        assert_eq!(again, Sighting { digest: digest(1), first: 100, last: 200 });
        assert_eq!(seen(Some(again), &digest(2), 300), Sighting { digest: digest(2), first: 300, last: 300 });
        // A clock that ran ahead is put right.
        assert_eq!(seen(Some(first), &digest(1), 50).first, 50);
    }

    proptest! {
        #[test]
        fn images_and_lists_are_read_back_as_they_were(
            created in proptest::option::of(any::<i64>()),
            platforms in proptest::collection::vec((".{1,8}", ".{1,8}", proptest::option::of(".{1,4}")), 0..4),
            labels in proptest::collection::btree_map(".{0,9}", ".{0,9}", 0..4),
            tags in proptest::collection::vec(".{0,9}", 0..4),
            time in any::<i64>(),
        ) {
            let platforms = platforms.iter().map(|(os, on, variant)| Platform::new(os, on, variant.as_deref())).collect();
            let run = RunConfig { user: "app".to_owned(), ports: vec!["80/tcp".to_owned()], ..RunConfig::default() };
            let whole = ImageMetadata { digest: digest(7), created, platforms, labels, size: Some(9), run: Some(run) };
            prop_assert_eq!(read_image(&digest(7), &image(&whole)), Some(whole));
            let whole = TagList { tags, time };
            prop_assert_eq!(read_list(&list(&whole)), Some(whole));
        }
    }
}
