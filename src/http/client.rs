//! The client: one request, sent until it is answered or given up, within its deadline.
//!
//! Three loops, each in its own function: [`Client::send`] follows redirects, `repeat` tries again, `attempt` reads one
//! answer. What the server answered is given back whatever its status; an [`Error`] means that there was no answer.

use super::host::{DEFAULT_CONCURRENCY, Host, authority, is_loopback};
use super::redact::{clean, display_url};
use super::retry::{Retry, may_pass, random, retry_after};
use super::tls::{InvalidCertificate, Purpose, pool};
use crate::port::Secret;
use bytes::{Bytes, BytesMut};
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderValue, LOCATION};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// Redirects followed for one request.
pub const MAX_REDIRECTS: usize = 5;

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
    /// By host, with its port when it is not the scheme's own.
    pub hosts: BTreeMap<String, HostOptions>,
}

/// What is different for one host.
#[derive(Debug, Clone, Default)]
pub struct HostOptions {
    /// PEM certificates that are trusted for this host beside the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// Requests in flight; [`DEFAULT_CONCURRENCY`] when it is not said.
    pub concurrency: Option<usize>,
}

impl Options {
    pub fn new(user_agent: impl Into<String>) -> Options {
        Options {
            user_agent: user_agent.into(),
            timeouts: Timeouts::default(),
            retry: Retry::default(),
            hosts: BTreeMap::new(),
        }
    }
}

/// The two methods that may be repeated without harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
}

/// One request, as data.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    pub accept: Option<HeaderValue>,
    /// The value of `Authorization`. It goes to the URL's origin only.
    pub authorization: Option<Secret>,
    /// The most bytes of body that are read; an answer with more is [`ErrorKind::TooLarge`].
    pub limit: usize,
}

impl Request {
    /// The limit of a request that says nothing else.
    pub const DEFAULT_LIMIT: usize = 1024 * 1024;

    pub fn get(url: Url) -> Request {
        Request {
            method: Method::Get,
            url,
            accept: None,
            authorization: None,
            limit: Request::DEFAULT_LIMIT,
        }
    }

    pub fn head(url: Url) -> Request {
        Request {
            method: Method::Head,
            ..Request::get(url)
        }
    }
}

/// What a server answered, after redirects.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Where the answer came from.
    pub url: Url,
}

/// There was no answer. The display is a lowercase fragment without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    pub host: String,
    pub kind: ErrorKind,
    pub detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// DNS, TLS, refused, reset, or no connection in time.
    Unreachable,
    /// Connected, but not answered in time.
    TimedOut,
    /// More than [`Request::limit`] bytes.
    TooLarge,
    /// A redirect that must not be followed, or too many of them.
    Redirect,
    /// Not sent: the host asked to be left alone for this much longer.
    Paused(Duration),
    /// Not sent: the host's certificate authority cannot be used.
    Misconfigured,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.host, self.detail)
    }
}

impl std::error::Error for Error {}

/// The client. Clones share connections, limits and counters.
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: Options,
    hosts: Mutex<HashMap<String, Arc<Host>>>,
    /// For plain HTTP on loopback: no proxy, no roots.
    local: OnceLock<Result<reqwest::Client, InvalidCertificate>>,
    /// For everything else without an own certificate authority.
    remote: OnceLock<Result<reqwest::Client, InvalidCertificate>>,
}

impl Client {
    /// A client without connections. Certificate authorities are read now, so that a wrong one is found at start.
    pub fn new(options: Options) -> Result<Client, InvalidCertificate> {
        for (host, own) in &options.hosts {
            if let Some(pem) = &own.ca_pem {
                let purpose = Purpose {
                    loopback: false,
                    secure: true,
                    ca_pem: Some(pem),
                };
                pool(&options.user_agent, &options.timeouts, purpose).map_err(|detail| InvalidCertificate {
                    host: host.clone(),
                    detail,
                })?;
            }
        }
        Ok(Client {
            shared: Arc::new(Shared {
                options,
                hosts: Mutex::new(HashMap::new()),
                local: OnceLock::new(),
                remote: OnceLock::new(),
            }),
        })
    }

