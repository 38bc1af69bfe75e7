//! Any bytes: discover, edit, prove; and then check the promise without the proof's help.
//!
//! - Scanning never panics, and neither does editing.
//! - What is written is a text of as many references, each with the value it was to have, and the bytes between the
//!   scalars that were set are those that stood there.
//! - What is not written has a reason that is not a doubt about our own work: neither [`EditError::Unproven`] nor, for the
//!   very bytes that were scanned, [`EditError::Stale`].
//! - Each scalar of the text, whatever it is, can be set alone or is refused in the same way.
//!
//! The rooms are taken in by path: with sanitizers, a Git and an HTTP library would take longer to build than to fuzz.
#![no_main]
#![expect(dead_code, unused_imports, reason = "the rooms hold more than is fuzzed here")]

#[path = "../../src/edit/mod.rs"]
mod edit;
#[path = "../../src/image/mod.rs"]
mod image;
#[path = "../paths.rs"]
mod paths;
#[path = "../../tests/support/scalar.rs"]
mod scalar;
#[path = "../../src/site/mod.rs"]
mod site;
#[path = "../../src/text.rs"]
mod text;
#[path = "../../src/yaml/mod.rs"]
mod yaml;

use edit::{Edit, EditError, Target, apply};
use image::{Digest, Tag};
use libfuzzer_sys::fuzz_target;
use paths::PATHS;
use scalar::single;
use site::{Document, Part, Reference, Scan, Setting, Shape, Slot, scan};
use text::Span;

/// More of one file would only repeat the work.
const MAX_EDITS: usize = 12;
const TAGS: [&str; 4] = ["v99", "1.10", "2024-01-15", "0x1f"];

fuzz_target!(|bytes: &[u8]| {
    let path = PATHS[bytes.len() % PATHS.len()];
    let found = scan(path, bytes);
    for (at, reference) in found.references.iter().take(MAX_EDITS).enumerate() {
        let tag = Tag::parse(TAGS[(at + bytes.len()) % TAGS.len()]).ok();
        let digest = Digest::parse(&format!("sha256:{}", "0c".repeat(32))).ok();
        for (tag, digest) in [(tag.clone(), None), (tag, digest.clone()), (None, digest)] {
            set_alone(path, bytes, &found, reference, tag, digest);
        }
    }
    if let Ok(text) = yaml::text(bytes) {
        each_scalar(text);
    }
});

fn set_alone(path: &str, bytes: &[u8], found: &Scan, reference: &Reference, tag: Option<Tag>, digest: Option<Digest>) {
    let name = reference.name.is_none().then(|| "ghcr.io/acme/web".to_owned());
    let to = Target { name, tag, digest };
    let edited = match apply(bytes, &[Edit { reference, to: to.clone() }]) {
        Ok(edited) => edited,
        Err(why @ (EditError::Unproven(_) | EditError::Stale { .. })) => {
            panic!("{why}: {:?}", String::from_utf8_lossy(bytes))
        }
        Err(_) => return,
    };
    let after = scan(path, &edited.bytes);
    let text = String::from_utf8_lossy(&edited.bytes);
    assert_eq!(after.references.len(), found.references.len(), "{text:?}");
    assert_eq!(after.notes.len(), found.notes.len(), "{text:?}");
    assert_eq!(after.skipped.is_some(), found.skipped.is_some(), "{text:?}");
    let at = found.references.iter().position(|other| other == reference).unwrap();
    assert_eq!(after.references[at].tag.as_deref(), to.tag.as_ref().map(Tag::as_str), "{text:?}");
    assert_eq!(after.references[at].digest, to.digest, "{text:?}");
    let parts = |reference: &Reference| reference.slots.iter().map(|slot| slot.part).collect::<Vec<_>>();
    if parts(reference) == parts(&after.references[at]) {
        assert_eq!(outside(bytes, reference), outside(&edited.bytes, &after.references[at]), "{text:?}");
    }
}

/// The bytes round the reference's scalars.
fn outside<'b>(bytes: &'b [u8], reference: &Reference) -> Vec<&'b [u8]> {
    let mut parts = Vec::new();
    let mut at = 0;
    for slot in &reference.slots {
        parts.push(&bytes[at..slot.span.start]);
        at = slot.span.end;
    }
    parts.push(&bytes[at..]);
    parts
}

/// The scalars of the documents that can be read to their end.
fn each_scalar(text: &str) {
    let documents = yaml::documents(text).into_iter();
    let read = documents.filter_map(|piece| yaml::Events::new(text, piece).collect::<Result<Vec<_>, _>>().ok());
    let scalars = read.flatten().filter_map(|event| match event.kind {
        yaml::Kind::Scalar { value, .. } => Some((event.span, value.into_owned())),
        _ => None,
    });
    for (span, value) in scalars.take(MAX_EDITS) {
        if value.contains('@') {
            continue;
        }
        let reference = single(span, &value);
        let to = Target { tag: Some(Tag::parse(TAGS[value.len() % TAGS.len()]).unwrap()), ..Target::default() };
        match apply(text.as_bytes(), &[Edit { reference: &reference, to }]) {
            Ok(edited) => assert!(edited.bytes.starts_with(&text.as_bytes()[..span.start]), "{text:?}"),
            Err(why @ (EditError::Unproven(_) | EditError::Stale { .. })) => panic!("{why}: {span:?} {text:?}"),
            Err(_) => {}
        }
    }
}
