//! The operator's trust root: which certificate authorities, transparency logs and clocks keyless signatures are believed by.
//!
//! The form is sigstore's `trusted_root.json`: what `cosign trusted-root create` writes, what a private sigstore is set up with,
//! and what the public one serves (`gh attestation trusted-root`, or `trusted_root.json` of its TUF repository). It is data of
//! the operator and is never fetched.

use super::{legible, provider};
use sigstore_verify::Verifier;
use sigstore_verify::trust_root::TrustedRoot;
use std::fmt;

/// The most bytes of a trust root. The public one has 7 kilobytes.
pub const MAX_TRUST_ROOT_BYTES: usize = 1024 * 1024;

/// A trust root whose every key and certificate was read.
pub struct TrustRoot {
    pub(super) verifier: Verifier,
    /// Whether certificates must carry a log's receipt.
    pub(super) has_certificate_logs: bool,
}

/// Why a text is no trust root that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTrustRoot {
    #[error("longer than {MAX_TRUST_ROOT_BYTES} bytes")]
    TooLong,
    #[error("not a `trusted_root.json` of sigstore: {0}")]
    Unreadable(String),
    #[error("it names no certificate authority")]
    NoAuthority,
    #[error("it names no transparency log, and keyless signatures are believed only with one")]
    NoLog,
}

impl TrustRoot {
    /// Reads `trusted_root.json`.
    pub fn parse(json: &str) -> Result<TrustRoot, InvalidTrustRoot> {
        if json.len() > MAX_TRUST_ROOT_BYTES {
            return Err(InvalidTrustRoot::TooLong);
        }
        provider::install();
        let unreadable = |error: &dyn fmt::Display| InvalidTrustRoot::Unreadable(legible(&error.to_string()));
        let root = TrustedRoot::from_json(json).map_err(|error| unreadable(&error))?;
        if root.certificate_authorities.is_empty() {
            return Err(InvalidTrustRoot::NoAuthority);
        }
        if root.tlogs.is_empty() {
            return Err(InvalidTrustRoot::NoLog);
        }
        let verifier = Verifier::new(&root).map_err(|error| unreadable(&error))?;
        Ok(TrustRoot { verifier, has_certificate_logs: !root.ctlogs.is_empty() })
    }
}

impl fmt::Debug for TrustRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustRoot").field("has_certificate_logs", &self.has_certificate_logs).finish_non_exhaustive()
    }
}
