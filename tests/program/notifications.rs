//! Notifications as an operator meets them: real messages over HTTP, told once, kept over restarts and kills, and without secrets
//! anywhere.

use crate::receiver::{Got, Receiver};
use crate::service::{POD, POLICIES, Serving, settle, world};
use crate::world::{World, git};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const PATH: &str = "/hooks/hunter2-secret-path";
const SECRET: &str = "whsec_aHVudGVyMi1odW50ZXIyLWh1bnRlcjItaHVudGVyMg==";
const SECONDS: &str = "'*/2 * * * * *'";

/// A reference that only a person can help: its tag floats.
const FLOATING: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: floating}
spec:
  containers:
    - name: web
      image: reg.example.com/acme/web:latest
";

/// Settings with one receiver; `more` is what it says beside its place.
fn settings(world: &World, bare: &str, receiver: &Receiver, kind: &str, more: &str) -> String {
    let file = world.folder.path().join(format!("{kind}-url"));
    fs::write(&file, format!("{}{PATH}\n", receiver.url())).unwrap();
    fs::write(world.folder.path().join("secret"), SECRET).unwrap();
    format!(
        "repositories: [{{path: {bare}, schedule: {SECONDS}}}]\nservice: {{address: '127.0.0.1:0', page: off, pause: 1s}}\n\
         notifications:\n  failures: {{runs: 1}}\n  receivers:\n    - {{name: it, kind: {kind}, urlFile: {}{more}}}",
        file.display()
    )
}

fn serve(world: &World) -> Serving {
    let state = world.folder.path().join("state").to_string_lossy().into_owned();
    Serving::start(world, &["--state-dir", &state])
}

/// Texts of the news of all messages, in order.
fn news(all: &[Got]) -> Vec<String> {
    let texts = all.iter().flat_map(|got| got.json()["data"]["news"].as_array().unwrap().clone());
    texts.map(|one| format!("{}: {}", one["kind"].as_str().unwrap(), one["text"].as_str().unwrap())).collect()
}

fn commit(world: &World, bare: &str, path: &str, text: &str) {
    let repo = world.repo().to_string_lossy().into_owned();
    git(&repo, &["pull", "--quiet", "--rebase", bare, "main"]);
    world.write(path, text);
    git(&repo, &["add", "--all"]);
    git(&repo, &["commit", "--quiet", "--message=next"]);
    git(&repo, &["push", "--quiet", bare, "HEAD:main"]);
}

fn runs(serving: &Serving, more: usize) {
    let count = serving.lines("run-ended").len() + more;
    serving.until_lines("run-ended", count);
}

#[test]
fn updates_and_holds_are_told_once_also_over_a_restart() {
    let (world, bare) = world(POLICIES);
    commit(&world, &bare, "apps/floating.yaml", FLOATING);
    world.push("acme/web", &["1.1.0", "latest"]);
    let receiver = Receiver::start();
    settle(&world, &settings(&world, &bare, &receiver, "webhook", ""));
    let mut serving = serve(&world);
    receiver.until(1);
    let told = news(&receiver.got());
    assert_eq!(told.len(), 2, "one message for one run: {told:?}");
    assert!(told[0].starts_with("hold: ") && told[0].contains("latest is held (floating-current)"), "{told:?}");
    assert!(
        told[1].starts_with("update: ") && told[1].ends_with("acme/web 1.0.0 -> 1.1.0 in apps/web.yaml"),
        "{told:?}"
    );
    let run = receiver.got()[0].json()["data"]["run"].clone();
    assert_eq!(serving.lines("notification-sent")[0]["run"], run, "the run's id is in the log of its message");
    assert!(serving.lines("committed").iter().any(|line| line["run"] == run));
    runs(&serving, 2);
    serving.signal("-TERM");
    assert_eq!(serving.ended(), Some(0));

    let mut serving = serve(&world);
    runs(&serving, 3);
    assert_eq!(receiver.got().len(), 1, "nothing is told twice: {:?}", news(&receiver.got()));
    // It changes, and is told again.
    world.push("acme/web", &["1.1"]);
    commit(&world, &bare, "apps/floating.yaml", &FLOATING.replace("web:latest", "web:1.1"));
    receiver.until(2);
    let told = news(&receiver.got()[1..]);
    assert!(told.len() == 1 && told[0].contains("1.1 is held (floating-current)"), "{told:?}");
    let (_, metrics) = serving.get("/metrics");
    assert!(metrics.contains("landwaiter_notifications_total{receiver=\"it\",result=\"sent\"} 1"), "{metrics}");
    assert!(metrics.contains("landwaiter_notifications_waiting{receiver=\"it\"} 0"), "{metrics}");
    serving.signal("-TERM");
    assert_eq!(serving.ended(), Some(0));
}

