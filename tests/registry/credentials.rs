//! Logins as people keep them, against registries and token services: who is told what, how often, and what happens when a
//! login rotates. Whatever goes wrong, no secret is in what is said.

use crate::faulty::{Asked, Faulty, Reply};
use crate::support::{quick, repository};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::join_all;
use landwaiter::port::{Registry, RegistryError, RegistryErrorKind};
use landwaiter::registry::{Client, Credentials, Helpers, Machine, Options};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const SECRETS: [&str; 4] = ["hunter2-old", "hunter2-new", "identity-secret", "bearer-secret"];

/// A client whose only source of credentials is a file that is read again, and whose helpers stand in the same folder.
fn client_of(folder: &Path) -> Client {
    let file = folder.join("config.json");
    let read = move || {
        let mut credentials = Credentials::default();
        let text = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
        credentials.add_docker_config(&text, "config.json", Helpers::Run).map_err(|error| error.to_string())?;
        Ok(credentials)
    };
    let options = Options {
        credentials: read().unwrap(),
        machine: Machine {
            reread: Some(Arc::new(read)),
            helper_path: Some(std::env::join_paths([folder, Path::new("/usr/bin"), Path::new("/bin")]).unwrap()),
            surroundings: None,
        },
        ..quick()
    };
    Client::new(options).unwrap()
}

fn config(folder: &Path, text: &str) {
    std::fs::write(folder.join("config.json"), text).unwrap();
}

