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
//! Landwaiter-Wrote: 532c68f8917487c3 1.4.2
//! ```

use super::{Change, Entry, Group, Plan, State, trailers};
use crate::image::{Digest, Repository};
use crate::policy::{Policy, PolicyName, Words};
use crate::template::{Template, TemplateError};
use serde::Serialize;
use std::collections::BTreeSet;

/// Rows of the table that are written out; a message of a thousand rows helps nobody, and the diff has them all.
pub(super) const MAX_ROWS: usize = 100;
/// The longest first line, in bytes; a longer one is cut.
const MAX_SUBJECT: usize = 250;

/// What the operator may choose about the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageOptions {
    /// Filled with [`MessageValues`]; what a policy says itself goes before.
    pub words: Words,
    /// Whether policy and images are named for tools. What later runs read is said either way: see [`super::wrote`].
    pub trailers: bool,
    /// `Name <address>`: ends the message with `Signed-off-by`.
    pub sign_off: Option<String>,
}

impl Default for MessageOptions {
    fn default() -> MessageOptions {
        MessageOptions { words: Words::default(), trailers: true, sign_off: None }
    }
}

/// What templates of subjects and bodies may name.
#[derive(Debug, Clone, Serialize)]
pub struct MessageValues {
    /// The line that stands first when nothing else is said: `Update acme/web to 1.4.2`.
    pub summary: String,
    /// The aligned table of changes.
    pub table: String,
    /// How many changes there are.
    pub count: usize,
    pub group: String,
    /// Without duplicates, in order, as the next two.
    pub images: Vec<String>,
    pub policies: Vec<String>,
    pub files: Vec<String>,
    pub changes: Vec<ChangeValues>,
}

/// One change, for templates.
#[derive(Debug, Clone, Serialize)]
pub struct ChangeValues {
    /// The canonical `host/path`.
    pub image: String,
    pub policy: String,
    pub file: String,
    pub line: usize,
    /// Tag and shortened digest.
    pub from: String,
    pub to: String,
    /// The tag alone; empty where there is none.
    pub tag: String,
    /// The digest in full; empty where there is none.
    pub digest: String,
}

impl MessageValues {
    /// What a template is tried with when the file that holds it is read.
    pub fn sample() -> MessageValues {
        let change = ChangeValues {
            image: "ghcr.io/acme/web".to_owned(),
            policy: "web".to_owned(),
            file: "apps/web/deployment.yaml".to_owned(),
            line: 12,
            from: "1.4.1".to_owned(),
            to: "1.4.2".to_owned(),
            tag: "1.4.2".to_owned(),
            digest: String::new(),
        };
        MessageValues {
            summary: "Update acme/web to 1.4.2".to_owned(),
            table: String::new(),
            count: 1,
            group: "run".to_owned(),
            images: vec![change.image.clone()],
            policies: vec![change.policy.clone()],
            files: vec![change.file.clone()],
            changes: vec![change],
        }
    }
}

/// The text of one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub text: String,
    /// Templates that could not be filled this time; our own words stand in their place.
    pub problems: Vec<String>,
}

/// The message for a commit of one group of the plan's changes.
pub fn compose(plan: &Plan, group: &Group, policies: &[Policy], options: &MessageOptions) -> Message {
    let rows: Vec<Row> = group.members.iter().filter_map(|&at| Row::at(plan, at)).collect();
    let values = values(&rows, &group.name);
    let words = words(&rows, policies, &options.words);
    let mut problems = Vec::new();
    let mut fill = |part: &str, template: Option<&Template>, own: &str| match template.map(|text| text.render(&values))
    {
        None => own.to_owned(),
        Some(Ok(text)) => text,
        Some(Err(error)) => {
            problems.push(unfilled(part, &error));
            own.to_owned()
        }
    };
    let mut text = first_line(&fill("subject", words.subject, &values.summary), &values.summary);
    let body = lines(&fill("body", words.body, &values.table));
    let trailers = trailers(&rows, &trailers::wrote(plan, group), options);
    for part in [body, trailers].iter().filter(|part| !part.is_empty()) {
        text.push_str("\n\n");
        text.push_str(part.trim_end());
    }
    text.push('\n');
    Message { text, problems }
}

fn unfilled(part: &str, error: &TemplateError) -> String {
    format!("the template of the commit's {part} could not be filled, and our own words stand there: {error}")
}

/// What the policies agree on, else what the operator says.
fn words<'a>(rows: &[Row], policies: &'a [Policy], operator: &'a Words) -> ChosenWords<'a> {
    let names: BTreeSet<&PolicyName> = rows.iter().filter_map(|row| row.policy).collect();
    let own = || names.iter().filter_map(|name| policies.iter().find(|policy| policy.name == **name));
    let agreed = |part: fn(&Words) -> Option<&Template>| {
        let mut all = own().map(|policy| part(&policy.write.words));
        let first = all.next().flatten();
        first.filter(|_| all.all(|other| other == first))
    };
    ChosenWords {
        subject: agreed(|words| words.subject.as_ref()).or(operator.subject.as_ref()),
        body: agreed(|words| words.body.as_ref()).or(operator.body.as_ref()),
    }
}

struct ChosenWords<'a> {
    subject: Option<&'a Template>,
    body: Option<&'a Template>,
}

struct Row<'a> {
    image: Option<&'a Repository>,
    policy: Option<&'a PolicyName>,
    file: String,
    line: usize,
    from: String,
    to: String,
    tag: &'a str,
    digest: &'a str,
    /// From and to with nothing shortened.
    exact: (String, String),
}

