//! The client for all registries: what it is told, and what it keeps between questions.
//!
//! Each question is a conversation of its own; what one of them learns (which host wants what, which token is still good)
//! the next one knows, so that nothing is asked twice.

use super::cloud::{Clouds, METADATA_TIMEOUT};
use super::conversation::Conversation;
use super::credentials::Credentials;
use super::host::{self, Host};
use super::keyring::{Keyring, Machine};
use super::known::Known;
use super::mirrors::{self, Mirrors};
use super::passes::Standing;
use super::refusal::error;
use super::request;
use super::token::Tokens;
use crate::http;
use crate::image::{Digest, ImageMetadata, InvalidName, Repository, Tag};
use crate::port::{
    KnownLists, Notice, NoticeKind, Referrer, Registry, RegistryError, RegistryErrorKind, Secret, Store, TagsUnless,
};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long the further pages of one list may take together.
pub const DEFAULT_PATIENCE: Duration = Duration::from_secs(600);

/// Everything the client is told. Plain data: files and the environment are read by whoever fills it in.
#[derive(Debug, Clone)]
pub struct Options {
    pub user_agent: String,
    /// By host as image names spell it (`docker.io`, `registry.example.com:5000`).
    pub hosts: BTreeMap<String, HostOptions>,
    pub credentials: Credentials,
    /// What may be used of this machine to know who we are.
    pub machine: Machine,
    pub timeouts: http::Timeouts,
    pub retry: http::Retry,
    /// What is asked instead of some registries.
    pub mirrors: Vec<Mirrors>,
    /// How hosts are reached that have no way out of their own.
    pub way_out: http::WayOut,
    /// Who sees what hosts did, while it happens.
    pub watcher: Option<http::Watcher>,
    /// How long the further pages of one list may take together: a registry that sends page after page slowly must not hold
    /// up the run for ever.
    pub patience: Duration,
}

/// What is different for one registry.
#[derive(Debug, Clone, Default)]
pub struct HostOptions {
    /// `None` is Docker's rule: plain HTTP on loopback, HTTPS everywhere else.
    pub plain_http: Option<bool>,
    /// PEM certificates that are trusted for this registry beside the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// Requests in flight; [`http::DEFAULT_CONCURRENCY`] when it is not said.
    pub concurrency: Option<usize>,
    /// How fast it is asked; [`http::Rate::of`] when it is not said.
    pub rate: Option<http::Rate>,
    /// PEM certificate and private key that we are known by.
    pub client_pem: Option<Secret>,
    /// Its own way out.
    pub way_out: Option<http::WayOut>,
}

impl Options {
    pub fn new(user_agent: impl Into<String>) -> Options {
        Options {
            user_agent: user_agent.into(),
            hosts: BTreeMap::new(),
            credentials: Credentials::default(),
            machine: Machine::default(),
            timeouts: http::Timeouts::default(),
            retry: http::Retry::default(),
            mirrors: Vec::new(),
            way_out: http::WayOut::default(),
            watcher: None,
            patience: DEFAULT_PATIENCE,
        }
    }
}

/// The client for all registries. It lives as long as the process: connections, tokens and what was learned of each host
/// are kept in it.
pub struct Client {
    http: http::Client,
    /// For the metadata servers of clouds.
    metadata: http::Client,
    hosts: BTreeMap<String, HostOptions>,
    keyring: Keyring,
    pub(super) mirrors: Vec<Mirrors>,
    /// Mirrors that did not answer, with the first reason.
    passed_over: Mutex<BTreeMap<String, String>>,
    watcher: Option<http::Watcher>,
    patience: Duration,
    tokens: Tokens,
    images: Known,
    known: Mutex<HashMap<String, Arc<Host>>>,
}

/// Only what cannot hold a secret.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("requests", &self.requests()).finish_non_exhaustive()
    }
}

impl Registry for Client {
    fn tags<'a>(&'a self, repository: &'a Repository) -> BoxFuture<'a, Result<Vec<String>, RegistryError>> {
        self.first(repository, move |asking| asking.tags().boxed())
    }

