//! Entries of kustomizations in all their combinations.

use crate::site::{InsertForm, Part, Reference, Scan, Shape, scan};

fn kustomization(entry: &str) -> Scan {
    scan("kustomization.yaml", format!("images:\n{entry}").as_bytes())
}

fn only(entry: &str) -> Reference {
    let scan = kustomization(entry);
    assert_eq!(scan.references.len(), 1, "{entry}");
    assert!(scan.notes.is_empty(), "{:?}", scan.notes);
    scan.references.into_iter().next().unwrap()
}

fn digest() -> String {
    format!("sha256:{}", "0a".repeat(32))
}

#[test]
fn an_entry_is_no_helm_value_though_its_file_is_called_values() {
    let text = "kind: Kustomization\nimages:\n- name: acme/web\n  newTag: v1\n- name: acme/api\n";
    let found = scan("values.yaml", text.as_bytes()).references;
    let seen = found.iter().map(|r| (r.shape, r.path.as_str())).collect::<Vec<_>>();
    assert_eq!(seen, [(Shape::Kustomize, "images[0].newTag")]);
}

#[test]
fn every_combination_of_fields_is_one_reference() {
    let digest = digest();
    let tag_and_digest = format!("- name: web\n  newTag: 1.27@{digest}\n");
    let all = format!("- newTag: \"1.10\"\n  name: web\n  digest: {digest}\n  newName: ghcr.io/acme/web\n");
    for (entry, name, tag, has_digest, parts) in [
        ("- name: web\n  newTag: 1.27\n", "web", Some("1.27"), false, vec![Part::Tag]),
        ("- {name: web, newName: acme/web, newTag: v1}\n", "acme/web", Some("v1"), false, vec![Part::Name, Part::Tag]),
        ("- name: web\n  newName: acme/web\n", "acme/web", None, false, vec![Part::Name]),
        ("- name: web\n  newTag: \"\"\n", "web", Some(""), false, vec![Part::Tag]),
        (&tag_and_digest, "web", Some("1.27"), true, vec![Part::Tag]),
        (&format!("- name: web\n  digest: {digest}\n"), "web", None, true, vec![Part::Digest]),
        (&all, "ghcr.io/acme/web", Some("1.10"), true, vec![Part::Tag, Part::Digest, Part::Name]),
    ] {
        let reference = only(entry);
        assert_eq!(reference.shape, Shape::Kustomize);
        assert_eq!(reference.name.as_deref(), Some(name), "{entry}");
        assert_eq!((reference.tag.as_deref(), reference.digest.is_some()), (tag, has_digest), "{entry}");
        assert_eq!(reference.slots.iter().map(|slot| slot.part).collect::<Vec<_>>(), parts, "{entry}");
        assert_eq!(reference.blocked, None, "{entry}");
    }
}

#[test]
fn the_tag_lends_line_and_path_else_the_digest_else_the_name() {
    let reference = only("- name: web\n  newName: acme/web\n  newTag: v1\n");
    assert_eq!((reference.path.as_str(), reference.line), ("images[0].newTag", 4));
    assert_eq!(only("- name: web\n  newName: acme/web\n").path, "images[0].newName");
}

#[test]
fn an_entry_with_only_a_name_is_no_reference() {
    assert!(kustomization("- name: web\n").references.is_empty());
    let scan = kustomization("- name: web\n  newTag:\n");
    assert_eq!((scan.references.len(), scan.notes.len()), (0, 1));
}

#[test]
fn charts_that_kustomize_renders_have_versions_and_values() {
    let chart = |fields: &str| scan("kustomization.yaml", format!("helmCharts:\n- {{{fields}}}\n").as_bytes());
    for (fields, references, notes) in [
        ("name: web, repo: 'oci://ghcr.io/acme', version: 1.4.2", 1, 0),
        ("name: web, repo: 'oci://ghcr.io/acme', version: 1.4.2, valuesInline: {image: 'acme/web:v1'}", 2, 0),
        ("name: web, repo: 'https://charts.example.com', version: 1.4.2", 0, 1),
        ("name: web, repo: 'oci://ghcr.io/acme'", 0, 0),
        ("name: web, version: 1.4.2", 0, 0),
    ] {
        let scan = chart(fields);
        assert_eq!((scan.references.len(), scan.notes.len()), (references, notes), "{fields}");
    }
}

