//! The life of a pull request, rule by rule, on every forge. Each test is a row of `docs/pull-requests.md`.

use crate::DIALECTS;
use crate::dialect::Dialect;
use crate::hub::State;
use crate::world::{NOW, POLICIES, World, held, outcomes, pod};
use landwaiter::cycle::{Outcome, Scope};
use landwaiter::image::Repository;
use std::future::Future;

/// Plays the scene on every forge.
fn on_each<F: Future<Output = ()>>(scene: impl Fn(&'static Dialect) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for dialect in DIALECTS {
        runtime.block_on(scene(dialect));
    }
}

#[test]
fn a_new_tag_becomes_one_pull_request_for_its_policy() {
    on_each(|dialect| async move {
        let world = World::new(dialect).await;
        assert_eq!(outcomes(&world.run().await), [], "{dialect:?}: nothing is newer");
        world.registry.push("acme/web", "1.1.0");
        let report = world.run().await;
        assert_eq!(outcomes(&report), [Outcome::Opened], "{dialect:?} {:?}", report.pulled);
        let pull = world.only_open();
        assert_eq!((pull.title.as_str(), pull.base.as_str()), ("Update acme/web to 1.1.0", "main"), "{dialect:?}");
        assert!(pull.branch.starts_with("landwaiter/web-"), "{dialect:?} {}", pull.branch);
        assert!(
            pull.body.contains("| `ghcr.io/acme/web` | `1.0.0` | `1.1.0` | minor | 2025-06-15 | `web` |"),
            "{dialect:?} {}",
            pull.body
        );
        assert_eq!(world.ahead(&pull.branch), "1", "{dialect:?}");
        assert_eq!(world.file(&pull.branch, "web.yaml"), pod("acme/web:1.1.0").trim_end(), "{dialect:?}");
        assert_eq!(world.file("main", "web.yaml"), pod("acme/web:1.0.0").trim_end(), "{dialect:?}: main waits");
    });
}

#[test]
fn a_run_with_nothing_new_touches_nothing() {
    on_each(|dialect| async move {
        let mut world = World::new(dialect).await;
        world.registry.push("acme/web", "1.1.0");
        world.run().await;
        let (before, head) = (world.hub.pulls(), world.hub.head(&world.only_open().branch));
        world.now = NOW + 86_400;
        let report = world.run().await;
        assert_eq!(outcomes(&report), [Outcome::Unchanged], "{dialect:?} {:?}", report.pulled);
        assert_eq!(format!("{:?}", world.hub.pulls()), format!("{before:?}"), "{dialect:?}");
        assert_eq!(world.hub.head(&world.only_open().branch), head, "{dialect:?}: the same commit");
    });
}

#[test]
fn a_newer_tag_renews_the_same_pull_request() {
    on_each(|dialect| async move {
        let world = World::new(dialect).await;
        world.registry.push("acme/web", "1.1.0");
        world.run().await;
        let first = world.only_open();
        world.registry.push("acme/web", "1.2.0");
        assert_eq!(outcomes(&world.run().await), [Outcome::Updated], "{dialect:?}");
        let second = world.only_open();
        assert_eq!((first.number, &first.branch), (second.number, &second.branch), "{dialect:?}");
        assert_eq!(second.title, "Update acme/web to 1.2.0", "{dialect:?}");
        assert_eq!(world.ahead(&second.branch), "1", "{dialect:?}: still one commit");
        assert_eq!(world.file(&second.branch, "web.yaml"), pod("acme/web:1.2.0").trim_end(), "{dialect:?}");
    });
}

#[test]
fn when_nothing_is_left_to_change_it_is_closed_and_its_branch_goes() {
    on_each(|dialect| async move {
        let world = World::new(dialect).await;
        world.registry.push("acme/web", "1.1.0");
        world.run().await;
        let branch = world.only_open().branch;
        world.person_commits("main", &[("web.yaml", &pod("acme/web:1.1.0"))], "by hand");
        assert_eq!(outcomes(&world.run().await), [Outcome::Closed], "{dialect:?}");
        assert_eq!(world.hub.pulls()[0].state, State::Closed, "{dialect:?}");
        assert_eq!(world.hub.head(&branch), None, "{dialect:?}");
        // It was our own closing: the next version is proposed as ever, and so would this one be.
        world.person_commits("main", &[("web.yaml", &pod("acme/web:1.0.0"))], "back");
        let report = world.run().await;
        assert_eq!(outcomes(&report), [Outcome::Opened], "{dialect:?} {:?}", report.pulled);
        assert_eq!(world.only_open().title, "Update acme/web to 1.1.0", "{dialect:?}");
    });
}

