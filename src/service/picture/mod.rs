//! What the service knows, for those who look: every branch with its references, every image with its decision, the runs of
//! late, registries that fail. The status page and its API are made of it.
//!
//! It is filled by what runs tell and lost with the process; the first run of a branch fills it again. Everything in it is
//! bounded, and what is left out is counted.
//!
//! | file | says |
//! |---|---|
//! | `row` | a reference, and how it is made of a plan |
//! | `branch` | a branch as the last run left it |
//! | `image` | decisions about an image, and when its tags and our updates came |
//! | `hosts` | registries whose lists cannot be had |
//! | `runs` | the runs of late |
//! | `words` | texts, shared and cut |

mod branch;
mod hosts;
mod image;
mod row;
mod runs;
mod words;

pub use branch::{Branch, Hold, Last, Listed, MAX_LISTED, Note, Problem, Skipped};
pub use hosts::{Failing, Hosts, MAX_FAILING, MAX_HOSTS};
pub use image::{Came, Image, Look, MAX_KNOWN, MAX_LOOKS, MAX_POINTS, Passed, TagCame, Update};
pub use row::{Row, State};
pub use runs::{Commit, MAX_OF_RUN, MAX_RUNS, PullRequest, Run};
pub use words::MAX_TEXT;

use super::{Observer, RunEnded, Target, Trouble};
use crate::cycle::{Decided, Event, Events, Report, Scope};
use crate::image::{Digest, Repository};
use crate::policy::PolicyName;
use crate::port::Clock;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most references that are kept, of all branches together.
pub const MAX_REFERENCES: usize = 50_000;
/// The most images, and of all of them together the most passed-over tags and the most tags that are watched.
pub const MAX_IMAGES: usize = 5_000;
pub const MAX_PASSED_OVER: usize = 60_000;
pub const MAX_WATCHED: usize = 2_000_000;
/// Passed-over tags of one decision: at least, where there are many, and at most.
const PASSED_OVER: (usize, usize) = (8, 40);

/// What the service knows. Clones are the same picture.
#[derive(Clone)]
pub struct Picture {
    clock: Arc<dyn Clock>,
    known: Arc<Mutex<Known>>,
}

/// Paints what is heard of one run.
#[derive(Debug)]
struct Painter {
    picture: Picture,
    target: Target,
}

/// The same at one moment. What is behind an `Arc` is never changed.
#[derive(Debug, Clone, Default)]
pub struct Known {
    pub started: i64,
    pub branches: BTreeMap<Target, Arc<Branch>>,
    pub images: BTreeMap<Repository, Arc<Image>>,
    pub hosts: Hosts,
    /// The newest first.
    pub runs: VecDeque<Arc<Run>>,
    /// Runs under way: when they began, and of what.
    pub under_way: BTreeMap<Arc<str>, (Target, i64)>,
    /// Why the newest settings are not in use, and since when.
    pub refused: Option<(Trouble, i64)>,
    looks: usize,
    watched: usize,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Picture").finish_non_exhaustive()
    }
}

impl Picture {
    /// A picture of a service that starts now.
    pub fn new(clock: Arc<dyn Clock>) -> Picture {
        let known = Known { started: clock.now(), ..Known::default() };
        Picture { clock, known: Arc::new(Mutex::new(known)) }
    }

    /// Looks at what is known at this moment. `look` must not take long: runs wait for it.
    pub fn look<T>(&self, look: impl FnOnce(&Known) -> T) -> T {
        look(&self.known())
    }

