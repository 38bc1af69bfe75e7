//! `images[]` of a kustomization: one entry is one reference, whichever of its fields are written.
//!
//! ```yaml
//! kind: Kustomization
//! images:
//! - name: web                       # what the entry replaces; never changed
//!   newName: ghcr.io/acme/web       # the repository, when it is written; otherwise `name` is
//!   newTag: "1.10"                  # also `1.10@sha256:...`
//!   digest: sha256:...
//! ```
//!
//! Beside `images`, a kustomization holds patches as text (`patches[].patch`, `patchesJson6902[].patch`,
//! `patchesStrategicMerge[]`), which are read as YAML of their own, and charts in `helmCharts[]`: `version` with a `repo` that
//! begins with `oci://`, and Helm values in `valuesInline`.
//!
//! What an entry's `name` means, another kustomization may say, see [`super::elsewhere`].
//!
//! A document is a kustomization by its kind (`Kustomization`, `Component`) or, without a kind, by its file's name. An
//! entry with only a `name` changes nothing and is no reference.

use super::chart::{self, Registry};
use super::draft::{Draft, Found};
use super::elsewhere::{Sought, folder};
use super::value::{self, Parts, Unreadable};
use super::view::{Given, Role, View};
use super::{InsertPoint, Part, RemovePoint, Shape, helm, insertion, pair, removal};
use crate::yaml::{NodeId, NodeKind, Place};
use std::sync::Arc;

pub(super) fn find(view: &View<'_, '_>, found: &mut Found) {
    if !is_kustomization(view) {
        return;
    }
    let Some(root) = view.tree.root() else { return };
    let begun = found.drafts.len();
    images(view, found, view.tree.get(root, "images"));
    aliases(view, found, begun);
    patches(view, found, root);
    for chart in view.items(view.tree.get(root, "helmCharts")) {
        helm_chart(view, found, chart);
    }
    values_files(view, found, root);
}

/// An entry without a `newName` may be for a name that another kustomization replaces; one with it may be the other.
fn aliases(view: &View<'_, '_>, found: &mut Found, begun: usize) {
    if !is_called_so(view.path) {
        return;
    }
    let mut renames = Vec::new();
    for draft in found.drafts.iter_mut().skip(begun) {
        let Some(entry) = view.tree.node(draft.primary).parent else { continue };
        let (Some(name), Place::Item(item)) = (view.text_at(entry, "name"), view.tree.node(entry).place) else {
            continue;
        };
        match view.text_at(entry, "newName") {
            Some(new) if new != name => renames.push(name.to_owned()),
            Some(_) => {}
            None if !names_registry(name) => {
                draft.sought = Some(Sought::Alias { name: name.to_owned(), item: item as usize });
            }
            None => {}
        }
    }
    found.open.renames.append(&mut renames);
}

/// The names that an object's own `images` replace on top of the kustomization that it applies.
pub(super) fn outside(view: &View<'_, '_>, found: &mut Found, images: Option<NodeId>) {
    for item in view.items(images) {
        if let (Some(name), Some(_)) = (view.text_at(item, "name"), view.text_at(item, "newName")) {
            found.open.outside.push(name.to_owned());
        }
    }
}

/// Whether a name begins with a registry's: then it is an image's own, and no stand-in for one.
fn names_registry(name: &str) -> bool {
    name.split_once('/').is_some_and(|(host, _)| host == "localhost" || host.contains(['.', ':']))
}

/// A chart that kustomize renders: its version, its values.
fn helm_chart(view: &View<'_, '_>, found: &mut Found, chart: NodeId) {
    if let Some(values) = view.tree.get(chart, "valuesInline") {
        pair::find_in(view, found, values, Shape::Helm, &Arc::default());
    }
    let text = |key| view.text_at(chart, key);
    if let (Some(name), Some(version), Some(registry)) =
        (text("name"), view.tree.get(chart, "version"), text("repo").and_then(Registry::of))
    {
        chart::version(view, found, version, &registry, name);
    }
    let more = view.items(view.tree.get(chart, "additionalValuesFiles"));
    for path in more.into_iter().filter_map(|id| view.tree.text(id)).chain(text("valuesFile")) {
        found.open.name_values(folder(view.path), path);
    }
}

/// Files that become values of a ConfigMap or a Secret under a name of values: `values.yaml=production.yaml`.
fn values_files(view: &View<'_, '_>, found: &mut Found, root: NodeId) {
    for list in ["configMapGenerator", "secretGenerator"] {
        for generator in view.items(view.tree.get(root, list)) {
            let files = view.items(view.tree.get(generator, "files")).into_iter().filter_map(|id| view.tree.text(id));
            for (key, path) in files.filter_map(|file| file.split_once('=')) {
                if helm::is_values_file(key) {
                    found.open.name_values(folder(view.path), path);
                }
            }
        }
    }
}

/// The patches that a kustomization, or a `Kustomization` of Flux's, holds as text.
pub(super) fn patches(view: &View<'_, '_>, found: &mut Found, home: NodeId) {
    for list in ["patches", "patchesJson6902", "patchesStrategicMerge"] {
        for item in view.items(view.tree.get(home, list)) {
            let patch = view.tree.get(item, "patch").unwrap_or(item);
            // In the oldest list an entry is a file's name or a patch.
            if view
                .tree
                .text(patch)
                .is_some_and(|text| text.contains('\n') || text.trim_start().starts_with(['{', '[']))
            {
                found.text(patch, Role::Patch);
            }
        }
    }
}

