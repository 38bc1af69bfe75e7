//! The conversation that every adapter has with its forge.

use crate::DIALECTS;
use crate::dialect::{Dialect, Running};
use crate::hub::{BEGINNING, Hub, State};
use crate::repos::run_git;
use landwaiter::port::*;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A bare repository with `main`, and a hub in front of it.
pub(crate) struct Place {
    _folder: tempfile::TempDir,
    pub(crate) bare: PathBuf,
    pub(crate) hub: Arc<Hub>,
    pub(crate) fake: Running,
    pub(crate) forge: Arc<dyn Forge>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let faults = self.hub.faults();
        assert!(faults.is_empty() || std::thread::panicking(), "not as the forge describes it:\n{}", faults.join("\n"));
    }
}

pub(crate) async fn place(dialect: &Dialect) -> Place {
    place_where(dialect, |_| {}).await
}

/// One whose hub has other rules.
pub(crate) async fn place_where(dialect: &Dialect, rules: impl FnOnce(&mut Hub)) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let bare = folder.path().join("config.git");
    run_git(folder.path(), &["init", "-q", "--bare", "-b", "main", "config.git"]);
    let tree = run_git(&bare, &["hash-object", "-w", "-t", "tree", "/dev/null"]);
    let first = run_git(&bare, &["commit-tree", &tree, "-m", "first"]);
    run_git(&bare, &["update-ref", "refs/heads/main", &first]);
    let mut hub = Hub::new(&bare);
    rules(&mut hub);
    let hub = Arc::new(hub);
    let fake = dialect.start(Arc::clone(&hub)).await;
    let forge = dialect.connected(&fake);
    Place { _folder: folder, bare, hub, fake, forge }
}

/// A commit on top of main at the head of a branch.
pub(crate) fn push(bare: &Path, branch: &str, message: &str) -> String {
    let tree = run_git(bare, &["rev-parse", "main^{tree}"]);
    let commit = run_git(bare, &["commit-tree", &tree, "-p", "main", "-m", message]);
    run_git(bare, &["update-ref", &format!("refs/heads/{branch}"), &commit]);
    commit
}

pub(crate) fn new(branch: &str) -> NewPullRequest {
    NewPullRequest {
        branch: branch.to_owned(),
        base: "main".to_owned(),
        title: "Update web to 1.4.2".to_owned(),
        body: "what changed\n\n<!-- landwaiter {\"a\": \"b\"} -->\n".to_owned(),
        draft: false,
    }
}

/// Has the conversation with every forge.
pub(crate) fn with_each<F: Future<Output = ()>>(conversation: impl Fn(&'static Dialect) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for dialect in DIALECTS {
        runtime.block_on(conversation(dialect));
    }
}

#[test]
fn a_pull_request_is_opened_read_edited_and_closed() {
    with_each(|dialect| async move {
        let place = place(dialect).await;
        let head = push(&place.bare, "landwaiter/web-123456", "one");
        let made = place.forge.create(&new("landwaiter/web-123456")).await.unwrap();
        assert_eq!((made.number, made.state, made.head.0.as_str()), (1, PullState::Open, head.as_str()), "{dialect:?}");
        assert!(made.url.starts_with("http") && made.created > BEGINNING, "{dialect:?} {made:?}");
        let listed = place.forge.open("landwaiter").await.unwrap();
        assert_eq!(listed, std::slice::from_ref(&made), "{dialect:?}: what is listed is what was made");
        assert_eq!((made.branch.as_str(), made.base.as_str()), ("landwaiter/web-123456", "main"));
        assert_eq!((&made.title, &made.body), (&new("").title, &new("").body), "{dialect:?}");

        place.forge.edit(1, "Update web to 1.4.3", "other").await.unwrap();
        let pull = place.hub.pull(1).unwrap();
        assert_eq!((pull.title.as_str(), pull.body.as_str()), ("Update web to 1.4.3", "other"), "{dialect:?}");
        let moved = push(&place.bare, "landwaiter/web-123456", "two");
        assert_eq!(place.forge.open("landwaiter").await.unwrap()[0].head.0, moved, "{dialect:?}: a push is noticed");

        place.forge.close(1).await.unwrap();
        assert_eq!(place.hub.pull(1).unwrap().state, State::Closed, "{dialect:?}");
        place.forge.close(1).await.unwrap();
        assert_eq!(place.forge.open("landwaiter").await.unwrap(), [], "{dialect:?}");
        let past = place.forge.past("landwaiter/web-123456", "main").await.unwrap();
        assert_eq!(past.len(), 1, "{dialect:?}");
        assert_eq!((past[0].state, past[0].body.as_str()), (PullState::Closed, "other"), "{dialect:?}");
        assert!(past[0].ended.is_some(), "{dialect:?}");
    });
}

