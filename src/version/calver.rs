//! Calendar versions: a pattern of calver.org's tokens, and the values of the tags that it reads.
//!
//! | token | reads |
//! |---|---|
//! | `YYYY` | a year of four digits |
//! | `YY`, `0Y` | a year since 2000: one or two digits, exactly two |
//! | `MM`, `0M` | a month, 1 to 12: with or without its zero, exactly two digits |
//! | `WW`, `0W` | a week, 0 to 53, likewise |
//! | `DD`, `0D` | a day that its month has, likewise |
//! | `MAJOR`, `MINOR`, `MICRO` | a number of at most 64 bits |
//! | `MODIFIER` | at the end, and optional with what separates it: letters, then letters and digits, such as `rc1` |
//!
//! Between tokens stand `.`, `-`, `_`, digits and lowercase letters, which mean themselves. A token of no fixed length is
//! followed by something that is no digit.
//!
//! **Order.** Numbers count in the order of the pattern, except that the year goes before the month (or week) and the month
//! before the day wherever they stand: `0D.0M.YYYY` is ordered by year. A value with a modifier stands below the same one without.
//!
//! ```
//! use landwaiter::version::calver::Pattern;
//! let pattern = Pattern::parse("YYYY.0M.MICRO").unwrap();
//! let (old, rest) = pattern.read("2024.05.12-alpine").unwrap();
//! let (new, _) = pattern.read("2024.11.1").unwrap();
//! assert_eq!(rest, "-alpine");
//! assert!(old.compare(&new).is_lt());
//! ```

use super::natural;
use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// The longest pattern in bytes, as long as the longest tag.
pub const MAX_TEXT: usize = 128;

/// A parsed pattern. Its display is the text it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: Arc<str>,
    pieces: Vec<Piece>,
    /// Which of the numbers read counts first, second and so on.
    order: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(Box<str>),
    Token(Token),
}

/// In the order of their weight as far as they are of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Year,
    Month,
    Week,
    Day,
    Number,
    Modifier,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token {
    word: &'static str,
    kind: Kind,
    /// The fewest and the most digits.
    digits: (usize, usize),
}

const fn token(word: &'static str, kind: Kind, least: usize, most: usize) -> Token {
    Token { word, kind, digits: (least, most) }
}

/// A word that begins another stands behind it.
const TOKENS: [Token; 13] = [
    token("YYYY", Kind::Year, 4, 4),
    token("YY", Kind::Year, 1, 2),
    token("0Y", Kind::Year, 2, 2),
    token("MODIFIER", Kind::Modifier, 0, 0),
    token("MAJOR", Kind::Number, 1, 20),
    token("MINOR", Kind::Number, 1, 20),
    token("MICRO", Kind::Number, 1, 20),
    token("MM", Kind::Month, 1, 2),
    token("0M", Kind::Month, 2, 2),
    token("WW", Kind::Week, 1, 2),
    token("0W", Kind::Week, 2, 2),
    token("DD", Kind::Day, 1, 2),
    token("0D", Kind::Day, 2, 2),
];

/// Why a text is no pattern, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PatternError {
    /// A lowercase fragment.
    pub message: String,
    /// The bytes of the pattern that the message speaks of.
    pub span: Range<usize>,
    pub hint: String,
}

/// What a pattern reads in a text. Values are compared with values of the same pattern only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The heaviest first.
    numbers: Vec<u64>,
    /// Empty when there is none.
    modifier: Box<str>,
}

impl Value {
    /// The total order of the pattern's values.
    pub fn compare(&self, other: &Value) -> Ordering {
        let plain = self.modifier.is_empty().cmp(&other.modifier.is_empty());
        self.numbers.cmp(&other.numbers).then(plain).then_with(|| natural::compare(&self.modifier, &other.modifier))
    }
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it has an unknown word, a token twice, no year, a day without its month, or when where one number ends and
    /// the next begins could not be told.
    pub fn parse(text: &str) -> Result<Pattern, PatternError> {
        if text.len() > MAX_TEXT {
            let message = format!("longer than {MAX_TEXT} characters");
            return Err(PatternError { message, span: 0..text.len(), hint: String::new() });
        }
        let pieces = split(text)?;
        check(text, &pieces)?;
        let order = order(&pieces);
        Ok(Pattern { text: text.into(), pieces: pieces.into_iter().map(|(piece, _)| piece).collect(), order })
    }

