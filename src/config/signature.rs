//! The shape of `require.signature`: who must have signed.

use super::declare::record;
use super::pattern::Pattern;
use super::problems::Problems;
use super::shape::{Field, Refusal, Shape, Spanned, read_record, shown};
use super::tree::{Node, Scalar, Value};
use super::values::FromScalar;
use crate::signature::{self, Identity, InvalidKey, PublicKey, Signer, Subject};
use crate::text::Span;
use serde_json::{Value as Json, json};
use url::Url;

/// The most keys of one policy.
const MAX_KEYS: usize = 32;

record! {
    /// Who must have signed the image with cosign: exactly one of these.
    struct Ways {
        /// A public key in PEM.
        "key" => key: PublicKey,
        /// Public keys in PEM: a signature by one of them is enough.
        "keys" => keys: Vec<Spanned<PublicKey>>,
        /// An identity that a certificate names. The settings' `signatures` say which authorities are believed.
        "keyless" => keyless: Keyless,
    }
    refused {
        "keyFile" => Refusal::Never("names a file of the machine", "paste the public key: `key: |` and the PEM text below"),
        "privateKey" => Refusal::Secret("only the public key is needed; change the pair, for it is in the repository now"),
        "trustRoot" => OPERATORS,
        "trustRootFile" => OPERATORS,
    }
}

const OPERATORS: Refusal =
    Refusal::Never("is the operator's", "name it in the settings: `signatures: {trustRootFile: ...}`");

record! {
    /// An identity that a certificate names.
    struct Keyless {
        /// Who logged the signer in, exactly as the certificate says: a URL.
        "issuer" required => issuer: Issuer,
        /// The e-mail address or URI of the signer, exactly.
        "subject" => subject: String,
        /// Instead of `subject`: a regular expression (RE2) that the whole of it must match.
        "subjectMatch" => subject_match: SubjectMatch,
    }
    refused {
        "subjectRegExp" => Refusal::Never("is called `subjectMatch` here", "write `subjectMatch: ...`; it matches the whole subject"),
        "identity" => Refusal::Never("is called `subject` here", "write `subject: ...`"),
    }
}

/// Who must have signed.
#[derive(Debug, Clone)]
pub(super) struct Signed(pub(super) Signer);

impl Shape for Signed {
    fn read(node: &Node, problems: &mut Problems) -> Option<Signed> {
        let before = problems.errors();
        let ways: Ways = read_record(node, problems)?;
        let found = match ways {
            Ways { key: Field::Given(key), keys: Field::Absent, keyless: Field::Absent } => {
                Some(Signer::Keys(vec![key.value]))
            }
            Ways { key: Field::Absent, keys: Field::Given(keys), keyless: Field::Absent } => several(keys, problems),
            Ways { key: Field::Absent, keys: Field::Absent, keyless: Field::Given(keyless) } => {
                identity(keyless, problems).map(Signer::Keyless)
            }
            _ => None,
        };
        if found.is_none() && problems.errors() == before {
            problems.error(node.span, "not exactly one way of signing", "write one of `key`, `keys` and `keyless`");
        }
        found.map(Signed)
    }

    fn schema() -> Json {
        let mut schema = Ways::schema();
        schema["minProperties"] = json!(1);
        schema["maxProperties"] = json!(1);
        schema
    }
}

fn several(keys: Spanned<Vec<Spanned<PublicKey>>>, problems: &mut Problems) -> Option<Signer> {
    let count = keys.value.len();
    if !(1..=MAX_KEYS).contains(&count) {
        let message = if count == 0 { "`keys` is empty".to_owned() } else { format!("{count} keys are too many") };
        problems.error(keys.span, message, format!("from one to {MAX_KEYS}"));
        return None;
    }
    Some(Signer::Keys(keys.value.into_iter().map(|key| key.value).collect()))
}

fn identity(keyless: Spanned<Keyless>, problems: &mut Problems) -> Option<Identity> {
    let Keyless { issuer, subject, subject_match } = keyless.value;
    let subject = match (subject, subject_match) {
        (Field::Given(subject), Field::Absent) => Subject::Exact(subject.value),
        (Field::Absent, Field::Given(pattern)) => Subject::Matching(pattern.value.0),
        (Field::Broken, _) | (_, Field::Broken) => return None,
        (Field::Given(_), Field::Given(second)) => {
            problems.error(second.span, "the subject is named twice", "keep one of `subject` and `subjectMatch`");
            return None;
        }
        (Field::Absent, Field::Absent) => {
            let hint = "add `subject`; anybody whom the issuer knows could sign otherwise";
            problems.error(keyless.span, "no subject", hint);
            return None;
        }
    };
    Some(Identity { issuer: issuer.value()?.0, subject })
}

