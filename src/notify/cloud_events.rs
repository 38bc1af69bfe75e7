//! CloudEvents 1.0 over HTTP in structured mode (cloudevents.io, "HTTP Protocol Binding"): one event for each message, signed as
//! other webhooks are when there is a secret.

use super::Sender;
use super::message::Message;
use super::webhook::data;
use serde_json::{Value, json};
use url::Url;

/// The value of `Content-Type`.
pub(super) const MEDIA_TYPE: &str = "application/cloudevents+json; charset=utf-8";
/// What happened is of this kind; the version is that of `data`.
const TYPE: &str = "landwaiter.notification.v1";

pub(super) fn payload(message: &Message, sender: &Sender) -> Value {
    let mut event = json!({
        "specversion": "1.0",
        "id": message.id,
        "source": source(&message.repository),
        "type": TYPE,
        "time": crate::render::moment(message.time),
        "datacontenttype": "application/json",
        "data": data(message, sender),
    });
    if !message.branch.is_empty() {
        event["subject"] = message.branch.clone().into();
    }
    event
}

/// A URI reference, which must not be empty.
fn source(repository: &str) -> String {
    match Url::parse(repository) {
        Ok(url) if url.has_host() => url.to_string(),
        _ => Url::from_file_path(repository).map_or_else(|()| "/landwaiter".to_owned(), |url| url.path().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_uri_reference() {
        for (repository, expected) in [
            ("https://git.example.com/acme/config.git", "https://git.example.com/acme/config.git"),
            ("/srv/my config.git", "/srv/my%20config.git"),
            ("config.git", "/landwaiter"),
            ("", "/landwaiter"),
        ] {
            assert_eq!(source(repository), expected);
        }
    }
}
