//! What only Bitbucket Cloud does.

use super::*;
use crate::adapters::{new, place, push};
use landwaiter::port::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_account_shows_its_name_too() {
    let place = place(&BITBUCKET_CLOUD).await;
    let login = |secret| Login { user: Some("me@example.com".to_owned()), secret: Secret::new(secret) };
    assert_eq!(BITBUCKET_CLOUD.connect_as(&place.fake, login(TOKEN)).open("landwaiter").await, Ok(Vec::new()));
    let error = BITBUCKET_CLOUD.connect_as(&place.fake, login("another-t0ken")).open("landwaiter").await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Unauthorized);
    assert!(!format!("{error} {error:?}").contains("another-t0ken"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_commit_ids_are_looked_up_together_and_once() {
    let place = place(&BITBUCKET_CLOUD).await;
    for number in 0..5 {
        let branch = format!("landwaiter/n-{number:06}");
        push(&place.bare, &branch, &branch);
        place.hub.create(&branch, "main", &branch, "", false).unwrap();
    }
    let sent = || place.forge.requests().values().sum::<u64>();
    let open = place.forge.open("landwaiter").await.unwrap();
    assert!(open.iter().all(|pull| pull.head.0.len() == 40), "{open:?}");
    assert_eq!(sent(), 2, "a list of pull requests and one of branches");
    place.hub.person_closes(5);
    crate::repos::run_git(&place.bare, &["update-ref", "-d", "refs/heads/landwaiter/n-000004"]);
    let past = place.forge.past("landwaiter/n-000004", "main").await.unwrap();
    assert_eq!((sent(), &past[0].head), (3, &open[4].head), "it is remembered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_takes_nobody_off_and_leaves_a_draft_a_draft() {
    let place = place(&BITBUCKET_CLOUD).await;
    push(&place.bare, "landwaiter/a-000001", "one");
    place.forge.create(&NewPullRequest { draft: true, ..new("landwaiter/a-000001") }).await.unwrap();
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let reviewers = named(&["alice", "557058:bob", "{acme/platform}", "nobody-there"]);
    let error = place.forge.involve(1, &People { reviewers, assignees: Vec::new() }).await.unwrap_err();
    assert_eq!(error.detail, "no one member of the workspace is called nobody-there");
    place.forge.edit(1, "t", "b").await.unwrap();
    let people = People { reviewers: named(&["alice"]), assignees: named(&["alice"]) };
    assert_eq!(place.forge.involve(1, &people).await.unwrap_err().kind, ForgeErrorKind::Unsupported);
    let pull = place.hub.pull(1).unwrap();
    assert_eq!(pull.reviewers.len(), 3, "{pull:?}");
    assert!(pull.draft && pull.title == "t", "{pull:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_page_is_on_the_same_server() {
    let astray = Dialect {
        router: |_| {
            router((), |(), _| json(200, &json!({"values": [], "next": "https://evil.example.com/2.0/repositories"})))
        },
        ..BITBUCKET_CLOUD
    };
    let place = place(&astray).await;
    let error = place.forge.open("landwaiter").await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Malformed);
    assert_eq!(place.forge.requests().len(), 1, "nobody else was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_without_end_is_given_up() {
    let endless = Dialect {
        router: |_| {
            router((), |(), asked| {
                let next = format!("{}/2.0/repositories/acme/config/pullrequests", asked.server);
                json(200, &json!({"values": [], "next": next}))
            })
        },
        ..BITBUCKET_CLOUD
    };
    let place = place(&endless).await;
    assert_eq!(place.forge.open("landwaiter").await.unwrap_err().kind, ForgeErrorKind::TooLarge);
    assert_eq!(place.forge.requests().values().sum::<u64>(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_the_field() {
    let place = place(&BITBUCKET_CLOUD).await;
    let error = place.forge.create(&new("landwaiter/a")).await.unwrap_err();
    assert_eq!(error.detail, "Bad request; source: branch not found: landwaiter/a");
}
