//! What is read from the machine that the program runs on: environment, settings, secrets, input files, and where the
//! current directory is. [`super::wire`] makes adapters of it.
//!
//! A file at its usual place that cannot be seen is an error, never "there is none".
#![expect(clippy::disallowed_methods, reason = "this is where files and environment enter")]

use super::OperatorArguments;
use super::diagnose::Failure;
use crate::config::settings::{self, Credentials, SecretSource, Settings, UserSource};
use crate::cycle::Rejected;
use crate::git;
use crate::port::{Login, Secret};
use std::io::Read;
use std::path::{Path, PathBuf};

/// `--tags` and `--plan` files over this many bytes are refused.
const MAX_INPUT: u64 = 256 << 20;
/// Settings, key and certificate files over this many bytes are refused.
const MAX_OPERATOR_FILE: u64 = 4 << 20;

/// The settings file that was named, or the one in the user's configuration directory, or none.
pub(super) fn read_settings(arguments: &OperatorArguments) -> Result<Settings, Failure> {
    let Some(path) = settings_path(arguments)? else {
        return Ok(Settings::default());
    };
    let text = read_text(&path, "settings")?;
    let shown = path.display().to_string();
    settings::read(&shown, &text)
        .map(|settings| settings.relative_to(path.parent().unwrap_or(Path::new("."))))
        .map_err(|diagnostics| Failure::rejected("settings", Rejected { diagnostics, sources: vec![(shown, text)] }))
}

fn settings_path(arguments: &OperatorArguments) -> Result<Option<PathBuf>, Failure> {
    Ok(match &arguments.config {
        Some(path) => Some(path.clone()),
        None => match config_folder().map(|folder| folder.join("landwaiter/settings.yaml")) {
            Some(path) if is_there(&path, "settings")? => Some(path),
            _ => None,
        },
    })
}

/// The text of the settings file, to see whether it is another one; `None` when it cannot be read.
pub(super) fn settings_text(arguments: &OperatorArguments) -> Option<String> {
    read_text(&settings_path(arguments).ok()??, "settings").ok()
}

/// As for Git, `.` is the checkout that the current directory is in, if it is in one: its root as a path from here, and
/// the way from the root to here.
pub(super) fn checkout_around(repo: &str) -> (String, PathBuf) {
    let as_named = (repo.to_owned(), PathBuf::new());
    if repo != "." || git::is_bare(Path::new(repo)) {
        return as_named;
    }
    let Ok(here) = std::env::current_dir() else {
        return as_named;
    };
    let around = here.ancestors().enumerate().find(|(_, folder)| folder.join(".git").exists());
    match around {
        None | Some((0, _)) => as_named,
        Some((depth, root)) => {
            let way = here.strip_prefix(root).map(Path::to_owned).unwrap_or_default();
            (vec![".."; depth].join("/"), way)
        }
    }
}

pub(super) fn login(credentials: &Credentials) -> Result<Login, Failure> {
    Ok(match credentials {
        Credentials::Token(source) => Login { user: None, secret: secret(source)? },
        Credentials::Basic { user, password } => {
            let user = match user {
                UserSource::Name(name) => name.clone(),
                UserSource::From(source) => secret(source)?.expose().to_owned(),
            };
            Login { user: Some(user), secret: secret(password)? }
        }
    })
}

pub(super) fn secret(source: &SecretSource) -> Result<Secret, Failure> {
    match source {
        SecretSource::Env(name) => match std::env::var(name) {
            Ok(value) if !value.is_empty() => Ok(Secret::new(value)),
            _ => Err(Failure::failed(format!("the settings name the variable {name}, which is not set"))),
        },
        // Editors and `echo` end files with a line break that is no part of the secret.
        SecretSource::File(path) => Ok(Secret::new(read_text(path, "credentials")?.trim_end_matches(['\r', '\n']))),
    }
}

