//! Who owns a reference.
//!
//! A marker outranks everything. Any other reference belongs to the policy whose `images` and `files` match it: an exact
//! repository outranks a glob, a policy with `files` outranks one without. A tie that remains holds the reference and names
//! both policies. What the operator does not let a policy touch is never its own.

use crate::image::Repository;
use crate::policy::{Exactness, Held, Policy, Reason};
use crate::site::{Part, Reference};
use crate::text::nearest;
use std::collections::HashMap;

/// All policies of a config repository, indexed for the question who owns what.
#[derive(Debug)]
pub struct Claims<'p> {
    policies: &'p [Policy],
    by_name: HashMap<&'p str, usize>,
    by_image: HashMap<&'p Repository, Vec<usize>>,
    /// Policies with at least one glob.
    globs: Vec<usize>,
}

/// Whether a policy may touch an image in a file, by others' word than its own; `Err` says why not.
pub type Allowed<'a> = &'a dyn Fn(&Policy, &str, &Repository) -> Result<(), String>;

/// To whom one reference belongs. `policy` is the position in the slice that [`Claims::new`] was given.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    Managed { policy: usize, repository: Repository },
    Held { policy: Option<usize>, held: Held },
    Unmanaged,
}

impl<'p> Claims<'p> {
    pub fn new(policies: &'p [Policy]) -> Claims<'p> {
        let mut by_image: HashMap<&Repository, Vec<usize>> = HashMap::new();
        let mut globs = Vec::new();
        for (at, policy) in policies.iter().enumerate() {
            for repository in policy.exact_images() {
                by_image.entry(repository).or_default().push(at);
            }
            if policy.has_glob() {
                globs.push(at);
            }
        }
        let by_name = policies.iter().enumerate().map(|(at, policy)| (policy.name.as_str(), at)).collect();
        Claims { policies, by_name, by_image, globs }
    }

    /// The owner of `reference` in `file`. `allowed` says why a policy may not touch it.
    pub fn owner(&self, file: &str, reference: &Reference, allowed: Allowed<'_>) -> Claim {
        if reference.marker.is_none() {
            return self.matched(file, reference, allowed);
        }
        match self.marked(file, reference) {
            Claim::Managed { policy, repository } => match allowed(&self.policies[policy], file, &repository) {
                Ok(()) => Claim::Managed { policy, repository },
                Err(why) => held(Some(policy), Reason::NotAllowed, why),
            },
            other => other,
        }
    }

    /// Every policy that matches the reference, best first, with the words that say why it ranks where it does.
    pub fn candidates(&self, file: &str, repository: &Repository) -> Vec<(usize, Rank)> {
        let exact = self.by_image.get(repository).into_iter().flatten();
        let mut found: Vec<(usize, Rank)> = exact
            .chain(&self.globs)
            .filter_map(|&at| {
                let policy = &self.policies[at];
                let exactness = policy.claims_image(repository)?;
                policy.claims_file(file).then_some((at, Rank { exactness, files: !policy.files.is_empty() }))
            })
            .collect();
        found.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        found.dedup();
        found
    }

    /// A policy that may not touch the reference does not take part: one tenant must not be able to hold back another's.
    fn matched(&self, file: &str, reference: &Reference, allowed: Allowed<'_>) -> Claim {
        let Some(repository) = &reference.repository else {
            return Claim::Unmanaged;
        };
        let (mut found, mut stranger) = (Vec::new(), None);
        for (at, rank) in self.candidates(file, repository) {
            match allowed(&self.policies[at], file, repository) {
                Ok(()) => found.push((at, rank)),
                Err(why) => drop(stranger.get_or_insert((at, why))),
            }
        }
        match found.as_slice() {
            [] => stranger.map_or(Claim::Unmanaged, |(at, why)| held(Some(at), Reason::NotAllowed, why)),
            [(first, a), (second, b), ..] if a == b => held(
                None,
                Reason::AmbiguousPolicy,
                format!(
                    "policies {} ({}) and {} ({}) claim it with the same right; add `files`, an exact image or a marker",
                    self.policies[*first].name,
                    self.policies[*first].file,
                    self.policies[*second].name,
                    self.policies[*second].file
                ),
            ),
            [(policy, _), ..] => Claim::Managed { policy: *policy, repository: repository.clone() },
        }
    }

    fn marked(&self, file: &str, reference: &Reference) -> Claim {
        let Some(marker) = &reference.marker else {
            return Claim::Unmanaged;
        };
        let Some(&at) = marker.policies.iter().find_map(|name| self.by_name.get(name.as_str())) else {
            return held(None, Reason::UnknownPolicy, self.unknown(&marker.policies));
        };
        let policy = &self.policies[at];
        if !policy.claims_file(file) {
            let detail = format!("the marker names {}, whose `files` do not match this file", policy.name);
            return held(Some(at), Reason::NotAllowed, detail);
        }
        let names_image = reference.slots.iter().any(|slot| slot.part == Part::Name);
        match (&reference.repository, policy.sole_image()) {
            (_, Some(sole)) if names_image => Claim::Managed { policy: at, repository: sole.clone() },
            (Some(here), _) if policy.images.is_empty() || policy.claims_image(here).is_some() => {
                Claim::Managed { policy: at, repository: here.clone() }
            }
            (Some(here), _) => held(
                Some(at),
                Reason::AmbiguousImage,
                format!("the images of policy {} do not include {here}", policy.name),
            ),
            (None, Some(sole)) => Claim::Managed { policy: at, repository: sole.clone() },
            (None, None) => held(
                Some(at),
                Reason::AmbiguousImage,
                format!(
                    "no image stands beside the value, and policy {} does not have exactly one exact image",
                    policy.name
                ),
            ),
        }
    }

    fn unknown(&self, wanted: &[String]) -> String {
        let names = wanted.join("` or `");
        let known = self.by_name.keys().copied();
        match wanted.iter().find_map(|name| nearest(name, known.clone())) {
            Some(near) => format!("no policy is called `{names}`; did you mean `{near}`?"),
            None => format!("no policy is called `{names}`"),
        }
    }
}

/// How strong a claim is. Greater wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    exactness: Exactness,
    files: bool,
}

impl Rank {
    /// In words, for explanations.
    pub fn describe(self) -> &'static str {
        match (self.exactness, self.files) {
            (Exactness::Exact, true) => "exact image, own files",
            (Exactness::Exact, false) => "exact image",
            (Exactness::Glob, true) => "image pattern, own files",
            (Exactness::Glob, false) => "image pattern",
        }
    }
}

fn held(policy: Option<usize>, reason: Reason, detail: String) -> Claim {
    Claim::Held { policy, held: Held { reason, detail } }
}
