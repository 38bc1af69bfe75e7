//! Whatever the file: scanning never panics, an edit changes the values and no other byte, and what cannot be proven is
//! never written. Generated files, good ones and odd ones.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files and may panic")]

#[path = "../fuzz/paths.rs"]
mod paths;
#[path = "support/scalar.rs"]
mod scalar;

use landwaiter::edit::{Edit, EditError, Target, apply, plan_action};
use landwaiter::image::{Digest, Tag};
use landwaiter::site::{Document, MAX_REFERENCES, Part, Reference, Scan, Setting, Shape, SkipReason, Slot, scan};
use landwaiter::text::Span;
use landwaiter::yaml;
use paths::PATHS;
use proptest::prelude::*;
use scalar::single;
use std::path::Path;

/// The state of a reference after its tag is set: a digest that stands is kept.
fn tagged(reference: &Reference, tag: &str) -> Target {
    Target {
        name: reference.name.is_none().then(|| "ghcr.io/acme/web".to_owned()),
        tag: Some(Tag::parse(tag).unwrap()),
        digest: reference.digest.clone(),
    }
}

/// A scalar with an image in some style, a comment, and odd neighbours.
fn pieces() -> impl Strategy<Value = String> {
    let image = prop::sample::select(vec!["nginx:v1", "ghcr.io/acme/web:1.2.3", "localhost:5000/a/b:v9"]);
    let style =
        prop::sample::select(vec!["@", "'@'", "\"@\"", "&x @", "!!str @", ">-\n      @", "|-\n      @", "\n      @"]);
    let comment = prop::sample::select(vec!["", " # x", "   # é # y", "\t# t"]);
    let beside = prop::sample::select(vec![
        "",
        "    args: [a,   'b']\n",
        "    env: {}\n",
        "    cmd: |\n      x  \n\n      y\n",
        "\n\n# é\n",
        "    n: 1.10 # q\n",
        "    \"ü\": \"\\u00e9\"\n",
        "    ? k\n    : v\n",
    ]);
    (image, style, comment, beside.clone(), beside).prop_map(|(image, style, comment, above, below)| {
        let comment = if style.contains('\n') { "" } else { comment };
        format!("  - name: x\n{above}    image: {}{comment}\n{below}", style.replace('@', image))
    })
}

fn files() -> impl Strategy<Value = String> {
    let document = prop::collection::vec(pieces(), 1..4)
        .prop_map(|pieces| format!("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n{}", pieces.concat()));
    let ends = prop::sample::select(vec!["\n", "\r\n"]);
    let start = prop::sample::select(vec!["", "\u{feff}", "---\n", "# licence\n---\n"]);
    (prop::collection::vec(document, 1..3), ends, start, any::<bool>()).prop_map(|(documents, end, start, trim)| {
        let text = format!("{start}{}", documents.join("--- # next\n"));
        let text = if trim { text.trim_end().to_owned() } else { text };
        text.replace('\n', end)
    })
}

proptest! {
    #[test]
    fn bytes_outside_the_values_stay_and_the_way_back_is_exact(text in files(), tag in "v[0-9]\\.[0-9]{1,3}|[0-9]\\.[0-9]{2}") {
        let before = scan("x.yaml", text.as_bytes());
        prop_assert!(before.skipped.is_none() && before.notes.is_empty());
        prop_assert!(!before.references.is_empty() && before.references.iter().all(|r| r.blocked.is_none()), "{:?}", before);
        let edits = before.references.iter().map(|r| Edit { reference: r, to: tagged(r, &tag) }).collect::<Vec<_>>();
        let edited = apply(text.as_bytes(), &edits).unwrap();
        let after = scan("x.yaml", &edited.bytes);
        prop_assert_eq!(after.references.len(), before.references.len());
        prop_assert_eq!(outside(text.as_bytes(), &before), outside(&edited.bytes, &after));
        for (was, is) in before.references.iter().zip(&after.references) {
            prop_assert_eq!(is.tag.as_deref(), Some(tag.as_str()));
            prop_assert_eq!((&is.path, &is.name, is.line), (&was.path, &was.name, was.line));
        }
        let back = before.references.iter().zip(&after.references).map(|(was, is)| Edit {
            reference: is,
            to: Target { name: None, tag: was.tag.as_deref().map(|tag| Tag::parse(tag).unwrap()), digest: None },
        }).collect::<Vec<_>>();
        prop_assert_eq!(apply(&edited.bytes, &back).unwrap().bytes, text.into_bytes());
    }

    #[test]
    fn no_bytes_make_the_scan_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = scan("kustomization.yaml", &bytes);
    }

    /// Odd files: good ones with odd words thrown in, most of them still YAML.
    #[test]
    fn in_odd_files_an_edit_is_proven_or_refused_for_a_known_reason(
        text in files(),
        words in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(WORDS)), 0..6)
    ) {
        let mut text = text;
        for (at, word) in words {
            let at = (0..=text.len()).rev().skip(at.index(text.len() + 1)).find(|at| text.is_char_boundary(*at)).unwrap();
            text.insert_str(at, word);
        }
        proven_or_refused("kustomization.yaml", &text)?;
    }

    #[test]
    fn in_files_of_odd_words_too(words in prop::collection::vec(prop::sample::select(WORDS), 0..40)) {
        proven_or_refused("kustomization.yaml", &words.concat())?;
    }
}

