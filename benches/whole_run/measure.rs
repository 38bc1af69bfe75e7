//! Times one process as the operating system saw it.

use std::process::{Command, Stdio};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Seconds from start to exit.
    pub(crate) wall: f64,
    /// Peak resident memory in MiB.
    pub(crate) memory: f64,
}

/// Runs `program` under GNU time; what it prints is thrown away.
pub(crate) fn timed(program: &str, arguments: &[&str]) -> Sample {
    let output = Command::new("/usr/bin/time")
        .args(["-f", "%e %M", program])
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .unwrap_or_else(|error| panic!("GNU time is needed (tests/run install): {error}"));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {text}");
    let mut figures = text.lines().next_back().unwrap_or_default().split(' ').map(|figure| figure.parse::<f64>());
    match (figures.next(), figures.next()) {
        (Some(Ok(wall)), Some(Ok(kilobytes))) => Sample { wall, memory: kilobytes / 1024.0 },
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
    Sample { wall: middle(|s| s.wall), memory: middle(|s| s.memory) }
}
