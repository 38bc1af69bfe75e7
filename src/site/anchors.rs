//! Anchors and aliases: a value that is an alias is edited at its anchor.
//!
//! ```yaml
//! web:
//!   image: {repository: acme/web, tag: &release v1}
//! worker:
//!   image: {repository: acme/worker, tag: *release}   # its tag is the scalar behind `&release`
//! ```
//!
//! An anchored scalar changes everything that refers to it. It is edited only when every alias of it stands where the same
//! part of an image is named; otherwise it is blocked with the lines that would change with it. Every such reference then
//! carries the anchor's scalar in its own slots, so that the plan sees what is tied and changes all or none
//! ([`crate::plan`]). A marker on the anchor speaks for its aliases, and a hold on one of them holds all.

use super::draft::{Draft, Found};
use super::view::View;
use super::{HandHold, Marker, Part, Setting};
use crate::yaml::{NodeId, NodeKind};
use std::collections::HashMap;

/// What the references behind an anchor's aliases take over from the reference at the anchor.
struct Anchor {
    part: Part,
    /// What stands before and behind the part in the scalar.
    frame: Option<Setting>,
    marker: Option<Marker>,
    hold: Option<HandHold>,
}

/// Ties the references of one anchor to each other, or blocks those that are unsafe to edit.
pub(super) fn settle(view: &View<'_, '_>, found: &mut Found) {
    let aliases = aliases(view);
    if aliases.is_empty() {
        return;
    }
    let mut users = HashMap::new();
    for draft in &found.drafts {
        users.extend(draft.aliases.iter().map(|(part, alias, _)| (*alias, (*part, draft.hold.clone()))));
    }
    let mut anchors = HashMap::new();
    for draft in &mut found.drafts {
        for (part, scalar) in draft.slots.clone() {
            if let Some(aliases) = aliases.get(&scalar)
                && let Some(anchor) = anchor(view, draft, (part, scalar), aliases, &users)
            {
                anchors.insert(scalar, anchor);
            }
        }
    }
    for draft in &mut found.drafts {
        for (part, _, scalar) in std::mem::take(&mut draft.aliases) {
            match anchors.get(&scalar).filter(|anchor| anchor.part == part) {
                Some(anchor) => tie(draft, scalar, anchor),
                None => draft.block(format!("an alias: line {} carries the value", view.line(scalar))),
            }
        }
    }
}

/// The anchored scalar that is a slot of the draft; blocks the draft when somebody else uses the scalar for another purpose.
fn anchor(
    view: &View<'_, '_>,
    draft: &mut Draft,
    (part, scalar): (Part, NodeId),
    aliases: &[NodeId],
    users: &HashMap<NodeId, (Part, Option<HandHold>)>,
) -> Option<Anchor> {
    let is_foreign = |id: &&NodeId| users.get(*id).is_none_or(|(other, _)| *other != part);
    let foreign = aliases.iter().filter(is_foreign).map(|id| view.line(*id)).collect::<Vec<_>>();
    if !foreign.is_empty() {
        draft.block(format!("its anchor is also used on {}", listed(&foreign)));
    }
    let held = aliases.iter().find_map(|id| users.get(id).and_then(|(_, hold)| hold.clone()));
    draft.hold = draft.hold.take().or(held);
    draft.blocked.is_none().then(|| Anchor {
        part,
        frame: draft.frames.get(&scalar).cloned(),
        marker: draft.marker.clone(),
        hold: draft.hold.clone(),
    })
}

/// Gives a draft the anchor's scalar as a slot of its own.
fn tie(draft: &mut Draft, scalar: NodeId, anchor: &Anchor) {
    draft.slots.push((anchor.part, scalar));
    if let Some(frame) = &anchor.frame {
        draft.frames.insert(scalar, frame.clone());
    }
    draft.marker = draft.marker.take().or_else(|| anchor.marker.clone());
    draft.hold = draft.hold.take().or_else(|| anchor.hold.clone());
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
        assert_eq!(blocked(&found), [None; 3]);
        assert_eq!(found.iter().map(|reference| reference.line).collect::<Vec<_>>(), [5, 6, 7]);
        for user in &found[1..] {
            assert_eq!((user.tag.as_deref(), &user.slots), (Some("1.27"), &found[0].slots));
        }
    }

    #[test]
    fn an_anchor_with_another_user_is_blocked_and_names_its_lines() {
        let found =
            pod("  - image: &i nginx:1.27\n    env: [{name: IMAGE, value: *i}]\n    args:\n    - *i\n  - image: *i\n");
        assert_eq!(
            blocked(&found),
            [Some("its anchor is also used on lines 6, 8"), Some("an alias: line 5 carries the value")]
        );
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
        let found = pod("  - image: &i nginx:1.27\n  - image: *i # landwaiter-hold: x\n  - image: *i\n");
        assert!(found.iter().all(|reference| reference.hold.is_some()));
    }

    #[test]
    fn an_anchored_tag_with_a_user_elsewhere_is_blocked() {
        let text = "image:\n  tag: &t v1 # landwaiter: web:tag\nversion: *t\n";
        let found = scan("x.yaml", text.as_bytes()).references;
        assert_eq!(blocked(&found), [Some("its anchor is also used on line 3")]);
    }

    #[test]
    fn an_anchored_tag_is_the_tag_of_every_image_that_uses_it() {
        for (path, text) in [
            (
                "values.yaml",
                "a:\n  image: {repository: acme/a, tag: &t v1}\nb:\n  image: {repository: acme/b, tag: *t}\n",
            ),
            ("kustomization.yaml", "images:\n- {name: acme/a, newTag: &t v1}\n- {name: acme/b, newTag: *t}\n"),
        ] {
            let found = scan(path, text.as_bytes()).references;
            assert_eq!(blocked(&found), [None, None], "{path}");
            assert_eq!(found[0].slots, found[1].slots);
            assert_eq!((found[1].name.as_deref(), found[1].tag.as_deref()), (Some("acme/b"), Some("v1")));
        }
    }

    #[test]
    fn a_scalar_that_is_a_key_elsewhere_or_another_part_is_blocked() {
        for text in [
            "images:\n- {name: a, newTag: &t v1}\nx: {? *t : y}\n",
            "images:\n- {name: a, newTag: &t v1}\n- {name: b, newName: *t}\n",
        ] {
            let found = scan("kustomization.yaml", text.as_bytes()).references;
            assert_eq!(blocked(&found)[0], Some("its anchor is also used on line 3"), "{text}");
            assert!(
                blocked(&found)[1..].iter().all(|why| *why == Some("an alias: line 2 carries the value")),
                "{text}"
            );
        }
    }

    #[test]
    fn what_frames_the_value_and_what_marks_it_holds_for_the_aliases() {
        let text = "jobs:\n  a: {container: &c docker://acme/web:v1}\n  b: {container: *c}\n";
        let found = scan(".github/workflows/ci.yaml", text.as_bytes()).references;
        assert_eq!(blocked(&found), [None, None]);
        assert_eq!(found[1].slots[0].setting.before, "docker://");
        let found = pod("  - image: &i nginx:1.27 # landwaiter: web\n  - image: *i\n");
        assert_eq!(found[1].marker.as_ref().unwrap().policies, ["web"]);
    }
}
