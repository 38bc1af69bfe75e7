//! `landwaiter update`: plan, then write.

use super::diagnose::Failure;
use super::output::Output;
use super::{Exit, Format, RepoArguments, branches, machine, wire};
use crate::cycle::Planned;
use crate::render;
use clap::Args;
use std::path::PathBuf;

/// Plan, then write: commit and push, or edit the files of a checkout
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landwaiter update --worktree
  landwaiter update --push
  landwaiter update --repo https://git.example.com/acme/config.git --branch staging --branch production
  landwaiter update --repo ssh://git@git.example.com/acme/config.git --branch main
  landwaiter plan --format json > plan.json && landwaiter update --push --plan plan.json")]
pub(super) struct Arguments {
    #[command(flatten)]
    repo: RepoArguments,
    /// Edit the files of the checkout; commit nothing
    #[arg(long, conflicts_with = "push")]
    worktree: bool,
    /// Commit on the branch of `origin` that the checkout has checked out, from that branch's head
    #[arg(long)]
    push: bool,
    /// Go on only if the plan of now has the same changes as this one (`plan --format json`)
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// How the report is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, Failure> {
    let purpose = match (arguments.worktree, arguments.push) {
        (true, _) => wire::Purpose::WriteWorktree,
        (_, true) => wire::Purpose::PushOrigin,
        _ => wire::Purpose::WriteBranch,
    };
    if arguments.plan.is_some() && arguments.repo.branch.len() > 1 {
        return Err(Failure::usage("--plan is of one branch").hint("name that branch alone"));
    }
    branches::each(&arguments.repo, arguments.format == Format::Json, output, |repo, output| {
        let wired = wire::Wired::new(repo, purpose, output)?;
        let approved = arguments.plan.as_deref().map(machine::read_plan).transpose()?;
        let approve = |planned: &Planned| approved.as_ref().map_or(Ok(()), |approved| same(approved, planned));
        let report = wired.block_on(async |run| run.update(&approve).await)?;
        output.warn(&report.planned.warnings);
        let text = match arguments.format {
            Format::Text => render::text::report(output.paint(), &report),
            Format::Json => render::json::report(&report),
        };
        Ok(branches::Outcome { text, exit: Exit::of_report(&report), warnings: report.planned.warnings })
    })
}

/// The approved changes against those of now: file, blob, place, image, from and to must all be equal.
fn same(approved: &serde_json::Value, planned: &Planned) -> Result<(), String> {
    let now = render::json::changes_value(&planned.plan);
    if approved.get("changes") == Some(&now) {
        return Ok(());
    }
    let empty = Vec::new();
    let old = approved.get("changes").and_then(|changes| changes.as_array()).unwrap_or(&empty);
    let new = now.as_array().unwrap_or(&empty);
    let gone = old.iter().filter(|change| !new.contains(change)).count();
    let added = new.iter().filter(|change| !old.contains(change)).count();
    Err(format!(
        "the plan is not the approved one any more: {gone} of its changes are gone or different, {added} are new; nothing was written"
    ))
}
