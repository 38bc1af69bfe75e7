//! A bot's repository, a person's checkout beside it, and the program between them.

use crate::world::{EXAMPLE_HOST, Said, World, git};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

pub(crate) const POLICY: &str = "    select: {semver: '*'}\n";

/// A person's checkout beside the bot's repository, and the way there.
pub(crate) struct Ship {
    pub(crate) world: World,
    pub(crate) bare: PathBuf,
    /// What `--repo` is given.
    pub(crate) repo: String,
    pub(crate) settings: String,
}

impl Ship {
    /// One pod with `acme/web:1.0.0`, and `policy` for it.
    pub(crate) fn new(policy: &str) -> Ship {
        let world = World::new();
        world.push("acme/web", &["1.0.0", "1.1.0"]);
        Ship::sail(world, &pod(&["1.0.0"]), policy)
    }

    pub(crate) fn sail(world: World, pod: &str, policy: &str) -> Ship {
        world.write("web.yaml", pod);
        let head = "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n  - name: web\n";
        world.write("landwaiter.yaml", &format!("{head}    images: [reg.example.com/acme/web]\n{policy}"));
        let bare = world.bare();
        let person = world.folder.path().join("person");
        git(".", &["clone", "--quiet", &bare.to_string_lossy(), &person.to_string_lossy()]);
        let repo = bare.to_string_lossy().into_owned();
        Ship { world, bare, repo, settings: String::new() }
    }

    pub(crate) fn person(&self, arguments: &[&str]) -> String {
        git(&self.world.folder.path().join("person").to_string_lossy(), arguments)
    }

    /// The person's file with another text in the place of one.
    pub(crate) fn edit(&self, from: &str, to: &str) {
        let path = self.world.folder.path().join("person/web.yaml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        let host = self.world.registry.host();
        fs::write(path, text.replace(from, &to.replace(EXAMPLE_HOST, &host))).unwrap();
        self.person(&["commit", "--quiet", "--all", "--message", "hands off"]);
    }

    pub(crate) fn pull(&self) {
        self.person(&["pull", "--quiet", "--ff-only"]);
    }

    pub(crate) fn push(&self) {
        self.person(&["push", "--quiet", "origin", "HEAD:main"]);
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.world.folder.path().join("state")
    }

    pub(crate) fn run(&self, command: &[&str]) -> Said {
        let settings = self.world.folder.path().join("settings.yaml");
        let text = format!("apiVersion: landwaiter/v1\nkind: Settings\n{}", self.settings);
        // Several may run at once.
        if fs::read_to_string(&settings).ok().as_ref() != Some(&text) {
            fs::write(&settings, text).unwrap();
        }
        let (config, state) = (settings.to_string_lossy(), self.state());
        let common = ["--repo", &self.repo, "--config", &config, "--state-dir", &state.to_string_lossy()];
        self.world.landwaiter(&[command, &common].concat())
    }

    pub(crate) fn update(&self) {
        let said = self.run(&["update"]);
        assert_eq!(said.status, 0, "{}{}", said.out, said.err);
    }

    /// What stands on the branch.
    pub(crate) fn stands(&self) -> Vec<String> {
        let text = git(&self.bare.to_string_lossy(), &["show", "main:web.yaml"]);
        text.lines().filter_map(|line| Some(line.rsplit_once("/acme/web:")?.1.to_owned())).collect()
    }

    /// `REASON: DETAIL` of the first reference, or its state.
    pub(crate) fn fate(&self) -> String {
        let said = self.run(&["plan", "--format", "json"]);
        let plan: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}{}", said.out, said.err));
        let first = &plan["references"][0];
        match (first["reason"].as_str(), first["detail"].as_str()) {
            (Some(reason), Some(detail)) => format!("{reason}: {detail}"),
            _ => first["state"].as_str().unwrap().to_owned(),
        }
    }

    /// Held, in this run and in the next ones, whatever is remembered.
    pub(crate) fn stays(&self, tag: &str) {
        for forget in [false, true, false] {
            if forget && self.state().exists() {
                fs::remove_dir_all(self.state()).unwrap();
            }
            assert!(self.fate().starts_with("rolled-back: "), "{}", self.fate());
            self.update();
            assert_eq!(self.stands(), [tag]);
        }
    }
}

pub(crate) fn pod(tags: &[&str]) -> String {
    let containers: String = tags.iter().map(|tag| format!("    - image: reg.example.com/acme/web:{tag}\n")).collect();
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  containers:\n{containers}")
}
