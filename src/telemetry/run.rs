//! The events of one run as lines of the log, each with the run's id, repository and branch.

use super::log::{Level, Log, Value};
use crate::cycle::{Event, Events};

/// Listens to one run.
#[derive(Debug, Clone)]
pub struct RunLog {
    log: Log,
    run: String,
    repository: String,
    branch: Option<String>,
    trace: Option<String>,
}

impl RunLog {
    pub fn new(log: Log, run: String, repository: String, branch: Option<String>) -> RunLog {
        RunLog { log, run, repository, branch, trace: None }
    }

    /// The same, whose lines name the trace that the run is recorded as.
    pub fn traced(self, trace: Option<String>) -> RunLog {
        RunLog { trace, ..self }
    }

    /// A line about this run.
    pub fn line(&self, level: Level, event: &str, facts: &[(&str, Value)]) {
        let mut all: Vec<(&str, Value)> =
            vec![("run", self.run.as_str().into()), ("repository", self.repository.as_str().into())];
        all.extend(self.branch.iter().map(|branch| ("branch", Value::from(branch.as_str()))));
        // The name that OpenTelemetry gives it in logs.
        all.extend(self.trace.iter().map(|trace| ("trace_id", Value::from(trace.as_str()))));
        all.extend_from_slice(facts);
        self.log.line(level, event, &all);
    }
}

impl Events for RunLog {
    fn happened(&self, event: &Event<'_>) {
        let commit = |id: &Option<&crate::port::CommitId>| Value::from(id.map_or("", |id| id.0.as_str()));
        match event {
            Event::SnapshotTaken { head, .. } => self.line(Level::Info, "snapshot-taken", &[("head", commit(head))]),
            Event::PoliciesRead { policies } => {
                self.line(Level::Info, "policies-read", &[("policies", (*policies).into())]);
            }
            Event::FilesScanned { files, references, read } => {
                let facts =
                    [("files", (*files).into()), ("references", (*references).into()), ("read", (*read).into())];
                self.line(Level::Info, "files-scanned", &facts);
            }
            Event::ListingStarted { repositories } => {
                self.line(Level::Info, "listing-started", &[("images", (*repositories).into())]);
            }
            // One line for each image would be a thousand lines a run; those that fail are told. What hosts do is told when they
            // do it, once, by whoever watches the client.
            Event::TagsListed { .. }
            | Event::Decided(_)
            | Event::RegistryNoticed { .. }
            | Event::ProposingStarted { .. }
            | Event::HostAsked { .. } => {}
            Event::ListingFailed { repository, error } => {
                let facts = [("image", repository.to_string().into()), ("error", error.to_string().into())];
                self.line(Level::Warn, "listing-failed", &facts);
            }
            Event::TagMoved { repository, tag, from, to } => {
                let facts = [
                    ("image", repository.to_string().into()),
                    ("tag", tag.to_string().into()),
                    ("from", from.to_string().into()),
                    ("to", to.to_string().into()),
                ];
                self.line(Level::Warn, "tag-moved", &facts);
            }
            Event::DeadlineReached { repository } => {
                self.line(Level::Warn, "deadline-reached", &[("image", repository.to_string().into())]);
            }
            Event::PastAsked { changes } => self.line(Level::Info, "past-asked", &[("changes", (*changes).into())]),
            Event::Planned { changes, held } => {
                self.line(Level::Info, "planned", &[("changes", (*changes).into()), ("held", (*held).into())]);
            }
            Event::BranchMoved { attempt } => {
                self.line(Level::Info, "branch-moved", &[("attempt", (*attempt).into())]);
            }
            Event::WritingFailed { error } => {
                self.line(Level::Warn, "writing-failed", &[("error", error.message.as_str().into())]);
            }
            Event::Published { commit: id } => self.line(Level::Info, "published", &[("commit", commit(id))]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::LogFormat;

    #[test]
    fn every_line_names_its_run() {
        let (log, said) = crate::telemetry::log::tests::log(LogFormat::Text);
        let run = RunLog::new(log, "5-1".into(), "config.git".into(), Some("main".into()));
        run.happened(&Event::Planned { changes: 2, held: 1 });
        run.happened(&Event::BranchMoved { attempt: 1 });
        let said = said();
        assert_eq!(said.lines().count(), 2);
        assert!(said.lines().all(|line| line.contains(" run=5-1 repository=config.git branch=main ")), "{said}");
        assert!(said.contains("info  planned ") && said.contains(" changes=2 held=1"), "{said}");
    }
}
