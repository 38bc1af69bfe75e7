//! The client against a real distribution registry, Debian's `docker-registry`, with images that `oci-client` pushes.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests start programs, write their files and may panic"
)]

#[path = "support/faulty.rs"]
#[expect(dead_code, reason = "not every test needs every helper")]
mod faulty;
#[path = "registry_real/logins.rs"]
mod logins;
#[path = "support/process.rs"]
mod process;
#[path = "support/registry.rs"]
mod support;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use faulty::{Faulty, Reply};
use landwaiter::http::install_crypto_provider;
use landwaiter::image::Tag;
use landwaiter::port::{Login, Registry, RegistryErrorKind, Secret};
use landwaiter::registry::{Client, HostOptions, Options};
use oci_client::Reference;
use oci_client::client::{ClientConfig, ClientProtocol, Config, ImageLayer};
use oci_client::secrets::RegistryAuth;
use process::{Server, free_port, program};
use std::path::Path;
use std::process::Command;
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

    /// Lets in only `joe`, with [`PASSWORD`]; also `None` without `htpasswd`.
    fn with_password(folder: TempDir, extra_http: &str) -> Option<Real> {
        let users = folder.path().join("htpasswd");
        std::fs::write(&users, run(&program("htpasswd")?, &["-Bbn", "joe", PASSWORD])).unwrap();
        let auth = format!("auth:\n  htpasswd: {{realm: acme, path: {}}}\n", users.display());
        Real::start(folder, extra_http, &auth)
    }
}

