//! `select: commit` with the real binary and a real Git server: what is asked of whom, how often, and what comes of it.

use crate::servers::{HTTP_PROGRAMS, HttpServer, TOKEN, available};
use crate::world::{World, git};
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

/// Source repositories below a folder of their own, served by HTTP, and images of some of their commits.
struct Workshop {
    world: World,
    server: HttpServer,
    folder: tempfile::TempDir,
}

impl Workshop {
    fn new() -> Workshop {
        let folder = tempfile::tempdir().unwrap();
        let server = HttpServer::start(folder.path());
        let workshop = Workshop { world: World::new(), server, folder };
        let root = workshop.folder.path().to_string_lossy().into_owned();
        git(&root, &["init", "--quiet", "--bare", "--initial-branch=main", "web.git"]);
        git(&workshop.path("web.git"), &["config", "uploadpack.allowFilter", "true"]);
        git(&root, &["init", "--quiet", "--initial-branch=main", "work"]);
        workshop
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{name}", self.server.port)
    }

    /// A commit on the branch; its id.
    fn commit(&self, message: &str) -> String {
        let work = self.path("work");
        fs::write(self.folder.path().join("work/file"), message).unwrap();
        git(&work, &["add", "--all"]);
        git(&work, &["commit", "--quiet", "--message", message]);
        git(&work, &["push", "--quiet", "../web.git", "HEAD:main"]);
        git(&work, &["rev-parse", "HEAD"])
    }

    fn policies(&self, names: &[&str], source: &str) {
        let policy = |name: &&str| {
            format!(
                "  - name: {name}\n    extends: [commit-on-branch]\n    images: [reg.example.com/acme/{name}]\n    \
                 select: {{commit: {{repository: '{source}', branch: main}}}}\n"
            )
        };
        let policies: String = names.iter().map(policy).collect();
        self.world.write(
            "landwaiter.yaml",
            &format!("apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n{policies}"),
        );
    }

    fn pod(&self, images: &[String]) {
        let images: String =
            images.iter().map(|image| format!("    - image: reg.example.com/acme/{image}\n")).collect();
        self.world.write("pod.yaml", &format!("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n{images}"));
    }

    /// A settings file with the password of the server's reader, and what else is said.
    fn settings(&self, more: &str) -> PathBuf {
        let folder = self.world.folder.path();
        fs::write(folder.join("password"), TOKEN).unwrap();
        let git =
            format!("git: [{{url: '{}', credentials: {{user: reader, passwordFile: password}}}}]\n", self.url(""));
        let path = folder.join("settings.yaml");
        fs::write(&path, format!("apiVersion: landwaiter/v1\nkind: Settings\n{git}{more}")).unwrap();
        path
    }

    /// How often the repository was asked for commits or for where a branch is.
    fn asked(&self, name: &str) -> usize {
        let line = format!("POST /{name}/git-upload-pack 200");
        self.server.requests().iter().filter(|request| **request == line).count()
    }
}

#[test]
fn a_commit_that_was_taken_back_is_passed_only_by_one_that_contains_it() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let shop = Workshop::new();
    let ids: Vec<String> = ["one", "two", "three"].iter().map(|message| shop.commit(message)).collect();
    shop.world.push("acme/web", &[&ids[0], &ids[1]]);
    shop.policies(&["web"], &shop.url("web.git"));
    shop.pod(&[format!("web:{}", ids[0])]);
    let (bare, person) = (shop.world.bare(), shop.path("person"));
    let bare = bare.to_str().unwrap();
    let settings = shop.settings(&format!("sources: {{hosts: ['127.0.0.1:{}']}}\n", shop.server.port));
    let run = |command: &[&str]| {
        let common = ["--repo", bare, "--config", settings.to_str().unwrap()];
        let said = shop.world.landwaiter(&[command, &common].concat());
        assert_eq!(said.status, 0, "{}{}", said.out, said.err);
        said.out
    };
    let stands = |id: &str| git(bare, &["show", "main:pod.yaml"]).contains(&format!("web:{id}"));
    run(&["update"]);
    assert!(stands(&ids[1]));
    git(".", &["clone", "--quiet", bare, &person]);
    git(&person, &["revert", "--no-edit", "HEAD"]);
    git(&person, &["push", "--quiet", "origin", "HEAD:main"]);
    assert!(run(&["update"]).contains("rolled-back") && stands(&ids[0]));
    shop.world.push("acme/web", &[&ids[2]]);
    run(&["update"]);
    assert!(stands(&ids[2]));
}

