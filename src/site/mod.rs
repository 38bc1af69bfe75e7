//! References: where in a file an image is named, by which shape or marker, and where its parts stand.
//!
//! Scanning is pure: bytes in, [`Scan`] out. Nothing is guessed: what looks like a reference but cannot be read or edited
//! safely is returned as a reference with `blocked`, or as a note; a file that is not YAML is returned as skipped.
//!
//! | file | finds |
//! |---|---|
//! | `declared`, `way`, `text` | what policy files declare: paths into YAML, Helm values, expressions over any text |
//! | `kustomize`, `patch` | `images`, Components; JSON6902 and strategic-merge patches, in files and inline |
//! | `flux`, `argo` | `OCIRepository`, `HelmRelease`, `Kustomization`; sources of `Application` and `ApplicationSet` |
//! | `cluster_api`, `tekton`, `kubernetes` | kubeadm's image repositories; bundles; `image:` in any object, YAML or JSON |
//! | `helm`, `helmfile`, `pair` | values files and inline values; how charts spell an image |
//! | `chart`, `config_map` | versions of charts in OCI registries; values and objects in a `ConfigMap` |
//! | `compose`, `workflow` | Compose services; GitHub Actions |
//! | `twice`, `unread` | keys that stand twice, and reads like an image where no shape looks: noted |
//! | `marked`, `marker`, `beside`, `template` | markers: how they read, where they may stand, what they tie |
//! | `embedded` | YAML inside a scalar, brought into the file's terms |
//! | `elsewhere` | what other files must say: the repository of a tag, the registry of a chart |
//! | `sealed` | documents that no one may change without their checksum |
//! | `written` | a scan written down and read back, for the next run |
//!
//! There is one file per shape, all of one anatomy: a module doc with an example, `find(view, found)`, tests. A shape looks
//! at one document (`View`), claims the scalars it understands and leaves a `Draft` for each reference;
//! what all shapes share (anchors, holds, lines, identity) is settled afterwards in `scan`. Shapes run in the order of
//! `SHAPES`; declared locations come first, and markers last: they take the scalars that no shape has claimed.
//! [`scan()`] knows no declarations and no other file; [`Declarations::scan`] leaves [`Open`] what [`settle`] puts together
//! when all files are read.
//!
//! ```
//! let pod = b"apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: nginx:1.27 # landwaiter: web\n";
//! let scan = landwaiter::site::scan("pod.yaml", pod);
//! let image = &scan.references[0];
//! assert_eq!((image.path.as_str(), image.line), ("spec.containers[0].image", 5));
//! assert_eq!(image.tag.as_deref(), Some("1.27"));
//! assert_eq!(image.marker.as_ref().unwrap().policies, ["web"]);
//! ```

mod anchors;
mod argo;
mod beside;
mod chart;
mod cluster_api;
mod compose;
mod config_map;
mod declared;
mod draft;
mod elsewhere;
mod embedded;
mod flux;
mod helm;
mod helmfile;
mod hold;
mod insertion;
mod kubernetes;
mod kustomize;
mod marked;
mod marker;
mod pair;
mod patch;
mod removal;
mod scan;
mod screen;
mod sealed;
mod tekton;
mod template;
mod text;
mod value;
mod view;
mod way;
mod twice;
mod unread;
mod workflow;
mod written;

pub use chart::is_chart_version;
pub use declared::{Declarations, Location, Placed};
pub use elsewhere::{Known, Layer, Layers, Open, Settled, Visits, settle, wants_layers};
pub use scan::{MAX_REFERENCES, scan};
pub use screen::{candidate_file, worth_parsing};
pub use way::{BadWay, Way};
pub use written::{SCANNER, read_layer, read_scan, write_layer, write_scan};

use crate::image::{Digest, Repository};
use crate::text::Span;
use std::sync::Arc;

