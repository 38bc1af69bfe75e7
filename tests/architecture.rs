//! Keeps the house as `src/lib.rs` draws it: who may use whom, that every file says what it is for, and that the paths
//! the documentation names exist.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files and may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Module, and the modules it may use. The order is the layering: a row names only rows above it.
const HOUSE: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("template", &[]),
    ("image", &[]),
    ("signature", &["image"]),
    ("schedule", &[]),
    ("version", &["image"]),
    ("policy", &["template", "image", "signature", "schedule", "version"]),
    ("yaml", &["text"]),
    ("site", &["text", "image", "yaml"]),
    ("edit", &["text", "image", "yaml", "site"]),
    ("plan", &["text", "template", "image", "schedule", "version", "policy", "site", "edit"]),
    ("config", &["text", "template", "image", "signature", "version", "policy", "yaml", "site", "schedule", "plan"]),
    ("port", &["image", "version", "plan"]),
    (
        "cycle",
        &[
            "text",
            "template",
            "image",
            "signature",
            "schedule",
            "version",
            "policy",
            "site",
            "edit",
            "plan",
            "config",
            "port",
        ],
    ),
    ("render", &["text", "image", "version", "policy", "site", "plan", "config", "port", "cycle"]),
    ("http", &["port"]),
    ("registry", &["image", "port", "http"]),
    ("git", &["image", "version", "plan", "port"]),
    ("forge", &["plan", "port", "http"]),
    ("store", &["image", "port"]),
    ("telemetry", &["port", "cycle"]),
    ("webhook", &["image", "config", "port"]),
    (
        "service",
        &["text", "image", "plan", "policy", "schedule", "config", "port", "cycle", "render", "telemetry", "webhook"],
    ),
    (
        "notify",
        &[
            "text",
            "template",
            "image",
            "policy",
            "plan",
            "config",
            "port",
            "cycle",
            "render",
            "http",
            "telemetry",
            "service",
        ],
    ),
    ("trace", &["image", "port", "cycle", "http", "telemetry", "service"]),
    ("cli", &["*"]),
];

#[test]
fn modules_use_only_what_the_table_allows() {
    let problems = sources().iter().flat_map(|(path, text)| forbidden_uses(path, text)).collect::<Vec<_>>();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn a_forbidden_use_is_found() {
    let planted = "//! x\nuse crate::git::Remote;\nfn f() { crate::cli::run() }\nuse crate::{text::Span, registry};\n";
    let found = forbidden_uses(Path::new("src/policy/planted.rs"), planted);
    assert_eq!(
        found,
        [
            "src/policy/planted.rs:2: policy must not use git",
            "src/policy/planted.rs:3: policy must not use cli",
            "src/policy/planted.rs:4: policy must not use text",
            "src/policy/planted.rs:4: policy must not use registry",
        ]
    );
}

#[test]
fn the_table_is_a_layering() {
    for (at, (module, uses)) in HOUSE.iter().enumerate() {
        for used in uses.iter().filter(|used| **used != "*") {
            let below = HOUSE.iter().position(|(name, _)| name == used).expect("a used module has a row");
            assert!(below < at, "{module} uses {used}, which does not stand above it");
        }
    }
}

/// What was found in files is remembered for the program text that found it: `build.rs` names that text, and must name all of it.
#[test]
fn the_text_of_the_scanner_is_that_of_all_modules_it_uses() {
    let build = fs::read_to_string(root().join("build.rs")).unwrap();
    let (_, uses) = HOUSE.iter().find(|(name, _)| *name == "site").expect("site has a row");
    for module in uses.iter().chain(&["site"]) {
        let place =
            if root().join(format!("src/{module}")).is_dir() { module.to_string() } else { format!("{module}.rs") };
        assert!(build.contains(&format!("\"src/{place}\"")), "build.rs does not name src/{place}");
        assert!(
            place.ends_with(".rs") || !root().join(format!("src/{module}.rs")).exists(),
            "src/{module}.rs stands beside"
        );
        let deeper = HOUSE.iter().find(|(name, _)| name == module).map_or(&[][..], |(_, uses)| uses);
        assert!(deeper.iter().all(|used| uses.contains(used)), "{module} uses what site does not name");
    }
}

#[test]
fn every_module_has_a_row_and_a_line_on_the_front_page() {
    let front = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let declared: Vec<&str> =
        front.lines().filter_map(|line| line.strip_prefix("pub mod ")).map(|rest| rest.trim_end_matches(';')).collect();
    let rows: Vec<&str> = HOUSE.iter().map(|(name, _)| *name).collect();
    assert_eq!(declared, rows, "src/lib.rs declares its modules in the order of the table");
    for row in rows {
        assert!(front.contains(&format!("| [`{row}`] |")), "the front page has no line for {row}");
    }
}

#[test]
fn every_file_opens_by_saying_what_it_is_for() {
    let mute: Vec<String> = sources()
        .iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert!(mute.is_empty(), "files without a module doc: {mute:?}");
}

#[test]
fn every_path_the_documentation_names_exists() {
    let mut documents = vec![root().join("README.md"), root().join("CONTRIBUTING.md")];
    documents.extend(files_below(&root().join("docs"), "md"));
    let mut missing = Vec::new();
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for (number, line) in text.lines().enumerate() {
            for quoted in line.split('`').skip(1).step_by(2) {
                if names_a_path(quoted) && !root().join(quoted).exists() {
                    missing.push(format!("{}:{}: {quoted}", document.display(), number + 1));
                }
            }
        }
    }
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}

