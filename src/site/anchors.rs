//! Anchors and aliases: a value that is an alias is not edited; the anchor's scalar is the place.
//!
//! An anchored scalar changes everything that refers to it. It is edited only when every alias of it stands where an image
//! is named too, so that all of them are one change; otherwise it is blocked with the lines that would change with it.

use super::draft::Found;
use super::view::View;
use crate::yaml::{NodeId, NodeKind};
use std::collections::HashMap;

/// Blocks the references that an anchor or an alias makes unsafe to edit, and ties holds across them.
pub(super) fn settle(view: &View<'_, '_>, found: &mut Found) {
    let aliases = aliases(view);
    if aliases.is_empty() {
        return;
    }
    let images = found
        .drafts
        .iter()
        .filter_map(|draft| Some((draft.primary, (draft.alias_of?, draft.hold.clone()))))
        .collect::<HashMap<_, _>>();
    for draft in &mut found.drafts {
        if let Some(target) = draft.alias_of {
            draft.block(format!("an alias: line {} carries the value", view.line(target)));
        }
        for (_, slot) in draft.slots.clone() {
            let users = aliases.get(&slot).map(Vec::as_slice).unwrap_or_default();
            let foreign =
                users.iter().filter(|id| !images.contains_key(*id)).map(|id| view.line(*id)).collect::<Vec<_>>();
            if !foreign.is_empty() {
                draft.block(format!("its anchor is also used on {}", listed(&foreign)));
            }
            // The users are one change: a hold on one of them holds all.
            let held = users.iter().find_map(|id| images.get(id).and_then(|(_, hold)| hold.clone()));
            draft.hold = draft.hold.take().or(held);
        }
    }
}

/// The aliases of each anchored node.
fn aliases(view: &View<'_, '_>) -> HashMap<NodeId, Vec<NodeId>> {
    let mut aliases = HashMap::<_, Vec<_>>::new();
    for id in view.tree.ids() {
        if let NodeKind::Alias(target) = view.tree.node(id).kind {
            aliases.entry(target).or_default().push(id);
        }
    }
    aliases
}

/// `line 3`, or `lines 3, 5, 9 and 4 more`.
fn listed(lines: &[usize]) -> String {
    const SHOWN: usize = 5;
    let words = lines.iter().take(SHOWN).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match lines.len() {
        1 => format!("line {words}"),
        2..=SHOWN => format!("lines {words}"),
        more => format!("lines {words} and {} more", more - SHOWN),
    }
}

#[cfg(test)]
mod tests {
    use crate::site::{Reference, scan};

    fn pod(containers: &str) -> Vec<Reference> {
        let text = format!("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n{containers}");
        scan("x.yaml", text.as_bytes()).references
    }

    fn blocked(references: &[Reference]) -> Vec<Option<&str>> {
        references.iter().map(|reference| reference.blocked.as_deref()).collect()
    }

    #[test]
    fn an_anchor_whose_users_are_all_images_is_the_place() {
        let found = pod("  - image: &i nginx:1.27\n  - image: *i\n  - image: *i\n");
        let alias = Some("an alias: line 5 carries the value");
        assert_eq!(blocked(&found), [None, alias, alias]);
        assert_eq!(found[1].tag.as_deref(), Some("1.27"));
        assert!(found[1].slots.is_empty());
    }

    #[test]
    fn an_anchor_with_another_user_is_blocked_and_names_its_lines() {
        let found =
            pod("  - image: &i nginx:1.27\n    env: [{name: IMAGE, value: *i}]\n    args:\n    - *i\n  - image: *i\n");
        assert_eq!(blocked(&found)[0], Some("its anchor is also used on lines 6, 8"));
    }

    #[test]
    fn an_anchored_value_that_is_no_image_leaves_the_alias_blocked() {
        let found = pod("  - name: &i nginx\n    image: *i\n");
        assert_eq!(blocked(&found), [Some("an alias: line 5 carries the value")]);
    }

    #[test]
    fn an_anchor_that_nobody_uses_and_one_that_was_redefined_stand_in_no_way() {
        let found = pod("  - image: &i nginx:1.27\n  - image: &i redis:7\n  - command: [*i]\n");
        assert_eq!(blocked(&found), [None, Some("its anchor is also used on line 7")]);
    }

    #[test]
    fn a_hold_on_one_user_holds_them_all() {
        let found = pod("  - image: &i nginx:1.27\n  - image: *i # landwaiter-hold: x\n");
        assert!(found.iter().all(|reference| reference.hold.is_some()));
    }

    #[test]
    fn an_anchored_tag_with_a_user_elsewhere_is_blocked() {
        let text = "image:\n  tag: &t v1 # landwaiter: web:tag\nversion: *t\n";
        let found = scan("x.yaml", text.as_bytes()).references;
        assert_eq!(blocked(&found), [Some("its anchor is also used on line 3")]);
    }
}
