//! The closed list of reasons. Each is one word in JSON and in the documentation.

/// Why a tag was passed over, or why a reference is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    // tags
    InvalidTag,
    NoMatch,
    Excluded,
    NotAVersion,
    OutOfRange,
    Prerelease,
    Floating,
    Artefact,
    NotOnBranch,
    AmbiguousCommit,
    OtherFamily,
    Older,
    Outlier,
    MaxBump,
    TooYoung,
    PlatformMissing,
    LabelMissing,
    Unsigned,
    Refused,
    Superseded,
    // references
    NoCandidate,
    Downgrade,
    NotComparable,
    FloatingCurrent,
    NoTag,
    IncompleteInformation,
    AmbiguousPolicy,
    UnknownPolicy,
    PoliciesRejected,
    AmbiguousImage,
    NotAllowed,
    NotEditable,
    InternalError,
    Hold,
    RolledBack,
    ReportOnly,
    Window,
    Frozen,
    Pace,
    NoForge,
    TakenOver,
    PullRequestLimit,
    NotDue,
}

impl Reason {
    pub const ALL: [Reason; 43] = [
        Reason::InvalidTag,
        Reason::NoMatch,
        Reason::Excluded,
        Reason::NotAVersion,
        Reason::OutOfRange,
        Reason::Prerelease,
        Reason::Floating,
        Reason::Artefact,
        Reason::NotOnBranch,
        Reason::AmbiguousCommit,
        Reason::OtherFamily,
        Reason::Older,
        Reason::Outlier,
        Reason::MaxBump,
        Reason::TooYoung,
        Reason::PlatformMissing,
        Reason::LabelMissing,
        Reason::Unsigned,
        Reason::Refused,
        Reason::Superseded,
        Reason::NoCandidate,
        Reason::Downgrade,
        Reason::NotComparable,
        Reason::FloatingCurrent,
        Reason::NoTag,
        Reason::IncompleteInformation,
        Reason::AmbiguousPolicy,
        Reason::UnknownPolicy,
        Reason::PoliciesRejected,
        Reason::AmbiguousImage,
        Reason::NotAllowed,
        Reason::NotEditable,
        Reason::InternalError,
        Reason::Hold,
        Reason::RolledBack,
        Reason::ReportOnly,
        Reason::Window,
        Reason::Frozen,
        Reason::Pace,
        Reason::NoForge,
        Reason::TakenOver,
        Reason::PullRequestLimit,
        Reason::NotDue,
    ];

