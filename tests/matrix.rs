//! Every kind of authentication, every fault, one page and many: the right list, or held back for the right reason, and no
//! secret in anything that is said.
//!
//! Each cell is a registry of its own, because a host that fails is left alone as a whole. The cells are asked twice: by the
//! client, which says exactly what went wrong, and by the real program in one run over all of them.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests start programs and may panic")]

#[path = "support/faulty.rs"]
#[expect(dead_code, reason = "not every test needs every helper")]
mod faulty;
#[path = "support/registry.rs"]
mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use faulty::{Asked, Faulty, Reply};
use futures::future::join_all;
use landwaiter::port::{Login, Registry, RegistryErrorKind, Secret};
use landwaiter::registry::Client;
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use support::{quick, repository};

const PASSWORD: &str = "hunter2-is-secret";
const TOKEN: &str = "tok-en-secret";
const QUERY: &str = "query-secret";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Auth {
    Open,
    Basic,
    Token,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paging {
    One,
    Many,
}

/// What is wrong with the list, or with its last page where there are several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Latency,
    ResetOnce,
    ResetAlways,
    CutOnce,
    CutAlways,
    LimitedOnce,
    LimitedFor(&'static str),
    LimitedAlways,
    ServerErrorTwice,
    ServerErrorAlways,
    SlowBody,
    StalledBody,
    LengthTooLong,
    LengthTooShort,
    RedirectHere,
    RedirectElsewhere,
    LinkElsewhere,
    RealmElsewhere,
    ExpiredOnce,
    EchoesEverything,
}

use Fault::*;

const FAULTS: &[Fault] = &[
    None,
    Latency,
    ResetOnce,
    ResetAlways,
    CutOnce,
    CutAlways,
    LimitedOnce,
    LimitedFor("1"),
    LimitedFor("3600"),
    LimitedAlways,
    ServerErrorTwice,
    ServerErrorAlways,
    SlowBody,
    StalledBody,
    LengthTooLong,
    LengthTooShort,
    RedirectHere,
    RedirectElsewhere,
    LinkElsewhere,
    RealmElsewhere,
    ExpiredOnce,
    EchoesEverything,
];

#[derive(Debug, Clone, Copy)]
struct Cell {
    auth: Auth,
    fault: Fault,
    paging: Paging,
}

fn cells() -> impl Iterator<Item = Cell> {
    let auths = [Auth::Open, Auth::Basic, Auth::Token];
    let of = |auth| FAULTS.iter().map(move |fault| (auth, *fault));
    let pagings = |(auth, fault)| [Paging::One, Paging::Many].map(|paging| Cell { auth, fault, paging });
    auths.into_iter().flat_map(of).flat_map(pagings)
}

impl Cell {
    fn tags(self) -> &'static [&'static str] {
        match self.paging {
            Paging::One => &["1.0.0", "1.1.0"],
            Paging::Many => &["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0"],
        }
    }

    /// The kind of the error and a part of its text; nothing when the list must be whole.
    fn expected(self) -> Option<(RegistryErrorKind, &'static str)> {
        use RegistryErrorKind::*;
        Some(match (self.fault, self.auth) {
            (ResetAlways | CutAlways | LengthTooLong, _) => (Unreachable, "cannot be reached"),
            (LimitedFor("3600"), _) => {
                (RateLimited { retry_after: Some(Duration::from_secs(3600)) }, "asks to wait 3600 s")
            }
            (LimitedAlways, _) => (RateLimited { retry_after: Option::None }, "limits requests (429)"),
            (ServerErrorAlways, _) => (ServerError { status: 503 }, "failed (503)"),
            (StalledBody, _) => (TimedOut, "did not answer in time"),
            (LengthTooShort, _) => (Malformed, "cut off"),
            (RedirectElsewhere, _) => (Malformed, "redirects to another origin without https"),
            (LinkElsewhere, _) => (BadPaging, "another origin"),
            (RealmElsewhere, _) => (Unauthorized, "without https"),
            (ExpiredOnce, Auth::Open) => (Unauthorized, "no login is configured"),
            (ExpiredOnce, Auth::Basic) => (Unauthorized, "the login comes from"),
            // A token that was good for the pages before is renewed; one that is refused at once will be again.
            (ExpiredOnce, Auth::Token) if self.paging == Paging::One => (Unauthorized, "the login comes from"),
            (EchoesEverything, _) => (Forbidden, "refuses access"),
            _ => return Option::None,
        })
    }

    async fn start(self) -> Faulty {
        let own = Arc::new(OnceLock::<String>::new());
        let known = Arc::clone(&own);
        let server = Faulty::start(move |asked| self.reply(asked, known.get().unwrap())).await;
        own.set(server.host()).unwrap();
        server
    }

    fn reply(self, asked: &Asked, own: &str) -> Reply {
        let basic = format!("Basic {}", STANDARD.encode(format!("joe:{PASSWORD}")));
        let given = asked.authorization.as_deref();
        if asked.target.starts_with("/token?") {
            assert!(given == Some(&basic), "the login goes to the token service: {given:?}");
            return Reply::ok(format!(r#"{{"token":"{TOKEN}-{}","expires_in":300}}"#, asked.before));
        }
        let bearer =
            given.and_then(|given| given.strip_prefix("Bearer ")).is_some_and(|token| token.starts_with(TOKEN));
        let challenge = match self.auth {
            Auth::Open | Auth::Basic => "Basic realm=\"x\"".to_owned(),
            Auth::Token => format!("Bearer realm=\"http://{own}/token?key={QUERY}\",service=\"x\""),
        };
        match self.auth {
            Auth::Open => assert_eq!(given, Option::None, "nothing goes where nothing was asked for"),
            Auth::Basic if given != Some(&basic) => return Reply::challenge(challenge),
            Auth::Token if !bearer => return Reply::challenge(challenge),
            Auth::Basic | Auth::Token => {}
        }
        let (page, good) = self.page(asked);
        let last = self.paging == Paging::One || page == 3;
        // A page is asked for more than once when it fails, and once more after a redirect.
        if last { self.faulty(asked, good, &challenge) } else { good }
    }

    /// The number of the page, from 1, and the page.
    fn page(self, asked: &Asked) -> (usize, Reply) {
        let tags = self.tags();
        if self.paging == Paging::One {
            return (1, Reply::page(tags, Option::None));
        }
        let page = asked.target.split_once("page=").map_or(1, |(_, page)| page.parse().unwrap());
        let link = (page < 3).then(|| format!("</v2/acme/web/tags/list?page={}>; rel=\"next\"", page + 1));
        (page, Reply::page(&tags[2 * (page - 1)..2 * page], link))
    }

    fn faulty(self, asked: &Asked, good: Reply, challenge: &str) -> Reply {
        // Before a registry with authentication answers the first page it has refused it once.
        let refused = usize::from(self.auth != Auth::Open && self.paging == Paging::One);
        let times = asked.before - refused.min(asked.before);
        let Reply::Answer(_, _, body) = &good else { unreachable!("pages are whole answers") };
        let cut = |length: usize| {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            Reply::Cut(head + body)
        };
        let limited = |wait: Option<&str>| {
            let headers = wait.map(|wait| ("retry-after", wait.to_owned())).into_iter().collect();
            Reply::Answer(429, headers, String::new())
        };
        let elsewhere = |path: &str| format!("http://elsewhere.example.com{path}");
        match self.fault {
            Latency => Reply::Late(Duration::from_millis(30), Box::new(good)),
            ResetOnce if times == 0 => Reply::Reset,
            ResetAlways => Reply::Reset,
            CutOnce if times == 0 => cut(body.len() + 9),
            CutAlways | LengthTooLong => cut(body.len() + 9),
            LengthTooShort => cut(body.len() - 3),
            LimitedOnce if times == 0 => limited(Option::None),
            LimitedFor("1") if times > 0 => good,
            LimitedFor(wait) => limited(Some(wait)),
            LimitedAlways => limited(Option::None),
            ServerErrorTwice if times < 2 => Reply::status(500),
            ServerErrorAlways => Reply::status(503),
            SlowBody => Reply::Dribble(Duration::from_millis(5), 9, Box::new(good)),
            StalledBody => Reply::Stall(5, Box::new(good)),
            RedirectHere if !asked.target.contains("moved") => {
                let page = if self.paging == Paging::Many { "&page=3" } else { "" };
                let target = format!("/v2/acme/web/tags/list?moved=1{page}");
                Reply::Answer(307, vec![("location", target)], String::new())
            }
            RedirectElsewhere => Reply::Answer(302, vec![("location", elsewhere("/v2/"))], String::new()),
            LinkElsewhere => Reply::page(&["9.9.9"], Some(format!("<{}>; rel=next", elsewhere("/v2/?p=2")))),
            RealmElsewhere => Reply::challenge(format!("Bearer realm=\"{}\"", elsewhere("/token"))),
            ExpiredOnce if times == 0 => Reply::challenge(challenge),
            EchoesEverything => {
                let sent = asked.authorization.clone().unwrap_or_default();
                let text = format!("joe:{PASSWORD} {sent}").replace('"', "");
                // Nobody who was sent nothing can echo anything.
                let text = if self.auth == Auth::Open { String::new() } else { text };
                Reply::Answer(403, Vec::new(), format!(r#"{{"errors":[{{"code":"DENIED","message":"{text}"}}]}}"#))
            }
            _ => good,
        }
    }
}

/// Every form in which what was sent could be repeated.
fn assert_no_secret(said: &str, where_: &str) {
    let encoded = STANDARD.encode(format!("joe:{PASSWORD}"));
    for secret in [PASSWORD, &PASSWORD[..8], TOKEN, QUERY, &encoded, &encoded[..12]] {
        assert!(!said.contains(secret), "{where_}: {secret} in {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_lists_or_says_why_not() {
    let asking = cells().map(async |cell| {
        let server = cell.start().await;
        let mut options = quick();
        options.timeouts.attempt = Duration::from_millis(1_500);
        let login = Login { user: Some("joe".to_owned()), secret: Secret::new(PASSWORD) };
        options.credentials.add(&server.host(), login, "settings");
        if cell.auth == Auth::Open {
            options.credentials = Default::default();
        }
        let client = Client::new(options).unwrap();
        let listed = client.tags(&repository(&server.host(), "acme/web")).await;
        assert_no_secret(
            &format!("{listed:?} {client:?} {:?} {:?}", client.notices(), client.requests()),
            &format!("{cell:?}"),
        );
        match (cell.expected(), listed) {
            (Option::None, listed) => assert_eq!(listed.as_deref(), Ok(&cell.tags().map_strings()[..]), "{cell:?}"),
            (Some((kind, said)), Err(error)) => {
                assert_eq!(error.kind, kind, "{cell:?}: {error}");
                assert!(error.to_string().contains(said), "{cell:?}: {error}");
                assert_no_secret(&error.to_string(), &format!("{cell:?}"));
            }
            (Some(_), Ok(tags)) => panic!("{cell:?} listed {tags:?}"),
        }
    });
    join_all(asking).await;
}

trait Strings {
    fn map_strings(&self) -> Vec<String>;
}

impl Strings for [&str] {
    fn map_strings(&self) -> Vec<String> {
        self.iter().map(|text| (*text).to_owned()).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_writes_or_holds_back_and_repeats_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let repo = folder.path().join("repo");
    std::fs::create_dir(&repo).unwrap();
    let (mut images, mut credentials, mut servers) = (String::new(), String::new(), Vec::new());
    for cell in cells() {
        let server = cell.start().await;
        let host = server.host();
        images.push_str(&format!("- name: {host}/acme/web\n  newTag: 1.0.0\n"));
        if cell.auth != Auth::Open {
            credentials.push_str(&format!(
                "- {{host: '{host}', credentials: {{user: joe, passwordEnv: REGISTRY_PASSWORD}}}}\n"
            ));
        }
        servers.push((cell, server));
    }
    std::fs::write(
        repo.join("kustomization.yaml"),
        format!("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nimages:\n{images}"),
    )
    .unwrap();
    let policies = "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n- {name: all, images: ['**'], select: {semver: '*'}}\n";
    std::fs::write(repo.join("landwaiter.yaml"), policies).unwrap();
    let settings =
        format!("apiVersion: landwaiter/v1\nkind: Settings\nlimits: {{timeout: 1s}}\nregistries:\n{credentials}");
    std::fs::write(folder.path().join("settings.yaml"), settings).unwrap();

    let arguments = ["plan", "--format", "json", "--config", "../settings.yaml"];
    let mut program = Command::new(env!("CARGO_BIN_EXE_landwaiter"));
    program.args(arguments).current_dir(&repo).env("REGISTRY_PASSWORD", PASSWORD);
    program.env("DOCKER_CONFIG", folder.path()).env_remove("LANDWAITER_CONFIG");
    let output = tokio::task::spawn_blocking(move || program.output().unwrap()).await.unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(4), "{err}");
    assert_no_secret(&out, "stdout");
    assert_no_secret(&err, "stderr");

    let plan: serde_json::Value = serde_json::from_str(&out).unwrap();
    for (cell, server) in servers {
        let image = format!("{}/acme/web", server.host());
        let one = plan["references"].as_array().unwrap().iter().find(|one| one["image"] == *image).unwrap();
        match cell.expected() {
            Option::None => {
                let to = plan["changes"].as_array().unwrap().iter().find(|one| one["image"] == *image);
                assert_eq!(to.unwrap()["to"]["tag"], *cell.tags().last().unwrap(), "{cell:?}: {one}");
            }
            Some((_, said)) => {
                assert_eq!(
                    (&one["state"], &one["reason"]),
                    (&"held".into(), &"incomplete-information".into()),
                    "{cell:?}"
                );
                assert!(one["detail"].as_str().unwrap().contains(said), "{cell:?}: {one}");
            }
        }
    }
}
