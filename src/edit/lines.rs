//! The proof by lines: where values change on lines that hold together, only these lines are read again.
//!
//! ```yaml
//! containers:
//!   - name: web
//!     image: ghcr.io/acme/web:1.4.2   # the line that changes: nothing begins above it and goes on, or goes on below it
//! ```
//!
//! YAML is read from left to right, and what a reader has seen when it comes to a line is all that it knows. Let the old
//! document be read up to the changed line, and say of that line:
//!
//! 1. No scalar and no flow collection is open where it begins or where it ends. What is read on it depends on the text
//!    before it only by the indentation of the block collections around, by anchors and by tag shorthands.
//! 2. Behind the first changed scalar no block collection begins, so that the columns that a change moves mean nothing.
//! 3. Read alone, the old and the new line are the same events, values, styles, tags, anchors and comments, but for the
//!    intended scalars. A line that needs an anchor or a shorthand from elsewhere cannot be read alone.
//! 4. All other bytes of the document are equal.
//!
//! Then a reader is in the same state before the line in both texts (4), reads the intended scalar and otherwise the same on
//! it (1, 2, 3), and is in the same state behind it: whether a plain scalar at the end of the line goes on below is decided
//! by the indentation of the lines below, which are the same (4), and in the old text it did not (1); a quoted one in its
//! place ends with its quote. So the rest is read alike, line by line.
//!
//! Whatever does not fit (block scalars, keys that change, come or go, collections over several lines, aliases) is read in full by
//! [`super::proof`], which also has the last word where this proof fails. With debug assertions, as in every test and
//! under the fuzzer, it is asked in any case, and must agree.

use super::proof::Document;
use super::splice::{Meaning, Splice};
use crate::text::Span;
use crate::yaml::{Event, Events, Kind, Layout, Piece};

/// A line of the old text, with its line break, and the splices on it.
struct Line<'s> {
    span: Span,
    splices: &'s [Splice],
}

/// Whether one document is proven; `moved` says by how many bytes the splices before it moved it. `false` proves nothing.
pub(super) fn hold(
    (old, before): (&str, Piece),
    (new, after): (&str, Piece),
    splices: &[Splice],
    moved: isize,
) -> bool {
    let Some(lines) = lines(old, before, splices) else { return false };
    stand_alone(old, before, &lines) && read_alike((old, before), (new, after), &lines, moved)
}

/// The lines that change; `None` where a splice is anything but a value on one line. Keys are no values: where a mapping
/// begins, and how far a reader looks for its colon, depends on them.
fn lines<'s>(text: &str, piece: Piece, splices: &'s [Splice]) -> Option<Vec<Line<'s>>> {
    let mut lines: Vec<Line<'s>> = Vec::new();
    let mut first = 0;
    for (at, splice) in splices.iter().enumerate() {
        let scalar = scalar(splice)?;
        let inside = scalar.start <= splice.span.start && splice.span.end <= scalar.end;
        let twice = at > 0 && self::scalar(&splices[at - 1]) == Some(scalar);
        let rest = text.get(scalar.end..piece.span.end)?.trim_start_matches([' ', '\t']);
        if !inside || twice || rest.starts_with(':') || has_break(scalar.of(text)?) || has_break(&splice.text) {
            return None;
        }
        match lines.last_mut().filter(|line| scalar.start < line.span.end) {
            Some(line) => line.splices = &splices[first..=at],
            None => {
                first = at;
                lines.push(Line { span: line(text, piece, scalar)?, splices: &splices[at..=at] });
            }
        }
    }
    Some(lines)
}

fn scalar(splice: &Splice) -> Option<Span> {
    match splice.meaning {
        Meaning::Value { scalar, .. } => Some(scalar),
        _ => None,
    }
}

fn has_break(text: &str) -> bool {
    memchr::memchr2(b'\n', b'\r', text.as_bytes()).is_some()
}