#[test]
fn a_kustomization_is_known_by_its_kind_or_else_by_its_name() {
    let entry = "images:\n- name: web\n  newTag: v1\n";
    for (path, text, count) in [
        ("x/kustomization.yml", entry.to_owned(), 1),
        ("Kustomization", entry.to_owned(), 1),
        ("other.yaml", entry.to_owned(), 0),
        ("other.yaml", format!("kind: Component\n{entry}"), 1),
        ("kustomization.yaml", format!("kind: Other\n{entry}"), 0),
    ] {
        assert_eq!(scan(path, text.as_bytes()).references.len(), count, "{path}: {text}");
    }
}

#[test]
fn markers_of_one_entry_are_one_and_must_agree() {
    let marked = only(
        "- name: web\n  newName: acme/web # {\"$imagepolicy\": \"a:b:name\"}\n  newTag: v1 # {\"$imagepolicy\": \"a:b:tag\"}\n",
    );
    assert_eq!(marked.marker.unwrap().policies, ["a/b", "b"]);
    assert_eq!(marked.blocked, None);
    for (entry, why) in [
        ("- name: web\n  newTag: v1 # landwaiter: web\n", "`:tag`"),
        ("- name: web # landwaiter: web:name\n  newTag: v1\n", "mark `newName`"),
        ("- name: a\n  newName: b # landwaiter: x:name\n  newTag: v1 # landwaiter: y:tag\n", "different policies"),
    ] {
        let blocked = only(entry).blocked.unwrap();
        assert!(blocked.contains(why), "{blocked}");
    }
}

#[test]
fn what_cannot_be_edited_says_why() {
    for (entry, why) in [
        ("- name: a\n  newTag: v1\n  newTag: v2\n", "twice"),
        ("- name: a:v1\n  newTag: v1\n", "not a repository name"),
        ("- name: ${app}\n  newTag: v1\n", "another program"),
        ("- name: a\n  digest: v1\n", "not a digest"),
    ] {
        let blocked = only(entry).blocked.unwrap();
        assert!(blocked.contains(why), "{blocked}");
    }
}

#[test]
fn a_new_name_that_cannot_be_read_leaves_no_other_name_in_its_place() {
    let reference = only("- name: acme/web\n  newName: REGISTRY/web\n  newTag: v1\n");
    assert_eq!((reference.name, reference.repository), (None, None));
    assert!(reference.blocked.is_some());
}

#[test]
fn a_missing_key_knows_its_place() {
    let point = |entry: &str| only(entry).insert.map(|point| (point.key, point.form));
    let line = |column| InsertForm::Line { column };
    assert_eq!(point("- name: web\n  newTag: v1\n"), Some(("digest", line(2))));
    assert_eq!(point("  -   newTag: v1\n      name: web\n"), Some(("digest", line(6))));
    assert_eq!(point("- name: web\n  newName: acme/web\n"), Some(("newTag", line(2))));
    assert_eq!(point("- {name: web, newTag: v1}\n"), Some(("digest", InsertForm::Flow { quoted: false })));
    assert_eq!(
        point("- {\"name\": \"web\", \"newTag\": \"v1\"}\n"),
        Some(("digest", InsertForm::Flow { quoted: true }))
    );
    assert_eq!(point("- name: web\n  newTag: |-\n    v1\n"), None);
    assert_eq!(point("- ? newTag\n  : v1\n  ? name\n  : web\n"), None);
    assert_eq!(point(&format!("- name: web\n  newTag: v1@{}\n", digest())), None);
}
