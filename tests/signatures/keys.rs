//! Key pairs: cosign's signatures of images by every kind of key, in both forms.

use super::*;
use landwaiter::signature::{InvalidKey, MAX_KEY_BYTES};

#[test]
fn what_cosign_signs_counts_for_its_key_and_for_no_other() {
    let recorded = Recorded::load();
    for (version, signed_by) in [
        ("1.0.0", "approved"),
        ("1.1.0", "p384"),
        ("1.2.0", "ed25519"),
        ("1.3.0", "rsa"),
        ("1.4.0", "approved"),
        ("1.7.0", "approved"),
        ("1.8.0", "approved"),
        ("2.1.0", "other"),
    ] {
        for name in ["approved", "p384", "ed25519", "rsa", "other"] {
            let verdict = recorded.verdict(version, &by_key(name), None);
            match name == signed_by {
                true => assert_eq!(verdict, Verdict::Signed, "{version} by {name}"),
                false => refused(verdict, "another key"),
            }
        }
    }
}

#[test]
fn one_key_of_several_and_one_signature_of_several_are_enough() {
    let recorded = Recorded::load();
    let any = Signer::Keys(["other", "rsa", "approved"].map(key).to_vec());
    assert_eq!(recorded.verdict("1.0.0", &any, None), Verdict::Signed);
    let digest = recorded.digest("2.2.0").unwrap();
    assert_eq!(recorded.attached(&digest).len(), 2);
    for name in ["approved", "other"] {
        assert_eq!(recorded.verdict("2.2.0", &by_key(name), None), Verdict::Signed, "{name}");
    }
    refused(
        recorded.verdict("2.2.0", &by_key("rsa"), None),
        "none of its 2 signatures counts: it was made by another key",
    );
}

#[test]
fn without_a_signature_nothing_counts() {
    let recorded = Recorded::load();
    refused(recorded.verdict("2.0.0", &by_key("approved"), None), "no signature is attached");
    // An attestation by the right key says something else.
    refused(recorded.verdict("1.9.0", &by_key("approved"), None), "an attestation (https://example.com/checked)");
    // A keyless signature is none of a key.
    refused(recorded.verdict("1.5.0", &by_key("approved"), None), "another key");
    refused(recorded.verdict("1.6.0", &by_key("approved"), None), "another key");
}

#[test]
fn a_signature_counts_for_its_image_only() {
    let recorded = Recorded::load();
    for version in ["1.0.0", "1.7.0"] {
        let attached = recorded.attached(&recorded.digest(version).unwrap());
        let another = recorded.digest("2.0.0").unwrap();
        refused(verdict(&by_key("approved"), None, &another, &attached), "of another image");
    }
    // The index is signed, not the image of one platform.
    let index = recorded.digest("1.4.0").unwrap();
    let attached = recorded.attached(&index);
    let amd64 = recorded.digest("1.4.0-amd64").unwrap();
    refused(verdict(&by_key("approved"), None, &amd64, &attached), "of another image");
}

#[test]
fn a_changed_byte_is_noticed_wherever_it_is() {
    let recorded = Recorded::load();
    let digest = recorded.digest("1.0.0").unwrap();
    let attached = recorded.attached(&digest);
    let [Attached::Simple { payload, annotations }] = attached.as_slice() else {
        panic!("the older form");
    };
    for at in 0..payload.len() {
        let mut payload = payload.clone();
        payload[at] ^= 1;
        let changed = Attached::Simple { payload, annotations: annotations.clone() };
        assert_ne!(verdict(&by_key("approved"), None, &digest, &[changed]), Verdict::Signed, "byte {at}");
    }
    let name = "dev.cosignproject.cosign/signature";
    for signature in ["", "AAAA", "not base64", "MAYCAQACAQA="] {
        let mut annotations = annotations.clone();
        annotations.insert(name.to_owned(), signature.to_owned());
        let changed = Attached::Simple { payload: payload.clone(), annotations };
        assert_ne!(verdict(&by_key("approved"), None, &digest, &[changed]), Verdict::Signed, "{signature:?}");
    }
}

#[test]
fn plain_ed25519_counts_as_older_tools_made_it() {
    use ring::signature::{Ed25519KeyPair, KeyPair};
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let spki = [&[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0], pair.public_key().as_ref()].concat();
    let base64 = |bytes: &[u8]| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", base64(&spki));
    let signer = Signer::Keys(vec![PublicKey::parse(&pem).unwrap()]);
    let digest = digest_of(b"an image");
    let payload = format!(r#"{{"critical":{{"image":{{"docker-manifest-digest":"{digest}"}}}}}}"#).into_bytes();
    let signature = base64(pair.sign(&payload).as_ref());
    let annotations = [("dev.cosignproject.cosign/signature".to_owned(), signature)].into();
    let attached = [Attached::Simple { payload, annotations }];
    assert_eq!(verdict(&signer, None, &digest, &attached), Verdict::Signed);
    refused(verdict(&by_key("ed25519"), None, &digest, &attached), "another key");
}

#[test]
fn what_is_no_public_key_is_refused_by_name() {
    let good = file("keys/approved.pub");
    assert_eq!(PublicKey::parse(&good), PublicKey::parse(&format!("\n{good}\n\n")));
    assert!(PublicKey::parse(&good).unwrap().to_string().starts_with("key "));
    for (text, wanted) in [
        (String::new(), InvalidKey::NotPem),
        ("ssh-ed25519 AAAA".to_owned(), InvalidKey::NotPem),
        (format!("{good}{good}"), InvalidKey::NotPem),
        (good.replace("PUBLIC KEY", "CERTIFICATE"), InvalidKey::NotPem),
        (good.replace("PUBLIC KEY", "ENCRYPTED SIGSTORE PRIVATE KEY"), InvalidKey::Private),
        (format!("{good}{}", " ".repeat(MAX_KEY_BYTES)), InvalidKey::TooLong),
    ] {
        assert_eq!(PublicKey::parse(&text), Err(wanted), "{text}");
    }
    assert!(PublicKey::parse(&format!("{good}{}", " ".repeat(MAX_KEY_BYTES - good.len()))).is_ok());
    // secp256k1, and an RSA key of 1,024 bits, which is too short to be believed.
    for (name, words) in [("secp256k1", "curve"), ("rsa-1024", "1024 bits")] {
        let text = file(&format!("keys/unusable/{name}.pub"));
        match PublicKey::parse(&text) {
            Err(InvalidKey::Unsupported(why)) => assert!(why.contains(words), "{why}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever lies in a registry: an answer, never a panic, and never that it counts.
        #[test]
        fn no_bytes_count_by_accident(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in ".{0,80}") {
            let digest = digest_of(b"an image");
            let names = ["dev.cosignproject.cosign/signature", "dev.sigstore.cosign/certificate", "dev.sigstore.cosign/bundle"];
            let annotations: std::collections::BTreeMap<String, String> =
                names.iter().map(|name| ((*name).to_owned(), text.clone())).collect();
            let payload = format!(r#"{{"critical":{{"image":{{"docker-manifest-digest":"{digest}"}}}}}}"#).into_bytes();
            let attached = [
                Attached::Bundle(bytes.clone()),
                Attached::Simple { payload: bytes, annotations: annotations.clone() },
                Attached::Simple { payload, annotations },
            ];
            let root = root("trusted_root.json");
            for signer in [by_key("approved"), keyless(ISSUER, matching(".*"))] {
                prop_assert!(matches!(verdict(&signer, Some(&root), &digest, &attached), Verdict::Unsigned(_)));
            }
        }
    }
}
