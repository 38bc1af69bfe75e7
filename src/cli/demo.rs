//! `landwaiter demo`: the whole loop with nothing installed.
//!
//! A registry that speaks the distribution API runs in this process, a bare Git repository lies in a temporary folder; all
//! that lies between is the code that runs in production. The files are those of `examples/demo`.

use super::Exit;
use super::diagnose::Failure;
use super::output::Output;
use super::wire::{SystemClock, runtime};
use crate::config::settings::{PullRequestSettings, Settings, SourceHosts};
use crate::cycle::{DEADLINE, HISTORY, MAX_FILE, Options, Planned, Quiet, Report, Run, Scope};
use crate::git;
use crate::plan::MessageOptions;
use crate::port::{Author, ConfigRepo, Forgetful, NoSources, Registry};
use crate::registry;
use crate::registry::embedded::{Embedded, Made};
use crate::render::{self, Tone};
use clap::Args;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Show the whole loop with nothing installed: a registry, a repository, a plan, a commit
#[derive(Debug, Args)]
pub(super) struct Arguments {}

/// The host that the example files name; the demo puts its own registry in its place.
const EXAMPLE_HOST: &str = "registry.example.com";

const FILES: &[(&str, &str)] = &[
    ("landwaiter.yaml", include_str!("../../examples/demo/landwaiter.yaml")),
    ("apps/base/deployment.yaml", include_str!("../../examples/demo/apps/base/deployment.yaml")),
    ("apps/staging/web.yaml", include_str!("../../examples/demo/apps/staging/web.yaml")),
    ("apps/staging/worker.yaml", include_str!("../../examples/demo/apps/staging/worker.yaml")),
    ("apps/production/kustomization.yaml", include_str!("../../examples/demo/apps/production/kustomization.yaml")),
];

const IMAGES: &[(&str, &[&str])] = &[
    ("acme/web", &["1.4.0", "1.4.1", "1.4.2", "1.4", "1.5.0-rc.1", "1.5.0", "2.0.0", "latest"]),
    ("acme/worker", &["main-8f1c2aa-1763000000", "main-0d4e5f6-1763600000", "pr-17-1763700000", "latest"]),
    ("acme/proxy", &["3.1.0", "3.2.0", "latest"]),
];

pub(super) fn run(_: &Arguments, output: &mut Output) -> Result<Exit, Failure> {
    runtime()?.block_on(demo(output))
}

async fn demo(output: &mut Output) -> Result<Exit, Failure> {
    let folder = tempfile::tempdir().map_err(|error| Failure::failed(format!("no temporary folder: {error}")))?;
    let path = folder.path().join("config.git");
    let embedded = Embedded::start().await.map_err(|error| Failure::failed(format!("no registry: {error}")))?;
    for (repository, tags) in IMAGES {
        for tag in *tags {
            // Not by `push`: that client asks the machine for certificate authorities, and there may be none.
            let labels = [("org.opencontainers.image.title", *repository), ("org.opencontainers.image.version", *tag)];
            let made = Made { labels: &labels, ..Made::default() };
            embedded.push_made(repository, tag, &made).map_err(|error| Failure::failed(error.to_string()))?;
        }
    }
    let files: Vec<(String, String)> =
        FILES.iter().map(|(path, text)| ((*path).to_owned(), text.replace(EXAMPLE_HOST, &embedded.host()))).collect();
    git::seed(&path, &files).map_err(|error| Failure::failed(error.message))?;

    let world = World::new(&path)?;
    heading(output, "1. A config repository and a registry")?;
    output.print(&format!(
        "A bare Git repository with {} files, and a registry on {} with {} images.\n",
        files.len(),
        embedded.host(),
        IMAGES.len()
    ))?;

    heading(output, "2. landwaiter plan")?;
    let planned = world.run().plan().await?;
    output.print(&render::text::plan(output.paint(), &planned))?;

    heading(output, "3. landwaiter plan --format diff: only the bytes of the values")?;
    output.print(&render::diff::diff(output.paint(), &planned.files))?;

    heading(output, "4. landwaiter explain web-staging: why not 2.0.0?")?;
    let explained = world.run().explain("web-staging").await?;
    output.print(&render::explanation::explanations(output.paint(), &explained, true))?;

    heading(output, "5. landwaiter update")?;
    let report = world.run().update(&approve).await?;
    output.print(&written(&report))?;

    heading(output, "6. landwaiter update, once more")?;
    let again = world.run().update(&approve).await?;
    output.print(&written(&again))?;

    heading(output, "Your own repository")?;
    output.print("  landwaiter plan --repo PATH|URL     shows what would change; writes nothing\n")?;
    Ok(if report.written.is_some() && again.written.is_none() { Exit::Done } else { Exit::Failed })
}

/// The adapters of the demo: the real ones.
struct World {
    repo: Arc<dyn ConfigRepo>,
    registry: Box<dyn Registry>,
    options: Options,
}

impl World {
    fn new(path: &std::path::Path) -> Result<World, Failure> {
        let settings = Settings::default();
        let location = git::Location::parse(&path.to_string_lossy()).map_err(|error| Failure::failed(error.message))?;
        let repo =
            git::open(&location, None, &git::Options::default()).map_err(|error| Failure::failed(error.message))?;
        let registry = registry::Client::new(registry::Options::new("landwaiter-demo"))
            .map_err(|error| Failure::failed(error.to_string()))?;
        let author = Author { name: "Landwaiter".to_owned(), email: "landwaiter@example.com".to_owned() };
        let options = Options {
            seal: None,
            last_valid_policies: false,
            trust_root: None,
            policies: None,
            tenancy: settings.tenancy,
            sources: SourceHosts::default(),
            author: author.clone(),
            committer: author,
            pull_requests: PullRequestSettings::default(),
            message: MessageOptions::default(),
            max_file: MAX_FILE,
            cache_for: BTreeMap::new(),
            backoff: Duration::from_millis(100),
            deadline: DEADLINE,
            freeze: None,
            changes_per_run: None,
            history: HISTORY,
        };
        Ok(World { repo: repo.into(), registry: Box::new(registry), options })
    }

    fn run(&self) -> Run<'_> {
        Run {
            repo: self.repo.clone(),
            registry: &*self.registry,
            store: &Forgetful,
            sources: Arc::new(NoSources),
            forge: None,
            clock: &SystemClock,
            events: &Quiet,
            options: &self.options,
            scope: Scope::default(),
        }
    }
}

fn approve(_: &Planned) -> Result<(), String> {
    Ok(())
}

fn heading(output: &mut Output, text: &str) -> Result<(), Failure> {
    let line = output.paint().on(Tone::Strong, &format!("== {text}"));
    output.print(&format!("\n{line}\n\n"))
}

fn written(report: &Report) -> String {
    match &report.written {
        None => "Nothing to do: every reference is up to date or held.\n".to_owned(),
        Some(written) => {
            let commit = written.head().map_or("", |commit| render::text::short(&commit.0));
            let branch = report.planned.branch.as_deref().unwrap_or_default();
            let message: String = written
                .commits
                .iter()
                .flat_map(|commit| commit.message.lines())
                .map(|line| format!("    {line}\n"))
                .collect();
            format!("commit {commit} on {branch}\n\n{message}")
        }
    }
}
