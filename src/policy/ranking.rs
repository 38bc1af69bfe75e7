//! One repository's tags under one policy, prepared once for every reference that asks.
//!
//! [`Ranking::new`] filters the list. The orders are made when a question first needs them: one over all tags, and one for
//! each family that some reference's current tag belongs to. A ranking borrows the policy and the list.

use super::family::FamilyName;
use super::floating::{Evidence, is_named};
use super::pool::{Entry, Pool, Reading};
use super::{
    Facts, Guard, Outcome, PassedOver, Policy, Question, Reason, Select, artefact, calver, commit, family, newest,
};
use crate::image::{MAX_TAG, Tag};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::OnceLock;

/// The tags of one repository as one policy sees them.
#[derive(Debug)]
pub struct Ranking<'a> {
    pub(super) policy: &'a Policy,
    /// As the registry gave them.
    pub(super) tags: &'a [String],
    /// The tags that are looked at, with their keys.
    pub(super) screened: Vec<(&'a str, Cow<'a, str>)>,
    plain: OnceLock<Pool<'a>>,
    families: OnceLock<Families<'a>>,
    evidence: OnceLock<Evidence>,
    nothing: Pool<'a>,
}

/// The families that there are, in the order in which they are met, and where each stands by its key.
#[derive(Debug, Default)]
struct Families<'a> {
    pools: Vec<FamilyPool<'a>>,
    places: HashMap<String, usize>,
}

/// The members of one family by their place in `screened`, and their order once it was asked for.
#[derive(Debug, Default)]
struct FamilyPool<'a> {
    members: Vec<usize>,
    pool: OnceLock<Pool<'a>>,
}

