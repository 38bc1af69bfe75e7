//! Stages, hosts and failures as spans.

use super::*;
use crate::image::Repository;
use crate::port::{CommitId, RegistryError, RegistryErrorKind, RepoError};

type Ids = std::vec::IntoIter<SpanId>;

fn recording() -> Recording<Ids> {
    let ids: Vec<SpanId> = SpanId::from(1).take(500).collect();
    Recording::new(ids.into_iter(), 100).unwrap()
}

fn image(name: &str) -> Repository {
    Repository::parse(name).unwrap()
}

const FINE: End<'_> = End { result: "done", error: None, whole: true };

/// Name, parent's name, beginning, end and error of each span.
fn shown(spans: &[Span]) -> Vec<(String, String, u64, u64, Option<&str>)> {
    let name = |id: Option<SpanId>| spans.iter().find(|span| Some(span.id) == id).map_or("", |span| span.name);
    spans
        .iter()
        .map(|span| (span.name.into(), name(span.parent).into(), span.began, span.ended, span.error.as_deref()))
        .collect()
}

fn fact(span: &Span, wanted: &str) -> Option<Fact> {
    span.facts.iter().find(|(name, _)| *name == wanted).map(|(_, fact)| fact.clone())
}

/// A run up to its plan, which asks two hosts.
fn plan(recording: &mut Recording<Ids>, from: u64) {
    let head = CommitId("c0ffee".to_owned());
    recording.heard(&Event::SnapshotTaken { repository: "x", head: Some(&head) }, from + 10);
    recording.heard(&Event::PoliciesRead { policies: 2 }, from + 20);
    recording.heard(&Event::FilesScanned { files: 9, read: 1, references: 5 }, from + 30);
    recording.heard(&Event::ListingStarted { repositories: 3 }, from + 31);
    let error = RegistryError {
        host: "b.example.com:5000".to_owned(),
        kind: RegistryErrorKind::TimedOut,
        detail: "timed out".to_owned(),
    };
    let (one, two) = (image("a.example.com/x/one"), image("a.example.com/x/two"));
    let three = image("b.example.com:5000/x/three");
    recording.heard(&Event::TagsListed { repository: &one, tags: 3 }, from + 33);
    recording.heard(&Event::ListingFailed { repository: &three, error: &error }, from + 35);
    recording.heard(&Event::TagsListed { repository: &two, tags: 3 }, from + 38);
    recording.heard(&Event::Planned { changes: 1, held: 1 }, from + 40);
}

#[test]
fn a_run_has_its_stages_and_a_plan_its_hosts() {
    let mut recording = recording();
    recording.of("5-1", "https://git.example.com/c.git", Some("main"), &Scope::default());
    plan(&mut recording, 100);
    let commit = CommitId("beef".to_owned());
    recording.heard(&Event::Published { commit: Some(&commit) }, 150);
    recording.heard(&Event::ProposingStarted { proposals: 2 }, 155);
    recording.heard(&Event::HostAsked { host: "a.example.com", requests: 4 }, 190);
    recording.heard(&Event::HostAsked { host: "api.example.com", requests: 3 }, 190);
    let spans = recording.ended(FINE, 200);
    let late = Some("b.example.com:5000 did not answer in time: timed out");
    let rows = [
        ("run", "", 100, 200, None),
        ("snapshot", "run", 100, 110, None),
        ("policies", "run", 110, 120, None),
        ("scan", "run", 120, 130, None),
        ("plan", "run", 130, 140, None),
        ("list", "plan", 131, 138, None),
        ("list", "plan", 131, 135, late),
        ("publish", "run", 140, 150, None),
        ("pull-requests", "run", 155, 200, None),
    ];
    assert_eq!(shown(&spans), rows.map(|(name, parent, a, b, error)| (name.into(), parent.into(), a, b, error)));
    let text = |text: &str| Some(Fact::from(text));
    assert_eq!(fact(&spans[0], "landwaiter.branch"), text("main"));
    assert_eq!(fact(&spans[0], "landwaiter.scope"), text("whole"));
    assert_eq!(fact(&spans[0], "landwaiter.result"), text("done"));
    assert_eq!(fact(&spans[0], "landwaiter.requests"), Some(Fact::Number(7)));
    assert_eq!(fact(&spans[1], "landwaiter.head"), text("c0ffee"));
    assert_eq!(fact(&spans[5], "landwaiter.requests"), Some(Fact::Number(4)));
    assert_eq!(fact(&spans[5], "landwaiter.images.listed"), Some(Fact::Number(2)));
    assert_eq!(fact(&spans[6], "server.address"), text("b.example.com"));
    assert_eq!(fact(&spans[6], "server.port"), Some(Fact::Number(5000)));
    assert_eq!(fact(&spans[7], "landwaiter.commit"), text("beef"));
    assert_eq!(fact(&spans[8], "landwaiter.proposals"), Some(Fact::Number(2)));
}

