//! What images said about themselves, by digest: content that nobody can change is asked for once.

use crate::image::{Digest, ImageMetadata};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The most images that are remembered; when there are more, all are forgotten and asked for again.
const MAX_KNOWN: usize = 1_000;

#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<HashMap<Digest, ImageMetadata>>);

impl Known {
    pub(super) fn get(&self, digest: &Digest) -> Option<ImageMetadata> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
    }

    pub(super) fn remember(&self, image: &ImageMetadata) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(image.digest.clone(), image.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(number: usize) -> ImageMetadata {
        let digest = Digest::parse(&format!("sha256:{number:064x}")).unwrap();
        ImageMetadata { digest, created: None, platforms: Vec::new(), labels: [].into() }
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
