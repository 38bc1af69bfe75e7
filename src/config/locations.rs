//! Declared locations: where references are that no shape knows.
//!
//! ```yaml
//! locations:
//!   - {files: ["envs/*.yaml"], path: "web.version", holds: tag, image: ghcr.io/acme/web}
//!   - {files: ["**/Dockerfile"], pattern: '(?m)^FROM (?P<image>\S+:\S+)'}
//! ```

use super::declare::{record, words};
use super::globs::FileGlob;
use super::pattern::Pattern;
use super::problems::Problems;
use super::shape::{Field, Spanned, shown};
use super::tree::Scalar;
use super::values::FromScalar;
use crate::image::Repository;
use crate::site::{Location, Part, Placed, Way};
use crate::text::{Span, nearest};

record! {
    /// A place in some files where references are named that are not found by themselves.
    pub(super) struct LocationShape {
        /// Globs of the files, whatever they are called.
        "files" required => files: Vec<Spanned<FileGlob>>,
        /// A path to the value in every YAML document of the files, such as `spec.containers[name=web].image`.
        "path" => path: Way,
        /// A regular expression (RE2) over the text of the files with groups called `image`, `repository`, `tag` or
        /// `digest`.
        "pattern" => pattern: Pattern,
        /// What the value at `path` is: a whole reference (`image`, if nothing is said), one part of it, or a mapping of
        /// Helm `values`, for which `path` may be left out.
        "holds" => holds: Holds,
        /// The repository, where only a tag or a digest stands in the files.
        "image" => image: Repository,
    }
}

/// What a declared value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    Part(Part),
    Values,
}

words! {
    Holds {
        "image" => Holds::Part(Part::Whole),
        "repository" => Holds::Part(Part::Name),
        "tag" => Holds::Part(Part::Tag),
        "digest" => Holds::Part(Part::Digest),
        "values" => Holds::Values,
    }
}

impl FromScalar for Way {
    const WANTED: &'static str = "a path";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Way> {
        Way::parse(&scalar.text)
            .map_err(|error| {
                let span = scalar.part(error.at..scalar.text.len().max(error.at));
                problems.error(span, format!("bad path: {error}"), "for example `spec.containers[name=web].image`");
            })
            .ok()
    }
}

impl FromScalar for Repository {
    const WANTED: &'static str = "a repository";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Repository> {
        Repository::parse(&scalar.text)
            .map_err(|error| problems.error(scalar.span, error.to_string(), "without tag or digest"))
            .ok()
    }
}

/// The location, unless something is wrong with it.
pub(super) fn location(shape: Spanned<LocationShape>, problems: &mut Problems) -> Option<Location> {
    let span = shape.span;
    let LocationShape { files, path, pattern, holds, image } = shape.value;
    let files = files.given()?;
    if files.value.is_empty() {
        problems.error(files.span, "`files` is empty", "name the files in which the place is");
        return None;
    }
    let before = problems.errors();
    let place = match (path, pattern) {
        (Field::Broken, _) | (_, Field::Broken) => return None,
        (Field::Given(path), Field::Given(_)) => {
            problems.error(path.span, "`path` and `pattern` cannot both stand here", "write two locations");
            return None;
        }
        (Field::Absent, Field::Given(pattern)) => by_pattern(pattern, &holds, &image, problems)?,
        (path, Field::Absent) => by_path(span, path, holds, &image, problems)?,
    };
    let image = match image {
        Field::Broken => return None,
        other => other.value(),
    };
    let files = files.value.into_iter().map(|glob| glob.value.0).collect();
    (problems.errors() == before).then_some(Location { files, place, image })
}

fn by_path(
    span: Span,
    path: Field<Way>,
    holds: Field<Holds>,
    image: &Field<Repository>,
    problems: &mut Problems,
) -> Option<Placed> {
    let holds = match holds {
        Field::Broken => return None,
        other => other.value().unwrap_or(Holds::Part(Part::Whole)),
    };
    if let Some(image) = image.as_given()
        && !matches!(holds, Holds::Part(Part::Tag | Part::Digest))
    {
        problems.error(image.span, "`image` says nothing new here", "it goes with `holds: tag` and `holds: digest`");
    }
    match (holds, path.value()) {
        (Holds::Part(part), Some(way)) => Some(Placed::Path(way, part)),
        (Holds::Values, way) => Some(Placed::Values(way.unwrap_or_default())),
        (Holds::Part(_), None) => {
            problems.error(span, "this location has no `path` and no `pattern`", "say where in the files it is");
            None
        }
    }
}

