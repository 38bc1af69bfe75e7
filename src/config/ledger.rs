//! The shape of `ledger` in the settings: where it is kept, and the secret under which first sights are believed.
//!
//! ```yaml
//! ledger: {ref: refs/landwaiter/ledger, sealFile: /run/secrets/seal}
//! ledger: {ref: landwaiter-ledger}   # a branch, for a server that refuses other refs
//! ledger: off
//! ```

use super::declare::record;
use super::places::{FilePath, VariableName};
use super::problems::Problems;
use super::settings::SecretSource;
use super::shape::{Field, Refusal, Shape, read_record, shown};
use super::sources::{BranchName, is_name};
use super::tree::{Node, Scalar, Value};
use super::values::FromScalar;
use crate::text::Span;
use serde_json::{Value as Json, json};
use std::path::PathBuf;

/// Where the ledger is unless the settings say otherwise.
pub const LEDGER: &str = "refs/landwaiter/ledger";
/// The longest name, in bytes.
const MAX_NAME: usize = 250;

/// Where the ledger is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerSettings {
    /// The full name of its ref; `None` is no ledger.
    pub name: Option<String>,
    /// The secret under which first sights are written and believed; `None`: they are not.
    pub seal: Option<SecretSource>,
}

impl Default for LedgerSettings {
    fn default() -> LedgerSettings {
        LedgerSettings { name: Some(LEDGER.to_owned()), seal: None }
    }
}

impl LedgerSettings {
    /// The file that it names.
    pub(super) fn file(&mut self) -> Option<&mut PathBuf> {
        match &mut self.seal {
            Some(SecretSource::File(file)) => Some(file),
            _ => None,
        }
    }
}

record! {
    /// Where the ledger is kept.
    struct LedgerRecord {
        /// The ref, `refs/landwaiter/ledger` if nothing is said; a name without `refs/` is that of a branch.
        "ref" => name: RefName,
        /// The environment variable that holds the secret, 32 bytes and more, under which first sights are written and believed.
        "sealEnv" => seal_env: VariableName,
        /// The file that holds that secret.
        "sealFile" => seal_file: FilePath,
    }
    refused {
        "branch" => Refusal::Never("is called `ref` here", "write `ref: BRANCH`"),
        "seal" => Refusal::Secret("write `sealEnv: NAME` or `sealFile: PATH`"),
    }
}

/// A record, or `off`.
#[derive(Debug, Clone)]
pub(super) struct LedgerShape(Option<LedgerRecord>);

impl Shape for LedgerShape {
    fn read(node: &Node, problems: &mut Problems) -> Option<LedgerShape> {
        match &node.value {
            Value::Map(_) => read_record(node, problems).map(|record| LedgerShape(Some(record))),
            _ => Off::read(node, problems).map(|Off| LedgerShape(None)),
        }
    }

    fn schema() -> Json {
        json!({ "oneOf": [Off::schema(), LedgerRecord::schema()] })
    }
}

/// The word alone, however YAML reads it.
struct Off;

impl FromScalar for Off {
    const WANTED: &'static str = "a mapping or `off`";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Off> {
        let is_off = ["off", "false"].contains(&scalar.text.as_str());
        if !is_off {
            let message = format!("`{}` is no ledger", shown(&scalar.text));
            problems.error(scalar.span, message, "write `off`, or `{ref: NAME}`");
        }
        is_off.then_some(Off)
    }

    fn scalar_schema() -> Json {
        json!({ "enum": ["off", false] })
    }
}

/// The full name of a ref.
#[derive(Debug, Clone)]
struct RefName(String);

impl FromScalar for RefName {
    const WANTED: &'static str = "a ref";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<RefName> {
        let text = scalar.text.as_str();
        if text.len() > MAX_NAME {
            problems.error(scalar.span, format!("a ref has at most {MAX_NAME} bytes"), "");
            return None;
        }
        let Some(rest) = text.strip_prefix("refs/") else {
            return BranchName::from_scalar(scalar, problems).map(|branch| RefName(format!("refs/heads/{}", branch.0)));
        };
        // Not in a room that Git or a forge has for itself.
        let taken = ["tags/", "remotes/", "notes/", "pull/", "merge-requests/", "changes/", "replace/"];
        if !is_name(rest) || !rest.contains('/') || taken.iter().any(|room| rest.starts_with(room)) {
            let hint = format!("`{LEDGER}`, or the name of a branch");
            problems.error(scalar.span, format!("`{}` is no ref for a ledger", shown(text)), hint);
            return None;
        }
        Some(RefName(text.to_owned()))
    }

    fn scalar_schema() -> Json {
        json!({ "type": "string", "minLength": 1, "maxLength": MAX_NAME })
    }
}

