//! What every way must do: push, see, read, lose a race, delete.

use crate::repos::{fsck, run_git};
use crate::ways::{on_each_way, proposal_of, push};
use landwaiter::port::*;

const BRANCH: &str = "landwaiter/web-123456";

#[test]
fn branches_are_pushed_seen_replaced_and_deleted() {
    on_each_way(|world, way| {
        let (repo, name) = (way.open(), way.name);
        let branches = repo.branches().unwrap();
        assert_eq!(branches.heads("landwaiter").unwrap().len(), 0, "{name}");
        let first = push(&*repo, BRANCH, None, &[("0.yaml", "one\n")]).unwrap();
        assert_eq!(world.head(BRANCH), Some(first.0.clone()), "{name}");
        assert_eq!(branches.heads("landwaiter").unwrap(), [(BRANCH.to_owned(), first.clone())].into(), "{name}");
        let second = push(&*repo, BRANCH, Some(&first), &[("0.yaml", "two\n")]).unwrap();
        assert_eq!(world.head(BRANCH), Some(second.0.clone()), "{name}: by force");
        assert_eq!(run_git(&world.bare(), &["rev-list", "--count", &format!("main..{BRANCH}")]), "1", "{name}");
        assert_eq!(branches.read(&second, "0.yaml").unwrap().as_deref(), Some(&b"two\n"[..]), "{name}");
        assert_eq!(branches.read(&second, "nowhere.yaml").unwrap(), None, "{name}");
        assert_eq!(branches.read(&second, "0.yaml/below").unwrap(), None, "{name}");
        branches.delete(BRANCH, &second).unwrap();
        assert_eq!(world.head(BRANCH), None, "{name}");
        assert_eq!(world.head("main").map(CommitId).as_ref(), repo.snapshot().unwrap().head(), "{name}");
        fsck(&world.bare());
    });
}

#[test]
fn a_lost_race_is_told_with_what_was_found_and_changes_nothing() {
    on_each_way(|world, way| {
        let (repo, other, name) = (way.open(), way.open(), way.name);
        let branches = repo.branches().unwrap();
        let moved = |found: Option<&CommitId>| PublishError::Moved { found: found.cloned() };
        let first = push(&*other, BRANCH, None, &[("0.yaml", "theirs\n")]).unwrap();
        assert_eq!(
            push(&*repo, BRANCH, None, &[("0.yaml", "ours\n")]),
            Err(moved(Some(&first))),
            "{name}: it is there"
        );
        let theirs = world.somebody_commits(BRANCH, "notes.txt", "mine");
        let late = push(&*repo, BRANCH, Some(&first), &[("0.yaml", "ours\n")]);
        assert_eq!(late, Err(moved(Some(&theirs))), "{name}: it has moved");
        assert_eq!(branches.delete(BRANCH, &first), Err(moved(Some(&theirs))), "{name}: nor is it deleted");
        assert_eq!(world.head(BRANCH), Some(theirs.0.clone()), "{name}");
        run_git(&world.bare(), &["update-ref", "-d", &format!("refs/heads/{BRANCH}")]);
        let gone = push(&*repo, BRANCH, Some(&theirs), &[("0.yaml", "ours\n")]);
        assert_eq!(gone, Err(moved(None)), "{name}: it is gone");
        assert_eq!(branches.delete(BRANCH, &theirs), Err(moved(None)), "{name}");
        assert_eq!(world.head(BRANCH), None, "{name}: and is not made again");
    });
}

#[test]
fn only_what_is_below_the_prefix_is_ours() {
    on_each_way(|world, way| {
        let repo = way.open();
        let main = world.head("main").unwrap();
        for branch in ["landwaiter-old/a", "bot/landwaiter/a", "landwaiters", "landwaiter/deep/er/a", "landwaiter/b"] {
            run_git(&world.bare(), &["update-ref", &format!("refs/heads/{branch}"), &main]);
        }
        run_git(&world.bare(), &["tag", "landwaiter/c", "main"]);
        run_git(&world.bare(), &["pack-refs", "--all"]);
        run_git(&world.bare(), &["update-ref", "refs/heads/landwaiter/d", &main]);
        let heads = repo.branches().unwrap().heads("landwaiter").unwrap();
        let names: Vec<&str> = heads.keys().map(String::as_str).collect();
        assert_eq!(names, ["landwaiter/b", "landwaiter/d", "landwaiter/deep/er/a"], "{}", way.name);
        assert!(heads.values().all(|head| head.0 == main), "{}", way.name);
    });
}

#[test]
fn packed_branches_are_replaced_and_deleted_too() {
    on_each_way(|world, way| {
        let (repo, name) = (way.open(), way.name);
        let pack = || run_git(&world.bare(), &["pack-refs", "--all"]);
        let first = push(&*repo, BRANCH, None, &[("0.yaml", "one\n")]).unwrap();
        pack();
        let second = push(&*repo, BRANCH, Some(&first), &[("0.yaml", "two\n")]).unwrap();
        pack();
        repo.branches().unwrap().delete(BRANCH, &second).unwrap();
        assert_eq!(world.head(BRANCH), None, "{name}");
        assert!(world.head("main").is_some(), "{name}");
        let left: Vec<_> = std::fs::read_dir(world.bare()).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert!(
            left.iter()
                .all(|file| file.to_str().is_some_and(|file| file == "landwaiter.lock" || !file.ends_with(".lock")))
        );
    });
}

#[test]
fn a_branch_that_stands_in_the_way_is_named() {
    on_each_way(|world, way| {
        let repo = way.open();
        run_git(&world.bare(), &["update-ref", "refs/heads/landwaiter", "main"]);
        let error = push(&*repo, BRANCH, None, &[("0.yaml", "one\n")]).unwrap_err();
        let PublishError::Repo(error) = error else { panic!("{}: {error:?}", way.name) };
        assert_eq!(error.message, format!("branch landwaiter is in the way of {BRANCH}"), "{}", way.name);
        assert!(!error.retryable && error.hint.is_some(), "{}: {error:?}", way.name);
    });
}

#[test]
fn two_who_push_the_same_branch_at_once_are_one_winner_and_one_loser() {
    on_each_way(|world, way| {
        for round in 0..4 {
            let branch = format!("landwaiter/race-{round}");
            let repos = [way.open(), way.open()];
            let publications: Vec<_> = repos
                .iter()
                .enumerate()
                .map(|(who, repo)| proposal_of(&*repo.snapshot().unwrap(), &[("0.yaml", &format!("by {who}\n"))]))
                .collect();
            let outcomes: Vec<_> = std::thread::scope(|scope| {
                let push = |at: usize| repos[at].branches().unwrap().push(&branch, None, &publications[at]);
                let threads = [0, 1].map(|at| scope.spawn(move || push(at)));
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let won: Vec<_> = outcomes.iter().flatten().collect();
            assert_eq!(won.len(), 1, "{}: {outcomes:?}", way.name);
            assert_eq!(world.head(&branch).as_ref(), Some(&won[0].commits[0].0), "{}", way.name);
            let lost = outcomes.iter().find_map(|outcome| outcome.as_ref().err()).unwrap();
            let honest = match lost {
                PublishError::Moved { .. } => true,
                PublishError::Repo(error) => error.retryable,
                _ => false,
            };
            assert!(honest, "{}: {lost:?}", way.name);
        }
    });
}
