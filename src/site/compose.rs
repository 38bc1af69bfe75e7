//! Services of a Compose file.
//!
//! ```yaml
//! # compose.yaml, compose.prod.yaml, docker-compose.yml, ...
//! services:
//!   web:
//!     image: ghcr.io/acme/web:1.4.2
//!   cache:
//!     image: ${CACHE_IMAGE:-redis:7.2}        # the default is the reference
//!   queue:
//!     image: rabbitmq:${QUEUE_TAG:-3.13}      # the default is the tag
//! x-base: &base
//!   image: ghcr.io/acme/base:3                # extensions too
//! ```
//!
//! A service with `build` makes its image: without `image` it is no reference, with one it is blocked. A variable without
//! a default is blocked.

use super::draft::{Draft, Found};
use super::value::{self, Parts, Unreadable};
use super::view::{Given, Role, View};
use super::{Part, Shape};
use crate::yaml::NodeId;

pub(super) fn find(view: &View<'_, '_>, found: &mut Found) {
    if view.role != Role::File || !is_compose_file(view.file_name()) || view.is_object() {
        return;
    }
    let Some(root) = view.tree.root() else { return };
    for (key, value) in view.tree.entries(root) {
        match view.tree.text(key) {
            Some("services") => view.tree.entries(value).for_each(|(_, service)| self::service(view, found, service)),
            Some(name) if name.starts_with("x-") => {
                for id in view.below(value) {
                    if view.tree.key(id) == Some("image") {
                        image(view, found, id);
                    }
                }
            }
            // The first version of the format had the services at the top.
            Some(_) if view.tree.get(root, "services").is_none() => service(view, found, value),
            _ => {}
        }
    }
}

fn is_compose_file(name: &str) -> bool {
    let stem = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml"));
    stem.is_some_and(|stem| stem.split(['.', '-', '_']).any(|word| word == "compose"))
}

fn service(view: &View<'_, '_>, found: &mut Found, service: NodeId) {
    let Some(id) = view.tree.get(service, "image") else { return };
    image(view, found, id);
    if view.tree.get(service, "build").is_some()
        && let Some(draft) = found.drafts.last_mut().filter(|draft| draft.primary == id)
    {
        draft.block("the service is built here (`build`), so its image is made and not taken");
    }
}

fn image(view: &View<'_, '_>, found: &mut Found, id: NodeId) {
    let mut draft = Draft::new(Shape::Compose, id);
    match view.given(id) {
        Given::Text(text) => {
            if let Some((before, default, after)) = default_of(text) {
                let read = match before.strip_suffix(':').or_else(|| before.split_once(":${").map(|(name, _)| name)) {
                    Some(name) if !name.starts_with("${") => {
                        draft.learn(view, id, value::name(name));
                        (Part::Tag, value::tag(default))
                    }
                    _ => (Part::Whole, value::whole(default)),
                };
                draft.carry_framed(view, read.0, id, (before, after), read.1);
            } else {
                draft.carry(view, Part::Whole, id, variables(text));
            }
            draft.mark(view, id, Part::Whole);
        }
        Given::Alias(target) => {
            draft.carry_alias(view, Part::Whole, (id, target), value::whole);
        }
        Given::NotAString(_) | Given::Null | Given::Collection => {
            return found.notes.push(view.note(id, "the service's image is no text"));
        }
    }
    found.add(draft);
}

/// A text with a variable that has no default, or more than one, is filled in elsewhere.
fn variables(text: &str) -> Result<Parts, Unreadable> {
    if text.contains('$') { Err(Unreadable::Template) } else { value::whole(text) }
}

/// `${VAR:-default}` or `${VAR-default}` at the end of a text whose beginning has no variable: what stands before the
/// default, the default, the brace.
fn default_of(text: &str) -> Option<(&str, &str, &str)> {
    let open = text.find("${")?;
    let close = text.len().checked_sub(1).filter(|at| text.as_bytes()[*at] == b'}')?;
    let body = text.get(open + 2..close)?;
    let name = body.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
    let sign = if body[name..].starts_with(":-") { 2 } else { usize::from(body[name..].starts_with('-')) };
    let start = open + 2 + name + sign;
    let default = text.get(start..close)?;
    let stands_alone = open == 0 || text[..open].ends_with(':');
    (sign > 0 && stands_alone && !default.contains(['$', '{', '}'])).then(|| (&text[..start], default, &text[close..]))
}

#[cfg(test)]
mod tests {
    use crate::site::{Reference, scan};

    fn only(image: &str) -> Reference {
        let text = format!("services:\n  web:\n    image: {image}\n");
        let mut scan = scan("compose.yaml", text.as_bytes());
        assert!(scan.notes.is_empty(), "{:?}", scan.notes);
        scan.references.remove(0)
    }

    #[test]
    fn services_and_extensions_are_found_in_files_of_the_name() {
        let text = b"services:\n  a: {image: 'a:1'}\n  b: {build: .}\nx-c: &c\n  image: c:1\nvolumes: {image: {}}\n";
        for (path, count) in [
            ("compose.yaml", 2),
            ("x/docker-compose.prod.yml", 2),
            ("compose.override.yaml", 2),
            ("prod.compose.yml", 2),
            ("composer.yaml", 0),
            ("compose.json", 0),
            ("other.yaml", 0),
        ] {
            assert_eq!(scan(path, text).references.len(), count, "{path}");
        }
        assert_eq!(scan("docker-compose.yml", b"web:\n  image: a:1\n").references.len(), 1);
    }

    #[test]
    fn the_default_of_a_variable_is_the_reference() {
        for (image, name) in [
            ("${IMAGE:-acme/web:v1}", "acme/web"),
            ("\"${IMAGE-acme/web:v1}\"", "acme/web"),
            ("acme/web:${TAG:-v1}", "acme/web"),
        ] {
            let reference = only(image);
            assert_eq!((reference.name.as_deref(), reference.tag.as_deref()), (Some(name), Some("v1")), "{image}");
            assert_eq!(reference.blocked, None, "{image}");
        }
    }

    #[test]
    fn what_is_filled_in_or_built_is_blocked() {
        for image in ["${IMAGE}", "acme/web:${TAG}", "$IMAGE", "${R:-a}/web:${T:-v1}", "acme/${X:-web}:v1"] {
            assert!(only(image).blocked.is_some(), "{image}");
        }
        let built = scan("compose.yaml", b"services:\n  a: {build: ., image: 'a:1'}\n");
        assert!(built.references[0].blocked.as_ref().unwrap().contains("built here"));
    }
}
