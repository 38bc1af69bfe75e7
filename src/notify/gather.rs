//! What a run's end means for people: what happened once, and what lasts. Pure.

use super::person::{Telling, needs_person};
use super::pulls::{self, Pulls};
use super::text::harmless;
use crate::config::settings::{NewsKind, NewsValues};
use crate::cycle::{Outcome, Report};
use crate::plan::{Entry, keys, message_value};
use crate::policy::{Held, Reason};
use crate::port::{RegistryError, RegistryErrorKind};
use crate::service::{RunEnded, Target, Trouble};
use crate::text::Severity;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// The most lasting matters of each kind that are told of one branch; metrics and `landwaiter holds` know all of them.
pub(super) const MAX_LASTING: usize = 2_000;

/// The subject of runs that fail, beside those of pull requests that could not be made.
pub(super) const RUN: &str = "run";

/// What is so until it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lasting {
    /// What it is about; the same in every run.
    pub(super) subject: String,
    /// What it is like. When this changes, it is told again.
    pub(super) state: String,
    /// It is told of only if it lasts.
    pub(super) later: bool,
    pub(super) news: NewsValues,
    /// What is told when it is over; empty is nothing.
    pub(super) over: String,
}

/// What one run, or one look at the settings, means for people.
#[derive(Debug, Clone, Default)]
pub(super) struct Gathered {
    pub(super) repository: String,
    pub(super) branch: String,
    pub(super) run: String,
    /// Seconds since 1970, UTC.
    pub(super) time: i64,
    pub(super) once: Vec<NewsValues>,
    /// By scope. A scope that is not named was not looked at; what is not in one that is named is over.
    pub(super) lasting: BTreeMap<Scope, Vec<Lasting>>,
    /// The run did not ask about everything.
    pub(super) narrow: bool,
    /// Subjects that the run did not ask about: they last as they did.
    pub(super) unasked: BTreeSet<String>,
    /// What pull requests are open, and what stands in the files; `None` where the run saw neither.
    pub(super) pulls: Option<Pulls>,
}

/// Where matters are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    /// Whether runs of this branch fail.
    Run,
    /// The policy files of this branch.
    Policies,
    /// The references of this branch.
    Holds,
    /// Registries, of all branches together.
    Hosts,
    /// The settings.
    Settings,
}

impl Scope {
    /// The name of its room. Places share what is of all branches.
    pub(super) fn room(self, receiver: &str, place: &str) -> String {
        match self {
            Scope::Run => format!("told {receiver} run {place}"),
            Scope::Policies => format!("told {receiver} policies {place}"),
            Scope::Holds => format!("told {receiver} holds {place}"),
            Scope::Hosts => format!("told {receiver} hosts"),
            Scope::Settings => format!("told {receiver} settings"),
        }
    }
}

impl Gathered {
    /// What stands for repository and branch in rooms and notes.
    pub(super) fn place(&self) -> String {
        hash(&[&self.repository, &self.branch])
    }
}

