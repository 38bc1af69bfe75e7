//! Globs over files and over repositories.

use super::budget::SMALL;
use super::problems::Problems;
use super::shape::shown;
use super::tree::Scalar;
use super::values::FromScalar;
use crate::image::{DOCKER_HUB, Repository, is_hub};
use crate::policy::ImagePattern;
use globset::{GlobBuilder, GlobMatcher};

/// The longest glob, in bytes.
pub(super) const MAX_GLOB: usize = 1024;
/// The most alternatives in braces that one glob may open.
pub(super) const MAX_BRACES: usize = 16;

/// A glob over paths of the config repository: `*` stays within one folder, `**` crosses folders.
#[derive(Debug, Clone)]
pub(super) struct FileGlob(pub(super) GlobMatcher);

impl FromScalar for FileGlob {
    const WANTED: &'static str = "a glob";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<FileGlob> {
        let text = scalar.text.as_str();
        let refusal = if text.is_empty() {
            Some(("empty glob", "`**` is every file".to_owned()))
        } else if let Some(rest) = text.strip_prefix("./").or_else(|| text.strip_prefix('/')) {
            Some(("paths start at the repository's root", format!("write `{}`", shown(rest))))
        } else if text.split('/').any(|part| part == "..") {
            Some(("`..` leaves the repository", "paths start at its root".to_owned()))
        } else if text.ends_with('/') {
            Some(("names a folder, not files", format!("write `{}**`", shown(text))))
        } else {
            None
        };
        if let Some((message, hint)) = refusal {
            problems.error(scalar.span, format!("bad glob: {message}"), hint);
            return None;
        }
        glob(text, scalar, problems).map(FileGlob)
    }
}

/// A glob over names that have parts, such as URLs and policies: `*` stays within one part, `**` crosses parts.
#[derive(Debug, Clone)]
pub(super) struct NameGlob(pub(super) GlobMatcher);

impl FromScalar for NameGlob {
    const WANTED: &'static str = "a name or glob";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<NameGlob> {
        if scalar.text.is_empty() {
            problems.error(scalar.span, "bad glob: empty", "`**` is every name");
            return None;
        }
        glob(scalar.text.as_str(), scalar, problems).map(NameGlob)
    }
}

/// Compiles `text`, which stands at `scalar`.
fn glob(text: &str, scalar: &Scalar, problems: &mut Problems) -> Option<GlobMatcher> {
    // The compiler takes what fits these for granted, and panics beyond far larger ones.
    if text.len() > MAX_GLOB || text.matches('{').count() > MAX_BRACES {
        let message = format!("longer than {MAX_GLOB} bytes, or more than {MAX_BRACES} braces");
        problems.error(scalar.span, format!("bad glob: {message}"), "write several globs");
        return None;
    }
    if !problems.spend(SMALL) {
        return None;
    }
    let built = GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build();
    built
        .map(|glob| glob.compile_matcher())
        .map_err(|error| problems.error(scalar.span, format!("bad glob: {}", error.kind()), ""))
        .ok()
}

impl FromScalar for ImagePattern {
    const WANTED: &'static str = "a repository or glob";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<ImagePattern> {
        let text = scalar.text.as_str();
        // A leading bracket belongs to an IPv6 host.
        if !text.trim_start_matches('[').contains(['*', '?', '{', '[']) {
            return exact_image(scalar, problems).map(ImagePattern::Exact);
        }
        let canonical = canonical_glob(text);
        let refusal = if text.contains("://") {
            Some(("a URL scheme does not belong in an image name", String::new()))
        } else if text.chars().any(|c| c.is_ascii_uppercase()) {
            Some((
                "repository names are lowercase, so this matches none",
                format!("write `{}`", shown(&text.to_lowercase())),
            ))
        } else if canonical.is_none() {
            Some((
                "it is not clear whether `*` stands for a registry or for a name on Docker Hub",
                "`**` is every repository, `docker.io/*/*` every one on Docker Hub".to_owned(),
            ))
        } else {
            None
        };
        if let Some((message, hint)) = refusal {
            problems.error(scalar.span, format!("bad image glob: {message}"), hint);
            return None;
        }
        glob(&canonical?, scalar, problems).map(ImagePattern::Glob)
    }
}

fn exact_image(scalar: &Scalar, problems: &mut Problems) -> Option<Repository> {
    let text = scalar.text.as_str();
    let last = text.rfind('/').map_or(0, |at| at + 1);
    let bare = text.split('@').next().unwrap_or(text);
    let bare = match bare.get(last..).and_then(|name| name.find(':')) {
        Some(colon) if Repository::parse(&bare[..last + colon]).is_ok() => &bare[..last + colon],
        _ => bare,
    };
    if bare.len() < text.len() && Repository::parse(bare).is_ok() {
        problems.error(
            scalar.part(bare.len()..text.len()),
            "`images` names repositories, without tag or digest",
            format!("write `{}`", shown(bare)),
        );
        return None;
    }
    Repository::parse(text).map_err(|error| problems.error(scalar.span, error.to_string(), "")).ok()
}

