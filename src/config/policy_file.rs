//! The shape of a policy file: its keys, their types, and one sentence for each, which editors show.
//!
//! This file is the list of what can be written today. What is designed but not built stands under `refused` with what
//! works instead, and moves up when it is built. What the values mean together is checked in `check`.

use super::declare::{record, words};
use super::extract::Template;
use super::globs::FileGlob;
use super::locations::LocationShape;
use super::pattern::Pattern;
use super::problems::Problems;
use super::pulls::PullRequestShape;
use super::require::{LongTime, RequireShape};
use super::shape::{Refusal, Shape, Spanned, read_record};
use super::shipped::Shipped;
use super::sources::{BranchName, SourceUrl};
use super::tree::{Node, Value};
use super::windows::WindowShape;
use super::wording::{BodyText, SubjectText};
use crate::image::Tag;
use crate::policy::{
    Family, FloatingCurrent, Grouping, Guard, ImagePattern, Order, Parts, Pin, PolicyName, Source, WriteMode,
};
use crate::schedule::{Cron, Zone};
use crate::version::range::Range;
use serde_json::{Value as Json, json};

/// The version of both our file formats.
#[derive(Debug, Clone, Copy)]
pub(super) struct ApiVersion;

words! { ApiVersion { "landwaiter/v1" => ApiVersion, } }

/// What a policy file says it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct PolicyKind;

words! { PolicyKind { "ImagePolicies" => PolicyKind, } }

record! {
    /// Policies for container images: which tag each reference in this repository should carry.
    pub(super) struct PolicyFile {
        /// The version of this format.
        "apiVersion" required => api_version: ApiVersion,
        /// What this document is.
        "kind" required => kind: PolicyKind,
        /// What holds for every policy of this document that does not say otherwise.
        "defaults" => defaults: Defaults,
        /// Repositories or globs: in the whole config repository, only images that one of these names are touched.
        "allow" => allow: Vec<Spanned<ImagePattern>>,
        /// Repositories or globs: in the whole config repository, images that one of these names are never touched.
        "deny" => deny: Vec<Spanned<ImagePattern>>,
        /// The policies of this document; names are unique in a repository.
        "policies" required => policies: Vec<Spanned<PolicyShape>>,
        /// Places where references are that are not found by themselves: a path or an expression for some files.
        "locations" => locations: Vec<Spanned<LocationShape>>,
    }
}

record! {
    /// What holds for every policy of this document that does not say otherwise.
    pub(super) struct Defaults {
        ..rules: Rules,
    }
    refused {
        "name" => Refusal::Never("belongs to a single policy", "`defaults` has what policies share"),
        "images" => Refusal::Never("belongs to a single policy", "`defaults` has what policies share"),
        "extends" => Refusal::Never("belongs to a single policy", "name shipped policies in each policy"),
    }
}

record! {
    /// A named rule.
    pub(super) struct PolicyShape {
        /// Unique in the repository: lowercase letters, digits, `-`, `.` and `/`. Markers name it.
        "name" required => name: PolicyName,
        /// Shipped policies whose fields this one starts from; later ones win, and its own fields win over all.
        "extends" => extends: Vec<Spanned<&'static Shipped>>,
        /// Repositories, exact or as globs over the full name with host. Without it only markers use the policy.
        "images" => images: Vec<Spanned<ImagePattern>>,
        ..rules: Rules,
    }
}

