//! How `explain` and `try` tell what they found: the arguments they share, and the one way it is printed.

use super::diagnose::Failure;
use super::output::Output;
use super::{Format, RepoArguments};
use crate::cycle::Explanation;
use crate::render;
use clap::Args;

#[derive(Debug, Args)]
pub(super) struct Telling {
    #[command(flatten)]
    pub(super) repo: RepoArguments,
    /// Show every tag, not only the nearest
    #[arg(long)]
    all: bool,
    /// How decisions are printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

impl Telling {
    pub(super) fn print(&self, explanations: &[Explanation], output: &mut Output) -> Result<(), Failure> {
        output.print(&match self.format {
            Format::Text => render::explanation::explanations(output.paint(), explanations, self.all),
            Format::Json => render::json::explanations(explanations),
        })
    }
}
