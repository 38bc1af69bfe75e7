//! Declared patterns over any text: Dockerfiles, jsonnet, HCL, scripts.
//!
//! ```yaml
//! locations:
//!   - {files: "**/Dockerfile*", pattern: '(?m)^FROM (?P<image>\S+:\S+)'}
//!   - {files: "**/*.tf", pattern: 'image\s*=\s*"(?P<repository>[^":]+):(?P<tag>[^"]+)"'}
//! ```
//!
//! Each match is one reference; its groups `image`, `repository`, `tag` and `digest` are the parts. Repositories are read
//! and not written. A marker or a hold counts when it stands behind the match on its line (a hold also on the line above),
//! in whatever the language calls a comment. What a pattern finds in a YAML file outranks what a shape finds in the same
//! bytes. Policy files are never searched.

use super::declared::{self, Location, Placed};
use super::marker::{self, Reading};
use super::value;
use super::{
    Document, HandHold, MAX_REFERENCES, Medium, Note, Part, Reference, Scan, Setting, Shape, SkipReason, Skipped, Slot,
    hold,
};
use crate::text::Span;
use crate::yaml::{self, Lines};
use regex::{Captures, Regex};

/// How many bytes behind a match, and before it on its line, are searched for a marker or a hold.
const NEAR: usize = 1024;

/// Adds the references that patterns find in a file.
pub(super) fn find(path: &str, bytes: &[u8], here: &[&Location], scan: &mut Scan) {
    let ours = memchr::memmem::find(bytes, b"apiVersion: landwaiter/").is_some();
    if ours || !here.iter().any(|location| matches!(location.place, Placed::Pattern(_))) {
        return;
    }
    let text = match yaml::text(bytes) {
        Ok(text) => text,
        Err(problem) => {
            let reason = match problem.kind {
                yaml::ProblemKind::TooLarge => SkipReason::TooLarge,
                _ => SkipReason::NotUtf8,
            };
            scan.skipped.get_or_insert(Skipped { reason, detail: format!("{path}: {}", problem.message) });
            return;
        }
    };
    let lines = Lines::new(text);
    let mut found = Vec::new();
    let many = |location: &&&Location| match &location.place {
        Placed::Pattern(pattern) => pattern.find_iter(text).nth(MAX_REFERENCES).is_some(),
        _ => false,
    };
    if here.iter().find(many).is_some() {
        let detail = format!("a declared pattern matches more than {MAX_REFERENCES} times");
        scan.skipped.get_or_insert(Skipped { reason: SkipReason::TooLarge, detail });
        return;
    }
    for location in here {
        if let Placed::Pattern(pattern) = &location.place {
            matches(&lines, pattern, location, &mut found, &mut scan.notes);
        }
    }
    found.sort_by_key(|reference: &Reference| first(reference));
    found.dedup_by(|later, earlier| first(later).start < last(earlier));
    scan.references.retain(|reference| !overlaps(reference, &found));
    scan.references.append(&mut found);
    scan.references.sort_by_key(|reference| reference.line);
}

fn matches(lines: &Lines<'_>, pattern: &Regex, location: &Location, found: &mut Vec<Reference>, notes: &mut Vec<Note>) {
    for (at, groups) in pattern.captures_iter(lines.text()).enumerate() {
        match reference(lines, &groups, location, at) {
            Some(reference) => found.push(reference),
            None => {
                let start = groups.get(0).map_or(0, |whole| whole.start());
                let text = "the declared pattern matches, but none of its groups does".to_owned();
                notes.push(Note { line: lines.number(start), text });
            }
        }
    }
}

const GROUPS: [(&str, Part); 3] = [("image", Part::Whole), ("tag", Part::Tag), ("digest", Part::Digest)];

