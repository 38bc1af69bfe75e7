//! Images in values, in every shape that charts give them.

use crate::site::{Part, Reference, Scan, Shape, scan};

fn found(text: &str) -> Scan {
    scan("values.yaml", text.as_bytes())
}

fn only(text: &str) -> Reference {
    let mut scan = found(text);
    assert_eq!(scan.references.len(), 1, "{text}: {:?}", scan.notes);
    assert!(scan.notes.is_empty(), "{text}: {:?}", scan.notes);
    scan.references.remove(0)
}

#[test]
fn repository_and_tag_are_found_together_however_they_are_spelt() {
    for (text, name, tag, path) in [
        ("image: {repository: acme/web, tag: v1}\n", "acme/web", "v1", "image.tag"),
        ("image: {registry: ghcr.io, repository: acme/web, tag: 1.10}\n", "ghcr.io/acme/web", "1.10", "image.tag"),
        ("image:\n  registry: ghcr.io\n  name: acme/web\n  tag: v1\n", "ghcr.io/acme/web", "v1", "image.tag"),
        ("sidecarImage: {name: acme/web, version: v1}\n", "acme/web", "v1", "sidecarImage.version"),
        ("a: {b: {image: {repository: acme/web, tag: v1}}}\n", "acme/web", "v1", "a.b.image.tag"),
        ("images:\n  app: {repository: acme/web, tag: v1}\n", "acme/web", "v1", "images.app.tag"),
        ("images:\n- {name: acme/web, tag: v1}\n", "acme/web", "v1", "images[0].tag"),
        ("image: acme/web\nimageTag: v1\n", "acme/web", "v1", "imageTag"),
        ("image: acme/web\nimage_tag: v1\n", "acme/web", "v1", "image_tag"),
        ("image: acme/web\ntag: v1\n", "acme/web", "v1", "tag"),
        ("repository: acme/web\nimageTag: v1\n", "acme/web", "v1", "imageTag"),
        ("imageRepository: acme/web\nimageTag: v1\n", "acme/web", "v1", "imageTag"),
        ("fooImage: acme/web\nfooImageTag: v1\n", "acme/web", "v1", "fooImageTag"),
        ("app: {repository: ghcr.io/acme/web, tag: v1}\n", "ghcr.io/acme/web", "v1", "app.tag"),
        ("app: {repository: acme/web, tag: v1, pullPolicy: Always}\n", "acme/web", "v1", "app.tag"),
        (
            "global: {imageRegistry: m.example.com}\nimage: {registry: a.b, repository: web, tag: v1}\n",
            "m.example.com/web",
            "v1",
            "image.tag",
        ),
        ("image: {registry: '', repository: acme/web, tag: v1}\n", "acme/web", "v1", "image.tag"),
    ] {
        let reference = only(text);
        assert_eq!(reference.name.as_deref(), Some(name), "{text}");
        assert_eq!((reference.tag.as_deref(), reference.path.as_str()), (Some(tag), path), "{text}");
        assert_eq!((reference.blocked, reference.shape), (None, Shape::Helm), "{text}");
        assert_eq!(reference.slots.iter().map(|slot| slot.part).collect::<Vec<_>>(), [Part::Tag], "{text}");
    }
}

#[test]
fn whole_texts_are_found_under_every_image_key() {
    for (text, path) in [
        ("image: acme/web:v1\n", "image"),
        ("image: 'acme/web:v1'\n", "image"),
        ("a:\n- fooImage: acme/web:v1\n", "a[0].fooImage"),
        ("images: {app: acme/web:v1}\n", "images.app"),
        ("images:\n- acme/web:v1\n", "images[0]"),
        ("images:\n  tags:\n    job: acme/web:v1\n", "images.tags.job"),
    ] {
        let reference = only(text);
        assert_eq!((reference.tag.as_deref(), reference.path.as_str()), (Some("v1"), path), "{text}");
    }
    assert_eq!(only("image: nginx\n").tag, None);
    for text in ["logoImage: logo\n", "image: ''\n", "images: [a, b]\n", "image:\n  pullPolicy: Always\n"] {
        assert!(found(text).references.is_empty(), "{text}");
    }
}

#[test]
fn a_digest_apart_belongs_to_the_pair_and_may_be_empty() {
    let digest = format!("sha256:{}", "0a".repeat(32));
    let reference = only(&format!("image: {{repository: acme/web, tag: v1, digest: '{digest}'}}\n"));
    assert_eq!(reference.digest.unwrap().as_str(), digest);
    assert_eq!(reference.slots.len(), 2);
    assert_eq!(only("image: {repository: acme/web, tag: v1, digest: ''}\n").digest, None);
    let sha = only("image: {repository: acme/web, tag: v1, sha: 0a0a}\n");
    assert!(sha.blocked.unwrap().contains("without its algorithm"));
}

#[test]
fn an_absent_or_empty_tag_is_the_charts_default() {
    for text in [
        "image: {repository: acme/web}\n",
        "image: {repository: acme/web, tag: ''}\n",
        "image:\n  repository: acme/web\n  tag:\n",
        "image:\n  repository: acme/web\n  tag: null\n",
    ] {
        assert_eq!(only(text).tag.as_deref(), Some(""), "{text}");
    }
}

#[test]
fn what_may_be_something_else_is_noted() {
    for text in [
        "source: {repository: acme/web, tag: v1}\n",
        "image: {tag: v1}\n",
        "imageTag: v1\n",
        "image: https://example.com/logo.png\n",
        "image: '{{ .Values.x }}'\n",
    ] {
        let scan = found(text);
        assert_eq!((scan.references.len(), scan.notes.len()), (0, 1), "{text}: {:?}", scan.references);
    }
    assert!(found("git: {repository: 'https://x.example.com/a', tag: v1}\n").references.is_empty());
}

#[test]
fn what_cannot_be_edited_says_why() {
    for (text, why) in [
        ("x: &t v1\nimage: {repository: acme/web, tag: *t}\n", "alias: line 1"),
        ("image:\n  repository: acme/web:v1\n  tag: v1\n", "tag of its own"),
        ("image:\n  repository: acme/web\n  tag: v1\n  tag: v2\n", "twice"),
        ("image: {repository: '{{ x }}', tag: v1}\n", "another program"),
        ("global: {imageRegistry: m.example.com}\nimage: {repository: ghcr.io/acme/web, tag: v1}\n", "of its own"),
    ] {
        let blocked = only(text).blocked.unwrap_or_default();
        assert!(blocked.contains(why), "{text}: {blocked}");
    }
}

#[test]
fn markers_are_followed_and_take_the_whole_pair() {
    let reference =
        only("image:\n  repository: acme/web # landwaiter: web:name\n  tag: v1 # landwaiter: web:tag\n  digest: ''\n");
    assert_eq!(reference.marker.unwrap().policies, ["web"]);
    assert_eq!(reference.slots.iter().map(|slot| slot.part).collect::<Vec<_>>(), [Part::Name, Part::Tag, Part::Digest]);
    let other = only("image:\n  repository: acme/web\n  tag: acme/web:v1 # landwaiter: web\n");
    assert_eq!(other.shape, Shape::Marked);
}

#[test]
fn many_keys_in_one_mapping_cost_no_more_than_their_sum() {
    let text = (0..20_000).map(|n| format!("a{n}Image: acme/web\na{n}ImageTag: v1\n")).collect::<String>();
    assert_eq!(found(&text).references.len(), 20_000);
}