#[test]
fn one_fetch_serves_all_policies_of_a_run_and_the_newest_commit_with_an_image_is_written() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let shop = Workshop::new();
    let ids: Vec<String> = ["one", "two", "three", "four"].iter().map(|message| shop.commit(message)).collect();
    let tag = |at: usize| ids[at][..7].to_owned();
    shop.world.push("acme/web", &[&tag(0), &format!("sha-{}", ids[2]), "latest", "0000000"]);
    shop.world.push("acme/api", &[&tag(0), &tag(1), &tag(3)]);
    shop.policies(&["web", "api", "idle"], &shop.url("web.git"));
    shop.pod(&[format!("web:{}", tag(0)), format!("api:{}", tag(1)), format!("web:{}", tag(2))]);
    let settings = shop.settings(&format!("sources: {{hosts: ['127.0.0.1:{}']}}\n", shop.server.port));
    let settings = settings.to_str().unwrap();

    let planned = shop.world.landwaiter(&["plan", "--config", settings]);
    assert_eq!((planned.status, shop.asked("web.git")), (0, 2), "{}{}", planned.out, planned.err);
    assert!(planned.out.contains(&format!("no image yet for {}, the head of main", tag(3))), "{}", planned.out);
    let updated = shop.world.landwaiter(&["update", "--worktree", "--config", settings]);
    assert_eq!((updated.status, shop.asked("web.git")), (0, 3), "nothing is fetched twice: {}", updated.err);
    let pod = shop.world.read("pod.yaml");
    for image in [format!("web:sha-{}\n", ids[2]), format!("api:{}\n", tag(3)), format!("web:{}\n", tag(2))] {
        assert!(pod.contains(&image), "{image}{pod}");
    }

    let explained = shop.world.landwaiter(&["explain", "web", "--config", settings, "--format", "json"]);
    let said: serde_json::Value = serde_json::from_str(&explained.out).unwrap();
    let passed = said["decisions"][0]["passedOver"].as_array().unwrap();
    let reason = |tag: &str| passed.iter().find(|one| one["tag"] == tag).map(|one| one["reason"].as_str().unwrap());
    assert_eq!(reason("0000000"), Some("not-on-branch"), "{}", explained.out);
    assert_eq!(reason(&tag(0)), Some("older"));
    assert_eq!(said["decisions"][0]["note"], format!("no image yet for {}, the head of main", tag(3)));

    // Where no reference needs the history, nobody is asked.
    let before = shop.server.requests().len();
    shop.pod(&["other:1.0.0".to_owned()]);
    assert_eq!(shop.world.landwaiter(&["plan", "--config", settings]).status, 0);
    assert_eq!(shop.server.requests().len(), before);
}

#[test]
fn the_config_repositorys_own_host_may_be_asked_without_further_words() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let shop = Workshop::new();
    let (one, two) = (shop.commit("one"), shop.commit("two"));
    shop.world.push("acme/web", &[&one[..7], &two[..7]]);
    shop.policies(&["web"], &shop.url("web.git"));
    shop.pod(&[format!("web:{}", &one[..7])]);
    let bare = shop.world.bare();
    fs::rename(bare, shop.folder.path().join("config.git")).unwrap();
    let settings = shop.settings("");
    let repo = shop.url("config.git");
    let planned = shop.world.landwaiter(&["plan", "--repo", &repo, "--config", settings.to_str().unwrap()]);
    assert_eq!(planned.status, 0, "{}", planned.err);
    assert!(planned.out.contains(&two[..7]), "{}", planned.out);
    assert_eq!(shop.asked("web.git"), 2);

    // A checkout belongs where its origin is.
    git(&shop.world.repo().to_string_lossy(), &["remote", "add", "origin", &repo]);
    let planned = shop.world.landwaiter(&["plan", "--config", settings.to_str().unwrap()]);
    assert!(planned.out.starts_with("1 change"), "{}{}", planned.out, planned.err);
}