#[test]
fn a_failed_look_up_touches_no_pull_request() {
    on_each(|dialect| async move {
        let world = World::new(dialect).await;
        world.registry.push("acme/web", "1.1.0");
        world.run().await;
        let before = format!("{:?}", world.hub.pulls());
        world.registry.goes_down("acme/web");
        let report = world.run().await;
        assert_eq!(held(&report), ["incomplete-information"], "{dialect:?}");
        assert_eq!(outcomes(&report), [Outcome::Unchanged], "{dialect:?}");
        assert_eq!(format!("{:?}", world.hub.pulls()), before, "{dialect:?}");
        world.registry.comes_back();
        world.registry.push("acme/web", "1.2.0");
        assert_eq!(outcomes(&world.run().await), [Outcome::Updated], "{dialect:?}");
    });
}

/// web and api in one pull request, each with a newer version proposed.
async fn in_one_group(dialect: &Dialect) -> World {
    let world = World::new(dialect).await;
    let grouped = POLICIES.replace("{mode: pullRequest}", "{mode: pullRequest, group: run}");
    world.person_commits("main", &[("landwaiter.yaml", &grouped)], "one for all");
    world.registry.push("acme/web", "1.1.0");
    world.registry.push("acme/api", "2.1.0");
    world.run().await;
    assert_eq!(world.only_open().title, "Update 2 images", "{dialect:?}");
    world
}

#[test]
fn a_member_that_cannot_be_looked_at_keeps_what_was_proposed_for_it() {
    on_each(|dialect| async move {
        let world = in_one_group(dialect).await;
        let pull = world.only_open();
        world.registry.goes_down("acme/api");
        world.registry.push("acme/web", "1.2.0");
        let report = world.run().await;
        assert_eq!(held(&report), ["incomplete-information"], "{dialect:?}: that a look-up failed is told");
        assert_eq!(outcomes(&report), [Outcome::Updated], "{dialect:?} {:?}", report.pulled);
        let files = ["web.yaml", "api.yaml"].map(|file| world.file(&pull.branch, file));
        let expected = [pod("acme/web:1.2.0"), pod("acme/api:2.1.0")].map(|file| file.trim_end().to_owned());
        assert_eq!(files, expected, "{dialect:?}");
        assert!(world.only_open().body.contains("| `ghcr.io/acme/api` | `2.0.0` | `2.1.0` |"), "{dialect:?}");
        assert_eq!(outcomes(&world.run().await), [Outcome::Unchanged], "{dialect:?}");
        world.registry.comes_back();
        assert_eq!(outcomes(&world.run().await), [Outcome::Unchanged], "{dialect:?}");
    });
}

#[test]
fn a_run_that_asks_about_some_leaves_the_others_as_they_are() {
    on_each(|dialect| async move {
        let about = |image: &str| Scope { images: [Repository::parse(image).unwrap()].into(), ..Scope::nothing() };
        // Both are proposed: one goes on, the other stays.
        let mut world = in_one_group(dialect).await;
        let pull = world.only_open();
        world.registry.push("acme/web", "1.2.0");
        world.registry.push("acme/api", "2.2.0");
        world.scope = about("ghcr.io/acme/web");
        let report = world.run().await;
        assert_eq!((held(&report), outcomes(&report)), (vec!["not-due"], vec![Outcome::Updated]), "{dialect:?}");
        assert_eq!(world.file(&pull.branch, "web.yaml"), pod("acme/web:1.2.0").trim_end(), "{dialect:?}");
        assert_eq!(world.file(&pull.branch, "api.yaml"), pod("acme/api:2.1.0").trim_end(), "{dialect:?}");
        world.scope = about("ghcr.io/acme/other");
        let before = format!("{:?}", world.hub.pulls());
        let report = world.run().await;
        assert_eq!((held(&report), outcomes(&report)), (vec!["not-due"; 2], vec![Outcome::Unchanged]), "{dialect:?}");
        assert_eq!(format!("{:?}", world.hub.pulls()), before, "{dialect:?}: nothing is closed or taken out");
        world.scope = Scope::default();
        world.run().await;
        assert_eq!(world.file(&pull.branch, "api.yaml"), pod("acme/api:2.2.0").trim_end(), "{dialect:?}");
        // Nothing was proposed for the other: the group goes on all the same.
        let mut world = World::new(dialect).await;
        let grouped = POLICIES.replace("{mode: pullRequest}", "{mode: pullRequest, group: run}");
        world.person_commits("main", &[("landwaiter.yaml", &grouped)], "one for all");
        for tag in ["1.1.0", "1.2.0"] {
            world.registry.push("acme/web", tag);
            world.scope = about("ghcr.io/acme/web");
            assert_ne!(outcomes(&world.run().await), [Outcome::Unchanged], "{dialect:?}");
            let branch = world.only_open().branch;
            assert_eq!(world.file(&branch, "web.yaml"), pod(&format!("acme/web:{tag}")).trim_end(), "{dialect:?}");
        }
    });
}

