//! Hooks and protected branches: what the server says is told, and nothing is changed.

use crate::repos::run_git;
use crate::ways::{on_each_way, push};
use landwaiter::port::*;

const BRANCH: &str = "landwaiter/web-123456";

#[test]
fn a_hook_that_refuses_is_quoted() {
    on_each_way(|world, way| {
        let (repo, name) = (way.open(), way.name);
        let tip = push(&*repo, BRANCH, None, &[("0.yaml", "one\n")]).unwrap();
        for hook in ["pre-receive", "update"] {
            world.hook(hook, "echo 'no robots on friday' >&2; exit 1");
            for error in [
                push(&*repo, "landwaiter/new-1", None, &[("0.yaml", "one\n")]).unwrap_err(),
                push(&*repo, BRANCH, Some(&tip), &[("0.yaml", "two\n")]).unwrap_err(),
                repo.branches().unwrap().delete(BRANCH, &tip).unwrap_err(),
            ] {
                match error {
                    PublishError::Refused { reason, messages } if way.served => {
                        assert!(reason.contains("hook declined"), "{name} {hook}: {reason}");
                        assert_eq!(messages[0], "no robots on friday", "{name} {hook}");
                    }
                    // In process no hook runs, and nothing is written past one.
                    PublishError::Repo(error) if !way.served => {
                        assert!(error.message.contains(&format!("has a {hook} hook")), "{name}: {error:?}");
                    }
                    other => panic!("{name} {hook}: {other:?}"),
                }
            }
            std::fs::remove_file(world.bare().join("hooks").join(hook)).unwrap();
        }
        assert_eq!(world.head(BRANCH), Some(tip.0), "{name}");
        assert_eq!(world.head("landwaiter/new-1"), None, "{name}");
    });
}

#[test]
fn a_server_that_allows_no_force_and_no_deletion_says_so() {
    on_each_way(|world, way| {
        let (repo, name) = (way.open(), way.name);
        let tip = push(&*repo, BRANCH, None, &[("0.yaml", "one\n")]).unwrap();
        run_git(&world.bare(), &["config", "receive.denyNonFastForwards", "true"]);
        run_git(&world.bare(), &["config", "receive.denyDeletes", "true"]);
        push(&*repo, "landwaiter/new-1", None, &[("0.yaml", "one\n")]).unwrap();
        let refused = |outcome: Result<(), PublishError>, word: &str| match outcome {
            Err(PublishError::Refused { reason, .. }) => assert!(reason.contains(word), "{name}: {reason}"),
            other => panic!("{name}: {other:?}"),
        };
        refused(push(&*repo, BRANCH, Some(&tip), &[("0.yaml", "two\n")]).map(drop), "non-fast-forward");
        refused(repo.branches().unwrap().delete(BRANCH, &tip), "deletion");
        assert_eq!(world.head(BRANCH), Some(tip.0), "{name}");
    });
}

#[test]
fn names_that_git_does_not_take_are_refused_before_anything_is_sent() {
    on_each_way(|_, way| {
        let repo = way.open();
        for branch in ["", "landwaiter/a b", "landwaiter/../main", "landwaiter/a.lock", "-x", "landwaiter/a\n"] {
            let error = push(&*repo, branch, None, &[("0.yaml", "one\n")]).unwrap_err();
            assert!(
                matches!(&error, PublishError::Repo(error) if !error.retryable),
                "{} {branch:?}: {error:?}",
                way.name
            );
        }
    });
}
