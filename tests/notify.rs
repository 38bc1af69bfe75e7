//! What each medium gets: within its documented bounds, and with nothing of a foreign text that it would act on.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use landwaiter::config::settings::{self, NewsKind, NewsValues};
use landwaiter::http::{Client, Options};
use landwaiter::notify::{MAX_NEWS, Message, Sender, needs_person};
use landwaiter::policy::Reason;
use landwaiter::port::Secret;
use serde_json::Value;
use std::sync::Arc;

const KINDS: [&str; 5] = ["slack", "teams", "discord", "webhook", "cloudEvents"];

/// What whoever pushes a tag or writes a commit might try.
const HOSTILE: &[&str] = &[
    "<!channel> <!here|here> <@U012AB3CD> <https://evil.example.com|ghcr.io>",
    "@everyone @here <@123456789012345678> <@&987654321> [click](https://evil.example.com)",
    "<at>Everyone</at> ![x](https://evil.example.com/pixel.png) **bold** # heading",
    "&lt;!channel&gt; &amp;",
    "a\u{202e}b\u{200b}c\r\n\r\nSecond: line\u{1b}[31m",
    "{{ title }} {% for x in news %}",
    "\"},{\"type\":\"Action.OpenUrl\",\"url\":\"javascript:alert(1)\"}",
];

fn sender(kind: &str, template: Option<&str>) -> Sender {
    let template = template.map(|text| format!(", template: {}", serde_json::to_string(text).unwrap()));
    let text = format!(
        "apiVersion: landwaiter/v1\nkind: Settings\nnotifications: {{receivers: [{{name: a, kind: {kind}, urlEnv: U{}}}]}}\n",
        template.unwrap_or_default()
    );
    let settings = settings::read("settings.yaml", &text).unwrap();
    let client = Client::new(Options::new("test")).unwrap();
    let url = Arc::new(|| Ok(Secret::new("https://hooks.example.com/hunter2")));
    Sender::new(&settings.notifications.receivers[0], client, url, None)
}

fn news(kind: NewsKind, text: &str) -> NewsValues {
    NewsValues {
        kind,
        text: text.to_owned(),
        image: text.to_owned(),
        policy: "web".to_owned(),
        file: text.to_owned(),
        line: 12,
        from: text.to_owned(),
        to: text.to_owned(),
        reason: String::new(),
        detail: text.to_owned(),
        url: "https://git.example.com/acme/config/pulls/3".to_owned(),
    }
}

fn message(news: Vec<NewsValues>, more: usize) -> Message {
    let counts = vec![(news[0].kind, news.len() + more)];
    Message {
        id: "msg_1".to_owned(),
        time: 1_795_168_800,
        repository: "https://git.example.com/acme/config.git".to_owned(),
        branch: "main".to_owned(),
        run: "691f0a2c-7".to_owned(),
        news,
        counts,
    }
}

/// The largest message there can be.
fn largest(text: &str) -> Message {
    let long: String = text.chars().cycle().take(300).collect();
    message(vec![news(NewsKind::Hold, &long); MAX_NEWS], 1_000)
}

fn payload(kind: &str, template: Option<&str>, message: &Message) -> Value {
    serde_json::from_str(&sender(kind, template).payload(message)).unwrap()
}

/// JavaScript's length.
fn length(text: &Value) -> usize {
    text.as_str().unwrap().encode_utf16().count()
}

#[test]
fn every_medium_is_kept_within_its_bounds() {
    let template = "{% for one in news %}{{ one.text }} {{ one.detail }} {{ one.image }}\n{% endfor %}";
    for text in ["x", "<", "&", "*", "\\", "\"", "😀", "ü", "a b "] {
        for template in [None, Some(template)] {
            let large = largest(text);
            let slack = payload("slack", template, &large);
            let blocks = slack["blocks"].as_array().unwrap();
            assert!(blocks.len() <= 50, "{} blocks", blocks.len());
            for block in blocks {
                match block["type"].as_str().unwrap() {
                    "header" => assert!(length(&block["text"]["text"]) <= 150),
                    "section" => {
                        assert!((1..=3_000).contains(&length(&block["text"]["text"])));
                        assert_eq!(block["text"]["verbatim"], true);
                    }
                    _ => {}
                }
            }
            let discord = payload("discord", template, &large);
            let embed = &discord["embeds"][0];
            assert!(length(&embed["title"]) <= 256 && length(&embed["description"]) <= 4_096);
            assert_eq!(discord["embeds"].as_array().unwrap().len(), 1);
            let teams = sender("teams", template).payload(&large);
            assert!(teams.len() <= 28 * 1024, "{text}: {} bytes", teams.len());
        }
    }
}

#[test]
fn what_does_not_fit_is_counted() {
    for kind in ["slack", "teams", "discord"] {
        let shown = sender(kind, None).payload(&largest("x"));
        let rest = shown.rsplit(" more").nth(1).unwrap().rsplit(' ').next().unwrap().parse::<usize>().unwrap();
        assert!((1_001..1_100).contains(&rest), "{kind}: {rest}");
        let all = sender(kind, None).payload(&message(vec![news(NewsKind::Update, "one")], 0));
        assert!(!all.contains(" more"), "{all}");
    }
    let data = &payload("webhook", None, &largest("x"))["data"];
    assert_eq!((data["count"].as_u64(), data["more"].as_u64()), (Some(1_100), Some(1_000)));
}

