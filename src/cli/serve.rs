//! `landwaiter serve`: the service, wired to this machine. Its settings are a file, its orders are signals.

use super::diagnose::{self, Failure};
use super::hooks::{self, Stamp};
use super::machine;
use super::notify;
use super::output::Output;
use super::wire::{self, Shared, SystemClock};
use super::{Exit, OperatorArguments};
use crate::config::settings::{PageSettings, RepositorySettings};
use crate::cycle::{Events, Report, Run, Scope};
use crate::http::Watcher;
use crate::notify::Office;
use crate::port::{Clock, Registry};
use crate::service::page::{self, Door, Guarded, MIN_TOKEN, Page, Rules};
use crate::service::picture::Picture;
use crate::service::{
    Hooks, Installed, Loaded, Loader, Observer, Operations, Order, Runner, Service, Target, Tell, Trouble, listen,
};
use crate::telemetry::{Level, Log, LogFormat, Metrics, Peer, Process, RunResult};
use clap::{Args, ValueEnum};
use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// The longest grace, in seconds.
const MAX_GRACE: u64 = 3_600;
/// So long after the last run messages may still be sent, the second with `--once`.
const LAST_WORDS: Duration = Duration::from_secs(3);
const LAST_WORDS_ONCE: Duration = Duration::from_secs(30);
/// Orders that wait to be read; more of them mean nothing else.
const ORDERS: usize = 16;

/// Keep the settings' repositories up to date, by their schedules
#[derive(Debug, Args)]
#[command(after_help = "\
Signals: HUP reads the settings again and looks at everything; TERM and INT let running work finish, a second one does not.

Examples:
  landwaiter serve --config settings.yaml
  landwaiter serve --config settings.yaml --once   every repository once, for a CronJob
  landwaiter serve --config settings.yaml --test-notifications   one message to every receiver")]
