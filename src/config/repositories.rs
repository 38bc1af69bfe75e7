//! What the service keeps up to date, and how it goes about it: `repositories` and `service` in the settings.
//!
//! ```yaml
//! repositories:
//!   - url: https://git.example.com/platform/config.git
//!     branches: [main, staging]
//!     schedule: "H/5 6-20 * * mon-fri"
//!     timeZone: Europe/Berlin
//! service: {address: "0.0.0.0:8080", parallel: 8}
//! ```

use super::declare::record;
use super::globs::FileGlob;
use super::page::{self, PageSettings, PageShape};
use super::places::{FilePath, RemoteUrl, WaitTime, loopback};
use super::problems::Problems;
use super::shape::{Field, Spanned, shown};
use super::sources::BranchName;
use super::tree::Scalar;
use super::values::FromScalar;
use crate::schedule::{Cron, Zone};
use serde_json::{Value as Json, json};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

/// The most repositories, and the most branches of one.
pub const MAX_REPOSITORIES: usize = 1_000;
pub const MAX_BRANCHES: usize = 100;
/// The most runs at once.
const MAX_PARALLEL: usize = 64;

/// One config repository of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositorySettings {
    pub place: RepositoryPlace,
    /// Each has a run of its own; empty is the remote's default branch.
    pub branches: Vec<String>,
    /// Globs of the policy files; empty is the usual places.
    pub policies: Vec<String>,
    /// When it is looked at, where its policies do not say; `None` is what holds for all.
    pub schedule: Option<Cron>,
    /// Whose clocks its schedules mean, where policies do not say; `None` is what holds for all.
    pub zone: Option<Zone>,
}

/// Where a config repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepositoryPlace {
    Url(String),
    /// A bare repository on this machine.
    Path(PathBuf),
}

impl fmt::Display for RepositoryPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RepositoryPlace::Url(url) => f.write_str(url),
            RepositoryPlace::Path(path) => path.display().fmt(f),
        }
    }
}

/// What holds for the service as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceSettings {
    /// Where health and metrics are answered for.
    pub address: SocketAddr,
    /// Where the status page and its API answer; `None` is nowhere.
    pub page: Option<PageSettings>,
    /// Runs at once.
    pub parallel: NonZeroUsize,
    /// Between the end of a run and the next one of the same branch.
    pub pause: Duration,
    pub schedule: Cron,
    pub zone: Zone,
}

impl Default for ServiceSettings {
    fn default() -> ServiceSettings {
        ServiceSettings {
            address: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080)),
            page: Some(PageSettings::default()),
            parallel: const { NonZeroUsize::new(4).unwrap() },
            pause: Duration::from_secs(10),
            schedule: Cron::default(),
            zone: Zone::default(),
        }
    }
}

record! {
    /// One config repository that the service keeps up to date.
    pub(super) struct RepositoryShape {
        /// Its URL: https or ssh.
        "url" => url: RemoteUrl,
        /// A bare repository on this machine, instead of a URL.
        "path" => path: FilePath,
        /// Its branches, each with a run of its own. Without it: the default one.
        "branches" => branches: Vec<Spanned<BranchName>>,
        /// Globs of the policy files. Without it: landwaiter.yaml, .landwaiter/ and policies/.
        "policies" => policies: Vec<Spanned<FileGlob>>,
        /// When it is looked at, where its policies do not say: a cron expression. Without it: that of `service`.
        "schedule" => schedule: Cron,
        /// The IANA name of the time zone whose clocks schedules mean, where policies do not say. Without it: that of `service`.
        "timeZone" => zone: Zone,
    }
}

record! {
    /// What holds for the service as a whole.
    pub(super) struct ServiceShape {
        /// Where health and metrics are answered for, `0.0.0.0:8080` if nothing is said; `127.0.0.1:8080` answers this machine only.
        "address" => address: Address,
        /// Where the status page and its API answer, `127.0.0.1:8081` if nothing is said; `off` is nowhere.
        "page" => page: PageShape,
        /// How many repositories are looked at at once, 1 to 64; 4 if nothing is said.
        "parallel" => parallel: Parallel,
        /// The least time between two runs of a branch, `1s` to `1h`; 10s if nothing is said. It bounds what policies may ask for.
        "pause" => pause: WaitTime,
        /// When repositories are looked at that say nothing themselves: a cron expression; `H/10 * * * *` if nothing is said.
        "schedule" => schedule: Cron,
        /// The time zone of schedules that name none; UTC if nothing is said.
        "timeZone" => zone: Zone,
    }
}

