//! Keyless: what cosign signs with a certificate of a private authority, what the public one signed, and every proof in turn
//! missing or false.

use super::*;
use landwaiter::signature::{InvalidTrustRoot, MAX_TRUST_ROOT_BYTES};

#[test]
fn what_cosign_signs_keyless_counts_for_its_identity() {
    let recorded = Recorded::load();
    let root = root("trusted_root.json");
    for version in ["1.5.0", "1.6.0"] {
        let check = |issuer: &str, subject| recorded.verdict(version, &keyless(issuer, subject), Some(&root));
        assert_eq!(check(ISSUER, exact(SUBJECT)), Verdict::Signed, "{version}");
        let any_branch = r"https://git\.example\.com/acme/web/.*@refs/heads/.+";
        assert_eq!(check(ISSUER, matching(any_branch)), Verdict::Signed, "{version}");
        refused(check(ISSUER, exact("https://git.example.com/acme/web")), &format!("made by {SUBJECT} of {ISSUER}"));
        // A pattern must match the whole subject, a text is no pattern, and an alternative does not end the anchors.
        refused(check(ISSUER, matching("https://git.example.com/acme/web")), "made by");
        refused(check(ISSUER, matching("release.yaml@refs/heads/main")), "made by");
        refused(check(ISSUER, matching("x|https://git.example.com/.*web")), "made by");
        refused(check(ISSUER, exact("https://git.example.com/.*")), "made by");
        refused(check("https://login.example.org", exact(SUBJECT)), &format!("made by somebody of {ISSUER}"));
        refused(check("https://login.example.com/", exact(SUBJECT)), "made by somebody");
    }
}

#[test]
fn only_the_trust_root_says_whom_to_believe() {
    let recorded = Recorded::load();
    let signer = keyless(ISSUER, exact(SUBJECT));
    assert!(Checker::new(&signer, None).is_none(), "without one nothing can be said");
    for name in ["trusted_root-foreign.json", "public/trusted_root.json"] {
        let root = root(name);
        for version in ["1.5.0", "1.6.0"] {
            assert_ne!(recorded.verdict(version, &signer, Some(&root)), Verdict::Signed, "{version} by {name}");
        }
    }
    // One without certificate logs asks for no receipts.
    let root = root("trusted_root-without-certificate-logs.json");
    assert_eq!(recorded.verdict("1.5.0", &signer, Some(&root)), Verdict::Signed);
    assert_eq!(recorded.verdict("1.6.0", &signer, Some(&root)), Verdict::Signed);
    // A signature by key has no certificate.
    for version in ["1.0.0", "1.7.0"] {
        refused(recorded.verdict(version, &signer, Some(&root)), "a keyless one is asked for");
    }
}

#[test]
fn every_proof_is_asked_for() {
    let made = json("by-hand.json");
    let digest = Digest::parse(made["digest"].as_str().unwrap()).unwrap();
    let root = root("trusted_root.json");
    let signer = keyless(ISSUER, exact(SUBJECT));
    let cases = made["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 18);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let attached = simple(case);
        let verdict = verdict(&signer, Some(&root), &digest, &[attached]);
        match case["refused"].as_str() {
            None => assert_eq!(verdict, Verdict::Signed, "{name}"),
            Some(words) => refused(verdict, words),
        }
    }
}

#[test]
fn receipts_are_not_asked_for_where_no_certificate_log_is_known() {
    let made = json("by-hand.json");
    let digest = Digest::parse(made["digest"].as_str().unwrap()).unwrap();
    let root = root("trusted_root-without-certificate-logs.json");
    let case = made["cases"].as_array().unwrap().iter().find(|case| case["name"] == "no receipt of a certificate log");
    let signer = keyless(ISSUER, exact(SUBJECT));
    assert_eq!(verdict(&signer, Some(&root), &digest, &[simple(case.unwrap())]), Verdict::Signed);
}

fn simple(case: &Value) -> Attached {
    let annotations = serde_json::from_value(case["annotations"].clone()).unwrap();
    Attached::Simple { payload: case["payload"].as_str().unwrap().as_bytes().to_vec(), annotations }
}