const POD: &str = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: nginx:v1\n";

/// Sets the tag of every reference that can be edited; what comes out, or that nothing could be done.
fn set_all(bytes: &[u8], tag: &str) -> Option<Vec<u8>> {
    let found = scan("x.yaml", bytes);
    let open = found.references.iter().filter(|reference| reference.blocked.is_none());
    let edits = open.map(|reference| Edit { reference, to: tagged(reference, tag) }).collect::<Vec<_>>();
    (!edits.is_empty()).then(|| apply(bytes, &edits).unwrap().bytes)
}

#[test]
fn bad_input_is_refused_with_its_reason() {
    let image = |rest: &str| [POD, rest].concat().into_bytes();
    let utf16 = POD.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let big = image(&"# image: x\n".repeat(100_000_000 / 11));
    let deep = |open: &str| image(&format!("x: {}", open.repeat(100_000)));
    for (what, bytes, reason) in [
        ("invalid UTF-8", [POD.as_bytes(), b"x: \xff\n"].concat(), SkipReason::NotUtf8),
        ("a letter of Latin-1", [b"# gr\xfcn\n", POD.as_bytes()].concat(), SkipReason::NotUtf8),
        ("UTF-16", utf16.clone(), SkipReason::NotUtf8),
        ("UTF-16 with its mark", [&[0xff, 0xfe][..], &utf16].concat(), SkipReason::NotUtf8),
        ("a NUL", image("x: \0\n"), SkipReason::NotYaml),
        ("tabs as indentation", POD.replace("  ", "\t").into_bytes(), SkipReason::NotYaml),
        ("100,000 levels of flow", deep("["), SkipReason::TooDeep),
        ("100,000 levels of block", image(&format!("x:\n  {}y\n", "- ".repeat(100_000))), SkipReason::TooDeep),
        ("100 MB", big, SkipReason::TooLarge),
        ("an unknown anchor", image("x: *nobody\n"), SkipReason::NotYaml),
        ("an anchor of another document", image("x: &a 1\n---\nimage: *a\n"), SkipReason::NotYaml),
        (
            "a BOM in the middle of a value's line",
            POD.replace("image:", "\u{feff}image:").into_bytes(),
            SkipReason::NotYaml,
        ),
        ("a BOM in the middle", format!("a: 1\n---\n\u{feff}{POD}").into_bytes(), SkipReason::NotYaml),
        ("too many documents", "---\nimage: x\n".repeat(yaml::MAX_DOCUMENTS + 1).into_bytes(), SkipReason::TooLarge),
    ] {
        let skipped = scan("x.yaml", &bytes).skipped.unwrap_or_else(|| panic!("{what} is read"));
        assert_eq!(skipped.reason, reason, "{what}: {}", skipped.detail);
        assert!(!skipped.detail.is_empty(), "{what}");
    }
}

#[test]
fn odd_input_is_edited_at_the_value_alone() {
    for (what, text) in [
        ("CRLF mixed with LF", POD.replacen('\n', "\r\n", 2)),
        ("a carriage return alone", POD.replacen('\n', "\r", 2)),
        ("a file of carriage returns", POD.replace('\n', "\r")),
        ("files with BOMs one after the other", format!("\u{feff}a: 1\n\u{feff}---\n{POD}")),
        ("a BOM in a text", format!("{POD}x: \"\u{feff}\"\n")),
        ("duplicate keys", format!("{POD}x: 1\nx: 2\n")),
        ("a duplicate image", POD.replace("image: nginx:v1", "image: nginx:v1\n    image: nginx:v1")),
        ("tabs where blanks may be", POD.replace("image: nginx:v1", "image:\tnginx:v1\t# x")),
        ("as many documents as are read", format!("{POD}{}", "---\na: 1\n".repeat(yaml::MAX_DOCUMENTS - 1))),
        ("a billion laughs", laughs()),
    ] {
        let set = set_all(text.as_bytes(), "v2")
            .unwrap_or_else(|| panic!("{what}: {:?}", scan("x.yaml", text.as_bytes()).skipped));
        assert!(set == text.replace("nginx:v1", "nginx:v2").into_bytes(), "{what}");
    }
}

/// Forty levels of aliases, three of the level below in each.
fn laughs() -> String {
    let level = |n: usize| format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}]\n", n - 1);
    format!("{POD}a0: &a0 [ha]\n{}", (1..40).map(level).collect::<String>())
}

