//! What only Azure DevOps does.

use super::*;
use crate::adapters::{new, place, push};
use landwaiter::port::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_to_sign_in_means_that_the_token_is_not_known() {
    type Router = fn(Arc<Hub>) -> axum::Router;
    let page: Router = |_| router((), |(), _| respond(203, "text/html", "<html>Sign In</html>"));
    let moved: Router = |_| router((), |(), _| respond(302, "text/html", "<html>Object moved</html>"));
    for router in [page, moved] {
        let place = place(&Dialect { router, ..AZURE_DEVOPS }).await;
        assert_eq!(place.forge.open("landwaiter").await.unwrap_err().kind, ForgeErrorKind::Unauthorized);
        assert_eq!(place.forge.comment(1, "x").await.unwrap_err().kind, ForgeErrorKind::Unauthorized);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_description_that_lists_cut_is_read_whole() {
    let place = place(&AZURE_DEVOPS).await;
    push(&place.bare, "landwaiter/a-000001", "one");
    let body = "ü".repeat(1_000);
    place.forge.create(&NewPullRequest { body: body.clone(), ..new("landwaiter/a-000001") }).await.unwrap();
    assert_eq!(place.forge.open("landwaiter").await.unwrap()[0].body, body);
    place.forge.close(1).await.unwrap();
    assert_eq!(place.forge.past("landwaiter/a-000001", "main").await.unwrap()[0].body, body);
    push(&place.bare, "landwaiter/b-000002", "two");
    let (fits, exceeds) = ("x".repeat(place.forge.abilities().body), "x".repeat(place.forge.abilities().body + 1));
    let error = place.forge.create(&NewPullRequest { body: exceeds, ..new("landwaiter/b-000002") }).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Refused);
    place.forge.create(&NewPullRequest { body: fits, ..new("landwaiter/b-000002") }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn reviewers_are_members_teams_and_numbers() {
    let place = place(&AZURE_DEVOPS).await;
    push(&place.bare, "landwaiter/a-000001", "one");
    place.forge.create(&new("landwaiter/a-000001")).await.unwrap();
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let bob = guid("bob");
    let reviewers = named(&["ALICE@example.com", "acme/Platform", &bob, "other/platform", "nobody-there"]);
    let error = place.forge.involve(1, &People { reviewers, assignees: Vec::new() }).await.unwrap_err();
    assert_eq!(error.detail, "no one member of the project's teams is called other/platform, nobody-there");
    assert_eq!(place.hub.pull(1).unwrap().reviewers.len(), 3);
    let people = People { reviewers: Vec::new(), assignees: named(&["alice"]) };
    assert_eq!(place.forge.involve(1, &people).await.unwrap_err().kind, ForgeErrorKind::Unsupported);
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_complete_is_for_the_head_that_was_meant_and_completes_at_once_where_nothing_is_awaited() {
    let mut place = place(&AZURE_DEVOPS).await;
    let old = push(&place.bare, "landwaiter/a-000001", "one");
    place.forge.create(&new("landwaiter/a-000001")).await.unwrap();
    let head = push(&place.bare, "landwaiter/a-000001", "two");
    let error = place.forge.merge_when_ready(1, &CommitId(old), MergeMethod::Squash).await.unwrap_err();
    assert_eq!((error.kind, error.detail), (ForgeErrorKind::Refused, format!("its head is {head}")));

    let mut hub = Hub::new(&place.bare);
    hub.allows_auto_merge = false;
    place.hub = Arc::new(hub);
    place.fake = AZURE_DEVOPS.start(Arc::clone(&place.hub)).await;
    place.forge = AZURE_DEVOPS.connected(&place.fake);
    place.forge.create(&new("landwaiter/a-000001")).await.unwrap();
    place.forge.merge_when_ready(1, &CommitId(head), MergeMethod::Rebase).await.unwrap();
    assert_eq!(place.hub.pull(1).unwrap().state, State::Merged);
    assert_eq!(place.forge.keep_from_merging(1).await, Ok(()), "there is nothing to take back");
    assert_eq!(place.forge.close(1).await, Ok(()), "nor to close");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_without_end_is_given_up_and_another_repository_s_items_are_not_ours() {
    let endless = Dialect {
        router: |_| {
            router((), |(), _| {
                let mut pull = json!({
                    "repository": {"id": "3411ebc1-d5aa-464f-9615-0b527bc66719", "name": "other"}, "pullRequestId": 1,
                    "status": "active", "title": "t", "sourceRefName": "refs/heads/landwaiter/a",
                    "targetRefName": "refs/heads/main", "creationDate": "2025-10-09T08:53:20Z",
                });
                pull["description"] = "x".into();
                json(200, &json!({"count": 100, "value": vec![pull; 100]}))
            })
        },
        ..AZURE_DEVOPS
    };
    let place = place(&endless).await;
    let error = place.forge.open("landwaiter").await.unwrap_err();
    assert_eq!((error.kind, error.detail.as_str()), (ForgeErrorKind::TooLarge, "more than 2000 items in one list"));
    assert_eq!(place.forge.requests().values().sum::<u64>(), 20, "what is another repository's is not read");
}
