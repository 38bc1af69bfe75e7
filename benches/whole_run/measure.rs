//! Times one process as a whole. GNU time reports the memory and adds about a millisecond to every program alike.

use std::process::{Command, Stdio};
use std::time::Instant;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Seconds from start to exit.
    pub(crate) wall: f64,
    /// Peak resident memory in MiB.
    pub(crate) memory: f64,
    /// Seconds of processor time, as exact as GNU time is: a hundredth.
    pub(crate) cpu: f64,
}

/// Runs `program` under GNU time; what it prints is thrown away.
pub(crate) fn timed(program: &str, arguments: &[&str]) -> Sample {
    let started = Instant::now();
    let output = Command::new("/usr/bin/time")
        .args(["-f", "%M %U %S", program])
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .unwrap_or_else(|error| panic!("GNU time is needed (apt-get install nginx fcgiwrap git curl time): {error}"));
    let wall = started.elapsed().as_secs_f64();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {text}");
    let figures: Vec<f64> =
        text.lines().next_back().unwrap_or_default().split(' ').filter_map(|figure| figure.parse().ok()).collect();
    match figures[..] {
        [kilobytes, user, system] => Sample { wall, memory: kilobytes / 1024.0, cpu: user + system },
        _ => panic!("GNU time printed {text:?}"),
    }
}

/// The medians, figure by figure.
pub(crate) fn median(samples: &[Sample]) -> Sample {
    let middle = |figure: fn(&Sample) -> f64| {
        let mut figures: Vec<f64> = samples.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    Sample { wall: middle(|s| s.wall), memory: middle(|s| s.memory), cpu: middle(|s| s.cpu) }
}
