//! `select: {alphabetical: asc}`: the last key in byte order (`desc`: the first).
//!
//! ```yaml
//! tags: {match: '^RELEASE\.(?P<at>.*)Z$', extract: '$at'}
//! select: {alphabetical: asc}
//! ```
//!
//! Bytes know nothing of numbers: `v9` stands above `v10`. Every key has a value: itself.

use super::Order;
use std::cmp::Ordering;

/// Greater is what the order chooses first.
pub(super) fn compare(key: &str, other: &str, order: Order) -> Ordering {
    match order {
        Order::Asc => key.cmp(other),
        Order::Desc => other.cmp(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_decide() {
        let mut keys = ["b", "é", "B", "v10", "v9", "_"];
        keys.sort_by(|a, b| compare(a, b, Order::Asc));
        assert_eq!(keys, ["B", "_", "b", "v10", "v9", "é"]);
        keys.sort_by(|a, b| compare(a, b, Order::Desc));
        assert_eq!(keys, ["é", "v9", "v10", "b", "_", "B"]);
    }
}
