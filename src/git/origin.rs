//! Which remote and branch a checkout belongs to: `update --push` on a checkout commits on the branch of `origin` that is
//! checked out, from its head there, and leaves the checkout alone.

use super::fault::{Hint, lasting};
use super::{Location, bare};
use crate::port::RepoError;
use gix::bstr::ByteSlice;
use std::path::Path;

/// The URL of `origin` and the branch there that the checkout at `path` stands for.
///
/// The URL is as configured, except that a relative path is made one from here. The branch is the one that
/// `branch.NAME.merge` names when `branch.NAME.remote` is `origin`, else the one with the same name.
///
/// # Errors
/// No repository, no branch checked out, no `origin`, or an `origin` that [`Location::parse`] refuses.
pub fn origin_of(path: &Path) -> Result<(String, String), RepoError> {
    let name = path.display().to_string();
    let repo = bare::open(path, &name)?;
    let checked_out = bare::default_branch(&repo, &name)
        .map_err(|error| error.hint("check out a branch, or give the repository's URL and --branch"))?;
    let config = repo.config_snapshot();
    let url = config
        .string("remote.origin.url")
        .ok_or_else(|| lasting(format!("{name} has no remote `origin`")).hint("add one, or use --worktree"))?;
    let url = url.to_str().map_err(|_| lasting(format!("the URL of origin of {name} is not UTF-8")))?;
    let location = Location::parse(url)
        .map_err(|error| RepoError { message: format!("origin of {name}: {}", error.message), ..error })?;
    let url = match location {
        Location::Path(relative) => path.join(relative).display().to_string(),
        _ => url.to_owned(),
    };
    let key = |what: &str| config.string(format!("branch.{checked_out}.{what}").as_str());
    let upstream = key("merge").filter(|_| key("remote").is_some_and(|remote| remote == "origin"));
    let branch = upstream
        .as_ref()
        .and_then(|full| full.strip_prefix(b"refs/heads/"))
        .and_then(|short| short.to_str().ok())
        .map_or(checked_out, str::to_owned);
    Ok((url, branch))
}