#[test]
fn what_a_person_has_written_meanwhile_is_never_taken_back_by_what_was_proposed() {
    on_each(|dialect| async move {
        for failing in [false, true] {
            let mut world = in_one_group(dialect).await;
            let pull = world.only_open();
            // A higher version than was proposed for web, and another file of the same pull request as it was.
            world.person_commits("main", &[("web.yaml", &pod("acme/web:1.5.0"))], "by hand");
            match failing {
                true => world.registry.goes_down("acme/web"),
                false => {
                    let other = Repository::parse("ghcr.io/acme/other").unwrap();
                    world.scope = Scope { images: [other].into(), ..Scope::nothing() };
                }
            }
            let head = world.hub.head(&pull.branch);
            let report = world.run().await;
            assert!(outcomes(&report).iter().all(|one| *one != Outcome::Opened), "{dialect:?}");
            let proposed = world.file(&pull.branch, "web.yaml");
            let untouched = world.hub.head(&pull.branch) == head;
            assert!(untouched || proposed == pod("acme/web:1.5.0").trim_end(), "{dialect:?} {failing}: {proposed}");
            world.registry.comes_back();
            world.scope = Scope::default();
            world.run().await;
            assert_eq!(
                world.file(&world.only_open().branch, "web.yaml"),
                pod("acme/web:1.5.0").trim_end(),
                "{dialect:?}"
            );
            assert_eq!(world.file("main", "web.yaml"), pod("acme/web:1.5.0").trim_end(), "{dialect:?}");
        }
    });
}

#[test]
fn a_group_is_shown_whole_or_as_it_was() {
    on_each(|dialect| async move {
        let world = in_one_group(dialect).await;
        let (pull, head) = (world.only_open(), world.hub.head(&world.only_open().branch));
        // Both can be proposed no more: the place has another name, and its image cannot be looked at.
        let renamed = pod("acme/api:2.0.0").replace("name: web", "name: api");
        world.person_commits("main", &[("api.yaml", &renamed)], "another name");
        world.registry.goes_down("acme/api");
        world.registry.push("acme/web", "1.2.0");
        assert_eq!(outcomes(&world.run().await), [Outcome::Unchanged], "{dialect:?}");
        assert_eq!(world.hub.head(&pull.branch), head, "{dialect:?}");
        world.registry.comes_back();
        assert_eq!(outcomes(&world.run().await), [Outcome::Updated], "{dialect:?}");
        assert_eq!(world.file(&pull.branch, "web.yaml"), pod("acme/web:1.2.0").trim_end(), "{dialect:?}");
    });
}

#[test]
fn what_was_refused_is_not_kept() {
    on_each(|dialect| async move {
        let world = in_one_group(dialect).await;
        world.hub.person_closes(1);
        world.registry.goes_down("acme/api");
        world.registry.push("acme/web", "1.2.0");
        let report = world.run().await;
        assert_eq!(outcomes(&report), [Outcome::Opened], "{dialect:?} {:?}", report.pulled);
        let branch = world.only_open().branch;
        assert_eq!(world.file(&branch, "api.yaml"), pod("acme/api:2.0.0").trim_end(), "{dialect:?}");
    });
}

#[test]
fn closed_unmerged_by_a_person_means_not_these_versions() {
    on_each(|dialect| async move {
        let world = World::new(dialect).await;
        world.registry.push("acme/web", "1.1.0");
        world.run().await;
        world.hub.person_closes(1);
        let report = world.run().await;
        assert_eq!((held(&report), outcomes(&report)), (vec!["refused"], vec![]), "{dialect:?}");
        assert_eq!(world.open().len(), 0, "{dialect:?}");
        world.registry.push("acme/web", "1.2.0");
        assert_eq!(outcomes(&world.run().await), [Outcome::Opened], "{dialect:?}");
        assert_eq!(world.only_open().title, "Update acme/web to 1.2.0", "{dialect:?}");
    });
}

