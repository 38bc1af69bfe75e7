//! Unified diffs of the files a plan changes.

use super::{Paint, Tone, plain};
use crate::port::NewFile;
use similar::{ChangeTag, TextDiff};

/// Lines of context around a change, as `git diff` shows.
const CONTEXT: usize = 3;

/// The diff of all files, as `git apply` would read it when no colour is used.
pub fn diff(paint: Paint, files: &[NewFile]) -> String {
    files.iter().map(|file| one(paint, file)).collect()
}

fn one(paint: Paint, file: &NewFile) -> String {
    let (old, new) = (String::from_utf8_lossy(&file.old), String::from_utf8_lossy(&file.new));
    let diff = TextDiff::from_lines(&*old, &*new);
    let mut out = paint.on(Tone::Strong, &format!("--- a/{0}\n+++ b/{0}", plain(&file.path)));
    out.push('\n');
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        out.push_str(&paint.on(Tone::Quiet, hunk.header().to_string().trim_end()));
        out.push('\n');
        for change in hunk.iter_changes() {
            let (sign, tone) = match change.tag() {
                ChangeTag::Delete => ('-', Some(Tone::Bad)),
                ChangeTag::Insert => ('+', Some(Tone::Good)),
                ChangeTag::Equal => (' ', None),
            };
            let text = change.value();
            let text_of_line = text.strip_suffix('\n').unwrap_or(text);
            let line =
                if paint.color { format!("{sign}{}", harmless(text_of_line)) } else { format!("{sign}{text_of_line}") };
            out.push_str(&tone.map_or_else(|| line.clone(), |tone| paint.on(tone, &line)));
            out.push('\n');
            if !text.ends_with('\n') {
                out.push_str("\\ No newline at end of file\n");
            }
        }
    }
    out
}

/// Colours are for a terminal, which a file's text must not drive. Tabs are no danger, nor is the end of a CRLF line.
fn harmless(line: &str) -> String {
    let (line, end) = line.strip_suffix('\r').map_or((line, ""), |line| (line, "\r"));
    line.split('\t').map(plain).collect::<Vec<_>>().join("\t") + end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_terminal_text_of_the_file_cannot_drive_it() {
        let file =
            NewFile { path: "a".into(), old: (*b"x: \x1b[2J\t1\r\n").into(), new: (*b"x: \x1b[2J\t2\r\n").into() };
        let shown = diff(Paint { color: true, ..Paint::default() }, std::slice::from_ref(&file));
        assert!(!shown.contains("\u{1b}[2J") && shown.contains("\u{fffd}[2J\t2\r"), "{shown:?}");
        assert!(diff(Paint::default(), &[file]).contains("+x: \u{1b}[2J\t2\r\n"), "`git apply` needs the bytes");
    }

    #[test]
    fn a_changed_line_stands_between_its_neighbours() {
        let file = NewFile {
            path: "a.yaml".into(),
            old: (*b"a: 1\nimage: x:1\nb: 2").into(),
            new: (*b"a: 1\nimage: x:2\nb: 2").into(),
        };
        assert_eq!(
            diff(Paint::default(), &[file]),
            "--- a/a.yaml\n+++ b/a.yaml\n@@ -1,3 +1,3 @@\n a: 1\n-image: x:1\n+image: x:2\n b: 2\n\\ No newline at end of file\n"
        );
    }
}
