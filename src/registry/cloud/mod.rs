//! The cloud registries' own logins: an identity of the cloud, found where its own tools look for it, is traded for a login
//! at its registry.
//!
//! | file | registry | identities, in the order in which they are tried |
//! |---|---|---|
//! | `aws` | ECR | key variables, web identity (IRSA), the shared profile, a container's role (EKS pod identity, ECS), the instance's role |
//! | `google` | Artifact Registry, Container Registry | the credentials file that a variable names, that of `gcloud`, the metadata server |
//! | `azure` | Container Registry | federated token (workload identity), client secret, managed identity |
//!
//! Requests are built and answers are read by pure functions; `Clouds` sends. A login is given to hosts of its cloud only,
//! known by their names: nobody else can own those. Nothing is asked of a metadata server unless the operator named the
//! cloud, and then it has to answer at once. Metadata servers are spoken to in plain HTTP and never through a proxy; nothing
//! else is.

mod aws;
mod azure;
mod google;

use super::credentials::Proof;
use super::kept::Fresh;
use crate::http::{self, Answer, Request, clean};
use crate::port::{Secret, hide_secrets};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Url};

/// The most bytes of a cloud's answer.
pub const MAX_CLOUD_ANSWER: usize = 256 * 1024;
/// How long a metadata server may take: it is on this machine or it is not there.
pub const METADATA_TIMEOUT: Duration = Duration::from_secs(2);

/// A cloud whose registries have a login of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cloud {
    Aws,
    Google,
    Azure,
}

/// What a cloud's login needs of the machine. Files and variables are read anew each time: identities rotate.
pub trait Surroundings: Send + Sync {
    /// A variable of the environment; an empty one is none.
    fn variable(&self, name: &str) -> Option<String>;
    /// A file as text; the error names it and says why not.
    fn read(&self, path: &Path) -> Result<String, String>;
    /// Whether the file is there.
    fn is_there(&self, path: &Path) -> bool;
    /// Seconds since 1970.
    fn now(&self) -> i64;
}

impl Cloud {
    pub const ALL: [Cloud; 3] = [Cloud::Aws, Cloud::Google, Cloud::Azure];

    /// Whether the host is one of the cloud's registries.
    pub fn owns(self, host: &str) -> bool {
        match self {
            Cloud::Aws => aws::registry(host).is_some(),
            Cloud::Google => google::owns(host),
            Cloud::Azure => azure::registry(host).is_some(),
        }
    }

    /// Whether a login there is wanted by everybody who uses the cloud. Its public registries need none, and an identity
    /// without the right to log in would only do harm.
    pub(crate) fn logs_in_unasked(self, host: &str) -> bool {
        self.owns(host) && host != aws::PUBLIC
    }

    /// Whether the environment offers an identity by variables that nobody sets for another purpose. No file is looked for
    /// and no metadata server is asked.
    pub fn offered(self, surroundings: &dyn Surroundings) -> bool {
        let all = |names: &[&str]| names.iter().all(|name| surroundings.variable(name).is_some());
        let ways: &[&[&str]] = match self {
            Cloud::Aws => aws::OFFERS,
            Cloud::Google => google::OFFERS,
            Cloud::Azure => azure::OFFERS,
        };
        ways.iter().any(|names| all(names))
    }

    /// As people know it.
    pub fn name(self) -> &'static str {
        match self {
            Cloud::Aws => "AWS",
            Cloud::Google => "Google Cloud",
            Cloud::Azure => "Azure",
        }
    }
}

/// Sends one request; given from outside so that exchanges can be tested.
pub(crate) type Sender = Arc<dyn Fn(Request) -> BoxFuture<'static, Result<Answer, http::Error>> + Send + Sync>;

/// Everything that a cloud's login needs. Clones share it.
#[derive(Clone)]
pub(crate) struct Clouds {
    send: Sender,
    surroundings: Arc<dyn Surroundings>,
}

impl fmt::Debug for Clouds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clouds").finish_non_exhaustive()
    }
}

/// Why a login could not be had: for people, without secrets.
pub(crate) type NoLogin = String;

impl Clouds {
    /// `http` speaks to public addresses, `metadata` to those of this machine.
    pub(crate) fn new(http: http::Client, metadata: http::Client, surroundings: Arc<dyn Surroundings>) -> Clouds {
        let send: Sender = Arc::new(move |request: Request| {
            let client = if request.url.scheme() == "https" { http.clone() } else { metadata.clone() };
            async move { client.send(request).await }.boxed()
        });
        Clouds { send, surroundings }
    }

