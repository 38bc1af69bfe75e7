//! What was done once is not done again: whatever people did to a pull request, a second run writes nothing. And what a forge was
//! asked to merge is taken back before it could merge something else.

use crate::DIALECTS;
use crate::gitea::GITEA;
use crate::github::GITHUB;
use crate::hub::{Hub, State};
use crate::world::{NOW, POLICIES, World, outcomes, pod};
use landwaiter::cycle::Outcome;
use std::collections::BTreeMap;

/// Everything that a write would change; each change that the hub was asked for counts, one that changed nothing too.
fn everything(hub: &Hub) -> (String, BTreeMap<String, String>) {
    (format!("{:#?}", hub.pulls()), hub.heads())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_writes_nothing_whatever_people_did() {
    type Deed = fn(&World);
    let deeds: &[(&str, Deed)] = &[
        ("nothing", |_| {}),
        ("a newer tag", |world| world.registry.push("acme/web", "1.2.0")),
        ("merged", |world| drop(world.hub.person_merges(1, true))),
        ("closed", |world| world.hub.person_closes(1)),
        ("closed, and a newer tag", |world| {
            world.hub.person_closes(1);
            world.registry.push("acme/web", "1.2.0");
        }),
        ("a commit on it", |world| {
            drop(world.person_commits(&world.only_open().branch, &[("notes.txt", "mine")], "mine"));
        }),
        ("the base merged into it", |world| drop(world.hub.person_updates_branch(1))),
        ("another title", |world| drop(world.hub.change(1, |pull| pull.title = "mine".to_owned()))),
        ("no body", |world| drop(world.hub.change(1, |pull| pull.body.clear()))),
        ("labels off", |world| drop(world.hub.change(1, |pull| pull.labels.clear()))),
        ("no auto-merge", |world| drop(world.hub.change(1, |pull| pull.auto_merge = None))),
        ("by hand in main", |world| {
            drop(world.person_commits("main", &[("web.yaml", &pod("acme/web:1.1.0"))], "mine"))
        }),
        ("down again", |world| world.registry.goes_down("acme/web")),
    ];
    for dialect in DIALECTS {
        for (what, deed) in deeds {
            let world = World::new(dialect).await;
            let wish = "{mode: pullRequest, pullRequest: {labels: [images], reviewers: [alice], autoMerge: minor}}";
            let wish = POLICIES.replace("{mode: pullRequest}", wish);
            world.person_commits("main", &[("landwaiter.yaml", &wish)], "wishes");
            world.registry.push("acme/web", "1.1.0");
            world.run().await;
            deed(&world);
            world.run().await;
            let before = everything(&world.hub);
            let report = world.run().await;
            assert_eq!(everything(&world.hub), before, "{dialect:?}, {what}: {:?}", report.pulled);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_with_another_base_is_written_to_once_however_often_ours_moves() {
    for dialect in DIALECTS {
        let world = World::new(dialect).await;
        world.registry.push("acme/web", "1.1.0");
        world.run().await;
        world.person_commits("staging", &[("README.md", "x")], "a branch");
        world.hub.change(1, |pull| pull.base = "staging".to_owned()).unwrap();
        world.run().await;
        let before = everything(&world.hub).0;
        world.person_commits("main", &[("README.md", "y")], "something else");
        assert_eq!(outcomes(&world.run().await), [Outcome::TakenOver], "{dialect:?}");
        assert_eq!(everything(&world.hub).0, before, "{dialect:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_merge_is_taken_back_also_when_nobody_knows_who_asked() {
    for dialect in DIALECTS {
        let world = World::new(dialect).await;
        if !world.forge.abilities().auto_merge {
            continue;
        }
        let auto = POLICIES.replace("{mode: pullRequest}", "{mode: pullRequest, pullRequest: {autoMerge: minor}}");
        world.person_commits("main", &[("landwaiter.yaml", &auto)], "auto");
        world.registry.push("acme/web", "1.1.0");
        world.run().await;
        world.hub.change(1, |pull| pull.body.clear()).unwrap();
        world.registry.push("acme/web", "2.0.0");
        assert_eq!(outcomes(&world.run().await), [Outcome::Updated], "{dialect:?}");
        assert_eq!(world.only_open().auto_merge, None, "{dialect:?}: a major step is for people");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_no_longer_lets_the_forge_merge_is_heeded_at_once() {
    for dialect in DIALECTS {
        let world = World::new(dialect).await;
        if !world.forge.abilities().auto_merge {
            continue;
        }
        let auto = POLICIES.replace("{mode: pullRequest}", "{mode: pullRequest, pullRequest: {autoMerge: minor}}");
        world.person_commits("main", &[("landwaiter.yaml", &auto)], "auto");
        world.registry.push("acme/web", "1.1.0");
        world.run().await;
        assert!(world.only_open().auto_merge.is_some(), "{dialect:?}");
        world.person_commits("main", &[("landwaiter.yaml", POLICIES)], "by hand from now on");
        assert_eq!(outcomes(&world.run().await), [Outcome::Updated], "{dialect:?}");
        let pull = world.only_open();
        assert_eq!(pull.auto_merge, None, "{dialect:?}");
        assert!(pull.body.contains("Merging it is up to you."), "{dialect:?} {}", pull.body);
        assert_eq!(outcomes(&world.run().await), [Outcome::Unchanged], "{dialect:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_that_stay_keep_no_other_from_being_tidied_up() {
    let mut world = World::new(&GITEA).await;
    // A person who has closed one may want to open it again.
    for number in 0..21 {
        let branch = format!("landwaiter/a-{number:06}");
        world.person_commits(&branch, &[("README.md", &branch)], "x");
        let pull = world.hub.create(&branch, "main", "x", "", false).unwrap();
        world.hub.person_closes(pull.number);
    }
    world.registry.push("acme/web", "1.1.0");
    world.run().await;
    let pull = world.only_open();
    world.hub.person_merges(pull.number, true);
    assert_eq!(world.hub.pull(pull.number).unwrap().state, State::Merged);
    for minute in 0..3 {
        world.now = NOW + 60 * minute;
        world.run().await;
    }
    assert_eq!(world.hub.head(&pull.branch), None, "merged, so it goes");
    assert_eq!(world.hub.heads().len(), 1 + 21);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forge_that_lets_nobody_in_is_told_of_whether_or_not_something_is_new() {
    for dialect in DIALECTS {
        let mut world = World::new(dialect).await;
        world.locks_the_bot_out(dialect);
        let report = world.run().await;
        let told: Vec<&str> = report.planned.warnings.diagnostics.iter().map(|one| one.message.as_str()).collect();
        assert_eq!(told.len(), 1, "{dialect:?} {told:?}");
        assert!(told[0].starts_with("the open pull requests could not be had: "), "{dialect:?} {told:?}");
        world.registry.push("acme/web", "1.1.0");
        let report = world.run().await;
        let (_, held) = report.plan().held().next().unwrap();
        assert_eq!(held.reason.word(), "incomplete-information", "{dialect:?}");
        assert!(held.detail.contains("`forges` or `git` in the settings"), "{dialect:?} {}", held.detail);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_proposed_already_costs_no_look_at_the_past() {
    let world = World::new(&GITHUB).await;
    world.registry.push("acme/web", "1.1.0");
    world.registry.push("acme/api", "2.1.0");
    world.run().await;
    let asked = || world.forge.requests().values().sum::<u64>();
    let before = asked();
    assert_eq!(outcomes(&world.run().await), [Outcome::Unchanged, Outcome::Unchanged]);
    assert_eq!(asked() - before, 2, "what is open, before the decision and before writing");
}
