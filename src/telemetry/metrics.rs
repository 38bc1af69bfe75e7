//! What is counted. How many series there are is bounded: places and receivers stand in the settings, reasons and results are
//! closed lists, and hosts, which policies name, are counted together beyond [`MAX_HOSTS`].

use super::exposition::Exposition;
use super::families::{FAMILIES, Family};
use super::histogram::Histogram;
use super::process::Sample;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The upper bounds of the buckets of runs, in seconds.
const RUNS: [f64; 8] = [0.5, 1.0, 2.5, 10.0, 30.0, 120.0, 600.0, 1_800.0];
/// The same of requests.
const REQUESTS: [f64; 9] = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];
/// So many hosts of a kind have series of their own; all others are [`OTHER_HOSTS`].
pub const MAX_HOSTS: usize = 100;
/// The label of hosts beyond [`MAX_HOSTS`]. It is no host's name.
pub const OTHER_HOSTS: &str = "(others)";
/// So many pending changes are known by age in each branch.
const MAX_PENDING: usize = 20_000;

/// A branch of a repository; an empty branch is the default one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub repository: String,
    pub branch: String,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Result {
    Done,
    /// Errors held some images back.
    Held,
    /// Policies were rejected.
    Rejected,
    Failed,
}

impl Result {
    pub const ALL: [Result; 4] = [Result::Done, Result::Held, Result::Rejected, Result::Failed];

    pub fn word(self) -> &'static str {
        match self {
            Result::Done => "done",
            Result::Held => "held",
            Result::Rejected => "rejected",
            Result::Failed => "failed",
        }
    }
}

/// All numbers of the service.
#[derive(Debug, Default)]
pub struct Metrics(Mutex<Numbers>);

#[derive(Debug)]
struct Numbers {
    started: i64,
    places: BTreeMap<Place, Numbered>,
    durations: Histogram<{ RUNS.len() }>,
    requests: BTreeMap<String, u64>,
    registries: BTreeMap<String, Histogram<{ REQUESTS.len() }>>,
    forges: BTreeMap<String, Histogram<{ REQUESTS.len() }>>,
    process: Sample,
    waiting: usize,
    in_flight: usize,
    webhooks: BTreeMap<(String, &'static str), u64>,
    overflows: u64,
    accepted: u64,
    refused: u64,
    refusing: bool,
    notified: BTreeMap<(String, &'static str), u64>,
    notifications: BTreeMap<String, usize>,
    spans: BTreeMap<&'static str, u64>,
}

impl Default for Numbers {
    fn default() -> Numbers {
        Numbers {
            started: 0,
            places: BTreeMap::new(),
            durations: Histogram::new(RUNS),
            requests: BTreeMap::new(),
            registries: BTreeMap::new(),
            forges: BTreeMap::new(),
            process: Sample::default(),
            waiting: 0,
            in_flight: 0,
            webhooks: BTreeMap::new(),
            overflows: 0,
            accepted: 0,
            refused: 0,
            refusing: false,
            notified: BTreeMap::new(),
            notifications: BTreeMap::new(),
            spans: BTreeMap::new(),
        }
    }
}

/// What answers requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    Registry,
    Forge,
}

/// What a run did with the branch it looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// References that a policy looks after.
    pub references: usize,
    /// Changes that were committed.
    pub written: usize,
    /// Changes that are wanted and not in the branch, by something that names reference and value.
    pub pending: Vec<u64>,
    /// Outcomes of pull requests.
    pub pulled: Vec<&'static str>,
    /// References held back, by reason.
    pub held: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Default)]
struct Numbered {
    references: Option<usize>,
    /// Since when each is known.
    pending: BTreeMap<u64, i64>,
    runs: BTreeMap<Result, u64>,
    last_success: Option<i64>,
    failures: u64,
    changes: u64,
    pulled: BTreeMap<&'static str, u64>,
    held: BTreeMap<&'static str, u64>,
    rejected: usize,
}

