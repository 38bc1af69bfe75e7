//! Every page and document, with what nobody would call an image or a policy in good faith, and with very much of it.

#![expect(clippy::disallowed_methods, reason = "a test may look at the clock")]

use super::*;
use crate::policy::{PolicyName, Reason};
use crate::port::Clock;
use crate::service::page::{MAX_LIMIT, Rules};
use crate::service::picture::{
    Branch, Came, Commit, Hold, Image, Known, Last, Listed, Look, Note, Passed, Problem, PullRequest, Row, Run,
    Skipped, State, TagCame, Update,
};
use crate::service::{Target, Trouble};
use crate::telemetry::RunResult;
use axum::http::{HeaderMap, Uri};
use std::time::Instant;

/// What would do something if it were not escaped.
const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&{{ 7 * 7 }}";

struct Noon;

impl Clock for Noon {
    fn now(&self) -> i64 {
        1_763_633_100
    }
}

fn page(paint: impl FnOnce(&mut Known)) -> Page {
    let picture = Picture::new(Arc::new(Noon));
    picture.paint(paint);
    Page::new(Arc::new(picture))
}

fn ask_with(page: &Page, path: &str, headers: &[(&'static str, &str)]) -> Response<Vec<u8>> {
    let address = "127.0.0.1:8081".parse().unwrap();
    let door = Door::new(Rules { address, token: None, header: None, hosts: Vec::new() });
    let mut map = HeaderMap::new();
    map.insert("host", "localhost".parse().unwrap());
    for (name, value) in headers {
        map.insert(*name, value.parse().unwrap());
    }
    let uri: Uri = path.parse().unwrap();
    respond(page, &door, &Method::GET, &Visitor { peer: [127, 0, 0, 1].into(), uri: &uri, headers: &map })
}

fn ask(page: &Page, path: &str) -> (u16, String) {
    let answer = ask_with(page, path, &[]);
    (answer.status().as_u16(), String::from_utf8(answer.into_body()).unwrap())
}

fn target() -> Target {
    Target { repository: HOSTILE.into(), branch: Some(HOSTILE.into()) }
}

fn row(file: &str, line: usize, state: State) -> Row {
    Row {
        file: file.into(),
        line,
        path: HOSTILE.into(),
        image: Repository::parse("reg.example.com/acme/web").ok(),
        policy: PolicyName::parse("web"),
        current: Some(HOSTILE.into()),
        digest: Some(format!("sha256:{HOSTILE}").into()),
        newest: Some(HOSTILE.into()),
        state,
        reason: Some(Reason::Window),
        detail: Some(HOSTILE.into()),
        url: Some("javascript:alert(3)".into()),
    }
}

/// Every text that comes from outside is hostile.
fn hostile(known: &mut Known) {
    let text = || HOSTILE.to_owned();
    let mut branch = Branch::new(target());
    branch.rows = State::ALL.iter().enumerate().map(|(line, state)| row(HOSTILE, line, *state)).collect();
    branch.rows[1].url = Some("https://forge.example.com/\"><script>".into());
    branch.counts = [1; 5];
    branch.seen = Some(10);
    branch.head = Some(HOSTILE.into());
    branch.last = Some(Last {
        run: HOSTILE.into(),
        ended: 10,
        result: RunResult::Failed,
        error: Some(HOSTILE.into()),
        hint: Some(HOSTILE.into()),
        failures: 2,
        next: Some(20),
    });
    let problem = Problem { file: text(), line: Some(1), error: true, message: text(), hint: Some(text()) };
    branch.problems = Listed { first: vec![problem], total: 2 };
    branch.skipped = Listed { first: vec![Skipped { file: HOSTILE.into(), reason: "x", detail: text() }], total: 2 };
    branch.notes = Listed { first: vec![Note { file: HOSTILE.into(), line: 1, text: text() }], total: 2 };
    let hold = Hold { what: text(), by: text(), reason: text(), until: Some(text()), references: 1 };
    branch.holds = Listed { first: vec![hold], total: 1 };
    known.branches.insert(target(), Arc::new(branch));
    let mut image = Image::default();
    image.looks.push(Look {
        target: target(),
        policy: PolicyName::parse("web").unwrap(),
        choice: text(),
        current: Some(HOSTILE.into()),
        chosen: Some(HOSTILE.into()),
        held: Some((Reason::Window, HOSTILE.into())),
        note: Some(HOSTILE.into()),
        at: 10,
        tags: 3,
        passed_over: vec![Passed { tag: HOSTILE.into(), reason: Reason::Older, detail: HOSTILE.into() }],
        rest: 2,
    });
    image.tags.push_back(TagCame { tag: HOSTILE.into(), at: 10, how: Came::Seen });
    image.updates.push_back(Update {
        at: 20,
        target: target(),
        from: Some(HOSTILE.into()),
        to: HOSTILE.into(),
        places: 2,
        commit: Some(HOSTILE.into()),
        url: Some("javascript:alert(4)".into()),
    });
    let name = Repository::parse("reg.example.com/acme/web").unwrap();
    known.images.insert(name.clone(), Arc::new(image));
    known
        .hosts
        .failing
        .insert(name, crate::service::picture::Failing { since: 1, last: 2, times: 3, error: HOSTILE.into() });
    known.hosts.notices = vec![(HOSTILE.into(), HOSTILE.into())];
    let run = |id: &str| Run {
        id: id.into(),
        target: target(),
        began: 1,
        ended: 2,
        milliseconds: 3,
        result: RunResult::Held,
        references: 4,
        held: 5,
        written: 6,
        commits: vec![Commit { id: HOSTILE.into(), subject: HOSTILE.into(), files: 1 }],
        pull_requests: vec![PullRequest {
            title: HOSTILE.into(),
            url: Some("javascript:alert(5)".into()),
            outcome: "opened",
        }],
        error: Some(HOSTILE.into()),
    };
    known.runs = [run("a"), run("b")].map(Arc::new).into();
    known.under_way.insert(HOSTILE.into(), (target(), 5));
    known.refused = Some((Trouble { message: text(), hint: Some(text()), rejected: true }, 7));
}

const PAGES: [&str; 8] = [
    "/",
    "/?state=pull-request",
    "/images/",
    "/images/reg.example.com/acme/web",
    "/repositories",
    "/runs",
    "/registries",
    "/nowhere",
];

const DOCUMENTS: [&str; 7] = [
    "/api/v1/summary",
    "/api/v1/references",
    "/api/v1/images",
    "/api/v1/images/reg.example.com/acme/web",
    "/api/v1/repositories",
    "/api/v1/runs",
    "/api/v1/registries",
];

#[test]
fn hostile_names_are_texts_on_every_page() {
    let page = page(hostile);
    for path in PAGES {
        let (status, body) = ask(&page, path);
        assert_eq!(status, if path == "/nowhere" { 404 } else { 200 }, "{path}: {body}");
        let lower = body.to_ascii_lowercase();
        for bad in ["<script", "<img", "href=\"javascript", "49</"] {
            assert!(!lower.contains(bad), "{path} has {bad}: {body}");
        }
        assert_eq!(lower.contains("&lt;script&gt;"), path != "/nowhere", "{path}");
    }
    let search = ask(&page, &format!("/?q={}", "%22%3E%3Cscript%3E")).1;
    assert!(!search.contains("<script") && search.contains("&lt;script&gt;"), "{search}");
}

#[test]
fn documents_are_json_that_keeps_every_text() {
    let page = page(hostile);
    for path in DOCUMENTS {
        let (status, body) = ask(&page, path);
        assert_eq!(status, 200, "{path}");
        let read: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(read["version"], 1, "{path}");
    }
    let read: serde_json::Value = serde_json::from_str(&ask(&page, "/api/v1/references").1).unwrap();
    assert_eq!(read["references"][0]["detail"], HOSTILE);
    assert_eq!(read["references"][1]["state"], "pull-request");
    let shown = ask(&page, "/?state=pull-request").1;
    assert!(shown.contains("href=\"https:&#x2f;&#x2f;forge.example.com"), "{shown}");
}

#[test]
fn every_answer_has_the_headers_that_keep_it_here() {
    let page = page(hostile);
    for path in PAGES.iter().chain(&DOCUMENTS).chain(&["/style.css", "/icon.svg", "/?limit=0"]) {
        let answer = ask_with(&page, path, &[]);
        assert_eq!(answer.headers()[CONTENT_SECURITY_POLICY], POLICY, "{path}");
        assert_eq!(answer.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(answer.headers()[CACHE_CONTROL], "private, no-cache");
    }
    let tag = ask_with(&page, "/", &[]).headers()[ETAG].to_str().unwrap().to_owned();
    for (known, status) in
        [(tag.clone(), 304), (format!("\"x\", W/{tag}"), 304), ("*".into(), 304), ("\"x\"".into(), 200)]
    {
        assert_eq!(ask_with(&page, "/", &[("if-none-match", &known)]).status().as_u16(), status, "{known}");
    }
}

#[test]
fn nothing_known_is_said_and_is_no_fault() {
    let empty = page(|_| {});
    for path in PAGES.into_iter().chain(DOCUMENTS).filter(|path| !path.contains("acme") && *path != "/nowhere") {
        assert_eq!(ask(&empty, path).0, 200, "{path}");
    }
    for path in [
        "/images/reg.example.com/acme/web",
        "/images/%zz",
        "/images/..%2f..%2fetc",
        "/api/v1/images/x",
        "/api/",
        "/API/v1",
    ] {
        assert_eq!(ask(&empty, path).0, 404, "{path}");
    }
    let waiting = page(|known| {
        known.branches.insert(target(), Arc::new(Branch::new(target())));
    });
    assert!(ask(&waiting, "/").1.contains("Nothing was looked at yet"));
    assert!(ask(&waiting, "/repositories").1.contains("Not looked at yet."));
}

/// Figures stand in docs/status-page.md; the limits here are far above them, for a debug build on a busy machine.
#[test]
fn ten_thousand_references_are_quick_and_a_page_of_them_small() {
    let page = page(|known| {
        let mut branch = Branch::new(Target { repository: "https://git.example.com/config.git".into(), branch: None });
        let made = |at: usize| Row {
            file: format!("apps/{}/deployment.yaml", at / 4).into(),
            line: at % 4 * 10,
            path: "spec.template.spec.containers[0].image".into(),
            image: Repository::parse(&format!("reg.example.com/acme/app-{}", at % 1_000)).ok(),
            policy: PolicyName::parse(&format!("policy-{}", at % 100)),
            current: Some("1.2.3".into()),
            digest: None,
            newest: Some("1.2.4".into()),
            state: State::ALL[at % 5],
            reason: None,
            detail: Some("would be 1.2.4; none of the policy's windows is open".into()),
            url: None,
        };
        branch.rows = (0..10_000).map(made).collect();
        branch.rows.sort_by(|a, b| a.key().cmp(&b.key()));
        branch.counts = [2_000; 5];
        branch.seen = Some(1);
        known.branches.insert(branch.target.clone(), Arc::new(branch));
    });
    for path in
        ["/", "/?q=app-77", "/?state=held", "/images/", "/api/v1/references", "/api/v1/references?limit=1000&q=app-77"]
    {
        let begun = Instant::now();
        let (status, body) = ask(&page, path);
        let took = begun.elapsed();
        println!("{path}: {took:?}, {} bytes", body.len());
        assert_eq!(status, 200);
        assert!(took.as_secs() < 3, "{path}: {took:?}");
        assert!(body.len() < 200_000, "{path}: {}", body.len());
    }
    let whole: usize = {
        let (mut count, mut cursor) = (0, String::new());
        loop {
            let body = ask(&page, &format!("/api/v1/references?limit={MAX_LIMIT}&cursor={cursor}")).1;
            let read: serde_json::Value = serde_json::from_str(&body).unwrap();
            count += read["references"].as_array().unwrap().len();
            let Some(next) = read["next"].as_str() else { break count };
            cursor = next.to_owned();
        }
    };
    assert_eq!(whole, 10_000);
}
