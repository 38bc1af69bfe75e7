//! How time, requests and memory grow: with files, with image repositories, with tags, with config repositories.
//!
//! `cargo bench --bench scale` makes repositories of growing size, serves tag lists (and refusals to all else) from nginx on
//! loopback, and times whole processes on local bare repositories: with an empty state directory (*first*), and again when
//! nothing is new (*again*). The last row is one service, `landwaiter serve --once`, for growing numbers of config repositories.
//! What it measures is written to `docs/plots/*.svg`, and printed as tables.
//!
//! `LARGEST=N` leaves out what is larger, `RUNS=N` sets how many runs the medians are of, `ONLY=files,images,tags,configs` names the rows.
//! It needs what the bench `whole_run` needs. Everything is made in `target/bench-scale`.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench is a program of its own"
)]

#[path = "../whole_run/corpus.rs"]
#[expect(dead_code, reason = "other repositories are made of the same files")]
mod corpus;
#[path = "../whole_run/measure.rs"]
mod measure;
mod plot;
#[path = "../whole_run/servers.rs"]
mod servers;

use measure::{Sample, median, timed};
use plot::{Plot, Series};
use servers::Servers;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Image repositories that the rows have which are about something else.
const FEW: usize = 10;
/// Tags of a repository in the rows that are about something else.
const TAGS: usize = 500;

/// One point: its size, and what a first and a further run took.
struct Point {
    size: usize,
    first: Sample,
    again: Sample,
    requests: u64,
}

struct Bench {
    folder: PathBuf,
    host: String,
    program: String,
    runs: usize,
}

/// What grows in a row, and by which steps.
struct Row {
    name: &'static str,
    title: &'static str,
    x: &'static str,
    sizes: &'static [usize],
    /// Makes the point's repositories and says what is run on them.
    make: fn(&Bench, usize) -> Vec<String>,
}

const ROWS: [Row; 4] = [
    Row {
        name: "files",
        title: "Files in one repository",
        x: "files",
        sizes: &[1_000, 3_000, 10_000, 30_000, 100_000],
        make: files,
    },
    Row {
        name: "images",
        title: "Image repositories",
        x: "image repositories, 500 tags each",
        sizes: &[10, 100, 1_000, 10_000],
        make: images,
    },
    Row {
        name: "tags",
        title: "Tags of one image repository",
        x: "tags",
        sizes: &[100, 1_000, 10_000, 100_000],
        make: tags,
    },
    Row {
        name: "configs",
        title: "Config repositories in one service",
        x: "config repositories, 60 files each",
        sizes: &[1, 10, 50, 200],
        make: configs,
    },
];

fn main() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/bench-scale");
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<usize>().ok());
    let servers = Servers::start(&folder);
    let bench = Bench {
        host: servers.host(),
        program: std::env::var("LANDWAITER").unwrap_or_else(|_| env!("CARGO_BIN_EXE_landwaiter").to_owned()),
        runs: number("RUNS").unwrap_or(3),
        folder,
    };
    let (largest, only) = (number("LARGEST").unwrap_or(usize::MAX), std::env::var("ONLY").ok());
    let plots = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/plots");
    fs::create_dir_all(&plots).unwrap();
    for row in ROWS {
        if only.as_ref().is_some_and(|only| !only.split(',').any(|name| name == row.name)) {
            continue;
        }
        println!("\n{} (median of {} runs)", row.title, bench.runs);
        println!("{:>9} {:>12} {:>12} {:>12} {:>12} {:>9}", row.name, "first", "again", "first", "again", "requests");
        let sizes = row.sizes.iter().copied().filter(|size| *size <= largest);
        let points: Vec<Point> = sizes.map(|size| bench.point(&row, size)).collect();
        draw(&plots, &row, &points);
    }
}

impl Bench {
    fn point(&self, row: &Row, size: usize) -> Point {
        let arguments = (row.make)(self, size);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let state = self.folder.join("state");
        let (mut first, mut again, mut requests) = (Vec::new(), Vec::new(), 0);
        for _ in 0..self.runs {
            let _ = fs::remove_dir_all(&state);
            first.push(timed(&self.program, &arguments));
            // Once more, so that what the first run decided is known.
            requests = self.requests(&arguments);
            again.push(timed(&self.program, &arguments));
        }
        let point = Point { size, first: median(&first), again: median(&again), requests };
        let Point { first, again, .. } = &point;
        println!(
            "{size:>9} {:>10.3} s {:>10.3} s {:>8.1} MiB {:>8.1} MiB {requests:>9}",
            first.wall, again.wall, first.memory, again.memory
        );
        point
    }

    /// The requests of one run, as it reports or logs them itself.
    fn requests(&self, arguments: &[&str]) -> u64 {
        let output = Command::new(&self.program).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        if let Ok(report) = serde_json::from_slice::<serde_json::Value>(&output.stdout) {
            let counts = report["requests"].as_object().unwrap();
            return counts.values().filter_map(serde_json::Value::as_u64).sum();
        }
        // A service tells in its log how many repositories each run asks for their tags; here each has one page.
        let log = String::from_utf8_lossy(&output.stderr);
        let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        lines.filter_map(|line| line["images"].as_u64()).sum()
    }

