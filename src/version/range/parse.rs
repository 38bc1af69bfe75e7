//! Reads the text of a range: alternatives, comparisons, operands; with the place of whatever is wrong.

use super::{Alternative, Comparison, MAX_ALTERNATIVES, MAX_TEXT, Operator, Precision, RangeError};
use semver::{BuildMetadata, Prerelease, Version};

/// Longer spellings before those they begin with.
const OPERATORS: [(&str, Operator); 11] = [
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterOrEqual),
    ("=>", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("=<", Operator::LessOrEqual),
    ("~>", Operator::Tilde),
    ("=", Operator::Equal),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
];

pub(super) fn alternatives(text: &str) -> Result<Vec<Alternative>, RangeError> {
    if text.len() > MAX_TEXT {
        return Err(error(MAX_TEXT..text.len(), format!("longer than {MAX_TEXT} bytes"), "split the policy in two"));
    }
    let mut reader = Reader { text, at: 0 };
    let mut alternatives = Vec::new();
    loop {
        let start = reader.at;
        alternatives.push(reader.alternative()?);
        if alternatives.len() > MAX_ALTERNATIVES {
            return Err(error(
                start..text.len(),
                format!("more than {MAX_ALTERNATIVES} alternatives"),
                "a simpler range says the same; `tags.exclude` can name exceptions",
            ));
        }
        if !reader.eat("||") {
            return Ok(alternatives);
        }
    }
}

fn error(span: std::ops::Range<usize>, message: impl Into<String>, hint: &str) -> RangeError {
    RangeError { message: message.into(), span, hint: hint.to_owned() }
}

