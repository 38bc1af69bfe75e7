//! Aligned columns for terminals.

use super::{Paint, Tone, plain, wrapped};

/// A cell and its tone; `None` is the terminal's own colour.
pub type Cell = (String, Option<Tone>);

/// Columns of a terminal on which there is room for anything.
const USUAL: usize = 60;
/// Columns that a text of several lines needs to be read with ease.
const READABLE: usize = 48;

/// Lines of `rows` under `head`, each column as wide as its widest cell, the last one unpadded and broken where the terminal
/// ends. Two spaces between columns, `indent` before the first.
pub fn table(paint: Paint, indent: usize, head: &[&str], rows: &[Vec<Cell>]) -> String {
    let rows: Vec<Vec<Cell>> =
        rows.iter().map(|row| row.iter().map(|(text, tone)| (plain(text), *tone)).collect()).collect();
    let mut widths: Vec<usize> = head.iter().map(|text| text.chars().count()).collect();
    for row in &rows {
        for (width, (text, _)) in widths.iter_mut().zip(row) {
            *width = (*width).max(text.chars().count());
        }
    }
    let mut out = String::new();
    if head.iter().any(|text| !text.is_empty()) {
        let head: Vec<Cell> = head.iter().map(|text| ((*text).to_owned(), Some(Tone::Quiet))).collect();
        push_line(&mut out, paint, indent, &widths, &head);
    }
    for row in &rows {
        push_line(&mut out, paint, indent, &widths, row);
    }
    out
}

fn push_line(out: &mut String, paint: Paint, indent: usize, widths: &[usize], row: &[Cell]) {
    let last = row.iter().rposition(|(text, _)| !text.is_empty()).unwrap_or_default();
    let toned = |tone: Option<Tone>, text: &str| tone.map_or_else(|| text.to_owned(), |tone| paint.on(tone, text));
    out.push_str(&" ".repeat(indent));
    let mut column = indent;
    for ((text, tone), width) in row.iter().zip(widths).take(last) {
        out.push_str(&toned(*tone, text));
        out.push_str(&" ".repeat(width - text.chars().count() + 2));
        column += width + 2;
    }
    let Some((text, tone)) = row.get(last) else {
        return out.push('\n');
    };
    let below = last > 0 && is_squeezed(paint, column, text);
    if below {
        out.truncate(out.trim_end_matches(' ').len());
        out.push('\n');
        column = indent + 4;
    }
    for (at, line) in wrapped(paint, column, text).iter().enumerate() {
        if at > 0 || below {
            out.push_str(&" ".repeat(column));
        }
        out.push_str(&toned(*tone, line));
        out.push('\n');
    }
}

/// Whether a text that must be broken would stand in a column too narrow to read; it then begins a line of its own.
fn is_squeezed(paint: Paint, column: usize, text: &str) -> bool {
    paint.width.filter(|width| *width >= USUAL).is_some_and(|width| {
        let room = width.saturating_sub(column);
        room < READABLE && text.chars().count() > room
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_lines_do_not_end_in_spaces() {
        let rows = vec![
            vec![("a".into(), None), ("bbbb".into(), None), (String::new(), None)],
            vec![("aaa".into(), Some(Tone::Good)), ("b".into(), None), ("c".into(), None)],
        ];
        let shown = table(Paint::default(), 2, &["x", "y", "z"], &rows);
        assert_eq!(shown, "  x    y     z\n  a    bbbb\n  aaa  b     c\n");
    }

    #[test]
    fn control_characters_of_strangers_do_not_reach_the_terminal() {
        let shown = table(Paint::default(), 0, &[""], &[vec![("a\u{1b}[31m\n".into(), None)]]);
        assert_eq!(shown, "a\u{fffd}[31m\u{fffd}\n");
    }

    #[test]
    fn the_last_column_breaks_where_the_terminal_ends() {
        let paint = Paint { width: Some(34), ..Paint::default() };
        let rows = vec![vec![("1.2.3".into(), None), ("none of these words stands alone".into(), None)]];
        assert_eq!(table(paint, 2, &["", ""], &rows), "  1.2.3  none of these words\n         stands alone\n");
        let usual = Paint { width: Some(80), ..paint };
        let (place, note) = ("x".repeat(40), "word ".repeat(10));
        let rows_of_two = vec![vec![(place.clone(), None), (note.trim_end().to_owned(), None)]];
        assert_eq!(table(usual, 2, &["", ""], &rows_of_two), format!("  {place}\n      {}\n", note.trim_end()));
        let narrow = Paint { width: Some(20), ..paint };
        assert_eq!(table(narrow, 2, &["", ""], &rows), "  1.2.3  none of these words stands alone\n");
    }

    #[test]
    fn what_turns_or_hides_text_does_not_reach_the_terminal() {
        let shown =
            table(Paint::default(), 0, &[""], &[vec![("1.0\u{202e}3.2\u{200b}\u{e0041}\u{2028}é".into(), None)]]);
        assert_eq!(shown, "1.0\u{fffd}3.2\u{fffd}\u{fffd}\u{fffd}é\n");
    }
}