    /// What proves who we are at the cloud's registry `host`.
    pub(crate) async fn login(&self, cloud: Cloud, host: &str) -> Result<Fresh<Proof>, NoLogin> {
        match cloud {
            Cloud::Aws => aws::login(self, host).await,
            Cloud::Google => google::login(self).await,
            Cloud::Azure => azure::login(self, host).await,
        }
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.surroundings.variable(name).filter(|value| !value.is_empty())
    }

    /// A file that a variable or a setting names, without the line break at its end.
    fn secret_file(&self, path: &str) -> Result<Secret, NoLogin> {
        let text = self.surroundings.read(Path::new(path))?;
        Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
    }

    /// Asks, and gives back the answer if it is one. `used` is what was sent and must not be repeated; `said` reads a
    /// refusal in the cloud's own words.
    async fn ask(&self, mut request: Request, used: &[&Secret], said: fn(&[u8]) -> String) -> Result<Answer, NoLogin> {
        if request.url.scheme() != "https" && !is_beside(&request.url) {
            let address = http::display_url(&request.url);
            return Err(format!("{address} would be asked without https"));
        }
        request.limit = MAX_CLOUD_ANSWER;
        let address = http::authority(&request.url);
        let answer = (self.send)(request).await.map_err(|failed| format!("{address}: {}", failed.detail))?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let words = said(&answer.body);
        let words = clean(&hide_secrets(&words, used.iter().map(|secret| secret.expose())));
        let status = answer.status.as_u16();
        Err(if words.is_empty() {
            format!("{address} refuses ({status})")
        } else {
            format!("{address} refuses ({status}): {words}")
        })
    }
}

/// Whether plain HTTP to the address stays on this machine or beside it: loopback, or the link-local addresses and names at
/// which clouds answer their own machines.
fn is_beside(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_link_local(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.segments()[..2] == [0xfd00, 0x0ec2],
        Some(Host::Domain(name)) => matches!(name, "localhost" | "metadata.google.internal"),
        None => false,
    }
}

/// Reads a cloud's answer; the parser's own words may quote it and are left out.
fn json<T: DeserializeOwned>(answer: &Answer) -> Result<T, NoLogin> {
    serde_json::from_slice(&answer.body)
        .map_err(|_| format!("{} answered with something else than was asked for", http::authority(&answer.url)))
}

/// `a=1&b=2` as a body.
fn form(pairs: &[(&str, &str)]) -> http::Body {
    let mut encoded = url::form_urlencoded::Serializer::new(String::new());
    encoded.extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()));
    http::Body { media_type: "application/x-www-form-urlencoded", content: Secret::new(encoded.finish()) }
}

/// A refusal as OAuth specifies it.
fn oauth_words(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Words {
        error: String,
        error_description: Option<String>,
    }
    match serde_json::from_slice::<Words>(body) {
        Ok(Words { error, error_description: Some(description) }) => format!("{error}: {description}"),
        Ok(Words { error, .. }) => error,
        Err(_) => String::new(),
    }
}

/// An address made of parts that were checked, or one that the operator gave.
fn address(text: &str) -> Result<Url, NoLogin> {
    Url::parse(text).map_err(|bad| format!("`{}` is no address: {bad}", clean(text)))
}

#[cfg(test)]
pub(crate) mod fake;

#[cfg(test)]
mod tests {
    use super::fake::World;
    use super::*;

