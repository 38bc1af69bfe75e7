//! Connections: which certificates are trusted, when a proxy is used, and the cryptography behind both.
//!
//! The system's roots are loaded on the first HTTPS request, not at start: reading them costs some milliseconds that a run
//! against a loopback registry does not owe. An extra certificate authority of one host is trusted for that host alone.

use super::exchange::cause;
use super::host::{Host, authority, is_loopback};
use super::options::Options;
use reqwest::redirect::Policy;
use std::sync::OnceLock;
use std::time::Duration;
use url::Url;

/// How long an unused connection is kept for the next request.
const IDLE: Duration = Duration::from_secs(90);

/// The operator's certificate authority cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the certificate authority for {host} cannot be used: {detail}")]
pub struct InvalidCertificate {
    pub host: String,
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
        let purpose = Purpose {
            loopback: is_loopback(url),
            secure: url.scheme() == "https",
            ca_pem: options.hosts.get(&name).and_then(|own| own.ca_pem.as_deref()),
        };
        let pool = match purpose {
            Purpose { secure: true, ca_pem: Some(_), .. } | Purpose { secure: true, loopback: true, .. } => {
                &host.own_pool
            }
            Purpose { loopback: true, .. } => &self.local,
            _ => &self.remote,
        };
        pool.get_or_init(|| connect(&name, options, purpose)).as_ref().map_err(Clone::clone)
    }
}

/// Whether the host's certificate authority, if it has one, can be used.
pub(super) fn check_authority(host: &str, options: &Options) -> Result<(), InvalidCertificate> {
    let Some(pem) = options.hosts.get(host).and_then(|own| own.ca_pem.as_deref()) else {
        return Ok(());
    };
    let purpose = Purpose { loopback: false, secure: true, ca_pem: Some(pem) };
    connect(host, options, purpose).map(drop)
}

/// What a pool is made for.
#[derive(Debug, Clone, Copy)]
struct Purpose<'a> {
    /// Loopback is never reached through a proxy, whatever the environment says.
    loopback: bool,
    /// HTTPS needs roots; plain HTTP on loopback does without loading any.
    secure: bool,
    ca_pem: Option<&'a [u8]>,
}

/// A pool without connections. Redirects are left to [`super::Client`], which knows what must not travel with them.
fn connect(host: &str, options: &Options, purpose: Purpose<'_>) -> Result<reqwest::Client, InvalidCertificate> {
    let unusable = |detail: String| InvalidCertificate { host: host.to_owned(), detail };
    install_crypto_provider();
    let mut builder = reqwest::Client::builder()
        .user_agent(&options.user_agent)
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(options.timeouts.connect)
        .read_timeout(options.timeouts.read)
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true);
    if purpose.loopback || options.direct {
        builder = builder.no_proxy();
    }
    if purpose.loopback && !purpose.secure {
        builder = builder.tls_certs_only([]);
    } else if let Some(pem) = purpose.ca_pem {
        builder = builder.tls_certs_merge(certificates(pem).map_err(unusable)?);
    }
    builder.build().map_err(|error| unusable(cause(&error)))
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
            assert!(check_authority("example.com", &options).is_err(), "{pem:?}");
        }
    }
}
