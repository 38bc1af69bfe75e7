//! Regular expressions as Flux and Argo CD users write them: RE2's dialect, compiled by Rust's `regex`.
//!
//! The two dialects agree but for a few corners, and [`to_rust`] rewrites those before compiling:
//!
//! | RE2 | meaning there | what Rust would make of it |
//! |---|---|---|
//! | `\d \w \s \b` and their negations | ASCII | Unicode: slower, and a hundred times larger when compiled |
//! | `[` `&&` `--` `~~` inside a class | themselves | nested classes and set operations |
//! | `\Q...\E` | the text between, literally | an error |
//! | `\<` `\>` | `<` and `>` | word boundaries |
//!
//! `unicode(false)` is no way to get the first row: on `&str` it also forbids `.` and `[^a]`, which could then match half a
//! character. Neither dialect has look-around or backreferences, so matching takes linear time; compiling is bounded by
//! [`MAX_COMPILED`].

use super::budget::SMALL;
use regex::{Regex, RegexBuilder};
use std::iter::Peekable;
use std::ops::Range;
use std::str::Chars;
use std::sync::Arc;

/// The most memory, in bytes, that one compiled expression may take. One over 128 characters, a tag's length, takes less.
pub(super) const MAX_COMPILED: usize = 512 * 1024;
/// The sizes an expression is charged for: the smallest it fits into.
const SIZES: [usize; 3] = [SMALL, 8 * SMALL, MAX_COMPILED];
/// How deep groups may be nested.
const MAX_NESTING: u32 = 50;

/// A compiled expression.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) regex: Regex,
    /// As it stands in the file, for messages.
    pub(super) written: Arc<str>,
}

/// Why a text is no expression that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PatternError {
    pub(super) message: String,
    /// The bytes of the pattern the message speaks of, where that is known.
    pub(super) span: Option<Range<usize>>,
    /// Empty when there is nothing to say.
    pub(super) hint: &'static str,
}

impl Pattern {
    /// The expression, and what it is charged in bytes.
    pub(super) fn parse(text: &str) -> Result<(Pattern, usize), PatternError> {
        let rust = to_rust(text);
        let mut result = compile(&rust, SIZES[0]);
        let mut charged = SIZES[0];
        for size in &SIZES[1..] {
            if matches!(result, Err(regex::Error::CompiledTooBig(_))) {
                result = compile(&rust, *size);
                charged = *size;
            }
        }
        match result {
            Ok(regex) => Ok((Pattern { regex, written: text.into() }, charged)),
            // Positions are those of the rewritten text: ask again with what the user wrote.
            Err(error) => Err(explain(text, &compile(text, MAX_COMPILED).err().unwrap_or(error))),
        }
    }

    /// The names of the groups, and how many there are with the whole match.
    pub(super) fn groups(&self) -> (Vec<&str>, usize) {
        (self.regex.capture_names().flatten().collect(), self.regex.captures_len())
    }
}

fn compile(pattern: &str, size: usize) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(size).dfa_size_limit(MAX_COMPILED).nest_limit(MAX_NESTING).build()
}

fn explain(pattern: &str, error: &regex::Error) -> PatternError {
    let regex::Error::Syntax(shown) = error else {
        return PatternError {
            message: format!("larger than {} KiB when compiled", MAX_COMPILED / 1024),
            span: None,
            hint: "lower the numbers in `{...}`",
        };
    };
    let message = shown.lines().find_map(|line| line.strip_prefix("error: ")).unwrap_or("not understood").to_owned();
    PatternError { span: caret(pattern, shown), hint: hint_for(&message), message }
}

/// The bytes that the `regex` crate's message marks with `^`: its third line, indented by four, for patterns of one line.
fn caret(pattern: &str, shown: &str) -> Option<Range<usize>> {
    let marks = shown.lines().nth(2)?.get(4..)?;
    let first = marks.find('^')?;
    let width = marks[first..].chars().take_while(|c| *c == '^').count();
    let mut bounds = pattern.char_indices().map(|(at, _)| at).chain([pattern.len()]).skip(first);
    let start = bounds.next()?;
    let end = bounds.nth(width - 1).unwrap_or(pattern.len());
    (!pattern.contains('\n')).then_some(start..end)
}

