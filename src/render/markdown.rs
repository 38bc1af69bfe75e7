//! Plans as Markdown, for comments on pull requests and CI summaries.

use super::count;
use crate::cycle::Planned;
use crate::plan::{Entry, message_value};

/// GitHub refuses longer comments; the table is cut before that with a word about the rest.
const MAX_ROWS: usize = 300;

/// `plan --format markdown`.
pub fn plan(planned: &Planned) -> String {
    let plan = &planned.plan;
    let changes: Vec<_> = plan.changes().collect();
    let held: Vec<_> = plan.held().collect();
    let mut out = format!("### {}, {} held\n", count(changes.len(), "image update"), held.len());
    if !changes.is_empty() {
        out.push_str("\n| image | from | to | policy | place |\n|---|---|---|---|---|\n");
        for (entry, change) in changes.iter().take(MAX_ROWS) {
            let reference = &entry.found.reference;
            let from = message_value(reference.tag.as_deref(), reference.digest.as_ref());
            let to = message_value(change.to.tag.as_ref().map(|tag| tag.as_str()), change.to.digest.as_ref());
            let policy = entry.policy.as_ref().map(ToString::to_string).unwrap_or_default();
            row(&mut out, &[&image(entry), &from, &to, &policy, &place(entry)]);
        }
        rest(&mut out, changes.len());
    }
    if !held.is_empty() {
        out.push_str("\n| held | reason | detail | place |\n|---|---|---|---|\n");
        for (entry, held) in held.iter().take(MAX_ROWS) {
            row(&mut out, &[&image(entry), held.reason.word(), &held.detail, &place(entry)]);
        }
        rest(&mut out, held.len());
    }
    if !plan.skipped.is_empty() {
        out.push_str("\n| skipped file | reason | detail |\n|---|---|---|\n");
        for skipped in plan.skipped.iter().take(MAX_ROWS) {
            row(&mut out, &[&skipped.file, skipped.reason.word(), &skipped.detail]);
        }
        rest(&mut out, plan.skipped.len());
    }
    if let Some(oldest) = planned.lists.values().min() {
        let lists = count(planned.lists.len(), "tag list");
        out.push_str(&format!("\n{lists} from an earlier run (cacheFor), the oldest of {}\n", super::moment(*oldest)));
    }
    out
}

fn rest(out: &mut String, all: usize) {
    if all > MAX_ROWS {
        out.push_str(&format!("\nand {} more\n", all - MAX_ROWS));
    }
}

fn row(out: &mut String, cells: &[&str]) {
    out.push('|');
    for cell in cells {
        out.push(' ');
        out.push_str(&escape(cell));
        out.push_str(" |");
    }
    out.push('\n');
}

/// Text from files and registries must not become markup.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '\\' | '@' | '#' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

fn image(entry: &Entry) -> String {
    entry.image.as_ref().map(ToString::to_string).unwrap_or_default()
}

fn place(entry: &Entry) -> String {
    format!("{}:{}", entry.found.file, entry.found.reference.line)
}

#[cfg(test)]
mod tests {
    #[test]
    fn strangers_text_does_not_become_markup() {
        assert_eq!(super::escape("a|b <img> @all\n"), "a\\|b \\<img\\> \\@all ");
    }
}