    #[test]
    fn a_cloud_s_registries_are_known_by_their_names() {
        for (host, owner) in [
            ("123456789012.dkr.ecr.eu-central-1.amazonaws.com", Some(Cloud::Aws)),
            ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", Some(Cloud::Aws)),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", Some(Cloud::Aws)),
            ("123456789012.dkr-ecr.eu-central-1.on.aws", Some(Cloud::Aws)),
            ("public.ecr.aws", Some(Cloud::Aws)),
            ("12345678901.dkr.ecr.eu-central-1.amazonaws.com", None),
            ("acme.dkr.ecr.eu-central-1.amazonaws.com", None),
            ("123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.example.com", None),
            ("123456789012.dkr.ecr.evil.example.com", None),
            ("123456789012.dkr.ecr..amazonaws.com", None),
            ("123456789012.dkr.ecr.a.b.amazonaws.com", None),
            ("123456789012.dkr.ecr.eu-central-1.amazonaws.com:8443", None),
            ("x123456789012.dkr.ecr.eu-central-1.amazonaws.com", None),
            ("gcr.io", Some(Cloud::Google)),
            ("eu.gcr.io", Some(Cloud::Google)),
            ("europe-west1-docker.pkg.dev", Some(Cloud::Google)),
            ("docker.pkg.dev", Some(Cloud::Google)),
            ("evilgcr.io", None),
            ("gcr.io.evil.example.com", None),
            ("pkg.dev", None),
            ("eu.gcr.io:444", None),
            ("acme.azurecr.io", Some(Cloud::Azure)),
            ("acme.westeurope.data.azurecr.io", Some(Cloud::Azure)),
            ("acme.azurecr.cn", Some(Cloud::Azure)),
            ("acme.azurecr.us", Some(Cloud::Azure)),
            ("acme.azurecr.de", None),
            ("azurecr.io", None),
            ("acmeazurecr.io", None),
            ("acme.azurecr.io.evil.example.com", None),
            ("ghcr.io", None),
        ] {
            let found: Vec<Cloud> = Cloud::ALL.into_iter().filter(|cloud| cloud.owns(host)).collect();
            assert_eq!(found, owner.into_iter().collect::<Vec<_>>(), "{host}");
        }
        assert!(!Cloud::Aws.logs_in_unasked("public.ecr.aws"));
    }

    #[test]
    fn a_laptop_offers_nothing() {
        for (variables, offered) in [
            (&[][..], None),
            (&[("HOME", "/home/joe"), ("AWS_PROFILE", "x"), ("AWS_REGION", "x"), ("AZURE_CLIENT_ID", "x")][..], None),
            (&[("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x")][..], Some(Cloud::Aws)),
            (&[("AWS_ACCESS_KEY_ID", "x")][..], None),
            (&[("AWS_WEB_IDENTITY_TOKEN_FILE", "x"), ("AWS_ROLE_ARN", "x")][..], Some(Cloud::Aws)),
            (&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "x")][..], Some(Cloud::Aws)),
            (&[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "x")][..], Some(Cloud::Aws)),
            (&[("GOOGLE_APPLICATION_CREDENTIALS", "x")][..], Some(Cloud::Google)),
            (
                &[("AZURE_TENANT_ID", "x"), ("AZURE_CLIENT_ID", "x"), ("AZURE_FEDERATED_TOKEN_FILE", "x")][..],
                Some(Cloud::Azure),
            ),
            (
                &[("AZURE_TENANT_ID", "x"), ("AZURE_CLIENT_ID", "x"), ("AZURE_CLIENT_SECRET", "x")][..],
                Some(Cloud::Azure),
            ),
        ] {
            let world = World::new(variables);
            let found: Vec<Cloud> = Cloud::ALL.into_iter().filter(|cloud| cloud.offered(&world)).collect();
            assert_eq!(found, offered.into_iter().collect::<Vec<_>>(), "{variables:?}");
        }
    }

    #[test]
    fn plain_http_stays_beside_the_machine() {
        for (url, beside) in [
            ("http://169.254.169.254/latest/", true),
            ("http://169.254.170.23/v1/credentials", true),
            ("http://[fd00:ec2::23]/v1/credentials", true),
            ("http://127.0.0.1:51679/x", true),
            ("http://localhost/x", true),
            ("http://metadata.google.internal/x", true),
            ("http://metadata.google.internal.evil.example.com/x", false),
            ("http://example.com/", false),
            ("http://10.0.0.1/", false),
            ("http://[fd00:1::23]/", false),
        ] {
            assert_eq!(is_beside(&url.parse().unwrap()), beside, "{url}");
        }
    }

    #[tokio::test]
    async fn a_plain_address_far_away_is_not_asked() {
        let world = World::new(&[]);
        let request = Request::get("http://example.com/token?secret=x".parse().unwrap());
        let refused = world.clouds().ask(request, &[], oauth_words).await.unwrap_err();
        assert_eq!(refused, "http://example.com/token?secret=••• would be asked without https");
        assert!(world.asked().is_empty());
    }
}