/// Where the user's own tools keep logins for registries, whether or not a file is there: the one that a variable names
/// for tools of Podman's family, Docker's, and Podman's for this session and for good.
pub(super) fn registry_auth_files() -> Vec<PathBuf> {
    let named = variable("REGISTRY_AUTH_FILE").map(PathBuf::from);
    let docker = variable("DOCKER_CONFIG").map(PathBuf::from).or_else(|| home().map(|home| home.join(".docker")));
    let session = variable("XDG_RUNTIME_DIR").map(PathBuf::from);
    let podman = [session, config_folder()].into_iter().flatten().map(|folder| folder.join("containers/auth.json"));
    let mut files: Vec<PathBuf> =
        named.into_iter().chain(docker.map(|folder| folder.join("config.json"))).chain(podman).collect();
    let mut seen = std::collections::BTreeSet::new();
    files.retain(|file| seen.insert(file.clone()));
    files
}

/// Whether a file stands at its usual place. One that cannot be seen, or a link that leads nowhere, is not taken for none:
/// without the settings' tenancy everybody may touch everything.
pub(super) fn is_there(path: &Path, what: &str) -> Result<bool, Failure> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    match std::fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => Ok(false),
        Err(error) => Err(Failure::failed(format!("cannot read {what} {}: {error}", path.display()))),
    }
}

pub(super) fn home() -> Option<PathBuf> {
    variable("HOME").map(PathBuf::from)
}

/// Who sits at the machine, as far as the environment knows: for Git, or logged in.
pub(super) fn person() -> Option<String> {
    ["GIT_COMMITTER_NAME", "USER", "LOGNAME"].into_iter().find_map(variable)
}

fn config_folder() -> Option<PathBuf> {
    variable("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| home().map(|home| home.join(".config")))
}

fn cache_folder() -> Option<PathBuf> {
    let base = variable("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| home().map(|home| home.join(".cache")));
    base.map(|base| base.join("landwaiter"))
}

/// Where caches are kept between runs.
pub(super) fn state_folder(arguments: &OperatorArguments) -> Option<PathBuf> {
    arguments.state_dir.clone().or_else(cache_folder)
}

/// What a variable says, if it says anything.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

pub(super) fn read_text(path: &Path, what: &str) -> Result<String, Failure> {
    read_bounded(std::fs::File::open(path), MAX_OPERATOR_FILE)
        .map_err(|error| Failure::failed(format!("cannot read {what} {}: {error}", path.display())))
}

fn read_bounded(reader: std::io::Result<impl Read>, limit: u64) -> std::io::Result<String> {
    let mut text = String::new();
    reader?.take(limit + 1).read_to_string(&mut text)?;
    if text.len() as u64 > limit {
        return Err(std::io::Error::other(format!("more than {limit} bytes")));
    }
    Ok(text)
}

/// The file of `--tags`; `-` is stdin.
pub(super) fn read_input(path: &str) -> Result<String, Failure> {
    let text = match path {
        "-" => read_bounded(Ok(std::io::stdin()), MAX_INPUT),
        path => read_bounded(std::fs::File::open(path), MAX_INPUT),
    };
    text.map_err(|error| Failure::failed(format!("cannot read {path}: {error}")))
}

/// The file of `--plan`: the JSON that `plan --format json` printed.
pub(super) fn read_plan(path: &Path) -> Result<serde_json::Value, Failure> {
    let text = read_input(&path.to_string_lossy())?;
    let refuse = |why: String| {
        Failure::failed(format!("{} is not a plan: {why}", path.display()))
            .hint("`landwaiter plan --format json` prints one")
    };
    let plan: serde_json::Value = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
    match plan.get("version").and_then(serde_json::Value::as_u64) {
        Some(1) if plan.get("changes").is_some_and(serde_json::Value::is_array) => Ok(plan),
        Some(1) => Err(refuse("it has no `changes`".to_owned())),
        Some(version) => Err(refuse(format!("version {version} is not known"))),
        None => Err(refuse("it has no `version`".to_owned())),
    }
}
