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
use super::passes::Standing;
use super::refusal::error;
use super::request;
use super::token::Tokens;
use crate::http;
use crate::image::{Digest, ImageMetadata, Repository, Tag};
use crate::port::{Registry, RegistryError, RegistryErrorKind};
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
        async move { self.conversation(repository)?.tags().await }.boxed()
    }

    fn digest<'a>(&'a self, repository: &'a Repository, tag: &'a Tag) -> BoxFuture<'a, Result<Digest, RegistryError>> {
        async move { self.conversation(repository)?.digest(tag).await }.boxed()
    }

    fn metadata<'a>(
        &'a self,
        repository: &'a Repository,
        tag: &'a Tag,
    ) -> BoxFuture<'a, Result<ImageMetadata, RegistryError>> {
        async move { self.conversation(repository)?.metadata(tag, &self.images).await }.boxed()
    }

    fn requests(&self) -> BTreeMap<String, u64> {
        let mut requests = self.http.requests();
        for (host, count) in self.metadata.requests() {
            *requests.entry(host).or_default() += count;
        }
        requests
    }
}

impl Client {
    /// A client without connections. Fails when a host's certificate authority cannot be used.
    pub fn new(options: Options) -> Result<Client, http::InvalidCertificate> {
        // A host that is no address cannot be part of a repository's name either, so nothing is lost with it.
        let own = options.hosts.iter().filter_map(|(name, own)| {
            let base = host::base(name, own.plain_http).ok()?;
            let own = http::HostOptions { ca_pem: own.ca_pem.clone(), concurrency: own.concurrency };
            Some((http::authority(&base), own))
        });
        let metadata = http::Client::new(http::Options {
            direct: true,
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
            ..http::Options::new(options.user_agent)
        })?;
        let clouds = options.machine.surroundings.clone();
        let clouds = clouds.map(|surroundings| Clouds::new(http.clone(), metadata.clone(), surroundings));
        Ok(Client {
            http,
            metadata,
            hosts: options.hosts,
            keyring: Keyring::new(options.credentials, options.machine, clouds),
            patience: options.patience,
            tokens: Tokens::default(),
            images: Known::default(),
            known: Mutex::new(HashMap::new()),
        })
    }

    pub(super) fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    pub(super) fn conversation<'a>(&'a self, repository: &'a Repository) -> Result<Conversation<'a>, RegistryError> {
        let host = self.host(repository)?;
        Ok(Conversation {
            http: &self.http,
            tokens: &self.tokens,
            keyring: &self.keyring,
            login: Standing::default(),
            patience: self.patience,
            repository,
            scope: Some(request::pull_scope(repository)),
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
