//! `landwaiter policies`: the shipped policies that `extends` can name.

use super::Exit;
use super::diagnose::Failure;
use super::output::Output;
use crate::config::shipped;
use crate::render::Tone;
use crate::render::table::{Cell, table};
use crate::text::nearest;
use clap::{Args, Subcommand};

/// List or show the shipped policies that `extends` can name
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  landwaiter policies show semver-stable")]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Names and one line each (the default)
    List,
    /// Print one as it is
    Show { name: String },
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
        Some(What::Show { name }) => match shipped::get(name) {
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
