//! Receivers of notifications, wired to this machine: their secrets, their certificates, where notes are kept, and the trial.

use super::diagnose::Failure;
use super::machine::{read_text, secret, state_folder};
use super::output::Output;
use super::wire::{SystemClock, way_out};
use super::{Exit, OperatorArguments};
use crate::config::settings::{NotificationSettings, RecipientSettings, SecretSource, Settings};
use crate::http::{self, HostOptions, Retry, WayOut};
use crate::notify::{Message, Office, Outcome, ReadSecret, Sender};
use crate::port::{Clock, Jotter, Notes, Store};
use crate::store::Database;
use crate::telemetry::{Level, Log, Metrics};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long one attempt may take. A receiver that is slower is asked again later.
const ATTEMPT: Duration = Duration::from_secs(15);

/// The office of this process. Without a folder that can be written to, what was told is known until the process ends.
pub(super) fn office(arguments: &OperatorArguments, log: &Log, metrics: &Arc<Metrics>) -> Office {
    let database = Database::new(state_folder(arguments).map(|folder| folder.join("store")));
    let notes: Arc<dyn Notes> = match database.works() {
        Ok(()) => Arc::new(database),
        Err(why) => {
            let facts = [("error", why.into()), ("help", "what was told is forgotten at the next start".into())];
            log.line(Level::Warn, "notifications-forgetful", &facts);
            Arc::new(Jotter::default())
        }
    };
    Office::new(notes, Arc::new(SystemClock), log.clone(), Arc::clone(metrics))
}

/// How the settings' receivers are reached. What cannot be read is found now.
pub(super) fn senders(settings: &Settings) -> Result<(NotificationSettings, BTreeMap<String, Sender>), Failure> {
    let all = settings.notifications.receivers.iter().map(|one| {
        let sender = sender(one, settings)?;
        sender.check().map_err(|why| Failure::failed(format!("notifications: {}: {why}", one.name)))?;
        Ok((one.name.clone(), sender))
    });
    Ok((settings.notifications.clone(), all.collect::<Result<_, Failure>>()?))
}

fn sender(receiver: &RecipientSettings, settings: &Settings) -> Result<Sender, Failure> {
    let mut options = http::Options::new(concat!("landwaiter/", env!("CARGO_PKG_VERSION")));
    options.timeouts.attempt = ATTEMPT;
    options.timeouts.deadline = ATTEMPT;
    // Whoever waits is the desk: it remembers, and others go on.
    let now = Duration::ZERO;
    options.retry = Retry { attempts: 1, longest_asked: now, patience: now, ..Retry::default() };
    options.way_out = settings.proxy.as_ref().map_or(WayOut::Environment, way_out);
    let url = reader(receiver.url.clone());
    if let Some(path) = &receiver.ca_file {
        let pem = read_text(path, "caFile")?.into_bytes();
        if let Some(host) = url().ok().and_then(|url| url::Url::parse(url.expose().trim()).ok()) {
            let own = HostOptions { ca_pem: Some(pem), ..HostOptions::default() };
            options.hosts.insert(http::authority(&host), own);
        }
    }
    let client = http::Client::new(options).map_err(|error| Failure::failed(format!("notifications: {error}")))?;
    Ok(Sender::new(receiver, client, url, receiver.secret.clone().map(reader)))
}

/// Reads the secret anew whenever it is needed.
fn reader(source: SecretSource) -> ReadSecret {
    Arc::new(move || secret(&source).map_err(|failure| failure.message))
}

/// `--test-notifications`: sends one message to each receiver, and says what became of it.
pub(super) async fn try_out(settings: &Settings, output: &mut Output) -> Result<Exit, Failure> {
    let (_, senders) = senders(settings)?;
    if senders.is_empty() {
        return Err(Failure::failed("the settings name no receivers")
            .hint("write `notifications: {receivers: [...]}` into the file of `--config`"));
    }
    let now = SystemClock.now();
    let mut exit = Exit::Done;
    for (name, sender) in senders {
        let said = match sender.send(&Message::sample(now), now).await {
            Outcome::Sent => "sent".to_owned(),
            Outcome::Again(why, _) | Outcome::Refused(why) => {
                exit = Exit::Failed;
                format!("not sent: {why}")
            }
        };
        output.print(&format!("{name}: {said}\n"))?;
    }
    Ok(exit)
}
