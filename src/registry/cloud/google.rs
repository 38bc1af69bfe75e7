//! Artifact Registry and Container Registry: an access token of Google Cloud is the password of the user
//! `oauth2accesstoken` (<https://cloud.google.com/artifact-registry/docs/docker/authentication#token>).
//!
//! Where it comes from, in the order of Google's own libraries: the file that `GOOGLE_APPLICATION_CREDENTIALS` names, the
//! file that `gcloud auth application-default login` leaves behind, the metadata server, which is also where workload
//! identity answers in GKE. Of files, service-account keys, users and workload identity federation with a token file are
//! read.

use super::{Clouds, NoLogin, address, form, json, oauth_words};
use crate::http::{Body, Request};
use crate::port::Secret;
use crate::registry::credentials::Proof;
use crate::registry::kept::Fresh;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::HeaderName;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde_json::json as object;
use std::path::Path;
use std::time::Duration;

/// Variables that together are an identity.
pub(super) const OFFERS: &[&[&str]] = &[&["GOOGLE_APPLICATION_CREDENTIALS"]];
/// The user whose password is an access token.
const USER: &str = "oauth2accesstoken";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const TOKEN_SERVICE: &str = "https://oauth2.googleapis.com/token";
const METADATA: &str = "metadata.google.internal";
/// How long our own assertion is good, in seconds: Google takes an hour at most.
const ASSERTION_LIFE: i64 = 600;
/// What an access token lives when the answer gives a date instead (the default of `generateAccessToken`).
const DEFAULT_LIFE: Duration = Duration::from_secs(3_600);

/// `gcr.io` with its regions, and the Docker repositories of `pkg.dev`.
pub(super) fn owns(host: &str) -> bool {
    let one_label = |label: &str| !label.is_empty() && !label.contains(['.', ':']);
    host == "gcr.io"
        || host.strip_suffix(".gcr.io").is_some_and(one_label)
        || host
            .strip_suffix(".pkg.dev")
            .is_some_and(|label| one_label(label) && (label == "docker" || label.ends_with("-docker")))
}

/// The login for every registry of the cloud.
pub(super) async fn login(clouds: &Clouds) -> Result<Fresh<Proof>, NoLogin> {
    let token = access_token(clouds).await?;
    let value = Proof::Password { user: USER.to_owned(), password: token.value };
    Ok(Fresh { value, lifetime: token.lifetime })
}

async fn access_token(clouds: &Clouds) -> Result<Fresh<Secret>, NoLogin> {
    let named = clouds.variable("GOOGLE_APPLICATION_CREDENTIALS");
    let usual = || {
        let folder = clouds.variable("CLOUDSDK_CONFIG");
        let folder = folder.or_else(|| clouds.variable("HOME").map(|home| format!("{home}/.config/gcloud")));
        let file = folder.map(|folder| format!("{folder}/application_default_credentials.json"));
        file.filter(|file| clouds.surroundings.is_there(Path::new(file)))
    };
    match named.or_else(usual) {
        Some(file) => from_file(clouds, &file).await,
        None => from_metadata(clouds).await,
    }
}

async fn from_metadata(clouds: &Clouds) -> Result<Fresh<Secret>, NoLogin> {
    let host = clouds.variable("GCE_METADATA_HOST").unwrap_or_else(|| METADATA.to_owned());
    let url = address(&format!("http://{host}/computeMetadata/v1/instance/service-accounts/default/token"))?;
    let mut request = Request::get(url);
    request.headers.push((HeaderName::from_static("metadata-flavor"), Secret::new("Google")));
    let answer = clouds.ask(request, &[], oauth_words).await.map_err(|why| {
        format!("no identity of Google Cloud was found: neither a credentials file nor a metadata server ({why})")
    })?;
    json::<TokenAnswer>(&answer).map(TokenAnswer::fresh)
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: u64,
}

impl TokenAnswer {
    fn fresh(self) -> Fresh<Secret> {
        Fresh { value: Secret::new(self.access_token), lifetime: Duration::from_secs(self.expires_in) }
    }
}