#[test]
fn the_limit_on_references_holds_at_its_edge() {
    let entries = |count| format!("images:\n{}", "- {name: a, newTag: b}\n".repeat(count));
    let fine = scan("kustomization.yaml", entries(MAX_REFERENCES).as_bytes());
    assert_eq!((fine.references.len(), fine.skipped), (MAX_REFERENCES, None));
    let full = scan("kustomization.yaml", entries(MAX_REFERENCES + 1).as_bytes());
    assert_eq!((full.references.len(), full.skipped.unwrap().reason), (0, SkipReason::TooLarge));
}

const WORDS: &[&str] = &[
    "image",
    "images",
    ": ",
    ":",
    "\n",
    "\n  ",
    "\n    ",
    "- ",
    "nginx:1",
    "newTag",
    "name",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "\"",
    "'",
    " ",
    " # landwaiter: a\n",
    " # landwaiter: a:tag\n",
    "# landwaiter-hold: x\n",
    " # x",
    "&a ",
    "*a",
    "|",
    ">-",
    "? ",
    "---\n",
    "...\n",
    "\t",
    "apiVersion: v1\nkind: Pod\n",
    "kind: Kustomization\n",
    "\u{feff}",
    "é",
    "~",
    "\r\n",
    "\r",
    "!!str ",
    "%YAML 1.2\n",
    "x",
    "\\",
    "\u{2028}",
    "\u{85}",
    "|2\n",
    "image: a\n",
    "- name: a\n  newTag: b\n",
    "{image: a}",
    "<<: *a\n",
];

/// Inputs that fuzzing found or starts from: what was put right stays right, whatever the file is called.
#[test]
fn the_seeds_of_the_fuzz_target_are_proven_or_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/edit_any_file");
    let mut seeds = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for path in PATHS {
            proven_or_refused(path, &text).unwrap();
        }
        seeds += 1;
    }
    assert!(seeds > 5);
}

/// Sets each reference of a text alone, and each scalar: what is written has as many references as before, what is not has a reason that
/// is not a doubt about our own work.
fn proven_or_refused(path: &str, text: &str) -> Result<(), TestCaseError> {
    let found = scan(path, text.as_bytes());
    for reference in found.references.iter().filter(|reference| reference.blocked.is_none()) {
        let mut to = tagged(reference, "v99");
        to.digest = Some(Digest::parse(&format!("sha256:{}", "0c".repeat(32))).unwrap());
        if plan_action(reference, &to).is_err() {
            to.digest = None;
        }
        match apply(text.as_bytes(), &[Edit { reference, to }]) {
            Ok(edited) => {
                let after = scan(path, &edited.bytes);
                prop_assert_eq!(after.references.len(), found.references.len(), "{:?}", text);
                prop_assert_eq!(after.notes.len(), found.notes.len(), "{:?}", text);
            }
            Err(why @ (EditError::Unproven(_) | EditError::Stale { .. })) => prop_assert!(false, "{}: {:?}", why, text),
            Err(_) => {}
        }
    }
    for (span, value) in scalars(text) {
        let reference = single(span, &value);
        let to = Target { tag: Some(Tag::parse("1.10").unwrap()), ..Target::default() };
        match apply(text.as_bytes(), &[Edit { reference: &reference, to }]) {
            Ok(edited) => prop_assert!(edited.bytes.starts_with(&text.as_bytes()[..span.start]), "{:?}", text),
            Err(why @ (EditError::Unproven(_) | EditError::Stale { .. })) => {
                prop_assert!(false, "{}: {:?} {:?}", why, span, text);
            }
            Err(_) => {}
        }
    }
    Ok(())
}

/// The scalars of the documents that can be read to their end.
fn scalars(text: &str) -> Vec<(Span, String)> {
    let Ok(text) = yaml::text(text.as_bytes()) else { return Vec::new() };
    let read = yaml::documents(text).into_iter().filter_map(|piece| {
        let events = yaml::Events::new(text, piece).collect::<Result<Vec<_>, _>>().ok()?;
        Some(events.into_iter().filter_map(|event| match event.kind {
            yaml::Kind::Scalar { value, .. } if !value.contains('@') => Some((event.span, value.into_owned())),
            _ => None,
        }))
    });
    read.flatten().collect()
}

/// The bytes that belong to no slot, and the spots where slots were.
fn outside(bytes: &[u8], scan: &Scan) -> Vec<Vec<u8>> {
    let mut spans = scan.references.iter().flat_map(|r| r.slots.iter().map(|slot| slot.span)).collect::<Vec<_>>();
    spans.sort();
    let mut parts = Vec::new();
    let mut at = 0;
    for span in spans {
        parts.push(bytes[at..span.start].to_vec());
        at = span.end;
    }
    parts.push(bytes[at..].to_vec());
    parts
}
