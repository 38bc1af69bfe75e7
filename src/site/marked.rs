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
use std::collections::{BTreeMap, HashMap};

pub(super) fn find(view: &View<'_, '_>, found: &mut Found) {
    let mut groups = BTreeMap::<_, Vec<(NodeId, &Mark)>>::new();
    for (id, mark) in view.marks.iter().filter(|(id, _)| !found.is_claimed(**id)) {
        let home = home(view, *id, mark);
        groups.entry((home, &mark.marker.policies)).or_default().push((*id, mark));
    }
    // Looked up once for a mapping, which may hold any number of marks.
    let mut beside = HashMap::new();
    for ((home, _), mut group) in groups {
        group.sort_by_key(|(id, _)| *id);
        let beside = home.map(|home| beside.entry(home).or_insert_with(|| Beside::of(view, home)));
        if has_a_part_twice(&group) {
            for single in group {
                reference(view, found, beside.as_deref(), &[single]);
            }
        } else {
            reference(view, found, beside.as_deref(), &group);
        }
    }
}

/// The mapping whose other marks may belong to the same reference; a whole reference needs no others.
fn home(view: &View<'_, '_>, id: NodeId, mark: &Mark) -> Option<NodeId> {
    let node = view.tree.node(id);
    node.parent.filter(|_| mark.part != Part::Whole && matches!(node.place, Place::Value(_)))
}

fn has_a_part_twice(group: &[(NodeId, &Mark)]) -> bool {
    [Part::Whole, Part::Name, Part::Tag, Part::Digest]
        .into_iter()
        .any(|part| group.iter().filter(|(_, mark)| mark.part == part).count() > 1)
}

/// One reference from the marked scalars of one policy in one mapping, or from one scalar.
fn reference(view: &View<'_, '_>, found: &mut Found, beside: Option<&Beside>, group: &[(NodeId, &Mark)]) {
    let of = |part| group.iter().find(|(_, mark)| mark.part == part).map(|(id, _)| *id);
    let primary = [Part::Whole, Part::Tag, Part::Digest, Part::Name].into_iter().find_map(of);
    let Some(primary) = primary else { return };
    let mut draft = Draft::new(Shape::Marked, primary);
    if let Some(beside) = beside {
        beside.tell(view, &mut draft, of(Part::Name).is_some());
    }
    for (id, mark) in group {
        draft.marker = Some(mark.marker.clone());
        let text = view.tree.text(*id).unwrap_or_default();
        draft.carry(view, mark.part, *id, read(mark.part, text));
    }
    found.add(draft);
}

/// What stands in the same mapping and names the repository.
struct Beside {
    registry: Option<String>,
    repository: Option<NodeId>,
}

impl Beside {
    fn of(view: &View<'_, '_>, home: NodeId) -> Beside {
        let registry = view.text_at(home, "registry").filter(|text| !text.is_empty());
        Beside { registry: registry.map(str::to_owned), repository: view.tree.get(home, "repository") }
    }

    /// Gives the reference its name, unless a marked scalar does.
    fn tell(&self, view: &View<'_, '_>, draft: &mut Draft, named: bool) {
        if named {
            if self.registry.is_some() {
                draft.block("a `registry` stands beside the name, which would be written twice");
            }
            return;
        }
        let Some(repository) = self.repository else { return };
        let text = view.tree.text(repository).unwrap_or_default();
        let name = match &self.registry {
            Some(registry) => format!("{registry}/{text}"),
            None => text.to_owned(),
        };
        draft.around.push(repository);
        draft.learn(view, repository, value::name(&name));
    }
}

fn read(part: Part, text: &str) -> Result<Parts, Unreadable> {
    match part {
        Part::Whole if text.is_empty() => Ok(Parts::default()),
        Part::Whole if looks_like_a_tag(text) => {
            Err(Unreadable::Other("it looks like a tag; end the marker in `:tag`".into()))
        }
        Part::Whole => value::whole(text),
        Part::Name if text.is_empty() => Ok(Parts::default()),
        Part::Name => value::name(text),
        Part::Tag if text.contains(['/', ':']) && !text.contains('@') => {
            Err(Unreadable::Other("the marker says it is a tag, it looks like more".into()))
        }
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
        let scan = scan("x.yaml", text.as_bytes());
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
            ("image:\n  repository: acme/web\n  tag: v1 # landwaiter: web:tag\n", Some("acme/web")),
            (
                "image:\n  tag: v1 # landwaiter: web:tag\n  registry: ghcr.io\n  repository: acme/web\n",
                Some("ghcr.io/acme/web"),
            ),
            ("image: {repository: acme/web, tag: v1} \nother:\n  tag: v1 # landwaiter: web:tag\n", None),
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
        assert_eq!(all("a: v1 # landwaiter: web:tag\nb: v2 # landwaiter: web:tag\n").len(), 2);
        assert_eq!(all("a: v1 # landwaiter: web:tag\nb: acme/web # landwaiter: api:name\n").len(), 2);
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
            assert_eq!((reference.name.as_deref(), reference.tag.as_deref()), (Some("acme/web"), Some("v1")), "{text}");
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
