//! `landwaiter schema`: the JSON Schemas of the two file formats.

use super::Exit;
use super::diagnose::Failure;
use super::output::Output;
use crate::config::schema;
use clap::{Args, ValueEnum};

/// Print the JSON Schema of policy files or of the operator's settings
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  landwaiter schema > landwaiter.schema.json
  # first line of a policy file:
  # yaml-language-server: $schema=landwaiter.schema.json")]
pub(super) struct Arguments {
    #[arg(value_enum, default_value = "policies")]
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    Policies,
    Settings,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, Failure> {
    let schema = match arguments.what {
        What::Policies => schema::policy_schema(),
        What::Settings => schema::settings_schema(),
    };
    let text = serde_json::to_string_pretty(&schema).map_err(|error| Failure::failed(error.to_string()))?;
    output.print(&(text + "\n"))?;
    Ok(Exit::Done)
}