impl<'a> Ranking<'a> {
    /// Filters the list. Its order and what occurs twice in it do not matter.
    pub fn new(policy: &'a Policy, tags: &'a [String]) -> Ranking<'a> {
        let mut screened = Vec::with_capacity(tags.len());
        screened.extend(tags.iter().filter_map(|tag| Some((tag.as_str(), screen(policy, tag).ok()?))));
        Ranking {
            policy,
            tags,
            screened,
            plain: OnceLock::new(),
            families: OnceLock::new(),
            evidence: OnceLock::new(),
            nothing: Pool::default(),
        }
    }

    /// The decision for one reference, or the facts that it hangs on. The same question and facts give the same outcome.
    pub fn decide(&self, question: &Question<'_>, facts: &Facts) -> Outcome {
        if let Select::Digest(tag) = &self.policy.select {
            return self.approved(self.follow(tag, question, facts), question, facts);
        }
        self.approved(self.judge(&self.ground(question), facts).complete(question, facts), question, facts)
    }

    /// Why each tag but the chosen one was passed over: the ordered ones best first, then the others by their bytes.
    ///
    /// Computed when asked for; each call looks at every tag. The facts are those the decision was made with.
    pub fn passed_over(&self, question: &Question<'_>, facts: &Facts) -> Vec<PassedOver> {
        if let Select::Digest(tag) = &self.policy.select {
            return self.not_followed(tag, question);
        }
        let ground = self.ground(question);
        let judgement = self.judge(&ground, facts);
        self.explain(&ground, judgement.chosen.as_ref(), judgement.held.as_ref(), facts)
    }

    /// The same for at most so many tags that have a place in the order and so many others, and how many more there are.
    pub fn passed_over_some(
        &self,
        question: &Question<'_>,
        facts: &Facts,
        most: (usize, usize),
    ) -> (Vec<PassedOver>, usize) {
        if let Select::Digest(tag) = &self.policy.select {
            let mut all = self.not_followed(tag, question);
            let rest = all.len().saturating_sub(most.1);
            all.truncate(most.1);
            return (all, rest);
        }
        let ground = self.ground(question);
        let judgement = self.judge(&ground, facts);
        self.explain_some(&ground, judgement.chosen.as_ref(), judgement.held.as_ref(), facts, most)
    }

    /// The current tag's family as people say it; `None` when candidates may be of any.
    pub fn family(&self, question: &Question<'_>) -> Option<String> {
        if matches!(self.policy.select, Select::Digest(_)) {
            return None;
        }
        self.ground(question).family.map(|family| family.described)
    }

    /// Families need a current tag too; without one the question is on all.
    pub(super) fn has_families(&self) -> bool {
        self.policy.has_families()
    }

    /// The least number of parts that a version must have.
    pub(super) fn parts(&self) -> usize {
        match self.policy.select {
            Select::Semver { parts, .. } => parts.count(),
            _ => 1,
        }
    }

    /// Whether the values are versions or dates, of which short ones float.
    pub(super) fn has_versions(&self) -> bool {
        matches!(self.policy.select, Select::Semver { .. } | Select::Calver(_))
    }

    /// Whether the version is a short one that others refine. Only `semver` and `calver` ask.
    pub(super) fn moves(&self, shape: &family::Shape<'_>) -> bool {
        self.has_versions()
            && self.policy.guards.is_on(Guard::Floating)
            && shape.core.parts < 3
            && self.evidence().refines(shape)
    }

    pub(super) fn family_of(&self, tag: &str) -> Option<FamilyName> {
        match &self.policy.select {
            Select::Semver { .. } => family::Shape::read(tag).map(|shape| shape.name(self.policy.family)),
            Select::Calver(pattern) => calver::shape(tag, pattern).map(|shape| shape.name(self.policy.family)),
            _ => family::name_of_text(tag),
        }
    }

    /// By value: of versions, numbers and keys their own, of images their build time, of commits their place in the history.
    pub(super) fn compare(&self, entry: &Entry<'_>, other: &Entry<'_>, facts: &Facts) -> Ordering {
        match &self.policy.select {
            Select::Newest => newest::compare(entry.tag, other.tag, facts),
            Select::Commit(source) => commit::compare(entry, other, source, facts),
            _ => entry.compare_value(other, self.policy),
        }
    }

    pub(super) fn plain(&self) -> &Pool<'a> {
        self.plain.get_or_init(|| {
            let tags = self.screened.iter().cloned();
            Pool::new(self.policy, Reading::Plain, tags, || self.evidence())
        })
    }

    pub(super) fn pool(&self, key: &str) -> &Pool<'a> {
        let families = self.families();
        let Some(family) = families.places.get(key).and_then(|at| families.pools.get(*at)) else {
            return &self.nothing;
        };
        family.pool.get_or_init(|| {
            let tags = family.members.iter().map(|at| self.screened[*at].clone());
            Pool::new(self.policy, Reading::Family, tags, || self.evidence())
        })
    }

    fn families(&self) -> &Families<'a> {
        self.families.get_or_init(|| {
            let mut families = Families::default();
            // Neighbours in a list are mostly of one family: then the key of the one before is not looked up again.
            let (mut key, mut before) = (String::new(), (String::new(), usize::MAX));
            for (at, (tag, _)) in self.screened.iter().enumerate() {
                key.clear();
                if !self.policy.write_family_key(tag, &mut key) {
                    continue;
                }
                if before.1 == usize::MAX || key != before.0 {
                    let place = families.place(&key);
                    std::mem::swap(&mut key, &mut before.0);
                    before.1 = place;
                }
                families.pools[before.1].members.push(at);
            }
            families
        })
    }

    /// All that the registry lists counts, whatever the filter says, and the keys that the filter makes of it.
    fn evidence(&self) -> &Evidence {
        self.evidence.get_or_init(|| {
            let tags = self.tags.iter().map(String::as_str).filter(|tag| tag.len() <= MAX_TAG);
            Evidence::new(tags.chain(self.screened.iter().map(|(_, key)| key.as_ref())))
        })
    }
}

impl Families<'_> {
    /// Where the family of that key stands; a new one is added.
    fn place(&mut self, key: &str) -> usize {
        if let Some(at) = self.places.get(key) {
            return *at;
        }
        self.places.insert(key.to_owned(), self.pools.len());
        self.pools.push(FamilyPool::default());
        self.pools.len() - 1
    }
}

/// The key of a tag that is looked at at all, or why it is not.
pub(super) fn screen<'t>(policy: &Policy, tag: &'t str) -> Result<Cow<'t, str>, Reason> {
    if !Tag::is_valid(tag) {
        return Err(Reason::InvalidTag);
    }
    let key = policy.tags.key(tag)?;
    if is_named(tag) {
        return Err(Reason::Floating);
    }
    if policy.guards.is_on(Guard::Artefact) && artefact::is_artefact(tag) {
        return Err(Reason::Artefact);
    }
    Ok(key)
}
