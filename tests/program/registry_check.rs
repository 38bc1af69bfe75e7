//! `landwaiter registry check` as a person and as a program meet it: what it says for each thing that can be wrong, its exit
//! status, and that no secret is ever in it.

use crate::faulty::{Asked, Faulty, Reply};
use crate::world::{Said, World};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

const SECRET: &str = "hunter2-is-secret";

/// Servers need somebody to run them.
struct Servers(tokio::runtime::Runtime);

impl Servers {
    fn new() -> Servers {
        Servers(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap())
    }

    fn start(&self, script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Faulty {
        self.0.block_on(Faulty::start(script))
    }
}

fn wants_password(asked: &Asked) -> Reply {
    let right = format!("Basic {}", STANDARD.encode(format!("joe:{SECRET}")));
    match (asked.authorization == Some(right), asked.target.as_str()) {
        (false, _) => Reply::challenge("Basic realm=\"acme\""),
        (true, "/v2/") => Reply::ok("{}"),
        (true, target) if target.starts_with("/v2/acme/web/") => Reply::page(&["1.0.0", "1.1.0"], None),
        (true, _) => Reply::status(404),
    }
}

fn docker_config(world: &World, text: &str) {
    let folder = world.folder.path().join(".docker");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.json"), text).unwrap();
}

fn login(world: &World, host: &str, password: &str) {
    let auth = STANDARD.encode(format!("joe:{password}"));
    docker_config(world, &format!(r#"{{"auths": {{"{host}": {{"auth": "{auth}"}}}}}}"#));
}

fn settings(world: &World, body: &str) -> String {
    let file = world.folder.path().join("settings.yaml");
    fs::write(&file, format!("apiVersion: landwaiter/v1\nkind: Settings\n{body}\n")).unwrap();
    file.to_string_lossy().into_owned()
}

/// What the program says, which never holds a secret.
fn check(world: &World, arguments: &[&str]) -> Said {
    check_with(world, arguments, &[])
}

fn check_with(world: &World, arguments: &[&str], variables: &[(&str, &str)]) -> Said {
    let mut command = world.command(&[&["registry", "check"], arguments].concat());
    let said = world.said(command.envs(variables.iter().copied()).current_dir(world.folder.path()).output().unwrap());
    let encoded = STANDARD.encode(format!("joe:{SECRET}"));
    for secret in [SECRET, &encoded, "wrong-secret", "ecr-secret", "pod-secret"] {
        assert!(!format!("{} {}", said.out, said.err).contains(secret), "{secret} in {said:?}");
    }
    said
}

fn steps(said: &Said) -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"));
    let text = |step: &Value, key: &str| step[key].as_str().unwrap_or_default().to_owned();
    let steps = document["steps"].as_array().unwrap().iter();
    steps
        .map(|step| {
            let reason = text(step, "reason");
            (text(step, "step"), if reason.is_empty() { text(step, "outcome") } else { reason })
        })
        .collect()
}

#[test]
fn a_registry_that_can_be_read() {
    let (world, servers) = (World::new(), Servers::new());
    let server = servers.start(wants_password);
    login(&world, &server.host(), SECRET);
    let said = check(&world, &[&format!("{}/acme/web", server.host())]);
    assert_eq!((said.status, said.err.as_str()), (0, ""), "{said:?}");
    let file = world.folder.path().join(".docker/config.json");
    let expected = format!(
        "{host}/acme/web at http://{host}/\n\n  \
         credentials  ok  joe with a password, from {}\n  \
         reach        ok  it answers and asks for a user and a password\n  \
         login        ok  sent with the list\n  \
         list         ok  2 tags\n",
        file.display(),
        host = server.host(),
    );
    assert_eq!(said.out, expected);

    let host_only = check(&world, &[&server.host()]);
    assert_eq!(host_only.status, 0, "{host_only:?}");
    assert!(host_only.out.contains("login        ok  the registry takes it"), "{}", host_only.out);
    assert!(host_only.out.contains("name a repository to list it"), "{}", host_only.out);

    world.push("acme/open", &["1.0.0"]);
    let open = check(&world, &[&format!("{}/acme/open", world.registry.host())]);
    assert_eq!(open.status, 0, "{open:?}");
    assert!(open.out.contains("no login is configured") && open.out.contains("1 tag\n"), "{}", open.out);
}

#[test]
fn the_json_has_the_shape_of_the_contract() {
    let (world, servers) = (World::new(), Servers::new());
    let server = servers.start(wants_password);
    login(&world, &server.host(), SECRET);
    let said = check(&world, &[&format!("{}/acme/web", server.host()), "--format", "json"]);
    let document: Value = serde_json::from_str(&said.out).unwrap();
    let file = world.folder.path().join(".docker/config.json").display().to_string();
    assert_eq!(document["version"], 1);
    assert_eq!(document["host"], server.host());
    assert_eq!(document["repository"], format!("{}/acme/web", server.host()));
    assert_eq!(document["works"], true);
    assert_eq!(document["login"], json!({ "source": file, "kind": "password", "user": "joe" }));
    assert_eq!(document["steps"][3], json!({ "step": "list", "outcome": "ok", "reason": null, "detail": "2 tags" }));
    assert_eq!(document["advice"], json!([]));
    assert_eq!(document["requests"], json!({ server.host(): 2 }));
    assert_eq!(document["places"][0], json!({ "name": "the settings", "state": "name no login" }));
    assert_eq!(document["places"][1], json!({ "name": file, "state": "read" }));
}

/// A server, the repository that is asked for, what each step becomes, and a part of the advice.
type Case = (&'static str, fn(&Asked) -> Reply, &'static str, [&'static str; 4], &'static str);

#[test]
fn what_is_wrong_is_named_with_something_to_try() {
    let cases: [Case; 8] = [
        ("a stranger", wants_password, "/acme/web", ["skipped", "ok", "ok", "unauthorized"], "docker login"),
        ("a stranger at the host", wants_password, "", ["skipped", "ok", "unauthorized", "skipped"], "docker login"),
        ("no such repository", |_| Reply::ok("{}"), "/acme/web", ["skipped", "ok", "ok", "malformed"], "proxies"),
        (
            "not a registry",
            |_| Reply::Answer(404, Vec::new(), "<html>".to_owned()),
            "/acme/web",
            ["skipped", "malformed", "skipped", "skipped"],
            "is the registry itself",
        ),
        (
            "a challenge that must not be met",
            |_| Reply::challenge("Bearer realm=\"http://auth.example.com/token\""),
            "/acme/web",
            ["skipped", "unauthorized", "skipped", "skipped"],
            "cannot be met safely",
        ),
        (
            "a token service that refuses",
            |asked| match asked.target.as_str() {
                target if target.starts_with("/token") => Reply::status(403),
                _ => Reply::challenge(format!("Bearer realm=\"http://{}/token\"", asked.host)),
            },
            "/acme/web",
            ["skipped", "ok", "forbidden", "skipped"],
            "docker login",
        ),
        (
            "a private repository",
            |asked| if asked.target == "/v2/" { Reply::ok("{}") } else { Reply::status(404) },
            "/acme/web",
            ["skipped", "ok", "ok", "not-found"],
            "if it is private",
        ),
        (
            "limits",
            |asked| match asked.target.as_str() {
                "/v2/" => Reply::ok("{}"),
                _ => Reply::Answer(429, vec![("retry-after", "900".to_owned())], String::new()),
            },
            "/acme/web",
            ["skipped", "ok", "ok", "rate-limited"],
            "wait",
        ),
    ];
    let (world, servers) = (World::new(), Servers::new());
    for (name, script, repository, expected, tip) in cases {
        let server = servers.start(script);
        let subject = format!("{}{repository}", server.host());
        let said = check(&world, &[&subject, "--format", "json"]);
        let found = steps(&said);
        let words: Vec<&str> = found.iter().map(|(_, word)| word.as_str()).collect();
        assert_eq!(words, expected, "{name}: {}", said.out);
        assert_eq!(said.status, 1, "{name}");
        let text = check(&world, &[&subject]);
        let advice = text.out.split("What to try:").nth(1).unwrap_or_else(|| panic!("{name}: {}", text.out));
        assert!(advice.contains(tip), "{name}: {advice}");
    }
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let said = check(&world, &[&nobody]);
    assert_eq!(said.status, 1);
    assert!(said.out.contains("nothing listens there"), "{}", said.out);
}

#[test]
fn a_wrong_login_is_named_by_its_source_and_never_shown() {
    let (world, servers) = (World::new(), Servers::new());
    let server = servers.start(wants_password);
    login(&world, &server.host(), "wrong-secret");
    let said = check(&world, &[&format!("{}/acme/web", server.host())]);
    assert_eq!(said.status, 1);
    assert!(said.out.contains("user or password is wrong or has expired: renew it in"), "{}", said.out);

    fs::write(world.folder.path().join("password"), format!("{SECRET}\n")).unwrap();
    let body =
        format!("registries: [{{host: '{}', credentials: {{user: joe, passwordFile: password}}}}]", server.host());
    let config = settings(&world, &body);
    let said = check(&world, &[&format!("{}/acme/web", server.host()), "--config", &config]);
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.out.contains("joe with a password, from the settings"), "{}", said.out);
    assert!(said.out.contains("Not used, because the one above comes first: "), "{}", said.out);
}

#[test]
fn every_place_where_people_keep_logins_counts_in_its_order() {
    let (world, servers) = (World::new(), Servers::new());
    let server = servers.start(wants_password);
    let host = server.host();
    let auth = STANDARD.encode(format!("joe:{SECRET}"));
    let entry = format!(r#"{{"{host}": {{"auth": "{auth}"}}}}"#);
    let folder = world.folder.path();
    let put = |path: &str, text: &str| {
        let file = folder.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let whole = format!(r#"{{"auths": {entry}}}"#);
    let home = put(".config/containers/auth.json", &whole);
    let session = put("run/containers/auth.json", &whole);
    let run = folder.join("run").display().to_string();
    let docker = put("docker/config.json", &whole);
    let docker_folder = folder.join("docker").display().to_string();
    let named = put("named.json", &format!(r#"{{"auths": {{"{host}/acme": {{"auth": "{auth}"}}}}}}"#));
    let new = put("pull/.dockerconfigjson", &whole);
    let old = put("pull/.dockercfg", &entry);
    let from = |arguments: &[&str], variables: &[(&str, &str)]| {
        let subject = format!("{host}/acme/web");
        let said = check_with(&world, &[&[subject.as_str()], arguments].concat(), variables);
        assert_eq!(said.status, 0, "{said:?}");
        let line = said.out.lines().find(|line| line.contains("credentials")).unwrap().to_owned();
        line.rsplit_once("from ").unwrap().1.to_owned()
    };
    assert_eq!(from(&[], &[]), home);
    assert_eq!(from(&[], &[("XDG_RUNTIME_DIR", &run)]), session);
    let docker_too = [("XDG_RUNTIME_DIR", run.as_str()), ("DOCKER_CONFIG", &docker_folder)];
    assert_eq!(from(&[], &docker_too), docker);
    let all = [docker_too[0], docker_too[1], ("REGISTRY_AUTH_FILE", named.as_str())];
    assert_eq!(from(&[], &all), named);
    for (file, expected) in [("pull/.dockerconfigjson", &new), ("pull/.dockercfg", &old)] {
        let config = settings(&world, &format!("dockerConfigFiles: [{file}]"));
        assert_eq!(from(&["--config", &config], &all), *expected);
    }
}

#[test]
fn a_credential_helper_is_run_and_its_failure_told() {
    let (world, servers) = (World::new(), Servers::new());
    let server = servers.start(wants_password);
    let folder = world.folder.path().join("bin");
    fs::create_dir_all(&folder).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.display());
    let write = |answer: &str| {
        let script = format!("#!/bin/sh\n{answer}\n");
        let file = folder.join("docker-credential-acme");
        let written = Command::new("sh")
            .args(["-c", r#"printf %s "$1" > "$2"; chmod 755 "$2""#, "sh", &script])
            .arg(file)
            .status();
        assert!(written.unwrap().success());
    };
    docker_config(&world, r#"{"credsStore": "acme"}"#);
    let subject = format!("{}/acme/web", server.host());
    let missing = check_with(&world, &[&subject], &[("PATH", "/nowhere")]);
    assert_eq!(missing.status, 1);
    assert!(missing.out.contains("install docker-credential-acme where PATH"), "{}", missing.out);

    write(&format!(r#"echo '{{"Username":"joe","Secret":"{SECRET}"}}'"#));
    let fine = check_with(&world, &[&subject], &[("PATH", &path)]);
    assert_eq!(fine.status, 0, "{fine:?}");
    assert!(fine.out.contains("joe with a password, from docker-credential-acme ("), "{}", fine.out);

    write(&format!(r#"echo '{{"Username":"joe","Secret":"{SECRET}"}}'; echo locked >&2; exit 1"#));
    let failed = check_with(&world, &[&subject], &[("PATH", &path)]);
    assert_eq!(failed.status, 1);
    assert!(failed.out.contains("it failed: locked"), "{}", failed.out);
    let by_hand = format!("echo {} | docker-credential-acme get", server.host());
    assert!(failed.out.contains(&by_hand), "{}", failed.out);

    let config =
        settings(&world, &format!("registries: [{{host: '{}', credentials: {{helper: acme}}}}]", server.host()));
    docker_config(&world, "{}");
    write(&format!(r#"echo '{{"Username":"joe","Secret":"{SECRET}"}}'"#));
    let named = check_with(&world, &[&subject, "--config", &config], &[("PATH", &path)]);
    assert!(named.out.contains("from docker-credential-acme (the settings)"), "{named:?}");
    assert_eq!(named.status, 0);
}

const ECR: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

/// The cloud in this process: a container's keys, and ECR's answer to whoever signs with them.
fn cloud(asked: &Asked) -> Reply {
    match (asked.method.as_str(), asked.target.as_str()) {
        ("GET", "/keys") if asked.authorization.as_deref() == Some("pod-secret") => Reply::ok(
            r#"{"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"ecr-secret-key","Token":"t","Expiration":"2030-01-01T00:00:00Z"}"#,
        ),
        ("POST", "/")
            if asked.authorization.as_deref().is_some_and(|sent| sent.contains("Credential=ASIAEXAMPLE/")) =>
        {
            let token = STANDARD.encode("AWS:ecr-secret");
            let body =
                format!(r#"{{"authorizationData":[{{"authorizationToken":"{token}","expiresAt":4102444800.5}}]}}"#);
            Reply::ok(body)
        }
        _ => Reply::status(403),
    }
}

#[test]
fn an_identity_of_a_cloud_is_used_where_the_environment_offers_one() {
    let (world, servers) = (World::new(), Servers::new());
    let server = servers.start(cloud);
    let uri = format!("http://{}/keys", server.host());
    let api = format!("http://{}/", server.host());
    // Whatever leaves this machine would have to go through a proxy that is not there.
    let offered = [
        ("HTTPS_PROXY", "http://127.0.0.1:9"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "pod-secret"),
        ("AWS_ENDPOINT_URL_ECR", &api),
    ];
    let said = check_with(&world, &[ECR], &offered);
    let source = "the identity of this machine at AWS";
    assert!(said.out.contains(&format!("ok      AWS with a password, from {source}")), "{}", said.out);
    assert_eq!(server.asked().len(), 2);

    let off = settings(&world, "clouds: []");
    let said = check_with(&world, &[ECR, "--config", &off], &offered);
    assert!(said.out.contains("no login is configured"), "{}", said.out);
    assert_eq!(server.asked().len(), 2, "nobody was asked");

    let mut wrong = offered.to_vec();
    wrong[2].1 = "another";
    let said = check_with(&world, &[ECR], &wrong);
    assert_eq!(said.status, 1);
    assert!(said.out.contains(&format!("failed  {source}: {} refuses (403)", server.host())), "{}", said.out);
}

#[test]
fn exit_statuses_of_wrong_usage_and_wrong_settings() {
    let world = World::new();
    for (subject, said) in
        [("nginx", "no registry's host"), ("https://ghcr.io", "is a URL"), ("ghcr.io/A", "no repository")]
    {
        let found = check(&world, &[subject]);
        assert_eq!((found.status, found.out.as_str()), (2, ""), "{subject}");
        assert!(found.err.contains(said), "{subject}: {}", found.err);
    }
    for (body, said) in [
        ("registries: [{host: ghcr.io, credentials: {cloud: aws}}]", "let AWS log in to ghcr.io"),
        ("clouds: [aws, ibm]", "unknown value `ibm`"),
        ("registries: [{host: ghcr.io, credentials: {helper: ../x}}]", "not the name of a credential helper"),
        ("registries: [{host: ghcr.io, credentials: {helper: x, tokenEnv: T}}]", "credentials of two kinds"),
    ] {
        let config = settings(&world, body);
        let found = check(&world, &["ghcr.io", "--config", &config]);
        assert_eq!((found.status, found.out.as_str()), (3, ""), "{body}");
        assert!(found.err.contains(said), "{body}: {}", found.err);
    }
}

#[test]
fn a_registry_that_must_not_be_asked_is_not_asked() {
    let (world, servers) = (World::new(), Servers::new());
    let server = servers.start(wants_password);
    let host = server.host();
    let only = |only: bool| {
        settings(
            &world,
            &format!("registries: [{{host: '{host}', mirrors: [mirror.example.com/all], mirrorsOnly: {only}}}]"),
        )
    };
    let said = check(&world, &["--config", &only(true), &format!("{host}/acme/web")]);
    assert_eq!((said.status, said.out.as_str()), (2, ""), "{said:?}");
    let named = said.err.contains(&format!("`{host}/acme/web` itself")) && said.err.contains("mirrorsOnly");
    assert!(named && said.err.contains("mirror.example.com/all/acme/web"), "{said:?}");
    assert!(server.asked().is_empty());
    check(&world, &["--config", &only(false), &format!("{host}/acme/web")]);
    assert!(!server.asked().is_empty(), "mirrors that may be passed over leave the host to be checked");
}
