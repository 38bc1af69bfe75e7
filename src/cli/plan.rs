//! `landwaiter plan`: scan and decide, print the plan, write nothing.

use super::diagnose::Failure;
use super::output::Output;
use super::{Exit, RepoArguments, branches, wire};
use crate::cycle::Planned;
use crate::render::{self, count};
use clap::{Args, ValueEnum};

/// Show what would change, and why everything else would not; writes nothing
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landwaiter plan
  landwaiter plan --format diff
  landwaiter plan --repo https://git.example.com/acme/config.git --branch main --format json > plan.json")]
pub(super) struct Arguments {
    #[command(flatten)]
    repo: RepoArguments,
    /// How the plan is printed
    #[arg(long, value_enum, default_value = "text")]
    format: PlanFormat,
    /// Exit with 10 when something would change
    #[arg(long)]
    exit_code: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PlanFormat {
    Text,
    Diff,
    Markdown,
    Json,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, Failure> {
    branches::each(&arguments.repo, arguments.format == PlanFormat::Json, output, |repo, output| {
        let wired = wire::Wired::new(repo, wire::Purpose::Read, output)?;
        let planned = wired.block_on(async |run| run.plan().await)?;
        output.warn(&planned.warnings);
        let text = match arguments.format {
            PlanFormat::Text => render::text::plan(output.paint(), &planned),
            PlanFormat::Diff => render::diff::diff(output.paint(), &planned.files),
            PlanFormat::Markdown => render::markdown::plan(&planned),
            PlanFormat::Json => render::json::plan(&planned),
        };
        let held = planned.plan.held().filter(|(_, held)| held.reason.is_error()).count();
        if arguments.format == PlanFormat::Diff && held > 0 {
            output.say(&format!("{} held back by errors, which a diff does not show", count(held, "reference")));
        }
        let exit = exit(&planned, arguments.exit_code);
        Ok(branches::Outcome { text, exit, warnings: planned.warnings })
    })
}

/// What a plan means to whoever asked for it.
pub(super) fn exit(planned: &Planned, exit_code: bool) -> Exit {
    if planned.warnings.has_errors() {
        Exit::Rejected
    } else if planned.plan.held_by_errors() {
        Exit::HeldByErrors
    } else if exit_code && planned.plan.changes().next().is_some() {
        Exit::Found
    } else {
        Exit::Done
    }
}
