//! The static binary: it needs nothing of the machine but the kernel, is small, and starts at once.

use crate::root::{Root, may_enter, static_binary};
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A binary of this size or more is too large.
const SIZE: u64 = 30_000_000;
/// From the start of the process to its end, with the help text printed.
const START: Duration = Duration::from_millis(20);
/// Starts, of which the median counts.
const STARTS: usize = 21;

#[test]
fn it_is_small_and_asks_for_no_library() {
    let Some(binary) = static_binary() else { return };
    let bytes = fs::read(&binary).unwrap();
    assert!((bytes.len() as u64) < SIZE, "{} has {} bytes", binary.display(), bytes.len());
    assert_eq!(&bytes[..5], b"\x7fELF\x02");
    // The program headers of ELF: one of type 3 names a loader, one of type 2 libraries that it is to load, if a tag 1 is in it.
    let number = |at: usize, length: usize| {
        bytes[at..at + length].iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte))
    };
    let (table, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    for header in (0..count).map(|index| table + index * size) {
        let (offset, length) = (number(header + 8, 8), number(header + 32, 8));
        match number(header, 4) {
            3 => panic!("it asks for a loader"),
            2 => {
                let needed = (offset..offset + length).step_by(16).any(|entry| number(entry, 8) == 1);
                assert!(!needed, "it asks for a library");
            }
            _ => {}
        }
    }
}

#[test]
fn it_starts_in_an_empty_root_at_once() {
    let Some(binary) = static_binary() else { return };
    let mut times: Vec<Duration> = (0..STARTS)
        .map(|_| {
            let begun = Instant::now();
            let said = std::process::Command::new(&binary).arg("--help").env_clear().output().unwrap();
            let took = begun.elapsed();
            assert!(said.status.success() && said.stdout.starts_with(b"Writes container-image updates back to Git"));
            took
        })
        .collect();
    times.sort();
    let median = times[STARTS / 2];
    assert!(median < START, "the help text takes {median:?}");

    if !may_enter() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = Root::make(folder.path(), &binary);
    let said = root.command(&["--version"]).stdin(Stdio::null()).output().unwrap();
    let err = String::from_utf8_lossy(&said.stderr);
    assert_eq!(String::from_utf8_lossy(&said.stdout), format!("landwaiter {}\n", env!("CARGO_PKG_VERSION")), "{err}");
    // The demo is the whole loop: a registry, a repository, threads, a commit. It needs a folder for its files, and nothing else.
    let said = root.command(&["demo"]).env("TMPDIR", "/var/lib/landwaiter").stdin(Stdio::null()).output().unwrap();
    let err = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{err}");
}
