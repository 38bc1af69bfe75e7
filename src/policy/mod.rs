//! Policies: which tag a reference should carry, and why not each of the others.
//!
//! A policy is pure. [`Ranking::new`] filters one repository's tags once and orders what is asked for;
//! [`Ranking::decide`] then answers for one current tag. Where the answer needs a fact from outside (the digest of the chosen
//! tag, what an image says about itself), it returns [`Outcome::Needs`], the run fetches exactly that, adds it to [`Facts`] and
//! asks again. A fact that could not be had is
//! recorded as such and holds the reference; it never elects the next best tag.
//!
//! | file | says |
//! |---|---|
//! | `claims`, `admission` | who owns a reference, and which repositories may be touched at all |
//! | `filter` | which tags are looked at, and by which key |
//! | `artefact`, `floating` | which tags are never candidates |
//! | `semver`, `calver`, `numeric`, `alphabetical` | one file per `select` kind: the value of a tag, and whether it is admitted |
//! | `newest`, `commit`, `digest` | the kinds that the tag's text says nothing about: by build time, by the history of the source, and one tag by name |
//! | `family` | which tags are the same flavour as the current one |
//! | `outlier` | which jumps are not believed |
//! | `require` | what a candidate must satisfy beside its place in the order |
//! | `signed` | who must have signed, and that no unverified digest is written |
//! | `facts` | what only the outside knows: what a decision asks for, and what the run has learned |
//! | `ranking`, `pool` | the tags of one repository in order, ties included |
//! | `ground` | what the current tag means, and which tags may replace it |
//! | `decide` | the decision for one current tag |
//! | `explain` | the reason for every other tag |
//! | `standing` | which of two tags is the newer one, for rollbacks |
//! | `suggest` | the likely mistake behind a decision, and what would come of mending it |
//! | `write` | how the changes reach Git, and with which others |
//!
//! ```
//! use landwaiter::image::Tag;
//! use landwaiter::policy::{Facts, Outcome, Parts, Policy, PolicyName, Question, Ranking, Select};
//! use landwaiter::version::range::Range;
//!
//! let range = Range::parse(">=1.4 <2").unwrap();
//! let select = Select::Semver { range, parts: Parts::Three, prereleases: false };
//! let policy = Policy::new(PolicyName::parse("web").unwrap(), "landwaiter.yaml", select);
//! let tags = ["1.4.0", "1.5.0", "1.5.0-alpine", "2.0.0", "latest"].map(String::from);
//!
//! let current = Tag::parse("1.4.0").unwrap();
//! let question = Question { current: Some(&current), ..Question::default() };
//! let Outcome::Decided(decision) = Ranking::new(&policy, &tags).decide(&question, &Facts::default()) else {
//!     unreachable!("versions need no facts");
//! };
//! assert_eq!(decision.chosen.unwrap().tag.as_str(), "1.5.0");
//! ```

mod admission;
mod alphabetical;
mod artefact;
mod calver;
mod claims;
mod commit;
mod decide;
mod digest;
mod explain;
mod facts;
mod family;
mod filter;
mod floating;
mod ground;
mod newest;
mod numeric;
mod outlier;
mod pool;
mod ranking;
mod reason;
mod require;
mod semver;
mod signed;
mod standing;
mod suggest;
mod write;

pub use admission::Admission;
pub use claims::Exactness;
pub use commit::Source;
pub use facts::{Facts, Need, Recall, Seen};
pub use newest::{MAX_LEARNED, MAX_TIMED};
pub use ranking::Ranking;
pub use reason::Reason;
pub use require::{Bump, MAX_LOOKED_AT, Require, step};
pub use standing::Mark;
pub use suggest::{MAX_SUGGESTIONS, MAX_TRIED, Suggestion};
pub use write::{GroupValues, Grouping, MAX_GROUP, MergeKind, PullRequestOptions, RUN_GROUP, Words, Write, WriteMode};

use crate::image::{Digest, Repository, Tag};
use crate::schedule::{Cron, Windows, Zone};
use crate::version::calver::Pattern;
use crate::version::range::Range;
use globset::GlobMatcher;
use regex::Regex;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A named rule. Everything in it was checked when the policy file was read.
#[derive(Debug, Clone)]
pub struct Policy {
    pub name: PolicyName,
    /// The file the policy was read from, for messages and tenancy.
    pub file: Arc<str>,
    /// The line of the file that names it, counted from 1; 0 where there is none.
    pub line: usize,
    pub images: Vec<ImagePattern>,
    /// Where references may be changed; empty means everywhere.
    pub files: Vec<GlobMatcher>,
    pub tags: TagFilter,
    pub select: Select,
    pub family: Family,
    pub guards: Guards,
    pub require: Require,
    pub pin: Pin,
    /// How often it is checked whether the current tag still names what it was seen to name.
    pub watch: Option<Duration>,
    /// When changes may be written.
    pub windows: Windows,
    /// When the service looks; `None` is when it looks at the repository.
    pub schedule: Option<Cron>,
    /// Whose clocks the schedule means; `None` is the repository's.
    pub zone: Option<Zone>,
    pub write: Write,
}

impl Policy {
    /// A policy that claims nothing yet, with every guard on: the defaults of the policy file.
    pub fn new(name: PolicyName, file: &str, select: Select) -> Policy {
        Policy {
            name,
            file: file.into(),
            line: 0,
            images: Vec::new(),
            files: Vec::new(),
            tags: TagFilter::default(),
            select,
            family: Family::default(),
            guards: Guards::default(),
            require: Require::default(),
            pin: Pin::default(),
            watch: None,
            windows: Windows::default(),
            schedule: None,
            zone: None,
            write: Write::default(),
        }
    }
}

