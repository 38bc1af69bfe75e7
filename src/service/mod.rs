//! The service: triggers become runs, one after the other for each repository, several repositories at once.
//!
//! [`Service::serve`] is one loop. It asks the queue what is due, gives it to the [`Runner`], and takes in what comes: a run that
//! ended, an order (reload, stop), the next moment of a timetable. It never ends because of one repository. There is no state but
//! what may be forgotten: a service that starts again looks at everything at once, and every run decides from what stands in
//! Git.
//!
//! | file | says |
//! |---|---|
//! | `targets` | the branches that are kept up to date, and when each is due |
//! | `known` | what is known of a branch, and so what a run of it asks about |
//! | `health` | whether the process is alive and ready |
//! | `observer` | who else is told how runs go |
//! | `picture` | what is known of every branch, reference and image: what the status page shows |
//! | `page` | the status page and its API, and who may see them |
//! | `reload` | settings that change |
//! | `told` | what a report means for the log and the numbers |
//! | `listener` | connections within bounds: how all three addresses are listened at |
//! | `routes` | the addresses at which health and metrics are answered for |
//! | `webhooks` | pushes that others tell of become orders to look |

mod health;
mod known;
mod listener;
mod observer;
pub mod page;
pub mod picture;
mod reload;
mod routes;
mod targets;
mod told;
mod webhooks;

pub use health::{Health, STALLED_AFTER, START_WINDOW};
pub use observer::{Observer, RunEnded};
pub use routes::{Operations, listen};
pub use targets::Target;
pub use webhooks::{Hooks, Installed, Receiver};

use crate::config::settings::{RepositorySettings, ServiceSettings};
use crate::cycle::{Events, Report, Scope};
use crate::image::Repository;
use crate::port::Clock;
use crate::schedule::{Queue, Rules};
use crate::telemetry::{Level, Log, Metrics, Place, RunLog, RunResult, Value};
use observer::Listeners;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use targets::Targets;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use told::{rejected, seen, told};

/// An order to reload waits so long for the next one, and no longer than the second.
const DEBOUNCE: i64 = 1;
const PATIENCE: i64 = 10;
/// Between the end of a run and the next one that an event asks for: somebody waits for it, and `service.pause` is for
/// timetables.
const EVENT_PAUSE: i64 = 1;
/// The loop looks at the clock at least so often: the wall's clock may be set.
const TICK: Duration = Duration::from_secs(1);
/// How often the settings are looked at for changes.
const LOOK: Duration = Duration::from_secs(5);

/// Makes one run, start to end. Called on a thread that may block. What is not in `scope` is not asked about.
pub trait Runner: Send + Sync {
    fn run(&self, target: &Target, scope: Scope, events: &dyn Events) -> Result<Report, Trouble>;

    /// Requests to registries by host since this was last asked.
    fn requests(&self) -> BTreeMap<String, u64>;
}

/// Why a run had no result, or settings could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub message: String,
    pub hint: Option<String>,
    /// Somebody must write something else: policies or settings were rejected.
    pub rejected: bool,
}

/// The operator's settings, as far as the service has to know them, and who runs by them.
#[derive(Clone)]
pub struct Loaded {
    pub runner: Arc<dyn Runner>,
    pub repositories: Vec<RepositorySettings>,
    pub service: ServiceSettings,
    /// Who is told of runs while these settings count.
    pub observers: Vec<Arc<dyn Observer>>,
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded").field("repositories", &self.repositories.len()).finish_non_exhaustive()
    }
}

/// Where settings come from.
pub trait Loader: Send + Sync {
    fn load(&self) -> Result<Loaded, Trouble>;

    /// Something that is different when the settings are.
    fn stamp(&self) -> u64;
}

/// What is wanted of a running service, by its operator or by a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Read the settings again, and look at everything.
    Reload,
    /// Look at this soon. Where nothing is known of it, nothing happens.
    Look(Look),
    /// Begin nothing, let finish what runs, and end.
    Stop,
}

/// Where something is said to be new. Whoever says so is believed nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// An image repository: every branch that has it in a file is looked at.
    Image(Repository),
    /// A branch of a config repository, by the name that the settings give it; without a branch, all of them.
    Config { repository: String, branch: Option<String> },
}

/// Whom the service tells what it does.
#[derive(Debug, Clone)]
pub struct Tell {
    pub log: Log,
    pub metrics: Arc<Metrics>,
    pub health: Arc<Health>,
    /// Who is told of runs whatever the settings say.
    pub observers: Vec<Arc<dyn Observer>>,
}