#[test]
fn the_next_best_version_takes_the_place_of_a_refused_one() {
    on_each(|dialect| async move {
        let world = World::new(dialect).await;
        world.registry.push("acme/web", "1.1.0");
        world.registry.push("acme/web", "2.0.0");
        world.run().await;
        assert_eq!(world.only_open().title, "Update acme/web to 2.0.0", "{dialect:?}");
        world.hub.person_closes(1);
        let report = world.run().await;
        assert_eq!(outcomes(&report), [Outcome::Opened], "{dialect:?} {:?}", report.pulled);
        let pull = world.only_open();
        assert_eq!(pull.title, "Update acme/web to 1.1.0", "{dialect:?}");
        assert!(pull.body.contains("`2.0.0` (refused)"), "{dialect:?} {}", pull.body);
    });
}

#[test]
fn a_refusal_in_a_group_counts_for_each_of_its_images() {
    on_each(|dialect| async move {
        let world = World::new(dialect).await;
        let grouped = POLICIES.replace("{mode: pullRequest}", "{mode: pullRequest, group: run}");
        world.person_commits("main", &[("landwaiter.yaml", &grouped)], "one for all");
        world.registry.push("acme/web", "1.1.0");
        world.registry.push("acme/api", "2.1.0");
        world.run().await;
        world.hub.person_closes(1);
        assert_eq!(held(&world.run().await), ["refused", "refused"], "{dialect:?}");
        world.registry.push("acme/web", "1.2.0");
        let report = world.run().await;
        assert_eq!((held(&report), outcomes(&report)), (vec!["refused"], vec![Outcome::Opened]), "{dialect:?}");
        assert_eq!(world.only_open().title, "Update acme/web to 1.2.0", "{dialect:?}: api waits for a newer one");
    });
}

#[test]
fn reopened_it_goes_on() {
    on_each(|dialect| async move {
        let world = World::new(dialect).await;
        world.registry.push("acme/web", "1.1.0");
        world.run().await;
        world.hub.person_closes(1);
        world.run().await;
        world.hub.person_reopens(1);
        assert_eq!(outcomes(&world.run().await), [Outcome::Unchanged], "{dialect:?}");
        world.registry.push("acme/web", "1.2.0");
        assert_eq!(outcomes(&world.run().await), [Outcome::Updated], "{dialect:?}");
        assert_eq!(world.only_open().number, 1, "{dialect:?}");
    });
}

#[test]
fn a_persons_commit_freezes_it_and_is_said_once() {
    on_each(|dialect| async move {
        let world = World::new(dialect).await;
        world.registry.push("acme/web", "1.1.0");
        world.run().await;
        let branch = world.only_open().branch;
        let theirs = world.person_commits(&branch, &[("notes.txt", "mine")], "a word of mine");
        world.registry.push("acme/web", "1.2.0");
        for _ in 0..3 {
            let report = world.run().await;
            assert_eq!(
                (held(&report), outcomes(&report)),
                (vec!["taken-over"], vec![Outcome::TakenOver]),
                "{dialect:?}"
            );
        }
        let pull = world.only_open();
        assert_eq!(world.hub.head(&branch), Some(theirs), "{dialect:?}: nothing is pushed over it");
        assert_eq!(pull.comments.len(), 1, "{dialect:?} {:?}", pull.comments);
        assert!(pull.comments[0].contains("Somebody has committed to it"), "{dialect:?} {:?}", pull.comments);
        assert_eq!(pull.title, "Update acme/web to 1.1.0", "{dialect:?}");
    });
}

