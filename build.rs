//! Names the program text that finds references, and the one that decides about tags: what another text found in a file, or
//! decided on a list, is not what this one would.
//!
//! The numbers go into `landwaiter::site::SCANNER` and `landwaiter::policy::DECIDER`. They cover every file of the modules that
//! are used, the versions of all libraries, and nothing of the machine: the same sources give the same numbers everywhere.
//!
//! It also has the static binary's relocations packed, a twentieth of its size; musl's start-up code unpacks them.

#![expect(clippy::disallowed_methods, reason = "a build script reads sources")]

use std::fs;
use std::path::{Path, PathBuf};

/// `site` and the modules it uses, see `tests/architecture.rs`.
const SCANNER: [&str; 6] = ["src/site", "src/yaml", "src/image", "src/text.rs", "Cargo.lock", "Cargo.toml"];
/// `policy` and the modules it uses, what reads a tag list, and what writes decisions down.
const DECIDER: [&str; 11] = [
    "src/policy",
    "src/version",
    "src/image",
    "src/schedule",
    "src/signature",
    "src/template.rs",
    "src/registry",
    "src/cycle/verdicts.rs",
    "src/cycle/ask.rs",
    "Cargo.lock",
    "Cargo.toml",
];

fn main() {
    if std::env::var_os("CARGO_CFG_TARGET_ENV").is_some_and(|env| env == "musl") {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    println!("cargo::rustc-env=LANDWAITER_SCANNER={}", sum_of(&SCANNER));
    println!("cargo::rustc-env=LANDWAITER_DECIDER={}", sum_of(&DECIDER));
}

fn sum_of(sources: &[&str]) -> String {
    let mut files = Vec::new();
    for source in sources {
        println!("cargo::rerun-if-changed={source}");
        collect(Path::new(source), &mut files);
    }
    files.sort();
    // FNV-1a over 128 bits: no library is needed, and nobody gains by making two program texts alike.
    let mut sum: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    let mut add = |bytes: &[u8]| {
        for byte in bytes {
            sum = (sum ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    };
    for file in &files {
        add(file.to_string_lossy().as_bytes());
        add(&[0]);
        add(&fs::read(file).unwrap_or_default());
        add(&[0]);
    }
    format!("{sum:032x}")
}

/// The files at or below a path. What is not there adds nothing.
fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    match fs::read_dir(path) {
        Ok(entries) => entries.flatten().for_each(|entry| collect(&entry.path(), files)),
        Err(_) if path.is_file() => files.push(path.to_owned()),
        Err(_) => {}
    }
}
