//! A kustomize entry for a name that another kustomization replaces.
//!
//! ```yaml
//! # components/tags/kustomization.yaml     images: [{name: web, newTag: 1.4.2}]
//! # prod/kustomization.yaml                components: [../components/tags]
//! #                                        images: [{name: web, newName: ghcr.io/acme/web}]
//! ```
//!
//! What kustomize does (`accumulateTarget` and `runTransformers` of its `kusttarget`): a kustomization takes in its
//! `resources`, each complete with its own transformations, then applies its `components` in their order to all it has, each
//! with its own `components` first, and last its own `images`, one entry after the other. An entry changes the images that
//! bear its `name` at that moment. So a `newName` counts for an entry when it is applied later: further down the same list,
//! in a later component, in a kustomization that includes this one. One that was applied before has taken the name away,
//! and the entry does nothing.
//!
//! The entry gets the repository when every way up to a kustomization that nobody includes ends with the same name. When
//! they differ, or lead through a component that is not in the repository, the entry is not read, with the reason. Patches
//! and other transformers are not looked at; a kustomization that others include is taken not to be applied by itself.

use super::{Answer, Named, Open, Sought, folder, joined};
use crate::site::{Reference, kustomize};
use crate::yaml;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Steps that one entry's question may take: real trees of kustomizations need a few dozen.
const MAX_STEPS: usize = 10_000;

/// How many kustomizations may include one another in a row: a circle has no end.
const MAX_DEPTH: usize = 100;

/// The kustomizations of a repository, by folder, as far as the order of their images goes.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    layers: BTreeMap<String, Layer>,
    /// Who includes a folder: the parent, and its place among the parent's components if it is one.
    parents: BTreeMap<String, BTreeSet<(String, Option<usize>)>>,
}

/// One kustomization.
#[derive(Debug, Clone, Default)]
pub struct Layer {
    /// Paths in the repository; `None` for what lies outside of it.
    pub(in crate::site) resources: Vec<Option<String>>,
    pub(in crate::site) components: Vec<Option<String>>,
    pub(in crate::site) images: Vec<Rename>,
    /// It makes objects of its own beside those it takes in.
    pub(in crate::site) makes: bool,
}

/// What an entry of `images` makes of a name.
#[derive(Debug, Clone)]
pub(in crate::site) struct Rename {
    pub(in crate::site) name: String,
    pub(in crate::site) to: Option<String>,
}

/// Whether any entry's name is replaced by another, so that the order of the layers matters.
pub fn wants_layers<'o>(open: impl Iterator<Item = &'o Open> + Clone) -> bool {
    let renamed: HashSet<&str> = open.clone().flat_map(|open| open.renames.iter().map(String::as_str)).collect();
    !renamed.is_empty()
        && open
            .flat_map(|open| &open.references)
            .any(|waiting| matches!(&waiting.sought, Sought::Alias { name, .. } if renamed.contains(name.as_str())))
}

impl Layers {
    /// Whether the file at `path` is a layer.
    pub fn wants(path: &str) -> bool {
        kustomize::is_called_so(path)
    }

    /// Takes in the kustomization at `path`.
    pub fn read(&mut self, path: &str, bytes: &[u8]) {
        self.take(path, Layer::read(path, bytes));
    }

    /// The same for one that was read before. One that could not be read is like one outside of the repository.
    pub fn take(&mut self, path: &str, layer: Option<Layer>) {
        let (home, Some(layer)) = (folder(path), layer) else { return };
        for resource in layer.resources.iter().flatten() {
            self.parents.entry(resource.clone()).or_default().insert((home.to_owned(), None));
        }
        for (at, component) in layer.components.iter().enumerate() {
            if let Some(component) = component {
                self.parents.entry(component.clone()).or_default().insert((home.to_owned(), Some(at)));
            }
        }
        self.layers.insert(home.to_owned(), layer);
    }

