//! What reads like an image where no shape looks: `name: gcr.io/acme/build:v2` in a build's steps, the value of a variable.
//!
//! ```yaml
//! steps:
//! - name: gcr.io/acme/build:v2.16.1    # noted: a person sees an image here, and nothing says that it is one
//! ```
//!
//! Only a scalar that is nothing but a registry's host, a path and a tag or digest is noted, and only in documents that
//! name a well-known registry or are read for another reason.

use super::draft::Found;
use super::value;
use super::view::{Role, View};
use memchr::memmem;
use std::collections::BTreeSet;

/// The longest text that is taken for an image.
const LONGEST: usize = 512;

/// Parts of the hosts of well-known registries.
const REGISTRIES: [&[u8]; 7] =
    [b"cr.io/", b"quay.io/", b"docker.io/", b".pkg.dev/", b"azurecr.", b"ecr.", b"mcr.microsoft.com/"];

/// Whether the bytes name a well-known registry.
pub(super) fn names_a_registry(bytes: &[u8]) -> bool {
    REGISTRIES.iter().any(|part| memmem::find(bytes, part).is_some())
}

/// Notes what no shape has claimed.
pub(super) fn note(view: &View<'_, '_>, found: &mut Found) {
    if view.role != Role::File {
        return;
    }
    let told: BTreeSet<usize> = found.notes.iter().map(|note| note.line).collect();
    let reads_so = |id: &_| view.tree.text(*id).is_some_and(reads_like_an_image);
    let unread = view.tree.ids().filter(|id| !found.is_claimed(*id)).filter(reads_so);
    let notes = unread.map(|id| {
        view.note(id, "reads like an image, and nothing here says that it is one; a marker or a declared location ties it to a policy")
    });
    let notes: Vec<_> = notes.filter(|note| !told.contains(&note.line)).collect();
    found.notes.extend(notes);
}

fn reads_like_an_image(text: &str) -> bool {
    let host = text.split_once('/').map_or("", |(host, _)| host);
    let has_host = host.contains('.') && host.split(['.', ':']).all(|part| !part.is_empty());
    text.len() <= LONGEST
        && has_host
        && !text.contains("://")
        && value::whole(text).is_ok_and(|read| read.tag.is_some() || read.digest.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::scan;

    #[test]
    fn what_is_a_host_a_path_and_a_tag_reads_like_an_image() {
        for (text, expected) in [
            ("gcr.io/acme/build:v2.16.1", true),
            ("registry.example.com:5000/web:1", true),
            ("ghcr.io/acme/web", false),
            ("acme/web:1.2", false),
            ("https://ghcr.io/acme/web:1", false),
            ("apps.example.com/v1", false),
            ("see ghcr.io/acme/web:1", false),
            ("./a/b:c", false),
            ("10.0.0.1/24", false),
        ] {
            assert_eq!(reads_like_an_image(text), expected, "{text}");
        }
    }

    #[test]
    fn it_is_noted_where_no_shape_looks_and_only_there() {
        let build = scan("cloudbuild.yaml", b"steps:\n- id: x\n  name: 'gcr.io/acme/build:v2'\n");
        assert_eq!(build.notes.iter().map(|note| note.line).collect::<Vec<_>>(), [3]);
        let pod = b"apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: gcr.io/acme/web:v1\n    env:\n    - {name: A, value: 'gcr.io/acme/side:v1'}\n";
        let pod = scan("pod.yaml", pod);
        assert_eq!((pod.references.len(), pod.notes.len()), (1, 1));
        assert_eq!(pod.notes[0].line, 7);
    }
}
