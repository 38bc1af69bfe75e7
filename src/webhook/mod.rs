//! What registries and forges tell of pushes, read as little as possible: which image repository, or which branch of which Git
//! repository. Pure: headers and a body go in, names come out.
//!
//! Whoever sends is believed one thing, "look now at this". Tags, digests, commits and addresses to call back are not
//! even read, so that a forged event can cause a look that finds nothing, and no more.
//!
//! | file | reads |
//! |---|---|
//! | `distribution`, `docker_hub`, `ghcr`, `quay`, `harbor`, `ecr`, `gar`, `acr`, `nexus`, `jfrog` | pushes of images, one sender each |
//! | `github`, `gitlab`, `gitea`, `bitbucket_cloud`, `bitbucket_data_center`, `azure_devops` | pushes to Git repositories, one forge each |
//! | `generic` | both, from scripts |
//! | `payload` | what every sender's file works with: bounded JSON, the name of an image, the name of a branch |
//! | `address` | when two URLs are the same Git repository |
//! | `proof` | who may send: signatures, tokens, paths |
//!
//! ```
//! use axum::http::HeaderMap;
//! use landwaiter::config::settings::WebhookKind;
//! use landwaiter::webhook::{Payload, Pushed, Said, read};
//! let body = br#"{"repository": {"repo_name": "acme/web"}, "push_data": {"tag": "1.2.3"}}"#;
//! let payload = Payload { headers: &HeaderMap::new(), body, registry: None, url: None };
//! let Ok(Said::Pushed(pushed)) = read(WebhookKind::DockerHub, &payload) else { panic!() };
//! let [Pushed::Image(image)] = &pushed[..] else { panic!() };
//! assert_eq!(image.as_str(), "docker.io/acme/web");
//! ```

mod acr;
mod address;
mod azure_devops;
mod bitbucket_cloud;
mod bitbucket_data_center;
mod distribution;
mod docker_hub;
mod ecr;
mod gar;
mod generic;
mod ghcr;
mod gitea;
mod github;
mod gitlab;
mod harbor;
mod jfrog;
mod nexus;
mod payload;
mod proof;
mod quay;

pub use address::Address;
pub use payload::{MAX_LISTED, Malformed, Payload};
pub use proof::{Lock, MIN_PATH, MIN_SECRET, Unfit};

use crate::config::settings::WebhookKind;
use crate::image::Repository;

/// What somebody says was pushed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pushed {
    Image(Repository),
    /// A Git repository by all the addresses that its sender gives it; without a branch, all branches.
    Source {
        urls: Vec<String>,
        branch: Option<String>,
    },
}

/// What a payload asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Nothing of interest when it is empty.
    Pushed(Vec<Pushed>),
    /// The sender wants this text back before it sends anything.
    Challenge(String),
}

