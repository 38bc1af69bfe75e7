//! Policy files: which files they are, and from their texts to checked policies.
//!
//! ```
//! use landwaiter::config::policies;
//! let text = "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n- name: web\n  select: {semver: '>=1.4 <2'}\n";
//! let loaded = policies::read(&[("landwaiter.yaml".to_owned(), text.to_owned())]);
//! assert!(loaded.is_ok());
//! assert_eq!(loaded.policies[0].name.as_str(), "web");
//! ```

use super::budget::Budget;
use super::check::{self, Known};
use super::problems::Problems;
use super::shape::shown;
use super::tree::{self, Node};
use crate::policy::{Admission, Policy, PolicyName};
use crate::site::Declarations;
use crate::text::{Diagnostic, Severity, Span, nearest};
use globset::GlobSet;
use std::collections::{BTreeMap, BTreeSet};
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
    /// Where references are that are not found by themselves.
    pub declarations: Declarations,
    /// What `allow` and `deny` of all files admit together.
    pub admission: Admission,
    /// Where each policy says what it says, for those who find out more about it than its file tells.
    pub places: BTreeMap<PolicyName, Places>,
    /// In the order of the files and of their lines.
    pub diagnostics: Vec<Diagnostic>,
}

/// Where the parts of one policy stand in its file.
#[derive(Debug, Clone, Default)]
pub struct Places {
    pub name: Span,
    /// In the order of the policy's.
    pub files: Vec<Span>,
    /// In the order of the policy's.
    pub exclude: Vec<Span>,
}

impl Loaded {
    /// No error was found; warnings do not count.
    pub fn is_ok(&self) -> bool {
        self.diagnostics.iter().all(|one| one.severity != Severity::Error)
    }

