//! One file from bytes to references: screened, cut into documents, each looked at by every shape.
//!
//! A text inside a scalar goes the same way, once: [`super::embedded`] brings what is found there into the file's terms.

use super::declared::Location;
use super::draft::{Draft, Found};
use super::elsewhere::{Sought, Waiting};
use super::view::{Role, View};
use super::{
    Document, Reference, Scan, SkipReason, Skipped, anchors, argo, beside, chart, cluster_api, compose, config_map,
    declared, elsewhere, embedded, flux, helm, helmfile, kubernetes, kustomize, marked, patch, screen, sealed, tekton,
    template, twice, unread, workflow,
};
use crate::yaml::{self, Lines, NodeId, Piece, Problem, ProblemKind, Tree};
use std::collections::{BTreeSet, HashMap};

/// Every shape, in the order in which they may claim a scalar; markers take what is left.
const SHAPES: [fn(&View<'_, '_>, &mut Found); 15] = [
    declared::find,
    kustomize::find,
    patch::find,
    flux::find,
    argo::find,
    cluster_api::find,
    tekton::find,
    kubernetes::find,
    helm::find,
    helmfile::find,
    chart::find,
    config_map::find,
    compose::find,
    workflow::find,
    marked::find,
];

/// A text that is read: a file's, or a scalar's.
pub(super) struct Source<'s> {
    /// The file's path in the repository.
    pub(super) path: &'s str,
    pub(super) text: &'s str,
    pub(super) lines: &'s Lines<'s>,
    pub(super) role: Role,
    pub(super) declared: &'s [&'s Location],
    /// The policies whose markers are followed where the text is no YAML.
    pub(super) templates: &'s BTreeSet<String>,
}

/// The most references of one file that are kept: a file with more is no manifest, and each costs half a kilobyte.
pub const MAX_REFERENCES: usize = 50_000;

/// Finds the references of one file. `path` is the file's path in the repository.
///
/// A document that cannot be read is reported in [`Scan::skipped`] and blocks none of its siblings. Documents that hold
/// nothing of interest are not parsed, so whether they are YAML is not known.
///
/// What other files would have to tell is noted, see [`Scan::alone`].
pub fn scan(path: &str, bytes: &[u8]) -> Scan {
    file(path, bytes, &[], &BTreeSet::new(), Role::File).alone(path, bytes)
}

impl Scan {
    /// Settles what the file at `path` left open as if it were the only one.
    pub fn alone(mut self, path: &str, bytes: &[u8]) -> Scan {
        let open = std::mem::take(&mut self.open);
        let mut layers = elsewhere::Layers::default();
        if elsewhere::wants_layers(std::iter::once(&open)) {
            layers.read(path, bytes);
        }
        let known = elsewhere::Known {
            layers: &layers,
            exists: &|other| other == path,
            references: &|visit| self.references.iter().for_each(|reference| visit(path, reference)),
        };
        for (_, settled) in elsewhere::settle(&[(path, &open)], &known) {
            match settled {
                elsewhere::Settled::Found(reference) => self.references.push(*reference),
                elsewhere::Settled::Noted(note) => self.notes.push(note),
            }
        }
        self.references.sort_by_key(|reference| reference.line);
        self.notes.sort_by_key(|note| note.line);
        self
    }
}

/// As [`scan`], with what policy files declare for the file.
pub(super) fn file(path: &str, bytes: &[u8], declared: &[&Location], templates: &BTreeSet<String>, role: Role) -> Scan {
    if declared.is_empty() && !screen::worth_reading(path, bytes) {
        return Scan::default();
    }
    match yaml::text(bytes) {
        Ok(read) => text(&Source { path, text: read, lines: &Lines::new(read), role, declared, templates }),
        Err(problem) => Scan { skipped: Some(skipped(&problem, "")), ..Scan::default() },
    }
}

/// Finds the references of one text.
pub(super) fn text(source: &Source<'_>) -> Scan {
    let mut scan = Scan::default();
    let (text, lines) = (source.text, source.lines);
    let mut broken = Vec::new();
    let pieces = yaml::documents(text);
    if pieces.len() > yaml::MAX_DOCUMENTS {
        scan.skipped = Some(too_many("documents", yaml::MAX_DOCUMENTS));
        return scan;
    }
    for piece in pieces {
        let part = piece.span.of(text).unwrap_or_default();
        if source.declared.is_empty() && !screen::worth_parsing_in(source.path, part.as_bytes()) {
            continue;
        }
        match yaml::parse(text, piece) {
            Ok(trees) => trees.iter().for_each(|tree| document(source, tree, &mut scan)),
            Err(problem) => {
                template::find(source, piece, source.templates, &mut scan);
                broken.push((piece, problem));
            }
        }
        if scan.references.len() + scan.open.references.len() > MAX_REFERENCES {
            return Scan { skipped: Some(too_many("references", MAX_REFERENCES)), ..Scan::default() };
        }
    }
    scan.skipped = report(text, lines, &broken);
    scan.notes.sort_by_key(|note| note.line);
    scan
}