    /// What becomes of the name of entry `item` in the kustomization `file`.
    pub(super) fn answer(
        &self,
        outside: &Outside<'_>,
        file: &str,
        reference: &Reference,
        (name, item): (&str, usize),
    ) -> Answer {
        let home = folder(file);
        let as_it_stands = || outside.says_of(name).map_or(Named::Itself, |why| unread(reference, why));
        let Some(layer) = self.layers.get(home) else { return Ok(as_it_stands()) };
        if let Some(why) = self.taken_away(layer, name, item) {
            return Ok(unread(reference, why));
        }
        let mut walk = Walk { layers: self, ends: BTreeSet::new(), steps: 0, depth: 0, unclear: None };
        let begun = renamed(layer.images.get(item + 1..).unwrap_or_default(), name);
        walk.up(home, begun);
        if let Some(why) = walk.unclear {
            return Ok(unread(reference, why));
        }
        let mut ends = walk.ends.iter();
        match (ends.next(), ends.next()) {
            (Some(end), None) if end == name => Ok(as_it_stands()),
            (Some(end), None) => Ok(Named::As(end.clone())),
            (Some(one), Some(two)) => Ok(unread(
                reference,
                format!(
                    "`{name}` ends as `{one}` in one kustomization and as `{two}` in another; mark it, or write `newName` beside it"
                ),
            )),
            (None, _) => Ok(Named::Itself),
        }
    }

    /// Why no image bears the name any more when the entry is applied; nothing where one may.
    fn taken_away(&self, layer: &Layer, name: &str, item: usize) -> Option<String> {
        let replaces = |images: &[Rename]| renamed(images, name) != name;
        let now =
            |to: String| format!("`{name}` is called `{to}` already when this entry is applied, so it changes nothing");
        let own = layer.images.get(..item).unwrap_or_default();
        if replaces(own) {
            return Some(now(renamed(own, name)));
        }
        let get = |path: &Option<String>| path.as_ref().and_then(|path| self.layers.get(path));
        // A later component may bring in images of the old name again.
        let last = layer
            .components
            .iter()
            .rev()
            .map(get)
            .find(|one| one.is_none_or(|one| one.adds() || replaces(&one.images)));
        if let Some(component) = last.flatten().filter(|component| replaces(&component.images)) {
            return Some(now(renamed(&component.images, name)));
        }
        let bases = layer.resources.iter().map(get).collect::<Option<Vec<_>>>()?;
        let all = !bases.is_empty() && bases.iter().all(|base| replaces(&base.images));
        let nothing_else = !layer.makes && layer.components.iter().all(|one| get(one).is_some_and(|one| !one.adds()));
        (all && nothing_else).then(|| now(renamed(&bases[0].images, name)))
    }
}

/// The entry is left alone, and no other image is taken for it.
fn unread(reference: &Reference, why: String) -> Named {
    // A marker says whose it is; then the policy's own image counts.
    if reference.marker.is_some() { Named::Itself } else { Named::Unread(why) }
}

/// What is left of a name behind some entries.
fn renamed(images: &[Rename], name: &str) -> String {
    images.iter().fold(name.to_owned(), |name, entry| match &entry.to {
        Some(to) if entry.name == name => to.clone(),
        _ => name,
    })
}

/// The ways from one kustomization up to those that nobody includes.
struct Walk<'l> {
    layers: &'l Layers,
    ends: BTreeSet<String>,
    steps: usize,
    depth: usize,
    unclear: Option<String>,
}

impl Walk<'_> {
    fn up(&mut self, home: &str, name: String) {
        let Some(parents) = self.layers.parents.get(home).filter(|parents| !parents.is_empty()) else {
            self.ends.insert(name);
            return;
        };
        for (parent, place) in parents {
            if !self.may_go_on() {
                return;
            }
            let Some(layer) = self.layers.layers.get(parent) else { continue };
            let mut name = name.clone();
            for component in layer.components.iter().skip(place.map_or(0, |at| at + 1)) {
                name = self.through(parent, component.as_deref(), name);
            }
            self.depth += 1;
            self.up(parent, renamed(&layer.images, &name));
            self.depth -= 1;
        }
    }

    /// What a component leaves of a name.
    fn through(&mut self, parent: &str, component: Option<&str>, mut name: String) -> String {
        if !self.may_go_on() {
            return name;
        }
        let Some((path, layer)) = component.and_then(|path| Some((path, self.layers.layers.get(path)?))) else {
            let why = format!("a component of {parent}, which is applied after this entry, is not in the repository");
            self.unclear.get_or_insert(why);
            return name;
        };
        self.depth += 1;
        for nested in &layer.components {
            name = self.through(path, nested.as_deref(), name);
        }
        self.depth -= 1;
        renamed(&layer.images, &name)
    }

    /// What goes on for so long is not worth knowing.
    fn may_go_on(&mut self) -> bool {
        self.steps += 1;
        if self.steps > MAX_STEPS || self.depth >= MAX_DEPTH {
            self.unclear.get_or_insert("too many kustomizations are applied after this entry".to_owned());
        }
        self.unclear.is_none()
    }
}

