//! The client against registries as they really are: every fault becomes the right reason, costs no more than it must,
//! leaks nothing, and leaves the other repositories alone.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests measure time and may panic")]

#[path = "registry/credentials.rs"]
mod credentials;
#[path = "support/faulty.rs"]
#[expect(dead_code, reason = "not every test needs every helper")]
mod faulty;
#[path = "support/registry.rs"]
mod support;

use base64::Engine as _;
use faulty::{Asked, Faulty, Reply};
use futures::future::join_all;
use landwaiter::image::{Digest, Tag};
use landwaiter::port::{Login, Registry, RegistryErrorKind, Secret};
use landwaiter::registry::embedded::{Embedded, Made};
use landwaiter::registry::{Client, HostOptions, MAX_PAGE_BYTES, Options, PAGE_SIZE};
use sha2::{Digest as _, Sha256};
use std::time::{Duration, Instant};
use support::{quick, repository};

const PASSWORD: &str = "hunter2-is-secret";

fn client(options: Options) -> Client {
    Client::new(options).unwrap()
}

fn with_login(host: &str) -> Options {
    let mut options = quick();
    let login = Login { user: Some("joe".to_owned()), secret: Secret::new(PASSWORD) };
    options.credentials.add(host, login, "settings");
    options
}

/// `good` for every repository but `acme/bad`.
fn only_bad(fault: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> impl Fn(&Asked) -> Reply + Send + Sync {
    move |asked: &Asked| {
        if asked.target.contains("/acme/bad/") || asked.target.starts_with("/elsewhere") {
            fault(asked)
        } else {
            Reply::page(&["1.0.0"], None)
        }
    }
}

/// A fault, the reason it must become, and a part of the text that people read.
type Fault = (&'static str, Box<dyn Fn(&Asked) -> Reply + Send + Sync>, RegistryErrorKind, &'static str);

fn faults() -> Vec<Fault> {
    use RegistryErrorKind::*;
    let page = "/v2/acme/bad/tags/list";
    let truncated = "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"tags\":[\"1.0.0\"";
    vec![
        ("no such repository", Box::new(|_| Reply::status(404)), NotFound, "no such repository"),
        ("forbidden", Box::new(|_| Reply::status(403)), Forbidden, "no login is configured"),
        ("401 without a challenge", Box::new(|_| Reply::status(401)), Unauthorized, "does not say how"),
        (
            "basic without a login",
            Box::new(|_| Reply::challenge("Basic realm=x")),
            Unauthorized,
            "no login is configured",
        ),
        (
            "foreign plain realm",
            Box::new(|_| Reply::challenge("Bearer realm=\"http://auth.example.com/t\"")),
            Unauthorized,
            "without https",
        ),
        ("429", Box::new(|_| Reply::status(429)), RateLimited { retry_after: None }, "limits requests"),
        ("500 for ever", Box::new(|_| Reply::status(500)), ServerError { status: 500 }, "failed (500)"),
        ("HTML", Box::new(|_| Reply::ok("<html>sign in</html>")), Malformed, "HTML where JSON belongs"),
        ("half a JSON", Box::new(|_| Reply::ok("{\"tags\":[\"1.0.0\"")), Malformed, "cut off"),
        (
            "another's list",
            Box::new(|_| Reply::ok("{\"name\":\"acme/x\",\"tags\":[]}")),
            Malformed,
            "got the tags of acme/x",
        ),
        ("half an answer", Box::new(move |_| Reply::Cut(truncated.to_owned())), Unreachable, "cannot be reached"),
        ("no HTTP", Box::new(|_| Reply::Cut("hello\r\n\r\n".to_owned())), Unreachable, "cannot be reached"),
        ("reset", Box::new(|_| Reply::Reset), Unreachable, "cannot be reached"),
        ("endless body", Box::new(|_| Reply::Endless), TooLarge, "sent more than"),
        (
            "endless pages",
            Box::new(move |asked| {
                Reply::page(&["1.0.0"], Some(format!("<{page}?p={}>; rel=next", asked.target.len())))
            }),
            BadPaging,
            "repeats an earlier one",
        ),
        (
            "a page that links to itself",
            Box::new(|asked| Reply::page(&["1.0.0"], Some(format!("<{}>; rel=next", asked.target)))),
            BadPaging,
            "repeats an earlier one",
        ),
        (
            "a page elsewhere",
            Box::new(|_| Reply::page(&["1.0.0"], Some("<https://example.com/v2/>; rel=next".to_owned()))),
            BadPaging,
            "another origin",
        ),
        (
            "the second page fails",
            Box::new(move |asked| {
                if asked.target.contains("p=2") {
                    Reply::status(404)
                } else {
                    Reply::page(&["1.0.0"], Some(format!("<{page}?p=2>; rel=next")))
                }
            }),
            NotFound,
            "no such repository",
        ),
        (
            "redirect elsewhere without https",
            Box::new(|_| Reply::Answer(307, vec![("location", "http://example.com/v2/x".to_owned())], String::new())),
            Malformed,
            "redirects to another origin without https",
        ),
        (
            "redirects without end",
            Box::new(|_| Reply::Answer(307, vec![("location", "/elsewhere".to_owned())], String::new())),
            Malformed,
            "redirects once too often",
        ),
    ]
}

#[tokio::test]
async fn every_fault_becomes_its_reason_and_the_other_repositories_go_on() {
    for (name, fault, kind, said) in faults() {
        let server = Faulty::start(only_bad(fault)).await;
        let client = client(quick());
        let (bad, good) = (repository(&server.host(), "acme/bad"), repository(&server.host(), "acme/good"));
        let (failed, listed) = tokio::join!(client.tags(&bad), client.tags(&good));
        let error = failed.unwrap_err();
        assert_eq!(error.kind, kind, "{name}: {error}");
        assert!(error.to_string().contains(said), "{name}: {error}");
        assert_eq!(listed, Ok(vec!["1.0.0".to_owned()]), "{name}");
        assert_eq!(client.tags(&good).await, Ok(vec!["1.0.0".to_owned()]), "{name}, afterwards");
    }
}

#[tokio::test]
async fn a_server_that_recovers_is_asked_again() {
    for status in [429, 500, 502, 503, 504] {
        let server =
            Faulty::start(
                move |asked| {
                    if asked.before < 2 { Reply::status(status) } else { Reply::page(&["1.0.0"], None) }
                },
            )
            .await;
        let client = client(quick());
        let listed = client.tags(&repository(&server.host(), "acme/web")).await;
        assert_eq!(listed, Ok(vec!["1.0.0".to_owned()]), "{status}");
        assert_eq!(client.requests()[&server.host()], 3, "{status}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_once_is_made_again() {
    let server =
        Faulty::start(|asked| if asked.before == 0 { Reply::Reset } else { Reply::page(&["1.0.0"], None) }).await;
    let listed = client(quick()).tags(&repository(&server.host(), "acme/web")).await;
    assert_eq!(listed, Ok(vec!["1.0.0".to_owned()]));
}

#[tokio::test]
async fn the_wait_a_server_asks_for_is_kept_by_all() {
    let server = Faulty::start(|asked| {
        if asked.target.contains("/acme/a/") && asked.before == 0 {
            return Reply::Answer(429, vec![("retry-after", "1".to_owned())], String::new());
        }
        Reply::page(&["1.0.0"], None)
    })
    .await;
    let client = client(quick());
    let started = Instant::now();
    let both = ["acme/a", "acme/b"].map(|path| repository(&server.host(), path));
    let listed = join_all(both.iter().map(|repository| client.tags(repository))).await;
    assert!(listed.iter().all(Result::is_ok), "{listed:?}");
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_long_wait_is_not_waited_for_and_nobody_asks_meanwhile() {
    let server = Faulty::start(|_| Reply::Answer(429, vec![("retry-after", "3600".to_owned())], String::new())).await;
    let client = client(quick());
    for path in ["acme/a", "acme/b", "acme/c"] {
        let error = client.tags(&repository(&server.host(), path)).await.unwrap_err();
        let RegistryErrorKind::RateLimited { retry_after: Some(wait) } = error.kind else {
            panic!("{error}");
        };
        assert!((3590..=3600).contains(&wait.as_secs()), "{error}");
    }
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn an_endless_body_is_dropped_at_the_limit() {
    let server = Faulty::start(|_| Reply::Endless).await;
    let error = client(quick()).tags(&repository(&server.host(), "acme/web")).await.unwrap_err();
    assert_eq!(error.kind, RegistryErrorKind::TooLarge);
    assert_eq!(server.asked().len(), 1, "a list that is too long will be so again");
    // Beyond the limit only what the kernel's buffers swallow.
    assert!(server.endless_bytes() < MAX_PAGE_BYTES as u64 + 16 * 1024 * 1024, "{}", server.endless_bytes());
}

#[tokio::test]
async fn an_announced_length_over_the_limit_is_not_read_at_all() {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 200 * 1024 * 1024);
    let server = Faulty::start(move |_| Reply::Cut(head.clone())).await;
    let error = client(quick()).tags(&repository(&server.host(), "acme/web")).await.unwrap_err();
    assert_eq!(error.kind, RegistryErrorKind::TooLarge);
}

#[tokio::test]
async fn silence_ends_in_time() {
    let server = Faulty::start(|_| Reply::Silence).await;
    let mut options = quick();
    options.timeouts.attempt = Duration::from_millis(100);
    let started = Instant::now();
    let error = client(options).tags(&repository(&server.host(), "acme/web")).await.unwrap_err();
    assert_eq!(error.kind, RegistryErrorKind::TimedOut, "{error}");
    assert_eq!(server.asked().len(), 3);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn the_deadline_covers_all_attempts() {
    let server = Faulty::start(|_| Reply::Silence).await;
    let mut options = quick();
    options.timeouts.attempt = Duration::from_millis(300);
    options.timeouts.deadline = Duration::from_millis(400);
    let error = client(options).tags(&repository(&server.host(), "acme/web")).await.unwrap_err();
    assert_eq!(error.kind, RegistryErrorKind::TimedOut, "{error}");
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_list_that_never_ends_slowly_ends_in_time() {
    let server = Faulty::start(|asked| {
        std::thread::sleep(Duration::from_millis(10));
        let number = asked.target.rsplit('=').next().unwrap().to_owned();
        Reply::page(&[&number], Some(format!("<?p={number}0>; rel=next")))
    })
    .await;
    let mut options = quick();
    options.patience = Duration::from_millis(200);
    let error = client(options).tags(&repository(&server.host(), "acme/web")).await.unwrap_err();
    assert_eq!(error.kind, RegistryErrorKind::TimedOut);
    assert!(error.detail.contains("not whole"), "{error}");
}

#[tokio::test]
async fn a_dead_registry_is_not_asked_a_thousand_times() {
    let dead = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let server = Faulty::start(|_| Reply::page(&["1.0.0"], None)).await;
    let client = client(quick());
    let images: Vec<_> = (0..1000).map(|number| repository(&dead, &format!("acme/r{number}"))).collect();
    let alive = repository(&server.host(), "acme/web");
    let (failed, listed) = tokio::join!(join_all(images.iter().map(|image| client.tags(image))), client.tags(&alive));
    assert!(listed.is_ok());
    for outcome in failed {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind, RegistryErrorKind::Unreachable);
        assert!(error.detail.to_lowercase().contains("refused"), "{error}");
    }
    assert!(client.requests()[&dead] < 100, "{:?}", client.requests());
}

/// A registry that wants tokens, and its token service on the same host.
fn token_registry(asked: &Asked) -> Reply {
    if asked.target.starts_with("/token?") {
        return Reply::ok(r#"{"token":"tok-en-secret","expires_in":300}"#);
    }
    match asked.authorization.as_deref() {
        Some("Bearer tok-en-secret") => Reply::page(&["1.0.0"], None),
        _ => Reply::Answer(401, Vec::new(), String::new()),
    }
}

/// The same with a challenge that names its own address, which a script only knows from outside.
async fn start_token_registry() -> Faulty {
    let port = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let known = std::sync::Arc::clone(&port);
    let server = Faulty::start(move |asked| match token_registry(asked) {
        Reply::Answer(401, _, _) => Reply::challenge(format!(
            "Bearer realm=\"http://{}/token\",service=\"registry\",scope=\"repository:placeholder:pull\"",
            known.get().unwrap()
        )),
        other => other,
    })
    .await;
    port.set(server.host()).unwrap();
    server
}

#[tokio::test]
async fn tokens_cost_one_request_each_and_the_host_one_refusal() {
    let server = start_token_registry().await;
    let client = client(quick());
    let images: Vec<_> = (0..100).map(|number| repository(&server.host(), &format!("acme/r{number}"))).collect();
    let listed = join_all(images.iter().map(|image| client.tags(image))).await;
    assert!(listed.iter().all(Result::is_ok), "{listed:?}");
    assert_eq!(server.count("/token"), 100);
    assert_eq!(server.count("/v2/"), 101, "one refusal for the host, then one request each");
    assert_eq!(client.requests()[&server.host()], 201);
    let asked = server.asked();
    let scope = &asked.iter().find(|asked| asked.target.contains("r42%3Apull")).unwrap().target;
    assert_eq!(*scope, "/token?service=registry&scope=repository%3Aacme%2Fr42%3Apull");
    join_all(images.iter().map(|image| client.tags(image))).await;
    assert_eq!(server.count("/token"), 100, "the tokens are still good");
    assert_eq!(client.requests()[&server.host()], 301);
}

#[tokio::test]
async fn a_hundred_questions_about_one_repository_share_one_token() {
    let server = start_token_registry().await;
    let client = client(quick());
    let web = repository(&server.host(), "acme/web");
    let listed = join_all((0..100).map(|_| client.tags(&web))).await;
    assert!(listed.iter().all(Result::is_ok), "{listed:?}");
    assert_eq!((server.count("/token"), server.count("/v2/")), (1, 101));
}

#[tokio::test]
async fn basic_is_sent_without_a_further_refusal() {
    let header = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("joe:{PASSWORD}")));
    let server = Faulty::start(move |asked| {
        if asked.authorization.as_deref() == Some(&header) {
            Reply::page(&["1.0.0"], None)
        } else {
            Reply::challenge("Basic realm=\"x\"")
        }
    })
    .await;
    let client = client(with_login(&server.host()));
    let images: Vec<_> = (0..20).map(|number| repository(&server.host(), &format!("acme/r{number}"))).collect();
    let listed = join_all(images.iter().map(|image| client.tags(image))).await;
    assert!(listed.iter().all(Result::is_ok), "{listed:?}");
    assert_eq!(server.asked().len(), 21);
    assert_eq!(server.asked()[0].authorization, None, "the login goes to those only who ask for it");
}

#[tokio::test]
async fn a_token_that_expires_in_the_middle_of_a_list_is_renewed() {
    let port = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let known = std::sync::Arc::clone(&port);
    let server = Faulty::start(move |asked| {
        let host = known.get().unwrap();
        if asked.target.starts_with("/token") {
            return Reply::ok(format!(r#"{{"access_token":"t{}"}}"#, asked.before));
        }
        match (asked.target.contains("p=2"), asked.authorization.as_deref()) {
            (false, Some("Bearer t0")) => {
                Reply::page(&["1.0.0"], Some("</v2/acme/web/tags/list?p=2>; rel=next".to_owned()))
            }
            (true, Some("Bearer t1")) => Reply::page(&["1.1.0"], None),
            _ => Reply::challenge(format!("Bearer realm=\"http://{host}/token\"")),
        }
    })
    .await;
    port.set(server.host()).unwrap();
    let listed = client(quick()).tags(&repository(&server.host(), "acme/web")).await;
    assert_eq!(listed, Ok(vec!["1.0.0".to_owned(), "1.1.0".to_owned()]));
    assert_eq!(server.count("/token"), 2);
}

#[tokio::test]
async fn a_registry_that_never_takes_its_own_token_is_given_up() {
    let port = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let known = std::sync::Arc::clone(&port);
    let server = Faulty::start(move |asked| {
        if asked.target.starts_with("/token") {
            return Reply::ok(r#"{"token":"x"}"#);
        }
        Reply::challenge(format!("Bearer realm=\"http://{}/token\"", known.get().unwrap()))
    })
    .await;
    port.set(server.host()).unwrap();
    let error = client(quick()).tags(&repository(&server.host(), "acme/web")).await.unwrap_err();
    assert_eq!(error.kind, RegistryErrorKind::Unauthorized);
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn what_is_sent_is_never_repeated_even_if_the_registry_does() {
    for service_refuses in [true, false] {
        let port = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
        let known = std::sync::Arc::clone(&port);
        let echo = |asked: &Asked| {
            let sent = asked.authorization.clone().unwrap_or_default();
            let plain = format!("{}joe:{PASSWORD} {sent}", "x".repeat(150));
            format!(r#"{{"errors":[{{"code":"DENIED","message":"{plain} {sent}"}}]}}"#)
        };
        let server = Faulty::start(move |asked| match &asked.authorization {
            None => {
                Reply::challenge(format!("Bearer realm=\"http://{}/token?key=query-secret\"", known.get().unwrap()))
            }
            Some(_) if asked.target.starts_with("/token") && !service_refuses => {
                Reply::ok(r#"{"token":"tok-en-secret"}"#)
            }
            Some(_) => Reply::Answer(403, Vec::new(), echo(asked)),
        })
        .await;
        port.set(server.host()).unwrap();
        let client = client(with_login(&server.host()));
        let error = client.tags(&repository(&server.host(), "acme/web")).await.unwrap_err();
        assert_eq!(error.kind, RegistryErrorKind::Forbidden, "{error}");
        assert!(error.detail.contains("•••"), "{error}");
        assert!(error.detail.contains("the login comes from settings"), "{error}");
        let shown = format!("{error} {error:?} {client:?}");
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("joe:{PASSWORD}"));
        for secret in [PASSWORD, &PASSWORD[..8], &encoded, &encoded[..10], "tok-en-secret", "query-secret"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
}

#[tokio::test]
async fn credentials_do_not_follow_a_redirect_or_a_link() {
    let elsewhere = Faulty::start(|_| Reply::page(&["9.9.9"], None)).await;
    let target = elsewhere.host();
    let server = Faulty::start(move |asked| match (&asked.authorization, asked.target.contains("/acme/linked/")) {
        (None, _) => Reply::challenge("Basic realm=\"x\""),
        (_, true) => Reply::page(&["1.0.0"], Some(format!("<http://{target}/v2/>; rel=next"))),
        (_, false) => Reply::Answer(302, vec![("location", format!("http://{target}/v2/"))], String::new()),
    })
    .await;
    let client = client(with_login(&server.host()));
    for path in ["acme/linked", "acme/redirected"] {
        assert!(client.tags(&repository(&server.host(), path)).await.is_err(), "{path}");
    }
    assert_eq!(elsewhere.asked().len(), 0);
}

#[tokio::test]
async fn a_login_is_offered_where_strangers_are_told_that_nothing_is_there() {
    for status in [403, 404] {
        let server = Faulty::start(move |asked| match (asked.target.as_str(), &asked.authorization) {
            ("/v2/", None) => Reply::challenge("Basic realm=\"x\""),
            (_, None) => Reply::status(status),
            (target, Some(_)) if target.contains("/acme/gone/") => Reply::status(404),
            (_, Some(_)) => Reply::page(&["1.0.0"], None),
        })
        .await;
        let client = client(with_login(&server.host()));
        let private = repository(&server.host(), "acme/private");
        assert_eq!(client.tags(&private).await, Ok(vec!["1.0.0".to_owned()]), "{status}");
        assert_eq!(server.asked().len(), 3, "refused, asked how, and asked again");
        let gone = client.tags(&repository(&server.host(), "acme/gone")).await.unwrap_err();
        assert_eq!(gone.kind, RegistryErrorKind::NotFound);
        assert_eq!(server.asked().len(), 4);
    }
    let open = Faulty::start(|asked| if asked.target == "/v2/" { Reply::ok("{}") } else { Reply::status(404) }).await;
    let client = client(with_login(&open.host()));
    for path in ["acme/a", "acme/b", "acme/c"] {
        assert!(client.tags(&repository(&open.host(), path)).await.is_err());
    }
    assert_eq!(open.count("/v2/acme"), 3);
    assert_eq!(open.asked().len(), 4, "a host is asked once only how it lets people in");
}

#[tokio::test]
async fn many_private_repositories_beside_a_public_one_are_all_let_in() {
    let server = Faulty::start(|asked| match (asked.target.as_str(), &asked.authorization) {
        ("/v2/", None) => Reply::challenge("Basic realm=\"x\""),
        (target, None) if !target.contains("/acme/public/") => Reply::status(404),
        _ => Reply::page(&["1.0.0"], None),
    })
    .await;
    let client = client(with_login(&server.host()));
    client.tags(&repository(&server.host(), "acme/public")).await.unwrap();
    let images: Vec<_> = (0..10).map(|number| repository(&server.host(), &format!("acme/r{number}"))).collect();
    let listed = join_all(images.iter().map(|image| client.tags(image))).await;
    assert!(listed.iter().all(Result::is_ok), "{listed:?}");
    assert_eq!(server.asked().iter().filter(|asked| asked.target == "/v2/").count(), 1);
}

#[tokio::test]
async fn no_more_requests_are_in_flight_than_allowed_and_connections_are_kept() {
    let server = Faulty::start(|_| Reply::page(&["1.0.0"], None)).await;
    let mut options = quick();
    let own = HostOptions { concurrency: Some(3), ..HostOptions::default() };
    options.hosts.insert(server.host(), own);
    let client = client(options);
    let images: Vec<_> = (0..100).map(|number| repository(&server.host(), &format!("acme/r{number}"))).collect();
    let listed = join_all(images.iter().map(|image| client.tags(image))).await;
    assert!(listed.iter().all(Result::is_ok), "{listed:?}");
    assert_eq!(server.asked().len(), 100);
    assert!((1..=3).contains(&server.connections()), "{}", server.connections());
}

#[tokio::test]
async fn a_page_size_that_is_refused_is_left_out() {
    for status in [400, 405] {
        let server = Faulty::start(move |asked| {
            if asked.target.contains("n=") { Reply::status(status) } else { Reply::page(&["1.0.0"], None) }
        })
        .await;
        let listed = client(quick()).tags(&repository(&server.host(), "acme/web")).await;
        assert_eq!(listed, Ok(vec!["1.0.0".to_owned()]), "{status}");
        assert_eq!(server.asked().len(), 2);
    }
}

#[tokio::test]
async fn a_digest_comes_from_the_header_or_from_the_bytes_but_never_from_a_login_page() {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let header = digest.clone();
    let server = Faulty::start(move |asked| match asked.target.rsplit('/').next().unwrap() {
        "header" => Reply::Answer(200, vec![("docker-content-digest", header.clone())], "{}".to_owned()),
        "bytes" => Reply::ok(r#"{"schemaVersion":2}"#),
        "no-head" if asked.method == "HEAD" => Reply::status(405),
        "no-head" => Reply::ok(r#"{"schemaVersion":2}"#),
        "page" => Reply::ok("<html>"),
        "bad" => Reply::Answer(200, vec![("docker-content-digest", "sha256:0".to_owned())], String::new()),
        _ => Reply::status(404),
    })
    .await;
    let client = client(quick());
    let web = repository(&server.host(), "acme/web");
    let ask = async |tag: &str| client.digest(&web, &Tag::parse(tag).unwrap()).await;
    let computed = "sha256:bafebd36189ad3688b7b3915ea55d461e0bfcfbdde11e54b0a123999fb6be50f";
    assert_eq!(ask("header").await.unwrap().as_str(), digest);
    assert_eq!(ask("bytes").await.unwrap().as_str(), computed);
    assert_eq!(ask("no-head").await.unwrap().as_str(), computed);
    assert_eq!(ask("page").await.unwrap_err().kind, RegistryErrorKind::Malformed);
    assert_eq!(ask("bad").await.unwrap_err().kind, RegistryErrorKind::Malformed);
    assert_eq!(ask("gone").await.unwrap_err().kind, RegistryErrorKind::NotFound);
}

#[tokio::test]
async fn thousands_of_tags_come_whole_and_in_order() {
    let registry = Embedded::start().await.unwrap();
    let tags: Vec<String> = (0..5_003).map(|number| format!("1.0.{number:05}")).collect();
    registry.add_tags("acme/web", tags.iter().map(String::as_str)).unwrap();
    let client = client(quick());
    assert_eq!(client.tags(&repository(&registry.host(), "acme/web")).await, Ok(tags));
    assert_eq!(client.requests()[&registry.host()], 5_003_usize.div_ceil(PAGE_SIZE) as u64);
    assert_eq!(registry.requests(), 6);
    let error = client.tags(&repository(&registry.host(), "acme/gone")).await.unwrap_err();
    assert_eq!(error.kind, RegistryErrorKind::NotFound);
    assert!(error.detail.contains("NAME_UNKNOWN"), "{error}");
}

#[tokio::test]
async fn what_a_foreign_client_pushed_is_listed_and_has_the_same_digest() {
    let registry = Embedded::start().await.unwrap();
    let first = registry.push("acme/web", "1.0.0").await.unwrap();
    assert_eq!(registry.push("acme/web", "1.0.0").await.unwrap(), first, "the same image again");
    registry.push("acme/web", "1.1.0").await.unwrap();
    let client = client(quick());
    let web = repository(&registry.host(), "acme/web");
    assert_eq!(client.tags(&web).await, Ok(vec!["1.0.0".to_owned(), "1.1.0".to_owned()]));
    let tag = Tag::parse("1.0.0").unwrap();
    assert_eq!(client.digest(&web, &tag).await, Ok(first.clone()));

    let moved = registry.push_content("acme/web", "1.0.0", "something else").await.unwrap();
    assert_ne!(moved, first);
    assert_eq!(client.digest(&web, &tag).await, Ok(moved.clone()));

    let foreign = oci_client::Client::new(oci_client::client::ClientConfig {
        protocol: oci_client::client::ClientProtocol::Http,
        ..Default::default()
    });
    let image = oci_client::Reference::with_tag(registry.host(), "acme/web".to_owned(), "1.0.0".to_owned());
    let anonymous = oci_client::secrets::RegistryAuth::Anonymous;
    let types = vec![oci_client::manifest::IMAGE_LAYER_MEDIA_TYPE];
    let pulled = foreign.pull(&image, &anonymous, types).await.unwrap();
    assert_eq!(pulled.digest.unwrap(), moved.as_str());
    assert_eq!(&pulled.layers[0].data[..], b"something else");
}

#[tokio::test]
async fn the_embedded_registry_is_gone_when_it_is_dropped() {
    let registry = Embedded::start().await.unwrap();
    registry.add_tags("acme/web", ["1.0.0"]).unwrap();
    let client = client(quick());
    let web = repository(&registry.host(), "acme/web");
    client.tags(&web).await.unwrap();
    drop(registry);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(client.tags(&web).await.unwrap_err().kind, RegistryErrorKind::Unreachable);
}

#[tokio::test]
async fn names_that_no_registry_would_take_are_not_pushed() {
    let registry = Embedded::start().await.unwrap();
    assert!(registry.push("Acme/web", "1.0.0").await.is_err());
    assert!(registry.add_tags("acme/web", ["a b"]).is_err());
    assert_eq!(registry.requests(), 0);
}

#[tokio::test]
async fn an_image_and_an_index_say_what_they_are() {
    let registry = Embedded::start().await.unwrap();
    let made = Made {
        created: Some("2024-05-01T12:00:00Z"),
        platforms: &["linux/arm64/v8", "linux/amd64"],
        labels: &[("vendor", "acme")],
    };
    let index = registry.push_made("acme/web", "1.0.0", &made).unwrap();
    let image = registry.push_made("acme/web", "1.1.0", &Made { platforms: &["linux/s390x"], ..made.clone() }).unwrap();
    let plain = registry.push("acme/web", "1.2.0").await.unwrap();
    let client = client(quick());
    let web = repository(&registry.host(), "acme/web");
    let ask = async |tag: &str| client.metadata(&web, &Tag::parse(tag).unwrap()).await.unwrap();

    let said = ask("1.0.0").await;
    assert_eq!((said.digest, said.created), (index.clone(), Some(1_714_564_800)));
    let platforms: Vec<String> = said.platforms.iter().map(ToString::to_string).collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64/v8"], "the attestation is no platform");
    assert_eq!(said.labels, [("vendor".to_owned(), "acme".to_owned())].into());
    let said = ask("1.1.0").await;
    assert_eq!((said.digest, said.platforms[0].to_string()), (image, "linux/s390x".to_owned()));
    let said = ask("1.2.0").await;
    assert_eq!((said.digest, said.created, said.labels.len()), (plain, None, 0));

    // Two names of one image: the second costs its manifest and nothing else.
    registry.push_made("acme/web", "stable", &made).unwrap();
    let before = registry.requests();
    assert_eq!(ask("stable").await.digest, index);
    assert_eq!(registry.requests() - before, 1);
    let missing = client.metadata(&web, &Tag::parse("9.9.9").unwrap()).await.unwrap_err();
    assert_eq!(missing.kind, RegistryErrorKind::NotFound);
}

#[tokio::test]
async fn an_image_that_cannot_be_believed_says_nothing() {
    use RegistryErrorKind::{Malformed, NotFound, ServerError, TooLarge};
    let digest = format!("sha256:{}", "a".repeat(64));
    let manifest = format!(r#"{{"schemaVersion":2,"config":{{"digest":"{digest}"}}}}"#);
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{{"digest":"{digest}"}}]}}"#);
    let faults: Vec<(&str, String, Reply, RegistryErrorKind)> = vec![
        ("a configuration of another digest", manifest.clone(), Reply::ok("{}"), Malformed),
        ("no configuration", manifest.clone(), Reply::status(404), NotFound),
        ("a failing one", manifest.clone(), Reply::status(500), ServerError { status: 500 }),
        ("an endless one", manifest, Reply::Endless, TooLarge),
        ("an image of another digest", index, Reply::ok("{}"), Malformed),
        ("a login page", "<html>".to_owned(), Reply::ok("{}"), Malformed),
    ];
    for (name, first, second, kind) in faults {
        let server =
            Faulty::start(
                move |asked| {
                    if asked.target.ends_with("/manifests/1.0.0") { Reply::ok(&first) } else { second.clone() }
                },
            )
            .await;
        let web = repository(&server.host(), "acme/web");
        let said = client(quick()).metadata(&web, &Tag::parse("1.0.0").unwrap()).await.unwrap_err();
        assert_eq!(said.kind, kind, "{name}: {said}");
    }
}

/// The digest of a text, as registries name it.
fn digest_of(text: &str) -> Digest {
    let hex: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    Digest::parse(&format!("sha256:{hex}")).unwrap()
}

#[tokio::test]
async fn what_refers_to_an_image_is_listed_with_and_without_the_api() {
    const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    let subject = digest_of("the image");
    let one = |text: &str| {
        format!(
            r#"{{"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":1}}]}}"#,
            digest_of(text)
        )
    };
    let (first, second, tagged) = (one("first"), one("second"), one("tagged"));
    let named = subject.clone();
    let server = Faulty::start(move |asked| {
        let index = |body: &String| Reply::Answer(200, vec![("content-type", INDEX.to_owned())], body.clone());
        let path = asked.target.strip_prefix("/v2/acme/").unwrap();
        let (name, rest) = path.split_once('/').unwrap();
        let tag = format!("manifests/{}", named.as_str().replace(':', "-"));
        match (name, rest) {
            ("api", rest) if rest.ends_with("?p=2") => index(&second),
            ("api", _) => Reply::Answer(
                200,
                vec![("content-type", INDEX.to_owned()), ("link", "<?p=2>; rel=next".to_owned())],
                first.clone(),
            ),
            ("tags", rest) if *rest == tag => index(&tagged),
            ("failing", rest) if *rest == tag => Reply::status(500),
            ("down", _) => Reply::status(503),
            _ => Reply::status(404),
        }
    })
    .await;
    let client = client(quick());
    let ask = async |name: &str| {
        let listed = client.referrers(&repository(&server.host(), &format!("acme/{name}")), &subject).await;
        listed.map(|all| all.into_iter().map(|one| one.digest).collect::<Vec<_>>()).map_err(|error| error.kind)
    };
    assert_eq!(ask("api").await, Ok(vec![digest_of("first"), digest_of("second")]));
    assert_eq!(ask("tags").await, Ok(vec![digest_of("tagged")]));
    assert_eq!(ask("neither").await, Ok(vec![]));
    assert_eq!(ask("failing").await, Err(RegistryErrorKind::ServerError { status: 500 }), "a failure is not `none`");
    assert_eq!(ask("down").await, Err(RegistryErrorKind::ServerError { status: 503 }));
}

#[tokio::test]
async fn content_has_the_digest_it_was_asked_for_by_and_no_more_bytes_than_allowed() {
    let server = Faulty::start(|asked| match asked.target.rsplit_once("/acme/web/").unwrap().1.split_once('/') {
        Some(("manifests", _)) => Reply::ok("a manifest"),
        Some(("blobs", _)) => Reply::ok("a blob"),
        _ => Reply::status(404),
    })
    .await;
    let client = client(quick());
    let web = repository(&server.host(), "acme/web");
    assert_eq!(client.manifest(&web, &digest_of("a manifest")).await.unwrap(), b"a manifest");
    assert_eq!(client.blob(&web, &digest_of("a blob"), 6).await.unwrap(), b"a blob");
    let kind = async |digest: &str, limit: usize| client.blob(&web, &digest_of(digest), limit).await.unwrap_err().kind;
    assert_eq!(kind("a blob", 5).await, RegistryErrorKind::TooLarge);
    assert_eq!(kind("another", 100).await, RegistryErrorKind::Malformed);
    let lying = client.manifest(&web, &digest_of("another")).await.unwrap_err();
    assert_eq!(lying.kind, RegistryErrorKind::Malformed);
}
