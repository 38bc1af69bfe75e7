//! The names under which Prometheus sees what is counted.

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
pub const FAMILIES: [Family; 32] = [
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
    family("landwaiter_references", Kind::Gauge, PLACE, "References that a policy looks after, as of the last run."),
    family(
        "landwaiter_pending_updates",
        Kind::Gauge,
        PLACE,
        "Changes that the last run would make and that are not in the branch: in a pull request, or waiting for a window or a limit.",
    ),
    family(
        "landwaiter_oldest_pending_update_timestamp_seconds",
        Kind::Gauge,
        PLACE,
        "Since when this process knows the oldest of these changes, since 1970.",
    ),
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
        PLACE,
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
    family(
        "landwaiter_registry_request_duration_seconds",
        Kind::Histogram,
        &["host"],
        "How long answers of registries took, each attempt from sending it to its last byte or its failure.",
    ),
    family(
        "landwaiter_forge_request_duration_seconds",
        Kind::Histogram,
        &["host"],
        "The same of forges; the count is that of requests.",
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
    family(
        "landwaiter_spans_total",
        Kind::Counter,
        &["result"],
        "Spans of traces that the collector took, that it rejected, and that were dropped, by result.",
    ),
    family(
        "landwaiter_state_bytes",
        Kind::Gauge,
        &["part"],
        "Bytes of files in the state directory, by part; looked at once a minute at most.",
    ),
    family("landwaiter_started_timestamp_seconds", Kind::Gauge, &[], "When the service started, since 1970."),
    family(
        "process_cpu_seconds_total",
        Kind::Counter,
        &[],
        "Processor time of the process, of users and of the system.",
    ),
    family("process_resident_memory_bytes", Kind::Gauge, &[], "Memory of the process that is in the machine's."),
    family("process_virtual_memory_bytes", Kind::Gauge, &[], "Memory that the process has addresses for."),
    family("process_open_fds", Kind::Gauge, &[], "File descriptors that are open."),
    family("process_max_fds", Kind::Gauge, &[], "File descriptors that may be open."),
    family("process_start_time_seconds", Kind::Gauge, &[], "When the process started, since 1970."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_conventions() {
        for family in FAMILIES {
            let ours = family.name.starts_with("landwaiter_") || family.name.starts_with("process_");
            assert!(ours, "{}", family.name);
            assert_eq!(family.kind == Kind::Counter, family.name.ends_with("_total"), "{}", family.name);
            assert!(family.help.ends_with('.'));
        }
    }
}
