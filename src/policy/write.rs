//! How a policy's changes reach Git: whether at all, together with which others, and under what words.

use super::Bump;
use crate::image::Repository;
use crate::template::{Template, TemplateError};
use serde::Serialize;

/// How the change reaches Git.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WriteMode {
    #[default]
    Commit,
    /// A branch and a pull request for each group.
    PullRequest,
    /// Decide and show; write nothing.
    Report,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Write {
    pub mode: WriteMode,
    /// `None` is all of a run for commits, and those of one policy for pull requests.
    pub group: Option<Grouping>,
    /// The first line of the message and what follows it, before the trailers; `None` is the operator's or our own.
    pub words: Words,
    pub pull_request: PullRequestOptions,
}

/// What the pull requests of a policy are like. Where policies share one, people and labels of all count, a draft outranks,
/// and the most careful auto-merge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PullRequestOptions {
    pub labels: Vec<String>,
    pub reviewers: Vec<String>,
    pub assignees: Vec<String>,
    pub draft: bool,
    /// The largest step that the forge may merge once its rules are met; `None` leaves merging to people.
    pub auto_merge: Option<Bump>,
    pub merge: MergeKind,
}

/// How the forge is to merge by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum MergeKind {
    #[default]
    Squash,
    Merge,
    Rebase,
}

/// What a commit says. Counts for a commit when all policies with changes in it say the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    pub subject: Option<Template>,
    pub body: Option<Template>,
}

/// Which changes share a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grouping {
    /// All of a run.
    Run,
    /// Those of one policy.
    Policy,
    /// Those in one directory.
    Directory,
    /// Those in one file.
    File,
    /// Those for which this has the same result. Filled with [`GroupValues`].
    By(Template),
}

/// What a [`Grouping::By`] may name. The first folder of a file is `{{ directory | split("/") | first }}`.
#[derive(Debug, Clone, Serialize)]
pub struct GroupValues<'a> {
    pub policy: &'a str,
    /// The canonical `host/path`.
    pub image: &'a str,
    pub file: &'a str,
    /// Of the file; empty at the root.
    pub directory: &'a str,
}

impl GroupValues<'_> {
    /// What a template is tried with when the policy file is read.
    pub const SAMPLE: GroupValues<'static> = GroupValues {
        policy: "web",
        image: "ghcr.io/acme/web",
        file: "apps/web/deployment.yaml",
        directory: "apps/web",
    };
}

/// The group of all changes that no other group is named for.
pub const RUN_GROUP: &str = "run";
/// The longest name of a group, in bytes: it becomes part of branch names and commit texts.
pub const MAX_GROUP: usize = 200;

impl Write {
    /// The name of the group that a change belongs to: `run`, `policy/web`, `directory/apps/web`, `file/apps/web.yaml`, or
    /// what the template makes of it, as one line.
    ///
    /// # Errors
    /// The template cannot be filled, or its result is empty or longer than [`MAX_GROUP`].
    pub fn group(&self, policy: &str, image: &Repository, file: &str) -> Result<String, TemplateError> {
        let directory = file.rsplit_once('/').map_or("", |(directory, _)| directory);
        let usual = if self.mode == WriteMode::PullRequest { Grouping::Policy } else { Grouping::Run };
        Ok(match self.group.as_ref().unwrap_or(&usual) {
            Grouping::Run => RUN_GROUP.to_owned(),
            Grouping::Policy => format!("policy/{policy}"),
            Grouping::Directory => format!("directory/{}", if directory.is_empty() { "." } else { directory }),
            Grouping::File => format!("file/{file}"),
            Grouping::By(template) => {
                let name = template.render(&GroupValues { policy, image: image.as_str(), file, directory })?;
                let name = name.split(|c: char| c.is_whitespace() || c.is_control());
                let name = name.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
                if name.is_empty() || name.len() > MAX_GROUP {
                    let detail = format!("the group's name has {} bytes; 1 to {MAX_GROUP} are possible", name.len());
                    return Err(TemplateError { line: None, detail });
                }
                name
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(group: Grouping, file: &str) -> Result<String, String> {
        let image = Repository::parse("ghcr.io/acme/web").unwrap();
        let write = Write { group: Some(group), ..Write::default() };
        write.group("web", &image, file).map_err(|error| error.to_string())
    }

    #[test]
    fn each_kind_names_its_groups() {
        let by = |source: &str| Grouping::By(Template::parse(source, &GroupValues::SAMPLE).unwrap());
        for (grouping, file, expected) in [
            (Grouping::Run, "a/b.yaml", "run"),
            (Grouping::Policy, "a/b.yaml", "policy/web"),
            (Grouping::Directory, "a/b/c.yaml", "directory/a/b"),
            (Grouping::Directory, "c.yaml", "directory/."),
            (Grouping::File, "a/b.yaml", "file/a/b.yaml"),
            (by("{{ directory | split('/') | first }}"), "prod/x/a.yaml", "prod"),
            (by("  {{ policy }}\n{{ image }} "), "a.yaml", "web ghcr.io/acme/web"),
        ] {
            assert_eq!(group(grouping, file).unwrap(), expected);
        }
    }

    #[test]
    fn pull_requests_are_for_one_policy_unless_it_says_otherwise() {
        let image = Repository::parse("ghcr.io/acme/web").unwrap();
        let group = |mode| Write { mode, ..Write::default() }.group("web", &image, "a.yaml").unwrap();
        assert_eq!(group(WriteMode::Commit), "run");
        assert_eq!(group(WriteMode::PullRequest), "policy/web");
    }

    #[test]
    fn a_name_is_bounded_at_its_edge() {
        let by = || Grouping::By(Template::parse("{{ file }}", &GroupValues::SAMPLE).unwrap());
        assert_eq!(group(by(), &"x".repeat(MAX_GROUP)).unwrap().len(), MAX_GROUP);
        let error = group(by(), &"x".repeat(MAX_GROUP + 1)).unwrap_err();
        assert_eq!(error, "the group's name has 201 bytes; 1 to 200 are possible");
        assert!(group(by(), " ").is_err());
    }
}
