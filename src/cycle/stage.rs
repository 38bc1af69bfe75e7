//! Third step of a run: the bytes. Every change is spliced and proven on the file it was planned from; what cannot be proven
//! becomes a hold. Then the commits: one for each group of changes, each file in the state that it has after it; and the
//! proposals, one for each group that goes into a pull request, each of which stands on the snapshot alone.

use super::scan::Scanned;
use super::{Event, Kept, Planned, Run, RunError, Staged, blocking, workers};
use crate::edit::{self, Edit};
use crate::plan::{Entry, FileNote, Group, Plan, State, compose, groups};
use crate::policy::{Policy, Reason};
use crate::port::{NewFile, RepoError, Snapshot};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

impl Run<'_> {
    /// The plan stands in its order.
    pub(super) async fn stage(&self, scanned: Scanned, mut plan: Plan) -> Result<Planned, RunError> {
        let Scanned { snapshot, policies, warnings, .. } = scanned;
        plan.tie();
        let branch = snapshot.branch().map(str::to_owned);
        let head = snapshot.head().cloned();
        // For as long as files and texts are made, what was proposed before stands in place of the holds.
        let mut held = Vec::new();
        let mut places = BTreeSet::new();
        for (at, change) in self.kept(&plan, &policies, branch.as_deref()).await {
            places.insert(at);
            held.extend(
                change.map(|change| (at, std::mem::replace(&mut plan.entries[at].state, State::Change(change)))),
            );
        }
        // Fixed now: a change that turns out to be impossible must not change which group comes before which.
        let order: Order = groups(&plan).into_iter().enumerate().map(|(at, group)| (lane_of(&group), at)).collect();
        let (apart, most) = (head.is_some(), self.options.changes_per_run);
        let (mut plan, proven, order, files) = blocking(move || {
            let proven = prove_paced(&*snapshot, &mut plan, &order, apart, most)?;
            let files = whole_files(&plan, &proven);
            Ok::<_, RepoError>((plan, proven, order, files))
        })
        .await??;
        let (proposals, commits) =
            self.staged(&mut plan, &policies, &proven, &order).into_iter().partition(|staged| staged.pull_request);
        let kept = (!places.is_empty()).then(|| Kept { plan: plan.clone(), places });
        held.into_iter().for_each(|(at, state)| plan.entries[at].state = state);
        self.events.happened(&Event::Planned { changes: plan.changes().count(), held: plan.held().count() });
        let repository = self.repo.name().to_owned();
        let (lists, notices) = (BTreeMap::new(), Vec::new());
        let passed_over = HashMap::new();
        Ok(Planned {
            repository,
            branch,
            head,
            plan,
            policies,
            warnings,
            lists,
            files,
            commits,
            proposals,
            kept,
            passed_over,
            notices,
            holds: Vec::new(),
        })
    }

    /// One for each group, with its words.
    fn staged(&self, plan: &mut Plan, policies: &[Policy], proven: &[ProvenFile], order: &Order) -> Vec<Staged> {
        let mut files: HashMap<Lane, Vec<NewFile>> = HashMap::new();
        for (lane, file) in proven.iter().flat_map(ProvenFile::steps) {
            files.entry(lane).or_default().push(file);
        }
        let mut groups = groups(plan);
        groups.sort_by_key(|group| order.get(&lane_of(group)));
        let mut commits = Vec::with_capacity(groups.len());
        for group in groups {
            let message = compose(plan, &group, policies, &self.options.message);
            if let Some(entry) = group.members.first().map(|&at| &plan.entries[at]) {
                let note = |text| FileNote { file: entry.found.file.clone(), line: entry.found.reference.line, text };
                plan.notes.extend(message.problems.into_iter().map(note).collect::<Vec<_>>());
            }
            let files = files.remove(&lane_of(&group)).unwrap_or_default();
            let Group { name, pull_request, .. } = group;
            commits.push(Staged { group: name, pull_request, message: message.text, files });
        }
        plan.sort();
        commits
    }
}

/// The name of a group, and whether it goes into a pull request.
type Lane = (Arc<str>, bool);

fn lane_of(group: &Group) -> Lane {
    (group.name.clone(), group.pull_request)
}

/// Which group is written before which.
type Order = HashMap<Lane, usize>;

/// A file with changes: what it holds, and what it holds after each group's.
struct ProvenFile {
    path: Arc<str>,
    old: Arc<[u8]>,
    steps: Vec<(Lane, Arc<[u8]>)>,
}