record! {
    /// The fields that policies, defaults and shipped policies share.
    pub(super) struct Rules {
        /// Globs of the files in which references may be changed. Without it: every file.
        "files" => files: Vec<Spanned<FileGlob>>,
        /// Which tags are looked at, and what of them is ordered.
        "tags" => tags: Tags,
        /// How candidates are ordered and what they must satisfy: exactly one kind.
        "select" => select: SelectShape,
        /// What a candidate must satisfy beside its place in the order; one that fails is passed over.
        "require" => require: RequireShape,
        /// How much of the current tag's shape a candidate must share: the same words (`compatible`), the identical
        /// suffix (`exact`), or nothing (`any`).
        "family" => family: Family,
        /// What to do with a reference whose current tag moves, such as `latest`: leave it (`hold`) or write the tag
        /// the policy chooses (`pin`).
        "floating" => floating: FloatingCurrent,
        /// Lets a lower version be written.
        "allowDowngrade" => allow_downgrade: bool,
        /// Lets a current tag be replaced that the policy cannot compare.
        "allowReplace" => allow_replace: bool,
        /// Tags that are right although they look like outliers.
        "accept" => accept: Vec<Spanned<Tag>>,
        /// Guards that are switched off by name.
        "disable" => disable: Vec<Spanned<Guard>>,
        /// What is written. A reference that carries a digest keeps one whatever stands here.
        "pin" => pin: Pin,
        /// How often it is checked whether the current tag still names the image that it was seen to name, such as `24h`.
        /// A tag that moved is reported, never followed.
        "watchDigest" => watch: LongTime,
        /// Whether marked lines of text that is no YAML, such as Helm templates, may be changed: `skip` leaves them alone,
        /// `markers` lets simple lines be changed.
        "templates" => templates: Templates,
        /// How the change reaches Git.
        "write" => write: WriteShape,
        /// When changes may be written; outside of them they are held. Without it: at any time.
        "windows" => windows: Vec<Spanned<WindowShape>>,
        /// When the service looks, as a cron expression of five fields, or six with seconds first. Without it: when it looks at the
        /// repository.
        "schedule" => schedule: Cron,
        /// The IANA name of the time zone whose clocks the schedule means. Without it: the service's.
        "timeZone" => zone: Zone,
    }
    refused {
        "freeze" => Refusal::Never("is a window here", "write `windows: [{kind: deny, dates: {first: ..., last: ...}, reason: ...}]`"),
        "semver" => Refusal::Never("belongs under `select`", "write `select: {semver: ...}`"),
        "numeric" => Refusal::Never("belongs under `select`", "write `select: {numeric: ...}`"),
        "alphabetical" => Refusal::Never("belongs under `select`", "write `select: {alphabetical: ...}`"),
        "match" => Refusal::Never("belongs under `tags`", "write `tags: {match: ...}`"),
        "extract" => Refusal::Never("belongs under `tags`", "write `tags: {extract: ...}`"),
        "exclude" => Refusal::Never("belongs under `tags`", "write `tags: {exclude: [...]}`"),
        "credentials" => SETTINGS,
        "password" => Refusal::Secret("change it, for it is in the repository now; the operator's settings refer to secrets"),
        "token" => Refusal::Secret("change it, for it is in the repository now; the operator's settings refer to secrets"),
        "caFile" => SETTINGS,
        "plainHttp" => SETTINGS,
        "insecure" => SETTINGS,
    }
}

impl Rules {
    /// How many entries its lists have.
    pub(super) fn entries(&self) -> usize {
        let tags = self.tags.as_given().map_or(0, |tags| tags.value.exclude.entries());
        let require = self.require.as_given().map_or(0, |require| require.value.entries());
        self.files.entries() + self.windows.entries() + require + self.accept.entries() + self.disable.entries() + tags
    }
}

/// A policy file is written by people who may not name secrets, files of the machine or transports.
const SETTINGS: Refusal = Refusal::Never(
    "does not belong in a policy",
    "registries are described in the operator's settings, see `landwaiter schema settings`",
);

record! {
    /// Which tags are looked at, and what of them is ordered. Expressions are unanchored.
    pub(super) struct Tags {
        /// A regular expression (RE2): tags that it does not match are passed over.
        "match" => matching: Pattern,
        /// A template over the groups of `match`, such as `$version`: its result is ordered instead of the tag.
        "extract" => extract: Template,
        /// Regular expressions: tags that one of them matches are passed over.
        "exclude" => exclude: Vec<Spanned<Pattern>>,
    }
}

