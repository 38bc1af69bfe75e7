//! What is remembered between runs. All of it may be forgotten at any time: a run without it asks again, or waits longer.
//!
//! Nothing here fails: what cannot be had is not there, and [`Store::troubles`] says afterwards what went wrong. Whoever
//! cannot do without asks [`Store::works`] first.

use crate::image::{Digest, ImageMetadata, Repository, Tag};
use std::collections::BTreeMap;

/// The most bytes of one part of [`Store::keep_files`].
pub const MAX_PART: usize = 512 * 1024;

/// Facts of earlier runs. Calls are short and may block for a moment.
pub trait Store: Send + Sync {
    /// Whether what is told now will be there in the next run; `Err` is a fragment that says why not.
    fn works(&self) -> Result<(), String>;

    /// What the image of that digest says about itself.
    fn image(&self, digest: &Digest) -> Option<ImageMetadata>;

    fn keep_image(&self, image: &ImageMetadata);

    /// What the tag was last seen to name.
    fn sighting(&self, repository: &Repository, tag: &Tag) -> Option<Sighting>;

    /// The same for every tag of the repository that was ever asked about.
    fn sightings(&self, repository: &Repository) -> BTreeMap<Tag, Sighting>;

    /// Records what tags name at `now` (seconds since 1970, UTC), all at once. A tag that names another digest than before
    /// is seen for the first time.
    fn saw(&self, named: &[Named], now: i64);

    /// The last whole tag list that was kept.
    fn list(&self, repository: &Repository) -> Option<TagList>;

    fn keep_list(&self, repository: &Repository, list: &TagList);

    /// What was kept of the files of a branch, in parts that whoever kept them understands. Any of them may be gone.
    fn files(&self, branch: &str) -> Vec<Vec<u8>>;

    /// Keeps further parts; those that were there before go if `anew`. A part of more than [`MAX_PART`] is not kept.
    fn keep_files(&self, branch: &str, parts: &[Vec<u8>], anew: bool);

    /// Whether these news were told in an earlier run.
    fn was_told(&self, news: &str) -> bool;

    fn told(&self, news: &[&str]);

    /// What went wrong so far, each once, as sentences for people.
    fn troubles(&self) -> Vec<String>;
}

/// What a tag of a repository names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    pub repository: Repository,
    pub tag: Tag,
    pub digest: Digest,
}

/// What a tag was seen to name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    pub digest: Digest,
    /// When the tag was first seen with this digest: seconds since 1970, UTC.
    pub first: i64,
    /// When it was last seen with it.
    pub last: i64,
}

/// A whole tag list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagList {
    /// As the registry gave them.
    pub tags: Vec<String>,
    /// When the registry gave them: seconds since 1970, UTC.
    pub time: i64,
}

/// Remembers nothing.
#[derive(Debug, Clone, Copy)]
pub struct Forgetful;

impl Store for Forgetful {
    fn works(&self) -> Result<(), String> {
        Err("nothing is remembered here".to_owned())
    }

    fn image(&self, _: &Digest) -> Option<ImageMetadata> {
        None
    }

    fn keep_image(&self, _: &ImageMetadata) {}

    fn sighting(&self, _: &Repository, _: &Tag) -> Option<Sighting> {
        None
    }

    fn sightings(&self, _: &Repository) -> BTreeMap<Tag, Sighting> {
        BTreeMap::new()
    }

    fn saw(&self, _: &[Named], _: i64) {}

    fn list(&self, _: &Repository) -> Option<TagList> {
        None
    }

    fn keep_list(&self, _: &Repository, _: &TagList) {}

    fn files(&self, _: &str) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn keep_files(&self, _: &str, _: &[Vec<u8>], _: bool) {}

    fn was_told(&self, _: &str) -> bool {
        false
    }

    fn told(&self, _: &[&str]) {}

    fn troubles(&self) -> Vec<String> {
        Vec::new()
    }
}