    fn state(&self) -> String {
        self.folder.join("state").display().to_string()
    }

    /// A bare repository with some applications of six files each, whose images are taken from so many repositories.
    fn repository(&self, name: &str, applications: usize, images: usize) -> String {
        let place = self.folder.join("git").join(name);
        let bare = place.to_string_lossy().into_owned();
        let _ = fs::remove_dir_all(&place);
        corpus_run("git", &["init", "--quiet", "--bare", "--initial-branch=main", &bare]);
        let host = &self.host;
        let policies = format!(
            "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n  - name: all\n    images: [\"{host}/bench/*\"]\n    select: {{semver: \">=1\"}}\n"
        );
        let mut files = vec![("landwaiter.yaml".to_owned(), policies)];
        for app in 0..applications {
            let path = |name: &str| format!("teams/team-{:03}/app-{app:05}/{name}.yaml", app % 250);
            let image = format!("bench/app-{:05}:", app % images);
            let own = format!("bench/app-{app:04}:");
            files.push((path("deployment"), corpus::deployment(host, app, "1.49.5").replace(&own, &image)));
            files.push((path("service"), corpus::service(app)));
            files.push((path("configmap"), corpus::config_map(app)));
            files.push((path("ingress"), corpus::ingress(app)));
            files.push((path("hpa"), corpus::autoscaler(app)));
            files.push((path("kustomization"), corpus::kustomization(app)));
        }
        corpus::import(&place, &files);
        corpus_run("git", &["-C", &bare, "repack", "-adq"]);
        bare
    }

    /// So many tag lists with so many tags each.
    fn lists(&self, images: usize, tags: usize) {
        let _ = fs::remove_dir_all(self.folder.join("www/v2/bench"));
        let list = tag_list(tags);
        for image in 0..images {
            let place = self.folder.join(format!("www/v2/bench/app-{image:05}/tags"));
            fs::create_dir_all(&place).unwrap();
            fs::write(place.join("list"), format!("{{\"name\":\"bench/app-{image:05}\",\"tags\":[{list}]}}")).unwrap();
        }
    }

    fn update(&self, repository: &str) -> Vec<String> {
        let fixed = ["--branch", "main", "--format", "json", "--state-dir"];
        let mut arguments = vec!["update".to_owned(), "--repo".to_owned(), repository.to_owned()];
        arguments.extend(fixed.map(str::to_owned));
        arguments.push(self.state());
        arguments
    }
}

/// Versions up to 1.49.5, and builds by their commits.
fn tag_list(count: usize) -> String {
    let mut tags = vec!["\"1.49.5\"".to_owned()];
    for number in 0..count - 1 {
        let tag = match number % 10 {
            0..7 => format!("\"1.{}.{}\"", number / 10 % 49, number),
            _ => format!("\"sha-{:012x}\"", (number as u64).wrapping_mul(2_654_435_761)),
        };
        tags.push(tag);
    }
    tags.join(",")
}

fn files(bench: &Bench, size: usize) -> Vec<String> {
    bench.lists(FEW, TAGS);
    bench.update(&bench.repository("files.git", size / 6, FEW))
}

fn images(bench: &Bench, size: usize) -> Vec<String> {
    bench.lists(size, TAGS);
    bench.update(&bench.repository("images.git", size, size))
}

fn tags(bench: &Bench, size: usize) -> Vec<String> {
    bench.lists(1, size);
    bench.update(&bench.repository("tags.git", 1, 1))
}

/// All in one settings file, each looked at once.
fn configs(bench: &Bench, size: usize) -> Vec<String> {
    bench.lists(FEW, TAGS);
    let mut settings = String::from("apiVersion: landwaiter/v1\nkind: Settings\nrepositories:\n");
    for config in 0..size {
        let bare = bench.repository(&format!("config-{config:03}.git"), FEW, FEW);
        let _ = writeln!(settings, "  - {{path: {bare}, branches: [main]}}");
    }
    let file = bench.folder.join("settings.yaml");
    fs::write(&file, settings).unwrap();
    let file = file.display().to_string();
    ["serve", "--once", "--config", &file, "--state-dir", &bench.state()].map(str::to_owned).to_vec()
}

fn draw(folder: &Path, row: &Row, points: &[Point]) {
    let series = |name, value: &dyn Fn(&Point) -> f64| {
        let points = points.iter().map(|point| (point.size as f64, value(point))).filter(|point| point.1 > 0.0);
        Series { name, points: points.collect() }
    };
    let time = vec![series("first run", &|point| point.first.wall), series("nothing new", &|point| point.again.wall)];
    let memory =
        vec![series("first run", &|point| point.first.memory), series("nothing new", &|point| point.again.memory)];
    let requests = vec![series("requests", &|point| point.requests as f64)];
    for (kind, y, series) in [
        ("time", "seconds from start to exit", time),
        ("memory", "peak resident memory, MiB", memory),
        ("requests", "requests of one run", requests),
    ] {
        let svg = Plot { title: row.title, x: row.x, y, series }.svg();
        fs::write(folder.join(format!("{}-{kind}.svg", row.name)), svg).unwrap();
    }
}

/// Runs a program and insists on success.
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn corpus_run(program: &str, arguments: &[&str]) {
    drop(run(program, arguments));
}
