//! Splices inside a text that is itself a scalar: `helm.values: |` and inline patches.
//!
//! ```yaml
//! values: |
//!   image:
//!     tag: v1        # the splice: two bytes of the file, and of the text that `values` holds
//!     digest: ...    # the splice: a line of the file, and one of the text, which is indented less
//! ```
//!
//! The inner text is proven like a file of its own. The outer file is then proven with the outer scalar as the one value
//! that changes, from the old inner text to the new one.

use super::EditError;
use super::proof;
use super::splice::{Meaning, Splice, join, settle};
use crate::text::Span;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Says of every outer scalar what it must read afterwards. The splices must be settled.
pub(super) fn raise(mut splices: Vec<Splice>) -> Result<Vec<Splice>, EditError> {
    let mut texts: BTreeMap<Span, (Arc<str>, Vec<Splice>)> = BTreeMap::new();
    for splice in &splices {
        if let Meaning::Inner { scalar, text, splice } = &splice.meaning {
            let (_, inner) = texts.entry(*scalar).or_insert_with(|| (text.clone(), Vec::new()));
            inner.push((**splice).clone());
        }
    }
    let mut outer = BTreeMap::new();
    for (scalar, (old, inner)) in texts {
        let inner = settle(&old, inner)?;
        let new = join(&old, &inner);
        proof::prove(&old, &new, &inner)?;
        outer.insert(scalar, (old, new));
    }
    for splice in &mut splices {
        if let Meaning::Inner { scalar, .. } = splice.meaning
            && let Some((old, new)) = outer.remove(&scalar)
        {
            // One splice speaks for all of its scalar: the texts may be large, and the splices many.
            splice.meaning = Meaning::Value { scalar, old: old.to_string(), new };
        }
    }
    Ok(splices)
}
