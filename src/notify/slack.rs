//! Slack: an incoming webhook, with Block Kit.
//!
//! | limit | source |
//! |---|---|
//! | 50 blocks of a message, 3,000 characters of a section's text, 150 of a header | docs.slack.dev, "Blocks" |
//! | `&`, `<` and `>` are written as entities; nothing else is special in a text that is `verbatim` | "Formatting message text" |
//! | one message a second and webhook, more in short bursts | "Rate limits" |
//!
//! Everything that Slack acts on begins with `<`: `<!channel>`, `<@U012>`, `<https://...|text>`. Foreign texts have none left.

use super::Sender;
use super::message::Message;
use super::text::{body, cut, link, pieces, place};
use serde_json::{Value, json};

const MAX_SECTION: usize = 3_000;
const MAX_HEADER: usize = 150;
/// Sections of the body. With header, place and links that is less than 50.
const MAX_SECTIONS: usize = 5;
/// Links of a message; the others stand on the forge.
const MAX_LINKS: usize = 10;

/// What Slack would act on, made visible.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

pub(super) fn payload(message: &Message, sender: &Sender) -> Value {
    let mut blocks = vec![json!({
        "type": "header",
        "text": {"type": "plain_text", "text": cut(&message.title(), MAX_HEADER), "emoji": false},
    })];
    let place = place(message);
    if !place.is_empty() {
        blocks.push(json!({"type": "context", "elements": [{"type": "plain_text", "text": place, "emoji": false}]}));
    }
    let text = body(message, sender, MAX_SECTION * MAX_SECTIONS, &escape);
    // A piece ends before an entity that does not fit, so that there may be one more than the sum says.
    blocks.extend(pieces(&text, MAX_SECTION).into_iter().take(MAX_SECTIONS + 1).map(|piece| section(&piece)));
    let links: Vec<String> = message.news.iter().filter_map(|one| link(&one.url)).take(MAX_LINKS).collect();
    if sender.template.is_none() && !links.is_empty() {
        let shown = links.iter().map(|url| escape(url).replace('|', "%7C")).map(|url| format!("<{url}>"));
        blocks.extend(pieces(&shown.collect::<Vec<_>>().join("\n"), MAX_SECTION).iter().map(|piece| section(piece)));
    }
    json!({"text": escape(&message.title()), "blocks": blocks, "unfurl_links": false, "unfurl_media": false})
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": true}})
}