const GROUPS: [&str; 4] = ["image", "repository", "tag", "digest"];

fn by_pattern(
    pattern: Spanned<Pattern>,
    holds: &Field<Holds>,
    image: &Field<Repository>,
    problems: &mut Problems,
) -> Option<Placed> {
    if let Some(holds) = holds.as_given() {
        problems.error(holds.span, "`holds` goes with `path`", "the names of the pattern's groups say what they hold");
    }
    let (names, _) = pattern.value.groups();
    for name in names.iter().filter(|name| !GROUPS.contains(*name)) {
        let hint = match nearest(name, GROUPS) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`image`, `repository`, `tag` and `digest` are".to_owned(),
        };
        problems.error(pattern.span, format!("a group called `{}` is not known", shown(name)), hint);
    }
    let has = |group: &str| names.contains(&group);
    if !["image", "tag", "digest"].into_iter().any(has) {
        let hint = "write `(?P<image>...)`, or `(?P<tag>...)` beside `(?P<repository>...)`";
        problems.error(pattern.span, "no group says where an image, a tag or a digest is", hint);
    } else if !has("image") && !has("repository") && image.is_absent() {
        // A marker can still say which policy it is, and that may have exactly one image.
        let hint = "add a group `repository`, or `image: NAME`; without them only marked matches are used";
        problems.warning(pattern.span, "the pattern does not say of which repository the tag is", hint);
    }
    Some(Placed::Pattern(pattern.value.regex))
}

#[cfg(test)]
mod tests {
    use crate::config::policies::{self, Loaded};

    fn load(locations: &str) -> Loaded {
        let text = format!("apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies: []\nlocations: [{locations}]\n");
        policies::read(&[("landwaiter.yaml".to_owned(), text)])
    }

    #[test]
    fn locations_arrive_with_their_place() {
        for good in [
            "{files: ['a.yaml'], path: a.b}",
            "{files: ['a.yaml'], path: 'a[n=web].b', holds: tag, image: nginx}",
            "{files: ['*.yaml'], holds: values}",
            "{files: ['*.yaml'], path: a, holds: values}",
            "{files: ['**'], pattern: 'FROM (?P<image>x)'}",
            "{files: ['**'], pattern: '(?P<repository>a):(?P<tag>x)'}",
            "{files: ['**'], pattern: 'v(?P<tag>x)', image: nginx}",
        ] {
            let loaded = load(good);
            assert!(loaded.diagnostics.is_empty(), "{good}: {:?}", loaded.diagnostics);
            assert_eq!(loaded.declarations.locations.len(), 1, "{good}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_once_with_its_place() {
        for (bad, message) in [
            ("{path: a}", "`files` is missing"),
            ("{files: [], path: a}", "`files` is empty"),
            ("{files: ['a']}", "this location has no `path` and no `pattern`"),
            ("{files: ['a'], path: a, pattern: '(?P<image>x)'}", "`path` and `pattern` cannot both stand here"),
            ("{files: ['a'], path: 'a..b'}", "bad path: a key is missing"),
            ("{files: ['a'], path: a, image: nginx}", "`image` says nothing new here"),
            ("{files: ['a'], path: a, holds: tga}", "unknown value `tga`"),
            ("{files: ['a'], pattern: '(?P<imag>x)(?P<tag>y)', image: nginx}", "a group called `imag` is not known"),
            ("{files: ['a'], pattern: 'x'}", "no group says where an image, a tag or a digest is"),
            ("{files: ['a'], pattern: '(?P<image>x)', holds: tag}", "`holds` goes with `path`"),
            ("{files: ['a'], pattern: '(?P<tag>x)'}", "the pattern does not say of which repository the tag is"),
        ] {
            let loaded = load(bad);
            let messages = loaded.diagnostics.iter().map(|one| one.message.as_str()).collect::<Vec<_>>();
            assert_eq!(messages, [message], "{bad}");
        }
    }
}