#[test]
fn what_was_opened_already_is_found_and_not_opened_twice() {
    with_each(|dialect| async move {
        let place = place(dialect).await;
        push(&place.bare, "landwaiter/web-123456", "one");
        let first = place.forge.create(&new("landwaiter/web-123456")).await.unwrap();
        let again = place.forge.create(&new("landwaiter/web-123456")).await.unwrap();
        assert_eq!(first.number, again.number, "{dialect:?}");
        assert_eq!(place.hub.pulls().len(), 1, "{dialect:?}");
    });
}

#[test]
fn only_branches_of_this_repository_with_our_prefix_are_ours() {
    with_each(|dialect| async move {
        let place = place(dialect).await;
        for branch in ["landwaiter/a-000001", "landwaiters/b-000002", "feature"] {
            push(&place.bare, branch, branch);
            place.hub.create(branch, "main", branch, "", false).unwrap();
        }
        place.hub.person_opens_from_fork("landwaiter/a-000001", "main", "");
        place.hub.person_opens_from_fork("landwaiter/c-000003", "main", "");
        let open = place.forge.open("landwaiter").await.unwrap();
        assert_eq!(open.iter().map(|pull| pull.number).collect::<Vec<_>>(), [1], "{dialect:?}");
        place.hub.person_closes(1);
        place.hub.person_closes(4);
        let past = place.forge.past("landwaiter/a-000001", "main").await.unwrap();
        assert_eq!(past.iter().map(|pull| pull.number).collect::<Vec<_>>(), [1], "{dialect:?}: a fork's is not ours");
    });
}

#[test]
fn merged_and_closed_are_told_apart_and_the_newest_comes_first() {
    with_each(|dialect| async move {
        let place = place(dialect).await;
        for (message, merged) in [("one", true), ("two", false), ("three", true)] {
            push(&place.bare, "landwaiter/a-000001", message);
            let pull = place.hub.create("landwaiter/a-000001", "main", message, "", false).unwrap();
            match merged {
                true => drop(place.hub.person_merges(pull.number, false)),
                false => place.hub.person_closes(pull.number),
            }
        }
        push(&place.bare, "landwaiter/a-000001", "four");
        place.hub.create("landwaiter/a-000001", "main", "open", "", false).unwrap();
        let past = place.forge.past("landwaiter/a-000001", "main").await.unwrap();
        let seen: Vec<_> = past.iter().map(|pull| (pull.number, pull.state)).collect();
        let expected = [(3, PullState::Merged), (2, PullState::Closed), (1, PullState::Merged)];
        assert_eq!(seen, expected, "{dialect:?}");
    });
}

#[test]
fn more_pull_requests_than_fit_a_page_are_all_read() {
    with_each(|dialect| async move {
        let place = place(dialect).await;
        for number in 0..130 {
            let branch = format!("landwaiter/n-{number:06}");
            push(&place.bare, &branch, &branch);
            place.hub.create(&branch, "main", &branch, "", false).unwrap();
        }
        let open = place.forge.open("landwaiter").await.unwrap();
        let numbers: Vec<u64> = open.iter().map(|pull| pull.number).collect();
        assert_eq!(numbers, (1..=130).collect::<Vec<_>>(), "{dialect:?}");
    });
}

