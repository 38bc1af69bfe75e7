//! What is worth reading: by name, then by a search at memory speed.
//!
//! The search may say yes too often, never no where a shape or a marker would find something: every key that a shape looks
//! for is `image` or `images`, and every marker has a word of its own.

use crate::yaml;
use memchr::memmem;

/// Whether a file's name says that it may hold references: `*.yaml`, `*.yml`, `Kustomization`.
pub fn candidate_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name == "Kustomization" || name.ends_with(".yaml") || name.ends_with(".yml")
}

/// Whether a file, or one document of it, may hold a reference, a marker or a hold, or is text that must be reported.
pub fn worth_parsing(bytes: &[u8]) -> bool {
    yaml::is_utf16(bytes) || has_image_key(bytes) || memmem::find(bytes, b"landwaiter").is_some()
}

/// `image` or `images` as a key in any spelling, or Flux's marker.
fn has_image_key(bytes: &[u8]) -> bool {
    memmem::find_iter(bytes, b"image").any(|at| {
        let rest = &bytes[at + 5..];
        let rest = rest.strip_prefix(b"s").unwrap_or(rest);
        let word = rest.iter().position(|b| !matches!(b, b'"' | b'\'' | b' ' | b'\t'));
        match word.map(|at| rest[at]) {
            // `? image` puts the colon on the next line.
            None | Some(b':' | b'\n' | b'\r') => true,
            _ => rest.starts_with(b"policy") && bytes[..at].ends_with(b"$"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_chosen_by_name() {
        for path in ["a.yaml", "x/b.yml", "Kustomization", "x/Kustomization", ".hidden/c.yaml"] {
            assert!(candidate_file(path), "{path}");
        }
        for path in ["a.json", "kustomization", "a.yaml.tpl", "yaml", "Kustomization/readme"] {
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
            "images:\n- name: x",
            "{images: []}",
            "tag: x # {\"$imagepolicy\": \"a:b\"}",
            "# landwaiter: web",
            "# landwaiter-hold: x",
        ] {
            assert!(worth_parsing(text.as_bytes()), "{text}");
        }
        for text in ["", "imagePullPolicy: Always", "kind: ImagePolicy", "imagepolicy: x", "# an image of it"] {
            assert!(!worth_parsing(text.as_bytes()), "{text}");
        }
        assert!(worth_parsing(b"\xff\xfei\0m\0"), "UTF-16 must be reported, so it is worth a look");
    }
}
