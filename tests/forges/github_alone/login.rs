//! Who we are: an App, its installation and its tokens; a token; nobody.

use super::{USUAL, pull, said, scripted, world};
use crate::github::app::{INSTALLATION, KEY, LIFE};
use crate::hub::TOKEN;
use landwaiter::forge::{GitHub, GitHubApp};
use landwaiter::port::*;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn an_app_has_one_token_for_as_long_as_it_is_good() {
    let world = world(USUAL).await;
    world.apps.revoke_all();
    let forge = world.app(None);
    let granted = "POST /app/installations/1042/access_tokens";
    let looked_up = "GET /repos/acme/config/installation";
    let all = futures::future::join_all((0..10).map(|_| forge.open("landwaiter"))).await;
    assert!(all.iter().all(|open| open.as_ref().unwrap().len() == 1), "{all:?}");
    assert_eq!(world.apps.asked(), [looked_up, granted], "ten that ask at once fetch one token");

    let first = forge.git_login().await.unwrap().unwrap();
    assert_eq!(first.user.as_deref(), Some("x-access-token"));
    assert!(first.secret.expose().starts_with("ghs_"));
    world.apps.pass(LIFE - 301);
    assert_eq!(forge.git_login().await.unwrap().unwrap().secret, first.secret);
    world.apps.pass(1);
    let second = forge.git_login().await.unwrap().unwrap();
    assert_ne!(second.secret, first.secret, "renewed five minutes before its end");

    world.apps.revoke_all();
    forge.comment(1, "a word").await.unwrap();
    assert_eq!(world.place.hub.pull(1).unwrap().comments, ["a word"], "a token that is refused is renewed, once");
    assert!(!format!("{forge:?}").contains("ghs_"));
}

#[tokio::test]
async fn an_app_knows_its_installation_or_says_what_is_wrong() {
    let world = world(USUAL).await;
    world.apps.revoke_all();
    assert_eq!(world.app(Some(INSTALLATION)).open("landwaiter").await.unwrap().len(), 1);
    assert_eq!(world.apps.asked().len(), 1, "the installation that is given is not looked up");
    let error = world.app(Some(7)).open("landwaiter").await.unwrap_err();
    assert_eq!((error.kind, error.retryable()), (ForgeErrorKind::NotFound, false));

    world.apps.installed.store(false, std::sync::atomic::Ordering::Relaxed);
    let error = world.app(None).open("landwaiter").await.unwrap_err();
    assert!(error.detail.contains("the App is not installed for acme/config"), "{error}");

    let stranger = GitHubApp { id: "1".to_owned(), installation: None, key: Secret::new(KEY) };
    let forge = GitHub::with_app(world.options.clone(), stranger, Arc::clone(&world.apps) as Arc<dyn Clock>).unwrap();
    let error = forge.open("landwaiter").await.unwrap_err();
    assert_eq!((error.kind, error.detail.as_str()), (ForgeErrorKind::Unauthorized, "Integration not found"));
}

#[tokio::test]
async fn nobody_is_told_apart_from_somebody_else() {
    let world = world(USUAL).await;
    let options = landwaiter::forge::Options { login: None, ..world.options.clone() };
    let nobody = GitHub::new(options).unwrap().pausing(Duration::ZERO);
    assert_eq!(nobody.git_login().await.unwrap(), None);
    let error = nobody.open("landwaiter").await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::NotFound, "GitHub does not say that there is such a repository");
    assert!(error.detail.ends_with("this needs the permission \"pull requests: read\""), "{error}");
    let error = nobody.comment(1, "x").await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Unauthorized, "{error}");
    let token = world.forge.git_login().await.unwrap().unwrap();
    assert_eq!((token.user.as_deref(), token.secret.expose()), (Some("x-access-token"), TOKEN));
}

#[tokio::test]
async fn a_token_that_comes_back_is_not_shown() {
    let echo = r#"{"message":"TOKEN is no good","errors":[{"message":"t0ken-of-the-forge"}]}"#;
    for status in [401, 403, 404, 422, 500] {
        let server = scripted(vec![said(status, echo)]).await;
        let forge = server.forge();
        for error in [forge.open("landwaiter").await.unwrap_err(), forge.comment(1, "x").await.unwrap_err()] {
            let shown = format!("{error} {error:?} {forge:?} {:?}", forge.requests());
            assert!(!shown.contains(TOKEN), "{shown}");
        }
        assert!(server.asked().iter().all(|line| !line.contains(TOKEN)), "no token in an address");
    }
    let beside = r#"{"data":null,"errors":[{"type":"FORBIDDEN","message":"TOKEN"}]}"#;
    let server = scripted(vec![said(200, &pull(1).to_string()), said(200, beside)]).await;
    let head = CommitId("0123456789012345678901234567890123456789".to_owned());
    let error = server.forge().merge_when_ready(1, &head, MergeMethod::Merge).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Forbidden);
    assert!(!error.to_string().contains(TOKEN), "{error}");
    // The reader of JSON quotes what it did not expect.
    let error = scripted(vec![said(200, r#""TOKEN""#)]).await.forge().open("landwaiter").await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Malformed);
    assert!(error.detail.contains("•••"), "{error}");
    let mut named = pull(1);
    named["base"]["repo"]["full_name"] = format!("acme/{TOKEN}").into();
    let error = scripted(vec![said(200, &json!([named]).to_string())]).await.forge().open("x").await.unwrap_err();
    assert!(error.detail.contains("acme/•••"), "{error}");
}

#[tokio::test]
async fn names_are_those_that_people_know() {
    let world = world(USUAL).await;
    let at = |api: &str| {
        let options = landwaiter::forge::Options { api: api.parse().unwrap(), ..world.options.clone() };
        GitHub::new(options).unwrap().name().to_owned()
    };
    assert_eq!(at("https://api.github.com"), "github.com/acme/config");
    assert_eq!(at("https://git.example.com/api/v3"), "git.example.com/acme/config");
    let options = landwaiter::forge::Options { repository: "config".to_owned(), ..world.options.clone() };
    assert_eq!(GitHub::new(options).unwrap_err().kind, ForgeErrorKind::NotFound);
}
