//! Webhooks as senders meet them: over real HTTP, with every kind of proof, at every bound, and from a real registry.

use crate::process::{Server, free_port, program};
use crate::service::{POLICIES, Serving, image, settle, world};
use crate::world::{EXAMPLE_HOST, World, git};
use ring::hmac;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

const TOKEN: &str = "token-0123456789abcdef";
const SECRET: &str = "secret-0123456789abcdef";
const PATH: &str = "path-0123456789abcdef0123456789abcdef";
const MAX_BODY: usize = 4 << 20;

struct Answer {
    status: u16,
    head: String,
    body: String,
}

/// One request; whatever the server answers before it hangs up.
fn http(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    // A server that has refused already reads no more.
    let _ = stream.write_all(body);
    answer(stream)
}

fn answer(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

fn secret_file(world: &World, name: &str, text: &str) -> String {
    let path = world.folder.path().join(name);
    // As a mounted secret is replaced: whole.
    fs::write(world.folder.path().join("new"), format!("{text}\n")).unwrap();
    fs::rename(world.folder.path().join("new"), &path).unwrap();
    path.to_string_lossy().into_owned()
}

/// Looks only when it is told to.
fn settings(bare: &str, receivers: &str) -> String {
    format!(
        "repositories: [{{path: {bare}, schedule: '0 0 29 2 *'}}]\nservice: {{address: '127.0.0.1:0', page: off}}\n\
         webhooks:\n  address: 127.0.0.1:0\n  receivers:\n{receivers}"
    )
}

fn address(serving: &Serving) -> SocketAddr {
    serving.until_lines("listening-for-webhooks", 1);
    serving.lines("listening-for-webhooks")[0]["address"].as_str().unwrap().parse().unwrap()
}

fn signature(body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let digits =
        hmac::sign(&key, body.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("sha256={digits}")
}

#[test]
fn every_proof_lets_its_sender_in_and_nobody_else() {
    let (world, bare) = world(POLICIES);
    let host = world.registry.host();
    let (token, secret) = (secret_file(&world, "token", TOKEN), secret_file(&world, "secret", SECRET));
    let path = secret_file(&world, "path", PATH);
    let receivers = format!(
        "  - {{name: token, kind: generic, tokenFile: {token}}}\n\
         \x20 - {{name: signed, kind: ghcr, secretFile: {secret}, registry: '{host}'}}\n\
         \x20 - {{name: hidden, kind: dockerHub, pathFile: {path}, registry: '{host}'}}\n\
         \x20 - {{name: open, kind: generic, authentication: none}}\n"
    );
    settle(&world, &settings(&bare, &receivers));
    let serving = Serving::start(&world, &[]);
    serving.until_lines("run-ended", 1);
    let at = address(&serving);

    // Each of them claims that there is a version that is not there; only what the registry has is written.
    let named = format!(r#"{{"image":"{host}/acme/web:99.0.0"}}"#);
    let package = r#"{"action":"published","package":{"name":"web","namespace":"acme","package_type":"CONTAINER","package_version":{"container_metadata":{"tag":{"name":"99.0.0"}}}}}"#;
    let hub = r#"{"repository":{"repo_name":"acme/web"},"push_data":{"tag":"99.0.0"}}"#;
    let signed = signature(package);
    let event = ("X-GitHub-Event", "package");
    let hidden = format!("/webhooks/{PATH}");
    let (bearer, basic) = (format!("Bearer {TOKEN}"), "Basic YW55Ym9keTp0b2tlbi0wMTIzNDU2Nzg5YWJjZGVm");
    let wrong_path = format!("/webhooks/{}0", &PATH[..PATH.len() - 1]);
    let wrong = format!("Bearer {}0", &TOKEN[..TOKEN.len() - 1]);
    for (path, headers, body) in [
        ("/webhooks/token", vec![], named.as_str()),
        ("/webhooks/token", vec![("Authorization", wrong.as_str())], &named),
        ("/webhooks/signed", vec![event], package),
        ("/webhooks/signed", vec![event, ("X-Hub-Signature-256", "sha256=00")], package),
        ("/webhooks/signed", vec![event, ("X-Hub-Signature-256", &signed)], hub),
        ("/webhooks/hidden", vec![], hub),
        (&wrong_path, vec![], hub),
    ] {
        let refused = http(at, "POST", path, &headers, body.as_bytes());
        let expected = if path.contains("hidden") || path == wrong_path { 404 } else { 401 };
        assert_eq!((refused.status, refused.body.as_str()), (expected, ""), "{path} {headers:?}");
    }
    let senders = [
        ("/webhooks/token", vec![("Authorization", bearer.as_str())], named.as_str()),
        ("/webhooks/token", vec![("Authorization", basic)], &named),
        ("/webhooks/signed", vec![event, ("X-Hub-Signature-256", &signed)], package),
        (&hidden, vec![], hub),
        ("/webhooks/open", vec![], &named),
    ];
    for (number, (path, headers, body)) in senders.iter().enumerate() {
        let tag = format!("1.{}.0", number + 1);
        world.push("acme/web", &[&tag]);
        let taken = http(at, "POST", path, headers, body.as_bytes());
        assert_eq!((taken.status, taken.body.as_str()), (202, ""), "{path}");
        serving.until(&tag, || image(&bare) == tag);
    }
    serving.until("the end of the last run", || serving.lines("run-ended").len() == serving.lines("run-started").len());

    // What is sent again makes it look again, and no more.
    let (head, runs) = (git(&bare, &["rev-parse", "main"]), serving.lines("run-started").len());
    let (path, headers, body) = &senders[2];
    for _ in 0..5 {
        assert_eq!(http(at, "POST", path, headers, body.as_bytes()).status, 202);
    }
    serving.until("another run", || serving.lines("run-ended").len() == runs + 1);
    assert_eq!(git(&bare, &["rev-parse", "main"]), head);

    let metrics = serving.get("/metrics").1;
    for line in [
        "landwaiter_webhook_requests_total{receiver=\"token\",result=\"accepted\"} 2",
        "landwaiter_webhook_requests_total{receiver=\"signed\",result=\"accepted\"} 6",
        "landwaiter_webhook_requests_total{receiver=\"signed\",result=\"unauthenticated\"} 3",
        "landwaiter_webhook_requests_total{receiver=\"hidden\",result=\"accepted\"} 1",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in\n{metrics}");
    }
    let everything = serving.log() + &metrics;
    for hidden in [TOKEN, SECRET, PATH, &PATH[..20], &wrong[7..], basic, &signed, "99.0.0", &wrong_path] {
        assert!(!everything.contains(hidden), "{hidden} is told\n{everything}");
    }
    let warned = serving.lines("webhook-open");
    assert!(!warned.is_empty() && warned.iter().all(|line| line["receiver"] == "open" && line["level"] == "warn"));
}

#[test]
fn requests_are_bounded_at_their_edges() {
    let (world, bare) = world(POLICIES);
    let token = secret_file(&world, "token", TOKEN);
    let receivers = format!(
        "  - {{name: wide, kind: generic, tokenFile: {token}}}\n\
         \x20 - {{name: narrow, kind: generic, authentication: none, requestsPerSecond: 2}}\n"
    );
    settle(&world, &settings(&bare, &receivers));
    let serving = Serving::start(&world, &[]);
    let at = address(&serving);
    let bearer = format!("Bearer {TOKEN}");
    let good = [("Authorization", bearer.as_str())];

    let padded = |size: usize| format!("{{}}{}", " ".repeat(size - 2));
    assert_eq!(http(at, "POST", "/webhooks/wide", &good, padded(MAX_BODY).as_bytes()).status, 202);
    let declared = |length: usize| {
        let mut stream = TcpStream::connect(at).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let head = format!(
            "POST /webhooks/wide HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        answer(stream)
    };
    assert_eq!(declared(MAX_BODY + 1).status, 413, "before a byte of it is sent");

    let many: Vec<(String, String)> = (0..100).map(|n| (format!("X-{n}"), "x".to_owned())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(http(at, "POST", "/webhooks/wide", &many, b"{}").status, 431);
    let long = "x".repeat(20 << 10);
    assert_eq!(http(at, "POST", "/webhooks/wide", &[("X-Long", &long)], b"{}").status, 431);

    let begun = Instant::now();
    let answers: Vec<Answer> = (0..30).map(|_| http(at, "POST", "/webhooks/narrow", &[], b"{}")).collect();
    let taken = answers.iter().filter(|answer| answer.status == 202).count();
    let flowed_in = (begun.elapsed().as_secs_f64() * 2.0) as usize + 1;
    assert!((4..=4 + flowed_in).contains(&taken), "{taken} in {:?}", begun.elapsed());
    let refused: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert_eq!(refused.len(), 30 - taken);
    assert!(refused.iter().all(|answer| answer.head.contains("\r\nretry-after: 1")), "{}", refused[0].head);
    assert_eq!(http(at, "POST", "/webhooks/wide", &good, b"{}").status, 202, "others have their own share");
}

#[test]
fn slow_senders_are_cut_off_and_keep_nobody_out() {
    let (world, bare) = world(POLICIES);
    settle(&world, &settings(&bare, "  - {name: open, kind: generic, authentication: none}\n"));
    let serving = Serving::start(&world, &[]);
    let at = address(&serving);
    let opened = |text: &str| {
        let mut stream = TcpStream::connect(at).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    };
    let begun = Instant::now();
    let body = opened("POST /webhooks/open HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{");
    let waiting = std::thread::spawn(move || (answer(body).status, begun.elapsed()));
    let heads: Vec<TcpStream> = (0..255).map(|_| opened("POST /webhooks/open HTTP/1.1\r\nX-Slow: ")).collect();
    // All places are taken, so this one waits until the heads are given up.
    let after = http(at, "POST", "/webhooks/open", &[], b"{}");
    assert_eq!(after.status, 202);
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    for head in heads {
        let cut = answer(head).status;
        assert!(cut == 0 || cut == 408, "{cut}");
    }
    let (status, took) = waiting.join().unwrap();
    assert_eq!(status, 408);
    assert!((9..20).contains(&took.as_secs()), "{took:?}");
    assert!(serving.get("/metrics").1.contains("{receiver=\"open\",result=\"slow\"} 1"));
}

#[test]
fn secrets_that_change_count_without_a_restart() {
    let (world, bare) = world(POLICIES);
    let token = secret_file(&world, "token", TOKEN);
    let body = settings(&bare, &format!("  - {{name: ci, kind: generic, tokenFile: {token}}}\n"));
    settle(&world, &body);
    let serving = Serving::start(&world, &[]);
    let at = address(&serving);
    let status = |token: &str| {
        let bearer = format!("Bearer {token}");
        http(at, "POST", "/webhooks/ci", &[("Authorization", &bearer)], b"{}").status
    };
    assert_eq!(status(TOKEN), 202);
    serving.until_lines("run-ended", 1);
    let loads = serving.lines("settings-loaded").len();
    assert_eq!(loads, 1);

    let other = TOKEN.replace("token", "other");
    secret_file(&world, "token", &other);
    serving.until("the new token", || status(&other) == 202);
    assert_eq!(status(TOKEN), 401);
    secret_file(&world, "token", "short");
    serving.until_lines("settings-refused", 1);
    assert_eq!(status(&other), 202, "the old one goes on");
    assert!(!serving.log().contains("short\""), "{}", serving.log());

    settle(&world, &body.replace("address: 127.0.0.1:0", "address: 127.0.0.1:1"));
    secret_file(&world, "token", TOKEN);
    serving.until_lines("address-unchanged", 1);
    assert_eq!(status(TOKEN), 202);

    // A commit in the config repository is looked at when its webhook says so.
    let runs = serving.lines("run-started").len();
    serving.until("quiet", || serving.lines("run-ended").len() == serving.lines("run-started").len());
    world.push("acme/web", &["1.1.0"]);
    let push = format!(r#"{{"repository":"{bare}","branch":"main"}}"#);
    let bearer = format!("Bearer {TOKEN}");
    assert_eq!(http(at, "POST", "/webhooks/ci", &[("Authorization", &bearer)], push.as_bytes()).status, 202);
    serving.until("the new tag", || image(&bare) == "1.1.0");
    assert!(serving.lines("run-started").len() > runs);
}

#[test]
fn without_webhooks_nothing_is_listened_at_and_bad_secrets_are_refused() {
    let (world, bare) = world(POLICIES);
    settle(&world, &format!("repositories: [{{path: {bare}}}]\nservice: {{address: '127.0.0.1:0', page: off}}"));
    let serving = Serving::start(&world, &[]);
    serving.until_lines("run-ended", 1);
    assert_eq!(serving.lines("listening-for-webhooks").len(), 0);
    drop(serving);
    let weak = secret_file(&world, "weak", "hunter2");
    let file = settle(&world, &settings(&bare, &format!("  - {{name: ci, kind: github, secretFile: {weak}}}\n")));
    let said = world.landwaiter_in(world.folder.path(), &["serve", "--config", &file.to_string_lossy()]);
    assert_eq!(said.status, 3, "{}", said.err);
    assert!(said.err.contains("a secret has 16 to 1024 bytes") && !said.err.contains("hunter2"), "{}", said.err);
}

/// Fifty images are pushed within a second or two, each of them told of: all are written, by a few runs.
#[test]
fn a_burst_of_pushes_is_a_few_runs_and_loses_none() {
    const IMAGES: usize = 50;
    let world = World::new();
    let policies = POLICIES.replace("[reg.example.com/acme/web]", "['reg.example.com/acme/*']");
    world.write("landwaiter.yaml", &policies);
    for number in 0..IMAGES {
        world.push(&format!("acme/web-{number}"), &["1.0.0"]);
        let pod = crate::service::POD.replace("acme/web:", &format!("acme/web-{number}:"));
        world.write(&format!("apps/{number}.yaml"), &pod.replace("name: web}", &format!("name: web-{number}}}")));
    }
    let bare = world.bare().to_string_lossy().into_owned();
    settle(&world, &settings(&bare, "  - {name: ci, kind: generic, authentication: none}\n"));
    let serving = Serving::start(&world, &[]);
    let at = address(&serving);
    serving.until_lines("run-ended", 1);

    let host = world.registry.host();
    for number in 0..IMAGES {
        world.push(&format!("acme/web-{number}"), &["1.1.0"]);
        let body = format!(r#"{{"image":"{host}/acme/web-{number}"}}"#);
        assert_eq!(http(at, "POST", "/webhooks/ci", &[], body.as_bytes()).status, 202);
        std::thread::sleep(Duration::from_millis(20));
    }
    let new = || git(&bare, &["grep", "-h", "image:", "main"]).matches(":1.1.0").count();
    serving.until("all of them", || new() == IMAGES);
    let runs = serving.lines("run-started").len();
    assert!(runs <= 5, "{runs} runs\n{}", serving.log());
    let told = serving.lines("webhook-taken").len();
    assert!(told <= 3, "{told} lines for {IMAGES} events");
}

/// A registry as Debian has it, which tells of pushes.
struct Registry {
    at: SocketAddr,
    _server: Server,
}

impl Registry {
    fn start(world: &World, webhook: u16) -> Option<Registry> {
        let program = program("docker-registry")?;
        let port = free_port();
        let folder = world.folder.path().join("registry");
        fs::create_dir_all(&folder).unwrap();
        let config = format!(
            "version: 0.1\nlog: {{level: warn}}\nstorage:\n  filesystem: {{rootdirectory: {}}}\nhttp:\n  addr: 127.0.0.1:{port}\n\
             notifications:\n  endpoints:\n  - name: landwaiter\n    url: http://127.0.0.1:{webhook}/webhooks/registry\n\
             \x20   headers: {{Authorization: [Bearer {TOKEN}]}}\n    timeout: 2s\n    threshold: 1000\n    backoff: 1s\n",
            folder.join("data").display()
        );
        let file = folder.join("config.yml");
        fs::write(&file, config).unwrap();
        let arguments = ["serve", file.to_str().unwrap()];
        let server = Server::start(&program, &arguments, port, &folder.join("log"));
        Some(Registry { at: ([127, 0, 0, 1], port).into(), _server: server })
    }

    /// Pushes an image of its own under the tag; done when the registry says so.
    fn push(&self, tag: &str) {
        let blob = format!("{{\"tag\":\"{tag}\"}}");
        let digest = sha256(&blob);
        let begun = http(self.at, "POST", "/v2/acme/web/blobs/uploads/", &[], b"");
        let mut headers = begun.head.lines().filter_map(|line| line.split_once(": "));
        let (_, location) = headers.find(|(name, _)| name.eq_ignore_ascii_case("location")).unwrap();
        let path = location.split_once(&self.at.to_string()).map_or(location, |(_, path)| path);
        let upload = format!("{path}&digest={digest}");
        let kind = ("Content-Type", "application/octet-stream");
        assert_eq!(http(self.at, "PUT", &upload, &[kind], blob.as_bytes()).status, 201);
        let media = "application/vnd.oci.image.manifest.v1+json";
        let of = |kind: &str| format!(r#"{{"mediaType":"{kind}","digest":"{digest}","size":{}}}"#, blob.len());
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{media}","config":{},"layers":[{}]}}"#,
            of("application/vnd.oci.image.config.v1+json"),
            of("application/vnd.oci.image.layer.v1.tar")
        );
        let put = format!("/v2/acme/web/manifests/{tag}");
        let done = http(self.at, "PUT", &put, &[("Content-Type", media)], manifest.as_bytes());
        assert_eq!(done.status, 201, "{}", done.body);
    }
}

fn sha256(text: &str) -> String {
    let sum = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    format!("sha256:{}", sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// How long it takes from the end of a push to the commit: twenty times, each with a tag of its own.
#[test]
fn a_push_to_a_registry_is_a_commit_within_two_seconds() {
    let world = World::new();
    let webhook = free_port();
    let Some(registry) = Registry::start(&world, webhook) else { return };
    registry.push("1.0.0");
    let host = registry.at.to_string();
    world.write("landwaiter.yaml", &POLICIES.replace(EXAMPLE_HOST, &host));
    world.write("apps/web.yaml", &crate::service::POD.replace(EXAMPLE_HOST, &host));
    let bare = world.bare().to_string_lossy().into_owned();
    let token = secret_file(&world, "token", TOKEN);
    let receivers = format!("  - {{name: registry, kind: distribution, tokenFile: {token}}}\n");
    // The usual pause of ten seconds is for schedules.
    settle(
        &world,
        &settings(&bare, &receivers).replace("address: 127.0.0.1:0", &format!("address: 127.0.0.1:{webhook}")),
    );
    let serving = Serving::start(&world, &[]);
    serving.until_lines("run-ended", 1);

    let head = std::path::Path::new(&bare).join("refs/heads/main");
    let commit = || fs::read_to_string(&head).unwrap_or_default();
    let mut took: Vec<u128> = Vec::new();
    for number in 1..=20 {
        let before = commit();
        let tag = format!("1.{number}.0");
        registry.push(&tag);
        let pushed = Instant::now();
        serving.until(&tag, || commit() != before);
        took.push(pushed.elapsed().as_millis());
        assert_eq!(image(&bare), tag);
    }
    println!("from the end of a push to the commit, in milliseconds: {took:?}");
    took.sort_unstable();
    let median = (took[9] + took[10]) / 2;
    println!("median {median} ms, longest {} ms", took[19]);
    assert!(median < 2_000, "{took:?}");
}
