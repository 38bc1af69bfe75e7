//! The range dialect that Flux, Argo CD, Helm and Kargo users know (Masterminds/semver 3). It is not Cargo's.
//!
//! | written | means |
//! |---|---|
//! | space or comma | and; one of them is required between two comparisons |
//! | `\|\|` | or |
//! | `1.2.3`, `=1.2.3` | exactly that version |
//! | `1.2`, `1.2.x`, `1`, `1.*` | the whole line |
//! | `*`, `x`, `X` | any release |
//! | `!=1.2.3`, `!=1.2` | not that version, not that line |
//! | `>1`, `>1.1` | above the whole line: `>=2.0.0`, `>=1.2.0` |
//! | `>=1.1`, `<1.1` | missing numbers are zero |
//! | `<=1`, `<=1.1` | the whole line included |
//! | `~1`, `~1.2`, `~1.2.3` | `<2`, `<1.3`, `<1.3`, each from the operand; `~>` is the same |
//! | `^1.2.3`, `^0.2.3`, `^0.0.3` | below 2, below 0.3, exactly 0.0.3 |
//! | `=>`, `=<` | `>=`, `<=` |
//! | `1.2 - 2.3` | `>=1.2 <=2.3`; the spaces are part of it |
//!
//! **Pre-releases** are refused unless some operand of the same and-group carries one itself: `>=1.0.0-0` admits all.
//! Odd corners are kept as that library has them, so that a policy brought along means the same: `!=*` refuses `0.0.0`
//! only, `<=*` is 0.0.x, `^*` is 0.0.0, `~0.0.0` is any release.
//!
//! ```
//! use landwaiter::version::range::Range;
//! let range = Range::parse(">=1.4 <2").unwrap();
//! assert!(range.matches(&"1.9.0".parse().unwrap(), false));
//! assert!(!range.matches(&"2.0.0-rc.1".parse().unwrap(), false));
//! ```

mod parse;

use semver::{Prerelease, Version};
use std::fmt;
use std::sync::Arc;

/// The longest range text in bytes. The longest in the wild stay below 200.
pub const MAX_TEXT: usize = 1024;
/// The most alternatives (`||`) of one range.
pub const MAX_ALTERNATIVES: usize = 64;

/// A parsed range. Its display is the text it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    text: Arc<str>,
    alternatives: Vec<Alternative>,
}

/// Comparisons that must all hold.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Alternative {
    comparisons: Vec<Comparison>,
    /// Some operand carries a pre-release, which opens the whole group for them.
    prereleases: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Comparison {
    operator: Operator,
    /// Numbers that were not written, or written as a wildcard, are zero.
    operand: Version,
    precision: Precision,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Tilde,
    Caret,
}

/// How many numbers of the operand were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Precision {
    /// `*`
    Any,
    /// `1`, `1.x`
    Major,
    /// `1.2`, `1.2.x`
    Minor,
    /// `1.2.3`
    Patch,
}

/// Why a text is not a range, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RangeError {
    /// A lowercase fragment.
    pub message: String,
    /// The bytes of the range text that the message speaks of; empty at the end when something is missing there.
    pub span: std::ops::Range<usize>,
    pub hint: String,
}

impl Range {
    /// Reads a range.
    ///
    /// # Errors
    /// When the text is not of the dialect above, or exceeds [`MAX_TEXT`] or [`MAX_ALTERNATIVES`].
    pub fn parse(text: &str) -> Result<Range, RangeError> {
        Ok(Range { alternatives: parse::alternatives(text)?, text: text.into() })
    }

    /// Whether the range admits `version`. With `prereleases`, pre-releases need no operand that opens the way for them.
    /// Build metadata does not count.
    pub fn matches(&self, version: &Version, prereleases: bool) -> bool {
        self.alternatives.iter().any(|alternative| alternative.holds(version, prereleases))
    }

