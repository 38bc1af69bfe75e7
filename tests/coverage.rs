//! Real config repositories, where they are present: what is found and what is passed over, as `docs/coverage.md` shows it,
//! and that replacing every tag and replacing it back gives the identical file.
//!
//! The repositories are no part of ours. They are looked for at `$LANDWAITER_CASES` and in `shared/cases` beside the
//! checkout's parent; without them the test says so and passes.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests read files, say what they counted and may panic"
)]

use landwaiter::edit::{Edit, Target, apply};
use landwaiter::image::Tag;
use landwaiter::site::{Reference, Scan, candidate_file, scan};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const SENTINEL: &str = "v0-sentinel";

fn repositories() -> Vec<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases");
    let cases = std::env::var_os("LANDWAITER_CASES").map_or(beside, PathBuf::from).join("config-repos");
    let Ok(found) = std::fs::read_dir(&cases) else {
        println!("SKIPPED: no config repositories in {}", cases.display());
        return Vec::new();
    };
    let mut repositories = found.map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    repositories.sort();
    repositories
}

/// The YAML files below a folder, with their paths in it, sorted.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut open = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if candidate_file(path.to_str().unwrap()) {
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            files.push((name, std::fs::read(&path).unwrap()));
        }
    }
    files.sort();
    files
}

/// The state of a reference with another tag, everything else as it is.
fn tagged(reference: &Reference, tag: &str) -> Target {
    Target { name: None, tag: Some(Tag::parse(tag).unwrap()), digest: reference.digest.clone() }
}

/// References whose tag can be replaced and put back.
fn editable(scan: &Scan) -> impl Iterator<Item = &Reference> {
    scan.references
        .iter()
        .filter(|r| r.blocked.is_none() && r.tag.as_deref().is_some_and(|tag| Tag::parse(tag).is_ok()))
}

#[test]
fn all_tags_can_be_replaced_and_put_back() {
    for repository in repositories() {
        let (mut edited, mut same) = (0, 0);
        for (path, bytes) in files(&repository) {
            let before = scan(&path, &bytes);
            let edits = editable(&before).map(|r| Edit { reference: r, to: tagged(r, SENTINEL) }).collect::<Vec<_>>();
            let there = apply(&bytes, &edits).unwrap_or_else(|error| panic!("{path}: {error}")).bytes;
            let after = scan(&path, &there);
            let moved = after.references.iter().filter(|r| r.tag.as_deref() == Some(SENTINEL)).collect::<Vec<_>>();
            assert_eq!(moved.len(), edits.len(), "{path}");
            let back = moved
                .iter()
                .zip(editable(&before))
                .map(|(now, was)| Edit { reference: now, to: tagged(now, was.tag.as_deref().unwrap()) })
                .collect::<Vec<_>>();
            assert_eq!(apply(&there, &back).unwrap().bytes, bytes, "{path}");
            edited += edits.len();
            same += 1;
        }
        println!("{}: {edited} tags replaced and put back in {same} files", name(&repository));
        assert!(same > 0);
    }
}

#[test]
fn every_line_that_names_an_image_is_found_or_has_a_reason() {
    for repository in repositories() {
        let mut lost = Vec::new();
        for (path, bytes) in files(&repository) {
            let found = scan(&path, &bytes);
            if found.skipped.is_none() {
                let text = String::from_utf8(bytes).unwrap();
                lost.extend(unaccounted(&text, &found).into_iter().map(|line| format!("{path}:{line}")));
            }
        }
        assert_eq!(lost, Vec::<String>::new(), "{}", name(&repository));
    }
}

