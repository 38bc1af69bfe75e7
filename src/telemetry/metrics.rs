//! What is counted, by the names under which Prometheus sees it.

use super::exposition::Exposition;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How a number behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

/// Series of one name.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

const PLACE: &[&str] = &["repository", "branch"];

const fn family(name: &'static str, kind: Kind, labels: &'static [&'static str], help: &'static str) -> Family {
    Family { name, kind, labels, help }
}

/// Every family, in the order of the exposition and of the table in `docs/service.md`.
pub const FAMILIES: [Family; 19] = [
    family("landwaiter_build_info", Kind::Gauge, &["version"], "The running version; always 1."),
    family("landwaiter_runs_total", Kind::Counter, &["repository", "branch", "result"], "Runs that ended, by result."),
    family("landwaiter_run_duration_seconds", Kind::Histogram, &[], "How long runs took."),
    family(
        "landwaiter_last_success_timestamp_seconds",
        Kind::Gauge,
        PLACE,
        "When the last run ended that came to a plan, since 1970.",
    ),
    family("landwaiter_consecutive_failures", Kind::Gauge, PLACE, "Runs that failed since the last one that did not."),
    family(
        "landwaiter_changes_written_total",
        Kind::Counter,
        PLACE,
        "Changes of references that were committed to the branch.",
    ),
    family(
        "landwaiter_pull_requests_total",
        Kind::Counter,
        &["repository", "branch", "outcome"],
        "What became of pull requests, one for each of them and run.",
    ),
    family(
        "landwaiter_policy_files_rejected",
        Kind::Gauge,
        &["repository", "branch"],
        "Policy files in which the last run found errors; at least 1 where it could use no policy.",
    ),
    family(
        "landwaiter_held",
        Kind::Gauge,
        &["repository", "branch", "reason"],
        "References that the last run held back, by reason.",
    ),
    family(
        "landwaiter_registry_requests_total",
        Kind::Counter,
        &["host"],
        "Requests to registries, retries and tokens included.",
    ),
    family("landwaiter_queue_length", Kind::Gauge, &[], "Branches that are due and wait for their turn."),
    family("landwaiter_runs_in_flight", Kind::Gauge, &[], "Runs under way."),
    family(
        "landwaiter_webhook_requests_total",
        Kind::Counter,
        &["receiver", "result"],
        "Requests of senders of webhooks, by what became of them.",
    ),
    family(
        "landwaiter_webhook_overflows_total",
        Kind::Counter,
        &[],
        "Times more was pushed than is remembered, so that everything is looked at.",
    ),
    family("landwaiter_settings_loads_total", Kind::Counter, &["result"], "Times the settings were read, by result."),
    family(
        "landwaiter_settings_refused",
        Kind::Gauge,
        &[],
        "1 while the newest settings are refused and older ones are in use.",
    ),
    family(
        "landwaiter_notifications_total",
        Kind::Counter,
        &["receiver", "result"],
        "Attempts to send messages to people, and what was done with those that had to wait, by result.",
    ),
    family("landwaiter_notifications_waiting", Kind::Gauge, &["receiver"], "Messages that wait to be sent."),
    family("landwaiter_started_timestamp_seconds", Kind::Gauge, &[], "When the service started, since 1970."),
];

/// The upper bounds of the histogram's buckets, in seconds.
const BUCKETS: [f64; 8] = [0.5, 1.0, 2.5, 10.0, 30.0, 120.0, 600.0, 1_800.0];

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

#[derive(Debug, Default)]
struct Numbers {
    started: i64,
    places: BTreeMap<Place, Numbered>,
    durations: [u64; BUCKETS.len()],
    duration_count: u64,
    duration_sum: f64,
    requests: BTreeMap<String, u64>,
    waiting: usize,
    in_flight: usize,
    webhooks: BTreeMap<(String, &'static str), u64>,
    overflows: u64,
    accepted: u64,
    refused: u64,
    refusing: bool,
    notified: BTreeMap<(String, &'static str), u64>,
    notifications: BTreeMap<String, usize>,
}

#[derive(Debug, Default)]
struct Numbered {
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
        for (count, bound) in numbers.durations.iter_mut().zip(BUCKETS) {
            *count += u64::from(seconds <= bound);
        }
        numbers.duration_count += 1;
        numbers.duration_sum += seconds;
        let one = numbers.places.entry(place.clone()).or_default();
        *one.runs.entry(result).or_default() += 1;
        if looked {
            (one.last_success, one.failures) = (Some(now), 0);
        } else {
            one.failures += 1;
        }
    }

    /// What a run did and held back.
    pub fn wrote(
        &self,
        place: &Place,
        changes: usize,
        pulled: impl Iterator<Item = &'static str>,
        held: BTreeMap<&'static str, u64>,
    ) {
        let mut numbers = self.numbers();
        let one = numbers.places.entry(place.clone()).or_default();
        one.changes += changes as u64;
        pulled.for_each(|outcome| *one.pulled.entry(outcome).or_default() += 1);
        one.held = held;
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
            "landwaiter_run_duration_seconds" => {
                for (count, bound) in self.durations.iter().zip(BUCKETS) {
                    text.series(family, "_bucket", &[("le", &bound.to_string())], *count as f64);
                }
                text.series(family, "_bucket", &[("le", "+Inf")], self.duration_count as f64);
                text.series(family, "_sum", &[], self.duration_sum);
                text.series(family, "_count", &[], self.duration_count as f64);
            }
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
        metrics.wrote(&place, 3, ["opened", "opened"].into_iter(), [("pace", 2)].into());
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
    fn names_follow_the_conventions() {
        for family in FAMILIES {
            assert!(family.name.starts_with("landwaiter_"), "{}", family.name);
            assert_eq!(family.kind == Kind::Counter, family.name.ends_with("_total"), "{}", family.name);
            assert!(family.help.ends_with('.'));
        }
    }
}
