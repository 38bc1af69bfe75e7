//! What lands on the branch: which changes share a commit, what it says, who made it and whose signature it carries.

use crate::process;
use crate::world::{EXAMPLE_HOST, World, git, message};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

fn deployment(images: &[(&str, &str)]) -> String {
    let containers: String =
        images.iter().map(|(name, tag)| format!("    - image: reg.example.com/acme/{name}:{tag}\n")).collect();
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: x}}\nspec:\n  containers:\n{containers}")
}

/// Two images in two directories, one file with both, policies `web` and `db` with these `write` values.
fn world(web: &str, db: &str) -> World {
    let world = World::new();
    world.push("acme/web", &["1.0.0", "1.1.0"]);
    world.push("acme/db", &["5.0.0", "5.2.0"]);
    world.write(
        "landwaiter.yaml",
        &format!(
            "\
apiVersion: landwaiter/v1
kind: ImagePolicies
policies:
  - name: web
    images: [reg.example.com/acme/web]
    select: {{semver: '*'}}
    write: {web}
  - name: db
    images: [reg.example.com/acme/db]
    select: {{semver: '*'}}
    write: {db}
"
        ),
    );
    world.write("apps/a.yaml", &deployment(&[("db", "5.0.0"), ("web", "1.0.0")]));
    world.write("apps/b.yaml", &deployment(&[("web", "1.0.0"), ("db", "5.0.0")]));
    world.write("jobs/c.yaml", &deployment(&[("web", "1.0.0")]));
    world
}

/// The subjects of the commits that the update made, oldest first, each with the names of its files.
fn commits(bare: &Path) -> Vec<(String, String)> {
    let bare = bare.to_string_lossy();
    let ids = git(&bare, &["rev-list", "--reverse", "main"]);
    let shown = ids.lines().skip(1).map(|id| {
        let files = git(&bare, &["diff-tree", "--no-commit-id", "--name-only", "-r", id]).replace('\n', " ");
        (git(&bare, &["show", "-s", "--format=%s", id]), files)
    });
    shown.collect()
}

fn update(world: &World, settings: &str) -> (PathBuf, Value) {
    let bare = world.bare();
    let path = world.repo().join("../settings.yaml");
    std::fs::write(&path, format!("apiVersion: landwaiter/v1\nkind: Settings\n{settings}")).unwrap();
    let (repo, config) = (bare.to_string_lossy(), path.to_string_lossy());
    let said = world.landwaiter(&["update", "--repo", &repo, "--config", &config, "--format", "json"]);
    assert_eq!(said.status, 0, "{}", said.err);
    (bare, serde_json::from_str(&said.out).unwrap())
}

fn owned(commits: &[(&str, &str)]) -> Vec<(String, String)> {
    commits.iter().map(|(subject, files)| ((*subject).to_owned(), (*files).to_owned())).collect()
}

#[test]
fn each_grouping_makes_its_commits_and_the_last_state_is_the_same() {
    let plain = world("{}", "{}");
    let (whole, _) = update(&plain, "");
    let state = |world: &World, bare: &Path| {
        let files = ["main:apps/a.yaml", "main:apps/b.yaml", "main:jobs/c.yaml"];
        files.map(|file| git(&bare.to_string_lossy(), &["show", file]).replace(&world.registry.host(), EXAMPLE_HOST))
    };
    assert_eq!(commits(&whole), owned(&[("Update 2 images", "apps/a.yaml apps/b.yaml jobs/c.yaml")]));
    let expected_state = state(&plain, &whole);
    for (group, expected) in [
        (
            "policy",
            vec![
                ("Update acme/db to 5.2.0", "apps/a.yaml apps/b.yaml"),
                ("Update acme/web to 1.1.0", "apps/a.yaml apps/b.yaml jobs/c.yaml"),
            ],
        ),
        (
            "directory",
            vec![("Update 2 images", "apps/a.yaml apps/b.yaml"), ("Update acme/web to 1.1.0", "jobs/c.yaml")],
        ),
        (
            "file",
            vec![
                ("Update 2 images", "apps/a.yaml"),
                ("Update 2 images", "apps/b.yaml"),
                ("Update acme/web to 1.1.0", "jobs/c.yaml"),
            ],
        ),
        (
            "'{{ \"db\" if policy == \"db\" else directory }}'",
            vec![
                ("Update acme/db to 5.2.0", "apps/a.yaml apps/b.yaml"),
                ("Update acme/web to 1.1.0", "apps/a.yaml apps/b.yaml"),
                ("Update acme/web to 1.1.0", "jobs/c.yaml"),
            ],
        ),
    ] {
        let write = format!("{{group: {group}}}");
        let world = world(&write, &write);
        let (bare, report) = update(&world, "");
        assert_eq!(commits(&bare), owned(&expected), "{group}");
        assert_eq!(state(&world, &bare), expected_state, "{group}");
        let written = report["written"]["commits"].as_array().unwrap();
        assert_eq!(written.len(), expected.len());
        assert_eq!(written.last().unwrap()["commit"], report["written"]["commit"]);
        assert_eq!(report["written"]["files"], 3);
    }
}

