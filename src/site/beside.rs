//! Which comment belongs to which value.
//!
//! A marker stands at the end of the value's line, with no other value between, or alone on the line above a scalar list
//! item. That is Flux's rule; every other place is a near miss and noted. A hold stands on the value's line, or in the
//! comment lines directly above it.

use super::Note;
use super::draft::Found;
use super::hold;
use super::marker::{self, Mark, Reading};
use super::view::{Given, View};
use crate::yaml::{Comment, NodeId, NodeKind, Place, Tree};
use memchr::memmem;
use std::collections::{HashMap, HashSet};

/// Ties each marker of the document to its scalar.
pub(super) fn marks(view: &mut View<'_, '_>, notes: &mut Vec<Note>) {
    let mut own_lines = HashSet::new();
    for comment in view.tree.comments() {
        let line = view.lines.number(comment.span.start);
        if comment.own_line {
            own_lines.insert(line);
        }
        let tied = match marker::read(&comment.text) {
            Reading::NoMarker => continue,
            Reading::NearMiss(why) => Err(why),
            Reading::Mark(mark) => target(view, comment, &mark, own_lines.contains(&(line - 1))).map(|id| (id, mark)),
        };
        let why = match tied {
            Ok((id, mark)) => match view.marks.entry(id) {
                std::collections::hash_map::Entry::Vacant(free) => {
                    free.insert(mark);
                    continue;
                }
                std::collections::hash_map::Entry::Occupied(_) => "the value has one already",
            },
            Err(why) => why,
        };
        notes.push(Note { line, text: format!("looks like a marker but is not read: {why}") });
    }
}

/// The scalar that a marker speaks of, or why there is none.
fn target(
    view: &View<'_, '_>,
    comment: &Comment<'_>,
    mark: &Mark,
    below_comment: bool,
) -> Result<NodeId, &'static str> {
    if comment.own_line {
        // Flux joins the lines of a comment before it reads them.
        if below_comment && mark.marker.policies.len() > 1 {
            return Err("it is one of several comment lines");
        }
        return item_below(view, comment).ok_or("it stands above; put it at the end of the value's line");
    }
    let id = comment.after.ok_or("no value stands before it")?;
    let span = view.tree.node(id).span;
    let line = |offset| view.lines.number(offset);
    let in_header = span.start < comment.span.start && comment.span.end <= span.end;
    if !in_header && line(span.end) != line(comment.span.start) && !is_collection(view.tree, id) {
        return Err("no value stands before it on its line");
    }
    match (view.tree.node(id).place, view.given(id)) {
        (Place::Key, _) => Err("the value does not stand on its line"),
        (_, Given::Collection) => Err("it stands after a whole list or mapping; put it after the value"),
        (_, Given::Alias(_)) => Err("the value is an alias; mark the anchor"),
        (_, Given::Null) => Err("the value is null"),
        (_, Given::Text(_) | Given::NotAString(_)) => Ok(id),
    }
}

fn is_collection(tree: &Tree<'_>, id: NodeId) -> bool {
    matches!(tree.node(id).kind, NodeKind::Mapping(_) | NodeKind::Sequence(_))
}

/// The scalar list item on the line below the comment.
fn item_below(view: &View<'_, '_>, comment: &Comment<'_>) -> Option<NodeId> {
    let mut id = view.tree.following(comment)?;
    while matches!(view.tree.node(id).kind, NodeKind::Sequence(_)) {
        id = view.tree.children(id).next()?;
    }
    let node = view.tree.node(id);
    let scalar = matches!(node.kind, NodeKind::Scalar { .. }) && matches!(node.place, Place::Item(_));
    (scalar && view.line(id) == view.lines.number(comment.span.start) + 1).then_some(id)
}

/// Notes markers that are part of a text value, where they are no comments.
pub(super) fn inside_texts(view: &View<'_, '_>, found: &mut Found) {
    let holds_marker = |text: &str| {
        ["\"$imagepolicy\"", "# landwaiter:"]
            .iter()
            .any(|word| memmem::find(text.as_bytes(), word.as_bytes()).is_some())
    };
    for id in view.tree.ids() {
        // A text that is read as YAML has read its own markers.
        if !found.texts.contains_key(&id) && view.tree.text(id).is_some_and(holds_marker) {
            found.notes.push(view.note(id, "looks like a marker but is not read: it is part of a text value"));
        }
    }
}

/// Gives each reference the hold that stands beside it; a hold beside nothing is noted.
pub(super) fn holds(view: &View<'_, '_>, found: &mut Found) {
    let mut holds = by_line(view, &mut found.notes);
    if holds.is_empty() {
        return;
    }
    for draft in &mut found.drafts {
        let nodes = draft.slots.iter().map(|(_, id)| *id).chain(draft.around.iter().copied()).chain([draft.primary]);
        for id in nodes {
            let span = view.tree.node(id).span;
            for line in view.lines.number(span.start)..=view.lines.number(span.end) {
                if let Some((hold, used)) = holds.get_mut(&line) {
                    *used = true;
                    draft.hold.get_or_insert_with(|| hold.clone());
                }
            }
        }
    }
    let mut unused = holds.iter().filter(|(_, (_, used))| !used).map(|(line, _)| *line).collect::<Vec<_>>();
    unused.sort_unstable();
    found.notes.extend(
        unused.into_iter().map(|line| Note {
            line,
            text: "a hold comment that speaks of this line, where no reference stands".into(),
        }),
    );
}