record! {
    /// How the change reaches Git.
    pub(super) struct WriteShape {
        /// A commit on the branch (`commit`), a branch and a pull request (`pullRequest`), or decide and show only (`report`).
        "mode" => mode: WriteMode,
        /// Which changes share a commit or a pull request: all of a `run`, those of one `policy`, `directory` or `file`, or those
        /// for which a template over `policy`, `image`, `file` and `directory` has the same result. Without it: `run` for
        /// commits, `policy` for pull requests.
        "group" => group: Grouping,
        /// The commit's first line, a template such as `{{ summary }} [skip ci]`.
        "subject" => subject: SubjectText,
        /// What follows it, before the trailers: a template such as `{{ table }}`.
        "body" => body: BodyText,
        /// What its pull requests are like.
        "pullRequest" => pull_request: PullRequestShape,
    }
    refused {
        "labels" => Refusal::Never("belongs under `pullRequest`", "write `pullRequest: {labels: [...]}`"),
        "reviewers" => Refusal::Never("belongs under `pullRequest`", "write `pullRequest: {reviewers: [...]}`"),
        "assignees" => Refusal::Never("belongs under `pullRequest`", "write `pullRequest: {assignees: [...]}`"),
        "draft" => Refusal::Never("belongs under `pullRequest`", "write `pullRequest: {draft: true}`"),
        "autoMerge" => Refusal::Never("belongs under `pullRequest`", "write `pullRequest: {autoMerge: patch}`"),
        "message" => Refusal::Never("is two things here", "`subject` is the first line, `body` what follows it"),
    }
}

/// The chosen kind of `select`.
#[derive(Debug, Clone)]
pub(super) enum SelectShape {
    Semver(SemverShape),
    Calver(Calver),
    Numeric(Order),
    Alphabetical(Order),
    Newest,
    Commit(Source),
    Digest(Tag),
}

record! {
    /// How candidates are ordered and what they must satisfy: exactly one kind.
    struct Kinds {
        /// Versions in a range such as `>=1.4 <2`, the greatest first.
        "semver" => semver: SemverShape,
        /// Dates as calver.org's tokens write them, such as `YYYY.0M.MICRO`, the latest first.
        "calver" => calver: Calver,
        /// The extracted key as a number of any length: `asc` chooses the greatest.
        "numeric" => numeric: Order,
        /// The extracted key by bytes: `asc` chooses the last.
        "alphabetical" => alphabetical: Order,
        /// The image that was built last, by its own date: `created`.
        "newest" => newest: Newest,
        /// The newest commit of a branch that has an image, by the history of the repository that images are built from.
        "commit" => commit: SourceShape,
        /// One moving tag by name, written only together with its digest.
        "digest" => digest: Tag,
    }
    refused {
        "promote" => Refusal::NotYet(KINDS_TODAY),
    }
}

const KINDS_TODAY: &str = "built today: `semver`, `calver`, `numeric`, `alphabetical`, `newest`, `commit` and `digest`; with \
                           `tags.extract` they order build numbers and time stamps too";

record! {
    /// The history by which commit ids are ordered.
    struct SourceShape {
        /// The repository that the images are built from: an `https://` or `ssh://` URL, on a host that the settings allow.
        "repository" required => repository: SourceUrl,
        /// The branch whose commits count.
        "branch" required => branch: BranchName,
    }
    refused {
        "url" => Refusal::Never("is called `repository` here", "write `repository: ...`"),
        "credentials" => SETTINGS,
    }
}

impl SourceShape {
    fn source(self) -> Option<SelectShape> {
        let SourceUrl { url, host } = self.repository.value()?;
        Some(SelectShape::Commit(Source { url, host, branch: self.branch.value()?.0 }))
    }
}

/// Calendar versions.
pub(super) type Calver = crate::version::calver::Pattern;

/// What the newest image is told by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Newest;

words! { Newest { "created" => Newest, } }