#[test]
fn hostile_texts_do_nothing() {
    for text in HOSTILE {
        for template in [None, Some("{{ title }}\n{% for one in news %}{{ one.text }} {{ one.detail }}\n{% endfor %}")]
        {
            let one = message(vec![news(NewsKind::Update, text)], 0);
            let slack = payload("slack", template, &one);
            for block in slack["blocks"].as_array().unwrap().iter().filter(|block| block["text"]["type"] == "mrkdwn") {
                let shown = block["text"]["text"].as_str().unwrap();
                let links: Vec<&str> = shown.match_indices('<').map(|(at, _)| &shown[at..]).collect();
                let ours = |link: &&str| link.starts_with("<https://git.example.com/acme/config/pulls/3>");
                assert!(links.iter().all(ours), "{shown}");
            }
            assert!(!slack["text"].as_str().unwrap().contains('<'));
            let discord = payload("discord", template, &one);
            assert_eq!(discord["allowed_mentions"], serde_json::json!({"parse": []}));
            let shown = discord["embeds"][0]["description"].as_str().unwrap();
            let bare = |sign: char| {
                let mut before = ' ';
                shown.chars().any(|c| {
                    let found = c == sign && before != '\\';
                    before = if before == '\\' && c == '\\' { ' ' } else { c };
                    found
                })
            };
            assert!(!bare('[') && !bare('@') && !bare('<') && !bare('*'), "{shown}");
            let teams = payload("teams", template, &one);
            let card = &teams["attachments"][0]["content"];
            assert!(card["msteams"].is_null(), "without entities nobody is mentioned");
            for block in card["body"].as_array().unwrap() {
                match block["type"].as_str().unwrap() {
                    "RichTextBlock" => {
                        let url = &block["inlines"][0]["selectAction"]["url"];
                        assert!(url.is_null() || url == "https://git.example.com/acme/config/pulls/3");
                    }
                    "TextBlock" => {
                        let shown = block["text"].as_str().unwrap();
                        assert!(!shown.contains("](") && !shown.replace("\\<", "").contains('<'), "{shown}");
                    }
                    other => panic!("{other}"),
                }
            }
        }
    }
}

#[test]
fn links_lead_to_web_pages_only() {
    let mut one = news(NewsKind::PullRequest, "pull request 3 opened");
    one.url = "javascript:alert(1)".to_owned();
    for kind in ["slack", "teams", "discord"] {
        assert!(!sender(kind, None).payload(&message(vec![one.clone()], 0)).contains("javascript"), "{kind}");
    }
}

#[test]
fn programs_get_the_texts_as_they_are() {
    let one = message(vec![news(NewsKind::Hold, HOSTILE[0])], 0);
    let webhook = payload("webhook", None, &one);
    assert_eq!(webhook["type"], "landwaiter.notification");
    assert_eq!(webhook["timestamp"], "2026-11-20T10:00:00Z");
    let data = &webhook["data"];
    assert_eq!((&data["version"], &data["id"], &data["run"]), (&1.into(), &"msg_1".into(), &"691f0a2c-7".into()));
    assert_eq!(data["news"][0]["kind"], "hold");
    assert_eq!(data["news"][0]["text"], HOSTILE[0]);
    let event = payload("cloudEvents", None, &one);
    // What CloudEvents 1.0.2 demands: four attributes that are not empty.
    for (attribute, value) in [
        ("specversion", "1.0"),
        ("id", "msg_1"),
        ("source", "https://git.example.com/acme/config.git"),
        ("type", "landwaiter.notification.v1"),
        ("datacontenttype", "application/json"),
        ("subject", "main"),
        ("time", "2026-11-20T10:00:00Z"),
    ] {
        assert_eq!(event[attribute], value);
    }
    assert_eq!(event["data"], *data);
    let names = event.as_object().unwrap().keys();
    assert!(names.into_iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())));
}

#[test]
fn a_template_is_in_every_medium() {
    let one = message(vec![news(NewsKind::Update, "one")], 0);
    for kind in KINDS {
        let shown = sender(kind, Some("in {{ branch }}: {{ news[0].text }}")).payload(&one);
        assert!(shown.contains("in main: one"), "{kind}: {shown}");
    }
}

#[test]
fn urls_are_never_shown() {
    for kind in KINDS {
        let sender = sender(kind, None);
        assert!(!format!("{sender:?}").contains("hunter2"));
        assert!(!sender.payload(&message(vec![news(NewsKind::Update, "one")], 0)).contains("hunter2"));
    }
}

/// `docs/notifications.md` says which holds are told of, when.
#[test]
fn holds_are_told_as_documented() {
    let text = include_str!("../docs/notifications.md").split("\n| hold | told |\n").nth(1).unwrap();
    for reason in Reason::ALL {
        let row = format!("| `{reason}` | {} |\n", needs_person(reason).word());
        let listed = text.contains(&row);
        let never = needs_person(reason).word() == "never";
        assert!(listed || (never && !text.contains(&format!("| `{reason}` |"))), "docs/notifications.md: {row}");
    }
}
