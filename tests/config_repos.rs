//! Real config repositories, where they are present: what is found, and that replacing every tag and replacing it back
//! gives the identical file.
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
use landwaiter::site::{Reference, Scan, Shape, candidate_file, scan};
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
fn every_image_line_of_a_kubernetes_document_is_accounted_for() {
    for repository in repositories() {
        let (mut counts, mut blocked, mut notes, mut lost) = ([0; 3], 0, 0, Vec::new());
        let mut skipped = Vec::new();
        for (path, bytes) in files(&repository) {
            let found = scan(&path, &bytes);
            for reference in &found.references {
                counts[[Shape::Kubernetes, Shape::Kustomize, Shape::Marked]
                    .iter()
                    .position(|s| *s == reference.shape)
                    .unwrap()] += 1;
                blocked += usize::from(reference.blocked.is_some());
            }
            notes += found.notes.len();
            match &found.skipped {
                Some(why) => skipped.push(format!("{path}: {} ({})", why.reason.word(), why.detail)),
                None => lost.extend(
                    unaccounted(&String::from_utf8(bytes).unwrap(), &found).map(|line| format!("{path}:{line}")),
                ),
            }
        }
        println!(
            "{}: {} kubernetes, {} kustomize, {} marked; {blocked} blocked, {notes} notes, {} files skipped",
            name(&repository),
            counts[0],
            counts[1],
            counts[2],
            skipped.len(),
        );
        skipped.iter().for_each(|why| println!("  skipped {why}"));
        assert_eq!(lost, Vec::<String>::new());
    }
}

/// The lines that name an image as a reader of text sees it, in documents with `apiVersion` and `kind`, and that the scan
/// neither found nor noted. Deliberately another method than the scan's.
fn unaccounted(text: &str, found: &Scan) -> impl Iterator<Item = usize> {
    let mut lost = Vec::new();
    let mut line = 0;
    for document in text.split_inclusive('\n').collect::<Vec<_>>().split_inclusive(|line| line.trim_end() == "---") {
        let has = |key: &str| document.iter().any(|line| line.starts_with(key));
        let kubernetes = has("apiVersion:") && has("kind:");
        for written in document {
            line += 1;
            let word = written.trim_start_matches([' ', '-']).trim_end();
            let names_image = (kubernetes && word.starts_with("image: "))
                || word.starts_with("newTag:")
                || word.contains("$imagepolicy");
            let known = found.references.iter().any(|r| r.line == line) || found.notes.iter().any(|n| n.line == line);
            if names_image && !known {
                lost.push(line);
            }
        }
    }
    lost.into_iter()
}

fn name(repository: &Path) -> String {
    repository.file_name().unwrap().to_string_lossy().into_owned()
}
