//! Which changes are written together: one commit, or one pull request, for each group, in the order of the plan.

use super::{Key, Plan, State, key};
use std::collections::HashMap;
use std::sync::Arc;

/// Changes that share a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub name: Arc<str>,
    /// Written to a branch of its own, for a pull request.
    pub pull_request: bool,
    /// Where they stand in [`Plan::entries`], ascending.
    pub members: Vec<usize>,
    /// In step with `members`: what names each place over time.
    pub keys: Vec<Key>,
}

/// The groups of a plan, that of its first change first. The entries stand in their order.
pub fn groups(plan: &Plan) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut at: HashMap<(&str, bool), usize> = HashMap::new();
    for (member, key) in key::keys_of_changes(&plan.entries) {
        let State::Change(change) = &plan.entries[member].state else { continue };
        let place = *at.entry((&change.group, change.pull_request)).or_insert_with(|| {
            let pull_request = change.pull_request;
            groups.push(Group { name: change.group.clone(), pull_request, members: Vec::new(), keys: Vec::new() });
            groups.len() - 1
        });
        groups[place].members.push(member);
        groups[place].keys.push(key);
    }
    groups
}