    /// Requests sent so far by host: every attempt and every redirect counts.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        let hosts = self.shared.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = hosts.iter().map(|(name, host)| (name.clone(), host.counted()));
        counted.filter(|(_, count)| *count > 0).collect()
    }

    /// Sends the request, tries again as [`Options::retry`] says, and follows redirects.
    pub async fn send(&self, mut request: Request) -> Result<Answer, Error> {
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.repeat(&request).await?;
            let Some(target) = redirect(&answer) else {
                return Ok(answer);
            };
            if target.origin() != request.url.origin() {
                if target.scheme() != "https" {
                    return Err(refused_redirect(
                        &request.url,
                        "to another origin without https",
                        &target,
                    ));
                }
                request.authorization = None;
            }
            request.url = target;
        }
        Err(refused_redirect(&request.url, "once too often", &request.url))
    }

    /// One URL, until it is answered or given up. The place among the requests in flight is kept between attempts: were it
    /// given away, a thousand requests to a dead host would each fail once before the first of them gives up.
    async fn repeat(&self, request: &Request) -> Result<Answer, Error> {
        let retry = &self.shared.options.retry;
        let host = self.host(&request.url);
        let _place = host.slot().await;
        let deadline = Instant::now() + self.shared.options.timeouts.deadline;
        let mut sent = 0;
        let outcome = loop {
            self.may_ask(&host, &request.url).await?;
            let outcome = self.attempt(&host, request, deadline).await;
            sent += 1;
            let asked = match &outcome {
                Ok(answer) if may_pass(answer.status) => retry_after(&answer.headers),
                Err(error) if matches!(error.kind, ErrorKind::Unreachable | ErrorKind::TimedOut) => None,
                _ => break outcome,
            };
            if let Some(asked) = asked {
                host.keep_quiet(asked);
            }
            match retry.wait(sent, asked, random()) {
                Some(wait) if Instant::now() + wait < deadline => tokio::time::sleep(wait).await,
                _ => break outcome,
            }
        };
        host.record(&outcome);
        outcome
    }

    /// Waits while the host wants to be left alone; the error says why it will not be asked at all.
    async fn may_ask(&self, host: &Host, url: &Url) -> Result<(), Error> {
        loop {
            if let Some(down) = host.down() {
                return Err(down);
            }
            match host.silence() {
                None => return Ok(()),
                Some(left) if left > self.shared.options.retry.longest_asked => {
                    let detail = format!("asked to be left alone for {} s more", left.as_secs());
                    return Err(failure(url, ErrorKind::Paused(left), detail));
                }
                Some(left) => tokio::time::sleep(left).await,
            }
        }
    }

    async fn attempt(&self, host: &Host, request: &Request, deadline: Instant) -> Result<Answer, Error> {
        let pool = self.pool(host, &request.url)?;
        let time_left = deadline.saturating_duration_since(Instant::now());
        let mut builder = match request.method {
            Method::Get => pool.get(request.url.clone()),
            Method::Head => pool.head(request.url.clone()),
        };
        builder = builder.timeout(self.shared.options.timeouts.attempt.min(time_left));
        if let Some(accept) = &request.accept {
            builder = builder.header(ACCEPT, accept);
        }
        if let Some(secret) = &request.authorization {
            let mut value = HeaderValue::from_str(secret.expose()).map_err(|_| {
                failure(
                    &request.url,
                    ErrorKind::Misconfigured,
                    "the credentials hold characters that no header can",
                )
            })?;
            value.set_sensitive(true);
            builder = builder.header(AUTHORIZATION, value);
        }
        host.count();
        let response = builder.send().await.map_err(|error| transport(&request.url, &error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read(response, request).await?;
        Ok(Answer {
            status,
            headers,
            body,
            url: request.url.clone(),
        })
    }

    fn host(&self, url: &Url) -> Arc<Host> {
        let name = authority(url);
        let mut hosts = self.shared.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.get(&name) {
            return Arc::clone(host);
        }
        let own = self.shared.options.hosts.get(&name);
        let concurrency = own.and_then(|own| own.concurrency).unwrap_or(DEFAULT_CONCURRENCY);
        Arc::clone(hosts.entry(name).or_insert_with(|| Arc::new(Host::new(concurrency))))
    }

    /// The connections for this URL: the host's own, or those that all hosts of its kind share.
    fn pool<'a>(&'a self, host: &'a Host, url: &Url) -> Result<&'a reqwest::Client, Error> {
        let name = authority(url);
        let own = self
            .shared
            .options
            .hosts
            .get(&name)
            .and_then(|own| own.ca_pem.as_deref());
        let purpose = Purpose {
            loopback: is_loopback(url),
            secure: url.scheme() == "https",
            ca_pem: own,
        };
        let kept = match purpose {
            Purpose {
                secure: true,
                ca_pem: Some(_),
                ..
            } => &host.own_pool,
            Purpose {
                secure: true,
                loopback: true,
                ..
            } => &host.own_pool,
            Purpose { loopback: true, .. } => &self.shared.local,
            _ => &self.shared.remote,
        };
        let options = &self.shared.options;
        kept.get_or_init(|| {
            pool(&options.user_agent, &options.timeouts, purpose)
                .map_err(|detail| InvalidCertificate { host: name, detail })
        })
        .as_ref()
        .map_err(|error| failure(url, ErrorKind::Misconfigured, error.detail.clone()))
    }
}

/// Reads the body piece by piece and stops at the limit: an endless body costs no more than the limit.
async fn read(mut response: reqwest::Response, request: &Request) -> Result<Bytes, Error> {
    if request.method == Method::Head {
        return Ok(Bytes::new());
    }
    let too_large = || {
        let detail = format!("{} sent more than {} bytes", display_url(&request.url), request.limit);
        failure(&request.url, ErrorKind::TooLarge, detail)
    };
    let announced = response
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > request.limit) {
        return Err(too_large());
    }
    let mut body = BytesMut::with_capacity(announced.unwrap_or(0));
    while let Some(piece) = response
        .chunk()
        .await
        .map_err(|error| transport(&request.url, &error))?
    {
        if body.len() + piece.len() > request.limit {
            return Err(too_large());
        }
        body.extend_from_slice(&piece);
    }
    Ok(body.freeze())
}

