//! `allow` and `deny` of the policy files: which repositories may be touched at all, whatever a policy claims.
//!
//! They hold for the whole config repository, and each only narrows: a repository must be in every `allow` that there is,
//! and in no `deny`.

use super::ImagePattern;
use crate::image::Repository;
use std::sync::Arc;

/// What all policy files admit together.
#[derive(Debug, Clone, Default)]
pub struct Admission {
    /// Each list with the file that has it.
    pub allow: Vec<(Arc<str>, Vec<ImagePattern>)>,
    pub deny: Vec<(Arc<str>, Vec<ImagePattern>)>,
}

impl Admission {
    /// Why the repository may not be touched, if it may not. The lists of a file for which `counts` is false are left out.
    pub fn refusal(&self, repository: &Repository, counts: &dyn Fn(&str) -> bool) -> Option<String> {
        let names = |list: &[ImagePattern]| list.iter().any(|pattern| pattern.matches(repository));
        let counted = |(file, _): &&(Arc<str>, Vec<ImagePattern>)| counts(file);
        if let Some((file, _)) = self.deny.iter().filter(counted).find(|(_, list)| names(list)) {
            return Some(format!("`deny` in {file} names {repository}"));
        }
        let (file, _) = self.allow.iter().filter(counted).find(|(_, list)| !names(list))?;
        Some(format!("`allow` in {file} does not name {repository}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(name: &str) -> ImagePattern {
        ImagePattern::Exact(Repository::parse(name).unwrap())
    }

    #[test]
    fn every_list_narrows() {
        let (web, api) = (Repository::parse("acme/web").unwrap(), Repository::parse("acme/api").unwrap());
        let mut admission = Admission::default();
        let all = |_: &str| true;
        assert_eq!(admission.refusal(&web, &all), None);
        admission.allow.push(("a.yaml".into(), vec![exact("acme/web"), exact("acme/api")]));
        assert_eq!(admission.refusal(&api, &all), None);
        admission.allow.push(("b.yaml".into(), vec![exact("acme/web")]));
        assert!(admission.refusal(&api, &all).unwrap().contains("`allow` in b.yaml does not name docker.io/acme/api"));
        assert_eq!(admission.refusal(&web, &all), None);
        admission.deny.push(("c.yaml".into(), vec![exact("acme/web")]));
        assert!(admission.refusal(&web, &all).unwrap().contains("`deny` in c.yaml names docker.io/acme/web"));
        assert_eq!(admission.refusal(&web, &|file| file != "c.yaml"), None, "a file that has no say here");
    }
}
