//! `check`: what is wrong with policies and settings, and what cannot have been meant; and a rejected file among good ones.

use crate::world::World;
use serde_json::Value;

const HEAD: &str = "apiVersion: landwaiter/v1\nkind: ImagePolicies\n";

fn pod(image: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  containers:\n    - image: {image}\n")
}

fn world() -> World {
    let world = World::new();
    for repository in ["acme/web", "acme/api"] {
        world.push(repository, &["1.0.0", "1.1.0", "1.0.0-debug"]);
    }
    world.write("web/pod.yaml", &pod("reg.example.com/acme/web:1.0.0-debug"));
    world.write("api/pod.yaml", &pod("reg.example.com/acme/api:1.0.0"));
    world
}

/// The warnings and errors of `check`, as `line: message`, and the exit status.
fn problems(world: &World, arguments: &[&str]) -> (i32, Vec<String>) {
    let said = world.landwaiter(&[&["check", "--format", "json"], arguments].concat());
    let document: Value = serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"));
    let line = |one: &Value| format!("{}: {}", one["line"], one["message"].as_str().unwrap());
    (said.status, document["problems"].as_array().unwrap().iter().map(line).collect())
}

#[test]
fn what_cannot_have_been_meant_is_a_warning_with_its_place() {
    let world = world();
    world.write("app/pod.yaml", &pod("reg.example.com/acme/app:1.0.0"));
    world.write(
        "landwaiter.yaml",
        &format!(
            "{HEAD}policies:
- {{name: web, images: [reg.example.com/acme/web], tags: {{exclude: ['-alpine$', '-debug$']}}, select: {{semver: '*'}}}}
- {{name: all, images: ['reg.example.com/acme/w*'], select: {{semver: '*'}}}}
- {{name: api, images: [reg.example.com/acme/api], files: ['api/**', 'apis/**'], select: {{semver: '*'}}}}
- {{name: apo, images: [reg.example.com/acme/apo], select: {{semver: '*'}}}}
- {{name: marked, select: {{semver: '*'}}}}
- {{name: moving, images: [reg.example.com/acme/none], select: {{digest: 1.2.3}}}}
- {{name: commit, select: {{digest: 0a1b2c3d}}}}
"
        ),
    );
    let (status, found) = problems(&world, &[]);
    assert_eq!(status, 0, "{found:?}");
    assert_eq!(
        found,
        [
            "9: `1.2.3` looks like a tag that does not move",
            "10: `0a1b2c3d` looks like a tag that does not move",
            "4: `-debug$` excludes 1.0.0-debug, which stands in web/pod.yaml:6",
            "5: every reference that policy all matches belongs to another: web (exact image, above image pattern)",
            "6: `apis/**` matches no file",
            "7: no reference belongs to policy apo",
            "8: no marker names policy marked, and without `images` it claims nothing",
            "9: no reference belongs to policy moving",
            "10: no marker names policy commit, and without `images` it claims nothing",
        ]
    );
    let text = world.landwaiter(&["check"]);
    assert_eq!(text.status, 0);
    assert!(text.err.contains("--> landwaiter.yaml:6") && text.err.contains("^^^^^^^"), "{}", text.err);
    // Not acme/api, which would stay with policy api.
    let near =
        "apo names reg.example.com/acme/apo, which is nearly the same; write `images: [reg.example.com/acme/app]`?";
    assert!(text.err.contains(near), "{}", text.err);
    assert!(text.out.ends_with("7 policies in 1 file: valid\n"), "{}", text.out);
}

#[test]
fn no_suggestion_leads_into_a_tie() {
    let world = world();
    let check = |policies: &str| {
        world.write("landwaiter.yaml", &format!("{HEAD}policies:\n{policies}"));
        let said = world.landwaiter(&["check"]);
        assert_eq!(said.status, 0, "{}", said.err);
        said.err
    };
    let two = "- {name: two, images: [reg.example.com/acme/apo], select: {semver: '*'}}\n";
    let text = check(two);
    assert!(text.contains("write `images: [reg.example.com/acme/api]`?"), "{text}");
    let text = check(&format!("- {{name: one, images: [reg.example.com/acme/api], select: {{semver: '*'}}}}\n{two}"));
    assert!(text.contains("no reference belongs to policy two") && !text.contains("?"), "{text}");
    // Nor into one at another reference: with `**` two would have api/pod.yaml, and share web/pod.yaml.
    let wide = "- {name: two, images: ['reg.example.com/*'], select: {semver: '*'}}\n";
    let one = "- {name: one, images: ['reg.example.com/acme/w*'], select: {semver: '*'}}\n";
    let text = check(wide);
    assert!(text.contains("write `images: [\"reg.example.com/**\"]`?"), "{text}");
    let text = check(&format!("{one}{wide}"));
    assert!(text.contains("no reference belongs to policy two") && !text.contains("?"), "{text}");
}

