//! The single values of the settings: hosts, URLs, files, variables, sizes and times. Each is checked where it is read.

use super::problems::Problems;
use super::shape::shown;
use super::tree::Scalar;
use super::values::FromScalar;
use crate::image::Repository;
use serde_json::{Value as Json, json};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// The most requests to one registry that may be under way at once.
pub(super) const MAX_CONCURRENCY: usize = 64;
/// The longest name of a credential helper.
const MAX_HELPER_NAME: usize = 64;
/// The bounds of `maxFileSize`, in bytes.
const FILE_SIZES: std::ops::RangeInclusive<u64> = 1024..=1024 * 1024 * 1024;
/// The bounds of `timeout`, in seconds.
const TIMEOUTS: std::ops::RangeInclusive<u64> = 1..=3600;

/// A registry's host in canonical spelling.
#[derive(Debug, Clone)]
pub(super) struct HostName(pub(super) String);

impl FromScalar for HostName {
    const WANTED: &'static str = "a registry host";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<HostName> {
        let text = scalar.text.as_str();
        // Behind anything but a host, the probe's path would begin with a part of the text.
        if let Ok(repository) = Repository::parse(&format!("{text}/a/b"))
            && repository.path() == "a/b"
        {
            return Some(HostName(repository.host().to_owned()));
        }
        let hint = match text.split_once("://") {
            Some((_, rest)) => format!("write `{}`, without a scheme", shown(rest.trim_end_matches('/'))),
            None if text.contains('/') => "the part behind the host belongs under `paths`".to_owned(),
            None => "as image names spell it: `ghcr.io`, `registry.example.com:5000`, `localhost`".to_owned(),
        };
        if text.contains('@') {
            problems.error(scalar.span, "credentials do not belong in a host", "write `credentials: {...}` beside it");
            problems.keep_secret(scalar.span);
            return None;
        }
        problems.error(scalar.span, format!("`{}` is not a registry host", shown(text)), hint);
        None
    }
}

/// The beginning of a repository's path within its registry, in whole parts.
#[derive(Debug, Clone)]
pub(super) struct PathPrefix(pub(super) String);

impl FromScalar for PathPrefix {
    const WANTED: &'static str = "a path within the registry";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<PathPrefix> {
        let text = scalar.text.trim_end_matches('/');
        if text.contains('*') {
            let message = "`paths` are beginnings, not globs";
            problems.error(scalar.span, message, "`acme` is for `acme` and everything below `acme/`");
            return None;
        }
        Repository::parse(&format!("registry.example.com/{text}"))
            .map(|repository| PathPrefix(repository.path().to_owned()))
            .map_err(|error| problems.error(scalar.span, error.to_string(), ""))
            .ok()
    }
}

/// The beginning of the URLs of Git repositories.
#[derive(Debug, Clone)]
pub(super) struct RemoteUrl(pub(super) Url);

impl FromScalar for RemoteUrl {
    const WANTED: &'static str = "a URL";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<RemoteUrl> {
        remote_url(&scalar.text, scalar, &IN_SETTINGS, problems).map(RemoteUrl)
    }
}

/// What to do about a URL that is none of ours.
pub(super) struct UrlHints {
    pub(super) credentials: &'static str,
    pub(super) local: &'static str,
    pub(super) example: &'static str,
}

const IN_SETTINGS: UrlHints = UrlHints {
    credentials: "write them by reference under `credentials`",
    local: "local repositories need no settings",
    example: "for example `https://git.example.com/platform/`",
};

/// An `https`, `http` or `ssh` URL with a host and without credentials. `scalar` is where it stands, however it is spelt there.
pub(super) fn remote_url(text: &str, scalar: &Scalar, hints: &UrlHints, problems: &mut Problems) -> Option<Url> {
    if holds_password(text) {
        problems.error(scalar.span, "credentials do not belong in a URL", hints.credentials);
        problems.keep_secret(scalar.span);
        return None;
    }
    let url = Url::parse(text)
        .map_err(|error| problems.error(scalar.span, format!("bad URL: {error}"), url_hint(text, hints)))
        .ok()?;
    let refusal = match url.scheme() {
        "https" | "http" | "ssh" if url.host().is_none() => Some(("no host", hints.example)),
        "https" | "http" if !url.username().is_empty() => {
            problems.keep_secret(scalar.span);
            Some(("a user, or a token in its place", hints.credentials))
        }
        "https" | "http" | "ssh" if url.query().is_some() || url.fragment().is_some() => {
            Some(("a `?` or `#` part", ""))
        }
        "https" | "http" | "ssh" => None,
        _ => Some(("neither https, http nor ssh", hints.local)),
    };
    if let Some((why, hint)) = refusal {
        problems.error(scalar.span, format!("bad URL: {why}"), hint);
        return None;
    }
    Some(url)
}

/// Whether something like `user:password@` stands before the host, in a URL or in what somebody took for one.
fn holds_password(text: &str) -> bool {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}

/// What to write instead of a text that is no URL; `git@host:path` is the likeliest.
fn url_hint(text: &str, hints: &UrlHints) -> String {
    match text.split_once(':') {
        Some((host, path)) if host.contains('@') && !path.contains('@') => {
            format!("write `ssh://{}/{}`", shown(host), shown(path))
        }
        _ => hints.example.to_owned(),
    }
}

