//! What only the GraphQL interface does: merging by GitHub itself, and commits that GitHub makes.

use super::{BRANCH, USUAL, said, scripted, world};
use crate::adapters::{new, place_where, push};
use crate::github::{GITHUB, Rules};
use crate::hub::State;
use landwaiter::port::*;
use serde_json::json;
use std::sync::Arc;

#[tokio::test]
async fn where_there_is_nothing_to_wait_for_it_is_merged_at_once() {
    let world = world(Rules { status: "clean", ..USUAL }).await;
    let other = CommitId("0".repeat(40));
    let error = world.forge.merge_when_ready(1, &other, MergeMethod::Squash).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Refused, "another head: {error}");
    assert_eq!(world.place.hub.pull(1).unwrap().state, State::Open);
    world.forge.merge_when_ready(1, &world.head, MergeMethod::Squash).await.unwrap();
    assert_eq!(world.place.hub.pull(1).unwrap().state, State::Merged);
    let error = world.forge.merge_when_ready(1, &world.head, MergeMethod::Squash).await.unwrap_err();
    assert_eq!((error.kind, error.detail.as_str()), (ForgeErrorKind::Refused, "it is not open"));
    world.forge.keep_from_merging(1).await.unwrap();
}

#[tokio::test]
async fn where_it_will_not_wait_it_says_which_setting_is_missing() {
    let world = world(Rules { status: "unstable", ..USUAL }).await;
    let error = world.forge.merge_when_ready(1, &world.head, MergeMethod::Merge).await.unwrap_err();
    assert!(
        error.detail.ends_with("no rule of the base demands its checks, so GitHub would not wait for them"),
        "{error}"
    );
    assert_eq!(world.place.hub.pull(1).unwrap().state, State::Open);

    let place = place_where(&GITHUB, |hub| hub.allows_auto_merge = false).await;
    let head = CommitId(push(&place.bare, BRANCH, "one"));
    place.forge.create(&new(BRANCH)).await.unwrap();
    let error = place.forge.merge_when_ready(1, &head, MergeMethod::Merge).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Refused);
    assert!(error.detail.contains("\"Allow auto-merge\" in the repository's settings"), "{error}");
}

#[tokio::test]
async fn another_method_takes_the_place_of_the_one_that_was_asked_for() {
    let world = world(USUAL).await;
    world.forge.merge_when_ready(1, &world.head, MergeMethod::Squash).await.unwrap();
    world.forge.merge_when_ready(1, &world.head, MergeMethod::Rebase).await.unwrap();
    assert_eq!(world.place.hub.pull(1).unwrap().auto_merge.as_deref(), Some("rebase"));
    let error = world.forge.merge_when_ready(9, &world.head, MergeMethod::Rebase).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::NotFound);
}

#[tokio::test]
async fn github_makes_a_commit_where_the_branch_is_as_expected() {
    let world = world(USUAL).await;
    let file = |path: &str, text: &[u8]| NewFile { path: path.into(), old: Arc::from([]), new: text.into() };
    let commit = |parent: &CommitId, files| ApiCommit {
        branch: BRANCH.to_owned(),
        parent: parent.clone(),
        commit: NewCommit { files, message: "update web\n\n- 1.4.1 -> 1.4.2\n".to_owned() },
    };
    let odd = b"a: \xc3\xbc\r\n\0no end";
    let files = vec![file("apps/web.yaml", odd), file("b.yaml", b"")];
    let made = world.forge.commit(&commit(&world.head, files.clone())).await.unwrap();
    let git = |arguments: &[&str]| crate::repos::run_git(&world.place.bare, arguments);
    assert_eq!(git(&["rev-parse", BRANCH]), made.0);
    assert_eq!(git(&["rev-parse", &format!("{BRANCH}^")]), world.head.0);
    assert_eq!(git(&["log", "-1", "--format=%B", BRANCH]).trim_end(), "update web\n\n- 1.4.1 -> 1.4.2");
    assert_eq!(git(&["cat-file", "-s", &format!("{BRANCH}:apps/web.yaml")]), odd.len().to_string());
    assert_eq!(git(&["cat-file", "-s", &format!("{BRANCH}:b.yaml")]), "0");

    let error = world.forge.commit(&commit(&world.head, files)).await.unwrap_err();
    assert_eq!((error.kind, error.retryable()), (ForgeErrorKind::Moved, true), "{error}");
    let lost = ApiCommit { branch: "landwaiter/none".to_owned(), ..commit(&made, Vec::new()) };
    assert_eq!(world.forge.commit(&lost).await.unwrap_err().kind, ForgeErrorKind::NotFound);
    let before = world.forge.requests();
    let sized = |size| commit(&made, vec![file("a", &vec![0; size])]);
    assert_eq!(world.forge.commit(&sized((16 << 20) + 1)).await.unwrap_err().kind, ForgeErrorKind::TooLarge);
    assert_eq!(world.forge.requests(), before);
    let answer =
        |id: &str| said(200, &json!({ "data": { "createCommitOnBranch": { "commit": { "oid": id } } } }).to_string());
    let server = scripted(vec![answer(&made.0), answer("main")]).await;
    assert_eq!(server.forge().commit(&sized(16 << 20)).await.unwrap(), made, "the limit itself");
    assert_eq!(server.forge().commit(&sized(0)).await.unwrap_err().kind, ForgeErrorKind::Malformed);
}