#[test]
fn filters_choose_what_a_receiver_hears() {
    let (world, bare) = world(POLICIES);
    commit(&world, &bare, "apps/floating.yaml", FLOATING);
    world.push("acme/web", &["1.1.0", "latest"]);
    let receiver = Receiver::start();
    let filters = ", events: [update], policies: ['w*'], images: ['127.0.0.1:*/acme/*'], template: '{{ news[0].to }}'";
    let body = settings(&world, &bare, &receiver, "slack", filters);
    // The registry of the test has a port of its own.
    settle(&world, &body.replace("127.0.0.1:*/acme/*", &format!("{}/acme/*", world.registry.host())));
    let serving = serve(&world);
    receiver.until(1);
    let body = receiver.got()[0].json();
    let text = body["blocks"].as_array().unwrap().last().unwrap()["text"]["text"].clone();
    assert_eq!((text.as_str(), body["text"].as_str()), (Some("1.1.0"), Some("1 change committed")));
    runs(&serving, 2);
    assert_eq!(receiver.got().len(), 1);
}

#[test]
fn what_cannot_be_sent_is_sent_later_with_the_same_id_also_after_a_kill() {
    let (world, bare) = world(POLICIES);
    world.push("acme/web", &["1.1.0"]);
    let receiver = Receiver::start();
    receiver.answer(vec![(503, ""), (429, "Retry-After: 1\r\n"), (200, "")]);
    settle(&world, &settings(&world, &bare, &receiver, "webhook", ", secretFile: secret"));
    let serving = serve(&world);
    receiver.until(3);
    let got = receiver.got();
    let ids: Vec<_> = got.iter().map(|one| one.header("webhook-id")).collect();
    assert!(ids[0].starts_with("msg_") && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert!(got.iter().all(|one| one.path == PATH));
    assert_eq!(got[0].body, got[2].body);
    serving.until_lines("notification-sent", 1);
    assert_eq!(serving.lines("notification-retried").len(), 2);
    assert_eq!(serving.lines("notification-retried")[1]["error"], "the receiver answered 429");

    receiver.answer(vec![(500, ""); 100]);
    world.push("acme/web", &["1.2.0"]);
    receiver.until(4);
    serving.signal("-KILL");
    drop(serving);
    let before = receiver.got().len();
    receiver.answer(vec![(200, "")]);
    let serving = serve(&world);
    receiver.until(before + 1);
    let last = receiver.got().pop().unwrap();
    assert!(news(std::slice::from_ref(&last))[0].contains("1.1.0 -> 1.2.0"));
    assert_eq!(last.header("webhook-id"), receiver.got()[3].header("webhook-id"));
    serving.until_lines("notification-sent", 1);
}

#[test]
fn a_slow_receiver_keeps_no_run_waiting_and_the_end_waits_for_what_is_under_way() {
    let (world, bare) = world(POLICIES);
    world.push("acme/web", &["1.1.0"]);
    let receiver = Receiver::start();
    receiver.be_slow(std::time::Duration::from_millis(1_500));
    settle(&world, &settings(&world, &bare, &receiver, "webhook", ""));
    let mut serving = serve(&world);
    serving.until_lines("run-ended", 1);
    receiver.until_asked(1);
    serving.signal("-TERM");
    assert_eq!(serving.ended(), Some(0));
    assert_eq!(receiver.got().len(), 1);
    assert_eq!(serving.lines("notification-sent").len(), 1, "{}", serving.log());

    // One that never answers: runs go on, and the end comes in time.
    receiver.be_slow(std::time::Duration::from_secs(3_600));
    world.push("acme/web", &["1.2.0"]);
    let mut serving = serve(&world);
    receiver.until_asked(2);
    runs(&serving, 2);
    let begun = std::time::Instant::now();
    serving.signal("-TERM");
    assert_eq!(serving.ended(), Some(0));
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}

#[test]
fn failures_refusals_and_recoveries_are_told() {
    let (world, bare) = world(POLICIES);
    world.push("acme/web", &["1.0.0"]);
    let receiver = Receiver::start();
    let good = settings(&world, &bare, &receiver, "webhook", "");
    settle(&world, &good);
    let serving = serve(&world);
    serving.until_lines("run-ended", 1);
    let expect = |count: usize, start: &str| {
        receiver.until(count);
        let told = news(&receiver.got()[count - 1..]);
        assert!(told.len() == 1 && told[0].starts_with(start), "{told:?} and not {start}");
        told[0].clone()
    };
    // Settings.
    settle(&world, "repositories: nonsense");
    expect(1, "settings: new settings are refused, the old ones stay in use: ");
    settle(&world, &good);
    expect(2, "recovery: the settings are accepted again");
    // Policies.
    commit(&world, &bare, "landwaiter.yaml", &POLICIES.replace("semver", "semwer"));
    expect(3, "policies: ");
    runs(&serving, 2);
    commit(&world, &bare, "landwaiter.yaml", POLICIES);
    expect(4, "recovery: the policies of ");
    // The repository.
    let away = format!("{bare}.away");
    fs::rename(&bare, &away).unwrap();
    expect(5, "failure: runs fail, 1 in a row: ");
    fs::rename(&away, &bare).unwrap();
    serving.signal("-HUP");
    expect(6, "recovery: runs of ");
    // A registry.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    commit(&world, &bare, "apps/other.yaml", &POD.replace("reg.example.com/acme/web", &format!("{nobody}/acme/api")));
    let both =
        POLICIES.replace("[reg.example.com/acme/web]", &format!("[reg.example.com/acme/web, {nobody}/acme/api]"));
    commit(&world, &bare, "landwaiter.yaml", &both);
    expect(7, &format!("failure: registry {nobody} cannot be reached"));
    commit(&world, &bare, "apps/other.yaml", "a: 1\n");
    expect(8, &format!("recovery: registry {nobody} answers again"));
    assert_eq!(receiver.got().len(), 8);
}

#[test]
fn no_secret_is_anywhere_and_the_documented_program_verifies() {
    let (world, bare) = world(POLICIES);
    world.push("acme/web", &["1.1.0"]);
    let receiver = Receiver::start();
    receiver.answer(vec![(500, ""), (302, "Location: https://elsewhere.example.com/\r\n"), (200, "")]);
    settle(&world, &settings(&world, &bare, &receiver, "cloudEvents", ", secretFile: secret"));
    let mut serving = serve(&world);
    receiver.until(3);
    serving.until_lines("notification-sent", 1);
    let (_, metrics) = serving.get("/metrics");
    let arguments = fs::read(format!("/proc/{}/cmdline", serving.id())).unwrap();
    let environment = fs::read(format!("/proc/{}/environ", serving.id())).unwrap();
    serving.signal("-TERM");
    assert_eq!(serving.ended(), Some(0));
    let mut seen = vec![serving.log().into_bytes(), metrics.into_bytes(), arguments, environment];
    let state = world.folder.path().join("state/store");
    seen.extend(fs::read_dir(state).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()));
    for text in seen {
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(!text.contains("hunter2") && !text.contains(&SECRET[6..]), "{text}");
    }
    let got = receiver.got().pop().unwrap();
    assert_eq!(got.header("content-type"), "application/cloudevents+json; charset=utf-8");
    verify(&got, SECRET, true);
    verify(&got, "whsec_b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXI=", false);
}

