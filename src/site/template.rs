//! Marked lines of templates: text that is no YAML, where a policy says `templates: markers`.
//!
//! ```yaml
//! {{- if .Values.enabled }}
//! image: ghcr.io/acme/web:1.4.2 # landwaiter: web     # a simple line: it can be edited
//! image: {{ .Values.image }}    # landwaiter: web     # template syntax: noted
//! {{- end }}
//! ```
//!
//! A simple line is `key: value # marker` or `- value # marker`, with one value and no `{{` or `}}`. Nothing is known of
//! the lines round it, so a `:tag` marker needs a policy with exactly one image. Every other marker in such text is noted.

use super::marked;
use super::marker::{self, Mark, Reading};
use super::scan::Source;
use super::value::Parts;
use super::{Document, Medium, Note, Reference, Scan, Setting, Shape, Slot};
use crate::text::Span;
use crate::yaml::Piece;
use memchr::memmem;
use std::collections::BTreeSet;

/// Reads the marked lines of a document that is no YAML. `allowed` are the policies that say `templates: markers`.
pub(super) fn find(source: &Source<'_>, piece: Piece, allowed: &BTreeSet<String>, scan: &mut Scan) {
    let text = piece.span.of(source.text).unwrap_or_default();
    if memmem::find(text.as_bytes(), b"landwaiter:").is_none()
        && memmem::find(text.as_bytes(), b"$imagepolicy").is_none()
    {
        return;
    }
    let mut start = piece.span.start;
    for line in text.split_inclusive('\n') {
        if let Some(mark) = marked_line(line) {
            let number = source.lines.number(start);
            let permitted = mark.marker.policies.iter().any(|name| allowed.contains(name));
            let why = match (permitted, simple_value(line)) {
                (true, Some(value)) => {
                    let span = Span::new(start + value.start, start + value.end);
                    let reference = reference(source, piece, span, mark);
                    scan.references.push(Reference { line: number, ..reference });
                    start += line.len();
                    continue;
                }
                (true, None) => "only `key: value` and `- value` without template syntax can be edited",
                (false, _) => "the text is no YAML; `templates: markers` in the policy lets simple lines be edited",
            };
            scan.notes.push(Note { line: number, text: format!("a marker that is not followed: {why}") });
        }
        start += line.len();
    }
}

/// The marker at the end of a line.
fn marked_line(line: &str) -> Option<Mark> {
    let at = line.find(" #").or_else(|| line.find("\t#"))?;
    match marker::read(line[at + 2..].trim_end()) {
        Reading::Mark(mark) => Some(mark),
        _ => None,
    }
}

/// The bytes of the only value of a simple line, quotes included.
fn simple_value(line: &str) -> Option<Span> {
    let head = line[..line.find(" #").or_else(|| line.find("\t#"))?].trim_end();
    if head.contains("{{") || head.contains("}}") {
        return None;
    }
    let mut at = head.len() - head.trim_start().len();
    while let Some(rest) = head[at..].strip_prefix("- ") {
        at = head.len() - rest.trim_start().len();
    }
    if let Some(colon) = head[at..].find(": ") {
        let key = &head[at..at + colon];
        if !key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'"' | b'\'')) {
            return None;
        }
        let rest = &head[at + colon + 1..];
        at = head.len() - rest.trim_start().len();
    }
    let value = &head[at..];
    let inner = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(value);
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_./:@+-".contains(&b);
    (!inner.is_empty() && inner.bytes().all(plain) && !inner.ends_with(':')).then(|| Span::new(at, head.len()))
}

fn reference(source: &Source<'_>, piece: Piece, span: Span, mark: Mark) -> Reference {
    let written = span.of(source.text).unwrap_or_default();
    let value = written.trim_matches(['"', '\'']).to_owned();
    let (parts, blocked) = match marked::read(mark.part, &value) {
        Ok(parts) => (parts, None),
        Err(why) => (Parts::default(), Some(format!("`{value}` {why}"))),
    };
    let setting = Setting { medium: Medium::Token, ..Setting::default() };
    Reference {
        line: 0,
        document: Document { index: piece.index, ..Document::default() },
        path: String::new(),
        shape: Shape::Marked,
        name: parts.name,
        repository: parts.repository,
        tag: parts.tag,
        digest: parts.digest,
        marker: Some(mark.marker),
        hold: None,
        slots: vec![Slot { part: mark.part, span, value, setting }],
        insert: None,
        remove: Vec::new(),
        blocked,
    }
}

#[cfg(test)]
mod tests {
    use super::super::declared::Declarations;
    use super::*;

    fn found(line: &str, allowed: bool) -> Scan {
        let text = format!("{{{{- if .x }}}}\n{line}\n  {{{{ y }}}}\n{{{{- end }}}}\n");
        let templates = allowed.then(|| "web".to_owned()).into_iter().collect();
        Declarations { templates, ..Declarations::default() }.scan("templates/x.yaml", text.as_bytes())
    }

    #[test]
    fn simple_marked_lines_are_references() {
        for (line, written) in [
            ("  image: acme/web:v1 # landwaiter: web", "acme/web:v1"),
            ("  - \"acme/web:v1\" # landwaiter: web", "\"acme/web:v1\""),
            ("  - image: 'acme/web:v1' # {\"$imagepolicy\": \"ns:web\"}", "'acme/web:v1'"),
            ("  tag:\tv1\t# landwaiter: web:tag", ""),
            ("  tag: v1\t# landwaiter: web:tag", "v1"),
        ] {
            let scan = found(line, true);
            let spans = scan.references.iter().map(|r| r.slots[0].span.len()).collect::<Vec<_>>();
            assert_eq!(spans, if written.is_empty() { vec![] } else { vec![written.len()] }, "{line}");
            assert_eq!(scan.notes.len(), usize::from(written.is_empty()), "{line}");
            assert!(scan.skipped.is_some(), "the rest of the file is skipped all the same");
        }
    }

    #[test]
    fn every_other_marked_line_is_noted() {
        for line in [
            "  image: {{ .x }} # landwaiter: web",
            "  image: \"acme/web:{{ .tag }}\" # landwaiter: web",
            "  image: {a: acme/web:v1} # landwaiter: web",
            "  args: [a, b] # landwaiter: web",
            "  image: acme/web:v1 # landwaiter: other",
        ] {
            let scan = found(line, true);
            assert_eq!((scan.references.len(), scan.notes.len()), (0, 1), "{line}");
        }
        let scan = found("  image: acme/web:v1 # landwaiter: web", false);
        assert!(scan.notes[0].text.contains("templates: markers"), "{:?}", scan.notes);
    }
}