/// Only what starts with a folder of this repository and has no placeholder in it is taken for a path.
fn names_a_path(quoted: &str) -> bool {
    let ours = ["src/", "tests/", "docs/", "policies/", "examples/", "benches/", "fuzz/", ".ci/"];
    ours.iter().any(|folder| quoted.starts_with(folder)) && !quoted.contains(['*', '<', ' ', ':', '{'])
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file: its path from the root, and its text.
fn sources() -> BTreeMap<PathBuf, String> {
    files_below(&root().join("src"), "rs")
        .into_iter()
        .map(|path| (path.strip_prefix(root()).unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
        .collect()
}

fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The top-level module that a source file belongs to; `None` for `lib.rs` and `main.rs`.
fn module_of(path: &Path) -> Option<String> {
    let inside = path.strip_prefix("src").ok()?;
    let first = inside.components().next()?.as_os_str().to_str()?;
    let name = first.strip_suffix(".rs").unwrap_or(first);
    (name != "lib" && name != "main").then(|| name.to_owned())
}

fn forbidden_uses(path: &Path, text: &str) -> Vec<String> {
    let Some(module) = module_of(path) else {
        return Vec::new();
    };
    let Some((_, allowed)) = HOUSE.iter().find(|(name, _)| *name == module) else {
        return vec![format!("{}: {module} has no row in tests/architecture.rs", path.display())];
    };
    let mut problems = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or(line);
        for used in used_modules(code) {
            let known = HOUSE.iter().any(|(name, _)| *name == used);
            if known && used != module && !allowed.contains(&used.as_str()) && !allowed.contains(&"*") {
                problems.push(format!("{}:{}: {module} must not use {used}", path.display(), number + 1));
            }
        }
    }
    problems
}

/// The first path segments after `crate::`, groups in braces included.
fn used_modules(code: &str) -> Vec<String> {
    let mut used = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => {
                let mut depth = 0;
                let mut start = 0;
                for (i, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => {
                            used.push(first_word(&group[start..i]));
                            break;
                        }
                        '}' => depth -= 1,
                        ',' if depth == 0 => {
                            used.push(first_word(&group[start..i]));
                            start = i + 1;
                        }
                        _ => {}
                    }
                }
            }
            None => used.push(first_word(rest)),
        }
    }
    used
}

fn first_word(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}