#[test]
fn people_labels_comments_and_drafts_reach_it_as_far_as_the_forge_has_them() {
    with_each(|dialect| async move {
        let place = place(dialect).await;
        let can = place.forge.abilities();
        push(&place.bare, "landwaiter/a-000001", "one");
        let draft = NewPullRequest { draft: true, ..new("landwaiter/a-000001") };
        place.forge.create(&draft).await.unwrap();
        assert_eq!(place.hub.pull(1).unwrap().draft, can.drafts, "{dialect:?}");
        assert_eq!(place.forge.open("landwaiter").await.unwrap()[0].title, draft.title, "{dialect:?}");

        place.forge.comment(1, "a word").await.unwrap();
        assert_eq!(place.hub.pull(1).unwrap().comments, ["a word"], "{dialect:?}");

        let labels = ["images".to_owned(), "bot: yes".to_owned()];
        let labelled = place.forge.label(1, &labels, &[]).await;
        assert_eq!(labelled.is_ok(), can.labels, "{dialect:?} {labelled:?}");
        if can.labels {
            let open = place.forge.open("landwaiter").await.unwrap();
            assert_eq!(open[0].labels, ["bot: yes", "images"], "{dialect:?}");
            place.forge.label(1, &[], &["images".to_owned(), "never there".to_owned()]).await.unwrap();
            assert_eq!(place.forge.open("landwaiter").await.unwrap()[0].labels, ["bot: yes"], "{dialect:?}");
        }

        let assignees = if can.assignees { vec!["bob".to_owned()] } else { Vec::new() };
        let people = People { reviewers: vec!["alice".to_owned()], assignees };
        place.forge.involve(1, &people).await.unwrap();
        let pull = place.hub.pull(1).unwrap();
        assert!(pull.reviewers.contains("alice"), "{dialect:?} {pull:?}");
        assert_eq!(pull.assignees.contains("bob"), can.assignees, "{dialect:?}");
        let nobody = People { reviewers: vec!["nobody-there".to_owned()], assignees: Vec::new() };
        let error = place.forge.involve(1, &nobody).await.unwrap_err();
        assert!(!error.retryable(), "{dialect:?} {error:?}");
    });
}

#[test]
fn the_forge_is_asked_to_merge_and_asked_not_to() {
    with_each(|dialect| async move {
        let place = place(dialect).await;
        let head = push(&place.bare, "landwaiter/a-000001", "one");
        place.forge.create(&new("landwaiter/a-000001")).await.unwrap();
        let asked = place.forge.merge_when_ready(1, &CommitId(head), MergeMethod::Squash).await;
        if !place.forge.abilities().auto_merge {
            assert_eq!(asked.unwrap_err().kind, ForgeErrorKind::Unsupported, "{dialect:?}");
            return;
        }
        asked.unwrap();
        assert!(place.hub.pull(1).unwrap().auto_merge.is_some(), "{dialect:?}");
        assert_ne!(place.forge.open("landwaiter").await.unwrap()[0].auto_merge, Some(false), "{dialect:?}");
        place.forge.merge_when_ready(1, &CommitId(place.hub.pull(1).unwrap().head), MergeMethod::Squash).await.unwrap();
        place.forge.keep_from_merging(1).await.unwrap();
        assert_eq!(place.hub.pull(1).unwrap().auto_merge, None, "{dialect:?}");
        assert_ne!(place.forge.open("landwaiter").await.unwrap()[0].auto_merge, Some(true), "{dialect:?}");
        place.forge.keep_from_merging(1).await.unwrap();
    });
}

#[test]
fn refusals_say_what_they_are() {
    with_each(|dialect| async move {
        let place = place(dialect).await;
        let error = place.forge.create(&new("landwaiter/not-there")).await.unwrap_err();
        assert_eq!((error.kind, error.retryable()), (ForgeErrorKind::Refused, false), "{dialect:?} {error:?}");
        let error = place.forge.edit(99, "t", "b").await.unwrap_err();
        assert_eq!(error.kind, ForgeErrorKind::NotFound, "{dialect:?} {error:?}");
        let stranger = dialect.connect(&place.fake, "another-t0ken");
        let error = stranger.open("landwaiter").await.unwrap_err();
        assert_eq!(error.kind, ForgeErrorKind::Unauthorized, "{dialect:?} {error:?}");
        assert!(!format!("{error} {error:?} {stranger:?}", stranger = stranger.name()).contains("another-t0ken"));
    });
}

#[test]
fn what_people_do_to_it_is_seen() {
    with_each(|dialect| async move {
        let place = place(dialect).await;
        push(&place.bare, "landwaiter/a-000001", "one");
        place.forge.create(&new("landwaiter/a-000001")).await.unwrap();
        place.hub.person_closes(1);
        assert_eq!(place.forge.open("landwaiter").await.unwrap(), [], "{dialect:?}");
        place.hub.person_reopens(1);
        let open = place.forge.open("landwaiter").await.unwrap();
        assert_eq!((open.len(), open[0].state, open[0].ended), (1, PullState::Open, None), "{dialect:?}");
        assert_eq!(place.forge.past("landwaiter/a-000001", "main").await.unwrap(), [], "{dialect:?}");
        let merged = place.hub.person_updates_branch(1);
        assert_eq!(place.forge.open("landwaiter").await.unwrap()[0].head.0, merged, "{dialect:?}");
    });
}
