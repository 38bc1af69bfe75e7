//! The service's observer: hears what registries do in a run, and hands its end to the office.

use super::gather::{self, Failing};
use super::office::Office;
use super::sender::Sender;
use crate::config::settings::NotificationSettings;
use crate::cycle::{Event, Events, Scope};
use crate::port::{RegistryError, RegistryErrorKind};
use crate::service::{Observer, RunEnded, Target, Trouble};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Reports to the office while the settings it was made with count.
struct Reporter {
    office: Office,
    settings: NotificationSettings,
    senders: BTreeMap<String, Sender>,
    /// What was heard of runs that are under way.
    heard: Mutex<BTreeMap<String, Arc<Ears>>>,
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter").field("receivers", &self.senders.len()).finish_non_exhaustive()
    }
}

impl Office {
    /// Who reports to this office once these settings count; `senders` by the name of their receiver.
    pub fn observer(&self, settings: NotificationSettings, senders: BTreeMap<String, Sender>) -> Arc<dyn Observer> {
        Arc::new(Reporter { office: self.clone(), settings, senders, heard: Mutex::default() })
    }
}

impl Reporter {
    fn heard(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Ears>>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Reporter {
    fn listen(&self, id: &str, _: &Target, _: &Scope) -> Option<Arc<dyn Events>> {
        if self.senders.is_empty() {
            return None;
        }
        let ears = Arc::new(Ears::default());
        self.heard().insert(id.to_owned(), Arc::clone(&ears));
        Some(ears)
    }

    fn run_ended(&self, run: &RunEnded<'_>) {
        let ears = self.heard().remove(run.id);
        // A run that began under other settings was heard by others, and nobody knows which registries failed.
        let failing = ears.map(|ears| ears.failing().clone());
        self.office.post(gather::run(run, failing.as_ref()));
    }

    fn settings_read(&self, _: &[&Target], refused: Option<&Trouble>, now: i64) {
        if refused.is_none() {
            self.office.settle(&self.settings, &self.senders);
        }
        self.office.post(gather::settings(refused, now));
    }
}

/// Hears which registries fail.
#[derive(Debug, Default)]
struct Ears(Mutex<Failing>);

impl Ears {
    fn failing(&self) -> MutexGuard<'_, Failing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Events for Ears {
    fn happened(&self, event: &Event<'_>) {
        let error = match event {
            Event::ListingFailed { error, .. } if gather::is_the_hosts(error) => (*error).clone(),
            Event::DeadlineReached { repository } => {
                let detail = "the run's deadline came first".to_owned();
                RegistryError { host: repository.host().to_owned(), kind: RegistryErrorKind::TimedOut, detail }
            }
            // The run plans again: what it met before may be over.
            Event::SnapshotTaken { .. } => return self.failing().clear(),
            _ => return,
        };
        let mut failing = self.failing();
        // A host that refuses credentials stays the same matter, whichever of its repositories is asked first.
        match failing.get(&error.host) {
            Some(known) if !known.retryable() || error.retryable() => {}
            _ => drop(failing.insert(error.host.clone(), error)),
        }
    }
}