/// An address to listen at.
#[derive(Debug, Clone)]
pub(super) struct Address(pub(super) SocketAddr);

impl FromScalar for Address {
    const WANTED: &'static str = "an address";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Address> {
        let address = scalar.text.parse().ok();
        if address.is_none() {
            let message = format!("`{}` is no address to listen at", shown(&scalar.text));
            problems.error(scalar.span, message, "a number and a port, such as `0.0.0.0:8080` or `[::1]:8080`");
        }
        address.map(Address)
    }
}

/// A number of runs at once.
#[derive(Debug, Clone)]
pub(super) struct Parallel(NonZeroUsize);

impl FromScalar for Parallel {
    const WANTED: &'static str = "a number";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Parallel> {
        let count = scalar.text.parse().ok().filter(|count| *count <= MAX_PARALLEL).and_then(NonZeroUsize::new);
        if count.is_none() {
            let message = format!("expected a number from 1 to {MAX_PARALLEL}, found `{}`", shown(&scalar.text));
            problems.error(scalar.span, message, "");
        }
        count.map(Parallel)
    }

    fn scalar_schema() -> Json {
        json!({ "type": "integer", "minimum": 1, "maximum": MAX_PARALLEL })
    }
}

/// What the file says of the service.
pub(super) fn service(field: Field<ServiceShape>, problems: &mut Problems) -> ServiceSettings {
    let usual = ServiceSettings::default();
    let Some(shape) = field.value() else {
        return usual;
    };
    ServiceSettings {
        address: shape.address.value().map_or(usual.address, |address| address.0),
        page: page::page(shape.page, problems),
        parallel: shape.parallel.value().map_or(usual.parallel, |count| count.0),
        pause: shape.pause.value().map_or(usual.pause, |time| time.0),
        schedule: shape.schedule.value().unwrap_or(usual.schedule),
        zone: shape.zone.value().unwrap_or(usual.zone),
    }
}

/// The repositories that the file names; what is wrong goes to `problems`.
pub(super) fn repositories(
    field: Field<Vec<Spanned<RepositoryShape>>>,
    problems: &mut Problems,
) -> Vec<RepositorySettings> {
    let Some(shapes) = field.given() else {
        return Vec::new();
    };
    if shapes.value.len() > MAX_REPOSITORIES {
        problems.error(shapes.span, format!("more than {MAX_REPOSITORIES} repositories"), "run a second service");
        return Vec::new();
    }
    let mut all: Vec<RepositorySettings> = Vec::new();
    for shape in shapes.value {
        let span = shape.span;
        let Some(one) = repository(shape, problems) else {
            continue;
        };
        let both = |other: &RepositorySettings| {
            let shared = one.branches.iter().any(|branch| other.branches.contains(branch));
            other.place == one.place && (shared || one.branches.is_empty() || other.branches.is_empty())
        };
        if all.iter().any(both) {
            let hint = "name all of its branches in one entry, or different ones in each";
            problems.error(span, format!("`{}` is described twice", shown(&one.place.to_string())), hint);
        }
        all.push(one);
    }
    all
}

fn repository(shape: Spanned<RepositoryShape>, problems: &mut Problems) -> Option<RepositorySettings> {
    let Spanned { value: shape, span, sound } = shape;
    let place = match (shape.url.given(), shape.path.given()) {
        (Some(url), Some(_)) => {
            problems.error(url.span, "a repository in two places", "keep one of `url` and `path`");
            return None;
        }
        (Some(url), None) => {
            if url.value.0.scheme() == "http" && !loopback(&url.value.0) {
                problems.error(url.span, "plain HTTP is for loopback only", "use an https:// URL");
                return None;
            }
            RepositoryPlace::Url(url.value.0.to_string())
        }
        (None, Some(path)) => RepositoryPlace::Path(path.value.0),
        (None, None) => {
            if sound {
                problems.error(span, "a repository without a place", "add `url`, or `path` for a bare repository here");
            }
            return None;
        }
    };
    let branches = branches(shape.branches, problems)?;
    let policies = shape.policies.value().unwrap_or_default();
    Some(RepositorySettings {
        place,
        branches,
        policies: policies.into_iter().map(|glob| glob.value.0.glob().glob().to_owned()).collect(),
        schedule: shape.schedule.value(),
        zone: shape.zone.value(),
    })
}