impl<'a> Row<'a> {
    fn at(plan: &'a Plan, at: usize) -> Option<Row<'a>> {
        let entry = plan.entries.get(at)?;
        match &entry.state {
            State::Change(change) => Some(Row::of(entry, change)),
            _ => None,
        }
    }

    fn of(entry: &'a Entry, change: &'a Change) -> Row<'a> {
        let reference = &entry.found.reference;
        Row {
            image: entry.image.as_ref(),
            policy: entry.policy.as_ref(),
            file: one_line(&entry.found.file),
            line: reference.line,
            from: value(reference.tag.as_deref(), reference.digest.as_ref()),
            to: value(change.to.tag.as_ref().map(|tag| tag.as_str()), change.to.digest.as_ref()),
            tag: change.to.tag.as_ref().map_or("", |tag| tag.as_str()),
            digest: change.to.digest.as_ref().map_or("", Digest::as_str),
            exact: (
                exact(reference.tag.as_deref(), reference.digest.as_ref()),
                exact(change.to.tag.as_ref().map(|tag| tag.as_str()), change.to.digest.as_ref()),
            ),
        }
    }

    fn image(&self) -> String {
        self.image.map(ToString::to_string).unwrap_or_default()
    }

    fn policy(&self) -> String {
        self.policy.map(ToString::to_string).unwrap_or_default()
    }

    fn values(&self) -> ChangeValues {
        ChangeValues {
            image: self.image(),
            policy: self.policy(),
            file: self.file.clone(),
            line: self.line,
            from: self.from.clone(),
            to: self.to.clone(),
            tag: self.tag.to_owned(),
            digest: self.digest.to_owned(),
        }
    }
}

/// Tag and digest in full, for tools; a dash where neither stands.
pub(super) fn exact(tag: Option<&str>, digest: Option<&Digest>) -> String {
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

fn values(rows: &[Row], group: &str) -> MessageValues {
    MessageValues {
        summary: summary(rows),
        table: table(rows),
        count: rows.len(),
        group: one_line(group),
        images: unique(rows.iter().map(Row::image)),
        policies: unique(rows.iter().map(Row::policy)),
        files: unique(rows.iter().map(|row| row.file.clone())),
        changes: rows.iter().map(Row::values).collect(),
    }
}

fn unique(all: impl Iterator<Item = String>) -> Vec<String> {
    all.collect::<BTreeSet<_>>().into_iter().collect()
}

fn summary(rows: &[Row]) -> String {
    let updates: BTreeSet<(String, &str)> = rows.iter().map(|row| (row.image(), row.to.as_str())).collect();
    let images: BTreeSet<String> = rows.iter().map(Row::image).collect();
    match (images.len(), updates.iter().next()) {
        (1, Some((_, to))) if updates.len() == 1 => {
            let path = rows[0].image.map_or("", |image| image.path());
            format!("Update {path} to {to}")
        }
        (count, _) => format!("Update {count} {}", if count == 1 { "image" } else { "images" }),
    }
}

/// One line, whatever a template made of it, and never none.
fn first_line(text: &str, own: &str) -> String {
    let line = one_line(text.trim());
    match line.char_indices().map(|(at, _)| at).find(|at| *at > MAX_SUBJECT) {
        _ if line.is_empty() => own.to_owned(),
        Some(end) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// The lines of a body: no control characters, no blank lines at either end.
fn lines(text: &str) -> String {
    let lines = text.lines().map(|line| one_line(line).trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n").trim_matches('\n').to_owned()
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
        text.push_str(&line(cells, &format!("{}:{}", row.file, row.line)));
    }
    if rows.len() > MAX_ROWS {
        text.push_str(&format!("and {} more\n", rows.len() - MAX_ROWS));
    }
    text
}

fn trailers(rows: &[Row], wrote: &str, options: &MessageOptions) -> String {
    let policies: BTreeSet<String> = rows.iter().map(|row| format!("Landwaiter-Policy: {}\n", row.policy())).collect();
    let images: BTreeSet<String> = rows
        .iter()
        .map(|row| format!("Landwaiter-Image: {} {} -> {}\n", row.image(), row.exact.0, row.exact.1))
        .collect();
    let own = policies.into_iter().chain(images).filter(|_| options.trailers);
    let sign_off = options.sign_off.iter().map(|name| format!("Signed-off-by: {name}\n"));
    own.chain([wrote.to_owned()]).chain(sign_off).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_line_is_one_line_and_not_endless() {
        assert_eq!(first_line(" Update web\n[skip ci] ", "own"), "Update web [skip ci]");
        assert_eq!(first_line(" \n ", "own"), "own");
        assert_eq!(first_line(&"é".repeat(200), "own"), format!("{}…", "é".repeat(126)));
        assert_eq!(first_line(&"x".repeat(MAX_SUBJECT), "own"), "x".repeat(MAX_SUBJECT));
    }

    #[test]
    fn a_body_keeps_its_lines_and_nothing_else() {
        assert_eq!(lines("\n\none \r\n\u{1b}[31mtwo\n\n"), "one\n [31mtwo");
    }

    #[test]
    fn values_show_what_stands_there() {
        let digest = Digest::parse(&format!("sha256:{}", "ab".repeat(32))).unwrap();
        assert_eq!(value(Some("1.0.0"), Some(&digest)), "1.0.0@abababababab");
        assert_eq!(value(None, Some(&digest)), "@abababababab");
        assert_eq!(value(None, None), "-");
    }
}
