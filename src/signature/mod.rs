//! Whether an image is signed, by whom it must be: cosign's signatures, checked over bytes that somebody else fetched.
//!
//! A [`Signer`] is what a policy demands, [`Attached`] what lies beside an image in its registry, a [`Verdict`] what follows.
//! Nothing here fetches anything or asks what time it is.
//!
//! **By key.** One signature is enough that one of the keys made, over a text or statement that names the image's digest. No
//! log entry is asked for: the key was named in the policy, nobody else's is believed.
//!
//! **Keyless.** A certificate of minutes stands for the key, so all of these must hold (sigstore's client specification,
//! `architecture-docs/client-spec.md`, "Verification"; cosign's `specs/SIGNATURE_SPEC.md` and `BUNDLE_SPEC.md`):
//!
//! | what | against |
//! |---|---|
//! | the text or statement names the image's digest: of the index, where the tag names one | the digest that is decided about |
//! | its signature | the certificate's key |
//! | the certificate's path, for code signing, at the time of signing | the trust root's authorities, each in its own validity |
//! | a log's receipt for the certificate (SCT) | the trust root's certificate logs; not asked for where it has none |
//! | issuer (extension 1.3.6.1.4.1.57264.1.8, else .1.1) and subject (alternative name) | the policy |
//! | an entry of a transparency log about this signature: a promise (SET) in the older form, a proof with its checkpoint in the newer | the trust root's logs |
//! | the time of signing: the entry's, or a timestamp's, and every one there is | the certificate's validity |
//!
//! `sigstore-verify` checks these; path validation in it is rustls-webpki's. It asks the machine's clock for one thing, to
//! refuse signatures from the future.
//!
//! The newer form's statements count when they are of the kind that `cosign sign` makes; attestations do not.

mod attached;
mod bundle;
mod identity;
mod key;
mod provider;
mod root;
mod simple;

pub use attached::{
    Attached, BUNDLE_TYPE, Layer, MAX_BUNDLE_BYTES, MAX_PAYLOAD_BYTES, MAX_SIGNATURES, bundle_layers, may_be_signature,
    simple_layers, tag,
};
pub use identity::{Identity, Pattern, Subject};
pub use key::{InvalidKey, MAX_KEY_BYTES, PublicKey};
pub use root::{InvalidTrustRoot, MAX_TRUST_ROOT_BYTES, TrustRoot};

use crate::image::Digest;
use sigstore_verify::bundle::Error as BundleError;
use sigstore_verify::types::{Artifact, Bundle, Sha256Hash};
use sigstore_verify::{Error, VerificationPolicy};
use std::fmt;

/// The most characters that are shown of a text from outside.
const SHOWN: usize = 200;

/// Who must have signed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signer {
    /// The holder of one of these.
    Keys(Vec<PublicKey>),
    /// Whoever could log in as this one.
    Keyless(Identity),
}

/// Whether an image is signed as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Signed,
    /// A sentence for people: that nothing is attached, or why what is does not count.
    Unsigned(String),
}

/// Why one signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("it cannot be read: {0}")]
    Malformed(String),
    #[error("it is of another image ({0})")]
    OtherImage(String),
    #[error("it is no signature but an attestation ({0})")]
    Attestation(String),
    #[error("it was made by another key")]
    OtherKey,
    #[error("it was made with a key, and a keyless one is asked for")]
    NoCertificate,
    #[error("no transparency log has it")]
    NotLogged,
    #[error("it was made by {0}")]
    OtherIdentity(String),
    #[error("{0}")]
    NotBelieved(String),
}

impl Refusal {
    fn malformed(what: &str) -> Refusal {
        Refusal::Malformed(what.to_owned())
    }

    fn other_image(named: &str) -> Refusal {
        Refusal::OtherImage(Digest::parse(named).map_or_else(|_| legible(named), |digest| digest.short().to_owned()))
    }
}

/// A signer with what is needed to tell whether it signed.
#[derive(Debug, Clone, Copy)]
pub struct Checker<'a> {
    signer: &'a Signer,
    root: Option<&'a TrustRoot>,
}