fn branches(field: Field<Vec<Spanned<BranchName>>>, problems: &mut Problems) -> Option<Vec<String>> {
    let Some(names) = field.given() else {
        return Some(Vec::new());
    };
    if names.value.is_empty() || names.value.len() > MAX_BRANCHES {
        let hint = "leave `branches` out for the default one";
        problems.error(names.span, format!("expected 1 to {MAX_BRANCHES} branches"), hint);
        return None;
    }
    let mut found: Vec<String> = Vec::new();
    for name in names.value {
        if found.iter().any(|other| **other == *name.value.0) {
            problems.error(name.span, format!("`{}` stands here twice", shown(&name.value.0)), "");
        }
        found.push(name.value.0.to_string());
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::{self, Settings};

    fn read(body: &str) -> Result<Settings, String> {
        let text = format!("apiVersion: landwaiter/v1\nkind: Settings\n{body}\n");
        settings::read("settings.yaml", &text).map_err(|found| found[0].message.clone())
    }

    #[test]
    fn repositories_have_a_place_and_may_have_the_rest() {
        let body = "repositories:\n- url: https://git.example.com/a.git\n  branches: [main, staging]\n  policies: ['p/**']\n  \
                    schedule: '@hourly'\n  timeZone: Europe/Berlin\n- path: config.git\n";
        let settings = read(body).unwrap().relative_to(std::path::Path::new("/etc/landwaiter"));
        let [first, second] = &settings.repositories[..] else { panic!() };
        assert_eq!(first.place.to_string(), "https://git.example.com/a.git");
        assert_eq!(
            (&first.branches[..], &first.policies[..]),
            (&["main".into(), "staging".into()][..], &["p/**".into()][..])
        );
        assert_eq!(first.schedule, Cron::parse("@hourly").ok());
        assert_eq!(first.zone, Zone::parse("Europe/Berlin"));
        assert_eq!(second.place, RepositoryPlace::Path("/etc/landwaiter/config.git".into()));
        assert_eq!((second.branches.len(), &second.schedule), (0, &None));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (body, message) in [
            ("[{branches: [main]}]", "a repository without a place"),
            ("[{url: 'https://a.example/x', path: x}]", "a repository in two places"),
            ("[{url: 'http://a.example/x'}]", "plain HTTP is for loopback only"),
            ("[{url: 'file:///x'}]", "bad URL: neither https, http nor ssh"),
            ("[{path: x, branches: []}]", "expected 1 to 100 branches"),
            ("[{path: x, branches: [a, a]}]", "`a` stands here twice"),
            ("[{path: x}, {path: x}]", "`x` is described twice"),
            ("[{path: x, branches: [a]}, {path: x}]", "`x` is described twice"),
            ("[{path: x, schedule: often}]", "bad schedule: expected five fields, found 1"),
            ("[{path: x, policies: ['/p']}]", "bad glob: paths start at the repository's root"),
        ] {
            assert_eq!(read(&format!("repositories: {body}")).unwrap_err(), message, "{body}");
        }
        assert!(read("repositories: [{path: x, branches: [a]}, {path: x, branches: [b]}]").is_ok());
        assert!(read("repositories: [{url: 'http://localhost:3000/x'}]").is_ok());
    }

    #[test]
    fn lists_are_bounded_at_their_edges() {
        let many = |count: usize| (0..count).map(|n| format!("{{path: r{n}}}")).collect::<Vec<_>>().join(",");
        assert_eq!(read(&format!("repositories: [{}]", many(MAX_REPOSITORIES))).unwrap().repositories.len(), 1_000);
        assert!(read(&format!("repositories: [{}]", many(MAX_REPOSITORIES + 1))).is_err());
        let many = |count: usize| (0..count).map(|n| format!("b{n}")).collect::<Vec<_>>().join(",");
        assert!(read(&format!("repositories: [{{path: x, branches: [{}]}}]", many(MAX_BRANCHES))).is_ok());
        assert!(read(&format!("repositories: [{{path: x, branches: [{}]}}]", many(MAX_BRANCHES + 1))).is_err());
    }

    #[test]
    fn the_service_has_its_usual_ways() {
        let usual = read("limits: {}").unwrap().service;
        assert_eq!(usual, read("service: {}").unwrap().service);
        assert_eq!(usual.schedule, Cron::parse("H/10 * * * *").unwrap());
        let other =
            read("service: {address: '[::]:9000', parallel: 64, pause: 1s, timeZone: Europe/Berlin}").unwrap().service;
        assert_eq!((other.address.port(), other.parallel.get(), other.pause.as_secs()), (9_000, 64, 1));
        for bad in ["{parallel: 0}", "{parallel: 65}", "{pause: 0s}", "{address: ':8080'}", "{address: localhost}"] {
            assert!(read(&format!("service: {bad}")).is_err(), "{bad}");
        }
    }
}