#[test]
fn a_frozen_one_is_handed_back_by_its_box_or_a_label() {
    on_each(|dialect| async move {
        for by_label in [false, true] {
            let world = World::new(dialect).await;
            if by_label && !world.forge.abilities().labels {
                continue;
            }
            world.registry.push("acme/web", "1.1.0");
            world.run().await;
            let branch = world.only_open().branch;
            world.person_commits(&branch, &[("notes.txt", "mine")], "a word of mine");
            world.run().await;
            match by_label {
                true => world.hub.person_labels(1, "landwaiter/rebuild"),
                false => {
                    drop(world.hub.change(1, |pull| pull.body = pull.body.replace("- [ ] Rebuild", "- [x] Rebuild")))
                }
            }
            let report = world.run().await;
            assert_eq!(outcomes(&report), [Outcome::Updated], "{dialect:?} {:?}", report.pulled);
            assert_eq!(world.ahead(&branch), "1", "{dialect:?}: the commit of others is gone");
            let pull = world.only_open();
            assert!(pull.labels.is_empty() && pull.body.contains("- [ ] Rebuild"), "{dialect:?} {pull:?}");
            assert_eq!(outcomes(&world.run().await), [Outcome::Unchanged], "{dialect:?}: and once is enough");
        }
    });
}

#[test]
fn the_forges_own_merge_of_the_base_is_no_person() {
    on_each(|dialect| async move {
        let world = World::new(dialect).await;
        world.registry.push("acme/web", "1.1.0");
        world.run().await;
        world.person_commits("main", &[("README.md", "more")], "something else");
        let merged = world.hub.person_updates_branch(1);
        assert_eq!(outcomes(&world.run().await), [Outcome::Unchanged], "{dialect:?}");
        assert_eq!(world.hub.head(&world.only_open().branch), Some(merged), "{dialect:?}");
        world.registry.push("acme/web", "1.2.0");
        assert_eq!(outcomes(&world.run().await), [Outcome::Updated], "{dialect:?}");
        assert_eq!(world.ahead(&world.only_open().branch), "1", "{dialect:?}");
    });
}

#[test]
fn another_base_is_a_persons_wish() {
    on_each(|dialect| async move {
        let world = World::new(dialect).await;
        world.registry.push("acme/web", "1.1.0");
        world.run().await;
        world.person_commits("staging", &[("README.md", "x")], "a branch");
        world.hub.change(1, |pull| pull.base = "staging".to_owned()).unwrap();
        world.registry.push("acme/web", "1.2.0");
        let report = world.run().await;
        assert_eq!(outcomes(&report), [Outcome::TakenOver], "{dialect:?} {:?}", report.pulled);
        assert_eq!(world.hub.pulls().len(), 1, "{dialect:?}: and no second one is opened");
    });
}

#[test]
fn it_is_rebuilt_when_the_base_changes_the_same_file_and_only_then() {
    on_each(|dialect| async move {
        let world = World::new(dialect).await;
        world.registry.push("acme/web", "1.1.0");
        world.run().await;
        let branch = world.only_open().branch;
        let head = world.hub.head(&branch);
        world.person_commits("main", &[("README.md", "more")], "something else");
        assert_eq!(outcomes(&world.run().await), [Outcome::Unchanged], "{dialect:?}");
        assert_eq!(world.hub.head(&branch), head, "{dialect:?}");
        let annotated = format!("# ours\n{}", pod("acme/web:1.0.0"));
        world.person_commits("main", &[("web.yaml", &annotated)], "a comment");
        assert_eq!(outcomes(&world.run().await), [Outcome::Updated], "{dialect:?}");
        let expected = format!("# ours\n{}", pod("acme/web:1.1.0"));
        assert_eq!(world.file(&branch, "web.yaml"), expected.trim_end(), "{dialect:?}");
        assert_eq!(world.ahead(&branch), "1", "{dialect:?}");
    });
}

#[test]
fn pull_requests_from_forks_are_never_ours() {
    on_each(|dialect| async move {
        let world = World::new(dialect).await;
        world.registry.push("acme/web", "1.1.0");
        world.run().await;
        let ours = world.only_open();
        world.hub.person_closes(ours.number);
        let fork = world.hub.person_opens_from_fork(&ours.branch, "main", &ours.body);
        let before = format!("{:?}", world.hub.pull(fork));
        let report = world.run().await;
        assert_eq!(held(&report), ["refused"], "{dialect:?}: that of the fork reopens nothing");
        assert_eq!(format!("{:?}", world.hub.pull(fork)), before, "{dialect:?}");
    });
}

