//! What a run asks registries about: everything, or what is due and what is said to be new.
//!
//! A narrow run sees the whole branch all the same: who owns which reference, holds, windows, policies. References that it does not ask
//! about are held as `not-due`, which counts as knowing nothing: what a pull request shows of them stays, and none is closed for
//! them.

use crate::image::Repository;
use crate::policy::{Held, PolicyName, Reason};
use std::collections::BTreeSet;

/// The references that a run asks about; by default all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Those of these policies; `None` is all of them.
    pub policies: Option<BTreeSet<PolicyName>>,
    /// And those of these images, whose tag lists are asked for even where one of an earlier run would do.
    pub images: BTreeSet<Repository>,
}

impl Scope {
    /// Only what this adds later.
    pub fn nothing() -> Scope {
        Scope { policies: Some(BTreeSet::new()), images: BTreeSet::new() }
    }

    pub fn is_whole(&self) -> bool {
        self.policies.is_none()
    }

    /// What either asks about.
    pub fn merge(&mut self, other: Scope) {
        self.policies = match (self.policies.take(), other.policies) {
            (Some(mut mine), Some(theirs)) => {
                mine.extend(theirs);
                Some(mine)
            }
            _ => None,
        };
        self.images.extend(other.images);
    }

    /// The hold of a reference that is not asked about.
    pub(super) fn leaves_out(&self, policy: &PolicyName, image: &Repository) -> Option<Held> {
        let asked = self.policies.as_ref().is_none_or(|due| due.contains(policy)) || self.images.contains(image);
        let detail = || "this run asks about other images".to_owned();
        (!asked).then(|| Held { reason: Reason::NotDue, detail: detail() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_ask_about_together_is_what_either_does() {
        let policy = |name: &str| PolicyName::parse(name).unwrap();
        let image = |name: &str| Repository::parse(name).unwrap();
        let mut scope = Scope::nothing();
        assert!(scope.leaves_out(&policy("web"), &image("reg.example.com/web")).is_some());
        scope.merge(Scope { policies: Some([policy("web")].into()), images: BTreeSet::new() });
        scope.merge(Scope { policies: Some(BTreeSet::new()), images: [image("reg.example.com/api")].into() });
        for (name, of, asked) in [("web", "x/y", true), ("api", "reg.example.com/api", true), ("api", "x/y", false)] {
            assert_eq!(scope.leaves_out(&policy(name), &image(of)).is_none(), asked, "{name} {of}");
        }
        scope.merge(Scope::default());
        assert!(scope.is_whole() && scope.images.len() == 1, "what is new is asked for in any case");
        assert!(scope.leaves_out(&policy("api"), &image("x/y")).is_none());
    }
}
