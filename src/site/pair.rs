//! Image values as Helm charts spell them: one text, or repository and tag apart, found together.
//!
//! ```yaml
//! image: {registry: ghcr.io, repository: acme/web, tag: 1.4.2, digest: ""}   # one reference
//! sidecarImage: {name: ghcr.io/acme/proxy, tag: v2}                          # also with `name`
//! images: {job: "ghcr.io/acme/job:7", list: {repository: acme/list, tag: "3"}}
//! migrateImage: ghcr.io/acme/migrate
//! migrateImageTag: 1.0.1                                                     # the pair's other half
//! global: {imageRegistry: mirror.example.com}                                # stands before every repository
//! ```
//!
//! The tag lends the reference its line and path. Names are read, not written, unless a marker asks for it. A mapping with
//! `repository` and `tag` under another key is an image only when its repository names a registry, or `registry` or
//! `pullPolicy` stands beside it; a Git repository has the same keys. An absent or empty tag means the chart's default.
//! A tag that stands alone may have its repository in other values of the chart, see [`super::elsewhere`].
//! This is no shape of its own: `helm`, `flux`, `argo`, `helmfile` and `kustomize` say where values stand.

mod alone;
mod keys;

use self::keys::{Keys, in_order, is_listed_image, names_image, tag_stem};
use super::draft::{Draft, Found, shown};
use super::elsewhere::Home;
use super::value::{self, Parts, Unreadable};
use super::view::{Given, View};
use super::{Part, RemovePoint, Shape, removal};
use crate::yaml::{NodeId, NodeKind};
use std::sync::Arc;

/// Finds every image in the values that lie below `root`.
pub(super) fn find_in(view: &View<'_, '_>, found: &mut Found, root: NodeId, shape: Shape, home: &Arc<Home>) {
    let values = Values { shape, global: global_registry(view, root), root, home };
    for id in view.below(root) {
        match view.tree.node(id).kind {
            NodeKind::Mapping(_) => mapping(view, found, &values, id),
            _ if is_listed_image(view, id) && !found.is_claimed(id) => listed(view, found, shape, id),
            _ => {}
        }
    }
}

/// A single mapping under an image key, in a document that holds other things as well.
pub(super) fn image_map(view: &View<'_, '_>, found: &mut Found, id: NodeId, shape: Shape) {
    mapping(view, found, &Values { shape, global: None, root: id, home: &Arc::default() }, id);
}

/// What holds for all values of one chart.
struct Values<'v> {
    shape: Shape,
    global: Option<&'v str>,
    root: NodeId,
    /// Where more of them stand.
    home: &'v Arc<Home>,
}

/// Bitnami's `global.imageRegistry`, which their charts put in the place of every registry.
fn global_registry<'v>(view: &View<'v, '_>, root: NodeId) -> Option<&'v str> {
    let id = view.at(root, &["global", "imageRegistry"]).or_else(|| view.at(root, &["global", "image", "registry"]))?;
    view.tree.text(id).filter(|text| !text.is_empty())
}

fn mapping(view: &View<'_, '_>, found: &mut Found, values: &Values<'_>, id: NodeId) {
    let Some(keys) = Keys::of(view, id) else { return };
    for (key, tag) in in_order(&keys) {
        if let Some(stem) = tag_stem(key)
            && !found.is_claimed(tag)
        {
            tagged(view, found, values, &keys, (stem, tag));
        }
    }
    if let Some(name) = keys.get("repository").or_else(|| keys.get("name").filter(|_| keys.image))
        && keys.image
        && !found.is_claimed(name)
    {
        Pair::in_map(&keys, name, None).add(view, found, values, &keys);
    }
    for (key, id) in in_order(&keys) {
        if names_image(key) && !found.is_claimed(id) {
            whole(view, found, values.shape, id, key == "image");
        }
    }
}

/// A tag: its repository is looked for under the keys that go with it.
fn tagged(view: &View<'_, '_>, found: &mut Found, values: &Values<'_>, keys: &Keys<'_>, (stem, tag): (&str, NodeId)) {
    if view.given(tag) == Given::Collection {
        return;
    }
    let stem_of_map = stem.is_empty();
    let partner = if stem_of_map {
        keys.get("repository").or_else(|| keys.get("name").filter(|_| keys.image)).or_else(|| keys.get("image"))
    } else {
        let near = ["Repository", "_repository", "Name", "_name", "Repo", "_repo", ""];
        let near = near.iter().find_map(|end| keys.get(&format!("{stem}{end}")));
        near.or_else(|| keys.get("repository").filter(|_| stem.eq_ignore_ascii_case("image")))
    };
    match partner.filter(|id| view.given(*id) != Given::Collection) {
        Some(name) if stem_of_map && !keys.image && !is_surely_an_image(view, keys, name) => {
            let note = "a `repository` and a `tag` that may be no image; a marker on the tag says that they are";
            found.notes.push(view.note(tag, note));
        }
        Some(name) if stem_of_map => Pair::in_map(keys, name, Some(tag)).add(view, found, values, keys),
        Some(name) => Pair::of_stem(keys, stem, name, tag).add(view, found, values, keys),
        None if view.marks.contains_key(&tag) => {}
        None => alone::tag(view, found, values, keys, (stem, tag)),
    }
}

