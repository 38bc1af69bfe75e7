//! The registry client alone, beside curl, in the same run.
//!
//! `cargo bench --bench scanning` serves 1,000 tag lists of 500 tags from nginx on loopback and times whole processes from
//! start to exit: `curl --parallel` of all lists, and this program's own client listing them, as a run does it. Nothing is
//! decided and nothing is read from Git. It needs nginx, fcgiwrap, curl and GNU time.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench is a program of its own"
)]

#[path = "whole_run/corpus.rs"]
#[expect(dead_code, reason = "only the lists are needed, not the config repository")]
mod corpus;
#[path = "whole_run/measure.rs"]
mod measure;
#[path = "whole_run/servers.rs"]
mod servers;

use corpus::{REPOSITORIES, TAGS, lists};
use futures::{StreamExt, stream};
use landwaiter::cycle::IN_FLIGHT;
use landwaiter::image::Repository;
use landwaiter::port::Registry;
use landwaiter::registry::{Client, Options};
use measure::{Sample, median, timed};
use servers::Servers;
use std::path::PathBuf;
use std::process::Command;

/// The argument that makes this program the one that is measured.
const SCAN: &str = "scan-these";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, host, threads] = &arguments[..]
        && word == SCAN
    {
        return scan(host, threads.parse().unwrap());
    }
    let runs: usize = std::env::var("RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(15);
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    let servers = Servers::start(&folder);
    let urls = lists(&folder, &servers.host()).to_string_lossy().into_owned();
    let own = std::env::current_exe().unwrap().to_string_lossy().into_owned();
    println!("{REPOSITORIES} lists of {TAGS} tags; median of {runs} runs, alternating; whole processes\n");
    let (mut curl, mut one, mut two) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        curl.push(timed("curl", &["--config", &urls]));
        one.push(timed(&own, &[SCAN, &servers.host(), "1"]));
        two.push(timed(&own, &[SCAN, &servers.host(), "2"]));
    }
    let floor = median(&curl).wall;
    println!("{:<28} {:>9} {:>10} {:>12}", "", "wall", "ratio", "peak memory");
    let row = |name: &str, samples: &[Sample]| {
        let sample = median(samples);
        println!("{name:<28} {:>7.3} s {:>8.2} x {:>8.1} MiB", sample.wall, sample.wall / floor, sample.memory);
    };
    row("curl --parallel", &curl);
    row("scan, on one thread", &one);
    row("scan, with two workers", &two);
}

/// Lists every repository as a run does.
fn scan(host: &str, threads: usize) {
    let mut builder = match threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = builder.worker_threads(threads).enable_all().build().unwrap();
    let client = Client::new(Options::new("landwaiter-bench")).unwrap();
    let names = (0..REPOSITORIES).map(|app| Repository::parse(&format!("{host}/bench/app-{app:04}")).unwrap());
    let names: Vec<Repository> = names.collect();
    let tags = runtime.block_on(async {
        let listed = stream::iter(&names).map(|name| client.tags(name)).buffer_unordered(IN_FLIGHT);
        listed.fold(0, async |sum, tags| sum + tags.unwrap().len()).await
    });
    assert!(tags >= REPOSITORIES * TAGS, "{tags}");
}

/// Runs a program and insists on success.
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