/// Where a redirect leads; `None` when the answer is none, or names no place.
fn redirect(answer: &Answer) -> Option<Url> {
    if !matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = answer.headers.get(LOCATION)?.to_str().ok()?;
    let target = answer.url.join(location).ok()?;
    matches!(target.scheme(), "http" | "https").then_some(target)
}

fn refused_redirect(from: &Url, why: &str, target: &Url) -> Error {
    let detail = format!("{} redirects {why}: {}", display_url(from), display_url(target));
    failure(from, ErrorKind::Redirect, detail)
}

fn failure(url: &Url, kind: ErrorKind, detail: impl Into<String>) -> Error {
    Error {
        host: authority(url),
        kind,
        detail: detail.into(),
    }
}

/// A connection that cannot be made in time is unreachable; one that is made and stays silent timed out.
fn transport(url: &Url, error: &reqwest::Error) -> Error {
    let kind = if error.is_timeout() && !error.is_connect() {
        ErrorKind::TimedOut
    } else {
        ErrorKind::Unreachable
    };
    failure(url, kind, cause(error))
}

/// The innermost cause: `connection refused`, not the three sentences around it, and never the URL.
pub(super) fn cause(error: &reqwest::Error) -> String {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    if std::ptr::addr_eq(deepest, std::ptr::from_ref(error)) {
        // reqwest's own display ends with the URL.
        return if error.is_timeout() {
            "timed out".to_owned()
        } else {
            "the request failed".to_owned()
        };
    }
    clean(&deepest.to_string())
}