fn document(source: &Source<'_>, tree: &Tree<'_>, scan: &mut Scan) {
    let Source { path, lines, role, declared, .. } = *source;
    let mut view = View { tree, lines, path, marks: HashMap::new(), role, declared };
    // Our own policies name images in order to find them elsewhere.
    if view.root_text("apiVersion").is_some_and(|api| api.starts_with("landwaiter/")) {
        return;
    }
    let before = scan.open.references.len();
    let mut found = Found::default();
    beside::marks(&mut view, &mut found.notes);
    for find in SHAPES {
        find(&view, &mut found);
    }
    let mut inner = texts(&view, &mut found);
    scan.open.append(std::mem::take(&mut found.open));
    beside::inside_texts(&view, &mut found);
    beside::holds(&view, &mut found);
    anchors::settle(&view, &mut found);
    twice::note(&view, &mut found);
    unread::note(&view, &mut found);
    found.drafts.sort_by_key(|draft| tree.node(draft.primary).span.start);
    let mut references = Vec::with_capacity(found.drafts.len());
    for (reference, sought) in finish(&view, found.drafts) {
        match sought {
            Some(sought) => scan.open.references.push(Waiting { reference, sought }),
            None => references.push(reference),
        }
    }
    references.append(&mut inner);
    if let Some(why) = sealed::seal(&view) {
        let waiting = scan.open.references[before..].iter_mut().map(|waiting| &mut waiting.reference);
        references.iter_mut().chain(waiting).for_each(|reference| {
            reference.blocked.get_or_insert_with(|| why.to_owned());
        });
    }
    references.sort_by_key(|reference| reference.line);
    scan.references.append(&mut references);
    scan.notes.append(&mut found.notes);
}

/// The references of the texts that scalars hold.
fn texts(view: &View<'_, '_>, found: &mut Found) -> Vec<Reference> {
    let mut texts = found.texts.iter().map(|(id, text)| (*id, text.clone())).collect::<Vec<_>>();
    texts.sort_by_key(|(id, _)| *id);
    let mut references = Vec::new();
    for (id, text) in texts {
        if view.role != Role::File {
            found.notes.push(view.note(id, "a text inside a text inside a text is not read"));
            continue;
        }
        let mut inner = embedded::scan(view, id, &text);
        found.open.append(inner.open);
        references.append(&mut inner.references);
        found.notes.append(&mut inner.notes);
    }
    references
}

/// The drafts, in order of position, with the identity of their document or of the item of a `List` they stand in. Both
/// are looked up once and not for each draft: a mapping may have any number of keys.
fn finish(view: &View<'_, '_>, drafts: Vec<Draft>) -> Vec<(Reference, Option<Sought>)> {
    let root = view.tree.root();
    let whole = view.identity(root);
    let items = root.and_then(|root| view.tree.get(root, "items"));
    let mut last: Option<(NodeId, Document)> = None;
    let mut references = Vec::with_capacity(drafts.len());
    for mut draft in drafts {
        let item = items.and_then(|items| view.item_with(items, draft.primary));
        if let Some(item) = item.filter(|item| last.as_ref().is_none_or(|(known, _)| known != item)) {
            last = Some((item, view.identity(Some(item))));
        }
        let document = match &last {
            Some((_, document)) if item.is_some() && document.kind.is_some() => document,
            _ => &whole,
        };
        let sought = draft.sought.take();
        references.push((draft.finish(view, document.clone()), sought));
    }
    references
}

fn too_many(what: &str, limit: usize) -> Skipped {
    Skipped { reason: SkipReason::TooLarge, detail: format!("more than {limit} {what}") }
}

/// What is said of the documents that could not be read: the first in full, the others by number.
fn report(text: &str, lines: &Lines<'_>, broken: &[(Piece, Problem)]) -> Option<Skipped> {
    let (piece, problem) = broken.first()?;
    let part = piece.span.of(text).unwrap_or_default();
    let mut skipped = skipped(problem, part);
    let line = lines.number(problem.offset);
    skipped.detail = format!("document {}, line {line}: {}", piece.index + 1, skipped.detail);
    if broken.len() > 1 {
        let more = broken.len() - 1;
        let noun = if more == 1 { "document" } else { "documents" };
        skipped.detail += &format!("; {more} more {noun} cannot be read");
    }
    Some(skipped)
}

