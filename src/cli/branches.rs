//! The same for several branches of one repository, one after the other: `--branch staging --branch production`.
//!
//! Each branch has its own run: its own policies, plan, commits and pull requests. What fails on one does not keep the others back;
//! the exit status is the one that outranks the others.

use super::diagnose::Failure;
use super::output::Output;
use super::{Exit, RepoArguments};
use crate::cycle::Rejected;
use serde_json::json;

/// What came of one branch.
pub(super) struct Outcome {
    pub(super) text: String,
    pub(super) exit: Exit,
    /// What is said of the policy files at the end.
    pub(super) warnings: Rejected,
}

/// Runs for each branch that is named, or once for the usual one. With `json` several results become one document.
pub(super) fn each(
    repo: &RepoArguments,
    json: bool,
    output: &mut Output,
    mut one: impl FnMut(&RepoArguments, &mut Output) -> Result<Outcome, Failure>,
) -> Result<Exit, Failure> {
    if repo.branch.len() < 2 {
        let done = one(repo, output)?;
        output.print(&done.text)?;
        output.rejected_apart(&done.warnings);
        return Ok(done.exit);
    }
    let mut exit = Exit::Done;
    let mut runs = Vec::new();
    for branch in &repo.branch {
        let alone = RepoArguments { branch: vec![branch.clone()], ..repo.clone() };
        let ended = match one(&alone, output) {
            Ok(done) => {
                if json {
                    runs.push(serde_json::from_str(&done.text).unwrap_or_default());
                } else {
                    output.print(if runs.is_empty() { "" } else { "\n" })?;
                    output.print(&done.text)?;
                    runs.push(serde_json::Value::Null);
                }
                output.rejected_apart(&done.warnings);
                done.exit
            }
            Err(failure) => {
                runs.push(json!({ "branch": branch, "error": failure.message }));
                output.fail(&failure)
            }
        };
        exit = exit.and(ended);
    }
    if json {
        let all = json!({ "version": 1, "runs": runs });
        output.print(&(serde_json::to_string_pretty(&all).unwrap_or_default() + "\n"))?;
    }
    Ok(exit)
}
