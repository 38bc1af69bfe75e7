//! Splices inside a text that is itself a scalar: `helm.values: |` and inline patches.
//!
//! ```yaml
//! values: |
//!   image:
//!     tag: v1        # the splice: four bytes of the file, and of the text that `values` holds
//! ```
//!
//! The inner text is proven like a file of its own. The outer file is then proven with the outer scalar as the one value
//! that changes, from the old inner text to the new one.

use super::EditError;
use super::proof;
use super::splice::{Meaning, Splice, join};
use crate::site::Within;
use crate::text::Span;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Says of every inner splice what the outer scalar must read afterwards. The splices must be settled.
pub(super) fn raise(mut splices: Vec<Splice>) -> Result<Vec<Splice>, EditError> {
    let mut texts: BTreeMap<Span, (Arc<str>, Vec<Splice>)> = BTreeMap::new();
    for splice in &splices {
        if let Meaning::Inner { scalar, within, old, new } = &splice.meaning {
            let (_, inner) = texts.entry(within.scalar).or_insert_with(|| (within.text.clone(), Vec::new()));
            inner.push(inside(splice, *scalar, within, (old, new)));
        }
    }
    let mut outer = BTreeMap::new();
    for (scalar, (old, mut inner)) in texts {
        inner.sort_by_key(|splice| splice.span);
        let new = join(&old, &inner);
        proof::prove(&old, &new, &inner)?;
        outer.insert(scalar, (old, new));
    }
    for splice in &mut splices {
        if let Meaning::Inner { within, .. } = &splice.meaning
            && let Some((old, new)) = outer.get(&within.scalar)
        {
            splice.meaning = Meaning::Value { scalar: within.scalar, old: old.to_string(), new: new.clone() };
        }
    }
    Ok(splices)
}

/// The same splice in the inner text. An inner scalar lies on one line, so that all its bytes moved by the same amount.
fn inside(splice: &Splice, scalar: Span, within: &Within, (old, new): (&str, &str)) -> Splice {
    let start = within.span.start + (splice.span.start - scalar.start);
    Splice {
        span: Span::new(start, start + splice.span.len()),
        text: splice.text.clone(),
        meaning: Meaning::Value { scalar: within.span, old: old.to_owned(), new: new.to_owned() },
    }
}