#[test]
fn a_file_with_the_other_ending_is_pointed_out() {
    let world = world();
    world.write("landwaiter.yml", &format!("{HEAD}policies: []\n"));
    world.write(".landwaiter/web.yml", &format!("{HEAD}policies: []\n"));
    let said = world.landwaiter(&["plan"]);
    assert_eq!(said.status, 0, "{}", said.err);
    assert_eq!(said.err.matches("this file is not read: policy files end in `.yaml`").count(), 2, "{}", said.err);
    assert!(said.err.contains("rename it to landwaiter.yaml, or name it with `--policies`"), "{}", said.err);
    world.write(
        "landwaiter.yml",
        &format!("{HEAD}policies: [{{name: web, select: {{semver: '*'}}, images: ['**']}}]\n"),
    );
    let named = world.landwaiter(&["plan", "--policies", "landwaiter.yml"]);
    assert!(named.out.starts_with("1 change, 0 held, 1 up to date") && named.err.is_empty(), "{named:?}");
}

#[test]
fn bad_settings_are_problems_on_stdout_too() {
    let world = world();
    world.write("landwaiter.yaml", &format!("{HEAD}policies: []\n"));
    let settings = world.folder.path().join("settings.yaml");
    std::fs::write(&settings, "apiVersion: landwaiter/v1\nkind: Settings\nlimts: {}\ntenancy: []\n").unwrap();
    let (status, found) = problems(&world, &["--config", &settings.to_string_lossy()]);
    assert_eq!((status, found), (3, vec!["3: unknown key `limts`".to_owned(), "4: `tenancy` is empty".to_owned()]));
}

/// Two tenants with a folder each.
fn two_tenants(world: &World) -> String {
    let path = world.folder.path().join("settings.yaml");
    let tenancy = "tenancy:\n- {policies: [policies/web.yaml], files: ['web/**']}\n- {policies: [policies/api.yaml], files: ['api/**']}\n";
    std::fs::write(&path, format!("apiVersion: landwaiter/v1\nkind: Settings\n{tenancy}")).unwrap();
    path.to_string_lossy().into_owned()
}

fn policy(name: &str, more: &str) -> String {
    format!("{HEAD}policies: [{{name: {name}, images: ['reg.example.com/acme/*'], select: {{semver: '*'}}{more}}}]\n")
}

#[test]
fn one_tenants_mistake_holds_what_is_his_and_nothing_else() {
    let world = world();
    world.write("policies/api.yaml", &policy("api", ""));
    world.write("landwaiter.yml", "a warning of its own");
    for (mistake, problems) in [(", fles: [x]", "1 problem"), (", select: {}}, {name: B", "2 problems")] {
        world.write("policies/web.yaml", &policy("web", mistake));
        let settings = two_tenants(&world);
        let planned = world.landwaiter(&["plan", "--config", &settings, "--format", "json"]);
        assert_eq!(planned.status, 3, "{}", planned.err);
        assert!(
            planned.err.contains(&format!("policies rejected: {problems}; what the rejected files may touch is held")),
            "{}",
            planned.err
        );
        let plan: Value = serde_json::from_str(&planned.out).unwrap();
        assert_eq!(plan["changes"][0]["policy"], "api");
        let held: Vec<_> = plan["references"].as_array().unwrap().iter().filter(|one| one["state"] == "held").collect();
        assert_eq!(held.len(), 1);
        assert_eq!((&held[0]["file"], &held[0]["reason"]), (&"web/pod.yaml".into(), &"policies-rejected".into()));

        let everybody = world.landwaiter(&["plan"]);
        assert_eq!((everybody.status, everybody.out.as_str()), (3, ""), "without tenancy nothing is scanned");
        let explained = world.landwaiter(&["explain", "web/pod.yaml:6", "--config", &settings]);
        assert_eq!(explained.status, 3, "{explained:?}");
        assert!(explained.out.contains("policies/web.yaml was rejected, and may claim this"), "{}", explained.out);
    }
    let settings = two_tenants(&world);
    let updated = world.landwaiter(&["update", "--worktree", "--config", &settings]);
    assert_eq!(updated.status, 3, "{}", updated.err);
    assert!(world.read("api/pod.yaml").contains("api:1.1.0") && world.read("web/pod.yaml").contains("web:1.0.0-debug"));
}

#[test]
fn a_rejected_file_does_not_leave_its_references_to_others() {
    let world = world();
    world.write("policies/web.yaml", &policy("web", ", fles: [x]"));
    world.write("policies/all.yaml", &policy("all", ""));
    let path = world.folder.path().join("settings.yaml");
    let tenancy = "tenancy:\n- {policies: [policies/web.yaml], files: ['web/**']}\n- {policies: [policies/all.yaml]}\n";
    std::fs::write(&path, format!("apiVersion: landwaiter/v1\nkind: Settings\n{tenancy}")).unwrap();
    let planned = world.landwaiter(&["plan", "--config", &path.to_string_lossy()]);
    assert!(planned.out.starts_with("1 change, 1 held"), "{}{}", planned.out, planned.err);
    // The one that may touch everything is rejected: everything is held.
    world.write("policies/web.yaml", &policy("web", ""));
    world.write("policies/all.yaml", "a: b\napiVersion: landwaiter/v1\n");
    let planned = world.landwaiter(&["plan", "--config", &path.to_string_lossy()]);
    assert_eq!(planned.status, 3, "{}", planned.err);
    assert!(planned.out.starts_with("0 changes, 2 held"), "{}{}", planned.out, planned.err);
}