/// Sixteen hex digits that stand for some texts.
pub(super) fn hash(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// News that are one line.
pub(super) fn news(kind: NewsKind, text: String) -> NewsValues {
    NewsValues {
        kind,
        text,
        image: String::new(),
        policy: String::new(),
        file: String::new(),
        line: 0,
        from: String::new(),
        to: String::new(),
        reason: String::new(),
        detail: String::new(),
        url: String::new(),
    }
}

/// Why repositories of a registry could not be listed, by host.
pub(super) type Failing = BTreeMap<String, RegistryError>;

/// Whether it is the host's failure, rather than that of one repository.
pub(super) fn is_the_hosts(error: &RegistryError) -> bool {
    use RegistryErrorKind::*;
    match error.kind {
        Unauthorized | Forbidden | RateLimited { .. } | ServerError { .. } | Malformed | Unreachable | TimedOut => true,
        NotFound | TooLarge | BadPaging => false,
    }
}

/// What a run's end means.
///
/// `failing` is `None` where nobody listened.
pub(super) fn run(run: &RunEnded<'_>, failing: Option<&Failing>) -> Gathered {
    let Target { repository, branch } = run.target;
    let mut gathered = Gathered {
        repository: repository.clone(),
        branch: branch.clone().unwrap_or_default(),
        run: run.id.to_owned(),
        time: run.ended,
        ..Gathered::default()
    };
    let name = super::text::place_of(&gathered.repository, &gathered.branch);
    match run.outcome {
        Err(trouble) if trouble.rejected => {
            let one = broken_policies("", &trouble.message, trouble.hint.as_deref(), &name);
            gathered.lasting = [(Scope::Run, Vec::new()), (Scope::Policies, vec![one])].into();
        }
        Err(trouble) => gathered.lasting = [(Scope::Run, vec![failed(run, trouble, &name)])].into(),
        Ok(report) => {
            gathered.once = updates(report).chain(pulled(report)).collect();
            let policies = rejected_files(report, &name);
            gathered.lasting = [(Scope::Run, failed_pulls(report)), (Scope::Policies, policies)].into();
            if let Some(failing) = failing {
                gathered.lasting.insert(Scope::Hosts, hosts(failing));
                gathered.lasting.insert(Scope::Holds, holds(report, failing));
            }
            gathered.narrow = !is_whole(report);
            gathered.unasked = unasked(report);
            gathered.pulls = Some(pulls::seen(report));
        }
    }
    gathered
}

/// What a look at the settings means.
pub(super) fn settings(refused: Option<&Trouble>, now: i64) -> Gathered {
    let lasting = refused.map(|trouble| {
        let hint = trouble.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        let text = format!("new settings are refused, the old ones stay in use: {}{hint}", trouble.message);
        Lasting {
            subject: "settings".to_owned(),
            state: hash(&[&trouble.message]),
            later: false,
            news: NewsValues { detail: trouble.message.clone(), ..news(NewsKind::Settings, text) },
            over: "the settings are accepted again".to_owned(),
        }
    });
    Gathered { time: now, lasting: [(Scope::Settings, lasting.into_iter().collect())].into(), ..Gathered::default() }
}

fn failed(run: &RunEnded<'_>, trouble: &Trouble, name: &str) -> Lasting {
    let hint = trouble.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    let text = format!("runs fail, {} in a row: {}{hint}", run.failures, trouble.message);
    Lasting {
        subject: RUN.to_owned(),
        // Not the message: servers put times and numbers into theirs.
        state: String::new(),
        later: true,
        news: NewsValues { detail: trouble.message.clone(), ..news(NewsKind::Failure, text) },
        over: format!("runs of {name} succeed again"),
    }
}

fn broken_policies(file: &str, message: &str, hint: Option<&str>, name: &str) -> Lasting {
    let file = if file.is_empty() { String::new() } else { format!("{file}: ") };
    let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
    Lasting {
        subject: hash(&["policies", &file]),
        state: hash(&[message]),
        later: false,
        news: NewsValues {
            file: file.trim_end_matches(": ").to_owned(),
            detail: message.to_owned(),
            ..news(NewsKind::Policies, format!("{file}{message}{hint}"))
        },
        over: format!("the policies of {name} are accepted again"),
    }
}

/// Files that the operator's tenancy lets be rejected alone: the first error of each.
fn rejected_files(report: &Report, name: &str) -> Vec<Lasting> {
    let errors = report.planned.warnings.diagnostics.iter().filter(|one| one.severity == Severity::Error);
    let mut files = BTreeSet::new();
    let firsts = errors.filter(|one| files.insert(one.file.clone()));
    firsts.map(|one| broken_policies(&one.file, &one.message, one.hint.as_deref(), name)).take(MAX_LASTING).collect()
}

/// Pull requests that could not be opened or renewed.
fn failed_pulls(report: &Report) -> Vec<Lasting> {
    let failed = report.pulled.iter().filter(|pulled| pulled.outcome == Outcome::Failed);
    let lasting = failed.map(|pulled| {
        let detail = pulled.detail.as_deref().unwrap_or("the forge does not say why");
        let text = format!("the pull request of {} could not be made: {detail}", pulled.group);
        Lasting {
            subject: hash(&["pull request", &pulled.branch]),
            state: String::new(),
            later: true,
            news: NewsValues { detail: detail.to_owned(), ..news(NewsKind::Failure, text) },
            over: format!("the pull request of {} could be made again", pulled.group),
        }
    });
    lasting.take(MAX_LASTING).collect()
}

fn hosts(failing: &Failing) -> Vec<Lasting> {
    let lasting = |(host, error): (&String, &RegistryError)| Lasting {
        subject: hash(&["registry", host]),
        // Credentials that are refused are another matter than a host that is down.
        state: error.retryable().to_string(),
        later: true,
        news: NewsValues { detail: error.to_string(), ..news(NewsKind::Failure, format!("registry {error}")) },
        over: format!("registry {host} answers again"),
    };
    failing.iter().map(lasting).take(MAX_LASTING).collect()
}

/// Holds that only a person can lift, and those that last for want of information which no failing registry explains.
fn holds(report: &Report, failing: &Failing) -> Vec<Lasting> {
    let plan = report.plan();
    let keys = keys(&plan.entries);
    let failed: BTreeSet<&str> = report.pulled.iter().filter_map(|one| one.detail.as_deref()).collect();
    let held = plan.entries.iter().zip(keys).filter_map(|(entry, key)| match &entry.state {
        crate::plan::State::Held(held) => Some((entry, held, key)),
        _ => None,
    });
    let explained = |entry: &Entry, held: &Held| {
        let host = entry.image.as_ref().is_some_and(|image| failing.contains_key(image.host()));
        held.reason == Reason::IncompleteInformation && (host || failed.contains(held.detail.as_str()))
    };
    let told = held.filter_map(|(entry, held, key)| {
        let later = match needs_person(held.reason) {
            Telling::AtOnce => false,
            Telling::Later if !explained(entry, held) => true,
            Telling::Later | Telling::Never => return None,
        };
        let values = about(NewsKind::Hold, entry);
        let text = format!("{} {} is held ({}): {}", what(&values), values.from, held.reason, held.detail);
        Some(Lasting {
            subject: key.to_string(),
            state: format!("{} {}", held.reason, harmless(&values.from)),
            later,
            news: NewsValues { text, reason: held.reason.word().to_owned(), detail: held.detail.clone(), ..values },
            over: String::new(),
        })
    });
    told.take(MAX_LASTING).collect()
}

fn is_whole(report: &Report) -> bool {
    !report.plan().held().any(|(_, held)| held.reason == Reason::NotDue)
}

/// References that were not asked about, and the registries that they are on: one good answer says little of the others.
fn unasked(report: &Report) -> BTreeSet<String> {
    let plan = report.plan();
    let mut subjects = BTreeSet::new();
    for (entry, key) in plan.entries.iter().zip(keys(&plan.entries)) {
        if matches!(&entry.state, crate::plan::State::Held(held) if held.reason == Reason::NotDue) {
            subjects.insert(key.to_string());
            subjects.extend(entry.image.as_ref().map(|image| hash(&["registry", image.host()])));
        }
    }
    subjects
}

/// The image, or the place of a reference whose image is not known.
fn what(values: &NewsValues) -> String {
    if values.image.is_empty() { format!("{}:{}", values.file, values.line) } else { values.image.clone() }
}

/// What is known of a reference.
fn about(kind: NewsKind, entry: &Entry) -> NewsValues {
    let reference = &entry.found.reference;
    NewsValues {
        image: entry.image.as_ref().map(ToString::to_string).unwrap_or_default(),
        policy: entry.policy.as_ref().map(ToString::to_string).unwrap_or_default(),
        file: entry.found.file.to_string(),
        line: reference.line,
        from: message_value(reference.tag.as_deref(), reference.digest.as_ref()),
        ..news(kind, String::new())
    }
}

/// What the run's commits changed.
fn updates(report: &Report) -> impl Iterator<Item = NewsValues> {
    let commits = report.written.iter().flat_map(|written| &written.commits);
    let groups: BTreeSet<&str> = commits.map(|commit| &*commit.group).collect();
    let changes = report.plan().changes();
    let written = changes.filter(move |(_, change)| !change.pull_request && groups.contains(&*change.group));
    written.map(|(entry, change)| {
        let to = message_value(change.to.tag.as_ref().map(|tag| tag.as_str()), change.to.digest.as_ref());
        let values = about(NewsKind::Update, entry);
        let text = format!("{} {} -> {to} in {}", what(&values), values.from, values.file);
        NewsValues { text, to, ..values }
    })
}

/// What became of pull requests in this run.
fn pulled(report: &Report) -> impl Iterator<Item = NewsValues> {
    report.pulled.iter().filter_map(|pulled| {
        let done = match pulled.outcome {
            Outcome::Opened => "opened",
            Outcome::Updated => "renewed",
            Outcome::Closed => "closed, because nothing is left to change",
            // The others are as they were, or are told as a hold or a failure.
            Outcome::Unchanged | Outcome::TakenOver | Outcome::Limited | Outcome::Failed => return None,
        };
        let number = pulled.number.map(|number| format!(" {number}")).unwrap_or_default();
        Some(NewsValues {
            detail: pulled.detail.clone().unwrap_or_default(),
            url: pulled.url.clone().unwrap_or_default(),
            ..news(NewsKind::PullRequest, format!("pull request{number} {done}: {}", pulled.title))
        })
    })
}
