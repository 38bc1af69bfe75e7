//! Requests as they are answered, without a network: what is passed on, what is refused, and what is told of it.

use super::*;
use crate::port::Secret;
use crate::service::Look;
use crate::telemetry::LogFormat;
use crate::webhook::Lock;
use std::io::Write;
use std::num::NonZeroU32;

const TOKEN: &str = "a-token-that-nobody-may-see";
const PATH: &str = "a-path-that-nobody-may-see-0123456789";
const IMAGE: &str = r#"{"image":"reg.example.com/acme/web:9.9.9"}"#;

struct Noon;

impl Clock for Noon {
    fn now(&self) -> i64 {
        1_763_640_000
    }
}

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Scene {
    hooks: Arc<Hooks>,
    paper: Paper,
    metrics: Arc<Metrics>,
}

fn receiver(name: &str, kind: WebhookKind, lock: Lock) -> Receiver {
    let rate = NonZeroU32::new(1_000).unwrap();
    Receiver { name: name.to_owned(), kind, lock, registry: None, url: None, rate, open: false }
}

impl Scene {
    fn new(receivers: Vec<Receiver>) -> Scene {
        let (paper, metrics) = (Paper::default(), Arc::new(Metrics::default()));
        let log = Log::new(LogFormat::Json, Arc::new(Noon), paper.clone());
        let hooks = Arc::new(Hooks::new(log, metrics.clone(), Arc::new(Noon)));
        let receivers = receivers.into_iter().map(Arc::new).collect();
        let installed = Installed { hooks: hooks.clone(), address: None, receivers };
        let names =
            ["https://git.example.com/acme/config.git", "ssh://git@git.example.com/acme/other", "/srv/config.git"];
        let targets = names.map(|name| Target { repository: name.to_owned(), branch: None });
        installed.settings_read(&targets.iter().collect::<Vec<_>>(), None, 0);
        Scene { hooks, paper, metrics }
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.hooks.answer(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> u16 {
        self.ask("POST", path, headers, body).await.status().as_u16()
    }

    fn said(&self) -> String {
        String::from_utf8(self.paper.0.lock().unwrap().clone()).unwrap() + &self.metrics.render()
    }

    async fn looks(&self) -> Vec<String> {
        let taken = tokio::time::timeout(Duration::from_millis(50), self.hooks.pending.take()).await;
        let Ok(Taken::Looks(looks)) = taken else { return Vec::new() };
        let word = |look: Look| match look {
            Look::Image(image) => image.to_string(),
            Look::Config { repository, branch } => format!("{repository} @{}", branch.unwrap_or_default()),
        };
        looks.into_iter().map(word).collect()
    }
}

fn with_token(kind: WebhookKind) -> Receiver {
    receiver("ci", kind, Lock::open(kind).with_token(&Secret::new(TOKEN)).unwrap())
}

#[tokio::test]
async fn who_may_send_is_heard_and_nobody_else() {
    let hub = Lock::open(WebhookKind::DockerHub).at_path(&Secret::new(PATH)).unwrap();
    let scene = Scene::new(vec![with_token(WebhookKind::Generic), receiver("hub", WebhookKind::DockerHub, hub)]);
    let bearer = format!("Bearer {TOKEN}");
    let good = [("authorization", bearer.as_str())];
    let pushed = r#"{"repository":{"repo_name":"acme/web"}}"#;
    for (method, path, headers, body, status) in [
        ("POST", "/webhooks/ci", &good[..], IMAGE, 202),
        ("POST", "/webhooks/ci", &[], IMAGE, 401),
        ("POST", "/webhooks/ci", &[("authorization", "Bearer x")], IMAGE, 401),
        ("POST", "/webhooks/ci", &good, "{\"zen\":1}", 202),
        ("POST", "/webhooks/ci", &good, "no json", 400),
        ("GET", "/webhooks/ci", &good, "", 404),
        ("OPTIONS", "/webhooks/ci", &good, "", 404),
        ("POST", "/webhooks/", &good, IMAGE, 404),
        ("POST", "/webhooks/other", &good, IMAGE, 404),
        ("POST", "/ci", &good, IMAGE, 404),
        ("POST", "/webhooks/ci/", &good, IMAGE, 404),
        ("POST", "/webhooks/hub", &good, pushed, 404),
        ("POST", &format!("/webhooks/{PATH}"), &[], pushed, 202),
        ("POST", &format!("/webhooks/{PATH}x"), &[], pushed, 404),
        ("POST", &format!("/webhooks/{}", &PATH[..PATH.len() - 1]), &[], pushed, 404),
    ] {
        let answer = scene.ask(method, path, headers, body).await;
        assert_eq!(answer.status().as_u16(), status, "{method} {path} {body}");
        let text = axum::body::to_bytes(answer.into_body(), 1_000).await.unwrap();
        assert!(text.is_empty(), "no detail");
    }
    assert_eq!(scene.looks().await, ["docker.io/acme/web", "reg.example.com/acme/web"]);
    let said = scene.said();
    for secret in [TOKEN, PATH, "9.9.9", &PATH[..20]] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
    for line in [
        "landwaiter_webhook_requests_total{receiver=\"ci\",result=\"accepted\"} 1",
        "landwaiter_webhook_requests_total{receiver=\"ci\",result=\"ignored\"} 1",
        "landwaiter_webhook_requests_total{receiver=\"ci\",result=\"malformed\"} 1",
        "landwaiter_webhook_requests_total{receiver=\"ci\",result=\"unauthenticated\"} 2",
        "landwaiter_webhook_requests_total{receiver=\"hub\",result=\"accepted\"} 1",
        "landwaiter_webhook_requests_total{receiver=\"\",result=\"unknown\"} 7",
    ] {
        assert!(said.lines().any(|found| found == line), "{line} is not in\n{said}");
    }
}

#[tokio::test]
async fn repositories_are_those_of_the_settings_or_none() {
    let mut limited = with_token(WebhookKind::Generic);
    limited.url = Some("https://git.example.com/acme/config".parse().unwrap());
    let bearer = format!("Bearer {TOKEN}");
    let header = [("authorization", bearer.as_str())];
    for (url, all, within) in [
        ("git@git.example.com:acme/config.git", Some("https://git.example.com/acme/config.git @main"), true),
        ("https://git.example.com/acme/other.git", Some("ssh://git@git.example.com/acme/other @main"), false),
        ("/srv/config.git", Some("/srv/config.git @main"), false),
        ("/srv/config", None, false),
        ("https://evil.example/acme/config.git", None, false),
        ("https://git.example.com/acme/unknown", None, false),
    ] {
        let body = format!(r#"{{"repository":"{url}","branch":"main"}}"#);
        let scene = Scene::new(vec![with_token(WebhookKind::Generic)]);
        assert_eq!(scene.post("/webhooks/ci", &header, &body).await, 202);
        assert_eq!(scene.looks().await.first().map(String::as_str), all, "{url}");
        let mut receiver = with_token(WebhookKind::Generic);
        receiver.url = limited.url.clone();
        let scene = Scene::new(vec![receiver]);
        scene.post("/webhooks/ci", &header, &body).await;
        assert_eq!(scene.looks().await.is_empty(), !within, "{url}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_receiver_has_its_share_and_a_stranger_does_not_use_it_up() {
    let mut small = with_token(WebhookKind::Generic);
    small.rate = NonZeroU32::new(3).unwrap();
    let scene = Scene::new(vec![small]);
    let bearer = format!("Bearer {TOKEN}");
    let good = [("authorization", bearer.as_str())];
    for _ in 0..100 {
        assert_eq!(scene.post("/webhooks/ci", &[], IMAGE).await, 401);
    }
    for _ in 0..6 {
        assert_eq!(scene.post("/webhooks/ci", &good, IMAGE).await, 202);
    }
    let refused = scene.ask("POST", "/webhooks/ci", &good, IMAGE).await;
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (429, "1"));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(scene.post("/webhooks/ci", &good, IMAGE).await, 202);
    assert_eq!(scene.said().lines().filter(|line| line.contains("webhook-")).count(), 3, "{}", scene.said());
}

#[tokio::test]
async fn a_registry_that_wants_an_answer_first_gets_it() {
    let scene = Scene::new(vec![with_token(WebhookKind::Acr)]);
    let bearer = format!("Bearer {TOKEN}");
    let good = ("authorization", bearer.as_str());
    let body = r#"[{"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"512d38b6-c7b8"}}]"#;
    let answer = scene.ask("POST", "/webhooks/ci", &[good], body).await;
    assert_eq!(answer.status().as_u16(), 200);
    let text = axum::body::to_bytes(answer.into_body(), 1_000).await.unwrap();
    assert_eq!(&text[..], br#"{"validationResponse":"512d38b6-c7b8"}"#);

    let origin = ("webhook-request-origin", "eventgrid.azure.net");
    let answer = scene.ask("OPTIONS", "/webhooks/ci", &[good, origin], "").await;
    assert_eq!(answer.headers()["webhook-allowed-origin"], "eventgrid.azure.net");
    assert_eq!(scene.ask("OPTIONS", "/webhooks/ci", &[origin], "").await.status().as_u16(), 401);
    let odd = ("webhook-request-origin", "<x>");
    assert_eq!(scene.ask("OPTIONS", "/webhooks/ci", &[good, odd], "").await.status().as_u16(), 400);
}

#[tokio::test]
async fn events_are_handed_on_and_an_order_to_stop_finds_a_place() {
    let scene = Scene::new(Vec::new());
    let (sender, mut orders) = mpsc::channel(16);
    let image =
        |number: usize| Look::Image(crate::image::Repository::parse(&format!("reg.example.com/{number}")).unwrap());
    scene.hooks.pending.add((0..100).map(image).collect());
    let hooks = scene.hooks.clone();
    let handing = async { tokio::time::timeout(Duration::from_millis(200), hooks.hand_on(sender.clone())).await };
    assert!(handing.await.is_err(), "it waits for the service");
    assert_eq!(orders.len(), 16 - LEFT_FREE);
    assert!(sender.try_send(Order::Stop).is_ok());
    while orders.try_recv().is_ok() {}

    scene.hooks.pending.add((0..pending::MAX_PENDING + 1).map(image).collect());
    drop(tokio::time::timeout(Duration::from_millis(200), hooks.hand_on(sender)).await);
    let names: Vec<String> = std::iter::from_fn(|| orders.try_recv().ok())
        .map(|order| match order {
            Order::Look(Look::Config { repository, branch: None }) => repository,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(names.len(), 3, "everything is looked at: {names:?}");
}

#[tokio::test]
async fn settings_that_are_refused_install_nothing() {
    let scene = Scene::new(vec![with_token(WebhookKind::Generic)]);
    let installed = Installed { hooks: scene.hooks.clone(), address: None, receivers: Vec::new() };
    let trouble = Trouble { message: "no".to_owned(), hint: None, rejected: true };
    installed.settings_read(&[], Some(&trouble), 0);
    assert_eq!(scene.post("/webhooks/ci", &[], IMAGE).await, 401, "it is still there");
    let mut open = receiver("open", WebhookKind::Generic, Lock::open(WebhookKind::Generic));
    open.open = true;
    let address = Some("127.0.0.1:1".parse().unwrap());
    let installed = Installed { hooks: scene.hooks.clone(), address, receivers: vec![Arc::new(open)] };
    installed.settings_read(&[], None, 0);
    assert_eq!(scene.post("/webhooks/ci", &[], IMAGE).await, 404);
    assert_eq!(scene.post("/webhooks/open", &[], IMAGE).await, 202);
    let said = scene.said();
    assert!(said.contains("webhook-open") && said.contains("address-unchanged"), "{said}");
}