/// Every file with all its changes together, as people look at them and as checkouts get them.
fn whole_files(plan: &Plan, proven: &[ProvenFile]) -> Vec<NewFile> {
    let of_one_path = proven.chunk_by(|one, other| one.path == other.path);
    of_one_path
        .filter_map(|files| match files {
            [one] => one.whole(),
            [first, ..] => {
                let members = (0..plan.entries.len()).filter(|at| *plan.entries[*at].found.file == *first.path);
                // Where they cannot be shown together, those that are committed are shown.
                let new = edited(plan, &members.collect::<Vec<_>>(), &first.old).ok();
                let both = new.map(|new| NewFile { path: first.path.clone(), old: first.old.clone(), new: new.into() });
                both.or_else(|| first.whole())
            }
            [] => None,
        })
        .collect()
}

impl ProvenFile {
    /// From the first state to the last.
    fn whole(&self) -> Option<NewFile> {
        let (_, new) = self.steps.last()?;
        Some(NewFile { path: self.path.clone(), old: self.old.clone(), new: new.clone() })
    }

    fn steps(&self) -> impl Iterator<Item = (Lane, NewFile)> {
        let before = std::iter::once(&self.old).chain(self.steps.iter().map(|(_, new)| new));
        self.steps.iter().zip(before).map(|((lane, new), old)| {
            (lane.clone(), NewFile { path: self.path.clone(), old: old.clone(), new: new.clone() })
        })
    }
}

/// The same for as many changes as one run may make. What turns out to be impossible takes nobody's place; where others have to wait,
/// the files will hold less, so that they are proven again.
fn prove_paced(
    snapshot: &dyn Snapshot,
    plan: &mut Plan,
    order: &Order,
    apart: bool,
    most: Option<NonZeroUsize>,
) -> Result<Vec<ProvenFile>, RepoError> {
    let proven = prove(snapshot, plan, order, apart)?;
    match most {
        Some(most) if plan.pace(most.get()) => prove(snapshot, plan, order, apart),
        _ => Ok(proven),
    }
}

/// New contents for each file with changes. Files whose edit fails lose their changes; the plan says why. With `apart`, each
/// pull request has the file to itself.
fn prove(snapshot: &dyn Snapshot, plan: &mut Plan, order: &Order, apart: bool) -> Result<Vec<ProvenFile>, RepoError> {
    // The path, and the group of the pull request that has it to itself.
    type Whose = (Arc<str>, Option<Arc<str>>);
    let mut by_file: BTreeMap<Whose, Vec<usize>> = BTreeMap::new();
    for (at, entry) in plan.entries.iter().enumerate() {
        if let State::Change(change) = &entry.state {
            let alone = Some(change.group.clone()).filter(|_| apart && change.pull_request);
            by_file.entry((entry.found.file.clone(), alone)).or_default().push(at);
        }
    }
    let mut jobs: Vec<Job> = Vec::with_capacity(by_file.len());
    for ((path, _), members) in by_file {
        let read = match jobs.last().filter(|before| before.path == path) {
            Some(before) => Some(before.old.clone()),
            None => snapshot.read_one(&path)?.map(Into::into),
        };
        match read {
            Some(old) => jobs.push(Job { path, members, old }),
            None => {
                let gone =
                    State::held(Reason::IncompleteInformation, "the file disappeared while it was being planned");
                members.into_iter().for_each(|at| plan.entries[at].state = gone.clone());
            }
        }
    }
    let results = prove_all(plan, order, &jobs);
    let mut files = Vec::with_capacity(jobs.len());
    for (job, result) in jobs.into_iter().zip(results) {
        for (at, problem) in result.refused {
            plan.entries[at].state = State::refused(&problem);
        }
        for at in result.joined {
            join(plan, at, result.steps.first());
        }
        files.push(ProvenFile { path: job.path, old: job.old, steps: result.steps });
    }
    Ok(files)
}

/// One file and the entries of the plan that change it.
struct Job {
    path: Arc<str>,
    members: Vec<usize>,
    old: Arc<[u8]>,
}

/// What became of it: new bytes after each group's changes, unless every change was refused.
#[derive(Default)]
struct Proven {
    steps: Vec<(Lane, Arc<[u8]>)>,
    /// Members that can only be written together, and so go with the first group.
    joined: Vec<usize>,
    refused: Vec<(usize, edit::EditError)>,
}