    /// The value at the front of `text`, and what follows it; `None` when the pattern does not read it. What follows
    /// begins with no digit.
    pub fn read<'t>(&self, text: &'t str) -> Option<(Value, &'t str)> {
        let mut rest = text;
        let mut found: Vec<(Kind, u64)> = Vec::with_capacity(self.order.len());
        let mut modifier = "";
        for (at, piece) in self.pieces.iter().enumerate() {
            match piece {
                Piece::Literal(literal) => match rest.strip_prefix(&**literal) {
                    Some(after) => rest = after,
                    // What separates a modifier goes with it.
                    None if self.is_modifier(at + 1) => break,
                    None => return None,
                },
                Piece::Token(Token { kind: Kind::Modifier, .. }) => (modifier, rest) = self.modifier(rest, at, text)?,
                Piece::Token(token) => {
                    let (number, after) = token.read(rest)?;
                    found.push((token.kind, number));
                    rest = after;
                }
            }
        }
        if rest.starts_with(|c: char| c.is_ascii_digit()) || !is_date(&found) {
            return None;
        }
        let numbers = self.order.iter().filter_map(|at| found.get(*at).map(|(_, number)| *number)).collect();
        Some((Value { numbers, modifier: modifier.into() }, rest))
    }

    /// Whether the pattern says where a modifier stands.
    pub fn has_modifier(&self) -> bool {
        self.is_modifier(self.pieces.len().wrapping_sub(1))
    }

    fn is_modifier(&self, at: usize) -> bool {
        matches!(self.pieces.get(at), Some(Piece::Token(Token { kind: Kind::Modifier, .. })))
    }

    /// The modifier at the front of `rest`. Where there is none, the separator before it is not taken either.
    fn modifier<'t>(&self, rest: &'t str, at: usize, text: &'t str) -> Option<(&'t str, &'t str)> {
        if rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
            return Some(rest.split_at(end));
        }
        let separator = match at.checked_sub(1).and_then(|before| self.pieces.get(before)) {
            Some(Piece::Literal(literal)) => literal.len(),
            _ => 0,
        };
        Some(("", text.get(text.len() - rest.len() - separator..)?))
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl Token {
    fn read<'t>(&self, text: &'t str) -> Option<(u64, &'t str)> {
        let (least, most) = self.digits;
        let run = text.bytes().take_while(u8::is_ascii_digit).count();
        let taken = if self.is_fixed() { most } else { run };
        if run < least || (taken > most && self.kind != Kind::Number) {
            return None;
        }
        let number: u64 = text.get(..taken)?.parse().ok()?;
        let valid = match self.kind {
            Kind::Month => (1..=12).contains(&number),
            Kind::Week => number <= 53,
            Kind::Day => (1..=31).contains(&number),
            Kind::Year | Kind::Number | Kind::Modifier => true,
        };
        let number = if self.kind == Kind::Year && most == 2 { 2000 + number } else { number };
        valid.then_some((number, &text[taken..]))
    }

    fn is_fixed(&self) -> bool {
        self.digits.0 == self.digits.1
    }
}

