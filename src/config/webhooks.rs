//! Where pushes are told of, by whom, and how each proves who it is: `webhooks` in the settings.
//!
//! ```yaml
//! webhooks:
//!   address: "0.0.0.0:8082"
//!   receivers:
//!     - {name: registry, kind: distribution, tokenFile: /run/secrets/registry-webhook}
//!     - {name: config, kind: github, secretFile: /run/secrets/github-webhook}
//!     - {name: hub, kind: dockerHub, pathFile: /run/secrets/hub-path}
//! ```
//!
//! Without `webhooks` nothing is listened at. What a sender may be trusted with stands in `crate::webhook`: "look now at this".

use super::declare::{record, words};
use super::places::{FilePath, RemoteUrl};
use super::problems::Problems;
use super::repositories::Address;
use super::routes::{MirrorPlace, RequestRate};
use super::shape::{Field, Refusal, Spanned, shown};
use super::tree::Scalar;
use super::values::FromScalar;
use crate::text::Span;
use serde_json::{Value as Json, json};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use url::Url;

/// The most receivers.
pub const MAX_RECEIVERS: usize = 100;
/// The longest name of one, in bytes.
const MAX_NAME: usize = 63;
/// Requests that a receiver takes in a second unless the settings say otherwise.
const USUAL_RATE: NonZeroU32 = NonZeroU32::new(100).unwrap();

/// What is listened for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSettings {
    pub address: SocketAddr,
    pub receivers: Vec<ReceiverSettings>,
}

/// One sender, or several of one kind that share a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiverSettings {
    /// What logs, metrics and, without `path_file`, its address call it.
    pub name: String,
    pub kind: WebhookKind,
    /// `None`: its path alone proves the sender, or nothing does.
    pub proof: Option<ProofSettings>,
    /// The file that holds the last part of its address.
    pub path_file: Option<PathBuf>,
    /// `HOST` or `HOST/PATH`: what all images that it names are below, whatever it calls their registry.
    pub registry: Option<String>,
    /// What all Git repositories that it names are below.
    pub url: Option<Url>,
    /// Requests in a second.
    pub rate: NonZeroU32,
}

impl ReceiverSettings {
    /// Whether anybody may send.
    pub fn is_open(&self) -> bool {
        self.proof.is_none() && self.path_file.is_none()
    }

    /// Every file that it names.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let proof = self.proof.as_ref().map(|(ProofSettings::Signature(file) | ProofSettings::Token(file))| file);
        proof.into_iter().chain(&self.path_file)
    }

    pub(super) fn files_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let proof = self.proof.as_mut().map(|(ProofSettings::Signature(file) | ProofSettings::Token(file))| file);
        proof.into_iter().chain(&mut self.path_file)
    }
}

/// How a sender proves who it is; the file holds the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProofSettings {
    /// It signs what it sends with the secret.
    Signature(PathBuf),
    /// It sends the secret along.
    Token(PathBuf),
}

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WebhookKind {
    Distribution,
    DockerHub,
    Ghcr,
    Quay,
    Harbor,
    Ecr,
    Gar,
    Acr,
    Nexus,
    JFrog,
    Generic,
    GitHub,
    GitLab,
    /// And Forgejo.
    Gitea,
    BitbucketCloud,
    BitbucketDataCenter,
    AzureDevOps,
}

words! {
    WebhookKind {
        "distribution" => WebhookKind::Distribution,
        "dockerHub" => WebhookKind::DockerHub,
        "ghcr" => WebhookKind::Ghcr,
        "quay" => WebhookKind::Quay,
        "harbor" => WebhookKind::Harbor,
        "ecr" => WebhookKind::Ecr,
        "gar" => WebhookKind::Gar,
        "acr" => WebhookKind::Acr,
        "nexus" => WebhookKind::Nexus,
        "jfrog" => WebhookKind::JFrog,
        "generic" => WebhookKind::Generic,
        "github" => WebhookKind::GitHub,
        "gitlab" => WebhookKind::GitLab,
        "gitea" => WebhookKind::Gitea,
        "forgejo" => WebhookKind::Gitea,
        "bitbucketCloud" => WebhookKind::BitbucketCloud,
        "bitbucketDataCenter" => WebhookKind::BitbucketDataCenter,
        "azureDevOps" => WebhookKind::AzureDevOps,
    }
    refused {
        "gitlabRegistry" => Refusal::Never("sends what its registry sends", "write `kind: distribution`"),
    }
}