/// What a credentials file holds, by its `type`.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum File {
    ServiceAccount(ServiceAccount),
    AuthorizedUser { client_id: String, client_secret: String, refresh_token: String },
    ExternalAccount(ExternalAccount),
}

#[derive(Deserialize)]
struct ServiceAccount {
    client_email: String,
    private_key: String,
    private_key_id: String,
    token_uri: Option<String>,
}

#[derive(Deserialize)]
struct ExternalAccount {
    audience: String,
    subject_token_type: String,
    token_url: String,
    service_account_impersonation_url: Option<String>,
    credential_source: TokenSource,
}

#[derive(Deserialize)]
struct TokenSource {
    file: String,
    format: Option<TokenFormat>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum TokenFormat {
    Text,
    Json { subject_token_field_name: String },
}

async fn from_file(clouds: &Clouds, file: &str) -> Result<Fresh<Secret>, NoLogin> {
    let text = clouds.surroundings.read(Path::new(file))?;
    let known = "a service-account key, a user or workload identity federation with a token file";
    let parsed = serde_json::from_str(&text).map_err(|_| format!("{file} is not {known}"))?;
    match parsed {
        File::ServiceAccount(account) => {
            let service = account.token_uri.as_deref().unwrap_or(TOKEN_SERVICE);
            let assertion = assertion(&account, service, clouds.surroundings.now());
            let assertion = assertion.map_err(|why| format!("{file}: {why}"))?;
            let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
            let body = form(&[("grant_type", grant), ("assertion", assertion.expose())]);
            token(clouds, service, body, &[&assertion]).await
        }
        File::AuthorizedUser { client_id, client_secret, refresh_token } => {
            let body = form(&[
                ("grant_type", "refresh_token"),
                ("client_id", &client_id),
                ("client_secret", &client_secret),
                ("refresh_token", &refresh_token),
            ]);
            let used = [client_secret, refresh_token].map(Secret::new);
            token(clouds, TOKEN_SERVICE, body, &[&used[0], &used[1]]).await
        }
        File::ExternalAccount(account) => federated(clouds, &account).await,
    }
}

async fn token(clouds: &Clouds, service: &str, body: Body, used: &[&Secret]) -> Result<Fresh<Secret>, NoLogin> {
    let answer = clouds.ask(Request::post(address(service)?, body), used, oauth_words).await?;
    json::<TokenAnswer>(&answer).map(TokenAnswer::fresh)
}

/// <https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests>
fn assertion(account: &ServiceAccount, audience: &str, now: i64) -> Result<Secret, NoLogin> {
    let header = object!({ "alg": "RS256", "typ": "JWT", "kid": account.private_key_id });
    let claims = object!({
        "iss": account.client_email,
        "scope": SCOPE,
        "aud": audience,
        "iat": now,
        "exp": now + ASSERTION_LIFE,
    });
    let encode = |part: serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let unusable = "its private key cannot be used";
    let der = PrivatePkcs8KeyDer::from_pem_slice(account.private_key.as_bytes()).map_err(|_| unusable)?;
    let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| unusable)?;
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).map_err(|_| unusable)?;
    Ok(Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
}

