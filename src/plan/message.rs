//! The commit message: a summary line, an aligned table of changes, and trailers that tools can read.
//!
//! ```text
//! Update acme/web to 1.4.2
//!
//! image             from   to     file
//! ghcr.io/acme/web  1.4.1  1.4.2  apps/web/deployment.yaml:12
//!
//! Landwaiter-Policy: web
//! Landwaiter-Image: ghcr.io/acme/web 1.4.1 -> 1.4.2
//! ```

use super::{Change, Entry, Plan};
use crate::image::{Digest, Repository};
use std::collections::BTreeSet;

/// Rows of the table that are written out; a message of a thousand rows helps nobody, and the diff has them all.
pub(super) const MAX_ROWS: usize = 100;

/// What the operator may choose about the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageOptions {
    /// The summary line; `{changes}` (how many), `{images}` and `{policies}` are replaced. `None` is a line of our own.
    pub subject: Option<String>,
    pub trailers: bool,
}

impl Default for MessageOptions {
    fn default() -> MessageOptions {
        MessageOptions { subject: None, trailers: true }
    }
}

/// The message for a commit of all changes of `plan`.
pub fn compose(plan: &Plan, options: &MessageOptions) -> String {
    let rows: Vec<Row> = plan.changes().map(|(entry, change)| Row::of(entry, change)).collect();
    let mut text = subject(&rows, options);
    text.push_str("\n\n");
    text.push_str(&table(&rows));
    if options.trailers {
        text.push('\n');
        text.push_str(&trailers(&rows));
    }
    text
}

struct Row<'a> {
    image: Option<&'a Repository>,
    policy: &'a str,
    from: String,
    to: String,
    place: String,
    /// From and to with nothing shortened.
    exact: (String, String),
}

impl<'a> Row<'a> {
    fn of(entry: &'a Entry, change: &'a Change) -> Row<'a> {
        let reference = &entry.found.reference;
        Row {
            image: entry.image.as_ref(),
            policy: entry.policy.as_ref().map_or("", |policy| policy.as_str()),
            from: value(reference.tag.as_deref(), reference.digest.as_ref()),
            to: value(change.to.tag.as_ref().map(|tag| tag.as_str()), change.to.digest.as_ref()),
            place: format!("{}:{}", one_line(&entry.found.file), reference.line),
            exact: (
                exact(reference.tag.as_deref(), reference.digest.as_ref()),
                exact(change.to.tag.as_ref().map(|tag| tag.as_str()), change.to.digest.as_ref()),
            ),
        }
    }

    fn image(&self) -> String {
        self.image.map(ToString::to_string).unwrap_or_default()
    }
}

/// Tag and digest in full, for tools; a dash where neither stands.
fn exact(tag: Option<&str>, digest: Option<&Digest>) -> String {
    match (tag, digest) {
        (Some(tag), Some(digest)) => format!("{tag}@{digest}"),
        (Some(tag), None) => tag.to_owned(),
        (None, Some(digest)) => format!("@{digest}"),
        (None, None) => "-".to_owned(),
    }
}

/// Tag and shortened digest, for people; a dash where neither stands.
pub fn value(tag: Option<&str>, digest: Option<&Digest>) -> String {
    match (tag, digest) {
        (Some(tag), Some(digest)) => format!("{tag}@{}", digest.short()),
        (Some(tag), None) => tag.to_owned(),
        (None, Some(digest)) => format!("@{}", digest.short()),
        (None, None) => "-".to_owned(),
    }
}

fn subject(rows: &[Row], options: &MessageOptions) -> String {
    let updates: BTreeSet<(String, &str)> = rows.iter().map(|row| (row.image(), row.to.as_str())).collect();
    let images: BTreeSet<String> = rows.iter().map(Row::image).collect();
    let summary = match (images.len(), updates.iter().next()) {
        (1, Some((_, to))) if updates.len() == 1 => {
            let path = rows[0].image.map_or("", |image| image.path());
            format!("Update {path} to {to}")
        }
        (count, _) => format!("Update {count} {}", if count == 1 { "image" } else { "images" }),
    };
    let Some(template) = &options.subject else {
        return summary;
    };
    let list = |items: BTreeSet<String>| items.into_iter().collect::<Vec<_>>().join(", ");
    let policies = rows.iter().map(|row| row.policy.to_owned()).collect();
    fill(template, &[("{changes}", rows.len().to_string()), ("{images}", list(images)), ("{policies}", list(policies))])
}

/// Puts each value in its place, in one pass: what a value contains is never taken for a placeholder. One line comes out.
fn fill(template: &str, values: &[(&str, String)]) -> String {
    let mut line = String::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        line.push_str(&rest[..open]);
        rest = &rest[open..];
        match values.iter().find(|(name, _)| rest.starts_with(name)) {
            Some((name, value)) => {
                line.push_str(value);
                rest = &rest[name.len()..];
            }
            None => {
                line.push('{');
                rest = &rest[1..];
            }
        }
    }
    line.push_str(rest);
    one_line(&line)
}

/// A file's name may hold line breaks, and with them lines that look like trailers.
fn one_line(text: &str) -> String {
    text.replace(|c: char| c.is_control(), " ")
}

fn table(rows: &[Row]) -> String {
    let head = ["image", "from", "to"].map(str::to_owned);
    let cells: Vec<[String; 3]> =
        rows.iter().take(MAX_ROWS).map(|row| [row.image(), row.from.clone(), row.to.clone()]).collect();
    let width = |column: usize| {
        std::iter::once(&head).chain(&cells).map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let widths = [width(0), width(1), width(2)];
    let line = |row: &[String; 3], place: &str| {
        let [a, b, c] = row;
        format!("{a:0$}  {b:1$}  {c:2$}  {place}\n", widths[0], widths[1], widths[2])
    };
    let mut text = line(&head, "file");
    for (cells, row) in cells.iter().zip(rows) {
        text.push_str(&line(cells, &row.place));
    }
    if rows.len() > MAX_ROWS {
        text.push_str(&format!("and {} more\n", rows.len() - MAX_ROWS));
    }
    text
}

fn trailers(rows: &[Row]) -> String {
    let policies: BTreeSet<String> = rows.iter().map(|row| format!("Landwaiter-Policy: {}\n", row.policy)).collect();
    let images: BTreeSet<String> = rows
        .iter()
        .map(|row| format!("Landwaiter-Image: {} {} -> {}\n", row.image(), row.exact.0, row.exact.1))
        .collect();
    policies.into_iter().chain(images).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_once_and_the_line_stays_one() {
        let values = [("{changes}", "2".to_owned()), ("{images}", "web,\n{changes}".to_owned())];
        assert_eq!(fill("{changes} images: {images} {other", &values), "2 images: web, {changes} {other");
    }

    #[test]
    fn values_show_what_stands_there() {
        let digest = Digest::parse(&format!("sha256:{}", "ab".repeat(32))).unwrap();
        assert_eq!(value(Some("1.0.0"), Some(&digest)), "1.0.0@abababababab");
        assert_eq!(value(None, Some(&digest)), "@abababababab");
        assert_eq!(value(None, None), "-");
    }
}