fn hint_for(message: &str) -> &'static str {
    if message.starts_with("look-around") {
        "as in RE2 there is no look-around: list what must not match under `exclude`"
    } else if message.starts_with("backreferences") {
        "as in RE2 there are no backreferences"
    } else if message.starts_with("repetition operator missing") {
        "this is a regular expression, not a glob: any text is `.*`"
    } else {
        ""
    }
}

/// The pattern with RE2's meaning spelt in Rust's dialect. What is wrong in it stays wrong.
fn to_rust(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => escape(&mut chars, &mut out),
            '[' => class(&mut chars, &mut out),
            other => out.push(other),
        }
    }
    out
}

/// One escape outside of a class; the backslash has been read.
fn escape(chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    match chars.next() {
        Some('Q') => quoted(chars, out),
        Some(boundary @ ('b' | 'B')) => {
            out.push_str("(?-u:\\");
            out.push(boundary);
            out.push(')');
        }
        Some(literal @ ('<' | '>')) => out.push(literal),
        Some(c) => match perl_class(c) {
            Some((negated, set)) => push_class(negated, set, out),
            None => out.extend(['\\', c]),
        },
        None => out.push('\\'),
    }
}

/// The text up to `\E` or the end, literally.
fn quoted(chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    let mut literal = String::new();
    while let Some(c) = chars.next() {
        if c == '\\' && chars.peek() == Some(&'E') {
            chars.next();
            break;
        }
        literal.push(c);
    }
    out.push_str(&regex::escape(&literal));
}

/// RE2's ASCII sets; `true` for the negated ones.
fn perl_class(c: char) -> Option<(bool, &'static str)> {
    let set = match c.to_ascii_lowercase() {
        'd' => "0-9",
        'w' => "0-9A-Za-z_",
        's' => r"\t\n\x0C\r\x20",
        _ => return None,
    };
    Some((c.is_ascii_uppercase(), set))
}

fn push_class(negated: bool, set: &str, out: &mut String) {
    out.push('[');
    if negated {
        out.push('^');
    }
    out.push_str(set);
    out.push(']');
}

/// A class in brackets; the opening one has been read.
fn class(chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    out.push('[');
    if chars.peek() == Some(&'^') {
        out.extend(chars.next());
    }
    let mut first = true;
    while let Some(c) = chars.next() {
        if c == ']' && !first {
            out.push(']');
            return;
        }
        first = false;
        if c == '[' && chars.peek() == Some(&':') {
            named_class(chars, out);
            continue;
        }
        class_atom(c, chars, out);
        let mut ahead = chars.clone();
        if ahead.next() == Some('-') && ahead.peek().is_some_and(|after| *after != ']') {
            chars.next();
            out.push('-');
            if let Some(high) = chars.next() {
                class_atom(high, chars, out);
            }
        }
    }
}

/// `[:alpha:]`, which both dialects have: copied up to its end.
fn named_class(chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    out.push('[');
    for c in chars.by_ref() {
        out.push(c);
        if c == ']' {
            return;
        }
    }
}