/// What one file holds.
#[derive(Debug, Clone, Default)]
pub struct Scan {
    /// In order of position.
    pub references: Vec<Reference>,
    /// The file, or some of its documents, could not be read.
    pub skipped: Option<Skipped>,
    /// Near misses worth telling a person: a marker that is not quite one, and the like.
    pub notes: Vec<Note>,
    /// What only the other files can tell, see [`settle`].
    pub open: Open,
}

/// Why a file was passed over, as one word and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    pub reason: SkipReason,
    pub detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SkipReason {
    NotUtf8,
    TooLarge,
    NotYaml,
    Template,
    TooDeep,
    UnreadablePath,
    Unreadable,
}

impl SkipReason {
    /// The word that JSON and the documentation use. Stable.
    pub fn word(self) -> &'static str {
        match self {
            SkipReason::NotUtf8 => "not-utf8",
            SkipReason::TooLarge => "too-large",
            SkipReason::NotYaml => "not-yaml",
            SkipReason::Template => "template",
            SkipReason::TooDeep => "too-deep",
            SkipReason::UnreadablePath => "unreadable-path",
            SkipReason::Unreadable => "unreadable",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// 1-based.
    pub line: usize,
    pub text: String,
}

/// One place in one file that names an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// 1-based line on which the value that would change stands.
    pub line: usize,
    pub document: Document,
    /// Dotted, with `[n]` for list items; keys that need it in double quotes: `spec.containers[0].image`.
    pub path: String,
    pub shape: Shape,
    /// As written in the file, without tag and digest; `None` when only a marker's policy can tell.
    pub name: Option<String>,
    /// The repository that `name` means.
    pub repository: Option<Repository>,
    /// As written: an empty text and a text that is no tag are possible. A chart's version has `_` for `+`, as its tag.
    pub tag: Option<String>,
    pub digest: Option<Digest>,
    pub marker: Option<Marker>,
    pub hold: Option<HandHold>,
    /// The scalars that carry the parts, in order of position.
    pub slots: Vec<Slot>,
    /// Where a digest or a tag that the reference does not carry yet could be inserted; `None` where it cannot.
    pub insert: Option<InsertPoint>,
    /// Parts whose key may be taken out, or give its place to another.
    pub remove: Vec<RemovePoint>,
    /// Why the place cannot be edited, when it cannot.
    pub blocked: Option<String>,
}

/// Which document of a file, in terms that survive the file being rearranged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// Counted from 0.
    pub index: usize,
    pub kind: Option<Arc<str>>,
    pub namespace: Option<Arc<str>>,
    pub name: Option<Arc<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// `image:` in a Kubernetes document.
    Kubernetes,
    /// An entry of `images` in a kustomization.
    Kustomize,
    /// `image:` and pairs of repository and tag in Helm values, wherever they stand.
    Helm,
    /// An `OCIRepository` of Flux.
    Flux,
    /// An Argo CD source: kustomize images, helm parameters, OCI charts.
    Argo,
    /// A service of a Compose file.
    Compose,
    /// A job, a service or a step of a GitHub Actions workflow.
    Workflow,
    /// A patch: JSON6902, or strategic merge inside a kustomization.
    Patch,
    /// Image repositories and tags of kubeadm and Cluster API.
    ClusterApi,
    /// A place that a policy file declares.
    Declared,
    /// The version of a chart in an OCI registry.
    Chart,
    /// Any scalar that a marker ties to a policy.
    Marked,
}

impl Shape {
    /// Every shape, in the order of the documentation.
    pub const ALL: [Shape; 12] = [
        Shape::Kubernetes,
        Shape::Kustomize,
        Shape::Patch,
        Shape::Helm,
        Shape::Flux,
        Shape::Argo,
        Shape::Compose,
        Shape::Workflow,
        Shape::ClusterApi,
        Shape::Chart,
        Shape::Declared,
        Shape::Marked,
    ];