/// The line of a document that the scalar lies on.
fn line(text: &str, piece: Piece, scalar: Span) -> Option<Span> {
    let before = text.get(piece.span.start..scalar.start)?.as_bytes();
    let rest = text.get(scalar.end..piece.span.end)?.as_bytes();
    let start = memchr::memrchr2(b'\n', b'\r', before).map_or(0, |at| at + 1);
    let length = match memchr::memchr2(b'\n', b'\r', rest) {
        Some(at) if rest[at..].starts_with(b"\r\n") => at + 2,
        Some(at) => at + 1,
        None => rest.len(),
    };
    Some(Span::new(piece.span.start + start, scalar.end + length))
}

/// Reads the old document as far as its last line that changes: whether the scalars stand there and the lines hold together.
fn stand_alone(text: &str, piece: Piece, lines: &[Line<'_>]) -> bool {
    let Some(last) = lines.last() else { return false };
    let mut expected = lines.iter().flat_map(|line| line.splices);
    let mut next = expected.next();
    let mut flow = Vec::new();
    for event in Events::new(text, piece) {
        let Ok(Event { kind, span, .. }) = event else { return false };
        // What may take several lines, and begins here.
        let whole = match kind {
            Kind::MappingStart(Layout::Flow) | Kind::SequenceStart(Layout::Flow) => {
                flow.push(span.start);
                continue;
            }
            Kind::MappingEnd | Kind::SequenceEnd if !flow.is_empty() => {
                let start = flow.pop().unwrap_or(span.start);
                Span::new(start, span.end)
            }
            Kind::MappingStart(Layout::Block) | Kind::SequenceStart(Layout::Block) => {
                if at(lines, span.start).is_some_and(|line| moved_on(line, span.start)) {
                    return false;
                }
                continue;
            }
            Kind::Scalar { ref value, style } => {
                if let Some(Splice { meaning: Meaning::Value { scalar, old, .. }, .. }) = next
                    && *scalar == span
                {
                    if value != old || span.is_empty() {
                        return false;
                    }
                    next = expected.next();
                }
                if style.is_block() && at(lines, span.start).is_some() {
                    return false;
                }
                span
            }
            Kind::Alias(_) => span,
            _ => continue,
        };
        if crosses(lines, whole) {
            return false;
        }
        if flow.is_empty() && span.start >= last.span.end {
            break;
        }
    }
    next.is_none()
}

/// The line that changes and that holds this byte.
fn at<'l, 's>(lines: &'l [Line<'s>], offset: usize) -> Option<&'l Line<'s>> {
    let line = lines.get(lines.partition_point(|line| line.span.end <= offset))?;
    (line.span.start <= offset).then_some(line)
}

/// Whether a change on the line moves the column of this byte.
fn moved_on(line: &Line<'_>, offset: usize) -> bool {
    line.splices.first().is_some_and(|splice| splice.span.start < offset)
}