/// The holds by the line they speak of: their own, or the first below that is no comment line.
fn by_line(view: &View<'_, '_>, notes: &mut Vec<Note>) -> HashMap<usize, (super::HandHold, bool)> {
    let mut holds = HashMap::new();
    let mut below = None;
    for comment in view.tree.comments().iter().rev() {
        let line = view.lines.number(comment.span.start);
        let speaks_of = match below {
            _ if !comment.own_line => line,
            Some((next, of)) if next == line + 1 => of,
            _ => line + 1,
        };
        if comment.own_line {
            below = Some((line, speaks_of));
        }
        let Some(read) = hold::read(&comment.text) else {
            continue;
        };
        if let Some(wrong) = read.wrong {
            notes.push(Note { line, text: format!("not quite a hold comment, but it holds: {wrong}") });
        }
        holds.insert(speaks_of, (super::HandHold { line, ..read.hold }, false));
    }
    holds
}

#[cfg(test)]
mod tests {
    use crate::site::{Scan, scan};

    fn found(text: &str) -> Scan {
        scan("x.yaml", text.as_bytes())
    }

    /// The values that the markers of a text are tied to.
    fn marked(text: &str) -> Vec<String> {
        let scan = found(text);
        let values = scan.references.iter().flat_map(|r| r.slots.iter().map(|slot| slot.value.clone()));
        values.collect()
    }

    /// The table of what Flux applies; `M` stands for its marker.
    #[test]
    fn markers_are_read_where_flux_reads_them() {
        for text in [
            "tag: v1 # M\n",
            "tag: v1 #M\n",
            "tag: v1 ## M\n",
            "tag: v1\t# M\n",
            "tag: \"v1\" # M\r\n",
            "# M\n- v1\n",
            "args:\n# M\n- v1\n",
            "args:\n- v0\n# M\n- v1\n",
            "{a: x,\n tag: v1, # M\n b: y}\n",
            "tag: &t v1 # M\n",
            "tag:\n  v1 # M\n",
            "v1 # M\n",
            "kind: List\nitems:\n- tag: v1 # M\n",
        ] {
            let text = text.replace('M', "{\"$imagepolicy\": \"ns:p:tag\"}");
            assert_eq!(marked(&text), ["v1"], "{text}");
            assert!(found(&text).notes.is_empty(), "{text}");
        }
        assert_eq!(marked("tag: \"\" # {\"$imagepolicy\": \"ns:p:tag\"}\n"), [""]);
    }

    #[test]
    fn every_other_place_is_a_near_miss_that_is_noted() {
        for text in [
            "# M\ntag: v1\n",
            "# M\n- tag: v1\n",
            "# M\n\n- v1\n",
            "# more\n# M\n- v1\n",
            "image: {tag: v1} # M\n",
            "args: [v1] # M\n",
            "tag: # M\n",
            "tag: # M\n  v1\n",
            "tag: ~ # M\n",
            "a: &t v1\ntag: *t # M\n",
            "a: |\n  tag: v1 # M\n",
            "a: >\n  v1\n  # M\n",
            "- # M\n  v1\n",
            "a: v1\n# M\n",
        ] {
            let text = text.replace('M', "{\"$imagepolicy\": \"ns:p:tag\"}");
            let scan = found(&text);
            assert!(scan.references.is_empty(), "{text}");
            assert_eq!(scan.notes.len(), 1, "{text}");
        }
    }

    #[test]
    fn our_own_marker_may_follow_other_comment_lines() {
        assert_eq!(marked("# why\n# landwaiter: web:tag\n- v1\n"), ["v1"]);
    }

    #[test]
    fn holds_stand_on_the_line_or_directly_above() {
        for text in [
            "tag: v1 # landwaiter: web:tag\n",
            "a: 1\n# landwaiter-hold: x\ntag: v1 # landwaiter: web:tag\n",
            "# landwaiter-hold: x\n# and more\ntag: v1 # landwaiter: web:tag\n",
            "# landwaiter: web:tag\n- v1 # landwaiter-hold: x\n",
            "# landwaiter-hold: x\n# landwaiter: web:tag\n- v1\n",
            "kind: Kustomization\nimages:\n# landwaiter-hold: x\n- name: a\n  newTag: v1\n",
            "kind: Kustomization\nimages:\n- name: a # landwaiter-hold: x\n  newTag: v1\n",
        ] {
            let scan = found(text);
            assert_eq!(scan.references[0].hold.is_some(), text.contains("hold"), "{text}");
            assert!(scan.notes.is_empty(), "{:?}", scan.notes);
        }
    }

    #[test]
    fn a_hold_elsewhere_holds_nothing_and_is_noted() {
        for text in [
            "# landwaiter-hold: x\n\ntag: v1 # landwaiter: web:tag\n",
            "a: b # landwaiter-hold: x\ntag: v1 # landwaiter: web:tag\n",
            "tag: v1 # landwaiter: web:tag\n# landwaiter-hold: x\n",
        ] {
            let scan = found(text);
            assert_eq!((scan.references[0].hold.clone(), scan.notes.len()), (None, 1), "{text}");
        }
        let odd = found("# landwaiter-hold\ntag: v1 # landwaiter: web:tag\n");
        assert!(odd.references[0].hold.is_some(), "a hold that cannot be read holds all the same");
        assert_eq!(odd.notes.len(), 1);
    }
}
