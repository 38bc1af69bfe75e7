//! How bytes reach a server: HTTP by `gix`'s transport on `reqwest`, SSH by [`super::ssh`]; and what went wrong when they
//! do not, in words that name the server and never the credentials.

use super::fault::{Hint, chain, lasting, passing};
use super::url::{HttpUrl, Location};
use super::{Options, Timeouts, ssh};
use crate::port::{Login, RepoError, hide_secrets};
use base64::Engine as _;
use gix::protocol::Handshake;
use gix::protocol::credentials::{helper::Action, protocol::Outcome};
use gix::protocol::transport::client::TransportWithoutIO as _;
use gix::protocol::transport::client::blocking_io::http::options::FollowRedirects;
use gix::protocol::transport::client::blocking_io::{Transport, http};
use gix::protocol::transport::{Protocol, Service};
use gix::sec::identity::Account;
use std::sync::{Arc, Mutex};

/// How we call ourselves in the protocol.
pub(super) const AGENT: &str = concat!("landwaiter/", env!("CARGO_PKG_VERSION"));

/// A server that holds one repository, and everything needed to talk to it.
#[derive(Debug)]
pub(super) struct Server {
    kind: Kind,
    pub(super) timeouts: Timeouts,
}

#[derive(Debug)]
enum Kind {
    Http {
        url: HttpUrl,
        login: Option<Login>,
        /// `None` is what the machine trusts.
        authorities: Option<Vec<reqwest::Certificate>>,
        redirects: FollowRedirects,
    },
    Ssh(ssh::Server),
}

/// A conversation that has begun: the server has said what it can do.
pub(super) struct Conversation {
    pub(super) wire: Box<dyn Transport + Send>,
    pub(super) handshake: Handshake,
    said: ssh::Said,
}

/// A conversation that failed, and whether the server refused us for who we are.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) refusal: Refusal,
    pub(super) error: RepoError,
}

/// How sure it is that the server refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    No,
    /// It said something and hung up: a refusal if nothing had been sent to it yet.
    InWords,
    /// By an HTTP status: nothing was done.
    ByStatus,
}

impl Server {
    /// Checks what can be checked without the network: the key, the certificates.
    pub(super) fn of(location: &Location, options: &Options) -> Result<Server, RepoError> {
        let kind = match location {
            Location::Http(url) => Kind::Http {
                url: url.clone(),
                login: options.login.clone(),
                authorities: options.ca_pem.as_deref().map(authorities).transpose()?,
                redirects: FollowRedirects::default(),
            },
            Location::Ssh(url) => Kind::Ssh(ssh::Server::of(url, options)?),
            Location::Path(_) | Location::File(_) => return Err(lasting(format!("{location} is on this machine"))),
        };
        Ok(Server { kind, timeouts: options.timeouts })
    }

    /// Speaks to no host but the one in the URL.
    pub(super) fn without_redirects(mut self) -> Server {
        if let Kind::Http { redirects, .. } = &mut self.kind {
            *redirects = FollowRedirects::None;
        }
        self
    }

    /// Connects, logs in and reads what the server offers.
    pub(super) fn begin(&self, service: Service) -> Result<Conversation, Failed> {
        let version = match service {
            Service::UploadPack => Protocol::V2,
            // There is no version 2 of pushing.
            Service::ReceivePack => Protocol::V1,
        };
        let (mut wire, said) = match &self.kind {
            Kind::Http { url, login, authorities, redirects } => {
                let wire = self.http(url, login.as_ref(), authorities.as_ref(), *redirects, version)?;
                (wire, ssh::Said::default())
            }
            Kind::Ssh(server) => server.connect(service, version).map_err(Failed::other)?,
        };
        let ask_nobody = |_: Action| -> gix::Result<Option<Outcome>> { Ok(None) };
        let mut silent = gix::progress::Discard;
        match gix::protocol::handshake(&mut *wire, service, ask_nobody, Vec::new(), &mut silent) {
            Ok(handshake) => Ok(Conversation { wire, handshake, said }),
            Err(error) => Err(self.explain(&error, &said)),
        }
    }

