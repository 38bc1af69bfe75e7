//! Signatures that real tools made, and what no honest tool makes: which of them count, and why the others do not.
//!
//! How the files below `tests/fixtures/signatures` were made says the README there.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files and may panic")]

mod keyless;
mod keys;

use landwaiter::image::Digest;
use landwaiter::signature::{
    Attached, Checker, Identity, Pattern, PublicKey, Signer, Subject, TrustRoot, Verdict, bundle_layers, simple_layers,
    tag,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;

const ISSUER: &str = "https://login.example.com";
const SUBJECT: &str = "https://git.example.com/acme/web/.workflows/release.yaml@refs/heads/main";

fn file(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/signatures").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(name: &str) -> Value {
    serde_json::from_str(&file(name)).unwrap()
}

fn root(name: &str) -> TrustRoot {
    TrustRoot::parse(&file(name)).unwrap()
}

fn key(name: &str) -> PublicKey {
    PublicKey::parse(&file(&format!("keys/{name}.pub"))).unwrap()
}

fn by_key(name: &str) -> Signer {
    Signer::Keys(vec![key(name)])
}

fn keyless(issuer: &str, subject: Subject) -> Signer {
    Signer::Keyless(Identity { issuer: issuer.to_owned(), subject })
}

fn exact(subject: &str) -> Subject {
    Subject::Exact(subject.to_owned())
}

fn matching(pattern: &str) -> Subject {
    Subject::Matching(Pattern::new(pattern, &regex::Regex::new(pattern).unwrap()).unwrap())
}

fn verdict(signer: &Signer, root: Option<&TrustRoot>, digest: &Digest, attached: &[Attached]) -> Verdict {
    Checker::new(signer, root).unwrap().verdict(digest, attached)
}

/// Asserts that nothing attached counts, for a reason that holds these words.
fn refused(verdict: Verdict, words: &str) {
    match verdict {
        Verdict::Unsigned(why) => assert!(why.contains(words), "{why:?} does not say {words:?}"),
        Verdict::Signed => panic!("counts, and should be refused for {words:?}"),
    }
}

fn digest_of(bytes: &[u8]) -> Digest {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Digest::parse(&format!("sha256:{hex}")).unwrap()
}

/// The recorded repository.
struct Recorded(Value);

impl Recorded {
    fn load() -> Recorded {
        Recorded(json("repository.json"))
    }

    fn digest(&self, tag: &str) -> Option<Digest> {
        self.0["tags"][tag].as_str().map(|digest| Digest::parse(digest).unwrap())
    }

    fn manifest(&self, digest: &str) -> &str {
        self.0["manifests"][digest]["text"].as_str().unwrap_or_else(|| panic!("no manifest {digest}"))
    }

    fn blob(&self, digest: &Digest) -> Vec<u8> {
        self.0["blobs"][digest.as_str()].as_str().unwrap_or_else(|| panic!("no blob {digest}")).as_bytes().to_vec()
    }

    /// What is attached to an image in either form.
    fn attached(&self, digest: &Digest) -> Vec<Attached> {
        let mut found = Vec::new();
        if let Some(signatures) = self.digest(tag(digest).unwrap().as_str()) {
            for layer in simple_layers(self.manifest(signatures.as_str()).as_bytes()).unwrap() {
                found.push(Attached::Simple { payload: self.blob(&layer.digest), annotations: layer.annotations });
            }
        }
        if let Some(referrers) = self.digest(&digest.as_str().replace(':', "-")) {
            let index: Value = serde_json::from_str(self.manifest(referrers.as_str())).unwrap();
            for referrer in index["manifests"].as_array().unwrap() {
                // As a registry that lost the annotation that tells an attestation from a signature.
                let manifest = self.manifest(referrer["digest"].as_str().unwrap()).replace("predicateType", "lost");
                let layers = bundle_layers(manifest.as_bytes()).unwrap();
                found.extend(layers.iter().map(|layer| Attached::Bundle(self.blob(&layer.digest))));
            }
        }
        found
    }

    fn verdict(&self, version: &str, signer: &Signer, root: Option<&TrustRoot>) -> Verdict {
        let digest = self.digest(version).unwrap();
        verdict(signer, root, &digest, &self.attached(&digest))
    }
}
