//! The service as an operator meets it: ticks, signals, broken settings, failing neighbours, health and metrics.

use crate::world::{EXAMPLE_HOST, World, git, message};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Nothing that is waited for may take longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const POLICIES: &str = "\
apiVersion: landwaiter/v1
kind: ImagePolicies
policies:
  - name: web
    images: [reg.example.com/acme/web]
    select: {semver: '*'}
";

pub(crate) const POD: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
    - name: web
      image: reg.example.com/acme/web:1.0.0
";

/// A world with one bare repository that has one image in it.
pub(crate) fn world(policies: &str) -> (World, String) {
    let world = World::new();
    world.push("acme/web", &["1.0.0"]);
    world.write("landwaiter.yaml", policies);
    world.write("apps/web.yaml", POD);
    let bare = world.bare().to_string_lossy().into_owned();
    (world, bare)
}

pub(crate) fn settings_file(world: &World) -> PathBuf {
    world.folder.path().join("settings.yaml")
}

/// Writes the settings as an editor does: a new file in the place of the old one.
pub(crate) fn settle(world: &World, body: &str) -> PathBuf {
    let (path, new) = (settings_file(world), world.folder.path().join("settings.new"));
    fs::write(&new, format!("apiVersion: landwaiter/v1\nkind: Settings\n{body}\n")).unwrap();
    fs::rename(new, &path).unwrap();
    path
}

/// A running service.
pub(crate) struct Serving {
    child: Child,
    log: Arc<Mutex<String>>,
    reader: Option<std::thread::JoinHandle<()>>,
}

