//! Fetching from a registry that holds what it was given and fails where it is told to.

use super::*;
use crate::image::ImageMetadata;
use crate::signature::PublicKey;
use base64::Engine as _;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::Mutex;

const TAG: &str = "1.0.0";

fn digest_of(bytes: &[u8]) -> Digest {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Digest::parse(&format!("sha256:{hex}")).unwrap()
}

/// Holds what it was given, and fails where it is told to. Everything it was asked is written down.
#[derive(Default)]
struct Shelf {
    tags: BTreeMap<String, Digest>,
    content: BTreeMap<String, Vec<u8>>,
    referrers: Vec<Referrer>,
    failing: &'static str,
    asked: Mutex<Vec<String>>,
}

impl Shelf {
    fn put(&mut self, tag: Option<&str>, bytes: Vec<u8>) -> Digest {
        let digest = digest_of(&bytes);
        self.content.insert(digest.to_string(), bytes);
        tag.map(|tag| self.tags.insert(tag.to_owned(), digest.clone()));
        digest
    }

    fn ask<T>(&self, what: &str, answer: Option<T>) -> BoxFuture<'_, Result<T, RegistryError>>
    where
        T: Send + 'static,
    {
        self.asked.lock().unwrap().push(what.to_owned());
        let fails = !self.failing.is_empty() && what.starts_with(self.failing);
        let kind = if fails { RegistryErrorKind::TimedOut } else { RegistryErrorKind::NotFound };
        let error = RegistryError { host: "reg.example.com".to_owned(), kind, detail: String::new() };
        futures::future::ready(answer.filter(|_| !fails).ok_or(error)).boxed()
    }
}

impl Registry for Shelf {
    fn tags<'a>(&'a self, _: &'a Repository) -> BoxFuture<'a, Result<Vec<String>, RegistryError>> {
        self.ask("tags", None)
    }

    fn digest<'a>(&'a self, _: &'a Repository, tag: &'a Tag) -> BoxFuture<'a, Result<Digest, RegistryError>> {
        let what = if tag.as_str() == TAG { "image" } else { "signatures" };
        self.ask(what, self.tags.get(tag.as_str()).cloned())
    }

    fn metadata<'a>(&'a self, _: &'a Repository, _: &'a Tag) -> BoxFuture<'a, Result<ImageMetadata, RegistryError>> {
        self.ask("metadata", None)
    }

    fn referrers<'a>(
        &'a self,
        _: &'a Repository,
        _: &'a Digest,
    ) -> BoxFuture<'a, Result<Vec<Referrer>, RegistryError>> {
        self.ask("referrers", Some(self.referrers.clone()))
    }

    fn manifest<'a>(&'a self, _: &'a Repository, digest: &'a Digest) -> BoxFuture<'a, Result<Vec<u8>, RegistryError>> {
        self.ask("manifest", self.content.get(digest.as_str()).cloned())
    }

    fn blob<'a>(
        &'a self,
        _: &'a Repository,
        digest: &'a Digest,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<u8>, RegistryError>> {
        self.ask(&format!("blob of at most {limit}"), self.content.get(digest.as_str()).cloned())
    }

    fn requests(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }
}

fn pair() -> (ring::signature::Ed25519KeyPair, Signer) {
    use ring::signature::KeyPair as _;
    let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap();
    let spki = [&[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0], pair.public_key().as_ref()].concat();
    let pem = base64::engine::general_purpose::STANDARD.encode(spki);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{pem}\n-----END PUBLIC KEY-----\n");
    (pair, Signer::Keys(vec![PublicKey::parse(&pem).unwrap()]))
}

