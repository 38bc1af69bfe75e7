//! How registries are asked: how fast, through which mirrors and proxies, and what becomes of everybody else when one host
//! wants to be left alone. Who is held must not depend on who was asked first.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests measure time, start programs and may panic")]

#[path = "support/faulty.rs"]
#[expect(dead_code, reason = "not every test needs every helper")]
mod faulty;
#[path = "support/registry.rs"]
mod support;

use faulty::{Faulty, Reply};
use futures::future::join_all;
use landwaiter::http::{Rate, Watcher, WayOut};
use landwaiter::image::{Repository, Tag};
use landwaiter::port::{Login, Notice, NoticeKind, Registry, RegistryError, RegistryErrorKind, Secret};
use landwaiter::registry::{Client, HostOptions, Mirrors, Options};
use std::collections::BTreeSet;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::{quick, repository};

fn client(options: Options) -> Client {
    Client::new(options).unwrap()
}

fn many(host: &str, count: usize) -> Vec<Repository> {
    (0..count).map(|number| repository(host, &format!("acme/r{number}"))).collect()
}

async fn list_all(client: &Client, images: &[Repository]) -> Vec<Result<Vec<String>, RegistryError>> {
    join_all(images.iter().map(|image| client.tags(image))).await
}

/// The distinct reasons of those that were not listed.
fn reasons(listed: &[Result<Vec<String>, RegistryError>]) -> BTreeSet<String> {
    listed.iter().filter_map(|one| one.as_ref().err().map(ToString::to_string)).collect()
}

