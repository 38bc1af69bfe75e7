//! What others take for less: Renovate, which only looks the same images up at the same registry. It reads a checkout that is there
//! already, and writes nothing.
//!
//! `LANDWAITER_ALTERNATIVES=1` runs it once, beside the rest; `RENOVATE=PATH` says where it is. A version for Node 20:
//! `npm install --ignore-scripts renovate@38.77.7`.

use super::corpus::Corpus;
use super::run;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// What was measured of one run.
pub(crate) struct Renovate {
    pub(crate) wall: f64,
    /// Peak resident memory in MiB.
    pub(crate) memory: f64,
    pub(crate) requests: u64,
    pub(crate) updates: usize,
}

/// Renovate on a new checkout, without caches; `None` unless it is asked for.
pub(crate) fn renovate(folder: &Path, corpus: &Corpus, host: &str) -> Option<Renovate> {
    std::env::var("LANDWAITER_ALTERNATIVES").ok().filter(|asked| asked == "1")?;
    let program = std::env::var("RENOVATE").unwrap_or_else(|_| "renovate".to_owned());
    let (checkout, cache) = (folder.join("checkout"), folder.join("renovate-cache"));
    let _ = fs::remove_dir_all(&checkout);
    let _ = fs::remove_dir_all(&cache);
    corpus.reset();
    run("git", &["clone", "--quiet", &corpus.repository.to_string_lossy(), &checkout.to_string_lossy()]);
    let settings = folder.join("renovate.json");
    fs::write(&settings, configuration(host)).unwrap();
    let started = Instant::now();
    let output = Command::new("/usr/bin/time")
        .args(["-f", "%M", &program])
        .current_dir(&checkout)
        .env("RENOVATE_CONFIG_FILE", &settings)
        .env("RENOVATE_CACHE_DIR", &cache)
        .env("RENOVATE_DRY_RUN", "lookup")
        .env("RENOVATE_PLATFORM", "local")
        .env("RENOVATE_REPOSITORY_CACHE", "disabled")
        .env("LOG_LEVEL", "debug")
        .output()
        .unwrap();
    let wall = started.elapsed().as_secs_f64();
    let (said, log) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{program} (npm install --ignore-scripts renovate@38.77.7): {said} {log}");
    let kilobytes: f64 = said.lines().next_back().and_then(|line| line.parse().ok()).unwrap();
    let statistics = log.split("HTTP statistics").nth(1).unwrap_or_default();
    let requests = statistics
        .lines()
        .find_map(|line| line.trim().strip_prefix("\"requests\": ")?.trim_end_matches(',').parse().ok());
    let updates = log.matches("\"newVersion\":").count();
    assert!(updates > 0, "{program} finds nothing, so that its time says nothing: {log}");
    Some(Renovate { wall, memory: kilobytes / 1024.0, requests: requests.unwrap_or_default(), updates })
}

/// The deployments alone, and the registry without TLS.
fn configuration(host: &str) -> String {
    format!(
        "{{\"onboarding\": false, \"requireConfig\": \"ignored\", \"enabledManagers\": [\"kubernetes\"], \
         \"kubernetes\": {{\"fileMatch\": [\"deployment\\\\.yaml$\"]}}, \
         \"hostRules\": [{{\"matchHost\": \"{host}\", \"insecureRegistry\": true, \"concurrentRequestLimit\": 50}}]}}\n"
    )
}
