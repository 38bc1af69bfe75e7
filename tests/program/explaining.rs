//! `explain` and `try` as people use them: by place, image and policy; whose it is and why; the likely mistake.

use crate::world::World;
use serde_json::Value;

const HEAD: &str = "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n";

fn pod(image: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  containers:\n    - image: {image}\n")
}

fn world(policies: &str) -> World {
    let world = World::new();
    world.push("acme/web", &["1.0.0", "1.1.0", "2.0.0-rc.1", "latest"]);
    world.write("landwaiter.yaml", &format!("{HEAD}{policies}"));
    world.write("apps/web/pod.yaml", &pod("reg.example.com/acme/web:1.0.0"));
    world
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// `problem -> instead -> chooses` for each suggestion of the one decision.
fn suggestions(world: &World, arguments: &[&str]) -> Vec<String> {
    let said = world.landwaiter(&[arguments, &["--format", "json"]].concat());
    let document = json(&said.out);
    let all = document["suggestions"].as_array().unwrap_or_else(|| panic!("{said:?}"));
    let word = |one: &Value, key: &str| one[key].as_str().unwrap_or("-").to_owned();
    all.iter()
        .map(|one| format!("{} -> {} -> {}", word(one, "problem"), word(one, "instead"), word(one, "chooses")))
        .collect()
}

#[test]
fn the_owner_is_named_and_why_it_is_no_other() {
    let world = world(
        "- {name: all, images: ['**'], select: {semver: '*'}}
- {name: web, images: [reg.example.com/acme/web], select: {semver: '*'}}
- {name: staging, images: [reg.example.com/acme/web], files: ['staging/**'], select: {semver: '*'}}
- {name: api, images: [reg.example.com/acme/api], select: {semver: '*'}}
",
    );
    let said = world.landwaiter(&["explain", "apps/web/pod.yaml:6"]);
    for line in [
        "  chosen: 1.1.0\n",
        "  policy   web (landwaiter.yaml:5) owns it: exact image\n",
        "           all (landwaiter.yaml:4) is outranked: image pattern, below exact image\n",
        "           staging (landwaiter.yaml:6) names this image, but its `files` do not match this file\n",
        "  family   3 parts\n",
        "  1.1.0       chosen      the greatest version of its family\n",
        "  2.0.0-rc.1  prerelease",
    ] {
        assert!(said.out.contains(line), "{line}{}", said.out);
    }
    assert!(!said.out.contains("api ("), "{}", said.out);
}

#[test]
fn an_image_that_no_file_names_is_explained_by_the_policies_that_would_own_it() {
    let world = world("- {name: web, images: [reg.example.com/acme/web], select: {semver: '*'}}\n");
    world.write("apps/web/pod.yaml", "a: 1\n");
    let image = format!("{}/acme/web", world.registry.host());
    let said = world.landwaiter(&["explain", &image]);
    assert!(said.out.contains("chosen: 1.1.0") && said.out.contains("no file names this image"), "{said:?}");
    let current = world.landwaiter(&["explain", &format!("{image}:1.1.0")]);
    assert!(current.out.contains("up to date: 1.1.0"), "{current:?}");
    let unknown = world.landwaiter(&["explain", &format!("{image}x")]);
    assert_eq!(unknown.status, 2, "{unknown:?}");
}

#[test]
fn a_name_that_is_nearly_right_is_found_out() {
    for (policy, target, expected) in [
        (
            "images: ['reg.example.com/*']",
            "apps/web/pod.yaml:6",
            "`reg.example.com/*` of web does not match it: `*` stays within one part of the name -> images: [\"reg.example.com/**\"] -> -",
        ),
        (
            "images: [reg.example.com/acme/wbe]",
            "apps/web/pod.yaml:6",
            "web names reg.example.com/acme/wbe, which is nearly the same -> images: [reg.example.com/acme/web] -> -",
        ),
        (
            "images: [ghcr.io/acme/web]",
            "apps/web/pod.yaml:6",
            "web names ghcr.io/acme/web: the same image at another registry -> images: [reg.example.com/acme/web] -> -",
        ),
        (
            "images: ['reg.example.com/acem/*']",
            "web",
            "`reg.example.com/acem/*` of web does not match it: one name is nearly the same -> images: [\"reg.example.com/acme/*\"] -> -",
        ),
        (
            "images: [reg.example.com/acme/web], files: ['apps/*']",
            "apps/web/pod.yaml:6",
            "`files` of web does not match apps/web/pod.yaml: `*` stays within one folder -> files: [\"apps/**\"] -> -",
        ),
        (
            "images: [reg.example.com/acme/web], files: [apps]",
            "apps/web/pod.yaml:6",
            "`files` of web names `apps`, a folder -> files: [\"apps/**\"] -> -",
        ),
    ] {
        let world = world(&format!("- {{name: web, select: {{semver: '*'}}, {policy}}}\n"));
        let found = suggestions(&world, &["explain", target]);
        let found: Vec<String> =
            found.iter().map(|one| one.replace(&world.registry.host(), "reg.example.com")).collect();
        assert_eq!(found, [expected], "{policy}");
    }
    let world = world("- {name: web, images: [quay.io/other/thing], select: {semver: '*'}}\n");
    assert_eq!(suggestions(&world, &["explain", "apps/web/pod.yaml:6"]), [""; 0]);
}

#[test]
fn a_policy_without_a_reference_says_so() {
    let world = world("- {name: charts, images: ['ghcr.io/acme/charts/*'], select: {semver: '*'}}\n");
    let said = world.landwaiter(&["explain", "charts"]);
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.out.contains("nothing chosen") && said.out.contains("no reference belongs to it"), "{said:?}");
}

