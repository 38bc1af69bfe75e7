//! Eight processes that update one repository at the same time, and somebody who pushes past them: every change lands exactly
//! once, no commit is lost, the history is a line. `LANDWAITER_ROUNDS=25` makes it a thousand changes (docs/benchmark.md).

use crate::repos::{fsck, run_git};
use crate::servers::{self, HTTP_PROGRAMS, HttpServer, available};
use landwaiter::registry::embedded::Embedded;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const TEAMS: usize = 8;
/// Files that each run changes.
const FILES: usize = 5;

struct Crowd {
    folder: tempfile::TempDir,
    bare: PathBuf,
    registry: Embedded,
    _runtime: tokio::runtime::Runtime,
}

/// What one process's runs have cost.
#[derive(Debug, Default)]
struct Cost {
    retries: u64,
    most: u64,
    /// Runs that gave up because the branch kept moving.
    contended: u64,
    runs: u64,
}

impl Crowd {
    fn new() -> Crowd {
        let folder = tempfile::tempdir().unwrap();
        let bare = folder.path().join("git/config.git");
        fs::create_dir_all(&bare).unwrap();
        run_git(&bare, &["init", "-q", "--bare", "-b", "main"]);
        run_git(&bare, &["config", "http.receivepack", "true"]);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let registry = runtime.block_on(Embedded::start()).unwrap();
        let work = folder.path().join("work");
        run_git(folder.path(), &["init", "-q", "-b", "main", "work"]);
        for team in 0..TEAMS {
            let image = format!("{}/acme/team-{team}", registry.host());
            let home = work.join(format!("team-{team}"));
            fs::create_dir_all(&home).unwrap();
            let policy = format!(
                "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n- {{name: team-{team}, images: ['{image}'], files: \
                 ['team-{team}/**'], select: {{semver: '*'}}}}\n"
            );
            fs::write(home.join("landwaiter.yaml"), policy).unwrap();
            for file in 0..FILES {
                let text = format!(
                    "apiVersion: v1\nkind: Pod\nmetadata: {{name: pod-{file}}}\nspec:\n  containers:\n  - image: {image}:1.0.0\n"
                );
                fs::write(home.join(format!("pod-{file}.yaml")), text).unwrap();
            }
        }
        run_git(&work, &["add", "-A"]);
        run_git(&work, &["commit", "-q", "-m", "first"]);
        run_git(&work, &["push", "-q", "../git/config.git", "main"]);
        Crowd { folder, bare, registry, _runtime: runtime }
    }

    /// One team's releases, each followed by runs until it is written.
    fn team(&self, team: usize, rounds: usize, url: &str) -> Cost {
        let mut cost = Cost::default();
        let folder = self.folder.path().display();
        for round in 1..=rounds {
            let tag = format!("1.{round}.0");
            self.registry.add_tags(&format!("acme/team-{team}"), [tag.as_str()]).unwrap();
            loop {
                let output = Command::new(env!("CARGO_BIN_EXE_landwaiter"))
                    .args(["update", "--repo", url, "--format", "json"])
                    .args(["--policies", &format!("team-{team}/landwaiter.yaml")])
                    .args(["--config", &format!("{folder}/settings.yaml")])
                    .args(["--state-dir", &format!("{folder}/state-{team}")])
                    .env_clear()
                    .envs([("HOME", "/nowhere"), ("GIT_PASSWORD", servers::TOKEN)])
                    .output()
                    .unwrap();
                cost.runs += 1;
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                if output.status.code() == Some(0) {
                    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
                    let retries = report["retries"].as_u64().unwrap();
                    cost.retries += retries;
                    cost.most = cost.most.max(retries);
                    assert_eq!(report["written"]["files"], FILES, "{report:#}");
                    break;
                }
                assert!(said.contains("times while this run was at work"), "{said}");
                cost.contended += 1;
            }
        }
        cost
    }

    /// Somebody's commits at moments that nobody knows, until the others are done; how many.
    fn somebody(&self, done: &AtomicBool) -> usize {
        let work = self.folder.path().join("work");
        let mut count = 0;
        let mut random = 7_u64;
        while !done.load(Ordering::Relaxed) {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            std::thread::sleep(Duration::from_millis((random >> 33) % 700));
            run_git(&work, &["fetch", "-q", "../git/config.git", "main"]);
            run_git(&work, &["reset", "-q", "--hard", "FETCH_HEAD"]);
            fs::write(work.join(format!("note-{count}.txt")), "mine\n").unwrap();
            run_git(&work, &["add", "-A"]);
            run_git(&work, &["commit", "-q", "-m", "somebody's"]);
            let pushed = Command::new("git")
                .args(["push", "-q", "../git/config.git", "HEAD:main"])
                .current_dir(&work)
                .stderr(Stdio::null())
                .status()
                .unwrap();
            count += usize::from(pushed.success());
        }
        count
    }

