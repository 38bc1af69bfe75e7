//! Where spans go: one collector, and one attempt to send it something.

use super::answer::{Outcome, judge};
use super::headers::Headers;
use super::span::{Fact, attributes};
use crate::http::{Body, Client, Request};
use crate::port::{Secret, hide_secrets};
use serde_json::json;
use std::fmt;
use std::sync::Arc;
use url::Url;

/// The most bytes of an answer that are read.
const MAX_ANSWER: usize = 64 * 1024;

/// Where headers are read, each time anew, so that they may be replaced while the service runs. The error is a fragment without
/// their values.
pub type ReadHeaders = Arc<dyn Fn() -> Result<Headers, String> + Send + Sync>;

/// One collector, and who we are to it.
#[derive(Clone)]
pub struct Destination {
    client: Client,
    url: Url,
    headers: ReadHeaders,
    service: String,
    pub(super) ratio: f64,
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destination").field("ratio", &self.ratio).finish_non_exhaustive()
    }
}

impl Destination {
    /// Spans are posted to `url`, as those of `service`. `ratio` is the share of runs that are recorded, 0 to 1.
    pub fn new(client: Client, url: Url, headers: ReadHeaders, service: String, ratio: f64) -> Destination {
        Destination { client, url, headers, service, ratio }
    }

    /// Sends spans once.
    pub(super) async fn send(&self, spans: &[String]) -> Outcome {
        let headers = match (self.headers)() {
            Ok(headers) => headers,
            // The file may be written anew.
            Err(why) => return Outcome::Again(why, None),
        };
        let body = Body { media_type: "application/json", content: Secret::new(payload(&self.service, spans)) };
        let request = Request {
            headers: headers.clone(),
            once: true,
            limit: MAX_ANSWER,
            ..Request::post(self.url.clone(), body)
        };
        let answer = self.client.send(request).await;
        let outcome = judge(answer.as_ref().map(|one| (one.status, &one.headers, &*one.body)), spans.len());
        // A collector may say what it was sent.
        let hidden = |text: String| hide_secrets(&text, headers.iter().flat_map(|(_, value)| parts(value.expose())));
        match outcome {
            Outcome::Sent { rejected, said } => Outcome::Sent { rejected, said: said.map(hidden) },
            Outcome::Again(why, asked) => Outcome::Again(hidden(why), asked),
            Outcome::Refused(why) => Outcome::Refused(hidden(why)),
        }
    }
}

/// The value of a header and, where it names a scheme, what stands behind it.
fn parts(value: &str) -> impl Iterator<Item = &str> {
    [Some(value), value.split_once(' ').map(|(_, rest)| rest)].into_iter().flatten()
}

/// An `ExportTraceServiceRequest` of spans that are spelt already.
fn payload(service: &str, spans: &[String]) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let facts = [("service.name", Fact::from(service)), ("service.version", Fact::from(version))];
    let resource = json!({ "attributes": attributes(&facts) });
    let scope = json!({ "name": "landwaiter", "version": version });
    let spans = spans.join(",");
    format!(r#"{{"resourceSpans":[{{"resource":{resource},"scopeSpans":[{{"scope":{scope},"spans":[{spans}]}}]}}]}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value as Json;

    #[test]
    fn a_payload_says_whose_spans_they_are() {
        let text = payload("land\"waiter", &["{\"name\":\"run\"}".to_owned(), "{}".to_owned()]);
        let all: Json = serde_json::from_str(&text).unwrap();
        let resource = &all["resourceSpans"][0];
        let named = &resource["resource"]["attributes"][0];
        assert_eq!(named, &json!({ "key": "service.name", "value": { "stringValue": "land\"waiter" } }));
        let scope = &resource["scopeSpans"][0];
        assert_eq!((&scope["scope"]["name"], &scope["spans"]), (&json!("landwaiter"), &json!([{ "name": "run" }, {}])));
    }

    #[test]
    fn an_echo_of_a_token_is_hidden_with_and_without_its_scheme() {
        assert_eq!(parts("Bearer hunter2").collect::<Vec<_>>(), ["Bearer hunter2", "hunter2"]);
        assert_eq!(parts("hunter2").collect::<Vec<_>>(), ["hunter2"]);
    }
}
