//! `landwaiter explain`: why this tag, and why none of the others.

use super::diagnose::Failure;
use super::output::Output;
use super::telling::Telling;
use super::{Exit, wire};
use crate::policy::{Held, Reason};
use clap::Args;

/// Explain one reference, image or policy: every tag with the reason it was or was not chosen
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landwaiter explain apps/web/deployment.yaml:12
  landwaiter explain ghcr.io/acme/web --all
  landwaiter explain web --format json")]
pub(super) struct Arguments {
    /// FILE:LINE, FILE, an image, or a policy's name
    #[arg(value_name = "REF_OR_POLICY")]
    target: String,
    #[command(flatten)]
    telling: Telling,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, Failure> {
    let wired = wire::Wired::new(&arguments.telling.repo, wire::Purpose::Read, output)?;
    let target = wired.target(&arguments.target);
    let explanations = wired.block_on(async |run| run.explain(&target).await)?;
    arguments.telling.print(&explanations, output)?;
    let rejected = |held: &Held| held.reason == Reason::PoliciesRejected;
    if explanations.iter().filter_map(|one| one.held.as_ref()).any(rejected) {
        return Ok(Exit::Rejected);
    }
    let failed = explanations.iter().filter_map(|one| one.held.as_ref()).any(|held| held.reason.is_error());
    Ok(if failed { Exit::HeldByErrors } else { Exit::Done })
}