impl<'a> Checker<'a> {
    /// `None` when a keyless signer is asked for and there is no trust root.
    pub fn new(signer: &'a Signer, root: Option<&'a TrustRoot>) -> Option<Checker<'a>> {
        let lacking = matches!(signer, Signer::Keyless(_)) && root.is_none();
        (!lacking).then_some(Checker { signer, root })
    }

    /// Whether one of what is attached to the image of that digest is a signature that counts.
    pub fn verdict(&self, digest: &Digest, attached: &[Attached]) -> Verdict {
        let mut refusals: Vec<String> = Vec::new();
        for one in attached {
            match self.check(digest, one) {
                Ok(()) => return Verdict::Signed,
                Err(refusal) => refusals.push(refusal.to_string()),
            }
        }
        refusals.dedup();
        Verdict::Unsigned(match (attached.len(), refusals.as_slice()) {
            (0, _) => "no signature is attached to it".to_owned(),
            (1, [why]) => format!("its signature does not count: {why}"),
            (count, [why]) => format!("none of its {count} signatures counts: {why}"),
            (count, _) => format!("none of its {count} signatures counts: {}", refusals.join("; ")),
        })
    }

    fn check(&self, digest: &Digest, attached: &Attached) -> Result<(), Refusal> {
        match (self.signer, self.root, attached) {
            (Signer::Keys(keys), _, Attached::Simple { payload, annotations }) => {
                let simple = simple::Simple::read(payload, annotations, digest)?;
                let signed = keys.iter().any(|key| key.signed(simple.payload, &simple.signature));
                signed.then_some(()).ok_or(Refusal::OtherKey)
            }
            (Signer::Keys(keys), _, Attached::Bundle(bytes)) => {
                let bundle = bundle::read(bytes, digest)?;
                let signed = keys.iter().any(|key| bundle::signed_by(&bundle, key, digest));
                signed.then_some(()).ok_or(Refusal::OtherKey)
            }
            (Signer::Keyless(identity), Some(root), Attached::Simple { payload, annotations }) => {
                let bundle = simple::Simple::read(payload, annotations, digest)?.bundle()?;
                keyless(root, identity, &bundle, (*payload).as_slice())
            }
            (Signer::Keyless(identity), Some(root), Attached::Bundle(bytes)) => {
                let bundle = bundle::read(bytes, digest)?;
                let hash = bundle::sha256(digest);
                let hash = hash.ok_or_else(|| Refusal::malformed("bundles name images by SHA-256 only"))?;
                keyless(root, identity, &bundle, Sha256Hash::new(hash))
            }
            (Signer::Keyless(_), None, _) => Err(Refusal::NotBelieved("there is no trust root".to_owned())),
        }
    }
}

/// The table above. The subject is compared here because a pattern may be asked for.
fn keyless<'a>(
    root: &TrustRoot,
    identity: &Identity,
    bundle: &Bundle,
    signed: impl Into<Artifact<'a>>,
) -> Result<(), Refusal> {
    if bundle.signing_certificate().is_none() {
        return Err(Refusal::NoCertificate);
    }
    let policy = VerificationPolicy::any_identity().require_issuer(&identity.issuer);
    let policy = if root.has_certificate_logs { policy } else { policy.skip_sct() };
    let proven = root.verifier.verify(signed, bundle, &policy).map_err(refusal)?;
    let all = proven.certificate_verified()
        && proven.tlog_verified()
        && proven.identity_policy_checked()
        && proven.sct_verified() == root.has_certificate_logs
        && !proven.verified_timestamps().is_empty();
    if !all {
        return Err(Refusal::NotBelieved("not everything about it was checked".to_owned()));
    }
    let subject = proven.identity().map(|subject| subject.as_str()).unwrap_or_default();
    if !identity.subject.admits(subject) {
        return Err(Refusal::OtherIdentity(format!("{} of {}", legible(subject), legible(&identity.issuer))));
    }
    Ok(())
}

fn refusal(error: Error) -> Refusal {
    match error {
        Error::IssuerMismatch { actual, .. } => {
            let actual = actual.as_deref().unwrap_or("an issuer that it does not name");
            Refusal::OtherIdentity(format!("somebody of {}", legible(actual)))
        }
        Error::Bundle(
            BundleError::MissingInclusionPromise(_)
            | BundleError::MissingInclusionProof(_)
            | BundleError::MissingSigningTimeEvidence,
        ) => Refusal::NotLogged,
        other => Refusal::NotBelieved(legible(&other.to_string())),
    }
}

/// A text from outside: without control characters, and of bounded length.
fn legible(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Signer::Keys(keys) => {
                let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
                f.write_str(&keys.join(" or "))
            }
            Signer::Keyless(identity) => identity.fmt(f),
        }
    }
}