/// The entries of `images`, here or in an object that takes over kustomize's.
pub(super) fn images(view: &View<'_, '_>, found: &mut Found, images: Option<NodeId>) {
    for item in view.items(images) {
        match view.tree.node(item).kind {
            NodeKind::Mapping(_) => entry(view, found, item),
            _ => {
                let note = "an entry of `images` that is no mapping of its own is not read";
                found.notes.push(view.note(item, note));
            }
        }
    }
}

fn is_kustomization(view: &View<'_, '_>) -> bool {
    if view.role != Role::File {
        return false;
    }
    match view.root_text("kind") {
        Some(kind) => matches!(kind, "Kustomization" | "Component"),
        None => is_called_so(view.path),
    }
}

/// Whether a file's name says that it is a kustomization.
pub(super) fn is_called_so(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some("kustomization.yaml" | "kustomization.yml" | "Kustomization"))
}

/// A key that makes an entry a reference.
struct Field {
    key: &'static str,
    part: Part,
    /// How a marker on it ends.
    suffix: &'static str,
    read: fn(&str) -> Result<Parts, Unreadable>,
}

/// In the order in which one of them lends the reference its line and path.
const FIELDS: [Field; 3] = [
    Field { key: "newTag", part: Part::Tag, suffix: ":tag", read: value::tag },
    Field { key: "digest", part: Part::Digest, suffix: ":digest", read: value::digest },
    Field { key: "newName", part: Part::Name, suffix: ":name", read: value::name },
];

fn entry(view: &View<'_, '_>, found: &mut Found, item: NodeId) {
    let present = FIELDS.iter().filter_map(|field| Some((field, view.tree.get(item, field.key)?)));
    let (written, empty): (Vec<_>, Vec<_>) = present.partition(|(_, id)| view.given(*id) != Given::Null);
    for (field, id) in &empty {
        found.notes.push(view.note(*id, format!("`{}` is null", field.key)));
    }
    // To Helm's eye the name of an entry is an image without a tag.
    let name = view.tree.get(item, "name");
    if let Some(name) = name.filter(|name| !view.marks.contains_key(name)) {
        found.claim(name);
    }
    let Some((_, primary)) = written.first() else { return };
    let mut draft = Draft::new(Shape::Kustomize, *primary);
    if let Some(name) = name {
        if view.marks.contains_key(&name) {
            found.claim(name);
            draft.block("a marker on `name` would change what the entry replaces; mark `newName`");
        }
        draft.around.push(name);
        // With a `newName` the entry's `name` says what is replaced, and nothing about the image that runs.
        if !written.iter().any(|(field, _)| field.part == Part::Name) {
            draft.learn(view, name, value::name(view.tree.text(name).unwrap_or_default()));
        }
    }
    draft.around.extend(view.tree.entries(item).next().map(|(key, _)| key));
    for (field, id) in &written {
        take(view, &mut draft, field, *id);
    }
    if has_duplicates(view, item) {
        draft.block("a key stands twice in the entry");
    } else if empty.is_empty() {
        draft.insert = missing(view, &draft, item);
        draft.remove = written.iter().filter_map(|(field, id)| removable(view, field, *id)).collect();
    }
    found.add(draft);
}

/// Takes one field's value and its marker.
fn take(view: &View<'_, '_>, draft: &mut Draft, field: &Field, id: NodeId) {
    let key = field.key;
    match view.given(id) {
        Given::Text(text) | Given::NotAString(text) => draft.carry(view, field.part, id, (field.read)(text)),
        Given::Alias(target) => draft.carry_alias(view, field.part, (id, target), field.read),
        Given::Collection | Given::Null => draft.block(format!("`{key}` is no text")),
    }
    let Some(mark) = view.marks.get(&id) else { return };
    if mark.part != field.part {
        draft.block(format!("the marker on `{key}` does not end in `{}`", field.suffix));
    }
    match &draft.marker {
        Some(other) if other.policies != mark.marker.policies => {
            draft.block("the entry's markers name different policies")
        }
        _ => draft.marker = Some(mark.marker.clone()),
    }
}

/// A key that stands twice: readers disagree on which of the two counts.
fn has_duplicates(view: &View<'_, '_>, item: NodeId) -> bool {
    ["name", "newName", "newTag", "digest"]
        .iter()
        .any(|key| view.tree.entries(item).filter(|(name, _)| view.tree.text(*name) == Some(key)).count() > 1)
}

/// Tag and digest may go, unless a marker would go with them.
fn removable(view: &View<'_, '_>, field: &Field, id: NodeId) -> Option<RemovePoint> {
    (field.part != Part::Name && !view.marks.contains_key(&id)).then(|| removal::of(view, id, field.part))?
}

/// Where the first missing one of tag and digest could be written.
fn missing(view: &View<'_, '_>, draft: &Draft, item: NodeId) -> Option<InsertPoint> {
    let get = |key| view.tree.get(item, key);
    match (get("newTag"), get("digest")) {
        (None, _) => insertion::after(view, get("newName").or(get("name"))?, "newTag", Part::Tag),
        (Some(tag), None) if draft.parts.digest.is_none() => insertion::after(view, tag, "digest", Part::Digest),
        (Some(_), _) => None,
    }
}

#[cfg(test)]
mod tests;
