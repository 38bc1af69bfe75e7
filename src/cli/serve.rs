//! `landwaiter serve`: the service, wired to this machine. Its settings are a file, its orders are signals.
//!
//! | file | says |
//! |---|---|
//! | `file` | the settings, read again and again, and who runs by them |
//! | `runner` | one run |
//! | `listeners` | the addresses |
//! | `signals` | the operator's orders |

mod file;
mod listeners;
mod runner;
mod signals;

use super::diagnose::{self, Failure};
use super::hooks::Stamp;
use super::machine;
use super::notify;
use super::output::Output;
use super::wire::{self, SystemClock};
use super::{Exit, OperatorArguments};
use crate::notify::Office;
use crate::port::Clock;
use crate::service::page::{Guarded, Page};
use crate::service::picture::Picture;
use crate::service::{Hooks, Operations, Service, Tell, Trouble};
use crate::telemetry::{Log, LogFormat, Process, RunResult};
use crate::trace::{Exporter, Tracer};
use clap::{Args, ValueEnum};
use file::File;
use signals::Signals;
use std::io::{self, IsTerminal};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
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
    let exporter = Exporter::new(log.clone(), Arc::clone(&tell.metrics));
    tell.observers.push(Arc::new(Tracer::new(exporter.clone())));
    let office = notify::office(&arguments.operator, &log, &tell.metrics);
    let tellers = Tellers { office: office.clone(), exporter: exporter.clone() };
    let loader = File {
        operator: arguments.operator.clone(),
        log,
        metrics: Arc::clone(&tell.metrics),
        handle: runtime.handle().clone(),
        hooks: Arc::clone(&hooks),
        stamp: Stamp::default(),
        door: OnceLock::new(),
        office,
        exporter,
        once: arguments.once,
    };
    let loader = Arc::new(loader);
    let service = Service::new(loader.clone(), Arc::clone(&clock), tell.clone()).map_err(failure)?;
    let exit = if arguments.once {
        let results = runtime.block_on(async { tellers.during(service.once(), LAST_WORDS_ONCE).await });
        results.into_iter().map(exit_of).fold(Exit::Done, Exit::and)
    } else {
        let process = Arc::new(Process::new(machine::state_folder(&arguments.operator)));
        let operations = Operations { health: tell.health, metrics: tell.metrics, clock, process };
        let door = loader.door.get().cloned().flatten();
        let guarded = door.map(|door| Guarded { page: Arc::new(Page::new(picture)), door });
        let grace = Duration::from_secs(arguments.grace);
        runtime.block_on(serve(service, operations, hooks, guarded, &tell.log, &tellers, grace))?;
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

/// Who tells others what runs did, beside them.
struct Tellers {
    office: Office,
    exporter: Exporter,
}

impl Tellers {
    /// Tells what `runs` do while they do it, and has so long for its last words. Messages that are not sent by then stay noted for the
    /// next start, spans are dropped.
    async fn during<T>(&self, runs: impl Future<Output = T>, patience: Duration) -> T {
        let work = async {
            tokio::join!(self.office.work(), self.exporter.work());
        };
        let (mut runs, mut work) = (std::pin::pin!(runs), std::pin::pin!(work));
        let done = tokio::select! {
            done = &mut runs => done,
            // It ends when it is told to, which is later.
            () = &mut work => return runs.await,
        };
        self.office.stop();
        self.exporter.stop();
        drop(tokio::time::timeout(patience, work).await);
        self.exporter.abandon();
        done
    }
}

async fn serve(
    service: Service,
    operations: Operations,
    hooks: Arc<Hooks>,
    guarded: Option<Guarded>,
    log: &Log,
    tellers: &Tellers,
    grace: Duration,
) -> Result<(), Failure> {
    let shown = listeners::show(&service, guarded, log).await?;
    let wanted = service.settings().address;
    let (sender, orders) = mpsc::channel(ORDERS);
    let signals = Signals::new().map_err(|error| Failure::failed(format!("cannot listen for signals: {error}")))?;
    let (address, answers) = listeners::operations(wanted, operations, log).await?;
    let webhooks = listeners::webhooks(hooks, log, sender.clone()).await?;
    let runs = tellers.during(service.serve(orders, grace), grace.min(LAST_WORDS));
    tokio::select! {
        _ = runs => Ok(()),
        () = webhooks => Err(Failure::failed("webhooks are not answered any more")),
        () = answers => Err(Failure::failed(format!("nothing is answered at {address} any more"))),
        () = shown => Err(Failure::failed("the status page is not answered any more")),
        () = signals.obey(sender) => {
            Err(Failure::failed("stopped at once by a second signal")
                .hint("what ran is as after a kill: the branch has the old or the new commit, and the next start finishes"))
        }
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