/// The lines that name an image as a reader of text sees it, and that the scan neither found nor noted. Deliberately
/// another method than the scan's.
fn unaccounted(text: &str, found: &Scan) -> Vec<usize> {
    let known = |line| found.references.iter().any(|r| r.line == line) || found.notes.iter().any(|n| n.line == line);
    let names_image = |line: &str| {
        let word = line.trim_start_matches([' ', '-', '"']).trim_end();
        let value = |key: &str| {
            let rest = word.strip_prefix(key).map(|rest| rest.trim_start_matches('"'))?;
            rest.strip_prefix(": ").map(|value| value.trim_matches(['"', '\'', ' ', ',']))
        };
        let image = value("image").filter(|value| !value.is_empty() && !value.starts_with(['#', '{', '|', '>']));
        let tag = value("newTag").or_else(|| value("imageTag"));
        let last = word.rsplit_once(": ").map_or(word, |(_, value)| value).trim_matches(['"', '\'', ' ', ',', '-']);
        let anywhere = last.split_once('/').is_some_and(|(host, path)| {
            let plain = !last.contains([' ', '{', '$', '<']) && !last.contains("://");
            let named = host.starts_with(|c: char| c.is_ascii_alphanumeric()) && host.contains('.');
            let tag = path.rsplit_once(':').is_some_and(|(_, tag)| !tag.is_empty() && !tag.contains('/'));
            plain && !word.starts_with('#') && named && tag
        });
        image.or(tag).is_some() || word.contains("$imagepolicy") || anywhere
    };
    let lines = text.lines().enumerate().filter(|(_, line)| names_image(line)).map(|(at, _)| at + 1);
    lines.filter(|line| !known(*line)).collect()
}

#[test]
fn the_table_in_the_documentation_is_current() {
    let repositories = repositories();
    if repositories.is_empty() {
        return;
    }
    let mut text = String::from(HEAD);
    let mut passed_over = String::new();
    for repository in &repositories {
        let files = files(repository);
        let (mut by_shape, mut reasons) = (BTreeMap::new(), BTreeMap::<String, (usize, String)>::new());
        let (mut found, mut editable) = (0, 0);
        for (path, bytes) in &files {
            let scan = scan(path, bytes);
            let blocked = scan.references.iter().filter_map(|r| Some((r.line, r.blocked.clone()?)));
            let noted = scan.notes.iter().map(|note| (note.line, note.text.clone()));
            let skipped = scan.skipped.iter().map(|why| (1, format!("file skipped: {}", why.reason.word())));
            for (line, why) in blocked.chain(noted).chain(skipped) {
                reasons.entry(kind_of(&why)).or_insert((0, format!("{path}:{line}"))).0 += 1;
            }
            for reference in &scan.references {
                *by_shape.entry(reference.shape).or_insert(0) += 1;
                found += 1;
                editable += usize::from(reference.blocked.is_none());
            }
        }
        let shapes = by_shape.iter().map(|(shape, count)| format!("{count} {}", shape.word())).collect::<Vec<_>>();
        text += &format!("| {} | {} | {found} | {} | {editable} |\n", name(repository), files.len(), shapes.join(", "));
        for (why, (count, first)) in reasons {
            passed_over += &format!("| {} | {why} | {count} | {first} |\n", name(repository));
        }
    }
    text += REASONS;
    text += &passed_over;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/coverage.md");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&path).unwrap_or_default(),
        text,
        "UPDATE_SNAPSHOTS=1 cargo test --test coverage"
    );
}

const HEAD: &str = "\
# Coverage

What is found in three public config repositories without any configuration. The table is written by the test `coverage`, which also
checks that every line that names an image is found or has a printed reason, and that replacing every tag and replacing it
back gives the identical files.

| repository | files read | references | by shape | can be edited |
|---|---|---|---|---|
";

const REASONS: &str = "
## Passed over, by reason

Values that differ from place to place stand as `...`; the place is the first of its reason.

| repository | reason | how often | first |
|---|---|---|---|
";

/// A reason without the value it speaks of.
fn kind_of(why: &str) -> String {
    let mut parts = why.split('`');
    let mut kind = parts.next().unwrap_or_default().to_owned();
    while let (Some(quoted), Some(rest)) = (parts.next(), parts.next()) {
        // Names of keys and tools stay, values go.
        let word = quoted.len() <= 12 && quoted.bytes().all(|b| b.is_ascii_lowercase() || b == b':' || b == b'|');
        kind += &format!("`{}`{rest}", if word { quoted } else { "..." });
    }
    kind.replace('|', "\\|")
}

fn name(repository: &Path) -> String {
    repository.file_name().unwrap().to_string_lossy().into_owned()
}