impl FromScalar for PublicKey {
    const WANTED: &'static str = "a public key in PEM";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<PublicKey> {
        PublicKey::parse(&scalar.text).map_err(|error| refuse(&error, scalar.span, problems)).ok()
    }

    fn scalar_schema() -> Json {
        json!({ "type": "string", "maxLength": signature::MAX_KEY_BYTES })
    }
}

fn refuse(error: &InvalidKey, span: Span, problems: &mut Problems) {
    match error {
        InvalidKey::Private => {
            Refusal::Secret("write the public key; change the pair, for it is in the repository now")
                .report("key", span, problems);
        }
        InvalidKey::NotPem => {
            let hint = "write `key: |` and below it the lines from `-----BEGIN PUBLIC KEY-----` on, as `cosign public-key` prints them";
            problems.error(span, error.to_string(), hint);
        }
        other => {
            problems.error(span, other.to_string(), "ECDSA P-256 and P-384, Ed25519, and RSA of 2048 bits and more")
        }
    }
}

/// The URL of an OpenID provider.
#[derive(Debug, Clone)]
struct Issuer(String);

impl FromScalar for Issuer {
    const WANTED: &'static str = "a URL";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Issuer> {
        let plain = !scalar.text.contains(|c: char| c.is_whitespace() || c.is_control());
        let web = plain && Url::parse(&scalar.text).is_ok_and(|url| url.scheme() == "https");
        if !web {
            let message = format!("`{}` is not the URL of an issuer", shown(&scalar.text));
            problems.error(scalar.span, message, "such as `https://token.actions.githubusercontent.com`");
        }
        web.then(|| Issuer(scalar.text.clone()))
    }
}

/// A regular expression over whole subjects.
#[derive(Debug, Clone)]
struct SubjectMatch(signature::Pattern);

impl Shape for SubjectMatch {
    fn read(node: &Node, problems: &mut Problems) -> Option<SubjectMatch> {
        let pattern = Pattern::read(node, problems)?;
        let Value::Text(scalar) = &node.value else { return None };
        let whole = signature::Pattern::new(&scalar.text, &pattern.regex);
        if whole.is_none() {
            problems.error(node.span, "the expression cannot be made to match whole subjects", "leave `(?x)` out");
        }
        if whole
            .as_ref()
            .is_some_and(|whole| ["", "https://a.example.com/b", "c@example.com"].iter().all(|any| whole.is_match(any)))
        {
            problems.warning(node.span, "it matches every subject", "anybody whom the issuer knows could sign");
        }
        whole.map(SubjectMatch)
    }

    fn schema() -> Json {
        Pattern::schema()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::policies;
    use std::sync::Arc;

    const PEM: &str = include_str!("../../tests/fixtures/signatures/keys/approved.pub");

    /// The signer of the only policy, or the first problem.
    fn signer(signature: &str) -> Result<Arc<Signer>, String> {
        let text = format!(
            "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n- name: web\n  select: {{semver: '*'}}\n  \
             pin: digest\n  require: {{signature: {signature}}}\n"
        );
        let loaded = policies::read(&[("landwaiter.yaml".to_owned(), text)]);
        match loaded.diagnostics.first() {
            Some(problem) => Err(problem.message.clone()),
            None => Ok(loaded.policies[0].require.signature.clone().unwrap()),
        }
    }

    fn quoted() -> String {
        format!("{PEM:?}")
    }

    #[test]
    fn every_way_arrives() {
        let key = PublicKey::parse(PEM).unwrap();
        let one = signer(&format!("{{key: {}}}", quoted())).unwrap();
        assert_eq!(*one, Signer::Keys(vec![key.clone()]));
        let keys = signer(&format!("{{keys: [{}, {}]}}", quoted(), quoted())).unwrap();
        assert_eq!(*keys, Signer::Keys(vec![key.clone(), key]));
        let keyless =
            |subject: &str| signer(&format!("{{keyless: {{issuer: 'https://example.com', {subject}}}}}")).unwrap();
        let wanted = |subject| Signer::Keyless(Identity { issuer: "https://example.com".to_owned(), subject });
        assert_eq!(*keyless("subject: a.b"), wanted(Subject::Exact("a.b".to_owned())));
        let pattern = signature::Pattern::new("a.b", &regex::Regex::new("a.b").unwrap()).unwrap();
        assert_eq!(*keyless("subjectMatch: a.b"), wanted(Subject::Matching(pattern)));
        assert_ne!(keyless("subjectMatch: a.b"), keyless("subject: a.b"));
    }

    #[test]
    fn keys_are_limited_in_number() {
        let keys = |count| signer(&format!("{{keys: [{}]}}", vec![quoted(); count].join(", "))).map(|_| ());
        assert_eq!(keys(MAX_KEYS), Ok(()));
        assert_eq!(keys(MAX_KEYS + 1), Err("33 keys are too many".to_owned()));
        assert_eq!(keys(0), Err("`keys` is empty".to_owned()));
    }
}
