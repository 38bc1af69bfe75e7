//! The forge of the config repository: which one it is, where its API is, and whom to be there.
//!
//! Without credentials of its own an entry, or a host that everybody knows, gets those that the settings have for Git there.

use super::diagnose::Failure;
use super::machine::{login, read_text};
use super::wire::{self, SystemClock, runtime, way_out};
use crate::config::settings::{ForgeKind, Settings};
use crate::forge::{AzureDevOps, BitbucketCloud, BitbucketDataCenter, GitHub, GitHubApp, GitLab, Gitea, Options};
use crate::git::Location;
use crate::http::{self, HostOptions, Watcher, WayOut};
use crate::port::{Forge, Login, Secret};
use std::sync::Arc;
use url::Url;

/// The forge, and a login for Git where only the forge can give one.
pub(super) struct Found {
    pub(super) forge: Arc<dyn Forge>,
    pub(super) git: Option<Login>,
}

/// The forge of the repository; `None` where nothing says which one it is.
pub(super) fn find(location: &Location, settings: &Settings, watcher: Watcher) -> Result<Option<Found>, Failure> {
    let Some((url, place)) = location.to_url().and_then(|url| Some((url.clone(), settings.forge_place(&url)?))) else {
        return Ok(None);
    };
    let entry = settings.forge(&url);
    let git = settings.git(&url);
    let credentials = entry.and_then(|entry| entry.credentials.as_ref());
    let credentials = credentials.or_else(|| git.and_then(|git| git.credentials.as_ref()));
    let ca_file = entry.and_then(|entry| entry.ca_file.as_ref()).or_else(|| git.and_then(|git| git.ca_file.as_ref()));
    let ca_pem = ca_file.map(|path| read_text(path, "caFile")).transpose()?.map(String::into_bytes);
    let options = Options {
        http: client(&place.api, ca_pem, settings, watcher)?,
        api: place.api,
        repository: place.repository,
        login: credentials.map(login).transpose()?,
    };
    let failed = |error: crate::port::ForgeError| Failure::failed(format!("forges: {error}"));
    let forge: Arc<dyn Forge> = match (place.kind, entry.and_then(|entry| entry.app.as_ref())) {
        (ForgeKind::GitHub, Some(app)) => {
            let key = Secret::new(read_text(&app.key_file, "keyFile")?);
            let app = GitHubApp { id: app.id.to_string(), installation: app.installation, key };
            let github = GitHub::with_app(options, app, Arc::new(SystemClock)).map_err(failed)?;
            let own = git.is_some_and(|git| git.credentials.is_some());
            let over_http = matches!(location, Location::Http(_)) && !own;
            let login = match over_http {
                true => runtime()?.block_on(github.git_login()).map_err(failed)?,
                false => None,
            };
            return Ok(Some(Found { forge: Arc::new(github), git: login }));
        }
        (ForgeKind::GitHub, None) => Arc::new(GitHub::new(options).map_err(failed)?),
        (ForgeKind::GitLab, _) => Arc::new(GitLab::new(options)),
        (ForgeKind::Gitea, _) => Arc::new(Gitea::new(options)),
        (ForgeKind::BitbucketCloud, _) => Arc::new(BitbucketCloud::new(options)),
        (ForgeKind::BitbucketDataCenter, _) => Arc::new(BitbucketDataCenter::new(options)),
        (ForgeKind::AzureDevOps, _) => Arc::new(AzureDevOps::new(options)),
    };
    Ok(Some(Found { forge, git: None }))
}

fn client(api: &Url, ca_pem: Option<Vec<u8>>, settings: &Settings, watcher: Watcher) -> Result<http::Client, Failure> {
    let mut options = http::Options::new(concat!("landwaiter/", env!("CARGO_PKG_VERSION")));
    options.watcher = Some(watcher);
    options.way_out = settings.proxy.as_ref().map_or(WayOut::Environment, way_out);
    wire::allow_time(&mut options.timeouts, settings);
    options.hosts.insert(http::authority(api), HostOptions { ca_pem, ..HostOptions::default() });
    http::Client::new(options).map_err(|error| Failure::failed(format!("forges: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_can_be_asked_for_its_login_from_within_a_run_of_the_service() {
        // The service opens repositories on threads for blocking work of a runtime of its own.
        let outer = runtime().unwrap();
        let inner =
            outer.block_on(async { tokio::task::spawn_blocking(|| runtime().unwrap().block_on(async { 7 })).await });
        assert_eq!(inner.unwrap(), 7);
    }
}
