//! What GitHub refuses or passes over, and answers that no GitHub would give.

use super::{BRANCH, USUAL, pull, said, scripted, world};
use crate::adapters::{new, push};
use crate::github::{GITHUB, Rules};
use crate::hub::TOKEN;
use landwaiter::forge::GitHub;
use landwaiter::port::*;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[tokio::test]
async fn teams_of_the_owner_may_review_and_whom_github_passes_over_is_told() {
    let world = world(USUAL).await;
    let people = |reviewers: &[&str], assignees: &[&str]| People {
        reviewers: reviewers.iter().map(|name| (*name).to_owned()).collect(),
        assignees: assignees.iter().map(|name| (*name).to_owned()).collect(),
    };
    world.forge.involve(1, &people(&["Acme/platform", "alice"], &[])).await.unwrap();
    let reviewers = world.place.hub.pull(1).unwrap().reviewers;
    assert_eq!(reviewers.into_iter().collect::<Vec<_>>(), ["acme/platform", "alice"]);
    let before = world.forge.requests();
    world.forge.involve(1, &People::default()).await.unwrap();
    assert_eq!(world.forge.requests(), before, "nobody is asked for nobody");
    let error = world.forge.involve(1, &people(&["umbrella/platform"], &[])).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Refused);
    assert!(error.detail.starts_with("umbrella/platform is no team of acme"), "{error}");
    let error = world.forge.involve(1, &people(&[], &["bob", "nobody-there"])).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Refused);
    assert!(error.detail.starts_with("it does not assign nobody-there"), "{error}");
}

#[tokio::test]
async fn drafts_and_labels_of_every_spelling() {
    let world = world(Rules { drafts: false, ..USUAL }).await;
    push(&world.place.bare, "landwaiter/b-000002", "two");
    let draft = NewPullRequest { draft: true, ..new("landwaiter/b-000002") };
    let error = world.forge.create(&draft).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Refused);
    assert!(error.detail.ends_with("drafts are for public repositories and paid plans"), "{error}");
    let odd = ["a/b c%2F?d#e".to_owned(), "ü+".to_owned()];
    world.forge.label(1, &odd, &[]).await.unwrap();
    assert_eq!(world.forge.open("landwaiter").await.unwrap()[0].labels, odd);
    world.forge.label(1, &[], &odd).await.unwrap();
    assert!(world.place.hub.pull(1).unwrap().labels.is_empty());
    let error = world.forge.label(9, &[], &odd).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::NotFound, "no pull request is not no label");
}

#[tokio::test]
async fn answers_that_are_not_github_s_are_not_believed() {
    let list = |change: &dyn Fn(&mut Value)| {
        let mut one = pull(1);
        change(&mut one);
        said(200, &json!([one]).to_string())
    };
    let text = pull(1).to_string();
    for (what, answer, kind) in [
        ("a page for people", said(200, "<html>Sign in</html>"), ForgeErrorKind::Malformed),
        ("half of it", said(200, &format!("[{}", &text[..text.len() / 2])), ForgeErrorKind::Malformed),
        ("another thing", said(200, "{}"), ForgeErrorKind::Malformed),
        ("nothing", said(200, ""), ForgeErrorKind::Malformed),
        ("no number", list(&|one| one["number"] = "1".into()), ForgeErrorKind::Malformed),
        ("no head", list(&|one| one["head"]["sha"] = "main".into()), ForgeErrorKind::Malformed),
        (
            "another repository",
            list(&|one| one["base"]["repo"]["full_name"] = "acme/new".into()),
            ForgeErrorKind::NotFound,
        ),
        ("too much", said(200, &" ".repeat((16 << 20) + 1)), ForgeErrorKind::TooLarge),
        ("unicorns", said(502, "<html>Unicorn!</html>"), ForgeErrorKind::ServerError { status: 502 }),
        ("a teapot", said(600, ""), ForgeErrorKind::Malformed),
    ] {
        let server = scripted(vec![answer]).await;
        let error = server.forge().open("landwaiter").await.unwrap_err();
        assert_eq!(error.kind, kind, "{what}: {error}");
    }
    let full = format!("[]{}", " ".repeat((16 << 20) - 2));
    assert_eq!(
        scripted(vec![said(200, &full)]).await.forge().open("landwaiter").await.unwrap(),
        [],
        "the limit itself"
    );
}

#[tokio::test]
async fn what_comes_from_elsewhere_is_passed_over() {
    let mut gone = pull(2);
    gone["head"]["repo"] = Value::Null;
    let mut fork = pull(3);
    fork["head"]["repo"]["full_name"] = "someone/config".into();
    // What is wrong with a pull request of somebody else is not our concern.
    fork["created_at"] = "yesterday".into();
    let server = scripted(vec![said(200, &json!([gone, fork, pull(1)]).to_string())]).await;
    let open = server.forge().open("landwaiter").await.unwrap();
    assert_eq!(open.iter().map(|pull| pull.number).collect::<Vec<_>>(), [1]);
    assert_eq!(server.forge().past(BRANCH, "other").await.unwrap(), [], "another base");
}

#[tokio::test]
async fn a_renamed_repository_is_read_and_not_written() {
    let moved = |status| (status, vec![("location", "/repositories/1/pulls".to_owned())], "{}".to_owned());
    let server = scripted(vec![moved(301), said(200, "[]")]).await;
    assert_eq!(server.forge().open("landwaiter").await.unwrap(), []);
    let server = scripted(vec![moved(307)]).await;
    let error = server.forge().comment(1, "x").await.unwrap_err();
    assert_eq!((error.kind, server.asked().len()), (ForgeErrorKind::NotFound, 1));
    assert!(error.detail.contains("renamed"), "{error}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer_and_a_change_is_not_repeated() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let count = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&count);
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            *seen.lock().unwrap() += 1;
            drop(stream.read(&mut [0; 4096]).await);
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[{\"number\"").await);
        }
    });
    let mut options = GITHUB.options(&scripted(vec![said(200, "[]")]).await.running, TOKEN);
    options.api = format!("http://{address}").parse().unwrap();
    let forge = GitHub::new(options).unwrap().pausing(Duration::ZERO);
    let error = forge.comment(1, "x").await.unwrap_err();
    assert_eq!((error.kind, *count.lock().unwrap()), (ForgeErrorKind::Unreachable, 1), "{error}");
    let error = forge.open("landwaiter").await.unwrap_err();
    assert_eq!((error.kind, error.retryable(), *count.lock().unwrap()), (ForgeErrorKind::Unreachable, true, 5));
    server.abort();
}
