//! `examples/ci`: jobs that people copy. They are YAML, pin what they use, their images are found by Landwaiter itself, and what they
//! run does what their comments say.

use crate::ours;
use crate::plain_yaml::plain;
use crate::world::World;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const GITHUB: &str = ".github/workflows/images.yaml";
const GITLAB: &str = ".gitlab-ci.yml";

fn read(file: &str) -> String {
    fs::read_to_string(ours("examples/ci").join(file)).unwrap()
}

fn steps() -> Vec<Value> {
    plain(&read(GITHUB))[0]["jobs"]["plan"]["steps"].as_array().unwrap().clone()
}

#[test]
fn actions_are_pinned_to_commits_and_images_to_versions() {
    let text = read(GITHUB);
    let uses: Vec<&str> = text.lines().filter_map(|line| line.split_once("uses: ")).map(|(_, rest)| rest).collect();
    assert!(!uses.is_empty());
    for line in uses {
        let (action, version) = line.split_once(" # v").unwrap_or_else(|| panic!("{line} does not say its version"));
        let commit = action.rsplit_once('@').unwrap().1;
        assert!(commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{action}");
        assert!(version.split('.').count() == 3, "{line}");
    }
    let workflow = &plain(&text)[0];
    assert_eq!(workflow["jobs"]["plan"]["runs-on"], "ubuntu-24.04", "no runner that moves");
    assert_eq!(workflow["permissions"]["contents"], "read");
    let checkout = &steps()[0]["with"];
    assert_eq!((&checkout["fetch-depth"], &checkout["persist-credentials"]), (&0.into(), &false.into()));
    assert_eq!(plain(&read(GITLAB))[0]["images"]["variables"]["GIT_DEPTH"], "0");
}

#[test]
fn landwaiter_keeps_their_images_up_to_date() {
    let world = World::new();
    world.copy(&ours("examples/ci"));
    // Nobody answers for these registries here: what is asked is only whether the images are found, and whose they are.
    let folder = world.repo();
    for file in [GITHUB, GITLAB, "landwaiter.yaml"] {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        let host = world.registry.host();
        let text = text.replace("registry.example.com", &host).replace("docker.io", &host);
        fs::write(folder.join(file), text).unwrap();
    }
    world.push("acme/landwaiter", &["0.1.0", "0.2.0"]);
    world.push("library/debian", &["12.11", "12.12", "12"]);
    let updated = world.landwaiter(&["update", "--worktree"]);
    assert_eq!(updated.status, 0, "{}{}", updated.out, updated.err);
    for file in [GITHUB, GITLAB] {
        let text = world.read(file);
        assert!(text.contains("acme/landwaiter:0.2.0 # landwaiter: landwaiter\n"), "{file}:\n{text}");
    }
    assert!(world.read(GITLAB).contains("library/debian:12.12\n"));
}

/// What the jobs run in a checkout, with the program where they put it.
fn run(script: &str, folder: &Path, temporary: &Path) -> Output {
    let path = format!("{}:{}", temporary.display(), std::env::var("PATH").unwrap());
    // GitHub runs bash so; GitLab's runner stops at the first error too.
    let mut command = Command::new("bash");
    command.args(["-eo", "pipefail", "-c", script]).current_dir(folder).env_clear().env("PATH", path);
    command.env("RUNNER_TEMP", temporary).env("GITHUB_STEP_SUMMARY", temporary.join("summary.md"));
    command.env("HOME", temporary).output().unwrap()
}

/// The scripts of both that check and plan: each runs alone, in the order of the job.
fn scripts() -> Vec<(&'static str, Vec<String>)> {
    let of_github = steps().iter().filter_map(|step| step["run"].as_str().map(str::to_owned)).collect::<Vec<_>>();
    let of_gitlab = plain(&read(GITLAB))[0]["images"]["script"].as_array().unwrap().clone();
    let of_gitlab: Vec<String> = of_gitlab.iter().map(|line| line.as_str().unwrap().to_owned()).collect();
    let wanted = |script: &String| script.contains("check") || script.contains("plan --exit-code");
    [(GITHUB, of_github), (GITLAB, of_gitlab)]
        .map(|(name, all)| (name, all.into_iter().filter(wanted).collect()))
        .into()
}

#[test]
fn their_scripts_end_as_their_comments_say() {
    for (name, scripts) in scripts() {
        let [check, plan] = &scripts[..] else { panic!("{name}: {scripts:?}") };
        let world = World::new();
        world.push("acme/web", &["1.0.0", "1.1.0"]);
        let temporary = tempfile::tempdir().unwrap();
        fs::copy(env!("CARGO_BIN_EXE_landwaiter"), temporary.path().join("landwaiter")).unwrap();
        let policies = "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n  - name: web\n    \
                        images: ['reg.example.com/acme/*']\n    select: {semver: '*'}\n";
        world.write("landwaiter.yaml", policies);
        world.write(
            "pod.yaml",
            "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: reg.example.com/acme/web:1.0.0\n",
        );
        world.bare();
        let run = |script: &str| run(script, &world.repo(), temporary.path());

        let checked = run(check);
        assert!(checked.status.success(), "{name}: {checked:?}");
        let planned = run(plan);
        assert!(planned.status.success(), "{name}: something would change, which is no error: {planned:?}");
        assert!(world.read("plan.md").contains("1.1.0"), "{name}");

        fs::remove_file(world.repo().join("plan.md")).unwrap();
        world.write(
            "gone.yaml",
            "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: reg.example.com/acme/gone:1.0.0\n",
        );
        let planned = run(plan);
        assert!(planned.status.success(), "{name}: what errors held back is no error of the author: {planned:?}");

        world.write("landwaiter.yaml", &policies.replace("semver", "semwer"));
        assert_eq!(run(check).status.code(), Some(3), "{name}");
        assert_eq!(run(plan).status.code(), Some(3), "{name}");
    }
}
