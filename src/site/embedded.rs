//! YAML inside a scalar: `helm.values: |` of an Argo CD source, inline patches of a kustomization.
//!
//! ```yaml
//! values: |            # the outer scalar
//!   image:
//!     tag: v1          # the inner scalar: a line of the text, and a line of the file
//! ```
//!
//! The text is read like a file of its own, markers and holds included. Its scalars can be edited, and keys come and go,
//! when every line of the text is a line of the file: a literal block (`|`) with one indentation. In a quoted or folded text
//! the references are found and blocked. A text inside such a text is not read, which is noted.

use super::draft::Text;
use super::elsewhere::Sought;
use super::scan::{self, Source};
use super::view::View;
use super::{Inner, InsertForm, InsertPoint, Medium, Reference, RemovePoint, Scan, Within};
use crate::text::Span;
use crate::yaml::{Lines, NodeId, Style};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Finds the references in the text that a scalar holds.
pub(super) fn scan(view: &View<'_, '_>, id: NodeId, what: &Text) -> Scan {
    let text: Arc<str> = view.tree.text(id).unwrap_or_default().into();
    let lines = Lines::new(&text);
    let mut scan = scan::text(&Source {
        path: view.path,
        text: &text,
        lines: &lines,
        role: what.role,
        declared: &[],
        templates: &BTreeSet::new(),
    });
    let map = Map::of(view, id, &text);
    let home = Home { view, id, text: text.clone(), lines: &lines };
    for reference in &mut scan.references {
        home.bring(reference, map.as_ref());
    }
    for waiting in &mut scan.open.references {
        home.bring(&mut waiting.reference, map.as_ref());
        if let Sought::Values { home, .. } = &mut waiting.sought {
            *home = what.home.clone();
        }
    }
    for note in &mut scan.notes {
        note.line = home.line(map.as_ref(), note.line);
    }
    if let Some(skipped) = scan.skipped.take() {
        let text = format!("the text under `{}` is not read: {}", view.tree.key(id).unwrap_or("?"), skipped.detail);
        scan.notes.push(view.note(id, text));
    }
    scan
}

/// Where the lines of the text stand in the file.
struct Map {
    /// The offset in the file of each line's first character.
    starts: Vec<usize>,
    /// By how many columns the lines of the file are deeper.
    indent: usize,
    /// The 1-based line of the file that the text's first is.
    first: usize,
}

impl Map {
    /// `None` unless the scalar is a literal block whose lines are the text's, all at one indentation.
    fn of(view: &View<'_, '_>, id: NodeId, text: &str) -> Option<Map> {
        if view.tree.style(id)? != Style::Literal {
            return None;
        }
        let (span, source) = (view.tree.node(id).span, view.tree.source());
        let mut at = span.start + span.of(source)?.find('\n')? + 1;
        let first = view.lines.number(at);
        let mut indent = None;
        let mut starts = Vec::new();
        for line in text.trim_end_matches('\n').split('\n') {
            let rest = source.get(at..)?;
            let written = rest.split('\n').next()?;
            let content = written.strip_suffix('\r').unwrap_or(written);
            let depth = content.len().checked_sub(line.len());
            match (line.is_empty(), indent) {
                // A blank line may be shorter than the indentation.
                (true, _) => {}
                (false, None) => indent = depth,
                (false, known) if known == depth => {}
                (false, _) => return None,
            }
            let depth = depth?;
            if content.get(depth..)? != line || !content.get(..depth)?.bytes().all(|b| b == b' ') {
                return None;
            }
            starts.push(at + depth);
            at += written.len() + 1;
        }
        Some(Map { starts, indent: indent?, first })
    }

    /// The bytes of the file that bytes of one line of the text are.
    fn span(&self, lines: &Lines<'_>, span: Span) -> Option<Span> {
        let line = lines.number(span.start);
        if lines.number(span.end) != line {
            return None;
        }
        let start = self.starts.get(line - 1)?;
        Some(Span::new(start + span.start - lines.start(span.start), start + span.end - lines.start(span.start)))
    }

    /// The bytes of the file that go when bytes of the text go. Where whole lines go, their indentation goes with them.
    fn gone(&self, file: &Lines<'_>, lines: &Lines<'_>, span: Span) -> Option<Span> {
        let starts_line = |offset| lines.start(offset) == offset;
        if span.start < span.end && starts_line(span.start) && (starts_line(span.end) || span.end == lines.text().len())
        {
            let start = file.start(self.span(lines, Span::new(span.start, span.start))?.start);
            let end = file.end(self.span(lines, Span::new(span.end - 1, span.end - 1))?.start);
            if file.text()[..end].ends_with('\n') {
                return Some(Span::new(start, end));
            }
            // The file ends without a line break, and goes on ending without one.
            let above = file.text()[..start].strip_suffix('\n')?;
            return Some(Span::new(above.strip_suffix('\r').unwrap_or(above).len(), end));
        }
        let at = |offset| self.span(lines, Span::new(offset, offset)).map(|span| span.start);
        Some(Span::new(at(span.start)?, at(span.end)?))
    }
}

