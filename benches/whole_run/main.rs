//! The whole run on the reference corpus, beside its floor, measured in the same run.
//!
//! `cargo bench --bench whole_run` makes the corpus (1,000 image repositories with 500 tags each, 6,000 files, 750 outdated
//! references), serves the tag lists from nginx on loopback, and times whole processes from start to exit:
//!
//! - **floor**: `curl --parallel` of the same 1,000 tag lists, plus `git grep` over the same tree;
//! - **local**: `landwaiter update` on a bare repository: read, decide, edit, prove, commit by compare-and-swap;
//! - **http**: the same over `git http-backend`: fetch into an empty cache, and push;
//! - **nothing new**: the same commands again, when every reference is up to date and every file was read before.
//!
//! Each begins with an empty state directory. `LANDWAITER=PATH` measures another program instead. `LANDWAITER_ALTERNATIVES=1` measures Renovate
//! in the same run, see `alternatives.rs`.
//! It needs nginx, fcgiwrap, git, curl and GNU time: `apt-get install nginx fcgiwrap git curl time`. The corpus stays in `target/bench`.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench is a program of its own"
)]

mod alternatives;
mod corpus;
mod measure;
mod servers;

use corpus::Corpus;
use measure::{Sample, median, timed};
use servers::Servers;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let program = std::env::var("LANDWAITER").unwrap_or_else(|_| env!("CARGO_BIN_EXE_landwaiter").to_owned());
    let runs: usize = std::env::var("RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(7);
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    let servers = Servers::start(&folder);
    let corpus = Corpus::make(&folder, &servers.host());
    println!("corpus: {corpus}\nmedian of {runs} runs, alternating; whole processes, start to exit\n");

    let (mut curl, mut grep) = (Vec::new(), Vec::new());
    let (mut local, mut local_again) = (Vec::new(), Vec::new());
    let (mut http, mut http_again) = (Vec::new(), Vec::new());
    let bare = corpus.repository.to_string_lossy().into_owned();
    let url = format!("http://{}/git/config.git", servers.host());
    let state = folder.join("state");
    let mut requests = String::new();
    for _ in 0..runs {
        curl.push(timed("curl", &["--config", &corpus.urls.to_string_lossy()]));
        grep.push(timed("git", &["-C", &bare, "grep", "-c", "image:", "main"]));
        for (repository, cold, again) in [(&bare, &mut local, &mut local_again), (&url, &mut http, &mut http_again)] {
            corpus.reset();
            let _ = std::fs::remove_dir_all(&state);
            cold.push(update(&program, repository, &state));
            requests = corpus.verify();
            // What was written is read once more; after that nothing is new.
            update(&program, repository, &state);
            again.push(update(&program, repository, &state));
        }
    }
    let floor = median(&curl).wall + median(&grep).wall;
    let row = |name: &str, samples: &[Sample], base: f64| {
        let sample = median(samples);
        println!("{name:<28} {:>7.3} s {:>8.2} x {:>8.1} MiB", sample.wall, sample.wall / base, sample.memory);
    };
    println!("{:<28} {:>9} {:>10} {:>12}", "", "wall", "ratio", "peak memory");
    row("floor: curl", &curl, floor);
    row("floor: git grep", &grep, floor);
    println!("{:<28} {floor:>7.3} s {:>8.2} x", "floor", 1.0);
    row("local bare, 750 changes", &local, floor);
    row("http, empty cache, 750", &http, floor);
    println!();
    println!("ratios below: against the curl part alone");
    row("local bare, nothing new", &local_again, median(&curl).wall);
    row("http, warm, nothing new", &http_again, median(&curl).wall);
    println!("\nrequests of one run: {requests}");
    if let Some(other) = alternatives::renovate(&folder, &corpus, &servers.host()) {
        println!("\nRenovate, look-up only, of a checkout that is there (once, whatever RUNS says):");
        println!("{:<28} {:>7.3} s {:>8.2} x {:>8.1} MiB", "renovate", other.wall, other.wall / floor, other.memory);
        println!("{} requests, {} updates found, nothing written", other.requests, other.updates);
    }
}

fn update(program: &str, repository: &str, state: &Path) -> Sample {
    let state = state.to_string_lossy();
    timed(program, &["update", "--repo", repository, "--branch", "main", "--format", "json", "--state-dir", &state])
}

/// Runs a program and insists on success.
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
