//! `select: {numeric: asc}`: the greatest number (`desc`: the smallest), exact at any length.
//!
//! ```yaml
//! tags: {match: '^main-[a-f0-9]+-(?P<run>\d+)$', extract: '$run'}
//! select: {numeric: asc}
//! ```
//!
//! A key that is no plain decimal is passed over, alone. (In Flux it fails the whole policy.)

use super::Order;
use crate::version::number::Number;
use std::cmp::Ordering;

/// The number that a tag's key is.
#[derive(Debug, Clone)]
pub(super) struct Value(Number);

impl Value {
    /// `None` when the key is not a plain decimal.
    pub(super) fn read(key: &str) -> Option<Value> {
        Number::parse(key).map(Value)
    }

    /// Greater is what the order chooses first.
    pub(super) fn compare(&self, other: &Value, order: Order) -> Ordering {
        match order {
            Order::Asc => self.0.cmp(&other.0),
            Order::Desc => other.0.cmp(&self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asc_prefers_the_greatest_and_desc_the_smallest() {
        let (low, high) = (Value::read("9").unwrap(), Value::read("10").unwrap());
        assert_eq!(high.compare(&low, Order::Asc), Ordering::Greater);
        assert_eq!(high.compare(&low, Order::Desc), Ordering::Less);
        assert!(Value::read("latest").is_none());
    }
}