impl Layer {
    /// Reads the kustomization at `path`.
    pub fn read(path: &str, bytes: &[u8]) -> Option<Layer> {
        let home = folder(path);
        let text = yaml::text(bytes).ok()?;
        let trees = yaml::parse(text, *yaml::documents(text).first()?).ok()?;
        let tree = trees.first()?;
        let root = tree.root()?;
        let items = |key: &str| {
            let list = tree.get(root, key).filter(|id| matches!(tree.node(*id).kind, yaml::NodeKind::Sequence(_)));
            list.into_iter().flat_map(|id| tree.children(id)).collect::<Vec<_>>()
        };
        let paths = |key: &str| {
            let path = |id: &yaml::NodeId| tree.text(*id).and_then(|path| joined(home, path));
            items(key).iter().map(path).collect::<Vec<_>>()
        };
        let text = |id, key| tree.get(id, key).and_then(|id| tree.text(id)).map(str::to_owned);
        let image =
            |id: &yaml::NodeId| Rename { name: text(*id, "name").unwrap_or_default(), to: text(*id, "newName") };
        let makes =
            ["generators", "helmCharts", "helmChartInflationGenerator"].iter().any(|key| !items(key).is_empty());
        Some(Layer {
            resources: [paths("resources"), paths("bases")].concat(),
            components: paths("components"),
            images: items("images").iter().map(image).collect(),
            makes,
        })
    }

    /// Whether it brings in objects, and does not only change what is there.
    fn adds(&self) -> bool {
        self.makes || !self.resources.is_empty() || !self.components.is_empty()
    }
}

/// Names that objects of Flux and Argo CD replace on top of the kustomizations they apply.
pub(super) struct Outside<'o>(pub(super) HashSet<&'o str>);