fn password(host: &str, password: &str) -> String {
    format!(r#"{{"auths": {{"{host}": {{"auth": "{}"}}}}}}"#, STANDARD.encode(format!("joe:{password}")))
}

/// Writes a credential helper that notes each call. Another process writes it: a file that this one had open for writing
/// could not be run while a test beside it forks.
fn helper(folder: &Path, name: &str, body: &str) {
    let file: PathBuf = folder.join(format!("docker-credential-{name}"));
    let script = format!("#!/bin/sh\nread server\necho \"$1 $server\" >> {}\n{body}\n", folder.join("calls").display());
    let written =
        Command::new("sh").args(["-c", r#"printf %s "$1" > "$2"; chmod 755 "$2""#, "sh", &script]).arg(file).status();
    assert!(written.unwrap().success());
}

fn calls(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("calls")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn basic(user: &str, password: &str) -> Option<String> {
    Some(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

/// A registry that wants this user's password.
fn wants(asked: &Asked, password: &str) -> Reply {
    if asked.authorization == basic("joe", password) {
        Reply::page(&["1.0.0"], None)
    } else {
        Reply::challenge("Basic realm=\"x\"")
    }
}

/// A registry that wants a token of its own token service, which gives one as `grant` says.
fn with_tokens(asked: &Asked, grant: impl Fn(&Asked) -> Reply) -> Reply {
    if asked.target.starts_with("/token") {
        return grant(asked);
    }
    match asked.authorization.as_deref() {
        Some("Bearer bearer-secret") => Reply::page(&["1.0.0"], None),
        _ => Reply::challenge(format!("Bearer realm=\"http://{}/token\",service=\"reg\"", asked.host)),
    }
}

fn no_secret(error: &RegistryError) {
    let shown = format!("{error} {error:?}");
    for secret in SECRETS {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[tokio::test]
async fn an_identity_token_is_traded_at_the_token_service() {
    let server = Faulty::start(|asked| {
        with_tokens(asked, |asked| {
            let form = "grant_type=refresh_token&service=reg&scope=repository%3Aacme%2Fweb%3Apull&client_id=landwaiter\
                        &refresh_token=identity-secret";
            if asked.method == "POST" && asked.body == form && asked.authorization.is_none() {
                Reply::ok(r#"{"access_token":"bearer-secret","expires_in":300,"refresh_token":"another"}"#)
            } else {
                Reply::status(400)
            }
        })
    })
    .await;
    let folder = TempDir::new().unwrap();
    for entry in [
        r#"{"auth": "am9lOg==", "identitytoken": "identity-secret"}"#,
        r#"{"username": "<token>", "password": "identity-secret"}"#,
    ] {
        config(folder.path(), &format!(r#"{{"auths": {{"{}": {entry}}}}}"#, server.host()));
        let client = client_of(folder.path());
        let web = repository(&server.host(), "acme/web");
        let listed = join_all((0..100).map(|_| client.tags(&web))).await;
        assert!(listed.iter().all(Result::is_ok), "{listed:?}");
    }
    assert_eq!(server.count("/token"), 2, "one for each client");
}

#[tokio::test]
async fn an_identity_token_never_leaves_for_where_nobody_sent_it() {
    let elsewhere = Faulty::start(|_| Reply::ok(r#"{"access_token":"bearer-secret"}"#)).await;
    let target = elsewhere.host();
    let redirecting = Faulty::start(move |asked| {
        with_tokens(asked, |_| Reply::Answer(307, vec![("location", format!("http://{target}/token"))], String::new()))
    })
    .await;
    let plain = Faulty::start(|asked| match asked.target.as_str() {
        "/token" => Reply::ok(r#"{"access_token":"bearer-secret"}"#),
        _ => Reply::challenge("Bearer realm=\"http://auth.example.com/token\""),
    })
    .await;
    let password_only = Faulty::start(|asked| wants(asked, "x")).await;
    let folder = TempDir::new().unwrap();
    for (server, said) in [
        (&redirecting, "status 307"),
        (&plain, "without https"),
        (&password_only, "an identity token is taken by a token service only"),
    ] {
        let text = format!(r#"{{"auths": {{"{}": {{"identitytoken": "identity-secret"}}}}}}"#, server.host());
        config(folder.path(), &text);
        let error = client_of(folder.path()).tags(&repository(&server.host(), "acme/web")).await.unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
        no_secret(&error);
        assert!(server.asked().iter().all(|asked| asked.authorization.is_none()));
    }
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn a_token_service_that_echoes_an_identity_token_is_not_quoted() {
    let server = Faulty::start(|asked| {
        with_tokens(asked, |asked| {
            let body = format!(r#"{{"errors":[{{"code":"DENIED","message":"bad grant {}"}}]}}"#, asked.body);
            Reply::Answer(401, Vec::new(), body)
        })
    })
    .await;
    let folder = TempDir::new().unwrap();
    config(folder.path(), &format!(r#"{{"auths": {{"{}": {{"identitytoken": "identity-secret"}}}}}}"#, server.host()));
    let error = client_of(folder.path()).tags(&repository(&server.host(), "acme/web")).await.unwrap_err();
    assert_eq!(error.kind, RegistryErrorKind::Unauthorized);
    assert!(error.detail.contains("•••") && error.detail.contains("the login comes from config.json"), "{error}");
    no_secret(&error);
}

/// Waits as long as refusals are one reason: only after that a file is read again.
async fn until_a_refusal_counts() {
    tokio::time::sleep(std::time::Duration::from_millis(2_050)).await;
}

#[tokio::test]
async fn a_password_that_rotates_is_read_again_without_a_restart() {
    let now = Arc::new(Mutex::new("hunter2-old"));
    let wanted = Arc::clone(&now);
    let server = Faulty::start(move |asked| wants(asked, *wanted.lock().unwrap())).await;
    let known = Arc::clone(&now);
    let tokens = Faulty::start(move |asked| {
        let wanted = *known.lock().unwrap();
        let header = format!("Bearer bearer-{wanted}");
        if asked.target.starts_with("/token") {
            return if asked.authorization == basic("joe", wanted) {
                Reply::ok(format!(r#"{{"token":"bearer-{wanted}","expires_in":1}}"#))
            } else {
                Reply::status(401)
            };
        }
        if asked.authorization.as_deref() == Some(header.as_str()) {
            return Reply::page(&["1.0.0"], None);
        }
        Reply::challenge(format!("Bearer realm=\"http://{}/token\"", asked.host))
    })
    .await;
    for server in [&server, &tokens] {
        *now.lock().unwrap() = "hunter2-old";
        let folder = TempDir::new().unwrap();
        config(folder.path(), &password(&server.host(), "hunter2-old"));
        let client = client_of(folder.path());
        let web = repository(&server.host(), "acme/web");
        assert!(client.tags(&web).await.is_ok());

        *now.lock().unwrap() = "hunter2-new";
        until_a_refusal_counts().await;
        let refused = client.tags(&web).await.unwrap_err();
        assert_eq!(refused.kind, RegistryErrorKind::Unauthorized, "the file still holds the old one");
        no_secret(&refused);

        // As Kubernetes does it: a new file takes the place of the old.
        let new = folder.path().join("new");
        std::fs::write(&new, password(&server.host(), "hunter2-new")).unwrap();
        std::fs::rename(new, folder.path().join("config.json")).unwrap();
        until_a_refusal_counts().await;
        let listed = join_all((0..20).map(|_| client.tags(&web))).await;
        assert!(listed.iter().all(Result::is_ok), "{listed:?}");
        assert!(client.tags(&web).await.is_ok());
    }
}

#[tokio::test]
async fn a_file_that_is_gone_leaves_the_login_as_it_was_and_is_told_with_a_refusal() {
    let server = Faulty::start(|asked| wants(asked, "hunter2-new")).await;
    let folder = TempDir::new().unwrap();
    config(folder.path(), &password(&server.host(), "hunter2-old"));
    let client = client_of(folder.path());
    std::fs::remove_file(folder.path().join("config.json")).unwrap();
    until_a_refusal_counts().await;
    let error = client.tags(&repository(&server.host(), "acme/web")).await.unwrap_err();
    assert!(error.detail.contains("No such file"), "{error}");
    no_secret(&error);
}

#[tokio::test]
async fn a_helper_is_asked_once_for_all_repositories_of_its_host() {
    let server = Faulty::start(|asked| wants(asked, "hunter2-new")).await;
    let folder = TempDir::new().unwrap();
    helper(folder.path(), "acme", r#"echo '{"ServerURL":"x","Username":"joe","Secret":"hunter2-new"}'"#);
    for text in [
        format!(r#"{{"credHelpers": {{"{}": "acme"}}}}"#, server.host()),
        r#"{"credsStore": "acme"}"#.to_owned(),
        format!(r#"{{"auths": {{"{}": {{}}}}, "credsStore": "acme"}}"#, server.host()),
    ] {
        std::fs::remove_file(folder.path().join("calls")).ok();
        config(folder.path(), &text);
        let client = client_of(folder.path());
        let images: Vec<_> = (0..100).map(|number| repository(&server.host(), &format!("acme/r{number}"))).collect();
        let listed = join_all(images.iter().map(|image| client.tags(image))).await;
        assert!(listed.iter().all(Result::is_ok), "{listed:?}");
        assert_eq!(calls(folder.path()), [format!("get {}", server.host())], "{text}");
    }
}

#[tokio::test]
async fn a_helper_may_give_an_identity_token() {
    let server = Faulty::start(|asked| {
        with_tokens(asked, |asked| {
            if asked.body.ends_with("&refresh_token=identity-secret") {
                Reply::ok(r#"{"access_token":"bearer-secret"}"#)
            } else {
                Reply::status(401)
            }
        })
    })
    .await;
    let folder = TempDir::new().unwrap();
    helper(folder.path(), "acme", r#"echo '{"Username":"<token>","Secret":"identity-secret"}'"#);
    config(folder.path(), &format!(r#"{{"credHelpers": {{"{}": "acme"}}}}"#, server.host()));
    let listed = client_of(folder.path()).tags(&repository(&server.host(), "acme/web")).await;
    assert_eq!(listed, Ok(vec!["1.0.0".to_owned()]));
}

#[tokio::test]
async fn a_helper_without_a_login_is_no_failure_and_one_that_fails_is_named() {
    let open = Faulty::start(|_| Reply::page(&["1.0.0"], None)).await;
    let closed = Faulty::start(|asked| wants(asked, "hunter2-new")).await;
    let folder = TempDir::new().unwrap();
    for (body, said) in [
        (
            "echo credentials not found in native keychain; exit 1",
            "docker-credential-acme (config.json) knows no login for it",
        ),
        (
            "echo keychain is locked hunter2-old-and-much-more-of-a-secret >&2; exit 1",
            "it failed: keychain is locked •••",
        ),
        ("echo hunter2-old", "it answered with something that is no login"),
        (r#"echo '{"Username":"joe","Secret":"hunter2-old"'; exit 3"#, "it failed and does not say why"),
    ] {
        helper(folder.path(), "acme", body);
        std::fs::remove_file(folder.path().join("calls")).ok();
        config(folder.path(), r#"{"credsStore": "acme"}"#);
        let client = client_of(folder.path());
        assert!(client.tags(&repository(&open.host(), "acme/web")).await.is_ok(), "strangers may read");
        assert!(calls(folder.path()).is_empty(), "nobody asks for a login that nobody wants");
        let images: Vec<_> = (0..50).map(|number| repository(&closed.host(), &format!("acme/r{number}"))).collect();
        for refused in join_all(images.iter().map(|image| client.tags(image))).await {
            let error = refused.unwrap_err();
            assert_eq!(error.kind, RegistryErrorKind::Unauthorized);
            assert!(error.detail.contains(said), "{error}");
            no_secret(&error);
        }
        assert_eq!(calls(folder.path()).len(), 1, "a failure is not repeated for each repository");
    }
}

#[tokio::test]
async fn a_helper_from_a_pull_secret_is_not_run() {
    let server = Faulty::start(|asked| wants(asked, "hunter2-new")).await;
    let folder = TempDir::new().unwrap();
    helper(folder.path(), "acme", r#"echo '{"Username":"joe","Secret":"hunter2-new"}'"#);
    let mut options = quick();
    let text = format!(r#"{{"credHelpers": {{"{}": "acme"}}}}"#, server.host());
    options.credentials.add_docker_config(&text, "/pull/.dockerconfigjson", Helpers::Refuse).unwrap();
    options.machine.helper_path = Some(folder.path().into());
    let error = Client::new(options).unwrap().tags(&repository(&server.host(), "acme/web")).await.unwrap_err();
    assert!(error.detail.contains("docker-credential-acme is not run"), "{error}");
    assert!(calls(folder.path()).is_empty());
}

#[tokio::test]
async fn a_wrong_password_costs_a_refusal_for_each_repository_and_no_more() {
    let server = Faulty::start(|asked| wants(asked, "hunter2-new")).await;
    let folder = TempDir::new().unwrap();
    config(folder.path(), &password(&server.host(), "hunter2-old"));
    let client = client_of(folder.path());
    let images: Vec<_> = (0..200).map(|number| repository(&server.host(), &format!("acme/r{number}"))).collect();
    let refused = join_all(images.iter().map(|image| client.tags(image))).await;
    assert!(refused.iter().all(Result::is_err));
    assert_eq!(server.asked().len(), 201);
}

/// A registry that wants tokens of the service that `realm` names for each repository, and takes those that begin with
/// `for`, a space and the realm.
async fn with_realms(realm: impl Fn(&str) -> String + Send + Sync + 'static) -> Faulty {
    Faulty::start(move |asked| {
        let path = asked.target.trim_start_matches("/v2/").split("/tags/").next().unwrap_or_default().to_owned();
        let realm = realm(&path);
        match asked.authorization.as_deref() {
            Some(token) if token == format!("Bearer for {realm}") => Reply::page(&["1.0.0"], None),
            _ => Reply::challenge(format!("Bearer realm=\"{realm}\",service=\"s\"")),
        }
    })
    .await
}

#[tokio::test]
async fn each_repository_may_have_a_token_service_of_its_own() {
    // It knows only its own repository, as Artifactory's repository path has it.
    let service = Faulty::start(|asked| {
        let realm = asked.target.split('?').next().unwrap_or_default().to_owned();
        let team = realm.trim_start_matches("/token/").to_owned();
        match asked.target.contains(&format!("repository%3A{team}%2F")) {
            true => Reply::ok(format!(r#"{{"token": "for http://{}{realm}"}}"#, asked.host)),
            false => Reply::status(403),
        }
    })
    .await;
    let host = service.host();
    let registry =
        with_realms(move |path: &str| format!("http://{host}/token/{}", path.split('/').next().unwrap_or_default()))
            .await;
    let client = Client::new(quick()).unwrap();
    for _ in 0..2 {
        for name in ["one/web", "two/web", "three/web", "one/db", "two/db"] {
            let listed = client.tags(&repository(&registry.host(), name)).await;
            assert_eq!(listed, Ok(vec!["1.0.0".to_owned()]), "{name}");
        }
    }
}

#[tokio::test]
async fn a_registry_that_names_the_token_service_of_another_is_not_shown_that_one_s_token() {
    let service = Faulty::start(|asked| {
        let realm = asked.target.split('?').next().unwrap_or_default().to_owned();
        Reply::ok(format!(r#"{{"token": "for http://{}{realm}"}}"#, asked.host))
    })
    .await;
    let (one, other) = (service.host(), service.host());
    let good = with_realms(move |_: &str| format!("http://{one}/token")).await;
    let evil = with_realms(move |_: &str| format!("http://{other}/token")).await;
    let client = Client::new(quick()).unwrap();
    client.tags(&repository(&good.host(), "acme/web")).await.unwrap();
    client.tags(&repository(&evil.host(), "acme/web")).await.unwrap();
    assert_eq!(service.asked().len(), 2, "each has a token of its own");
}