    fn tags_unless<'a>(
        &'a self,
        repository: &'a Repository,
        known: &'a KnownLists<'a>,
    ) -> BoxFuture<'a, Result<TagsUnless, RegistryError>> {
        self.first(repository, move |asking| asking.tags_unless(known).boxed())
    }

    fn digest<'a>(&'a self, repository: &'a Repository, tag: &'a Tag) -> BoxFuture<'a, Result<Digest, RegistryError>> {
        self.first(repository, move |asking| asking.digest(tag).boxed())
    }

    fn metadata<'a>(
        &'a self,
        repository: &'a Repository,
        tag: &'a Tag,
    ) -> BoxFuture<'a, Result<ImageMetadata, RegistryError>> {
        self.first(repository, move |asking| asking.metadata(tag, &self.images).boxed())
    }

    fn referrers<'a>(
        &'a self,
        repository: &'a Repository,
        digest: &'a Digest,
    ) -> BoxFuture<'a, Result<Vec<Referrer>, RegistryError>> {
        self.first(repository, move |asking| asking.referrers(digest).boxed())
    }

    fn manifest<'a>(
        &'a self,
        repository: &'a Repository,
        digest: &'a Digest,
    ) -> BoxFuture<'a, Result<Vec<u8>, RegistryError>> {
        self.first(repository, move |asking| asking.manifest_bytes(digest).boxed())
    }

    fn blob<'a>(
        &'a self,
        repository: &'a Repository,
        digest: &'a Digest,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<u8>, RegistryError>> {
        self.first(repository, move |asking| asking.blob(digest, limit).boxed())
    }

    fn requests(&self) -> BTreeMap<String, u64> {
        let mut requests = self.http.requests();
        for (host, count) in self.metadata.requests() {
            *requests.entry(host).or_default() += count;
        }
        requests
    }

    fn notices(&self) -> Vec<Notice> {
        let passed_over = self.passed_over.lock().unwrap_or_else(PoisonError::into_inner);
        let mut notices: Vec<Notice> = passed_over.iter().map(|(host, detail)| passed(host, detail)).collect();
        notices.extend(self.http.notices());
        notices.sort();
        notices
    }
}

impl Client {
    /// A client without connections. Fails when a host's certificate authority cannot be used.
    pub fn new(options: Options) -> Result<Client, http::InvalidCertificate> {
        // A host that is no address cannot be part of a repository's name either, so nothing is lost with it.
        let own = options.hosts.iter().filter_map(|(name, own)| {
            let base = host::base(name, own.plain_http).ok()?;
            let own = http::HostOptions {
                ca_pem: own.ca_pem.clone(),
                concurrency: own.concurrency,
                rate: own.rate,
                client_pem: own.client_pem.clone(),
                way_out: own.way_out.clone(),
            };
            Some((http::authority(&base), own))
        });
        let metadata = http::Client::new(http::Options {
            way_out: http::WayOut::Direct,
            timeouts: http::Timeouts {
                connect: METADATA_TIMEOUT / 2,
                attempt: METADATA_TIMEOUT,
                deadline: METADATA_TIMEOUT * 2,
                ..http::Timeouts::default()
            },
            retry: http::Retry { attempts: 2, ..http::Retry::default() },
            ..http::Options::new(options.user_agent.clone())
        })?;
        let http = http::Client::new(http::Options {
            hosts: own.collect(),
            timeouts: options.timeouts,
            retry: options.retry,
            way_out: options.way_out,
            watcher: options.watcher.clone(),
            ..http::Options::new(options.user_agent)
        })?;
        let clouds = options.machine.surroundings.clone();
        let clouds = clouds.map(|surroundings| Clouds::new(http.clone(), metadata.clone(), surroundings));
        Ok(Client {
            http,
            metadata,
            hosts: options.hosts,
            keyring: Keyring::new(options.credentials, options.machine, clouds),
            mirrors: options.mirrors,
            passed_over: Mutex::default(),
            watcher: options.watcher,
            patience: options.patience,
            tokens: Tokens::default(),
            images: Known::default(),
            known: Mutex::new(HashMap::new()),
        })
    }

