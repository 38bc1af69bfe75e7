//! What a client is told: plain data, filled in by whoever reads settings.

use super::retry::Retry;
use std::collections::BTreeMap;
use std::time::Duration;

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
}

/// What is different for one host.
#[derive(Debug, Clone, Default)]
pub struct HostOptions {
    /// PEM certificates that are trusted for this host beside the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// Requests in flight; [`super::DEFAULT_CONCURRENCY`] when it is not said.
    pub concurrency: Option<usize>,
}

impl Options {
    pub fn new(user_agent: impl Into<String>) -> Options {
        Options {
            user_agent: user_agent.into(),
            timeouts: Timeouts::default(),
            retry: Retry::default(),
            direct: false,
            hosts: BTreeMap::new(),
        }
    }
}
