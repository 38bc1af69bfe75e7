//! The order in which people read words with numbers: `b5` before `b10`, `rc.2` before `rc.10`.
//!
//! A text is taken as runs of digits and runs of letters; what separates them does not count, nor does the case of
//! letters. Digits compare as numbers, letters by bytes, a number stands before a word, and of two texts that begin alike
//! the shorter one comes first. Equal texts in this order may differ as bytes (`rc1`, `RC.1`): callers that need a total
//! order break the tie themselves.
//!
//! ```
//! use landwaiter::version::natural::compare;
//! assert!(compare("b5", "b10").is_lt());
//! assert!(compare("rc1", "RC.1").is_eq());
//! ```

use super::number::compare_digits;
use std::cmp::Ordering;

/// Compares two texts run by run.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (runs(a), runs(b));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(Run::Digits(a)), Some(Run::Digits(b))) => compare_digits(a, b),
            (Some(Run::Digits(_)), Some(Run::Letters(_))) => Ordering::Less,
            (Some(Run::Letters(_)), Some(Run::Digits(_))) => Ordering::Greater,
            (Some(Run::Letters(a)), Some(Run::Letters(b))) => letters(a).cmp(letters(b)),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// A maximal run of one kind of character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run<'a> {
    Digits(&'a str),
    Letters(&'a str),
}

/// The runs of ASCII digits and of ASCII letters in `text`, in order; all other characters only separate them.
pub fn runs(text: &str) -> impl Iterator<Item = Run<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.find(|c: char| c.is_ascii_alphanumeric())?;
        let tail = &rest[start..];
        let numeric = tail.starts_with(|c: char| c.is_ascii_digit());
        let same = |c: char| c.is_ascii_alphanumeric() && c.is_ascii_digit() == numeric;
        let (run, after) = tail.split_at(tail.find(|c| !same(c)).unwrap_or(tail.len()));
        rest = after;
        Some(if numeric { Run::Digits(run) } else { Run::Letters(run) })
    })
}

fn letters(run: &str) -> impl Iterator<Item = u8> {
    run.bytes().map(|b| b.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_in_words_count_as_numbers() {
        for (lower, higher) in [
            ("b5", "b10"),
            ("rc.2", "rc.10"),
            ("RC1", "rc2"),
            ("alpha", "beta"),
            ("alpha", "alpha.1"),
            ("alpha.1", "alpha.beta"),
            ("preview2", "preview2.1"),
            ("", "a"),
        ] {
            assert_eq!(compare(lower, higher), Ordering::Less, "{lower} {higher}");
            assert_eq!(compare(higher, lower), Ordering::Greater, "{higher} {lower}");
        }
        assert_eq!(compare("rc-01", "RC.1"), Ordering::Equal);
    }

    proptest! {
        #[test]
        fn the_order_is_transitive(mut texts in proptest::collection::vec("[a-c0-2.é-]{0,5}", 3)) {
            texts.sort_by(|a, b| compare(a, b));
            prop_assert_ne!(compare(&texts[0], &texts[2]), Ordering::Greater);
            prop_assert_eq!(compare(&texts[0], &texts[2]), compare(&texts[2], &texts[0]).reverse());
        }
    }
}
