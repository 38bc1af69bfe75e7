//! What people read when a policy file or the settings are wrong: every check with its exact message, line, caret and
//! hint.
//!
//! The cases stand in `tests/diagnostics/*.txt`: a title, the file, a line of dashes, the rendered diagnostics. After a
//! change, `UPDATE_SNAPSHOTS=1 cargo test --test diagnostics` writes what is printed now; read the difference.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files and may panic")]

use landwaiter::config::{policies, settings};
use landwaiter::text::Diagnostic;
use std::path::PathBuf;

const TITLE: &str = "=== ";
const FILE: &str = "--- file: ";
const SHOWN: &str = "----------";

struct Case {
    title: String,
    /// Path and text; the path of a case with one file is the default.
    files: Vec<(String, String)>,
    shown: String,
}

#[test]
fn wrong_policies_are_explained() {
    compare("policies.txt", "landwaiter.yaml", |files| policies::read(files).diagnostics);
}

#[test]
fn wrong_settings_are_explained() {
    compare("settings.txt", "settings.yaml", |files| {
        settings::read(&files[0].0, &files[0].1).err().unwrap_or_default()
    });
}

/// Runs each case of a file through `read` and compares what is printed.
fn compare(name: &str, default_path: &str, read: impl Fn(&[(String, String)]) -> Vec<Diagnostic>) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics").join(name);
    let mut cases = cases(&std::fs::read_to_string(&path).unwrap(), default_path);
    let mut wrong = Vec::new();
    for case in &mut cases {
        let shown = render(&case.files, &read(&case.files));
        if shown != case.shown {
            wrong.push(format!("{}\nexpected:\n{}\nfound:\n{shown}", case.title, case.shown));
            case.shown = shown;
        }
    }
    if std::env::var("UPDATE_SNAPSHOTS").is_ok() {
        std::fs::write(&path, print(&cases, default_path)).unwrap();
        return;
    }
    assert!(!cases.is_empty());
    assert!(
        wrong.is_empty(),
        "{} cases of {name} differ (UPDATE_SNAPSHOTS=1 refreshes them):\n\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
}

fn render(files: &[(String, String)], diagnostics: &[Diagnostic]) -> String {
    if diagnostics.is_empty() {
        return "accepted".to_owned();
    }
    let source = |file: &str| &files.iter().find(|(path, _)| path == file).unwrap().1;
    let shown: Vec<String> = diagnostics.iter().map(|one| one.render(source(&one.file), false)).collect();
    // Blank ends of lines are a matter of the renderer, and editors like to remove them.
    let lines: Vec<String> = shown.join("\n\n").lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

fn cases(text: &str, default_path: &str) -> Vec<Case> {
    text.split(&format!("\n{TITLE}"))
        .skip(1)
        .map(|section| {
            let (title, rest) = section.split_once('\n').unwrap();
            let (input, shown) = rest.split_once(&format!("\n{SHOWN}\n")).unwrap_or((rest, ""));
            let mut files: Vec<(String, String)> = Vec::new();
            for line in input.lines() {
                if let Some(path) = line.strip_prefix(FILE) {
                    files.push((path.to_owned(), String::new()));
                    continue;
                }
                if files.is_empty() {
                    files.push((default_path.to_owned(), String::new()));
                }
                let (_, text) = files.last_mut().unwrap();
                text.push_str(line);
                text.push('\n');
            }
            Case { title: title.to_owned(), files, shown: shown.trim_end().to_owned() }
        })
        .collect()
}

fn print(cases: &[Case], default_path: &str) -> String {
    let mut out = String::from("Cases for tests/diagnostics.rs, which says how to read and refresh them.\n");
    for case in cases {
        out.push_str(&format!("\n{TITLE}{}\n", case.title));
        for (path, text) in &case.files {
            if path != default_path {
                out.push_str(&format!("{FILE}{path}\n"));
            }
            out.push_str(text);
        }
        out.push_str(&format!("{SHOWN}\n{}\n", case.shown));
    }
    out
}