    fn http(
        &self,
        url: &HttpUrl,
        login: Option<&Login>,
        authorities: Option<&Vec<reqwest::Certificate>>,
        follow_redirects: FollowRedirects,
        version: Protocol,
    ) -> Result<Box<dyn Transport + Send>, Failed> {
        let parsed = gix::url::parse(url.as_str()).map_err(|_| Failed::other(lasting("the URL cannot be read")))?;
        let mut wire = http::connect::<http::reqwest::Remote>(parsed, version, false);
        let client = http::reqwest::Options {
            configure_client: Some(configure(url, authorities.cloned(), self.timeouts)),
            configure_request: None,
        };
        let mut options =
            http::Options { backend: Some(Arc::new(Mutex::new(client))), follow_redirects, ..Default::default() };
        match login {
            // `gix` drops the identity when a redirect leaves the server.
            Some(Login { user: Some(user), secret }) if url.encrypted => {
                let account =
                    Account { username: user.clone(), password: secret.expose().to_owned(), oauth_refresh_token: None };
                wire.set_identity(account).map_err(|error| Failed::other(lasting(error.to_string())))?;
            }
            // With a header of our own `gix` follows no redirect at all.
            Some(login) => options.extra_headers.push(authorization(login)),
            None => {}
        }
        wire.configure(&options).map_err(|error| Failed::other(lasting(chain(&error))))?;
        Ok(Box::new(wire))
    }

    /// The words of a server, without the credentials that it may have echoed.
    pub(super) fn hide(&self, words: &str) -> String {
        match &self.kind {
            Kind::Http { login: Some(login), .. } => hide_secrets(words, login.hidden()),
            Kind::Http { login: None, .. } | Kind::Ssh(_) => words.to_owned(),
        }
    }

    pub(super) fn hide_in(&self, error: RepoError) -> RepoError {
        RepoError { message: self.hide(&error.message), hint: error.hint.map(|hint| self.hide(&hint)), ..error }
    }

    /// The error in words of ours, with what an SSH server said beside the protocol.
    pub(super) fn explain(&self, error: &gix::Error, said: &ssh::Said) -> Failed {
        match &self.kind {
            Kind::Http { url, login, redirects, .. } => {
                let failed = explain_http(url.host(), login.is_some(), error);
                let failed = Failed { error: self.hide_in(failed.error), ..failed };
                match redirects {
                    FollowRedirects::None if is_no_git(error) => {
                        Failed { error: failed.error.hint(REDIRECTS), ..failed }
                    }
                    _ => failed,
                }
            }
            Kind::Ssh(server) => match said.text() {
                text if text.is_empty() => {
                    Failed::other(passing(format!("the conversation with {} failed: {}", server.host(), chain(error))))
                }
                text => Failed {
                    refusal: Refusal::InWords,
                    error: lasting(format!("{} said: {text}", server.host()))
                        .hint("is the path right, and may this key use the repository?"),
                },
            },
        }
    }
}

impl Conversation {
    /// See [`Server::explain`].
    pub(super) fn explain(&self, server: &Server, error: &gix::Error) -> Failed {
        server.explain(error, &self.said)
    }

    pub(super) fn said(&self) -> ssh::Said {
        self.said.clone()
    }

    /// What the objects of the repository are named by.
    pub(super) fn object_hash(&self) -> Result<gix::hash::Kind, RepoError> {
        let named = self.handshake.capabilities.capability("object-format");
        match named.as_ref().and_then(|capability| capability.value()) {
            None => Ok(gix::hash::Kind::Sha1),
            Some(name) => name
                .to_string()
                .parse()
                .map_err(|_| lasting(format!("the repository's objects are named by `{name}`, which is not known"))),
        }
    }
}

impl Failed {
    pub(super) fn other(error: RepoError) -> Failed {
        Failed { refusal: Refusal::No, error }
    }
}

impl From<Failed> for RepoError {
    fn from(failed: Failed) -> RepoError {
        failed.error
    }
}