/// The glob over canonical names that `text` means, by the rule that [`Repository::parse`] has for names without a host.
/// `None` when a leading `*` could stand for either.
pub(super) fn canonical_glob(text: &str) -> Option<String> {
    match text.split_once('/') {
        _ if text == "**" => Some(text.to_owned()),
        None if text == "*" => None,
        None => Some(format!("docker.io/library/{text}")),
        Some(("*", _)) => None,
        Some((hub, path)) if is_hub(hub) => {
            let library = if path.contains('/') || path.starts_with("**") { "" } else { "library/" };
            Some(format!("{DOCKER_HUB}/{library}{path}"))
        }
        Some((first, _)) if first == "**" || first == "localhost" || first.contains(['.', ':']) => {
            Some(text.to_owned())
        }
        Some(_) => Some(format!("docker.io/{text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::shape::Shape;
    use crate::config::tree;

    fn read<T: Shape>(text: &str) -> Option<T> {
        let quoted = serde_json::to_string(text).unwrap();
        let mut problems = Problems::new("x.yaml", &quoted);
        let node = tree::documents(&quoted, &mut problems).remove(0);
        T::read(&node, &mut problems)
    }

    #[test]
    fn image_globs_are_read_as_docker_reads_names() {
        for (glob, image, matches) in [
            ("ghcr.io/acme/*", "ghcr.io/acme/web", true),
            ("ghcr.io/acme/*", "ghcr.io/acme/web/nginx", false),
            ("ghcr.io/acme/**", "ghcr.io/acme/web/nginx", true),
            ("acme/*", "acme/web", true),
            ("acme/*", "ghcr.io/acme/web", false),
            ("nginx-*", "nginx-unprivileged", true),
            ("nginx-*", "acme/nginx-x", false),
            ("**", "nginx", true),
            ("docker.io/*", "nginx", true),
            ("docker.io/*", "acme/web", false),
            ("docker.io/**", "acme/web", true),
            ("index.docker.io/acme/*", "acme/web", true),
            ("registry-1.docker.io/library/*", "nginx", true),
            ("**/web", "ghcr.io/acme/web", true),
            ("**/web", "acme/web", true),
            ("*.example.com/web", "registry.example.com/web", true),
            ("localhost/*", "localhost/web", true),
            ("registry.example.com:5000/*", "registry.example.com:5000/web", true),
            ("ghcr.io/acme/{web,api}", "ghcr.io/acme/api", true),
            ("ghcr.io/acme/web?", "ghcr.io/acme/web2", true),
        ] {
            let Some(ImagePattern::Glob(pattern)) = read(glob) else {
                panic!("{glob} is no glob");
            };
            let repository = Repository::parse(image).unwrap();
            assert_eq!(pattern.is_match(repository.as_str()), matches, "{glob} and {image}");
        }
    }

    #[test]
    fn exact_images_are_canonical() {
        for (text, canonical) in [
            ("nginx", "docker.io/library/nginx"),
            ("[::1]:5000/web", "[::1]:5000/web"),
            ("registry.example.com:5000/web", "registry.example.com:5000/web"),
        ] {
            let Some(ImagePattern::Exact(repository)) = read(text) else {
                panic!("{text} is not exact");
            };
            assert_eq!(repository.as_str(), canonical);
        }
    }

    #[test]
    fn file_globs_keep_to_folders() {
        for (glob, file, matches) in [
            ("apps/*/x.yaml", "apps/web/x.yaml", true),
            ("apps/*/x.yaml", "apps/web/a/x.yaml", false),
            ("apps/**", "apps/web/a/x.yaml", true),
            ("**/x.yaml", "x.yaml", true),
            ("apps", "apps/x.yaml", false),
        ] {
            let FileGlob(pattern) = read(glob).unwrap();
            assert_eq!(pattern.is_match(file), matches, "{glob} and {file}");
        }
    }

    /// The library panics on globs whose expression its compiler refuses; the limits keep far below that.
    #[test]
    fn the_largest_globs_compile() {
        for glob in [
            "?".repeat(MAX_GLOB),
            "*".repeat(MAX_GLOB),
            format!("{}x", "**/".repeat(MAX_GLOB / 3 - 1)),
            format!("{}a{}", "{".repeat(MAX_BRACES), "}".repeat(MAX_BRACES)),
            "[!a-z]".repeat(MAX_GLOB / 6),
            format!("{{{}}}", "*,".repeat(MAX_GLOB / 2 - 1)),
        ] {
            assert!(read::<FileGlob>(&glob).is_some(), "{glob}");
        }
        assert!(read::<FileGlob>(&"?".repeat(MAX_GLOB + 1)).is_none());
        assert!(read::<FileGlob>(&format!("{}a{}", "{".repeat(MAX_BRACES + 1), "}".repeat(MAX_BRACES + 1))).is_none());
        assert!(read::<FileGlob>(&format!("{}a{}", "{".repeat(300), "}".repeat(300))).is_none());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_value_or_an_error(text in "[-a-zA-Z0-9*?\\[\\]{},:/@. é\\\\]{0,40}") {
            let _: Option<ImagePattern> = read(&text);
            let _: Option<FileGlob> = read(&text);
        }
    }
}