fn reference(lines: &Lines<'_>, groups: &Captures<'_>, location: &Location, at: usize) -> Option<Reference> {
    let mut slots = Vec::new();
    let mut blocked = None;
    let mut parts = value::Parts::default();
    let mut learn = |read: Result<value::Parts, value::Unreadable>, text: &str| match read {
        Ok(read) => {
            parts.name = read.name.or(parts.name.take());
            parts.repository = read.repository.or(parts.repository.take());
            parts.tag = read.tag.or(parts.tag.take());
            parts.digest = read.digest.or(parts.digest.take());
        }
        Err(why) => {
            blocked.get_or_insert_with(|| format!("`{}` {why}", super::draft::shown(text)));
        }
    };
    match (groups.name("repository"), &location.image) {
        (Some(name), _) => learn(value::name(name.as_str()), name.as_str()),
        (None, Some(image)) => learn(value::name(image.as_str()), image.as_str()),
        (None, None) => {}
    }
    for (group, part) in GROUPS {
        let Some(text) = groups.name(group) else { continue };
        learn(declared::read(part, text.as_str()), text.as_str());
        slots.push(Slot {
            part,
            span: Span::new(text.start(), text.end()),
            value: text.as_str().to_owned(),
            setting: Setting { medium: Medium::Text, ..Setting::default() },
        });
    }
    slots.sort_by_key(|slot| slot.span.start);
    let start = slots.first()?.span.start;
    let mut reference = Reference {
        line: lines.number(start),
        document: Document::default(),
        path: format!("match[{at}]"),
        shape: Shape::Declared,
        name: parts.name,
        repository: parts.repository,
        tag: parts.tag,
        digest: parts.digest,
        marker: None,
        hold: hold_near(lines, start),
        slots,
        insert: None,
        remove: Vec::new(),
        blocked,
    };
    mark(lines, &mut reference);
    if reference.repository.is_none() && reference.marker.is_none() {
        let why = "the location does not say of which repository; name it with `image` or a group `repository`";
        reference.blocked.get_or_insert_with(|| why.to_owned());
    }
    Some(reference)
}

/// The marker behind the match on its line.
fn mark(lines: &Lines<'_>, reference: &mut Reference) {
    let end = last(reference);
    let rest = within(lines.text(), end, lines.end(end).min(end + NEAR));
    let Some(at) = rest.find("landwaiter:") else { return };
    let Reading::Mark(mark) = marker::read(rest[at..].trim_end().trim_end_matches("*/").trim_end()) else {
        reference.blocked.get_or_insert_with(|| "a marker stands behind it that is not quite one".to_owned());
        return;
    };
    if !reference.slots.iter().any(|slot| slot.part == mark.part) {
        reference.blocked.get_or_insert_with(|| "the marker names a part that the match does not have".to_owned());
    }
    reference.marker = Some(mark.marker);
}

/// The hold on the line or on the one above.
fn hold_near(lines: &Lines<'_>, offset: usize) -> Option<HandHold> {
    let text = lines.text();
    let (start, near) = (lines.start(offset), |at: usize| at.saturating_sub(NEAR));
    let here = within(text, start.max(near(offset)), lines.end(offset).min(offset + NEAR));
    let above = start.checked_sub(1).map(|at| within(text, lines.start(at).max(near(start)), start));
    let number = lines.number(offset);
    let near = [Some((here, number)), above.map(|text| (text, number.saturating_sub(1)))];
    near.into_iter().flatten().find_map(|(text, line)| {
        let at = text.find("landwaiter-hold")?;
        Some(HandHold { line, ..hold::read(text[at..].trim_end())?.hold })
    })
}

/// The text between two offsets, as far as they are between characters.
fn within(text: &str, mut from: usize, mut to: usize) -> &str {
    while !text.is_char_boundary(from) {
        from += 1;
    }
    while !text.is_char_boundary(to) {
        to -= 1;
    }
    text.get(from..to).unwrap_or_default()
}

fn first(reference: &Reference) -> Span {
    reference.slots.first().map(|slot| slot.span).unwrap_or_default()
}

fn last(reference: &Reference) -> usize {
    reference.slots.last().map(|slot| slot.span.end).unwrap_or_default()
}