#[test]
fn no_byte_of_a_keyless_signature_can_be_changed() {
    let recorded = Recorded::load();
    let root = root("trusted_root.json");
    let signer = keyless(ISSUER, exact(SUBJECT));
    let digest = recorded.digest("1.6.0").unwrap();
    let attached = recorded.attached(&digest);
    let [Attached::Bundle(bytes)] = attached.as_slice() else {
        panic!("the newer form");
    };
    assert_eq!(verdict(&signer, Some(&root), &digest, &[Attached::Bundle(bytes.clone())]), Verdict::Signed);
    let bundle: Value = serde_json::from_slice(bytes).unwrap();
    for part in [
        "/verificationMaterial/certificate/rawBytes",
        "/verificationMaterial/tlogEntries/0/inclusionProof/rootHash",
        "/verificationMaterial/tlogEntries/0/inclusionProof/checkpoint/envelope",
        "/verificationMaterial/tlogEntries/0/inclusionPromise/signedEntryTimestamp",
        "/verificationMaterial/tlogEntries/0/integratedTime",
        "/verificationMaterial/tlogEntries/0/canonicalizedBody",
        "/verificationMaterial/tlogEntries/0/logId/keyId",
        "/dsseEnvelope/payload",
        "/dsseEnvelope/signatures/0/sig",
    ] {
        let text = bundle.pointer(part).unwrap_or_else(|| panic!("no {part}")).as_str().unwrap();
        let at = text.len() / 2;
        let other = if &text[at..=at] == "1" { "2" } else { "1" };
        let mut changed = bundle.clone();
        *changed.pointer_mut(part).unwrap() = format!("{}{other}{}", &text[..at], &text[at + 1..]).into();
        let attached = Attached::Bundle(changed.to_string().into_bytes());
        assert_ne!(verdict(&signer, Some(&root), &digest, &[attached]), Verdict::Signed, "{part}");
    }
    for part in ["tlogEntries", "certificate"] {
        let mut changed = bundle.clone();
        changed["verificationMaterial"].as_object_mut().unwrap().remove(part);
        let attached = Attached::Bundle(changed.to_string().into_bytes());
        assert_ne!(verdict(&signer, Some(&root), &digest, &[attached]), Verdict::Signed, "without {part}");
    }
}

#[test]
fn the_public_sigstore_is_believed_with_its_own_root() {
    let public = root("public/trusted_root.json");
    let bundle = json("public/wheel.sigstore.json");
    let digest = bundle["messageSignature"]["messageDigest"]["digest"].as_str().unwrap();
    let digest = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, digest).unwrap();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let digest = Digest::parse(&format!("sha256:{hex}")).unwrap();
    let attached = [Attached::Bundle(bundle.to_string().into_bytes())];
    let check = |root, digest: &Digest, issuer: &str, subject| {
        verdict(&keyless(issuer, subject), Some(root), digest, &attached)
    };
    let issuer = "https://token.actions.githubusercontent.com";
    let subject = "https://github.com/trailofbits/rfc8785.py/.github/workflows/release.yml@refs/tags/v0.1.2";
    assert_eq!(check(&public, &digest, issuer, exact(subject)), Verdict::Signed);
    let any_tag = r"https://github\.com/trailofbits/rfc8785\.py/.*@refs/tags/v[0-9.]+";
    assert_eq!(check(&public, &digest, issuer, matching(any_tag)), Verdict::Signed);
    refused(
        check(&public, &digest, issuer, exact("https://github.com/trailofbits")),
        "made by https://github.com/trailofbits",
    );
    refused(check(&public, &digest, ISSUER, exact(subject)), "made by somebody of https://token.actions");
    let another = digest_of(b"another");
    assert_ne!(check(&public, &another, issuer, exact(subject)), Verdict::Signed);
    let private = root("trusted_root.json");
    assert_ne!(check(&private, &digest, issuer, exact(subject)), Verdict::Signed);
}

#[test]
fn what_is_no_trust_root_is_refused_by_name() {
    let text = file("trusted_root.json");
    let without = |part: &str| {
        let mut root: Value = serde_json::from_str(&text).unwrap();
        root[part] = serde_json::json!([]);
        TrustRoot::parse(&root.to_string()).map(|_| ())
    };
    assert_eq!(without("certificateAuthorities"), Err(InvalidTrustRoot::NoAuthority));
    assert_eq!(without("tlogs"), Err(InvalidTrustRoot::NoLog));
    assert_eq!(without("ctlogs"), Ok(()));
    for bad in ["", "{}", "[]", "-----BEGIN CERTIFICATE-----"] {
        assert!(TrustRoot::parse(bad).is_err(), "{bad:?}");
    }
    let damaged = text.replacen("MIIB", "AAAA", 1);
    assert!(damaged == text || matches!(TrustRoot::parse(&damaged), Err(InvalidTrustRoot::Unreadable(_))));
    let padded = |bytes: usize| TrustRoot::parse(&format!("{text}{}", " ".repeat(bytes - text.len())));
    assert!(padded(MAX_TRUST_ROOT_BYTES).is_ok());
    assert!(matches!(padded(MAX_TRUST_ROOT_BYTES + 1), Err(InvalidTrustRoot::TooLong)));
}
