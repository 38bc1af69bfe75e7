//! Histories of source repositories in one run: whether their hosts may be asked at all, and each branch fetched once, whatever
//! asks for it.

use super::{Run, blocking};
use crate::policy::{Held, Policy, Reason, Select, Source};
use crate::port::SourceHistory;
use crate::version::history::History;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OnceCell, Semaphore};

/// Histories under way at once: each holds its commits in memory.
const FETCHED_AT_ONCE: usize = 4;

/// A history, or the sentence that says why there is none.
pub(super) type Answer = Result<Arc<History>, String>;

/// What was learned so far.
#[derive(Debug)]
pub(super) struct Histories {
    known: Mutex<HashMap<Source, Arc<OnceCell<Answer>>>>,
    turns: Semaphore,
}

impl Default for Histories {
    fn default() -> Histories {
        Histories { known: Mutex::default(), turns: Semaphore::new(FETCHED_AT_ONCE) }
    }
}

impl Histories {
    /// The history of that branch: whoever asks first fetches it, the others wait.
    pub(super) async fn of(&self, sources: &Arc<dyn SourceHistory>, source: &Source) -> Answer {
        let cell = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(source.clone()).or_default())
        };
        cell.get_or_init(|| self.fetch(sources, source)).await.clone()
    }

    async fn fetch(&self, sources: &Arc<dyn SourceHistory>, source: &Source) -> Answer {
        let _turn = self.turns.acquire().await.map_err(|closed| closed.to_string())?;
        let (sources, source) = (Arc::clone(sources), source.clone());
        let fetched = blocking(move || sources.history(&source.url, &source.branch)).await;
        let history = fetched.map_err(|stopped| stopped.to_string())?;
        history.map(Arc::new).map_err(|error| error.to_string())
    }
}

impl Run<'_> {
    /// Why the policy's source may not be asked, if it may not. Nothing is sent to a host that the operator did not name.
    pub(super) fn barred(&self, policy: &Policy) -> Option<Held> {
        let Select::Commit(source) = &policy.select else {
            return None;
        };
        let detail = self.options.sources.refusal(&source.host)?;
        Some(Held { reason: Reason::NotAllowed, detail })
    }
}