/// Who may enter.
fn joe() -> RegistryAuth {
    RegistryAuth::Basic("joe".to_owned(), PASSWORD.to_owned())
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

/// Pushes the first tag and copies its directory: a push for each of a thousand tags would take too long.
async fn push_many(real: &Real, path: &str, tags: &[String]) {
    push(&real.host, path, &tags[..1], &RegistryAuth::Anonymous).await;
    let folder = real.folder.path().join(format!("data/docker/registry/v2/repositories/{path}/_manifests/tags"));
    let link = std::fs::read(folder.join(&tags[0]).join("current/link")).unwrap();
    for tag in &tags[1..] {
        let current = folder.join(tag).join("current");
        std::fs::create_dir_all(&current).unwrap();
        std::fs::write(current.join("link"), &link).unwrap();
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
    let folder = TempDir::new().unwrap();
    let Some(real) = Real::start(folder, "", "") else {
        return;
    };
    push_many(&real, "acme/web", &versions(1_234)).await;
    let client = Client::new(quick()).unwrap();
    assert_eq!(listed(&client, &real.host, "acme/web").await, versions(1_234));
    // Version 2.8 ignores `n` and gives everything at once; version 3 gives a thousand at a time.
    assert!([1, 2].contains(&client.requests()[&real.host]), "{:?}", client.requests());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_with_passwords_lets_only_the_right_one_in() {
    let Some(real) = Real::with_password(TempDir::new().unwrap(), "") else {
        return;
    };
    push(&real.host, "acme/web", &versions(2), &joe()).await;
    push(&real.host, "acme/api", &versions(1), &joe()).await;
    let web = repository(&real.host, "acme/web");

    let client = Client::new(with_login(&real.host, PASSWORD)).unwrap();
    assert_eq!(listed(&client, &real.host, "acme/web").await, versions(2));
    assert_eq!(listed(&client, &real.host, "acme/api").await, versions(1));
    assert_eq!(client.requests()[&real.host], 3, "one refusal for the host, then one request each");
    let digest = client.digest(&web, &Tag::parse("1.0.0000").unwrap()).await.unwrap();
    assert_eq!(digest.as_str(), foreign_digest(&real.host, "acme/web", "1.0.0000", &joe()).await);

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

/// A certificate authority of this test, and certificates that it signed.
struct Authority<'a> {
    openssl: &'a Path,
    folder: &'a Path,
}

impl Authority<'_> {
    fn file(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    fn new<'a>(openssl: &'a Path, folder: &'a Path) -> Authority<'a> {
        let authority = Authority { openssl, folder };
        let (key, certificate) = (authority.file("ca.key"), authority.file("ca.pem"));
        let subject = ["-subj", "/CN=acme authority", "-addext", "basicConstraints=critical,CA:TRUE"];
        let files = ["-keyout", &key, "-out", &certificate];
        run(
            openssl,
            &[&["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"], &subject[..], &files].concat(),
        );
        authority
    }

    /// Writes `NAME.pem` and `NAME.key`.
    fn sign(&self, name: &str, extension: &str) {
        let [key, request, certificate, extensions] =
            ["key", "csr", "pem", "ext"].map(|end| self.file(&format!("{name}.{end}")));
        std::fs::write(&extensions, extension).unwrap();
        let subject = format!("/CN={name}");
        run(
            self.openssl,
            &["req", "-newkey", "rsa:2048", "-nodes", "-subj", &subject, "-keyout", &key, "-out", &request],
        );
        let (authority, authority_key) = (self.file("ca.pem"), self.file("ca.key"));
        let by = ["-CA", &authority, "-CAkey", &authority_key, "-CAcreateserial", "-days", "2"];
        let files = ["-in", &request, "-out", &certificate, "-extfile", &extensions];
        run(self.openssl, &[&["x509", "-req"], &by[..], &files].concat());
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.join(name)).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_with_its_own_authority_client_certificates_and_passwords() {
    let Some(openssl) = program("openssl") else { return };
    let certificates = TempDir::new().unwrap();
    let authority = Authority::new(&openssl, certificates.path());
    authority.sign("server", "subjectAltName=IP:127.0.0.1");
    authority.sign("client", "extendedKeyUsage=clientAuth");
    let [certificate, key, ca] = ["server.pem", "server.key", "ca.pem"].map(|name| authority.file(name));
    let tls = format!("  tls: {{certificate: {certificate}, key: {key}, clientcas: [{ca}]}}\n");
    let Some(real) = Real::with_password(TempDir::new().unwrap(), &tls) else {
        return;
    };
    let known_by = Secret::new(format!("{}\n{}", authority.text("client.pem"), authority.text("client.key")));
    let ask = async |ca_pem: bool, client_pem: Option<Secret>, password: &str| {
        let mut options = with_login(&real.host, password);
        options.retry.attempts = 1;
        let ca_pem = ca_pem.then(|| authority.text("ca.pem").into_bytes());
        let own = HostOptions { plain_http: Some(false), ca_pem, client_pem, ..HostOptions::default() };
        options.hosts.insert(real.host.clone(), own);
        let asked = Client::new(options).unwrap().tags(&repository(&real.host, "acme/web")).await;
        asked.unwrap_err()
    };
    let let_in = ask(true, Some(known_by.clone()), PASSWORD).await;
    assert_eq!(let_in.kind, RegistryErrorKind::NotFound, "it let us in and has nothing yet: {let_in}");
    let wrong = ask(true, Some(known_by.clone()), "wrong-secret").await;
    assert_eq!(wrong.kind, RegistryErrorKind::Unauthorized, "{wrong}");
    let unknown = ask(true, None, PASSWORD).await;
    assert_eq!(unknown.kind, RegistryErrorKind::Unreachable, "{unknown}");
    let said = unknown.detail.to_lowercase();
    assert!(said.contains("certificate") || said.contains("closed"), "which comes first is a race: {unknown}");
    let distrusted = ask(false, Some(known_by), PASSWORD).await;
    assert_eq!(distrusted.kind, RegistryErrorKind::Unreachable, "{distrusted}");
    for error in [let_in, wrong, unknown, distrusted] {
        let said = format!("{error} {error:?}");
        assert!(!said.contains(PASSWORD) && !said.contains("PRIVATE"), "{said}");
    }
}

/// The token that the specification of Docker's token authentication describes, signed by the key in `ca.key`.
fn token(authority: &Authority<'_>, scope: &str, seconds: u64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let pem = authority.text("ca.pem");
    let der: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let mut parts = scope.split(':');
    let (kind, name, actions) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let head = serde_json::json!({"typ": "JWT", "alg": "RS256", "x5c": [der]});
    let body = serde_json::json!({
        "iss": "tests", "sub": "joe", "aud": "acme", "iat": now, "nbf": now - 5, "exp": now + seconds, "jti": "1",
        "access": [{"type": kind, "name": name, "actions": actions.split(',').collect::<Vec<_>>()}],
    });
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(head.to_string()), URL_SAFE_NO_PAD.encode(body.to_string()));
    let file = tempfile::NamedTempFile::new_in(authority.folder).unwrap();
    std::fs::write(file.path(), &text).unwrap();
    let key = authority.file("ca.key");
    let signature = run(authority.openssl, &["dgst", "-sha256", "-sign", &key, file.path().to_str().unwrap()]);
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_with_tokens_lets_in_whom_the_token_service_knows() {
    let Some(openssl) = program("openssl") else { return };
    let (folder, certificates) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    Authority::new(&openssl, certificates.path());
    let (program_file, place) = (openssl.clone(), certificates.path().to_owned());
    let service = Faulty::start(move |asked| {
        let joe = format!("Basic {}", STANDARD.encode(format!("joe:{PASSWORD}")));
        if asked.authorization.as_deref() != Some(&joe) {
            return Reply::status(401);
        }
        let asked: url::Url = format!("http://localhost{}", asked.target).parse().unwrap();
        let scope = asked.query_pairs().find(|(key, _)| key == "scope").unwrap().1.into_owned();
        let authority = Authority { openssl: &program_file, folder: &place };
        Reply::ok(serde_json::json!({"token": token(&authority, &scope, 300), "expires_in": 300}).to_string())
    })
    .await;
    let bundle = certificates.path().join("ca.pem");
    let auth = format!(
        "auth:\n  token: {{realm: 'http://{}/token', service: acme, issuer: tests, rootcertbundle: {}}}\n",
        service.host(),
        bundle.display()
    );
    let Some(real) = Real::start(folder, "", &auth) else {
        return;
    };
    push(&real.host, "acme/web", &versions(2), &joe()).await;
    let before = service.asked().len();

    let client = Client::new(with_login(&real.host, PASSWORD)).unwrap();
    assert_eq!(listed(&client, &real.host, "acme/web").await, versions(2));
    let web = repository(&real.host, "acme/web");
    let digest = client.digest(&web, &Tag::parse("1.0.0000").unwrap()).await.unwrap();
    assert_eq!(client.requests()[&real.host], 3, "one refusal, a list, a digest");
    assert_eq!(service.asked().len() - before, 1, "one token for both");

    let manifest = client.manifest(&web, &digest).await.unwrap();
    assert!(String::from_utf8(manifest).unwrap().contains("schemaVersion"));
    assert_eq!(client.referrers(&web, &digest).await, Ok(vec![]), "version 2.8 has no such API, and no such tag");

    let refused = Client::new(with_login(&real.host, "wrong-secret")).unwrap().tags(&web).await.unwrap_err();
    assert_eq!(refused.kind, RegistryErrorKind::Unauthorized);
    assert!(refused.detail.contains("token service"), "{refused}");
    assert!(!format!("{refused} {refused:?}").contains("wrong-secret"));
}

/// What a plain registry answers to a `GET`, by hand: it stands behind a proxy that is a plain function.
fn fetch(host: &str, target: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(stream, "GET {target} HTTP/1.0\r\nhost: {host}\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// Version 2.8 gives everything at once, whatever `n` says; a proxy before it cuts pages as the specification has them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_tags_of_a_real_registry_come_page_by_page() {
    let folder = TempDir::new().unwrap();
    let Some(real) = Real::start(folder, "", "") else {
        return;
    };
    push_many(&real, "acme/web", &versions(3_210)).await;
    let behind = real.host.clone();
    let proxy = Faulty::start(move |asked| {
        let (path, query) = asked.target.split_once('?').unwrap();
        let list: serde_json::Value = serde_json::from_str(&fetch(&behind, path)).unwrap();
        let mut all: Vec<&str> = list["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect();
        all.sort_unstable();
        let get = |key: &str| query.split('&').find_map(|part| part.strip_prefix(key)?.strip_prefix('='));
        let from = get("last").map_or(0, |last| all.partition_point(|tag| *tag <= last));
        let page: Vec<&str> = all[from..].iter().take(get("n").unwrap().parse().unwrap()).copied().collect();
        let next = page.last().filter(|_| from + page.len() < all.len());
        let link = next.map(|last| format!("<{path}?last={last}&n={}>; rel=\"next\"", get("n").unwrap()));
        Reply::page(&page, link)
    })
    .await;
    let client = Client::new(quick()).unwrap();
    let all = client.tags(&repository(&proxy.host(), "acme/web")).await.unwrap();
    assert_eq!(all, versions(3_210));
    assert_eq!(proxy.asked().len(), 4);
}