/// A foreign token is traded for one of Google, and that, where the file says so, for one of a service account
/// (<https://cloud.google.com/iam/docs/workload-identity-federation-with-other-providers#rest>).
async fn federated(clouds: &Clouds, account: &ExternalAccount) -> Result<Fresh<Secret>, NoLogin> {
    let subject = subject_token(clouds, &account.credential_source)?;
    let body = form(&[
        ("audience", &account.audience),
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("scope", SCOPE),
        ("subject_token", subject.expose()),
        ("subject_token_type", &account.subject_token_type),
    ]);
    let traded = token(clouds, &account.token_url, body, &[&subject]).await?;
    let Some(target) = &account.service_account_impersonation_url else {
        return Ok(traded);
    };
    let wanted = Secret::new(object!({ "scope": [SCOPE] }).to_string());
    let mut request = Request::post(address(target)?, Body { media_type: "application/json", content: wanted });
    request.authorization = Some(Secret::new(format!("Bearer {}", traded.value.expose())));
    let answer = clouds.ask(request, &[&traded.value], status_words).await?;
    let answer: Impersonated = json(&answer)?;
    Ok(Fresh { value: Secret::new(answer.access_token), lifetime: DEFAULT_LIFE.min(traded.lifetime) })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Impersonated {
    access_token: String,
}

fn subject_token(clouds: &Clouds, source: &TokenSource) -> Result<Secret, NoLogin> {
    let token = clouds.secret_file(&source.file)?;
    let Some(TokenFormat::Json { subject_token_field_name: field }) = &source.format else {
        return Ok(token);
    };
    let parsed = serde_json::from_str::<serde_json::Value>(token.expose()).ok();
    let found = parsed.as_ref().and_then(|parsed| parsed.get(field)?.as_str());
    found.map(Secret::new).ok_or_else(|| format!("{} holds no token under `{field}`", source.file))
}

/// A refusal as Google's interfaces write it.
fn status_words(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Words {
        error: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        message: String,
    }
    serde_json::from_slice::<Words>(body).map(|words| words.error.message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::cloud::fake::{NOW, World, header, sent};
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    const FILE: [(&str, &str); 1] = [("GOOGLE_APPLICATION_CREDENTIALS", "/key.json")];
    /// Made for this test; it opens nothing.
    const KEY: &str = include_str!("google/test-key.pem");
    const ANSWER: &str = r#"{"access_token":"ya29.secret","expires_in":3599,"token_type":"Bearer"}"#;
    const SERVICE: &str = "POST https://oauth2.googleapis.com/token";

    fn granted(seconds: u64) -> Result<Fresh<Proof>, NoLogin> {
        let value = Proof::Password { user: USER.to_owned(), password: Secret::new("ya29.secret") };
        Ok(Fresh { value, lifetime: Duration::from_secs(seconds) })
    }

    fn service_account() -> String {
        object!({
            "type": "service_account", "project_id": "acme", "private_key_id": "abc", "private_key": KEY,
            "client_email": "images@acme.iam.gserviceaccount.com", "client_id": "1",
            "token_uri": "https://oauth2.googleapis.com/token",
        })
        .to_string()
    }

    #[tokio::test]
    async fn the_metadata_server_gives_a_token() {
        let address = "GET http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token";
        let world = World::new(&[("HOME", "/home/joe")]).answer(address, 200, ANSWER);
        assert_eq!(login(&world.clouds()).await, granted(3_599));
        assert_eq!(header(&world.asked()[0], "metadata-flavor"), "Google");
        let elsewhere = [("GCE_METADATA_HOST", "evil.example.com")];
        let said = login(&World::new(&elsewhere).clouds()).await.unwrap_err();
        assert!(said.contains("without https"), "{said}");
        let nowhere = login(&World::new(&[]).clouds()).await.unwrap_err();
        assert!(nowhere.starts_with("no identity of Google Cloud was found"), "{nowhere}");
    }

    #[tokio::test]
    async fn a_service_account_signs_the_documented_assertion() {
        let world = World::new(&FILE).file("/key.json", &service_account()).answer(SERVICE, 200, ANSWER);
        assert_eq!(login(&world.clouds()).await, granted(3_599));
        let asked = world.asked();
        let assertion =
            sent(&asked[0]).strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=");
        let (signed, signature) = assertion.unwrap().rsplit_once('.').unwrap();
        let parts: Vec<serde_json::Value> = signed
            .split('.')
            .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
            .collect();
        assert_eq!(parts[0], object!({ "alg": "RS256", "typ": "JWT", "kid": "abc" }));
        assert_eq!(
            parts[1],
            object!({
                "iss": "images@acme.iam.gserviceaccount.com", "scope": SCOPE,
                "aud": "https://oauth2.googleapis.com/token", "iat": NOW, "exp": NOW + 600,
            })
        );
        let der = PrivatePkcs8KeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
        let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).unwrap();
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public().as_ref())
            .verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
            .unwrap();
    }

    #[tokio::test]
    async fn what_gcloud_leaves_behind_is_used() {
        let user = r#"{"type":"authorized_user","client_id":"id","client_secret":"cs","refresh_token":"rt"}"#;
        let world = World::new(&[("HOME", "/home/joe")])
            .file("/home/joe/.config/gcloud/application_default_credentials.json", user)
            .answer(SERVICE, 200, ANSWER);
        assert_eq!(login(&world.clouds()).await, granted(3_599));
        let expected = "grant_type=refresh_token&client_id=id&client_secret=cs&refresh_token=rt";
        assert_eq!(sent(&world.asked()[0]), expected);
    }

    fn federation(extra: &str) -> String {
        format!(
            r#"{{"type":"external_account","audience":"//iam.googleapis.com/projects/1/x",
                "subject_token_type":"urn:ietf:params:oauth:token-type:jwt",
                "token_url":"https://sts.googleapis.com/v1/token",{extra}}}"#
        )
    }

    #[tokio::test]
    async fn a_foreign_token_is_traded_and_may_stand_for_a_service_account() {
        let sts = "POST https://sts.googleapis.com/v1/token";
        let plain = federation(r#""credential_source":{"file":"/token"}"#);
        let world = World::new(&FILE).file("/key.json", &plain).file("/token", "jwt\n").answer(sts, 200, ANSWER);
        assert_eq!(login(&world.clouds()).await, granted(3_599));
        assert!(sent(&world.asked()[0]).contains("&subject_token=jwt&"), "{:?}", sent(&world.asked()[0]));

        let target = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b:generateAccessToken";
        let account = federation(&format!(
            r#""service_account_impersonation_url":"{target}","credential_source":
                {{"file":"/token","format":{{"type":"json","subject_token_field_name":"t"}}}}"#
        ));
        let first = r#"{"access_token":"first","expires_in":1800}"#;
        let second = r#"{"accessToken":"ya29.secret","expireTime":"2026-01-02T04:04:05Z"}"#;
        let world = World::new(&FILE)
            .file("/key.json", &account)
            .file("/token", r#"{"t":"jwt"}"#)
            .answer(sts, 200, first)
            .answer(&format!("POST {target}"), 200, second);
        assert_eq!(login(&world.clouds()).await, granted(1_800));
        assert_eq!(world.asked()[1].authorization.as_ref().unwrap().expose(), "Bearer first");
    }

    #[tokio::test]
    async fn what_goes_wrong_is_said_without_secrets() {
        let refused = r#"{"error":"invalid_grant","error_description":"Invalid JWT Signature of rt-secret."}"#;
        let user = r#"{"type":"authorized_user","client_id":"id","client_secret":"cs","refresh_token":"rt-secret"}"#;
        for (file, status, body, said) in [
            (user, 400, refused, "oauth2.googleapis.com refuses (400): invalid_grant: Invalid JWT Signature of •••."),
            (user, 200, "<html>", "oauth2.googleapis.com answered with something else than was asked for"),
            ("{}", 200, "", "/key.json is not a service-account key"),
            (r#"{"type":"gdch_service_account"}"#, 200, "", "/key.json is not a service-account key"),
            (
                r#"{"type":"service_account","client_email":"a","private_key":"hunter2","private_key_id":"a"}"#,
                200,
                "",
                "/key.json: its private key cannot be used",
            ),
        ] {
            let world = World::new(&FILE).file("/key.json", file).answer(SERVICE, status, body);
            let found = login(&world.clouds()).await.unwrap_err();
            assert!(found.starts_with(said), "{found}");
        }
        assert_eq!(login(&World::new(&FILE).clouds()).await.unwrap_err(), "cannot read /key.json: not there");
    }
}
