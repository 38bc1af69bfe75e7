//! Declared locations: places that a policy file names because no shape knows them.
//!
//! ```yaml
//! locations:
//!   - {files: "envs/*.yaml", path: "web.containerImage"}               # a whole reference
//!   - {files: "envs/*.yaml", path: "web.version", holds: tag, image: ghcr.io/acme/web}
//!   - {files: "envs/*.yaml", path: "charts.*", holds: values}          # Helm values
//!   - {files: "**/Dockerfile", pattern: 'FROM (?P<image>\S+)'}         # any text
//! ```
//!
//! A path is looked for in every document of the files, before any shape. Values of one mapping are one reference; a tag
//! takes the `repository` beside it, or the `image` of the location. Patterns are [`super::text`]'s matter. A file in which
//! no declared location finds anything is noted.

use super::draft::{Draft, Found};
use super::marked::Beside;
use super::value::{self, Parts, Unreadable};
use super::view::{Given, Role, View};
use super::way::Way;
use super::{Note, Part, Scan, Shape, candidate_file, pair, scan, screen, text};
use crate::image::Repository;
use crate::yaml::{NodeId, Place};
use globset::GlobMatcher;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What the policy files of a repository say about where references are.
#[derive(Debug, Clone, Default)]
pub struct Declarations {
    pub locations: Vec<Location>,
    /// The policies whose markers are also followed in text that is no YAML.
    pub templates: BTreeSet<String>,
}

/// One place in some files.
#[derive(Debug, Clone)]
pub struct Location {
    pub files: Vec<GlobMatcher>,
    pub place: Placed,
    /// The repository, where the place does not say it.
    pub image: Option<Repository>,
}

/// How a place is found.
#[derive(Debug, Clone)]
pub enum Placed {
    /// A value of a YAML document.
    Path(Way, Part),
    /// A mapping of Helm values in a YAML document.
    Values(Way),
    /// The groups `image`, `repository`, `tag` and `digest` of an expression over the file's text.
    Pattern(Regex),
}

impl Location {
    fn is_for(&self, path: &str) -> bool {
        self.files.iter().any(|glob| glob.is_match(path))
    }
}

impl Declarations {
    /// Whether the file at `path` may hold references.
    pub fn wants(&self, path: &str) -> bool {
        candidate_file(path) || self.locations.iter().any(|location| location.is_for(path))
    }

    /// Whether the bytes of such a file may hold one: a search at memory speed that never says no by mistake.
    pub fn worth_parsing(&self, path: &str, bytes: &[u8]) -> bool {
        self.locations.iter().any(|location| location.is_for(path)) || screen::worth_reading(path, bytes)
    }

    /// As [`Declarations::scan`], for a file that another says holds Helm values.
    pub fn scan_values(&self, path: &str, bytes: &[u8]) -> Scan {
        let here = self.locations.iter().filter(|location| location.is_for(path)).collect::<Vec<_>>();
        scan::file(path, bytes, &here, &self.templates, Role::Values)
    }

    /// Finds the references of one file, as [`super::scan()`] does, and those in declared locations.
    pub fn scan(&self, path: &str, bytes: &[u8]) -> Scan {
        let here = self.locations.iter().filter(|location| location.is_for(path)).collect::<Vec<_>>();
        let in_yaml = here.iter().any(|location| !matches!(location.place, Placed::Pattern(_)));
        let mut found = Scan::default();
        if in_yaml || candidate_file(path) {
            found = scan::file(path, bytes, &here, &self.templates, Role::File);
        }
        text::find(path, bytes, &here, &mut found);
        let declared = |scan: &Scan| scan.references.iter().any(|reference| reference.shape == Shape::Declared);
        // What holds values need not name an image in every file.
        let expects = here.iter().any(|location| !matches!(location.place, Placed::Values(_)));
        if expects && !declared(&found) && found.skipped.is_none() {
            let text = "the policy files declare a location for this file, and nothing stands there".to_owned();
            found.notes.push(Note { line: 1, text });
        }
        found
    }
}

pub(super) fn find(view: &View<'_, '_>, found: &mut Found) {
    // Values of one mapping that locations name as different parts are one reference.
    let mut groups = BTreeMap::<NodeId, Vec<(Part, NodeId, &Location)>>::new();
    for location in view.declared {
        match &location.place {
            Placed::Pattern(_) => {}
            Placed::Values(way) => {
                for id in way.find(view) {
                    pair::find_in(view, found, id, Shape::Declared, &Arc::default());
                }
            }
            Placed::Path(way, part) => {
                for id in way.find(view) {
                    groups.entry(home(view, id, *part)).or_default().push((*part, id, *location));
                }
            }
        }
    }
    for mut group in groups.into_values() {
        group.sort_by_key(|(part, id, _)| (*part, *id));
        group.dedup_by_key(|(part, id, _)| (*part, *id));
        let twice = group.windows(2).any(|pair| pair[0].0 == pair[1].0);
        if twice {
            group.iter().for_each(|one| reference(view, found, std::slice::from_ref(one)));
        } else {
            reference(view, found, &group);
        }
    }
}

/// The mapping whose other declared values belong to the same reference; a whole reference is alone.
fn home(view: &View<'_, '_>, id: NodeId, part: Part) -> NodeId {
    let node = view.tree.node(id);
    node.parent.filter(|_| part != Part::Whole && matches!(node.place, Place::Value(_))).unwrap_or(id)
}