/// Whether a reference shares bytes with one of `found`, which are sorted and apart.
fn overlaps(reference: &Reference, found: &[Reference]) -> bool {
    reference.slots.iter().any(|slot| {
        let next = found.partition_point(|other| last(other) <= slot.span.start);
        found.get(next).is_some_and(|other| first(other).start < slot.span.end)
    })
}

#[cfg(test)]
mod tests {
    use super::super::declared::Declarations;
    use super::*;
    use globset::Glob;

    fn scan(pattern: &str, path: &str, text: &str) -> Scan {
        let location = Location {
            files: vec![Glob::new("**").unwrap().compile_matcher()],
            place: Placed::Pattern(Regex::new(pattern).unwrap()),
            image: None,
        };
        Declarations { locations: vec![location], ..Declarations::default() }.scan(path, text.as_bytes())
    }

    const FROM: &str = r"(?m)^FROM (?P<image>\S+)";

    #[test]
    fn every_match_is_a_reference() {
        let found =
            scan(FROM, "Dockerfile", "FROM acme/web:v1 AS a\n# landwaiter-hold: x\nFROM acme/b:v2 # landwaiter: b\n");
        let seen = found.references.iter().map(|r| (r.line, r.tag.as_deref(), r.slots[0].value.as_str()));
        assert_eq!(seen.collect::<Vec<_>>(), [(1, Some("v1"), "acme/web:v1"), (3, Some("v2"), "acme/b:v2")]);
        assert!(found.references[1].hold.is_some());
        assert_eq!(found.references[1].marker.as_ref().unwrap().policies, ["b"]);
    }

    #[test]
    fn repository_and_tag_may_be_apart() {
        let found = scan(r#"(?P<repository>[a-z/]+)", "(?P<tag>[^"]+)""#, "x.tf", "f(\"acme/web\", \"v1\")\n");
        assert_eq!((found.references[0].name.as_deref(), found.references[0].slots.len()), (Some("acme/web"), 1));
    }

    #[test]
    fn what_cannot_be_read_is_blocked_with_its_reason() {
        let found = scan(FROM, "Dockerfile", "FROM ${BASE}\n");
        assert!(found.references[0].blocked.as_ref().unwrap().contains("another program"));
        let found = scan(r"TAG=(?P<tag>\S+)", "x.sh", "TAG=v1\n");
        assert!(found.references[0].blocked.as_ref().unwrap().contains("of which repository"));
    }

    #[test]
    fn a_pattern_outranks_a_shape_in_the_same_bytes() {
        let pod = "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: 'acme/web:v1'}, {image: 'acme/b:v1'}]}\n";
        let found = scan("(?P<image>acme/web:[a-z0-9]+)", "pod.yaml", pod);
        let shapes = found.references.iter().map(|r| r.shape).collect::<Vec<_>>();
        assert_eq!(shapes, [Shape::Kubernetes, Shape::Declared]);
    }

    #[test]
    fn the_number_of_matches_is_limited_and_one_line_of_them_costs_no_more_than_their_sum() {
        let line = |count: usize| "acme/web:v1é ".repeat(count);
        let pattern = "(?P<image>acme/web:v1)";
        assert_eq!(scan(pattern, "x", &line(MAX_REFERENCES)).references.len(), MAX_REFERENCES);
        let over = scan(pattern, "x", &line(MAX_REFERENCES + 1));
        assert_eq!((over.references.len(), over.skipped.unwrap().reason), (0, SkipReason::TooLarge));
    }

    #[test]
    fn a_file_that_is_no_text_is_skipped() {
        let location = Location {
            files: vec![Glob::new("**").unwrap().compile_matcher()],
            place: Placed::Pattern(Regex::new(FROM).unwrap()),
            image: None,
        };
        let declared = Declarations { locations: vec![location], ..Declarations::default() };
        assert_eq!(declared.scan("x", b"FROM \xff").skipped.unwrap().reason, SkipReason::NotUtf8);
    }
}
