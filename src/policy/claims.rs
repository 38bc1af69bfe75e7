//! Who owns a reference: which repositories and files a policy speaks of.
//!
//! A policy claims a repository exactly or by glob, and an exact claim outranks a glob. It claims every file unless it
//! lists some. Markers outrank both; they are not judged here.

use super::{ImagePattern, Policy};
use crate::image::Repository;

/// How closely a policy names a repository. The greater claim wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exactness {
    Glob,
    Exact,
}

impl ImagePattern {
    /// Whether the pattern names the repository.
    pub fn matches(&self, repository: &Repository) -> bool {
        match self {
            ImagePattern::Exact(exact) => exact == repository,
            ImagePattern::Glob(glob) => glob.is_match(repository.as_str()),
        }
    }
}

impl Policy {
    /// The closest of the policy's claims on `repository`, if it has one.
    pub fn claims_image(&self, repository: &Repository) -> Option<Exactness> {
        self.images
            .iter()
            .filter_map(|pattern| match pattern {
                ImagePattern::Exact(exact) => (exact == repository).then_some(Exactness::Exact),
                ImagePattern::Glob(glob) => glob.is_match(repository.as_str()).then_some(Exactness::Glob),
            })
            .max()
    }

    /// Every repository that the policy names in full.
    pub fn exact_images(&self) -> impl Iterator<Item = &Repository> {
        self.images.iter().filter_map(|pattern| match pattern {
            ImagePattern::Exact(repository) => Some(repository),
            ImagePattern::Glob(_) => None,
        })
    }

    pub fn has_glob(&self) -> bool {
        self.images.iter().any(|pattern| matches!(pattern, ImagePattern::Glob(_)))
    }

    /// Whether references in the file may be changed; `path` is relative to the repository's root, with `/`.
    pub fn claims_file(&self, path: &str) -> bool {
        self.files.is_empty() || self.files.iter().any(|glob| glob.is_match(path))
    }

    /// The one repository that the policy can mean, when it names exactly one and no glob.
    pub fn sole_image(&self) -> Option<&Repository> {
        match self.images.as_slice() {
            [ImagePattern::Exact(repository)] => Some(repository),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Order, PolicyName, Select};
    use globset::{GlobBuilder, GlobMatcher};

    fn glob(text: &str) -> GlobMatcher {
        GlobBuilder::new(text).literal_separator(true).build().unwrap().compile_matcher()
    }

    fn policy(images: Vec<ImagePattern>, files: &[&str]) -> Policy {
        let name = PolicyName::parse("web").unwrap();
        Policy {
            images,
            files: files.iter().map(|text| glob(text)).collect(),
            ..Policy::new(name, "landwaiter.yaml", Select::Numeric(Order::Asc))
        }
    }

    #[test]
    fn an_exact_name_is_a_closer_claim_than_a_glob() {
        let web = Repository::parse("ghcr.io/acme/web").unwrap();
        let other = Repository::parse("ghcr.io/acme/other").unwrap();
        let both = policy(vec![ImagePattern::Glob(glob("ghcr.io/acme/*")), ImagePattern::Exact(web.clone())], &[]);
        assert_eq!(both.claims_image(&web), Some(Exactness::Exact));
        assert_eq!(both.claims_image(&other), Some(Exactness::Glob));
        assert_eq!(both.claims_image(&Repository::parse("nginx").unwrap()), None);
        assert_eq!(both.sole_image(), None);
        assert!(Exactness::Exact > Exactness::Glob);
    }

    #[test]
    fn only_one_exact_image_is_a_sole_image() {
        let web = Repository::parse("ghcr.io/acme/web").unwrap();
        let exact = || ImagePattern::Exact(web.clone());
        assert_eq!(policy(vec![exact()], &[]).sole_image(), Some(&web));
        assert_eq!(policy(vec![exact(), exact()], &[]).sole_image(), None);
        assert_eq!(policy(vec![], &[]).sole_image(), None);
    }

    #[test]
    fn no_files_means_everywhere() {
        assert!(policy(vec![], &[]).claims_file("apps/web.yaml"));
        let staging = policy(vec![], &["apps/**/staging/**"]);
        assert!(staging.claims_file("apps/web/staging/web.yaml"));
        assert!(!staging.claims_file("apps/web/production/web.yaml"));
    }
}
