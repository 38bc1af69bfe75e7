//! The command line: what can be asked, who answers, and the exit status.
//!
//! stdout carries results, stderr carries progress and diagnostics. Each command is one file with its arguments and one
//! `run`; `wire` is the only place that names concrete adapters, `machine` the only one that reads the environment.

mod asked;
mod branches;
mod check;
mod completions;
mod demo;
mod diagnose;
mod exit;
mod explain;
mod forges;
mod hold;
mod holds;
mod hooks;
mod keys;
mod machine;
mod notify;
mod output;
mod plan;
mod policies;
mod progress;
mod registry;
mod release;
mod schema;
mod serve;
mod sources;
mod telling;
mod traces;
mod trial;
mod update;
mod wire;

pub use exit::Exit;

use clap::{Args, Parser, Subcommand, ValueEnum};
use diagnose::Failure;
use output::Output;
use std::path::PathBuf;
use std::process::ExitCode;

/// Writes container-image updates back to Git, byte by byte, and says why.
#[derive(Debug, Parser)]
#[command(name = "landwaiter", version, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// Colours in output: on a terminal only, unless told otherwise; NO_COLOR is respected
    #[arg(long, global = true, value_enum, default_value = "auto", hide_possible_values = true)]
    color: Color,
}

const AFTER_HELP: &str = "\
Examples:
  landwaiter demo                      the whole loop, nothing needed
  landwaiter plan                      what would change in this checkout
  landwaiter explain apps/web.yaml:12  why this tag and not another
  landwaiter update --worktree         edit the files, commit nothing
  landwaiter serve --config FILE       keep repositories up to date, by schedule

Exit statuses:
  0 done or nothing to do   1 failed                     2 usage
  3 policies or settings rejected                        4 done, but errors held some images back
  10 something would change (plan --exit-code)";

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Arguments),
    Plan(plan::Arguments),
    Update(update::Arguments),
    Serve(serve::Arguments),
    Explain(explain::Arguments),
    Try(trial::Arguments),
    Check(check::Arguments),
    Holds(holds::Arguments),
    Hold(hold::Arguments),
    Release(release::Arguments),
    Registry(registry::Arguments),
    Policies(policies::Arguments),
    Schema(schema::Arguments),
    Completions(completions::Arguments),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

/// What every command that reads a config repository takes.
#[derive(Debug, Clone, Args)]
struct RepoArguments {
    /// The config repository: a checkout, a bare repository, or a URL (https, ssh, file; http on loopback).
    /// `.` is the checkout that the current directory is in
    #[arg(long, value_name = "PATH|URL", default_value = ".")]
    repo: String,
    /// The branch to read and write; the remote's default when left out. `plan` and `update` take several
    #[arg(long, value_name = "NAME")]
    branch: Vec<String>,
    /// Where policies are, instead of landwaiter.yaml, .landwaiter/ and policies/
    #[arg(long, value_name = "GLOB", num_args = 1..)]
    policies: Vec<String>,
    #[command(flatten)]
    operator: OperatorArguments,
}

/// The operator's side.
#[derive(Debug, Clone, Args)]
struct OperatorArguments {
    /// The operator's settings: credentials, TLS, tenancy [default: the user's configuration directory]
    #[arg(long, value_name = "FILE", env = "LANDWAITER_CONFIG")]
    config: Option<PathBuf>,
    /// Where caches are kept between runs; may be deleted at any time
    #[arg(long, value_name = "DIR", env = "LANDWAITER_STATE_DIR")]
    state_dir: Option<PathBuf>,
}

/// `text` for people, `json` for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Runs the program and maps every end to its exit status.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are results; everything else clap reports is a usage error.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            return if error.print().is_ok() { exit.into() } else { Exit::Failed.into() };
        }
    };
    let mut output = Output::new(cli.color);
    let result = dispatch(cli.command, &mut output);
    let exit = match result.and_then(|exit| output.flush().map(|()| exit)) {
        Ok(exit) => exit,
        Err(failure) => output.fail(&failure),
    };
    exit.into()
}

fn dispatch(command: Command, output: &mut Output) -> Result<Exit, Failure> {
    match command {
        Command::Demo(arguments) => demo::run(&arguments, output),
        Command::Plan(arguments) => plan::run(&arguments, output),
        Command::Update(arguments) => update::run(&arguments, output),
        Command::Serve(arguments) => serve::run(&arguments, output),
        Command::Explain(arguments) => explain::run(&arguments, output),
        Command::Try(arguments) => trial::run(&arguments, output),
        Command::Check(arguments) => check::run(&arguments, output),
        Command::Holds(arguments) => holds::run(&arguments, output),
        Command::Hold(arguments) => hold::run(&arguments, output),
        Command::Release(arguments) => release::run(&arguments, output),
        Command::Registry(arguments) => registry::run(&arguments, output),
        Command::Policies(arguments) => policies::run(&arguments, output),
        Command::Schema(arguments) => schema::run(&arguments, output),
        Command::Completions(arguments) => completions::run(&arguments, output),
    }
}

/// The definition, for completions.
fn definition() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_definition_is_consistent() {
        super::definition().debug_assert();
    }
}