/// The running service.
pub struct Service {
    loader: Arc<dyn Loader>,
    loaded: Loaded,
    stamp: u64,
    clock: Arc<dyn Clock>,
    tell: Tell,
    targets: Targets,
    queue: Queue<Target, String>,
    running: JoinSet<Ended>,
    tasks: HashMap<tokio::task::Id, Task>,
    /// How many runs were begun.
    begun: u64,
    /// What the clock showed last.
    seen: i64,
}

/// A run under way.
struct Task {
    id: String,
    target: Target,
    /// What it asks about.
    scope: Scope,
    log: RunLog,
    started: Instant,
    began: i64,
}

type Ended = Result<Box<Report>, Trouble>;
type Joined = Result<(tokio::task::Id, Ended), tokio::task::JoinError>;

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("running", &self.tasks.len()).finish_non_exhaustive()
    }
}

impl Service {
    /// A service that has its settings; the first ones that cannot be used end it before it begins.
    pub fn new(loader: Arc<dyn Loader>, clock: Arc<dyn Clock>, tell: Tell) -> Result<Service, Trouble> {
        let stamp = loader.stamp();
        let loaded = loader.load()?;
        let mut service = Service {
            queue: Queue::new(rules(&loaded.service)),
            targets: Targets::default(),
            running: JoinSet::new(),
            tasks: HashMap::new(),
            begun: 0,
            seen: i64::MIN,
            loader,
            stamp,
            clock,
            tell,
            loaded,
        };
        let now = service.clock.now();
        service.tell.metrics.started(now);
        service.take_in(now);
        Ok(service)
    }

    pub fn settings(&self) -> &ServiceSettings {
        &self.loaded.service
    }

    /// Runs until it is told to stop; then what is under way may finish within `grace`. Says how many runs it left behind.
    pub async fn serve(mut self, mut orders: mpsc::Receiver<Order>, grace: Duration) -> usize {
        let mut look = Instant::now() + LOOK;
        loop {
            self.begin();
            let idle = self.idle();
            tokio::select! {
                Some(joined) = self.running.join_next_with_id(), if !self.running.is_empty() => {
                    self.end(joined, true);
                }
                order = orders.recv() => match order {
                    Some(Order::Reload) => self.reload(),
                    Some(Order::Look(look)) => self.wanted(&look),
                    Some(Order::Stop) | None => break,
                },
                () = tokio::time::sleep(idle) => {}
            }
            if Instant::now() >= look {
                look = Instant::now() + LOOK;
                self.look();
            }
        }
        self.drain(grace).await
    }

    /// Runs everything once and says how each run ended.
    pub async fn once(mut self) -> Vec<RunResult> {
        let mut results = Vec::new();
        loop {
            self.begin();
            let Some(joined) = self.running.join_next_with_id().await else {
                return results;
            };
            results.extend(self.end(joined, false));
        }
    }

    /// Begins what is due.
    fn begin(&mut self) {
        let now = self.clock.now();
        if now < self.seen {
            self.set_back(now);
        }
        self.seen = now;
        self.tell.health.ticked(now);
        while let Some(target) = self.queue.start(now) {
            self.begun += 1;
            let id = format!("{now:x}-{}", self.begun);
            let scope = self.targets.begin(&target, now);
            let observers: Vec<_> = self.tell.observers.iter().chain(&self.loaded.observers).collect();
            let others = observers.iter().filter_map(|observer| observer.listen(&id, &target, &scope)).collect();
            let trace = observers.iter().find_map(|observer| observer.trace(&id));
            let log = RunLog::new(self.tell.log.clone(), id.clone(), target.repository.clone(), target.branch.clone());
            let log = log.traced(trace);
            log.line(Level::Info, "run-started", &told::asks(&scope));
            self.observe(|observer| observer.run_started(&id, &target, now));
            let (runner, metrics) = (Arc::clone(&self.loaded.runner), Arc::clone(&self.tell.metrics));
            let (of, asks) = (target.clone(), scope.clone());
            let events = Listeners { log: log.clone(), others };
            let task = self.running.spawn_blocking(move || {
                let ended = runner.run(&of, asks, &events).map(Box::new);
                metrics.requested(runner.requests());
                ended
            });
            self.tasks.insert(task.id(), Task { id, target, scope, log, started: Instant::now(), began: now });
        }
        self.tell.metrics.queue(self.queue.waiting(now), self.queue.running());
    }

    /// Moments that came before they come again must not be waited for.
    fn set_back(&mut self, now: i64) {
        self.queue.shift(now.saturating_sub(self.seen));
        self.targets.set_back(now);
        for (target, at) in self.targets.due(now) {
            self.queue.tick(target, at);
        }
    }

