//! The branches that are kept up to date, and when each is due.
//!
//! A branch is due when the first of its policies is: those that say nothing are due when the settings say. Policies stand in
//! the repository, so what they say is known after the first run; until then the settings' schedule counts. A run asks about the
//! images of the policies that are due, and about all when it is not known which these are.

use super::Look;
use super::known::{Known, Standing};
use crate::config::settings::{RepositorySettings, ServiceSettings};
use crate::cycle::{Report, Scope};
use crate::plan::{Entry, Plan};
use crate::schedule::back_off;
use crate::telemetry::Place;
use std::collections::BTreeMap;

/// The most images that are to be looked at at once in one branch; of more, everything is.
const MAX_WANTED: usize = 10_000;

/// One branch of one repository; without a name, the default branch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    pub repository: String,
    pub branch: Option<String>,
}

impl Target {
    pub(super) fn place(&self) -> Place {
        Place { repository: self.repository.clone(), branch: self.branch.clone().unwrap_or_default() }
    }

    /// What `H` goes by, for the branch or for one of its policies.
    pub(super) fn seed(&self, policy: &str) -> String {
        format!("{} {} {policy}", self.repository, self.branch.as_deref().unwrap_or_default())
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Targets(BTreeMap<Target, Known>);

impl Targets {
    /// The branches that the settings name; what is known of those that stay is kept.
    pub(super) fn set(&mut self, repositories: &[RepositorySettings], service: &ServiceSettings, now: i64) {
        let mut old = std::mem::take(&mut self.0);
        for repository in repositories {
            let named = repository.branches.iter().cloned().map(Some);
            let branches: Vec<Option<String>> =
                if repository.branches.is_empty() { vec![None] } else { named.collect() };
            for branch in branches {
                let target = Target { repository: repository.place.to_string(), branch };
                let cron = repository.schedule.as_ref().unwrap_or(&service.schedule).clone();
                let zone = repository.zone.as_ref().unwrap_or(&service.zone).clone();
                let known = match old.remove(&target) {
                    Some(known) => Known { cron, zone, ..known },
                    None => Known::new(cron, zone, now),
                };
                self.0.insert(target, known);
            }
        }
    }

    pub(super) fn has(&self, target: &Target) -> bool {
        self.0.contains_key(target)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &Target> {
        self.0.keys()
    }

    /// Somebody says that something is new. Gives the branches that it may be of interest to. Where nothing was read yet, the first run will see it anyway.
    pub(super) fn want(&mut self, look: &Look) -> Vec<Target> {
        let concerned: Vec<Target> = self.concerned(look).cloned().collect();
        for target in &concerned {
            let Some(known) = self.0.get_mut(target) else { continue };
            let scope = match look {
                Look::Image(image) => Scope { images: [image.clone()].into(), ..Scope::nothing() },
                Look::Config { .. } => Scope::default(),
            };
            let wanted = known.wanted.get_or_insert_with(Scope::nothing);
            wanted.merge(scope);
            if wanted.images.len() > MAX_WANTED {
                *wanted = Scope::default();
            }
        }
        concerned
    }

    /// All of them are to be looked at as a whole.
    pub(super) fn want_all(&mut self) {
        self.0.values_mut().for_each(|known| known.wanted.get_or_insert_default().merge(Scope::default()));
    }

    /// A run begins: what it has to ask about. What was wanted is hereby taken.
    pub(super) fn begin(&mut self, target: &Target, now: i64) -> Scope {
        let Some(known) = self.0.get_mut(target) else { return Scope::default() };
        let mut scope = known.due_scope(target, now);
        scope.merge(known.wanted.take().unwrap_or_else(Scope::nothing));
        scope
    }

    fn concerned(&self, look: &Look) -> impl Iterator<Item = &Target> {
        let concerns = move |(target, known): &(&Target, &Known)| match look {
            // Before the first run has ended nobody knows; it may have read that list already.
            Look::Image(image) => known.images.as_ref().is_none_or(|images| images.contains(image)),
            Look::Config { repository, branch } => {
                let one = target.branch.is_none() || branch.is_none() || target.branch == *branch;
                target.repository == *repository && one
            }
        };
        self.0.iter().filter(concerns).map(|(target, _)| target)
    }

    /// How the branch stands after a run.
    pub(super) fn standing(
        &mut self,
        target: &Target,
        plan: &Plan,
        pending: &dyn Fn(&Entry) -> Option<u64>,
    ) -> Standing {
        self.0.get_mut(target).map_or_else(Standing::default, |known| known.standing(plan, pending))
    }

    /// How many of its runs failed since the last one that did not.
    pub(super) fn failures(&self, target: &Target) -> u32 {
        self.0.get(target).map_or(0, |known| known.failures)
    }

    /// When each is due: at once where it was never looked at, after a pause where the last run failed.
    pub(super) fn due(&self, now: i64) -> impl Iterator<Item = (&Target, Option<i64>)> {
        self.0.iter().map(move |(target, known)| {
            let at = match known.failures {
                _ if !known.attempted => Some(now),
                0 => known.next(target, now),
                failures => Some(now.saturating_add(back_off(failures))),
            };
            (target, at)
        })
    }

    /// The clock was set back to `now`: what was asked about later than that was asked about now.
    pub(super) fn set_back(&mut self, now: i64) {
        self.0.values_mut().for_each(|known| known.set_back(now));
    }

    /// Those that were never looked at, and since when they are known.
    pub(super) fn waiting(&self) -> BTreeMap<Target, i64> {
        let waiting = self.0.iter().filter(|(_, known)| !known.attempted);
        waiting.map(|(target, known)| (target.clone(), known.since)).collect()
    }

    /// A run that began at `began` ended `now`: says when the next one is due.
    ///
    /// A run that failed leaves what it should have asked about to the next one.
    pub(super) fn ended(
        &mut self,
        target: &Target,
        scope: &Scope,
        failed: bool,
        report: Option<&Report>,
        (began, now): (i64, i64),
    ) -> Option<i64> {
        let known = self.0.get_mut(target)?;
        known.attempted = true;
        known.failures = if failed { known.failures.saturating_add(1) } else { 0 };
        if failed {
            known.wanted.get_or_insert_with(Scope::nothing).merge(scope.clone());
        } else if report.is_none() {
            known.gave_up(scope, now);
        }
        if let Some(report) = report {
            // What came due meanwhile is due.
            known.learn(&report.planned.policies, scope, began);
            let managed = report.plan().entries.iter().filter(|entry| entry.policy.is_some());
            known.images = Some(managed.filter_map(|entry| entry.image.clone()).collect());
        }
        if failed { Some(now.saturating_add(back_off(known.failures))) } else { known.next(target, now) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::RepositoryPlace;
    use crate::image::Repository;
    use crate::policy::PolicyName;
    use crate::schedule::{Cron, Zone};
    use crate::service::known::Own;
    use std::collections::BTreeSet;

    const MIDNIGHT: i64 = 1_763_596_800; // 2025-11-20T00:00:00Z

    fn repository(place: &str, branches: &[&str], schedule: &str) -> RepositorySettings {
        RepositorySettings {
            place: RepositoryPlace::Path(place.into()),
            branches: branches.iter().map(|branch| (*branch).to_owned()).collect(),
            policies: Vec::new(),
            schedule: Cron::parse(schedule).ok(),
            zone: None,
        }
    }

    fn target(branch: Option<&str>) -> Target {
        Target { repository: "r".into(), branch: branch.map(str::to_owned) }
    }

    fn policies(of: &[(&str, Option<&str>, Option<&str>)]) -> Option<Vec<Own>> {
        let own = |(name, cron, zone): &(&str, Option<&str>, Option<&str>)| Own {
            name: PolicyName::parse(name).unwrap(),
            stamp: 0,
            asked: Some(MIDNIGHT),
            cron: cron.map(|cron| Cron::parse(cron).unwrap()),
            zone: zone.map(|zone| Zone::parse(zone).unwrap()),
        };
        Some(of.iter().map(own).collect())
    }

    #[test]
    fn a_branch_is_due_when_the_first_of_its_policies_is() {
        let mut targets = Targets::default();
        targets.set(&[repository("r", &[], "0 12 * * *")], &ServiceSettings::default(), MIDNIGHT);
        let target = target(None);
        let hours = |targets: &Targets| (targets.0[&target].next(&target, MIDNIGHT).unwrap() - MIDNIGHT) / 3_600;
        assert_eq!(hours(&targets), 12, "nothing is known of its policies");
        for (said, due) in [
            (policies(&[("web", Some("0 6 * * *"), None)]), 6),
            (policies(&[("web", Some("0 18 * * *"), None)]), 18),
            (policies(&[("web", Some("0 18 * * *"), None), ("api", None, None)]), 12),
            (policies(&[("web", Some("0 18 * * *"), Some("Asia/Tokyo"))]), 9),
            (policies(&[]), 12),
        ] {
            targets.0.get_mut(&target).unwrap().policies = said;
            assert_eq!(hours(&targets), due);
        }
    }

    #[test]
    fn a_run_asks_about_what_is_due_and_what_is_new() {
        let mut targets = Targets::default();
        targets.set(&[repository("r", &[], "0 12 * * *")], &ServiceSettings::default(), MIDNIGHT);
        let target = target(None);
        let (noon, evening) = (MIDNIGHT + 12 * 3_600, MIDNIGHT + 18 * 3_600);
        let due = |scope: &Scope| {
            let names = scope.policies.as_ref().map(|due| due.iter().map(PolicyName::as_str).collect::<Vec<_>>());
            names.map(|names| names.join(" "))
        };
        assert_eq!(targets.begin(&target, MIDNIGHT), Scope::default(), "nothing is known yet");
        targets.0.get_mut(&target).unwrap().policies =
            policies(&[("web", Some("0 18 * * *"), None), ("api", None, None), ("db", Some("@hourly"), None)]);
        assert_eq!(targets.begin(&target, MIDNIGHT), Scope::default(), "no run has ended yet");
        targets.0.get_mut(&target).unwrap().attempted = true;
        assert_eq!(due(&targets.begin(&target, MIDNIGHT)).as_deref(), Some(""));
        assert_eq!(due(&targets.begin(&target, MIDNIGHT + 3_600)).as_deref(), Some("db"));
        let at_noon = targets.begin(&target, noon);
        assert_eq!(due(&at_noon).as_deref(), Some("api db"));
        let web = Repository::parse("reg.example.com/acme/web").unwrap();
        targets.0.get_mut(&target).unwrap().images = Some([web.clone()].into());
        targets.want(&Look::Image(web.clone()));
        // The run fails: what it was to ask about is asked about by the next one, too.
        assert_eq!(targets.ended(&target, &at_noon, true, None, (noon, noon)).map(|at| at - noon), Some(60));
        let next = targets.begin(&target, noon + 60);
        assert_eq!((due(&next).as_deref(), &next.images), (Some("api db"), &[web].into()));
        // Rejected policies are no failure, and are not read again before something is due.
        assert_eq!(targets.ended(&target, &next, false, None, (noon + 61, noon + 61)), Some(noon + 3_600));
        assert_eq!(due(&targets.begin(&target, noon + 3_600)).as_deref(), Some("db"));
        assert_eq!(
            targets.begin(&target, evening),
            Scope {
                policies: Some([PolicyName::parse("db").unwrap(), PolicyName::parse("web").unwrap()].into()),
                images: BTreeSet::new()
            }
        );
        targets.want_all();
        assert!(targets.begin(&target, noon).is_whole());
        // A policy that is new, or says something else, is asked about at once.
        let said = targets.0.get_mut(&target).unwrap().policies.as_mut().unwrap();
        said.iter_mut().for_each(|policy| policy.asked = Some(evening));
        said[0].asked = None;
        assert_eq!(targets.0[&target].next(&target, evening), Some(evening));
        assert_eq!(due(&targets.begin(&target, evening)).as_deref(), Some("web"));
        // A clock that is set back makes nobody wait until it shows the old time again.
        targets.set_back(MIDNIGHT);
        assert_eq!(due(&targets.begin(&target, MIDNIGHT + 3_600)).as_deref(), Some("db web"));
        // What came due while a run was under way is due after it.
        targets.0.get_mut(&target).unwrap().policies = policies(&[("db", Some("@hourly"), None)]);
        let long = (MIDNIGHT + 3_600 - 10, MIDNIGHT + 3_600 + 10);
        let next = targets.ended(&target, &Scope::default(), false, None, long);
        assert!(next.is_some_and(|at| at > long.1), "it could not look");
        targets.0.get_mut(&target).unwrap().policies.as_mut().unwrap()[0].asked = Some(long.0);
        assert_eq!(targets.0[&target].next(&target, long.1), Some(MIDNIGHT + 3_600));
    }

    #[test]
    fn a_branch_that_fails_is_left_in_peace_whatever_the_clock_says() {
        let mut targets = Targets::default();
        targets.set(&[repository("r", &["main"], "* * * * *")], &ServiceSettings::default(), MIDNIGHT);
        let target = target(Some("main"));
        for _ in 0..3 {
            targets.ended(&target, &Scope::default(), true, None, (MIDNIGHT, MIDNIGHT));
        }
        targets.set_back(MIDNIGHT - 500);
        let due: Vec<_> = targets.due(MIDNIGHT - 500).map(|(_, at)| at).collect();
        assert_eq!(due, [Some(MIDNIGHT - 500 + 240)]);
    }

    #[test]
    fn more_than_can_be_told_apart_is_everything() {
        let mut targets = Targets::default();
        targets.set(&[repository("r", &[], "@daily")], &ServiceSettings::default(), MIDNIGHT);
        let target = target(None);
        let known = targets.0.get_mut(&target).unwrap();
        (known.attempted, known.policies) = (true, policies(&[("web", None, None)]));
        let image = |number: usize| Repository::parse(&format!("reg.example.com/app{number}")).unwrap();
        (0..MAX_WANTED).for_each(|number| drop(targets.want(&Look::Image(image(number)))));
        let scope = targets.begin(&target, MIDNIGHT);
        assert_eq!((scope.is_whole(), scope.images.len()), (false, MAX_WANTED));
        (0..=MAX_WANTED).for_each(|number| drop(targets.want(&Look::Image(image(number)))));
        assert!(targets.begin(&target, MIDNIGHT).is_whole());
    }

    #[test]
    fn failures_put_the_next_look_off_and_a_good_run_ends_that() {
        let mut targets = Targets::default();
        targets.set(&[repository("r", &["main"], "*/5 * * * *")], &ServiceSettings::default(), MIDNIGHT);
        let target = target(Some("main"));
        let mut ended = |failed| {
            targets.ended(&target, &Scope::default(), failed, None, (MIDNIGHT, MIDNIGHT)).map(|at| at - MIDNIGHT)
        };
        assert_eq!([true, true, true, false, true].map(&mut ended), [60, 120, 240, 300, 60].map(Some));
    }

    #[test]
    fn what_stays_in_the_settings_keeps_what_is_known_of_it() {
        let mut targets = Targets::default();
        targets.set(&[repository("r", &["a", "b"], "@daily")], &ServiceSettings::default(), MIDNIGHT);
        assert_eq!(targets.due(MIDNIGHT).filter(|(_, at)| *at == Some(MIDNIGHT)).count(), 2, "at once");
        targets.ended(&target(Some("a")), &Scope::default(), false, None, (MIDNIGHT, MIDNIGHT));
        targets.set(&[repository("r", &["a", "c"], "@hourly")], &ServiceSettings::default(), MIDNIGHT + 5);
        let due: Vec<_> = targets
            .due(MIDNIGHT + 5)
            .map(|(target, at)| (target.branch.clone().unwrap(), at.unwrap() - MIDNIGHT))
            .collect();
        assert_eq!(due, [("a".to_owned(), 3_600), ("c".to_owned(), 5)]);
        assert_eq!(targets.waiting(), [(target(Some("c")), MIDNIGHT + 5)].into());
        assert!(!targets.has(&target(Some("b"))));
        assert_eq!(targets.ended(&target(Some("b")), &Scope::default(), false, None, (MIDNIGHT, MIDNIGHT)), None);
    }

    #[test]
    fn what_is_new_concerns_the_branches_that_use_it() {
        let mut targets = Targets::default();
        targets.set(
            &[repository("r", &["a", "b"], "@daily"), repository("s", &[], "@daily")],
            &ServiceSettings::default(),
            MIDNIGHT,
        );
        let web = Repository::parse("reg.example.com/acme/web").unwrap();
        targets.0.get_mut(&target(Some("b"))).unwrap().images = Some([web.clone()].into());
        let concerned = |look: Look| {
            let name = |of: &Target| format!("{}/{}", of.repository, of.branch.as_deref().unwrap_or("-"));
            targets.concerned(&look).map(name).collect::<Vec<_>>()
        };
        assert_eq!(concerned(Look::Image(web.clone())), ["r/a", "r/b", "s/-"], "nobody knows what the others use");
        for known in targets.0.values_mut() {
            known.images.get_or_insert_default();
        }
        let concerned = |look: Look| {
            let name = |of: &Target| format!("{}/{}", of.repository, of.branch.as_deref().unwrap_or("-"));
            targets.concerned(&look).map(name).collect::<Vec<_>>()
        };
        assert_eq!(concerned(Look::Image(web)), ["r/b"]);
        assert!(concerned(Look::Image(Repository::parse("reg.example.com/acme/api").unwrap())).is_empty());
        let config = |repository: &str, branch: Option<&str>| Look::Config {
            repository: repository.to_owned(),
            branch: branch.map(str::to_owned),
        };
        assert_eq!(concerned(config("r", Some("a"))), ["r/a"]);
        assert_eq!(concerned(config("r", None)), ["r/a", "r/b"]);
        assert_eq!(concerned(config("s", Some("main"))), ["s/-"], "it may be the default branch");
        assert!(concerned(config("t", None)).is_empty());
    }

    #[test]
    fn branches_and_policies_are_spread_apart() {
        let mut targets = Targets::default();
        targets.set(&[repository("r", &["a", "b"], "H H * * *")], &ServiceSettings::default(), MIDNIGHT);
        let due: Vec<_> = targets.0.iter().map(|(target, known)| known.next(target, MIDNIGHT)).collect();
        assert_ne!(due[0], due[1]);
    }
}
