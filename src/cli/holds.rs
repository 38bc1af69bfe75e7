//! `landwaiter holds`: what is left alone on purpose, and what lifts it. The run is that of `plan`.

use super::diagnose::Failure;
use super::output::Output;
use super::{Exit, Format, RepoArguments, plan, wire};
use crate::render;
use clap::Args;

/// List what is held: by a person, a rollback, a window or a guard, and what lifts it; writes nothing
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landwaiter holds
  landwaiter holds --repo https://git.example.com/acme/config.git --format json")]
pub(super) struct Arguments {
    #[command(flatten)]
    repo: RepoArguments,
    /// How holds are printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, Failure> {
    let wired = wire::Wired::new(&arguments.repo, wire::Purpose::Read, output)?;
    let planned = wired.block_on(async |run| run.plan().await)?;
    output.warn(&planned.warnings);
    output.print(&match arguments.format {
        Format::Text => render::holds::text(output.paint(), &planned),
        Format::Json => render::holds::json(&planned),
    })?;
    output.rejected_apart(&planned.warnings);
    Ok(plan::exit(&planned, false))
}
