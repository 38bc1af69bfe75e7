//! Traces as an operator meets them: real runs, a collector over HTTP, and the protocol's own definitions to judge what it got.

use crate::python;
use crate::receiver::{Got, Receiver};
use crate::service::{POLICIES, Serving, image, settle, world};
use crate::world::{World, git};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const SECRET: &str = "hunter2-of-the-collector";
const SECONDS: &str = "'*/2 * * * * *'";

/// Settings that send traces to `endpoint`, with a secret header.
fn settings(world: &World, bare: &str, endpoint: &str) -> String {
    let file = world.folder.path().join("otlp-headers");
    fs::write(&file, format!("Authorization: Bearer {SECRET}\n")).unwrap();
    format!(
        "repositories: [{{path: {bare}, schedule: {SECONDS}}}]\nservice: {{address: '127.0.0.1:0', page: off, pause: 1s}}\n\
         telemetry: {{otlp: {{endpoint: '{endpoint}', headersFile: otlp-headers, serviceName: landwaiter-test}}}}"
    )
}

/// The same, looked at once.
fn once(world: &World, variables: &[(&str, &str)]) -> crate::world::Said {
    let settings = crate::service::settings_file(world).to_string_lossy().into_owned();
    let mut command = world.command(&["serve", "--config", &settings, "--once", "--log-format", "json"]);
    let output = command.envs(variables.iter().copied()).current_dir("/").output().unwrap();
    world.said(output)
}

/// All spans of all requests, as they were sent.
fn spans(all: &[Got]) -> Vec<Value> {
    let of = |got: &Got| got.json()["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone();
    all.iter().flat_map(of).collect()
}

fn number(value: &Value) -> u64 {
    value.as_str().unwrap().parse().unwrap()
}

fn fact(span: &Value, key: &str) -> Value {
    let found = span["attributes"].as_array().unwrap().iter().find(|one| one["key"] == key);
    let value = found.map(|one| one["value"].as_object().unwrap().values().next().unwrap().clone());
    value.unwrap_or_default()
}

fn named<'a>(spans: &'a [Value], name: &str) -> &'a Value {
    spans.iter().find(|span| span["name"] == name).unwrap_or_else(|| panic!("no {name} in {spans:#?}"))
}

fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}

fn events(log: &str, event: &str) -> Vec<Value> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["event"] == event).collect()
}

