//! Connections: which certificates are trusted, when a proxy is used, and the cryptography behind both.
//!
//! The system's roots are loaded on the first HTTPS request, not at start: reading them costs some milliseconds that a run
//! against a loopback registry does not owe. An extra certificate authority of one host is trusted for that host alone.

use super::client::Timeouts;
use reqwest::redirect::Policy;
use std::time::Duration;

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

/// What a connection pool is made for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purpose<'a> {
    /// Loopback is never reached through a proxy, whatever the environment says.
    pub loopback: bool,
    /// HTTPS needs roots; plain HTTP does without loading any.
    pub secure: bool,
    pub ca_pem: Option<&'a [u8]>,
}

/// A connection pool. Redirects are left to [`super::Client`], which knows what must not travel with them.
pub(super) fn pool(user_agent: &str, timeouts: &Timeouts, purpose: Purpose<'_>) -> Result<reqwest::Client, String> {
    install_crypto_provider();
    let mut builder = reqwest::Client::builder()
        .user_agent(user_agent)
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(timeouts.connect)
        .read_timeout(timeouts.read)
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true);
    if purpose.loopback {
        builder = builder.no_proxy();
    }
    if !purpose.secure && purpose.loopback {
        builder = builder.tls_certs_only([]);
    } else if let Some(pem) = purpose.ca_pem {
        builder = builder.tls_certs_merge(certificates(pem)?);
    }
    builder.build().map_err(|error| super::client::cause(&error))
}

fn certificates(pem: &[u8]) -> Result<Vec<reqwest::Certificate>, String> {
    let found = reqwest::Certificate::from_pem_bundle(pem).map_err(|error| super::client::cause(&error))?;
    if found.is_empty() {
        return Err("no PEM certificate in it".to_owned());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_authority_that_is_none_is_refused() {
        for pem in [
            &b""[..],
            b"hello",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            let purpose = Purpose {
                loopback: false,
                secure: true,
                ca_pem: Some(pem),
            };
            assert!(pool("test", &Timeouts::default(), purpose).is_err(), "{pem:?}");
        }
    }
}
