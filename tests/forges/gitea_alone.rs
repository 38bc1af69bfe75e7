//! What only Gitea and Forgejo does.

use crate::adapters::{new, place, push};
use crate::dialect::Dialect;
use crate::gitea::{Fake, GITEA, answer, shown};
use crate::hub::Hub;
use crate::wire::{json, router};
use landwaiter::port::*;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_as_long_as_the_operator_lets_them_be() {
    for router in [(|hub| router(Fake { page: 7, ..Fake::of(hub) }, answer)) as fn(Arc<Hub>) -> axum::Router, |hub| {
        router(Fake { page: 7, counts: false, ..Fake::of(hub) }, answer)
    }] {
        let place = place(&Dialect { router, ..GITEA }).await;
        for number in 0..15 {
            let branch = format!("landwaiter/n-{number:06}");
            push(&place.bare, &branch, &branch);
            place.hub.create(&branch, "main", &branch, "", false).unwrap();
        }
        let open = place.forge.open("landwaiter").await.unwrap();
        assert_eq!(open.len(), 15);
        let known: Vec<String> = (0..15).map(|number| format!("label-{number}")).collect();
        known.iter().for_each(|name| place.hub.make_label(name));
        place.forge.label(1, &known, &[]).await.unwrap();
        assert_eq!(place.hub.pull(1).unwrap().labels.len(), 15);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_without_end_is_given_up() {
    let endless = Dialect {
        router: |hub| {
            router(Fake::of(hub), |fake, asked| match asked.parts().ends_with(&["pulls"]) {
                true => json(200, &json!([null, shown(fake, &asked.server, &fake.hub.pull(1).unwrap())])),
                false => answer(fake, asked),
            })
        },
        ..GITEA
    };
    let place = place(&endless).await;
    push(&place.bare, "landwaiter/a-000001", "one");
    place.hub.create("landwaiter/a-000001", "main", "t", "", false).unwrap();
    let error = place.forge.open("landwaiter").await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::TooLarge);
    assert_eq!(place.forge.requests().values().sum::<u64>(), 20);
    let past = place.forge.past("landwaiter/a-000001", "main").await;
    assert_eq!(past, Ok(Vec::new()), "those that changed last are looked at, and no more");
    assert_eq!(place.forge.requests().values().sum::<u64>(), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_is_gone_is_still_known_by_its_name() {
    let place = place(&GITEA).await;
    push(&place.bare, "landwaiter/a-000001", "one");
    place.forge.create(&new("landwaiter/a-000001")).await.unwrap();
    place.hub.person_merges(1, true);
    crate::repos::run_git(&place.bare, &["update-ref", "-d", "refs/heads/landwaiter/a-000001"]);
    let past = place.forge.past("landwaiter/a-000001", "main").await.unwrap();
    assert_eq!((past.len(), past[0].state), (1, PullState::Merged));
    assert_eq!(place.forge.close(1).await, Ok(()), "there is nothing left to close");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_repository_is_no_unknown_branch() {
    let place = place(&GITEA).await;
    let elsewhere = Dialect { repository: "acme/other", ..GITEA }.connected(&place.fake);
    assert_eq!(elsewhere.create(&new("landwaiter/a")).await.unwrap_err().kind, ForgeErrorKind::NotFound);
    let error = place.forge.create(&new("landwaiter/a")).await.unwrap_err();
    assert_eq!(error.detail, "there is no branch landwaiter/a or no branch main");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_leaves_a_draft_a_draft_until_a_person_says_it_is_ready() {
    let place = place(&GITEA).await;
    push(&place.bare, "landwaiter/a-000001", "one");
    place.forge.create(&NewPullRequest { draft: true, ..new("landwaiter/a-000001") }).await.unwrap();
    place.forge.edit(1, "other", "").await.unwrap();
    let pull = place.hub.pull(1).unwrap();
    assert_eq!((pull.draft, pull.title.as_str()), (true, "other"));
    place.hub.change(1, |pull| pull.draft = false).unwrap();
    place.forge.edit(1, "third", "").await.unwrap();
    let pull = place.hub.pull(1).unwrap();
    assert_eq!((pull.draft, pull.title.as_str()), (false, "third"));
}

#[tokio::test(flavor = "multi_thread")]
async fn teams_are_those_of_the_owner_and_an_unknown_name_keeps_nobody_else_from_being_asked() {
    let place = place(&GITEA).await;
    push(&place.bare, "landwaiter/a-000001", "one");
    place.forge.create(&new("landwaiter/a-000001")).await.unwrap();
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let reviewers = named(&["nobody-there", "other/platform", "acme/platform", "alice"]);
    let people = People { reviewers, assignees: named(&["alice"]) };
    let error = place.forge.involve(1, &people).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::NotFound, "the first that failed is told");
    let people = People { reviewers: Vec::new(), assignees: named(&["bob"]) };
    place.forge.involve(1, &people).await.unwrap();
    let pull = place.hub.pull(1).unwrap();
    assert_eq!(pull.reviewers.iter().collect::<Vec<_>>(), ["acme/platform", "alice"]);
    assert_eq!(pull.assignees.iter().collect::<Vec<_>>(), ["alice", "bob"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_of_the_organization_is_not_made_again() {
    let place = place(&GITEA).await;
    push(&place.bare, "landwaiter/a-000001", "one");
    place.forge.create(&new("landwaiter/a-000001")).await.unwrap();
    place.forge.label(1, &["shared".to_owned(), "own".to_owned()], &[]).await.unwrap();
    assert_eq!(place.hub.pull(1).unwrap().labels.len(), 2);
    assert_eq!(place.hub.labels().iter().collect::<Vec<_>>(), ["own"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_is_for_the_head_that_was_meant() {
    let place = place(&GITEA).await;
    let old = push(&place.bare, "landwaiter/a-000001", "one");
    place.forge.create(&new("landwaiter/a-000001")).await.unwrap();
    push(&place.bare, "landwaiter/a-000001", "two");
    let error = place.forge.merge_when_ready(1, &CommitId(old), MergeMethod::Squash).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Refused);
    assert_eq!(place.hub.pull(1).unwrap().auto_merge, None);
    assert_eq!(place.forge.keep_from_merging(99).await.unwrap_err().kind, ForgeErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nothing_holds_back_is_merged_at_once_when_the_forge_knows_that_it_can_be() {
    let slow = Dialect {
        router: |hub| {
            let mut quick = Hub::new(hub.bare());
            quick.allows_auto_merge = false;
            router(Fake { checking: AtomicUsize::new(2), ..Fake::of(Arc::new(quick)) }, answer)
        },
        ..GITEA
    };
    let place = place(&slow).await;
    let head = push(&place.bare, "landwaiter/a-000001", "one");
    place.forge.create(&new("landwaiter/a-000001")).await.unwrap();
    place.forge.merge_when_ready(1, &CommitId(head), MergeMethod::Merge).await.unwrap();
    let past = place.forge.past("landwaiter/a-000001", "main").await.unwrap();
    assert_eq!(past[0].state, PullState::Merged);
}
