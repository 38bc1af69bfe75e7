//! One repository's tags under one policy, prepared once for every reference that asks.
//!
//! [`Ranking::new`] filters the list. The orders are made when a question first needs them: one over all tags, and one for
//! each family that some reference's current tag belongs to. A ranking borrows the policy and the list.

use super::family::FamilyName;
use super::floating::{Evidence, is_named};
use super::pool::{Entry, Pool, Reading};
use super::{Facts, Family, Guard, Outcome, Parts, PassedOver, Policy, Question, Reason, Select, artefact, family};
use crate::image::{MAX_TAG, Tag};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

/// The tags of one repository as one policy sees them.
#[derive(Debug)]
pub struct Ranking<'a> {
    pub(super) policy: &'a Policy,
    /// As the registry gave them.
    pub(super) tags: &'a [String],
    /// The tags that are looked at, with their keys.
    screened: Vec<(&'a str, Cow<'a, str>)>,
    plain: OnceLock<Pool<'a>>,
    families: OnceLock<HashMap<String, FamilyPool<'a>>>,
    evidence: OnceLock<Evidence>,
    nothing: Pool<'a>,
}

/// The members of one family by their place in `screened`, and their order once it was asked for.
#[derive(Debug, Default)]
struct FamilyPool<'a> {
    members: Vec<usize>,
    pool: OnceLock<Pool<'a>>,
}

/// What one question is decided on.
#[derive(Debug)]
pub(super) struct Ground<'r> {
    pub(super) pool: &'r Pool<'r>,
    pub(super) current: Current<'r>,
    /// The family that candidates must be of.
    pub(super) family: Option<FamilyName>,
    /// The highest first number that is believed; `None` where nothing can be an outlier.
    pub(super) reach: Option<u64>,
}

/// What the tag in the file means to the policy.
#[derive(Debug)]
pub(super) enum Current<'r> {
    Absent,
    /// The numbers that a floating version has, for example `[1, 2]`; empty for a name.
    Floating {
        tag: &'r str,
        line: Vec<u64>,
    },
    /// Not comparable, and why.
    Unordered {
        tag: &'r str,
        why: String,
    },
    Ordered(Entry<'r>),
}

