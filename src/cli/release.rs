//! `landwaiter release`: lift what `hold` has set. What holds otherwise is told with what lifts it.

use super::diagnose::Failure;
use super::hold::Who;
use super::output::Output;
use super::{Exit, Format, RepoArguments, wire};
use crate::cycle::Released;
use crate::render;
use clap::Args;

/// Lift a hold that was set with `hold`; of any other, say what lifts it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landwaiter release web --push
  landwaiter release apps/web.yaml:12 --repo https://git.example.com/acme/config.git")]
pub(super) struct Arguments {
    /// FILE:LINE, FILE, an image, a policy's name, or `all`, as it was held; or a `target` that `holds --format json` names
    #[arg(value_name = "TARGET")]
    target: String,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    repo: RepoArguments,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, Failure> {
    let by = arguments.who.name()?;
    let wired = wire::Wired::new(&arguments.repo, arguments.who.purpose(), output)?;
    let target = wired.target(&arguments.target);
    match wired.block_on(async |run| run.release(&target, &by).await)? {
        Released::Lifted(change) => {
            output.print(&match arguments.format {
                Format::Text => render::holds::released(&target, &change),
                Format::Json => render::holds::change_json("released", &change),
            })?;
            Ok(Exit::Done)
        }
        Released::Nothing(still) if still.is_empty() => {
            Err(Failure::failed(format!("nothing is on hold by the name of `{target}`"))
                .hint("`landwaiter holds` lists what is"))
        }
        Released::Nothing(still) => Err(Failure::failed(render::holds::still(&target, &still))),
    }
}