/// Whether `repository` and `tag` outside of an image key name an image.
fn is_surely_an_image(view: &View<'_, '_>, keys: &Keys<'_>, name: NodeId) -> bool {
    let text = view.tree.text(name).unwrap_or_default();
    if keys.get("image") == Some(name) {
        return true;
    }
    let host = text.split_once('/').is_some_and(|(host, _)| host == "localhost" || host.contains(['.', ':']));
    !text.contains("://") && (host || keys.get("registry").is_some() || keys.get("pullPolicy").is_some())
}

/// The scalars of one reference.
struct Pair {
    registry: Option<NodeId>,
    name: NodeId,
    tag: Option<NodeId>,
    digest: Option<NodeId>,
    sha: Option<NodeId>,
}

impl Pair {
    /// In a mapping of its own.
    fn in_map(keys: &Keys<'_>, name: NodeId, tag: Option<NodeId>) -> Pair {
        let get = |key| keys.get(key);
        let tag = tag.or_else(|| get("tag")).or_else(|| get("version").filter(|_| keys.image));
        Pair { registry: get("registry"), name, tag, digest: get("digest"), sha: get("sha") }
    }

    /// Beside other values, told by what their keys begin with.
    fn of_stem(keys: &Keys<'_>, stem: &str, name: NodeId, tag: NodeId) -> Pair {
        let get = |ends: [&str; 2]| ends.iter().find_map(|end| keys.get(&format!("{stem}{end}")));
        Pair {
            registry: get(["Registry", "_registry"])
                .or_else(|| keys.get("registry").filter(|_| keys.get("repository") == Some(name))),
            name,
            tag: Some(tag),
            digest: get(["Digest", "_digest"]),
            sha: get(["Sha", "_sha"]),
        }
    }

    fn add(&self, view: &View<'_, '_>, found: &mut Found, values: &Values<'_>, keys: &Keys<'_>) {
        let claimed = [self.tag, self.digest].into_iter().flatten().any(|id| found.is_claimed(id));
        if claimed || self.is_marked_otherwise(view) || view.given(self.name) == Given::Collection {
            return;
        }
        let primary = self.tag.or(self.digest).unwrap_or(self.name);
        let marked =
            [Some(self.name), self.tag, self.digest].into_iter().flatten().any(|id| view.marks.contains_key(&id));
        if let Some(key) = self.unread(view, keys).filter(|_| !marked) {
            let note = format!(
                "an image whose name `{key}` may be a part of; a marker on the tag, or a declared location, says which it is"
            );
            found.notes.push(view.note(self.tag.unwrap_or(self.name), note));
            self.tag.into_iter().chain([self.name]).for_each(|id| found.claim(id));
            return;
        }
        let mut draft = Draft::new(values.shape, primary);
        draft.around.push(self.name);
        self.name(view, values, &mut draft);
        self.tag(view, &mut draft);
        self.digest(view, &mut draft);
        // Without either the chart's own version is meant.
        if draft.parts.tag.is_none() && draft.parts.digest.is_none() {
            draft.parts.tag = Some(String::new());
        }
        let used = |key: &&str| {
            let id = keys.get(key);
            [Some(self.name), self.tag, self.digest, self.registry].contains(&id)
        };
        if keys.twice.iter().any(used) {
            draft.block("a key stands twice in the mapping");
        }
        draft.remove = self.digest.and_then(|id| removable(view, id)).into_iter().collect();
        found.claim(self.name);
        found.add(draft);
    }