/// Whether the URL's host is this machine.
pub(super) fn loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A file of the machine.
#[derive(Debug, Clone)]
pub(super) struct FilePath(pub(super) PathBuf);

impl FromScalar for FilePath {
    const WANTED: &'static str = "a path";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<FilePath> {
        let text = scalar.text.as_str();
        if text.is_empty() || text.contains(|c: char| c.is_control()) || text.starts_with('~') {
            let hint = if text.starts_with('~') { "write the whole path; `~` is a shell's word" } else { "" };
            problems.error(scalar.span, "not a path", hint);
            return None;
        }
        Some(FilePath(PathBuf::from(text)))
    }
}

/// The name of an environment variable.
#[derive(Debug, Clone)]
pub(super) struct VariableName(pub(super) String);

impl FromScalar for VariableName {
    const WANTED: &'static str = "the name of a variable";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<VariableName> {
        let text = scalar.text.as_str();
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        if text.is_empty() || text.starts_with(|c: char| c.is_ascii_digit()) || !text.bytes().all(word) {
            // Whoever misunderstands the key writes the secret itself here.
            let hint = "the name, such as `REGISTRY_TOKEN`, and neither `$` nor the secret itself";
            problems.error(scalar.span, "not the name of a variable", hint);
            problems.keep_secret(scalar.span);
            return None;
        }
        Some(VariableName(text.to_owned()))
    }

    fn scalar_schema() -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" })
    }
}

/// The `NAME` of a program `docker-credential-NAME`.
#[derive(Debug, Clone)]
pub(super) struct HelperWord(pub(super) String);

impl FromScalar for HelperWord {
    const WANTED: &'static str = "the name of a credential helper";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<HelperWord> {
        let text = scalar.text.as_str();
        let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let begins_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !begins_well || text.len() > MAX_HELPER_NAME || !text.bytes().all(word) {
            let hint = "the NAME of a program `docker-credential-NAME` on PATH, such as `ecr-login`";
            problems.error(scalar.span, "not the name of a credential helper", hint);
            return None;
        }
        Some(HelperWord(text.to_owned()))
    }

    fn scalar_schema() -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$", "maxLength": MAX_HELPER_NAME })
    }
}

/// A number of requests.
#[derive(Debug, Clone)]
pub(super) struct Concurrency(pub(super) NonZeroUsize);

impl FromScalar for Concurrency {
    const WANTED: &'static str = "a number";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Concurrency> {
        let number = scalar.text.parse().ok().filter(|count| *count <= MAX_CONCURRENCY);
        let count = number.and_then(NonZeroUsize::new);
        if count.is_none() {
            let message = format!("expected a number from 1 to {MAX_CONCURRENCY}, found `{}`", shown(&scalar.text));
            problems.error(scalar.span, message, "");
        }
        count.map(Concurrency)
    }

    fn scalar_schema() -> Json {
        json!({ "type": "integer", "minimum": 1, "maximum": MAX_CONCURRENCY })
    }
}

/// A size in bytes.
#[derive(Debug, Clone)]
pub(super) struct ByteSize(pub(super) u64);

impl FromScalar for ByteSize {
    const WANTED: &'static str = "a size";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<ByteSize> {
        let size = with_unit(&scalar.text, &[("KiB", 1024), ("MiB", 1024 * 1024), ("GiB", 1024 * 1024 * 1024)]);
        let size = size.filter(|size| FILE_SIZES.contains(size));
        if size.is_none() {
            let message = format!("`{}` is not a size that is allowed here", shown(&scalar.text));
            problems.error(scalar.span, message, "from `1KiB` to `1GiB`, in KiB, MiB or GiB");
        }
        size.map(ByteSize)
    }

    fn scalar_schema() -> Json {
        json!({ "type": "string", "pattern": "^[0-9]+(KiB|MiB|GiB)$" })
    }
}

/// A time to wait.
#[derive(Debug, Clone)]
pub(super) struct WaitTime(pub(super) Duration);

impl FromScalar for WaitTime {
    const WANTED: &'static str = "a time";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<WaitTime> {
        let seconds = with_unit(&scalar.text, &[("s", 1), ("m", 60), ("h", 3600)]);
        let seconds = seconds.filter(|seconds| TIMEOUTS.contains(seconds));
        if seconds.is_none() {
            let message = format!("`{}` is not a time that is allowed here", shown(&scalar.text));
            problems.error(scalar.span, message, "from `1s` to `1h`, in s, m or h");
        }
        seconds.map(|seconds| WaitTime(Duration::from_secs(seconds)))
    }

    fn scalar_schema() -> Json {
        json!({ "type": "string", "pattern": "^[0-9]+(s|m|h)$" })
    }
}

/// A whole number directly before one of the units; `None` when it is something else or too large.
pub(super) fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    units.iter().find_map(|(unit, factor)| {
        let number = text.strip_suffix(unit)?;
        let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        number.parse::<u64>().ok().filter(|_| digits)?.checked_mul(*factor)
    })
}
