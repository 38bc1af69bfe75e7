//! A service with something of everything to show: references in every state that needs no forge, a branch that fails, a policy
//! file with problems, a registry that does not answer, and names as long and as strange as they may be.

use crate::exchange::get;
use crate::process::free_port;
use landwaiter::registry::embedded::Embedded;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Nothing that is waited for may take longer.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct World {
    folder: tempfile::TempDir,
    registry: Embedded,
    runtime: tokio::runtime::Runtime,
    child: Option<Child>,
    pub(crate) page: SocketAddr,
    pub(crate) operations: SocketAddr,
}

pub(crate) const LONG: &str =
    "a-team-with-a-long-name/and-a-department/of-a-division/with-a-service-that-does-many-things/in-one-image";

impl World {
    pub(crate) fn new() -> World {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let registry = runtime.block_on(Embedded::start()).unwrap();
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let (page, operations) = (address(free_port()), address(free_port()));
        World { folder: tempfile::tempdir().unwrap(), registry, runtime, child: None, page, operations }
    }

    pub(crate) fn host(&self) -> String {
        self.registry.host()
    }

    pub(crate) fn push(&self, repository: &str, tags: &[&str]) {
        for tag in tags {
            self.runtime.block_on(self.registry.push(repository, tag)).unwrap();
        }
    }

    /// A bare repository with these files on `main`.
    pub(crate) fn repository(&self, name: &str, files: &[(&str, String)]) -> String {
        let folder = self.folder.path().join(format!("{name}.d"));
        for (path, text) in files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text.replace("reg.example.com", &self.host())).unwrap();
        }
        let bare = self.folder.path().join(format!("{name}.git"));
        git(&folder, &["init", "--quiet", "--initial-branch=main"]);
        git(&folder, &["add", "--all"]);
        git(&folder, &["commit", "--quiet", "--message=first"]);
        git(&folder, &["clone", "--quiet", "--bare", ".", &bare.to_string_lossy()]);
        bare.to_string_lossy().into_owned()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    }

    /// Starts the service with these repositories and more settings; `page` is what stands behind the page's address.
    pub(crate) fn serve(&mut self, repositories: &str, page: &str) {
        let settings = format!(
            "apiVersion: landwaiter/v1\nkind: Settings\nrepositories: {repositories}\nlimits: {{timeout: 2s}}\n\
             service: {{address: '{}', pause: 1s, schedule: '0 0 29 2 *', page: {{address: '{}'{page}}}}}\n",
            self.operations, self.page
        );
        let path = self.write("settings.yaml", &settings);
        let mut command = Command::new(env!("CARGO_BIN_EXE_landwaiter"));
        command.args(["serve", "--config", &path]).env_clear().env("HOME", self.folder.path()).env("PATH", "/nowhere");
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        self.child = Some(command.current_dir("/").stdout(Stdio::null()).stderr(log).spawn().unwrap());
        self.until("the page", |world| std::net::TcpStream::connect(world.page).is_ok());
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub(crate) fn until(&self, what: &str, good: impl Fn(&World) -> bool) {
        let start = Instant::now();
        while !good(self) {
            assert!(start.elapsed() < PATIENCE, "waited in vain for {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until so many runs have ended.
    pub(crate) fn until_runs(&self, count: u64) {
        self.until("runs", |world| get(world.page, "/api/v1/runs").json()["total"].as_u64() >= Some(count));
    }

    /// Reads the settings again and looks at everything.
    pub(crate) fn hang_up(&self) {
        let id = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.page)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.current_dir(folder).args(arguments).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "Somebody").env(format!("GIT_{who}_EMAIL"), "somebody@example.com");
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn pod(name: &str, image: &str, comment: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  containers:\n    - name: {name}\n      image: {image}{comment}\n"
    )
}

/// What is shown in most tests: three repositories, one of them broken.
pub(crate) fn furnished() -> World {
    let mut world = World::new();
    let many: Vec<String> = (0..48).map(|minor| format!("1.{minor}.0")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    world.push("acme/web", &many);
    world.push("acme/web", &["2.0.0-rc.1", "2.0.0", "1.47.1-alpine", "latest", "main"]);
    world.push("acme/api", &["3.1.0", "3.2.0"]);
    world.push("acme/worker", &["0.9.0", "0.9.1"]);
    world.push("acme/cache", &["7.2.1", "7.4.0"]);
    world.push("acme/mail", &["latest", "1.4.0"]);
    world.push(LONG, &["2026.11.20-release-candidate-with-a-name-that-goes-on", "1.0.0", "1.1.0"]);
    let policies = format!(
        "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n\
         - {{name: web, images: [reg.example.com/acme/web], select: {{semver: '<2'}}, require: {{age: 0h}}}}\n\
         - {{name: api, images: [reg.example.com/acme/api], select: {{semver: '*'}}, write: {{mode: pullRequest}}}}\n\
         - {{name: worker, images: [reg.example.com/acme/worker], select: {{semver: '*'}}}}\n\
         - {{name: cache, images: [reg.example.com/acme/cache], select: {{semver: '*'}}, write: {{mode: report}}}}\n\
         - {{name: mail, images: [reg.example.com/acme/mail], select: {{semver: '*'}}}}\n\
         - {{name: a-team-with-a-long-name/and-a-policy-that-is-called-like-a-sentence-of-some-length, images: [reg.example.com/{LONG}], select: {{semver: '*'}}}}\n\
         - {{name: gone, images: ['127.0.0.1:1/acme/*'], select: {{semver: '*'}}}}\n"
    )
    .replace(", require: {age: 0h}", "");
    let mut files = vec![
        ("landwaiter.yaml", policies),
        ("apps/web/production/deployment.yaml", pod("web", "reg.example.com/acme/web:1.46.0", "")),
        ("apps/web/staging/deployment.yaml", pod("web", "reg.example.com/acme/web:1.47.0", "")),
        ("apps/api/deployment.yaml", pod("api", "reg.example.com/acme/api:3.1.0", "")),
        (
            "apps/worker/deployment.yaml",
            pod("worker", "reg.example.com/acme/worker:0.9.0", "  # landwaiter-hold: the migration runs until Friday"),
        ),
        ("apps/cache/deployment.yaml", pod("cache", "reg.example.com/acme/cache:7.2.1", "")),
        ("apps/mail/deployment.yaml", pod("mail", "reg.example.com/acme/mail:latest", "")),
        ("apps/sidecar/deployment.yaml", pod("sidecar", "quay.io/acme/sidecar:1.2.3", "")),
        (
            "clusters/a-cluster-with-a-long-name/namespaces/a-namespace-with-a-long-name/deployments/the-service.yaml",
            pod("long", &format!("reg.example.com/{LONG}:1.0.0"), ""),
        ),
        ("apps/lost/deployment.yaml", pod("lost", "127.0.0.1:1/acme/lost:1.0.0", "")),
        ("apps/broken/values.yaml", "image: {repository: a\n".to_owned()),
    ];
    let digest = format!("reg.example.com/acme/web:1.47.0@sha256:{}", "ab".repeat(32));
    files.push(("apps/web/pinned.yaml", pod("web", &digest, "")));
    let good = world.repository("config", &files);
    let wrong = "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n- {name: web, images: [a/b], select: {semwer: '*'}}\n";
    let rejected = world.repository("rejected", &[("landwaiter.yaml", wrong.to_owned())]);
    let repositories = format!("[{{path: {good}}}, {{path: {rejected}, branches: [main, release]}}]");
    world.serve(&repositories, "");
    world.until_runs(3);
    world.push("acme/web", &["1.48.0"]);
    world.hang_up();
    world.until_runs(6);
    world
}