    /// A key with a text that charts put together with the others, each in its own way.
    fn unread(&self, view: &View<'_, '_>, keys: &Keys<'_>) -> Option<&'static str> {
        let text = |key: &str| keys.get(key).and_then(|id| view.tree.text(target(view, id))).unwrap_or_default();
        let short = keys.get("repository") == Some(self.name) && !text("repository").contains('/');
        let parts = ["hub", "org", "organization", "project", "owner"];
        let part = parts.into_iter().find(|key| !text(key).is_empty() && keys.get(key) != Some(self.name));
        part.or_else(|| (short && !text("name").is_empty()).then_some("name"))
    }

    /// Whether a marker says that one of the values holds something else; then the marker is followed.
    fn is_marked_otherwise(&self, view: &View<'_, '_>) -> bool {
        let other =
            |id: Option<NodeId>, part| id.and_then(|id| view.marks.get(&id)).is_some_and(|mark| mark.part != part);
        other(Some(self.name), Part::Name) || other(self.tag, Part::Tag) || other(self.digest, Part::Digest)
    }

    fn name(&self, view: &View<'_, '_>, values: &Values<'_>, draft: &mut Draft) {
        let carrier = target(view, self.name);
        let text = view.tree.text(carrier).unwrap_or_default();
        let own = self.registry.map(|id| view.tree.text(target(view, id)).unwrap_or_default());
        let registry = values.global.or(own).filter(|registry| !registry.is_empty());
        let has_host = text.split_once('/').is_some_and(|(host, _)| host.contains(['.', ':']));
        if values.global.is_some() && own.is_none() && has_host {
            return draft.block("`global.imageRegistry` is set and the repository names a registry of its own");
        }
        let full = registry.map_or_else(|| text.to_owned(), |registry| format!("{registry}/{text}"));
        if view.marks.contains_key(&self.name) {
            draft.carry(view, Part::Name, self.name, value::name(text));
            draft.mark(view, self.name, Part::Name);
            if registry.is_some() {
                draft.block("a `registry` stands beside the name, which would be written twice");
            }
        } else {
            match value::whole(&full) {
                Ok(read) if self.tag.is_some() && (read.tag.is_some() || read.digest.is_some()) => {
                    draft.block("the name carries a tag of its own, beside the tag");
                }
                _ => draft.learn(view, carrier, value::name(&full)),
            }
        }
    }

    fn tag(&self, view: &View<'_, '_>, draft: &mut Draft) {
        let Some(id) = self.tag else { return };
        match view.given(id) {
            Given::Text(text) | Given::NotAString(text) => draft.carry(view, Part::Tag, id, value::tag(text)),
            Given::Alias(target) => draft.carry_alias(view, Part::Tag, (id, target), value::tag),
            Given::Null | Given::Collection => {}
        }
        draft.mark(view, id, Part::Tag);
    }

    fn digest(&self, view: &View<'_, '_>, draft: &mut Draft) {
        match self.digest.map(|id| (id, view.given(id))) {
            Some((id, Given::Text(text))) => {
                draft.carry(view, Part::Digest, id, value::digest(text));
                draft.mark(view, id, Part::Digest);
            }
            Some((_, Given::Null)) | None => {}
            Some(_) => draft.block("the digest is no text of its own"),
        }
        if self.sha.and_then(|id| view.tree.text(id)).is_some_and(|text| !text.is_empty()) {
            draft.block("`sha` holds a digest without its algorithm, which is not written");
        }
    }
}

/// A digest may go, unless a marker would go with it. A tag stays: without one the chart's own version would run.
fn removable(view: &View<'_, '_>, digest: NodeId) -> Option<RemovePoint> {
    (!view.marks.contains_key(&digest)).then(|| removal::of(view, digest, Part::Digest))?
}

/// The node that carries the value: an alias's anchor, or the node.
fn target(view: &View<'_, '_>, id: NodeId) -> NodeId {
    match view.given(id) {
        Given::Alias(target) => target,
        _ => id,
    }
}

/// A text under an image key. `sure`: the key is `image`, so that a name alone is a reference too.
fn whole(view: &View<'_, '_>, found: &mut Found, shape: Shape, id: NodeId, sure: bool) {
    let mark = view.marks.get(&id);
    let mut draft = Draft::new(shape, id);
    match view.given(id) {
        Given::Text(text) if mark.is_some_and(|mark| mark.part != Part::Whole || text.is_empty()) => {}
        Given::Text(text) => match value::whole(text) {
            Err(Unreadable::Empty) => {}
            Err(why) if mark.is_none() => {
                if sure || why == Unreadable::Template {
                    found.notes.push(view.note(id, format!("`{}` {why}", shown(text))));
                }
            }
            Ok(Parts { tag: None, digest: None, .. }) if !sure && mark.is_none() => {}
            read => {
                draft.carry(view, Part::Whole, id, read);
                draft.mark(view, id, Part::Whole);
                found.add(draft);
            }
        },
        Given::Alias(target) => {
            if view.tree.text(target).is_some_and(|text| value::whole(text).is_ok()) {
                draft.carry_alias(view, Part::Whole, (id, target), value::whole);
                found.add(draft);
            }
        }
        Given::NotAString(_) | Given::Null | Given::Collection => {}
    }
}

/// A text in `images`: an image when it says which tag.
fn listed(view: &View<'_, '_>, found: &mut Found, shape: Shape, id: NodeId) {
    whole(view, found, shape, id, false);
}

#[cfg(test)]
mod tests;
