//! Scalars that only a marker ties to an image: Helm values, arguments, custom fields.
//!
//! ```yaml
//! image:
//!   repository: ghcr.io/acme/web
//!   tag: 1.4.2                 # landwaiter: web:tag
//! command: ["run"]
//! args:
//! # {"$imagepolicy": "flux-system:tools"}
//! - ghcr.io/acme/tools:2.0.1
//! ```
//!
//! Markers for `:name`, `:tag` and `:digest` of one policy in one mapping are one reference. A tag or digest without a
//! marked name takes the `repository` that stands beside it (with `registry` before it, as many charts split it).

use super::draft::{Draft, Found};
use super::marker::Mark;
use super::value::{self, Parts, Unreadable};
use super::view::View;
use super::{Part, Shape};
use crate::yaml::{NodeId, Place};
use std::collections::BTreeMap;

pub(super) fn find(view: &View<'_, '_>, found: &mut Found) {
    let mut marks = view
        .marks
        .iter()
        .filter(|(id, _)| !found.is_claimed(**id))
        .collect::<Vec<_>>();
    marks.sort_by_key(|(id, _)| **id);
    let mut groups = BTreeMap::<_, Vec<(NodeId, &Mark)>>::new();
    for (id, mark) in marks {
        // Only the parts of one mapping belong together; anything else stands alone.
        let home = match view.tree.node(*id).place {
            Place::Value(_) if mark.part != Part::Whole => view.tree.node(*id).parent,
            _ => Some(*id),
        };
        groups
            .entry((home, &mark.marker.policies))
            .or_default()
            .push((*id, mark));
    }
    for ((home, _), group) in groups {
        let twice = [Part::Name, Part::Tag, Part::Digest]
            .into_iter()
            .any(|part| group.iter().filter(|(_, mark)| mark.part == part).count() > 1);
        if twice {
            for single in group {
                reference(view, found, home, &[single]);
            }
        } else {
            reference(view, found, home, &group);
        }
    }
}

/// One reference from the marked scalars of one policy in one mapping, or from one scalar.
fn reference(view: &View<'_, '_>, found: &mut Found, home: Option<NodeId>, group: &[(NodeId, &Mark)]) {
    let of = |part| group.iter().find(|(_, mark)| mark.part == part).map(|(id, _)| *id);
    let primary = [Part::Whole, Part::Tag, Part::Digest, Part::Name]
        .into_iter()
        .find_map(of);
    let Some(primary) = primary else { return };
    let mut draft = Draft::new(Shape::Marked, primary);
    let named = of(Part::Name).or(of(Part::Whole)).is_some();
    if let Some(home) = home.filter(|home| *home != primary) {
        beside(view, &mut draft, home, named);
    }
    for (id, mark) in group {
        draft.marker = Some(mark.marker.clone());
        let text = view.tree.text(*id).unwrap_or_default();
        draft.carry(view, mark.part, *id, read(mark.part, text));
    }
    found.add(draft);
}

/// The repository in the same mapping.
fn beside(view: &View<'_, '_>, draft: &mut Draft, home: NodeId, named: bool) {
    let registry = view.text_at(home, "registry").filter(|text| !text.is_empty());
    if named {
        if registry.is_some() {
            draft.block("a `registry` stands beside the name, which would be written twice");
        }
        return;
    }
    let Some(repository) = view.tree.get(home, "repository") else {
        return;
    };
    draft.around.push(repository);
    let text = view.tree.text(repository).unwrap_or_default();
    let name = registry.map_or_else(|| text.to_owned(), |registry| format!("{registry}/{text}"));
    draft.learn(view, repository, value::name(&name));
}

fn read(part: Part, text: &str) -> Result<Parts, Unreadable> {
    match part {
        Part::Whole if text.is_empty() => Ok(Parts::default()),
        Part::Whole if looks_like_a_tag(text) => Err(Unreadable::Other(
            "it looks like a tag; end the marker in `:tag`".into(),
        )),
        Part::Whole => value::whole(text),
        Part::Name if text.is_empty() => Ok(Parts::default()),
        Part::Name => value::name(text),
        Part::Tag if text.contains(['/', ':']) && !text.contains('@') => Err(Unreadable::Other(
            "the marker says it is a tag, it looks like more".into(),
        )),
        Part::Tag => value::tag(text),
        Part::Digest => value::digest(text),
    }
}