    /// The word that JSON, metrics and the documentation use. Stable.
    pub fn word(self) -> &'static str {
        match self {
            Reason::InvalidTag => "invalid-tag",
            Reason::NoMatch => "no-match",
            Reason::Excluded => "excluded",
            Reason::NotAVersion => "not-a-version",
            Reason::OutOfRange => "out-of-range",
            Reason::Prerelease => "prerelease",
            Reason::Floating => "floating",
            Reason::Artefact => "artefact",
            Reason::NotOnBranch => "not-on-branch",
            Reason::AmbiguousCommit => "ambiguous-commit",
            Reason::OtherFamily => "other-family",
            Reason::Older => "older",
            Reason::Outlier => "outlier",
            Reason::MaxBump => "max-bump",
            Reason::TooYoung => "too-young",
            Reason::PlatformMissing => "platform-missing",
            Reason::LabelMissing => "label-missing",
            Reason::Unsigned => "unsigned",
            Reason::Refused => "refused",
            Reason::Superseded => "superseded",
            Reason::NoCandidate => "no-candidate",
            Reason::Downgrade => "downgrade",
            Reason::NotComparable => "not-comparable",
            Reason::FloatingCurrent => "floating-current",
            Reason::NoTag => "no-tag",
            Reason::IncompleteInformation => "incomplete-information",
            Reason::AmbiguousPolicy => "ambiguous-policy",
            Reason::UnknownPolicy => "unknown-policy",
            Reason::PoliciesRejected => "policies-rejected",
            Reason::AmbiguousImage => "ambiguous-image",
            Reason::NotAllowed => "not-allowed",
            Reason::NotEditable => "not-editable",
            Reason::InternalError => "internal-error",
            Reason::Hold => "hold",
            Reason::RolledBack => "rolled-back",
            Reason::ReportOnly => "report-only",
            Reason::Window => "window",
            Reason::Frozen => "frozen",
            Reason::Pace => "pace",
            Reason::NoForge => "no-forge",
            Reason::TakenOver => "taken-over",
            Reason::PullRequestLimit => "pull-request-limit",
            Reason::NotDue => "not-due",
        }
    }

    /// Whether something went wrong, rather than a guard or a person holding back: it makes the exit status 4.
    pub fn is_error(self) -> bool {
        matches!(
            self,
            Reason::IncompleteInformation | Reason::PoliciesRejected | Reason::InternalError | Reason::NoForge
        )
    }

    /// One sentence for people who meet the word for the first time.
    pub fn meaning(self) -> &'static str {
        match self {
            Reason::InvalidTag => "the registry listed something that is no tag",
            Reason::NoMatch => "`tags.match` does not match the tag, or the policy follows another tag by name",
            Reason::Excluded => "`tags.exclude` matches the tag",
            Reason::NotAVersion => "the tag, or what `extract` takes from it, is not a value this policy can order",
            Reason::OutOfRange => "the version lies outside the policy's range",
            Reason::Prerelease => "a pre-release, which the range does not admit",
            Reason::Floating => "a tag that moves: latest, a branch name, or a shorter version that longer ones refine",
            Reason::Artefact => "a signature, attestation or SBOM stored under a tag",
            Reason::NotOnBranch => "no commit of the policy's branch has this id",
            Reason::AmbiguousCommit => "an abbreviated id with which several commits of the branch begin",
            Reason::OtherFamily => "its prefix, number of parts or suffix differs from the current tag's",
            Reason::Older => "lower in the policy's order than the tag that stands in the file",
            Reason::Outlier => "a jump of the first number that no earlier step of this repository suggests",
            Reason::MaxBump => "a larger step from the current tag than `require.maxBump` lets through",
            Reason::TooYoung => "built, or first seen, more recently than `require.age` lets through",
            Reason::PlatformMissing => "has no image for a platform of `require.platforms`",
            Reason::LabelMissing => "lacks a label of `require.labels`, or has it with another value",
            Reason::Unsigned => "not signed by whom `require.signature` names",
            Reason::Refused => "a person closed the pull request for it without merging",
            Reason::Superseded => "a good candidate, but a better one exists",
            Reason::NoCandidate => "no tag of the repository satisfies the policy",
            Reason::Downgrade => "the best candidate is lower than what stands in the file",
            Reason::NotComparable => {
                "the policy cannot order the tag, the current one or the best candidates, so it cannot know which way an update goes"
            }
            Reason::FloatingCurrent => "the current tag is floating; the policy does not say that it may be pinned",
            Reason::NoTag => "the reference has a digest only, or an empty tag",
            Reason::IncompleteInformation => "something that the decision needs could not be learned",
            Reason::AmbiguousPolicy => "two policies claim the reference with the same right",
            Reason::PoliciesRejected => "a policy file that may claim the reference was rejected",
            Reason::UnknownPolicy => "a marker names a policy that does not exist",
            Reason::AmbiguousImage => {
                "the marker needs a policy with exactly one exact image, or one that names this image"
            }
            Reason::NotAllowed => {
                "the operator's settings, or `allow` and `deny` of a policy file, do not let this file or image be touched, or this source be read"
            }
            Reason::NotEditable => "the place cannot be edited safely",
            Reason::InternalError => {
                "the edited file could not be proven right, so it was not written: a fault of Landwaiter, please report it"
            }
            Reason::Hold => "a person put the reference on hold, by a comment in the file or by `landwaiter hold`",
            Reason::RolledBack => {
                "somebody took back what was written there; a version newer than that lifts it, or the value written by hand"
            }
            Reason::ReportOnly => "the policy's write mode is report",
            Reason::Window => "the policy's `windows` do not let changes be written now",
            Reason::Frozen => "the operator's `freeze` lets nothing be written now",
            Reason::Pace => {
                "the run has written as many changes as the operator's `limits.changesPerRun` lets it; the next goes on"
            }
            Reason::NoForge => {
                "the policy writes pull requests, and the operator's settings know no forge for this repository"
            }
            Reason::TakenOver => {
                "a person has committed to the branch of the pull request, or moved it to another base"
            }
            Reason::PullRequestLimit => {
                "as many pull requests as the operator allows are open, or were opened within the hour"
            }
            Reason::NotDue => {
                "the service looked at other images in this run: at those that were due, or said to be new"
            }
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.word())
    }
}
