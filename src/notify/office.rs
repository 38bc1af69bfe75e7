//! All desks. News come in without waiting, are compared with what was told, kept, and sent by [`Office::work`].
//!
//! What waits to be sent is a note before it is sent and until the receiver has it: a process that is killed sends it after its
//! next start, in the worst case twice, with the same id. `keeping` has what is read from notes and written to them.

mod keeping;

use super::desk::Desk;
use super::gather::Gathered;
use super::message::Message;
use super::sender::Sender;
use super::told::Rules;
use crate::config::settings::NotificationSettings;
use crate::port::{Clock, Notes};
use crate::telemetry::{Level, Log, Metrics};
use futures::stream::{FuturesUnordered, StreamExt as _};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Ends of runs that wait to be taken in, which takes milliseconds each.
const MAX_INCOMING: usize = 1_000;
/// Without anything to do, it is looked so often whether there is.
const IDLE: Duration = Duration::from_secs(30);

/// Where news become messages and messages are sent. It outlives changes of the settings.
#[derive(Clone)]
pub struct Office(Arc<Inside>);

struct Inside {
    notes: Arc<dyn Notes>,
    clock: Arc<dyn Clock>,
    log: Log,
    metrics: Arc<Metrics>,
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Default)]
struct State {
    desks: BTreeMap<String, Desk>,
    incoming: VecDeque<Gathered>,
    rules: Option<Rules>,
    stopping: bool,
}

impl fmt::Debug for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Office").finish_non_exhaustive()
    }
}

impl Office {
    pub fn new(notes: Arc<dyn Notes>, clock: Arc<dyn Clock>, log: Log, metrics: Arc<Metrics>) -> Office {
        let (state, wake) = (Mutex::default(), Notify::new());
        Office(Arc::new(Inside { notes, clock, log, metrics, state, wake }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in new settings. Desks that stay keep what waits; new ones get what an earlier process left.
    pub(super) fn settle(&self, settings: &NotificationSettings, senders: &BTreeMap<String, Sender>) {
        let mut state = self.state();
        let mut old = std::mem::take(&mut state.desks);
        for one in &settings.receivers {
            let Some(sender) = senders.get(&one.name) else { continue };
            let desk = match old.remove(&one.name) {
                Some(desk) => desk.replaced(one.clone(), sender.clone()),
                None => self.opened(Desk::new(one.clone(), sender.clone())),
            };
            self.0.metrics.notifications_waiting(&one.name, desk.len());
            state.desks.insert(one.name.clone(), desk);
        }
        for (name, gone) in old {
            if gone.len() > 0 {
                let facts = [("receiver", name.as_str().into()), ("messages", gone.len().into())];
                self.0.log.line(Level::Warn, "notifications-left", &facts);
            }
        }
        let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        state.rules = Some(Rules {
            runs: settings.failure_runs,
            time: seconds(settings.failure_time),
            remind: settings.remind_after.map(seconds),
        });
        let names: Vec<String> = state.desks.keys().cloned().collect();
        drop(state);
        self.0.metrics.receivers(|name| names.iter().any(|known| known == name));
        self.0.wake.notify_one();
    }

    /// Takes in what a run means. Never waits: when too much waits already, the oldest goes, which is counted and told. What lasts is
    /// met again by the next run.
    pub(super) fn post(&self, gathered: Gathered) {
        let mut state = self.state();
        if state.desks.is_empty() {
            return;
        }
        if state.incoming.len() >= MAX_INCOMING
            && let Some(lost) = state.incoming.pop_front()
        {
            let facts = [("run", lost.run.as_str().into()), ("repository", lost.repository.as_str().into())];
            self.0.log.line(Level::Error, "notifications-lost", &facts);
            self.0.metrics.notified("", "lost");
        }
        state.incoming.push_back(gathered);
        drop(state);
        self.0.wake.notify_one();
    }

    /// Sends what waits as soon as it may be sent, until [`Office::stop`] was called and nothing is left that may be sent now.
    pub async fn work(&self) {
        let mut flying = FuturesUnordered::new();
        loop {
            let office = self.clone();
            // The store may wait for another process.
            if let Err(stopped) = tokio::task::spawn_blocking(move || office.take_in()).await {
                let facts = [("error", stopped.to_string().into())];
                self.0.log.line(Level::Error, "notifications-lost", &facts);
            }
            for (name, sender, message) in self.ready() {
                let now = self.0.clock.now();
                flying.push(async move { (name, sender.send(&message, now).await) });
            }
            if flying.is_empty() && self.is_over() {
                return;
            }
            let idle = self.idle();
            tokio::select! {
                Some((name, outcome)) = flying.next(), if !flying.is_empty() => self.came_back(&name, outcome),
                () = self.0.wake.notified() => {}
                () = tokio::time::sleep(idle) => {}
            }
        }
    }

    /// What may be sent now is sent, and then [`Office::work`] ends. What must wait stays for the next start.
    pub fn stop(&self) {
        self.state().stopping = true;
        self.0.wake.notify_one();
    }

    fn is_over(&self) -> bool {
        let state = self.state();
        let now = Instant::now();
        let ready = state.desks.values().any(|desk| desk.due(now).is_some_and(|due| due <= now));
        state.stopping && state.incoming.is_empty() && !ready
    }

    fn idle(&self) -> Duration {
        let now = Instant::now();
        let due = self.state().desks.values().filter_map(|desk| desk.due(now)).min();
        due.map_or(IDLE, |due| due.saturating_duration_since(now)).min(IDLE)
    }

    fn ready(&self) -> Vec<(String, Sender, Message)> {
        let now = Instant::now();
        let mut state = self.state();
        let taken = state.desks.iter_mut().filter_map(|(name, desk)| {
            let message = desk.take(now)?;
            Some((name.clone(), desk.sender.clone(), message))
        });
        taken.collect()
    }
}
