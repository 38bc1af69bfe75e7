//! What is worth reading: by name, then by a search at memory speed.
//!
//! The search may say yes too often, never no where a shape or a marker would find something: the keys that shapes look
//! for end in `image` or go with it, a few have a word of their own, and so has every marker.

use super::{chart, helm, helmfile, kustomize, unread};
use crate::yaml;
use memchr::memmem;

/// Whether a file's name says that it may hold references: `*.yaml`, `*.yml`, `*.json`, `Kustomization`.
pub fn candidate_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name == "Kustomization" || [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end))
}

/// Whether a file, or one document of it, may hold a reference, a marker or a hold, or is text that must be reported.
pub fn worth_parsing(bytes: &[u8]) -> bool {
    let has = |word: &[u8]| memmem::find(bytes, word).is_some();
    yaml::is_utf16(bytes)
        || has_image_key(bytes)
        || has(b"landwaiter")
        || has(b"oci://")
        || has(b"docker://")
        || has(b"container:")
        || has(b"bundle")
        || has(b"targetRevision")
        || has_repository_and_tag(bytes)
        || unread::names_a_registry(bytes)
        || has_helm_object(bytes)
}

/// Whether a file is worth reading, by its name and what it holds.
pub(super) fn worth_reading(path: &str, bytes: &[u8]) -> bool {
    worth_parsing_in(path, bytes) && worth_parsing_as(path, bytes)
}

/// As [`worth_parsing`], for a document of the file at `path`: in files that are known by their names charts are named
/// without a word that says so.
pub(super) fn worth_parsing_in(path: &str, bytes: &[u8]) -> bool {
    let has = |word: &[u8]| memmem::find(bytes, word).is_some();
    worth_parsing(bytes)
        || (helmfile::is_helmfile(path) && (has(b"chart") || has(b"repositories")))
        || (helm::is_values_file(path) && has(b"tag"))
        || (chart::is_chart_file(path) && has(b"dependencies"))
        || (kustomize::is_called_so(path) && (has(b"helmCharts") || has(b"values")))
}

/// A release, a chart or a repository of charts of Flux.
fn has_helm_object(bytes: &[u8]) -> bool {
    let kinds: [&[u8]; 3] = [b"Release", b"Repository", b"Chart"];
    memmem::find_iter(bytes, b"Helm").any(|at| kinds.iter().any(|kind| bytes[at + 4..].starts_with(kind)))
}

/// What else a file must have, by its name. JSON is used for everything: only objects and patches of Kubernetes count.
fn worth_parsing_as(path: &str, bytes: &[u8]) -> bool {
    let has = |word: &[u8]| memmem::find(bytes, word).is_some();
    !path.ends_with(".json") || (has(b"\"apiVersion\"") && has(b"\"kind\"")) || (has(b"\"op\"") && has(b"\"path\""))
}

/// A pair under other keys than an image's.
fn has_repository_and_tag(bytes: &[u8]) -> bool {
    let has = |word: &[u8]| memmem::find(bytes, word).is_some();
    has(b"repository") && has(b"tag")
}

/// What a key may go on with behind `image`. `imagePullPolicy`, which stands in every other manifest, is none of it.
const ENDS: [&[u8]; 12] = [
    b"",
    b"s",
    b"Tag",
    b"_tag",
    b".tag",
    b"Repository",
    b"_repository",
    b".repository",
    b"Name",
    b"_name",
    b".name",
    b"Registry",
];

/// `image` as the end of a key or of a path, in any spelling, or one of the keys that go with it, or Flux's marker.
fn has_image_key(bytes: &[u8]) -> bool {
    memmem::find_iter(bytes, b"mage").chain(memmem::find_iter(bytes, b"MAGE")).any(|at| {
        if !matches!(at.checked_sub(1).map(|at| bytes[at]), Some(b'i' | b'I')) {
            return false;
        }
        let rest = &bytes[at + 4..];
        let word =
            rest.iter().position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'))).unwrap_or(rest.len());
        let (end, rest) = rest.split_at(word);
        if ENDS.contains(&end) {
            // `? image` puts the colon on the next line; a patch's path and a parameter's name end in a comma or a brace.
            let in_path = end.starts_with(b".") || bytes[..at - 1].ends_with(b"/");
            return match rest.iter().find(|b| !matches!(b, b'"' | b'\'' | b' ' | b'\t')) {
                None | Some(b':' | b'\n' | b'\r' | b'#') => true,
                Some(b',' | b'}') => in_path,
                Some(_) => false,
            };
        }
        end.starts_with(b"policy") && at >= 2 && bytes[at - 2] == b'$'
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_chosen_by_name() {
        for path in ["a.yaml", "x/b.yml", "Kustomization", "x/Kustomization", ".hidden/c.yaml", "a.json"] {
            assert!(candidate_file(path), "{path}");
        }
        for path in ["a.jsonnet", "kustomization", "a.yaml.tpl", "yaml", "Kustomization/readme"] {
            assert!(!candidate_file(path), "{path}");
        }
    }

    #[test]
    fn documents_are_chosen_by_the_words_that_shapes_and_markers_need() {
        for text in [
            "image: x",
            "\"image\": x",
            "'image' : x",
            "? image\n: x",
            "? image # which\n: x",
            "path: /spec/containers/0/image # the web container",
            "images:\n- name: x",
            "{images: []}",
            "tag: x # {\"$imagepolicy\": \"a:b\"}",
            "# landwaiter: web",
            "# landwaiter-hold: x",
            "fooImage: x",
            "FOO_IMAGE: x",
            "imageTag: x",
            "image_tag: x",
            "imageRepository: x",
            "- {op: replace, path: /spec/image, value: x}",
            "- name: image.tag",
            "{name: image.tag, value: x}",
            "repository: x\ntag: y",
            "url: oci://x",
            "uses: docker://x",
            "container: x",
            "kind: HelmRelease",
            "\"kind\": \"HelmRepository\"",
        ] {
            assert!(worth_parsing(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "imagePullPolicy: Always",
            "kind: ImagePolicy",
            "imagepolicy: x",
            "# an image of it",
            "- an image, and more",
        ] {
            assert!(!worth_parsing(text.as_bytes()), "{text}");
        }
        assert!(worth_parsing_as("x.json", br#"{"apiVersion": "v1", "kind": "Pod"}"#));
        assert!(!worth_parsing_as("package.json", br#"{"image": "a.png", "kind": 1}"#));
        assert!(worth_parsing(b"\xff\xfei\0m\0"), "UTF-16 must be reported, so it is worth a look");
    }
}