/// What was read of the text so far.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    /// Skips white space; whether there was some.
    fn space(&mut self) -> bool {
        let before = self.at;
        self.at += self.take(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0c)).len();
        self.at > before
    }

    /// The bytes ahead that all satisfy `wanted` (ASCII only); does not move.
    fn take(&self, wanted: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.bytes().position(|b| !wanted(b)).unwrap_or(rest.len());
        &rest[..end]
    }

    /// Comparisons up to `||` or the end.
    fn alternative(&mut self) -> Result<Alternative, RangeError> {
        let mut comparisons = Vec::new();
        self.space();
        loop {
            self.comparison(&mut comparisons)?;
            let separated = self.space();
            if self.at == self.text.len() || self.rest().starts_with("||") {
                break;
            }
            if !self.eat(",") && !separated {
                return Err(error(
                    self.at..self.at + self.word_len(),
                    "two comparisons without a space or comma between them",
                    "write `>=1.0.0 <2.0.0`",
                ));
            }
            self.space();
        }
        let prereleases = comparisons.iter().any(|c: &Comparison| !c.operand.pre.is_empty());
        Ok(Alternative { comparisons, prereleases })
    }

    /// One comparison, or the two that a hyphen range is short for.
    fn comparison(&mut self, into: &mut Vec<Comparison>) -> Result<(), RangeError> {
        let operator = OPERATORS.iter().find(|(spelling, _)| self.eat(spelling)).map(|(_, operator)| *operator);
        self.space();
        let (operand, precision) = self.operand(operator.is_some())?;
        let upper = if operator.is_none() && self.hyphen() { Some(self.operand(true)?) } else { None };
        let first = match upper {
            Some(_) => Operator::GreaterOrEqual,
            None => operator.unwrap_or(Operator::Equal),
        };
        into.push(Comparison { operator: first, operand, precision });
        if let Some((operand, precision)) = upper {
            into.push(Comparison { operator: Operator::LessOrEqual, operand, precision });
        }
        Ok(())
    }

    /// Eats the ` - ` of a hyphen range, spaces included; otherwise eats nothing.
    fn hyphen(&mut self) -> bool {
        let before = self.at;
        let found = self.space() && self.eat("-") && self.space();
        if !found {
            self.at = before;
        }
        found
    }

    /// `v1.2.3-pre+build`, numbers missing or wild from some place on.
    fn operand(&mut self, operator: bool) -> Result<(Version, Precision), RangeError> {
        let start = self.at;
        self.eat("v");
        let mut numbers = [0u64; 3];
        let mut written = 0;
        let mut wild = false;
        for (place, number) in numbers.iter_mut().enumerate() {
            if place > 0 && !self.eat(".") {
                break;
            }
            match self.number(start, place, operator)? {
                Some(value) if !wild => {
                    *number = value;
                    written = place + 1;
                }
                // What follows a wildcard does not count: `1.x.3` is `1.x`.
                Some(_) => {}
                None => wild = true,
            }
        }
        let pre = self.prerelease()?;
        self.build()?;
        self.end_of_operand(start)?;
        let precision = [Precision::Any, Precision::Major, Precision::Minor, Precision::Patch][written];
        let [major, minor, patch] = numbers;
        Ok((Version { major, minor, patch, pre, build: BuildMetadata::EMPTY }, precision))
    }

    /// One number of an operand; `None` is a wildcard.
    fn number(&mut self, start: usize, place: usize, operator: bool) -> Result<Option<u64>, RangeError> {
        let text = self.take(|b| b.is_ascii_digit() || matches!(b, b'x' | b'X' | b'*'));
        let span = self.at..self.at + text.len();
        self.at = span.end;
        match text {
            "x" | "X" | "*" => Ok(None),
            "" => Err(self.no_number(start, place, operator)),
            _ if text.bytes().all(|b| b.is_ascii_digit()) => {
                text.parse().map(Some).map_err(|_| error(span, "a number above 64 bits", "no version can have it"))
            }
            _ => Err(error(span, "digits and wildcards in one number", "write `1.x`, not `1x`")),
        }
    }

    fn no_number(&self, start: usize, place: usize, operator: bool) -> RangeError {
        let end = self.at + self.word_len();
        let message = match (place, end > self.at) {
            (0, false) if operator => "an operator without a version",
            (0, false) if self.text.is_empty() => "an empty range",
            (0, false) => "a version is missing",
            (0, true) => "not a version",
            _ => "a dot without a number after it",
        };
        let hint =
            if place == 0 { "a range looks like `>=1.4 <2`; `*` is any release" } else { "write `1.2.3` or `1.2.x`" };
        error(start..end, message, hint)
    }

    fn prerelease(&mut self) -> Result<Prerelease, RangeError> {
        // A hyphen without a word after it belongs to no operand; what it is, the caller says.
        if !self.rest().starts_with('-') {
            return Ok(Prerelease::EMPTY);
        }
        let start = self.at + 1;
        self.at = start;
        let text = self.take(is_identifier);
        self.at += text.len();
        let valid = Prerelease::new(text).ok().filter(|pre| !pre.is_empty());
        valid.ok_or_else(|| {
            error(
                start..self.at,
                "not a pre-release",
                "parts are letters, digits and hyphens between dots; a number has no leading zero",
            )
        })
    }

    /// Build metadata is read and forgotten: it has no part in any order.
    fn build(&mut self) -> Result<(), RangeError> {
        if !self.eat("+") {
            return Ok(());
        }
        let text = self.take(is_identifier);
        let span = self.at..self.at + text.len();
        self.at = span.end;
        if text.split('.').any(str::is_empty) {
            return Err(error(span, "not build metadata", "leave the `+` and what follows it out"));
        }
        Ok(())
    }

    fn end_of_operand(&self, start: usize) -> Result<(), RangeError> {
        let rest = self.rest();
        let separators = [' ', '\t', '\n', '\r', '\u{c}', ','];
        let operators = ['!', '=', '<', '>', '~', '^'];
        if rest.is_empty() || rest.starts_with(separators) || rest.starts_with(operators) || rest.starts_with("||") {
            return Ok(());
        }
        let fourth = rest.starts_with('.') && rest[1..].starts_with(|c: char| c.is_ascii_digit());
        let message = if fourth { "a version with more than three numbers" } else { "not a version" };
        Err(error(start..self.at + self.word_len(), message, "a version is `1.2.3`, `1.2`, `1` or `1.2.x`"))
    }

    /// The length of what stands ahead up to the next space, comma or bar.
    fn word_len(&self) -> usize {
        let rest = self.rest();
        rest.find([' ', '\t', '\n', '\r', '\u{c}', ',', '|']).unwrap_or(rest.len())
    }
}

fn is_identifier(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.')
}