impl Shape for SelectShape {
    fn read(node: &Node, problems: &mut Problems) -> Option<SelectShape> {
        if let Value::Text(scalar) = &node.value {
            let hint = format!("write `{{semver: {:?}}}`", super::shape::shown(&scalar.text));
            problems.error(node.span, "expected a mapping with one kind, found a text", hint);
            return None;
        }
        if let Value::Map(entries) = &node.value
            && entries.len() != 1
        {
            let keys: Vec<&str> = entries.iter().map(|(key, _)| key.text.as_str()).collect();
            let message = match keys.as_slice() {
                [] => "`select` names no kind".to_owned(),
                several => format!("`select` has more than one key: `{}`", several.join("`, `")),
            };
            let span = entries.get(1).map_or(node.span, |(key, _)| key.span);
            problems.error(
                span,
                message,
                "write exactly one of `semver`, `calver`, `numeric`, `alphabetical`, `newest`, `commit`, `digest`",
            );
        }
        let kinds: Kinds = read_record(node, problems)?;
        let semver = kinds.semver.value().map(SelectShape::Semver);
        let numeric = kinds.numeric.value().map(SelectShape::Numeric);
        let others = [
            kinds.calver.value().map(SelectShape::Calver),
            kinds.alphabetical.value().map(SelectShape::Alphabetical),
            kinds.newest.value().map(|_| SelectShape::Newest),
            kinds.commit.value().and_then(SourceShape::source),
            kinds.digest.value().map(SelectShape::Digest),
        ];
        semver.or(numeric).or(others.into_iter().flatten().next())
    }

    fn schema() -> Json {
        let mut schema = Kinds::schema();
        schema["minProperties"] = json!(1);
        schema["maxProperties"] = json!(1);
        schema
    }
}

/// A range, alone or with what else can be said about versions.
#[derive(Debug, Clone)]
pub(super) struct SemverShape {
    pub(super) range: Range,
    pub(super) parts: Option<Parts>,
    pub(super) prereleases: bool,
}

record! {
    /// A range with what else can be said about versions.
    struct LongSemver {
        /// The range, in the language of Masterminds/semver: `>=1.4 <2`, `~1.2`, `^1.2 || 3.x`.
        "range" required => range: Range,
        /// How many dot-separated parts a tag must have, at least: 3 if nothing is said.
        "parts" => parts: Parts,
        /// Admits every pre-release in the range, rather than those the range asks for.
        "prereleases" => prereleases: bool,
    }
}

impl Shape for SemverShape {
    fn read(node: &Node, problems: &mut Problems) -> Option<SemverShape> {
        if !matches!(node.value, Value::Map(_)) {
            return Range::read(node, problems).map(|range| SemverShape { range, parts: None, prereleases: false });
        }
        let long: LongSemver = read_record(node, problems)?;
        Some(SemverShape {
            range: long.range.value()?,
            parts: long.parts.value(),
            prereleases: long.prereleases.value().unwrap_or(false),
        })
    }

    fn schema() -> Json {
        json!({ "oneOf": [Range::schema(), LongSemver::schema()] })
    }
}

words! {
    Order {
        "asc" => Order::Asc,
        "desc" => Order::Desc,
    }
}

words! {
    Family {
        "compatible" => Family::Compatible,
        "exact" => Family::Exact,
        "any" => Family::Any,
    }
}

words! {
    FloatingCurrent {
        "hold" => FloatingCurrent::Hold,
        "pin" => FloatingCurrent::Pin,
    }
}

words! {
    Guard {
        "floating" => Guard::Floating,
        "artefact" => Guard::Artefact,
        "hash" => Guard::Hash,
        "outlier" => Guard::Outlier,
    }
    refused {
        "downgrade" => Refusal::Never("is not switched off here", "write `allowDowngrade: true`"),
    }
}

words! {
    Pin {
        "tag" => Pin::Tag,
        "digest" => Pin::Digest,
        "tag+digest" => Pin::TagAndDigest,
    }
}

/// What is done about text that is no YAML.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Templates {
    #[default]
    Skip,
    Markers,
}

words! {
    Templates {
        "skip" => Templates::Skip,
        "markers" => Templates::Markers,
    }
}

words! {
    WriteMode {
        "commit" => WriteMode::Commit,
        "pullRequest" => WriteMode::PullRequest,
        "report" => WriteMode::Report,
    }
}
