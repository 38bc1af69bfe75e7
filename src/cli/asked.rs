//! How many requests one run sends to each host, while others run beside it: what the clients count is of all of them.
//!
//! A run is one task, and whatever it waits for is polled by that task; so the task knows the run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

tokio::task_local! {
    static ASKED: Asked;
}

/// Requests of one run by host.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked(Arc<Mutex<BTreeMap<String, u64>>>);

impl Asked {
    /// Counts what `run` sends.
    pub(super) async fn during<T>(&self, run: impl Future<Output = T>) -> T {
        ASKED.scope(self.clone(), run).await
    }

    /// Whoever is at work here sent a request. What is sent outside of runs is no run's.
    pub(super) fn count(host: &str) {
        let _ = ASKED.try_with(|asked| {
            let mut hosts = asked.0.lock().unwrap_or_else(PoisonError::into_inner);
            match hosts.get_mut(host) {
                Some(count) => *count += 1,
                None => drop(hosts.insert(host.to_owned(), 1)),
            }
        });
    }

    pub(super) fn by_host(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_run_counts_its_own() {
        let (one, two) = (Asked::default(), Asked::default());
        let ask = |host: &'static str, times: usize| async move {
            for _ in 0..times {
                Asked::count(host);
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(one.during(ask("a", 2)), two.during(ask("a", 3)), ask("a", 5));
        assert_eq!((one.by_host()["a"], two.by_host()["a"]), (2, 3));
    }
}
