//! When each version was pushed, and when it was written: read from the branch's own history.

use super::config::{git, reference};
use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Default)]
pub(crate) struct Book {
    /// Image, version, and when it was pushed: seconds since 1970.
    pushed: Vec<(usize, u64, f64)>,
    memory: Vec<f64>,
    /// Seconds from push to commit, sorted. Commits know whole seconds.
    delays: Vec<f64>,
    commits: usize,
}

impl Book {
    pub(crate) fn pushed(&mut self, image: usize, version: u64) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        self.pushed.push((image, version, now));
    }

    pub(crate) fn remembers(&mut self, memory: f64) {
        self.memory.push(memory);
    }

    /// The branch must be one line in which no image ever goes back.
    pub(crate) fn read(&mut self, bare: &Path, host: &str) {
        let bare = bare.to_string_lossy();
        assert_eq!(git(&["-C", &bare, "rev-list", "--merges", "--count", "main"]).trim(), "0");
        let log = git(&["-C", &bare, "log", "--reverse", "--format=@%ct", "-p", "-U0", "main", "--", "apps"]);
        let mut written: HashMap<usize, Vec<(u64, f64)>> = HashMap::new();
        let mut time = 0.0;
        for line in log.lines() {
            if let Some(at) = line.strip_prefix('@').and_then(|at| at.parse::<f64>().ok()) {
                time = at;
                self.commits += 1;
            } else if line.starts_with('+')
                && line.contains(host)
                && let Some((image, version)) = reference(line)
            {
                let before = written.entry(image).or_default();
                assert!(before.last().is_none_or(|(old, _)| *old < version), "app{image:04} went back to {version}");
                before.push((version, time));
            }
        }
        for (image, version, pushed) in &self.pushed {
            let first = written[image].iter().find(|(written, _)| written >= version);
            let (_, time) = first.unwrap_or_else(|| panic!("app{image:04} {version} was never written"));
            self.delays.push((time - pushed.floor()).max(0.0));
        }
        self.delays.sort_by(f64::total_cmp);
    }
}

impl fmt::Display for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |share: f64| self.delays[((self.delays.len() - 1) as f64 * share) as usize];
        write!(
            f,
            "{} pushes became {} commits; from push to commit {:.0} s in the median, {:.0} s for 95 of 100, {:.0} s at most",
            self.pushed.len(),
            self.commits,
            at(0.5),
            at(0.95),
            at(1.0),
        )
    }
}
