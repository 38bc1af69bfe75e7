//! What may be said of receivers, and what is said of what may not.

use super::*;
use crate::config::settings::{self, Settings};
use std::path::Path;

fn read(body: &str) -> Result<Settings, String> {
    let text = format!("apiVersion: landwaiter/v1\nkind: Settings\nnotifications:\n  {body}\n");
    settings::read("settings.yaml", &text).map_err(|found| found[0].message.clone())
}

fn one(body: &str) -> Result<RecipientSettings, String> {
    let read = read(&format!("receivers: [{{name: a, kind: webhook, urlFile: u, {body}}}]"))?;
    Ok(read.notifications.receivers[0].clone())
}

#[test]
fn what_is_not_said_has_its_usual_value() {
    let all = read("receivers: [{name: a, kind: slack, urlFile: secrets/u}]").unwrap();
    let all = all.relative_to(Path::new("/etc/lw")).notifications;
    assert_eq!((all.failure_runs, all.failure_time.as_secs(), all.remind_after), (3, 1_800, None));
    let one = &all.receivers[0];
    assert_eq!(one.url, SecretSource::File("/etc/lw/secrets/u".into()));
    assert_eq!((one.events.len(), one.per_minute, one.kind), (NewsKind::ALL.len(), 20, RecipientKind::Slack));
    let other = read("failures: {runs: 1, for: 2h}\n  remindAfter: 7d\n  receivers: []").unwrap().notifications;
    assert_eq!((other.failure_runs, other.failure_time.as_secs()), (1, 7_200));
    assert_eq!(other.remind_after, Some(Duration::from_secs(604_800)));
}

#[test]
fn what_is_wrong_is_said() {
    for (body, message) in [
        ("receivers: [{name: a, kind: slack}]", "a receiver without a place"),
        ("receivers: [{name: a, kind: slack, urlFile: u, urlEnv: U}]", "a secret in two places"),
        ("receivers: [{name: a, kind: slack, url: 'https://x'}]", "line 4: `url` would hold a secret inline"),
        ("receivers: [{name: a, kind: slack, urlFile: u, secretFile: s}]", "messages of this kind are not signed"),
        ("receivers: [{name: A b, kind: slack, urlFile: u}]", "`A b` is no name of a receiver"),
        ("receivers: [{name: a, kind: irc, urlFile: u}]", "unknown value `irc`"),
        ("receivers: [{name: a, kind: slack, urlFile: u, events: []}]", "a receiver that wants to know nothing"),
        ("failures: {runs: 0}\n  receivers: []", "expected a number from 1 to 1000, found `0`"),
        ("failures: {for: 59s}\n  receivers: []", "`59s` is no time from 1m to 30d"),
        ("remindAfter: 31d\n  receivers: []", "`31d` is no time from 1m to 30d"),
        (
            "receivers: [{name: a, kind: slack, urlFile: u, perMinute: 601}]",
            "expected a number from 1 to 600, found `601`",
        ),
    ] {
        assert_eq!(read(body).map(drop).unwrap_err(), message, "{body}");
    }
    let twice = "{name: a, kind: slack, urlFile: u}";
    assert_eq!(read(&format!("receivers: [{twice}, {twice}]")).map(drop).unwrap_err(), "`a` is described twice");
}

#[test]
fn a_template_that_cannot_be_filled_is_found_when_it_is_read() {
    assert!(one("template: '{{ title }} {% for one in news %}{{ one.text }}{% endfor %}'").is_ok());
    for (template, message) in [
        ("{{ titel }}", "the template cannot be filled: line 1: `titel` is not known here"),
        ("{title}", "`{title}` would be written as it stands"),
        ("{{ news[0].colour }}", "the template cannot be filled: line 1: `news[0].colour` is not known here"),
    ] {
        assert_eq!(one(&format!("template: '{template}'")).map(drop).unwrap_err(), message);
    }
}

#[test]
fn filters_admit_what_they_name_and_what_is_of_nobody() {
    let one = one("events: [update, failure], repositories: ['https://git.example.com/acme/*'], policies: ['web*'], images: ['ghcr.io/acme/*']").unwrap();
    let repo = "https://git.example.com/acme/config.git";
    for (kind, repository, policy, image, wanted) in [
        (NewsKind::Update, repo, Some("web"), Some("ghcr.io/acme/web"), true),
        (NewsKind::Hold, repo, Some("web"), Some("ghcr.io/acme/web"), false),
        (NewsKind::Update, "https://git.example.com/other/config.git", Some("web"), Some("ghcr.io/acme/web"), false),
        (NewsKind::Update, repo, Some("api"), Some("ghcr.io/acme/web"), false),
        (NewsKind::Update, repo, Some("web"), Some("ghcr.io/other/web"), false),
        (NewsKind::Failure, repo, None, None, true),
        (NewsKind::Failure, "", None, None, true),
    ] {
        assert_eq!(one.wants(kind, repository, policy, image), wanted, "{kind:?} {repository} {policy:?} {image:?}");
    }
}

#[test]
fn receivers_are_bounded_at_their_edge() {
    let many = |count: usize| {
        let all: Vec<String> = (0..count).map(|at| format!("{{name: r{at}, kind: slack, urlFile: u}}")).collect();
        read(&format!("receivers: [{}]", all.join(", ")))
    };
    assert_eq!(many(MAX_RECIPIENTS).unwrap().notifications.receivers.len(), MAX_RECIPIENTS);
    assert!(many(MAX_RECIPIENTS + 1).is_err());
    assert!(read(&format!("receivers: [{{name: {}, kind: slack, urlFile: u}}]", "a".repeat(MAX_NAME))).is_ok());
    assert!(read(&format!("receivers: [{{name: {}, kind: slack, urlFile: u}}]", "a".repeat(MAX_NAME + 1))).is_err());
}

#[test]
fn words_of_events_are_those_of_the_settings() {
    for kind in NewsKind::ALL {
        assert_eq!(NewsKind::of(kind.word()), Some(kind));
        assert!(one(&format!("events: [{}]", kind.word())).unwrap().events.contains(&kind));
    }
}
