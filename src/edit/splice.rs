//! Splices: which bytes are replaced by which text, and what a reader must see afterwards.

use super::EditError;
use crate::text::{Span, position};
use std::sync::Arc;

/// One replacement in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Splice {
    /// The bytes that go; empty for an insertion.
    pub(super) span: Span,
    pub(super) text: String,
    pub(super) meaning: Meaning,
}

/// What the splice does to the parsed document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The scalar at `scalar` reads `old` before and `new` after.
    Value { scalar: Span, old: String, new: String },
    /// A change of the YAML text that the scalar at `scalar` holds and that reads `text`; `splice` is the same change in terms
    /// of that text. [`super::nested`] lets one splice of each such scalar say what it reads.
    Inner { scalar: Span, text: Arc<str>, splice: Box<Splice> },
    /// Bytes that are not read as YAML, which are `old` before.
    Raw { old: String },
    /// One more pair of a mapping.
    Pair { key: String, value: String },
    /// One pair less: these two scalars, and the comment that stands with them in the bytes that go.
    Gone { key: Span, value: Span },
}

impl Splice {
    /// What the splice does to the text that it is about, which may be that of a scalar.
    fn innermost(&self) -> &Meaning {
        match &self.meaning {
            Meaning::Inner { splice, .. } => splice.innermost(),
            meaning => meaning,
        }
    }
}

/// Sorts the splices, merges those that are the same and refuses those that touch each other.
pub(super) fn settle(text: &str, mut splices: Vec<Splice>) -> Result<Vec<Splice>, EditError> {
    // A stable sort: keys inserted at one place stay in the order in which they were asked for.
    splices.sort_by_key(|splice| (splice.span, !splice.span.is_empty()));
    let mut settled: Vec<Splice> = Vec::with_capacity(splices.len());
    for splice in splices {
        if settled.iter().rev().take_while(|last| last.span == splice.span).any(|last| *last == splice) {
            continue;
        }
        if settled.last().is_some_and(|last| collide(last, &splice)) {
            let line = position(text, splice.span.start).line;
            return Err(EditError::Conflict { line });
        }
        settled.push(splice);
    }
    Ok(settled)
}

/// Whether two neighbours in sorted order cannot both be made.
fn collide(first: &Splice, second: &Splice) -> bool {
    match (first.innermost(), second.innermost()) {
        (Meaning::Value { .. }, Meaning::Value { .. }) => {
            second.span.start < first.span.end || first.span == second.span
        }
        (Meaning::Pair { key: a, .. }, Meaning::Pair { key: b, .. }) => first.span == second.span && a == b,
        _ => second.span.start < first.span.end,
    }
}

/// The text with all splices made; they must be settled.
pub(super) fn join(text: &str, splices: &[Splice]) -> String {
    let grown: usize = splices.iter().map(|splice| splice.text.len()).sum();
    let mut new = String::with_capacity(text.len() + grown);
    let mut done = 0;
    for splice in splices {
        new += text.get(done..splice.span.start).unwrap_or_default();
        new += &splice.text;
        done = splice.span.end;
    }
    new += text.get(done..).unwrap_or_default();
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(start: usize, end: usize, text: &str) -> Splice {
        Splice {
            span: Span::new(start, end),
            text: text.into(),
            meaning: Meaning::Value { scalar: Span::new(start, end), old: String::new(), new: text.into() },
        }
    }

    fn pair(at: usize, key: &str) -> Splice {
        Splice {
            span: Span::new(at, at),
            text: format!("{key};"),
            meaning: Meaning::Pair { key: key.into(), value: String::new() },
        }
    }

    #[test]
    fn splices_are_sorted_and_equal_ones_merged() {
        let splices =
            vec![value(4, 5, "Y"), pair(3, "k"), value(0, 1, "X"), value(4, 5, "Y"), pair(3, "l"), pair(3, "k")];
        let settled = settle("abcdef", splices).unwrap();
        assert_eq!(join("abcdef", &settled), "Xbck;l;dYf");
    }

    #[test]
    fn splices_that_want_different_things_of_one_place_are_refused() {
        for splices in [
            vec![value(1, 3, "X"), value(2, 4, "Y")],
            vec![value(1, 3, "X"), value(1, 3, "Y")],
            vec![value(1, 3, "X"), pair(2, "k")],
        ] {
            assert_eq!(settle("\nabcdef", splices).unwrap_err(), EditError::Conflict { line: 2 });
        }
        assert!(settle("abcdef", vec![value(0, 3, "X"), pair(3, "k"), value(3, 4, "Y")]).is_ok());
    }
}
