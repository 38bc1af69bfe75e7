//! The range dialect that Flux, Argo CD, Helm and Kargo users know (Masterminds/semver).

/// A parsed range.
#[derive(Debug, Clone)]
pub struct Range;