fn reference(view: &View<'_, '_>, found: &mut Found, group: &[(Part, NodeId, &Location)]) {
    let of = |part| group.iter().find(|(other, ..)| *other == part).map(|(_, id, _)| *id);
    let Some(primary) = [Part::Whole, Part::Tag, Part::Digest, Part::Name].into_iter().find_map(of) else { return };
    let mut draft = Draft::new(Shape::Declared, primary);
    let image = group.iter().find_map(|(_, _, location)| location.image.as_ref());
    if let Some(image) = image {
        draft.parts.name = Some(image.to_string());
        draft.parts.repository = Some(image.clone());
    } else if of(Part::Whole).is_none()
        && let Some(home) = view.tree.node(primary).parent
    {
        Beside::of(view, home).tell(view, &mut draft, of(Part::Name).is_some());
    }
    for (part, id, _) in group {
        match view.given(*id) {
            Given::Text(text) | Given::NotAString(text) => draft.carry(view, *part, *id, read(*part, text)),
            Given::Alias(target) => {
                draft.block(format!("an alias: line {} carries the value", view.line(target)));
                draft.learn(view, target, read(*part, view.tree.text(target).unwrap_or_default()));
            }
            Given::Null | Given::Collection => draft.block("the declared location holds no text"),
        }
        draft.mark(view, *id, *part);
    }
    if draft.parts.repository.is_none() && draft.marker.is_none() {
        draft.block("the location does not say of which repository; name it with `image`");
    }
    found.add(draft);
}

/// What a text says that holds a part.
pub(super) fn read(part: Part, text: &str) -> Result<Parts, Unreadable> {
    match part {
        Part::Whole => value::whole(text),
        Part::Name => value::name(text),
        Part::Tag => value::tag(text),
        Part::Digest => value::digest(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use globset::Glob;

    fn location(files: &str, place: Placed, image: Option<&str>) -> Location {
        Location {
            files: vec![Glob::new(files).unwrap().compile_matcher()],
            place,
            image: image.map(|name| Repository::parse(name).unwrap()),
        }
    }

    fn path(way: &str, part: Part) -> Placed {
        Placed::Path(Way::parse(way).unwrap(), part)
    }

    fn scan(places: Vec<(Placed, Option<&str>)>, text: &str) -> Scan {
        let locations = places.into_iter().map(|(place, image)| location("*.conf", place, image)).collect();
        Declarations { locations, ..Declarations::default() }.scan("x.conf", text.as_bytes())
    }

    #[test]
    fn paths_find_what_no_shape_knows_in_files_of_any_name() {
        let text = "apps:\n- name: web\n  runs: acme/web:v1\n- name: job\n  runs: acme/job:v1 # c\n";
        let found = scan(vec![(path("apps[name=job].runs", Part::Whole), None)], text);
        assert_eq!(found.references.len(), 1);
        let reference = &found.references[0];
        assert_eq!((reference.path.as_str(), reference.line), ("apps[1].runs", 5));
        assert_eq!((reference.shape, reference.tag.as_deref()), (Shape::Declared, Some("v1")));
    }

    #[test]
    fn a_tag_takes_the_image_of_its_location_or_the_repository_beside_it() {
        let named = scan(vec![(path("web.version", Part::Tag), Some("acme/web"))], "web: {version: v1}\n");
        assert_eq!(named.references[0].repository.as_ref().unwrap().path(), "acme/web");
        let beside = scan(vec![(path("web.version", Part::Tag), None)], "web: {repository: acme/web, version: v1}\n");
        assert_eq!(beside.references[0].name.as_deref(), Some("acme/web"));
        let lost = scan(vec![(path("web.version", Part::Tag), None)], "web: {version: v1}\n");
        assert!(lost.references[0].blocked.as_ref().unwrap().contains("of which repository"));
    }

    #[test]
    fn declared_parts_of_one_mapping_are_one_reference() {
        let places = vec![(path("web.img", Part::Name), None), (path("web.ver", Part::Tag), None)];
        let found = scan(places, "web: {img: acme/web, ver: v1}\n");
        assert_eq!(found.references.len(), 1);
        assert_eq!(found.references[0].name.as_deref(), Some("acme/web"));
    }

    #[test]
    fn values_can_be_declared_for_a_file_or_a_part_of_it() {
        for (way, text) in
            [(Way::default(), "image: acme/web:v1\n"), (Way::parse("a.*").unwrap(), "a: {b: {image: 'acme/web:v1'}}\n")]
        {
            assert_eq!(scan(vec![(Placed::Values(way), None)], text).references.len(), 1, "{text}");
        }
    }

    #[test]
    fn what_a_location_has_taken_no_shape_takes_again() {
        let tag = location("values.yaml", path("image.tag", Part::Tag), Some("acme/other"));
        let declared = Declarations { locations: vec![tag], ..Declarations::default() };
        let found = declared.scan("values.yaml", b"image: {repository: acme/web, tag: v1}\n");
        assert_eq!(found.references.len(), 1);
        assert_eq!(found.references[0].repository.as_ref().unwrap().path(), "acme/other");
    }

    #[test]
    fn a_location_that_finds_nothing_is_noted() {
        let found = scan(vec![(path("a.b", Part::Whole), None)], "a: {c: x}\n");
        assert_eq!((found.references.len(), found.notes.len()), (0, 1));
        assert!(Declarations::default().scan("x.conf", b"a").notes.is_empty());
    }
}
