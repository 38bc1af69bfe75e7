//! What bodies say, what they leave out, and what cannot get into them.

use super::*;
use crate::edit::{Action, Target};
use crate::image::{Digest, Platform, RunConfig, Tag};
use crate::plan::Found;
use crate::policy::{PolicyName, Reason};
use crate::site;

fn plan(changes: &[(&str, &str, &str)]) -> Plan {
    let entries = changes.iter().enumerate().map(|(at, (image, from, to))| {
        let text = format!("image: {image}:{from}\n");
        let reference = site::scan("values.yaml", text.as_bytes()).references.remove(0);
        Entry {
            image: reference.repository.clone(),
            found: Found { file: format!("apps/{at}/values.yaml").into(), blob: None, reference: Box::new(reference) },
            policy: PolicyName::parse("web"),
            state: State::Change(Change {
                action: Action::Update,
                to: Target { tag: Tag::parse(to).ok(), ..Target::default() },
                group: "policy/web".into(),
                pull_request: true,
            }),
        }
    });
    Plan { entries: entries.collect(), ..Plan::default() }
}

fn text(plan: &Plan, facts: &BTreeMap<(Repository, String, String), ImageFacts>, limit: usize) -> Option<String> {
    let members: Vec<usize> = (0..plan.entries.len()).collect();
    let record = Record::new("policy/web", super::super::proposed(plan, &members));
    super::body(&Body {
        plan,
        members: &members,
        facts,
        trailers: "Landwaiter-Policy: web\n",
        record: &record,
        noun: "pull request",
        auto_merge: None,
        html: true,
        limit,
    })
}

fn image(labels: &[(&str, &str)]) -> ImageMetadata {
    ImageMetadata {
        digest: Digest::parse(&format!("sha256:{}", "a".repeat(64))).unwrap(),
        created: Some(1_760_000_000),
        platforms: vec![Platform::parse("linux/amd64").unwrap()],
        labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        size: Some(10 << 20),
        run: Some(RunConfig::default()),
    }
}

const SOURCE: &str = "org.opencontainers.image.source";
const REVISION: &str = "org.opencontainers.image.revision";