impl Metrics {
    fn numbers(&self) -> MutexGuard<'_, Numbers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn started(&self, now: i64) {
        self.numbers().started = now;
    }

    /// A run ended at `now`. It looked at the branch if it came to a plan.
    pub fn ran(&self, place: &Place, result: Result, looked: bool, now: i64, seconds: f64) {
        let mut numbers = self.numbers();
        numbers.durations.observe(seconds);
        let one = numbers.places.entry(place.clone()).or_default();
        *one.runs.entry(result).or_default() += 1;
        if looked {
            (one.last_success, one.failures) = (Some(now), 0);
        } else {
            one.failures += 1;
        }
    }

    /// A run looked at the whole branch, at `now`.
    pub fn wrote(&self, place: &Place, seen: Seen, now: i64) {
        let mut numbers = self.numbers();
        let one = numbers.places.entry(place.clone()).or_default();
        one.references = Some(seen.references);
        one.changes += seen.written as u64;
        seen.pulled.into_iter().for_each(|outcome| *one.pulled.entry(outcome).or_default() += 1);
        one.held = seen.held;
        let before = std::mem::take(&mut one.pending);
        let pending = seen.pending.into_iter().take(MAX_PENDING);
        one.pending = pending.map(|name| (name, before.get(&name).copied().unwrap_or(now).min(now))).collect();
    }

    /// A request was answered, or failed.
    pub fn exchanged(&self, peer: Peer, host: &str, seconds: f64) {
        let mut numbers = self.numbers();
        let hosts = match peer {
            Peer::Registry => &mut numbers.registries,
            Peer::Forge => &mut numbers.forges,
        };
        let host = bounded(hosts, host);
        hosts.entry(host).or_insert_with(|| Histogram::new(REQUESTS)).observe(seconds);
    }

    /// What the machine says of the process.
    pub fn process(&self, sample: Sample) {
        self.numbers().process = sample;
    }

    /// In so many policy files were errors.
    pub fn rejected(&self, place: &Place, files: usize) {
        self.numbers().places.entry(place.clone()).or_default().rejected = files;
    }

    /// Drops the series of all other places.
    pub fn retain(&self, keep: impl Fn(&Place) -> bool) {
        self.numbers().places.retain(|place, _| keep(place));
    }

    /// Requests that were sent since the last time.
    pub fn requested(&self, requests: BTreeMap<String, u64>) {
        let mut numbers = self.numbers();
        for (host, count) in requests {
            let host = bounded(&numbers.requests, &host);
            *numbers.requests.entry(host).or_default() += count;
        }
    }

    pub fn queue(&self, waiting: usize, in_flight: usize) {
        let mut numbers = self.numbers();
        (numbers.waiting, numbers.in_flight) = (waiting, in_flight);
    }

    /// A request of a receiver of webhooks; no name is an address that has none.
    pub fn webhook(&self, receiver: &str, result: &'static str) {
        *self.numbers().webhooks.entry((receiver.to_owned(), result)).or_default() += 1;
    }

    /// More was pushed than is remembered.
    pub fn overflowed(&self) {
        self.numbers().overflows += 1;
    }

    /// The settings were read.
    pub fn loaded(&self, accepted: bool) {
        let mut numbers = self.numbers();
        numbers.refusing = !accepted;
        *if accepted { &mut numbers.accepted } else { &mut numbers.refused } += 1;
    }

    /// A message to a receiver was `sent`, `retried`, `dropped` or `merged`; without a receiver: news were `lost`.
    pub fn notified(&self, receiver: &str, result: &str) {
        let known = ["sent", "retried", "dropped", "merged", "lost"];
        if let Some(result) = known.into_iter().find(|known| *known == result) {
            *self.numbers().notified.entry((receiver.to_owned(), result)).or_default() += 1;
        }
    }

    pub fn notifications_waiting(&self, receiver: &str, count: usize) {
        self.numbers().notifications.insert(receiver.to_owned(), count);
    }

    /// So many spans of traces were `sent`, `rejected` or `dropped`.
    pub fn spans(&self, result: &'static str, count: usize) {
        if count > 0 {
            *self.numbers().spans.entry(result).or_default() += count as u64;
        }
    }

    /// Drops the series of all other receivers.
    pub fn receivers(&self, keep: impl Fn(&str) -> bool) {
        let mut numbers = self.numbers();
        numbers.notified.retain(|(receiver, _), _| receiver.is_empty() || keep(receiver));
        numbers.notifications.retain(|receiver, _| keep(receiver));
    }

    /// Everything, in Prometheus' text format.
    pub fn render(&self) -> String {
        let numbers = self.numbers();
        let mut text = Exposition::default();
        for family in &FAMILIES {
            text.family(family);
            numbers.series(family, &mut text);
        }
        text.text()
    }
}

/// The label of a host: its name, while there is room for it.
fn bounded<T>(hosts: &BTreeMap<String, T>, host: &str) -> String {
    let known = hosts.contains_key(host) || hosts.len() < MAX_HOSTS;
    if known { host.to_owned() } else { OTHER_HOSTS.to_owned() }
}