    /// The word that the documentation uses.
    pub fn word(self) -> &'static str {
        match self {
            Shape::Kubernetes => "kubernetes",
            Shape::Kustomize => "kustomize",
            Shape::Patch => "patch",
            Shape::Helm => "helm",
            Shape::Flux => "flux",
            Shape::Argo => "argo",
            Shape::Compose => "compose",
            Shape::Workflow => "workflow",
            Shape::ClusterApi => "cluster-api",
            Shape::Chart => "chart",
            Shape::Declared => "declared",
            Shape::Marked => "marked",
        }
    }
}

/// A comment that ties a value to a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The names to look up, in this order: Flux's `ns:name` gives `ns/name`, then `name`.
    pub policies: Vec<String>,
    /// As written, for messages.
    pub text: String,
}

/// `# landwaiter-hold: REASON [until DATE]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandHold {
    /// Where the comment stands.
    pub line: usize,
    pub reason: String,
    /// `YYYY-MM-DD` or an RFC 3339 instant, as written and checked; held through the whole of that day (UTC).
    pub until: Option<String>,
}

/// One scalar that carries one part of the reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    pub part: Part,
    /// The scalar's bytes in the file, quotes or block header included.
    pub span: Span,
    /// The decoded value, as a YAML reader sees it.
    pub value: String,
    /// What else the scalar holds, and what text it stands in.
    pub setting: Setting,
}

/// How a part is set in its scalar, and the scalar in the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Setting {
    /// What stands before the part in the value and stays: `docker://`, `web=`, `${IMAGE:-`.
    pub before: String,
    /// What stands behind it and stays.
    pub after: String,
    /// The tag is written as the version of a chart, with `+` for `_`.
    pub version: bool,
    pub medium: Medium,
}

/// The text that a scalar stands in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Medium {
    /// The file's own YAML.
    #[default]
    Yaml,
    /// YAML inside a block scalar of the file, each line of which is a line of the file.
    Within(Arc<Within>),
    /// Any text: the bytes are the value.
    Text,
    /// A value of a line that looks like YAML in text that is none: spelt as YAML, and not read again.
    Token,
}

/// A scalar of a YAML text that is itself the value of a scalar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Within {
    /// The outer scalar's bytes in the file.
    pub scalar: Span,
    /// The outer scalar's value.
    pub text: Arc<str>,
    /// The inner scalar's bytes in that value.
    pub span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// `name[:tag][@digest]`
    Whole,
    /// The repository name alone.
    Name,
    /// The tag alone; some shapes also write `tag@digest` here.
    Tag,
    Digest,
}

/// A mapping that can take a further key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InsertPoint {
    pub key: &'static str,
    pub part: Part,
    /// The sibling scalar after whose line, or in a flow mapping directly after which, the new key goes.
    pub after: Span,
    pub form: InsertForm,
    /// The same point in the text of a scalar, where the mapping stands in one.
    pub inner: Option<Arc<Inner<InsertPoint>>>,
}

/// A key that may go, with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovePoint {
    pub part: Part,
    /// The key as a reader sees it.
    pub name: String,
    /// The key's scalar: where another key takes its place, this and the value are rewritten.
    pub key: Span,
    pub value: Span,
    /// The bytes that go with the pair; `None` where only another key may take its place.
    pub gone: Option<Span>,
    /// The same pair in the text of a scalar, where it stands in one.
    pub inner: Option<Arc<Inner<RemovePoint>>>,
}

/// A place in a YAML text that is itself the value of a scalar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inner<T> {
    /// The outer scalar's bytes in the file.
    pub scalar: Span,
    /// The outer scalar's value.
    pub text: Arc<str>,
    /// In terms of that value.
    pub place: T,
}

/// How a further key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InsertForm {
    /// On a line of its own, after this many spaces.
    Line { column: usize },
    /// `, key: value`; both in double quotes where the siblings are.
    Flow { quoted: bool },
}