impl WebhookKind {
    /// Whether it can sign what it sends.
    pub fn signs(self) -> bool {
        use WebhookKind::*;
        matches!(self, Ghcr | Nexus | JFrog | Generic | GitHub | GitLab | Gitea | BitbucketCloud | BitbucketDataCenter)
    }

    /// Whether it can send a token along.
    pub fn sends_token(self) -> bool {
        use WebhookKind::*;
        matches!(
            self,
            Distribution | Harbor | Ecr | Acr | JFrog | Generic | GitLab | Gitea | BitbucketDataCenter | AzureDevOps
        )
    }

    /// Whether it tells of images.
    fn names_images(self) -> bool {
        use WebhookKind::*;
        !matches!(self, GitLab | BitbucketCloud | BitbucketDataCenter | AzureDevOps)
    }

    /// Whether it tells of pushes to Git repositories.
    fn names_sources(self) -> bool {
        use WebhookKind::*;
        matches!(self, Generic | GitHub | GitLab | Gitea | BitbucketCloud | BitbucketDataCenter | AzureDevOps)
    }
}

/// The one word of `authentication`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unauthenticated;

words! { Unauthenticated { "none" => Unauthenticated, } }

record! {
    /// Pushes that registries and forges tell of. They make the service look at once; nothing else of them is believed.
    pub(super) struct WebhooksShape {
        /// Where webhooks are listened for, such as `0.0.0.0:8082`. Without `webhooks` nothing is listened at.
        "address" required => address: Address,
        /// Who may send.
        "receivers" required => receivers: Vec<Spanned<ReceiverShape>>,
    }
}

record! {
    /// One sender of webhooks.
    pub(super) struct ReceiverShape {
        /// What logs and metrics call it. Without `pathFile` its address is `/webhooks/NAME`.
        "name" required => name: ReceiverName,
        /// Which registry or forge sends.
        "kind" required => kind: WebhookKind,
        /// The file that holds the secret with which it signs what it sends.
        "secretFile" => secret_file: FilePath,
        /// The file that holds the token that it sends along.
        "tokenFile" => token_file: FilePath,
        /// The file that holds the last part of its address, for senders that can do nothing else: `/webhooks/...`.
        "pathFile" => path_file: FilePath,
        /// `none` lets everybody send.
        "authentication" => authentication: Unauthenticated,
        /// What its images are below, a host with a path or without, whatever it calls their registry itself.
        "registry" => registry: MirrorPlace,
        /// What the Git repositories are below that it may tell of. Without it: all of `repositories`.
        "url" => url: RemoteUrl,
        /// How many requests it may send in a second, 1 to 1000; 100 if nothing is said.
        "requestsPerSecond" => rate: RequestRate,
    }
    refused {
        "type" => Refusal::Never("is called `kind` here", "write `kind: github`"),
        "host" => Refusal::Never("is called `registry` here", "write `registry: registry.example.com`"),
        "secret" => Refusal::Secret("`secretFile` names the file that holds it"),
        "token" => Refusal::Secret("`tokenFile` names the file that holds it"),
        "path" => Refusal::Secret("`pathFile` names the file that holds it; without it the path is `/webhooks/NAME`"),
    }
}

/// What a receiver is called.
#[derive(Debug, Clone)]
pub(super) struct ReceiverName(String);

impl FromScalar for ReceiverName {
    const WANTED: &'static str = "a name";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<ReceiverName> {
        let text = scalar.text.as_str();
        let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if text.is_empty() || text.len() > MAX_NAME || !text.bytes().all(word) {
            let hint = format!("lowercase letters, digits and `-`, at most {MAX_NAME} of them");
            problems.error(scalar.span, format!("`{}` is not a name", shown(text)), hint);
            return None;
        }
        Some(ReceiverName(text.to_owned()))
    }

    fn scalar_schema() -> Json {
        json!({ "type": "string", "pattern": "^[a-z0-9-]{1,63}$" })
    }
}