impl Numbers {
    fn series(&self, family: &Family, text: &mut Exposition) {
        let mut alone = |value: f64| text.series(family, "", &[], value);
        match family.name {
            "landwaiter_queue_length" => alone(self.waiting as f64),
            "landwaiter_runs_in_flight" => alone(self.in_flight as f64),
            "landwaiter_webhook_overflows_total" => alone(self.overflows as f64),
            "landwaiter_webhook_requests_total" => {
                for ((receiver, result), count) in &self.webhooks {
                    text.series(family, "", &[("receiver", receiver), ("result", result)], *count as f64);
                }
            }
            "landwaiter_settings_refused" => alone(f64::from(u8::from(self.refusing))),
            "landwaiter_started_timestamp_seconds" => alone(self.started as f64),
            "landwaiter_build_info" => text.series(family, "", &[("version", env!("CARGO_PKG_VERSION"))], 1.0),
            "landwaiter_run_duration_seconds" => self.durations.write(family, &[], text),
            "landwaiter_registry_request_duration_seconds" => {
                self.registries.iter().for_each(|(host, times)| times.write(family, &[("host", host)], text));
            }
            "landwaiter_forge_request_duration_seconds" => {
                self.forges.iter().for_each(|(host, times)| times.write(family, &[("host", host)], text));
            }
            "landwaiter_state_bytes" => {
                for (part, bytes) in &self.process.state {
                    text.series(family, "", &[("part", part)], *bytes as f64);
                }
            }
            name if name.starts_with("process_") => self.process_value(name).into_iter().for_each(alone),
            "landwaiter_settings_loads_total" => {
                text.series(family, "", &[("result", "accepted")], self.accepted as f64);
                text.series(family, "", &[("result", "refused")], self.refused as f64);
            }
            "landwaiter_notifications_total" => {
                for ((receiver, result), count) in &self.notified {
                    text.series(family, "", &[("receiver", receiver), ("result", result)], *count as f64);
                }
            }
            "landwaiter_notifications_waiting" => {
                for (receiver, count) in &self.notifications {
                    text.series(family, "", &[("receiver", receiver)], *count as f64);
                }
            }
            "landwaiter_spans_total" => {
                self.spans.iter().for_each(|(result, count)| {
                    text.series(family, "", &[("result", result)], *count as f64);
                });
            }
            "landwaiter_registry_requests_total" => {
                for (host, count) in &self.requests {
                    text.series(family, "", &[("host", host)], *count as f64);
                }
            }
            _ => {
                for (place, one) in &self.places {
                    one.series(family, place, text);
                }
            }
        }
    }
}

impl Numbers {
    fn process_value(&self, name: &str) -> Option<f64> {
        let process = &self.process;
        match name {
            "process_cpu_seconds_total" => process.cpu_seconds,
            "process_resident_memory_bytes" => process.resident_bytes,
            "process_virtual_memory_bytes" => process.virtual_bytes,
            "process_open_fds" => process.open_fds,
            "process_max_fds" => process.max_fds,
            "process_start_time_seconds" => process.started,
            _ => None,
        }
    }
}