/// An image with this many signatures in the older form, the last of which counts.
fn signed(count: usize) -> Shelf {
    let mut shelf = Shelf::default();
    let image = shelf.put(Some(TAG), b"an image".to_vec());
    let text = format!(r#"{{"critical":{{"image":{{"docker-manifest-digest":"{image}"}}}}}}"#).into_bytes();
    let payload = shelf.put(None, text.clone());
    let right = base64::engine::general_purpose::STANDARD.encode(pair().0.sign(&text).as_ref());
    let layer = |last: bool| {
        let signature = if last { right.as_str() } else { "AAAA" };
        json!({
            "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json", "digest": payload.as_str(), "size": text.len(),
            "annotations": {"dev.cosignproject.cosign/signature": signature},
        })
    };
    let layers: Vec<_> = (1..=count).map(|number| layer(number == count)).collect();
    let tag = signature::tag(&image).unwrap();
    shelf.put(Some(tag.as_str()), json!({"layers": layers}).to_string().into_bytes());
    shelf
}

fn ask(shelf: &Shelf, known: Option<&Result<Digest, String>>) -> Result<(Digest, Verdict), String> {
    let repository = Repository::parse("reg.example.com/acme/web").unwrap();
    let (tag, signer) = (Tag::parse(TAG).unwrap(), pair().1);
    let asked = verdict(shelf, None, &repository, &tag, &signer, known);
    asked.now_or_never().expect("nothing here waits")
}

#[test]
fn the_older_form_is_asked_for_first_and_the_newer_one_only_when_it_does_not_do() {
    let shelf = signed(1);
    assert_eq!(ask(&shelf, None), Ok((digest_of(b"an image"), Verdict::Signed)));
    let blob = format!("blob of at most {MAX_PAYLOAD_BYTES}");
    assert_eq!(*shelf.asked.lock().unwrap(), ["image", "signatures", "manifest", blob.as_str()]);
    let mut shelf = Shelf::default();
    shelf.put(Some(TAG), b"an image".to_vec());
    assert!(matches!(ask(&shelf, None), Ok((_, Verdict::Unsigned(_)))));
    assert_eq!(*shelf.asked.lock().unwrap(), ["image", "signatures", "referrers"]);
}

#[test]
fn the_digest_that_the_run_knows_is_the_one_that_is_judged() {
    let mut shelf = signed(1);
    let known = Ok(digest_of(b"an image"));
    shelf.put(Some(TAG), b"the tag moved".to_vec());
    assert_eq!(ask(&shelf, Some(&known)), Ok((digest_of(b"an image"), Verdict::Signed)));
    assert!(matches!(ask(&shelf, None), Ok((_, Verdict::Unsigned(_)))));
    assert_eq!(ask(&shelf, Some(&Err("no answer".to_owned()))), Err("no answer".to_owned()));
}

#[test]
fn what_cannot_be_fetched_is_never_taken_for_missing() {
    for failing in ["image", "signatures", "manifest", "blob"] {
        let shelf = Shelf { failing, ..signed(1) };
        assert!(ask(&shelf, None).unwrap_err().contains("did not answer in time"), "{failing}");
    }
    let mut unsigned = Shelf { failing: "referrers", ..Shelf::default() };
    unsigned.put(Some(TAG), b"an image".to_vec());
    assert!(ask(&unsigned, None).unwrap_err().contains("its signatures could not be read"));
    // A list that names what is not there is no answer either.
    let mut torn = signed(1);
    torn.content.retain(|_, bytes| !bytes.starts_with(b"{\"critical"));
    assert!(ask(&torn, None).is_err());
}

#[test]
fn more_signatures_than_the_limit_are_not_looked_at() {
    assert_eq!(ask(&signed(MAX_SIGNATURES), None).map(|(_, verdict)| verdict), Ok(Verdict::Signed));
    let shelf = signed(MAX_SIGNATURES + 1);
    assert!(ask(&shelf, None).unwrap_err().contains("more than 32 signatures"));
    assert_eq!(*shelf.asked.lock().unwrap(), ["image", "signatures", "manifest"]);
}

#[test]
fn attestations_are_not_fetched() {
    let mut shelf = Shelf::default();
    shelf.put(Some(TAG), b"an image".to_vec());
    let provenance =
        BTreeMap::from([("dev.sigstore.bundle.predicateType".to_owned(), "https://slsa.dev/provenance/v1".to_owned())]);
    let referrer = |kind: Option<&str>, annotations: &BTreeMap<String, String>, digest: Digest| Referrer {
        digest,
        artifact_type: kind.map(str::to_owned),
        media_type: String::new(),
        size: 1,
        annotations: annotations.clone(),
    };
    let own =
        json!({"annotations": provenance, "layers": [{"mediaType": BUNDLE_TYPE, "digest": digest_of(b"?").as_str()}]});
    let own = shelf.put(None, own.to_string().into_bytes());
    shelf.referrers = vec![referrer(Some(EMPTY_TYPE), &BTreeMap::new(), own)];
    for _ in 0..2 * MAX_SIGNATURES {
        shelf.referrers.push(referrer(Some(BUNDLE_TYPE), &provenance, digest_of(b"large")));
        shelf.referrers.push(referrer(Some("application/spdx+json"), &BTreeMap::new(), digest_of(b"other")));
    }
    assert!(matches!(ask(&shelf, None), Ok((_, Verdict::Unsigned(_)))));
    assert_eq!(*shelf.asked.lock().unwrap(), ["image", "signatures", "referrers", "manifest"]);
}

#[test]
fn without_a_trust_root_nothing_is_asked_about_keyless_signatures() {
    let shelf = signed(1);
    let subject = signature::Subject::Exact("somebody@example.com".to_owned());
    let signer = Signer::Keyless(signature::Identity { issuer: "https://example.com".to_owned(), subject });
    let repository = Repository::parse("reg.example.com/acme/web").unwrap();
    let tag = Tag::parse(TAG).unwrap();
    let asked = verdict(&shelf, None, &repository, &tag, &signer, None).now_or_never().unwrap();
    assert_eq!(asked.unwrap_err(), NO_TRUST_ROOT);
    assert!(shelf.asked.lock().unwrap().is_empty());
}
