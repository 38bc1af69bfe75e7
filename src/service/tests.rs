//! The loop with a runner that does nothing well: what one run does wrong touches no other.

use super::*;
use crate::config::settings::RepositoryPlace;
use crate::telemetry::LogFormat;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Fails at everything, and panics at what is called `panic`. Remembers how many were in one repository at once.
#[derive(Default)]
struct Clumsy {
    inside: Mutex<BTreeMap<String, (usize, usize)>>,
}

impl Runner for Clumsy {
    fn run(&self, target: &Target, _: Scope, _: &dyn Events) -> Result<Report, Trouble> {
        let count = |by: isize| {
            let mut inside = self.inside.lock().unwrap();
            let (now, most) = inside.entry(target.repository.clone()).or_default();
            *now = now.saturating_add_signed(by);
            *most = (*most).max(*now);
        };
        count(1);
        std::thread::sleep(Duration::from_millis(5));
        count(-1);
        assert_ne!(target.repository, "panic", "on purpose");
        Err(Trouble { rejected: target.repository == "rejected", ..Trouble::failed("no".to_owned()) })
    }

    fn requests(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }
}

struct Fixed(Arc<Clumsy>, Vec<RepositorySettings>);

impl Loader for Fixed {
    fn load(&self) -> Result<Loaded, Trouble> {
        let runner: Arc<dyn Runner> = self.0.clone();
        Ok(Loaded { runner, repositories: self.1.clone(), service: ServiceSettings::default(), observers: Vec::new() })
    }

    fn stamp(&self) -> u64 {
        0
    }
}

fn service(repositories: &[(&str, usize)]) -> (Service, Arc<Clumsy>, Arc<Metrics>, Arc<Hands>) {
    let repository = |(place, branches): &(&str, usize)| RepositorySettings {
        place: RepositoryPlace::Path((*place).into()),
        branches: (0..*branches).map(|number| format!("b{number}")).collect(),
        policies: Vec::new(),
        schedule: None,
        zone: None,
    };
    let (clumsy, metrics) = (Arc::new(Clumsy::default()), Arc::new(Metrics::default()));
    let clock = Arc::new(Hands(AtomicI64::new(1_763_596_800)));
    let log = Log::new(LogFormat::Json, clock.clone(), std::io::sink());
    let tell = Tell { log, metrics: metrics.clone(), health: Arc::default(), observers: Vec::new() };
    let loader = Arc::new(Fixed(clumsy.clone(), repositories.iter().map(repository).collect()));
    (Service::new(loader, clock.clone(), tell).unwrap(), clumsy, metrics, clock)
}

#[tokio::test]
async fn a_run_that_panics_is_a_failure_and_touches_no_other() {
    let (service, _, metrics, _) = service(&[("panic", 0), ("rejected", 0), ("gone", 0)]);
    let mut results = service.once().await;
    results.sort();
    assert_eq!(results, [RunResult::Rejected, RunResult::Failed, RunResult::Failed]);
    let text = metrics.render();
    assert!(text.contains("landwaiter_runs_total{repository=\"panic\",branch=\"\",result=\"failed\"} 1"), "{text}");
}

#[tokio::test]
async fn one_run_is_under_way_for_each_repository() {
    let (service, clumsy, _, _) = service(&[("a", 5), ("b", 5)]);
    assert_eq!(service.once().await.len(), 10);
    let inside = clumsy.inside.lock().unwrap();
    assert!(inside.values().all(|(now, most)| (*now, *most) == (0, 1)), "{inside:?}");
}

#[tokio::test]
async fn a_clock_that_is_set_back_stops_nothing() {
    let (mut service, _, metrics, clock) = service(&[("rejected", 0)]);
    let run = async |service: &mut Service| {
        service.begin();
        let joined = service.running.join_next_with_id().await;
        joined.and_then(|joined| service.end(joined, true))
    };
    assert_eq!(run(&mut service).await, Some(RunResult::Rejected));
    clock.0.fetch_sub(7_200, Ordering::Relaxed);
    assert_eq!(run(&mut service).await, None);
    clock.0.fetch_add(660, Ordering::Relaxed);
    assert_eq!(run(&mut service).await, Some(RunResult::Rejected), "{}", metrics.render());
}
