//! `landwaiter hold`: leave something alone until a day, or until somebody releases it. The entry goes into the ledger.

use super::diagnose::Failure;
use super::output::Output;
use super::{Exit, Format, RepoArguments, machine, wire};
use crate::cycle::Wish;
use crate::plan::{MAX_BY, MAX_REASON};
use crate::render;
use crate::schedule::Freeze;
use clap::Args;

/// Put a reference, an image, a policy or everything on hold; written to the ledger, not to the branch
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landwaiter hold web --reason 'database migration' --until 2026-12-31 --push
  landwaiter hold apps/web.yaml:12 --reason 'waits for the new schema' --repo https://git.example.com/acme/config.git
  landwaiter hold all --reason 'incident 42' --by Ann --push")]
pub(super) struct Arguments {
    /// FILE:LINE, FILE, an image, a policy's name, or `all`
    #[arg(value_name = "TARGET")]
    target: String,
    /// Why, for the people whose changes it holds
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The last day of the hold (UTC), or a moment: YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    repo: RepoArguments,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Who does it, and through which door.
#[derive(Debug, Args)]
pub(super) struct Who {
    /// Who does it [default: $GIT_COMMITTER_NAME, else the user who is logged in]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// In a checkout: write the ledger of its `origin`
    #[arg(long)]
    push: bool,
}

impl Who {
    pub(super) fn purpose(&self) -> wire::Purpose {
        if self.push { wire::Purpose::PushOrigin } else { wire::Purpose::WriteLedger }
    }

    /// The name that the ledger keeps.
    pub(super) fn name(&self) -> Result<String, Failure> {
        let name = self.by.clone().or_else(machine::person);
        let name = name.ok_or_else(|| Failure::usage("nobody is logged in").hint("--by NAME says who does it"))?;
        one_line("--by", &name, MAX_BY)
    }
}

/// A text that the ledger keeps on one line.
fn one_line(option: &str, text: &str, most: usize) -> Result<String, Failure> {
    let text = text.trim();
    let length = text.chars().count();
    if text.is_empty() || length > most || text.contains(char::is_control) {
        return Err(Failure::usage(format!("{option}: one line of 1 to {most} characters is wanted, not {length}")));
    }
    Ok(text.to_owned())
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, Failure> {
    if let Some(until) = arguments.until.as_deref().filter(|until| Freeze::end(until).is_none()) {
        return Err(Failure::usage(format!("--until: `{until}` is neither a day nor a moment"))
            .hint("write YYYY-MM-DD, or YYYY-MM-DDTHH:MM:SSZ"));
    }
    let wish = Wish {
        reason: one_line("--reason", &arguments.reason, MAX_REASON)?,
        by: arguments.who.name()?,
        until: arguments.until.clone(),
    };
    let wired = wire::Wired::new(&arguments.repo, arguments.who.purpose(), output)?;
    let target = wired.target(&arguments.target);
    let change = wired.block_on(async |run| run.hold(&target, &wish).await)?;
    output.print(&match arguments.format {
        Format::Text => render::holds::held(&target, &change),
        Format::Json => render::holds::change_json("held", &change),
    })?;
    Ok(Exit::Done)
}
