//! How fast files are read and rewritten: `cargo bench --bench editing`, one core.
//!
//! For each corpus (see [`corpus`]) the same bytes go through the bare parser, through `scan`, and through scan, edit and
//! proof of every reference that can be edited. Printed is the median of the rounds, in MB (10^6 bytes) of corpus a second:
//! `ROUNDS=9`, `MEGABYTES=20` change the measure, `FOLDER=path` adds a real tree of files.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench measures, prints and may panic"
)]

mod corpus;

use corpus::File;
use landwaiter::edit::{Edit, Target, apply};
use landwaiter::image::Tag;
use landwaiter::site;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

fn main() {
    let number = |name: &str, otherwise: usize| std::env::var(name).map_or(otherwise, |text| text.parse().unwrap());
    let (rounds, bytes) = (number("ROUNDS", 7), number("MEGABYTES", 20) * 1_000_000);
    println!(
        "{:<10} {:>6} {:>6} {:>7}  {:>7} {:>7} {:>7}",
        "corpus", "files", "MB", "images", "parser", "scan", "edit"
    );
    measure("dense", &corpus::dense(bytes), rounds);
    measure("mixed", &corpus::mixed(bytes), rounds);
    measure("silent", &corpus::silent(bytes), rounds);
    if let Ok(folder) = std::env::var("FOLDER") {
        let mut files = Vec::new();
        read(Path::new(&folder), &mut files);
        measure("folder", &files, rounds);
    }
}

fn measure(name: &str, files: &[File], rounds: usize) {
    let bytes: usize = files.iter().map(|file| file.text.len()).sum();
    let megabytes = bytes as f64 / 1e6;
    let references: usize = files.iter().map(|file| scan(file).references.len()).sum();
    let speed = |work: fn(&File) -> usize| megabytes / median(files, rounds, work);
    let (parser, scanned, edited) = (speed(parse), speed(|file| scan(file).references.len()), speed(edit));
    println!(
        "{name:<10} {:>6} {megabytes:>6.1} {references:>7}  {parser:>7.1} {scanned:>7.1} {edited:>7.1}",
        files.len()
    );
}

/// Seconds for all files, the median of the rounds.
fn median(files: &[File], rounds: usize, work: fn(&File) -> usize) -> f64 {
    let mut seconds = (0..rounds)
        .map(|_| {
            let started = Instant::now();
            for file in files {
                black_box(work(black_box(file)));
            }
            started.elapsed().as_secs_f64()
        })
        .collect::<Vec<_>>();
    seconds.sort_by(f64::total_cmp);
    seconds[rounds / 2]
}

/// Every event that the library we build on gives, with nothing done to it: the floor.
fn parse(file: &File) -> usize {
    granit_parser::Parser::new_from_str(&file.text).take_while(Result::is_ok).count()
}

fn scan(file: &File) -> site::Scan {
    site::scan(&file.path, file.text.as_bytes())
}

fn edit(file: &File) -> usize {
    let scan = scan(file);
    let to = Target { tag: Tag::parse("v99.0.0").ok(), ..Target::default() };
    let open = scan.references.iter().filter(|reference| reference.blocked.is_none() && reference.digest.is_none());
    let edits = open.map(|reference| Edit { reference, to: to.clone() }).collect::<Vec<_>>();
    if edits.is_empty() {
        return 0;
    }
    apply(file.text.as_bytes(), &edits).unwrap().bytes.len()
}

/// The files below a folder that a run would read.
fn read(folder: &Path, files: &mut Vec<File>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.to_string_lossy().into_owned();
        if path.is_dir() && !path.is_symlink() {
            read(&path, files);
        } else if site::candidate_file(&name) {
            files.extend(std::fs::read_to_string(&path).ok().map(|text| File { path: name, text }));
        }
    }
}
