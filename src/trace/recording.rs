//! The events of one run become spans. Pure: `now` is an argument, nanoseconds since 1970.
//!
//! Stages follow each other: what ends one begins the next. A stage that a lost race or a failure ends is marked with it, and the
//! run goes on with a new snapshot.

use super::span::{Fact, Kind, Span, SpanId};
use crate::cycle::{Event, Scope};
use std::collections::BTreeMap;

/// So many registry hosts of a plan have spans of their own; the others share one, without a name.
pub const MAX_HOSTS: usize = 100;

const SNAPSHOT: &str = "snapshot";
const POLICIES: &str = "policies";
const SCAN: &str = "scan";
const PLAN: &str = "plan";
const PUBLISH: &str = "publish";
const PULL_REQUESTS: &str = "pull-requests";

type Facts = Vec<(&'static str, Fact)>;

/// What is known of a run that is under way.
#[derive(Debug)]
pub(super) struct Recording<I> {
    ids: I,
    root: SpanId,
    began: u64,
    /// What is said of the run itself.
    facts: Facts,
    stage: Option<Stage>,
    hosts: BTreeMap<String, Listing>,
    listing: u64,
    /// Where in `spans` the newest one of a host is.
    places: BTreeMap<String, usize>,
    /// What the run sent to each host, whatever for.
    requests: BTreeMap<String, u64>,
    spans: Vec<Span>,
}

#[derive(Debug)]
struct Stage {
    id: SpanId,
    name: &'static str,
    began: u64,
    facts: Facts,
}

/// What one host was asked for while a plan was made.
#[derive(Debug, Default)]
struct Listing {
    ended: u64,
    listed: usize,
    failed: usize,
    error: Option<String>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct End<'a> {
    pub(super) result: &'static str,
    /// Why it failed.
    pub(super) error: Option<&'a str>,
    /// Whether it came to its end; otherwise the stage under way is the one that failed.
    pub(super) whole: bool,
}

impl<I: Iterator<Item = SpanId>> Recording<I> {
    /// A run that begins now. `ids` never ends.
    pub(super) fn new(mut ids: I, now: u64) -> Option<Recording<I>> {
        let root = ids.next()?;
        let mut recording = Recording {
            ids,
            root,
            began: now,
            facts: Facts::new(),
            stage: None,
            hosts: BTreeMap::new(),
            listing: now,
            places: BTreeMap::new(),
            requests: BTreeMap::new(),
            spans: Vec::new(),
        };
        recording.open(SNAPSHOT, now);
        Some(recording)
    }

    /// Says whose run it is, and what it asks about.
    pub(super) fn of(&mut self, run: &str, repository: &str, branch: Option<&str>, scope: &Scope) {
        self.facts = vec![("landwaiter.run", run.into()), ("landwaiter.repository", repository.into())];
        self.facts.extend(branch.map(|branch| ("landwaiter.branch", branch.into())));
        let word = if scope.is_whole() { "whole" } else { "narrow" };
        self.facts.push(("landwaiter.scope", word.into()));
        if let Some(policies) = &scope.policies {
            self.facts.push(("landwaiter.scope.policies", policies.len().into()));
            self.facts.push(("landwaiter.scope.images", scope.images.len().into()));
        }
    }

    pub(super) fn heard(&mut self, event: &Event<'_>, now: u64) {
        match event {
            Event::SnapshotTaken { head, .. } => {
                let head = head.map(|head| ("landwaiter.head", Fact::from(head.0.as_str())));
                self.done(head.into_iter().collect(), now, POLICIES);
            }
            Event::PoliciesRead { policies } => self.done(vec![("landwaiter.policies", (*policies).into())], now, SCAN),
            Event::FilesScanned { files, references, read } => {
                let facts = vec![
                    ("landwaiter.files", (*files).into()),
                    ("landwaiter.files.read", (*read).into()),
                    ("landwaiter.references", (*references).into()),
                ];
                self.done(facts, now, PLAN);
            }
            Event::ListingStarted { .. } => self.listing = now,
            Event::TagsListed { repository, .. } => self.listed(repository.host(), None, now),
            Event::ListingFailed { repository, error } => self.listed(repository.host(), Some(error.to_string()), now),
            Event::DeadlineReached { repository } => {
                let late = format!("{repository} was not answered for before the run's deadline");
                self.listed(repository.host(), Some(late), now);
            }
            Event::Planned { changes, held } => {
                let facts = vec![("landwaiter.changes", (*changes).into()), ("landwaiter.held", (*held).into())];
                self.done(facts, now, PUBLISH);
            }
            Event::Published { commit } => {
                let commit = commit.map(|commit| ("landwaiter.commit", Fact::from(commit.0.as_str())));
                self.close(commit.into_iter().collect(), None, now);
            }
            Event::BranchMoved { .. } => self.again("the branch moved", now),
            Event::WritingFailed { error } => self.again(&error.message, now),
            Event::ProposingStarted { proposals } => {
                // Had something been written, its span would have ended.
                self.stage = None;
                self.open(PULL_REQUESTS, now);
                self.say("landwaiter.proposals", (*proposals).into());
            }
            Event::HostAsked { host, requests } => drop(self.requests.insert((*host).to_owned(), *requests)),
            Event::Decided(_) | Event::TagMoved { .. } | Event::RegistryNoticed { .. } | Event::PastAsked { .. } => {}
        }
    }

    /// All spans of the run, which is over. The first is that of the run.
    pub(super) fn ended(mut self, end: End<'_>, now: u64) -> Vec<Span> {
        let nothing_written = self.stage.as_ref().is_some_and(|stage| stage.name == PUBLISH);
        if !(end.whole && nothing_written) {
            let failed = end.error.filter(|_| !end.whole).map(str::to_owned);
            self.close(Facts::new(), failed, now);
        }
        for (host, requests) in &self.requests {
            if let Some(span) = self.places.get(host).and_then(|at| self.spans.get_mut(*at)) {
                span.facts.push(("landwaiter.requests", Fact::Number(*requests)));
            }
        }
        let mut facts = self.facts;
        facts.push(("landwaiter.result", end.result.into()));
        facts.push(("landwaiter.requests", Fact::Number(self.requests.values().sum())));
        let (id, began, error) = (self.root, self.began, end.error.map(str::to_owned));
        let root = Span { id, parent: None, name: "run", kind: Kind::Internal, began, ended: now, facts, error };
        [vec![root], self.spans].concat()
    }

    fn open(&mut self, name: &'static str, now: u64) {
        self.stage = self.ids.next().map(|id| Stage { id, name, began: now, facts: Facts::new() });
    }

    fn say(&mut self, name: &'static str, fact: Fact) {
        self.stage.iter_mut().for_each(|stage| stage.facts.push((name, fact.clone())));
    }

    /// The stage has done its work, and the next one begins.
    fn done(&mut self, facts: Facts, now: u64, next: &'static str) {
        self.close(facts, None, now);
        self.open(next, now);
    }

    /// The stage did not come to its end, and the run begins again.
    fn again(&mut self, why: &str, now: u64) {
        self.close(Facts::new(), Some(why.to_owned()), now);
        self.open(SNAPSHOT, now);
    }

    fn close(&mut self, facts: Facts, error: Option<String>, now: u64) {
        let Some(stage) = self.stage.take() else { return };
        let (id, name, kind, began) = (stage.id, stage.name, Kind::Internal, stage.began);
        let facts = [stage.facts, facts].concat();
        self.spans.push(Span { id, parent: Some(self.root), name, kind, began, ended: now, facts, error });
        for (host, listing) in std::mem::take(&mut self.hosts) {
            let Some(span_id) = self.ids.next() else { return };
            self.places.insert(host.clone(), self.spans.len());
            self.spans.push(list(span_id, id, &host, self.listing, listing));
        }
    }

    fn listed(&mut self, host: &str, error: Option<String>, now: u64) {
        let known = self.hosts.contains_key(host) || self.hosts.len() < MAX_HOSTS;
        let listing = self.hosts.entry(if known { host } else { "" }.to_owned()).or_default();
        listing.ended = now;
        *if error.is_some() { &mut listing.failed } else { &mut listing.listed } += 1;
        listing.error = listing.error.take().or(error);
    }
}

/// What one host was asked for. `server.address` and `server.port` are names of OpenTelemetry's conventions.
fn list(id: SpanId, parent: SpanId, host: &str, began: u64, listing: Listing) -> Span {
    let mut facts = Facts::new();
    if !host.is_empty() {
        let port = host.rsplit_once(':').and_then(|(name, port)| Some((name, port.parse().ok()?)));
        let (name, port) = port.map_or((host, None), |(name, port)| (name, Some(port)));
        facts.push(("server.address", name.into()));
        facts.extend(port.map(|port| ("server.port", Fact::Number(port))));
    }
    facts.push(("landwaiter.images.listed", listing.listed.into()));
    facts.push(("landwaiter.images.failed", listing.failed.into()));
    let (ended, error) = (listing.ended, listing.error);
    Span { id, parent: Some(parent), name: "list", kind: Kind::Client, began, ended, facts, error }
}

#[cfg(test)]
mod tests;
