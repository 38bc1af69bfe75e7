//! Logins where people keep them, at a real registry: credential helpers, identity tokens, a token service.

use super::faulty::{Asked, Faulty, Reply};
use super::{PASSWORD, Real, joe, listed, program, push, quick, repository, run, versions, with_login};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use landwaiter::image::Tag;
use landwaiter::port::{Registry, RegistryErrorKind};
use landwaiter::registry::{Client, Helpers, Options};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// Writes `docker-credential-acme`, by another process: a file that this one had open for writing could not be run while
/// a test beside it forks.
fn helper(folder: &Path, answer: &str) {
    let script = format!("#!/bin/sh\necho '{answer}'\n");
    let file = folder.join("docker-credential-acme");
    let written =
        Command::new("sh").args(["-c", r#"printf %s "$1" > "$2"; chmod 755 "$2""#, "sh", &script]).arg(file).status();
    assert!(written.unwrap().success());
}

/// What `docker login` leaves behind where a helper keeps the secrets.
fn with_helper(host: &str, folder: &Path) -> Options {
    let mut options = quick();
    let config = format!(r#"{{"auths": {{"{host}": {{}}}}, "credHelpers": {{"{host}": "acme"}}}}"#);
    options.credentials.add_docker_config(&config, "config.json", Helpers::Run).unwrap();
    options.machine.helper_path = Some(folder.into());
    options
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_helper_knows_the_password_of_a_real_registry() {
    let Some(real) = Real::with_password(TempDir::new().unwrap(), "") else {
        return;
    };
    push(&real.host, "acme/web", &versions(2), &joe()).await;
    helper(real.folder.path(), &format!(r#"{{"ServerURL":"x","Username":"joe","Secret":"{PASSWORD}"}}"#));
    let client = Client::new(with_helper(&real.host, real.folder.path())).unwrap();
    assert_eq!(listed(&client, &real.host, "acme/web").await, versions(2));

    helper(real.folder.path(), r#"{"ServerURL":"x","Username":"joe","Secret":"wrong-secret"}"#);
    let client = Client::new(with_helper(&real.host, real.folder.path())).unwrap();
    let wrong = client.tags(&repository(&real.host, "acme/web")).await.unwrap_err();
    assert_eq!(wrong.kind, RegistryErrorKind::Unauthorized);
    assert!(wrong.detail.contains("docker-credential-acme"), "{wrong}");
    assert!(!format!("{wrong} {wrong:?}").contains("wrong-secret"), "{wrong:?}");
}

/// Signs tokens as Docker's token specification has them, with a certificate that the registry trusts.
struct Signer {
    key: EcdsaKeyPair,
    certificate: String,
}

impl Signer {
    fn new(openssl: &Path, folder: &Path) -> Signer {
        let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
        let (key, der, certificate) = (file("token.key"), file("token.der"), file("token.pem"));
        let subject = ["-subj", "/CN=acme", "-days", "2", "-nodes", "-keyout", &key, "-out", &certificate];
        let kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
        run(openssl, &[&kind[..], &subject[..]].concat());
        run(openssl, &["pkcs8", "-topk8", "-nocrypt", "-in", &key, "-outform", "DER", "-out", &der]);
        let der = std::fs::read(der).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der, &ring::rand::SystemRandom::new());
        let pem = std::fs::read_to_string(certificate).unwrap();
        let certificate = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        Signer { key: key.unwrap(), certificate }
    }

    fn token(&self, service: &str, repository: &str, actions: &[&str]) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let header = serde_json::json!({ "typ": "JWT", "alg": "ES256", "x5c": [self.certificate] });
        let claims = serde_json::json!({
            "iss": "acme", "sub": "joe", "aud": service, "jti": now.to_string(),
            "exp": now + 300, "nbf": now - 10, "iat": now,
            "access": [{ "type": "repository", "name": repository, "actions": actions }],
        });
        let encode = |part: serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = self.key.sign(&ring::rand::SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// A token service that knows joe by his password and by an identity token, and lets him do what he asks for.
fn grant(signer: &Signer, asked: &Asked) -> Reply {
    let query = asked.target.split_once('?').map_or(asked.body.as_str(), |(_, query)| query);
    let field = |wanted: &str| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == wanted).map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    let password = format!("Basic {}", STANDARD.encode(format!("joe:{PASSWORD}")));
    let known = match asked.method.as_str() {
        "POST" => field("grant_type") == "refresh_token" && field("refresh_token") == IDENTITY,
        _ => asked.authorization.as_deref() == Some(&password),
    };
    let scope = field("scope");
    let mut parts = scope.split(':').skip(1);
    match (known, parts.next(), parts.next()) {
        (true, Some(name), Some(actions)) => {
            let token = signer.token(&field("service"), name, &actions.split(',').collect::<Vec<_>>());
            Reply::ok(format!(r#"{{"token":"{token}","access_token":"{token}","expires_in":300}}"#))
        }
        _ => Reply::status(401),
    }
}

const IDENTITY: &str = "identity-is-secret";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_registry_takes_tokens_for_a_password_and_for_an_identity_token() {
    let Some(openssl) = program("openssl") else { return };
    let folder = TempDir::new().unwrap();
    let signer = Signer::new(&openssl, folder.path());
    let service = Faulty::start(move |asked| grant(&signer, asked)).await;
    let auth = format!(
        "auth:\n  token: {{realm: 'http://{}/token', service: acme, issuer: acme, rootcertbundle: {}}}\n",
        service.host(),
        folder.path().join("token.pem").display()
    );
    let Some(real) = Real::start(folder, "", &auth) else {
        return;
    };
    push(&real.host, "acme/web", &versions(3), &joe()).await;
    let asked_before = service.asked().len();

    let client = Client::new(with_login(&real.host, PASSWORD)).unwrap();
    assert_eq!(listed(&client, &real.host, "acme/web").await, versions(3));
    assert_eq!(service.asked().len() - asked_before, 1);

    let identity = |token: &str| {
        let mut options = quick();
        let config = format!(r#"{{"auths": {{"{}": {{"identitytoken": "{token}"}}}}}}"#, real.host);
        options.credentials.add_docker_config(&config, "config.json", Helpers::Run).unwrap();
        Client::new(options).unwrap()
    };
    let client = identity(IDENTITY);
    assert_eq!(listed(&client, &real.host, "acme/web").await, versions(3));
    assert_eq!(service.asked().last().unwrap().method, "POST");
    let tag = Tag::parse("1.0.0001").unwrap();
    assert!(client.digest(&repository(&real.host, "acme/web"), &tag).await.is_ok());
    assert_eq!(service.asked().len() - asked_before, 2, "the token is still good");

    helper(real.folder.path(), &format!(r#"{{"ServerURL":"x","Username":"<token>","Secret":"{IDENTITY}"}}"#));
    let client = Client::new(with_helper(&real.host, real.folder.path())).unwrap();
    assert_eq!(listed(&client, &real.host, "acme/web").await, versions(3));

    let wrong = identity("wrong-secret").tags(&repository(&real.host, "acme/web")).await.unwrap_err();
    assert_eq!(wrong.kind, RegistryErrorKind::Unauthorized);
    assert!(!format!("{wrong} {wrong:?}").contains("wrong-secret"), "{wrong:?}");
}