/// Lowercase letters, digits, `-`, `.` and `/`; unique in a config repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyName(Arc<str>);

impl PolicyName {
    /// `None` when `text` is empty or has a character that names may not have.
    pub fn parse(text: &str) -> Option<PolicyName> {
        let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'/');
        (!text.is_empty() && text.len() <= 253 && text.bytes().all(ok)).then(|| PolicyName(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Which repositories a policy speaks of.
#[derive(Debug, Clone)]
pub enum ImagePattern {
    Exact(Repository),
    /// Matched against the canonical `host/path`; `*` stays within one part, `**` crosses parts.
    Glob(GlobMatcher),
}

/// What is done to tags before they are ordered. All expressions are unanchored, as in Flux.
#[derive(Debug, Clone, Default)]
pub struct TagFilter {
    pub matching: Option<Regex>,
    /// A replacement template (`$version`, `${1}`, `$$`) whose expansion is the key that is ordered; `None` keeps the tag.
    pub extract: Option<String>,
    pub exclude: Vec<Regex>,
    /// The expressions in their author's words, where these are another dialect's.
    pub written: Written,
}

/// What stands in the policy file for the expressions of a [`TagFilter`].
#[derive(Debug, Clone, Default)]
pub struct Written {
    pub matching: Option<Arc<str>>,
    /// In the order of the filter's.
    pub exclude: Vec<Arc<str>>,
}

/// How candidates are ordered and what they must satisfy.
#[derive(Debug, Clone)]
pub enum Select {
    Semver {
        range: Range,
        parts: Parts,
        prereleases: bool,
    },
    Calver(Pattern),
    Numeric(Order),
    Alphabetical(Order),
    /// By the image's build time.
    Newest,
    /// By the history of the repository that the images are built from.
    Commit(Source),
    /// One moving tag by name, written with its digest only.
    Digest(Tag),
}

impl Select {
    /// Whether the order hangs on when images were built.
    pub fn needs_times(&self) -> bool {
        matches!(self, Select::Newest)
    }

    /// Whether the order is known outside only: nothing is asked where the answer would change nothing.
    pub(crate) fn asks_for_order(&self) -> bool {
        matches!(self, Select::Newest | Select::Commit(_))
    }
}

/// How many dot-separated parts a tag must have to be a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parts {
    One,
    Two,
    Three,
}

impl Parts {
    pub fn count(self) -> usize {
        match self {
            Parts::One => 1,
            Parts::Two => 2,
            Parts::Three => 3,
        }
    }
}

/// Flux's meaning: `asc` chooses the last in ascending order, so the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Asc,
    Desc,
}

/// How much of the current tag's shape a candidate must share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Family {
    /// The same words; numbers inside suffix words may grow. Applies without `tags.match` only.
    #[default]
    Compatible,
    /// The identical suffix.
    Exact,
    Any,
}

/// The rules that are on unless a policy switches them off by name.
#[derive(Debug, Clone, Default)]
pub struct Guards {
    pub allow_downgrade: bool,
    /// A current tag that the policy cannot compare may be replaced.
    pub allow_replace: bool,
    pub floating_current: FloatingCurrent,
    /// Tags that a person confirmed although they look like outliers.
    pub accept: BTreeSet<Tag>,
    /// Guards switched off by name. `latest` and branch names are never candidates, whatever stands here.
    pub disabled: BTreeSet<Guard>,
}

impl Guards {
    pub fn is_on(&self, guard: Guard) -> bool {
        !self.disabled.contains(&guard)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    Floating,
    Artefact,
    Hash,
    Outlier,
}

/// What to do with a reference whose current tag is floating.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FloatingCurrent {
    #[default]
    Hold,
    Pin,
}

/// What is written. A reference that carries a digest keeps one whatever stands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pin {
    #[default]
    Tag,
    Digest,
    TagAndDigest,
}

/// What one reference asks of a ranking.
#[derive(Debug, Clone, Copy, Default)]
pub struct Question<'a> {
    /// The tag that stands in the file, if there is one.
    pub current: Option<&'a Tag>,
    /// The digest that stands in the file beside it. A reference that carries one keeps one: the same while the tag stays
    /// (a moved tag is not followed), the new tag's when it changes.
    pub current_digest: Option<&'a Digest>,
    /// The reference is to be given a digest even if it carries none.
    pub digest: bool,
    /// Tags that people do not want there: they are passed over, unless one of them stands in the file.
    pub refused: Option<&'a BTreeSet<Tag>>,
}

/// One repository's tags under one policy.
#[derive(Debug, Clone)]
pub enum Outcome {
    Decided(Decision),
    /// The decision hangs on these facts; add them and ask again.
    Needs(Vec<Need>),
}

/// Names the program text that decides, see `build.rs`: what another one decided is not what this one would.
pub const DECIDER: &str = env!("LANDWAITER_DECIDER");

/// The answer for one reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What the policy would have the file say; equal to the current tag when nothing is newer.
    pub chosen: Option<Chosen>,
    /// Why nothing is to be written although a reference and perhaps a choice exist. Outranks `chosen`.
    pub held: Option<Held>,
    /// What a person should know although nothing is held: the current tag stands above the range, the registry no longer
    /// lists it, a higher tag was not believed.
    pub note: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    pub tag: Tag,
    /// Present when the question asked for it.
    pub digest: Option<Digest>,
}

/// Why a reference is left alone, and in `detail` what lifts it, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub reason: Reason,
    pub detail: String,
}

/// Why one tag was not chosen. The tag is text because registries also answer with what is no tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    pub tag: String,
    pub reason: Reason,
    pub detail: String,
}
