//! Discord: a webhook, with one embed.
//!
//! | limit | source |
//! |---|---|
//! | 256 characters of an embed's title, 4,096 of its description, 6,000 together | discord.com/developers, "Embed limits" |
//! | `allowed_mentions: {parse: []}` mentions nobody, whatever the text says | "Allowed mentions object" |
//! | 429 with `Retry-After` | "Rate limits" |

use super::Sender;
use super::message::Message;
use super::text::{body, cut, place};
use serde_json::{Value, json};

const MAX_TITLE: usize = 256;
const MAX_DESCRIPTION: usize = 4_096;
const RED: u32 = 0x00b3_261e;
const GREEN: u32 = 0x002e_7d32;

/// Discord's Markdown, made visible. Mentions are switched off as a whole.
pub(super) fn escape(text: &str) -> String {
    let special = |c: char| r"\*_~`|>#-[]()<@:".contains(c);
    text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

pub(super) fn payload(message: &Message, sender: &Sender) -> Value {
    let place = place(message);
    let room = MAX_DESCRIPTION.saturating_sub(super::text::length(&escape(&place)) + 2);
    let text = body(message, sender, room, &escape);
    let description = match place.is_empty() {
        true => text,
        false => format!("{}\n{text}", escape(&place)),
    };
    json!({
        "embeds": [{
            "title": cut(&message.title(), MAX_TITLE),
            "description": cut(&description, MAX_DESCRIPTION),
            "color": if message.is_urgent() { RED } else { GREEN },
        }],
        "allowed_mentions": {"parse": []},
    })
}
