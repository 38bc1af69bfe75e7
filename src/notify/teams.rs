//! Microsoft Teams: a webhook of the Workflows app ("When a Teams webhook request is received"), with an Adaptive Card. The
//! connectors of Office 365, which took other cards, are retired.
//!
//! | limit | source |
//! |---|---|
//! | 28 KB of a message | learn.microsoft.com, "Create Incoming Webhooks", message size |
//! | a `TextRun` shows no Markdown; a mention needs an entity of the card, and this one has none | adaptivecards.io, `TextRun` |
//! | four requests a second | "Rate limiting for incoming webhooks" |

use super::Sender;
use super::message::Message;
use super::text::{body, link, place};
use crate::config::settings::NewsValues;
use serde_json::{Value, json};

/// Of the whole request, in bytes.
const MAX_BYTES: usize = 28 * 1024;
/// Some is left for what a flow adds.
const ROOM: usize = MAX_BYTES - 2 * 1024;
/// Characters of a template's text: four bytes each are less than [`ROOM`].
const MAX_TEMPLATE: usize = 6_000;

/// The Markdown of a `TextBlock`, made visible: only a template's text stands in one.
pub(super) fn escape(text: &str) -> String {
    let special = |c: char| r"\*_`[]()<>#-+!|".contains(c);
    text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

pub(super) fn payload(message: &Message, sender: &Sender) -> Value {
    if sender.template.is_some() {
        let text = body(message, sender, MAX_TEMPLATE, &escape);
        return card(message, vec![json!({"type": "TextBlock", "wrap": true, "text": text})]);
    }
    let mut shown = message.news.len();
    loop {
        let mut lines: Vec<Value> = message.news[..shown].iter().map(line).collect();
        let rest = message.count() - shown;
        if rest > 0 {
            lines.push(run(&format!("and {rest} more"), None));
        }
        let card = card(message, lines);
        if card.to_string().len() <= ROOM || shown == 0 {
            return card;
        }
        shown -= 1;
    }
}

fn line(one: &NewsValues) -> Value {
    run(&format!("• {}", one.text), link(&one.url))
}

/// A paragraph without Markdown.
fn run(text: &str, link: Option<String>) -> Value {
    let mut run = json!({"type": "TextRun", "text": text});
    if let Some(url) = link {
        run["selectAction"] = json!({"type": "Action.OpenUrl", "url": url});
    }
    json!({"type": "RichTextBlock", "inlines": [run]})
}

fn card(message: &Message, body: Vec<Value>) -> Value {
    let color = if message.is_urgent() { "attention" } else { "good" };
    let mut all = vec![json!({
        "type": "TextBlock", "size": "medium", "weight": "bolder", "wrap": true, "color": color, "text": message.title(),
    })];
    let place = place(message);
    if !place.is_empty() {
        all.push(run(&place, None));
    }
    all.extend(body);
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": all,
            },
        }],
    })
}
