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
    /// Where these are.
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

/// A held reference on its way to what was proposed for it.
struct Wanted {
    at: usize,
    group: Arc<str>,
    branch: String,
}

impl Run<'_> {
    /// What was proposed before for references of which too little could be learned, by their places in the plan.
    pub(super) async fn kept(&self, plan: &Plan, policies: &[Policy], base: Option<&str>) -> Vec<(usize, Change)> {
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
                let change = found.get(&member.at).and_then(|was| change(entry, was, &member.group));
                kept.extend(change.map(|change| (member.at, change)));
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
            let Some(policy) = policy.filter(|_| held.reason == Reason::IncompleteInformation && !tied.contains(&at))
            else {
                continue;
            };
            if let Ok(group) = policy.write.group(name.as_str(), image, &found.file) {
                let branch = branch_of(&self.options.pull_requests.prefix, base, &group);
                wanted.push(Wanted { at, group: group.into(), branch });
            }
        }
        wanted
    }

    /// What stands at these places in the commit of ours that the pull request shows.
    async fn proposed_before(
        &self,
        plan: &Plan,
        pull: &PullRequest,
        places: &[(usize, Key)],
    ) -> Result<BTreeMap<usize, Reference>, RepoError> {
        let (branch, files) = (pull.branch.clone(), files(plan, places));
        let looked = self.with_branches(move |branches| {
            let Some(tip) = branches.heads(&branch_prefix(&branch))?.remove(&branch) else { return Ok(None) };
            let proposal = branches.proposal(&branch, &tip)?;
            let Some(bot) = proposal.commits.last().cloned() else { return Ok(None) };
            let mut texts = BTreeMap::new();
            for file in files.into_iter().filter(|file| proposal.changes.contains_key(&**file)) {
                if let Some(bytes) = branches.read(&bot.id, &file)? {
                    texts.insert(file, bytes);
                }
            }
            Ok(Some((proposal, texts)))
        });
        let looked = looked.await.map_err(|trouble| RepoError { message: trouble.0, hint: None, retryable: true })?;
        let Some((_, texts)) = looked.filter(|(proposal, _)| self.stranger(proposal).is_none()) else {
            return Ok(BTreeMap::new());
        };
        let mut by_key: HashMap<Key, Reference> = HashMap::new();
        for (file, bytes) in texts {
            let entries = entries(&file, &bytes);
            by_key.extend(keys(&entries).into_iter().zip(entries.into_iter().map(|entry| entry.found.reference)));
        }
        Ok(places.iter().filter_map(|(at, key)| Some((*at, by_key.remove(key)?))).collect())
    }
}

/// What the branch's name begins with, before its last slash.
fn branch_prefix(branch: &str) -> String {
    branch.rsplit_once('/').map_or(branch, |(prefix, _)| prefix).to_owned()
}

fn files(plan: &Plan, places: &[(usize, Key)]) -> BTreeSet<Arc<str>> {
    places.iter().map(|(at, _)| plan.entries[*at].found.file.clone()).collect()
}

/// The references of a file as the branch has it.
fn entries(file: &Arc<str>, bytes: &[u8]) -> Vec<Entry> {
    let entry = |reference: Reference| Entry {
        image: reference.repository.clone(),
        found: Found { file: file.clone(), blob: None, reference },
        policy: None,
        state: State::Unmanaged,
    };
    site::scan(file, bytes).references.into_iter().map(entry).collect()
}

/// From what stands in the base to what was proposed; nothing where both are the same.
fn change(entry: &Entry, was: &Reference, group: &Arc<str>) -> Option<Change> {
    let reference = &entry.found.reference;
    if (&was.tag, &was.digest) == (&reference.tag, &reference.digest) {
        return None;
    }
    let tag = match &was.tag {
        Some(tag) => Some(Tag::parse(tag).ok()?),
        None => None,
    };
    let to = Target { name: None, tag, digest: was.digest.clone() };
    let action = edit::plan_action(reference, &to).ok()?;
    Some(Change { action, to, group: group.clone(), pull_request: true })
}