#[test]
fn every_change_says_its_group() {
    let (_, report) = update(&world("{group: policy}", "{}"), "");
    let groups: Vec<&str> =
        report["changes"].as_array().unwrap().iter().map(|change| change["group"].as_str().unwrap()).collect();
    assert_eq!(groups, ["run", "policy/web", "policy/web", "run", "policy/web"]);
}

#[test]
fn changes_that_one_anchor_ties_are_written_together() {
    let world = world("{group: policy}", "{group: policy}");
    world.write(
        "apps/tied.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers:\n    - image: &i reg.example.com/acme/web:1.0.0\n    - image: *i\n",
    );
    let (bare, _) = update(&world, "");
    let text = git(&bare.to_string_lossy(), &["show", "main:apps/tied.yaml"]);
    assert!(text.contains("/acme/web:1.1.0\n    - image: *i"), "{text}");
}

#[test]
fn policies_say_what_their_commits_say_and_else_the_operator() {
    let own = "{group: policy, subject: 'web: {{ changes[0].tag }} [skip ci]', body: \"{% for c in changes %}{{ c.file }}\\n{% endfor %}\"}";
    let world = world(own, "{group: policy}");
    let settings = "\
commit:
  author: {name: Bot, email: bot@example.com}
  committer: {name: Harbour, email: harbour@example.com}
  subject: 'images: {{ summary }}'
  body: 'In {{ files | join(\", \") }}'
  signOff: true
";
    let (bare, _) = update(&world, settings);
    let shown = |at: &str| {
        let text = git(&bare.to_string_lossy(), &["show", "-s", "--format=%an <%ae> %cn <%ce>%n%B", at]);
        message(&text, &world.registry.host())
    };
    assert_eq!(
        shown("main~1"),
        "\
Bot <bot@example.com> Harbour <harbour@example.com>
images: Update acme/db to 5.2.0

In apps/a.yaml, apps/b.yaml

Landwaiter-Policy: db
Landwaiter-Image: reg.example.com/acme/db 5.0.0 -> 5.2.0
Landwaiter-Wrote: KEY 5.2.0
Landwaiter-Wrote: KEY 5.2.0
Signed-off-by: Bot <bot@example.com>"
    );
    assert_eq!(
        shown("main"),
        "\
Bot <bot@example.com> Harbour <harbour@example.com>
web: 1.1.0 [skip ci]

apps/a.yaml
apps/b.yaml
jobs/c.yaml

Landwaiter-Policy: web
Landwaiter-Image: reg.example.com/acme/web 1.0.0 -> 1.1.0
Landwaiter-Wrote: KEY 1.1.0
Landwaiter-Wrote: KEY 1.1.0
Landwaiter-Wrote: KEY 1.1.0
Signed-off-by: Bot <bot@example.com>"
    );
}

#[test]
fn what_later_runs_read_is_said_even_without_trailers() {
    let world = world("{}", "{}");
    let (bare, _) = update(&world, "commit: {trailers: false}\n");
    let text = git(&bare.to_string_lossy(), &["show", "-s", "--format=%B", "main"]);
    assert_eq!(text.matches("\nLandwaiter-Wrote: ").count(), 5, "{text}");
    assert!(!text.contains("Landwaiter-Image") && !text.contains("Landwaiter-Policy"), "{text}");
}

#[test]
fn policies_that_share_a_commit_must_agree_on_its_words() {
    for (web, db, expected) in [
        ("{subject: 'web only'}", "{}", "from the operator"),
        ("{subject: 'web only'}", "{subject: 'db only'}", "from the operator"),
        ("{subject: both}", "{subject: both}", "both"),
    ] {
        let world = world(web, db);
        let (bare, _) = update(&world, "commit: {subject: 'from the operator'}\n");
        assert_eq!(commits(&bare)[0].0, expected);
    }
}

#[test]
fn a_checkout_is_edited_at_once_whatever_the_groups() {
    let world = world("{group: policy}", "{group: policy}");
    let said = world.landwaiter(&["update", "--worktree"]);
    assert_eq!((said.status, said.err.as_str()), (0, ""));
    assert_eq!(world.read("apps/a.yaml"), deployment(&[("db", "5.2.0"), ("web", "1.1.0")]));
    assert_eq!(world.read("apps/b.yaml"), deployment(&[("web", "1.1.0"), ("db", "5.2.0")]));
}

/// Runs a program of the system; what it says is in the panic.
fn run(program: &str, arguments: &[&str], home: &Path) -> String {
    let output = Command::new(program).args(arguments).env("GNUPGHOME", home).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    said
}

