//! Members of a pull request about which this run could not learn enough keep what was last proposed for them, so that the others
//! go on and nothing is lost from it.
//!
//! What was proposed is read from the branch itself, from a commit of ours below an open pull request, and only where the very same
//! place still stands there. What cannot be found again leaves its group as it was. The hold of such a reference stays in the plan:
//! that a look-up failed is told, and makes the exit status.

use super::{Planned, Run};
use crate::edit::{self, Target};
use crate::image::Tag;
use crate::plan::{Change, Entry, Found, Key, Plan, State, branch_of, keys, shares_scalars};
use crate::policy::{Policy, Reason, WriteMode};
use crate::port::{PullRequest, RepoError};
use crate::site::{self, Reference};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The plan as pull requests show it, where that is not the plan itself.
#[derive(Debug)]
pub struct Kept {
    /// With what was proposed before in place of some holds.
    pub plan: Plan,
    /// The holds of which it is known what was proposed before, if only that nothing was.
    pub places: BTreeSet<usize>,
}

impl Planned {
    /// The plan as pull requests show it: some references keep what was proposed for them although they are held now.
    pub fn shown(&self) -> &Plan {
        self.kept.as_ref().map_or(&self.plan, |kept| &kept.plan)
    }

    /// Whether a held reference keeps what was proposed for it.
    pub(super) fn keeps(&self, at: usize) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.places.contains(&at))
    }
}

/// What was proposed cannot be made out.
struct Unclear;

/// A held reference on its way to what was proposed for it.
struct Wanted {
    at: usize,
    group: Arc<str>,
    branch: String,
}

impl Run<'_> {
    /// What was proposed before for references of which too little could be learned, by their places in the plan: a change, or
    /// nothing. What is not among them is not known.
    pub(super) async fn kept(
        &self,
        plan: &Plan,
        policies: &[Policy],
        base: Option<&str>,
    ) -> Vec<(usize, Option<Change>)> {
        let (Some(base), Some(forge)) = (base, &self.forge) else { return Vec::new() };
        let wanted = self.wanted(plan, policies, base);
        if wanted.is_empty() || self.repo.branches().is_none() {
            return Vec::new();
        }
        // Without an open pull request nothing is proposed now, whatever stands on the branch: people may have refused it.
        let Ok(open) = forge.open(&self.options.pull_requests.prefix).await else { return Vec::new() };
        let keys = keys(&plan.entries);
        let mut kept = Vec::new();
        for pull in open.iter().filter(|pull| pull.base == base) {
            let members: Vec<&Wanted> = wanted.iter().filter(|one| one.branch == pull.branch).collect();
            if members.is_empty() {
                continue;
            }
            let places: Vec<(usize, Key)> = members.iter().map(|one| (one.at, keys[one.at])).collect();
            // What cannot be had now leaves the group as it is.
            let Ok(found) = self.proposed_before(plan, pull, &places).await else { continue };
            for member in members {
                let entry = &plan.entries[member.at];
                let was = found.get(&member.at).map(|was| match was {
                    Some(was) => change(entry, was, &member.group),
                    None => Ok(None),
                });
                kept.extend(was.and_then(Result::ok).map(|change| (member.at, change)));
            }
        }
        kept
    }

    fn wanted(&self, plan: &Plan, policies: &[Policy], base: &str) -> Vec<Wanted> {
        let tied: BTreeSet<usize> = shares_scalars(&plan.entries);
        let by_name: HashMap<&str, &Policy> = policies.iter().map(|policy| (policy.name.as_str(), policy)).collect();
        let mut wanted = Vec::new();
        for (at, entry) in plan.entries.iter().enumerate() {
            let Entry { found, image: Some(image), policy: Some(name), state: State::Held(held) } = entry else {
                continue;
            };
            let policy = by_name.get(name.as_str()).filter(|policy| policy.write.mode == WriteMode::PullRequest);
            let Some(policy) = policy.filter(|_| {
                matches!(held.reason, Reason::IncompleteInformation | Reason::NotDue) && !tied.contains(&at)
            }) else {
                continue;
            };
            if let Ok(group) = policy.write.group(name.as_str(), image, &found.file) {
                let branch = branch_of(&self.options.pull_requests.prefix, base, &group);
                wanted.push(Wanted { at, group: group.into(), branch });
            }
        }
        wanted
    }

    /// What stands at these places in the commit of ours that the pull request shows; nothing where it leaves the file alone.
    async fn proposed_before(
        &self,
        plan: &Plan,
        pull: &PullRequest,
        places: &[(usize, Key)],
    ) -> Result<BTreeMap<usize, Option<Reference>>, RepoError> {
        let (branch, files) = (pull.branch.clone(), files(plan, places));
        let looked = self.with_branches(move |branches| {
            let Some(tip) = branches.heads(&branch_prefix(&branch))?.remove(&branch) else { return Ok(None) };
            let proposal = branches.proposal(&branch, &tip)?;
            let Some(bot) = proposal.commits.last().cloned() else { return Ok(None) };
            let mut texts = Vec::new();
            for file in files.into_iter().filter(|file| proposal.changes.contains_key(&**file)) {
                let before = match bot.parents.first() {
                    Some(parent) => branches.read(parent, &file)?,
                    None => None,
                };
                texts.push((before, branches.read(&bot.id, &file)?, file));
            }
            Ok(Some((proposal, texts)))
        });
        let looked = looked.await.map_err(|trouble| RepoError { message: trouble.0, hint: None, retryable: true })?;
        let Some((proposal, texts)) = looked.filter(|(proposal, _)| self.stranger(proposal).is_none()) else {
            return Ok(BTreeMap::new());
        };
        let (mut before, mut after) = (HashMap::new(), HashMap::new());
        for (old, new, file) in texts {
            old.iter().for_each(|bytes| before.extend(by_key(&file, bytes)));
            new.iter().for_each(|bytes| after.extend(by_key(&file, bytes)));
        }
        let was = |(at, key): &(usize, Key)| {
            let found = &plan.entries[*at].found;
            if !proposal.changes.contains_key(&*found.file) {
                return Some((*at, None));
            }
            let (from, to) = (before.remove(key)?, after.remove(key)?);
            match (same(&from, &to), same(&from, &found.reference)) {
                // The same file was changed elsewhere.
                (true, _) => Some((*at, None)),
                (false, true) => Some((*at, Some(to))),
                // Somebody has written another value meanwhile: what was proposed was not proposed for that.
                (false, false) => None,
            }
        };
        Ok(places.iter().filter_map(was).collect())
    }
}

