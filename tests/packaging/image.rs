//! The image, from the Dockerfile to a commit: built of the static binary, pushed to a registry, pulled, unpacked, and run as its own
//! user in its own empty root. What it keeps up to date is the config repository that deploys it.

use crate::ours;
use crate::process::{Server, free_port, program};
use crate::root::{Root, STATE, USER, may_enter, static_binary};
use crate::servers::{HTTP_PROGRAMS, HttpServer, TOKEN, available};
use crate::world::{git, tree};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Nothing that is waited for may take longer.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the manifests call the image's registry.
const EXAMPLE: &str = "registry.example.com";

/// Debian's buildah with storage of its own, which no other builder sees.
struct Builder {
    program: PathBuf,
    folder: PathBuf,
}

impl Builder {
    fn run(&self, arguments: &[&str]) -> String {
        let at = |name: &str| self.folder.join(name).to_string_lossy().into_owned();
        let output = Command::new(&self.program)
            .args(["--storage-driver", "vfs", "--root", &at("storage"), "--runroot", &at("run")])
            .args(arguments)
            .env("TMPDIR", &self.folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "buildah {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Builds the image as released ones are built, and pushes it.
    fn push(&self, context: &Path, name: &str, version: &str) {
        let image = format!("{name}:{version}");
        let (dockerfile, version) = (ours("Dockerfile"), format!("VERSION={version}"));
        let arguments = ["REVISION=0123456789abcdef", "SOURCE=https://git.example.com/acme/landwaiter"];
        let mut build = vec!["build", "--isolation", "chroot", "--build-arg", "BINARY=made", "--build-arg", &version];
        arguments.iter().for_each(|one| build.extend(["--build-arg", one]));
        let (dockerfile, context) = (dockerfile.to_string_lossy(), context.to_string_lossy());
        build.extend(["--tag", &image, "--file", &dockerfile, &context]);
        self.run(&build);
        self.run(&["push", "--tls-verify=false", &image, &format!("docker://{image}")]);
    }
}

/// A registry and a Git server, both real, on loopback.
struct Harbour {
    host: String,
    git: HttpServer,
    builder: Builder,
    context: PathBuf,
    folder: tempfile::TempDir,
    _registry: Server,
}

impl Harbour {
    /// `None` when this machine lacks something.
    fn new() -> Option<Harbour> {
        let binary = static_binary()?;
        let (buildah, registry) = (program("buildah")?, program("docker-registry")?);
        if !available(HTTP_PROGRAMS) || !may_enter() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let port = free_port();
        let host = format!("127.0.0.1:{port}");
        let data = at("data");
        let config = format!(
            "version: 0.1\nlog: {{level: warn}}\nstorage:\n  filesystem: {{rootdirectory: {}}}\nhttp: {{addr: '{host}'}}\n",
            data.display()
        );
        fs::write(at("registry.yml"), config).unwrap();
        let configuration = at("registry.yml").to_string_lossy().into_owned();
        let registry = Server::start(&registry, &["serve", &configuration], port, &at("registry.log"));

        let context = at("context");
        fs::create_dir_all(context.join("state")).unwrap();
        fs::copy(binary, context.join("landwaiter")).unwrap();
        fs::copy("/etc/ssl/certs/ca-certificates.crt", context.join("ca-certificates.crt")).unwrap();

        fs::create_dir(at("git")).unwrap();
        let git = HttpServer::start(&at("git"));
        let builder = Builder { program: buildah, folder: at("builder") };
        fs::create_dir(&builder.folder).unwrap();
        Some(Harbour { host, git, builder, context, folder, _registry: registry })
    }

    fn image(&self) -> String {
        format!("{}/acme/landwaiter", self.host)
    }

    fn push(&self, version: &str) {
        self.builder.push(&self.context, &self.image(), version);
    }

    fn config(&self) -> String {
        self.folder.path().join("git/config.git").to_string_lossy().into_owned()
    }

    /// The config repository that deploys Landwaiter: `examples/kubernetes`, at this registry.
    fn plant(&self) {
        let work = self.folder.path().join("work");
        for (path, bytes) in tree(&ours("examples/kubernetes")) {
            let path = work.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, String::from_utf8(bytes).unwrap().replace(EXAMPLE, &self.host)).unwrap();
        }
        let work = work.to_string_lossy().into_owned();
        git(&work, &["init", "--quiet", "--initial-branch=main"]);
        git(&work, &["add", "--all"]);
        git(&work, &["commit", "--quiet", "--message=first"]);
        git(&work, &["clone", "--quiet", "--bare", ".", &self.config()]);
        git(&self.config(), &["config", "http.receivepack", "true"]);
    }

    /// The settings as a volume has them: a password in a file, and nothing else of this machine.
    fn settle(&self, root: &Root) {
        let url = format!("http://127.0.0.1:{}/", self.git.port);
        let settings = format!(
            "apiVersion: landwaiter/v1\nkind: Settings\nrepositories: [{{url: '{url}config.git', schedule: '* * * * * *'}}]\n\
             git: [{{url: '{url}', credentials: {{user: writer, passwordFile: /run/secrets/landwaiter/git-token}}}}]\n\
             service: {{address: '127.0.0.1:0', page: off, pause: 1s}}\n"
        );
        root.mount("etc/landwaiter/settings.yaml", &settings);
        root.mount("run/secrets/landwaiter/git-token", TOKEN);
    }

    /// The lines of the branch that name the image, with the version that each names.
    fn deployed(&self) -> Vec<String> {
        let mut versions = Vec::new();
        for (file, before) in [
            ("base/deployment.yaml", format!("image: {}:", self.image())),
            ("cronjob/cronjob.yaml", format!("image: {}:", self.image())),
            ("production/kustomization.yaml", "newTag: ".to_owned()),
        ] {
            let text = git(&self.config(), &["show", &format!("main:{file}")]);
            let found = text.lines().filter_map(|line| line.split_once(&before));
            versions.extend(found.map(|(_, version)| version.to_owned()));
        }
        versions
    }
}

/// A process that is killed when the test does not end well.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; nothing is left to do then.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn the_image_runs_as_nobody_in_an_empty_root_and_updates_the_manifests_that_name_it() {
    let Some(harbour) = Harbour::new() else { return };
    harbour.push("0.1.0");
    harbour.push("0.1.1");
    harbour.plant();