#[test]
fn a_host_that_nobody_named_is_never_contacted() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let host = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
    world.push("acme/web", &["0a1b2c3", "4d5e6f7"]);
    let policy = format!(
        "- name: web\n  images: [reg.example.com/acme/web]\n  select: {{commit: {{repository: 'http://{host}/web.git', branch: main}}}}\n"
    );
    world.write("landwaiter.yaml", &format!("apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n{policy}"));
    world.write(
        "pod.yaml",
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - image: reg.example.com/acme/web:0a1b2c3\n",
    );
    let settings = world.folder.path().join("settings.yaml");
    fs::write(&settings, "apiVersion: landwaiter/v1\nkind: Settings\nsources: {hosts: [git.example.com]}\n").unwrap();
    let settings = settings.to_string_lossy().into_owned();
    for arguments in [&["plan"][..], &["plan", "--config", &settings], &["explain", "web"], &["update", "--worktree"]] {
        let said = world.landwaiter(arguments);
        assert_eq!(said.status, 0, "a guard is no error: {}", said.err);
        assert!(said.out.contains("not-allowed"), "{arguments:?}: {}", said.out);
        assert!(said.out.contains(&format!("sources: {{hosts: [{host}]}}")), "{arguments:?}: {}", said.out);
        assert!(listener.accept().is_err(), "{arguments:?}: somebody came");
    }
}

#[test]
fn a_history_that_cannot_be_had_holds_its_references_only() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let shop = Workshop::new();
    let one = shop.commit("one");
    shop.world.push("acme/web", &[&one[..7]]);
    shop.policies(&["web"], &shop.url("missing.git"));
    shop.pod(&[format!("web:{}", &one[..7])]);
    let settings = shop.settings(&format!("sources: {{hosts: ['127.0.0.1:{}']}}\n", shop.server.port));
    let said = shop.world.landwaiter(&["plan", "--config", settings.to_str().unwrap()]);
    assert_eq!(said.status, 4, "{}", said.out);
    for words in ["incomplete-information", "has no such repository (404)"] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
}

#[test]
fn try_takes_the_history_from_a_file() {
    let world = World::new();
    let source = "{commit: {repository: 'https://git.example.com/acme/web.git', branch: main}}";
    world.write(
        "landwaiter.yaml",
        &format!("apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n- {{name: web, extends: [commit-on-branch], images: [acme/web], select: {source}}}\n"),
    );
    let id = |digit: &str| digit.repeat(40);
    world.write("tags", "sha-aaaaaaa\nbbbbbbb\nddddddd\n");
    world.write("history", &format!("{}\n{}\n{}\n", id("c"), id("b"), id("a")));
    let with = |more: &[&str]| {
        world.landwaiter(&[&["try", "web", "--tags", "tags", "--current", "sha-aaaaaaa"], more].concat())
    };
    let said = with(&["--history", "history"]);
    assert_eq!(said.status, 0, "{}", said.err);
    for words in ["bbbbbbb", "not-on-branch", "no image yet for ccccccc, the head of main"] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
    let said = with(&[]);
    assert!(said.out.contains("`--history FILE` takes what `git log --format='%H %P'` prints"), "{}", said.out);
    world.write("history", "aaaaaaa\n");
    let said = with(&["--history", "history"]);
    assert_eq!(said.status, 1);
    assert!(said.err.contains("--history: line 1: not the full id of a commit"), "{}", said.err);
}
