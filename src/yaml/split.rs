//! Cuts a text into documents without parsing it.
//!
//! In YAML 1.2 a line that starts with `---` or `...` and then a blank, a line break or nothing may stand inside no scalar
//! and no collection (production `c-forbidden`), so cutting there is sound even when a document is broken. What stands
//! before a `---` and is no content, such as a licence comment or `%YAML`, belongs to the document that follows.

use crate::text::Span;

/// One document's bytes, with the comments and directives that lead it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Counted from 0.
    pub index: usize,
    pub span: Span,
}

/// The documents of a text, in order. Together they cover it, but for comments that no document follows, and for a `...`
/// behind a byte order mark: a parser may take these two for more of a plain scalar that stands above.
pub fn documents(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut push = |start: usize, end: usize| {
        pieces.push(Piece { index: pieces.len(), span: Span::new(start, end) });
    };
    for mark in marks(text) {
        let content = !is_gap(&text[start..mark.at]);
        if content {
            push(start, if mark.closes { mark.after } else { mark.at });
        }
        if mark.ends {
            start = mark.after;
        } else if content {
            start = mark.at;
        }
    }
    if !is_gap(&text[start..]) {
        push(start, text.len());
    }
    pieces
}

/// A `---` or `...` line.
struct Mark {
    at: usize,
    /// Just after its line break.
    after: usize,
    /// `...` rather than `---`.
    ends: bool,
    /// A `...` that the document it ends may keep.
    closes: bool,
}

fn marks(text: &str) -> impl Iterator<Item = Mark> + '_ {
    let bytes = text.as_bytes();
    // A carriage return alone ends a line too; before a line feed it only adds a look at the feed.
    let breaks = memchr::memchr2_iter(b'\n', b'\r', bytes).map(|at| at + 1);
    std::iter::once(0).chain(breaks).filter_map(move |at| {
        // Each document may begin with a byte order mark: files are joined by people who do not know of it.
        let unmarked = bytes[at..].strip_prefix("\u{feff}".as_bytes());
        let rest = unmarked.unwrap_or(&bytes[at..]);
        let ends = rest.starts_with(b"...");
        let marked =
            (ends || rest.starts_with(b"---")) && matches!(rest.get(3), None | Some(b' ' | b'\t' | b'\r' | b'\n'));
        let closes = ends && unmarked.is_none();
        marked.then(|| Mark { at, after: at + line_length(&bytes[at..]), ends, closes })
    })
}

/// The bytes of the first line, its break included.
fn line_length(bytes: &[u8]) -> usize {
    let Some(at) = memchr::memchr2(b'\n', b'\r', bytes) else { return bytes.len() };
    at + if bytes[at..].starts_with(b"\r\n") { 2 } else { 1 }
}

/// Whether the text holds no content: blank lines, comments and directives only.
fn is_gap(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').split(['\n', '\r']).all(|line| {
        // Only these are blank to YAML; U+2028 is a plain scalar.
        let word = line.trim_start_matches([' ', '\t']);
        word.is_empty() || word.starts_with('#') || line.starts_with('%')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<&str> {
        documents(text).iter().map(|piece| piece.span.of(text).unwrap()).collect()
    }

    #[test]
    fn documents_are_cut_where_yaml_lets_nothing_else_stand() {
        for (text, want) in [
            ("a: 1\n", vec!["a: 1\n"]),
            ("---\na: 1\n---\nb: 2\n", vec!["---\na: 1\n", "---\nb: 2\n"]),
            ("a: 1\r\n---\r\nb: 2\r\n", vec!["a: 1\r\n", "---\r\nb: 2\r\n"]),
            ("a: 1\n---", vec!["a: 1\n", "---"]),
            ("a: 1\n--- b\n", vec!["a: 1\n", "--- b\n"]),
            ("a: |\n  ---\nb: ----\n---x: 1\n", vec!["a: |\n  ---\nb: ----\n---x: 1\n"]),
            ("# licence\n---\na: 1\n", vec!["# licence\n---\na: 1\n"]),
            ("\u{feff}---\na\n---\nb\n", vec!["\u{feff}---\na\n", "---\nb\n"]),
            ("%YAML 1.2\n---\na\n", vec!["%YAML 1.2\n---\na\n"]),
            ("a\n...\n%YAML 1.2\n---\nb\n", vec!["a\n...\n", "%YAML 1.2\n---\nb\n"]),
            ("a\n...\nb\n...\n# end\n", vec!["a\n...\n", "b\n...\n"]),
            ("---\n---\n", vec!["---\n", "---\n"]),
            ("...\n...\na\n", vec!["a\n"]),
            ("\u{feff}...\na\n", vec!["a\n"]),
            ("a\n b\n\u{feff}...\nc\n", vec!["a\n b\n", "c\n"]),
            ("a\n\u{feff}---\nb\n", vec!["a\n", "\u{feff}---\nb\n"]),
            ("# a\rb: 1\r---\rc\r", vec!["# a\rb: 1\r", "---\rc\r"]),
            ("a\r...\r# b\r", vec!["a\r...\r"]),
            ("a\r\r\n---\r\nb", vec!["a\r\r\n", "---\r\nb"]),
            ("\u{2028} # x\n---\n", vec!["\u{2028} # x\n", "---\n"]),
            ("", vec![]),
            ("# only\n", vec![]),
        ] {
            assert_eq!(cut(text), want, "{text:?}");
        }
    }
}
