//! Which holds are told of: those that stay until a person does something.

use crate::policy::Reason;

/// When a hold is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// When it is seen first.
    AtOnce,
    /// When it lasts: it often passes by itself.
    Later,
    /// It lifts itself, a person has made it, or another message says it.
    Never,
}

impl Telling {
    /// As `docs/notifications.md` calls it.
    pub fn word(self) -> &'static str {
        match self {
            Telling::AtOnce => "at once",
            Telling::Later => "when it lasts",
            Telling::Never => "never",
        }
    }
}

/// What a person has to do with a hold for this reason. Reasons of tags hold no reference, but for a refused one.
pub fn needs_person(reason: Reason) -> Telling {
    match reason {
        Reason::NoCandidate
        | Reason::Downgrade
        | Reason::NotComparable
        | Reason::FloatingCurrent
        | Reason::AmbiguousPolicy
        | Reason::UnknownPolicy
        | Reason::AmbiguousImage
        | Reason::NotAllowed
        | Reason::NotEditable
        | Reason::InternalError
        | Reason::NoForge
        | Reason::TakenOver => Telling::AtOnce,
        Reason::IncompleteInformation => Telling::Later,
        // Made by a person, or told as a pull request that was closed.
        Reason::Hold | Reason::RolledBack | Reason::Refused | Reason::ReportOnly | Reason::NoTag => Telling::Never,
        // They pass.
        Reason::Window | Reason::Frozen | Reason::Pace | Reason::PullRequestLimit | Reason::NotDue => Telling::Never,
        // The rejected file is told of, once.
        Reason::PoliciesRejected => Telling::Never,
        Reason::InvalidTag
        | Reason::NoMatch
        | Reason::Excluded
        | Reason::NotAVersion
        | Reason::OutOfRange
        | Reason::Prerelease
        | Reason::Floating
        | Reason::Artefact
        | Reason::NotOnBranch
        | Reason::AmbiguousCommit
        | Reason::OtherFamily
        | Reason::Older
        | Reason::Outlier
        | Reason::MaxBump
        | Reason::TooYoung
        | Reason::PlatformMissing
        | Reason::LabelMissing
        | Reason::Unsigned
        | Reason::Superseded => Telling::Never,
    }
}