#[test]
fn merged_it_is_done_and_its_branch_goes() {
    on_each(|dialect| async move {
        for squash in [false, true] {
            let world = World::new(dialect).await;
            world.registry.push("acme/web", "1.1.0");
            world.run().await;
            let branch = world.only_open().branch;
            world.hub.person_merges(1, squash);
            assert_eq!(outcomes(&world.run().await), [], "{dialect:?}");
            assert_eq!(world.hub.head(&branch), None, "{dialect:?}");
            world.registry.push("acme/web", "1.2.0");
            assert_eq!(outcomes(&world.run().await), [Outcome::Opened], "{dialect:?}");
        }
    });
}

#[test]
fn no_more_are_opened_than_may_be() {
    on_each(|dialect| async move {
        let mut world = World::new(dialect).await;
        world.pulls.max_open = 1;
        world.registry.push("acme/web", "1.1.0");
        world.registry.push("acme/api", "2.1.0");
        let report = world.run().await;
        assert_eq!(outcomes(&report), [Outcome::Opened, Outcome::Limited], "{dialect:?}");
        assert_eq!(held(&report), ["pull-request-limit"], "{dialect:?}");
        let branches = world.hub.heads().into_keys().filter(|name| name.starts_with("landwaiter/")).count();
        assert_eq!(branches, 1, "{dialect:?}: nothing is pushed for the other");
        let number = world.only_open().number;
        world.hub.person_merges(number, true);
        assert_eq!(outcomes(&world.run().await), [Outcome::Opened], "{dialect:?}");
    });
}

#[test]
fn no_more_are_opened_within_an_hour_than_may_be() {
    on_each(|dialect| async move {
        let mut world = World::new(dialect).await;
        world.pulls.max_per_hour = Some(1);
        world.registry.push("acme/web", "1.1.0");
        world.registry.push("acme/api", "2.1.0");
        assert_eq!(outcomes(&world.run().await), [Outcome::Opened, Outcome::Limited], "{dialect:?}");
        assert_eq!(
            outcomes(&world.run().await),
            [Outcome::Limited, Outcome::Unchanged].into_iter().rev().collect::<Vec<_>>(),
            "{dialect:?}"
        );
        world.now = NOW + 3_700;
        assert_eq!(outcomes(&world.run().await), [Outcome::Unchanged, Outcome::Opened], "{dialect:?}");
    });
}

#[test]
fn labels_people_and_drafts_are_as_the_policy_says() {
    on_each(|dialect| async move {
        let wish =
            "{mode: pullRequest, pullRequest: {labels: [images], reviewers: [alice], assignees: [bob], draft: true}}";
        let world = World::new(dialect).await;
        world.person_commits("main", &[("landwaiter.yaml", &POLICIES.replace("{mode: pullRequest}", wish))], "people");
        world.registry.push("acme/web", "1.1.0");
        let report = world.run().await;
        assert_eq!(outcomes(&report), [Outcome::Opened], "{dialect:?} {:?}", report.pulled);
        let (pull, can) = (world.only_open(), world.forge.abilities());
        assert_eq!((pull.labels.contains("images"), pull.draft), (can.labels, can.drafts), "{dialect:?}");
        assert!(pull.reviewers.contains("alice"), "{dialect:?}");
        assert_eq!(pull.assignees.contains("bob"), can.assignees, "{dialect:?}");
        // What people take off stays off.
        world.hub.change(1, |pull| pull.labels.clear()).unwrap();
        world.registry.push("acme/web", "1.2.0");
        world.run().await;
        assert!(world.only_open().labels.is_empty(), "{dialect:?}");
        assert_eq!(outcomes(&world.run().await), [Outcome::Unchanged], "{dialect:?}");
    });
}

#[test]
fn the_forge_may_merge_steps_up_to_the_policys() {
    on_each(|dialect| async move {
        let world = World::new(dialect).await;
        if !world.forge.abilities().auto_merge {
            return;
        }
        let auto = POLICIES.replace("{mode: pullRequest}", "{mode: pullRequest, pullRequest: {autoMerge: minor}}");
        world.person_commits("main", &[("landwaiter.yaml", &auto)], "auto");
        world.registry.push("acme/web", "1.1.0");
        world.run().await;
        assert!(world.only_open().auto_merge.is_some(), "{dialect:?}");
        world.registry.push("acme/web", "2.0.0");
        world.run().await;
        assert_eq!(world.only_open().auto_merge, None, "{dialect:?}: a major step is for people");
        assert_eq!(outcomes(&world.run().await), [Outcome::Unchanged], "{dialect:?}");
    });
}