    /// The same client, which asks the store before a registry and tells it what it learned about images.
    pub fn remembering(self, store: Arc<dyn Store>) -> Client {
        Client { images: Known::new(store), ..self }
    }

    /// Asks the mirrors in their order and then the registry itself, until one answers.
    fn first<'a, T, F>(&'a self, repository: &Repository, ask: F) -> BoxFuture<'a, Result<T, RegistryError>>
    where
        T: Send + 'a,
        F: Fn(Conversation<'a>) -> BoxFuture<'a, Result<T, RegistryError>> + Send + Sync + 'a,
    {
        let mut sources = mirrors::sources(&self.mirrors, repository);
        let last = sources.pop();
        let name = repository.host().to_owned();
        async move {
            let mut failed = Vec::new();
            for source in sources {
                match self.ask_source(source, &ask).await {
                    Ok(answer) => return Ok(answer),
                    Err(error) => {
                        self.pass_over(&error);
                        failed.push(error.to_string());
                    }
                }
            }
            let Some(last) = last else {
                return Err(error(&name, RegistryErrorKind::Unreachable, "it has no mirror to be asked".to_owned()));
            };
            self.ask_source(last, &ask).await.map_err(|mut error| {
                if !failed.is_empty() {
                    let before = format!("asked before it: {}", failed.join("; "));
                    let said = [std::mem::take(&mut error.detail), before];
                    let said: Vec<String> = said.into_iter().filter(|part| !part.is_empty()).collect();
                    error.detail = said.join("; ");
                }
                error
            })
        }
        .boxed()
    }

    async fn ask_source<'a, T, F>(
        &'a self,
        source: Result<Repository, (String, InvalidName)>,
        ask: &F,
    ) -> Result<T, RegistryError>
    where
        F: Fn(Conversation<'a>) -> BoxFuture<'a, Result<T, RegistryError>>,
    {
        let source = source.map_err(|(target, bad)| {
            let host = target.split('/').next().unwrap_or_default();
            error(host, RegistryErrorKind::Unreachable, format!("no name for it there: {bad}"))
        })?;
        ask(self.conversation(source)?).await
    }

    /// Tells people once for each mirror; that it lacks a repository is nothing to tell.
    fn pass_over(&self, error: &RegistryError) {
        if error.kind == RegistryErrorKind::NotFound {
            return;
        }
        let mut passed_over = self.passed_over.lock().unwrap_or_else(PoisonError::into_inner);
        if passed_over.contains_key(&error.host) {
            return;
        }
        let said = error.to_string();
        let detail = said.strip_prefix(&error.host).unwrap_or(&said).trim_start().to_owned();
        let notice = passed(&error.host, &detail);
        passed_over.insert(error.host.clone(), detail);
        drop(passed_over);
        if let Some(watcher) = &self.watcher {
            watcher.see(&notice);
        }
    }

    pub(super) fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    pub(super) fn conversation(&self, repository: Repository) -> Result<Conversation<'_>, RegistryError> {
        let host = self.host(&repository)?;
        Ok(Conversation {
            http: &self.http,
            tokens: &self.tokens,
            keyring: &self.keyring,
            login: Standing::default(),
            patience: self.patience,
            scope: Some(request::pull_scope(&repository)),
            repository,
            host,
            used: Vec::new(),
        })
    }

    fn host(&self, repository: &Repository) -> Result<Arc<Host>, RegistryError> {
        let name = repository.host();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = known.get(name) {
            return Ok(Arc::clone(host));
        }
        let plain_http = self.hosts.get(name).and_then(|own| own.plain_http);
        let base = host::base(name, plain_http)
            .map_err(|bad| error(name, RegistryErrorKind::Unreachable, format!("no address: {bad}")))?;
        let host = Arc::new(Host::new(name, base));
        known.insert(name.to_owned(), Arc::clone(&host));
        Ok(host)
    }
}

fn passed(host: &str, detail: &str) -> Notice {
    Notice { host: host.to_owned(), kind: NoticeKind::MirrorPassedOver { detail: detail.to_owned() } }
}
