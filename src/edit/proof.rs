//! The proof that a rewritten text differs from the old one in the intended values only.
//!
//! Both texts are cut into documents, which nothing but `---` and `...` at the beginning of a line can end
//! ([`yaml::documents`]); their number must be the same. Documents without a splice must be the same bytes and need no
//! look. Of the others [`super::lines`] proves those whose changes stay on their lines. All that are left are parsed side
//! by side, and every pair of events must be equal in kind, value, style, anchor, tag and comment text, but for the scalars
//! that a splice names, and for the pairs that a splice inserts or takes out. What lies outside of the splices is copied.

use super::splice::{Meaning, Splice};
use super::{EditError, lines};
use crate::text::{Span, position};
use crate::yaml::{self, Event, Events, Kind, Style};
use std::collections::{BTreeMap, HashMap, HashSet};

type Parsed<'e> = Result<Event<'e>, yaml::Problem>;

/// Compares the texts; `splices` are settled and lead from `old` to `new`.
pub(super) fn prove(old: &str, new: &str, splices: &[Splice]) -> Result<(), EditError> {
    compare(old, new, splices).map_err(|problem| stale(old, splices).unwrap_or(problem))
}

/// Whether the proof fails because the old text is not the one that the splices were made for: a scalar that they name does
/// not stand there.
fn stale(old: &str, splices: &[Splice]) -> Option<EditError> {
    let mut scalars = HashMap::new();
    for event in yaml::documents(old).into_iter().flat_map(|piece| Events::new(old, piece)) {
        if let Ok(Event { kind: Kind::Scalar { value, .. }, span, .. }) = event {
            scalars.insert(span, value);
        }
    }
    let reads = |span: &Span, text: &str| scalars.get(span).is_some_and(|value| value == text);
    let lost = splices.iter().find_map(|splice| match &splice.meaning {
        Meaning::Value { scalar, old, .. } => (!reads(scalar, old)).then_some(*scalar),
        Meaning::Gone { key, value } => [*key, *value].into_iter().find(|span| !scalars.contains_key(span)),
        Meaning::Inner { .. } | Meaning::Raw { .. } | Meaning::Pair { .. } => None,
    });
    lost.map(|span| EditError::Stale { line: position(old, span.start).line })
}

fn compare(old: &str, new: &str, splices: &[Splice]) -> Result<(), EditError> {
    let unproven = |what: &str| Err(EditError::Unproven(what.to_owned()));
    yaml::text(new.as_bytes()).map_err(|problem| EditError::Unproven(problem.message))?;
    let (before, after) = (yaml::documents(old), yaml::documents(new));
    if before.len() != after.len() {
        return unproven("the number of documents changed");
    }
    let mut left = splices;
    let mut moved = 0_isize;
    for (before, after) in before.into_iter().zip(after) {
        // An insertion may stand at the very end of its document, after the last line.
        let inside = left.partition_point(|splice| splice.span.end <= before.span.end);
        let (here, rest) = left.split_at(inside);
        left = rest;
        if here.is_empty() {
            if before.span.of(old) != after.span.of(new) {
                return unproven("a document without a change changed");
            }
        } else {
            let quick = lines::hold((old, before), (new, after), here, moved);
            if !quick || cfg!(debug_assertions) {
                let full = Document::new(old, here, moved).compare(Events::new(old, before), Events::new(new, after));
                debug_assert!(!quick || full.is_ok(), "the proof by lines is wrong: {full:?} {old:?} {new:?}");
                full?;
            }
        }
        moved += here.iter().map(|splice| splice.text.len() as isize - splice.span.len() as isize).sum::<isize>();
    }
    if left.is_empty() { Ok(()) } else { unproven("a change lies outside every document") }
}

/// What is expected of one document.
pub(super) struct Document<'s> {
    text: &'s str,
    /// By the scalar's bytes in the old text (an absent value may begin where the next scalar does): what it reads before
    /// and after.
    values: HashMap<Span, (&'s str, &'s str)>,
    /// By the start of the inserted text in the new text.
    pairs: BTreeMap<usize, Pair<'s>>,
    /// The scalars of the pairs that go, in the old text.
    gone: HashSet<Span>,
    /// The bytes that go with them, in order: a comment there goes too.
    cuts: Vec<Span>,
}

/// An inserted pair of which something is still to come.
struct Pair<'s> {
    /// Where the inserted text ends.
    end: usize,
    /// `None` once it has been seen.
    key: Option<&'s str>,
    value: &'s str,
}