/// The ledger that the settings mean. `prefix` is that of pull requests' branches, which are tidied away.
pub(super) fn ledger(field: Field<LedgerShape>, prefix: &str, problems: &mut Problems) -> LedgerSettings {
    let span = field.as_given().map(|given| given.span);
    let record = match field {
        Field::Absent | Field::Broken => return LedgerSettings::default(),
        Field::Given(given) => given.value.0,
    };
    let Some(record) = record else { return LedgerSettings { name: None, seal: None } };
    let name = record.name.value().map_or_else(|| LEDGER.to_owned(), |name| name.0);
    if let Some(span) = span
        && name.starts_with(&format!("refs/heads/{prefix}/"))
    {
        let message = format!("branches below `{prefix}/` are those of pull requests");
        problems.error(span, message, "choose another name, or another `pullRequests.prefix`");
    }
    let seal = seal(record.seal_env, record.seal_file, span, problems);
    LedgerSettings { name: Some(name), seal }
}

fn seal(
    variable: Field<VariableName>,
    file: Field<FilePath>,
    span: Option<Span>,
    problems: &mut Problems,
) -> Option<SecretSource> {
    match (variable.value(), file.value()) {
        (Some(name), None) => Some(SecretSource::Env(name.0)),
        (None, Some(path)) => Some(SecretSource::File(path.0)),
        (None, None) => None,
        (Some(_), Some(_)) => {
            if let Some(span) = span {
                problems.error(span, "the seal is named twice", "keep `sealEnv` or `sealFile`");
            }
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::{self, Settings};

    fn read(body: &str) -> Option<Settings> {
        let text = format!("apiVersion: landwaiter/v1\nkind: Settings\n{body}\n");
        settings::read("settings.yaml", &text).ok()
    }

    fn name(body: &str) -> Option<Option<String>> {
        Some(read(body)?.ledger.name)
    }

    #[test]
    fn a_ledger_is_a_ref_a_branch_or_off() {
        let some = |name: &str| Some(Some(name.to_owned()));
        let long = |more: usize| format!("refs/a/{}", "x".repeat(MAX_NAME - 7 + more));
        for (text, expected) in [
            ("limits: {}", some(LEDGER)),
            ("ledger: {}", some(LEDGER)),
            ("ledger: {ref: refs/landwaiter/ledger}", some(LEDGER)),
            ("ledger: {ref: landwaiter-ledger}", some("refs/heads/landwaiter-ledger")),
            ("ledger: {ref: refs/heads/bot/ledger}", some("refs/heads/bot/ledger")),
            ("ledger: off", Some(None)),
            ("ledger: false", Some(None)),
            ("ledger: on", None),
            ("ledger: {ref: ''}", None),
            ("ledger: {ref: 'a b'}", None),
            ("ledger: {ref: refs/tags/x}", None),
            ("ledger: {ref: refs/x}", None),
            ("ledger: {ref: refs/pull/1/head}", None),
            ("ledger: {ref: landwaiter/ledger}", None),
            ("ledger: {ref: landwaiter/ledger}\npullRequests: {prefix: bot}", some("refs/heads/landwaiter/ledger")),
            (&format!("ledger: {{ref: {}}}", long(0)), some(&long(0))),
            (&format!("ledger: {{ref: {}}}", long(1)), None),
        ] {
            assert_eq!(name(text), expected, "{text}");
        }
    }

    #[test]
    fn a_seal_is_named_once_and_never_written_there() {
        let seal = |text: &str| read(text).map(|settings| settings.ledger.seal);
        assert_eq!(seal("ledger: {sealEnv: SEAL}"), Some(Some(SecretSource::Env("SEAL".to_owned()))));
        assert_eq!(seal("ledger: {sealFile: seal}"), Some(Some(SecretSource::File("seal".into()))));
        assert_eq!(seal("ledger: {}"), Some(None));
        for bad in ["{sealEnv: SEAL, sealFile: seal}", "{seal: s3cret}"] {
            assert_eq!(seal(&format!("ledger: {bad}")), None, "{bad}");
        }
    }
}