#[test]
fn what_was_merged_before_and_taken_back_is_not_merged_by_the_forge_again() {
    on_each(|dialect| async move {
        let world = World::new(dialect).await;
        if !world.forge.abilities().auto_merge {
            return;
        }
        let auto = POLICIES.replace("{mode: pullRequest}", "{mode: pullRequest, pullRequest: {autoMerge: minor}}");
        world.person_commits("main", &[("landwaiter.yaml", &auto)], "auto");
        world.registry.push("acme/web", "1.1.0");
        world.run().await;
        world.hub.person_merges(1, true);
        world.person_commits("main", &[("web.yaml", &pod("acme/web:1.0.0"))], "take it back");
        // History rewritten by force: nothing but the merged pull request tells.
        let tree = crate::repos::run_git(&world.bare, &["rev-parse", "main^{tree}"]);
        let anew = crate::repos::run_git(&world.bare, &["commit-tree", &tree, "-m", "begun anew"]);
        crate::repos::run_git(&world.bare, &["update-ref", "refs/heads/main", &anew]);
        assert_eq!(outcomes(&world.run().await), [Outcome::Opened], "{dialect:?}");
        assert_eq!(world.only_open().auto_merge, None, "{dialect:?}");
    });
}

#[test]
fn what_the_forge_will_not_do_is_told_and_the_pull_request_stands() {
    on_each(|dialect| async move {
        let world = World::new(dialect).await;
        let wish =
            POLICIES.replace("{mode: pullRequest}", "{mode: pullRequest, pullRequest: {reviewers: [nobody-there]}}");
        world.person_commits("main", &[("landwaiter.yaml", &wish)], "people");
        world.registry.push("acme/web", "1.1.0");
        let report = world.run().await;
        assert_eq!(outcomes(&report), [Outcome::Opened], "{dialect:?}");
        let detail = report.pulled[0].detail.clone().unwrap_or_default();
        assert!(detail.starts_with("reviewers and assignees: "), "{dialect:?} {detail}");
        assert_eq!(outcomes(&world.run().await), [Outcome::Unchanged], "{dialect:?}");
    });
}

#[test]
fn a_policy_that_is_gone_takes_its_pull_request_with_it() {
    on_each(|dialect| async move {
        let world = World::new(dialect).await;
        world.registry.push("acme/web", "1.1.0");
        world.registry.push("acme/api", "2.1.0");
        world.run().await;
        let without = POLICIES.lines().filter(|line| !line.contains("name: web")).collect::<Vec<_>>().join("\n");
        world.person_commits("main", &[("landwaiter.yaml", &without)], "web is no longer ours");
        world.registry.goes_down("acme/api");
        assert_eq!(
            outcomes(&world.run().await),
            [Outcome::Unchanged, Outcome::Unchanged],
            "{dialect:?}: not while something is unknown"
        );
        world.registry.comes_back();
        let report = world.run().await;
        assert_eq!(world.only_open().title, "Update acme/api to 2.1.0", "{dialect:?} {:?}", report.pulled);
    });
}

#[test]
fn a_file_that_cannot_be_read_closes_nothing() {
    on_each(|dialect| async move {
        let world = World::new(dialect).await;
        world.registry.push("acme/web", "1.1.0");
        world.run().await;
        world.person_commits(
            "main",
            &[("web.yaml", "apiVersion: v1\nkind: Pod\n\tbroken: [\nimage: ghcr.io/acme/web:1.0.0\n")],
            "broken",
        );
        let report = world.run().await;
        assert_eq!(world.open().len(), 1, "{dialect:?} {:?} {:?}", report.pulled, report.plan().skipped);
    });
}

#[test]
fn a_description_that_people_have_emptied_is_written_again() {
    on_each(|dialect| async move {
        let world = World::new(dialect).await;
        world.registry.push("acme/web", "1.1.0");
        world.run().await;
        world.hub.change(1, |pull| pull.body = "never mind".to_owned()).unwrap();
        assert_eq!(outcomes(&world.run().await), [Outcome::Updated], "{dialect:?}");
        assert!(world.only_open().body.contains("ghcr.io/acme/web"), "{dialect:?}");
        // Closed without it, nobody can tell what was refused: it is held rather than proposed again.
        world.hub.change(1, |pull| pull.body = String::new()).unwrap();
        world.hub.person_closes(1);
        assert_eq!(held(&world.run().await), ["refused"], "{dialect:?}");
    });
}