impl Outside<'_> {
    fn says_of(&self, name: &str) -> Option<String> {
        let why =
            || format!("`{name}` is renamed by the `images` of a Flux or Argo CD object as well, which may apply this");
        self.0.contains(name).then(why)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::repository;
    use super::*;

    /// What `k/kustomization.yaml` with these images finds, beside other kustomizations.
    fn entry(images: &str, others: &[(&str, &str)]) -> Vec<String> {
        let own = format!("images:\n{images}");
        let paths = others.iter().map(|(folder, _)| format!("{folder}/kustomization.yaml")).collect::<Vec<_>>();
        let mut files = vec![("k/kustomization.yaml", own.as_str())];
        files.extend(paths.iter().map(String::as_str).zip(others.iter().map(|(_, text)| *text)));
        let (found, notes) = repository(&files);
        assert!(notes.is_empty(), "{notes:?}");
        found.into_iter().filter_map(|one| one.strip_prefix("k/kustomization.yaml: ").map(str::to_owned)).collect()
    }

    const TAG: &str = "- {name: web, newTag: v2}\n";
    const NAME: &str = "images: [{name: web, newName: ghcr.io/acme/web}]\n";

    #[test]
    fn a_name_that_is_replaced_later_is_resolved() {
        let with = |text: &str| format!("{text}{NAME}");
        for (what, parent) in [
            ("a kustomization that includes it", with("resources: [../k]\n")),
            ("the old list of bases", with("bases: [../k/]\n")),
            ("one that has it as a component", with("components: [../k]\n")),
        ] {
            assert_eq!(entry(TAG, &[("p", &parent)]), ["ghcr.io/acme/web:v2"], "{what}");
        }
        let later = [("p", "components: [../k, ../c]\n"), ("c", NAME)];
        assert_eq!(entry(TAG, &later), ["ghcr.io/acme/web:v2"], "a later component");
        let far = [("p", "resources: [../k]\n"), ("q", &with("resources: [../p, x.yaml]\n"))];
        assert_eq!(entry(TAG, &far), ["ghcr.io/acme/web:v2"], "through one that does nothing");
        let chain =
            [("p", "resources: [../k]\nimages: [{name: web, newName: a/web}, {name: a/web, newName: b/web}]\n")];
        assert_eq!(entry(TAG, &chain), ["b/web:v2"], "one name after the other");
        let same = "- {name: web, newTag: v2}\n- {name: web, newName: ghcr.io/acme/web}\n";
        assert_eq!(entry(same, &[])[0], "ghcr.io/acme/web:v2", "further down the same list");
    }

    #[test]
    fn where_nothing_replaces_the_name_it_is_the_images() {
        for others in [
            vec![],
            vec![("p", "resources: [../k]\n")],
            vec![("p", NAME)],
            vec![("p", "resources: [../k]\nimages: [{name: api, newName: ghcr.io/acme/api}]\n"), ("q", NAME)],
        ] {
            assert_eq!(entry(TAG, &others), ["web:v2"], "{others:?}");
        }
    }

    #[test]
    fn what_is_not_the_same_everywhere_or_not_known_is_not_read() {
        let both = [("p", "resources: [../k]\n"), ("q", &*format!("resources: [../k]\n{NAME}"))];
        let remote = [("p", "components: [../k, 'https://example.com/c']\n"), ("q", NAME)];
        let circle = [("p", "resources: [../q, ../k]\n"), ("q", &*format!("resources: [../p]\n{NAME}"))];
        let placeholder = [("p", "resources: [../k]\nimages: [{name: web, newName: REGISTRY/web}]\n")];
        assert!(entry(TAG, &placeholder)[0].starts_with(":v2 (`REGISTRY/web` is no image reference"));
        for (others, why) in [(&both[..], "in another"), (&remote, "is not in the repository"), (&circle, "too many")] {
            let found = entry(TAG, others);
            assert!(found[0].starts_with(":v2 (") && found[0].contains(why), "{found:?}");
        }
    }

    #[test]
    fn the_ways_up_are_limited_in_length_and_in_number() {
        let chain = |length: usize| {
            let link = |n: usize| {
                let below = if n == 0 { "k".to_owned() } else { format!("p{}", n - 1) };
                (format!("p{n}"), format!("resources: [../{below}]\n{}", if n + 1 == length { NAME } else { "" }))
            };
            (0..length).map(link).collect::<Vec<_>>()
        };
        let fan = |count: usize| (0..count).map(|n| (format!("p{n}"), format!("resources: [../k]\n{NAME}"))).collect();
        let entry = format!("images:\n{TAG}");
        let reference = &crate::site::scan("k/kustomization.yaml", entry.as_bytes()).references[0];
        let found = |others: Vec<(String, String)>| {
            let mut layers = Layers::default();
            layers.read("k/kustomization.yaml", entry.as_bytes());
            for (folder, text) in others {
                layers.read(&format!("{folder}/kustomization.yaml"), text.as_bytes());
            }
            format!("{:?}", layers.answer(&Outside(HashSet::new()), "k/kustomization.yaml", reference, ("web", 0)))
        };
        let resolved = "Ok(As(\"ghcr.io/acme/web\"))";
        assert_eq!(found(chain(MAX_DEPTH)), resolved);
        assert!(found(chain(MAX_DEPTH + 1)).contains("too many"));
        assert_eq!(found(fan(MAX_STEPS)), resolved);
        assert!(found(fan(MAX_STEPS + 1)).contains("too many"));
    }

    #[test]
    fn an_entry_whose_name_is_gone_when_it_is_applied_says_so() {
        let same = "- {name: web, newName: ghcr.io/acme/web}\n- {name: web, newTag: v2}\n";
        assert!(entry(same, &[])[0].contains("is called `ghcr.io/acme/web` already"));
        let over = |text: &str| format!("- {{name: web, newTag: v2}}\n{text}");
        for text in ["resources: [../b]\n", "components: [../b]\nresources: [x.yaml]\n"] {
            assert!(entry(&over(text), &[("b", NAME)])[0].contains("already"), "{text}");
        }
        for text in
            ["resources: [../b, x.yaml]\n", "resources: [x.yaml]\n", "resources: [../b]\nhelmCharts: [{name: x}]\n"]
        {
            assert_eq!(entry(&over(text), &[("b", NAME)]), ["web:v2"], "{text}: some image may still be called so");
        }
    }
}