/// Whether the month of that year has that day, as far as they were read.
fn is_date(found: &[(Kind, u64)]) -> bool {
    let one = |wanted: Kind| found.iter().find(|(kind, _)| *kind == wanted).map(|(_, number)| *number);
    let (Some(year), Some(month), Some(day)) = (one(Kind::Year), one(Kind::Month), one(Kind::Day)) else {
        return true;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    day <= days
}

type Placed = (Piece, Range<usize>);

fn split(text: &str) -> Result<Vec<Placed>, PatternError> {
    let mut pieces: Vec<Placed> = Vec::new();
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        if let Some(token) = TOKENS.into_iter().find(|token| text[at..].starts_with(token.word)) {
            pieces.push((Piece::Token(token), at..at + token.word.len()));
            at += token.word.len();
        } else if next.is_ascii_lowercase() || next.is_ascii_digit() || matches!(next, '.' | '-' | '_') {
            match pieces.last_mut() {
                Some((Piece::Literal(literal), span)) => {
                    *literal = format!("{literal}{next}").into();
                    span.end += 1;
                }
                _ => pieces.push((Piece::Literal(next.to_string().into()), at..at + 1)),
            }
            at += 1;
        } else {
            let end = text[at..].find(|c: char| !c.is_alphanumeric()).map_or(text.len(), |i| at + i);
            let end = end.max(at + next.len_utf8());
            return Err(PatternError {
                message: format!("`{}` is no token", text[at..end].escape_debug()),
                span: at..end,
                hint: "tokens are YYYY, YY, 0Y, MM, 0M, WW, 0W, DD, 0D, MAJOR, MINOR, MICRO and MODIFIER".to_owned(),
            });
        }
    }
    Ok(pieces)
}

/// What tokens must not mean together.
fn check(text: &str, pieces: &[Placed]) -> Result<(), PatternError> {
    let fail = |span: &Range<usize>, message: String, hint: &str| {
        Err(PatternError { message, span: span.clone(), hint: hint.to_owned() })
    };
    let tokens: Vec<(Token, &Range<usize>)> = pieces
        .iter()
        .filter_map(|(piece, span)| match piece {
            Piece::Token(token) => Some((*token, span)),
            Piece::Literal(_) => None,
        })
        .collect();
    let has = |kind: Kind| tokens.iter().any(|(token, _)| token.kind == kind);
    for (at, (token, span)) in tokens.iter().enumerate() {
        let same = |(other, _): &&(Token, &Range<usize>)| match token.kind {
            Kind::Number => other.word == token.word,
            kind => other.kind == kind,
        };
        if let Some((other, _)) = tokens[..at].iter().find(same) {
            return fail(span, format!("`{}` says again what `{}` says", token.word, other.word), "leave one out");
        }
        if token.kind == Kind::Modifier && span.end < text.len() {
            return fail(span, "`MODIFIER` does not stand at the end".to_owned(), "nothing can follow it");
        }
    }
    for pair in pieces.windows(2) {
        let (Piece::Token(token), span) = &pair[0] else { continue };
        let digit_follows = match &pair[1].0 {
            Piece::Token(next) => next.kind != Kind::Modifier,
            Piece::Literal(literal) => literal.starts_with(|c: char| c.is_ascii_digit()),
        };
        if digit_follows && !token.is_fixed() {
            let message = format!("where `{}` ends cannot be told: it has no fixed length", token.word);
            return fail(span, message, "put a separator behind it, or use the form with `0` in front, such as `0M`");
        }
    }
    let whole = 0..text.len();
    if !has(Kind::Year) {
        return fail(&whole, "the pattern has no year".to_owned(), "begin with `YYYY`, `YY` or `0Y`, or use `semver`");
    }
    if has(Kind::Week) && (has(Kind::Month) || has(Kind::Day)) {
        return fail(&whole, "weeks do not go with months and days".to_owned(), "use one or the other");
    }
    if has(Kind::Day) && !has(Kind::Month) {
        return fail(&whole, "a day needs its month".to_owned(), "add `MM` or `0M`");
    }
    Ok(())
}

/// The places of the numbers by weight: those of the calendar share theirs out among themselves.
fn order(pieces: &[Placed]) -> Vec<usize> {
    let kinds: Vec<Kind> = pieces
        .iter()
        .filter_map(|(piece, _)| match piece {
            Piece::Token(token) if token.kind != Kind::Modifier => Some(token.kind),
            _ => None,
        })
        .collect();
    let dated = |at: &usize| kinds[*at] != Kind::Number;
    let mut calendar: Vec<usize> = (0..kinds.len()).filter(dated).collect();
    calendar.sort_by_key(|at| kinds[*at]);
    let mut calendar = calendar.into_iter();
    (0..kinds.len()).map(|at| if dated(&at) { calendar.next().unwrap_or(at) } else { at }).collect()
}

#[cfg(test)]
mod tests;