    fn assert_all_is_there(&self, rounds: usize, somebodys: usize) {
        let git = |arguments: &[&str]| run_git(&self.bare, arguments);
        fsck(&self.bare);
        assert_eq!(git(&["rev-list", "--merges", "main"]), "", "a line");
        let count = 1 + TEAMS * rounds + somebodys;
        assert_eq!(git(&["rev-list", "--count", "main"]), count.to_string());
        let mut changed: BTreeMap<String, usize> = BTreeMap::new();
        for line in git(&["log", "--format=", "--name-only", "--diff-filter=M", "main"]).lines() {
            *changed.entry(line.to_owned()).or_default() += 1;
        }
        let pods = (0..TEAMS).flat_map(|team| (0..FILES).map(move |file| format!("team-{team}/pod-{file}.yaml")));
        let expected: BTreeMap<String, usize> = pods.map(|pod| (pod, rounds)).collect();
        assert_eq!(changed, expected, "each change once");
        let bots = git(&["log", "--format=%H", "--author=landwaiter@localhost", "main"]);
        for commit in bots.lines() {
            let files = git(&["show", "--format=", "--name-only", commit]);
            let team = files.split('/').next().unwrap().to_owned();
            assert!(files.lines().count() == FILES && files.lines().all(|file| file.starts_with(&team)), "{files}");
        }
        assert_eq!(bots.lines().count(), TEAMS * rounds);
        for pod in expected.keys() {
            assert!(git(&["show", &format!("main:{pod}")]).contains(&format!(":1.{rounds}.0")), "{pod}");
        }
        let notes = git(&["ls-tree", "--name-only", "main"]).lines().filter(|name| name.starts_with("note-")).count();
        assert_eq!(notes, somebodys);
        assert!(!locked(&self.bare), "no lock is left");
    }
}

fn locked(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().flatten().any(|entry| {
        let path = entry.path();
        let lock = path.extension().is_some_and(|extension| extension == "lock");
        (path.is_dir() && locked(&path)) || (lock && entry.file_name() != "landwaiter.lock")
    })
}

#[expect(clippy::print_stdout, reason = "the reader of a test run learns what it cost")]
fn play(way: &str, settings: impl FnOnce(&Crowd) -> (String, String)) {
    let rounds: usize = std::env::var("LANDWAITER_ROUNDS").map_or(5, |rounds| rounds.parse().unwrap());
    let crowd = Crowd::new();
    let (url, text) = settings(&crowd);
    fs::write(crowd.folder.path().join("settings.yaml"), text).unwrap();
    let done = AtomicBool::new(false);
    let started = Instant::now();
    let (costs, somebodys): (Vec<Cost>, usize) = std::thread::scope(|scope| {
        let somebody = scope.spawn(|| crowd.somebody(&done));
        let (crowd, url) = (&crowd, &url);
        let teams: Vec<_> = (0..TEAMS).map(|team| scope.spawn(move || crowd.team(team, rounds, url))).collect();
        let costs = teams.into_iter().map(|team| team.join().unwrap()).collect();
        done.store(true, Ordering::Relaxed);
        (costs, somebody.join().unwrap())
    });
    let took = started.elapsed();
    let sum = |of: fn(&Cost) -> u64| costs.iter().map(of).sum::<u64>();
    println!(
        "{way}: {} changes by {TEAMS} processes in {took:.1?}; {} runs, {} retries, at most {} in one run, {} gave up; somebody \
         pushed {somebodys} commits",
        TEAMS * rounds * FILES,
        sum(|cost| cost.runs),
        sum(|cost| cost.retries),
        costs.iter().map(|cost| cost.most).max().unwrap(),
        sum(|cost| cost.contended),
    );
    crowd.assert_all_is_there(rounds, somebodys);
}

#[test]
fn eight_processes_and_a_person_lose_nothing_over_http() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let mut server = None;
    play("http", |crowd| {
        let started = HttpServer::start(&crowd.folder.path().join("git"));
        let url = format!("http://127.0.0.1:{}/", started.port);
        let settings = format!(
            "apiVersion: landwaiter/v1\nkind: Settings\ngit:\n- {{url: '{url}', credentials: {{user: writer, passwordEnv: \
             GIT_PASSWORD}}}}\n"
        );
        server = Some(started);
        (format!("{url}config.git"), settings)
    });
}

#[test]
fn eight_processes_and_a_person_lose_nothing_in_a_local_repository() {
    play("local", |crowd| (crowd.bare.display().to_string(), "apiVersion: landwaiter/v1\nkind: Settings\n".to_owned()));
}
