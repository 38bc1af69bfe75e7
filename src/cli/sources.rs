//! How the repositories are reached that `select: commit` reads: as any Git server, from hosts that may be asked.

use super::OperatorArguments;
use super::machine::state_folder;
use super::wire::git_options;
use crate::config::settings::{Settings, SourceHosts, host_of};
use crate::git::history::Way;
use crate::git::{self, Location};
use crate::port::RepoError;
use std::sync::Arc;

/// The hosts that may be asked when the config repository is there. A checkout belongs where its `origin` is.
pub(super) fn hosts(config: &Location, settings: &Settings) -> SourceHosts {
    let origin = match config {
        Location::Path(path) => git::origin_of(path).ok().and_then(|(url, _)| Location::parse(&url).ok()),
        _ => None,
    };
    let server = origin.as_ref().unwrap_or(config);
    SourceHosts { named: settings.sources.clone(), own: server.to_url().as_ref().and_then(host_of) }
}

/// The way to repositories on those hosts, and to no others, with the credentials that the settings have for each URL.
pub(super) fn way(hosts: SourceHosts, operator: OperatorArguments, settings: Arc<Settings>) -> Box<Way> {
    let lasting = |message, hint| RepoError { message, hint, retryable: false };
    Box::new(move |location: &Location| {
        // Asked of the very location that is contacted, whatever was understood before.
        let host = location.to_url().as_ref().and_then(host_of).unwrap_or_default();
        if let Some(why) = hosts.refusal(&host) {
            return Err(lasting(why, None));
        }
        let options = git_options(location, &operator, &settings);
        let mut options = options.map_err(|failure| lasting(failure.message, failure.hint))?;
        options.cache_dir = state_folder(&operator).map(|folder| folder.join("history"));
        Ok(options)
    })
}
