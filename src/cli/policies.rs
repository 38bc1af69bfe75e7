//! `landwaiter policies`: the shipped policies that `extends` can name, and what a policy of the repository is made of.

use super::diagnose::Failure;
use super::output::Output;
use super::{Exit, RepoArguments, wire};
use crate::config::{effective, shipped};
use crate::render::Tone;
use crate::render::table::{Cell, table};
use crate::text::nearest;
use clap::{Args, Subcommand};

/// List or show the shipped policies that `extends` can name, or what a policy of the repository is made of
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landwaiter policies show semver-stable
  landwaiter policies show web --effective")]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Names and one line each (the default)
    List,
    /// Print one as it is, or a policy of the repository with all that it inherits
    Show(Show),
}

#[derive(Debug, Args)]
struct Show {
    /// A shipped policy; with `--effective`, a policy of the repository
    name: String,
    /// Print every field that the repository's policy has through `extends` and `defaults`, and where it came from
    #[arg(long)]
    effective: bool,
    #[command(flatten)]
    repo: RepoArguments,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, Failure> {
    match &arguments.what {
        None | Some(What::List) => {
            let rows: Vec<Vec<Cell>> = shipped::list()
                .iter()
                .map(|one| vec![(one.name.to_owned(), Some(Tone::Strong)), (one.summary.to_owned(), None)])
                .collect();
            let text = table(output.paint(), 0, &["name", "what it does"], &rows);
            output.print(&text)?;
        }
        Some(What::Show(show)) if show.effective => effective(show, output)?,
        Some(What::Show(Show { name, .. })) => match shipped::get(name) {
            Some(one) => output.print(one.text)?,
            None => {
                let names = shipped::list().iter().map(|one| one.name);
                let failure = Failure::usage(format!("no shipped policy is called `{name}`"));
                return Err(match nearest(name, names) {
                    Some(near) => failure.hint(format!("did you mean `{near}`?")),
                    None => failure.hint("`landwaiter policies` lists them"),
                });
            }
        },
    }
    Ok(Exit::Done)
}

/// A policy that is not valid would be shown as something that it is not: every problem comes first.
fn effective(show: &Show, output: &mut Output) -> Result<(), Failure> {
    let wired = wire::Wired::new(&show.repo, wire::Purpose::Read, output)?;
    let loaded = wired.policies()?;
    let sources = loaded.rejected.sources.clone();
    let policies = loaded.into_valid()?;
    let known = policies.iter().map(|policy| policy.name.as_str());
    match effective::show(&sources, &show.name) {
        Some(text) => output.print(&text),
        None => {
            let failure = Failure::usage(format!("no policy of the repository is called `{}`", show.name));
            Err(match nearest(&show.name, known) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None => failure.hint("without `--effective` a shipped policy is shown"),
            })
        }
    }
}