    /// How long nothing is to be done, at most.
    fn idle(&self) -> Duration {
        let wait = self.queue.wake().map(|at| at.saturating_sub(self.clock.now()).max(0).unsigned_abs());
        wait.map_or(TICK, |seconds| TICK.min(Duration::from_secs(seconds)))
    }

    /// Takes in what became of a run; `again`: at its next moment there is another one.
    fn end(&mut self, joined: Joined, again: bool) -> Option<RunResult> {
        let (id, ended) = match joined {
            Ok(found) => found,
            Err(stopped) => {
                (stopped.id(), Err(Trouble::failed(format!("internal error: the run stopped ({stopped})"))))
            }
        };
        let Task { id, target, scope, log, started, began } = self.tasks.remove(&id)?;
        let (now, took) = (self.clock.now(), started.elapsed());
        let place = target.place();
        let result = match &ended {
            Ok(report) => told(report, &log),
            Err(trouble) if trouble.rejected => RunResult::Rejected,
            Err(_) => RunResult::Failed,
        };
        let mut next =
            self.targets.ended(&target, &scope, result == RunResult::Failed, ended.as_deref().ok(), (began, now));
        if !again {
            next = None;
        }
        self.queue.finish(&target, now, next);
        if self.targets.has(&target) {
            self.tell.metrics.ran(&place, result, ended.is_ok(), now, took.as_secs_f64());
            if let Ok(report) = &ended {
                self.count(&target, &place, report, now);
            } else if result == RunResult::Rejected {
                self.tell.metrics.rejected(&place, 1);
            }
        }
        self.tell.health.attempted(&target);
        let run = RunEnded {
            id: &id,
            target: &target,
            began,
            ended: now,
            took,
            result,
            outcome: ended.as_deref(),
            failures: self.targets.failures(&target),
            next,
        };
        self.observe(|observer| observer.run_ended(&run));
        let mut facts: Vec<(&str, Value)> = vec![
            ("result", result.word().into()),
            ("milliseconds", i64::try_from(took.as_millis()).unwrap_or(i64::MAX).into()),
        ];
        facts.extend(next.map(|at| ("next", crate::render::moment(at).into())));
        let mut level = Level::Info;
        if let Err(trouble) = ended {
            level = Level::Error;
            facts.push(("error", trouble.message.into()));
            facts.extend(trouble.hint.map(|hint| ("help", hint.into())));
        }
        log.line(level, "run-ended", &facts);
        Some(result)
    }

    /// Everybody who is told of runs.
    fn observe(&self, tell: impl Fn(&dyn Observer)) {
        self.tell.observers.iter().chain(&self.loaded.observers).for_each(|observer| tell(&**observer));
    }

    /// Something is said to be new: the branches that it may be of interest to are looked at soon.
    fn wanted(&mut self, look: &Look) {
        let now = self.clock.now();
        for target in self.targets.want(look) {
            self.queue.event(&target, now);
        }
    }

    fn count(&mut self, target: &Target, place: &Place, report: &Report, now: i64) {
        let standing = self.targets.standing(target, report.plan(), &told::pending(report));
        self.tell.metrics.rejected(place, rejected(report));
        self.tell.metrics.wrote(place, seen(report, standing), now);
    }

    /// Lets finish what runs, and says how many did not.
    async fn drain(&mut self, grace: Duration) -> usize {
        let facts = [("running", self.running.len().into()), ("grace", (grace.as_secs() as i64).into())];
        self.tell.log.line(Level::Info, "draining", &facts);
        let deadline = Instant::now() + grace;
        while !self.running.is_empty() && Instant::now() < deadline {
            self.tell.health.ticked(self.clock.now());
            let look = deadline.min(Instant::now() + TICK);
            if let Ok(Some(joined)) = tokio::time::timeout_at(look, self.running.join_next_with_id()).await {
                self.end(joined, false);
            }
        }
        if !self.running.is_empty() {
            self.tell.log.line(Level::Warn, "grace-over", &[("running", self.running.len().into())]);
        }
        self.tell.log.line(Level::Info, "stopped", &[]);
        self.running.len()
    }
}

impl Trouble {
    fn failed(message: String) -> Trouble {
        Trouble { message, hint: None, rejected: false }
    }
}

fn rules(service: &ServiceSettings) -> Rules {
    let pause = i64::try_from(service.pause.as_secs()).unwrap_or(i64::MAX);
    Rules { parallel: service.parallel.get(), debounce: DEBOUNCE, patience: PATIENCE, pause, event_pause: EVENT_PAUSE }
}

#[cfg(test)]
mod tests;