#[test]
fn what_people_write_stays_until_there_is_something_new_to_say() {
    on_each(|dialect| async move {
        let world = World::new(dialect).await;
        world.registry.push("acme/web", "1.1.0");
        world.run().await;
        world
            .hub
            .change(1, |pull| (pull.title, pull.body) = ("Mine".to_owned(), format!("Mine.\n{}", pull.body)))
            .unwrap();
        let before = format!("{:?}", world.hub.pulls());
        assert_eq!(outcomes(&world.run().await), [Outcome::Unchanged], "{dialect:?}");
        assert_eq!(format!("{:?}", world.hub.pulls()), before, "{dialect:?}");
        world.registry.push("acme/web", "1.2.0");
        assert_eq!(outcomes(&world.run().await), [Outcome::Updated], "{dialect:?}");
        assert_eq!(world.only_open().title, "Update acme/web to 1.2.0", "{dialect:?}");
    });
}

#[test]
fn what_is_put_on_hold_is_closed_and_proposed_again_afterwards() {
    on_each(|dialect| async move {
        let world = World::new(dialect).await;
        world.registry.push("acme/web", "1.1.0");
        world.run().await;
        let held_back = pod("acme/web:1.0.0").replace(":1.0.0", ":1.0.0 # landwaiter-hold: not yet");
        world.person_commits("main", &[("web.yaml", &held_back)], "wait");
        let report = world.run().await;
        assert_eq!((held(&report), outcomes(&report)), (vec!["hold"], vec![Outcome::Closed]), "{dialect:?}");
        world.person_commits("main", &[("web.yaml", &pod("acme/web:1.0.0"))], "go on");
        assert_eq!(outcomes(&world.run().await), [Outcome::Opened], "{dialect:?}");
    });
}

#[test]
fn commits_and_pull_requests_of_one_run_do_not_mix() {
    on_each(|dialect| async move {
        let world = World::new(dialect).await;
        let mixed = POLICIES.replace("name: api,", "name: api, write: {mode: commit},");
        world.person_commits("main", &[("landwaiter.yaml", &mixed)], "api directly");
        let both = format!("{}---\n{}", pod("acme/web:1.0.0"), pod("acme/api:2.0.0"));
        world.person_commits("main", &[("both.yaml", &both)], "one file");
        world.registry.push("acme/web", "1.1.0");
        world.registry.push("acme/api", "2.1.0");
        let report = world.run().await;
        assert!(report.written.is_some(), "{dialect:?}");
        assert_eq!(outcomes(&report), [Outcome::Opened], "{dialect:?} {:?}", report.pulled);
        let main = world.file("main", "both.yaml");
        assert!(main.contains("acme/web:1.0.0") && main.contains("acme/api:2.1.0"), "{dialect:?} {main}");
        let branch = world.only_open().branch;
        assert!(world.file(&branch, "both.yaml").contains("acme/web:1.1.0"), "{dialect:?}");
        // The file changed in the base: the next run rebuilds, and then there is peace.
        assert_eq!(outcomes(&world.run().await), [Outcome::Updated], "{dialect:?}");
        let rebuilt = world.file(&branch, "both.yaml");
        assert!(rebuilt.contains("acme/web:1.1.0") && rebuilt.contains("acme/api:2.1.0"), "{dialect:?} {rebuilt}");
        assert_eq!(outcomes(&world.run().await), [Outcome::Unchanged], "{dialect:?}");
    });
}

#[test]
fn every_rule_has_its_test_and_every_test_its_rule() {
    let rules = include_str!("../../docs/pull-requests.md");
    let tests = include_str!("lifecycle.rs");
    let this = "every_rule_has_its_test_and_every_test_its_rule";
    let rows = rules.lines().filter(|line| line.starts_with("| ") && line.ends_with("` |"));
    let named: Vec<&str> =
        rows.flat_map(|row| row.rsplit(" | ").next().unwrap().split('`').skip(1).step_by(2)).collect();
    let written: Vec<&str> = tests
        .split("#[test]\nfn ")
        .skip(1)
        .map(|text| text.split('(').next().unwrap())
        .filter(|name| *name != this && !name.contains(' '))
        .collect();
    assert!(named.len() > 20 && written.len() > 20, "{named:?} {written:?}");
    for name in &named {
        assert!(written.contains(name), "docs/pull-requests.md names {name}, which is no test");
    }
    for name in &written {
        assert!(named.contains(name), "{name} stands in no row of docs/pull-requests.md");
    }
}
