//! Webhooks as a distribution registry sends them.

use super::registry::Chance;
use super::service::TOKEN;
use super::{EVENT, IMAGES};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::time::MissedTickBehavior;

pub(crate) struct Sender {
    url: String,
    host: String,
    client: reqwest::Client,
    answers: Mutex<BTreeMap<String, u64>>,
}

impl Sender {
    pub(crate) fn new(url: String, host: String) -> Sender {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Sender { url, host, client: reqwest::Client::new(), answers: Mutex::default() }
    }

    /// For ever: one event after the other, of any image.
    pub(crate) async fn noise(self: Arc<Self>) {
        let mut chance = Chance::new();
        let mut ticks = tokio::time::interval(EVENT);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            ticks.tick().await;
            let image = chance.next() as usize % IMAGES;
            let sender = Arc::clone(&self);
            tokio::spawn(async move { sender.tell(image).await });
        }
    }

    pub(crate) async fn tell(&self, image: usize) {
        let body = format!(
            r#"{{"events": [{{"id": "{image}", "timestamp": "2026-01-01T00:00:00Z", "action": "push",
                "target": {{"mediaType": "application/vnd.oci.image.manifest.v1+json", "repository": "soak/app{image:04}", "tag": "1.0.0"}},
                "request": {{"host": "{}", "method": "PUT"}}}}]}}"#,
            self.host
        );
        let request = self.client.post(&self.url).bearer_auth(TOKEN);
        let request = request.header("content-type", "application/vnd.docker.distribution.events.v1+json").body(body);
        let answer = match request.send().await {
            Ok(response) => response.status().as_u16().to_string(),
            Err(_) => "not answered".to_owned(),
        };
        *self.answers.lock().unwrap().entry(answer).or_default() += 1;
    }

    pub(crate) fn answers(&self) -> String {
        let answers = self.answers.lock().unwrap();
        answers.iter().map(|(what, count)| format!("{count} x {what}")).collect::<Vec<_>>().join(", ")
    }
}
