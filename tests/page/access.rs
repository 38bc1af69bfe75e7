//! Who may look, and what is sent to whom: without a browser.

use crate::exchange::{exchange, get};
use crate::world::{World, furnished};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn bare(world: &World) -> String {
    world.repository(
        "config",
        &[("landwaiter.yaml", "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies: []\n".to_owned())],
    )
}

#[test]
fn the_page_has_a_listener_of_its_own_and_answers_to_this_machine_only() {
    let world = furnished();
    assert_eq!(get(world.page, "/").status, 200);
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(get(world.page, path).status, 404, "{path}");
        assert_ne!(get(world.operations, path).status, 404, "{path}");
    }
    for path in ["/", "/api/v1/summary"] {
        assert_eq!(get(world.operations, path).status, 404, "{path}");
        assert_eq!(exchange(world.page, "GET", path, "Host: evil.example.com\r\n", "").status, 421, "{path}");
        assert_eq!(exchange(world.page, "POST", path, "", "x=1").status, 405, "{path}");
    }
    let first = get(world.page, "/");
    let policy = first.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(first.header("cache-control"), Some("private, no-cache"));
    let known = format!("If-None-Match: {}\r\n", first.header("etag").unwrap());
    let again = exchange(world.page, "GET", "/", &known, "");
    assert_eq!((again.status, again.body.len()), (304, 0));
    let head = exchange(world.page, "HEAD", "/", "", "");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert!(head.header("content-length").unwrap().parse::<usize>().unwrap() > 1_000);
}

#[test]
fn the_documents_of_the_api_agree() {
    let world = furnished();
    let summary = get(world.page, "/api/v1/summary").json();
    let references = get(world.page, "/api/v1/references?limit=1000").json();
    assert_eq!(summary["references"], references["total"]);
    assert_eq!(summary["byState"], references["byState"]);
    assert_eq!(summary["branches"], 3);
    assert_eq!(summary["branchesNotLookedAt"], 2);
    assert_eq!(summary["registriesFailing"], 1);
    let rows = references["references"].as_array().unwrap();
    let states: std::collections::BTreeSet<&str> = rows.iter().map(|row| row["state"].as_str().unwrap()).collect();
    assert_eq!(states.into_iter().collect::<Vec<_>>(), ["held", "unmanaged", "up-to-date", "updating"]);
    let row = |file: &str| rows.iter().find(|row| row["file"].as_str().unwrap().starts_with(file)).unwrap();
    assert_eq!(row("apps/cache")["newest"], "7.4.0");
    assert_eq!(row("apps/cache")["reason"], "report-only");
    assert_eq!(row("apps/worker")["reason"], "hold");
    assert_eq!(row("apps/lost")["reason"], "incomplete-information");
    assert_eq!(
        (&row("apps/web/staging")["state"], &row("apps/web/staging")["newest"]),
        (&"updating".into(), &"1.48.0".into())
    );

    // One after the other, the pages are the whole.
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = get(world.page, &format!("/api/v1/references?limit=3&cursor={cursor}")).json();
        seen.extend(page["references"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        cursor = next.to_owned();
    }
    assert_eq!(&seen, rows);

    let image = get(world.page, &format!("/api/v1/images/{}/acme/web", world.host())).json();
    let decision = image["decisions"].as_array().unwrap().iter().find(|one| one["chosen"] == "1.48.0").unwrap();
    let passed = decision["passedOver"].as_array().unwrap();
    assert!(passed.iter().any(|tag| tag["tag"] == "2.0.0" && tag["reason"] == "out-of-range"), "{decision}");
    assert!(
        image["tags"].as_array().unwrap().iter().any(|tag| tag["tag"] == "1.48.0" && tag["how"] == "listed"),
        "{image}"
    );
    assert_eq!(image["updates"].as_array().unwrap().len(), 2, "1.46.0 to 1.47.0, and both to 1.48.0: {image}");

    let registries = get(world.page, "/api/v1/registries").json();
    assert_eq!(
        (&registries["registries"][0]["host"], &registries["registries"][0]["failing"]),
        (&"127.0.0.1:1".into(), &1.into())
    );
    for bad in [
        "references?state=x",
        "references?limit=0",
        "references?limit=1001",
        "references?x=1",
        "runs?cursor=!",
        "summary?x=1",
    ] {
        let answer = get(world.page, &format!("/api/v1/{bad}"));
        assert_eq!(answer.status, 400, "{bad}");
        assert!(answer.json()["error"].as_str().unwrap().len() > 5);
    }
    assert_eq!(get(world.page, "/api/v1/nothing").status, 404);
    assert_eq!(get(world.page, "/api/v2/summary").status, 404);
}

#[test]
fn a_token_opens_and_a_new_one_counts_when_its_file_changes() {
    let mut world = World::new();
    let (bare, file) = (bare(&world), world.write("token", &format!("{TOKEN}\n")));
    world.serve(&format!("[{{path: {bare}}}]"), &format!(", tokenFile: {file}"));
    let with = |token: &str| exchange(world.page, "GET", "/", &format!("Authorization: Bearer {token}\r\n"), "").status;
    let asked = get(world.page, "/");
    assert_eq!(asked.status, 401);
    assert!(asked.head.to_ascii_lowercase().contains("www-authenticate: basic realm="), "{}", asked.head);
    assert!(!asked.text().contains("config"), "{}", asked.text());
    assert_eq!(get(world.page, "/style.css").status, 401);
    assert_eq!((with(TOKEN), with("wrong")), (200, 401));
    let new = "fedcba9876543210fedcba9876543210";
    world.write("token", new);
    world.until("the new token", |_| with(new) == 200);
    assert_eq!(with(TOKEN), 401);
    assert!(!world.log().contains(new) && !world.log().contains(TOKEN));
}

#[test]
fn what_comes_slowly_or_large_is_turned_away() {
    let mut world = World::new();
    let bare = bare(&world);
    world.serve(&format!("[{{path: {bare}}}]"), "");
    // It may be told so, or find nobody to listen any more; it is never answered.
    let large = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX-Large: {}\r\n\r\n", "x".repeat(20_000));
    let mut stream = TcpStream::connect(world.page).unwrap();
    let (_, mut said) = (stream.write_all(large.as_bytes()), Vec::new());
    let _ = stream.read_to_end(&mut said);
    assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 431 "), "{}", String::from_utf8_lossy(&said));
    let long = format!("/?q={}", "x".repeat(5_000));
    assert_eq!(get(world.page, &long).status, 400);

    let mut slow = TcpStream::connect(world.page).unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n").unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let begun = Instant::now();
    let mut rest = Vec::new();
    // Whether it is told or not: the connection ends.
    let _ = slow.read_to_end(&mut rest);
    assert!((Duration::from_secs(5)..Duration::from_secs(20)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
}
