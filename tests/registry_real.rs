//! The client against a real distribution registry, Debian's `docker-registry`, with images that `oci-client` pushes.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests start programs, write their files and may panic"
)]

#[path = "support/faulty.rs"]
#[expect(dead_code, reason = "a token service of these tests needs little of what it can do")]
mod faulty;
#[path = "support/process.rs"]
mod process;
#[path = "support/registry.rs"]
mod support;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use faulty::{Asked, Faulty, Reply};
use landwaiter::http::install_crypto_provider;
use landwaiter::image::Tag;
use landwaiter::port::{Login, Registry, RegistryErrorKind, Secret};
use landwaiter::registry::{Client, Helpers, HostOptions, Options};
use oci_client::Reference;
use oci_client::client::{ClientConfig, ClientProtocol, Config, ImageLayer};
use oci_client::secrets::RegistryAuth;
use process::{Server, free_port, program};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};
use support::{quick, repository};
use tempfile::TempDir;

const PASSWORD: &str = "hunter2-is-secret";

/// A registry with its files in a folder of its own.
struct Real {
    host: String,
    _server: Server,
    folder: TempDir,
}

impl Real {
    /// `extra` is added to the configuration; `None` when this machine has no registry.
    fn start(folder: TempDir, extra_http: &str, extra: &str) -> Option<Real> {
        let program = program("docker-registry")?;
        let port = free_port();
        let host = format!("127.0.0.1:{port}");
        let root = folder.path().join("data");
        let config = format!(
            "version: 0.1\nlog: {{level: warn}}\nstorage:\n  filesystem: {{rootdirectory: {}}}\nhttp:\n  addr: {host}\n{extra_http}{extra}",
            root.display()
        );
        let file = folder.path().join("config.yml");
        std::fs::write(&file, config).unwrap();
        let log = folder.path().join("log");
        let server = Server::start(&program, &["serve", file.to_str().unwrap()], port, &log);
        Some(Real { host, _server: server, folder })
    }
}

fn run(program: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

async fn push(host: &str, path: &str, tags: &[String], auth: &RegistryAuth) {
    install_crypto_provider();
    let client = oci_client::Client::new(ClientConfig { protocol: ClientProtocol::Http, ..ClientConfig::default() });
    for tag in tags {
        let layers = [ImageLayer::oci_v1(format!("{path}:{tag}").into_bytes(), None)];
        let config = Config::new(b"{}".to_vec(), "application/vnd.oci.image.config.v1+json".to_owned(), None);
        let image = Reference::with_tag(host.to_owned(), path.to_owned(), tag.clone());
        client.push(&image, &layers, config, auth, None).await.unwrap();
    }
}

/// What a foreign client takes for the digest.
async fn foreign_digest(host: &str, path: &str, tag: &str, auth: &RegistryAuth) -> String {
    let client = oci_client::Client::new(ClientConfig { protocol: ClientProtocol::Http, ..ClientConfig::default() });
    let image = Reference::with_tag(host.to_owned(), path.to_owned(), tag.to_owned());
    client.fetch_manifest_digest(&image, auth).await.unwrap()
}

/// Every tag, sorted: version 2.8 of the registry gives them in the order of its hash table.
async fn listed(client: &Client, host: &str, path: &str) -> Vec<String> {
    let mut tags = client.tags(&repository(host, path)).await.unwrap();
    tags.sort();
    tags
}

fn versions(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("1.0.{number:04}")).collect()
}