fn limited(headers: &[(&'static str, &str)]) -> Reply {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Reply::Answer(429, headers, r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"of yours"}]}"#.to_owned())
}

fn good() -> Reply {
    Reply::page(&["1.0.0"], None)
}

#[tokio::test]
async fn everybody_whom_a_limiting_host_leaves_unanswered_has_the_same_reason() {
    let cases: [(&str, Reply, &str); 3] = [
        ("for an hour", limited(&[("retry-after", "3600")]), "asks to wait 3600 s"),
        ("without a time", limited(&[]), "limits requests (429)"),
        ("for no time", limited(&[("retry-after", "0")]), "limits requests (429)"),
    ];
    for (name, refusal, said) in cases {
        let server = Faulty::start(move |_| refusal.clone()).await;
        let mut options = quick();
        let own = HostOptions { concurrency: Some(2), ..HostOptions::default() };
        options.hosts.insert(server.host(), own);
        let client = client(options);
        let listed = list_all(&client, &many(&server.host(), 200)).await;
        assert!(listed.iter().all(Result::is_err), "{name}");
        let reasons = reasons(&listed);
        assert_eq!(reasons.len(), 1, "{name}: {reasons:?}");
        assert!(reasons.iter().all(|reason| reason.ends_with(said)), "{name}: {reasons:?}");
        assert!(server.asked().len() < 20, "{name}: {} requests", server.asked().len());
        let later = client.tags(&repository(&server.host(), "acme/later")).await.unwrap_err();
        assert_eq!(Some(&later.to_string()), reasons.first(), "{name}: whoever comes later too");
        let told: Vec<Notice> = client.notices();
        let hosts: Vec<&str> = told.iter().map(|notice| notice.host.as_str()).collect();
        assert!(hosts.iter().all(|host| *host == server.host()) && !hosts.is_empty(), "{name}: {told:?}");
    }
}

#[tokio::test]
async fn a_dead_host_is_told_of_once_and_its_images_have_the_same_reason() {
    let dead = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let seen = Arc::new(Mutex::new(Vec::new()));
    let seeing = Arc::clone(&seen);
    let mut options = quick();
    options.watcher = Some(Watcher::new(move |notice| seeing.lock().unwrap().push(notice.clone())));
    let client = client(options);
    let listed = list_all(&client, &many(&dead, 500)).await;
    assert_eq!(reasons(&listed).len(), 1, "{:?}", reasons(&listed));
    let told = client.notices();
    assert!(matches!(&told[..], [Notice { kind: NoticeKind::Down { requests: 3, .. }, .. }]), "{told:?}");
    assert_eq!(*seen.lock().unwrap(), told, "while it happens, and afterwards");
}

#[tokio::test]
async fn a_host_that_asks_to_wait_is_waited_for_more_often_than_it_may_fail() {
    let server = Faulty::start(|asked| if asked.before < 4 { limited(&[("retry-after", "1")]) } else { good() }).await;
    let client = client(quick());
    let started = Instant::now();
    assert!(client.tags(&repository(&server.host(), "acme/web")).await.is_ok());
    assert!(started.elapsed() >= Duration::from_secs(4));
    assert_eq!(client.notices()[0].to_string(), format!("{} asked to wait 1 s", server.host()));

    let server = Faulty::start(|_| limited(&[("retry-after", "1")])).await;
    let mut options = quick();
    options.retry.patience = Duration::from_millis(1_500);
    let error = Client::new(options).unwrap().tags(&repository(&server.host(), "acme/web")).await.unwrap_err();
    assert_eq!(error.kind, RegistryErrorKind::RateLimited { retry_after: Some(Duration::from_secs(1)) });
    assert_eq!(server.asked().len(), 2, "patience has an end");
}

#[tokio::test]
async fn what_a_host_says_is_left_is_heeded_before_it_refuses() {
    let server = Faulty::start(|asked| {
        let left = if asked.target.contains("/r0/") { "0" } else { "900" };
        let headers = vec![("ratelimit-remaining", left.to_owned()), ("ratelimit-reset", "1".to_owned())];
        Reply::Answer(200, headers, r#"{"tags":["1.0.0"]}"#.to_owned())
    })
    .await;
    let client = client(quick());
    let images = many(&server.host(), 3);
    client.tags(&images[0]).await.unwrap();
    let started = Instant::now();
    assert!(list_all(&client, &images[1..]).await.iter().all(Result::is_ok));
    assert!(started.elapsed() >= Duration::from_millis(900), "{:?}", started.elapsed());
    assert!(matches!(client.notices()[0].kind, NoticeKind::AskedToWait { .. }));

    let server = Faulty::start(|asked| {
        let left = 3_usize.saturating_sub(asked.before).to_string();
        let headers = vec![("x-ratelimit-remaining", left), ("x-ratelimit-reset", "1".to_owned())];
        Reply::Answer(200, headers, r#"{"tags":["1.0.0"]}"#.to_owned())
    })
    .await;
    let client = Client::new(quick()).unwrap();
    let image = repository(&server.host(), "acme/web");
    let started = Instant::now();
    for _ in 0..3 {
        client.tags(&image).await.unwrap();
    }
    assert!(started.elapsed() >= Duration::from_millis(250), "{:?}", started.elapsed());
    assert!(matches!(client.notices()[0].kind, NoticeKind::SlowedDown { .. }), "{:?}", client.notices());
}

#[tokio::test]
async fn the_last_pulls_are_left_to_others_and_lists_go_on() {
    let manifest = r#"{"schemaVersion":2,"manifests":[]}"#;
    let server = Faulty::start(move |asked| {
        let headers = |left: usize| {
            vec![("ratelimit-limit", "100;w=21600".to_owned()), ("ratelimit-remaining", format!("{left};w=21600"))]
        };
        if asked.target.contains("/manifests/") { Reply::Answer(200, headers(10), manifest.to_owned()) } else { good() }
    })
    .await;
    let client = client(quick());
    let image = repository(&server.host(), "acme/web");
    let tag = Tag::parse("1.0.0").unwrap();
    assert!(client.metadata(&image, &tag).await.is_ok());
    let error = client.metadata(&image, &tag).await.unwrap_err();
    assert_eq!(error.kind, RegistryErrorKind::RateLimited { retry_after: None });
    assert!(error.to_string().contains("few of its 100 pulls are left"), "{error}");
    assert!(client.tags(&image).await.is_ok());
    assert_eq!(client.notices().len(), 1, "{:?}", client.notices());
    assert_eq!(server.count("/v2/acme/web/manifests/"), 1);
}

#[tokio::test]
async fn the_operator_s_rate_is_kept() {
    let server = Faulty::start(|_| good()).await;
    let mut options = quick();
    let rate = Some(Rate { per_second: 100, burst: 5 });
    options.hosts.insert(server.host(), HostOptions { rate, ..HostOptions::default() });
    let client = client(options);
    let started = Instant::now();
    assert!(list_all(&client, &many(&server.host(), 45)).await.iter().all(Result::is_ok));
    assert!(started.elapsed() >= Duration::from_millis(390), "{:?}", started.elapsed());
}

fn mirrored(scope: &str, targets: &[&Faulty], only: bool) -> Options {
    let targets = targets.iter().map(|target| format!("{}/hub", target.host())).collect();
    let mut options = quick();
    options.retry.attempts = 1;
    options.mirrors.push(Mirrors { scope: scope.to_owned(), targets, only });
    options
}

#[tokio::test]
async fn mirrors_are_asked_in_order_and_then_the_registry_itself() {
    let origin = Faulty::start(|_| Reply::page(&["3.0.0"], None)).await;
    let lacking = Faulty::start(|_| Reply::status(404)).await;
    let broken = Faulty::start(|_| Reply::status(502)).await;
    let mirror = Faulty::start(|_| Reply::page(&["2.0.0"], None)).await;
    let image = repository(&origin.host(), "acme/web");

    let client = client(mirrored(&origin.host(), &[&lacking, &broken, &mirror], false));
    assert_eq!(client.tags(&image).await, Ok(vec!["2.0.0".to_owned()]));
    assert_eq!(mirror.asked()[0].target, "/v2/hub/acme/web/tags/list?n=1000");
    assert_eq!((origin.asked().len(), lacking.asked().len()), (0, 1));
    let counted: Vec<String> = client.requests().into_keys().collect();
    let mut hosts = vec![lacking.host(), broken.host(), mirror.host()];
    hosts.sort();
    assert_eq!(counted, hosts, "the report counts the hosts that were really asked");
    let told: Vec<String> = client.notices().iter().map(ToString::to_string).collect();
    assert_eq!(told, [format!("{} was passed over as a mirror: it failed (502)", broken.host())]);

    let client = Client::new(mirrored(&origin.host(), &[&broken], false)).unwrap();
    assert_eq!(client.tags(&image).await, Ok(vec!["3.0.0".to_owned()]));

    let asked = origin.asked().len();
    let client = Client::new(mirrored(&origin.host(), &[&lacking, &broken], true)).unwrap();
    let error = client.tags(&image).await.unwrap_err();
    assert_eq!(error.kind, RegistryErrorKind::ServerError { status: 502 });
    assert!(error.to_string().contains(&format!("asked before it: {}", lacking.host())), "{error}");
    assert_eq!(origin.asked().len(), asked, "the registry itself is never asked");
}

#[tokio::test]
async fn a_mirror_gets_its_own_login_and_never_that_of_the_registry() {
    let wants = |realm: &'static str| {
        move |asked: &faulty::Asked| {
            if asked.authorization.is_some() { Reply::status(503) } else { Reply::challenge(realm) }
        }
    };
    let origin = Faulty::start(wants("Basic realm=o")).await;
    let mirror = Faulty::start(wants("Basic realm=m")).await;
    let login = |secret: &str| Login { user: Some("joe".to_owned()), secret: Secret::new(secret) };
    let image = repository(&origin.host(), "acme/web");

    let mut options = mirrored(&origin.host(), &[&mirror], false);
    options.credentials.add(&origin.host(), login("origin-secret"), "settings");
    client(options.clone()).tags(&image).await.unwrap_err();
    assert!(mirror.asked().iter().all(|asked| asked.authorization.is_none()), "{:?}", mirror.asked());
    assert!(origin.asked().iter().any(|asked| asked.authorization.is_some()));

    options.credentials.add(&mirror.host(), login("mirror-secret"), "settings");
    client(options).tags(&image).await.unwrap_err();
    let basic = |secret: &str| {
        use base64::Engine as _;
        let pair = format!("joe:{secret}");
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
    };
    let sent = |server: &Faulty| -> BTreeSet<String> {
        server.asked().into_iter().filter_map(|asked| asked.authorization).collect()
    };
    assert_eq!(sent(&mirror), [basic("mirror-secret")].into());
    assert_eq!(sent(&origin), [basic("origin-secret")].into());
}

#[tokio::test]
async fn a_link_without_the_virtual_repository_s_name_stays_in_it() {
    let server = Faulty::start(|asked| match asked.target.as_str() {
        "/v2/virtual/acme/web/tags/list?n=1000" => {
            Reply::page(&["1.0.0"], Some("</v2/acme/web/tags/list?last=1.0.0&n=1000>; rel=\"next\"".to_owned()))
        }
        "/v2/virtual/acme/web/tags/list?last=1.0.0&n=1000" => Reply::page(&["1.1.0"], None),
        _ => Reply::status(404),
    })
    .await;
    let listed = client(quick()).tags(&repository(&server.host(), "virtual/acme/web")).await;
    assert_eq!(listed, Ok(vec!["1.0.0".to_owned(), "1.1.0".to_owned()]));
}

#[tokio::test]
async fn a_list_that_is_cut_off_without_a_link_comes_whole() {
    let all: Vec<String> = (0..2_000).map(|number| format!("1.0.{number:04}")).collect();
    for (name, heeds_last, end) in
        [("an empty page", true, 200), ("not found", true, 404), ("the same page", false, 200)]
    {
        let tags = all.clone();
        let server = Faulty::start(move |asked| {
            let last = asked.target.split_once("last=").map(|(_, last)| last).filter(|_| heeds_last);
            let from = last.map_or(0, |last| tags.iter().position(|tag| tag == last).unwrap() + 1);
            let page: Vec<&str> = tags[from..].iter().take(1_000).map(String::as_str).collect();
            if page.is_empty() && end == 404 { Reply::status(404) } else { Reply::page(&page, None) }
        })
        .await;
        let listed = client(quick()).tags(&repository(&server.host(), "acme/web")).await.unwrap();
        let expected = if heeds_last { &all[..] } else { &all[..1_000] };
        assert_eq!(listed, expected, "{name}");
        assert_eq!(server.asked().len(), if heeds_last { 3 } else { 2 }, "{name}");
    }
}

#[tokio::test]
async fn a_proxy_is_used_where_it_is_said_and_never_for_loopback() {
    let proxy = Faulty::start(|_| Reply::page(&["1.0.0"], None)).await;
    let here = Faulty::start(|_| Reply::page(&["2.0.0"], None)).await;
    let through = WayOut::Proxy(format!("http://{}", proxy.host()).parse().unwrap());
    let plain = |way_out| HostOptions { plain_http: Some(true), way_out, ..HostOptions::default() };
    let far = repository("registry.example.com", "acme/web");

    let mut options = quick();
    options.hosts.insert("registry.example.com".to_owned(), plain(Some(through.clone())));
    assert_eq!(client(options).tags(&far).await, Ok(vec!["1.0.0".to_owned()]));
    let asked = &proxy.asked()[0].target;
    assert_eq!(asked, "http://registry.example.com/v2/acme/web/tags/list?n=1000", "as proxies are asked");

    let mut options = quick();
    options.way_out = through.clone();
    options.retry.attempts = 1;
    options.hosts.insert("registry.example.com".to_owned(), plain(None));
    options.hosts.insert("direct.example.com".to_owned(), plain(Some(WayOut::Direct)));
    let all = client(options);
    assert!(all.tags(&far).await.is_ok());
    assert_eq!(all.tags(&repository(&here.host(), "acme/web")).await, Ok(vec!["2.0.0".to_owned()]));
    let direct = all.tags(&repository("direct.example.com", "acme/web")).await.unwrap_err();
    assert_eq!(direct.kind, RegistryErrorKind::Unreachable, "{direct}");
    assert_eq!(proxy.asked().len(), 2);

    // HTTPS is tunnelled: the proxy sees the host and nothing else.
    let mut options = quick();
    options.way_out = through;
    options.retry.attempts = 1;
    let error = client(options).tags(&repository("secure.example.com", "acme/web")).await.unwrap_err();
    assert_eq!(error.kind, RegistryErrorKind::Unreachable, "{error}");
    let tunnel = proxy.asked().pop().unwrap();
    assert_eq!((tunnel.method.as_str(), tunnel.target.as_str()), ("CONNECT", "secure.example.com:443"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_environment_names_the_proxy_and_who_is_reached_without() {
    let proxy = Faulty::start(|_| Reply::page(&["1.0.0", "1.1.0"], None)).await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "landwaiter.yaml",
        "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n- {name: all, images: ['**'], select: {semver: '*'}}\n",
    );
    write(
        "kustomization.yaml",
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nimages:\n- {name: far.example.com/acme/web, newTag: 1.0.0}\n- {name: near.example.com/acme/web, newTag: 1.0.0}\n",
    );
    write(
        "settings.yaml",
        "apiVersion: landwaiter/v1\nkind: Settings\nlimits: {timeout: 1s}\nregistries:\n- {host: far.example.com, plainHttp: true}\n- {host: near.example.com, plainHttp: true}\n",
    );
    let mut program = Command::new(env!("CARGO_BIN_EXE_landwaiter"));
    program.args(["plan", "--format", "json", "--config", "settings.yaml"]).current_dir(folder.path());
    program.env("DOCKER_CONFIG", folder.path()).env("NO_PROXY", "near.example.com");
    for name in ["http_proxy", "HTTP_PROXY"] {
        program.env(name, format!("http://{}", proxy.host()));
    }
    for name in ["no_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"] {
        program.env_remove(name);
    }
    let output = tokio::task::spawn_blocking(move || program.output().unwrap()).await.unwrap();
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let state = |at: usize| plan["references"][at]["state"].as_str().unwrap().to_owned();
    assert_eq!((state(0), state(1)), ("change".to_owned(), "held".to_owned()), "{plan}");
    let asked: Vec<String> = proxy.asked().into_iter().map(|asked| asked.target).collect();
    assert_eq!(asked, ["http://far.example.com/v2/acme/web/tags/list?n=1000"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_asks_the_mirror_and_keeps_the_name_in_git() {
    let mirror = Faulty::start(|_| Reply::page(&["1.0.0", "1.1.0"], None)).await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "landwaiter.yaml",
        "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n- {name: all, images: ['**'], select: {semver: '*'}}\n",
    );
    let file = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - image: nginx:1.0.0 # ours\n";
    write("pod.yaml", file);
    write(
        "settings.yaml",
        &format!(
            "apiVersion: landwaiter/v1\nkind: Settings\nregistries:\n- {{host: docker.io, mirrors: ['{}/hub'], mirrorsOnly: true}}\n",
            mirror.host()
        ),
    );
    for arguments in [
        &["init", "--quiet"][..],
        &["add", "."],
        &["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", "a"],
    ] {
        assert!(Command::new("git").args(arguments).current_dir(folder.path()).status().unwrap().success());
    }
    let mut program = Command::new(env!("CARGO_BIN_EXE_landwaiter"));
    program.args(["update", "--worktree", "--format", "json", "--config", "settings.yaml"]).current_dir(folder.path());
    program.env("DOCKER_CONFIG", folder.path());
    let output = tokio::task::spawn_blocking(move || program.output().unwrap()).await.unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(std::fs::read_to_string(folder.path().join("pod.yaml")).unwrap(), file.replace("1.0.0", "1.1.0"));
    assert_eq!(report["changes"][0]["image"], "docker.io/library/nginx");
    assert_eq!(report["requests"], serde_json::json!({ mirror.host(): 1 }));
    assert_eq!(report["notices"], serde_json::json!([]));
    assert_eq!(mirror.asked()[0].target, "/v2/hub/library/nginx/tags/list?n=1000");
}

#[tokio::test]
async fn a_registry_at_an_ipv6_address_is_asked() {
    // A machine without IPv6 has no such registry.
    if tokio::net::TcpListener::bind("[::1]:0").await.is_err() {
        return;
    }
    let server = Faulty::start_at("[::1]:0", |_| good()).await;
    let image = repository(&server.host(), "acme/web");
    assert!(image.host().starts_with("[::1]:"), "{image}");
    let client = client(quick());
    assert_eq!(client.tags(&image).await, Ok(vec!["1.0.0".to_owned()]));
    assert_eq!(client.requests().into_keys().collect::<Vec<_>>(), [server.host()]);
}

#[tokio::test]
async fn nothing_is_asked_in_the_clear_unless_that_is_said() {
    // 127.0.0.1 under a name that is not known to be this machine.
    let server = Faulty::start(|_| good()).await;
    let port = server.host().rsplit(':').next().unwrap().to_owned();
    let proxy = Faulty::start(|_| good()).await;
    let mut options = quick();
    options.retry.attempts = 1;
    options.way_out = WayOut::Proxy(format!("http://{}", proxy.host()).parse().unwrap());
    let image = repository(&format!("registry.example.com:{port}"), "acme/web");
    client(options).tags(&image).await.unwrap_err();
    assert!(proxy.asked().iter().all(|asked| asked.method == "CONNECT"), "{:?}", proxy.asked());
    let mut options = quick();
    options.retry.attempts = 1;
    options.hosts.insert(server.host(), HostOptions { plain_http: Some(false), ..HostOptions::default() });
    client(options).tags(&repository(&server.host(), "acme/web")).await.unwrap_err();
    assert!(server.asked().is_empty(), "loopback too, when the operator says so: {:?}", server.asked());
}