/// Reads what a sender of this kind sent.
pub fn read(kind: WebhookKind, payload: &Payload<'_>) -> Result<Said, Malformed> {
    let pushed = match kind {
        WebhookKind::Acr => return acr::read(payload),
        WebhookKind::Distribution => distribution::read(payload),
        WebhookKind::DockerHub => docker_hub::read(payload),
        WebhookKind::Ghcr => ghcr::read(payload),
        WebhookKind::Quay => quay::read(payload),
        WebhookKind::Harbor => harbor::read(payload),
        WebhookKind::Ecr => ecr::read(payload),
        WebhookKind::Gar => gar::read(payload),
        WebhookKind::Nexus => nexus::read(payload),
        WebhookKind::JFrog => jfrog::read(payload),
        WebhookKind::Generic => generic::read(payload),
        WebhookKind::GitHub => github::read(payload),
        WebhookKind::GitLab => gitlab::read(payload),
        WebhookKind::Gitea => gitea::read(payload),
        WebhookKind::BitbucketCloud => bitbucket_cloud::read(payload),
        WebhookKind::BitbucketDataCenter => bitbucket_data_center::read(payload),
        WebhookKind::AzureDevOps => azure_devops::read(payload),
    };
    pushed.map(Said::Pushed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderMap, HeaderName, HeaderValue};
    use proptest::prelude::*;

    pub(super) fn headers(of: &[(&str, &str)]) -> HeaderMap {
        of.iter()
            .map(|(name, value)| {
                (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
            })
            .collect()
    }

    fn words(said: Said) -> Vec<String> {
        let Said::Pushed(pushed) = said else { panic!("{said:?}") };
        let word = |one: Pushed| match one {
            Pushed::Image(image) => image.to_string(),
            Pushed::Source { urls, branch } => format!("{} @{}", urls.join(" "), branch.unwrap_or_default()),
        };
        pushed.into_iter().map(word).collect()
    }

    /// What is read: images by name, repositories as `URL URL @BRANCH`.
    pub(super) fn said(kind: WebhookKind, of: &[(&str, &str)], body: &str) -> Vec<String> {
        said_at(kind, of, body, None, None)
    }

    pub(super) fn said_at(
        kind: WebhookKind,
        of: &[(&str, &str)],
        body: &str,
        registry: Option<&str>,
        url: Option<&str>,
    ) -> Vec<String> {
        let url = url.map(|url| url.parse().unwrap());
        let payload = Payload { headers: &headers(of), body: body.as_bytes(), registry, url: url.as_ref() };
        words(read(kind, &payload).unwrap())
    }

    const ALL: [WebhookKind; 17] = [
        WebhookKind::Distribution,
        WebhookKind::DockerHub,
        WebhookKind::Ghcr,
        WebhookKind::Quay,
        WebhookKind::Harbor,
        WebhookKind::Ecr,
        WebhookKind::Gar,
        WebhookKind::Acr,
        WebhookKind::Nexus,
        WebhookKind::JFrog,
        WebhookKind::Generic,
        WebhookKind::GitHub,
        WebhookKind::GitLab,
        WebhookKind::Gitea,
        WebhookKind::BitbucketCloud,
        WebhookKind::BitbucketDataCenter,
        WebhookKind::AzureDevOps,
    ];

    #[test]
    fn what_says_nothing_asks_for_nothing() {
        let events = ["x-github-event", "x-gitea-event", "x-event-key", "x-gitlab-event"];
        for kind in ALL {
            for body in ["{}", r#"{"zen":"Keep it logically awesome.","hook_id":1}"#, r#"{"test":true}"#] {
                assert_eq!(said(kind, &[], body), [""; 0], "{kind:?} {body}");
                assert_eq!(said(kind, &events.map(|name| (name, "ping")), body), [""; 0], "{kind:?} {body}");
            }
        }
    }

    /// Something like a payload: the keys that are read, with values of every type in every place.
    fn payloads() -> impl Strategy<Value = String> {
        const KEYS: [&str; 24] = [
            "events",
            "action",
            "target",
            "repository",
            "request",
            "host",
            "data",
            "package",
            "name",
            "ref",
            "changes",
            "push",
            "new",
            "type",
            "project",
            "resource",
            "refUpdates",
            "message",
            "detail",
            "image",
            "images",
            "tag",
            "component",
            "url",
        ];
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("-1e999".to_owned()),
            "[a-z/:@.%-]{0,12}".prop_map(|text| format!("\"{text}\"")),
            Just("\"refs/heads/x\"".to_owned()),
            Just("\"push\"".to_owned()),
        ];
        leaf.prop_recursive(5, 48, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|list| format!("[{}]", list.join(","))),
                prop::collection::vec((prop::sample::select(&KEYS[..]), inner), 0..6).prop_map(|entries| {
                    let entries: Vec<String> = entries.into_iter().map(|(k, v)| format!("\"{k}\":{v}")).collect();
                    format!("{{{}}}", entries.join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_that_is_sent_is_more_than_names(body in payloads(), event in "push|package|repo:push|repo:refs_changed") {
            let names = ["x-github-event", "x-gitea-event", "x-event-key"].map(|name| (name, event.as_str()));
            let headers = headers(&names);
            for kind in ALL {
                let payload = Payload { headers: &headers, body: body.as_bytes(), registry: Some("a.example/b"), url: None };
                let Ok(Said::Pushed(pushed)) = read(kind, &payload) else { continue };
                for image in pushed.into_iter().filter_map(|one| if let Pushed::Image(it) = one { Some(it) } else { None }) {
                    prop_assert!(image.as_str().starts_with("a.example/b/"), "{image}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_json_is_refused_and_not_read_to_its_end() {
        let pushes = headers(&[
            ("x-github-event", "push"),
            ("x-gitea-event", "push"),
            ("x-event-key", "repo:push"),
            ("x-nexus-webhook-id", "rm:repository:component"),
        ]);
        let mut data_center = pushes.clone();
        data_center.insert("x-event-key", HeaderValue::from_static("repo:refs_changed"));
        let deep = format!("{{\"data\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        for kind in ALL {
            let headers = if kind == WebhookKind::BitbucketDataCenter { &data_center } else { &pushes };
            let headers =
                if kind == WebhookKind::Ghcr { &self::headers(&[("x-github-event", "package")]) } else { headers };
            for body in ["", "null", "<xml/>", "{\"a\":", "[1, 2", "\u{feff}{}"] {
                let payload = Payload { headers, body: body.as_bytes(), registry: None, url: None };
                assert!(read(kind, &payload).is_err(), "{kind:?} {body}");
            }
            // Deep values are either skipped or refused, and never followed by recursion.
            let payload = Payload { headers, body: deep.as_bytes(), registry: None, url: None };
            drop(read(kind, &payload));
        }
    }
}
