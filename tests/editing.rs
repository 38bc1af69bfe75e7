//! Given a file, setting its references, produces a file: compared byte by byte.
//!
//! Each row is a case that some other tool damages, or one that ours must refuse.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use landwaiter::edit::{Action, Edit, EditError, Edited, Target, apply, plan_action};
use landwaiter::image::{Digest, Tag};
use landwaiter::site::{Reference, Scan, scan};

const M: &str = "{\"$imagepolicy\": \"ns:p:tag\"}";

fn digest(hex: &str) -> Digest {
    Digest::parse(&format!("sha256:{}", hex.repeat(32))).unwrap()
}

/// The state of a reference after its tag is set: a digest that stands is kept.
fn tagged(reference: &Reference, tag: &str) -> Target {
    Target {
        name: reference.name.is_none().then(|| "ghcr.io/acme/web".to_owned()),
        tag: Some(Tag::parse(tag).unwrap()),
        digest: reference.digest.clone(),
    }
}

/// Sets every reference of a file that can be edited to the target made for it.
fn set(path: &str, text: &str, target: impl Fn(&Reference) -> Target) -> Result<Edited, EditError> {
    let scan: Scan = scan(path, text.as_bytes());
    assert!(!scan.references.is_empty(), "no reference in {text}");
    let edits = scan.references.iter().filter(|reference| reference.blocked.is_none());
    let edits = edits.map(|reference| Edit { reference, to: target(reference) }).collect::<Vec<_>>();
    apply(text.as_bytes(), &edits)
}

fn produces(path: &str, given: &str, tag: &str, want: &str) {
    let edited =
        set(path, given, |reference| tagged(reference, tag)).unwrap_or_else(|error| panic!("{error}\n{given}"));
    let got = String::from_utf8(edited.bytes).unwrap();
    assert_eq!(got, want, "\n--- given\n{given}\n--- got\n{got}");
    let after = scan(path, got.as_bytes());
    assert_eq!(after.skipped, scan(path, given.as_bytes()).skipped, "{got}");
    for reference in after.references.iter().filter(|reference| reference.blocked.is_none()) {
        assert_eq!(reference.tag.as_deref(), Some(tag), "{got}");
    }
}

/// Rows in which `@` stands for the value and `M` for a marker: all other bytes stay.
fn keeps(rows: &[(&str, &str, &str, &str)]) {
    for (row, old, tag, new) in rows {
        let file = |value: &str| row.replace('M', M).replace('@', value);
        produces("values.yaml", &file(old), tag, &file(new));
    }
}

#[test]
fn values_become_what_is_set_in_the_style_they_had() {
    keeps(&[
        // types that Flux writes as `!!float 2.0.0`
        ("tag: @ # M\n", "1.0", "2.0.0", "2.0.0"),
        ("tag: @ # M\n", "1234567", "abc1234", "abc1234"),
        ("tag: @ # M\n", "true", "2.0.0", "2.0.0"),
        ("tag: @ # M\n", "2024-01-15", "2.0.0", "2.0.0"),
        // values that some reader would not take for a string
        ("tag: @ # M\n", "1.9.0", "1.10", "\"1.10\""),
        ("tag: @ # M\n", "1.9.0", "1e10", "\"1e10\""),
        ("tag: @ # M\n", "1.9.0", "0123", "\"0123\""),
        ("tag: @ # M\n", "1.9.0", "12345678", "\"12345678\""),
        ("tag: @ # M\n", "1.9.0", "706798e8", "\"706798e8\""),
        ("tag: @ # M\n", "1.9.0", "0x1f", "\"0x1f\""),
        ("tag: @ # M\n", "1.9.0", "1_000", "\"1_000\""),
        ("tag: @ # M\n", "1.9.0", "2024-01-15", "\"2024-01-15\""),
        ("tag: @ # M\n", "1.9.0", "yes", "\"yes\""),
        ("tag: @ # M\n", "1.9.0", "off", "\"off\""),
        ("tag: @ # M\n", "1.9.0", "null", "\"null\""),
        ("tag: @ # M\n", "1.9.0", "16", "\"16\""),
        // quotes
        ("tag: @ # M\n", "'1.0.0'", "1.10", "'1.10'"),
        ("tag: @ # M\n", "\"1.0.0\"", "1.10", "\"1.10\""),
        ("tag: @ # M\n", "\"\\x31.0\"", "2.0.0", "\"2.0.0\""),
        ("tag: @ # M\n", "\"\"", "2.0.0", "\"2.0.0\""),
        // blocks
        ("tag: | # M\n  @\nx: 1\n", "1.0.0", "2.0.0", "2.0.0"),
        ("tag: >- # M\n    @\n\n\nx: 1\n", "1.0.0", "1.10", "1.10"),
        ("tag: |+ # M\n  @\n\n", "1.0.0", "2.0.0", "2.0.0"),
    ]);
}