impl Serving {
    pub(crate) fn start(world: &World, more: &[&str]) -> Serving {
        let settings = settings_file(world).to_string_lossy().into_owned();
        let mut arguments = vec!["serve", "--config", &settings, "--log-format", "json"];
        arguments.extend(more);
        let mut command = world.command(&arguments);
        let mut child = command.current_dir("/").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut pipe, log) = (child.stderr.take().unwrap(), Arc::new(Mutex::new(String::new())));
        let written = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4_096];
            while let Ok(count @ 1..) = pipe.read(&mut bytes) {
                written.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        Serving { child, log, reader: Some(reader) }
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// The lines about one kind of event.
    pub(crate) fn lines(&self, event: &str) -> Vec<serde_json::Value> {
        let log = self.log();
        let whole = log.split_inclusive('\n').filter(|line| line.starts_with('{') && line.ends_with('\n'));
        let lines = whole.map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")));
        lines.filter(|line: &serde_json::Value| line["event"] == event).collect()
    }

    pub(crate) fn until(&self, what: &str, mut good: impl FnMut() -> bool) {
        let start = Instant::now();
        while !good() {
            assert!(start.elapsed() < PATIENCE, "waited in vain for {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn until_lines(&self, event: &str, count: usize) {
        self.until(&format!("{count} x {event}"), || self.lines(event).len() >= count);
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = std::process::Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end, and gives the exit status.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(start.elapsed() < PATIENCE, "it does not end\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        };
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        status.code()
    }

    /// Status and body of what is at a path of the operations' address.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.until_lines("listening", 1);
        let address = self.lines("listening")[0]["address"].as_str().unwrap().to_owned();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Listens anywhere, and looks when it is told to: on the 29th of February.
pub(crate) fn quiet(bare: &str) -> String {
    format!(
        "repositories: [{{path: {bare}, schedule: '0 0 29 2 *'}}]\nservice: {{address: '127.0.0.1:0', page: off, pause: 1s}}"
    )
}

pub(crate) fn image(bare: &str) -> String {
    let file = git(bare, &["show", "main:apps/web.yaml"]);
    file.rsplit(':').next().unwrap().to_owned()
}

#[test]
fn a_new_tag_is_written_at_the_next_tick() {
    let often = POLICIES.replace("    select", "    schedule: '* * * * * *'\n    select");
    let (world, bare) = world(&often);
    settle(&world, &quiet(&bare));
    let mut serving = Serving::start(&world, &[]);
    serving.until_lines("run-ended", 1);
    assert_eq!(image(&bare), "1.0.0");

    world.push("acme/web", &["1.1.0"]);
    serving.until("the new tag", || image(&bare) == "1.1.0");
    let text = message(&git(&bare, &["log", "-1", "--format=%s", "main"]), &world.registry.host());
    assert_eq!(text, "Update acme/web to 1.1.0", "{EXAMPLE_HOST}");

    serving.until_lines("committed", 1);
    let run = serving.lines("committed")[0]["run"].clone();
    let all: Vec<_> = ["run-started", "snapshot-taken", "planned", "committed", "run-ended"].into();
    serving.until("the end of that run", || serving.lines("run-ended").iter().any(|line| line["run"] == run));
    for event in all {
        let found = serving.lines(event);
        assert_eq!(found.iter().filter(|line| line["run"] == run).count(), 1, "{event}");
        assert!(found.iter().all(|line| line["repository"] == bare.as_str()), "{event}");
    }
    serving.signal("-TERM");
    assert_eq!(serving.ended(), Some(0));
}

#[test]
fn a_run_asks_about_the_policies_that_are_due_and_no_others() {
    let two = POLICIES.replace("    select", "    schedule: '* * * * * *'\n    select")
        + "  - name: api\n    images: [reg.example.com/acme/api]\n    select: {semver: '*'}\n    schedule: '0 0 29 2 *'\n";
    let world = World::new();
    world.push("acme/web", &["1.0.0"]);
    world.push("acme/api", &["1.0.0"]);
    world.write("landwaiter.yaml", &two);
    world.write("apps/web.yaml", POD);
    world.write("apps/api.yaml", &POD.replace("acme/web", "acme/api"));
    let bare = world.bare().to_string_lossy().into_owned();
    settle(&world, &quiet(&bare));
    let mut serving = Serving::start(&world, &[]);
    serving.until_lines("run-ended", 1);
    world.push("acme/api", &["1.1.0"]);
    let asked = world.registry.requests();
    serving.until_lines("run-ended", 4);
    let narrow = serving.lines("run-started").into_iter().skip(1).take(3);
    assert!(narrow.into_iter().all(|line| line["policies"] == 1), "{}", serving.log());
    assert!(serving.lines("listing-started").iter().skip(1).all(|line| line["images"] == 1), "{}", serving.log());
    assert!(world.registry.requests() > asked, "web is asked about");
    assert!(!git(&bare, &["show", "main:apps/api.yaml"]).contains("1.1.0"), "api is not due");
    assert!(!serving.get("/metrics").1.contains("not-due"), "what is not due is no hold that anybody must know of");
    serving.signal("-HUP");
    serving.until("api", || git(&bare, &["show", "main:apps/api.yaml"]).contains("1.1.0"));
    serving.signal("-TERM");
    assert_eq!(serving.ended(), Some(0));
}

/// Commits files on `main`, as somebody else does.
fn commit(world: &World, bare: &str, files: &[(&str, &str)]) {
    files.iter().for_each(|(path, text)| world.write(path, text));
    let repo = world.repo().to_string_lossy().into_owned();
    git(&repo, &["pull", "--quiet", "--no-edit", "--no-rebase", bare, "main"]);
    git(&repo, &["add", "--all"]);
    git(&repo, &["commit", "--quiet", "--message=theirs"]);
    git(&repo, &["push", "--quiet", bare, "HEAD:main"]);
}

#[test]
fn a_broken_policy_file_stops_only_itself_and_its_last_version_goes_on() {
    const API: &str = "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n  - name: api\n    images: [reg.example.com/acme/api]\n    select: {semver: '*'}\n    schedule: '* * * * * *'\n";
    let often = POLICIES.replace("    select", "    schedule: '* * * * * *'\n    select");
    let world = World::new();
    world.push("acme/web", &["1.0.0"]);
    world.push("acme/api", &["1.0.0"]);
    world.write("landwaiter.yaml", &often);
    world.write("policies/api.yaml", API);
    world.write("apps/web.yaml", POD);
    world.write("apps/api.yaml", &POD.replace("acme/web", "acme/api"));
    let bare = world.bare().to_string_lossy().into_owned();
    settle(&world, &quiet(&bare));
    let mut serving = Serving::start(&world, &[]);
    serving.until_lines("run-ended", 1);
    let web = || git(&bare, &["show", "main:apps/web.yaml"]);
    let api = || git(&bare, &["show", "main:apps/api.yaml"]);

    // Broken, and one that is broken from its first day: it would claim web, if anybody could read it.
    let greedy = often.replace("name: web", "name: greedy").replace("semver: '*'", "semver: '<'");
    commit(&world, &bare, &[("policies/api.yaml", &API.replace("semver", "semvre")), ("policies/more.yaml", &greedy)]);
    serving.until("the report", || serving.lines("run-ended").iter().any(|line| line["result"] == "rejected"));
    world.push("acme/web", &["1.1.0"]);
    world.push("acme/api", &["1.1.0"]);
    serving.until("both to go on", || web().contains("1.1.0") && api().contains("1.1.0"));
    let problems: Vec<_> = serving.lines("policy-problem").into_iter().map(|line| line["problem"].clone()).collect();
    for said in ["its last valid version is in use until it is mended", "was not there when all policies were valid"] {
        assert!(problems.iter().any(|one| one.as_str().unwrap().contains(said)), "{said}: {problems:?}");
    }
    let place = format!("{{repository=\"{bare}\",branch=\"\"}}");
    assert!(serving.get("/metrics").1.contains(&format!("landwaiter_policy_files_rejected{place} 2")));

    // Restarts lose nothing, and what others change meanwhile counts.
    serving.signal("-TERM");
    assert_eq!(serving.ended(), Some(0));
    world.push("acme/web", &["1.2.0", "2.0.0"]);
    world.push("acme/api", &["1.2.0"]);
    commit(&world, &bare, &[("landwaiter.yaml", &often.replace("'*'", "'<2'"))]);
    let mut serving = Serving::start(&world, &[]);
    serving.until("both to go on", || web().contains(":1.2.0") && api().contains(":1.2.0"));

    // Moved and broken at once: nobody knows that these are the same, and the glob that is there for all must not have them.
    let all = "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n  - name: all\n    images: ['reg.example.com/acme/*']\n    select: {semver: '*'}\n    schedule: '* * * * * *'\n";
    commit(
        &world,
        &bare,
        &[("policies/all.yaml", all), ("policies/api.yaml", API), ("policies/more.yaml", "# nothing\n")],
    );
    serving.until("good policies", || serving.lines("run-ended").last().unwrap()["result"] == "done");
    fs::remove_file(world.repo().join("landwaiter.yaml")).unwrap();
    commit(&world, &bare, &[("policies/web.yaml", &often.replace("semver: '*'", "semver: '<'"))]);
    serving.until("the report", || serving.lines("run-ended").last().unwrap()["result"] == "rejected");
    world.push("acme/api", &["1.2.1"]);
    serving.until("api to go on", || api().contains(":1.2.1"));
    assert!(web().contains(":1.2.0"), "2.0.0 is beyond the range of the policy that was moved: {}", web());
    commit(
        &world,
        &bare,
        &[
            ("landwaiter.yaml", &often.replace("'*'", "'<2'")),
            ("policies/web.yaml", "# nothing\n"),
            ("policies/all.yaml", "# nothing\n"),
        ],
    );

    // Mended, it counts as it is.
    commit(&world, &bare, &[("policies/api.yaml", &API.replace("'*'", "'<1'")), ("policies/more.yaml", "# nothing\n")]);
    serving.until("the end of the trouble", || serving.lines("run-ended").last().unwrap()["result"] == "done");
    assert!(serving.get("/metrics").1.contains(&format!("landwaiter_policy_files_rejected{place} 0")));
    world.push("acme/web", &["1.3.0"]);
    world.push("acme/api", &["1.3.0"]);
    serving.until("web", || web().contains(":1.3.0"));
    assert!(api().contains(":1.2.1"), "the new version of the policy holds it");
    serving.signal("-TERM");
    assert_eq!(serving.ended(), Some(0));
}

#[test]
fn without_a_memory_a_broken_policy_file_holds_all() {
    let (world, bare) = world(POLICIES);
    world.write("policies/api.yaml", "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies: 5\n");
    commit(&world, &bare, &[]);
    world.push("acme/web", &["1.1.0"]);
    settle(&world, &quiet(&bare));
    let mut serving = Serving::start(&world, &[]);
    serving.until_lines("run-ended", 1);
    assert_eq!(serving.lines("run-ended")[0]["result"], "rejected");
    assert_eq!(image(&bare), "1.0.0");
    assert!(serving.get("/metrics").1.contains(&format!("rejected{{repository=\"{bare}\",branch=\"\"}} 1")));
    serving.signal("-TERM");
    assert_eq!(serving.ended(), Some(0));
}

#[test]
fn a_burst_of_signals_is_one_run() {
    let (world, bare) = world(POLICIES);
    settle(&world, &quiet(&bare));
    let mut serving = Serving::start(&world, &[]);
    serving.until_lines("run-ended", 1);
    for _ in 0..20 {
        serving.signal("-HUP");
    }
    serving.until_lines("run-ended", 2);
    let loads = serving.lines("settings-loaded").len();
    assert!(loads > 1, "{}", serving.log());
    // A second look would begin after the pause of a second and the wait for more of the same.
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(serving.lines("run-started").len(), 2, "{}", serving.log());
    serving.signal("-INT");
    assert_eq!(serving.ended(), Some(0));
}

#[test]
fn broken_settings_leave_the_old_ones_in_use() {
    let (world, bare) = world(POLICIES);
    settle(&world, &quiet(&bare));
    let serving = Serving::start(&world, &[]);
    serving.until_lines("run-ended", 1);

    settle(&world, "repositories: [{path: x, branch: main}]\nregistries: [{host: ghcr.io, password: hunter2}]");
    serving.until_lines("settings-refused", 1);
    let said = serving.lines("settings-refused")[0]["error"].as_str().unwrap().to_owned();
    assert!(said.contains("settings.yaml:"), "{said}");
    assert!(!serving.log().contains("hunter2"));
    assert_eq!(serving.get("/readyz").0, 200, "it goes on");
    let metrics = serving.get("/metrics").1;
    assert!(metrics.contains("\nlandwaiter_settings_refused 1\n"), "{metrics}");
    assert!(metrics.contains("\nlandwaiter_settings_loads_total{result=\"refused\"} 1\n"), "{metrics}");
    assert_eq!(serving.lines("run-started").len(), 1, "a refused file is no reason to look");

    settle(&world, &format!("{}\nsignatures: {{trustRootFile: nowhere.json}}", quiet(&bare)));
    serving.until_lines("settings-refused", 2);
    fs::remove_file(settings_file(&world)).unwrap();
    serving.until_lines("settings-refused", 3);
    assert_eq!(serving.lines("run-started").len(), 1, "{}", serving.log());

    world.push("acme/web", &["1.1.0"]);
    settle(&world, &quiet(&bare).replace("1s", "2s"));
    serving.until("the run of the settings that are good again", || image(&bare) == "1.1.0");
    assert!(serving.get("/metrics").1.contains("\nlandwaiter_settings_refused 0\n"));
}

#[test]
fn a_repository_that_fails_does_not_stop_the_others() {
    let (world, bare) = world(POLICIES);
    let gone = world.folder.path().join("gone.git").to_string_lossy().into_owned();
    world.push("acme/web", &["1.1.0"]);
    settle(
        &world,
        &format!(
            "repositories: [{{path: {gone}}}, {{path: {bare}, branches: [main, none]}}]\nservice: {{address: '127.0.0.1:0', page: off, parallel: 1}}"
        ),
    );
    let serving = Serving::start(&world, &[]);
    serving.until_lines("run-ended", 3);
    assert_eq!(image(&bare), "1.1.0");
    let results: Vec<_> = serving
        .lines("run-ended")
        .iter()
        .map(|line| {
            (line["branch"].as_str().unwrap_or_default().to_owned(), line["result"].as_str().unwrap().to_owned())
        })
        .collect();
    assert!(results.contains(&(String::new(), "failed".to_owned())), "{results:?}");
    assert!(results.contains(&("none".to_owned(), "failed".to_owned())), "{results:?}");
    assert!(results.contains(&("main".to_owned(), "done".to_owned())), "{results:?}");
    assert_eq!(serving.get("/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(serving.get("/readyz"), (200, "ok\n".to_owned()), "every branch had its first run");
    assert_eq!(serving.get("/nothing").0, 404);

    let metrics = serving.get("/metrics").1;
    for line in [
        format!("landwaiter_runs_total{{repository=\"{gone}\",branch=\"\",result=\"failed\"}} 1"),
        format!("landwaiter_runs_total{{repository=\"{bare}\",branch=\"main\",result=\"done\"}} 1"),
        format!("landwaiter_changes_written_total{{repository=\"{bare}\",branch=\"main\"}} 1"),
        format!("landwaiter_consecutive_failures{{repository=\"{gone}\",branch=\"\"}} 1"),
        format!("landwaiter_registry_requests_total{{host=\"{}\"}} 1", world.registry.host()),
        "landwaiter_queue_length 0".to_owned(),
        "landwaiter_run_duration_seconds_count 3".to_owned(),
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in\n{metrics}");
    }
    assert!(
        metrics
            .contains(&format!("landwaiter_last_success_timestamp_seconds{{repository=\"{bare}\",branch=\"main\"}} "))
    );
    promtool(&metrics);
}

/// Prometheus' own judgement of the metrics, where its tool is installed.
fn promtool(metrics: &str) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let Some(tool) = std::env::split_paths(&path).map(|folder| folder.join("promtool")).find(|tool| tool.exists())
    else {
        // It comes with the whole of Prometheus, which is too much to install for one look.
        return;
    };
    let mut command = std::process::Command::new(tool);
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}

#[test]
fn a_stop_in_the_middle_of_a_run_leaves_the_old_or_the_new_commit() {
    let (world, bare) = world(POLICIES);
    world.push("acme/web", &["1.1.0"]);
    settle(&world, &quiet(&bare));
    let old = git(&bare, &["rev-parse", "main"]);
    for (grace, event) in [("25", "run-started"), ("25", "listing-started"), ("0", "run-started"), ("0", "planned")] {
        // A process that ended in the middle may have left its lock, which the program takes away and git does not.
        let _ = fs::remove_file(PathBuf::from(&bare).join("refs/heads/main.lock"));
        git(&bare, &["update-ref", "refs/heads/main", &old]);
        let mut serving = Serving::start(&world, &["--grace", grace]);
        serving.until_lines(event, 1);
        serving.signal("-TERM");
        assert_eq!(serving.ended(), Some(0), "{}", serving.log());
        let new = git(&bare, &["rev-parse", "main"]);
        if grace == "25" {
            assert_eq!(serving.lines("run-ended").len(), 1, "it may finish");
            assert_ne!(new, old);
        }
        assert!(new == old || git(&bare, &["rev-parse", "main^"]) == old);
        git(&bare, &["fsck", "--strict"]);
    }
    let _ = fs::remove_file(PathBuf::from(&bare).join("refs/heads/main.lock"));
    git(&bare, &["update-ref", "refs/heads/main", &old]);
    let mut next = Serving::start(&world, &[]);
    next.until("the new tag", || image(&bare) == "1.1.0");
    next.signal("-TERM");
    assert_eq!(next.ended(), Some(0));
}

#[test]
fn the_grace_ends_and_a_second_signal_does_not_wait_for_it() {
    // A registry that takes connections and says nothing: the run hangs.
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let host = silent.local_addr().unwrap().to_string();
    let world = World::new();
    world.write("landwaiter.yaml", &POLICIES.replace(EXAMPLE_HOST, &host));
    world.write("apps/web.yaml", &POD.replace(EXAMPLE_HOST, &host));
    let bare = world.bare().to_string_lossy().into_owned();
    settle(&world, &quiet(&bare));
    for (grace, signals, status) in [("1", 1, 0), ("3600", 2, 1)] {
        let mut serving = Serving::start(&world, &["--grace", grace]);
        serving.until_lines("listing-started", 1);
        for number in 1..=signals {
            serving.signal("-TERM");
            serving.until_lines("draining", number.min(1));
        }
        assert_eq!(serving.ended(), Some(status), "{}", serving.log());
        assert_eq!(serving.log().contains("grace-over"), signals == 1);
    }
}

#[test]
fn once_ends_with_the_exit_status_of_update() {
    let (world, bare) = world(POLICIES);
    world.push("acme/web", &["1.1.0"]);
    let once = |body: &str, status: i32| {
        let settings = settle(&world, body).to_string_lossy().into_owned();
        let said = world.landwaiter(&["serve", "--config", &settings, "--once"]);
        assert_eq!((said.status, said.out.as_str()), (status, ""), "{}", said.err);
        said.err
    };
    once(&quiet(&bare), 0);
    assert_eq!(image(&bare), "1.1.0");
    once("repositories: [{path: nowhere.git}]", 1);
    once(&format!("repositories: [{{path: {bare}}}, {{path: nowhere.git}}]"), 1);
    assert!(once("repositories: []", 3).contains("the settings name no repositories"));
    assert!(once("repositories: [{path: x, schedule: often}]", 3).contains("bad schedule"));

    let write = |path: &str, text: &str| {
        world.write(path, text);
        let repo = world.repo().to_string_lossy().into_owned();
        git(&repo, &["add", "--all"]);
        git(&repo, &["commit", "--quiet", "--message=next"]);
        git(&repo, &["push", "--quiet", "--force", &bare, "HEAD:main"]);
    };
    write("apps/gone.yaml", &POD.replace("acme/web:1.0.0", "acme/gone:1.0.0"));
    write("landwaiter.yaml", &POLICIES.replace("[reg.example.com/acme/web]", "['reg.example.com/acme/*']"));
    once(&quiet(&bare), 4);
    write("landwaiter.yaml", &POLICIES.replace("semver", "semwer"));
    assert!(once(&quiet(&bare), 3).contains("landwaiter.yaml:"));
}

#[test]
fn only_the_state_directory_is_written_to() {
    let (world, bare) = world(POLICIES);
    world.push("acme/web", &["1.1.0"]);
    settle(&world, &quiet(&bare));
    let state = world.folder.path().join("state");
    let mut serving = Serving::start(&world, &["--state-dir", &state.to_string_lossy()]);
    serving.until_lines("run-ended", 1);
    serving.signal("-TERM");
    assert_eq!(serving.ended(), Some(0));
    let mut found: Vec<String> = fs::read_dir(world.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.retain(|name| name != "state");
    found.sort();
    assert_eq!(found, ["config.git", "repo", "settings.yaml"]);
}

/// What Prometheus' own tool says of the whole exposition, after runs with commits, holds and a failure.
#[test]
fn promtool_finds_nothing_to_say_about_the_metrics() {
    let Some(promtool) = crate::process::program("promtool") else { return };
    let (world, bare) = world(POLICIES);
    world.push("acme/web", &["1.1.0"]);
    let state = world.folder.path().join("state");
    settle(&world, &quiet(&bare).replace("repositories: [", "repositories: [{path: nowhere.git}, "));
    let serving = Serving::start(&world, &["--state-dir", &state.to_string_lossy()]);
    serving.until_lines("run-ended", 2);
    let (status, metrics) = serving.get("/metrics");
    assert_eq!(status, 200);
    let mut child = std::process::Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}\n{metrics}", String::from_utf8_lossy(&said));
    let value = |series: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {series} in\n{metrics}")).parse::<f64>().unwrap()
    };
    let host = world.registry.host();
    let timed = value(&format!("landwaiter_registry_request_duration_seconds_count{{host=\"{host}\"}}"));
    let counted = value(&format!("landwaiter_registry_requests_total{{host=\"{host}\"}}"));
    assert!(timed >= 1.0 && (timed - counted).abs() < 0.5, "{timed} and {counted}");
    assert!(value("process_resident_memory_bytes") > 1e6 && value("process_open_fds") >= 3.0);
    assert!(value("landwaiter_state_bytes{part=\"store\"}") > 0.0);
    assert_eq!(value(&format!("landwaiter_references{{repository=\"{bare}\",branch=\"\"}}")), 1.0);
    assert_eq!(value(&format!("landwaiter_pending_updates{{repository=\"{bare}\",branch=\"\"}}")), 0.0);
}
