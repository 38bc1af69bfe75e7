//! `landwaiter registry check HOST[/REPO]`: why can it not read this registry?

mod advice;
mod report;

use super::diagnose::Failure;
use super::machine::read_settings;
use super::output::Output;
use super::{Exit, Format, OperatorArguments, keys, wire};
use crate::image::Repository;
use crate::port::Registry as _;
use crate::registry::check::{Checked, Found, Subject};
use clap::{Args, Subcommand};
use report::Report;

/// Find out why a registry cannot be read
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Check(CheckArguments),
}

/// Look for a login, reach the registry, log in, and list one page of a repository
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landwaiter registry check ghcr.io/acme/web
  landwaiter registry check registry.example.com:5000 --format json

Exit statuses:
  0 it can be read   1 it cannot   2 usage   3 settings rejected")]
struct CheckArguments {
    /// The registry as image names spell it, or a repository in it
    #[arg(value_name = "HOST[/REPO]")]
    subject: String,
    #[command(flatten)]
    operator: OperatorArguments,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, Failure> {
    let What::Check(arguments) = &arguments.what;
    let subject = parse(&arguments.subject)?;
    let settings = read_settings(&arguments.operator)?;
    let client = wire::registry_client(&settings, None)?;
    if let Some(names) = client.only_mirrors(&subject) {
        let message = format!("the settings never ask `{}` itself (`mirrorsOnly`)", arguments.subject);
        return Err(Failure::usage(message).hint(format!("check what is asked instead: {}", names.join(", "))));
    }
    let checked = wire::runtime()?.block_on(client.check(&subject));
    let checked = checked.map_err(|error| Failure::usage(error.to_string()))?;
    let report =
        Report { subject: &subject, checked: &checked, places: &keys::places(&settings), requests: client.requests() };
    match arguments.format {
        Format::Json => output.print(&report.json()?)?,
        Format::Text => output.print(&report.text(output.paint()))?,
    }
    Ok(if works(&checked) { Exit::Done } else { Exit::Failed })
}

/// A login that was meant and could not be had is a failure, even where strangers may read as well.
fn works(checked: &Checked) -> bool {
    !matches!(checked.credentials, Found::Failed { .. })
        && checked.reach.is_ok()
        && !matches!(checked.login, Some(Err(_)))
        && !matches!(checked.list, Some(Err(_)))
}

fn parse(text: &str) -> Result<Subject, Failure> {
    if let Some((_, rest)) = text.split_once("://") {
        return Err(Failure::usage(format!("`{text}` is a URL, not a registry"))
            .hint(format!("leave out the scheme: `{}`", rest.trim_end_matches('/'))));
    }
    let bare = text.trim_end_matches('/');
    if bare.contains('/') {
        return Repository::parse(bare)
            .map(Subject::Repository)
            .map_err(|bad| Failure::usage(format!("`{text}` is no repository: {bad}")));
    }
    // Behind anything but a host, the path would begin with a part of the text.
    match Repository::parse(&format!("{bare}/a/b")) {
        Ok(repository) if repository.path() == "a/b" => Ok(Subject::Host(repository.host().to_owned())),
        _ => Err(Failure::usage(format!("`{text}` is no registry's host"))
            .hint("as image names spell it: ghcr.io, registry.example.com:5000, docker.io/library/nginx")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_or_a_repository() {
        for (text, found) in [
            ("ghcr.io", "host ghcr.io"),
            ("ghcr.io/", "host ghcr.io"),
            ("index.docker.io", "host docker.io"),
            ("localhost:5000", "host localhost:5000"),
            ("ghcr.io/acme/web", "repository ghcr.io/acme/web"),
            ("library/nginx", "repository docker.io/library/nginx"),
            ("nginx", "`nginx` is no registry's host"),
            ("", "`` is no registry's host"),
            ("https://ghcr.io/", "`https://ghcr.io/` is a URL, not a registry"),
            ("ghcr.io/Acme", "`ghcr.io/Acme` is no repository: "),
        ] {
            let shown = match parse(text) {
                Ok(Subject::Host(host)) => format!("host {host}"),
                Ok(Subject::Repository(repository)) => format!("repository {repository}"),
                Err(failure) => failure.message,
            };
            assert!(shown.starts_with(found), "{text}: {shown}");
        }
    }
}
