//! What charts call an image, its repository and its tag.
//!
//! ```yaml
//! image, sidecarImage, SIDECAR_IMAGE          # an image
//! tag, imageTag, image_tag, sidecarImageTag   # a tag; what stands before `Tag` leads to its repository
//! images: {app: ..., tags: {job: ...}}        # a mapping or a list of images
//! ```

use super::super::view::View;
use crate::yaml::{NodeId, Place};
use std::collections::{HashMap, HashSet};

/// The keys of one mapping, looked up once: it may have any number of them.
pub(super) struct Keys<'v> {
    pub(super) all: HashMap<&'v str, NodeId>,
    /// Keys that stand twice: readers disagree on which of the two counts.
    pub(super) twice: HashSet<&'v str>,
    /// The mapping stands where an image is expected: under `fooImage`, or in `images`.
    pub(super) image: bool,
}

impl<'v> Keys<'v> {
    pub(super) fn of(view: &View<'v, '_>, id: NodeId) -> Option<Keys<'v>> {
        let text = |(key, value)| Some((view.tree.text(key)?, value));
        let image = is_image_place(view, id);
        let tells = |key: &str| names_image(key) || tag_stem(key).is_some() || matches!(key, "repository");
        if !image && !view.tree.entries(id).filter_map(text).any(|(key, _)| tells(key)) {
            return None;
        }
        let mut keys = Keys { all: HashMap::new(), twice: HashSet::new(), image };
        for (key, value) in view.tree.entries(id).filter_map(text) {
            if keys.all.contains_key(key) {
                keys.twice.insert(key);
            } else {
                keys.all.insert(key, value);
            }
        }
        Some(keys)
    }

    pub(super) fn get(&self, key: &str) -> Option<NodeId> {
        self.all.get(key).copied()
    }
}

/// The keys by their place in the file.
pub(super) fn in_order<'v>(keys: &Keys<'v>) -> Vec<(&'v str, NodeId)> {
    let mut all = keys.all.iter().map(|(key, id)| (*key, *id)).collect::<Vec<_>>();
    all.sort_by_key(|(_, id)| *id);
    all
}

/// `image`, `sidecarImage`, `SIDECAR_IMAGE`: what charts call an image.
pub(super) fn names_image(key: &str) -> bool {
    key.len() >= 5 && key.is_char_boundary(key.len() - 5) && key[key.len() - 5..].eq_ignore_ascii_case("image")
}

/// What a tag's key begins with: nothing for `tag`, `image` for `imageTag`, `fooImage` for `fooImageTag`.
pub(super) fn tag_stem(key: &str) -> Option<&str> {
    if key == "tag" {
        return Some("");
    }
    let stem = key.strip_suffix("Tag").or_else(|| key.strip_suffix("_tag"))?;
    names_image(stem).then_some(stem)
}

/// Whether a mapping stands where charts put an image.
fn is_image_place(view: &View<'_, '_>, id: NodeId) -> bool {
    let parent = view.tree.node(id).parent;
    let in_images = |id: NodeId| view.tree.key(id) == Some("images");
    view.tree.key(id).is_some_and(names_image) || parent.is_some_and(in_images)
}

/// Whether a scalar is an entry of `images`, or of `images.tags`.
pub(super) fn is_listed_image(view: &View<'_, '_>, id: NodeId) -> bool {
    if matches!(view.tree.node(id).place, Place::Key | Place::Root) {
        return false;
    }
    let Some(parent) = view.tree.node(id).parent else { return false };
    let key = |id: NodeId| view.tree.key(id);
    key(parent) == Some("images")
        || (key(parent) == Some("tags") && view.tree.node(parent).parent.and_then(key) == Some("images"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_by_their_ends() {
        for key in ["image", "Image", "fooImage", "foo_image", "FOO_IMAGE"] {
            assert!(names_image(key), "{key}");
        }
        for key in ["images", "imagePullPolicy", "mage", "é", "imag"] {
            assert!(!names_image(key), "{key}");
        }
        let stems = ["tag", "imageTag", "image_tag", "fooImageTag", "gitTag", "stage"].map(tag_stem);
        assert_eq!(stems, [Some(""), Some("image"), Some("image"), Some("fooImage"), None, None]);
    }
}
