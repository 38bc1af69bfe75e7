//! A repository of 100,000 files: what a run costs when nothing is known, when nothing is new, and when one file is.
//!
//! `cargo bench --bench large` makes the repository (16,667 applications of six files each, images of ten repositories),
//! serves it and the tag lists from nginx on loopback, and times whole processes from start to exit, locally and over
//! `git http-backend`. Before each run of *one file*, somebody commits an older tag to one file; the run puts that right and
//! pushes. Before *nothing new* that has happened once already, so that the caches are warm.
//!
//! `LANDWAITER=PATH:PATH` measures these programs in turn instead of this one. It needs what the bench `whole_run` needs. The repository
//! stays in `target/bench-large`.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench is a program of its own"
)]

#[path = "../whole_run/corpus.rs"]
#[expect(dead_code, reason = "another repository is made of the same files")]
mod corpus;
#[path = "../whole_run/measure.rs"]
mod measure;
#[path = "../whole_run/servers.rs"]
mod servers;

use measure::{Sample, median, timed};
use servers::Servers;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const APPLICATIONS: usize = 16_667;
const IMAGES: usize = 10;
const NEWEST: &str = "1.49.5";
const OLDER: &str = "1.40.0";
/// What is timed, in this order.
const STEPS: [&str; 3] = ["nothing known", "nothing new", "one file"];

fn main() {
    let runs: usize = std::env::var("RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(5);
    let programs = std::env::var("LANDWAITER").unwrap_or_else(|_| env!("CARGO_BIN_EXE_landwaiter").to_owned());
    let programs: Vec<&str> = programs.split(':').collect();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/bench-large");
    let servers = Servers::start(&folder);
    let host = servers.host();
    corpus::lists(&folder, &host);
    let bare = make(&folder, &host);
    let url = format!("http://{host}/git/large.git");
    println!("{} files; median of {runs} runs, in turn; whole processes, start to exit\n", 6 * APPLICATIONS + 1);
    let mut samples = vec![Vec::new(); programs.len() * 2 * STEPS.len()];
    let mut touched = 0;
    for _ in 0..runs {
        for (place, repository) in [&bare, &url].into_iter().enumerate() {
            for (which, program) in programs.iter().enumerate() {
                let state = folder.join("state");
                let _ = fs::remove_dir_all(&state);
                // Another one each time: what was put right and is taken back is left alone.
                let mut touch = || {
                    touched += 1;
                    commit(&bare, &[(path(touched), deployment(&host, touched, OLDER))]);
                };
                for step in 0..STEPS.len() {
                    match step {
                        // The past of the branch is asked for when something is written: let it be known, too.
                        1 => {
                            touch();
                            update(program, repository, &state);
                            update(program, repository, &state);
                        }
                        2 => touch(),
                        _ => {}
                    }
                    let before = head(&bare);
                    let sample = update(program, repository, &state);
                    samples[(place * programs.len() + which) * STEPS.len() + step].push(sample);
                    let changed = run("git", &["-C", &bare, "diff", "--shortstat", &before, "main"]);
                    assert_eq!(changed.contains("1 file changed"), step == 2, "{changed}");
                }
            }
        }
    }
    println!("{:<10} {:<8} {:<16} {:>9} {:>11} {:>12}", "", "program", "", "wall", "processor", "peak memory");
    for (at, samples) in samples.iter().enumerate() {
        let place = ["local", "http"][at / STEPS.len() / programs.len()];
        let program = at / STEPS.len() % programs.len() + 1;
        let Sample { wall, memory, cpu } = median(samples);
        println!(
            "{place:<10} {program:<8} {:<16} {wall:>7.3} s {cpu:>9.2} s {memory:>8.1} MiB",
            STEPS[at % STEPS.len()]
        );
    }
}

fn update(program: &str, repository: &str, state: &Path) -> Sample {
    let state = state.to_string_lossy();
    timed(program, &["update", "--repo", repository, "--branch", "main", "--format", "json", "--state-dir", &state])
}

fn path(application: usize) -> String {
    format!("teams/team-{:03}/app-{application:05}/deployment.yaml", application % 250)
}

/// A file of its own for each application, with one of the few images.
fn deployment(host: &str, application: usize, tag: &str) -> String {
    let image = format!("bench/app-{:04}:", application % IMAGES);
    corpus::deployment(host, application, tag).replace(&format!("bench/app-{application:04}:"), &image)
}

/// The repository, made once for each port.
fn make(folder: &Path, host: &str) -> String {
    let repository = folder.join("git/large.git");
    let bare = repository.to_string_lossy().into_owned();
    let _ = fs::remove_dir_all(&repository);
    run("git", &["init", "--quiet", "--bare", "--initial-branch=main", &bare]);
    run("git", &["-C", &bare, "config", "http.receivepack", "true"]);
    run("git", &["-C", &bare, "config", "uploadpack.allowFilter", "true"]);
    run("git", &["-C", &bare, "config", "gc.auto", "0"]);
    let policies = format!(
        "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n  - name: all\n    images: [\"{host}/bench/*\"]\n    select: {{semver: \">=1\"}}\n"
    );
    let mut files = vec![("landwaiter.yaml".to_owned(), policies)];
    for app in 0..APPLICATIONS {
        let place = |name: &str| path(app).replace("deployment", name);
        files.push((place("deployment"), deployment(host, app, NEWEST)));
        files.push((place("service"), corpus::service(app)));
        files.push((place("configmap"), corpus::config_map(app)));
        files.push((place("ingress"), corpus::ingress(app)));
        files.push((place("hpa"), corpus::autoscaler(app)));
        files.push((place("kustomization"), corpus::kustomization(app)));
    }
    corpus::import(&repository, &files);
    run("git", &["-C", &bare, "repack", "-adq"]);
    bare
}

/// A commit on top of the branch.
fn commit(bare: &str, files: &[(String, String)]) {
    let mut child =
        Command::new("git").args(["-C", bare, "fast-import", "--quiet"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let head = head(bare);
    write!(
        input,
        "commit refs/heads/main\ncommitter Bench <bench@example.com> 1700000000 +0000\ndata 4\nback\nfrom {head}\n"
    )
    .unwrap();
    for (path, text) in files {
        writeln!(input, "M 100644 inline {path}\ndata {}\n{text}", text.len()).unwrap();
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

fn head(bare: &str) -> String {
    run("git", &["-C", bare, "rev-parse", "main"]).trim().to_owned()
}

/// Runs a program and insists on success.
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
