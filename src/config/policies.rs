//! Policy files: which files they are, and from their texts to checked policies.
//!
//! ```
//! use landwaiter::config::policies;
//! let text = "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n- name: web\n  select: {semver: '>=1.4 <2'}\n";
//! let loaded = policies::read(&[("landwaiter.yaml".to_owned(), text.to_owned())]);
//! assert!(loaded.is_ok());
//! assert_eq!(loaded.policies[0].name.as_str(), "web");
//! ```

use super::check::{self, Names, Source};
use super::problems::Problems;
use super::shape::shown;
use super::tree::{self, Node};
use crate::policy::Policy;
use crate::text::{Diagnostic, Severity, nearest};
use globset::GlobSet;
use std::sync::Arc;

/// The value of `apiVersion` in our files.
pub const API_VERSION: &str = "landwaiter/v1";
/// The value of `kind` in a policy file.
pub const KIND: &str = "ImagePolicies";
/// The folder that others use as well: there only documents with our `apiVersion` are policies.
const SHARED_FOLDER: &str = "policies/";

/// What was read, and everything that is wrong with it.
#[derive(Debug, Default)]
pub struct Loaded {
    /// In the order of the files and of their lines; complete only when [`Loaded::is_ok`].
    pub policies: Vec<Policy>,
    /// In the order of the files and of their lines.
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// No error was found; warnings do not count.
    pub fn is_ok(&self) -> bool {
        self.diagnostics.iter().all(|one| one.severity != Severity::Error)
    }
}

/// Whether policies are looked for in the file at `path` (from the repository's root, with `/`): at the default places,
/// or at those `globs` names instead.
pub fn is_policy_file(path: &str, globs: Option<&GlobSet>) -> bool {
    match globs {
        Some(globs) => globs.is_match(path),
        None => {
            let in_folder = path.starts_with(".landwaiter/") || path.starts_with(SHARED_FOLDER);
            path == "landwaiter.yaml" || path == ".landwaiter.yaml" || (in_folder && path.ends_with(".yaml"))
        }
    }
}

/// Reads all policy files of a repository: pairs of path and text.
///
/// Nothing is used while anything is wrong, so every problem of every file is looked for.
pub fn read(files: &[(String, String)]) -> Loaded {
    let mut loaded = Loaded::default();
    let mut names = Names::new();
    for (path, text) in files {
        let path: Arc<str> = path.as_str().into();
        let mut problems = Problems::new(&path, text);
        let shared = path.starts_with(SHARED_FOLDER);
        // A file that never says `landwaiter/` is somebody else's, whatever it holds.
        if !shared || text.contains("landwaiter/") {
            let source = Source { path: &path, text };
            for root in tree::documents(text, &mut problems) {
                if is_ours(&root, shared, &mut problems) {
                    loaded
                        .policies
                        .extend(check::policies(source, &root, &mut names, &mut problems));
                }
            }
        }
        loaded.diagnostics.extend(problems.into_diagnostics());
    }
    loaded
}

/// Whether the document is a policy file of a version we read. Others are refused, or in the shared folder passed over.
fn is_ours(root: &Node, shared: bool, problems: &mut Problems) -> bool {
    let version = root.get("apiVersion").and_then(Node::as_text);
    if shared && !version.is_some_and(|version| version.starts_with("landwaiter/")) {
        return false;
    }
    is_document(root, KIND, problems)
}

/// Whether `apiVersion` and `kind` are right, as far as they are there; the reader reports what is missing.
pub(super) fn is_document(root: &Node, kind: &str, problems: &mut Problems) -> bool {
    let before = problems.errors();
    let wanted = [("apiVersion", API_VERSION), ("kind", kind)];
    for (key, wanted) in wanted {
        let Some(node) = root.get(key) else { continue };
        let Some(found) = node.as_text().filter(|found| *found != wanted) else {
            continue;
        };
        let hint = match (key, found) {
            ("kind", "Settings") => {
                "settings belong to the operator, outside of the repository; `--config FILE` names them".to_owned()
            }
            ("kind", "ImagePolicies") => "policies belong in the config repository, not in the settings".to_owned(),
            ("kind", _) if nearest(found, [wanted]).is_some() => format!("did you mean `{wanted}`?"),
            _ => format!("this version reads `{wanted}`"),
        };
        problems.error(node.span, format!("unknown {key} `{}`", shown(found)), hint);
    }
    problems.errors() == before
}
