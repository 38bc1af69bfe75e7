//! Where this machine's operator and user keep logins for registries, in the order in which they count:
//!
//! 1. the settings' `registries`, by host and path, and their `dockerConfigFiles`, one after the other;
//! 2. the clouds that the settings name;
//! 3. the user's own files: `$REGISTRY_AUTH_FILE`, Docker's `config.json`, Podman's `auth.json`;
//! 4. the clouds that the environment offers by variables, unless the settings say which.
//!
//! All of it is read again while the program runs, so that whatever rotates needs no restart.
#![expect(clippy::disallowed_methods, reason = "this is where environment, clock and files enter")]

use super::Exit;
use super::diagnose::Failure;
use super::machine::{is_there, login, read_text, registry_auth_files};
use crate::config::settings::{self, RegistryLogin, Settings};
use crate::registry::cloud::{Cloud, Surroundings};
use crate::registry::{Credentials, HelperName, Helpers, Machine};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

const SETTINGS: &str = "the settings";

/// A place where logins may be kept, as `registry check` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub name: String,
    pub state: &'static str,
}

/// Reads every login from every place.
pub(super) fn credentials(settings: &Settings) -> Result<Credentials, Failure> {
    let mut credentials = Credentials::default();
    from_settings(settings, &mut credentials)?;
    for path in &settings.docker_config_files {
        add_file(&mut credentials, path, "dockerConfigFiles", Helpers::Refuse)?;
    }
    for cloud in settings.clouds.iter().flatten() {
        credentials.add_cloud_everywhere(known(*cloud), &cloud_source(known(*cloud)));
    }
    for path in registry_auth_files() {
        if is_there(&path, "logins for registries")? {
            add_file(&mut credentials, &path, "logins for registries", Helpers::Run)?;
        }
    }
    for cloud in offered(settings) {
        credentials.add_cloud_everywhere(cloud, &cloud_source(cloud));
    }
    Ok(credentials)
}

/// What the client may use of this machine to know who it is.
pub(super) fn machine(settings: &Settings) -> Machine {
    let settings = settings.clone();
    Machine {
        reread: Some(Arc::new(move || credentials(&settings).map_err(|failure| failure.message))),
        helper_path: std::env::var_os("PATH"),
        surroundings: Some(Arc::new(Here)),
    }
}

/// Every place in the order in which it counts, for whoever wonders why a login is not found.
pub(super) fn places(settings: &Settings) -> Vec<Place> {
    let file = |path: PathBuf| {
        let state = match is_there(&path, "logins") {
            Ok(true) => "read",
            Ok(false) => "not there",
            Err(_) => "cannot be read",
        };
        Place { name: path.display().to_string(), state }
    };
    let entries = settings.registries.iter().any(|registry| registry.credentials.is_some());
    let mut places = vec![Place { name: SETTINGS.to_owned(), state: if entries { "read" } else { "name no login" } }];
    places.extend(settings.docker_config_files.iter().cloned().map(file));
    let named = settings.clouds.iter().flatten().map(|cloud| known(*cloud));
    places.extend(named.map(|cloud| Place { name: cloud_source(cloud), state: "named in the settings" }));
    places.extend(registry_auth_files().into_iter().map(file));
    places.extend(
        offered(settings).map(|cloud| Place { name: cloud_source(cloud), state: "offered by the environment" }),
    );
    places
}

fn from_settings(settings: &Settings, credentials: &mut Credentials) -> Result<(), Failure> {
    for entry in &settings.registries {
        let whole = [String::new()];
        let paths = if entry.paths.is_empty() { &whole[..] } else { &entry.paths };
        for path in paths {
            let scope = format!("{}/{path}", entry.host);
            let scope = scope.trim_end_matches('/');
            match &entry.credentials {
                None => {}
                Some(RegistryLogin::Given(given)) => credentials.add(scope, login(given)?, SETTINGS),
                Some(RegistryLogin::Helper(name)) => {
                    let name = HelperName::parse(name).map_err(|bad| rejected(bad.to_string()))?;
                    credentials.add_helper(scope, name, SETTINGS);
                }
                Some(RegistryLogin::Cloud(cloud)) => {
                    let cloud = known(*cloud);
                    if !cloud.owns(&entry.host) {
                        let message = format!("the settings let {} log in to {}", cloud.name(), entry.host);
                        return Err(
                            rejected(message).hint("a cloud's identity goes to the cloud's own registries only")
                        );
                    }
                    credentials.add_cloud(scope, cloud, SETTINGS);
                }
            }
        }
    }
    Ok(())
}

fn rejected(message: String) -> Failure {
    Failure::new(Exit::Rejected, message)
}

fn add_file(credentials: &mut Credentials, path: &Path, what: &str, helpers: Helpers) -> Result<(), Failure> {
    let text = read_text(path, what)?;
    let added = credentials.add_docker_config(&text, &path.display().to_string(), helpers);
    added.map_err(|error| {
        Failure::failed(error.to_string()).hint("mend the file, or point DOCKER_CONFIG or REGISTRY_AUTH_FILE elsewhere")
    })
}

/// The clouds that may be used although nobody named them.
fn offered(settings: &Settings) -> impl Iterator<Item = Cloud> {
    let asked_for = settings.clouds.is_none();
    Cloud::ALL.into_iter().filter(move |cloud| asked_for && cloud.offered(&Here))
}

fn known(cloud: settings::Cloud) -> Cloud {
    match cloud {
        settings::Cloud::Aws => Cloud::Aws,
        settings::Cloud::Google => Cloud::Google,
        settings::Cloud::Azure => Cloud::Azure,
    }
}

fn cloud_source(cloud: Cloud) -> String {
    format!("the identity of this machine at {}", cloud.name())
}

/// This machine, for the clouds' logins.
#[derive(Debug)]
struct Here;

impl Surroundings for Here {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    fn read(&self, path: &Path) -> Result<String, String> {
        read_text(path, "the identity of this machine").map_err(|failure| failure.message)
    }

    fn is_there(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    }
}