impl<'s> Document<'s> {
    /// `moved`: by how many bytes the splices before this document moved it.
    pub(super) fn new(text: &'s str, splices: &'s [Splice], mut moved: isize) -> Document<'s> {
        let mut document =
            Document { text, values: HashMap::new(), pairs: BTreeMap::new(), gone: HashSet::new(), cuts: Vec::new() };
        for splice in splices {
            let start = splice.span.start.saturating_add_signed(moved);
            match &splice.meaning {
                Meaning::Value { scalar, old, new } => {
                    document.values.insert(*scalar, (old, new));
                }
                // Another splice speaks for the outer scalar; not read as YAML, and proven apart.
                Meaning::Inner { .. } | Meaning::Raw { .. } => {}
                Meaning::Pair { key, value } => {
                    let end = start + splice.text.len();
                    document.pairs.insert(start, Pair { end, key: Some(key), value });
                }
                Meaning::Gone { key, value } => {
                    document.gone.extend([*key, *value]);
                    document.cuts.push(splice.span);
                }
            }
            moved += splice.text.len() as isize - splice.span.len() as isize;
        }
        document
    }

    pub(super) fn compare(mut self, before: Events<'_>, after: Events<'_>) -> Result<(), EditError> {
        let mut before = before.fuse();
        for event in after {
            let event = event.map_err(|problem| EditError::Unproven(format!("not YAML afterwards: {problem}")))?;
            if self.is_inserted(&event)? {
                continue;
            }
            match self.next_that_stays(&mut before) {
                Some(Ok(was)) => self.same(&was, &event)?,
                Some(Err(_)) | None => return Err(EditError::Unproven("the file has more in it than before".into())),
            }
        }
        let ended = self.next_that_stays(&mut before).is_none();
        let done = self.values.is_empty() && self.pairs.is_empty() && self.gone.is_empty();
        if ended && done { Ok(()) } else { Err(EditError::Unproven("an intended change is missing".into())) }
    }

    /// The next event of the old text that the new one must have too.
    fn next_that_stays<'e>(&mut self, before: &mut impl Iterator<Item = Parsed<'e>>) -> Option<Parsed<'e>> {
        before.find(|event| !event.as_ref().is_ok_and(|event| self.goes(event)))
    }

    /// Whether the event is half of a pair that goes, or the comment beside it.
    fn goes(&mut self, event: &Event<'_>) -> bool {
        match event.kind {
            Kind::Scalar { .. } if event.anchor.is_none() && event.tag.is_none() => self.gone.remove(&event.span),
            Kind::Comment(_) => {
                let after = self.cuts.partition_point(|cut| cut.start <= event.span.start);
                after.checked_sub(1).is_some_and(|at| event.span.end <= self.cuts[at].end)
            }
            _ => false,
        }
    }

    /// Whether the event is half of an inserted pair; it must then be the right half.
    fn is_inserted(&mut self, event: &Event<'_>) -> Result<bool, EditError> {
        let Kind::Scalar { value, .. } = &event.kind else {
            return Ok(false);
        };
        let Some((&start, pair)) = self.pairs.range_mut(..=event.span.start).next_back() else {
            return Ok(false);
        };
        if event.span.start >= pair.end {
            return Ok(false);
        }
        let key = pair.key.take();
        if *value != key.unwrap_or(pair.value) || event.anchor.is_some() || event.tag.is_some() {
            return Err(EditError::Unproven("an inserted pair is not the intended one".into()));
        }
        if key.is_none() {
            self.pairs.remove(&start);
        }
        Ok(true)
    }

    /// Whether an event of the new text is what the old one says it must be.
    fn same(&mut self, was: &Event<'_>, is: &Event<'_>) -> Result<(), EditError> {
        let edited = match &was.kind {
            Kind::Scalar { .. } => self.values.remove(&was.span),
            _ => None,
        };
        let Some((old, new)) = edited else {
            let same = was.kind == is.kind && was.tag == is.tag && was.anchor == is.anchor;
            return if same { Ok(()) } else { Err(self.unexpected(was.span, "something else changed")) };
        };
        let (Kind::Scalar { value: read, style: from }, Kind::Scalar { value, style: to }) = (&was.kind, &is.kind)
        else {
            return Err(self.unexpected(was.span, "a value became something else"));
        };
        if read != old {
            let line = position(self.text, was.span.start).line;
            return Err(EditError::Stale { line });
        }
        let kept = from == to || *to == Style::Double;
        if value == new && kept && was.tag == is.tag && was.anchor == is.anchor {
            Ok(())
        } else {
            Err(self.unexpected(was.span, "a value is not the intended one"))
        }
    }

    fn unexpected(&self, span: Span, what: &str) -> EditError {
        EditError::Unproven(format!("line {}: {what}", position(self.text, span.start).line))
    }
}