#[test]
fn what_was_not_written_has_no_span_and_a_narrow_run_says_so() {
    let mut recording = recording();
    let scope = Scope { policies: Some([].into()), images: [image("a.example.com/x/one")].into() };
    recording.of("5-1", "x", None, &scope);
    plan(&mut recording, 100);
    let spans = recording.ended(FINE, 200);
    assert!(spans.iter().all(|span| span.name != "publish" && span.ended <= 200));
    assert_eq!(fact(&spans[0], "landwaiter.scope"), Some("narrow".into()));
    assert_eq!(fact(&spans[0], "landwaiter.scope.images"), Some(Fact::Number(1)));
    assert_eq!(fact(&spans[0], "landwaiter.branch"), None);
}

#[test]
fn a_lost_race_ends_the_writing_and_begins_again() {
    let mut recording = recording();
    plan(&mut recording, 100);
    recording.heard(&Event::BranchMoved { attempt: 1 }, 145);
    plan(&mut recording, 200);
    let error = RepoError { message: "no route".to_owned(), hint: None, retryable: true };
    recording.heard(&Event::WritingFailed { error: &error }, 245);
    let end = End { result: "failed", error: Some("gone"), whole: false };
    let spans = recording.ended(end, 300);
    let failed: Vec<_> = shown(&spans).into_iter().filter(|row| row.4.is_some() && row.0 != "list").collect();
    let rows = [
        ("run", "", 100, 300, Some("gone")),
        ("publish", "run", 140, 145, Some("the branch moved")),
        ("publish", "run", 240, 245, Some("no route")),
        ("snapshot", "run", 245, 300, Some("gone")),
    ];
    assert_eq!(failed, rows.map(|(name, parent, a, b, error)| (name.into(), parent.into(), a, b, error)));
    let mut ids: Vec<String> = spans.iter().map(|span| span.id.to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), spans.len(), "no two spans are alike");
}

#[test]
fn hosts_are_bounded_at_their_edge() {
    for (hosts, spans, nameless) in [(MAX_HOSTS, MAX_HOSTS, 0), (MAX_HOSTS + 2, MAX_HOSTS + 1, 1)] {
        let mut recording = recording();
        recording.heard(&Event::ListingStarted { repositories: hosts }, 105);
        for host in 0..hosts {
            recording
                .heard(&Event::TagsListed { repository: &image(&format!("h{host}.example.com/a/b")), tags: 1 }, 110);
        }
        let all = recording.ended(FINE, 200);
        let lists: Vec<&Span> = all.iter().filter(|span| span.name == "list").collect();
        let others: Vec<&&Span> = lists.iter().filter(|span| fact(span, "server.address").is_none()).collect();
        assert_eq!((lists.len(), others.len()), (spans, nameless));
        assert!(others.iter().all(|span| fact(span, "landwaiter.images.listed") == Some(Fact::Number(2))));
    }
}