/// What the branch's name begins with, before its last slash.
fn branch_prefix(branch: &str) -> String {
    branch.rsplit_once('/').map_or(branch, |(prefix, _)| prefix).to_owned()
}

fn files(plan: &Plan, places: &[(usize, Key)]) -> BTreeSet<Arc<str>> {
    places.iter().map(|(at, _)| plan.entries[*at].found.file.clone()).collect()
}

/// Whether both name the same tag and digest.
fn same(one: &Reference, other: &Reference) -> bool {
    (&one.tag, &one.digest) == (&other.tag, &other.digest)
}

/// The references of a file as a commit has it, by their keys.
fn by_key(file: &Arc<str>, bytes: &[u8]) -> Vec<(Key, Reference)> {
    let entries = entries(file, bytes);
    keys(&entries).into_iter().zip(entries.into_iter().map(|entry| *entry.found.reference)).collect()
}

/// The references of a file as the branch has it.
fn entries(file: &Arc<str>, bytes: &[u8]) -> Vec<Entry> {
    let entry = |reference: Reference| Entry {
        image: reference.repository.clone(),
        found: Found { file: file.clone(), blob: None, reference: Box::new(reference) },
        policy: None,
        state: State::Unmanaged,
    };
    site::scan(file, bytes).references.into_iter().map(entry).collect()
}

/// From what stands in the base to what was proposed; nothing where both are the same. What cannot be written is not known.
fn change(entry: &Entry, was: &Reference, group: &Arc<str>) -> Result<Option<Change>, Unclear> {
    let reference = &entry.found.reference;
    if same(was, reference) {
        return Ok(None);
    }
    let tag = was.tag.as_ref().map(|tag| Tag::parse(tag)).transpose().map_err(|_| Unclear)?;
    let to = Target { name: None, tag, digest: was.digest.clone() };
    let action = edit::plan_action(reference, &to).map_err(|_| Unclear)?;
    Ok(Some(Change { action, to, group: group.clone(), pull_request: true }))
}
