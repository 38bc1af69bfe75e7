//! The one adapter round the YAML parser: documents, nodes and comments, each with the bytes it came from.
//!
//! The room knows YAML 1.2 and nothing of Kubernetes. It reads; it never writes YAML out again. What it offers:
//!
//! - [`documents`] cuts a text at its `---` and `...` lines without parsing, so that one broken document blocks no sibling
//!   and a document without anything of interest costs one search;
//! - [`parse`] turns one of these pieces into a [`Tree`]: nodes in document order, comments, paths, lines;
//! - [`Events`] is the same parse as a flat stream, for comparing two texts;
//! - [`spell`] says how a new value is written in the place of an old one.
//!
//! Aliases are nodes that point at their anchor's node and are never expanded, so a billion laughs costs a few hundred
//! bytes. What is declined, always with a [`Problem`]: text that is not UTF-8, NUL bytes, files over [`MAX_BYTES`], nesting
//! over [`MAX_DEPTH`], more than [`MAX_NODES`] or [`MAX_DOCUMENTS`], unknown aliases, and whatever YAML 1.2 forbids.
//!
//! ```
//! let text = "kind: Pod\nspec:\n  containers:\n  - image: \"nginx:1.27\" # stable\n";
//! let piece = landwaiter::yaml::documents(text)[0];
//! let tree = &landwaiter::yaml::parse(text, piece).unwrap()[0];
//! let image = tree.ids().find(|id| tree.text(*id) == Some("nginx:1.27")).unwrap();
//! assert_eq!(tree.path(image), "spec.containers[0].image");
//! assert_eq!(tree.node(image).span.of(text), Some("\"nginx:1.27\""));
//! ```

mod build;
mod event;
mod lines;
mod path;
mod resolve;
mod scalar;
mod split;
mod tree;

pub use build::parse;
pub use event::{Event, Events, Kind, Layout, Style};
pub use lines::Lines;
pub use resolve::reads_as_string;
pub use scalar::{Spelling, scalar_text, spell};
pub use split::{Piece, documents};
pub use tree::{Comment, Entries, Node, NodeId, NodeKind, Place, Tag, Tree};

/// The largest text that is read, in bytes. Real manifests stay below 5 MiB; the limit bounds memory, not usefulness.
pub const MAX_BYTES: usize = 32 * 1024 * 1024;

/// The deepest nesting of collections that is read: far above what people or the Kubernetes API accept.
pub const MAX_DEPTH: usize = 255;

/// The most nodes of one document that are kept. A node costs a hundred bytes of memory and as few as two of text; the
/// largest real definitions have 50,000.
pub const MAX_NODES: usize = 500_000;

/// The most documents of one text that are looked at. Rendered releases have a few thousand.
pub const MAX_DOCUMENTS: usize = 50_000;

/// Why a text, or one document of it, cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    pub kind: ProblemKind,
    /// The byte at which reading stopped.
    pub offset: usize,
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    NotUtf8,
    TooLarge,
    TooDeep,
    /// Not YAML, or YAML with an unknown alias.
    Syntax,
}

/// The bytes as text that may be handed to the parser. A BOM stays: spans count it.
pub fn text(bytes: &[u8]) -> Result<&str, Problem> {
    let problem = |kind, offset, message: String| Problem { kind, offset, message };
    if bytes.len() > MAX_BYTES {
        let message = format!("{} bytes, the limit is {MAX_BYTES}", bytes.len());
        return Err(problem(ProblemKind::TooLarge, MAX_BYTES, message));
    }
    if is_utf16(bytes) {
        return Err(problem(ProblemKind::NotUtf8, 0, "UTF-16 text, only UTF-8 is read".into()));
    }
    if let Some(at) = memchr::memchr(0, bytes) {
        return Err(problem(ProblemKind::Syntax, at, format!("line {}: a NUL byte", line(bytes, at))));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        problem(ProblemKind::NotUtf8, at, format!("line {}: not UTF-8", line(bytes, at)))
    })
}

/// The 1-based number of the line that holds byte `at`.
fn line(bytes: &[u8], at: usize) -> usize {
    memchr::memchr_iter(b'\n', &bytes[..at]).count() + 1
}

/// Whether the bytes begin as UTF-16 text does: with its byte order mark, or with a NUL beside the first character.
pub fn is_utf16(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_utf8_text_is_refused_with_its_kind() {
        for (bytes, kind) in [
            (&b"a: \xff\n"[..], ProblemKind::NotUtf8),
            (b"\xff\xfea\0:\0", ProblemKind::NotUtf8),
            (b"a\0:\0", ProblemKind::NotUtf8),
            (b"a: b\0\n", ProblemKind::Syntax),
        ] {
            assert_eq!(text(bytes).unwrap_err().kind, kind, "{bytes:?}");
        }
        assert_eq!(text(b"a\nb: \xff\n").unwrap_err().message, "line 2: not UTF-8");
        assert_eq!(text("\u{feff}a: é\n".as_bytes()), Ok("\u{feff}a: é\n"));
    }

    #[test]
    fn the_size_limit_holds_at_its_edge() {
        let mut bytes = vec![b'#'; MAX_BYTES];
        assert!(text(&bytes).is_ok());
        bytes.push(b'#');
        assert_eq!(text(&bytes).unwrap_err().kind, ProblemKind::TooLarge);
    }

    #[test]
    fn the_depth_limit_holds_at_its_edge_in_flow_and_block() {
        let flow = |depth: usize| format!("{}{}\n", "[".repeat(depth), "]".repeat(depth));
        let block = |depth: usize| format!("{}x\n", "- ".repeat(depth));
        for nested in [flow, block] {
            let fine = nested(MAX_DEPTH);
            assert!(parse(&fine, documents(&fine)[0]).is_ok());
            for depth in [MAX_DEPTH + 1, 100_000] {
                let deep = nested(depth);
                let problem = parse(&deep, documents(&deep)[0]).unwrap_err();
                assert_eq!(problem.kind, ProblemKind::TooDeep, "{depth}");
            }
        }
    }

    #[test]
    fn the_limit_on_nodes_holds_at_its_edge() {
        let list = |items: usize| format!("[{}]", "a,".repeat(items));
        let fine = list(MAX_NODES - 1);
        assert_eq!(parse(&fine, documents(&fine)[0]).unwrap()[0].ids().count(), MAX_NODES);
        let full = list(MAX_NODES);
        let problem = parse(&full, documents(&full)[0]).unwrap_err();
        assert_eq!(problem.kind, ProblemKind::TooLarge, "{problem}");
    }

    #[test]
    fn aliases_are_not_expanded_and_unknown_ones_are_a_problem() {
        let mut laughs = String::from("a0: &a0 [x]\n");
        for level in 1..40 {
            laughs += &format!("a{level}: &a{level} [*a{0}, *a{0}, *a{0}]\n", level - 1);
        }
        let tree = &parse(&laughs, documents(&laughs)[0]).unwrap()[0];
        assert!(tree.ids().count() < 1_000);
        assert!(parse("a: *b\n", documents("a: *b\n")[0]).is_err());
    }
}