fn skipped(problem: &Problem, text: &str) -> Skipped {
    let reason = match problem.kind {
        ProblemKind::NotUtf8 => SkipReason::NotUtf8,
        ProblemKind::TooLarge => SkipReason::TooLarge,
        ProblemKind::TooDeep => SkipReason::TooDeep,
        ProblemKind::Syntax if text.contains("{{") => SkipReason::Template,
        ProblemKind::Syntax => SkipReason::NotYaml,
    };
    Skipped { reason, detail: problem.message.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: &str = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: nginx:1.27\n";

    #[test]
    fn a_broken_document_blocks_no_sibling() {
        let text = format!("{POD}---\nimage: {{{{ x }}}}: y\n---\n# c\n{POD}---\nimage: [\n");
        let scan = scan("x.yaml", text.as_bytes());
        let seen = scan.references.iter().map(|r| (r.line, r.document.index)).collect::<Vec<_>>();
        assert_eq!(seen, [(5, 0), (14, 2)]);
        let skipped = scan.skipped.unwrap();
        assert_eq!(skipped.reason, SkipReason::Template);
        assert!(skipped.detail.starts_with("document 2, line 7: "), "{}", skipped.detail);
        assert!(skipped.detail.ends_with("; 1 more document cannot be read"), "{}", skipped.detail);
    }

    #[test]
    fn files_that_are_no_yaml_text_say_why() {
        for (bytes, reason) in [
            (&b"image: \xff"[..], SkipReason::NotUtf8),
            (b"\xff\xfei\0m\0a\0g\0e\0:\0", SkipReason::NotUtf8),
            (b"image: a\0b", SkipReason::NotYaml),
            (b"image: [", SkipReason::NotYaml),
            (b"image:\n{{ if x }}\n  a: {{ b }}", SkipReason::Template),
            (&[&b"image: "[..], &[b'['; 300]].concat(), SkipReason::TooDeep),
            (&[&b"image: "[..], &vec![b'x'; yaml::MAX_BYTES]].concat(), SkipReason::TooLarge),
        ] {
            assert_eq!(scan("x.yaml", bytes).skipped.unwrap().reason, reason);
        }
        assert_eq!(scan("x.yaml", b"a: [").skipped, None, "nothing of interest is not parsed");
    }

    #[test]
    fn our_own_policies_are_no_references() {
        let scan =
            scan("landwaiter.yaml", b"apiVersion: landwaiter/v1\nkind: ImagePolicies\nlocations: [{image: nginx}]\n");
        assert!(scan.references.is_empty());
    }

    /// Each of these tempts to compare all with all, which would be felt: 400 million steps.
    #[test]
    fn many_of_a_kind_cost_no_more_than_their_sum() {
        let many = |line: fn(usize) -> String| (0..20_000).map(line).collect::<String>();
        for text in [
            many(|n| format!("k{n}: v1 # landwaiter: web:tag\n")),
            many(|n| format!("k{n}: v1 # landwaiter: p{n}:tag\n")),
            format!("a:\n{}- v1\n", many(|_| "# landwaiter: web\n".into())),
            format!("{}k: v1 # landwaiter: web:tag\n", many(|_| "# landwaiter-hold: x\n".into())),
            format!("apiVersion: v1\nkind: List\nitems:\n- kind: X\n{}", many(|n| format!("  k{n}: {{image: a}}\n"))),
            format!("a: &a v1 # landwaiter: web:tag\n{}", many(|n| format!("k{n}: *a\n"))),
            format!("kind: Kustomization\nimages:\n{}", many(|n| format!("- {{name: a{n}, newTag: v1}}\n"))),
            many(|_| "---\nimage: x\n".into()),
            many(|_| "...\n# image:\n".into()),
            format!("image:\n{}", many(|_| "- # landwaiter: web\n".into())),
        ] {
            let scan = scan("x.yaml", text.as_bytes());
            assert_eq!(scan.skipped, None, "{}", &text[..60]);
        }
    }

    #[test]
    fn a_byte_order_mark_carriage_returns_and_other_letters_move_nothing() {
        let text = format!("\u{feff}# é\r\n{}", POD.replace('\n', "\r\n").replace("Pod", "Pöd"));
        let scan = scan("x.yaml", text.as_bytes());
        let reference = &scan.references[0];
        assert_eq!(reference.slots[0].span.of(&text), Some("nginx:1.27"));
        assert_eq!((reference.line, reference.document.kind.as_deref()), (6, Some("Pöd")));
    }
}
