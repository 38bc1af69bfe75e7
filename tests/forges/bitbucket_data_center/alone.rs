//! What only Bitbucket Data Center does.

use super::*;
use crate::adapters::{new, place, push};
use landwaiter::port::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_somebody_forestalls_is_tried_once_more() {
    for (races, succeeds) in [(1, true), (2, false)] {
        let raced = Dialect {
            router: match races {
                1 => |hub| router(Fake { races: AtomicUsize::new(1), ..Fake::of(hub) }, answer),
                _ => |hub| router(Fake { races: AtomicUsize::new(2), ..Fake::of(hub) }, answer),
            },
            ..BITBUCKET_DATA_CENTER
        };
        let place = place(&raced).await;
        push(&place.bare, "landwaiter/a-000001", "one");
        place.forge.create(&new("landwaiter/a-000001")).await.unwrap();
        let edited = place.forge.edit(1, "t", "b").await;
        assert_eq!(edited.is_ok(), succeeds, "{races}: {edited:?}");
        assert_eq!(place.hub.pull(1).unwrap().title == "t", succeeds);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_takes_nobody_off_and_leaves_a_draft_a_draft() {
    let place = place(&BITBUCKET_DATA_CENTER).await;
    push(&place.bare, "landwaiter/a-000001", "one");
    place.forge.create(&NewPullRequest { draft: true, ..new("landwaiter/a-000001") }).await.unwrap();
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let people = People { reviewers: named(&["nobody-there", "alice", "bob"]), assignees: Vec::new() };
    assert_eq!(place.forge.involve(1, &people).await.unwrap_err().detail, "No such user.");
    let people = People { reviewers: Vec::new(), assignees: named(&["alice"]) };
    assert_eq!(place.forge.involve(1, &people).await.unwrap_err().kind, ForgeErrorKind::Unsupported);
    place.forge.edit(1, "t", "b").await.unwrap();
    let pull = place.hub.pull(1).unwrap();
    assert_eq!(pull.reviewers.iter().collect::<Vec<_>>(), ["alice", "bob"]);
    assert!(pull.draft && pull.title == "t", "{pull:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_is_asked_for_the_head_that_was_meant_and_where_it_is_allowed() {
    let mut place = place(&BITBUCKET_DATA_CENTER).await;
    let old = push(&place.bare, "landwaiter/a-000001", "one");
    place.forge.create(&new("landwaiter/a-000001")).await.unwrap();
    let head = push(&place.bare, "landwaiter/a-000001", "two");
    let error = place.forge.merge_when_ready(1, &CommitId(old), MergeMethod::Squash).await.unwrap_err();
    assert_eq!((error.kind, error.detail), (ForgeErrorKind::Refused, format!("its head is {head}")));
    assert_eq!(place.forge.keep_from_merging(99).await.unwrap_err().kind, ForgeErrorKind::NotFound);

    let mut hub = Hub::new(&place.bare);
    hub.allows_auto_merge = false;
    place.hub = Arc::new(hub);
    place.fake = BITBUCKET_DATA_CENTER.start(Arc::clone(&place.hub)).await;
    place.forge = BITBUCKET_DATA_CENTER.connected(&place.fake);
    place.forge.create(&new("landwaiter/a-000001")).await.unwrap();
    let error = place.forge.merge_when_ready(1, &CommitId(head), MergeMethod::Rebase).await.unwrap_err();
    assert_eq!((error.kind, error.detail.as_str()), (ForgeErrorKind::Forbidden, "Auto-merge is not enabled."));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_repository_is_no_unknown_branch() {
    let place = place(&BITBUCKET_DATA_CENTER).await;
    let elsewhere = Dialect { repository: "acme/other", ..BITBUCKET_DATA_CENTER }.connected(&place.fake);
    assert_eq!(elsewhere.create(&new("landwaiter/a")).await.unwrap_err().kind, ForgeErrorKind::NotFound);
    let error = place.forge.create(&new("landwaiter/a")).await.unwrap_err();
    assert_eq!(error.detail, "Repository \"ACME/config\" has no branch or tag \"refs/heads/landwaiter/a\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_lead_back_or_nowhere_are_given_up() {
    type Router = fn(Arc<Hub>) -> axum::Router;
    let back: Router =
        |_| router((), |(), _| json(200, &json!({"values": [], "isLastPage": false, "nextPageStart": 0})));
    let endless: Router = |_| {
        router((), |(), asked| {
            let next = asked.number("start").unwrap_or(0) + 1;
            json(200, &json!({"values": [], "isLastPage": false, "nextPageStart": next}))
        })
    };
    for (router, kind) in [(back, ForgeErrorKind::Malformed), (endless, ForgeErrorKind::TooLarge)] {
        let place = place(&Dialect { router, ..BITBUCKET_DATA_CENTER }).await;
        assert_eq!(place.forge.open("landwaiter").await.unwrap_err().kind, kind);
    }
}
