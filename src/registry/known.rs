//! What images said about themselves, by digest: content that nobody can change is asked for once, by this process and,
//! where the store works, by all later ones.

use crate::image::{Digest, ImageMetadata, Repository, Tag};
use crate::port::{Forgetful, Store};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The most images that are held in memory; when there are more, all are forgotten and asked for again.
const MAX_KNOWN: usize = 1_000;

pub(crate) struct Known {
    here: Mutex<HashMap<Digest, ImageMetadata>>,
    store: Arc<dyn Store>,
}

impl Default for Known {
    fn default() -> Known {
        Known::new(Arc::new(Forgetful))
    }
}

impl Known {
    pub(super) fn new(store: Arc<dyn Store>) -> Known {
        Known { here: Mutex::default(), store }
    }

    pub(super) fn get(&self, digest: &Digest) -> Option<ImageMetadata> {
        let here = self.here.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned();
        here.or_else(|| {
            let stored = self.store.image(digest)?;
            self.hold(&stored);
            Some(stored)
        })
    }

    pub(super) fn remember(&self, image: &ImageMetadata) {
        self.hold(image);
        self.store.keep_image(image);
    }

    /// Whether the image that the tag named when it was last seen is known: then it is worth asking, with a request that
    /// counts as no pull, whether the tag names it still.
    pub(super) fn expects(&self, repository: &Repository, tag: &Tag) -> bool {
        let seen = self.store.sighting(repository, tag);
        seen.is_some_and(|seen| self.get(&seen.digest).is_some())
    }

    fn hold(&self, image: &ImageMetadata) {
        let mut here = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        if here.len() >= MAX_KNOWN {
            here.clear();
        }
        here.insert(image.digest.clone(), image.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(number: usize) -> ImageMetadata {
        let digest = Digest::parse(&format!("sha256:{number:064x}")).unwrap();
        ImageMetadata { digest, created: None, platforms: Vec::new(), labels: [].into(), size: None, run: None }
    }

    #[test]
    fn as_many_as_the_limit_are_remembered() {
        let known = Known::default();
        for number in 0..MAX_KNOWN {
            known.remember(&image(number));
        }
        assert_eq!(known.get(&image(0).digest), Some(image(0)));
        known.remember(&image(MAX_KNOWN));
        assert_eq!(known.get(&image(0).digest), None);
        assert_eq!(known.get(&image(MAX_KNOWN).digest), Some(image(MAX_KNOWN)));
    }
}