#[test]
fn commits_are_signed_with_an_ssh_key_and_git_agrees() {
    if process::program("ssh-keygen").is_none() {
        return;
    }
    for (kind, passphrase) in [("ed25519", ""), ("ecdsa", ""), ("ed25519", "open sesame")] {
        let world = world("{group: policy}", "{group: policy}");
        let home = world.repo().join("..").canonicalize().unwrap();
        let key = home.join("signing");
        let key = key.to_string_lossy();
        run("ssh-keygen", &["-q", "-t", kind, "-N", passphrase, "-C", "bot", "-f", &key], &home);
        let public = std::fs::read_to_string(home.join("signing.pub")).unwrap();
        let allowed = home.join("allowed");
        std::fs::write(&allowed, format!("landwaiter@localhost {public}")).unwrap();
        std::fs::write(home.join("phrase"), format!("{passphrase}\n")).unwrap();
        let phrase = if passphrase.is_empty() { "" } else { ", passphraseFile: phrase" };
        let (bare, _) = update(&world, &format!("commit: {{signing: {{keyFile: signing{phrase}}}}}\n"));
        let bare = bare.to_string_lossy();
        let signers = format!("gpg.ssh.allowedSignersFile={}", allowed.display());
        for commit in ["main", "main~1"] {
            let said = run("git", &["-C", &bare, "-c", &signers, "verify-commit", commit], &home);
            assert!(said.contains("Good \"git\" signature for landwaiter@localhost"), "{said}");
        }
    }
}

#[test]
fn commits_are_signed_with_an_open_pgp_key_and_git_agrees() {
    if process::program("gpg").is_none() {
        return;
    }
    for (kind, passphrase) in [("ed25519", ""), ("nistp256", "open sesame")] {
        let world = world("{}", "{}");
        let home = world.repo().join("..").canonicalize().unwrap();
        let gpg = |arguments: &[&str]| {
            let quiet = ["--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", passphrase];
            run("gpg", &[&quiet[..], arguments].concat(), &home)
        };
        gpg(&["--quick-generate-key", "Landwaiter <landwaiter@localhost>", kind, "sign", "never"]);
        let file = home.join("signing.asc");
        gpg(&["--armor", "--output", &file.to_string_lossy(), "--export-secret-keys", "landwaiter@localhost"]);
        std::fs::write(home.join("phrase"), passphrase).unwrap();
        let phrase = if passphrase.is_empty() { "" } else { ", passphraseFile: phrase" };
        let (bare, _) = update(&world, &format!("commit: {{signing: {{keyFile: signing.asc{phrase}}}}}\n"));
        let said = run("git", &["-C", &bare.to_string_lossy(), "verify-commit", "main"], &home);
        assert!(said.contains("Good signature from \"Landwaiter <landwaiter@localhost>\""), "{said}");
        run("gpgconf", &["--kill", "all"], &home);
    }
}

#[test]
fn an_rsa_key_is_refused_until_it_has_a_subkey_of_another_kind() {
    if process::program("gpg").is_none() {
        return;
    }
    let world = world("{}", "{}");
    let home = world.repo().join("..").canonicalize().unwrap();
    let gpg = |arguments: &[&str]| {
        let quiet = ["--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""];
        run("gpg", &[&quiet[..], arguments].concat(), &home)
    };
    let export = || {
        let file = home.join("signing.asc");
        gpg(&["--yes", "--armor", "--output", &file.to_string_lossy(), "--export-secret-keys", "landwaiter@localhost"]);
        std::fs::read_to_string(file).unwrap()
    };
    let read = |text: String| landwaiter::git::Signer::read(&landwaiter::port::Secret::new(text), None);
    gpg(&["--quick-generate-key", "Landwaiter <landwaiter@localhost>", "rsa2048", "sign", "never"]);
    let refused = read(export()).unwrap_err();
    assert_eq!(refused.message, "the OpenPGP key can sign with RSA only, which this build does not do");
    let listed = gpg(&["--with-colons", "--list-keys", "landwaiter@localhost"]);
    let fingerprint = listed.lines().find_map(|line| line.strip_prefix("fpr:")).unwrap().trim_matches(':').to_owned();
    gpg(&["--quick-add-key", &fingerprint, "ed25519", "sign"]);
    assert!(read(export()).is_ok());
    run("gpgconf", &["--kill", "all"], &home);
}

#[test]
fn a_key_that_cannot_sign_stops_the_run_before_anything_is_planned() {
    let world = world("{}", "{}");
    let folder = world.repo().join("..").canonicalize().unwrap();
    let bare = world.bare();
    std::fs::write(
        folder.join("settings.yaml"),
        "apiVersion: landwaiter/v1\nkind: Settings\ncommit: {signing: {keyFile: k}}\n",
    )
    .unwrap();
    let config = folder.join("settings.yaml");
    let run =
        || world.landwaiter(&["update", "--repo", &bare.to_string_lossy(), "--config", &config.to_string_lossy()]);
    for (key, expected) in [
        ("s3cret", "the SSH key is no private key that this build can use (Ed25519 or ECDSA)"),
        (
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\ns3cret\n-----END PGP PRIVATE KEY BLOCK-----\n",
            "the OpenPGP key cannot be used",
        ),
    ] {
        std::fs::write(folder.join("k"), key).unwrap();
        let said = run();
        assert_eq!(said.status, 1);
        assert!(said.err.contains(expected) && !said.err.contains("s3cret"), "{}", said.err);
    }
    assert_eq!(git(&bare.to_string_lossy(), &["rev-list", "--count", "main"]), "1");
}
