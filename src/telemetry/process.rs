//! What the machine says of this process, and how much it keeps: read from `/proc` and the state directory when somebody asks.
#![expect(clippy::disallowed_methods, reason = "this is where the process looks at itself")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The state directory is looked through so often at most.
const LOOK: Duration = Duration::from_secs(60);
/// So many files of it are looked at: a cache of a million loose objects must not hold up an answer.
const MAX_FILES: usize = 20_000;
/// What the kernel counts processor time in, on every machine that Linux runs on today (`getconf CLK_TCK`).
const TICKS: f64 = 100.0;
/// `status` counts memory in these.
const KIB: f64 = 1_024.0;

/// Numbers of this process. What cannot be learned is not there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sample {
    pub cpu_seconds: Option<f64>,
    pub resident_bytes: Option<f64>,
    pub virtual_bytes: Option<f64>,
    pub open_fds: Option<f64>,
    pub max_fds: Option<f64>,
    /// Seconds since 1970, UTC.
    pub started: Option<f64>,
    /// Bytes by part of the state directory.
    pub state: BTreeMap<String, u64>,
}

/// Looks at this process and its state directory.
#[derive(Debug)]
pub struct Process {
    state: Option<PathBuf>,
    looked: Mutex<Option<(Instant, BTreeMap<String, u64>)>>,
}

impl Process {
    pub fn new(state: Option<PathBuf>) -> Process {
        Process { state, looked: Mutex::default() }
    }

    /// May block for as long as it takes to look through the state directory.
    pub fn sample(&self) -> Sample {
        let read = |name: &str| fs::read_to_string(Path::new("/proc").join(name)).unwrap_or_default();
        let open = fs::read_dir("/proc/self/fd").ok().map(|all| all.count().saturating_sub(1) as f64);
        let mut sample = parse(&read("self/stat"), &read("self/status"), &read("self/limits"), &read("stat"));
        sample.open_fds = open;
        sample.state = self.state();
        sample
    }

    fn state(&self) -> BTreeMap<String, u64> {
        let Some(folder) = &self.state else { return BTreeMap::new() };
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, sizes)) = looked.as_ref().filter(|(at, _)| at.elapsed() < LOOK) {
            return sizes.clone();
        }
        let sizes: BTreeMap<String, u64> =
            ["git", "store"].into_iter().map(|part| (part.to_owned(), bytes_below(&folder.join(part)))).collect();
        *looked = Some((Instant::now(), sizes.clone()));
        sizes
    }
}

/// Links are not followed; what goes away meanwhile does not count.
fn bytes_below(folder: &Path) -> u64 {
    let (mut folders, mut bytes, mut files) = (vec![folder.to_owned()], 0, 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            files += 1;
            if files > MAX_FILES {
                return bytes;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => bytes += entry.metadata().map_or(0, |meta| meta.len()),
                _ => {}
            }
        }
    }
    bytes
}

/// Reads what proc(5) describes: `/proc/self/stat`, `status` and `limits`, and `/proc/stat`.
fn parse(stat: &str, status: &str, limits: &str, machine: &str) -> Sample {
    // The name of the program stands in parentheses and may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    // Fields are counted from 1; the third one is the first behind the name.
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<f64>().ok().map(|kib| kib * KIB)
    };
    let booted = machine.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse::<f64>().ok());
    let max = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    Sample {
        cpu_seconds: field(14).zip(field(15)).map(|(user, system)| (user + system) / TICKS),
        resident_bytes: kib("VmRSS:"),
        virtual_bytes: kib("VmSize:"),
        open_fds: None,
        max_fds: max.and_then(|line| line.split_whitespace().next()?.parse().ok()),
        started: field(22).zip(booted).map(|(ticks, booted)| booted + ticks / TICKS),
        state: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_read() {
        let stat = "42 (a) b (c)) S 1 42 42 0 -1 4194304 10 0 0 0 150 50 0 0 20 0 5 0 12345 1000000 500";
        let status = "Name:\tx\nVmSize:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 4096                 files\n";
        let sample = parse(stat, status, limits, "cpu 1 2\nbtime 1700000000\n");
        assert_eq!((sample.cpu_seconds, sample.started), (Some(2.0), Some(1_700_000_123.45)));
        assert_eq!((sample.resident_bytes, sample.virtual_bytes), (Some(1_048_576.0), Some(2_097_152.0)));
        assert_eq!(sample.max_fds, Some(1_024.0));
        assert_eq!(parse("", "", "", ""), Sample::default(), "another system");
    }

    #[test]
    fn the_state_directory_is_measured_without_its_links() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("git/a")).unwrap();
        fs::write(folder.path().join("git/a/pack"), [0; 100]).unwrap();
        fs::write(folder.path().join("git/b"), [0; 11]).unwrap();
        std::os::unix::fs::symlink("/", folder.path().join("git/root")).unwrap();
        let process = Process::new(Some(folder.path().to_owned()));
        let sample = process.sample();
        assert_eq!(sample.state, [("git".to_owned(), 111), ("store".to_owned(), 0)].into());
        assert!(
            sample.resident_bytes.is_some_and(|bytes| bytes > 1e6) && sample.open_fds.is_some_and(|fds| fds >= 3.0)
        );
        fs::write(folder.path().join("git/c"), [0; 9]).unwrap();
        assert_eq!(process.sample().state["git"], 111, "not more than once a minute");
    }
}
