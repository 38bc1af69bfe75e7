//! The settings of `examples/kubernetes` with the keys that its README makes: `serve` starts with them, and each of the three listeners
//! lets in whom it should.

use crate::exchange::exchange;
use crate::ours;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What `openssl rand -hex 32` prints.
const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n";
const PATIENCE: Duration = Duration::from_secs(60);

struct Serving {
    child: Child,
    folder: tempfile::TempDir,
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended by itself; nothing is left to do then.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The settings, with what only a cluster has put elsewhere: mounted secrets, servers, addresses.
fn settle(folder: &Path, overlay: &str) {
    let readme = fs::read_to_string(ours("examples/kubernetes/README.md")).unwrap();
    for word in readme.split_whitespace() {
        if let Some(key) = word.strip_prefix("--from-file=") {
            fs::write(folder.join(key), KEY).unwrap();
        }
    }
    let text = fs::read_to_string(ours(&format!("examples/kubernetes/{overlay}/settings.yaml"))).unwrap();
    let mut text = text.replace("/run/secrets/landwaiter", &folder.to_string_lossy());
    text = text.replace("https://git.example.com/", "https://127.0.0.1:1/");
    for port in [8080, 8081, 8082] {
        text = text.replace(&format!("0.0.0.0:{port}"), "127.0.0.1:0");
    }
    fs::write(folder.join("settings.yaml"), text).unwrap();
}

impl Serving {
    fn start(overlay: &str) -> Serving {
        let folder = tempfile::tempdir().unwrap();
        settle(folder.path(), overlay);
        let mut command = Command::new(env!("CARGO_BIN_EXE_landwaiter"));
        command.args(["serve", "--log-format=json", "--config=settings.yaml", "--state-dir=state"]);
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = command.current_dir(folder.path()).env_clear().stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Serving { child, folder }
    }

    /// Where the listener is of which the log has this line.
    fn address(&self, event: &str) -> SocketAddr {
        let begun = Instant::now();
        loop {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
            let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
            if let Some(line) = lines.into_iter().find(|line| line["event"] == event) {
                return line["address"].as_str().unwrap().parse().unwrap();
            }
            assert!(begun.elapsed() < PATIENCE, "no {event} in\n{log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn each_listener_of_the_examples_lets_in_whom_it_should() {
    for (overlay, receivers) in [("base", &["registry"][..]), ("production", &["registry", "config"])] {
        let serving = Serving::start(overlay);
        let key = format!("Authorization: Bearer {KEY}").replace('\n', "\r\n");
        let get =
            |event: &str, path: &str, headers: &str| exchange(serving.address(event), "GET", path, headers, "").status;
        let post = |receiver: &str, headers: &str, body: &str| {
            let path = format!("/webhooks/{receiver}");
            exchange(serving.address("listening-for-webhooks"), "POST", &path, headers, body).status
        };
        assert_eq!(get("listening", "/healthz", ""), 200, "{overlay}");
        assert_eq!(get("page-listening", "/", ""), 401, "{overlay}");
        assert_eq!(get("page-listening", "/", &key), 200, "{overlay}");
        for receiver in receivers {
            assert_eq!(post(receiver, "", "{}"), 401, "{overlay}: {receiver}");
        }
        assert_eq!(post("registry", &key, r#"{"events": []}"#), 202, "{overlay}");
        let gitlab = key.replace("Authorization: Bearer", "X-Gitlab-Token:");
        let expected = if receivers.contains(&"config") { 202 } else { 404 };
        assert_eq!(post("config", &gitlab, r#"{"object_kind": "tag_push"}"#), expected, "{overlay}");
    }
}