impl Numbered {
    fn series(&self, family: &Family, place: &Place, text: &mut Exposition) {
        let labels = [("repository", place.repository.as_str()), ("branch", place.branch.as_str())];
        let [repository, branch] = labels;
        let mut by = |name: &str, word: &str, count: u64| {
            text.series(family, "", &[repository, branch, (name, word)], count as f64);
        };
        match family.name {
            "landwaiter_runs_total" => {
                let count = |result: &Result| self.runs.get(result).copied().unwrap_or_default();
                Result::ALL.iter().for_each(|result| by("result", result.word(), count(result)));
            }
            "landwaiter_pull_requests_total" => {
                self.pulled.iter().for_each(|(outcome, count)| by("outcome", outcome, *count));
            }
            "landwaiter_held" => self.held.iter().for_each(|(reason, count)| by("reason", reason, *count)),
            "landwaiter_last_success_timestamp_seconds" => {
                if let Some(at) = self.last_success {
                    text.series(family, "", &labels, at as f64);
                }
            }
            "landwaiter_references" => {
                self.references.iter().for_each(|count| text.series(family, "", &labels, *count as f64));
            }
            "landwaiter_pending_updates" => {
                self.references.iter().for_each(|_| text.series(family, "", &labels, self.pending.len() as f64));
            }
            "landwaiter_oldest_pending_update_timestamp_seconds" => {
                self.pending.values().min().into_iter().for_each(|at| text.series(family, "", &labels, *at as f64));
            }
            "landwaiter_consecutive_failures" => text.series(family, "", &labels, self.failures as f64),
            "landwaiter_policy_files_rejected" => text.series(family, "", &labels, self.rejected as f64),
            "landwaiter_changes_written_total" => text.series(family, "", &labels, self.changes as f64),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_counted() {
        let metrics = Metrics::default();
        let place = Place { repository: "config.git".into(), branch: "main".into() };
        metrics.ran(&place, Result::Failed, false, 100, 0.25);
        metrics.ran(&place, Result::Held, true, 200, 45.0);
        metrics.rejected(&place, 1);
        let seen = Seen {
            references: 9,
            written: 3,
            pending: vec![7, 8],
            pulled: vec!["opened", "opened"],
            held: [("pace", 2)].into(),
        };
        metrics.wrote(&place, Seen { pending: vec![7], written: 0, pulled: Vec::new(), ..seen.clone() }, 150);
        metrics.wrote(&place, seen, 200);
        metrics.exchanged(Peer::Registry, "reg", 0.03);
        metrics.exchanged(Peer::Forge, "forge", 3.0);
        metrics.requested([("reg".to_owned(), 5)].into());
        metrics.requested([("reg".to_owned(), 2)].into());
        metrics.webhook("hub", "accepted");
        metrics.webhook("hub", "accepted");
        metrics.loaded(true);
        metrics.loaded(false);
        let text = metrics.render();
        for line in [
            "landwaiter_runs_total{repository=\"config.git\",branch=\"main\",result=\"failed\"} 1",
            "landwaiter_runs_total{repository=\"config.git\",branch=\"main\",result=\"done\"} 0",
            "landwaiter_last_success_timestamp_seconds{repository=\"config.git\",branch=\"main\"} 200",
            "landwaiter_consecutive_failures{repository=\"config.git\",branch=\"main\"} 0",
            "landwaiter_changes_written_total{repository=\"config.git\",branch=\"main\"} 3",
            "landwaiter_pull_requests_total{repository=\"config.git\",branch=\"main\",outcome=\"opened\"} 2",
            "landwaiter_held{repository=\"config.git\",branch=\"main\",reason=\"pace\"} 2",
            "landwaiter_policy_files_rejected{repository=\"config.git\",branch=\"main\"} 1",
            "landwaiter_registry_requests_total{host=\"reg\"} 7",
            "landwaiter_references{repository=\"config.git\",branch=\"main\"} 9",
            "landwaiter_pending_updates{repository=\"config.git\",branch=\"main\"} 2",
            "landwaiter_oldest_pending_update_timestamp_seconds{repository=\"config.git\",branch=\"main\"} 150",
            "landwaiter_registry_request_duration_seconds_bucket{host=\"reg\",le=\"0.025\"} 0",
            "landwaiter_registry_request_duration_seconds_bucket{host=\"reg\",le=\"0.05\"} 1",
            "landwaiter_forge_request_duration_seconds_count{host=\"forge\"} 1",
            "landwaiter_run_duration_seconds_bucket{le=\"0.5\"} 1",
            "landwaiter_run_duration_seconds_bucket{le=\"+Inf\"} 2",
            "landwaiter_run_duration_seconds_sum 45.25",
            "landwaiter_settings_loads_total{result=\"refused\"} 1",
            "landwaiter_settings_refused 1",
            "landwaiter_webhook_requests_total{receiver=\"hub\",result=\"accepted\"} 2",
            "landwaiter_webhook_overflows_total 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        metrics.retain(|_| false);
        assert!(!metrics.render().contains("config.git"));
    }

    #[test]
    fn hosts_are_counted_together_beyond_their_bound() {
        let metrics = Metrics::default();
        for number in 0..MAX_HOSTS + 2 {
            metrics.exchanged(Peer::Registry, &format!("h{number:03}"), 1.0);
            metrics.requested([(format!("h{number:03}"), 1)].into());
        }
        let text = metrics.render();
        let rows = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
        assert_eq!(rows("landwaiter_registry_request_duration_seconds_count{"), MAX_HOSTS + 1);
        assert_eq!(rows("landwaiter_registry_requests_total{"), MAX_HOSTS + 1);
        assert!(text.contains("landwaiter_registry_requests_total{host=\"(others)\"} 2"), "{text}");
        assert!(text.contains("host=\"h099\"") && !text.contains("host=\"h100\""));
    }

    #[test]
    fn what_is_no_longer_pending_is_forgotten() {
        let (metrics, place) = (Metrics::default(), Place { repository: "r".into(), branch: String::new() });
        let pending =
            |pending: &[u64], now| metrics.wrote(&place, Seen { pending: pending.to_vec(), ..Seen::default() }, now);
        pending(&[1], 100);
        pending(&[], 200);
        assert!(!metrics.render().contains("landwaiter_oldest_pending_update_timestamp_seconds{"));
        pending(&[1], 300);
        assert!(
            metrics
                .render()
                .contains("landwaiter_oldest_pending_update_timestamp_seconds{repository=\"r\",branch=\"\"} 300")
        );
    }
}
