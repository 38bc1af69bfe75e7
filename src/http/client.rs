//! The client: one request, sent until it is answered or given up, within its deadline.
//!
//! Three loops, each in its own function: [`Client::send`] follows redirects, `repeat` tries again as far as `may_ask` and
//! `again` let it, `attempt` reads one answer. What the server answered is given back whatever its status; an [`Error`] means that there was no answer.

use super::circuit::Failure;
use super::exchange::{Answer, Error, ErrorKind, Method, Request, failure, transport};
use super::host::{Host, authority};
use super::options::Options;
use super::redact::display_url;
use super::retry::{may_pass, random, retry_after};
use super::tls::{InvalidCertificate, Pools, check};
use crate::port::{Notice, NoticeKind};
use bytes::{Bytes, BytesMut};
use reqwest::StatusCode;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// Redirects followed for one request.
pub const MAX_REDIRECTS: usize = 5;

/// The client. Clones share connections, limits and counters.
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: Options,
    hosts: Mutex<HashMap<String, Arc<Host>>>,
    pools: Pools,
}

impl Client {
    /// A client without connections. Certificates are read now, so that a wrong one is found at start.
    pub fn new(options: Options) -> Result<Client, InvalidCertificate> {
        for host in options.hosts.keys() {
            check(host, &options)?;
        }
        Ok(Client { shared: Arc::new(Shared { options, hosts: Mutex::new(HashMap::new()), pools: Pools::default() }) })
    }

