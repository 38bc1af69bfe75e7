//! Sends what waits, in batches, and remembers nothing: a collector that cannot be reached costs spans, never a run.
//!
//! A batch goes when it is full or [`BATCH_AFTER`] its first span, is tried again after growing pauses or as long as the collector
//! asks for, and is given up [`GIVE_UP_AFTER`] its first attempt. Trouble is told once, and so is its end.

use super::answer::Outcome;
use super::destination::Destination;
use super::queue::Queue;
use crate::telemetry::{Level, Log, Metrics, Value};
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A span waits so long for others.
pub const BATCH_AFTER: Duration = Duration::from_secs(5);
/// A batch that could not be sent for so long is dropped.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(300);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause that is not asked for.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Where spans wait and are sent from. It outlives changes of the settings; clones are the same.
#[derive(Clone)]
pub struct Exporter(Arc<Inside>);

struct Inside {
    log: Log,
    metrics: Arc<Metrics>,
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Default)]
struct State {
    destination: Option<Arc<Destination>>,
    queue: Queue,
    /// Spans that were taken out and are not yet sent.
    flying: usize,
    stopping: bool,
    /// Trouble that was told: that sending fails, that spans are dropped, that some are rejected.
    failing: bool,
    dropping: bool,
    rejected: bool,
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter").finish_non_exhaustive()
    }
}

impl Exporter {
    pub fn new(log: Log, metrics: Arc<Metrics>) -> Exporter {
        Exporter(Arc::new(Inside { log, metrics, state: Mutex::default(), wake: Notify::new() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends to another place from now on, or to none.
    pub fn settle(&self, destination: Option<Destination>) {
        let mut state = self.state();
        state.destination = destination.map(Arc::new);
        // Whoever changes the settings may have put right what failed.
        (state.failing, state.dropping, state.rejected) = (false, false, false);
        let left = if state.destination.is_none() { state.queue.clear() } else { 0 };
        drop(state);
        self.0.metrics.spans("dropped", left);
        self.0.wake.notify_one();
    }

    pub(super) fn destination(&self) -> Option<Arc<Destination>> {
        self.state().destination.clone()
    }

    /// Takes in the spans of one trace. Never waits: without room they are dropped, which is counted and told once.
    pub(super) fn post(&self, spans: Vec<String>) {
        let count = spans.len();
        let taken = self.state().queue.put(spans);
        match taken {
            true => self.0.wake.notify_one(),
            false => self.dropped(count, "more spans wait than there is room for"),
        }
    }

    /// What waits is sent at once, and then [`Exporter::work`] ends; nothing is tried twice any more.
    pub fn stop(&self) {
        self.state().stopping = true;
        self.0.wake.notify_one();
    }

    /// What was not sent goes with the process; says so, when there is any.
    pub fn abandon(&self) {
        let mut state = self.state();
        let left = state.queue.clear() + std::mem::take(&mut state.flying);
        drop(state);
        if left > 0 {
            self.dropped(left, "the service stopped before they were sent");
        }
    }

    /// Sends what waits as it is due, until [`Exporter::stop`] was called.
    pub async fn work(&self) {
        while self.is_due().await {
            let batch = self.take();
            self.deliver(&batch).await;
            self.state().flying = 0;
        }
    }

    fn take(&self) -> Vec<String> {
        let mut state = self.state();
        let batch = state.queue.batch();
        state.flying = batch.len();
        batch
    }

    /// Waits until there is something to send; false when that will never be again.
    async fn is_due(&self) -> bool {
        let mut since = None;
        loop {
            let (count, full, stopping) = {
                let state = self.state();
                (state.queue.len(), state.queue.is_full_batch(), state.stopping)
            };
            if count > 0 {
                let due = *since.get_or_insert_with(Instant::now) + BATCH_AFTER;
                if full || stopping || Instant::now() >= due {
                    return true;
                }
                tokio::select! {
                    () = self.0.wake.notified() => {}
                    () = tokio::time::sleep_until(due) => {}
                }
            } else if stopping {
                return false;
            } else {
                since = None;
                self.0.wake.notified().await;
            }
        }
    }

    /// Sends one batch until it is taken, refused or given up.
    async fn deliver(&self, batch: &[String]) {
        let begun = Instant::now();
        let mut failures = 0;
        loop {
            let Some(destination) = self.destination() else {
                return self.0.metrics.spans("dropped", batch.len());
            };
            let (why, asked) = match destination.send(batch).await {
                Outcome::Sent { rejected, said } => return self.sent(batch.len(), rejected, said),
                Outcome::Refused(why) => return self.dropped(batch.len(), &why),
                Outcome::Again(why, asked) => (why, asked),
            };
            self.told(|state| &mut state.failing, "traces-failing", &[("error", why.as_str().into())]);
            failures += 1;
            let pause = pause(failures, asked, chance(failures));
            if self.state().stopping || begun.elapsed() + pause > GIVE_UP_AFTER {
                return self.dropped(batch.len(), &why);
            }
            self.wait(pause, asked.is_some()).await;
        }
    }

    /// Waits; a pause that nobody asked for ends when the service stops, so that there is one more attempt.
    async fn wait(&self, pause: Duration, asked: bool) {
        let end = Instant::now() + pause;
        while Instant::now() < end && !self.state().stopping {
            tokio::select! {
                () = self.0.wake.notified() => {}
                () = tokio::time::sleep_until(end) => {}
            }
        }
        if asked {
            // The last words are not worth being rude: `abandon` counts what is left.
            tokio::time::sleep_until(end).await;
        }
    }

    fn sent(&self, count: usize, rejected: usize, said: Option<String>) {
        self.0.metrics.spans("sent", count - rejected);
        self.0.metrics.spans("rejected", rejected);
        let mut state = self.state();
        let recovered = std::mem::take(&mut state.failing) | std::mem::take(&mut state.dropping);
        let fine = rejected == 0 && said.is_none();
        if fine {
            state.rejected = false;
        }
        drop(state);
        if recovered {
            self.0.log.line(Level::Info, "traces-recovered", &[]);
        }
        if !fine {
            let facts = [("spans", rejected.into()), ("error", said.unwrap_or_default().into())];
            self.told(|state| &mut state.rejected, "traces-rejected", &facts);
        }
    }

    fn dropped(&self, count: usize, why: &str) {
        self.0.metrics.spans("dropped", count);
        let facts = [("spans", count.into()), ("error", why.into())];
        self.told(|state| &mut state.dropping, "traces-dropped", &facts);
    }

    /// Writes a line, unless it was written before and nothing has become better since.
    fn told(&self, which: impl Fn(&mut State) -> &mut bool, event: &str, facts: &[(&str, Value)]) {
        let before = std::mem::replace(which(&mut self.state()), true);
        if !before {
            self.0.log.line(Level::Warn, event, facts);
        }
    }
}

/// The pause after so many failed attempts, `random` in 0..1: what was asked for, or a share of one that doubles.
fn pause(failures: u32, asked: Option<Duration>, random: f64) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
    asked.unwrap_or_else(|| doubled.min(LONGEST_PAUSE).mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0))
}

/// A number in 0..1 that differs between processes and calls.
fn chance(attempt: u32) -> f64 {
    RandomState::new().hash_one(attempt) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests;
