//! The service's observer: records the runs that are sampled, and hands their spans on when they end.
#![expect(clippy::disallowed_methods, reason = "spans have nanoseconds, which port::Clock has not")]

use super::exporter::Exporter;
use super::recording::{End, Recording};
use super::span::{SpanId, TraceId};
use crate::cycle::{Event, Events, Scope};
use crate::service::{Observer, RunEnded, Target};
use crate::telemetry::RunResult;
use ring::rand::{SecureRandom, SystemRandom};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Records runs while the exporter has a destination.
#[derive(Debug)]
pub struct Tracer {
    exporter: Exporter,
    /// Runs under way, by their id.
    runs: Mutex<BTreeMap<String, Arc<Tape>>>,
}

/// One run under way. Its moments come from one look at the wall's clock, so that setting that clock tears no trace apart.
struct Tape {
    trace: TraceId,
    wall: u64,
    begun: Instant,
    recording: Mutex<Option<Recording<Box<dyn Iterator<Item = SpanId> + Send>>>>,
}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape").field("trace", &self.trace).finish_non_exhaustive()
    }
}

impl Tracer {
    pub fn new(exporter: Exporter) -> Tracer {
        Tracer { exporter, runs: Mutex::default() }
    }

    fn runs(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Tape>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A tape for a run, if it is to be recorded.
    fn tape(&self, id: &str, target: &Target, scope: &Scope) -> Option<Arc<Tape>> {
        let ratio = self.exporter.destination()?.ratio;
        // Without random numbers there are no ids, and so no trace.
        let (mut trace, mut first) = ([0; 16], [0; 8]);
        let random = SystemRandom::new();
        random.fill(&mut trace).and_then(|()| random.fill(&mut first)).ok()?;
        let trace = TraceId::new(trace).filter(|trace| trace.is_sampled(ratio))?;
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let wall = u64::try_from(wall).unwrap_or(u64::MAX);
        let ids: Box<dyn Iterator<Item = SpanId> + Send> = Box::new(SpanId::from(u64::from_be_bytes(first)));
        let mut recording = Recording::new(ids, wall)?;
        recording.of(id, &target.repository, target.branch.as_deref(), scope);
        Some(Arc::new(Tape { trace, wall, begun: Instant::now(), recording: Mutex::new(Some(recording)) }))
    }
}

impl Tape {
    fn now(&self) -> u64 {
        self.wall.saturating_add(u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    /// The spans of the run, which is over, as text.
    fn spans(&self, end: End<'_>) -> Vec<String> {
        let recording = self.recording.lock().unwrap_or_else(PoisonError::into_inner).take();
        let spans = recording.map(|recording| recording.ended(end, self.now())).unwrap_or_default();
        spans.iter().map(|span| span.json(self.trace).to_string()).collect()
    }
}

impl Events for Tape {
    fn happened(&self, event: &Event<'_>) {
        let mut recording = self.recording.lock().unwrap_or_else(PoisonError::into_inner);
        // The moment is taken under the lock, so that events stand in the order of their moments.
        let now = self.now();
        recording.iter_mut().for_each(|recording| recording.heard(event, now));
    }
}

impl Observer for Tracer {
    fn listen(&self, id: &str, target: &Target, scope: &Scope) -> Option<Arc<dyn Events>> {
        let tape = self.tape(id, target, scope)?;
        self.runs().insert(id.to_owned(), Arc::clone(&tape));
        Some(tape)
    }

    fn trace(&self, id: &str) -> Option<String> {
        self.runs().get(id).map(|tape| tape.trace.to_string())
    }

    fn run_ended(&self, run: &RunEnded<'_>) {
        let Some(tape) = self.runs().remove(run.id) else { return };
        let error = match (run.outcome, run.result) {
            (Err(trouble), _) => Some(trouble.message.as_str()),
            (Ok(_), RunResult::Rejected) => Some("policy files were rejected"),
            (Ok(_), RunResult::Done | RunResult::Held | RunResult::Failed) => None,
        };
        let spans = tape.spans(End { result: run.result.word(), error, whole: run.outcome.is_ok() });
        self.exporter.post(spans);
    }
}
