//! No secret of the operator's gets out, whatever goes wrong: not in what is printed, not in Git, not on the forge, not in files,
//! not to another host, not to other processes.

use crate::hub::TOKEN;
use crate::place::{Place, Server};
use crate::servers::{self, HTTP_PROGRAMS, available};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::StatusCode;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// With characters that other spellings change.
const FORGE: &str = "frg-7f3a9/x+Q=1";
const GIT: &str = "git-5e1c8/y+Z=2";
const REGISTRY: &str = "reg-9b2d7/w+V=3";

/// What a server does instead of its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Good,
    /// Repeats all that it was sent.
    Echo(u16),
    /// Sends whoever asks to another host.
    Redirect(u16),
}

static TURN: AtomicUsize = AtomicUsize::new(0);

/// Which server is in which mood, and whether only for what writes or for everything.
type Moods = Arc<Mutex<(Server, Mood, bool)>>;

/// As servers could repeat it.
fn spelled(user: Option<&str>, secret: &str) -> Vec<String> {
    let encoded = secret.replace('/', "%2F").replace('+', "%2B").replace('=', "%3D");
    let base64 = |text: &str| STANDARD.encode(text).trim_end_matches('=').to_owned();
    let pair = user.map(|user| base64(&format!("{user}:{secret}")));
    pair.into_iter().chain([base64(secret), encoded.to_lowercase(), encoded, secret.to_owned()]).collect()
}

/// What a server knows of them: its own.
fn secrets_of(server: Server) -> Vec<String> {
    match server {
        Server::Forge => spelled(None, FORGE),
        Server::Git => spelled(Some("writer"), GIT),
        Server::Registry => spelled(Some("puller"), REGISTRY),
    }
}

fn secrets() -> Vec<String> {
    [Server::Git, Server::Forge, Server::Registry].into_iter().flat_map(secrets_of).collect()
}

fn assert_silent(what: &str, text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    for secret in secrets() {
        if let Some(at) = text.find(&secret) {
            let near = text[..at].char_indices().rev().nth(200).map_or(0, |(at, _)| at);
            panic!("{what} shows {secret}: ...{}", &text[near..at + secret.len()]);
        }
    }
}

fn basic(user: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")))
}

/// A server's real work behind its mood. It knows the program by the test's secrets, and the server behind by its own.
fn front(moods: &Moods, thief: &str, server: Server, inner: Router) -> Router {
    let (moods, thief) = (Arc::clone(moods), thief.to_owned());
    let (mine, theirs) = match server {
        Server::Git => (basic("writer", GIT), Some(basic("writer", servers::TOKEN))),
        Server::Forge => (format!("token {FORGE}"), Some(format!("token {TOKEN}"))),
        Server::Registry => (basic("puller", REGISTRY), None),
    };
    inner.layer(from_fn(move |mut request: Request, next: Next| {
        let (moods, thief, mine, theirs) = (Arc::clone(&moods), thief.clone(), mine.clone(), theirs.clone());
        async move {
            let (who, mood, all) = *moods.lock().unwrap();
            let path = request.uri().to_string();
            let writes =
                path.contains("receive-pack") || (server == Server::Forge && request.method().as_str() != "GET");
            let sent = request.headers().get("authorization").cloned();
            let right = sent.is_some_and(|sent| sent.to_str().is_ok_and(|sent| sent == mine));
            match mood {
                // Whom it knows, it can repeat.
                Mood::Echo(status) if who == server && (all || writes) && right => {
                    // What is repeated is cut; each has its turn to stand first.
                    let mut mine = secrets_of(server);
                    let turn = TURN.fetch_add(1, Ordering::Relaxed) % mine.len();
                    mine.rotate_left(turn);
                    let said = format!("{} {} {path} {:?}", mine.join(" "), request.method(), request.headers());
                    let body = serde_json::json!({
                        "message": said, "error": said, "errors": [{"code": "DENIED", "message": said, "detail": said}],
                    });
                    answer(status, &[("content-type", "application/json")], body.to_string())
                }
                Mood::Redirect(status) if who == server && (all || writes) => {
                    answer(status, &[("location", &format!("http://{thief}{path}"))], String::new())
                }
                _ if !right => {
                    let challenge = [("www-authenticate", "Basic realm=\"all\""), ("content-type", "application/json")];
                    answer(401, &challenge, "{\"errors\": [{\"code\": \"UNAUTHORIZED\"}]}".to_owned())
                }
                _ => {
                    match theirs {
                        Some(theirs) => drop(request.headers_mut().insert("authorization", theirs.parse().unwrap())),
                        None => drop(request.headers_mut().remove("authorization")),
                    }
                    next.run(request).await
                }
            }
        }
    }))
}

