//! Several branches of one repository in one command: each has its own run, and what fails on one keeps no other back.

use crate::world::{World, git};

const POLICY: &str = "\
apiVersion: landwaiter/v1
kind: ImagePolicies
policies:
  - {name: web, images: [reg.example.com/acme/web], select: {semver: '*'}}
";

fn pod(tag: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: x}}\nspec:\n  containers:\n    - image: reg.example.com/acme/web:{tag}\n"
    )
}

/// A bare repository whose branches `staging` and `production` hold different versions.
fn world() -> (World, String) {
    let world = World::new();
    world.push("acme/web", &["1.0.0", "1.1.0", "1.2.0"]);
    world.write("landwaiter.yaml", POLICY);
    world.write("web.yaml", &pod("1.0.0"));
    let bare = world.bare().to_string_lossy().into_owned();
    for branch in ["staging", "production"] {
        git(&bare, &["update-ref", &format!("refs/heads/{branch}"), "refs/heads/main"]);
    }
    (world, bare)
}

fn image(bare: &str, branch: &str) -> String {
    let file = git(bare, &["show", &format!("{branch}:web.yaml")]);
    file.rsplit_once(':').unwrap().1.trim().to_owned()
}

#[test]
fn each_branch_has_its_own_run() {
    let (world, bare) = world();
    let said = world.landwaiter(&["update", "--repo", &bare, "--branch", "staging", "--branch", "production"]);
    assert_eq!(said.status, 0, "{said:?}");
    assert_eq!(["staging", "production", "main"].map(|branch| image(&bare, branch)), ["1.2.0", "1.2.0", "1.0.0"]);
    let lines: Vec<&str> = said.out.lines().filter(|line| line.starts_with("Committed")).collect();
    assert!(lines[0].contains("to staging as") && lines[1].contains("to production as"), "{}", said.out);
}

#[test]
fn json_of_several_branches_is_one_document_with_a_run_for_each() {
    let (world, bare) = world();
    let arguments = ["plan", "--repo", &bare, "--branch", "staging", "--branch", "production", "--format", "json"];
    let said = world.landwaiter(&arguments);
    let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let runs = json["runs"].as_array().unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(runs.iter().map(|run| run["branch"].as_str().unwrap()).collect::<Vec<_>>(), ["staging", "production"]);
    assert_eq!(runs[1]["changes"][0]["to"]["tag"], "1.2.0");
}

#[test]
fn a_branch_that_fails_keeps_no_other_back_and_is_told() {
    let (world, bare) = world();
    let arguments = ["update", "--repo", &bare, "--branch", "nowhere", "--branch", "staging", "--format", "json"];
    let said = world.landwaiter(&arguments);
    assert_eq!(said.status, 1, "{said:?}");
    assert_eq!(image(&bare, "staging"), "1.2.0");
    assert!(said.err.contains("has no branch nowhere"), "{}", said.err);
    let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(json["runs"][0]["branch"], "nowhere");
    assert!(json["runs"][0]["error"].as_str().unwrap().contains("has no branch nowhere"));
    assert!(json["runs"][1]["written"]["commit"].is_string());
}

#[test]
fn commands_of_one_branch_say_so() {
    let (world, bare) = world();
    let two = ["--branch", "staging", "--branch", "production"];
    for command in ["check", "holds"] {
        let said = world.landwaiter(&[&[command, "--repo", &bare][..], &two].concat());
        assert_eq!(said.status, 2, "{command} {said:?}");
        assert!(said.err.contains("--branch is given several times"), "{}", said.err);
    }
    let plan = world.repo().join("../plan.json");
    let said = world.landwaiter(&["plan", "--repo", &bare, "--branch", "staging", "--format", "json"]);
    std::fs::write(&plan, &said.out).unwrap();
    let said = world.landwaiter(&[&["update", "--repo", &bare, "--plan", plan.to_str().unwrap()][..], &two].concat());
    assert_eq!(said.status, 2, "{said:?}");
}