/// One character or escape inside a class.
fn class_atom(c: char, chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    match c {
        '\\' => match chars.next() {
            Some(e) => match perl_class(e) {
                Some((true, set)) => push_class(true, set, out),
                Some((false, set)) => out.push_str(set),
                None => out.extend(['\\', e]),
            },
            None => out.push('\\'),
        },
        '-' | '&' | '~' | '[' | ']' | '^' => out.extend(['\\', c]),
        other => out.push(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::parse(pattern).unwrap_or_else(|e| panic!("{pattern}: {e:?}")).0.regex.is_match(text)
    }

    #[test]
    fn re2_means_ascii_and_has_no_set_operations() {
        for (pattern, yes, no) in [
            (r"^\d+$", "12", "١٢"),
            (r"^\w$", "_", "é"),
            (r"^\W$", "é", "e"),
            (r"^\D$", "٣", "3"),
            (r"^[\d.]+$", "1.2", "١"),
            (r"^[^\d]$", "x", "1"),
            (r"^[\D]$", "x", "1"),
            (r"^\s$", " ", "\u{a0}"),
            (r"a\b", "aé", "ab"),
            (r"^[[a]$", "[", "x"),
            (r"^[a&&b]$", "&", "x"),
            (r"^[a~~b]$", "~", "x"),
            (r"^[+--]$", ",", "/"),
            (r"^[--/]$", ".", "0"),
            (r"^[]a]$", "]", "b"),
            (r"^[^]a]$", "b", "]"),
            (r"^[a-]$", "-", "b"),
            (r"^[a-c-z]$", "-", "d"),
            (r"^[[:alpha:]-]$", "-", "1"),
            (r"^\Q1.2+\E$", "1.2+", "1x22"),
            (r"^\<a\>$", "<a>", "a"),
            (r"^(?i)v$", "V", "x"),
            (r"^.$", "é", "éé"),
            (r"^[^a]$", "é", "a"),
        ] {
            assert!(matches(pattern, yes), "{pattern} should match {yes}");
            assert!(!matches(pattern, no), "{pattern} should not match {no}");
        }
    }

    #[test]
    fn errors_point_into_the_pattern_that_was_written() {
        for (pattern, message, span, hint) in [
            (r"^\d(a", "unclosed group", Some(3..4), ""),
            ("é[a", "unclosed character class", Some(2..3), ""),
            (
                "^x(?!y)",
                "look-around, including look-ahead and look-behind, is not supported",
                Some(2..5),
                "as in RE2 there is no look-around: list what must not match under `exclude`",
            ),
            (r"(a)\1", "backreferences are not supported", Some(3..5), "as in RE2 there are no backreferences"),
            (
                "*-rc",
                "repetition operator missing expression",
                Some(0..1),
                "this is a regular expression, not a glob: any text is `.*`",
            ),
            ("[z-a]", "invalid character class range, the start must be <= the end", Some(1..4), ""),
            ("a\n(", "unclosed group", None, ""),
            ("(a{500}){500}", "larger than 512 KiB when compiled", None, "lower the numbers in `{...}`"),
        ] {
            let error = Pattern::parse(pattern).expect_err(pattern);
            assert_eq!(error, PatternError { message: message.to_owned(), span, hint }, "{pattern}");
        }
    }

    #[test]
    fn a_set_of_words_repeated_up_to_the_longest_tag_stays_small() {
        for (pattern, cost) in [
            (r"^v?(?P<version>\d+\.\d+\.\d+)$", SMALL),
            (r"^main-[0-9a-f]{7,40}-(?P<time>[0-9]+)$", SMALL),
            (r"^\w{1,128}$", 8 * SMALL),
            ("^.{1,128}$", MAX_COMPILED),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().1, cost, "{pattern}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |n: usize| format!("{}a{}", "(".repeat(n), ")".repeat(n));
        assert!(Pattern::parse(&nested(40)).is_ok());
        assert!(Pattern::parse(&nested(60)).is_err());
        assert!(Pattern::parse(&nested(100_000)).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_pattern_or_an_error_that_lies_inside_it(text in "\\PC{0,40}") {
            if let Err(PatternError { span: Some(span), .. }) = Pattern::parse(&text) {
                proptest::prop_assert!(text.get(span).is_some());
            }
        }

        #[test]
        fn plain_text_patterns_match_themselves(text in "[a-z0-9]{1,20}") {
            proptest::prop_assert!(matches(&text, &text));
            proptest::prop_assert!(matches(&format!("\\Q{text}.\\E"), &format!("{text}.")), "quoted");
        }
    }
}
