//! How much and how fast GitHub is asked.

use super::{Answer, USUAL, pull, scripted, world};
use landwaiter::forge::GitHub;
use landwaiter::port::*;
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test]
async fn limits_of_requests_are_told_with_their_time_and_kept() {
    let left = |seconds| ForgeErrorKind::RateLimited { retry_after: Some(Duration::from_secs(seconds)) };
    let secondary = r#"{"message":"You have exceeded a secondary rate limit."}"#;
    let header = |name: &'static str, value: &str| (name, value.to_owned());
    let date = header("date", "Thu, 09 Oct 2025 08:53:20 GMT");
    for (status, headers, body, kind) in [
        (403, vec![header("retry-after", "30")], secondary, left(30)),
        (429, vec![header("retry-after", "300")], secondary, left(300)),
        (403, vec![], secondary, left(60)),
        (
            403,
            vec![header("x-ratelimit-remaining", "0"), header("x-ratelimit-reset", "1760000900"), date],
            r#"{"message":"API rate limit exceeded for installation ID 1."}"#,
            left(900),
        ),
    ] {
        let server = scripted(vec![(status, headers, body.to_owned())]).await;
        let forge = server.forge();
        let error = forge.comment(1, "a").await.unwrap_err();
        assert_eq!((error.kind, error.retryable()), (kind, true), "{error}");
        let error = forge.open("landwaiter").await.unwrap_err();
        assert!(matches!(error.kind, ForgeErrorKind::RateLimited { retry_after: Some(_) }), "{error:?}");
        assert_eq!(server.asked().len(), 1, "nothing is sent while it wants to be left alone: {status} {body}");
    }
}

#[tokio::test]
async fn changes_are_so_far_apart_and_one_at_a_time() {
    let world = world(USUAL).await;
    let forge = GitHub::new(world.options.clone()).unwrap().pausing(Duration::from_millis(200));
    let began = Instant::now();
    let (one, two, three) = tokio::join!(forge.comment(1, "a"), forge.comment(1, "b"), forge.comment(1, "c"));
    one.and(two).and(three).unwrap();
    assert!(began.elapsed() >= Duration::from_millis(400), "{:?}", began.elapsed());
    assert_eq!(world.place.hub.pull(1).unwrap().comments.len(), 3);
    let slow = GitHub::new(world.options.clone()).unwrap().pausing(Duration::from_secs(3_600));
    slow.comment(1, "d").await.unwrap();
    tokio::time::timeout(Duration::from_secs(60), slow.open("landwaiter"))
        .await
        .expect("reading does not wait")
        .unwrap();
}

#[tokio::test]
async fn a_list_without_end_is_given_up() {
    let next = ("link", "<http://127.0.0.1/x?page=2>; rel=\"next\", <http://127.0.0.1/x>; rel=\"last\"".to_owned());
    let page = |number| (200, vec![next.clone()], json!([pull(number)]).to_string());
    let server = scripted(vec![page(1)]).await;
    let error = server.forge().open("landwaiter").await.unwrap_err();
    assert_eq!((error.kind, server.asked().len()), (ForgeErrorKind::TooLarge, 20), "{error}");

    let mut pages: Vec<Answer> = (1..20).map(page).collect();
    pages.push((200, Vec::new(), json!([pull(20)]).to_string()));
    let server = scripted(pages).await;
    assert_eq!(server.forge().open("landwaiter").await.unwrap().len(), 20, "twenty pages are read");
    assert!(server.asked()[19].contains("page=20"), "{:?}", server.asked());
}
