//! nginx goes and comes back, at the same address: every connection to the Git server is cut.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

/// The nginx that took the place of the first one, which `servers` has started.
pub(crate) struct Outage {
    folder: PathBuf,
    nginx: Option<Child>,
}

impl Outage {
    pub(crate) fn new(folder: &Path) -> Outage {
        Outage { folder: folder.to_owned(), nginx: None }
    }

    /// Gone for as long.
    pub(crate) fn happens(&mut self, gone: Duration) {
        self.end();
        std::thread::sleep(gone);
        let configuration = self.folder.join("nginx.conf");
        let nginx = Command::new("nginx").args(["-e", "stderr", "-c", &configuration.to_string_lossy()]).spawn();
        self.nginx = Some(nginx.unwrap());
    }

    fn end(&mut self) {
        if let Ok(pid) = std::fs::read_to_string(self.folder.join("nginx.pid")) {
            let _ = Command::new("kill").args(["-TERM", pid.trim()]).status();
        }
        match &mut self.nginx {
            Some(nginx) => drop(nginx.wait()),
            // The first one is waited for by whoever started it; its address must be free before.
            None => std::thread::sleep(Duration::from_millis(200)),
        }
    }
}

impl Drop for Outage {
    fn drop(&mut self) {
        if self.nginx.is_some() {
            self.end();
        }
    }
}
