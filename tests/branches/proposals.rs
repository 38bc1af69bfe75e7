//! What stands at the head of a branch, read with whatever the cache has.

use crate::repos::run_git;
use crate::ways::{on_each_way, push};
use landwaiter::port::*;
use std::path::Path;

const BRANCH: &str = "landwaiter/web-123456";
const BOT: &str = "landwaiter@example.com";

fn names(proposal: &BranchProposal) -> Vec<&str> {
    proposal.changes.keys().map(String::as_str).collect()
}

#[test]
fn the_bots_own_commit_and_a_persons_on_top_are_told_apart() {
    on_each_way(|world, way| {
        let (repo, name) = (way.open(), way.name);
        let tip = push(&*repo, BRANCH, None, &[("0.yaml", "one\n"), ("3.yaml", "two\n")]).unwrap();
        // From the cache that made it, from one that never saw it, and from none at all.
        for repo in [&repo, &way.open()] {
            let found = repo.branches().unwrap().proposal(BRANCH, &tip).unwrap();
            assert_eq!(found.commits.len(), 1, "{name}");
            assert_eq!((found.commits[0].author.email.as_str(), found.commits[0].parents.len()), (BOT, 1), "{name}");
            assert_eq!(names(&found), ["0.yaml", "3.yaml"], "{name}");
            assert_eq!(
                repo.branches().unwrap().read(&tip, "0.yaml").unwrap().as_deref(),
                Some(&b"one\n"[..]),
                "{name}"
            );
        }
        let theirs = world.somebody_commits(BRANCH, "notes.txt", "mine");
        for repo in [&repo, &way.open()] {
            let found = repo.branches().unwrap().proposal(BRANCH, &theirs).unwrap();
            assert_eq!((found.commits.len(), found.commits[0].parents[0].clone()), (1, tip.clone()), "{name}");
            assert_eq!(found.commits[0].author.email, "somebody@example.com", "{name}");
            assert_eq!(names(&found), ["notes.txt"], "{name}: against the bot's");
            assert_eq!(
                repo.branches().unwrap().read(&theirs, "notes.txt").unwrap().as_deref(),
                Some(&b"mine"[..]),
                "{name}"
            );
        }
    });
}

#[test]
fn merges_of_the_base_are_looked_through_as_far_as_is_said() {
    on_each_way(|world, way| {
        let (repo, name) = (way.open(), way.name);
        let bots = push(&*repo, BRANCH, None, &[("0.yaml", "one\n")]).unwrap();
        for merges in 1..=MAX_MERGES + 1 {
            let tip = world.merges_main(BRANCH, merges);
            if ![1, MAX_MERGES, MAX_MERGES + 1].contains(&merges) {
                continue;
            }
            for repo in [&repo, &way.open()] {
                let found = repo.branches().unwrap().proposal(BRANCH, &tip).unwrap();
                assert_eq!(found.commits[0].id, tip, "{name} {merges}");
                assert_eq!(found.commits.len(), merges.min(MAX_MERGES) + 1, "{name} {merges}");
                let last = found.commits.last().unwrap();
                if merges <= MAX_MERGES {
                    assert_eq!((&last.id, names(&found)), (&bots, vec!["0.yaml"]), "{name} {merges}");
                } else {
                    assert_eq!(last.parents.len(), 2, "{name} {merges}: no further");
                }
            }
        }
    });
}

#[test]
fn what_is_deleted_renamed_or_no_file_is_a_change_too() {
    on_each_way(|world, way| {
        let repo = way.open();
        push(&*repo, BRANCH, None, &[("0.yaml", "one\n")]).unwrap();
        let work = world.root.path().join("work");
        run_git(&work, &["fetch", "-q", "../config.git", BRANCH]);
        run_git(&work, &["checkout", "-q", "--detach", "FETCH_HEAD"]);
        run_git(&work, &["rm", "-q", "1.yaml"]);
        std::fs::create_dir_all(work.join("2.yaml.d/deep")).unwrap();
        run_git(&work, &["mv", "2.yaml", "2.yaml.d/deep/2.yaml"]);
        std::os::unix::fs::symlink("0.yaml", work.join("link")).unwrap();
        run_git(&work, &["add", "-A"]);
        run_git(&work, &["commit", "-q", "-m", "all sorts"]);
        run_git(&work, &["push", "-q", "../config.git", &format!("HEAD:refs/heads/{BRANCH}")]);
        let tip = CommitId(world.head(BRANCH).unwrap());
        let found = way.open().branches().unwrap().proposal(BRANCH, &tip).unwrap();
        let changes: Vec<_> = found.changes.iter().map(|(path, id)| (path.as_str(), id.is_some())).collect();
        let expected = [("1.yaml", false), ("2.yaml", false), ("2.yaml.d/deep/2.yaml", true), ("link", false)];
        assert_eq!(changes, expected, "{}", way.name);
    });
}

