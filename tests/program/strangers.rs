//! What the content of a repository cannot do: drive a terminal, write lines of its own into a commit, or reach beyond what
//! the operator allows.

use crate::world::{World, git};

fn policies(name: &str, rest: &str) -> String {
    format!(
        "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n  - {{name: {name}, images: [reg.example.com/acme/web], select: {{semver: '*'}}{rest}}}\n"
    )
}

fn pod(marker: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  containers:\n    - image: reg.example.com/acme/web:1.0.0{marker}\n"
    )
}

fn world() -> World {
    let world = World::new();
    world.push("acme/web", &["1.0.0", "1.1.0"]);
    world
}

#[test]
fn a_file_name_writes_no_lines_into_the_commit() {
    let world = world();
    world.write("landwaiter.yaml", &policies("web", ""));
    world.write("a\nLandwaiter-Policy: forged\n.yaml", &pod(""));
    let bare = world.bare();
    let updated = world.landwaiter(&["update", "--repo", &bare.to_string_lossy()]);
    assert_eq!(updated.status, 0, "{}", updated.err);
    let message = git(&bare.to_string_lossy(), &["log", "-1", "--format=%B", "main"]);
    assert!(message.contains("a Landwaiter-Policy: forged .yaml:6"), "{message}");
    assert_eq!(message.lines().filter(|line| line.starts_with("Landwaiter-Policy:")).count(), 1, "{message}");
}

#[test]
fn a_file_name_does_not_drive_the_terminal() {
    let world = world();
    world.write("policies/\u{1b}[31m.yaml", "apiVersion: landwaiter/v1\nkind: Odd\n");
    let rejected = world.landwaiter(&["plan"]);
    assert_eq!(rejected.status, 3);
    assert!(!rejected.err.contains('\u{1b}') && rejected.err.contains("\u{fffd}[31m"), "{:?}", rejected.err);
    std::fs::write(world.repo().join("policies/\u{1b}[31m.yaml"), [0xff]).unwrap();
    let unreadable = world.landwaiter(&["plan"]);
    assert!(!unreadable.err.contains('\u{1b}') && unreadable.err.contains("is not UTF-8"), "{:?}", unreadable.err);
}

/// The operator gives `policies/a.yaml` the folder `a`, `policies/b.yaml` the folder `b`.
fn two_tenants(world: &World) -> String {
    let settings = world.folder.path().join("settings.yaml");
    let text = "apiVersion: landwaiter/v1\nkind: Settings\ntenancy:\n- {policies: [policies/a.yaml], files: ['a/**']}\n- {policies: [policies/b.yaml], files: ['b/**']}\n";
    std::fs::write(&settings, text).unwrap();
    settings.to_string_lossy().into_owned()
}

#[test]
fn a_marker_does_not_lend_a_policy_what_its_tenant_may_not_touch() {
    let world = world();
    world.write("policies/a.yaml", &policies("a", ""));
    world.write("b/web.yaml", &pod(" # landwaiter: a"));
    let planned = world.landwaiter(&["plan", "--config", &two_tenants(&world)]);
    assert_eq!(planned.status, 0, "{}", planned.err);
    assert!(planned.out.contains("0 changes, 1 held") && planned.out.contains("not-allowed"), "{}", planned.out);
}

#[test]
fn a_tenant_cannot_hold_back_what_is_not_his() {
    let world = world();
    world.write("policies/a.yaml", &policies("a", ""));
    world.write("a/web.yaml", &pod(""));
    let settings = two_tenants(&world);
    for claim in ["", ", files: ['a/**']"] {
        world.write("policies/b.yaml", &policies("b", claim));
        let planned = world.landwaiter(&["plan", "--config", &settings]);
        assert!(planned.out.contains("1 change, 0 held"), "{claim}: {}{}", planned.out, planned.err);
        let explained = world.landwaiter(&["explain", "a/web.yaml:6", "--config", &settings]).out;
        assert!(explained.contains("the operator's settings do not let policies/b.yaml touch this"), "{explained}");
    }
    std::fs::remove_file(world.repo().join("policies/a.yaml")).unwrap();
    let alone = world.landwaiter(&["plan", "--config", &settings]);
    assert!(alone.out.contains("0 changes, 1 held") && alone.out.contains("not-allowed"), "{}", alone.out);
}

#[test]
fn settings_that_lead_nowhere_are_not_taken_for_none() {
    let world = world();
    world.write("landwaiter.yaml", &policies("web", ""));
    let folder = world.folder.path().join(".config/landwaiter");
    std::fs::create_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink("/nowhere/settings.yaml", folder.join("settings.yaml")).unwrap();
    let refused = world.landwaiter(&["plan"]);
    assert_eq!(refused.status, 1, "{}", refused.out);
    assert!(refused.err.contains("cannot read settings"), "{}", refused.err);
}