    /// Requests sent so far by host: every attempt and every redirect counts.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        let hosts = self.shared.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = hosts.iter().map(|(name, host)| (name.clone(), host.counted()));
        counted.filter(|(_, count)| *count > 0).collect()
    }

    /// What hosts did that a person should know of, by host and kind.
    pub fn notices(&self) -> Vec<Notice> {
        let hosts = self.shared.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut notices: Vec<Notice> = hosts.values().flat_map(|host| host.told()).collect();
        notices.sort();
        notices
    }

    /// Sends the request, tries again as [`Options::retry`] says, and follows redirects.
    pub async fn send(&self, mut request: Request) -> Result<Answer, Error> {
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.repeat(&request).await?;
            let follows = matches!(request.method, Method::Get | Method::Head);
            let Some(target) = redirect(&answer).filter(|_| follows) else {
                return Ok(answer);
            };
            if target.origin() != request.url.origin() {
                if target.scheme() != "https" {
                    return Err(refused_redirect(&request.url, "to another origin without https", &target));
                }
                request.authorization = None;
                request.headers.clear();
            }
            request.url = target;
        }
        Err(refused_redirect(&request.url, "once too often", &request.url))
    }

    /// One URL, until it is answered or given up. The place among the requests in flight is kept between attempts: were it
    /// given away, a thousand requests to a dead host would each fail once before the first of them gives up.
    async fn repeat(&self, request: &Request) -> Result<Answer, Error> {
        let host = self.host(&request.url);
        let _place = host.slot().await;
        let deadline = Instant::now() + self.shared.options.timeouts.deadline;
        let mut effort = Effort { failures: 0, waited: Duration::ZERO, deadline };
        let outcome = loop {
            if let Some(instead) = self.may_ask(&host, request, &mut effort).await {
                return instead;
            }
            let outcome = self.attempt(&host, request, effort.deadline).await;
            if !self.again(&host, request, &outcome, &mut effort).await {
                break outcome;
            }
        };
        let outcome = match outcome {
            // Whoever is refused as one too many gets the same answer, whenever he asked: which of a host's repositories
            // were asked first must not show.
            Ok(answer) if answer.status == StatusCode::TOO_MANY_REQUESTS => {
                let asked = host.silence.wish().map_or_else(|| retry_after(&answer.headers), |wish| wish.asked);
                Ok(refusal(&request.url, answer.status, asked))
            }
            outcome => outcome,
        };
        host.record(&outcome);
        outcome
    }

    /// Waits until the host may be asked; `Some` is what the request gets instead of being sent.
    async fn may_ask(&self, host: &Host, request: &Request, effort: &mut Effort) -> Option<Result<Answer, Error>> {
        let retry = &self.shared.options.retry;
        let mut reserved = false;
        loop {
            match host.circuit.open() {
                Some(Failure::Unanswered(error)) => return Some(Err(error)),
                Some(Failure::Refused(asked)) => {
                    return Some(Ok(refusal(&request.url, StatusCode::TOO_MANY_REQUESTS, asked)));
                }
                None => {}
            }
            if let Some(error) = host.without_pulls().filter(|_| request.pull) {
                return Some(Err(error));
            }
            if let Some(wish) = host.silence.wish() {
                if wish.left > retry.longest_asked || effort.waited + wish.left > retry.patience {
                    return Some(Ok(refusal(&request.url, wish.status, wish.asked)));
                }
                effort.wait(wish.left).await;
                continue;
            }
            if reserved {
                return None;
            }
            let turn = host.budget.reserve(Instant::now());
            if turn.is_zero() {
                return None;
            }
            reserved = true;
            effort.deadline += turn;
            tokio::time::sleep(turn).await;
        }
    }

    /// Heeds the outcome of an attempt and says whether there is another one, after the wait that belongs before it.
    async fn again(
        &self,
        host: &Host,
        request: &Request,
        outcome: &Result<Answer, Error>,
        effort: &mut Effort,
    ) -> bool {
        let retry = &self.shared.options.retry;
        let (status, asked) = match outcome {
            Ok(answer) => {
                host.heed(&answer.headers);
                let done = request.once && answer.status != StatusCode::TOO_MANY_REQUESTS;
                if done || !may_pass(answer.status) {
                    return false;
                }
                (Some(answer.status), retry_after(&answer.headers).filter(|asked| !asked.is_zero()))
            }
            Err(_) if request.once => return false,
            Err(error) if matches!(error.kind, ErrorKind::Unreachable | ErrorKind::TimedOut) => (None, None),
            Err(_) => return false,
        };
        let refused = status == Some(StatusCode::TOO_MANY_REQUESTS);
        if let Some((asked, status)) = asked.zip(status) {
            host.tell(NoticeKind::AskedToWait { wait: asked });
            if host.silence.keep(asked, Some(asked), status) && refused {
                host.budget.halve(Instant::now());
            }
            if refused {
                // No failed attempt: the host will answer, only later.
                return asked <= retry.longest_asked && effort.waited + asked <= retry.patience;
            }
        }
        effort.failures += 1;
        let Some(wait) = retry.wait(effort.failures, asked, random()) else {
            return false;
        };
        if Instant::now() + wait >= effort.deadline {
            return false;
        }
        if let (true, Some(status)) = (refused, status) {
            if host.silence.keep(wait, None, status) {
                host.budget.halve(Instant::now());
            }
            return true;
        }
        tokio::time::sleep(wait).await;
        true
    }

    async fn attempt(&self, host: &Host, request: &Request, deadline: Instant) -> Result<Answer, Error> {
        let pool = self.shared.pools.of(host, &request.url, &self.shared.options);
        let pool = pool.map_err(|bad| failure(&request.url, ErrorKind::Misconfigured, bad.to_string()))?;
        let time_left = deadline.saturating_duration_since(Instant::now());
        let mut builder = match request.method {
            Method::Get => pool.get(request.url.clone()),
            Method::Head => pool.head(request.url.clone()),
            Method::Post => pool.post(request.url.clone()),
            Method::Put => pool.put(request.url.clone()),
            Method::Patch => pool.patch(request.url.clone()),
            Method::Delete => pool.delete(request.url.clone()),
        };
        if let Some(body) = &request.body {
            builder = builder.header(CONTENT_TYPE, body.media_type).body(body.content.expose().to_owned());
        }
        builder = builder.timeout(self.shared.options.timeouts.attempt.min(time_left));
        if let Some(accept) = &request.accept {
            builder = builder.header(ACCEPT, accept);
        }
        let authorization = request.authorization.iter().map(|secret| (&AUTHORIZATION, secret));
        for (name, secret) in authorization.chain(request.headers.iter().map(|(name, secret)| (name, secret))) {
            let mut value = HeaderValue::from_str(secret.expose()).map_err(|_| {
                failure(&request.url, ErrorKind::Misconfigured, "the credentials hold characters that no header can")
            })?;
            value.set_sensitive(true);
            builder = builder.header(name, value);
        }
        host.count();
        let begun = Instant::now();
        let answer = answer(builder, request).await;
        host.took(begun.elapsed());
        answer
    }

    fn host(&self, url: &Url) -> Arc<Host> {
        let name = authority(url);
        let mut hosts = self.shared.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.get(&name) {
            return Arc::clone(host);
        }
        let (own, watcher) = (self.shared.options.hosts.get(&name), self.shared.options.watcher.clone());
        Arc::clone(hosts.entry(name).or_insert_with(|| Arc::new(Host::new(url, own, watcher))))
    }
}

/// What one request has cost so far.
#[derive(Debug)]
struct Effort {
    /// Attempts that failed; a wait that the host asked for is none.
    failures: u32,
    /// Time waited because the host asked for it.
    waited: Duration,
    deadline: Instant,
}

impl Effort {
    async fn wait(&mut self, left: Duration) {
        self.waited += left;
        self.deadline += left;
        tokio::time::sleep(left).await;
    }
}

/// What a host that wants to be left alone would answer, without asking it.
fn refusal(url: &Url, status: StatusCode, asked: Option<Duration>) -> Answer {
    let mut headers = HeaderMap::new();
    if let Some(asked) = asked.filter(|asked| !asked.is_zero()) {
        headers.insert(RETRY_AFTER, asked.as_secs().into());
    }
    Answer { status, headers, body: Bytes::new(), url: url.clone() }
}

/// Sends what was built and reads the answer to its last byte.
async fn answer(builder: reqwest::RequestBuilder, request: &Request) -> Result<Answer, Error> {
    let response = builder.send().await.map_err(|error| transport(&request.url, &error))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = read(response, request).await?;
    Ok(Answer { status, headers, body, url: request.url.clone() })
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
    let announced = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > request.limit) {
        return Err(too_large());
    }
    let mut body = BytesMut::with_capacity(announced.unwrap_or(0));
    while let Some(piece) = response.chunk().await.map_err(|error| transport(&request.url, &error))? {
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