/// `1.2.3`, `v2`: no repository is called so.
fn looks_like_a_tag(text: &str) -> bool {
    let number = text.strip_prefix('v').unwrap_or(text);
    number.starts_with(|c: char| c.is_ascii_digit()) && !text.contains(['/', ':', '@'])
}

#[cfg(test)]
mod tests {
    use crate::site::{Part, Reference, Shape, scan};

    fn all(text: &str) -> Vec<Reference> {
        let scan = scan("values.yaml", text.as_bytes());
        assert!(scan.notes.is_empty(), "{:?}", scan.notes);
        scan.references
    }

    fn only(text: &str) -> Reference {
        let mut found = all(text);
        assert_eq!(found.len(), 1, "{text}");
        found.remove(0)
    }

    #[test]
    fn a_tag_takes_the_repository_beside_it() {
        for (text, name) in [
            (
                "image:\n  repository: acme/web\n  tag: v1 # landwaiter: web:tag\n",
                Some("acme/web"),
            ),
            (
                "image:\n  tag: v1 # landwaiter: web:tag\n  registry: ghcr.io\n  repository: acme/web\n",
                Some("ghcr.io/acme/web"),
            ),
            (
                "image: {repository: acme/web, tag: v1} \nother:\n  tag: v1 # landwaiter: web:tag\n",
                None,
            ),
            ("- v1 # landwaiter: web:tag\n", None),
        ] {
            let reference = only(text);
            assert_eq!(reference.name.as_deref(), name, "{text}");
            assert_eq!((reference.tag.as_deref(), reference.shape), (Some("v1"), Shape::Marked));
            assert_eq!(reference.blocked, None);
        }
    }

    #[test]
    fn the_parts_of_one_mapping_are_one_reference() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        let reference = only(&format!(
            "image:\n  repository: acme/web # landwaiter: web:name\n  tag: v1 # landwaiter: web:tag\n  digest: {digest} # landwaiter: web:digest\n"
        ));
        let parts = reference.slots.iter().map(|slot| slot.part).collect::<Vec<_>>();
        assert_eq!(parts, [Part::Name, Part::Tag, Part::Digest]);
        assert_eq!(reference.digest.unwrap().as_str(), digest);
        assert_eq!((reference.path.as_str(), reference.line), ("image.tag", 3));
    }

    #[test]
    fn two_tags_in_one_mapping_or_two_policies_are_two_references() {
        assert_eq!(
            all("a: v1 # landwaiter: web:tag\nb: v2 # landwaiter: web:tag\n").len(),
            2
        );
        assert_eq!(
            all("a: v1 # landwaiter: web:tag\nb: acme/web # landwaiter: api:name\n").len(),
            2
        );
    }

    #[test]
    fn whole_references_are_found_in_any_scalar() {
        for text in [
            "args:\n# landwaiter: web\n- acme/web:v1\n",
            "args: [\n  acme/web:v1, # landwaiter: web\n  x]\n",
            "acme/web:v1 # landwaiter: web\n",
            "x: |- # landwaiter: web\n  acme/web:v1\n",
            "a: &a acme/web:v1 # landwaiter: web\n",
        ] {
            let reference = only(text);
            assert_eq!(
                (reference.name.as_deref(), reference.tag.as_deref()),
                (Some("acme/web"), Some("v1")),
                "{text}"
            );
        }
        assert_eq!(only("x: '' # landwaiter: web\n").name, None);
    }

    #[test]
    fn a_marker_that_contradicts_its_value_blocks() {
        for text in [
            "- --image=app:1.0.0 # landwaiter: web\n",
            "tag: 1.0.0 # landwaiter: web\n",
            "image: acme/web:v1 # landwaiter: web:tag\n",
            "name: acme/web:v1 # landwaiter: web:name\n",
            "digest: v1 # landwaiter: web:digest\n",
            "registry: ghcr.io\nrepository: acme/web # landwaiter: web:name\n",
            "repository: '{{ x }}'\ntag: v1 # landwaiter: web:tag\n",
        ] {
            assert!(only(text).blocked.is_some(), "{text}");
        }
    }
}