    /// Whether no version at all can satisfy the range, as in `>2 <1`.
    ///
    /// The least version of any non-empty alternative is zero, a bound, or the direct successor of one, so that trying
    /// these is enough.
    pub fn never_matches(&self) -> bool {
        !self.alternatives.iter().any(|alternative| {
            alternative
                .comparisons
                .iter()
                .flat_map(Comparison::witnesses)
                .chain([Version::new(0, 0, 0)])
                .any(|version| alternative.holds(&version, false))
        })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl Alternative {
    fn holds(&self, version: &Version, prereleases: bool) -> bool {
        (version.pre.is_empty() || prereleases || self.prereleases)
            && self.comparisons.iter().all(|comparison| comparison.holds(version))
    }
}

impl Comparison {
    fn holds(&self, version: &Version) -> bool {
        let order = version.cmp_precedence(&self.operand);
        match self.operator {
            Operator::Equal if self.precision == Precision::Patch => order.is_eq(),
            Operator::Equal | Operator::Tilde => order.is_ge() && self.tilde(version),
            Operator::NotEqual => self.not_equal(version),
            Operator::Greater => match self.precision {
                Precision::Major => version.major > self.operand.major,
                Precision::Minor => self.line(version) > (self.operand.major, self.operand.minor),
                Precision::Any | Precision::Patch => order.is_gt(),
            },
            Operator::GreaterOrEqual => order.is_ge(),
            Operator::Less => order.is_lt(),
            Operator::LessOrEqual => match self.precision {
                Precision::Patch => order.is_le(),
                Precision::Major => version.major <= self.operand.major,
                Precision::Any | Precision::Minor => self.line(version) <= (self.operand.major, self.operand.minor),
            },
            Operator::Caret => order.is_ge() && self.caret(version),
        }
    }

    fn line(&self, version: &Version) -> (u64, u64) {
        (version.major, version.minor)
    }

    /// Beyond not being lower: the same line, as far as it is written.
    fn tilde(&self, version: &Version) -> bool {
        let operand = &self.operand;
        let zero = (operand.major, operand.minor, operand.patch) == (0, 0, 0);
        match self.precision {
            Precision::Any => true,
            Precision::Patch if zero => true,
            Precision::Major => version.major == operand.major,
            Precision::Minor | Precision::Patch => self.line(version) == (operand.major, operand.minor),
        }
    }

    /// Beyond not being lower: equal down to the first number that is not zero.
    fn caret(&self, version: &Version) -> bool {
        let operand = &self.operand;
        if operand.major > 0 || self.precision == Precision::Major {
            version.major == operand.major
        } else if operand.minor > 0 || self.precision == Precision::Minor {
            self.line(version) == (0, operand.minor)
        } else {
            self.line(version) == (0, 0) && version.patch == operand.patch
        }
    }

    fn not_equal(&self, version: &Version) -> bool {
        let operand = &self.operand;
        match self.precision {
            Precision::Major => version.major != operand.major,
            Precision::Minor => {
                self.line(version) != (operand.major, operand.minor)
                    || (!(version.pre.is_empty() && operand.pre.is_empty()) && version.pre != operand.pre)
            }
            Precision::Any | Precision::Patch => version.cmp_precedence(operand).is_ne(),
        }
    }

    /// The operand and the versions that directly follow it, its patch, its line and its major.
    fn witnesses(&self) -> Vec<Version> {
        let Version { major, minor, patch, ref pre, .. } = self.operand;
        let mut witnesses = vec![
            self.operand.clone(),
            Version::new(major, minor, patch),
            Version::new(major, minor, patch.saturating_add(1)),
            Version::new(major, minor.saturating_add(1), 0),
            Version::new(major.saturating_add(1), 0, 0),
        ];
        if let Ok(pre) = Prerelease::new(&format!("{pre}.0")) {
            witnesses.push(Version { pre, ..Version::new(major, minor, patch) });
        }
        witnesses
    }
}

#[cfg(test)]
mod tests;