/// Editing is pure, so each processor takes its share; the results come back in the order of the jobs.
fn prove_all(plan: &Plan, order: &Order, jobs: &[Job]) -> Vec<Proven> {
    let share = jobs.len().div_ceil(workers()).max(1);
    thread::scope(|scope| {
        let work = |jobs: &[Job]| jobs.iter().map(|job| prove_one(plan, order, job)).collect::<Vec<_>>();
        let threads: Vec<_> = jobs.chunks(share).map(|jobs| scope.spawn(move || work(jobs))).collect();
        let joined = threads.into_iter().map(|thread| match thread.join() {
            Ok(proven) => proven,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.flatten().collect()
    })
}

/// One place that cannot be edited must not hold back its neighbours: when all together fail, each is tried alone, and those
/// that pass are tried together again.
fn prove_one(plan: &Plan, order: &Order, job: &Job) -> Proven {
    if let Ok(new) = edited(plan, &job.members, &job.old) {
        return step_by_step(plan, order, &job.members, &job.old, new);
    }
    let mut proven = Proven::default();
    let mut good = Vec::new();
    for &at in &job.members {
        match edited(plan, &[at], &job.old) {
            Ok(_) => good.push(at),
            Err(problem) => proven.refused.push((at, problem)),
        }
    }
    if !good.is_empty() {
        match edited(plan, &good, &job.old) {
            Ok(new) => return Proven { refused: proven.refused, ..step_by_step(plan, order, &good, &job.old, new) },
            Err(problem) => proven.refused.extend(good.into_iter().map(|at| (at, problem.clone()))),
        }
    }
    proven
}

/// The states between the old one and `whole`, which all members together make: after each group's changes one. Every state
/// is proven against the old one, as `whole` was.
fn step_by_step(plan: &Plan, order: &Order, members: &[usize], old: &[u8], whole: Vec<u8>) -> Proven {
    let groups = groups_of(plan, order, members);
    let Some((last, before)) = groups.split_last() else {
        return Proven::default();
    };
    let mut steps = Vec::with_capacity(groups.len());
    let mut written: Vec<usize> = Vec::new();
    for (group, own) in before {
        written.extend(own);
        written.sort_unstable();
        match edited(plan, &written, old) {
            Ok(new) => steps.push((group.clone(), new.into())),
            Err(_) => {
                let (first, _) = &groups[0];
                let steps = vec![(first.clone(), whole.into())];
                return Proven { steps, joined: members.to_vec(), refused: Vec::new() };
            }
        }
    }
    steps.push((last.0.clone(), whole.into()));
    Proven { steps, ..Proven::default() }
}

/// The groups of some members, in their order.
fn groups_of(plan: &Plan, order: &Order, members: &[usize]) -> Vec<(Lane, Vec<usize>)> {
    let mut groups: Vec<(Lane, Vec<usize>)> = Vec::new();
    for &at in members {
        let State::Change(change) = &plan.entries[at].state else { continue };
        let lane = (change.group.clone(), change.pull_request);
        match groups.iter_mut().find(|(other, _)| *other == lane) {
            Some((_, own)) => own.push(at),
            None => groups.push((lane, vec![at])),
        }
    }
    groups.sort_by_key(|(lane, _)| order.get(lane));
    groups
}

fn edited(plan: &Plan, members: &[usize], old: &[u8]) -> Result<Vec<u8>, edit::EditError> {
    let edits: Vec<Edit<'_>> = members
        .iter()
        .filter_map(|&at| match &plan.entries[at] {
            Entry { found, state: State::Change(change), .. } => {
                Some(Edit { reference: &found.reference, to: change.to.clone() })
            }
            _ => None,
        })
        .collect();
    Ok(edit::apply(old, &edits)?.bytes)
}

fn join(plan: &mut Plan, at: usize, step: Option<&(Lane, Arc<[u8]>)>) {
    if let (State::Change(change), Some(((group, pull_request), _))) = (&mut plan.entries[at].state, step) {
        (change.group, change.pull_request) = (group.clone(), *pull_request);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::{Action, Target};
    use crate::image::{Digest, Tag};
    use crate::plan::{Change, Found};
    use crate::port::{CommitId, FileEntry, Visit};
    use crate::site::{self, InsertForm};
    use crate::text::Span;

    const OLD: &str = "images:\n- name: web\n  newTag: v1\n- name: api\n  newTag: v1\n";

    /// A plan that sets both tags of [`OLD`].
    fn plan() -> Plan {
        let to = Target { tag: Tag::parse("v2").ok(), ..Target::default() };
        let change = State::Change(Change { action: Action::Update, to, group: "web".into(), pull_request: false });
        let references = site::scan("kustomization.yaml", OLD.as_bytes()).references;
        let entry = |reference| Entry {
            found: Found { file: "kustomization.yaml".into(), blob: None, reference: Box::new(reference) },
            image: None,
            policy: None,
            state: change.clone(),
        };
        Plan { entries: references.into_iter().map(entry).collect(), ..Plan::default() }
    }

    fn proven(plan: &Plan, old: &str) -> Proven {
        let job = Job { path: "kustomization.yaml".into(), members: vec![0, 1], old: old.as_bytes().into() };
        prove_one(plan, &Order::new(), &job)
    }

    fn reasons(proven: Proven) -> Vec<Reason> {
        let states = proven.refused.iter().map(|(_, problem)| State::refused(problem));
        let reason = |state| if let State::Held(held) = state { Some(held.reason) } else { None };
        states.filter_map(reason).collect()
    }

    #[test]
    fn a_change_that_cannot_be_proven_is_an_error_and_its_neighbour_is_made() {
        let mut plan = plan();
        // A fault of ours, made by hand: a key that would be inserted in the middle of another.
        let Entry { found, state: State::Change(change), .. } = &mut plan.entries[0] else { panic!() };
        change.to.digest = Digest::parse(&format!("sha256:{}", "0a".repeat(32))).ok();
        if let Some(point) = &mut found.reference.insert {
            point.after = Span::new(0, 4);
            point.form = InsertForm::Flow { quoted: false };
        }
        let proven = proven(&plan, OLD);
        let new = OLD.replacen(
            "web\n  newTag: v1\n- name: api\n  newTag: v1",
            "web\n  newTag: v1\n- name: api\n  newTag: v2",
            1,
        );
        assert_eq!(proven.steps.last().map(|(_, new)| &**new), Some(new.as_bytes()));
        assert_eq!(reasons(proven), [Reason::InternalError]);
    }

    /// The one file of [`OLD`].
    struct One;

    impl Snapshot for One {
        fn branch(&self) -> Option<&str> {
            None
        }

        fn head(&self) -> Option<&CommitId> {
            None
        }

        fn files(&self) -> &[FileEntry] {
            &[]
        }

        fn read(&self, _: u64, _: &dyn Fn(&FileEntry) -> bool, _: &mut Visit<'_>) -> Result<(), RepoError> {
            Ok(())
        }

        fn read_one(&self, _: &str) -> Result<Option<Vec<u8>>, RepoError> {
            Ok(Some(OLD.into()))
        }
    }

    #[test]
    fn a_change_that_cannot_be_made_takes_nobodys_place() {
        let paced = |plan: &mut Plan| {
            let files = prove_paced(&One, plan, &Order::new(), true, NonZeroUsize::new(1)).unwrap();
            let texts =
                files.iter().filter_map(ProvenFile::whole).map(|file| String::from_utf8_lossy(&file.new).into_owned());
            texts.collect::<String>()
        };
        let states = |plan: &Plan| plan.entries.iter().map(|entry| entry.state.word()).collect::<Vec<_>>();
        let in_run = || {
            let mut plan = plan();
            for entry in &mut plan.entries {
                let State::Change(change) = &mut entry.state else { panic!() };
                change.group = crate::policy::RUN_GROUP.into();
            }
            plan
        };
        let mut good = in_run();
        assert_eq!(paced(&mut good), OLD.replacen("v1", "v2", 1));
        assert_eq!(states(&good), ["change", "held"]);
        let mut stale = in_run();
        stale.entries[0].found.reference.slots[0].value = "v0".to_owned();
        assert_eq!(paced(&mut stale), OLD.replace("api\n  newTag: v1", "api\n  newTag: v2"));
        assert_eq!(states(&stale), ["held", "change"]);
    }

    #[test]
    fn a_file_that_changed_under_us_is_missing_information() {
        for other in ["images: []\n", "# more\n", "", &OLD.replace("v1", "v3"), &OLD.replace('\n', "\r\n")] {
            let proven = proven(&plan(), other);
            assert!(proven.steps.is_empty(), "{other:?}");
            assert_eq!(reasons(proven), [Reason::IncompleteInformation; 2], "{other:?}");
        }
    }
}