    /// The files with an error.
    pub fn broken(&self) -> BTreeSet<String> {
        let errors = self.diagnostics.iter().filter(|one| one.severity == Severity::Error);
        errors.map(|one| one.file.clone()).collect()
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
    let mut known = Known::default();
    let mut budget = Budget::default();
    for (path, text) in files {
        let path: Arc<str> = path.as_str().into();
        let mut problems = Problems::new(&path, text).with_budget(budget);
        let shared = path.starts_with(SHARED_FOLDER);
        // A file that never says `landwaiter/` is somebody else's, whatever it holds.
        if !shared || text.contains("landwaiter/") {
            for root in tree::documents(text, &mut problems) {
                if is_ours(&root, shared, &mut problems) {
                    let more = (&mut loaded.declarations, &mut loaded.admission);
                    loaded.policies.extend(check::policies(&path, &root, &mut known, more, &mut problems));
                }
            }
        }
        budget = problems.budget();
        loaded.diagnostics.extend(problems.into_diagnostics());
    }
    loaded.places = known.places;
    loaded
}

/// What keeps a file that looks like one of policies from being read: its name ends in `.yml`.
pub fn is_overlooked(path: &str) -> bool {
    let root = matches!(path, "landwaiter.yml" | ".landwaiter.yml");
    root || (path.starts_with(".landwaiter/") && path.ends_with(".yml"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use globset::{Glob, GlobSetBuilder};

    const VALID: &str = include_str!("../../policies/timestamped-builds.yaml");

    fn load(files: &[(&str, &str)]) -> Loaded {
        let owned: Vec<(String, String)> = files.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect();
        read(&owned)
    }

    #[test]
    fn policy_files_are_found_at_their_places() {
        for (path, found) in [
            ("landwaiter.yaml", true),
            (".landwaiter.yaml", true),
            (".landwaiter/a.yaml", true),
            (".landwaiter/team/web/a.yaml", true),
            ("policies/a.yaml", true),
            ("policies/a/b.yaml", true),
            ("landwaiter.yml", false),
            ("apps/landwaiter.yaml", false),
            ("apps/policies/a.yaml", false),
            ("policies.yaml", false),
            ("policies/README.md", false),
        ] {
            assert_eq!(is_policy_file(path, None), found, "{path}");
        }
        let rules = GlobSetBuilder::new().add(Glob::new("rules/*.yaml").unwrap()).build().unwrap();
        assert!(is_policy_file("rules/a.yaml", Some(&rules)));
        assert!(!is_policy_file("landwaiter.yaml", Some(&rules)));
    }

    #[test]
    fn policies_keep_the_order_of_files_and_lines() {
        let two = VALID.replace("timestamped-builds", "b") + "---\n" + &VALID.replace("timestamped-builds", "a");
        let loaded = load(&[("landwaiter.yaml", &two), ("policies/c.yaml", VALID)]);
        assert!(loaded.is_ok(), "{:?}", loaded.diagnostics);
        let names: Vec<&str> = loaded.policies.iter().map(|policy| policy.name.as_str()).collect();
        assert_eq!(names, ["b", "a", "timestamped-builds"]);
        assert_eq!(&*loaded.policies[2].file, "policies/c.yaml");
    }

    #[test]
    fn warnings_do_not_reject() {
        let warned = VALID.replace("'$time'", "'$$time'");
        let loaded = load(&[("landwaiter.yaml", &warned)]);
        assert_eq!(loaded.diagnostics.len(), 1);
        assert!(loaded.is_ok());
    }

    #[test]
    fn crlf_and_a_byte_order_mark_are_read() {
        let windows = format!("\u{feff}{}", VALID.replace('\n', "\r\n"));
        let loaded = load(&[("landwaiter.yaml", &windows)]);
        assert_eq!(loaded.diagnostics, []);
        assert_eq!(loaded.policies.len(), 1);
    }

    const HEAD: &str = "apiVersion: landwaiter/v1\nkind: ImagePolicies\n";

    /// Two thousand policies of one file, each with what `more` says.
    fn many(defaults: &str, more: &str) -> Loaded {
        let mut text = format!("{HEAD}{defaults}policies:\n");
        for number in 0..2_000 {
            text.push_str(&format!("- {{name: p{number}, {more}}}\n"));
        }
        load(&[("landwaiter.yaml", &text)])
    }

    #[test]
    fn thousands_of_policies_are_read_in_one_go() {
        let loaded = many("", "extends: [build-number], images: [nginx, 'ghcr.io/acme/*'], files: ['apps/**']");
        assert!(loaded.is_ok(), "{:?}", loaded.diagnostics);
        assert_eq!(loaded.policies.len(), 2_000);
    }

    #[test]
    fn what_all_policies_take_together_is_bounded() {
        let large = "tags: {match: '.{1,128}'}, select: {numeric: asc}";
        let copies = format!("defaults: {{accept: [{}]}}\n", (0..1000).map(|n| format!("t{n},")).collect::<String>());
        for loaded in [many("", large), many(&copies, "select: {numeric: asc}")] {
            let messages: Vec<&str> = loaded.diagnostics.iter().map(|one| one.message.as_str()).collect();
            let said = "the globs, expressions and lists of all policies together take more than 256 MiB";
            assert_eq!(messages, [said]);
        }
    }

    #[test]
    fn the_number_of_sources_is_bounded() {
        let with = |count: usize| {
            let policy = |at: usize| {
                let source = format!("{{repository: 'https://git.example.com/acme/{}', branch: main}}", at / 2);
                format!("- {{name: p{at}, select: {{commit: {source}}}}}\n")
            };
            let policies: String = (0..2 * count).map(policy).collect();
            load(&[("landwaiter.yaml", &format!("{HEAD}policies:\n{policies}"))])
        };
        assert!(with(1_000).is_ok(), "each twice");
        assert_eq!(with(1_001).diagnostics.len(), 1);
    }

    #[test]
    fn thousands_of_problems_are_found_in_one_go() {
        for more in ["zzz: 1", "zzz: 1, zzz: 2", "files: [apps/], select: {semver: '%'}"] {
            assert_eq!(many("", more).diagnostics.len(), 101);
        }
        let same = "- {name: a, select: {numeric: asc}}\n".repeat(2_000);
        assert_eq!(load(&[("landwaiter.yaml", &format!("{HEAD}policies:\n{same}"))]).diagnostics.len(), 101);
    }

    proptest::proptest! {
        /// Any place of a valid file is overwritten with anything: it is read or explained, and never a panic.
        #[test]
        fn damaged_files_are_read_or_explained(at in 0usize..900, length in 0usize..20, put in "[-a\\[\\]{}:,#&*!|>'\"$%(?~ \n\té]{0,8}") {
            let cut = |byte: usize| (0..=byte.min(VALID.len())).rev().find(|i| VALID.is_char_boundary(*i)).unwrap_or(0);
            let damaged = format!("{}{put}{}", &VALID[..cut(at)], &VALID[cut(at + length)..]);
            let files = [("landwaiter.yaml".to_owned(), damaged.clone())];
            let loaded = read(&files);
            proptest::prop_assert!(loaded.policies.len() <= 1);
            for one in &loaded.diagnostics {
                proptest::prop_assert!(!one.render(&damaged, false).is_empty());
            }
            let _ = crate::config::settings::read("settings.yaml", &damaged);
        }
    }
}