pub(super) struct Arguments {
    #[command(flatten)]
    operator: OperatorArguments,
    /// Look at every repository once and end, with the exit status of `update`; nothing is listened at
    #[arg(long)]
    once: bool,
    /// Send one message to each receiver of the settings' `notifications`, say what became of it, and end
    #[arg(long, conflicts_with = "once")]
    test_notifications: bool,
    /// How many seconds running work may take to finish after TERM or INT
    #[arg(long, value_name = "SECONDS", default_value = "25", value_parser = clap::value_parser!(u64).range(0..=MAX_GRACE))]
    grace: u64,
    /// How the log on stderr is written: text on a terminal and JSON elsewhere, unless told otherwise
    #[arg(long, value_enum)]
    log_format: Option<Format>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, Failure> {
    let format = match arguments.log_format {
        Some(Format::Text) => LogFormat::Text,
        Some(Format::Json) => LogFormat::Json,
        None if io::stderr().is_terminal() => LogFormat::Text,
        None => LogFormat::Json,
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let log = Log::new(format, Arc::clone(&clock), io::stderr());
    // A person who starts it with settings that cannot be used sees them as every other command shows them.
    let first = machine::read_settings(&arguments.operator)?;
    if arguments.test_notifications {
        return wire::runtime()?.block_on(notify::try_out(&first, output));
    }
    if first.repositories.is_empty() {
        return Err(no_repositories());
    }
    let picture = Arc::new(Picture::new(Arc::clone(&clock)));
    let mut tell = Tell { log: log.clone(), metrics: Arc::default(), health: Arc::default(), observers: Vec::new() };
    // What nobody can look at is not remembered either.
    if !arguments.once && first.service.page.is_some() {
        tell.observers.push(picture.clone());
    }
    let runtime = wire::service_runtime()?;
    let hooks = Arc::new(Hooks::new(log.clone(), Arc::clone(&tell.metrics), Arc::clone(&clock)));
    let office = notify::office(&arguments.operator, &log, &tell.metrics);
    let loader = File {
        operator: arguments.operator.clone(),
        log,
        metrics: Arc::clone(&tell.metrics),
        handle: runtime.handle().clone(),
        hooks: Arc::clone(&hooks),
        stamp: Stamp::default(),
        door: OnceLock::new(),
        office: office.clone(),
        once: arguments.once,
    };
    let loader = Arc::new(loader);
    let service = Service::new(loader.clone(), Arc::clone(&clock), tell.clone()).map_err(failure)?;
    let exit = if arguments.once {
        let results = runtime.block_on(async {
            let results = service.once().await;
            drain(&office, LAST_WORDS_ONCE, office.work()).await;
            results
        });
        results.into_iter().map(exit_of).fold(Exit::Done, Exit::and)
    } else {
        let process = Arc::new(Process::new(machine::state_folder(&arguments.operator)));
        let operations = Operations { health: tell.health, metrics: tell.metrics, clock, process };
        let door = loader.door.get().cloned().flatten();
        let guarded = door.map(|door| Guarded { page: Arc::new(Page::new(picture)), door });
        let grace = Duration::from_secs(arguments.grace);
        runtime.block_on(serve(service, operations, hooks, guarded, &tell.log, &office, grace))?;
        Exit::Done
    };
    // What still runs when the grace is over ends with the process, as after a kill.
    runtime.shutdown_background();
    Ok(exit)
}

fn exit_of(result: RunResult) -> Exit {
    match result {
        RunResult::Done => Exit::Done,
        RunResult::Held => Exit::HeldByErrors,
        RunResult::Rejected => Exit::Rejected,
        RunResult::Failed => Exit::Failed,
    }
}

/// Messages that may be sent now are; what is not done in time stays noted for the next start.
async fn drain(office: &Office, patience: Duration, work: impl Future<Output = ()>) {
    office.stop();
    drop(tokio::time::timeout(patience, work).await);
}

async fn serve(
    service: Service,
    operations: Operations,
    hooks: Arc<Hooks>,
    guarded: Option<Guarded>,
    log: &Log,
    office: &Office,
    grace: Duration,
) -> Result<(), Failure> {
    let shown = show(&service, guarded, log).await?;
    let wanted = service.settings().address;
    let (sender, orders) = mpsc::channel(ORDERS);
    let signals = Signals::new().map_err(|error| Failure::failed(format!("cannot listen for signals: {error}")))?;
    let (address, answers) = listen(wanted, operations).await.map_err(|error| {
        Failure::failed(format!("cannot listen at {wanted}: {error}"))
            .hint("`service: {address: ...}` in the settings chooses another address")
    })?;
    log.line(Level::Info, "listening", &[("address", address.to_string().into())]);
    let webhooks = webhooks(hooks, log, sender.clone()).await?;
    let mut telling = std::pin::pin!(office.work());
    let runs = async {
        let mut runs = std::pin::pin!(service.serve(orders, grace));
        tokio::select! {
            _ = &mut runs => {}
            // It ends when it is told to, which is later.
            () = &mut telling => drop(runs.await),
        }
        drain(office, grace.min(LAST_WORDS), telling).await;
    };
    tokio::select! {
        () = runs => Ok(()),
        () = webhooks => Err(Failure::failed("webhooks are not answered any more")),
        () = answers => Err(Failure::failed(format!("nothing is answered at {address} any more"))),
        () = shown => Err(Failure::failed("the status page is not answered any more")),
        () = signals.obey(sender) => {
            Err(Failure::failed("stopped at once by a second signal")
                .hint("what ran is as after a kill: the branch has the old or the new commit, and the next start finishes"))
        }
    }
}

/// Listens for webhooks where the settings say so; without that there is nothing to do, for ever.
async fn webhooks(
    hooks: Arc<Hooks>,
    log: &Log,
    orders: mpsc::Sender<Order>,
) -> Result<impl Future<Output = ()> + Send + use<>, Failure> {
    let listening = match hooks.address() {
        None => None,
        Some(wanted) => {
            let (address, answers) = Arc::clone(&hooks).listen(wanted).await.map_err(|error| {
                Failure::failed(format!("cannot listen for webhooks at {wanted}: {error}"))
                    .hint("`webhooks: {address: ...}` in the settings chooses another address")
            })?;
            log.line(Level::Info, "listening-for-webhooks", &[("address", address.to_string().into())]);
            Some(answers)
        }
    };
    Ok(async move {
        let Some(answers) = listening else { return std::future::pending().await };
        tokio::join!(answers, hooks.hand_on(orders));
    })
}

/// Listens for those who look at the page; where there is none, for nobody.
async fn show(
    service: &Service,
    guarded: Option<Guarded>,
    log: &Log,
) -> Result<impl Future<Output = ()> + use<>, Failure> {
    let page = service.settings().page.as_ref().zip(guarded);
    let answers = match page {
        None => None,
        Some((settings, guarded)) => {
            let wanted = settings.address;
            let (address, answers) = page::listen(wanted, guarded).await.map_err(|error| {
                Failure::failed(format!("cannot listen at {wanted} for the status page: {error}"))
                    .hint("`service: {page: {address: ...}}` in the settings chooses another address, `page: off` none")
            })?;
            log.line(Level::Info, "page-listening", &[("address", address.to_string().into())]);
            Some(answers)
        }
    };
    Ok(async {
        match answers {
            Some(answers) => answers.await,
            None => std::future::pending().await,
        }
    })
}

struct Signals {
    hang_up: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> io::Result<Signals> {
        Ok(Signals {
            hang_up: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Turns signals into orders, until the second one that says stop.
    async fn obey(mut self, orders: mpsc::Sender<Order>) {
        let mut stopping = false;
        loop {
            let order = tokio::select! {
                _ = self.hang_up.recv() => Order::Reload,
                _ = self.terminate.recv() => Order::Stop,
                _ = self.interrupt.recv() => Order::Stop,
            };
            if order == Order::Stop && std::mem::replace(&mut stopping, true) {
                return;
            }
            // Many orders to reload are one; the last place is for the order to stop.
            if order == Order::Stop || orders.capacity() > 1 {
                let _ = orders.try_send(order);
            }
        }
    }
}

/// The settings file, read again whenever it is asked for.
struct File {
    operator: OperatorArguments,
    log: Log,
    metrics: Arc<Metrics>,
    handle: Handle,
    hooks: Arc<Hooks>,
    stamp: Stamp,
    /// That of the status page, as the first settings want it.
    door: OnceLock<Option<Arc<Door>>>,
    office: Office,
    once: bool,
}

impl File {
    /// Lets in whom the settings name from now on.
    fn guard(&self, page: Option<&PageSettings>) -> Result<(), Trouble> {
        let rules = page.filter(|_| !self.once).map(rules).transpose().map_err(trouble)?;
        match self.door.get() {
            Some(Some(door)) => door.change(rules),
            Some(None) => {}
            None => drop(self.door.set(rules.map(|rules| Arc::new(Door::new(rules))))),
        }
        Ok(())
    }
}

/// Who may look at the page, with the token itself.
fn rules(page: &PageSettings) -> Result<Rules, Failure> {
    let token = page.token.as_ref().map(machine::secret).transpose()?;
    if let Some(token) = &token
        && token.expose().len() < MIN_TOKEN
    {
        let length = token.expose().len();
        return Err(Failure::failed(format!(
            "the token of the status page has {length} bytes, fewer than {MIN_TOKEN}"
        ))
        .hint("`openssl rand -hex 32` makes a good one"));
    }
    Ok(Rules { address: page.address, token, header: page.header.clone(), hosts: page.hosts.clone() })
}

impl Loader for File {
    fn load(&self) -> Result<Loaded, Trouble> {
        let settings = machine::read_settings(&self.operator).map_err(trouble)?;
        if settings.repositories.is_empty() {
            return Err(trouble(no_repositories()));
        }
        let (repositories, service) = (settings.repositories.clone(), settings.service.clone());
        let installed = Installed {
            hooks: Arc::clone(&self.hooks),
            address: settings.webhooks.as_ref().map(|webhooks| webhooks.address),
            receivers: hooks::receivers(&settings).map_err(trouble)?,
        };
        let (notifications, senders) = notify::senders(&settings).map_err(trouble)?;
        let log = self.log.clone();
        // Notices tell of hosts, not of runs: what several runs share has no run's id.
        let watcher = Watcher::new(move |notice| {
            log.line(Level::Warn, "registry-noticed", &[("notice", notice.to_string().into())]);
        });
        let timed = |peer: Peer| {
            let metrics = Arc::clone(&self.metrics);
            watcher.clone().timing(move |host, time| metrics.exchanged(peer, host, time.as_secs_f64()))
        };
        let watchers = (timed(Peer::Registry), timed(Peer::Forge));
        let shared = Shared::new(settings, &self.operator, watchers).map_err(trouble)?;
        shared.check().map_err(trouble)?;
        self.guard(service.page.as_ref())?;
        let runner = Wired {
            shared,
            repositories: repositories.clone(),
            handle: self.handle.clone(),
            counted: Mutex::default(),
        };
        let observers = vec![Arc::new(installed) as Arc<dyn Observer>, self.office.observer(notifications, senders)];
        Ok(Loaded { runner: Arc::new(runner), repositories, service, observers })
    }

    fn stamp(&self) -> u64 {
        self.stamp.now(&self.operator)
    }
}

/// Runs as `update` does.
struct Wired {
    shared: Shared,
    repositories: Vec<RepositorySettings>,
    handle: Handle,
    /// Requests that were told already.
    counted: Mutex<BTreeMap<String, u64>>,
}

impl Runner for Wired {
    fn run(&self, target: &Target, scope: Scope, events: &dyn Events) -> Result<Report, Trouble> {
        let named = |one: &&RepositorySettings| {
            let same = one.place.to_string() == target.repository;
            same && target.branch.as_ref().map_or(one.branches.is_empty(), |branch| one.branches.contains(branch))
        };
        let policies = self.repositories.iter().find(named).map_or(&[][..], |one| &one.policies);
        let opened = self.shared.open_named(&target.repository, target.branch.as_deref(), policies).map_err(trouble)?;
        let run = Run { scope, ..self.shared.run(&opened, events) };
        self.handle.block_on(run.update(&|_| Ok(()))).map_err(|error| trouble(error.into()))
    }

    fn requests(&self) -> BTreeMap<String, u64> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.shared.registry.requests();
        let new = now
            .iter()
            .map(|(host, count)| (host.clone(), count.saturating_sub(counted.get(host).copied().unwrap_or_default())));
        let new = new.collect();
        *counted = now;
        new
    }
}

fn no_repositories() -> Failure {
    Failure::new(Exit::Rejected, "the settings name no repositories to keep up to date")
        .hint("write `repositories: [{url: ...}]` into the file of `--config`")
}

/// A failure in the words of the log: one line, with the place of the first problem.
fn trouble(failure: Failure) -> Trouble {
    let mut message = failure.message;
    if let Some(first) = diagnose::first(&failure.rejected) {
        message = format!("{message}; {first}");
    }
    Trouble { message, hint: failure.hint, rejected: failure.exit == Exit::Rejected }
}

fn failure(trouble: Trouble) -> Failure {
    let exit = if trouble.rejected { Exit::Rejected } else { Exit::Failed };
    let failure = Failure::new(exit, trouble.message);
    trouble.hint.into_iter().fold(failure, Failure::hint)
}
