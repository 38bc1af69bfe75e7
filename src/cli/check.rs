//! `landwaiter check`: are the policies and settings valid, and does every reference have one owner at most?

use super::diagnose::Failure;
use super::output::Output;
use super::{Exit, Format, RepoArguments, wire};
use crate::cycle::Rejected;
use crate::render::count;
use crate::text::{Diagnostic, Severity, position};
use clap::Args;
use serde::Serialize;

/// Check policies and settings; exit 3 with every problem
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landwaiter check
  landwaiter check --repo ../config --format json")]
pub(super) struct Arguments {
    #[command(flatten)]
    repo: RepoArguments,
    /// How problems are printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    version: u32,
    policies: usize,
    problems: Vec<Problem<'a>>,
}

#[derive(Debug, Serialize)]
struct Problem<'a> {
    severity: &'static str,
    file: &'a str,
    line: Option<usize>,
    column: Option<usize>,
    message: &'a str,
    hint: Option<&'a str>,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, Failure> {
    let wired = match wire::Wired::new(&arguments.repo, wire::Purpose::Read, output) {
        Err(failure) if failure.exit == Exit::Rejected && arguments.format == Format::Json => {
            print(0, &failure.rejected, output)?;
            return Ok(Exit::Rejected);
        }
        wired => wired?,
    };
    let mut loaded = wired.policies()?;
    let files = loaded.rejected.sources.len();
    if !loaded.rejected.has_errors() {
        let found = wired.block_on(async |run| run.inspect().await)?;
        loaded.rejected.diagnostics.extend(found.diagnostics);
        loaded.rejected.sources.extend(found.sources);
    }
    let rejected = loaded.rejected.has_errors();
    match arguments.format {
        Format::Json => {
            print(loaded.policies.len(), &loaded.rejected, output)?;
            Ok(if rejected { Exit::Rejected } else { Exit::Done })
        }
        Format::Text if rejected => Err(Failure::rejected("policies", loaded.rejected)),
        Format::Text => {
            output.warn(&loaded.rejected);
            let policies = loaded.policies.len();
            let policies = if policies == 1 { "1 policy".to_owned() } else { format!("{policies} policies") };
            output.print(&format!("{policies} in {}: valid\n", count(files, "file")))?;
            Ok(Exit::Done)
        }
    }
}

/// The problems of policies or settings for programs.
fn print(policies: usize, rejected: &Rejected, output: &mut Output) -> Result<(), Failure> {
    let problems = rejected.diagnostics.iter().map(|diagnostic| problem(diagnostic, &rejected.sources)).collect();
    let text = serde_json::to_string_pretty(&Document { version: 1, policies, problems });
    let text = text.map_err(|error| Failure::failed(error.to_string()))?;
    output.print(&(text + "\n"))
}

fn problem<'a>(diagnostic: &'a Diagnostic, sources: &[(String, String)]) -> Problem<'a> {
    let source = sources.iter().find(|(file, _)| *file == diagnostic.file);
    let place = diagnostic.span.zip(source).map(|(span, (_, text))| position(text, span.start));
    Problem {
        severity: if diagnostic.severity == Severity::Error { "error" } else { "warning" },
        file: &diagnostic.file,
        line: place.map(|place| place.line),
        column: place.map(|place| place.column),
        message: &diagnostic.message,
        hint: diagnostic.hint.as_deref(),
    }
}
