//! How a value is written as a scalar.
//!
//! The style of the old scalar is kept where the new value allows it. A plain value gets double quotes when it would not
//! read as a string, or is anything but a simple word.

use super::{Style, reads_as_string};
use crate::text::Span;

/// A new value in the place of an old one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spelling {
    /// The bytes to replace.
    pub span: Span,
    pub text: String,
    /// What a reader then sees: the new value, and for a block scalar the line breaks it ends with.
    pub value: String,
}

/// Writes `value` over the scalar that lies at `span` of `text` and reads as `old`.
///
/// `None` when nothing is written there (the value of `key:` alone), or when the value fits neither the block scalar nor
/// the space it takes without losing a comment.
pub fn spell(text: &str, span: Span, old: &str, value: &str) -> Option<Spelling> {
    let written = span.of(text)?;
    let style = style(written);
    let spelled = |text| Some(Spelling { span, text, value: value.to_owned() });
    match style {
        Style::Absent => None,
        Style::Plain if is_plain(value) => spelled(value.to_owned()),
        Style::Single if value.chars().all(is_printable) => spelled(format!("'{}'", value.replace('\'', "''"))),
        Style::Plain | Style::Single | Style::Double => spelled(double_quoted(value)),
        // Below a carriage return alone our parser takes a document mark for text.
        Style::Literal | Style::Folded if written.split(BREAKS).any(|line| line.starts_with("...")) => None,
        Style::Literal | Style::Folded => match block_content(span, written, old) {
            // Blanks on the empty lines below the last would go on being part of the value.
            Some((content, indent)) if is_block_line(value) && !breaks_below(old).contains([' ', '\t']) => {
                Some(Spelling {
                    span: content,
                    text: format!("{:indent$}{value}", ""),
                    value: format!("{value}{}", breaks_below(old)),
                })
            }
            _ if written.split(BREAKS).next().is_some_and(|header| header.contains('#')) => None,
            _ => spelled(double_quoted(value)),
        },
    }
}

const BLANKS: [char; 3] = [' ', '\t', '\n'];
const BREAKS: [char; 2] = ['\r', '\n'];

/// The style that a scalar's own bytes show.
fn style(written: &str) -> Style {
    match written.as_bytes().first() {
        None => Style::Absent,
        Some(b'\'') => Style::Single,
        Some(b'"') => Style::Double,
        Some(b'|') => Style::Literal,
        Some(b'>') => Style::Folded,
        Some(_) => Style::Plain,
    }
}

/// The lines of a block scalar below its header, and how far the new one is indented; `None` when they hold nothing.
///
/// Blanks that belong to the old value (more indentation than the header asks for, empty lines above) go with it.
fn block_content(span: Span, written: &str, old: &str) -> Option<(Span, usize)> {
    let spaces = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let is_blank = |line: &&str| line.trim_matches(BLANKS).is_empty();
    let header = written.find(BREAKS)?;
    let header = header + if written[header..].starts_with("\r\n") { 2 } else { 1 };
    let first = written[header..].split(BREAKS).find(|line| !is_blank(line))?;
    let own = spaces(old.split('\n').find(|line| !is_blank(line))?);
    Some((Span::new(span.start + header, span.end), spaces(first).checked_sub(own)?))
}

/// What a value ends with that the bytes of its scalar do not cover.
fn breaks_below(value: &str) -> &str {
    &value[value.trim_end_matches(BLANKS).len()..]
}

fn is_block_line(value: &str) -> bool {
    !value.is_empty() && !value.starts_with(BLANKS) && !value.ends_with(BLANKS) && value.chars().all(is_printable)
}

/// What may stand in a scalar without an escape and without ending the line.
fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}')
}

/// Whether a value can stand without quotes anywhere a scalar may stand, and is a string there. Stricter than YAML: names,
/// tags and digests need no more.
fn is_plain(value: &str) -> bool {
    let bytes = value.as_bytes();
    let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'/');
    bytes.first().is_some_and(|b| word(*b))
        && bytes.last() != Some(&b':')
        && bytes.iter().all(|b| word(*b) || b".:@+-".contains(b))
        && reads_as_string(value)
}

/// A new scalar: plain where every reader takes it for a string, otherwise in double quotes.
pub fn scalar_text(value: &str) -> String {
    if is_plain(value) { value.to_owned() } else { double_quoted(value) }
}

/// The value in double quotes.
fn double_quoted(value: &str) -> String {
    let mut text = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text += "\\n",
            '\t' => text += "\\t",
            '\r' => text += "\\r",
            c if is_printable(c) => text.push(c),
            c => text += &format!("\\u{:04x}", u32::from(c)),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_spelled_in_the_style_of_what_they_replace() {
        for (old, value, want) in [
            ("1.0.0", "2.0.0", "2.0.0"),
            ("1.0.0", "1.10", "\"1.10\""),
            ("1.0.0", "1.0.0+x", "1.0.0+x"),
            ("1.0.0", "a, b", "\"a, b\""),
            ("'1.0.0'", "1.10", "'1.10'"),
            ("'1.0.0'", "it's", "'it''s'"),
            ("'1.0.0'", "a\nb", "\"a\\nb\""),
            ("\"1.0.0\"", "1.10", "\"1.10\""),
            ("\"1.0.0\"", "a\"\\\u{7f}", "\"a\\\"\\\\\\u007f\""),
            ("a\n  b", "c", "c"),
            ("\"a\n  b\"", "c", "\"c\""),
        ] {
            let spelled = spell(old, Span::new(0, old.len()), "", value).unwrap();
            assert_eq!(spelled.text, want, "{old:?}");
            assert_eq!(spelled.value, value);
        }
    }

    #[test]
    fn block_scalars_keep_their_header_and_their_line_ends() {
        for (written, old, value, want, read) in [
            ("|\n  1.0.0", "1.0.0\n", "1.10", "|\n  1.10", "1.10\n"),
            (">-\r\n  1.0.0", "1.0.0", "2.0.0", ">-\r\n  2.0.0", "2.0.0"),
            ("| # why\n  1.0.0", "1.0.0\n", "2.0.0", "| # why\n  2.0.0", "2.0.0\n"),
            ("|\n  a\n  b", "a\nb\n", "c", "|\n  c", "c\n"),
            ("|2\n    a", "  a\n", "c", "|2\n  c", "c\n"),
            ("|1- # why\n   a\n b", "  a\nb", "c", "|1- # why\n c", "c"),
            (">\n\n  a", "\na\n", "c", ">\n  c", "c\n"),
            ("|\r\n \r\n  a", "\na\n", "c", "|\r\n  c", "c\n"),
            (">\r a\r b", "a b\n", "c", ">\r c", "c\n"),
            ("|", "", "c", "\"c\"", "c"),
            ("|-\n  a", "a", "b\nc", "\"b\\nc\"", "b\nc"),
            ("|-\n a", "a\n ", "c", "\"c\"", "c"),
        ] {
            let spelled = spell(written, Span::new(0, written.len()), old, value).unwrap();
            let (start, end) = (spelled.span.start, spelled.span.end);
            assert_eq!(format!("{}{}{}", &written[..start], spelled.text, &written[end..]), want);
            assert_eq!(spelled.value, read);
        }
        assert_eq!(spell("| # why\n", Span::new(0, 7), "", "c"), None);
        assert_eq!(spell("|- # why\n a", Span::new(0, 11), "a\n ", "c"), None);
        assert_eq!(spell("|\r...\n", Span::new(0, 5), "...\n", "c"), None);
        assert_eq!(spell("a:\n", Span::new(2, 2), "", "c"), None);
    }
}
