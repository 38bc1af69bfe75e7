//! Plain decimal numbers, exact at any length: compared by place value, never through a float.
//!
//! A plain decimal is digits, optionally followed by a point and digits: `7`, `007`, `1.50`, `20240101120000`. Signs,
//! exponents, `inf`, `_` and a point without digits on both sides are refused, although Flux takes some of them.
//!
//! ```
//! use landwaiter::version::number::Number;
//! let number = |text| Number::parse(text).unwrap();
//! assert!(number("9007199254740993") > number("9007199254740992")); // equal as 64-bit floats
//! assert!(number("1.9") > number("1.10"));
//! assert_eq!(number("05"), number("5.0"));
//! ```

use std::cmp::Ordering;

/// A number without the zeros that do not count.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Number {
    /// No leading zeros; empty for zero.
    whole: Box<str>,
    /// No trailing zeros; empty for a whole number.
    fraction: Box<str>,
}

impl Number {
    /// `None` when `text` is not a plain decimal.
    pub fn parse(text: &str) -> Option<Number> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (text, None),
        };
        if !digits(whole) || !fraction.is_none_or(digits) {
            return None;
        }
        Some(Number {
            whole: whole.trim_start_matches('0').into(),
            fraction: fraction.unwrap_or_default().trim_end_matches('0').into(),
        })
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        compare_trimmed(&self.whole, &other.whole).then_with(|| self.fraction.cmp(&other.fraction))
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Compares two runs of ASCII digits as whole numbers of any length.
pub fn compare_digits(a: &str, b: &str) -> Ordering {
    compare_trimmed(a.trim_start_matches('0'), b.trim_start_matches('0'))
}

/// Without leading zeros the longer number is the greater one.
fn compare_trimmed(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_plain_decimals_are_numbers() {
        for good in ["0", "7", "007", "1.5", "0.0", "123456789012345678901234567890"] {
            assert!(Number::parse(good).is_some(), "{good}");
        }
        for bad in ["", ".", ".5", "5.", "+3", "-5", "1e3", "inf", "nan", "1_000", "0x10", "1.2.3", " 1", "١"] {
            assert!(Number::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn numbers_stand_in_the_order_of_their_values() {
        let ascending = [
            "0",
            "0.05",
            "0.1",
            "0.10000000000000000001",
            "1.1",
            "1.9",
            "9",
            "10",
            "9007199254740992",
            "9007199254740993",
            "99999999999999999999999",
        ];
        for pair in ascending.windows(2) {
            assert!(Number::parse(pair[0]).unwrap() < Number::parse(pair[1]).unwrap(), "{pair:?}");
        }
        assert_eq!(Number::parse("01.10"), Number::parse("1.1"));
    }

    proptest! {
        #[test]
        fn agrees_with_machine_integers(a in any::<u64>(), b in any::<u64>(), zeros in 0usize..4) {
            let padded = format!("{}{a}", "0".repeat(zeros));
            prop_assert_eq!(Number::parse(&padded).unwrap().cmp(&Number::parse(&b.to_string()).unwrap()), a.cmp(&b));
        }

        #[test]
        fn any_text_is_answered(text in any::<String>()) {
            let _ = Number::parse(&text);
        }
    }
}
