//! A tag without a repository beside it.
//!
//! ```yaml
//! image: {tag: 1.4.1}      # the repository may stand under `image` in other values of the same chart
//! fooImageTag: 1.4.1       # or under `fooImage`, beside another `fooImageTag`
//! ```

use super::Values;
use super::keys::Keys;
use crate::site::Part;
use crate::site::draft::{Draft, Found};
use crate::site::elsewhere::{self, Sought, Value};
use crate::site::value;
use crate::site::view::{Given, View};
use crate::yaml::NodeId;

/// A tag whose repository may stand in other values of the same chart.
pub(super) fn tag(
    view: &View<'_, '_>,
    found: &mut Found,
    values: &Values<'_>,
    keys: &Keys<'_>,
    (stem, tag): (&str, NodeId),
) {
    let (Given::Text(text) | Given::NotAString(text)) = view.given(tag) else { return };
    if text.is_empty() {
        return;
    }
    let root = view.tree.path(values.root);
    let path = view.tree.path(tag);
    let path = path.strip_prefix(&root).unwrap_or(&path);
    let digest = keys.get(&if stem.is_empty() { "digest".to_owned() } else { format!("{stem}Digest") });
    let mut draft = Draft::new(values.shape, tag);
    draft.carry(view, Part::Tag, tag, value::tag(text));
    match digest.map(|id| (id, view.given(id))) {
        Some((id, Given::Text(text))) => draft.carry(view, Part::Digest, id, value::digest(text)),
        Some((_, Given::Null)) | None => {}
        Some(_) => draft.block("the digest is no text of its own"),
    }
    if keys.twice.iter().any(|key| [Some(tag), digest].contains(&keys.get(key))) {
        draft.block("a key stands twice in the mapping");
    }
    let value = Value {
        stem: elsewhere::stem(path.strip_prefix('.').unwrap_or(path)),
        sure: keys.image || !stem.is_empty(),
        registry: values.global.is_some() || keys.get("registry").is_some(),
    };
    draft.sought = Some(Sought::Values { value, home: values.home.clone() });
    found.add(draft);
}
