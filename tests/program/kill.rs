//! A kill at any moment leaves the branch at the old or at the new commit, and the next run finishes the work.

use crate::world::{World, git};
use std::process::Stdio;
use std::time::{Duration, Instant};

const KILLS: u32 = 50;
const APPS: usize = 40;

#[test]
fn killed_at_fifty_moments_the_branch_is_old_or_new_and_the_next_run_finishes() {
    let world = World::new();
    world.push("acme/web", &["1.0.0", "1.1.0"]);
    world.write(
        "landwaiter.yaml",
        "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n  - name: web\n    images: [reg.example.com/acme/web]\n    select: {semver: '*'}\n",
    );
    for app in 0..APPS {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: app-{app}}}\nspec:\n  containers:\n    - name: web\n      image: reg.example.com/acme/web:1.0.0\n"
        );
        world.write(&format!("apps/app-{app}/pod.yaml"), &text);
    }
    let bare = world.bare();
    let bare = bare.to_string_lossy().into_owned();
    let old = git(&bare, &["rev-parse", "main"]);

    // The quickest of a few runs: kills are spread over the time that the work takes, not over the machine's moods.
    let mut whole = Duration::MAX;
    for _ in 0..5 {
        git(&bare, &["update-ref", "refs/heads/main", &old]);
        let started = Instant::now();
        assert_eq!(world.landwaiter(&["update", "--repo", &bare]).status, 0);
        whole = whole.min(started.elapsed());
        assert_new(&bare, &old);
    }

    let (mut at_old, mut at_new) = (0, 0);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..KILLS {
        git(&bare, &["update-ref", "refs/heads/main", &old]);
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let moment = whole.mul_f64((random >> 11) as f64 / (1u64 << 53) as f64 * 1.05);
        kill_after(&world, &bare, moment);

        if git(&bare, &["rev-parse", "main"]) == old {
            at_old += 1;
        } else {
            assert_new(&bare, &old);
            at_new += 1;
        }
        let next = world.landwaiter(&["update", "--repo", &bare]);
        assert_eq!(next.status, 0, "{}{}", next.out, next.err);
        assert_new(&bare, &old);
    }
    git(&bare, &["fsck", "--strict"]);
    println!("{KILLS} kills over {whole:?}: {at_old} left the old commit, {at_new} the new one");
}

fn kill_after(world: &World, bare: &str, moment: Duration) {
    let mut child = world
        .command(&["update", "--repo", bare])
        .current_dir(world.repo())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(moment);
    let _ = child.kill();
    child.wait().unwrap();
}

/// One commit on top of the old one that changes every app's file and nothing else.
fn assert_new(bare: &str, old: &str) {
    assert_eq!(git(bare, &["rev-list", "--count", &format!("{old}..main")]), "1");
    assert_eq!(git(bare, &["rev-parse", "main^"]), old);
    let changed = git(bare, &["diff", "--shortstat", old, "main"]);
    assert_eq!(changed.trim(), format!("{APPS} files changed, {APPS} insertions(+), {APPS} deletions(-)"));
}