#[test]
fn a_reviewer_sees_what_changes_and_what_is_different() {
    let plan = plan(&[("ghcr.io/acme/web", "1.4.1", "1.5.0"), ("ghcr.io/acme/web", "1.4.1", "1.5.0")]);
    let source = "https://github.com/acme/web";
    let old = image(&[(SOURCE, source), (REVISION, "1111111")]);
    let mut new = image(&[(SOURCE, source), (REVISION, "2222222")]);
    new.size = Some(12 << 20);
    new.created = Some(1_763_000_000);
    new.run = Some(RunConfig { user: "65532".to_owned(), ports: vec!["8080/tcp".to_owned()], ..RunConfig::default() });
    let passed_over = vec![PassedOver { tag: "2.0.0".to_owned(), reason: Reason::OutOfRange, detail: String::new() }];
    let key = (Repository::parse("ghcr.io/acme/web").unwrap(), "1.4.1".to_owned(), "1.5.0".to_owned());
    let facts = [(key, ImageFacts { from: Some(old), to: Some(new), passed_over })].into();
    let text = text(&plan, &facts, 60_000).unwrap();
    let expected = "\
| image | from | to | step | built | policy | places |
|---|---|---|---|---|---|---|
| `ghcr.io/acme/web` | `1.4.1` | `1.5.0` | minor | 2025-11-13 | `web` | `apps/0/values.yaml:1`, `apps/1/values.yaml:1` |

#### `ghcr.io/acme/web`

| | `1.4.1` | `1.5.0` |
|---|---|---|
| built | `2025-10-09` | `2025-11-13` |
| size | `10.0 MiB` | `12.0 MiB` |
| user |  | `65532` |
| ports |  | `8080/tcp` |
| revision | `1111111` | `2222222` |

[Compare the sources](https://github.com/acme/web/compare/1111111...2222222)

Passed over: `2.0.0` (out-of-range)

---
";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("- [ ] Rebuild this branch"), "{text}");
    assert!(text.contains("```\nLandwaiter-Policy: web\n```"), "{text}");
    assert_eq!(Record::of(&text).unwrap().changes.len(), 1);
}

#[test]
fn what_an_image_says_of_itself_adds_no_markdown() {
    let evil = "` | [x](https://evil.example) @everyone\n# h <script>";
    let (old, mut new) = (image(&[]), image(&[("org.opencontainers.image.version", evil)]));
    new.run = Some(RunConfig { user: evil.to_owned(), ..RunConfig::default() });
    let rows = difference(
        &(Repository::parse("acme/web").unwrap(), "1".to_owned(), "2".to_owned()),
        &ImageFacts { from: Some(old), to: Some(new), passed_over: Vec::new() },
    );
    for line in rows.lines().filter(|line| line.contains("evil")) {
        assert_eq!(line.matches('`').count(), 2, "{line}");
        assert_eq!(line.matches('|').count(), 4, "{line}");
    }
    assert!(!rows.contains("\n# h"), "{rows}");
}

#[test]
fn only_sources_that_read_like_a_repository_are_linked() {
    let link = |old: &[(&str, &str)], new: &[(&str, &str)]| compare_link(&image(old), &image(new));
    let both = |source: &str, from: &str, to: &str| {
        link(&[(SOURCE, source), (REVISION, from)], &[(SOURCE, source), (REVISION, to)])
    };
    for (source, expected) in [
        ("https://github.com/acme/web.git", "https://github.com/acme/web/compare/aaaaaaa...bbbbbbb"),
        ("https://gitlab.example.com/a/b/c", "https://gitlab.example.com/a/b/c/-/compare/aaaaaaa...bbbbbbb"),
        ("https://bitbucket.org/acme/web/", "https://bitbucket.org/acme/web/branches/compare/bbbbbbb..aaaaaaa"),
    ] {
        assert_eq!(both(source, "aaaaaaa", "bbbbbbb").as_deref(), Some(expected));
    }
    for source in
        ["http://github.com/acme/web", "https://github.com/acme/web)[x](y", "https://github.com", "javascript:x"]
    {
        assert_eq!(both(source, "aaaaaaa", "bbbbbbb"), None, "{source}");
    }
    let source = "https://github.com/acme/web";
    assert_eq!(both(source, "aaaaaaa", "aaaaaaa"), None);
    assert_eq!(both(source, "v1.0.0", "bbbbbbb"), None);
    assert_eq!(
        link(
            &[(SOURCE, "https://github.com/acme/api"), (REVISION, "aaaaaaa")],
            &[(SOURCE, source), (REVISION, "bbbbbbb")]
        ),
        None
    );
}

#[test]
fn what_does_not_fit_is_left_out_and_the_record_never() {
    let many: Vec<(String, String)> = (0..300).map(|at| (format!("ghcr.io/acme/a{at}"), format!("1.{at}.0"))).collect();
    let changes: Vec<(&str, &str, &str)> =
        many.iter().map(|(image, to)| (image.as_str(), "1.0.0", to.as_str())).collect();
    let plan = plan(&changes);
    let whole = text(&plan, &BTreeMap::new(), usize::MAX).unwrap();
    assert!(whole.contains("and 100 more; the commit has them all"), "{whole}");
    let mut limit = whole.len();
    let mut last = limit + 1;
    while let Some(shorter) = text(&plan, &BTreeMap::new(), limit) {
        assert!(shorter.len() <= limit && shorter.len() < last);
        let mut record = Record::of(&shorter).unwrap();
        assert_eq!(record.changes.len(), 300);
        // What is learned later goes into the same body.
        (record.closed, record.taken_over) = (true, Some("0".repeat(64)));
        assert!(record.put_into(&shorter).len() <= limit, "{limit}");
        last = shorter.len();
        limit = last - 1;
    }
    assert!(last > 10_000, "the record of 300 images alone takes that much: {last}");
}

#[test]
fn a_ticked_box_is_seen_and_others_are_not() {
    let whole = text(&plan(&[("ghcr.io/acme/web", "1", "2")]), &BTreeMap::new(), 9_999).unwrap();
    assert!(!rebuild_is_checked(&whole));
    assert!(rebuild_is_checked(&whole.replace("- [ ] Rebuild", "- [x] Rebuild")));
    assert!(rebuild_is_checked(&whole.replace("- [ ] Rebuild", "- [X] Rebuild").replace('\n', "\r\n")));
    assert!(!rebuild_is_checked("- [x] something else"));
}
