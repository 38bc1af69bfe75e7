//! Repositories for tests: the `git` program with no configuration but the repository's own, and publications.
//!
//! Include it with `#[path = "support/repos.rs"] mod repos;`.

use landwaiter::port::*;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// The time of every publication.
pub(crate) const TIME: i64 = 1_700_000_000;

/// Runs `git` there and returns what it printed. Same input, same commit ids.
pub(crate) fn run_git(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(directory)
        .args(arguments)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_AUTHOR_NAME", "Somebody")
        .env("GIT_AUTHOR_EMAIL", "somebody@example.com")
        .env("GIT_AUTHOR_DATE", "1600000000 +0000")
        .env("GIT_COMMITTER_DATE", "1600000000 +0000")
        .env("GIT_COMMITTER_NAME", "Somebody")
        .env("GIT_COMMITTER_EMAIL", "somebody@example.com")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// Nothing is broken and everything is there.
pub(crate) fn fsck(repository: &Path) {
    run_git(repository, &["fsck", "--strict", "--no-dangling"]);
}

/// Every readable file with its bytes.
pub(crate) fn contents(snapshot: &dyn Snapshot) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    snapshot
        .read(1 << 20, &|_| true, &mut |file, bytes| {
            found.insert(file.path.to_string(), bytes.unwrap().to_vec());
            ControlFlow::Continue(())
        })
        .unwrap();
    found
}

/// New texts for some files of the snapshot.
pub(crate) fn publication(snapshot: &dyn Snapshot, edits: &[(&str, &[u8])]) -> Publication {
    let bot = Author { name: "Landwaiter".to_owned(), email: "landwaiter@example.com".to_owned() };
    Publication {
        parent: snapshot.head().cloned(),
        commits: vec![NewCommit {
            files: edits
                .iter()
                .map(|(path, new)| NewFile {
                    path: Arc::from(*path),
                    old: snapshot.read_one(path).unwrap().unwrap().into(),
                    new: (*new).into(),
                })
                .collect(),
            message: "update images\n\nacme/web 1.0.0 -> 1.1.0\n".to_owned(),
        }],
        author: bot.clone(),
        committer: bot,
        time: TIME,
        ledger: None,
    }
}