    let old = format!("docker://{}:0.1.0", harbour.image());
    let container = harbour.builder.run(&["from", "--tls-verify=false", "--pull-always", &old]);
    what_it_says_of_itself(&harbour.builder.run(&["inspect", "--type", "container", &container]));
    let root = Root::of(Path::new(&harbour.builder.run(&["mount", &container])));
    let certificates = ["/etc", "/etc/ssl", "/etc/ssl/certs", "/etc/ssl/certs/ca-certificates.crt"];
    let rest = ["/landwaiter", "/var", "/var/lib", "/var/lib/landwaiter"];
    assert_eq!(root.listing(), [&certificates[..], &rest].concat(), "nothing else is in it");
    assert_eq!(fs::metadata(root.state()).unwrap().uid(), USER);
    harbour.settle(&root);
    let listing = root.listing();

    assert_eq!(harbour.deployed(), ["0.1.0"; 3]);
    let once = ["serve", "--once", "--config", "/etc/landwaiter/settings.yaml"];
    let said = root.command(&once).output().unwrap();
    let log = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!(said.status.code(), Some(0), "{log}");
    assert_eq!(harbour.deployed(), ["0.1.1"; 3], "{log}");
    let changed = git(&harbour.config(), &["diff", "--numstat", "main~1", "main"]);
    assert_eq!(changed.lines().filter(|line| line.starts_with("1\t1\t")).count(), 3, "{changed}");
    assert_eq!(changed.lines().count(), 3, "{changed}");
    assert!(!log.contains(TOKEN));

    // The service goes on from the state that the first run left.
    harbour.push("0.1.2");
    let mut command = root.command(&["serve", "--config", "/etc/landwaiter/settings.yaml"]);
    let mut running = Running(command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let begun = Instant::now();
    while harbour.deployed() != ["0.1.2"; 3] {
        assert!(running.0.try_wait().unwrap().is_none() && begun.elapsed() < PATIENCE, "waited in vain for a commit");
        std::thread::sleep(Duration::from_millis(50));
    }
    as_whom(running.0.id());
    // Nothing lies between us and it but `exec`: its process is the one that was started.
    assert!(Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status().unwrap().success());
    assert_eq!(running.0.wait().unwrap().code(), Some(0), "TERM is obeyed");

    assert_eq!(root.listing(), listing, "nothing was written outside {STATE}");
    let kept = fs::read_dir(root.state()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().uid());
    assert!(kept.into_iter().eq(std::iter::repeat_n(USER, fs::read_dir(root.state()).unwrap().count())));
    assert!(fs::read_dir(root.state()).unwrap().count() > 0, "the state is kept");
    git(&harbour.config(), &["fsck", "--strict"]);
}

/// Labels, user, entry point: what orchestrators and scanners go by.
fn what_it_says_of_itself(inspected: &str) {
    let inspected: Value = serde_json::from_str(inspected).unwrap();
    let config = &inspected["OCIv1"]["config"];
    assert_eq!(config["User"], format!("{USER}:{USER}"));
    assert_eq!(config["Entrypoint"], serde_json::json!(["/landwaiter"]));
    assert!(config["Volumes"][format!("/{STATE}")].is_object(), "{config}");
    let environment: Vec<&str> = config["Env"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    for wanted in [format!("LANDWAITER_STATE_DIR=/{STATE}"), "MIMALLOC_ALLOW_THP=0".to_owned()] {
        assert!(environment.contains(&wanted.as_str()), "{environment:?}");
    }
    let ports: Vec<&String> = config["ExposedPorts"].as_object().unwrap().keys().collect();
    assert_eq!(ports, ["8080/tcp", "8081/tcp", "8082/tcp"]);
    let labels = &config["Labels"];
    for (label, value) in [
        ("title", "landwaiter"),
        ("licenses", "Apache-2.0"),
        ("version", "0.1.0"),
        ("revision", "0123456789abcdef"),
        ("source", "https://git.example.com/acme/landwaiter"),
    ] {
        assert_eq!(labels[format!("org.opencontainers.image.{label}")], value, "{labels}");
    }
}

/// The running process has no rights, and can gain none.
fn as_whom(process: u32) {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let value = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(value("Uid:"), [USER.to_string().as_str(); 4].join(" "));
    assert_eq!(value("Gid:"), [USER.to_string().as_str(); 4].join(" "));
    assert_eq!(value("Groups:"), "");
    assert_eq!(value("CapEff:"), "0000000000000000");
    assert_eq!(value("CapPrm:"), "0000000000000000");
    assert_eq!(value("NoNewPrivs:"), "1");
}