    /// Changes what is known: for tests.
    #[cfg(test)]
    pub(in crate::service) fn paint(&self, paint: impl FnOnce(&mut Known)) {
        paint(&mut self.known());
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Picture {
    fn run_started(&self, id: &str, target: &Target, now: i64) {
        self.known().under_way.insert(id.into(), (target.clone(), now));
    }

    fn listen(&self, _: &str, target: &Target, _: &Scope) -> Option<Arc<dyn Events>> {
        Some(Arc::new(Painter { picture: self.clone(), target: target.clone() }))
    }

    fn run_ended(&self, run: &RunEnded<'_>) {
        let mut known = self.known();
        known.under_way.remove(run.id);
        known.runs.push_front(Arc::new(Run::of(run)));
        known.runs.truncate(MAX_RUNS);
        // It may have left the settings meanwhile.
        if known.branches.contains_key(run.target) {
            known.ended(run);
        }
    }

    fn settings_read(&self, targets: &[&Target], refused: Option<&Trouble>, now: i64) {
        let mut known = self.known();
        let since = known.refused.as_ref().map_or(now, |(_, since)| *since);
        known.refused = refused.map(|trouble| (trouble.clone(), since));
        known.branches.retain(|target, _| targets.contains(&target));
        for target in targets {
            let new = || Arc::new(Branch::new((*target).clone()));
            known.branches.entry((*target).clone()).or_insert_with(new);
        }
        known.forget_unused();
    }
}

impl Events for Painter {
    fn happened(&self, event: &Event<'_>) {
        let (picture, now) = (&self.picture, self.picture.clock.now());
        match event {
            Event::Decided(decided) => picture.known().decided(&self.target, decided, now),
            Event::ListingFailed { repository, error } => {
                picture.known().hosts.failed(repository, &error.to_string(), now);
            }
            Event::DeadlineReached { repository } => {
                let error = "not answered before the run's deadline (limits.runDeadline)";
                picture.known().hosts.failed(repository, error, now);
            }
            Event::TagsListed { repository, .. } => drop(picture.known().hosts.answered(repository)),
            _ => {}
        }
    }

    /// A process that has just begun knows of no decision, however long ago it was made.
    fn wants(&self, repository: &Repository) -> bool {
        let known = self.picture.known();
        let looks = known.images.get(repository).map_or(&[][..], |image| &image.looks);
        !looks.iter().any(|look| look.target == self.target)
    }
}

impl Known {
    fn decided(&mut self, target: &Target, decided: &Decided<'_>, now: i64) {
        let each = (MAX_PASSED_OVER / self.looks.max(1)).clamp(PASSED_OVER.0, PASSED_OVER.1);
        if self.images.len() >= MAX_IMAGES && !self.images.contains_key(decided.repository) {
            return;
        }
        let image = self.images.entry(decided.repository.clone()).or_default();
        let image = Arc::make_mut(image);
        let before = (image.looks.len(), image.watched());
        let room = MAX_WATCHED.saturating_sub(self.watched - before.1);
        image.decided(target, decided, now, (each - each / 4, each / 4), room);
        self.looks = self.looks - before.0 + image.looks.len();
        self.watched = self.watched - before.1 + image.watched();
    }

    fn ended(&mut self, run: &RunEnded<'_>) {
        let Some(mut branch) = self.branches.get(run.target).map(|branch| Branch::clone(branch)) else { return };
        let (error, hint) = match run.outcome {
            Ok(_) => (None, None),
            Err(trouble) => (Some(&trouble.message), trouble.hint.as_ref()),
        };
        let shown = |text: &String| -> Arc<str> { words::cut(text).into() };
        branch.last = Some(Last {
            run: run.id.into(),
            ended: run.ended,
            result: run.result,
            error: error.map(shown),
            hint: hint.map(shown),
            failures: run.failures,
            next: run.next,
        });
        if let Ok(report) = run.outcome {
            let others = self.branches.values().filter(|other| other.target != *run.target);
            let room = MAX_REFERENCES.saturating_sub(others.map(|other| other.rows.len()).sum());
            let chosen = |image: &Repository, policy: &PolicyName, current: Option<&str>| {
                let looks = self.images.get(image).into_iter().flat_map(|image| &image.looks);
                let mut same = looks.filter(|look| {
                    look.target == *run.target && look.policy == *policy && look.current.as_deref() == current
                });
                same.next().and_then(|look| look.chosen.clone())
            };
            branch.take(report, run.ended, room, &chosen);
            self.hosts.reported(report);
        }
        self.branches.insert(run.target.clone(), Arc::new(branch));
        if let Ok(report) = run.outcome {
            self.updates(run.target, report, run.ended);
            self.forget_unused();
        }
    }

    /// Remembers what the run wrote and proposed, by image.
    fn updates(&mut self, target: &Target, report: &Report, now: i64) {
        let commits = report.written.iter().flat_map(|written| &written.commits);
        let commits: BTreeMap<&str, Arc<str>> =
            commits.map(|commit| (&*commit.group, commit.id.0.as_str().into())).collect();
        let proposals: BTreeMap<&str, Arc<str>> = report
            .pulled
            .iter()
            .filter_map(|pulled| Some((&*pulled.group, words::cut(pulled.url.as_deref()?).into())))
            .collect();
        let mut updates: BTreeMap<(Repository, String, String), Update> = BTreeMap::new();
        for (entry, change) in report.plan().changes() {
            let group = &*change.group;
            let (commit, url) = match change.pull_request {
                false => (commits.get(group), None),
                true => (None, proposals.get(group)),
            };
            let (Some(image), true) = (&entry.image, commit.is_some() || url.is_some()) else { continue };
            let to = change.to.tag.as_ref().map(|tag| tag.as_str());
            let to = to.or(change.to.digest.as_ref().map(Digest::as_str)).unwrap_or_default();
            let from = entry.found.reference.tag.as_deref();
            let key = (image.clone(), from.unwrap_or_default().to_owned(), to.to_owned());
            let update = updates.entry(key).or_insert_with(|| Update {
                at: now,
                target: target.clone(),
                from: from.map(|tag| words::cut(tag).into()),
                to: to.into(),
                places: 0,
                commit: commit.cloned(),
                url: url.cloned(),
            });
            update.places += 1;
        }
        for ((image, ..), update) in updates {
            if let Some(image) = self.images.get_mut(&image) {
                Arc::make_mut(image).updated(update);
            }
        }
    }

    /// Forgets what no reference names any more. What a run of only some images did not look at stays, because its rows do.
    fn forget_unused(&mut self) {
        // Of a branch that was never read, or not kept whole, it is not known what is unused.
        let sure = |branch: &Arc<Branch>| branch.seen.is_some() && branch.left_out() == 0;
        let all = self.branches.values().all(sure);
        let mut used: HashSet<&Repository> = HashSet::new();
        let mut asked: HashSet<(&Target, &Repository, &PolicyName, Option<&str>)> = HashSet::new();
        for branch in self.branches.values() {
            for row in &branch.rows {
                used.extend(&row.image);
                let question = row.image.as_ref().zip(row.policy.as_ref());
                asked.extend(question.map(|(image, policy)| (&branch.target, image, policy, row.current.as_deref())));
            }
        }
        self.images.retain(|image, known| {
            let stale = |look: &Look| {
                let question = (&look.target, image, &look.policy, look.current.as_deref());
                self.branches.get(&look.target).is_none_or(|branch| sure(branch) && !asked.contains(&question))
            };
            if known.looks.iter().any(stale) {
                Arc::make_mut(known).looks.retain(|look| !stale(look));
            }
            !all || used.contains(image)
        });
        self.hosts.failing.retain(|image, _| !all || used.contains(image));
        self.looks = self.images.values().map(|image| image.looks.len()).sum();
        self.watched = self.images.values().map(|image| image.watched()).sum();
    }
}

#[cfg(test)]
mod tests;
