//! Names the program text that finds references: what another text found in a file is not what this one would find.
//!
//! The number goes into `landwaiter::site::SCANNER`. It covers every file of the modules that a scan uses, the versions of all
//! libraries, and nothing of the machine: the same sources give the same number everywhere.
//!
//! It also has the static binary's relocations packed, a twentieth of its size; musl's start-up code unpacks them.

#![expect(clippy::disallowed_methods, reason = "a build script reads sources")]

use std::fs;
use std::path::{Path, PathBuf};

/// `site` and the modules it uses, see `tests/architecture.rs`.
const SOURCES: [&str; 6] = ["src/site", "src/yaml", "src/image", "src/text.rs", "Cargo.lock", "Cargo.toml"];

fn main() {
    if std::env::var_os("CARGO_CFG_TARGET_ENV").is_some_and(|env| env == "musl") {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    let mut files = Vec::new();
    for source in SOURCES {
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
    println!("cargo::rustc-env=LANDWAITER_SCANNER={sum:032x}");
}

/// The files at or below a path. What is not there adds nothing.
fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    match fs::read_dir(path) {
        Ok(entries) => entries.flatten().for_each(|entry| collect(&entry.path(), files)),
        Err(_) if path.is_file() => files.push(path.to_owned()),
        Err(_) => {}
    }
}