/// What the file says of webhooks; `None` when nothing is to be listened at.
pub(super) fn webhooks(field: Field<WebhooksShape>, problems: &mut Problems) -> Option<WebhookSettings> {
    let shape = field.value()?;
    let shapes = shape.receivers.given()?;
    if shapes.value.is_empty() || shapes.value.len() > MAX_RECEIVERS {
        let hint = "leave `webhooks` out to listen for none";
        problems.error(shapes.span, format!("expected 1 to {MAX_RECEIVERS} receivers"), hint);
        return None;
    }
    let mut receivers: Vec<ReceiverSettings> = Vec::new();
    for shape in shapes.value {
        let span = shape.span;
        let Some(one) = receiver(shape, problems) else {
            continue;
        };
        if receivers.iter().any(|other| other.name == one.name) {
            problems.error(span, format!("`{}` is described twice", one.name), "");
        }
        receivers.push(one);
    }
    Some(WebhookSettings { address: shape.address.value()?.0, receivers })
}

fn receiver(shape: Spanned<ReceiverShape>, problems: &mut Problems) -> Option<ReceiverSettings> {
    let Spanned { value: shape, span, sound } = shape;
    let kind = shape.kind.as_given()?.value;
    let broken = !sound;
    places(kind, &shape, span, problems);
    let proof = proof(kind, &shape, problems);
    let open = shape.authentication.as_given().map(|word| word.span);
    let path_file = shape.path_file.value().map(|file| file.0);
    match open {
        Some(at) if proof.is_some() || path_file.is_some() => {
            problems.error(at, "`none` beside a proof of who sends", "keep one of them");
        }
        None if proof.is_none() && path_file.is_none() && !broken => {
            problems.error(span, "anybody could send this", how_to_prove(kind));
        }
        _ => {}
    }
    Some(ReceiverSettings {
        name: shape.name.value()?.0,
        kind,
        proof,
        path_file,
        registry: shape.registry.value().map(|place| place.0),
        url: shape.url.value().map(|url| url.0),
        rate: shape.rate.value().map_or(USUAL_RATE, |rate| rate.0),
    })
}

/// What the sender can do to prove who it is.
fn how_to_prove(kind: WebhookKind) -> &'static str {
    match (kind.signs(), kind.sends_token()) {
        (true, _) => "add `secretFile`, or `authentication: none` if that is meant",
        (false, true) => "add `tokenFile`, or `authentication: none` if that is meant",
        (false, false) => "add `pathFile`, because it can neither sign nor send a token",
    }
}

fn proof(kind: WebhookKind, shape: &ReceiverShape, problems: &mut Problems) -> Option<ProofSettings> {
    if let Some(file) = shape.secret_file.as_given().filter(|_| !kind.signs()) {
        problems.error(file.span, "this sender signs nothing", how_to_prove(kind));
    }
    if let Some(file) = shape.token_file.as_given().filter(|_| !kind.sends_token()) {
        problems.error(file.span, "this sender sends no token", how_to_prove(kind));
    }
    match (shape.secret_file.as_given(), shape.token_file.as_given()) {
        (Some(_), Some(token)) => {
            problems.error(token.span, "two proofs of one sender", "keep one of `secretFile` and `tokenFile`");
            Some(ProofSettings::Token(token.value.0.clone()))
        }
        (Some(secret), None) => Some(ProofSettings::Signature(secret.value.0.clone())),
        (None, Some(token)) => Some(ProofSettings::Token(token.value.0.clone())),
        (None, None) => None,
    }
}

