//! What only GitLab does.

use super::*;
use crate::adapters::{new, place, push};
use landwaiter::port::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_oauth_token_travels_as_bearer() {
    let place = place(&GITLAB).await;
    let login = Login { user: Some("oauth2".to_owned()), secret: Secret::new(TOKEN) };
    assert_eq!(GITLAB.connect_as(&place.fake, login).open("landwaiter").await, Ok(Vec::new()));
    let login = Login { user: Some("oauth2".to_owned()), secret: Secret::new("another-t0ken") };
    let error = GITLAB.connect_as(&place.fake, login).open("landwaiter").await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Unauthorized);
    assert!(!format!("{error} {error:?}").contains("another-t0ken"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_leaves_a_draft_a_draft_until_a_person_says_it_is_ready() {
    let place = place(&GITLAB).await;
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
async fn what_we_quote_gives_no_commands() {
    let place = place(&GITLAB).await;
    push(&place.bare, "landwaiter/a-000001", "one");
    let text = "they say:\n/close\n  /merge\n\\/x\n";
    let made =
        place.forge.create(&NewPullRequest { body: text.to_owned(), ..new("landwaiter/a-000001") }).await.unwrap();
    assert_eq!(made.body, text);
    place.forge.edit(1, "t", text).await.unwrap();
    place.forge.comment(1, text).await.unwrap();
    let open = place.forge.open("landwaiter").await.unwrap();
    assert_eq!(open[0].body, text);
    assert_eq!(place.hub.pull(1).unwrap().comments, ["they say:\n\\/close\n  \\/merge\n\\\\/x\n"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_are_asked_already_stay() {
    let place = place(&GITLAB).await;
    push(&place.bare, "landwaiter/a-000001", "one");
    place.forge.create(&new("landwaiter/a-000001")).await.unwrap();
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let people = People { reviewers: named(&["alice"]), assignees: named(&["alice"]) };
    place.forge.involve(1, &people).await.unwrap();
    let people = People { reviewers: named(&["BOB", "nobody-there", "acme/platform"]), assignees: Vec::new() };
    let error = place.forge.involve(1, &people).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Refused);
    assert_eq!(error.detail, "it has no account named nobody-there, acme/platform");
    let pull = place.hub.pull(1).unwrap();
    assert_eq!(pull.reviewers.iter().collect::<Vec<_>>(), ["alice", "bob"]);
    assert_eq!(pull.assignees.iter().collect::<Vec<_>>(), ["alice"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_with_a_comma_would_be_two() {
    let place = place(&GITLAB).await;
    push(&place.bare, "landwaiter/a-000001", "one");
    place.forge.create(&new("landwaiter/a-000001")).await.unwrap();
    let error = place.forge.label(1, &["a,b".to_owned()], &[]).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Refused);
    assert!(place.hub.pull(1).unwrap().labels.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_merge_is_for_one_head_and_merges_at_once_where_nothing_is_awaited() {
    let mut place = place(&GITLAB).await;
    let old = push(&place.bare, "landwaiter/a-000001", "one");
    place.forge.create(&new("landwaiter/a-000001")).await.unwrap();
    let head = push(&place.bare, "landwaiter/a-000001", "two");
    let error = place.forge.merge_when_ready(1, &CommitId(old), MergeMethod::Squash).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Refused);
    assert!(error.detail.starts_with("SHA does not match HEAD"), "{error:?}");

    let mut hub = Hub::new(&place.bare);
    hub.allows_auto_merge = false;
    place.hub = Arc::new(hub);
    place.fake = GITLAB.start(Arc::clone(&place.hub)).await;
    place.forge = GITLAB.connected(&place.fake);
    place.forge.create(&new("landwaiter/a-000001")).await.unwrap();
    place.forge.merge_when_ready(1, &CommitId(head), MergeMethod::Squash).await.unwrap();
    assert_eq!(place.hub.pull(1).unwrap().state, State::Merged);
    let error = place.forge.keep_from_merging(1).await;
    assert_eq!(error, Ok(()), "there is nothing to take back");
}

/// A GitLab whose lists are made by hand.
async fn listing(forge: fn(Arc<Hub>) -> axum::Router) -> Result<Vec<PullRequest>, ForgeError> {
    place(&Dialect { router: forge, ..GITLAB }).await.forge.open("landwaiter").await
}

fn item(number: u64) -> Value {
    json!({
        "iid": number, "web_url": "https://gitlab.example.com/x", "source_branch": "landwaiter/a-000001",
        "target_branch": "main", "source_project_id": PROJECT, "target_project_id": PROJECT, "sha": "a".repeat(40),
        "state": "opened", "title": "t", "created_at": "2025-10-09T10:53:20.517+02:00",
    })
}

fn changed(number: u64, key: &str, value: Value) -> Value {
    let mut item = item(number);
    item[key] = value;
    item
}

fn is_list(asked: &Asked) -> bool {
    asked.parts().ends_with(&["merge_requests"])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_project_has_is_not_ours() {
    let listed = listing(|_| {
        router((), |(), asked| match is_list(asked) {
            true => json(
                200,
                &json!([
                    changed(1, "source_project_id", json!(FORK)),
                    changed(2, "source_project_id", Value::Null),
                    changed(3, "target_project_id", json!(FORK)),
                    changed(4, "sha", Value::Null),
                    changed(5, "state", json!("closed")),
                    item(4),
                ]),
            ),
            false => json(200, &json!({"id": PROJECT})),
        })
    });
    let listed = listed.await.unwrap();
    assert_eq!(listed.iter().map(|pull| pull.number).collect::<Vec<_>>(), [4]);
    assert_eq!((listed[0].created, listed[0].auto_merge), (1_760_000_000, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_cannot_be_right_are_named() {
    let error = listing(|_| {
        router((), |(), asked| match is_list(asked) {
            true => json(200, &json!([changed(7, "sha", json!("../../etc"))])),
            false => json(200, &json!({"id": PROJECT})),
        })
    });
    let error = error.await.unwrap_err();
    assert_eq!((error.kind, error.detail.as_str()), (ForgeErrorKind::Malformed, "merge request 7 has no usable sha"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_without_end_is_given_up() {
    let error = listing(|_| {
        router((), |(), asked| match is_list(asked) {
            true => with(json(200, &json!([item(1)])), HeaderName::from_static("x-next-page"), "2"),
            false => json(200, &json!({"id": PROJECT})),
        })
    });
    let error = error.await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::TooLarge);
    assert_eq!(error.detail, "more than 2000 merge requests in one list");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_merge_is_forbidden_it_and_not_unknown() {
    let dialect = Dialect {
        router: |_| {
            router((), |(), asked| match asked.method == Method::PUT {
                true => said(401, "401 Unauthorized"),
                false => json(200, &item(1)),
            })
        },
        ..GITLAB
    };
    let place = place(&dialect).await;
    let error = place.forge.merge_when_ready(1, &CommitId("a".repeat(40)), MergeMethod::Merge).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Forbidden);
}