#[test]
fn everything_beside_the_value_stays() {
    keeps(&[
        ("tag: @  # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("tag: @\t# M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("tag: @ # M", "1.0.0", "2.0.0", "2.0.0"),
        ("a: 1\r\ntag: @ # M\r\nb: 2\r\n", "1.0.0", "2.0.0", "2.0.0"),
        ("a: 1\r\ntag: @ # M\nb: 2\r\n", "1.0.0", "2.0.0", "2.0.0"),
        ("\u{feff}tag: @ # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("# licence\n---\ntag: @ # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("--- # x\ntag: @ # M\n...\n", "1.0.0", "2.0.0", "2.0.0"),
        ("---\ntag: @ # M\n---\n", "1.0.0", "2.0.0", "2.0.0"),
        ("%YAML 1.2\n---\ntag: @ # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("@ # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("- op: replace\n  value: @ # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("metadata: foo\ntag: @ # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("a: \"x\\/y\"\ntag: @ # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("kind: List\nitems:\n- {a: b}\n- tag: @ # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("kind: ResourceList\nitems:\n-   tag: @ # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("annotations: {config.kubernetes.io/index: '3'}\ntag: @ # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("d: &d {a: 1}\nb:\n  <<: *d\n  tag: @ # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("a:\n\n\n    b:   [a,   b]\n    c:\n    - x\n    tag: @ # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("s: |\n  #!/bin/sh\n  x  \n\n  y\ntag: @ # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("s: >\n  a\n  b\nt: a\n  b\nu: \"a\n  b\"\ntag: @ # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("l: [a,\n   b,\n c]\ntag: @ # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("e: 🎉 \"\ne2: \"\\u00e9 \\x41\"\ntag: @ # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("a: 1      # one\ntag: @ # M\n  # odd\n# end\n", "1.0.0", "2.0.0", "2.0.0"),
        ("annotations: {}\nlabels:\nmetadata: ~\ntag: @ # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("? [a, b]\n: c\n? x\n: tag: @ # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("n: [0644, 0x1F, 1.50]\na: 1\na: 2\ntag: @ # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("tag: &t @ # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("tag: !!str @ # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("tag: &t !!str '@' # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("\"éé\": 1.0.0\n\"tág\": @ # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("{\"é\": x, tag: @, # M\n b: y}\n", "1.0.0", "2.0.0", "2.0.0"),
        ("patches:\n- patch: |-\n    a\n\n    b\ntag: @ # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("a.b:\n- c: @ # M\n", "1.0.0", "2.0.0", "2.0.0"),
        ("a: {{ x }}: y\n---\ntag: @ # M\n", "1.0.0", "2.0.0", "2.0.0"),
    ]);
}

#[test]
fn an_image_without_a_tag_is_given_one_and_never_loses_it() {
    let given = "apiVersion: v1\nkind: Pod\nspec: {containers: [image: redis]}\n";
    produces("x.yaml", given, "7.2", &given.replace("redis", "redis:7.2"));
    let tagged = given.replace("redis", "redis:7.2");
    let bare = set("x.yaml", &tagged, |_| Target::default());
    assert_eq!(bare, Err(EditError::Removal("tag")));
}

#[test]
fn an_empty_place_for_a_digest_is_filled_or_stays_empty() {
    let given = "tag: v1 # landwaiter: web:tag\ndigest: '' # landwaiter: web:digest\n";
    produces("values.yaml", given, "v2", &given.replace("v1", "v2"));
    let filled = set("values.yaml", given, |_| Target {
        tag: Some(Tag::parse("v1").unwrap()),
        digest: Some(digest("0b")),
        name: None,
    })
    .unwrap();
    let want = given.replace("''", &format!("'{}'", digest("0b")));
    assert_eq!((filled.bytes, filled.actions), (want.into_bytes(), vec![Action::Pin]));
}

#[test]
fn two_values_on_one_line_are_two_edits() {
    let given =
        "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: a:1.0.0, name: a}, {name: b, image: 'b:1.0.0'}]}\n";
    produces("x.yaml", given, "2.0.0", &given.replace("1.0.0", "2.0.0"));
}

#[test]
fn only_the_named_scalar_changes_though_others_say_the_same() {
    let given = format!("a:\n  repository: x\n  tag: 1.0.0 # {M}\nb:\n  repository: y\n  tag: 1.0.0\nc: 1.0.0\n");
    produces("values.yaml", &given, "2.0.0", &given.replacen("1.0.0", "2.0.0", 1));
}

#[test]
fn a_reference_with_a_digest_changes_both() {
    let (old, new) = (digest("0a"), digest("0b"));
    let to = |_: &Reference| Target { name: None, tag: Some(Tag::parse("1.28").unwrap()), digest: Some(new.clone()) };
    for given in [
        format!("apiVersion: v1\nkind: Pod\nspec: {{containers: [image: 'nginx:1.27@{old}']}}\n"),
        format!("kind: Kustomization\nimages:\n- name: nginx\n  newTag: 1.27@{old} # x\n"),
        format!("kind: Kustomization\nimages:\n- name: nginx\n  digest: {old}\n  newTag: v1.27\n")
            .replace("v1.27", "'1.27'"),
    ] {
        let edited = set("x.yaml", &given, to).unwrap();
        let want = given.replace(old.as_str(), new.as_str()).replace("1.27", "1.28");
        assert_eq!(String::from_utf8(edited.bytes).unwrap(), want);
        assert_eq!(edited.actions, [Action::Update]);
    }
}

#[test]
fn a_digest_is_added_to_the_value_or_as_a_key() {
    let new = digest("0b");
    let to = |reference: &Reference| Target {
        name: None,
        tag: Some(Tag::parse(reference.tag.as_deref().unwrap_or("1.27")).unwrap()),
        digest: Some(new.clone()),
    };
    for (given, want, action) in [
        (
            "apiVersion: v1\nkind: Pod\nspec: {containers: [image: nginx:1.27]}\n",
            "apiVersion: v1\nkind: Pod\nspec: {containers: [image: nginx:1.27@D]}\n",
            Action::Pin,
        ),
        (
            "kind: Kustomization\nimages:\n- name: a\n  newTag: '1.27' # why\n  # below\n- name: b\n",
            "kind: Kustomization\nimages:\n- name: a\n  newTag: '1.27' # why\n  digest: D\n  # below\n- name: b\n",
            Action::Insert,
        ),
        (
            "kind: Kustomization\r\nimages:\r\n  -   newTag: v1\r\n      name: a\r\n",
            "kind: Kustomization\r\nimages:\r\n  -   newTag: v1\r\n      digest: D\r\n      name: a\r\n",
            Action::Insert,
        ),
        (
            "kind: Kustomization\nimages:\n- name: a\n  newTag: v1",
            "kind: Kustomization\nimages:\n- name: a\n  newTag: v1\n  digest: D",
            Action::Insert,
        ),
        (
            "kind: Kustomization\r\nimages:\r\n- name: a\r\n  newTag: v1",
            "kind: Kustomization\r\nimages:\r\n- name: a\r\n  newTag: v1\r\n  digest: D",
            Action::Insert,
        ),
        (
            "kind: Kustomization\nimages: [{name: a, newTag: v1}, {newTag: v2 , name: b}]\n",
            "kind: Kustomization\nimages: [{name: a, newTag: v1, digest: D}, {newTag: v2, digest: D , name: b}]\n",
            Action::Insert,
        ),
        (
            "kind: Kustomization\nimages:\n- {\"name\": \"a\", \"newTag\": \"v1\"}\n",
            "kind: Kustomization\nimages:\n- {\"name\": \"a\", \"newTag\": \"v1\", \"digest\": \"D\"}\n",
            Action::Insert,
        ),
        (
            "kind: Kustomization\nimages:\n- name: a\n  newName: b\n---\nkind: Other\n",
            "kind: Kustomization\nimages:\n- name: a\n  newName: b\n  newTag: \"1.27\"\n  digest: D\n---\nkind: Other\n",
            Action::Insert,
        ),
        (
            "kind: Kustomization\nimages:\n- name: a\n  newTag:\n    v1 # x\n",
            "kind: Kustomization\nimages:\n- name: a\n  newTag:\n    v1 # x\n  digest: D\n",
            Action::Insert,
        ),
    ] {
        let edited = set("x.yaml", given, to).unwrap_or_else(|error| panic!("{error}\n{given}"));
        assert_eq!(String::from_utf8(edited.bytes).unwrap(), want.replace('D', new.as_str()));
        assert!(edited.actions.iter().all(|found| *found == action));
    }
}

/// Rows of a kustomization's entries before and after; `D` stands for the digest there, `N` for the new one. The same
/// entries are also tried as the text of a scalar.
fn entries_become(rows: &[(&str, &str)], to: &Target, action: Action) {
    let text = |row: &str| row.replace('D', digest("0a").as_str()).replace('N', digest("0b").as_str());
    let whole = rows.iter().map(|(given, want)| (text(given), text(want)));
    let inside = rows.iter().filter(|(given, _)| !given.contains("---"));
    let inside = inside.map(|(given, want)| (embedded(&text(given)), embedded(&text(want))));
    for (given, want) in whole.chain(inside) {
        let edited =
            set("kustomization.yaml", &given, |_| to.clone()).unwrap_or_else(|error| panic!("{error}\n{given}"));
        assert_eq!(String::from_utf8(edited.bytes.clone()).unwrap(), want, "{given}");
        assert!(edited.actions.iter().all(|found| *found == action), "{given}");
        let after = scan("kustomization.yaml", &edited.bytes);
        for reference in &after.references {
            assert_eq!(reference.tag.as_deref(), to.tag.as_ref().map(Tag::as_str), "{given}");
            assert_eq!(reference.digest, to.digest, "{given}");
        }
    }
}

/// The kustomization's entries as those of an object of Flux, in an inline patch.
fn embedded(entries: &str) -> String {
    let lines = entries.split_inclusive('\n').map(|line| match line.trim() {
        "" => line.to_owned(),
        _ => format!("      {line}"),
    });
    let head =
        "patches:\n- patch: |\n    apiVersion: kustomize.toolkit.fluxcd.io/v1\n    kind: Kustomization\n    spec:\n";
    let head = if entries.contains('\r') { head.replace('\n', "\r\n") } else { head.to_owned() };
    head + &lines.collect::<String>()
}

#[test]
fn keys_go_in_a_text_that_a_scalar_holds_and_come_where_their_reader_is_known() {
    let application = |text: &str| {
        let head =
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  source:\n    helm:\n      values: |\n";
        let lines = text.split_inclusive('\n').map(|line| match line.trim() {
            "" => line.to_owned(),
            _ => format!("        {line}"),
        });
        format!("{head}{}    chart: web\n", lines.collect::<String>())
    };
    let pinned = |reference: &Reference| Target {
        tag: Some(Tag::parse(reference.tag.as_deref().unwrap()).unwrap()),
        digest: Some(digest("0b")),
        ..Target::default()
    };
    let tagged = |_: &Reference| Target { tag: Some(Tag::parse("v1").unwrap()), ..Target::default() };
    for (without, with) in [
        (
            "image:\n  repository: acme/web\n  tag: v1 # why\n  # below\n\nother: x\n",
            "image:\n  repository: acme/web\n  tag: v1 # why\n  digest: N\n  # below\n\nother: x\n",
        ),
        ("image: {repository: acme/web, tag: v1}\n", "image: {repository: acme/web, tag: v1, digest: N}\n"),
        (
            "a:\n  image:\n    repository: acme/web\n    tag: v1\n\n\n",
            "a:\n  image:\n    repository: acme/web\n    tag: v1\n    digest: N\n\n\n",
        ),
    ] {
        for end in ["\n", "\r\n"] {
            let file = |text: &str| application(text).replace('N', digest("0b").as_str()).replace('\n', end);
            // The chart may not know the key, and its schema may refuse it.
            assert_eq!(set("app.yaml", &file(without), pinned).unwrap_err(), EditError::NoPlace("digest"));
            let gone = set("app.yaml", &file(with), tagged).unwrap();
            assert_eq!(String::from_utf8(gone.bytes).unwrap(), file(without));
        }
    }
}

#[test]
fn two_keys_come_into_one_text_and_a_value_changes_with_them() {
    let given = embedded("images:\n- name: a\n  newName: b\n- name: c\n  newTag: v1\n");
    let edited = set("kustomization.yaml", &given, |_| Target {
        tag: Some(Tag::parse("v2").unwrap()),
        digest: Some(digest("0b")),
        ..Target::default()
    });
    let want = given.replace("newName: b\n", "newName: b\n        newTag: v2\n        digest: N\n");
    let want =
        want.replace("newTag: v1\n", "newTag: v2\n        digest: N\n").replace("N\n", &format!("{}\n", digest("0b")));
    assert_eq!(String::from_utf8(edited.unwrap().bytes).unwrap(), want);
}

#[test]
fn in_a_quoted_or_folded_text_no_key_comes() {
    let entries =
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec: {images: [{name: a, newTag: v1}]}\n";
    for patch in
        [format!(">\n    {}", entries.replace('\n', "\n\n    ")), format!("\"{}\"\n", entries.replace('\n', "\\n"))]
    {
        let text = format!("patches:\n- patch: {patch}");
        let references = scan("kustomization.yaml", text.as_bytes()).references;
        assert_eq!(references.len(), 1, "{text}");
        assert!(references[0].blocked.as_ref().unwrap().contains("literal block"), "{text}");
        assert!(references[0].insert.is_none() && references[0].remove.is_empty());
    }
}

#[test]
fn a_stale_key_goes_with_its_line() {
    let to = Target { tag: Some(Tag::parse("v2").unwrap()), ..Target::default() };
    entries_become(
        &[
            ("images:\n- name: a\n  newTag: v1\n  digest: D\n", "images:\n- name: a\n  newTag: v2\n"),
            (
                "images:\n- name: a # x\n  # above\n  digest: D # its own\n  # below\n\n  newTag: v1 # y\n",
                "images:\n- name: a # x\n  # above\n  # below\n\n  newTag: v2 # y\n",
            ),
            ("images:\n- digest: D # c\n  name: a\n  newTag: v1\n", "images:\n- name: a\n  newTag: v2\n"),
            ("images:\n-   digest: D\n    newTag: v1\n    name: a\n", "images:\n-   newTag: v2\n    name: a\n"),
            ("images:\r\n- name: a\r\n  digest: D\r\n  newTag: v1\r\n", "images:\r\n- name: a\r\n  newTag: v2\r\n"),
            ("images:\n- name: a\n  newTag: v1\n  digest: D", "images:\n- name: a\n  newTag: v2"),
            ("images:\r\n- name: a\r\n  newTag: v1\r\n  digest: D # c", "images:\r\n- name: a\r\n  newTag: v2"),
            ("images:\n- name: a\n  digest:\n    D\n  newTag: v1\n", "images:\n- name: a\n  newTag: v2\n"),
            ("images: [{name: a, newTag: v1, digest: D}]\n", "images: [{name: a, newTag: v2}]\n"),
            ("images: [{name: a, digest: D , newTag: v1 }]\n", "images: [{name: a, newTag: v2 }]\n"),
            ("images: [{digest: D,\n  name: a, newTag: v1}]\n", "images: [{name: a, newTag: v2}]\n"),
            ("images: [{name: a, newTag: v1, digest: D,}]\n", "images: [{name: a, newTag: v2,}]\n"),
            (
                "images:\n- {\"digest\":\"D\",\"name\":\"a\",\"newTag\":\"v1\"}\n",
                "images:\n- {\"name\":\"a\",\"newTag\":\"v2\"}\n",
            ),
            (
                "images:\n- name: a\n  newTag: v1\n  digest: D\n- name: b\n  digest: D\n  newTag: v0\n---\na: b\n",
                "images:\n- name: a\n  newTag: v2\n- name: b\n  newTag: v2\n---\na: b\n",
            ),
        ],
        &to,
        Action::Update,
    );
}

#[test]
fn a_key_that_comes_takes_the_place_of_one_that_goes() {
    let pinned = Target { digest: Some(digest("0b")), ..Target::default() };
    entries_become(
        &[
            ("images:\n- name: a\n  newTag: v1 # why\n", "images:\n- name: a\n  digest: N # why\n"),
            ("images:\n- newTag: v1\n\n  name: a\n", "images:\n- digest: N\n\n  name: a\n"),
            ("images:\n- name: a\n  newTag: '1.27'", "images:\n- name: a\n  digest: 'N'"),
            ("images: [{newTag: v1, name: a}]\n", "images: [{digest: N, name: a}]\n"),
            ("images:\n- {\"name\": \"a\", \"newTag\": \"v1\"}\n", "images:\n- {\"name\": \"a\", \"digest\": \"N\"}\n"),
        ],
        &pinned,
        Action::Pin,
    );
    entries_become(
        &[
            ("images:\n- name: a\n  newTag: v1@D # why\n", "images:\n- name: a\n  digest: N # why\n"),
            ("images:\n- name: a\n  newTag: v1\n  digest: D\n", "images:\n- name: a\n  digest: N\n"),
            ("images:\n- name: a\n  digest: D\n  newTag: v1", "images:\n- name: a\n  digest: N"),
            ("images: [{newTag: v1, digest: D, name: a}]\n", "images: [{digest: N, name: a}]\n"),
        ],
        &pinned,
        Action::Update,
    );
    let tagged = Target { tag: Some(Tag::parse("1.28").unwrap()), ..Target::default() };
    entries_become(
        &[("images:\n- name: a\n  digest: D # why\n", "images:\n- name: a\n  newTag: \"1.28\" # why\n")],
        &tagged,
        Action::Update,
    );
}

#[test]
fn a_name_is_written_where_a_marker_says_so() {
    let given =
        "images:\n- name: web # x\n  newName: acme/web # landwaiter: web:name\n  newTag: v1 # landwaiter: web:tag\n";
    let edited = set("kustomization.yaml", given, |_| Target {
        name: Some("ghcr.io/acme/web".into()),
        tag: Some(Tag::parse("v2").unwrap()),
        digest: None,
    });
    let want = given.replace(": acme", ": ghcr.io/acme").replace("v1", "v2");
    assert_eq!(String::from_utf8(edited.unwrap().bytes).unwrap(), want);
    let empty = "x: \"\" # landwaiter: web\n";
    let edited = set("x.yaml", empty, |reference| tagged(reference, "v2"));
    assert_eq!(edited.unwrap().bytes, b"x: \"ghcr.io/acme/web:v2\" # landwaiter: web\n");
}

#[test]
fn what_cannot_be_written_is_refused_with_its_reason() {
    let hash = digest("0a");
    let tag = |tag: &str| Some(Tag::parse(tag).unwrap());
    let plain = |tag| Target { tag, ..Target::default() };
    for (text, target, error) in [
        ("- --image=app:1.0.0 # landwaiter: web\n".into(), plain(tag("2.0.0")), "is no image reference"),
        (
            format!("images:\n- {{name: a, newTag: v1, # c\n   digest: {hash}}}\n"),
            plain(tag("v2")),
            "the digest would have to be removed",
        ),
        (
            "tag: v1 # landwaiter: web:tag\ndigest: 'X' # landwaiter: web:digest\n".replace('X', hash.as_str()),
            plain(tag("v2")),
            "the digest would have to be removed",
        ),
        (
            "images:\n- name: a\n  newTag: v1 # landwaiter: web:tag\n".into(),
            Target { digest: Some(hash.clone()), ..Target::default() },
            "the tag would have to be removed",
        ),
        ("images:\n- name: a\n  newTag: v1\n".into(), plain(None), "the tag would have to be removed"),
        ("x: '' # landwaiter: web\n".into(), plain(tag("v1")), "the name of the image is not known"),
        (
            "a: v1 # landwaiter: web:tag\n".into(),
            Target { digest: Some(hash.clone()), ..plain(tag("v1")) },
            "no place for the digest",
        ),
        (
            "a: b:v1 # landwaiter: web\n".into(),
            Target { name: Some("https://x".into()), ..plain(tag("v1")) },
            "not a repository name",
        ),
        (
            "repository: acme/api\ntag: v1 # landwaiter: web:tag\n".into(),
            Target { name: Some("acme/web".into()), ..plain(tag("v2")) },
            "no place for the name",
        ),
        ("a: b:v1 # landwaiter: web\n".into(), plain(tag("v1")), "nothing would change"),
        ("a: | # landwaiter: web:tag\n".into(), plain(tag("v1")), "does not fit"),
    ] {
        let scan = scan("kustomization.yaml", text.as_bytes());
        let reference = &scan.references[0];
        let found = apply(text.as_bytes(), &[Edit { reference, to: target.clone() }]).unwrap_err();
        assert!(found.to_string().contains(error), "{found}: {text}");
        if !matches!(found, EditError::Unwritable { .. }) {
            assert_eq!(plan_action(reference, &target), Err(found), "{text}");
        }
    }
}

#[test]
fn a_file_that_changed_since_the_scan_is_refused() {
    let text = "a: b:v1 # landwaiter: web\n";
    let reference = &scan("x.yaml", text.as_bytes()).references[0];
    for other in ["a: b:v3 # landwaiter: web\n", "bb: b:v1 # landwaiter: web\n", "", "a: [\n"] {
        let to = tagged(reference, "v2");
        assert!(apply(other.as_bytes(), &[Edit { reference, to }]).is_err(), "{other}");
    }
}

#[test]
fn two_edits_of_one_scalar_agree_or_are_refused() {
    let text = "a: b:v1 # landwaiter: web\n";
    let reference = &scan("x.yaml", text.as_bytes()).references[0];
    let edit = |tag| Edit { reference, to: tagged(reference, tag) };
    let edited = apply(text.as_bytes(), &[edit("v2"), edit("v2")]).unwrap();
    assert_eq!(edited.bytes, b"a: b:v2 # landwaiter: web\n");
    assert_eq!(apply(text.as_bytes(), &[edit("v2"), edit("v3")]), Err(EditError::Conflict { line: 1 }));
}

#[test]
fn many_edits_of_one_file_cost_no_more_than_their_sum() {
    let entries = (0..20_000).map(|n| format!("- name: a{n}\n  newTag: v1\n")).collect::<String>();
    let text = format!("kind: Kustomization\nimages:\n{entries}");
    let hash = digest("0b");
    let to = |_: &Reference| Target { name: None, tag: Some(Tag::parse("v2").unwrap()), digest: Some(hash.clone()) };
    let edited = set("x.yaml", &text, to).unwrap();
    let want = text.replace("newTag: v1\n", &format!("newTag: v2\n  digest: {hash}\n"));
    assert!(edited.bytes == want.as_bytes());
}