/// Whether the places that the sender may name are those that it can name.
fn places(kind: WebhookKind, shape: &ReceiverShape, span: Span, problems: &mut Problems) {
    if let Some(place) = shape.registry.as_given().filter(|_| !kind.names_images()) {
        problems.error(place.span, "this sender names no images", "");
    }
    if let Some(place) = shape.url.as_given().filter(|_| !kind.names_sources()) {
        problems.error(place.span, "this sender names no Git repositories", "");
    }
    if kind == WebhookKind::Nexus && shape.registry.is_absent() {
        problems.error(span, "it does not say which registry it is", "add `registry: HOST`, as image names spell it");
    }
    if kind == WebhookKind::BitbucketDataCenter && shape.url.is_absent() {
        problems.error(span, "it does not say which server it is", "add `url: https://bitbucket.example.com/`");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings;

    fn read(receivers: &str) -> Result<WebhookSettings, String> {
        let text = format!(
            "apiVersion: landwaiter/v1\nkind: Settings\nwebhooks: {{address: '127.0.0.1:0', receivers: {receivers}}}\n"
        );
        let settings = settings::read("settings.yaml", &text).map_err(|found| found[0].message.clone())?;
        Ok(settings.relative_to(std::path::Path::new("/etc/landwaiter")).webhooks.unwrap())
    }

    #[test]
    fn nothing_is_listened_at_unless_it_is_said() {
        let text = "apiVersion: landwaiter/v1\nkind: Settings\n";
        assert_eq!(settings::read("settings.yaml", text).unwrap().webhooks, None);
    }

    #[test]
    fn a_receiver_has_a_name_a_kind_and_a_proof() {
        let found = read(
            "[{name: a, kind: github, secretFile: a, url: 'https://github.com/acme/', requestsPerSecond: 5}, \
              {name: b, kind: distribution, tokenFile: /b, registry: 'reg.example.com/x'}, \
              {name: c, kind: dockerHub, pathFile: c}, {name: d, kind: generic, authentication: none}]",
        )
        .unwrap();
        let [a, b, c, d] = &found.receivers[..] else { panic!() };
        assert_eq!(a.proof, Some(ProofSettings::Signature("/etc/landwaiter/a".into())));
        assert_eq!((a.rate.get(), a.url.as_ref().map(Url::as_str)), (5, Some("https://github.com/acme/")));
        assert_eq!(b.proof, Some(ProofSettings::Token("/b".into())));
        assert_eq!((b.rate, b.registry.as_deref()), (USUAL_RATE, Some("reg.example.com/x")));
        assert_eq!((&c.proof, c.files().next()), (&None, Some(&"/etc/landwaiter/c".into())));
        assert_eq!([a, b, c, d].map(ReceiverSettings::is_open), [false, false, false, true]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (body, message) in [
            ("[]", "expected 1 to 100 receivers"),
            ("[{name: a, kind: github}]", "anybody could send this"),
            ("[{name: a, kind: dockerHub}]", "anybody could send this"),
            ("[{name: a, kind: dockerHub, secretFile: x}]", "this sender signs nothing"),
            ("[{name: a, kind: github, tokenFile: x}]", "this sender sends no token"),
            ("[{name: a, kind: jfrog, tokenFile: x, secretFile: y}]", "two proofs of one sender"),
            ("[{name: a, kind: github, secretFile: x, authentication: none}]", "`none` beside a proof of who sends"),
            ("[{name: a, kind: quay, pathFile: x, authentication: none}]", "`none` beside a proof of who sends"),
            ("[{name: A, kind: quay, pathFile: x}]", "`A` is not a name"),
            ("[{name: a/b, kind: quay, pathFile: x}]", "`a/b` is not a name"),
            ("[{name: a, kind: quay, pathFile: x}, {name: a, kind: quay, pathFile: y}]", "`a` is described twice"),
            ("[{name: a, kind: gitlabRegistry, tokenFile: x}]", "`gitlabRegistry` sends what its registry sends"),
            ("[{name: a, kind: nexus, secretFile: x}]", "it does not say which registry it is"),
            ("[{name: a, kind: bitbucketDataCenter, secretFile: x}]", "it does not say which server it is"),
            ("[{name: a, kind: gitlab, tokenFile: x, registry: reg.example.com}]", "this sender names no images"),
            (
                "[{name: a, kind: harbor, tokenFile: x, url: 'https://a.example/'}]",
                "this sender names no Git repositories",
            ),
            ("[{name: a, kind: github, secret: hunter2}]", "line 3: `secret` would hold a secret inline"),
            (
                "[{name: a, kind: github, secretFile: x, requestsPerSecond: 0}]",
                "expected a number from 1 to 1000, found `0`",
            ),
        ] {
            assert_eq!(read(body).unwrap_err(), message, "{body}");
        }
    }

    #[test]
    fn lists_and_names_are_bounded_at_their_edges() {
        let many = |count: usize| {
            let one = |n| format!("{{name: r{n}, kind: quay, pathFile: x}}");
            format!("[{}]", (0..count).map(one).collect::<Vec<_>>().join(","))
        };
        assert_eq!(read(&many(MAX_RECEIVERS)).unwrap().receivers.len(), MAX_RECEIVERS);
        assert!(read(&many(MAX_RECEIVERS + 1)).is_err());
        let named = |length: usize| format!("[{{name: {}, kind: quay, pathFile: x}}]", "a".repeat(length));
        assert!(read(&named(MAX_NAME)).is_ok());
        assert!(read(&named(MAX_NAME + 1)).is_err());
    }
}
