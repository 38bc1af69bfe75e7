//! The shape of `write.pullRequest`: what the pull requests of a policy are like.

use super::declare::{record, words};
use super::problems::Problems;
use super::shape::{Spanned, shown};
use super::tree::Scalar;
use super::values::FromScalar;
use crate::policy::{Bump, MergeKind, PullRequestOptions};

/// The most labels, reviewers or assignees of one policy.
const MAX_WORDS: usize = 20;
/// The longest name of a label or an account, in bytes: GitLab's and Gitea's limit.
const MAX_WORD: usize = 255;

record! {
    /// What the pull requests of a policy are like.
    pub(super) struct PullRequestShape {
        /// Labels that it is opened with.
        "labels" => labels: Vec<Spanned<ForgeWord>>,
        /// Accounts of the forge that are asked for a review; `acme/platform` is a team.
        "reviewers" => reviewers: Vec<Spanned<ForgeWord>>,
        /// Accounts of the forge that it is assigned to.
        "assignees" => assignees: Vec<Spanned<ForgeWord>>,
        /// Opens it as a draft.
        "draft" => draft: bool,
        /// The largest step that the forge may merge by itself once its rules are met: `patch`, `minor` or `major`. Without
        /// it, people merge.
        "autoMerge" => auto_merge: Bump,
        /// How the forge is to merge by itself; `squash` if nothing is said.
        "mergeMethod" => merge: MergeKind,
    }
}

words! {
    MergeKind {
        "squash" => MergeKind::Squash,
        "merge" => MergeKind::Merge,
        "rebase" => MergeKind::Rebase,
    }
}

/// A label, or an account of a forge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ForgeWord(pub(super) String);

impl FromScalar for ForgeWord {
    const WANTED: &'static str = "a name";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<ForgeWord> {
        let text = scalar.text.trim();
        let good = !text.is_empty() && text.len() <= MAX_WORD && !text.contains(|c: char| c.is_control() || c == ',');
        if !good {
            let message = format!("`{}` is no name of a label or an account", shown(text));
            problems.error(scalar.span, message, format!("at most {MAX_WORD} bytes on one line, without commas"));
        }
        // People write accounts as they mention them.
        good.then(|| ForgeWord(text.trim_start_matches('@').to_owned()))
    }
}

impl PullRequestShape {
    /// The plain data; `None` when something in it was wrong.
    pub(super) fn options(self, problems: &mut Problems) -> Option<PullRequestOptions> {
        let mut words = |field: super::shape::Field<Vec<Spanned<ForgeWord>>>| -> Option<Vec<String>> {
            let Some(list) = super::check::optional(field)? else { return Some(Vec::new()) };
            if let Some(last) = list.get(MAX_WORDS) {
                problems.error(last.span, format!("more than {MAX_WORDS} names"), "");
                return None;
            }
            Some(list.into_iter().map(|word| word.value.0).collect())
        };
        Some(PullRequestOptions {
            labels: words(self.labels)?,
            reviewers: words(self.reviewers)?,
            assignees: words(self.assignees)?,
            draft: super::check::optional(self.draft)?.unwrap_or_default(),
            auto_merge: super::check::optional(self.auto_merge)?,
            merge: super::check::optional(self.merge)?.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::policies;
    use crate::policy::{Bump, MergeKind, PullRequestOptions};

    fn read(pull_request: &str) -> Result<PullRequestOptions, String> {
        let head = "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n- name: web\n  images: [acme/web]\n  select: {semver: '*'}\n";
        let text = format!("{head}  write: {{mode: pullRequest, pullRequest: {pull_request}}}\n");
        let loaded = policies::read(&[("landwaiter.yaml".to_owned(), text)]);
        match loaded.diagnostics.first() {
            Some(problem) => Err(problem.message.clone()),
            None => Ok(loaded.policies[0].write.pull_request.clone()),
        }
    }

    #[test]
    fn what_is_said_is_what_is_meant() {
        let read_all = read(
            "{labels: ['bot: images'], reviewers: ['@alice', acme/platform], assignees: [bob], draft: true, autoMerge: minor, mergeMethod: rebase}",
        );
        let expected = PullRequestOptions {
            labels: vec!["bot: images".to_owned()],
            reviewers: vec!["alice".to_owned(), "acme/platform".to_owned()],
            assignees: vec!["bob".to_owned()],
            draft: true,
            auto_merge: Some(Bump::Minor),
            merge: MergeKind::Rebase,
        };
        assert_eq!(read_all, Ok(expected));
        assert_eq!(read("{}"), Ok(PullRequestOptions::default()));
    }

    #[test]
    fn names_are_bounded_at_their_edge() {
        let list = |count: usize| format!("{{labels: [{}]}}", vec!["a"; count].join(", "));
        assert!(read(&list(super::MAX_WORDS)).is_ok());
        assert_eq!(read(&list(super::MAX_WORDS + 1)), Err("more than 20 names".to_owned()));
        let long = |length: usize| read(&format!("{{labels: [{}]}}", "x".repeat(length)));
        assert!(long(super::MAX_WORD).is_ok());
        assert!(long(super::MAX_WORD + 1).unwrap_err().ends_with("is no name of a label or an account"));
        assert!(read("{reviewers: ['a, b']}").is_err());
    }
}
