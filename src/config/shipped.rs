//! Policies that come with Landwaiter: `extends: [NAME]` starts from one, `landwaiter policies show NAME` prints it.
//!
//! Each is a valid policy file in `policies/` with one policy, which names no images and no files, and opens with a
//! comment whose first line is its summary. One lacks `select`, which only the policy that extends it can know.

use super::policy_file::{PolicyFile, Rules};
use super::problems::Problems;
use super::shape::{Shape, shown};
use super::tree::{self, Node, Scalar, Value};
use super::values::FromScalar;
use crate::text::{Span, nearest};
use serde_json::{Value as Json, json};

/// One shipped policy.
#[derive(Debug, PartialEq, Eq)]
pub struct Shipped {
    pub name: &'static str,
    /// The first line of its comment.
    pub summary: &'static str,
    /// The whole file.
    pub text: &'static str,
}

macro_rules! shipped {
    ($($name:literal: $summary:literal,)*) => {
        &[$(Shipped {
            name: $name,
            summary: $summary,
            text: include_str!(concat!("../../policies/", $name, ".yaml")),
        }),*]
    };
}

const ALL: &[Shipped] = shipped! {
    "build-number": "The highest build number.",
    "calver": "The latest date, as calendar versions write it.",
    "commit-on-branch": "The newest commit of a branch that has an image.",
    "date-tags": "The latest date.",
    "latest-digest": "What `latest` names now, by digest.",
    "newest-commit": "The commit whose image was built last.",
    "production": "Stable releases that are a day old, for the platform of the cluster, in office hours, without a new major version.",
    "semver-any": "The newest release, pre-releases included.",
    "semver-minor": "The newest stable release without a new major version.",
    "semver-patch": "The newest patch of the current release.",
    "semver-stable": "The newest stable release.",
    "timestamped-builds": "The latest build of the main branch.",
};

/// All shipped policies, sorted by name.
pub fn list() -> &'static [Shipped] {
    ALL
}

/// The shipped policy called `name`.
pub fn get(name: &str) -> Option<&'static Shipped> {
    ALL.iter().find(|shipped| shipped.name == name)
}

impl Shipped {
    /// Its one policy, as it is written.
    pub(super) fn policy(&self) -> Option<Node> {
        let mut problems = Problems::new(self.name, self.text);
        let root = tree::documents(self.text, &mut problems).into_iter().next()?;
        match &root.get("policies")?.value {
            Value::List(policies) => policies.first().cloned(),
            _ => None,
        }
    }

    /// Its fields, with every place replaced by `span`: where the user's file named it.
    pub(super) fn rules(&self, span: Span, problems: &mut Problems) -> Option<Rules> {
        let root = tree::documents(self.text, problems).into_iter().next()?.moved_to(span);
        let policies = PolicyFile::read(&root, problems)?.policies.value()?;
        policies.into_iter().next().map(|policy| policy.value.rules)
    }
}

impl FromScalar for &'static Shipped {
    const WANTED: &'static str = "the name of a shipped policy";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<&'static Shipped> {
        let found = get(&scalar.text);
        if found.is_none() {
            let names = || ALL.iter().map(|shipped| shipped.name);
            let hint = match nearest(&scalar.text, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("shipped are `{}`", names().collect::<Vec<_>>().join("`, `")),
            };
            let message = format!("no shipped policy is called `{}`", shown(&scalar.text));
            problems.error(scalar.span, message, hint);
        }
        found
    }

    fn scalar_schema() -> Json {
        json!({ "enum": ALL.iter().map(|shipped| shipped.name).collect::<Vec<_>>() })
    }
}
