//! Opening repositories that lie on the disk, in isolation, and finding branches in them.
//!
//! Nothing but the repository's own configuration is read, and nothing in it can start a program or ask a question: this
//! room uses neither hooks nor filters nor credential helpers nor `gix`'s own remotes.

use super::fault::{Hint, chain, lasting, passing};
use crate::port::RepoError;
use gix::ObjectId;
use gix::bstr::ByteSlice;
use gix::refs::TargetRef;
use std::path::Path;

/// How many branches an error names at most.
pub(super) const NAMED_BRANCHES: usize = 5;

/// The configuration we read repositories with. Every line carries its reason.
const CONFIG: [&str; 4] = [
    // Objects near each other in a pack are deltas of each other: three times faster reading (measured) for 16 MiB.
    "core.deltaBaseCacheLimit=16m",
    // What Git says another object stands for is not what the branch holds.
    "core.useReplaceRefs=false",
    // Wait this many milliseconds for another writer's lock, then say so.
    "core.filesRefLockTimeout=3000",
    "core.packedRefsTimeout=3000",
];

/// Opens the repository at `path`: a bare one, or the `.git` of a checkout.
pub(super) fn open(path: &Path, name: &str) -> Result<gix::Repository, RepoError> {
    let repo = gix::open::Options::isolated()
        .config_overrides(CONFIG)
        .open(path)
        .map_err(|error| not_opened(path, name, &error))?;
    let mut repo = gix::Repository::from(repo);
    if let Some(storage) = repo.config_snapshot().string("extensions.refStorage")
        && storage.as_bstr() != "files"
    {
        return Err(lasting(format!("{name} keeps its refs as `{storage}`, which cannot be read")));
    }
    repo.objects.ignore_replacements = true;
    Ok(repo)
}

fn not_opened(path: &Path, name: &str, error: &gix::Error) -> RepoError {
    match path.metadata() {
        Err(io) if io.kind() == std::io::ErrorKind::NotFound => lasting(format!("{name} does not exist")),
        Err(io) => lasting(format!("{name} cannot be read: {io}")),
        Ok(_) if permission_denied(error) => lasting(format!("{name} cannot be read: permission denied"))
            .hint("run as a user who may read the repository"),
        Ok(_) => lasting(format!("{name} is not a Git repository: {}", chain(error))),
    }
}

fn permission_denied(error: &gix::Error) -> bool {
    error
        .iter_errors()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|io| io.kind() == std::io::ErrorKind::PermissionDenied)
}

/// Whether the directory is itself a repository rather than a checkout that has one in `.git`.
pub(super) fn is_bare(path: &Path) -> bool {
    !path.join(".git").exists()
        && path.join("HEAD").is_file()
        && path.join("objects").is_dir()
        && path.join("refs").is_dir()
}

/// Refuses what Git would not take for the name of a branch.
pub(super) fn check_branch_name(branch: &str) -> Result<(), RepoError> {
    let full = full_name(branch);
    let valid = gix::validate::reference::name(full.as_bytes().as_bstr()).is_ok();
    if branch.starts_with("refs/") {
        return Err(lasting(format!("`{branch}` is the full name of a ref")).hint("give the short name of a branch"));
    }
    if !valid || branch.starts_with('-') || branch == "HEAD" {
        return Err(lasting(format!("`{}` is no name of a branch", branch.escape_debug())));
    }
    Ok(())
}

/// The names that no branch may have beside this one: `a` and `a/b` for `a/b/c`.
pub(super) fn above(branch: &str) -> impl Iterator<Item = &str> {
    branch.match_indices('/').map(|(at, _)| &branch[..at])
}

/// The branch cannot be made because another one is called like the folder it would be in.
pub(super) fn in_the_way(other: &str, branch: &str) -> RepoError {
    lasting(format!("branch {other} is in the way of {branch}"))
        .hint("rename it, or let the branches of pull requests begin with something else: `pullRequests.prefix` in the settings")
}

/// `refs/heads/BRANCH`.
pub(super) fn full_name(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

/// The branch that `HEAD` names.
pub(super) fn default_branch(repo: &gix::Repository, name: &str) -> Result<String, RepoError> {
    let head =
        repo.head_name().map_err(|error| lasting(format!("HEAD of {name} cannot be read: {}", chain(&error))))?;
    let short = head.as_ref().and_then(|head| head.as_bstr().strip_prefix(b"refs/heads/"));
    match short.map(|short| short.to_str()) {
        Some(Ok(short)) => Ok(short.to_owned()),
        Some(Err(_)) => Err(lasting(format!("the branch that HEAD of {name} names is not UTF-8"))),
        None => Err(lasting(format!("HEAD of {name} names no branch")).hint("name one with --branch")),
    }
}

/// The commit at the head of the branch.
pub(super) fn head_of(repo: &gix::Repository, branch: &str, name: &str) -> Result<ObjectId, RepoError> {
    let full = full_name(branch);
    let found = repo
        .try_find_reference(full.as_str())
        .map_err(|error| passing(format!("branch {branch} of {name} cannot be read: {}", chain(&error))))?;
    match found.as_ref().map(|found| found.target()) {
        Some(TargetRef::Object(id)) => Ok(id.to_owned()),
        Some(TargetRef::Symbolic(other)) => Err(lasting(format!("branch {branch} of {name} stands for another ref"))
            .hint(format!("name {} instead", other.shorten()))),
        None => Err(no_such_branch(branch, name, branches(repo))),
    }
}

/// Up to one more than [`NAMED_BRANCHES`] branches.
fn branches(repo: &gix::Repository) -> Vec<String> {
    let Ok(platform) = repo.references() else {
        return Vec::new();
    };
    let Ok(local) = platform.local_branches() else {
        return Vec::new();
    };
    local.flatten().map(|found| found.name().shorten().to_string()).take(NAMED_BRANCHES + 1).collect()
}

/// The branch is not there: says which are, or that there is nothing at all.
pub(super) fn no_such_branch(branch: &str, name: &str, mut there: Vec<String>) -> RepoError {
    if there.is_empty() {
        return lasting(format!("{name} is empty: it has no commit on any branch")).hint("push a first commit");
    }
    let more = if there.len() > NAMED_BRANCHES { ", ..." } else { "" };
    there.truncate(NAMED_BRANCHES);
    lasting(format!("{name} has no branch {branch}")).hint(format!("there is {}{more}", there.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branch_names_are_those_git_allows() {
        for good in ["main", "release/1.x", "é"] {
            assert!(check_branch_name(good).is_ok(), "{good}");
        }
        for bad in ["", "a..b", "a b", "-x", "refs/heads/main", "a.lock", "a\nb", "HEAD", "a~1", "/a"] {
            assert!(check_branch_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn at_most_five_branches_are_named() {
        let names = |n: usize| (0..n).map(|i| format!("b{i}")).collect::<Vec<_>>();
        let hint = |n| no_such_branch("x", "r", names(n)).hint.unwrap();
        assert_eq!(hint(5), "there is b0, b1, b2, b3, b4");
        assert_eq!(hint(6), "there is b0, b1, b2, b3, b4, ...");
        assert_eq!(no_such_branch("x", "r", Vec::new()).message, "r is empty: it has no commit on any branch");
    }
}