#[test]
fn the_likely_mistake_is_in_the_text_and_in_the_json() {
    let world =
        world("- {name: web, images: [reg.example.com/acme/web], tags: {match: '^v\\d'}, select: {semver: '*'}}\n");
    let expected = "none of 4 tags matches `^v\\d`; 3 would with the `v` left optional";
    assert_eq!(suggestions(&world, &["explain", "web"]), [format!("{expected} -> tags: {{match: '^v?\\d'}} -> 1.1.0")]);
    let text = world.landwaiter(&["explain", "web"]).out;
    assert!(
        text.contains(&format!("  perhaps  {expected}\n           tags: {{match: '^v?\\d'}}  would choose 1.1.0\n")),
        "{text}"
    );
    world.write("tags.txt", "16.1\n16.4\nlatest\n");
    assert_eq!(
        suggestions(&world, &["try", "semver-stable", "--tags", "tags.txt"]),
        [
            "no tag that passes the filter is a release of 3 parts; 2 would be candidates -> select: {semver: {range: \"*\", parts: 2}} -> 16.4"
        ]
    );
}

#[test]
fn a_lying_registry_drives_no_terminal() {
    let world = world("- {name: web, images: [reg.example.com/acme/web], select: {semver: '*'}}\n");
    let tags = ["1.0.0", "1.1\u{1b}]0;owned\u{7}.0", "\u{202e}0.9.1", "größe", &"9".repeat(100_000), "1.0\n2.0"];
    world.write("tags.json", &serde_json::json!({"tags": tags}).to_string());
    for arguments in [&["try", "web", "--tags", "tags.json"][..], &["try", "web", "--tags", "tags.json", "--all"]] {
        let said = world.landwaiter(&[arguments, &["--color", "never"]].concat());
        assert!(!said.out.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{:?}", said.out);
        assert!(said.out.lines().all(|line| line.len() < 400), "{:?}", said.out);
    }
    let all = world.landwaiter(&["try", "web", "--tags", "tags.json", "--all"]).out;
    assert!(all.contains("1.1\\u{1b}]0;owned\\u{7}.0") && all.contains("gr\\u{f6}\\u{df}e"), "{all}");
}