fn authorization(login: &Login) -> String {
    let secret = login.secret.expose();
    match &login.user {
        Some(user) => {
            let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{secret}"));
            format!("Authorization: Basic {pair}")
        }
        None => format!("Authorization: Bearer {secret}"),
    }
}

fn authorities(pem: &[u8]) -> Result<Vec<reqwest::Certificate>, RepoError> {
    match reqwest::Certificate::from_pem_bundle(pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(lasting("the certificate authorities are not PEM certificates")),
    }
}

fn configure(
    url: &HttpUrl,
    authorities: Option<Vec<reqwest::Certificate>>,
    timeouts: Timeouts,
) -> Box<http::reqwest::ConfigureClientFn> {
    let (encrypted, loopback) = (url.encrypted, url.loopback);
    Box::new(move |client| {
        // `reqwest` is built without a provider of its own; a second installation is refused, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = client.connect_timeout(timeouts.connect).timeout(timeouts.silence);
        // What the environment says of proxies holds for the network, not for this machine.
        let client = if loopback { client.no_proxy() } else { client };
        Ok(match &authorities {
            Some(authorities) => client.tls_certs_only(authorities.clone()),
            // Loading the machine's certificates takes 10 ms and more, for nothing.
            None if !encrypted => client.tls_certs_only(Vec::new()),
            None => client,
        })
    })
}

fn explain_http(host: &str, has_login: bool, error: &gix::Error) -> Failed {
    let refused = |error| Failed { refusal: Refusal::ByStatus, error };
    let status = error.downcast_any_ref::<reqwest::Error>().and_then(reqwest::Error::status);
    let timed_out = error.iter_errors().any(timed_out);
    match status.map(|status| status.as_u16()) {
        _ if error.is_unauthenticated() && has_login => refused(
            lasting(format!("{host} does not accept the credentials (401)"))
                .hint("is the token still valid, and does its user name belong to it?"),
        ),
        _ if error.is_unauthenticated() => {
            refused(lasting(format!("{host} wants credentials (401)")).hint("give some in the settings"))
        }
        Some(403) => refused(
            lasting(format!("{host} refuses access (403)"))
                .hint("the credentials lack a right: reading needs read, writing needs write access"),
        ),
        Some(404) => Failed::other(
            lasting(format!("{host} has no such repository (404)"))
                .hint("is the path right, and may these credentials see it?"),
        ),
        Some(413) => Failed::other(lasting(format!("{host} finds the push too large (413)"))),
        Some(status @ 400..500) if status != 429 && status != 408 => {
            Failed::other(lasting(format!("{host} answered with status {status}")))
        }
        Some(status) => Failed::other(passing(format!("{host} answered with status {status}"))),
        None if timed_out => Failed::other(passing(format!("{host} did not answer in time"))),
        None => Failed::other(passing(format!("the conversation with {host} failed: {}", chain(error)))),
    }
}

/// What may be wrong with a URL that redirects lead away from.
const REDIRECTS: &str =
    "is this the repository's own URL? redirects are not followed, and some servers want `.git` at its end";

/// Whether the server answered, and not as a Git server does: with a redirect or a page.
fn is_no_git(error: &gix::Error) -> bool {
    let network = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<reqwest::Error>().is_some() || cause.downcast_ref::<std::io::Error>().is_some()
    };
    !error.iter_errors().any(network)
}

fn timed_out(cause: &(dyn std::error::Error + 'static)) -> bool {
    let http = cause.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_timeout);
    let io = cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::TimedOut);
    http || io
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::Secret;

    #[test]
    fn a_login_without_a_user_is_a_bearer_token() {
        let login = |user: Option<&str>| Login { user: user.map(str::to_owned), secret: Secret::new("s3cret") };
        assert_eq!(authorization(&login(None)), "Authorization: Bearer s3cret");
        assert_eq!(authorization(&login(Some("acme"))), "Authorization: Basic YWNtZTpzM2NyZXQ=");
    }

    #[test]
    fn authorities_are_pem_certificates() {
        for pem in [&b""[..], b"certificate", b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
            assert!(authorities(pem).is_err(), "{pem:?}");
        }
    }
}
