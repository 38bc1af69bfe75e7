//! What is known of one branch: when its policies are due, what they look after, and what waits to be looked at.

use super::Target;
use crate::cycle::Scope;
use crate::image::Repository;
use crate::plan::{Entry, Key, Plan, State, keys};
use crate::policy::{Policy, PolicyName, Reason};
use crate::schedule::{Cron, Timetable, Zone};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

/// One branch, as far as the runs of this process could see.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) cron: Cron,
    pub(super) zone: Zone,
    /// What its policies say; `None` before the first run that could read them.
    pub(super) policies: Option<Vec<Own>>,
    /// The images that its policies look after; `None` before the first run that could see them.
    pub(super) images: Option<BTreeSet<Repository>>,
    /// What events have named since the last run began; `None` is nothing.
    pub(super) wanted: Option<Scope>,
    /// How references stand that are held or wait, as far as a run that asked about them could see.
    pub(super) stand: HashMap<Key, Stand>,
    /// Failed runs in a row.
    pub(super) failures: u32,
    pub(super) since: i64,
    pub(super) attempted: bool,
}

/// What one policy says.
#[derive(Debug, Clone)]
pub(super) struct Own {
    pub(super) name: PolicyName,
    pub(super) cron: Option<Cron>,
    pub(super) zone: Option<Zone>,
    /// Something that is different when the policy is.
    pub(super) stamp: u64,
    /// When its images were asked about last; `None` where they were not since it says what it says.
    pub(super) asked: Option<i64>,
}

impl Known {
    /// Nothing is known of it but when it is looked at.
    pub(super) fn new(cron: Cron, zone: Zone, now: i64) -> Known {
        Known {
            cron,
            zone,
            policies: None,
            images: None,
            wanted: None,
            stand: HashMap::new(),
            failures: 0,
            since: now,
            attempted: false,
        }
    }

    /// When something is due, counted from `now`; at once where a policy was never asked about.
    pub(super) fn next(&self, target: &Target, now: i64) -> Option<i64> {
        let Some(policies) = self.named_policies() else {
            return self.usual(target).next(now);
        };
        let usual = self.usual(target);
        policies.iter().filter_map(|policy| self.next_of(policy, &usual, target, now)).min()
    }

    /// Moments that passed unseen are one: the policy is due since the first of them.
    fn next_of(&self, policy: &Own, usual: &Timetable, target: &Target, now: i64) -> Option<i64> {
        let Some(asked) = policy.asked else { return Some(now) };
        match &policy.cron {
            Some(cron) => {
                let zone = policy.zone.as_ref().unwrap_or(&self.zone);
                cron.timetable(&target.seed(policy.name.as_str()), zone.clone()).next(asked)
            }
            None => usual.next(asked),
        }
    }

    /// The policies that are due at `now`; all, where it is not known which there are.
    pub(super) fn due_scope(&self, target: &Target, now: i64) -> Scope {
        let Some(policies) = self.named_policies().filter(|_| self.attempted) else {
            return Scope::default();
        };
        let usual = self.usual(target);
        let is_due = |policy: &&Own| self.next_of(policy, &usual, target, now).is_some_and(|at| at <= now);
        let due: BTreeSet<PolicyName> = policies.iter().filter(is_due).map(|policy| policy.name.clone()).collect();
        let all = due.len() == policies.len();
        Scope { policies: (!all).then_some(due), images: BTreeSet::new() }
    }

    fn named_policies(&self) -> Option<&Vec<Own>> {
        self.policies.as_ref().filter(|policies| !policies.is_empty())
    }

    fn usual(&self, target: &Target) -> Timetable {
        self.cron.timetable(&target.seed(""), self.zone.clone())
    }

    /// Nothing was asked about later than `now`.
    pub(super) fn set_back(&mut self, now: i64) {
        for policy in self.policies.iter_mut().flatten() {
            policy.asked = policy.asked.map(|asked| asked.min(now));
        }
    }

    /// A run could not ask about these, and another one at once could not either.
    pub(super) fn gave_up(&mut self, scope: &Scope, now: i64) {
        for policy in self.policies.iter_mut().flatten() {
            if scope.policies.as_ref().is_none_or(|due| due.contains(&policy.name)) {
                policy.asked = Some(now);
            }
        }
    }

    /// What the policies say, and that those in `scope` were asked about.
    pub(super) fn learn(&mut self, policies: &[Policy], scope: &Scope, now: i64) {
        let old = self.policies.take().unwrap_or_default();
        let old: BTreeMap<&PolicyName, &Own> = old.iter().map(|policy| (&policy.name, policy)).collect();
        let own = |policy: &Policy| {
            let stamp = stamp(policy);
            let before = old.get(&policy.name).filter(|before| before.stamp == stamp);
            let asked = scope.policies.as_ref().is_none_or(|due| due.contains(&policy.name));
            Own {
                name: policy.name.clone(),
                cron: policy.schedule.clone(),
                zone: policy.zone.clone(),
                stamp,
                asked: if asked { Some(now) } else { before.and_then(|before| before.asked) },
            }
        };
        self.policies = Some(policies.iter().map(own).collect());
    }

    /// How the branch stands after a run; of what that did not ask about, as before.
    pub(super) fn standing(&mut self, plan: &Plan, pending: &dyn Fn(&Entry) -> Option<u64>) -> Standing {
        let stand = |(key, entry): (Key, &Entry)| {
            let stand = match &entry.state {
                State::Held(held) if held.reason == Reason::NotDue => *self.stand.get(&key)?,
                State::Held(held) => (Some(held.reason), pending(entry)),
                _ => (None, pending(entry)),
            };
            (stand != (None, None)).then_some((key, stand))
        };
        self.stand = keys(&plan.entries).into_iter().zip(&plan.entries).filter_map(stand).collect();
        let mut standing = Standing::default();
        for (reason, pending) in self.stand.values() {
            if let Some(reason) = reason {
                *standing.held.entry(reason.word()).or_default() += 1;
            }
            standing.pending.extend(pending);
        }
        standing
    }
}

/// Why a reference is held, if it is; and what is wanted there and not in the branch yet.
pub(super) type Stand = (Option<Reason>, Option<u64>);

/// How a branch stands.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// How many references are held, by reason.
    pub(super) held: BTreeMap<&'static str, u64>,
    /// What is wanted and not in the branch, see [`super::told::pending`].
    pub(super) pending: Vec<u64>,
}

/// Something that is different when what the policy says, or where it says so, is.
fn stamp(policy: &Policy) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{policy:?}").hash(&mut hasher);
    hasher.finish()
}