/// Whether the bytes begin or end on a line that changes and do not lie on it.
fn crosses(lines: &[Line<'_>], whole: Span) -> bool {
    let near = lines.get(lines.partition_point(|line| line.span.end <= whole.start));
    near.is_some_and(|line| {
        line.span.start < whole.end && !(line.span.start <= whole.start && whole.end <= line.span.end)
    })
}

/// Whether each line reads alone as it should, and all bytes between the lines are the same.
fn read_alike((old, before): (&str, Piece), (new, after): (&str, Piece), lines: &[Line<'_>], mut moved: isize) -> bool {
    let alone = |piece: Piece, span| Piece { index: piece.index, span };
    let shifted = |at: usize, by: isize| at.saturating_add_signed(by);
    let (mut was, mut is) = (before.span.start, after.span.start);
    for line in lines {
        let start = shifted(line.span.start, moved);
        let grown: isize =
            line.splices.iter().map(|splice| splice.text.len() as isize - splice.span.len() as isize).sum();
        let changed = Span::new(start, shifted(line.span.end, moved + grown));
        if old.get(was..line.span.start) != new.get(is..start) || new.get(is..start).is_none() {
            return false;
        }
        let (from, to) = (Events::new(old, alone(before, line.span)), Events::new(new, alone(after, changed)));
        if Document::new(old, line.splices, moved).compare(from, to).is_err() {
            return false;
        }
        moved += grown;
        (was, is) = (line.span.end, changed.end);
    }
    let rest = old.get(was..before.span.end);
    rest.is_some() && rest == new.get(is..after.span.end)
}

#[cfg(test)]
mod tests {
    use super::super::splice::join;
    use super::*;
    use crate::yaml::documents;

    /// Whether the text is proven by lines when each `v1` becomes `to`, which reads `value`.
    fn proven(text: &str, to: &str, value: &str) -> bool {
        let splices = text.match_indices("v1").map(|(start, old)| {
            let span = Span::new(start, start + old.len());
            let meaning = Meaning::Value { scalar: span, old: old.into(), new: value.into() };
            Splice { span, text: to.into(), meaning }
        });
        let splices = splices.collect::<Vec<_>>();
        let new = join(text, &splices);
        hold((text, documents(text)[0]), (&new, documents(&new)[0]), &splices, 0)
    }

    #[test]
    fn values_on_lines_that_hold_together_are_proven() {
        for text in [
            "a: v1\n",
            "v1",
            "a:\n  - b: v1 # c\n    d: e\n",
            "- - a: v1\r\n    b: |\r\n      c\r\n- v1\r\n",
            "a: {b: v1, c: v1} # d\n",
            "a: &x !!str v1\nb: *x\n",
            "a: 'x\n  y'\nb: v1\nc: [\n  d]\n",
            "? v1\n: v1\n",
            "\u{feff}---\na: v1\rb: v1",
        ] {
            for to in ["v2", "\"v2\""] {
                assert!(proven(text, to, "v2"), "{text:?} {to}");
            }
        }
    }

    #[test]
    fn what_the_line_alone_does_not_tell_is_left_to_the_full_proof() {
        for text in [
            // open where the line begins or ends
            "a: {b: v1,\n  c: d}\n",
            "a: {b: c,\n  d: v1}\n",
            "a: {b: c,\n  d: v1,\n  e: f}\n",
            "a: [v1, 'x\n  y']\n",
            "- v1\n  x\n",
            "- |\n  v1\n",
            // a key
            "v1: x\n",
            "a: {v1 : x}\n",
            // known elsewhere
            "a: &x b\nc: {*x : v1}\n",
            "%TAG !e! tag:example.com,2002:\n---\na: !e!b v1\n",
            // not the scalars that stand there
            "a: xv1\n",
            "a: b # v1\n",
            "a: |\n  v1\n",
        ] {
            assert!(!proven(text, "v2", "v2"), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_intended_is_never_proven() {
        for (to, value) in [
            ("v2", "v3"),
            ("'v2'", "v2"),
            ("v2 # x", "v2"),
            ("v2: x", "v2"),
            ("&y v2", "v2"),
            ("!!str v2", "v2"),
            ("[v2]", "v2"),
            ("v2, v3", "v2"),
            ("\"v2", "v2"),
            ("", ""),
        ] {
            for text in ["a: v1\nb: c\n", "- {a: v1}\n- b\n"] {
                assert!(!proven(text, to, value), "{text:?} {to}");
            }
        }
        let (text, span) = ("a: v1\nb: c\n", Span::new(3, 5));
        let meaning = Meaning::Value { scalar: span, old: "v1".into(), new: "v2".into() };
        let splices = [Splice { span, text: "v2".into(), meaning }];
        for new in ["a: v2\nb: d\n", "a: v2\nb: c\n\n", "a: v2\nb: c", "a: v2\n\nb: c\n", "a:  v2\nb: c\n"] {
            assert!(!hold((text, documents(text)[0]), (new, documents(new)[0]), &splices, 0), "{new:?}");
        }
    }
}
