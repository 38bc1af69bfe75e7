//! The settings as the service has them: a file that is read whenever it is asked for, and all that is made of it. Settings that cannot
//! be used as a whole are refused as a whole.

use super::runner::Wired;
use super::{no_repositories, trouble};
use crate::cli::OperatorArguments;
use crate::cli::asked::Asked;
use crate::cli::diagnose::Failure;
use crate::cli::hooks::{self, Stamp};
use crate::cli::machine;
use crate::cli::notify;
use crate::cli::traces;
use crate::cli::wire::Shared;
use crate::config::settings::PageSettings;
use crate::http::Watcher;
use crate::notify::Office;
use crate::service::page::{Door, MIN_TOKEN, Rules};
use crate::service::{Hooks, Installed, Loaded, Loader, Observer, Trouble};
use crate::telemetry::{Level, Log, Metrics, Peer};
use crate::trace::Exporter;
use std::sync::{Arc, Mutex, OnceLock};
use tokio::runtime::Handle;

/// The settings file, read again whenever it is asked for.
pub(super) struct File {
    pub(super) operator: OperatorArguments,
    pub(super) log: Log,
    pub(super) metrics: Arc<Metrics>,
    pub(super) handle: Handle,
    pub(super) hooks: Arc<Hooks>,
    pub(super) stamp: Stamp,
    /// That of the status page, as the first settings want it.
    pub(super) door: OnceLock<Option<Arc<Door>>>,
    pub(super) office: Office,
    pub(super) exporter: Exporter,
    pub(super) once: bool,
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
        let destination = traces::destination(&settings, &self.log).map_err(trouble)?;
        let (notifications, senders) = notify::senders(&settings).map_err(trouble)?;
        let log = self.log.clone();
        // Notices tell of hosts, not of runs: what several runs share has no run's id.
        let watcher = Watcher::new(move |notice| {
            log.line(Level::Warn, "registry-noticed", &[("notice", notice.to_string().into())]);
        });
        let timed = |peer: Peer| {
            let metrics = Arc::clone(&self.metrics);
            watcher.clone().timing(move |host, time| {
                metrics.exchanged(peer, host, time.as_secs_f64());
                Asked::count(host);
            })
        };
        let watchers = (timed(Peer::Registry), timed(Peer::Forge));
        let shared = Shared::new(settings, &self.operator, watchers).map_err(trouble)?;
        shared.check().map_err(trouble)?;
        self.guard(service.page.as_ref())?;
        self.exporter.settle(destination);
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
