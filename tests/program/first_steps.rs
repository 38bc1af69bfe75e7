//! What people meet in their first ten minutes: no policies yet, a subdirectory, a wrong line, a silent server.

use crate::world::{World, git};
use std::time::{Duration, Instant};

const POLICIES: &str = "\
apiVersion: landwaiter/v1
kind: ImagePolicies
policies:
  - name: web
    images: [reg.example.com/acme/web]
    files: ['apps/staging/**']
    select: {semver: '*'}
";

const POD: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
    - image: reg.example.com/acme/web:1.0.0
";

/// A checkout with two environments; the policy is for one of them.
fn world() -> World {
    let world = World::new();
    world.push("acme/web", &["1.0.0", "1.1.0"]);
    world.write("landwaiter.yaml", POLICIES);
    world.write("apps/staging/web.yaml", POD);
    world.write("apps/production/web.yaml", POD);
    git(&world.repo().to_string_lossy(), &["init", "--quiet", "--initial-branch=main"]);
    world
}

#[test]
fn without_policies_a_run_says_where_they_are_looked_for_and_what_to_write() {
    let world = world();
    std::fs::remove_file(world.repo().join("landwaiter.yaml")).unwrap();
    for command in [&["plan"][..], &["update", "--worktree"], &["check"]] {
        let said = world.landwaiter(command);
        assert_eq!(said.status, 0, "{}", said.err);
        for word in ["no policy was found", "policies/**/*.yaml", "apiVersion: landwaiter/v1"] {
            assert!(said.err.contains(word), "{command:?}: {}", said.err);
        }
    }
    assert!(world.landwaiter(&["plan"]).out.starts_with("0 changes, 0 held, 0 up to date, 2 unmanaged"));
}

#[test]
fn the_policies_that_are_shown_to_beginners_are_valid() {
    let world = world();
    std::fs::remove_file(world.repo().join("landwaiter.yaml")).unwrap();
    let said = world.landwaiter(&["plan"]).err;
    let shown = said.lines().skip_while(|line| !line.contains("apiVersion")).filter(|line| !line.trim().is_empty());
    let shown: Vec<&str> = shown.collect();
    let indent = shown[0].find("apiVersion").unwrap();
    let text: String = shown.iter().map(|line| format!("{}\n", &line[indent..])).collect();
    world.write("landwaiter.yaml", &text);
    assert_eq!(world.landwaiter(&["check"]).out, "1 policy in 1 file: valid\n", "{text}");
}

#[test]
fn policies_that_were_named_and_are_not_there_are_rejected() {
    let world = world();
    for command in [&["plan"][..], &["update", "--worktree"], &["check"]] {
        let said = world.landwaiter(&[command, &["--policies", "polices/*.yaml"]].concat());
        assert_eq!((said.status, said.out.as_str()), (3, ""), "{}", said.err);
        assert!(said.err.contains("no policy is in the files that it names"), "{}", said.err);
    }
}

#[test]
fn in_a_subdirectory_the_repository_is_the_checkout_around_it() {
    let world = world();
    let below = world.repo().join("apps/staging");
    let plan = world.landwaiter_in(&below, &["plan"]);
    assert_eq!(plan.status, 0, "{}", plan.err);
    assert!(plan.out.starts_with("1 change, 0 held, 0 up to date, 1 unmanaged  ../.. (working tree)"), "{}", plan.out);
    assert!(plan.out.contains("apps/staging/web.yaml:6"), "{}", plan.out);
    for target in ["web.yaml:6", "./web.yaml:6", "../staging/web.yaml:6", "apps/staging/web.yaml:6"] {
        let explained = world.landwaiter_in(&below, &["explain", target]);
        assert!(explained.out.contains("chosen: 1.1.0"), "{target}: {}{}", explained.out, explained.err);
    }
    let refused = world.landwaiter_in(&below, &["update"]);
    assert!(refused.err.contains("../.. is a checkout"), "{}", refused.err);
    let updated = world.landwaiter_in(&below, &["update", "--worktree"]);
    assert_eq!(updated.status, 0, "{}", updated.err);
    assert!(world.read("apps/staging/web.yaml").contains("web:1.1.0"));
    // A folder that is named is meant as it is.
    let named = world.landwaiter_in(&world.repo(), &["plan", "--repo", "apps"]);
    assert!(named.out.contains("2 unmanaged  apps (working tree)"), "{}", named.out);
}

#[test]
fn explain_says_where_to_look_and_why_a_policy_does_not_apply() {
    let world = world();
    let wrong_line = world.landwaiter(&["explain", "apps/staging/web.yaml:5"]);
    assert_eq!(wrong_line.status, 2);
    assert!(wrong_line.err.contains("no reference on line 5, but on line 6"), "{}", wrong_line.err);
    let no_reference = world.landwaiter(&["explain", "landwaiter.yaml"]);
    assert!(no_reference.err.contains("landwaiter.yaml has no reference"), "{}", no_reference.err);
    let unmanaged = world.landwaiter(&["explain", "apps/production/web.yaml:6"]);
    assert!(unmanaged.out.contains("its `files` do not match this file"), "{}", unmanaged.out);
}

#[test]
fn a_diff_that_hides_errors_says_so() {
    let world = world();
    world.write("apps/staging/gone.yaml", &POD.replace("acme/web", "acme/gone"));
    world.write("landwaiter.yaml", &POLICIES.replace("acme/web]", "acme/*]"));
    let said = world.landwaiter(&["plan", "--format", "diff"]);
    assert_eq!(said.status, 4);
    assert_eq!(said.err, "1 reference held back by errors, which a diff does not show\n");
}

#[test]
fn a_silent_git_server_is_given_up_after_the_operators_time() {
    let world = world();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let settings = world.folder.path().join("settings.yaml");
    std::fs::write(&settings, "apiVersion: landwaiter/v1\nkind: Settings\nlimits: {timeout: 1s}\n").unwrap();
    let url = format!("http://{}/config.git", listener.local_addr().unwrap());
    let started = Instant::now();
    let said = world.landwaiter(&["plan", "--repo", &url, "--config", &settings.to_string_lossy()]);
    assert_eq!(said.status, 1);
    assert!(said.err.contains("did not answer in time"), "{}", said.err);
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}