/// The outer scalar.
struct Home<'h, 't, 'a> {
    view: &'h View<'t, 'a>,
    id: NodeId,
    text: Arc<str>,
    lines: &'h Lines<'h>,
}

impl Home<'_, '_, '_> {
    fn line(&self, map: Option<&Map>, inner: usize) -> usize {
        map.map_or_else(|| self.view.line(self.id), |map| map.first + inner - 1)
    }

    /// Puts a reference of the text in terms of the file.
    fn bring(&self, reference: &mut Reference, map: Option<&Map>) {
        reference.line = self.line(map, reference.line);
        reference.path = match (self.view.tree.path(self.id), &reference.path) {
            (outer, inner) if inner.starts_with('[') => outer + inner,
            (outer, inner) => format!("{outer}.{inner}"),
        };
        reference.document = self.view.identity(self.view.tree.root());
        reference.insert = reference.insert.take().and_then(|point| self.insert(point, map?));
        let remove = std::mem::take(&mut reference.remove);
        reference.remove = remove.into_iter().filter_map(|point| self.remove(point, map?)).collect();
        let scalar = self.view.tree.node(self.id).span;
        for slot in &mut reference.slots {
            let inner = slot.span;
            match map.and_then(|map| map.span(self.lines, inner)) {
                Some(span) => slot.span = span,
                None => {
                    slot.span = scalar;
                    let why = match map {
                        None => "it stands in a quoted or folded text; a literal block (`|`) can be edited",
                        Some(_) => "it takes several lines of a text inside a text",
                    };
                    reference.blocked.get_or_insert_with(|| why.to_owned());
                }
            }
            slot.setting.medium = Medium::Within(Arc::new(Within { scalar, text: self.text.clone(), span: inner }));
        }
    }

    fn insert(&self, point: InsertPoint, map: &Map) -> Option<InsertPoint> {
        let after = map.span(self.lines, point.after)?;
        let form = match point.form {
            InsertForm::Line { column } => InsertForm::Line { column: column + map.indent },
            flow => flow,
        };
        Some(InsertPoint { key: point.key, part: point.part, after, form, inner: Some(self.inner(point)) })
    }

    fn remove(&self, point: RemovePoint, map: &Map) -> Option<RemovePoint> {
        let gone = match point.gone {
            Some(gone) => Some(map.gone(self.view.lines, self.lines, gone)?),
            None => None,
        };
        Some(RemovePoint {
            part: point.part,
            name: point.name.clone(),
            key: map.span(self.lines, point.key)?,
            value: map.span(self.lines, point.value)?,
            gone,
            inner: Some(self.inner(point)),
        })
    }

    fn inner<T>(&self, place: T) -> Arc<Inner<T>> {
        Arc::new(Inner { scalar: self.view.tree.node(self.id).span, text: self.text.clone(), place })
    }
}

#[cfg(test)]
mod tests {
    use crate::site::{Reference, scan};

    fn application(values: &str) -> String {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: web}}\nspec:\n  source:\n    helm:\n      values: {values}"
        )
    }

    fn only(text: &str) -> Reference {
        let mut scan = scan("app.yaml", text.as_bytes());
        assert_eq!(scan.references.len(), 1, "{text}: {:?}", scan.notes);
        scan.references.remove(0)
    }

    #[test]
    fn a_text_whose_lines_are_not_the_files_is_read_and_blocked() {
        for values in ["\"image: acme/web:v1\\n\"\n", ">\n        image: acme/web:v1\n", "'image: acme/web:v1'\n"] {
            assert!(only(&application(values)).blocked.unwrap().contains("literal block"), "{values}");
        }
    }

    #[test]
    fn a_text_that_is_no_yaml_is_noted() {
        let scan = scan("app.yaml", application("|\n        image: [\n").as_bytes());
        assert_eq!((scan.references.len(), scan.notes.len()), (0, 1));
        assert!(scan.notes[0].text.contains("is not read"), "{:?}", scan.notes);
    }

    #[test]
    fn markers_and_holds_of_the_text_count() {
        let values = "|\n        # landwaiter-hold: x\n        image: acme/web:v1 # landwaiter: web\n";
        let reference = only(&application(values));
        assert!(reference.marker.is_some() && reference.hold.is_some());
    }
}
