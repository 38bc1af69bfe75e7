//! One run of the service, made as `update` makes one.

use super::trouble;
use crate::cli::asked::Asked;
use crate::cli::wire::Shared;
use crate::config::settings::RepositorySettings;
use crate::cycle::{Event, Events, Report, Run, Scope};
use crate::port::Registry;
use crate::service::{Runner, Target, Trouble};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use tokio::runtime::Handle;

/// Runs as `update` does.
pub(super) struct Wired {
    pub(super) shared: Shared,
    pub(super) repositories: Vec<RepositorySettings>,
    pub(super) handle: Handle,
    /// Requests that were told already.
    pub(super) counted: Mutex<BTreeMap<String, u64>>,
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
        let asked = Asked::default();
        let ended = self.handle.block_on(asked.during(run.update(&|_| Ok(()))));
        for (host, requests) in &asked.by_host() {
            events.happened(&Event::HostAsked { host, requests: *requests });
        }
        ended.map_err(|error| trouble(error.into()))
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
