//! A small world around the real binary: a registry in this process, a folder of files, the program's answers.
//!
//! Files may name `reg.example.com`; the world puts its own registry's address in its place, and takes it out again of
//! whatever the program prints.

use landwaiter::registry::embedded::{Embedded, Made};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub(crate) const EXAMPLE_HOST: &str = "reg.example.com";

pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) registry: Embedded,
    runtime: tokio::runtime::Runtime,
}

/// What the program said, with the example host in place of the real one.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    pub(crate) fn new() -> World {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let registry = runtime.block_on(Embedded::start()).unwrap();
        World { folder: tempfile::tempdir().unwrap(), registry, runtime }
    }

    pub(crate) fn push(&self, repository: &str, tags: &[&str]) {
        for tag in tags {
            self.runtime.block_on(self.registry.push(repository, tag)).unwrap();
        }
    }

    /// Pushes an image that says something about itself, in the words of a scenario's `images.txt`.
    pub(crate) fn make(&self, line: &str) {
        let mut words = line.split(' ');
        let (repository, tag) = words.next().unwrap().rsplit_once(':').unwrap();
        let mut made = Made::default();
        let (mut platforms, mut labels) = (Vec::new(), Vec::new());
        for word in words {
            match word.split_once('=').unwrap() {
                ("created", time) => made.created = Some(time),
                ("platforms", list) => platforms.extend(list.split(',')),
                ("labels", list) => labels.extend(list.split(',').map(|label| label.split_once('=').unwrap())),
                (other, _) => panic!("{other} is nothing that an image says"),
            }
        }
        made.platforms = &platforms;
        made.labels = &labels;
        self.registry.push_made(repository, tag, &made).unwrap();
    }

    /// The folder that holds the config repository.
    pub(crate) fn repo(&self) -> PathBuf {
        self.folder.path().join("repo")
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.repo().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text.replace(EXAMPLE_HOST, &self.registry.host())).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        let text = fs::read_to_string(self.repo().join(path)).unwrap();
        text.replace(&self.registry.host(), EXAMPLE_HOST)
    }

    /// Copies a folder of files in.
    pub(crate) fn copy(&self, from: &Path) {
        for (path, bytes) in tree(from) {
            self.write(&path, &String::from_utf8(bytes).unwrap());
        }
    }

    /// Every file of the config repository but `.git`, as the example host knows it.
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        let host = self.registry.host();
        tree(&self.repo())
            .into_iter()
            .map(|(path, bytes)| (path, String::from_utf8(bytes).unwrap().replace(&host, EXAMPLE_HOST)))
            .collect()
    }

    /// Makes a bare repository of what was written so far, with one commit on `main`.
    pub(crate) fn bare(&self) -> PathBuf {
        let bare = self.folder.path().join("config.git");
        let repo = self.repo().to_string_lossy().into_owned();
        git(&repo, &["init", "--quiet", "--initial-branch=main"]);
        git(&repo, &["add", "--all"]);
        git(&repo, &["commit", "--quiet", "--message=first"]);
        git(&repo, &["clone", "--quiet", "--bare", ".", &bare.to_string_lossy()]);
        bare
    }

    /// Runs the program in the config repository's folder.
    pub(crate) fn landwaiter(&self, arguments: &[&str]) -> Said {
        self.landwaiter_in(&self.repo(), arguments)
    }

    pub(crate) fn landwaiter_in(&self, folder: &Path, arguments: &[&str]) -> Said {
        let output = self.command(arguments).current_dir(folder).output().unwrap();
        self.said(output)
    }

    /// The program with an environment of its own: nobody's credentials, nobody's settings.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_landwaiter"));
        command.args(arguments).env_clear().env("HOME", self.folder.path()).env("PATH", "/nowhere");
        command
    }

    pub(crate) fn said(&self, output: Output) -> Said {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&self.registry.host(), EXAMPLE_HOST);
        Said { status: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// Runs git as nobody in particular and insists on success.
pub(crate) fn git(folder: &str, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-C", folder, "-c", "user.name=Test", "-c", "user.email=test@example.com"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// A commit message with the example host, and `KEY` for the keys of places: they are of the real one.
pub(crate) fn message(text: &str, host: &str) -> String {
    let text = text.replace(host, EXAMPLE_HOST);
    let lines = text.split_inclusive('\n').map(|line| match line.strip_prefix("Landwaiter-Wrote: ") {
        Some(rest) => format!("Landwaiter-Wrote: KEY{}", &rest[16..]),
        None => line.to_owned(),
    });
    lines.collect()
}

/// Files below `folder` by relative path, `.git` left out.
pub(crate) fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder_here) = open.pop() {
        for entry in fs::read_dir(&folder_here).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().is_some_and(|name| name == ".git") {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}