impl<'a> Ranking<'a> {
    /// Filters the list. Its order and what occurs twice in it do not matter.
    pub fn new(policy: &'a Policy, tags: &'a [String]) -> Ranking<'a> {
        let screened = tags
            .iter()
            .filter_map(|tag| Some((tag.as_str(), screen(policy, tag).ok()?)))
            .collect();
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
        self.judge(&self.ground(question)).complete(question, facts)
    }

    /// Why each tag but the chosen one was passed over: the ordered ones best first, then the others by their bytes.
    pub fn passed_over(&self, question: &Question<'_>, facts: &Facts) -> Vec<PassedOver> {
        let ground = self.ground(question);
        let chosen = match self.judge(&ground).complete(question, facts) {
            Outcome::Decided(decision) => decision.chosen.map(|chosen| chosen.tag),
            Outcome::Needs(_) => self.judge(&ground).chosen,
        };
        self.explain(&ground, chosen.as_ref())
    }

    /// The current tag's family as people say it; `None` when candidates may be of any.
    pub fn family(&self, question: &Question<'_>) -> Option<String> {
        self.ground(question).family.map(|family| family.described)
    }

    pub(super) fn ground<'r>(&'r self, question: &Question<'r>) -> Ground<'r> {
        let Some(tag) = question.current.map(Tag::as_str) else {
            return self.on_all(Current::Absent);
        };
        if is_named(tag) {
            return self.on_all(Current::Floating { tag, line: Vec::new() });
        }
        let Some(key) = self.policy.tags.key_of_current(tag) else {
            let why = "`tags.match` does not match it, so that `tags.extract` has no key".to_owned();
            return self.on_all(Current::Unordered { tag, why });
        };
        if let Some(shape) = family::Shape::read(&key).filter(|shape| self.moves(shape)) {
            return self.on_floating(tag, &shape);
        }
        let reading = if self.has_families() {
            Reading::Family
        } else {
            Reading::Plain
        };
        match Entry::read(self.policy, reading, tag, key) {
            Err(why) => self.on_all(Current::Unordered {
                tag,
                why: format!("it {why}"),
            }),
            Ok(entry) => self.on_family(entry),
        }
    }

    fn on_all<'r>(&'r self, current: Current<'r>) -> Ground<'r> {
        Ground {
            pool: self.plain(),
            current,
            family: None,
            reach: None,
        }
    }

    fn on_family<'r>(&'r self, entry: Entry<'r>) -> Ground<'r> {
        let family = if self.has_families() {
            self.family_of(entry.tag)
        } else {
            None
        };
        let pool = match &family {
            Some(family) => self.pool(&family.key),
            None => self.plain(),
        };
        let reach = self.reach(pool, entry.first_number());
        Ground {
            pool,
            current: Current::Ordered(entry),
            family,
            reach,
        }
    }

    /// A floating version is pinned to the longest versions that there are with its suffix.
    fn on_floating<'r>(&'r self, tag: &'r str, shape: &family::Shape<'_>) -> Ground<'r> {
        let line = shape.core.values[..shape.core.parts].to_vec();
        let family = self.has_families().then(|| {
            let least = self.parts().count().max(shape.core.parts + 1);
            let name = |parts| shape.with_parts(parts).name(self.policy.family);
            let inhabited = |name: &FamilyName| self.pool(&name.key).candidates().next().is_some();
            (least..=3).rev().map(name).find(inhabited).unwrap_or_else(|| name(3))
        });
        let pool = match &family {
            Some(family) => self.pool(&family.key),
            None => self.plain(),
        };
        let reach = self.reach(pool, line.first().copied());
        Ground {
            pool,
            current: Current::Floating { tag, line },
            family,
            reach,
        }
    }

    fn reach(&self, pool: &Pool<'_>, first_number: Option<u64>) -> Option<u64> {
        let on = self.policy.guards.is_on(Guard::Outlier);
        first_number.filter(|_| on).map(|first| pool.ladder.reach(first))
    }

    /// Families need a current tag, and a policy that does not say itself which tags it means.
    fn has_families(&self) -> bool {
        self.policy.tags.matching.is_none() && self.policy.family != Family::Any
    }

    fn parts(&self) -> Parts {
        match self.policy.select {
            Select::Semver { parts, .. } => parts,
            Select::Numeric(_) | Select::Alphabetical(_) => Parts::One,
        }
    }

    /// Whether the version is a short one that others refine. Only `semver` asks.
    pub(super) fn moves(&self, shape: &family::Shape<'_>) -> bool {
        matches!(self.policy.select, Select::Semver { .. })
            && self.policy.guards.is_on(Guard::Floating)
            && shape.core.parts < 3
            && self.evidence().refines(shape)
    }

    pub(super) fn family_of(&self, tag: &str) -> Option<FamilyName> {
        match self.policy.select {
            Select::Semver { .. } => family::Shape::read(tag).map(|shape| shape.name(self.policy.family)),
            Select::Numeric(_) | Select::Alphabetical(_) => family::name_of_text(tag),
        }
    }

    /// The key alone, without the text for people: this one is asked of every tag.
    fn family_key(&self, tag: &str) -> Option<String> {
        match self.policy.select {
            Select::Semver { .. } => family::Shape::read(tag).map(|shape| shape.key(self.policy.family)),
            Select::Numeric(_) | Select::Alphabetical(_) => family::key_of_text(tag),
        }
    }

    fn plain(&self) -> &Pool<'a> {
        self.plain.get_or_init(|| {
            let tags = self.screened.iter().cloned();
            Pool::new(self.policy, Reading::Plain, tags, || self.evidence())
        })
    }

    fn pool(&self, key: &str) -> &Pool<'a> {
        let Some(family) = self.families().get(key) else {
            return &self.nothing;
        };
        family.pool.get_or_init(|| {
            let tags = family.members.iter().map(|at| self.screened[*at].clone());
            Pool::new(self.policy, Reading::Family, tags, || self.evidence())
        })
    }

    fn families(&self) -> &HashMap<String, FamilyPool<'a>> {
        self.families.get_or_init(|| {
            let mut families: HashMap<String, FamilyPool<'a>> = HashMap::new();
            for (at, (tag, _)) in self.screened.iter().enumerate() {
                if let Some(key) = self.family_key(tag) {
                    families.entry(key).or_default().members.push(at);
                }
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

/// The key of a tag that is looked at at all, or why it is not.
pub(super) fn screen<'t>(policy: &Policy, tag: &'t str) -> Result<Cow<'t, str>, Reason> {
    if Tag::parse(tag).is_err() {
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