#[cfg(test)]
mod tests {
    use super::super::splice::join;
    use super::*;

    const OLD: &str = "# top\na: &x v1 # one\nb: [v1, 'v1']\n---\nc: v1\n";

    /// Splices `text` over the first `old` at or after byte `from`, claiming that the scalar there then reads `new`.
    fn splice(from: usize, old: &str, text: &str, new: &str) -> Splice {
        let start = from + OLD[from..].find(old).unwrap();
        let span = Span::new(start, start + old.len());
        Splice {
            span,
            text: text.into(),
            meaning: Meaning::Value { scalar: span, old: old.trim_matches('\'').into(), new: new.into() },
        }
    }

    fn pair(after: &str, text: &str) -> Splice {
        let at = OLD.find(after).unwrap() + after.len();
        Splice {
            span: Span::new(at, at),
            text: text.into(),
            meaning: Meaning::Pair { key: "k".into(), value: "v".into() },
        }
    }

    fn proven(splices: &[Splice]) -> Result<(), EditError> {
        prove(OLD, &join(OLD, splices), splices)
    }

    #[test]
    fn intended_changes_are_proven() {
        for splices in [
            vec![splice(0, "v1", "v2", "v2")],
            vec![splice(0, "v1", "\"v2\"", "v2")],
            vec![splice(20, "'v1'", "'v2'", "v2"), splice(40, "v1", "v3", "v3")],
            vec![pair("# one\n", "k: v\n"), splice(40, "v1", "v3", "v3")],
            vec![pair("'v1']\n", "k: v\n")],
            vec![pair("c: v1\n", "k: v\n")],
        ] {
            assert_eq!(proven(&splices), Ok(()), "{splices:?}");
        }
    }

    #[test]
    fn anything_else_that_changed_is_found() {
        for (splices, why) in [
            (vec![splice(0, "v1", "v2", "v3")], "a value is not the intended one"),
            (vec![splice(0, "v1", "'v2'", "v2")], "a value is not the intended one"),
            (vec![splice(0, "v1", "v2 # two", "v2")], "something else changed"),
            (vec![splice(0, "v1", "!!str v2", "v2")], "a value is not the intended one"),
            (vec![splice(0, "v1", "[v2]", "v2")], "a value became something else"),
            (vec![splice(0, "v1", "v2\nd: v3", "v2")], "something else changed"),
            (vec![splice(20, "v1", "v2, v3", "v2")], "something else changed"),
            (vec![splice(0, "v1", "v2\n---\nd: 1", "v2")], "the number of documents changed"),
            (vec![splice(0, "v1", "v2: x: y", "v2")], "not YAML afterwards"),
            (vec![splice(40, "v1", "v2\nd: e\n", "v2")], "something else changed"),
            (vec![pair("# one\n", "k: w\n")], "an inserted pair is not the intended one"),
            (vec![pair("# one\n", "k: &y v\n")], "an inserted pair is not the intended one"),
            (vec![pair("# one\n", "# k: v\n")], "something else changed"),
            (vec![pair("# one\n", "\n")], "an intended change is missing"),
            (vec![pair("[v1", ", k")], "an intended change is missing"),
        ] {
            let error = proven(&splices).unwrap_err().to_string();
            assert!(error.contains(why), "{error}: {splices:?}");
        }
        let unasked = prove(OLD, &OLD.replace("c: v1", "c: v2"), &[]);
        assert!(unasked.is_err());
    }

    #[test]
    fn a_text_without_the_scalars_that_change_is_another_text() {
        let splices = [splice(0, "v1", "v2", "v2"), splice(40, "v1", "v3", "v3")];
        for other in [OLD.replace("v1", "v4"), OLD.replace("a: ", "a:  "), OLD.replace("---", "- --"), String::new()] {
            let problem = prove(&other, &join(&other, &splices), &splices).unwrap_err();
            assert!(matches!(problem, EditError::Stale { .. }), "{problem}");
        }
    }
}
