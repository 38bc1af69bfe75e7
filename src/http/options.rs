//! What a client is told: plain data, filled in by whoever reads settings.

use super::budget::Rate;
use super::retry::Retry;
use crate::port::{Notice, Secret};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How long each part of a request may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// Name resolution, TCP and TLS.
    pub connect: Duration,
    /// Between two pieces of an answer.
    pub read: Duration,
    /// One attempt, from sending to the last byte.
    pub attempt: Duration,
    /// All attempts with the waits between them; waiting for a place among the requests in flight does not count.
    pub deadline: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(30),
            attempt: Duration::from_secs(60),
            deadline: Duration::from_secs(120),
        }
    }
}

/// Everything a client is told; plain data.
#[derive(Debug, Clone)]
pub struct Options {
    pub user_agent: String,
    pub timeouts: Timeouts,
    pub retry: Retry,
    /// Never through a proxy, whatever the environment says: what this client asks is on this machine or beside it.
    pub direct: bool,
    /// By host, with its port when it is not the scheme's own.
    pub hosts: BTreeMap<String, HostOptions>,
    /// How hosts are reached that have no way out of their own.
    pub way_out: WayOut,
    /// Who sees what hosts did, while it happens.
    pub watcher: Option<Watcher>,
}

/// How connections leave this machine. Loopback is always reached directly.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum WayOut {
    /// As `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say.
    #[default]
    Environment,
    Direct,
    /// Through this proxy, `http://` or `https://`, whatever the environment says.
    Proxy(Url),
}

/// Is told of a host and how long an attempt there took.
type Timing = Arc<dyn Fn(&str, Duration) + Send + Sync>;

/// Is told of every [`Notice`] as it happens, and of how long each attempt took.
#[derive(Clone)]
pub struct Watcher {
    see: Arc<dyn Fn(&Notice) + Send + Sync>,
    time: Option<Timing>,
}

impl Watcher {
    pub fn new(see: impl Fn(&Notice) + Send + Sync + 'static) -> Watcher {
        Watcher { see: Arc::new(see), time: None }
    }

    /// The same, which is also told of the host and the time of each attempt, answered or not.
    pub fn timing(self, time: impl Fn(&str, Duration) + Send + Sync + 'static) -> Watcher {
        Watcher { time: Some(Arc::new(time)), ..self }
    }

    pub fn see(&self, notice: &Notice) {
        (self.see)(notice);
    }

    pub(super) fn took(&self, host: &str, time: Duration) {
        if let Some(told) = &self.time {
            told(host, time);
        }
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}

/// What is different for one host.
#[derive(Debug, Clone, Default)]
pub struct HostOptions {
    /// PEM certificates that are trusted for this host beside the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// Requests in flight; [`super::DEFAULT_CONCURRENCY`] when it is not said.
    pub concurrency: Option<usize>,
    /// How fast; [`Rate::of`] when it is not said, and no limit on loopback.
    pub rate: Option<Rate>,
    /// PEM certificate and private key that we are known by at this host.
    pub client_pem: Option<Secret>,
    /// Its own way out; [`Options::way_out`] when it is not said.
    pub way_out: Option<WayOut>,
}

impl Options {
    pub fn new(user_agent: impl Into<String>) -> Options {
        Options {
            user_agent: user_agent.into(),
            timeouts: Timeouts::default(),
            retry: Retry::default(),
            direct: false,
            hosts: BTreeMap::new(),
            way_out: WayOut::default(),
            watcher: None,
        }
    }
}