#[test]
fn a_commit_without_a_parent_is_all_changes() {
    on_each_way(|world, way| {
        let tree = run_git(&world.bare(), &["rev-parse", "main^{tree}"]);
        let root = run_git(&world.bare(), &["commit-tree", &tree, "-m", "begun anew"]);
        run_git(&world.bare(), &["update-ref", &format!("refs/heads/{BRANCH}"), &root]);
        let found = way.open().branches().unwrap().proposal(BRANCH, &CommitId(root)).unwrap();
        assert_eq!((found.commits.len(), found.changes.len()), (1, 5), "{}", way.name);
        assert!(found.commits[0].parents.is_empty(), "{}", way.name);
    });
}

#[test]
fn a_branch_that_moved_while_it_was_looked_at_may_be_looked_at_again() {
    on_each_way(|world, way| {
        let tip = push(&*way.open(), BRANCH, None, &[("0.yaml", "one\n")]).unwrap();
        world.somebody_commits(BRANCH, "notes.txt", "mine");
        run_git(&world.bare(), &["config", "uploadpack.allowAnySHA1InWant", "false"]);
        match way.open().branches().unwrap().proposal(BRANCH, &tip) {
            // In process, or where the older commit came with the newer one, it can still be told.
            Ok(found) => assert_eq!(found.commits[0].id, tip, "{}", way.name),
            Err(error) => assert!(error.retryable, "{}: {error:?}", way.name),
        }
        let nowhere = CommitId("1".repeat(40));
        let error = way.open().branches().unwrap().proposal(BRANCH, &nowhere).unwrap_err();
        assert!(!error.message.is_empty(), "{}", way.name);
        let unread = way.open().branches().unwrap().read(&nowhere, "0.yaml");
        assert!(unread.is_err(), "{}: {unread:?}", way.name);
    });
}

/// The bytes of all packs below a directory.
fn packed(directory: &Path) -> u64 {
    let children = std::fs::read_dir(directory).unwrap().flatten();
    children
        .map(|child| match child.path() {
            path if path.is_dir() => packed(&path),
            path if path.extension().is_some_and(|extension| extension == "pack") => child.metadata().unwrap().len(),
            _ => 0,
        })
        .sum()
}

#[test]
fn a_proposal_that_is_not_known_costs_what_it_changes() {
    on_each_way(|world, way| {
        if !way.served {
            return;
        }
        // Bytes that no compression makes small.
        let mut state = 1_u64;
        let mut noise = || -> String {
            (0..100_000)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    char::from(b' ' + u8::try_from((state >> 33) % 90).unwrap())
                })
                .collect()
        };
        for file in 0..5 {
            world.somebody_commits("main", &format!("big-{file}.txt"), &noise());
        }
        let tip = push(&*way.open(), BRANCH, None, &[("0.yaml", "one\n")]).unwrap();
        world.somebody_commits("main", "more.txt", "the base moves on");
        let cache = tempfile::tempdir().unwrap();
        let repo = way.caching(cache.path());
        repo.snapshot().unwrap();
        let before = packed(cache.path());
        let found = repo.branches().unwrap().proposal(BRANCH, &tip).unwrap();
        assert_eq!(names(&found), ["0.yaml"], "{}", way.name);
        let cost = packed(cache.path()) - before;
        assert!(cost < before / 10, "{}: {cost} bytes beside {before}", way.name);
        // And the next snapshot is whole.
        world.somebody_commits("main", "0.yaml", "later\n");
        let snapshot = repo.snapshot().unwrap();
        assert_eq!(crate::repos::contents(&*snapshot).len(), 5 + 5 + 1, "{}", way.name);
    });
}
