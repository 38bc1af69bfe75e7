//! Signed images end to end: the recorded repository of `tests/fixtures/signatures` behind a registry, and what the program
//! writes of it.

use crate::world::{Said, World};
use serde_json::Value;
use std::path::PathBuf;

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/signatures")
}

/// A pod at 0.9.0, below everything that was recorded.
fn world(policy: &str) -> World {
    let world = World::new();
    let recorded = std::fs::read_to_string(fixtures().join("repository.json")).unwrap();
    let recorded: Value = serde_json::from_str(&recorded).unwrap();
    for text in recorded["blobs"].as_object().unwrap().values() {
        world.registry.put_blob(text.as_str().unwrap().as_bytes()).unwrap();
    }
    let put = |reference: &str, digest: &str| {
        let manifest = &recorded["manifests"][digest];
        let (kind, text) = (manifest["mediaType"].as_str().unwrap(), manifest["text"].as_str().unwrap());
        let stored = world.registry.put_manifest("acme/web", reference, kind, text).unwrap();
        assert_eq!(stored.as_str(), digest, "byte for byte");
    };
    recorded["manifests"].as_object().unwrap().keys().for_each(|digest| put(digest, digest));
    for (tag, digest) in recorded["tags"].as_object().unwrap() {
        put(tag, digest.as_str().unwrap());
    }
    world.push("acme/web", &["0.9.0"]);
    let policies = format!(
        "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n- name: web\n  images: [reg.example.com/acme/web]\n{policy}"
    );
    world.write("landwaiter.yaml", &policies);
    world.write("web.yaml", &pod("0.9.0"));
    world
}

fn pod(tag: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: reg.example.com/acme/web:{tag}\n")
}

/// A policy that demands a signature by a recorded key.
fn by_key(range: &str) -> String {
    let key = std::fs::read_to_string(fixtures().join("keys/approved.pub")).unwrap().replace('\n', "\n        ");
    format!(
        "  select: {{semver: '{range}'}}\n  pin: tag+digest\n  require:\n    signature:\n      key: |\n        {}\n",
        key.trim_end()
    )
}

fn keyless(range: &str, subject: &str) -> String {
    format!(
        "  select: {{semver: '{range}'}}\n  pin: tag+digest\n  require:\n    signature:\n      keyless:\n        \
         issuer: https://login.example.com\n        {subject}\n"
    )
}

const SUBJECT: &str = "subject: https://git.example.com/acme/web/.workflows/release.yaml@refs/heads/main";

/// What the file says after an update.
fn updated(world: &World, arguments: &[&str]) -> (Said, String) {
    let said = world.landwaiter(&[&["update", "--worktree"], arguments].concat());
    let text = world.read("web.yaml");
    let image = text.rsplit_once("acme/web:").unwrap().1.trim_end().to_owned();
    (said, image)
}

fn recorded_digest(tag: &str) -> String {
    let recorded = std::fs::read_to_string(fixtures().join("repository.json")).unwrap();
    let recorded: Value = serde_json::from_str(&recorded).unwrap();
    recorded["tags"][tag].as_str().unwrap().to_owned()
}

#[test]
fn the_best_signed_image_is_written_with_the_digest_that_was_verified() {
    for (range, wanted) in [("*", "2.2.0"), ("<2.2", "1.8.0"), ("<1.8", "1.7.0"), ("<1.7", "1.4.0")] {
        let world = world(&by_key(range));
        let (said, image) = updated(&world, &[]);
        assert_eq!((said.status, image), (0, format!("{wanted}@{}", recorded_digest(wanted))), "{range}: {}", said.err);
        assert!(world.landwaiter(&["update", "--worktree"]).out.contains("Nothing to write."));
    }
}