fn with_login(host: &str, password: &str) -> Options {
    let mut options = quick();
    let login = Login { user: Some("joe".to_owned()), secret: Secret::new(password) };
    options.credentials.add(host, login, "settings");
    options
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_and_digests_without_credentials() {
    let folder = TempDir::new().unwrap();
    let Some(real) = Real::start(folder, "", "") else {
        return;
    };
    let anonymous = RegistryAuth::Anonymous;
    push(&real.host, "acme/web", &versions(3), &anonymous).await;
    let client = Client::new(quick()).unwrap();
    let web = repository(&real.host, "acme/web");
    assert_eq!(listed(&client, &real.host, "acme/web").await, versions(3));
    assert_eq!(client.requests()[&real.host], 1);

    let tag = Tag::parse("1.0.0001").unwrap();
    let digest = client.digest(&web, &tag).await.unwrap();
    assert_eq!(digest.as_str(), foreign_digest(&real.host, "acme/web", "1.0.0001", &anonymous).await);
    assert_eq!(client.requests()[&real.host], 2);

    let gone = client.digest(&web, &Tag::parse("9.9.9").unwrap()).await.unwrap_err();
    assert_eq!(gone.kind, RegistryErrorKind::NotFound);
    let unknown = client.tags(&repository(&real.host, "acme/unknown")).await.unwrap_err();
    assert_eq!(unknown.kind, RegistryErrorKind::NotFound);
    assert!(unknown.detail.contains("NAME_UNKNOWN"), "{unknown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_lists_come_whole() {
    // One image, and its tag directory copied: a push for each of a thousand tags would take too long.
    let folder = TempDir::new().unwrap();
    let Some(real) = Real::start(folder, "", "") else {
        return;
    };
    push(&real.host, "acme/web", &versions(1), &RegistryAuth::Anonymous).await;
    let tags = real.folder.path().join("data/docker/registry/v2/repositories/acme/web/_manifests/tags");
    let link = std::fs::read(tags.join("1.0.0000/current/link")).unwrap();
    for tag in &versions(1_234)[1..] {
        let current = tags.join(tag).join("current");
        std::fs::create_dir_all(&current).unwrap();
        std::fs::write(current.join("link"), &link).unwrap();
    }
    let client = Client::new(quick()).unwrap();
    assert_eq!(listed(&client, &real.host, "acme/web").await, versions(1_234));
    // Version 2.8 ignores `n` and gives everything at once; version 3 gives a thousand at a time.
    assert!([1, 2].contains(&client.requests()[&real.host]), "{:?}", client.requests());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_with_passwords_lets_only_the_right_one_in() {
    let Some(htpasswd) = program("htpasswd") else { return };
    let folder = TempDir::new().unwrap();
    let users = folder.path().join("htpasswd");
    std::fs::write(&users, run(&htpasswd, &["-Bbn", "joe", PASSWORD])).unwrap();
    let auth = format!("auth:\n  htpasswd: {{realm: acme, path: {}}}\n", users.display());
    let Some(real) = Real::start(folder, "", &auth) else {
        return;
    };
    let basic = RegistryAuth::Basic("joe".to_owned(), PASSWORD.to_owned());
    push(&real.host, "acme/web", &versions(2), &basic).await;
    push(&real.host, "acme/api", &versions(1), &basic).await;
    let web = repository(&real.host, "acme/web");

    let client = Client::new(with_login(&real.host, PASSWORD)).unwrap();
    assert_eq!(listed(&client, &real.host, "acme/web").await, versions(2));
    assert_eq!(listed(&client, &real.host, "acme/api").await, versions(1));
    assert_eq!(client.requests()[&real.host], 3, "one refusal for the host, then one request each");
    let digest = client.digest(&web, &Tag::parse("1.0.0000").unwrap()).await.unwrap();
    assert_eq!(digest.as_str(), foreign_digest(&real.host, "acme/web", "1.0.0000", &basic).await);

    let nobody = Client::new(quick()).unwrap().tags(&web).await.unwrap_err();
    assert_eq!(nobody.kind, RegistryErrorKind::Unauthorized);
    assert!(nobody.to_string().contains("no login is configured"), "{nobody}");
    let wrong = Client::new(with_login(&real.host, "wrong-secret")).unwrap().tags(&web).await.unwrap_err();
    assert_eq!(wrong.kind, RegistryErrorKind::Unauthorized);
    assert!(!format!("{wrong} {wrong:?}").contains("wrong-secret"), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_with_its_own_certificate_authority_is_trusted_only_where_that_is_said() {
    let Some(openssl) = program("openssl") else { return };
    let folder = TempDir::new().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (key, certificate) = (file("key.pem"), file("cert.pem"));
    run(
        &openssl,
        &[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=acme",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-keyout",
            &key,
            "-out",
            &certificate,
        ],
    );
    let tls = format!("  tls: {{certificate: {certificate}, key: {key}}}\n");
    let Some(real) = Real::start(folder, &tls, "") else {
        return;
    };
    let web = repository(&real.host, "acme/web");
    let ask = async |own: HostOptions| {
        let mut options = quick();
        options.retry.attempts = 1;
        options.hosts.insert(real.host.clone(), own);
        Client::new(options).unwrap().tags(&web).await.unwrap_err()
    };
    let own = |ca_pem: Option<Vec<u8>>| HostOptions { plain_http: Some(false), ca_pem, ..HostOptions::default() };
    let trusted = ask(own(Some(std::fs::read(&certificate).unwrap()))).await;
    assert_eq!(trusted.kind, RegistryErrorKind::NotFound, "it answered: {trusted}");
    let stranger = ask(own(None)).await;
    assert_eq!(stranger.kind, RegistryErrorKind::Unreachable, "{stranger}");
    assert!(stranger.detail.contains("certificate"), "{stranger}");
}

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
    let Some(htpasswd) = program("htpasswd") else { return };
    let folder = TempDir::new().unwrap();
    let users = folder.path().join("htpasswd");
    std::fs::write(&users, run(&htpasswd, &["-Bbn", "joe", PASSWORD])).unwrap();
    let auth = format!("auth:\n  htpasswd: {{realm: acme, path: {}}}\n", users.display());
    let Some(real) = Real::start(folder, "", &auth) else {
        return;
    };
    let basic = RegistryAuth::Basic("joe".to_owned(), PASSWORD.to_owned());
    push(&real.host, "acme/web", &versions(2), &basic).await;
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
    let basic = RegistryAuth::Basic("joe".to_owned(), PASSWORD.to_owned());
    push(&real.host, "acme/web", &versions(3), &basic).await;
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