/// Runs the program of `docs/notifications.md` on what was received.
fn verify(got: &Got, secret: &str, good: bool) {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/notifications.md")).unwrap();
    let program = text.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let whole = format!(
        "{program}\nimport json, sys\nasked = json.load(sys.stdin)\n\
         sys.exit(0 if verify(asked['secret'], asked['headers'], asked['body'].encode()) else 1)\n"
    );
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers: serde_json::Map<_, _> =
        names.iter().map(|name| ((*name).to_owned(), got.header(name).into())).collect();
    let asked = serde_json::json!({"secret": secret, "headers": headers, "body": got.body});
    let mut child = Command::new("python3").args(["-c", &whole]).stdin(Stdio::piped()).spawn().unwrap();
    serde_json::to_writer(child.stdin.take().unwrap(), &asked).unwrap();
    assert_eq!(child.wait().unwrap().success(), good);
}

#[test]
fn receivers_can_be_tried_out() {
    let (world, bare) = world(POLICIES);
    let receiver = Receiver::start();
    let settings = settle(&world, &settings(&world, &bare, &receiver, "discord", "")).to_string_lossy().into_owned();
    let try_out = || world.landwaiter(&["serve", "--config", &settings, "--test-notifications"]);
    let said = try_out();
    assert_eq!((said.status, said.out.as_str()), (0, "it: sent\n"), "{}", said.err);
    assert!(receiver.got()[0].json()["embeds"][0]["description"].as_str().unwrap().contains("a test by"));
    receiver.answer(vec![(404, "")]);
    let said = try_out();
    assert_eq!((said.status, said.out.as_str()), (1, "it: not sent: the receiver answered 404\n"), "{}", said.err);
    fs::write(world.folder.path().join("discord-url"), "http://hooks.example.com/hunter2").unwrap();
    let said = try_out();
    let expected = "notifications: it: messages for hooks.example.com would travel unencrypted: its URL is not https";
    assert!(said.status == 1 && said.err.contains(expected) && !said.err.contains("hunter2"), "{}", said.err);
}
