//! Whether the process is alive, and whether it is ready: plain answers for whoever watches it.

use super::Target;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A loop that did not come round for so long, in seconds, hangs.
pub const STALLED_AFTER: i64 = 60;
/// So long, in seconds, may a branch wait for its first run.
pub const START_WINDOW: i64 = 600;
/// So many branches are named.
const NAMED: usize = 10;

/// What is known of the loop and of first runs.
#[derive(Debug, Default)]
pub struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When the loop came round last; `None` before it began.
    ticked: Option<i64>,
    /// Branches without a run yet, and since when they are known.
    waiting: BTreeMap<Target, i64>,
}

impl Health {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ticked(&self, now: i64) {
        self.state().ticked = Some(now);
    }

    pub(super) fn expect(&self, waiting: BTreeMap<Target, i64>) {
        self.state().waiting = waiting;
    }

    pub(super) fn attempted(&self, target: &Target) {
        self.state().waiting.remove(target);
    }

    /// Why the process is not alive, if it is not.
    pub fn alive(&self, now: i64) -> Result<(), String> {
        match self.state().ticked {
            Some(ticked) if now - ticked > STALLED_AFTER => {
                Err(format!("the loop stands still for {} s", now - ticked))
            }
            _ => Ok(()),
        }
    }

    /// Why it is not ready, if it is not.
    pub fn ready(&self, now: i64) -> Result<(), String> {
        let state = self.state();
        if state.ticked.is_none() {
            return Err("starting".to_owned());
        }
        let late: Vec<String> = state
            .waiting
            .iter()
            .filter(|(_, since)| now - **since > START_WINDOW)
            .map(|(target, _)| match &target.branch {
                Some(branch) => format!("{} ({branch})", target.repository),
                None => target.repository.clone(),
            })
            .collect();
        if late.is_empty() {
            return Ok(());
        }
        let more = if late.len() > NAMED { ", ..." } else { "" };
        let named = late[..late.len().min(NAMED)].join(", ");
        Err(format!("no run yet within {START_WINDOW} s: {named}{more}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_stands_still_is_dead() {
        let health = Health::default();
        assert!(health.alive(1_000).is_ok() && health.ready(1_000).is_err());
        health.ticked(1_000);
        assert!(health.alive(1_000 + STALLED_AFTER).is_ok());
        assert_eq!(health.alive(1_001 + STALLED_AFTER).unwrap_err(), "the loop stands still for 61 s");
    }

    #[test]
    fn ready_is_who_was_looked_at_or_may_still_wait() {
        let (health, target) = (Health::default(), Target { repository: "r".into(), branch: Some("main".into()) });
        health.ticked(0);
        health.expect([(target.clone(), 0)].into());
        assert!(health.ready(START_WINDOW).is_ok());
        assert_eq!(health.ready(START_WINDOW + 1).unwrap_err(), "no run yet within 600 s: r (main)");
        health.attempted(&target);
        assert!(health.ready(START_WINDOW + 1).is_ok());
        let many = (0..11).map(|n| (Target { repository: format!("r{n}"), branch: None }, 0)).collect();
        health.expect(many);
        assert!(health.ready(START_WINDOW + 1).unwrap_err().ends_with(", ..."));
    }
}
