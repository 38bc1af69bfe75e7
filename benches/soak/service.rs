//! The service as a process of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub(crate) const TOKEN: &str = "soak-soak-soak-soak-soak";

pub(crate) struct Serving {
    child: Child,
    port: u16,
    log: Arc<Mutex<Vec<String>>>,
}

impl Serving {
    pub(crate) fn start(folder: &Path, url: &str) -> Serving {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let token = folder.join("token");
        fs::write(&token, TOKEN).unwrap();
        let settings = folder.join("settings.yaml");
        fs::write(
            &settings,
            format!(
                "apiVersion: landwaiter/v1
kind: Settings
repositories: [{{url: '{url}', branches: [main]}}]
service: {{address: '127.0.0.1:0', page: {{address: '127.0.0.1:0'}}, pause: 1s}}
webhooks:
  address: '127.0.0.1:{port}'
  receivers: [{{name: registry, kind: distribution, tokenFile: {}}}]
",
                token.display()
            ),
        )
        .unwrap();
        let program = std::env::var("LANDWAITER").unwrap_or_else(|_| env!("CARGO_BIN_EXE_landwaiter").to_owned());
        let mut child = Command::new(program)
            .args(["serve", "--config", &settings.to_string_lossy(), "--log-format", "json"])
            .args(["--state-dir", &folder.join("state").to_string_lossy()])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (pipe, log) = (child.stderr.take().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let (lines, file) = (Arc::clone(&log), folder.join("log.jsonl"));
        std::thread::spawn(move || {
            let mut file = fs::File::create(file).unwrap();
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                use std::io::Write as _;
                writeln!(file, "{line}").unwrap();
                if line.contains("\"run-ended\"") {
                    lines.lock().unwrap().push(line);
                }
            }
        });
        let serving = Serving { child, port, log };
        let start = Instant::now();
        while serving.ended() == 0 {
            assert!(start.elapsed() < Duration::from_secs(60), "the first run does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
        serving
    }

    pub(crate) fn webhooks(&self) -> String {
        format!("http://127.0.0.1:{}/webhooks/registry", self.port)
    }

    fn ended(&self) -> usize {
        self.log.lock().unwrap().len()
    }

    /// How the runs ended.
    pub(crate) fn runs(&self) -> String {
        let log = self.log.lock().unwrap();
        let count = |result: &str| log.iter().filter(|line| line.contains(&format!("\"result\":\"{result}\""))).count();
        let results = ["done", "held", "rejected", "failed"];
        results.map(|result| format!("{} {result}", count(result))).join(", ")
    }

    /// Resident memory now, in MiB.
    pub(crate) fn resident(&self) -> f64 {
        self.memory("VmRSS:")
    }

    /// The most there ever was.
    pub(crate) fn most(&self) -> f64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, field: &str) -> f64 {
        let status = fs::read_to_string(PathBuf::from(format!("/proc/{}/status", self.child.id()))).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    /// It must end by itself.
    pub(crate) fn stop(mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let start = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(start.elapsed() < Duration::from_secs(60), "it does not stop");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