/// Nobody but the collector sees the secret.
fn is_kept(text: &str) {
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_run_is_one_trace_with_its_stages_in_it() {
    let (world, bare) = world(POLICIES);
    world.push("acme/web", &["1.1.0"]);
    let receiver = Receiver::start();
    settle(&world, &settings(&world, &bare, &receiver.url()));
    let (before, asked) = (now(), world.registry.requests());
    let said = once(&world, &[]);
    assert_eq!(said.status, 0, "{}", said.err);
    assert_eq!(image(&bare), "1.1.0");
    is_kept(&said.err);

    let got = receiver.got();
    assert_eq!((got.len(), got[0].path.as_str()), (1, "/v1/traces"));
    assert_eq!(got[0].header("content-type"), "application/json");
    assert_eq!(got[0].header("authorization"), format!("Bearer {SECRET}"));
    is_kept(&got[0].body);
    let resource = &got[0].json()["resourceSpans"][0]["resource"];
    assert_eq!(fact(resource, "service.name"), "landwaiter-test");
    assert_eq!(fact(resource, "service.version"), env!("CARGO_PKG_VERSION"));

    let all = spans(&got);
    let names: Vec<&str> = all.iter().map(|span| span["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["run", "snapshot", "policies", "scan", "plan", "list", "publish"]);
    let run = named(&all, "run");
    assert!(run.get("parentSpanId").is_none());
    for span in &all[1..] {
        let parent = if span["name"] == "list" { named(&all, "plan") } else { run };
        assert_eq!(span["parentSpanId"], parent["spanId"], "{span}");
        assert_eq!(span["traceId"], run["traceId"]);
        assert!(number(&span["startTimeUnixNano"]) >= number(&parent["startTimeUnixNano"]), "{span}");
        assert!(number(&span["endTimeUnixNano"]) <= number(&parent["endTimeUnixNano"]), "{span}");
        assert!(number(&span["startTimeUnixNano"]) <= number(&span["endTimeUnixNano"]), "{span}");
    }
    let stages = ["snapshot", "policies", "scan", "plan", "publish"].map(|name| named(&all, name));
    for pair in stages.windows(2) {
        assert_eq!(pair[0]["endTimeUnixNano"], pair[1]["startTimeUnixNano"], "one after the other");
    }
    assert!(number(&run["startTimeUnixNano"]) >= before && number(&run["endTimeUnixNano"]) <= now());

    let line = &events(&said.err, "run-ended")[0];
    assert_eq!(line["trace_id"], run["traceId"], "the log names the trace: {line}");
    assert_eq!((line["run"].clone(), line["result"].clone()), (fact(run, "landwaiter.run"), "done".into()));
    assert!(events(&said.err, "run-started")[0]["trace_id"] == run["traceId"]);
    assert_eq!(fact(run, "landwaiter.repository").as_str().unwrap(), bare);
    assert_eq!((fact(run, "landwaiter.result"), fact(run, "landwaiter.scope")), ("done".into(), "whole".into()));
    let sent = (world.registry.requests() - asked).to_string();
    assert!(sent != "0" && fact(named(&all, "list"), "landwaiter.requests") == sent.as_str(), "{sent}: {all:#?}");
    assert_eq!(fact(named(&all, "list"), "server.address"), "127.0.0.1");
    assert_eq!(fact(named(&all, "list"), "landwaiter.images.listed"), "1");
    assert_eq!(fact(named(&all, "plan"), "landwaiter.changes"), "1");
    let head = git(&bare, &["rev-parse", "main"]);
    assert_eq!(fact(named(&all, "publish"), "landwaiter.commit"), head.as_str());
}

/// A failed run, a registry that does not answer and a run that writes: judged by `opentelemetry-proto`.
#[test]
fn what_is_sent_is_what_the_protocol_defines() {
    let Some(interpreter) = python::interpreter() else { return };
    let (world, bare) = world(POLICIES);
    world.push("acme/web", &["1.1.0"]);
    let receiver = Receiver::start();
    let broken = POLICIES.replace("reg.example.com/acme/web", "127.0.0.1:1/acme/gone");
    let pod = crate::service::POD.replace("reg.example.com/acme/web", "127.0.0.1:1/acme/gone");
    let repo = world.repo().to_string_lossy().into_owned();
    git(&repo, &["checkout", "--quiet", "-b", "dead"]);
    world.write("landwaiter.yaml", &broken);
    world.write("apps/web.yaml", &pod);
    git(&repo, &["commit", "--quiet", "--all", "--message=dead"]);
    git(&repo, &["push", "--quiet", &bare, "dead"]);
    let gone = world.folder.path().join("gone.git");
    let body = settings(&world, &bare, &receiver.url());
    let more = format!("{{path: {}}}, {{path: {bare}, branches: [main, dead],", gone.display());
    settle(&world, &body.replace(&format!("{{path: {bare},"), &more));
    let said = once(&world, &[]);
    assert_eq!(said.status, 1, "{}", said.err);

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traces/official.py");
    let mut child = Command::new(interpreter).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines: String = receiver.got().iter().map(|got| format!("{}\n", got.body)).collect();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let all: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(all.len(), spans(&receiver.got()).len());
    let traces: BTreeSet<&str> = all.iter().map(|span| span["trace"].as_str().unwrap()).collect();
    let ids: BTreeSet<&str> = all.iter().map(|span| span["id"].as_str().unwrap()).collect();
    assert_eq!((traces.len(), ids.len()), (3, all.len()));

    let result = |span: &Value| span["facts"]["landwaiter.result"].clone();
    let of = |result_of: &str| -> Vec<&Value> {
        let root = all.iter().find(|span| span["name"] == "run" && result(span) == result_of).unwrap();
        all.iter().filter(|span| span["trace"] == root["trace"]).collect()
    };
    let row = |span: &Value| (span["name"].as_str().unwrap().to_owned(), span["kind"].clone(), span["code"].clone());
    // SPAN_KIND_INTERNAL and SPAN_KIND_CLIENT; STATUS_CODE_UNSET and STATUS_CODE_ERROR.
    let (internal, client, unset, error) = (json!(1), json!(3), json!(0), json!(2));
    let fine = |name: &str| (name.to_owned(), internal.clone(), unset.clone());
    let start = ["run", "snapshot", "policies", "scan", "plan"].map(fine).to_vec();
    let rows = |spans: &[&Value]| spans.iter().map(|span| row(span)).collect::<Vec<_>>();
    let done = [("list".to_owned(), client.clone(), unset.clone()), fine("publish")];
    assert_eq!(rows(&of("done")), [start.clone(), done.to_vec()].concat());
    // A registry that is gone holds its images back; nothing is written.
    let held = of("held");
    assert_eq!(rows(&held), [start, vec![("list".to_owned(), client, error.clone())]].concat());
    assert!(held[5]["message"].as_str().unwrap().starts_with("127.0.0.1:1 "), "{}", held[5]);
    assert_eq!(
        (&held[5]["facts"]["server.port"], &held[5]["facts"]["landwaiter.images.failed"]),
        (&json!(1), &json!(1))
    );
    let failed = of("failed");
    let bad = |name: &str| (name.to_owned(), internal.clone(), error.clone());
    assert_eq!(rows(&failed), [bad("run"), bad("snapshot")]);
    let line = events(&said.err, "run-ended").into_iter().find(|line| line["result"] == "failed").unwrap();
    assert_eq!(failed[0]["message"], line["error"], "the status says what the log says");
    for span in &all {
        assert!(span["began"].as_u64() <= span["ended"].as_u64());
        assert_eq!((&span["service"], &span["scope"]), (&json!("landwaiter-test"), &json!("landwaiter")));
        let parent = all.iter().find(|other| other["id"] == span["parent"]);
        assert_eq!(parent.is_none(), span["name"] == "run");
        assert!(parent.is_none_or(|parent| parent["trace"] == span["trace"]));
    }
}

#[test]
fn a_collector_that_fails_for_a_while_gets_the_same_later_and_what_it_rejects_is_told() {
    let (world, bare) = world(POLICIES);
    let receiver = Receiver::start();
    receiver.answer(vec![(503, ""), (429, "Retry-After: 1\r\n")]);
    receiver.say(r#"{"partialSuccess": {"rejectedSpans": "1", "errorMessage": "too old; sent as Bearer hunter2-of-the-collector"}}"#);
    settle(&world, &settings(&world, &bare, &receiver.url()));
    let mut serving = Serving::start(&world, &[]);
    receiver.until(3);
    let got = receiver.got();
    assert!(got[0].body == got[1].body && got[1].body == got[2].body, "the same is sent again");
    serving.until_lines("traces-rejected", 1);
    let rejected = &serving.lines("traces-rejected")[0];
    assert!(
        rejected["spans"] == 1 && rejected["error"].as_str().unwrap().starts_with("too old; sent as "),
        "{rejected}"
    );
    assert_eq!((serving.lines("traces-failing").len(), serving.lines("traces-recovered").len()), (1, 1));
    assert_eq!(serving.lines("traces-failing")[0]["error"], "the collector answered 503");
    let (_, metrics) = serving.get("/metrics");
    let count = spans(&got[..1]).len() - 1;
    assert!(metrics.contains(&format!("landwaiter_spans_total{{result=\"sent\"}} {count}")), "{metrics}");
    assert!(metrics.contains("landwaiter_spans_total{result=\"rejected\"} 1"), "{metrics}");
    is_kept(&metrics);

    // What was not sent yet when it is told to stop is sent then.
    receiver.say("");
    let before = receiver.got().len();
    let runs = serving.lines("run-ended").len();
    serving.until_lines("run-ended", runs + 1);
    serving.signal("-TERM");
    assert_eq!(serving.ended(), Some(0));
    assert!(receiver.got().len() > before);
    let traces: Vec<Value> = spans(&receiver.got()).iter().map(|span| span["traceId"].clone()).collect();
    for line in serving.lines("run-ended") {
        assert!(traces.contains(&line["trace_id"]), "a run without its trace: {line}");
    }
    is_kept(&serving.log());
}

#[test]
fn a_dead_collector_disturbs_no_run_and_no_end() {
    let (world, bare) = world(POLICIES);
    // One that nobody listens at, and one that takes what it gets and never answers.
    let silent = Receiver::start();
    silent.be_slow(Duration::from_secs(120));
    for (place, endpoint) in ["http://127.0.0.1:1".to_owned(), silent.url()].into_iter().enumerate() {
        settle(&world, &settings(&world, &bare, &endpoint));
        let mut serving = Serving::start(&world, &[]);
        serving.until_lines("run-ended", 2);
        let tag = format!("1.{}.0", place + 1);
        world.push("acme/web", &[&tag]);
        serving.until("the new tag", || image(&bare) == tag);
        let trouble = match place {
            0 => {
                serving.until_lines("traces-failing", 1);
                serving.until_lines("run-ended", 6);
                assert_eq!(serving.lines("traces-failing").len(), 1, "told once");
                "127.0.0.1:1 cannot be reached"
            }
            _ => {
                silent.until_asked(1);
                "the service stopped before they were sent"
            }
        };
        assert!(serving.lines("run-ended").iter().all(|line| line["result"] == "done"));
        serving.signal("-TERM");
        let stopped = Instant::now();
        assert_eq!(serving.ended(), Some(0));
        assert!(stopped.elapsed() < Duration::from_secs(10), "{:?}", stopped.elapsed());
        let dropped = serving.lines("traces-dropped");
        assert!(dropped.len() == 1 && dropped[0]["error"].as_str().unwrap().contains(trouble), "{dropped:?}");
        is_kept(&serving.log());
    }
}

#[test]
fn the_environment_is_asked_where_the_settings_say_nothing() {
    let (world, bare) = world(POLICIES);
    let (one, two) = (Receiver::start(), Receiver::start());
    let plain = format!("repositories: [{{path: {bare}}}]");
    settle(&world, &plain);
    assert_eq!(once(&world, &[]).status, 0);
    let (base, whole) = (one.url(), format!("{}/own/path", two.url()));
    let headers = format!("authorization=Bearer%20{SECRET},x-tenant=acme");
    let all = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", base.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", &headers),
        ("OTEL_SERVICE_NAME", "of-the-environment"),
    ];
    let said = once(&world, &all);
    assert_eq!((said.status, one.got().len()), (0, 1), "{}", said.err);
    let got = &one.got()[0];
    assert_eq!((got.path.as_str(), got.header("x-tenant")), ("/v1/traces", "acme".to_owned()));
    assert_eq!(got.header("authorization"), format!("Bearer {SECRET}"));
    assert_eq!(fact(&got.json()["resourceSpans"][0]["resource"], "service.name"), "of-the-environment");
    is_kept(&said.err);

    let more = [&all[..], &[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", whole.as_str())]].concat();
    assert_eq!(once(&world, &more).status, 0);
    assert_eq!((one.got().len(), two.got().len(), two.got()[0].path.as_str()), (1, 1, "/own/path"));

    // The settings win, key by key; none are recorded with a ratio of 0.
    settle(&world, &format!("{plain}\ntelemetry: {{otlp: {{serviceName: mine}}}}"));
    assert_eq!(once(&world, &all).status, 0);
    assert_eq!(fact(&one.got()[1].json()["resourceSpans"][0]["resource"], "service.name"), "mine");
    settle(&world, &format!("{plain}\ntelemetry: {{otlp: {{ratio: 0}}}}"));
    let said = once(&world, &all);
    assert_eq!((said.status, one.got().len()), (0, 2));
    assert!(events(&said.err, "run-ended")[0].get("trace_id").is_none());

    // What is wrong in the environment may be meant for others; what the settings ask for must be possible.
    for (name, value) in
        [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://hunter2.example.com:4318"), ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2")]
    {
        settle(&world, &plain);
        let said = once(&world, &[&all[..2], &[(name, value)]].concat());
        let off = events(&said.err, "traces-off");
        assert!(said.status == 0 && off.len() == 1 && off[0]["error"].is_string(), "{}", said.err);
        is_kept(&said.err);
    }
    settle(&world, &format!("{plain}\ntelemetry: {{otlp: {{}}}}"));
    let said = once(&world, &[]);
    assert!(said.status == 1 && said.err.contains("names no endpoint"), "{} {}", said.status, said.err);
    settle(&world, &settings(&world, &bare, &one.url()));
    fs::write(world.folder.path().join("otlp-headers"), "hunter2").unwrap();
    let said = once(&world, &[]);
    assert!(said.status == 1 && said.err.contains("line 1 is no header"), "{} {}", said.status, said.err);
    is_kept(&said.err);
}