#[test]
fn explain_says_why_the_others_do_not_count() {
    let world = world(&by_key("<2.2"));
    let said = world.landwaiter(&["explain", "web.yaml:5", "--format", "json"]);
    let explained: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(explained["chosen"], "1.8.0");
    let passed = |tag: &str| {
        let all = explained["passedOver"].as_array().unwrap();
        let one = all.iter().find(|one| one["tag"] == tag).unwrap();
        format!("{}: {}", one["reason"].as_str().unwrap(), one["detail"].as_str().unwrap())
    };
    assert_eq!(passed("2.1.0"), "unsigned: its signature does not count: it was made by another key");
    assert_eq!(passed("2.0.0"), "unsigned: no signature is attached to it");
    // Its attestation says of itself that it is one.
    assert_eq!(passed("1.9.0"), "unsigned: no signature is attached to it");
    assert_eq!(passed("1.7.0"), "superseded: 1.8.0 is better");
}

#[test]
fn keyless_needs_the_operators_trust_root() {
    for (range, wanted) in [("<1.7", "1.6.0"), ("<1.6", "1.5.0")] {
        for subject in [SUBJECT, r"subjectMatch: 'https://git\.example\.com/acme/.*@refs/heads/main'"] {
            let world = world(&keyless(range, subject));
            let (said, image) = updated(&world, &[]);
            assert_eq!((said.status, image.as_str()), (4, "0.9.0"), "held: {}", said.out);
            let why = "incomplete-information";
            assert!(said.out.contains(why) && said.out.contains("signatures: {trustRootFile: ...}"), "{}", said.out);

            let settings = world.folder.path().join("settings.yaml");
            let trusting = |root: &str| {
                let root = fixtures().join(root);
                let text = format!("signatures: {{trustRootFile: {}}}\n", root.display());
                std::fs::write(&settings, format!("apiVersion: landwaiter/v1\nkind: Settings\n{text}")).unwrap();
            };
            let settings = settings.to_string_lossy().into_owned();
            trusting("trusted_root-foreign.json");
            let (said, image) = updated(&world, &["--config", &settings]);
            assert_eq!((said.status, image.as_str()), (0, "0.9.0"), "{}", said.out);
            assert!(!said.out.contains(why), "{}", said.out);

            trusting("trusted_root.json");
            let (said, image) = updated(&world, &["--config", &settings]);
            assert_eq!((said.status, image), (0, format!("{wanted}@{}", recorded_digest(wanted))), "{}", said.err);
        }
    }
}

#[test]
fn a_trust_root_that_cannot_be_used_ends_the_command() {
    let world = world(&keyless("*", SUBJECT));
    let settings = world.folder.path().join("settings.yaml");
    std::fs::write(world.folder.path().join("root.json"), "{}").unwrap();
    let text = "apiVersion: landwaiter/v1\nkind: Settings\nsignatures: {trustRootFile: root.json}\n";
    std::fs::write(&settings, text).unwrap();
    let (said, image) = updated(&world, &["--config", &settings.to_string_lossy()]);
    assert_eq!((said.status, image.as_str()), (1, "0.9.0"));
    assert!(said.err.contains("trustRootFile") && said.err.contains("root.json"), "{}", said.err);
}

#[test]
fn a_tag_that_stays_gets_no_digest_that_nobody_signed() {
    for (tag, held) in [("2.0.0", true), ("1.0.0", false)] {
        let world = world(&by_key(&format!("={tag}")));
        world.write("web.yaml", &pod(tag));
        let (said, image) = updated(&world, &[]);
        assert_eq!(said.status, 0, "{}", said.err);
        match held {
            true => {
                assert_eq!(image, tag);
                assert!(said.out.contains("unsigned"), "{}", said.out);
            }
            false => assert_eq!(image, format!("{tag}@{}", recorded_digest(tag))),
        }
    }
}

#[test]
fn check_warns_where_only_the_tag_is_written() {
    let world = world(&by_key("*").replace("  pin: tag+digest\n", ""));
    let said = world.landwaiter(&["check"]);
    assert!(said.err.contains("what is verified is a digest") && said.err.contains("pin: tag+digest"), "{}", said.err);
    let (_, image) = updated(&world, &[]);
    assert_eq!(image, "2.2.0");
}
