//! The contract for scripts: exit statuses and their precedence, JSON shapes, what goes to stdout and what to stderr.

use crate::world::{World, git};
use serde_json::Value;

const POLICIES: &str = "\
apiVersion: landwaiter/v1
kind: ImagePolicies
policies:
  - name: web
    images: [reg.example.com/acme/web]
    select: {semver: '*'}
";

fn pod(tag: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  containers:\n    - image: reg.example.com/acme/web{tag}\n"
    )
}

/// One policy, one pod at 1.0.0, a registry with 1.0.0 and 1.1.0.
fn world() -> World {
    let world = World::new();
    world.push("acme/web", &["1.0.0", "1.1.0", "2.0.0-rc.1", "latest"]);
    world.write("landwaiter.yaml", POLICIES);
    world.write("web.yaml", &pod(":1.0.0"));
    world
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn plan_says_what_would_change_and_writes_nothing() {
    let world = world();
    let plain = world.landwaiter(&["plan"]);
    assert_eq!((plain.status, plain.err.as_str()), (0, ""));
    let found = world.landwaiter(&["plan", "--exit-code"]);
    assert_eq!(found.status, 10);
    assert_eq!(world.read("web.yaml"), pod(":1.0.0"));

    world.write("web.yaml", &pod(":1.1.0"));
    assert_eq!(world.landwaiter(&["plan", "--exit-code"]).status, 0);
}

#[test]
fn plan_json_has_the_shape_of_the_contract() {
    let world = world();
    let bare = world.bare();
    let plan = json(&world.landwaiter(&["plan", "--repo", &bare.to_string_lossy(), "--format", "json"]).out);
    assert_eq!(plan["version"], 1);
    assert_eq!(plan["branch"], "main");
    assert_eq!(plan["head"], git(&bare.to_string_lossy(), &["rev-parse", "main"]));
    let change = &plan["changes"][0];
    assert_eq!(change["action"], "update");
    assert_eq!(change["file"], "web.yaml");
    assert_eq!(change["line"], 6);
    assert_eq!(change["path"], "spec.containers[0].image");
    assert_eq!(change["blob"], git(&bare.to_string_lossy(), &["rev-parse", "main:web.yaml"]));
    assert_eq!(change["image"], "reg.example.com/acme/web");
    assert_eq!(change["policy"], "web");
    assert_eq!(change["from"], json(r#"{"tag": "1.0.0", "digest": null}"#));
    assert_eq!(change["to"], json(r#"{"tag": "1.1.0", "digest": null}"#));
    let reference = &plan["references"][0];
    assert_eq!(reference["state"], "change");
    assert_eq!(reference["reason"], Value::Null);
    assert_eq!(plan["skippedFiles"], json("[]"));

    let worktree = json(&world.landwaiter(&["plan", "--format", "json"]).out);
    assert_eq!((&worktree["head"], &worktree["branch"]), (&Value::Null, &Value::Null));
    assert_eq!(worktree["changes"][0]["blob"], change["blob"]);
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let world = world();
    for n in 0..30 {
        world.write(&format!("apps/{n}/pod.yaml"), &pod(if n % 2 == 0 { ":1.0.0" } else { ":latest" }));
    }
    let first = world.landwaiter(&["plan", "--format", "json"]).out;
    for _ in 0..5 {
        assert_eq!(world.landwaiter(&["plan", "--format", "json"]).out, first);
    }
}

#[test]
fn update_on_a_bare_repository_commits_once_and_counts_its_requests() {
    let world = world();
    for n in 0..20 {
        world.write(&format!("apps/{n}/pod.yaml"), &pod(":1.0.0"));
    }
    let bare = world.bare();
    let bare = bare.to_string_lossy();
    let report = json(&world.landwaiter(&["update", "--repo", &bare, "--format", "json"]).out);
    assert_eq!(report["written"]["files"], 21);
    assert_eq!(report["written"]["commit"], git(&bare, &["rev-parse", "main"]));
    assert_eq!(report["requests"], json(r#"{"reg.example.com": 1}"#), "21 references of one image cost one request");
    let again = json(&world.landwaiter(&["update", "--repo", &bare, "--format", "json"]).out);
    assert_eq!(again["written"], Value::Null);
    assert_eq!(git(&bare, &["rev-list", "--count", "main"]), "2");
}

#[test]
fn a_checkout_wants_to_know_how_it_may_be_written() {
    let world = world();
    let refused = world.landwaiter(&["update"]);
    assert_eq!(refused.status, 2);
    assert!(refused.err.contains("--worktree") && refused.err.contains("--push"), "{}", refused.err);

    let edited = world.landwaiter(&["update", "--worktree"]);
    assert_eq!(edited.status, 0, "{}", edited.err);
    assert_eq!(world.read("web.yaml"), pod(":1.1.0"));
}

#[test]
fn push_commits_on_the_branch_of_origin_and_leaves_the_checkout_alone() {
    let world = world();
    let bare = world.bare();
    let clone = world.folder.path().join("clone");
    git(
        &world.folder.path().to_string_lossy(),
        &["clone", "--quiet", &bare.to_string_lossy(), &clone.to_string_lossy()],
    );
    let pushed = world.landwaiter_in(&clone, &["update", "--push"]);
    assert_eq!(pushed.status, 0, "{}", pushed.err);
    assert_eq!(git(&bare.to_string_lossy(), &["rev-list", "--count", "main"]), "2");
    assert_eq!(git(&clone.to_string_lossy(), &["rev-list", "--count", "main"]), "1");
    assert_eq!(git(&clone.to_string_lossy(), &["status", "--short"]), "");
}

#[test]
fn an_approved_plan_is_written_only_while_it_is_the_plan() {
    let world = world();
    let plan = world.landwaiter(&["plan", "--format", "json"]).out.replace("reg.example.com", &world.registry.host());
    let file = world.folder.path().join("plan.json");
    std::fs::write(&file, plan).unwrap();
    let arguments = ["update", "--worktree", "--plan", &file.to_string_lossy()];

    world.push("acme/web", &["1.2.0"]);
    let refused = world.landwaiter(&arguments);
    assert_eq!(refused.status, 1);
    assert!(refused.err.contains("not the approved one"), "{}", refused.err);
    assert_eq!(world.read("web.yaml"), pod(":1.0.0"));

    let plan = world.landwaiter(&["plan", "--format", "json"]).out.replace("reg.example.com", &world.registry.host());
    std::fs::write(&file, plan).unwrap();
    assert_eq!(world.landwaiter(&arguments).status, 0);
    assert_eq!(world.read("web.yaml"), pod(":1.2.0"));

    std::fs::write(&file, "{\"version\": 7}").unwrap();
    let other = world.landwaiter(&arguments);
    assert_eq!(other.status, 1);
    assert!(other.err.contains("version 7 is not known"), "{}", other.err);
}

#[test]
fn explain_names_the_reason_of_every_tag() {
    let world = world();
    let explained = json(&world.landwaiter(&["explain", "web.yaml:6", "--format", "json"]).out);
    assert_eq!(explained["version"], 1);
    assert_eq!(explained["policy"], "web");
    assert_eq!(explained["chosen"], "1.1.0");
    assert_eq!(explained["held"], Value::Null);
    let passed: Vec<(&str, &str)> = explained["passedOver"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["tag"].as_str().unwrap(), one["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(passed, [("2.0.0-rc.1", "prerelease"), ("1.0.0", "superseded"), ("latest", "floating")]);
    for target in ["web", "reg.example.com/acme/web", "web.yaml"] {
        let target = target.replace("reg.example.com", &world.registry.host());
        let said = world.landwaiter(&["explain", &target]);
        assert_eq!(said.status, 0, "{target}: {}", said.err);
        assert!(said.out.contains("chosen: 1.1.0"), "{target}: {}", said.out);
    }
    let unknown = world.landwaiter(&["explain", "wbe"]);
    assert_eq!(unknown.status, 2);
    assert!(unknown.err.contains("did you mean web?"), "{}", unknown.err);
}

#[test]
fn try_needs_no_registry() {
    let world = world();
    world.write("tags.txt", "1.0.0\n1.4.0\n1.5.0-rc.1\nlatest\n");
    let tried = json(&world.landwaiter(&["try", "web", "--tags", "tags.txt", "--format", "json"]).out);
    assert_eq!(tried["chosen"], "1.4.0");
    let held =
        json(&world.landwaiter(&["try", "web", "--tags", "tags.txt", "--current", "latest", "--format", "json"]).out);
    assert_eq!((&held["held"], &held["policy"]), (&Value::from("floating-current"), &Value::from("web")));
    let shipped = world.landwaiter(&["try", "semver-stable", "--tags", "tags.txt"]);
    assert_eq!(shipped.status, 0, "{}", shipped.err);
    assert_eq!(world.landwaiter(&["try", "nobody", "--tags", "tags.txt"]).status, 2);
}

#[test]
fn check_lists_every_problem_with_exit_status_3() {
    let world = world();
    assert_eq!(world.landwaiter(&["check"]).out, "1 policy in 1 file: valid\n");
    world.write("landwaiter.yaml", &POLICIES.replace("semver: '*'", "semver: '>1.x.y'").replace("images", "imgaes"));
    let checked = world.landwaiter(&["check"]);
    assert_eq!((checked.status, checked.out.as_str()), (3, ""));
    assert!(
        checked.err.contains("landwaiter.yaml:5:5") && checked.err.contains("did you mean `images`?"),
        "{}",
        checked.err
    );
    assert!(checked.err.contains("bad version range"), "{}", checked.err);
    let machine = world.landwaiter(&["check", "--format", "json"]);
    assert_eq!(machine.status, 3);
    let problems = json(&machine.out)["problems"].as_array().unwrap().clone();
    assert!(problems.iter().any(|problem| problem["line"] == 5 && problem["column"] == 5), "{problems:?}");
    // Rejected policies stop a run before anything is asked of a registry.
    let before = world.registry.requests();
    assert_eq!(world.landwaiter(&["plan"]).status, 3);
    assert_eq!(world.registry.requests(), before);
}

#[test]
fn two_policies_with_the_same_claim_are_an_error_of_check_and_a_hold_of_a_run() {
    let world = world();
    let second = POLICIES.split_once("policies:\n").unwrap().1.replace("name: web", "name: other");
    world.write("landwaiter.yaml", &format!("{POLICIES}{second}"));
    let checked = world.landwaiter(&["check"]);
    assert_eq!((checked.status, checked.out.as_str()), (3, ""));
    assert!(checked.err.contains("web.yaml:6:14") && checked.err.contains("policies web"), "{}", checked.err);
    let machine = world.landwaiter(&["check", "--format", "json"]);
    let problems = json(&machine.out);
    let errors = problems["problems"].as_array().unwrap().iter().filter(|one| one["severity"] == "error");
    let lines: Vec<&Value> = errors.map(|one| &one["line"]).collect();
    assert_eq!((machine.status, lines), (3, vec![&Value::from(6)]), "{problems}");
    let planned = world.landwaiter(&["plan"]);
    assert_eq!(planned.status, 0, "{}", planned.err);
    assert!(planned.out.contains("0 changes, 1 held") && planned.out.contains("ambiguous-policy"), "{}", planned.out);
    world.write("web.yaml", &pod(":1.0.0 # landwaiter: other"));
    assert_eq!(world.landwaiter(&["check"]).status, 0);
}

#[test]
fn a_dead_registry_holds_back_its_images_and_no_others() {
    let world = world();
    // Nobody listens on port 1, and nobody is given it for a moment as he might be given a free one.
    let dead = "127.0.0.1:1";
    world.write(
        "landwaiter.yaml",
        &format!("{POLICIES}  - name: dead\n    images: ['{dead}/acme/*']\n    select: {{semver: '*'}}\n"),
    );
    world.write("dead.yaml", &pod(":1.0.0").replace("reg.example.com/acme/web", &format!("{dead}/acme/api")));
    let updated = world.landwaiter(&["update", "--worktree"]);
    assert_eq!(updated.status, 4, "{}", updated.err);
    assert_eq!(world.read("web.yaml"), pod(":1.1.0"));
    assert!(
        updated.out.contains("incomplete-information") && updated.out.contains("cannot be reached"),
        "{}",
        updated.out
    );
}

#[test]
fn usage_errors_are_2_and_a_missing_repository_is_1() {
    let world = world();
    assert_eq!(world.landwaiter(&["plan", "--nonsense"]).status, 2);
    assert_eq!(world.landwaiter(&[]).status, 2);
    assert_eq!(world.landwaiter(&["--help"]).status, 0);
    assert_eq!(world.landwaiter(&["plan", "--repo", "http://git.example.com/x.git"]).status, 2);
    let missing = world.landwaiter(&["plan", "--repo", "nowhere"]);
    assert_eq!(missing.status, 1, "{}", missing.err);
    let bare = world.bare();
    let branch = world.landwaiter(&["plan", "--repo", &bare.to_string_lossy(), "--branch", "mian"]);
    assert_eq!(branch.status, 1);
    assert!(branch.err.contains("main"), "{}", branch.err);
}

#[test]
fn of_several_errors_the_first_of_the_contract_counts() {
    let world = world();
    let settings = world.folder.path().join("settings.yaml");
    std::fs::write(&settings, "apiVersion: landwaiter/v1\nkind: Settings\nnope: 1\n").unwrap();
    let config = settings.to_string_lossy();
    for (arguments, status) in [
        (&["update"][..], 2),
        (&["update", "--worktree", "--branch", "main"], 2),
        (&["plan", "--policies", "["], 2),
        (&["update", "--worktree", "--plan", "nowhere.json"], 3),
        (&["update", "--repo", "nowhere"], 3),
    ] {
        let said = world.landwaiter(&[arguments, &["--config", &config]].concat());
        assert_eq!(said.status, status, "{arguments:?}: {}", said.err);
    }
    let nowhere = world.landwaiter(&["update", "--repo", "nowhere"]);
    assert_eq!(nowhere.status, 1);
    assert!(nowhere.err.contains("nowhere does not exist"), "{}", nowhere.err);
}

#[test]
fn a_credential_that_is_not_there_is_named() {
    let world = world();
    world.write("landwaiter.yaml", POLICIES);
    let bare = world.bare();
    let settings = world.folder.path().join("settings.yaml");
    std::fs::write(
        &settings,
        "apiVersion: landwaiter/v1\nkind: Settings\nregistries:\n- host: ghcr.io\n  credentials: {tokenEnv: NOT_SET}\n",
    )
    .unwrap();
    let arguments = ["plan", "--repo", &bare.to_string_lossy(), "--config", &settings.to_string_lossy()];
    let refused = world.landwaiter(&arguments);
    assert_eq!(refused.status, 1);
    assert!(refused.err.contains("NOT_SET"), "{}", refused.err);
}

#[test]
fn schema_policies_and_completions_print_to_stdout() {
    let world = world();
    assert!(json(&world.landwaiter(&["schema"]).out).is_object());
    assert!(json(&world.landwaiter(&["schema", "settings"]).out).is_object());
    assert!(world.landwaiter(&["policies"]).out.contains("semver-stable"));
    assert!(world.landwaiter(&["policies", "show", "semver-stable"]).out.contains("apiVersion"));
    let unknown = world.landwaiter(&["policies", "show", "semver-stabel"]);
    assert_eq!(unknown.status, 2);
    assert!(unknown.err.contains("did you mean `semver-stable`?"), "{}", unknown.err);
    for shell in ["bash", "zsh", "fish"] {
        assert!(world.landwaiter(&["completions", shell]).out.contains("landwaiter"));
    }
}

#[test]
fn the_demo_shows_the_loop_and_leaves_nothing_behind() {
    let world = world();
    let shown = world.landwaiter(&["demo"]);
    assert_eq!(shown.status, 0, "{}", shown.err);
    assert!(shown.out.contains("Nothing to do"), "{}", shown.out);
    assert!(shown.out.contains("+          image: \""), "{}", shown.out);
}

#[test]
fn the_front_page_shows_what_the_program_prints() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let report = std::fs::read_to_string(root.join("tests/scenarios/readme/report.txt")).unwrap();
    assert!(readme.contains(&format!("```text\n{report}```")), "README.md does not show {report}");
    for status in [0, 1, 2, 3, 4, 10] {
        assert!(readme.contains(&format!("\n| {status} | ")), "README.md does not explain exit status {status}");
    }
}

/// A fresh machine, an image of one's own: nobody whom the demo would have to believe.
#[test]
fn the_demo_needs_no_certificate_authorities() {
    let world = World::new();
    let mut command = world.command(&["demo"]);
    command.env("SSL_CERT_FILE", "/nowhere").env("SSL_CERT_DIR", "/nowhere").env("TMPDIR", world.folder.path());
    let shown = world.said(command.output().unwrap());
    assert_eq!(shown.status, 0, "{}", shown.err);
}
