//! What a reviewer is shown beside the tags: what both images say of themselves, and which tags were passed over.

use super::super::{Planned, Run};
use crate::image::{ImageMetadata, Repository, Tag};
use crate::plan::{Entry, ImageFacts, State};
use futures::stream::{self, StreamExt as _};
use std::collections::BTreeMap;

/// Images whose differences are asked for; a pull request shows fewer.
const MAX_IMAGES: usize = 30;
/// Questions to registries that are under way at once.
const AT_ONCE: usize = 8;

/// By image and the tags it goes from and to.
pub(super) type Facts = BTreeMap<(Repository, String, String), ImageFacts>;

impl Run<'_> {
    /// Asks the registries; what they do not say is left out, for nothing is decided by it.
    pub(super) async fn facts(&self, planned: &Planned, members: &[usize]) -> Facts {
        let mut wanted: Facts = BTreeMap::new();
        for entry in members.iter().filter_map(|at| planned.shown().entries.get(*at)) {
            let Entry { found, image: Some(image), policy: Some(policy), state: State::Change(change) } = entry else {
                continue;
            };
            let from = found.reference.tag.clone().unwrap_or_default();
            let to = change.to.tag.as_ref().map_or_else(|| from.clone(), Tag::to_string);
            let passed_over = planned.passed_over.get(&(policy.clone(), image.clone(), Tag::parse(&from).ok()));
            let facts = ImageFacts { passed_over: passed_over.cloned().unwrap_or_default(), ..ImageFacts::default() };
            if wanted.len() < MAX_IMAGES {
                wanted.insert((image.clone(), from, to), facts);
            }
        }
        type Images = (Repository, String, String);
        let ask = |((image, from, to), facts): (Images, ImageFacts)| async move {
            // The old digest of a tag that moved is not what its tag names now.
            let both = if from == to { None } else { self.describe(&image, &from).await };
            let facts = ImageFacts { from: both, to: self.describe(&image, &to).await, ..facts };
            ((image, from, to), facts)
        };
        stream::iter(wanted).map(ask).buffer_unordered(AT_ONCE).collect().await
    }

    async fn describe(&self, image: &Repository, tag: &str) -> Option<ImageMetadata> {
        self.registry.metadata(image, &Tag::parse(tag).ok()?).await.ok()
    }
}