fn answer(status: u16, headers: &[(&'static str, &str)], body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        response.headers_mut().insert(*name, value.parse().unwrap());
    }
    response
}

/// Writes the settings: secrets from the environment, or from files.
fn settings(place: &Place, from_files: bool) {
    let source = |name: &str| match from_files {
        true => format!("File: {name}.secret"),
        false => format!("Env: {name}"),
    };
    let (git, forge, images) = (&place.git.address, &place.forge.address, &place.images.address);
    place.settings(&format!(
        "apiVersion: landwaiter/v1\nkind: Settings\n\
         registries:\n- {{host: '{images}', credentials: {{user: puller, password{}}}}}\n\
         git:\n- {{url: 'http://{git}/', credentials: {{user: writer, password{}}}}}\n\
         forges:\n- {{url: 'http://{git}/', kind: gitea, api: 'http://{forge}/api/v1', repository: acme/config, credentials: \
         {{token{}}}}}\n",
        source("REGISTRY"),
        source("GIT"),
        source("FORGE"),
    ));
}

/// One run; all that it said, after looking at what other processes could see of it.
fn run(place: &Place, from_files: bool, format: &str) -> String {
    let folder = place.folder.path();
    let mut command = place.command();
    command.env_remove("GIT_PASSWORD").env_remove("FORGE_TOKEN").args(["--format", format]);
    if !from_files {
        command.envs([("REGISTRY", REGISTRY), ("GIT", GIT), ("FORGE", FORGE)]);
    }
    let (out, err) = (folder.join("out"), folder.join("err"));
    command.stdout(fs::File::create(&out).unwrap()).stderr(fs::File::create(&err).unwrap());
    let mut child = command.spawn().unwrap();
    let process = format!("/proc/{}", child.id());
    while child.try_wait().unwrap().is_none() {
        assert_silent("the command line", &fs::read(format!("{process}/cmdline")).unwrap_or_default());
        for task in fs::read_dir(format!("{process}/task")).into_iter().flatten().flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            assert_eq!(children.trim(), "", "it starts no program");
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let said = [fs::read(&out).unwrap(), fs::read(&err).unwrap()].concat();
    assert_silent("the program", &said);
    String::from_utf8(said).unwrap()
}

/// Every byte of every file below, the secrets' own files left out.
fn files(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path);
        } else if path.is_file()
            && path.extension().is_none_or(|extension| extension != "secret" && extension != "hook")
        {
            assert_silent(&path.display().to_string(), &fs::read(&path).unwrap());
        }
    }
}

fn assert_nothing_is_left(place: &Place) {
    let objects = ["cat-file", "--batch-all-objects", "--batch"];
    let output = Command::new("git").args(objects).current_dir(&place.bare).stderr(Stdio::null()).output().unwrap();
    assert!(output.stdout.len() > 1_000);
    assert_silent("a commit", &output.stdout);
    assert_silent("a pull request", format!("{:?}", place.hub.pulls()).as_bytes());
    assert_silent("an address", place.server.requests().join("\n").as_bytes());
    assert_silent("an address", place.gate.writes().join("\n").as_bytes());
    files(&place.folder.path().join("state"));
    files(&place.bare);
}

#[test]
fn whatever_goes_wrong_no_secret_gets_out() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let moods: Moods = Arc::new(Mutex::new((Server::Git, Mood::Good, true)));
    let stolen: Arc<Mutex<Vec<String>>> = Arc::default();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let heard = Arc::clone(&stolen);
    let thief = runtime.block_on(crate::dialect::run(Router::new().fallback(move |request: Request| {
        heard.lock().unwrap().push(format!("{} {:?}", request.uri(), request.headers()));
        async { answer(401, &[("www-authenticate", "Basic realm=\"yours\"")], String::new()) }
    })));
    let place = Place::behind(&|server, inner| front(&moods, &thief.address, server, inner));
    for (name, secret) in [("REGISTRY", REGISTRY), ("GIT", GIT), ("FORGE", FORGE)] {
        fs::write(place.folder.path().join(format!("{name}.secret")), format!("{secret}\n")).unwrap();
    }
    let before = place.before();
    let mut count = 0;
    let mut play = |what: &str| {
        place.restore(&before);
        count += 1;
        let (from_files, format) = (count % 2 == 0, if count % 4 < 2 { "text" } else { "json" });
        settings(&place, from_files);
        let said = run(&place, from_files, format);
        assert!(!said.is_empty(), "{what}: something is told");
        assert_nothing_is_left(&place);
        said
    };
    for _ in 0..4 {
        assert!(play("good").contains("opened"), "all is well with these secrets");
    }
    for server in [Server::Git, Server::Forge, Server::Registry] {
        for mood in [
            Mood::Echo(401),
            Mood::Echo(403),
            Mood::Echo(422),
            Mood::Echo(500),
            Mood::Redirect(302),
            Mood::Redirect(307),
        ] {
            for all in [true, false] {
                *moods.lock().unwrap() = (server, mood, all);
                let what = format!("{server:?} {mood:?} {all}");
                let said = play(&what);
                let writes_only = server == Server::Registry && !all;
                assert_eq!(said.contains("opened"), writes_only, "{what}: {said}");
            }
        }
    }
    *moods.lock().unwrap() = (Server::Git, Mood::Good, true);
    for status in [0, 1] {
        let hook = place.bare.join("hooks/pre-receive");
        let words = place.folder.path().join("words.hook");
        fs::write(&words, secrets_of(Server::Git).join("\n")).unwrap();
        fs::create_dir_all(hook.parent().unwrap()).unwrap();
        fs::write(&hook, format!("#!/bin/sh\ncat {} >&2\nexit {status}\n", words.display())).unwrap();
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
        for _ in 0..2 {
            play("a hook that talks");
        }
    }
    let stolen = stolen.lock().unwrap().join("\n");
    assert_silent("another host", stolen.as_bytes());
    assert!(!stolen.to_lowercase().contains("authorization"), "{stolen}");
}
