//! Connections: which certificates are trusted and shown, when a proxy is used, and the cryptography behind both.
//!
//! The system's roots are loaded on the first HTTPS request, not at start: reading them costs some milliseconds that a run
//! against a loopback registry does not owe. An extra certificate authority of one host is trusted for that host alone.

use super::exchange::cause;
use super::host::{Host, authority, is_loopback};
use super::options::{Options, WayOut};
use crate::port::Secret;
use reqwest::redirect::Policy;
use std::sync::OnceLock;
use std::time::Duration;
use url::Url;

/// How long an unused connection is kept for the next request.
const IDLE: Duration = Duration::from_secs(90);

/// The operator's certificate authority, client certificate or proxy for a host cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {what} for {host} cannot be used: {detail}")]
pub struct InvalidCertificate {
    pub host: String,
    /// `certificate authority`, `client certificate` or `proxy`.
    pub what: &'static str,
    pub detail: String,
}

/// Makes ring the cryptography of this process, unless a choice was made before. Libraries that build their own clients
/// (Git over HTTPS, `oci-client`) need this as well; calling it twice is harmless.
pub fn install_crypto_provider() {
    // An error says that there is a provider already, which is all that is wanted.
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// Connections that hosts share, made when the first of them is needed.
#[derive(Debug, Default)]
pub(super) struct Pools {
    /// For plain HTTP on loopback: no proxy, no roots.
    local: Pool,
    /// For everything else without trust of its own.
    remote: Pool,
}

pub(super) type Pool = OnceLock<Result<reqwest::Client, InvalidCertificate>>;

impl Pools {
    /// The connections for this URL: the host's own, or those that all hosts of its kind share.
    pub(super) fn of<'a>(
        &'a self,
        host: &'a Host,
        url: &Url,
        options: &Options,
    ) -> Result<&'a reqwest::Client, InvalidCertificate> {
        let name = authority(url);
        let own = options.hosts.get(&name);
        let secure = url.scheme() == "https";
        let purpose = Purpose {
            loopback: is_loopback(url),
            secure,
            ca_pem: own.and_then(|own| own.ca_pem.as_deref()).filter(|_| secure),
            client_pem: own.and_then(|own| own.client_pem.as_ref()).filter(|_| secure),
            way_out: own.and_then(|own| own.way_out.as_ref()).unwrap_or(&options.way_out),
        };
        let special = purpose.ca_pem.is_some() || purpose.client_pem.is_some() || *purpose.way_out != options.way_out;
        let pool = match purpose {
            _ if special => &host.own_pool,
            Purpose { secure: true, loopback: true, .. } => &host.own_pool,
            Purpose { loopback: true, .. } => &self.local,
            _ => &self.remote,
        };
        pool.get_or_init(|| connect(&name, options, purpose)).as_ref().map_err(Clone::clone)
    }
}

/// Whether the host's certificates and its proxy, if it has any, can be used.
pub(super) fn check(host: &str, options: &Options) -> Result<(), InvalidCertificate> {
    let Some(own) = options.hosts.get(host) else {
        return Ok(());
    };
    let way_out = own.way_out.as_ref().unwrap_or(&options.way_out);
    let (ca_pem, client_pem) = (own.ca_pem.as_deref(), own.client_pem.as_ref());
    if ca_pem.is_none() && client_pem.is_none() && *way_out == WayOut::Environment {
        return Ok(());
    }
    let purpose = Purpose { loopback: false, secure: true, ca_pem, client_pem, way_out };
    connect(host, options, purpose).map(drop)
}

/// What a pool is made for.
#[derive(Debug, Clone, Copy)]
struct Purpose<'a> {
    /// Loopback is never reached through a proxy, whatever anybody says.
    loopback: bool,
    /// HTTPS needs roots; plain HTTP on loopback does without loading any.
    secure: bool,
    ca_pem: Option<&'a [u8]>,
    client_pem: Option<&'a Secret>,
    way_out: &'a WayOut,
}

/// A pool without connections. Redirects are left to [`super::Client`], which knows what must not travel with them.
fn connect(host: &str, options: &Options, purpose: Purpose<'_>) -> Result<reqwest::Client, InvalidCertificate> {
    let unusable = |what, detail| InvalidCertificate { host: host.to_owned(), what, detail };
    install_crypto_provider();
    let mut builder = reqwest::Client::builder()
        .user_agent(&options.user_agent)
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(options.timeouts.connect)
        .read_timeout(options.timeouts.read)
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true);
    builder = match purpose.way_out {
        _ if purpose.loopback => builder.no_proxy(),
        WayOut::Environment => builder,
        WayOut::Direct => builder.no_proxy(),
        WayOut::Proxy(url) => {
            let proxy = reqwest::Proxy::all(url.clone()).map_err(|error| unusable("proxy", cause(&error)))?;
            builder.proxy(proxy)
        }
    };
    if purpose.loopback && !purpose.secure {
        builder = builder.tls_certs_only([]);
    } else if let Some(pem) = purpose.ca_pem {
        let authority = certificates(pem).map_err(|detail| unusable("certificate authority", detail))?;
        builder = builder.tls_certs_merge(authority);
    }
    if let Some(pem) = purpose.client_pem {
        builder = builder.identity(identity(pem).map_err(|detail| unusable("client certificate", detail))?);
    }
    builder.build().map_err(|error| unusable("certificate", cause(&error)))
}

/// A certificate, those it is signed by, and the private key, in one text.
fn identity(pem: &Secret) -> Result<reqwest::Identity, String> {
    // The parser's words may quote what it read, which is a private key.
    reqwest::Identity::from_pem(pem.expose().as_bytes())
        .map_err(|_| "a PEM certificate and an unencrypted PEM private key are needed".to_owned())
}

fn certificates(pem: &[u8]) -> Result<Vec<reqwest::Certificate>, String> {
    let found = reqwest::Certificate::from_pem_bundle(pem).map_err(|error| cause(&error))?;
    if found.is_empty() {
        return Err("no PEM certificate in it".to_owned());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HostOptions;

    #[test]
    fn a_certificate_authority_that_is_none_is_refused() {
        for pem in [&b""[..], b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let mut options = Options::new("test");
            let own = HostOptions { ca_pem: Some(pem.to_vec()), ..HostOptions::default() };
            options.hosts.insert("example.com".to_owned(), own);
            assert!(check("example.com", &options).is_err(), "{pem:?}");
        }
    }

    #[test]
    fn a_client_certificate_that_is_none_is_refused_without_being_shown() {
        for pem in ["", "hunter2", "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n"] {
            let mut options = Options::new("test");
            let own = HostOptions { client_pem: Some(Secret::new(pem)), ..HostOptions::default() };
            options.hosts.insert("example.com".to_owned(), own);
            let error = check("example.com", &options).unwrap_err();
            assert_eq!(error.what, "client certificate");
            assert!(!format!("{error} {error:?} {options:?}").contains("hunter2"), "{error:?}");
        }
    }
}
